"""The wall clock is set back an hour, ahead a day, and back again: nothing stands still for it, no
age is negative, and the order stays that of the journals."""
import rig
import shifted
from rig import SERVICES

HOUR, DAY = 3600, 86400


class Clock(rig.Case):
    def ready(self, **options):
        r = self.rig(every="500ms", retry_after="200ms", stale_after="3s", periods=["2025"],
                     units_of=[], **options)
        r.observed()
        self.shift = shifted.Clock(r).shift
        r.start()
        r.settle()
        return r

    def change(self, r, value):
        """A change is through to the portal long before the clock is where it was."""
        r.set("0_2025", rig.UNITS["24"]["dvc"], "TTTT", value)
        r.settle()
        told = {p["code"]: p["points"] for p in r.unit("24")["pillars"]}
        self.assertEqual(told["tttt"], value)

    def check(self, r):
        for s in SERVICES:
            negative = {k: v for k, v in r.metrics(s).items() if v < 0}
            self.assertEqual(negative, {}, s)
        r.wait(lambda: (not any(s["stale"] for s in r.sources().values()), r.sources()),
               "nothing is stale")
        r.check_histories()
        r.check_portal_order(r.portals[0])

    def test_set(self):
        r = self.ready()
        self.change(r, "1")
        for n, seconds in enumerate((-HOUR, DAY, 0), 2):
            with self.subTest(seconds=seconds):
                before = len(r.services["ingest"].log.read_text())
                self.shift(seconds)
                self.change(r, str(n))
                self.assertIn("the wall clock was set",
                              r.services["ingest"].log.read_text()[before:])
                self.check(r)
        wanted = len(r.journal("publisher"))
        stream = rig.Stream(f"{r.url}/api/v1/events", r.cursor(0))
        stream.take(lambda s: s.ids() and s.ids()[-1] >= wanted, "all events")
        self.assertEqual(stream.ids(), sorted(set(stream.ids())))
        stream.close()
        # its figures grow old by the clock of today
        self.shift(-HOUR)
        r.control(mode="status500")
        r.wait(lambda: (all(s["stale"] for s in r.sources().values()), r.sources()), "stale")
        r.control(mode="normal")
        self.change(r, "9")
        self.check(r)
        r.verify()

    def test_set_while_stopped(self):
        """What was stored under a later clock silences nobody."""
        r = self.ready()
        for n, seconds in enumerate((DAY, 0, -HOUR), 1):
            with self.subTest(seconds=seconds):
                r.stop_services()
                self.shift(seconds)
                r.start()
                self.change(r, str(n))
                self.check(r)
        r.verify()

    def test_portal_that_waits(self):
        """A portal that is tried again in a minute is not tried again in an hour and a minute."""
        r = self.ready(target={"retry_min": "2s", "retry_max": "4s"})
        portal = r.portals[0]
        portal.control(mode="error500")
        r.set("0_2025", rig.UNITS["24"]["dvc"], "TTTT", "1")

        def failing():
            m = r.metrics("publisher")
            n = m.get('chiso_publisher_target_failures{target="portal1"}', 0)
            return n >= 2, m
        r.wait(failing, "it fails")
        self.shift(-HOUR)
        portal.control(mode="normal")
        self.change(r, "2")
        self.check(r)


if __name__ == "__main__":
    import unittest
    unittest.main()
