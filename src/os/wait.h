#pragma once

#include "core/call_deadline.h"
#include "core/time.h"
#include "os/fd.h"

#include <poll.h>
#include <span>

namespace dlock {

/// Waits until one of `watched` is ready or `until` has come; true in the first case. Retries when
/// a signal interrupts it and when the kernel refuses the call: an error never ends the wait before
/// `until`.
///
/// `never` waits without limit, except that it returns false after a moment if the kernel refuses,
/// because the caller's deadline can be one of the descriptors that could not be watched. A suspend
/// pauses the wait itself: a caller that must not be late after one also watches a timerfd on
/// CLOCK_BOOTTIME.
bool wait_for_any(std::span<pollfd> watched, Instant until);

enum class Wait { Ready, TimedOut, Cancelled };

/// Waits until one of `events` occurs on that descriptor, the deadline has passed, or the wait is
/// cancelled, which has priority. With a negative `fd` only the last two can happen.
Wait wait(int fd, short events, const CallDeadline& deadline);

/// An eventfd, by which one thread wakes another that polls. Throws std::system_error.
Fd make_event_fd();

/// Makes the eventfd readable until it is read.
void wake(const Fd& event);

}  // namespace dlock
