"""The network of an episode: the servers are in the current namespace, each machine is in its own, connected by a cable.

Everything is inside the namespaces that `campaign.py` created for this episode, and is removed with them.
"""

import subprocess

from harness.host import HOST

_RULES = "inet chaos"


def _do(*words):
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {done.stdout.decode().strip()}")


class Network:
    """`names` are the machines. Each can reach only HOST, where the servers listen."""

    def __init__(self, names):
        _do("mount", "-t", "tmpfs", "tmpfs", "/run")
        _do("ip", "link", "set", "lo", "up")
        _do("ip", "addr", "add", f"{HOST}/32", "dev", "lo")
        self._rules(f"add table {_RULES}",
                    f"add chain {_RULES} requests {{ type filter hook input priority 0 ; }}",
                    f"add chain {_RULES} replies {{ type filter hook output priority 0 ; }}")
        self._address = {}
        for number, name in enumerate(names, start=1):
            self._connect(name, f"10.78.{number}")

    def inside(self, name):
        """A prefix command that runs a command on that machine, with its host name. The process stays the same."""
        return ("nsenter", f"--net=/run/netns/{name}", "unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', name)

    def cut(self, name, *, requests, replies, share=1.0):
        """Drops a share of the packets of the machine, in one direction or both. Another cut replaces it."""
        chance = "" if share >= 1 else f"numgen random mod 1000 < {int(share * 1000)} "
        self.mend(name)
        self._rules(*[f"add rule {_RULES} requests-{name} {chance}drop"] * requests,
                    *[f"add rule {_RULES} replies-{name} {chance}drop"] * replies)

    def mend(self, name):
        self._rules(f"flush chain {_RULES} requests-{name}", f"flush chain {_RULES} replies-{name}")

    def narrow(self, name, kilobits):
        """Limits the rate of both ends of the cable, with a short queue."""
        for place in ((), ("nsenter", f"--net=/run/netns/{name}")):
            device = "eth0" if place else f"to-{name}"
            _do(*place, "tc", "qdisc", "replace", "dev", device, "root", "tbf", "rate", f"{kilobits}kbit", "burst", "3000",
                "limit", "6000")

    def widen(self, name):
        """Can be called without a limit, because another fault can have ended meanwhile."""
        for place in ((), ("nsenter", f"--net=/run/netns/{name}")):
            subprocess.run([*place, "tc", "qdisc", "del", "dev", "eth0" if place else f"to-{name}", "root"], check=False,
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _connect(self, name, net):
        _do("ip", "netns", "add", name)
        _do("ip", "link", "add", f"to-{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
        _do("ip", "addr", "add", f"{net}.1/24", "dev", f"to-{name}")
        _do("ip", "link", "set", f"to-{name}", "up")
        for words in (("link", "set", "lo", "up"), ("addr", "add", f"{net}.2/24", "dev", "eth0"),
                      ("link", "set", "eth0", "up"), ("route", "add", "default", "via", f"{net}.1")):
            _do("ip", "-n", name, *words)
        self._rules(f"add chain {_RULES} requests-{name}", f"add chain {_RULES} replies-{name}",
                    f"add rule {_RULES} requests ip saddr {net}.2 jump requests-{name}",
                    f"add rule {_RULES} replies ip daddr {net}.2 jump replies-{name}")

    @staticmethod
    def _rules(*lines):
        if lines:
            _do("nft", " ; ".join(lines))
