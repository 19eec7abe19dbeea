"""The exit status of dlock is that of the job, or a documented code together with a line that gives the reason."""

import os
import re
import signal
import subprocess
import unittest

from harness import dlock
from harness.case import JOBTOOL, Case, as_nobody, needs_root
from harness.wait import PATIENCE


class TheJobsOwnStatus(Case):
    def test_every_exit_code_of_the_job_is_passed_on(self):
        every = range(256) if PATIENCE == 1 else [0, 1, 2, 63, 64, 69, 71, 75, 80, 81, 124, 125, 126, 127, 128, 130, 143, 255]
        for code in every:
            with self.subTest(code=code):
                self.assertEqual(self.run_job(JOBTOOL, "exit", str(code)).code, code)

    def test_a_job_that_dies_by_a_signal_makes_dlock_die_by_the_same_signal(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT,
                       signal.SIGUSR1, signal.SIGPIPE):
            with self.subTest(signal=number.name):
                ended = self.run_job(JOBTOOL, "raise", number.name[3:])
                self.assertEqual(ended.died_by, number, ended.stderr)

    def test_a_crash_of_the_job_leaves_no_core_file_of_dlock(self):
        ended = self.run_job(JOBTOOL, "raise", "SEGV", cwd=self.directory)
        self.assertEqual(ended.died_by, signal.SIGSEGV)
        self.assertEqual([name for name in os.listdir(self.directory) if name.startswith("core")], [])

    def test_the_status_file_tells_exit_code_75_of_the_job_from_that_of_dlock(self):
        ours = self.start_with_status(JOBTOOL, "exit", "75")
        self.assertEqual(ours.wait(), 75)
        self.assertEqual(ours.status["exit_code"], 75)
        self.assertNotEqual(ours.status["outcome"], "held")

    def test_the_status_file_names_the_signal_that_ended_the_job(self):
        ended = self.start_with_status(JOBTOOL, "raise", "TERM")
        ended.wait()
        self.assertIn(ended.status["signal"], (15, "TERM", "SIGTERM"))
        self.assertEqual(ended.status["key"], self.key)

    def test_a_successful_job_prints_nothing_on_standard_error(self):
        self.assertEqual(self.run_job("true").stderr, "")


class TheLockIsHeld(Case):
    def setUp(self):
        super().setUp()
        self.holder = self.hold(options=["--trace", "release-4711", "--note", "nightly backup"])

    def test_the_second_run_exits_75_and_starts_no_job(self):
        second = self.run_job("touch", self.path("ran"))
        self.assertEqual(second.code, dlock.HELD)
        self.assertFalse(os.path.exists(self.path("ran")))

    def test_the_option_n_is_the_default(self):
        for option in ("-n", "--nonblock"):
            self.assertEqual(self.run_job("true", options=[option]).code, dlock.HELD)

    def test_the_option_conflict_exit_code_sets_the_exit_code(self):
        for words in (["-E", "0"], ["-E", "255"], ["--conflict-exit-code", "9"], ["--conflict-exit-code=9"]):
            with self.subTest(option=words):
                self.assertEqual(self.run_job("true", options=words).code, int(words[-1].split("=")[-1]))

    def test_the_message_names_the_key_the_host_the_pid_the_command_and_the_time(self):
        second = self.run_job("true")
        self.assertEqual(len(second.own_lines), 1, second.stderr)
        host = os.uname().nodename
        self.assert_says(second, self.key, host, "tick", "release-4711", "nightly backup")
        self.assertRegex(second.stderr, rf"\b({self.holder.pid}|{self.holder.engine()}|{self.holder.job()})\b")
        self.assertRegex(second.stderr, r"\d{4}-\d\d-\d\d|\bago\b|since")
        self.assert_says(second, "; nothing was started; give -w to wait, or run dlock status for details\n")

    def test_the_option_q_keeps_the_exit_code_and_drops_the_message(self):
        second = self.run_job("true", options=["-q"])
        self.assertEqual((second.code, second.stderr), (dlock.HELD, ""))

    def test_the_status_file_reports_held_and_the_holder(self):
        second = self.start_with_status("true")
        self.assertEqual(second.wait(), dlock.HELD)
        self.assertEqual((second.status["outcome"], second.status["exit_code"]), ("held", dlock.HELD))
        self.assertIn(os.uname().nodename, str(second.status["holder"]))

    def test_another_key_is_another_lock(self):
        self.assertEqual(self.run_job("true", key="another").code, 0)

    def test_the_lock_is_free_when_the_holder_has_ended(self):
        self.holder.signal(signal.SIGTERM)
        self.holder.wait()
        self.assertEqual(self.run_job("true").code, 0)


class TheCommandCannotBeRun(Case):
    """The table of env(1) and timeout(1): 127 if the file or its interpreter is missing, else 126."""

    def file(self, name, content, mode):
        path = self.path(name)
        with open(path, "wb") as file:
            file.write(content)
        os.chmod(path, mode)
        return path

    def refuse(self, command, code, *texts, **how):
        ended = self.run_job(command, **how)
        self.assertEqual(ended.code, code, f"{command}: {ended.stderr}")
        self.assertEqual(len(ended.own_lines), 1, ended.stderr)
        self.assert_says(ended, *texts)
        # The lock must be free at once, because the job never ran.
        self.assertEqual(self.run_job("true", **how).code, 0)

    def test_a_command_that_is_not_on_the_path_is_127_and_the_path_is_named(self):
        self.refuse("no-such-command-anywhere", 127, "no-such-command-anywhere", "No such file", "it is not in PATH (/usr/bin:/bin)",
                    more_env={"PATH": "/usr/bin:/bin"})

    def test_a_command_line_in_one_word_is_127_with_the_correct_form(self):
        for line in ("echo hello", "/bin/echo hello"):
            self.refuse(line, 127, f"cannot run '{line}': No such file or directory; give its words as separate arguments, or write sh -c '...';")

    def test_a_path_that_does_not_exist_is_127(self):
        self.refuse("/no/such/path", 127, "/no/such/path", "No such file")

    def test_an_empty_command_word_is_127(self):
        self.refuse("", 127)

    def test_a_regular_file_used_as_a_directory_is_126(self):
        self.refuse(self.file("plain", b"", 0o755) + "/command", 126, "Not a directory")

    def test_a_file_without_the_execute_bit_is_126(self):
        self.refuse(self.file("data", b"#!/bin/sh\n", 0o644), 126, "data", "Permission denied")

    def test_a_directory_is_126(self):
        self.refuse(self.directory, 126, "Permission denied")

    def test_a_missing_interpreter_is_127_and_the_message_names_the_interpreter(self):
        self.refuse(self.file("script", b"#!/no/such/interpreter\n", 0o755), 127, "script", "interpreter")

    def test_a_loop_of_links_is_126(self):
        os.symlink(self.path("b"), self.path("a"))
        os.symlink(self.path("a"), self.path("b"))
        self.refuse(self.path("a"), 126, "a", "symbolic links")

    def test_a_script_without_a_first_line_is_run_by_the_shell(self):
        self.assertEqual(self.run_job(self.file("plain", b"exit 7\n", 0o755)).code, 7)

    def test_a_broken_binary_ends_as_it_does_under_env(self):
        path = self.file("broken", b"\x7fELF" + bytes(60), 0o755)
        self.assertIn(self.run_job(path).code, (126, 127))
        self.assertEqual(self.run_job("true").code, 0)

    def test_a_command_without_a_slash_is_found_as_by_env(self):
        for directory, name, content, mode in (("first", "denied", b"echo first\n", 0o644), ("second", "denied", b"exit 3\n", 0o755),
                                               ("first", "only", b"", 0o644), ("second", "script", b'echo "$0 $*"\n', 0o755),
                                               ("here", "local", b"exit 5\n", 0o755), ("first", "file", b"", 0o644)):
            os.makedirs(self.path(directory), exist_ok=True)
            self.file(f"{directory}/{name}", content, mode)
        here, first, second = (self.path(name) for name in ("here", "first", "second"))
        for path in (f"{first}:{second}", f"{second}:{first}", f"{first}/file:{second}", f":{first}", f"{first}::{second}",
                     f"{second}:", "", "/none:/", None):
            env = {name: value for name, value in self.env.items() if name != "PATH"} | ({} if path is None else {"PATH": path})
            for words in (["denied"], ["only"], ["script", "a b", "c"], ["local"], ["sh", "-c", "exit 9"], ["none"], ["n" * 300]):
                with self.subTest(path=path, words=words):
                    wanted = subprocess.run(["/usr/bin/env", *words], cwd=here, env=env, capture_output=True, check=False)
                    ended = self.run_job(*words, cwd=here, env=env)
                    self.assertEqual((ended.code, ended.stdout), (wanted.returncode, wanted.stdout.decode()), ended.stderr)

    @needs_root
    def test_a_file_of_another_user_is_126(self):
        os.chmod(self.directory, 0o1777)
        locks = self.path("theirs")
        os.mkdir(locks, 0o700)
        os.chown(locks, 65534, 65534)
        self.refuse(self.file("mine", b"#!/bin/sh\n", 0o700), 126, "Permission denied",
                    store=["--store", f"local:{locks}"], preexec_fn=as_nobody)


class Help(Case):
    def test_help_and_version_exit_0_and_write_to_standard_output(self):
        for words in (["--help"], ["--version"], ["run", "--help"]):
            with self.subTest(words=words):
                ended = self.run_words(*words)
                self.assertEqual((ended.code, ended.stderr), (0, ""))
                self.assertTrue(ended.stdout)

    def test_help_names_every_exit_code(self):
        text = self.run_words("run", "--help").stdout
        for code in (64, 69, 70, 71, 75, 77, 78, 80, 81, 82, 124, 126, 127):
            self.assertRegex(text, rf"\b{code}\b")
        self.assertTrue(re.search(r"128\s*\+", text) or "130" in text)


if __name__ == "__main__":
    unittest.main()
