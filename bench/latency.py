#!/usr/bin/env python3
"""How long from a changed answer of the source to the portal's receipt, over the real services with
fsync on, all on loopback. Prints a line a figure. Started by bench/run.

    one     a single figure of a single province changes; from the moment the replay has the changed
            answer ready to the moment the portal has the push in its hands
    burst   all 102 communes of a province change in one answer; to the first and to the last push
    memory  resident memory of each service afterwards
"""
import datetime
import os
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "tests/scenario"))
from rig import Rig, wait_until  # noqa: E402

CHANGES = int(os.environ.get("CHANGES", "300"))
BURSTS = int(os.environ.get("BURSTS", "20"))


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * p / 100))]


def report(name, milliseconds):
    print(f"{name:34} n={len(milliseconds):4}  p50 {percentile(milliseconds, 50):6.2f} ms"
          f"  p99 {percentile(milliseconds, 99):6.2f} ms  max {max(milliseconds):6.2f} ms")


def resident_kib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def one_by_one(rig):
    """Waits for each change's push before the next: low load."""
    portal = rig.portals[0]
    rng = random.Random(766)
    rows = [r["ID"] for r in rig.source.rows("0_2025")]
    took = []
    for i in range(CHANGES):
        before = len(portal.lines())
        rig.set("0_2025", rng.choice(rows), "MDSH", f"{rng.randrange(100, 2200) / 100:.2f}".rstrip("0").rstrip("."))
        wait_until(lambda: (len(portal.lines()) > before, None), f"the push of change {i}", poll=0.005)
        push = portal.lines()[before]
        # the answer that was read at as_of; one just before the change was set is not it
        read = datetime.datetime.fromisoformat(push["body"]["as_of"].replace("Z", "+00:00")).timestamp()
        answer = max(a["ns"] for a in rig.answers("0_2025") if a["ns"] <= (read + 0.001) * 1e9)
        took.append((push["received_ns"] - answer) / 1e6)
    return took


def bursts(rig):
    portal = rig.portals[0]
    first, last, counts = [], [], []
    for _ in range(BURSTS):
        before = len(portal.lines())
        at = time.time_ns()
        rig.step("next")
        rig.settle()
        pushes = [p for p in portal.lines()[before:]
                  if p["ce_type"] == "vn.chiso.score.v1" and p["body"]["unit"]["level"] == "commune"]
        if not pushes:
            continue
        answer = next(a["ns"] for a in rig.answers()
                      if a["ns"] >= at and a["request"] == "398126_2025")
        first.append((pushes[0]["received_ns"] - answer) / 1e6)
        last.append((pushes[-1]["received_ns"] - answer) / 1e6)
        counts.append(len(pushes))
    return first, last, counts


def main():
    rig = Rig(periods=("2025",), every="100ms")
    try:
        rig.start()
        rig.settle()
        report("one change, source to portal", one_by_one(rig))
        first, last, counts = bursts(rig)
        report(f"burst of {max(counts)}, first push", first)
        report(f"burst of {max(counts)}, last push", last)
        for name, process in rig.services.items():
            print(f"memory of chiso-{name:20} {resident_kib(process.proc.pid) / 1024:6.1f} MiB")
    finally:
        rig.close()


if __name__ == "__main__":
    main()
