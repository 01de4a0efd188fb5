"""chiso lint: over the shipped catalogs, and over made-up ones with one mistake each."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unicodedata
import unittest

ROOT = pathlib.Path(os.environ.get("CHISO_ROOT", pathlib.Path(__file__).resolve().parents[2]))
BIN = pathlib.Path(os.environ.get("CHISO_BIN", ROOT / "build/asan/bin"))
CATALOGS = ROOT / "catalogs"


def chiso(*arguments):
    env = {**os.environ, "CHISO_CATALOGS": str(CATALOGS)}
    env.setdefault("ASAN_OPTIONS", "detect_leaks=1:exitcode=99")
    env.setdefault("UBSAN_OPTIONS", "halt_on_error=1:exitcode=99")
    done = subprocess.run([BIN / "chiso", *map(str, arguments)], env=env, capture_output=True,
                          text=True, timeout=120)
    if re.search(r"Sanitizer|runtime error:", done.stderr):
        raise AssertionError(done.stderr)
    return done


MADE_UP = """\
format: "1"
index: made-up
title: "Chỉ số bịa ra"
decision: "1/QĐ-UBND"
date: "2025-01-15"
issuer: "UBND tỉnh"
levels: [province]
periods: [year]
max: "40"
stated:
  max: "40"
  indicators: "4"
pillars:
  - code: "1"
    title: "Một"
    max: "25"
    indicators:
      - code: "1.1"
        title: "Tỷ lệ"
        max: "10"
        rule: {ratio: {of: ["a"], over: ["b"], subset: true}}
        inputs: {a: "some", b: "all"}
      - code: "1.2"
        title: "Mức"
        max: "15"
        rule:
          ratio:
            of: ["a"]
            over: ["b"]
            bands: [{from: "0.8", share: "1"}, {from: "0.5", share: "1/2"}]
            subset: true
        inputs: {a: "some", b: "all"}
  - code: "2"
    title: "Hai"
    max: "15"
    indicators:
      - code: "2.1"
        title: "Lựa chọn"
        max: "5"
        rule: {options: ["1", "1/2", "0"]}
      - code: "2.2"
        title: "Hai phần"
        max: "10"
        rule:
          parts:
            - {max: "4", checklist: ["1/2", "1/2"]}
            - {max: "6", options: ["1", "0"]}
"""
MADE_UP_FIGURES = """\
format: "1"
figures:
  - {id: "some", title: "Một số", unit: "cái", kind: count, provider: unit}
  - {id: "all", title: "Tất cả", unit: "cái", kind: count, provider: unit}
"""
MISTAKES = {  # what is wrong: replaced text, by what
    "total is not the sum": ('max: "40"\nstated', 'max: "41"\nstated'),
    "pillar is not the sum": ('max: "25"', 'max: "26"'),
    "pillars and total agree, indicators do not": ('max: "5"', 'max: "6"'),
    "parts are not the sum": ('max: "4"', 'max: "3"'),
    "a code twice": ('code: "1.2"', 'code: "1.1"'),
    "a code twice, in two pillars": ('code: "2.1"', 'code: "1.1"'),
    "a pillar twice": ('code: "2"', 'code: "1"'),
    "unknown figure": ('inputs: {a: "some", b: "all"}\n  - code: "2"',
                       'inputs: {a: "some", b: "every"}\n  - code: "2"'),
    "unknown key": ('issuer: "UBND', 'isuer: "UBND'),
    "unknown key of an indicator": ('title: "Mức"', 'tittle: "Mức"'),
    "unknown key of a rule": ('over: ["b"], subset', 'uber: ["b"], subset'),
    "unknown rule": ('{options: ["1", "1/2", "0"]}', '{choices: ["1", "1/2", "0"]}'),
    "no rule": ('        rule: {options: ["1", "1/2", "0"]}\n', ""),
    "bands out of order": ('[{from: "0.8", share: "1"}, {from: "0.5", share: "1/2"}]',
                           '[{from: "0.5", share: "1/2"}, {from: "0.8", share: "1"}]'),
    "a band twice": ('{from: "0.5"', '{from: "0.8"'),
    "two rules": ('{options: ["1", "1/2", "0"]}',
                  '{options: ["1", "1/2", "0"], ratio: {of: ["a"], over: ["b"]}}'),
    "unused input": ('{a: "some", b: "all"}\n      - code: "1.2"',
                     '{a: "some", b: "all", c: "all"}\n      - code: "1.2"'),
    "a quantity without figure": ('{a: "some", b: "all"}\n      - code: "1.2"',
                                  '{a: "some"}\n      - code: "1.2"'),
    "bad fraction 1/0": ('"1/2", "0"]', '"1/0", "0"]'),
    "bad fraction 1/": ('"1/2", "0"]', '"1/", "0"]'),
    "bad fraction half": ('"1/2", "0"]', '"half", "0"]'),
    "bad fraction -1/2": ('"1/2", "0"]', '"-1/2", "0"]'),
    "share above 1": ('["1", "1/2", "0"]', '["1", "3/2", "0"]'),
    "band share above 1": ('share: "1"}', 'share: "5/4"}'),
    "options never reach the maximum": ('["1", "1/2", "0"]', '["3/4", "1/2", "0"]'),
    "checklist never reaches the maximum": ('["1/2", "1/2"]', '["1/2", "1/4"]'),
    "checklist goes beyond the maximum": ('["1/2", "1/2"]', '["1/2", "3/4"]'),
    "a maximum of nothing": ('max: "5"', 'max: "0"'),
    "a negative maximum": ('max: "5"', 'max: "-5"'),
    "a maximum that is no number": ('max: "5"', 'max: "five"'),
    "unknown level": ("levels: [province]", "levels: [planet]"),
    "a level twice": ("levels: [province]", "levels: [province, province]"),
    "unknown period": ("periods: [year]", "periods: [half-year]"),
    "a period twice": ("periods: [year]", "periods: [year, year]"),
    "a period that is no list": ("periods: [year]", "periods: year"),
    "a date that is none": ('date: "2025-01-15"', 'date: "15/01/2025"'),
    "a day that is none": ('date: "2025-01-15"', 'date: "2025-02-29"'),
    "a month that is none": ('date: "2025-01-15"', 'date: "2025-13"'),
    "a date that is a year": ('date: "2025-01-15"', 'date: "2025"'),
    "an empty date": ('date: "2025-01-15"', 'date: ""'),
}
# what lint finds, by what it is about: replaced text, by what; the line and what is said of it
FINDINGS = {
    "sums": [
        ('max: "40"\nstated', 'max: "41"\nstated', 9, "max: is 41; expected the sum of its parts, 40"),
        ('max: "25"', 'max: "26"', 16, "max: is 26; expected the sum of its parts, 25"),
        ('max: "4"', 'max: "3"', 45, "the parts sum to 9; expected the maximum, 10"),
    ],
    "counts and totals that the document states": [
        ('indicators: "4"', 'indicators: "5"', 12,
         "DOCUMENT the document states 5 indicators, its details list 4"),
        ('stated:\n  max: "40"', 'stated:\n  max: "40.5"', 11,
         "DOCUMENT the document states a total of 40.5, the listed indicators sum to 40.00"),
        ('    title: "Một"\n', '    title: "Một"\n    stated: {indicators: "3"}\n', 16,
         "DOCUMENT pillar 1: the document states 3 indicators, its details list 2"),
        ('    title: "Một"\n', '    title: "Một"\n    stated:\n      max: "26"\n      indicators: "2"\n', 17,
         "DOCUMENT pillar 1: the document states a total of 26, the listed indicators sum to 25.00"),
        ('    title: "Một"\n', '    title: "Một"\n    stated: {max: "much"}\n', 16,
         "ERROR pillar 1: stated.max 'much'; expected a decimal"),
        ('indicators: "4"', 'indicators: "four"', 12, "ERROR stated count 'four'"),
        ('  max: "40"\n', '  max: "forty"\n', 11, "ERROR stated.max 'forty'"),
        ("stated:\n", "partial: true\nstated:\n", 10,
         "ERROR partial: true, but the listed indicators sum to the stated total"),
    ],
    "bands that overlap or are out of reach": [
        ('{from: "0.5"', '{from: "0.8"', 30, "'0.8' is never reached; expected less than the band above"),
        ('[{from: "0.8", share: "1"}, {from: "0.5", share: "1/2"}]',
         '[{from: "0.5", share: "1"}, {from: "0.8", share: "1/2"}]', 30, "'0.8' is never reached"),
        ('from: "0.8", share: "1"}', 'from: "1.1", share: "1"}', 23,
         "ERROR 1.2: the band from 1.1 is never reached"),
        ('from: "0.5", share: "1/2"', 'from: "0.5", share: "1"', 23,
         "ERROR 1.2: the band from 0.5 earns what the one above earns"),
        ('from: "0.8", share: "1"}', 'from: "0.8", share: "3/4"}', 23,
         "ERROR 1.2: the highest band does not earn the maximum"),
        ('from: "0.8", share: "1"}, {from: "0.5", share: "1/2"}',
         'from: "0.8", share: "1/2"}, {from: "0.5", share: "1"}', 23,
         "NOTE 1.2: a lower band earns more than the one above"),
    ],
    "limits": [
        ('over: ["b"], subset', 'over: ["b"], target: "1.5", below: prorated, subset', 18,
         "ERROR 1.1: the target is above 1 and never reached"),
        ('over: ["b"], subset', 'over: ["b"], floor: "1.5", subset', 18, "ERROR 1.1: the floor is above 1"),
        ('over: ["b"], subset', 'over: ["b"], target: "0.5", below: zero, floor: "0.5", subset', 18,
         "ERROR 1.1: the floor is not below the target"),
        ('over: ["b"], subset', 'over: ["b"], below: zero, subset', 21, "has below without target"),
        ('{options: ["1", "1/2", "0"]}', '{count: {target: "5", below: "1"}}', 37,
         "ERROR 2.1: below the target all is earned"),
        ('over: ["b"], subset', 'over: ["b"], target: "0.8", below: zero, floor: "0.5", subset', 18,
         "ERROR 1.1: the floor is idle"),
        ('of: ["a"], over: ["b"], subset: true}', 'of: ["a", "b"], constant: "7", when_zero: full}', 18,
         "ERROR 1.1: when_zero is idle: the constant denominator is never 0"),
    ],
    "options and checklists": [
        ('["1", "1/2", "0"]', '["3/4", "1/2", "0"]', 37, "ERROR 2.1: no option earns the maximum"),
        ('["1", "1/2", "0"]', '["1", "1", "1"]', 37, "ERROR 2.1: the options do not differ"),
        ('["1", "1/2", "0"]', '["1", "3/2", "0"]', 40, "'3/2'; expected a share of at most 1"),
        ('["1/2", "1/2"]', '["1/2", "1/4"]', 46, "the shares sum to 3/4; expected 1"),
        ('["1/2", "1/2"]', '["1", "0"]', 41, "ERROR 2.2: item 2 of the checklist earns nothing"),
        ('["1", "1/2", "0"]}', '["1", "1/2", "0"], texts: ["Có", "Một phần", "Có"]}', 37,
         "ERROR 2.1: options 1 and 3 have one text"),
    ],
    "inputs": [
        ('{a: "some", b: "all"}\n      - code: "1.2"',
         '{a: "some", b: "all", c: "all"}\n      - code: "1.2"', 22, "the rule does not read 'c'"),
        ('{a: "some", b: "all"}\n      - code: "1.2"', '{a: "some"}\n      - code: "1.2"', 18,
         "ERROR 1.1: 1 of the quantities it reads name no figure"),
        ('{a: "some", b: "all"}\n  - code: "2"', '{a: "some", b: "every"}\n  - code: "2"', 32,
         "'every' is not in the figure dictionary"),
        ('over: ["b"], subset', 'over: ["f"], subset', 21, "'f'; expected a letter a to e"),
        ('over: ["b"], subset', 'over: ["b*0"], subset', 21, "'0' is a weight of nothing"),
        ('of: ["a"], over: ["b"], subset', 'of: ["a"], over: ["a", "b", "b"], subset', 18,
         "ERROR 1.1: 'b' is added twice"),
        ('of: ["a"], over: ["b"], subset', 'of: ["a", "b"], over: ["a", "b"], subset', 18,
         "ERROR 1.1: numerator and denominator are the same"),
        ('{a: "some", b: "all"}\n      - code: "1.2"', '{a: "some", b: "some"}\n      - code: "1.2"', 18,
         "ERROR 1.1: a and b are one figure, 'some'"),
        # of several unknown figures each is told as what it is
        ('{a: "some", b: "all"}\n      - code: "1.2"', '{a: "sum", b: "every"}\n      - code: "1.2"', 22,
         "inputs.b: 'every' is not in the figure dictionary"),
        ('{options: ["1", "1/2", "0"]}', '{percent: given}\n        inputs: {p: "all"}', 37,
         "ERROR 2.1: p is fed by 'all', of kind count; expected one of kind percentage"),
        ('{options: ["1", "1/2", "0"]}', '{points: given}\n        inputs: {points: "all"}', 37,
         "ERROR 2.1: points is fed by 'all', of kind count; expected one of kind points"),
        # the peers' best ratio is an indicator's, so a part with it would never earn anything
        ('{max: "6", options: ["1", "0"]}', '{max: "6", best: {of: ["a"], over: ["b"]}}', 47,
         "parts[1].best: is not a known key"),
    ],
    "codes": [
        ('code: "1.2"', 'code: "1.1"', 23, "'1.1' stands twice"),
        ('code: "2.1"', 'code: "1.1"', 37, "'1.1' stands twice"),
        ('code: "2"', 'code: "1"', 33, "'1' stands twice"),
        ('code: "2.1"', 'code: "2"', 33, "'2' is the code of an indicator too"),
        ('index: made-up', 'index: made-up-2', 2, "NOTE the file is not named made-up-2.yaml"),
    ],
    "texts": [
        ('"Chỉ số bịa ra"', unicodedata.normalize("NFD", '"Chỉ số bịa ra"'), 3, "is not NFC"),
        ('title: "Mức"', 'title: "M\\u0007c"', 24, "'M?c' is not NFC"),
    ],
    "date, level, period": [
        ('date: "2025-01-15"', 'date: "2025-02-29"', 5,
         "date: '2025-02-29'; expected a day, such as \"2025-01-15\", or a month"),
        ("periods: [year]", "periods: [half-year]", 8, "expected one of year, quarter, month"),
        ("periods: [year]", "periods: [year, year]", 8, "periods[1]: stands twice"),
        ("levels: [province]", "levels: [40]", 7, "is '40'; expected one of province"),
        ("periods: [year]", "periods: [1]", 8, "is '1'; expected one of year, quarter, month"),
        ("levels: [province]", "levels: [province, planet]", 7,
         "expected one of province, department, commune, district"),
    ],
}


class Catalogs(unittest.TestCase):
    def test_lint_finds_no_error_and_what_the_documents_contradict(self):
        done = chiso("lint")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"(?m)^\d+ catalogs, 0 errors,")
        self.assertNotRegex(done.stdout, r"(?m)^ERROR")
        self.assertRegex(done.stdout, r"(?m)^DOCUMENT \S*hd-department-2024\.yaml:\d+: .*\b22\b.*\b23\b")
        self.assertRegex(done.stdout, r"(?m)^DOCUMENT \S*hp-par-2025\.yaml:\d+: .*16\.00.*9\.50")
        self.assertRegex(done.stdout, r"(?m)^DOCUMENT \S*hp-par-2024\.yaml:\d+: .*13\.5.*7\.00")
        for index in sorted(f.stem for f in CATALOGS.glob("*.yaml")):
            self.assertEqual(chiso("lint", CATALOGS / f"{index}.yaml").returncode, 0, index)

    def lint(self, catalog, figures=MADE_UP_FIGURES):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "figures").mkdir()
            (folder / "made-up.yaml").write_text(catalog, encoding="utf-8")
            (folder / "figures/made-up.yaml").write_text(figures, encoding="utf-8")
            return chiso("lint", "--catalogs", folder)

    def test_the_made_up_catalog_is_good(self):
        done = self.lint(MADE_UP)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("1 catalogs, 0 errors, 0 contradictions", done.stdout)

    def test_one_mistake_each(self):
        for what, (right, wrong) in MISTAKES.items():
            with self.subTest(mistake=what):
                self.assertEqual(MADE_UP.count(right), 1, right)
                self.refused(self.lint(MADE_UP.replace(right, wrong)))

    def refused(self, done):
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertRegex(done.stdout + done.stderr, r"(?m)^(ERROR )?\S*made-up\.yaml:[1-9]\d*: ")

    def test_each_finding_has_its_line(self):
        for about, cases in FINDINGS.items():
            for right, wrong, line, said in cases:
                with self.subTest(about=about, wrong=wrong):
                    self.assertEqual(MADE_UP.count(right), 1, right)
                    done = self.lint(MADE_UP.replace(right, wrong))
                    kind = said.split()[0] if said.split()[0].isupper() else ""
                    pattern = (rf"(?m)^{kind + ' ' if kind else ''}\S*/made-up\.yaml:{line}: "
                               rf".*{re.escape(said.removeprefix(kind).lstrip())}")
                    self.assertRegex(done.stdout, pattern)
                    good = kind in ("DOCUMENT", "NOTE") and "ERROR" not in done.stdout
                    self.assertEqual(done.returncode, 0 if good else 1, done.stdout)

    def test_a_zero_denominator_without_a_rule(self):
        done = self.lint(MADE_UP)
        self.assertRegex(done.stdout, r"(?m)^NOTE \S*/made-up\.yaml:18: 2 ratios have no rule for a zero "
                         r"denominator \(when_zero\), undefined then, 0 points: 1\.1, 1\.2$")
        done = self.lint(MADE_UP.replace("subset: true", "subset: true, when_zero: full", 1)
                         .replace("            subset: true\n",
                                  '            subset: true\n            when_zero_full_if: ["a", "b"]\n'))
        self.assertNotIn("denominator", done.stdout)
        self.assertEqual(done.returncode, 0)

    def test_a_figure_that_nothing_uses(self):
        done = self.lint(MADE_UP, MADE_UP_FIGURES + '  - {id: "none", title: "Không", unit: "cái", '
                         'kind: count, provider: unit}\n')
        self.assertRegex(done.stdout, r"(?m)^NOTE \S*/figures/made-up\.yaml:5: the figure 'none' is used by "
                         r"no index$")
        self.assertEqual(done.returncode, 0)

    def test_no_catalog_refers_to_a_file(self):
        """Notes and texts are read on the page, where there are no files."""
        for path in CATALOGS.glob("*.yaml"):
            lines = [x for x in path.read_text(encoding="utf-8").splitlines() if not x.startswith("#")]
            for number, line in enumerate(lines, 1):
                self.assertNotRegex(line, r"\b[\w-]+\.(md|txt|csv|yaml|py)\b|(?<![.\d])00[0-4]\b",
                                    f"{path.name}:{number}")

    def test_however_many_files_each_is_read(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            for part in ("figures", "sources"):
                (folder / part).mkdir()
            for i in range(300):
                (folder / f"figures/f{i}.yaml").write_text(
                    f'format: "1"\nfigures:\n  - {{id: "f{i}", title: "Điểm", unit: "điểm", '
                    'kind: points, provider: unit}\n', encoding="utf-8")
                (folder / f"i{i}.yaml").write_text(
                    f'format: "1"\nindex: i{i}\ntitle: "Chỉ số"\ndecision: "1/QĐ-UBND"\n'
                    'date: "2025-01-15"\nissuer: "UBND tỉnh"\nlevels: [province]\nmax: "1"\n'
                    'pillars:\n  - code: "1"\n    title: "Một"\n    max: "1"\n    indicators:\n'
                    '      - {code: "1.1", title: "Một", max: "1", rule: {points: given}, '
                    f'inputs: {{points: "f{i}"}}}}\n', encoding="utf-8")
                (folder / f"sources/s{i}.yaml").write_text(
                    f'format: "1"\nsource: s{i}\ntitle: "Nguồn"\nrequest: {{path: "/"}}\n'
                    'rows: {format: csv}\nunit: {by: code, at: "Mã"}\n'
                    f'figures:\n  - {{id: "f{i}", at: "Điểm"}}\n', encoding="utf-8")
            done = chiso("lint", "--catalogs", folder)
            self.assertEqual(done.stdout, "300 catalogs, 0 errors, 0 contradictions in the documents, 0 notes\n")
            self.assertEqual(done.returncode, 0)
            done = chiso("coverage", "--catalogs", folder, "--sources", folder / "sources")
            self.assertEqual(done.returncode, 0, done.stderr)
            fed = re.findall(r"(?m)^i(\d+) +1 of +1 indicators.*\n +s(\d+) +1\.1$", done.stdout)
            self.assertEqual([(a, a) for a, _ in fed], fed)
            self.assertEqual(len(fed), 300)

    def test_each_of_nine_parts_may_have_figures(self):
        parts = "".join(f'            - {{max: "1", ratio: {{of: ["a"], over: ["b"]}}}}\n' for _ in range(8))
        figures = ", ".join(f"p{i}.a: some, p{i}.b: all" for i in range(2, 10))
        done = self.lint(MADE_UP.replace('{max: "4", checklist', '{max: "2", checklist')
                         .replace('            - {max: "6", options: ["1", "0"]}\n',
                                  parts + f"        inputs: {{{figures}}}\n"))
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_an_index_is_found_by_its_file_and_by_nothing_else(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "figures").mkdir()
            (folder / "figures/made-up.yaml").write_text(MADE_UP_FIGURES, encoding="utf-8")
            (folder / "other.yaml").write_text(MADE_UP, encoding="utf-8")
            for command in (["evaluate", "--index", "other"], ["explain", "--index", "other", "1.1"],
                            ["diff", "other", "other"]):
                done = chiso(*command, "--catalogs", folder)
                self.assertEqual(done.returncode, 3, done.stdout)
                self.assertRegex(done.stderr, r"other\.yaml:2: index: 'made-up'; expected 'other'")
                self.assertEqual(done.stdout, "")

    def test_a_month_is_a_date(self):
        done = self.lint(MADE_UP.replace('"2025-01-15"', '"2025-01"'))
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_mistakes_in_the_dictionary(self):
        for what, right, wrong in (("an id twice", 'id: "all"', 'id: "some"'),
                                   ("unknown key", "provider:", "povider:"),
                                   ("letters not composed", "Tất cả",
                                    unicodedata.normalize("NFD", "Tất cả")),
                                   ("a kind's number", "kind: count", "kind: 99"),
                                   ("unknown kind", "kind: count", "kind: much")):
            with self.subTest(mistake=what):
                self.refused(self.lint(MADE_UP, MADE_UP_FIGURES.replace(right, wrong)))

    def test_the_document_and_the_list_contradict(self):
        for right, wrong in (('stated:\n  max: "40"', 'stated:\n  max: "41"'),
                             ('indicators: "4"', 'indicators: "5"')):
            done = self.lint(MADE_UP.replace(right, wrong))
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertRegex(done.stdout, r"(?m)^DOCUMENT ")

    def test_a_wrong_maximum_in_a_real_catalog(self):
        with tempfile.TemporaryDirectory() as folder:
            copy = shutil.copytree(CATALOGS, pathlib.Path(folder) / "catalogs")
            path = copy / "hp-par-2025.yaml"
            path.write_text(path.read_text(encoding="utf-8").replace('max: "1.50"', 'max: "1.55"', 1),
                            encoding="utf-8")
            done = chiso("lint", "--catalogs", copy)
            self.assertNotEqual(done.returncode, 0)
            self.assertRegex(done.stdout + done.stderr, r"hp-par-2025\.yaml:\d+: .*max")


UNITS = {  # file: text; every line of a unit can be told from the others
    "provinces.yaml": """\
format: "1"
level: province
units:
  - {code: "91", name: "An Giang", from: "2025-07-01", dvc: "398126", agency: "H01"}
  - {code: "89", name: "An Giang, old", until: "2025-07-01", successor: "91"}
""",
    "departments.yaml": """\
format: "1"
level: department
units:
  - {code: "H01.01", parent: "91", name: "Sở Nội vụ", dvc: "398128", agency: "H01.01"}
  - {code: "91.so-y-te", parent: "91", name: "Sở Y tế"}
""",
}
UNIT_MISTAKES = {  # what is wrong: file, replaced text, by what, line, what is said
    "a code twice": ("departments.yaml", '"91.so-y-te"', '"H01.01"', 5, "stands twice"),
    "a portal id twice": ("departments.yaml", '"398128"', '"398126"', 4, "stands twice"),
    "an agency code twice": ("departments.yaml", '"Sở Y tế"', '"Sở Y tế", agency: "000.00.00.H01"',
                             5, "stands twice"),
    "two units with a code at a time": (
        "provinces.yaml", '"89", name: "An Giang, old", until: "2025-07-01"',
        '"91", name: "Kiên Giang", until: "2025-07-02"', 4, "stands twice"),
    "unknown parent": ("departments.yaml", 'parent: "91", name: "Sở Y', 'parent: "90", name: "Sở Y',
                       5, "'90'; expected the code of a unit"),
    "unknown successor": ("provinces.yaml", 'successor: "91"', 'successor: "92"', 5, "'92'; expected"),
    "no day": ("provinces.yaml", 'from: "2025-07-01"', 'from: "2025-07-32"', 4, "expected a day"),
    "until before from": ("provinces.yaml", 'old", until', 'old", from: "2026-01-01", until', 5,
                          "expected a day after from"),
    "older than its parent": ("departments.yaml", '"Sở Y tế"', '"Sở Y tế", from: "2024-01-01"', 5,
                              "'91' is there from 2025-07-01"),
    "a made-up code": ("departments.yaml", '"91.so-y-te"', '"so-y-te"', 5, "expected the agency code"),
    "unknown key": ("departments.yaml", "agency:", "agencie:", 4, "expected one of"),
}


class Units(unittest.TestCase):
    def lint(self, files):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="chiso-units-"))
        self.addCleanup(shutil.rmtree, folder)
        (folder / "units").mkdir()
        for name, text in files.items():
            (folder / "units" / name).write_text(text, encoding="utf-8")
        with_catalogs = chiso("lint", "--catalogs", folder)
        alone = chiso("lint", folder / "units")
        self.assertEqual(with_catalogs.returncode, alone.returncode)
        return alone

    def test_the_shipped_registry(self):
        done = chiso("lint", CATALOGS / "units")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertRegex(done.stdout, r"^\S*/units: on \d{4}-\d\d-\d\d 34 provinces, 3321 communes, "
                         r"0 districts, 36 departments; 82 units that ended before\n$")
        self.assertIn(done.stdout, chiso("lint").stdout)

    def test_names_begin_as_names_do(self):
        kinds = set()
        for path in (CATALOGS / "units").glob("*.yaml"):
            for name in re.findall(r'(?m)^  - \{.*?name: "([^"]+)"', path.read_text(encoding="utf-8")):
                self.assertTrue(name[0].isupper(), name)
                kinds |= {name.split()[0]} if path.stem == "communes" else set()
        self.assertEqual(kinds, {"Xã", "Phường", "Đặc"})

    def test_codes_that_a_table_program_cut(self):
        communes = ('format: "1"\nlevel: commune\nunits:\n'
                    '  - {code: "4", parent: "91", name: "Phường Ba Đình"}\n'
                    '  - {code: "30337", parent: "91.so-y-te", name: "Xã Lạc"}\n')
        done = self.lint({**UNITS, "communes.yaml": communes})
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"(?m)^ERROR \S*/communes\.yaml:4: code '4'; expected five digits$")
        self.assertRegex(done.stdout, r"(?m)^ERROR \S*/communes\.yaml:5: parent '91\.so-y-te'; expected a "
                         r"province or district$")

    def test_a_small_registry_is_good(self):
        done = self.lint(UNITS)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn(" 1 provinces, 0 communes, 0 districts, 2 departments; 1 units", done.stdout)

    def test_one_mistake_each(self):
        for what, (name, right, wrong, line, said) in UNIT_MISTAKES.items():
            with self.subTest(mistake=what):
                self.assertEqual(UNITS[name].count(right), 1, right)
                done = self.lint({**UNITS, name: UNITS[name].replace(right, wrong)})
                self.assertEqual(done.returncode, 1, done.stdout)
                place = f"units/{name}:{line}"  # of two lines with one id either may come first
                told = [x for x in done.stdout.splitlines() if place in x]
                self.assertTrue(any(said in x for x in told), done.stdout)
                self.assertRegex(done.stdout, r"(?m)^ERROR \S*/units: the unit registry cannot be used$")


if __name__ == "__main__":
    unittest.main()
