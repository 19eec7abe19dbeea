#pragma once

#include <string>

namespace dlock::local {

/// Removes what is left of a few keys that nobody uses any more: of runs that were killed with both
/// their supervisors, of locks that were kept, and of runs whose slot is long over. Each release
/// does it for a few files of its directory, so that one that is used is never full of old ones.
///
/// Best effort: it skips what it cannot remove, reports nothing, and never blocks.
void sweep(const std::string& directory);

}  // namespace dlock::local
