"""A Redis that fails, is slow or loses its data while the job runs: only a real answer about the lock counts as one."""

import json
import time
import unittest

from harness import dlock, life
from harness.case import JOBTOOL
from harness.fake_redis import ERROR_REPLIES, PASS, is_script
from harness.fake_redis_case import FakeRedisCase
from harness.relay import DOWN, UP
from harness.wait import LATE, hold_for, now

TTL = 2.0
RENEWAL = TTL / 5
OPTIONS = ["--ttl", "2s"]


class RedisFaults(FakeRedisCase):
    def contender_follows(self):
        self.take_when_free(self.life, 15, store=self.redis_store, options=OPTIONS)
        self.assert_no_overlap(self.life)


class WhileTheJobRuns(RedisFaults):
    def hold_through(self, between, *options, seconds=60):
        return self.hold(life=self.life, store=self.through(between), options=[*OPTIONS, *options], seconds=seconds)

    def test_replies_that_arrive_byte_by_byte_end_the_job_at_the_deadline_without_overlap(self):
        between = self.relay()
        held = self.hold_through(between)
        between.drip(4, DOWN)
        self.assertEqual(held.wait(10), dlock.UNCONFIRMED)
        self.contender_follows()

    def test_requests_that_arrive_byte_by_byte_end_the_job_at_the_deadline(self):
        between = self.relay()
        held = self.hold_through(between)
        between.drip(4, UP)
        self.assertEqual(held.wait(10), dlock.UNCONFIRMED)
        self.contender_follows()

    def test_a_connection_reset_is_followed_by_a_new_connection(self):
        between = self.relay()
        held = self.hold_through(between, seconds=3)
        for _ in range(4):
            between.reset()
            hold_for(0.5, held.running, "dlock")
        self.assertEqual(held.wait(), 0)
        self.assertGreater(between.accepted, 2)

    def test_a_server_that_stays_away_ends_the_job_at_the_deadline(self):
        between = self.relay()
        held = self.hold_through(between)
        between.refuse()
        self.assertEqual(held.wait(10), dlock.UNCONFIRMED)
        self.contender_follows()

    def test_the_fault_that_lasts_is_reported_and_not_the_first_one(self):
        server = self.own_server()
        held = self.start_with_status(JOBTOOL, "tick", self.life, "60", store=self.redis_store, options=OPTIONS)
        self.wait_job_starts(self.life, 0, held)
        server("CONFIG", "SET", "requirepass", "another")
        server("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        self.assertEqual(held.wait(10), dlock.UNCONFIRMED)
        self.assertIn("requires a password", held.own_lines[-1])
        self.assertIn("requires a password", held.status["reason"])

    def test_a_server_that_is_away_briefly_does_not_end_the_job(self):
        between = self.relay()
        held = self.hold_through(between, seconds=3)
        between.refuse()
        hold_for(0.6, held.running, "dlock")
        between.thaw()
        self.assertEqual(held.wait(), 0)

    def test_a_server_that_stays_stopped_ends_the_job_two_seconds_late_at_most(self):
        server = self.own_server()
        held = self.hold(life=self.life, store=self.redis_store, options=OPTIONS)
        server.pause()
        stopped = now()
        self.assertEqual(held.wait(10), dlock.UNCONFIRMED)
        self.assertLess(now() - stopped, TTL + 2.0 + LATE)
        self.assertLess(life.last_tick(self.life) - stopped, TTL)
        server.resume()

    def test_a_server_that_is_stopped_briefly_does_not_end_the_job(self):
        server = self.own_server()
        held = self.hold(life=self.life, store=self.redis_store, options=OPTIONS, seconds=3)
        server.pause()
        hold_for(0.6, held.running, "dlock")
        server.resume()
        self.assertEqual(held.wait(), 0)

    def test_every_error_reply_counts_as_no_answer(self):
        ill = {}
        fake = self.fake(lambda words: ill["reply"] if ill and is_script(words) else PASS)
        for name, (reply, _) in ERROR_REPLIES.items():
            with self.subTest(reply=name):
                ill.clear()
                held = self.hold(life=self.life, store=self.fake_store(fake), options=OPTIONS, seconds=1.6)
                ill["reply"] = reply
                hold_for(0.6, held.running, "dlock")
                ill.clear()
                self.assertEqual(held.wait(), 0, held.stderr)
        self.assert_no_overlap(self.life)

    def test_a_lasting_error_reply_ends_the_job_at_the_deadline(self):
        ill = {}
        fake = self.fake(lambda words: ill["reply"] if ill and is_script(words) else PASS)
        held = self.hold(life=self.life, store=self.fake_store(fake), options=OPTIONS)
        ill["reply"] = ERROR_REPLIES["LOADING"][0]
        self.assertEqual(held.wait(10), dlock.UNCONFIRMED)
        self.contender_follows()

    def test_a_lease_that_expires_after_the_job_does_not_change_its_exit_code(self):
        between = self.relay()
        first = self.hold(life=self.life, store=self.through(between), options=OPTIONS, seconds=0.9, tick_options=["--exit", "3"])
        between.freeze()
        self.take_when_free(self.life, store=self.redis_store, options=OPTIONS)
        between.thaw()  # the release of the first run is still sent, and is refused because the lock belongs to another run
        self.assertEqual(first.wait(), 3, first.stderr)
        self.assert_says(first, "the lock could not be released")
        self.assert_no_overlap(self.life)

    def test_a_lock_key_with_another_value_is_a_loss_and_left_unchanged(self):
        for make in (("LPUSH", self.lock_name, "x"), ("SET", self.lock_name, "not json"), ("SET", self.lock_name, "{}")):
            with self.subTest(command=make):
                self.redis("DEL", self.lock_name)
                held = self.hold(life=self.life, store=self.redis_store, options=OPTIONS)
                self.redis("DEL", self.lock_name)
                self.redis(*make)
                changed = now()
                self.assertEqual(held.wait(), dlock.LOST)
                self.assertLess(life.last_tick(self.life) - changed, RENEWAL + LATE)
                self.assertEqual(self.redis("EXISTS", self.lock_name), 1)

    def test_renewal_and_release_work_on_a_server_that_is_out_of_memory(self):
        server = self.own_server()
        held = self.hold(life=self.life, store=self.redis_store, options=OPTIONS, seconds=3)
        server("CONFIG", "SET", "maxmemory", "1")
        self.assertEqual(held.wait(), 0, held.stderr)
        self.assertIsNone(self.lock_value())

    def test_every_kind_of_loss_kills_the_job_within_one_renewal_interval(self):
        def liveness():
            return f"{self.prefix}proc:{json.loads(self.lock_value())['processHash']}"
        removed = []
        other = '{"ownerHash":"job@other-host/7.7.1","processHash":"other-host/7.7","acquiredAt":"2024-01-01T00:00:00.000Z"}'
        ways = {
            "deleted": lambda: self.redis("DEL", self.lock_name),
            "emptied": lambda: self.redis("SET", self.lock_name, ""),
            "taken": lambda: self.redis("SET", self.lock_name, other),
            "renamed": lambda: self.redis("RENAME", self.lock_name, self.lock_name + "x"),
            "liveness deleted": lambda: (removed.append(liveness()), self.redis("DEL", removed[0])),
        }
        for name, lose in ways.items():
            with self.subTest(lost=name):
                self.redis("DEL", self.lock_name)
                held = self.hold(life=self.life, store=self.redis_store, options=OPTIONS)
                lose()
                lost = now()
                self.assertEqual(held.wait(), dlock.LOST, held.stderr)
                self.assertLess(life.last_tick(self.life) - lost, RENEWAL + LATE)
                self.assertEqual(len(held.own_lines), 1, held.stderr)
                if name == "taken":
                    self.assertIn("other-host", held.stderr)
                    self.assertEqual(self.lock_value(), other)
                if name == "liveness deleted":
                    self.assertEqual(self.redis("EXISTS", removed[0]), 0)

    def test_a_server_restart_with_lost_memory_is_a_loss(self):
        server = self.own_server()
        held = self.hold(life=self.life, store=self.redis_store, options=OPTIONS)
        server.restart_with_lost_memory()
        answered = now()
        self.assertEqual(held.wait(), dlock.LOST)
        self.assertLess(life.last_tick(self.life) - answered, RENEWAL + LATE)

    def test_a_job_that_ends_by_itself_after_the_loss_is_not_a_success(self):
        held = self.hold(life=self.life, store=self.redis_store, options=["--ttl", "10s"], seconds=0.8)
        self.redis("DEL", self.lock_name)
        self.assertEqual(held.wait(), dlock.LOST)

    def test_an_emptied_script_cache_does_not_affect_the_run(self):
        held = self.hold(life=self.life, store=self.redis_store, options=OPTIONS, seconds=2)
        self.redis("SCRIPT", "FLUSH")
        self.assertEqual(held.wait(), 0, held.stderr)

    def test_a_killed_connection_does_not_affect_the_run(self):
        held = self.hold(life=self.life, store=self.redis_store, options=OPTIONS, seconds=2)
        self.redis("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        self.assertEqual(held.wait(), 0, held.stderr)


class AwayFromTheStart(RedisFaults):
    """A waiter waits for the store as well as for the lock."""

    def waits_through(self, store, come_back):
        waiting = self.start_run("true", store=store, options=[*OPTIONS, "-w", "20s"])
        waiting.wait_said("; still waiting")
        hold_for(TTL * 0.6, waiting.running, "the wait")  # without --wait a run retries for half a TTL
        come_back()
        self.assertEqual(waiting.wait(), 0, waiting.stderr)
        self.assert_says(waiting, "answers again")

    def test_a_waiter_waits_for_a_server_that_refuses_connections(self):
        between = self.relay()
        between.refuse()
        self.waits_through(self.through(between), between.thaw)

    def test_a_waiter_waits_for_a_server_that_does_not_answer(self):
        between = self.relay()
        between.freeze()
        self.waits_through(self.through(between), between.thaw)

    def test_a_waiter_waits_for_a_server_that_cannot_serve_yet(self):
        for name in ("LOADING", "MASTERDOWN", "READONLY", "MISCONF"):
            with self.subTest(reply=name):
                ill = [ERROR_REPLIES[name][0]]
                fake = self.fake(lambda words, ill=ill: ill[0] if ill else PASS)
                waiting = self.start_run("true", store=self.fake_store(fake), options=[*OPTIONS, "-w", "20s"])
                waiting.wait_said("; still waiting")
                ill.clear()
                self.assertEqual(waiting.wait(), 0, waiting.stderr)

    def test_the_wait_limit_ends_the_run_with_69_and_the_error_of_the_store(self):
        fake = self.fake(lambda words: ERROR_REPLIES["LOADING"][0])
        began = now()
        ended = self.run_job("true", store=self.fake_store(fake), options=[*OPTIONS, "-w", "1500ms"])
        self.assertGreaterEqual(now() - began, 1.5)
        self.assertEqual(ended.code, dlock.UNREACHABLE)
        self.assertIn("still loading its data", ended.own_lines[-1])

    def test_a_permanent_refusal_ends_the_wait_at_once(self):
        fake = self.fake(lambda words: ERROR_REPLIES["WRONGPASS"][0])
        self.assertEqual(self.run_job("true", store=self.fake_store(fake), options=[*OPTIONS, "-w"]).code, dlock.REFUSED)


class LostReplies(RedisFaults):
    def test_a_lost_reply_to_acquire_is_retried(self):
        between = self.relay()
        between.cut_after(b"EVAL")
        ended = self.run_job(JOBTOOL, "tick", self.life, "0.5", store=self.through(between), options=OPTIONS)
        self.assertEqual((ended.code, between.cuts), (0, 1), ended.stderr)
        self.assertEqual(len(life.runs(self.life)), 1)
        self.assertIsNone(self.lock_value())

    def test_a_lost_reply_to_a_renewal_is_retried(self):
        between = self.relay()
        held = self.hold(life=self.life, store=self.through(between), options=OPTIONS, seconds=2)
        between.cut_after(b"EVAL")
        self.assertEqual((held.wait(), between.cuts), (0, 1), held.stderr)
        self.assertEqual(held.own_lines, [])  # it is retried at once

    def test_a_lost_reply_to_release_is_retried(self):
        between = self.relay()
        held = self.start_run("sh", "-c", f"while [ ! -e {self.path('go')} ]; do sleep 0.01; done; exit 9",
                              store=self.through(between), options=["--ttl", "60s"])
        held.job()
        time.sleep(0.2)
        between.cut_after(b"EVAL")  # with this TTL no renewal is due before the release
        with open(self.path("go"), "wb"):
            pass
        self.assertEqual((held.wait(), between.cuts), (9, 1), held.stderr)
        self.assertIsNone(self.lock_value())

    def test_a_store_that_does_not_answer_a_release_delays_the_end_by_at_most_two_seconds(self):
        server = self.own_server()
        held = self.start_run("sh", "-c", f"while [ ! -e {self.path('go')} ]; do sleep 0.01; done; exit 9",
                              store=self.redis_store, options=["--ttl", "60s"])
        held.job()
        server.pause()
        with open(self.path("go"), "wb"):
            pass
        began = now()
        self.assertEqual(held.wait(10), 9)
        self.assertLess(now() - began, 2.0 + LATE)
        self.assertTrue(held.own_lines, "nobody was told that the lock is left to expire")
        server.resume()


if __name__ == "__main__":
    unittest.main()
