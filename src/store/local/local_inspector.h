#pragma once

#include "store/inspector.h"
#include "store/local/lock_place.h"

namespace dlock::local {

/// The locks of one directory of the embedded store.
class LocalInspector final : public Inspector {
 public:
  /// `directory` is the one in --store, empty for the default.
  explicit LocalInspector(std::string directory) : wanted_directory_(std::move(directory)) {}

  Result<LockStatus, StoreFault> inspect(const LockKey& key, const CallDeadline& deadline) override;
  Result<KeysFound, StoreFault> keys(const CallDeadline& deadline) override;
  Result<UnlockAnswer, StoreFault> unlock(const LockKey& key, const Unlocker& by,
                                          const CallDeadline& deadline) override;
  std::string name() const override;

 private:
  std::string wanted_directory_;
};

}  // namespace dlock::local
