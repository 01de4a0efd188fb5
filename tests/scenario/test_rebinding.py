"""A name of a source that first leads to a public address and then inwards (DNS rebinding): what is
inside hears nothing. Everything on the way is real: a name server, the system's resolver, libcurl's
memory of names; in a network of the test's own, where a public address is this machine's."""
import fcntl
import pathlib
import socket
import socketserver
import struct
import threading

import machine
import rig
import shifted
from rig import INDEX

NAME = "board.portal.example"
PUBLIC = "8.8.4.4"
REMEMBERED = 61  # seconds; libcurl keeps a name's address for 60


class NameServer(socketserver.ThreadingUDPServer):
    """Answers every question for an IPv4 address with `addresses`, to be kept for no time at all."""

    def __init__(self):
        self.addresses = []
        self.asked = []  # what was answered, in order
        super().__init__(("127.0.0.1", 53), self.Question)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    class Question(socketserver.BaseRequestHandler):
        def handle(self):
            query, sock = self.request
            name, at = [], 12
            while query[at]:
                name.append(query[at + 1:at + 1 + query[at]].decode())
                at += 1 + query[at]
            kind, = struct.unpack_from("!H", query, at + 1)
            ours = kind == 1 and ".".join(name) == NAME
            given = list(self.server.addresses) if ours else []
            if ours:
                self.server.asked.append(given)
            records = b"".join(struct.pack("!HHHIH", 0xc00c, 1, 1, 0, 4) + socket.inet_aton(a)
                               for a in given)
            sock.sendto(query[:2] + struct.pack("!HHHHH", 0x8180, 1, len(given), 0, 0)
                        + query[12:at + 5] + records, self.client_address)


class Inside:
    """Something that listens on an address of the inside, and counts who comes."""

    def __init__(self, address, port):
        self.server = socket.create_server((address, port))
        self.server.setblocking(False)

    def visitors(self):
        try:
            self.server.accept()[0].close()
            return 1
        except BlockingIOError:
            return 0


def give_address(alias, address):
    """One more address of this network's own device."""
    with socket.socket() as s:
        for request, value in ((0x8916, address), (0x891c, "255.255.255.255")):
            fcntl.ioctl(s, request, struct.pack("16sHH4s8x", alias, socket.AF_INET, 0,
                                                socket.inet_aton(value)))


class Rebinding(rig.Case):
    def setUp(self):
        machine.enter()
        pathlib.Path("/etc/resolv.conf").unlink(missing_ok=True)
        pathlib.Path("/etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
        pathlib.Path("/etc/nsswitch.conf").write_text("hosts: files dns\n")
        give_address(b"lo:1", PUBLIC)
        give_address(b"lo:2", "10.0.0.5")

    def start(self):
        self.names = NameServer()
        self.addCleanup(self.names.server_close)
        self.addCleanup(self.names.shutdown)
        self.names.addresses = [PUBLIC]
        r = self.rig(portals=0, units_of=[], periods=["2025"])
        port = r.replay_url.rpartition(":")[2]
        r.source_options.update(url=f"http://{NAME}:{port}/jsp/rest.jsp", allow_networks=[])
        r.replay.argv += ["--address", PUBLIC]
        r.replay_url = f"http://{PUBLIC}:{port}"
        self.inside = {a: Inside(a, int(port)) for a in ("127.0.0.1", "10.0.0.5")}
        for i in self.inside.values():
            self.addCleanup(i.server.close)
        self.clock = shifted.Clock(r, ["ingest"])
        self.shifted = 0
        r.start()
        r.wait(lambda: (r.outcome("nation/2025") == "good", r.sources()), "the board is read")
        self.assertEqual(self.names.asked[0], [PUBLIC])
        return r

    def rebind(self, r, *addresses):
        """The name leads elsewhere, its connections end, and what libcurl knew of it is old."""
        self.names.addresses = list(addresses)
        asked = len(self.names.asked)
        r.replay.stop()
        self.shifted += REMEMBERED
        self.clock.shift(self.shifted)
        r.wait(lambda: (list(addresses) in self.names.asked[asked:], self.names.asked[asked:]),
               "the name is looked up again")

    def back(self, r):
        r.replay.start()
        self.names.addresses = [PUBLIC]
        self.shifted += REMEMBERED
        self.clock.shift(self.shifted)
        r.wait(lambda: (r.outcome("nation/2025") == "good", r.sources()), "the board is read again")

    def check_inside(self):
        self.assertEqual({a: i.visitors() for a, i in self.inside.items()},
                         {a: 0 for a in self.inside})

    def test_a_name_that_turns_inwards(self):
        r = self.start()
        for address in self.inside:
            self.rebind(r, address)
            refused = f"address {address} is not public and not in allow_networks"
            told = r.wait(lambda: (r.outcome("nation/2025") == "blocked"
                                   and r.sources()["nation/2025"], r.sources()), "it is refused")
            self.assertIn(refused, told["detail"])
            self.assertIn(NAME, told["detail"])
            self.check_inside()
            self.back(r)
        # both at once: where the public one does not answer, the next is not tried
        self.rebind(r, PUBLIC, *self.inside)
        r.wait(lambda: (r.outcome("nation/2025") in ("retrying", "blocked"), r.sources()),
               "it is not read")
        self.check_inside()
        self.back(r)
        r.wait(lambda: (r.difference() is None, r.difference()), "the board is served")
        self.check_inside()

    def test_asked_for_by_hand(self):
        """chiso source test looks up by itself, and with the same eyes."""
        r = self.start()
        self.names.addresses = ["10.0.0.5"]
        argv = [rig.BIN / "chiso", "source", "test", "--config", r.config("ingest"), INDEX]
        code, out, err = rig.run(argv)
        self.assertNotEqual(code, 0)
        self.assertIn("address 10.0.0.5 is not public", out + err)
        self.check_inside()
        # a source that is meant to be inside says so
        r.source_options.update(allow_networks=["10.0.0.0/8"], timeout="5s")  # nobody will answer
        r.configure()
        rig.run(argv)
        self.assertEqual(self.inside["10.0.0.5"].visitors(), 1)


if __name__ == "__main__":
    import unittest
    unittest.main()
