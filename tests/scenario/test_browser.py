"""The page in a real browser over the real services: starts them and hands over to node --test."""
import os
import subprocess
import unittest

from rig import ROOT, Rig


class Browser(unittest.TestCase):
    def test_page(self):
        rig = Rig(every="1s", stale_after="3s", portals=1)
        self.addCleanup(rig.close)
        rig.more_indexes = sorted(str(f) for f in (ROOT / "catalogs").glob("*.yaml")
                                  if f.name != "dvc-766.yaml")
        rig.start()
        rig.wait(lambda: rig.difference() is None, "the page's figures")
        environment = {**os.environ, "CHISO_PAGE": rig.url, "CHISO_REPLAY": rig.replay_url}
        result = subprocess.run(["node", "--test", str(ROOT / "tests/browser/page.test.mjs")],
                                env=environment, capture_output=True, text=True, timeout=800)
        self.assertEqual(result.returncode, 0, result.stdout[-8000:] + result.stderr[-2000:])


if __name__ == "__main__":
    unittest.main()
