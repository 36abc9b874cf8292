#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""nfqdnctl with a real daemon: what it prints as JSON, and how it ends."""
import os
import pathlib
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import dnswire  # noqa: E402
from netns import NFQDNCTL, PATIENCE, ROOT, case, check, expect, main, until  # noqa: E402

ALLOW = 'web: { names = [ "*.example.net", "www.example.org" ]; ports = [ "tcp/443", "udp/3478-3480" ]; }; cloud: { addresses = [ "20.190.0.0/24", "2603:1030:190::/48" ]; };' \
        ' intune: { service = "intune"; features = "core"; };'
INBOUND = 'sql: { addresses = "20.191.0.0/28"; to = "10.1.0.9"; ports = "tcp/1433"; };'
ZONE = {"www.example.net": ["20.192.0.1", "2603:1030::192"], "WWW.Example.ORG".lower(): ["20.192.0.1"], "portal.manage.microsoft.com": ["40.82.248.228"]}


def started(t):
    t.simple()
    t.dns(t.inet, ZONE, ttl=120)
    d = t.gateway(allow=ALLOW, inbound=INBOUND)
    t.client.lookup("10.2.0.2", "www.example.net")
    t.client.lookup("10.2.0.2", "www.example.net", dnswire.AAAA)
    return d


@case("learned: an array of elements, all, by name and by address", tags=["smoke"])
def learned(t):
    d = started(t)
    value = d.json("learned")
    array = value["learned"] if isinstance(value, dict) else value
    expect(len(array), 2 * 4, "elements: two addresses, four ports")
    one = next(e for e in array if e["address"] == "20.192.0.1" and e["proto"] == "tcp")
    expect({k: one[k] for k in ("family", "address", "proto", "port", "names", "entries", "ttl")},
           {"family": "ipv4", "address": "20.192.0.1", "proto": "tcp", "port": 443, "names": ["www.example.net"], "entries": ["web"], "ttl": 120}, "an element")
    check("group" in one and 300 - 10 * PATIENCE <= one["expires_in"] <= 300, f"group and life: {one}")
    six = next(e for e in array if e["family"] == "ipv6" and e["proto"] == "udp")
    expect((six["address"], six["port"] in (3478, 3479, 3480)), ("2603:1030::192", True), "an IPv6 element")
    expect({e["address"] for e in d.learned("20.192.0.1")}, {"20.192.0.1"}, "by address")
    expect({e["address"] for e in d.learned("WWW.example.NET.")}, {"20.192.0.1", "2603:1030::192"}, "by name")
    expect(d.learned("other.example.net"), [], "of a name that was not asked for")
    t.client.lookup("10.2.0.2", "www.example.org")
    expect(sorted(d.knows("20.192.0.1")["names"]), ["www.example.net", "www.example.org"], "two names of one address")
    text = d.ctl("learned").stdout
    check("20.192.0.1" in text and "www.example.net" in text, "the table for people")


@case("why: by name, by range, by local, for DNS, inbound; denied with a reason", tags=["smoke"])
def why(t):
    d = started(t)
    by_name = d.json("why", "20.192.0.1", "tcp/443")
    expect((by_name["address"], by_name["proto"], by_name["port"], by_name["verdict"]), ("20.192.0.1", "tcp", 443, "allowed"), "learned address")
    expect({k: by_name["by"][0][k] for k in ("entry", "via", "name")}, {"entry": "web", "via": "name", "name": "www.example.net"}, "by name")
    check(300 - 10 * PATIENCE <= by_name["by"][0]["expires_in"] <= 300, "its life")
    by_range = d.json("why", "20.190.0.77", "tcp/443")
    expect({k: by_range["by"][0][k] for k in ("entry", "via", "prefix")}, {"entry": "cloud", "via": "cidr", "prefix": "20.190.0.0/24"}, "by range")
    intune = d.json("why", "104.46.162.97", "tcp/80")
    expect((intune["by"][0]["prefix"], intune["by"][0]["row"]), ("104.46.162.96/27", "intune/core/163"), "a row of the catalog")
    for address, via in (("192.168.1.1", "local"), ("10.2.0.2", "local")):
        check(via in [b["via"] for b in d.json("why", address, "udp/53")["by"]], f"{address}: {via}")
    expect(d.json("why", "2603:1030:190::1", "tcp/443")["verdict"], "allowed", "IPv6")
    inbound = d.json("why", "10.1.0.9", "tcp/1433", "from", "20.191.0.5")
    expect((inbound["verdict"], inbound["by"][0]["via"], inbound["by"][0]["entry"]), ("allowed", "inbound", "sql"), "inbound")
    for arguments in (("20.192.0.1", "tcp/80"), ("20.193.0.1", "tcp/443"), ("20.190.0.77", "udp/443"), ("2603:1030:191::1",), ("10.1.0.9", "tcp/1433", "from", "20.191.0.99")):
        value = d.json("why", *arguments, ok=1)
        expect((value["verdict"], value["by"]), ("denied", []), f"why {arguments}")
    expect(d.json("why", "20.192.0.1")["verdict"], "allowed", "without a port: any is allowed")
    # What it says is what the packets meet.
    for address, port in (("20.192.0.1", 443), ("20.190.0.77", 443), ("20.192.0.1", 80), ("20.193.0.1", 443), ("104.46.162.97", 80)):
        allowed = d.ctl("why", address, f"tcp/{port}", ok=None).returncode == 0
        expect(t.client.tcp(address, port).result, "open" if allowed else "reset", f"{address} port {port}")


@case("explain: the entry, pattern, row and ports; a hint at a denied apex", tags=["smoke"])
def explain(t):
    d = started(t)
    value = d.json("explain", "a.b.EXAMPLE.net")
    expect((value["name"], value["verdict"]), ("a.b.example.net", "allowed"), "allowed")
    expect({k: value["by"][0][k] for k in ("entry", "pattern")}, {"entry": "web", "pattern": "*.example.net"}, "by")
    check("tcp/443" in value["by"][0]["ports"] and any(p.startswith("udp/3478") for p in value["by"][0]["ports"]), f"ports as strings: {value}")
    value = d.json("explain", "portal.manage.microsoft.com")
    expect((value["by"][0]["entry"], value["by"][0]["row"]), ("intune", "intune/core/163"), "a row of the catalog")
    value = d.json("explain", "example.net", ok=1)
    expect((value["verdict"], value["by"]), ("denied", []), "the apex")
    check("hint" in value, "with a hint")
    value = d.json("explain", "www.example.com", ok=1)
    expect((value["verdict"], "hint" in value), ("denied", False), "another name")


@case("status and policy: version, table, mode, backend, every counter, sizes", tags=["smoke"])
def status(t):
    d = started(t)
    value = d.status()
    expect((value["table"], value["mode"], value["queue"]["backend"] in ("native", "xtables")), ("nfqdn", "enforce", True), "table, mode, backend")
    check(value["version"] and value["generation"] == 1, "version, generation")
    expect((value["learned"]["ipv4"], value["learned"]["ipv6"]), (4, 4), "learned")
    source = (ROOT / "daemon/base/counters.h").read_text(encoding="utf-8")
    names = [line.split("C(")[1].split(",")[0] for line in source.splitlines() if line.startswith("\tC(")]
    check(len(names) > 20, "counters of the table")
    expect([n for n in names if not isinstance(value["counters"].get(n), int)], [], "counters that status lacks")
    expect((value["counters"]["answers_taught"], value["counters"]["elements_added"], value["counters"]["packets_queued"]), (2, 8, 2), "counters")
    check(0 < value["counters"]["hold_microseconds_max"] <= value["counters"]["hold_microseconds"] < 2_000_000, "the time that answers were held")
    text = d.ctl("policy").stdout
    check("web" in text and "sql" in text and "intune" in text, "policy names the entries")
    check(isinstance(d.json("policy"), dict), "policy as JSON")


@case("wait: ready, learned NAME, generation N, and its time-out", tags=["smoke"])
def wait(t):
    d = started(t)
    d.ctl("wait", "ready")
    d.ctl("wait", "learned", "www.example.net")
    began = time.monotonic()
    d.ctl("wait", "learned", "www.example.org", "--timeout", "1", ok=1)
    check(0.9 < time.monotonic() - began < 3 * PATIENCE, "it waited for its time")
    d.ctl("wait", "generation", "2", "--timeout", "0", ok=1)
    waiting = t.gw.popen([NFQDNCTL, "-s", str(d.socket_path), "wait", "learned", "www.example.org", "--timeout", "20"])
    until(lambda: pathlib.Path(f"/proc/{waiting.pid}/wchan").exists(), "it runs")
    t.client.lookup("10.2.0.2", "www.example.org")
    expect(waiting.wait(5 * PATIENCE), 0, "it ends when the name is learned")
    waiting = t.gw.popen([NFQDNCTL, "-s", str(d.socket_path), "wait", "generation", "2", "--timeout", "20"])
    d.reload()
    expect(waiting.wait(5 * PATIENCE), 0, "it ends when the generation is there")


@case("exit codes: 2 for what makes no sense, 3 without a daemon; the socket from the environment")
def exits(t):
    d = started(t)
    for arguments in ((), ("nonsense",), ("why",), ("why", "not-an-address"), ("why", "1.2.3.4", "tcp/99999"), ("why", "1.2.3.4", "sctp/1"), ("explain",), ("wait",), ("wait", "nonsense"),
                      ("learned", "a", "b"), ("--nonsense",)):
        done = d.ctl(*arguments, ok=2)
        check((done.stdout + done.stderr).strip(), f"{arguments}: it says why")
    done = t.gw.run(["env", f"NFQDN_SOCKET={d.socket_path}", NFQDNCTL, "status"])
    check("enforce" in done.stdout, "the socket from the environment")
    for command in (["status"], ["learned"], ["why", "1.2.3.4"], ["wait", "ready", "--timeout", "0"]):
        done = t.gw.run([NFQDNCTL, "-s", str(t.folder / "no.sock"), *command], ok=False)
        expect(done.returncode, 3, f"{command} without a daemon")
        check("no.sock" in done.stderr, f"{command}: the socket is named")
    d.kill()
    d.ctl("status", ok=3)


@case("reload told by nfqdnctl: generation, problems with file and line as JSON")
def reload_json(t):
    d = started(t)
    value = d.json("reload")
    expect((value["ok"], value["generation"]), (True, 2), "a good reload")
    d.write(t.config(allow='web: { names = "*.example.net";\n ports = "tcp/0"; nonsense = 1; };'))
    value = d.json("reload", ok=1)
    expect((value["ok"], value["errors"] >= 2), (False, True), "a bad reload tells every error")
    for problem in value["problems"]:
        check(problem["file"].endswith("nfqdn.conf") and problem["line"] > 0 and problem["text"], f"a problem: {problem}")
    d.write(d.config)


@case("hostile clients of the control socket do not stop the daemon: endless lines, garbage, silence, many at once", tags=["smoke"])
def hostile(t):
    d = started(t)

    def connect():
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(5)
        sock.connect(str(d.socket_path))
        return sock

    silent = [connect() for _ in range(8)]
    for data in (b"\0" * 1000 + b"\n", b"{" * 60000 + b"\n", b"[" * 200000, b'{"api":1,"command":"status"}', b'{"api":999}\n', b'{"api":1,"command":"why","address":["x"]}\n', b"\xff\xfe\n"):
        sock = connect()
        try:
            sock.sendall(data)
        except OSError:
            pass
        sock.close()
    half = connect()
    half.sendall(b'{"api":1,"command":"learned"}\n')
    half.close()
    t.client.lookup("10.2.0.2", "www.example.org")
    expect(t.client.tcp("20.192.0.1").result, "open", "it goes on learning")
    for sock in silent:
        sock.close()
    until(lambda: d.status()["ready"], "it answers again")
    check(os.path.exists(f"/proc/{d.process.pid}"), "it lives")


if __name__ == "__main__":
    main()
