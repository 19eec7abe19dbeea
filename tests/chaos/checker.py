"""Judges the history of an episode: checker.py DIRECTORY... It uses neither dlock nor the store, and only reads files.

Each rule is a function from a History to sentences, one for each breach. `excuses.py` defines what a fault can cause: without
an excuse there must be no overlap, no job that outlives its lease or its lock, no token out of order and no wrong exit code.
The numbers of rules are those of README.md, "The judge".
"""

import sys
from typing import NamedTuple

from .excuses import Excuses, FOR_EVER, LATE
from .history import History

HELD, UNREACHABLE, REFUSED, SYSTEM, LOST, UNCONFIRMED = 75, 69, 77, 71, 80, 81
KILLED, TERMINATED = 137, 143

_ROUNDING = 0.002  # s: the server rounds to milliseconds and has another clock
_BEFORE_THE_START = {HELD, UNREACHABLE, REFUSED}
_PROMPT = 0.6  # s: from the death of one supervisor to the next job, when the other supervisor releases the lock
# The faults by which a run can lose its lock.
_TAKEN = {"force", "flushall", "del-lock", "del-liveness", "server-kill", "lock-file-removed", "pause", "stop-engine",
          "lead-elsewhere", "failover", "kill-master", "pause-master", "partition-master", "cluster-failover", "kill-node", "migrate"}


class Run(NamedTuple):
    name: str
    machine: object
    began: float  # when dlock was started
    ended: float
    code: int
    expected: int
    waits: bool
    options: list
    token: str  # None: no job
    first: float  # the first sign of life of the job
    last: float
    finished: bool  # the job reported that it completed its work
    ticks: list


def runs_of(history):
    ended = {event["run"]: event for event in history.all("ended")}
    found = []
    for event in history.all("run"):
        lines = history.life(event["run"])
        end = ended.get(event["run"])
        found.append(Run(event["run"], event["machine"], event["at"], end["at"] if end else float("inf"),
                         end["code"] if end else None, end["expected"] if end else None, end["waits"] if end else False,
                         event["options"], lines[0].token if lines else None, lines[0].at if lines else None,
                         max(line.at for line in lines) if lines else None, any(line.what == "end" for line in lines),
                         sorted(line.at for line in lines)))
    return found


class Checker:
    def __init__(self, history):
        self._history = history
        self._plan = history.plan
        self._runs = runs_of(history)
        self._jobs = sorted((run for run in self._runs if run.first is not None), key=lambda run: run.first)
        self._excuses = Excuses(history, self._runs)
        self.figures = {}

    def breaches(self):
        rules = (self.complete, self.no_overlap, self.tokens_increase, self.the_lock_belongs_to_the_job,
                 self.nobody_outlives_the_lease, self.codes_are_true, self.no_needless_kill, self.free_again, self.prompt_after_a_kill,
                 self.nothing_left,
                 self.few_connections)
        return [f"{rule.__name__.replace('_', ' ')}: {sentence}" for rule in rules for sentence in rule()]

    # -- the rules ----------------------------------------------------------------------------------------------------

    def complete(self):
        """A history with a missing part proves nothing."""
        if not self._history.all("end"):
            yield "the episode did not come to its end"
        for event in self._history.all("stuck"):
            yield f"a run does not end: {event['who']}"
        if not self._jobs:
            yield "no job has run"

    def no_overlap(self):
        """1 and 11: never more jobs at once than the sharing allows."""
        self.figures["overlap"] = 0.0
        for begins, ends, several in self._too_many():
            bad = [tick for run in self._surplus(several) for tick in run.ticks
                   if begins < tick <= ends and not self._excuses.may_still_run(run, tick)]
            self.figures["overlap"] += ends - begins
            if bad:
                names = ", ".join(f"{run.name} ({run.first:.3f} to {run.last:.3f})" for run in several)
                yield f"{names} ran at once for {ends - begins:.3f} s, at {bad[0]:.3f} without an excuse"

    def tokens_increase(self):
        """3: tokens of exclusive runs rise in the order of their starts, and no two runs have the same token."""
        ours = [run for run in self._jobs if run.token.isdigit()]
        seen = {}
        for run in ours:
            if run.token in seen:
                yield f"{run.name} and {seen[run.token].name} have the token {run.token}"
            seen[run.token] = run
        if self._plan["sharing"] != "alone":
            return
        for before, after in zip(ours, ours[1:]):
            # The embedded store loses its counter with the file. Then tokens come only from the time of day.
            if self._excuses.was_between("lock-file-removed", before.began, after.first):
                continue
            # Both ran at once, which no_overlap judges: the run that was granted the lock first can have started its job slightly
            # later.
            if after.first < before.last and after.first - before.first < 1:
                continue
            if int(after.token) <= int(before.token):
                yield f"{after.name} started after {before.name}, but {after.token} <= {before.token}"

    def the_lock_belongs_to_the_job(self):
        """4, 5 and 6: while a job runs, the store reports its run as the holder of the lock."""
        samples = self._history.samples
        self.figures["samples"] = len(samples)
        for run in self._jobs:
            if not run.token.isdigit():
                continue
            for sample in samples:
                # A sample that was requested before the start can be older than the grant.
                if not run.first <= sample["sent"] < run.last or str(sample["token"]) == run.token:
                    continue
                late = next((tick for tick in run.ticks if tick > sample["received"]), None)
                lost = sample["owner"] is None  # no other run had acquired it
                if late is not None and not self._excuses.may_still_run(run, late, lock_is_free=lost):
                    yield (f"{run.name} (token {run.token}) ran at {late:.3f}, though at {sample['received']:.3f} the lock was "
                           f"{sample['owner'] or 'nobody'}'s")
                    break

    def nobody_outlives_the_lease(self):
        """2: a job killed at its deadline was gone before its liveness expired. The shortest time left is a statistic."""
        for run in self._jobs:
            if run.code != UNCONFIRMED or self._excuses.may_still_run(run, run.last):
                continue
            alive = [sample for sample in self._history.samples if str(sample["token"]) == run.token and sample["alive_ms"] > 0]
            if not alive:
                continue
            least, most = self._end_of_lease(alive, run.last)
            if most < run.last - _ROUNDING:
                yield f"{run.name} outlived its lease by {run.last - least:.3f} s"
            elif least == most:
                self.figures["least_left"] = min(least - run.last, self.figures.get("least_left", FOR_EVER))

    def codes_are_true(self):
        """8: each exit code is true."""
        for run in self._runs:
            if run.code is None or run.machine == "peer":
                continue
            happened = self._excuses.kinds_during(run)
            started = run.first is not None
            if run.code == run.expected and run.finished:
                continue
            if run.code in _BEFORE_THE_START:
                if started:
                    yield f"{run.name} said {run.code}, but its job had run"
                elif run.code == REFUSED and "rotate" not in happened:
                    yield f"{run.name} said {REFUSED}, and its password was right"
                elif run.code == UNREACHABLE and not self._excuses.disturbed(run):
                    yield f"{run.name} said {UNREACHABLE}, and nothing was wrong"
                continue
            allowed = {LOST: _TAKEN, UNCONFIRMED: self._excuses.SILENCE, SYSTEM: {"kill-front", "kill-engine", "memory", "crash"},
                       KILLED: {"kill-front", "kill-job", "crash", "memory"}, TERMINATED: {"term"}}.get(run.code)
            if allowed is None:
                yield f"{run.name} ended with {run.code}, expected {run.expected}; its job {'ended' if run.finished else 'did not end'}"
            elif not allowed & happened and not (run.code == UNCONFIRMED and self._excuses.starved_during(run.began, run.ended)):
                yield f"{run.name} ended with {run.code}, of which nothing is a cause: {sorted(happened) or 'no fault'}"

    def no_needless_kill(self):
        """10: no job is killed after an outage shorter than the one that must be survived."""
        survived = 0.99 * self._plan["ttl"] - 0.502 - self._plan["ttl"] / 5 - self._plan["ttl"] / 10
        for run in self._jobs:
            if run.code == UNCONFIRMED:
                silent = self._excuses.silence_before(run)
                self.figures["killed_in_silence"] = self.figures.get("killed_in_silence", 0) + 1
                if silent < survived:
                    yield f"{run.name} was killed after {silent:.2f} s of silence; {survived:.2f} s must be survived"

    def free_again(self):
        """7: after all faults a run gets the lock, and after a death within the lease and a margin."""
        for event in self._history.all("probed"):
            took = event["took"]
            self.figures["probe"] = max(took, self.figures.get("probe", 0))
            # The wait after a restart, or for a holder of the Node library.
            patience = self._plan["ttl"] + (10 if self._plan["deployment"] == "peer" else self._plan["ttl"] + 1) + LATE
            if event["code"] != 0 or took > patience:
                yield f"machine {event['machine']} got the lock after {took:.2f} s (code {event['code']}), {patience:.2f} s are allowed"
        self._takeover_times()

    def prompt_after_a_kill(self):
        """7: after the kill of one supervisor a waiter does not wait for the end of the lease, if there is no other fault."""
        if self._plan["sharing"] != "alone" or self._plan["deployment"] == "peer":  # these waiters poll
            return
        for kind, event, following in self._takeovers():
            took = following.first - max(event["at"], following.began)
            if kind != "crash" and took > _PROMPT + LATE and self._excuses.all_was_well(event["at"], following.first, but=kind):
                yield f"{following.name} started {took:.2f} s after {kind} of {event['run']}"

    def nothing_left(self):
        """8 and 12: no process, no lock and no key without an expiry is left."""
        for event in self._history.all("left"):
            if event["processes"]:
                yield f"left behind: {event['processes']}"
            for name, left in event["keys"].items():
                if left == -1:
                    yield f"the key {name} would live for ever"
                if name.startswith("dlock:lock:"):
                    yield f"the lock {name} is left, for {left} ms"

    def few_connections(self):
        """12: one connection per run, one more while it waits, two of the episode, one of an operator and one of a peer."""
        most = 2 * len(self._plan["machines"]) + 5
        seen = max((sample["clients"] for sample in self._history.samples), default=0)
        if seen > most + 2 * len(self._history.all("run")) * bool(self._excuses.any_network_fault()):
            yield f"{seen} connections at once, {most} are enough"

    # -- internals ----------------------------------------------------------------------------------------------------

    def _end_of_lease(self, alive, last):
        """(earliest, latest) end of a liveness that was observed, for a job that lived until `last`. Without MONITOR a renewal
        can have followed the last sample, and only the next sample limits it."""
        seen = alive[-1]["sent"]
        least = max(sample["sent"] + sample["alive_ms"] / 1000 for sample in alive)
        if self._fed(seen, last):
            extended = [lease["at"] + lease["ttl_ms"] / 1000 for lease in self._history.leases
                        if lease["liveness"] == alive[-1]["liveness"] and lease["at"] <= last]
            return (max([least, *extended]),) * 2
        return least, min((sample["received"] for sample in self._history.samples if sample["sent"] > seen), default=FOR_EVER)

    def _fed(self, begin, end):
        """True if MONITOR reported every lease in that time."""
        before = [event["up"] for event in self._history.all("feed") if event["at"] <= begin]
        broke = any(begin < event["at"] <= end and not event["up"] for event in self._history.all("feed"))
        return bool(before) and before[-1] and not broke

    def _too_many(self):
        """(begin, end, runs in the order of their starts) of each time in which more jobs ran than allowed."""
        alive = [(begin, end, run) for run in self._jobs for begin, end in self._excuses.awake(run)]
        moments = sorted({moment for begin, end, _ in alive for moment in (begin, end)})
        for begin, end in zip(moments, moments[1:]):
            at_once = {run.name: run for first, last, run in alive if first <= begin and last >= end}
            several = sorted(at_once.values(), key=lambda run: run.first)
            if self._surplus(several):
                yield begin, end, several

    def _surplus(self, several):
        """The runs that should have ended: the newest run was granted the lock only beside runs that it can share with."""
        if self._plan["sharing"] != "shared":
            return several[:-self._plan["limit"]]
        newest_shares = several and "--shared" in several[-1].options
        return [run for run in several[:-1] if not (newest_shares and "--shared" in run.options)]

    def _takeovers(self):
        """(kind, fault, the next run with a job) for each death of a supervisor of a run with a job."""
        for event in self._history.all("fault"):
            if event["kind"] in ("crash", "kill-front", "kill-engine") and event["run"]:
                dead = next((run for run in self._jobs if run.name == event["run"] and run.last >= event["at"] - 0.05), None)
                following = next((run for run in self._jobs if dead and run.first > event["at"] and run is not dead), None)
                if following:
                    yield event["kind"], event, following

    def _takeover_times(self):
        for kind, event, following in self._takeovers():
            self.figures.setdefault("takeover", []).append([kind, following.first - event["at"]])


def main():
    failed = 0
    for directory in sys.argv[1:]:
        for breach in Checker(History(directory)).breaches():
            failed += 1
            print(f"{directory}: {breach}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
