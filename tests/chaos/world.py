"""The environment of an episode: a store of the planned kind, the network between it and the machines, a full disk.

  redis            one server, nothing on disk: a restart loses the data
  persistent       one server that has each write on disk before it replies, and is trusted after a restart
  relay            one server, and before it a relay for each machine that can delay, hold or reset
  late             as relay, with a long lease and late replies
  peer             one server, and among the machines a holder with the rules of the Node library
  sentinel         a master, two replicas, three Sentinels: a failover can lose data
  sentinel-strict  a master, one replica, --min-replicas 1: a failover loses no data
  cluster          three masters, three replicas
  local            the embedded store: all machines are the same
  stable           a master and its replica behind one name, a relay for each machine: the name can lead to the other, and
  the old master continues
  rotating         one server whose password dlock reads from a file; both can change
  named            one server behind a name, and name servers that can fail or give wrong answers
"""

import os
import subprocess
import time
import uuid

from harness import resp
from harness.host import HOST
from harness.cluster import ClusterDeployment
from harness.peer import Peer
from harness.redis_server import RedisServer
from harness.relay import Relay
from harness.sentinel import SentinelDeployment
from harness.wait import wait_until

from .name_servers import NAME, NameServers
from .network import Network

KEY = "job"
LOCK = f"dlock:lock:{KEY}"

_RIGHTS = resp.Login("clients-password", "clients")

# A server that can be made to fail at saving, and that soon replies BUSY.
_SERVER = ("--save", "3600 1", "--stop-writes-on-bgsave-error", "yes", "--lua-time-limit", "100")


class World:
    def __init__(self, plan, directory):
        self.plan, self.directory, self.key = plan, directory, KEY
        self.server = self.deployment = self.network = self.pair = self.names = self._of_server = None
        self.relays = {}
        self.marker = f"DLOCK_TEST_MARK={uuid.uuid4().hex}"
        names = [f"m{number}" for number in range(len(plan.machines))]
        if plan.deployment != "local":
            self.network = Network(names)
        self._start_store(os.path.join(directory, "store"), names)
        began = time.monotonic()
        self.options = self._options()
        if "--trust-restart" not in self.options and plan.deployment != "local":
            # Waits until the servers grant locks, which they do not right after their start.
            time.sleep(max(0.0, began + plan.ttl + 1 - time.monotonic()))
        self.full_disk = self._full_disk()
        self._env = {name: value for name, value in os.environ.items()
                     if not name.startswith("DLOCK") and name != "REDISCLI_AUTH"}
        self._env.update(LC_ALL="C.UTF-8", **dict([self.marker.split("=")]))

    def env_of(self, machine):
        return {**self._env, "DLOCK_STORE": self._url_for(machine)}

    def env(self):
        """The environment of an operator, whose connection has no faults."""
        return {**self._env, "DLOCK_STORE": self._url()}

    def inside(self, machine):
        return self.network.inside(machine.name) if self.network else ()

    def can_sample(self):
        """True if there is one server that always has the truth about the lock."""
        return self.server is not None and self.plan.sharing == "alone"

    def start_peer(self, path):
        return Peer(self.directory, self.server.port, "dlock:", ["hold", KEY, "0.5"], dict(self._env), life=path, host="peer",
                    wait_ms=3000)

    # -- faults of the later deployments ----------------------------------------------------------------------------

    def lead_elsewhere(self):
        """The replica becomes the master, and the name leads to it. Connections to the old master stay open."""
        old, new = self.pair
        new("REPLICAOF", "NO", "ONE")
        old("REPLICAOF", HOST, new.port)
        for relay in self.relays.values():
            relay.lead_to(new.port)
        self.pair = [new, old]

    def rotate(self, file_first):
        """Changes the password of the server or of its clients. Returns a function that changes the other."""
        self._password = uuid.uuid4().hex
        (self._tell_clients if file_first else self._tell_server)()

        def tell_all():
            self._tell_clients()
            if self._password != self._of_server:
                self._tell_server()
        return tell_all

    def _tell_server(self):
        password = self._of_server = self._password
        self.server("ACL", "SETUSER", _RIGHTS.user, "on", "resetpass", f">{password}", "~*", "&*", "+@all")
        self.server("CLIENT", "KILL", "USER", _RIGHTS.user)

    def _tell_clients(self):
        new = self.password_file + ".new"
        with open(os.open(new, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
            file.write(self._password + "\n")
        os.rename(new, self.password_file)

    def settle(self):
        """After all faults are undone: waits until the store is as before."""
        if self.deployment is not None:
            if isinstance(self.deployment, ClusterDeployment):  # a node that was away can still believe in a migration
                self.deployment.call_off_migration(self.deployment.slot_of(LOCK))
            self.deployment.wait_settled(40)

    def stop(self):
        for relay in self.relays.values():
            relay.stop()
        for server in self.pair or ():
            server.stop()
        if self.server is not None:
            self.server.stop()
        if self.deployment is not None:
            self.deployment.stop()

    # -- internals ----------------------------------------------------------------------------------------------------

    def _start_store(self, directory, names):
        kind = self.plan.deployment
        if kind in ("redis", "relay", "late", "peer"):
            self.server = RedisServer(directory, *_SERVER)
        elif kind == "persistent":
            self.server = RedisServer(directory, *_SERVER, persistent=True)
        elif kind == "sentinel":
            self.deployment = SentinelDeployment(directory, login=_RIGHTS, replicas=2)
        elif kind == "sentinel-strict":
            self.deployment = SentinelDeployment(directory, login=_RIGHTS, replicas=1)
        elif kind == "cluster":
            self.deployment = ClusterDeployment(directory)
        elif kind == "stable":
            master = RedisServer(directory, *_SERVER)
            self.pair = [master, RedisServer(f"{directory}-2", *_SERVER, replica_of=master)]
            wait_until(lambda: master.replicates_to(1), 20, "the replica is in sync")
        elif kind == "rotating":
            self.server = RedisServer(directory, *_SERVER)
            self.password_file = os.path.join(self.directory, "password")
            self.rotate(file_first=True)()
        elif kind == "named":
            self.server = RedisServer(directory, *_SERVER)
            self.names = NameServers(os.path.join(self.directory, "names"), self.server)
        else:
            self.locks = directory
            os.mkdir(directory, 0o700)
        if kind in ("relay", "late"):
            self.relays = {name: Relay(self.server.port) for name in names}
        if kind == "stable":  # and one for an operator
            self.relays = {name: Relay(self.pair[0].port) for name in (*names, None)}

    def _options(self):
        options = ["--ttl", f"{self.plan.ttl:g}s"]
        if self.plan.deployment == "sentinel-strict":
            options += ["--min-replicas", "1"]
        if self.plan.trusts_restart or self.plan.deployment == "persistent":
            options += ["--trust-restart"]
        if self.plan.deployment == "rotating":
            options += ["--password-file", self.password_file]
        return options

    def _url_for(self, machine):
        relay = self.relays.get(machine.name)
        return relay.url if relay else self._url()

    def _url(self):
        if self.pair is not None:
            return self.relays[None].url
        if self.plan.deployment == "rotating":
            return self.server.url.replace("://", f"://{_RIGHTS.user}@")
        if self.plan.deployment == "named":
            return f"redis://{NAME}:{self.server.port}"
        if self.deployment is None:
            return self.server.url if self.server else f"local:{self.locks}"
        if isinstance(self.deployment, SentinelDeployment):
            return self.deployment.url.replace("://", f"://{_RIGHTS.user}:{_RIGHTS.password}@")
        return self.deployment.url

    def _full_disk(self):
        """A full file system."""
        path = os.path.join(self.directory, "full")
        os.mkdir(path)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", path], check=True)
        try:
            with open(os.path.join(path, "all-of-it"), "wb", buffering=0) as file:
                while True:
                    file.write(b"x" * 4096)
        except OSError:
            return path
