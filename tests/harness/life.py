"""Life files: every process of a job writes `start|tick|end token pid CLOCK_BOOTTIME_ns`, all to one O_APPEND file.

The file decides whether the promise holds. It needs neither Redis nor dlock: two runs overlap if and only if the first line of
one is between the first and the last line of the other, by the clock of the kernel.
"""

import os
from collections import namedtuple

Line = namedtuple("Line", "what token pid at")
Run = namedtuple("Run", "token first last pids ended")


def lines(path):
    if not os.path.exists(path):
        return []
    found = []
    with open(path, encoding="ascii") as file:
        for text in file:
            words = text.split()
            if len(words) == 4 and text.endswith("\n"):
                found.append(Line(words[0], words[1], int(words[2]), int(words[3]) / 1e9))
    return found


def runs(path):
    """One Run for each fencing token, in the order of their starts. Times are seconds on CLOCK_BOOTTIME."""
    by_token = {}
    for line in lines(path):
        by_token.setdefault(line.token, []).append(line)
    found = []
    for token, its in by_token.items():
        times = [line.at for line in its]
        found.append(Run(token, min(times), max(times), {line.pid for line in its}, any(line.what == "end" for line in its)))
    return sorted(found, key=lambda run: run.first)


def overlap(path):
    """The seconds during which two or more runs were alive."""
    total, alive_until = 0.0, None
    for run in runs(path):
        if alive_until is not None and run.first < alive_until:
            total += min(alive_until, run.last) - run.first
        alive_until = run.last if alive_until is None else max(alive_until, run.last)
    return total


def last_tick(path, token=None):
    return max((line.at for line in lines(path) if token in (None, line.token)), default=None)
