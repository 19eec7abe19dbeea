"""Later runs remove the remains of runs whose two supervisors were killed at once, and nothing that is in use."""

import os
import signal
import unittest

from harness import cgroups
from harness.case import Case
from harness.contained import needs_cgroup
from harness.wait import wait_until


class Cgroups(Case):
    def setUp(self):
        super().setUp()
        # A cgroup that no other test uses.
        self.place = cgroups.v2_cgroup()
        self.addCleanup(self.place.remove)

    def start_here(self, *words, **how):
        return self.start_run(*words, preexec_fn=self.place.join, **how)

    @needs_cgroup
    def test_the_cgroup_of_a_dead_run_is_removed_by_the_next_run(self):
        for number in range(3):
            held = self.start_here("sleep", "60", key=f"killed{number}")
            held.job()
            held.kill_both()
        wait_until(lambda: not self.place.pids_below(), 5, "the jobs have died with their engines")
        self.assertEqual(len(self.place.below()), 3)
        self.assertEqual(self.start_here("true").wait(), 0)
        self.assertEqual(self.place.below(), [])

    @needs_cgroup
    def test_a_few_cgroups_are_removed_at_a_time(self):
        for number in range(10):
            os.mkdir(os.path.join(self.place.directory, f"dlock-{number}-1"))
        self.assertEqual(self.start_here("true").wait(), 0)
        self.assertEqual(len(self.place.below()), 6)

    @needs_cgroup
    def test_cgroups_of_live_runs_and_cgroups_that_are_not_of_dlock_stay(self):
        others = ["another", "dlock-2", "dlock-jobs", "dlock-x-1", "dlock-1-x", "dlock-1-2-3"]
        for name in others:
            os.mkdir(os.path.join(self.place.directory, name))
        runs = self.start_here("sleep", "60")
        runs.job()
        waits = self.start_here("true", options=["-w"])
        waits.wait_said("waiting for it")
        wait_until(lambda: len(self.place.below()) == len(others) + 2, 5, "the one that waits has made its cgroup")
        before = self.place.below()
        for _ in range(3):
            self.assertEqual(self.start_here("true", key="other").wait(), 0)
        self.assertEqual(self.place.below(), before)
        runs.signal(signal.SIGTERM)
        self.assertEqual(runs.wait(), 143)
        self.assertEqual(waits.wait(), 0, waits.stderr)
        self.assertEqual(self.place.below(), sorted(others))


class Sockets(Case):
    def socket_directory(self, held):
        with open(f"/proc/{held.job()}/environ", "rb") as file:
            variables = dict(entry.partition(b"=")[::2] for entry in file.read().split(b"\0"))
        return os.path.dirname(variables[b"DLOCK_SOCKET"].decode())

    def start_with_socket(self, *words, **how):
        return self.start_run(*words, options=["--heartbeat-timeout", "60s"], **how)

    def test_the_socket_of_a_dead_run_is_removed_by_a_later_run_with_a_socket(self):
        held = self.start_with_socket("sleep", "60")
        directory = self.socket_directory(held)
        alive = self.start_with_socket("sleep", "60", key="alive")
        used = self.socket_directory(alive)
        held.kill_both()
        self.assertTrue(os.path.exists(directory))

        def removed():  # a few are removed at a time, and other tests can have left some
            self.assertEqual(self.start_with_socket("true", key="later").wait(), 0)
            return not os.path.exists(directory)
        wait_until(removed, 20, "a later run removes the directory")
        self.assertTrue(os.path.exists(os.path.join(used, "socket")))

    def test_a_directory_with_such_a_name_but_other_contents_stays(self):
        held = self.start_with_socket("sleep", "60")
        other = os.path.join(os.path.dirname(self.socket_directory(held)), f"dlock-{os.getpid():06}")
        os.mkdir(other, 0o700)
        self.addCleanup(os.rmdir, other)
        self.addCleanup(os.unlink, os.path.join(other, "socket"))
        with open(os.path.join(other, "socket"), "w", encoding="ascii"):
            pass
        self.assertEqual(self.start_with_socket("true", key="later").wait(), 0)
        self.assertTrue(os.path.exists(os.path.join(other, "socket")))


if __name__ == "__main__":
    unittest.main()
