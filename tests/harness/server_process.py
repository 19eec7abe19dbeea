"""A redis-server or valkey-server process in any of its roles: its configuration file, ports, start and end."""

import functools
import glob
import os
import random
import re
import signal
import socket
import subprocess
import threading

from . import procs, resp
from .host import HOST
from .wait import PATIENCE, wait_until

# Another redis-server or valkey-server to run the whole suite against; scripts/servers fetches some.
PROGRAM = os.environ.get("DLOCK_TEST_REDIS") or "redis-server"


@functools.cache
def version():
    """The server of the suite: "Redis 7.0.15", "Valkey 8.0.1"."""
    words = subprocess.run([PROGRAM, "--version"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True,
                           timeout=10 * PATIENCE).stdout.decode()
    name, number = re.match(r"(\w+) server v=(\S+)", words).groups()
    return f"{name} {number}"


@functools.cache
def _first_port_of_the_kernel():
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        return int(file.read().split()[0])


_handed_out = set()


def free_port():
    """A port outside the range that the kernel gives to clients, so that it stays free while its server is down.

    Otherwise a client that retries the port of a dead server could get that port itself, and connect to itself.
    """
    for _ in range(1000):
        port = random.randrange(10240, max(_first_port_of_the_kernel(), 20480))
        if port in _handed_out:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as redis does: a port in TIME_WAIT can be used
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        _handed_out.add(port)
        return port
    raise RuntimeError("no free port")


class ServerProcess:
    """Listens on the test host (harness/host.py) and on a unix socket, which the test itself uses.

    `options` are options of redis-server: "--name", "value", ... They are written to a configuration file, so that
    changes by Sentinel or CONFIG REWRITE survive a restart.
    """

    mode = ()  # arguments after the configuration file

    def __init__(self, directory, *options, login=None, tls=None, plain=None):
        """`login` (resp.Login) is that of clients. `plain`: with `tls`, whether there is also a port without TLS."""
        if glob.has_magic(directory):  # the server would find no configuration there, and listen on every address
            raise ValueError(f"no name for a server's directory: {directory}")
        os.makedirs(directory, exist_ok=True)
        self.directory = directory
        self.options = options
        self.login = login
        self.tls = tls
        self.port = self.tls_port = 0
        self._plain = tls is None if plain is None else plain
        self.socket_path = os.path.join(directory, "redis.sock")
        self._process = None
        self._admin = None
        self._one_at_a_time = threading.RLock()
        self._start_on_any_port()

    @property
    def url(self):
        return f"redis://{HOST}:{self.port}"

    @property
    def tls_url(self):
        return f"rediss://localhost:{self.tls_port}"

    @property
    def unix_url(self):
        return f"unix://{self.socket_path}"

    @property
    def service_port(self):
        """The port by which the servers of a deployment know each other."""
        return self.port if self.tls is None else self.tls_port

    @property
    def address(self):
        return f"{HOST}:{self.service_port}"

    @property
    def pid(self):
        return self._process.pid

    def client(self, **how):
        """A connection over TCP, with TLS if there is no plain port, and with the login of the server by default."""
        if self.login is not None and "password" not in how:
            how.update(self.login._asdict())
        if not self._plain:
            how.setdefault("tls", self.tls.context())
        return resp.Client(self.port or self.tls_port, **how)

    def __call__(self, *words):
        """Sends one command on a connection that is reopened when it broke or the server was restarted. For any thread."""
        with self._one_at_a_time:
            if self._admin is None:
                self._admin = self._own_client()
            try:
                return self._admin(*words)
            except OSError:  # a late reply must not be taken for that of the next command
                self._forget_admin()
                raise

    def running(self):
        return self._process is not None and self._process.poll() is None

    def answering(self):
        """True if it is neither dead nor paused, so that a request does not hang."""
        return self.running() and procs.state(self.pid) not in ("T", "t")

    def pause(self):
        procs.stop(self.pid)

    def resume(self):
        os.kill(self.pid, signal.SIGCONT)

    def start_again(self):
        """Starts it on the same ports, with the configuration as it was last written."""
        self._start()

    def stop(self):
        """Kills it with SIGKILL, without a shutdown."""
        self._forget_admin()
        if self._process is None:
            return
        self._process.kill()
        self._process.wait(10 * PATIENCE)
        self._process = None

    # -- internals ----------------------------------------------------------------------------------------------------

    def _choose_ports(self):
        self.port = free_port() if self._plain else 0
        self.tls_port = free_port() if self.tls else 0

    def _settings(self):
        """The options that a test cannot change."""
        yield from ("--port", self.port, "--bind", HOST, "--dir", self.directory, "--daemonize", "no")
        yield from ("--protected-mode", "no")  # bound to that address alone, which need not be loopback
        yield from ("--unixsocket", self.socket_path, "--unixsocketperm", "777")
        if self.tls:
            yield from ("--tls-port", self.tls_port, *self.tls.options())

    def _start_on_any_port(self):
        for _ in range(5):
            self._choose_ports()
            with open(self._configuration, "w", encoding="utf-8") as file:
                file.write(_as_configuration([*self._settings(), *self.options]))
            try:
                return self._start()
            except RuntimeError:  # another process took the port in between
                continue
        raise RuntimeError(f"{PROGRAM} does not start: {self._log()}")

    def _start(self):
        if os.path.exists(self.socket_path):
            os.unlink(self.socket_path)
        with open(os.path.join(self.directory, "redis.log"), "ab") as log:
            self._process = subprocess.Popen([PROGRAM, self._configuration, *self.mode], stdin=subprocess.DEVNULL,
                                             stdout=log, stderr=log, start_new_session=True)
        try:
            wait_until(self._answers_or_died, 15, lambda: f"{PROGRAM} answers PING ({self._log()})", pause=0.01)
        except BaseException:
            self.stop()
            raise
        if self._process.poll() is not None:
            raise RuntimeError(f"{PROGRAM} ended: {self._log()}")

    def _answers_or_died(self):
        if self._process.poll() is not None:
            return True
        try:
            probe = self._own_client(timeout=1.0)
        except OSError:
            return False
        try:
            probe("PING")
            return True
        except resp.ReplyError as error:
            return not str(error).startswith("LOADING")  # it requires an unknown password, so it answers
        except OSError:
            return False
        finally:
            probe.close()

    def _own_client(self, **how):
        """A connection over the unix socket, which works whatever the test does with ports and certificates."""
        return resp.Client(self.socket_path, **how, **(self.login._asdict() if self.login else {}))

    def _forget_admin(self):
        if self._admin is not None:
            self._admin.close()
            self._admin = None

    @property
    def _configuration(self):
        return os.path.join(self.directory, "redis.conf")

    def _log(self):
        with open(os.path.join(self.directory, "redis.log"), encoding="utf-8", errors="replace") as log:
            return log.read()[-500:]


def _as_configuration(words):
    """One line for each option, with its values."""
    lines = []
    for word in map(str, words):
        if word.startswith("--"):
            lines.append([word[2:]])
        else:
            lines[-1].append('"' + re.sub(r'(["\\])', r"\\\1", word) + '"')
    return "".join(" ".join(line) + "\n" for line in lines)
