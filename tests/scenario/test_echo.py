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
                try:
                    self.check_text(file.read_bytes(), file)
                except FileNotFoundError:  # one under another name by now
                    self.assertTrue(r.services["ingest"].running(), file)
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


FIRST = f"{rig.INDEX}/2025/24"
ACCESS = base64.b64encode(b'{"AccessKey":"access","SecretKey":"secret"').decode()[:48]


class PortalEcho(rig.Case):
    """A portal that gives our credentials back: neither its dead letters nor a log hold them."""

    def secret(self, r, name, text):
        file = r.dir / f"{name}.secret"
        file.write_text(text)
        file.chmod(0o600)
        return str(file)

    def targets(self, r):
        """What each is asked with, and what must be nowhere."""
        token, lgsp, basic, opencps = r.portals
        token.proc.argv += ("--token", "ma-bi-mat", "--sign-secret", "khoa-ky-so")
        token.target = {"url": f"{token.url}/events", "token_file": self.secret(r, "token", "ma-bi-mat"),
                        "sign": {"secret_file": self.secret(r, "sign", "khoa-ky-so")}}
        lgsp.target = {"kind": "lgsp-vnpt", "url": f"{lgsp.url}/lgsp/results", "batch": 20,
                       "auth": {"type": "client-credentials", "token_url": f"{lgsp.url}/lgsp/token"},
                       "lgsp": {"access_key": "access", "app_name": "chiso", "partner_code": "0.0.H61",
                                "secret_key_file": self.secret(r, "lgsp", "secret")}}
        basic.target = {"url": f"{basic.url}/events?khoa=trong-dia-chi",
                        "auth": {"type": "basic", "user": "chiso",
                                 "password_file": self.secret(r, "password", "ngan")}}
        opencps.target = {"kind": "lgsp-opencps", "url": f"{opencps.url}/opencps/Statistic/UpdateStatistic",
                          "auth": {"type": "client-credentials", "client_id": "client",
                                   "token_url": f"{opencps.url}/opencps/token",
                                   "client_secret_file": self.secret(r, "opencps", "secret")}}
        return [b"ma-bi-mat", b"khoa-ky-so", b"issued-1", ACCESS.encode(),
                base64.b64encode(b"chiso:ngan").rstrip(b"="), b"trong-dia-chi"]

    def test_echo(self):
        r = self.rig(portals=4, target={"retry_min": "50ms", "retry_max": "300ms"})
        needles = self.targets(r)
        r.log_level = "debug"
        r.start()
        r.settle(portals=[])
        for p in r.portals:
            p.control(mode="echo", match=FIRST)
        r.step("next")
        letters = r.wait(lambda: ({x["target"] for x in r.dead_letters()} == {p.name for p in r.portals}
                                  and r.dead_letters(), r.dead_letters()), "each has a dead letter")
        reasons = {x["target"]: x["reason"] for x in letters}
        self.assertIn('"authorization":"Bearer *********"', reasons[r.portals[0].name])
        self.assertIn('"authorization":"Bearer ********","lgspaccesstoken":"****', reasons[r.portals[1].name])
        self.assertIn('"authorization":"Basic ****************"', reasons[r.portals[2].name])
        self.assertIn('"authorization":"Bearer ********"', reasons[r.portals[3].name])
        told = [str(letters)]
        for command in ("test", "status"):
            code, out, err = rig.run([BIN / "chiso", "target", command, "--publisher",
                                      r.data_dir("publisher"), r.portals[2].name])
            self.assertEqual(code, 0, out + err)
            told.append(out)
        self.assertIn(f'"url":"{r.portals[2].url}/events?…"', told[1])
        files = [f for s in r.services for f in r.data_dir(s).rglob("*") if f.is_file()]
        logs = [f for f in r.dir.glob("*.log")]
        self.assertTrue(files and logs)
        for what, data in [*((f, f.read_bytes()) for f in files + logs),
                           *((t[:300], t.encode()) for t in told)]:
            for needle in needles:
                self.assertNotIn(needle, data, what)


if __name__ == "__main__":
    unittest.main()
