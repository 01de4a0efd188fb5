"""deploy/quickstart: from a clone to a live page in one command."""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

import rig
from rig import ROOT

SCRIPT = ROOT / "deploy/quickstart"
BUILD_SECONDS = 1800  # the first run builds build/release; other tests use the machine meanwhile


class Quickstart(unittest.TestCase):
    def setUp(self):
        self.data = pathlib.Path(tempfile.mkdtemp(prefix="chiso-quick-", dir="/tmp"))
        self.port = rig.free_port(row=8)  # it takes some of those behind it too
        self.addCleanup(shutil.rmtree, self.data, ignore_errors=True)
        self.addCleanup(self.end_all)

    def run_script(self, *argv, timeout=300):
        """Exit code, standard output and error; into files, as what goes to the background would
        hold a pipe open."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            p = subprocess.Popen([str(SCRIPT), *map(str, argv)], stdin=subprocess.DEVNULL,
                                 stdout=out, stderr=err, cwd="/", start_new_session=True)
            try:
                p.wait(timeout)
            except subprocess.TimeoutExpired:
                os.killpg(p.pid, signal.SIGKILL)
                p.wait()
                self.fail(f"quickstart {argv} runs after {timeout} s; logs:\n{self.logs()}")
            out.seek(0)
            err.seek(0)
            return p.returncode, out.read().decode(), err.read().decode()

    def start(self, timeout=300):
        code, out, err = self.run_script("--detach", "--port", self.port, "--data-dir", self.data,
                                         timeout=timeout)
        self.assertEqual(code, 0, f"{out}\n{err}\n{self.logs()}")
        return out

    def stop(self):
        return self.run_script("--stop", "--data-dir", self.data)

    def processes(self):
        """{pid: command line} of everything that names our data folder, or was started by one
        that does (the replay does not name it)."""
        found = {}
        parents = {}
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
                line = line.decode(errors="replace")
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if stat[0] == "Z":
                continue
            parents[int(entry.name)] = (int(stat[1]), line)
        for pid, (_, line) in parents.items():
            if str(self.data) in line:
                found[pid] = line
        grown = True
        while grown:
            grown = False
            for pid, (parent, line) in parents.items():
                if pid not in found and parent in found:
                    found[pid] = line
                    grown = True
        return found

    def end_all(self):
        for pid in sorted(self.processes()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def logs(self):
        text = ""
        for f in sorted([*self.data.glob("log/*"), self.data / "build.log"]):
            if f.exists():
                tail = "\n".join(f.read_text(errors="replace").splitlines()[-15:])
                text += f"---- {f}\n{tail}\n"
        return text

    def api(self, path):
        return rig.counted(rig.get_json(f"http://127.0.0.1:{self.port}/api/v1/{path}"))

    def check_answers(self):
        page = rig.request(f"http://127.0.0.1:{self.port}/")
        self.assertEqual(page.status, 200)
        self.assertIn("text/html", page.headers["content-type"])
        # everything that the page asks for is there
        for name in re.findall(rb'(?:src|href)="/?([\w./-]+\.(?:js|css|svg))"', page.body):
            part = rig.request(f"http://127.0.0.1:{self.port}/{name.decode()}")
            self.assertEqual(part.status, 200, name)
        self.assertEqual(len(self.api("indexes/dvc-766/2025/ranking")["units"]), 34)

        def all_groups():
            index = [i for i in self.api("indexes")["indexes"] if i["id"] == "dvc-766"][0]
            levels = {(g["period"], g["level"]): g["units"] for g in index["levels"]}
            return levels == {("2025", "province"): 34, ("2025", "commune"): 102,
                              ("2025-10", "province"): 34, ("2025-10", "department"): 15}, levels
        rig.wait_until(all_groups, "all rankings")
        # from a figure to what it was read from
        figure = self.api("indexes/dvc-766/2025/units/24")["figures"][0]
        raw = rig.request(f"http://127.0.0.1:{self.port}/api/v1/raw/{figure['raw_sha256']}")
        self.assertEqual(raw.status, 200, raw.body[:200])
        self.assertIn(figure["value"], raw.body.decode())

    def delivered(self):
        file = self.data / "portal.jsonl"
        text = file.read_text() if file.exists() else ""
        lines = [json.loads(x) for x in text[:text.rfind("\n") + 1].splitlines()]
        return [x for x in lines if not x["duplicate"]]

    def test_quickstart(self):
        out = self.start(timeout=BUILD_SECONDS)
        self.assertIn(f"http://127.0.0.1:{self.port}/", out)
        self.assertIn(f"--stop --data-dir {self.data}", out)
        self.check_answers()
        names = " ".join(self.processes().values())
        for name in ("chiso-ingest", "chiso-scorer", "chiso-publisher", "chiso-replay",
                     "chiso-portal"):
            self.assertIn(name, names)
        rig.wait_until(lambda: (len(self.delivered()) >= 185, len(self.delivered())),
                       "the portal has all results")

        # what it has written is good, every key of it
        for name in rig.SERVICES:
            file = self.data / "etc" / f"{name}.yaml"
            self.assertEqual(rig.run([rig.BIN / f"chiso-{name}", "--config", file,
                                      "--check-config"]), (0, f"{file}: good\n", ""))

        # both hops prove their keys, which nobody else can read, and the one command shows it all
        for name, ends in (("ingest", 1), ("scorer", 2), ("publisher", 1)):
            text = (self.data / "etc" / f"{name}.yaml").read_text()
            self.assertEqual(text.count(f'curve: {{secret: "keys/{name}.key_secret"'), ends)
        secrets = sorted((self.data / "etc" / "keys").glob("*.key_secret"))
        self.assertEqual([f.stem for f in secrets], ["ingest", "publisher", "scorer"])
        self.assertEqual({f.stat().st_mode & 0o777 for f in secrets}, {0o600})
        keys = {f.name: f.read_text() for f in secrets}
        command = re.search(r"(?m)^  status +(\S+/chiso status .*)$", out)[1]

        def all_ready():
            code, said, err = rig.run(command.split())
            return code == 0, said + err
        rig.wait_until(all_ready, "chiso status says that all are ready")

        # a second one in the same folder, or on the same port, says why it cannot
        code, out, err = self.run_script("--detach", "--port", rig.free_port(), "--data-dir",
                                         self.data)
        self.assertEqual((code, out), (1, ""))
        self.assertIn(f"already running in {self.data}", err)
        other = self.data / "other"
        code, out, err = self.run_script("--detach", "--port", self.port, "--data-dir", other)
        self.assertEqual((code, out), (1, ""))
        self.assertIn(f"port {self.port} is taken", err)
        self.check_answers()

        # it steps by itself: wait for a second revision
        def moved():
            unit = self.api("indexes/dvc-766/2025/units/24")
            return unit["revision"] >= 2 and unit, unit["revision"]
        rig.wait_until(moved, "the replay steps")
        code, out, err = self.stop()
        self.assertEqual((code, err), (0, ""))
        self.assertIn("stopped", out)
        rig.wait_until(lambda: (not self.processes(), self.processes()), "every process has ended")
        with self.assertRaises(OSError):
            socket.create_connection(("127.0.0.1", self.port), timeout=2).close()
        for name in ("ingest", "scorer", "publisher"):
            last = (self.data / "log" / f"{name}.log").read_text().splitlines()[-1]
            self.assertEqual(json.loads(last)["event"], "stopped", self.logs())
            self.assertEqual(json.loads(last)["exit"], 0)
        code, out, err = self.stop()
        self.assertEqual((code, err), (0, ""))
        self.assertIn("nothing is running", out)

        # the next run is quick, and keeps the data and the keys
        delivered = self.delivered()
        before = (self.data / "publisher" / "data.mdb").stat().st_ino
        self.start()
        self.assertIn("ninja: no work to do.", (self.data / "build.log").read_text())
        self.check_answers()
        self.assertEqual((self.data / "publisher" / "data.mdb").stat().st_ino, before)
        self.assertEqual({f.name: f.read_text() for f in secrets}, keys)
        history = self.api("indexes/dvc-766/2025/units/24/history")["revisions"]
        self.assertGreaterEqual(history[0]["revision"], 2)
        self.assertEqual([h["revision"] for h in history],
                         list(range(history[0]["revision"], 0, -1)))

        def grown():
            now = self.api("indexes/dvc-766/2025/units/24/history")["revisions"]
            return now[0]["revision"] > history[0]["revision"], now[0]
        rig.wait_until(grown, "another revision")
        rig.wait_until(lambda: (len(self.delivered()) > len(delivered), 0), "more is delivered")
        self.assertEqual(self.delivered()[:len(delivered)], delivered)
        keys = [e["key"] for e in self.delivered()]
        self.assertEqual(len(keys), len(set(keys)))
        self.assertEqual(self.stop()[0], 0)
        rig.wait_until(lambda: (not self.processes(), self.processes()), "every process has ended")

    def test_foreground_and_a_service_that_dies(self):
        """In the foreground until SIGINT; a service that is killed is started again."""
        # a test run in the background ignores SIGINT, and a shell cannot trap what was ignored
        with (self.data / "stdout").open("wb") as out:
            p = subprocess.Popen([str(SCRIPT), "--port", str(self.port), "--data-dir",
                                  str(self.data)], stdin=subprocess.DEVNULL, stdout=out,
                                 stderr=subprocess.STDOUT, cwd="/", start_new_session=True,
                                 preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        self.addCleanup(p.wait)
        self.addCleanup(p.kill)
        self.addCleanup(self.end_all)  # first: its children are found by their parent
        rig.wait_until(lambda: (p.poll() is not None or "Ctrl-C" in
                                (self.data / "stdout").read_text(), self.logs()),
                       "the greeting", timeout=BUILD_SECONDS)
        self.assertIsNone(p.poll(), (self.data / "stdout").read_text())
        self.check_answers()
        for name in ("ingest", "scorer", "publisher"):
            file = self.data / "run" / f"{name}.pid"
            old = int(file.read_text())
            os.kill(old, signal.SIGKILL)
            rig.wait_until(lambda: (file.read_text().strip() not in ("", str(old)), old),
                           f"{name} is started again")
        rig.wait_until(lambda: len(self.api("indexes/dvc-766/2025/ranking")["units"]) == 34,
                       "the API answers again")
        os.kill(p.pid, signal.SIGINT)
        rig.wait_until(lambda: (p.poll() is not None, (self.processes(), self.logs())),
                       "quickstart has ended")
        rig.wait_until(lambda: (not self.processes(), self.processes()), "every process has ended")

    def test_options(self):
        code, out, err = self.run_script("--help")
        self.assertEqual((code, err), (0, ""))
        accepted = set(re.findall(r"^    (--[a-z-]+)(?: \|[^)]*)?\)", SCRIPT.read_text(), re.M))
        self.assertGreaterEqual(len(accepted), 5)
        for option in accepted - {"--supervise"}:  # which is how it calls itself
            self.assertIn(option, out)
        for argv in (["--bogus"], ["--port", "http"], ["--port", ""]):
            with self.subTest(argv=argv):
                code, out, err = self.run_script(*argv, "--data-dir", self.data)
                self.assertNotEqual(code, 0)
                self.assertEqual(out, "")
                self.assertTrue(err)
        self.assertEqual(self.run_script("--bogus")[0], 2)
        # a service that cannot start: not a page, but the reason
        code, out, err = self.run_script("--stop", "--data-dir", self.data)
        self.assertIn("nothing is running", out)


if __name__ == "__main__":
    unittest.main()
