"""What units hand in: who may, what is taken, and that nothing is taken twice or lost."""
import hashlib
import unittest

import rig

INDEX = "hd-department-2024"
UNIT, OTHER = "30.so-tai-chinh", "30.so-y-te"
TOKENS = {"unit": ("submitter", [UNIT]), "other": ("submitter", [OTHER]),
          "agency": ("scorer", ["30"]), "operator": ("operator", []), "reader": ("reader", [])}


class Door(rig.Case):
    def start(self, **more):
        r = self.rig(portals=0)
        r.more_indexes = [str(rig.ROOT / f"catalogs/{INDEX}.yaml")]
        r.open_door(TOKENS, **more)
        r.start(["ingest"])
        r.wait_ready("ingest")
        return r

    def problem(self, answer, status):
        self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(answer.headers["content-type"], "application/problem+json")
        self.assertEqual(answer.json()["status"], status)
        return answer.json()["detail"]

    def test_who_may(self):
        r = self.start()
        raw = "/api/v1/raw/" + "0" * 64
        self.problem(r.at_door("GET", raw), 401)
        self.assertIn("www-authenticate", r.at_door("GET", raw).headers)
        self.problem(r.at_door("GET", raw, "unit"), 403)
        self.problem(r.at_door("GET", raw, "reader"), 404)
        self.problem(r.at_door("GET", "/api/v1/raw/0", "reader"), 400)
        self.problem(r.at_door("GET", "/api/v1/nothing"), 404)
        self.problem(r.at_door("DELETE", raw, "reader"), 405)
        for i in range(10):
            self.problem(r.at_door("GET", raw, "reader.wrong"), 401)
        shut = r.at_door("GET", raw, "reader")
        self.problem(shut, 429)
        self.assertGreater(int(shut.headers["retry-after"]), 0)
        log = r.services["ingest"].log.read_text()
        self.assertFalse([t for t in r.tokens.values() if t in log])

    def test_raw(self):
        """Behind every figure of the API is the body it was read from; open on loopback only."""
        r = self.start(open_raw=True)
        body = r.wait(lambda: next(iter((r.data_dir("ingest") / "archive").glob("??/*")), None),
                      "something in the archive")
        a = r.at_door("GET", f"/api/v1/raw/{body.name}")
        self.assertEqual((a.status, hashlib.sha256(a.body).hexdigest()), (200, body.name))
        self.assertEqual(a.headers["x-content-type-options"], "nosniff")
        self.assertIn("sandbox", a.headers["content-security-policy"])
        self.assertTrue(a.headers["content-disposition"].startswith("attachment"))
        path = f"/api/v1/raw/{body.name}"
        self.problem(r.at_door("GET", path, headers={"X-Forwarded-For": "192.0.2.1"}), 401)
        self.assertEqual(r.at_door("GET", path, "reader").status, 200)
        body.chmod(0o600)
        body.write_bytes(b"changed")
        self.problem(r.at_door("GET", path), 500)

    def test_behind_a_proxy(self):
        """Failures are counted by the address that the proxy names last."""
        r = self.start(forwarded=True)
        raw = "/api/v1/raw/" + "0" * 64
        for i in range(10):
            came = {"X-Forwarded-For": f"198.51.100.{i}, 192.0.2.1"}
            self.problem(r.at_door("GET", raw, "x.y", headers=came), 401)
        self.problem(r.at_door("GET", raw, "reader", headers=came), 429)
        self.problem(r.at_door("GET", raw, "reader", headers={"X-Forwarded-For": "192.0.2.2"}), 404)

    def test_configuration(self):
        r = self.rig(portals=0)
        r.open_door(TOKENS, address="0.0.0.0", open_raw=True)
        r.configure()
        code, _, err = rig.run([rig.BIN / "chiso-ingest", "--config", r.config("ingest"),
                                "--check-config"])
        self.assertEqual(code, 3)
        self.assertIn("http.open_raw", err)


if __name__ == "__main__":
    unittest.main()
