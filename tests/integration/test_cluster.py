"""A Redis Cluster: finding the node of a lock, and following the lock through failover and slot migration."""

import json
import os
import shutil
import tempfile
import unittest
import uuid

from harness import dlock, life
from harness.certificates import certificates
from harness.cluster import ClusterDeployment
from harness.deployment_case import LOGIN, DeploymentCase
from harness.fake_redis import PASS, FakeRedis
from harness.redis_server import RedisServer
from harness.relay import Relay
from harness.wait import PATIENCE, hold_for, now, wait_until


class ClusterCase(DeploymentCase):
    def deploy_cluster(self, *options, **how):
        return self.deploy(ClusterDeployment, *options, **how)

    @property
    def lock_name(self):
        return f"dlock:lock:{self.key}"

    def owner(self):
        return self.deployment.node_of(self.lock_name)

    def lock_at(self, node):
        return node("GET", self.lock_name)

    def renewed_at(self, node):
        before = self.lock_at(node)
        wait_until(lambda: self.lock_at(node) not in (None, before), 10, f"the lock is renewed on {node.address}")

    def lock_keys(self, node):
        return sorted(node("CLUSTER", "GETKEYSINSLOT", self.deployment.slot_of(self.lock_name), 100))


class FindingTheNode(ClusterCase):
    """No test breaks its Cluster, so that all of them share one."""

    @classmethod
    def setUpClass(cls):
        cls._directory = tempfile.mkdtemp(prefix="dl-cluster-", dir="/tmp")
        cls.shared = ClusterDeployment(cls._directory, replicas=0)

    @classmethod
    def tearDownClass(cls):
        cls.shared.stop()
        shutil.rmtree(cls._directory, ignore_errors=True)

    def setUp(self):
        super().setUp()
        self.deployment = self.shared
        self.store = self.store_at(self.deployment.url)
        self.key = f"job-{uuid.uuid4().hex[:8]}"

    def test_a_lock_is_held_refused_and_released_whichever_node_is_asked_first(self):
        for node in self.deployment.nodes:
            store = self.store_at(self.deployment.url_of(node))
            held = self.first(store=store)
            self.assertIsNotNone(self.lock_at(self.owner()))
            self.assertEqual(self.try_second(), dlock.HELD)
            held.signal(15)
            self.assertEqual(held.wait(), 143)
            self.assertIsNone(self.lock_at(self.owner()))

    def test_keys_and_prefixes_with_braces_of_every_shape_are_locked_in_one_slot(self):
        shapes = ["a{b", "a}b", "}{", "{t}:x", "{}x", "{", "}", "a{}b{c}", "{a}{b}"]
        for number, shape in enumerate(shapes):
            for prefix in ("dlock:", "lk{:", "{lk}:", "p}{:")[number % 2::2]:
                with self.subTest(key=shape, prefix=prefix):
                    self.key = shape
                    options = ["--prefix", prefix]
                    slot = self.deployment.slot_of(f"{prefix}lock:{shape}")
                    node = self.deployment.node_of_slot(slot)
                    before = set(node("CLUSTER", "GETKEYSINSLOT", slot, 100))
                    held = self.first(*options)
                    self.assertEqual(self.try_second(*options), dlock.HELD)
                    made = set(node("CLUSTER", "GETKEYSINSLOT", slot, 100)) - before
                    self.assertEqual(sorted(key[len(prefix):].partition(":")[0] for key in made), ["fence", "lock", "proc"])
                    waits = self.start_run("true", store=self.store, options=[*options, "--shared", "-w"])
                    wait_until(lambda waits=waits: "waiting for it" in waits.stderr, 10, lambda waits=waits: waits.stderr)
                    held.signal(15)
                    self.assertEqual((held.wait(), waits.wait()), (143, 0), waits.stderr)

    def test_acquiring_takes_one_round_trip_if_the_first_node_asked_has_the_slot(self):
        self.assertEqual(self.try_second(), 0)  # makes the node cache the scripts
        between = Relay(self.owner().port)
        self.addCleanup(between.stop)
        self.assertEqual(self.try_second(store=self.store_at(f"redis+cluster://127.0.0.1:{between.port}")), 0)
        self.assertEqual((between.round_trips, between.accepted), (2, 1))  # one to acquire and one to release

    def test_a_foreign_holder_whose_liveness_is_on_another_node_is_waited_for(self):
        owner = self.owner()
        # The liveness of a holder of the Node library can be in any slot.
        process = next(f"peer/1.{number}" for number in range(1000)
                       if self.deployment.node_of(f"dlock:proc:peer/1.{number}") is not owner)
        elsewhere = self.deployment.node_of(f"dlock:proc:{process}")
        owner("SET", self.lock_name, f'{{"ownerHash":"{self.key}@{process}.1","processHash":"{process}",'
                                     '"acquiredAt":"2026-01-01T00:00:00.000Z"}', "PX", 60000)
        elsewhere("SET", f"dlock:proc:{process}", '{"aliveAt":"2026-01-01T00:00:00.000Z"}', "PX", 2000)
        self.assertEqual(self.try_second(), dlock.HELD)
        waiting = [self.start_run("true", store=self.store, options=["--ttl", self.TTL, "-w", *options])
                   for options in ([], ["--shared"], ["--limit", "2"], ["--once-per", "daily"])]
        for each in waiting:
            wait_until(lambda each=each: "waiting for it" in each.stderr, 10, lambda each=each: each.stderr)
        self.assertEqual(elsewhere("EXISTS", f"dlock:proc:{process}"), 1)
        self.assertEqual([each.wait() for each in waiting], [0, 0, 0, 0], [each.stderr for each in waiting])

    def test_status_list_and_unlock_see_all_nodes_and_free_locks_on_each_of_them(self):
        looked_at = ["--store", self.deployment.url]
        prefix = ["--prefix", f"{self.key}:"]
        keys = [f"k{number}" for number in range(6)]
        held = [self.start_run("sleep", "60", key=key, store=self.store, options=[*prefix, "--ttl", self.TTL]) for key in keys]
        for each in held:
            each.job()
        self.assertGreater(len({self.deployment.node_of(f"{self.key}:lock:{key}") for key in keys}), 1)
        self.assertEqual(self.run_words("list", "--keys", *looked_at, *prefix).stdout.split(), keys)
        for key, each in zip(keys, held):
            asked = self.run_words("status", *looked_at, *prefix, key)
            self.assertEqual((asked.code, f"pid {each.pid}" in asked.stdout), (dlock.HELD, True), asked.stdout + asked.stderr)
            freed = self.run_words("unlock", "--force", *looked_at, *prefix, key)
            self.assertEqual((freed.code, each.wait()), (0, dlock.LOST), freed.stderr)
        self.assertEqual(self.run_words("list", "--keys", *looked_at, *prefix).stdout, "")

    def test_status_and_unlock_read_the_liveness_of_a_foreign_holder_from_its_node(self):
        owner = self.owner()
        process = next(f"peer/1.{number}" for number in range(1000)
                       if self.deployment.node_of(f"dlock:proc:peer/1.{number}") is not owner)
        elsewhere = self.deployment.node_of(f"dlock:proc:{process}")
        owner("SET", self.lock_name, f'{{"ownerHash":"{self.key}@{process}.1","processHash":"{process}",'
                                     '"acquiredAt":"2026-01-01T00:00:00.000Z"}', "PX", 60000)
        elsewhere("SET", f"dlock:proc:{process}", '{"aliveAt":"2026-01-01T00:00:00.000Z"}', "PX", 60000)
        looked_at = ["--store", self.deployment.url]
        self.assertEqual(self.run_words("status", *looked_at, self.key).code, dlock.HELD)
        self.assertEqual(self.run_words("unlock", *looked_at, self.key).code, dlock.HELD)
        elsewhere("DEL", f"dlock:proc:{process}")
        self.assertEqual(self.run_words("status", *looked_at, self.key).code, 1)
        freed = self.run_words("unlock", *looked_at, self.key)
        self.assertEqual(freed.code, 0, freed.stderr)
        self.assertEqual(self.run_words("status", *looked_at, self.key).code, 0)

    def test_a_cluster_node_given_as_a_standalone_redis_is_refused_with_the_remedy(self):
        self.refused(dlock.CONFIG, self.store_at(self.deployment.nodes[0].url), "redis+cluster://")

    def test_dead_nodes_are_skipped(self):
        dead = RedisServer(self.path("dead"))
        dead.stop()
        store = self.store_at(self.deployment.url_of(dead, self.deployment.nodes[0]))
        self.assertEqual(self.try_second(store=store), 0)
        self.refused(dlock.UNREACHABLE, self.store_at(self.deployment.url_of(dead)), "Connection refused")

    def test_a_standalone_redis_given_as_a_cluster_is_refused_and_no_lock_is_left_there(self):
        server = RedisServer(self.path("alone"))
        self.addCleanup(server.stop)
        store = self.store_at(self.deployment.url_of(server))
        for options in ([], ["-w"], ["--shared"]):
            self.refused(dlock.CONFIG, store, "is not a node of a Redis Cluster; write redis://host:port", options=options)
        self.assertEqual([key for key in server("KEYS", "*") if "fence" not in key], [])
        looked_at = [word for word in store if word != "--trust-restart"]
        for command in ("status", "unlock"):
            looked = self.run_words(command, *looked_at, self.key)
            self.assertEqual(looked.code, dlock.CONFIG, looked.stderr)


class NodesThatCannotServe(ClusterCase):
    def lone_node(self):
        """A Cluster of one node, which serves all slots."""
        server = RedisServer(self.path("server"), "--cluster-enabled", "yes")
        self.addCleanup(server.stop)
        server("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        wait_until(lambda: "cluster_state:ok" in server("CLUSTER", "INFO"), 10, "the slots are served")
        return server

    def test_a_node_that_cannot_serve_is_skipped_at_any_place_in_the_list(self):
        server = self.lone_node()
        for reply in (b"-CLUSTERDOWN The cluster is down\r\n", b"-LOADING Redis is loading the dataset in memory\r\n",
                      b"-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n"):
            ill = FakeRedis(lambda words, reply=reply: reply)
            self.addCleanup(ill.stop)
            for ports in ((ill.port, server.port), (server.port, ill.port)):
                with self.subTest(reply=reply, ports=ports):
                    self.store = self.store_at("redis+cluster://" + ",".join(f"127.0.0.1:{port}" for port in ports))
                    self.assertEqual(self.try_second(), 0)

    def test_list_shows_the_locks_it_can_read_and_names_the_missing_nodes(self):
        deployment = self.deploy_cluster("--cluster-require-full-coverage", "no", replicas=0)
        self.first()
        silent, dead = [node for node in deployment.nodes if node is not self.owner()]
        dead.stop()
        silent.pause()
        # The timeout is short: without the other nodes the owner soon reports that the Cluster is down.
        asked = ["--store", deployment.url_of(self.owner()), "--timeout", f"{min(PATIENCE, 1.5)}s"]
        listed = self.run_words("list", *asked)
        self.assertEqual((listed.code, [row.split()[0] for row in listed.stdout.splitlines()]), (dlock.UNREACHABLE, ["KEY", "job"]),
                         listed.stderr)
        self.assert_says(listed, "some locks may be missing", f"{dead.address} cannot be reached", f"{silent.address} did not answer")
        as_json = self.run_words("list", "--json", *asked)
        told = json.loads(as_json.stdout)
        self.assertEqual((as_json.code, [lock["key"] for lock in told["locks"]], len(told["missing"])), (dlock.UNREACHABLE, ["job"], 2))
        self.assertEqual(self.run_words("list", "--keys", *asked).stdout, "job\n")
        silent.resume()

    def test_a_slot_owner_that_is_cut_off_is_replaced_by_its_successor(self):
        self.TTL = "2s"
        server = self.lone_node()
        cut_off = []
        owner = FakeRedis(lambda words: b"-CLUSTERDOWN The cluster is down\r\n" if cut_off else PASS, server.port)
        self.addCleanup(owner.stop)
        self.store = self.store_at(f"redis+cluster://127.0.0.1:{owner.port},127.0.0.1:{server.port}")
        held = self.first(seconds=5)
        cut_off.append(True)
        self.assertEqual(held.wait(), 0, held.stderr)


class Logins(ClusterCase):
    def test_dlock_logs_in_on_every_node(self):
        deployment = self.deploy_cluster(replicas=0, login=LOGIN)
        for number in range(4):
            self.key = f"job{number}"
            self.assertEqual(self.try_second(), 0)
        self.env["DLOCK_STORE"] = deployment.url
        self.refused(dlock.REFUSED, ["--trust-restart"], "requires a password")


class Tls(ClusterCase):
    def test_tls_is_used_on_every_node_also_on_one_that_the_url_does_not_name(self):
        self.TTL = "6s"
        made = certificates()
        deployment = self.deploy_cluster(replicas=0, tls=made.tls())
        self.store = self.store_at(deployment.url_of(self.owner()))
        self.assertTrue(deployment.url.startswith("rediss+cluster://"))
        self.refused(dlock.REFUSED, self.store, "not signed by a trusted CA", ttl=self.TTL)
        trusting = ["--tls-cacert", made.ca]
        held = self.first(*trusting)
        owner = deployment.migrate(deployment.slot_of(self.lock_name))
        self.renewed_at(owner)
        self.assertEqual(self.try_second(*trusting), dlock.HELD)
        held.signal(15)
        self.assertEqual(held.wait(), 143, held.stderr)
        self.assertEqual(self.try_second(*trusting), 0)


class ARecentlyStartedNode(ClusterCase):
    def waits_for_it(self):
        waiting = self.start_run("true", store=["--store", self.deployment.url], options=["--ttl", "60s"])
        waiting.wait_said("--trust-restart")
        self.assertNotIn(self.lock_name, [key for node in self.deployment.nodes for key in self.lock_keys(node)])
        waiting.signal(15)
        waiting.wait(5)
        self.assertEqual(waiting.died_by, 15, waiting.stderr)

    def test_a_node_that_started_recently_grants_no_lock_also_not_in_a_migrating_slot(self):
        deployment = self.deploy_cluster(replicas=0)
        self.waits_for_it()
        self.assertEqual(self.try_second(), 0)  # leaves the token counter behind: when it is on another node than ...
        slot, target = deployment.slot_of(self.lock_name), deployment.other_master(self.owner())
        source = deployment.begin_migration(slot, target)
        deployment.move_keys(slot, source, target)
        self.waits_for_it()  # ... the future lock, no script can access both


class Failover(ClusterCase):
    def test_a_job_survives_a_planned_failover(self):
        deployment = self.deploy_cluster()
        held = self.first(seconds=8, store=self.store_at(deployment.url_of(self.owner())))
        self.renewed_at(self.owner())  # the holder knows the other nodes after a renewal
        deployment.failover(self.owner())
        self.assertEqual(self.try_second(), dlock.HELD)
        self.renewed_at(self.owner())
        self.second_follows()
        self.assertEqual(held.wait(), 0, held.stderr)
        self.assert_no_overlap_so_far()

    def test_a_job_survives_the_kill_of_the_master_even_if_the_url_names_only_that_node(self):
        self.TTL = "20s"
        deployment = self.deploy_cluster()
        owner = self.owner()
        held = self.first(seconds=12, store=self.store_at(deployment.url_of(owner)))
        self.renewed_at(owner)
        successor = deployment.kill(owner)
        deployment.wait_for_successor(owner, successor)
        self.store = self.store_at(deployment.url)
        self.assertEqual(self.try_second(), dlock.HELD)
        self.second_follows(40)
        self.assertEqual(held.wait(), 0, held.stderr)
        self.assert_no_overlap_so_far()

    def test_a_job_survives_a_master_that_hangs(self):
        self.TTL = "10s"
        deployment = self.deploy_cluster()
        owner = self.owner()
        others = [node for node in deployment.nodes if node is not owner]
        held = self.first(seconds=12, store=self.store_at(deployment.url_of(*others, owner)))
        successor = deployment.replicas_of(owner)[0]
        owner.pause()
        deployment.wait_for_successor(owner, successor)
        self.assertEqual(held.wait(), 0, held.stderr)
        owner.resume()

    def test_with_a_short_ttl_the_job_ends_before_the_killed_master_is_replaced(self):
        self.TTL = "1300ms"
        deployment = self.deploy_cluster()
        held = self.first()
        deployment.kill(self.owner())
        self.second_follows()
        self.assertEqual(held.wait(), dlock.UNCONFIRMED, held.stderr)
        self.assert_no_overlap_so_far()

    def test_a_cluster_that_is_down_refuses_new_locks_and_ends_the_job_at_the_deadline(self):
        self.TTL = "2s"
        deployment = self.deploy_cluster(replicas=0)
        held = self.first()
        owner = deployment.take_down()
        self.refused(dlock.UNREACHABLE, self.store, "Cluster is down", ttl=f"{6 * PATIENCE:g}s")  # a request to a node takes time on a loaded machine
        self.assertEqual(held.wait(), dlock.UNCONFIRMED, held.stderr)
        deployment.bring_up(owner)
        self.second_follows()
        self.assert_no_overlap_so_far()

    def test_the_replicas_of_the_master_of_the_slot_count_for_min_replicas(self):
        deployment = self.deploy_cluster()
        self.wait_replicated_here(self.owner())
        self.assertEqual(self.try_second("--min-replicas", "1"), 0)
        refused = self.run_job("true", store=self.store, options=["--min-replicas", "2", "--replica-timeout", "200ms"])
        self.assertEqual(refused.code, dlock.UNREACHABLE)
        self.assert_says(refused, "only 1 of 2 replicas")
        self.assertIsNone(self.lock_at(deployment.node_of(self.lock_name)))

    def wait_replicated_here(self, master):
        master("SET", self.lock_name, "")
        wait_until(lambda: master("WAIT", 1, 1000) == 1, 20, "the replica confirms")


class Migration(ClusterCase):
    """The slot of the lock migrates to another node, step by step, while a job runs."""

    TTL = "4s"

    def setUp(self):
        super().setUp()
        self.deploy_cluster(replicas=0)
        self.slot = self.deployment.slot_of(self.lock_name)
        self.source = self.owner()
        self.target = self.deployment.other_master(self.source)

    def stays_held(self, held, seconds=2.5):
        """Waits for longer than a job can live without a renewal."""
        hold_for(seconds, held.running, "dlock")
        self.assertEqual(self.try_second(), dlock.HELD, "the second contender while the slot migrates")

    def test_no_step_of_a_migration_disturbs_the_job(self):
        held = self.first()
        self.deployment.begin_migration(self.slot, self.target)
        self.stays_held(held)
        # Lock and liveness are on two nodes: a script that uses both gets TRYAGAIN.
        self.deployment.move_keys(self.slot, self.source, self.target, self.lock_name)
        self.stays_held(held, 4.5)
        self.deployment.move_keys(self.slot, self.source, self.target)
        self.stays_held(held, 4.5)
        self.deployment.finish_migration(self.slot, self.target)
        self.stays_held(held, 4.5)
        held.signal(15)
        self.assertEqual(held.wait(), 143, held.stderr)
        self.assertEqual(self.try_second(), 0)

    def test_a_job_that_ends_during_a_migration_releases_its_lock(self):
        held = self.first()
        self.deployment.begin_migration(self.slot, self.target)
        self.deployment.move_keys(self.slot, self.source, self.target, self.lock_name)
        held.signal(15)
        self.assertEqual(held.wait(), 143, held.stderr)
        self.assertNotIn(self.lock_name, self.lock_keys(self.source) + self.lock_keys(self.target))

    def test_a_free_lock_is_acquired_during_a_migration(self):
        self.deployment.begin_migration(self.slot, self.target)
        held = self.first()
        self.stays_held(held)
        held.signal(15)
        self.assertEqual(held.wait(), 143, held.stderr)
        # Also a lock that was held before, whose token counter exists.
        self.assertEqual(self.try_second(), 0)

    def test_the_lock_of_a_dead_holder_is_taken_over_during_a_migration(self):
        first = self.first()
        self.deployment.begin_migration(self.slot, self.target)
        self.deployment.move_keys(self.slot, self.source, self.target, self.lock_name)
        engine = first.engine()
        os.kill(first.pid, 9)
        os.kill(engine, 9)
        first.wait()
        killed = now()
        self.second_follows()
        self.assertLess(now() - killed, 4 + 5)
        self.assert_no_overlap_so_far()

    def test_a_lock_that_is_deleted_during_a_migration_is_a_loss(self):
        held = self.first()
        self.deployment.begin_migration(self.slot, self.target)
        self.deployment.move_keys(self.slot, self.source, self.target)
        self.target("ASKING")
        self.target("DEL", self.lock_name)
        self.assertEqual(held.wait(), dlock.LOST, held.stderr)
        self.assertEqual(len(life.runs(self.life)), 1)


if __name__ == "__main__":
    unittest.main()
