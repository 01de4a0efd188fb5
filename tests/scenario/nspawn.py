"""A machine of its own for a test: this one's files with a layer of memory over them, and systemd
started in it by systemd-nspawn, with a network that has only loopback.

    m = Machine(); m.run("dpkg", "-i", "/x.deb"); m.boot(); m.call("systemctl", "start", "x")

What is installed or changed there is gone with it. Needs root.
"""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import rig


class Machine:
    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="chiso-machine-", dir="/tmp"))
        self.root = self.dir / "root"
        self.nspawn = None
        self.leader = None
        self.mounts = []
        self.log = self.dir / "boot.log"
        layer = self.dir / "layer"
        for folder in (layer, self.root):
            folder.mkdir()
        # on a file system of its own: a layer must not lie below what it covers
        self._mount("-t", "tmpfs", "-o", "size=2g,mode=755", "chiso-machine", layer)
        for name in ("upper", "work"):
            (layer / name).mkdir()
        self._mount("-t", "overlay", "-o",
                    f"lowerdir=/,upperdir={layer}/upper,workdir={layer}/work", "overlay", self.root)
        self.log = layer / "boot.log"
        # nothing that this machine runs of its own is to run there
        shutil.rmtree(self.root / "etc/systemd/system")
        (self.root / "etc/systemd/system").mkdir()
        (self.root / "etc/fstab").unlink(missing_ok=True)

    def _mount(self, *argv):
        subprocess.run(["mount", *map(str, argv)], check=True)
        self.mounts.append(argv[-1])

    def path(self, inside):
        return self.root / str(inside).lstrip("/")

    def run(self, *argv, check=True, timeout=300):
        """A program inside, before it is booted; what it says."""
        return self._output(["chroot", self.root, *argv], check, timeout)

    def at_home(self, *argv, timeout=1800):
        """A program inside, before it is booted, in the checkout; what it says."""
        home = self.root / str(rig.ROOT).lstrip("/")
        binds = [("--bind", rig.ROOT, home), ("--rbind", "/proc", self.root / "proc"),
                 ("--rbind", "/dev", self.root / "dev")]
        for kind, what, at in binds:
            at.mkdir(parents=True, exist_ok=True)
            subprocess.run(["mount", "--make-rprivate", kind, what, at], check=True)
        try:
            return self._output(["chroot", self.root, "env", "-C", rig.ROOT, *argv], True, timeout)
        finally:
            for _, _, at in binds:
                subprocess.run(["umount", "-R", at], check=True)

    def call(self, *argv, check=True, timeout=300):
        """A program inside, while it runs; what it says."""
        return self._output([*self.inside(), *argv], check, timeout)

    def inside(self, *kinds):
        """nsenter's arguments; kinds: "net", or nothing for all."""
        kinds = kinds or ("mount", "uts", "ipc", "net", "pid")
        return ["nsenter", "-t", str(self.leader), *(f"--{k}" for k in kinds)]

    def _output(self, argv, check, timeout):
        p = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, timeout=timeout,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        text = p.stdout.decode(errors="replace")
        if check and p.returncode != 0:
            raise AssertionError(f"{argv}: exit {p.returncode}\n{text[-4000:]}")
        return text if check else (p.returncode, text)

    @staticmethod
    def _children(pid):
        return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()

    def boot(self):
        with open(self.log, "wb") as log:
            self.nspawn = subprocess.Popen(
                # in a namespace of its own, so that everything ends with it
                ["unshare", "--pid", "--mount-proc", "--fork", "--kill-child",
                 "systemd-nspawn", f"--directory={self.root}", f"--machine=chiso-{os.getpid()}",
                 "--register=no", "--keep-unit", "--private-network", "--boot", "--quiet",
                 "systemd.unit=basic.target"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=rig._die_with_parent)

        def up():
            if self.nspawn.poll() is not None:
                raise SystemError(f"systemd-nspawn ended: {self.log.read_text(errors='replace')}")
            for nspawn in self._children(self.nspawn.pid):
                for pid in self._children(nspawn):
                    if pathlib.Path(f"/proc/{pid}/comm").read_text() == "systemd\n":
                        self.leader = int(pid)
            if self.leader is None:
                return False, "no systemd yet"
            code, said = self.call("systemctl", "is-active", "basic.target", check=False)
            return code == 0, said
        rig.wait_until(up, "the machine is up", poll=0.2)

    def get(self, url):
        """(status, body) of a GET from inside."""
        code, out = self._output([*self.inside("net"), "curl", "-s", "--max-time", "60", "-w",
                                  "\n%{http_code}", url], False, 120)
        if code != 0:
            raise OSError(f"{url}: curl: exit {code}")
        body, _, status = out.rpartition("\n")
        return int(status), body

    def _gone(self):
        try:
            state = pathlib.Path(f"/proc/{self.leader}/stat").read_text().rpartition(")")[2]
        except (FileNotFoundError, ProcessLookupError):
            return True
        return state.split()[0] in "ZX"  # nobody may have asked how it ended

    def close(self):
        if self.nspawn is not None:
            self.nspawn.send_signal(signal.SIGKILL)
            self.nspawn.wait()
            # it takes all of its processes along, but not at once
            rig.wait_until(self._gone, "the machine's processes are gone")
        for at in reversed(self.mounts):
            rig.wait_until(lambda: subprocess.run(["umount", "-R", str(at)],
                                                  stderr=subprocess.DEVNULL).returncode == 0,
                           f"{at} is unmounted", poll=0.2)
        shutil.rmtree(self.dir)
