"""A system call that takes far too long at the worst moment: strace holds one thread of dlock in it."""

import os
import subprocess
import time
import unittest

from harness import dlock, procs
from harness.case import RedisCase, needs, needs_root
from harness.wait import PATIENCE, now, wait_until

TTL = 2 * min(PATIENCE, 2)


def hold_up(call, seconds, first_only=False):
    when = ":when=1" if first_only else ""
    return ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:delay_enter={int(seconds * 1e6)}{when}"]


def is_held_up(pid, thread):
    """True if it is held for some time: strace stops each thread briefly when it attaches, and at each call."""
    def is_stopped():
        try:
            with open(f"/proc/{pid}/task/{thread}/stat", encoding="ascii") as file:
                return file.read().rpartition(")")[2].split()[0] == "t"
        except FileNotFoundError:
            return False
    return all(is_stopped() and time.sleep(0.05) is None for _ in range(6))


@needs("strace")
class SlowCalls(RedisCase):
    @needs_root
    def test_a_job_whose_start_takes_longer_than_the_lease_is_not_started(self):
        """The child is held before it becomes the job, and the engine waits for it. The front is stopped, so it cannot kill."""
        ran = self.path("ran")
        started = self.start_run("touch", ran, store=self.redis_store, options=["--ttl", f"{TTL:g}s"],
                                 prefix_command=hold_up("setsid", TTL * 1.5, first_only=True))
        # strace has other children before, which test its features
        front = wait_until(lambda: [pid for pid in procs.children(started.pid) if (procs.stat(pid) or {}).get("comm") == "dlock"],
                           10, "the front appears")[0]
        wait_until(lambda: any(is_held_up(pid, pid) for pid in procs.descendants(front)), 10, "the child is held up")
        procs.stop(front)
        wait_until(lambda: not [pid for pid in procs.descendants(front) if procs.alive(pid)], 10, "engine and child end")
        procs.resume(front)
        # Whichever is first: the deadline, or the reply of the store that the liveness has expired.
        self.assertIn(started.wait(), (dlock.UNCONFIRMED, dlock.LOST), started.stderr)
        self.assertFalse(os.path.exists(ran))

    @needs_root
    def test_a_renewal_that_hangs_does_not_delay_the_exit_code_of_a_job_that_has_ended(self):
        held = self.hold(store=self.redis_store, options=["--ttl", f"{3 * TTL:g}s"])
        engine = held.engine()
        holder = subprocess.Popen([*hold_up("sendto", 30 * PATIENCE), "-p", str(engine)], stdin=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        self.addCleanup(holder.wait)
        self.addCleanup(procs.kill, holder.pid)

        def hangs():
            if holder.poll() is not None:
                self.skipTest("strace may not attach to a process here")
            # any thread can be the renewing one; a sanitizer has another thread
            return any(is_held_up(engine, int(thread)) for thread in os.listdir(f"/proc/{engine}/task"))
        wait_until(hangs, 10, "a renewal hangs")
        began = now()
        held.signal(15)
        held.wait_said("could not be released, because a renewal hangs")
        self.assertLess(now() - began, 2 + 2 * PATIENCE)  # the renewal has 2 s
        procs.kill(holder.pid)  # a process does not end while strace holds one of its threads
        self.assertEqual(held.wait(), 143, held.stderr)
        self.assert_says(held, f"it expires within {3 * TTL:g}s")


if __name__ == "__main__":
    unittest.main()
