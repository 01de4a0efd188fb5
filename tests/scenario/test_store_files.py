"""A store's file made small, and a store as text: the same contents, whatever happens."""
import base64
import json
import shutil
import signal
import subprocess

import rig
from backups import Moving, dump
from rig import SERVICES


class StoreFiles(Moving):
    def test_compact(self):
        """A stopped store is made small, whatever kills it; a running one is left alone."""
        r = self.ready()
        folder = r.data_dir("ingest")
        self.assertIn("is in use", self.chiso("compact", folder, code=1))
        for _ in range(5):
            r.random_change(self.rng)
        r.settle()
        r.stop_services()
        before = {s: dump(r.data_dir(s)) for s in SERVICES}
        for n in range(8):
            p = subprocess.Popen([str(a) for a in (rig.BIN / "chiso", "compact",
                                                   *map(r.data_dir, SERVICES))],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                 env=rig.environment())
            try:
                p.wait(0.4 * self.rng.random())
            except subprocess.TimeoutExpired:
                p.send_signal(signal.SIGKILL)
                p.wait()
            self.assertEqual({s: dump(r.data_dir(s)) for s in SERVICES}, before)
        out = self.chiso("compact", *map(r.data_dir, SERVICES))
        self.assertEqual(out.count(" bytes before, "), 3)
        self.assertEqual({s: dump(r.data_dir(s)) for s in SERVICES}, before)
        self.assertFalse(list(folder.glob("*.compact")))
        r.start()
        r.settle()
        r.random_change(self.rng)
        r.settle()
        r.check_portal_order(r.portals[0])

    def export(self, service, folder):
        p = subprocess.run([rig.BIN / "chiso", "store", "export", f"--{service}", folder],
                           capture_output=True, env=rig.environment())
        self.assertEqual(p.returncode, 0, p.stderr.decode())
        return p.stdout

    def load(self, service, folder, text, code=0):
        p = subprocess.run([rig.BIN / "chiso", "store", "import", f"--{service}", folder],
                           input=text, capture_output=True, env=rig.environment())
        self.assertEqual(p.returncode, code, p.stderr.decode())
        return p.stdout.decode() + p.stderr.decode()

    def test_text(self):
        """Everything as text and back: the same entries, the same chain; and it runs on."""
        r = self.ready()
        portal = r.portals[0]
        for _ in range(3):
            r.random_change(self.rng)
        r.settle()
        r.delivered()
        self.export("ingest", r.data_dir("ingest"))  # beside its service
        r.stop_services()
        lines = len(portal.raw_lines())
        old = {s: r.data_dir(s) for s in SERVICES}
        texts = {s: self.export(s, old[s]) for s in SERVICES}
        r.data = r.dir / "elsewhere"
        for s in SERVICES:
            out = self.load(s, r.data_dir(s), texts[s])
            self.assertEqual(dump(r.data_dir(s)), dump(old[s]), s)
            self.assertEqual(self.export(s, r.data_dir(s)), texts[s])
            head = json.loads(texts[s].splitlines()[0])
            self.assertIn(head["head_sha256"], out)
        shutil.copytree(old["ingest"] / "archive", r.data_dir("ingest") / "archive")
        r.start()
        r.settle()
        self.assertEqual(len(portal.raw_lines()), lines, "the portal was told what it knew")
        r.random_change(self.rng)
        r.settle()
        r.check_portal_order(portal)

    def test_bad_text(self):
        r = self.ready()
        r.stop_services()
        text = self.export("scorer", r.data_dir("scorer"))
        lines = text.splitlines(keepends=True)
        to = r.dir / "no"

        def changed(line):
            record = json.loads(line)
            data = bytearray(base64.b64decode(record["value"]))
            data[-1] ^= 1
            record["value"] = base64.b64encode(data).decode()
            return json.dumps(record).encode() + b"\n"
        first = json.loads(lines[0])
        cases = [
            (lines[:1] + [changed(lines[1])] + lines[2:], "journal record 1: the checksum"),
            (lines[:-1], f"line {len(lines)}: the end is missing"),
            (lines[:5] + lines[6:], "lines are missing before it"),
            (lines[:5] + [b"{oops\n"] + lines[5:], "line 6: is not a JSON object"),
            (lines + lines[1:2], "stands behind the end"),
            (lines[1:], "line 1: is not the first line"),
            ([json.dumps({**first, "format": 2}).encode() + b"\n"] + lines[1:], "another format"),
            ([json.dumps({**first, "head_sha256": "0" * 64}).encode() + b"\n"] + lines[1:],
             "the head is another one"),
            ([], "the end is missing"),
        ]
        for bad, reason in cases:
            with self.subTest(reason=reason):
                self.assertIn(reason, self.load("scorer", to, b"".join(bad), code=1))
                self.assertEqual(list(to.iterdir()), [])
        self.assertIn("it is a store of scorer", self.load("ingest", to, text, code=1))
        self.assertIn("not empty", self.load("scorer", r.data_dir("scorer"), text, code=1))
