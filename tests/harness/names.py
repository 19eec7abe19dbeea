"""Name servers that can be told not to answer, to be slow or wrong, for one dlock on a separate host (own_dns.py)."""

import functools
import json
import os
import pathlib
import shutil
import sys
import unittest

from .case import run_quietly, unshare_user

_UNSHARE = ["unshare", *unshare_user(), "--net", "--mount", "--propagation", "private"]


class Names:
    """The first name server is 127.0.0.53, the second 127.0.0.54."""

    FIRST, SECOND = "127.0.0.53", "127.0.0.54"
    PORT = 6379

    def __init__(self, directory, redis):
        """127.0.0.1:PORT leads to that Redis."""
        os.makedirs(directory)
        self._directory = directory
        self._settings = {"servers": {self.FIRST: {}, self.SECOND: {}}, "redis": [], "silent": []}
        self.lead("127.0.0.1", redis)
        self.hosts("127.0.0.1 localhost")
        self.resolv_conf(f"nameserver {self.FIRST}", f"nameserver {self.SECOND}")
        self._write("queries", "")

    def says(self, server=None, **how):
        """Changes the behaviour of one name server, or of both. For the settings see own_dns.py."""
        for one in [server] if server else [self.FIRST, self.SECOND]:
            self._settings["servers"][one] = how
        self._save()

    def lead(self, address, redis):
        """Call it before dlock is started."""
        self._settings["redis"].append([address, self.PORT, redis.socket_path])
        self._save()

    def silent(self, address):
        """The address accepts no connection. Call it before dlock is started."""
        self._settings["silent"].append([address, self.PORT])
        self._save()

    def hosts(self, *lines):
        self._write("hosts", "".join(f"{line}\n" for line in lines))

    def resolv_conf(self, *lines):
        self._write("resolv.conf", "".join(f"{line}\n" for line in lines))

    def queries(self):
        """The queries so far: [[server, kind of record, name, "udp" or "tcp"], ...]."""
        with open(os.path.join(self._directory, "queries"), encoding="utf-8") as file:
            return [line.split() for line in file.read().splitlines()]

    @property
    def prefix_command(self):
        script = pathlib.Path(__file__).with_name("own_dns.py")
        return [*_UNSHARE, sys.executable, str(script), self._directory]

    def _save(self):
        path = os.path.join(self._directory, "settings.json")
        with open(f"{path}.new", "w", encoding="utf-8") as file:
            json.dump(self._settings, file)
        os.replace(f"{path}.new", path)

    def _write(self, name, text):
        """Writes the file in place, because it is bind-mounted over the one in /etc."""
        with open(os.path.join(self._directory, name), "w", encoding="utf-8") as file:
            file.write(text)


@functools.cache
def _why_not():
    if shutil.which("ip") is None:
        return "ip is not installed (scripts/deps test)"
    done = run_quietly(*_UNSHARE, "ip", "link", "set", "lo", "up")
    return None if done.returncode == 0 else f"no network namespace here: {done.stdout.decode().strip()}"


needs_own_dns = unittest.skipIf(_why_not(), _why_not() or "")
