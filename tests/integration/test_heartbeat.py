"""--heartbeat-timeout: a job that reports no progress is ended."""

import unittest

from harness import dlock, life
from harness.case import needs_pid_namespace
from harness.heartbeat_case import BEAT, HEARTBEAT, NOTIFY_LOOP, TIMEOUT, HeartbeatCase
from harness.wait import LATE, PATIENCE, now, wait_until

class AJobThatHangs(HeartbeatCase):
    def test_a_job_that_hangs_is_ended_with_82_and_one_line_with_the_remedy(self):
        self.assert_hung(self.start_job("sleep 60"))

    def test_the_first_report_is_due_one_timeout_after_the_start(self):
        path = self.life_file()
        before = now()
        held = self.hold(life=path, options=HEARTBEAT)
        began = life.runs(path)[0].first
        self.assert_hung(held)
        last = life.last_tick(path)
        self.assertGreater(last - before, TIMEOUT - 0.1)
        self.assertLess(last - began, TIMEOUT + LATE)

    def test_a_job_is_ended_one_timeout_after_its_last_report(self):
        held = self.start_job(f"{BEAT}; {BEAT}; date +%s.%N >{self.path('last')}; exec sleep 60")
        wait_until(lambda: self.file("last"), 15, "the last report")
        reported = now()
        self.assert_hung(held)
        self.assertGreater(now() - reported, TIMEOUT - 0.2 * PATIENCE)

    def test_a_job_that_ignores_sigterm_is_killed_after_k_with_its_whole_tree(self):
        started, heads = self.start_tree(4, 3, options=["--heartbeat-timeout", f"{1 * PATIENCE}s", "-k", "200ms"],
                                         tree_options=["--ignore", "TERM"])
        self.assert_gone(heads, 10)
        self.assert_hung(started)

    def test_a_job_that_exits_with_0_on_sigterm_is_still_reported_as_hung(self):
        held = self.start_job("trap 'exit 0' TERM; while :; do sleep 0.02; done")
        self.assert_hung(held)

    def test_the_status_file_reports_job_hung(self):
        ended = self.start_with_status("sleep", "60", options=HEARTBEAT)
        self.assert_hung(ended)
        self.assertEqual((ended.status["outcome"], ended.status["exit_code"]), ("job_hung", dlock.HUNG))

    def test_the_lock_is_free_after_a_job_that_hung(self):
        self.assert_hung(self.start_job("sleep 60"))
        self.assertEqual(self.run_job("true").code, 0)

    def test_other_sd_notify_messages_are_not_progress(self):
        held = self.start_run("python3", "-c", NOTIFY_LOOP, "STATUS=busy\nWATCHDOG=0\nSTOPPING=1\nWATCHDOG=11",
                              options=["--heartbeat-timeout", f"{2 * TIMEOUT}s"])
        self.assert_hung(held)

    @needs_pid_namespace
    def test_a_job_that_hangs_in_a_pid_namespace_is_ended(self):
        self.assert_hung(self.start_job("sleep 60", "--contain=pidns"))


if __name__ == "__main__":
    unittest.main()
