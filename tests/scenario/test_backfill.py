"""Past periods, asked for once beside the daily work: to the end through kills, gently, and without
effect where nothing is new."""
import json
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import rig
import shifted
from rig import INDEX

RECORDED = rig.FIXTURES / "2025-10-15"
PAST = ["2025-07", "2025-08", "2025-09"]
PERIODS = [f"2024-{m:02}" for m in range(10, 13)] + [f"2025-{m:02}" for m in range(1, 10)]


class Backfill(rig.Case):
    def start(self, clock=False, **more):
        """The recorded October stands for the three months before it too; of earlier ones the
        service says that it has nothing."""
        folder = pathlib.Path(tempfile.mkdtemp(prefix="chiso-past-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, folder)
        step = folder / RECORDED.name
        step.mkdir()
        for file in RECORDED.glob("*_2025-10.json"):
            for month in [*PAST, "2025-10"]:
                shutil.copy(file, step / file.name.replace("2025-10", month))
        r = self.rig(periods=["2025-10"], fixtures=folder, **more)
        r.open_door({"operator": ("operator", []), "reader": ("reader", [])})
        if clock:
            self.clock = shifted.Clock(r)
        r.start()
        r.settle()
        file = r.dir / "operator.token"
        file.touch(0o600)
        file.write_text(r.tokens["operator"])
        self.api = ["--api", r.door_url, "--token-file", str(file)]
        return r

    def chiso(self, *args, code=0):
        done = subprocess.run([rig.BIN / "chiso", "backfill", *args, *self.api], text=True,
                              capture_output=True, env=rig.environment(), timeout=240)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return json.loads(done.stdout) if done.stdout else None, done.stderr

    def begin(self, *more, start="2024-10", to="2025-09", **options):
        return self.chiso("--source", INDEX, "--from", start, "--to", to, *more, **options)

    def asked(self, r, since=0):
        """How often each past series was answered."""
        counts = {}
        for a in r.answers(since=since):
            if a["request"].split("_")[1] in PERIODS:
                counts[a["request"]] = counts.get(a["request"], 0) + 1
        return counts

    def test_through_kills_to_the_end(self):
        r = self.start(min_interval="100ms", every="500ms", timeout="600s")
        dvc = rig.UNITS["91"]["dvc"]
        wanted = {f"{of}_{p}" for of in ("0", dvc) for p in PERIODS}
        # one is not answered, so that the job is under way however late the kills come
        r.control(mode="slow", series="0_2025-09", delay_ms=3600000)
        job, _ = self.begin("--no-wait")
        self.assertEqual((job["state"], job["series"], job["by"]), ("under way", "24", "operator"))
        kills = 0
        for n in (4, 12):
            r.wait(lambda: (len(self.asked(r)) >= n, self.asked(r)), f"{n} past series are asked")
            r.services["ingest"].kill()
            kills += 1
            if n == 12:
                r.control(mode="normal")
            r.services["ingest"].start()
            r.wait_ready("ingest")
        again, said = self.begin()  # the same joins the one under way
        self.assertEqual((again["number"], again["state"]), (job["number"], "ended"))
        self.assertIn(f"backfill {job['number']}: 0 of 24 to go", said)
        self.assertEqual({k: again[k] for k in ("good", "no_data", "quarantined", "failed",
                                                "waiting", "detail")},
                         {"good": "6", "no_data": "18", "quarantined": "0", "failed": "0",
                          "waiting": "0", "detail": None})
        asked = self.asked(r)
        self.assertEqual(set(asked), wanted)
        self.assertLessEqual(sum(asked.values()), 24 + 2 * kills)  # but for what a kill cut off
        # what was found is scored and told, and the daily work goes on
        for month in PAST:
            r.wait(lambda: (r.unit("91", month)["points"] == r.unit("91", "2025-10")["points"], 0),
                   f"{month} is scored")
        r.wait_polls(2, "0_2025-10")
        r.verify()  # all of it has come through
        # once more: asked again, for the past is restated, and nothing comes of it
        heads = r.heads()
        second, _ = self.begin()
        self.assertEqual((int(second["number"]), second["good"]), (int(job["number"]) + 1, "6"))
        r.verify()
        self.assertEqual(r.heads(), heads)
        self.assertEqual([j["number"] for j in self.chiso("list")[0]["backfills"]],
                         [job["number"], second["number"]])
        # what nobody asks for any more is not asked for
        n = len(r.answers())
        r.wait_polls(3, "0_2025-10")
        self.assertEqual(self.asked(r, since=n), {})
        self.assertFalse(any(s["stale"] for s in r.sources().values()))
        r.verify()

    def test_a_clock_that_is_set_back(self):
        """What was answered before and after it is not asked again."""
        r = self.start(min_interval="100ms", every="500ms", clock=True)
        job, _ = self.begin("--no-wait")
        for n, shift in ((3, -3600), (9, -7200), (15, 86400)):
            r.wait(lambda: (len(self.asked(r)) >= n, self.asked(r)), f"{n} past series are asked")
            self.clock.shift(shift)
        done, _ = self.chiso("wait", job["number"])
        self.assertEqual({k: done[k] for k in ("state", "good", "no_data", "failed")},
                         {"state": "ended", "good": "6", "no_data": "18", "failed": "0"})
        asked = self.asked(r)
        self.assertEqual((len(asked), max(asked.values())), (24, 1), asked)
        # a second one asks all of them again, though the clock stands before the first
        self.clock.shift(-86400)
        done, _ = self.begin()
        self.assertEqual((done["good"], done["no_data"], done["failed"]), ("6", "18", "0"))
        self.assertEqual(set(self.asked(r).values()), {2})
        r.verify()

    def test_what_does_not_go_well(self):
        r = self.start(every="300ms", retry_after="100ms")
        for args, said in ((("--source", "nobody", "--from", "2024", "--to", "2024"), "nobody"),
                           (("--source", INDEX, "--from", "2025-02", "--to", "2025-01"), "earlier"),
                           (("--source", INDEX, "--from", "2025-02", "--to", "2025"), "one kind"),
                           (("--source", INDEX, "--from", "2198-01", "--to", "2199-01"), "begun"),
                           (("--source", INDEX, "--from", "2024", "--to", "2024", "--units", "x"),
                            "unit 'x'")):
            self.assertIn(said, self.chiso(*args, code=1)[1])
        self.chiso("--source", INDEX, code=2)
        self.assertEqual(self.chiso("list")[0], {"backfills": []})
        for method, path in (("GET", ""), ("POST", ""), ("GET", "/1"), ("POST", "/1/cancel")):
            for token, status in ((None, 401), ("reader", 403)):
                a = r.at_door(method, f"/api/v1/admin/backfills{path}", token, b"{}")
                self.assertEqual(a.status, status, (method, path, token))
        self.assertEqual(r.at_door("POST", "/api/v1/admin/backfills", "operator", b"[]").status, 400)
        self.chiso("show", "1", code=1)
        # one province; its service fails for good: given up and told, and the rest is not touched
        series = f"{rig.UNITS['91']['dvc']}_2025-08"
        r.control(mode="status500", times=100, series=series)
        job, said = self.begin("--units", "91", start="2025-08", code=1)
        self.assertEqual((job["series"], job["good"], job["failed"]), ("2", "1", "1"), job)
        self.assertIn("500", job["detail"])
        r.control(mode="normal")
        job, _ = self.begin("--units", "91", start="2025-08")
        self.assertEqual((job["good"], job["failed"]), ("2", "0"))
        # cancelled: what is still to be asked is not
        r.control(mode="slow", delay_ms=3600000)
        job, _ = self.begin("--no-wait")
        done, _ = self.chiso("cancel", job["number"])
        r.replay.stop()  # nobody waits for those answers
        self.assertEqual((done["state"], done["waiting"] != "0"), ("cancelled", True))
        self.chiso("cancel", job["number"], code=1)
        self.chiso("wait", job["number"], code=1)
        n = len(r.answers())
        r.replay.start()
        r.wait_polls(3, "0_2025-10")
        self.assertEqual(self.asked(r, since=n), {})


if __name__ == "__main__":
    unittest.main()
