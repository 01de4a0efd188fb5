"""The page in a real browser over the real services: starts them once and hands over to node, one
file of tests/browser after the other. A small control lets the tests restart a service and step the
source."""
import http.server
import os
import re
import subprocess
import threading
import unittest
import urllib.parse

from rig import ROOT, Rig

FILES = sorted(f.name for f in (ROOT / "tests/browser").glob("*.test.mjs"))


class Control(http.server.BaseHTTPRequestHandler):
    """POST /restart?service=NAME: kill -9 and start again. POST /step?to=NAME: the source goes there,
    and all of it comes through to the API before this is answered."""

    def do_POST(self):
        asked = urllib.parse.urlsplit(self.path)
        value, = urllib.parse.parse_qs(asked.query).values()
        rig = self.server.rig
        if asked.path == "/step":
            rig.step(value[0])
            rig.settle(portals=[])
        else:
            service = rig.services[value[0]]
            service.kill()
            service.start()
            rig.wait_ready(value[0])
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


class Browser(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # one thread that lives longer than the rig: what it starts dies with it
        control = http.server.HTTPServer(("127.0.0.1", 0), Control)
        threading.Thread(target=control.serve_forever, daemon=True).start()
        cls.addClassCleanup(control.shutdown)
        cls.control = f"http://127.0.0.1:{control.server_port}"
        cls.rig = control.rig = Rig(every="1s", stale_after="3s", portals=1)
        cls.addClassCleanup(cls.rig.close)
        cls.rig.more_indexes = sorted(str(f) for f in (ROOT / "catalogs").glob("*.yaml")
                                      if f.name != "dvc-766.yaml")
        cls.rig.open_door({"reader": ("reader", [])}, open_raw=True)
        cls.rig.publisher = {"ingest_api": cls.rig.door_url}
        cls.rig.start()
        cls.rig.wait(lambda: cls.rig.difference() is None, "the page's figures")

    def run_file(self, name):
        environment = {**os.environ, "CHISO_PAGE": self.rig.url, "CHISO_REPLAY": self.rig.replay_url,
                       "CHISO_RIG": self.control}
        result = subprocess.run(["node", "--test", str(ROOT / "tests/browser" / name)],
                                env=environment, capture_output=True, text=True, timeout=1200)
        for line in result.stdout.splitlines():
            if re.search(r"# .*(bytes in all|time to first ranking)", line):
                print(line.strip(" #"))
        self.assertEqual(result.returncode, 0, result.stdout[-8000:] + result.stderr[-2000:])


for file in FILES:
    setattr(Browser, "test_" + file.split(".")[0], lambda self, name=file: self.run_file(name))


if __name__ == "__main__":
    unittest.main()
