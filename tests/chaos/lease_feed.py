"""The lifetime of each lease as the server reports it by MONITOR: exact, and also for renewals between two samples."""

import re
import threading
import time

from harness import resp
from harness.wait import now

_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"')
_LIVENESS = "dlock:proc:"


class LeaseFeed:
    def __init__(self, server, recorder):
        self._server, self._recorder = server, recorder

    def begin(self):
        # The thread ends with the process and is not joined, because the server can be stopped.
        threading.Thread(target=self._listen_again_and_again, daemon=True).start()

    def _listen_again_and_again(self):
        while True:
            try:
                feed = resp.Client(self._server.socket_path, timeout=None)
                feed("MONITOR")
                self._recorder.tell("feed", up=True)
                while True:
                    self._take(feed.read())
            except (OSError, resp.ReplyError):
                self._recorder.tell("feed", up=False)
                time.sleep(0.05)

    def _take(self, line):
        """Parses lines such as `1796009038.078887 [0 lua] "SET" "dlock:proc:1a2b" "7" "PX" "2000"`."""
        if _LIVENESS not in line or " lua] " not in line:
            return
        words = _WORD.findall(line)
        name = words[0].upper()
        if not words[1].startswith(_LIVENESS) or name not in ("SET", "PEXPIRE"):
            return
        at = float(line.split()[0]) - time.time() + now()  # from the time of day to the clock of the life files
        self._recorder.lease(at=at, liveness=words[1], ttl_ms=int(words[-1]))
