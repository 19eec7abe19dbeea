"""Redis over TLS: which certificates are accepted, which are refused, and with which message."""

import contextlib
import os
import re
import shutil
import socket
import ssl
import threading
import unittest

from harness import dlock, procs
from harness.case import Case, as_nobody, needs, needs_root
from harness.certificates import certificates
from harness.fake_redis import FakeRedis
from harness.redis_server import RedisServer
from harness.relay import DOWN, UP, Relay
from harness.wait import LATE, PATIENCE, hold_for, now, wait_until

SECONDS = 2 * min(PATIENCE, 2)  # a handshake has a tenth of this time
TTL = ["--ttl", f"{SECONDS:g}s"]


@needs("openssl")
class TlsCase(Case):
    def setUp(self):
        super().setUp()
        self.certificates = certificates()

    def server(self, identity=None, clients="no"):
        server = RedisServer(self.path("redis"), tls=self.certificates.tls(identity, clients))
        self.addCleanup(server.stop)
        return server

    def plain_server(self):
        server = RedisServer(self.path("redis"))
        self.addCleanup(server.stop)
        return server

    def listening(self, serve):
        """A port where each connection is passed to `serve`, and closed when that returns."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def accept():
            with contextlib.suppress(OSError):
                while True:
                    with listener.accept()[0] as connection, contextlib.suppress(OSError):
                        serve(connection)
        threading.Thread(target=accept, daemon=True).start()
        return listener.getsockname()[1]

    @staticmethod
    def serve_tls(connection, identity):
        """Does a handshake, reads the first bytes, and closes the TLS session."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*identity)
        with context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(65536)
            secure.unwrap()

    def at(self, url):
        return ["--store", url, "--trust-restart"]

    def trusting(self, url):
        return [*self.at(url), "--tls-cacert", self.certificates.ca]

    def as_client(self, identity):
        return ["--tls-cert", identity.certificate, "--tls-key", identity.key]

    def refused(self, code, store, *says, options=(), **how):
        """The run must exit with that code and those texts, start no job and write no key."""
        ran = self.path("ran")
        started = self.run_job("touch", ran, store=store, options=options, **how)
        self.assertEqual(started.code, code, started.stderr)
        self.assert_says(started, *says)
        self.assertFalse(os.path.exists(ran))
        return started


class Trust(TlsCase):
    def test_a_lock_is_held_renewed_refused_and_released(self):
        server = self.server()
        store = self.trusting(server.tls_url)
        held = self.hold(store=store, options=TTL)
        hold_for(3, lambda: self.run_job("true", store=store, options=TTL).code == dlock.HELD, "the lock")
        held.signal(15)
        self.assertEqual(held.wait(), 143)
        self.assertEqual(self.run_job("sh", "-c", "exit 3", store=store).code, 3)

    def test_the_job_is_killed_when_its_lock_is_deleted(self):
        server = self.server()
        held = self.hold(store=self.trusting(server.tls_url), options=TTL)
        server("DEL", f"dlock:lock:{self.key}")
        self.assertEqual(held.wait(), dlock.LOST)

    def test_a_numeric_host_is_checked_against_the_addresses_in_the_certificate(self):
        server = self.server()
        self.assertEqual(self.run_job("true", store=self.trusting(f"rediss://127.0.0.1:{server.tls_port}")).code, 0)

    def test_without_a_ca_file_the_cas_of_the_system_are_trusted(self):
        server = self.server()
        self.refused(dlock.REFUSED, self.at(server.tls_url), "not signed by a trusted CA", "--tls-cacert")
        known = self.run_job("true", store=self.at(server.tls_url), more_env={"SSL_CERT_FILE": self.certificates.ca})
        self.assertEqual(known.code, 0, known.stderr)

    def test_an_unknown_ca_is_refused(self):
        server = self.server()
        self.refused(dlock.REFUSED, self.at(server.tls_url), "not signed by a trusted CA",
                     options=["--tls-cacert", self.certificates.unknown_ca])

    def test_a_certificate_of_another_host_is_refused_unless_that_name_is_expected(self):
        server = self.server(self.certificates.wrong_host)
        store = self.trusting(server.tls_url)
        self.refused(dlock.REFUSED, store, "certificate is for another host", "--tls-sni")
        self.assertEqual(self.run_job("true", store=store, options=["--tls-sni", "elsewhere.example"]).code, 0)

    def test_an_expired_certificate_is_refused(self):
        server = self.server(self.certificates.expired)
        self.refused(dlock.REFUSED, self.trusting(server.tls_url), "has expired")

    def test_a_certificate_that_is_not_valid_yet_is_refused(self):
        server = self.server(self.certificates.early)
        self.refused(dlock.REFUSED, self.trusting(server.tls_url), "is not valid yet", "check both clocks")

    def test_a_certificate_that_is_not_for_servers_is_refused(self):
        server = self.listening(lambda connection: self.serve_tls(connection, self.certificates.client))
        self.refused(dlock.REFUSED, self.trusting(f"rediss://127.0.0.1:{server}"), "its certificate is not trusted")

    def test_tls_insecure_accepts_any_certificate_and_warns_each_time(self):
        server = self.server(self.certificates.expired)
        for _ in range(2):
            started = self.run_job("true", store=self.at(server.tls_url), options=["--tls-insecure"])
            self.assertEqual(started.code, 0, started.stderr)
            self.assert_says(started, "--tls-insecure", "not checked")


class Clients(TlsCase):
    def test_a_client_certificate_is_sent(self):
        server = self.server(clients="yes")
        started = self.run_job("true", store=self.trusting(server.tls_url), options=self.as_client(self.certificates.client))
        self.assertEqual(started.code, 0, started.stderr)

    def test_a_missing_client_certificate_is_reported(self):
        server = self.server(clients="yes")
        self.refused(dlock.REFUSED, self.trusting(server.tls_url), "requires a client certificate", "--tls-cert")

    def test_a_refused_client_certificate_is_reported(self):
        server = self.server(clients="yes")
        self.refused(dlock.REFUSED, self.trusting(server.tls_url), "certificate", "--tls-cert",
                     options=self.as_client(self.certificates.unknown_client))


class Mismatch(TlsCase):
    """Plain text to a TLS port, and TLS to a plain port."""

    def test_plain_text_to_a_tls_port_is_refused_with_the_reason(self):
        server = self.server()
        self.refused(dlock.UNREACHABLE, self.at(f"redis://localhost:{server.tls_port}"), "does it require TLS",
                     options=["--ttl", "6s"])

    def test_tls_to_a_plain_port_is_refused_with_the_reason(self):
        """A server may wait for more, or take the first message of a handshake for commands and answer."""
        server = self.plain_server()
        ran = self.path("ran")
        started = self.run_job("touch", ran, store=self.trusting(f"rediss://localhost:{server.port}"), options=["--ttl", "6s"])
        self.assertFalse(os.path.exists(ran))
        self.assert_says(started, {dlock.UNREACHABLE: "does it speak TLS", dlock.CONFIG: "it does not speak TLS"}[started.code])


class Sentinels(TlsCase):
    """TLS to the master only, or to the Sentinels only."""

    def address_of(self, port):
        return b"*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%d\r\n" % (len(str(port)), port)

    def test_tls_can_be_used_to_the_master_alone(self):
        server = self.server()
        plain_sentinel = FakeRedis(lambda words: self.address_of(server.tls_port))
        self.addCleanup(plain_sentinel.stop)
        url = f"redis+sentinel://127.0.0.1:{plain_sentinel.port}/main"
        self.assertEqual(self.run_job("true", store=self.trusting(f"{url}?tls=master")).code, 0)
        self.refused(dlock.UNREACHABLE, self.trusting(url.replace("redis+", "rediss+")), "Sentinel", options=TTL)
        self.refused(dlock.USAGE, self.trusting(url), "requires TLS, but the store does not use it")
        self.refused(dlock.USAGE, self.at(f"{url}?tls=both"), "write ?tls=master or ?tls=sentinels")

    def test_tls_can_be_used_to_the_sentinels_alone(self):
        server = self.plain_server()

        def serve(connection):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.certificates.server)
            with context.wrap_socket(connection, server_side=True) as secure:
                secure.recv(65536)
                secure.sendall(self.address_of(server.port))
                secure.recv(1)
        url = f"redis+sentinel://127.0.0.1:{self.listening(serve)}/main?tls=sentinels"
        self.assertEqual(self.run_job("true", store=self.trusting(url)).code, 0)


class Closing(TlsCase):
    def test_a_server_that_closes_during_the_handshake_is_refused(self):
        port = self.listening(lambda connection: connection.recv(65536))
        self.refused(dlock.UNREACHABLE, self.trusting(f"rediss://127.0.0.1:{port}"), "closed it during the TLS handshake")

    def test_a_server_that_closes_after_every_request_is_refused(self):
        port = self.listening(lambda connection: self.serve_tls(connection, self.certificates.server))
        self.refused(dlock.UNREACHABLE, self.trusting(f"rediss://127.0.0.1:{port}"), "the connection", "broke")


class Faults(TlsCase):
    """Faults between dlock and its server have the same effects as without TLS. The second contender connects directly."""

    def setUp(self):
        super().setUp()
        self.redis = self.server()
        self.life = self.life_file()
        self.between = Relay(self.redis.tls_port)
        self.addCleanup(self.between.stop)

    def first(self, **how):
        return self.hold(life=self.life, store=self.trusting(f"rediss://127.0.0.1:{self.between.port}"), options=TTL, **how)

    def second_follows(self):
        self.take_when_free(self.life, 15, store=self.trusting(self.redis.tls_url), options=TTL)
        self.assert_no_overlap(self.life)

    def test_after_a_connection_that_is_cut_off_jobs_overlap_for_0_ms(self):
        for directions in ((), (UP,), (DOWN,)):
            with self.subTest(directions=directions):
                held = self.first()
                self.between.freeze(*directions)
                self.assertEqual(held.wait(10), dlock.UNCONFIRMED, held.stderr)
                self.second_follows()
                self.between.thaw()

    def test_after_replies_that_arrive_byte_by_byte_jobs_overlap_for_0_ms(self):
        held = self.first()
        self.between.drip(4, DOWN)
        self.assertEqual(held.wait(10), dlock.UNCONFIRMED, held.stderr)
        self.second_follows()

    def test_connection_resets_are_followed_by_new_handshakes(self):
        held = self.first(seconds=3)
        for _ in range(4):
            self.between.reset()
            hold_for(0.5, held.running, "dlock")
        self.assertEqual(held.wait(), 0, held.stderr)
        self.assertGreater(self.between.accepted, 2)

    def test_one_connection_serves_all_renewals(self):
        held = self.hold(life=self.life, store=self.trusting(f"rediss://127.0.0.1:{self.between.port}"), seconds=7,
                         options=["--ttl", "15s"])  # two renewals, each with more than a second
        wait_until(lambda: self.between.accepted == 2, 10, "one for questions, and one to be called")
        self.assertEqual(held.wait(), 0, held.stderr)
        self.assertEqual(self.between.accepted, 2)

    def test_after_a_server_restart_with_lost_memory_jobs_overlap_for_0_ms(self):
        held = self.first()
        self.redis.restart_with_lost_memory()  # the second run trusts the restart and does not wait
        self.assertEqual(held.wait(10), dlock.LOST, held.stderr)
        self.second_follows()

    def test_a_handshake_that_hangs_ends_in_time(self):
        self.between.freeze()
        began = now()
        self.refused(dlock.UNREACHABLE, self.trusting(f"rediss://127.0.0.1:{self.between.port}"), "did not answer the TLS handshake in time", options=TTL)
        self.assertLess(now() - began, SECONDS + LATE)


class Files(TlsCase):
    """Each is refused before any request: there is no server at this address."""

    URL = "rediss://localhost:1"

    def test_a_missing_file_is_refused(self):
        for option in ("--tls-cacert", "--tls-cert", "--tls-key"):
            with self.subTest(option=option):
                files = {"--tls-cert": self.certificates.client.certificate, "--tls-key": self.certificates.client.key}
                if option == "--tls-cacert":
                    files = {}
                files[option] = self.path("none.pem")
                words = [word for pair in files.items() for word in pair]
                self.refused(dlock.CONFIG, self.at(self.URL), option, "none.pem", "No such file", options=words)

    @needs_root
    def test_a_file_that_this_user_cannot_read_is_refused(self):
        for option in ("--tls-cacert", "--tls-cert", "--tls-key"):
            with self.subTest(option=option):
                words = {"--tls-cert": self.certificates.client.certificate, "--tls-key": self.certificates.client.key}
                secret = self.path("secret.pem")
                shutil.copy(words.get(option, self.certificates.ca), secret)
                os.chmod(secret, 0)
                words = {option: secret} if option == "--tls-cacert" else {**words, option: secret}
                self.refused(dlock.CONFIG, self.at(self.URL), option, "secret.pem", "Permission denied",
                             options=[word for pair in words.items() for word in pair], preexec_fn=as_nobody)

    def test_a_certificate_without_its_key_and_a_key_without_its_certificate_are_refused(self):
        client = self.certificates.client
        self.refused(dlock.USAGE, self.at(self.URL), "--tls-cert", "--tls-key", options=["--tls-cert", client.certificate])
        self.refused(dlock.USAGE, self.at(self.URL), "--tls-key", "--tls-cert", options=["--tls-key", client.key])

    def test_a_tls_option_for_a_store_without_tls_is_refused(self):
        self.refused(dlock.USAGE, self.at("redis://localhost:1"), "--tls-cacert", "rediss://",
                     options=["--tls-cacert", self.certificates.ca])

    def test_a_file_without_a_certificate_or_with_another_key_is_refused(self):
        server = self.server()
        empty = self.path("empty.pem")
        open(empty, "wb").close()
        client = self.certificates.client
        store = self.at(server.tls_url)
        self.refused(dlock.CONFIG, store, "--tls-cacert", "empty.pem", options=["--tls-cacert", empty])
        store = self.trusting(server.tls_url)
        self.refused(dlock.CONFIG, store, "--tls-cert", "empty.pem", options=["--tls-cert", empty, "--tls-key", client.key])
        locked = self.certificates.with_passphrase(client, self.path("locked.key"))
        self.refused(dlock.CONFIG, store, "--tls-key", "locked.key", "without a passphrase", options=self.as_client(locked))
        self.refused(dlock.CONFIG, store, "--tls-key", "fits",
                     options=["--tls-cert", client.certificate, "--tls-key", self.certificates.server.key])


class Cost(TlsCase):
    def mapped(self, pid):
        with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as file:
            return file.read()

    @needs_root
    def test_if_openssl_is_missing_its_package_is_named(self):
        """An empty file is mounted over the library."""
        server = RedisServer(self.path("redis"), tls=self.certificates.tls(), plain=True)
        self.addCleanup(server.stop)
        held = self.hold(store=self.trusting(server.tls_url), key="secret")
        library = re.search(r"/\S*/libssl\S*", self.mapped(held.engine())).group()
        without = ["unshare", "--mount", "sh", "-c", 'mount --bind /dev/null "$0" && exec "$@"', library]
        self.refused(dlock.CONFIG, self.trusting(server.tls_url), "TLS needs OpenSSL", "install the package that has libssl.so",
                     prefix_command=without)
        plain = self.run_job("true", store=self.at(server.url), prefix_command=without)
        self.assertEqual((plain.code, plain.stderr), (0, ""))

    def test_openssl_is_loaded_only_by_processes_that_use_it(self):
        server = RedisServer(self.path("redis"), tls=self.certificates.tls(), plain=True)
        self.addCleanup(server.stop)
        plain = self.hold(store=self.at(server.url), key="plain")
        secret = self.hold(store=self.trusting(server.tls_url), key="secret")
        for pid in (plain.pid, plain.engine(), secret.pid):
            self.assertNotIn("libssl", self.mapped(pid), procs.describe([pid]))
        self.assertIn("libssl", self.mapped(secret.engine()))
        for held in (plain, secret):
            held.signal(15)
            wait_until(lambda: not held.running(), 10, "it ends")


if __name__ == "__main__":
    unittest.main()
