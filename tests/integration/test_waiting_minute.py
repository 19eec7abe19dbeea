"""The messages of a long wait, in a separate file because it takes a minute."""

import unittest

from harness.case import Case
from harness.wait import now, wait_until


class LongWaits(Case):
    def test_a_waiter_reports_the_holder_every_minute(self):
        held = self.start_run("sleep", "90")
        held.job()
        began = now()
        waits = self.start_run("true", options=["-w"])
        wait_until(lambda: "is still held by" in waits.stderr, 75, lambda: f"the second line: {waits.stderr}")
        self.assertGreater(now() - began, 59)
        first, second = [line for line in waits.own_lines if "waiting for it" in line or " so far" in line]
        self.assertIn(f"pid {held.pid}", first)
        self.assertIn(f"pid {held.pid}", second)
        self.assertIn("; waited 1m so far", second)
        waits.signal(15)
        self.assertEqual(waits.wait(), 143)


if __name__ == "__main__":
    unittest.main()
