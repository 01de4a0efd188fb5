"""500 sources on as many hosts, one of them slow, one that never answers, one where nobody listens:
the healthy ones keep their cadence, and ingest's memory stays flat. Prints what it measured."""
import collections
import os
import socket
import statistics
import unittest

import rig
from rig import BIN, ROOT

DIALECTS = ROOT / "tests/fixtures/dialects"
SOURCES = 500
EVERY_S = 20
ROUNDS = 4


class ManySources(rig.Case):
    def test_healthy_hosts_keep_their_cadence(self):
        # freed memory that the sanitizer keeps back would look like growth
        os.environ["ASAN_OPTIONS"] = ("detect_leaks=1:abort_on_error=0:exitcode=99:quarantine_size_mb=4:"
                                      "thread_local_quarantine_size_kb=64")
        self.addCleanup(os.environ.pop, "ASAN_OPTIONS")
        r = self.rig(portals=0, units_of=[], periods=["2025"], every="1h", dialects=DIALECTS)
        r.replay.argv += ["--address", "0.0.0.0"]
        slow_port = rig.free_port()
        slow = rig.Proc(r, "slow", [BIN / "chiso-replay", "--fixtures", r.fixtures, "--dialects",
                                    DIALECTS, "--port", slow_port], "replay listening on ")
        self.addCleanup(slow.stop)
        slow.start()
        rig.request(f"http://127.0.0.1:{slow_port}/control?mode=slow&delay_ms=20000", "POST")
        silent = socket.socket()
        self.addCleanup(silent.close)
        silent.bind(("127.0.0.1", 0))
        silent.listen(64)
        port = r.replay_url.rpartition(":")[2]
        # the others are the board and the three out of order
        hosts = [f"127.0.{1 + i // 250}.{1 + i % 250}:{port}" for i in range(SOURCES - 4)]
        urls = [*(f"http://{h}" for h in hosts), f"http://127.0.0.1:{slow_port}",
                f"http://127.0.0.1:{silent.getsockname()[1]}", f"http://127.0.0.1:{rig.free_port()}"]
        r.more_sources = [{
            "id": f"s{i}", "source": str(ROOT / "sources/open-data.yaml"), "url": url,
            "periods": ["2025"], "units": ["31"], "every": f"{EVERY_S}s", "jitter": "1s",
            "timeout": "30s", "min_interval": "1s", "retry_after": "1s", "allow_http": True,
            "allow_networks": ["127.0.0.0/8"]} for i, url in enumerate(urls)]
        r.start(services=("ingest",))
        ingest = r.services["ingest"]

        def memory_mib():
            with open(f"/proc/{ingest.proc.pid}/statm", encoding="ascii") as f:
                return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

        def polls():
            """Of each host the last times it was asked, oldest first."""
            times = collections.defaultdict(lambda: collections.deque(maxlen=ROUNDS))
            for a in r.answers():
                if a["mode"] == "normal" and a["host"] in wanted:
                    times[a["host"]].append(a["ns"] / 1e9)
            return times

        def cadence():
            """Of the last rounds: a machine that stood still for a while is given another few."""
            times = polls()
            gaps = sorted(b - a for t in times.values() for a, b in zip(t, list(t)[1:]))
            told = (f"{len(times)} healthy hosts, {len(gaps)} gaps: median "
                    f"{statistics.median(gaps):.2f} s, p99 {gaps[int(len(gaps) * 0.99)]:.2f} s, "
                    f"longest {gaps[-1]:.2f} s of a cadence of {EVERY_S} to {EVERY_S + 1} s")
            return (min(map(len, times.values())) == ROUNDS and
                    statistics.median(gaps) < EVERY_S + 2 and
                    gaps[int(len(gaps) * 0.99)] < 2 * EVERY_S and told), told
        wanted = set(hosts)
        r.wait(lambda: (len(t := polls()) == len(hosts) and min(map(len, t.values())) >= 2,
                        len(t)), "every healthy host was asked twice")
        early = memory_mib()
        told = r.wait(cadence, f"every healthy host keeps its cadence, {ROUNDS} times", 600, 0.5)
        late = memory_mib()
        print(f"\n{told}; memory {early:.1f} to {late:.1f} MiB", flush=True)
        self.assertLess(late, early * 1.1 + 8)


if __name__ == "__main__":
    unittest.main()
