#pragma once

#include "core/identity.h"
#include "core/result.h"
#include "store/store.h"

#include <optional>
#include <string>
#include <vector>

namespace dlock::local {

/// What to do if the directory is on an UnsureFileSystem.
enum class Unsure { IsRefused, IsTrusted };

/// The directory of the lock files, created if missing and checked: a real directory that belongs
/// to the calling user, writable by no other user, and whose parents belong to this user or root.
/// Any user who could write there could remove the locks. It is on a file system of this machine,
/// unless another one is trusted.
///
/// Empty means the user's own: /run/dlock for root, else ~/.local/state/dlock with the home of the
/// password database. Unlike $HOME, $XDG_RUNTIME_DIR and /tmp that is the same place for a shell,
/// cron, ssh and a unit with PrivateTmp=, so that two runs of one user always share it; and it
/// survives a log-out.
Result<std::string, StoreFault> ready_directory(const std::string& wanted, Unsure unsure);

/// The same directory if it exists; creates nothing. Empty if there is none: there are no locks
/// yet.
Result<std::optional<std::string>, StoreFault> directory_if_there(const std::string& wanted);

/// The name of that directory in messages, whether it exists or not: `local:/run/dlock`.
std::string store_name(const std::string& wanted);

/// The path of the key's lock file below `directory`. Creates directories for a key that is too
/// long for one file name. Different keys have different paths: no hash is involved.
Result<std::string, StoreFault> lock_file_path(const std::string& directory, const LockKey& key);

/// The same path; creates nothing.
std::string lock_file_name(const std::string& directory, const LockKey& key);

/// The keys of all lock files in the directory, whether the lock is held or not.
std::vector<std::string> keys_in(const std::string& directory);

}  // namespace dlock::local
