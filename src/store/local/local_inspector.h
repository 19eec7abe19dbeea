#pragma once

#include "store/inspector.h"
#include "store/local/lock_place.h"

namespace dlock::local {

/// The locks of one directory of the embedded store.
class LocalInspector final : public Inspector {
 public:
  /// `directory` is what --store named, empty for the default.
  explicit LocalInspector(std::string directory) : wanted_directory_(std::move(directory)) {}

  Result<LockStatus, StoreFault> look_at(const LockKey& key, const Patience& patience) override;
  Result<KeysFound, StoreFault> keys(const Patience& patience) override;
  Result<UnlockAnswer, StoreFault> unlock(const LockKey& key, const Unlocker& by,
                                          const Patience& patience) override;
  std::string name() const override;

 private:
  std::string wanted_directory_;
};

}  // namespace dlock::local
