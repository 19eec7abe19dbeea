"""-w on both stores: which waiter is woken, the order, the limits, and what happens when a process dies."""

import re
import signal
import unittest

from harness import dlock, life, procs
from harness.case import JOBTOOL, Case, OnRedis
from harness.relay import DOWN
from harness.wait import PATIENCE, hold_for, now, wait_until

TTL = 2.0
OPTIONS = ["--ttl", "2s"]
LONG = ["--ttl", "10s"]  # for events that must come long before the TTL expires
SOON = 2 * PATIENCE  # the limit for such events, also with forty processes per processor


class WaitingTests:
    """The tests of both classes below."""

    def setUp(self):
        super().setUp()
        self.life = self.life_file()

    def first(self, seconds=60, ttl=OPTIONS, **how):
        return self.hold(life=self.life, seconds=seconds, options=[*ttl, *how.pop("options", ())], **how)

    def waiter(self, *words, wait=("-w",), ttl=OPTIONS, **how):
        """Returns when it has reported that it waits."""
        started = self.start_run(*(words or (JOBTOOL, "tick", self.life, "0.1")),
                                 options=[*ttl, *wait, *how.pop("options", ())], **how)
        self.until_it_waits(started)
        return started

    def until_it_waits(self, started):
        wait_until(lambda: "; waiting for it" in started.stderr, 20, lambda: f"the waiter waits: {started.stderr}")

    def kill_all_of(self, started):
        """Kills front, engine and job at the same moment, as a power failure does."""
        family = [pid for pid in (started.pid, *procs.descendants(started.pid)) if procs.alive(pid)]
        for pid in family:
            procs.kill(pid, signal.SIGSTOP)
        for pid in family:
            procs.kill(pid)
        started.wait()

    # -- the end of a wait --

    def test_a_waiter_names_the_holder_and_runs_when_the_lock_is_released(self):
        held = self.first()
        waits = self.waiter()
        self.assert_says(waits, "key 'job': the lock is held by host", f"pid {held.pid}", "jobtool tick", " since 20")
        held.signal(signal.SIGTERM)
        self.assertEqual(waits.wait(), 0)
        self.assert_no_overlap(self.life)
        self.assertEqual(len(life.runs(self.life)), 2)

    def test_a_free_lock_is_acquired_without_a_message_about_waiting(self):
        done = self.run_job("true", options=["-w"])
        self.assertEqual((done.code, done.stderr), (0, ""))

    def test_the_next_job_starts_soon_after_the_previous_one_has_ended(self):
        took = []
        for _ in range(5):
            self.life = self.life_file(f"life{len(took)}")
            held = self.first(ttl=LONG)
            waits = self.waiter(ttl=LONG)
            procs.kill(held.job())
            self.assertEqual(waits.wait(), 0)
            before, after = life.runs(self.life)
            took.append(after.first - before.last)
        self.assertLess(sorted(took)[2], SOON, took)  # polling would take a third of a TTL

    def test_a_limited_wait_ends_with_75_when_the_limit_has_passed(self):
        self.first()
        began = now()
        ended = self.run_job("true", options=[*OPTIONS, "-w", "500ms"])
        took = now() - began
        self.assertEqual(ended.code, dlock.HELD)
        self.assertTrue(0.5 <= took < 0.5 + SOON, took)
        self.assert_says(ended, "at most 0.5s", "held by host", "nothing was started\n")
        self.assertRegex(ended.stderr, r"waited (5\d\dms|0\.[5-9]\d*s|[1-9]\S*)")

    def test_a_nested_run_with_the_same_key_is_refused_and_does_not_wait_for_itself(self):
        for outer, wait in (([], "-w"), ([], "-n"), (["--shared"], "-w")):
            with self.subTest(outer=outer, wait=wait):
                inner = [dlock.BINARY, "run", "--key", self.key, *self.default_store, *OPTIONS, wait, "--", "true"]
                ended = self.run_job("sh", "-c", '"$@"; exit $?', "sh", *inner, options=[*OPTIONS, *outer])
                self.assertEqual((ended.code, ended.stderr),
                                 (dlock.HELD, "dlock: key 'job': the lock is held by the run that started this command, so it can never acquire "
                                              "the lock; remove the inner dlock; nothing was started\n"))
                self.assertEqual(self.run_job("true", options=OPTIONS).code, 0)  # it has left the queue

    def test_a_nested_run_can_share_the_lock_or_have_another_key(self):
        for options in (["--key", self.key, "--shared", "-w"], ["--key", "other", "-w"]):
            inner = [dlock.BINARY, "run", *options, *self.default_store, *OPTIONS, "--", "true"]
            self.assertEqual(self.run_job(*inner, options=[*OPTIONS, "--shared"]).code, 0)

    def test_the_exit_code_of_a_wait_that_failed_can_be_chosen(self):
        self.first()
        self.assertEqual(self.run_job("true", options=[*OPTIONS, "-w", f"{0.2 * PATIENCE:g}s", "-E", "0"]).code, 0)

    def test_a_wait_of_0_is_no_wait(self):
        self.first()
        ended = self.run_job("true", options=[*OPTIONS, "--wait=0"])
        self.assertEqual(ended.code, dlock.HELD)
        self.assertNotIn("waited", ended.stderr)

    def test_any_terminating_signal_ends_a_wait_at_once_and_the_next_waiter_moves_up(self):
        held = self.first()
        for number, options in ((signal.SIGTERM, []), (signal.SIGINT, []), (signal.SIGHUP, []), (signal.SIGUSR1, []), (signal.SIGALRM, []),
                                (signal.SIGRTMIN, []), (signal.SIGWINCH, ["-s", "WINCH"])):
            with self.subTest(signal=number):
                waits = self.waiter(options=options)
                began = now()
                waits.signal(number)
                self.assertEqual(waits.wait(), 128 + number)
                self.assertLess(now() - began, SOON)
                self.assert_says(waits, f"{signal.Signals(number).name if number < 32 else f'signal {number}'} was received before the job started")
        last = self.waiter()
        held.signal(signal.SIGTERM)
        self.assertEqual(last.wait(), 0)

    def test_a_waiter_runs_after_the_lock_of_the_holder_was_taken_away(self):
        held = self.first()
        waits = self.waiter()
        self.take_lock_away()
        self.assertEqual(waits.wait(), 0)
        self.assertEqual(held.wait(), dlock.LOST)

    # -- order --

    def test_waiters_run_in_the_order_in_which_they_came(self):
        order = self.path("order")
        held = self.first()
        waiters = [self.waiter("sh", "-c", f"echo {number} >>{order}") for number in range(12)]
        held.signal(signal.SIGTERM)
        for each in waiters:
            self.assertEqual(each.wait(), 0)
        with open(order, encoding="ascii") as file:
            self.assertEqual([int(line) for line in file], list(range(12)))

    def test_a_run_that_does_not_wait_does_not_pass_a_waiter(self):
        held = self.first()
        waits = self.waiter()
        procs.stop(waits.engine())
        held.signal(signal.SIGTERM)
        held.wait()
        ended = self.run_job("true", options=OPTIONS)
        self.assertEqual(ended.code, dlock.HELD)
        self.assert_says(ended, "reserved for the first waiter, host", f"pid {waits.pid}")
        procs.resume(waits.engine())
        self.assertEqual(waits.wait(), 0)

    # -- deaths --

    def test_a_waiter_runs_after_the_holder_is_killed(self):
        held = self.first()
        waits = self.waiter()
        procs.kill(held.pid)
        self.assertEqual(waits.wait(), 0)
        self.assert_no_overlap(self.life)

    def test_waiters_that_were_killed_do_not_delay_the_next_one(self):
        held = self.first(ttl=LONG)
        dead = [self.waiter(ttl=LONG) for _ in range(3)]
        last = self.waiter(ttl=LONG)
        for each in dead:
            self.kill_all_of(each)
        held.signal(signal.SIGTERM)
        held.wait()
        ended = life.last_tick(self.life)
        self.assertEqual(last.wait(), 0)
        self.assertLess(life.runs(self.life)[1].first - ended, SOON)

    def test_a_woken_waiter_that_dies_delays_the_next_one_by_at_most_one_ttl(self):
        held = self.first()
        woken = self.waiter()
        last = self.waiter()
        for pid in (woken.pid, woken.engine()):
            procs.stop(pid)
        held.signal(signal.SIGTERM)
        held.wait()
        self.kill_all_of(woken)
        died = now()
        self.assertEqual(last.wait(), 0)
        self.assertLess(life.runs(self.life)[1].first - died, TTL + SOON)

    def test_a_waiter_whose_engine_or_front_is_killed_leaves_no_place_in_the_queue(self):
        held = self.first()
        for who in ("front", "engine"):
            with self.subTest(killed=who):
                waits = self.waiter()
                procs.kill(waits.pid if who == "front" else waits.engine())
                waits.wait()
        last = self.waiter()
        held.signal(signal.SIGTERM)
        self.assertEqual(last.wait(), 0)


class WaitingOnTheEmbeddedStore(WaitingTests, Case):
    def take_lock_away(self):
        import os
        os.unlink(f"{self.locks}/{self.key}.lock")

    def test_a_waiter_runs_at_once_after_the_death_of_holder_and_supervisors(self):
        held = self.first()
        waits = self.waiter()
        self.kill_all_of(held)
        died = now()
        self.assertEqual(waits.wait(), 0)
        self.assertLess(life.runs(self.life)[1].first - died, SOON)

    def test_a_stopped_waiter_delays_the_next_ones_until_it_is_resumed_or_dies(self):
        for comes_back in (True, False):
            with self.subTest(comes_back=comes_back):
                held = self.first()
                stopped = self.waiter("true")
                last = self.waiter("true")
                procs.stop(stopped.engine())
                held.signal(signal.SIGTERM)
                held.wait()
                hold_for(1.5 * TTL, last.running, "the wait")
                if comes_back:
                    procs.resume(stopped.engine())
                    self.assertEqual(stopped.wait(), 0)
                else:
                    self.kill_all_of(stopped)
                self.assertEqual(last.wait(), 0)

    def test_a_wait_costs_no_processor_time(self):
        self.first()
        waits = self.waiter()
        family = [waits.pid, *procs.descendants(waits.pid)]
        before = [procs.stat(pid)["cpu_ticks"] for pid in family]
        hold_for(1.0, waits.running, "the wait")
        self.assertLessEqual(sum(procs.stat(pid)["cpu_ticks"] for pid in family) - sum(before), 2)


class WaitingOnRedis(WaitingTests, OnRedis):
    def take_lock_away(self):
        self.redis("DEL", self.lock_name)

    def test_after_the_death_of_a_machine_the_next_job_starts_within_50_ms_of_the_expiry(self):
        took = []
        for number in range(3):
            self.life = self.life_file(f"life{number}")
            held = self.first()
            waits = self.waiter()
            self.kill_all_of(held)
            (liveness,) = [key for key in self.keys() if ":proc:" in key and not key.endswith(":wait")]
            over = now() + self.redis("PTTL", liveness) / 1000
            self.assertEqual(waits.wait(), 0)
            took.append(life.runs(self.life)[1].first - over)
        self.assertGreater(min(took), -0.002, "nobody may run before the liveness is over")
        self.assert_mostly_within(0.05, took)

    def test_a_stopped_waiter_loses_its_place_after_one_ttl(self):
        held = self.first()
        stopped = self.waiter()
        last = self.waiter()
        procs.stop(stopped.engine())
        stopped_at = now()
        held.signal(signal.SIGTERM)
        held.wait()
        self.assertEqual(last.wait(), 0)
        self.assertLess(life.runs(self.life)[1].first - stopped_at, TTL + TTL / 3 + SOON)
        procs.resume(stopped.engine())
        self.assertEqual(stopped.wait(), 0)

    def test_a_waiter_that_dies_at_its_turn_delays_the_next_one_by_at_most_its_own_ttl(self):
        held = self.first()
        stopped = self.waiter()
        last = self.waiter(ttl=["--ttl", "60s"])
        procs.stop(stopped.engine())
        stopped_at = now()
        held.signal(signal.SIGTERM)
        held.wait()
        self.kill_all_of(stopped)
        self.assertEqual(last.wait(), 0)
        self.assertLess(life.runs(self.life)[1].first - stopped_at, TTL + SOON)

    def test_a_waiter_whose_subscription_was_lost_keeps_its_place(self):
        between = self.relay()
        self.first(seconds=1)
        waits = self.waiter(store=self.through(between), ttl=["--ttl", "3s"])
        self.assertEqual(between.forget(b"SUBSCRIBE"), 1)
        later = []
        give_up = now() + 10 * PATIENCE
        while waits.running() and now() < give_up:
            later.append(self.run_job("sleep", "0.2", options=[*OPTIONS, "-w"]))
        self.assertEqual(waits.wait(), 0, waits.stderr)
        # It is passed until it checks by itself, a third of its --ttl after its last check.
        self.assertLess(len(later), 10)

    def test_a_waiter_survives_a_store_that_stops_answering(self):
        between = self.relay()
        held = self.first()
        waits = self.waiter(store=self.through(between))
        between.freeze()
        wait_until(lambda: "did not answer" in waits.stderr, 10, lambda: waits.stderr)
        between.thaw()
        held.signal(signal.SIGTERM)
        self.assertEqual(waits.wait(), 0)
        self.assert_says(waits, "still waiting", "answers again")
        self.assert_no_overlap(self.life)

    def test_a_waiter_survives_a_restart_of_the_store(self):
        server = self.own_server(persistent=True)
        held = self.first(store=self.redis_store)
        waits = self.waiter(store=self.redis_store)
        server.stop()
        wait_until(lambda: "still waiting" in waits.stderr, 10, lambda: waits.stderr)
        server.start_again()
        hold_for(0.5, waits.running, "the wait")
        held.signal(signal.SIGTERM)
        self.assertEqual(waits.wait(), 0)
        self.assert_no_overlap(self.life)

    def test_the_wait_limit_holds_even_if_the_store_hangs(self):
        between = self.relay()
        self.first()
        began = now()
        waits = self.waiter(store=self.through(between), wait=("-w", "2s"))
        between.freeze()
        self.assertEqual(waits.wait(), dlock.UNREACHABLE)
        self.assertLess(now() - began, 2 + SOON)
        self.assert_says(waits, "did not answer", "nothing was started")

    def test_a_wait_that_ends_before_the_last_reply_reports_the_lock_as_held(self):
        slow = self.relay()
        slow.delay(0.15, DOWN)
        waiting = []
        for number in range(10):  # so that the end of the wait falls before, at and after the end of the first job
            key = f"job{number}"
            self.hold(key=key, life=self.life_file(key), seconds=0.7 + 0.04 * number, options=LONG)
            waiting.append(self.start_run("true", key=key, store=self.through(slow), options=[*LONG, "-w", "1100ms"]))
        codes = [each.wait() for each in waiting]
        self.assertLessEqual(set(codes), {0, dlock.HELD}, [each.stderr for each in waiting])
        self.assertIn(dlock.HELD, codes)

    def test_a_release_wakes_only_one_waiter(self):
        held = self.first()
        waiters = [self.waiter("true") for _ in range(10)]
        before, began = self.calls("evalsha"), now()
        held.signal(signal.SIGTERM)
        for each in waiters:
            self.assertEqual(each.wait(), 0)
        # Eleven releases and ten acquisitions, and each waiter refreshes its place once in a third of a TTL.
        shows = 10 * (1 + (now() - began) / (TTL / 3))
        self.assertLessEqual(self.calls("evalsha") - before, 11 + 10 + shows)

    def calls(self, command):
        found = re.search(rf"cmdstat_{command}:calls=(\d+)", self.redis("INFO", "commandstats"))
        return int(found.group(1)) if found else 0

    def test_the_queue_leaves_no_keys(self):
        held = self.first()
        waits = self.waiter()
        leaver = self.waiter()
        leaver.signal(signal.SIGTERM)
        leaver.wait()
        held.signal(signal.SIGTERM)
        waits.wait()
        wait_until(lambda: [key for key in self.keys() if ":fence:" not in key.replace(self.prefix, ":")] == [], 5,
                   lambda: f"only the token is left: {self.keys()}")


if __name__ == "__main__":
    unittest.main()
