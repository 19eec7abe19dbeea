"""Starts the measured programs, and reads the start and end times that jobs write."""

import os
import shutil
import subprocess
import sys
import time

from harness.redis_server import free_port

STAMP = os.environ["STAMP"]
JOB_MS = 10


def now_ns():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class Stamps:
    """The times that the jobs wrote: (number, began, ended), in ms."""

    def __init__(self, directory):
        self.path = os.path.join(directory, f"stamps{now_ns()}")
        with open(self.path, "wb"):
            pass

    def job(self, number, milliseconds=JOB_MS):
        return [STAMP, self.path, str(number), str(milliseconds)]

    def read(self):
        with open(self.path, encoding="ascii") as file:
            rows = [tuple(map(int, line.split())) for line in file]
        return sorted(((number, began / 1e6, ended / 1e6) for number, began, ended in rows), key=lambda row: row[1])


def start(command):
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                            start_new_session=True)


def finish(processes):
    for each in processes:
        if each.wait(300) != 0:
            sys.exit(f"a run ended with {each.returncode}: {' '.join(each.args)}")


def wait_for(happened, what, seconds=60):
    give_up = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > give_up:
            sys.exit(f"{what} did not happen")
        time.sleep(0.002)


class Tool:
    """A tool that runs a command under a lock and waits for the lock."""

    waits_within = 0.05  # from the start of a run to its place in the queue, with a margin

    def __init__(self, name, wrap):
        self.name, self.wrap = name, wrap

    def queued(self):
        """The number of waiters, if it can be read."""
        return None


def start_etcd(directory):
    if shutil.which("etcd") is None or shutil.which("etcdctl") is None:
        return None, None
    client, peer = free_port(), free_port()
    url = f"http://127.0.0.1:{client}"
    with open(os.path.join(directory, "etcd.log"), "wb") as log:
        server = subprocess.Popen(
            ["etcd", "--data-dir", os.path.join(directory, "etcd"), "--listen-client-urls", url, "--advertise-client-urls", url,
             "--listen-peer-urls", f"http://127.0.0.1:{peer}", "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}",
             "--initial-cluster", f"default=http://127.0.0.1:{peer}"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    os.environ["ETCDCTL_API"] = "3"
    command = ["etcdctl", "--endpoints", url]
    wait_for(lambda: subprocess.run([*command, "get", "x"], capture_output=True, check=False).returncode == 0, "etcd answers")
    tool = Tool("etcdctl lock", [*command, "lock", "bench", "--"])
    tool.waits_within = 0.2
    return server, tool
