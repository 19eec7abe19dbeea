"""What happens to two contenders of one lock in real failovers: scripts/bench failover [rounds] [words of the rows to play]

A measurement, not a test: it prints a table. The overlap is computed from the life files of the jobs.
"""

import collections
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import traceback
from typing import Callable, NamedTuple, Sequence

import failover_others as others
import failover_sentinel as sentinels
from failover_round import REJOINED, REPAIRED, Round
from harness import dlock
from harness.server_process import version
from harness.wait import now

TRUST = ("--trust-restart",)  # all servers have just been started


class Row(NamedTuple):
    bed: Callable
    fault_name: str
    fault: Callable
    options_name: str  # the options of the two contenders and the servers
    options: Sequence[str]
    server: Sequence[str]
    ttl: float  # s, of both
    lasts: float  # s from the fault to the end of the first job, if nothing happens to it
    second_trusts: bool = True

    @property
    def first(self):
        return [*TRUST, *self.options]

    @property
    def second(self):
        return [*(TRUST if self.second_trusts else ()), *self.options]

    @property
    def name(self):
        return f"{self.bed.name} | {self.fault_name} | {self.options_name} | ttl {self.ttl:g}s"


NONE = ("-", (), ())
N1 = ("--min-replicas 1", ("--min-replicas", "1"), ())
N2 = ("--min-replicas 2", ("--min-replicas", "2"), ())
_WRITE = ("--min-replicas-to-write", "1", "--min-replicas-max-lag", "2")
SERVER = ("min-replicas-to-write 1", (), _WRITE)
BOTH1 = ("--min-replicas 1, to-write 1", N1[1], _WRITE)


def _rows():
    def on(bed, name, fault, ttl, lasts, *settings):
        return [Row(bed, name, fault, *setting, ttl, lasts) for setting in settings]

    sentinel, relayed, cluster, one = (sentinels.SentinelBed, sentinels.RelayedSentinelBed, others.ClusterBed,
                                       others.StandaloneBed)
    forgetful = Row(one, "restart, memory lost", others.restarted_without_its_memory, *NONE, 3, 10)
    return [
        *on(sentinel, "SENTINEL FAILOVER", sentinels.told_to_fail_over, 5, 3, NONE, N1, N2, BOTH1),
        *on(sentinel, "master killed", sentinels.master_killed, 2, 8, NONE, N1, SERVER, BOTH1),
        *on(sentinel, "master killed", sentinels.master_killed, 5, 4, NONE, N1),
        *on(sentinel, "master killed", sentinels.master_killed, 10, 10, N2),
        *on(sentinel, "master stopped, continued", sentinels.master_stopped, 3, 8, NONE, N1, SERVER),
        *on(sentinel, "master stopped, continued", sentinels.master_stopped, 5, 4, NONE, N2),
        *on(sentinel, "master cut off", sentinels.master_cut_off, 3, 20, NONE, N1, N2, SERVER, BOTH1),
        *on(relayed, "cut off in silence", sentinels.cut_off_in_silence, 3, 20, N1, SERVER, BOTH1),
        *on(sentinel, "cut off with a replica", sentinels.cut_off_with_a_replica, 3, 20, N1, N2, SERVER),
        *on(sentinel, "acquired after the cut", sentinels.acquired_after_the_cut, 3, 20, NONE),
        *on(relayed, "acquired after a silent cut", sentinels.acquired_after_a_silent_cut, 3, 20, SERVER),
        *on(cluster, "CLUSTER FAILOVER", others.told_to_fail_over, 5, 3, NONE, N1),
        *on(cluster, "slot's master killed", others.owner_killed, 2, 8, NONE, N1),
        *on(cluster, "slot's master killed", others.owner_killed, 5, 6, NONE),
        *on(cluster, "slot's master killed", others.owner_killed, 10, 8, N1),
        *on(cluster, "slot migrates", others.slot_migrates, 3, 4, NONE, N1),
        forgetful._replace(options_name="second without --trust-restart", second_trusts=False),
        forgetful,
        *on(one, "front killed", others.front_killed, 3, 10, NONE),
    ]


def play(row, rounds, directory):
    """Returns the outcomes. A round that did not complete is reported, and the deployment is created anew."""
    outcomes, bed = [], None
    try:
        for number in range(rounds):
            place = os.path.join(directory, f"round{number}")
            scene = None
            try:
                if bed is None:
                    bed = row.bed(os.path.join(directory, f"servers{number}"), *row.server)
                else:
                    bed.settle()
                scene = Round(bed, row, place)
                row.fault(scene)
                outcomes.append(scene.outcome())
            except (AssertionError, OSError):
                print(f"{row.name}: round {number}: {traceback.format_exc(limit=-3)}", file=sys.stderr, flush=True)
                if bed is not None:
                    bed.stop()
                bed = None
            finally:
                if scene is not None:
                    scene.destroy()
    finally:
        if bed is not None:
            bed.stop()
    return outcomes


def _median_and_worst(values, digits):
    if not values:
        return "-", "-"
    return f"{statistics.median(values):.{digits}f}", f"{max(values):.{digits}f}"


_COLUMNS = "{:<11}{:<28}{:<32}{:>5}{:>4}  {:>8}{:>8}  {:>7}{:>7}  {:>7}{:>7}  {}"


def describe(row, outcomes):
    codes = collections.Counter(outcome.code for outcome in outcomes)
    # a holder that follows a job that ended by itself waited only for that end
    followed = [outcome.next_holder for outcome in outcomes if outcome.code != 0]
    outlived = [outcome.outlived for outcome in outcomes if outcome.outlived is not None and outcome.code == dlock.LOST]
    return _COLUMNS.format(row.bed.name, row.fault_name, row.options_name, f"{row.ttl:g}s",
                           len(outcomes), *_median_and_worst([outcome.overlap for outcome in outcomes], 3),
                           *_median_and_worst(followed, 1), *_median_and_worst(outlived, 2),
                           ", ".join(f"{code} x{count}" for code, count in codes.most_common()))


def main(words):
    rounds = 5
    if words:
        rounds = int(words[0]) if words[0].isdigit() else 0
    rows = [row for row in _rows() if all(word in row.name for word in words[1:])]
    if rounds == 0 or not rows:
        print("usage: scripts/bench failover [rounds [words]]; the rows are:", *(row.name for row in _rows()), sep="\n  ",
              file=sys.stderr)
        return 64
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no server is left behind
    started = now()
    print(subprocess.run([dlock.BINARY, "--version"], stdout=subprocess.PIPE, check=True, timeout=10).stdout.decode().strip() +
          f", {os.cpu_count()} CPUs, Linux {os.uname().release}, {version()}, {rounds} rounds one after the other\n"
          "Both contenders with --trust-restart unless a row says otherwise; the second asks all the time. Seconds.\n"
          "until next: from the fault to the start of the next job, where the first one did not end by itself.\n"
          "outlived: how long the first job went on after its old master had become a replica, where it then lost its lock.\n"
          f"A killed master is started again after {REPAIRED:g} s, one that is cut off is back after {REJOINED:g} s.\n")
    print(_COLUMNS.format("", "", "", "", "", "overlap", "", "until", "next", "out-", "lived", "exit codes"))
    print(_COLUMNS.format("deployment", "fault", "options", "ttl", "n", "median", "worst", "median", "worst", "median",
                          "worst", "of the first"), flush=True)
    for row in rows:
        directory = tempfile.mkdtemp(prefix="dl-failover-", dir="/tmp")  # short: the path of a unix socket is limited to 107 bytes
        try:
            print(describe(row, play(row, rounds, directory)), flush=True)
        finally:
            shutil.rmtree(directory, ignore_errors=True)
    print(f"\n{now() - started:.0f} s in all")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
