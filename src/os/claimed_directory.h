#pragma once

#include "os/fd.h"

#include <functional>
#include <string>
#include <string_view>

namespace dlock {

// Directories that a run creates for itself: that of its cgroup, and that of its socket. The
// supervisors remove them at the end. If both are killed at once the directories stay, so later
// runs remove a few of them.
//
// The creator keeps a shared flock(2) on its directory as long as it lives: a pid would be
// meaningless in another pid namespace, and a directory can be empty for hours while its run waits
// for the lock.

/// Opens a directory that was just created, close-on-exec, and locks it. Not open, with errno set,
/// if that fails, or if a sweep has already removed it (ESTALE): then create another one.
Fd claim_directory(const std::string& path);

/// What a sweep removes, and how.
struct Sweep {
  /// Whether a directory with that name can belong to a run: other programs can have created others
  /// beside it.
  std::function<bool(std::string_view name)> may_be_ours;
  std::function<void(const std::string& path)> remove;
};

/// Removes directories in `parent` that can belong to a run, that belong to this user and that no
/// process claims; at most four of them, among the first thousands of entries. Holds the kernel
/// lock of each meanwhile. Can be called at any time, and never fails.
void sweep_abandoned(const std::string& parent, const Sweep& sweep);

}  // namespace dlock
