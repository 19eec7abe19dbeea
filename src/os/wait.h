#pragma once

#include "core/call_deadline.h"
#include "core/time.h"
#include "os/fd.h"

#include <poll.h>
#include <span>

namespace dlock {

/// Waits until one of `watched` is ready or `until` has come; true in the first case. Retries when
/// a signal interrupts it, and when the kernel refuses: no error comes earlier than `until`.
///
/// `never` waits for ever; only where the kernel refuses it returns false a moment later, for the
/// caller's deadline may be among what could not be watched. The wait itself stands still in a
/// suspend: who must not be late after one watches a timerfd on CLOCK_BOOTTIME as well.
bool wait_for_any(std::span<pollfd> watched, Instant until);

enum class Wait { Ready, TimedOut, Cancelled };

/// Waits until one of `events` has come to that descriptor, the deadline has passed, or the wait is
/// cancelled, which counts first. With a negative `fd` nothing can come but the last two.
Wait wait(int fd, short events, const CallDeadline& deadline);

/// An eventfd: by which one thread wakes another that polls. Throws std::system_error.
Fd make_event_fd();

/// Makes it readable, until somebody reads it.
void wake(const Fd& event);

}  // namespace dlock
