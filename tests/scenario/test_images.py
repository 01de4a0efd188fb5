"""The container images, built and run: who they run as, what is in them, how they end; and the
compose file, brought up as docs/operate.md says, with CURVE on and the replay."""
import datetime
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import docs
import engine
import rig
from rig import ROOT, SERVICES

DEPLOY = ROOT / "deploy"
UID = 10001
IMAGES = (*SERVICES, "cli", "replay")
# what README and operate.md promise: observe.drain (5 s in compose) and 30 s
END_SECONDS = 35
BUILD_SECONDS = 1500  # on a machine that does much else


def moment(line):
    """When a line of a log was written."""
    return datetime.datetime.fromisoformat(line["time"].replace("Z", "+00:00"))


def image(name):
    return f"localhost/chiso-{name}:latest"


class Files(unittest.TestCase):
    """What can be said of the files without running anything."""

    def compose(self, *profiles, **variables):
        with tempfile.TemporaryDirectory() as d:
            copied = pathlib.Path(d) / "deploy"
            shutil.copytree(DEPLOY, copied, ignore=shutil.ignore_patterns("secrets"))
            asked = [a for p in profiles for a in ("--profile", p)]
            p = subprocess.run(["docker-compose", *asked, "config"], cwd=copied, timeout=rig.PATIENCE,
                               capture_output=True, env={**os.environ, **variables})
        self.assertEqual((p.returncode, p.stderr), (0, b""))
        return p.stdout.decode()

    def test_compose(self):
        """docker-compose takes it, with each profile; every service is confined."""
        plain = self.compose()
        whole = self.compose("observe", "replay", "cli")
        services = {m[1]: m[2] for m in re.finditer(
            r"(?ms)^  ([a-z]+):\n(.*?)(?=^  [a-z]+:\n|^\S|\Z)",
            whole.partition("\nservices:\n")[2].partition("\nversion:")[0])}
        self.assertEqual(set(services), {*SERVICES, "cli", "portal", "prometheus", "replay"})
        for name, text in services.items():
            with self.subTest(service=name):
                for said in ("read_only: true", "cap_drop:\n    - ALL", "no-new-privileges:true",
                             "pids_limit: ", "mem_limit: ", "stop_grace_period: 40s"):
                    self.assertIn(said, text)
                self.assertRegex(text, r"user: 10001:10001|user: '10001:10001'" if
                                 name != "prometheus" else r"user: '?65534")
                if name in SERVICES:
                    self.assertIn("--healthcheck", text)
                    self.assertIn(f"source: {name}.key_secret", text)
        self.assertNotIn("outside", services["scorer"], "the scorer has a way out")
        self.assertIn("internal: true", plain)
        for config in ("config", "replay"):
            for s in SERVICES:
                text = (DEPLOY / "compose" / config / f"{s}.yaml").read_text()
                self.assertEqual(text.count("endpoint:"), text.count("curve:"), (config, s))
        self.assertEqual((DEPLOY / "compose/config/scorer.yaml").read_text(),
                         (DEPLOY / "compose/replay/scorer.yaml").read_text())

    def test_prometheus(self):
        with tempfile.TemporaryDirectory() as d:
            shutil.copy(DEPLOY / "compose/prometheus.yml", d)
            shutil.copy(DEPLOY / "observe/rules.yml", d)
            p = subprocess.run(["promtool", "check", "config", f"{d}/prometheus.yml"],
                               capture_output=True, timeout=rig.PATIENCE)
            self.assertEqual(p.returncode, 0, p.stdout + p.stderr)
        jobs = [re.findall(r"job_name: (\S+)", (DEPLOY / f).read_text())
                for f in ("compose/prometheus.yml", "observe/prometheus.yml")]
        self.assertEqual(*jobs)

    def test_options(self):
        for script in ("build-images", "make-secrets"):
            p = subprocess.run([DEPLOY / script, "--help"], capture_output=True, timeout=rig.PATIENCE)
            self.assertEqual((p.returncode, p.stderr), (0, b""))
            p = subprocess.run([DEPLOY / script, "--bogus"], capture_output=True, timeout=rig.PATIENCE)
            self.assertEqual((p.returncode, p.stdout), (2, b""))
        version = re.search(r"project\(chiso VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())
        self.assertIn(f"ARG VERSION={version[1]}\n", (DEPLOY / "Dockerfile").read_text())


class Images(rig.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.engine = engine.Engine()
        cls.addClassCleanup(cls.engine.close)
        # operate.md: deploy/build-images --local-base
        cls.engine.call(DEPLOY / "build-images", "--engine", "buildah", "--local-base",
                        timeout=BUILD_SECONDS)
        cls.engine.start()

    def setUp(self):
        super().setUp()
        e = self.engine
        # a copy of deploy/ is all that an operator needs beside the images
        self.home = e.run / "operator"
        if not self.home.exists():
            shutil.copytree(DEPLOY, self.home / "deploy", ignore=shutil.ignore_patterns("secrets"))
        self.page, self.door = rig.free_port(), rig.free_port()
        e.variables = {"CHISO_PAGE": f"127.0.0.1:{self.page}",
                       "CHISO_DOOR": f"127.0.0.1:{self.door}", "CHISO_REPLAY_EVERY": "0"}

    def operate(self, script, timeout=300):
        """Runs a block of operate.md as it stands."""
        return self.engine.shell(script, self.home, timeout=timeout)

    def log(self, service):
        return self.engine.call("sh", "-c", f"podman logs chiso_{service}_1 2>&1", code=None)

    def logs(self):
        return "\n".join(f"---- {s}\n{self.log(s)[-1000:]}" for s in SERVICES)

    def state(self, service):
        return self.engine.inspect(f"chiso_{service}_1")["State"]

    def wait_page(self, r):
        want = r.expected()

        def agrees():
            seen = r.difference(want)
            return seen is None, (seen, self.logs())
        rig.wait_until(agrees, "the page tells what is recorded", poll=0.5)

    def healthy(self, service):
        p = subprocess.run(["podman", "healthcheck", "run", f"chiso_{service}_1"],
                           env=self.engine.env(), capture_output=True, timeout=rig.PATIENCE)
        return p.returncode == 0, (p.stdout + p.stderr).decode()

    def test_line(self):
        """Secrets, everything up, the page with the recorded ranking, confined, ended, up again."""
        e = self.engine
        secrets = self.home / "deploy/compose/secrets"
        self.operate(docs.script("operate.md", "Try it in containers"))
        self.addCleanup(e.shell, "docker compose --profile replay --profile cli down -v -t 1",
                        self.home / "deploy", code=None)
        for s in SERVICES:
            known = (secrets / f"{s}.key_secret").stat()
            self.assertEqual((known.st_uid, known.st_mode & 0o777), (UID, 0o400))
        before = {f: f.read_bytes() for f in sorted(secrets.rglob("*")) if f.is_file()}
        self.assertEqual(len(before), 11)
        e.call(self.home / "deploy/make-secrets", secrets)  # a second run changes nothing
        self.assertEqual(before, {f: f.read_bytes() for f in before})

        r = self.rig(portals=0)
        r.url = f"http://127.0.0.1:{self.page}"
        self.wait_page(r)
        for s in SERVICES:
            rig.wait_until(lambda: self.healthy(s), f"{s} is healthy", poll=0.5)
            with self.subTest(service=s):
                self.check_confined(s)
        body = rig.request(f"{r.url}/").body.decode()
        self.assertIn("app.js", body)
        # a raw body goes publisher → ingest with the token of make-secrets
        figure = r.api("indexes/dvc-766/2025/units/24")
        sums = set(re.findall(r"\b[0-9a-f]{64}\b", json.dumps(figure)))
        self.assertTrue(sums, figure)
        raw = rig.request(f"{r.url}/api/v1/raw/{sorted(sums)[0]}")
        self.assertEqual((raw.status, hashlib.sha256(raw.body).hexdigest()),
                         (200, sorted(sums)[0]))
        self.assertEqual(rig.request(f"http://127.0.0.1:{self.door}/api/v1/figures").status, 401)

        # what an operator asks, as the page says
        status = docs.script("operate.md", "Commands in containers")
        rig.wait_until(lambda: '"behind":"0"' in self.operate(status),
                       "the portal has everything", poll=1)

        def verified():
            said = self.engine.call("bash", "-c",
                                    docs.script("operate.md", "Commands in containers", 2),
                                    cwd=self.home, code=None)
            return said.rstrip().endswith("0 findings"), said
        rig.wait_until(verified, "chiso verify finds nothing", poll=1)

        # SIGTERM to process 1, and SIGKILL a good while after what is promised
        for s in reversed(SERVICES):
            e.call("podman", "stop", "-t", "90", f"chiso_{s}_1")
            self.assertEqual(self.state(s)["ExitCode"], 0, self.log(s))
            told = {x["event"]: x for x in map(json.loads, self.log(s).splitlines())}
            self.assertEqual(told["stopped"]["exit"], 0)
            took = moment(told["stopped"]) - moment(told["stopping"])
            self.assertLess(took.total_seconds(), END_SECONDS, s)
        self.operate(docs.script("operate.md", "Upgrade of containers"))
        self.wait_page(r)
        self.assertEqual({u["revision"] for u in r.ranking()["units"]}, {1}, "the data were kept")

    def check_confined(self, service):
        """As the kernel sees it."""
        state = self.state(service)
        proc = pathlib.Path("/proc") / str(state["Pid"])
        status = dict(line.split(":\t", 1) for line in
                      (proc / "status").read_text().splitlines() if ":\t" in line)
        self.assertEqual(status["Uid"].split(), [str(UID)] * 4)
        self.assertEqual(status["Gid"].split(), [str(UID)] * 4)
        self.assertEqual(status["NSpid"].split()[-1], "1")
        self.assertEqual(status["NoNewPrivs"], "1")
        for capabilities in ("CapEff", "CapPrm", "CapBnd", "CapAmb"):
            self.assertEqual(int(status[capabilities], 16), 0)
        mounts = {line.split()[4]: line.split()[5].split(",")
                  for line in (proc / "mountinfo").read_text().splitlines()}
        self.assertIn("ro", mounts["/"])
        self.assertIn("ro", mounts["/etc/chiso"])
        self.assertIn("rw", mounts[f"/var/lib/chiso/{service}"])
        with self.assertRaises(OSError):
            (proc / "root/usr/bin/new").write_bytes(b"")
        p = subprocess.run(["podman", "exec", f"chiso_{service}_1", "/bin/sh", "-c", "true"],
                           env=self.engine.env(), capture_output=True, timeout=rig.PATIENCE)
        self.assertNotEqual(p.returncode, 0, "there is a shell")

    def test_what_is_in_them(self):
        """The SBOM names the packages that are there, and nothing is there that it does not name;
        every file is as Debian ships it."""
        e = self.engine
        version = e.call("podman", "run", "--rm", "--network", "none", image("cli"), "--version")
        for name in IMAGES:
            with self.subTest(image=name):
                root = pathlib.Path(e.call("podman", "image", "mount", image(name)).strip())
                try:
                    self.check_root(name, root)
                finally:
                    e.call("podman", "image", "umount", image(name))
                told = json.loads(e.call("podman", "image", "inspect", image(name)))[0]
                labels = told["Labels"]
                self.assertEqual(f"chiso {labels['org.opencontainers.image.version']}\n", version)
                self.assertRegex(labels["org.opencontainers.image.revision"],
                                 r"^[0-9a-f]{40}$|^unknown$")
                for key in ("title", "description", "created", "licenses"):
                    self.assertTrue(labels[f"org.opencontainers.image.{key}"])
                self.assertEqual(told["User"], f"{UID}:{UID}")
                if name in SERVICES:
                    self.assertIn("--healthcheck", " ".join(told["Healthcheck"]["Test"]))
        # it can be taken out of an image as the page says
        self.engine.shell(docs.script("operate.md", "What is in an image"), self.home)
        taken = json.loads((self.home / "chiso-ingest.spdx.json").read_text())
        self.assertEqual(taken["spdxVersion"], "SPDX-2.3")

    def check_root(self, name, root):
        sbom = json.loads((root / f"usr/share/sbom/chiso-{name}.spdx.json").read_text())
        p = subprocess.run(["dpkg-query", f"--admindir={root}/var/lib/dpkg", "-W", "-f",
                            "${Package} ${Version} ${Architecture} ${db:Status-Status}\n"],
                           capture_output=True, check=True, timeout=rig.PATIENCE)
        there = {tuple(line.split()[:3]) for line in p.stdout.decode().splitlines()
                 if line.split()[3] == "installed"}
        told = set()
        for package in sbom["packages"]:
            self.assertRegex(package["SPDXID"], r"^SPDXRef-[A-Za-z0-9.-]+$")
            locator = package["externalRefs"][0]["referenceLocator"]
            if locator.startswith("pkg:deb/"):
                told.add((package["name"], package["versionInfo"],
                          re.search(r"arch=(\w+)", locator)[1]))
        self.assertEqual(told, there)
        self.assertIn("libc6", {n for n, _, _ in told})
        ids = [x["SPDXID"] for x in sbom["packages"] + sbom["files"]]
        self.assertEqual(len(ids), len(set(ids)))
        self.assertEqual({x["relatedSpdxElement"] for x in sbom["relationships"]}, set(ids))
        self.assertEqual("pkg:npm/preact" in json.dumps(sbom), name == "publisher")

        info = root / "var/lib/dpkg/info"
        listed, sums = set(), {}
        for file in info.glob("*.list"):
            listed |= {self.merged(x) for x in file.read_text().splitlines()}
        for file in info.glob("*.md5sums"):
            sums.update((self.merged("/" + x[34:]), x[:32]) for x in file.read_text().splitlines())
        ours = {f["fileName"][1:]: {c["algorithm"]: c["checksumValue"] for c in f["checksums"]}
                for f in sbom["files"]}
        own = re.compile(r"/usr/share/(chiso|sbom|doc/chiso)/|/var/lib/dpkg/|/etc/(passwd|group|"
                         r"nsswitch\.conf|ssl/certs/ca-certificates\.crt)$")
        strange, changed = [], []
        for folder, _, names in os.walk(root):
            for file in (pathlib.Path(folder) / n for n in names):
                path = "/" + str(file.relative_to(root))
                self.assertEqual(file.lstat().st_mode & 0o6000, 0, f"{path} has another's rights")
                if path in ours:
                    seen = hashlib.sha256(file.read_bytes()).hexdigest()
                    self.assertEqual(seen, ours.pop(path)["SHA256"])
                elif path not in listed and not own.match(path):
                    strange.append(path)
                elif path in sums and not file.is_symlink() and \
                        hashlib.md5(file.read_bytes()).hexdigest() != sums[path]:
                    changed.append(path)
        self.assertEqual((strange, changed, ours), ([], [], {}))
        for program in ("bin/sh", "bin/bash", "usr/bin/dpkg", "usr/bin/perl"):
            self.assertFalse((root / program).exists(), program)

    @staticmethod
    def merged(path):
        return re.sub(r"^/(lib|lib64|bin|sbin)/", r"/usr/\1/", path)

    def test_page_reader(self):
        """chiso-html confines itself in a confined container as well."""
        said = self.engine.call(
            "podman", "run", "--rm", "-i", "--network", "none", "--read-only", "--cap-drop", "all",
            "--security-opt", "no-new-privileges", "--entrypoint", "/usr/bin/chiso-html",
            image("ingest"), "--rows", "//tr", "td",
            given="<table><tr><td>một</td></tr></table>".encode())
        self.assertIn("một", said)


if __name__ == "__main__":
    unittest.main()
