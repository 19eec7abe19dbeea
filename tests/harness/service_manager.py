"""The receiver of sd_notify(3): a socket that records the messages of the main process of a service, and their senders."""

import os
import socket
import struct

from .wait import PATIENCE, NeverHappened, now

# For start(prefix_command=...): exec keeps the pid, so that dlock is the main process, as under systemd.
AS_MAIN_PROCESS = ["sh", "-c", 'SYSTEMD_EXEC_PID=$$ WATCHDOG_PID=$$ exec "$@"', "sh"]


class Said:
    """One message: its lines as a dict, the pid of its sender, and its time."""

    def __init__(self, text, sender):
        self.text = text
        self.sender = sender
        self.at = now()
        self.fields = dict(line.split("=", 1) for line in text.splitlines())

    def __repr__(self):
        return f"{self.sender}: {self.text!r}"


class ManagerSocket:
    def __init__(self, address):
        """`address` is a path, or `@name` for an abstract socket."""
        self.address = address
        self.heard = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        if not address.startswith("@"):
            os.chmod(address, 0o777)

    def environment(self, **more):
        return {"NOTIFY_SOCKET": self.address, **more}

    def close(self):
        self._socket.close()

    def wait_for(self, name, value=None, seconds=10):
        """Waits for the first unread message with this field, whose value begins with `value`."""
        give_up = now() + seconds * PATIENCE
        while now() < give_up:
            said = self._hear(give_up - now())
            if said and name in said.fields and (value is None or said.fields[name].startswith(value)):
                return said
        raise NeverHappened(f"{name}={value or ''} was not heard within {seconds * PATIENCE:g} s, but {self.heard}")

    def drain(self):
        """All messages so far."""
        while self._hear(0):
            pass
        return self.heard

    def all(self, name):
        return [said for said in self.drain() if name in said.fields]

    def _hear(self, seconds):
        self._socket.settimeout(max(seconds, 0.001))
        try:
            text, control, _, _ = self._socket.recvmsg(4096, socket.CMSG_SPACE(12))
        except (TimeoutError, BlockingIOError):
            return None
        (sender,) = [struct.unpack("iII", data)[0] for level, kind, data in control if kind == socket.SCM_CREDENTIALS]
        self.heard.append(Said(text.decode(), sender))
        return self.heard[-1]
