"""A TCP relay in front of a server that can delay, hold or reset, separately for each direction."""

import socket
import struct
import threading
import time

from .host import HOST

UP, DOWN = "up", "down"  # towards the server, towards dlock


class Relay:
    """Forwards from its own port to `target_port` of the test host."""

    def __init__(self, target_port, listen_on=HOST):
        self._target = target_port
        self._lock = threading.Condition()
        self._frozen = set()
        self._bytes_per_second = {}
        self._latency = {}
        self._cut_at = None
        self._refusing = False
        self._pairs = []
        self._began = {}  # by connection: the first bytes that dlock sent
        self._deaf = set()
        self.cuts = 0
        self.accepted = 0
        self.round_trips = 0
        self._last_direction = None
        self._listener = socket.create_server((listen_on, 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        return f"redis://{HOST}:{self.port}"

    # -- faults -----------------------------------------------------------------------------------------------------

    def freeze(self, *directions):
        """Holds the bytes of these directions (both if none is named). Connections stay open and new ones are accepted."""
        with self._lock:
            self._frozen |= set(directions or (UP, DOWN))

    def thaw(self):
        """Sends everything that was held, late: a delay, not a loss."""
        with self._lock:
            self._frozen.clear()
            self._bytes_per_second.clear()
            self._latency.clear()
            self._refusing = False
            self._lock.notify_all()

    def drip(self, bytes_per_second, *directions):
        with self._lock:
            for direction in directions or (DOWN,):
                self._bytes_per_second[direction] = bytes_per_second

    def delay(self, seconds, *directions):
        """Delays what is sent in these directions."""
        with self._lock:
            for direction in directions or (DOWN,):
                self._latency[direction] = seconds

    def cut_after(self, needle):
        """Forwards the next request that contains `needle`, and resets the connection before its reply arrives."""
        with self._lock:
            self._cut_at = needle

    def reset(self):
        """Ends all connections with RST."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                _reset(end)

    def hang_up(self):
        """Ends all connections with FIN, as after an idle timeout."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for near, far in pairs:
            for end in (near, far):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def forget(self, needle):
        """Forgets connections over which `needle` was sent, as a router does: the server gets an end, dlock gets nothing."""
        with self._lock:
            lost = [pair for pair in self._pairs if needle in self._began[pair]]
            self._deaf.update(lost)
        for _, far in lost:
            far.shutdown(socket.SHUT_RDWR)
        return len(lost)

    def lead_to(self, target_port):
        """New connections go there from now on, open ones stay: like a name after a failover."""
        self._target = target_port

    def refuse(self):
        """Like a server that is down: resets open connections, and every new one at once."""
        with self._lock:
            self._refusing = True
        self.reset()

    def stop(self):
        # shutdown() wakes the accepting thread; close() alone would leave it, and the port, in accept(2)
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        self.thaw()
        self.reset()

    # -- internals ----------------------------------------------------------------------------------------------------

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            if self._refusing:
                _reset(near)
                continue
            try:
                far = socket.create_connection((HOST, self._target))
            except OSError:
                _reset(near)
                continue
            for end in (near, far):  # before a reset can close them
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._pairs.append((near, far))
                self._began[near, far] = b""
            for source, sink, direction in ((near, far, UP), (far, near, DOWN)):
                threading.Thread(target=self._pump, args=(source, sink, direction, (near, far)), daemon=True).start()

    def _pump(self, source, sink, direction, pair):
        try:
            while True:
                chunk = source.recv(65536)
                if not chunk:
                    break
                if direction == UP:
                    self._began[pair] += chunk[:4096 - len(self._began[pair])]
                self._count_round_trip(direction)
                time.sleep(self._latency.get(direction, 0))
                self._wait_allowed(direction)
                if direction == UP and self._is_the_cut(chunk):
                    with self._lock:
                        self._frozen.add(DOWN)  # the reply must not get through before the reset
                    sink.sendall(chunk)
                    time.sleep(0.05)  # the server has the request now; its reply is lost
                    self.reset()
                    with self._lock:
                        self._frozen.discard(DOWN)
                        self._lock.notify_all()
                    return
                if pair not in self._deaf:
                    self._send(sink, chunk, direction)
        except OSError:
            pass
        finally:
            for end in () if pair in self._deaf else (sink, source):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def _count_round_trip(self, direction):
        """A round trip begins with each request that follows a reply. Pipelined requests are one round trip."""
        with self._lock:
            if direction == UP and self._last_direction != UP:
                self.round_trips += 1
            self._last_direction = direction

    def _wait_allowed(self, direction):
        with self._lock:
            self._lock.wait_for(lambda: direction not in self._frozen)

    def _is_the_cut(self, chunk):
        with self._lock:
            if self._cut_at is None or self._cut_at not in chunk:
                return False
            self._cut_at = None
            self.cuts += 1
            return True

    def _send(self, sink, chunk, direction):
        for place in range(len(chunk)):
            with self._lock:
                rate = self._bytes_per_second.get(direction)
            if rate is None:
                self._wait_allowed(direction)
                sink.sendall(chunk[place:])
                return
            time.sleep(1 / rate)
            sink.sendall(chunk[place:place + 1])


def _reset(end):
    try:
        # SO_LINGER with zero seconds: close sends RST instead of FIN
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.shutdown(socket.SHUT_RD)  # wakes the thread of the relay that reads from it
    except OSError:
        pass
    end.close()
