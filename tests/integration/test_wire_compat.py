"""dlock and a client with the rules of the Node library exclude each other, and each takes over from a dead holder of the other kind."""

import json
import os
import signal
import unittest

from harness import dlock, life, peer, procs
from harness.case import RedisCase
from harness.wait import LATE, PATIENCE, hold_for, now, wait_until

TTL = 2.0
RENEWAL = TTL / 5
OPTIONS = ["--ttl", "2s"]


@unittest.skipIf(peer.why_missing(), peer.why_missing() or "")
class WireCompat(RedisCase):
    def setUp(self):
        super().setUp()
        self.life = self.life_file()

    def peer(self, *words, **options):
        started = peer.Peer(self.directory, self.redis.port, options.pop("prefix", self.prefix), words, self.env, **options)
        self.addCleanup(started.kill)
        return started

    def hold_by_peer(self, seconds=60, **options):
        holder = self.peer("hold", self.key, str(seconds), life=self.life, **options)
        holder.wait_event("acquired")
        return holder

    def hold_by_dlock(self, *options, **how):
        return self.hold(life=self.life, store=how.pop("store", self.redis_store), options=[*OPTIONS, *options], **how)

    def try_by_dlock(self, **how):
        return self.run_job(dlock.JOBTOOL, "tick", self.life, "0.2", store=self.redis_store, options=OPTIONS, **how)


class MutualExclusion(WireCompat):
    def test_a_peer_is_refused_while_dlock_holds_the_lock_and_sees_the_holder(self):
        held = self.hold_by_dlock("--trace", "t-9")
        attempt = self.peer("try", self.key)
        self.assertEqual(attempt.wait(), 75)
        holder = attempt.event("held")["holder"]
        self.assertEqual(holder["ownerHash"], json.loads(self.lock_value())["ownerHash"])
        self.assertEqual(holder["trace"], "t-9")
        self.assertTrue(held.running())

    def test_dlock_is_refused_while_a_peer_holds_the_lock_and_names_its_host(self):
        self.hold_by_peer(host="node-host", trace="job-12")
        second = self.try_by_dlock()
        self.assertEqual(second.code, dlock.HELD)
        self.assert_says(second, "node-host", self.key)
        self.assertEqual(life.runs(self.life)[0].pids, {life.lines(self.life)[0].pid})

    def test_each_gets_the_lock_as_soon_as_the_other_has_released_it(self):
        self.assertEqual(self.hold_by_peer(seconds=0.3).wait(), 0)
        self.assertEqual(self.try_by_dlock().code, 0)
        self.assertEqual(self.hold_by_peer(seconds=0.3).wait(), 0)
        self.assert_no_overlap(self.life)

    def test_both_exclude_each_other_with_the_default_prefix(self):
        self.own_server()
        self.prefix = "dlock:"
        self.hold(life=self.life, store=["--store", self.redis.url, "--trust-restart"])
        attempt = self.peer("try", self.key, prefix="dlock:")
        self.assertEqual(attempt.wait(), 75)

    def test_in_a_race_of_all_there_is_never_more_than_one_holder(self):
        peers = [self.peer("hold", self.key, "0.1", life=self.life, wait_ms=8000) for _ in range(4)]
        began, granted = now(), 0
        while now() < began + 4 or (granted <= 3 and now() < began + 60):
            granted += self.run_job(dlock.JOBTOOL, "tick", self.life, "0.05", store=self.redis_store, options=OPTIONS).code == 0
        self.assertEqual([each.wait() for each in peers], [0, 0, 0, 0])
        self.assertGreater(granted, 3)
        self.assert_no_overlap(self.life)


class TakeOver(WireCompat):
    def test_a_peer_takes_over_from_a_dead_dlock(self):
        held = self.hold_by_dlock()
        engine = held.engine()
        procs.stop(held.pid)
        procs.stop(engine)
        procs.kill(held.pid)
        procs.kill(engine)  # both, so that no process is left to release
        owner = json.loads(self.lock_value())["ownerHash"]
        successor = self.peer("hold", self.key, "0.3", life=self.life, wait_ms=10_000)
        self.assertEqual(successor.wait(), 0)
        self.assertEqual(successor.event("takeover")["from"], owner)
        self.assert_no_overlap(self.life)

    def test_dlock_takes_over_from_a_dead_peer_and_not_earlier(self):
        dead = self.hold_by_peer(beat_ttl_ms=1500, beat_ms=300)
        dead.kill()
        killed = now()
        self.take_when_free(self.life, 10, store=self.redis_store, options=OPTIONS)
        self.assertGreater(life.runs(self.life)[1].first - killed, 1.5 - 0.3 - 0.1)
        self.assertLess(life.runs(self.life)[1].first - killed, (1.5 + 1) * PATIENCE)
        self.assert_no_overlap(self.life)

    def test_a_resumed_peer_notices_its_loss_and_does_not_touch_the_lock_of_dlock(self):
        slow = self.hold_by_peer(beat_ttl_ms=1000, beat_ms=200, recheck_ms=300)
        procs.stop(slow.process.pid)
        held = None

        def taken():
            nonlocal held
            held = self.start_run("sleep", "60", store=self.redis_store, options=OPTIONS)
            wait_until(lambda: not held.running() or held._find_engine() and self._is_dlocks(), 10, "an outcome")
            return held.running()
        wait_until(taken, 10, "dlock takes over")
        value = json.loads(self.lock_value())["ownerHash"]
        procs.resume(slow.process.pid)
        self.assertEqual(slow.wait(), 80)
        self.assertTrue(slow.event("lost"))
        self.assertEqual(json.loads(self.lock_value())["ownerHash"], value)
        self.assertTrue(held.running())

    def _is_dlocks(self):
        value = self.lock_value()
        return value is not None and "token" in json.loads(value)

    def test_a_live_peer_is_never_taken_over(self):
        holder = self.hold_by_peer(seconds=4, beat_ttl_ms=1000, beat_ms=200)
        while holder.process.poll() is None and holder.event("released") is None:
            code = self.try_by_dlock().code
            if code == 0:
                break
            self.assertEqual(code, dlock.HELD)
        self.assertEqual(holder.wait(), 0)
        self.assertEqual(holder.event("released")["deleted"], 1)
        self.assert_no_overlap(self.life)


class ThePeerTookOver(WireCompat):
    def test_dlock_kills_its_job_within_one_renewal_interval_and_reports_the_loss(self):
        held = self.hold_by_dlock()
        self.redis("DEL", self.lock_name)
        self.peer("hold", self.key, "2", life=self.life, host="node-host").wait_event("acquired")
        taken = now()
        self.assertEqual(held.wait(), dlock.LOST)
        # The library deletes and creates in two steps: a renewal in between finds no holder.
        self.assertRegex(held.stderr, "taken over by .*node-host|was deleted")
        self.assertLess(life.runs(self.life)[0].last - taken, RENEWAL + LATE)

    def test_after_an_outage_dlock_does_not_touch_the_lock_of_the_peer(self):
        between = self.relay()
        held = self.hold_by_dlock("--on-silence=continue", store=self.through(between))
        between.freeze()
        successor = self.peer("hold", self.key, "3", wait_ms=10_000)
        successor.wait_event("acquired")
        between.thaw()
        self.assertEqual(held.wait(), dlock.LOST)
        self.assertEqual(successor.wait(), 0)
        self.assertEqual(successor.event("released")["deleted"], 1)

    def test_without_on_silence_continue_the_job_is_dead_before_a_peer_can_take_over(self):
        between = self.relay()
        held = self.hold_by_dlock(store=self.through(between))
        between.freeze()
        successor = self.peer("hold", self.key, "0.5", life=self.life, wait_ms=10_000)
        self.assertEqual(successor.wait(), 0)
        self.assertEqual(held.wait(), dlock.UNCONFIRMED)
        self.assert_no_overlap(self.life)

    def test_dlock_still_holds_the_lock_at_the_recheck_of_a_peer(self):
        self.hold_by_dlock()
        for _ in range(3):
            self.assertEqual(self.peer("try", self.key).wait(), 75)
            hold_for(RENEWAL, lambda: self.lock_value() is not None, "the lock")


class OwnerHashes(WireCompat):
    def owner(self, key, *options):
        self.key = key
        held = self.hold_by_dlock(*options)
        lock = json.loads(self.lock_value())
        held.signal(signal.SIGTERM)
        held.wait()
        return lock

    def test_owner_hashes_match_the_expression_of_the_library(self):
        for key in ("job", "a/b/c", "user@host", "a@b/1.2.3", "with space", "ünï", "#hash", "x.1", "{tag}x", "a}b{c"):
            for options, trace in (((), None), (("--trace", "t/1@x.2#3"), "t/1@x.2#3")):
                with self.subTest(key=key, trace=trace):
                    lock = self.owner(key, *options)
                    parsed = peer.parse(lock["ownerHash"])
                    self.assertEqual((parsed["key"], parsed["processHash"]), (key, lock["processHash"]))
                    self.assertEqual(parsed["trace"], trace)

    def test_a_host_name_with_a_slash_gives_a_valid_owner_hash(self):
        if os.geteuid() != 0:
            self.skipTest("needs root: it makes another host name")
        held = self.hold_by_dlock(prefix_command=["unshare", "-u", "sh", "-c", 'printf a/b >/proc/sys/kernel/hostname && exec "$@"', "sh"])
        lock = json.loads(self.lock_value())
        self.assertTrue(held.running())
        self.assertEqual(peer.parse(lock["ownerHash"])["processHash"], lock["processHash"])

    def test_each_acquisition_has_a_new_owner_hash(self):
        hashes = {self.owner("job")["ownerHash"] for _ in range(4)}
        self.assertEqual(len(hashes), 4)


if __name__ == "__main__":
    unittest.main()
