"""From the source to the portals: what is recorded is what is told, to the last digit."""
import json
import pathlib
import shutil
import tempfile
import time
import unicodedata
import unittest
from decimal import Decimal

import rig
from rig import INDEX, PILLARS, canonical, competition_ranks, request

ORDER = list(PILLARS)  # pillars in the order of the decision


def recorded(source, series):
    """The rows as they are in the file of the current step, untouched."""
    return source.recorded[source.steps[source.current]][series]



class Totals(rig.Case):
    def check_group(self, r, series, level, parent, code_of):
        rows = recorded(r.source, series)
        period = series.split("_")[1]
        told = r.wait(lambda: (now := r.ranking(period, level, parent))["stale"] is False and now,
                      f"{series} is fresh")
        units = {u["code"]: u for u in told["units"]}
        ranks = competition_ranks({code_of(row): Decimal(row["TONG_SCORE"]) for row in rows})
        self.assertEqual(set(units), set(ranks))
        self.assertEqual((told["index"], told["period"], told["level"], told["parent"]),
                         (INDEX, period, level, parent))
        for row in rows:
            code = code_of(row)
            u = units[code]
            with self.subTest(unit=code, period=period):
                self.assertEqual(u["points"], row["TONG_SCORE"])
                self.assertEqual([(p["code"], p["points"]) for p in u["pillars"]],
                                 [(p, row[PILLARS[p]]) for p in ORDER])
                self.assertEqual({p["status"] for p in u["pillars"]}, {"scored"})
                self.assertEqual(u["rank"], ranks[code])
                self.assertEqual((u["level"], u["parent"]), (level, parent))
                self.assertEqual(u["max"], "100")
                # with a maximum of 100 the percentage is the total, with six decimals
                self.assertEqual(u["percent"], format(Decimal(row["TONG_SCORE"]), ".6f"))
                self.assertRegex(u["percent"], r"^\d+\.\d{6}$")
                self.assertEqual(u["revision"], 1)
                self.assertIsNone(u["change"])
                self.assertIsNone(u["previous_rank"])
        # listed by rank, ties by code
        self.assertEqual([u["code"] for u in told["units"]],
                         sorted(ranks, key=lambda c: (ranks[c], c)))
        return units

    def test_recorded_totals_and_ranks(self):
        r = self.rig()
        r.start()
        r.settle()
        self.check_all(r)
        self.check_levels(r)
        self.check_errors(r)
        self.check_etags(r)
        self.check_sources(r)
        r.verify()

    def test_the_other_reading_from_a_fresh_start(self):
        r = self.rig()
        r.replay.start()
        r.step("2025-10-15")
        r.start()
        r.settle()
        self.check_all(r)
        # a genuine zero is a figure: scored, not missing
        row = [row for row in recorded(r.source, "398126_2025-10")
               if row["MA_COQUAN"] == "H01.08"][0]
        self.assertEqual((row["MDSH"], row["CKMB"]), ("0", "0"), "the fixture lost its zeros")
        unit = r.unit("H01.08", "2025-10")
        for pillar in unit["pillars"]:
            zero = pillar["code"] in ("mdsh", "ckmb")
            self.assertEqual(pillar["points"] == "0", zero)
            self.assertEqual(pillar["status"], "scored")
            indicator = pillar["indicators"][0]
            self.assertEqual(indicator["status"], "scored")
            self.assertEqual([f["value"] for f in indicator["figures"]], [pillar["points"]])
        r.verify()

    def check_all(self, r):

        def province(row):
            return rig.BY_DVC[row["ID"]]["code"]
        for series in ("0_2025", "0_2025-10"):
            units = self.check_group(r, series, "province", None, province)
            self.assertEqual(len(units), 34)
            self.assertEqual(units["24"]["name"], "Tỉnh Bắc Ninh")

        communes = self.check_group(r, "398126_2025", "commune", "91", province)
        self.assertEqual(len(communes), 102)
        for code, u in communes.items():
            self.assertRegex(code, r"^\d{5}$")
            self.assertEqual(u["name"], unicodedata.normalize("NFC", u["name"]))
            self.assertEqual(u["name"], rig.UNITS[code]["name"])

        departments = self.check_group(r, "398126_2025-10", "department", "91",
                                       lambda row: row["MA_COQUAN"])
        self.assertEqual(len(departments), 15)
        self.assertIn("H01.15", departments)
        for row in recorded(r.source, "398126_2025-10"):
            name = departments[row["MA_COQUAN"]]["name"]
            self.assertEqual(name, rig.UNITS[row["MA_COQUAN"]]["name"])

        # 470152's name is in NFD at the source, and in NFC wherever we tell it
        raw = [row for row in recorded(r.source, "398126_2025") if row["ID"] == "470152"][0]["TEN"]
        self.assertNotEqual(raw, unicodedata.normalize("NFC", raw), "the fixture lost its NFD name")
        told = r.unit("30377")["unit"]["name"]
        self.assertEqual(told, "Phường Long Phú")
        self.assertEqual(told, unicodedata.normalize("NFC", told))

    def check_levels(self, r):
        """Which rankings there are, and that the national one of communes is one of all of them."""
        listed = r.api("indexes")["indexes"]
        self.assertEqual([i["id"] for i in listed], [INDEX])
        self.assertEqual(listed[0]["periods"], ["2025", "2025-10"])
        self.assertEqual([(g["period"], g["level"], g["parent"], g["parent_name"], g["units"])
                          for g in listed[0]["levels"]],
                         [("2025", "province", None, None, 34),
                          ("2025", "commune", "91", "Tỉnh An Giang", 102),
                          ("2025-10", "province", None, None, 34),
                          ("2025-10", "department", "91", "Tỉnh An Giang", 15)])
        self.assertEqual([(p["code"], p["max"]) for p in listed[0]["pillars"]],
                         [(p, str(rig.MAXIMA[PILLARS[p]])) for p in ORDER])
        nation = r.ranking("2025", "commune")
        local = r.ranking("2025", "commune", "91")
        self.assertIsNone(nation["parent"])
        self.assertEqual({u["code"] for u in nation["units"]}, {u["code"] for u in local["units"]})
        for u in nation["units"]:
            self.assertEqual(u["rank"], u["nation_rank"])
        self.assertEqual([u["nation_rank"] for u in nation["units"]],
                         [u["rank"] for u in local["units"]])
        # the default level is the province's
        self.assertEqual(r.api(f"indexes/{INDEX}/2025/ranking"), r.ranking("2025", "province"))

    def check_errors(self, r):
        base = f"indexes/{INDEX}"
        cases = [("GET", f"{base}/2025/ranking?level=village", 400),
                 ("GET", f"{base}/2025/ranking?level=province&parent=91", 400),
                 ("GET", f"{base}/2025-13/ranking", 400),
                 ("GET", f"{base}/last-year/ranking", 400),
                 ("GET", f"{base}/2025/units/24/nothing", 404),
                 ("GET", f"{base}/2024/ranking", 404),
                 ("GET", f"{base}/2025/ranking?level=commune&parent=01", 404),
                 ("GET", f"{base}/2025/ranking?level=department&parent=91", 404),
                 ("GET", f"{base}/2025/units/99", 404),
                 ("GET", f"{base}/2025/units/99/history", 404),
                 ("GET", "indexes/par-index/2025/ranking", 404),
                 ("GET", "nothing", 404), ("GET", "", 404),
                 ("POST", f"{base}/2025/ranking", 405),
                 ("DELETE", f"{base}/2025/units/24", 405),
                 ("PUT", "sources", 405)]
        for method, path, status in cases:
            with self.subTest(method=method, path=path):
                a = request(f"{r.url}/api/v1/{path}", method)
                self.assertEqual(a.status, status, a.body)
                self.assertEqual(a.headers["content-type"].split(";")[0],
                                 "application/problem+json")
                problem = a.json()
                self.assertEqual(problem["status"], status)
                self.assertTrue(problem["title"] and problem["detail"])
                self.assertEqual(a.headers["access-control-allow-origin"], "*")
                if status == 405:
                    self.assertEqual(a.headers["allow"], "GET, HEAD, OPTIONS")
        a = request(f"{r.url}/api/v1/events", headers={"Last-Event-ID": "yesterday"})
        self.assertEqual(a.status, 400)
        # a page of another origin may ask with If-None-Match
        a = request(f"{r.url}/api/v1/indexes", "OPTIONS", {
            "Origin": "https://other.example", "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "if-none-match"})
        self.assertEqual((a.status, a.body), (204, b""))
        self.assertEqual(a.headers["access-control-allow-origin"], "*")
        self.assertIn("if-none-match", a.headers["access-control-allow-headers"].lower())

    def check_etags(self, r):
        for path in ("indexes", "sources", f"indexes/{INDEX}/2025/ranking",
                     f"indexes/{INDEX}/2025/units/24", f"indexes/{INDEX}/2025/units/24/history"):
            with self.subTest(path=path):
                first = request(f"{r.url}/api/v1/{path}")
                self.assertEqual(first.status, 200)
                self.assertRegex(first.headers["etag"], r'^"[0-9a-f]{16,}"$')
                self.assertIn("application/json", first.headers["content-type"])
                again = request(f"{r.url}/api/v1/{path}",
                                headers={"If-None-Match": first.headers["etag"]})
                self.assertEqual((again.status, again.body), (304, b""))
                self.assertEqual(again.headers["etag"], first.headers["etag"])
                other = request(f"{r.url}/api/v1/{path}", headers={"If-None-Match": '"0123"'})
                self.assertEqual((other.status, other.body), (200, first.body))
                head = request(f"{r.url}/api/v1/{path}", "HEAD")
                self.assertEqual((head.status, head.body), (200, b""))
                self.assertEqual(head.headers["content-length"], str(len(first.body)))

    def check_sources(self, r):
        told = r.sources()
        self.assertEqual(set(told), {"nation/2025", "nation/2025-10", "91/2025", "91/2025-10"})
        for series, s in told.items():
            self.assertEqual((s["source"], s["outcome"], s["stale"], s["stale_units"]),
                             (INDEX, "good", False, []))
            self.assertRegex(s["last_good"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertEqual([s["series"] for s in r.unit("24")["sources"]], ["nation/2025"])


class Changes(rig.Case):
    def figures_of(self, unit):
        return {f["id"]: f for f in unit["figures"]}

    def check_step(self, r, before_rows, before, revision, heads):
        """After a step: exactly the units and figures whose values changed have a new revision."""
        changed_units = 0
        for series in r.series_names():
            period = series.split("_")[1]
            now = {row["ID"]: row for row in r.source.rows(series)}
            for row_id, was in before_rows[series].items():
                code = rig.unit_of(was, series)[0]
                fields = {f for f in (*PILLARS.values(), "TONG_SCORE")
                          if Decimal(was[f]) != Decimal(now[row_id][f])}
                unit = r.unit(code, period)
                old = before[(period, code)]
                with self.subTest(unit=code, period=period):
                    self.assertEqual(unit["revision"], old["revision"] + (1 if fields else 0))
                    if fields:
                        changed_units += 1
                        self.assertEqual(unit["change"], canonical(
                            Decimal(now[row_id]["TONG_SCORE"]) - Decimal(was["TONG_SCORE"])))
                        self.assertGreater(unit["as_of"], old["as_of"])
                    else:
                        self.assertEqual(unit["change"], old["change"])
                        self.assertEqual(unit["as_of"], old["as_of"])
                    if unit["rank"] != old["rank"]:
                        self.assertEqual(unit["previous_rank"], old["rank"])
                    new, known = self.figures_of(unit), self.figures_of(old)
                    for field in (*PILLARS.values(), "TONG_SCORE"):
                        f, g = (x[f"{INDEX}.{field.lower()}"] for x in (new, known))
                        self.assertEqual(f["value"], now[row_id][field])
                        if field in fields:
                            self.assertEqual(f["revision"], g["revision"] + 1)
                            self.assertNotEqual(f["raw_sha256"], g["raw_sha256"])
                        else:
                            self.assertEqual(f, g)  # provenance and all
                    self.check_history(r, code, period, unit)
        self.assertGreater(changed_units, 150, "the step changes too little to be a test")
        # as many events as changed units (plus rankings and states), no more
        readings = [j for j in r.journal("ingest") if j["seq"] > heads["ingest"] and
                    "reading" in j["event"]]
        self.assertEqual(len(readings), changed_units)
        scores = [j for j in r.journal("scorer") if j["seq"] > heads["scorer"] and
                  "score" in j["event"]]
        self.assertEqual(len(scores), changed_units)

    def check_history(self, r, code, period, unit):
        history = r.history(code, period)
        self.assertEqual([h["revision"] for h in history],
                         list(range(unit["revision"], 0, -1)))
        for key in ("points", "max", "as_of"):
            self.assertEqual(history[0][key], unit[key])
        if len(history) > 1:
            self.assertEqual(unit["change"], canonical(
                Decimal(history[0]["points"]) - Decimal(history[1]["points"])))

    def snapshot(self, r):
        rows = {s: {row["ID"]: row for row in r.source.rows(s)} for s in r.series_names()}
        units = {(s.split("_")[1], rig.unit_of(row, s)[0]): None
                 for s in rows for row in rows[s].values()}
        return rows, {(p, c): r.unit(c, p) for p, c in units}, r.heads()

    def test_step_and_back(self):
        r = self.rig()
        r.start()
        r.settle()
        first = self.snapshot(r)
        r.step("next")
        self.assertNotEqual(r.source.current, 0)
        r.settle()
        self.check_step(r, first[0], first[1], 2, first[2])
        second = self.snapshot(r)
        r.step("next")
        self.assertEqual(r.source.current, 0)
        r.settle()
        self.check_step(r, second[0], second[1], 3, second[2])
        self.assertEqual(r.unit("24")["revision"], 3)
        self.check_portal(r)
        r.verify()

    def check_portal(self, r):
        portal = r.portals[0]
        r.check_portal_order(portal)
        told = [e["key"] for e in portal.effects()]
        wanted = [j["event"]["notice"] for j in r.journal("publisher")
                  if not j["event"]["notice"].get("internal")]
        self.assertEqual(told, [n["key"] for n in wanted], "not in the order of the journal")
        self.assertEqual(portal.stats()["duplicates"], 0)
        for e, n in zip(portal.effects(), wanted):
            self.assertEqual(e["body"], rig.counted(json.loads(n["body"])))
            self.assertEqual((e["ce_id"], e["ce_type"], e["ce_subject"], e["ce_source"]),
                             (n["key"], n["type"], n["subject"], "/chiso"))
            self.assertEqual(e["body"]["index"], INDEX)
        # source states are for the event stream only
        self.assertEqual({e["ce_type"] for e in portal.lines()},
                         {"vn.chiso.score.v1", "vn.chiso.ranking.v1"})
        # its latest bodies are what the API tells
        latest = portal.view()
        self.assertEqual(len(latest), 185)
        for subject, body in latest.items():
            _, period, code = subject.split("/")
            api = r.unit(code, period)
            self.assert_part(body, api, subject)
            self.assertLessEqual({"stale", "figures", "sources"}, set(api) - set(body))

    def assert_part(self, part, whole, where):
        """All that a portal is told stands in the API's answer, which may tell more."""
        if isinstance(part, dict):
            for key, value in part.items():
                self.assertIn(key, whole, where)
                self.assert_part(value, whole[key], f"{where} {key}")
        elif isinstance(part, list):
            self.assertEqual(len(part), len(whole), where)
            for i, (a, b) in enumerate(zip(part, whole)):
                self.assert_part(a, b, f"{where}[{i}]")
        else:
            self.assertEqual(part, whole, where)

    def test_provenance(self):
        """Every figure leads to the raw body that it was read from."""
        r = self.rig()
        r.start()
        r.settle()
        r.step("next")
        r.settle()
        looked = 0
        for series in r.series_names():
            period = series.split("_")[1]
            for row in r.source.rows(series):
                code = rig.unit_of(row, series)[0]
                figures = self.figures_of(r.unit(code, period))
                self.assertEqual(set(figures), {f"{INDEX}.{f.lower()}" for f in
                                                (*PILLARS.values(), "TONG_SCORE")})
                for figure_id, f in figures.items():
                    field = figure_id.split(".")[1].upper()
                    self.assertEqual(f["source"], INDEX)
                    self.assertRegex(f["fetched_at"], r"^20\d\d-\d\d-\d\dT.*Z$")
                    self.assertIn(f["revision"], (1, 2))
                    self.assertTrue(f["title"] and f["unit"])
                    body = json.loads(r.archived(f["raw_sha256"]))
                    raw = [x for x in body if x["ID"] == row["ID"]]
                    self.assertEqual([x[field] for x in raw], [f["value"]], (code, figure_id))
                    looked += 1
        self.assertEqual(looked, 185 * 7)

    def test_unchanged_polls_write_nothing(self):
        r = self.rig(every="100ms")
        r.start()
        r.settle()
        heads = r.heads()
        delivered = r.portals[0].stats()
        r.wait_polls(8)
        self.assertEqual(r.heads(), heads)
        self.assertEqual(r.portals[0].stats(), delivered)
        # the same figures in another order, with another ROW_STT, are no change either
        row = r.source.rows("0_2025")[0]
        r.set("0_2025", row["ID"], "ROW_STT", "77")
        r.wait_polls(3)
        self.assertEqual(r.heads(), heads)
        # and one digit is one
        r.set("0_2025", row["ID"], "TDGQ", canonical(Decimal(row["TDGQ"]) - Decimal("0.01")))
        r.settle()
        now = r.heads()
        self.assertEqual(now["ingest"], heads["ingest"] + 1)
        unit = r.unit(rig.unit_of(row, "0_2025")[0])
        self.assertEqual((unit["revision"], unit["change"]), (2, "-0.01"))
        changed = {i for i, f in self.figures_of(unit).items() if f["revision"] == 2}
        self.assertEqual(changed, {f"{INDEX}.tdgq", f"{INDEX}.tong_score"})

    def test_a_renamed_unit_reaches_the_portal(self):
        """A department that the registry does not know is named by the source: its new name is told
        everywhere."""
        folder = pathlib.Path(tempfile.mkdtemp(prefix="chiso-fixtures-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, folder)
        step = shutil.copytree(rig.FIXTURES / "2025-10-11", folder / "1-first")
        board = step / "398126_2025-10.json"
        board.write_text(board.read_text(encoding="utf-8").replace("398161", "999161")
                         .replace('"H01.15"', '"H01.98"'), encoding="utf-8")
        r = self.rig(fixtures=folder)
        r.start()
        r.settle()
        self.assertEqual(r.unit("H01.98", "2025-10")["unit"]["name"], "Sở Du lịch - tỉnh An Giang")
        r.set("398126_2025-10", "999161", "TEN", "Sở Du lịch và Thể thao - tỉnh An Giang")
        r.settle()
        self.assertEqual(r.unit("H01.98", "2025-10")["unit"]["name"],
                         "Sở Du lịch và Thể thao - tỉnh An Giang")
        r.verify()

    def test_ties_share_a_rank(self):
        """1, 2, 2, 4: competition ranks, and by code within a tie."""
        r = self.rig(periods=["2025"], units_of=[])
        r.start()
        r.settle()
        # the first five provinces: equal totals for the second to the fourth
        ids = [row["ID"] for row in r.source.rows("0_2025")[:5]]
        for row_id, mdhl in zip(ids, ("18", "17.5", "17.5", "17.5", "17")):
            for field, value in {"CKMB": "18", "TDGQ": "20", "CLGQ": "12", "TTTT": "10",
                                 "MDSH": "22", "MDHL": mdhl}.items():
                r.set("0_2025", row_id, field, value)
        r.settle()
        first = r.ranking()["units"][:5]
        self.assertEqual([u["rank"] for u in first], [1, 2, 2, 2, 5])
        self.assertEqual([u["points"] for u in first], ["100", "99.5", "99.5", "99.5", "99"])
        tied = [u["code"] for u in first[1:4]]
        self.assertEqual(tied, sorted(tied))
        r.verify()


class EventStream(rig.Case):
    def test_replays_exactly_what_was_missed(self):
        r = self.rig()
        r.start()
        r.settle()
        url = f"{r.url}/api/v1/events"
        head = r.heads()["publisher"]

        def reaches(n):
            return lambda s: bool(s.events) and s.events[-1][0] >= n
        # without an id: only what comes from now on
        live = rig.Stream(url)
        live.take(lambda s: s.headers is not None and s.comments > 0, "greeting", tick=r.tick)
        self.assertEqual(live.status, 200)
        self.assertEqual(live.headers["content-type"].split(";")[0], "text/event-stream")
        r.step("next")
        r.settle()
        now = r.heads()["publisher"]
        live.take(reaches(now), "the step's events", tick=r.tick)
        self.assertEqual(live.ids(), list(range(head + 1, now + 1)))
        # from the beginning: all of the journal, byte for byte
        all_of_it = rig.Stream(url, r.cursor(0))
        all_of_it.take(reaches(now), "everything", tick=r.tick)
        journal = r.journal("publisher")
        names = {"vn.chiso.score.v1": "score", "vn.chiso.ranking.v1": "ranking",
                 "vn.chiso.source.v1": "source"}
        self.assertEqual(all_of_it.events,
                         [(j["seq"], names[j["event"]["notice"]["type"]],
                           j["event"]["notice"]["body"]) for j in journal])
        self.assertEqual(all_of_it.events[head:], live.events)
        # a client that missed some, with a restart (and a kill) of the publisher in between
        seen = now - 40
        for end in ("stop", "kill"):
            with self.subTest(publisher=end):
                getattr(r.services["publisher"], end)()
                live.take(lambda s: s.closed, "the end of the stream", tick=r.tick)
                r.step("next")
                r.services["publisher"].start()
                r.settle()
                head, now = now, r.heads()["publisher"]
                self.assertGreater(now, head)
                again = rig.Stream(url, r.cursor(seen))
                again.take(reaches(now), "what was missed", tick=r.tick)
                self.assertEqual(again.ids(), list(range(seen + 1, now + 1)))
                self.assertEqual(again.events[:head - seen], all_of_it.events[seen:])
                all_of_it.events += again.events[head - seen:]
                again.close()
                live.close()
                live = rig.Stream(url)
                live.take(lambda s: s.headers is not None, "greeting", tick=r.tick)
                seen = now - 3
        # an id that never was here: told to read again
        future = rig.Stream(url, r.cursor(now + 1000))
        future.take(lambda s: bool(s.events), "reset", tick=r.tick)
        self.assertEqual(future.events[0][1], "reset")
        # nor one of another life of the publisher, however small
        other = rig.Stream(url, "0123456789abcdef-1")
        other.take(lambda s: bool(s.events), "reset", tick=r.tick)
        self.assertEqual(other.events, [(now, "reset", "{}")])
        other.close()
        for s in (live, all_of_it, future):
            s.close()
        r.verify()

    def test_catching_up_is_not_held_back(self):
        """What a client missed comes as fast as it reads, not a block a timer tick."""
        r = self.rig()
        r.start()
        r.settle()
        for _ in range(3):
            r.step("next")
            r.settle()
        now = r.heads()["publisher"]
        self.assertGreater(now, 700)

        def fast():
            """In far less time than a tick a block would be; a pause of the machine is not its."""
            began = time.monotonic()
            stream = rig.Stream(f"{r.url}/api/v1/events", r.cursor(0))
            stream.take(lambda s: bool(s.events) and s.events[-1][0] >= now, f"all {now} events",
                        tick=r.tick)
            self.assertEqual(stream.ids(), list(range(1, now + 1)))
            stream.close()
            took = time.monotonic() - began
            return took < 10, took
        r.wait(fast, "all events at once")

    def test_many_streams_see_the_same(self):
        r = self.rig()
        r.start()
        r.settle()
        head = r.heads()["publisher"]
        streams = [rig.Stream(f"{r.url}/api/v1/events") for _ in range(40)]
        for s in streams:
            s.take(lambda s: s.comments > 0, "greeting", tick=r.tick)
        r.step("next")
        r.settle()
        now = r.heads()["publisher"]
        for s in streams:
            s.take(lambda s: bool(s.events) and s.events[-1][0] >= now, "events", tick=r.tick)
        self.assertEqual(streams[0].ids(), list(range(head + 1, now + 1)))
        for s in streams[1:]:
            self.assertEqual(s.events, streams[0].events)
        for s in streams:
            s.close()


if __name__ == "__main__":
    unittest.main()
