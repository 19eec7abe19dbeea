"""The base of the tests of `status`, `list` and `unlock`: the same store for the runs and for these sub-commands."""

import json

from . import dlock
from .wait import wait_until


class OperatorMixin:
    def ask(self, command, *words, store=None, **how):
        """Runs `dlock COMMAND STORE WORDS` to its end."""
        store = self.asked_store if store is None else store
        return self.run_words(command, *store, *words, **how)

    @property
    def asked_store(self):
        """The store options without those that only runs accept."""
        return [word for word in self.default_store if word != "--trust-restart"]

    def status(self, *words, **how):
        return self.ask("status", *words, **how)

    def lock(self, key=None, **how):
        """One lock in the output of `status --json`."""
        answer = self.status("--json", "--", self.key if key is None else key, **how)
        self.assertEqual(answer.stderr, "")
        (lock,) = json.loads(answer.stdout)["locks"]
        return lock

    def wait_state(self, state, seconds=15):
        wait_until(lambda: self.lock()["state"] == state, seconds, lambda: f"the lock is {state}: {self.lock()}")

    def hold_lock(self, *options, command=("sleep", "60"), **how):
        """Starts a run. Returns when its job has started."""
        held = self.start_run(*command, options=["--ttl", "2s", *options], **how)
        held.job()
        return held

    def kill_machine(self, held):
        """Kills front, engine and job at once, as a power failure does."""
        pids = [held.pid, held.engine(), held.job()]
        for pid in pids:
            dlock.procs.stop(pid)
        for pid in pids:
            dlock.procs.kill(pid)
        held.wait()
