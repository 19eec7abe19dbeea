"""dlock run --dry-run: shows what a run would do, and does nothing."""

import os
import unittest

from harness import dlock
from harness.case import Case, OnRedis


class DryRunTests:
    def dry(self, *words, options=(), **how):
        return self.run_job(*words, options=["--dry-run", *options], **how)

    def test_it_starts_nothing_and_leaves_the_lock_free(self):
        shown = self.dry("touch", self.path("ran"))
        self.assertEqual((shown.code, shown.stderr), (0, ""))
        self.assertRegex(shown.stdout, rf"(?m)^command  /.*/touch {self.path('ran')}$")
        self.assertIn(f"{self.key}: free", shown.stdout)
        self.assertFalse(os.path.exists(self.path("ran")))
        self.assertEqual(self.run_job("true").code, 0)

    def test_it_shows_the_holder_and_exits_as_the_run_would(self):
        held = self.hold()
        shown = self.dry("true")
        self.assertEqual(shown.code, dlock.HELD, shown.stderr)
        self.assertIn(str(held.pid), shown.stdout)
        self.assertEqual(self.dry("true", options=["-E", "9"]).code, 9)
        self.assertEqual(self.dry("true", options=["--shared"]).code, dlock.HELD)

    def test_a_lock_with_room_for_one_more_is_not_refused(self):
        self.hold(options=["--limit", "2"])
        self.assertEqual(self.dry("true", options=["--limit", "2"]).code, 0)
        self.assertEqual(self.dry("true").code, dlock.HELD)

    def test_a_command_that_cannot_be_started_is_named(self):
        shown = self.dry("no-such-command-here")
        self.assertEqual(shown.code, 127)
        self.assertIn("'no-such-command-here' is not found", shown.stdout)
        with open(self.path("text"), "w", encoding="utf-8"):
            pass
        shown = self.dry(self.path("text"))
        self.assertEqual(shown.code, 126)
        self.assertIn("cannot be executed", shown.stdout)


class OnRedisServers(DryRunTests, OnRedis):
    def test_it_shows_the_lease(self):
        self.assertIn("lease    30s (--ttl), renewed every 6s; the job is killed when renewals have failed for",
                      self.dry("true", options=["--ttl", "30s"]).stdout)

    def test_it_writes_no_key(self):
        self.dry("true")
        self.assertEqual(self.keys(), [])


class OnTheEmbeddedStore(DryRunTests, Case):
    def test_there_is_no_lease(self):
        self.assertIn("lease    none", self.dry("true").stdout)

    def test_a_variable_cannot_ask_for_it(self):
        self.assertEqual(self.run_job("touch", self.path("ran"), more_env={"DLOCK_DRY_RUN": "true"}).code, 0)
        self.assertTrue(os.path.exists(self.path("ran")))


if __name__ == "__main__":
    unittest.main()
