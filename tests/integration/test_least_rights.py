"""The ACL rules in the man page suffice for everything that a run does, on each kind of deployment."""

import re
import unittest

from harness import dlock
from harness.case import RedisCase
from harness.cluster import ClusterDeployment
from harness.deployment_case import DeploymentCase, SentinelCase
from harness.wait import PATIENCE, hold_for, wait_until

PASSWORD = "least-password"


def rules_in_the_man_page():
    """{heading: [words]} of the examples under ACL, so that a missing right in the man page is noticed."""
    path = __file__.rpartition("/tests/")[0] + "/man/dlock.1"
    with open(path, encoding="utf-8") as file:
        section = re.search(r"\n\.Ss ACL\n(.*?)\n\.S[sh] ", file.read(), re.S).group(1)
    rules = {}
    for literal in re.findall(r"\.Bd -literal[^\n]*\n(.*?)\n\.Ed", section, re.S):
        for line in literal.replace("\n    ", " ").splitlines():
            name, *words = line.replace("ACL SETUSER ", "").split()
            rules[name] = [word for word in words if word.startswith(("~", "+", "&"))]
    return rules


RULES = rules_in_the_man_page()


def as_least(url):
    return url.replace("://", f"://least:{PASSWORD}@")


class Standalone(RedisCase):
    def test_the_rights_suffice_to_acquire_renew_release_and_take_over(self):
        self.prefix = "dlock:"
        server = self.own_server()
        server("ACL", "SETUSER", "least", "on", f">{PASSWORD}", *RULES["dlock"])
        how = self.by_environment(as_least(server.url) + "/3")
        how["store"] = ["--prefix", self.prefix]  # without --trust-restart the uptime is queried, and the URL has a database
        wait_until(lambda: self.run_job("true", options=["--ttl", "1300ms"], **how).code == 0, 10, "the server is old enough")
        first = self.hold(options=["--ttl", "1300ms"], **how)
        hold_for(2, lambda: self.run_job("true", **how).code == dlock.HELD, "the lock")
        engine = first.engine()
        for pid in (first.pid, engine):
            dlock.procs.kill(pid)
        first.wait()
        wait_until(lambda: self.run_job("true", options=["--ttl", "1300ms"], **how).code == 0, 5, "the dead holder's lock is taken")


    def test_the_rights_suffice_to_wait_and_to_share_a_lock(self):
        self.prefix = "dlock:"
        server = self.own_server()
        server("ACL", "SETUSER", "least", "on", f">{PASSWORD}", *RULES["dlock"], *RULES["dlock-waiting"], *RULES["dlock-sharing"])
        how = self.by_environment(as_least(server.url))
        for options in ([], ["--shared"], ["--limit", "2"], ["--once-per", "daily"]):
            with self.subTest(options=options):
                self.key = f"job{options}"
                held = self.hold(seconds=PATIENCE, options=[*options, "--min-hold", f"{1.2 * PATIENCE}s"], **how)
                waits = self.start_run("true", options=["-w"], **how)
                wait_until(lambda waits=waits: "waiting for it" in waits.stderr, 10, lambda waits=waits: waits.stderr)
                self.assertEqual((held.wait(), waits.wait()), (0, 0), held.stderr + waits.stderr)

    def test_the_rights_suffice_for_status_list_and_unlock(self):
        self.prefix = "dlock:"
        server = self.own_server()
        server("ACL", "SETUSER", "least", "on", f">{PASSWORD}", *RULES["dlock"], *RULES["dlock-waiting"], *RULES["dlock-sharing"],
               *RULES["dlock-operator"])
        how = self.by_environment(as_least(server.url))
        how["store"].remove("--trust-restart")
        for options in ([], ["--shared"], ["--min-hold", "60s"]):
            with self.subTest(options=options):
                held = self.hold(options=[*options, "--ttl", "2s"], store=self.redis_store)
                words = how["store"]
                for command, code in ((["status", "job"], dlock.HELD), (["list"], 0), (["unlock", "job"], dlock.HELD),
                                      (["unlock", "--force", "job"], 0), (["status", "job"], 0)):
                    asked = self.run_words(command[0], *words, *command[1:], more_env=how["more_env"])
                    self.assertEqual(asked.code, code, asked.stderr)
                self.assertEqual(held.wait(), dlock.LOST)

    def test_a_run_that_does_not_wait_needs_no_further_rights_when_others_wait(self):
        self.prefix = "dlock:"
        server = self.own_server()
        server("ACL", "SETUSER", "least", "on", f">{PASSWORD}", *RULES["dlock"])
        held = self.hold(seconds=PATIENCE, **self.by_environment(as_least(server.url)))
        waits = self.start_run("true", store=self.redis_store, options=["-w"])
        wait_until(lambda: "waiting for it" in waits.stderr, 10, lambda: waits.stderr)
        self.assertEqual((held.wait(), waits.wait()), (0, 0), held.stderr + waits.stderr)

    def test_a_run_without_the_right_to_subscribe_reports_it(self):
        self.prefix = "dlock:"
        server = self.own_server()
        server("ACL", "SETUSER", "least", "on", f">{PASSWORD}", *RULES["dlock"])
        self.hold(store=self.redis_store)
        refused = self.run_job("true", options=["-w"], **self.by_environment(as_least(server.url)))
        self.assertEqual(refused.code, dlock.REFUSED)
        self.assert_says(refused, "ACL in dlock(1)", "subscribe")


class Deployments(DeploymentCase):
    def use(self, servers, url, *names):
        for server in servers:
            server("ACL", "SETUSER", "least", "on", f">{PASSWORD}", *(word for name in names for word in RULES[name]))
        self.env["DLOCK_STORE"] = as_least(url)
        self.store = ["--trust-restart"]

    def lives_through(self, change):
        held = self.first(seconds=8)
        change()
        self.assertEqual(self.try_second(), dlock.HELD)
        self.second_follows()
        self.assertEqual(held.wait(), 0, held.stderr)


class Sentinel(SentinelCase, Deployments):
    def test_the_rights_suffice_for_a_failover_with_replicas_counted(self):
        self.TTL = "8s"
        deployment = self.deploy_sentinel()
        self.use(deployment.servers, deployment.url, "dlock", "dlock-sentinel", "dlock-replicas")
        self.store += ["--min-replicas", "1"]
        for sentinel in deployment.sentinels:
            sentinel("ACL", "SETUSER", "watcher", "on", f">{PASSWORD}", *RULES["dlock-watcher"])
        self.env["DLOCK_SENTINEL_PASSWORD"] = PASSWORD
        self.store += ["--sentinel-user", "watcher"]
        self.lives_through(deployment.sentinel_failover)


class Cluster(Deployments):
    def test_the_rights_suffice_for_a_slot_migration(self):
        deployment = self.deploy(ClusterDeployment, replicas=0)
        self.use(deployment.nodes, deployment.url, "dlock", "dlock-cluster")
        lock = f"dlock:lock:{self.key}"
        slot = deployment.slot_of(lock)

        def migrate():
            source = deployment.node_of_slot(slot)
            target = deployment.other_master(source)
            deployment.begin_migration(slot, target)
            deployment.move_keys(slot, source, target, lock)
            before = target.client()
            before("ASKING")
            value = before("GET", lock)

            def renewed():
                before("ASKING")
                return before("GET", lock) != value
            wait_until(renewed, 10, "the lock is renewed between the nodes")
            before.close()
            deployment.move_keys(slot, source, target)
            deployment.finish_migration(slot, target)
        self.lives_through(migrate)


if __name__ == "__main__":
    unittest.main()
