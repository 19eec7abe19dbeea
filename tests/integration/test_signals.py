"""Signals reach the job once, whoever sends them, and no wrong signal reaches it; also as PID 1."""

import os
import signal
import subprocess
import unittest

from harness import life, procs
from harness.case import JOBTOOL, Case, needs_pid_namespace, unshare_user
from harness.wait import PATIENCE, hold_for, now, wait_until

# The signals that report a fault of the process itself.
SYNCHRONOUS = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGTRAP, signal.SIGABRT, signal.SIGSYS}
FORWARDED = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH,
             signal.SIGCONT, signal.SIGALRM, signal.SIGURG, signal.SIGRTMIN, signal.SIGRTMIN + 5, signal.SIGRTMAX]


class Signals(Case):
    def count(self, *options, **how):
        """Starts a job that records the signals it gets."""
        self._count += 1
        path = self.path(f"signals{self._count}")
        with open(path, "wb"):
            pass
        held = self.start_run(JOBTOOL, "signals", path, "30", "--until", "KILL", options=options, **how)
        wait_until(lambda: b"ready" in _read(path), 15, f"the job is ready ({held.stderr!r})")
        return held, path

    def received(self, path):
        return [int(line.split()[1]) for line in _read(path).splitlines() if line.startswith(b"signal ")]

    def end(self, held):
        procs.kill(held.pid)
        held.wait()


def _read(path):
    with open(path, "rb") as file:
        return file.read()


class FromOutside(Signals):
    def test_every_signal_that_can_be_passed_on_reaches_the_job_once_and_in_order(self):
        held, path = self.count()
        for number in FORWARDED:
            before = len(self.received(path))
            held.signal(number)
            wait_until(lambda: len(self.received(path)) > before, 5, f"signal {number} arrives")
        hold_for(0.2, held.running, "dlock")
        # A terminating signal is followed by SIGCONT, so that a stopped job can handle it.
        got = [number for number in self.received(path) if number != signal.SIGCONT]
        self.assertEqual(got, [number for number in FORWARDED if number != signal.SIGCONT])
        self.end(held)

    def test_without_a_terminal_stop_signals_stop_nothing_and_sigchld_is_not_passed_on(self):
        held, path = self.count()
        plain = self.start_run("sleep", "60", key="plain")
        job = plain.job()
        for run in (held, plain):
            for number in (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGCHLD):
                run.signal(number)
        hold_for(0.3, lambda: not any(procs.state(pid) in "Tt" for pid in (held.pid, plain.pid, job)), "fronts and job")
        self.assertNotIn(signal.SIGCHLD, self.received(path))
        self.end(held)
        self.end(plain)

    def test_the_engine_ignores_every_signal_except_sigkill_and_sigstop(self):
        held, path = self.count()
        engine = held.engine()
        for number in range(1, 65):
            if number in SYNCHRONOUS | {signal.SIGKILL, signal.SIGSTOP} or number in (32, 33):
                continue
            os.kill(engine, number)
        hold_for(0.5, held.running, "dlock")
        self.assertTrue(procs.alive(engine))
        self.assertNotIn(procs.state(engine), "Tt")
        self.assertEqual(set(self.received(path)) - {signal.SIGCONT}, set())
        self.end(held)

    def test_sigterm_to_the_front_reaches_the_job_once(self):
        held, path = self.count()
        held.signal(signal.SIGTERM)
        wait_until(lambda: self.received(path), 5, "it arrives")
        hold_for(0.3, held.running, "dlock")
        self.assertEqual(self.received(path).count(signal.SIGTERM), 1)
        self.end(held)

    def test_without_a_terminal_sigterm_to_the_whole_group_reaches_the_job_once(self):
        held, path = self.count()
        os.killpg(held.pid, signal.SIGTERM)
        wait_until(lambda: self.received(path), 5, "it arrives")
        hold_for(0.3, held.running, "dlock")
        self.assertEqual(self.received(path).count(signal.SIGTERM), 1)
        self.end(held)

    def test_sigterm_to_front_engine_and_job_as_by_systemd_ends_only_the_job(self):
        held = self.start_run("sleep", "60")
        pids = [held.pid, held.engine(), held.job()]
        for pid in pids:
            procs.kill(pid, signal.SIGTERM)
        self.assertEqual(held.wait(), 143)

    def test_a_stopped_job_handles_sigterm(self):
        held = self.start_run("sleep", "60")
        procs.stop(held.job())
        held.signal(signal.SIGTERM)
        self.assertEqual(held.wait(), 143)

    def test_a_signal_that_the_job_handles_does_not_end_dlock(self):
        held = self.start_run("sh", "-c", f"trap 'echo got >{self.path('got')}; exit 6' HUP; : >{self.path('ready')}; "
                                          "while :; do sleep 0.02; done")
        wait_until(lambda: os.path.exists(self.path("ready")), 10, "the job is ready")
        held.signal(signal.SIGHUP)
        self.assertEqual(held.wait(), 6)

    def test_a_signal_right_after_the_start_is_not_lost(self):
        for delay in range(20):
            held = self.start_run("sleep", "60")
            until = now() + delay / 2000
            while now() < until:
                pass
            held.signal(signal.SIGTERM)
            self.assertEqual(held.wait(10), 143)
            self.assertEqual(held.died_by, signal.SIGTERM)


    def test_signals_that_arrive_while_the_job_ends_have_no_effect(self):
        for number in range(30):
            held = self.hold(life=self.life_file(f"life{number}"), seconds=0.05,
                             tick_options=["--ignore", "TERM", "--exit", "7"])
            while held.running():
                procs.kill(held.pid, signal.SIGTERM)
            self.assertEqual(held.wait(), 7, held.stderr)


class Recipients(Signals):
    """Signals that dlock passes on."""

    def start_shell(self, *options):
        """A shell whose trap must wait for its child."""
        heads = self.headcount()
        held = self.start_run("sh", "-c", f'trap "echo trapped; exit 3" TERM; {JOBTOOL} tree 1 0 {heads.path}; :', options=options)
        heads.wait_for(1)
        return held, heads

    def test_by_default_only_the_command_gets_a_signal(self):
        held, heads = self.start_shell()
        held.signal(signal.SIGTERM)
        hold_for(0.3, held.running, "the shell, which waits for its child,")
        for pid in heads.pids:
            os.kill(pid, signal.SIGTERM)
        self.assertEqual((held.wait(), held.stdout), (3, "trapped\n"))

    def test_with_pass_signals_job_every_process_gets_a_signal(self):
        held, heads = self.start_shell("--pass-signals=job")
        held.signal(signal.SIGTERM)
        self.assertEqual((held.wait(), held.stdout), (3, "trapped\n"))
        heads.wait_gone(1)


class FromTheJob(Signals):
    def test_a_job_that_signals_its_own_group_does_not_get_the_signal_twice(self):
        ended = self.run_job(JOBTOOL, "signal-group", "TERM", "0.3")
        self.assertEqual(ended.code, 0, ended.stderr)

    def test_a_job_that_signals_its_parent_or_the_front_ends_no_supervisor(self):
        ended = self.run_job("sh", "-c", "kill -TERM $PPID; sleep 0.3; exit 4")
        self.assertEqual(ended.code, 4)


class KillAfter(Signals):
    def test_kill_after_limits_the_time_after_a_forwarded_sigterm(self):
        path = self.life_file()
        held = self.hold(life=path, options=["-k", "500ms"], tick_options=["--ignore", "TERM"])
        asked = now()
        held.signal(signal.SIGTERM)
        self.assertEqual(held.wait(10), 137)
        ran_on = life.last_tick(path) - asked
        self.assertGreater(ran_on, 0.4)  # its last tick is slightly before its end
        self.assertLess(ran_on, 1.0 * PATIENCE)

    def test_without_kill_after_the_job_has_unlimited_time(self):
        path = self.life_file()
        held = self.hold(life=path, seconds=3.2, tick_options=["--ignore", "TERM", "--exit", "8"])
        held.signal(signal.SIGTERM)
        self.assertEqual(held.wait(), 8)

    def test_the_whole_tree_is_killed_when_the_time_has_passed(self):
        held, heads = self.start_tree(5, 3, options=["-k", "300ms"], tree_options=["--ignore", "TERM"])
        held.signal(signal.SIGTERM)
        self.assert_gone(heads, 3)
        self.assertEqual(held.wait(), 137)


class AsPid1(Signals):
    """As in a container: the front is the init of a private pid namespace."""

    PREFIX = ["unshare", *unshare_user(), "-pf", "--mount-proc", "--kill-child"]

    def run_as_init(self, *job, **how):
        return self.start_run(*job, prefix_command=self.PREFIX, **how)

    def front(self, started):
        """dlock is the child of unshare."""
        return wait_until(lambda: [pid for pid in procs.children(started.pid) if procs.stat(pid)["comm"] == "dlock"], 10,
                          "dlock runs as pid 1")[0]

    @needs_pid_namespace
    def test_as_pid_1_exit_codes_and_signals_become_128_plus_n(self):
        for job, code in ((["sh", "-c", "exit 7"], 7), (["sh", "-c", "kill -TERM $$"], 143), (["sh", "-c", "kill -KILL $$"], 137),
                          (["/no/such/command"], 127)):
            with self.subTest(job=job):
                started = self.run_as_init(*job)
                self.assertEqual(started.wait(), code, started.stderr)

    @needs_pid_namespace
    def test_sigterm_reaches_the_job(self):
        started = self.run_as_init("sh", "-c", f"trap 'exit 9' TERM; : >{self.path('ready')}; while :; do sleep 0.02; done")
        wait_until(lambda: os.path.exists(self.path("ready")), 10, "the job is ready")
        os.kill(self.front(started), signal.SIGTERM)
        self.assertEqual(started.wait(), 9)

    @needs_pid_namespace
    def test_leftover_daemons_are_ended_and_reaped(self):
        heads = self.headcount()
        started = self.run_as_init(JOBTOOL, "tree", "3", "5", heads.path, "--root-seconds", "0.3", "--exit", "7")
        heads.wait_for(8)
        self.assertEqual(started.wait(), 7)
        heads.wait_gone(1)

    @needs_pid_namespace
    def test_an_orphan_of_another_process_is_reaped_and_not_waited_for(self):
        # As with `docker exec`: a process enters the namespace from outside and has no parent in it.
        started = self.run_as_init("sh", "-c", f": >{self.path('ready')}; while [ ! -e {self.path('go')} ]; do sleep 0.02; done")
        wait_until(lambda: os.path.exists(self.path("ready")), 10, "the job is ready")
        front = self.front(started)
        subprocess.run(["nsenter", *(["-U"] if unshare_user() else []), "-t", str(front), "-p", "-m", "sh", "-c",
                        "setsid sleep 0.2 >/dev/null 2>&1 &"], check=True, env=self.env)
        with open(self.path("go"), "wb"):
            pass
        self.assertEqual(started.wait(), 0)


if __name__ == "__main__":
    unittest.main()
