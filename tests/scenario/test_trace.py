"""One trace from a changed answer, or a submission, to what a portal received: in the logs, the
journals and the headers, also after each service was killed on the way."""
import http.client
import json
import pathlib
import re
import unittest

import rig
from rig import INDEX

PARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])")
SUBMITTED = "hd-department-2024"
UNIT = "30.so-tai-chinh"


def parts(traceparent):
    m = PARENT.fullmatch(traceparent or "")
    if m is None:
        raise AssertionError(f"not a traceparent: {traceparent!r}")
    return m.groups()


class Trace(rig.Case):
    def ready(self, **options):
        r = self.rig(periods=("2025",), units_of=(), **options)
        r.log_level = "debug"
        r.start()
        r.settle()
        r.delivered()
        return r

    def change(self, r):
        row = r.source.rows("0_2025")[0]
        r.set("0_2025", row["ID"], "TDGQ", "3.21" if row["TDGQ"] != "3.21" else "4.56")
        return row

    def journaled(self, r, service, trace=None, after=0):
        more = ["--trace", trace] if trace else []
        code, out, err = rig.run([rig.BIN / "chiso", "journal", "--data", r.data_dir(service), *more])
        self.assertEqual((code, err), (0, ""))
        return [x for x in map(json.loads, out.splitlines()) if x["seq"] > after]

    def logged(self, r, service, trace):
        return [x for x in r.services[service].logged() if x.get("trace_id") == trace]

    def wait_logged(self, r, service, trace, event, n):
        """A line is written after the commit that others see first."""
        def lines():
            found = [x for x in self.logged(r, service, trace) if x["event"] == event]
            return len(found) >= n and found, found
        return r.wait(lines, f"{n} lines '{event}' of {service}")

    def scores(self, portal, after):
        return [e for e in portal.lines()[after:] if e["ce_type"] == "vn.chiso.score.v1"]

    def check_line(self, r, trace, deliveries):
        """The same trace everywhere, and at each place a span of its own."""
        fetched = self.wait_logged(r, "ingest", trace, "fetched", 1)
        self.assertEqual([x["rows_changed"] for x in fetched], [1])
        came = [x for x in self.journaled(r, "ingest", trace) if "reading" in x["event"]]
        self.assertEqual([x["span_id"] for x in came], [fetched[0]["span_id"]])
        self.assertNotIn("trace", came[0]["event"])
        scored = [x for x in self.journaled(r, "scorer", trace) if "score" in x["event"]]
        self.assertEqual(len(scored), 1)
        told = [x for x in self.journaled(r, "publisher", trace)
                if x["event"]["notice"]["type"] == "vn.chiso.score.v1"]
        self.assertEqual(len(told), 1)
        spans = [came[0]["span_id"], scored[0]["span_id"], told[0]["span_id"]]
        for e in deliveries:
            self.assertEqual(parts(e["traceparent"])[0], trace)
            spans.append(parts(e["traceparent"])[1])
            # the event's own, however often it is sent
            self.assertEqual(parts(e["ce_traceparent"])[:2], (trace, told[0]["span_id"]))
        self.assertEqual(len(set(spans)), len(spans), spans)
        return spans

    def test_a_changed_answer(self):
        r = self.ready(target={"mode": "structured"}, portals=2)
        binary, structured = r.portals
        binary.target["mode"] = "binary"
        r.stop_services()
        r.start()
        r.settle()
        seen = [len(p.lines()) for p in r.portals]
        heads = r.heads()
        self.change(r)
        r.settle()
        new = [x for x in self.journaled(r, "ingest", after=heads["ingest"])
               if "reading" in x["event"]]
        self.assertEqual(len(new), 1)
        trace = new[0]["trace_id"]
        deliveries = [self.scores(p, n) for p, n in zip(r.portals, seen)]
        self.assertEqual([len(d) for d in deliveries], [1, 1])
        spans = self.check_line(r, trace, deliveries[0] + deliveries[1])
        sent = sum(len(p.lines()) - n for p, n in zip(r.portals, seen))
        delivered = self.wait_logged(r, "publisher", trace, "delivered", sent)
        self.assertEqual({x["span_id"] for x in delivered
                          if x["key"].startswith("score/")}, set(spans[3:]))
        # what moved in the ranking moved by it
        for e in binary.lines()[seen[0]:] + structured.lines()[seen[1]:]:
            self.assertEqual(parts(e["traceparent"])[0], trace)
        # an answer that says the same again is no event, and its trace goes nowhere
        r.wait_polls(2)
        self.assertEqual(len(self.journaled(r, "ingest", after=heads["ingest"])), len(
            self.journaled(r, "ingest", trace)))
        # nobody else hears of it
        self.assertEqual([x["traceparent"] for x in r.answers() if x["traceparent"]], [])

    def test_killed_on_the_way(self):
        """-9 to each service with the change under way, then the portal loses the answer and the
        publisher is killed: told again, in the same trace, with a new span."""
        r = self.ready()
        portal = r.portals[0]
        seen, heads = len(portal.lines()), r.heads()
        r.services["scorer"].kill()
        self.change(r)
        r.wait(lambda: (r.heads()["ingest"] > heads["ingest"], r.heads()), "ingest has it")
        r.services["ingest"].kill()
        r.services["publisher"].kill()
        portal.control(mode="drop")
        for s in rig.SERVICES:
            r.services[s].start()
        r.wait(lambda: (self.scores(portal, seen), portal.stats()), "the portal took it")
        r.services["publisher"].kill()
        portal.control(mode="normal")
        r.services["publisher"].start()
        r.settle()
        trace = next(x["trace_id"] for x in self.journaled(r, "ingest", after=heads["ingest"])
                     if "reading" in x["event"])
        # ingest's log may be cut by the kill; its journal is not
        told = self.scores(portal, seen)
        self.assertGreaterEqual(len(told), 2)
        self.assertEqual({e["key"] for e in told}, {told[0]["key"]})
        self.assertEqual({parts(e["traceparent"])[0] for e in told}, {trace})
        self.assertEqual(len({parts(e["traceparent"])[1] for e in told}), len(told))
        self.assertEqual(len({e["ce_traceparent"] for e in told}), 1)
        self.assertEqual([e["duplicate"] for e in told], [False] + [True] * (len(told) - 1))

    def test_what_is_refused(self):
        """Quarantine and dead letters are logged with the trace that led to them; a dead letter
        that is sent again keeps it; a whole state that is sent again has traces too."""
        r = self.ready()
        portal = r.portals[0]
        row = self.change(r)
        r.settle()
        portal.control(mode="reject", times=1)
        heads = r.heads()
        r.set("0_2025", row["ID"], "TDGQ", "5.55")
        r.wait(lambda: (r.dead_letters(), portal.stats()), "a dead letter")
        trace = next(x["trace_id"] for x in self.journaled(r, "ingest", after=heads["ingest"])
                     if "reading" in x["event"])
        r.wait(lambda: any("verdict" in x for x in self.logged(r, "publisher", trace)), "its line")
        dead = [x for x in self.logged(r, "publisher", trace) if x.get("verdict") == "dead letter"]
        self.assertEqual([x["key"] for x in dead], [r.dead_letters()[0]["key"]])
        code, _, err = rig.run([rig.BIN / "chiso", "target", "retry", "--publisher",
                                r.data_dir("publisher"), portal.name])
        self.assertEqual((code, err), (0, ""))
        r.wait(lambda: (any(e["key"] == dead[0]["key"] for e in portal.lines()), r.dead_letters()),
               "the letter arrived")
        again = next(e for e in portal.lines() if e["key"] == dead[0]["key"])
        self.assertEqual(parts(again["traceparent"])[0], trace)
        self.assertNotEqual(parts(again["traceparent"])[1], dead[0]["span_id"])
        # a field has another name: all rows are held back
        r.control(mode="changed_field")
        r.wait(lambda: (r.quarantine(), r.sources()), "a quarantined row")
        r.control(mode="normal")
        held = r.wait(lambda: [x for x in r.services["ingest"].logged()
                               if x["event"] == "quarantined"], "its line")
        self.assertRegex(held[-1]["trace_id"], "^[0-9a-f]{32}$")
        self.assertRegex(held[-1]["span_id"], "^[0-9a-f]{16}$")
        n = len(portal.lines())
        code, _, err = rig.run([rig.BIN / "chiso", "target", "resync", "--publisher",
                                r.data_dir("publisher"), portal.name])
        self.assertEqual((code, err), (0, ""))
        r.wait(lambda: (len(portal.lines()) > n, portal.stats()), "all of it again")
        for e in portal.lines()[n:]:
            parts(e["traceparent"])

    def test_a_source_that_asks(self):
        """Only where the description says ${traceparent} does a source hear of the trace."""
        text = pathlib.Path(rig.DESCRIPTION).read_text(encoding="utf-8")
        first = '    - "X-Requested-With: XMLHttpRequest"\n'
        self.assertEqual(text.count(first), 1)
        r = self.rig(periods=("2025",), units_of=())
        file = r.dir / f"{INDEX}.yaml"
        file.write_text(text.replace(first, first + '    - "traceparent: ${traceparent}"\n'),
                        encoding="utf-8")
        r.source_options["source"] = str(file)
        r.start()
        r.settle()
        came = self.journaled(r, "ingest")
        heard = [parts(x["traceparent"]) for x in r.answers()]
        self.assertEqual(len({h[0] for h in heard}), len(heard))  # a trace each
        self.assertTrue({x["trace_id"] for x in came} <= {h[0] for h in heard})

    def test_a_submission(self):
        r = self.rig(periods=("2025",), units_of=())
        r.more_indexes = [str(rig.ROOT / f"catalogs/{SUBMITTED}.yaml")]
        r.open_door({"unit": ("submitter", [UNIT])})
        r.log_level = "debug"
        r.start()
        r.settle()  # what a snapshot tells has no trace
        portal = r.portals[0]
        trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        theirs = f"00-{trace}-00f067aa0ba902b7-01"

        def hand_in(figure, value, *headers):
            """The trace of the new reading."""
            before = r.heads()["ingest"]
            body = json.dumps({"rows": [{"unit": UNIT, "period": "2024", "value": value,
                                         "figure": figure}]}).encode()
            c = http.client.HTTPConnection(r.door["address"], r.door["port"], timeout=60)
            c.putrequest("POST", "/api/v1/figures")
            for h in [("Authorization", f"Bearer {r.tokens['unit']}"),
                      ("Content-Type", "application/json"), ("Content-Length", str(len(body))),
                      *(("Traceparent", h) for h in headers)]:
                c.putheader(*h)
            c.endheaders(body)
            answer = c.getresponse()
            said = answer.read()
            c.close()
            self.assertEqual(answer.status, 200, said)
            new = [x for x in self.journaled(r, "ingest", after=before)
                   if x["event"].get("reading", {}).get("period") == "2024"]
            self.assertEqual(len(new), 1, said)
            return new[0]

        new = hand_in(f"{SUBMITTED}.1.1.option", "2", theirs)
        self.assertEqual(new["trace_id"], trace)
        self.assertNotEqual(new["span_id"], "00f067aa0ba902b7")
        took = self.wait_logged(r, "ingest", trace, "submission", 1)
        self.assertEqual([x["span_id"] for x in took], [new["span_id"]])
        r.wait(lambda: ([e for e in portal.lines() if e["traceparent"]
                         and parts(e["traceparent"])[0] == trace], portal.stats()), "delivered")
        # what is no traceparent, or two of them, begins a new trace
        bad = [(theirs.upper(),), (theirs + "-",), (theirs, theirs), ("",),
               ("00-" + "0" * 32 + "-00f067aa0ba902b7-01",), ()]
        seen = {trace}
        for i, headers in enumerate(bad):
            made = hand_in("meetings-invited", str(i + 2), *headers)["trace_id"]
            self.assertRegex(made, "^[0-9a-f]{32}$")
            self.assertNotIn(made, seen)
            seen.add(made)


if __name__ == "__main__":
    unittest.main()
