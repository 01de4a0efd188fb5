"""A source that misbehaves: the right class, the last good figures unchanged, nothing pushed."""
import json
import pathlib
import shutil
import time
import unittest
from decimal import Decimal

import rig
from rig import INDEX, canonical, request

# mode → (class, rule in quarantine or None, a part of the reason, further options)
WHOLE = {
    "block": ("blocked", "blocked", "a page instead of JSON", {}),
    "html404": ("blocked", "blocked", "404", {}),
    "error503": ("retrying", None, "503", {}),
    "status500": ("retrying", None, "500", {}),
    "slow": ("retrying", None, "", {"delay_ms": 60000}),
    "truncated": ("retrying", None, "", {}),
    "truncated_json": ("quarantined", "schema", "", {}),
    "not_array": ("quarantined", "schema", "none of the 1 rows has any of the columns", {}),
    "huge": ("quarantined", "size", "larger than", {"size": 3 << 20}),
    "empty": ("no_data", None, "no data", {}),
    "changed_field": ("quarantined", "schema", "TTTT is missing or empty", {}),
}
FIRST = ("401621", "24")  # the first row of 0_2025: its id, and its unit
# What is bad is old soon. What is read well is not, for as long as an answer may take: so a pause of
# the machine does not make it so.
STALE_S = 1.5
AGES = {"stale_after": "1500ms", "timeout": "15s"}


class Misbehaving(rig.Case):
    def served(self, r):
        """Everything the API tells of results, but for staleness."""
        return {g: {c: {k: v for k, v in u.items() if k != "stale"} for c, u in units.items()}
                for g, units in r.all_rankings().items()}

    def stale(self, r):
        """{(period, code)} of the units marked stale, in the rankings and one by one."""
        listed = {(g[0], c) for g, units in r.all_rankings().items()
                  for c, u in units.items() if u["stale"]}
        for period, code in sorted(listed)[:2]:
            self.assertIs(r.unit(code, period)["stale"], True)
        return listed

    def wait_outcome(self, r, series, outcome):
        def reached():
            s = r.sources().get(series)
            return (s is not None and s["outcome"] == outcome) and s, s
        return r.wait(reached, f"{series} is {outcome}")

    def wait_stale(self, r, wanted):
        def reached():
            seen = self.stale(r)
            return seen == wanted, (sorted(seen - wanted)[:5], sorted(wanted - seen)[:5])
        r.wait(reached, f"{len(wanted)} stale units")


class WholeAnswers(Misbehaving):
    """Answers of which nothing can be used."""

    def test_each_ends_in_its_class(self):
        r = self.rig(**AGES, source={"max_body": "2MiB"})
        r.start()
        r.settle()
        before = self.served(r)
        delivered = r.portals[0].stats()
        heads = r.heads()
        provinces = {("2025", c) for c in before["2025", "province", None]}
        known = 0
        for mode, (outcome, rule, reason, options) in WHOLE.items():
            with self.subTest(mode=mode):
                r.control(mode=mode, series="0_2025", **options)
                s = self.wait_outcome(r, "nation/2025", outcome)
                if mode != "changed_field":  # there the reason stands with each row
                    self.assertIn(reason, s["detail"])
                self.assertEqual(self.served(r), before)
                self.wait_stale(r, provinces)
                told = r.ranking()
                self.assertIs(told["stale"], True)
                self.assertIs(r.ranking("2025-10")["stale"], False)
                self.assertIs(r.unit("24")["stale"], True)
                self.assertEqual([x["outcome"] for x in r.unit("24")["sources"]], [outcome])
                self.assertIs(r.unit("24", "2025-10")["stale"], False)
                self.assertEqual(self.served(r), before)
                # what was kept of it
                entries = r.quarantine()[known:]
                if rule is None or (rule == "blocked" and mode == "html404"):
                    # one blocked page a series is kept, whatever it says
                    self.assertEqual(entries, [])
                else:
                    self.assertEqual(len(entries), 34 if mode == "changed_field" else 1)
                    for e in entries:
                        self.assertEqual((e["source"], e["series"], e["rule"]),
                                         (INDEX, "nation/2025", rule))
                        self.assertIn(reason, e["reason"])
                        self.assertGreaterEqual(e["times"], 1)
                        self.assertLessEqual(e["first_at"], e["last_at"])
                    self.check_bytes(r, mode, r.quarantined(entries[0]["number"])["entry"])
                known += len(entries)
                # recovery clears it, and changes nothing else
                r.control(mode="normal")
                self.wait_outcome(r, "nation/2025", "good")
                self.wait_stale(r, set())
                self.assertIs(r.sources()["nation/2025"]["stale"], False)
                self.assertEqual(self.served(r), before)
                self.assertEqual(len(r.quarantine()), known)
        self.assertEqual(r.portals[0].stats(), delivered)
        # of results, not one event
        for service, kinds in (("ingest", {"source_state"}), ("scorer", {"source_state"}),
                               ("publisher", {"vn.chiso.source.v1"})):
            since = [j["event"] for j in r.journal(service) if j["seq"] > heads[service]]
            seen = {e["notice"]["type"] if "notice" in e else next(iter(e)) for e in since}
            self.assertEqual(seen, kinds)
        r.settle()
        r.verify()

    def check_bytes(self, r, mode, entry):
        kept = entry["bytes"]
        if mode == "block":
            self.assertIn("Request Rejected", kept)
            self.assertIn("support ID", kept)
        elif mode == "not_array":
            self.assertIn("đang bận", json.loads(kept)["message"])
        elif mode == "truncated_json":
            whole = json.dumps(r.source.rows("0_2025"), ensure_ascii=False,
                               separators=(",", ":")).encode()
            try:
                kept = kept.encode() if kept.startswith("[") else bytes.fromhex(kept)
            except ValueError:
                self.fail(f"neither text nor hexadecimal: {kept[:80]!r}")
            # (the recorded totals are canonical, so the independent text is the same)
            self.assertTrue(whole.startswith(kept) and len(kept) < len(whole))
            self.assertEqual(r.archived(entry["body_sha256"]), kept)
        elif mode == "changed_field":
            row = json.loads(kept)
            self.assertEqual(row["ID"], FIRST[0])
            self.assertIn("TTTT2", row)
            self.assertNotIn("TTTT", row)
            self.assertEqual(json.loads(r.archived(entry["body_sha256"]))[0], row)
        elif mode == "huge":  # only its beginning; as hexadecimal, when a letter was cut
            size = len(kept.encode()) if kept.startswith("[") else len(kept) // 2
            self.assertEqual(size, 64 * 1024)

    def test_everything_blocked_at_once(self):
        """All series of the host: nothing is served differently, and all recovers."""
        r = self.rig(**AGES)
        r.start()
        r.settle()
        before = self.served(r)
        everything = {(g[0], c) for g, units in before.items() for c in units}
        r.control(mode="block")
        for series in r.sources():
            self.wait_outcome(r, series, "blocked")
        r.step("next")  # a change that nobody can see
        self.wait_stale(r, everything)
        self.assertEqual(self.served(r), before)
        # ingest forgets nothing of it when it is killed, nor do the others
        for service in rig.SERVICES:
            r.services[service].kill()
            r.services[service].start()
        self.wait_stale(r, everything)
        self.assertEqual({s["outcome"] for s in r.sources().values()}, {"blocked"})
        self.assertEqual(self.served(r), before)
        blocked = [e for e in r.quarantine() if e["rule"] == "blocked"]
        self.assertEqual(sorted(e["series"] for e in blocked), sorted(r.sources()))
        r.control(mode="normal")
        r.settle()
        self.wait_stale(r, set())
        self.assertEqual({s["outcome"] for s in r.sources().values()}, {"good"})
        r.verify()

    def test_never_good_and_no_data(self):
        """A source that was never good has no results, and no zeros either."""
        r = self.rig(periods=["2025", "2030"], units_of=[])
        r.replay.start()
        r.control(mode="block", series="0_2025")
        r.start()
        blocked = self.wait_outcome(r, "nation/2025", "blocked")
        nothing = self.wait_outcome(r, "nation/2030", "no_data")
        for s in (blocked, nothing):
            self.assertIsNone(s["last_good"])
            self.assertIs(s["stale"], False)
        for period in ("2025", "2030"):
            a = request(f"{r.url}/api/v1/indexes/{INDEX}/{period}/ranking")
            self.assertEqual(a.status, 404)
        self.assertEqual(r.api("indexes")["indexes"][0]["levels"], [])
        self.assertEqual(r.quarantine()[0]["rule"], "blocked")
        r.control(mode="normal")
        self.wait_outcome(r, "nation/2025", "good")
        r.settle()
        self.assertEqual(len(r.ranking()["units"]), 34)
        told = [e for e in r.portals[0].effects() if e["ce_type"] == "vn.chiso.score.v1"]
        self.assertEqual(len(told), 34)
        r.verify()


    def test_ingest_is_silent(self):
        """Staleness is ingest's judgement; when nothing is heard of it, all counts as stale."""
        for silent in ("ingest", "scorer"):
            with self.subTest(silent=silent):
                r = self.rig()
                r.start()
                r.settle()
                r.wait(lambda: (rig.get_json(f"{r.url}/healthz")["status"] == "ok", 0), "healthy")
                before = self.served(r)
                delivered = r.portals[0].stats()
                everything = {(g[0], c) for g, units in before.items() for c in units}
                r.services[silent].stop()
                self.wait_stale(r, everything)
                self.assertEqual(self.served(r), before)
                self.assertIs(r.ranking()["stale"], True)
                self.assertEqual(rig.get_json(f"{r.url}/healthz")["status"], "degraded")
                line = [s for s in r.api("sources")["sources"] if s["source"] == "chiso"]
                self.assertEqual([(s["outcome"], s["stale"]) for s in line], [("retrying", True)])
                # so it stays over a restart of the publisher, and it goes when ingest is back
                r.services["publisher"].restart()
                r.wait_ready("publisher")
                self.wait_stale(r, everything)
                r.services[silent].start()
                self.wait_stale(r, set())
                r.wait(lambda: (rig.get_json(f"{r.url}/healthz")["status"] == "ok", 0), "healthy")
                self.assertEqual(r.portals[0].stats(), delivered)
                r.settle()
                r.verify()


class BadRows(Misbehaving):
    """Answers of which some rows cannot be used: the others go on."""

    def begin(self, mode, **options):
        r = self.rig(**AGES, **options)
        r.start()
        r.settle()
        self.delivered = len(r.portals[0].effects())
        r.control(mode=mode, series="0_2025")
        return r

    def change_others(self, r, mode):
        """Changes the bad row and another one; the other's change is taken."""
        rows = r.source.rows("0_2025")
        for row in (rows[0], rows[5]):
            r.set("0_2025", row["ID"], "TDGQ", canonical(Decimal(row["TDGQ"]) - Decimal("0.5")))
        code = rig.unit_of(rows[5], "0_2025")[0]

        def taken():
            u = r.unit(code)
            return u["revision"] == 2 and u, (u["revision"], u["points"])
        unit = r.wait(taken, f"the change of {code} is taken beside {mode}")
        self.assertEqual(unit["points"], canonical(Decimal(rows[5]["TONG_SCORE"]) - Decimal("0.5")))
        return code

    def check(self, mode, rule, reason, entries_a_change=1):
        r = self.begin(mode)
        first = r.unit(FIRST[1])
        s = self.wait_outcome(r, "nation/2025", "quarantined")
        well = max(a["ns"] for a in r.answers("0_2025") if a["mode"] == "normal") / 1e9
        if time.time() - well < STALE_S:  # not at once
            self.assertEqual(s["stale_units"], [])
        code = self.change_others(r, mode)
        # that unit alone becomes stale, and stays as it was
        self.wait_stale(r, {("2025", FIRST[1])})
        s = r.sources()["nation/2025"]
        self.assertEqual((s["outcome"], s["stale"], s["stale_units"], s["stale_rows"]),
                         ("quarantined", False, [FIRST[1]],
                          [{"unit": FIRST[1], "period": "2025"}]))
        now = r.unit(FIRST[1])
        for key in ("points", "revision", "pillars", "figures", "as_of"):
            self.assertEqual(now[key], first[key])
        self.assertIs(r.unit(code)["stale"], False)
        # kept with its bytes and the reason; the same again only counts
        entries = r.quarantine()
        self.assertEqual({e["rule"] for e in entries}, {rule} if rule else set())
        if rule:
            self.assertEqual(len(entries), 2 * entries_a_change)  # before and after its change
            for e in entries:
                self.assertIn(reason, e["reason"])
                kept = r.quarantined(e["number"])["entry"]
                body = json.loads(r.archived(kept["body_sha256"]))
                self.check_row(mode, json.loads(kept["bytes"]), body)
            times = {e["number"]: e["times"] for e in entries}
            last = max(times)
            again = r.wait(lambda: ((now := {e["number"]: e["times"] for e in r.quarantine()})[last] >
                                    times[last] + 2 and now, now), "it is counted")
            self.assertEqual(set(again), set(times))
            self.assertEqual(again[min(times)], times[min(times)])
        # at the portal: the other unit's change and what it does to ranks, nothing of this one
        def told():
            return [e["ce_subject"] for e in r.portals[0].effects()[self.delivered:]
                    if e["ce_type"] == "vn.chiso.score.v1"]
        r.wait(lambda: (r.portal_difference(r.portals[0]) is None, told()), "the portal follows")
        self.assertEqual(told(), [f"{INDEX}/2025/{code}"])
        r.control(mode="normal")
        self.wait_outcome(r, "nation/2025", "good")
        self.wait_stale(r, set())
        r.settle()
        self.assertEqual(r.unit(FIRST[1])["revision"], 2)
        self.assertEqual(len(r.quarantine()), len(entries))
        r.verify()

    def check_row(self, mode, row, body):
        if mode == "unknown_id":
            self.assertEqual(row["ID"], "999999")
            self.assertEqual(row["MA_COQUAN"], body[0]["MA_COQUAN"])
            return
        self.assertEqual(row, body[0])
        self.assertEqual(row["ID"], FIRST[0])
        total = sum(Decimal(row[f]) for f in rig.PILLARS.values()) if mode == "wrong_sum" else None
        if mode == "wrong_sum":
            self.assertEqual(Decimal(row["TONG_SCORE"]) - total, 1)
        elif mode == "bad_number":
            self.assertEqual(row["MDHL"], "mười")
        elif mode == "duplicate_row":
            self.assertEqual(body[-1], row)

    def test_wrong_sum(self):
        self.check("wrong_sum", "sum", "TONG_SCORE is not the sum of its parts")

    def test_bad_number(self):
        self.check("bad_number", "number", "MDHL: 'mười' is not a number")

    def test_duplicate_row(self):
        self.check("duplicate_row", "duplicate", "of several rows")

    def test_missing_row(self):
        self.check("missing_row", None, None)

    def test_unknown_id(self):
        # what identifies the row does not hold its figures: the same bytes after its change
        r = self.begin("unknown_id")
        self.wait_outcome(r, "nation/2025", "quarantined")
        code = self.change_others(r, "unknown_id")
        self.wait_stale(r, {("2025", FIRST[1])})
        self.assertEqual(r.unit(FIRST[1])["revision"], 1)
        self.assertIs(r.unit(code)["stale"], False)
        entries = r.quarantine()
        self.assertTrue(entries)
        for e in entries:
            self.assertEqual((e["rule"], e["series"]), ("unit", "nation/2025"))
            kept = r.quarantined(e["number"])["entry"]
            self.check_row("unknown_id", json.loads(kept["bytes"]),
                           json.loads(r.archived(kept["body_sha256"])))
        self.assertEqual(len(r.ranking()["units"]), 34)
        r.control(mode="normal")
        r.settle()
        self.wait_stale(r, set())
        r.verify()

    def test_staleness_survives_a_restart(self):
        """A unit that turns stale while ingest is away is stale when it is back."""
        r = self.begin("missing_row")
        self.wait_outcome(r, "nation/2025", "quarantined")
        r.services["ingest"].kill()
        r.services["ingest"].start()
        self.wait_stale(r, {("2025", FIRST[1])})
        r.services["ingest"].restart()
        r.wait_polls(3, "0_2025")
        self.assertEqual(self.stale(r), {("2025", FIRST[1])})
        r.control(mode="normal")
        self.wait_stale(r, set())

    def test_a_new_unit_and_a_unit_that_goes(self):
        """A department that the source adds is ranked; one that it drops stays, and goes stale."""
        r = self.rig(fixtures=self.new_department(), **AGES)
        r.start()
        r.settle()
        self.assertEqual(len(r.ranking("2025-10", "department", "91")["units"]), 15)
        head = r.heads()["ingest"]
        r.step("2-more")
        r.settle()
        new = [j["event"]["reading"]["unit"]["code"] for j in r.journal("ingest")
               if j["seq"] > head and "reading" in j["event"]]
        self.assertEqual(new, ["H01.99"])
        units = {u["code"]: u for u in r.ranking("2025-10", "department", "91")["units"]}
        self.assertEqual(len(units), 16)
        new = units["H01.99"]
        self.assertEqual((new["name"], new["points"], new["rank"], new["revision"], new["change"]),
                         ("Sở Mới - tỉnh An Giang", "99.5", 1, 1, None))
        r.verify()
        r.step("1-first")
        s = self.wait_outcome(r, "91/2025-10", "quarantined")
        self.assertIn("no good figures", s["detail"])
        self.wait_stale(r, {("2025-10", "H01.99")})
        self.assertEqual(r.unit("H01.99", "2025-10")["points"], "99.5")
        r.step("2-more")
        self.wait_outcome(r, "91/2025-10", "good")
        self.wait_stale(r, set())
        r.settle()
        self.assertEqual(r.unit("H01.99", "2025-10")["revision"], 1)
        r.verify()

    def new_department(self):
        folder = pathlib.Path(rig.tempfile.mkdtemp(prefix="chiso-fixtures-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, folder)
        for step in ("1-first", "2-more"):
            shutil.copytree(rig.FIXTURES / "2025-10-11", folder / step)
        file = folder / "2-more" / "398126_2025-10.json"
        rows = json.loads(file.read_bytes())
        row = {**rows[0], "ID": "999001", "ID_COQUAN": "999001", "MA_COQUAN": "H01.99",
               "TEN": "Sở Mới - tỉnh An Giang", "TEN_COQUAN": "Sở Mới - tỉnh An Giang",
               "CKMB": "18", "TDGQ": "20", "CLGQ": "12", "TTTT": "10", "MDHL": "18",
               "MDSH": "21.5", "TONG_SCORE": "99.5"}
        file.write_text(json.dumps([*rows, row], ensure_ascii=False), encoding="utf-8")
        return folder


class SeveralPeriods(Misbehaving):
    """One series that has two months of each province: each month is fresh or stale by itself."""
    SEP, OCT = "2025-09", "2025-10"

    def described(self, more=""):
        """The board's description, but that a row says its own month."""
        folder = pathlib.Path(rig.tempfile.mkdtemp(prefix="chiso-source-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, folder)
        file = folder / "dvc-766.yaml"
        text = rig.DESCRIPTION.read_text(encoding="utf-8")
        file.write_text(text.replace("figures:\n", "period: {at: /KY, date: period, as: month"
                                     f"{more}}}\nfigures:\n", 1), encoding="utf-8")
        return str(file)

    def months(self):
        """Steps: all is well; then of September the first province is refused and the second is
        no longer told; then all is well again."""
        folder = pathlib.Path(rig.tempfile.mkdtemp(prefix="chiso-fixtures-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, folder)
        rows = json.loads((rig.FIXTURES / "2025-10-15/0_2025.json").read_bytes())
        both = [{**row, "KY": month} for month in (self.SEP, self.OCT) for row in rows]
        worse = [{**both[0], "MDHL": "mười"}, *both[2:]]
        for step, told in (("1-well", both), ("2-worse", worse), ("3-well", both)):
            (folder / step).mkdir()
            (folder / step / "0_2025.json").write_text(json.dumps(told, ensure_ascii=False),
                                                       encoding="utf-8")
        return folder, [rig.unit_of(row, "0_2025")[0] for row in rows[:2]]

    def points(self, r):
        return {(g, c): (u["points"], u["revision"]) for g, units in r.all_rankings().items()
                for c, u in units.items()}

    def badges(self, r, period):
        """How many of the period's units the page without scripts marks as old."""
        a = request(f"{r.url}/?index={INDEX}&period={period}&level=province")
        self.assertEqual(a.status, 200)
        return a.body.decode().count("Số liệu cũ</span>")

    def test_a_period_that_leaves_the_window(self):
        """The oldest month of all units goes: it is over. A newer one that goes is missing."""
        fixtures, codes = self.months()
        file = fixtures / "2-worse/0_2025.json"
        rows = json.loads((fixtures / "1-well/0_2025.json").read_bytes())
        newer = [row for row in rows if row["KY"] == self.OCT]
        newest = [{**row, "KY": "2025-11"} for row in newer]
        file.write_text(json.dumps(newer + newest[1:], ensure_ascii=False), encoding="utf-8")
        (fixtures / "1-well/0_2025.json").write_text(
            json.dumps(rows + newest, ensure_ascii=False), encoding="utf-8")
        r = self.rig(fixtures=fixtures, periods=["2025"], units_of=[], **AGES,
                     source={"source": self.described(", window: true")})
        r.start()
        r.wait(lambda: (len(r.all_rankings()) == 3, r.api("indexes")), "three months are served")
        r.step("2-worse")
        self.wait_stale(r, {("2025-11", codes[0])})
        s = self.wait_outcome(r, "nation/2025", "quarantined")
        self.assertEqual(s["detail"], "0 of 67 rows are in quarantine, 1 have no good figures")
        r.verify()

    def test_one_period_of_a_unit_is_stale(self):
        fixtures, codes = self.months()
        r = self.rig(fixtures=fixtures, periods=["2025"], units_of=[], **AGES,
                     source={"source": self.described()})
        r.observed()
        r.start()
        r.wait(lambda: ({g: len(u) for g, u in r.all_rankings().items()} ==
                        {(m, "province", None): 34 for m in (self.SEP, self.OCT)},
                        r.api("indexes")), "both months are served")
        before = self.points(r)
        self.wait_stale(r, set())
        r.step("2-worse")
        old = {(self.SEP, code) for code in codes}
        self.wait_stale(r, old)

        def told():
            s = r.sources()["nation/2025"]
            rows = sorted((x["period"], x["unit"]) for x in s["stale_rows"])
            self.assertEqual(rows, sorted(old))
            self.assertEqual((s["outcome"], s["stale"], sorted(s["stale_units"])),
                             ("quarantined", False, sorted(codes)))
            for code in codes:
                self.assertIs(r.unit(code, self.SEP)["stale"], True)
                self.assertIs(r.unit(code, self.OCT)["stale"], False)
            self.assertIs(r.ranking(self.SEP)["stale"], True)
            self.assertIs(r.ranking(self.OCT)["stale"], False)
            self.assertEqual((self.badges(r, self.SEP), self.badges(r, self.OCT)), (2, 0))
            self.assertEqual(self.points(r), before)  # the last good figures stay
        told()
        r.wait(lambda: (r.metrics("ingest")['chiso_ingest_source_stale_rows{source="dvc-766"}'] == 2,
                        r.metrics("ingest")), "the metric")
        gone = [(e["unit"], e["period"]) for e in r.services["ingest"].logged()
                if e["event"] == "a row is no longer in the answer"]
        self.assertEqual(gone, [(codes[1], self.SEP)])
        (entry,) = r.quarantine()
        self.assertEqual((entry["rule"], entry["unit"], entry["period"]),
                         ("number", codes[0], self.SEP))
        # neither of the two forgets it
        for service in ("ingest", "publisher"):
            r.services[service].kill()
            r.services[service].start()
            r.wait_ready(service)
            r.wait_polls(2, "0_2025")
            self.wait_stale(r, old)
            told()
        # read again, both are fresh again
        r.step("3-well")
        self.wait_outcome(r, "nation/2025", "good")
        self.wait_stale(r, set())
        s = r.sources()["nation/2025"]
        self.assertEqual((s["stale_rows"], s["stale_units"]), ([], []))
        self.assertEqual((self.badges(r, self.SEP), self.badges(r, self.OCT)), (0, 0))
        self.assertEqual(self.points(r), before)
        r.verify()


class Manners(Misbehaving):
    """How often a source is asked, from its own log."""

    def test_retry_after_is_respected(self):
        """By the series that was told, and by the others on the host."""
        r = self.rig(every="200ms", retry_after="100ms")
        r.start()
        r.settle()
        start = len(r.answers())
        r.control(mode="error503", series="0_2025", retry_after=3, times=1)
        r.wait(lambda: any(a["status"] == 503 for a in r.answers(since=start)), "a 503")

        def waits():
            """Seconds from the 503 to each answer after it."""
            seen = r.answers(since=start)
            told = next(a["ns"] for a in seen if a["status"] == 503)
            return [(a["ns"] - told) / 1e9 for a in seen if a["ns"] > told]

        # another request may have been under way to the host when it was told
        r.wait(lambda: any(t >= 2.9 for t in waits()), "an answer after the pause")
        seen = r.answers(since=start)
        i = [a["status"] for a in seen].index(503)
        after = waits()
        self.assertLessEqual(len([t for t in after if t < 2.9]), 1, after)
        same = [(a["ns"] - seen[i]["ns"]) / 1e9 for a in seen[i + 1:] if a["request"] == "0_2025"]
        self.assertGreaterEqual((same or [2.9])[0], 2.9)
        self.wait_outcome(r, "nation/2025", "good")

    def test_backs_off_while_it_fails(self):
        """Without a wish of the source's, the pauses double, far below the cadence."""
        r = self.rig(every="1h", retry_after="200ms", periods=["2025"], units_of=[])
        r.replay.start()
        r.control(mode="status500")
        r.start()
        r.wait(lambda: (len(r.answers()) >= 5, len(r.answers())), "5 answers")
        times = [a["ns"] / 1e9 for a in r.answers()[:5]]
        gaps = [b - a for a, b in zip(times, times[1:])]
        for gap, least in zip(gaps, (0.2, 0.4, 0.8, 1.6)):
            self.assertGreaterEqual(gap, least - 0.1, gaps)

    def test_one_request_a_second_for_a_host(self):
        r = self.rig(every="100ms", min_interval="1s")
        r.replay.start()
        began = time.time()
        r.start()
        r.wait(lambda: (len(r.answers()) >= 9, len(r.answers())), "nine answers")
        # the log has the time of answering: a busy machine moves single ones together, but none to
        # before its turn
        times = [a["ns"] / 1e9 - began for a in r.answers()[:9]]
        self.assertFalse([t for n, t in enumerate(times) if t < n - 0.05], times)
        # and each series gets its turn
        self.assertEqual({a["request"] for a in r.answers()[:4]}, set(r.series_names()))

    def test_blocked_asks_less_often(self):
        r = self.rig(every="400ms", retry_after="100ms", periods=["2025"], units_of=[])
        r.replay.start()
        r.control(mode="block")
        r.start()
        r.wait(lambda: (len(r.answers()) >= 5, len(r.answers())), "5 answers")
        times = [a["ns"] / 1e9 for a in r.answers()[:5]]
        gaps = [b - a for a, b in zip(times, times[1:])]
        self.assertGreaterEqual(min(gaps), 0.3, gaps)
        self.assertGreaterEqual(gaps[3], 1.3, gaps)
        # only one page is kept, and counted
        entries = r.quarantine()
        self.assertEqual(len(entries), 1)
        self.assertGreaterEqual(entries[0]["times"], 4)


if __name__ == "__main__":
    unittest.main()
