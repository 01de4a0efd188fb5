"""The stores that every version has left behind, opened by the program of today."""
import json
import tarfile
import unittest

import rig
from golden import SERVICES, said
from rig import ROOT

VERSIONS = sorted(p for p in (ROOT / "tests/golden").iterdir() if p.is_dir())

GONE = {("scorer", "history")}


def entries(text):
    return [{k: v for k, v in json.loads(line).items() if k != "event"}
            for line in text.splitlines()[1:]]


class Past(rig.Rig):
    """A rig that runs by the catalogs of then, without any source."""
    of_then = None

    def settings(self, service):
        c = super().settings(service)
        if self.of_then:
            if service == "ingest":
                c["registry"] = str(self.of_then / "catalogs/units")
                c["sources"] = []
            else:
                c["indexes"] = [str(self.of_then / "catalogs" / rig.CATALOG.name)]
        return c


class Golden(rig.Case):
    def unpack(self, folder):
        r = Past(every="200ms", periods=["2025"], units_of=[])
        self._rigs.append(r)
        self.addCleanup(r.close)
        r.of_then = r.dir / "then"
        with tarfile.open(folder / "golden.tar.xz") as tar:
            tar.extractall(r.of_then, filter="data") if hasattr(tarfile, "data_filter") else \
                tar.extractall(r.of_then)
        return r

    def chiso(self, *args, code=0, **more):
        got, out, err = rig.run([rig.BIN / "chiso", *args], **more)
        self.assertEqual(got, code, f"chiso {args}: exit {got}\n{out}{err}")
        return out

    def restore(self, r):
        self.chiso("restore", "--from", r.of_then / "backup", "--continue",
                   *(a for s in SERVICES for a in (f"--{s}", r.data_dir(s))))

    def test_there_is_one_of_this_version(self):
        version = self.chiso("--version").split()[1]
        self.assertIn(version, [p.name for p in VERSIONS], "run scripts/make-golden")

    def test_opens(self):
        """Each says what it said then; and goes on with sources and catalogs of today."""
        for folder in VERSIONS:
            with self.subTest(version=folder.name):
                r = self.unpack(folder)
                expected = json.loads((folder / "expected.json").read_text())
                self.chiso("backup", "verify", r.of_then / "backup")
                self.restore(r)
                r.start()
                del expected["version"]

                def same():
                    now = said(r, r.of_then / "catalogs" / rig.CATALOG.name)
                    return now == expected, {k: now[k] for k in now if now[k] != expected[k]}
                r.wait(same, "it says what it said then", poll=0.2)
                r.stop_services()
                r.of_then = None
                r.start()
                # the portal of then is another one
                self.chiso("target", "resync", "--publisher", r.data_dir("publisher"), "portal1")
                r.settle()
                r.verify()

    def test_text(self):
        """The exported stores of then are those of the backup, entry for entry, and can be taken
        in again; but for the tables that are no more."""
        for folder in VERSIONS:
            with self.subTest(version=folder.name):
                r = self.unpack(folder)
                self.restore(r)
                for s in SERVICES:
                    text = (r.of_then / f"{s}.jsonl").read_text()
                    again = r.dir / f"{s}.again"
                    self.chiso("store", "import", f"--{s}", again, given=text)
                    then = [e for e in entries(text) if (s, e.get("table")) not in GONE]
                    for store in (r.data_dir(s), again):
                        now = entries(self.chiso("store", "export", f"--{s}", store))
                        # the last line counts them
                        self.assertEqual(now[:-1], then[:-1])

    def test_newer_is_refused(self):
        """A store whose format is one higher is left as it is, and the log says why."""
        stamp = b"chiso.store.format"
        for folder in VERSIONS[-1:]:
            r = self.unpack(folder)
            self.restore(r)
            stores = {}
            for s in SERVICES:
                file = r.data_dir(s) / "data.mdb"
                data = file.read_bytes()
                at = data.index(stamp) + len(stamp)
                self.assertEqual(data.count(stamp), 1)
                stores[s] = data[:at] + bytes([data[at] + 1]) + data[at + 1:]
                file.write_bytes(stores[s])
            r.configure()
            for s in SERVICES:
                r.services[s].start()
                self.assertEqual(r.services[s].wait_exit(), 4)
                self.assertIn("is of store format 2, this chiso", r.services[s].tail(3))
                self.assertEqual((r.data_dir(s) / "data.mdb").read_bytes(), stores[s])
            code, _, err = rig.run([rig.BIN / "chiso", "journal", "--data", r.data_dir("ingest")])
            self.assertEqual(code, 4)
            self.assertIn("a newer one wrote it", err)


if __name__ == "__main__":
    unittest.main()
