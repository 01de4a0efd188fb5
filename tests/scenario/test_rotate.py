"""Keys, tokens and secrets changed while everything runs, by the commands of docs/operate.md."""
import pathlib
import random
import time
import unittest

import docs
import machine
import rig
from rig import SERVICES


class Rotate(rig.Case):
    def machine(self, **options):
        m = machine.Machine(**options)
        self._rigs.append(m)
        self.addCleanup(m.close)
        return m

    def test_keys_under_load(self):
        """Figures change and a reader reads all the while: no event is lost, no answer is empty."""
        m = self.machine()
        m.run(docs.script("operate.md", "CURVE keys", 2))
        m.secure()
        m.start()
        m.settle()
        self.everyone_is_ready(m)
        rng = random.Random(7)
        load = {"at": 0.0, "answers": 0}

        def under_load():
            if time.monotonic() >= load["at"]:
                load["at"] = time.monotonic() + 0.2
                m.random_change(rng)
                self.assertEqual(len(m.ranking()["units"]), 34)
                load["answers"] += 1
        keys = pathlib.Path("/etc/chiso/keys")
        old = (keys / "scorer.key").read_text()
        m.run(docs.script("operate.md", "Rotate keys"), tick=under_load)
        m.run(docs.script("operate.md", "Rotate keys", 2), tick=under_load)
        self.assertNotEqual((keys / "scorer.key").read_text(), old)
        # each end has made a connection under the new key
        for s, event in (("scorer", "reloaded"), ("publisher", "reloaded")):
            m.wait(lambda: (under_load(), any(event in e["event"] for e in
                                              m.services[s].logged()))[1], f"{s} reloads")
        self.everyone_is_ready(m, under_load)
        self.new_events_arrive(m, rng)
        m.wait(lambda: (under_load(), load["answers"] > 5)[1], "a load")
        m.run(docs.script("operate.md", "Rotate keys", 3), tick=under_load)
        for folder in ("ingest-clients", "scorer-servers"):
            self.assertEqual([f.name for f in (keys / folder).iterdir()], ["scorer.key"])
            self.assertEqual((keys / folder / "scorer.key").read_text(),
                             (keys / "scorer.key").read_text())
        # the new one is enough to connect by, and the old one is not
        for s in ("scorer", "publisher"):
            m.services[s].restart()
        m.settle()
        self.everyone_is_ready(m)
        m.check_portal_order(m.portals[0])
        m.check_histories()
        m.verify()
        m.services["scorer"].stop()
        (keys / "scorer.key").write_text(old)
        (keys / "ingest-clients" / "scorer.key").write_text(old)
        m.services["scorer"].start()
        m.wait(lambda: any(e["event"] == "a consumer was refused"
                           for e in m.services["ingest"].logged()), "the other key is refused")

    def everyone_is_ready(self, m, tick=None):
        for s in SERVICES:
            def ready():
                if tick is not None:
                    tick()
                a = m.watch(s, "ready")
                return a.status == 200, a.body
            m.wait(ready, f"{s} is ready")
        for s in ("scorer", "publisher"):
            m.wait(lambda: m.metrics(s)[f"chiso_{s}_upstream_connected"] == 1, f"{s} is connected")

    def new_events_arrive(self, m, rng):
        head = m.heads()["publisher"]
        m.random_change(rng)
        m.wait(lambda: m.heads()["publisher"] > head, "an event by the new connection")

    def reloads(self, m):
        return len([e for e in m.services["ingest"].logged()
                    if e["event"] == "the configuration was reloaded"])

    def test_tokens_and_secrets(self):
        m = self.machine()
        m.open_door({"operator": ("operator", [])})
        m.door["tokens"] = "tokens.yaml"
        tokens = pathlib.Path("/etc/chiso/tokens.yaml")
        tokens.write_text((m.dir / "tokens.yaml").read_text())
        secret = pathlib.Path("/etc/chiso/portal.secret")
        secret.touch(0o600)
        secret.write_text("first-secret\n")
        m.target_options["sign"] = {"secret_file": "portal.secret"}
        portal = m.portals[0].proc
        unsigned = portal.argv
        portal.argv = [*unsigned, "--sign-secret", "first-secret"]
        m.start()
        m.settle()
        old = m.tokens["operator"]
        m.run(docs.script("operate.md", "Rotate keys", 4))
        m.tokens["new"] = pathlib.Path("/etc/chiso/operator.token").read_text().strip()
        # not before it knows the new one: who comes with wrong ones is shut out for a while
        m.wait(lambda: self.reloads(m) == 1, "it is known")
        for token in ("new", "operator"):  # both, until the old one is taken out
            self.assertEqual(m.at_door("GET", "/api/v1/figures", token).status, 400)
        lines = tokens.read_text().splitlines()
        at = next(i for i, x in enumerate(lines) if "operator-2027" in x)
        tokens.write_text("\n".join([*lines[:2], *lines[at:]]) + "\n")
        m.run("systemctl reload chiso-ingest")
        m.wait(lambda: self.reloads(m) == 2, "it is known that the old one is gone")
        self.assertEqual(m.at_door("GET", "/api/v1/figures", old).status, 401)
        self.assertEqual(m.at_door("GET", "/api/v1/figures", "new").status, 400)
        # until the portal takes the new one it refuses, and everything follows when it does
        m.step("next")
        m.wait(lambda: any(e["event"] == "a portal did not take a notice"
                           for e in m.services["publisher"].logged()), "the portal refuses")
        portal.stop()
        portal.argv = [*unsigned, "--sign-secret", secret.read_text().strip()]
        portal.start()
        m.settle()
        m.check_portal_order(m.portals[0])


if __name__ == "__main__":
    unittest.main()
