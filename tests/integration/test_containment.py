"""No process of the job escapes, not even daemons and stopped processes; a process that cannot be killed is named."""

import os
import shutil
import signal
import stat
import unittest

from harness import cgroups, dlock, procs
from harness.case import JOBTOOL, NOBODY, Case, RedisCase, as_nobody, needs_pid_namespace, needs_root
from harness.contained import in_each_way, needs_cgroup
from harness.wait import hold_for, wait_until

# The lock becomes free a moment after the last process of the job has ended: when the remaining supervisor has checked, or the
# kernel has closed the descriptors of the last supervisor.
AFTER_THE_LAST = ["-w", "10s"]


class EveryWayOfContaining(Case):
    def start_contained(self, way, *, count=11, daemons=5, **how):
        return self.start_tree(count, daemons, options=[f"--contain={way}", *AFTER_THE_LAST, *how.pop("options", ())], **how)

    @in_each_way
    def test_the_exit_code_of_the_job_is_kept(self, way):
        self.assertEqual(self.run_job(JOBTOOL, "exit", "7", options=[f"--contain={way}"]).code, 7)

    @in_each_way
    def test_the_signal_that_ended_the_job_is_kept(self, way):
        self.assertEqual(self.run_job(JOBTOOL, "raise", "TERM", options=[f"--contain={way}"]).died_by, signal.SIGTERM)

    @in_each_way
    def test_a_command_that_is_not_found_is_127_and_one_that_cannot_be_run_is_126(self, way):
        for command, code in (("/no/such/command", 127), (self.directory, 126)):
            ended = self.run_job(command, options=[f"--contain={way}"])
            self.assertEqual(ended.code, code, ended.stderr)
            self.assert_says(ended, command)

    @in_each_way
    def test_sigterm_reaches_the_job(self, way):
        held, heads = self.start_contained(way)
        held.signal(signal.SIGTERM)
        self.assertEqual(held.wait(), 143)
        self.assert_everybody_left(heads)

    @in_each_way
    def test_sigkill_of_the_front_or_the_engine_leaves_no_process(self, way):
        for who in ("front", "engine"):
            held, heads = self.start_contained(way)
            procs.kill(held.pid if who == "front" else held.engine())
            self.assert_everybody_left(heads)
            held.wait()

    @in_each_way
    def test_daemons_that_outlive_the_command_are_ended_with_it(self, way):
        held, heads = self.start_contained(way, tree_options=["--root-seconds", "0.2", "--exit", "3"])
        self.assertEqual(held.wait(), 3)
        self.assert_everybody_left(heads)

    @in_each_way
    def test_processes_that_outlived_the_command_are_reported(self, way):
        ended = self.start_with_status(JOBTOOL, "tree", "1", "5", "/dev/null", "--root-seconds", "0.2", "--exit", "3",
                                       options=[f"--contain={way}"])
        self.assertEqual(ended.wait(), 3)
        self.assert_says(ended, f"'{self.key}': 5 processes of the job outlived the command and were ended: jobtool, jobtool, jobtool, ...;")
        self.assertEqual(ended.status["leftovers"], {"count": 5, "names": ["jobtool"] * 3})
        # A process has the name of the shell until its exec.
        ticks = self.life_file(f"ticks {way}")
        quiet = self.start_with_status("sh", "-c", '"$0" tick "$1" 60 & until [ -s "$1" ]; do sleep 0.01; done', JOBTOOL, ticks,
                                       options=[f"--contain={way}", "-q"])
        self.assertEqual((quiet.wait(), quiet.stderr), (0, ""))
        self.assertEqual(quiet.status["leftovers"], {"count": 1, "names": ["jobtool"]})
        plain = self.start_with_status("sh", "-c", "sleep 0.1 & wait", options=[f"--contain={way}"])
        self.assertEqual((plain.wait(), plain.stderr), (0, ""))
        self.assertNotIn("leftovers", plain.status)

    @in_each_way
    def test_stopped_descendants_are_ended(self, way):
        held, heads = self.start_contained(way, tree_options=["--stop"])
        procs.kill(held.pid)
        self.assert_everybody_left(heads)

    @in_each_way
    def test_descendants_that_ignore_terminating_signals_are_ended(self, way):
        held, heads = self.start_contained(way, options=["--kill-after", "300ms"],
                                           tree_options=["--ignore", "TERM,INT,HUP,QUIT"])
        held.signal(signal.SIGTERM)
        self.assert_everybody_left(heads, 5)
        held.wait()

    def assert_everybody_left(self, heads, seconds=1.0):
        # A job in a pid namespace reports the pids of that namespace. Only end-of-file works for all ways.
        heads.wait_gone(seconds)


class BothSupervisorsKilledAtOnce(Case):
    @needs_pid_namespace
    def test_in_a_pid_namespace_no_process_survives(self):
        for _ in range(5):
            held, heads = self.start_tree(11, 5, options=["--contain=pidns", *AFTER_THE_LAST])
            held.kill_both()
            heads.wait_gone(1)

    def test_with_contain_walk_the_command_dies_and_its_daemons_can_survive(self):
        for _ in range(5):
            held, heads = self.start_tree(11, 5, options=["--contain=walk", *AFTER_THE_LAST])
            job = held.job()
            held.kill_both()
            wait_until(lambda: not procs.alive(job), 1, "the root of the job is dead")
            for pid in heads.pids:  # the documented limit of this way of containing
                procs.kill(pid)
            heads.wait_gone(2)


# An unprivileged user who sees only his own processes in /proc. 99: not available here.
HIDDEN_PROC = ["unshare", "-m", "sh", "-c",
               'mount -t proc -o hidepid=2 proc /proc || exit 99; exec "$@"',  # a remount would change the /proc of the host
               "sh", "setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]


class AJobThatCannotBeKilled(RedisCase):
    """dlock of an unprivileged user, whose job has become root by a setuid program."""

    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            self.skipTest("needs root: it makes a setuid-root program")
        self.tool = self.path("setuid-jobtool")
        shutil.copy(JOBTOOL, self.tool)
        os.chmod(self.tool, 0o4755)
        if os.statvfs(self.directory).f_flag & os.ST_NOSUID:
            self.skipTest("the temporary directory is mounted nosuid")
        self.assertTrue(os.stat(self.tool).st_mode & stat.S_ISUID)
        os.chmod(self.directory, 0o1777)

    def start_rooted(self, seconds):
        heads = self.headcount()
        held = self.start_run(self.tool, "become-root", str(seconds), heads.path, store=self.redis_store,
                              options=["--ttl", "2s"], preexec_fn=as_nobody)
        (root_pid,) = heads.wait_for(1)
        return held, heads, root_pid

    def test_an_unkillable_process_is_named_and_keeps_the_lock_until_it_exits(self):
        held, heads, rooted = self.start_rooted(6)
        procs.kill(held.engine())  # the front must kill a process that it has no permission to kill
        held.wait_said(str(rooted), 5)
        ticks = procs.stat(held.pid)["cpu_ticks"]
        hold_for(1.5, held.running, "the front")
        self.assertLessEqual(procs.stat(held.pid)["cpu_ticks"] - ticks, 0.05 * 1.5 * os.sysconf("SC_CLK_TCK"))
        self.assertTrue(procs.alive(rooted))
        self.assertIn("the lock is not released", held.stderr)
        heads.wait_gone(10)
        held.wait(3)

    def test_after_a_loss_an_unkillable_process_is_reported_every_second(self):
        held, heads, rooted = self.start_rooted(5)
        self.redis("SET", self.lock_name, '{"ownerHash":"job@other/1.1.1","processHash":"other/1.1"}')
        held.wait_said(str(rooted), 5)
        hold_for(2.2, held.running, "dlock")
        self.assertGreaterEqual(sum(str(rooted) in line for line in held.own_lines), 2, held.stderr)
        heads.wait_gone(10)
        self.assertEqual(held.wait(3), dlock.LOST)
        self.assertIn("other/1.1", self.lock_value())


    def test_a_setuid_program_that_keeps_its_real_user_is_killed(self):
        heads = self.headcount()
        held = self.start_run(self.tool, "tree", "3", "2", heads.path, "--seconds", "20", store=self.redis_store,
                              preexec_fn=as_nobody)
        heads.wait_for(5)
        held.signal(signal.SIGKILL)
        self.assert_gone(heads)

    def test_a_setuid_program_is_killed_even_if_proc_hides_processes_of_other_users(self):
        heads = self.headcount()
        held = self.start_run(self.tool, "tree", "3", "2", heads.path, "--seconds", "20", store=self.redis_store,
                              options=["--contain=walk"], prefix_command=HIDDEN_PROC)
        wait_until(lambda: not held.running() or len(heads.pids) >= 5 or heads.is_gone(), 10, "the tree starts")
        if held.code == 99:
            self.skipTest("/proc cannot be mounted with hidepid here")
        held.signal(signal.SIGKILL)
        self.assert_gone(heads)


class UnusualEnvironments(Case):
    @needs_root
    @needs_pid_namespace
    def test_without_proc_dlock_refuses_or_contains_the_job(self):
        # In a mount namespace with an empty directory over /proc.
        heads = self.headcount()
        script = 'mount -t tmpfs none /proc && exec "$@"'
        held = self.start_run(JOBTOOL, "tree", "3", "2", heads.path, options=["--contain=walk"],
                              prefix_command=["unshare", "-m", "sh", "-c", script, "sh"])
        wait_until(lambda: not held.running() or heads.is_gone() or heads.pids, 10, "it starts or refuses")
        if not held.running():
            self.assertIn(held.code, (dlock.CONFIG, dlock.SYSTEM))
            self.assert_says(held, "/proc")
            return
        heads.wait_for(5)
        held.signal(signal.SIGKILL)
        self.assert_gone(heads)

    @needs_root
    def test_descendants_are_found_if_proc_hides_processes_of_other_users(self):
        heads = self.headcount()
        os.chmod(self.directory, 0o1777)
        os.chown(self.locks, NOBODY, NOBODY)
        held = self.start_run(JOBTOOL, "tree", "3", "2", heads.path, options=["--contain=walk"],
                              prefix_command=HIDDEN_PROC)
        wait_until(lambda: not held.running() or len(heads.pids) >= 5 or heads.is_gone(), 10, "the tree starts")
        if held.code == 99:
            self.skipTest("/proc cannot be mounted with hidepid here")
        heads.wait_for(5)
        held.signal(signal.SIGKILL)
        self.assert_gone(heads)

    @needs_root
    def test_with_a_read_only_cgroup_file_system_auto_falls_back_and_cgroup_is_refused(self):
        script = 'for m in $(awk \'$3=="cgroup2"{print $2}\' /proc/mounts); do mount -o remount,bind,ro $m || exit 99; done; exec "$@"'
        prefix = ["unshare", "-m", "sh", "-c", script, "sh"]
        if self.run_words("--version", prefix_command=prefix).code == 99:
            self.skipTest("the cgroup file system cannot be made read-only here")
        self.assertEqual(self.run_job(JOBTOOL, "exit", "4", prefix_command=prefix).code, 4)
        refused = self.run_job("touch", self.path("ran"), options=["--contain=cgroup"], prefix_command=prefix)
        self.assertIn(refused.code, (dlock.CONFIG, dlock.SYSTEM))
        self.assert_says(refused, "--contain", "cgroup")
        self.assertFalse(os.path.exists(self.path("ran")))

    def own_cgroup(self):
        place = cgroups.v2_cgroup()
        self.addCleanup(place.remove)
        return place

    @needs_cgroup
    @needs_root
    def test_a_cgroup_mount_that_is_hidden_by_another_mount_is_not_used(self):
        place = self.own_cgroup()
        script = """mount -t cgroup2 cgroup2 /sys/fs/cgroup && mkdir /sys/fs/cgroup/inner &&
            echo $$ >/sys/fs/cgroup/inner/cgroup.procs || exit 99; "$@"; code=$?
            echo $$ >/sys/fs/cgroup/cgroup.procs; rmdir /sys/fs/cgroup/inner; exit $code"""
        prefix = ["unshare", "-m", "--propagation", "private", "-C", "sh", "-c", script, "sh"]
        started = self.run_job("sh", "-c", "exit 7", options=["--contain=cgroup"], prefix_command=prefix, preexec_fn=place.join)
        if started.code == 99:
            self.skipTest("no cgroup file system can be mounted here")
        self.assertEqual(started.code, 7, started.stderr)

    @needs_cgroup
    @needs_root
    def test_the_job_never_leaves_the_cgroup_in_which_dlock_was_started(self):
        # In a cgroup namespace without its own mount, the path in /proc is / and the mount shows the root of the host.
        place = self.own_cgroup()
        seen = self.path("seen")
        started = self.run_job("sh", "-c", f"cat /proc/self/cgroup >{seen}", prefix_command=["unshare", "-C"],
                               preexec_fn=place.join)
        self.assertEqual(started.code, 0, started.stderr)
        with open(seen, encoding="ascii") as file:
            path = next(line.rstrip("\n")[3:] for line in file if line.startswith("0::"))
        self.assertNotIn("..", path)

    @needs_root
    def test_an_unavailable_cgroup_is_refused_with_the_reason(self):
        os.chown(self.locks, NOBODY, NOBODY)
        refused = self.run_job("touch", self.path("ran"), options=["--contain=cgroup"], preexec_fn=as_nobody)
        self.assertIn(refused.code, (dlock.CONFIG, dlock.SYSTEM))
        self.assert_says(refused, "--contain", "cgroup")
        self.assertFalse(os.path.exists(self.path("ran")))

    @needs_root
    @needs_pid_namespace
    def test_an_unprivileged_user_can_use_a_pid_namespace(self):
        os.chown(self.locks, NOBODY, NOBODY)
        os.chmod(self.directory, 0o1777)
        ended = self.run_job("sh", "-c", "exit 6", options=["--contain=pidns"], preexec_fn=as_nobody)
        if ended.code in (dlock.CONFIG, dlock.SYSTEM):
            self.assert_says(ended, "--contain", "pidns")
            self.skipTest(f"no user namespaces for ordinary users: {ended.stderr}")
        self.assertEqual(ended.code, 6)


if __name__ == "__main__":
    unittest.main()
