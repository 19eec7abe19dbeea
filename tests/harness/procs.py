"""Reading /proc: who lives, in which state, below whom, started by which test."""

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
    """A zombie is not alive: it runs nothing any more."""
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
    """Living processes whose environment carries the marker: everything a test started and what that started."""
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
    """SIGSTOP, and wait until the kernel has really stopped every thread."""
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: state(pid) in ("T", "t", "Z", "X", "gone"), 5, f"process {pid} stops")


def resume(pid):
    kill(pid, signal.SIGCONT)
