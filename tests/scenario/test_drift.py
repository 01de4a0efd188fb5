"""Sources that drift: they restate, jump, change their rule, their form or only their order; what an
operator does about it; and a host that is dead."""
import json
import pathlib
import shutil
import subprocess
import tempfile
from decimal import Decimal

import rig
from rig import INDEX, canonical

LAST = "2025-10-15"


class Drift(rig.Case):
    def night(self, name, change):
        """Fixtures of two steps: the recorded day, and the day after, which change(rows, series)
        makes of it."""
        folder = self.folder(name)
        for day in (LAST, "2025-10-16"):
            shutil.copytree(rig.FIXTURES / LAST, folder / day)
        for file in (folder / "2025-10-16").glob("*.json"):
            rows = json.loads(file.read_bytes())
            rows = change(rows, file.stem)
            for row in rows:
                row["TONG_SCORE"] = canonical(sum(Decimal(row[f]) for f in rig.PILLARS.values()))
            file.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
        return folder

    def folder(self, name):
        folder = pathlib.Path(tempfile.mkdtemp(prefix=f"chiso-{name}-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, folder)
        return folder

    def described(self, change):
        """The board's description after change(text), in a file of its own."""
        file = self.folder("source") / "dvc-766.yaml"
        text = rig.DESCRIPTION.read_text(encoding="utf-8")
        changed = change(text)
        self.assertNotEqual(changed, text)
        file.write_text(changed, encoding="utf-8")
        return str(file)

    def archived(self, r):
        return sorted(p.name for p in (r.data_dir("ingest") / "archive").glob("??/*"))

    def chiso(self, *args, code=0):
        done = subprocess.run([rig.BIN / "chiso", *map(str, args)], capture_output=True, text=True,
                              env=rig.environment(), timeout=120)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()], done.stderr

    def operator(self, r):
        file = r.dir / "operator.token"
        file.touch(0o600)
        file.write_text(r.tokens["operator"])
        return ["--api", r.door_url, "--token-file", file]


class Answers(Drift):
    def test_all_units_moved_alike(self):
        """In one night every province rose by six points or so: the figures are taken, and it is told."""
        def rule_change(rows, series):
            for i, row in enumerate(rows if series == "0_2025-10" else []):
                row["MDHL"] = canonical(Decimal(row["MDHL"]) + Decimal("5.9") + Decimal("0.02") * (i % 5))
            return rows
        r = self.rig(fixtures=self.night("night", rule_change))
        r.start()
        r.settle()
        self.assertEqual({s["notice"] for s in r.sources().values()}, {None})
        r.step("next")
        r.settle()  # the figures are those of the source
        s = r.wait(lambda: (r.sources()["nation/2025-10"]["notice"] and
                            r.sources()["nation/2025-10"], r.sources()), "the notice is told")
        self.assertEqual(s["notice"], "has the rule changed? dvc-766.mdhl of 34 of 34 units moved "
                                      "alike, by 5.9 to 5.98; dvc-766.tong_score of 34 of 34 units "
                                      "moved alike, by 5.9 to 5.98")
        self.assertEqual((s["outcome"], s["stale"]), ("good", False))
        self.assertIsNotNone(s["noticed_at"])
        self.assertEqual([k for k, v in r.sources().items() if v["notice"]], ["nation/2025-10"])
        logged = [e for e in r.services["ingest"].logged() if e["event"] == "source drift"]
        self.assertEqual([(e["series"], e["notice"]) for e in logged],
                         [("nation/2025-10", s["notice"])])
        told = [json.loads(e["notice"]["body"]) if isinstance(e["notice"]["body"], str)
                else e["notice"]["body"] for e in (j["event"] for j in r.journal("publisher"))
                if e.get("notice", {}).get("type") == "vn.chiso.source.v1"]
        self.assertIn(s["notice"], [t.get("notice") for t in told])
        # it stands through a restart, and is not told again
        r.services["ingest"].kill()
        r.services["ingest"].start()
        r.wait_polls(2)
        self.assertEqual(r.sources()["nation/2025-10"]["notice"], s["notice"])
        self.assertEqual(len([e for e in r.services["ingest"].logged()
                              if e["event"] == "source drift"]), 1)
        r.verify()

    def test_another_order_is_nothing(self):
        """Rows backwards, keys sorted, other white space: no event, nothing more in the archive."""
        def shuffle(rows, series):
            rows = rows if series == "0_2025" else reversed(rows)
            return [dict(sorted(row.items())) for row in rows]
        r = self.rig(fixtures=self.night("order", shuffle))
        r.start()
        r.settle()
        heads, kept = r.heads(), self.archived(r)
        r.step("next")
        r.wait_polls(3)
        r.settle()
        self.assertEqual((r.heads(), self.archived(r)), (heads, kept))
        # nor does it for a row that is in quarantine
        r.control(mode="wrong_sum", series="0_2025")
        r.wait(lambda: (r.quarantine(), 0), "the wrong sum is in quarantine")
        r.wait_polls(2, "0_2025")
        kept = self.archived(r)
        entries = [(e["number"], e["rule"]) for e in r.quarantine()]
        r.step("0")
        r.wait_polls(3, "0_2025")
        self.assertEqual([(e["number"], e["rule"]) for e in r.quarantine()], entries)
        self.assertEqual(self.archived(r), kept)

    def test_another_shape(self):
        """A key more in each row: taken, and told."""
        def add(rows, series):
            return [{**row, "MOI": "1"} for row in rows] if series == "0_2025" else rows
        r = self.rig(fixtures=self.night("shape", add))
        r.start()
        r.settle()
        heads = r.heads()
        r.step("next")
        s = r.wait(lambda: (r.sources()["nation/2025"]["notice"] and r.sources()["nation/2025"],
                            r.sources()), "the shape is told")
        self.assertIn("another shape", s["notice"])
        self.assertEqual(s["outcome"], "good")
        r.settle()
        self.assertEqual([k for k, v in r.sources().items() if v["notice"]], ["nation/2025"])
        # of results, nothing
        since = [next(iter(j["event"])) for j in r.journal("ingest") if j["seq"] > heads["ingest"]]
        self.assertEqual(set(since), {"source_state"})


class Quarantine(Drift):
    def start(self, limit="5"):
        def limited(text):
            line = next(x for x in text.splitlines() if "dvc-766.mdhl" in x)
            return text.replace(line, line.replace(
                "min: ", f'jump: {{most: "{limit}", of: points}}, min: ', 1))
        r = self.rig(source={"source": self.described(limited)})
        r.open_door({"operator": ("operator", []), "reader": ("reader", [])})
        r.start()
        r.settle()
        return r

    def jump(self, r, row, value):
        r.set("0_2025", row["ID"], "MDHL", value)

    def wait_outcome(self, r, outcome):
        """Until the publisher tells it; what ingest told before it has come through as well."""
        r.wait(lambda: (r.outcome("nation/2025") == outcome, r.sources()), f"it is {outcome}")

    def entries(self, r, count):
        return r.wait(lambda: (len(r.quarantine()) == count and r.quarantine(), r.quarantine()),
                      f"{count} entries in quarantine")

    def test_release(self):
        """A figure that jumps is held back until an operator says that it is right."""
        r = self.start()
        row = r.source.rows("0_2025")[0]
        code = rig.unit_of(row, "0_2025")[0]
        before = r.unit(code)
        self.jump(r, row, "1")
        (entry,) = self.entries(r, 1)
        self.assertEqual((entry["rule"], entry["unit"], entry["period"]), ("jump", code, "2025"))
        self.assertIn(f"dvc-766.mdhl went from {row['MDHL']} to 1", entry["reason"])
        r.wait_polls(3, "0_2025")
        self.wait_outcome(r, "quarantined")
        self.assertEqual(r.unit(code)["revision"], before["revision"])
        path = f"/api/v1/admin/quarantine/{entry['number']}/release"
        self.assertEqual(r.at_door("POST", path).status, 401)
        self.assertEqual(r.at_door("POST", path, "reader").status, 403)
        self.assertEqual(r.at_door("POST", path.replace("/1/", "/99/"), "operator").status, 404)
        self.assertEqual(r.at_door("POST", path.replace("/1/", "/x/"), "operator").status, 400)
        (done,), _ = self.chiso("quarantine", "release", *self.operator(r), entry["number"])
        self.assertEqual(done, {"number": str(entry["number"]), "done": "released"})
        r.settle()
        after = r.unit(code)
        self.assertEqual(after["revision"], before["revision"] + 1)
        figure = next(f for f in after["figures"] if f["id"] == "dvc-766.mdhl")
        self.assertEqual((figure["value"], figure["fetched_at"]), ("1", entry["first_at"]))
        self.wait_outcome(r, "good")
        self.assertEqual(r.quarantine(), [])
        (ruling,), _ = self.chiso("quarantine", "rulings", "--ingest", r.data_dir("ingest"))
        self.assertIn("operator", ruling["by"])
        self.assertEqual(ruling["entry"]["rule"], "jump")
        self.assertEqual(r.at_door("POST", path, "operator").status, 404)  # once is enough
        r.verify()

    def test_what_cannot_be_released(self):
        r = self.start()
        row = r.source.rows("0_2025")[0]
        self.jump(r, row, "1")
        (entry,) = self.entries(r, 1)
        self.jump(r, row, row["MDHL"])  # the source took it back
        self.wait_outcome(r, "good")
        _, said = self.chiso("quarantine", "release", *self.operator(r), entry["number"], code=1)
        self.assertIn("otherwise since", said)
        r.control(mode="wrong_sum", series="0_2025")
        entry = self.entries(r, 2)[-1]
        _, said = self.chiso("quarantine", "release", *self.operator(r), entry["number"], code=1)
        self.assertIn("still bad", said)
        r.control(mode="block", series="0_2025")
        entry = self.entries(r, 3)[-1]
        _, said = self.chiso("quarantine", "release", *self.operator(r), entry["number"], code=1)
        self.assertIn("holds no figures", said)
        r.control(mode="normal")
        r.settle()
        r.verify()

    def test_drop(self):
        """What was dropped is not told again, its figure stays as it was, and the record stays."""
        r = self.start()
        row = r.source.rows("0_2025")[0]
        code = rig.unit_of(row, "0_2025")[0]
        before = r.unit(code)
        self.jump(r, row, "1")
        (entry,) = self.entries(r, 1)
        self.chiso("quarantine", "drop", *self.operator(r), "--reason", "gõ nhầm", entry["number"])
        r.wait_polls(4, "0_2025")
        self.assertEqual(r.quarantine(), [])
        self.wait_outcome(r, "quarantined")
        self.assertEqual(r.unit(code)["revision"], before["revision"])
        (ruling,), _ = self.chiso("quarantine", "rulings", "--ingest", r.data_dir("ingest"))
        self.assertEqual((ruling["reason"], str(ruling["number"])),
                         ("gõ nhầm", str(entry["number"])))
        self.jump(r, row, "0.5")  # something else is told, under a number of its own
        (entry,) = self.entries(r, 1)
        self.assertEqual(entry["number"], 2)


class Replay(Drift):
    def test_a_figure_that_was_not_read(self):
        """A description learns a figure: the archive gives it for periods that are asked no more,
        once."""
        def without(text):
            line = next(x for x in text.splitlines() if "/TONG_SCORE" in x)
            head, _, tail = text.partition("checks:")
            return head.replace(line + "\n", "")
        r = self.rig(periods=["2025", "2025-10"], source={"source": self.described(without)})
        r.open_door({"operator": ("operator", [])})
        r.start()
        r.wait(lambda: (len(r.sources()) >= 4, r.sources()), "all series")
        r.wait_polls(2)
        r.stop_services(["ingest"])
        r.source_options["source"] = str(rig.DESCRIPTION)
        r.periods = ["2025"]
        r.configure()
        r.services["ingest"].start()
        r.wait_ready("ingest")
        r.wait_polls(2)
        args = ["replay", *self.operator(r), "--source", INDEX]
        lines, _ = self.chiso(*args)
        *figures, counts = lines
        self.assertEqual(counts["applied"], False)
        self.assertEqual(counts["unreadable"], "0")
        self.assertEqual({f["figure"] for f in figures}, {"dvc-766.tong_score"})
        self.assertEqual({f["was"] for f in figures}, {None})
        self.assertEqual({f["series"] for f in figures}, {"nation/2025-10", "91/2025-10"})
        self.assertEqual(counts["figures"], str(34 + 15))
        heads = r.heads()["ingest"]
        self.assertEqual(self.chiso(*args)[0], lines)  # looking changes nothing
        applied = self.chiso(*args, "--apply")[0]
        self.assertEqual([{**x, "applied": False} if "applied" in x else x for x in applied], lines)
        self.assertEqual(r.heads()["ingest"], heads + 34 + 15)
        again = self.chiso(*args, "--apply")[0]
        self.assertEqual((len(again), again[0]["figures"]), (1, "0"))
        self.assertEqual(r.heads()["ingest"], heads + 34 + 15)
        none = self.chiso(*args, "--from", "2099-01-01")[0]
        self.assertEqual(none[0]["answers"], "0")
        self.chiso("replay", *self.operator(r), "--source", "nobody", code=1)
        r.verify()


class Hosts(Drift):
    def test_a_dead_host_is_left_alone(self):
        """However many series it has, one request at a time asks whether it is back."""
        r = self.rig(retry_after="300ms", every="300ms")
        r.start()
        r.settle()
        r.replay.stop()
        alone = r.wait(lambda: ([e for e in r.services["ingest"].logged()
                                 if e["event"] == "host is left alone"], 0), "it is left alone")
        self.assertGreaterEqual(alone[0]["failures"], 5)
        self.assertEqual(alone[0]["ms"], 1800)
        r.wait(lambda: (any("left alone for 2 s" in (s["detail"] or "")
                            for s in r.sources().values()), r.sources()), "its series tell it")
        r.replay.start()
        r.wait(lambda: (any(e["event"] == "host answers again"
                            for e in r.services["ingest"].logged()), 0), "it is back")
        r.wait(lambda: ({s["outcome"] for s in r.sources().values()} == {"good"}, r.sources()),
               "all good")
        r.settle()
        r.verify()
