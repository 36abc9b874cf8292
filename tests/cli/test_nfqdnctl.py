#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""nfqdnctl: its command line, what works without a daemon, and how it takes what a daemon may say (one made up here)."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import tap  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("NFQDN_BUILD", ROOT / "build"))
NFQDNCTL = str(BUILD / "nfqdnctl")
DATA = str(ROOT / "data")
CASES = tap.Cases()
case = CASES.case


class Ran:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def __repr__(self):
        return f"status {self.status}\nstdout: {self.out}\nstderr: {self.err}"

    @property
    def json(self):
        return json.loads(self.out)


def ctl(*words, env=None, stdout=None):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("NFQDN_")}
    done = subprocess.run([NFQDNCTL, *words], stdout=stdout or subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60,
                          env={**clean, "ASAN_OPTIONS": clean.get("ASAN_OPTIONS", ""), **(env or {})}, check=False)
    return Ran(done.returncode, done.stdout, done.stderr)


def expect(ran, status, *parts, where="both"):
    text = {"out": ran.out, "err": ran.err, "both": (ran.out or "") + ran.err}[where]
    assert ran.status == status, f"status {status} expected\n{ran}"
    for part in parts:
        assert part in text, f"{part!r} is missing\n{ran}"
    return ran


class Daemon:
    """A socket that answers each connection by `answer(request) -> bytes` (None: hangs up)."""

    def __init__(self, answer, delay=0.0):
        self.folder = tempfile.TemporaryDirectory(prefix="nfqdn-cli-")
        self.path = os.path.join(self.folder.name, "control.sock")
        self.answer, self.delay, self.requests, self.closing = answer, delay, [], False
        self.socket = socket.socket(socket.AF_UNIX)
        self.thread = threading.Thread(target=self.serve)

    def serve(self):
        time.sleep(self.delay)  # the daemon is late on purpose: this is what is under test
        # It appears at its path only when it listens: a client between the two steps would be refused.
        self.socket.bind(self.path + ".new")
        self.socket.listen(8)
        os.rename(self.path + ".new", self.path)
        self.socket.settimeout(0.05)
        while not self.closing:
            try:
                client, _ = self.socket.accept()
            except TimeoutError:
                continue
            with client, client.makefile("rb") as stream:
                client.settimeout(10)
                line = stream.readline()
                self.requests.append(json.loads(line))
                answer = self.answer(self.requests[-1])
                if answer is not None:
                    try:
                        client.sendall(answer)
                    except OSError:
                        pass

    def __enter__(self):
        self.thread.start()
        deadline = time.monotonic() + 10
        while not self.delay and not os.path.exists(self.path) and time.monotonic() < deadline:
            time.sleep(0.005)
        return self

    def __exit__(self, *_):
        self.closing = True
        self.thread.join()
        self.socket.close()
        self.folder.cleanup()

    def ctl(self, *words):
        return ctl("-s", self.path, *words)


def result(value, status=0):
    return lambda _: json.dumps({"api": 1, "ok": True, "exit": status, "result": value}).encode() + b"\n"


# ---- the command line ----

@case("--help lists each command and option, exit 0")
def _():
    ran = expect(ctl("--help"), 0, "usage: nfqdnctl", "exit status: 0 yes, 1 no", where="out")
    for word in ("status", "policy", "learned", "why", "explain", "wait", "reload", "confirm", "doctor", "catalog", "--socket", "--json", "--timeout"):
        assert word in ran.out, ran
    expect(ctl("why", "--help"), 0, "usage: nfqdnctl why ADDR [PROTO/PORT] [from CLIENT]", where="out")


@case("--version")
def _():
    assert ctl("--version").out.split()[0] == "nfqdnctl"


@case("no command, exit 2")
def _():
    expect(ctl(), 2, "usage:", where="err")


@case("an unknown command names the nearest one, exit 2")
def _():
    expect(ctl("statsu"), 2, 'unknown command "statsu"; did you mean "status"?', where="err")
    expect(ctl("explian", "a.b"), 2, 'did you mean "explain"?', where="err")
    assert "did you mean" not in expect(ctl("frobnicate"), 2, "--help", where="err").err


@case("usage errors, each exit 2 and with what would be right")
def _():
    for words, part in {
        ("--frob", "status"): "usage:",
        ("status", "now"): "it takes no arguments",
        ("why",): "ADDR is missing",
        ("why", "192.0.2.0/24"): "single IPv4 or IPv6 addresses",
        ("why", "192.0.2.1", "443"): "tcp/443",
        ("why", "192.0.2.1", "tcp/80-90"): "one port",
        ("why", "192.0.2.1", "tcp/443", "udp/53"): "from CLIENT",
        ("why", "192.0.2.1", "tcp/443", "from"): "from CLIENT",
        ("why", "192.0.2.1", "from", "somebody"): "ADDR and CLIENT",
        ("explain",): "exactly one name",
        ("explain", "a.b", "c.d"): "exactly one name",
        ("explain", "https://a.b/"): "without scheme",
        ("explain", "a..b"): "DNS name",
        ("explain", "192.0.2.1"): "DNS name",
        ("learned", "192.0.2.0/24"): "single address",
        ("learned", "1.2.3"): "single address",
        ("learned", "a", "b"): "one name or address",
        ("learned", "import"): "one FILE",
        ("learned", "import", "a", "b"): "one FILE",
        ("learned", "export", "a"): "one name or address",
        ("wait",): "`ready`",
        ("wait", "rain"): "`ready`",
        ("wait", "ready", "now"): "`ready`",
        ("wait", "generation", "-1"): "",
        ("wait", "generation", "1x"): "whole number",
        ("wait", "generation", "99999999999999999999"): "whole number",
        ("wait", "ready", "--timeout", "soon"): "--timeout takes a number",
        ("wait", "ready", "--timeout", "-1"): "--timeout takes a number",
        ("status", "--timeout", "3"): "--timeout is for `wait` and `watch` only",
        ("learned", "--catalog", "x"): "--catalog is for `catalog` only",
        ("catalog", "frob"): "`list` or `show",
        ("catalog", "show"): "`list` or `show",
        ("catalog", "show", "a", "b"): "`list` or `show",
    }.items():
        expect(ctl(*words), 2, part, where="err")


@case("no daemon, exit 3, also told in JSON")
def _():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "none.sock")
        expect(ctl("status", "-s", path), 3, f"no daemon at {path}", where="err")
        expect(ctl("status", env={"NFQDN_SOCKET": path}), 3, f"no daemon at {path}", where="err")
        ran = ctl("--json", "status", "-s", path)
        assert ran.status == 3 and ran.json["api"] == 1 and ran.json["ok"] is False and ran.json["exit"] == 3, ran
        dead = socket.socket(socket.AF_UNIX)
        dead.bind(path)
        dead.close()
        expect(ctl("reload", "-s", path), 3, "no daemon at", where="err")
    expect(ctl("status", "-s", "/" + "x" * 200), 3, "no daemon at", where="err")


@case("-s beats NFQDN_SOCKET; options stand before or after the command")
def _():
    with Daemon(result({"name": "a.b", "verdict": "allowed", "by": []})) as daemon:
        for words in (("-s", daemon.path, "explain", "a.b", "--json"), ("--json", "explain", "-s", daemon.path, "a.b"),
                      ("explain", "a.b", "--json", "--socket", daemon.path), ("explain", "--json", f"--socket={daemon.path}", "a.b")):
            ran = ctl(*words, env={"NFQDN_SOCKET": "/nowhere"})
            assert ran.status == 0 and ran.json == {"api": 1, "name": "a.b", "verdict": "allowed", "by": []}, ran
        assert daemon.requests[0] == {"api": 1, "command": "explain", "name": "a.b"}


# ---- requests ----

@case("the words of each command become its request")
def _():
    with Daemon(result({})) as daemon:
        for words, request in {
            ("status",): {},
            ("policy",): {},
            ("learned",): {},
            ("learned", "A.example"): {"name": "A.example"},
            ("learned", "export"): {"export": True},
            ("learned", "2001:db8::1"): {"address": "2001:db8::1"},
            ("why", "192.0.2.1"): {"address": "192.0.2.1"},
            ("why", "192.0.2.1", "udp/53"): {"address": "192.0.2.1", "port": "udp/53"},
            ("why", "192.0.2.1", "from", "10.0.0.1"): {"address": "192.0.2.1", "from": "10.0.0.1"},
            ("why", "192.0.2.1", "icmp", "from", "10.0.0.1"): {"address": "192.0.2.1", "port": "icmp", "from": "10.0.0.1"},
            ("explain", "x.example"): {"name": "x.example"},
            ("reload",): {},
            ("reload", "--confirm", "120"): {"confirm": 120},
            ("confirm",): {},
            ("confirm", "--undo"): {"undo": True},
            ("doctor",): {},
            ("wait", "ready"): {"for": "ready", "timeout": 30},
            ("wait", "learned", "x.example", "--timeout", "5"): {"for": "learned", "name": "x.example", "timeout": 5},
            ("wait", "generation", "7", "--timeout", "0"): {"for": "generation", "generation": 7, "timeout": 0},
        }.items():
            daemon.ctl(*words)
            assert daemon.requests[-1] == {"api": 1, "command": words[0], **request}, daemon.requests[-1]


# ---- answers ----

@case("the daemon's yes and no become the exit status")
def _():
    for status in (0, 1):
        with Daemon(result({"name": "a.b", "verdict": "?", "by": []}, status)) as daemon:
            assert daemon.ctl("explain", "a.b").status == status


@case("an error of the daemon is told on standard error, and in JSON")
def _():
    with Daemon(lambda _: b'{"api":1,"ok":false,"exit":1,"error":"too many control clients at once"}\n') as daemon:
        expect(daemon.ctl("status"), 1, "too many control clients", where="err")
        ran = expect(daemon.ctl("status", "--json"), 1)
        assert ran.json == {"api": 1, "ok": False, "exit": 1, "error": "too many control clients at once"}, ran


@case("`learned --json` prints the array itself; objects carry api 1 first; two spaces of indent")
def _():
    element = {"family": "ipv4", "address": "192.0.2.1", "proto": "tcp", "port": 443, "group": "", "names": ["a.b"], "entries": ["e"],
               "ttl": 60, "expires_in": 252}
    with Daemon(result([element])) as daemon:
        ran = daemon.ctl("learned", "--json")
        assert ran.json == [{"api": 1, **element}] and ran.out.startswith("[\n  {\n    \"api\": 1,\n    \"family\""), ran
    with Daemon(result({"z": 1, "a": 2})) as daemon:
        assert daemon.ctl("status", "--json").out == '{\n  "api": 1,\n  "z": 1,\n  "a": 2\n}\n'


@case("learned as a table: aligned, empty columns left out, durations for people")
def _():
    rows = [{"family": "ipv4", "address": "192.0.2.1", "proto": "tcp", "port": 443, "group": "", "names": ["a.b", "c.d"],
             "entries": ["web"], "ttl": 60, "expires_in": 252},
            {"family": "ipv6", "address": "2001:db8::1", "proto": "icmp", "port": None, "group": "", "names": [], "entries": [],
             "ttl": 7200, "expires_in": 3}]
    with Daemon(result(rows)) as daemon:
        assert daemon.ctl("learned").out.splitlines() == [
            "ADDRESS      PORT     EXPIRES    TTL  ENTRIES  NAMES",
            "192.0.2.1    tcp/443    4m12s  1m00s  web      a.b c.d",
            "2001:db8::1  icmp          3s  2h00m"], daemon.ctl("learned")
    rows[1]["group"] = "kiosk"
    with Daemon(result(rows)) as daemon:
        assert "GROUP" in daemon.ctl("learned").out
    with Daemon(result([])) as daemon:
        assert daemon.ctl("learned").out == "nothing learned\n"


@case("why and explain as text, with reason and hint")
def _():
    with Daemon(result({"address": "192.0.2.1", "proto": "tcp", "port": 443, "verdict": "denied", "by": [], "reason": "for a reason"}, 1)) as daemon:
        assert daemon.ctl("why", "192.0.2.1", "tcp/443").out == "192.0.2.1 tcp/443: denied: for a reason\n"
    with Daemon(result({"address": "192.0.2.1", "mode": "audit", "verdict": "denied", "by": [], "reason": "for a reason"}, 1)) as daemon:
        assert daemon.ctl("why", "192.0.2.1").out.splitlines()[1] == "  mode audit: it passes all the same, and is counted"
    with Daemon(result({"address": "192.0.2.1", "mode": "mark", "verdict": "denied", "by": [], "reason": "for a reason"}, 1)) as daemon:
        assert daemon.ctl("why", "192.0.2.1").out.splitlines()[1] == "  mode mark: it passes without the mark, and is counted; your own rules decide"
    by = {"entry": "web", "group": "", "via": "name", "name": "a.b", "pattern": "*.b", "row": None, "ports": ["tcp/443"], "expires_in": 61}
    with Daemon(result({"address": "192.0.2.1", "proto": None, "port": None, "verdict": "allowed", "by": [by]})) as daemon:
        assert daemon.ctl("why", "192.0.2.1").out.splitlines() == [
            "192.0.2.1: allowed", "  VIA   WHAT  PORTS    ENTRY  EXPIRES", "  name  a.b   tcp/443  web      1m01s"], daemon.ctl("why", "192.0.2.1")
    with Daemon(result({"name": "b", "verdict": "denied", "by": [], "hint": "*.b is allowed"}, 1)) as daemon:
        assert daemon.ctl("explain", "b").out == "b: denied\n  hint: *.b is allowed\n"


@case("reload prints each problem with its place")
def _():
    problem = {"severity": "error", "file": "/etc/nfqdn.conf", "line": 3, "setting": "gateway.mode", "text": "no"}
    with Daemon(result({"ok": False, "generation": 4, "errors": 1, "problems": [problem]}, 1)) as daemon:
        ran = daemon.ctl("reload")
        assert ran.status == 1 and ran.out == "/etc/nfqdn.conf:3: error: gateway.mode: no\nrefused: generation 4 stays in force\n", ran
    with Daemon(result({"ok": True, "generation": 5, "errors": 0, "problems": []})) as daemon:
        assert daemon.ctl("reload").out == "reloaded: generation 5\n"
    with Daemon(result({"ok": True, "generation": 5, "errors": 0, "confirm_in": 119, "problems": []})) as daemon:
        assert daemon.ctl("reload").out == "reloaded: generation 5, which goes back in 119 s unless `nfqdnctl confirm` comes\n"
    for kept, told in ((True, "confirmed: generation 5\n"), (False, "gone back: generation 5\n")):
        with Daemon(result({"kept": kept, "generation": 5})) as daemon:
            assert daemon.ctl("confirm").out == told


@case("control characters in what the daemon says do not reach the terminal")
def _():
    evil = "x\x1b[2J\ny"
    rows = [{"address": evil, "names": [evil], "entries": [evil], "proto": evil, "group": evil}]
    problem = {"severity": "error", "file": evil, "line": 3, "setting": evil, "text": evil}
    answers = {"learned": rows, "reload": {"ok": False, "problems": [problem]}, "policy": {"entries": [{"entry": evil, "warnings": [evil], "names": [evil]}]},
               "status": {"config": evil, "table": evil, "version": evil, "counters": {evil: 1}},
               "why": {"address": evil, "verdict": evil, "reason": evil, "from": evil, "by": [{"via": evil, "prefix": evil}]},
               "explain": {"name": evil, "verdict": evil, "hint": evil, "by": [{"pattern": evil}]}, "wait": {"met": False, "for": evil},
               "doctor": {"findings": [{"check": evil, "severity": "error", "seen": evil, "fix": evil}], "resolvers": [{"address": evil}], "checks": [evil]}}
    words = {"why": ["192.0.2.1"], "explain": ["a.b"], "wait": ["ready", "--timeout", "0"]}
    for command, value in answers.items():
        with Daemon(result(value)) as daemon:
            ran = daemon.ctl(command, *words.get(command, []))
            assert "\x1b" not in ran.out + ran.err and "x\n" not in ran.out, ran
    with Daemon(lambda _: json.dumps({"api": 1, "ok": False, "exit": 1, "error": evil}).encode() + b"\n") as daemon:
        ran = daemon.ctl("status")
        assert "\x1b" not in ran.err, ran


HOSTILE = 'a"b\\c\nd} 1\x1b[31m\u00e9'


@case("metrics: hostile labels and helps stay inside their quotes and lines; what is no metric is left out")
def _():
    metric = {"name": "nfqdn_x", "type": "gauge", "help": "a\\b\n# TYPE y gauge", "samples": [{"labels": {"k": HOSTILE, "no-key": "x", "n": 1}, "value": 2}]}
    seconds = {"name": "nfqdn_s", "type": "histogram", "help": "s", "samples": [{"labels": {"k": '"'}, "buckets": [{"le": 0.00025, "count": 1}], "sum": 0.5, "count": 3}]}
    wrong = [{**metric, "name": name} for name in ("", "1x", "a b", "a\nb")] + [{**metric, "type": "gauge\nx"}, {**metric, "samples": []}, {}, 5, None]
    with Daemon(result({"metrics": [metric, *wrong, seconds]})) as daemon:
        ran = expect(daemon.ctl("metrics"), 0)
    assert ran.out.splitlines() == [
        "# HELP nfqdn_up 1 when the daemon answered.", "# TYPE nfqdn_up gauge", "nfqdn_up 1",
        "# HELP nfqdn_x a\\\\b\\n# TYPE y gauge", "# TYPE nfqdn_x gauge", 'nfqdn_x{k="a\\"b\\\\c\\nd} 1\\\\x1b[31m\u00e9"} 2',
        "# HELP nfqdn_s s", "# TYPE nfqdn_s histogram", 'nfqdn_s_bucket{k="\\"",le="0.00025"} 1', 'nfqdn_s_bucket{k="\\"",le="+Inf"} 3',
        'nfqdn_s_sum{k="\\""} 0.5', 'nfqdn_s_count{k="\\""} 3'], ran
    if shutil.which("promtool"):
        done = subprocess.run(["promtool", "check", "metrics"], input=ran.out, capture_output=True, text=True, timeout=60, check=False)
        assert "error" not in done.stderr, done


@case("results of another shape are printed without harm")
def _():
    shapes = [[], {}, None, 7, "x", [[[]]], [None, 1], ["x", None, 1], {"by": 7, "entries": {"a": 1}, "problems": [None], "queue": [], "counters": 4,
                                                          "learned": None, "policy": "x", "groups": [1], "uptime": "x", "generation": None, "findings": [7, {"severity": "note"}], "resolvers": [None], "checks": 3}]
    words = {"why": ["192.0.2.1"], "explain": ["a.b"], "wait": ["ready", "--timeout", "0"]}
    for command in ("status", "policy", "learned", "why", "explain", "wait", "reload", "doctor"):
        for shape in shapes:
            with Daemon(result(shape)) as daemon:
                for extra in ([], ["--json"]):
                    ran = daemon.ctl(command, *words.get(command, []), *extra)
                    assert ran.status in (0, 1), ran


@case("what answers is no daemon of ours: exit 3")
def _():
    for bytes_ in (b"hello\n", b"{}\n", b"[1]\n", b'{"api":2,"ok":true,"exit":0,"result":{}}\n', b'{"api":1}\n', b"\x00\xff\n"):
        with Daemon(lambda _, b=bytes_: b) as daemon:
            expect(daemon.ctl("status"), 3, "not nfqdnd", where="err")
    for bytes_ in (None, b"", b'{"api":1,"ok":true,"exit":0,"res'):
        with Daemon(lambda _, b=bytes_: b) as daemon:
            expect(daemon.ctl("status"), 3, "no daemon at", where="err")


@case("an answer of 30 MB arrives whole")
def _():
    rows = [{"family": "ipv4", "address": f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}", "proto": "tcp", "port": 443, "group": "", "ttl": 60,
             "names": [f"host-{i}.a-rather-long-name.of-some-service.example.com"], "entries": ["entry"], "expires_in": 300} for i in range(150000)]
    with Daemon(result(rows)) as daemon:
        ran = daemon.ctl("learned")
        assert ran.status == 0 and len(ran.out.splitlines()) == 150001


@case("a full disk is told")
def _():
    if not os.path.exists("/dev/full"):
        return
    with open("/dev/full", "w", encoding="ascii") as full:
        expect(ctl("--help", stdout=full), 1, "cannot write", where="err")


# ---- wait ----

@case("wait waits for the daemon's socket, too")
def _():
    with Daemon(result({"for": "ready", "met": True}), delay=0.4) as daemon:
        ran = daemon.ctl("wait", "ready", "--timeout", "20")
        assert ran.status == 0 and ran.out == "", ran


@case("wait without a daemon gives up in time, exit 3; --timeout 0 looks once")
def _():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "none.sock")
        began = time.monotonic()
        expect(ctl("wait", "ready", "--timeout", "1", "-s", path), 3, "no daemon", where="err")
        assert 0.9 < time.monotonic() - began < 10
        began = time.monotonic()
        expect(ctl("wait", "ready", "--timeout", "0", "-s", path), 3, "no daemon", where="err")
        assert time.monotonic() - began < 5


@case("wait goes on when the daemon is started again meanwhile")
def _():
    answers = [None, None, result({"for": "ready", "met": True})(None)]
    with Daemon(lambda _: answers.pop(0)) as daemon:
        assert daemon.ctl("wait", "ready", "--timeout", "20").status == 0
        assert len(daemon.requests) == 3


@case("wait that was in vain, exit 1")
def _():
    with Daemon(result({"for": "learned", "met": False}, 1)) as daemon:
        expect(daemon.ctl("wait", "learned", "a.b", "--timeout", "1"), 1, "timed out: not learned")


# ---- catalog ----

@case("catalog and catalog list: services, features, clouds, regions, scale units, tenants; no daemon")
def _():
    listed = expect(ctl("catalog", "--catalog", DATA), 0, "intune: Microsoft Intune", "power-bi", "power-automate", "delivery-optimization",
                    "gcc-high", "AMSUA0501", "United Kingdom", "North America", "only by name", where="out")
    assert ctl("catalog", "list", "--catalog", DATA).out == listed.out
    assert all(line == line.rstrip() for line in listed.out.splitlines())
    value = ctl("catalog", "list", "--json", "--catalog", DATA).json
    assert value["api"] == 1 and {s["service"] for s in value["services"]} >= {"intune", "power-bi", "power-automate"}
    rows = {s["service"]: s["rows"] for s in value["services"]}
    for service, count in rows.items():
        assert len(json.loads((ROOT / "data" / f"{service}.json").read_text())["rows"]) == count, service


@case("catalog show: a service, a feature, a row")
def _():
    value = ctl("catalog", "show", "intune/core/163", "--json", "--catalog", DATA).json
    assert value["api"] == 1 and len(value["rows"]) == 1
    row = value["rows"][0]
    assert row["row"] == "intune/core/163" and "*.manage.microsoft.com" in row["names"] and row["ports"] == ["tcp/80", "tcp/443"]
    assert row["document"] and row["as_of"] == "2025-01-09" and row["required"] is True and row["state"] == "published"
    text = expect(ctl("catalog", "show", "intune/core/163", "--catalog", DATA), 0, "*.manage.microsoft.com", "104.46.162.96/27", "tcp/443",
                  "2025-01-09", where="out").out
    assert max(len(line) for line in text.splitlines() if not line.startswith("  notes")) < 110
    core = ctl("catalog", "show", "intune/core", "--json", "--catalog", DATA).json["rows"]
    every = ctl("catalog", "show", "intune", "--json", "--catalog", DATA).json["rows"]
    assert 1 < len(core) < len(every) and {r["feature"] for r in core} == {"core"}


@case("catalog show of what is not there, exit 1, with the nearest name")
def _():
    expect(ctl("catalog", "show", "inutne", "--catalog", DATA), 1, 'did you mean "intune"?', where="err")
    expect(ctl("catalog", "show", "intune/cor", "--catalog", DATA), 1, 'did you mean "intune/core"?', where="err")
    ran = expect(ctl("catalog", "show", "intune/core/none", "--json", "--catalog", DATA), 1)
    assert ran.json == {"api": 1, "rows": []}


@case("folders come from --catalog, NFQDN_CATALOG, and override each other by row")
def _():
    with tempfile.TemporaryDirectory() as folder:
        row = {"feature": "core", "id": "163", "title": "Ours", "urls": ["ours.example"], "tcpPorts": "443", "required": True, "cloud": ["public"],
               "direction": "outbound", "state": "published", "asOf": "2026-01-01", "source": {"document": "ours", "section": "1"}}
        pathlib.Path(folder, "intune.json").write_text(json.dumps({"format": 1, "service": "intune", "title": "Intune", "rows": [row]}))
        assert ctl("catalog", "show", "intune/core/163", "--json", "--catalog", DATA, "--catalog", folder).json["rows"][0]["title"] == "Ours"
        env = {"NFQDN_CATALOG": f"{DATA}:{folder}"}
        assert ctl("catalog", "show", "intune/core/163", "--json", env=env).json["rows"][0]["title"] == "Ours"
        env = {"NFQDN_CATALOG": DATA}
        assert ctl("catalog", "show", "intune/core/163", "--json", env=env).json["rows"][0]["title"] != "Ours"
        pathlib.Path(folder, "intune.json").write_text("{")
        expect(ctl("catalog", "--catalog", folder), 1, "intune.json", "error", where="err")
    expect(ctl("catalog", "--catalog", "/nonexistent"), 1, "/nonexistent", where="err")


def main():
    signal.alarm(240)
    return tap.run(CASES, lambda case: not os.access(NFQDNCTL, os.X_OK) and f"{NFQDNCTL} is not built")


if __name__ == "__main__":
    sys.exit(main())
