"""The result of an episode for the checker: a directory of text files, each line written at once.

  plan.json       the plan
  events.jsonl    the events, in the order of time: {"at": s on CLOCK_BOOTTIME, "what": ..., ...}
  samples.jsonl   the state of the lock in the store during the episode
  leases.jsonl    when each liveness was set or extended, and for how long, from the server (lease_feed.py)
  life-<run>      the life file of each run (harness/life.py); life-<run>.status, life-<run>.stderr
"""

import json
import os
import threading

from harness import life
from harness.wait import now


class Recorder:
    """Can be called from any thread."""

    def __init__(self, directory):
        self._directory = directory
        self._lock = threading.Lock()
        self._events = open(os.path.join(directory, "events.jsonl"), "a", encoding="utf-8", buffering=1)
        self._samples = open(os.path.join(directory, "samples.jsonl"), "a", encoding="utf-8", buffering=1)
        self._leases = open(os.path.join(directory, "leases.jsonl"), "a", encoding="utf-8", buffering=1)

    def tell(self, what, *, at=None, **facts):
        self._write(self._events, {"at": now() if at is None else at, "what": what, **facts})

    def sample(self, **facts):
        self._write(self._samples, facts)

    def lease(self, **facts):
        self._write(self._leases, facts)

    def plan(self, plan):
        with open(os.path.join(self._directory, "plan.json"), "w", encoding="utf-8") as file:
            json.dump(plan._asdict(), file)

    def _write(self, file, facts):
        with self._lock:
            file.write(json.dumps(facts) + "\n")


class History:
    def __init__(self, directory):
        self.directory = directory
        with open(os.path.join(directory, "plan.json"), encoding="utf-8") as file:
            self.plan = json.load(file)
        self.events = sorted(self._lines("events.jsonl"), key=lambda event: event["at"])
        self.samples = self._lines("samples.jsonl")
        self.leases = self._lines("leases.jsonl")

    def all(self, what):
        return [event for event in self.events if event["what"] == what]

    def life(self, run):
        return life.lines(os.path.join(self.directory, f"life-{run}"))

    def text(self, run, kind):
        try:
            with open(os.path.join(self.directory, f"life-{run}.{kind}"), encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def _lines(self, name):
        with open(os.path.join(self.directory, name), encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.endswith("\n")]
