"""A service that has lost its data: it is built again from the others, and no portal is misled."""
import unittest

import rig

# what a life of the scorer that began with a snapshot cannot know
LOST_COUNT = ("revision", "change", "previous_rank")


class Rebuild(rig.Case):
    def ready(self, **options):
        r = self.rig(every="100ms", retry_after="100ms",
                     target={"retry_min": "50ms", "retry_max": "200ms"}, **options)
        r.start()
        r.settle()
        r.step("next")
        r.settle()
        return r

    def trimmed(self, service):
        """Its journal no longer reaches back to its beginning."""
        r = self.rig(every="100ms", retry_after="100ms")
        r.store[service] = {"journal_records": 50}
        r.start()
        r.settle()
        r.step("next")
        r.settle()

        def looked():
            first = r.journal(service)[0]["seq"]
            return first > 1, first
        r.wait(looked, f"the journal of {service} is trimmed")
        return r

    def told(self, r):
        """Everything about results that a reader can see, but for revision numbers."""
        return {g: {c: {k: v for k, v in u.items()
                        if k not in LOST_COUNT}
                    for c, u in units.items()} for g, units in r.all_rankings().items()}

    def watch(self, r, wanted, what):
        """Until `what` holds; meanwhile the API may be behind, but must never lose a result."""
        def look():
            try:
                now = self.told(r)
            except rig.HttpError as e:  # it answers, but has no such results
                self.lost.append(str(e))
                return False, str(e)
            lost = {g: len(now.get(g, {})) for g in wanted
                    if len(now.get(g, {})) < len(wanted[g])}
            if lost:
                self.lost.append(lost)
            return what(now)
        self.lost = []
        r.wait(look, "rebuilt")
        self.assertEqual(self.lost, [], "results were gone for a while")

    def check_quiet(self, r, delivered):
        """The portal was told nothing that it knew."""
        effects = r.portals[0].effects()[delivered:]
        self.assertEqual([(e["key"], e["body"].get("change")) for e in effects][:5], [])

    def test_scorer(self):
        """The scorer's data is gone while nothing changes: rebuilt, and nobody is told anything."""
        for n in range(3):
            with self.subTest(time=n):
                r = self.ready()
                before = self.told(r)
                delivered = len(r.portals[0].effects())
                epoch = r.portals[0].effects()[-1]["key"].rpartition("@")[2]
                r.services["scorer"].stop()
                r.wipe("scorer")
                r.services["scorer"].start()

                def rebuilt(now):
                    code, out, err = r.verify_output()
                    return code == 0 and now == before, out + err
                self.watch(r, before, rebuilt)
                # its count of revisions is lost with it, and the portal is not told of that
                r.settle(but=LOST_COUNT)
                r.verify()
                self.check_quiet(r, delivered)
                # and it goes on: the next changes are told under the new life's keys
                r.step("next")
                r.settle()
                r.check_histories(whole=False)
                r.check_portal_order(r.portals[0], whole=False)
                last = r.portals[0].effects()[-1]["key"].rpartition("@")[2]
                self.assertNotEqual(last, epoch)
                r.verify()

    def test_scorer_from_a_snapshot(self):
        """The same when ingest's journal no longer reaches back to its beginning; and history and
        unit tell the same newest revision, before and after the next change."""
        r = self.trimmed("ingest")
        before = self.told(r)
        delivered = len(r.portals[0].effects())
        r.services["scorer"].stop()
        r.wipe("scorer")
        r.services["scorer"].start()

        def rebuilt(now):
            code, out, err = r.verify_output()
            return code == 0 and now == before, out + err
        self.watch(r, before, rebuilt)
        self.assertTrue([x for x in r.services["scorer"].logged()
                         if x["event"] == "took a snapshot of ingest"])
        r.settle(but=LOST_COUNT)
        self.check_quiet(r, delivered)
        for period, code in list(r.revisions())[:40]:
            history = r.history(code, period)
            self.assertEqual(history[0]["revision"], r.unit(code, period)["revision"],
                             (period, code, history))
        r.step("next")
        r.settle()
        r.check_portal_order(r.portals[0], whole=False)
        for period, code in list(r.revisions())[:40]:
            history = r.history(code, period)
            unit = r.unit(code, period)
            self.assertEqual((history[0]["revision"], history[0]["points"]),
                             (unit["revision"], unit["points"]), (period, code, history))
        r.verify()

    def test_scorer_rebuilt_while_figures_change(self):
        """Changed between the loss and the rebuilding: told once, as it now is."""
        r = self.ready()
        r.services["scorer"].stop()
        r.wipe("scorer")
        r.step("next")
        r.wait_polls(3)
        r.services["scorer"].start()
        r.settle()
        r.check_portal_order(r.portals[0], whole=False)
        r.verify()

    def test_publisher(self):
        """The read model is built again; no portal is set back, be it an old one or one that has
        joined late and never saw the first revisions."""
        r = self.ready()
        r.services["publisher"].stop()
        r.portals.append(rig.Portal(r, "portal2", rig.free_port()))
        r.configure()
        r.portals[1].proc.start()
        r.services["publisher"].start()
        r.settle()
        before = self.told(r)
        revisions = r.revisions()
        delivered = len(r.portals[0].effects())
        r.services["publisher"].stop()
        r.wipe("publisher")
        r.services["publisher"].start()
        r.wait(lambda: (r.all_rankings() and self.told(r) == before, 0), "the same is told again")
        r.settle()
        self.assertEqual(r.revisions(), revisions)
        self.check_quiet(r, delivered)
        r.check_histories(whole=False)
        r.step("next")
        r.settle()
        for p in r.portals:
            r.check_portal_order(p, whole=False)
        r.verify()

    def test_publisher_from_a_snapshot(self):
        r = self.trimmed("scorer")
        before = self.told(r)
        delivered = len(r.portals[0].effects())
        r.services["publisher"].stop()
        r.wipe("publisher")
        # a change on the way, too
        r.step("next")
        r.wait_polls(3)
        r.services["publisher"].start()
        r.settle()
        self.assertEqual(set(self.told(r)), set(before))
        self.assertGreater(len(r.portals[0].effects()), delivered)
        r.check_portal_order(r.portals[0], whole=False)
        r.step("next")
        r.settle()
        r.check_portal_order(r.portals[0], whole=False)
        r.verify()

    def snapshots(self, r, service):
        """How many events each snapshot had that the service took."""
        return [x["events"] for x in r.services[service].logged()
                if x["event"].startswith("took a snapshot")]

    def next_snapshot(self, r, service, known):
        return r.wait(lambda: self.snapshots(r, service)[len(known):],
                      f"the {service} takes a snapshot")[0]

    def test_scorer_that_cannot_be_rebuilt_yet(self):
        """Its data is lost while ingest is away: the last good results are served on, and when
        ingest is back, nobody is told what he knows."""
        r = self.ready()
        before = self.told(r)
        delivered = len(r.portals[0].effects())
        r.services["ingest"].stop()
        r.services["scorer"].stop()
        r.wipe("scorer")
        r.services["scorer"].start()
        r.wait_ready("scorer")
        # long enough for the publisher to ask and be answered, whatever it then does
        end = rig.time.monotonic() + 4
        while rig.time.monotonic() < end:
            r.tick()
            try:
                now = {g: len(u) for g, u in self.told(r).items()}
            except rig.HttpError as e:
                self.fail(f"results are gone: {e}")
            self.assertEqual(now, {g: len(u) for g, u in before.items()}, "results are gone")
            rig.time.sleep(0.1)
        r.services["ingest"].start()

        def rebuilt(now):
            code, out, err = r.verify_output()
            return code == 0 and now == before, out + err
        self.watch(r, before, rebuilt)
        r.settle(but=LOST_COUNT)
        self.check_quiet(r, delivered)
        r.verify()

    def test_ingest(self):
        """Another life of ingest, asked when it has fetched all: everything agrees again."""
        r = self.ready()
        before = self.told(r)
        r.services["scorer"].stop()
        r.services["ingest"].stop()
        r.wipe("ingest")
        r.services["ingest"].start()
        r.wait_polls(2)
        r.services["scorer"].start()
        self.check_agreement(r, before)
        self.assertGreaterEqual(self.snapshots(r, "scorer")[-1], 185)

    def test_ingest_asked_before_it_has_anything(self):
        """The same, asked when it has nothing yet: its readings begin at revision 1 again."""
        r = self.ready()
        before = self.told(r)
        r.services["ingest"].stop()
        r.wipe("ingest")
        r.control(mode="block")
        known = self.snapshots(r, "scorer")
        r.services["ingest"].start()
        events = self.next_snapshot(r, "scorer", known)
        self.assertLess(events, 185, "it was asked too late to be a test")
        r.control(mode="normal")
        self.check_agreement(r, before)

    def test_ingest_asked_in_the_middle(self):
        """The same, with one series fetched and the others not."""
        r = self.ready()
        before = self.told(r)
        r.services["ingest"].stop()
        r.wipe("ingest")
        r.step("next")
        r.control(mode="block", series="398126_2025")
        known = self.snapshots(r, "scorer")
        r.services["ingest"].start()
        events = self.next_snapshot(r, "scorer", known)
        self.assertLess(events, 185, "it was asked too late to be a test")
        r.control(mode="normal")
        self.check_agreement(r, before)

    def check_agreement(self, r, before):
        def agrees(now):
            code, out, err = r.verify_output()
            return code == 0 and r.difference() is None, (r.difference(), out + err)
        self.watch(r, before, agrees)
        r.settle()
        r.step("next")
        r.settle()
        r.check_portal_order(r.portals[0], whole=False)
        r.verify()

    def test_ingest_with_other_figures(self):
        """Lost, and the source has moved on meanwhile."""
        r = self.ready()
        r.services["ingest"].stop()
        r.wipe("ingest")
        r.step("next")
        r.services["ingest"].start()
        r.settle()
        r.check_portal_order(r.portals[0], whole=False)
        r.verify()

    def test_everything_but_the_portal(self):
        """All three are lost: new results, new keys; the portal ends with what is right."""
        r = self.ready()
        r.stop_services()
        for s in rig.SERVICES:
            r.wipe(s)
        for s in rig.SERVICES:
            r.services[s].start()
        r.settle()
        r.step("next")
        r.settle()
        r.check_portal_order(r.portals[0], whole=False)
        r.verify()


if __name__ == "__main__":
    unittest.main()
