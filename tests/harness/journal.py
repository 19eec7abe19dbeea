"""A real systemd-journald for one test, in a mount namespace with a separate /run."""

import json
import os
import shutil
import subprocess

from . import procs
from .case import unshare_user
from .wait import PATIENCE, wait_until

_START = "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal /run/log/journal && exec \"$0\""

# As systemd does for a unit: systemd.exec(5). Not every systemd-cat sets it.
_NAME_THE_STREAM = 'JOURNAL_STREAM=$(stat -Lc %d:%i /proc/self/fd/2) exec "$@"'


def _program():
    return next((path for path in ("/usr/lib/systemd/systemd-journald", "/lib/systemd/systemd-journald")
                 if os.access(path, os.X_OK)), None)


def why_missing():
    """Why no journal can be started here, or None."""
    for name in ("unshare", "nsenter", "journalctl", "systemd-cat"):
        if shutil.which(name) is None:
            return f"{name} is not installed"
    if _program() is None:
        return "systemd-journald is not installed"
    done = subprocess.run(["unshare", *unshare_user(), "--mount", "sh", "-c", "mount -t tmpfs tmpfs /run"], check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return None if done.returncode == 0 else f"no mount namespace here: {done.stdout.decode().strip()}"


class Journal:
    def __init__(self, directory):
        with open(os.path.join(directory, "journald.log"), "wb") as log:
            self._process = subprocess.Popen(["unshare", *unshare_user(), "--mount", "sh", "-c", _START, _program()],
                                             stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self._root = f"/proc/{self._process.pid}/root"
        wait_until(lambda: os.path.exists(f"{self._root}/run/systemd/journal/stdout") and
                   os.listdir(f"{self._root}/run/log/journal"), 10, "the journal is there")

    def as_its_stderr(self):
        """A prefix command that connects standard output and error to the journal. The process stays the same."""
        namespaces = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        return ("nsenter", f"--target={self._process.pid}", *namespaces, "--mount", f"--wd={os.getcwd()}", "systemd-cat",
                "sh", "-c", _NAME_THE_STREAM, "sh")

    def entries(self, *matches):
        """All entries that match, as dictionaries of their fields, in order."""
        done = subprocess.run(["journalctl", "--directory", f"{self._root}/run/log/journal", "--output", "json", *matches],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False, timeout=20 * PATIENCE)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def pause(self):
        procs.stop(self._process.pid)

    def resume(self):
        procs.resume(self._process.pid)

    def stop(self):
        self._process.kill()
        self._process.wait(10)
