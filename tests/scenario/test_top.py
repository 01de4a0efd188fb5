"""chiso top on a terminal: it shows what is new by itself, and leaves the terminal as it was."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
import unittest

import rig
from rig import BIN, SERVICES


class Top(rig.Case):
    def top(self, r):
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", 40, 120, 0, 0))
        before = termios.tcgetattr(slave)
        urls = [a for s in SERVICES
                for a in (f"--{s}", f"http://127.0.0.1:{r.observe[s]['port']}")]

        def own_terminal():
            rig._die_with_parent()
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        p = subprocess.Popen([BIN / "chiso", "top", *urls], stdin=slave, stdout=slave,
                             stderr=slave, env=rig.environment(), preexec_fn=own_terminal)
        self.addCleanup(p.wait)
        self.addCleanup(p.kill)
        self.addCleanup(os.close, slave)
        seen = bytearray()

        def read():
            while select.select([master], [], [], 0)[0]:
                seen.extend(os.read(master, 65536))
            return seen.decode(errors="replace")
        return p, master, slave, before, read

    def screens(self, text):
        """What was on the screen, each time it was drawn whole."""
        return [s for s in text.split("\x1b[H")[1:-1]]

    def test_live_and_ended(self):
        r = self.rig()
        r.observed()
        r.start()
        r.settle()
        for how in ("q", "\x03", signal.SIGTERM, signal.SIGINT):
            with self.subTest(how=how):
                p, master, slave, before, read = self.top(r)

                def head():
                    told = re.findall(r"ingest +ready +journal (\d+)", read())
                    return int(told[-1]) if told else 0
                r.wait(lambda: (re.search(r"publisher +ready", read()) and head() > 0, read()),
                       "the first screen")
                was = head()
                r.step("next")
                r.wait(lambda: (head() > was, read()[-2000:]), "it shows what is new")
                self.assertGreaterEqual(len(self.screens(read())), 1)
                if isinstance(how, str):
                    os.write(master, how.encode())
                else:
                    p.send_signal(how)
                r.wait(lambda: (read(), p.poll() is not None)[1], "it ends")
                self.assertEqual(p.returncode, 0)
                self.assertEqual(termios.tcgetattr(slave), before)
                # the cursor is shown again, and the other screen left
                self.assertRegex(read(), r"\x1b\[\?25h[\s\S]*\x1b\[\?1049l\s*$")

    def test_without_a_terminal(self):
        """Into a file or a pipe it draws no screens: they follow each other as text."""
        r = self.rig()
        r.observed()
        r.start()
        r.settle()
        out = r.dir / "top.txt"
        with out.open("wb") as f:
            p = subprocess.Popen([BIN / "chiso", "top", "--ingest",
                                  f"http://127.0.0.1:{r.observe['ingest']['port']}"],
                                 stdin=subprocess.DEVNULL, stdout=f, env=rig.environment(),
                                 preexec_fn=rig._die_with_parent)
        self.addCleanup(p.wait)
        self.addCleanup(p.kill)
        r.wait(lambda: (len(re.findall(r"(?m)^ingest +ready", out.read_text())) >= 2,
                        out.read_text()), "two screens")
        self.assertNotIn("\x1b", out.read_text())
        p.terminate()
        self.assertEqual(p.wait(rig.PATIENCE), 0)

    def test_where(self):
        """Where to ask stands in the configurations; one that is of no service, or has no address,
        is told from that."""
        r = self.rig()
        r.observed()
        r.start()
        r.settle()
        given = [a for s in SERVICES for a in ("--config", r.config(s))]

        def status(*arguments):
            return rig.run([BIN / "chiso", "status", *arguments])

        def all_ready():
            code, out, err = status(*given)
            seen = re.findall(r"(?m)^(\w+) +ready ", out)
            return code == 0 and seen == list(SERVICES), (code, out, err)
        r.wait(all_ready, "all are ready")
        r.services["scorer"].stop()
        code, out, err = status(*given)
        self.assertEqual(code, 1, err)
        self.assertRegex(out, r"(?m)^scorer +does not answer")
        # an address goes before that of a configuration
        elsewhere = f"http://127.0.0.1:{r.observe['ingest']['port']}/nothing"
        code, out, err = status(*given, "--ingest", elsewhere)
        self.assertRegex(out, r"(?m)^ingest +does not answer")

        wrong = r.dir / "wrong.yaml"
        text = r.config("scorer").read_text()
        for change, said in ((("data_dir:", "data_folder:"), "data_folder: is not a known key"),
                             (("observe:", "observed:"), "observed: is not a known key"),
                             ((f"port: {r.observe['scorer']['port']}", "port: 0"),
                              "observe: says no port")):
            with self.subTest(said=said):
                self.assertIn(change[0], text)
                wrong.write_text(text.replace(*change))
                code, out, err = status("--config", wrong)
                self.assertEqual((code, out), (3, ""))
                self.assertIn(said, err)
                self.assertIn(f"{wrong}:", err)
        code, out, err = status("--config", r.dir / "none.yaml")
        self.assertEqual((code, out), (3, ""))
        self.assertIn("cannot be read", err)


if __name__ == "__main__":
    unittest.main()
