"""Executes a command on a host with separate name servers, whose settings are in a file that can change at any time.

usage: unshare --net --mount python3 own_dns.py DIRECTORY COMMAND...

DIRECTORY contains resolv.conf and hosts, which are mounted over those in /etc, and settings.json:
    servers: address of each name server -> its settings (see answer_to)
    redis:   [[address, port, path], ...]: each leads to the unix socket of a Redis
    silent:  [[address, port], ...]: no connection is accepted there
Each query is recorded in DIRECTORY/queries: the server, the kind of record, the name, udp or tcp.
"""

import contextlib
import json
import os
import select
import socket
import struct
import subprocess
import sys
import threading
import time

KINDS = {1: "A", 5: "CNAME", 28: "AAAA"}
NOERROR, NXDOMAIN = 0, 3
TRUNCATED = 0x0200


class Host:
    def __init__(self, directory):
        self.directory = directory
        self._lock = threading.Lock()

    def path(self, name):
        return os.path.join(self.directory, name)

    def settings(self):
        with open(self.path("settings.json"), encoding="utf-8") as file:
            return json.load(file)

    def note(self, *words):
        with self._lock, open(self.path("queries"), "a", encoding="utf-8") as file:
            print(*words, file=file)

    # -- name servers -------------------------------------------------------------------------------------------------

    def answer_to(self, address, query, line):
        """The reply of the server, or None. Its settings:

        names: {name: {"A": [...], "AAAA": [...], "CNAME": name}}; any other name is NXDOMAIN
        silent: true, or the kinds that get no reply;  delay: seconds;  rcode: the result of every query
        truncates: replies over UDP are truncated and empty;  says: the name in the reply instead of the one in the query
        """
        name, kind, question = read_question(query)
        self.note(address, KINDS.get(kind, kind), name, line)
        server = self.settings()["servers"][address]
        silent = server.get("silent", False)
        if silent is True or (silent and KINDS.get(kind) in silent):
            return None
        time.sleep(server.get("delay", 0))
        names = server.get("names", {})
        records, owner = [], server.get("says", name)
        while "CNAME" in names.get(owner, {}):
            records.append(record(owner, 5, encoded(names[owner]["CNAME"])))
            owner = names[owner]["CNAME"]
        known = names.get(name if "says" in server else owner)
        for address in (known or {}).get(KINDS.get(kind), []):
            records.append(record(owner, kind, socket.inet_pton(socket.AF_INET if kind == 1 else socket.AF_INET6, address)))
        rcode = server.get("rcode", NXDOMAIN if known is None else NOERROR)
        if rcode != NOERROR:
            records = []
        if "says" in server:
            question = encoded(server["says"]) + question[-4:]
        flags = 0x8180 | rcode
        if line == "udp" and server.get("truncates"):
            flags, records = flags | TRUNCATED, []
        return query[:2] + struct.pack("!5H", flags, 1, len(records), 0, 0) + question + b"".join(records)

    def serve_udp(self, address, listener):
        while True:
            query, client = listener.recvfrom(4096)

            def answer(query=query, client=client):
                said = self.answer_to(address, query, "udp")
                if said is not None:
                    with contextlib.suppress(PermissionError):  # a firewall drops it
                        listener.sendto(said, client)
            threading.Thread(target=answer, daemon=True).start()

    def serve_tcp(self, address, listener):
        while True:
            client, _ = listener.accept()

            def answer(client=client):
                with client:
                    while head := client.recv(2, socket.MSG_WAITALL):
                        query = client.recv(struct.unpack("!H", head)[0], socket.MSG_WAITALL)
                        said = self.answer_to(address, query, "tcp")
                        if said is None:
                            return
                        client.sendall(struct.pack("!H", len(said)) + said)
            threading.Thread(target=answer, daemon=True).start()

    # -- servers behind the names --------------------------------------------------------------------------------------

    def lead_to(self, listener, path):
        while True:
            near, _ = listener.accept()
            far = socket.socket(socket.AF_UNIX)
            try:
                far.connect(path)
            except OSError:
                near.close()
                continue
            for ends in ((near, far), (far, near)):
                threading.Thread(target=pump, args=ends, daemon=True).start()

    def begin(self):
        settings = self.settings()
        for address in settings["servers"]:
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            udp.bind((address, 53))
            threading.Thread(target=self.serve_udp, args=(address, udp), daemon=True).start()
            threading.Thread(target=self.serve_tcp, args=(address, socket.create_server((address, 53))), daemon=True).start()
        for address, port, path in settings["redis"]:
            threading.Thread(target=self.lead_to, args=(listen(address, port), path), daemon=True).start()
        return [full(address, port) for address, port in settings["silent"]]


def listen(address, port, **how):
    return socket.create_server((address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET, **how)


def full(address, port):
    """A port that drops requests for a connection: its queue is full and never read."""
    listener = listen(address, port, backlog=0)
    askers = []
    for _ in range(3):
        asker = socket.socket(listener.family)
        asker.setblocking(False)
        asker.connect_ex((address, port))
        askers.append(asker)
    return listener, askers


def pump(source, sink):
    try:
        while chunk := source.recv(65536):
            sink.sendall(chunk)
    except OSError:
        pass
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def encoded(name):
    labels = [label.encode() for label in name.split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def record(owner, kind, data):
    return encoded(owner) + struct.pack("!HHIH", kind, 1, 60, len(data)) + data


def read_question(query):
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode())
        at += 1 + query[at]
    kind = struct.unpack("!H", query[at + 1:at + 3])[0]
    return ".".join(labels).lower(), kind, query[12:at + 5]


def main():
    directory, *command = sys.argv[1:]
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for name in ("resolv.conf", "hosts"):
        subprocess.run(["mount", "--bind", os.path.join(directory, name), f"/etc/{name}"], check=True)
    served = os.pidfd_open(os.getpid())
    ready, begun = os.pipe()
    # A grandchild, so that it is not a child of the command.
    child = os.fork()
    if child == 0:
        if os.fork() == 0:
            os.setsid()
            kept = Host(directory).begin()
            os.write(begun, b"!")
            os.close(begun)
            select.select([served], [], [])
            del kept
        os._exit(0)
    os.close(begun)
    os.waitpid(child, 0)
    if os.read(ready, 1) != b"!":
        sys.exit("own_dns: the name servers did not start")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
