"""A Redis Cluster: its slots, their migration in steps, failover, and faults."""

import contextlib
import os
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, Optional

from . import resp
from .host import HOST
from .redis_server import RedisServer
from .server_process import free_port
from .wait import wait_until

SLOTS = 16384


class Place(NamedTuple):
    """What a node reports about itself or about another node."""
    node_id: str
    flags: tuple
    master_id: Optional[str]
    epoch: int
    linked: bool
    slots: frozenset


class ClusterNode(RedisServer):
    def __init__(self, directory, *options, node_timeout, **how):
        """`node_timeout` is in ms."""
        self._node_timeout = node_timeout
        super().__init__(directory, *options, **how)
        self.id = self("CLUSTER", "MYID")

    def places(self):
        """All nodes as this node sees them. The first is this node."""
        found = [_place(line) for line in self("CLUSTER", "NODES").splitlines()]
        return sorted(found, key=lambda place: "myself" not in place.flags)

    def serves(self):
        """True if it sees every slot served and serves its own."""
        return "cluster_state:ok" in self("CLUSTER", "INFO")

    def _choose_ports(self):
        super()._choose_ports()
        self.bus_port = free_port()

    def _settings(self):
        yield from super()._settings()
        yield from ("--cluster-enabled", "yes", "--cluster-port", self.bus_port, "--cluster-config-file", "nodes.conf")
        # A replica takes over however old its data is, and stays with its master, so that the roles are predictable.
        yield from ("--cluster-node-timeout", self._node_timeout, "--cluster-replica-validity-factor", "0",
                    "--cluster-allow-replica-migration", "no")
        if self.tls:
            yield from ("--tls-cluster", "yes")


def _place(line):
    node_id, _, flags, master_id, _, _, epoch, link, *slots = line.split()
    ranges = [part.partition("-") for part in slots if not part.startswith("[")]  # slots that migrate are in brackets
    return Place(node_id, tuple(flags.split(",")), None if master_id == "-" else master_id, int(epoch), link == "connected",
                 frozenset(slot for first, _, last in ranges for slot in range(int(first), int(last or first) + 1)))


class ClusterDeployment:
    """All slots are served and all replicas are in sync when the constructor returns, after at least two seconds: for so
    long a node that has just started refuses to be a master. `options` are the options of all nodes.

    The first nodes are the masters, in the order of their slots; the replica of nodes[i] is nodes[i + masters].
    """

    def __init__(self, directory, *options, masters=3, replicas=1, login=None, tls=None, node_timeout=2000):
        """`replicas` is the number per master, `login` a resp.Login, `node_timeout` in ms."""
        self.nodes = []
        try:
            with ThreadPoolExecutor() as pool:
                begun = [pool.submit(ClusterNode, os.path.join(directory, f"node{number}"), *options, login=login, tls=tls,
                                     node_timeout=node_timeout) for number in range(masters * (1 + replicas))]
            self.nodes += [started.result() for started in begun if started.exception() is None]
            for started in begun:
                started.result()
            self._join(masters)
            self.wait_settled()
        except BaseException:
            self.stop()
            raise

    @property
    def addresses(self):
        """The addresses of all nodes, for a URL."""
        return ",".join(node.address for node in self.nodes)

    @property
    def url(self):
        return self.url_of(*self.nodes)

    @staticmethod
    def url_of(*nodes):
        """A URL that names only these nodes, in this order."""
        scheme = "rediss" if nodes[0].tls else "redis"
        return f"{scheme}+cluster://{','.join(node.address for node in nodes)}"

    # -- roles --------------------------------------------------------------------------------------------------------

    def living(self):
        return [node for node in self.nodes if node.answering()]

    def slot_of(self, key):
        return self.living()[0]("CLUSTER", "KEYSLOT", key)

    def node_of_slot(self, slot):
        """The node that reports to be the master. Of two the one with the higher epoch counts."""
        claims = [(node.places()[0], node) for node in self.living()]
        claims = [(place.epoch, node) for place, node in claims if slot in place.slots and "master" in place.flags]
        if not claims:
            raise AssertionError(f"nobody serves slot {slot}")
        return max(claims, key=lambda claim: claim[0])[1]

    def node_of(self, key):
        return self.node_of_slot(self.slot_of(key))

    def masters(self):
        return [node for node in self.living() if node.role() == "master"]

    def other_master(self, node):
        """A master to which a slot of this master can migrate."""
        return next(master for master in self.masters() if master is not node)

    def replicas_of(self, master):
        """The nodes that report to be its replicas, even if it is dead."""
        return [node for node in self.living() if node.places()[0].master_id == master.id]

    # -- slot migration, in steps so that a job can run in each of them ---------------------------------------------

    def begin_migration(self, slot, target):
        """From now on the owner of the slot replies ASK for keys that it does not have. Returns the owner."""
        source = self.node_of_slot(slot)
        target("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id)
        source("CLUSTER", "SETSLOT", slot, "MIGRATING", target.id)
        return source

    def move_keys(self, slot, source, target, *keys):
        """Moves all keys of the slot, or only these. While some are moved, scripts get TRYAGAIN."""
        moved = list(keys)
        while batch := list(keys) or source("CLUSTER", "GETKEYSINSLOT", slot, 100):
            source("MIGRATE", HOST, target.service_port, "", 0, 5000, *self._auth(), "KEYS", *batch)
            if keys:
                break
            moved += batch
        return moved

    def finish_migration(self, slot, target):
        """Tells the target first, so that the slot always has an owner. Returns when every node knows the new owner."""
        for node in sorted(self.masters(), key=lambda master: master is not target):
            node("CLUSTER", "SETSLOT", slot, "NODE", target.id)
        wait_until(lambda: all(self._owner_seen_by(node, slot) == target.id for node in self.living()), 10,
                   f"all nodes know the new owner of slot {slot}", pause=0.02)

    def call_off_migration(self, slot):
        """The slot stays with its current owner, on every node that runs."""
        for node in self.living():
            with contextlib.suppress(resp.ReplyError):  # a replica refuses, and has nothing to undo
                node("CLUSTER", "SETSLOT", slot, "STABLE")

    def migrate(self, slot, target=None):
        """All steps in one. Returns the new owner."""
        target = target or self.other_master(self.node_of_slot(slot))
        source = self.begin_migration(slot, target)
        self.move_keys(slot, source, target)
        self.finish_migration(slot, target)
        return target

    # -- faults -------------------------------------------------------------------------------------------------------

    def failover(self, master):
        """CLUSTER FAILOVER, which loses no data. Returns the new master; `master` becomes its replica."""
        replica = self.replicas_of(master)[0]
        replica("CLUSTER", "FAILOVER")
        return self.wait_for_successor(master, replica)

    def kill(self, master):
        """Kills it with SIGKILL. Its replica takes over after the node timeout and up to a second more: see
        wait_for_successor. Returns that replica, or None."""
        replicas = self.replicas_of(master)
        master.stop()
        return replicas[0] if replicas else None

    def take_down(self):
        """CLUSTERDOWN from every node at once: the last slot has no owner."""
        # The owner first, and repeatedly: a message under way can restore the owner on a node.
        owner = self.node_of_slot(SLOTS - 1)
        order = sorted(self.living(), key=lambda node: node is not owner)
        wait_until(lambda: all([self._down(node) for node in order]), 10, "no node serves", pause=0.02)
        return owner

    def bring_up(self, owner):
        """Undoes take_down; takes its return value."""
        owner("CLUSTER", "ADDSLOTS", SLOTS - 1)
        self.wait_settled()

    # -- waiting ------------------------------------------------------------------------------------------------------

    def wait_for_successor(self, old, replica, seconds=20):
        """Waits until all nodes that run, including the old master, see the replica as master. Returns the replica."""
        def followed():
            return (replica.role() == "master" and
                    all(any(place.node_id == replica.id and "master" in place.flags and place.slots
                            for place in node.places()) and node.serves() for node in self.living()))
        return wait_until(lambda: followed() and replica, seconds, f"{replica.address} follows {old.address}", pause=0.02)

    def wait_down(self, seconds=20):
        """Waits until the others have noticed the death of a master without a replica."""
        wait_until(lambda: not any(node.serves() for node in self.living()), seconds, "no node serves", pause=0.02)

    def wait_settled(self, seconds=20):
        """Waits until every node that runs serves, is linked to the others, and has its replicas in sync and known to all."""
        wait_until(self._settled, seconds, "all slots are served and all replicas in sync", pause=0.02)

    def stop(self):
        for node in self.nodes:
            node.stop()

    # -- internals ----------------------------------------------------------------------------------------------------

    def _join(self, masters):
        owners, others = self.nodes[:masters], self.nodes[masters:]
        for number, node in enumerate(self.nodes):
            node("CLUSTER", "SET-CONFIG-EPOCH", number + 1)  # otherwise equal epochs would first have to be resolved
            if node in owners:
                first, last = (SLOTS * place // masters for place in (number, number + 1))
                node("CLUSTER", "ADDSLOTSRANGE", first, last - 1)
        # all pairs: faster than waiting for gossip
        for number, node in enumerate(self.nodes):
            for other in self.nodes[:number]:
                node("CLUSTER", "MEET", HOST, other.service_port, other.bus_port)
        everybody = {node.id for node in self.nodes}
        wait_until(lambda: all({place.node_id for place in node.places()} == everybody for node in self.nodes), 20,
                   "all nodes have met", pause=0.02)
        for number, replica in enumerate(others):
            replica("CLUSTER", "REPLICATE", owners[number % masters].id)

    def _settled(self):
        living = self.living()
        master_of = {node.id: node.places()[0].master_id for node in living}
        replicas = [master for master in master_of.values() if master]
        return (all(node.serves() and self._sees(node, master_of) for node in living) and
                all(node.replicates_to(replicas.count(node.id)) for node in living if not master_of[node.id]))

    @staticmethod
    def _sees(node, master_of):
        """True if it is linked to all of them, regards none as dead, and knows whose replicas they are."""
        seen = {place.node_id: place for place in node.places()}
        return all(other in seen and seen[other].linked and seen[other].master_id == master and
                   not {"handshake", "fail", "fail?"} & set(seen[other].flags) for other, master in master_of.items())

    @staticmethod
    def _owner_seen_by(node, slot):
        return next((place.node_id for place in node.places() if slot in place.slots), None)

    @staticmethod
    def _down(node):
        try:
            node("CLUSTER", "DELSLOTS", SLOTS - 1)
        except resp.ReplyError:  # the slot has no owner already
            pass
        return not node.serves()

    def _auth(self):
        login = self.nodes[0].login
        if login is None:
            return []
        return ["AUTH2", login.user, login.password] if login.user else ["AUTH", login.password]
