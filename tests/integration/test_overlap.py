"""One test for each row of README.md, "Compared with other tools": a second contender, and the overlap measured from the life file."""

import os
import shutil
import signal
import unittest

from harness import dlock, life, procs
from harness.case import Case, RedisCase
from harness.wait import LATE, hold_for, now

TTL = 2.0
RENEWAL = TTL / 5
OPTIONS = ["--ttl", "2s"]


class OverlapOnRedis(RedisCase):
    def setUp(self):
        super().setUp()
        self.life = self.life_file()
        self.between = self.relay()

    def first(self, **how):
        return self.hold(life=self.life, store=self.through(self.between), options=OPTIONS, **how)

    def second_follows(self, seconds=15):
        return self.take_when_free(self.life, seconds, store=self.redis_store, options=OPTIONS)

    def test_after_sigterm_jobs_overlap_for_0_ms(self):
        first = self.first()
        first.signal(signal.SIGTERM)
        self.second_follows()
        self.assertEqual(first.wait(), 143)
        self.assert_no_overlap(self.life)

    def test_after_sigterm_to_a_job_that_ends_slowly_jobs_overlap_for_0_ms(self):
        first = self.first(tick_options=["--ignore", "TERM"], seconds=2)
        first.signal(signal.SIGTERM)
        self.second_follows()
        self.assertEqual(first.wait(), 0)
        self.assert_no_overlap(self.life)

    def test_after_sigkill_jobs_overlap_for_0_ms_and_the_next_starts_within_200_ms(self):
        took = []
        for number in range(5):
            self.life = self.life_file(f"life{number}")
            first = self.first()
            killed = now()
            first.signal(signal.SIGKILL)
            self.second_follows()
            self.assert_no_overlap(self.life)
            took.append(life.runs(self.life)[1].first - killed)
        self.assert_mostly_within(0.2, took)

    def test_with_a_stopped_front_jobs_overlap_for_0_ms(self):
        first = self.first(seconds=6)
        procs.stop(first.pid)
        hold_for(2 * TTL, lambda: self.run_job("true", store=self.redis_store).code == dlock.HELD, "the lock")
        procs.resume(first.pid)
        self.second_follows()
        self.assertEqual(first.wait(), 0)
        self.assert_no_overlap(self.life)

    def test_with_a_stopped_engine_jobs_overlap_for_0_ms(self):
        first = self.first()
        procs.stop(first.engine())
        self.second_follows()
        self.assertEqual(first.wait(), dlock.UNCONFIRMED)
        self.assert_no_overlap(self.life)

    def test_with_both_supervisors_stopped_and_resumed_jobs_overlap_for_0_ms(self):
        first = self.first()
        engine, job = first.engine(), first.job()
        for pid in (job, first.pid, engine):
            procs.stop(pid)
        self.second_follows()
        procs.resume(first.pid)
        procs.resume(engine)
        self.assertIn(first.wait(), (dlock.LOST, dlock.UNCONFIRMED))
        self.assert_no_overlap(self.life)

    def test_after_a_short_cut_off_from_the_store_jobs_overlap_for_0_ms(self):
        first = self.first()
        self.between.freeze()
        self.second_follows()
        self.between.thaw()
        self.assertEqual(first.wait(), dlock.UNCONFIRMED)
        self.assert_no_overlap(self.life)

    def test_after_a_permanent_cut_off_from_the_store_jobs_overlap_for_0_ms(self):
        first = self.first()
        self.between.freeze()
        self.second_follows()
        self.assertEqual(first.wait(), dlock.UNCONFIRMED)
        self.assert_no_overlap(self.life)

    def test_after_a_store_restart_jobs_overlap_for_at_most_one_renewal_interval(self):
        server = self.own_server()
        first = self.hold(life=self.life, store=self.redis_store, options=OPTIONS)
        server.restart_with_lost_memory()
        self.second_follows()  # it trusts the restart; without that it would wait and the overlap would be 0: see the next test
        self.assertEqual(first.wait(), dlock.LOST)
        self.assertLess(life.overlap(self.life), RENEWAL + LATE)

    def test_after_a_store_restart_without_trust_restart_jobs_overlap_for_0_ms(self):
        server = self.own_server()
        first = self.hold(life=self.life, store=self.redis_store, options=OPTIONS)
        server.restart_with_lost_memory()
        self.take_when_free(self.life, 15, store=self.store_at(server.url, trust=False), options=OPTIONS)
        self.assertEqual(first.wait(), dlock.LOST)
        self.assert_no_overlap(self.life)

    def test_after_the_lock_key_is_deleted_jobs_overlap_for_at_most_one_renewal_interval(self):
        first = self.first()
        self.redis("DEL", self.lock_name)
        self.second_follows()
        self.assertEqual(first.wait(), dlock.LOST)
        self.assertLess(life.overlap(self.life), RENEWAL + LATE)

    def test_of_many_contenders_no_two_jobs_overlap(self):
        began, running = now(), []
        # For five seconds, and on a loaded machine until there are enough runs.
        while now() < began + 5 or (len(life.runs(self.life)) <= 10 and now() < began + 60):
            running = [each for each in running if each.running()]
            if len(running) < 6:
                running.append(self.start_run(dlock.JOBTOOL, "tick", self.life, "0.05", store=self.redis_store, options=OPTIONS))
        for each in running:
            self.assertIn(each.wait(), (0, dlock.HELD))
        self.assertGreater(len(life.runs(self.life)), 10)
        self.assert_no_overlap(self.life)
        tokens = [int(run.token) for run in life.runs(self.life)]
        self.assertEqual(tokens, sorted(tokens))


class OverlapOnTheEmbeddedStore(Case):
    def setUp(self):
        super().setUp()
        self.life = self.life_file()

    def first(self, **how):
        return self.hold(life=self.life, options=OPTIONS, **how)

    def second_follows(self, seconds=15):
        return self.take_when_free(self.life, seconds, options=OPTIONS)

    def test_after_sigterm_jobs_overlap_for_0_ms(self):
        first = self.first()
        first.signal(signal.SIGTERM)
        self.second_follows()
        self.assertEqual(first.wait(), 143)
        self.assert_no_overlap(self.life)

    def test_after_sigkill_jobs_overlap_for_0_ms_and_the_next_starts_within_200_ms(self):
        for who in ("front", "engine"):
            with self.subTest(killed=who):
                took = []
                for number in range(5):
                    self.life = self.life_file(f"{who}{number}")
                    first = self.first()
                    pid = first.pid if who == "front" else first.engine()
                    killed = now()
                    procs.kill(pid)
                    self.second_follows()
                    first.wait()
                    self.assert_no_overlap(self.life)
                    took.append(life.runs(self.life)[1].first - killed)
                self.assert_mostly_within(0.2, took)

    def test_after_sigkill_of_both_supervisors_jobs_overlap_for_0_ms(self):
        first = self.first()
        engine = first.engine()
        procs.stop(engine)
        procs.stop(first.pid)
        procs.kill(engine)
        procs.kill(first.pid)
        self.second_follows()
        self.assert_no_overlap(self.life)

    def test_with_a_stopped_front_jobs_overlap_for_0_ms(self):
        first = self.first(seconds=4)
        procs.stop(first.pid)
        hold_for(1.5 * TTL, lambda: self.run_job("true").code == dlock.HELD, "the lock")
        procs.resume(first.pid)
        self.second_follows()
        self.assertEqual(first.wait(), 0)
        self.assert_no_overlap(self.life)

    def test_with_both_supervisors_stopped_the_job_runs_on_and_jobs_overlap_for_0_ms(self):
        first = self.first()
        engine, job = first.engine(), first.job()
        procs.stop(first.pid)
        procs.stop(engine)
        hold_for(1.5 * TTL, lambda: self.run_job("true").code == dlock.HELD, "the lock")
        self.assertTrue(procs.alive(job))
        procs.resume(engine)
        procs.resume(first.pid)
        first.signal(signal.SIGTERM)
        self.second_follows()
        first.wait()
        self.assert_no_overlap(self.life)

    def test_after_the_lock_file_is_deleted_jobs_overlap_for_at_most_one_renewal_interval(self):
        first = self.first()
        for name in os.listdir(self.locks):
            os.unlink(os.path.join(self.locks, name))
        self.second_follows()
        self.assertEqual(first.wait(), dlock.LOST)
        self.assertLess(life.overlap(self.life), RENEWAL + LATE)

    def test_after_the_directory_is_deleted_jobs_overlap_for_at_most_one_renewal_interval(self):
        first = self.first()
        shutil.rmtree(self.locks)
        self.second_follows()
        self.assertEqual(first.wait(), dlock.LOST)
        self.assertLess(life.overlap(self.life), RENEWAL + LATE)

    def test_of_many_contenders_no_two_jobs_overlap(self):
        began, running = now(), []
        # For five seconds, and on a loaded machine until there are enough runs.
        while now() < began + 5 or (len(life.runs(self.life)) <= 10 and now() < began + 60):
            running = [each for each in running if each.running()]
            if len(running) < 6:
                running.append(self.start_run(dlock.JOBTOOL, "tick", self.life, "0.05", options=OPTIONS))
        for each in running:
            self.assertIn(each.wait(), (0, dlock.HELD))
        self.assertGreater(len(life.runs(self.life)), 10)
        self.assert_no_overlap(self.life)


if __name__ == "__main__":
    unittest.main()
