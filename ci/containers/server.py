"""The Python workload of the container cases: a server of the kind that forks its workers.

Opens a TCP and a UDP port and two unix sockets, forks two workers that hold them too, and prints for every holder
`PID FD LOCAL` as the process itself knows it, then `ready`. Ends by itself after ten minutes.
"""

import os
import signal
import socket
import sys

LIFETIME_SECONDS = 600
WORKERS = 2


def open_sockets():
    """Give the sockets in the order they are made, each with the name it has in a list."""
    tcp = socket.create_server(("0.0.0.0", 8000))
    yield tcp, "0.0.0.0:8000"
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 8001))
    yield udp, "127.0.0.1:8001"
    abstract = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    abstract.bind("\0python-workers")
    abstract.listen()
    yield abstract, "@python-workers"
    path = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    path.bind("/tmp/python.sock")
    yield path, "/tmp/python.sock"


def main():
    """Fork the workers, then tell who holds what."""
    signal.alarm(LIFETIME_SECONDS)
    # As PID 1 of a container it would ignore what it has no handler for.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    held = list(open_sockets())
    pids = [os.getpid()]
    for _ in range(WORKERS):
        pid = os.fork()
        if pid == 0:
            signal.alarm(LIFETIME_SECONDS)
            while True:
                signal.pause()
        pids.append(pid)
    for pid in pids:
        for sock, local in held:
            print(pid, sock.fileno(), local)
    print("ready", flush=True)
    while True:
        signal.pause()


main()
