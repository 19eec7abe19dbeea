"""The job is dead before another run can hold the lock, and not earlier than necessary."""

import json
import os
import signal
import subprocess
import unittest

from harness import dlock, life, procs
from harness.case import JOBTOOL, RedisCase
from harness.relay import DOWN, UP
from harness.wait import LATE, PATIENCE, hold_for, now, wait_until

TTL = 2.0
MARGIN = 0.01 * TTL + 0.502  # drift, kill time, rounding: PROTOCOL.md, "The deadline"
FRONT_LATER = 0.150
RENEWAL = TTL / 5
OPTIONS = ["--ttl", "2s"]


class Deadline(RedisCase):
    def setUp(self):
        super().setUp()
        self.between = self.relay()
        self.life = self.life_file()

    def hold_through_relay(self, *options, seconds=60):
        return self.hold(life=self.life, store=self.through(self.between), options=[*OPTIONS, *options], seconds=seconds)

    def start_tree_through_relay(self, *options):
        return self.start_tree(11, 5, store=self.through(self.between), options=[*OPTIONS, *options],
                               tree_options=["--tick", self.life])

    def cut_off(self):
        """Stops all replies. Returns when the liveness expires: from then on another run can hold the lock."""
        self.between.freeze(UP)
        # Requests under way are answered now, so that server and holder agree on the last renewal.
        subprocess.run(["sleep", "0.05"], check=True)
        self.between.freeze(UP, DOWN)
        return self.liveness_ends()

    def assert_killed_in_time(self, ends, later=0.0):
        """The job is dead when the liveness expires, and alive until the deadline, a known time before that."""
        last = life.last_tick(self.life)
        self.assertLess(last, ends, "the job outlived its lease")
        self.assertGreater(last, ends - MARGIN + later - LATE, "the job was killed too early")

    def contender_follows(self):
        contender = self.take_when_free(self.life, 15, store=self.redis_store, options=OPTIONS)
        self.assert_no_overlap(self.life)
        return contender


class TheGrantIsReadLate(Deadline):
    """dlock is stopped for the duration of the lease while the reply that grants the lock is under way."""

    def setUp(self):
        super().setUp()
        self.assertEqual(self.run_job("true", store=self.redis_store).code, 0)  # makes the server cache the script
        self.between.freeze(DOWN)

    def test_a_grant_that_is_read_after_its_lease_expired_starts_no_job_and_is_released(self):
        started = self.start_run("touch", self.path("ran"), store=self.through(self.between), options=OPTIONS)
        wait_until(self.lock_value, 10, "the server grants the lock")
        engine = started.engine()
        procs.stop(engine)
        self.between.thaw()
        hold_for(TTL, lambda: procs.state(engine) == "T", "the engine's pause")
        procs.resume(engine)
        self.assertEqual(started.wait(), dlock.UNREACHABLE, started.stderr)
        self.assert_says(started, "answered so late that the lock could have expired")
        self.assertFalse(os.path.exists(self.path("ran")))
        self.assertIsNone(self.lock_value())


class TheStoreDoesNotAnswer(Deadline):
    def test_the_job_runs_until_the_deadline_and_is_gone_before_the_lease_expires(self):
        held, heads = self.start_tree_through_relay()
        ends = self.cut_off()
        self.assertLess(heads.wait_gone(5), ends)
        self.assertEqual(held.wait(), dlock.UNCONFIRMED)
        self.assert_killed_in_time(ends)
        self.contender_follows()
        self.assertEqual(len(held.own_lines[-1:]), 1, held.stderr)
        self.assert_says(held, "key 'job': the job was killed, because its lock could not be confirmed before the lease expired; no process of it "
                         "is left, and other runs can acquire the lock within 2s (--ttl): redis://", "did not answer within",
                         "; fix the store, or give --on-silence=continue or a longer --ttl if such outages are normal\n")

    def test_the_first_lease_expires_as_well_if_no_renewal_was_ever_answered(self):
        for attempt in range(10):  # on a busy machine a renewal can come first
            held = self.hold_through_relay()
            self.between.freeze(UP, DOWN)
            value = json.loads(self.lock_value())
            if value["extendedAt"] == value["acquiredAt"]:
                break
            self.assertLess(attempt, 9)
            self.between.thaw()
            held.signal(signal.SIGTERM)
            held.wait()
        ends = self.liveness_ends()
        self.assertEqual(held.wait(10), dlock.UNCONFIRMED)
        self.assertLess(life.last_tick(self.life), ends)

    def test_the_engine_kills_at_its_deadline_before_the_front_has_to(self):
        """The fastest of several attempts shows the time that dlock adds. The front would kill 150 ms later."""
        late = []
        for number in range(3):
            self.key, self.life = f"job{number}", self.life_file(f"life{number}")
            held = self.hold_through_relay()
            ends = self.cut_off()
            self.assertEqual(held.wait(), dlock.UNCONFIRMED, held.stderr)
            self.assertNotIn("did not kill it in time", held.stderr)
            late.append(life.last_tick(self.life) - (ends - MARGIN))
            self.between.thaw()
            self.redis("FLUSHALL")
        self.assertLess(min(late), 0.05, late)

    def test_the_status_file_reports_lock_unconfirmed(self):
        held = self.start_with_status(JOBTOOL, "tick", self.life, store=self.through(self.between), options=OPTIONS)
        self.wait_job_starts(self.life, 0, held)
        self.between.freeze()
        self.assertEqual(held.wait(), dlock.UNCONFIRMED)
        self.assertEqual((held.status["outcome"], held.status["exit_code"]), ("lock_unconfirmed", dlock.UNCONFIRMED))

    def test_a_job_that_ignores_sigterm_gets_no_grace_period_at_the_deadline(self):
        held = self.hold(life=self.life, store=self.through(self.between), options=[*OPTIONS, "--kill-after", "30s"],
                         tick_options=["--ignore", "TERM,INT,HUP"])
        ends = self.cut_off()
        self.assertEqual(held.wait(10), dlock.UNCONFIRMED)
        self.assert_killed_in_time(ends)

    def test_an_outage_shorter_than_the_lease_does_not_affect_the_job(self):
        held = self.hold_through_relay("--status-file", self.path("status"), seconds=3)
        self.between.freeze()
        # The last renewal is at most one interval and one timeout old when the outage begins.
        hold_for(TTL - MARGIN - 2 * RENEWAL, held.running, "dlock")
        self.between.thaw()
        self.assertEqual(held.wait(), 0)

    def test_lost_replies_count_as_missing_even_if_requests_arrive(self):
        held = self.hold_through_relay()
        self.between.freeze(DOWN)
        self.assertEqual(held.wait(10), dlock.UNCONFIRMED)
        self.contender_follows()

    def test_replies_that_arrive_after_the_deadline_do_not_save_the_job(self):
        held = self.hold_through_relay()
        ends = self.cut_off()
        wait_until(lambda: now() > ends - MARGIN / 2, 5, "the deadline passes")
        self.between.thaw()
        self.assertEqual(held.wait(), dlock.UNCONFIRMED)
        self.assert_killed_in_time(ends)
        self.contender_follows()

    def test_with_on_silence_continue_the_job_runs_on_while_the_lock_is_not_taken(self):
        held = self.hold_through_relay("--on-silence=continue", "--lock-ttl", "60s")
        self.between.freeze()
        hold_for(1.5 * TTL, held.running, "dlock")
        self.assertLess(now() - life.last_tick(self.life), 0.5 * PATIENCE)
        held.signal(signal.SIGTERM)
        self.assertIn(held.wait(), (143, dlock.UNCONFIRMED))

    def test_with_on_silence_continue_a_short_outage_has_no_effect(self):
        held = self.hold_through_relay("--on-silence=continue", seconds=3)
        self.between.freeze()
        hold_for(RENEWAL, held.running, "dlock")
        self.between.thaw()
        self.assertEqual(held.wait(), 0)

    def test_with_on_silence_continue_the_job_is_killed_at_once_when_the_lock_is_taken(self):
        held = self.hold_through_relay("--on-silence=continue")
        self.cut_off()
        other = self.life_file("other")
        self.take_when_free(other, 10, store=self.redis_store, options=OPTIONS)  # the guarantee that this option gives up
        self.assertTrue(held.running())
        before = self.keys()
        thawed = now()
        self.between.thaw()
        self.assertEqual(held.wait(), dlock.LOST)
        self.assertLess(life.last_tick(self.life) - thawed, 2 * RENEWAL + LATE)
        self.assertEqual(self.keys(), before, "something was created again")

    def test_with_on_silence_continue_an_expired_lock_that_was_not_taken_is_kept(self):
        held = self.hold_through_relay("--on-silence=continue", seconds=4)
        ends = self.cut_off()
        wait_until(lambda: now() > ends + 0.1, 5, "the liveness ends")
        owner = json.loads(self.lock_value())["ownerHash"]
        self.between.thaw()
        wait_until(lambda: [key for key in self.keys() if "proc:" in key], 5, "the liveness is there again")
        self.assertEqual(json.loads(self.lock_value())["ownerHash"], owner)
        self.assertEqual(held.wait(), 0, held.stderr)

    def test_with_on_silence_continue_a_deleted_lock_is_a_loss_and_not_recreated(self):
        held = self.hold_through_relay("--on-silence=continue")
        ends = self.cut_off()
        self.redis("DEL", self.lock_name)
        wait_until(lambda: now() > ends + 0.1, 5, "the liveness ends")
        self.assertTrue(held.running())
        self.between.thaw()
        self.assertEqual(held.wait(), dlock.LOST)
        self.assertEqual([key for key in self.keys() if "fence" not in key], [])

    def test_without_on_silence_continue_an_expired_liveness_is_a_loss(self):
        held = self.hold_through_relay()
        owner = json.loads(self.lock_value())
        self.redis("DEL", f"{self.prefix}proc:{owner['processHash']}")
        self.assertEqual(held.wait(), dlock.LOST)
        self.assertEqual([key for key in self.keys() if "proc:" in key], [])


class ASupervisorIsStopped(Deadline):
    def test_with_the_engine_stopped_the_front_kills_before_the_lease_expires(self):
        held, heads = self.start_tree_through_relay()
        procs.stop(held.engine())
        ends = self.liveness_ends()
        self.assertLess(heads.wait_gone(5), ends)
        self.assertEqual(held.wait(), dlock.UNCONFIRMED)
        self.assert_killed_in_time(ends, later=FRONT_LATER)
        self.contender_follows()

    def test_with_the_front_stopped_the_engine_kills_before_the_lease_expires(self):
        held, heads = self.start_tree_through_relay()
        procs.stop(held.pid)
        ends = self.cut_off()
        self.assertLess(heads.wait_gone(5), ends)
        self.assert_killed_in_time(ends)
        self.contender_follows()
        procs.resume(held.pid)
        self.assertEqual(held.wait(), dlock.UNCONFIRMED)

    def test_an_engine_that_resumes_after_its_deadline_does_not_restart_the_job(self):
        held = self.hold_through_relay()
        engine = held.engine()
        procs.stop(engine)
        ends = self.liveness_ends()
        wait_until(lambda: now() > ends, 5, "the lease ends")
        procs.resume(engine)
        self.assertEqual(held.wait(), dlock.UNCONFIRMED)
        self.contender_follows()

    def test_if_all_processes_are_stopped_and_the_lock_is_lost_the_job_does_not_survive(self):
        held = self.hold_through_relay()
        engine, job = held.engine(), held.job()
        for pid in (job, engine, held.pid):
            procs.stop(pid)
        ends = self.liveness_ends()
        self.contender_follows()
        wait_until(lambda: now() > ends, 5, "the lease ends")
        # The supervisors are resumed first: that they run before the job does is the assumption.
        procs.resume(held.pid)
        procs.resume(engine)
        self.assertIn(held.wait(), (dlock.UNCONFIRMED, dlock.LOST))
        self.assert_no_overlap(self.life)

    def stop_until_the_lease_ends(self):
        """A run whose store failed once and worked again, and that then stood still until its lease had ended."""
        held = self.hold_through_relay()
        self.between.freeze()
        held.wait_said("could not be renewed")
        self.between.thaw()
        held.wait_said("renewed again")
        engine = held.engine()
        for pid in (engine, held.pid):
            procs.stop(pid)
        ends = self.liveness_ends()
        wait_until(lambda: now() > ends, 5, "the lease ends")
        procs.resume(engine)  # before the front, which would print its own message
        held.wait_said("no process of ")
        procs.resume(held.pid)
        held.wait()
        return held

    def test_a_stop_of_all_processes_is_not_reported_as_a_fault_of_the_store(self):
        for _ in range(5):
            held = self.stop_until_the_lease_ends()
            self.assertNotIn("fix the store", held.stderr)
            if held.code == dlock.LOST:
                continue  # the first renewal after the stop came before the deadline, and found that the lease had ended
            self.assertEqual(held.code, dlock.UNCONFIRMED)
            self.assert_says(held, "no renewal could be sent in time; was dlock stopped, or the machine overloaded?")
            return
        self.fail("five times a renewal found the lock lost")


class TheGrantComesLate(Deadline):
    def test_a_grant_that_arrives_after_its_lease_expired_starts_no_job(self):
        self.assertEqual(self.run_job("true", store=self.redis_store).code, 0)  # makes the server cache the scripts
        self.between.freeze(DOWN)
        started = self.start_run(JOBTOOL, "tick", self.life, store=self.through(self.between), options=OPTIONS)
        wait_until(lambda: self.lock_value() is not None, 10, "the server grants the lock")
        granted = now()
        wait_until(lambda: now() > granted + TTL, 10, "the lease ends")
        self.between.thaw()
        if started.running():
            wait_until(lambda: not started.running() or life.lines(self.life), 10, "it ends, or starts with a new lease")
        if life.lines(self.life):
            # A new lease is correct: then the lock on the server belongs to this run and is alive.
            self.assertTrue([key for key in self.keys() if "proc:" in key])
            started.signal(signal.SIGTERM)
            started.wait()
        else:
            self.assertEqual(started.wait(), dlock.UNREACHABLE)


if __name__ == "__main__":
    unittest.main()
