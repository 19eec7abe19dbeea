"""`dlock doctor` on real servers and on this machine: its findings, its exit code, and that it ends whatever the store does."""

import json
import os
import re
import time
import unittest

from harness import dlock, resp
from harness.case import Case, RedisCase, as_nobody, needs, needs_root
from harness.certificates import certificates
from harness.cluster import ClusterDeployment
from harness.fake_redis import PASS, FakeRedis, name_of
from harness.fake_redis_case import FakeRedisCase
from harness.redis_server import PROGRAM, RedisServer, free_port
from harness.relay import DOWN
from harness.sentinel import MASTER_NAME, SentinelDeployment
from harness.wait import PATIENCE, now, wait_until

LEAST_RIGHTS = "~{prefix}* +get +set +del +pexpire +pttl +exists +time +info +eval +evalsha +zrange +zrem"
SECRET = "very-secret-word"


class Report:
    """The findings of `dlock doctor --json`."""

    def __init__(self, started):
        self.started = started
        self.code = started.wait(30)
        self.value = json.loads(started.stdout)

    def all(self, check):
        return [one for one in self.value["findings"] if one["check"] == check]

    def one(self, check):
        found = self.all(check)
        if len(found) != 1:
            raise AssertionError(f"{len(found)} findings of '{check}': {self.value}")
        return found[0]

    def broken(self):
        return {one["check"] for one in self.value["findings"] if one["verdict"] == "broken"}


class DoctorCase(Case):
    def begin(self, *options, url=None, **how):
        """Starts one; several run at the same time, because each takes a second."""
        store = ["--store", url] if url else []
        return self.start("doctor", "--json", *store, *options, **how)

    def report(self, *options, url=None, **how):
        return Report(self.begin(*options, url=url, **how))

    def assert_found(self, report, check, verdict, *texts):
        """There must be a finding of that check with these texts in its fact, meaning or remedy."""
        found = report.one(check)
        self.assertEqual(found["verdict"], verdict, found)
        for text in texts:
            self.assertIn(text, " ".join((found["fact"], found["meaning"], found["remedy"])))

    def assert_ok(self, report):
        self.assertEqual((report.code, report.broken()), (0, set()), report.value)

    def assert_broken(self, report, *checks):
        self.assertEqual(report.code, 1)
        self.assertLessEqual(set(checks), report.broken(), report.value)


@needs(PROGRAM)
class OneRedis(FakeRedisCase, DoctorCase):
    def test_a_healthy_server_exits_0_and_no_key_is_left_in_it(self):
        report = self.report("--prefix", self.prefix, url=self.redis.url)
        self.assert_ok(report)
        for check in ("connection", "server", "role", "replicas", "eviction", "memory", "latency", "clock rate", "rights",
                      "probe lock", "encryption", "password"):
            self.assertEqual(report.one(check)["verdict"], "ok", report.one(check))
        self.assertIn(self.redis.url, report.one("connection")["fact"])
        self.assertRegex(report.one("server")["fact"], r"(Redis|Valkey) \d+\.\d+")
        self.assertEqual(self.keys(), [])
        self.assert_has_just_the_fields_of_the_man_page(report)

    def assert_has_just_the_fields_of_the_man_page(self, report):
        self.assertEqual(list(report.value), ["ok", "store", "findings"])
        self.assertIs(report.value["ok"], True)
        self.assertEqual(report.value["store"], self.redis.url)
        for finding in report.value["findings"]:
            self.assertEqual(list(finding), ["area", "check", "verdict", "fact", "meaning", "remedy"])
            self.assertIn(finding["area"], ("store", "machine"))
            self.assertIn(finding["verdict"], ("ok", "note", "weak", "broken"))
            self.assertTrue(finding["fact"])
            # Only a finding that is not ok has a meaning and a remedy.
            for explanation in (finding["meaning"], finding["remedy"]):
                self.assertEqual(explanation == "", finding["verdict"] == "ok", finding)

    def test_an_evicting_policy_is_broken_with_a_memory_limit_and_weak_without(self):
        limited = self.begin(url=self.own_server("--maxmemory-policy", "volatile-ttl", "--maxmemory", "50mb").url)
        text = self.start("doctor", "--store", self.redis.url)
        unlimited = self.begin(url=self.own_server("--maxmemory-policy", "allkeys-lru").url)
        full = self.begin(url=self.own_server("--maxmemory", "100kb").url)
        limited, unlimited, full = map(Report, (limited, unlimited, full))
        self.assert_broken(limited, "eviction")
        self.assert_found(limited, "eviction", "broken", "volatile-ttl", "noeviction")
        self.assert_found(unlimited, "eviction", "weak", "allkeys-lru")
        self.assertEqual(unlimited.code, 0)
        self.assert_broken(full, "probe lock")
        self.assert_found(full, "memory", "weak", "maxmemory")
        self.assert_text_has_a_line_for_each_finding_within_100_columns_and_counts_them(text)

    def assert_text_has_a_line_for_each_finding_within_100_columns_and_counts_them(self, ended):
        self.assertEqual((ended.wait(), ended.stderr), (1, ""))
        lines = ended.stdout.splitlines()
        self.assertLessEqual(max(map(len, lines)), 100)
        self.assertTrue(any(re.match(r"  BROKEN +eviction +maxmemory-policy volatile-ttl", line) for line in lines), lines)
        self.assertTrue(any(line.startswith("            fix:   CONFIG SET maxmemory-policy noeviction") for line in lines))
        self.assertRegex(lines[-1], r"^\d+ ok, \d+ notes?.*, 1 BROKEN: dlock cannot keep its promise here$")

    def test_missing_persistence_is_a_note_and_weak_with_trust_restart(self):
        server = self.own_server()
        young, trusted = self.begin(url=server.url), self.begin("--trust-restart", url=server.url)
        kept = self.begin(url=self.own_server(persistent=True).url)
        saved = self.begin(url=self.own_server("--save", "3600 1").url)
        young, trusted, kept, saved = map(Report, (young, trusted, kept, saved))
        self.assert_found(young, "uptime", "note", "11s")
        self.assert_found(young, "probe lock", "ok")
        self.assert_found(young, "persistence", "note", "restart")
        self.assert_ok(young)
        self.assert_found(trusted, "uptime", "ok")
        self.assert_found(trusted, "persistence", "weak", "--trust-restart")
        self.assert_found(kept, "persistence", "ok", "appendfsync always")
        self.assert_found(saved, "persistence", "note", "save 3600 1")

    def test_a_replica_is_broken_even_if_writable_and_min_replicas_must_exist(self):
        master = self.own_server()
        replica = self.own_server(replica_of=master)
        wait_until(lambda: master.replicates_to(1), 10, "the replica is in sync")
        reading = self.begin(url=replica.url)
        none, just, many = [self.begin("--min-replicas", n, url=master.url) for n in ("0", "1", "3")]
        writable = self.begin(url=self.own_server("--replica-read-only", "no", replica_of=replica).url)
        reading, writable, none, just, many = map(Report, (reading, writable, none, just, many))
        self.assert_broken(reading, "role", "probe lock")
        self.assert_broken(writable, "role")
        self.assert_found(writable, "role", "broken", f"127.0.0.1:{replica.port}", "name the master")
        self.assert_found(none, "replicas", "note", "--min-replicas 1", "min-replicas-to-write")
        self.assert_ok(none)
        self.assert_found(just, "replicas", "note", "1 replica in sync")
        self.assert_ok(just)
        self.assert_broken(many, "replicas", "probe lock")
        self.assert_found(many, "probe lock", "broken", "only 1 of 3 replicas")

    def test_a_cluster_node_and_a_server_that_is_not_redis_are_told_apart(self):
        node = self.begin(url=self.own_server("--cluster-enabled", "yes").url)
        web = FakeRedis(lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n")
        self.addCleanup(web.stop)
        stranger = self.begin(url=f"redis://127.0.0.1:{web.port}")
        node, stranger = Report(node), Report(stranger)
        self.assert_broken(node, "server", "probe lock")
        self.assert_found(node, "server", "broken", "redis+cluster://")
        self.assert_broken(stranger, "connection")


@needs(PROGRAM)
class Rights(RedisCase, DoctorCase):
    def as_user(self, name, rules):
        """Starts a check with the rights of that user. The URL with its password is passed in the environment."""
        self.redis("ACL", "SETUSER", name, "on", f">{SECRET}", *rules.format(prefix=self.prefix).split())
        return self.begin("--prefix", self.prefix,
                          more_env={"DLOCK_STORE": f"redis://{name}:{SECRET}@127.0.0.1:{self.redis.port}"})

    def assert_no_secret(self, report):
        self.assertNotIn(SECRET, report.started.stdout + report.started.stderr)

    def test_the_least_rights_suffice_and_each_missing_right_is_named(self):
        renamed = self.begin(url=self.own_server("--rename-command", "PTTL", "").url)
        self.own_server()
        enough = self.as_user("enough", LEAST_RIGHTS)
        without = {right: self.as_user(f"no-{right}", f"{LEAST_RIGHTS} -{right}")
                   for right in ("get", "set", "del", "pexpire", "pttl", "time", "info", "eval", "evalsha", "zrange")}
        elsewhere = self.as_user("elsewhere", LEAST_RIGHTS.replace("~{prefix}*", "~other:*"))
        enough = Report(enough)
        self.assert_ok(enough)
        self.assert_found(enough, "password", "ok", "given")
        self.assert_found(enough, "rights", "weak", "+zadd", "+publish", "+hset", "--wait, --limit or --shared")
        self.assert_no_secret(enough)
        for right, started in without.items():
            with self.subTest(lacks=right):
                report = Report(started)
                self.assert_broken(report, "rights")
                self.assert_found(report, "rights", "broken", f"lacks +{right}", f"ACL SETUSER <user> +{right};")
                if right == "time":
                    self.assert_found(report, "latency", "note", "TIME is refused: NOPERM", "+time")
                self.assert_no_secret(report)
        elsewhere = Report(elsewhere)
        self.assert_broken(elsewhere, "rights", "probe lock")
        self.assert_found(elsewhere, "rights", "broken", f"~{self.prefix}*")
        renamed = Report(renamed)
        self.assert_broken(renamed, "rights")
        self.assert_found(renamed, "rights", "broken", "pttl", "rename-command")

    def test_a_wrong_or_missing_password_is_reported_as_by_a_run(self):
        server = self.own_server("--requirepass", SECRET)
        missing = self.begin(url=server.url)
        wrong = self.begin(more_env={"DLOCK_STORE": f"redis://:{SECRET}-not@127.0.0.1:{server.port}"})
        for started, words in ((missing, "requires a password"), (wrong, "rejected")):
            report = Report(started)
            self.assert_broken(report, "connection")
            self.assert_found(report, "connection", "broken", words, "77")
            self.assert_no_secret(report)


@needs(PROGRAM)
class IllServers(FakeRedisCase, DoctorCase):
    MOST = 5  # seconds, one of them for the clock rate

    def test_a_proxy_that_supports_locks_is_not_reported_as_broken(self):
        # The commands that twemproxy and Envoy pass on. At any other command the first closes the connection, the second replies "unknown".
        passed = {"GET", "SET", "DEL", "PEXPIRE", "PTTL", "EXISTS", "EVAL", "EVALSHA", "ZRANGE", "ZREM", "ZADD", "ZRANK", "HSET", "HGET",
                  "HGETALL", "HLEN", "HDEL", "PING"}

        def hang_up(words):
            raise OSError
        for refuse in (hang_up, lambda words: b"-ERR unknown command '%s', with args beginning with: \r\n" % words[0],
                       lambda words: b"-unsupported command '%s'\r\n" % words[0].lower()):
            proxy = self.fake(lambda words, refuse=refuse: PASS if name_of(words) in passed else refuse(words))
            self.assertEqual(self.run_job("true", store=self.fake_store(proxy)).code, 0)
            report = self.report("--prefix", self.prefix, url=f"redis://127.0.0.1:{proxy.port}")
            self.assert_ok(report)
            self.assert_found(report, "probe lock", "ok")
            self.assert_found(report, "rights", "note", "a proxy is in between", "closes the connection" if refuse is hang_up else "publish")
            self.assert_found(report, "server", "note")

    def test_an_unreachable_server_exits_1_and_the_machine_is_checked_all_the_same(self):
        report = self.report(url=f"redis://127.0.0.1:{free_port()}")
        self.assert_broken(report, "connection")
        self.assert_found(report, "connection", "broken", "Connection refused", "69")
        self.assert_found(report, "subreaper", "ok")

    def test_doctor_ends_in_time_when_the_server_hangs_drips_or_stops_answering(self):
        hanging = self.own_server()
        hanging.pause()
        self.addCleanup(hanging.resume)
        self.redis = self.server
        dripping = self.relay()
        dripping.drip(10, DOWN)
        deaf = self.at_fake(lambda words: None if name_of(words).startswith("EVAL") else PASS)
        began = now()
        started = {"hangs": self.begin("--ttl", "1h", "--lock-ttl", "1h", url=hanging.url),
                   "drips": self.begin(url=f"redis://127.0.0.1:{dripping.port}"),
                   "falls silent": self.begin(url=deaf)}
        for name, one in started.items():
            with self.subTest(server=name):
                report = Report(one)
                self.assertLess(now() - began, self.MOST * PATIENCE)
                self.assert_broken(report, "probe lock" if name == "falls silent" else "connection")
                self.assert_found(report, "subreaper", "ok")

    def test_latency_and_clock_rate_are_judged_against_the_margins_of_the_deadline(self):
        times = []

        def slow_once(words):
            if name_of(words) == "TIME":
                times.append(words)
                time.sleep(0.7 if len(times) == 3 else 0)
            return PASS
        hesitant = self.begin(url=self.at_fake(slow_once))
        fast, late = self.begin_at_rate(1.1), self.begin_at_rate(0.9)
        rude = self.start("doctor", "--store", self.at_fake(
            lambda words: resp.bulk("redis_version:7.0\x1b[31m\r\n") if name_of(words) == "INFO" else PASS))
        hesitant, fast, late = map(Report, (hesitant, fast, late))
        self.assert_found(hesitant, "latency", "note", "the limit is 1s")
        self.assert_broken(fast, "clock rate")
        self.assertRegex(fast.one("clock rate")["fact"], r"runs (9|10)\.\d\d % faster")
        self.assert_found(late, "clock rate", "weak", "slower")
        rude.wait()
        self.assertNotIn("\x1b", rude.stdout)

    def at_fake(self, answer):
        return f"redis://127.0.0.1:{self.fake(answer).port}"

    def begin_at_rate(self, rate):
        began = time.time()

        def answer(words):
            if name_of(words) != "TIME":
                return PASS
            shown = began + (time.time() - began) * rate
            return b"*2\r\n" + resp.bulk(str(int(shown))) + resp.bulk(str(int(shown % 1 * 1e6)))
        return self.begin(url=self.at_fake(answer))

    def test_control_c_ends_doctor(self):
        hanging = self.own_server()
        hanging.pause()
        self.addCleanup(hanging.resume)
        started = self.begin("--ttl", "60s", url=hanging.url)
        time.sleep(0.3)  # usually it has connected by then, and waits for two seconds
        started.signal(2)
        self.assertEqual(started.wait(), 130)


@needs(PROGRAM)
class Deployments(DoctorCase):
    def test_sentinels_are_compared_with_the_ttl_and_with_each_other(self):
        deployment = SentinelDeployment(self.path("sentinel"), down_after=5000, sentinel_login=resp.Login(SECRET))
        self.addCleanup(deployment.stop)
        self.env["DLOCK_SENTINEL_PASSWORD"] = SECRET
        master = deployment.master()
        wait_until(lambda: master.replicates_to(2), 20, "the replicas confirm")
        short, enough = [self.begin("--ttl", ttl, url=deployment.url) for ttl in ("10s", "13s")]
        lonely = self.begin(url=f"redis+sentinel://{deployment.sentinels[0].address}/{MASTER_NAME}")
        unknown = self.begin(url=f"redis+sentinel://{deployment.addresses}/nobody")
        confirmed = self.begin("--min-replicas", "1", url=deployment.url)
        short, enough, lonely, unknown, confirmed = map(Report, (short, enough, lonely, unknown, confirmed))

        self.assert_ok(short)
        self.assert_found(short, "connection", "ok", master.address)
        self.assert_found(short, "failover time", "weak", "down-after-milliseconds 5s", "--ttl 13s or more")
        self.assert_found(short, "sentinels", "ok", "3 of 3 answer", master.address)
        self.assert_found(short, "quorum", "ok", "3 Sentinels, quorum 2")
        self.assert_found(short, "replicas", "weak", "2 replicas", "--min-replicas 1")
        self.assertNotIn(SECRET, short.started.stdout)
        self.assert_found(enough, "failover time", "ok")
        self.assert_found(confirmed, "replicas", "ok")
        self.assert_ok(confirmed)
        self.assert_found(lonely, "sentinels", "note", "list the others")
        self.assert_broken(unknown, "connection", "sentinels")

        deployment.sentinels[0].stop()
        self.assert_found(self.report(url=deployment.url), "sentinels", "weak", "2 of 3 answer", "Connection refused")

    def test_all_nodes_of_a_cluster_are_checked(self):
        cluster = ClusterDeployment(self.path("cluster"))
        self.addCleanup(cluster.stop)
        alone = self.server_alone()
        first = cluster.nodes[0]
        for node in cluster.nodes:
            node("ACL", "SETUSER", "jobs", "on", f">{SECRET}", *f"{LEAST_RIGHTS} +asking".format(prefix="dlock:").split())
        short, enough = [self.begin("--ttl", ttl, url=cluster.url) for ttl in ("5s", "6s")]
        single = self.begin(url=cluster.url_of(first))
        mixed = self.begin(url=cluster.url_of(first, alone))
        lonely = self.begin(url=cluster.url_of(alone))
        modest = self.begin(more_env={"DLOCK_STORE": cluster.url.replace("://", f"://jobs:{SECRET}@")})
        short, enough, single, mixed, modest = map(Report, (short, enough, single, mixed, modest))

        self.assert_ok(short)
        self.assert_found(short, "cluster", "ok", "state ok", "16384 slots", "6 nodes")
        self.assert_found(short, "nodes", "ok", "6 of 6")
        self.assert_found(short, "failover time", "weak", "cluster-node-timeout 2s", "--ttl 6s or more")
        self.assert_found(short, "role", "ok", "all 3 servers: it is a master")
        self.assert_found(short, "replicas", "weak", "--min-replicas 1")
        self.assertEqual(len(short.all("latency")), 3)
        self.assert_found(enough, "failover time", "ok")
        self.assert_found(single, "nodes", "note", "list more nodes")
        self.assert_broken(mixed, "nodes")
        self.assert_found(mixed, "nodes", "broken", f"not in this Cluster: {alone.address}")
        lonely = Report(lonely)
        self.assert_broken(lonely, "connection")
        self.assert_found(lonely, "connection", "broken", "is not a node of a Redis Cluster; write redis://host:port")
        self.assertEqual(lonely.all("nodes"), [])
        self.assert_ok(modest)
        self.assert_found(modest, "rights", "weak", "+zadd")
        for check in ("cluster", "failover time"):
            self.assert_found(modest, check, "note", "unknown")
        self.assertNotIn(SECRET, modest.started.stdout)
        self.assertEqual([node("DBSIZE") for node in cluster.nodes], [0] * 6)

        cluster.take_down()
        self.assert_broken(self.report(url=cluster.url), "cluster", "probe lock")

    def server_alone(self):
        server = RedisServer(self.path("alone"))
        self.addCleanup(server.stop)
        return server

    @needs("openssl")
    def test_tls_is_ok_weak_without_verification_and_broken_with_a_wrong_ca(self):
        made = certificates()
        server = RedisServer(self.path("tls"), tls=made.tls())
        self.addCleanup(server.stop)
        # A second is too short for a handshake when sanitizers keep the machine busy.
        patient = ["--ttl", f"{10 * PATIENCE:g}s"]
        good, insecure, wrong = [self.begin(*patient, *options, url=server.tls_url) for options in (
            ["--tls-cacert", made.ca], ["--tls-insecure"], ["--tls-cacert", made.unknown_ca])]
        good, insecure, wrong = map(Report, (good, insecure, wrong))
        self.assert_ok(good)
        self.assert_found(good, "encryption", "ok", made.ca)
        self.assert_found(insecure, "encryption", "weak", "--tls-insecure")
        self.assert_ok(insecure)
        self.assert_broken(wrong, "connection")


class ThisMachine(DoctorCase):
    def local(self, *options, **how):
        return self.report(*options, url=f"local:{self.locks}", **how)

    def test_the_local_store_exits_0_is_noted_as_local_and_stays_empty(self):
        report = self.local()
        self.assert_ok(report)
        self.assert_found(report, "reach", "note", "another machine")
        for check in ("directory", "file system", "probe lock", "boot clock", "subreaper", "process tree"):
            self.assert_found(report, check, "ok")
        self.assertEqual(set(os.listdir(self.locks)) - {"last-token"}, set())

    def test_a_directory_that_other_users_can_write_to_is_broken(self):
        os.chmod(self.locks, 0o777)
        report = self.local()
        self.assert_broken(report, "directory")
        self.assert_found(report, "directory", "broken", "chmod go-w", "78")

    @needs_root
    def test_an_unprivileged_user_is_told_the_consequences_and_no_process_is_left(self):
        os.chown(self.locks, 65534, 65534)
        report = self.local(preexec_fn=as_nobody)
        self.assert_ok(report)
        self.assert_found(report, "user", "note", "user id 65534", "set-user-ID")

    def test_the_options_of_doctor_are_checked_like_those_of_run(self):
        for words, code, text in ((["--ttl", "1s"], dlock.USAGE, "--ttl '1s' is too short"),
                                  (["--key", "k"], dlock.USAGE, "--key"),
                                  (["--", "true"], dlock.USAGE, "runs no command"),
                                  (["--store", "nonsense"], dlock.USAGE, "nonsense")):
            with self.subTest(words=words):
                ended = self.run_words("doctor", *words)
                self.assertEqual(ended.code, code)
                self.assertIn(text, ended.stderr)
                self.assertEqual(ended.stdout, "")


if __name__ == "__main__":
    unittest.main()
