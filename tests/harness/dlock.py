"""Starting dlock and finding its processes."""

import atexit
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from . import procs
from .wait import PATIENCE, now, wait_until

_BUILD = pathlib.Path(__file__).resolve().parents[2] / "build" / "dev"


def _reachable_by_others(path):
    return all(os.stat(parent).st_mode & 0o001 for parent in pathlib.Path(path).parents)


def _program(path):
    """The program, or a copy that other users can run: tests switch to other users, who cannot access a clone below /root."""
    path = os.path.abspath(path)
    if os.geteuid() != 0 or not os.path.exists(path) or _reachable_by_others(path):
        return path
    directory = tempfile.mkdtemp(prefix="dl-programs-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    os.chmod(directory, 0o755)
    return shutil.copy(path, directory)


BINARY = _program(os.environ.get("DLOCK", _BUILD / "dlock"))
TOOLS = os.path.abspath(os.environ.get("DLOCK_TOOLS", _BUILD / "tests"))
JOBTOOL = _program(os.path.join(TOOLS, "jobtool"))

# README.md, "Exit codes".
USAGE, UNREACHABLE, INTERNAL, SYSTEM, HELD, REFUSED, CONFIG = 64, 69, 70, 71, 75, 77, 78
LOST, UNCONFIRMED, HUNG = 80, 81, 82
MAX_RUN = 124


class Dlock:
    """One started `dlock`, usually `dlock run`. Without `terminal` it has its own session and no terminal."""

    def __init__(self, words, directory, env=None, stdin=subprocess.DEVNULL, stdout=None, stderr=None, prefix_command=(),
                 **popen):
        self._directory = directory
        self.status_file = None
        self.out_path = os.path.join(directory, "stdout")
        self.err_path = os.path.join(directory, "stderr")
        self._own_out = stdout is None
        self._own_err = stderr is None
        out = open(self.out_path, "wb") if self._own_out else stdout
        err = open(self.err_path, "wb") if self._own_err else stderr
        popen.setdefault("start_new_session", True)
        self.words = [*prefix_command, BINARY, *words]
        try:
            self.process = subprocess.Popen(self.words, stdin=stdin, stdout=out, stderr=err, env=env, **popen)
        finally:
            if self._own_out:
                out.close()
            if self._own_err:
                err.close()

    @property
    def pid(self):
        """The pid of the front, which the shell, cron or systemd sees."""
        return self.process.pid

    def engine(self, seconds=10):
        """The pid of the engine, as soon as it has set its name."""
        return wait_until(self._find_engine, seconds, "the engine appears below the front")

    def job(self, seconds=15):
        """The pid of the command: the child of the engine that is no longer dlock itself."""
        engine = self.engine(seconds)
        return wait_until(lambda: self._find_job(engine), seconds, lambda: f"the job starts (stderr so far: {self.stderr!r})")

    def running(self):
        return self.process.poll() is None

    def wait(self, seconds=30):
        """The value of $? in a shell: the exit code, or 128 + the signal."""
        try:
            self.process.wait(seconds * PATIENCE)
        except subprocess.TimeoutExpired:
            below = [self.pid, *procs.descendants(self.pid)]
            raise AssertionError(f"dlock did not end within {seconds * PATIENCE:g} s: {' '.join(self.words)}\n"
                                 f"processes: {procs.describe(below)}\nstderr: {self.stderr}") from None
        return self.code

    @property
    def code(self):
        status = self.process.returncode
        return 128 - status if status is not None and status < 0 else status

    @property
    def died_by(self):
        """The signal that ended it, None if it exited."""
        status = self.process.returncode
        return signal.Signals(-status) if status is not None and status < 0 else None

    def signal(self, number):
        os.kill(self.pid, number)

    def kill_both(self):
        """Kills both supervisors. They are stopped first, so that neither notices the death of the other."""
        engine = self.engine()
        procs.stop(engine)
        procs.stop(self.pid)
        procs.kill(engine)
        procs.kill(self.pid)
        self.wait()

    @property
    def stdout(self):
        return _text(self.out_path) if self._own_out else ""

    @property
    def stderr(self):
        return _text(self.err_path) if self._own_err else ""

    @property
    def own_lines(self):
        """The messages of dlock, without the output of the job."""
        return [line for line in self.stderr.splitlines() if line.startswith("dlock: ")]

    @property
    def status(self):
        with open(self.status_file, encoding="utf-8") as file:
            return json.load(file)

    def wait_said(self, text, seconds=15):
        wait_until(lambda: text in self.stderr, seconds, lambda: f"dlock says {text!r} (it said {self.stderr!r})")

    def destroy(self):
        """Ends it and all its descendants, by pid. Only for clean-up."""
        if self.process.poll() is None:
            below = procs.descendants(self.pid)
            procs.kill(self.pid)
            # The engine, if it still runs, kills the job and removes its cgroup.
            give_up = now() + 1
            while now() < give_up and any(procs.alive(pid) for pid in below):
                time.sleep(0.005)
            for pid in below:
                procs.kill(pid)
        self.process.wait(10)

    def _find_engine(self):
        for pid in procs.children(self.pid):
            facts = procs.stat(pid)
            if facts and facts["comm"] == "dlock-engine":
                return pid
        return None

    def _find_job(self, engine):
        for pid in procs.children(engine):
            try:
                if os.readlink(f"/proc/{pid}/exe") != os.path.realpath(BINARY) and procs.alive(pid):
                    return pid
            except (FileNotFoundError, PermissionError):
                continue
        return None


def _text(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()
