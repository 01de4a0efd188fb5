"""The Debian package: installed on a machine of its own with systemd, run from its packaged
configuration under its hardened units, upgraded, removed and purged."""
import json
import pathlib
import re
import subprocess
import unittest

import docs
import nspawn
import rig
from rig import BIN, ROOT, SERVICES

OBSERVED = {"ingest": 9101, "scorer": 9102, "publisher": 9103}
EXPOSURE = 15  # tenths; systemd-analyze security, 0 is best, docs/operate.md tells the figures
SOURCES = """sources:
  - {{id: dvc-766, source: /usr/share/chiso/sources/dvc-766.yaml, url: "{url}/jsp/rest.jsp",
     periods: ["2025"], allow_http: true, allow_networks: ["127.0.0.0/8"], min_interval: 0s}}
  - {{id: sites, source: /usr/share/chiso/sources/tinnhiemmang-portal.yaml, url: "{url}",
     periods: ["2025"], units: ["86"], allow_http: true, allow_networks: ["127.0.0.0/8"],
     min_interval: 0s}}
"""


def build():
    """The package's file."""
    out = subprocess.run([ROOT / "deploy/build-package"], stdin=subprocess.DEVNULL, timeout=1800,
                         stdout=subprocess.PIPE, check=True).stdout.decode()
    return pathlib.Path(out.strip())


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.deb = build()

    def test_content(self):
        """Everything in its place, and every library that the programs need is asked for."""
        def tell(*argv):
            return subprocess.run(["dpkg-deb", *argv, self.deb], check=True,
                                  stdout=subprocess.PIPE).stdout.decode()
        files = {}
        for line in tell("--contents").splitlines():
            mode, owner, _, _, _, name = line.split(None, 5)
            files[name.lstrip(".")] = mode
            self.assertEqual(owner, "root/root", line)
            self.assertEqual(mode[8], "-", line)  # nobody else writes
        for program in ("chiso", "chiso-html", *(f"chiso-{s}" for s in SERVICES)):
            self.assertEqual(files[f"/usr/bin/{program}"], "-rwxr-xr-x")
            section = 1 if program == "chiso" else 8
            self.assertIn(f"/usr/share/man/man{section}/{program}.{section}.gz", files)
        for folder in ("catalogs", "sources"):
            for file in (ROOT / folder).rglob("*.yaml"):
                self.assertIn(f"/usr/share/chiso/{file.relative_to(ROOT)}", files)
        for file in ("/usr/share/chiso/page/app.js", "/usr/share/chiso/observe/rules.yml",
                     "/usr/share/doc/chiso/operate.md", "/usr/share/doc/chiso/copyright",
                     "/usr/share/doc/chiso/changelog.gz", "/lib/systemd/system/chiso.target"):
            self.assertIn(file, files)
        self.assertFalse([f for f in files if re.search(r"replay|portal$|\.key|token", f)])
        conffiles = {f for f in files if f.startswith("/etc/") and not f.endswith("/")}
        self.assertEqual(conffiles, {f"/etc/chiso/{s}.yaml" for s in SERVICES})
        control = tell("--field")
        needed = re.search(r"^Depends: (.*)$", control, re.M)[1]
        for library in ("libc6", "libzmq5", "liblmdb0", "libcurl4", "libmicrohttpd12", "libxml2",
                        "libseccomp2", "ca-certificates"):
            self.assertRegex(needed, rf"(^|, ){re.escape(library)}( |,|$)")


class Installed(unittest.TestCase):
    def setUp(self):
        self.m = nspawn.Machine()
        self.addCleanup(self.m.close)

    def wait(self, condition, what):
        try:
            return rig.wait_until(condition, what, timeout=300, poll=0.2)
        except AssertionError:
            print(self.m.call("journalctl", "--no-pager", "-n", "40", check=False)[1])
            raise

    def get_json(self, url):
        status, body = self.m.get(url)
        if status != 200:
            raise rig.HttpError(f"{url}: {status} {body[:300]}")
        return json.loads(body)

    def all_ready(self):
        for service, port in OBSERVED.items():
            self.wait(lambda: (self.get_json(f"http://127.0.0.1:{port}/ready")["ready"], service),
                      f"{service} is ready")

    def property(self, service, name):
        return self.m.call("systemctl", "show", "-P", name, f"chiso-{service}").strip()

    def ranking(self):
        return self.get_json("http://127.0.0.1:8080/api/v1/indexes/dvc-766/2025/ranking"
                             "?level=province")["units"]

    def start_replay(self):
        """A source inside: the replay, on the machine's loopback; its address."""
        p = subprocess.Popen([*self.m.inside("net"), str(BIN / "chiso-replay"), "--fixtures",
                              str(rig.FIXTURES), "--dialects", str(ROOT / "tests/fixtures/dialects")],
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             env=rig.environment(), preexec_fn=rig._die_with_parent)
        self.addCleanup(p.stdout.close)
        self.addCleanup(p.wait)
        self.addCleanup(p.kill)
        line = p.stdout.readline().decode()
        self.assertTrue(line.startswith("replay listening on "), line)
        return line.split()[-1]

    def check_keys(self):
        """What the installation made; returns it, to be compared after an upgrade."""
        etc = self.m.path("/etc/chiso")
        made = {str(f.relative_to(etc)): f for f in etc.rglob("*") if f.is_file()}
        self.assertEqual(set(made), {
            *(f"{s}.yaml" for s in SERVICES), "tokens.yaml",
            *(f"keys/{s}.key{x}" for s in SERVICES for x in ("", "_secret")),
            "keys/ingest-clients/scorer.key", "keys/scorer-clients/publisher.key"})
        chiso = int(self.m.run("id", "-g", "chiso"))
        for name in ("tokens.yaml", *(f"keys/{s}.key_secret" for s in SERVICES)):
            told = made[name].stat()
            self.assertEqual((told.st_mode & 0o777, told.st_uid, told.st_gid), (0o640, 0, chiso),
                             name)
        return {name: f.read_bytes() for name, f in made.items()}

    def check_units(self):
        """Well-formed, and as confined as the documents say."""
        units = [f"/lib/systemd/system/chiso-{s}.service" for s in SERVICES]
        said = self.m.call("systemd-analyze", "verify", *units, "/lib/systemd/system/chiso.target")
        self.assertNotIn("chiso", said)
        documented = (ROOT / "docs/operate.md").read_text(encoding="utf-8")
        for unit in units:
            said = self.m.call("systemd-analyze", "security", "--no-pager", "--offline=true",
                               f"--threshold={EXPOSURE}", unit)
            score = re.search(r"exposure level for (\S+)\.service: (\S+)", said)
            self.assertTrue(f"`{score[1]}` {score[2]}" in documented,
                            f"docs/operate.md does not say `{score[1]}` {score[2]}")

    def check_confined(self):
        for service in SERVICES:
            pid = self.property(service, "MainPID")
            status = self.m.call("cat", f"/proc/{pid}/status")
            uid = self.m.call("id", "-u", "chiso").strip()
            self.assertRegex(status, rf"Uid:\s+{uid}\s+{uid}\s+{uid}\s")
            self.assertRegex(status, r"NoNewPrivs:\s+1\n")
            self.assertRegex(status, r"Seccomp:\s+2\n")
            self.assertRegex(status, r"CapBnd:\s+0+\n")
            folder = self.m.path(f"/var/lib/chiso/{service}").stat()
            self.assertEqual((folder.st_mode & 0o777, folder.st_uid), (0o750, int(uid)))

    def next_version(self):
        """The same package as a later version."""
        work = self.m.dir / "layer/next"
        subprocess.run(["dpkg-deb", "-R", build(), work], check=True)
        control = work / "DEBIAN/control"
        control.write_text(re.sub(r"(?m)^Version: .*$", "Version: 99", control.read_text()))
        subprocess.run(["dpkg-deb", "-b", "-Znone", work, self.m.path("/root/later.deb")],
                       check=True, stdout=subprocess.DEVNULL)
        return "/root/later.deb"

    def test_life(self):
        m = self.m
        m.run("dpkg", "--purge", "chiso", check=False)  # should this machine have it
        page = docs.script("operate.md", "systemd and the Debian package").splitlines(True)
        said = m.at_home("bash", "-euo", "pipefail", "-c", page[0])
        self.assertIn("systemctl enable --now chiso.target", said)
        before = self.check_keys()
        m.boot()

        # as packaged: ready, the page answers, nothing is asked
        m.call("bash", "-euc", page[1])
        self.all_ready()

        def shown():
            said = m.call("bash", "-euc", "".join(page[2:]))
            self.assertIn('<html lang="vi">', said)
            for service in SERVICES:
                self.assertRegex(said, rf"(?m)^{service} +ready ")
            return True
        self.wait(shown, "the page, and that all are ready")
        self.check_units()
        self.check_confined()

        # sources are added: JSON, and HTML, which chiso-html reads inside the unit
        config = m.path("/etc/chiso/ingest.yaml")
        config.write_text(re.sub(r"(?m)^sources: \[\]\n", SOURCES.format(url=self.start_replay()),
                                 config.read_text()))
        m.call("chiso-ingest", "--config", "/etc/chiso/ingest.yaml", "--check-config")
        m.call("systemctl", "reload", "chiso-ingest")
        good = 'chiso_ingest_fetches_total{source="sites",result="good"} '
        self.wait(lambda: ((v := re.search(re.escape(good) + r"(\d+)",
                                           m.get("http://127.0.0.1:9101/metrics")[1])) is not None
                           and int(v[1]) > 0, v), "a page was read")
        self.wait(lambda: (len(self.ranking()) == 34, "ranking"), "34 provinces")

        # killed: it is started again
        pid = self.property("scorer", "MainPID")
        m.call("kill", "-9", pid)
        self.wait(lambda: (self.property("scorer", "ActiveState") == "active"
                           and self.property("scorer", "MainPID") not in (pid, "0"), "scorer"),
                  "the scorer runs again")
        self.all_ready()
        # and systemd hears that its loop turns
        first = int(self.property("scorer", "WatchdogTimestampMonotonic"))
        self.wait(lambda: (int(self.property("scorer", "WatchdogTimestampMonotonic")) > first,
                           first), "the watchdog is told")

        # upgraded: what ran runs the new way, with its configuration, keys and data
        before["ingest.yaml"] = config.read_bytes()
        pids = {s: self.property(s, "MainPID") for s in SERVICES}
        said = m.call("dpkg", "-i", self.next_version())
        self.assertNotIn("onfiguration file", said)
        self.assertEqual(self.check_keys(), before)
        self.all_ready()
        for service in SERVICES:
            self.assertNotEqual(self.property(service, "MainPID"), pids[service])
            self.assertEqual(self.property(service, "Result"), "success")
        self.assertEqual(len(self.ranking()), 34)

        # removed: stopped, configuration and data stay; purged: the data stay
        m.call("dpkg", "--remove", "chiso")
        for service in SERVICES:
            self.assertEqual(m.call("systemctl", "is-active", f"chiso-{service}",
                                    check=False)[1].strip(), "inactive")
        self.assertTrue(config.exists())
        said = m.call("dpkg", "--purge", "chiso")
        self.assertIn("rm -r /var/lib/chiso", said)
        self.assertFalse(m.path("/etc/chiso").exists())
        for service in SERVICES:
            self.assertTrue(m.path(f"/var/lib/chiso/{service}/data.mdb").exists())


if __name__ == "__main__":
    unittest.main()
