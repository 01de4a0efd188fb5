"""Each dialect against a portal that speaks it: everything in order, once in effect, judged by that
dialect's own word for success, over kills, a long absence, and each of its failures."""
import hashlib
import json
import unittest
from decimal import Decimal

import rig
from rig import INDEX

FIRST = f"{INDEX}/2025/24"  # "dvc-766/2025/24": no other subject holds it
RETRY = {"retry_min": "50ms", "retry_max": "300ms"}


class Targets(rig.Case):
    dialect = None

    def secret(self, r, name, text):
        file = r.dir / name
        file.write_text(text + "\n")
        file.chmod(0o600)
        return str(file)

    def ready(self, target=None, start=True, **options):
        r = self.rig(**{"target": RETRY, **options})
        p = r.portals[0]
        p.target = {**self.target_of(r, p), **(target or {})}
        p.proc.argv += self.portal_options
        if start:
            r.start()
            self.agree(r)
        return r

    portal_options = ()

    def agree(self, r, but=()):
        r.settle(portals=[])
        r.wait(lambda: (self.difference(r, but) is None, self.difference(r, but)),
               "the portal agrees with the API", poll=0.1)

    def rows(self, r):
        """subject → what has been told of it: a later record adds to an earlier one."""
        rows = {}
        for e in r.portals[0].raw_lines():
            if not e["duplicate"] and e["ce_type"] == self.dialect:
                subject, values = self.row_of(e)
                rows[subject] = {**rows.get(subject, {}), **values}
        return rows

    def difference(self, r, but=()):
        rows = self.rows(r)
        for (period, _, _), units in r.all_rankings().items():
            for code, unit in units.items():
                subject = f"{INDEX}/{period}/{code}"
                if subject in but:
                    continue
                row = rows.get(subject)
                want = self.want_of(unit)
                if row is None or any(row.get(k) != v for k, v in want.items()):
                    return f"{subject}: {row}, the API: {want}"
        return None

    def check_order(self, r):
        """Of each subject the revisions ascend, as received, repetitions aside."""
        last = {}
        keys = [e["key"] for e in r.portals[0].raw_lines()
                if not e["duplicate"] and e["ce_type"] == self.dialect]
        self.assertEqual(len(keys), len(set(keys)))
        for key in keys:
            stem, _, revision = key.partition("@")[0].rpartition("/")
            self.assertGreater(int(revision), last.get(stem, 0), key)
            last[stem] = int(revision)
        return last

    def check_whole(self, r):
        """No revision of a result is missing."""
        last = self.check_order(r)
        keys = {e["key"].partition("@")[0] for e in r.portals[0].raw_lines()}
        for stem, revision in last.items():
            if stem.startswith("score/"):
                for n in range(1, revision + 1):
                    self.assertIn(f"{stem}/{n}", keys)

    def refusals(self, r, verdict):
        return [x for x in r.services["publisher"].logged()
                if x["event"] == "a portal did not take a notice" and x["verdict"] == verdict]

    def check_kills(self, r):
        """The publisher is killed while it tells, and the portal while it listens."""
        p = r.portals[0]
        p.control(mode="slow", delay_ms=30)
        for n in range(4):
            seen = len(p.raw_lines())
            r.step("next")
            r.wait(lambda: (len(p.raw_lines()) > seen, seen), "something is told")
            if n == 2:
                p.proc.kill()
                p.proc.start()
            r.services["publisher"].kill()
            r.services["publisher"].start()
        p.control(mode="normal")
        self.agree(r)
        self.check_whole(r)
        r.verify()

    def check_away(self, r):
        """Away for long, compressed: it has failed often enough for the longest wait."""
        p = r.portals[0]
        p.proc.stop()
        for _ in range(4):
            r.step("next")
            r.wait(lambda: (r.difference() is None, r.difference()), "the API follows")
        refused = len(self.refusals(r, "retry"))
        r.wait(lambda: (len(self.refusals(r, "retry")) > refused + 3, None), "it is tried again")
        p.proc.start()
        self.agree(r)
        self.check_whole(r)
        self.assertEqual(r.dead_letters(), [])

    def check_never_taken(self, r, mode, words):
        """What is no success is tried again, and takes effect at last."""
        p = r.portals[0]
        p.control(mode=mode)
        r.step("next")
        said = r.wait(lambda: (self.refusals(r, "retry"), None), f"{mode} is a failure")
        self.assertIn(words, said[-1]["reason"])
        self.assertEqual(self.refusals(r, "dead letter"), [])
        p.control(mode="normal")
        self.agree(r)
        self.assertEqual(r.dead_letters(), [])


class Ckan(Targets):
    dialect = "ckan"
    portal_options = ("--token", "ckan-token")

    def target_of(self, r, p):
        return {"kind": "ckan", "url": p.url + "/", "give_up": 3, "batch": 20,
                "auth": {"type": "token", "token_file": self.secret(r, "ckan", "ckan-token")},
                "ckan": {"resource_id": "5f38da22-3df4"}}

    def row_of(self, e):
        return e["ce_subject"], e["body"]

    def want_of(self, unit):
        return {"diem": Decimal(unit["points"]), "hang": unit["rank"], "lan": unit["revision"],
                "hang_toan_quoc": unit["nation_rank"], "ten_don_vi": unit["name"]}

    def rows(self, r):
        rows = super().rows(r)
        for row in rows.values():
            row.update({k: Decimal(v) for k, v in row.items() if k == "diem"})
        return rows

    def test_creates_and_upserts(self):
        r = self.ready()
        made = [e["body"] for e in r.portals[0].raw_lines() if e["ce_type"] == "ckan.create"]
        self.assertEqual(len(made), 1)
        self.assertEqual(made[0]["primary_key"], ["chi_so", "ky", "ma_don_vi"])
        self.assertIn({"id": "diem", "type": "numeric"}, made[0]["fields"])
        self.assertIs(made[0]["force"], True)
        self.check_away(r)
        # the table is lost: made again, and what is told then is in it
        r.portals[0].control(mode="forget", times=1)
        r.step("next")
        self.agree(r)
        made = [e for e in r.portals[0].raw_lines() if e["ce_type"] == "ckan.create"]
        self.assertEqual(len(made), 2)

    def test_makes_the_resource(self):
        """In the package that is configured; once, although the answer to it gets lost."""
        r = self.ready({"ckan": {"resource_id": "5f38da22-3df4", "package_id": "chi-so",
                                 "resource_name": "Điểm và hạng"}}, start=False)
        p = r.portals[0]
        p.proc.argv += ("--package", "chi-so")
        p.proc.start()
        p.control(mode="drop", match="create", times=1)
        r.start()
        self.agree(r)
        made = [e["body"] for e in p.raw_lines() if e["ce_type"] == "ckan.resource"]
        self.assertEqual(made, [{"package_id": "chi-so", "id": "5f38da22-3df4",
                                 "name": "Điểm và hạng"}])
        tables = [e["body"] for e in p.raw_lines() if e["ce_type"] == "ckan.create"]
        self.assertEqual([t["resource_id"] for t in tables], ["5f38da22-3df4"])
        self.assertEqual(tables[0]["primary_key"], ["chi_so", "ky", "ma_don_vi"])
        self.assertEqual(r.dead_letters(), [])

    def test_no_such_package(self):
        """Waited for, with CKAN's own words: an operator can put it right."""
        r = self.ready({"ckan": {"resource_id": "5f38da22-3df4", "package_id": "other"}},
                       start=False)
        p = r.portals[0]
        p.proc.argv += ("--package", "chi-so")
        r.start()
        said = r.wait(lambda: (len(self.refusals(r, "retry")) > 1 and self.refusals(r, "retry"),
                               p.stats()), "it is refused")
        self.assertIn("Dataset not found", said[-1]["reason"])
        self.assertEqual(self.refusals(r, "dead letter"), [])
        self.assertEqual(p.raw_lines(), [])

    def test_kills(self):
        self.check_kills(self.ready())

    def test_failures(self):
        r = self.ready()
        p = r.portals[0]
        self.check_never_taken(r, "html", "a page instead of an answer")
        # one bad row of a request: it alone becomes a dead letter
        p.control(mode="reject", match=FIRST)
        r.step("next")
        r.wait(lambda: (r.dead_letters(), None), "a dead letter")
        self.agree(r, but=[FIRST])
        p.control(mode="normal")
        letters = r.dead_letters()
        self.assertEqual({x["status"] for x in letters}, {409})
        self.assertTrue(all(FIRST in x["key"] for x in letters), letters)
        # 500, as older versions answer for a row: given up after three times
        p.control(mode="error500", match=FIRST)
        r.step("next")
        r.wait(lambda: ({x["status"] for x in r.dead_letters()} == {409, 500}, r.dead_letters()),
               "a dead letter of a 500")
        self.agree(r, but=[FIRST])
        self.check_order(r)

    def test_indicators(self):
        """A row an indicator; a filter; a mapping of one's own."""
        r = self.ready({"grain": "indicator", "filter": {"levels": ["province"],
                                                         "units": ["24", "92"]}}, start=False)
        r.start()
        r.settle(portals=[])
        p = r.portals[0]

        def rows():
            return {e["ce_subject"]: e["body"] for e in p.raw_lines() if e["ce_type"] == "ckan"}
        r.wait(lambda: (len(rows()) >= 24, sorted(rows())), "the rows")
        units = {s.rsplit("/", 1)[0] for s in rows()}
        self.assertEqual(units, {f"{INDEX}/{y}/{u}" for y in ("2025", "2025-10")
                                 for u in ("24", "92")})
        unit = r.unit("24")
        for pillar in unit["pillars"]:
            for i in pillar["indicators"]:
                row = rows()[f"{FIRST}/{i['code']}"]
                self.assertEqual(Decimal(row["diem"]), Decimal(i["points"]))
                self.assertEqual(row["trang_thai"], i["status"])
                self.assertTrue(row["khoa"].startswith(f"score/{FIRST}/{i['code']}/1@"))


class LgspVnpt(Targets):
    dialect = "lgsp-vnpt"

    def target_of(self, r, p):
        return {"kind": "lgsp-vnpt", "url": f"{p.url}/lgsp/results", "give_up": 3, "batch": 20,
                "auth": {"type": "client-credentials", "token_url": f"{p.url}/lgsp/token"},
                "lgsp": {"access_key": "access", "app_name": "chiso", "partner_code": "0.0.H61",
                         "secret_key_file": self.secret(r, "lgsp", "secret"),
                         "sender_code": "0.0.H61", "tran_code": "CHISO"}}

    def row_of(self, e):
        return e["ce_subject"], {k: v for k, v in e["body"].items() if k not in ("loai", "khoa")}

    def want_of(self, unit):
        return {"diem": unit["points"], "hang": str(unit["rank"]), "lan": str(unit["revision"]),
                "ten_don_vi": unit["name"]}

    def test_tokens_and_both_words_for_success(self):
        r = self.ready()
        p = r.portals[0]
        p.control(mode="odd")
        r.step("next")
        self.agree(r)
        p.control(mode="normal")
        self.assertEqual(self.refusals(r, "retry"), [])
        # the token is taken back before its time: a new one, and no failure
        rig.request(f"{p.url}/expire", "POST")
        r.step("next")
        self.agree(r)
        self.assertEqual(self.refusals(r, "retry"), [])
        self.check_away(r)  # whoever restarts has forgotten the tokens that were given out

    def test_kills(self):
        self.check_kills(self.ready())

    def test_failures(self):
        r = self.ready()
        p = r.portals[0]
        self.check_never_taken(r, "html", "a page instead of an answer")
        # error_code "-1" for one record: it alone is given up, after three times
        p.control(mode="deny", match=FIRST)
        r.step("next")
        letters = r.wait(lambda: (r.dead_letters(), None), "a dead letter")
        self.agree(r, but=[FIRST])
        self.assertEqual({x["status"] for x in letters}, {200})
        self.assertIn('"error_code":"-1"', letters[0]["reason"])
        p.control(mode="normal")
        r.step("next")
        self.agree(r)
        self.check_order(r)


class LgspOpencps(Targets):
    dialect = "lgsp-opencps"

    def target_of(self, r, p):
        return {"kind": "lgsp-opencps", "url": f"{p.url}/opencps/Statistic/UpdateStatistic",
                "give_up": 2,
                "auth": {"type": "client-credentials", "token_url": f"{p.url}/opencps/token",
                         "client_id": "client",
                         "client_secret_file": self.secret(r, "opencps", "secret")}}

    def row_of(self, e):
        return e["ce_subject"], e["body"]

    def want_of(self, unit):
        return {"Score": unit["points"], "Revision": str(unit["revision"]),
                "OrganizationInchargeName": unit["name"]}

    def test_it(self):
        r = self.ready()
        p = r.portals[0]
        self.check_never_taken(r, "html", "a page instead of an answer")
        self.check_kills(r)
        p.control(mode="deny", match=FIRST)
        r.step("next")
        letters = r.wait(lambda: (r.dead_letters(), None), "a dead letter")
        self.assertIn('"Status":0', letters[0]["reason"])
        self.agree(r, but=[FIRST])
        p.control(mode="normal")
        self.check_away_quickly(r)

    def check_away_quickly(self, r):
        p = r.portals[0]
        p.proc.stop()
        r.step("next")
        r.wait(lambda: (r.difference() is None, r.difference()), "the API follows")
        p.proc.start()
        self.agree(r)
        self.check_order(r)


class NgsiLd(Targets):
    dialect = "ngsi-ld"
    portal_options = ("--token", "ngsi-token")

    def target_of(self, r, p):
        return {"kind": "ngsi-ld", "url": p.url, "batch": 20,
                "auth": {"type": "bearer", "token_file": self.secret(r, "ngsi", "ngsi-token")},
                "ngsi": {"tenant": "vinhlong"}}

    def row_of(self, e):
        prefix = "urn:ngsi-ld:ChisoResult:"
        self.assertTrue(e["ce_subject"].startswith(prefix))
        values = {k: v["value"] for k, v in e["body"].items() if k not in ("id", "type")}
        return e["ce_subject"][len(prefix):].replace(":", "/"), values

    def want_of(self, unit):
        return {"points": Decimal(unit["points"]), "rank": unit["rank"],
                "nationRank": unit["nation_rank"], "revision": unit["revision"],
                "unitName": unit["name"]}

    def test_upserts(self):
        r = self.ready()
        self.check_away(r)

    def test_kills(self):
        self.check_kills(self.ready())

    def test_partial(self):
        """207: what is named as failed for good is a dead letter, for now is told again."""
        r = self.ready()
        p = r.portals[0]
        entity = f"{INDEX}:2025:24"
        p.control(mode="partial_later", match=entity, times=4)
        r.step("next")
        self.agree(r)
        self.assertEqual(r.dead_letters(), [])
        self.assertGreaterEqual(len([x for x in self.refusals(r, "retry")
                                     if "InternalError" in x["reason"]]), 4)
        p.control(mode="partial", match=entity)
        r.step("next")
        letters = r.wait(lambda: (r.dead_letters(), None), "a dead letter")
        self.agree(r, but=[FIRST])
        self.assertEqual({x["status"] for x in letters}, {207})
        self.assertTrue(all(FIRST in x["key"] for x in letters), letters)
        p.control(mode="normal")
        r.step("next")
        self.agree(r)
        self.check_order(r)


class Structured(Targets):
    """CloudEvents in one body, signed, with a token, for one province."""
    dialect = "vn.chiso.score.v1"
    portal_options = ("--token", "ce-token", "--sign-secret", "ce-secret")

    def target_of(self, r, p):
        return {"url": f"{p.url}/events", "mode": "structured",
                "token_file": self.secret(r, "token", "ce-token"),
                "sign": {"secret_file": self.secret(r, "sign", "ce-secret")},
                "filter": {"units": ["91"], "types": ["score"], "periods": ["2025-10"]}}

    def test_it(self):
        r = self.ready(start=False)
        r.start()
        p = r.portals[0]

        def units():
            return {e["ce_subject"] for e in p.effects()}
        r.settle(portals=[])
        wanted = {f"{INDEX}/{period}/{code}" for (period, _, _), group in r.all_rankings().items()
                  for code, u in group.items()
                  if period == "2025-10" and (code == "91" or u["parent"] == "91")}
        self.assertGreater(len(wanted), 10)
        r.wait(lambda: (units() == wanted, units() ^ wanted), "what was asked for, and no more")
        self.assertEqual(p.stats()["refused"], 0)
        self.assertEqual({e["ce_type"] for e in p.effects()}, {"vn.chiso.score.v1"})
        # a page with status 200 is no success
        p.control(mode="html")
        r.step("next")
        said = r.wait(lambda: (self.refusals(r, "retry"), None), "a page is a failure")
        self.assertIn("a page instead of an answer", said[-1]["reason"])
        p.control(mode="normal")
        r.wait(lambda: (all(e["body"]["revision"] == r.unit(e["ce_subject"].rsplit("/")[-1],
                                                           "2025-10")["revision"]
                            for e in {e["ce_subject"]: e for e in p.effects()}.values()), None),
               "it follows")
        r.check_portal_order(p, whole=False)


class Folder(rig.Case):
    """Files: whole or not at all, each record in one of them, told by a manifest."""

    def ready(self, per):
        r = self.rig(target=RETRY, portals=0)
        self.folder = r.dir / "drop"
        self.folder.mkdir()
        r.more_targets = [{"id": "drop", "kind": "file", "batch": 30,
                           "file": {"folder": str(self.folder), "per": per}, **RETRY}]
        r.start()
        r.settle()
        return r

    def manifest(self):
        lines = []
        for file in sorted(self.folder.glob("manifest-*.jsonl")):
            text = file.read_bytes()
            lines += [json.loads(x) for x in text[:text.rfind(b"\n") + 1].splitlines()]
        return lines

    def told(self):
        return [k for line in self.manifest() for k in line["keys"]]

    def wanted(self, r):
        return [j["event"]["notice"]["key"] for j in r.journal("publisher")
                if not j["event"]["notice"].get("internal")]

    def check(self, r):
        r.settle()
        r.wait(lambda: (self.told() == self.wanted(r), (len(self.told()), len(self.wanted(r)))),
               "everything is told once and in order")
        for line in self.manifest():
            body = (self.folder / line["file"]).read_bytes()
            self.assertEqual(hashlib.sha256(body).hexdigest(), line["sha256"])
            self.assertEqual(len(body), line["bytes"])
            records = [json.loads(x) for x in body.splitlines()]
            self.assertEqual([x["id"] for x in records], line["keys"])
            for record in records:
                self.assertRegex(record["traceparent"], "^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$")
        self.assertEqual({f.name for f in self.folder.iterdir()
                          if not f.name.startswith("manifest-")},
                         {line["file"] for line in self.manifest()})

    def kills(self, r):
        for _ in range(5):
            seen = len(self.told())
            r.step("next")
            r.wait(lambda: (len(self.told()) > seen, seen), "something is told")
            r.services["publisher"].kill()
            r.services["publisher"].start()
        self.check(r)

    def test_a_file_an_event(self):
        r = self.ready("event")
        self.check(r)
        self.kills(r)

    def test_a_file_a_batch(self):
        r = self.ready("batch")
        self.check(r)
        self.assertLess(len(self.manifest()), len(self.told()) / 3)
        self.kills(r)

    def test_the_folder_is_away(self):
        """A share that is not mounted: tried again, told why, then everything."""
        r = self.ready("event")
        self.check(r)
        aside = r.dir / "aside"
        self.folder.rename(aside)
        r.step("next")
        r.wait(lambda: ([x for x in r.services["publisher"].logged()
                         if x["event"] == "a portal did not take a notice"
                         and "No such file" in x["reason"]], None), "it says why")
        aside.rename(self.folder)
        self.check(r)


if __name__ == "__main__":
    unittest.main()
