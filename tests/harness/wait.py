"""Waiting for an event with a deadline, never for time to pass."""

import os
import time

# Bounds that are not part of a promise are multiplied by this. A sanitizer build is slow, and so is a machine on which many
# tests run at once: scripts/test says by DLOCK_TEST_PATIENCE how much slower.
_OF_THIS_BUILD = 5 if os.environ.get("DLOCK_SANITIZE", "none") in ("address", "thread") else 1
PATIENCE = max(_OF_THIS_BUILD, float(os.environ.get("DLOCK_TEST_PATIENCE", "1")))

# What a loaded machine may add to an upper bound in seconds. It is never added where the promise is "no overlap".
LATE = 0.4 * PATIENCE


class NeverHappened(AssertionError):
    """The awaited event did not come in time."""


def now():
    """Seconds on CLOCK_BOOTTIME, the clock of the deadline and of the life files."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def wait_until(happened, seconds, what="the awaited event", pause=0.005):
    """Returns the first true value of happened(), or fails with `what` (a text, or a function that makes one then)."""
    give_up = now() + seconds * PATIENCE
    while True:
        value = happened()
        if value:
            return value
        if now() > give_up:
            raise NeverHappened(f"{what() if callable(what) else what} did not happen within {seconds * PATIENCE:g} s")
        time.sleep(pause)


def hold_for(seconds, still_true, what="the state"):
    """Checks for `seconds` that something stays true; for promises of the kind 'it is not killed before'."""
    until = now() + seconds
    while now() < until:
        if not still_true():
            raise AssertionError(f"{what} ended {until - now():.2f} s too early")
        time.sleep(0.02)
