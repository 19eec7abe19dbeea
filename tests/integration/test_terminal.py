"""dlock is transparent on a terminal: Ctrl-C, Ctrl-Z, fg, full-screen programs and pipelines work as without it."""

import functools
import json
import os
import pty
import random
import re
import shutil
import signal
import unittest

from harness import dlock, procs
from harness.case import JOBTOOL, Case, RedisCase, needs_pid_namespace
from harness.pty_session import SHELLS, PtySession
from harness.wait import PATIENCE, NeverHappened, hold_for, now, wait_until


def work(seconds, code):
    """A job of one process. In a shell that forks, a key could arrive between vfork and exec, which dash does not handle."""
    return f"sh -c 'echo is-\"\"running; exec {JOBTOOL} tick /dev/null {seconds} --exit {code}'"


SLEEPER = work(60 * PATIENCE, 0)


def in_each_shell(test):
    @functools.wraps(test)
    def run(self):
        for shell in SHELLS:
            if shutil.which(shell) is None:
                print(f"{self.id()}: {shell} is not installed, its part is left out")
                continue
            with self.subTest(shell=shell):
                session = PtySession(shell, self.env)
                try:
                    test(self, session)
                    self.assertEqual(session.stopped(), [], procs.describe(session.stopped()))
                finally:
                    session.close()
    return run


class Terminal(Case):
    def dlock(self, job, *options):
        words = [dlock.BINARY, "run", "--key", self.key, *self.local_store, *options]
        return f"{' '.join(words)} -- {job}"

    def engine_of(self, session):
        """The engine, found by its parent because it has its own session."""
        def find():
            for front in self.fronts(session):
                for pid in procs.children(front):
                    if (procs.stat(pid) or {}).get("comm") == "dlock-engine":
                        return pid
            return None
        return wait_until(find, 10, "the engine appears")

    def fronts(self, session):
        return [pid for pid in session.members() if (procs.stat(pid) or {}).get("comm") == "dlock" and procs.alive(pid)]

    def wait_stopped(self, session):
        """Waits until the job and the front are stopped; other processes do not matter."""
        front = wait_until(lambda: self.fronts(session), 10, "the front appears")[0]
        wait_until(lambda: procs.state(front) in ("T", "t"), 10, "the front is stopped")
        return front

    def foreground(self, session):
        """Types fg and waits until the job and the front run in the foreground."""
        front = self.fronts(session)[0]
        session.line("fg")
        group = procs.stat(front)["pgrp"]
        wait_until(lambda: not procs.alive(front) or session.foreground() == group and not session.stopped(), 10,
                   lambda: f"all go on in the foreground: {procs.describe(session.members())}")

    def lock_is_held(self):
        return self.run_job("true").code == dlock.HELD


class Keys(Terminal):
    @in_each_shell
    def test_control_c_ends_the_job_and_the_shell_gets_130(self, session):
        session.line(self.dlock(SLEEPER))
        session.expect("is-running")
        session.control("c")
        session.prompt()
        self.assertEqual(session.exit_code(), 130)
        wait_until(lambda: self.run_job("true").code == 0, 5, "the lock is free")

    @in_each_shell
    def test_control_c_right_after_the_start_of_the_job_is_always_130(self, session):
        for _ in range(20):
            session.line(self.dlock(SLEEPER))
            session.expect("is-running")
            session.control("c")
            session.prompt()
            self.assertEqual(session.exit_code(), 130)

    def assert_control_c_at_any_moment_of_the_start_ends_it(self, times, *options):
        """Without a shell, because a shell itself can lose the key."""
        words = [dlock.BINARY, "run", "--key", self.key, *self.local_store, "-q", *options, "--",
                 JOBTOOL, "tick", "/dev/null", "300"]
        for _ in range(times):
            pid, terminal = pty.fork()
            if pid == 0:
                signal.signal(signal.SIGINT, signal.SIG_DFL)
                os.execve(words[0], words, self.env)
            try:
                program = os.path.realpath(dlock.BINARY)
                wait_until(lambda: os.readlink(f"/proc/{pid}/exe") == program, 10, "dlock is there", pause=0)
                moment = now() + random.random() * 0.01 * PATIENCE
                while now() < moment:
                    pass
                os.write(terminal, b"\x03")
                self.assertIn(self.end_of(pid), (-signal.SIGINT, 130))
            finally:
                os.close(terminal)

    @staticmethod
    def end_of(pid):
        ended = {}

        def over():
            found, ended["status"] = os.waitpid(pid, os.WNOHANG)
            return found == pid
        try:
            wait_until(over, 10, lambda: f"it ends: {procs.describe([pid, *procs.descendants(pid)])}")
        except AssertionError:
            procs.kill(pid)
            os.waitpid(pid, 0)
            raise
        return os.waitstatus_to_exitcode(ended["status"])

    def test_control_c_at_any_moment_of_the_start_is_never_lost(self):
        self.assert_control_c_at_any_moment_of_the_start_ends_it(60)
        if self.run_job("true", options=["--contain=pidns"]).code == 0:
            self.assert_control_c_at_any_moment_of_the_start_ends_it(30, "--contain=pidns")

    @in_each_shell
    def test_control_c_reaches_the_job_once(self, session):
        path = self.path("signals")
        if os.path.exists(path):
            os.unlink(path)
        session.line(self.dlock(f"{JOBTOOL} signals {path} 30 --until USR2"))
        pid = wait_until(lambda: self.ready_pid(path), 10, "the job is ready")
        session.control("c")
        wait_until(lambda: self.received(path), 5, "the signal arrives")
        hold_for(0.3, lambda: True)
        self.assertEqual(self.received(path), [signal.SIGINT])
        os.kill(pid, signal.SIGUSR2)
        session.prompt()
        self.assertEqual(session.exit_code(), 0)

    @in_each_shell
    def test_control_backslash_quits_the_job_and_the_shell_gets_131(self, session):
        session.ask("ulimit -c 0; echo do''ne", "done")
        session.line(self.dlock(SLEEPER))
        session.expect("is-running")
        session.control("\\")
        session.prompt()
        self.assertEqual(session.exit_code(), 131)

    @in_each_shell
    def test_a_job_that_ignores_control_c_is_killed_by_the_third(self, session):
        life = self.life_file()
        os.truncate(life, 0)
        session.line(self.dlock(f"{JOBTOOL} tick {life} 60 --ignore INT,TERM", "-k", "60s"))
        wait_until(lambda: os.path.getsize(life) > 0, 10, "the job ticks")
        session.control("c")
        hold_for(0.3, lambda: self.fronts(session), "dlock")
        session.control("c")
        session.expect("dlock: ")  # the second Ctrl-C prints what the third one does
        hold_for(0.2, lambda: self.fronts(session), "dlock")
        session.control("c")
        session.prompt(5)
        self.assertNotEqual(session.exit_code(), 0)
        wait_until(lambda: self.run_job("true").code == 0, 5, "the lock is free")

    @in_each_shell
    def test_the_second_control_c_sends_sigterm(self, session):
        path = self.life_file("signals")
        os.truncate(path, 0)
        session.line(self.dlock(f"{JOBTOOL} signals {path} 30 --until TERM"))
        wait_until(lambda: self.ready_pid(path), 10, "the job is ready")
        session.control("c")
        wait_until(lambda: self.received(path), 5, "the first one arrives")
        hold_for(0.3, lambda: self.fronts(session), "dlock")
        session.control("c")
        session.prompt()
        self.assertEqual(session.exit_code(), 0)
        self.assertEqual(self.received(path), [signal.SIGINT, signal.SIGINT, signal.SIGTERM])

    @in_each_shell
    def test_control_z_and_fg_keep_the_lock(self, session):
        self.stop_twice_and_go_on(session, "--ttl", "1500ms")

    @needs_pid_namespace
    def test_control_z_and_fg_work_in_a_pid_namespace(self):
        session = PtySession("bash", self.env)
        self.addCleanup(session.close)
        self.stop_twice_and_go_on(session, "--contain", "pidns")

    def stop_twice_and_go_on(self, session, *options):
        """The lock must be kept meanwhile."""
        session.line(self.dlock(work(4, 3), *options))
        session.expect("is-running")
        for _ in range(2):
            session.control("z")
            session.prompt()
            self.wait_stopped(session)
            hold_for(0.5, self.lock_is_held, "the lock")
            self.foreground(session)
        session.prompt()
        self.assertEqual(session.exit_code(), 3)

    @in_each_shell
    def test_control_z_for_longer_than_the_ttl_keeps_the_lock(self, session):
        session.line(self.dlock(work(1, 0), "--ttl", "1500ms"))
        session.expect("is-running")
        session.control("z")
        session.prompt()
        self.wait_stopped(session)
        hold_for(2.2, self.lock_is_held, "the lock")
        session.line("fg")
        session.prompt()
        self.assertEqual(session.exit_code(), 0)

    @in_each_shell
    def test_control_z_and_bg_let_the_job_run_to_its_end(self, session):
        session.line(self.dlock(work(1, 0)))
        session.expect("is-running")
        session.control("z")
        session.prompt()
        self.wait_stopped(session)
        session.line("bg")
        wait_until(lambda: not self.fronts(session), 10, "dlock ends")

    def test_control_z_and_fg_work_twenty_times(self):
        session = PtySession("bash", self.env)
        self.addCleanup(session.close)
        session.line(self.dlock(SLEEPER))
        session.expect("is-running")
        for _ in range(20):
            session.control("z")
            session.prompt()
            self.wait_stopped(session)
            self.foreground(session)
        session.control("c")
        session.prompt()
        self.assertEqual((session.exit_code(), session.stopped()), (130, []))

    def test_control_z_right_after_fg_is_not_lost_and_stops_both_dlock_and_the_job(self):
        session = PtySession("bash", self.env)
        self.addCleanup(session.close)
        session.line(self.dlock(SLEEPER))
        session.expect("is-running")
        front = wait_until(lambda: self.fronts(session), 10, "the front appears")[0]
        engine = self.engine_of(session)
        job = wait_until(lambda: procs.children(engine), 10, "the job appears")[0]
        for _ in range(40):
            session.control("z")
            session.prompt()
            wait_until(lambda: procs.state(front) in "Tt" and procs.state(job) in "Tt", 3,
                       lambda: f"both are stopped: {procs.describe(session.members())}")
            session.line("fg")
            group = procs.stat(front)["pgrp"]
            wait_until(lambda: session.foreground() == group and procs.state(front) not in "Tt" and procs.state(job) not in "Tt",
                       10, "both go on", pause=0)

    def ready_pid(self, path):
        if not os.path.exists(path):
            return None
        with open(path, encoding="ascii") as file:
            match = re.search(r"ready (\d+)\n", file.read())
        return int(match.group(1)) if match else None

    def received(self, path):
        with open(path, encoding="ascii") as file:
            return [int(line.split()[1]) for line in file if line.startswith("signal ")]


class Reading(Terminal):
    @in_each_shell
    def test_the_job_reads_terminal_input(self, session):
        session.line(self.dlock("sh -c 'echo is-\"\"running; read line; echo \"<$line>\"'"))
        session.expect("is-running")
        session.type("hello\n")
        session.expect("<hello>")
        session.prompt()

    @in_each_shell
    def test_a_background_job_that_reads_stops_and_continues_with_fg(self, session):
        session.line(self.dlock("sh -c 'read line; echo \"<$line>\"; exit 4'") + " &")
        session.prompt()
        self.wait_stopped(session)
        session.line("fg")
        session.expect("dlock")
        wait_until(lambda: not session.stopped(), 10, "it goes on")
        session.type("hello\n")
        session.expect("<hello>")
        session.prompt()
        self.assertEqual(session.exit_code(), 4)

    @in_each_shell
    def test_a_background_job_that_writes_under_tostop_stops_and_continues_with_fg(self, session):
        session.ask("stty tostop; echo do''ne", "done")
        session.line(self.dlock("sh -c 'sleep 0.2; echo \"writ\"ten'") + " &")
        session.prompt()
        self.wait_stopped(session)
        session.line("fg")
        session.expect("written")
        session.prompt()

    @in_each_shell
    def test_dlock_works_in_pipelines_in_both_directions(self, session):
        line = self.dlock("sh -c 'while read line; do echo \"<$line>\"; done'")
        session.ask(f"printf 'a\\nb\\n' | {line} | tr a-z A-Z", "<A>\n<B>\n")
        session.line(f"{self.dlock('sleep 60')} | cat")
        wait_until(lambda: self.fronts(session), 10, "it runs")
        engine = self.engine_of(session)
        wait_until(lambda: any((procs.stat(pid) or {}).get("comm") == "sleep" for pid in procs.children(engine)), 10, "the job runs")
        session.control("c")
        session.prompt()
        wait_until(lambda: not self.fronts(session), 5, "it ends")

    @in_each_shell
    def test_a_reader_in_the_pipeline_survives_the_loss_of_the_lock(self, session):
        life = self.life_file()
        os.truncate(life, 0)
        # Only the job must be killed, never the group that it shares with tee and other processes of the shell.
        session.line(f"( {self.dlock(f'{JOBTOOL} tick {life} 60')}; echo \"code=$?\" ) 2>&1 | (cat; echo cat-is-\"\"alive)")
        wait_until(lambda: os.path.getsize(life) > 0, 10, "the job ticks")
        for name in os.listdir(self.locks):
            os.unlink(os.path.join(self.locks, name))
        session.expect("code=80", 20)
        session.expect("cat-is-alive")
        session.prompt()


class FullScreen(Terminal):
    @in_each_shell
    def test_a_program_in_raw_mode_gets_every_key_and_can_suspend_itself(self, session):
        before = session.modes()
        session.line(self.dlock(f"{JOBTOOL} raw-tty 60"))
        session.expect("raw ready")
        session.type("x")
        session.expect("got x")
        session.control("c")  # an ordinary byte in raw mode
        session.expect("got \x03")
        for _ in range(3):
            session.control("z")
            session.prompt()
            self.wait_stopped(session)
            session.line("fg")
            session.expect("resumed")
            session.type("y")
            session.expect("got y")
        session.type("q")
        session.prompt()
        self.assertEqual(session.exit_code(), 0)
        self.assertEqual(session.modes(), before)

    @in_each_shell
    def test_a_resize_of_the_window_reaches_the_job(self, session):
        session.line(self.dlock(f"{JOBTOOL} raw-tty 60"))
        session.expect("raw ready")
        rows = iter(range(33, 60))

        def resized():
            # One resize was once missed, in zsh under tsan, for an unknown reason.
            session.resize(next(rows), 77)
            try:
                return session.expect("resized", 1)
            except NeverHappened:
                return None
        wait_until(resized, 5, "a resize reaches it")
        session.type("q")
        session.prompt()

    @in_each_shell
    def test_an_interactive_shell_as_the_job_has_its_own_job_control(self, session):
        session.line(self.dlock("bash --norc --noprofile --noediting -i"))
        session.prompt()
        session.ask("echo inner:$DLOCK_KEY", f"inner:{self.key}")
        session.line("sleep 60")
        hold_for(0.2, lambda: True)
        session.control("z")
        session.prompt()
        session.ask("jobs", "Stopped.*sleep")
        session.line("fg")
        session.expect("sleep 60")
        wait_until(lambda: not session.stopped(), 10, "it goes on")
        hold_for(0.2, lambda: True)
        session.control("c")
        session.prompt()
        session.line("exit 9")
        session.prompt()
        self.assertEqual(session.exit_code(), 9)
        self.assertEqual(session.foreground(), session.pid)

    @in_each_shell
    def test_after_a_lost_lock_the_modes_of_a_raw_terminal_are_restored(self, session):
        before = session.modes()
        session.line(self.dlock(f"{JOBTOOL} raw-tty 60"))
        session.expect("raw ready")
        self.assertNotEqual(session.modes(), before)
        for name in os.listdir(self.locks):
            os.unlink(os.path.join(self.locks, name))
        session.prompt(15)
        # Modes that dash changed are not dlock's concern: query the terminal, not the shell.
        self.assertEqual(session.modes(), before)
        self.assertEqual(session.exit_code(), dlock.LOST)

    @in_each_shell
    def test_after_a_kill_of_the_job_the_modes_of_the_terminal_are_restored(self, session):
        before = session.modes()
        session.line(self.dlock(f"{JOBTOOL} raw-tty 60"))
        session.expect("raw ready")
        engine = self.engine_of(session)
        procs.kill(engine)
        session.prompt(15)
        self.assertEqual(session.modes(), before)
        self.assertEqual(session.exit_code(), dlock.SYSTEM)


class Scripts(Terminal):
    @in_each_shell
    def test_control_c_aborts_a_script_as_it_would_without_dlock(self, session):
        script = self.path("script")
        with open(script, "w", encoding="ascii") as file:
            file.write(f"echo is-running\n{self.dlock('sleep 60')}\necho not-\"\"aborted\n")
        session.line(f"bash {script}")
        session.expect("is-running")
        self.wait_front_anywhere(session)
        session.control("c")
        session.prompt()
        self.assertNotIn("not-aborted", session.output)

    @in_each_shell
    def test_the_hangup_of_the_terminal_ends_the_job(self, session):
        heads = self.headcount()
        session.line(self.dlock(f"{JOBTOOL} tree 3 2 {heads.path}"))
        heads.wait_for(5)
        session.hang_up()
        heads.wait_gone(10)
        wait_until(lambda: self.run_job("true").code == 0, 5, "the lock is free")

    def test_the_hangup_of_the_terminal_ends_the_job_of_a_session_leader(self):
        """As in `ssh -t host dlock run` and in a pane of tmux: the kernel signals only the session leader."""
        for waits in (False, True):
            with self.subTest(waits=waits):
                holder = self.hold() if waits else None
                heads = self.headcount()
                job = ["-w", "--", "true"] if waits else ["--", JOBTOOL, "tree", "3", "2", heads.path]
                pid, master = pty.fork()
                if pid == 0:
                    os.execve(dlock.BINARY, [dlock.BINARY, "run", "--key", self.key, *self.local_store, *job], self.env)
                if waits:
                    wait_until(lambda: procs.children(pid), 10, "the engine appears")
                    wait_until(lambda: pid in self.waiters(), 10, "it waits")
                else:
                    heads.wait_for(5)
                os.close(master)
                if not waits:
                    heads.wait_gone(10)
                status = wait_until(lambda: os.waitpid(pid, os.WNOHANG)[1] or None, 10, "dlock ends")
                self.assertEqual(os.waitstatus_to_exitcode(status), -signal.SIGHUP)
                if holder:
                    holder.signal(signal.SIGTERM)
                    holder.wait()

    def waiters(self):
        shown = self.run_words("status", self.key, *self.local_store, "--json").stdout
        return [waiter["pid"] for waiter in json.loads(shown)["locks"][0].get("waiters", [])]

    def wait_front_anywhere(self, session):
        def find():
            return [pid for pid in procs.descendants(session.pid) if (procs.stat(pid) or {}).get("comm") == "sleep"]
        return wait_until(find, 10, "the job runs")


class OnRedis(RedisCase, Terminal):
    def test_a_stopped_job_is_still_killed_when_its_lock_is_lost(self):
        session = PtySession("bash", self.env)
        self.addCleanup(session.close)
        line = " ".join([dlock.BINARY, "run", "--key", self.key, *self.redis_store, "--ttl", "1500ms", "-- sleep 60"])
        session.line(line)
        wait_until(lambda: self.fronts(session), 10, "it runs")
        self.engine_of(session)
        wait_until(lambda: self.lock_value() and any((procs.stat(pid) or {}).get("comm") == "sleep" for pid in session.members()),
                   10, "the job runs")
        session.control("z")
        session.prompt()
        self.wait_stopped(session)
        self.redis("DEL", self.lock_name)
        wait_until(lambda: not any((procs.stat(pid) or {}).get("comm") == "sleep" for pid in session.members()), 5 * PATIENCE,
                   "the stopped job is killed")
        began = now()
        session.line("fg")
        session.prompt()
        self.assertLess(now() - began, 10 * PATIENCE)
        wait_until(lambda: not self.fronts(session), 5, "dlock ends")


if __name__ == "__main__":
    unittest.main()
