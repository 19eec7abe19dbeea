"""dlock with a real journal: messages are found by key and belong to their process, and dlock never waits for the journal."""

import os
import signal
import unittest

from harness import dlock, journal
from harness.case import JOBTOOL, Case
from harness.wait import LATE, now, wait_until

RUNS = 20


@unittest.skipIf(journal.why_missing(), journal.why_missing() or "")
class InTheJournal(Case):
    def setUp(self):
        super().setUp()
        self.journal = journal.Journal(self.directory)
        self.addCleanup(self.journal.stop)

    def logged(self, *words, options=()):
        return self.start_run(*words, options=options, prefix_command=self.journal.as_its_stderr())

    def entries(self, count):
        wait_until(lambda: len(self.journal.entries("DLOCK_KEY=job")) >= count, 5, f"{count} messages are in the journal")
        return self.journal.entries("DLOCK_KEY=job")

    def test_the_last_message_of_each_run_has_its_key_and_belongs_to_its_process(self):
        self.hold()
        for _ in range(RUNS):
            self.assertEqual(self.logged("true").wait(), dlock.HELD)
        entries = self.entries(RUNS)
        self.assertEqual(len(entries), RUNS)
        for entry in entries:
            self.assertTrue(entry["MESSAGE"].startswith("key 'job': the lock is held by host"), entry)
            self.assertEqual((entry["PRIORITY"], entry["SYSLOG_IDENTIFIER"]), ("5", "dlock"), entry)
            self.assertIn(entry.get("_COMM"), ("dlock", "dlock-engine"), entry)  # the journal cannot know it for a process that has ended

    def test_an_error_has_its_priority_and_the_output_of_the_job_is_separate(self):
        ended = self.logged("sh", "-c", "echo words of the job >&2; kill -9 $PPID")
        self.assertEqual(ended.wait(), dlock.SYSTEM)
        self.assertEqual([entry["PRIORITY"] for entry in self.entries(1)], ["3"])
        words = [entry for entry in self.journal.entries("_TRANSPORT=stdout")]
        self.assertEqual([(entry["MESSAGE"], "DLOCK_KEY" in entry) for entry in words], [("words of the job", False)])

    def test_a_json_message_is_one_line_with_its_priority(self):
        self.hold()
        self.assertEqual(self.logged("true", options=["--log-format", "json"]).wait(), dlock.HELD)
        self.assertEqual(self.journal.entries("DLOCK_KEY=job"), [])
        entry = wait_until(lambda: next((each for each in self.journal.entries("PRIORITY=5") if "held by" in each["MESSAGE"]), None),
                           5, "the line is in the journal")
        self.assertTrue(entry["MESSAGE"].startswith('{"time":'), entry)

    def test_a_journal_that_does_not_read_delays_no_run(self):
        first = self.hold()
        self.journal.pause()
        began = now()
        self.assertEqual(self.logged("true").wait(), dlock.HELD)
        self.assertLess(now() - began, 0.2 + LATE)
        self.journal.resume()
        self.assertEqual(len(self.entries(1)), 1)
        first.signal(signal.SIGTERM)
        first.wait()

    def test_a_loss_is_reported_after_the_kill_also_when_the_journal_does_not_read(self):
        life = self.life_file()
        held = self.logged(JOBTOOL, "tick", life, "60", options=["--ttl", "2s"])
        self.wait_job_starts(life, 0, held)
        self.journal.pause()
        for name in os.listdir(self.locks):
            os.unlink(os.path.join(self.locks, name))
        self.assertEqual(held.wait(10), dlock.LOST)
        self.journal.resume()
        self.assertIn("the lock was lost", self.entries(1)[-1]["MESSAGE"])


if __name__ == "__main__":
    unittest.main()
