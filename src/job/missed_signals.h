#pragma once

namespace dlock {

/// Gives this process the Ctrl-C (Ctrl-\, hangup) that its group got just before it was forked.
///
/// A terminal signals its whole group, and fork(2) lets a signal that comes meanwhile reach both
/// sides. One that came a moment before only the parent has: if the parent's own is pending and
/// ours is not, we missed it. Such a signal becomes pending here, as if we had been there.
///
/// For the child of a parent that has all signals blocked and reads none of them until we exec.
/// Blocks, allocates and locks nothing: the child may be running in its parent's memory. Without
/// /proc it does nothing.
void make_up_for_missed_signals();

}  // namespace dlock
