"""A real redis-server of the test's own, on the loopback interface and a unix socket, with nothing on disk."""

import os
import signal
import socket
import subprocess

from . import procs, resp
from .wait import wait_until


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class RedisServer:
    def __init__(self, directory, *options):
        os.makedirs(directory, exist_ok=True)
        self.directory = directory
        self.options = options
        self.port = free_port()
        self.socket_path = os.path.join(directory, "redis.sock")
        self._process = None
        self._admin = None
        self._start_on_any_port()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    @property
    def unix_url(self):
        return f"unix://{self.socket_path}"

    @property
    def pid(self):
        return self._process.pid

    def client(self, **login):
        return resp.Client(self.port, **login)

    def __call__(self, *words):
        """One command on a connection of ours that is opened again when the server was restarted."""
        if self._admin is None:
            self._admin = self.client()
        return self._admin(*words)

    def pause(self):
        procs.stop(self.pid)

    def resume(self):
        os.kill(self.pid, signal.SIGCONT)

    def restart_with_lost_memory(self):
        self.stop()
        self._start()

    def start_again(self):
        self._start()

    def stop(self):
        self._forget_admin()
        if self._process is None:
            return
        self._process.kill()
        self._process.wait(10)
        self._process = None

    def _forget_admin(self):
        if self._admin is not None:
            self._admin.close()
            self._admin = None

    def _start_on_any_port(self):
        for _ in range(5):
            try:
                return self._start()
            except RuntimeError:  # somebody took the port in between
                self.port = free_port()
        raise RuntimeError(f"redis-server does not start: {self._log()}")

    def _start(self):
        if os.path.exists(self.socket_path):
            os.unlink(self.socket_path)
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--unixsocket", self.socket_path,
                   "--unixsocketperm", "777", "--save", "", "--appendonly", "no", "--dir", self.directory,
                   "--daemonize", "no", *self.options]
        with open(os.path.join(self.directory, "redis.log"), "ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                             start_new_session=True)
        wait_until(self._answers_or_died, 15, "redis-server answers PING", pause=0.01)
        if self._process.poll() is not None:
            raise RuntimeError(f"redis-server ended: {self._log()}")

    def _answers_or_died(self):
        if self._process.poll() is not None:
            return True
        try:
            probe = resp.Client(self.port, timeout=1.0)
        except OSError:
            return False
        try:
            probe("PING")
            return True
        except resp.ReplyError:  # a password is wanted, or it is loading: it answers
            return True
        except (OSError, ConnectionError):
            return False
        finally:
            probe.close()

    def _log(self):
        with open(os.path.join(self.directory, "redis.log"), encoding="utf-8", errors="replace") as log:
            return log.read()[-500:]
