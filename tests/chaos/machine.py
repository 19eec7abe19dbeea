"""A machine of an episode: it starts one `dlock run` after the other according to its plan, and records how each ended."""

import os
import threading
import time

from harness import dlock, procs
from harness.full_pipe import full_pipe
from harness.wait import now

JUMPING_CLOCK = os.path.join(dlock.TOOLS, "libjumping_clock.so")


class Run:
    """One `dlock run`. Values that do not exist any more are None or empty."""

    def __init__(self, name, machine, process):
        self.name, self.machine, self.dlock = name, machine, process

    def running(self):
        return self.dlock.running()

    def front(self):
        return self.dlock.pid if self.running() else None

    def engine(self):
        found = [pid for pid in procs.children(self.dlock.pid) if (procs.stat(pid) or {}).get("comm") == "dlock-engine"]
        return found[0] if found and self.running() else None

    def job(self):
        """All processes of the job."""
        engine = self.engine()
        below = procs.descendants(engine) if engine else []
        return [pid for pid in below if not _is_dlock(pid)]

    def everybody(self):
        return [self.dlock.pid, *procs.descendants(self.dlock.pid)] if self.running() else []


def _is_dlock(pid):
    try:
        return os.readlink(f"/proc/{pid}/exe") == os.path.realpath(dlock.BINARY)
    except OSError:
        return True  # it is gone, so it does not belong to the job


class Worker:
    """Starts one run after the other, in its own thread, until it is told to stop."""

    def __init__(self, world, recorder, directory):
        self._world, self._recorder, self._directory = world, recorder, directory
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def begin(self):
        self._thread.start()

    def stop(self, seconds):
        """Starts no new runs. Waits until the last run has ended by itself; False if it does not end."""
        self._over.set()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _life_file(self, name):
        path = os.path.join(self._directory, f"life-{name}")
        with open(path, "ab"):
            pass
        return path


class Machine(Worker):
    """`runs` are the RunSpecs of the plan."""

    def __init__(self, number, runs, world, recorder, directory):
        super().__init__(world, recorder, directory)
        self.number, self.name = number, f"m{number}"
        self._specs = runs
        self._count = 0
        self.current = None

    def describe(self):
        return f"{self.current.name}: {procs.describe(self.current.everybody())}"

    def probe(self, seconds):
        """A run after all faults: it must get the lock. Returns its exit code."""
        self._count += 1
        run = self._start(("-w", f"{seconds}s"), ("tick", "LIFE", "0.05"))
        return self._finish(run, expected=0, probe=True)

    def _work(self):
        for spec in self._specs:
            if self._over.wait(spec.after):
                return
            self._count += 1
            run = self._start(spec.options, spec.job, stderr=spec.stderr, status=spec.status, clock=spec.clock)
            self._finish(run, expected=spec.ends_with, options=spec.options)

    def _start(self, options, job, *, stderr="file", status="file", clock="true"):
        name = f"{self.name}-{self._count}"
        path = self._life_file(name)
        words = [path if word == "LIFE" else word for word in job]
        scratch = os.path.join(self._directory, f"run-{name}")
        os.mkdir(scratch)
        how, more_env = {}, {}
        spare = None
        if stderr == "closed":
            how["preexec_fn"] = lambda: os.close(2)
        elif stderr == "full":
            spare, writer = full_pipe()
            how["stderr"] = os.fdopen(writer, "wb")
        elif stderr == "file":
            how["stderr"] = open(path + ".stderr", "wb")
        if clock == "jumps":
            more_env = {"LD_PRELOAD": JUMPING_CLOCK}
        status_file = path + ".status" if status == "file" else os.path.join(self._world.full_disk, f"{name}.status")
        began = now()
        process = dlock.Dlock(
            ["run", "--key", self._world.key, *self._world.options, *options, "--status-file", status_file, "--",
             dlock.JOBTOOL, *words], scratch, env={**self._world.env_of(self), **more_env},
            prefix_command=self._world.inside(self), **how)
        if "stderr" in how:
            how["stderr"].close()
        run = Run(name, self, process)
        run.spare = spare  # the read end of the full pipe stays open as long as the run
        self._recorder.tell("run", at=began, run=name, machine=self.number, options=list(options), clock=clock)
        self.current = run
        return run

    def _finish(self, run, expected, options=(), probe=False):
        code = run.dlock.process.wait()
        code = 128 - code if code < 0 else code
        self._recorder.tell("ended", run=run.name, machine=self.number, code=code, expected=expected, probe=probe,
                            waits="-w" in options or probe)
        if run.spare is not None:
            os.close(run.spare)
        return code


class PeerMachine(Worker):
    """Holders with the rules of the Node library that share no code with dlock. No fault is applied to them."""

    def describe(self):
        return "the peer"

    def _work(self):
        for count in range(1, 100):
            if self._over.is_set():
                return
            name = f"peer-{count}"
            path = self._life_file(name)
            began = now()
            peer = self._world.start_peer(path)
            self._recorder.tell("run", at=began, run=name, machine="peer", options=[], clock="true")
            peer.wait(60)
            self._recorder.tell("ended", run=name, machine="peer", code=peer.process.returncode, expected=0, probe=False,
                                waits=True)
            time.sleep(0.2)
