"""What each kind of fault can cause according to the contract (man page, GUARANTEES), and for how long.

Nothing else excuses a job that runs beside another holder or after its lease.
"""

# s: what a busy machine can add to an immediate reaction
LATE = 0.6

# A store that lost data: the old job dies within one renewal interval after the store answers again.
_FORGETS = {"flushall", "del-lock", "del-liveness", "lock-file-removed"}
# A new master can lack the lock: the old holder notices when it has found that master, at the latest at the end of its lease.
_FAILS_OVER = {"lead-elsewhere", "failover", "kill-master", "pause-master", "partition-master", "cluster-failover", "kill-node"}
_NETWORK = {"cut-both", "cut-requests", "cut-replies", "loss", "narrow", "freeze", "freeze-up", "freeze-down", "drip", "delay",
            "refuse", "reset", "cut-after-request", "names-silent", "names-lie",
            "names-unknown"}
_SLOW = {"loss", "narrow", "drip", "delay"}
_SERVER = {"server-kill", "server-pause", "client-kill", "client-pause", "out-of-memory", "misconf", "busy", "rotate"}
_STOPS = {"stop-front", "stop-engine", "pause"}
_KILLS = {"kill-front": "front", "kill-engine": "engine"}

FOR_EVER = float("inf")


class Window:
    """One fault. It is applied from `begin` to `done`, and undone from `undoing` to `end`."""

    def __init__(self, event, undoing, end):
        self.kind, self.run, self.machine = event["kind"], event["run"], event["machine"]
        self.begin, self.done, self.undoing, self.end = event["began"], event["at"], undoing, end

    def touches(self, begin, end):
        return self.begin <= end and self.end >= begin


class Excuses:
    SILENCE = _NETWORK | _SERVER | _FAILS_OVER | {"stop-engine", "pause", "migrate", "hogs", "memory", "stop-front"}

    def __init__(self, history, runs):
        self._plan = history.plan
        self._renew = self._plan["ttl"] / 5
        self._windows = _windows(history)
        self._starved = [(event["at"] - event["late"], event["at"]) for event in history.all("starved")]
        self._helpless = {run.name: list(self._without_supervisors(run)) for run in runs}

    def awake(self, run):
        """The times in which the job was not stopped: [(begin, end)]."""
        begin = run.first
        for window in self._windows:
            if window.run == run.name and window.kind in ("pause", "stop-job") and window.begin < run.last:
                if window.done > begin:
                    yield begin, window.done
                begin = max(begin, min(window.undoing, run.last))
        yield begin, run.last

    def may_still_run(self, run, at, *, lock_is_free=False):
        """True if a job that has lost its lock can still run at this time. `lock_is_free`: no other run has acquired it."""
        if any(begin <= at <= end for begin, end in self._helpless[run.name]):
            return True
        return any(begin <= at <= end for window in self._windows for begin, end in [self._excused(window, run, lock_is_free)])

    def kinds_during(self, run):
        """The kinds of all faults that can have affected this run, also of those whose effect lasted until its start."""
        return {window.kind for window in self._windows if self._meets(window, run) and
                window.begin <= run.ended and window.end + max(self._plan["ttl"], self._recovery(window)) >= run.began}

    def disturbed(self, run):
        """True if the store can have been unusable for a run, also because it had started recently."""
        kinds = self.kinds_during(run)
        young = any(window.kind == "server-kill" and window.touches(run.began - self._plan["ttl"] - 1, run.ended)
                    for window in self._windows)
        return bool(kinds & (self.SILENCE | {"force"})) or young or self.starved_during(run.began, run.ended)

    def silence_before(self, run):
        """For how many seconds the store can have been unreachable in the lease before the end of the job."""
        end = max(run.last + LATE, run.ended)
        begin = end - LATE - self._plan["ttl"]
        times = [(max(begin, window.begin), min(end, window.end + self._recovery(window))) for window in self._windows
                 if window.kind in self.SILENCE and self._meets(window, run) and window.touches(begin, end)]
        times += [(max(begin, first - 0.5), min(end, last + 0.5)) for first, last in self._starved if first < end and last > begin]
        return _union(times)

    def starved_during(self, begin, end):
        """True if the machine was so busy that even the observer was late."""
        return any(first < end + 1 and last > begin - 1 for first, last in self._starved)

    def all_was_well(self, begin, end, *, but):
        """True if there was no other fault than one of that kind in that time or shortly before."""
        wrong = [window for window in self._windows
                 if window.begin <= end and window.end + max(self._plan["ttl"], self._recovery(window)) >= begin]
        return [window.kind for window in wrong] == [but] and not self.starved_during(begin, end)

    def was_between(self, kind, begin, end):
        return any(window.kind == kind and window.touches(begin, end) for window in self._windows)

    def any_network_fault(self):
        return any(window.kind in _NETWORK | _SERVER for window in self._windows)

    # -- internals ----------------------------------------------------------------------------------------------------

    def _excused(self, window, run, lock_is_free):
        """(begin, end) of the time in which this fault excuses a job that runs; an empty time if it does not."""
        never = (1.0, 0.0)
        if window.kind == "pause" and window.run == run.name:
            return window.undoing, window.end + LATE  # it is resumed together with the supervisors that kill it
        if window.kind in _FORGETS or window.kind == "server-kill" and self._forgets(lock_is_free):
            if run.began > window.end:  # a run can be granted the lock before and start its job after the fault
                return never
            return window.begin, window.end + self._hears_after(window, run)
        if window.kind in _FAILS_OVER and self._plan["deployment"] != "sentinel-strict" and run.first <= window.end + 5:
            return window.begin, window.end + 5 + self._plan["ttl"]
        return never

    def _forgets(self, lock_is_free):
        """A restarted server grants no lock before all leases have expired, unless the restart is trusted."""
        return self._plan["deployment"] != "persistent" and (self._plan["trusts_restart"] or lock_is_free)

    def _hears_after(self, window, run):
        """One renewal interval, or the lease if the store cannot be reached meanwhile."""
        others = [other for other in self._windows if other is not window and other.kind in self.SILENCE
                  and self._meets(other, run) and other.touches(window.begin - 0.5, window.end + self._renew + LATE)]
        return self._plan["ttl"] if others else self._renew + LATE

    def _without_supervisors(self, run):
        """The times in which both supervisors are stopped or dead: the contract requires one of them for a kill."""
        out = {"front": [], "engine": []}
        for window in self._windows:
            if window.run != run.name:
                continue
            if window.kind == "crash":  # the job is killed as well
                for each in out:
                    out[each].append((window.begin, window.done))
            elif window.kind in _KILLS:
                out[_KILLS[window.kind]].append((window.begin, FOR_EVER))
            elif window.kind in _STOPS:
                who = ("front", "engine") if window.kind == "pause" else (window.kind.removeprefix("stop-"),)
                for each in who:
                    out[each].append((window.begin, window.undoing))
        for front_from, front_to in out["front"]:
            for engine_from, engine_to in out["engine"]:
                begin, end = max(front_from, engine_from), min(front_to, engine_to)
                if begin < end:
                    yield begin, end + LATE

    def _meets(self, window, run):
        if window.run is not None and window.kind in _STOPS | set(_KILLS) | {"crash", "stop-job", "kill-job", "term"}:
            return window.run == run.name
        return window.machine in (None, run.machine) or window.kind == "force"

    def _recovery(self, window):
        """How long its effect can last after its end: a failover begins with it."""
        if window.kind in _FAILS_OVER | {"migrate"}:
            return 6
        return 1.0 if window.kind in _SLOW | _SERVER else 0.5


def _windows(history):
    """One Window for each fault, with its first undoing."""
    found = []
    for event in history.all("fault"):
        def after(what, event=event):
            return next((other["at"] for other in history.all(what)
                         if all(other[name] == event[name] for name in ("kind", "run", "machine", "lasts")) and
                         other["at"] >= event["at"]), FOR_EVER)
        found.append(Window(event, after("undoing"), after("undone")))
    return found


def _union(times):
    total, until = 0.0, -FOR_EVER
    for begin, end in sorted(times):
        total += max(0.0, end - max(begin, until))
        until = max(until, end)
    return total
