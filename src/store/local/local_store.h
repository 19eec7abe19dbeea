#pragma once

#include "core/fd.h"
#include "store/store.h"

#include <string>

namespace dlock::local {

/// The embedded store: one file a key, held by flock(2), with the holder's data inside.
///
/// The kernel keeps the lock while any process has the descriptor open, so it needs no liveness and
/// no deadline: front and engine both have it, and it ends with the last of them, however they die.
/// The file stays after a release, for the token in it.
class LocalStore final : public Store {
 public:
  /// `directory` is what --store named, empty for the default.
  explicit LocalStore(std::string directory) : wanted_directory_(std::move(directory)) {}

  Result<AcquireAnswer, StoreFault> acquire(const Claim& claim, const Patience& patience) override;
  Result<RenewAnswer, StoreFault> renew(const Claim& claim, const Grant& grant,
                                        const Patience& patience) override;
  Result<ReleaseAnswer, StoreFault> release(const Claim& claim, const Patience& patience) override;
  int witness() const override { return file_.number(); }
  std::string name() const override { return "local store"; }

 private:
  bool still_in_place() const;
  Result<AcquireAnswer, StoreFault> granted(const Claim& claim);

  std::string wanted_directory_;
  std::string path_;
  Fd file_;
  FencingToken token_;
};

}  // namespace dlock::local
