"""The notifications of dlock as the main process of a unit with Type=notify, read from a socket of the test."""

import os
import signal
import socket
import sys
import unittest

from harness import dlock, procs
from harness.case import JOBTOOL, Case, OnRedis
from harness.service_manager import AS_MAIN_PROCESS, ManagerSocket
from harness.wait import PATIENCE, hold_for, now, wait_until

SAYS_READY = """
import os, socket, sys, time
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as speaker:
    speaker.sendto(sys.argv[1].encode(), os.environ["NOTIFY_SOCKET"])
time.sleep(float(sys.argv[2]))
"""


class ManagedCase(Case):
    def setUp(self):
        super().setUp()
        self.manager = self.manager_at(self.path("notify"))

    def manager_at(self, address):
        manager = ManagerSocket(address)
        self.addCleanup(manager.close)
        return manager

    def serve(self, *words, manager=None, more=None, **how):
        """Starts dlock as the main process of a service."""
        environment = (manager or self.manager).environment(**(more or {}))
        return self.start_run(*words, more_env=environment, prefix_command=AS_MAIN_PROCESS, **how)


class TypeNotify(ManagedCase):
    def test_dlock_is_ready_when_the_job_runs_and_stopping_when_the_job_is_gone(self):
        served = self.serve("sleep", "60")
        ready = self.manager.wait_for("READY", "1")
        self.assertEqual(ready.sender, served.pid, "systemd believes the main process only")
        served.job()
        served.signal(signal.SIGTERM)
        self.assertEqual(served.wait(), 143)
        self.manager.wait_for("STOPPING", "1")
        self.manager.wait_for("STATUS", "job failed: exit code 143")

    def test_an_abstract_socket_is_supported(self):
        manager = self.manager_at(f"@dlock-test-{self.key}-{os.getpid()}")
        served = self.serve("true", manager=manager)
        self.assertEqual(served.wait(), 0)
        self.assertEqual([said.text for said in manager.drain()], ["READY=1", "STOPPING=1", "STATUS=success"])

    def test_a_waiter_names_the_holder_and_is_not_ready(self):
        held = self.hold(options=["--note", "nightly"])
        served = self.serve("true", options=["-w"])
        waiting = self.manager.wait_for("STATUS", "waiting for key 'job', held by host")
        self.assertIn(f"pid {held.pid}", waiting.text)
        self.assertIn("nightly", waiting.text)
        self.assertEqual(self.manager.all("READY"), [])
        held.signal(signal.SIGTERM)
        self.assertEqual(served.wait(), 0)
        self.assertEqual([said.text for said in self.manager.drain()[-4:]],
                         ["STATUS=", "READY=1", "STOPPING=1", "STATUS=success"])

    def test_a_standby_extends_its_start_timeout_as_long_as_it_waits(self):
        held = self.hold()
        served = self.serve("sleep", "60", options=["-w"])
        first, second = [self.manager.wait_for("EXTEND_TIMEOUT_USEC", seconds=15) for _ in range(2)]
        self.assertGreater(int(first.fields["EXTEND_TIMEOUT_USEC"]) / 1e6, 2 * (second.at - first.at) / PATIENCE)
        held.signal(signal.SIGTERM)
        self.manager.wait_for("READY")
        served.job()
        self.assertEqual(len(self.manager.all("EXTEND_TIMEOUT_USEC")), 2)

    def test_the_job_itself_can_report_readiness(self):
        for waits in (False, True):
            with self.subTest(waits=waits):
                self.manager = self.manager_at(self.path(f"notify{waits}"))
                held = self.hold() if waits else None
                served = self.serve(sys.executable, "-c", SAYS_READY, "READY=1", "60", options=["--ready", "job", "-w"])
                if waits:
                    self.manager.wait_for("STATUS", "waiting for")
                    held.signal(signal.SIGTERM)
                ready = self.manager.wait_for("READY")
                self.assertEqual(ready.sender, served.job())
                self.assertEqual(len(self.manager.all("READY")), 1)
                # after a wait the start timeout of the unit can have passed
                self.assertEqual([said.text for said in self.manager.all("EXTEND_TIMEOUT_USEC")],
                                 ["EXTEND_TIMEOUT_USEC=90000000"] if waits else [])
                served.signal(signal.SIGTERM)
                served.wait()

    def test_a_refused_run_names_the_holder_and_is_never_ready(self):
        held = self.hold()
        served = self.serve("true")
        self.assertEqual(served.wait(), dlock.HELD)
        (said,) = self.manager.drain()
        self.assertIn("STATUS=held: held by host", said.text)
        self.assertIn(f"pid {held.pid}", said.text)

    def test_a_command_that_cannot_be_run_is_never_ready(self):
        served = self.serve("/no/such/program")
        self.assertEqual(served.wait(), 127)
        self.assertEqual(self.manager.all("READY"), [])
        self.assertIn("/no/such/program", self.manager.drain()[-1].text)

    def test_a_killed_job_is_reported_as_stopping_first_and_the_last_status_has_the_reason(self):
        served = self.serve("sleep", "60", options=["--max-run", "300ms"])
        self.assertEqual(served.wait(), 124)
        texts = [said.text for said in self.manager.drain()]
        self.assertEqual([text.split("\n")[0] for text in texts if "STOPPING" in text], ["STOPPING=1"])
        self.assertTrue(texts[-1].startswith("STATUS=max run exceeded: "), texts)

    def test_a_kill_by_the_front_is_reported_as_well(self):
        served = self.serve("sleep", "60")
        self.manager.wait_for("READY")
        procs.kill(served.engine())
        served.wait()
        self.manager.wait_for("STOPPING")
        self.assertIn("STATUS=supervisor died: dlock's engine process was terminated by SIGKILL", self.manager.drain()[-1].text)

    def test_a_dlock_started_by_a_script_of_the_service_sends_nothing(self):
        inner = f"exec '{dlock.BINARY}' run --key inner {' '.join(self.local_store)} -- true"
        served = self.serve("sh", "-c", f"({inner}); sleep 60", key="outer")
        self.manager.wait_for("READY")
        hold_for(0.5, served.running, "the service")
        self.assertEqual({said.sender for said in self.manager.drain()}, {served.pid})
        self.assertEqual(self.manager.all("STOPPING"), [])

    def test_a_service_manager_that_has_closed_its_socket_causes_no_delay(self):
        self.manager.close()
        self.assertEqual(self.serve("true").wait(), 0)

    def test_a_service_manager_that_does_not_read_causes_no_delay_and_gets_ready_later(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as filler, self.assertRaises(BlockingIOError):
            filler.setblocking(False)
            for _ in range(10_000):
                filler.sendto(b"X=1", self.manager.address)
        served = self.serve("sleep", "60")
        served.job()
        self.manager.wait_for("READY")
        served.signal(signal.SIGTERM)
        self.assertEqual(served.wait(), 143)

    def test_notifications_of_the_job_are_passed_on_without_mainpid(self):
        text = "STATUS=half done\nMAINPID=1\nWATCHDOG=1"
        served = self.serve(sys.executable, "-c", SAYS_READY, text, "60", options=["--heartbeat-timeout", "60s"])
        said = self.manager.wait_for("STATUS", "half done")
        self.assertEqual(said.text, "STATUS=half done\n")
        self.assertTrue(served.running())


class Watchdog(ManagedCase):
    def test_on_the_embedded_store_watchdog_messages_are_sent_while_waiting_and_running(self):
        held = self.hold()
        served = self.serve("sleep", "60", options=["-w"], more={"WATCHDOG_USEC": "900000"})
        for _ in range(4):
            self.assertEqual(self.manager.wait_for("WATCHDOG", "1").sender, served.pid)
        held.signal(signal.SIGTERM)
        self.manager.wait_for("READY")
        for _ in range(4):
            self.manager.wait_for("WATCHDOG", "1")

    def test_without_a_watchdog_or_for_another_process_no_watchdog_message_is_sent(self):
        for more in ({}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "0"}):
            served = self.serve("sleep", "0.5", more=more)
            self.assertEqual(served.wait(), 0)
        environment = self.manager.environment(WATCHDOG_USEC="100000", WATCHDOG_PID="1", SYSTEMD_EXEC_PID="1")
        self.assertEqual(self.run_job("sleep", "0.5", more_env=environment).code, 0)
        self.assertEqual(self.manager.all("WATCHDOG"), [])


class WatchdogOnRedis(ManagedCase, OnRedis):
    def test_watchdog_messages_are_sent_as_long_as_the_lock_is_renewed(self):
        between = self.relay()
        served = self.serve(JOBTOOL, "tick", self.life_file(), "60", store=self.through(between), options=["--ttl", "10s"],
                            more={"WATCHDOG_USEC": "1500000"})
        self.manager.wait_for("READY")
        began = now()
        hold_for(5, served.running, "dlock")  # more than two renewals
        fed = [said.at for said in self.manager.all("WATCHDOG") if said.at > began]
        self.assertGreaterEqual(len(fed), 5 / 1.5)
        between.freeze()
        wait_until(lambda: self.starves(), 20, "the watchdog is not fed any more")
        self.assertTrue(served.running(), "long before the lease is over")

    def starves(self):
        """True if no message came for a whole watchdog interval."""
        seen = len(self.manager.all("WATCHDOG"))
        hold_for(1.5, lambda: True)
        return len(self.manager.all("WATCHDOG")) == seen


if __name__ == "__main__":
    unittest.main()
