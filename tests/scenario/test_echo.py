"""A source that gives our credentials back: what is kept and told of it does not hold them, in none
of the forms they were sent in, and no figure comes of such an answer."""
import base64
import unittest

import rig
from rig import BIN, ROOT

PASSWORD = "mat-khau"
TOLD = base64.b64encode(b"chiso:" + PASSWORD.encode()).decode()
SECRETS = {"user": "chiso", "password": PASSWORD}
NEEDLES = [PASSWORD.encode(), TOLD.encode(), TOLD[4:-2].encode()]


class Echo(rig.Case):
    def start(self):
        r = self.rig(dialects=ROOT / "tests/fixtures/dialects", portals=0, units_of=[])
        for name, value in SECRETS.items():
            file = r.dir / f"{name}.secret"
            file.write_text(value)
            file.chmod(0o600)
        r.more_sources = [{
            "id": "documents", "source": str(ROOT / "sources/local/e-documents.yaml"),
            "url": r.replay_url, "periods": ["2024"], "allow_http": True,
            "allow_networks": ["127.0.0.0/8"], **r.source_options,
            "secrets": [{"name": n, "file": str(r.dir / f"{n}.secret")} for n in SECRETS]}]
        r.log_level = "debug"
        r.start()
        self.wait_outcome(r, "good")
        return r

    def state(self, r):
        return next((s for s in r.api("sources")["sources"] if s["source"] == "documents"), None)

    def wait_outcome(self, r, outcome):
        return r.wait(lambda: ((s := self.state(r)) and s["outcome"] == outcome and s, self.state(r)),
                      f"documents are {outcome}")

    def entries(self, r):
        return [q for q in r.quarantine() if q["source"] == "documents"]

    def check_nowhere(self, r, *texts):
        """Neither in a file that a service wrote nor in what was told."""
        for file in [*r.dir.rglob("*")]:
            if file.is_file() and not file.name.endswith(".secret"):
                self.check_text(file.read_bytes(), file)
        for text in texts:
            self.check_text(text.encode(), text[:300])

    def check_text(self, data, what):
        for needle in NEEDLES:
            self.assertNotIn(needle, data, what)

    def test_echo(self):
        r = self.start()
        before = r.journal("ingest")
        taken = [e for e in before if "documents-exchanged" in str(e)]
        self.assertTrue(taken)
        r.control(mode="echo", series="documents")
        told = self.wait_outcome(r, "quarantined")
        self.assertIn("gives our credentials back", told["detail"])
        entry, = self.entries(r)
        self.assertEqual(entry["rule"], "secret")
        self.assertIn("masked with * in 1 place(s)", entry["reason"])
        shown = r.quarantined(entry["number"])["entry"]
        self.assertIn("Authorization: Basic " + "*" * len(TOLD), shown["bytes"])
        body = r.archived(shown["body_sha256"])  # is what its hash says
        self.assertIn(b"Authorization: Basic ****", body)
        figures = [e for e in r.journal("ingest") if "documents-exchanged" in str(e)]
        self.assertEqual(figures, taken)
        # by hand it is the same
        argv = [BIN / "chiso", "source", "test", "--config", r.config("ingest"), "documents"]
        code, out, err = rig.run(argv)
        self.assertEqual(code, 1, out + err)
        self.assertIn("would quarantine  secret: page 1 gives our credentials back", out)
        self.check_nowhere(r, str(shown), out, err)
        # an answer that is a refusal
        r.control(mode="echo401", series="documents")
        told = self.wait_outcome(r, "blocked")
        self.assertIn("HTTP status 401; it gives our credentials back", told["detail"])
        blocked, = [q for q in self.entries(r) if q["rule"] == "blocked"]
        shown = r.quarantined(blocked["number"])["entry"]
        self.assertIn("Authorization: Basic ****", shown["bytes"])
        self.check_nowhere(r, str(shown), str(told))
        r.control(mode="normal")
        self.wait_outcome(r, "good")
        self.assertEqual([e for e in r.journal("ingest") if "documents-exchanged" in str(e)], taken)
        r.stop_services()
        self.check_nowhere(r)


if __name__ == "__main__":
    unittest.main()
