"""dlock at scale, and compared with other tools: scale.py OUTPUT [start_up|takeover|kill|hogs|locks|processes...]

Many locks on one Redis; take-over by its cause; kill by the size of the tree; punctuality beside 50 busy processes; start-up
compared with etcd and with the locks and queues of the npm registry. Prints the results, and writes them as JSON for picture.py.
If parts are named, only these are measured and the others are kept. It takes about eight minutes and starts its own servers.
"""

import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time

from bench_tools import Stamps, finish, now_ns, start, start_etcd, wait_for
from harness import procs
from harness.redis_server import RedisServer, version

DLOCK, BIN, RENEWALS = os.environ["DLOCK"], os.environ["BENCH_BIN"], os.environ["RENEWALS"]
PEERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers", "peers.js")
TTL_MS = 10_000
SECONDS = 20
PROCESSES = 1000
LOCKS = (100, 1000, 10_000)
SIZES = (1, 10, 100, 1000, 5000)
HOGS = 50
ROUNDS = 15


class Server(RedisServer):
    """The resources that it used since `mark`."""

    def mark(self):
        self._marked = (time.monotonic(), *self._used())

    def used(self):
        """(CPU in % of one processor, commands per second)."""
        seconds = time.monotonic() - self._marked[0]
        cpu, commands = self._used()
        return {"server_cpu": 100 * (cpu - self._marked[1]) / seconds, "commands": (commands - self._marked[2]) / seconds}

    def _used(self):
        told = self("INFO", "everything")
        cpu = sum(float(value) for value in re.findall(r"used_cpu_(?:sys|user):([\d.]+)", told))
        return cpu, int(re.search(r"total_commands_processed:(\d+)", told).group(1))

    def liveness_left(self):
        """The liveness of the one holder, in ms. That of a waiter has another name."""
        (name,) = [key for key in self("KEYS", "dlock:proc:*") if not key.endswith(":wait")]
        return self("PTTL", name)


# -- many locks ---------------------------------------------------------------------------------------------------------

def renewals(url, locks, seconds=SECONDS, ready=lambda: None):
    """The store code of dlock for so many locks, without its processes. Times in ms, CPU in s."""
    generator = subprocess.Popen([RENEWALS, url, str(locks), str(seconds), str(TTL_MS), "16"], stdout=subprocess.PIPE, text=True)
    if generator.stdout.readline() != "ready\n":
        sys.exit("renewals: not ready")
    ready()
    told = generator.stdout.readline().split()
    if generator.wait() != 0:
        sys.exit("renewals failed")
    return dict(zip(("renewals", "p50", "p99", "most", "late_p99", "late_most", "gone", "own_cpu"), map(float, told)))


def many_locks(server):
    print("\nlocks held on one Redis, renewed by dlock's own store code (liveness 10 s: a renewal of each every 2 s)")
    print("    locks  commands/s  server CPU %  renewal ms: p50     p99    most  lost  bytes each")
    rows = []
    for locks in LOCKS:
        one = {"locks": locks, **renewals(server.url, locks, ready=server.mark), **server.used()}
        one["bytes"] = int(re.search(r"used_memory_dataset:(\d+)", server("INFO", "memory")).group(1)) / locks
        server("FLUSHALL")
        rows.append(one)
        print(f"  {locks:7} {one['commands']:11.0f} {one['server_cpu']:13.1f} {one['p50']:16.2f} {one['p99']:7.2f} "
              f"{one['most']:7.1f} {one['gone']:5.0f} {one['bytes']:11.0f}", flush=True)
    return rows


def many_processes(server, directory):
    """Real processes: front, engine and a job that sleeps."""
    running = [start([DLOCK, "run", "--key", f"bench-{number}", "--store", server.url, "--trust-restart", "--status-file",
                      os.path.join(directory, f"status-{number}"), "--", "sleep", "600"]) for number in range(PROCESSES)]
    wait_for(lambda: len(server("KEYS", "dlock:lock:*")) == PROCESSES, "all of them have their locks")
    fronts = {run.pid for run in running}
    ours = [pid for pid in procs.all_pids() if pid in fronts or (procs.stat(pid) or {}).get("ppid") in fronts]
    time.sleep(2)
    cpu = sum(_cpu_seconds(pid) for pid in ours)
    server.mark()
    time.sleep(SECONDS)
    one = {"processes": PROCESSES, **server.used()}
    one["cpu_of_each"] = 100 * (sum(_cpu_seconds(pid) for pid in ours) - cpu) / SECONDS / PROCESSES
    one["pss_kib_of_each"] = sum(_pss_kib(pid) for pid in ours) / PROCESSES
    for run in running:
        run.terminate()
    for run in running:
        run.wait()
    told = []
    for number in range(PROCESSES):
        with open(os.path.join(directory, f"status-{number}"), encoding="utf-8") as file:
            told.append(json.load(file)["renewals"])
    one.update(mean=statistics.median(each["mean_ms"] for each in told), most=max(each["max_ms"] for each in told))
    print(f"\n{PROCESSES} real runs: {one['commands']:.0f} commands/s, server CPU {one['server_cpu']:.1f} %; each dlock "
          f"{one['cpu_of_each']:.3f} % of a processor, {one['pss_kib_of_each']:.0f} KiB (PSS of front and engine); "
          f"renewal {one['mean']:.2f} ms (median of the means), {one['most']:.1f} ms at most", flush=True)
    return one


# -- takeover -----------------------------------------------------------------------------------------------------------

def _by_force(server):
    subprocess.run([DLOCK, "unlock", "--force", "--yes", "--store", server.url, "--", "bench"], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


# The actions on (front, engine, job), and whether the lock then ends only with its liveness.
CAUSES = {
    "the job ends": (lambda server, front, engine, job: procs.kill(job), False),
    "TERM": (lambda server, front, engine, job: procs.kill(front, 15), False),
    "SIGKILL of the front": (lambda server, front, engine, job: procs.kill(front), False),
    "unlock --force": (lambda server, front, engine, job: _by_force(server), False),
    "SIGKILL of the engine": (lambda server, front, engine, job: procs.kill(engine), True),
    "the machine dies": (lambda server, *family: ([procs.stop(pid) for pid in family], [procs.kill(pid) for pid in family]), True),
}


def takeovers(server, directory):
    print("\nuntil the next job, which waits, starts; ms (where the lock ends with its liveness: from then)")
    rows = []
    wrap = [DLOCK, "run", "--key", "bench", "--store", server.url, "--trust-restart", "-q", "-w", "--ttl", "2s", "--"]
    for cause, (do, expires) in CAUSES.items():
        took = []
        for _ in range(ROUNDS):
            stamps = Stamps(directory)
            first = start([*wrap, *stamps.job(1, 60_000)])
            wait_for(lambda: server("EXISTS", "dlock:lock:bench"), "the first has the lock")
            second = start([*wrap, *stamps.job(2, 0)])
            wait_for(lambda: server("ZCARD", "dlock:queue:{dlock:lock:bench}"), "the second waits")
            time.sleep(0.1)
            (engine,) = procs.children(first.pid)
            (job,) = procs.children(engine)
            began = now_ns() / 1e6
            do(server, first.pid, engine, job)
            if expires:
                began = now_ns() / 1e6 + server.liveness_left()
            finish([second])
            first.wait()
            took.append(stamps.read()[0][1] - began)
        rows.append({"cause": cause, "expires": expires, "median": statistics.median(took), "most": max(took)})
        print(f"  {cause:24} median {rows[-1]['median']:7.2f}   most {rows[-1]['most']:7.2f}", flush=True)
    return rows


# -- the deadline -------------------------------------------------------------------------------------------------------

def tree_kill(server, rounds, size, contenders, before=()):
    """From the deadline to the end of the last of `size` processes: {name: (median, maximum)} in ms. A cgroup.kill, where
    available, shows the time of the kernel."""
    words = []
    for name, wrap in contenders.items():
        words += [*([":::"] if words else []), name, *wrap, DLOCK, "run", "--key", "bench", "--trust-restart", "--store",
                  server.unix_url, "--ttl", "3s"]
        words += [] if name in ("auto", "normal", "SCHED_RR") else [f"--contain={name}"]
        words += ["--"]
    done = subprocess.run([*before, os.path.join(BIN, "tree_kill"), str(rounds), str(size), os.path.join(BIN, "tree"),
                           server.socket_path, str(server.pid), "3000", *words], stdout=subprocess.PIPE, text=True, check=True)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    return {name: (float(median), float(most)) for name, median, most in rows}


def kill_by_size(server):
    print("\nfrom the deadline of the lease to the end of the last process, by the size of the job; ms (median, most)")
    rows = []
    for size in SIZES:
        took = tree_kill(server, 5, size, {"auto": (), "walk": ()})
        rows.append({"size": size, **took})
        print(f"  {size:5} processes  " + "   ".join(f"{name} {median:7.1f} {most:7.1f}" for name, (median, most) in took.items()),
              flush=True)
    return rows


def beside_hogs(server):
    print(f"\nbeside {HOGS} busy processes on {os.cpu_count()} processors; ms")
    hogs = [start(["sh", "-c", "while :; do :; done"]) for _ in range(HOGS)]
    try:
        # The measuring program itself must not be late. The programs that it starts have normal priority.
        took = tree_kill(server, 9, 10, {"normal": (), "SCHED_RR": ("chrt", "--rr", "1")},
                         before=("chrt", "--reset-on-fork", "--fifo", "50"))
        late = {"normal": renewals(server.url, 20, 15)}
        server("FLUSHALL")
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()
    for name in ("normal", "SCHED_RR"):
        print(f"  from the deadline to the end of 10 processes, {name:9} median {took[name][0]:6.1f}   most {took[name][1]:6.1f}")
    one = late["normal"]
    print(f"  renewals were sent late by {one['late_p99']:.1f} (p99), {one['late_most']:.1f} (most), and took {one['p50']:.2f}, "
          f"{one['p99']:.1f}, {one['most']:.1f} (p50, p99, most)", flush=True)
    return {"kill": took, "renewals": one}


# -- beside others ------------------------------------------------------------------------------------------------------

def start_up(server, directory, etcdctl):
    locks = os.path.join(directory, "locks")
    os.mkdir(locks, 0o700)
    port = str(server.port)
    run = [DLOCK, "run", "--key", "bench", "--trust-restart"]
    commands = {"flock": ["flock", os.path.join(directory, "flock"), "true"],
                "dlock, local": [*run, "--store", f"local:{locks}", "--", "true"],
                "dlock, Redis": [*run, "--store", server.url, "--", "true"]}
    if etcdctl:
        commands["etcdctl lock"] = [*etcdctl.wrap, "true"]
    commands.update({name: ["node", PEERS, name, port, "true"] for name in ("redlock", "bull", "bullmq")})
    words = [word for name, command in commands.items() for word in (":::", name, *command)][1:]
    done = subprocess.run([os.path.join(BIN, "start_up"), "30", *words], stdout=subprocess.PIPE, text=True, check=True)
    took = {name: float(median) for name, median, *_ in (line.split("\t") for line in done.stdout.splitlines())}
    print("\nwhole process with the job `true`, median of 30 interleaved rounds")
    for name, median in took.items():
        print(f"  {name:14} {median:8.2f} ms   {median / took['flock']:6.1f} x flock")
    return took


def _cpu_seconds(pid):
    facts = procs.stat(pid)
    return facts["cpu_ticks"] / os.sysconf("SC_CLK_TCK") if facts else 0.0


def _pss_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return int(re.search(r"^Pss:\s+(\d+)", file.read(), re.MULTILINE).group(1))


def _more_descriptors():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def main():
    output, *chosen = sys.argv[1:]
    measured = {"server": version(), "processors": os.cpu_count()}
    if chosen and os.path.exists(output):
        with open(output, encoding="utf-8") as file:
            measured = json.load(file)
    _more_descriptors()
    with tempfile.TemporaryDirectory(prefix="dl-bench-", dir="/tmp") as directory:
        server = Server(os.path.join(directory, "redis"), "--maxclients", "15000")
        etcd, etcdctl = start_etcd(directory)
        parts = {"start_up": lambda: start_up(server, directory, etcdctl),
                 "takeover": lambda: takeovers(server, directory),
                 "kill": lambda: kill_by_size(server),
                 "hogs": lambda: beside_hogs(server),
                 "locks": lambda: many_locks(server),
                 "processes": lambda: many_processes(server, directory)}
        try:
            print(f"{version()}, {os.cpu_count()} processors")
            for name in chosen or parts:
                measured[name] = parts[name]()
        finally:
            server.stop()
            if etcd:
                etcd.kill()
                etcd.wait()
    with open(output, "w", encoding="utf-8") as file:
        json.dump(measured, file, indent=1)


if __name__ == "__main__":
    main()
