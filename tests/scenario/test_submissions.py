"""What units hand in: who may, what is taken, and that nothing is taken twice or lost."""
import concurrent.futures
import hashlib
import http.client
import io
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unicodedata
import unittest
import zipfile

import rig

INDEX = "hd-department-2024"
UNIT, OTHER = "30.so-tai-chinh", "30.so-y-te"
TOKENS = {"unit": ("submitter", [UNIT]), "other": ("submitter", [OTHER]),
          "agency": ("scorer", ["30"]), "operator": ("operator", []), "reader": ("reader", []),
          "board": ("scorer", ["86"])}


class Case(rig.Case):
    def start(self, services=("ingest",), **more):
        r = self.rig(portals=0)
        r.more_indexes = [str(rig.ROOT / f"catalogs/{INDEX}.yaml")]
        r.open_door(TOKENS, **more)
        r.start(services)
        r.wait_ready("ingest")
        return r

    def problem(self, answer, status):
        self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(answer.headers["content-type"], "application/problem+json")
        self.assertEqual(answer.json()["status"], status)
        return answer.json()["detail"]

    def post(self, r, rows, token="unit", status=200, query="", **more):
        a = r.at_door("POST", "/api/v1/figures" + query, token,
                      json.dumps({"rows": rows, **more}).encode(),
                      {"Content-Type": "application/json"})
        self.assertEqual(a.status, status, a.body)
        return rig.counted(a.json())

    def outcomes(self, answer):
        return [(x["outcome"], x.get("revision") or x.get("field")) for x in answer["rows"]]

    def known(self, r, figure=None, unit=UNIT, token="operator"):
        """[(figure, value, revision, submitter)] of submissions, the newest revision of each last."""
        a = r.at_door("GET", f"/api/v1/figures?unit={unit}&period=2024", token)
        self.assertEqual(a.status, 200, a.body)
        return [(f["figure"], f["value"], int(f["revision"]), f["submitter"])
                for f in a.json()["figures"]
                if f["source"] == "submission" and figure in (None, f["figure"])]


def row(figure, value, unit=UNIT, period="2024", **more):
    if figure[0].isdigit():
        figure = f"{INDEX}.{figure}"
    return {"unit": unit, "period": period, "figure": figure, "value": value, **more}


def pdf(text):
    return b"%PDF-1.7\n" + text


class Door(Case):
    def test_who_may(self):
        r = self.start()
        raw = "/api/v1/raw/" + "0" * 64
        self.problem(r.at_door("GET", raw), 401)
        self.assertIn("www-authenticate", r.at_door("GET", raw).headers)
        self.problem(r.at_door("GET", raw, "unit"), 404)
        self.problem(r.at_door("GET", raw, "reader"), 404)
        self.problem(r.at_door("GET", "/api/v1/raw/0", "reader"), 400)
        self.problem(r.at_door("GET", "/api/v1/nothing"), 404)
        self.problem(r.at_door("DELETE", raw, "reader"), 405)
        for i in range(10):
            self.problem(r.at_door("GET", raw, "reader.wrong"), 401)
        shut = r.at_door("GET", raw, "reader")
        self.problem(shut, 429)
        self.assertGreater(int(shut.headers["retry-after"]), 0)
        log = r.services["ingest"].log.read_text()
        self.assertFalse([t for t in r.tokens.values() if t in log])

    def test_raw(self):
        """Behind every figure of the API is the body it was read from; open on loopback only."""
        r = self.start(open_raw=True)
        body = r.wait(lambda: next(iter((r.data_dir("ingest") / "archive").glob("??/" + "?" * 64)), None),
                      "something in the archive")
        a = r.at_door("GET", f"/api/v1/raw/{body.name}")
        self.assertEqual((a.status, hashlib.sha256(a.body).hexdigest()), (200, body.name))
        self.assertEqual(a.headers["x-content-type-options"], "nosniff")
        self.assertIn("sandbox", a.headers["content-security-policy"])
        self.assertTrue(a.headers["content-disposition"].startswith("attachment"))
        path = f"/api/v1/raw/{body.name}"
        self.problem(r.at_door("GET", path, headers={"X-Forwarded-For": "192.0.2.1"}), 401)
        self.assertEqual(r.at_door("GET", path, "reader").status, 200)
        body.chmod(0o600)
        body.write_bytes(b"changed")
        self.problem(r.at_door("GET", path), 500)

    def test_behind_a_proxy(self):
        """Failures are counted by the address that the proxy names last."""
        r = self.start(forwarded=True)
        raw = "/api/v1/raw/" + "0" * 64
        for i in range(10):
            came = {"X-Forwarded-For": f"198.51.100.{i}, 192.0.2.1"}
            self.problem(r.at_door("GET", raw, "x.y", headers=came), 401)
        self.problem(r.at_door("GET", raw, "reader", headers=came), 429)
        self.problem(r.at_door("GET", raw, "reader", headers={"X-Forwarded-For": "192.0.2.2"}), 404)

    def reload(self, r, tokens, goes_well=True):
        """Only these tokens from now on."""
        before = r.services["ingest"].log.stat().st_size
        file = r.dir / "tokens.yaml"
        kept = [e for e in re.split(r"(?m)^(?=  - )", file.read_text())[1:]
                if any(f'id: "{t}"' in e for t in tokens)]
        self.assertEqual(len(kept), len([t for t in tokens if t in r.tokens]))
        file.write_text('format: "1"\ntokens:' + ("\n" + "".join(kept) if kept else " []\n")
                        + ("" if goes_well else "nonsense: 1\n"))
        r.services["ingest"].proc.send_signal(signal.SIGHUP)
        said = "the configuration was " + ("reloaded" if goes_well else "not reloaded")
        r.wait(lambda: said in r.services["ingest"].log.read_bytes()[before:].decode(), said)

    def test_tokens_come_and_go(self):
        """A token that is taken out of the file ends with SIGHUP, and one that is added begins,
        without a restart; a request whose body is on its way is refused."""
        r = self.start()
        file = r.dir / "tokens.yaml"
        all_of_them = file.read_text()
        figures = f"/api/v1/figures?unit={UNIT}"
        self.assertEqual(r.at_door("GET", figures, "unit").status, 200)
        c = http.client.HTTPConnection("127.0.0.1", r.door["port"], timeout=60)
        self.addCleanup(c.close)
        body = json.dumps({"rows": [row("1.1.option", 1)]}).encode()
        c.putrequest("POST", "/api/v1/figures")
        for name, value in (("Authorization", f"Bearer {r.tokens['unit']}"),
                            ("Content-Type", "application/json"), ("Content-Length", len(body))):
            c.putheader(name, value)
        c.putheader("Expect", "100-continue")
        c.endheaders()
        self.assertIn(b"100 Continue", c.sock.recv(100))  # it was let in
        self.reload(r, ["other", "operator"])
        c.send(body)
        self.assertEqual(c.getresponse().status, 401)
        self.problem(r.at_door("GET", figures, "unit"), 401)
        self.assertEqual(r.at_door("GET", figures, "operator").json()["figures"], [])
        self.assertEqual(r.at_door("GET", f"/api/v1/figures?unit={OTHER}", "other").status, 200)
        # a file that is wrong changes nothing
        self.reload(r, [], goes_well=False)
        self.assertEqual(r.at_door("GET", figures, "operator").status, 200)
        file.write_text(all_of_them)
        self.reload(r, list(TOKENS))
        self.assertEqual(self.outcomes(self.post(r, [row("1.1.option", 1)])), [("accepted", 1)])
        self.assertEqual(r.services["ingest"].exits, [])

    def test_configuration(self):
        r = self.rig(portals=0)
        r.open_door(TOKENS, address="0.0.0.0", open_raw=True)
        r.configure()
        code, _, err = rig.run([rig.BIN / "chiso-ingest", "--config", r.config("ingest"),
                                "--check-config"])
        self.assertEqual(code, 3)
        self.assertIn("http.open_raw", err)


class Rows(Case):
    def test_judged_row_by_row(self):
        r = self.start()
        rows = [row("1.1.option", "2"), row("1.3.has", True), row("1.4.items", [1]),
                row("1.1.option", "2", unit=OTHER), row("9.9.option", "1"), row("1.2.option", 1),
                row("2.1.option", "9"), row("2.1.option", "1.5", period="2024-Q1"),
                row("meetings-invited", "0.5"), row("meetings-invited", "1,5"),
                row("meetings-attended-head", "3", period="2199"),
                row("meetings-attended-head", "3", period="24"),
                row("meetings-attended-head", "3", unit="30.nobody"),
                row("1.1.excluded", "1"), row("dvc-766.ckmb", 9.5),
                row("1.3.has", "1", evidence=["0" * 64]), row("1.3.has", "1", evidence=["0"]),
                {"unit": UNIT, "period": "2024", "figure": f"{INDEX}.1.3.has"},
                row("1.3.has", "1", weight="3"), "row", row("1.3.has", None),
                row("1.4.items", [7]), row("1.4.items", "1;2")]
        answer = self.post(r, rows)
        got = self.outcomes(answer)
        self.assertEqual(got[:3], [("accepted", 1)] * 3)
        self.assertEqual([field for _, field in got[3:]],
                         ["unit", "figure", "figure", "value", "period", "value", "value", "period",
                          "period", "unit", "figure", "figure", "evidence", "evidence", "value",
                          "row", "row", "value", "value", "value"])
        self.assertEqual({o for o, _ in got[3:]}, {"rejected"})
        self.assertEqual((answer["accepted"], answer["rejected"]), ("3", str(len(rows) - 3)))
        self.assertIn("from 1 to 2", answer["rows"][6]["reason"])
        self.assertEqual(self.known(r), [
            (f"{INDEX}.1.1.option", "2", 1, f"unit:{UNIT}"),
            (f"{INDEX}.1.3.has", "1", 1, f"unit:{UNIT}"),
            (f"{INDEX}.1.4.items.1", "1", 1, f"unit:{UNIT}"),
            (f"{INDEX}.1.4.items.2", "0", 1, f"unit:{UNIT}")])
        # the same again is unchanged; another value another revision
        self.assertEqual(self.outcomes(self.post(r, rows[:3])), [("unchanged", 1)] * 3)
        self.assertEqual(self.outcomes(self.post(r, [row("1.1.option", "2.0"), row("1.3.has", 0)])),
                         [("unchanged", 1), ("accepted", 2)])
        # twice in one submission: the first, unless the other contradicts it
        self.assertEqual(self.outcomes(self.post(r, [
            row("1.1.option", "1"), row("1.1.option", "1"), row("2.1.option", "1"),
            row("2.1.option", "2"), row("1.4.items", [2]), row("1.4.items.1", "1")])),
            [("accepted", 2), ("rejected", "figure"), ("rejected", "figure"),
             ("rejected", "figure"), ("rejected", "figure"), ("rejected", "figure")])
        # nothing at all when one is wrong, if that is wished; and as a try-out
        for query, status, outcome in (("", 422, "held"), ("?dry_run=1", 200, "accepted")):
            answer = self.post(r, [row("1.1.option", "3"), row("1.1.option", "1", unit="x")],
                               status=status, query=query, atomic=True)
            self.assertEqual([x["outcome"] for x in answer["rows"]], [outcome, "rejected"])
            self.assertEqual(answer["applied"], False)
        self.assertEqual(self.known(r, f"{INDEX}.1.1.option")[-1][1:3], ("1", 2))
        # whose is whose
        self.problem(r.at_door("GET", f"/api/v1/figures?unit={OTHER}", "unit"), 403)
        self.problem(r.at_door("GET", "/api/v1/figures", "reader"), 400)
        self.problem(r.at_door("POST", "/api/v1/figures", "reader", b"{}"), 403)
        self.problem(r.at_door("POST", "/api/v1/figures", None, b"{}"), 401)

    def test_the_agency(self):
        """What the scoring agency gave, a unit cannot change; and each has its own kinds."""
        r = self.start()
        self.assertEqual(self.outcomes(self.post(r, [
            row("1.1.option", "3"), row("1.2.excluded", "1"), row("meetings-invited", "5"),
            row("1.1.option", "1", unit="01.so-y-te", period="2025")], "agency")),
            [("accepted", 1), ("accepted", 1), ("rejected", "figure"), ("rejected", "unit")])
        answer = self.post(r, [row("1.1.option", "1"), row("meetings-invited", "5")])
        self.assertEqual(self.outcomes(answer), [("rejected", "figure"), ("accepted", 1)])
        self.assertIn("the scoring agency has given it: 3", answer["rows"][0]["reason"])
        self.assertEqual(self.outcomes(self.post(r, [row("1.1.option", "3")])), [("unchanged", 1)])
        self.assertEqual(self.known(r, f"{INDEX}.1.1.option"),
                         [(f"{INDEX}.1.1.option", "3", 1, "scorer:agency")])

    def test_csv(self):
        r = self.start()

        def send(text, query="", type="text/csv", status=200):
            body = text if isinstance(text, bytes) else text.encode()
            a = r.at_door("POST", "/api/v1/figures" + query, "unit", body, {"Content-Type": type})
            self.assertEqual(a.status, status, a.body)
            return rig.counted(a.json()) if status == 200 else a.json()
        note = "Quyết định thành lập"
        head = "unit;period;figure;value;note"
        lines = [f'{UNIT};2024;"{INDEX}.1.1.option";1;"{unicodedata.normalize("NFD", note)}"', "",
                 f'"{UNIT}"; 2024 ;{INDEX}.1.4.items;"[1, 2]";"nói ""rõ"";\r\nhai dòng"',
                 f"{UNIT};2024;{INDEX}.2.1.option;1,5;"]
        answer = send("\ufeff" + "\r\n".join([head, *lines]) + "\r\n",
                      type="text/csv; charset=UTF-8")
        self.assertEqual([(x["line"], x["outcome"]) for x in answer["rows"]],
                         [("2", "accepted"), ("4", "accepted"), ("6", "rejected")])
        a = r.at_door("GET", f"/api/v1/figures?unit={UNIT}&figure={INDEX}.1.1.option", "unit")
        self.assertEqual(a.json()["figures"][0]["note"], note)
        # commas and tabs, columns in any order
        for d in ",\t":
            answer = send(f"value{d}unit{d}figure{d}period\n2{d}{UNIT}{d}{INDEX}.2.1.option{d}2024\n")
            self.assertEqual(len(answer["rows"]), 1)
        self.assertEqual(answer["rows"][0]["outcome"], "unchanged")
        for bad, said in ((f"unit,period,figure,value,evidnce\n{UNIT},2024,x,1,\n", "evidnce"),
                          ("unit,unit\n1,2\n", "each once"), ("", "empty"), ("unit\n", "no rows"),
                          (b"unit,period,figure,value\n\xff,2024,x,1\n", ""),
                          ('unit,period,figure,value\n"30,2024,x,1\n', "quote")):
            self.assertIn(said, send(bad, status=400)["detail"])
        send("unit\n1\n", type="text/plain", status=415)
        send("unit\n1\n", type="text/csv; charset=windows-1258", status=415)
        for bad in ("[]", "{}", '{"rows":[]}', '{"rows":[{}],"atomik":true}', '{"rows":1}', "{",
                    '{"rows":[{}],"key":"a b"}'):
            send(bad, type="application/json", status=400)

    def test_keys(self):
        """The same key and body: the same answer, and nothing happens; another body: 409. Through a
        kill; and what was answered was durable."""
        r = self.start()
        sent, first = [], []
        for i in range(6):
            rows = [row("1.1.option", str(i % 3 + 1)), row("1.1.option", "1", unit="x")]
            sent.append(rows)
            first.append(self.post(r, rows, key=f"k{i}"))
            if i % 2:
                r.services["ingest"].kill()
                r.services["ingest"].start()
                r.wait_ready("ingest")
        known = self.known(r)
        for i, rows in enumerate(sent):
            self.assertEqual(self.post(r, rows, key=f"k{i}"), first[i])
        self.assertEqual(self.known(r), known)
        self.assertEqual([x[1:3] for x in self.known(r, f"{INDEX}.1.1.option")],
                         [(str(i % 3 + 1), i + 1) for i in range(6)])
        body = json.dumps({"rows": sent[0], "key": "k1"}).encode()
        self.problem(r.at_door("POST", "/api/v1/figures", "unit", body,
                               {"Content-Type": "application/json"}), 409)
        # another client's key is another key; the header is as good
        a = r.at_door("POST", "/api/v1/figures", "other",
                      json.dumps({"rows": [row("1.1.option", "1", unit=OTHER)]}).encode(),
                      {"Content-Type": "application/json", "Idempotency-Key": "k1"})
        self.assertEqual((a.status, a.json()["accepted"]), (200, "1"))
        self.assertNotIn("idempotent-replay", a.headers)
        for header in ("k2", "a b"):
            self.problem(r.at_door("POST", "/api/v1/figures", "unit", body,
                                   {"Content-Type": "application/json", "Idempotency-Key": header}),
                         400)

    def test_many_at_once(self):
        """1,000 rows in one submission, and twenty clients at once with the same keys."""
        r = self.start()
        rows = [row("1.1.option", str(i % 3 + 1), unit=UNIT, period=str(2023 - i))
                for i in range(30)]
        batch = [row("dvc-766.ckmb", "1", period="2024")] * 970
        answer = self.post(r, rows + batch, key="big")
        self.assertEqual((answer["accepted"], answer["rejected"]), ("30", "970"))
        self.problem(r.at_door("POST", "/api/v1/figures", "unit",
                               json.dumps({"rows": [{}] * 5001}).encode(),
                               {"Content-Type": "application/json"}), 400)
        big = b" " * (4 << 20) + b"{}"
        self.problem(r.at_door("POST", "/api/v1/figures", "unit", big,
                               {"Content-Type": "application/json"}), 413)

        def client(i):
            return [self.post(r, [row("1.1.option", str(n % 3 + 1)), row("1.3.has", n % 2)],
                              key=f"c{n}") for n in range(10)]
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(client, range(20)))
        self.assertTrue(all(a == answers[0] for a in answers))
        self.assertEqual([x[2] for x in self.known(r, f"{INDEX}.1.1.option")],
                         list(range(1, 11)))


class Withdrawn(Case):
    def test_who_when_and_why(self):
        r = self.start()
        option = f"{INDEX}.1.1.option"
        self.post(r, [row("1.1.option", 1), row("1.3.has", 1), row("1.4.items", [1])])
        self.post(r, [row("2.1.option", 1), row("1.1.option", "2", unit=OTHER)], "agency")
        rows = [row("1.1.option", None, withdraw=True, note="nhầm năm"),
                row("1.4.items", None, withdraw=True, note="nhầm"),
                row("meetings-invited", None, withdraw=True, note="nhầm"), # never handed in
                row("2.1.option", None, withdraw=True, note="nhầm"),       # the agency's
                row("1.3.has", None, withdraw=True),                       # without a reason
                row("1.3.has", "1", withdraw=True, note="nhầm"),           # with a value
                row("1.1.option", None, unit=OTHER, withdraw=True, note="nhầm"),
                row("1.3.has", None, withdraw="yes", note="nhầm"), row("1.3.has", None)]
        got = [("accepted", 2), ("accepted", 2), ("rejected", "figure"), ("rejected", "figure"),
               ("rejected", "note"), ("rejected", "withdraw"), ("rejected", "unit"),
               ("rejected", "withdraw"), ("rejected", "value")]
        self.assertEqual(self.outcomes(self.post(r, rows, query="?dry_run=1")), got)
        self.assertEqual(self.known(r, option)[-1][1:3], ("1", 1))
        first = self.post(r, rows, key="w")
        self.assertEqual(self.outcomes(first), got)
        r.services["ingest"].kill()
        r.services["ingest"].start()
        r.wait_ready("ingest")
        self.assertEqual(self.post(r, rows, key="w"), first)
        self.assertEqual(self.outcomes(self.post(r, rows[:2])), [("unchanged", 2)] * 2)
        # the history stays, and says who, when and why
        a = r.at_door("GET", f"/api/v1/figures?unit={UNIT}&figure={option}", "unit").json()["figures"]
        self.assertEqual([(f["value"], f["withdrawn"], f["revision"], f["submitter"], f["note"])
                          for f in a], [("1", False, "1", f"unit:{UNIT}", None),
                                        (None, True, "2", f"unit:{UNIT}", "nhầm năm")])
        self.assertGreater(a[1]["fetched_at"], a[0]["fetched_at"])
        said = [(e["figure"], e["token"]) for e in r.services["ingest"].logged()
                if e["event"] == "figure withdrawn"]
        self.assertEqual(said, [(option, "unit"), (f"{INDEX}.1.4.items", "unit")])
        # the agency takes back its own, not the unit's; and then the unit may speak again
        answer = self.post(r, [row("2.1.option", None, withdraw=True, note="xem lại"),
                               row("1.3.has", None, withdraw=True, note="x")], "agency")
        self.assertEqual(self.outcomes(answer), [("accepted", 2), ("rejected", "figure")])
        self.assertEqual(self.outcomes(self.post(r, [row("2.1.option", "2"), row("1.1.option", "1")])),
                         [("accepted", 3), ("accepted", 3)])
        # twice in one submission, and both ways
        self.assertEqual(self.outcomes(self.post(r, [
            row("1.1.option", None, withdraw=True, note="a"), row("1.1.option", "1")])),
            [("rejected", "figure")] * 2)
        # as CSV, and from the command line
        body = f"unit,period,figure,withdraw,note\n{UNIT},2024,{option},yes,nhầm\n"
        a = r.at_door("POST", "/api/v1/figures", "unit", body.encode(), {"Content-Type": "text/csv"})
        self.assertEqual(a.json()["rows"][0]["outcome"], "accepted", a.body)
        token = r.dir / "unit.token"
        token.touch(0o600)
        token.write_text(r.tokens["unit"])
        for figure, code, said in ((f"{INDEX}.1.3.has", 0, "withdrawn, revision 2"),
                                   (f"{INDEX}.1.3.has", 0, "unchanged, revision 2"),
                                   ("meetings-invited", 1, "nothing was handed in")):
            got = rig.run([rig.BIN / "chiso", "withdraw", "--api", r.door_url, "--token-file", token,
                           "--unit", UNIT, "--period", "2024", "--figure", figure,
                           "--reason", "nhầm"])
            self.assertEqual(got[0], code, got)
            self.assertIn(said, got[1] + got[2])


class Killed(Case):
    def test_meanwhile(self):
        """Clients that send again until they are answered, and an ingest that is killed: what was
        answered is there, once."""
        r = self.start()
        years = range(2000, 2024)

        def client(year):
            body = json.dumps({"key": f"y{year}", "rows": [
                row("1.1.option", 1, period=str(year)), row("1.3.has", 1, period=str(year))]})
            while True:
                try:
                    a = r.at_door("POST", "/api/v1/figures", "unit", body.encode(),
                                  {"Content-Type": "application/json"})
                except (OSError, http.client.HTTPException):
                    continue
                self.assertEqual(a.status, 200, a.body)
                return self.outcomes(rig.counted(a.json()))
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            answers = [pool.submit(client, year) for year in years]
            for done in (3, 8, 13, 18):
                r.wait(lambda: sum(a.done() for a in answers) >= done, f"{done} answers")
                r.services["ingest"].kill()
                r.services["ingest"].start()
            self.assertEqual([a.result() for a in answers],
                             [[("accepted", 1), ("accepted", 1)]] * len(years))
        told = r.at_door("GET", f"/api/v1/figures?unit={UNIT}", "unit").json()["figures"]
        self.assertEqual([(f["period"], f["revision"]) for f in told],
                         [(str(year), "1") for year in years for _ in range(2)])


class Evidence(Case):
    def send(self, r, body, type=None, token="unit"):
        return r.at_door("POST", "/api/v1/evidence", token, body,
                         {"Content-Type": type} if type else None)

    def test_files(self):
        r = self.start(max_evidence="64KiB", open_raw=True)
        docx = io.BytesIO()
        with zipfile.ZipFile(docx, "w") as z:
            z.writestr("[Content_Types].xml", "<Types/>")
            z.writestr("word/document.xml", "<w/>")
        odt = io.BytesIO()
        with zipfile.ZipFile(odt, "w") as z:
            z.writestr("mimetype", "application/vnd.oasis.opendocument.text")
            z.writestr("content.xml", "<w/>")
        plain = io.BytesIO()
        with zipfile.ZipFile(plain, "w") as z:
            z.writestr("a.txt", "a")
        for body, type in ((pdf(b"a"), "pdf"), (b"\x89PNG\r\n\x1a\nx", "png"),
                           (b"\xff\xd8\xff\xe0", "jpeg"), (docx.getvalue(), "docx"),
                           (odt.getvalue(), "odt")):
            a = self.send(r, body)
            self.assertEqual((a.status, a.json()), (201, {
                "sha256": hashlib.sha256(body).hexdigest(), "type": type, "size": str(len(body)),
                "new": True}))
        self.assertEqual(self.send(r, pdf(b"a"), "application/pdf", "other").status, 200)
        for body, type, status in ((b"<html>", None, 415), (plain.getvalue(), None, 415),
                                   (pdf(b"a"), "image/png", 415), (b"", None, 400),
                                   (pdf(bytes(70000)), None, 413)):
            self.problem(self.send(r, body, type), status)
        self.problem(self.send(r, pdf(b"b"), token="reader"), 403)
        # in the archive once, and only for who has a token, whoever may read the rest
        hash = hashlib.sha256(pdf(b"a")).hexdigest()
        self.assertEqual(r.archived(hash), pdf(b"a"))
        self.problem(r.at_door("GET", f"/api/v1/raw/{hash}"), 404)
        self.problem(r.at_door("GET", f"/api/v1/raw/{hash}", "reader"), 404)
        # with a figure; other evidence is another revision
        self.assertEqual(self.outcomes(self.post(r, [row("1.1.option", 1, evidence=[hash])])),
                         [("accepted", 1)])
        a = r.at_door("GET", f"/api/v1/raw/{hash}", "agency")
        self.assertEqual((a.body, a.headers["content-type"]), (pdf(b"a"), "application/pdf"))
        answer = self.post(r, [row("1.1.option", 1, evidence=[hash, hash])])
        self.assertEqual(self.outcomes(answer), [("unchanged", 1)])
        answer = self.post(r, [row("1.1.option", 1)])
        self.assertEqual(self.outcomes(answer), [("accepted", 2)])
        self.problem(r.at_door("GET", "/api/v1/raw/" + answer["sha256"]), 404)
        body = r.at_door("GET", "/api/v1/raw/" + answer["sha256"], "operator").body
        self.assertEqual(json.loads(body), {"rows": [row("1.1.option", 1)]})
        # a body of rows is no evidence
        self.assertEqual(self.outcomes(self.post(
            r, [row("1.1.option", 1, evidence=[answer["sha256"]])])), [("rejected", "evidence")])

    def test_whose_it_is(self):
        """Evidence is for its unit and who appraises it; who knows its hash, which every figure
        tells, can neither read it nor hand it in as its own."""
        r = self.start(open_raw=True)
        everybody = (None, *TOKENS)

        def readers(hash):
            answers = {t: r.at_door("GET", f"/api/v1/raw/{hash}", t) for t in everybody}
            for t, a in answers.items():
                self.assertIn(a.status, (200, 404), t)
                self.assertEqual(a.status == 200, b"for few eyes" in a.body, t)
            return {t for t, a in answers.items() if a.status == 200}
        file = pdf(b"for few eyes")
        hash = hashlib.sha256(file).hexdigest()
        self.assertEqual(self.send(r, file).status, 201)
        self.assertEqual(readers(hash), {"unit", "operator"})  # with no figure yet
        for thief, at in (("other", OTHER), ("board", "86")):
            self.assertEqual(self.outcomes(self.post(r, [row("1.1.option", 1, unit=at, evidence=[hash])],
                                                     thief))[0][0], "rejected")
        self.assertEqual(readers(hash), {"unit", "operator"})
        body = [row("1.1.option", 1, evidence=[hash], note="for few eyes")]
        rows = self.post(r, body)["sha256"]
        self.assertEqual(readers(hash), {"unit", "agency", "operator"})
        self.assertEqual(readers(rows), {"unit", "agency", "operator"})
        # the same bytes of another unit are that unit's too
        self.assertEqual(self.send(r, file, token="other").status, 200)
        self.assertEqual(readers(hash), {"unit", "other", "agency", "operator"})
        # through a restart; and no answer of a source, though everybody here may read those
        r.services["ingest"].kill()
        r.services["ingest"].start()
        r.wait_ready("ingest")
        self.assertEqual(readers(rows), {"unit", "agency", "operator"})
        source = r.wait(lambda: next((p.name for p in (r.data_dir("ingest") / "archive").glob(
            "??/" + "?" * 64) if b"CKMB" in p.read_bytes()), None), "an answer in the archive")
        got = {t: r.at_door("GET", f"/api/v1/raw/{source}", t).status for t in everybody}
        self.assertEqual({t for t, status in got.items() if status == 200},
                         {None, "agency", "board", "operator", "reader"})

    def test_no_room(self):
        r = self.start(evidence_total="1MiB")
        self.assertEqual(self.send(r, pdf(bytes(900000))).status, 201)
        a = self.send(r, pdf(bytes(200000)))
        self.problem(a, 507)
        self.assertEqual(self.send(r, pdf(bytes(900000))).status, 200)  # is there already


class Import(Case):
    def test_import(self):
        """chiso import tells a result for each row; a try-out has no effect; through a restart."""
        r = self.start()
        rows, token = r.dir / "rows.csv", r.dir / "token"
        token.write_text(r.tokens["unit"] + "\n")
        token.chmod(0o600)
        rows.write_text(f"unit,period,figure,value\n{UNIT},2024,{INDEX}.1.1.option,2\n"
                        f"{UNIT},2024,{INDEX}.1.4.items,\"[2]\"\n", encoding="utf-8")

        def run(*more, file=rows, api=r.door_url):
            return rig.run([rig.BIN / "chiso", "import", "--api", api, "--token-file", token, *more,
                            file])
        code, out, err = run("--dry-run")
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(out.splitlines(), [
            f"line 2: accepted (revision 1) {UNIT} 2024 {INDEX}.1.1.option",
            f"line 3: accepted (revision 1) {UNIT} 2024 {INDEX}.1.4.items",
            "2 accepted, 0 unchanged, 0 rejected; a try-out: nothing was stored"])
        self.assertEqual(self.known(r), [])
        self.assertEqual(run()[0], 0)
        self.assertEqual(len(self.known(r)), 3)
        self.assertIn("0 accepted, 2 unchanged", run()[1])
        rows.write_text(rows.read_text() + f"{UNIT},2024,{INDEX}.2.1.option,9\n", encoding="utf-8")
        code, out, _ = run()
        self.assertEqual(code, 1)
        self.assertIn("line 4: rejected: value: '9'; expected a whole number", out)
        rows.write_text(f"unit,period,figure,value\n{UNIT},2024,{INDEX}.1.1.option,1\n{UNIT},,,\n")
        code, out, _ = run("--atomic")
        self.assertEqual((code, out.splitlines()[-1]),
                         (1, "0 accepted, 0 unchanged, 1 rejected; nothing was stored"))
        js = r.dir / "rows.json"
        js.write_text(json.dumps({"rows": [row("1.1.option", 1)]}))
        self.assertEqual(run(file=js)[0], 0)
        rows.write_text("x\n1\n")
        code, _, err = run()
        self.assertEqual(code, 5)
        self.assertIn("the column 'x'", err)
        self.assertEqual(run(api="http://192.0.2.1:1")[0], 2)
        self.assertEqual(run(file=r.dir / "none.csv")[0], 2)
        token.write_text("unit.wrong\n")
        self.assertIn("401", run()[2])
        # ingest comes back while it is asked
        token.write_text(r.tokens["unit"] + "\n")
        r.services["ingest"].kill()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(run, file=js)
            r.services["ingest"].start()
            self.assertEqual(waiting.result()[0], 0)


class Docs(Case):
    def test_examples(self):
        """The examples of docs/submit.md, run as they stand there."""
        r = self.start()
        text = (rig.ROOT / "docs/submit.md").read_text(encoding="utf-8")
        script = "\n".join(re.findall(r"(?ms)^```sh\n(.*?)^```$", text))
        folder = r.dir / "examples"
        folder.mkdir()
        (folder / "decision.pdf").write_bytes(pdf(b"decision"))
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=folder,
                              capture_output=True, timeout=120,
                              env={**rig.environment(), "API": r.door_url, "TOKEN": r.tokens["unit"],
                                   "PATH": f"{rig.BIN}:{os.environ['PATH']}"})
        self.assertEqual(done.returncode, 0, done.stderr)
        answer = json.loads((folder / "answer.json").read_text())
        told = json.loads(re.search(r'(?ms)^```json\n(\{"applied".*?)^```$', text)[1])
        self.assertEqual({**answer, "sha256": ""}, {**told, "sha256": ""})
        known = json.loads((folder / "known.json").read_text())["figures"]
        self.assertEqual([(f["figure"].removeprefix(INDEX + "."), f["value"], f["note"])
                          for f in known],
                         [("1.1.option", "1", "QĐ 12"), ("1.4.items.1", "1", None),
                          ("1.4.items.2", "1", None), ("2.1.option", "1", None),
                          ("2.1.option", None, "nhập nhầm năm"), ("meetings-invited", "6", None)])
        self.assertEqual(json.loads((folder / "try.json").read_text())["accepted"], "2")


class Disk(Case):
    def test_full(self):
        """With a full disk nothing is acknowledged; with room again the same is taken."""
        folder = pathlib.Path(tempfile.mkdtemp(prefix="chiso-disk-", dir="/tmp"))
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "chiso", folder],
                              capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        r = self.rig(portals=0, data=folder, every="1h")
        r.cleaners.append(lambda: (subprocess.run(["umount", "-l", folder], check=True),
                                   shutil.rmtree(folder, ignore_errors=True)))
        r.more_indexes = [str(rig.ROOT / f"catalogs/{INDEX}.yaml")]
        r.open_door(TOKENS)
        r.start(["ingest"])
        r.wait_ready("ingest")
        self.post(r, [row("1.1.option", 1)], key="before")
        # the source was read: an answer that meets the full disk may end the process at any moment
        r.wait(lambda: (len([e for e in r.services["ingest"].logged()
                             if e["event"] == "source state"]) >= 4, 0), "every series is read")
        r.services["ingest"].allowed_exits |= {4}
        with open(folder / "ballast", "wb", buffering=0) as f:
            try:
                while True:
                    f.write(bytes(4096))
            except OSError:
                pass
        body = json.dumps({"rows": [row("1.1.option", 2)], "key": "full"}).encode()
        a = r.at_door("POST", "/api/v1/figures", "unit", body, {"Content-Type": "application/json"})
        self.assertIn(a.status, (503, 507), a.body)
        try:
            a = r.at_door("POST", "/api/v1/evidence", "unit", pdf(bytes(100000)))
            self.assertIn(a.status, (503, 507), a.body)
        except OSError:
            pass  # a store that failed ends the process
        (folder / "ballast").unlink()
        r.services["ingest"].kill()
        r.services["ingest"].start()
        r.wait_ready("ingest")
        self.assertEqual([x[1:3] for x in self.known(r)], [("1", 1)])
        a = r.at_door("POST", "/api/v1/figures", "unit", body, {"Content-Type": "application/json"})
        self.assertEqual((a.status, a.json()["accepted"]), (200, "1"))
        self.assertEqual([x[1:3] for x in self.known(r)], [("1", 1), ("2", 2)])


class Told(Case):
    def withdrawn(self, r, points):
        """What is withdrawn is missing, on the API too, until it is handed in again."""
        figure = f"{INDEX}.1.1.option"

        def unit():
            return r.api(f"indexes/{INDEX}/2024/units/{UNIT}")

        def indicator(u):
            return next(i for p in u["pillars"] for i in p["indicators"] if i["code"] == "1.1")
        before = unit()
        self.post(r, [row("1.1.option", None, withdraw=True, note="nhầm")])
        u = r.wait(lambda: (indicator(unit())["status"] == "missing" and unit(), unit()), "missing")
        now = next(f for f in u["figures"] if f["id"] == figure)
        self.assertEqual((now["value"], now["withdrawn"], now["text"], now["submitter"]),
                         (None, True, None, f"unit:{UNIT}"))
        self.assertEqual(rig.Decimal(before["points"]) - rig.Decimal(u["points"]),
                         rig.Decimal(points))
        self.assertLess(rig.Decimal(u["coverage"]), rig.Decimal(before["coverage"]))
        revisions = r.api(f"units/{UNIT}/figures/{figure}?period=2024")["periods"][0]["revisions"]
        self.assertEqual([v["value"] for v in revisions[:2]], [None, "1"])
        form = rig.request(f"{r.url}/api/v1/indexes/{INDEX}/2024/units/{UNIT}/form")
        self.assertEqual(form.status, 200)
        # a scorer that starts anew from its own store, and one from ingest's snapshot
        for again in (lambda: r.services["scorer"].kill(),
                      lambda: (r.services["scorer"].stop(), r.wipe("scorer"))):
            again()
            r.services["scorer"].start()
            r.wait_ready("scorer")
            r.wait(lambda: (len(r.ranking()["units"]) == 34 and
                            indicator(unit())["status"] == "missing", 0), "still missing")
        self.post(r, [row("1.1.option", "1")])
        r.wait(lambda: (indicator(unit())["points"] == points, indicator(unit())), "it is back")

    def test_a_score_changes(self):
        """An option with evidence is on the publisher's API, and so is a machine's word against it."""
        r = self.start(services=rig.SERVICES)
        r.wait_ready("publisher")
        file = pdf(b"decision")
        hash = r.at_door("POST", "/api/v1/evidence", "unit", file).json()["sha256"]
        r.wait(lambda: len(r.ranking()["units"]) == 34, "the board is read")
        r.wait(lambda: (r.outcome("nation/2025") == "good", r.sources()), "and that is told")
        before = r.unit("86")
        self.assertEqual(self.outcomes(self.post(
            r, [row("dvc-766.ckmb", "1", unit="86", period="2025")], "board")), [("accepted", 1)])
        for value, points in (("2", "10"), ("1", "20")):
            self.post(r, [row("1.1.option", value, evidence=[hash]), row("1.3.has", 1)])

            def told():
                u = r.api(f"indexes/{INDEX}/2024/units/{UNIT}")
                one = next(i for p in u["pillars"] for i in p["indicators"] if i["code"] == "1.1")
                figure = next(f for f in u["figures"] if f["id"] == f"{INDEX}.1.1.option")
                return (one["points"], figure["evidence"], figure["submitter"],
                        figure["value"]) == (points, [hash], f"unit:{UNIT}", value), u
            r.wait(told, f"{points} points for option {value}")
        # a unit of the portal's board says better of itself: the portal's word stands
        self.assertEqual(r.unit("86"), before)
        self.withdrawn(r, points)
        r.stop_services()
        code, out, err = rig.run([rig.BIN / "chiso", "verify", "--ingest", r.data_dir("ingest"),
                                  "--scorer", r.data_dir("scorer"), "--publisher",
                                  r.data_dir("publisher"), "--index", rig.CATALOG,
                                  "--index", r.more_indexes[0]])
        self.assertEqual((code, out.splitlines()[-1]), (0, "0 findings"), out + err)


if __name__ == "__main__":
    unittest.main()
