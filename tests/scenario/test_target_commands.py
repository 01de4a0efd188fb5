"""chiso target: status, test, retry, resync; with the publisher running, killed, and stopped."""
import json
import unittest

import rig
from rig import INDEX
from test_targets import RETRY

SUBJECT = f"{INDEX}/2025/24"


class Commands(rig.Case):
    def ready(self, **options):
        r = self.rig(target=RETRY, **options)
        r.start()
        r.settle()
        return r

    def target(self, r, *args, code=0):
        got, out, err = rig.run([rig.BIN / "chiso", "target", args[0], "--publisher",
                                 r.data_dir("publisher"), *args[1:]])
        self.assertEqual(got, code, out + err)
        return [json.loads(line) for line in out.splitlines()], err

    def status(self, r, name="portal1"):
        lines, _ = self.target(r, "status", name)
        self.assertEqual(len(lines), 1)
        return lines[0]

    def test_status(self):
        r = self.ready(portals=2)
        lines, _ = self.target(r, "status")
        self.assertEqual([x["target"] for x in lines], ["portal1", "portal2"])
        r.wait(lambda: (self.status(r)["state"] == "up to date", self.status(r)), "up to date")
        s = self.status(r)
        self.assertEqual((s["kind"], s["behind"], s["dead"], s["failures"], s["oldest_pending"]),
                         ("cloudevents", "0", "0", "0", None))
        self.assertEqual(int(s["delivered"]), len(r.portals[0].effects()))
        self.assertIsNotNone(s["last_success"])
        r.portals[0].control(mode="refuse")
        r.step("next")
        r.wait(lambda: (r.portal_difference(r.portals[1]) is None, None), "the other follows")
        r.wait(lambda: (int(self.status(r)["failures"]) > 1, self.status(r)), "failures")
        s = self.status(r)
        self.assertEqual(s["state"], "failing")
        self.assertIn("503", s["last_error"])
        self.assertGreater(int(s["behind"]), 10)
        self.assertIsNotNone(s["oldest_pending"])
        r.wait(lambda: (self.status(r, "portal2")["state"] == "up to date", None), "the other's")
        # stopped: what the store knows
        r.services["publisher"].stop()
        s = self.status(r)
        self.assertEqual(s["state"], "the publisher does not run")
        self.assertGreater(int(s["behind"]), 10)
        self.target(r, "status", "nobody", code=1)
        _, err = self.target(r, "retry", "portal1", code=5)
        self.assertIn("does not answer", err)
        r.services["publisher"].start()
        r.wait_ready("publisher")
        _, err = self.target(r, "resync", "nobody", code=1)
        self.assertIn("no such target", err)
        self.target(r, "resync", code=2)
        self.target(r, "dance", "portal1", code=2)

    def test_retry(self):
        r = self.ready()
        p = r.portals[0]
        p.control(mode="reject", match=SUBJECT)
        r.step("next")
        r.wait(lambda: (len(r.dead_letters()) == 1, r.dead_letters()), "a dead letter")
        r.wait(lambda: (self.status(r)["state"] == "up to date", self.status(r)), "the others")
        self.assertEqual(self.status(r)["dead"], "1")
        # refused again: a letter again
        self.target(r, "retry", "portal1")
        r.wait(lambda: (p.stats()["refused"] >= 2, p.stats()), "it is refused again")
        r.wait(lambda: (self.status(r)["state"] == "up to date", self.status(r)), "done")
        self.assertEqual(len(r.dead_letters()), 1)
        # killed between the command and the answer: it goes out when it is back
        p.control(mode="slow", delay_ms=3000)
        self.target(r, "retry", "portal1")
        r.services["publisher"].kill()
        p.control(mode="normal")
        r.services["publisher"].start()
        r.wait(lambda: (r.dead_letters() == [], r.dead_letters()), "no dead letter is left")
        r.settle()
        r.check_portal_order(p, whole=False)
        # an older revision is not told behind a newer one: it is settled
        p.control(mode="reject", match=SUBJECT)
        r.step("next")
        r.wait(lambda: (len(r.dead_letters()) == 1, r.dead_letters()), "a dead letter")
        p.control(mode="normal")
        r.step("next")
        r.settle()
        seen = len(p.lines())
        self.target(r, "retry", "portal1")
        r.wait(lambda: (r.dead_letters() == [], r.dead_letters()), "it is settled")
        self.assertEqual(len(p.lines()), seen)

    def test_retry_of_a_ranking(self):
        """News of who moved was refused; others have moved since: all of the ranking is told."""
        r = self.ready()
        p = r.portals[0]
        subject = f"{INDEX}/2025/province"
        p.control(mode="reject", match=subject)
        r.step("next")
        r.wait(lambda: (len(r.dead_letters()) == 1, r.dead_letters()), "a dead letter")
        self.assertTrue(r.dead_letters()[0]["key"].startswith(f"ranking/{subject}/"))
        r.settle(portals=[])
        p.control(mode="normal")
        revision = r.ranking()["revision"]
        r.step("next")
        r.wait(lambda: (r.ranking()["revision"] > revision, r.ranking()["revision"]),
               "others have moved")
        r.settle(portals=[])
        r.wait(lambda: (self.status(r)["state"] == "up to date", self.status(r)), "up to date")
        self.target(r, "retry", "portal1")
        r.wait(lambda: (r.dead_letters() == [], r.dead_letters()), "no dead letter is left")
        r.settle()
        self.assertTrue([e for e in p.effects()
                         if e["key"].startswith(f"whole-ranking/{subject}/")])

    def test_resync(self):
        """A portal that lost its data is told everything again; one that did not takes nothing."""
        r = self.ready(portals=2)
        lost, well = r.portals
        for _ in range(2):
            r.step("next")
            r.settle()
        lost.proc.stop()
        lost.file.unlink()
        lost.proc.start()
        effects = {e["key"] for e in well.effects()}
        for name in ("portal1", "portal2"):
            self.target(r, "resync", name)
        # killed in the middle of it
        r.wait(lambda: (len(lost.lines()) > 20, len(lost.lines())), "some of it")
        r.services["publisher"].kill()
        r.services["publisher"].start()
        r.settle()
        self.assertEqual(len(lost.view()), 185)
        r.check_portal_order(lost, whole=False)
        new = {e["key"] for e in well.effects()} - effects
        self.assertTrue(all(k.startswith("whole-ranking/") for k in new), new)
        r.verify()

    def test_an_index_that_is_taken_out_and_put_back(self):
        """What is not configured is neither served nor told nor missed by verify; nothing of it is
        lost, and put back it is served at once."""
        r = self.ready()
        p = r.portals[0]
        before = len(p.effects())
        r.services["publisher"].stop()
        good = r.config("publisher").read_text()
        other = rig.ROOT / "catalogs/hn-city-2025.yaml"
        r.config("publisher").write_text(good.replace(str(rig.CATALOG), str(other)))
        r.services["publisher"].start()
        r.wait_ready("publisher")
        self.assertNotIn(INDEX, [i["id"] for i in r.api("indexes")["indexes"]])
        head = r.heads()["scorer"]
        r.step("next")

        def applied():
            code, out, err = r.verify_output()
            return "has not applied all" not in out and r.heads()["scorer"] > head, out + err
        r.wait(applied, "the publisher has applied the step", poll=0.2)
        self.assertEqual(len(p.effects()), before)
        code, out, _ = rig.run([rig.BIN / "chiso", "verify", "--index", other, "--scorer",
                                r.data_dir("scorer"), "--publisher", r.data_dir("publisher")])
        self.assertIn("185 results are of indexes that were not given with --index", out)
        r.services["publisher"].stop()
        r.config("publisher").write_text(good)
        r.services["publisher"].start()
        r.wait(lambda: (r.difference() is None, r.difference()), "it is served as it stands")
        r.verify()
        self.target(r, "resync", "portal1")
        r.settle()
        r.check_portal_order(p, whole=False)

    def test_test(self):
        """Address and credentials are tried without effect, and what would be sent is shown."""
        r = self.rig(target=RETRY, portals=6)
        good, bad, ckan, lgsp, ngsi, wrong = r.portals
        for p in r.portals:
            p.proc.argv += ["--token", "secret"]
        secret, other = r.dir / "secret", r.dir / "other"
        for file, text in ((secret, "secret\n"), (other, "something-else\n")):
            file.write_text(text)
            file.chmod(0o600)
        token = {"type": "bearer", "token_file": str(secret)}
        good.target["auth"] = token
        bad.target["auth"] = {**token, "token_file": str(other)}
        ckan.target = {"kind": "ckan", "url": ckan.url, "auth": {**token, "type": "token"},
                       "ckan": {"resource_id": "x"}}
        credentials = {"type": "client-credentials", "token_url": f"{lgsp.url}/lgsp/token"}
        lgsp.target = {"kind": "lgsp-vnpt", "url": f"{lgsp.url}/lgsp/results", "auth": credentials,
                       "lgsp": {"access_key": "access", "secret_key_file": str(secret)}}
        ngsi.target = {"kind": "ngsi-ld", "url": ngsi.url, "auth": token,
                       "ngsi": {"tenant": "vinhlong"}}
        wrong.target = {**lgsp.target, "url": f"{wrong.url}/lgsp/results",
                        "auth": {**credentials, "token_url": f"{wrong.url}/lgsp/token"},
                        "lgsp": {"access_key": "access", "secret_key_file": str(other)}}
        folder = r.dir / "drop"
        folder.mkdir()
        r.more_targets = [{"id": "drop", "kind": "file", "file": {"folder": str(folder)}}]
        r.start()
        r.wait(lambda: (r.difference() is None, r.difference()), "the API")
        r.wait(lambda: ({x["state"] for x in self.target(r, "status")[0]} ==
                        {"up to date", "failing"}, self.target(r, "status")), "all are told")
        before = [len(p.raw_lines()) for p in r.portals]
        for p, checked in ((good, "the request"), (ckan, "the request"), (lgsp, "the token"),
                           (ngsi, "the request")):
            (said,), _ = self.target(r, "test", p.name)
            self.assertEqual((said["good"], said["checked"]), (True, checked), said)
            would = said["would_send"]
            self.assertTrue(would["url"].startswith(p.url), said)
            self.assertIn("Authorization" if p is not lgsp else "lgspaccesstoken",
                          would["headers"])
            self.assertNotIn("secret", json.dumps(would))
            json.loads(would["body"])
        (said,), _ = self.target(r, "test", "portal2", code=1)
        self.assertIn("401", said["detail"])
        (said,), _ = self.target(r, "test", wrong.name, code=1)
        self.assertEqual((said["checked"], said["detail"]), ("the token", "no token: HTTP status "
                                                             "401, no access_token"))
        (said,), _ = self.target(r, "test", "drop")
        self.assertEqual(said["checked"], "the folder")
        self.assertEqual([f for f in folder.iterdir() if "probe" in f.name], [])
        self.assertEqual([len(p.raw_lines()) for p in r.portals], before)
        good.proc.stop()
        (said,), _ = self.target(r, "test", good.name, code=1)
        self.assertIn("127.0.0.1", said["detail"])


if __name__ == "__main__":
    unittest.main()
