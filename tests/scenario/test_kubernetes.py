"""deploy/kubernetes: the manifests as an operator applies them, held against the types of the API
and against what the services are; and the pods of the demo run as their manifests say, by the real
programs."""
import base64
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import docs
import machine
import rig
from rig import BIN, ROOT, SERVICES

KUBERNETES = ROOT / "deploy/kubernetes"
OVERLAYS = ("demo", "ministry")
UID = 10001
SCHEMA = pathlib.Path(__file__).with_name("kubernetes_schema.py")
# who may speak to whom: (to, port) → from; a name beginning with "namespace " is another's
ALLOWED = {("ingest", 7101): {"scorer"}, ("scorer", 7102): {"publisher"},
           ("ingest", 8081): {"publisher", "namespace ingress-nginx"},
           ("publisher", 8080): {"namespace ingress-nginx"}}
MONITORED = {(s, p): {"namespace monitoring"}
             for s, p in (("ingest", 9101), ("scorer", 9102), ("publisher", 9103))}
REPLAYED = {("replay", 8090): {"ingest"}}
WORLD = {"ingest": {443}, "publisher": {443}}


def copy_manifests(to):
    """Without secrets; for Debian 12's kubectl 1.20 a folder among the resources has its older name."""
    shutil.copytree(KUBERNETES, to, ignore=shutil.ignore_patterns("secrets"))
    told = subprocess.run(["kubectl", "version", "--client", "-o", "json"], check=True, timeout=120,
                          stdout=subprocess.PIPE).stdout
    version = json.loads(told)["clientVersion"]["gitVersion"]
    if tuple(map(int, re.match(r"v(\d+)\.(\d+)", version).groups())) >= (1, 21):
        return
    for file in to.glob("overlays/*/kustomization.yaml"):
        text = file.read_text()
        listed = re.search(r"(?m)^resources: \[(.*)\]$", text)
        folders = [x for x in listed[1].split(", ") if x.startswith("..")]
        files = [x for x in listed[1].split(", ") if not x.startswith("..")]
        file.write_text(text.replace(listed[0], f"bases: [{', '.join(folders)}]\n"
                                     f"resources: [{', '.join(files)}]"))


def kustomize(folder):
    """What `kubectl apply -k` would send."""
    p = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, timeout=120)
    if p.returncode != 0 or p.stderr:
        raise AssertionError(f"{folder}: exit {p.returncode}: {p.stderr.decode()}")
    return p.stdout


def check_types(text):
    p = subprocess.run(["/usr/bin/python3", SCHEMA], input=text, stdout=subprocess.PIPE,
                       check=True, timeout=120)
    return json.loads(p.stdout)


class Overlay:
    """An overlay with secrets made for it, in a copy."""

    def __init__(self, case, name):
        copy = tempfile.mkdtemp(prefix="chiso-kubernetes-", dir="/tmp")
        case.addCleanup(shutil.rmtree, copy)
        self.folder = pathlib.Path(copy) / "kubernetes/overlays" / name
        copy_manifests(pathlib.Path(copy) / "kubernetes")
        self.secrets = self.folder / "secrets"
        subprocess.run([ROOT / "deploy/make-secrets", "--own", self.secrets], check=True,
                       timeout=120, stderr=subprocess.DEVNULL,
                       env={**rig.environment(), "PATH": f"{BIN}:{os.environ['PATH']}"})
        told = check_types(kustomize(self.folder))
        self.documents, self.findings = told["documents"], told["findings"]

    def of(self, kind):
        return {d["metadata"]["name"]: d for d in self.documents if d["kind"] == kind}

    def pod(self, service):
        return self.of("StatefulSet")[f"chiso-{service}"]["spec"]["template"]["spec"]

    def config(self, service):
        for v in self.pod(service)["volumes"]:
            if v["name"] == "config":
                return self.of("ConfigMap")[v["configMap"]["name"]]["data"][f"{service}.yaml"]
        raise AssertionError(f"{service} has no volume 'config'")


class Manifests(unittest.TestCase):
    def test_types(self):
        base = check_types(kustomize(KUBERNETES / "base"))
        self.assertEqual(base["findings"], [])
        for name in OVERLAYS:
            self.assertEqual(Overlay(self, name).findings, [])
        # the check itself finds what is wrong
        text = kustomize(KUBERNETES / "base").decode()
        for right, wrong, said in (("readinessProbe:", "readynessProbe:", "has no such key"),
                                   ("replicas: 1", 'replicas: "1"', "is no int"),
                                   ("serviceName: ", "x: ", "service_name"),
                                   ("apiVersion: apps/v1", "apiVersion: apps/v2", "not known")):
            self.assertIn(right, text)
            findings = check_types(text.replace(right, wrong).encode())["findings"]
            self.assertTrue([f for f in findings if said in f], findings)

    def test_the_page(self):
        """docs/operate.md: an overlay of one's own."""
        home = tempfile.mkdtemp(prefix="chiso-kubernetes-", dir="/tmp")
        self.addCleanup(shutil.rmtree, home)
        copy_manifests(pathlib.Path(home) / "deploy/kubernetes")
        shutil.copy(ROOT / "deploy/make-secrets", f"{home}/deploy")
        p = subprocess.run(["bash", "-euo", "pipefail", "-c",
                            docs.script("operate.md", "Kubernetes")], cwd=home, timeout=120,
                           stdout=subprocess.PIPE, check=True,
                           env={**rig.environment(), "PATH": f"{BIN}:{os.environ['PATH']}"})
        secrets = pathlib.Path(home) / "deploy/kubernetes/overlays/ours/secrets"
        for file in (f for f in secrets.rglob("*") if f.is_file()):
            known = file.stat()
            self.assertEqual(known.st_uid, os.getuid())
            self.assertEqual(known.st_mode & 0o077, 0o044 if file.suffix == ".key" else 0)
        manifests = p.stdout[p.stdout.index(b"apiVersion:"):]
        self.assertEqual(check_types(manifests)["findings"], [])
        # nothing secret is where it would be committed
        ignored = (ROOT / ".gitignore").read_text().splitlines()
        self.assertIn("deploy/kubernetes/overlays/*/secrets/", ignored)

    def test_one_writer(self):
        for name in OVERLAYS:
            o = Overlay(self, name)
            self.assertEqual(set(o.of("StatefulSet")), {f"chiso-{s}" for s in SERVICES})
            self.assertLessEqual(set(o.of("Deployment")), {"chiso-replay"})
            for full, s in o.of("StatefulSet").items():
                service, spec = full.removeprefix("chiso-"), s["spec"]
                self.assertEqual(spec["replicas"], 1)
                self.assertEqual(len(spec["volumeClaimTemplates"]), 1)
                headless = o.of("Service")[spec["serviceName"]]["spec"]
                self.assertEqual(headless["clusterIP"], "None")
                self.assertEqual(headless["selector"], spec["selector"]["matchLabels"])
                data = re.search(r"(?m)^data_dir: (\S+)$", o.config(service))[1]
                mounts = {m["name"]: m for m in spec["template"]["spec"]["containers"][0]
                          ["volumeMounts"]}
                self.assertTrue(data.startswith(mounts.pop("data")["mountPath"] + "/"))
                self.assertTrue(all(m["readOnly"] for m in mounts.values()))
            (budget,) = o.of("PodDisruptionBudget").values()
            self.assertEqual(budget["spec"]["maxUnavailable"], 1)

    def test_restricted(self):
        for name in OVERLAYS:
            o = Overlay(self, name)
            self.assertEqual(o.of("Namespace")["chiso"]["metadata"]["labels"]
                             ["pod-security.kubernetes.io/enforce"], "restricted")
            for d in (*o.of("StatefulSet").values(), *o.of("Deployment").values()):
                pod = d["spec"]["template"]["spec"]
                c = pod["securityContext"]
                self.assertEqual((c["runAsNonRoot"], c["runAsUser"], c["runAsGroup"]),
                                 (True, UID, UID))
                self.assertEqual(c["seccompProfile"], {"type": "RuntimeDefault"})
                self.assertFalse(pod["automountServiceAccountToken"])
                for container in pod["containers"]:
                    self.assertEqual(container["securityContext"],
                                     {"allowPrivilegeEscalation": False,
                                      "readOnlyRootFilesystem": True,
                                      "capabilities": {"drop": ["ALL"]}})
                    self.assertIn("memory", container["resources"]["limits"])
        dockerfile = ROOT / "deploy/Dockerfile"
        if dockerfile.exists():
            self.assertRegex(dockerfile.read_text(), rf"(?m)^USER {UID}:{UID}$")

    def test_network(self):
        """Who may speak to whom is exactly what is needed; every port is one of a container."""
        for name, more in (("demo", REPLAYED), ("ministry", MONITORED)):
            o = Overlay(self, name)
            policies = o.of("NetworkPolicy")
            nothing = policies.pop("chiso-nothing")["spec"]
            self.assertEqual(nothing, {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})
            pods = {d["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"]
                    .removeprefix("chiso-"):
                    {p["containerPort"] for c in d["spec"]["template"]["spec"]["containers"]
                     for p in c["ports"]}
                    for d in (*o.of("StatefulSet").values(), *o.of("Deployment").values())}

            def peers(selector):
                labels = selector["matchLabels"]
                if "app.kubernetes.io/part-of" in labels:
                    return set(SERVICES)
                return {labels["app.kubernetes.io/name"].removeprefix("chiso-")}
            into, out, world, names = {}, {}, {}, set()
            for p in policies.values():
                for who in peers(p["spec"]["podSelector"]):
                    for rule in p["spec"].get("ingress", []):
                        ports = {x["port"] for x in rule["ports"]} & pods[who]
                        self.assertTrue(ports, f"{p['metadata']['name']}: no port of {who}")
                        for source in rule["from"]:
                            froms = peers(source["podSelector"]) if "podSelector" in source else {
                                "namespace " + source["namespaceSelector"]["matchLabels"]
                                ["kubernetes.io/metadata.name"]}
                            for port in ports:
                                into.setdefault((who, port), set()).update(froms)
                    for rule in p["spec"].get("egress", []):
                        ports = {x["port"] for x in rule["ports"]}
                        for to in rule["to"]:
                            if "ipBlock" in to:
                                self.assertIn("10.0.0.0/8", to["ipBlock"]["except"])
                                world.setdefault(who, set()).update(ports)
                            elif "namespaceSelector" in to:
                                self.assertEqual(ports, {53})
                                names.add(who)
                            else:
                                for at in peers(to["podSelector"]):
                                    for port in ports:
                                        out.setdefault((at, port), set()).add(who)
            self.assertEqual(into, {**ALLOWED, **more})
            within = {k: {x for x in v if not x.startswith("namespace ")}
                      for k, v in into.items()}
            self.assertEqual(out, {k: v for k, v in within.items() if v})
            self.assertEqual(world, WORLD)
            self.assertEqual(names, set(SERVICES))

    def test_times(self):
        """A pod is given the time in which a service ends: observe.drain and 30 s."""
        o = Overlay(self, "ministry")
        for s in SERVICES:
            drain = int(re.search(r"drain: (\d+)s", o.config(s))[1])
            self.assertGreaterEqual(o.pod(s)["terminationGracePeriodSeconds"], drain + 30)


class Pods(rig.Case):
    """Each pod's files as the kubelet lays them out, and its program with its arguments."""

    def lay_out(self, o, service):
        secrets = {n: d["data"] for n, d in o.of("Secret").items()}
        volumes = {v["name"]: v for v in o.pod(service)["volumes"]}
        for mount in o.pod(service)["containers"][0]["volumeMounts"]:
            at = self.top / service / mount["mountPath"].lstrip("/")
            at.mkdir(parents=True)
            os.chown(at, 0, UID)
            at.chmod(0o2775 if mount["name"] == "data" else 0o750)
            if mount["name"] == "data":
                continue
            v = volumes[mount["name"]]
            if "configMap" in v:
                files = {k: (t.encode(), 0o644) for k, t in
                         o.of("ConfigMap")[v["configMap"]["name"]]["data"].items()}
            else:
                data = secrets[v["secret"]["secretName"]]
                keep = v["secret"].get("items") or [{"key": k, "path": k} for k in data]
                files = {i["path"]: (base64.b64decode(data[i["key"]]),
                                     v["secret"]["defaultMode"]) for i in keep}
            real = at / "..2026_11_22"
            real.mkdir()
            (at / "..data").symlink_to(real.name)
            for name, (content, mode) in files.items():
                (real / name).write_bytes(content)
                os.chown(real / name, 0, UID)
                (real / name).chmod(mode)
                (at / name).symlink_to(f"..data/{name}")

    def start(self, o, service, check=False):
        """The program in a mount namespace with the pod's folders, as the pod's user."""
        binds = "".join(f"mkdir -p {m['mountPath']}; mount --bind "
                        f"{self.top}/{service}{m['mountPath']} {m['mountPath']}; "
                        for m in o.pod(service)["containers"][0]["volumeMounts"])
        argv = [str(BIN / f"chiso-{service}"), *o.pod(service)["containers"][0]["args"],
                *(["--check-config"] if check else [])]
        log = open(self.top / f"{service}.log", "ab")
        self.addCleanup(log.close)
        # an overlay's folders would be shared: these are each pod's own
        return subprocess.Popen(
            ["unshare", "--mount", "bash", "-euc",
             f"mount -t tmpfs none /run; mount -t tmpfs none /var/lib; {binds} exec setpriv "
             f"--reuid {UID} --regid {UID} --clear-groups --no-new-privs --bounding-set=-all "
             '"$@"', "pod", *argv],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=rig.environment(),
            preexec_fn=rig._die_with_parent)

    def log(self, service):
        return (self.top / f"{service}.log").read_text(errors="replace")[-3000:]

    def test_run(self):
        machine.enter()  # files and a network of its own
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="chiso-pods-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.top)
        self.top.chmod(0o755)
        for folder, source in (("catalogs", ROOT / "catalogs"), ("sources", ROOT / "sources"),
                               ("page", BIN.parent / "page")):
            shutil.copytree(source, f"/usr/share/chiso/{folder}", dirs_exist_ok=True)
        for name in OVERLAYS:
            o = Overlay(self, name)
            for s in SERVICES:
                self.lay_out(o, s)
                p = self.start(o, s, check=True)
                self.assertEqual(p.wait(120), 0, f"{name}: {self.log(s)}")
            for s in SERVICES:
                shutil.rmtree(self.top / s)
        o = Overlay(self, "demo")
        names = o.of("Service")
        with open("/etc/hosts", "a") as f:
            f.write(f"127.0.0.1 {' '.join(names)}\n")
        # the replay's image starts it so
        replay = subprocess.Popen([BIN / "chiso-replay", "--fixtures", rig.FIXTURES, "--port",
                                   "8090"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  env=rig.environment(), preexec_fn=rig._die_with_parent)
        self.addCleanup(replay.wait)
        self.addCleanup(replay.kill)
        pods = {}
        for s in SERVICES:
            self.lay_out(o, s)
            pods[s] = self.start(o, s)
            self.addCleanup(pods[s].wait)
            self.addCleanup(pods[s].kill)
        for s in SERVICES:
            container = o.pod(s)["containers"][0]
            ports = {p["name"]: p["containerPort"] for p in container["ports"]}
            for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
                get = container[kind]["httpGet"]
                url = f"http://127.0.0.1:{ports[get['port']]}{get['path']}"

                def answered():
                    if pods[s].poll() is not None:
                        raise SystemError(f"{s} ended with {pods[s].returncode}: {self.log(s)}")
                    a = rig.request(url)
                    return a.status == 200, a.body
                rig.wait_until(answered, f"{s}: {kind} of {url}")
        page = o.of("Service")["chiso-page"]["spec"]["ports"][0]
        self.assertEqual(page["targetPort"], "http")
        url = "http://127.0.0.1:8080/api/v1/indexes/dvc-766/2025/ranking?level=province"
        rig.wait_until(lambda: (len(rig.get_json(url)["units"]) == 34, "ranking"), "34 provinces")
        self.assertIn(b'<html lang="vi">', rig.request("http://127.0.0.1:8080/").body)
        for s in SERVICES:
            pods[s].terminate()
        for s in SERVICES:
            self.assertEqual(pods[s].wait(rig.PATIENCE), 0, self.log(s))
            self.assertFalse(rig.SANITIZER.search(self.log(s)), self.log(s))


if __name__ == "__main__":
    unittest.main()
