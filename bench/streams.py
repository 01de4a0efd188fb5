#!/usr/bin/env python3
"""Many clients of the event stream held while figures change, over the real services with fsync on,
all on loopback. Prints a line a figure. Started by bench/run.

    delivery    a figure of a province changes; from the moment the replay has the changed answer
                ready to the moment a client has read the whole event: every client, every change
    last        the same to the last of the clients
    processor   what the publisher spends on one change, all of its clients told
    memory      the publisher's resident memory without clients, with them, and afterwards

All clients are read by this one process, so its own time for a thousand reads is in the figures.
"""
import os
import pathlib
import random
import select
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from latency import report, resident_kib  # noqa: E402
from rig import Rig, wait_until  # noqa: E402

CLIENTS = int(os.environ.get("CLIENTS", "1000"))
CHANGES = int(os.environ.get("CHANGES", "50"))


class Clients:
    def __init__(self, port, n):
        self.poll = select.epoll()
        self.socks = {}
        self.rest = {}
        for _ in range(n):
            s = socket.create_connection(("127.0.0.1", port), timeout=10)
            s.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
            self.socks[s.fileno()] = s
            self.rest[s.fileno()] = b""
        for fd, s in self.socks.items():
            while b": chiso" not in self.rest[fd]:
                self.rest[fd] += s.recv(4096)
            self.rest[fd] = b""
            s.setblocking(False)
            self.poll.register(fd, select.EPOLLIN)

    def read(self, seen, timeout):
        """Notes in `seen` when each has read the first whole score event."""
        for fd, _ in self.poll.poll(timeout):
            data = self.socks[fd].recv(65536)
            if not data:
                raise SystemExit("a stream was closed")
            at = time.time_ns()
            text = self.rest[fd] + data
            start = text.find(b"event: score")
            if start >= 0 and text.find(b"\n\n", start) >= 0:
                seen.setdefault(fd, at)
            self.rest[fd] = text[-20000:]

    def drain(self):
        while self.poll.poll(0.05):
            self.read({}, 0.05)
        self.rest = dict.fromkeys(self.rest, b"")


def change(r, clients, rng, rows):
    at = time.time_ns()
    r.set("0_2025", rng.choice(rows), "MDSH",
          f"{rng.randrange(100, 2200) / 100:.2f}".rstrip("0").rstrip("."))
    seen = {}
    end = time.monotonic() + 30
    while len(seen) < CLIENTS:
        clients.read(seen, 1)
        if time.monotonic() > end:
            raise SystemExit(f"{len(seen)} of {CLIENTS} clients have the change after 30 s")
    answer = wait_until(lambda: next((a["ns"] for a in r.answers() if a["ns"] >= at and
                                      a["request"] == "0_2025"), None), "the answer in the log")
    clients.drain()
    return [(t - answer) / 1e6 for t in seen.values()]


def cpu_ms(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def main():
    r = Rig(periods=["2025"], units_of=[], portals=0, every="100ms")
    r.http = {"max_connections": CLIENTS + 100, "max_streams": CLIENTS + 10}
    try:
        r.start()
        wait_until(lambda: len(r.ranking()["units"]) == 34, "the first figures")
        pid = r.services["publisher"].proc.pid
        memory = [resident_kib(pid)]
        clients = Clients(r.port, CLIENTS)
        memory.append(resident_kib(pid))
        rng = random.Random(5)
        rows = [row["ID"] for row in r.source.rows("0_2025")]
        cpu = cpu_ms(pid)
        took = [change(r, clients, rng, rows) for _ in range(CHANGES)]
        memory.append(resident_kib(pid))
        report(f"{CLIENTS} streams, delivery", [ms for each in took for ms in each])
        report(f"{CLIENTS} streams, last of a change", [max(each) for each in took])
        print(f"publisher, processor time a change {(cpu_ms(pid) - cpu) / CHANGES:6.1f} ms")
        names = ("without clients", f"with {CLIENTS} clients", "after the changes")
        for name, kib in zip(names, memory):
            print(f"publisher {name:24} {kib / 1024:6.1f} MiB")
    finally:
        r.close()


if __name__ == "__main__":
    main()
