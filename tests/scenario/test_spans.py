"""Months that do not add up to their year: told with both numbers as long as it is so, and nothing
is told of what cannot be compared."""
import datetime
import json
import shutil

import rig
from rig import BIN, ROOT

DIALECTS = ROOT / "tests/fixtures/dialects"
PAYMENTS = "dvc-counters.payments"
OFF = {"unit": "01", "period": "2024", "figure": PAYMENTS, "parts": "month", "sum": "120",
       "whole": "121"}


class Spans(rig.Case):
    def counters(self):
        """A rig that reads the counters of twelve months and of the year. Dossiers add up, payments
        are off by one, and one month says nothing of the ways in. Of next year everything is told
        too, and nothing adds up."""
        r = self.rig(dialects=None, portals=0, periods=["2025"], units_of=[])
        self.folder = r.dir / "dialects"
        shutil.copytree(DIALECTS, self.folder)
        r.replay.argv += ["--dialects", self.folder]
        for month in range(1, 13):
            self.answer(month, HS_TOTAL=1000 * month, GDTT_TOTAL=10,
                        **({} if month == 5 else {"HTN_TRUCTUYEN_TOTAL": 100}))
        self.answer(None, HS_TOTAL=78000, GDTT_TOTAL=121, HTN_TRUCTUYEN_TOTAL=1100)
        later = datetime.date.today().year + 1
        for name, kind, periods in (
                ("years", "year", ["2024", str(later)]),
                ("months", "month", ["2024-01..2024-12", f"{later}-01..{later}-12"])):
            r.more_sources.append({
                **r.source_options, "id": name, "periods": periods, "units": ["01"],
                "source": str(self.described(r, kind)), "every": "700ms",
                "url": f"{r.replay_url}/jsp/rest.jsp", "allow_http": True,
                "allow_networks": ["127.0.0.0/8"]})
        r.observed()
        return r

    def described(self, r, kind):
        """The shipped description, but of a province that was there in 2024 too."""
        file = r.dir / f"dvc-counters-{kind}.yaml"
        text = (ROOT / "sources" / file.name).read_text(encoding="utf-8")
        self.assertIn('is: "91"', text)
        file.write_text(text.replace('is: "91"', 'is: "01"'), encoding="utf-8")
        return file

    def answer(self, month, **counters):
        """What the portal says from now on of a month of 2024, or of the year; None: no data."""
        kind, period = ("month", f"2024-{month:02d}") if month else ("year", "2024")
        pending = {"DXLTH_TOTAL": "7"}  # of a moment: no sum
        rows = [pending | {k: str(v) for k, v in counters.items()}] if counters else []
        file = self.folder / f"report_by_{kind}_sum_service-11358_{period}.json"
        new = file.with_suffix(".new")
        new.write_text(json.dumps(rows))
        new.rename(file)

    def state(self, r, source="years", series="01/2024"):
        return next((s for s in r.api("sources")["sources"]
                     if (s["source"], s["series"]) == (source, series)), None)

    def wait_off(self, r, wanted, what):
        def seen():
            s = self.state(r)
            return s is not None and s["mismatches"] == wanted, s
        r.wait(seen, what)
        s = self.state(r)
        self.assertEqual(s["mismatched"], str(len(wanted)))
        self.assertEqual((s["stale"], s["notice"]), (False, None))
        r.wait(lambda: (r.metrics("ingest")['chiso_ingest_source_mismatches{source="years"}'] ==
                        len(wanted), r.metrics("ingest")), "the metric")

    def drift(self, r):
        return [e["notice"] for e in r.services["ingest"].logged() if e["event"] == "source drift"]

    def values(self, r):
        """The payments of the year as they were taken, oldest first."""
        return [f["value"] for j in r.journal("ingest")
                for f in j["event"].get("reading", {}).get("figures", [])
                if (f["source"], f["series"], f["id"]) == ("years", "01/2024", PAYMENTS)]

    def wait_reads(self, r):
        """Until the portal has answered for the counters often enough to have told all of them."""
        start = len(r.answers())

        def read():
            polls = [a for a in r.answers(since=start) if a["service"].startswith("report_by")]
            return len(polls) >= 2 * 26, len(polls)
        r.wait(read, "all were asked again")

    def test_months_and_their_year(self):
        r = self.counters()
        r.start()
        self.wait_off(r, [OFF], "the payments are told")
        self.wait_reads(r)
        # of next year, and of what one month does not tell, nothing is said
        told = {(s["source"], s["series"]): s["mismatches"] for s in r.api("sources")["sources"]
                if s["mismatches"]}
        self.assertEqual(told, {("years", "01/2024"): [OFF]})
        text = f"01 2024 {PAYMENTS}: 12 months make 120, the year says 121"
        self.assertEqual(self.drift(r), [text])
        # the figures stay as they were told
        self.assertEqual(self.values(r), ["121"])
        # an operator who asks sees it too
        code, out, err = rig.run([BIN / "chiso", "source", "test", "--config", r.config("ingest"),
                                  "years"])
        self.assertEqual(code, 1, out + err)
        said = [line.split(None, 1) for line in out.partition("add up over time\n")[2].splitlines()]
        self.assertIn(["DOES", f"NOT ADD UP   {text}"], said)
        self.assertIn(["adds", "up           01 2024 dvc-counters.dossiers: 12 months make 78000, "
                               "the year says 78000"], said)
        self.assertIn(["not", "compared      01 2024 dvc-counters.submitted-online: "
                              "11 of 12 months are there"], said)
        self.assertEqual(len(said), 3, out)
        # neither forgets it, nor tells it anew
        for service in ("ingest", "publisher"):
            r.services[service].kill()
            r.services[service].start()
            r.wait_ready(service)
            self.wait_reads(r)
            self.wait_off(r, [OFF], "the payments are told still")
        self.assertEqual(self.drift(r), [text])
        # the month is put right
        self.answer(12, HS_TOTAL=12000, GDTT_TOTAL=11, HTN_TRUCTUYEN_TOTAL=100)
        self.wait_off(r, [], "all adds up")
        # a month without data, and a year that was restated since: not of one time
        self.answer(3)
        r.wait(lambda: (self.state(r, "months", "01/2024-03")["outcome"] == "no_data", 0), "no data")
        self.answer(None, HS_TOTAL=78000, GDTT_TOTAL=130, HTN_TRUCTUYEN_TOTAL=1100)
        r.wait(lambda: (self.values(r)[-1] == "130", 0), "the restated year is read", poll=0.3)
        self.wait_reads(r)
        self.assertEqual(self.state(r)["mismatches"], [])
        # it is back, and now they can be compared
        self.answer(3, HS_TOTAL=3000, GDTT_TOTAL=10, HTN_TRUCTUYEN_TOTAL=100)
        self.wait_off(r, [{**OFF, "sum": "121", "whole": "130"}], "the restated year is told")
        self.assertEqual(len(self.drift(r)), 2)
        self.answer(None, HS_TOTAL=78000, GDTT_TOTAL=121, HTN_TRUCTUYEN_TOTAL=1100)
        self.wait_off(r, [], "all adds up again")
        r.verify()
