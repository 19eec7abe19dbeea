"""One check of each sub-command on the embedded store: it fails first when something is completely broken."""

import json
import os
import signal
import unittest

from harness import dlock
from harness.case import JOBTOOL, Case


class EachCommand(Case):
    def test_run_runs_a_job_refuses_a_second_run_and_kills_the_job_when_its_lock_is_lost(self):
        self.assertEqual(self.run_job(JOBTOOL, "exit", "7").code, 7)
        held, heads = self.start_tree(3, 1)
        self.assertEqual(self.run_job("true").code, dlock.HELD)
        os.unlink(self.path("locks", f"{self.key}.lock"))
        self.assertEqual(held.wait(), dlock.LOST)
        heads.wait_gone(2)

    def test_run_waits_for_the_lock(self):
        held = self.hold()
        waits = self.start_run("true", options=["-w"])
        waits.wait_said("waiting for it")
        held.signal(signal.SIGTERM)
        self.assertEqual((held.wait(), waits.wait()), (143, 0))

    def test_status_list_and_unlock_find_the_holder_of_a_lock(self):
        held = self.hold()
        shown = json.loads(self.run_words("status", self.key, *self.local_store, "--json").stdout)
        self.assertEqual(shown["locks"][0]["holders"][0]["pid"], held.pid)
        self.assertIn(self.key, self.run_words("list", *self.local_store).stdout)
        self.assertEqual(self.run_words("unlock", self.key, "--force", "--yes", *self.local_store).code, 0)
        self.assertEqual(held.wait(), dlock.LOST)

    def test_heartbeat_reports_from_inside_a_job(self):
        ran = self.run_job(dlock.BINARY, "heartbeat", options=["--heartbeat-timeout", "20s"])
        self.assertEqual(ran.code, 0, ran.stderr)

    def test_doctor_checks_this_machine(self):
        looked = json.loads(self.run_words("doctor", *self.local_store, "--json").stdout)
        self.assertIn("process tree", json.dumps(looked))

    def test_completion_help_and_version_are_printed(self):
        for words in (["completion", "bash"], ["--help"], ["run", "--help"], ["--version"]):
            done = self.run_words(*words)
            self.assertEqual((done.code, done.stderr), (0, ""), words)
            self.assertTrue(done.stdout)


if __name__ == "__main__":
    unittest.main()
