"""--warn-signal: a job is warned that its lock cannot be renewed before it is killed."""

import os
import signal
import unittest

from harness import dlock, procs
from harness.case import JOBTOOL, RedisCase
from harness.wait import LATE, hold_for, now, wait_until

OPTIONS = ["--ttl", "2s"]  # renewals every 0.4 s; the job is killed 1.078 s after the first failing one was sent


class Warned(RedisCase):
    def setUp(self):
        super().setUp()
        self.between = self.relay()
        self.signals = self.path("signals")

    def start_listener(self, *options, store=None):
        """Starts a job that records every signal, with the store behind the relay."""
        with open(self.signals, "wb"):
            pass
        held = self.start_run(JOBTOOL, "signals", self.signals, "60", "--until", "KILL",
                              store=store or self.through(self.between), options=[*OPTIONS, *options])
        wait_until(lambda: b"ready" in self.written(), 15, lambda: f"the job is ready ({held.stderr!r})")
        return held

    def written(self):
        with open(self.signals, "rb") as file:
            return file.read()

    def warnings(self):
        return self.written().count(b"signal %d " % signal.SIGUSR1)

    def wait_warned(self, count=1):
        wait_until(lambda: self.warnings() >= count, 5, f"warning {count} comes")
        return now()

    def end(self, held):
        procs.kill(held.pid)
        held.wait()


class WhileRenewalsFail(Warned):
    def test_the_job_is_warned_before_it_is_killed(self):
        held = self.start_listener("--warn-signal", "USR1")
        self.between.freeze()
        self.wait_warned()
        self.assertTrue(held.running())
        self.between.refuse()  # the outage continues, but the release at the end fails at once
        self.assertEqual(held.wait(), dlock.UNCONFIRMED)
        self.assertEqual(self.warnings(), 1)

    def test_the_warning_is_delayed_by_the_given_time(self):
        held = self.start_listener("--warn-signal", "USR1:700ms")
        self.between.refuse()
        held.wait_said("could not be renewed")
        failing = now()
        self.assertEqual(self.warnings(), 0)
        self.assertGreater(self.wait_warned() - failing, 0.5)
        self.assertLess(now() - failing, 0.7 + LATE)
        self.end(held)

    def test_a_short_outage_causes_no_warning(self):
        held = self.start_listener("--warn-signal", "USR1:1s")
        self.between.refuse()
        held.wait_said("could not be renewed")
        self.between.thaw()
        held.wait_said("is renewed again")
        hold_for(1.1, lambda: self.warnings() == 0 and held.running(), "the silence")
        self.end(held)

    def test_each_outage_causes_one_warning(self):
        held = self.start_listener("--warn-signal", "USR1", "--on-silence=continue")
        for outage in (1, 2):
            self.between.refuse()
            self.wait_warned(outage)
            hold_for(0.4, lambda: self.warnings() == outage, "one warning")
            self.between.thaw()
            wait_until(lambda: held.stderr.count("is renewed again") == outage, 10, "the store answers again")
        self.end(held)

    def test_with_on_silence_continue_the_job_is_warned(self):
        held = self.start_listener("--warn-signal", "USR1:2s", "--on-silence=continue")
        self.between.refuse()
        held.wait_said("the job continues without a confirmed lock", 10)
        self.wait_warned()
        self.assertTrue(held.running())
        self.end(held)


class NoWarning(Warned):
    def test_a_job_whose_lock_is_lost_is_killed_without_a_warning(self):
        held = self.start_listener("--warn-signal", "USR1")
        self.redis("DEL", self.lock_name)
        self.assertEqual(held.wait(), dlock.LOST)
        self.assertEqual(self.warnings(), 0)

    def test_a_connection_closed_by_fin_or_rst_between_two_renewals_causes_no_warning(self):
        held = self.start_listener("--warn-signal", "USR1", "-v")
        for end in (self.between.hang_up, self.between.reset) * 2:
            before, connections = self.lock_value(), self.between.accepted
            end()
            wait_until(lambda before=before: self.lock_value() != before, 10, "the lock is renewed")
            self.assertGreater(self.between.accepted, connections)
            hold_for(0.1, held.running, "the job, until the reply has come")  # a renewal is retried once, not twice
        self.assertEqual(self.warnings(), 0)
        self.assertNotIn("could not be renewed", held.stderr)
        self.end(held)

    def test_without_the_option_there_is_no_warning(self):
        held = self.start_listener()
        self.between.refuse()
        self.assertEqual(held.wait(), dlock.UNCONFIRMED)
        self.assertEqual(self.warnings(), 0)

    def test_with_a_local_store_there_is_no_warning_not_even_for_a_loss(self):
        held = self.start_listener("--warn-signal", "USR1", store=self.local_store)
        for name in os.listdir(self.locks):
            os.unlink(os.path.join(self.locks, name))
        self.assertEqual(held.wait(), dlock.LOST)
        self.assertEqual(self.warnings(), 0)

    def test_a_time_after_the_kill_is_refused_with_the_maximum(self):
        refused = self.run_job("touch", self.path("ran"), store=self.redis_store, options=[*OPTIONS, "--warn-signal", "USR1:1078ms"])
        self.assertEqual(refused.code, dlock.USAGE)
        self.assert_says(refused, "--warn-signal 'USR1:1078ms'", "1077ms")
        self.assertFalse(os.path.exists(self.path("ran")))


if __name__ == "__main__":
    unittest.main()
