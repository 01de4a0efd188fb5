"""Each service restarted in turn, several times, while figures change and readers read: nothing is
lost, and no answer is ever empty."""
import json
import random
import threading
import time
import unittest

import rig
from rig import SERVICES

ROUNDS = 3


class Reader(threading.Thread):
    """Polls one path without a pause worth the name. What it was answered must hold; that nobody
    listens for a moment is counted, and for how long."""

    def __init__(self, url, holds):
        super().__init__(daemon=True)
        self.url, self.holds = url, holds
        self.answers, self.refused, self.wrong = 0, 0, []
        self.gaps, self.since = [], None  # seconds without an answer
        self.ending = threading.Event()

    def run(self):
        while not self.ending.wait(0.01):
            try:
                a = rig.request(self.url, timeout=20)
                if a.status == 503 and b"the service is stopping" in a.body:
                    raise ConnectionError("it is on its way out")
            except (OSError, rig.http.client.HTTPException):
                self.refused += 1
                self.since = self.since or time.monotonic()
                continue
            if self.since is not None:
                self.gaps.append(time.monotonic() - self.since)
                self.since = None
            try:
                self.holds(a)
                self.answers += 1
            except Exception as e:
                self.wrong.append(f"{type(e).__name__}: {e}: {a.status} {a.body[:300]!r}")

    def end(self):
        self.ending.set()
        self.join(60)


class Rolling(rig.Case):
    def test_each_in_turn_under_load(self):
        r = self.rig()
        r.observed()
        r.start()
        r.settle()

        def whole_ranking(a):
            self.assertEqual(a.status, 200)
            units = a.json()["units"]
            self.assertEqual(len(units), 34)
            self.assertTrue(all(u["points"] is not None and u["rank"] is not None for u in units))

        def whole_page(a):
            self.assertEqual(a.status, 200)
            self.assertIn(b"</html>", a.body)
        readers = [Reader(f"{r.url}/api/v1/indexes/dvc-766/2025/ranking?level=province",
                          whole_ranking),
                   Reader(f"{r.url}/", whole_page)]
        for reader in readers:
            reader.start()
            self.addCleanup(reader.end)
        heard = []  # every event of the stream, through all reconnections
        epoch = None
        rng = random.Random(11)

        def change():
            for _ in range(3):
                r.random_change(rng)

        def listen(stream):
            stream.take(lambda s: s.closed or s.events, "news", tick=lambda: (r.tick(), change()))

        for _ in range(ROUNDS):
            for service in SERVICES:
                change()
                last = f"{epoch}-{heard[-1][0]}" if heard else None
                stream = rig.Stream(f"{r.url}/api/v1/events", last)
                listen(stream)
                change()
                r.services[service].stop()
                change()  # nobody hears it yet
                r.services[service].start()
                r.wait_ready(service)
                r.wait(lambda: (r.watch(service, "ready").status == 200,
                                r.watch(service, "ready").body), f"{service} is ready")
                if not stream.closed and service != "publisher":
                    listen(stream)
                heard += stream.events
                epoch = stream.epoch or epoch
                stream.close()
        r.settle()
        for reader in readers:
            r.wait(lambda: (reader.answers > 20, reader.answers), "answers")
            reader.end()
            self.assertEqual(reader.wrong, [])
        r.check_portal_order(r.portals[0])
        r.check_histories()
        r.verify()
        # the stream told each number once and in order, whoever was away meanwhile
        numbers = [n for n, _, _ in heard]
        self.assertEqual(numbers, sorted(set(numbers)))
        gaps = sorted(g for reader in readers for g in reader.gaps)
        print(json.dumps({"answers": [x.answers for x in readers],
                          "refused": [x.refused for x in readers],
                          "seconds without an answer": [round(g, 2) for g in gaps]}), flush=True)


if __name__ == "__main__":
    unittest.main()
