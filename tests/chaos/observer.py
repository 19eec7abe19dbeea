"""Samples the store and the machine during the episode: the holder of the lock, its lifetime, and delays of the machine."""

import json
import threading
import time

from harness import resp
from harness.wait import now

from .lease_feed import LeaseFeed
from .world import LOCK

EVERY = 0.03  # s


class Observer:
    def __init__(self, world, recorder):
        self._world, self._recorder = world, recorder
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_again_and_again, daemon=True)
        self._client = None

    def begin(self):
        self._thread.start()
        if self._world.can_sample():
            LeaseFeed(self._world.server, self._recorder).begin()

    def end(self):
        self._over.set()
        self._thread.join(10)

    def _look_again_and_again(self):
        while not self._over.is_set():
            slept = now()
            time.sleep(EVERY)
            late = now() - slept - EVERY
            if late > 0.1:
                self._recorder.tell("starved", late=late)
            if self._world.can_sample():
                self._look()

    def _look(self):
        server = self._world.server
        if not server.answering():
            return
        try:
            if self._client is None:
                self._client = resp.Client(server.socket_path, timeout=0.3)
            sent = now()
            value = self._client("GET", LOCK)
            holder = json.loads(value) if value else {}
            liveness = f"dlock:proc:{holder['processHash']}" if holder else None
            left = self._client("PTTL", liveness) if holder else -2
            clients = self._client("CLIENT", "LIST", "TYPE", "normal").count("\n")
            self._recorder.sample(sent=sent, received=now(), owner=holder.get("ownerHash"), token=holder.get("token"),
                                  liveness=liveness, alive_ms=left, clients=clients)
        except (OSError, resp.ReplyError, ValueError, KeyError):
            if self._client is not None:
                self._client.close()
            self._client = None
