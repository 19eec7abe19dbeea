"""`dlock unlock` frees the lock of a dead holder. With --force the job of a live holder is killed at once, without overlap."""

import os
import signal
import time
import unittest

from harness import dlock, life, peer, procs
from harness.case import JOBTOOL, Case, OnRedis
from harness.operator_case import OperatorMixin
from harness.pty_session import PtySession
from harness.wait import PATIENCE, hold_for, now, wait_until

OPTIONS = ["--ttl", "2s"]
LONG = ["--ttl", f"{4 * PATIENCE:g}s"]  # for a holder that is stopped and must still have its lease when it is resumed


class UnlockTests(OperatorMixin):
    def setUp(self):
        super().setUp()
        self.life = self.life_file()

    def unlock(self, *words, **how):
        return self.ask("unlock", *words, "--", self.key, **how)

    def ticking(self, *options, ttl=OPTIONS, **how):
        return self.hold(life=self.life, options=[*ttl, *options], **how)

    def listens(self, held):
        """Waits until the run watches for a loss, which begins 50 ms after its start."""
        hold_for(0.3 * PATIENCE, held.running, "the run")

    def test_unlock_of_a_free_lock_exits_0(self):
        for words in ((), ("--force",)):
            answer = self.unlock(*words)
            self.assertEqual((answer.code, answer.stdout, answer.stderr), (0, "key 'job': the lock is free; there is nothing to unlock\n", ""))

    def test_without_force_a_live_holder_is_named_and_keeps_its_lock(self):
        held = self.ticking("--note", "nightly")
        refused = self.unlock()
        self.assertEqual((refused.code, refused.stdout), (dlock.HELD, ""))
        self.assert_says(refused, "key 'job': the lock is held by host", f"pid {held.pid}", "note: nightly", "--force takes the lock and kills the job")
        self.assertTrue(held.running())

    def test_a_forced_unlock_kills_the_job_at_once_with_80_and_names_its_author(self):
        took = []
        for number in range(5):
            self.life = self.life_file(f"life{number}")
            held = self.hold(life=self.life)  # with the default --ttl a renewal is due every 2 s
            self.listens(held)
            began = now()
            answer = self.unlock("--force")
            self.assertEqual(answer.code, 0, answer.stderr)
            took.append(life.last_tick(self.life) - began)
            self.assertEqual(held.wait(), dlock.LOST)
            self.assertIn("key 'job': the lock is free now, taken from host", answer.stdout)
            self.assertIn("which confirms that its job is gone (after ", answer.stdout)
            self.assert_says(held, "the lock was lost: it was freed by force by host", f"pid {answer.pid}", "(dlock unlock --force)")
            self.assertEqual(self.run_job("true").code, 0)
        self.assert_mostly_within(0.05, took)

    def test_a_forced_unlock_of_a_job_that_has_just_started_kills_it_nearly_as_fast(self):
        took = []
        for number in range(5):
            self.life = self.life_file(f"life{number}")
            held = self.hold(life=self.life)
            began = now()
            self.assertEqual(self.unlock("--force").code, 0)
            took.append(life.last_tick(self.life) - began)
            self.assertEqual(held.wait(), dlock.LOST)
        self.assert_mostly_within(0.1, took)

    def test_no_other_run_starts_while_the_job_is_being_killed(self):
        for number in range(4):
            self.life = self.life_file(f"life{number}")
            held = self.ticking(tick_options=["--ignore", "TERM"])
            waiters = [self.start_run(JOBTOOL, "tick", self.life, "0.1", options=[*OPTIONS, "-w"]) for _ in range(3)]
            for waiter in waiters:
                waiter.wait_said("waiting for it")
            self.assertEqual(self.unlock("--force").code, 0)
            self.assertEqual(held.wait(), dlock.LOST)
            self.assertEqual([waiter.wait() for waiter in waiters], [0, 0, 0])
            self.assertEqual(len(life.runs(self.life)), 4)
            self.assert_no_overlap(self.life)

    def test_a_stopped_holder_keeps_other_runs_out_until_its_job_is_gone(self):
        held = self.ticking(seconds=60, ttl=LONG)
        engine, job = held.engine(), held.job()
        for pid in (job, engine, held.pid):
            procs.stop(pid)
        freeing = self.start("unlock", *self.asked_store, "--force", "--", self.key)
        freeing.wait_said("to confirm that its job is gone")
        self.assertTrue(procs.alive(job))
        for pid in (engine, held.pid):
            procs.resume(pid)
        self.assertEqual(freeing.wait(), 0, freeing.stderr)
        self.assertFalse(procs.alive(job))
        self.assertEqual(held.wait(), dlock.LOST)

    def test_two_concurrent_forced_unlocks_both_wait_until_the_job_is_gone(self):
        held = self.ticking(seconds=60, ttl=LONG)
        self.listens(held)
        for pid in (held.engine(), held.pid):
            procs.stop(pid)
        words = ["unlock", *self.asked_store, "--force", "--", self.key]
        freeing = [self.start(*words)]
        freeing[0].wait_said("to confirm that its job is gone")
        freeing.append(self.start(*words))
        freeing[1].wait_said("to confirm that its job is gone")
        self.assertTrue(freeing[0].running(), freeing[0].stdout)
        for pid in (held.engine(), held.pid):
            procs.resume(pid)
        for each in freeing:
            self.assertEqual(each.wait(), 0, each.stderr)
        self.assertEqual(held.wait(), dlock.LOST)

    def test_a_run_that_is_refused_during_a_forced_unlock_is_told_so(self):
        held = self.ticking(seconds=60, ttl=LONG)
        self.listens(held)
        for pid in (held.engine(), held.pid):
            procs.stop(pid)
        freeing = self.start("unlock", *self.asked_store, "--force", "--", self.key)
        wait_until(lambda: self.lock()["holders"] and self.lock()["holders"][0]["life"] == "forced", 1.5, "the mark is there")
        other = self.run_job("true", options=OPTIONS)
        self.assertEqual(other.code, dlock.HELD)
        self.assert_says(other, f"pid {freeing.pid}", "by force; it stays locked until the previous holder's job is gone")
        for pid in (held.engine(), held.pid):
            procs.resume(pid)
        self.assertEqual(freeing.wait(), 0, freeing.stderr)

    def test_a_forced_unlock_frees_a_lock_with_several_holders(self):
        readers = [self.ticking("--shared") for _ in range(3)]
        self.listens(readers[0])
        refused = self.unlock()
        self.assertEqual(refused.code, dlock.HELD)
        self.assert_says(refused, "held by 3 holders, one of them host", "--force takes the lock and kills the jobs")
        answer = self.unlock("--force")
        self.assertEqual(answer.code, 0, answer.stderr)
        self.assertIn("which confirm that their jobs are gone", answer.stdout)
        self.assertEqual([reader.wait() for reader in readers], [dlock.LOST] * 3)
        self.assertEqual(self.run_job("true").code, 0)

    def test_a_lock_kept_by_min_hold_is_freed_only_by_force(self):
        self.run_job("true", options=["--min-hold", "60s"])
        refused = self.unlock()
        self.assertEqual(refused.code, dlock.HELD)
        self.assertRegex(refused.stderr, r"key 'job': the lock is kept by --min-hold for (59|\d\.?\d*)s more; its job has ended "
                                         r"\(host .* \(true\) since .*\); --force frees it now\n")
        answer = self.unlock("--force")
        self.assertEqual(answer.code, 0, answer.stderr)
        self.assertIn("--min-hold kept it for: host", answer.stdout)
        self.assertEqual(self.run_job("true").code, 0)

    def test_tokens_keep_rising_after_forced_unlocks(self):
        tokens = []
        for _ in range(3):
            held = self.ticking()
            tokens.append(self.lock()["holders"][0]["token"])
            self.assertEqual(self.unlock("--force").code, 0)
            held.wait()
        self.assertEqual(tokens, sorted(set(tokens)))

    def test_concurrent_runs_and_forced_unlocks_never_overlap_and_all_end(self):
        began, runs, freed = now(), [], 0
        while now() < began + 5 or (freed <= 2 and now() < began + 60):
            runs = [each for each in runs if each.running()]
            while len(runs) < 4:
                runs.append(self.start_run(JOBTOOL, "tick", self.life, "5", options=[*OPTIONS, "-w"]))
            answer = self.unlock("--force")
            self.assertEqual(answer.code, 0, answer.stderr)
            freed += "taken from" in answer.stdout
            time.sleep(0.02)
        for each in runs:
            each.signal(signal.SIGTERM)
        for each in runs:
            each.wait()
        self.assertGreater(freed, 2)
        self.assert_no_overlap(self.life)

    # -- the question on a terminal --

    def on_terminal(self, *words):
        shell = PtySession("dash", self.env)
        self.addCleanup(shell.close)
        shell.line(" ".join(f"'{word}'" for word in (dlock.BINARY, "unlock", *self.asked_store, *words, self.key)))
        return shell

    def test_on_a_terminal_a_forced_unlock_asks_before_it_kills(self):
        held = self.ticking()
        shell = self.on_terminal("--force")
        shell.expect(rf"is held by host .*pid {held.pid}.*Take it\? The job is killed at once\. \[y/N\] ")
        shell.line("")
        shell.expect("is left to host")
        shell.prompt()
        self.assertEqual(shell.exit_code(), dlock.HELD)
        self.assertTrue(held.running())
        shell = self.on_terminal("--force")
        shell.expect(r"\[y/N\] ")
        shell.line("y")
        shell.expect("is free now, taken from host")
        self.assertEqual(held.wait(), dlock.LOST)

    def test_on_a_terminal_end_of_input_declines_an_unlock_and_ends_the_line(self):
        held = self.ticking()
        shell = self.on_terminal("--force")
        shell.expect(r"\[y/N\] ")
        shell.control("d")
        shell.expect(r"\ndlock: key 'job': the lock is left to host")
        self.assertTrue(held.running())

    def test_on_a_terminal_unlock_does_not_ask_with_yes_or_if_no_holder_is_alive(self):
        held = self.ticking()
        shell = self.on_terminal("--force", "--yes")
        shell.expect("is free now, taken from host")
        shell.prompt()
        held.wait()
        shell = self.on_terminal("--force")
        shell.expect("is free; there is nothing to unlock")


class UnlockOnTheEmbeddedStore(UnlockTests, Case):
    def test_a_removed_lock_file_is_noticed_at_once(self):
        took = []
        for number in range(5):
            self.life = self.life_file(f"life{number}")
            held = self.ticking()
            self.listens(held)
            began = now()
            os.unlink(os.path.join(self.locks, "job.lock"))
            self.assertEqual(held.wait(), dlock.LOST)
            took.append(life.last_tick(self.life) - began)
        self.assert_mostly_within(0.05, took)

    def test_a_waiter_for_the_end_of_min_hold_runs_after_a_forced_unlock(self):
        for held, wanted in (("1", "1"), ("2", "1")):
            self.run_job("true", options=["--limit", held, "--min-hold", "1h"])
            waiter = self.start_run("true", options=["--limit", wanted, "-w"])
            waiter.wait_said("waiting for it")
            self.assertEqual(self.unlock("--force").code, 0)
            freed = now()
            self.assertEqual(waiter.wait(), 0)
            self.assertLess(now() - freed, 5 * PATIENCE)


class UnlockOnRedis(UnlockTests, OnRedis):
    def test_the_lock_of_a_dead_holder_is_freed(self):
        for options in ((), ("--shared",)):
            with self.subTest(options=options):
                self.kill_machine(self.hold_lock(*options))
                self.assertEqual(self.unlock().code, dlock.HELD)
                self.wait_state("dead")
                answer = self.unlock()
                self.assertEqual(answer.code, 0, answer.stderr)
                self.assertIn("key 'job': the lock is free now; its holder was dead: host", answer.stdout)
                self.assertEqual(self.lock()["state"], "free")

    def test_a_waiter_is_woken_when_the_lock_of_a_dead_holder_is_freed(self):
        held = self.start_run("sleep", "60", options=["--ttl", "60s"])
        held.job()
        self.kill_machine(held)
        waiter = self.start_run("true", options=["--ttl", "60s", "-w"])  # without a wake-up it checks again after a third of that
        waiter.wait_said("waiting for it")
        wait_until(lambda: self.redis("PUBSUB", "CHANNELS"), 5, "it listens")
        hold_for(0.2 * PATIENCE, waiter.running, "the wait")  # it has checked once more by then, and sleeps
        self.redis("DEL", *[key for key in self.keys() if "proc:" in key and not key.endswith(":wait")])
        answer = self.unlock()
        self.assertEqual(answer.code, 0, answer.stderr)
        freed = now()
        self.assertEqual(waiter.wait(), 0)
        self.assertLess(now() - freed, 15)

    def test_a_forced_unlock_of_a_dead_machine_waits_for_its_lease_and_exits_81(self):
        held = self.hold_lock()
        self.kill_machine(held)
        answer = self.unlock("--force")
        self.assertEqual((answer.code, answer.stdout), (dlock.UNCONFIRMED, ""))
        self.assert_says(answer, "key 'job': the lock was taken from host", "which did not answer; its lease has expired, so other runs can acquire the lock; "
                         f"check on host {os.uname().nodename} whether pid {held.pid} and its job are gone")
        self.assertEqual(self.lock()["state"], "free")

    def test_min_hold_does_not_keep_a_lock_that_was_freed_by_force(self):
        for options in ((), ("--limit", "2")):
            with self.subTest(options=options):
                held = self.start_run("sleep", "0.4", options=["--ttl", "60s", "--min-hold", "60s", *options])
                held.job()
                answer = self.unlock("--force")
                self.assertEqual(answer.code, 0, answer.stderr)
                held.wait()
                self.assertEqual(self.lock()["state"], "free")

    def test_a_holder_without_the_right_to_subscribe_notices_at_its_next_renewal(self):
        server = self.own_server()
        server("ACL", "SETUSER", "jobs", "on", ">secret", "~*", "+@all", "-subscribe")
        held = self.ticking(**self.by_environment(server.url.replace("://", "://jobs:secret@")))
        self.listens(held)
        answer = self.unlock("--force")
        self.assertEqual(answer.code, 0, answer.stderr)
        self.assertEqual(held.wait(), dlock.LOST)
        self.assert_says(held, "it was freed by force by host")

    def test_the_subscription_can_break_at_any_time(self):
        held = self.ticking()
        self.listens(held)
        for _ in range(5):
            self.redis("CLIENT", "KILL", "TYPE", "pubsub")
            hold_for(0.2, held.running, "dlock")
        hold_for(1, held.running, "dlock")
        self.assertEqual(self.unlock("--force").code, 0)
        self.assertEqual(held.wait(), dlock.LOST)

    def test_a_run_with_a_short_job_does_not_subscribe(self):
        def connections():
            return int(self.redis("INFO", "stats").split("total_connections_received:")[1].split()[0])

        def made_by_a_run():
            before = connections()
            self.run_job("true")
            return connections() - before
        # on a loaded machine even this job can last for 50 ms
        self.assertEqual(min(made_by_a_run() for _ in range(5)), 1)

    @unittest.skipIf(peer.why_missing(), peer.why_missing() or "")
    def test_a_holder_of_the_node_library_loses_its_lock_to_a_forced_unlock(self):
        holder = peer.Peer(self.directory, self.redis.port, self.prefix, ["hold", self.key, "60"], self.env, life=self.life)
        self.addCleanup(holder.kill)
        holder.wait_event("acquired")
        answer = self.unlock("--force")
        self.assertEqual(answer.code, 0, answer.stderr)
        self.assertIn("which is not dlock and cannot confirm", answer.stdout)
        holder.wait_event("lost")

    def test_a_key_with_another_value_is_left_unchanged(self):
        self.redis("SET", self.lock_name, "not json")
        for words in ((), ("--force",)):
            refused = self.unlock(*words)
            self.assertEqual(refused.code, dlock.CONFIG, refused.stderr)
            self.assert_says(refused, self.lock_name)
        self.assertEqual(self.redis("GET", self.lock_name), "not json")


if __name__ == "__main__":
    unittest.main()
