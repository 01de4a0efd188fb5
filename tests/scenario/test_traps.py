"""The traps that sources set, through the real services; each test names its trap. Those of a form
alone (numbers, dates, charsets …) are unit tests, test_trap_NN_… or trap_NN_… in tests/unit. The
last test counts that none of the thirty is without one."""
import re
import unittest

import rig
from rig import PILLARS, ROOT, get_json

DIALECTS = ROOT / "tests/fixtures/dialects"
PROVINCE = ROOT / "catalogs/vl-province-2025.yaml"


class Traps(rig.Case):
    def rig_with(self, *sources, **options):
        """A rig that reads these sources beside the board."""
        r = self.rig(dialects=DIALECTS, portals=0, units_of=["91"], **options)
        for name, value in (("user", "chiso"), ("password", "mat-khau"), ("key", "chiso"),
                            ("secret", "mat-khau")):
            file = r.dir / f"{name}.secret"
            file.write_text(value)
            file.chmod(0o600)
        for one in sources:
            secrets = [{"name": n, "file": str(r.dir / f"{n}.secret")} for n in one.pop("secrets", ())]
            r.more_sources.append({
                "url": r.replay_url + one.pop("path", ""), "periods": ["2025"], "allow_http": True,
                "allow_networks": ["127.0.0.0/8"], **r.source_options,
                **({"secrets": secrets} if secrets else {}), **one,
                "source": str(ROOT / "sources" / one["source"])})
        r.more_indexes = [str(PROVINCE)]
        r.start()
        return r

    def states(self, r):
        return {(s["source"], s["series"]): s for s in r.api("sources")["sources"]}

    def wait_outcome(self, r, source, outcome):
        """Until every series of the source is that; its states."""
        def reached():
            ours = [s for (name, _), s in self.states(r).items() if name == source]
            return ours and all(s["outcome"] == outcome for s in ours) and ours, ours
        return r.wait(reached, f"{source} is {outcome}")

    def readings(self, r, source):
        return [e for e in r.journal("ingest") if source in str(e)]

    def replay(self, r):
        return get_json(f"{r.replay_url}/control")

    def answers_of(self, r, service, since=0):
        return [a for a in r.answers(since=since) if a["service"] == service]

    def test_trap_03_an_error_within_200_is_no_answer(self):
        r = self.rig_with({"id": "adapter", "source": "local/procedures-xroad.yaml", "units": ["96"],
                           "secrets": ["user", "password"]})
        self.wait_outcome(r, "adapter", "good")
        before = len(r.answers())
        r.control(expire=1)  # {"error_code":401,…} with status 200: the session is renewed, once
        r.wait(lambda: (self.replay(r)["logins"] == 2, self.replay(r)), "a second login")
        r.wait(lambda: (len(self.answers_of(r, "/mapi/g", before)) > 4, ""), "more polls")
        self.assertEqual(self.replay(r)["logins"], 2)
        self.wait_outcome(r, "adapter", "good")
        r.control(mode="not_array", series="xroad")  # and an answer of another shape is refused
        told = self.wait_outcome(r, "adapter", "retrying")
        self.assertIn("/error_code is not there", told[0]["detail"])
        r.control(mode="normal")
        self.wait_outcome(r, "adapter", "good")

    def test_trap_04_a_stale_csrf_token_is_fetched_anew_once(self):
        r = self.rig_with({"id": "one-stop", "source": "tinnhiemmang-one-stop.yaml",
                           "units": ["86"]})
        self.wait_outcome(r, "one-stop", "good")
        before = len(r.answers())
        r.control(expire=1)
        r.wait(lambda: (any(a["status"] == 419 for a in r.answers(since=before)), ""), "a 419")
        seen = len(r.answers())
        r.wait(lambda: (any(a["status"] == 200 for a in self.answers_of(r, "/filterObj", seen)), ""),
               "an answer after it")
        lookups = [a["status"] for a in self.answers_of(r, "/filterObj", before)]
        self.assertEqual(lookups.count(419), 1, lookups)
        self.wait_outcome(r, "one-stop", "good")

    def test_trap_06_hosts_out_of_reach_harm_no_other(self):
        r = self.rig_with(
            {"id": "nowhere", "source": "open-data.yaml", "url": "http://data.invalid",
             "units": ["31"]},
            {"id": "looping", "source": "emc-tag.yaml", "units": ["86"]},
            {"id": "closed", "source": "tinnhiemmang-portal.yaml", "units": ["86"]})
        r.wait(lambda: (r.difference() is None, r.difference()), "the board is served")
        self.wait_outcome(r, "nowhere", "retrying")
        r.control(mode="redirect", series="portal")
        looping = self.wait_outcome(r, "looping", "blocked")
        self.assertIn("307", looping[0]["detail"])
        r.control(mode="status403", series="directory")
        closed = self.wait_outcome(r, "closed", "blocked")
        self.assertIn("403", closed[0]["detail"])
        r.set("0_2025", "401621", "CKMB", "11")
        r.wait(lambda: (r.difference() is None, r.difference()), "the board is served on")

    def test_trap_07_and_08_slow_and_throttled_answers_are_tried_again(self):
        r = self.rig_with(timeout="5s")
        r.wait(lambda: (r.difference() is None, r.difference()), "the board is served")
        for mode, options in (("slow", {"delay_ms": 60000}), ("status429", {}), ("busy503", {})):
            with self.subTest(mode=mode):
                r.control(mode=mode, series="0_2025", **options)
                r.wait(lambda: (r.outcome("nation/2025") == "retrying", r.outcome("nation/2025")),
                       f"{mode} is retried")
                self.assertIsNone(r.difference())  # the last good figures stay
                r.control(mode="normal")
                r.wait(lambda: (r.outcome("nation/2025") == "good", r.outcome("nation/2025")),
                       f"good after {mode}")

    def test_trap_10_tokens_end_and_are_renewed_once(self):
        r = self.rig_with({"id": "dossiers", "source": "local/dossiers-wso2.yaml", "units": ["96"],
                           "secrets": ["key", "secret"]})
        self.wait_outcome(r, "dossiers", "good")
        polls = len(self.answers_of(r, "/thongke/1.0/hoso"))
        r.wait(lambda: (len(self.answers_of(r, "/thongke/1.0/hoso")) > polls + 3, polls), "more polls")
        self.assertEqual(self.replay(r)["logins"], 1)  # one token for all of them
        before = len(r.answers())
        r.control(expire=1)
        r.wait(lambda: (self.replay(r)["logins"] == 2, self.replay(r)), "a second login")
        r.wait(lambda: (len(self.answers_of(r, "/thongke/1.0/hoso", before)) > 4, ""), "more polls")
        refused = [a for a in self.answers_of(r, "/thongke/1.0/hoso", before) if a["status"] == 401]
        self.assertEqual(len(refused), 1)
        self.assertEqual(self.replay(r)["logins"], 2)
        # a short life: renewed before it ends, nothing is refused, unless the machine stood still
        r.control(expires_in=5)
        r.control(expire=1)
        before = len(r.answers())

        def renewals():
            """How often it was renewed since something was refused."""
            since = [a["status"] == 401 or a["service"] for a in r.answers(since=before)
                     if a["status"] == 401 or a["service"] == "/token"]
            since = since[len(since) - since[::-1].index(True):] if True in since else since
            return len(since) > 3, since
        r.wait(renewals, "renewals without a refusal")
        self.wait_outcome(r, "dossiers", "good")

    def test_trap_17_and_29_copies_across_pages_and_another_owner(self):
        r = self.rig_with({"id": "sites", "source": "tinnhiemmang-portal.yaml",
                           "units": ["86", "01", "20"]})
        self.wait_outcome(r, "sites", "good")
        self.assertEqual([q for q in r.quarantine() if q["source"] == "sites"
                          and "longer than" not in q["reason"]], [])  # a page that took its time

        def figures(code):
            unit = r.api(f"indexes/vl-province-2025/2025/units/{code}")
            found = [i for p in unit["pillars"] for i in p["indicators"] if i["code"] == "5.7"]
            return found[0]["status"], found[0]["points"]
        r.wait(lambda: (figures("86") == ("scored", "10"), figures("86")), "86 is certified")
        r.wait(lambda: (figures("20") == ("scored", "0"), figures("20")), "20 is not")
        # hanoi.gov.vn's certificate is a hospital's: neither one nor the other, and no zero
        got = [e for e in self.readings(r, "sites") if "5.7.option" in str(e) and "'01'" in str(e)]
        self.assertEqual(got, [])

    def test_trap_24_what_is_restated_is_a_revision_with_its_time(self):
        r = self.rig_with()
        r.wait(lambda: (r.difference() is None, r.difference()), "the board is served")
        before = r.history("91", "2025-10")
        r.step()
        r.wait(lambda: (r.difference() is None, r.difference()), "four days later")
        after = r.history("91", "2025-10")
        self.assertEqual(after[-len(before):], before)  # what was published stays
        self.assertGreater(len(after), len(before))
        self.assertNotEqual(after[0]["points"], before[0]["points"])

    def test_trap_25_months_and_years_are_not_made_of_each_other(self):
        r = self.rig_with()
        r.wait(lambda: (r.difference() is None, r.difference()), "the board is served")
        year = r.unit("91", "2025")
        r.set("0_2025-10", "398126", "CKMB", "1")
        r.wait(lambda: (r.difference() is None, r.difference()), "the month's change is served")
        self.assertEqual(r.unit("91", "2025")["points"], year["points"])
        self.assertEqual(r.unit("91", "2025")["revision"], year["revision"])

    def test_trap_26_units_that_ended_are_not_asked_for(self):
        r = self.rig(portals=0, units_of=["30"])  # Hải Dương, until 1 July 2025
        r.configure()
        code, _, said = rig.run([rig.BIN / "chiso-ingest", "--config", r.config("ingest"),
                                 "--check-config"])
        self.assertEqual(code, 3, said)
        self.assertIn("'30'; expected the code of a province", said)
        self.assertEqual(sum(u["level"] == "province" for u in rig.UNITS.values()), 34)

    def test_trap_27_a_zero_is_a_figure(self):
        r = self.rig_with()
        r.step("2025-10-15")
        r.wait(lambda: (r.difference() is None, r.difference()), "the board is served")
        series, row = next((s, x) for s in r.series_names() for x in r.source.rows(s)
                           if any(x[f] == "0" for f in PILLARS.values()))
        unit = r.unit(rig.unit_of(row, series)[0], series.split("_")[1])
        zeros = {p for p, f in PILLARS.items() if row[f] == "0"}
        for pillar in unit["pillars"]:
            if pillar["code"] in zeros:
                self.assertEqual((pillar["status"], pillar["points"]), ("scored", "0"))

    def test_trap_28_the_same_body_again_is_nothing_new(self):
        r = self.rig_with()
        r.wait(lambda: (r.difference() is None, r.difference()), "the board is served")
        r.wait_polls(1)
        r.verify()  # all that was told has come to the end
        heads = r.heads()
        bodies = sorted(p.name for p in (r.data_dir("ingest") / "archive").rglob("*") if p.is_file())
        r.wait_polls(3)
        self.assertEqual(r.heads(), heads)
        self.assertEqual(bodies, sorted(p.name for p in (r.data_dir("ingest") / "archive").rglob("*")
                                        if p.is_file()))

    def test_trap_30_unknown_fields_are_kept_and_harm_nothing(self):
        r = self.rig_with({"id": "counters", "source": "dvc-counters-year.yaml", "units": ["91"],
                           "path": "/jsp/rest.jsp"})
        self.wait_outcome(r, "counters", "good")
        kept = [p for p in (r.data_dir("ingest") / "archive").rglob("*")
                if p.is_file() and b"TEN_MOI" in p.read_bytes()]
        self.assertEqual(len(kept), 1)
        r.archived(kept[0].name)


class AllThirty(unittest.TestCase):
    def test_each_trap_has_a_test_that_names_it(self):
        named = set()
        for file in [*(ROOT / "tests/unit").glob("*.c"), *(ROOT / "tests/scenario").glob("*.py")]:
            text = file.read_text(encoding="utf-8")
            for name in re.findall(r"(?m)^(?:static void|    def) ((?:test_)?trap_\w+)\(", text):
                if file.suffix == ".py" or text.count(name) > 1:  # a C test that is run
                    named |= {int(n) for n in re.findall(r"(?:trap|and)_(\d\d)(?=_)", name)}
        self.assertEqual(sorted(set(range(1, 31)) - named), [])


if __name__ == "__main__":
    unittest.main()
