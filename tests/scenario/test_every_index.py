"""Every index in the services: figures of all kinds, told in pieces and out of order through the bus,
must give what `chiso evaluate` gives for the same inputs, to the last digit.

chiso-feed stands in ingest's place; scorer, publisher and chiso are the real ones. Some units are
complete, some have gaps, some have what cannot be, some are not assessed in parts. On the way the
units say other things first, and the scorer is killed.
"""
import copy
import json
import math
import random
import re
from decimal import Decimal
from fractions import Fraction

import oracle
import rig
from test_evaluate import assessed, evaluate, figure_uses, good_input

UNITS = 16  # of each index
WORSE = ("excluded", "scored", "undefined", "missing", "invalid")
PERIODS = {index: str(2020 + i) for i, index in enumerate(oracle.INDEXES)}
MARKER = ("dvc-766.ckmb", "2019-Q1", "86")  # told last: who sees it has seen everything


def catalog(index):
    return rig.ROOT / "catalogs" / f"{index}.yaml"


def level_of(index):
    return re.search(r"^levels: \[(\w+)\]$", catalog(index).read_text(encoding="utf-8"), re.M)[1]


def unit_of(index, name):
    level = level_of(index)
    parent = {} if level == "province" else {"parent": "01"}
    return {"unit": name, "level": level, "name": f"Đơn vị {name}", **parent,
            "period": PERIODS[index]}


# ---- inputs of an indicator, as figures ----------------------------------------------------------


class Translation:
    """The figures of one unit, and from them again the inputs as chiso evaluate takes them: two
    indicators that share a figure share its value."""

    def __init__(self, index):
        self.index, self.uses, self.figures = index, figure_uses(index), {}

    def figure(self, code, name):
        return self.uses.get((code, name), f"{self.index}.{code}.{name}")

    def put(self, code, how, given, prefix=""):
        for name, value in given.items():
            if isinstance(value, dict):
                self.put(code, how.parts[name][1], value, prefix + name + ".")
            elif name == "items":
                for i in range(1, how.takes["items"] + 1):
                    self.figures[self.figure(code, f"{prefix}items.{i}")] = str(int(i in value))
            elif name == "has":
                self.figures[self.figure(code, prefix + "has")] = str(int(value))
            else:
                self.figures[self.figure(code, prefix + name)] = value

    def inputs(self, code, how, prefix=""):
        """What the figures say; None where a figure is missing."""
        out = {}
        for name, kind in how.takes.items():
            if isinstance(kind, dict):
                part = self.inputs(code, how.parts[name][1], prefix + name + ".")
                out.update({name: part} if part else {})
                continue
            if name == "items":
                items = [self.figures.get(self.figure(code, f"{prefix}items.{i}"))
                         for i in range(1, kind + 1)]
                if any(v not in ("0", "1", None) for v in items):
                    value = "what cannot be"
                else:
                    value = None if None in items else [i for i, v in enumerate(items, 1) if v == "1"]
            else:
                value = self.figures.get(self.figure(code, prefix + name))
                if name == "has" and value is not None:
                    value = {"0": False, "1": True}.get(value, "what cannot be")
            if value is not None:
                out[name] = value
        return out


def complete(index, rnd):
    t = Translation(index)
    for code, (most, how) in assessed(index).items():
        t.put(code, how, good_input(how, most, rnd))
    return t


def spoil(t, rnd):
    """Some figures less, some that cannot be."""
    for id in sorted(t.figures):
        chance = rnd.random()
        if chance < 0.12:
            del t.figures[id]
        elif chance < 0.18:
            t.figures[id] = rnd.choice(["-1", "-0.000001", "7", "1.5", "99999999"])


def exclude(t, rnd):
    """Says of every indicator, or of a few, whether it is assessed; returns the codes that are not,
    or None where the catalog's defaults hold."""
    table = oracle.INDEXES[t.index].indicators
    parents = {c for c, (_, how) in table.items() if how is None}
    out = {c for c in table if rnd.random() < 0.25}
    out |= {c for c in table for p in parents & out if c.startswith(p + ".")}
    for code in table:
        above = any(code.startswith(p + ".") for p in parents & out)
        if not above:  # what is said of a parent is said of its children
            t.figures[f"{t.index}.{code}.excluded"] = str(int(code in out))
    return sorted(out)


def make_units(index, rnd):
    """(unit as evaluate takes it, its figures)"""
    for i in range(UNITS):
        t = complete(index, rnd)
        if i % 4 >= 2:
            spoil(t, rnd)
        excluded = exclude(t, rnd) if i % 4 in (1, 3) else None
        row = {"unit": f"{index[:4]}{i:02}",
               "inputs": {code: t.inputs(code, how) for code, (_, how) in assessed(index).items()}}
        if excluded is not None:
            row["excluded"] = excluded
        yield row, t.figures


# ---- telling them ---------------------------------------------------------------------------------


def readings(index, row, figures, rnd):
    """The figures in a few readings, some with another value first."""
    lines = []
    for id, value in figures.items():
        before = rnd.choice(["0", "1", "2", "3.25"]) if rnd.random() < 0.3 else None
        for said in filter(None, (before, value)):
            lines.append((id, said))
    places = {}
    order = sorted(range(len(lines)), key=lambda _: rnd.random())
    for place, which in zip(sorted(order), order):  # each figure's own values keep their order
        places.setdefault(lines[which][0], []).append(place)
    told = sorted((place, id, said) for id, places_of in places.items()
                  for place, said in zip(sorted(places_of), [s for i, s in lines if i == id]))
    while told:
        n = rnd.randint(1, 12)
        chunk, told, seen = told[:n], told[n:], {}
        for place, id, said in chunk:
            if id in seen:  # once in a reading
                told.insert(0, (place, id, said))
            else:
                seen[id] = said
        yield {**unit_of(index, row["unit"]), "figures": seen}


class EveryIndex(rig.Case):
    def start(self):
        r = self.rig(portals=0)
        r.more_indexes = [str(catalog(index)) for index in oracle.INDEXES]
        self.file = r.dir / "readings.jsonl"
        self.file.touch()
        (r.dir / "feed.yaml").write_text(rig.yaml_text({
            "data_dir": str(r.data_dir("ingest")), "file": str(self.file),
            "bus": {"endpoint": r.endpoints["ingest"]}}), encoding="utf-8")
        r.services["ingest"] = rig.Proc(r, "feed", [rig.BIN / "chiso-feed", "--config",
                                                    r.dir / "feed.yaml"])
        r.start()
        self.at = 0
        return r

    def tell(self, lines):
        with open(self.file, "a", encoding="utf-8") as f:
            for line in lines:
                self.at += 1
                f.write(json.dumps({**line, "at": self.at}, ensure_ascii=False) + "\n")

    def settle(self, r):
        """Until what was told so far is on the API."""
        id, period, code = MARKER
        value = str(self.at % 18) + f".{self.at % 100 + 1:02}"
        self.tell([{"unit": code, "level": "province", "name": "Dấu", "period": period,
                    "figures": {id: value}}])

        def there():
            u = rig.get_json(f"{r.url}/api/v1/indexes/dvc-766/{period}/units/{code}")
            seen = [f["value"] for f in u["figures"] if f["id"] == id]
            return Decimal(seen[0]) == Decimal(value), seen
        r.wait(there, "the last reading is on the API")

    def check_worked(self, i, where):
        """The formula with its figures, worked out here, gives the points."""
        text = i["worked"]
        if i["status"] != "scored":
            self.assertIsNone(text, where)
        if text is None or "cao nhất" in text:  # the best ratio is another unit's
            return
        told, _, points = text.rpartition(" = ")
        total = Fraction(0)
        for part in re.findall(r"\[([^\]]*)\]", told) or [told]:
            part = part.rpartition(": ")[2].replace("min(1; ", "min(1, ").replace("×", "*")
            self.assertRegex(part, r"^[-0-9., */+()min]+$", where)
            total += eval(re.sub(r"\d[\d.]*(?:,\d+)?", lambda m: "Fraction('{}')".format(
                m.group().replace(".", "").replace(",", ".")), part),
                {"Fraction": Fraction, "min": min})
        rounded = Decimal(math.floor(total * 10**6 + Fraction(1, 2))) / 10**6
        self.assertEqual(rounded, Decimal(i["points"]), f"{where}: {text}")
        self.assertEqual(points.replace(".", "").replace(",", "."), rig.canonical(i["points"]), where)
        self.worked += 1

    worked = 0

    def same(self, index, row, got, want):
        """The API's answer for a unit and chiso evaluate's line."""
        where = f"{index} {row['unit']}"
        have = {i["code"]: i for p in got["pillars"] for i in p["indicators"]}
        self.assertEqual(list(have), list(want["indicators"]), where)
        for code, right in want["indicators"].items():
            i, given = have[code], json.dumps(row["inputs"].get(code))
            self.assertEqual((i["status"], Decimal(i["points"]), sorted(i["flags"])),
                             (right["status"], Decimal(right["points"]), sorted(right["flags"])),
                             f"{where} {code} {given}")
            self.check_worked(i, f"{where} {code} {given}")
        for p in got["pillars"]:
            right = want["pillars"][p["code"]]
            self.assertEqual((Decimal(p["points"]), Decimal(p["max"])),
                             (Decimal(right["points"]), Decimal(right["max"])), f"{where} {p['code']}")
            self.assertEqual(p["status"], max((i["status"] for i in p["indicators"]), key=WORSE.index),
                             f"{where} {p['code']}")
        for key in ("points", "max"):
            self.assertEqual(Decimal(got[key]), Decimal(want[key]), f"{where} {key}")
        for key in ("percent", "coverage", "rank"):
            self.assertEqual(got[key], want[key], f"{where} {key}")
        self.assertEqual(got["nation_rank"], want["rank"], where)

    def test_as_evaluate(self):
        rnd = random.Random("every index")
        r = self.start()
        world = {index: list(make_units(index, rnd)) for index in oracle.INDEXES}
        queues = [list(readings(index, row, figures, rnd))
                  for index, units in world.items() for row, figures in units]
        lines = []
        while queues:
            queue = rnd.choice(queues)
            lines.append(queue.pop(0))
            if not queue:
                queues.remove(queue)
        third = len(lines) // 3
        self.tell(lines[:third])
        self.settle(r)
        self.tell(lines[third:2 * third])
        r.services["scorer"].kill()
        r.services["scorer"].start()
        self.tell(lines[2 * third:])
        self.settle(r)
        compared, scored = 0, 0
        for index, units in world.items():
            wanted = evaluate(index, [row for row, _ in units])
            for (row, _), want in zip(units, wanted):
                got = rig.get_json(f"{r.url}/api/v1/indexes/{index}/{PERIODS[index]}/units/"
                                   f"{row['unit']}")
                self.same(index, row, got, want)
                compared += len(want["indicators"])
                scored += sum(i["status"] == "scored" for i in want["indicators"].values())
        self.assertGreater(compared, 3000)
        self.assertGreater(scored, compared // 2)
        self.assertGreater(self.worked, scored // 2)
        r.stop_services()
        code, out, err = rig.run([rig.BIN / "chiso", "verify", "--scorer", r.data_dir("scorer"),
                                  "--publisher", r.data_dir("publisher"),
                                  *(a for file in (rig.CATALOG, *r.more_indexes)
                                    for a in ("--index", file))])
        self.assertEqual((code, out.splitlines()[-1]), (0, "0 findings"), out + err)

    def test_who_said_it(self):
        """What a unit hands in counts as covered, not as covered by machines."""
        r = self.start()
        index = "hd-department-2024"
        unit = {**unit_of(index, "H23.1"), "figures": {"dx-news-items": "5"}}
        self.tell([unit, {**copy.deepcopy(unit), "submitter": "unit:H23.1",
                          "figures": {f"{index}.1.3.has": "1", f"{index}.1.1.option": "2",
                                      f"{index}.1.4.items.1": "1", f"{index}.1.2.excluded": "1"}},
                   {**copy.deepcopy(unit), "figures": {f"{index}.2.1.option": "1"}}])
        self.settle(r)
        got = rig.get_json(f"{r.url}/api/v1/indexes/{index}/{PERIODS[index]}/units/H23.1")
        have = {i["code"]: i for p in got["pillars"] for i in p["indicators"]}
        self.assertEqual([(have[c]["status"], have[c]["points"]) for c in ("1.1", "1.2", "1.3", "1.4",
                                                                           "2.1")],
                         [("scored", "10"), ("excluded", "0"), ("scored", "5"), ("missing", "0"),
                          ("scored", "10")])
        # 1.1, 1.3 and 2.1 of 290: 20, 10, 10; the last by a machine
        self.assertEqual((got["max"], got["coverage"], got["machine_coverage"]),
                         ("290", "0.137931", "0.034483"))
        figures = {f["id"]: f for f in got["figures"]}
        self.assertEqual(figures[f"{index}.1.1.option"]["kind"], "option")
        self.assertEqual(figures[f"{index}.1.1.option"]["submitter"], "unit:H23.1")
        self.assertEqual(figures[f"{index}.1.1.option"]["text"],
                         "Trưởng ban/Tổ trưởng là Phó giám đốc cơ quan, đơn vị")
        self.assertEqual([len(i["texts"]) for i in have["1.1"]["inputs"]], [3])
        self.assertEqual(figures["dx-news-items"]["submitter"], None)
        self.assertEqual([f["id"] for f in have["1.2"]["figures"]], [f"{index}.1.2.excluded"])
        self.assertEqual([(i["name"], i["kind"], i["most"]) for i in have["1.4"]["inputs"]],
                         [("items.1", "yes_no", "1"), ("items.2", "yes_no", "1")])
