"""What names mean, for one dlock: an /etc/hosts of its own."""

import functools
import unittest

from .case import run_quietly, unshare_user

_ENTER = ["unshare", *unshare_user(), "--mount", "--propagation", "private", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"']


def with_hosts(path, *lines):
    """A prefix_command. The lines go into a file of that path."""
    with open(path, "w", encoding="ascii") as file:
        file.writelines(f"{line}\n" for line in lines)
    return [*_ENTER, path]


@functools.cache
def _why_not():
    done = run_quietly(*_ENTER, "/etc/hosts", "true")
    return None if done.returncode == 0 else f"no private mounts here: {done.stdout.decode().strip()}"


needs_own_hosts = unittest.skipIf(_why_not(), _why_not() or "")
