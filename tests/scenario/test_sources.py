"""Every shipped description, asked for real: chiso source test against the replay that plays its
dialect, and what would be taken is compared figure by figure with what the fixtures say."""
import base64
import csv
import json
import re
import unittest

import rig
from rig import BIN, ROOT, REGISTRY

DIALECTS = ROOT / "tests/fixtures/dialects"
BOARD = "/jsp/rest.jsp"
SECRETS = {"user": "chiso", "password": "mat-khau", "key": "chiso", "secret": "mat-khau",
           "access-key": "chiso", "secret-key": "mat-khau"}


class Sources(rig.Case):
    """A replay, and configurations of ingest that only `chiso source test` reads."""

    def setUp(self):
        self.r = self.rig(dialects=DIALECTS)
        self.r.replay.start()

    def entry(self, description, path="", secrets=(), **more):
        keys = []
        for name in secrets:
            file = self.r.dir / f"{name}.secret"
            file.write_text(secrets[name] if isinstance(secrets, dict) else SECRETS[name])
            file.chmod(0o600)
            keys.append({"name": name, "file": str(file)})
        return {"id": "it", "source": str(ROOT / "sources" / description),
                "url": self.r.replay_url + path, "periods": ["2025"], "allow_http": True,
                "allow_networks": ["127.0.0.0/8"], **({"secrets": keys} if keys else {}), **more}

    def ask(self, entry, *others, code=0):
        """({(unit, period): {figure: value}}, all that was said)"""
        config = self.r.dir / "ask.yaml"
        config.write_text(rig.yaml_text({
            "data_dir": str(self.r.dir / "none"), "registry": str(REGISTRY),
            "bus": {"endpoint": f"ipc://{self.r.dir}/none"}, "sources": [entry, *others]}))
        got, out, err = rig.run([BIN / "chiso", "source", "test", "--config", config, "it"])
        self.assertEqual(got, code, out + err)
        taken = {}
        for line in out.splitlines():
            row = re.match(r"  would take +(\S+) (\S+) ", line)
            figure = re.match(r"    (\S+) +(\S+)$", line)
            if row:
                taken[row[1], row[2]] = now = {}
            elif figure:
                now[figure[1]] = figure[2]
        return taken, out


class PublicSources(Sources):
    def test_counters(self):
        for kind, period, dossiers in (("year", "2025", "128405"), ("month", "2025-10", "14022")):
            taken, _ = self.ask(self.entry(f"dvc-counters-{kind}.yaml", BOARD, units=["91"],
                                           periods=[period]))
            self.assertEqual(list(taken), [("91", period)])
            got = taken["91", period]
            self.assertEqual(got["dvc-counters.dossiers"], dossiers)
            self.assertEqual(got["dvc-counters.submitted-online"], "87829")
            self.assertEqual(got["dvc-counters.payments-local"], "0")  # a genuine zero
            self.assertNotIn("dvc-counters.complaints-in-progress-overdue", got)  # not there: no zero
        # a unit whose id is not known, a period that the service does not have
        self.ask(self.entry("dvc-counters-year.yaml", BOARD, units=["86"]), code=3)
        self.ask(self.entry("dvc-counters-year.yaml", BOARD, units=["91"], periods=["2025-10"]),
                 code=3)

    def test_trend(self):
        taken, _ = self.ask(self.entry("dvc-trend.yaml", BOARD, units=["91"]))
        self.assertEqual(taken, {("91", f"2025-{m}"): {"dvc-trend.score": v}
                                 for m, v in (("08", "80.2"), ("09", "74.7"), ("10", "76.52"))})
        taken, _ = self.ask(self.entry("dvc-trend-average.yaml", BOARD, units=["91"]))
        self.assertEqual(taken["91", "2025"], {"dvc-trend.average": "76.9"})

    def test_directory_of_trusted_sites(self):
        taken, said = self.ask(self.entry("tinnhiemmang-portal.yaml",
                                          units=["86", "31", "01", "91", "15", "20"]))
        option = "vl-province-2025.5.7.option"
        self.assertEqual({u: t.get(option) for (u, _), t in taken.items() if u in
                          ("86", "31", "91", "15", "20")},
                         {"86": "1", "31": "1", "91": "1", "15": "1", "20": "2"})
        self.assertEqual(taken["01", "2025"], {})  # certified, but another's: neither yes nor no
        self.assertEqual(taken["86", "2025"], {option: "1", "tinnhiemmang.portal-advanced": "0",
                                               "tinnhiemmang.portal-since": "20230525"})
        self.assertIn("3 page(s)", said)
        # of all provinces, those that the table knows; one that it does not is no zero
        taken, _ = self.ask(self.entry("tinnhiemmang-portal.yaml", units=["provinces"]))
        self.assertEqual(len(taken), 31)
        self.assertNotIn(("37", "2025"), taken)
        self.ask(self.entry("tinnhiemmang-portal.yaml", units=["37"]), code=3)
        # not read is not "not in the directory"
        self.r.control(mode="cloudflare", times=1)
        taken, said = self.ask(self.entry("tinnhiemmang-portal.yaml", units=["86"]), code=1)
        self.assertEqual(taken, {})
        self.assertIn("blocked", said)

    def test_search_of_trusted_sites(self):
        taken, _ = self.ask(self.entry("tinnhiemmang-one-stop.yaml", units=["86", "01", "31"]))
        self.assertEqual({u: t["vl-province-2025.5.8.option"] for (u, _), t in taken.items()},
                         {"86": "1", "01": "1", "31": "2"})

    def test_tag_of_emc(self):
        tag = "vl-province-2025.6.1.items.1"
        taken, _ = self.ask(self.entry("emc-tag.yaml", "/", units=["86"]))
        self.assertEqual(taken, {("86", "2025"): {tag: "1"}})
        self.r.control(mode="block", times=1)
        _, said = self.ask(self.entry("emc-tag.yaml", "/", units=["86"]), code=1)
        self.assertIn("blocked", said)

    def test_open_data(self):
        taken, _ = self.ask(self.entry("open-data.yaml", units=["31"]))
        self.assertEqual(taken, {("31", "2025"): {"open-data-sets": "212"}})


class LocalSources(Sources):
    def test_e_documents(self):
        entry = self.entry("local/e-documents.yaml", secrets=["user", "password"], periods=["2024"])
        taken, _ = self.ask(entry)
        with open(DIALECTS / "documents.csv", encoding="utf-8-sig") as f:
            wanted = {(row["Mã đơn vị"], "2024"): row["Văn bản trao đổi"].replace(".", "")
                      for row in csv.DictReader(f, delimiter=";")}
        self.assertEqual({k: t["documents-exchanged"] for k, t in taken.items()}, wanted)
        self.assertEqual(taken["30.so-cong-thuong", "2024"]["documents-exchanged-signed"], "0")
        for mode in ("mislabelled", "gzip"):
            self.r.control(mode=mode, times=1)
            self.assertEqual(self.ask(entry)[0], taken, mode)

    def test_tasks_are_signed_and_paged(self):
        entry = self.entry("local/task-tracking.yaml", secrets={"key": "khoa-ky"}, periods=["2024"])
        taken, said = self.ask(entry)
        self.assertEqual(len(taken), 4)  # of five rows in two pages, one of them twice
        self.assertEqual(taken["30.so-y-te", "2024"]["meetings-attended-head"], "0")
        wrong = self.entry("local/task-tracking.yaml", secrets={"key": "khac"}, periods=["2024"])
        self.assertIn("401", self.ask(wrong, code=1)[1])

    def test_gateway_with_keys(self):
        entry = self.entry("local/one-stop-lgsp.yaml", secrets=["access-key", "secret-key"],
                           periods=["2024"])
        taken, _ = self.ask(entry)
        self.assertEqual(len(taken), 3)
        self.assertEqual(taken["30.so-noi-vu", "2024"]["satisfaction-rate-online-services"], "98.5")
        self.r.control(mode="block", times=1, series="lgsp")  # a page with 200
        self.assertIn("blocked", self.ask(entry, code=1)[1])

    def test_client_credentials(self):
        entry = self.entry("local/dossiers-wso2.yaml", secrets=["key", "secret"], units=["96"])
        taken, _ = self.ask(entry)
        self.assertEqual(taken["96", "2025"],
                         {"dossiers-handled": "1800", "dossiers-submitted-online-partial": "500",
                          "dossiers-submitted-online-full": "750", "dossiers-fully-online": "680"})
        wrong = self.entry("local/dossiers-wso2.yaml", secrets={"key": "k", "secret": "s"},
                           units=["96"])
        self.assertIn("401", self.ask(wrong, code=1)[1])

    def test_adapter_with_sessions(self):
        entry = self.entry("local/procedures-xroad.yaml", secrets=["user", "password"], units=["96"])
        taken, _ = self.ask(entry)
        self.assertEqual(taken["96", "2025"], {"public-services": "9", "online-services-full": "6"})

    def test_usage_of_a_gateway(self):
        entry = self.entry("local/lgsp-usage.yaml", secrets=["user", "password"], units=["96"])
        taken, _ = self.ask(entry)
        recorded = json.loads((DIALECTS / "usage.json").read_text())
        months = recorded["aggregations"]["by_api"]["buckets"][0]["count_by_month"]["buckets"]
        self.assertEqual(taken, {("96", f"2025-{m['key']:02d}"): {"lgsp-calls": str(m["doc_count"])}
                                 for m in months})
        self.assertNotIn(("96", "2025-02"), taken)  # absent, not zero
        self.assertNotIn("10000", {t["lgsp-calls"] for t in taken.values()})  # hits.total is capped

    def test_usage_adds_up_only_when_all_months_are_there(self):
        """The recorded months make the recorded total exactly, but six have no bucket."""
        recorded = json.loads((DIALECTS / "usage.json").read_text())["aggregations"]["by_api"]["buckets"][0]
        self.assertEqual(sum(m["doc_count"] for m in recorded["count_by_month"]["buckets"]),
                         recorded["doc_count"])
        text = (ROOT / "sources/local/lgsp-usage.yaml").read_text(encoding="utf-8")
        for old, new in (("source: lgsp-usage", "source: usage-year"),
                         ("buckets/-/count_by_month/buckets", "buckets"),
                         ("period: {at: /key, date: month, as: month}\n", "")):
            self.assertIn(old, text)
            text = text.replace(old, new)
        file = self.r.dir / "usage-year.yaml"
        file.write_text(text + "checks:\n  - {over_time: [lgsp-calls], source: lgsp-usage}\n",
                        encoding="utf-8")
        year = self.entry(file, secrets=["user", "password"], units=["96"])
        months = {**self.entry("local/lgsp-usage.yaml", secrets=["user", "password"],
                               units=["96"]), "id": "months"}
        taken, out = self.ask(year, months)
        self.assertEqual(taken["96", "2025"], {"lgsp-calls": str(recorded["doc_count"])})
        self.assertIn("  not compared      96 2025 lgsp-calls: 6 of 12 months are there\n", out)
        _, out = self.ask(year)
        self.assertIn("  not compared      no source of the configuration tells the shorter", out)

    def test_rows_of_a_data_set(self):
        taken, _ = self.ask(self.entry("local/ckan-datastore.yaml", units=["80"]))
        self.assertEqual(taken, {("80", "2025"): {"postal-points": "198"}})

    def test_the_readme_tells_the_coverage_that_is(self):
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        told = re.search(r"(?ms)^- What machines can feed today.*?(?=^- )", readme)[0]
        seen = set()
        for more in ([], ["--sources", ROOT / "sources", "--sources", ROOT / "sources/local"]):
            code, out, err = rig.run([BIN / "chiso", "coverage", *more])
            self.assertEqual(code, 0, err)
            for index, fed, of, points in re.findall(
                    r"(?m)^(\S+) +(\d+) of +(\d+) indicators, .* in part +(\S+) of", out):
                if fed != "0" and index != "dvc-766":
                    seen.add(index)
                    self.assertRegex(told, rf"{fed} of {of} (indicators )?\({points} ", index)
        self.assertEqual(seen, {"vl-province-2025", "hd-department-2024", "hd-district-2024",
                                "hp-par-2025"})

    def test_every_description_is_here(self):
        told = (ROOT / "tests/scenario/test_sources.py").read_text()
        for file in sorted((ROOT / "sources").rglob("*.yaml")):
            name = str(file.relative_to(ROOT / "sources"))
            self.assertTrue(name in told or name.startswith("dvc-"), f"{name} is never asked")


class Quiet(Sources):
    """What `chiso source test` and a running ingest leave behind."""

    # description → where, its secrets as the replay expects them, and what else it is asked with
    LOCAL = {"local/e-documents.yaml": ("basic", {"user": "chiso", "password": "mat-khau"}, {}),
             "local/task-tracking.yaml": ("HMAC", {"key": "khoa-ky"}, {}),
             "local/one-stop-lgsp.yaml": ("keys, then a bearer token", {
                 "access-key": "chiso", "secret-key": "mat-khau"}, {}),
             "local/dossiers-wso2.yaml": ("client credentials", {
                 "key": "chiso", "secret": "mat-khau"}, {"units": ["96"], "periods": ["2025"]}),
             "local/procedures-xroad.yaml": ("a login and its session", {
                 "user": "chiso", "password": "mat-khau"}, {"units": ["96"], "periods": ["2025"]})}

    def forms(self, secret):
        """A secret as it might be written somewhere."""
        raw = secret.encode()
        found = {raw, raw.hex().encode(), base64.b64encode(raw), base64.urlsafe_b64encode(raw)}
        for user in ("chiso", "nguoi-la-0"):
            found.add(base64.b64encode(f"{user}:{secret}".encode()))
        return {f.rstrip(b"=") for f in found}

    def test_secrets_are_never_told(self):
        """At debug level, with secrets that are right and ones that are refused: none stands in a
        log, the store, the archive, the quarantine or what `chiso source test` says."""
        r, n, secrets = self.r, 0, {"mat-khau", "khoa-ky"}
        for description, (_, right, more) in self.LOCAL.items():
            wrong = {name: f"bi-mat-{n}-{name}-khong-ai-duoc-biet" for name in right}
            secrets |= set(wrong.values())
            for given in (right, wrong):
                folder = r.dir / f"secrets-{n}"
                folder.mkdir()
                keys = []
                for name, text in given.items():
                    (folder / name).write_text(text)
                    (folder / name).chmod(0o600)
                    keys.append({"name": name, "file": str(folder / name)})
                r.more_sources.append({
                    "id": f"source-{n}", "source": str(ROOT / "sources" / description),
                    "url": r.replay_url, "allow_http": True, "allow_networks": ["127.0.0.0/8"],
                    "secrets": keys, **r.source_options, "periods": ["2024"], **more})
                n += 1
        r.log_level = "debug"
        r.start()

        seen = set()  # at any time: two of them take the replay's one token from each other

        def outcomes():
            told = {s["source"]: s["outcome"] for s in r.api("sources")["sources"]}
            seen.update(i for i in range(n) if f"source-{i}" in told
                        and (told[f"source-{i}"] == "good") == (i % 2 == 0))
            return len(seen) == n, told
        r.wait(outcomes, "those with the right secrets are read, the others are not")
        said = []
        r.services["ingest"].stop()  # the replay has one token a service; it would take it away
        for i in range(n):
            code, out, err = rig.run([BIN / "chiso", "source", "test", "--config",
                                      r.config("ingest"), f"source-{i}"])
            self.assertEqual(code, i % 2, out + err)
            said.append((out + err).encode())
        for entry in r.quarantine():
            code, out, err = rig.run([BIN / "chiso", "quarantine", "show", "--ingest",
                                      r.data_dir("ingest"), entry["number"]])
            said.append((out + err).encode())
        said += [p.log.read_bytes() for p in r.services.values()]
        self.assertIn(b'"level":"debug"', b"".join(said))
        r.stop_services()
        said += [f.read_bytes() for f in r.data_dir("ingest").rglob("*") if f.is_file()]
        everything = b"\n".join(said)
        for secret in secrets:
            for form in self.forms(secret):
                self.assertNotIn(form, everything, f"{secret} as {form}")
        self.assertIn(b"source-0", everything)

    def test_source_test_emits_nothing(self):
        """Beside a running ingest, by its own configuration: journal, quarantine, archive and the
        state of every series are what they were, whatever the source answers."""
        r = self.r
        r.source_options["every"] = "1h"
        r.start()
        r.settle()

        def left():
            store = r.data_dir("ingest")
            return (r.heads(), r.quarantine(), r.sources(),
                    sorted(str(f) for f in (store / "archive").rglob("*")),
                    rig.request(f"{r.url}/api/v1/sources").body)
        before = left()
        for mode, code in (("normal", 0), ("bad_number", 1), ("block", 1), ("empty", None)):
            r.control(mode=mode, times=2)
            if mode == "normal":
                r.step()  # other figures than those that are known
            got, out, err = rig.run([BIN / "chiso", "source", "test", "--config",
                                     r.config("ingest"), rig.INDEX])
            self.assertIn(got, (0, 1) if code is None else (code,), out + err)
            self.assertEqual(left(), before, mode)
        r.control(mode="normal")


if __name__ == "__main__":
    unittest.main()
