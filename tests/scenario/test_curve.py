"""CURVE between the services: who has no key that is known gets nothing."""
import shutil
import time
import unittest

import rig
from rig import BIN


class Curve(rig.Case):
    def keys(self, r, *names):
        """Key pairs by `chiso keygen`; returns the folder."""
        folder = r.dir / "keys"
        folder.mkdir(exist_ok=True)
        for name in names:
            code, out, err = rig.run([BIN / "chiso", "keygen", "--out", folder, name])
            self.assertEqual((code, err), (0, ""))
            self.assertEqual(out.split(), [f"{folder}/{name}.key", f"{folder}/{name}.key_secret"])
            self.assertEqual((folder / f"{name}.key_secret").stat().st_mode & 0o777, 0o600)
            self.assertNotIn("secret-key =", (folder / f"{name}.key").read_text()
                             .replace(" ", "").replace("secret-key=", "secret-key ="))
        return folder

    def secured(self, **options):
        """A rig whose every hop is secured over TCP."""
        r = self.rig(**options)
        r.observed()
        folder = self.keys(r, "ingest", "scorer", "publisher")
        r.endpoints = {s: f"tcp://127.0.0.1:{rig.free_port()}" for s in ("ingest", "scorer")}
        r.upstreams = dict(r.endpoints)
        for server, client in (("ingest", "scorer"), ("scorer", "publisher")):
            known = r.dir / f"{server}-clients"
            known.mkdir()
            shutil.copy(folder / f"{client}.key", known)
            r.curve[server, "bus"] = {"curve": {"secret": f"{folder}/{server}.key_secret",
                                                "clients": str(known)}}
            r.curve[client, "upstream"] = {"curve": {"secret": f"{folder}/{client}.key_secret",
                                                     "server": f"{folder}/{server}.key"}}
        return r

    def told(self, r, service, event):
        return [e for e in r.services[service].logged() if e["event"] == event]

    def assert_told(self, r, server, client, at_server, at_client):
        """Who was refused is told on both sides: in the log, in the numbers and by /ready."""
        for service, event, reason, metric in (
                (server, "a consumer was refused", at_server, "bus_refused_total"),
                (client, "refused by the producer", at_client, "upstream_refused_total")):
            e = r.wait(lambda: self.told(r, service, event), f"{service} tells: {event}")[0]
            self.assertEqual(e["level"], "warn")
            self.assertIn(reason, e["reason"])
            self.assertGreater(e["times"], 0)
            r.wait(lambda: r.metrics(service)[f"chiso_{service}_{metric}"] > 0, metric)

        def ready_tells(service, name, why):
            a = r.watch(service, "ready")
            check = next(c for c in a.json()["checks"] if c["name"] == name)
            return why in check["detail"] and (a.status, check["good"]), check
        seen = r.wait(lambda: ready_tells(client, "upstream", at_client), f"/ready: {at_client}")
        self.assertEqual(seen, (503, False))
        r.wait(lambda: ready_tells(server, "bus", at_server), f"/ready: {at_server}")
        self.assertEqual(r.metrics(client)[f"chiso_{client}_upstream_connected"], 0)

    def assert_nothing_flows(self, r):
        """Long enough for several attempts of the client, while ingest has plenty to tell."""
        r.wait(lambda: len(r.journal("ingest")) >= 185, "ingest has figures")
        tries = time.monotonic() + 5  # BUS_PATIENCE is 2 s
        while time.monotonic() < tries:
            r.tick()
            self.assertEqual(r.journal("scorer"), [], "the scorer was given something")
            time.sleep(0.2)
        self.assertTrue(r.services["ingest"].running() and r.services["scorer"].running())

    def test_works(self):
        r = self.secured()
        r.start()
        r.settle()
        r.step("next")
        r.settle()
        for service in rig.SERVICES:
            r.services[service].kill()
            r.services[service].start()
            r.step("next")
            r.settle()
        r.check_portal_order(r.portals[0])
        # no secret in any log
        secrets = [line.split('"')[1] for f in (r.dir / "keys").glob("*.key_secret")
                   for line in f.read_text().splitlines() if "secret-key" in line]
        self.assertEqual(len(secrets), 3)
        for p in r.services.values():
            for secret in secrets:
                self.assertNotIn(secret, p.log.read_text())

    def test_keygen_never_overwrites(self):
        r = self.rig()
        folder = self.keys(r, "one")
        before = (folder / "one.key_secret").read_bytes()
        code, out, err = rig.run([BIN / "chiso", "keygen", "--out", folder, "one"])
        self.assertEqual(code, 1)
        self.assertIn("exists", err)
        self.assertEqual((folder / "one.key_secret").read_bytes(), before)
        code, out, err = rig.run([BIN / "chiso", "keygen", "--out", r.dir / "nowhere", "two"])
        self.assertEqual(code, 5)

    def test_unknown_client_is_refused(self):
        r = self.secured()
        folder = self.keys(r, "stranger")
        known = r.curve["scorer", "upstream"]
        r.curve["scorer", "upstream"] = {"curve": {**known["curve"],
                                                   "secret": f"{folder}/stranger.key_secret"}}
        r.start()
        self.assert_nothing_flows(r)
        self.assert_told(r, "ingest", "scorer", "its key is not among those that may connect",
                         "the producer does not know our key")
        # with the key that is known everything flows
        r.services["scorer"].stop()
        r.curve["scorer", "upstream"] = known
        r.configure()
        r.services["scorer"].start()
        r.settle()

    def test_client_without_keys_is_refused(self):
        r = self.secured()
        known = r.curve.pop(("scorer", "upstream"))
        r.start()
        self.assert_nothing_flows(r)
        r.services["scorer"].stop()
        r.curve["scorer", "upstream"] = known
        r.configure()
        r.services["scorer"].start()
        r.settle()

    def test_wrong_server_key(self):
        """The server is not the one that the client expects: the client tells it nothing."""
        r = self.secured()
        folder = self.keys(r, "other")
        known = r.curve["scorer", "upstream"]
        r.curve["scorer", "upstream"] = {"curve": {**known["curve"],
                                                   "server": f"{folder}/other.key"}}
        r.start()
        self.assert_nothing_flows(r)
        self.assert_told(r, "ingest", "scorer", "it expects another server's key",
                         "it has another key")
        r.services["scorer"].stop()
        r.curve["scorer", "upstream"] = known
        r.configure()
        r.services["scorer"].start()
        r.settle()

    def test_a_key_added_later_is_known(self):
        """The folder of known keys is read again: nobody needs a restart."""
        r = self.secured()
        key = r.dir / "ingest-clients" / "scorer.key"
        kept = r.dir / "kept.key"
        key.rename(kept)
        r.start()
        self.assert_nothing_flows(r)
        kept.rename(key)
        r.settle()

    def test_dead_authenticator(self):
        """When ingest's authenticator has ended, nobody is let in any more, not even a known key;
        who is in stays in, and it is told."""
        r = self.secured()
        end = r.dir / "end-zauth"
        as_it_is = r.services["ingest"].argv
        r.services["ingest"].argv = [
            "env", f"LD_PRELOAD={BIN}/mortal_zauth.so", f"CHISO_END_ZAUTH={end}",
            "ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0", *as_it_is]
        r.start()
        r.settle()
        r.wait(lambda: r.watch("ingest", "ready").status == 200, "ingest is ready")
        end.touch()
        r.wait(lambda: r.watch("ingest", "ready").status == 503, "ingest is not ready")
        checks = {c["name"]: c for c in r.watch("ingest", "ready").json()["checks"]}
        self.assertEqual([n for n, c in checks.items() if not c["good"]], ["bus"])
        self.assertIn("the authenticator has ended", checks["bus"]["detail"])
        (e,) = self.told(r, "ingest", "the authenticator has ended: no consumer is let in any more")
        self.assertEqual(e["level"], "error")
        r.step("next")
        r.settle()  # the connection that stands is not cut
        r.services["scorer"].stop()
        head = r.heads()["scorer"]
        r.step("next")
        r.services["scorer"].start()
        r.wait(lambda: (r.metrics("ingest")["chiso_ingest_bus_refused_total"] > 0, 0),
               "ingest refuses")
        tries = time.monotonic() + 5
        while time.monotonic() < tries:
            r.tick()
            self.assertEqual(r.heads()["scorer"], head, "the scorer was given something")
            time.sleep(0.2)
        self.assertEqual(r.metrics("scorer")["chiso_scorer_upstream_connected"], 0)
        refused = r.wait(lambda: self.told(r, "ingest", "a consumer was refused"), "it is told")
        self.assertIn("authenticator has ended", refused[0]["reason"])
        # a restart is all it takes
        r.services["ingest"].stop()
        r.services["ingest"].argv = as_it_is
        r.services["ingest"].start()
        r.settle()
        r.check_portal_order(r.portals[0])

    def test_a_stranger_cannot_take_over(self):
        """A client without a known key, under the name of the real one, disturbs nobody."""
        r = self.secured()
        folder = self.keys(r, "stranger")
        r.start()
        r.settle()
        c = r.settings("scorer")
        del c["observe"]
        c["data_dir"] = str(r.dir / "stranger-data")
        c["bus"] = {"endpoint": f"ipc://{r.dir}/x"}
        c["upstream"]["curve"] = {"secret": f"{folder}/stranger.key_secret",
                                  "server": f"{folder}/ingest.key"}
        file = r.dir / "stranger.yaml"
        file.write_text(rig.yaml_text(c))
        stranger = rig.Proc(r, "stranger", [BIN / "chiso-scorer", "--config", file])
        r.services["stranger"] = stranger  # so that it is looked after
        stranger.start()
        r.wait(lambda: any(x["event"] == "ready" for x in stranger.logged()), "the stranger runs")
        for _ in range(3):
            r.step("next")
            r.settle()
        code, out, err = rig.run([BIN / "chiso", "journal", "--data", c["data_dir"]])
        self.assertEqual((code, out), (0, ""))

    def test_open_without_keys(self):
        """Loopback needs no keys, the network does."""
        r = self.rig()
        r.endpoints = {s: f"tcp://127.0.0.1:{rig.free_port()}" for s in ("ingest", "scorer")}
        r.upstreams = dict(r.endpoints)
        r.start()
        r.settle()
        for service in ("ingest", "scorer"):
            for endpoint in ("tcp://0.0.0.0:7101", "tcp://*:7101", "tcp://192.0.2.1:7101",
                             "tcp://[::]:7101", "tcp://eth0:7101"):
                with self.subTest(service=service, endpoint=endpoint):
                    c = r.settings(service)
                    c["data_dir"] = str(r.dir / "unused")
                    c["bus"]["endpoint"] = endpoint
                    file = r.dir / "open.yaml"
                    file.write_text(rig.yaml_text(c))
                    for more in (["--check-config"], []):
                        code, out, err = rig.run([BIN / f"chiso-{service}", "--config", file,
                                                  *more])
                        self.assertEqual(code, 3, err)
                        self.assertRegex(err, r":\d+: bus(\.endpoint)?: .*is open to the network")
        self.assertFalse((r.dir / "unused").exists())

    def test_keys_that_are_not(self):
        r = self.secured()
        folder = r.dir / "keys"
        (folder / "bad").write_text("this is no key\n")
        cases = [("ingest", "bus", {"secret": f"{folder}/nowhere", "clients": str(folder)}),
                 ("ingest", "bus", {"secret": f"{folder}/ingest.key_secret"}),
                 ("ingest", "bus", {"secret": f"{folder}/bad", "clients": str(folder)}),
                 ("scorer", "upstream", {"secret": f"{folder}/scorer.key_secret"}),
                 ("scorer", "upstream", {"secret": f"{folder}/scorer.key_secret",
                                         "server": f"{folder}/nowhere"}),
                 ("scorer", "upstream", {"secret": f"{folder}/scorer.key_secret",
                                         "server": f"{folder}/bad"})]
        # libczmq forgets 125 bytes on its way out of a file that is no key
        (r.dir / "lsan").write_text("leak:zfile_new\n")
        known = {"LSAN_OPTIONS": f"suppressions={r.dir}/lsan:print_suppressions=0"}
        for service, end, curve in cases:
            with self.subTest(service=service, curve=curve):
                c = r.settings(service)
                c[end]["curve"] = curve
                file = r.config(service)
                file.write_text(rig.yaml_text(c))
                code, out, err = rig.run([BIN / f"chiso-{service}", "--config", file], **known)
                self.assertEqual(code, 3, err)
                self.assertTrue(end in err or "key" in err, err)


if __name__ == "__main__":
    unittest.main()
