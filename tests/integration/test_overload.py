"""A busy machine, fork bombs, a thousand processes. These tests run alone, because they would disturb the others."""

import os
import signal
import subprocess
import unittest

from harness import cgroups, dlock, procs
from harness.case import JOBTOOL, NOBODY, Case, RedisCase, needs_pid_namespace
from harness.contained import in_each_way, needs_cgroup
from harness.wait import LATE, PATIENCE, now, wait_until


class Hogs(RedisCase):
    def test_with_a_stopped_engine_the_job_is_killed_in_time_on_an_overloaded_machine(self):
        hogs = [subprocess.Popen(["sh", "-c", "while :; do :; done"], env=self.env) for _ in range(8 * os.cpu_count())]
        self.addCleanup(lambda: [(hog.kill(), hog.wait()) for hog in hogs])
        for number in range(3):
            with self.subTest(run=number):
                self.key = f"job{number}"
                held, heads = self.start_tree(11, 5, store=self.redis_store, options=["--ttl", "3s"])
                procs.stop(held.engine(60))
                ends = self.liveness_ends()
                self.assertLess(heads.wait_gone(10), ends)
                self.assertEqual(held.wait(60), dlock.UNCONFIRMED)
                wait_until(lambda: not self.keys() or all("proc:" not in key for key in self.keys()), 10, "its lease ends")


class ForkBombs(Case):
    """Under a limit of processes. Each bomb ends by itself after ten seconds or 200 000 forks."""

    LIMIT = 1000

    def setUp(self):
        super().setUp()
        self.limit = None
        try:
            self.limit = cgroups.pids_cgroup(self.LIMIT)
            self.addCleanup(self.limit.remove)
        except OSError as why:
            if os.geteuid() != 0:
                self.skipTest(f"no limit of processes can be set here: {why}")
            os.chmod(self.directory, 0o1777)
            os.chown(self.locks, NOBODY, NOBODY)

    def limited(self):
        return self.limit.join if self.limit else cgroups.nobody_with_few_processes(self.LIMIT)

    def processes(self):
        """The number of processes, by a cheap query: a thousand busy processes leave little time."""
        if self.limit:
            return self.limit.number("pids.current")
        return len(procs.marked(self.marker))

    def defuse(self, kind, way, count):
        self.key = f"job-{kind}-{way}"
        heads = self.headcount()
        held = self.start_run(JOBTOOL, "bomb", kind, "10", "200000", heads.path, options=[f"--contain={way}"],
                              preexec_fn=self.limited())
        heads.wait_for(1)
        wait_until(lambda: self.processes() >= count, 10, f"the bomb has {count} processes")
        began = now()
        held.signal(signal.SIGKILL)
        heads.wait_gone(1)
        self.assertLess(now() - began, 1 * PATIENCE + LATE)

    def test_processes_that_keep_forking_and_exiting_are_killed(self):
        self.defuse("hop", "walk", 4)

    def test_processes_that_keep_starting_daemons_are_killed(self):
        self.defuse("spin", "walk", 50)

    def test_an_exponential_fork_bomb_in_its_own_session_is_killed(self):
        self.defuse("exp", "walk", self.LIMIT // 2)

    @needs_cgroup
    def test_all_fork_bombs_are_killed_by_their_cgroup(self):
        for kind, count in (("hop", 4), ("spin", 50), ("exp", self.LIMIT // 2)):
            with self.subTest(bomb=kind):
                self.defuse(kind, "cgroup", count)

    @needs_pid_namespace
    def test_all_fork_bombs_are_killed_by_their_pid_namespace(self):
        for kind, count in (("hop", 4), ("spin", 50), ("exp", self.LIMIT // 2)):
            with self.subTest(bomb=kind):
                self.defuse(kind, "pidns", count)


class AThousand(Case):
    @in_each_way
    def test_a_tree_of_1000_processes_is_killed_in_1_s_or_3_times_what_the_kernel_needs(self, way):
        count = 1000 if PATIENCE == 1 else 200
        kernel = self.seconds_to_kill_a_group(count)
        held, heads = self.start_tree(count - 50, 50, options=[f"--contain={way}"])
        procs.kill(held.pid)
        heads.wait_gone(max(1.0, 3 * kernel))

    def seconds_to_kill_a_group(self, count):
        """Without dlock, now and on this machine: most of the time is spent on the end of each process."""
        heads = self.headcount()
        tree = subprocess.Popen([JOBTOOL, "tree", str(count), "0", heads.path], stdin=subprocess.DEVNULL, env=self.env,
                                start_new_session=True)
        heads.wait_for(count)
        began = now()
        os.killpg(tree.pid, signal.SIGKILL)
        heads.wait_gone(30)
        tree.wait()
        return now() - began


if __name__ == "__main__":
    unittest.main()
