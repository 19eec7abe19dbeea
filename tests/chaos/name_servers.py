"""The two name servers of an episode, which all its machines use. They can be told not to answer or to give wrong answers."""

import os
import subprocess

from harness.host import HOST
from harness.names import Names
from harness.own_dns import Host

NAME = "redis.test"
_NOBODY_THERE = "10.77.0.9"
_SECOND = "10.77.0.2"


class NameServers(Names):
    FIRST, SECOND = HOST, _SECOND

    def __init__(self, directory, redis):
        subprocess.run(["ip", "addr", "add", f"{_SECOND}/32", "dev", "lo"], check=True)
        super().__init__(directory, redis)
        self.tell_the_truth()
        # The machines have their own networks, but share the mounts of the episode.
        for name in ("resolv.conf", "hosts"):
            subprocess.run(["mount", "--bind", os.path.join(directory, name), f"/etc/{name}"], check=True)
        self._host = Host(directory)
        self._kept = self._host.begin()

    def tell_the_truth(self):
        self.says(names={NAME: {"A": [HOST]}})

    def be_silent(self, both):
        self.says(None if both else self.FIRST, silent=True)

    def lie(self):
        """The name leads to an address without a server."""
        self.says(names={NAME: {"A": [_NOBODY_THERE]}})

    def forget(self):
        self.says(names={})
