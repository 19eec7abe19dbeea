"""A RESP server whose replies the test sets: error replies that a real Redis gives only in case of a fault."""

import socket
import threading

from . import dlock, resp

PASS = object()  # the real server answers this request

# Name, reply in the words of redis-server 7, and the exit codes of dlock that it can cause before the start.
ERROR_REPLIES = {
    "NOAUTH": (b"-NOAUTH Authentication required.\r\n", {dlock.REFUSED}),
    "WRONGPASS": (b"-WRONGPASS invalid username-password pair or user is disabled.\r\n", {dlock.REFUSED}),
    "NOPERM": (b"-NOPERM this user has no permissions to run the 'evalsha' command\r\n", {dlock.REFUSED}),
    "LOADING": (b"-LOADING Redis is loading the dataset in memory\r\n", {dlock.UNREACHABLE}),
    "BUSY": (b"-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.\r\n",
             {dlock.UNREACHABLE}),
    "READONLY": (b"-READONLY You can't write against a read only replica.\r\n", {dlock.UNREACHABLE}),
    "MASTERDOWN": (b"-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n",
                   {dlock.UNREACHABLE}),
    "OOM": (b"-OOM command not allowed when used memory > 'maxmemory'.\r\n", {dlock.UNREACHABLE}),
    "NOSCRIPT": (b"-NOSCRIPT No matching script. Please use EVAL.\r\n", {dlock.UNREACHABLE}),
    "MISCONF": (b"-MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.\r\n",
                {dlock.UNREACHABLE}),
    "MOVED": (b"-MOVED 3999 127.0.0.1:6381\r\n", {dlock.UNREACHABLE, dlock.CONFIG}),
    "ASK": (b"-ASK 3999 127.0.0.1:6381\r\n", {dlock.UNREACHABLE, dlock.CONFIG}),
    "ERR": (b"-ERR something nobody has heard of\r\n", {dlock.UNREACHABLE, dlock.CONFIG}),
}


class FakeRedis:
    """`answer(words)` returns the raw reply, PASS for the reply of the real server, or None for no reply."""

    def __init__(self, answer, upstream_port=None, *, host="127.0.0.1", port=0):
        self.answer = answer
        self.seen = []
        self._upstream_port = upstream_port
        self._listener = socket.create_server((host, port), backlog=64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        upstream = None
        try:
            with connection, connection.makefile("rb") as requests:
                if self._upstream_port is not None:
                    upstream = socket.create_connection(("127.0.0.1", self._upstream_port))
                    replies = upstream.makefile("rb")
                while True:
                    words = _read_request(requests)
                    if words is None:
                        return
                    self.seen.append(words)
                    reply = self.answer(words)
                    if reply is PASS:
                        upstream.sendall(resp.request(*words))
                        reply = _read_raw_reply(replies)
                    if reply is not None:
                        connection.sendall(reply)
        except (OSError, ValueError):
            pass
        finally:
            if upstream is not None:
                upstream.close()


def name_of(words):
    """The command in upper case: b"evalsha" gives "EVALSHA"."""
    return words[0].decode("ascii", "replace").upper()


def is_script(words):
    return name_of(words) in ("EVAL", "EVALSHA", "FCALL")


def _read_request(file):
    head = file.readline()
    if not head.startswith(b"*"):
        return None
    words = []
    for _ in range(int(head[1:])):
        size = int(file.readline()[1:])
        words.append(file.read(size + 2)[:-2])
    return words


def _read_raw_reply(file):
    line = file.readline()
    if line[:1] in b"+-:":
        return line
    count = int(line[1:])
    if count < 0:
        return line
    if line[:1] == b"$":
        return line + file.read(count + 2)
    return line + b"".join(_read_raw_reply(file) for _ in range(count))
