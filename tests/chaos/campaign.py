"""Plays episodes and has them judged: campaign.py [--episodes N] [--seed FIRST] [--at-once N] [--keep DIR] [--only KIND] [--show]

Each episode has a seed, which is printed when something is found: `--episodes 1 --seed S --keep DIR` plays it again and keeps
its history. Exits 1 if a breach was found, 70 if an episode could not be played, and 69 if none can be played here.
"""

import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from .checker import Checker
from .history import History
from .plan import DEPLOYMENTS, LATER_DEPLOYMENTS, draw

_TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_HOST = "10.77.0.1"  # the address of the servers, in the network of each episode

# Everything in there dies with the first process of its pid namespace.
_NAMESPACES = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
_LONGEST = 180  # s


def why_impossible():
    """Why no episode can be played here, or None."""
    for program in ("unshare", "nsenter", "ip", "nft", "tc", "redis-server"):
        if shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin") is None:
            return f"{program} is not installed (scripts/deps test)"
    done = subprocess.run([*_NAMESPACES, "nft", "add", "table", "inet", "probe"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return f"no network namespaces with nftables here: {done.stdout.decode().strip()}" if done.returncode else None


class Verdict:
    """`history` is None if the episode could not be played. Then the breach has the reason."""

    def __init__(self, plan, directory, history, breaches, figures):
        self.plan, self.directory, self.history, self.breaches, self.figures = plan, directory, history, breaches, figures


def play(seed, directory):
    """Plays one episode and judges it."""
    plan = draw(seed)
    os.makedirs(directory)
    env = {**os.environ, "PYTHONPATH": _TESTS, "PYTHONDONTWRITEBYTECODE": "1", "DLOCK_TEST_HOST": _HOST,
           "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
    log = os.path.join(directory, "log")
    with open(log, "wb") as out:
        try:
            code = subprocess.run([*_NAMESPACES, sys.executable, "-m", "chaos.episode", str(seed), directory], env=env,
                                  stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
                                  timeout=_LONGEST, check=False).returncode
        except subprocess.TimeoutExpired:
            code = f"nothing within {_LONGEST} s"
    if code != 0:
        with open(log, encoding="utf-8", errors="replace") as said:
            return Verdict(plan, directory, None, [f"the episode could not be played ({code}): {said.read()[-1500:]}"], {})
    history = History(directory)
    checker = Checker(history)
    return Verdict(plan, directory, history, checker.breaches(), checker.figures)


class Tally:
    """The statistics of a campaign."""

    def __init__(self):
        self.began = time.monotonic()
        self.verdicts = []
        self.again = 0

    def add(self, verdict):
        self.verdicts.append(verdict)

    def failed(self):
        return [verdict for verdict in self.verdicts if verdict.breaches]

    def lines(self):
        played = [verdict for verdict in self.verdicts if verdict.history]
        ended = [event for verdict in played for event in verdict.history.all("ended")]
        jobs = [event for event in ended if event["code"] not in (75, 69)]
        faults = Counter(event["kind"] for verdict in played for event in verdict.history.all("fault"))
        missed = Counter(event["kind"] for verdict in played for event in verdict.history.all("not done"))
        yield (f"{len(self.verdicts)} episodes in {time.monotonic() - self.began:.0f} s; {len(self.failed())} with a breach"
               + (f"; {self.again} could not be played at first" if self.again else ""))
        yield "deployments: " + _counted(Counter(verdict.plan.deployment for verdict in played))
        yield f"runs: {len(ended)}, of which {len(jobs)} had the lock; codes: " + _counted(Counter(event["code"] for event in ended))
        yield f"faults: {sum(faults.values())}: " + _counted(faults)
        if missed:
            yield f"faults for which there was no target: {sum(missed.values())}: " + _counted(missed)
        yield f"looks at the store while jobs ran: {sum(verdict.figures.get('samples', 0) for verdict in played)}"
        yield from self._overlaps(played)
        left = [verdict.figures["least_left"] for verdict in played if "least_left" in verdict.figures]
        if left:
            yield (f"jobs killed in silence: {sum(verdict.figures.get('killed_in_silence', 0) for verdict in played)}; the least "
                   f"that was left of the liveness when the last process was gone: {min(left):.3f} s, median {statistics.median(left):.3f} s")
        probes = [verdict.figures["probe"] for verdict in played if "probe" in verdict.figures]
        if probes:
            yield f"the lock after all faults: within {max(probes):.2f} s, median {statistics.median(probes):.2f} s"
        yield from self._takeovers(played)

    @staticmethod
    def _overlaps(played):
        excused = [(verdict.figures.get("overlap", 0), verdict) for verdict in played if not verdict.breaches]
        some = [overlap for overlap, _ in excused if overlap > 0]
        yield (f"overlap: none in {len(excused) - len(some)} episodes; in {len(some)} where the contract allows it"
               + (f": median {statistics.median(some):.3f} s, most {max(some):.3f} s" if some else ""))

    @staticmethod
    def _takeovers(played):
        times = {}
        for verdict in played:
            for kind, took in verdict.figures.get("takeover", []):
                times.setdefault(kind, []).append(took)
        for kind, took in sorted(times.items()):
            yield f"after {kind} the next job started within {statistics.median(took):.3f} s (median of {len(took)}), {max(took):.2f} s at most"


def _counted(counter):
    return ", ".join(f"{name} {count}" for name, count in sorted(counter.items(), key=lambda pair: (-pair[1], str(pair[0]))))


def main(words=None):
    parser = argparse.ArgumentParser(description="Plays episodes of faults and has them judged.")
    parser.add_argument("--episodes", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1, help="of the first episode; the others follow")
    parser.add_argument("--at-once", type=int, default=5 * (os.cpu_count() or 1))
    parser.add_argument("--keep", help="a directory for the histories; otherwise only those with a breach are kept, in /tmp")
    parser.add_argument("--only", choices={**DEPLOYMENTS, **LATER_DEPLOYMENTS}, help="leave out the episodes of other deployments")
    parser.add_argument("--show", action="store_true", help="print the plans, and play nothing")
    parser.add_argument("--stop-at", type=int, default=0, help="begin no more episodes after so many with a breach")
    words = parser.parse_args(words)
    seeds = range(words.seed, words.seed + words.episodes)
    if words.only:
        seeds = [seed for seed in seeds if draw(seed).deployment == words.only]
    if words.show:
        for seed in seeds:
            print("\n".join(draw(seed).lines()))
        return 0
    impossible = why_impossible()
    if impossible:
        print(f"chaos: {impossible}", file=sys.stderr)
        return 69
    return _play_all(seeds, words)


def _play_all(seeds, words):
    place = os.path.abspath(words.keep) if words.keep else tempfile.mkdtemp(prefix="dl-chaos-", dir="/tmp")
    os.makedirs(place, exist_ok=True)
    tally = Tally()

    # Ctrl-C ends the campaign after the current episodes, a second Ctrl-C at once.
    called_off = threading.Event()
    before = signal.signal(signal.SIGINT, lambda *_: (called_off.set(), signal.signal(signal.SIGINT, before)))

    def one(seed):
        if called_off.is_set() or words.stop_at and len(tally.failed()) >= words.stop_at:
            return
        verdict = play(seed, os.path.join(place, str(seed)))
        if verdict.history is None:  # a server that did not start proves nothing about dlock, but twice is not an accident
            print(f"chaos: seed {seed} ({verdict.plan.deployment}) is played again: {verdict.breaches[0][-200:]}", flush=True)
            tally.again += 1
            verdict = play(seed, os.path.join(place, f"{seed}-again"))
        tally.add(verdict)
        for breach in verdict.breaches[:5]:
            print(f"chaos: seed {seed} ({verdict.plan.deployment}): {breach}", flush=True)
        if not verdict.breaches and not words.keep:
            shutil.rmtree(verdict.directory, ignore_errors=True)
        if len(tally.verdicts) % 50 == 0:
            print(f"chaos: {len(tally.verdicts)} episodes played", flush=True)

    with ThreadPoolExecutor(words.at_once) as pool:
        list(pool.map(one, seeds))
    print("\n".join(tally.lines()))
    failed = tally.failed()
    if failed:
        print("chaos: histories of what was found: " + " ".join(verdict.directory for verdict in failed))
    elif not words.keep:
        shutil.rmtree(place, ignore_errors=True)
    if any(verdict.history for verdict in failed):
        return 1
    return 70 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
