#pragma once

namespace dlock {

/// Gives this process the Ctrl-C (Ctrl-\, hang-up) that its group got just before it was forked.
///
/// A terminal signals its whole group. A signal that arrives during fork(2) reaches parent and
/// child. A signal that arrived a moment earlier reached only the parent. If it is pending in the
/// parent and not in the child, the child missed it, and it becomes pending here.
///
/// For a child whose parent has all signals blocked and reads none of them until the child execs.
/// Does not block, allocate or lock. Without /proc it does nothing.
void make_up_for_missed_signals();

}  // namespace dlock
