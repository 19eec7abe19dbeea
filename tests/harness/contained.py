"""The ways to contain a job on this machine, and a decorator for tests that run in each of them."""

import functools
import os
import unittest

from .case import run_quietly, unshare_user


def cgroup_is_writable():
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        mounts = [line.split()[4] for line in file if " - cgroup2 " in line]
    with open("/proc/self/cgroup", encoding="utf-8") as file:
        own = [line.rstrip("\n")[3:] for line in file if line.startswith("0::")]
    return any(os.access(mount + path, os.W_OK) and os.path.exists(os.path.join(mount + path, "cgroup.procs"))
               for mount in mounts for path in own)


def ways():
    """The values of --contain that work on this machine."""
    found = ["auto", "walk"]
    if cgroup_is_writable():
        found.append("cgroup")
    if run_quietly("unshare", *unshare_user(), "-pf", "true").returncode == 0:
        found.append("pidns")
    return found


def in_each_way(test):
    @functools.wraps(test)
    def run(self):
        for way in ways():
            with self.subTest(contain=way):
                self.key = f"job-{way}"
                test(self, way)
    return run


needs_cgroup = unittest.skipUnless(cgroup_is_writable(), "no writable cgroup v2 here")
