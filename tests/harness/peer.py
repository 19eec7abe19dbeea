"""The independent peer of tests/peer, as a process that reports events in lines of JSON."""

import json
import os
import pathlib
import shutil
import subprocess
import time

from .host import HOST
from .wait import PATIENCE, wait_until

_PEER = pathlib.Path(__file__).resolve().parents[1] / "peer"


def why_missing():
    """Why the peer cannot run here, or None."""
    if shutil.which("node") is None:
        return "node is not installed (scripts/deps test)"
    if not (_PEER / "node_modules" / "ioredis").is_dir():
        return "ioredis is not installed (scripts/deps test)"
    return None


class Peer:
    def __init__(self, directory, port, prefix, words, env, **options):
        self.path = os.path.join(directory, f"peer{time.monotonic_ns()}")
        command = ["node", str(_PEER / "peer.js"), *words, "--address", HOST, "--port", str(port), "--prefix", prefix]
        for name, value in options.items():
            command += [f"--{name.replace('_', '-')}", str(value)]
        offset = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        with open(self.path, "wb") as out:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                            env={**env, "PEER_BOOTTIME_OFFSET_NS": str(offset)}, start_new_session=True)

    @property
    def said(self):
        with open(self.path, encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.startswith("{") and line.endswith("\n")]

    def event(self, name):
        return next((each for each in self.said if each["event"] == name), None)

    def wait_event(self, name, seconds=20):
        return wait_until(lambda: self.event(name), seconds, f"the peer says {name!r}", pause=0.01)

    def wait(self, seconds=30):
        return self.process.wait(seconds * PATIENCE)

    def kill(self):
        """Kills it as by a power failure: nothing is released."""
        self.process.kill()
        self.process.wait(10)


def parse(owner_hash):
    """An owner hash, parsed by the expression of the Node library, or None."""
    done = subprocess.run(["node", str(_PEER / "peer.js"), "parse", owner_hash], stdout=subprocess.PIPE, check=False,
                          timeout=20 * PATIENCE)
    return json.loads(done.stdout) if done.returncode == 0 else None
