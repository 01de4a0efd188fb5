"""The rig of the scenario suite: real processes, real sockets, a folder of its own.

    class Test(rig.Case):
        def test_it(self):
            r = self.rig(every="200ms")
            r.start()
            r.settle()

A Rig starts chiso-replay (the source), the three services and any number of chiso-portal. Nothing
here sleeps for a fixed time in the hope that something has happened: wait_until() polls a
condition, has a limit, and says what was seen last. Processes that die unexpectedly, and logs that
hold a sanitizer's report, fail the test that owns the rig.
"""
import ctypes
import hashlib
import http.client
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import unicodedata
import urllib.parse
from decimal import Decimal

ROOT = pathlib.Path(os.environ.get("CHISO_ROOT", pathlib.Path(__file__).resolve().parents[2]))
BIN = pathlib.Path(os.environ.get("CHISO_BIN", ROOT / "build/asan/bin"))
FIXTURES = ROOT / "tests/fixtures/dvc766"
CATALOG = ROOT / "catalogs/dvc-766.yaml"
DESCRIPTION = ROOT / "sources/dvc-766.yaml"
REGISTRY = ROOT / "catalogs/units"

SERVICES = ("ingest", "scorer", "publisher")
INDEX = "dvc-766"
# the pillars in the order of the decision, and the wire's name of each
PILLARS = {"ckmb": "CKMB", "tdgq": "TDGQ", "clgq": "CLGQ", "tttt": "TTTT", "mdhl": "MDHL",
           "mdsh": "MDSH"}
MAXIMA = {"CKMB": 18, "TDGQ": 20, "CLGQ": 12, "TTTT": 10, "MDHL": 18, "MDSH": 22}
LEVELS = {"1": "province", "2": "department", "3": "commune"}
SANITIZER = re.compile(r"ERROR: AddressSanitizer|runtime error:|LeakSanitizer|"
                       r"AddressSanitizer:DEADLYSIGNAL")

# Everything under ASan on a machine shared with others, where a process may stand still for many
# seconds: limits are far above what is normal.
PATIENCE = 180.0
POLL = 0.02

_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent():
    _libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: a killed test run leaves nothing behind


def environment():
    env = dict(os.environ)
    env.setdefault("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0:exitcode=99")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1:exitcode=99")
    return env


def _take_port(port):
    name = socket.socket(socket.AF_UNIX)
    try:
        name.bind(f"\0chiso-test-port-{port}")
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("127.0.0.1", port))
    except OSError:
        name.close()
        return False
    name.detach()
    return True


def free_port(row=1):
    """A port below the range from which the kernel takes those of outgoing connections, so that
    a service that is down for a moment finds its port free again; the first of so many. A socket's
    name keeps it from the tests that run beside this one, until we end."""
    for _ in range(1000):
        port = random.SystemRandom().randrange(15000, 32000)
        if all(_take_port(port + n) for n in range(row)):
            return port
    raise RuntimeError("no free port")


def wait_until(condition, what, timeout=PATIENCE, tick=None, poll=POLL):
    """Waits until condition() is true, and returns its value. A condition returns a pair (value,
    seen), or a value; `seen` is told when the limit is passed. What it raises of HTTP trouble,
    assertions and what is not there counts as "not yet" and is told as well."""
    end = time.monotonic() + timeout
    seen = None
    while True:
        if tick is not None:
            tick()
        try:
            got = condition()
            value, seen = got if isinstance(got, tuple) else (got, got)
            if value:
                return value
        except (OSError, http.client.HTTPException, AssertionError, LookupError,
                HttpError) as e:
            seen = f"{type(e).__name__}: {e}"
        if time.monotonic() >= end:
            raise AssertionError(f"{what}: not within {timeout:.0f} s; seen last: {seen!r:.3000}")
        time.sleep(poll)


# ---- HTTP ----

class HttpError(Exception):
    pass


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


def request(url, method="GET", headers=None, body=None, timeout=PATIENCE):
    u = urllib.parse.urlsplit(url)
    c = http.client.HTTPConnection(u.hostname, u.port, timeout=timeout)
    try:
        c.request(method, u.path + ("?" + u.query if u.query else ""), body, headers or {})
        r = c.getresponse()
        return Answer(r.status, {k.lower(): v for k, v in r.getheaders()}, r.read())
    finally:
        c.close()


COUNTS = {"rank", "previous_rank", "nation_rank", "revision", "units", "lag", "journal_head", "total",
          "changed"}


def counted(value, where="$"):
    """What the API or a notice says, after checking that every number in it is a string; ranks,
    revisions and counts become numbers, to be compared as such."""
    if isinstance(value, dict):
        return {k: int(v) if k in COUNTS and isinstance(v, str) else counted(v, f"{where}.{k}")
                for k, v in value.items()}
    if isinstance(value, list):
        return [counted(v, f"{where}[{i}]") for i, v in enumerate(value)]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise AssertionError(f"{where} is the JSON number {value}; numbers are told as strings")
    return value


def get_json(url):
    a = request(url)
    if a.status != 200:
        raise HttpError(f"GET {url}: {a.status} {a.body[:200]!r}")
    return a.json()


def json_lines(file, **how):
    """The whole lines of a file that may be being written; none when there is no file yet."""
    text = file.read_bytes() if file.exists() else b""
    return [json.loads(line, **how) for line in text[:text.rfind(b"\n") + 1].splitlines()]


class Stream:
    """A client of server-sent events; take() reads what comes until a condition holds."""

    def __init__(self, url, last_id=None):
        u = urllib.parse.urlsplit(url)
        self.sock = socket.create_connection((u.hostname, u.port), timeout=60)
        self.raw = b""
        self.text = b""
        self.headers = None
        self.events = []  # (number in the journal, event, data)
        self.epoch = None  # of the last id
        self.comments = 0
        self.closed = False
        lines = [f"GET {u.path} HTTP/1.1", f"Host: {u.netloc}", "Accept: text/event-stream"]
        if last_id is not None:
            lines.append(f"Last-Event-ID: {last_id}")
        self.sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())

    def _feed(self, data):
        self.raw += data
        if self.headers is None:
            if b"\r\n\r\n" not in self.raw:
                return
            head, self.raw = self.raw.split(b"\r\n\r\n", 1)
            lines = head.decode().split("\r\n")
            self.status = int(lines[0].split()[1])
            self.headers = {k.strip().lower(): v.strip()
                            for k, v in (line.split(":", 1) for line in lines[1:])}
            self.chunked = self.headers.get("transfer-encoding") == "chunked"
        if not self.chunked:
            self.text, self.raw = self.text + self.raw, b""
        while self.chunked and b"\r\n" in self.raw:
            size, rest = self.raw.split(b"\r\n", 1)
            n = int(size.split(b";")[0], 16)
            if len(rest) < n + 2:
                break
            self.text += rest[:n]
            self.raw = rest[n + 2:]
            if n == 0:
                self.closed = True
        while b"\n\n" in self.text:
            block, self.text = self.text.split(b"\n\n", 1)
            self._block(block.decode())

    def _block(self, block):
        fields = {}
        for line in block.split("\n"):
            if line.startswith(":"):
                self.comments += 1
                continue
            name, _, value = line.partition(":")
            fields[name] = value[1:] if value.startswith(" ") else value
        if "data" in fields:
            self.epoch, _, seq = fields["id"].rpartition("-")
            self.events.append((int(seq), fields.get("event"), fields["data"]))

    def take(self, condition, what, timeout=PATIENCE, tick=None):
        end = time.monotonic() + timeout
        while not condition(self):
            left = end - time.monotonic()
            if left <= 0:
                raise AssertionError(f"stream: {what}: not within {timeout:.0f} s; "
                                     f"{len(self.events)} events, last {self.ids()[-1:]}")
            if tick is not None:
                tick()
            self.sock.settimeout(min(left, 0.2))
            try:
                data = self.sock.recv(65536)
            except TimeoutError:
                continue
            except ConnectionError:
                data = b""
            if not data:
                self.closed = True
                if not condition(self):
                    raise AssertionError(f"stream: {what}: it was closed before; "
                                         f"{len(self.events)} events")
                return
            self._feed(data)

    def ids(self):
        return [e[0] for e in self.events]

    def close(self):
        self.sock.close()


# ---- processes ----

class Proc:
    """A program under supervision. Every exit is recorded; one that nobody asked for is a finding
    unless its code is among allowed_exits (then the rig's tick() starts it again)."""

    def __init__(self, rig, name, argv, announces=None):
        self.rig, self.name, self.argv, self.announces = rig, name, argv, announces
        self.log = rig.dir / f"{name}.log"
        self.out = rig.dir / f"{name}.out"
        self.proc = None
        self.born_at = 0  # of the log
        self.address = None
        self.allowed_exits = set()
        self.exits = []       # codes, in order
        self.surprises = []   # of those, the unexpected ones
        self.supervised = False
        self.restart_at = 0.0

    def start(self, wait=True):
        assert self.proc is None, f"{self.name} runs already"
        self.born_at = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as log, open(self.out, "wb") as out:
            self.proc = subprocess.Popen([str(a) for a in self.argv], stdin=subprocess.DEVNULL,
                                         stdout=out, stderr=log, env=environment(),
                                         preexec_fn=_die_with_parent)
        if wait and self.announces:
            def listening():
                m = re.search(re.escape(self.announces) + r"(\S+)", self.out.read_text())
                if not m and self.proc.poll() is not None:
                    raise SystemError(f"{self.name} ended with {self.proc.returncode}")
                return m and m.group(1), self.out.read_text()
            self.address = wait_until(listening, f"{self.name} listening")

    def running(self):
        return self.proc is not None and self.proc.poll() is None

    def ready(self):
        """Has this life of a service said that it is?"""
        with open(self.log, "rb") as f:
            f.seek(self.born_at)
            return b'"event":"ready"' in f.read()

    def _ended(self, expected):
        code = self.proc.returncode
        self.proc = None
        self.exits.append(code)
        if code not in expected:
            self.surprises.append(code)
        return code

    def poll(self):
        """Notices an end that nobody asked for; a supervised process is started again."""
        if self.proc is not None and self.proc.poll() is not None:
            self._ended(self.allowed_exits)
            self.restart_at = time.monotonic() + 0.1
        if self.proc is None and self.supervised and time.monotonic() >= self.restart_at:
            self.start(wait=False)

    def stop(self, timeout=PATIENCE):
        """SIGTERM; the end must be a clean one (leaks are told at the end)."""
        self.supervised = False
        self.poll()
        if self.proc is None:
            return None
        # until it reads signals, one simply ends it
        early = set() if self.announces or self.ready() else {-signal.SIGTERM}
        self.proc.terminate()
        try:
            self.proc.wait(timeout)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()
            self.surprises.append(f"still running {timeout:.0f} s after SIGTERM")
        return self._ended({0} | early | self.allowed_exits)

    def kill(self):
        """SIGKILL, at once."""
        if self.proc is None:
            return
        self.proc.kill()
        self.proc.wait()
        self._ended({-signal.SIGKILL} | self.allowed_exits)

    def restart(self):
        self.stop()
        self.start()

    def wait_exit(self, timeout=PATIENCE):
        """Waits for an end that the test expects, and returns the code."""
        try:
            self.proc.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} runs on; expected it to end; its log: "
                                 f"{self.tail(5)}") from None
        code = self.proc.returncode
        self.proc = None
        self.exits.append(code)
        return code

    def logged(self):
        """The lines of a service's log that are JSON, as objects."""
        lines = []
        for line in self.log.read_text(errors="replace").splitlines():
            if line.startswith("{"):
                try:
                    lines.append(json.loads(line))
                except ValueError:
                    pass
        return lines

    def tail(self, n=25):
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-n:])

    def sanitizer_report(self):
        if not self.log.exists():
            return None
        text = self.log.read_text(errors="replace")
        m = SANITIZER.search(text)
        return text[m.start():m.start() + 4000] if m else None


class Portal:
    """A receiving portal and what its log tells."""

    def __init__(self, rig, name, port):
        self.rig, self.name, self.port = rig, name, port
        self.file = rig.dir / f"{name}.jsonl"
        self.proc = Proc(rig, name, [BIN / "chiso-portal", "--port", port, "--log", self.file],
                         "portal listening on ")
        self.url = f"http://127.0.0.1:{port}"
        self.target = {"url": f"{self.url}/events"}  # what its target has besides the rig's options

    def control(self, **query):
        a = request(f"{self.url}/control?{urllib.parse.urlencode(query)}", "POST")
        if a.status != 200:
            raise AssertionError(f"{self.name} control {query}: {a.status} {a.body!r}")
        return a.json()

    def stats(self):
        return get_json(f"{self.url}/stats")

    def raw_lines(self):
        """As they were written; a number is the decimal that stands there."""
        return json_lines(self.file, parse_float=Decimal)

    def lines(self):
        lines = self.raw_lines()
        for e in lines:
            e["body"] = counted(e["body"], e["key"])
        return lines

    def effects(self):
        return [e for e in self.lines() if not e["duplicate"]]

    def view(self):
        """What the portal knows of each result: the last score notice of each subject, with the
        ranks that ranking notices have told since. (index/period/unit) → body."""
        known = {}
        for e in self.effects():
            body = e["body"]
            if e["ce_type"] == "vn.chiso.score.v1":
                known[e["ce_subject"]] = body
                continue
            for s in body["standings"]:
                unit = known.get(f"{body['index']}/{body['period']}/{s['code']}")
                if unit is None:
                    continue
                if unit["unit"]["parent"] == body["parent"]:
                    unit["rank"], unit["previous_rank"] = s["rank"], s["previous_rank"]
                if body["parent"] is None:
                    unit["nation_rank"] = s["rank"]
        return known


# ---- what is expected, computed from the recordings alone ----

def canonical(value):
    text = format(Decimal(value).normalize(), "f")
    return "0" if Decimal(text) == 0 else text


def competition_ranks(totals):
    """{code: Decimal} → {code: rank}: 1, 2, 2, 4."""
    return {code: 1 + sum(1 for other in totals.values() if other > total)
            for code, total in totals.items()}


def _registry():
    """The units of today, by code."""
    units = {}
    for file in sorted(REGISTRY.glob("*.yaml")):
        text = file.read_text(encoding="utf-8")
        level = re.search(r"(?m)^level: (\w+)$", text)[1]
        if re.search(r"(?m)^until: ", text):
            continue
        for line in re.findall(r"(?m)^ +- \{code: .*\}$", text):
            told = dict(re.findall(r'\b(\w+): "([^"]*)"', line.split(", earlier:")[0]))
            units[told["code"]] = {"level": level, "parent": None, "dvc": None, **told}
    return units


UNITS = _registry()
BY_DVC = {u["dvc"]: u for u in UNITS.values() if u["dvc"]}


class Source:
    """The recordings with what the test has laid over them: a second, independent reading of what
    chiso-replay answers."""

    def __init__(self, folder=FIXTURES):
        self.steps = sorted(p.name for p in pathlib.Path(folder).iterdir()
                            if p.is_dir() and any(p.glob("*.json")))
        self.recorded = {s: {f.stem: json.loads(f.read_bytes())
                             for f in (pathlib.Path(folder) / s).glob("*.json")}
                         for s in self.steps}
        self.current = 0
        self.overlays = {}  # (series, ID, field) → value

    def rows(self, series):
        rows = [dict(r) for r in self.recorded[self.steps[self.current]].get(series, [])]
        for row in rows:
            for field in list(row):
                value = self.overlays.get((series, row["ID"], field))
                if value is not None:
                    row[field] = value
            row["TONG_SCORE"] = canonical(sum(Decimal(row[f]) for f in PILLARS.values()))
        return rows


def unit_of(row, series):
    """The unit that a row is about, by the rules of the design: ids join, names never."""
    parent = None if series.startswith("0_") else BY_DVC[series.split("_")[0]]["code"]
    known = BY_DVC.get(row["ID"])
    if known:
        return known["code"], known["name"], known["level"], known["parent"]
    return (row["MA_COQUAN"], unicodedata.normalize("NFC", row["TEN"]), LEVELS[row["LOAI_COQUAN"]],
            parent)


def expected(source, series_list):
    """{(period, level, parent): {code: {points, pillars, rank, name}}} of all the series."""
    groups = {}
    for series in series_list:
        period = series.split("_")[1]
        for row in source.rows(series):
            code, name, level, parent = unit_of(row, series)
            pillars = {p: Decimal(row[f]) for p, f in PILLARS.items()}
            groups.setdefault((period, level, parent), {})[code] = {
                "name": name, "total": sum(pillars.values()),
                "pillars": {p: canonical(v) for p, v in pillars.items()}}
    for units in groups.values():
        ranks = competition_ranks({c: u["total"] for c, u in units.items()})
        for code, unit in units.items():
            unit["rank"] = ranks[code]
            unit["points"] = canonical(unit["total"])
    return groups


# ---- the rig ----

def yaml_text(value, indent=0):
    """A mapping as YAML, a line for each key; texts are quoted as JSON's are."""
    lines = []
    for key, v in value.items():
        pad = "  " * indent
        if isinstance(v, dict):
            lines.append(f"{pad}{key}:\n{yaml_text(v, indent + 1)}")
        elif isinstance(v, list) and v and isinstance(v[0], dict):
            lines.append(f"{pad}{key}:\n")
            for item in v:
                text = yaml_text(item, indent + 2)
                lines.append(f"{pad}  - {text.lstrip()}")
        else:
            lines.append(f"{pad}{key}: {json.dumps(v, ensure_ascii=False)}\n")
    return "".join(lines)


class Rig:
    def __init__(self, fixtures=FIXTURES, periods=("2025", "2025-10"), units_of=("91",),
                 portals=1, every="200ms", min_interval="0s", retry_after="200ms",
                 timeout="60s", stale_after="10m", source=None, target=None, store=None,
                 data=None, registry=REGISTRY, dialects=None):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="chiso-", dir="/tmp"))
        self.data = pathlib.Path(data) if data else self.dir
        self.fixtures = pathlib.Path(fixtures)
        self.source = Source(fixtures)
        self.periods, self.units_of = list(periods), list(units_of)
        self.registry = registry
        self.source_options = {"every": every, "jitter": "0s", "min_interval": min_interval,
                               "retry_after": retry_after, "timeout": timeout,
                               "stale_after": stale_after, **(source or {})}
        self.target_options = {"retry_min": "100ms", "retry_max": "1s", "timeout": "60s",
                               **(target or {})}
        self.store = store or {}       # service → mapping
        self.curve = {}                # (service, "bus" or "upstream") → mapping
        self.endpoints = {s: f"ipc://{self.dir}/{s[0]}" for s in ("ingest", "scorer")}
        self.upstreams = dict(self.endpoints)
        self.http = {}                 # more keys of the publisher's http
        self.publisher = {}            # and of the publisher
        self.log_level = "info"
        self.more_sources = []         # entries beside the board's
        self.more_indexes = []         # files of catalogs beside the fed one
        self.more_targets = []         # beside those of the portals
        self.observe = {}              # service → its observe mapping, see observed()
        self.door = None               # ingest's http mapping, see open_door()
        self.tokens = {}               # name → token
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.replay_log = self.dir / "replay.jsonl"
        replay_port = free_port()
        self.replay_url = f"http://127.0.0.1:{replay_port}"
        self.replay = Proc(self, "replay", [BIN / "chiso-replay", "--fixtures", self.fixtures,
                                            "--port", replay_port, "--log", self.replay_log,
                                            *(["--dialects", dialects] if dialects else [])],
                           "replay listening on ")
        self.portals = [Portal(self, f"portal{i + 1}", free_port()) for i in range(portals)]
        self.services = {s: Proc(self, s, [BIN / f"chiso-{s}", "--config", self.config(s)])
                         for s in SERVICES}
        self.cleaners = []

    # -- configuration --

    def config(self, service):
        return self.dir / f"{service}.yaml"

    def data_dir(self, service):
        return self.data / f"{service}-data"

    def settings(self, service):
        """The configuration as a mapping; tests change what they want of it."""
        loopback = {"allow_http": True, "allow_networks": ["127.0.0.0/8"]}
        c = {"data_dir": str(self.data_dir(service)), "log_level": self.log_level}
        if service == "ingest":
            c["registry"] = str(self.registry)
            c["sources"] = [{"id": INDEX, "source": str(DESCRIPTION),
                             "url": f"{self.replay_url}/jsp/rest.jsp", "periods": self.periods,
                             "units_of": self.units_of, **loopback, **self.source_options},
                            *self.more_sources]
            if self.door:
                c["indexes"] = [str(CATALOG), *self.more_indexes]
                c["http"] = self.door
        else:
            c["indexes"] = [str(CATALOG), *self.more_indexes]
        if service in ("ingest", "scorer"):
            c["bus"] = {"endpoint": self.endpoints[service],
                        **self.curve.get((service, "bus"), {})}
        if service in ("scorer", "publisher"):
            before = "ingest" if service == "scorer" else "scorer"
            c["upstream"] = {"endpoint": self.upstreams[before],
                             **self.curve.get((service, "upstream"), {})}
        if service == "publisher":
            c["http"] = {"address": "127.0.0.1", "port": self.port, "web": str(BIN.parent / "page"),
                         "rate": 1000000, "burst": 1000000, **self.http}
            c.update(self.publisher)
            c["targets"] = [{"id": p.name, **loopback, **self.target_options, **p.target}
                            for p in self.portals] + self.more_targets
        if service in self.store:
            c["store"] = self.store[service]
        if service in self.observe:
            c["observe"] = self.observe[service]
        return c

    def configure(self):
        for service in SERVICES:
            self.config(service).write_text(yaml_text(self.settings(service)), encoding="utf-8")

    def observed(self, **more):
        """Gives each service an address for its metrics and health."""
        for s in SERVICES:
            self.observe[s] = {"port": free_port(), **more}

    def watch(self, service, path):
        return request(f"http://127.0.0.1:{self.observe[service]['port']}/{path}")

    def metrics(self, service):
        """{"name{labels}": Decimal} of what a service tells now."""
        a = self.watch(service, "metrics")
        if a.status != 200:
            raise HttpError(f"{service}: metrics: {a.status}")
        samples = (line.rpartition(" ") for line in a.body.decode().splitlines()
                   if not line.startswith("#"))
        return {name: Decimal(value) for name, _, value in samples}

    def open_door(self, tokens, **more):
        """Gives ingest an HTTP server; tokens: name → (role, [unit codes])."""
        lines = ""
        for name, (role, units) in tokens.items():
            code, out, err = run([BIN / "chiso", "token", "new", "--role", role, "--id", name,
                                  *(a for u in units for a in ("--unit", u))])
            if code != 0:
                raise AssertionError(f"chiso token new: exit {code}: {err}")
            self.tokens[name], _, entry = out.partition("\n")
            lines += entry
        file = self.dir / "tokens.yaml"
        file.write_text(f'format: "1"\ntokens:\n{lines}', encoding="utf-8")
        port = free_port()
        self.door = {"address": "127.0.0.1", "port": port, "tokens": str(file), **more}
        self.door_url = f"http://127.0.0.1:{port}"

    def at_door(self, method, path, token=None, body=None, headers=None, timeout=PATIENCE):
        """A request to ingest; token: the name of one, or None."""
        headers = dict(headers or {})
        if token is not None:
            headers["Authorization"] = f"Bearer {self.tokens.get(token, token)}"
        return request(self.door_url + path, method, headers, body, timeout)

    # -- processes --

    def processes(self):
        return [*self.services.values(), *(p.proc for p in self.portals), self.replay]

    def start(self, services=SERVICES, wait=True):
        self.configure()
        if not self.replay.running():
            self.replay.start()
        for p in self.portals:
            if not p.proc.running():
                p.proc.start()
        for s in services:
            self.services[s].start()
        if wait and "publisher" in services:
            for s in services:
                self.wait_ready(s)

    def wait_ready(self, service):
        """Until the service's present life says that it is ready."""
        p = self.services[service]
        self.wait(lambda: (p.ready(), p.tail(3)), f"{service} is ready")

    def tick(self):
        for p in self.processes():
            p.poll()

    def wait(self, condition, what, timeout=PATIENCE, poll=POLL):
        return wait_until(condition, what, timeout, self.tick, poll)

    def holds(self, check, what):
        """Until nothing that check() asserts is wrong: of what is so again after a pause."""
        self.wait(lambda: (check(), True)[1], what)

    def supervise(self, allowed_exits=()):
        for p in self.services.values():
            p.supervised = True
            p.allowed_exits |= set(allowed_exits)

    def stop_services(self, services=tuple(reversed(SERVICES))):
        for s in services:
            self.services[s].stop()

    def wipe(self, service):
        """Deletes the data of a stopped service."""
        assert not self.services[service].running()
        shutil.rmtree(self.data_dir(service))

    def close(self):
        """Ends everything; what was wrong with the processes fails the test."""
        for p in self.processes():
            try:
                p.stop()
            except Exception as e:  # nothing may keep the others alive
                p.surprises.append(repr(e))
        for clean in reversed(self.cleaners):
            clean()
        wrong = []
        for p in self.processes():
            report = p.sanitizer_report()
            if report:
                wrong.append(f"{p.name}: a sanitizer's report in its log:\n{report}")
            if p.surprises:
                wrong.append(f"{p.name} ended unexpectedly: {p.surprises} (all exits: {p.exits})")
        if wrong:
            raise AssertionError("\n".join(wrong))

    def logs(self, lines=25):
        return "\n".join(f"---- {p.log} (exits {p.exits})\n{p.tail(lines)}"
                         for p in self.processes() if p.log.exists())

    # -- the source --

    def control(self, **query):
        a = request(f"{self.replay_url}/control?{urllib.parse.urlencode(query)}", "POST")
        if a.status != 200:
            raise AssertionError(f"replay control {query}: {a.status} {a.body!r}")
        return a.json()

    def step(self, where="next"):
        now = self.control(step=where)
        self.source.current = now["index"]
        return now

    def set(self, series, row_id, field, value):
        self.control(set=f"{series}:{row_id}:{field}:{value}")
        self.source.overlays[(series, row_id, field)] = str(value)

    def requests(self):
        return get_json(f"{self.replay_url}/control")["requests"]

    def answers(self, series=None, since=0):
        """The replay's log: what it answered, oldest first."""
        return [a for a in json_lines(self.replay_log)[since:]
                if series is None or a["request"] == series]

    def wait_polls(self, n, series=None, what=None):
        """Until the source has answered n more times (each of the wanted series)."""
        names = self.series_names() if series is None else [series]
        start = len(self.answers())
        self.wait(lambda: (all(len(self.answers(s, start)) >= n for s in names),
                           {s: len(self.answers(s, start)) for s in names}),
                  what or f"{n} more polls of {names}")

    def series_names(self):
        return [f"{dvc}_{period}" for period in self.periods
                for dvc in ["0", *(UNITS[u]["dvc"] for u in self.units_of)]]

    # -- the API --

    def api(self, path):
        return counted(get_json(f"{self.url}/api/v1/{path}"), path)

    def ranking(self, period="2025", level="province", parent=None):
        query = {"level": level, **({"parent": parent} if parent else {})}
        return self.api(f"indexes/{INDEX}/{period}/ranking?{urllib.parse.urlencode(query)}")

    def unit(self, code, period="2025"):
        return self.api(f"indexes/{INDEX}/{period}/units/{code}")

    def history(self, code, period="2025"):
        """The revisions of this life of the scorer."""
        all_of_it = self.api(f"indexes/{INDEX}/{period}/units/{code}/history")["revisions"]
        return [h for h in all_of_it if h["epoch"] == all_of_it[0]["epoch"]]

    def cursor(self, seq):
        """A place in the publisher's journal, as clients hold it."""
        return get_json(f"{self.url}/healthz")["cursor"].rpartition("-")[0] + f"-{seq}"

    def sources(self):
        return {s["series"]: s for s in self.api("sources")["sources"]}

    def outcome(self, series):
        s = self.sources().get(series)
        return s and s["outcome"]

    def all_rankings(self):
        """{(period, level, parent): {code: member}} of what the API lists."""
        indexes = self.api("indexes")["indexes"]
        return {(g["period"], g["level"], g["parent"]):
                {u["code"]: u for u in self.ranking(g["period"], g["level"], g["parent"])["units"]}
                for i in indexes for g in i["levels"]}

    def revisions(self):
        return {(period, code): u["revision"]
                for (period, _, _), units in self.all_rankings().items()
                for code, u in units.items()}

    # -- agreement --

    def expected(self):
        return expected(self.source, self.series_names())

    def difference(self, want=None):
        """None when the API tells exactly what the recordings say; else the first difference."""
        want = self.expected() if want is None else want
        have = self.all_rankings()
        if set(have) != set(want):
            return f"groups {sorted(map(str, have))}, expected {sorted(map(str, want))}"
        for group, units in want.items():
            if set(have[group]) != set(units):
                return f"{group}: units {sorted(set(have[group]) ^ set(units))} on one side only"
            for code, unit in units.items():
                h = have[group][code]
                seen = {"points": h["points"], "rank": h["rank"], "name": h["name"],
                        "pillars": {p["code"]: p["points"] for p in h["pillars"]}}
                if any(seen[k] != unit[k] for k in seen):
                    return f"{group} {code}: {seen}, expected {({k: unit[k] for k in seen})}"
        return None

    def portal_difference(self, portal, but=()):
        """None when what the portal knows of every result is what the API tells, `but` for keys."""
        view = portal.view()
        have = self.all_rankings()
        subjects = {f"{INDEX}/{period}/{code}" for (period, _, _), units in have.items()
                    for code in units}
        if set(view) != subjects:
            return f"subjects {sorted(set(view) ^ subjects)[:5]} on one side only"
        keys = {"points", "max", "percent", "change", "rank", "previous_rank", "nation_rank",
                "revision", "as_of"} - set(but)
        for (period, _, _), units in have.items():
            for code, u in units.items():
                body = view[f"{INDEX}/{period}/{code}"]
                told = {**{k: body[k] for k in keys}, **body["unit"],
                        "pillars": [{k: p[k] for k in ("code", "points", "max", "status")}
                                    for p in body["pillars"]]}
                api = {**{k: u[k] for k in keys}, **{k: u[k] for k in body["unit"]},
                       "pillars": [{k: p[k] for k in ("code", "points", "max", "status")}
                                   for p in u["pillars"]]}
                if told != api:
                    return f"{portal.name} {period} {code}: {told}, the API: {api}"
        return None

    def verify_output(self):
        argv = [BIN / "chiso", "verify", "--index", CATALOG]
        for s in SERVICES:
            argv += [f"--{s}", self.data_dir(s)]
        return run(argv)

    def settle(self, timeout=PATIENCE, portals=None, but=()):
        """Until the API tells what the source does, every portal what the API does (`but` for
        those keys), and verify finds nothing."""
        for what, look in (
                ("the API agrees with the recordings", self.difference),
                *((f"{p.name} agrees with the API", lambda p=p: self.portal_difference(p, but))
                  for p in (self.portals if portals is None else portals))):
            def agrees(look=look):
                seen = look()
                return seen is None, seen
            self.wait(agrees, what, timeout, poll=0.05)

        def verified():
            code, out, err = self.verify_output()
            return code == 0, out + err
        self.wait(verified, "chiso verify finds nothing", timeout, poll=0.1)

    def delivered(self):
        """Until the publisher knows of all that the portals have taken: when it is killed now, it
        tells none of it again."""
        def look():
            code, out, err = run([BIN / "chiso", "target", "status", "--publisher",
                                  self.data_dir("publisher")])
            states = [json.loads(line)["state"] for line in out.splitlines()]
            return code == 0 and set(states) == {"up to date"}, (states, err)
        self.wait(look, "every portal is up to date", poll=0.1)

    def verify(self):
        """Asserts that verify finds nothing, but that the services were at work meanwhile."""
        def looked():
            code, out, err = self.verify_output()
            found = [line for line in out.splitlines() if line.startswith("FOUND")]
            busy = found and all("has not applied all of" in line for line in found)
            return None if busy else (code, out, err), out
        code, out, err = self.wait(looked, "chiso verify at a quiet moment", poll=0.1)
        if code != 0 or not out.rstrip().endswith("\n0 findings"):
            raise AssertionError(f"chiso verify: exit {code}\n{out}{err}")
        return out

    # -- what the stores hold --

    def journal(self, service):
        code, out, err = run([BIN / "chiso", "journal", "--data", self.data_dir(service)])
        if code != 0:
            raise AssertionError(f"chiso journal {service}: exit {code}: {err}")
        return [json.loads(line) for line in out.splitlines()]

    def heads(self):
        return {s: (self.journal(s) or [{"seq": 0}])[-1]["seq"] for s in SERVICES}

    def quarantine(self):
        code, out, err = run([BIN / "chiso", "quarantine", "list", "--ingest",
                              self.data_dir("ingest")])
        if code != 0:
            raise AssertionError(f"chiso quarantine list: exit {code}: {err}")
        return [json.loads(line) for line in out.splitlines()]

    def quarantined(self, number):
        code, out, err = run([BIN / "chiso", "quarantine", "show", "--ingest",
                              self.data_dir("ingest"), number])
        if code != 0:
            raise AssertionError(f"chiso quarantine show {number}: exit {code}: {err}")
        return json.loads(out)

    def dead_letters(self):
        code, out, err = run([BIN / "chiso", "dead", "list", "--publisher",
                              self.data_dir("publisher")])
        if code != 0:
            raise AssertionError(f"chiso dead list: exit {code}: {err}")
        return [json.loads(line) for line in out.splitlines()]

    def archived(self, sha256_hex):
        """The body under that hash, after checking that it is its hash."""
        path = self.data_dir("ingest") / "archive" / sha256_hex[:2] / sha256_hex
        body = path.read_bytes()
        if hashlib.sha256(body).hexdigest() != sha256_hex:
            raise AssertionError(f"{path} is not what its name says")
        return body

    # -- the portal's history --

    def to_be_told(self):
        """The keys of the notices of the publisher's journal that are for portals, in order."""
        return [j["event"]["notice"]["key"] for j in self.journal("publisher")
                if not j["event"]["notice"].get("internal")]

    def wait_delivered(self):
        """Until the publisher knows of every target that it has everything: an answer that is still
        on its way when the publisher stops makes it tell the same again."""
        def told():
            code, out, err = run([BIN / "chiso", "target", "status", "--publisher",
                                  self.data_dir("publisher")])
            targets = [json.loads(line) for line in out.splitlines()]
            return targets and all(t.get("behind") == "0" for t in targets), out + err
        self.wait(told, "every target has everything", poll=0.1)

    def check_portal_order(self, portal, whole=True):
        """Each change once in effect, per subject ascending, and (`whole`) from 1 without gaps and
        in the order of the publisher's journal, what was repeated being the same. A portal that was
        brought up to date from the read model has not all revisions, and the ranks of later."""
        if whole:  # what was settled may have one more notice on its way
            self.wait(lambda: (len(portal.effects()) >= len(self.to_be_told()),
                               portal.raw_lines()[-1:]),
                      f"{portal.name} was told everything", poll=0.1)
        seen_keys = set()
        bodies = {}
        for e in portal.lines() if whole else []:
            if bodies.setdefault(e["key"], e["body"]) != e["body"]:
                raise AssertionError(f"{portal.name}: {e['key']} was told with two contents:\n"
                                     f"{bodies[e['key']]}\n{e['body']}")
        last = {}
        for e in portal.effects():
            if e["key"] in seen_keys:
                raise AssertionError(f"{portal.name}: {e['key']} took effect twice")
            seen_keys.add(e["key"])
            epoch = e["key"].rpartition("@")[2]
            subject = (e["ce_type"], e["ce_subject"], epoch)
            revision = e["body"]["revision"]
            before = last.get(subject, 0)
            # all of a ranking may come behind the news of who moved, at the same revision
            again = revision == before and e["key"].startswith("whole-")
            if (revision <= before and not again) or (whole and revision != before + 1):
                raise AssertionError(f"{portal.name}: {subject} revision {revision} in effect "
                                     f"after {before}")
            last[subject] = revision
        if whole:
            told = [e["key"] for e in portal.effects()]
            wanted = self.to_be_told()
            for i, (a, b) in enumerate(zip(told, wanted)):
                if a != b:
                    raise AssertionError(f"{portal.name}: delivery {i} is {a}, the journal's {b}")
            if len(told) != len(wanted):
                raise AssertionError(f"{portal.name}: {len(told)} deliveries, the journal has "
                                     f"{len(wanted)}")
        return last

    def check_histories(self, whole=True):
        """Every unit's revisions without gaps (`whole`: back to the first), the newest being what
        is told; and the last notice of each unit at each portal is that revision."""
        views = [p.view() for p in self.portals]
        for (period, _, _), units in self.all_rankings().items():
            for code, u in units.items():
                history = self.history(code, period)
                numbers = [h["revision"] for h in history]
                first = 1 if whole or not numbers else numbers[-1]
                if not numbers or numbers != list(range(u["revision"], first - 1, -1)):
                    raise AssertionError(f"{period} {code}: history {numbers}, the unit is at "
                                         f"{u['revision']}")
                if history[0]["points"] != u["points"]:
                    raise AssertionError(f"{period} {code}: {history[0]}, the unit: {u}")
                for view in views:
                    told = view[f"{INDEX}/{period}/{code}"]["revision"]
                    if told != u["revision"]:
                        raise AssertionError(f"{period} {code}: the portal is at {told}, the API "
                                             f"at {u['revision']}")

    # -- change, at random --

    def random_change(self, rng):
        """Another value for one pillar of one unit."""
        series = rng.choice(self.series_names())
        row = rng.choice(self.source.rows(series))
        field = rng.choice(list(MAXIMA))
        value = Decimal(rng.randrange(0, MAXIMA[field] * 100 + 1)) / 100
        self.set(series, row["ID"], field, canonical(value))


def run(argv, timeout=600, given="", **more_environment):
    p = subprocess.run([str(a) for a in argv], input=given.encode(), capture_output=True,
                       timeout=timeout, env={**environment(), **more_environment})
    out, err = p.stdout.decode(errors="replace"), p.stderr.decode(errors="replace")
    if p.returncode == 99 or SANITIZER.search(err):
        raise AssertionError(f"{argv}: exit {p.returncode}\n{err[-4000:]}")
    return p.returncode, out, err


class Case(unittest.TestCase):
    """A test that owns rigs: they are closed, looked at and removed after it."""
    maxDiff = 4000

    def rig(self, **options):
        r = Rig(**options)
        self._rigs.append(r)
        self.addCleanup(r.close)
        return r

    def run(self, result=None):
        self._rigs = []
        before = len(result.failures) + len(result.errors) if result is not None else 0
        try:
            super().run(result)
        finally:
            failed = result is None or len(result.failures) + len(result.errors) > before
            for r in self._rigs:
                for p in r.processes():
                    p.supervised = False
                    p.kill()
                if failed:
                    print(f"\n==== {self.id()}: logs of {r.dir}\n{r.logs()}\n====",
                          file=sys.stderr, flush=True)
                if not os.environ.get("CHISO_KEEP"):
                    shutil.rmtree(r.dir, ignore_errors=True)
        return result
