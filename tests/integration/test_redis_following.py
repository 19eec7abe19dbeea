"""Waiters and holders that share a lock follow it through failovers and slot migrations."""

import signal
import unittest

from harness import dlock, life
from harness.cluster import ClusterDeployment
from harness.deployment_case import DeploymentCase, SentinelCase
from harness.fake_redis import ERROR_REPLIES, PASS, FakeRedis
from harness.host import HOST
from harness.hosts import needs_own_hosts, with_hosts
from harness.redis_server import RedisServer, free_port
from harness.relay import Relay
from harness.wait import PATIENCE, hold_for, wait_until


class Following(DeploymentCase):
    def waiter(self, *options):
        started = self.start_run(dlock.JOBTOOL, "tick", self.life, "0.1", store=self.store,
                                 options=["--ttl", self.TTL, "-w", *options])
        wait_until(lambda: "; waiting for it" in started.stderr, 20, lambda: f"it waits: {started.stderr}")
        return started

    def serves_in_order(self, held, waiters, within=None):
        held.signal(signal.SIGTERM)
        self.assertEqual(held.wait(), 143, held.stderr)
        ended = life.last_tick(self.life)
        for each in waiters:
            self.assertEqual(each.wait(), 0, each.stderr)
        self.assert_no_overlap_so_far()
        runs = life.runs(self.life)
        self.assertEqual(len(runs), 1 + len(waiters))
        if within is not None:
            self.assertLess(runs[1].first - ended, within)


class Sentinel(SentinelCase, Following):
    def test_waiters_are_woken_by_the_new_master(self):
        deployment = self.deploy_sentinel()
        held = self.first()
        waiters = [self.waiter() for _ in range(2)]
        new = deployment.sentinel_failover()
        queue = f"dlock:queue:{{dlock:lock:{self.key}}}"
        wait_until(lambda: new("PUBSUB", "NUMSUB", *[f"dlock:wake:{each}" for each in new("ZRANGE", queue, 0, -1)])[1::2] == [1, 1],
                   10, "both listen to the new master")
        self.serves_in_order(held, waiters, within=2 * PATIENCE)

    def test_readers_and_a_waiting_writer_move_to_the_new_master(self):
        deployment = self.deploy_sentinel()
        readers = [self.first("--shared", seconds=8) for _ in range(2)]
        writer = self.waiter()
        deployment.sentinel_failover()
        self.assertEqual([each.wait() for each in readers], [0, 0])
        self.assertEqual(writer.wait(), 0, writer.stderr)


class StableName(Following):
    """A proxy, a Kubernetes service or a name leads to the new master. The old master continues as its replica."""

    TTL = "3s"

    def setUp(self):
        super().setUp()
        self.old = RedisServer(self.path("old"))
        self.addCleanup(self.old.stop)
        self.new = RedisServer(self.path("new"), replica_of=self.old)
        self.addCleanup(self.new.stop)
        self.name = Relay(self.old.port)
        self.addCleanup(self.name.stop)
        self.store = self.store_at(self.name.url)
        wait_until(lambda: self.old.replicates_to(1), 20, "the replica is in sync")

    def fail_over(self):
        self.new("REPLICAOF", "NO", "ONE")
        self.old("REPLICAOF", HOST, self.new.port)
        self.name.lead_to(self.new.port)

    def test_a_holder_keeps_its_lock_and_a_waiter_gets_it_from_the_new_master(self):
        held = self.first(seconds=4)
        waits = self.waiter()
        self.fail_over()
        self.assertEqual((held.wait(), waits.wait()), (0, 0), held.stderr + waits.stderr)
        self.assert_no_overlap_so_far()
        self.assertEqual(self.try_second(), 0)

    def test_dlock_leaves_an_old_master_that_accepts_writes_as_a_replica(self):
        self.old("CONFIG", "SET", "replica-read-only", "no")
        held = self.first(seconds=4)
        self.fail_over()
        wait_until(lambda: self.old.role() == "slave", 10, "the old master is a replica")
        lock = f"dlock:lock:{self.key}"
        before = self.new("GET", lock)
        wait_until(lambda: self.new("GET", lock) not in (None, before), 10, "the lock is renewed on the new master")
        self.assertEqual(held.wait(), 0, held.stderr)
        self.refused(dlock.UNREACHABLE, self.store_at(self.old.url), "is a replica", ttl=self.TTL)

    def test_waiters_are_woken_by_the_new_master(self):
        held = self.first()
        waits = self.waiter()
        self.fail_over()
        queue = f"dlock:queue:{{dlock:lock:{self.key}}}"
        wait_until(lambda: self.new("PUBSUB", "NUMSUB", *[f"dlock:wake:{each}" for each in self.new("ZRANGE", queue, 0, -1)])[1::2]
                   == [1], 10, "the waiter listens to the new master")
        self.serves_in_order(held, [waits], within=2 * PATIENCE)

    def test_dlock_leaves_an_old_master_that_answers_masterdown_or_loading(self):
        for reply in ("MASTERDOWN", "LOADING"):
            with self.subTest(reply=reply):
                stale = FakeRedis(lambda words, reply=reply: ERROR_REPLIES[reply][0] if self.failed_over else PASS, self.old.port)
                self.addCleanup(stale.stop)
                self.failed_over = False
                name = Relay(stale.port)
                self.addCleanup(name.stop)
                self.store = self.store_at(name.url)
                held = self.first(seconds=4)
                self.failed_over = True
                name.lead_to(self.old.port)
                self.assertEqual(held.wait(), 0, held.stderr)

    @needs_own_hosts
    def test_of_several_addresses_the_one_that_is_not_a_master_is_skipped(self):
        addresses = ("127.0.0.1", "127.0.0.2")
        with_two = with_hosts(self.path("hosts"), *(f"{address} store.test" for address in addresses))
        for replica in addresses:
            port = free_port()
            for address in addresses:
                server = FakeRedis(lambda words, reply=ERROR_REPLIES["READONLY"][0] if address == replica else PASS: reply,
                                   self.old.port, host=address, port=port)
                self.addCleanup(server.stop)
            ran = self.run_job("true", store=self.store_at(f"redis://store.test:{port}"), options=["--ttl", self.TTL],
                               prefix_command=with_two)
            self.assertEqual(ran.code, 0, ran.stderr)


class Cluster(Following):
    TTL = "4s"

    def setUp(self):
        super().setUp()
        self.deploy(ClusterDeployment, replicas=0)
        self.lock_name = f"dlock:lock:{self.key}"
        self.slot = self.deployment.slot_of(self.lock_name)
        self.source = self.deployment.node_of(self.lock_name)
        self.target = self.deployment.other_master(self.source)

    def test_waiters_are_woken_by_the_node_to_which_the_slot_has_migrated(self):
        held = self.first()
        waiters = [self.waiter() for _ in range(2)]
        self.deployment.migrate(self.slot, self.target)
        queue = f"dlock:queue:{{{self.lock_name}}}"
        wait_until(lambda: self.target("PUBSUB", "NUMSUB", *[f"dlock:wake:{each}" for each in self.target("ZRANGE", queue, 0, -1)])
                   [1::2] == [1, 1], 10, "both listen to the new node")
        self.serves_in_order(held, waiters, within=2 * PATIENCE)

    def test_a_waiter_gets_the_lock_while_the_slot_migrates(self):
        held = self.first()
        waits = self.waiter()
        self.deployment.begin_migration(self.slot, self.target)
        self.deployment.move_keys(self.slot, self.source, self.target, self.lock_name)
        hold_for(1.0, waits.running, "the wait")
        self.serves_in_order(held, [waits])
        self.deployment.move_keys(self.slot, self.source, self.target)
        self.deployment.finish_migration(self.slot, self.target)

    def test_no_step_of_a_migration_disturbs_holders_that_share_a_lock(self):
        readers = [self.first("--shared") for _ in range(2)]
        self.deployment.begin_migration(self.slot, self.target)
        self.stay(readers)
        self.deployment.move_keys(self.slot, self.source, self.target, self.lock_name)
        self.stay(readers)
        self.deployment.move_keys(self.slot, self.source, self.target)
        self.stay(readers)
        self.deployment.finish_migration(self.slot, self.target)
        self.stay(readers)
        for each in readers:
            each.signal(signal.SIGTERM)
            self.assertEqual(each.wait(), 143, each.stderr)
        self.assertEqual(self.try_second(), 0)

    def stay(self, readers):
        """Waits for longer than a job can live without a renewal."""
        hold_for(4.5, lambda: all(each.running() for each in readers), "the readers' dlock")
        self.assertEqual(self.try_second(), dlock.HELD)

    def test_a_share_that_is_released_during_a_migration_is_free(self):
        reader = self.first("--shared")
        self.deployment.begin_migration(self.slot, self.target)
        self.deployment.move_keys(self.slot, self.source, self.target, self.lock_name)
        reader.signal(signal.SIGTERM)
        self.assertEqual(reader.wait(), 143, reader.stderr)
        self.deployment.move_keys(self.slot, self.source, self.target)
        self.deployment.finish_migration(self.slot, self.target)
        wait_until(lambda: self.try_second() == 0, 5, "the lock is free")

    def test_min_hold_and_once_per_work_while_the_slot_migrates(self):
        self.deployment.begin_migration(self.slot, self.target)
        self.assertEqual(self.try_second("--once-per", "daily", "--min-hold", "3s"), 0)
        self.assertEqual(self.try_second(), dlock.HELD)
        again = self.run_job("echo", "ran", store=self.store, options=["--ttl", self.TTL, "--once-per", "daily", "-w"])
        self.assertEqual((again.code, again.stdout), (0, ""), again.stderr)
        self.assert_says(again, "already done by host")


if __name__ == "__main__":
    unittest.main()
