"""chiso evaluate against oracle.py, a second opinion written from the official texts; and chiso explain
and diff on the same catalogs.

One unit carries a case of every indicator at once, so that a run of the program answers thousands of
questions. test_by_hand asks both for points that were worked out by hand.
"""
import itertools
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import tempfile
import unittest
from fractions import Fraction

import oracle

ROOT = pathlib.Path(os.environ.get("CHISO_ROOT", pathlib.Path(__file__).resolve().parents[2]))
BIN = pathlib.Path(os.environ.get("CHISO_BIN", ROOT / "build/asan/bin"))
CATALOGS = ROOT / "catalogs"
SANITIZER = re.compile(r"Sanitizer|runtime error:")
MOST_SHOWN = 12

compared = 0  # fields, over all tests


def tearDownModule():
    print(f"\n{compared} fields compared with the oracle", flush=True)


def chiso(*arguments, stdin=""):
    env = {**os.environ, "CHISO_CATALOGS": str(CATALOGS)}
    env.setdefault("ASAN_OPTIONS", "detect_leaks=1:exitcode=99")
    env.setdefault("UBSAN_OPTIONS", "halt_on_error=1:exitcode=99")
    done = subprocess.run([BIN / "chiso", *map(str, arguments)], input=stdin, env=env,
                          capture_output=True, text=True, timeout=300)
    if SANITIZER.search(done.stderr):
        raise AssertionError(done.stderr)
    return done


def evaluate(index, units):
    lines = "".join(json.dumps(u, ensure_ascii=False) + "\n" for u in units)
    done = chiso("evaluate", "--index", index, "--json", stdin=lines)
    if done.returncode != 0 or done.stderr:
        raise AssertionError(f"exit code {done.returncode}: {done.stderr[:2000]}")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    if len(rows) != len(units):
        raise AssertionError(f"{len(units)} units, {len(rows)} results")
    return rows


# ---- comparing ----------------------------------------------------------------------------------


def same_flags(got, want):
    """Of the engine's flags the two that the readings name; "x?" may stand or not."""
    got = {f for f in got if f in ("ratio_gt_1", "inconsistent")}
    sure = {f for f in want if not f.endswith("?")}
    return sure <= got <= {f.rstrip("?") for f in want}


def indicator_differs(got, want):
    global compared
    compared += 4
    statuses = want["status"].split("|")
    return (got["points"] != want["points"] or got["max"] != want["max"]
            or got["status"] not in statuses
            or (statuses == ["scored"] and not same_flags(got["flags"], want["flags"]))
            or (got["status"] == "undefined" and not got["flags"]))  # flagged for the appraiser


def differences(unit, got, want):
    global compared
    open_questions = any("|" in i["status"] for i in want["indicators"].values())
    if list(got["indicators"]) != list(want["indicators"]):
        yield "indicators", list(got["indicators"]), list(want["indicators"])
        return
    for code, expected in want["indicators"].items():
        if indicator_differs(got["indicators"][code], expected):
            given = unit.get("inputs", {}).get(code)
            yield f"{code} {json.dumps(given)}", got["indicators"][code], expected
    for key in ("unit", "index", "pillars", "points", "max", "percent", "rank", "coverage"):
        compared += len(want[key]) * 2 if key == "pillars" else 1
        if got[key] != want[key] and not (key == "coverage" and open_questions):
            yield key, got[key], want[key]
    if set(got) != set(want):
        yield "keys", sorted(got), sorted(want)


def for_each_index(test):
    def run(self):
        for index in oracle.INDEXES:
            with self.subTest(index=index):
                test(self, index)

    return run


class Case(unittest.TestCase):
    def same(self, index, units):
        """Runs the units through both; returns the program's rows."""
        rows = evaluate(index, units)
        found = [f"{index} {unit['unit']}: {what}\n      printed  {got}\n      expected {want}"
                 for unit, row, right in zip(units, rows, oracle.evaluate(index, units))
                 for what, got, want in differences(unit, row, right)]
        if found:
            self.fail(f"{len(found)} differences\n" + "\n".join(found[:MOST_SHOWN]))
        return rows



# ---- making up inputs ---------------------------------------------------------------------------

BAD = ["-1", "-0.000001", "", "1e3", "1E3", "abc", "1,5", " 5", "5 ", "+5", ".5", "5.", "NaN", "inf",
       "0x10", "1 000", "5%", "\uff15", "--1", "1.2.3", "0.0000001", "1" + 18 * "0",
       0.5, 1.0, 1e3, -1, True, False, [1], []]
SHARES = [Fraction(s) for s in (
    "0", "0.002", "0.0025", "0.004", "0.007", "0.01", "0.05", "0.1", "0.2", "0.25", "0.4", "0.5",
    "0.6", "0.7", "0.8", "0.9", "0.99996", "1", "2")]
TINY = Fraction(1, oracle.MILLION)
STEPS = {100000: (-1, -TINY, 0, TINY, 1), 10**15: (-1, -TINY, 0, 1), 7: (-1, 0), 10**15 + 37: (-1, 0)}


def decimal(value):
    """The exact text of a fraction of millionths."""
    if isinstance(value, int) or value.denominator == 1:
        return str(int(value))
    assert oracle.MILLION % value.denominator == 0, value
    return oracle.text(value).rstrip("0")


def spread(names, total, r=None):
    """total as a sum over the names"""
    if r is None:
        each = [Fraction(total.__floor__() // len(names))] * (len(names) - 1)
    else:
        each = [Fraction(r.randint(0, max(0, (total / len(names)).__floor__()))) for _ in names[1:]]
    return dict(zip(names, map(decimal, [total - sum(each), *each])))


def over(r, top, bottom, rnd=None):
    return {**spread(r.top, Fraction(top), rnd), **spread(r.bottom, Fraction(bottom), rnd)}


def quotient_cases(r):
    for share, (whole, steps) in itertools.product(SHARES, STEPS.items()):
        edge = Fraction((share * whole).__ceil__())
        for step in steps:
            if edge + step >= 0:
                yield over(r, edge + step, whole)
    for top, bottom in ((0, 0), (5, 0), (1, 3), (2, 3), ("0.5", "1.5"), (5, 10**8), (15, 10**8),
                        ("0.000001", 10**15), (10**15, "0.000001"), (10**17, 3 * 10**17)):
        yield over(r, top, bottom)


def letter_cases(how, good):
    """one input at a time missing, null, or not a figure; two at once"""
    for name in good:
        yield {k: v for k, v in good.items() if k != name}
        yield {**good, name: None}
        for bad in BAD:
            yield {**good, name: bad}
    yield {}
    for one, other in itertools.permutations(good, 2):
        yield {**{k: v for k, v in good.items() if k != other}, one: "-1"}


def meeting_cases():
    for c in (0, 1, 2, 5):
        for a, b in itertools.product(range(c + 3), repeat=2):
            yield {"a": str(a), "b": str(b), "c": str(c)}
    yield {"a": "99999999999", "b": "1", "c": "99999999999"}
    yield {"a": "99999999999", "b": "1", "c": "100000000000"}
    yield {"a": str(10**15), "b": "1", "c": str(2 * 10**15 + 1)}


def incident_cases():
    for a, b, c, d in itertools.product((0, 1, 4, 5, 6), (0, 5), (0, 4, 5, 6), (0, 5)):
        yield {"a": str(a), "b": str(b), "c": str(c), "d": str(d)}
    yield {"a": "0", "b": "0", "c": "99999", "d": "100000"}
    for a in ("0", "3", "5"):
        yield {"a": a, "b": "5"}  # c and d are read only when b is 0
        yield {"a": a, "b": "0"}
        yield {"a": a, "b": "5", "c": "-1", "d": "x"}
    yield {"b": "0", "c": "5", "d": "5"}


def option_cases(n):
    for i in range(-1, n + 3):
        yield {"option": str(i)}
        yield {"option": i}
    for bad in BAD + ["1.5", "0.999999", str(n) + ".000001", "10000000", [1, 2]]:
        yield {"option": bad}
    yield {"option": "1.0"}
    yield {"option": None}
    yield {}


def item_cases(n):
    for size in range(n + 1):
        for met in itertools.combinations(range(1, n + 1), size):
            yield {"items": [str(i) for i in met]}
            yield {"items": list(reversed(met))}
    for bad in ([0], [n + 1], ["0"], [str(n + 1)], [1, n + 1], ["-1"], [-1], ["1.5"], [0.5], ["x"],
                [1, ""], [None], [[1]], [65], ["10000000"], "1", "1,2", "", 1, True, False, "-1"):
        yield {"items": bad}
    yield {"items": [1, 1]}
    yield {"items": None}
    yield {}


def section_cases():
    for n in (0, 1, 5, 9, 10, 11, 12, 13, 51, 52, 53, 1000, "9.999999", "11.999999", "51.999999"):
        for has in (True, False):
            yield {"has": has, "n": str(n)}
    for bad in BAD:
        yield {"has": True, "n": bad}
        yield {"has": False, "n": bad}
    for bad in ("yes", "có", "", "1", 1, 0, 0.5, [], [1]):
        yield {"has": bad, "n": "60"}
    yield from ({"has": True}, {"has": False}, {"n": "60"}, {"has": None, "n": "60"}, {},
                {"has": True, "n": None}, {"has": False, "n": None})


def portal_cases():
    for p in ("0", "100", "99.999999", "100.000001", "101", "250", "50", "33.333333", "0.000001",
              "99.99", 0, 100, 50, *BAD, None):
        yield {"p": p}
    yield {}


def point_cases(most):
    for p in (Fraction(0), TINY, most / 2, most - TINY, most, most + TINY, most + 1, most * 10):
        yield {"points": decimal(p)}
    yield {"points": int(most)}
    yield {"points": int(most) + 1}
    for bad in BAD + [None]:
        yield {"points": bad}
    yield {}


def cases(how, most):
    """Inputs for one indicator, or part of one."""
    takes = how.takes
    if "option" in takes:
        return list(option_cases(takes["option"]))
    if "items" in takes:
        return list(item_cases(takes["items"]))
    if "has" in takes:
        return list(section_cases())
    if "p" in takes:
        return list(portal_cases())
    if "points" in takes:
        return list(point_cases(most))
    if how is oracle.meetings:
        return list(itertools.chain(meeting_cases(),
                                    letter_cases(how, {"a": "3", "b": "2", "c": "9"})))
    if how is oracle.incidents:
        return list(itertools.chain(incident_cases(), quotient_cases(oracle.Ratio("a", "b")),
                                    letter_cases(how, {"a": "0", "b": "0", "c": "5", "d": "5"})))
    if how is oracle.sevenths:
        return [{"a": a} for a in (*map(str, range(15)), "6.999999", "7.000001", 7, 0,
                                   str(10**15), *BAD, None)] + [{}]
    if "p1" in takes:
        return list(part_cases(how))
    r = getattr(how, "ratio", oracle.Ratio("a", "b"))
    return list(itertools.chain(quotient_cases(r), letter_cases(how, over(r, 30, 40))))


def part_cases(how):
    """each part's cases beside good ones of the others; then what is wrong with two at once"""
    good = {name: good_input(inner, own) for name, (own, inner) in how.parts.items()}
    for name, (own, inner) in how.parts.items():
        for case in cases(inner, own):
            yield {**good, name: case}
        yield {k: v for k, v in good.items() if k != name}
    yield {}
    rnd = random.Random(77)
    lists = {name: cases(inner, own) for name, (own, inner) in how.parts.items()}
    for _ in range(200):
        yield {name: rnd.choice(each) for name, each in lists.items()}


def good_input(how, most, rnd=None):
    """Complete inputs; random ones if asked."""
    takes = how.takes
    pick = rnd.randint if rnd else lambda low, high: high
    if "option" in takes:
        return {"option": str(pick(1, takes["option"]) if rnd else 1)}
    if "items" in takes:
        return {"items": [i for i in range(1, takes["items"] + 1) if not rnd or rnd.random() < 0.6]}
    if "has" in takes:
        return {"has": not rnd or rnd.random() < 0.8, "n": str(pick(0, 70))}
    if "p" in takes:
        return {"p": decimal(Fraction(pick(0, 100 * oracle.MILLION), oracle.MILLION))}
    if "points" in takes:
        return {"points": decimal(Fraction(pick(0, int(most * 100)), 100))}
    if "p1" in takes:
        return {name: good_input(inner, own, rnd)
                for name, (own, inner) in how.parts.items()}
    if how is oracle.sevenths:
        return {"a": str(pick(0, 8) if rnd else 7)}
    if how is oracle.meetings:
        c = pick(1, 12)
        return {"a": str(pick(0, c)), "b": str(pick(0, c) if rnd else 0), "c": str(c)}
    if how is oracle.incidents and rnd and rnd.random() < 0.5:
        return {"a": "0", "b": "0", "c": str(pick(0, 3)), "d": str(pick(1, 3))}
    r = getattr(how, "ratio", oracle.Ratio("a", "b"))
    if not rnd:
        return over(r, 40, 40)
    return random_quotient(r, rnd)


def random_quotient(r, rnd):
    bottom = rnd.choice((rnd.randint(1, 12), rnd.randint(1, 10**4), rnd.randint(1, 10**9),
                         rnd.randint(10**14, 10**16)))
    share = rnd.choice(SHARES[:-1]) if rnd.random() < 0.4 else Fraction(rnd.randint(0, 1000), 980)
    top = max(0, (share * bottom).__ceil__() + rnd.choice((0, 0, -1, 1)))
    if rnd.random() < 0.1:
        return over(r, top + Fraction(rnd.randint(0, 999999), oracle.MILLION), bottom)
    return over(r, top, bottom, rnd)


def assessed(index):
    return {code: (most, how)
            for code, (most, how) in oracle.INDEXES[index].indicators.items() if how}


def complete(index, name, rnd=None, **more):
    return {"unit": name, "inputs": {code: good_input(how, most, rnd)
                                     for code, (most, how) in assessed(index).items()}, **more}


class Rules(Case):
    @for_each_index
    def test_every_indicator_at_its_edges(self, index):
        columns = {code: cases(how, most) for code, (most, how) in assessed(index).items()}
        units = [{"unit": f"case {i}", "excluded": [],
                  "inputs": {code: column[i] for code, column in columns.items()
                             if i < len(column)}}
                 for i in range(max(map(len, columns.values())))]
        self.same(index, units)

    @for_each_index
    def test_complete_units_at_random(self, index):
        rnd = random.Random("complete " + index)
        self.same(index, [complete(index, f"unit {i}", rnd) for i in range(450)])

    def test_by_hand(self):
        for index, table in BY_HAND.items():
            with self.subTest(index=index):
                units = [{"unit": str(i), "excluded": [], "inputs": {code: given}}
                         for i, (code, given, _) in enumerate(table)]
                rows = self.same(index, units)
                for (code, given, points), row in zip(table, rows):
                    self.assertEqual(Fraction(row["indicators"][code]["points"]), Fraction(points),
                                     f"{index} {code} {given}")

    def test_more_than_six_digits_are_never_cut_off(self):
        """A budget in tỷ đồng may have nine digits behind the point: exact, or refused."""
        given = {"a": "0.9999999", "b": "0", "c": "100"}  # 1 % is asked for
        row = evaluate("vl-province-2025", [{"unit": "A", "inputs": {"6.9": given}}])[0]
        got = row["indicators"]["6.9"]
        self.assertIn((got["status"], got["points"]),
                      [("scored", "29.999997"), ("invalid", "0.000000")])

    def test_what_does_not_fit_is_refused_and_not_wrong(self):
        given = {"a": "9" * 40, "b": "9" * 40}
        row = evaluate("vl-province-2025", [{"unit": "A", "inputs": {"3.1": given}}])[0]
        got = row["indicators"]["3.1"]
        self.assertIn((got["status"], got["points"]),
                      [("scored", "30.000000"), ("invalid", "0.000000")])


def q(a, b):
    return {"a": str(a), "b": str(b)}


def abc(*values):
    return dict(zip("abcde", map(str, values)))


def opt(n):
    return {"option": str(n)}


def met(*items):
    return {"items": list(items)}


def has(n):
    return {"has": True, "n": str(n)}


# Code, inputs, points: worked out by hand from the official texts.
BY_HAND = {
    "hp-par-2025": [
        ("7.1", {"p1": q(100, 80), "p2": q(0, 0)}, "1.3"),
        ("7.1", {"p1": q(100, 79), "p2": q(10, 10)}, "0.5"),
        ("7.1", {"p1": q(3, 3), "p2": q(100, 79)}, "1"),
        ("7.1", {"p1": q(5, 0), "p2": q(10, 8)}, "0.4"),
        ("7.1", {"p1": q(0, 0), "p2": q(10, 8)}, "0"),
        ("7.2.1", opt(1), "0.5"), ("7.2.1", opt(2), "0"),
        ("7.2.2", {"p1": opt(2), "p2": q(4, 3)}, "0.625"),
        ("7.2.2", {"p1": opt(3), "p2": q(4, 4)}, "0.5"),
        ("7.2.3", met(1), "0.5"), ("7.2.3", met(2, 3), "0.5"), ("7.2.3", met(), "0"),
        ("7.3.1", q(100000, 100000), "0.5"), ("7.3.1", q(100000, 99996), "0.25"),
        ("7.3.1", q(100, 80), "0.25"), ("7.3.1", q(100000, 79999), "0"),
        ("7.3.2", q(25, 25), "1"), ("7.3.2", q(25, 24), "0.5"), ("7.3.2", q(25, 19), "0"),
        ("7.3.3", {"p1": opt(2), "p2": opt(1)}, "0.75"),
        ("7.3.3", {"p1": opt(3), "p2": opt(1)}, "0.5"),
        ("7.4.3", met(2), "0.5"),
        ("7.4.5", q(100, 60), "0.3"), ("7.4.5", q(1000000, 599999), "0"),
        ("7.4.6", q(100, 70), "1.5"), ("7.4.6", q(100, 69), "1.035"),
        ("7.4.6", q(10**15, 7 * 10**14 - 1), "1.05"),
    ],
    "hp-par-2024": [
        ("7.1.1", opt(1), "0.5"), ("7.1.2", opt(1), "1"), ("7.1.2", opt(2), "0"),
        ("7.1.3", q(8, 1), "0.125"),
        ("7.2.1", {"p1": q(20, 20), "p2": q(100000, 99999)}, "0.25"),
        ("7.2.2", {"p1": q(20, 20), "p2": q(9, 9), "p3": q(100, 79)}, "0.5"),
        ("7.2.2", {"p1": q(20, 19), "p2": q(9, 9), "p3": q(100, 80)}, "0.75"),
        ("7.3.3", opt(2), "0.5"),
        ("7.3.5", q(100, 90), "0.45"), ("7.3.5", q(1000, 899), "0"),
        ("7.3.6", q(3, 1), "0.5"),
    ],
    "hn-city-2025": [
        ("9.1", {"points": "50"}, "50"), ("9.1", {"points": "50.000001"}, "0"),
        ("5.1", {"points": "10"}, "10"), ("7.1", {"points": "19.75"}, "19.75"),
    ],
    "hn-commune-2025": [
        ("6.4", {"points": "20"}, "20"), ("5.2", {"points": "10"}, "10"),
        ("5.1", {"points": "5.5"}, "0"),
    ],
    "vl-province-2025": [
        ("1.1", opt(1), "10"), ("1.1", opt(2), "0"), ("1.1", opt(3), "0"),
        ("1.2", q(9, 10), "0"), ("1.2", q(10, 10), "10"), ("1.2", q(11, 10), "10"),
        ("1.3", has(52), "10"), ("1.3", has(51), "5"), ("1.3", has(0), "5"),
        ("1.3", {"has": False, "n": "60"}, "0"),
        ("1.4", has(52), "10"), ("1.4", has(51), "5"),
        ("1.5", has(12), "10"), ("1.5", has(11), "5"), ("1.5", has(0), "5"),
        ("2.4", met(1), "10"), ("2.4", met(1, 2), "20"),
        ("3.1", q(1, 3), "10"), ("3.3", q(7, 5), "30"),
        ("3.4", q(80, 100), "30"), ("3.4", q(799999, 1000000), "0"),
        ("3.5", {"p1": opt(2), "p2": q(1, 2)}, "15"),
        ("3.5", {"p1": opt(1), "p2": q(1, 3)}, "20"),
        ("3.6", {"a": "3"}, "12.857143"), ("3.6", {"a": "7"}, "30"), ("3.6", {"a": "8"}, "30"),
        ("3.7", met(1), "10"), ("3.7", met(2, 3), "10"), ("3.7", met(3), "5"),
        ("4.1", q(148, 148), "10"), ("4.1", q(147, 148), "0"),
        ("4.2", abc(5, 5, 50, 50), "30"), ("4.2", abc(4, 5, 50, 50), "0"),
        ("4.3", q(10, 1000), "20"), ("4.3", q(9, 1000), "0"),
        ("4.5", q(5, 100), "10"), ("4.5", q(4999, 100000), "0"),
        ("4.6", q(1, 4), "2.5"),
        ("6.1", met(1, 2, 4), "15"), ("6.2", opt(2), "10"),
        ("6.3", q(1, 4), "5"),
        ("6.4", q(60, 100), "20"), ("6.4", q(59, 100), "0"), ("6.4", q(61, 100), "20"),
        ("6.5", abc(100, 30, 50), "20"), ("6.5", abc(100, 10, 30), "10"),
        ("6.6", q(100, 70), "50"), ("6.6", q(100, 35), "25"),
        ("6.7", abc(3, 1, 12, 4), "2.5"), ("6.8", abc(10, 9, 10, 6), "7.5"),
        ("6.9", abc(5, 5, 1000), "30"), ("6.9", abc(2, 3, 1000), "15"),
        ("7.1", q(20, 100), "50"), ("7.1", q(19, 100), "9.5"),
        ("7.2", q(5, 10), "30"), ("7.2", q(4, 10), "12"),
        ("7.3", q(80, 100), "20"), ("7.3", q(40, 100), "10"),
        ("7.4", q(50, 100), "20"), ("7.4", q(25, 100), "10"),
        ("8.1", q(9, 10), "45"), ("8.2", q(25, 100), "25"), ("8.2", q(50, 100), "50"),
        ("8.3", q(35, 100), "25"), ("8.3", q(70, 100), "50"),
    ],
    "hd-department-2024": [
        ("1.1", opt(2), "10"), ("1.1", opt(3), "0"),
        ("1.2", abc(2, 1, 4), "6.25"), ("1.2", abc(4, 4, 4), "10"), ("1.2", abc(0, 4, 4), "5"),
        ("1.3", has(10), "10"), ("1.3", has(7), "7"), ("1.3", has(0), "0"), ("1.3", has(11), "10"),
        ("1.4", met(2), "5"),
        ("2.2", opt(1), "20"), ("2.2", opt(2), "0"), ("2.2", opt(3), "0"),
        ("4.1", opt(1), "5"), ("4.2", opt(1), "15"), ("4.3", abc(5, 10, 10), "2.5"),
        ("5.3", q(0, 0), "10"), ("5.3", q(1, 4), "2.5"), ("5.4", q(0, 0), "0"),
        ("5.5", opt(2), "5"), ("5.6", opt(2), "5"),
        ("5.7", abc(0, 0, 5, 5), "10"), ("5.7", abc(0, 0, 4, 5), "0"), ("5.7", abc(3, 4, 0, 5), "7.5"),
        ("6.2", abc(10, 10, 5, 5), "10"), ("6.3", abc(10, 2, 3), "10"),
        ("6.4", {"p": "92.5"}, "18.5"), ("6.5", q(1, 2), "10"),
    ],
    "hd-district-2024": [
        ("1.1", opt(2), "5"), ("1.6", opt(2), "5"), ("1.3", has(9), "9"),
        ("1.2", abc(1, 2, 4), "5"),
        ("3.4", abc(1, 1, 4), "2.5"), ("3.5", abc(1, 2, 4), "3.75"),
        ("3.6.1", q(1, 2), "1.25"), ("3.6.2", q(1, 5), "0.5"), ("3.6", {}, "0"),
        ("4.2", q(1, 2), "2.5"), ("4.3", q(1, 2), "7.5"), ("4.4", abc(1, 1, 1, 1, 8), "5"),
        ("4.7", q(80, 100), "10"), ("4.7", q(40, 100), "5"),
        ("5.3", q(0, 0), "0"), ("5.4", abc(1, 1, 8), "2.5"),
        ("5.5", abc(0, 0, 5, 5), "10"), ("5.5", abc(0, 0, 4, 5), "0"), ("5.5", abc(1, 4, 0, 0), "2.5"),
        ("6.2", {"p": "45"}, "4.5"), ("6.3", q(10, 5), "10"), ("6.4", q(8, 2), "5"),
        ("6.7", abc(10, 9, 10, 6), "7.5"), ("6.8", opt(2), "0"),
        ("6.12", q(7, 1000), "10"), ("6.12", q(6999999, 10**9), "7"), ("6.12", q(4, 1000), "7"),
        ("6.12", q(3999999, 10**9), "3"), ("6.12", q(2, 1000), "3"), ("6.12", q(1999999, 10**9), "0"),
        ("6.13", q(7 * 10**12, 10**15), "10"), ("6.13", q(7 * 10**12 - 1, 10**15), "7"),
        ("6.13", q(2 * 10**12, 10**15), "3"), ("6.13", q(2 * 10**12 - 1, 10**15), "0"),
        ("7.5", q(1, 4), "2.5"),
        ("8.8", q(25, 10000), "10"), ("8.8", q(1, 1000), "4"), ("8.9", q(1, 1000), "4"),
    ],
}


class Assessments(Case):
    @for_each_index
    def test_exclusions(self, index):
        rnd = random.Random("exclusions " + index)
        codes = list(oracle.INDEXES[index].indicators)
        pillars = list(dict.fromkeys(map(oracle.pillar_of, codes)))
        chosen = [[], pillars, codes, [pillars[0], codes[0], codes[0]],
                  *([c] for c in codes + pillars),
                  *([c for c in codes + pillars if rnd.random() < 0.3] for _ in range(20))]
        units = [complete(index, "by default", rnd)]
        units += [complete(index, f"without {e}", rnd, excluded=e) for e in chosen]
        rows = self.same(index, units)
        for row in rows[2:4]:  # all pillars, all indicators: nothing applies
            self.assertEqual([row[k] for k in ("percent", "rank", "coverage", "max")],
                             [None, None, None, "0.000000"])

    def test_what_is_not_assessed_by_default(self):
        for index, without, maximum in (("hn-city-2025", 9, 285), ("hn-commune-2025", 12, 225)):
            row = evaluate(index, [{"unit": "A"}])[0]
            statuses = [i["status"] for i in row["indicators"].values()]
            self.assertEqual(statuses.count("excluded"), without)
            self.assertEqual(Fraction(row["max"]), maximum)

    @for_each_index
    def test_excluded_inputs_change_nothing(self, index):
        """Whatever figures exist: nonsense, none, or full points."""
        rnd = random.Random("whatever " + index)
        base = complete(index, "unit", rnd)
        units = []
        for code, (most, how) in assessed(index).items():
            for given in (base["inputs"][code], None, *rnd.sample(cases(how, most), 3)):
                inputs = {c: v for c, v in {**base["inputs"], code: given}.items() if v is not None}
                units.append({"unit": code, "inputs": inputs, "excluded": [code]})
        rows = self.same(index, units)
        for i in range(0, len(rows), 5):
            seen = {(r["points"], r["max"], r["percent"], r["coverage"]) for r in rows[i:i + 5]}
            self.assertEqual(len(seen), 1, (rows[i]["unit"], seen))

    @for_each_index
    def test_incomplete_units_at_random(self, index):
        """Statuses of all kinds beside each other, default and other exclusions."""
        rnd = random.Random("incomplete " + index)
        lists = {code: cases(how, most) for code, (most, how) in assessed(index).items()}
        codes = list(oracle.INDEXES[index].indicators)
        units = []
        for i in range(120):
            unit = complete(index, f"unit {i}", rnd)
            for code in lists:
                if rnd.random() < 0.25:
                    unit["inputs"][code] = rnd.choice(lists[code])
            if rnd.random() < 0.5:
                unit["excluded"] = rnd.sample(codes, rnd.randint(0, len(codes) // 3))
            units.append(unit)
        self.same(index, units)

    def test_a_parent_is_the_sum_of_its_children(self):
        good, bad = q(1, 3), (q(1, 0), q(-1, 1), q("x", 1), {}, {"a": "1"}, q(5, 3))
        pairs = [(good, good), *((good, b) for b in bad), *((b, good) for b in bad),
                 *itertools.product(bad, bad)]
        units = [{"unit": f"{i} {without}", "excluded": without,
                  "inputs": {"3.6.1": one, "3.6.2": two}}
                 for i, (one, two) in enumerate(pairs)
                 for without in ([], ["3.6"], ["3.6.1"], ["3.6.1", "3.6.2"], ["3"])]
        row = self.same("hd-district-2024", units)[0]
        self.assertEqual(row["indicators"]["3.6"]["points"], "1.666666")  # twice 0.833333
        weight = ("scored", "undefined", "missing", "invalid")  # the worst of them, in either order
        for one, other in itertools.product((good, q(1, 0), {}, q(-1, 1)), repeat=2):
            got = evaluate("hd-district-2024", [{"unit": "A", "inputs": {"3.6.1": one, "3.6.2": other}}])
            status = {code: i["status"] for code, i in got[0]["indicators"].items()}
            self.assertEqual(status["3.6"], max(status["3.6.1"], status["3.6.2"], key=weight.index))

    def test_the_best_of_all_units(self):
        def board(*ratios, **more):
            return [{"unit": str(i), "inputs": {} if r is None else {"7.5": q(*r)}, **more}
                    for i, r in enumerate(ratios)]

        good, zero = (1, 2), (0, 5)
        for ratios in ([good], [zero], [zero, zero], [good, zero], [zero, good, zero],
                       [good, (2, 4)], [(1, 3), (2, 3), (2, 3), (1, 7)], [good, (5, 0)],
                       [good, None, (-1, 1), (1, -1), ("x", 1), (0, 0), ("", "")], [(5, 0), (0, 0)],
                       [good, None, (3, 4)], [(7, 2), (9, 2), (1, 2)], [None, None],
                       [(1, 3), ("0.333333", 1)], [(10**15, 3), (10**15 - 1, 3), (1, 10**15)],
                       [(10**17 - 1, 10**17 - 3), (10**17 - 3, 10**17 - 5), (10**17 - 5, 10**17 - 7)],
                       [(999999999999999, "0.000001"), (1, 999999999999999)]):
            with self.subTest(ratios=ratios):
                self.same("vl-province-2025", board(*ratios))
        lone = self.same("vl-province-2025", board(good))[0]["indicators"]["7.5"]
        self.assertEqual((lone["status"], lone["points"]), ("undefined", "0.000000"))
        first = self.same("vl-province-2025", board((3, 4), (1, 2)))
        self.assertEqual([r["indicators"]["7.5"]["points"] for r in first], ["30.000000", "20.000000"])
        # who is not assessed in it is no peer
        units = board((3, 4), (1, 2)) + board((9, 1), excluded=["7.5"])
        self.same("vl-province-2025", units)
        self.same("vl-province-2025", board((3, 4), (1, 2), excluded=["7.5"]) + board((1, 9)))

    def test_ranks(self):
        def given(*points, **more):
            return {"inputs": {f"6.{i}": {"points": p} for i, p in enumerate(points, 2)}, **more}

        units = [given("10", "10"), given("10", "10"), given("0"), given(), given("10", "5"),
                 given("5", "10"), given("1", excluded=list("123456789")), given("10", "9.999999"),
                 given("5", excluded=["1", "2", "3", "4", "5", "7", "8", "9", "6.1"]),
                 given("5", "10", excluded=[])]
        for i, unit in enumerate(units):
            unit["unit"] = f"unit {i}"
        rows = self.same("hn-city-2025", units)
        self.assertEqual([r["rank"] for r in rows],
                         ["1", "1", "8", "8", "4", "4", None, "3", "4", "7"])
        self.assertEqual([rows[i]["max"] for i in (4, 8)], ["285.000000", "95.000000"])
        # the same percentage to six decimals, and yet another; stored scores decide, not ratios
        rows = self.same("vl-province-2025", [
            {"unit": "a", "inputs": {"8.1": q(1, 3)}},  # 16.666667
            {"unit": "b", "inputs": {"8.1": q(33333336, 10**8)}},  # 16.666668
            {"unit": "c", "inputs": {"8.1": q(33333334, 10**8)}},  # 16.666667
            {"unit": "d", "inputs": {"8.1": q(1, 2)}}])
        self.assertEqual([r["percent"] for r in rows[:3]], ["1.666667"] * 3)
        self.assertEqual([r["rank"] for r in rows], ["3", "2", "3", "1"])
        # 1/2 of two different maxima
        rows = self.same("hd-district-2024", [
            {"unit": "a", "excluded": list("2345678"), "inputs": {"1.1": opt(1), "1.5": opt(1),
                                                                  "1.6": opt(1)}},
            {"unit": "b", "excluded": list("1345678"), "inputs": {"2.1": opt(1), "2.2": opt(1),
                                                                  "2.3": opt(2)}},
            {"unit": "c", "excluded": list("1234578"), "inputs": {"6.3": q(2, 2), "6.4": q(1, 1),
                                                                  "6.1": q(9, 2), "6.5": q(3, 3),
                                                                  "6.6": q(1, 1), "6.14": q(1, 1),
                                                                  "6.15": q(1, 2)}}])
        self.assertEqual([(r["percent"], r["rank"]) for r in rows],
                         [("50.000000", "1"), ("40.000000", "3"), ("50.000000", "1")])

    @for_each_index
    def test_the_order_of_lines_does_not_matter(self, index):
        rnd = random.Random("order " + index)
        units = [complete(index, f"unit {i}", rnd) for i in range(40)]
        shuffled = rnd.sample(units, len(units))
        rows = {r["unit"]: r for r in evaluate(index, units)}
        again = evaluate(index, shuffled)
        self.assertEqual([r["unit"] for r in again], [u["unit"] for u in shuffled])
        for row in again:
            self.assertEqual(row, rows[row["unit"]])

    @for_each_index
    def test_more_never_lowers_a_score(self, index):
        """What stands above the line only grows; so does what earns points otherwise."""
        ladders = {}
        for code, (_, how) in assessed(index).items():
            r = getattr(how, "ratio", None)
            if how is oracle.sevenths:
                ladders[code] = [{"a": str(a)} for a in range(101)]
            elif "p" in how.takes or "points" in how.takes:
                (name,) = how.takes
                ladders[code] = [{name: decimal(Fraction(i, 20))} for i in range(101)]
            elif "has" in how.takes:
                ladders[code] = [{"has": True, "n": str(i)} for i in range(101)]
            elif r is not None:
                ladders[code] = [over(r, i, 100) for i in range(101)]
            elif how is oracle.meetings:
                ladders[code] = [abc(i, 3, 70) for i in range(101)]
        units = [{"unit": str(i), "excluded": [], "inputs": {c: steps[i] for c, steps in ladders.items()}}
                 for i in range(101)]
        rows = evaluate(index, units)
        for code in ladders:
            if "points" not in oracle.INDEXES[index].indicators[code][1].takes:
                points = [Fraction(r["indicators"][code]["points"]) for r in rows]
                self.assertEqual(points, sorted(points), code)

    def test_rounding_is_half_up_and_once(self):
        """3.6.1 and 3.6.2: ties of millionths; the parent and the totals add what is stored."""
        units = [{"unit": str(i), "inputs": {"3.6.1": q(i, 5 * 10**6), "3.6.2": q(i, 5 * 10**6),
                                             "6.1": q(i, 2 * 10**7), "4.3": q(i, 3 * 10**7)}}
                 for i in range(60)]
        rows = self.same("hd-district-2024", units)
        self.assertEqual([r["indicators"]["6.1"]["points"] for r in rows[:4]],
                         ["0.000000", "0.000001", "0.000001", "0.000002"])
        self.assertEqual(rows[1]["indicators"]["3.6"]["points"], "0.000002")


# ---- figures ------------------------------------------------------------------------------------


def figure_uses(index):
    """{(code, input): figure id}, by a reading of the catalog's lines that knows only two things: a
    code and, behind it, `inputs:` with ids in one line or one a line."""
    uses, code, inside = {}, None, None
    for line in (CATALOGS / f"{index}.yaml").read_text(encoding="utf-8").splitlines():
        indent = len(line) - len(line.lstrip())
        found = re.match(r'\s*-?\s*code: "([^"]+)"', line)
        if found:
            code, inside = found[1], None
        elif re.match(r"\s*inputs:", line):
            inside = indent
        elif inside is not None and indent <= inside:
            inside = None
        if inside is not None:
            for name, figure in re.findall(r'"?([a-z0-9.]+)"?: "([^"]+)"', line):
                uses[code, name] = figure
    return uses


def leaf_names(takes, prefix=""):
    for name, kind in takes.items():
        if isinstance(kind, dict):
            yield from leaf_names(kind, name + ".")
        elif kind == "number":
            yield prefix + name


def put(inputs, code, name, value):
    *part, letter = name.split(".")
    inner = inputs.setdefault(code, {})
    if part:
        inner = inner.setdefault(part[0], {})
    inner.setdefault(letter, value)


class Figures(Case):
    @for_each_index
    def test_a_figure_reaches_all_that_use_it(self, index):
        uses = figure_uses(index)
        wanted = {(code, name) for code, (_, how) in assessed(index).items()
                  for name in leaf_names(how.takes) if name != "points"}
        self.assertEqual(set(uses), wanted, "every quantity has a figure, every figure is read")
        if not uses:
            return
        rnd = random.Random("figures " + index)
        ids = sorted(set(uses.values()))
        printed, expanded = [], []
        for i in range(60):
            figures = {f: str(rnd.randint(0, 120)) for f in ids if rnd.random() < 0.95}
            own = {}
            for code, (most, how) in assessed(index).items():
                if not any(u[0] == code for u in uses) or rnd.random() < 0.15:
                    own[code] = good_input(how, most, rnd)  # stands before any figure
                elif "has" in how.takes:
                    own[code] = {"has": rnd.random() < 0.8}
                elif "p1" in how.takes:
                    own[code] = {name: good_input(inner, o, rnd)
                                 for name, (o, inner) in how.parts.items() if "option" in inner.takes}
            full = json.loads(json.dumps(own))
            for (code, name), figure in uses.items():
                if figure in figures:
                    put(full, code, name, figures[figure])
            printed.append({"unit": str(i), "inputs": own, "figures": figures})
            expanded.append({"unit": str(i), "inputs": full})
        for unit, row, right in zip(printed, evaluate(index, printed),
                                    oracle.evaluate(index, expanded)):
            self.assertEqual(list(differences(unit, row, right)), [])

    def test_several_indicators_share_a_figure(self):
        """Otherwise the test above shows nothing."""
        for index in ("vl-province-2025", "hd-department-2024", "hd-district-2024"):
            ids = list(figure_uses(index).values())
            self.assertGreater(len(ids), len(set(ids)), index)


# ---- bad lines ----------------------------------------------------------------------------------

BAD_LINES = [
    "not JSON", "{", "[]", "7", '"unit"', "null", "{}", '{"inputs": {}}', '{"unit": 7}',
    '{"unit": null}', '{"unit": "X"} {"unit": "Y"}', '{"unit": "X", "unit": "Y"}',
    '{"unit": "X", "inputs": []}', '{"unit": "X", "inputs": "a"}',
    '{"unit": "X", "excluded": "1"}', '{"unit": "X", "excluded": {"1": true}}',
    '{"unit": "X", "excluded": ["9.9"]}', '{"unit": "X", "excluded": [1]}',
    '{"unit": "X", "excluded": [null]}', '{"unit": "X", "excluded": [""]}',
    '{"unit": "X", "inputs": {"9.9": {"a": "1"}}}', '{"unit": "X", "inputs": {"3.1": []}}',
    '{"unit": "X", "inputs": {"3.1": "5"}}', '{"unit": "X", "inputs": {"3.1": {"z": "1"}}}',
    '{"unit": "X", "inputs": {"3.1": {"p1": {"a": "1"}}}}',
    '{"unit": "X", "inputs": {"3.5": {"a": "1"}}}', '{"unit": "X", "inputs": {"": {"a": "1"}}}',
    '{"unit": "X", "figures": {"no-such-figure": "1"}}', '{"unit": "X\x00"}', '{"unit": "\\u0000"}',
    '{"unit": "X", "inputs": {"3.1": {"a": "1"}, "3.1": {"a": "2"}}}',
    '{"unit": "X", "figures": ["population"]}', '{"unit": "X", "figures": "population"}',
]


class BadLines(Case):
    def test_each_is_named_and_the_others_are_answered(self):
        good = [complete("vl-province-2025", f"good {i}", random.Random(i))
                for i in range(len(BAD_LINES) + 1)]
        lines = [json.dumps(good[0])]
        for bad, after in zip(BAD_LINES, good[1:]):
            lines += [bad, json.dumps(after)]
        done = chiso("evaluate", "--index", "vl-province-2025", "--json",
                     stdin="\n".join(lines) + "\n")
        self.assertEqual(done.returncode, 1, done.stderr)
        named = {int(n) for n in re.findall(r"^stdin:(\d+): ", done.stderr, re.M)}
        self.assertEqual({i + 1: lines[i] for i in range(len(lines)) if i % 2 and i + 1 not in named},
                         {}, "not named")
        self.assertEqual([lines[n - 1] for n in named if n % 2], [], "named although good")
        answers = {}
        for line in done.stdout.splitlines():
            row = json.loads(line)
            answers[row["unit"]] = row
        self.assertEqual([g["unit"] for g in good if g["unit"] not in answers], [])
        self.assertEqual([u for u in answers if u.startswith("good")], [g["unit"] for g in good])
        for code in oracle.INDEXES["vl-province-2025"].indicators:
            if code != "7.5":  # depends on who else is there
                got = [answers[g["unit"]]["indicators"][code]["points"] for g in good]
                self.assertEqual(got, [r["indicators"][code]["points"] for r in
                                       oracle.evaluate("vl-province-2025", good)])

    def test_each_alone(self):
        for bad in BAD_LINES:
            with self.subTest(line=bad):
                done = chiso("evaluate", "--index", "vl-province-2025", "--json", stdin=bad + "\n")
                self.assertEqual(done.returncode, 1, done.stdout)
                self.assertRegex(done.stderr, r"\Astdin:1: .*; expected ")

    def test_empty_lines_and_no_lines_are_no_mistake(self):
        done = chiso("evaluate", "--index", "hp-par-2025", "--json", stdin="")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        done = chiso("evaluate", "--index", "hp-par-2025", "--json",
                     stdin='\n  \n{"unit": "A"}\r\n\n{"unit": "B"}')
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual([json.loads(x)["unit"] for x in done.stdout.splitlines()], ["A", "B"])

    def test_line_numbers_count_empty_lines(self):
        done = chiso("evaluate", "--index", "hp-par-2025", "--json", stdin='\n\n{"unit": "A"}\nx\n')
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"\Astdin:4: ")

    def answer(self, line, index="hp-par-2025", code=0, stderr=r"\A\Z"):
        """The rows that one line, given as it is, is answered with."""
        done = chiso("evaluate", "--index", index, "--json", stdin=line)
        self.assertEqual(done.returncode, code, (line, done.stderr))
        self.assertRegex(done.stderr, stderr)
        return [json.loads(x) for x in done.stdout.splitlines()]

    def test_numbers_of_any_size(self):
        """Whole JSON numbers are read up to what a decimal holds. What is larger, or no number that
        is exact, makes its indicator invalid, and nothing else of the unit."""
        for number, status in ((10**15, "scored"), (10**18 - 1, "scored"), (10**18, "invalid"),
                               (2**63, "invalid"), (10**400, "invalid"), ("1e400", "invalid"),
                               ("-1e400", "invalid"), (-2**64, "invalid"), ("-0", "scored"),
                               ("1e-400", "invalid"), ("{}", "invalid"), ('{"x": "1"}', "invalid")):
            line = ('{"unit": "A", "inputs": {"7.3.1": {"b": %s, "a": "999999999999999999"}, '
                    '"7.2.1": {"option": 1}}}\n' % number)
            with self.subTest(number=number):
                got = self.answer(line)[0]["indicators"]
                self.assertEqual(got["7.3.1"]["status"], status)
                self.assertEqual((got["7.2.1"]["status"], got["7.2.1"]["points"]), ("scored", "0.500000"))
        for given in ('"items": 1e400', '"items": [1e400, 1]'):
            got = self.answer('{"unit": "A", "inputs": {"7.2.3": {%s}}}' % given)[0]
            self.assertEqual(got["indicators"]["7.2.3"]["status"], "invalid", given)
        got = self.answer('{"unit": "A", "inputs": {"1.3": {"has": 1e400, "n": "5"}}}', "vl-province-2025")[0]
        self.assertEqual(got["indicators"]["1.3"]["status"], "invalid")
        self.assertEqual(self.answer('{"unit": 1e400}', code=1, stderr=r"\Astdin:1: no unit;"), [])

    def test_null_is_missing_wherever_it_stands(self):
        whole = self.answer('{"unit": "A"}')
        for line in ('{"unit": "A", "inputs": null}', '{"unit": "A", "figures": null}',
                     '{"unit": "A", "inputs": {"7.1": null, "7.3.1": {"a": null}}}',
                     '{"unit": "A", "inputs": {"7.1": {"p1": null}}, "figures": {"work-documents": null}}'):
            self.assertEqual(self.answer(line), whole, line)

    def test_an_input_given_twice(self):
        row = self.answer('{"unit": "A", "inputs": {"7.1": {"p1.a": "5", "p1": {"a": "7"}}}}', code=1,
                          stderr=r"\Astdin:1: inputs\.7\.1\.p1\.a is given twice; expected ")
        self.assertEqual(len(row), 1)

    def test_a_name_on_two_lines_is_two_units(self):
        rows = self.answer('{"unit": "B"}\n{"unit": "A"}\n\n{"unit": "B"}\n')
        self.assertEqual([r["unit"] for r in rows], ["B", "A", "B"])

    def test_a_byte_order_mark_is_no_part_of_the_first_line(self):
        self.assertEqual([r["unit"] for r in self.answer('\ufeff{"unit": "A"}\r\n{"unit": "B"}\r\n')],
                         ["A", "B"])
        self.assertEqual(self.answer("\ufeff\n"), [])

    def test_what_is_told_is_text(self):
        """Cut in the middle of a letter it would be none, and a terminal obeys control characters."""
        for line in ('{"unit": "A", "%s": 1}' % ("ệ" * 50), '{"unit": "A", "inputs": {"x%s": {}}}' % ("ệ" * 90),
                     '{"unit": "A", "inputs": {"7.1": {"\\u001b[31m%s": "1"}}}' % ("ệ" * 90),
                     '{"unit": "A", "excluded": ["\\u001b]0;%s"]}' % ("ệ" * 90)):
            self.answer(line + "\n", code=1, stderr=r"\Astdin:1: [^\x00-\x1f]*; expected [^\x00-\x1f]*\n\Z")

    def test_bytes_that_are_no_text(self):
        for line in (b'{"unit": "\xff\xfe"}', '{"unit": "A"}'.encode("utf-16"), b'{"unit": "\xc3"}',
                     b'{"unit": "A", "inputs": {"\xed\xa0\x80": {}}}'):
            done = subprocess.run([BIN / "chiso", "evaluate", "--index", "hp-par-2025"], capture_output=True,
                                  input=line + b"\n" + b'{"unit": "Z"}\n', timeout=300,
                                  env={**os.environ, "CHISO_CATALOGS": str(CATALOGS)})
            self.assertEqual(done.returncode, 1, line)
            self.assertRegex(done.stderr.decode(), r"\Astdin:1: ")
            self.assertEqual([json.loads(x)["unit"] for x in done.stdout.splitlines()][-1:], ["Z"])

    def test_what_cannot_be_read_or_written_is_no_success(self):
        command = [BIN / "chiso", "evaluate", "--index", "hp-par-2025", "--catalogs", CATALOGS]
        with open("/dev/full", "w") as full:
            done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, input=b'{"unit": "A"}\n',
                                  timeout=300)
        self.assertEqual((done.returncode, b"No space left" in done.stderr), (5, True), done.stderr)
        folder = os.open("/", os.O_RDONLY)
        try:
            done = subprocess.run(command, stdin=folder, capture_output=True, timeout=300)
        finally:
            os.close(folder)
        self.assertEqual((done.returncode, done.stdout), (5, b""), done.stderr)

    def test_help_of_a_command(self):
        for command in ("lint", "evaluate", "explain", "diff"):
            done = chiso(command, "--help")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn(f"chiso {command} ", done.stdout)

    def test_no_such_index(self):
        for arguments in (("--index", "hp-par-2026"), (), ("--index",)):
            done = chiso("evaluate", *arguments, stdin='{"unit": "A"}\n')
            self.assertNotEqual(done.returncode, 0)
            self.assertEqual(done.stdout, "")
            self.assertTrue(done.stderr)


# ---- explain, diff ------------------------------------------------------------------------------


class Catalogs(Case):
    def explain(self, index, code, given=None):
        more = [] if given is None else [json.dumps(given)]
        done = chiso("explain", "--index", index, code, *more)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        return done.stdout

    def test_explain_shows_the_formula_and_works_an_example_out(self):
        plain = self.explain("vl-province-2025", "7.1")
        self.assertRegex(plain, r"ratio = a / b")
        self.assertRegex(plain, r"ratio >= 0\.2: 50")
        self.assertIn("Tỷ lệ < 20%: điểm = điểm tối đa * tỷ lệ", plain)  # the official text
        self.assertNotIn("points = 9.5", plain)
        self.assertRegex(self.explain("vl-province-2025", "1.2"),
                         r"(?m)^work +Văn bản chỉ đạo chuyên đề về chuyển đổi số do Chủ tịch UBND tỉnh ký$")
        worked = self.explain("vl-province-2025", "7.1", q(19, 100))
        self.assertIn("points = 9.500000 (scored)", worked)
        self.assertIn("a = 19", worked)
        self.assertIn("\n  min(1, 19 / 100) = 0.19 < 0.2: 19 / 100 * 50 = 9.5\n", worked)
        self.assertIn("points = 50.000000 (scored)", self.explain("vl-province-2025", "7.1", q(1, 5)))
        self.assertIn("(missing)", self.explain("vl-province-2025", "7.1", {"a": "1"}))
        self.assertIn("(invalid)", self.explain("vl-province-2025", "7.1", q(-1, 5)))
        self.assertIn("(undefined)", self.explain("vl-province-2025", "7.1", q(1, 0)))

    def test_explain_says_all_that_can_become_of_a_zero_denominator(self):
        def no_incidents(c, d):
            return self.explain("hd-department-2024", "5.7", {"a": "0", "b": "0", "c": c, "d": d})
        self.assertIn("denominator 0: the maximum if c >= d > 0, undefined if d = 0, else 0\n",
                      self.explain("hd-department-2024", "5.7"))
        self.assertIn("points = 10.000000 (scored)", no_incidents("4", "4"))
        self.assertIn("points = 0.000000 (scored)", no_incidents("3", "4"))
        self.assertIn("points = 0.000000 (undefined)", no_incidents("0", "0"))

    def test_explain_agrees_with_the_oracle(self):
        rnd = random.Random("explain")
        for index in oracle.INDEXES:
            for code, (most, how) in rnd.sample(list(assessed(index).items()), 4):
                given = good_input(how, most, rnd)
                if how is oracle.against_the_best:
                    continue
                points, status, _ = oracle.score(index, code, given)
                with self.subTest(index=index, code=code, given=given):
                    self.assertIn(f"points = {oracle.text(points)} ({status})",
                                  self.explain(index, code, given))

    def test_explain_shows_all_that_the_catalog_says(self):
        """Of a row with every column, and of a parent."""
        text = self.explain("vl-province-2025", "1.3")
        for said in ("Văn phòng UBND tỉnh", "  - Cổng thông tin điện tử của Tỉnh có chuyên mục riêng",
                     "tối thiểu 5 tin bài về chuyển đổi số/tháng", "Hàng tháng", "mục 1.3 Bảng I.4",
                     "  Mức “dưới 52” gồm cả 0: ", "[dx-news-items, from the unit]",
                     "[vl-province-2025.1.3.excluded: 1 not assessed, 0 assessed]"):
            self.assertIn(said, text)
        self.assertIn("excluded     by default (không đánh giá)", self.explain("hn-city-2025", "5.1"))
        text = self.explain("hd-district-2024", "3.6")
        self.assertRegex(text, r"(?m)^  3\.6\.1 +Có hệ thống .* \(maximum 2\.5\)\n  3\.6\.2 +Có")

    def test_explain_refuses_what_is_not_there(self):
        self.assertNotEqual(chiso("explain", "--index", "vl-province-2025", "9.9").returncode, 0)
        self.assertNotEqual(chiso("explain", "--index", "no-such", "1.1").returncode, 0)
        self.assertNotEqual(
            chiso("explain", "--index", "vl-province-2025", "7.1", "nonsense").returncode, 0)

    def test_diff_joins_by_what_replaces_what(self):
        done = chiso("diff", "hp-par-2024", "hp-par-2025")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        joined = dict((new, old) for old, new in re.findall(r"(?m)^~ (\S+) -> (\S+) ", done.stdout))
        self.assertEqual(joined, {"7.2.1": "7.1.1", "7.2.2": "7.1.2", "7.2.3": "7.1.3",
                                  "7.3.1": "7.2.1", "7.3.2": "7.2.2", "7.4.3": "7.3.3",
                                  "7.4.5": "7.3.5", "7.4.6": "7.3.6"})
        self.assertEqual(re.findall(r"(?m)^\+ (\S+) ", done.stdout), ["7.1", "7.3.3"])
        self.assertEqual(re.findall(r"(?m)^- (\S+) ", done.stdout), [])
        self.assertRegex(done.stdout, r"ratio < 0\.9")
        self.assertRegex(done.stdout, r"ratio < 0\.6")
        # the first row of the table: the criterion itself
        self.assertIn("\n    maximum: 7 -> 9.5\n    stated maximum: 13.5 -> 16.00\n", done.stdout)
        self.assertIn("\n~ pillar 7 Chuyển đổi số trong các cơ quan nhà nước\n    title was: "
                      "Xây dựng và phát triển chính quyền điện tử, chính quyền số\n", done.stdout)
        # 7.3.5 divides by the eligible services, 7.4.5 by all; b is the same
        changed = done.stdout[done.stdout.index("~ 7.3.5"):done.stdout.index("~ 7.3.6")]
        self.assertEqual(re.findall(r"(?m)^    (\S+ (?:was|is)): .* \[(\S+)\]$", changed),
                         [("a was", "online-services-full-eligible"), ("a is", "public-services")])

    def test_diff_of_the_same_is_empty(self):
        for index in oracle.INDEXES:
            done = chiso("diff", index, index)
            self.assertEqual(done.returncode, 0, index)
            self.assertRegex(done.stdout, r"(?m)^0 changes$")

    def test_diff_tells_each_change(self):
        for index, right, wrong, said in (
                ("hp-par-2025", 'max: "9.50"\nstated:\n  max: "16.00"',
                 'max: "9.50"\nstated:\n  max: "15.00"', "    stated maximum: 16.00 -> 15.00"),
                ("hn-city-2025", '    title: "Thể chế số"', '    title: "Thể chế"',
                 "~ pillar 2 Thể chế\n    title was: Thể chế số"),
                ("hn-city-2025", 'stated: {indicators: "11"}', 'stated: {indicators: "12"}',
                 "    stated indicators: 11 -> 12"),
                ("hn-city-2025", 'stated: {indicators: "11"}', 'stated: {max: "90", indicators: "11"}',
                 "    stated maximum: none -> 90"),
                ("hn-city-2025", 'scorer: "Sở Y tế"', 'scorer: "Sở Nội vụ"',
                 "    scored by: Sở Y tế -> Sở Nội vụ"),
                ("hn-city-2025", '        max: "20"\n        rule: {points: given}\n        excluded: true\n',
                 '        max: "20"\n        rule: {points: given}\n', "    excluded: by default -> none"),
                ("hp-par-2025", "Có ứng dụng AI nâng cao khác: 0.25\n", "Có ứng dụng AI khác: 0.25\n",
                 "    the official text is another, see chiso explain"),
                ("hp-par-2025", "Hiểu như bản in: dưới 0,60 được 0 điểm", "Dưới 0,60 được 0 điểm",
                 "    how it is read is another, see chiso explain"),
                ("hp-par-2025", 'floor: "0.60", subset: true', 'floor: "0.60", subset: false',
                 "    subset is another: whether more than all of the denominator is a mistake"),
                ("hd-department-2024", '- "Trưởng ban/Tổ trưởng là Phó giám đốc cơ quan, đơn vị"',
                 '- "Trưởng ban/Tổ trưởng là Phó giám đốc"',
                 "    option 2: Trưởng ban/Tổ trưởng là Phó giám đốc cơ quan, đơn vị -> "
                 "Trưởng ban/Tổ trưởng là Phó giám đốc"),
                ("vl-province-2025", "levels: [province]", "levels: [province, commune]",
                 "    levels: province -> province, commune"),
                ("vl-province-2025", "periods: [year]", "periods: [quarter]", "    periods: year -> quarter")):
            with self.subTest(said=said), tempfile.TemporaryDirectory() as folder:
                copy = shutil.copytree(CATALOGS, pathlib.Path(folder) / "catalogs")
                path = copy / f"{index}.yaml"
                text = path.read_text(encoding="utf-8")
                self.assertEqual(text.count(right), 1, right)
                path.write_text(text.replace(right, wrong), encoding="utf-8")
                done = chiso("diff", index, path)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertIn(f"\n{said}\n", done.stdout)
                self.assertRegex(done.stdout, r"(?m)^1 changes$")


    def test_diff_tells_what_is_not_there_to_be_replaced(self):
        with tempfile.TemporaryDirectory() as folder:
            copy = shutil.copytree(CATALOGS, pathlib.Path(folder) / "catalogs")
            path = copy / "hp-par-2025.yaml"
            path.write_text(path.read_text(encoding="utf-8").replace('replaces: "7.1.1"', 'replaces: "7.1.9"'),
                            encoding="utf-8")
            done = chiso("diff", "hp-par-2024", path)
            self.assertRegex(done.stdout, r"(?m)^\+ 7\.2\.1 .*\n    replaces 7\.1\.9, which hp-par-2024 does not have$")
            self.assertRegex(done.stdout, r"(?m)^- 7\.1\.1 ")


if __name__ == "__main__":
    unittest.main()
