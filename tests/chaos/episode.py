"""One episode, in its own namespaces: episode.py SEED DIRECTORY [plan]. It plays the plan and writes the history."""

import heapq
import os
import sys
import threading
import time

from harness import life, procs
from harness.server_process import version
from harness.wait import now, wait_until

from .faults import Faults
from .history import Recorder
from .machine import Machine, PeerMachine
from .observer import Observer
from .plan import draw
from .world import World


class Episode:
    def __init__(self, plan, directory):
        self._plan, self._directory = plan, directory
        self._recorder = Recorder(directory)
        self._recorder.plan(plan)
        self._world = World(plan, directory)
        self._machines = [Machine(number, runs, self._world, self._recorder, directory)
                          for number, runs in enumerate(plan.machines)]
        self._everybody = [*self._machines]
        if plan.deployment == "peer":
            self._everybody.append(PeerMachine(self._world, self._recorder, directory))
        self._faults = Faults(self._world, self._machines, self._holder, self._recorder)

    def play(self):
        self._recorder.tell("begin", server="local" if self._plan.deployment == "local" else version())
        observer = Observer(self._world, self._recorder)
        observer.begin()
        for machine in self._everybody:
            machine.begin()
        self._play_faults()
        self._faults.finish()
        self._recorder.tell("quiet")
        patience = 30 + 3 * self._plan.ttl
        stuck = [machine for machine in self._everybody if not machine.stop(patience)]
        for machine in stuck:
            self._recorder.tell("stuck", who=machine.describe())
        self._world.settle()
        self._recorder.tell("healed")
        if not stuck:
            for machine in self._machines:
                began = now()
                code = machine.probe(int(30 + self._plan.ttl))
                self._recorder.tell("probed", machine=machine.number, code=code, took=now() - began)
        observer.end()
        self._count_what_is_left()
        self._recorder.tell("end")

    def stop(self):
        self._world.stop()

    def _play_faults(self):
        """The faults to begin and to undo that are due, in the order of time."""
        began = now()
        todo = [(fault.at, number, fault, None) for number, fault in enumerate(self._plan.faults)]
        heapq.heapify(todo)
        count = len(todo)
        while todo:
            at, _, fault, undo = heapq.heappop(todo)
            time.sleep(max(0.0, began + at - now()))
            if undo is not None:
                undo()
            else:
                count += 1
                heapq.heappush(todo, (now() - began + fault.lasts, count, fault, self._faults.play(fault)))
        time.sleep(max(0.0, began + self._plan.plays - now()))

    def _holder(self):
        for machine in self._machines:
            run = machine.current
            if run is not None and run.running():
                told = life.lines(os.path.join(self._directory, f"life-{run.name}"))
                if told and told[-1].what != "end":
                    return run
        return None

    def _count_what_is_left(self):
        try:
            wait_until(lambda: not procs.marked(self._world.marker), 5, "all processes end")
        except AssertionError:
            pass
        left = procs.marked(self._world.marker)
        self._recorder.tell("left", processes=procs.describe(left) if left else "", keys=self._keys_left())

    def _keys_left(self):
        """{name: remaining ms, -1 without an expiry}"""
        if self._world.server is None:
            return {}
        return {name: self._world.server("PTTL", name) for name in self._world.server("KEYS", "*")}


def main():
    seed, directory = int(sys.argv[1]), sys.argv[2]
    plan = draw(seed)
    episode = Episode(plan, directory)
    try:
        episode.play()
    finally:
        episode.stop()


if __name__ == "__main__":
    threading.excepthook = lambda args: (sys.__excepthook__(args.exc_type, args.exc_value, args.exc_traceback),
                                         os._exit(70))  # an episode with a missing part proves nothing
    main()
