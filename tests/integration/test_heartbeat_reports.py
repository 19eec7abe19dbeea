"""--heartbeat-timeout: a job that reports progress is not ended, and time in which it cannot run does not count."""

import shlex
import unittest

from harness import procs
from harness.case import needs_pid_namespace
from harness.heartbeat_case import BEAT, NOTIFY_LOOP, TIMEOUT, HeartbeatCase
from harness.wait import hold_for, wait_until


class AJobThatReports(HeartbeatCase):
    LOOP = f"i=0; while [ $i -lt 12 ]; do {BEAT} || exit 9; sleep {TIMEOUT / 5}; i=$((i + 1)); done; exit 7"

    def test_a_job_that_reports_runs_without_limit(self):
        self.assertEqual(self.start_job(self.LOOP).wait(60), 7)

    def test_a_job_can_report_by_sd_notify(self):
        ended = self.run_job("python3", "-c", NOTIFY_LOOP, "WATCHDOG=1", str(3 * TIMEOUT), options=["--heartbeat-timeout", f"{1.5 * TIMEOUT}s"])
        self.assertEqual(ended.code, 0, ended.stderr)

    def test_a_report_can_be_one_of_several_lines(self):
        ended = self.run_job("python3", "-c", NOTIFY_LOOP, "STATUS=1\nWATCHDOG=1\nX=y", str(3 * TIMEOUT),
                             options=["--heartbeat-timeout", f"{1.5 * TIMEOUT}s"])
        self.assertEqual(ended.code, 0, ended.stderr)

    def test_any_process_of_the_job_can_report_even_a_daemon_in_its_own_session(self):
        loop = f"while :; do {BEAT}; sleep {TIMEOUT / 5}; done"
        held = self.start_job(f"setsid sh -c {shlex.quote(loop)} & sleep {2 * TIMEOUT}; exit 7")
        self.assertEqual(held.wait(60), 7, held.stderr)

    def test_with_orphans_wait_a_daemon_must_report_after_the_command_has_ended(self):
        loop = f"i=0; while [ $i -lt 7 ]; do {BEAT}; sleep {TIMEOUT / 5}; i=$((i + 1)); done; : >{self.path('done')}"
        held = self.start_job(f"setsid sh -c {shlex.quote(loop + '; sleep 60')} & exit 0", "--orphans=wait")
        self.assert_hung(held)
        self.assertTrue(self.file("done"))

    def test_the_timeout_is_suspended_while_the_job_is_stopped(self):
        held = self.start_job("sleep 60")
        job = held.job()
        procs.stop(job)
        hold_for(2 * TIMEOUT, held.running, "the stopped job")
        procs.resume(job)
        self.assert_hung(held)

    def test_the_time_during_which_the_engine_was_stopped_does_not_count(self):
        held = self.start_job(self.LOOP)
        engine = held.engine()
        wait_until(lambda: procs.children(engine), 15, "the job starts")
        procs.stop(engine)
        hold_for(1.5 * TIMEOUT, held.running, "dlock")
        procs.resume(engine)
        # Its heartbeats were not answered meanwhile, and this script exits after a failed heartbeat.
        self.assertIn(held.wait(60), (7, 9))

    @needs_pid_namespace
    def test_a_job_can_report_from_a_pid_namespace(self):
        self.assertEqual(self.start_job(self.LOOP, "--contain=pidns").wait(60), 7)


if __name__ == "__main__":
    unittest.main()
