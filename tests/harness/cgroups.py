"""Limits for fork bombs and memory hogs. Each limit is a directory that the test creates and removes."""

import os
import resource
import uuid

from . import procs
from .case import NOBODY, as_nobody
from .wait import wait_until


def _mount_of(controller):
    """The directory where cgroups with this controller can be created, for v1 and v2, or None."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        for line in file:
            before, _, after = line.partition(" - ")
            kind, _, options = after.split()[:3]
            place = before.split()[4]
            if kind == "cgroup" and controller in options.split(","):
                return place
            if kind == "cgroup2":
                with open(os.path.join(place, "cgroup.subtree_control"), encoding="ascii") as enabled:
                    if controller in enabled.read().split():
                        return place
    return None


class Cgroup:
    """A cgroup of the test. A child enters it with `join` before exec."""

    def __init__(self, mount, settings):
        self.directory = os.path.join(mount, f"dlock-test-{uuid.uuid4().hex[:12]}")
        os.mkdir(self.directory)
        try:
            for name, value in settings:
                self._write(name, value)
        except OSError:
            self.remove()
            raise

    def threaded(self):
        """A cgroup below it, for threads of its processes."""
        below = Cgroup.__new__(Cgroup)
        below.directory = os.path.join(self.directory, "threaded")
        os.mkdir(below.directory)
        below._write("cgroup.type", "threaded")
        return below

    def join(self):
        self._write("cgroup.procs", str(os.getpid()))

    def add(self, pid):
        self._write("cgroup.procs", str(pid))

    def number(self, name):
        with open(os.path.join(self.directory, name), encoding="ascii") as file:
            return int(file.read())

    def below(self):
        return sorted(entry.name for entry in os.scandir(self.directory) if entry.is_dir())

    def pids(self):
        with open(os.path.join(self.directory, "cgroup.procs"), encoding="ascii") as file:
            return [int(word) for word in file.read().split()]

    def pids_below(self):
        found = []
        for name in self.below():
            with open(os.path.join(self.directory, name, "cgroup.procs"), encoding="ascii") as file:
                found += [int(word) for word in file.read().split()]
        return found

    def remove(self):
        def removed():
            for pid in self.pids():
                procs.kill(pid)
            try:
                for name in self.below():
                    os.rmdir(os.path.join(self.directory, name))
                os.rmdir(self.directory)
                return True
            except OSError:
                return False
        wait_until(removed, 30, f"{self.directory} is empty", pause=0.01)

    def _write(self, name, value):
        with open(os.path.join(self.directory, name), "w", encoding="ascii") as file:
            file.write(value)


def v2_cgroup():
    """A cgroup below that of this process."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        mounts = [line.split()[4] for line in file if " - cgroup2 " in line]
    with open("/proc/self/cgroup", encoding="utf-8") as file:
        own = [line.rstrip("\n")[3:] for line in file if line.startswith("0::")]
    if not mounts or not own:
        raise OSError("no cgroup v2 is mounted")
    return Cgroup(mounts[0] + own[0].rstrip("/"), [])


def _place_for(controller):
    place = _mount_of(controller)
    if place is None:
        raise OSError(f"no cgroup controller {controller} here")
    return place


def pids_cgroup(most):
    return Cgroup(_place_for("pids"), [("pids.max", str(most))])


def memory_cgroup(most_bytes):
    try:
        return Cgroup(_place_for("memory"), [("memory.max", str(most_bytes)), ("memory.swap.max", "0")])
    except OSError:  # the names differ in version 1
        return Cgroup(_place_for("memory"), [("memory.limit_in_bytes", str(most_bytes))])


def nobody_with_few_processes(most):
    """For preexec_fn of Popen without a pids controller: RLIMIT_NPROC applies to all users except root."""
    def prepare():
        resource.setrlimit(resource.RLIMIT_NPROC, (most, most))
        as_nobody()
    return prepare


__all__ = ["Cgroup", "NOBODY", "memory_cgroup", "nobody_with_few_processes", "pids_cgroup", "v2_cgroup"]
