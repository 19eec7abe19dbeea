"""A separate /etc/hosts for one dlock."""

import functools
import pathlib
import shutil
import sys
import unittest

from .case import run_quietly, unshare_user

_ENTER = ["unshare", *unshare_user(), "--mount", "--propagation", "private", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"']


def with_hosts(path, *lines):
    """A prefix_command. The lines are written to a file with that path."""
    with open(path, "w", encoding="ascii") as file:
        file.writelines(f"{line}\n" for line in lines)
    return [*_ENTER, path]


def on_a_v6_only_host(hosts, port, socket_path):
    """A prefix_command, only for root. See v6_only_host.py."""
    script = pathlib.Path(__file__).with_name("v6_only_host.py")
    return ["unshare", "--net", "--mount", "--propagation", "private", sys.executable, str(script), hosts, str(port), socket_path]


needs_ip = unittest.skipUnless(shutil.which("ip"), "ip is not installed (scripts/deps test)")


@functools.cache
def _why_not():
    done = run_quietly(*_ENTER, "/etc/hosts", "true")
    return None if done.returncode == 0 else f"no private mounts here: {done.stdout.decode().strip()}"


needs_own_hosts = unittest.skipIf(_why_not(), _why_not() or "")
