"""Failovers and migration in a Redis Cluster, and the corresponding faults of a single Redis."""

import time

from harness.cluster import ClusterDeployment
from harness.redis_server import RedisServer

from failover_round import REPAIRED, environment


class ClusterBed:
    """3 masters with one replica each; a node is regarded as dead after 1 s."""

    name = "Cluster"

    def __init__(self, directory, *options):
        self.deployment = ClusterDeployment(directory, *options, node_timeout=1000)
        self.env = environment(self.deployment.url)

    def settle(self):
        for node in self.deployment.nodes:
            if not node.running():
                node.start_again()
        self.deployment.wait_settled()

    def stop(self):
        self.deployment.stop()


class StandaloneBed:
    name = "Standalone"

    def __init__(self, directory, *options):
        self.server = RedisServer(directory, *options)
        self.env = environment(self.server.url)

    def settle(self):
        """No fault lasts, so there is nothing to repair."""

    def stop(self):
        self.server.stop()


# -- faults: Cluster ------------------------------------------------------------------------------------------------------


def told_to_fail_over(scene):
    deployment = scene.bed.deployment
    scene.hold()
    scene.strike()
    deployment.failover(deployment.node_of(scene.lock_name))


def owner_killed(scene):
    deployment = scene.bed.deployment
    scene.hold()
    old = deployment.node_of(scene.lock_name)
    scene.strike()
    deployment.wait_for_successor(old, deployment.kill(old))
    scene.wait_since_strike(REPAIRED)
    old.start_again()


def slot_migrates(scene):
    """Each state lasts for at least one renewal. In one of them lock and liveness are on two nodes."""
    deployment = scene.bed.deployment
    slot = deployment.slot_of(scene.lock_name)
    scene.hold()
    target = deployment.other_master(deployment.node_of_slot(slot))
    scene.strike()
    state_lasts = scene.row.ttl / 4
    source = deployment.begin_migration(slot, target)
    time.sleep(state_lasts)
    deployment.move_keys(slot, source, target, scene.lock_name)
    time.sleep(state_lasts)
    deployment.move_keys(slot, source, target)
    time.sleep(state_lasts)
    deployment.finish_migration(slot, target)


# -- faults: one Redis ----------------------------------------------------------------------------------------------------


def restarted_without_its_memory(scene):
    scene.hold()
    scene.strike()
    scene.bed.server.restart_with_lost_memory()


def front_killed(scene):
    scene.hold()
    scene.strike()
    scene.first.signal(9)
