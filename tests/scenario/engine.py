"""Containers without a Docker engine: buildah, podman and docker-compose with a storage, networks
and locks of their own below build/images, so that nothing of the machine's own podman is touched.
`docker` on the PATH of env() is podman, and `docker compose` docker-compose over podman's socket:
what the documentation says can be run as it stands. It needs to be root.
"""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import rig
from rig import BIN

HOME = BIN.parent.parent / "images"  # kept between runs: the second one builds nothing again

STORAGE = """[storage]
driver = "overlay"
graphroot = "{home}/storage"
runroot = "{run}/storage"
"""
CONTAINERS = """[containers]
default_ulimits = ["nofile=16384:16384", "nproc=32768:32768"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
lock_type = "file"
static_dir = "{run}/static"
volume_path = "{run}/volumes"
tmp_dir = "{run}/libpod"
[network]
network_backend = "netavark"
network_config_dir = "{run}/networks"
"""
DOCKER = """#!/bin/sh
if [ "$1" = compose ]; then shift; exec docker-compose "$@"; fi
exec podman "$@"
"""


class Engine:
    def __init__(self):
        HOME.mkdir(parents=True, exist_ok=True)
        self.run = pathlib.Path(tempfile.mkdtemp(prefix="chiso-images-", dir="/tmp"))
        for name, text in (("storage.conf", STORAGE), ("containers.conf", CONTAINERS)):
            (self.run / name).write_text(text.format(home=HOME, run=self.run))
        for folder in ("bin", "networks"):
            (self.run / folder).mkdir()
        (self.run / "bin/docker").write_text(DOCKER)
        (self.run / "bin/docker").chmod(0o755)
        self.socket = self.run / "sock"
        self.service = None
        self.variables = {}

    def env(self):
        path = f"{self.run}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("CHISO_", "COMPOSE_"))}
        return {**keep, "PATH": path, "CONTAINERS_STORAGE_CONF": str(self.run / "storage.conf"),
                "CONTAINERS_CONF": str(self.run / "containers.conf"),
                "DOCKER_HOST": f"unix://{self.socket}", **self.variables}

    def call(self, *argv, code=0, given=None, timeout=300, cwd=None):
        """Runs a program; what it says on stdout."""
        p = subprocess.run([str(a) for a in argv], env=self.env(), input=given, cwd=cwd,
                           stdin=None if given is not None else subprocess.DEVNULL,
                           capture_output=True, timeout=timeout)
        if code is not None and p.returncode != code:
            raise AssertionError(f"{' '.join(map(str, argv))}: exit code {p.returncode}\n"
                                 f"{(p.stdout + p.stderr).decode(errors='replace')[-6000:]}")
        return p.stdout.decode()

    def shell(self, script, cwd, **options):
        return self.call("bash", "-euo", "pipefail", "-c", script, cwd=cwd, **options)

    def start(self):
        """podman's socket, which docker-compose speaks to."""
        self.log = open(self.run / "service.log", "ab")
        self.service = subprocess.Popen(["podman", "system", "service", "--time", "0",
                                         f"unix://{self.socket}"], env=self.env(),
                                        stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log, preexec_fn=rig._die_with_parent)
        rig.wait_until(lambda: self.socket.exists(), "podman's socket")

    def inspect(self, name):
        return json.loads(self.call("podman", "container", "inspect", name))[0]

    def close(self):
        self.call("podman", "rm", "-f", "-a", "-t", "0", code=None)
        self.call("podman", "volume", "rm", "-f", "-a", code=None)
        self.call("podman", "network", "prune", "-f", code=None)
        if self.service:
            self.service.terminate()
            try:
                self.service.wait(rig.PATIENCE)
            except subprocess.TimeoutExpired:
                self.service.kill()
                self.service.wait()
            self.log.close()
        # layers of older sources; younger ones are what the next build goes on from
        self.call("podman", "image", "prune", "-f", "--filter", "until=24h", code=None)
        shutil.rmtree(self.run, ignore_errors=True)
