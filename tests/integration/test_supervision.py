"""The whole tree dies with its supervisors, the status of the job is kept, leftovers are ended, and the release comes last."""

import ctypes
import os
import signal
import subprocess
import time
import unittest

from harness import cgroups, dlock, life, procs
from harness.case import JOBTOOL, Case, OnRedis, RedisCase, needs, needs_pid_namespace, unshare_user
from harness.wait import LATE, PATIENCE, hold_for, now, wait_until

TREE = (11, 5)  # eleven processes in a tree and five daemons with their own sessions


class ASupervisorDies(RedisCase):
    def start_tree_on_redis(self, **how):
        return self.start_tree(*TREE, store=self.redis_store, **how)

    def test_sigkill_of_the_front_ends_the_whole_tree_and_frees_the_lock_before_its_ttl(self):
        held, heads = self.start_tree_on_redis()
        killed = now()
        held.signal(signal.SIGKILL)
        self.assert_gone(heads)
        self.wait_lock_gone(1)
        self.assertLess(now() - killed, 1 * PATIENCE + LATE)

    def test_sigkill_of_the_engine_ends_the_whole_tree_with_71(self):
        held, heads = self.start_tree_on_redis()
        os.kill(held.engine(), signal.SIGKILL)
        self.assert_gone(heads)
        self.assertEqual(held.wait(), dlock.SYSTEM)
        self.assertEqual(len(held.own_lines), 1, held.stderr)

    def test_sigkill_of_the_process_group_leaves_no_process(self):
        held, heads = self.start_tree_on_redis()
        os.killpg(held.pid, signal.SIGKILL)
        self.assert_gone(heads)
        self.wait_lock_gone()

    def test_timeout_with_sigkill_leaves_no_process(self):
        heads = self.headcount()
        self.start_run(JOBTOOL, "tree", "11", "5", heads.path, prefix_command=["timeout", "-s", "KILL", str(1.5 * PATIENCE)])
        heads.wait_for(16, 1.4)
        self.assert_gone(heads, 4)

    @needs("killall")
    @needs_pid_namespace
    def test_killall_by_name_leaves_no_process(self):
        # In its own pid namespace, so that it kills no other dlock.
        heads = self.headcount()
        script = ('"$@" & wait_for=$!; while [ ! -e go ]; do sleep 0.05; done; killall -9 dlock; wait $wait_for; '
                  'for i in $(seq 40); do sleep 0.05; done')
        self.start_run(JOBTOOL, "tree", "11", "5", heads.path, cwd=self.directory,
                       prefix_command=["unshare", *unshare_user(), "-pf", "--mount-proc", "sh", "-c", script, "sh"])
        heads.wait_for(16)
        with open(self.path("go"), "wb"):
            pass
        # Well before the shell, which is the init of the namespace, ends and thereby kills everything.
        heads.wait_gone(1)

    def test_after_sigkill_of_a_supervisor_the_next_holder_starts_within_200_ms(self):
        for who in ("front", "engine"):
            took = []
            for number in range(5):
                path = self.life_file(f"{who}{number}")
                first = self.hold(life=path, store=self.redis_store)
                of_whom = first.pid if who == "front" else first.engine()
                killed = now()
                procs.kill(of_whom)
                self.take_when_free(path, 5, store=self.redis_store)
                self.assert_no_overlap(path)
                took.append(life.runs(path)[1].first - killed)
            self.assert_mostly_within(0.2, took)

    def test_sigkill_at_any_moment_of_the_start_leaves_no_process(self):
        for who in ("front", "engine"):
            for delay in range(24):
                held = self.start_run(JOBTOOL, "exec-loop", "100", store=self.redis_store)
                pid = held.pid if who == "front" else next(iter(procs.children(held.pid)), held.pid)
                until = time.monotonic() + delay / 4000
                while time.monotonic() < until:
                    pass
                procs.kill(pid)
                held.wait(10)
            wait_until(lambda: not self.survivors(), 2, "everything that was started is gone")

    def test_a_start_that_is_killed_leaves_the_lock_for_at_most_one_ttl(self):
        for delay in range(12):
            held = self.start_run("sleep", "60", store=self.redis_store, options=["--ttl", "2s"])
            time.sleep(delay / 2000)
            held.signal(signal.SIGKILL)
            held.wait()
        wait_until(lambda: self.run_job("true", store=self.redis_store).code == 0, 3, "the lock is free")


class TheEngineIsKilledTests:
    """The front releases the lock of the engine when no process of the job is left, long before the TTL expires."""

    def kill_engine(self, held):
        procs.kill(held.engine())
        self.assertEqual(held.wait(), dlock.SYSTEM)
        self.assertEqual(len(held.own_lines), 1, held.stderr)

    def start_again(self, *options):
        return self.run_job("true", options=options)

    def test_the_front_releases_the_lock_and_reports_it(self):
        held = self.hold()
        self.kill_engine(held)
        self.assert_says(held, "terminated by SIGKILL", "the lock is free")
        self.assertEqual(self.start_again().code, 0)

    def test_the_front_releases_a_share_of_the_lock(self):
        runs = [self.hold(life=self.life_file(f"life{number}"), options=["--limit", "2"])
                for number in range(2)]
        self.assertEqual(self.start_again("--limit", "2").code, dlock.HELD)
        self.kill_engine(runs[0])
        self.assertEqual(self.start_again("--limit", "2").code, 0)
        self.assertTrue(runs[1].running())

    def test_the_front_keeps_min_hold(self):
        held = self.hold(options=["--min-hold", "1500ms"])
        self.kill_engine(held)
        self.assert_says(held, "terminated by SIGKILL", "--min-hold keeps the lock")
        self.assertEqual(self.start_again().code, dlock.HELD)
        wait_until(lambda: self.start_again().code == 0, 2, "the minimum hold is over")

    def test_the_front_remembers_the_run_with_even_if_failed(self):
        held = self.hold(options=["--once-per", "1d", "--even-if-failed"])
        self.kill_engine(held)
        again = self.start_again("--once-per", "1d", "--even-if-failed")
        self.assert_says(again, "already done by")


class TheEngineIsKilledOnTheEmbeddedStore(TheEngineIsKilledTests, Case):
    pass


class TheEngineIsKilledOnRedis(TheEngineIsKilledTests, OnRedis):
    def test_min_hold_counts_from_the_start_of_the_job(self):
        held = self.hold(options=["--min-hold", "60s"])
        hold_for(1, held.running, "the job")
        self.kill_engine(held)
        self.assertLess(self.redis("PTTL", self.lock_name), 59000)

    def stop_server(self):
        server = self.own_server()
        self.addCleanup(procs.resume, server.pid)
        return server

    def test_a_waiter_whose_engine_is_killed_delays_no_other_waiter(self):
        first = self.hold(store=self.redis_store)
        dead = self.start_run("true", store=self.redis_store, options=["-w"])
        dead.wait_said("waiting for it")
        next_one = self.start_run("true", store=self.redis_store, options=["-w"])
        next_one.wait_said("waiting for it")
        procs.kill(dead.engine())
        self.assertEqual(dead.wait(), dlock.SYSTEM)
        first.signal(signal.SIGTERM)
        self.assertEqual(next_one.wait(3), 0)

    def test_an_engine_killed_during_the_release_leaves_no_lock_and_the_status_of_the_job(self):
        server = self.stop_server()
        held = self.start_with_status("sleep", "60", store=self.redis_store)
        engine, job = held.engine(), held.job()
        procs.stop(server.pid)
        os.kill(job, signal.SIGTERM)
        wait_until(lambda: not procs.children(engine), 5, "the job is gone and its lock is to be released")
        procs.kill(engine)
        procs.resume(server.pid)
        held.wait()
        self.assertEqual((held.died_by, held.own_lines), (signal.SIGTERM, []))
        self.assertEqual((held.status["outcome"], held.status["signal"]), ("job_ended", signal.SIGTERM))
        self.assertIsNone(self.lock_value())

    def test_a_store_that_does_not_answer_delays_the_end_by_about_two_seconds(self):
        server = self.stop_server()
        held = self.hold(store=self.redis_store)
        procs.stop(server.pid)
        killed = now()
        self.kill_engine(held)
        self.assertLess(now() - killed, 3 * PATIENCE)
        self.assert_says(held, "the lock expires within its TTL")

    def test_the_lock_is_released_even_if_the_front_is_killed_meanwhile(self):
        server = self.stop_server()
        held, heads = self.start_tree(*TREE, store=self.redis_store)
        procs.stop(server.pid)
        procs.kill(held.engine())
        self.assert_gone(heads)
        wait_until(lambda: any(procs.stat(pid)["comm"] == "dlock-release" for pid in procs.children(held.pid)), 2,
                   "the lock is given back")
        procs.kill(held.pid)
        procs.resume(server.pid)
        self.wait_lock_gone(1.5)


class ASupervisorIsStopped(RedisCase):
    def test_with_the_front_stopped_for_three_leases_the_job_runs_on_and_the_lock_is_kept(self):
        held, heads = self.start_tree(*TREE, store=self.redis_store, options=["--ttl", "1500ms"],
                                      tree_options=["--root-seconds", f"{4.5 + 1.5 * PATIENCE:g}", "--exit", "7"])
        owner = self.lock_value()
        token = self.redis("GET", next(key for key in self.keys() if "fence" in key))
        procs.stop(held.pid)
        hold_for(4.5, lambda: not heads.is_gone(), "the job")
        self.assertEqual(self.run_job("true", store=self.redis_store).code, dlock.HELD)
        self.assertEqual(self.redis("GET", next(key for key in self.keys() if "fence" in key)), token)
        self.assertIn(owner.split('"ownerHash"')[1].split(",")[0], self.lock_value())
        procs.resume(held.pid)
        self.assertEqual(held.wait(), 7)


class TheCommandEnds(RedisCase):
    """What happens to descendants that outlive the command."""

    def start_leaver(self, *options, tree_options=(), **how):
        return self.start_tree(3, 5, store=self.redis_store, options=options,
                               tree_options=["--root-seconds", "0.3", "--exit", "7", *tree_options], **how)

    def test_descendants_get_sigterm_and_the_status_of_the_command_is_kept(self):
        held, heads = self.start_leaver()
        self.assert_gone(heads, 2)
        self.assertEqual(held.wait(), 7)
        self.wait_lock_gone(0.5)

    def test_descendants_that_ignore_sigterm_are_killed_after_two_seconds(self):
        path = self.life_file()
        held, heads = self.start_leaver(tree_options=["--ignore", "TERM", "--tick", path])
        self.assertEqual(held.wait(), 7)
        heads.wait_gone(0.5)
        ran = life.runs(path)[0]
        self.assertGreater(ran.last - ran.first, 2.0)
        self.assertLess(ran.last - ran.first, 3.0 * max(1, PATIENCE))

    def test_kill_after_sets_the_grace_period_of_descendants(self):
        path = self.life_file()
        held, heads = self.start_leaver("--kill-after", "500ms", tree_options=["--ignore", "TERM", "--tick", path])
        self.assertEqual(held.wait(), 7)
        heads.wait_gone(0.5)
        ran = life.runs(path)[0]
        self.assertGreater(ran.last - ran.first, 0.6)
        self.assertLess(ran.last - ran.first, 1.8 * max(1, PATIENCE))

    def test_a_stopped_descendant_is_continued_so_that_it_can_handle_sigterm(self):
        held, heads = self.start_leaver("--kill-after", "20s", tree_options=["--stop"])
        self.assert_gone(heads, 5)
        self.assertEqual(held.wait(), 7)

    def test_orphans_wait_keeps_the_lock_until_the_last_descendant_has_ended(self):
        path = self.life_file()
        held, heads = self.start_leaver("--orphans=wait", tree_options=["--seconds", "2", "--tick", path])
        contender = self.take_when_free(path, store=self.redis_store)
        self.assertEqual((contender.code, held.wait()), (0, 7))
        heads.wait_gone(1)
        self.assert_no_overlap(path)
        self.assertGreater(life.runs(path)[0].last - life.runs(path)[0].first, 1.5)

    def test_orphans_leave_lets_descendants_live_without_the_lock_and_help_says_so(self):
        held, heads = self.start_leaver("--orphans=leave", tree_options=["--seconds", "4"])
        self.assertEqual(held.wait(3), 7)
        self.wait_lock_gone(0.5)
        self.assertEqual(len([pid for pid in heads.pids if procs.alive(pid)]), 7)
        self.assertRegex(self.run_words("run", "--help").stdout, r"leave them running without\s+the lock")
        heads.wait_gone(6)

    def test_sigkill_of_the_front_ends_descendants_even_with_orphans_leave(self):
        held, heads = self.start_tree(3, 5, store=self.redis_store, options=["--orphans=leave"])
        held.signal(signal.SIGKILL)
        self.assert_gone(heads)

    def test_without_descendants_the_run_ends_at_once(self):
        began = now()
        self.assertEqual(self.run_job("true", store=self.redis_store).code, 0)
        self.assertLess(now() - began, 1 * PATIENCE + LATE)


class ReleaseComesLast(RedisCase):
    def test_the_lock_is_held_as_long_as_any_process_of_the_job_lives(self):
        path = self.life_file()
        held, heads = self.start_tree(11, 5, store=self.redis_store, tree_options=["--tick", path])
        held.signal(signal.SIGTERM)
        released = wait_until(lambda: self.lock_value() is None and now(), 10, "the lock is released", pause=0.0005)
        held.wait()
        heads.wait_gone(1)
        self.assertGreater(released, life.last_tick(path))
        self.assertLessEqual(heads.gone_at, now())
        self.assertEqual([pid for pid in heads.pids if procs.alive(pid)], [])

    def test_a_process_that_is_not_reaped_keeps_the_lock_and_is_named(self):
        held = self.start_run("sh", "-c", "sleep 60 & wait", store=self.redis_store, options=["--kill-after", "300ms"])
        job = held.job()
        slow = wait_until(lambda: [pid for pid in procs.children(job) if procs.stat(pid)["comm"] == "sleep"], 5, "sleep runs")[0]
        tracer = _TracerThatReapsLate()
        tracer.attach(slow)
        self.addCleanup(tracer.reap)
        held.signal(signal.SIGTERM)
        wait_until(lambda: not procs.alive(job) and not procs.alive(slow), 5, "both are killed")
        hold_for(3.5, lambda: self.lock_value() is not None, "the lock")
        self.assertTrue(held.running())
        self.assert_says(held, str(slow))
        tracer.reap()
        self.wait_lock_gone(2)
        self.assertEqual(held.wait(), 143)


class _TracerThatReapsLate:
    """A killed tracee stays a child of dlock that cannot be reaped until its tracer has reaped it.

    This is the best imitation of a process that dies slowly that works on any machine.
    """

    SEIZE = 0x4206

    def __init__(self):
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        self._libc.ptrace.restype = ctypes.c_long
        self._pid = None

    def attach(self, pid):
        if self._libc.ptrace(self.SEIZE, pid, None, None) != 0:
            raise unittest.SkipTest(f"ptrace is not allowed here: {os.strerror(ctypes.get_errno())}")
        self._pid = pid

    def reap(self):
        if self._pid is not None:
            pid, self._pid = self._pid, None
            procs.kill(pid)
            while os.WIFSTOPPED(os.waitpid(pid, 0)[1]):
                pass


class OutOfMemory(RedisCase):
    def memory_limit(self, megabytes):
        try:
            limit = cgroups.memory_cgroup(megabytes << 20)
        except OSError as why:
            self.skipTest(f"no memory cgroup can be made here: {why}")
        self.addCleanup(limit.remove)
        return limit

    def test_a_job_killed_by_the_oom_killer_exits_137_and_leaves_no_lock(self):
        much = 1 if PATIENCE == 1 else 5  # with a sanitizer dlock itself is as large as a job
        limit = self.memory_limit(64 * much)
        held = self.start_run(JOBTOOL, "memory", str(256 * much), "30", store=self.redis_store, preexec_fn=limit.join)
        self.assertEqual(held.wait(), 137)
        self.wait_lock_gone()

    def test_if_the_oom_killer_kills_the_engine_the_tree_dies(self):
        limit = self.memory_limit(64)
        held, heads = self.start_tree(*TREE, store=self.redis_store)
        engine = held.engine()
        with open(f"/proc/{engine}/oom_score_adj", "w", encoding="ascii") as file:
            file.write("1000")
        limit.add(engine)
        # Many small processes: the engine, whose score is raised, is killed first.
        hogs = [subprocess.Popen([JOBTOOL, "memory", "12", "30"], env=self.env, preexec_fn=limit.join) for _ in range(8)]
        self.addCleanup(lambda: [(hog.kill(), hog.wait()) for hog in hogs])
        self.assert_gone(heads, 10)
        self.assertEqual(held.wait(), dlock.SYSTEM)


class NothingIsLeftBehind(Case):
    def test_a_thousand_runs_leave_no_process_no_file_and_no_cgroup(self):
        runs = 1000 if PATIENCE == 1 else 100
        place = self.own_cgroup()
        self.assertEqual(self.run_job("true").code, 0)
        files = sorted(os.listdir(self.locks))
        for _ in range(runs // 4):
            batch = [self.start_run("true", key=f"k{number}", preexec_fn=place.join) for number in range(4)]
            self.assertEqual([each.wait() for each in batch], [0, 0, 0, 0])
        self.assertEqual(self.survivors(), [])
        self.assertEqual(place.below(), [])
        self.assertLessEqual(len(os.listdir(self.locks)), len(files) + 4)

    def test_the_cgroup_of_a_run_is_removed_however_the_run_ends(self):
        place = self.own_cgroup()

        def lose():
            for name in os.listdir(self.locks):
                os.unlink(os.path.join(self.locks, name))
        ends = {
            "TERM": lambda held: held.signal(signal.SIGTERM),
            "front killed": lambda held: held.signal(signal.SIGKILL),
            "engine killed": lambda held: procs.kill(held.engine()),
            "front killed while stopped": lambda held: (procs.stop(held.pid), held.signal(signal.SIGKILL)),
            "lock lost": lambda held: lose(),
        }
        for number, (name, end) in enumerate(ends.items()):
            with self.subTest(end=name):
                self.key = f"end{number}"
                held, heads = self.start_tree(*TREE, options=["--ttl", "1500ms"], preexec_fn=place.join)
                self.assertEqual(len(place.below()), 1)
                end(held)
                heads.wait_gone(5)
                held.wait()
                wait_until(lambda: not place.below(), 2, lambda: f"{place.below()} is removed")
        with self.subTest(end="nothing to run"):
            self.run_job("/no/such/command", key="none", preexec_fn=place.join)
            self.assertEqual(place.below(), [])

    def own_cgroup(self):
        """A cgroup of this test: dlock creates its cgroups below the one in which it runs."""
        try:
            place = cgroups.v2_cgroup()
        except OSError as why:
            self.skipTest(f"no writable cgroup v2 here: {why}")
        self.addCleanup(place.remove)
        return place

    def test_an_orphan_that_has_ended_costs_the_supervisors_no_processor_time(self):
        held = self.start_run("/bin/sh", "-c", "(sleep 0.2 &); exec sleep 60")
        engine = held.engine()
        wait_until(lambda: len(procs.children(engine)) == 2, 10, "the orphan has come to the engine")
        wait_until(lambda: len(procs.children(engine)) == 1, 10, "the orphan has ended")
        before = [procs.stat(pid)["cpu_ticks"] for pid in (held.pid, engine)]
        hold_for(0.5, held.running, "the run")
        self.assertLessEqual(sum(procs.stat(pid)["cpu_ticks"] for pid in (held.pid, engine)) - sum(before), 2)

    def test_the_number_of_descriptors_of_the_engine_does_not_grow(self):
        held = self.hold(options=["--ttl", "1500ms"])
        engine = held.engine()
        time.sleep(0.8)  # the first renewals open their descriptors
        count = len(os.listdir(f"/proc/{engine}/fd"))
        time.sleep(2)
        self.assertLessEqual(len(os.listdir(f"/proc/{engine}/fd")), count)


if __name__ == "__main__":
    unittest.main()
