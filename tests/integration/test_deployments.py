"""The servers that other tests rely on: certificates are valid or invalid as named, deployments fail over and migrate."""

import ssl
import unittest

from harness import resp
from harness.case import Case, needs
from harness.certificates import certificates
from harness.cluster import ClusterDeployment
from harness.redis_server import PROGRAM, RedisServer, version
from harness.sentinel import SentinelDeployment
from harness.wait import wait_until


@needs(PROGRAM)
class Deployments(Case):
    def server(self, name, *options, **how):
        server = RedisServer(self.path(name), *options, **how)
        self.addCleanup(server.stop)
        return server


class Servers(Deployments):
    def test_the_server_reports_its_name_and_version(self):
        self.assertRegex(version(), r"^(Redis|Valkey) \d+\.\d+\.\d+$")

    def test_only_a_persistent_server_keeps_its_data_over_a_crash(self):
        for persistent, remembered in ((True, "value"), (False, None)):
            with self.subTest(persistent=persistent):
                server = self.server(f"persistent-{persistent}", persistent=persistent, login=resp.Login('a "word"', "dl"))
                server("SET", "key", "value")
                server.restart()
                self.assertEqual(server("GET", "key"), remembered)
                server("SET", "key", "value")
                server.restart_with_lost_memory()
                self.assertIsNone(server("GET", "key"))

    def test_options_take_effect_also_after_a_restart_on_the_same_port(self):
        server = self.server("options", "--maxmemory", "50mb", "--user", *"narrow on >pw ~t:* resetchannels +get".split())
        port = server.port
        server("CONFIG", "REWRITE")
        server.restart()
        self.assertEqual(server("CONFIG", "GET", "maxmemory"), ["maxmemory", str(50 * 1024 * 1024)])
        self.assertEqual(server.port, port)
        narrow = server.client(user="narrow", password="pw")
        self.addCleanup(narrow.close)
        self.assertIsNone(narrow("GET", "t:1"))
        with self.assertRaisesRegex(resp.ReplyError, "NOPERM"):
            narrow("GET", "other")

    def test_a_replica_follows_its_master(self):
        master = self.server("master")
        replica = self.server("replica", replica_of=master)
        wait_until(lambda: master.replicates_to(1), 10, "the replica is in sync")
        self.assertEqual((master.role(), replica.role()), ("master", "slave"))
        master.pause()
        self.assertIsNone(master.role())
        master.resume()
        self.assertEqual(master.role(), "master")


@needs("openssl")
class Certificates(Deployments):
    def ask(self, server, context):
        """With TLS 1.3 a refused client certificate is noticed only when the first bytes of the server are read."""
        client = resp.Client(server.tls_port, tls=context)
        self.addCleanup(client.close)
        return client("PING")

    def test_the_certificate_is_valid_for_name_and_address_and_a_plain_port_stays_open(self):
        server = self.server("good", tls=certificates().tls(), plain=True)
        for name in ("localhost", "127.0.0.1"):
            client = resp.Client(server.tls_port, tls=certificates().context(), server_name=name)
            self.addCleanup(client.close)
            self.assertEqual(client("PING"), "PONG")
        client = server.client()
        self.addCleanup(client.close)
        self.assertEqual(client("PING"), "PONG")

    def test_each_invalid_certificate_is_refused_for_its_own_reason(self):
        made = certificates()
        for name, identity, ca, complaint in (("wrong-host", made.wrong_host, made.ca, "[Hh]ostname mismatch"),
                                              ("expired", made.expired, made.ca, "certificate has expired"),
                                              ("unknown-ca", made.server, made.unknown_ca, "self.signed certificate")):
            with self.subTest(bad=name):
                server = self.server(name, tls=made.tls(identity))
                with self.assertRaisesRegex(ssl.SSLCertVerificationError, complaint):
                    self.ask(server, made.context(ca=ca))

    def test_a_server_can_require_a_client_certificate(self):
        made = certificates()
        server = self.server("strict", tls=made.tls(clients="yes"))
        self.assertEqual(server.port, 0)
        self.assertEqual(self.ask(server, made.context(made.client)), "PONG")
        for client in (None, made.unknown_client):
            with self.assertRaises(OSError):
                self.ask(server, made.context(client))


class Sentinel(Deployments):
    def deployment(self, *options, **how):
        started = SentinelDeployment(self.path("sentinel"), *options, **how)
        self.addCleanup(started.stop)
        return started

    def test_a_failover_happens_on_request_or_crash_and_the_master_returns_as_a_replica(self):
        sentinel = self.deployment()
        first = sentinel.master()
        first("SET", "key", "value")
        self.assertEqual(first("WAIT", 2, 5000), 2)
        second = sentinel.sentinel_failover()
        self.assertIsNot(second, first)
        sentinel.wait_settled()
        self.assertIs(sentinel.kill_master(), second)
        third = sentinel.wait_for_new_master(second)
        self.assertEqual(third("GET", "key"), "value")
        second.start_again()
        wait_until(lambda: second.role() == "slave", 20, "the old master is made a replica")
        self.assertIs(sentinel.master(), third)

    def test_with_passwords_and_tls_a_partitioned_master_stays_writable_beside_the_new_one(self):
        sentinel = self.deployment(login=resp.Login("data-password", "client"), sentinel_login=resp.Login("own-password"),
                                   tls=certificates().tls())
        self.assertRegex(sentinel.url, r"^rediss\+sentinel://(127\.0\.0\.1:\d+,?){3}/mymaster$")
        old = sentinel.partition_master()
        new = sentinel.wait_for_new_master(old)
        self.assertEqual(old("SET", "key", "unseen"), "OK")
        self.assertEqual((set(sentinel.masters()), sentinel.master()), ({old, new}, new))
        self.assertIsNone(new("GET", "key"))


class Cluster(Deployments):
    def asked(self, node, *words):
        """The reply, or the first word of the error."""
        try:
            return node(*words)
        except resp.ReplyError as error:
            return str(error).split()[0]

    def test_a_slot_migrates_in_steps_and_a_replica_takes_over_on_request_or_crash(self):
        cluster = ClusterDeployment(self.path("cluster"), login=resp.Login("password"), tls=certificates().tls(),
                                    node_timeout=1000)
        self.addCleanup(cluster.stop)
        self.assertEqual((len(cluster.nodes), len(cluster.masters())), (6, 3))
        self.migrates_a_slot(cluster)
        self.goes_down_and_up(cluster)
        self.fails_over(cluster)

    def migrates_a_slot(self, cluster):
        one, two = "{tag}1", "{tag}2"
        slot, source = cluster.slot_of(one), cluster.node_of(one)
        target = cluster.other_master(source)
        source("MSET", one, "1", two, "2")
        self.assertEqual(self.asked(target, "GET", one), "MOVED")
        self.assertIs(cluster.begin_migration(slot, target), source)
        self.assertEqual((self.asked(source, "GET", one), self.asked(source, "GET", "{tag}new")), ("1", "ASK"))
        cluster.move_keys(slot, source, target, one)
        self.assertEqual(self.asked(source, "MGET", one, two), "TRYAGAIN")
        self.assertEqual(cluster.move_keys(slot, source, target), [two])
        cluster.finish_migration(slot, target)
        self.assertIs(cluster.node_of(one), target)
        self.assertEqual((self.asked(source, "GET", one), self.asked(target, "MGET", one, two)), ("MOVED", ["1", "2"]))

    def goes_down_and_up(self, cluster):
        owner = cluster.take_down()
        self.assertEqual({self.asked(node, "GET", "key") for node in cluster.nodes}, {"CLUSTERDOWN"})
        cluster.bring_up(owner)
        self.assertIsNone(cluster.node_of("key")("GET", "key"))

    def fails_over(self, cluster):
        first = cluster.node_of("key")
        first("SET", "key", "value")
        self.assertEqual(first("WAIT", 1, 5000), 1)
        second = cluster.failover(first)
        cluster.wait_settled()
        self.assertIs(cluster.node_of("key"), second)
        self.assertIs(cluster.kill(second), first)
        cluster.wait_for_successor(second, first)
        self.assertEqual((cluster.node_of("key"), first("GET", "key")), (first, "value"))
        second.start_again()
        wait_until(lambda: cluster.replicas_of(first) == [second], 20, "the old master becomes a replica")


if __name__ == "__main__":
    unittest.main()
