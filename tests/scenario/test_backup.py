"""Backups: taken while everything moves, restored, damaged, killed."""
import json
import shutil
import signal
import subprocess
import time

import rig
from backups import Moving, dump
from rig import SERVICES

# tables that are only added to: what a backup holds of them, the living store holds as well
GROWING = {"ingest": ("journal", "history"), "scorer": ("journal",),
           "publisher": ("journal", "ledger")}
# what a restore changes: epochs, the consumers' offsets, how far the targets are
RENEWED = ("journal.meta", "inbox", "targets")


class Backups(Moving):
    def test_drill(self):
        """Taken under load, restored elsewhere, bit for bit; then everything goes on from there."""
        r = self.ready()
        portal = r.portals[0]
        backups = []
        for n in range(3):
            to, manifest = self.backup(r, f"backup{n}")
            backups.append((to, manifest))
            self.wait_moved(r, manifest)
            self.check_line(manifest)
            self.assertIs(manifest["running"], True)
            self.chiso("backup", "verify", to)
            run = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=to,
                                 capture_output=True, text=True)
            self.assertEqual((run.returncode, run.stdout), (0, ""))
        heads = [int(m["services"]["ingest"]["journal"]["head"]) for _, m in backups]
        self.assertEqual(heads, sorted(set(heads)), "nothing changed meanwhile")
        # the world goes on: the portal is ahead of every backup
        told = len(portal.effects())
        for _ in range(5):
            r.random_change(self.rng)
        r.settle()
        r.wait(lambda: (len(portal.effects()) > told, told), "the portal knows more")
        old_epoch = portal.effects()[-1]["key"].rpartition("@")[2]
        r.stop_services()

        lived = {s: dump(r.data_dir(s)) for s in SERVICES}
        for to, manifest in backups:
            for s in SERVICES:
                copied = dump(to / s)
                self.assertEqual(len(copied["journal"]),
                                 int(manifest["services"][s]["journal"]["head"]))
                for table in GROWING[s]:
                    self.assertLessEqual(copied[table].items(), lived[s][table].items(), table)
            # what ingest's history holds is what its journal told, to the last figure
            text = self.chiso("journal", "--data", to / "ingest")
            figures = sum(len(e["event"].get("reading", {}).get("figures", []))
                          for e in map(json.loads, text.splitlines()))
            self.assertEqual(figures, len(dump(to / "ingest")["history"]))
            (to / "ingest/lock.mdb").unlink()  # of having looked

        to, manifest = backups[1]
        self.assertIn("told everything again", self.restored(r, to, "elsewhere"))
        for s in SERVICES:
            copied, restored = dump(to / s), dump(r.data_dir(s))
            self.assertEqual(set(copied), set(restored) | set(copied))
            for table in copied:
                if table not in RENEWED:
                    self.assertEqual(copied[table], restored[table], f"{s}: {table}")
        bodies = {p.name for p in (r.data_dir("ingest") / "archive").rglob("*") if p.is_file()}
        self.assertTrue(bodies)
        for name in bodies:
            r.archived(name)

        r.start()
        r.settle()
        r.verify()
        r.check_portal_order(portal, whole=False)
        r.check_histories(whole=False)
        self.assertNotEqual(portal.effects()[-1]["key"].rpartition("@")[2], old_epoch)
        r.random_change(self.rng)
        r.settle()

    def test_stopped_goes_on(self):
        """Moved: a backup of what is stopped goes on elsewhere as if nothing had been."""
        r = self.ready()
        portal = r.portals[0]
        for _ in range(3):
            r.random_change(self.rng)
        r.settle()
        r.wait_delivered()
        r.stop_services()
        to, manifest = self.backup(r, "last", running=False)
        self.assertIs(manifest["running"], False)
        lines = len(portal.raw_lines())
        self.restored(r, to, "elsewhere", "--continue")
        for s in SERVICES:
            self.assertEqual((r.data_dir(s) / "data.mdb").read_bytes(),
                             (to / s / "data.mdb").read_bytes())
        r.start()
        r.settle()
        self.assertEqual(len(portal.raw_lines()), lines, "the portal was told what it knew")
        r.random_change(self.rng)
        r.settle()
        r.check_portal_order(portal)  # one life: no gap, no other epoch
        # of what was running it is refused: who knows what it has told since
        to, _ = self.backup(r, "running")
        out = self.chiso("restore", "--from", to, "--continue", "--ingest", r.dir / "no", code=1)
        self.assertIn("services were running", out)
        self.assertFalse((r.dir / "no").exists())

    def test_one_of_three(self):
        """An older folder beside newer ones: its consumers notice, and nothing is mistaken."""
        r = self.ready()
        lost = ("revision", "change", "previous_rank", "as_of")  # what the lost life counted
        for service in SERVICES:
            with self.subTest(service=service):
                to, _ = self.backup(r, f"before-{service}")
                for _ in range(3):
                    r.random_change(self.rng)
                r.settle(but=lost)
                r.services[service].stop()
                r.wipe(service)
                self.chiso("restore", "--from", to, f"--{service}", r.data_dir(service))
                r.services[service].start()
                r.settle(but=lost)
                r.random_change(self.rng)
                r.settle(but=lost)
                r.verify()

    def test_killed(self):
        """kill -9 at any instant: no backup, or a whole one; and the next one succeeds."""
        r = self.ready()
        began = time.monotonic()
        self.backup(r, "whole")
        usual = time.monotonic() - began
        unfinished, tries = 0, 0
        while tries < 12 or (unfinished == 0 and tries < 100):
            tries += 1
            began = time.monotonic()
            to = r.dir / "killed"
            p = subprocess.Popen([str(a) for a in (rig.BIN / "chiso", "backup", *self.folders(r),
                                                   "--to", to)],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                 env=rig.environment())
            try:
                p.wait(usual * self.rng.random())
            except subprocess.TimeoutExpired:
                p.send_signal(signal.SIGKILL)
                p.wait()
            half = r.dir / "killed.unfinished"
            if to.exists():
                usual = min(usual, time.monotonic() - began)  # the first one may have stood still
                self.chiso("backup", "verify", to)
                shutil.rmtree(to)
            elif half.exists():
                unfinished += 1
                out = self.chiso("restore", "--from", half, "--ingest", r.dir / "no", code=1)
                self.assertIn("not a whole backup", out)
                self.assertFalse((r.dir / "no").exists())
        self.assertGreater(unfinished, 0, "none was killed half-way")
        self.backup(r, "killed")
        self.assertFalse((r.dir / "killed.unfinished").exists())
        r.settle()

    def test_damaged(self):
        """Whatever is damaged, missing or cut off: it is refused by its name, nothing restored."""
        r = self.ready()
        to, _ = self.backup(r, "good")
        r.stop_services()
        body = next(p for p in (to / "ingest/archive").rglob("*") if p.is_file())

        def flip(path):
            path.chmod(0o640)
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 1
            path.write_bytes(data)

        def cut(path):
            path.chmod(0o640)
            path.write_bytes(path.read_bytes()[:-30])

        def less(path):
            path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))
        cases = [(flip, "publisher/data.mdb"), (flip, "scorer/data.mdb"), (cut, "ingest/data.mdb"),
                 (flip, str(body.relative_to(to))), (lambda p: p.unlink(), str(body.relative_to(to))),
                 (flip, "manifest.json"), (cut, "manifest.json"), (less, "SHA256SUMS"),
                 (cut, "SHA256SUMS"), (lambda p: p.unlink(), "SHA256SUMS"),
                 (lambda p: p.unlink(), "manifest.json")]
        for n, (harm, name) in enumerate(cases):
            with self.subTest(harm=n, file=name):
                bad = r.dir / "bad"
                shutil.rmtree(bad, ignore_errors=True)
                shutil.copytree(to, bad)
                harm(bad / name)
                self.assertIn(name, self.chiso("backup", "verify", bad, code=1))
                r.data = r.dir / f"not{n}"
                self.assertIn(name, self.chiso("restore", "--from", bad, *self.folders(r), code=1))
                self.assertFalse(any(r.data_dir(s).exists() for s in SERVICES))
        # what is not asked for may be damaged
        shutil.rmtree(bad)
        shutil.copytree(to, bad)
        flip(bad / "publisher/data.mdb")
        r.data = r.dir / "two"
        out = self.chiso("restore", "--from", bad, *self.folders(r, ("ingest", "scorer")))
        self.assertIn("restored scorer", out)
        newer = r.dir / "newer"
        shutil.copytree(to, newer)
        m = newer / "manifest.json"
        m.write_text(m.read_text().replace('"format":1', '"format":2'))
        self.assertIn("backup format 2", self.chiso("backup", "verify", newer, code=1))

    def test_refusals(self):
        r = self.ready()
        to, _ = self.backup(r, "good")
        # what exists is not overwritten, neither a backup nor a data folder
        self.assertIn("File exists", self.chiso("backup", *self.folders(r), "--to", to, code=4))
        out = self.chiso("restore", "--from", to, "--ingest", r.data_dir("ingest"), code=1)
        self.assertIn("not empty", out)
        # a restore that was killed: no service takes the folder for a new one
        r.services["ingest"].stop()
        kept = r.dir / "kept"
        r.data_dir("ingest").rename(kept)
        (r.data_dir("ingest") / "restore.unfinished").mkdir(parents=True)
        r.services["ingest"].start()
        self.assertEqual(r.services["ingest"].wait_exit(), 4)
        self.assertIn("was not finished", r.services["ingest"].tail(2))
        shutil.rmtree(r.data_dir("ingest"))
        kept.rename(r.data_dir("ingest"))
        r.services["ingest"].start()
        r.settle()
        self.assertIn("chiso backup", self.chiso("backup", "--to", r.dir / "x", code=2))
        self.assertIn("chiso restore", self.chiso("restore", "--from", to, code=2))
