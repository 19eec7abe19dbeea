"""Handing over a lock to waiters, compared with flock and etcdctl lock: waiting.py [waiters...]

Prints for each tool: the time from the end of one job to the start of the next; the time of N waiters with jobs of 10 ms in
addition to the sum of the jobs; how many of them ran in the order of their arrival; the number of commands to the server for
each; and how soon after the expiry of the liveness of a dead holder the next job starts.
"""

import bisect
import os
import re
import shutil
import statistics
import sys
import tempfile
import time

from bench_tools import JOB_MS, Stamps, Tool, finish, now_ns, start, start_etcd, wait_for
from harness import procs
from harness.redis_server import RedisServer, version

DLOCK = os.environ["DLOCK"]
ROUNDS = 40


class DlockOnRedis(Tool):
    def __init__(self, server, *options):
        super().__init__("dlock, Redis", [DLOCK, "run", "--key", "bench", "--store", server.url, "--trust-restart", "-q", "-w",
                                          *options, "--"])
        self.server = server

    def queued(self):
        return self.server("ZCARD", "dlock:queue:{dlock:lock:bench}")


class DlockLocal(Tool):
    def __init__(self, directory):
        super().__init__("dlock, local", [DLOCK, "run", "--key", "bench", "--store", f"local:{directory}", "-q", "-w", "--"])
        self.queue = os.path.join(directory, "bench.queue")

    def queued(self):
        return len(os.listdir(self.queue)) if os.path.isdir(self.queue) else 0


def handover_ms(tool, directory):
    """The time from the end of a job to the start of the next, which waits."""
    took = []
    for _ in range(ROUNDS):
        stamps = Stamps(directory)
        first = start([*tool.wrap, *stamps.job(1, 150)])
        time.sleep(0.05)
        second = start([*tool.wrap, *stamps.job(2, 0)])
        finish([first, second])
        (_, _, ended), (_, began, _) = stamps.read()
        took.append(began - ended)
    return statistics.median(took)


def in_order(numbers):
    """The share of waiters that ran in order: the longest increasing sequence."""
    tails = []
    for number in numbers:
        place = bisect.bisect_left(tails, number)
        tails[place:place + 1] = [number]
    return len(tails) / len(numbers)


def calls(server):
    stats = server("INFO", "commandstats")
    return sum(int(count) for name, count in re.findall(r"cmdstat_([a-z|]+):calls=(\d+)", stats)
               if name in ("evalsha", "eval", "subscribe"))


def crowd(tool, directory, count, server=None):
    stamps = Stamps(directory)
    gate = os.path.join(directory, "gate")
    os.mkfifo(gate)
    # Holds the lock until this program opens the gate.
    first = start([*tool.wrap, "sh", "-c", 'read -r word <"$0"', gate])
    time.sleep(0.5)
    waiters = []
    for number in range(count):
        waiters.append(start([*tool.wrap, *stamps.job(number)]))
        if tool.queued() is None:
            time.sleep(tool.waits_within)
        else:
            wait_for(lambda: tool.queued() > number, f"waiter {number} of {tool.name} waits")
    time.sleep(1)
    before, opened = calls(server) if server else 0, now_ns() / 1e6
    with open(gate, "w", encoding="ascii") as file:
        file.write("go\n")
    os.unlink(gate)
    finish([first, *waiters])
    rows = stamps.read()
    seen = calls(server) - before if server else 0
    return {"total": rows[-1][2] - opened, "in order": in_order([number for number, _, _ in rows]), "calls": seen / count,
            "slept": sum(ended - began for _, began, ended in rows)}


def spawn_ms(directory):
    """The time from the start of a bare job to its first output."""
    took = []
    for _ in range(100):
        stamps = Stamps(directory)
        began = now_ns() / 1e6
        finish([start(stamps.job(0, 0))])
        took.append(stamps.read()[0][1] - began)
    return statistics.median(took)


def dead_machine_ms(server, directory):
    """The time from the expiry of the liveness of a holder that died with its supervisors to the start of the next job."""
    tool = DlockOnRedis(server, "--ttl", "2s")
    late = []
    for _ in range(10):
        stamps = Stamps(directory)
        holder = start([*tool.wrap, *stamps.job(1, 60000)])
        time.sleep(0.2)
        waiter = start([*tool.wrap, *stamps.job(2, 0)])
        wait_for(lambda: tool.queued() > 0, "the waiter waits")
        family = [holder.pid, *procs.descendants(holder.pid)]
        for pid in family:
            procs.stop(pid)
        for pid in family:
            procs.kill(pid)
        (liveness,) = [key for key in server("KEYS", "dlock:proc:*") if not key.endswith(":wait")]
        over = now_ns() / 1e6 + server("PTTL", liveness)
        finish([waiter])
        holder.wait()
        late.append(stamps.read()[0][1] - over)
    return statistics.median(late), max(late)


def goal(text, value, limit, unit=""):
    print(f"  {text:<66} {value:8.2f} {unit:<3} goal {limit:<6} {'met' if value <= limit else 'NOT met'}")


def main():
    counts = [int(word) for word in sys.argv[1:]] or [100, 1000]
    directory = tempfile.mkdtemp(prefix="dlock-bench-")
    server = RedisServer(os.path.join(directory, "redis"))
    etcd = None
    try:
        locks = os.path.join(directory, "locks")
        os.mkdir(locks, 0o700)
        flock_file = os.path.join(directory, "flock")
        etcd, etcdctl = start_etcd(directory)
        redis, local = DlockOnRedis(server), DlockLocal(locks)
        tools = [redis, local, Tool("flock", ["flock", flock_file]), *([etcdctl] if etcdctl else [])]
        print(f"{version()}, {os.cpu_count()} processors; jobs of {JOB_MS} ms, medians of {ROUNDS} rounds\n")
        spawn = spawn_ms(directory)
        print(f"start of a bare job: {spawn:.2f} ms\n\nfrom the end of a job to the start of the next one:")
        handover = {tool.name: handover_ms(tool, directory) for tool in tools}
        for name, took in handover.items():
            print(f"  {name:<14} {took:8.2f} ms")
        print("\n  tool            waiters    total s   x sum of jobs + spawn   in order   commands for each")
        found = {}
        for count in counts:
            for tool in tools:
                if tool is etcdctl and count > 100:  # 17 MB each
                    continue
                row = crowd(tool, directory, count, server if tool is redis else None)
                factor = row["total"] / (row["slept"] + count * spawn)
                found[tool.name, count] = factor, row["in order"]
                seen = f"{row['calls']:.1f}" if tool is redis else "-"
                print(f"  {tool.name:<14} {count:8} {row['total'] / 1000:10.2f} {factor:23.2f} {row['in order']:9.1%} {seen:>19}", flush=True)
        late, latest = dead_machine_ms(server, directory)
        print(f"\nafter the end of a dead machine's liveness the next job starts within {late:.1f} ms (most {latest:.1f} ms)\n\ngoals:")
        for tool in (redis, local):
            goal(f"{tool.name}: from a job's end to the next one's start", handover[tool.name], 2, "ms")
            for count in counts:
                factor, order = found[tool.name, count]
                goal(f"{tool.name}: {count} waiters, x sum of the jobs and their spawn", factor, 1.3)
                goal(f"{tool.name}: {count} waiters, share that ran out of order", 1 - order, 0.01)
        goal("dlock, Redis: dead machine, after the end of its liveness", late, 50, "ms")
    finally:
        server.stop()
        if etcd:
            etcd.kill()
            etcd.wait()
        shutil.rmtree(directory, ignore_errors=True)


main()
