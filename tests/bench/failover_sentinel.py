"""Failovers of a Sentinel deployment, and its repair after each."""

from harness.deployment_case import LOGIN
from harness.relay import Relay
from harness.sentinel import SentinelDeployment
from harness.wait import wait_until

from failover_round import REJOINED, REPAIRED, environment


class SentinelBed:
    """1 master, 2 replicas, 3 Sentinels; a master is regarded as dead after 1 s."""

    name = "Sentinel"
    failover_timeout = 3000  # ms

    def __init__(self, directory, *options):
        self.deployment = SentinelDeployment(directory, *options, login=LOGIN, failover_timeout=self.failover_timeout)
        self.env = environment(self.deployment.url.replace("://", f"://{LOGIN.user}:{LOGIN.password}@"))
        # the login of the servers among themselves, as set by the harness
        self._peers = self.deployment.master()("CONFIG", "GET", "masteruser", "masterauth")
        self._relays = []
        self.settle()

    def settle(self):
        self._stop_relays()
        for server in self.deployment.servers:
            if not server.running():
                server.start_again()
            server.resume()
            _tell(server, "CONFIG", "SET", *self._peers)
            self.let_in(server)
        self.deployment.wait_settled()

    def stop(self):
        self._stop_relays()
        self.deployment.stop()

    def let_in(self, server):
        """Lets Sentinels and replicas reach it again."""
        self.deployment.heal(server)
        # A Sentinel whose login failed would keep that useless connection for 15 s.
        server("CLIENT", "KILL", "USER", "default")

    def take_along(self, replica, master):
        """From now on this replica reaches the master whenever clients do, and Sentinels cannot reach it."""
        _log_in_as_client(replica)
        master("CLIENT", "KILL", "TYPE", "replica")
        wait_until(lambda: master.replicates_to(2), 20, "the replicas are back")
        peers = dict(zip(self._peers[::2], self._peers[1::2]))["masteruser"]
        replica("ACL", "SETUSER", peers, "off")
        replica("CLIENT", "KILL", "USER", peers)

    def relay_replication(self, master):
        """From now on the replicas reach the master through relays, which it returns."""
        for replica in self.deployment.replicas():
            relay = Relay(master.port)
            self._relays.append(relay)
            _log_in_as_client(replica)
            replica("REPLICAOF", "127.0.0.1", relay.port)
        wait_until(lambda: master.replicates_to(2), 20, "the replicas are back")
        return self._relays

    def _stop_relays(self):
        for relay in self._relays:
            relay.stop()
        self._relays = []


class RelayedSentinelBed(SentinelBed):
    """Its Sentinels tolerate for long enough a replica that connects to its master by another address."""

    failover_timeout = 8000


def _tell(server, *words):
    """Retries once, because a Sentinel that demotes a server closes all its connections."""
    try:
        return server(*words)
    except OSError:
        return server(*words)


def _log_in_as_client(replica):
    replica("CONFIG", "SET", "masteruser", LOGIN.user, "masterauth", LOGIN.password)


# -- faults ---------------------------------------------------------------------------------------------------------------


def told_to_fail_over(scene):
    scene.hold()
    scene.strike()
    deployment = scene.bed.deployment
    deployment.wait_for_new_master(deployment.begin_failover())


def master_killed(scene):
    deployment = scene.bed.deployment
    scene.hold()
    scene.strike()
    old = deployment.kill_master()
    deployment.wait_for_new_master(old)
    scene.wait_since_strike(REPAIRED)
    old.start_again()


def master_stopped(scene):
    """It is resumed as soon as there is a new master, which it does not know yet."""
    deployment = scene.bed.deployment
    scene.hold()
    scene.strike()
    old = deployment.pause_master()
    deployment.wait_for_new_master(old)
    old.resume()
    scene.wait_demoted(old)


def master_cut_off(scene):
    """Cut off from replicas and Sentinels, but not from clients: the first holder stays with it, and it accepts writes."""
    scene.hold()
    scene.strike()
    _rejoin(scene, scene.bed.deployment.partition_master())


def cut_off_with_a_replica(scene):
    """The same, but one of the two replicas is on the side of the old master."""
    deployment = scene.bed.deployment
    old, mate = deployment.master(), deployment.replicas()[0]
    scene.bed.take_along(mate, old)
    scene.hold()
    scene.strike()
    deployment.partition_master()
    _rejoin(scene, old, mate)


def cut_off_in_silence(scene):
    """The connections of the replicas stay open: the old master notices the cut only by missing replies."""
    old = scene.bed.deployment.master()
    relays = scene.bed.relay_replication(old)
    scene.hold()
    scene.strike()
    _cut_in_silence(scene, relays)
    _rejoin(scene, old)


def acquired_after_the_cut(scene):
    """The new master never gets the lock of the holder."""
    old = scene.bed.deployment.partition_master()
    scene.strike("at once")
    scene.hold()
    _rejoin(scene, old)


def acquired_after_a_silent_cut(scene):
    old = scene.bed.deployment.master()
    relays = scene.bed.relay_replication(old)
    scene.strike("at once")
    _cut_in_silence(scene, relays)
    scene.hold()
    _rejoin(scene, old)


def _cut_in_silence(scene, relays):
    for relay in relays:
        relay.freeze()
    scene.bed.deployment.partition_master()


def _rejoin(scene, *servers):
    scene.bed.deployment.wait_for_new_master(servers[0])
    scene.wait_since_strike(REJOINED)
    for server in servers:
        scene.bed.let_in(server)
    scene.wait_demoted(servers[0])
