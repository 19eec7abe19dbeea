"""Units of a real systemd: their status is that of the job, and however they end, no process and no lock is left."""

import os
import signal
import sys
import unittest

from harness import dlock, life, procs
from harness.case import JOBTOOL, Case
from harness.systemd_user import Unavailable, UserManager
from harness.wait import PATIENCE, hold_for, wait_until

UNITS = os.path.join(os.path.dirname(__file__), "..", "..", "packaging", "systemd")
KILL_MODES = ("process", "mixed", "control-group")
TERMINATED, KILLED = str(int(signal.SIGTERM)), str(int(signal.SIGKILL))
TREE = (11, 5)  # eleven processes in a tree and five daemons with their own sessions

# A daemon that supports systemd: it reports readiness, and then works.
NOTIFYING_JOB = """
import os, socket, sys, time
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as speaker:
    speaker.sendto(b"READY=1\\nSTATUS=serving since now", os.environ["NOTIFY_SOCKET"])
open(sys.argv[1], "x").close()
time.sleep(60)
"""


class UnitCase(Case):
    def setUp(self):
        super().setUp()
        try:
            self.systemd = UserManager(self.path("systemd"), self.env)
        except Unavailable as why:
            self.skipTest(str(why))
        self.addCleanup(self.systemd.stop)

    def unit(self, name, *words, settings=(), options=()):
        """Writes NAME.service, whose command is `dlock run --key KEY STORE OPTIONS -- WORDS`."""
        command = [dlock.BINARY, "run", "--key", self.key, *self.local_store, *options, "--", *words]
        self.systemd.unit(name, command, *settings, f"StandardError=append:{self.path(name + '.stderr')}")

    def start_unit(self, name, *words, **how):
        self.unit(name, *words, **how)
        self.systemd.ctl("start", name)

    def run_unit(self, name, *words, **how):
        """Starts it, and returns when it has ended."""
        self.start_unit(name, *words, **how)
        self.wait_state(name, "inactive", "failed")

    def start_tree_unit(self, name, *, tree_options=(), **how):
        """Starts a unit whose job has many processes. Returns when all of them run."""
        heads = self.headcount()
        self.start_unit(name, JOBTOOL, "tree", *map(str, TREE), heads.path, *tree_options, **how)
        heads.wait_for(sum(TREE), still=lambda: self.assert_shows(name, ActiveState="active"))
        return heads

    def said(self, name):
        """Everything known about a unit, for a failure message."""
        said = self.systemd.ctl("status", name, check=False)
        if os.path.exists(self.path(name + ".stderr")):
            with open(self.path(name + ".stderr"), encoding="utf-8", errors="replace") as file:
                said += "\n" + file.read()
        return said

    def wait_state(self, name, *states):
        wait_until(lambda: self.systemd.show(name, "ActiveState")[0] in states, 20,
                   lambda: f"{name} is {' or '.join(states)}: {self.said(name)}", pause=0.05)

    def assert_shows(self, name, **expected):
        shown = dict(zip(expected, self.systemd.show(name, *expected)))
        if shown != expected:  # the log of the unit is read only then
            self.assertEqual(shown, expected, self.said(name))

    def assert_all_gone(self, heads):
        """End-of-file proves it for the processes that had the fifo open, the process table for all others."""
        heads.wait_gone(1)
        wait_until(lambda: not self.systemd.processes(), 1,
                   lambda: f"the end of {procs.describe(self.systemd.processes())}")

    def assert_lock_free(self):
        ended = self.run_job("true")
        self.assertEqual(ended.code, 0, ended.stderr)

    def wait_lock_free(self):
        wait_until(lambda: self.run_job("true").code == 0, 1, "the lock is free")


class ExitStatus(UnitCase):
    def test_the_exit_code_of_the_job_is_that_of_the_unit(self):
        self.run_unit("seven", JOBTOOL, "exit", "7")
        self.assert_shows("seven", ExecMainCode="1", ExecMainStatus="7", Result="exit-code", ActiveState="failed")
        self.run_unit("zero", "true")
        self.assert_shows("zero", ExecMainCode="1", ExecMainStatus="0", Result="success", ActiveState="inactive")

    def test_the_signal_that_ended_the_job_is_that_of_the_unit(self):
        self.run_unit("killed", JOBTOOL, "raise", "KILL")
        self.assert_shows("killed", ExecMainCode="2", ExecMainStatus=KILLED, Result="signal", ActiveState="failed")

    def test_a_held_lock_is_a_failure_unless_the_unit_defines_75_as_success(self):
        holder = self.hold()
        self.run_unit("strict", "true")
        self.assert_shows("strict", ExecMainStatus=str(dlock.HELD), Result="exit-code", ActiveState="failed")
        self.run_unit("content", "true", settings=["SuccessExitStatus=75"])
        self.assert_shows("content", ExecMainStatus=str(dlock.HELD), Result="success", ActiveState="inactive")
        holder.signal(signal.SIGTERM)
        self.assertEqual(holder.wait(), 143)


class Notify(UnitCase):
    def start_notifying(self, *settings, options=("--ready", "job")):
        sent = self.path("sent")
        self.unit("ready", sys.executable, "-c", NOTIFYING_JOB, sent, settings=["Type=notify", *settings], options=options)
        self.systemd.ctl("start", "--no-block", "ready")
        wait_until(lambda: os.path.exists(sent), 20, lambda: f"the job has sent READY=1: {self.said('ready')}")

    def test_a_job_without_sd_notify_is_ready_when_it_runs(self):
        self.start_unit("plain", "sleep", "60", settings=["Type=notify"])
        self.wait_state("plain", "active")
        self.assert_shows("plain", StatusText="", SubState="running")
        self.systemd.ctl("stop", "plain")
        self.assert_shows("plain", Result="success", ActiveState="inactive")
        self.assert_lock_free()

    def test_a_standby_stays_in_activating_beyond_its_start_timeout_and_names_the_holder(self):
        holder = self.hold()
        self.unit("standby", "sleep", "60", settings=["Type=notify", "TimeoutStartSec=12"], options=["-w"])
        self.systemd.ctl("start", "--no-block", "standby")
        wait_until(lambda: f"pid {holder.pid}" in self.systemd.show("standby", "StatusText")[0], 20,
                   lambda: f"the status: {self.said('standby')}", pause=0.05)
        hold_for(14, lambda: self.systemd.show("standby", "ActiveState")[0] == "activating", "the wait")
        self.assertIn("waiting for key 'job', held by host", self.systemd.show("standby", "StatusText")[0])
        holder.signal(signal.SIGTERM)
        self.wait_state("standby", "active")
        self.assert_shows("standby", StatusText="", NRestarts="0")
        self.systemd.ctl("stop", "standby")
        self.assert_lock_free()

    def test_the_status_of_the_unit_says_why_its_job_was_ended(self):
        self.run_unit("long", "sleep", "60", settings=["Type=notify"], options=["--max-run", "300ms"])
        self.assert_shows("long", ExecMainStatus="124", Result="exit-code")
        self.assertIn("max run exceeded", self.systemd.show("long", "StatusText")[0])

    def test_the_watchdog_accepts_a_lock_that_is_renewed_and_ends_a_dlock_that_hangs(self):
        self.start_unit("watched", "sleep", "60", settings=["Type=notify", f"WatchdogSec={2 * PATIENCE:g}"])
        self.wait_state("watched", "active")
        hold_for(5 * PATIENCE, lambda: self.systemd.show("watched", "ActiveState")[0] == "active", "the unit")
        procs.stop(self.systemd.main_pid("watched"))
        self.wait_state("watched", "failed")
        self.assert_shows("watched", Result="watchdog")
        self.assertEqual(self.systemd.processes(), [])
        self.assert_lock_free()

    def test_with_notify_access_all_the_job_reports_readiness_and_its_status_text(self):
        self.start_notifying("NotifyAccess=all")
        self.wait_state("ready", "active")
        self.assert_shows("ready", StatusText="serving since now")
        self.systemd.ctl("stop", "ready")
        self.assert_shows("ready", Result="success", ActiveState="inactive")
        self.assert_lock_free()

    def test_systemd_also_gets_the_notifications_of_a_job_that_must_report_to_dlock(self):
        self.start_notifying("NotifyAccess=all", options=["--heartbeat-timeout", "300s", "--ready", "job"])
        self.wait_state("ready", "active")
        self.assert_shows("ready", StatusText="serving since now")
        self.systemd.ctl("stop", "ready")
        self.assert_shows("ready", Result="success", ActiveState="inactive")

    def test_with_notify_access_main_the_job_cannot_report_and_the_start_times_out(self):
        # the timeout must suffice for the start of the job, otherwise the test proves nothing
        self.start_notifying("NotifyAccess=main", f"TimeoutStartSec={3 * PATIENCE}")
        self.wait_state("ready", "failed")
        self.assert_shows("ready", Result="timeout", StatusText="job failed: exit code 143")
        self.assertEqual(self.systemd.processes(), [])
        self.assert_lock_free()


class Stop(UnitCase):
    def test_stop_ends_the_job_and_dlock_without_a_failure(self):
        self.start_unit("job", "sleep", "60")
        self.wait_state("job", "active")
        wait_until(lambda: len(self.systemd.processes()) == 3, 10, "front, engine and job run")
        self.systemd.ctl("stop", "job")
        self.assert_shows("job", Result="success", ActiveState="inactive", MainPID="0",
                          ExecMainCode="2", ExecMainStatus=TERMINATED)
        self.assertEqual(self.systemd.processes(), [])
        self.assert_lock_free()

    def test_when_stop_returns_the_whole_tree_is_gone_and_the_lock_is_free(self):
        for mode in KILL_MODES:
            with self.subTest(kill_mode=mode):
                heads = self.start_tree_unit(mode, settings=[f"KillMode={mode}"])
                self.systemd.ctl("stop", mode)
                self.assertEqual(self.systemd.processes(), [])
                self.assert_lock_free()
                heads.wait_gone(1)

    def test_a_tree_that_ignores_sigterm_is_killed(self):
        for mode in KILL_MODES:
            with self.subTest(kill_mode=mode):
                heads = self.start_tree_unit(mode, settings=[f"KillMode={mode}"], options=["--kill-after", "300ms"],
                                             tree_options=["--ignore", "TERM,HUP,INT"])
                self.systemd.ctl("stop", mode)
                self.assertEqual(self.systemd.processes(), [])
                self.assert_lock_free()
                heads.wait_gone(1)

    def test_sigterm_reaches_the_job_once_unless_systemd_sends_it_to_all_processes(self):
        for mode, counts in (("process", (1,)), ("mixed", (1,)), ("control-group", (1, 2))):
            with self.subTest(kill_mode=mode):
                path = self.path(f"signals-{mode}")
                # a second SIGTERM is watched for during the grace period
                self.start_unit(mode, JOBTOOL, "signals", path, "60", settings=[f"KillMode={mode}"],
                                options=["--kill-after", "600ms"])
                wait_until(lambda: os.path.exists(path) and _lines(path), 15, "the job is ready")
                self.systemd.ctl("stop", mode)
                self.assertIn(sum(line.startswith(f"signal {TERMINATED} ") for line in _lines(path)), counts)


class MainProcessKilled(UnitCase):
    def test_the_whole_tree_is_gone_and_the_lock_is_free(self):
        for mode in KILL_MODES:
            with self.subTest(kill_mode=mode):
                heads = self.start_tree_unit(mode, settings=[f"KillMode={mode}"])
                procs.kill(self.systemd.main_pid(mode))
                self.assert_all_gone(heads)
                self.wait_lock_free()
                self.wait_state(mode, "failed")
                self.assert_shows(mode, Result="signal", ExecMainCode="2", ExecMainStatus=KILLED)

    def test_restart_on_failure_gets_the_lock_again_and_the_two_runs_do_not_overlap(self):
        for mode in KILL_MODES:
            with self.subTest(kill_mode=mode):
                path = self.life_file(mode)
                self.start_unit(mode, JOBTOOL, "tick", path, "60", settings=[f"KillMode={mode}", "Restart=on-failure"])
                wait_until(lambda: len(life.runs(path)) == 1, 20, lambda: f"the job runs: {self.said(mode)}")
                procs.kill(self.systemd.main_pid(mode))
                wait_until(lambda: len(life.runs(path)) == 2, 20, lambda: f"the job runs again: {self.said(mode)}")
                self.assertGreaterEqual(int(*self.systemd.show(mode, "NRestarts")), 1)
                self.systemd.ctl("stop", mode)
                self.assert_no_overlap(path)

    def test_if_both_supervisors_are_killed_systemd_kills_the_rest_of_the_tree(self):
        for mode in ("mixed", "control-group"):
            with self.subTest(kill_mode=mode):
                heads = self.start_tree_unit(mode, settings=[f"KillMode={mode}"], options=["--contain=walk"])
                front = self.systemd.main_pid(mode)
                (engine,) = [pid for pid in procs.children(front) if procs.stat(pid)["comm"] == "dlock-engine"]
                # stopped first, so that neither notices the death of the other
                for kill in (procs.stop, procs.kill):
                    kill(engine)
                    kill(front)
                self.assert_all_gone(heads)
                self.wait_lock_free()


class CgroupOfTheUnit(UnitCase):
    SETTINGS = ["Delegate=yes", "KillMode=mixed"]

    def start_contained(self, name):
        """(the headcount, the one cgroup that dlock has created below that of its unit)."""
        heads = self.start_tree_unit(name, settings=self.SETTINGS, options=["--contain=cgroup"])
        unit = self.systemd.cgroup(name)
        (own,) = [entry.path for entry in os.scandir(unit) if entry.is_dir()]
        return heads, own

    def test_only_the_job_is_in_a_cgroup_below_the_delegated_one(self):
        heads, own = self.start_contained("job")
        front = self.systemd.main_pid("job")
        with open(os.path.join(own, "cgroup.procs"), encoding="ascii") as file:
            inside = {int(line) for line in file}
        self.assertEqual(len(inside), sum(TREE))
        self.assertEqual(set(self.systemd.processes()) - inside, {front, *procs.children(front)})
        self.systemd.ctl("stop", "job")
        self.assertEqual(self.systemd.processes(), [])
        self.assertFalse(os.path.exists(own))
        self.assert_lock_free()
        heads.wait_gone(1)

    def test_sigkill_of_the_main_process_leaves_no_process_and_no_cgroup(self):
        heads, own = self.start_contained("job")
        procs.kill(self.systemd.main_pid("job"))
        self.assert_all_gone(heads)
        self.wait_lock_free()
        self.wait_state("job", "failed")
        wait_until(lambda: not os.path.exists(os.path.dirname(own)), 5, "the unit's cgroup is removed")


class PackagedUnits(UnitCase):
    """The units of packaging/systemd; only paths are changed."""

    def install(self, name, as_name=None, **changes):
        with open(os.path.join(UNITS, name), encoding="utf-8") as file:
            text = file.read()
        for old in changes:
            self.assertIn(old, text)
        for old, new in {"ExecStart=dlock": f"ExecStart={dlock.BINARY}", "/etc/dlock.d": self.path("etc"), **changes}.items():
            text = text.replace(old, new)
        self.systemd.file(as_name or name, text)

    def install_template(self, instance, command, *lines):
        os.makedirs(self.path("etc"), exist_ok=True)
        with open(self.path("etc", f"{instance}.env"), "w", encoding="utf-8") as file:
            file.write("\n".join([f"COMMAND={command}", f"DLOCK_STORE=local:{self.locks}", *lines]) + "\n")
        self.install("dlock@.service")
        self.systemd.remember(f"dlock@{instance}")

    def test_the_instance_of_the_template_is_the_key_and_its_file_sets_the_command(self):
        path = self.life_file()
        self.install_template("nightly-report", f"{JOBTOOL} tick {path} 60", "OPTIONS=--note nightly --ttl 5s")
        self.systemd.ctl("start", "dlock@nightly-report")
        wait_until(lambda: life.lines(path), 20, lambda: f"the job runs: {self.said('dlock@nightly-report')}")
        refused = self.run_job("true", key="nightly-report")
        self.assertEqual(refused.code, dlock.HELD)
        self.assert_says(refused, "note: nightly")
        self.systemd.ctl("stop", "dlock@nightly-report")
        self.assertEqual(self.systemd.processes(), [])
        self.assertEqual(self.run_job("true", key="nightly-report").code, 0)

    def test_the_file_of_an_instance_can_set_another_key(self):
        path = self.life_file()
        for key in ("deploy/production", "two words $HOME %i"):
            with self.subTest(key):
                self.install_template("deploy", f"{JOBTOOL} tick {path} 60", f"KEY={key}")
                before = len(life.runs(path))
                self.systemd.ctl("start", "dlock@deploy")
                wait_until(lambda: len(life.runs(path)) > before, 20, lambda: f"the job runs: {self.said('dlock@deploy')}")
                self.assertEqual(self.run_job("true", key=key).code, dlock.HELD)
                self.assertEqual(self.run_job("true", key="deploy").code, 0)
                self.systemd.ctl("stop", "dlock@deploy")

    def test_a_unit_whose_lock_is_held_by_another_machine_has_not_failed(self):
        self.hold(key="nightly-report")
        self.install_template("nightly-report", "false")
        self.systemd.ctl("start", "dlock@nightly-report")
        self.wait_state("dlock@nightly-report", "inactive", "failed")
        self.assert_shows("dlock@nightly-report", Result="success", ExecMainStatus=str(dlock.HELD))

    def test_a_job_that_fails_is_a_unit_that_fails(self):
        self.install_template("nightly-report", "false")
        self.systemd.ctl("start", "dlock@nightly-report")
        self.wait_state("dlock@nightly-report", "failed")
        self.assert_shows("dlock@nightly-report", Result="exit-code", ExecMainStatus="1")

    def test_the_timer_starts_the_service_of_its_instance(self):
        path = self.life_file()
        self.install_template("nightly-report", f"{JOBTOOL} tick {path} 0.1")
        self.install("dlock@.timer", **{"OnCalendar=*-*-* 02:00:00": "OnCalendar=*-*-* *:*:*\nAccuracySec=10ms"})
        self.systemd.ctl("start", "dlock@nightly-report.timer")
        wait_until(lambda: len(life.runs(path)) >= 2, 20, lambda: f"two runs: {self.said('dlock@nightly-report')}")

    def test_of_two_standbys_one_is_active_and_the_other_takes_over(self):
        command = f"{JOBTOOL} tick {self.life_file('scheduler')} 60"
        for name in ("one", "two"):
            self.install("standby.service", f"{name}.service", **{"redis://10.0.0.5:6379": f"local:{self.locks}",
                                                                  "/usr/local/bin/scheduler": command})
        self.systemd.ctl("start", "one")
        self.systemd.ctl("start", "--no-block", "two")
        wait_until(lambda: "waiting for key 'scheduler', held by" in self.systemd.show("two", "StatusText")[0], 20,
                   lambda: f"two stands by: {self.said('two')}")
        self.assert_shows("one", ActiveState="active")
        self.assert_shows("two", ActiveState="activating")
        self.systemd.ctl("stop", "one")
        self.wait_state("two", "active")
        self.assert_shows("two", NRestarts="0")
        self.assert_no_overlap(self.path("scheduler"))
        # when its job crashes it is started again, behind all waiters
        self.systemd.ctl("start", "--no-block", "one")
        wait_until(lambda: "waiting for" in self.systemd.show("one", "StatusText")[0], 20, "one stands by")
        self.systemd.ctl("kill", "--kill-whom=main", "--signal=KILL", "two")
        self.wait_state("one", "active")
        self.wait_state("two", "activating")
        self.assert_no_overlap(self.path("scheduler"))


def _lines(path):
    with open(path, encoding="ascii") as file:
        return file.read().splitlines()


if __name__ == "__main__":
    unittest.main()
