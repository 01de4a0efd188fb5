"""A page that would take more than chiso-html may: refused with the reason, and ingest goes on. With
sanitizers the reader has no limit of memory, so ingest and its reader are those of the release
build here."""
import os
import shutil
import signal
import subprocess
import unittest

import rig
from rig import ROOT

RELEASE = ROOT / "build/release/bin"
DIALECTS = ROOT / "tests/fixtures/dialects"
MIB = 1 << 20
MEMORY = 512 * MIB  # EXTRACT_PAGE_MEMORY
CPU_S = 3           # EXTRACT_PAGE_CPU_S
WALL_MS = 5000      # INGEST_PAGE_MS
TOO_MUCH_MEMORY = "the page takes more than 512 MiB of memory to read"
TOO_MUCH_CPU = f"the page takes more than {CPU_S} s of processor time to read"
TOO_LONG = f"the page took longer than {WALL_MS} ms to read"


def greedy(size):
    """So many bytes of small tags: each byte takes 80 of memory."""
    tag = b"<a x=1 y=1 z=1 q=1 r=1 s=1 t=1 u=1>"
    return tag * (size // len(tag))


def slow():
    """One tag with 200,000 attributes, each compared with all before it."""
    return b"<b " + b" ".join(b"a%d" % i for i in range(200000)) + b">"


def build():
    subprocess.run("cmake --preset release && "
                   "cmake --build --preset release --target chiso-html chiso-ingest",
                   shell=True, cwd=ROOT, check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, timeout=800)


class Limits(rig.Case):
    @classmethod
    def setUpClass(cls):
        build()

    def read(self, page):
        """How reading the page ends, what was said, the peak of memory and the processor time."""
        folder = self.rig().dir
        (folder / "page").write_bytes(page)
        with open(folder / "page", "rb") as given, open(folder / "said", "wb") as said:
            p = subprocess.Popen([RELEASE / "chiso-html", "--rows", "/html", "'x'"], stdin=given,
                                 stdout=said, env={})
            _, status, used = os.wait4(p.pid, 0)
            p.returncode = os.waitstatus_to_exitcode(status)
        return (p.returncode, (folder / "said").read_text(), used.ru_maxrss * 1024,
                used.ru_utime + used.ru_stime)

    def test_reader(self):
        code, said, peak, _ = self.read(greedy(2 * MIB))
        self.assertEqual((code, said.splitlines()[-1]), (0, '{"end":"rows"}'))
        self.assertGreater(peak * 7 / 2, MEMORY)  # what seven would take
        code, said, peak, _ = self.read(greedy(7 * MIB))
        self.assertEqual((code, said), (0, f'{{"end":"malformed","reason":"{TOO_MUCH_MEMORY}"}}\n'))
        self.assertLess(peak, MEMORY)
        code, said, _, cpu = self.read(slow())
        self.assertEqual((code, said), (-signal.SIGXCPU, ""))
        self.assertLess(cpu, CPU_S + 1)

    def own_programs(self, r):
        """A folder with ingest, and a chiso-html that first stands still, once, when there is a
        file named as what stands in its arguments."""
        folder = r.dir / "bin"
        folder.mkdir()
        shutil.copy(RELEASE / "chiso-ingest", folder)
        reader = folder / "chiso-html"
        reader.write_text(f"""#!/bin/sh
for word in obj-list f-emc; do
    case "$*" in
    *$word*) if rm "{folder}/$word" 2>/dev/null; then kill -STOP $$; fi ;;
    esac
done
exec {RELEASE}/chiso-html "$@"
""")
        reader.chmod(0o755)
        return folder

    def test_ingest(self):
        folder = self.rig().dir / "dialects"
        shutil.copytree(DIALECTS, folder)
        good = (folder / "portal.html").read_bytes()
        r = self.rig(dialects=folder, portals=0, units_of=[])
        ours = {"url": r.replay_url, "periods": ["2025"], "units": ["86"], "allow_http": True,
                "allow_networks": ["127.0.0.0/8"], **r.source_options}
        r.more_sources = [{**ours, "id": "tag", "source": str(ROOT / "sources/emc-tag.yaml")},
                          {**ours, "id": "sites", "units": ["86", "31", "15"],
                           "source": str(ROOT / "sources/tinnhiemmang-portal.yaml")}]
        ingest = r.services["ingest"]
        programs = self.own_programs(r)
        ingest.argv[0] = programs / "chiso-ingest"
        r.start()

        def outcomes():
            told = {s["source"]: s["outcome"] for s in r.api("sources")["sources"]}
            return [told.get(s) for s in ("tag", "sites")]

        said_before = 0

        def serve(page):
            nonlocal said_before
            said_before = len(reasons())
            (folder / "next").write_bytes(page)
            (folder / "next").rename(folder / "portal.html")

        def reasons():
            return [e["reason"] for e in ingest.logged() if e["event"] == "quarantined"]

        def refused(*wanted):
            said = reasons()[said_before:]
            return any(w in said for w in wanted), said[-3:]

        def taken():
            return [e for e in r.journal("ingest") if "5.7.option" in str(e)]

        def asked_on():
            seen = len(r.answers())
            r.wait(lambda: (any(a["service"] == "/website-tin-nhiem" for a in r.answers(since=seen)),
                            ""), "the other source is asked on")

        def goes_on():
            """The page that follows is read, and so are those of the other source."""
            serve(good)
            r.wait(lambda: (outcomes() == ["good", "good"], outcomes()), "both are good")
            asked_on()
            self.assertEqual(ingest.proc.pid, pid)

        r.wait(lambda: (outcomes() == ["good", "good"], outcomes()), "both are good")
        pid = ingest.proc.pid
        # on a machine that is busy enough, time runs out before memory or processor time does
        for page, reason in ((greedy(7 * MIB), TOO_MUCH_MEMORY), (slow(), TOO_MUCH_CPU)):
            serve(page)
            r.wait(lambda: refused(reason, TOO_LONG), reason)
            r.wait(lambda: (outcomes()[0] == "quarantined", outcomes()), "it is held back")
            goes_on()
        # one that stands still
        (programs / "f-emc").touch()
        serve(good + b"<!-- what was read before is not read again -->")
        r.wait(lambda: refused(TOO_LONG), TOO_LONG)
        goes_on()
        # a page of several is read at the second try only: those behind it are not taken for empty
        before = taken()
        missed = False
        while not missed:  # when it was the last of them, all are there
            (programs / "obj-list").touch()
            r.wait(lambda: (not (programs / "obj-list").exists(), ""), "a reader stands still")
            asked_on()
            missed = any("could not be read when it came" in e.get("detail", "")
                         for e in ingest.logged())
        goes_on()
        self.assertEqual(taken(), before)
        r.wait(lambda: (not any(s["stale"] for s in r.api("sources")["sources"]), ""),
               "nothing is stale")


if __name__ == "__main__":
    unittest.main()
