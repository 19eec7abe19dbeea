"""Reading /proc: which processes live, their state, their parent, and the test that started them."""

import os
import signal

from .wait import wait_until


def _stat(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            text = file.read()
    except (FileNotFoundError, ProcessLookupError):
        return None
    head, _, tail = text.rpartition(")")
    fields = tail.split()
    return {"comm": head.partition("(")[2], "state": fields[0], "ppid": int(fields[1]), "pgrp": int(fields[2]),
            "session": int(fields[3]), "cpu_ticks": int(fields[11]) + int(fields[12])}


def all_pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def stat(pid):
    return _stat(pid)


def alive(pid):
    """A zombie is not alive, because it executes no code."""
    now = _stat(pid)
    return now is not None and now["state"] not in "ZX"


def state(pid):
    now = _stat(pid)
    return now["state"] if now else "gone"


def children(pid):
    found = []
    for other in all_pids():
        facts = _stat(other)
        if facts and facts["ppid"] == pid:
            found.append(other)
    return found


def descendants(pid):
    parents = {}
    for other in all_pids():
        facts = _stat(other)
        if facts:
            parents.setdefault(facts["ppid"], []).append(other)
    found, todo = [], [pid]
    while todo:
        below = parents.get(todo.pop(), [])
        found += below
        todo += below
    return found


def marked(marker):
    """Live processes whose environment contains the marker: everything that a test started, and their descendants."""
    needle = marker.encode()
    found = []
    for pid in all_pids():
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                if needle in file.read() and alive(pid) and pid != os.getpid():
                    found.append(pid)
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


def describe(pids):
    lines = []
    for pid in pids:
        facts = _stat(pid)
        if facts:
            lines.append(f"{pid} {facts['comm']} state {facts['state']} parent {facts['ppid']} session {facts['session']}")
    return "; ".join(lines) or "nobody"


def kill(pid, number=signal.SIGKILL):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def stop(pid):
    """Sends SIGSTOP and waits until the kernel has stopped every thread."""
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: state(pid) in ("T", "t", "Z", "X", "gone"), 5, f"process {pid} stops")


def resume(pid):
    kill(pid, signal.SIGCONT)
