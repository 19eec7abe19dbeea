#pragma once

#include "core/identity.h"
#include "core/result.h"
#include "store/store.h"

#include <optional>
#include <string>
#include <vector>

namespace dlock::local {

/// The directory of the lock files, made if it is missing and checked: a real directory, of the
/// user that asks, writable by nobody else, and below directories of his and root's. Whoever could
/// write there could take away our locks.
///
/// Empty means the user's own: /run/dlock for root, else ~/.local/state/dlock with the home of the
/// password database. Unlike $HOME, $XDG_RUNTIME_DIR and /tmp that is one place for a shell, cron,
/// ssh and a unit with PrivateTmp=, so that two runs of one user always meet; and no log-out
/// removes it.
Result<std::string, StoreFault> ready_directory(const std::string& wanted);

/// The same, if it is there; nothing is made. Nothing: there are no locks yet.
Result<std::optional<std::string>, StoreFault> directory_if_there(const std::string& wanted);

/// Names that directory in messages, whether it is there or not: `local:/run/dlock`.
std::string store_name(const std::string& wanted);

/// The path of the key's lock file below `directory`; makes directories for a key too long for one
/// file name. Different keys have different paths: no hash is involved.
Result<std::string, StoreFault> lock_file_path(const std::string& directory, const LockKey& key);

/// The same path, without making anything.
std::string lock_file_name(const std::string& directory, const LockKey& key);

/// The keys of all lock files in the directory, whether anybody has the lock or not.
std::vector<std::string> keys_in(const std::string& directory);

}  // namespace dlock::local
