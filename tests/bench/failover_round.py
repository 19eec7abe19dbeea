"""One round of a failover: a job that holds the lock, a second contender that retries, and the outcome of both."""

import os
import random
import threading
import time
from collections import Counter
from typing import NamedTuple, Optional

from harness import dlock, life
from harness.wait import now, wait_until

# The end of the fault, in s after its start.
REPAIRED = 3.0  # a master that was killed
REJOINED = 5.0  # a master that was cut off

_LONG = 60  # s: until the second job is told to end


def environment(url):
    """The environment of both contenders. On the command line a URL with a password would cause a warning."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("DLOCK") and name != "REDISCLI_AUTH"}
    return {**env, "DLOCK_STORE": url, "LC_ALL": "C.UTF-8"}


class Outcome(NamedTuple):
    """Times in s."""
    overlap: float
    next_holder: float  # from the fault to the start of the second job
    outlived: Optional[float]  # how long the first job outlived the role of the old master; None if it did not
    code: int  # of the first dlock


class Contender:
    """Retries after each refusal until it has the lock, and keeps the lock until it is stopped."""

    def __init__(self, start, path):
        """`start` takes the words of a job and returns the started dlock. `path` is the life file of the job."""
        self._start, self._path = start, path
        self._over = threading.Event()
        self._current = None
        self.answers = Counter()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def has_had_the_lock(self):
        return os.path.exists(self._path) and os.path.getsize(self._path) > 0

    def stop(self):
        self._over.set()
        self._thread.join()
        if self._current is None:
            return
        try:
            if self._current.running():
                self._current.signal(15)
                self._current.wait()
        finally:
            self._current.destroy()

    def _ask(self):
        while not self._over.is_set():
            self._current = self._start(dlock.JOBTOOL, "tick", self._path, str(_LONG))
            while self._current.running() and not self._over.is_set():
                if self.has_had_the_lock():
                    return
                time.sleep(0.005)
            if self._over.is_set() or self.has_had_the_lock():
                return
            self.answers[self._current.code] += 1
            time.sleep(0.02)  # otherwise the retries would use both processors


class Round:
    """The stage of a fault, which calls `hold`, then `strike`, and then does its work."""

    def __init__(self, bed, row, directory):
        self.bed, self.row = bed, row
        self.key = os.path.basename(directory)
        self._directory = directory
        self._first = self._contender = self._struck_at = self._demoted_at = None
        os.mkdir(directory)

    @property
    def lock_name(self):
        return f"dlock:lock:{self.key}"

    def hold(self):
        """The first contender gets the lock, and from then on the second one tries to get it."""
        path = self._path("life-first")
        seconds = 2 * self._interval + self.row.lasts
        self._first = self._start("first", self.row.first, dlock.JOBTOOL, "tick", path, str(seconds))
        wait_until(lambda: os.path.exists(path) and os.path.getsize(path) > 0 or not self._first.running(), 20,
                   "the first job starts")
        if not self._first.running():
            raise AssertionError(f"the first dlock ended with {self._first.code} and no job: {self._first.stderr}")
        self._contender = Contender(lambda *words: self._start("second", self.row.second, *words), self._path("life-second"))

    def strike(self, moment="any"):
        """Waits for the time of the fault: any time between two renewals, or at once."""
        if moment == "any":
            time.sleep(random.uniform(self._interval, 2 * self._interval))
        self._struck_at = now()

    def wait_since_strike(self, seconds):
        time.sleep(max(0.0, self._struck_at + seconds - now()))

    def wait_demoted(self, old):
        """Waits until the old master reports that it is no master any more."""
        wait_until(lambda: old.role() == "slave", 30, f"{old.address} is demoted")
        self._demoted_at = now()

    @property
    def first(self):
        return self._first

    def outcome(self):
        """Waits until both have had the lock and the first is gone."""
        wait_until(lambda: not self._first.running() and self._contender.has_had_the_lock(), 60,
                   lambda: f"the second contender gets the lock (first: {self._first.code}, {self._first.stderr!r}; answers: "
                           f"{dict(self._contender.answers)})")
        self._contender.stop()
        both = self._path("life-both")
        with open(both, "wb") as joined:
            for name in ("life-first", "life-second"):
                with open(self._path(name), "rb") as part:
                    joined.write(part.read())
        ended = life.last_tick(self._path("life-first"))
        outlived = ended - self._demoted_at if self._demoted_at and ended > self._demoted_at else None
        return Outcome(life.overlap(both), life.lines(self._path("life-second"))[0].at - self._struck_at, outlived,
                       self._first.code)

    def destroy(self):
        if self._contender is not None:
            self._contender.stop()
        if self._first is not None:
            self._first.destroy()

    # -- internals ----------------------------------------------------------------------------------------------------

    @property
    def _interval(self):
        """A random time between two renewals."""
        return self.row.ttl / 5

    def _path(self, name):
        return os.path.join(self._directory, name)

    def _start(self, who, options, *words):
        directory = self._path(who)
        os.makedirs(directory, exist_ok=True)
        return dlock.Dlock(["run", "--key", self.key, "--ttl", f"{self.row.ttl:g}s", *options, "--", *words], directory,
                           env=self.bed.env)
