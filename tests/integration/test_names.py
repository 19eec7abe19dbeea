"""A Redis given by its name: name servers that do not answer, are slow or wrong delay a start, and end no job."""

import json
import os
import re
import unittest

from harness import dlock, procs
from harness.case import JOBTOOL, RedisCase
from harness.host import HOST
from harness.names import Names, needs_own_dns
from harness.wait import PATIENCE, now, wait_until

NAME = "redis.test"
URL = f"redis://{NAME}"
HERE = {NAME: {"A": ["127.0.0.1"]}}
SERVFAIL = 2


@needs_own_dns
class NamesCase(RedisCase):
    def setUp(self):
        super().setUp()
        self.names = Names(self.path("names"), self.redis)
        self.names.says(names=HERE)

    def begin(self, *words, url=URL, **how):
        how.setdefault("options", ["--ttl", "2s"])
        how.setdefault("prefix_command", self.names.prefix_command)
        return self.start_run(*words, store=self.store_at(url), **how)

    def runs(self, *, within=30, url=URL, **how):
        """The job must run without a message. The time does not include the start of the name servers."""
        run = self.begin("sh", "-c", "echo ran", url=url, **how)
        self.wait_for_dlock(run)
        began = now()
        self.assertEqual((run.wait(), run.stdout, run.stderr), (0, "ran\n", ""))
        self.assertLess(now() - began, within * PATIENCE)
        return run

    def refused(self, *texts, url=URL, **how):
        run = self.begin("true", url=url, **how)
        self.assertEqual(run.wait(), dlock.UNREACHABLE, run.stderr)
        self.assertEqual(len(run.own_lines), 1, run.stderr)
        self.assert_says(run, *texts)
        return run

    def wait_for_dlock(self, run):
        """Waits until the process that started it has become dlock."""
        wait_until(lambda: not run.running() or (procs.stat(run.pid) or {}).get("comm") == "dlock", 10, "dlock begins")

    def asked(self):
        return {(server, kind) for server, kind, _, _ in self.names.queries()}


class Starts(NamesCase):
    def test_a_name_server_that_does_not_answer_costs_a_quarter_of_a_second(self):
        self.names.says(Names.FIRST, silent=True)
        self.runs(within=1, options=[])
        self.assertIn((Names.FIRST, "A"), self.asked())

    def test_a_name_server_that_ignores_ipv6_queries_costs_almost_no_time(self):
        self.names.says(names=HERE, silent=["AAAA"])
        self.runs(within=0.9, options=[])

    def test_after_a_name_server_that_fails_the_next_one_is_asked(self):
        self.names.says(Names.FIRST, rcode=SERVFAIL)
        self.runs(within=1)
        self.names.resolv_conf("nameserver 127.0.0.99", f"nameserver {Names.SECOND}")
        self.runs(within=1)

    def test_a_lookup_that_takes_longer_than_one_attempt_continues_in_the_next(self):
        self.names.says(names=HERE, delay=1.6)
        self.refused("no name server answered within")
        run = self.begin("sh", "-c", "echo ran", options=["--ttl", "2s", "-w", "10s"])
        self.assertEqual((run.wait(), run.stdout), (0, "ran\n"), run.stderr)

    def test_a_name_server_that_is_configured_meanwhile_is_asked(self):
        self.names.says(silent=True)
        self.names.resolv_conf(f"nameserver {Names.FIRST}")
        run = self.begin("sh", "-c", "echo ran", options=["--ttl", "2s", "-w", "20s"])
        run.wait_said("no name server answered within")
        self.names.says(Names.SECOND, names=HERE)
        self.names.resolv_conf(f"nameserver {Names.SECOND}")
        self.assertEqual((run.wait(5), run.stdout), (0, "ran\n"), run.stderr)

    def test_a_truncated_answer_is_requested_again_over_tcp(self):
        self.names.says(names={NAME: {"A": [f"127.0.1.{i}" for i in range(1, 20)] + ["127.0.0.1"]}}, truncates=True)
        self.runs()
        self.assertIn([Names.FIRST, "A", NAME, "tcp"], self.names.queries())

    def test_an_alias_leads_to_the_addresses_of_another_name(self):
        self.names.says(names={NAME: {"CNAME": "a.test"}, "a.test": {"CNAME": "b.test"}, "b.test": {"A": ["127.0.0.1"]}})
        self.runs()

    def test_an_answer_to_another_question_is_ignored(self):
        self.names.says(names=HERE, says="other.test")
        self.refused("its name could not be resolved")

    def test_short_names_are_searched_for_as_by_the_c_library(self):
        self.names.resolv_conf(f"nameserver {Names.FIRST}", "search one.test two.test", "options ndots:2")
        self.names.says(names={"redis.two.test": {"A": ["127.0.0.1"]}})
        self.runs(url="redis://redis")
        self.assertEqual([name for _, kind, name, _ in self.names.queries() if kind == "A"], ["redis.one.test", "redis.two.test"])

    def test_a_name_of_the_search_list_is_not_used_while_an_earlier_one_is_undecided(self):
        self.names.resolv_conf(f"nameserver {Names.FIRST}", "search one.test two.test")
        for former in ({"AAAA": ["::9"]}, {"A": ["127.0.0.9"]}):
            self.names.says(names={"redis.one.test": former, "redis.two.test": {"A": ["127.0.0.1"], "AAAA": ["::1"]}})
            self.refused(url="redis://redis")
        self.assertNotIn("redis.two.test", [name for _, _, name, _ in self.names.queries()])

    def test_names_in_hosts_and_localhost_are_not_looked_up_at_name_servers(self):
        self.names.says(names={name: {"A": ["127.0.0.9"], "AAAA": ["::9"]} for name in ("localhost", "sidecar")})
        self.names.hosts("127.0.0.1 sidecar")
        for url in ("redis://sidecar", "redis://localhost", "redis://127.0.0.1", "redis://127.1"):
            self.runs(url=url)
        self.assertEqual(self.names.queries(), [])

    def test_a_lookup_starts_no_thread(self):
        self.names.says(silent=True)
        run = self.begin("true", options=["-w", "20s"])
        engine = run.engine()
        wait_until(self.names.queries, 5, "the name server is asked")
        of_the_sanitizer = os.environ.get("DLOCK_SANITIZE") == "thread"  # the sanitizer has a thread of its own
        self.assertEqual(len(os.listdir(f"/proc/{engine}/task")), 1 + of_the_sanitizer)


class Messages(NamesCase):
    def test_the_message_says_why_the_lookup_failed_and_which_servers_were_asked(self):
        servers = f"(asked: {Names.FIRST}, {Names.SECOND})"
        self.refused("redis://other.test:6379", "its name could not be resolved: the name does not exist", servers, url="redis://other.test")
        self.names.says(silent=True)
        self.refused("its name could not be resolved: no name server answered within ", servers)
        self.names.says(rcode=SERVFAIL)
        self.refused("no name server could answer", servers)
        self.names.says(names={NAME: {}})
        self.refused("the name has no address", servers)


class Doctor(NamesCase):
    def found(self, url=URL, code=0):
        """The findings of doctor about names."""
        looked = self.start("doctor", "--json", "--store", url, "--prefix", self.prefix, "--ttl", "10s",
                            prefix_command=self.names.prefix_command)
        self.assertEqual(looked.wait(), code, looked.stdout + looked.stderr)
        return [(one["verdict"], one["fact"]) for one in json.loads(looked.stdout)["findings"] if one["check"] == "name"]

    def test_doctor_reports_the_time_of_a_lookup_and_a_name_server_that_did_not_answer(self):
        ((verdict, fact),) = self.found()
        self.assertEqual(verdict, "ok")
        self.assertRegex(fact, rf"^{NAME} has 1 address, found in \d+ms$")
        self.names.says(Names.FIRST, silent=True)
        ((verdict, fact),) = self.found()
        self.assertEqual(verdict, "note")
        found = re.fullmatch(rf"{NAME} has 1 address, found in (\d+)ms; a name server did not answer", fact)
        self.assertTrue(found, fact)
        self.assertGreater(int(found[1]), 200)
        self.assertLess(int(found[1]), 400 * PATIENCE)

    def test_doctor_reports_a_missing_or_incomplete_answer(self):
        self.names.says(names=HERE, silent=["AAAA"])
        ((verdict, fact),) = self.found()
        self.assertEqual(verdict, "note")
        self.assertIn("answer only one of the IPv4 and IPv6 queries", fact)
        self.names.says(names={})
        self.assertEqual(self.found(code=1), [("weak", f"{NAME} could not be resolved: the name does not exist "
                                               f"(asked: {Names.FIRST}, {Names.SECOND})")])

    def test_doctor_does_not_report_hosts_that_need_no_name_server(self):
        for host in ("127.0.0.1", "localhost"):
            self.assertEqual(self.found(url=f"redis://{host}"), [])


class ManyAddresses(NamesCase):
    def leads_to(self, *addresses):
        self.names.says(names={NAME: {"A": [one for one in addresses if ":" not in one],
                                      "AAAA": [one for one in addresses if ":" in one]}})

    def test_addresses_that_do_not_answer_or_refuse_are_skipped(self):
        self.leads_to("127.0.0.7", "127.0.0.8", "127.0.0.9", "127.0.0.1")
        for address in ("127.0.0.7", "127.0.0.8"):
            self.names.silent(address)
        self.runs(within=1.2, options=[])

    def test_ipv6_addresses_without_a_route_are_skipped(self):
        self.leads_to("2001:db8::1", "2001:db8::2", "127.0.0.1")
        self.runs(within=0.8, options=[])

    def test_a_name_with_only_an_ipv6_address_is_resolved(self):
        self.names.lead("::1", self.redis)
        self.leads_to("::1")
        self.runs()

    def test_if_no_address_answers_the_message_says_so(self):
        addresses = [f"127.0.0.{i}" for i in range(100, 112)]
        for address in addresses:
            self.names.silent(address)
        self.leads_to(*addresses)
        self.refused("Connection timed out")


class Jobs(NamesCase):
    """While a job runs, its connections are closed and its name servers fail."""

    def hold_by_name(self, names=None, key="job"):
        path = self.life_file(key)
        run = self.begin(JOBTOOL, "tick", path, "3.5", key=key, prefix_command=(names or self.names).prefix_command)
        self.wait_job_starts(path, 0, run)
        return run

    def break_connections(self):
        self.redis("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        self.redis("CLIENT", "KILL", "TYPE", "pubsub")

    def test_jobs_survive_name_servers_that_fail(self):
        failures = {"silent": {"silent": True}, "forgetful": {"names": {}}, "broken": {"rcode": SERVFAIL},
                    "slower than a renewal may be": {"names": HERE, "delay": 0.4},
                    "naming a silent address first": {"names": {NAME: {"A": ["127.0.0.9", "127.0.0.1"]}}}}
        runs = {}
        for failure in failures:
            names = Names(self.path(f"names {failure}"), self.redis)
            names.silent("127.0.0.9")
            names.says(names=HERE)
            runs[failure] = names, self.hold_by_name(names, key=failure)
        for failure, (names, _) in runs.items():
            names.says(**failures[failure])
        self.break_connections()
        for failure, (_, run) in runs.items():
            with self.subTest(failure):
                self.assertEqual((run.wait(), run.stderr), (0, ""))

    def test_jobs_do_not_connect_to_an_address_that_their_name_no_longer_has(self):
        other = self.own_server()
        self.redis = self.server
        self.names.lead("127.0.0.2", other)
        run = self.hold_by_name()
        self.names.says(names={NAME: {"A": ["127.0.0.2"]}})
        self.break_connections()
        self.assertEqual(run.wait(), dlock.LOST, run.stderr)  # the other server does not have the lock


    def test_jobs_follow_their_name_to_the_new_master_while_the_old_one_still_answers(self):
        old = self.own_server()
        new = self.own_server("--replicaof", HOST, str(old.port))
        self.names = Names(self.path("failover"), old)
        self.names.lead("127.0.0.2", new)
        self.names.says(names=HERE)
        wait_until(lambda: new("ROLE")[3] == "connected", 10, "the replica is in step")
        run = self.hold_by_name()
        old("SET", "after", "the lock")
        self.assertEqual(old("WAIT", 1, 5000), 1)  # the replica has the lock as well
        new("REPLICAOF", "NO", "ONE")
        old("REPLICAOF", HOST, str(new.port))
        self.names.says(names={NAME: {"A": ["127.0.0.2"]}})
        self.assertEqual((run.wait(), run.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
