"""--max-run: a job that runs too long is ended, however it reacts, and the exit code reports it."""

import os
import signal
import time
import unittest

from harness import dlock, life, procs
from harness.case import JOBTOOL, Case, needs_pid_namespace
from harness.wait import LATE, PATIENCE, now


def ms(number):
    """A value for an option: long enough for a job to be ready in this build."""
    return f"{number * PATIENCE:g}ms"


class TheJobRunsTooLong(Case):
    def ends_too_long(self, started, seconds=20):
        self.assertEqual(started.wait(seconds), dlock.MAX_RUN, started.stderr)
        self.assertIsNone(started.died_by)

    def test_a_job_that_runs_too_long_is_ended_with_124_and_one_line_with_the_remedy(self):
        ended = self.start_run("sleep", "60", options=["--max-run", "300ms"])
        self.ends_too_long(ended)
        self.assertEqual(len(ended.own_lines), 1, ended.stderr)
        self.assert_says(ended, f"'{self.key}'", "--max-run 0.3s", "give it more time")

    def test_a_job_is_ended_when_its_time_has_passed_not_earlier(self):
        path = self.life_file()
        before = now()
        held = self.hold(life=path, options=["--max-run", ms(600)])
        began = life.runs(path)[0].first
        self.ends_too_long(held)
        last = life.last_tick(path)
        self.assertGreater(last - before, 0.5 * PATIENCE)
        self.assertLess(last - began, 0.6 * PATIENCE + LATE)

    def test_every_process_gets_the_signal_so_that_a_shell_does_not_wait_for_its_child(self):
        """As with timeout(1): a trap of the shell runs when the command that it waits for has ended."""
        for way in [["--contain=walk"], []]:
            heads = self.headcount()
            began = now()
            ended = self.start_run("sh", "-c", f'trap "echo cleaned up; exit 1" TERM; {JOBTOOL} tree 1 0 {heads.path}; :',
                                   options=[*way, "--max-run", ms(300), "--kill-after", "20s"])
            self.ends_too_long(ended)
            self.assertEqual(ended.stdout, "cleaned up\n")
            self.assertLess(now() - began, 10)
            heads.wait_gone(1)

    def test_each_process_gets_the_signal_once(self):
        """Some programs end at once on the second SIGTERM."""
        path = self.path("signals")
        ended = self.start_run("sh", "-c", f"{JOBTOOL} signals {path} 20 --until INT & sleep 60",
                               options=["--max-run", ms(1500), "--kill-after", "1s"])
        self.ends_too_long(ended)
        with open(path, encoding="ascii") as file:
            self.assertEqual(file.read().count(f"signal {int(signal.SIGTERM)}"), 1)

    def test_a_job_that_ends_in_time_keeps_its_exit_code(self):
        self.assertEqual(self.run_job(JOBTOOL, "exit", "7", options=["--max-run", "20s"]).code, 7)

    def test_a_job_that_exits_with_0_on_sigterm_still_ends_with_124(self):
        ready = self.path("ready")
        ended = self.start_run("sh", "-c", f"trap 'echo mine; exit 0' TERM; : >{ready}; while :; do sleep 0.02; done",
                               options=["--max-run", ms(500)])
        self.ends_too_long(ended)
        self.assertTrue(os.path.exists(ready))
        self.assertEqual(ended.stdout, "mine\n")

    def test_a_job_that_ignores_sigterm_is_killed_after_k(self):
        path = self.life_file()
        before = now()
        held = self.hold(life=path, options=["--max-run", ms(300), "-k", ms(400)], tick_options=["--ignore", "TERM"])
        began = life.runs(path)[0].first
        self.ends_too_long(held)
        last = life.last_tick(path)
        self.assertGreater(last - before, 0.6 * PATIENCE)
        self.assertLess(last - began, 0.7 * PATIENCE + LATE)

    def test_the_option_s_sets_the_signal(self):
        got = self.path("got")
        ended = self.start_run("sh", "-c", f"trap 'echo usr1 >{got}; exit 3' USR1; while :; do sleep 0.02; done",
                               options=["--max-run", ms(400), "-s", "USR1"])
        self.ends_too_long(ended)
        self.assertTrue(os.path.exists(got))

    def test_every_process_and_daemon_is_gone_even_if_all_ignore_sigterm(self):
        started, heads = self.start_tree(5, 3, options=["--max-run", ms(1000), "-k", ms(200)], tree_options=["--ignore", "TERM"])
        self.assert_gone(heads, 10)
        self.ends_too_long(started)

    def test_daemons_that_outlive_the_command_are_killed_after_k(self):
        started, heads = self.start_tree(1, 3, options=["--max-run", ms(1000), "-k", ms(300), "--orphans=wait"],
                                         tree_options=["--root-seconds", "0.2", "--ignore", "TERM"])
        self.assert_gone(heads, 10)
        self.ends_too_long(started)

    def test_a_stopped_job_is_ended(self):
        started = self.start_run("sleep", "60", options=["--max-run", ms(500)])
        procs.stop(started.job())
        self.ends_too_long(started)

    def test_the_status_file_reports_max_run_exceeded(self):
        ended = self.start_with_status("sleep", "60", options=["--max-run", "200ms"])
        self.ends_too_long(ended)
        self.assertEqual((ended.status["outcome"], ended.status["exit_code"]), ("max_run_exceeded", dlock.MAX_RUN))
        self.assertIn("--max-run 0.2s", ended.status["reason"])

    def test_the_lock_is_free_only_when_the_last_process_is_gone(self):
        path = self.life_file()
        held = self.hold(life=path, options=["--max-run", ms(400), "-k", ms(300)], tick_options=["--ignore", "TERM"])
        self.take_when_free(path)
        self.assert_no_overlap(path)
        self.ends_too_long(held)

    def test_a_job_that_ends_at_the_same_moment_has_one_of_the_two_exit_codes(self):
        for number in range(12):
            ended = self.run_job(JOBTOOL, "tick", self.path(f"life{number}"), "0.050", "--exit", "7",
                                 options=["--max-run", f"{49 + number % 10}ms"])
            self.assertIn(ended.code, (7, dlock.MAX_RUN), ended.stderr)
            self.assertEqual(len(ended.own_lines), 1 if ended.code == dlock.MAX_RUN else 0, ended.stderr)

    def test_further_sigterms_do_not_postpone_the_sigkill(self):
        path = self.life_file()
        held = self.hold(life=path, options=["--max-run", ms(300), "-k", ms(600)], tick_options=["--ignore", "TERM"])
        began = life.runs(path)[0].first
        while held.running():
            procs.kill(held.pid, signal.SIGTERM)
            time.sleep(0.02)
        self.ends_too_long(held)
        self.assertLess(life.last_tick(path) - began, 0.9 * PATIENCE + LATE)

    @needs_pid_namespace
    def test_a_job_in_a_pid_namespace_is_ended(self):
        path = self.life_file()
        held = self.hold(life=path, options=["--max-run", ms(400), "-k", ms(200), "--contain=pidns"],
                         tick_options=["--ignore", "TERM"])
        self.ends_too_long(held)


if __name__ == "__main__":
    unittest.main()
