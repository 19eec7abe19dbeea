"""Arbitrary values in the place of a lock in Redis: dlock refuses the lock or loses it, and never crashes."""

import json
import os
import unittest

from harness import dlock
from harness.case import RedisCase

DEEP = 300_000


def holder(**more):
    return json.dumps({"ownerHash": "job@h/1.2.3", "processHash": "h/1.2", "host": "h", **more})


def nested(levels=DEEP):
    return holder(more=0).replace(": 0}", ": " + "[" * levels + "]" * levels + "}")


VALUES = {
    "nested too deep for the scripts": nested(),
    "nested as deep as the scripts take it": nested(900),
    "no JSON": "\x00\xff{",
    "a list": "[1]",
    "hashes that are no text": '{"ownerHash":1,"processHash":{"a":1}}',
    "an owner hash with line ends": holder(ownerHash="\r\nGET x\r\n"),
    "a limit that is no number": holder(limit={}, shares=False),
    "numbers beyond all bounds": holder(pid=10**30, token=1e308, limit=1e308),
    "a mark of force": holder(forced=True),
    "a minimum hold without end": holder(minHold=True, keptUntil="never"),
    "a value that is very long": holder(command="x" * 200_000),
}


class HostileValues(RedisCase):
    @property
    def default_store(self):
        return self.redis_store

    def plant(self, value):
        self.redis("SET", self.lock_name, value, "PX", 60000)
        self.redis("SET", f"{self.prefix}proc:h/1.2", "{}", "PX", 60000)

    def test_no_value_in_the_place_of_a_lock_starts_a_job_and_the_reason_is_reported(self):
        for name, value in VALUES.items():
            with self.subTest(name):
                self.plant(value)
                for options in ((), ("--shared",), ("-w", "0.5s")):
                    refused = self.run_job("touch", self.path("ran"), options=options)
                    self.assertIn(refused.code, (dlock.HELD, dlock.CONFIG), refused.stderr)
                    self.assertFalse(os.path.exists(self.path("ran")))
                    self.assertLess(len(refused.stderr), 4096)
                for words in (("status", self.key), ("status", "--json", self.key), ("list",), ("unlock", self.key)):
                    asked = self.run_words(*words, *self.redis_store[:4])
                    self.assertIn(asked.code, (0, dlock.HELD, dlock.CONFIG), asked.stderr)

    def test_any_value_of_the_token_counter_gives_a_valid_token(self):
        for value in ("1e300", "inf", "nan", "-5", str(2**64 - 1), "", "x"):
            with self.subTest(value):
                self.redis("SET", f"{self.prefix}fence:{{{self.lock_name}}}", value)
                ran = self.run_job("sh", "-c", "echo $DLOCK_FENCING_TOKEN")
                self.assertEqual(ran.code, 0, ran.stderr)
                self.assertGreater(int(ran.stdout), 1.7e15)  # microseconds since 1970

    def test_any_value_that_replaces_a_lock_is_a_loss_and_kills_the_job(self):
        for name, value in VALUES.items():
            with self.subTest(name):
                self.redis("DEL", self.lock_name)
                held = self.hold(options=["--ttl", "2s"])
                self.plant(value)
                self.assertEqual(held.wait(10), dlock.LOST, held.stderr)
                self.assert_says(held, "the lock was lost")


if __name__ == "__main__":
    unittest.main()
