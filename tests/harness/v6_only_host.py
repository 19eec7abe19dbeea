"""Runs a command on a host with an IPv6 address, whose only IPv4 address 127.0.0.1 leads to a server of the test.

usage: unshare --net --mount python3 v6_only_host.py HOSTS PORT SOCKET COMMAND...
       HOSTS is mounted over /etc/hosts; 127.0.0.1:PORT leads to the unix socket
"""

import socket
import subprocess
import sys
import threading


def pump(source, sink):
    try:
        while chunk := source.recv(65536):
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def serve(listener, path):
    while True:
        near, _ = listener.accept()
        far = socket.socket(socket.AF_UNIX)
        far.connect(path)
        for ends in ((near, far), (far, near)):
            threading.Thread(target=pump, args=ends, daemon=True).start()


def main():
    hosts, port, path, *command = sys.argv[1:]
    for setting in ("link set lo up", "link add v6 type veth peer name v6-peer", "link set v6 up", "link set v6-peer up",
                    "address add fd00::2/64 dev v6 nodad"):
        subprocess.run(["ip", *setting.split()], check=True)
    subprocess.run(["mount", "--bind", hosts, "/etc/hosts"], check=True)
    threading.Thread(target=serve, args=(socket.create_server(("127.0.0.1", int(port))), path), daemon=True).start()
    sys.exit(subprocess.run(command, check=False).returncode)


if __name__ == "__main__":
    main()
