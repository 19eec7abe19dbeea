"""A job that dlock ends, or that queries its lock, when the lock is in Redis."""

import os
import shutil
import unittest

from harness import dlock, procs
from harness.case import JOBTOOL, RedisCase, as_nobody
from harness.heartbeat_case import HeartbeatCase
from harness.wait import PATIENCE, wait_until

TTL = ["--ttl", "2s"]
SOON = f"{200 * PATIENCE:g}ms"  # by then the job is ready
FOREIGN = '{"ownerHash":"job@other/1.1.1","processHash":"other/1.1"}'


class Ended(RedisCase):
    def test_the_lock_is_released_after_a_job_that_ran_too_long_or_hung(self):
        for option, code in ((["--max-run", "200ms"], dlock.MAX_RUN), (["--heartbeat-timeout", "200ms"], dlock.HUNG)):
            ended = self.run_job("sleep", "60", store=self.redis_store, options=option)
            self.assertEqual(ended.code, code, ended.stderr)
            self.assertIsNone(self.lock_value())

    def test_the_lock_is_renewed_until_the_job_is_killed(self):
        held = self.hold(store=self.redis_store, options=[*TTL, "--max-run", SOON, "-k", "2500ms"],
                         tick_options=["--ignore", "TERM"])
        value = None
        while held.running():
            value = self.lock_value() or value
            held.running() and self.assertIsNotNone(value)
        self.assertEqual(held.wait(), dlock.MAX_RUN, held.stderr)

    def test_a_lock_that_is_lost_during_the_end_of_the_job_decides_the_exit_code(self):
        held = self.hold(store=self.redis_store, options=[*TTL, "--max-run", SOON, "-k", "60s"], tick_options=["--ignore", "TERM"])
        wait_until(lambda: held.running() and self.redis("SET", self.lock_name, FOREIGN), 5)
        self.assertEqual(held.wait(), dlock.LOST)

    def test_a_store_that_stops_answering_during_the_end_decides_the_exit_code(self):
        between = self.relay()
        held = self.hold(store=self.through(between), options=[*TTL, "--max-run", SOON, "-k", "60s"], tick_options=["--ignore", "TERM"])
        between.refuse()
        self.assertEqual(held.wait(), dlock.UNCONFIRMED)


class HeartbeatQueries(RedisCase, HeartbeatCase):
    def test_with_on_silence_continue_heartbeat_exits_81_while_the_lock_is_unconfirmed(self):
        between = self.relay()
        held, address = self.start_idle(*TTL, "--on-silence=continue", store=self.through(between))
        self.assertEqual(self.beat(address).code, 0)
        between.refuse()
        wait_until(lambda: self.beat(address).code != 0, 10, "the lease ends")
        told = self.beat(address)
        self.assertEqual(told.code, dlock.UNCONFIRMED)
        self.assert_says(told, "the lease has expired and the store does not answer")
        self.assertEqual(len(told.own_lines), 1)
        between.thaw()
        wait_until(lambda: self.beat(address).code == 0, 10, "the lock is renewed")
        self.assertTrue(held.running())

    def test_heartbeat_exits_80_when_the_store_reports_the_loss_of_the_lock(self):
        between = self.relay()
        held, address = self.start_idle(*TTL, "--on-silence=continue", store=self.through(between))
        self.redis("SET", self.lock_name, FOREIGN)
        wait_until(lambda: self.beat(address).code == dlock.LOST, 10, "the loss is noticed")
        self.assertEqual(held.wait(), dlock.LOST)
        self.assertEqual(self.beat(address).code, dlock.LOST)


class BeingKilled(RedisCase, HeartbeatCase):
    """dlock of an unprivileged user, whose job has become root: the kill lasts as long as that job lives."""

    def test_heartbeat_exits_80_while_the_job_is_being_killed(self):
        if os.geteuid() != 0:
            self.skipTest("needs root: it makes a setuid-root program")
        tool = self.path("setuid-jobtool")
        shutil.copy(JOBTOOL, tool)
        os.chmod(tool, 0o4755)
        if os.statvfs(self.directory).f_flag & os.ST_NOSUID:
            self.skipTest("the temporary directory is mounted nosuid")
        heads = self.headcount()
        held = self.start_run(tool, "become-root", str(2.5 * PATIENCE), heads.path, store=self.redis_store, preexec_fn=as_nobody,
                              options=["--heartbeat-timeout", "60s", "--max-run", SOON, "-k", "100ms", "--contain=walk"])
        (rooted,) = heads.wait_for(1)
        address = self.variables(rooted)["DLOCK_SOCKET"]

        def ask():
            return self.run_words("heartbeat", more_env={"DLOCK_SOCKET": address}, preexec_fn=as_nobody)
        wait_until(lambda: ask().code == dlock.LOST, 2, "the kill begins")
        told = ask()
        self.assertTrue(held.running() and procs.alive(rooted))
        self.assertIsNotNone(self.lock_value())
        self.assertEqual(told.code, dlock.LOST, told.stderr)
        self.assert_says(told, "dlock is killing this job")
        heads.wait_gone(10)
        self.assertEqual(held.wait(), dlock.MAX_RUN)


if __name__ == "__main__":
    unittest.main()
