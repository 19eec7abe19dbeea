"""A fifo that every process of a job has open: its end-of-file proves that the last one is gone."""

import os
import select

from .wait import PATIENCE, NeverHappened, now


class Headcount:
    """Each process writes its pid as a line when it starts, and keeps its end open as long as it lives."""

    def __init__(self, path):
        self.path = path
        os.mkfifo(path, 0o666)
        os.chmod(path, 0o666)
        self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self._text = b""
        self.gone_at = None

    @property
    def pids(self):
        return [int(word) for word in self._text.split()]

    def wait_for(self, count, seconds=20, still=lambda: None):
        """Waits until `count` processes have reported, and returns their pids. `still` can end the wait by an exception."""
        def reported():
            if self._text.count(b"\n") >= count:
                return True
            still()
            return False
        self._read_until(reported, seconds, lambda: f"{count} processes start: {self._text.count(10)} did")
        return self.pids

    def wait_gone(self, seconds):
        """Waits for end-of-file and returns its time."""
        self._read_until(lambda: self.gone_at is not None, seconds, lambda: "the last process of the job ends")
        return self.gone_at

    def is_gone(self):
        self._read_once(0)
        return self.gone_at is not None

    def close(self):
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _read_until(self, done, seconds, what):
        give_up = now() + seconds * PATIENCE
        while not done():
            left = give_up - now()
            if left <= 0:
                raise NeverHappened(f"{what()} - not within {seconds * PATIENCE:g} s")
            self._read_once(min(left, 0.2))

    def _read_once(self, seconds):
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        poll.poll(max(0, int(seconds * 1000)))
        try:
            chunk = os.read(self._fd, 65536)
        except BlockingIOError:
            return
        if chunk:
            self._text += chunk
        elif self._text and self.gone_at is None:  # before the first line it only means that no process has opened it yet
            self.gone_at = now()
        elif not self._text:
            select.select([], [], [], 0.005)
