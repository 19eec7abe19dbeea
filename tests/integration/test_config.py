"""The sources of settings: command line, then environment, then configuration file; and the sources of passwords."""

import os
import unittest

from harness import dlock
from harness.case import RedisCase, needs_root
from harness.resp import Login
from harness.redis_server import RedisServer

PASSWORD = "geheim-4711"
NOBODY_LISTENS = "redis://127.0.0.1:1"


class SettingsCase(RedisCase):
    def file(self, name, text, mode=0o600):
        path = self.path(name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def run_with(self, *options, **env):
        return self.run_job("touch", self.path("ran"), store=["--trust-restart"], options=options, more_env=env)

    def ran(self):
        return os.path.exists(self.path("ran"))

    def assert_refused(self, started, code, *says):
        self.assertEqual(started.code, code, started.stderr)
        self.assert_says(started, *says)
        self.assertNotIn(PASSWORD, started.stderr)
        self.assertFalse(self.ran())


class TheExample(SettingsCase):
    def test_each_setting_of_the_example_file_is_accepted(self):
        path = __file__.rpartition("/tests/")[0] + "/packaging/dlock.toml"
        with open(path, encoding="utf-8") as file:
            settings = [line[1:] for line in file if " = " in line and not line.startswith("# ")]
        self.assertGreater(len(settings), 40)
        for setting in settings:
            name = setting.partition(" ")[0]
            if name in ("password-file", "sentinel-user", "sentinel-password-file", "tls-cacert", "tls-cert", "tls-key", "metrics-file"):
                continue  # these need files of this machine and have separate tests
            with self.subTest(setting=setting):
                config = self.file("config", setting + ("once-per = \"daily\"\n" if name in ("even-if-failed", "done-exit-code") else ""))
                local = ["--store", f"local:{self.locks}"]
                done = self.run_words("run", "--key", name, *local, "--config", config, "--", "true")
                self.assertEqual(done.code, 0, done.stderr)
                done = self.run_words("status", *local, "--config", config, name)
                self.assertIn(done.code, (0, dlock.HELD), done.stderr)


class Order(SettingsCase):
    """Each source names another store, only one of which can be reached."""

    def test_the_command_line_outranks_the_environment(self):
        done = self.run_with("--store", self.redis.url, DLOCK_STORE=NOBODY_LISTENS)
        self.assertEqual(done.code, 0, done.stderr)

    def test_the_environment_outranks_the_file(self):
        config = self.file("config", f'store = "{NOBODY_LISTENS}"\n')
        done = self.run_with("--config", config, DLOCK_STORE=self.redis.url)
        self.assertEqual(done.code, 0, done.stderr)

    def test_the_file_outranks_the_default(self):
        config = self.file("config", f'store = "{self.redis.url}"\nprefix = "{self.prefix}"\n')
        held = self.hold(store=["--trust-restart"], options=["--config", config])
        self.assertIsNotNone(self.lock_value())
        self.assertNotIn("no store is configured", held.stderr)

    def test_the_command_line_outranks_the_file_for_any_option(self):
        config = self.file("config", 'store = "local"\nconflict-exit-code = 9\nttl = "5s"\n')
        self.hold(options=["--config", config])
        self.assertEqual(self.run_job("true", options=["--config", config]).code, 9)
        self.assertEqual(self.run_job("true", options=["--config", config, "-E", "8"]).code, 8)

    def test_of_options_that_exclude_each_other_the_one_on_the_command_line_counts(self):
        waits = self.file("waits", 'store = "local"\nwait = "20s"\nshared = true\n')
        lone = self.file("lone", 'store = "local"\nnonblock = true\nlimit = "2"\n')
        self.hold(options=["--config", waits])
        self.assertEqual(self.run_job("true", options=["--config", waits]).code, 0)
        self.assertEqual(self.run_job("true", options=["--config", waits, "--exclusive", "-n"]).code, dlock.HELD)
        self.assertEqual(self.run_job("true", options=["--config", lone, "--shared"]).code, 0)
        ended = self.run_job("true", options=["--config", lone, "--exclusive", "-w", "100ms"])
        self.assertEqual(ended.code, dlock.HELD)
        self.assert_says(ended, "waited")

    def test_a_wait_without_limit_can_be_set_in_the_file(self):
        config = self.file("config", 'store = "local"\nwait = true\n')
        held = self.hold(seconds=1)
        self.assertEqual(self.run_job("true", options=["--config", config]).code, 0)
        self.assertEqual(held.wait(), 0)

    def test_a_config_file_given_on_the_command_line_outranks_that_of_the_environment(self):
        good, bad = self.file("good", f'store = "{self.redis.url}"\n'), self.file("bad", f'store = "{NOBODY_LISTENS}"\n')
        self.assertEqual(self.run_with("--config", good, DLOCK_CONFIG=bad).code, 0)
        self.assertEqual(self.run_with(DLOCK_CONFIG=good).code, 0)
        self.assertEqual(self.run_with(DLOCK_CONFIG=bad).code, dlock.UNREACHABLE)

    @needs_root
    def test_the_default_file_is_read_if_it_exists(self):
        os.mkdir(self.path("etc"))
        script = 'mount --bind "$1" /etc || exit 99; shift; exec "$@"'
        prefix = ["unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh", self.path("etc")]
        if self.run_words("--version", prefix_command=prefix).code == 99:
            self.skipTest("nothing can be mounted here")
        none = self.run_job("true", store=[], prefix_command=prefix)
        self.assert_says(none, "no store is configured")
        self.file("etc/dlock.toml", f'store = "{self.redis.url}"\ntrust-restart = true\n', 0o644)
        there = self.run_job("true", store=[], prefix_command=prefix)
        self.assertEqual((there.code, there.stderr), (0, ""))

    @needs_root
    def test_a_default_file_that_cannot_be_read_is_an_error(self):
        os.mkdir(self.path("etc"))
        os.mkdir(self.path("etc/dlock.toml"))
        script = 'mount --bind "$1" /etc || exit 99; shift; exec "$@"'
        prefix = ["unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh", self.path("etc")]
        if self.run_words("--version", prefix_command=prefix).code == 99:
            self.skipTest("nothing can be mounted here")
        refused = self.run_job("touch", self.path("ran"), store=[], prefix_command=prefix)
        self.assert_refused(refused, dlock.CONFIG, "/etc/dlock.toml cannot be read", "Is a directory")


class BadFiles(SettingsCase):
    def refused(self, text, *says, mode=0o644):
        config = self.file("config", text, mode)
        self.assert_refused(self.run_with("--config", config), dlock.CONFIG, config, *says)

    def test_an_error_in_a_file_is_reported_with_the_file_and_the_reason(self):
        for text, says in ((f'stoer = "{NOBODY_LISTENS}"\n', ("'stoer' is unknown", "long name of an option")),
                           ('key = "k"\n', ("'key' is unknown",)),
                           ('[redis]\nstore = "local"\n', ("section",)),
                           ('ttl = "5s"\nttl = "6s"\n', ("line 2", "ttl", "cannot redefine")),
                           ('prefix = "foo:\n', ("line 1", "control characters")),
                           ('prefix\n', ("line 1",)),
                           ('prefix =\n', ("line 1",)),
                           ('prefix = true\n', ("line 1", "prefix", "in quotes")),
                           ('tls-insecure\n', ("line 1",)),
                           ('store = redis://127.0.0.1:1\n', ("line 1", "store = \"redis://host\"")),
                           ('\n; ttl = 3\n', ("line 2",)),
                           ('wait = ""\n', ("line 1", "wait is empty")),
                           ('quiet = "true"\n', ("quiet", "without quotes")),
                           ('trust-restart = "maybe"\n', ("trust-restart", "true or false")),
                           ('ttl = ["5s", "6s"]\n', ("ttl", "type that no option accepts")),
                           ('ttl = "5x"\n', ("--ttl '5x'",)),
                           ('store = "redis://h:0"\n', ("--store", "port '0'")),
                           ('store = ""\n', ("--store", "is empty"))):
            with self.subTest(text=text):
                self.refused(text, *says)

    def test_a_missing_file_and_a_file_that_is_not_regular_are_refused(self):
        self.assert_refused(self.run_with("--config", self.path("none")), dlock.CONFIG, "--config", "none", "No such file")
        self.assert_refused(self.run_with(DLOCK_CONFIG=self.path("none")), dlock.CONFIG, "DLOCK_CONFIG", "No such file")
        self.assert_refused(self.run_with(DLOCK_CONFIG=""), dlock.CONFIG, "DLOCK_CONFIG '' names no file")
        self.assert_refused(self.run_with("--config", ""), dlock.CONFIG, "--config '' names no file")
        os.mkfifo(self.path("fifo"))
        self.assert_refused(self.run_with("--config", self.path("fifo")), dlock.CONFIG, "fifo")

    def test_a_user_without_a_password_is_refused_and_secrets_of_other_urls_are_accepted(self):
        self.refused('store = "redis://dlock@127.0.0.1:1"\n', "--store names a user but no password")
        url = "redis://dlock@127.0.0.1:1"
        self.assert_refused(self.run_with(DLOCK_STORE=url), dlock.CONFIG, "dlock: DLOCK_STORE names a user but no password")
        self.assert_refused(self.run_with("--store", url), dlock.USAGE, "dlock: --store names a user but no password")
        for text in (f'store = "{self.redis.url}"\n# see https://wiki/?mail=ops:x@example.com\n',
                     f'store = "{self.redis.url}"\non-failure = "curl https://ops:hook@example.com"\n'):
            done = self.run_with("--config", self.file("config", text, 0o644))
            self.assertEqual(done.code, 0, done.stderr)

    def test_a_file_that_is_writable_for_everyone_is_refused(self):
        for mode in (0o646, 0o602, 0o666):
            self.refused('ttl = "5s"\n', "is writable by all users", "chmod o-w", mode=mode)

    def test_a_password_in_a_file_that_is_readable_for_everyone_is_refused(self):
        self.refused(f'store = "redis://u:{PASSWORD}@127.0.0.1:1"\n', "password", "all users", "chmod")


class Passwords(SettingsCase):
    """Each test has its own server, with one password."""

    def setUp(self):
        super().setUp()
        self.secured = RedisServer(self.path("secured"), login=Login(PASSWORD))
        self.addCleanup(self.secured.stop)

    def url(self, password):
        return self.secured.url.replace("://", f"://:{password}@")

    def test_a_password_is_read_from_a_file(self):
        for text in (PASSWORD, PASSWORD + "\n", PASSWORD + "\r\n", PASSWORD + "\nanything else\n"):
            done = self.run_with("--store", self.secured.url, "--password-file", self.file("secret", text))
            self.assertEqual(done.code, 0, done.stderr)

    def test_a_password_is_read_from_rediscli_auth(self):
        done = self.run_with("--store", self.secured.url, REDISCLI_AUTH=PASSWORD)
        self.assertEqual(done.code, 0, done.stderr)

    def test_a_newline_at_the_end_of_a_variable_is_ignored(self):
        for end in ("\n", "\r\n"):
            done = self.run_with(DLOCK_STORE=self.secured.url + end, REDISCLI_AUTH=PASSWORD + end)
            self.assertEqual(done.code, 0, done.stderr)

    def test_the_url_outranks_rediscli_auth_and_a_password_file_outranks_both(self):
        self.assertEqual(self.run_with(DLOCK_STORE=self.url(PASSWORD), REDISCLI_AUTH="wrong").code, 0)
        done = self.run_with("--password-file", self.file("secret", PASSWORD), DLOCK_STORE=self.url("wrong"), REDISCLI_AUTH="wrong")
        self.assertEqual(done.code, 0, done.stderr)

    def test_rediscli_auth_outranks_the_configuration_file(self):
        wrong = self.file("wrong", "wrong")
        for text in (f'store = "{self.url("wrong")}"\n', f'store = "{self.secured.url}"\npassword-file = "{wrong}"\n'):
            done = self.run_with("--config", self.file("config", text), REDISCLI_AUTH=PASSWORD)
            self.assertEqual(done.code, 0, done.stderr)

    def test_a_password_is_read_from_the_configuration_file(self):
        secret = self.file("secret", PASSWORD)
        for text in (f'store = "{self.url(PASSWORD)}"\n', f'store = "{self.secured.url}"\npassword-file = "{secret}"\n'):
            done = self.run_with("--config", self.file("config", text))
            self.assertEqual(done.code, 0, done.stderr)

    def test_of_a_password_file_and_a_command_the_one_from_the_higher_source_counts(self):
        wrong, right = self.file("wrong", "wrong"), f"echo {PASSWORD}"
        config = self.file("config", f'store = "{self.secured.url}"\npassword-file = "{wrong}"\n')
        done = self.run_with("--config", config, "--password-command", right)
        self.assertEqual(done.code, 0, done.stderr)
        config = self.file("config", f'store = "{self.secured.url}"\npassword-command = "echo wrong"\n')
        for more in (["--password-file", self.file("secret", PASSWORD)], ["--password-command", right]):
            done = self.run_with("--config", config, *more)
            self.assertEqual(done.code, 0, done.stderr)
        self.assertEqual(self.run_with("--config", config, REDISCLI_AUTH=PASSWORD).code, 0)

    def test_a_password_command_together_with_another_password_is_refused(self):
        right = f"echo {PASSWORD}"
        refused = self.run_with("--store", self.secured.url, "--password-command", right, "--password-file", self.file("secret", "x"))
        self.assert_refused(refused, dlock.USAGE, "and --password-command both give a password")
        refused = self.run_with("--store", self.url(PASSWORD), "--password-command", right)
        self.assert_refused(refused, dlock.USAGE, "--password-command", "and the URL of the store both give a password")
        refused = self.run_with("--store", "local", "--password-command", right)
        self.assert_refused(refused, dlock.USAGE, "--password-command requires a Redis")

    def test_a_password_file_that_other_users_can_access_is_refused(self):
        for mode in (0o604, 0o660, 0o644):
            secret = self.file("secret", PASSWORD, mode)
            refused = self.run_with("--store", self.secured.url, "--password-file", secret)
            self.assert_refused(refused, dlock.CONFIG, "--password-file", "chmod 600")

    def test_a_missing_or_empty_password_file_is_refused(self):
        for path, says in ((self.path("none"), "No such file"), ("", "'' names no file"), (self.file("empty", ""), "no password"),
                           (self.file("blank", "\nsecond\n"), "no password"), (self.directory, "directory")):
            refused = self.run_with("--store", self.secured.url, "--password-file", path)
            self.assert_refused(refused, dlock.CONFIG, "--password-file", says)

    def test_two_passwords_on_the_command_line_are_refused(self):
        refused = self.run_with("--store", self.url(PASSWORD), "--password-file", self.file("secret", PASSWORD))
        self.assert_refused(refused, dlock.USAGE, "--password-file", "both give a password")

    def test_a_user_without_a_password_is_refused(self):
        refused = self.run_with("--store", self.secured.url.replace("://", "://jobs@"))
        self.assert_refused(refused, dlock.USAGE, "a user but no password", "--password-file")

    def test_a_wrong_password_is_not_shown(self):
        refused = self.run_with("--store", self.secured.url, REDISCLI_AUTH=PASSWORD + "x")
        self.assert_refused(refused, dlock.REFUSED, "rejected")

    def test_options_that_would_have_no_effect_are_refused(self):
        secret = self.file("secret", PASSWORD)
        for options in (["--store", "local", "--password-file", secret], ["--store", "local", "--min-replicas", "1"],
                        ["--store", self.secured.url, "--sentinel-user", "u"]):
            self.assert_refused(self.run_with(*options), dlock.USAGE, options[2])


if __name__ == "__main__":
    unittest.main()
