"""What the tests of backups have in common: commands, and an outsider's look into a store."""
import json
import random
import shutil
import subprocess
import time

import rig
from rig import SERVICES

def dump(folder):
    """{table: {key: value}} as LMDB's own tool prints them, from a copy of the file."""
    copy = folder.parent / f"{folder.name}.dumped"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    shutil.copy(folder / "data.mdb", copy / "data.mdb")
    code, out, err = rig.run(["mdb_dump", "-a", copy])
    shutil.rmtree(copy)
    if code != 0:
        raise AssertionError(f"mdb_dump {folder}: exit {code}: {err}")
    tables, table, lines = {}, None, None
    for line in out.splitlines():
        if line.startswith("database="):
            table = line.partition("=")[2]
        elif line == "HEADER=END":
            lines = []
        elif line == "DATA=END":
            tables[table] = dict(zip(lines[::2], lines[1::2]))
            lines = None
        elif lines is not None:
            lines.append(line)
    return tables


class Moving(rig.Case):
    def ready(self, **options):
        r = self.rig(every="100ms", retry_after="100ms", periods=["2025"], units_of=[], **options)
        r.start()
        r.settle()
        self.rng = random.Random(7)
        return r

    def folders(self, r, services=SERVICES):
        return [a for s in services for a in (f"--{s}", r.data_dir(s))]

    def chiso(self, *args, code=0):
        got, out, err = rig.run([rig.BIN / "chiso", *args])
        self.assertEqual(got, code, f"chiso {args}: exit {got}\n{out}{err}")
        return out + err

    def backup(self, r, name, running=True):
        """Taken while figures change all the time; a running one cannot be refused."""
        to = r.dir / name
        p = subprocess.Popen([str(a) for a in (rig.BIN / "chiso", "backup", *self.folders(r),
                                               "--to", to)],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             env=rig.environment())
        while p.poll() is None:
            if running:
                r.random_change(self.rng)
                r.tick()
            time.sleep(0.01)
        out = p.stdout.read()
        p.stdout.close()
        self.assertEqual(p.returncode, 0, out)
        return to, json.loads((to / "manifest.json").read_text())

    def wait_moved(self, r, manifest):
        """Until ingest's journal is ahead of that backup."""
        head = int(manifest["services"]["ingest"]["journal"]["head"])

        def moved():
            r.random_change(self.rng)
            now = r.journal("ingest")[-1]["seq"]
            return now > head, (now, head)
        r.wait(moved, "figures change", poll=0.1)

    def restored(self, r, to, name, *more):
        """Into new folders, which the services of the rig have from now on."""
        r.data = r.dir / name
        r.data.mkdir()
        return self.chiso("restore", "--from", to, *more, *self.folders(r))

    def check_line(self, manifest):
        """No consumer is ahead of the producer that it would go on from."""
        s = manifest["services"]
        for consumer, producer in (("publisher", "scorer"), ("scorer", "ingest")):
            self.assertEqual(s[consumer]["reads"]["epoch"], s[producer]["journal"]["epoch"])
            self.assertLessEqual(int(s[consumer]["reads"]["next"]),
                                 int(s[producer]["journal"]["head"]) + 1)
