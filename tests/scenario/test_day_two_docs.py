"""The commands of docs/operate.md on backups, moving and compacting, run as they stand there."""
import re
import subprocess

import rig
from backups import Moving
from rig import SERVICES

OPERATE = rig.ROOT / "docs/operate.md"


def commands(section):
    """The lines of the code blocks of a section."""
    text = OPERATE.read_text(encoding="utf-8").split(f"\n## {section}\n", 1)[1]
    text = text.split("\n## ", 1)[0]
    blocks = re.findall(r"(?ms)^```\n(.*?)^```$", text)
    return [line for block in blocks for line in block.splitlines()]


class Docs(Moving):
    def data_dirs(self, r):
        """/var/lib/chiso and /backup of the page are folders of the rig."""
        r.data_dir = lambda s: r.dir / "chiso" / s
        (r.dir / "backup").mkdir()

    def run_lines(self, r, lines):
        ran = 0
        for line in lines:
            words = line.split()
            if words[0] == "systemctl":
                for name in words[2:]:
                    service = name.removeprefix("chiso-")
                    self.assertIn(service, SERVICES)
                    getattr(r.services[service], words[1])()
                continue
            own = line.replace("/var/lib/chiso", str(r.dir / "chiso"))
            own = own.replace("/backup/", f"{r.dir}/backup/")
            p = subprocess.run(["bash", "-euc", own], capture_output=True, text=True,
                               env={**rig.environment(), "PATH": f"{rig.BIN}:/usr/bin:/bin"})
            self.assertEqual(p.returncode, 0, f"{line}\n{p.stdout}{p.stderr}")
            ran += 1
            r.random_change(self.rng)
        self.assertGreater(ran, 0)

    def test_every_section(self):
        r = self.rig(every="100ms", retry_after="100ms", periods=["2025"], units_of=[])
        self.data_dirs(r)
        self.rng = rig.random.Random(3)
        r.start()
        r.settle()
        for section in ("Back up and restore", "Move", "Compact"):
            with self.subTest(section=section):
                self.run_lines(r, commands(section))
                r.settle()
                r.verify()
        r.check_portal_order(r.portals[0], whole=False)
