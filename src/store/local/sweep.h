#pragma once

#include <string>

namespace dlock::local {

/// Removes the remains of a few keys that are no longer used: of runs that were killed with both
/// their supervisors, of kept locks, and of runs whose slot ended long ago. Each release does it
/// for a few files of its directory, so that a directory in use does not fill up with old ones.
///
/// Best effort: it skips what it cannot remove, reports nothing, and never blocks.
void sweep(const std::string& directory);

}  // namespace dlock::local
