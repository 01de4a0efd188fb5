"""docs/add-a-source.md, followed to the letter: see test_add_an_index.py for how the page is read.
The replay that the page starts is the rig's own; its port takes the place of 18200."""
import os
import re
import subprocess
import unittest

import rig
import test_add_an_index as index_page
from rig import BIN, ROOT, get_json

PAGE = ROOT / "docs/add-a-source.md"
DIALECTS = ROOT / "tests/fixtures/dialects"
ENTRY = "  - id: "


def blocks():
    page = PAGE.read_text(encoding="utf-8")
    part = re.search(r"(?ms)^## Ten minutes.*?(?=^## )", page)[0]
    start = 0
    for block in index_page.FENCE.finditer(part):
        yield part[start:block.start()], block[1], block[2]
        start = block.end()


class Page(rig.Case):
    def setUp(self):
        self.r = self.rig(units_of=[], portals=0, dialects=DIALECTS)
        self.folder = self.r.dir
        (self.folder / "build/release").mkdir(parents=True)
        (self.folder / "my-sources").mkdir()
        (self.folder / "build/release/bin").symlink_to(BIN)
        for name in ("catalogs", "tests"):
            (self.folder / name).symlink_to(ROOT / name)
        self.path = os.environ["PATH"]
        self.commands = []
        self.written = []

    def here(self, text):
        return text.replace("http://127.0.0.1:18200", self.r.replay_url).replace(
            "http://127.0.0.1:8080", self.r.url)

    def run_command(self, command, output):
        self.commands.append(command.split()[0])
        export = re.fullmatch(r'export PATH="\$PWD/([^:]+):\$PATH"', command)
        if export:
            self.path = f"{self.folder / export[1]}:{self.path}"
            return
        if command.startswith("chiso-replay "):
            self.assertEqual(command.split()[1:5], ["--fixtures", "tests/fixtures/dvc766", "--dialects",
                                                    "tests/fixtures/dialects"])
            return
        if "/api/v1/" in command:
            for service in reversed(rig.SERVICES):
                self.r.services[service].stop()
            for service in rig.SERVICES:
                self.r.services[service].start()
            self.r.wait_ready("publisher")

        def as_told():
            got = subprocess.run(["bash", "-c", self.here(command)], cwd=self.folder,
                                 env={**rig.environment(), "PATH": self.path}, capture_output=True,
                                 timeout=120)
            said = got.stdout.decode("utf-8-sig").replace("\r\n", "\n")
            said += "" if said.endswith("\n") or not said else "\n"
            return (index_page.pattern(output).fullmatch(said) is not None,
                    (got.returncode, said[:4000], got.stderr))
        if "/api/v1/" in command:
            self.r.wait(as_told, command)
        else:
            good, seen = as_told()
            self.assertTrue(good, f"$ {command}\n{seen}\nthe page says\n{output}")
            self.assertEqual((seen[0], seen[2]), (0, b""), command)

    def change(self, text):
        for right, wrong, name in re.findall(r"change `([^`]+)` to `([^`]+)`\s+in `([^`]+)`", text):
            file = self.folder / name
            content = file.read_text(encoding="utf-8")
            self.assertEqual(content.count(right), 1, right)
            file.write_text(content.replace(right, wrong), encoding="utf-8")
            self.written.append(name)

    def put(self, before, content):
        """A file of the page, an entry of ingest's sources, or the indexes of the two others."""
        name = re.search(r"Write `([^`\n]+)`[^\n]*:\s*$", before)
        if name:
            (self.folder / name[1]).write_text(self.here(content), encoding="utf-8")
            self.written.append(name[1])
        elif content.startswith(ENTRY):
            file = self.folder / "ingest.yaml"
            text, n = re.subn(r"(?ms)^(sources:\n.*?)(?=^\S|\Z)",
                              lambda m: m[1] + self.here(content), file.read_text(encoding="utf-8"),
                              count=1)
            self.assertEqual(n, 1)
            file.write_text(text, encoding="utf-8")
            self.written.append("ingest.yaml")
        else:
            self.assertTrue(content.startswith("indexes:"), content)
            for name in re.findall(r"`(\w+\.yaml)`", before.rstrip().rpartition("\n")[2]):
                file = self.folder / name
                text, n = re.subn(r"(?m)^indexes: .*\n", content, file.read_text(encoding="utf-8"))
                self.assertEqual(n, 1)
                file.write_text(text, encoding="utf-8")
                self.written.append(name)

    def test_ten_minutes(self):
        self.r.start()
        for before, language, content in blocks():
            self.change(before)
            if language == "console":
                for command, output in index_page.commands(content):
                    self.run_command(command, output)
            else:
                self.assertEqual(language, "yaml", content)
                self.put(before, content)
        self.assertEqual(self.written, ["my-sources/van-ban.yaml", "try.yaml", "my-sources/van-ban.yaml",
                                        "my-sources/van-ban.yaml", "ingest.yaml", "scorer.yaml",
                                        "publisher.yaml"])
        self.assertEqual(self.commands, ["export", "chiso-replay", "curl", "chiso", "printf", "chiso",
                                         "chiso", "chiso", "chiso-ingest", "curl"])
        unit = get_json(f"{self.r.url}/api/v1/indexes/hd-department-2024/2024/units/30.so-cong-thuong")
        got = [i for p in unit["pillars"] for i in p["indicators"] if i["code"] == "6.1"]
        self.assertEqual((got[0]["status"], got[0]["points"]), ("scored", "0"))  # 0 of 980, and known

    def test_every_key_of_the_form_is_in_the_reference(self):
        form = (ROOT / "libs/source/form.c").read_text()
        page = PAGE.read_text(encoding="utf-8")
        for key in set(re.findall(r'(?:OPTIONAL|REQUIRED|LIST|PART|BOOL)\("(\w+)"', form)):
            self.assertTrue(re.search(rf"`[^`\n]*\b{key}\b[^`\n]*`", page), key)


if __name__ == "__main__":
    unittest.main()
