"""A preloaded library that fakes the time does not change leases and deadlines."""

import glob
import unittest

from harness import dlock, life, procs
from harness.case import JOBTOOL, RedisCase
from harness.wait import PATIENCE, now

LIBRARY = next(iter(glob.glob("/usr/lib/*/faketime/libfaketime.so.1")), None)
TTL = 1.5

# Another start time, an offset, and clocks that run faster, slower or hardly at all.
TIMES = {"a year ago": "@2021-01-01 00:00:00", "behind": "-15d", "ahead": "+400d", "fast": "+0 x50", "slow": "-1h x0.1",
         "still": "2021-01-01 00:00:00"}


@unittest.skipIf(LIBRARY is None, "faketime is not installed")
class TheClocksAreFaked(RedisCase):
    def start_all(self, *job, seconds):
        """One run for each of the times. The job itself, which is measured, has the real time."""
        runs = {}
        for name, time in TIMES.items():
            path = self.life_file(name)
            runs[name] = self.start_run("env", "-u", "LD_PRELOAD", JOBTOOL, "tick", path, str(seconds), key=name,
                                        store=self.redis_store, options=["--ttl", f"{TTL}s"],
                                        more_env={"LD_PRELOAD": LIBRARY, "FAKETIME": time})
            runs[name].life = path
        for run in runs.values():
            self.wait_job_starts(run.life, 0, run)
        return runs

    def assert_dead_with_the_lease(self, runs, since):
        for name, run in runs.items():
            with self.subTest(name):
                self.assertEqual(run.wait(), dlock.UNCONFIRMED, run.stderr)
                self.assertLess(life.runs(run.life)[0].last - since, TTL * PATIENCE)

    def test_a_lock_is_renewed_and_no_other_run_gets_it_meanwhile(self):
        runs = self.start_all(seconds=1.5 * TTL)
        others = [self.start_run(JOBTOOL, "tick", run.life, "0.1", key=name, store=self.redis_store, options=["-w", "20s"])
                  for name, run in runs.items()]
        for name, run in runs.items():
            with self.subTest(name):
                self.assertEqual((run.wait(), run.stderr), (0, ""))
        for other in others:
            self.assertEqual(other.wait(), 0, other.stderr)
        for run in runs.values():
            self.assertEqual(len(life.runs(run.life)), 2)
            self.assert_no_overlap(run.life)

    def test_if_the_store_does_not_answer_the_job_is_dead_before_its_lease_expires(self):
        server = self.own_server()
        runs = self.start_all(seconds=60)
        silent = now()
        procs.stop(server.pid)
        self.addCleanup(procs.resume, server.pid)
        self.assert_dead_with_the_lease(runs, silent)

    def test_with_a_stopped_engine_the_front_kills_before_the_lease_expires(self):
        runs = self.start_all(seconds=60)
        stopped = now()
        for run in runs.values():
            procs.stop(run.engine())
        self.assert_dead_with_the_lease(runs, stopped)
