"""The read API: every noun, the past, pages of lists, what changed, tables."""
import csv
import gzip
import hashlib
import http.server
import io
import json
import re
import threading
import time
import unittest
import xml.etree.ElementTree as xml
import zipfile
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import rig
from rig import INDEX, PILLARS, canonical, get_json, request

BOARD = f"indexes/{INDEX}/2025"


def moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def today():
    """The day in Vietnam, as the API says days."""
    return (datetime.now(timezone.utc) + timedelta(hours=7)).date().isoformat()


def now():
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Api(rig.Case):
    def test_nouns(self):
        r = self.rig()
        r.start()
        r.settle()
        ranking = r.ranking()
        by_code = {u["code"]: u for u in ranking["units"]}
        self.assertEqual((ranking["total"], ranking["next"], ranking["at"]), (34, None, None))
        for u in ranking["units"]:
            self.assertEqual(Decimal(u["lost"]), Decimal(u["max"]) - Decimal(u["points"]))
        # a pillar and an indicator across units: as in each unit's own answer
        for kind, code in (("pillar", "tdgq"), ("indicator", "tdgq")):
            answer = r.api(f"{BOARD}/{kind}s/{code}")
            self.assertEqual([u["code"] for u in answer["units"]], list(by_code))
            self.assertEqual(answer[kind]["code"], code)
            for u in answer["units"]:
                own = [p for p in r.unit(u["code"])["pillars"] if p["code"] == code][0]
                own = own if kind == "pillar" else own["indicators"][0]
                for key in ("points", "max", "status", "lost"):
                    self.assertEqual(u[kind][key], own[key], (kind, u["code"], key))
        self.assertIn("formula", answer["indicator"])
        # a unit: everything that there is of it
        unit = r.api("units/24")
        self.assertEqual({(x["index"], x["period"]) for x in unit["results"]},
                         {(INDEX, "2025"), (INDEX, "2025-10")})
        self.assertEqual([x["points"] for x in unit["results"] if x["period"] == "2025"],
                         [by_code["24"]["points"]])
        # several beside each other, in the order asked for
        compared = r.api(f"{BOARD}/compare?units=91,24,01")
        self.assertEqual([u["code"] for u in compared["units"]], ["91", "24", "01"])
        for p in compared["pillars"]:
            self.assertEqual([x["code"] for x in p["units"]], ["91", "24", "01"])
            self.assertEqual([x["pillar"]["points"] for x in p["units"]],
                             [[q["points"] for q in by_code[c]["pillars"] if q["code"] == p["code"]]
                              [0] for c in ("91", "24", "01")])
            for i in p["indicators"]:
                self.assertEqual(len(i["units"]), 3)
        self.check_pages(r, ranking)
        self.check_figure(r)
        self.check_bad(r)

    def check_pages(self, r, ranking):
        seen, after = [], ""
        while after is not None:
            page = r.api(f"{BOARD}/ranking?limit=10&after={after}")
            self.assertEqual(page["total"], 34)
            self.assertLessEqual(len(page["units"]), 10)
            seen += page["units"]
            after = page["next"]
        self.assertEqual(seen, ranking["units"])

    def check_figure(self, r):
        """From a figure to the raw body of every value that it had."""
        row = next(x for x in r.source.rows("0_2025") if rig.unit_of(x, "0_2025")[0] == "24")
        values = [row["TDGQ"]]
        for _ in range(2):
            values.insert(0, canonical(Decimal(values[0]) - Decimal("0.01")))
            r.set("0_2025", row["ID"], "TDGQ", values[0])
            r.settle()
        answer = r.api(f"units/24/figures/{INDEX}.tdgq?period=2025")
        self.assertEqual([p["period"] for p in answer["periods"]], ["2025"])
        revisions = answer["periods"][0]["revisions"]
        self.assertEqual([x["value"] for x in revisions], values)
        self.assertEqual([x["revision"] for x in revisions], [3, 2, 1])
        self.assertEqual(answer["used_by"], [{"index": INDEX, "indicator": "tdgq", "input": "points",
                                              "title": answer["used_by"][0]["title"]}])
        for x in revisions:
            self.assertIn(f'"{x["value"]}"', r.archived(x["raw_sha256"]).decode())
            self.assertEqual((x["submitter"], x["evidence"]), (None, []))
        both = r.api(f"units/24/figures/{INDEX}.tdgq")
        self.assertEqual({p["period"] for p in both["periods"]}, {"2025", "2025-10"})

    def check_bad(self, r):
        for path, status in (
                (f"{BOARD}/ranking?as_of=yesterday", 400), (f"{BOARD}/ranking?as_of=2020-01-01", 404),
                (f"{BOARD}/ranking?limit=0", 400), (f"{BOARD}/ranking?limit=x", 400),
                (f"{BOARD}/ranking?after=nobody", 400),
                (f"{BOARD}/pillars/none", 404), (f"{BOARD}/indicators/none", 404),
                (f"{BOARD}/compare", 400), (f"{BOARD}/compare?units=01,01", 400),
                (f"{BOARD}/compare?units=01,99", 404), (f"{BOARD}/compare?units=" + "01," * 20, 400),
                (f"{BOARD}/changes", 400), (f"{BOARD}/changes?since=2030-01-01", 400),
                (f"{BOARD}/units/24?as_of=2020-01-01", 404),
                (f"{BOARD}/units/24/history?step=week", 400),
                (f"{BOARD}/units/24/history?pillars=1", 400),
                (f"{BOARD}/trend?days=0", 400), (f"{BOARD}/trend?days=401", 400),
                ("units/99", 404), ("units/24/figures/none", 404),
                ("changes?after=7", 400), ("changes?type=unit", 400), ("changes?limit=1001", 400),
                ("changes?after=0123456789abcdef-1", 410), (f"changes?after={r.cursor(10**9)}", 410)):
            with self.subTest(path=path):
                a = request(f"{r.url}/api/v1/{path}")
                self.assertEqual(a.status, status, a.body)
                self.assertEqual(a.headers["content-type"], "application/problem+json")


class Indexes(rig.Case):
    def test_each_as_its_file_says(self):
        """Whom it is for, what the document says of itself, who gives the figures."""
        r = self.rig(portals=0)
        files = sorted((rig.ROOT / "catalogs").glob("*.yaml"))
        r.more_indexes = [str(f) for f in files if f.stem != INDEX]
        r.start()
        self.assertEqual([i["id"] for i in r.api("indexes")["indexes"]][1:],
                         [f.stem for f in files if f.stem != INDEX])
        providers = {}
        for file in (rig.ROOT / "catalogs/figures").glob("*.yaml"):
            providers.update(re.findall(r'(?s)id: "?([\w.-]+)"?[,\n].*?provider: (\w+)',
                                        file.read_text(encoding="utf-8")))
        seen = set()
        for file in files:
            text = file.read_text(encoding="utf-8")
            got = r.api(f"indexes/{file.stem}")
            with self.subTest(index=file.stem):
                for key in ("levels", "periods"):
                    said = re.search(rf"(?m)^{key}: \[([\w, ]+)\]$", text)[1].split(", ")
                    self.assertEqual(got["applies_to"][key], said)
                stated = re.search(r'(?m)^stated:\n(?:  max: .*\n)?(?:  indicators: "(\d+)"\n)?', text)
                self.assertEqual(got["stated_indicators"], stated[1] if stated else None)
                self.assertEqual([p["stated_indicators"] for p in got["pillars"] if p["stated_indicators"]],
                                 re.findall(r'(?m)^    stated: \{indicators: "(\d+)"\}$', text))
                for i in (i for p in got["pillars"] for i in p["indicators"]):
                    for given in i["inputs"]:
                        self.assertEqual(given["provider"], providers.get(given["figure"], "unit"))
                        seen.add(given["provider"])
        self.assertEqual(seen, {"machine", "statistics", "unit"})


class Past(rig.Case):
    def test_as_it_stood(self):
        """What was told at a moment is told again when that moment is asked for, after changes, a
        restart, and a scorer that begins another life."""
        r = self.rig(periods=["2025"])
        begun = today()
        r.start()
        r.settle()
        told = []

        def note():
            groups = {(level, parent): r.ranking("2025", level, parent)["units"]
                      for level, parent in self.GROUPS}
            told.append((now(), groups, r.unit("24"), r.api("units/24")))
            time.sleep(0.01)  # the next moment is another one

        note()
        for step in range(3):
            r.step("next")
            r.settle()
            note()
        self.check(r, told)
        r.services["publisher"].restart()
        r.settle()
        self.check(r, told)
        # another life of the scorer: revisions begin again, the past stays
        r.services["scorer"].stop()
        rig.shutil.rmtree(r.data_dir("scorer"))
        r.services["scorer"].start()
        r.settle(portals=[])
        r.step("next")
        r.settle(portals=[])
        note()
        self.check(r, told)
        self.check_changes(r, told)
        self.check_trend(r, begun)

    GROUPS = (("province", None), ("commune", "91"), ("commune", None))
    KEPT = ("code", "name", "points", "max", "percent", "rank", "nation_rank", "pillars", "as_of")

    def check(self, r, told):
        for at, groups, unit, everywhere in told:
            for (level, parent), want in groups.items():
                answer = r.api(f"{BOARD}/ranking?level={level}&parent={parent or ''}&as_of={at}")
                self.assertEqual(answer["at"], at)
                self.assertIsNone(answer["stale"])
                self.assertEqual([{k: u[k] for k in self.KEPT} for u in answer["units"]],
                                 [{k: u[k] for k in self.KEPT} for u in want])
            then = r.api(f"{BOARD}/units/24?as_of={at}")
            for key in ("points", "rank", "nation_rank", "figures", "pillars", "as_of"):
                self.assertEqual(then[key], unit[key], key)
            line = r.api(f"units/24?as_of={at}")["results"][0]
            self.assertEqual(line["points"], everywhere["results"][0]["points"])

    def check_changes(self, r, told):
        for (a, before, *_), (b, after, *_) in zip(told, told[1:]):
            answer = r.api(f"{BOARD}/changes?since={a}&until={b}")
            old = {u["code"]: u for u in before[("province", None)]}
            want = {}
            for u in after[("province", None)]:
                o = old[u["code"]]
                if (u["rank"], u["pillars"]) != (o["rank"], o["pillars"]):
                    want[u["code"]] = (o["points"], u["points"], o["rank"], u["rank"])
            self.assertEqual({u["code"]: (u["before"]["points"], u["after"]["points"],
                                          u["before"]["rank"], u["after"]["rank"])
                              for u in answer["units"]}, want)
            self.assertEqual(answer["changed"], len(want))
            for u in answer["units"]:
                self.assertEqual(Decimal(u["change"]),
                                 sum(Decimal(i["change"]) for i in u["indicators"]))
        same = r.api(f"{BOARD}/changes?since={told[0][0]}&until={told[0][0]}")
        self.assertEqual((same["units"], same["changed"]), ([], 0))
        long_ago = r.api(f"{BOARD}/changes?since=2020-01-01")
        self.assertEqual((long_ago["known_since"], long_ago["changed"]), (False, 34))

    def check_trend(self, r, begun):
        trend = r.api(f"{BOARD}/trend?days=3")
        self.assertEqual(len(trend["days"]), 3)
        empty = sum(day < begun for day in trend["days"])  # two, unless a midnight has passed
        have = {u["code"]: u["percent"] for u in trend["units"]}
        for u in r.ranking()["units"]:
            percent = have[u["code"]]
            self.assertEqual([p is None for p in percent], [day < begun for day in trend["days"]])
            self.assertEqual((percent[:empty], percent[-1]), ([None] * empty, u["percent"]))
        history = r.api(f"{BOARD}/units/24/history?pillars=true")["revisions"]
        self.assertEqual(len({h["epoch"] for h in history}), 2)
        self.assertEqual([p["points"] for p in history[0]["pillars"]],
                         [p["points"] for p in r.unit("24")["pillars"]])
        self.assertEqual(sorted(history, key=lambda h: h["since"], reverse=True), history)
        by_day = r.api(f"{BOARD}/units/24/history?step=day")["revisions"]
        self.assertEqual([h["since"] for h in by_day][:1], [history[0]["since"]])
        self.assertLess(len(by_day), len(history))
        seen, until = [], ""
        while until is not None:
            page = r.api(f"{BOARD}/units/24/history?limit=2&until={until}")
            seen += page["revisions"]
            until = page["next"]
        self.assertEqual([h["since"] for h in seen], [h["since"] for h in history])


class Feed(rig.Case):
    def test_follows_the_journal(self):
        r = self.rig()
        r.start()
        r.settle()
        between = now()
        time.sleep(0.01)
        head = r.heads()["publisher"]
        r.step("next")
        r.settle()
        journal = r.journal("publisher")
        seen, after = [], r.cursor(0)
        more = True
        while more:
            page = rig.get_json(f"{r.url}/api/v1/changes?after={after}&limit=77")
            self.assertLessEqual(len(page["changes"]), 77)
            seen += page["changes"]
            after, more = page["next"], page["more"]
        self.assertEqual([int(c["id"].rpartition("-")[2]) for c in seen],
                         [j["seq"] for j in journal])
        self.assertEqual([c["data"] for c in seen],
                         [rig.json.loads(j["event"]["notice"]["body"]) for j in journal])
        self.assertEqual(rig.get_json(f"{r.url}/api/v1/changes?after={after}"),
                         {"changes": [], "next": after, "more": False})
        since = rig.get_json(f"{r.url}/api/v1/changes?since={between}&limit=1000")
        self.assertEqual(since["changes"], seen[head:][:1000])
        rankings = rig.get_json(f"{r.url}/api/v1/changes?type=ranking&limit=1000")
        self.assertEqual(rankings["changes"], [c for c in seen if c["type"] == "ranking"])
        # an answer says from where the stream goes on
        answer = request(f"{r.url}/api/v1/{BOARD}/ranking")
        self.assertEqual(answer.headers["chiso-cursor"], after)


def sheet(body):
    """The cells of a workbook: {"A1": ("text" or "number", what stands there)}."""
    ns = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    with zipfile.ZipFile(io.BytesIO(body)) as z:
        assert z.testzip() is None
        strings = ["".join(t.text or "" for t in si.iter(f"{ns}t")) for si in
                   xml.fromstring(z.read("xl/sharedStrings.xml")).findall(f"{ns}si")]
        cells = {}
        for c in xml.fromstring(z.read("xl/worksheets/sheet1.xml")).iter(f"{ns}c"):
            value = c.find(f"{ns}v").text
            cells[c.get("r")] = (("text", strings[int(value)]) if c.get("t") == "s" else
                                 ("number", value))
    return cells


def column_name(i):
    return (chr(64 + i // 26) if i >= 26 else "") + chr(65 + i % 26)


class Tables(rig.Case):
    def table(self, r, path, query=""):
        url = f"{r.url}/api/v1/{path}?{query}"
        a = request(url + "&format=csv")
        self.assertEqual((a.status, a.headers["content-type"]), (200, "text/csv; charset=utf-8"))
        self.assertRegex(a.headers["content-disposition"], r'^attachment; filename="[\w.-]+\.csv"$')
        text = a.body.decode()
        self.assertTrue(text.endswith("\r\n"))
        self.assertEqual(request(url + "&format=csv&bom=true").body, b"\xef\xbb\xbf" + a.body)
        again = request(url + "&format=csv", headers={"If-None-Match": a.headers["etag"]})
        self.assertEqual((again.status, again.body), (304, b""))
        self.assertNotEqual(a.headers["etag"], request(url).headers["etag"])
        rows = list(csv.reader(io.StringIO(text, newline="")))
        self.assertEqual({len(row) for row in rows}, {len(rows[0])})
        self.check_book(request(url + "&format=xlsx"), rows)
        return [dict(zip(rows[0], row)) for row in rows[1:]]

    def check_book(self, answer, rows):
        """The workbook holds what the CSV does; numbers are numbers, to the last digit."""
        self.assertEqual(answer.status, 200)
        cells = sheet(answer.body)
        self.check_titles(rows[0], cells)
        numbers = 0
        for y, row in enumerate(rows[1:], 2):
            for x, text in enumerate(row):
                kind, value = cells.get(f"{column_name(x)}{y}", ("text", ""))
                if kind == "number":
                    numbers += 1
                    # the very double that the decimal's digits mean
                    self.assertEqual(float(value), float(text), (rows[0][x], y))
                else:
                    self.assertEqual(value, text, (rows[0][x], y))
        self.assertIn("code", rows[0] + [h.rpartition(".")[2] for h in rows[0]])
        for x, head in enumerate(rows[0]):
            if head == "code":
                self.assertEqual({cells[f"{column_name(x)}{y}"][0]
                                  for y in range(2, len(rows) + 1)}, {"text"})
        return numbers

    def check_titles(self, names, cells):
        """Each in Vietnamese words; only codes, ids and days stay."""
        for x, name in enumerate(names):
            title = cells[f"{column_name(x)}1"][1]
            self.assertRegex(title, "[À-ỹ]", name)
            left = set(re.findall(r"[a-z_]{4,}", title)) & set(name.split("."))
            self.assertLessEqual(left, set(rig.PILLARS), name)

    def test_every_table(self):
        r = self.rig(periods=["2025"])
        r.start()
        r.settle()
        r.step("next")
        r.settle()
        ranking = r.ranking()["units"]
        rows = self.table(r, f"{BOARD}/ranking")
        for row, u in zip(rows, ranking, strict=True):
            self.assertEqual((row["code"], row["name"], row["points"], row["rank"]),
                             (u["code"], u["name"], u["points"], str(u["rank"])))
            self.assertEqual(row["previous_rank"], str(u["previous_rank"] or ""))
            for p in u["pillars"]:
                self.assertEqual(row[f"pillars.{p['code']}.points"], p["points"])
        self.assertEqual(rows[0]["stale"], "false")
        unit = r.unit("24")
        rows = self.table(r, f"{BOARD}/units/24")
        self.assertEqual([(x["pillars.code"], x["code"], x["points"], x["lost"]) for x in rows],
                         [(p["code"], i["code"], i["points"], i["lost"])
                          for p in unit["pillars"] for i in p["indicators"]])
        for path, query, n in ((f"{BOARD}/pillars/tdgq", "", 34), (f"{BOARD}/trend", "days=3", 34),
                               (f"{BOARD}/indicators/tdgq", "limit=5", 5),
                               (f"{BOARD}/compare", "units=01,24", 6),
                               (f"indexes/{INDEX}", "", 6), (f"{BOARD}/units/24/history", "", 2)):
            with self.subTest(path=path):
                if "history" not in path:
                    self.assertEqual(len(self.table(r, path, query)), n)
        history = request(f"{r.url}/api/v1/{BOARD}/units/24/history?format=csv").body.decode()
        self.assertEqual(len(history.splitlines()), 3)
        for path in ("units/24", f"units/24/figures/{INDEX}.tdgq", f"{BOARD}/changes?since=2020-01-01",
                     "indexes", "sources", "changes"):
            for form in ("csv", "xlsx"):
                with self.subTest(path=path, format=form):
                    a = request(f"{r.url}/api/v1/{path}{'&' if '?' in path else '?'}format={form}")
                    self.assertEqual(a.status, 200, a.body)
                    if form == "csv":
                        names = next(csv.reader(io.StringIO(a.body.decode(), newline="")))
                    else:
                        self.check_titles(names, sheet(a.body))
        for path in ("indexes?format=pdf", "events?format=csv", "indexes?bom=1"):
            self.assertEqual(request(f"{r.url}/api/v1/{path}").status, 400)



class Archive(http.server.BaseHTTPRequestHandler):
    """Ingest's HTTP port as it may be on a bad day."""
    bodies = {}
    mood = "good"
    gate = threading.Event()  # until it is set nobody gets an answer
    gate.set()

    def do_GET(self):
        body = self.bodies[self.path.rpartition("/")[2]]
        self.gate.wait()
        self.send_response({"gone": 404, "broken": 500}.get(self.mood, 200))
        self.end_headers()
        self.wfile.write(body[::-1] if self.mood == "lies" else body)

    def log_message(self, *_):
        pass


class Doors(rig.Case):
    def test_raw_bodies(self):
        """From a figure to what it was read from, out of the real archive."""
        r = self.rig(periods=["2025"])
        r.open_door({"publisher": ("reader", []), "01": ("scorer", ["01"])})
        token = r.dir / "token"
        token.write_text(r.tokens["publisher"] + "\n")
        r.publisher = {"ingest_api": r.door_url + "/", "ingest_token_file": str(token)}
        r.start()
        r.settle()
        url = f"{r.url}/api/v1/raw/"
        for code in ("24", "30292"):
            figure = r.unit(code)["figures"][0]
            name = figure["raw_sha256"]
            a = request(url + name)
            self.assertEqual((a.status, a.body), (200, r.archived(name)))
            self.assertIn(figure["value"], a.body.decode())
            self.assertEqual(a.headers["content-type"], "application/octet-stream")
            self.assertEqual(a.headers["content-disposition"], f'attachment; filename="{name}"')
            self.assertEqual(a.headers["x-content-type-options"], "nosniff")
            self.assertIn("sandbox", a.headers["content-security-policy"])
            self.assertEqual(a.headers["access-control-allow-origin"], "*")
            head = request(url + name, "HEAD")
            self.assertEqual((head.status, head.body), (200, b""))
        self.assertEqual(request(url + "0" * 64).status, 404)
        for bad in ("abc", "0" * 63, "0" * 65, name.upper(), "..%2f..%2fetc%2fpasswd"):
            self.assertIn(request(url + bad).status, (400, 404), bad)
        self.evidence_stays_private(r, url)
        r.services["ingest"].stop()
        a = request(url + name)
        self.assertEqual((a.status, a.headers["retry-after"]), (503, "10"))
        self.assertEqual(a.json()["title"], "Tạm thời không phục vụ được")

    def evidence_stays_private(self, r, url):
        """What a unit hands in is in the same archive, and figures tell its hashes to everybody;
        but no address of the publisher gives a byte of it, in whatever way it is asked."""
        paper, note = b"%PDF-1.4 not for everybody", "not for everybody either"
        file = r.at_door("POST", "/api/v1/evidence", "01", paper).json()["sha256"]
        body = json.dumps({"rows": [{"unit": "01", "period": "2024", "figure": "dvc-766.ckmb",
                                     "value": "9", "evidence": [file], "note": note}]}).encode()
        sent = r.at_door("POST", "/api/v1/figures", "01", body, {"Content-Type": "application/json"})
        rows = sent.json()["sha256"]
        self.assertEqual(sent.json()["accepted"], "1", sent.body)
        at = f"{r.url}/api/v1/units/01/figures/dvc-766.ckmb?period=2024"
        told = r.wait(lambda: get_json(at), "the figure is served")
        value = told["periods"][0]["revisions"][0]
        self.assertEqual((value["evidence"], value["raw_sha256"]), ([file], rows))
        for name, bytes_ in ((file, paper), (rows, body)):
            self.assertEqual(r.archived(name), bytes_)
            for method, headers in (("GET", {}), ("HEAD", {}), ("GET", {"Range": "bytes=0-3"}),
                                    ("GET", {"If-None-Match": f'"{name}"'}),
                                    ("GET", {"Authorization": f"Bearer {r.tokens['01']}"})):
                with self.subTest(name=name, method=method, headers=headers):
                    a = request(url + name, method, headers)
                    self.assertEqual(a.status, 404)
                    self.assertNotIn(b"not for everybody", a.body)
            # ingest's own door: nobody, and the publisher's token
            for token in (None, "publisher"):
                self.assertIn(r.at_door("GET", f"/api/v1/raw/{name}", token).status, (401, 404))
            self.assertEqual(r.at_door("GET", f"/api/v1/raw/{name}", "01").body, bytes_)
        for path in ("units/01/figures/dvc-766.ckmb?period=2024", "units/01?period=2024", "changes",
                     "indexes/dvc-766/rankings?period=2024", "sources"):
            self.assertNotIn(b"not for everybody", request(f"{r.url}/api/v1/{path}").body, path)

    def test_raw_bodies_on_a_bad_day(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Archive)
        server.handle_error = lambda *_: None  # a publisher that stops hangs up
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        r = self.rig(periods=["2025"])
        r.publisher = {"ingest_api": f"http://127.0.0.1:{server.server_port}"}
        r.start()
        r.settle()
        name = r.unit("24")["figures"][0]["raw_sha256"]
        Archive.bodies = {name: r.archived(name)}
        url = f"{r.url}/api/v1/raw/{name}"
        # a body that is not what was asked for is not passed on
        for mood, status in (("good", 200), ("lies", 502), ("gone", 404), ("broken", 503)):
            Archive.mood = mood
            self.assertEqual(request(url).status, status, mood)
        # more than may wait at once: told to come back, and the others are served
        Archive.mood = "good"
        self.addCleanup(Archive.gate.set)
        Archive.gate.clear()
        found = []
        threads = [threading.Thread(target=lambda: found.append(request(url).status))
                   for _ in range(30)]
        for t in threads:
            t.start()
        r.wait(lambda: (503 in found, found), "one is told to come back")
        self.assertEqual(request(f"{r.url}/healthz").status, 200)  # nobody else waits
        Archive.gate.set()
        for t in threads:
            t.join()
        self.assertLessEqual({200, 503}, set(found))
        self.assertLessEqual(set(found), {200, 503, 504})  # 504: ingest took too long
        # the service stops while one waits
        Archive.gate.clear()
        c = rig.socket.create_connection(("127.0.0.1", r.port))
        c.sendall(f"GET /api/v1/raw/{name} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        self.assertEqual(request(f"{r.url}/healthz").status, 200)  # it has been read by now
        r.services["publisher"].stop()
        c.close()

    def test_a_client_that_asks_too_much(self):
        r = self.rig()
        r.http = {"rate": 1, "burst": 30, "proxies": ["127.0.0.2/32"]}
        r.start()

        def take(clients):
            """One request a client, far more than the burst and than the bucket gains meanwhile."""
            return [request(f"{r.url}/api/v1/indexes", headers={"X-Forwarded-For": who})
                    for who in clients]
        answers = take(["203.0.113.7"] * 100)
        self.assertEqual({a.status for a in answers}, {200, 429})
        refused = [a for a in answers if a.status == 429]
        self.assertEqual(refused[-1].json()["title"], "Quá nhiều yêu cầu")
        self.assertGreaterEqual(int(refused[-1].headers["retry-after"]), 1)
        # this client is no proxy: what it says of others is not believed
        refused = [a for a in take([f"203.0.113.{n}" for n in range(100)]) if a.status == 429]
        self.assertNotEqual(refused, [])
        time.sleep(int(refused[-1].headers["retry-after"]))
        self.assertEqual(request(f"{r.url}/api/v1/indexes").status, 200)

    def test_answers_are_packed(self):
        r = self.rig(periods=["2025"])
        r.start()
        r.settle()
        url = f"{r.url}/api/v1/{BOARD}/ranking"
        plain = request(url)
        self.assertNotIn("content-encoding", plain.headers)
        self.assertEqual(plain.headers["vary"], "Accept-Encoding")
        packed = request(url, headers={"Accept-Encoding": "br, gzip;q=0.8"})
        self.assertEqual(packed.headers["content-encoding"], "gzip")
        self.assertEqual(gzip.decompress(packed.body), plain.body)
        self.assertLess(len(packed.body), len(plain.body) / 5)
        self.assertEqual(packed.headers["etag"], "W/" + plain.headers["etag"])
        again = request(url, headers={"Accept-Encoding": "gzip",
                                      "If-None-Match": packed.headers["etag"]})
        self.assertEqual((again.status, again.body), (304, b""))
        for accepted in ("identity", "gzip;q=0", "br", "gzip;q=0.0, br"):
            a = request(url, headers={"Accept-Encoding": accepted})
            self.assertNotIn("content-encoding", a.headers, accepted)
        small = request(f"{r.url}/healthz", headers={"Accept-Encoding": "gzip"})
        self.assertNotIn("content-encoding", small.headers)

    def test_for_print_and_for_other_sites(self):
        r = self.rig(periods=["2025"])
        r.start()
        r.settle()
        unit = r.unit("24")
        points = unit["points"].replace(".", ",")
        form = request(f"{r.url}/api/v1/{BOARD}/units/24/form")
        text = form.body.decode()
        self.assertEqual(form.headers["content-type"], "text/html; charset=utf-8")
        for words in ("BIỂU TỰ ĐÁNH GIÁ", "Quyết định số 766/QĐ-TTg ngày 23/06/2022",
                      "Tỉnh Bắc Ninh", "Kỳ đánh giá: năm 2025", "Tài liệu kiểm chứng", "Ghi chú",
                      "Điểm tự đánh giá<br>", "Điểm thẩm định<br>",
                      f'<td class="n">{points}</td><td class="n"></td>', "THỦ TRƯỞNG ĐƠN VỊ"):
            self.assertIn(words, text)
        # a cell of each column in each row, and that of the council empty in all
        body = text.split("<tbody>")[1].split("</tbody>")[0]
        for row in re.findall(r"<tr.*?</tr>", body, re.S):
            self.assertEqual(len(re.findall(r"<t[dh][ >]", row)), 7, row)
            self.assertEqual(len(re.findall(r'<td class="n"></td>', row)), 1, row)
        for p in unit["pillars"]:
            self.assertIn(f'<td class="n">{p["points"].replace(".", ",")}</td>', text)
        self.assertIn("default-src 'none'", form.headers["content-security-policy"])
        badge = request(f"{r.url}/api/v1/{BOARD}/units/24/badge.svg")
        self.assertEqual(badge.headers["content-type"], "image/svg+xml")
        xml.fromstring(badge.body)
        self.assertIn(f"{points}/100 điểm · hạng {unit['rank']}/34", badge.body.decode())
        embed = request(f"{r.url}/api/v1/{BOARD}/ranking/embed?limit=3&unit=91")
        self.assertIn("frame-ancestors *", embed.headers["content-security-policy"])
        ranking = r.ranking()["units"]
        rows = embed.body.decode().split("<tbody>")[1].split("</tbody>")[0]
        for u in ranking:
            shown = u in ranking[:3] or u["code"] == "91"
            self.assertEqual(u["name"] in rows, shown, u["name"])
        self.assertEqual(rows.count("aria-current"), 1)
        for path in ("units/99/form", "units/99/badge.svg", "ranking/embed?level=department"):
            self.assertEqual(request(f"{r.url}/api/v1/{BOARD}/{path}").status, 404)


if __name__ == "__main__":
    unittest.main()
