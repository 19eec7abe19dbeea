"""dlock in restricted environments: /proc of another pid namespace, system call filters, incomplete cgroups; and as process 1."""

import errno
import os
import platform
import re
import signal
import subprocess
import unittest

from harness import cgroups, dlock, life, procs
from harness.case import JOBTOOL, NOBODY, Case, OnRedis, as_nobody, needs_pid_namespace, needs_root, unshare_user
from harness.contained import needs_cgroup, ways
from harness.wait import PATIENCE, hold_for, now, wait_until

# A pid namespace whose /proc is that of the outer namespace.
FOREIGN_PROC = ["unshare", *unshare_user(), "--pid", "--fork", "--kill-child"]
# The numbers of clone3, by which dlock starts a job in a cgroup, and of wait4 on this processor.
CLONE3 = 435
WAIT4 = {"x86_64": 61, "aarch64": 260}.get(platform.machine())


def refusing(call, error):
    """A prefix for a command in which that system call fails with that error."""
    return [JOBTOOL, "refuse", str(call), str(error)]


@needs_pid_namespace
class AProcOfAnotherPidNamespace(Case):
    def test_a_job_whose_processes_could_not_be_found_is_not_started(self):
        ran = self.path("ran")
        refused = self.run_job("touch", ran, options=["--contain=walk"], prefix_command=FOREIGN_PROC)
        self.assertEqual(refused.code, dlock.SYSTEM)
        self.assert_says(refused, "/proc belongs to another pid namespace", "mount -t proc", "--contain=cgroup or pidns")
        self.assertFalse(os.path.exists(ran))
        self.assertEqual(self.run_job("true").code, 0)  # the lock was released

    def test_a_job_that_is_started_dies_with_its_lock(self):
        """By its cgroup, or by the init of its namespace: neither needs a pid."""
        for way in [way for way in ("cgroup", "pidns") if way in ways()]:
            with self.subTest(contain=way):
                self.key = f"job-{way}"
                _, heads = self.start_tree(11, 5, options=[f"--contain={way}"], prefix_command=FOREIGN_PROC)
                os.unlink(self.path("locks", f"{self.key}.lock"))
                heads.wait_gone(3)

    def test_a_job_dies_with_the_engine_and_no_other_process_with_its_numbers_does(self):
        """Inside the namespace the pids are small. Outside they belong to other processes, one of which is watched."""
        for way in [way for way in ("cgroup", "pidns") if way in ways()]:
            with self.subTest(contain=way):
                self.key = f"job-{way}"
                stranger = subprocess.Popen(["sleep", "60"], stdin=subprocess.DEVNULL)
                self.addCleanup(stranger.wait)
                self.addCleanup(stranger.kill)
                started, heads = self.start_tree(3, 2, options=[f"--contain={way}"], prefix_command=FOREIGN_PROC)
                front = wait_until(lambda: procs.children(started.pid), 5, "the front appears")[0]
                procs.kill(wait_until(lambda: procs.children(front), 5, "the engine appears")[0])
                heads.wait_gone(3)
                self.assertIsNone(stranger.poll())
                started.wait()

    def test_contain_auto_refuses_or_contains_the_job(self):
        started, heads = self.start_run_or_refusal()
        if heads is None:
            self.assertEqual(started.code, dlock.SYSTEM, started.stderr)
            return
        os.unlink(self.path("locks", f"{self.key}.lock"))
        heads.wait_gone(3)

    def start_run_or_refusal(self):
        if "cgroup" not in ways():
            return self.run_job("true", prefix_command=FOREIGN_PROC), None
        return self.start_tree(5, 2, prefix_command=FOREIGN_PROC)

    def test_doctor_reports_a_foreign_proc_as_broken(self):
        told = self.run_words("doctor", *self.local_store, "--json", prefix_command=FOREIGN_PROC)
        self.assertEqual(told.code, 1)
        self.assertRegex(told.stdout, r'(?s)"process tree".{0,40}"broken".{0,80}another pid namespace')


@unittest.skipIf(WAIT4 is None, "the number of wait4 is not known for this processor")
class AWaitpidThatIsRefused(Case):
    def test_the_lock_is_kept_because_the_end_of_the_job_is_not_proved(self):
        held = self.start_run("sleep", "0.1", prefix_command=refusing(WAIT4, errno.EPERM))
        held.wait_said("cannot verify that the job is gone")
        self.assert_says(held, "waitpid: Operation not permitted", "the lock is not released")
        hold_for(0.5, held.running, "dlock")
        self.assertEqual(self.run_job("true").code, dlock.HELD)

    def test_the_lock_is_kept_if_the_front_has_to_kill(self):
        held = self.start_run("sleep", "60", prefix_command=refusing(WAIT4, errno.EPERM))
        held.job()  # the lock is held
        procs.kill(held.engine())
        hold_for(0.5, held.running, "the front")
        self.assertEqual(self.run_job("true").code, dlock.HELD)


class ACgroupInWhichNothingCanBeStarted(Case):
    def assert_runs_without(self, **how):
        ran = self.run_job("echo", "ran", options=["-v"], **how)
        self.assertEqual((ran.code, ran.stdout), (0, "ran\n"), ran.stderr)
        self.assert_says(ran, "no cgroup for the job")
        return ran

    @needs_cgroup
    def test_a_filter_that_refuses_clone3_prevents_the_cgroup_and_not_the_job(self):
        for error in (errno.ENOSYS, errno.EPERM, errno.EOPNOTSUPP, errno.EACCES, errno.EBUSY, errno.EAGAIN):
            with self.subTest(error=errno.errorcode[error]):
                ran = self.assert_runs_without(prefix_command=refusing(CLONE3, error))
                tried = re.search("start a process in '([^']*)'", ran.stderr).group(1)
                self.assertFalse(os.path.exists(tried), tried)

    @needs_root
    @needs_cgroup
    def test_a_delegated_cgroup_without_write_access_to_cgroup_procs_is_not_used(self):
        place = cgroups.v2_cgroup()
        self.addCleanup(place.remove)
        os.chown(place.directory, NOBODY, NOBODY)
        os.chown(self.locks, NOBODY, NOBODY)

        def enter():
            place.join()
            as_nobody()
        self.assert_runs_without(preexec_fn=enter)
        self.assertEqual(place.below(), [])

    @needs_cgroup
    def test_with_contain_cgroup_the_run_is_refused_with_the_reason(self):
        refused = self.run_job("true", options=["--contain=cgroup"], prefix_command=refusing(CLONE3, errno.ENOSYS))
        self.assertEqual(refused.code, dlock.SYSTEM)
        self.assert_says(refused, "--contain=cgroup: cannot start a process in", "Function not implemented")

    @needs_cgroup
    def test_a_threaded_cgroup_is_not_used(self):
        place = cgroups.v2_cgroup()
        self.addCleanup(place.remove)
        try:
            threaded = place.threaded()
        except OSError as error:
            self.skipTest(f"no threaded cgroup can be made here: {error}")

        def join():
            place.join()
            threaded.join()
        self.assert_runs_without(preexec_fn=join)
        self.assertEqual(threaded.below(), [])

    def test_a_job_without_a_cgroup_starts_under_a_filter(self):
        ran = self.run_job("echo", "ran", options=["--contain=walk"], prefix_command=refusing(CLONE3, errno.ENOSYS))
        self.assertEqual((ran.code, ran.stdout), (0, "ran\n"), ran.stderr)

    @needs_cgroup
    def test_doctor_tries_to_start_a_process_in_the_cgroup(self):
        told = self.run_words("doctor", *self.local_store, "--json", prefix_command=refusing(CLONE3, errno.ENOSYS))
        self.assertRegex(told.stdout, r'(?s)"cgroup".{0,40}"note".{0,80}cannot start a process in')


class NoThreadCanBeMade(OnRedis):
    """As under a filter that fails clone3 with another error than ENOSYS: the main thread of the engine renews."""

    how = {"options": ["--ttl", "2s"], "prefix_command": refusing(CLONE3, errno.EPERM)}

    def test_the_lock_is_renewed(self):
        ended = self.start_with_status("sleep", "2.5", **self.how)
        self.assertEqual((ended.wait(), ended.own_lines), (0, []))
        self.assertGreaterEqual(ended.status["renewals"]["count"], 3)

    def test_a_lost_lock_ends_the_job(self):
        held = self.hold(**self.how)
        self.redis("DEL", self.lock_name)
        self.assertEqual(held.wait(PATIENCE), dlock.LOST)

    def test_if_the_store_does_not_answer_the_job_is_dead_before_its_lease_expires(self):
        server = self.own_server()
        self.addCleanup(procs.resume, server.pid)
        path = self.life_file()
        held = self.hold(life=path, **self.how)
        silent = now()
        procs.stop(server.pid)
        held.wait()
        self.assertEqual(held.code, dlock.UNCONFIRMED, held.stderr)
        self.assertLess(life.runs(path)[0].last - silent, 2 * PATIENCE)

    def test_on_the_embedded_store_a_loss_is_noticed(self):
        held = self.hold(store=self.local_store, prefix_command=self.how["prefix_command"])
        os.unlink(os.path.join(self.locks, f"{self.key}.lock"))
        self.assertEqual(held.wait(3 * PATIENCE), dlock.LOST)


@needs_root
@needs_pid_namespace
class AUserThatCannotBeMapped(Case):
    def test_the_refusal_is_reported_as_that_of_the_system_and_not_of_the_command(self):
        read_only = ["unshare", "-m", "sh", "-c", 'mount -t proc -o ro proc /proc || exit 99; exec "$@"', "sh",
                     "setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
        os.chown(self.locks, NOBODY, NOBODY)
        refused = self.run_job("true", options=["--contain=pidns"], prefix_command=read_only)
        if refused.code == 99:
            self.skipTest("no /proc can be mounted here")
        self.assertEqual(refused.code, dlock.SYSTEM, refused.stderr)
        self.assert_says(refused, "the job could not be started: cannot map its user", "uid_map", "Read-only file system")
        self.assertNotIn("cannot run", refused.stderr)


class ChildrenOfOthers(Case):
    """Children that do not belong to the job: of the program that executed dlock, and orphans of probes in a container."""

    def zombies_below(self, pid):
        return [child for child in procs.children(pid) if (procs.stat(child) or {}).get("state") == "Z"]

    def test_children_of_the_program_that_executed_dlock_are_reaped(self):
        held = self.start_run("sleep", "60", prefix_command=["sh", "-c", 'sleep 0.1 & sleep 0.2 & exec "$@"', "sh"])
        held.job()
        wait_until(lambda: len(procs.children(held.pid)) == 1, 5, "only the engine is left below the front")
        self.assertTrue(held.running())

    @needs_root
    @needs_pid_namespace
    def test_as_process_1_the_front_reaps_orphans_while_it_waits_and_while_a_job_runs(self):
        inside = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
        holder = self.hold(seconds=60)
        waiter = self.start_run("sleep", "60", options=["-w"], prefix_command=inside)
        front = wait_until(lambda: procs.children(waiter.pid), 5, "process 1 appears")[0]
        wait_until(lambda: procs.children(front), 5, "its engine appears")

        def probe():
            gone = self.path("probe")
            subprocess.run(["nsenter", "--target", str(front), "--pid", "--mount", "sh", "-c", f"(sleep 0.05; touch {gone}) &"],
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
            wait_until(lambda: os.path.exists(gone), 5, "what the probe left behind ends")
            wait_until(lambda: not self.zombies_below(front), 2, "it is reaped")
            os.unlink(gone)
        probe()
        holder.signal(signal.SIGTERM)
        holder.wait()
        wait_until(lambda: len(procs.descendants(front)) >= 2, 5, "the job starts")
        probe()
        self.assertTrue(waiter.running())

    def test_the_exit_code_of_the_job_is_kept_beside_such_children(self):
        ran = self.run_job("sh", "-c", "sleep 0.2; exit 7", prefix_command=["sh", "-c", '(exit 3) & sleep 0.1 & exec "$@"', "sh"])
        self.assertEqual(ran.code, 7)


if __name__ == "__main__":
    unittest.main()
