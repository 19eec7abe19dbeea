"""Waiting for an event with a deadline, never for a fixed time."""

import os
import time

# The factor for limits that are not part of a promise. A sanitizer build is slow, and so is a machine on which many tests run
# at once: scripts/test sets DLOCK_TEST_PATIENCE.
_OF_THIS_BUILD = 5 if os.environ.get("DLOCK_SANITIZE", "none") in ("address", "thread") else 1
PATIENCE = max(_OF_THIS_BUILD, float(os.environ.get("DLOCK_TEST_PATIENCE", "1")))

# What a loaded machine can add to an upper limit, in seconds. It is never added where the promise is "no overlap".
LATE = 0.4 * PATIENCE


class NeverHappened(AssertionError):
    """The awaited event did not come in time."""


def now():
    """Seconds on CLOCK_BOOTTIME, the clock of the deadline and of the life files."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def wait_until(happened, seconds, what="the awaited event", pause=0.005):
    """Returns the first true value of happened(), or fails with `what` (a text, or a function that returns one)."""
    give_up = now() + seconds * PATIENCE
    while True:
        value = happened()
        if value:
            return value
        if now() > give_up:
            raise NeverHappened(f"{what() if callable(what) else what} did not happen within {seconds * PATIENCE:g} s")
        time.sleep(pause)


def hold_for(seconds, still_true, what="the state"):
    """Checks for `seconds` that something stays true, for promises such as "it is not killed earlier"."""
    until = now() + seconds
    while now() < until:
        if not still_true():
            raise AssertionError(f"{what} ended {until - now():.2f} s too early")
        time.sleep(0.02)
