"""A short RESP client, so that the tests do not read Redis through the code of dlock.

It follows no MOVED, asks no Sentinel and does not reconnect.
"""

import socket
from typing import NamedTuple, Optional

from .host import HOST


class ReplyError(Exception):
    """Redis answered with an error."""


class Login(NamedTuple):
    password: str
    user: Optional[str] = None


class Client:
    def __init__(self, address, password=None, user=None, timeout=5.0, tls=None, server_name="localhost"):
        """`address` is a port of the test host or the path of a unix socket, `tls` an ssl.SSLContext."""
        if isinstance(address, int):
            self._socket = socket.create_connection((HOST, address), timeout)
        else:
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.settimeout(timeout)
        self._file = None
        try:
            if not isinstance(address, int):
                self._socket.connect(address)
            if tls is not None:
                self._socket = tls.wrap_socket(self._socket, server_hostname=server_name)
            self._file = self._socket.makefile("rb")
            if password is not None:
                self(*(["AUTH", user, password] if user else ["AUTH", password]))
        except (OSError, ReplyError):
            self.close()
            raise

    def __call__(self, *words):
        self._socket.sendall(request(*words))
        return self.read()

    def read(self):
        line = self._file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("Redis closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            raise ReplyError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self._file.read(int(rest) + 2)[:-2].decode("utf-8", "surrogateescape")
        if kind == b"*":
            return None if rest == b"-1" else [self.read() for _ in range(int(rest))]
        raise ConnectionError(f"not RESP: {line!r}")

    def close(self):
        if self._file is not None:
            self._file.close()
        self._socket.close()


def request(*words):
    out = [b"*%d\r\n" % len(words)]
    for word in words:
        raw = word if isinstance(word, bytes) else str(word).encode("utf-8", "surrogateescape")
        out.append(b"$%d\r\n%s\r\n" % (len(raw), raw))
    return b"".join(out)


def bulk(text):
    raw = text.encode()
    return b"$%d\r\n%s\r\n" % (len(raw), raw)
