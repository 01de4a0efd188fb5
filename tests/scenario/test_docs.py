"""docs/operate.md and docs/recover.md against what is there: every command of them is run by a
test, most of them here, on a machine that is set up as the pages say."""
import functools
import json
import pathlib
import random
import re
import struct
import subprocess
import unittest

import docs
import machine
import rig
from rig import ROOT, SERVICES

PAGES = ("operate.md", "recover.md")
TAKEN = re.compile(r'docs\.(?:script|block)\(\s*"([^"]+)",\s*"([^"]+)"(?:,\s*(\d+))?\s*\)')


def uses(source, block):
    """Does a test's source take the block from the page, or hold each of its commands?"""
    for page, section, number in TAKEN.findall(source):
        if (page, section, int(number or 1)) == (block.page, block.section, block.number):
            return True
    source = docs.plain(source)
    return bool(block.commands()) and all(c in source for c in block.commands())


class Marks(unittest.TestCase):
    def test_every_command_is_run_by_a_test(self):
        wrong = []
        for page in PAGES:
            for b in docs.shell_blocks(page):
                if not b.commands():
                    wrong.append(f"{b}: no command in it; what is printed is ```text or ```json")
                if not b.run_by:
                    wrong.append(f"{b}: no <!-- run by: scenario_NAME --> before it: {b.lines[0]}")
                for name in b.run_by:
                    file = ROOT / "tests/scenario" / name.replace("scenario_", "test_", 1)
                    file = file.with_suffix(".py")
                    if not file.exists():
                        wrong.append(f"{b}: there is no test {name}")
                    elif not uses(file.read_text(), b):
                        wrong.append(f"{b}: {file.name} has neither docs.script(\"{b.page}\", "
                                     f"\"{b.section}\", {b.number}) nor its commands")
        self.assertEqual(wrong, [], "\n" + "\n".join(wrong))


class Runbook(unittest.TestCase):
    """Every failure has its place on the pages."""

    def sections(self):
        parts = re.split(r"(?m)^#+ (.*)$", (ROOT / "docs/recover.md").read_text())
        return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-"): text
                for title, text in zip(parts[1::2], parts[2::2])}

    def test_alerts(self):
        sections = self.sections()
        rules = (ROOT / "deploy/observe/rules.yml").read_text()
        found = re.findall(r"(?s)- alert: (\w+).*?runbook: docs/recover.md#(\S+)", rules)
        self.assertGreaterEqual(len(found), 19)
        missing = [(alert, place) for alert, place in found
                   if f"`{alert}`" not in sections.get(place, "")]
        self.assertEqual(missing, [], "not told where its runbook points")

    def test_errors(self):
        """What a service logs as an error is on one of the pages."""
        pages = "".join((ROOT / "docs" / page).read_text() for page in PAGES)
        said = {m for folder in ("libs", "services") for f in (ROOT / folder).rglob("*.c")
                for m in re.findall(r'log_error\(\s*"((?:[^"\\]|\\.)*)"', f.read_text())}
        self.assertGreater(len(said), 20)
        self.assertEqual({m for m in said if f"`{m}" not in pages and f'"{m}"' not in pages},
                         set())


@functools.cache
def installed():
    """The machine, with what the page installs."""
    machine.enter()
    for script in (docs.script("operate.md", "Install"), docs.script("operate.md", "Install", 2)):
        # of a machine that has its packages apt-get only says what it would do
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=ROOT,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=800,
                              env={**rig.environment(), "DEBIAN_FRONTEND": "noninteractive",
                                   "APT_CONFIG": simulated()})
        if done.returncode != 0:
            raise AssertionError(f"exit code {done.returncode}:\n{script}\n"
                                 f"{(done.stdout + done.stderr).decode()[-3000:]}")


def simulated():
    file = "/etc/chiso-apt.conf"  # the machine's
    with open(file, "w") as f:
        f.write('APT::Get::Simulate "true";\n')
    return file


class Commands(rig.Case):
    def machine(self, **options):
        installed()
        m = machine.Machine(installed=True, **options)
        self._rigs.append(m)
        self.addCleanup(m.close)
        return m

    def test_configuration(self):
        """A wrong file is told as the page shows it, by the installed program."""
        m = self.machine()
        b = docs.block("operate.md", "Configuration")
        text = rig.yaml_text(m.settings("ingest"))
        lines = [x for x in text.splitlines() if not x.strip().startswith("units_of:")]
        at = next(i for i, x in enumerate(lines) if x.strip().startswith("every:"))
        lines[at] = re.sub(r"every:.*", "every: 5", lines[at])
        (m.dir / "i.yaml").write_text("\n".join(lines) + "\n")
        said = m.run(b.script(), code=3, cwd=m.dir)
        self.assertEqual(said, "".join(x + "\n" for x in b.lines if not x.startswith("$ ")))

    def test_keys(self):
        m = self.machine()
        b = docs.block("operate.md", "CURVE keys")
        (m.config("ingest").parent / "keys").mkdir()
        self.assertEqual(m.run(b.script()).split(), b.lines[1:])
        m.run("rm -r keys")
        m.run(docs.script("operate.md", "CURVE keys", 2))
        m.secure()
        m.start()
        m.settle()

    def test_watching_and_verifying(self):
        m = self.machine()
        m.start()
        m.settle()
        for s in SERVICES:
            m.wait(lambda: m.watch(s, "ready").status == 200, f"{s} is ready")

        def all_ready():  # one that stood still for a moment is not, and will be again
            said = m.run(docs.script("operate.md", "Metrics and health"))
            screen = m.run(docs.script("operate.md", "Prometheus, Grafana, one screen"))
            ready = [re.search(rf"(?m)^{s} +ready ", screen) for s in SERVICES]
            return json.loads(said)["ready"] and all(ready), said + screen
        m.wait(all_ready, "the commands say that all are ready")
        for script in (docs.script("operate.md", "Verifying"), docs.script("recover.md", "Recovering")):
            self.assertIn("\n0 findings\n", m.run(script))

    def test_backing_up_moving_compacting(self):
        m = self.machine(every="200ms", portals=1)
        rng = random.Random(5)
        m.start()
        m.settle()
        m.run("mkdir -p /backup")

        def change():
            m.random_change(rng)
            m.tick()
        said = m.run(docs.script("operate.md", "Back up and restore"), tick=change)
        self.assertRegex(said, r"(?m)^ingest: journal 1\.\.\d+, store \d+ bytes$")
        m.run(docs.script("operate.md", "Back up and restore", 2), tick=change)
        m.settle()
        m.wait_delivered()
        told = len(m.portals[0].raw_lines())
        for script in (docs.script("operate.md", "Move"), docs.script("operate.md", "Move", 2)):
            m.run(script)  # one life: nobody is told anything
            m.settle()
            m.wait_delivered()
            self.assertEqual(len(m.portals[0].raw_lines()), told)
        said = m.run(docs.script("operate.md", "Compact"))
        self.assertRegex(said, r"data\.mdb: \d+ bytes before, \d+ after")
        m.settle()
        m.verify()
        m.check_portal_order(m.portals[0], whole=False)

    def test_quarantine_and_replay(self):
        """Rows that jump are held back, released and dropped; the archive is read again."""
        m = self.machine(periods=("2025-10",), units_of=())
        source = pathlib.Path("/usr/local/share/chiso/sources/dvc-766.yaml")
        as_installed = source.read_text()
        self.addCleanup(source.write_text, as_installed)
        line = next(x for x in as_installed.splitlines() if "dvc-766.mdhl" in x)
        source.write_text(as_installed.replace(
            line, line.replace("min: ", 'jump: {most: "1", of: points}, min: ', 1)))
        m.open_door({"operator": ("operator", [])})
        m.door["port"] = 8090
        m.start()
        m.settle()
        (m.config("ingest").parent / "operator.token").write_text(m.tokens["operator"] + "\n")
        m.run("chmod 0600 operator.token")
        for n, row in enumerate(m.source.rows("0_2025-10")[:3], 1):
            m.set("0_2025-10", row["ID"], "MDHL", "1.5")
            m.wait(lambda: (len(m.quarantine()) == n, m.quarantine()), f"{n} in quarantine")
        said = m.run(docs.script("recover.md", "A source"))
        self.assertEqual([json.loads(x)["number"] for x in said.splitlines()], [1, 2, 3, 2])
        said = m.run(docs.script("recover.md", "A source", 2))
        self.assertEqual(re.findall(r'"number":"(\d+)","done":"(\w+)"', said),
                         [("2", "released"), ("3", "dropped")])
        self.assertIn("confirmed wrong by the province", said)
        self.assertEqual([e["number"] for e in m.quarantine()], [1])
        said = m.run(docs.script(
            "recover.md", "Figures moved strangely, or the description was wrong"))
        self.assertEqual(re.findall(r'"applied":(\w+)', said), ["false", "true"])

    def test_past_periods(self):
        m = self.machine()
        m.open_door({"operator": ("operator", [])})
        m.door["port"] = 8090
        m.start()
        (m.config("ingest").parent / "operator.token").write_text(m.tokens["operator"] + "\n")
        m.run("chmod 0600 operator.token")
        said = m.run(docs.script("operate.md", "Asking for past periods"))
        self.assertEqual(json.loads(said.splitlines()[-1])["state"], "ended")

    def test_loss_and_damage(self):
        m = self.machine()
        m.start()
        m.settle()
        m.run(docs.script("recover.md", "A service lost its data folder"))
        m.settle()
        m.services["ingest"].stop()  # a copy of what is being written is none
        m.run("rm -rf bad && cp -r $I bad")
        file = m.config("ingest").parent / "bad" / "data.mdb"
        data = bytearray(file.read_bytes())
        record = re.escape(struct.pack(">Q", 1) + b"\x01")  # number and version of the first
        places = [f.start() + 8 + 1 + 4 + 32 + 20 for f in re.finditer(record, bytes(data), re.S)]
        self.assertTrue(places)
        for at in places:
            data[at] ^= 1
        file.write_bytes(data)
        b = docs.block("recover.md", "Damaged data")
        self.assertIn(b.lines[1] + "\n", m.run(b.script(), code=1))


if __name__ == "__main__":
    unittest.main()
