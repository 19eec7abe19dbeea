"""A server that cannot serve, refuses, or is not a Redis: each case has its exit code and sentence, and no job is started."""

import os
import re
import signal
import socket
import subprocess
import threading
import time
import unittest

from harness import dlock, life
from harness.case import JOBTOOL, needs_root
from harness.fake_redis import ERROR_REPLIES, PASS, is_script
from harness.fake_redis_case import FakeRedisCase
from harness.hosts import needs_ip, needs_own_hosts, on_a_v6_only_host, with_hosts
from harness.redis_server import free_port
from harness.relay import DOWN, Relay
from harness.wait import LATE, PATIENCE, now, wait_until

TTL = 2.0
OPTIONS = ["--ttl", "2s"]


class Refusals(FakeRedisCase):
    def refuse(self, codes, *texts, store, seconds=8, **how):
        """The run must exit with that code and one line that names the key, and must start no job."""
        began = now()
        ended = self.run_job("touch", self.path("ran"), store=store, options=how.pop("options", OPTIONS), **how)
        self.assertIn(ended.code, codes, ended.stderr)
        self.assertLess(now() - began, seconds * PATIENCE)
        self.assertEqual(len(ended.own_lines), 1, ended.stderr)
        self.assertFalse(os.path.exists(self.path("ran")))
        for text in texts:
            self.assertIn(text, ended.stderr)
        return ended


class ErrorRepliesBeforeTheStart(Refusals):
    def test_each_error_reply_has_its_own_exit_code_and_sentence_and_leaves_no_key(self):
        sentences = {}
        for name, (reply, codes) in ERROR_REPLIES.items():
            with self.subTest(reply=name):
                fake = self.fake(lambda words, reply=reply: reply if is_script(words) else PASS)
                # These faults can be temporary, so dlock can retry. But it must end.
                ended = self.refuse(codes, store=self.fake_store(fake), seconds=15)
                self.assertEqual(self.keys(), [])
                sentences[name] = re.sub(r"127\.0\.0\.1:\d+", "ADDRESS", ended.own_lines[0])
        self.assertEqual(len(set(sentences.values())), len(ERROR_REPLIES), sentences)

    def test_an_emptied_script_cache_does_not_affect_the_run(self):
        self.redis("SCRIPT", "FLUSH")
        self.assertEqual(self.run_job("true", store=self.redis_store).code, 0)

    def test_a_real_server_that_requires_a_password_is_77(self):
        self.own_server("--requirepass", "correct")
        self.refuse({dlock.REFUSED}, "password", store=self.redis_store)

    def test_a_real_server_that_does_not_know_the_password_is_77(self):
        server = self.own_server("--requirepass", "correct")
        ended = self.refuse({dlock.REFUSED}, **self.by_environment(f"redis://:wrong@127.0.0.1:{server.port}"))
        self.assertNotIn("wrong@", ended.stderr)

    def test_a_real_user_without_the_right_to_run_scripts_is_77(self):
        server = self.own_server("--user", *"weak on >pw ~* &* +@all -@scripting".split())
        self.refuse({dlock.REFUSED}, "user", **self.by_environment(f"redis://weak:pw@127.0.0.1:{server.port}"))

    def test_a_real_user_without_the_right_to_these_keys_is_77(self):
        server = self.own_server("--user", *"narrow on >pw ~other:* &* +@all".split())
        self.refuse({dlock.REFUSED}, **self.by_environment(f"redis://narrow:pw@127.0.0.1:{server.port}"))

    def test_a_real_server_at_its_memory_limit_is_69_and_no_key_is_left_there(self):
        server = self.own_server()
        server("CONFIG", "SET", "maxmemory", "1")
        self.refuse({dlock.UNREACHABLE}, "memory", store=self.redis_store)
        self.assertEqual(self.keys(), [])

    def test_a_real_read_only_replica_is_69(self):
        server = self.own_server()
        server("REPLICAOF", "127.0.0.1", str(free_port()))
        self.refuse({dlock.UNREACHABLE}, store=self.redis_store)

    def test_a_real_server_that_is_busy_with_a_script_is_69(self):
        server = self.own_server("--lua-time-limit", "10")
        busy = server.client(timeout=60)
        self.addCleanup(busy.close)

        def spin():
            try:
                busy("EVAL", "while true do end", "0")
            except Exception:  # pylint: disable=broad-except
                pass  # the script is killed at the end
        worker = threading.Thread(target=spin, daemon=True)
        worker.start()

        def is_busy():
            try:
                server("PING")
                return False
            except Exception as why:  # pylint: disable=broad-except
                return "BUSY" in str(why)
        wait_until(is_busy, 5, "the server is busy")
        self.refuse({dlock.UNREACHABLE}, "script", store=self.redis_store, seconds=15)
        server("SCRIPT", "KILL")
        worker.join(5)

    def test_a_real_cluster_node_given_as_standalone_is_recognized(self):
        server = self.own_server("--cluster-enabled", "yes")
        ended = self.refuse({dlock.UNREACHABLE, dlock.CONFIG}, store=self.redis_store)
        self.assertIn("luster", ended.stderr)
        self.assertEqual(server("DBSIZE"), 0)

    def test_a_real_database_that_does_not_exist_is_named(self):
        self.refuse({dlock.UNREACHABLE, dlock.CONFIG}, "99", store=self.store_at(f"{self.redis.url}/99"))

    def test_a_lock_key_of_another_type_is_refused_and_left_unchanged(self):
        self.redis("LPUSH", self.lock_name, "x")
        self.refuse({dlock.UNREACHABLE, dlock.CONFIG}, self.key, store=self.redis_store)
        self.assertEqual(self.redis("LRANGE", self.lock_name, "0", "-1"), ["x"])

    def test_a_value_that_is_not_a_lock_is_refused_and_left_unchanged(self):
        for value in ("hello", "{", "[]", "42", '"text"', "null", "{}", '{"ownerHash":"a"}', '{"processHash":"a/1.1"}',
                      '{"ownerHash":1,"processHash":2}', '{"ownerHash":null,"processHash":null}'):
            with self.subTest(value=value):
                self.redis("SET", self.lock_name, value)
                self.refuse({dlock.UNREACHABLE, dlock.CONFIG}, self.key, store=self.redis_store)
                self.assertEqual(self.lock_value(), value)

    def test_an_empty_value_is_not_a_lock_and_can_be_replaced(self):
        self.redis("SET", self.lock_name, "")
        self.assertEqual(self.run_job("true", store=self.redis_store).code, 0)


class NoRedisThere(Refusals):
    def serve(self, answer):
        """A server that calls `answer` with each connection."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        self.addCleanup(lambda: listener.shutdown(socket.SHUT_RDWR))
        kept = []

        def accept():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                kept.append(connection)
                try:
                    answer(connection)
                except OSError:
                    pass
        threading.Thread(target=accept, daemon=True).start()
        return self.store_at(f"redis://127.0.0.1:{listener.getsockname()[1]}")

    def test_a_port_without_a_server_is_refused(self):
        port = free_port()
        self.refuse({dlock.UNREACHABLE}, f"127.0.0.1:{port}", store=self.store_at(f"redis://127.0.0.1:{port}"))

    def test_a_missing_socket_is_refused(self):
        self.refuse({dlock.UNREACHABLE}, self.path("none.sock"), store=self.store_at(f"unix://{self.path('none.sock')}"))

    def test_a_name_that_does_not_resolve_is_refused(self):
        self.refuse({dlock.UNREACHABLE}, "no-such-host.invalid", store=self.store_at("redis://no-such-host.invalid"), seconds=20)

    def test_a_web_server_is_refused(self):
        def answer(connection):
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
            connection.close()
        self.refuse({dlock.UNREACHABLE, dlock.CONFIG}, "not", store=self.serve(answer))

    def test_a_server_that_sends_first_is_refused(self):
        self.refuse({dlock.UNREACHABLE, dlock.CONFIG}, store=self.serve(lambda connection: connection.sendall(b"220 mail\r\n")))

    def test_invalid_replies_of_every_kind_are_refused(self):
        for garbage in (b"\x00" * 100, b"*-5\r\n", b"$999999999999\r\nx", b"*1000000000\r\n", b":notanumber\r\n", b"\r\n",
                        b"$-2\r\n", b"+" + b"x" * 1_000_000, b"*3\r\n:1\r\n:2\r\n:3\r\n", b":1\r\n" * 10, b"*0\r\n" * 10,
                        b"$3\r\nabc\r\n" * 10, b"*-1\r\n" * 10):
            with self.subTest(garbage=garbage[:20]):
                def answer(connection, garbage=garbage):
                    connection.recv(4096)
                    connection.sendall(garbage)
                self.refuse({dlock.UNREACHABLE, dlock.CONFIG, dlock.REFUSED}, store=self.serve(answer), seconds=15)

    def test_a_server_that_accepts_and_sends_nothing_is_refused(self):
        self.refuse({dlock.UNREACHABLE}, store=self.serve(lambda connection: None))

    def test_a_server_that_closes_at_once_is_refused(self):
        self.refuse({dlock.UNREACHABLE}, store=self.serve(lambda connection: connection.close()))

    def test_a_server_that_sends_byte_by_byte_is_refused_at_the_deadline(self):
        between = self.relay()
        between.drip(2, DOWN)
        self.refuse({dlock.UNREACHABLE}, store=self.through(between))

    def test_a_server_that_is_stopped_is_refused(self):
        server = self.own_server()
        server.pause()
        self.refuse({dlock.UNREACHABLE}, store=self.redis_store)
        server.resume()

    def test_sigterm_ends_dlock_at_once_while_the_store_does_not_answer(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(signal=number.name):
                waiting = self.start_run("true", store=self.serve(lambda connection: None), options=["--ttl", "60s"])
                waiting.engine()
                time.sleep(0.3)
                waiting.signal(number)
                began = now()
                waiting.wait(10)
                self.assertEqual(waiting.died_by, number, waiting.stderr)
                self.assertLess(now() - began, 1 * PATIENCE + LATE)


class DeploymentsThatContradictThemselves(Refusals):
    """One server in several roles: it redirects to itself, or contradicts as a Sentinel what it replies as a master."""

    TTL = 3 * TTL  # half of it is left for a reply, which suffices on a busy machine

    def refused_by(self, answers, url):
        fake = self.fake(lambda words: answers(words, b"127.0.0.1", b"%d" % fake.port))
        refused = self.run_job("touch", self.path("ran"), store=["--store", url(f"127.0.0.1:{fake.port}")],
                               options=["--ttl", f"{self.TTL}s"])
        self.assertEqual(refused.code, dlock.UNREACHABLE, refused.stderr)
        self.assertFalse(os.path.exists(self.path("ran")))
        return refused

    def of_sentinels(self, role, other):
        def answers(words, host, port):
            if words[0] == b"SENTINEL":
                return b"*2\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n" % (len(host), host, len(port), port)
            return b"*1\r\n$%d\r\n%s\r\n" % (len(role), role) if words[0] == b"ROLE" else other
        return self.refused_by(answers, lambda address: f"redis+sentinel://{address}/main")

    def test_an_unreachable_address_is_reported_with_the_server_that_named_it(self):
        port = free_port()
        told = (b"*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%d\r\n" % (len(str(port)), port), b"-MOVED 1 127.0.0.1:%d\r\n" % port)
        for scheme, path, reply, who in (("redis+sentinel", "/main", told[0], "the Sentinel redis://127.0.0.1:{}"),
                                         ("redis+cluster", "", told[1], "the node 127.0.0.1:{} of the Cluster")):
            namer = self.fake(lambda words, reply=reply: reply)
            self.refuse({dlock.UNREACHABLE}, f"redis://127.0.0.1:{port} cannot be reached",
                        f"({who.format(namer.port)} named this address)",
                        store=self.store_at(f"{scheme}://127.0.0.1:{namer.port}{path}"))

    def test_nodes_that_redirect_in_a_circle_are_reported(self):
        refused = self.refused_by(lambda words, host, port: b"-MOVED 1 %s:%s\r\n" % (host, port),
                                  lambda address: f"redis+cluster://{address}")
        self.assert_says(refused, "redirects the request from node to node")

    def test_the_last_reply_is_reported_if_the_last_request_had_no_time_for_a_reply(self):
        asked = []

        def answers(*_):
            asked.append(now())
            return b"-CLUSTERDOWN so\r\n" if now() - asked[0] < self.TTL * 9 / 20 else None

        refused = self.refused_by(answers, lambda address: f"redis://{address}")
        self.assert_says(refused, "reports that its Cluster is down")

    def test_a_master_named_by_sentinels_that_reports_to_be_a_replica_is_reported(self):
        refused = self.of_sentinels(b"slave", b"-ERR nobody asks\r\n")
        self.assert_says(refused, "is now a replica, although a Sentinel still reports it as the master")

    def test_a_master_named_by_sentinels_that_refuses_writes_is_reported(self):
        refused = self.of_sentinels(b"master", b"-READONLY You can't write against a read only replica.\r\n")
        self.assert_says(refused, "is a replica, although the Sentinels report it as the master of 'main'")

    def test_the_master_that_sentinels_name_next_is_asked_within_the_same_attempt(self):
        named = []

        def answers(words):
            if words[0] == b"SENTINEL":
                named.append(self.redis.port if named else fake.port)
                return b"*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%d\r\n" % (len(str(named[-1])), named[-1])
            if words[0] == b"ROLE":
                return b"*1\r\n$6\r\nmaster\r\n"
            return b"-READONLY You can't write against a read only replica.\r\n"

        fake = self.fake(answers)
        ended = self.run_job("true", store=self.store_at(f"redis+sentinel://127.0.0.1:{fake.port}/main"), options=OPTIONS)
        self.assertEqual(ended.code, 0, ended.stderr)
        self.assertEqual(named[:2], [fake.port, self.redis.port])


class ARecentlyStartedServer(Refusals):
    def test_no_lock_is_created_on_a_server_younger_than_the_ttl_and_the_remedy_is_named(self):
        server = self.own_server()
        born = now()
        ended = self.run_job(JOBTOOL, "tick", self.life, "0.1", store=self.store_at(server.url, trust=False),
                             options=[*OPTIONS, "-n"])
        self.assertEqual(ended.code, 0, ended.stderr)
        # The uptime is in whole seconds and starts slightly before the first PING.
        self.assertGreater(life.runs(self.life)[0].first - born, TTL - 0.2)
        self.assertLess(life.runs(self.life)[0].first - born, (TTL + 3) * PATIENCE)
        self.assert_says(ended, "--trust-restart")
        self.assertEqual(len(ended.own_lines), 1, ended.stderr)

    def test_a_wait_limit_shorter_than_the_required_uptime_ends_the_run_with_the_reason(self):
        server = self.own_server()
        began = now()
        self.refuse({dlock.UNREACHABLE}, "started too recently to be trusted with a lock", "--trust-restart",
                    store=self.store_at(server.url, trust=False), options=["--ttl", "30s", "-w", "300ms", "-q"])
        self.assertGreater(now() - began, 0.3)

    def test_trust_restart_skips_the_wait_for_the_uptime(self):
        server = self.own_server()
        began = now()
        ended = self.run_job("true", store=self.redis_store, options=["--ttl", "30s"])
        self.assertEqual((ended.code, ended.stderr), (0, ""))
        self.assertLess(now() - began, 3 * PATIENCE)
        self.assertIsNotNone(server)

    def test_a_server_that_hides_its_uptime_is_78_without_trust_restart(self):
        renamed = self.own_server("--rename-command", "INFO", "")
        forbidding = self.own_server()
        forbidding("ACL", "SETUSER", "default", "-info")
        for server in (renamed, forbidding):
            for wait in ([], ["-w"]):
                self.refuse({dlock.CONFIG}, "INFO is renamed, or forbidden to this user", "+info", "--trust-restart",
                            store=self.store_at(server.url, trust=False), options=[*OPTIONS, *wait])
            self.assertEqual(self.run_job("true", store=self.store_at(server.url), options=OPTIONS).code, 0)

    def test_a_held_lock_on_a_recently_started_server_is_refused_without_waiting(self):
        server = self.own_server()
        self.hold(life=self.life, store=self.redis_store)
        began = now()
        second = self.run_job("true", store=self.store_at(server.url, trust=False), options=["--ttl", "60s"])
        self.assertEqual(second.code, dlock.HELD)
        self.assertLess(now() - began, 3 * PATIENCE)

    def test_sigterm_during_the_wait_for_the_uptime_ends_dlock_by_the_signal(self):
        server = self.own_server()
        waiting = self.start_run("true", store=self.store_at(server.url, trust=False), options=["--ttl", "60s"])
        waiting.wait_said("--trust-restart")
        self.assert_says(waiting, "dlock: key 'job': redis://", "started recently and may have lost the lock of a running job")
        waiting.signal(signal.SIGTERM)
        waiting.wait(5)
        self.assertEqual(waiting.died_by, signal.SIGTERM)
        self.assertEqual(self.keys(), [])


class Names(Refusals):
    @needs_root
    @needs_ip
    def test_the_names_of_127_0_0_1_are_found_on_a_host_with_only_ipv6_otherwise(self):
        server = self.own_server()
        hosts = self.path("hosts")
        with open(hosts, "w", encoding="ascii") as file:
            file.write("127.0.0.1 localhost sidecar\n::1 localhost\n127.0.0.1 two-faced\n192.0.2.1 two-faced\n")
        for name in ("127.0.0.1", "localhost", "sidecar"):
            ran = self.run_job("true", store=self.store_at(f"redis://{name}:{server.port}"), options=OPTIONS,
                               prefix_command=on_a_v6_only_host(hosts, server.port, server.socket_path))
            self.assertEqual(ran.code, 0, f"{name}: {ran.stderr}")
        # The second address has no route. The refusal of the first address is more informative.
        self.refuse({dlock.UNREACHABLE}, "Connection refused", store=self.store_at(f"redis://two-faced:{free_port()}"),
                    prefix_command=on_a_v6_only_host(hosts, server.port, server.socket_path))


@needs_own_hosts
class SlowNames(Refusals):
    def test_localhost_with_two_addresses_reaches_the_one_that_answers(self):
        done = subprocess.run(["getent", "ahosts", "localhost"], stdout=subprocess.PIPE, check=False)
        if b"127.0.0.1" not in done.stdout:
            self.skipTest("localhost has no IPv4 address here")
        ended = self.run_job("true", store=self.store_at(f"redis://localhost:{self.redis.port}"))
        self.assertEqual(ended.code, 0, ended.stderr)

    def full_listener(self, address, port):
        """A port that drops requests for a connection: its queue is full and never read."""
        listener = socket.create_server((address, port), backlog=0)
        self.addCleanup(listener.close)
        for _ in range(3):
            asking = socket.socket()
            self.addCleanup(asking.close)
            asking.setblocking(False)
            asking.connect_ex((address, port))

    def knowing(self, *lines):
        return with_hosts(self.path("hosts"), *lines)

    def two_faced(self):
        """(relay to Redis on the second address of the host two-faced, prefix command that defines this host)."""
        relay = Relay(self.redis.port, listen_on="127.0.0.2")  # getaddrinfo(3) lists 127.0.0.1 before it
        self.addCleanup(relay.stop)
        return relay, self.knowing("127.0.0.1 two-faced", "127.0.0.2 two-faced")

    def test_an_address_that_does_not_answer_leaves_time_for_the_next_one(self):
        relay, prefix = self.two_faced()
        self.full_listener("127.0.0.1", relay.port)
        ended = self.run_job("true", store=self.store_at(f"redis://two-faced:{relay.port}"), options=OPTIONS,
                             prefix_command=prefix)
        self.assertEqual((ended.code, ended.stderr), (0, ""))

    def test_an_address_that_accepts_and_does_not_answer_is_tried_after_the_next_one(self):
        relay, prefix = self.two_faced()
        listener = socket.create_server(("127.0.0.1", relay.port))
        self.addCleanup(listener.close)
        ended = self.run_job("true", store=self.store_at(f"redis://two-faced:{relay.port}"), options=[*OPTIONS, "-w", "20s"],
                             prefix_command=prefix)
        self.assertEqual(ended.code, 0, ended.stderr)

    def test_a_run_survives_when_an_earlier_address_of_its_server_stops_answering(self):
        relay, prefix = self.two_faced()
        held = self.start_run(JOBTOOL, "tick", self.life, "4", store=self.store_at(f"redis://two-faced:{relay.port}"),
                              options=OPTIONS, prefix_command=prefix)
        self.wait_job_starts(self.life, 0, held)
        self.full_listener("127.0.0.1", relay.port)
        relay.reset()
        self.assertEqual(held.wait(), 0, held.stderr)

    def test_if_no_address_answers_the_message_says_so(self):
        port = free_port()
        for address in ("127.0.0.1", "127.0.0.2"):
            self.full_listener(address, port)
        prefix = self.knowing("127.0.0.1 two-faced", "127.0.0.2 two-faced")
        self.refuse({dlock.UNREACHABLE}, "Connection timed out", store=self.store_at(f"redis://two-faced:{port}"),
                    prefix_command=prefix)


if __name__ == "__main__":
    unittest.main()
