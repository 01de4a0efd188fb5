"""A wall clock for a rig's services that the test sets, while they run or before.

    clock = shifted.Clock(r)      # before r.start()
    clock.shift(-3600)            # an hour back from the machine's; not from where it was
"""
import re
import struct
import subprocess

import rig


class Clock:
    def __init__(self, r, services=rig.SERVICES):
        self.file = r.dir / "clock"
        self.shift(0)
        # a sanitizer wants to be the first that is loaded
        linked = subprocess.run(["ldd", rig.BIN / "chiso-ingest"], capture_output=True, text=True)
        asan = re.search(r"libasan\S* => (\S+)", linked.stdout)
        preload = " ".join([*([asan[1]] if asan else []), str(rig.BIN / "clock_shift.so")])
        for s in services:
            p = r.services[s]
            p.argv = ["env", f"LD_PRELOAD={preload}", f"CLOCK_SHIFT={self.file}", *p.argv]

    def shift(self, seconds):
        with open(self.file, "r+b" if self.file.exists() else "wb") as f:
            f.write(struct.pack("=q", seconds))
