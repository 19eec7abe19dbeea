"""Invalid input exits with 64 or 78 and one clear line, before anything is started or written."""

import json
import os
import unittest

from harness import dlock
from harness.case import JOBTOOL, NOBODY, Case, RedisCase, as_nobody, needs_root


class BadInput(Case):
    def setUp(self):
        super().setUp()
        self.ran = self.path("ran")

    def refuse(self, words, codes, *texts, **how):
        """`dlock WORDS` must exit with one of the codes and a line that contains all the texts, and must change no file."""
        before = self.snapshot()
        self._count += 1
        ended = self.run_words(*words, **how)
        self.assertIn(ended.code, codes, f"{words}: {ended.stderr}")
        self.assertFalse(os.path.exists(self.ran), "the job was started")
        self.assertEqual(self.snapshot(), before, "something was written")
        self.assertTrue(ended.own_lines, f"no line that begins with 'dlock: ' in {ended.stderr!r}")
        self.assertEqual(ended.stdout, "")
        for text in texts:
            self.assertIn(text, ended.stderr)
        return ended

    def snapshot(self):
        found = []
        for place, directories, files in os.walk(self.directory):
            directories[:] = [name for name in directories if not name.startswith("run")]
            found += [os.path.join(place, name) for name in [*directories, *files] if not name.startswith("run")]
        return sorted(found)

    def run_line(self, *options, key="job", store=None):
        store = self.local_store if store is None else store
        key_words = [] if key is None else ["--key", key]
        return ["run", *key_words, *store, *options, "--", "touch", self.ran]


class Words(BadInput):
    def test_a_missing_double_dash_is_refused(self):
        self.refuse(["run", "--key", "job", *self.local_store, "touch", self.ran], [dlock.USAGE], "--")

    def test_a_missing_command_after_the_double_dash_is_refused(self):
        self.refuse(["run", "--key", "job", *self.local_store, "--"], [dlock.USAGE], "command")

    def test_a_missing_double_dash_and_command_are_refused(self):
        self.refuse(["run", "--key", "job", *self.local_store], [dlock.USAGE], "--")

    def test_a_missing_key_is_refused(self):
        self.refuse(self.run_line(key=None), [dlock.USAGE], "--key")

    def test_an_empty_command_line_is_refused(self):
        self.refuse([], [dlock.USAGE], "run")

    def test_an_unknown_sub_command_is_refused(self):
        self.refuse(["rum", "--key", "job", "--", "touch", self.ran], [dlock.USAGE], "rum")

    def test_an_unknown_option_is_refused(self):
        self.refuse(self.run_line("--keey", "x"), [dlock.USAGE], "--keey")

    def test_the_name_of_a_sub_command_is_an_ordinary_word_elsewhere(self):
        for word in ("run", "status", "list", "unlock", "doctor", "heartbeat", "completion"):
            with self.subTest(word=word):
                self.refuse(["run", "--key", "job", *self.local_store, word, "--", "touch", self.ran], [dlock.USAGE], f"'{word}'", "after a --")
                for command in ("status", "unlock"):
                    self.assertIn(f"{word}", self.run_words(command, *self.local_store, word).stdout)
                self.assertIn(f"'{word}'", self.run_words("list", *self.local_store, word).stderr)
        self.refuse(["--store", "local", "list"], [dlock.USAGE], "'--store' is before the sub-command", "dlock list")

    def test_a_key_in_brackets_is_accepted(self):
        self.assertIn('"key":"[a,b]"', self.run_words("status", *self.local_store, "--json", "[a,b]").stdout)
        self.assertIn("'[a-c]'", self.run_words("list", *self.local_store, "[a-c]").stderr)
        self.assertIn("'[a]': the lock is free", self.run_words("unlock", *self.local_store, "[a]").stdout)

    def test_an_empty_value_is_refused_instead_of_the_default(self):
        for option in ("-w", "--wait", "-E", "-k", "--ttl", "--limit"):
            with self.subTest(option=option):
                self.refuse(self.run_line(option, ""), [dlock.USAGE], option.lstrip("-")[0], "''")
        self.refuse(self.run_line("--wait="), [dlock.USAGE], "--wait ''", "30s")
        self.refuse(["list", *self.local_store, "--watch", ""], [dlock.USAGE], "--watch ''")

    def test_an_option_given_twice_without_a_value_or_with_a_superfluous_value_is_refused(self):
        self.refuse(self.run_line("--ttl", "5s", "--ttl", "6s"), [dlock.USAGE], "--ttl is given twice")
        self.refuse(self.run_line("--contain="), [dlock.USAGE], "--contain has no value", "HOW")
        self.refuse(self.run_line("--quiet=maybe"), [dlock.USAGE], "--quiet takes no value")
        self.refuse(self.run_line("-key", "a", key=None), [dlock.USAGE], "'-key' has one dash", "--key")

    def test_an_option_whose_value_is_missing_is_refused(self):
        self.refuse(["run", "--key", "job", *self.local_store, "--ttl", "--", "touch", self.ran], [dlock.USAGE], "--ttl")

    def test_an_option_of_a_later_version_is_refused_and_not_ignored(self):
        for option in ("--realtime", "--on-held", "--steal"):
            self.refuse(self.run_line(option, "3"), [dlock.USAGE], option)


    def test_no_error_message_shows_a_secret(self):
        url = "redis://me:geheim@host"
        for option in ("--password=geheim", f"--sotre={url}", url, f"--ttl={url}", f"--wait={url}", f"--once-per={url}"):
            with self.subTest(option=option):
                refused = self.refuse(self.run_line(option), [dlock.USAGE])
                self.assertNotIn("geheim", refused.stderr)
        self.assertNotIn("geheim", self.refuse(["--password=geheim"], [dlock.USAGE], "'--password'").stderr)


class Combinations(BadInput):
    def test_a_prefix_with_empty_braces_is_refused_for_a_cluster(self):
        self.refuse(self.run_line("--prefix", "{}:", store=["--store", "redis+cluster://127.0.0.1:1"]), [dlock.USAGE], "--prefix",
                    "{}:", "empty braces")

    def test_orphans_leave_is_refused_together_with_a_cgroup_or_a_pid_namespace(self):
        for how in ("cgroup", "pidns"):
            self.refuse(self.run_line("--orphans=leave", f"--contain={how}"), [dlock.USAGE], "--orphans=leave",
                        f"--contain={how}")


class Keys(BadInput):
    def test_an_empty_key_is_refused(self):
        self.refuse(self.run_line(key=""), [dlock.USAGE], "--key")

    def test_a_key_of_513_bytes_is_refused(self):
        self.refuse(self.run_line(key="k" * 513), [dlock.USAGE], "--key", "512")

    def test_a_key_of_512_bytes_is_accepted(self):
        self.assertEqual(self.run_job("true", key="k" * 512).code, 0)

    def test_a_key_can_contain_any_bytes(self):
        for key in (b"\xff\xfe", "ünïcode/..//%2F {x}".encode(), b"a\nb\tc", b".", b"..", b"/etc/passwd", b"-", b" "):
            with self.subTest(key=key):
                self.assertEqual(self.run_job("true", key=key).code, 0)

    def test_a_key_with_a_newline_does_not_split_the_message_into_lines(self):
        self.key = "first\ndlock: second"
        self.hold()
        second = self.run_job("true")
        self.assertEqual((second.code, len(second.stderr.splitlines())), (dlock.HELD, 1))

    def test_keys_that_look_alike_are_different_locks(self):
        self.key = "a/b"
        self.hold()
        for key in ("a%2Fb", "a_b", "A/B", "a/b/", "a//b", "a%2fb"):
            with self.subTest(key=key):
                self.assertEqual(self.run_job("true", key=key).code, 0)
        self.assertEqual(self.run_job("true", key="a/b").code, dlock.HELD)


class Stores(BadInput):
    def refuse_store(self, url, *texts):
        with self.subTest(store=url, by="option"):
            self.refuse(self.run_line(store=["--store", url]), [dlock.USAGE, dlock.CONFIG], "--store", *texts)
        with self.subTest(store=url, by="environment"):
            self.refuse(self.run_line(store=[]), [dlock.USAGE, dlock.CONFIG], "DLOCK_STORE", *texts,
                        more_env={"DLOCK_STORE": url})

    def test_an_unknown_scheme_is_refused(self):
        self.refuse_store("etcd://127.0.0.1", "etcd", "redis://")

    def test_text_that_is_not_a_url_is_refused(self):
        self.refuse_store("127.0.0.1:6379", "redis://")

    def test_a_port_that_is_0_or_70000_or_not_a_number_or_empty_is_refused(self):
        for port in ("0", "70000", "text", "99999999999999999999", "-1", "6379x", "+1"):
            self.refuse_store(f"redis://127.0.0.1:{port}", port, "65535")

    def test_a_database_that_is_not_a_number_is_refused(self):
        for database in ("text", "-1", "1x", "99999999999999999999"):
            self.refuse_store(f"redis://127.0.0.1:6379/{database}", database, "number")

    def test_a_url_without_a_host_is_refused(self):
        self.refuse_store("redis://", "host")

    def test_a_relative_lock_directory_is_refused(self):
        self.refuse_store("local:relative/directory", "relative/directory")

    def test_an_empty_store_variable_is_refused_instead_of_the_default(self):
        self.refuse(self.run_line(store=[]), [dlock.CONFIG], "DLOCK_STORE", "empty", more_env={"DLOCK_STORE": ""})

    def test_an_empty_store_option_is_refused(self):
        self.refuse(self.run_line(store=["--store", ""]), [dlock.USAGE, dlock.CONFIG], "--store")

    def test_the_option_outranks_the_environment(self):
        self.assertEqual(self.run_job("true", more_env={"DLOCK_STORE": "redis://127.0.0.1:1"}).code, 0)


class Durations(BadInput):
    def test_text_that_is_not_a_duration_is_refused(self):
        for text in ("", "s", "x", "30 s", " 30s", "30s ", "-1s", "-1", "+1s", "1e9d", "9999999999999999999s",
                     "99999999999999999d", "1.5.5s", "10S", "10sec", "0x10", "1_000s", "nan", "inf"):
            for option, named in (("--ttl", "--ttl"), ("--lock-ttl", "--lock-ttl"), ("--kill-after", "-k")):
                with self.subTest(option=option, value=text):
                    self.refuse(self.run_line(f"{option}={text}"), [dlock.USAGE], named, text)

    def test_a_ttl_too_short_for_renewal_and_margin_is_refused_with_the_minimum(self):
        for text in ("0", "0s", "1ms", "500ms", "1s"):
            with self.subTest(ttl=text):
                self.refuse(self.run_line("--ttl", text), [dlock.USAGE, dlock.CONFIG], "--ttl", text, "the minimum is 1.3s")

    def test_a_lock_ttl_that_expires_between_two_renewals_is_refused_with_the_minimum(self):
        self.refuse(self.run_line("--ttl", "10s", "--lock-ttl", "1s"), [dlock.USAGE, dlock.CONFIG], "--lock-ttl", "the minimum is 10s")

    def test_every_unit_and_a_bare_number_are_accepted(self):
        for text in ("1500ms", "10s", "10", "2m", "1h", "1d"):
            with self.subTest(ttl=text):
                self.assertEqual(self.run_job("true", options=["--ttl", text, "--lock-ttl", "2d"]).code, 0)


class OtherOptions(BadInput):
    def test_a_conflict_exit_code_outside_0_to_255_is_refused(self):
        for text in ("256", "-1", "x", "1.5", "99999999999999999999"):
            with self.subTest(value=text):
                self.refuse(self.run_line(f"-E{text}"), [dlock.USAGE], text, "255")
        self.refuse(self.run_line("--conflict-exit-code="), [dlock.USAGE], "--conflict-exit-code")

    def test_an_unknown_signal_is_refused(self):
        for text in ("NOPE", "SIGNOPE", "0", "65", "-1", ""):
            with self.subTest(value=text):
                self.refuse(self.run_line(f"--signal={text}"), [dlock.USAGE], "-s", text)

    def test_a_signal_is_accepted_by_name_with_and_without_sig_and_by_number(self):
        for text in ("TERM", "SIGTERM", "term", "15"):
            with self.subTest(value=text):
                self.assertEqual(self.run_job("true", options=["-s", text]).code, 0)

    def test_an_unknown_choice_is_refused_with_the_known_ones(self):
        for option, choice in (("--on-silence", "kill"), ("--orphans", "wait"), ("--contain", "cgroup"),
                               ("--log-format", "json")):
            with self.subTest(option=option):
                self.refuse(self.run_line(f"{option}=nonsense"), [dlock.USAGE], option, "nonsense", choice)

    def test_a_status_file_that_cannot_be_written_is_refused(self):
        for path in (self.path("no", "such", "directory"), self.directory, "", "/proc/none"):
            with self.subTest(path=path):
                self.refuse(self.run_line("--status-file", path), [dlock.USAGE, dlock.CONFIG], "--status-file", path)

    def test_a_trace_that_peers_could_not_parse_is_refused(self):
        self.refuse(self.run_line("--trace", "a\nb"), [dlock.USAGE], "--trace")


class LockDirectories(BadInput):
    def refuse_directory(self, path, *texts, **how):
        self.refuse(self.run_line(store=["--store", f"local:{path}"]), [dlock.CONFIG], path, *texts, **how)
        self.assertFalse(os.path.isdir(path) and os.listdir(path), "something was written there")

    def test_a_symbolic_link_is_refused(self):
        os.mkdir(self.path("real"), 0o700)
        os.symlink(self.path("real"), self.path("link"))
        self.refuse_directory(self.path("link"), "link")

    def test_a_directory_that_is_writable_for_everyone_is_refused(self):
        for mode in (0o777, 0o1777, 0o722):
            path = self.path(f"open{mode:o}")
            os.mkdir(path)
            os.chmod(path, mode)
            self.refuse_directory(path, "is writable by other users")

    @needs_root
    def test_a_directory_of_another_user_is_refused(self):
        path = self.path("theirs")
        os.mkdir(path, 0o700)
        os.chown(path, NOBODY, NOBODY)
        self.refuse_directory(path, "belongs")

    @needs_root
    def test_a_directory_of_root_is_refused_for_other_users(self):
        path = self.path("roots")
        os.mkdir(path, 0o755)
        self.refuse_directory(path, "belongs", preexec_fn=as_nobody)

    def test_a_regular_file_is_refused(self):
        path = self.path("file")
        with open(path, "wb"):
            pass
        self.refuse_directory(path, "directory")


class TenSeconds(RedisCase):
    def test_010s_is_ten_seconds_and_not_eight(self):
        self.hold(store=self.redis_store, options=["--ttl", "010s", "--lock-ttl", "010m"])
        (liveness,) = self.redis("KEYS", f"{self.prefix}proc:*")
        self.assertGreater(self.redis("PTTL", liveness), 8000)
        self.assertGreater(self.redis("PTTL", self.lock_name), 480_000)


class Accepted(BadInput):
    def argv_of_job(self, *words):
        ended = self.run_job(JOBTOOL, "report", self.path("report"), *words)
        self.assertEqual(ended.code, 0, ended.stderr)
        with open(self.path("report"), encoding="utf-8") as file:
            return json.load(file)["argv"][3:]

    def test_words_after_the_double_dash_are_passed_to_the_job_unchanged(self):
        words = ["[]", "[a]", "--key", "--", "-E", "256", "", " ", "a b", "--help", "-n", "\\", "'", '"', "$HOME", "*", "{}"]
        self.assertEqual(self.argv_of_job(*words), words)

    def test_an_option_can_be_given_with_an_equals_sign(self):
        ended = self.run_words("run", "--key=job", f"--store=local:{self.locks}", "--ttl=5s", "--", "touch", self.ran)
        self.assertEqual(ended.code, 0, ended.stderr)

    def test_an_existing_status_file_is_replaced_as_a_whole(self):
        path = self.path("status")
        with open(path, "w", encoding="ascii") as file:
            file.write("x" * 5000)
        ended = self.start_run("true", options=["--status-file", path])
        self.assertEqual(ended.wait(), 0)
        ended.status_file = path
        self.assertEqual(ended.status["exit_code"], 0)

    def test_a_status_file_that_the_job_has_blocked_is_reported_and_the_exit_code_is_kept(self):
        path = self.path("status")
        ended = self.run_job("sh", "-c", f"mkdir '{path}'; exit 3", options=["--status-file", path])
        self.assertEqual(ended.code, 3)
        self.assert_says(ended, f"--status-file '{path}' could not be written")
        self.assertEqual([name for name in os.listdir(self.directory) if name.endswith(".tmp")], [])


if __name__ == "__main__":
    unittest.main()
