"""--min-hold and --once-per on both stores: what a lock remembers after its job."""

import json
import os
import unittest

from harness import dlock, life, peer, procs
from harness.case import JOBTOOL, Case, OnRedis
from harness.wait import PATIENCE, hold_for, now, wait_until

OPTIONS = ["--ttl", "2s"]


class SlotTests:
    def attempt(self, *options, job=("true",), **how):
        return self.run_job(*job, options=[*OPTIONS, *options], **how)

    # -- --min-hold --

    def test_min_hold_keeps_the_lock_of_a_short_job_and_a_refused_run_is_told_so(self):
        began = now()
        done = self.attempt("--min-hold", "6s")
        self.assertEqual(done.code, 0)
        self.assertLess(now() - began, 5, "dlock itself does not wait")
        second = self.attempt()
        self.assertEqual(second.code, dlock.HELD)
        self.assert_says(second, f"pid {done.pid}", "its job has ended, and --min-hold keeps the lock")
        wait_until(lambda: self.attempt().code == 0, 20, "the lock is free", pause=0.05)
        self.assertGreater(now() - began, 6.0)

    def test_min_hold_is_counted_from_the_start_of_the_job(self):
        self.assertEqual(self.attempt("--min-hold", "300ms", job=("sleep", "0.5")).code, 0)
        self.assertEqual(self.attempt().code, 0)

    def test_a_waiter_runs_when_min_hold_has_passed(self):
        path = self.life_file()
        held = self.start_run(JOBTOOL, "tick", path, "0.3", options=[*OPTIONS, "--min-hold", "1500ms"])
        self.wait_job_starts(path, 0, held)
        self.assertEqual(self.attempt("-w", job=(JOBTOOL, "tick", path, "0.1")).code, 0)
        first, second = life.runs(path)
        self.assertTrue(1.48 <= second.first - first.first < 1.5 + 2 * PATIENCE, second.first - first.first)

    def test_a_job_that_failed_keeps_its_lock_for_min_hold(self):
        self.assertEqual(self.attempt("--min-hold", "10s", job=("false",)).code, 1)
        self.assertEqual(self.attempt().code, dlock.HELD)

    def test_a_command_that_cannot_be_run_keeps_no_lock(self):
        self.assertEqual(self.attempt("--min-hold", "1h", job=("/no/such/program",)).code, 127)
        self.assertEqual(self.attempt().code, 0)

    def test_min_hold_is_kept_when_the_front_is_killed(self):
        held = self.start_run("sleep", "60", options=[*OPTIONS, "--min-hold", "20s"])
        held.job()
        procs.kill(held.pid)
        held.wait()
        second = self.attempt()
        self.assertEqual(second.code, dlock.HELD, second.stderr)

    def test_min_hold_keeps_a_place_beside_other_holders(self):
        self.assertEqual(self.attempt("--limit", "2", "--min-hold", "6s").code, 0)
        self.assertEqual(self.attempt("--limit", "2", "--min-hold", "6s").code, 0)
        third = self.attempt("--limit", "2")
        self.assertEqual(third.code, dlock.HELD)
        self.assert_says(third, "held by 2", "--min-hold keeps the lock")
        self.assertEqual(self.attempt("--limit", "2", "-w", "30s").code, 0)

    # -- --once-per --

    def test_the_second_run_of_a_slot_exits_0_and_names_the_first(self):
        done = self.attempt("--once-per", "daily")
        again = self.attempt("--once-per", "daily", job=("touch", self.path("ran")))
        self.assertEqual((done.code, again.code), (0, 0))
        self.assert_says(again, "key 'job': already done by host", f"pid {done.pid}", "(true)", " at 20", "nothing was started")
        self.assertEqual(self.attempt("--once-per", "daily", "--done-exit-code", "9").code, 9)

    def test_a_failed_run_frees_its_slot(self):
        self.assertEqual(self.attempt("--once-per", "daily", job=("false",)).code, 1)
        self.assertEqual(self.attempt("--once-per", "daily", job=("sh", "-c", "kill -9 $$")).code, 137)
        ran = self.attempt("--once-per", "daily", job=("echo", "ran"))
        self.assertEqual((ran.code, ran.stdout), (0, "ran\n"))

    def test_with_even_if_failed_a_failed_run_uses_its_slot(self):
        self.assertEqual(self.attempt("--once-per", "daily", "--even-if-failed", job=("sh", "-c", "exit 3")).code, 3)
        again = self.attempt("--once-per", "daily", job=("touch", self.path("ran")))
        self.assertEqual(again.code, 0)
        self.assert_says(again, "already done by host")

    def test_a_command_that_cannot_be_run_does_not_use_its_slot(self):
        self.assertEqual(self.attempt("--once-per", "daily", "--even-if-failed", job=("/no/such/program",)).code, 127)
        self.assertEqual(self.attempt("--once-per", "daily", job=("echo", "ran")).stdout, "ran\n")

    def test_waiters_do_not_repeat_a_run_of_their_slot_that_succeeds(self):
        path = self.life_file()
        first = self.start_run(JOBTOOL, "tick", path, "1", options=[*OPTIONS, "--once-per", "daily"])
        self.wait_job_starts(path, 0, first)
        waiters = [self.start_run(JOBTOOL, "tick", path, "1", options=[*OPTIONS, "--once-per", "daily", "-w"]) for _ in range(3)]
        self.assertEqual([each.wait() for each in waiters], [0, 0, 0])
        for each in waiters:
            self.assert_says(each, "already done by host", f"pid {first.pid}")
        self.assertEqual(len(life.runs(path)), 1)

    def test_a_waiter_runs_if_the_run_of_its_slot_fails(self):
        path = self.life_file()
        first = self.start_run(JOBTOOL, "tick", path, "0.5", "--exit", "1", options=[*OPTIONS, "--once-per", "daily"])
        self.wait_job_starts(path, 0, first)
        waiters = [self.start_run(JOBTOOL, "tick", path, "0.2", options=[*OPTIONS, "--once-per", "daily", "-w"]) for _ in range(3)]
        self.assertEqual([each.wait() for each in waiters], [0, 0, 0])
        self.assertEqual((first.wait(), len(life.runs(path))), (1, 2))

    def test_of_many_concurrent_runs_exactly_one_runs_in_each_slot(self):
        path = self.life_file()
        def lines():
            with open(path, encoding="ascii") as file:
                return file.read().splitlines()
        runs, began = [], now()
        while now() < began + 4 or (len(lines()) < 2 and now() < began + 60):
            runs = [each for each in runs if each.running()]
            if len(runs) < 6:
                runs.append(self.start_run("sh", "-c", f"echo $DLOCK_FENCING_TOKEN >>{path}", options=[*OPTIONS, "--once-per", "2s"]))
        for each in runs:
            each.wait()
        # A token is the time of the grant by the clock of the store, in us. A slot begins a quarter of its length early.
        slots = [(int(line) + 500_000) // 2_000_000 for line in lines()]
        self.assertEqual(sorted(set(slots)), sorted(slots), "one run in each slot")
        self.assertGreaterEqual(len(slots), 2)

    def test_the_status_file_tells_a_used_slot_from_a_success(self):
        self.attempt("--once-per", "daily")
        path = self.path("status")
        self.attempt("--once-per", "daily", "--status-file", path)
        with open(path, encoding="utf-8") as file:
            status = json.load(file)
        self.assertEqual((status["outcome"], status["exit_code"]), ("already_done", 0))
        self.assertIn("host", status["reason"])


class SlotsOnTheEmbeddedStore(SlotTests, Case):
    def test_a_run_that_could_not_be_remembered_is_reported(self):
        done = f"{self.locks}/{self.key}.done"
        ended = self.attempt("--once-per", "daily", job=("sh", "-c", f"rm -f {done} && mkdir {done}"))
        self.assertEqual(ended.code, 0)
        self.assert_says(ended, f"'{done}'", "Is a directory", "does not remember this run")

    def test_a_full_disk_refuses_a_run_that_could_not_be_remembered(self):
        ended = self.attempt("--once-per", "daily", job=("touch", self.path("ran")), **self.with_blocks(2))
        self.assertEqual(ended.code, dlock.UNREACHABLE, ended.stderr)
        self.assert_says(ended, "cannot write the lock file", "No space left on device", "nothing was started")
        self.assertFalse(os.path.exists(self.path("ran")))

    def test_a_job_that_fills_the_disk_is_remembered(self):
        fills = f"{{ head -c 1M /dev/zero || true; }} >{self.locks}/all 2>/dev/null; echo ran >>{self.path('ran')}"
        ended = self.attempt("--once-per", "daily", job=("sh", "-c", fills), **self.with_blocks(5, times=2))
        self.assertEqual(ended.code, 0, ended.stderr)
        self.assert_says(ended, "already done by host")
        with open(self.path("ran"), encoding="ascii") as file:
            self.assertEqual(file.read(), "ran\n")

    def with_blocks(self, blocks, times=1):
        """A prefix command: a file system of that size for the locks, one block of it in use. dlock runs there `times` times."""
        if os.geteuid() != 0:
            self.skipTest("needs root: it mounts a tiny file system")
        script = (f"mount -t tmpfs -o size={blocks * 4}k,mode=700 none {self.locks} && head -c 4096 /dev/zero >{self.locks}/fill && "
                  + " && ".join(['"$@"'] * times))
        return {"prefix_command": ["unshare", "-m", "sh", "-c", script, "sh"]}


class SlotsOnRedis(SlotTests, OnRedis):
    def test_min_hold_keeps_a_lock_whose_liveness_was_deleted(self):
        delete = "redis.call('DEL', unpack(redis.call('KEYS', ARGV[1])))"
        job = ("redis-cli", "-p", str(self.redis.port), "EVAL", delete, "0", f"{self.prefix}proc:*")
        for options in ((), ("--limit", "2")):
            with self.subTest(options=options):
                self.key = f"job{len(options)}"
                done = self.run_job(*job, options=["--min-hold", "60s", *options])
                self.assertEqual(done.code, 0, done.stderr)
                self.assertEqual(self.run_job("true").code, dlock.HELD)

    def test_the_time_of_a_slot_is_that_of_the_server(self):
        self.attempt("--once-per", "daily")
        run = json.loads(self.redis("GET", next(key for key in self.keys() if "done:" in key)))
        seconds, microseconds = map(int, self.redis("TIME"))
        self.assertLess(abs(run["startedMs"] - seconds * 1000 - microseconds // 1000), 10_000)
        self.assertEqual((run["exitCode"], run["counts"]), (0, True))

    def test_a_run_that_could_not_be_remembered_within_its_lease_is_reported(self):
        between = self.relay()
        path = self.life_file()
        options = ["--ttl", "4s", "--once-per", "daily"]
        held = self.start_run(JOBTOOL, "tick", path, "0.5", store=self.through(between), options=options)
        self.wait_job_starts(path, 0, held)
        between.freeze()
        self.assertEqual(held.wait(), 0)
        self.assert_says(held, "does not remember this run")

    def test_a_run_is_remembered_after_an_outage_that_is_shorter_than_its_lease(self):
        """The outage is longer than the usual timeout of a release."""
        between = self.relay()
        path = self.life_file()
        options = ["--ttl", "8s", "--once-per", "daily"]
        held = self.start_run(JOBTOOL, "tick", path, "0.3", store=self.through(between), options=options)
        self.wait_job_starts(path, 0, held)
        between.freeze()
        wait_until(lambda: life.runs(path)[0].ended, 10, "the job ends")
        hold_for(2.5, held.running, "dlock")
        between.thaw()
        self.assertEqual((held.wait(), held.stderr.count("does not remember this run")), (0, 0), held.stderr)
        again = self.run_job("false", store=self.redis_store, options=["--once-per", "daily"])
        self.assertEqual(again.code, 0, again.stderr)

    @unittest.skipIf(peer.why_missing(), peer.why_missing() or "")
    def test_a_holder_of_the_node_library_respects_min_hold(self):
        # The start of a peer takes a second when sanitizers keep the machine busy.
        self.assertEqual(self.attempt("--min-hold", "6s" if PATIENCE == 1 else "15s").code, 0)
        kept = now()
        attempts = []

        def try_it():
            attempts.append(peer.Peer(self.directory, self.redis.port, self.prefix, ["try", self.key], self.env))
            self.addCleanup(attempts[-1].kill)
            return attempts[-1].wait()
        self.assertEqual(try_it(), 75)
        wait_until(lambda: try_it() == 0, 30, "the peer gets the lock")
        self.assertGreater(now() - kept, 4.0)


if __name__ == "__main__":
    unittest.main()
