"""The base of the tests of jobs that report progress."""

import array
import os
import shlex
import socket

from . import dlock
from .case import Case, run_quietly, unshare_user
from .wait import PATIENCE, wait_until

DLOCK = shlex.quote(dlock.BINARY)
BEAT = f"{DLOCK} heartbeat"
# Long enough for a shell and a `dlock heartbeat` on a busy machine, short enough for many tests.
TIMEOUT = 0.8 * PATIENCE
HEARTBEAT = ["--heartbeat-timeout", f"{TIMEOUT}s"]


# A job that repeats one message by sd_notify(3): WORDS [SECONDS].
NOTIFY_LOOP = """
import os, socket, sys, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
end = time.monotonic() + float(sys.argv[2] if len(sys.argv) > 2 else 60)
while time.monotonic() < end:
    s.sendto(sys.argv[1].encode(), os.environ["NOTIFY_SOCKET"])
    time.sleep(0.02)
"""


class HeartbeatCase(Case):
    def start_job(self, script, *options, **how):
        return self.start_run("sh", "-c", script, options=[*HEARTBEAT, *options], **how)

    def start_idle(self, *options, **how):
        """Starts a job that does nothing. Returns the dlock and the address of its socket."""
        options = options or ["--heartbeat-timeout", "60s"]
        held = self.start_run("sleep", "60", options=options, **how)
        job = held.job()
        # during an exec a process has no environment for a moment
        return held, wait_until(lambda: self.variables(job).get("DLOCK_SOCKET"), 5, "the job knows its socket")

    def variables(self, pid):
        with open(f"/proc/{pid}/environ", "rb") as file:
            pairs = [entry.split(b"=", 1) for entry in file.read().split(b"\0") if b"=" in entry]
        return {name.decode(): value.decode("utf-8", "replace") for name, value in pairs}

    def beat(self, address, **more):
        """Runs `dlock heartbeat` like a process of the job."""
        return self.run_words("heartbeat", more_env={"DLOCK_SOCKET": address, **more})

    def file(self, name):
        return os.path.exists(self.path(name))

    def assert_hung(self, started, seconds=30):
        self.assertEqual(started.wait(seconds), dlock.HUNG, started.stderr)
        self.assertEqual(len(started.own_lines), 1, started.stderr)
        self.assert_says(started, f"'{self.key}'", "--heartbeat-timeout", "dlock heartbeat")

    def assert_directory_is_gone(self, address):
        directory = os.path.dirname(address)
        self.assertTrue(os.path.basename(directory).startswith("dlock-"), address)
        wait_until(lambda: not os.path.exists(directory), 5, lambda: f"{directory} is taken away: it has {os.listdir(directory)}")

    def private_run(self):
        """(a directory that replaces /run, the prefix command that mounts it)."""
        directory = self.path("slash-run")
        os.mkdir(directory)
        words = ["unshare", *unshare_user(), "-m", "sh", "-c", f'mount --bind {directory} /run && exec "$@"', "sh"]
        tried = run_quietly(*words, "true")
        if tried.returncode != 0:
            self.skipTest(f"no private mounts here: {tried.stdout.decode().strip()}")
        return directory, words


def send_with(writer, text, files):
    numbers = array.array("i", [file if isinstance(file, int) else file.fileno() for file in files])
    writer.sendmsg([text], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, numbers)])
