"""The messages of dlock: few, only on standard error, in the chosen format, and they never delay a kill."""

import fcntl
import json
import os
import signal
import subprocess
import unittest

from harness import dlock, life
from harness.case import JOBTOOL, Case, RedisCase
from harness.full_pipe import full_pipe
from harness.wait import LATE, PATIENCE, now, wait_until

OPTIONS = ["--ttl", "2s"]


@unittest.skipIf(os.path.exists("/run/systemd/journal/socket"), "the journal of this machine would get what is said here")
class TheJournal(Case):
    """systemd names the stream of the journal in JOURNAL_STREAM. Its own protocol is covered by test_journal."""

    def say(self, stream=None, options=()):
        reader, writer = os.pipe()
        with open(reader, encoding="utf-8") as end:
            status = os.fstat(writer)
            named = stream or f"{status.st_dev}:{status.st_ino}"
            ended = self.run_job("sh", "-c", "echo words of the job >&2", stderr=writer, options=options, more_env={"JOURNAL_STREAM": named})
            os.close(writer)
            return ended.code, end.read()

    def test_each_line_has_its_priority_for_the_journal(self):
        self.hold()
        code, said = self.say()
        self.assertEqual(code, dlock.HELD)
        self.assertTrue(said.startswith("<5>dlock: key 'job': the lock is held by host"), said)
        code, said = self.say(options=["--log-format", "json"])
        self.assertTrue(said.startswith('<5>{"time":'), said)
        json.loads(said.splitlines()[0][3:])

    def test_an_error_has_the_priority_of_an_error_and_the_output_of_the_job_none(self):
        code, said = self.say(options=["--on-failure", "exit 9", "-v"])
        self.assertEqual((code, [line for line in said.splitlines() if not line.startswith("<7>dlock: ")]), (0, ["words of the job"]))
        os.chmod(self.locks, 0o777)
        code, said = self.say()
        self.assertEqual(code, dlock.CONFIG)
        self.assertTrue(said.startswith("<3>dlock: "), said)

    def test_any_other_stream_gets_no_priority(self):
        self.hold()
        for stream in ("1:2", "nonsense"):
            code, said = self.say(stream)
            self.assertTrue(said.startswith("dlock: key 'job': the lock is held"), said)


class StandardErrorIsNotRead(RedisCase):
    def full_pipe(self):
        """The write end of a pipe that is full and is never read."""
        reader, writer = full_pipe()
        self.addCleanup(os.close, reader)
        self.addCleanup(os.close, writer)
        return writer

    def test_a_held_lock_still_exits_75(self):
        self.hold(store=self.redis_store)
        started = self.start_run("true", store=self.redis_store, stderr=self.full_pipe())
        self.assertEqual(started.wait(10), dlock.HELD)

    def test_a_lost_lock_still_kills_the_job_in_time(self):
        path = self.life_file()
        held = self.hold(life=path, store=self.redis_store, options=[*OPTIONS, "-v"], stderr=self.full_pipe())
        self.redis("DEL", self.lock_name)
        lost = now()
        self.assertEqual(held.wait(10), dlock.LOST)
        self.assertLess(life.last_tick(path) - lost, 0.4 + LATE)

    def test_a_store_that_does_not_answer_still_kills_the_job_in_time(self):
        path = self.life_file()
        between = self.relay()
        held = self.hold(life=path, store=self.through(between), options=[*OPTIONS, "-v"], stderr=self.full_pipe())
        between.freeze()
        frozen = now()
        self.assertEqual(held.wait(10), dlock.UNCONFIRMED)
        self.assertLess(life.last_tick(path) - frozen, 2.0)

    def test_the_lock_is_still_renewed(self):
        path = self.life_file()
        between = self.relay()
        held = self.hold(life=path, store=self.through(between), options=[*OPTIONS, "-v"], stderr=self.full_pipe(), seconds=4)
        for _ in range(3):  # each reset causes a message
            between.reset()
            wait_until(lambda: True, 1)
        self.assertEqual(held.wait(15), 0)

    def test_dlock_does_not_change_the_blocking_mode_of_the_pipe(self):
        # O_NONBLOCK belongs to the open file, which the job shares: it must not change.
        writer = self.full_pipe()
        held = self.hold(store=self.redis_store, stderr=writer, options=["-v"])
        self.assertEqual(fcntl.fcntl(writer, fcntl.F_GETFL) & os.O_NONBLOCK, 0)
        held.signal(signal.SIGTERM)
        self.assertEqual(held.wait(10), 143)


class StandardErrorIsUnusual(Case):
    def run_with(self, redirection, *words):
        done = subprocess.run(["sh", "-c", f'exec "$@" {redirection}', "sh", dlock.BINARY, *words], env=self.env,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                              timeout=30 * PATIENCE, start_new_session=True)
        return done

    def test_a_closed_standard_error_does_not_change_exit_codes(self):
        self.hold()
        run = ["run", "--key", self.key, *self.local_store]
        self.assertEqual(self.run_with("2>&-", *run, "--", "true").returncode, dlock.HELD)
        self.assertEqual(self.run_with("2>&-", "run", "--key", "other", *self.local_store, "-v", "--", "sh", "-c", "exit 3").returncode, 3)
        self.assertEqual(self.run_with("2>&-", "run", "--nonsense").returncode, dlock.USAGE)

    def test_a_full_standard_error_does_not_change_exit_codes(self):
        self.hold()
        self.assertEqual(self.run_with("2>/dev/full", "run", "--key", self.key, *self.local_store, "--", "true").returncode,
                         dlock.HELD)
        self.assertEqual(self.run_with("2>/dev/full", "run", "--key", "other", *self.local_store, "-v", "--", "sh", "-c",
                                       "exit 3").returncode, 3)

    def test_a_pipe_without_a_reader_does_not_change_the_exit_code(self):
        self.hold()
        reader, writer = os.pipe()
        os.close(reader)
        second = self.start_run("true", stderr=writer)
        os.close(writer)
        self.assertEqual(second.wait(), dlock.HELD)

    def test_standard_output_belongs_to_the_job(self):
        self.hold()
        for options in ([], ["-v"], ["--log-format", "json"]):
            self.assertEqual(self.run_job("true", options=options).stdout, "")
            self.assertEqual(self.run_job("echo", "x", key="other", options=options).stdout, "x\n")


class ForeignText(RedisCase):
    def test_no_control_character_of_a_foreign_lock_reaches_the_terminal(self):
        nasty = "a\x1b[2J\nb\rc\x07\x9b\x7f"
        lock = {"ownerHash": f"job@h/1.1.1#{nasty}", "processHash": "h/1.1", "trace": nasty, "note": nasty, "host": nasty,
                "command": nasty, "user": nasty, "acquiredAt": nasty, "extendedAt": nasty, "pid": nasty, "token": nasty}
        self.redis("SET", self.lock_name, json.dumps(lock))
        self.redis("SET", f"{self.prefix}proc:h/1.1", "{}", "PX", "60000")
        for form in ("text", "json"):
            with self.subTest(form=form):
                second = self.run_job("true", store=self.redis_store, options=["--log-format", form])
                self.assertIn(second.code, (dlock.HELD, dlock.UNREACHABLE, dlock.CONFIG))
                self.assertEqual(len(second.stderr.splitlines()), 1, second.stderr)
                odd = [letter for letter in second.stderr.rstrip("\n") if ord(letter) < 32 or 127 <= ord(letter) < 160]
                self.assertEqual(odd, [], ascii(second.stderr))

    def test_no_control_character_of_a_foreign_lock_reaches_the_status_file(self):
        nasty = "a\x1b[2J\x9b\u202eb"
        lock = {"ownerHash": "job@h/1.1.1", "processHash": "h/1.1", "note": nasty, "host": nasty, "acquiredAt": "2026-01-01T00:00:00.000Z"}
        self.redis("SET", self.lock_name, json.dumps(lock))
        self.redis("SET", f"{self.prefix}proc:h/1.1", "{}", "PX", "60000")
        second = self.start_with_status("true", store=self.redis_store)
        self.assertEqual(second.wait(), dlock.HELD)
        self.assertEqual(second.status["holder"], {"owner": "job@h/1.1.1", "host": "a?[2J??b", "note": "a?[2J??b",
                                                   "since": "2026-01-01T00:00:00.000Z"})


class Formats(Case):
    def setUp(self):
        super().setUp()
        self.hold(options=["--note", 'quote " and \\ and \u00fc'])

    def test_text_lines_begin_with_dlock(self):
        second = self.run_job("true")
        self.assertEqual(len(second.stderr.splitlines()), 1)
        self.assertTrue(second.stderr.startswith("dlock: "))
        self.assertTrue(second.stderr.endswith("\n"))

    def test_json_is_one_object_per_line_with_time_level_message_and_key(self):
        second = self.run_job("true", options=["--log-format", "json"])
        (line,) = second.stderr.splitlines()
        said = json.loads(line)
        for field in ("time", "level", "message", "key"):
            self.assertIn(field, said)
        self.assertEqual(said["key"], self.key)
        self.assertRegex(said["time"], r"^\d{4}-\d\d-\d\dT")

    def test_a_usage_error_is_reported_in_json_as_well(self):
        ended = self.run_words("run", "--log-format", "json", "--key", "job", *self.local_store, "--ttl", "x", "--", "true")
        self.assertEqual(ended.code, dlock.USAGE)
        for line in ended.stderr.splitlines():
            self.assertIn("--ttl", json.loads(line)["message"])

    def test_the_option_v_reports_the_course_of_a_run_in_lines_of_dlock(self):
        ended = self.run_job(JOBTOOL, "exit", "0", key="other", options=["-v"])
        self.assertTrue(ended.own_lines)
        self.assertEqual(len(ended.own_lines), len(ended.stderr.splitlines()))

    def test_the_option_q_still_prints_errors(self):
        ended = self.run_job("/no/such/command", key="other", options=["-q"])
        self.assertEqual((ended.code, len(ended.own_lines)), (127, 1))


if __name__ == "__main__":
    unittest.main()
