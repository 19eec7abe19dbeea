"""Passwords and certificates that change while a job runs or waits: each new connection uses the current ones."""

import os
import shutil
import unittest

from harness import dlock
from harness.case import RedisCase
from harness.certificates import certificates
from harness.redis_server import RedisServer
from harness.wait import PATIENCE, hold_for, now, wait_until

TTL = 2.0
OPTIONS = ["--ttl", "2s"]  # an attempt to connect has 0.2 s


class Rotation(RedisCase):
    def setUp(self):
        super().setUp()
        self.life = self.life_file()

    def put(self, path, text):
        """Replaces the file in one step, as tools for rotation do."""
        with open(f"{path}.new", "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(f"{path}.new", 0o600)
        os.rename(f"{path}.new", path)

    def end_connections(self, server):
        for kind in ("normal", "pubsub"):
            server("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")

    def outlives(self, held, server):
        """The run must survive for longer than a job lives whose renewals fail."""
        self.end_connections(server)
        hold_for(TTL, held.running, "dlock")
        self.assertNotIn("lock could not be", held.stderr)


class Passwords(Rotation):
    def setUp(self):
        super().setUp()
        self.server = self.own_server()
        self.password = self.path("password")
        self.change_at_server("old")
        self.put(self.password, "old\n")
        self.store = self.store_at(self.server.url.replace("://", "://jobs@"))

    def change_at_server(self, password):
        self.server("ACL", "SETUSER", "jobs", "reset", "on", f">{password}", "~*", "&*", "+@all")

    def change(self):
        self.change_at_server("new")
        self.put(self.password, "new\n")

    def by_file(self):
        return [*OPTIONS, "--password-file", self.password]

    def by_command(self, command):
        return [*OPTIONS, "--password-command", command]

    def test_a_password_file_is_read_for_each_connection(self):
        held = self.hold(life=self.life, store=self.store, options=self.by_file())
        self.change()
        self.outlives(held, self.server)

    def test_a_password_command_is_run_for_each_connection(self):
        runs = self.path("runs")
        command = f"echo run >> {runs}; cat {self.password}; echo another line"
        held = self.hold(life=self.life, store=self.store, options=self.by_command(command))
        with open(runs, encoding="ascii") as file:
            before = len(file.readlines())
        self.change()
        self.outlives(held, self.server)
        with open(runs, encoding="ascii") as file:
            self.assertGreater(len(file.readlines()), before)

    def test_a_password_command_slower_than_one_attempt_continues_in_the_next(self):
        command = f"sleep 0.5; cat {self.password}"
        held = self.hold(life=self.life, store=self.store, options=self.by_command(command))
        self.change()
        self.end_connections(self.server)
        hold_for(TTL, held.running, "dlock")

    def test_a_password_command_that_hangs_ends_the_attempt_and_leaves_no_process(self):
        ended = self.run_job("true", store=self.store, options=self.by_command("sleep 1000 & sleep 1000"))
        self.assertEqual(ended.code, dlock.UNREACHABLE)
        self.assert_says(ended, "--password-command", "has not printed a password yet")

    def test_a_password_command_that_hangs_during_the_job_ends_with_it(self):
        flag = self.path("flag")
        command = f"[ -e {flag} ] && sleep 1000; cat {self.password}"
        held = self.hold(life=self.life, store=self.store, options=self.by_command(command))
        with open(flag, "wb"):
            pass
        self.end_connections(self.server)
        self.assertEqual(held.wait(), dlock.UNCONFIRMED)
        self.assertIn("has not printed a password yet", held.own_lines[-1])

    def test_a_running_password_command_is_not_a_process_of_the_job(self):
        began, flag, hangs, got = (self.path(name) for name in ("began", "flag", "hangs", "got"))
        command = (f"[ -e {flag} ] && {{ trap 'echo TERM > {got}' TERM; touch {hangs}; sleep 1000 & wait; sleep 1000; }}; "
                   f"cat {self.password}")
        until_it_hangs = f"until [ -e {hangs} ]; do sleep 0.02; done"
        for job, how, code in (("exec sleep 60", ["--max-run", "1500ms", "-k", "20s"], dlock.MAX_RUN),
                               (until_it_hangs, ["--orphans", "wait"], 0)):
            with self.subTest(how=how):
                held = self.start_run("sh", "-c", f"touch {began}; {job}", key=" ".join(how), store=self.store,
                                      options=["--password-command", command, *how])
                wait_until(lambda: os.path.exists(began), 5, "the job runs")
                hold_for(0.2, held.running, "dlock")  # until its second connection is open
                with open(flag, "wb"):
                    pass
                self.end_connections(self.server)
                wait_until(lambda: os.path.exists(hangs), 5, "the command hangs")
                hung = now()
                self.assertEqual(held.wait(), code, held.stderr)
                self.assertLess(now() - hung, 5 * PATIENCE, "nobody waited for the command")
                self.assertNotIn("outlived", held.stderr)
                self.assertFalse(os.path.exists(got), "it is not signalled with the job")
                for path in (began, flag, hangs):
                    os.unlink(path)

    def test_background_processes_of_a_password_command_are_not_leftovers_of_the_job(self):
        command = f"sleep 1000 > /dev/null 2>&1 & cat {self.password}"
        ended = self.run_job("true", store=self.store, options=self.by_command(command))
        self.assertEqual((ended.code, ended.own_lines), (0, []))

    def test_a_password_command_that_fails_or_prints_nothing_gives_no_password(self):
        for command in ("echo old; exit 3", "true", "echo", "no-such-command-at-all", "exit 0"):
            with self.subTest(command=command):
                ended = self.run_job("true", store=self.store, options=self.by_command(command))
                self.assertEqual(ended.code, dlock.CONFIG, ended.stderr)
                self.assert_says(ended, "--password-command", "printed no password")

    def test_a_password_command_has_no_stdin_of_dlock_and_default_signal_settings(self):
        seen = self.path("seen")
        command = f"cat > {seen}; grep -E '^Sig(Blk|Ign)' /proc/self/status >> {seen}; cat {self.password}"
        ended = self.run_job("true", store=self.store, options=self.by_command(command))
        self.assertEqual(ended.code, 0, ended.stderr)
        with open(seen, encoding="ascii") as file:
            _, blocked, _, ignored = file.read().split()
        of_the_c_library = 1 << 31 | 1 << 32  # which posix_spawn always ignores
        self.assertEqual((int(blocked, 16), int(ignored, 16) & ~of_the_c_library), (0, 0))

    def test_the_other_sub_commands_accept_a_password_command(self):
        held = self.hold(life=self.life, store=self.store, options=self.by_file())
        words = [word for word in self.store if word != "--trust-restart"]
        command = ["--password-command", f"cat {self.password}"]
        self.assertEqual(self.run_words("status", *words, *command, "job").code, dlock.HELD)
        self.assertEqual(self.run_words("unlock", "--force", *words, *command, "job").code, 0)
        self.assertEqual(held.wait(), dlock.LOST)

    def test_two_password_options_on_the_command_line_are_refused(self):
        for options in ([*self.by_file(), "--password-command", "true"], self.by_command("")):
            ended = self.run_job("true", store=self.store, options=options)
            self.assertEqual(ended.code, dlock.USAGE, ended.stderr)
            self.assert_says(ended, "--password-command")

    def test_a_standby_survives_a_rotation_that_begins_at_the_server(self):
        held = self.hold(life=self.life, store=self.redis_store, options=OPTIONS, seconds=3 * PATIENCE)
        standby = self.start_run("true", store=self.store, options=[*self.by_file(), "-w"])
        standby.wait_said("waiting for it")
        self.change_at_server("new")
        self.end_connections(self.server)
        standby.wait_said("still waiting")
        self.put(self.password, "new\n")
        self.assertEqual((held.wait(), standby.wait()), (0, 0), standby.stderr)

    def test_a_standby_ends_if_the_refusal_lasts(self):
        self.hold(life=self.life, store=self.redis_store, options=OPTIONS)
        standby = self.start_run("true", store=self.store, options=[*self.by_file(), "-w"])
        standby.wait_said("waiting for it")
        self.change_at_server("new")
        self.end_connections(self.server)
        self.assertEqual(standby.wait(), dlock.REFUSED, standby.stderr)

    def test_a_password_file_of_another_user_can_be_readable_for_the_group(self):
        """Containers mount secrets like this, and ACLs appear as group rights."""
        if os.geteuid() != 0:
            self.skipTest("needs root, to give a file away")
        shutil.chown(self.password, 65534, 0)
        for mode, code in ((0o440, 0), (0o460, dlock.CONFIG), (0o444, dlock.CONFIG)):
            os.chmod(self.password, mode)
            self.assertEqual(self.run_job("true", store=self.store, options=self.by_file()).code, code, oct(mode))


class Certificates(Rotation):
    def setUp(self):
        super().setUp()
        self.made = certificates()
        self.server = RedisServer(self.path("secure"), tls=self.made.tls(clients="optional"))
        self.addCleanup(self.server.stop)
        self.store = self.store_at(self.server.tls_url)
        self.ca = self.copy(self.made.ca, "ca.pem")

    def copy(self, source, name):
        with open(source, encoding="ascii") as file:
            self.put(self.path(name), file.read())
        return self.path(name)

    def server_shows(self, identity):
        self.server("CONFIG", "SET", "tls-cert-file", identity.certificate, "tls-key-file", identity.key)

    def test_the_ca_and_the_certificate_of_the_server_can_be_rotated(self):
        other = self.made.under_another_ca
        held = self.hold(life=self.life, store=self.store, options=[*OPTIONS, "--tls-cacert", self.ca])
        self.server_shows(other)
        self.copy(self.made.unknown_ca, "ca.pem")
        self.outlives(held, self.server)

    def test_the_client_certificate_and_its_key_can_be_rotated(self):
        certificate, key = self.copy(self.made.unknown_client.certificate, "us.pem"), self.copy(self.made.unknown_client.key, "us.key")
        both = self.path("both.pem")
        with open(both, "w", encoding="ascii") as file:
            for ca in (self.made.ca, self.made.unknown_ca):
                with open(ca, encoding="ascii") as one:
                    file.write(one.read())
        self.server("CONFIG", "SET", "tls-ca-cert-file", both, "tls-auth-clients", "yes")
        held = self.hold(life=self.life, store=self.store,
                         options=[*OPTIONS, "--tls-cacert", self.ca, "--tls-cert", certificate, "--tls-key", key])
        self.server("CONFIG", "SET", "tls-ca-cert-file", self.made.ca)
        self.copy(self.made.client.key, "us.key")
        self.copy(self.made.client.certificate, "us.pem")
        self.outlives(held, self.server)

    def test_an_error_after_a_rotation_is_reported_at_the_end(self):
        held = self.hold(life=self.life, store=self.store, options=[*OPTIONS, "--tls-cacert", self.ca])
        self.server_shows(self.made.under_another_ca)
        self.end_connections(self.server)
        self.assertEqual(held.wait(), dlock.UNCONFIRMED)
        self.assertIn("not signed by a trusted CA", held.own_lines[-1])


if __name__ == "__main__":
    unittest.main()
