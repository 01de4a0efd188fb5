"""The commands of the documentation, for the tests that run them.

    docs.script("operate.md", "Rotate keys")      the first shell block below that heading
    docs.script("operate.md", "Rotate keys", 2)   the second

A shell block is a fenced one without a language, or with sh, bash or console. Lines that begin with
"$ " are its commands and the rest what they print; in a block without such lines all are commands.
The line before a block names the test that runs it: <!-- run by: scenario_NAME -->. test_docs.py
holds pages and tests against each other, see CONTRIBUTING.md.
"""
import re

from rig import ROOT

SHELL = ("", "sh", "bash", "console")


class Block:
    """One fenced block of a page."""

    def __init__(self, page, line, section, language, run_by):
        self.page, self.line, self.section, self.language = page, line, section, language
        self.run_by = run_by  # names of tests
        self.number = 0       # among the shell blocks of its section, from 1
        self.lines = []

    def __str__(self):
        return f"docs/{self.page}:{self.line}"

    def text(self):
        return "\n".join(self.lines) + "\n"

    def script(self):
        """What a shell is to be given."""
        if not any(line.startswith("$ ") for line in self.lines):
            return self.text()
        taken, more = [], False
        for line in self.lines:
            if more or line.startswith("$ "):
                taken.append(line if more else line[2:])
                more = line.endswith("\\")
        return "\n".join(taken) + "\n"

    def commands(self):
        """Its command lines, continued ones joined, without comments and blank lines."""
        joined = self.script().replace("\\\n", " ")
        return [plain(line) for line in joined.splitlines()
                if line.strip() and not line.lstrip().startswith("#")]


def plain(text):
    return " ".join(text.split())


def blocks(page):
    """Every fenced block of docs/PAGE, in order."""
    found, section, run_by, counts, block = [], "", [], {}, None
    for number, line in enumerate((ROOT / "docs" / page).read_text().splitlines(), 1):
        fence = re.fullmatch(r"\s*```(\w*)\s*", line)
        if block is not None:
            if fence:
                found.append(block)
                block = None
            else:
                block.lines.append(line[indent:])
            continue
        heading = re.match(r"#+ (.*)", line)
        mark = re.fullmatch(r"\s*<!-- run by: ([a-z0-9_ ,]+) -->\s*", line)
        if fence:
            block = Block(page, number, section, fence[1], run_by)
            indent = len(line) - len(line.lstrip())
            if block.language in SHELL:
                counts[section] = counts.get(section, 0) + 1
                block.number = counts[section]
            run_by = []
        elif heading:
            section = heading[1].strip()
        elif mark:
            run_by = re.findall(r"\w+", mark[1])
        elif line.strip():
            run_by = []
    if block is not None:
        raise AssertionError(f"{block}: the block has no end")
    return found


def shell_blocks(page):
    return [b for b in blocks(page) if b.language in SHELL]


def block(page, section, number=1):
    for b in shell_blocks(page):
        if (b.section, b.number) == (section, number):
            return b
    raise AssertionError(f"docs/{page} has no shell block {number} in '{section}'")


def script(page, section, number=1):
    return block(page, section, number).script()
