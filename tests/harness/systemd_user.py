"""A real `systemd --user` of one test, in its own namespaces and cgroup, which are removed with it."""

import os
import shutil
import subprocess

from . import cgroups, procs
from .case import unshare_user
from .wait import PATIENCE, wait_until

# Run by pid 1 of the namespaces, because systemd refuses to be the manager of a user as pid 1.
_INIT = """
umount --recursive /sys/fs/cgroup || true    # in a user namespace it can only be covered
mount -t cgroup2 cgroup2 /sys/fs/cgroup      # shows nothing but the cgroup that we were put in
mount -t tmpfs tmpfs /run                    # no socket of the host's systemd, bus or journal
mkdir -p /run/systemd/system                 # without it `systemd --user` refuses to start
mount --bind /dev/null /dev/console          # no terminal: its complaints go to stderr
: >"$1"
"$2" --user
exit $?                                      # keeps the shell from becoming what it runs last
"""


class Unavailable(Exception):
    """Such namespaces cannot be created here; the text has the reason."""


def _program():
    for path in (shutil.which("systemd"), "/usr/lib/systemd/systemd", "/lib/systemd/systemd"):
        if path and os.access(path, os.X_OK):
            return path
    raise Unavailable("systemd is not installed")


class UserManager:
    """Its units are only the files that `unit` writes, none of the machine."""

    def __init__(self, directory, env):
        program = _program()
        for needed in ("systemctl", "unshare", "nsenter"):
            if shutil.which(needed) is None:
                raise Unavailable(f"{needed} is not installed")
        self._directory = directory
        self._units = os.path.join(directory, "units")
        self._runtime = os.path.join(directory, "runtime")
        os.makedirs(self._units)
        os.mkdir(self._runtime, 0o700)
        self._write("default.target", "[Unit]\nDescription=All that this manager starts by itself\n")
        self._env = {name: value for name, value in env.items()
                     if not name.startswith(("SYSTEMD_", "XDG_", "DBUS_", "NOTIFY_", "WATCHDOG_"))}
        self._env.update(HOME=directory, XDG_RUNTIME_DIR=self._runtime, SYSTEMD_UNIT_PATH=self._units, SYSTEMD_PAGER="")
        self._process = self._init = None
        try:
            self._place = cgroups.v2_cgroup()
        except OSError as why:
            raise Unavailable(f"no cgroup of version 2 can be made here: {why}") from None
        try:
            self._start(program)
        except BaseException:
            self.stop()
            raise

    def _start(self, program):
        prepared = os.path.join(self._directory, "prepared")
        log = os.path.join(self._directory, "systemd.log")

        def said():
            with open(log, encoding="utf-8", errors="replace") as file:
                return file.read()

        words = ["unshare", *unshare_user(), "--mount", "--propagation", "private", "--cgroup", "--pid", "--fork",
                 "--kill-child", "--mount-proc", "sh", "-euc", _INIT, "sh", prepared, program]
        with open(log, "wb") as out:
            try:
                self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=self._env,
                                                 start_new_session=True, preexec_fn=self._place.join)
            except subprocess.SubprocessError as why:
                raise Unavailable(f"the cgroup that was made cannot be entered: {why}") from None

        def when(exists):
            def check():
                if self._process.poll() is not None and not os.path.exists(prepared):
                    raise Unavailable(f"no private namespaces for systemd here: {said().strip()}")
                if self._process.poll() is not None:
                    raise AssertionError(f"systemd --user ended with {self._process.returncode}: {said()}")
                return os.path.exists(exists)
            return check
        wait_until(when(prepared), 20, "the namespaces are prepared")
        self._init = procs.children(self._process.pid)[0]
        listening = os.path.join(self._runtime, "systemd", "private")
        wait_until(when(listening), 60, lambda: f"systemd --user listens: {said()}")
        # Its socket exists before it answers, and it is starting for some time after that.
        states = []

        def runs():
            states.append(self.ctl("is-system-running", check=False))
            return when(listening)() and states[-1] == "running"
        wait_until(runs, 60, lambda: f"systemd --user runs: it is {states[-1]!r}: {said()}", pause=0.02)

    # -- units ----------------------------------------------------------------------------------------------------

    def unit(self, name, words, *settings):
        """Writes NAME.service that executes these words, and reloads the units."""
        lines = ["[Unit]", "DefaultDependencies=no", "StartLimitIntervalSec=0", "[Service]", *settings,
                 "ExecStart=" + " ".join(_quoted(word) for word in words)]
        self._write(f"{name}.service", "\n".join(lines) + "\n")
        self.remember(name)

    def remember(self, name):
        """Keeps a reference: without one a unit that ended successfully is forgotten, with its exit status."""
        os.makedirs(os.path.join(self._units, "default.target.d"), exist_ok=True)
        self._write(f"default.target.d/{name}.conf", f"[Unit]\nAfter={name}.service\n")
        self.ctl("daemon-reload")

    def file(self, name, text):
        """Writes a unit unchanged, except for features of a machine that this manager does not have."""
        self._write(name, text)
        os.makedirs(os.path.join(self._units, f"{name}.d"), exist_ok=True)
        self._write(f"{name}.d/here.conf", "[Unit]\nDefaultDependencies=no\n")
        self.ctl("daemon-reload")

    def ctl(self, *words, check=True):
        """`systemctl --user` inside the namespaces: the manager refuses clients of another pid namespace."""
        enter = ["--user", "--preserve-credentials"] if unshare_user() else []
        command = ["nsenter", "--target", str(self._init), *enter, "--mount", "--pid", "--cgroup", "systemctl", "--user", *words]
        done = subprocess.run(command, env=self._env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=60 * PATIENCE, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"systemctl {' '.join(words)} ended with {done.returncode}: {done.stdout}")
        return done.stdout.strip()

    def show(self, name, *properties):
        """The values of these properties, in this order."""
        lines = self.ctl("show", *(f"--property={each}" for each in properties), f"{name}.service").splitlines()
        values = dict(line.split("=", 1) for line in lines)
        return tuple(values[each] for each in properties)

    def main_pid(self, name):
        """The MAINPID of the unit as seen from outside the namespace."""
        (inside,) = self.show(name, "MainPID")
        for pid in self.processes():
            if _innermost_pid(pid) == inside:
                return pid
        raise AssertionError(f"{name} has no main process: {self.ctl('status', name, check=False)}")

    def cgroup(self, name):
        """The cgroup of the unit as a path of the host. Without a process there is none."""
        (path,) = self.show(name, "ControlGroup")
        return self._place.directory + path if path else None

    def processes(self):
        """All live processes that units have started, whatever happened to their parents."""
        (manager,) = procs.children(self._init)
        return [pid for pid in procs.descendants(manager) if procs.alive(pid)]

    # -- the end --------------------------------------------------------------------------------------------------

    def stop(self):
        if self._process is not None:
            if self._init is not None:
                procs.kill(self._init)  # kills everything in its pid namespace, and is gone after all of that
            else:
                self._process.kill()  # --kill-child kills the init as well
            self._process.wait(30 * PATIENCE)
        wait_until(self._cgroups_removed, 30, "the cgroups of systemd and its units are empty")
        self._place.remove()
        closed = os.path.join(self._runtime, "systemd", "inaccessible", "dir")
        if os.path.exists(closed):
            os.chmod(closed, 0o700)  # otherwise an unprivileged user could not remove the directory of the test

    def _cgroups_removed(self):
        try:
            for directory, _, _ in os.walk(self._place.directory, topdown=False):
                if directory != self._place.directory:
                    os.rmdir(directory)
            return True
        except OSError:
            return False

    def _write(self, name, text):
        with open(os.path.join(self._units, name), "w", encoding="utf-8") as file:
            file.write(text)


def _innermost_pid(pid):
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            return next(line for line in file if line.startswith("NSpid:")).split()[-1]
    except (FileNotFoundError, ProcessLookupError):
        return None


def _quoted(word):
    for special, escape in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("$", "$$"), ("\n", "\\n")):
        word = word.replace(special, escape)
    return f'"{word}"'

