"""A full disk, and the soft limit before it: nothing is lost, and all goes on when there is room.

The data lies on a small tmpfs of its own, which a ballast file fills. Mounting needs root; where it
cannot be done, that test fails and says so, rather than pass without having looked.
"""
import errno
import os
import pathlib
import random
import shutil
import subprocess
import tempfile
import time
import unittest

import rig

SIZE = 128 << 20  # the publisher keeps every revision whole
PIECE = 4096


class DiskFull(rig.Case):
    def mount(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="chiso-disk-", dir="/tmp"))
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "chiso", folder],
                              capture_output=True)
        if done.returncode != 0:
            os.rmdir(folder)
            self.fail("a tmpfs cannot be mounted here (this test needs root): "
                      f"{done.stderr.decode()}")
        return folder

    def unmount(self, folder):
        subprocess.run(["umount", "-l", folder], check=True)
        shutil.rmtree(folder, ignore_errors=True)

    def fill(self, folder, leave):
        """Fills the disk but for `leave` bytes, whatever the services take meanwhile."""
        with open(folder / "ballast", "ab", buffering=0) as f:
            while True:
                room = os.statvfs(folder)
                free = room.f_bavail * room.f_frsize
                if free <= leave:
                    return
                try:
                    f.write(bytes(min(1 << 20, max(PIECE, free - leave))))
                except OSError as e:
                    if e.errno != errno.ENOSPC:
                        raise
                    return

    def evidence(self, r):
        """What the services felt of it: {service: (exits with code 4, "no room" in the log)}."""
        return {s: (p.exits.count(4),
                    sum(line.get("event", "").startswith("no room") for line in p.logged()))
                for s, p in r.services.items()}

    def felt_by_all(self, r):
        felt = self.evidence(r)
        return sum(felt["ingest"]) > 0 and felt["scorer"][0] + felt["publisher"][0] > 0

    def pass_time(self, r, rng, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            r.tick()
            r.random_change(rng)
            time.sleep(0.02)

    def test_full_disk(self):
        seed = int(os.environ.get("CHISO_SEED", random.SystemRandom().randrange(1 << 32)))
        print(f"CHISO_SEED={seed}", flush=True)
        rng = random.Random(seed)
        folder = self.mount()
        r = self.rig(data=folder, every="100ms", retry_after="100ms",
                     target={"retry_min": "50ms", "retry_max": "200ms"})
        r.cleaners.append(lambda: self.unmount(folder))
        r.start()
        r.settle()
        r.supervise(allowed_exits=[4])
        ballast = folder / "ballast"
        # completely full while everything changes
        self.fill(folder, 0)
        r.step("next")
        r.wait(lambda: (sum(map(sum, self.evidence(r).values())) > 0, self.evidence(r)),
               "a service says that there is no room")
        self.pass_time(r, rng, 1.5)
        # what was there is still served
        r.wait(lambda: len(r.ranking()["units"]) == 34, "the API answers")
        ballast.unlink()
        r.settle()
        r.check_portal_order(r.portals[0])
        # nearly full, by so much that the end comes in another place each time, and until it came
        # for both ends
        rounds = 0
        while rounds < 12 or (rounds < 100 and not self.felt_by_all(r)):
            rounds += 1
            self.fill(folder, rng.randrange(0, 600 << 10))
            r.step("next")
            self.pass_time(r, rng, 0.8)
            ballast.unlink()
            self.pass_time(r, rng, 0.2)
        r.settle()
        r.check_portal_order(r.portals[0])
        r.check_histories()
        print(f"felt {self.evidence(r)}, {r.heads()}, portal {r.portals[0].stats()}", flush=True)
        self.assertTrue(self.felt_by_all(r), "the disk was never full for ingest, or for neither "
                                             "the scorer nor the publisher")
        r.stop_services()
        r.verify()
        r.check_portal_order(r.portals[0])


class SoftLimit(rig.Case):
    def test_soft_limit(self):
        """Past its soft limit ingest says so, takes nothing, and serves on."""
        r = self.rig(every="100ms", retry_after="100ms")
        r.store["ingest"] = {"soft_limit": "4MiB", "map_size": "64MiB"}
        r.start()
        r.settle()

        def refusals():
            return [x for x in r.services["ingest"].logged()
                    if x["event"].startswith("no room")]
        steps = 0
        while not refusals():
            self.assertLess(steps, 60, "60 steps did not fill 4 MiB")
            r.step("next")
            steps += 1
            r.wait_polls(2)
        said = refusals()[-1]
        self.assertEqual(said["level"], "error")
        self.assertEqual(said["soft_limit"], 4 << 20)
        self.assertGreaterEqual(said["used"], said["soft_limit"] * 9 // 10)
        # what was taken is told, whole; more is not taken
        r.wait(lambda: (r.verify_output()[0] == 0, r.verify_output()), "all agree")
        heads, before = r.heads(), r.all_rankings()
        r.step("next")
        told = len(refusals())
        r.wait_polls(3)
        r.wait(lambda: len(refusals()) > told, "it says so again")
        self.assertEqual(r.heads(), heads)
        self.assertEqual(r.all_rankings(), before)
        # ingest runs on and serves: a scorer that comes back continues from it
        self.assertTrue(r.services["ingest"].running())
        r.services["scorer"].kill()
        r.services["scorer"].start()
        r.services["publisher"].kill()
        r.services["publisher"].start()
        r.wait(lambda: (r.verify_output()[0] == 0, r.verify_output()), "all agree again")
        r.wait(lambda: (r.all_rankings() == before, 0), "the same is served")
        # with more room everything that was missed comes in
        r.services["ingest"].stop()
        r.store["ingest"] = {"soft_limit": "32MiB", "map_size": "64MiB"}
        r.configure()
        r.services["ingest"].start()
        r.settle()
        r.check_portal_order(r.portals[0])
        r.check_histories()
        r.verify()


if __name__ == "__main__":
    unittest.main()
