"""Metrics, health, and what an operator sees of them; with a real Prometheus."""
import fcntl
import json
import os
import pathlib
import re
import signal
import subprocess
import time
import unittest
import urllib.parse

import rig
from rig import BIN, INDEX, ROOT, SERVICES


def promtool(*arguments, given=None):
    p = subprocess.run(["promtool", *map(str, arguments)], input=given, capture_output=True,
                       timeout=120)
    return p.returncode, (p.stdout + p.stderr).decode()


def looked_at(process, name):
    """How many bytes of a mapped file a process holds in memory."""
    smaps = pathlib.Path(f"/proc/{process.proc.pid}/smaps").read_text()
    rss = re.findall(rf"/{re.escape(name)}\n(?:[A-Z].*\n)*?Rss: +(\d+)", smaps)
    return 1024 * sum(map(int, rss))


class Health(rig.Case):
    def watched(self, **options):
        r = self.rig(**options)
        r.observed()
        return r

    def ready(self, r, service):
        a = r.watch(service, "ready")
        told = a.json()
        return a.status == 200 and told["ready"], told

    def test_numbers(self):
        """Each service tells its numbers in the form that Prometheus wants, and they are right."""
        r = self.watched()
        r.start()
        r.settle()
        for service in SERVICES:
            r.wait(lambda: self.ready(r, service), f"{service} is ready")
            a = r.watch(service, "metrics")
            self.assertEqual(a.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8")
            code, said = promtool("check", "metrics", given=a.body)
            self.assertEqual((code, said), (0, ""), service)
            for name in re.findall(r"(?m)^# TYPE (\S+)", a.body.decode()):
                self.assertRegex(name, rf"^(chiso_{service}|process)_[a-z_]+$")
            told = r.wait(lambda: (now := r.metrics(service))[f"chiso_{service}_ready"] == 1 and now,
                          f"{service} tells that it is ready")
            self.assertGreater(told[f"chiso_{service}_store_commit_seconds_count"], 0)
            self.assertGreater(told[f"chiso_{service}_store_used_bytes"], 4096)
            self.assertGreater(told["process_resident_memory_bytes"], 1 << 20)

        def numbers():
            i, s, p = (r.metrics(name) for name in SERVICES)
            heads = [int(m[f"chiso_{name}_journal_head"])
                     for name, m in zip(SERVICES, (i, s, p))]
            return (s["chiso_scorer_upstream_lag_events"] == 0
                    and p["chiso_publisher_upstream_lag_events"] == 0
                    and p['chiso_publisher_target_behind_notices{target="portal1"}'] == 0
                    and p["chiso_publisher_results"] == s["chiso_scorer_results"] > 0
                    and min(heads) > 0), (heads, p)
        r.wait(numbers, "the numbers agree")
        fetched = f'chiso_ingest_fetches_total{{source="{INDEX}",result="good"}}'
        i = r.wait(lambda: (now := r.metrics("ingest"))[fetched] > 3 and now, "it has fetched")
        p = r.metrics("publisher")
        self.assertEqual(i[f'chiso_ingest_source_unread_series{{source="{INDEX}"}}'], 0)
        self.assertLess(i[f'chiso_ingest_source_age_seconds{{source="{INDEX}"}}'], 60)
        self.assertEqual(i["chiso_ingest_quarantine_entries"], 0)
        taken = [v for name, v in p.items()
                 if re.match(r'chiso_publisher_deliveries_total\{target="portal1",code="2..', name)]
        self.assertGreater(sum(taken), 3)
        self.assertGreater(p["chiso_publisher_source_to_page_seconds_count"], 0)
        stream = rig.Stream(f"{r.url}/api/v1/events")
        self.addCleanup(stream.close)
        r.wait(lambda: r.metrics("publisher")["chiso_publisher_sse_clients"] == 1, "one stream")
        used = p["chiso_publisher_store_used_bytes"]  # nearly all of it was looked at by now
        r.wait(lambda: (looked_at(r.services["publisher"], "data.mdb") < used / 2,
                        looked_at(r.services["publisher"], "data.mdb")),
               "the publisher has given back what it looked at")

    def test_not_ready(self):
        """Without its producer a service lives and is not ready; the probe of an image says so."""
        r = self.watched()
        r.configure()
        r.services["scorer"].start()
        r.wait_ready("scorer")
        def turns():
            a = r.watch("scorer", "ready")
            told = a.json()
            self.assertEqual((a.status, told["ready"], told["state"]), (503, False, "running"))
            bad = [c["name"] for c in told["checks"] if not c["good"]]
            self.assertEqual(bad, ["upstream"], told)
            self.assertEqual(r.watch("scorer", "live").status, 200)
        r.holds(turns, "its loop turns, for nothing")
        self.assertEqual(r.watch("scorer", "other").status, 404)
        probe = [BIN / "chiso-scorer", "--healthcheck", "--config", r.config("scorer")]

        def probed(code, ready):
            got, out, err = rig.run(probe)
            return (got == code and out != "" and json.loads(out)["ready"] is ready,
                    (got, out, err))
        r.wait(lambda: probed(1, False), "the probe says that it is not ready")
        r.start(services=("ingest",), wait=False)
        r.wait(lambda: self.ready(r, "scorer"), "the scorer is ready")
        r.wait(lambda: probed(0, True), "the probe says that it is")
        r.services["scorer"].stop()
        code, out, err = rig.run(probe)
        self.assertEqual((code, out), (1, ""))
        self.assertIn("/ready", err)

    def test_stands_still(self):
        """A loop that stands still (here: in a write to a full pipe) is told from one that has
        ended, and lives again when it goes on."""
        r = self.watched()
        r.observe["ingest"]["heartbeat"] = "2s"
        r.log_level = "debug"
        r.configure()
        r.replay.start()
        read, write = os.pipe()
        self.addCleanup(os.close, read)
        fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
        p = subprocess.Popen([BIN / "chiso-ingest", "--config", r.config("ingest")], stderr=write,
                             env=rig.environment(), preexec_fn=rig._die_with_parent)
        self.addCleanup(p.wait)
        self.addCleanup(p.kill)
        os.close(write)

        def stands_still():
            a = r.watch("ingest", "live")
            self.assertEqual(a.status, 503)
            self.assertGreater(a.json()["heartbeat_age_ms"], 2000)
            self.assertEqual(r.watch("ingest", "ready").status, 503)
            self.assertEqual(r.watch("ingest", "metrics").status, 200)  # those of the last turn
        r.holds(stands_still, "it stands still")

        def live():
            os.read(read, 65536)
            return r.watch("ingest", "live").status == 200
        r.wait(live, "it lives again")

    def test_drains(self):
        """SIGTERM: not ready at once, served meanwhile, ended in the stated time."""
        r = self.watched()
        r.observe["publisher"]["drain"] = "20s"
        r.start()
        for s in SERVICES:
            r.wait(lambda: self.ready(r, s), f"{s} is ready")
        p = r.services["publisher"]
        p.allowed_exits = {0}
        asked = time.monotonic()
        p.proc.terminate()
        r.wait(lambda: r.watch("publisher", "ready").json()["state"] == "draining", "it drains")
        a = r.watch("publisher", "ready")
        self.assertEqual((a.status, a.json()["ready"]), (503, False))
        self.assertEqual(r.watch("publisher", "live").status, 200)
        self.assertEqual(rig.request(f"{r.url}/api/v1/sources").status, 200)
        r.wait(lambda: not p.running(), "it has ended")
        self.assertGreaterEqual(time.monotonic() - asked, 20)

    def test_status(self):
        """One screen, from the metrics alone."""
        r = self.watched()
        r.start()
        r.settle()
        for s in SERVICES:
            r.wait(lambda: self.ready(r, s), f"{s} is ready")
        urls = [a for s in SERVICES
                for a in (f"--{s}", f"http://127.0.0.1:{r.observe[s]['port']}")]

        def all_ready():
            code, out, err = rig.run([BIN / "chiso", "status", *urls])
            self.assertEqual((code, err), (0, ""), out)
            for s in SERVICES:
                self.assertRegex(out, rf"(?m)^{s} +ready ")
            self.assertRegex(out, r'target behind, notices +\{target="portal1"\}  \d+')
        r.holds(all_ready, "all are ready")
        r.services["scorer"].stop()
        code, out, err = rig.run([BIN / "chiso", "status", *urls])
        self.assertEqual(code, 1)
        self.assertRegex(out, r"(?m)^scorer +does not answer: ")
        self.assertEqual(rig.run([BIN / "chiso", "status"])[0], 2)

    def test_reload(self):
        """SIGHUP: a wrong file changes nothing; a good one changes sources and targets."""
        r = self.watched(portals=2)
        second = r.portals.pop()
        r.start()
        r.settle()
        for s in ("ingest", "publisher"):
            r.config(s).write_text(r.config(s).read_text() + "colour: red\n")
            r.services[s].proc.send_signal(signal.SIGHUP)
            r.wait(lambda: r.metrics(s)[
                f'chiso_{s}_config_reloads_total{{result="refused"}}'] == 1, f"{s} refuses")
            told = [e for e in r.services[s].logged()
                    if e["event"] == "the configuration was not reloaded"]
            self.assertIn("colour", told[0]["reason"])
        second.proc.start()
        self.addCleanup(second.proc.stop)
        r.portals.append(second)
        r.periods = ["2025"]
        r.configure()
        for s in SERVICES:
            r.services[s].proc.send_signal(signal.SIGHUP)
            r.wait(lambda: r.metrics(s)[
                f'chiso_{s}_config_reloads_total{{result="good"}}'] == 1, f"{s} reloads")
        series = f'chiso_ingest_source_series{{source="{INDEX}"}}'
        r.wait(lambda: (r.metrics("ingest")[series] == 2, r.metrics("ingest")), "two series")
        r.wait(lambda: (len(second.view()) > 0 and second.view() == r.portals[0].view(),
                        len(second.view())), "the new target is brought up to date")
        fetched = f'chiso_ingest_fetches_total{{source="{INDEX}",result="good"}}'
        before = r.metrics("ingest")[fetched]
        r.wait(lambda: r.metrics("ingest")[fetched] > before, "sources are asked")


class Prometheus(rig.Case):
    FILES = ROOT / "deploy/observe"

    def test_files(self):
        """The rules' own tests: every alert fires and resolves; each has its place in the docs."""
        for arguments in (("check", "config", self.FILES / "prometheus.yml"),
                          ("check", "rules", self.FILES / "rules.yml"),
                          ("test", "rules", self.FILES / "rules.test.yml")):
            code, said = promtool(*arguments)
            self.assertEqual(code, 0, said)
        rules = (self.FILES / "rules.yml").read_text()
        tests = (self.FILES / "rules.test.yml").read_text()
        alerts = re.findall(r"- alert: (\w+)", rules)
        self.assertEqual(alerts, re.findall(r"- name: (\w+)", tests))
        titles = re.findall(r"(?m)^#+ (.*)$", (ROOT / "docs/recover.md").read_text())
        anchors = {re.sub(r"[^\w -]", "", t.lower()).replace(" ", "-") for t in titles}
        places = re.findall(r"runbook: docs/recover.md#(\S+)", rules)
        self.assertEqual(len(places), len(alerts))
        self.assertEqual(set(places) - anchors, set())

    def names_told(self, text):
        return set(re.findall(r"\b(?:chiso|process)_[a-z_]+\b", text))

    def test_scraped(self):
        """A real Prometheus scrapes all three; what rules and dashboard ask for is there."""
        r = self.rig()
        r.observed()
        r.start()
        r.settle()
        port = rig.free_port()
        config = (self.FILES / "prometheus.yml").read_text().replace("15s", "1s")
        for s, example in zip(SERVICES, ("9101", "9102", "9103")):
            config = config.replace(f"127.0.0.1:{example}",
                                    f"127.0.0.1:{r.observe[s]['port']}")
        (r.dir / "prometheus.yml").write_text(config)
        (r.dir / "rules.yml").write_text((self.FILES / "rules.yml").read_text())
        p = subprocess.Popen(
            ["prometheus", f"--config.file={r.dir}/prometheus.yml",
             f"--storage.tsdb.path={r.dir}/tsdb", f"--web.listen-address=127.0.0.1:{port}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=rig._die_with_parent)
        self.addCleanup(p.wait)
        self.addCleanup(p.terminate)

        def ask(expression):
            q = urllib.parse.urlencode({"query": expression})
            told = rig.get_json(f"http://127.0.0.1:{port}/api/v1/query?{q}")
            return [(s["metric"], s["value"][1]) for s in told["data"]["result"]]
        r.wait(lambda: sorted(m["job"] for m, v in ask("up == 1"))
               == ["chiso-ingest", "chiso-publisher", "chiso-scorer"], "all are scraped")
        r.wait(lambda: (len(ask("chiso:store_used:ratio")) == 3, ask("chiso:store_used:ratio")),
               "the records are recorded")
        r.wait(lambda: [v for m, v in ask("chiso_publisher_results")]
               == [v for m, v in ask("chiso_scorer_results")] != [], "the numbers are there")
        rules = (self.FILES / "rules.yml").read_text()
        board = json.loads((self.FILES / "dashboard.json").read_text())
        expressions = [t["expr"] for panel in board["panels"] for t in panel["targets"]]
        wanted = self.names_told(rules) | self.names_told(" ".join(expressions))
        maybe = {"chiso_publisher_target_dead_letters_total"}  # from the first refusal on

        def told():
            return set().union(*(self.names_told(r.watch(s, "metrics").body.decode())
                                 for s in SERVICES))
        r.holds(lambda: self.assertEqual({w for w in wanted if not w.endswith("_")} - told() - maybe,
                                         set()), "every name is told")
        self.assertEqual(len({panel["id"] for panel in board["panels"]}), len(board["panels"]))
        for e in expressions:
            ask(e)  # one that Prometheus cannot parse is not answered with 200


if __name__ == "__main__":
    unittest.main()
