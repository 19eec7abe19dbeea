"""The job gets unchanged what belongs to the user: arguments, environment, descriptors, limits, signals, working directory."""

import json
import os
import resource
import signal
import subprocess
import time
import unittest

from harness import dlock
from harness.case import JOBTOOL, Case, RedisCase, ignoring
from harness.wait import wait_until

OURS = ["DLOCK_KEY", "DLOCK_OWNER", "DLOCK_FENCING_TOKEN"]


class Transparency(Case):
    def report(self, *words, **how):
        """The report of a job under dlock."""
        path = self.path("report")
        ended = self.run_job(JOBTOOL, "report", path, *words, **how)
        self.assertEqual(ended.code, 0, ended.stderr)
        return _load(path)

    def report_without_dlock(self, *words, more_env=None, **how):
        """The report of the same job when it is started in the same way without dlock."""
        path = self.path("direct")
        subprocess.run([JOBTOOL, "report", path, *words], env={**self.env, **(more_env or {})}, check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       start_new_session=True, **how)
        return _load(path)

    def same(self, *fields, **how):
        with_dlock, direct = self.report(**how), self.report_without_dlock(**how)
        for field in fields:
            self.assertEqual(with_dlock[field], direct[field], field)
        return with_dlock


def _load(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return json.load(file)


class Signals(Transparency):
    def test_the_job_inherits_the_default_dispositions_and_an_empty_mask(self):
        self.assertEqual(int(self.same("blocked", "ignored")["blocked"], 16), 0)

    def test_ignored_signals_stay_ignored_in_the_job(self):
        for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP,
                       signal.SIGTTOU, signal.SIGUSR1):
            with self.subTest(signal=number.name):
                seen = self.same("blocked", "ignored", preexec_fn=ignoring(number), restore_signals=False)
                self.assertTrue(int(seen["ignored"], 16) >> (number - 1) & 1)

    def test_default_sigpipe_stays_default_in_the_job(self):
        seen = self.report(preexec_fn=lambda: signal.signal(signal.SIGPIPE, signal.SIG_DFL))
        self.assertFalse(int(seen["ignored"], 16) >> (signal.SIGPIPE - 1) & 1)

    def test_a_blocked_mask_stays_blocked_in_the_job(self):
        blocked = {signal.SIGTERM, signal.SIGUSR1, signal.SIGCHLD, signal.SIGRTMIN + 3}
        seen = self.same("blocked", "ignored", preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, blocked))
        self.assertEqual(int(seen["blocked"], 16), sum(1 << (number - 1) for number in blocked))

    def test_if_the_caller_ignores_sigchld_the_exit_code_of_the_job_is_still_right(self):
        ended = self.run_job(JOBTOOL, "exit", "7", preexec_fn=ignoring(signal.SIGCHLD), restore_signals=False)
        self.assertEqual(ended.code, 7)

    def test_under_nohup_a_hangup_ends_neither_dlock_nor_the_job(self):
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
            with self.subTest(signal=number.name):
                life = self.life_file(f"life-{number.name}")
                held = self.hold(life=life, seconds=0.6, preexec_fn=ignoring(number), restore_signals=False)
                held.signal(number)
                self.assertEqual(held.wait(), 0)


class Environment(Transparency):
    def test_umask_directory_user_and_limits_are_those_of_the_caller(self):
        def prepare():
            os.umask(0o027)
            resource.setrlimit(resource.RLIMIT_NOFILE, (111, 222))
            resource.setrlimit(resource.RLIMIT_CORE, (4096, resource.RLIM_INFINITY))
            resource.setrlimit(resource.RLIMIT_STACK, (4 << 20, resource.RLIM_INFINITY))
        os.mkdir(self.path("a directory"))
        seen = self.same("umask", "cwd", "rlimits", "uid", "no_new_privs", preexec_fn=prepare, cwd=self.path("a directory"))
        self.assertEqual((seen["umask"], seen["cwd"]), (0o027, self.path("a directory")))
        self.assertEqual(seen["rlimits"][str(resource.RLIMIT_NOFILE)], [111, 222])

    def test_the_environment_is_that_of_the_caller_followed_by_the_variables_of_dlock(self):
        more = {"ODD": "a=b\nc", "EMPTY": "", "UTF8": "ü€", "DLOCK_KEY": "outer", "DLOCK_OWNER": "outer"}
        seen = self.report(more_env=more)["env"]
        direct = self.report_without_dlock(more_env=more)["env"]
        ours = [each for each in seen if each.split("=")[0] in OURS]
        self.assertEqual([each for each in seen if each not in ours],
                         [each for each in direct if each.split("=")[0] not in OURS])
        self.assertEqual(sorted({each.split("=")[0] for each in ours}), sorted(OURS))
        self.assertIn(f"DLOCK_KEY={self.key}", ours)

    def test_an_empty_environment_is_passed_on(self):
        env = {self.marker.split("=")[0]: self.marker.split("=")[1]}
        seen = self.report(env=env)["env"]
        self.assertEqual(sorted(each.split("=")[0] for each in seen), sorted([*OURS, *env]))

    def test_the_arguments_of_the_job_are_passed_on_unchanged(self):
        words = ["[]", "[a]", "--key", "", "a b", "\udcff\udcfe", "-n", "--", "x=y"]
        self.assertEqual(self.report(*words)["argv"][3:], words)

    def test_descriptors_from_3_on_are_passed_on_and_none_of_dlock_leaks(self):
        seven = os.open(self.path("seven"), os.O_RDWR | os.O_CREAT, 0o600)
        nine, ten = os.pipe()
        self.addCleanup(lambda: [os.close(each) for each in (seven, nine, ten)])
        seen = self.report(pass_fds=[seven, nine, ten])["fds"]
        self.assertEqual(sorted(map(int, seen)), sorted([0, 1, 2, seven, nine, ten]))
        self.assertEqual(seen[str(seven)], self.path("seven"))

    def test_a_lock_on_an_inherited_descriptor_still_belongs_to_the_caller(self):
        done = subprocess.run(["flock", "-n", self.path("outer"), dlock.BINARY, "run", "--key", "k", *self.local_store, "--",
                               "sh", "-c", f"flock -n {self.path('outer')} true || exit 9"], env=self.env, check=False)
        self.assertEqual(done.returncode, 9)

    def test_listen_pid_and_watchdog_pid_become_those_of_the_job(self):
        # The shell sets the pid of the front, as systemd does, and executes dlock.
        script = 'export LISTEN_PID=$$ LISTEN_FDS=1 WATCHDOG_PID=$$ WATCHDOG_USEC=9; exec "$@"'
        path = self.path("report")
        done = subprocess.run(["sh", "-c", script, "sh", dlock.BINARY, "run", "--key", "k", *self.local_store, "--", JOBTOOL,
                               "report", path], env=self.env, check=False)
        self.assertEqual(done.returncode, 0)
        seen = _load(path)
        values = dict(each.split("=", 1) for each in seen["env"])
        self.assertEqual((values["LISTEN_PID"], values["WATCHDOG_PID"]), (str(seen["pid"]), str(seen["pid"])))
        self.assertEqual((values["LISTEN_FDS"], values["WATCHDOG_USEC"]), ("1", "9"))

    def test_listen_pid_of_another_process_is_not_changed(self):
        values = dict(each.split("=", 1) for each in self.report(more_env={"LISTEN_PID": "1", "WATCHDOG_PID": "1"})["env"])
        self.assertEqual((values["LISTEN_PID"], values["WATCHDOG_PID"]), ("1", "1"))

    def test_without_a_terminal_the_job_has_its_own_session(self):
        seen = self.report()
        self.assertEqual((seen["sid"], seen["pgrp"]), (seen["pid"], seen["pid"]))

    def test_standard_input_output_and_error_are_those_of_the_caller(self):
        script = "cat; echo out; echo err >&2"
        done = subprocess.run([dlock.BINARY, "run", "--key", "k", *self.local_store, "--", "sh", "-c", script], input=b"in\n",
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.env, check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"in\nout\n", b"err\n"))

    def test_a_large_output_arrives_complete(self):
        done = subprocess.run([dlock.BINARY, "run", "--key", "k", *self.local_store, "--", "head", "-c", "20000000",
                               "/dev/zero"], stdout=subprocess.PIPE, env=self.env, check=False)
        self.assertEqual((done.returncode, len(done.stdout)), (0, 20_000_000))


class WithRedis(RedisCase):
    def test_no_connection_of_dlock_reaches_the_job(self):
        path = self.path("report")
        ended = self.run_job(JOBTOOL, "report", path, store=self.redis_store)
        self.assertEqual(ended.code, 0, ended.stderr)
        self.assertEqual(sorted(_load(path)["fds"]), ["0", "1", "2"])

    def test_the_variables_of_dlock_agree_with_the_lock(self):
        path = self.path("env")
        held = self.start_run("sh", "-c", f"env > {path}.part && mv {path}.part {path}; sleep 60", store=self.redis_store)
        wait_until(lambda: os.path.exists(path), 15, "the job writes its environment")
        with open(path, encoding="utf-8") as file:
            values = dict(line.rstrip("\n").split("=", 1) for line in file if "=" in line)
        lock = json.loads(self.lock_value())
        self.assertEqual((values["DLOCK_OWNER"], values["DLOCK_FENCING_TOKEN"]), (lock["ownerHash"], str(lock["token"])))
        held.signal(signal.SIGTERM)
        held.wait()


class ClosingPipes(Case):
    """dlock keeps no copies of the descriptors of the job, so the other end of a pipe notices when the job closes it."""

    def test_a_reader_gets_end_of_file_when_the_job_closes_its_output(self):
        reader, writer = os.pipe()
        held = self.start_run("sh", "-c", f"exec >&- ; : > {self.path('closed')}; sleep 30", stdout=writer)
        os.close(writer)
        wait_until(lambda: os.path.exists(self.path("closed")), 15, "the job closes its output")
        began = time.monotonic()
        self.assertEqual(os.read(reader, 1), b"")
        self.assertLess(time.monotonic() - began, 0.2)
        os.close(reader)
        held.signal(signal.SIGTERM)
        held.wait()

    def test_a_writer_gets_an_error_when_the_job_closes_its_input(self):
        reader, writer = os.pipe()
        held = self.start_run("sh", "-c", f"exec <&- ; : > {self.path('closed')}; sleep 30", stdin=reader)
        os.close(reader)
        wait_until(lambda: os.path.exists(self.path("closed")), 15, "the job closes its input")

        def broken():
            try:
                os.write(writer, b"x")
            except BrokenPipeError:
                return True
            return False
        wait_until(broken, 0.2, "the writer's pipe breaks")
        os.close(writer)
        held.signal(signal.SIGTERM)
        held.wait()

    def test_an_inherited_pipe_is_closed_when_the_job_closes_it(self):
        reader, writer = os.pipe()
        held = self.start_run("sh", "-c", f"exec {writer}>&- ; sleep 30", pass_fds=[writer])
        os.close(writer)
        began = time.monotonic()
        self.assertEqual(os.read(reader, 1), b"")
        self.assertLess(time.monotonic() - began, 10)
        os.close(reader)
        held.signal(signal.SIGTERM)
        held.wait()


class LikeCron(Case):
    """No terminal, almost no environment, closed descriptors."""

    def test_closed_standard_descriptors_do_no_harm_and_are_not_reused(self):
        for closed in ((0,), (1,), (2,), (0, 1), (0, 1, 2)):
            with self.subTest(closed=closed):
                path = self.path("report")
                redirect = " ".join(f"{fd}>&-" if fd else "<&-" for fd in closed)
                script = f'exec "$@" {redirect}'
                done = subprocess.run(["sh", "-c", script, "sh", dlock.BINARY, "run", "--key", "k", *self.local_store, "--",
                                       JOBTOOL, "report", path], env=self.env, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
                self.assertEqual(done.returncode, 0, done.stderr)
                seen = _load(path)["fds"]
                self.assertLessEqual({int(fd) for fd in seen}, {0, 1, 2})
                for fd in closed:
                    self.assertIn(seen.get(str(fd), "closed"), ("closed", "/dev/null"))

    def test_an_empty_environment_without_home_is_accepted(self):
        done = subprocess.run(["env", "-i", self.marker, dlock.BINARY, "run", "--key", "k", *self.local_store, "--",
                               "/bin/sh", "-c", "exit 5"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, start_new_session=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (5, b""))

    def test_a_deleted_working_directory_does_no_harm(self):
        gone = self.path("gone")
        os.mkdir(gone)
        done = subprocess.run(["sh", "-c", f'rmdir {gone}; exec "$@"', "sh", dlock.BINARY, "run", "--key", "k",
                               *self.local_store, "--", "sh", "-c", "exit 3"], cwd=gone, env=self.env, check=False,
                              stderr=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 3)


if __name__ == "__main__":
    unittest.main()
