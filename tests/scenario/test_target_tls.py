"""A portal behind a server that wants a client certificate, and a slow one beside quick ones."""
import socket
import ssl
import subprocess
import threading
import unittest

import rig
from test_targets import RETRY


class Front:
    """Ends TLS, wants a client certificate, and passes on to the portal what comes."""

    def __init__(self, folder, port):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(folder / "chain.pem", folder / "chain.key")
        self.context.load_verify_locations(folder / "root.pem")
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.port, self.names, self.refused = port, set(), 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        try:
            with self.context.wrap_socket(client, server_side=True) as secured, \
                    socket.create_connection(("127.0.0.1", self.port)) as portal:
                self.names.add(secured.getpeercert()["subject"][0][0][1])
                threading.Thread(target=self.pump, args=(portal, secured), daemon=True).start()
                self.pump(secured, portal)
        except (ssl.SSLError, OSError):
            self.refused += 1

    def pump(self, source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self.listener.close()


class MutualTls(rig.Case):
    def test_it(self):
        r = self.rig(target=RETRY)
        folder = r.dir / "tls"
        folder.mkdir()
        subprocess.run([rig.ROOT / "tests/unit/tls_certificates", folder], check=True,
                       capture_output=True)
        portal = r.portals[0]
        front = Front(folder, portal.port)
        self.addCleanup(front.close)
        for name in ("client", "stranger"):
            (folder / f"{name}.key").chmod(0o600)

        def settings(name):
            portal.target = {"url": f"https://127.0.0.1:{front.address[1]}/events",
                             "ca_file": str(folder / "root.pem"),
                             "client_cert": str(folder / f"{name}.pem"),
                             "client_key": str(folder / f"{name}.key")}
        settings("stranger")
        r.start()
        r.settle(portals=[])
        r.wait(lambda: (front.refused >= 2, front.refused), "a stranger is refused")
        self.assertEqual(portal.lines(), [])
        r.services["publisher"].stop()
        settings("client")
        r.configure()
        r.services["publisher"].start()
        r.settle()
        self.assertEqual(front.names, {"client"})
        r.check_portal_order(portal, whole=False)


class SlowBesideQuick(rig.Case):
    def test_it(self):
        """One target answers after its time-out, one not at all, one has a page: nobody else waits."""
        r = self.rig(target={**RETRY, "timeout": "20s"}, portals=4)
        slow, silent, page, well = r.portals
        folder = r.dir / "drop"
        folder.mkdir()
        r.more_targets = [{"id": "drop", "kind": "file", "file": {"folder": str(folder)}}]
        slow.target = {"kind": "ckan", "url": slow.url, "ckan": {"resource_id": "x"}}
        page.target = {"kind": "ngsi-ld", "url": page.url, "ngsi": {"tenant": "vinhlong"}}
        r.start()
        r.settle(portals=[well])
        slow.control(mode="slow", delay_ms=60000)
        silent.control(mode="drop")
        page.control(mode="html")
        for _ in range(3):
            r.step("next")
            r.wait(lambda: (r.difference() is None, r.difference()), "the API follows")
            r.wait(lambda: (r.portal_difference(well) is None, r.portal_difference(well)),
                   "the well portal follows")  # each wait for another would be 20 s
            wanted = [j["event"]["notice"]["key"] for j in r.journal("publisher")
                      if not j["event"]["notice"].get("internal")]

            def written():
                have = {f.name for f in folder.iterdir()}
                missing = [k for k in wanted if k.replace("/", "_") + ".json" not in have]
                return not missing, missing[:3]
            r.wait(written, "the folder follows")
        r.check_portal_order(well)


if __name__ == "__main__":
    unittest.main()
