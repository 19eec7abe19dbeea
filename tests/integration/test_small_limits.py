"""With low limits of processes, threads or descriptors a run is refused before its job starts, or the job runs to its end."""

import os
import resource
import signal

from harness import dlock
from harness.case import JOBTOOL, Case, OnRedis, needs_root

# A user ID without other processes on this machine: the limit counts all processes of a user.
LONELY_USER = 61234


def limited(what, most):
    return lambda: resource.setrlimit(what, (most, most))


def limited_user(most):
    def prepare():
        os.setgroups([])
        os.setgid(LONELY_USER)
        resource.setrlimit(resource.RLIMIT_NPROC, (most, most))
        os.setuid(LONELY_USER)
    return prepare


class SmallLimits:
    # Long enough for a renewal, which is due after 0.4 s.
    job = ["sh", "-c", "echo began; exec sleep 0.6"]
    options = ["--ttl", "2s"]

    def assert_refused_or_run_to_the_end(self, runs, why):
        for most, run in runs.items():
            with self.subTest(most=most):
                code = run.wait()
                if run.stdout == "began\n":
                    self.assertEqual((code, run.stderr), (0, ""))
                else:
                    self.assertEqual(code, dlock.SYSTEM, run.stderr)
                    self.assertEqual(len(run.own_lines), 1, run.stderr)
                    self.assert_says(run, why)
        codes = [run.code for run in runs.values()]
        self.assertEqual(codes, sorted(codes, reverse=True), "more room never hurts")
        self.assertEqual((codes[0], codes[-1]), (dlock.SYSTEM, 0))

    def test_with_any_limit_of_descriptors_a_job_is_refused_or_runs_to_its_end(self):
        # With fewer the program itself could not be loaded.
        values = [*range(5, 40, 5), *range(40, 46), 64]
        runs = {most: self.start_run(*self.job, key=f"job{most}", options=self.options,
                                     preexec_fn=limited(resource.RLIMIT_NOFILE, most))
                for most in values}
        self.assert_refused_or_run_to_the_end(runs, "Too many open files")

    @needs_root
    def test_with_any_limit_of_processes_a_job_is_refused_or_runs_to_its_end(self):
        self.let_use_the_store(LONELY_USER)
        for how in ([], ["--heartbeat-timeout", "10s"]):
            runs = {}
            for most in range(1, 7):
                runs[most] = self.start_run(*self.job, options=[*self.options, *how], preexec_fn=limited_user(most))
                runs[most].wait()
            self.assert_refused_or_run_to_the_end(runs, "Resource temporarily unavailable")


class SmallLimitsOnRedis(SmallLimits, OnRedis):
    def let_use_the_store(self, user):
        pass


class SmallLimitsOnTheEmbeddedStore(SmallLimits, Case):
    def let_use_the_store(self, user):
        os.chown(self.locks, user, user)


class BothSupervisorsHaveTheLock(Case):
    """The lock of the embedded store is a descriptor. If only one supervisor had it, its death would free the lock with the job alive."""

    def assert_refused_without_room_for_one_more_descriptor(self, of_whom):
        first = self.hold()
        waiter = self.start_run(JOBTOOL, "tick", self.life_file("second"), "30", options=["-w", "20s"])
        waiter.wait_said("waiting for it")
        resource.prlimit(of_whom(waiter), resource.RLIMIT_NOFILE, (4, 4))
        first.signal(signal.SIGTERM)
        self.assertIn(waiter.wait(), (dlock.SYSTEM, dlock.CONFIG), waiter.stderr)
        self.assert_says(waiter, "Too many open files")
        with open(self.path("second"), "rb") as file:
            self.assertEqual(file.read(), b"", "no job was started")
        self.assertEqual(self.run_job("true").code, 0, "the lock is free")

    def test_no_job_starts_if_the_front_cannot_hold_the_lock_as_well(self):
        self.assert_refused_without_room_for_one_more_descriptor(lambda waiter: waiter.pid)

    def test_no_job_starts_if_the_engine_cannot_pass_the_lock_on(self):
        self.assert_refused_without_room_for_one_more_descriptor(lambda waiter: waiter.engine())
