"""A machine of its own, as docs/operate.md describes one: /usr/local, /etc/chiso, /var/lib/chiso,
/run/chiso, the ports of the examples, and `systemctl` for the three services.

The test's process goes into namespaces of its own: a file system that is a private copy of this
one (but for /tmp and the checkout), and a network of its own. So a command of the documentation
runs as it stands there, and nothing of it stays. Needs root, as test_disk_full does.
"""
import ctypes
import fcntl
import functools
import os
import pathlib
import signal
import socket
import struct
import subprocess
import tempfile

import rig
from rig import ROOT, SERVICES

PORTS = {"ingest": 9101, "scorer": 9102, "publisher": 9103}  # of observe
UNITS = {f"chiso-{s}": s for s in SERVICES}
PLACES = {"I": "/var/lib/chiso/ingest", "S": "/var/lib/chiso/scorer",
          "P": "/var/lib/chiso/publisher", "B": "http://127.0.0.1:8080",
          "C": "/usr/local/share/chiso/catalogs/dvc-766.yaml"}

# There is no systemd here: this hands over to the test, which does what a unit's file would.
SYSTEMCTL = """#!/bin/sh
echo "$*" >{folder}/asked && read -r code <{folder}/answered && exit "$code"
"""

_libc = ctypes.CDLL(None, use_errno=True)


def _mount(*arguments):
    done = subprocess.run(["mount", *map(str, arguments)], capture_output=True)
    if done.returncode != 0:
        raise AssertionError("nothing can be mounted here (this test needs root): "
                             f"mount {arguments}: {done.stderr.decode()}")


@functools.cache
def enter():
    """Once a process, before any thread."""
    if _libc.unshare(0x00020000 | 0x40000000) != 0:  # CLONE_NEWNS, CLONE_NEWNET
        raise AssertionError("no namespaces (this test needs root): "
                             f"{os.strerror(ctypes.get_errno())}")
    _mount("--make-rprivate", "/")
    base = pathlib.Path("/mnt")  # a folder that every Debian has, so that none is left behind
    _mount("-t", "tmpfs", "chiso", base)
    for name in ("upper", "work", "root"):
        (base / name).mkdir()
    root = base / "root"
    _mount("-t", "overlay", "chiso", "-o",
           f"lowerdir=/,upperdir={base}/upper,workdir={base}/work", root)
    for place in ("/proc", "/sys", "/dev", "/tmp", str(ROOT)):
        (root / place[1:]).mkdir(parents=True, exist_ok=True)
        _mount("--rbind", place, root / place[1:])
    os.chroot(root)
    os.chdir("/")
    with socket.socket() as s:  # the loopback device, up and running
        fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", 0x41))


class Machine(rig.Rig):
    """The three services, configured below /etc/chiso: those installed in /usr/local, or those of
    the build."""

    def __init__(self, installed=False, **options):
        enter()
        super().__init__(**options)
        self.installed = installed
        for folder in ("/etc/chiso", "/var/lib/chiso", "/run/chiso"):
            subprocess.run(["rm", "-rf", folder], check=True)
            os.mkdir(folder)
        self.endpoints = {s: f"ipc:///run/chiso/{s}.sock" for s in ("ingest", "scorer")}
        self.upstreams = dict(self.endpoints)
        self.port, self.url = 8080, "http://127.0.0.1:8080"
        self.observe = {s: {"port": p} for s, p in PORTS.items()}
        for s in SERVICES:
            program = "/usr/local/bin" if installed else rig.BIN
            self.services[s].argv = [f"{program}/chiso-{s}", "--config", self.config(s)]
        for name in ("asked", "answered"):
            os.mkfifo(self.dir / name)
        self.asked = os.open(self.dir / "asked", os.O_RDWR | os.O_NONBLOCK)
        self.cleaners.append(lambda: os.close(self.asked))
        shim = pathlib.Path("/usr/local/bin/systemctl")
        shim.write_text(SYSTEMCTL.format(folder=self.dir))
        shim.chmod(0o755)

    def config(self, service):
        return pathlib.Path(f"/etc/chiso/{service}.yaml")

    def data_dir(self, service):
        return pathlib.Path(f"/var/lib/chiso/{service}")

    def settings(self, service):
        """With what was installed, in place of the checkout's."""
        def moved(value):
            if isinstance(value, dict):
                return {k: moved(v) for k, v in value.items()}
            if isinstance(value, list):
                return [moved(v) for v in value]
            for old, new in ((str(rig.BIN.parent / "page"), "page"),
                             (str(ROOT / "catalogs"), "catalogs"),
                             (str(ROOT / "sources"), "sources")):
                if isinstance(value, str) and value.startswith(old):
                    return "/usr/local/share/chiso/" + new + value[len(old):]
            return value
        c = super().settings(service)
        return moved(c) if self.installed else c

    def obey(self):
        """Does what `systemctl` was asked for, if it was."""
        try:
            line = os.read(self.asked, 4096).decode()
        except BlockingIOError:
            return
        action, *units = line.split()
        code = 0
        for unit in units:
            p = self.services.get(UNITS.get(unit.removesuffix(".service")))
            if p is None or action not in ("start", "stop", "restart", "reload"):
                code = 5
            elif action == "reload":
                p.proc.send_signal(signal.SIGHUP)
            else:
                if action in ("stop", "restart"):
                    p.stop()
                if action in ("start", "restart") and not p.running():
                    p.start()
        with open(self.dir / "answered", "w") as f:
            f.write(f"{code}\n")

    def path(self):
        programs = [] if self.installed else [str(rig.BIN)]
        return ":".join([*programs, "/usr/local/bin", os.environ["PATH"]])

    def secure(self):
        """CURVE as operate.md sets it up; the keys are there already."""
        for s, end, server in (("ingest", "bus", None), ("scorer", "bus", None),
                               ("scorer", "upstream", "ingest"),
                               ("publisher", "upstream", "scorer")):
            self.curve[s, end] = {"curve": {"secret": f"keys/{s}.key_secret", **(
                {"clients": f"keys/{s}-clients"} if end == "bus" else
                {"server": f"keys/{server}-servers"})}}

    def run(self, script, code=0, cwd="/etc/chiso", tick=None, timeout=900, **more):
        """Gives a script to bash; returns what it printed on both outputs."""
        out = tempfile.TemporaryFile()
        p = subprocess.Popen(["bash", "-euo", "pipefail", "-c", script], cwd=cwd,
                             stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                             env={**rig.environment(), **PLACES, "PATH": self.path(), **more},
                             preexec_fn=rig._die_with_parent)

        def ended():
            self.obey()
            if tick is not None:
                tick()
            return p.poll() is not None
        try:
            self.wait(ended, f"the end of: {script}", timeout)
        finally:
            p.kill()
            p.wait()
            with out:
                out.seek(0)
                said = out.read().decode(errors="replace")
        if p.returncode != code:
            raise AssertionError(f"exit code {p.returncode}, expected {code}:\n{script}\n{said}")
        return said
