#pragma once

#include "os/fd.h"

#include <functional>
#include <string>
#include <string_view>

namespace dlock {

// Directories that a run makes for itself alone: its cgroup, that of its socket. The supervisors
// remove them at the end. When both are killed at once nobody does, so later runs remove a few of
// those that are left.
//
// Whoever makes one keeps a shared flock(2) on it while it lives: a pid would mean nothing in
// another pid namespace, and a directory may be empty for hours while its run waits for the lock.

/// Opens the directory that was just made, close-on-exec, and locks it. Not open, with errno set,
/// when that fails, or when a sweep has come first and removed it (ESTALE): then make another one.
Fd claim_directory(const std::string& path);

/// What to do in such a sweep.
struct Sweep {
  /// Whether a directory of that name can be one of a run: others may have made others beside it.
  std::function<bool(std::string_view name)> may_be_ours;
  std::function<void(const std::string& path)> remove;
};

/// Removes directories in `parent` that may be ours, that belong to our user and that no process
/// claims; at most four of them, and among the first thousands of entries. The kernel lock of each
/// is held meanwhile. May be called at any time, and never fails.
void sweep_abandoned(const std::string& parent, const Sweep& sweep);

}  // namespace dlock
