"""Redis as the store: ways to connect, written keys, number of requests, and secrets that are never shown."""

import json
import os
import re
import signal
import unittest

from harness import dlock, procs
from harness.case import JOBTOOL, RedisCase
from harness.wait import now, wait_until

SECRET = "s3cr3t-Pa55/w0rd"
SECRET_IN_URL = "s3cr3t-Pa55%2Fw0rd"


class WaysToConnect(RedisCase):
    def works_at(self, url, **how):
        held = self.hold(store=self.store_at(url), **how)
        self.assertEqual(self.run_job("true", store=self.store_at(url)).code, dlock.HELD)
        held.signal(signal.SIGTERM)
        self.assertEqual(held.wait(), 143)

    def test_dlock_connects_over_tcp(self):
        self.works_at(f"redis://127.0.0.1:{self.redis.port}")
        self.works_at(f"redis://127.0.0.1:{self.redis.port}/")

    def test_dlock_connects_over_a_unix_socket(self):
        self.works_at(self.redis.unix_url)

    def test_dlock_connects_to_the_store_of_the_environment(self):
        held = self.hold(store=["--prefix", self.prefix, "--trust-restart"], more_env={"DLOCK_STORE": self.redis.url})
        self.assertIsNotNone(self.lock_value())
        self.assertEqual(held.stderr, "")

    def test_dlock_uses_a_database_by_number(self):
        for url, number in ((f"{self.redis.url}/3", 3), (f"{self.redis.unix_url}?db=4", 4)):
            with self.subTest(url=url):
                self.hold(store=self.store_at(url))
                client = self.redis.client()
                self.addCleanup(client.close)
                client("SELECT", number)
                self.assertEqual(client("EXISTS", self.lock_name), 1)
                self.assertEqual(self.redis("EXISTS", self.lock_name), 0)

    def test_two_databases_are_two_stores(self):
        self.hold(store=self.store_at(f"{self.redis.url}/3"))
        self.assertEqual(self.run_job("true", store=self.store_at(f"{self.redis.url}/4")).code, 0)

    def test_dlock_logs_in_with_a_password(self):
        server = self.own_server("--requirepass", SECRET)
        client = server.client(password=SECRET)
        self.addCleanup(client.close)
        held = self.hold(store=self.store_at(f"redis://:{SECRET_IN_URL}@127.0.0.1:{server.port}"))
        self.assertEqual(client("EXISTS", self.lock_name), 1)
        held.signal(signal.SIGTERM)
        held.wait()

    def test_dlock_logs_in_as_a_user_with_only_the_rights_it_needs(self):
        rights = f"~{self.prefix}* resetchannels -@all +@read +@write +@scripting +@connection +info +time"
        server = self.own_server("--user", "dl", "on", f">{SECRET}", *rights.split())
        self.works_at(f"redis://dl:{SECRET_IN_URL}@127.0.0.1:{server.port}")
        self.works_at(f"unix://dl:{SECRET_IN_URL}@{server.socket_path}")

    def test_two_hosts_by_name_exclude_each_other(self):
        if os.geteuid() != 0:
            self.skipTest("needs root: it makes another host name")
        prefix = ["unshare", "-u", "sh", "-c", 'hostname other-machine && exec "$@"', "sh"]
        self.hold(store=self.redis_store, prefix_command=prefix)
        second = self.run_job("true", store=self.redis_store)
        self.assertEqual(second.code, dlock.HELD)
        self.assert_says(second, "other-machine")


class WhatIsWritten(RedisCase):
    def test_the_lock_and_its_liveness_have_their_values_and_lifetimes(self):
        self.hold(store=self.redis_store, options=["--ttl", "5s", "--lock-ttl", "90s", "--trace", "t-1", "--note", "a note"])
        lock = json.loads(self.lock_value())
        self.assertRegex(lock["ownerHash"], rf"^job@{re.escape(lock['processHash'])}\.\d+#t-1$")
        self.assertRegex(lock["processHash"], r"^[^/]+/\d+\.\d+$")
        for field in ("acquiredAt", "extendedAt"):
            self.assertRegex(lock[field], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertEqual((lock["trace"], lock["note"], lock["host"]), ("t-1", "a note", os.uname().nodename))
        self.assertIn("tick", str(lock["command"]))
        self.assertIsInstance(lock["token"], int)
        liveness = f"{self.prefix}proc:{lock['processHash']}"
        self.assertIn("aliveAt", json.loads(self.redis("GET", liveness)))
        self.assertTrue(0 < self.redis("PTTL", liveness) <= 5000)
        self.assertTrue(80_000 < self.redis("PTTL", self.lock_name) <= 90_000)

    def test_without_a_trace_the_lock_has_no_trace_field(self):
        self.hold(store=self.redis_store)
        lock = json.loads(self.lock_value())
        self.assertNotIn("trace", lock)
        self.assertNotIn("#", lock["ownerHash"])

    def test_the_default_lifetimes_are_10_seconds_and_5_minutes(self):
        self.hold(store=self.redis_store)
        lock = json.loads(self.lock_value())
        self.assertTrue(7000 < self.redis("PTTL", f"{self.prefix}proc:{lock['processHash']}") <= 10_000)
        self.assertTrue(290_000 < self.redis("PTTL", self.lock_name) <= 300_000)

    def test_the_default_prefix_is_used(self):
        self.own_server()
        self.prefix = "dlock:"
        self.hold(store=["--store", self.redis.url, "--trust-restart"])
        self.assertIsNotNone(self.lock_value())

    def test_both_lifetimes_are_renewed(self):
        self.hold(store=self.redis_store, options=["--ttl", "2s", "--lock-ttl", "4s"])
        lock = json.loads(self.lock_value())
        later = now() + 5
        wait_until(lambda: now() > later, 10, "five seconds pass")
        self.assertGreater(self.redis("PTTL", f"{self.prefix}proc:{lock['processHash']}"), 1000)
        self.assertGreater(self.redis("PTTL", self.lock_name), 1000)
        self.assertEqual(json.loads(self.lock_value())["acquiredAt"], lock["acquiredAt"])

    def test_only_the_token_counter_is_left_after_the_release_for_thirty_days(self):
        self.assertEqual(self.run_job("true", store=self.redis_store).code, 0)
        (left,) = self.keys()
        self.assertIn("fence", left)
        self.assertAlmostEqual(self.redis("TTL", left), 30 * 86400, delta=60)

    def test_no_connection_is_left_open(self):
        before = len(self.redis("CLIENT", "LIST").splitlines())
        for _ in range(3):
            self.run_job("true", store=self.redis_store)
        wait_until(lambda: len(self.redis("CLIENT", "LIST").splitlines()) <= before, 5, "the connections close")

    def test_a_key_of_any_bytes_can_be_locked(self):
        for key in (b"\xff\xfe", "ü/x y".encode(), b'quote"back\\slash', b"{tag}:x", b"a}b{", b"nl\nx"):
            with self.subTest(key=key):
                self.key = key.decode("utf-8", "surrogateescape")
                held = self.hold(store=self.redis_store, key=key)
                self.assertEqual(self.redis("EXISTS", self.lock_name), 1)
                json.loads(self.lock_value().encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
                self.assertEqual(self.run_job("true", store=self.redis_store, key=key).code, dlock.HELD)
                held.signal(signal.SIGTERM)
                self.assertEqual(held.wait(), 143)
                self.assertEqual(self.redis("EXISTS", self.lock_name), 0)


class FencingTokens(RedisCase):
    def token(self):
        path = self.path("token")
        ended = self.run_job("sh", "-c", f"printf %s $DLOCK_FENCING_TOKEN >{path}", store=self.redis_store)
        self.assertEqual(ended.code, 0, ended.stderr)
        with open(path, encoding="ascii") as file:
            text = file.read()
        self.assertRegex(text, r"^[1-9]\d*$")
        return int(text)

    def test_tokens_rise_with_each_acquisition(self):
        tokens = [self.token() for _ in range(5)]
        self.assertEqual(tokens, sorted(set(tokens)))

    def test_tokens_rise_even_if_their_counter_was_deleted(self):
        before = self.token()
        self.redis("FLUSHALL")
        self.assertGreater(self.token(), before)

    def test_tokens_rise_from_a_counter_ahead_of_the_clock_and_keep_all_digits(self):
        before = self.token()
        (counter,) = self.keys()
        ahead = before + 7_000_000_000_001
        self.redis("SET", counter, ahead)
        self.assertEqual(self.token(), ahead + 1)


class RoundTrips(RedisCase):
    def statistics(self):
        found = {}
        for line in self.redis("INFO", "commandstats").splitlines():
            if line.startswith("cmdstat_"):
                name, _, rest = line[8:].partition(":")
                found[name] = int(re.search(r"calls=(\d+)", rest).group(1))
        return found

    def of_one_run(self, store):
        self.assertEqual(self.run_job("true", store=store).code, 0)  # makes the server cache the scripts
        self.redis("CONFIG", "RESETSTAT")
        self.assertEqual(self.run_job("true", store=store).code, 0)
        return self.statistics()

    def test_the_server_counts_one_script_to_acquire_and_one_to_release(self):
        calls = self.of_one_run(self.redis_store)
        self.assertEqual((calls.get("evalsha", 0), calls.get("eval", 0)), (2, 0), calls)
        self.assertEqual(calls.get("info"), 1, calls)  # in the script that acquires: the role of the server
        for asked in ("ping", "hello", "script|load", "client|setname", "client|setinfo", "config|resetstat|get"):
            self.assertNotIn(asked, calls)

    def test_the_wire_shows_one_round_trip_to_acquire_and_one_to_release(self):
        self.of_one_run(self.redis_store)
        between = self.relay()
        self.assertEqual(self.run_job("true", store=self.through(between)).code, 0)
        self.assertEqual((between.round_trips, between.accepted), (2, 1))

    def test_a_password_and_a_database_number_cost_one_round_trip_together(self):
        server = self.own_server("--requirepass", "pw")
        url = f"redis://:pw@127.0.0.1:{server.port}/2"
        self.assertEqual(self.run_job("true", store=self.store_at(url)).code, 0)
        between = self.relay()
        url = f"redis://:pw@127.0.0.1:{between.port}/2"
        self.assertEqual(self.run_job("true", store=self.store_at(url)).code, 0)
        self.assertLessEqual(between.round_trips, 3)

    def test_the_check_of_the_uptime_costs_no_additional_round_trip(self):
        options = ["--ttl", "1500ms"]
        store = self.store_at(self.redis.url, trust=False)
        self.assertEqual(self.run_job("true", store=store, options=options).code, 0)
        between = self.relay()
        store = self.store_at(f"redis://127.0.0.1:{between.port}", trust=False)
        self.assertEqual(self.run_job("true", store=store, options=options).code, 0)
        self.assertEqual(between.round_trips, 2)

    def test_a_refusal_takes_two_round_trips_the_second_to_check_that_the_holder_lives(self):
        self.hold(store=self.redis_store)
        between = self.relay()
        second = self.run_job("true", store=self.through(between))
        self.assertEqual((second.code, between.round_trips), (dlock.HELD, 2))


class Secrets(RedisCase):
    """The password of a URL does not appear in messages, in the process list, in the lock or in the status file."""

    def setUp(self):
        super().setUp()
        self.server_with_password = self.own_server("--requirepass", SECRET)
        self.login = {"password": SECRET}

    def url(self, secret=SECRET_IN_URL, port=None):
        return f"redis://:{secret}@127.0.0.1:{port or self.server_with_password.port}"

    def assert_secret(self, text, where):
        for form in (SECRET, SECRET_IN_URL, "s3cr3t"):
            self.assertNotIn(form, text, where)

    def test_a_password_is_not_visible_while_the_job_runs(self):
        for by in ("option", "environment"):
            with self.subTest(given_by=by):
                self.key = by
                store = self.store_at(self.url()) if by == "option" else ["--prefix", self.prefix, "--trust-restart"]
                more_env = {"DLOCK_STORE": self.url()} if by == "environment" else {}
                status = self.path(f"status-{by}")
                held = self.hold(store=store, more_env=more_env, options=["-v", "--status-file", status])
                for pid in [held.pid, *procs.descendants(held.pid)]:
                    with open(f"/proc/{pid}/cmdline", "rb") as file:
                        self.assert_secret(file.read().decode("utf-8", "replace"), f"command line of {pid}")
                client = self.server_with_password.client(password=SECRET)
                self.addCleanup(client.close)
                self.assert_secret(client("GET", self.lock_name), "the lock")
                held.signal(signal.SIGTERM)
                held.wait()
                self.assert_secret(held.stderr, "standard error")
                with open(status, encoding="utf-8") as file:
                    self.assert_secret(file.read(), "the status file")

    def test_a_password_on_the_command_line_causes_a_warning(self):
        ended = self.run_job("true", store=self.store_at(self.url()))
        self.assertEqual(ended.code, 0)
        self.assertTrue(any("password" in line for line in ended.own_lines), ended.stderr)

    def test_a_password_in_the_environment_causes_no_warning(self):
        ended = self.run_job("true", store=["--prefix", self.prefix, "--trust-restart"], more_env={"DLOCK_STORE": self.url()})
        self.assertEqual((ended.code, ended.stderr), (0, ""))

    def test_a_password_is_not_in_error_messages(self):
        wrong = "s3cr3t-but-wrong"
        for url in (self.url(secret=wrong), self.url(port=1), f"redis://:{wrong}@127.0.0.1:70000",
                    f"redis://user:{wrong}@no-such-host.invalid", f"redis://:{wrong}@127.0.0.1:6379/x",
                    f"redos://:{wrong}@127.0.0.1", f"redis://:{wrong}", f"redis://:{wrong}@", f"unix://:{wrong}@/no/such.sock",
                    f"redis://:{wrong}%zz@127.0.0.1", f"redis://:a@{wrong}@127.0.0.1:1"):
            for options in (["-v"], ["--log-format", "json", "-v"]):
                with self.subTest(url=url, options=options):
                    status = self.path("status")
                    ended = self.run_job("true", store=self.store_at(url), options=[*options, "--status-file", status])
                    self.assertNotEqual(ended.code, 0)
                    self.assert_secret(ended.stderr, "standard error")
                    if os.path.exists(status):
                        with open(status, encoding="utf-8") as file:
                            self.assert_secret(file.read(), "the status file")

    def test_a_password_is_not_in_the_message_that_names_the_holder(self):
        self.hold(store=self.store_at(self.url()))
        second = self.run_job("true", store=self.store_at(self.url()), options=["-v"])
        self.assertEqual(second.code, dlock.HELD)
        self.assert_secret(second.stderr, "standard error")

    def test_a_url_among_the_words_of_the_job_is_not_changed(self):
        path = self.path("argv")
        ended = self.run_job(JOBTOOL, "report", path, self.url(), store=self.store_at(self.url()))
        self.assertEqual(ended.code, 0)
        with open(path, encoding="utf-8") as file:
            self.assertEqual(json.load(file)["argv"][3:], [self.url()])


if __name__ == "__main__":
    unittest.main()
