"""An exec that does not return, as on a dead file server: the lock is renewed meanwhile, and signals are handled."""

import fcntl
import os
import shutil
import signal
import unittest

from harness import dlock, procs
from harness.case import JOBTOOL, RedisCase, needs_pid_namespace
from harness.wait import hold_for, now, wait_until


class AnExecThatHangs(RedisCase):
    def setUp(self):
        super().setUp()
        # The kernel blocks an exec of a file for 45 s while another process has a write lease on it.
        self.addCleanup(signal.signal, signal.SIGIO, signal.signal(signal.SIGIO, signal.SIG_IGN))
        self.command = self.path("command")
        shutil.copy(JOBTOOL, self.command)
        self.lease = os.open(self.command, os.O_RDWR)
        fcntl.fcntl(self.lease, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        self.addCleanup(self.let_exec_go_on)

    def let_exec_go_on(self):
        if self.lease is not None:
            os.close(self.lease)
            self.lease = None

    def start_hanging(self, *options, job=("exit", "7")):
        started = self.start_run(self.command, *job, store=self.redis_store, options=options)
        wait_until(lambda: self.lock_value() is not None, 5, "the lock is taken")
        child = wait_until(lambda: procs.children(started.engine()), 5, "the job is forked")[0]
        wait_until(lambda: procs.state(child) == "S", 5, "its exec hangs")
        return started

    def assert_ends_on_term(self, started):
        asked = now()
        started.signal(signal.SIGTERM)
        self.assertEqual(started.wait(5), 128 + signal.SIGTERM, started.stderr)
        self.assertLess(now() - asked, 2)
        self.assertIsNone(self.lock_value())

    def test_sigterm_ends_dlock_and_frees_the_lock(self):
        for containment in ("auto", "walk"):
            with self.subTest(containment=containment):
                self.assert_ends_on_term(self.start_hanging(f"--contain={containment}"))

    @needs_pid_namespace
    def test_sigterm_ends_dlock_and_frees_the_lock_with_a_pid_namespace(self):
        self.assert_ends_on_term(self.start_hanging("--contain=pidns"))

    def test_the_lock_is_renewed_meanwhile_and_the_job_runs_when_exec_returns(self):
        started = self.start_hanging("--ttl", "2s")
        hold_for(3, lambda: started.running() and self.lock_value() is not None, "the lock of the job to be")
        self.let_exec_go_on()
        self.assertEqual(started.wait(), 7, started.stderr)

    def test_the_end_of_the_lease_kills_the_hanging_process(self):
        server = self.own_server()
        started = self.start_hanging("--ttl", "2s")
        procs.stop(server.pid)
        self.assertEqual(started.wait(5), dlock.UNCONFIRMED, started.stderr)
        self.assertNotIn("engine process", started.stderr)  # the message of the front after a kill of its own

    def test_sigkill_of_the_engine_ends_the_hanging_process(self):
        started = self.start_hanging()
        os.kill(started.engine(), signal.SIGKILL)
        self.assertEqual(started.wait(5), dlock.SYSTEM, started.stderr)


if __name__ == "__main__":
    unittest.main()
