"""Configuration, options, exit codes; and that verify finds a single byte that is not as it was."""
import re
import struct
import unittest

import rig
from rig import BIN, ROOT

# service, what to change in a good configuration, the path of the error, what the message expects
BAD = [
    ("ingest", lambda c: c.pop("data_dir"), "", "data_dir"),
    ("ingest", lambda c: c.update(colour="red"), "colour", "expected one of"),
    ("ingest", lambda c: c.update(log_level="loud"), "log_level", "expected debug, info, warn or"),
    ("ingest", lambda c: c.update(registry="/nowhere/units"), "registry",
     "expected a unit registry"),
    ("ingest", lambda c: c["bus"].update(endpoint="udp://127.0.0.1:1"), "bus",
     "expected tcp://ADDRESS:PORT or ipc://PATH"),
    ("ingest", lambda c: c["bus"].update(endpoint="tcp://0.0.0.0:7101"), "bus",
     "expected CURVE keys"),
    ("ingest", lambda c: c["bus"].update(port=1), "bus.port", "expected one of"),
    ("ingest", lambda c: c.update(store={"soft_limit": "1MiB"}), "store.soft_limit",
     "expected from 4MiB"),
    ("ingest", lambda c: c.update(store={"map_size": "much"}), "store.map_size",
     "expected a size such as"),
    ("ingest", lambda c: c.update(store={"journal_records": "many"}), "store.journal_records", ""),
    ("ingest", lambda c: c.update(observe={"address": "here", "port": 1}), "observe.address",
     "expected a numeric address"),
    ("scorer", lambda c: c.update(observe={"port": 70000}), "observe.port", "expected 0 to 65535"),
    ("scorer", lambda c: c.update(observe={"address": "::1"}), "observe.port", "is required"),
    ("publisher", lambda c: c.update(observe={"port": 0, "drain": "1h"}), "observe.drain",
     "expected from 0ms to 5m"),
    ("ingest", lambda c: c["sources"][0].update(every="5"), "sources[0].every",
     "expected a duration such as"),
    ("ingest", lambda c: c["sources"][0].update(every="1ms"), "sources[0].every",
     "expected from 100ms to 30d"),
    ("ingest", lambda c: c["sources"][0].update(evry="5s"), "sources[0].evry", "expected one of"),
    ("ingest", lambda c: c["sources"][0].update(source="par.yaml"), "sources[0].source",
     "expected a source description"),
    ("ingest", lambda c: c["sources"][0].update(url="http://x/y ", allow_http=True),
     "sources[0].url", "a space at column 11, its end"),
    ("ingest", lambda c: c["sources"][0].update(url="https://me:mat-khau@x/"), "sources[0].url",
     "a user name in it; expected none: a name and password go into secrets (of a source)"),
    ("ingest", lambda c: c["sources"][0].update(login_url="https://me:mat-khau@x/"),
     "sources[0].login_url", "a user name in it"),
    ("ingest", lambda c: c["sources"][0].update(allow_http=False), "sources[0].url",
     "expected https://"),
    ("ingest", lambda c: c["sources"][0].update(periods=["2025", "2025-13"]),
     "sources[0].periods[1]", 'expected "2025"'),
    ("ingest", lambda c: c["sources"][0].update(units_of=["1"]), "sources[0].units_of[0]",
     "expected the code of a province"),
    ("ingest", lambda c: c["sources"][0].update(allow_networks=["10.0.0.0/99"]),
     "sources[0].allow_networks[0]", "expected a network such as"),
    ("ingest", lambda c: c["sources"][0].update(max_body="1"), "sources[0].max_body",
     "expected from 1KiB"),
    ("ingest", lambda c: c["sources"].append(dict(c["sources"][0])), "sources[1].id",
     "expected an id of its own"),
    ("ingest", lambda c: c["sources"][0].update(allow_http="yes"), "sources[0].allow_http",
     "true"),
    ("scorer", lambda c: c.update(indexes=["/nowhere/catalog.yaml"]), "indexes",
     "expected files without errors"),
    ("scorer", lambda c: c.pop("indexes"), "", "indexes"),
    ("scorer", lambda c: c.update(index="x"), "index", "expected one of"),
    ("scorer", lambda c: c["upstream"].update(endpoint="ingest"), "upstream",
     "expected tcp://ADDRESS:PORT or ipc://PATH"),
    ("scorer", lambda c: c["bus"].update(endpoint="tcp://*:7102"), "bus", "expected CURVE keys"),
    ("scorer", lambda c: c["bus"].update(curve={"secret": "/nowhere/key"}), "bus", "/nowhere/key"),
    ("publisher", lambda c: c["http"].update(port=70000), "http.port", "expected 0 to 65535"),
    ("publisher", lambda c: c["http"].update(prt=1), "http.prt", "expected one of"),
    ("publisher", lambda c: c["http"].update(proxies=["10.0.0.1/8"]), "http.proxies[0]",
     "expected a network such as"),
    ("publisher", lambda c: c["http"].update(rate=1000001), "http.rate", "expected at most"),
    ("publisher", lambda c: c.update(ingest_api="ftp://127.0.0.1"), "ingest_api",
     "neither https nor http"),
    ("publisher", lambda c: c.update(ingest_api="http://me:mat-khau@127.0.0.1:8081"), "ingest_api",
     "a user name in it"),
    ("publisher", lambda c: c.update(ingest_api="http://127.0.0.1:8081?khoa=mat-khau"),
     "ingest_api", "expected that of ingest"),
    ("publisher", lambda c: c.update(ingest_token_file="/nowhere"), "ingest_token_file",
     "expected a readable file"),
    ("publisher", lambda c: c.update(history_full="soon"), "history_full", "expected a duration"),
    ("publisher", lambda c: c.update(upstream={"endpoint": "zmq"}), "upstream",
     "expected tcp://ADDRESS:PORT or ipc://PATH"),
    ("publisher", lambda c: c["targets"][0].update(url="ftp://portal/"), "targets[0].url",
     "expected https://"),
    ("publisher", lambda c: c["targets"][0].update(allow_http=False), "targets[0].url",
     "expected https://"),
    ("publisher", lambda c: c["targets"][0].update(token_file="/nowhere/token"),
     "targets[0].token_file", "expected a readable file"),
    ("publisher", lambda c: c["targets"][0].update(retry_min="1"), "targets[0].retry_min",
     "expected a duration such as"),
    ("publisher", lambda c: c["targets"].append(dict(c["targets"][0])), "targets[1].id",
     "expected an id of its own"),
    *(("publisher", lambda c, u=update: c["targets"][0].update(u), f"targets[0]{path}", words)
      for update, path, words in (
          ({"kind": "ftp"}, ".kind", "cloudevents, ckan, lgsp-vnpt"),
          ({"kind": "ckan"}, ".kind", "has no ckan.resource_id"),
          ({"kind": "file"}, ".kind", "has no file.folder"),
          ({"kind": "file", "file": {"folder": "/nowhere"}}, ".file.folder",
           "can be written to"),
          ({"kind": "lgsp-vnpt"}, ".kind", "lgsp.access_key and lgsp.secret_key_file"),
          ({"kind": "lgsp-opencps"}, ".kind", "has no auth.type"),
          ({"kind": "ngsi-ld", "ngsi": {"tenant": "a b"}}, ".ngsi", "no white space"),
          ({"ckan": {"resource_id": "x"}}, ".ckan", "does not belong to kind cloudevents"),
          ({"mode": "both"}, ".mode", "binary or structured"),
          ({"grain": "pillar"}, ".grain", "unit or indicator"),
          ({"grain": "indicator"}, ".grain", "expected fields"),
          ({"batch": 2}, ".batch", "expected 1 to 1"),
          ({"auth": {"type": "magic"}}, ".auth.type", "client-credentials"),
          ({"auth": {"type": "basic", "user": "u"}}, ".auth", "password_file is missing"),
          ({"auth": {"type": "client-credentials"}}, ".auth", "token_url is missing"),
          ({"auth": {"type": "client-credentials", "token_url": "https://me:mat-khau@x/token"}},
           ".auth.token_url", "a user name in it"),
          ({"url": "https://me:mat-khau@x/"}, ".url", "a user name in it"),
          ({"auth": {"type": "bearer", "token_file": "/nowhere/t"}}, ".auth.token_file",
           "readable file with the secret"),
          ({"sign": {"secret_file": "/nowhere/t"}}, ".sign.secret_file", "readable file"),
          ({"sign": {"text": "{body}"}}, ".sign", "secret_file is missing"),
          ({"client_cert": "/nowhere/c"}, ".client_cert", ""),
          ({"filter": {"levels": ["village"]}}, ".filter.levels", "province, department"),
          ({"filter": {"types": ["source"]}}, ".filter.types", "score or ranking"),
          ({"filter": {"unit": ["01"]}}, ".filter.unit", "expected one of"),
          ({"fields": [{"name": "a"}]}, ".fields[0].name", "either from or value"),
          ({"fields": [{"name": "a", "from": "pointz"}]}, ".fields[0].from", "has no 'pointz'"),
          ({"fields": [{"name": "a", "from": "points", "as": "float"}]}, ".fields[0].as",
           "text, number, integer or time"),
          ({"kind": "ckan", "ckan": {"resource_id": "x", "primary_key": ["b"]},
            "fields": [{"name": "a", "from": "points"}]}, ".ckan", "the name of a field"),
      )),
]


class Configuration(rig.Case):
    def check(self, service, file, *more):
        return rig.run([BIN / f"chiso-{service}", "--config", file, "--check-config", *more])

    def test_good(self):
        r = self.rig()
        r.configure()
        for service in rig.SERVICES:
            with self.subTest(service=service):
                file = r.config(service)
                self.assertEqual(self.check(service, file), (0, f"{file}: good\n", ""))
        # checking opens nothing: no data folder, no socket
        self.assertEqual({p.suffix for p in r.dir.iterdir()}, {".yaml"})

    def test_bad(self):
        r = self.rig()
        for service, change, path, expectation in BAD:
            c = r.settings(service)
            change(c)
            with self.subTest(service=service, path=path, expectation=expectation):
                file = r.config(service)
                file.write_text(rig.yaml_text(c), encoding="utf-8")
                code, out, err = self.check(service, file)
                self.assertEqual(code, 3, (out, err))
                self.assertEqual(out, "")
                self.assertNotIn("mat-khau", err)  # a password in a URL
                wanted = re.escape(f"{file}:") + r"(\d+): "
                wanted += re.escape(f"{path}: ") if path else ""
                lines = [m for m in re.finditer(f"^{wanted}(.*)$", err, re.M)
                         if expectation in m.group(2)]
                self.assertTrue(lines, err)
                # the line is the one that the key stands in
                if path and expectation != "is required":  # that stands nowhere
                    key = re.sub(r"\[\d+\]$", "", path).rsplit(".")[-1]
                    number = int(lines[0].group(1))
                    near = file.read_text().splitlines()[number - 1:number + 1]
                    self.assertIn(key, "\n".join(near), (number, err))
                # without --check-config it ends in the same way
                code, out, again = rig.run([BIN / f"chiso-{service}", "--config", file])
                self.assertEqual((code, again), (3, err))

    def test_all_errors_are_told_at_once(self):
        r = self.rig()
        c = r.settings("ingest")
        c["log_level"] = "loud"
        c["sources"][0].update(every="5", units_of=["1"], periods=["soon"])
        r.config("ingest").write_text(rig.yaml_text(c))
        code, out, err = self.check("ingest", r.config("ingest"))
        self.assertEqual(code, 3)
        told = {line.split(": ")[1] for line in err.splitlines()}
        self.assertEqual(told, {"log_level", "sources[0].every", "sources[0].units_of[0]",
                                "sources[0].periods[0]"})

    def test_missing_and_broken_files(self):
        r = self.rig()
        for service in rig.SERVICES:
            with self.subTest(service=service):
                nowhere = r.dir / "nowhere.yaml"
                code, out, err = self.check(service, nowhere)
                self.assertEqual((code, out), (3, ""))
                self.assertIn(str(nowhere), err)
                self.assertIn("No such file", err)
                for name, text in (("empty", ""), ("list", "- a\n"), ("broken", "a: [1\nb: }\n"),
                                   ("twice", "log_level: info\nlog_level: info\n"),
                                   ("alias", "data_dir: &a x\nregistry: *a\n"),
                                   ("binary", "\x00\x01")):
                    file = r.dir / f"{name}.yaml"
                    file.write_text(text)
                    code, out, err = self.check(service, file)
                    self.assertEqual((code, out), (3, ""), name)
                    self.assertTrue(err.startswith(f"{file}:"), (name, err))

    def test_a_catalog_with_an_error(self):
        r = self.rig()
        text = rig.CATALOG.read_text()
        self.assertEqual(text.count('max: "22"'), 2)
        bad = r.dir / "catalog.yaml"
        bad.write_text(text.replace('max: "22"', 'max: "23"'))
        for service in ("scorer", "publisher"):
            with self.subTest(service=service):
                c = r.settings(service)
                c["indexes"] = [str(bad)]
                r.config(service).write_text(rig.yaml_text(c))
                code, out, err = self.check(service, r.config(service))
                self.assertEqual(code, 3)
                self.assertRegex(err, re.escape(str(bad)) + r":\d+: ")
                self.assertRegex(err, re.escape(str(r.config(service))) + r":\d+: indexes: ")

    def test_options(self):
        for name in ("chiso-ingest", "chiso-scorer", "chiso-publisher"):
            for argv in ([], ["--bogus"], ["--config"], ["--config", "x", "y"], ["y"],
                         ["--check-config"]):
                with self.subTest(program=name, argv=argv):
                    code, out, err = rig.run([BIN / name, *argv])
                    self.assertEqual((code, out), (2, ""))
                    self.assertIn(f"try '{name} --help'", err)
        for name, argv in (("chiso", []), ("chiso", ["bogus"]), ("chiso", ["verify"]),
                           ("chiso", ["verify", "--bogus"]), ("chiso", ["journal"]),
                           ("chiso", ["journal", "--data", "x", "--from", "y"]),
                           ("chiso", ["quarantine", "show", "--ingest", "x"]),
                           ("chiso", ["dead", "show", "--publisher", "x"]), ("chiso", ["keygen"]),
                           ("chiso-replay", []), ("chiso-replay", ["--port", "x"]),
                           ("chiso-portal", ["--port", "66000"]), ("chiso-portal", ["x"])):
            with self.subTest(program=name, argv=argv):
                code, out, err = rig.run([BIN / name, *argv])
                self.assertEqual(code, 2, err)
                self.assertTrue(err)
        for argv in (["journal", "--data", "/nowhere"], ["verify", "--ingest", "/nowhere"],
                     ["quarantine", "list", "--ingest", "/nowhere"],
                     ["dead", "list", "--publisher", "/nowhere"]):
            with self.subTest(program="chiso", argv=argv):
                code, out, err = rig.run([BIN / "chiso", *argv])
                self.assertEqual((code, out), (4, ""))
                self.assertIn("/nowhere", err)

    def test_help_names_every_option(self):
        getopt = re.compile(r'\{"([a-z-]+)",\s*(?:required|no)_argument')
        spec = re.compile(r'\.name = "([a-z-]+)", \.value')
        files = {"chiso-ingest": ("libs/service/service.c", getopt),
                 "chiso-scorer": ("libs/service/service.c", getopt),
                 "chiso-publisher": ("libs/service/service.c", getopt),
                 "chiso-replay": ("tests/replay/replay.c", getopt),
                 "chiso-portal": ("tests/portal/portal.c", getopt),
                 "chiso": ("cli/*.c", spec)}
        for name, (pattern, form) in files.items():
            with self.subTest(program=name):
                options = {o for f in ROOT.glob(pattern) for o in form.findall(f.read_text())}
                self.assertGreater(len(options), 3 if name != "chiso" else 5)
                code, out, err = rig.run([BIN / name, "--help"])
                self.assertEqual((code, err), (0, ""))
                missing = {o for o in options if f"--{o}" not in out}
                self.assertEqual(missing, set())
        for name in ("chiso-ingest", "chiso-scorer", "chiso-publisher", "chiso"):
            code, out, err = rig.run([BIN / name, "--version"])
            self.assertEqual((code, err), (0, ""))
            self.assertRegex(out, rf"^{name} \d+\.\d+\.\d+\n$")

    def test_ports_and_folders_that_are_taken(self):
        """Two services cannot share a data folder; a taken port ends with a reason."""
        r = self.rig()
        r.start()
        for service in rig.SERVICES:
            with self.subTest(service=service):
                code, out, err = rig.run([BIN / f"chiso-{service}", "--config",
                                          r.config(service)])
                self.assertEqual(code, 4, err)
                self.assertIn("cannot open the store", err)
        c = r.settings("publisher")
        c["data_dir"] = str(r.dir / "other")
        other = r.dir / "other.yaml"
        other.write_text(rig.yaml_text(c))
        code, out, err = rig.run([BIN / "chiso-publisher", "--config", other])
        self.assertEqual(code, 5, err)
        self.assertIn("cannot listen", err)
        self.assertIn(str(r.port), err)
        r.settle()


class Damage(rig.Case):
    """One flipped byte in a journal."""

    def ready(self):
        r = self.rig()
        r.start()
        r.settle()
        r.step("next")
        r.settle()
        r.stop_services()
        return r

    def places(self, data, service, seq, text):
        """Where the record's payload is in the file (LMDB may keep older copies of a page)."""
        if service == "publisher":  # too large for a leaf: found by what only it says
            return [m.start() for m in re.finditer(re.escape(text), data)]
        # key (the number), version, CRC, the predecessor's hash, then the payload
        begin = re.escape(struct.pack(">Q", seq) + b"\x01")
        return [m.start() + 8 + 1 + 4 + 32 + 20 for m in re.finditer(begin, data, re.S)]

    def test_a_flipped_byte_is_found(self):
        r = self.ready()
        r.verify()
        for service in rig.SERVICES:
            with self.subTest(service=service):
                journal = r.journal(service)
                record = journal[100]
                body = record["event"].get("notice", {}).get("body", "").encode()
                file = r.data_dir(service) / "data.mdb"
                good = file.read_bytes()
                places = self.places(good, service, record["seq"], body[:200])
                self.assertTrue(places, "the record is not in the file")
                bad = bytearray(good)
                for at in places:
                    bad[at + (90 if body else 0)] ^= 0x01
                file.write_bytes(bad)
                code, out, err = r.verify_output()
                self.assertEqual(code, 1, (out, err))
                self.assertIn(f"FOUND {service}: journal record {record['seq']}: "
                              "the checksum does not fit the record", out)
                # alone, too
                argv = [BIN / "chiso", "verify", f"--{service}", r.data_dir(service)]
                argv += ["--index", rig.CATALOG] if service == "scorer" else []
                self.assertEqual(rig.run(argv)[0], 1)
                file.write_bytes(good)
                r.verify()

    def test_a_torn_head_stops_the_service(self):
        r = self.ready()
        for service in ("ingest", "scorer"):
            with self.subTest(service=service):
                head = r.journal(service)[-1]["seq"]
                file = r.data_dir(service) / "data.mdb"
                good = file.read_bytes()
                bad = bytearray(good)
                places = self.places(good, service, head, b"")
                self.assertTrue(places)
                for at in places:
                    bad[at] ^= 0x80
                file.write_bytes(bad)
                p = r.services[service]
                p.start()
                self.assertEqual(p.wait_exit(), 4)
                self.assertRegex(p.tail(6), "journal|recover")
                self.assertEqual(r.verify_output()[0], 1)
                file.write_bytes(good)
        # as it was, all goes on
        for service in rig.SERVICES:
            r.services[service].start()
        r.settle()
        r.step("next")
        r.settle()

    def test_results_that_are_not_those_of_the_figures_are_found(self):
        """The scorer's and the publisher's data of another history: verify tells."""
        r, other = self.ready(), self.ready()
        code, out, err = rig.run([BIN / "chiso", "verify", "--index", rig.CATALOG,
                                  "--ingest", r.data_dir("ingest"),
                                  "--scorer", other.data_dir("scorer")])
        self.assertEqual(code, 1)
        self.assertIn("FOUND scorer has not applied all of ingest", out)
        code, out, err = rig.run([BIN / "chiso", "verify", "--index", rig.CATALOG,
                                  "--scorer", r.data_dir("scorer"),
                                  "--publisher", other.data_dir("publisher")])
        self.assertEqual(code, 1)
        self.assertIn("FOUND publisher has not applied all of scorer", out)


if __name__ == "__main__":
    unittest.main()
