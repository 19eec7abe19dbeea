"""`dlock heartbeat`, its socket, and who can access it."""

import os
import signal
import socket
import unittest

from harness import dlock, procs
from harness.case import as_nobody, needs_root
from harness.heartbeat_case import BEAT, DLOCK, HeartbeatCase
from harness.wait import PATIENCE, now, wait_until

PATIENT = ["--heartbeat-timeout", "60s"]


class TheCommandHeartbeat(HeartbeatCase):
    def test_heartbeat_exits_0_and_prints_nothing_while_the_lock_is_held(self):
        held, address = self.start_idle()
        done = self.beat(address)
        self.assertEqual((done.code, done.stdout, done.stderr), (0, "", ""))
        self.assertTrue(held.running())

    def test_heartbeat_outside_of_a_job_exits_64_with_the_remedy(self):
        for address in (None, ""):
            done = self.run_words("heartbeat", more_env={"DLOCK_SOCKET": address})
            self.assertEqual(done.code, dlock.USAGE)
            self.assertEqual(len(done.own_lines), 1)
            self.assert_says(done, "DLOCK_SOCKET", "dlock run --heartbeat-timeout")

    def test_heartbeat_accepts_no_arguments_and_reads_no_configuration_file(self):
        for words in (["x"], ["--key", "k"], ["--", "true"]):
            self.assertEqual(self.run_words("heartbeat", *words, more_env={"DLOCK_SOCKET": "/x"}).code, dlock.USAGE)
        with open(self.path("broken"), "wb") as file:
            file.write(b"nonsense = 1\n")
        held, address = self.start_idle()
        self.assertEqual(self.beat(address, DLOCK_CONFIG=self.path("broken")).code, 0)

    def test_heartbeat_exits_80_when_dlock_is_gone(self):
        held, address = self.start_idle()
        procs.kill(held.pid)
        held.wait()
        for gone in (address, self.path("never-was")):
            wait_until(lambda: self.beat(gone).code == dlock.LOST, 5, "80")
            done = self.beat(gone)
            self.assertEqual(len(done.own_lines), 1)
            self.assert_says(done, "the lock is lost", "stop working")

    def test_a_path_that_is_not_a_socket_of_dlock_is_64(self):
        for address in ("nonsense", "/" + "x" * 200):
            done = self.run_words("heartbeat", more_env={"DLOCK_SOCKET": address})
            self.assertEqual(done.code, dlock.USAGE, done.stderr)
            self.assert_says(done, "DLOCK_SOCKET")

    def test_heartbeat_exits_81_after_two_seconds_if_the_engine_is_stopped(self):
        held, address = self.start_idle()
        procs.stop(held.engine())
        began = now()
        done = self.beat(address)
        self.assertEqual(done.code, dlock.UNCONFIRMED)
        self.assert_says(done, "does not answer")
        self.assertLess(now() - began, 2 + 1 * PATIENCE)
        procs.resume(held.engine())

    def test_heartbeat_exits_81_after_two_seconds_if_the_queue_of_the_engine_is_full(self):
        held, address = self.start_idle()
        procs.stop(held.engine())
        flood = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(flood.close)
        flood.setblocking(False)
        flood.connect(address)
        with self.assertRaises(BlockingIOError):
            while True:
                flood.send(b"x")
        began = now()
        self.assertEqual(self.beat(address).code, dlock.UNCONFIRMED)
        self.assertLess(now() - began, 2 + 1 * PATIENCE)
        procs.resume(held.engine())
        wait_until(lambda: self.beat(address).code == 0, 5, "it works again")

    @needs_root
    def test_another_user_is_refused_with_the_reason(self):
        held, address = self.start_idle()
        done = self.run_words("heartbeat", more_env={"DLOCK_SOCKET": address}, preexec_fn=as_nobody)
        self.assertEqual(done.code, dlock.SYSTEM)
        self.assert_says(done, "is not accessible to this user")

    def test_control_c_ends_heartbeat(self):
        held, address = self.start_idle()
        procs.stop(held.engine())
        asking = self.start("heartbeat", more_env={"DLOCK_SOCKET": address},
                            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))  # as under a terminal
        wait_until(lambda: procs.state(asking.pid) == "S", 5, "it waits")
        asking.signal(signal.SIGINT)
        self.assertEqual(asking.wait(), 130)
        procs.resume(held.engine())


class TheSocketOfAJob(HeartbeatCase):
    def test_a_plain_run_has_no_socket(self):
        directory, private = self.private_run()
        ended = self.run_job("sh", "-c", f"echo ${{DLOCK_SOCKET-none}} ${{NOTIFY_SOCKET-none}}; ls {directory}",
                             more_env={"NOTIFY_SOCKET": "/outer"}, prefix_command=private)
        self.assertEqual(ended.stdout, "none /outer\n")

    def test_with_on_silence_continue_the_job_has_a_socket_but_keeps_notify_socket(self):
        ended = self.run_job("sh", "-c", f"{BEAT} && echo $NOTIFY_SOCKET ${{WATCHDOG_USEC-none}} $DLOCK_SOCKET",
                             options=["--on-silence=continue"], more_env={"NOTIFY_SOCKET": "/outer", "WATCHDOG_USEC": None})
        self.assertEqual((ended.code, ended.stdout.split()[:2]), (0, ["/outer", "none"]), ended.stderr)
        self.assert_directory_is_gone(ended.stdout.split()[2])

    def test_with_a_timeout_the_job_gets_watchdog_usec_as_from_systemd(self):
        ended = self.run_job("sh", "-c", "echo $WATCHDOG_USEC ${WATCHDOG_PID-none}; test \"$NOTIFY_SOCKET\" = \"$DLOCK_SOCKET\"",
                             options=["--heartbeat-timeout", "12.5s"], more_env={"WATCHDOG_PID": "1", "WATCHDOG_USEC": "9"})
        self.assertEqual((ended.code, ended.stdout), (0, "12500000 none\n"), ended.stderr)

    def test_only_its_user_can_access_the_socket_whatever_the_umask(self):
        for mask in (0o000, 0o777):
            held, address = self.start_idle(preexec_fn=lambda: os.umask(mask))  # noqa: B023
            self.assertEqual(os.stat(os.path.dirname(address)).st_mode & 0o777, 0o700)
            self.assertEqual(os.stat(address).st_mode & 0o777, 0o600)
            self.assertEqual(self.beat(address).code, 0)
            held.signal(signal.SIGTERM)
            held.wait()

    def test_the_address_of_the_socket_is_short_and_independent_of_the_environment(self):
        long = self.path("x" * 100)
        os.mkdir(long)
        held, address = self.start_idle(more_env={"TMPDIR": long, "XDG_RUNTIME_DIR": long, "HOME": long})
        self.assertLess(len(address), 60)
        self.assertEqual(self.beat(address).code, 0)

    @needs_root
    def test_an_unprivileged_user_has_a_socket(self):
        locks = self.path("theirs")
        os.mkdir(locks, 0o700)
        os.chown(locks, 65534, 65534)
        for more in ([], ["--contain=pidns"]):
            ended = self.run_job("sh", "-c", BEAT, store=["--store", f"local:{locks}"], options=[*PATIENT, *more], preexec_fn=as_nobody)
            self.assertEqual(ended.code, 0, ended.stderr)

    def test_the_job_inherits_no_descriptor_of_the_socket(self):
        plain = self.run_job("sh", "-c", "ls /proc/self/fd | wc -l").stdout
        self.assertEqual(self.run_job("sh", "-c", "ls /proc/self/fd | wc -l", options=PATIENT).stdout, plain)

    def test_a_nested_run_reports_to_the_outer_run_and_one_with_a_timeout_to_itself(self):
        inner = f"{DLOCK} run --key inner --store local:{self.locks}"
        held = self.run_job("sh", "-c", f"echo $DLOCK_SOCKET; {inner} -- sh -c 'echo $DLOCK_SOCKET'; "
                            f"{inner} --heartbeat-timeout 60s -- sh -c 'echo $DLOCK_SOCKET; {BEAT}'", options=PATIENT)
        self.assertEqual(held.code, 0, held.stderr)
        outer, plain, own = held.stdout.split()
        self.assertEqual(outer, plain)
        self.assertNotEqual(outer, own)


class Deaths(HeartbeatCase):
    def assert_nothing_left(self, held, address):
        held.wait()
        self.assert_directory_is_gone(address)

    def test_a_killed_front_leaves_no_directory(self):
        held, address = self.start_idle()
        procs.kill(held.pid)
        self.assert_nothing_left(held, address)

    def test_a_killed_engine_leaves_no_directory(self):
        held, address = self.start_idle()
        procs.kill(held.engine())
        self.assert_nothing_left(held, address)

    def test_a_job_that_ends_by_itself_leaves_no_directory(self):
        held, address = self.start_idle()
        procs.kill(held.job())
        self.assert_nothing_left(held, address)

    def test_a_job_that_hung_leaves_no_directory(self):
        held = self.start_job("echo $DLOCK_SOCKET; exec sleep 60")
        self.assert_hung(held)
        self.assert_directory_is_gone(held.stdout.strip())

    def test_a_process_that_outlives_its_run_is_told_that_the_lock_is_lost(self):
        held = self.start_run("sh", "-c", f"setsid sh -c 'sleep 0.5; {BEAT}; echo $? >{self.path('code')}' & echo $DLOCK_SOCKET",
                              options=[*PATIENT, "--orphans=leave"])
        self.assertEqual(held.wait(), 0)
        self.assert_directory_is_gone(held.stdout.strip())
        wait_until(lambda: self.file("code") and open(self.path("code"), encoding="ascii").read(), 10, "it has asked")
        with open(self.path("code"), encoding="ascii") as file:
            self.assertEqual(file.read().strip(), str(dlock.LOST))

    def test_a_command_that_cannot_be_run_leaves_no_directory(self):
        directory, private = self.private_run()
        self.assertEqual(self.run_job("/no/such/command", options=PATIENT, prefix_command=private).code, 127)
        self.assertEqual(os.listdir(directory), [])

    def test_a_refused_run_creates_no_directory(self):
        self.hold()
        directory, private = self.private_run()
        self.assertEqual(self.run_job("true", options=PATIENT, prefix_command=private).code, dlock.HELD)
        self.assertEqual(os.listdir(directory), [])


class NoPlaceForTheSocket(HeartbeatCase):
    """Without a place for the directory, a job that must report is not started, and any other job runs without a socket."""

    def nowhere(self):
        hidden = "; ".join(f"mount -t tmpfs -o ro none {place}" for place in ("/run", "/var/tmp", "/dev/shm"))
        # /tmp contains the files of this test. It is made read-only without hiding them.
        words = [*self.private_run()[1][:-2], f'{hidden}; mount --bind /tmp /tmp && mount -o remount,ro,bind /tmp && '
                 f'mount --bind {self.directory} {self.directory} && mount -o remount,rw,bind {self.directory} && exec "$@"', "sh"]
        return words

    def test_a_job_that_must_report_is_not_started_and_the_lock_is_free(self):
        ended = self.run_job("touch", self.path("ran"), options=PATIENT, prefix_command=self.nowhere())
        self.assertEqual(ended.code, dlock.SYSTEM, ended.stderr)
        self.assert_says(ended, "--heartbeat-timeout", "/run: Read-only file system", "/tmp: Read-only")
        self.assertFalse(self.file("ran"))
        self.assertEqual(self.run_job("true").code, 0)

    def test_a_job_that_only_queries_its_lock_runs_with_a_warning(self):
        ended = self.run_job("true", options=["--on-silence=continue"], prefix_command=self.nowhere())
        self.assertEqual(ended.code, 0, ended.stderr)
        self.assert_says(ended, "dlock heartbeat does not work in this job", "Read-only")


if __name__ == "__main__":
    unittest.main()
