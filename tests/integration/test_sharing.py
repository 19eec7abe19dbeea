"""--limit and --shared on both stores: which runs can hold a lock together, and that each holder is independent."""

import json
import os
import random
import signal
import unittest

from harness import dlock, life, peer, procs
from harness.case import JOBTOOL, Case, OnRedis
from harness.wait import LATE, PATIENCE, now, wait_until

TTL = 2.0
OPTIONS = ["--ttl", "2s"]
DIES = ["--ttl", f"{1.3 * min(PATIENCE, 3):g}s"]  # short, so that a dead holder is soon replaced, but not too short for a live one


def beside(moment, *paths):
    """The number of runs that were alive at that time, by their life files."""
    return sum(run.first <= moment <= run.last for path in paths for run in life.runs(path))


class SharingTests:
    def setUp(self):
        super().setUp()
        self.life = self.life_file()

    def share(self, *options, seconds=60, **how):
        return self.hold(life=self.life, seconds=seconds, options=[*OPTIONS, *options], **how)

    def attempt(self, *options, **how):
        return self.run_job("true", options=[*OPTIONS, *options], **how)

    def test_readers_run_together_and_a_writer_runs_alone(self):
        readers = [self.share("--shared") for _ in range(3)]
        writer = self.attempt()
        self.assertEqual(writer.code, dlock.HELD)
        self.assert_says(writer, "is held by 3 holders, one of them host")
        for each in readers:
            each.signal(signal.SIGTERM)
            each.wait()
        self.share("--exclusive")
        reader = self.attempt("--shared")
        self.assertEqual(reader.code, dlock.HELD)
        self.assert_says(reader, "is held by host")

    def test_a_limit_of_n_admits_n_runs_at_once_and_no_more(self):
        first = self.share("--limit", "2")
        self.share("--limit", "2")
        self.assertEqual(self.attempt("--limit", "2").code, dlock.HELD)
        first.signal(signal.SIGTERM)
        first.wait()
        self.assertEqual(self.attempt("--limit", "2").code, 0)

    def test_a_waiting_writer_is_not_passed_by_a_later_reader(self):
        reader = self.share("--shared")
        writer = self.start_run(JOBTOOL, "tick", self.life, "0.2", options=[*OPTIONS, "-w"])
        wait_until(lambda: "waiting for it" in writer.stderr, 10, "the writer waits")
        late = self.attempt("--shared")
        self.assertEqual(late.code, dlock.HELD)
        self.assert_says(late, "reserved for the first waiter, host")
        waiting = self.start_run(JOBTOOL, "tick", self.life, "0.2", options=[*OPTIONS, "-w", "--shared"])
        wait_until(lambda: "waiting for it" in waiting.stderr, 10, "the late reader waits")
        reader.signal(signal.SIGTERM)
        self.assertEqual((writer.wait(), waiting.wait()), (0, 0))
        self.assert_no_overlap(self.life)

    def test_each_holder_has_its_own_token_and_tokens_rise(self):
        for _ in range(3):
            self.share("--limit", "3")
        tokens = [int(run.token) for run in life.runs(self.life)]
        self.assertEqual(len(set(tokens)), 3)
        self.assertEqual(tokens, sorted(tokens))

    def test_the_place_of_a_killed_holder_is_free_while_the_others_continue(self):
        killed = self.share("--limit", "2")
        other = self.share("--limit", "2")
        procs.kill(killed.pid)
        killed.wait()
        self.assertEqual(self.run_job("true", options=[*OPTIONS, "--limit", "2", "-w", "5s"]).code, 0)
        self.assertTrue(other.running())
        self.assertEqual(self.attempt().code, dlock.HELD)

    def test_after_the_death_of_both_supervisors_the_place_is_free_within_one_ttl(self):
        dead = self.share("--limit", "2")
        other = self.share("--limit", "2")
        engine = dead.engine()
        procs.stop(engine)
        procs.stop(dead.pid)
        procs.kill(engine)
        procs.kill(dead.pid)
        died = now()
        self.assertEqual(self.run_job("true", options=[*OPTIONS, "--limit", "2", "-w", "10s"]).code, 0)
        self.assertLess(now() - died, TTL + 2 * PATIENCE)
        self.assertTrue(other.running())

    def test_holders_that_die_at_random_never_exceed_the_limit_and_no_waiter_starves(self):
        seed = random.randrange(1 << 30)
        chance = random.Random(seed)
        lives = {3: self.life_file("three"), 5: self.life_file("five")}
        runs, ended, began = [], [], now()
        while now() < began + 4 or (len(life.runs(lives[3])) <= 3 and now() < began + 60):
            running = [each for each in runs if each.running()]
            if len(running) < 8:
                most = chance.choice([3, 3, 5])
                runs.append(self.start_run(JOBTOOL, "tick", lives[most], str(chance.uniform(0.02, 0.3)),
                                           options=[*DIES, "-w", "--limit", str(most)]))
            elif (unhurt := [each for each in running if each not in ended]) and chance.random() < 0.1:
                victim = chance.choice(unhurt)  # once: two at one instant are outside the promise
                pids = [victim.pid, *procs.descendants(victim.pid)]
                procs.kill(chance.choice(pids))
                ended.append(victim)
        for each in runs:
            code = each.wait(30)
            if each not in ended:
                self.assertEqual(code, 0, f"seed {seed}: {each.stderr}")
        self.assertGreater(len(life.runs(lives[3])), 3, f"seed {seed}")
        for most, path in lives.items():
            for run in life.runs(path):
                self.assertLessEqual(beside(run.first, *lives.values()), most, f"seed {seed}: {run}")
                self.assertLessEqual(beside(run.last, *lives.values()), most, f"seed {seed}: {run}")

    def test_readers_and_writers_that_die_at_random_never_overlap(self):
        seed = random.randrange(1 << 30)
        chance = random.Random(seed)
        readers, writers = self.life_file("readers"), self.life_file("writers")
        runs, killed, began = [], [], now()
        while now() < began + 4 or (not life.runs(writers) and now() < began + 60):
            running = [each for each in runs if each.running()]
            if len(running) < 8:
                kind = chance.choice([(readers, "--shared"), (readers, "--shared"), (writers, "--exclusive")])
                runs.append(self.start_run(JOBTOOL, "tick", kind[0], str(chance.uniform(0.02, 0.2)),
                                           options=[*DIES, "-w", kind[1]]))
            elif (unhurt := [each for each in running if each not in killed]) and chance.random() < 0.1:
                victim = chance.choice(unhurt)  # once: two at one instant are outside the promise
                procs.kill(chance.choice([victim.pid, *procs.descendants(victim.pid)]))
                killed.append(victim)
        for each in runs:
            code = each.wait(30)
            if each not in killed:
                self.assertEqual(code, 0, f"seed {seed}: {each.stderr}")
        self.assert_no_overlap(writers)
        for writer in life.runs(writers):
            for reader in life.runs(readers):
                self.assertFalse(writer.first < reader.last and reader.first < writer.last,
                                 f"seed {seed}: {writer} and {reader}")
        self.assertGreater(len(life.runs(writers)), 0, f"seed {seed}")


class SharingOnTheEmbeddedStore(SharingTests, Case):
    def test_a_holder_whose_file_is_removed_loses_its_share(self):
        held = self.share("--shared")
        other = self.share("--shared")
        directory = f"{self.locks}/{self.key}.holders"
        for name in os.listdir(directory):
            if name.startswith(f"{held.pid}."):
                os.unlink(os.path.join(directory, name))
        self.assertEqual(held.wait(), dlock.LOST)
        self.assertTrue(other.running())

    def test_a_run_with_few_descriptors_never_takes_the_place_of_a_live_holder(self):
        holders = [self.share("--limit", "12") for _ in range(12)]
        for files in range(6, 26):
            newcomer = self.attempt("--limit", "12", **self.with_files(files))
            self.assertNotEqual(newcomer.code, 0, f"{files} files")
            self.assertIsNone(life.runs(self.life)[12:] or None)
        self.assertEqual(len(os.listdir(f"{self.locks}/{self.key}.holders")), 12)
        self.assertEqual([each.running() for each in holders], [True] * 12)

    def test_a_share_needs_no_more_descriptors_with_many_holders_than_with_one(self):
        def fewest(*options):
            return next(files for files in range(4, 100) if self.attempt(*options, key="other", **self.with_files(files)).code == 0)
        enough = fewest("--limit", "20")
        for _ in range(12):
            self.share("--limit", "20")
        self.assertEqual(self.attempt("--limit", "20", **self.with_files(enough + 1)).code, 0)

    def test_a_waiter_with_few_descriptors_gets_a_place_that_becomes_free(self):
        holders = [self.share("--limit", "12") for _ in range(12)]
        waiter = self.start_run("true", options=[*OPTIONS, "--limit", "12", "-w"], **self.with_files(48))
        waiter.wait_said("waiting for it")
        holders[-1].signal(signal.SIGTERM)
        self.assertEqual(waiter.wait(), 0, waiter.stderr)

    def with_files(self, most):
        return {"prefix_command": ["sh", "-c", f'ulimit -n {most} && exec "$@"', "sh"]}


class SharingOnRedis(SharingTests, OnRedis):
    def test_the_keys_of_a_shared_lock_are_written_and_removed(self):
        holders = [self.share("--limit", "2", "--note", f"number {number}") for number in range(2)]
        lock = json.loads(self.lock_value())
        self.assertTrue(lock["shares"])
        self.assertRegex(lock["processHash"], r"^[^/]+/\d+\.\d+$")
        self.assertEqual(self.redis("EXISTS", f"{self.prefix}proc:{lock['processHash']}"), 1)
        (name,) = [key for key in self.keys() if ":holders:" in key.replace(self.prefix, ":")]
        notes = sorted(json.loads(value)["note"] for value in self.redis("HVALS", name))
        self.assertEqual(notes, ["number 0", "number 1"])
        for each in holders:
            each.signal(signal.SIGTERM)
            each.wait()
        self.assertEqual([key for key in self.keys() if "fence:" not in key], [])

    def test_a_deleted_shared_lock_kills_every_job_within_one_renewal_interval(self):
        holders = [self.share("--shared") for _ in range(2)]
        self.redis("DEL", self.lock_name)
        deleted = now()
        self.assertEqual([each.wait() for each in holders], [dlock.LOST, dlock.LOST])
        self.assertLess(life.last_tick(self.life) - deleted, TTL / 5 + 2 * LATE)

    def test_no_run_joins_a_group_whose_liveness_has_expired(self):
        reader = self.start_run("sleep", "60", options=["--shared", *OPTIONS])
        reader.job()
        self.assertEqual(self.redis("DEL", f"{self.prefix}proc:{json.loads(self.lock_value())['processHash']}"), 1)
        self.assertEqual(self.run_job("true", options=["--shared"]).code, dlock.HELD)
        self.assertEqual(reader.wait(), dlock.LOST)
        self.assertEqual(self.run_job("true", options=["--shared", "-w", "5s"]).code, 0)  # its own liveness has expired by then

    @unittest.skipIf(peer.why_missing(), peer.why_missing() or "")
    def test_a_holder_of_the_node_library_and_holders_of_a_share_exclude_each_other(self):
        def contender(*words, **options):
            started = peer.Peer(self.directory, self.redis.port, self.prefix, words, self.env, **options)
            self.addCleanup(started.kill)
            return started
        holders = [self.share("--shared") for _ in range(2)]
        for each in holders:
            self.assertEqual(contender("try", self.key).wait(), 75)
            each.signal(signal.SIGTERM)
            each.wait()
        holder = contender("hold", self.key, "1", life=self.life)
        holder.wait_event("acquired")
        self.assertEqual(self.attempt("--shared").code, dlock.HELD)
        self.assertEqual(self.run_job("true", options=[*OPTIONS, "--shared", "-w", "10s"]).code, 0)
        self.assertEqual(holder.wait(), 0)


class Refused(Case):
    def test_meaningless_combinations_and_numbers_are_refused(self):
        for options, says in ((["--shared", "--limit", "2"], "--shared and --limit are mutually exclusive; remove one"),
                              (["--shared", "--exclusive"], "--shared and --exclusive are mutually exclusive"),
                              (["--exclusive", "--limit", "2"], "--exclusive and --limit are mutually exclusive"),
                              (["--limit", "0"], "--limit '0' is not a number of holders; write a number from 1 to"),
                              (["--limit", "-1"], "--limit '-1'"), (["--limit", "two"], "--limit 'two'"),
                              (["--limit", "99999999999"], "--limit '99999999999'"),
                              (["-n", "-w"], "--nonblock and --wait are mutually exclusive"),
                              (["-w", "30 s"], "-w/--wait '30 s'"), (["--wait=-1s"], "-w/--wait '-1s'"),
                              (["--once-per", "0"], "--once-per"), (["--once-per", "weekly"], "1h30m or 1d, or hourly or daily"),
                              (["--once-per", "500ms"], "--once-per '500ms' is too short; the minimum is 1s"),
                              (["--once-per", "daily", "--shared"], "--once-per and --shared are mutually exclusive"),
                              (["--once-per", "daily", "--limit", "2"], "--once-per and --limit are mutually exclusive"),
                              (["--even-if-failed"], "--even-if-failed requires --once-per"),
                              (["--done-exit-code", "3"], "--done-exit-code requires --once-per"),
                              (["--once-per", "daily", "--done-exit-code", "256"], "--done-exit-code '256'"),
                              (["--min-hold", "soon"], "--min-hold 'soon'")):
            with self.subTest(options=options):
                ended = self.run_job("touch", self.path("ran"), options=options)
                self.assertEqual(ended.code, dlock.USAGE, ended.stderr)
                self.assert_says(ended, says)
                self.assertFalse(os.path.exists(self.path("ran")))


if __name__ == "__main__":
    unittest.main()
