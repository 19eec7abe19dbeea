#pragma once

namespace dlock {

/// Whether a time namespace begins with the next process that we start, as after unshare(1) --time
/// without --fork (before Linux 6.2; later ones let it begin with exec). Both supervisors read one
/// deadline, and then would by two clocks.
bool time_namespace_begins_with_children();

}  // namespace dlock
