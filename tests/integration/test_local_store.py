"""The embedded store: no server, one file per key, locked by the kernel and free at once when its holder is gone."""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import unittest

from harness import dlock, life, procs
from harness.case import JOBTOOL, NOBODY, Case, as_nobody, needs, needs_root, run_quietly
from harness.wait import LATE, PATIENCE, now, wait_until

OPTIONS = ["--ttl", "2s"]
RENEWAL = 0.4
AHEAD = ["unshare", "--time", "--boottime", "100000", "--fork"]


class LocalStore(Case):
    def files(self):
        return [os.path.join(self.locks, name) for name in os.listdir(self.locks)]


class HoldingAndReleasing(LocalStore):
    def test_a_second_run_is_refused_until_the_first_has_ended(self):
        first = self.hold()
        self.assertEqual(self.run_job("true").code, dlock.HELD)
        first.signal(signal.SIGTERM)
        first.wait()
        self.assertEqual(self.run_job("true").code, 0)

    def test_the_lock_is_free_at_once_after_the_death_of_a_supervisor(self):
        for who in ("front", "engine", "both"):
            with self.subTest(killed=who):
                held, heads = self.start_tree(11, 5, options=["--contain=walk"] if who != "both" else ["--contain=auto"])
                engine = held.engine()
                began = now()
                if who == "both":
                    procs.stop(engine)
                    procs.stop(held.pid)
                    began = now()
                for pid in {"front": [held.pid], "engine": [engine], "both": [engine, held.pid]}[who]:
                    procs.kill(pid)
                if who == "both":
                    for pid in heads.pids:  # the documented limit when both supervisors die at the same moment
                        procs.kill(pid)
                wait_until(lambda: self.run_job("true").code == 0, 2, "the lock is free", pause=0)
                self.assertLess(now() - began, 0.3 * PATIENCE + LATE)
                held.wait()
                heads.wait_gone(1)

    def test_the_lock_is_kept_while_any_process_of_the_job_lives(self):
        path = self.life_file()
        held, _ = self.start_tree(1, 5, options=["--orphans=wait"],
                                  tree_options=["--root-seconds", "0.2", "--seconds", "1.5", "--tick", path])
        self.take_when_free(path)
        self.assertEqual(held.wait(), 0)
        self.assert_no_overlap(path)

    def test_the_job_does_not_inherit_the_lock(self):
        # A daemon that survives by --orphans=leave must not keep a lock that was released.
        held, heads = self.start_tree(1, 2, options=["--orphans=leave"], tree_options=["--root-seconds", "0.2", "--seconds", "3"])
        self.assertEqual(held.wait(), 0)
        self.assertEqual(self.run_job("true").code, 0)
        heads.wait_gone(5)

    def test_a_stopped_front_keeps_the_lock_when_the_engine_is_killed(self):
        held, heads = self.start_tree(3, 2)
        engine = held.engine()
        procs.stop(held.pid)
        procs.kill(engine)
        wait_until(lambda: not procs.alive(engine), 5, "the engine is dead")
        self.assertEqual(self.run_job("true").code, dlock.HELD)
        procs.resume(held.pid)
        heads.wait_gone(2)
        self.assertEqual(held.wait(), dlock.SYSTEM)
        self.assertEqual(self.run_job("true").code, 0)

    def test_flock_of_the_same_file_by_another_program_counts_as_held(self):
        blocker = subprocess.Popen(["flock", self.path("locks", f"{self.key}.lock"), "sleep", "30"], env=self.env)
        self.addCleanup(lambda: (blocker.kill(), blocker.wait(), [procs.kill(pid) for pid in self.survivors()]))
        wait_until(lambda: self.run_job("true").code == dlock.HELD, 5, "it counts as held")

    def test_the_token_increases(self):
        tokens = []
        for _ in range(4):
            self.run_job("sh", "-c", f"echo $DLOCK_FENCING_TOKEN >>{self.path('tokens')}")
        with open(self.path("tokens"), encoding="ascii") as file:
            tokens = [int(line) for line in file]
        self.assertEqual((len(tokens), tokens), (4, sorted(set(tokens))))

    def test_files_can_be_accessed_only_by_their_owner(self):
        self.hold()
        for path in self.files():
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode) & 0o077, 0, path)

    def test_a_damaged_lock_file_does_not_prevent_a_run(self):
        self.assertEqual(self.run_job("true").code, 0)
        for path in self.files():
            with open(path, "wb") as file:
                file.write(b"\x00garbage{")
        self.assertEqual(self.run_job("true").code, 0)
        self.hold()
        for path in self.files():
            with open(path, "wb") as file:
                file.write(b"\x00garbage{")
        second = self.run_job("true")
        self.assertEqual((second.code, len(second.own_lines)), (dlock.HELD, 1))

    def test_a_full_disk_refuses_a_run_before_the_start(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full")
        if os.geteuid() != 0:
            self.skipTest("needs root: it mounts a tiny file system")
        script = 'mount -t tmpfs -o size=4k,mode=700 none "$1" && head -c 4096 /dev/zero >"$1/fill"; d=$1; shift; exec "$@"'
        ended = self.run_job("touch", self.path("ran"),
                             prefix_command=["unshare", "-m", "sh", "-c", script, "sh", self.locks])
        if ended.code == 0:
            self.assertTrue(os.path.exists(self.path("ran")))  # the data of the holder can be missing: the lock of the kernel counts
        else:
            self.assertIn(ended.code, (dlock.UNREACHABLE, dlock.CONFIG, dlock.SYSTEM))
            self.assertTrue(ended.own_lines)
            self.assertFalse(os.path.exists(self.path("ran")))


class TheFileUnderARunningJob(LocalStore):
    def lose(self, change):
        path = self.life_file(f"life{self._count}")
        held = self.hold(life=path, options=OPTIONS)
        change()
        changed = now()
        self.assertEqual(held.wait(10), dlock.LOST, held.stderr)
        self.assertLess(life.last_tick(path) - changed, RENEWAL + LATE)
        self.assertEqual(len(held.own_lines), 1, held.stderr)
        return held

    def test_a_removed_file_is_a_loss(self):
        self.lose(lambda: [os.unlink(path) for path in self.files()])

    def test_a_renamed_file_is_a_loss(self):
        self.lose(lambda: [os.rename(path, self.path("elsewhere")) for path in self.files()])

    def test_a_replaced_file_is_a_loss(self):
        def replace():
            for path in self.files():
                shutil.copy(path, self.path("copy"))
                os.rename(self.path("copy"), path)
        self.lose(replace)

    def test_a_replaced_directory_is_a_loss(self):
        def replace():
            os.rename(self.locks, self.path("old"))
            os.mkdir(self.locks, 0o700)
        self.lose(replace)

    def test_a_file_that_a_cleaner_removed_between_two_runs_does_no_harm(self):
        for _ in range(3):
            self.assertEqual(self.run_job("true").code, 0)
            for path in self.files():
                os.unlink(path)

    def test_with_continual_removal_two_jobs_overlap_for_at_most_one_renewal_interval(self):
        path = self.life_file()
        until = now() + 4
        running = []
        while now() < until:
            running = [each for each in running if each.running()]
            if len(running) < 4:
                running.append(self.start_run(JOBTOOL, "tick", path, "0.3", options=OPTIONS))
            for name in self.files():
                try:
                    os.unlink(name)
                except FileNotFoundError:
                    pass
        for each in running:
            self.assertIn(each.wait(), (0, dlock.HELD, dlock.LOST))
        ran = life.runs(path)
        for earlier, later in zip(ran, ran[1:]):
            self.assertLess(earlier.last - later.first, RENEWAL + LATE)

    def test_touching_or_reading_the_file_is_not_a_loss(self):
        held = self.hold(options=OPTIONS, seconds=1.5)
        for path in self.files():
            os.utime(path)
            with open(path, "rb") as file:
                file.read()
        self.assertEqual(held.wait(), 0)


class TheDefaultStore(LocalStore):
    """No --store and no DLOCK_STORE. The default directory of root is that of the machine, so each test has a unique key."""

    def setUp(self):
        super().setUp()
        self.key = f"dlock-test-{os.path.basename(self.directory)}"

    def test_the_embedded_store_is_the_default_with_a_note_that_it_covers_one_machine(self):
        ended = self.run_job("true", store=[], **self.private())
        self.assertEqual((ended.code, len(ended.own_lines)), (0, 1), ended.stderr)
        self.assert_says(ended, "this machine", "--store")

    def test_the_option_q_and_an_explicit_local_print_no_message(self):
        self.assertEqual(self.run_job("true", store=[], options=["-q"], **self.private()).stderr, "")
        self.assertEqual(self.run_job("true", store=["--store", "local"], **self.private()).stderr, "")

    def test_two_runs_exclude_each_other_in_any_environment(self):
        self.hold(store=[], **self.private())
        for env in ({}, {"HOME": "/nonexistent", "XDG_RUNTIME_DIR": "/nonexistent", "TMPDIR": "/nonexistent"},
                    {"HOME": None, "XDG_RUNTIME_DIR": None, "XDG_STATE_HOME": "/nonexistent", "USER": None}):
            with self.subTest(environment=env):
                self.assertEqual(self.run_job("true", store=[], more_env=env, **self.private()).code, dlock.HELD)

    @needs_root
    @needs("unshare")
    def test_the_default_store_of_a_user_is_private_and_below_the_home_directory(self):
        user = next((each for each in pwd.getpwall() if 0 < each.pw_uid < NOBODY and each.pw_dir.startswith("/")), None)
        if user is None:
            self.skipTest("no other user here")
        # A separate home directory for that user, visible only to these processes.
        script = f'mount -t tmpfs -o mode=755,uid={user.pw_uid} none {user.pw_dir} 2>/dev/null || exit 99; exec "$@"'
        prefix = ["unshare", "-m", "sh", "-c", script, "sh", "setpriv", "--reuid", str(user.pw_uid), "--clear-groups"]
        os.chmod(self.directory, 0o1777)
        ended = self.run_job("sh", "-c", f"ls -lad {user.pw_dir}/.local/state/dlock >{self.path('seen')}", store=[],
                             prefix_command=prefix)
        if ended.code == 99:
            self.skipTest(f"{user.pw_dir} cannot be covered here")
        self.assertEqual(ended.code, 0, ended.stderr)
        with open(self.path("seen"), encoding="utf-8") as file:
            self.assertTrue(file.read().startswith("drwx------"))

    @needs_root
    def test_a_user_without_a_home_directory_is_told_which_option_to_use(self):
        ended = self.run_job("touch", self.path("ran"), store=[], preexec_fn=as_nobody)
        self.assertEqual(ended.code, dlock.CONFIG, ended.stderr)
        self.assert_says(ended, "--store")
        self.assertFalse(os.path.exists(self.path("ran")))

    def private(self):
        """A prefix command that gives root a private /run, where it can be mounted."""
        if os.geteuid() != 0:
            return {}
        run = self.path("private-run")
        os.makedirs(run, exist_ok=True)
        script = f'mount --bind {run} /run && exec "$@"'
        return {"prefix_command": ["unshare", "-m", "sh", "-c", script, "sh"]}


if __name__ == "__main__":
    unittest.main()


@needs_root
@unittest.skipUnless(shutil.which("unshare") and run_quietly(*AHEAD, "true").returncode == 0, "no time namespace can be made here")
class ATimeNamespace(LocalStore):
    """In a container that has its own boot clock and shares the directory."""

    def assert_kept_for_its_time(self, first, second):
        began = now()
        self.assertEqual(self.run_job("true", options=["--min-hold", "1s"], prefix_command=first).code, 0)
        self.assertEqual(self.run_job("true", prefix_command=second).code, dlock.HELD)
        wait_until(lambda: self.run_job("true", prefix_command=second).code == 0, 2, "the minimum hold is over")
        self.assertGreater(now() - began, 1.0)

    def test_min_hold_of_a_run_inside_is_kept_for_its_time_outside(self):
        self.assert_kept_for_its_time(AHEAD, [])

    def test_min_hold_of_a_run_outside_is_kept_for_its_time_inside(self):
        self.assert_kept_for_its_time([], AHEAD)

    def test_two_runs_inside_have_the_same_clock(self):
        self.assert_kept_for_its_time(AHEAD, AHEAD)
