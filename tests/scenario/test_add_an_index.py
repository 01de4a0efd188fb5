"""docs/add-an-index.md, followed to the letter: its files are written, its commands run, its outputs
compared, its corrections made, and its configuration given to the real services.

The page is read as it is for people:

    "Write `FILE`:" or "into `FILE`:"      the block that follows is the file
    ```console                             "$ " begins a command; what follows is its output, in which
                                           … stands for anything
    change `A` to `B` in `FILE`            A is there once
    indexes: … in a yaml block             goes into the configuration that the text before it names
"""
import os
import pathlib
import re
import shutil
import subprocess
import unittest

import rig
from rig import BIN, ROOT, get_json

PAGE = ROOT / "docs/add-an-index.md"
FENCE = re.compile(r"(?ms)^```(\w*)\n(.*?)^```\n")


def tutorial():
    """(text before, language, content) of each block of the ten minutes, and the text at the end."""
    page = PAGE.read_text(encoding="utf-8")
    part = re.search(r"(?ms)^## Ten minutes.*?(?=^## )", page)[0]
    start = 0
    for block in FENCE.finditer(part):
        yield part[start:block.start()], block[1], block[2]
        start = block.end()
    yield part[start:], "", ""


def commands(block):
    """[(command, output)]"""
    told = re.split(r"(?m)^\$ (.*)\n", block)
    assert told[0] == "", told[0]
    return list(zip(told[1::2], told[2::2]))


def pattern(output):
    """… within a line is anything; a line of its own any lines. A last line that ends in … goes on."""
    lines = []
    for line in output.splitlines():
        lines.append(r"(?:.*\n)*?" if line == "…" else
                     ".*".join(map(re.escape, line.split("…"))) + "\n")
    return re.compile("".join(lines) + r"\Z")


class Page(rig.Case):
    def setUp(self):
        self.rig_ = self.rig(units_of=[])
        self.folder = self.rig_.dir
        (self.folder / "build/release").mkdir(parents=True)
        (self.folder / "build/release/bin").symlink_to(BIN)
        (self.folder / "catalogs").symlink_to(ROOT / "catalogs")
        self.path = os.environ["PATH"]
        self.done = []

    def run_command(self, command, output):
        command = command.replace("http://127.0.0.1:8080", self.rig_.url)
        export = re.fullmatch(r'export PATH="\$PWD/([^:]+):\$PATH"', command)
        if export:  # the shell of the reader keeps it
            self.path = f"{self.folder / export[1]}:{self.path}"
            self.assertTrue((self.folder / export[1] / "chiso").exists(), export[1])
            return
        if command.startswith("curl "):
            self.start_again()
        env = {**rig.environment(), "PATH": self.path}
        env.pop("CHISO_CATALOGS", None)

        def as_told():
            got = subprocess.run(["bash", "-c", command], cwd=self.folder, env=env,
                                 capture_output=True, text=True, timeout=120)
            said = got.stdout + ("" if got.stdout.endswith("\n") or not got.stdout else "\n")
            return pattern(output).fullmatch(said) is not None, (got.returncode, said, got.stderr)
        if command.startswith("curl "):  # the new index is being filled
            self.rig_.wait(as_told, command)
        else:
            good, seen = as_told()
            self.assertTrue(good, f"$ {command}\n{seen}\nthe page says\n{output}")
            wrong = "lint" in command and "NOTE" not in output
            self.assertEqual(seen[0], 1 if wrong else 0, (command, seen))
            self.assertEqual(seen[2], "", command)
        self.done.append(command.split()[0:2])

    def configure(self, names, snippet):
        """The key of the snippet instead of that in the configuration of the services named."""
        for name in names:
            file = self.folder / name
            text, n = re.subn(r"(?m)^indexes: .*\n", snippet, file.read_text(encoding="utf-8"))
            self.assertEqual(n, 1, text)
            file.write_text(text, encoding="utf-8")

    def start_again(self):
        for service in ("publisher", "scorer"):
            self.rig_.services[service].stop()
            self.rig_.services[service].start()
        self.rig_.wait_ready("publisher")

    def change(self, text):
        for right, wrong, name in re.findall(r"change `([^`]+)` to `([^`]+)` in `([^`]+)`", text):
            file = self.folder / name
            content = file.read_text(encoding="utf-8")
            self.assertEqual(content.count(right), 1, right)
            file.write_text(content.replace(right, wrong), encoding="utf-8")
            self.done.append(["change", name])

    def test_ten_minutes(self):
        self.rig_.start()
        self.rig_.settle()
        for before, language, content in tutorial():
            self.change(before)
            name = re.search(r"`([^`\n]+)`:\s*$", before)
            if language == "console":
                for command, output in commands(content):
                    self.run_command(command, output)
            elif name is not None and language in ("yaml", "json"):
                file = self.folder / name[1]
                self.assertFalse(file.exists(), file)
                file.write_text(content, encoding="utf-8")
                self.done.append(["write", name[1]])
            elif language == "yaml" and content.startswith("indexes:"):
                names = re.findall(r"`(\w+\.yaml)`", before)
                self.assertEqual(sorted(names), ["publisher.yaml", "scorer.yaml"])
                self.configure(names, content)
                self.done.append(["configure", *names])
            else:
                self.assertEqual((language, content), ("", ""), before)
        did = [d[0] for d in self.done]
        self.assertEqual((did.count("write"), did.count("change"), did.count("configure")), (3, 2, 1))
        self.assertEqual([d[1] for d in self.done if d[0] == "chiso"],
                         ["lint", "lint", "explain", "evaluate"])
        # and all is as the page says: the other index goes on, verify finds nothing in either
        unit = get_json(f"{self.rig_.url}/api/v1/indexes/thu-nghiem-2026/2025/units/24")
        fed = get_json(f"{self.rig_.url}/api/v1/indexes/dvc-766/2025/units/24")
        shared = [p for p in fed["pillars"] if p["code"] == "tttt"][0]["points"]
        own = unit["pillars"][0]["indicators"]
        self.assertEqual([i["code"] for i in own], ["1.1", "1.2", "1.3"])
        self.assertEqual([i["status"] for i in own], ["scored", "missing", "missing"])
        self.assertEqual(own[0]["points"], shared)
        argv = [BIN / "chiso", "verify"]
        for service in rig.SERVICES:
            argv += [f"--{service}", self.rig_.data_dir(service)]
        page = PAGE.read_text(encoding="utf-8")
        told = re.search(r"(?s)`chiso verify` takes every index.*?`([^`]+)`", page)[1].split()

        def verified():  # once what is on its way has come through
            got = subprocess.run([*map(str, argv), *told], cwd=self.folder, capture_output=True,
                                 text=True, env=rig.environment(), timeout=120)
            return (got.returncode == 0 and got.stdout.rstrip().endswith("0 findings"),
                    got.stdout + got.stderr)
        self.rig_.wait(verified, "chiso verify finds nothing")

    def test_the_rules_of_the_table_are_rules(self):
        """Every rule that the reference shows in a line of its table can be written like this."""
        page = PAGE.read_text(encoding="utf-8")
        rules = re.findall(r"(?m)^\| `(\{[^`]+\})` \|", page)
        self.assertGreaterEqual(len(rules), 8)
        shutil.copytree(ROOT / "catalogs", self.folder / "copy")
        head = ('format: "1"\nindex: "x"\ntitle: "X"\ndecision: "1"\ndate: "2026-01-15"\nissuer: "Y"\n'
                'levels: [province]\nmax: "10"\npillars:\n  - code: "1"\n    title: "Một"\n    max: "10"\n'
                '    indicators:\n      - code: "1.1"\n        title: "Chỉ số"\n        max: "10"\n'
                '        rule: ')
        for rule in rules:
            with self.subTest(rule=rule):
                children = ""
                if "children" in rule:
                    children = ('        children:\n          - {code: "1.1.1", title: "Con", max: "10", '
                                'rule: {points: given}}\n')
                rule = rule.replace("{…}", "{of: [a], over: [b]}").replace(", …", "")
                rule = rule.replace('max: "1"', 'max: "10"')
                file = self.folder / "copy/x.yaml"
                file.write_text(head + rule + "\n" + children, encoding="utf-8")
                got = subprocess.run([BIN / "chiso", "explain", "--index", str(file), "1.1"],
                                     capture_output=True, text=True, env=rig.environment(), timeout=60)
                self.assertEqual(got.returncode, 0, got.stdout + got.stderr)


if __name__ == "__main__":
    unittest.main()
