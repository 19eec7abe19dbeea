"""The plan of an episode, generated from its seed: the same seed gives the same plan on every machine.

Pure: nothing is started here. `faults.py` applies a Fault, `excuses.py` knows what each kind excuses.
"""

import random
from typing import NamedTuple

TTL = 2.0  # s: short, so that many leases expire in an episode
LATE_TTL = 10.0  # s: here a reply can be later than the margin and still in time
PLAYS = 7.0  # s in which faults begin; each is undone before the episode is judged

# How often each deployment is played. world.py describes them.
DEPLOYMENTS = {"redis": 26, "relay": 24, "persistent": 8, "peer": 6, "sentinel": 7, "sentinel-strict": 7, "cluster": 9,
               "local": 9, "late": 4}
# Deployments that were added later. They have every fifth seed, so that the plans of the other seeds are unchanged.
LATER_DEPLOYMENTS = {"stable": 1, "rotating": 1, "named": 1}
SHARING = {"alone": 8, "limit": 1, "shared": 1}

# name: (weight, minimum and maximum duration in s). A fault without a duration has nothing to undo.
PROCESS = {"kill-front": (3, 0, 0), "kill-engine": (3, 0, 0), "kill-job": (1, 0, 0), "crash": (3, 0, 0), "term": (2, 0, 0),
           "stop-front": (3, 0.3, 4), "stop-engine": (5, 0.3, 4), "stop-job": (2, 0.3, 3), "pause": (4, 0.3, 4)}
MACHINE = {"hogs": (2, 1, 4), "memory": (1, 1, 3)}
NETWORK = {"cut-both": (4, 0.3, 4), "cut-requests": (3, 0.3, 4), "cut-replies": (3, 0.3, 4), "loss": (2, 1, 4),
           "narrow": (1, 1, 4)}
RELAY = {"freeze": (3, 0.3, 4), "freeze-up": (2, 0.3, 4), "freeze-down": (2, 0.3, 4), "drip": (2, 0.5, 4),
         "delay": (2, 0.5, 4), "reset": (2, 0, 0), "refuse": (2, 0.3, 4), "cut-after-request": (3, 0, 0)}
SERVER = {"server-kill": (3, 0.1, 3), "server-pause": (3, 0.3, 4), "client-kill": (2, 0, 0), "client-pause": (2, 0.3, 3),
          "out-of-memory": (2, 0.5, 3), "misconf": (2, 0.5, 3), "script-flush": (1, 0, 0), "busy": (1, 0.3, 2)}
FORGETTING = {"flushall": (1, 0, 0), "del-lock": (1, 0, 0), "del-liveness": (1, 0, 0)}
OPERATOR = {"force": (2, 0, 0)}
SENTINEL = {"failover": (3, 0, 0), "kill-master": (3, 0, 4), "pause-master": (2, 2, 4), "partition-master": (2, 2, 4)}
CLUSTER = {"cluster-failover": (3, 0, 0), "kill-node": (3, 0, 5), "migrate": (3, 0.3, 2)}
LOCAL = {"lock-file-removed": (2, 0, 0)}
LIMITS = {"pids": (2, 1, 3)}
STABLE = {"lead-elsewhere": (8, 0, 0)}
ROTATING = {"rotate": (8, 0.1, 1.5)}
NAMED = {"names-silent": (5, 1, 5), "names-lie": (4, 1, 4), "names-unknown": (3, 1, 4)}

_COMMON = {**PROCESS, **MACHINE}
MENUS = {
    "redis": {**_COMMON, **NETWORK, **SERVER, **FORGETTING, **OPERATOR},
    "relay": {**_COMMON, **RELAY, "server-pause": SERVER["server-pause"], **OPERATOR},
    "persistent": {**_COMMON, **NETWORK, **SERVER, **OPERATOR},
    "peer": {**_COMMON, **NETWORK, "server-pause": SERVER["server-pause"], "client-kill": SERVER["client-kill"]},
    "sentinel": {**_COMMON, **NETWORK, **SENTINEL},
    "sentinel-strict": {**_COMMON, **NETWORK, **SENTINEL},
    "cluster": {**_COMMON, **NETWORK, **CLUSTER},
    "local": {**_COMMON, **LOCAL, **OPERATOR},
    "stable": {**_COMMON, **LIMITS, **NETWORK, **RELAY, **STABLE},
    "rotating": {**_COMMON, **LIMITS, **NETWORK, **OPERATOR, **ROTATING, "client-kill": SERVER["client-kill"]},
    "named": {**_COMMON, **LIMITS, **NETWORK, **NAMED, "client-kill": (8, 0, 0), "server-pause": SERVER["server-pause"]},
}


class RunSpec(NamedTuple):
    """One `dlock run` of a machine, started `after` seconds after the end of the previous one."""
    after: float
    options: tuple
    job: tuple  # arguments of jobtool; LIFE stands for the path of the life file of the run
    ends_with: int  # the exit code of the job
    stderr: str  # "file", "closed", "full" (a full pipe that is not read)
    status: str  # "file" or "full" (a device without space)
    clock: str  # "true", or "jumps": the time of day jumps during the run


class Fault(NamedTuple):
    at: float  # s from the start
    kind: str
    lasts: float
    machine: object  # a number, "holder" (the machine that runs a job then), or None
    much: float  # 0 to 1, for kinds with a strength


class Plan(NamedTuple):
    seed: int
    deployment: str
    sharing: str
    limit: int
    ttl: float
    trusts_restart: bool
    plays: float
    machines: tuple  # of tuples of RunSpec
    faults: tuple

    def lines(self):
        """The plan as readable text."""
        yield (f"seed {self.seed}: {self.deployment}, {len(self.machines)} machines, {self.sharing} {self.limit}, "
               f"ttl {self.ttl:g}s, {'trusts a restart' if self.trusts_restart else 'waits after a restart'}")
        for fault in self.faults:
            where = "" if fault.machine is None else f" of {fault.machine}"
            lasts = f" for {fault.lasts:.2f} s" if fault.lasts else ""
            yield f"  {fault.at:5.2f} s  {fault.kind}{where}{lasts}"


def _one_of(dice, weights):
    return dice.choices(list(weights), [weight[0] if isinstance(weight, tuple) else weight for weight in weights.values()])[0]


def _run(dice, sharing, limit):
    options = []
    if dice.random() < 0.6:
        options += ["-w", f"{dice.choice([2, 4, 6])}s"]
    if sharing == "limit":
        options += ["--limit", str(limit)]
    if sharing == "shared" and dice.random() < 0.6:
        options += ["--shared"]
    if sharing == "alone" and dice.random() < 0.1:
        options += ["--min-hold", "300ms"]
    contain = dice.choices(["auto", "walk", "pidns"], [6, 2, 2])[0]
    if contain != "auto":
        options += ["--contain", contain]
    seconds = f"{dice.choice([0.05, 0.2, 0.5, 1.0, 2.0, 3.0]):g}"
    kind = dice.choices(["tick", "deaf", "tree"], [6, 2, 2])[0]
    ends_with = dice.choices([0, 3], [8, 1])[0]
    job = {"tick": ("tick", "LIFE", seconds, "--exit", str(ends_with)),
           "deaf": ("tick", "LIFE", seconds, "--ignore", "TERM,HUP,INT", "--exit", str(ends_with)),
           "tree": ("tree", "5", "2", "/dev/null", "--tick", "LIFE", "--seconds", seconds, "--ignore", "TERM", "--exit",
                    str(ends_with))}[kind]
    return RunSpec(after=round(dice.uniform(0, 0.3), 3), options=tuple(options), job=job, ends_with=ends_with,
                   stderr=dice.choices(["file", "closed", "full"], [8, 1, 1])[0],
                   status=dice.choices(["file", "full"], [9, 1])[0], clock=dice.choices(["true", "jumps"], [9, 1])[0])


def _fault(dice, menu, machines):
    kind = _one_of(dice, menu)
    _, least, most = menu[kind]
    on_a_machine = kind in {**PROCESS, **NETWORK, **RELAY, **OPERATOR}
    target = dice.choices(["holder", dice.randrange(machines)], [3, 1])[0] if on_a_machine else None
    return Fault(at=round(dice.uniform(0.5, PLAYS), 3), kind=kind, lasts=round(dice.uniform(least, most), 3), machine=target,
                 much=round(dice.random(), 3))


def _late(dice):
    """Replies so late that a lease counted from them would be too long, followed by no replies."""
    return (Fault(at=0.5, kind="delay", lasts=20.0, machine="holder", much=round(dice.uniform(0.8, 0.9), 3)),
            Fault(at=round(dice.uniform(5, 7), 3), kind="freeze", lasts=13.0, machine="holder", much=0.0))


def draw(seed):
    dice = random.Random(seed)
    deployment = _one_of(dice, DEPLOYMENTS if seed % 5 else LATER_DEPLOYMENTS)
    sharing = _one_of(dice, SHARING) if deployment not in ("peer", "late") else "alone"
    limit = 2 if sharing == "limit" else 1
    machines = dice.choice([2, 3, 3, 4])
    if deployment == "late":
        long_run = RunSpec(0.0, ("-w", "60s"), ("tick", "LIFE", "25"), 0, "file", "file", "true")
        quick = RunSpec(1.0, ("-w", "60s"), ("tick", "LIFE", "0.5"), 0, "file", "file", "true")
        return Plan(seed, deployment, sharing, limit, LATE_TTL, True, 21.0, ((long_run,), (quick,)), _late(dice))
    runs = tuple(tuple(_run(dice, sharing, limit) for _ in range(60)) for _ in range(machines))
    faults = (_fault(dice, MENUS[deployment], machines) for _ in range(dice.randint(2, 6)))
    # A master that restarts empty before it is replaced is the case for the wait after a restart.
    trusts = dice.random() < 0.5 and deployment not in ("sentinel", "sentinel-strict", "cluster", "stable")
    return Plan(seed, deployment, sharing, limit, TTL, trusts, PLAYS, runs, tuple(sorted(faults, key=lambda fault: fault.at)))
