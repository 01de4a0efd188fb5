"""Portals that refuse, are away, are slow, or lose the answer: in order, once in effect, no one
delayed by another."""
import datetime
import json
import unittest

import rig
from rig import INDEX


class Delivery(rig.Case):
    def ready(self, **options):
        r = self.rig(**{"target": {"retry_min": "100ms", "retry_max": "400ms"}, **options})
        r.start()
        r.settle()
        r.delivered()
        return r

    def test_refuses_for_a_while(self):
        """503 with Retry-After: waited for as long as it says, then everything, in order."""
        r = self.ready()
        portal = r.portals[0]
        before = len(portal.lines())
        portal.control(mode="refuse", retry_after=2)
        r.step("next")

        def refusals():
            return [x for x in r.services["publisher"].logged()
                    if x["event"] == "a portal did not take a notice"]
        r.wait(lambda: (len(refusals()) >= 2, portal.stats()), "two refusals")
        self.assertGreaterEqual(portal.stats()["refused"], 2)
        asked = [datetime.datetime.fromisoformat(x["time"]) for x in refusals()]
        self.assertGreaterEqual((asked[1] - asked[0]).total_seconds(), 1.9)
        # only the first in the line is offered, again and again
        self.assertEqual(len({x["key"] for x in refusals()}), 1)
        self.assertEqual(len(portal.lines()), before)
        # the API does not wait for portals
        r.wait(lambda: (r.difference() is None, r.difference()), "the API is ahead")
        self.assertIsNotNone(r.portal_difference(portal))
        portal.control(mode="normal")
        r.settle()
        r.check_portal_order(portal)
        self.assertEqual(portal.stats()["duplicates"], 0)
        self.assertEqual(r.dead_letters(), [])

    def test_down_for_a_while(self):
        r = self.ready()
        portal = r.portals[0]
        portal.proc.stop()
        for _ in range(3):
            r.step("next")
            r.wait(lambda: (r.difference() is None, r.difference()), "the API follows")
        # the publisher is killed while it waits, and the portal comes back meanwhile
        r.services["publisher"].kill()
        portal.proc.start()
        r.services["publisher"].start()
        r.settle()
        r.check_portal_order(portal)
        self.assertEqual(portal.stats()["duplicates"], 0)
        r.verify()

    def test_answers_get_lost(self):
        """Taken, but the connection is closed without an answer: told again under the same key."""
        r = self.ready()
        portal = r.portals[0]
        portal.control(mode="drop", times=5)
        r.step("next")
        r.settle()
        r.check_portal_order(portal)
        stats = portal.stats()
        # the first is told six times before its answer arrives
        self.assertEqual(stats["duplicates"], 5)
        again = [e["key"] for e in portal.lines() if e["duplicate"]]
        self.assertEqual(len(set(again)), 1)
        r.verify()

    def test_slow(self):
        """Slower than the time-out: taken, told again, once in effect."""
        r = self.ready(target={"retry_min": "100ms", "retry_max": "200ms", "timeout": "3s"})
        portal = r.portals[0]
        portal.control(mode="slow", delay_ms=60000, times=3)
        r.step("next")
        r.settle()
        r.check_portal_order(portal)
        self.assertGreaterEqual(portal.stats()["duplicates"], 3)
        # slow within the time-out: no repetition, and the order stays
        r.target_options["timeout"] = "60s"
        r.configure()
        r.services["publisher"].restart()
        r.settle()
        r.delivered()
        repeated = portal.stats()["duplicates"]
        portal.control(mode="slow", delay_ms=100, times=20)
        r.step("next")
        r.settle()
        r.check_portal_order(portal)
        self.assertEqual(portal.stats()["duplicates"], repeated)
        r.verify()

    def test_one_portal_does_not_delay_another(self):
        r = self.ready(portals=3)
        refusing, dead, well = r.portals
        refusing.control(mode="refuse", retry_after=1)
        dead.proc.kill()
        for _ in range(3):
            r.step("next")
            r.wait(lambda: (r.difference() is None, r.difference()), "the API follows")
            r.wait(lambda: (r.portal_difference(well) is None, r.portal_difference(well)),
                   "the third portal follows")
        r.check_portal_order(well)
        self.assertLess(len(dead.effects()), len(well.effects()))
        self.assertLess(len(refusing.effects()), len(well.effects()))
        refusing.control(mode="normal")
        dead.proc.start()
        r.settle()
        for p in r.portals:
            r.check_portal_order(p)
        self.assertEqual(*({k["key"] for k in p.effects()} for p in (refusing, dead)))

    def test_dead_letters(self):
        """422 for one subject: kept with bytes and reason, and the others go on."""
        r = self.ready()
        portal = r.portals[0]
        subject = f"{INDEX}/2025/24"
        portal.control(mode="reject", match=subject)
        r.step("next")
        wanted = [f"{INDEX}/{p}/{c}" for (p, c), v in r.revisions().items()]

        def others_are_there():
            told = {e["ce_subject"] for e in portal.effects() if e["body"]["revision"] == 2}
            missing = {s for s in wanted if s != subject and self.revision(r, s) == 2} - told
            return not missing and r.difference() is None, (sorted(missing)[:5], r.difference())
        r.wait(others_are_there, "all other subjects' second revisions")
        r.wait(lambda: (len(r.dead_letters()) >= 1, r.dead_letters()), "a dead letter")
        letters = r.dead_letters()
        # "dvc-766/2025/24" as a part of a subject: no other subject holds it
        self.assertEqual([(x["target"], x["status"]) for x in letters], [("portal1", 422)])
        self.assertIn("422", letters[0]["reason"])
        self.assertIn("told to reject", letters[0]["reason"])
        key = letters[0]["key"]
        self.assertTrue(key.startswith(f"score/{subject}/2@"), key)
        code, out, err = rig.run([rig.BIN / "chiso", "dead", "show", "--publisher",
                                  r.data_dir("publisher"), "portal1", key])
        self.assertEqual(code, 0, err)
        shown = json.loads(out)
        notice = [j["event"]["notice"] for j in r.journal("publisher")
                  if j["event"]["notice"]["key"] == key][0]
        self.assertEqual(shown["notice"], notice)
        self.assertEqual(shown["sent"], notice["body"])
        body = rig.counted(json.loads(shown["notice"]["body"]))
        self.assertEqual((body["unit"]["code"], body["revision"]), ("24", 2))
        code, out, err = rig.run([rig.BIN / "chiso", "dead", "show", "--publisher",
                                  r.data_dir("publisher"), "portal1", "score/nothing"])
        self.assertEqual(code, 1)
        self.assertEqual(portal.view()[subject]["revision"], 1)
        # it is not offered again, and its next revision is taken like any other
        refused = portal.stats()["refused"]
        r.services["publisher"].restart()
        r.wait(lambda: rig.request(f"{r.url}/healthz").status == 200, "the publisher answers")
        portal.control(mode="normal")
        r.step("next")
        r.settle()
        self.assertEqual(portal.view()[subject]["revision"], 3)
        self.assertEqual(refused, 1)
        self.assertEqual(len(r.dead_letters()), 1)
        r.verify()

    def revision(self, r, subject):
        _, period, code = subject.split("/")
        return r.unit(code, period)["revision"]

    def test_retried_or_given_up(self):
        """What an operator can put right is retried; it never becomes a dead letter."""
        r = self.ready()
        portal = r.portals[0]
        file = r.config("publisher")
        good = file.read_text()
        # another address of the same server: 404
        file.write_text(good.replace(f"{portal.url}/events", f"{portal.url}/elsewhere"))
        r.services["publisher"].restart()
        r.step("next")

        def refused():
            said = [x for x in r.services["publisher"].logged()
                    if x["event"] == "a portal did not take a notice"]
            return len(said) >= 3 and said, said[-1:]
        said = r.wait(refused, "three refusals")
        self.assertEqual({x["verdict"] for x in said}, {"retry"})
        self.assertIn("404", said[0]["reason"])
        self.assertEqual(r.dead_letters(), [])
        file.write_text(good)
        r.services["publisher"].restart()
        r.settle()
        r.check_portal_order(portal)

    def test_a_portal_added_later(self):
        """It is brought up to date from the read model, and then follows."""
        r = self.ready()
        r.step("next")
        r.settle()
        r.step("next")
        r.settle()
        r.services["publisher"].stop()
        new = rig.Portal(r, "portal2", rig.free_port())
        r.portals.append(new)
        r.configure()
        # it stops in the middle of being brought up to date, and everything changes three times
        new.proc.start()
        new.control(mode="slow", delay_ms=1000)
        r.services["publisher"].start()
        r.wait(lambda: (len(new.effects()) > 5, len(new.effects())), "the first results")
        new.control(mode="refuse", retry_after=1)
        self.assertLess(len(new.effects()), 185, "too late to be a test")
        for _ in range(3):
            r.step("next")
            r.wait(lambda: (r.difference() is None, r.difference()), "the API follows")
        new.control(mode="normal")
        r.settle()
        # one line a result, and what has changed since: no older revision after a newer one
        r.check_portal_order(new, whole=False)
        self.assertEqual(len(new.view()), 185)
        self.assertGreaterEqual(new.effects()[0]["body"]["revision"], 3)
        r.check_portal_order(r.portals[0])
        # killed in the middle of it
        third = rig.Portal(r, "portal3", rig.free_port())
        r.services["publisher"].stop()
        r.portals.append(third)
        r.configure()
        third.proc.start()
        third.control(mode="slow", delay_ms=500)
        for _ in range(3):
            seen = len(third.effects())
            r.services["publisher"].start()
            r.wait(lambda: (len(third.effects()) > seen + 5, len(third.effects())), "some more")
            r.services["publisher"].kill()
        self.assertLess(len(third.effects()), 185, "too late to be a test")
        third.control(mode="normal")
        r.step("next")
        r.services["publisher"].start()
        r.settle()
        for p in (new, third):
            r.check_portal_order(p, whole=False)
        self.assertEqual(len(third.view()), 185)
        r.verify()

    def with_a_short_journal(self, **options):
        r = self.rig(target={"retry_min": "100ms", "retry_max": "400ms"}, **options)
        r.store["publisher"] = {"journal_bytes": "1MiB", "journal_records": 100}
        r.start()
        r.settle()
        return r

    def trim(self, r, beyond, portals=()):
        """Changes, until the publisher's journal begins behind a record."""
        def first():
            return r.journal("publisher")[0]["seq"]
        steps = 0
        while first() <= beyond:
            self.assertLess(steps, 40, f"the journal is not trimmed; it begins at {first()}")
            r.step("next")
            r.settle(portals=list(portals))
            steps += 1

    def test_journal_trimmed_beyond_a_dead_portal(self):
        """A dead portal must not fill the disk: past journal_bytes unread records go, and it is
        brought up to date from the read model when it is back."""
        r = self.with_a_short_journal(portals=2)
        dead, well = r.portals
        dead.proc.stop()
        at = len(dead.effects())

        self.trim(r, at + 50, [well])
        r.verify()
        dead.proc.start()
        r.settle()
        r.check_portal_order(dead, whole=False)
        r.check_portal_order(well, whole=False)
        self.assertTrue([x for x in r.services["publisher"].logged()
                         if "no longer holds what a portal misses" in x["event"]])
        # the well portal had everything one by one; the other one skipped what was trimmed
        self.assertLess(len(dead.effects()), len(well.effects()))
        r.step("next")
        r.settle()
        r.verify()

    def give(self, r, row, mdsh):
        for field, value in {"CKMB": "18", "TDGQ": "20", "CLGQ": "12", "TTTT": "10", "MDHL": "18",
                             "MDSH": mdsh}.items():
            r.set("398126_2025-10", row["ID"], field, value)

    def loses_its_place(self, *others):
        """A unit has the same figures in both readings, but loses the first place of all
        departments while the portal is away, in what is trimmed then. `others` are the points of
        the next ones. The rig, the unit, and the departments' rows."""
        r = self.with_a_short_journal()
        rows = r.source.rows("398126_2025-10")
        for row, mdsh in zip(rows, ("21", "20", *others)):
            self.give(r, row, mdsh)
        r.settle()
        code = rows[0]["MA_COQUAN"]
        before = r.unit(code, "2025-10")
        self.assertEqual(before["rank"], 1)
        r.portals[0].proc.stop()
        at = len(r.portals[0].effects())
        r.set("398126_2025-10", rows[1]["ID"], "MDSH", "22")
        r.settle(portals=[])
        self.assertEqual(r.unit(code, "2025-10")["rank"], 2)
        self.trim(r, at + 50)
        self.assertEqual(r.unit(code, "2025-10")["revision"], before["revision"])
        return r, before, rows

    def test_ranks_that_moved_while_the_journal_was_trimmed(self):
        """A unit that did not change itself, but lost its place while the portal was away: being
        brought up to date tells its rank too."""
        r, _, _ = self.loses_its_place()
        r.portals[0].proc.start()
        r.settle()
        r.check_portal_order(r.portals[0], whole=False)

    def test_ranks_that_move_again_meanwhile(self):
        """A unit lost its place in what was trimmed; while the portal is brought up to date others
        of that ranking move. The news of those alone would hide the first."""
        r, before, (_, _, third, fourth, *_) = self.loses_its_place("10", "9")
        portal, code = r.portals[0], before["unit"]["code"]
        # it begins to be brought up to date, and does not come far
        r.services["publisher"].stop()
        portal.proc.start()
        portal.control(mode="refuse", retry_after=1)
        r.services["publisher"].start()
        r.wait(lambda: (portal.stats()["refused"] >= 1, portal.stats()), "the first refusal")
        self.assertTrue([x for x in r.services["publisher"].logged()
                         if "no longer holds what a portal misses" in x["event"]])
        # two others change places
        self.give(r, fourth, "11")
        r.wait(lambda: (r.unit(third["MA_COQUAN"], "2025-10")["rank"] >
                        r.unit(fourth["MA_COQUAN"], "2025-10")["rank"], None), "they change places")
        self.assertEqual(r.unit(code, "2025-10")["revision"], before["revision"])
        self.assertEqual(r.unit(code, "2025-10")["rank"], 2)
        portal.control(mode="normal")
        r.settle()
        r.check_portal_order(portal, whole=False)
        r.verify()


if __name__ == "__main__":
    unittest.main()
