"""Arbitrary data on the socket of a job: notifications are passed on, and no datagram harms dlock."""

import os
import socket
import struct
import threading
import unittest

from harness import procs
from harness.heartbeat_case import HEARTBEAT, HeartbeatCase, send_with
from harness.wait import PATIENCE, hold_for, now, wait_until


class HostileWriters(HeartbeatCase):
    """Whatever a job writes, dlock does not crash, keeps its deadlines and does not grow."""

    def setUp(self):
        super().setUp()
        self.stopping = threading.Event()
        self.addCleanup(self.stopping.set)

    def client(self, address):
        writer = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(writer.close)
        writer.connect(address)
        return writer

    def memory(self, pid):
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))

    def descriptors(self, pid):
        return len(os.listdir(f"/proc/{pid}/fd"))

    def settled(self, held, address):
        """(engine, its number of open descriptors, its memory in KiB) after the start is complete."""
        self.assertEqual(self.beat(address).code, 0)
        engine = held.engine()
        # Half a second after the start the engine begins to watch for a loss: that opens its last descriptor.
        wait_until(lambda: self.watches_files(engine), 5, "the engine watches its lock file")
        return engine, self.descriptors(engine), self.memory(engine)

    @staticmethod
    def watches_files(pid):
        def target(name):
            try:
                return os.readlink(f"/proc/{pid}/fd/{name}")
            except FileNotFoundError:
                return ""
        return any("inotify" in target(name) for name in os.listdir(f"/proc/{pid}/fd"))

    def assert_no_more_descriptors(self, engine, base):
        wait_until(lambda: self.descriptors(engine) <= base, 5, lambda: f"{self.descriptors(engine)} descriptors become {base}")

    def flood(self, address, *messages, threads=2):
        def write():
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as writer:
                writer.connect(address)
                while not self.stopping.is_set():
                    for message in messages:
                        try:
                            writer.send(message)
                        except OSError:
                            pass
        started = [threading.Thread(target=write, daemon=True) for _ in range(threads)]
        for thread in started:
            thread.start()
        self.addCleanup(lambda: (self.stopping.set(), [thread.join(5) for thread in started]))

    def test_invalid_and_huge_datagrams_are_no_progress_and_do_no_harm(self):
        held, address = self.start_idle()
        writer = self.client(address)
        writer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 400_000)
        for message in (b"", b"\0" * 5000, os.urandom(4000), b"WATCHDOG=1\n" * 1000, b"x" * 190_000, b"DLOCK_HEARTBEAT=1", b"\n" * 99):
            writer.send(message)
        self.assertEqual(self.beat(address).code, 0)
        self.assertTrue(held.running())

    def test_a_flood_of_datagrams_does_not_grow_dlock_or_delay_the_end_of_a_hung_job(self):
        held, address = self.start_idle("--heartbeat-timeout", f"{2 * PATIENCE}s")
        engine, _, base = self.settled(held, address)
        began = now()
        self.flood(address, b"STATUS=x" * 500, b"\0" * 3000, b"x")
        hold_for(0.7, held.running, "dlock")
        if PATIENCE == 1:  # a sanitizer keeps freed memory
            self.assertLess(self.memory(engine) - base, 4096)
        self.assert_hung(held)
        self.assertLess(now() - began, 2 * PATIENCE + 1.5 * PATIENCE)

    def test_a_flood_of_queries_without_readers_does_no_harm(self):
        held, address = self.start_idle()
        engine, base, _ = self.settled(held, address)
        writer = self.client(address)
        for _ in range(500):
            near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            send_with(writer, b"DLOCK_HEARTBEAT=1", [far])
            near.close()
            far.close()
        self.assertEqual(self.beat(address).code, 0)
        self.assert_no_more_descriptors(engine, base)

    def test_a_reply_never_blocks_on_its_reader(self):
        held, address = self.start_idle()
        reader, pipe = os.pipe()
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        far.setblocking(False)
        with self.assertRaises(BlockingIOError):
            while True:
                far.send(b"x" * 4096)
        far.setblocking(True)
        writer = self.client(address)
        for file in (pipe, far.fileno(), 0):
            send_with(writer, b"DLOCK_HEARTBEAT=1", [file])
        self.assertEqual(self.beat(address).code, 0)
        for file in (near, far):
            file.close()
        os.close(reader)
        os.close(pipe)

    def test_many_connections_without_data_use_no_resources(self):
        held, address = self.start_idle()
        engine, base, memory = self.settled(held, address)
        silent = [self.client(address) for _ in range(800)]
        for half in silent[::2]:
            half.shutdown(socket.SHUT_WR)
        self.assertEqual(self.beat(address).code, 0)
        self.assert_no_more_descriptors(engine, base)
        self.assertLess(self.memory(engine) - memory, 1024)

    def test_descriptors_sent_with_a_datagram_are_closed(self):
        held, address = self.start_idle()
        engine, base, _ = self.settled(held, address)
        writer = self.client(address)
        reader, pipe = os.pipe()
        for count in (1, 3, 64, 65, 253):
            for text in (b"STATUS=x", b"WATCHDOG=1", b"x" * 20_000):
                send_with(writer, text, [pipe] * count)
        os.close(pipe)
        self.assertEqual(self.beat(address).code, 0)
        self.assert_no_more_descriptors(engine, base)
        self.assertEqual(os.read(reader, 1), b"", "somebody still holds the other end")
        os.close(reader)

    def test_a_descriptor_that_blocks_on_close_delays_neither_the_end_nor_the_release(self):
        held, address = self.start_idle("--heartbeat-timeout", f"{1 * PATIENCE}s")
        engine = held.engine()
        listener = socket.create_server(("127.0.0.1", 0))
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
        near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 60))
        near.setblocking(False)
        try:
            while True:
                near.send(b"x" * 65536)
        except BlockingIOError:
            pass
        procs.stop(engine)  # so that dlock, and not this test, is the last to close it
        send_with(self.client(address), b"STATUS=x", [near])
        near.close()
        procs.resume(engine)
        began = now()
        self.assert_hung(held)
        self.assertLess(now() - began, 5 * PATIENCE)
        self.assertFalse(procs.alive(engine))
        self.assertEqual(self.run_job("true").code, 0)
        far.close()
        listener.close()

    def test_a_slow_reader_of_notifications_delays_no_report(self):
        upstream = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(upstream.close)
        upstream.bind(self.path("upstream"))
        held, address = self.start_idle(more_env={"NOTIFY_SOCKET": self.path("upstream")})
        writer = self.client(address)
        for number in range(700):
            writer.send(b"STATUS=%d" % number)
        self.assertEqual(self.beat(address).code, 0)
        # The kept notifications arrive in order as soon as they are read.
        upstream.settimeout(5 * PATIENCE)
        got = [int(upstream.recv(100).split(b"=")[1]) for _ in range(40)] if _queue_is_long() else [int(upstream.recv(100).split(b"=")[1])]
        self.assertEqual(got, list(range(len(got))))


def _queue_is_long():
    with open("/proc/sys/net/unix/max_dgram_qlen", encoding="ascii") as file:
        return int(file.read()) >= 8


class Notifications(HeartbeatCase):
    """dlock intercepts only the reports between the job and systemd."""

    def setUp(self):
        super().setUp()
        self.upstream = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.upstream.close)
        self.upstream.bind(self.path("upstream"))
        self.upstream.settimeout(10 * PATIENCE)
        self.held, address = self.start_idle(more_env={"NOTIFY_SOCKET": self.path("upstream")})
        self.writer = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.writer.close)
        self.writer.connect(address)

    def test_all_notifications_except_reports_are_passed_on_unchanged_and_in_order(self):
        texts = [b"READY=1", b"STATUS=a b\nERRNO=7\n", b"\nodd\n\n", b"STOPPING=1", b"WATCHDOG=trigger", b"x\0y" * 300]
        for text in texts:
            self.writer.send(b"WATCHDOG=1")
            self.writer.send(text)
        self.assertEqual([self.upstream.recv(5000) for _ in texts], texts)

    def test_the_line_of_a_report_is_removed(self):
        self.writer.send(b"WATCHDOG=1\n")
        self.writer.send(b"STATUS=a\nWATCHDOG=1\nREADY=1")
        self.assertEqual(self.upstream.recv(100), b"STATUS=a\nREADY=1")

    def test_descriptors_are_passed_on_and_not_kept(self):
        reader, pipe = os.pipe()
        send_with(self.writer, b"FDSTORE=1\nFDNAME=x", [pipe, reader])
        os.close(pipe)
        text, numbers, _, _ = socket.recv_fds(self.upstream, 100, 10)
        self.assertEqual((text, len(numbers)), (b"FDSTORE=1\nFDNAME=x", 2))
        os.write(numbers[0], b"!")
        for number in numbers:
            os.close(number)
        self.assertEqual(os.read(reader, 9), b"!")
        self.assertEqual(os.read(reader, 9), b"")  # no process has the other end: sd_notify_barrier(3) depends on this
        os.close(reader)

    def test_the_last_notification_of_a_job_arrives_before_dlock_ends(self):
        for number in range(10):
            last = self.run_job("python3", "-c", "import os, socket; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)"
                                f".sendto(b'STATUS={number}', os.environ['NOTIFY_SOCKET'])", key="another", options=HEARTBEAT[:1] + ["60s"],
                                more_env={"NOTIFY_SOCKET": self.path("upstream")})
            self.assertEqual(last.code, 0, last.stderr)
            self.upstream.setblocking(False)
            self.assertEqual(self.upstream.recv(100), b"STATUS=%d" % number)

    def test_the_receiver_of_notifications_can_be_restarted(self):
        self.writer.send(b"STATUS=1")
        self.assertEqual(self.upstream.recv(100), b"STATUS=1")
        self.upstream.close()
        os.unlink(self.path("upstream"))
        self.writer.send(b"STATUS=lost")
        self.upstream = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.upstream.close)
        self.upstream.bind(self.path("upstream"))
        self.upstream.settimeout(0.05)

        def heard():
            self.writer.send(b"STATUS=2")
            try:
                return self.upstream.recv(100) == b"STATUS=2"
            except TimeoutError:
                return False
        wait_until(heard, 5, "the new one hears")


if __name__ == "__main__":
    unittest.main()
