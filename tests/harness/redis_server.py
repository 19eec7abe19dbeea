"""A real Redis or Valkey server of a test, without data on disk unless it is persistent."""

import os
import shutil

from . import resp
from .host import HOST
from .server_process import PROGRAM, ServerProcess, free_port, version


class RedisServer(ServerProcess):
    def __init__(self, directory, *options, replica_of=None, persistent=False, **how):
        """`replica_of` is another server; `persistent` means that every write is on disk before it is answered."""
        self._replica_of = replica_of
        self._persistent = persistent
        super().__init__(directory, *options, **how)

    def role(self):
        """"master" or "slave", as it reports; None when it is down or paused."""
        try:
            return self("ROLE")[0] if self.answering() else None
        except (OSError, resp.ReplyError):  # it has just ended, or is loading
            return None

    def replicates_to(self, count):
        """True if so many replicas have confirmed that they receive current writes.

        A replica reports "connected" up to a second before its master begins to send it changes.
        """
        self("FUNCTION", "FLUSH")  # a change without a key: WAIT covers the writes of this connection
        return self("WAIT", count, 100) >= count

    def restart(self):
        """Like a crash and an immediate start: data that was not persistent is lost."""
        self.stop()
        self._start()

    def restart_with_lost_memory(self):
        self.stop()
        shutil.rmtree(os.path.join(self.directory, "appendonlydir"), ignore_errors=True)
        self._start()

    def _settings(self):
        yield from super()._settings()
        yield from ("--save", "", "--appendonly", "yes" if self._persistent else "no", "--appendfsync", "always")
        # A new replica is synchronized at once; otherwise its master would wait 5 s for further replicas.
        yield from ("--repl-diskless-sync-delay", "0")
        if self.tls:
            yield from ("--tls-replication", "yes")
        if self.login:
            yield from _accounts(self.login)
        if self._replica_of:
            yield from ("--replicaof", HOST, self._replica_of.service_port)


def _accounts(login):
    """The login has all rights and is used by a server towards its master. All other users have none."""
    if login.user is None:
        return ["--requirepass", login.password, "--masterauth", login.password]
    return ["--user", "default", "off", "--user", login.user, "on", f">{login.password}", "~*", "&*", "+@all",
            "--masteruser", login.user, "--masterauth", login.password]


__all__ = ["PROGRAM", "RedisServer", "free_port", "version"]
