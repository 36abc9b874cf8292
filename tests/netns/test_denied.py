#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""nfqdnctl denied: what is denied is told with the name behind it, and why."""
import json
import pathlib
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import dnswire  # noqa: E402
import packets  # noqa: E402
from netns import NFQDNCTL, NFQDND, PATIENCE, case, check, expect, main, until  # noqa: E402

ALLOW = '''web: { names = [ "*.example.net" ]; };
    mail: { names = [ "mail.example.com" ]; clients = [ "10.1.0.3" ]; };
    cloud: { addresses = [ "20.90.0.0/24" ]; };'''
ZONE = {"www.example.net": ["20.91.0.1", "2603:1030:91::1"], "example.net": ["20.91.0.2"], "www.example.org": ["20.91.0.3", "2603:1030:91::3"],
        "mail.example.com": ["20.91.0.4"], "bing.com": ["20.91.0.5"], "short.example.net": ["20.91.0.6"]}
RATE, BURST, DENIALS = 100, 200, 2048  # base/limits.h


def denials(d, *arguments):
    return d.json("denied", *arguments)


def denial(d, address, **want):
    """The denial of an address, once it is there."""
    def there():
        return next((r for r in denials(d) if r["address"] == address and all(r[k] == v for k, v in want.items())), None)
    return until(there, f"{address} is among the denied")


def told(record):
    return record["name"], record["why"], record["verdict"]


@case("each denial is told with client, destination, port, name, count and why", tags=["kernel", "smoke"])
def why(t):
    t.simple(clients=2)
    t.dns(t.inet, ZONE)
    t.client.ip("addr add 172.30.0.2/24 dev eth0")
    d = t.gateway(allow=ALLOW, clients=["10.1.0.0/24", "fd00:1::/64"])
    expect(denials(d), [], "before anything is denied")
    check("nothing was denied" in d.ctl("denied").stdout, "and as a text")
    for qname in ("www.example.net", "example.net", "www.example.org", "bing.com"):
        t.client.lookup("10.2.0.2", qname)
    t.client.lookup("10.2.0.2", "mail.example.com", source="10.1.0.3")
    t.client.lookup("10.2.0.2", "www.example.org", dnswire.AAAA)
    for _ in range(3):
        expect(t.client.tcp("20.91.0.3", 8443, source="10.1.0.2").result, "reset", "a name outside the policy")
    got = denial(d, "20.91.0.3", count=3)
    expect((got["client"], got["proto"], got["port"], told(got), got["rows"]), ("10.1.0.2", "tcp", 8443, ("www.example.org", "name", "denied"), []), "no such name")
    check("www.example.org" in got["reason"] and got["first"] <= got["last"] and abs(got["last"] - time.time()) < 60 * PATIENCE, f"reason and times: {got}")
    expect(t.client.tcp("2603:1030:91::3", source="fd00:1::2").result, "reset", "IPv6")
    expect(told(denial(d, "2603:1030:91::3", client="fd00:1::2", port=443)), ("www.example.org", "name", "denied"), "IPv6")
    expect(t.client.tcp("20.91.0.1", 80, source="10.1.0.2").result, "reset", "another port")
    got = denial(d, "20.91.0.1")
    expect((told(got), "tcp/443" in got["reason"]), (("www.example.net", "port", "denied"), True), "name allowed, other port")
    expect(t.client.tcp("20.91.0.2", source="10.1.0.2").result, "reset", "the apex")
    got = denial(d, "20.91.0.2")
    expect((told(got), "*.example.net" in got["reason"]), (("example.net", "apex", "denied"), True), "apex of an allowed wildcard")
    expect(t.client.tcp("20.91.9.9", source="10.1.0.2").result, "reset", "an address that nobody named")
    expect(told(denial(d, "20.91.9.9")), (None, "no-dns", "denied"), "address seen without DNS")
    expect(t.client.tcp("20.90.0.9", 80, source="10.1.0.2").result, "reset", "another port of a range")
    got = denial(d, "20.90.0.9")
    expect((told(got), "tcp/443" in got["reason"]), ((None, "port", "denied"), True), "range allowed, other port")
    expect(t.client.udp("8.8.8.8", 53, source="10.1.0.2").result, "prohibited", "a foreign resolver")
    got = denial(d, "8.8.8.8", proto="udp", port=53)
    expect(told(got), (None, "resolver", "denied"), "DNS to a foreign resolver")
    t.client.tcp("20.91.0.3", source="172.30.0.2", seconds=0.3)
    expect(told(denial(d, "20.91.0.3", client="172.30.0.2")), ("www.example.org", "client", "denied"), "not among clients")
    expect(t.client.tcp("20.91.0.4", source="10.1.0.2").result, "reset", "a name of another group")
    expect(told(denial(d, "20.91.0.4")), ("mail.example.com", "other-client", "denied"), "allowed to others")
    expect(t.client.tcp("20.91.0.5", source="10.1.0.2").result, "reset", "a name that the catalog has")
    got = denial(d, "20.91.0.5")
    expect((told(got), {r["text"] for r in got["rows"]}), (("bing.com", "name", "denied"), {"power-bi optional, custom visuals"}), "a row would allow it")
    expect(t.client.ping("20.91.0.3", source="10.1.0.2").result, "prohibited", "a ping")
    got = denial(d, "20.91.0.3", proto="icmp")
    expect((got["port"], told(got)), (None, ("www.example.org", "name", "denied")), "a ping")
    counters = d.counters()
    expect(counters["denials"], counters["kernel_denied_packets"], "every one was copied")
    text = d.ctl("denied").stdout
    for word in ("power-bi optional, custom visuals", "icmp", "8.8.8.8", "tcp/8443", "example.net itself is not"):
        check(word in text, f"{word} in the text:\n{text}")


@case("what the sets lost is told as such")
def not_in_set(t):
    t.simple()
    t.dns(t.inet, ZONE)
    d = t.gateway(allow=ALLOW)
    t.client.lookup("10.2.0.2", "www.example.net")
    d.reload(t.config(allow='other: { names = "*.example.com"; };'))
    expect(t.client.tcp("20.91.0.1").result, "reset", "after a policy without it")
    expect(told(denial(d, "20.91.0.1")), ("www.example.net", "name", "denied"), "no entry has it")
    d.reload(t.config(allow=ALLOW))
    expect(told(denial(d, "20.91.0.1")), ("www.example.net", "not-in-set", "denied"), "judged by the policy in force")


@case("inbound: from outside to a guarded destination, and a client's replies")
def inbound(t):
    t.simple()
    t.listen(t.client, [1433, 7000])
    d = t.gateway(allow=ALLOW, inbound='sql: { addresses = [ "20.92.0.0/24", "2603:1030:92::/64" ]; to = [ "10.1.0.2", "fd00:1::2" ]; ports = "tcp/1433"; };')
    for source, to in (("20.93.0.1", "10.1.0.2"), ("2603:1030:93::1", "fd00:1::2")):
        expect(t.inet.tcp(to, 1433, source=source).result, "reset", source)
        expect(told(denial(d, to, client=source, port=1433)), (None, "inbound", "denied"), "a source that is not admitted")
        check(t.inet.tcp(to, 7000, source=source, seconds=0.5).result != "open", f"an open port for {source}")
        expect(told(denial(d, source, client=to)), (None, "reply", "denied"), "the reply to a connection from outside")
    # 13.89.171.80 calls from Power Automate's connectors.
    expect(t.inet.tcp("10.1.0.2", 1433, source="13.89.171.80").result, "reset", "a connector")
    check("power-automate, connectors" in [r["text"] for r in denial(d, "10.1.0.2", client="13.89.171.80")["rows"]], "the row whose addresses it has")


@case("a name with control characters reaches neither terminal nor JSON as such")
def escapes(t):
    t.simple()
    evil = [b"\x1b]0;pwned\x07\n", b"a.b\"c", b"example", b"org"]
    t.dns(t.inet, lambda question: dnswire.response(question.number, evil, dnswire.A, [dnswire.a(evil, "20.94.0.1")]))
    d = t.gateway(allow=ALLOW)
    t.client.query("10.2.0.2", evil)
    expect(t.client.tcp("20.94.0.1").result, "reset", "the evil name's address")
    got = denial(d, "20.94.0.1")
    check(got["name"].startswith("\\027]0"), f"escaped: {got['name']}")
    for arguments in (("denied",), ("denied", "--json"), ("denied", "--summary"), ("status",)):
        check(re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", d.ctl(*arguments).stdout) is None, f"no control character in {arguments}")
    check("\n" not in got["reason"], "the reason is one line")


@case("--since, --summary, --follow, and what is not lawful")
def options(t):
    t.simple(clients=2)
    t.dns(t.inet, ZONE)
    d = t.gateway(allow=ALLOW)
    t.client.lookup("10.2.0.2", "www.example.org")
    for source in ("10.1.0.2", "10.1.0.3"):
        t.client.tcp("20.91.0.3", source=source)
    t.client.tcp("20.91.9.9", source="10.1.0.2")
    until(lambda: len(denials(d)) == 3, "three denials")
    rows = denials(d, "--summary")
    expect([(r["name"], r["count"], r["clients"]) for r in rows], [("www.example.org", 2, 2), (None, 1, 1)], "summary")
    check("www.example.org" in d.ctl("denied", "--summary").stdout, "summary as a text")
    expect(len(denials(d, "--since", "1h")), 3, "since an hour ago")
    until(lambda: denials(d, "--since", "1") == [], "none in the last second")
    for bad in (("--since", "1w"), ("--since", ""), ("--since", "-5"), ("--since", "5mm"), ("--follow", "--summary"), ("word",)):
        d.ctl("denied", *bad, ok=2)
    d.ctl("status", "--follow", ok=2)
    follow = d.net.popen([NFQDNCTL, "-s", str(d.socket_path), "denied", "--follow", "--json"], stdout=subprocess.PIPE, text=True)
    try:
        lines = [json.loads(follow.stdout.readline()) for _ in range(3)]
        expect([r["sequence"] for r in lines], [1, 2, 3], "what was there")
        expect({r["api"] for r in lines}, {1}, "api")
        t.client.tcp("20.91.9.10", source="10.1.0.2")
        expect(json.loads(follow.stdout.readline())["address"], "20.91.9.10", "what came then")
        t.client.tcp("20.91.0.3", source="10.1.0.2")
        again = json.loads(follow.stdout.readline())
        expect((again["address"], again["count"]), ("20.91.0.3", 2), "again")
    finally:
        follow.terminate()
        follow.wait()


def flood(t, count, destination, source="10.1.0.2"):
    """UDP packets, each to a port of its own."""
    head = bytes.fromhex((t.gw.mac("lan0") + t.client.mac("eth0")).replace(":", "")) + b"\x08\x00"
    with t.client.socket(packets.socket.AF_PACKET, packets.socket.SOCK_RAW) as raw:
        raw.bind(("eth0", 0))
        for i in range(count):
            raw.send(head + packets.udp(source, 40000, destination, 1 + i % 60000, b"x"))


@case("a flood of denials is denied and counted, copied in part, and holds up nobody", seconds=120)
def floods(t):
    t.simple()
    t.dns(t.inet, ZONE)
    d = t.gateway(allow=ALLOW, denied="drop")
    total = int(20000 / PATIENCE)  # an emulated processor sends less than twice the rate that is copied
    began = time.monotonic()
    flood(t, total, "20.95.0.1")
    counters = until(lambda: (lambda c: c if c["kernel_denied_packets"] >= total else None)(d.counters()), "the kernel has denied all")
    most = min(BURST + RATE * (time.monotonic() - began + 1), total - 1)
    check(BURST <= counters["denials"] <= most, f"copies are limited: {counters['denials']} of {total}, not {most:.0f}")
    check(t.client.lookup("10.2.0.2", "www.example.net"), "an answer passes meanwhile")
    expect(t.client.tcp("20.91.0.1").result, "open", "and teaches")
    # a reason of its own has a limit of its own
    t.client.udp("8.8.4.4", 53, seconds=0.1)
    expect(denial(d, "8.8.4.4")["why"], "resolver", "another reason in the flood")


@case("the ring forgets what was quiet longest, and counts it", seconds=180)
def ring(t):
    t.simple()
    d = t.gateway(allow=ALLOW, denied="drop")
    sent = 0
    while d.counters()["denials_forgotten"] == 0:
        flood(t, 300, f"20.96.{sent >> 8}.{sent & 255}")
        sent += 1
        check(sent < 2000 * PATIENCE, "the ring overflows")
    records = denials(d)
    expect(len(records), DENIALS, "as many as there are places")
    expect([r["sequence"] for r in records], sorted(r["sequence"] for r in records), "the oldest first")
    check(records[0]["sequence"] > 1, "the first ones went")


@case("two daemons in one namespace have copies of their own; a taken group is told, and nothing else suffers")
def groups(t):
    t.simple()
    t.second_segment()
    t.dns(t.inet, ZONE)
    first = t.gateway(allow=ALLOW)
    second = t.daemon(t.gw, t.config(ALLOW, name="second", table="second", queue={"first": 1}, interfaces=["lan1"]), name="second")
    expect(t.client.tcp("20.91.9.9").result, "reset", "the first one's client")
    expect(t.client2.tcp("20.91.9.8").result, "reset", "the second one's client")
    denial(first, "20.91.9.9")
    denial(second, "20.91.9.8")
    expect((len(denials(first)), len(denials(second))), (1, 1), "no copy went to the other")
    second.stop()
    holder = '''
import socket, struct, sys
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
s.bind((0, 0))
def attr(kind, data): return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)
body = struct.pack("!BBH", 0, 0, 38069) + attr(1, bytes([1]))
s.send(struct.pack("=IHHII", 16 + len(body), 4 << 8 | 1, 5, 1, 0) + body)
print(struct.unpack("=i", s.recv(999)[16:20])[0], flush=True)
sys.stdin.read()
'''
    other = t.gw.popen([sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        expect(other.stdout.readline().strip(), "0", "another program binds the group")
        second.start()
        expect(t.client2.tcp("20.91.9.8").result, "reset", "the second one denies all the same")
        check("NFLOG group" in second.status()["reports"]["why_none"] and "not told" in second.log(), "told in status and log")
        check("NFLOG group" in second.ctl("denied", ok=1).stderr, "told by the command")
    finally:
        other.stdin.close()
        other.wait()


@case("audit records what enforce would deny; suggest makes entries of it that --check takes, and enforce keeps the sets", tags=["kernel"])
def suggest(t):
    t.simple(clients=2)
    t.echo(t.inet, [4000])
    t.dns(t.inet, ZONE)
    d = t.gateway(allow=ALLOW, mode="audit")
    check("nothing was denied" in d.ctl("suggest").stdout, "nothing to suggest")
    for qname in ("www.example.net", "example.net", "www.example.org", "bing.com"):
        t.client.lookup("10.2.0.2", qname)
    flows = (("20.91.0.3", 443), ("20.91.0.3", 8443), ("20.91.0.2", 443), ("20.91.0.5", 443), ("20.91.0.1", 80), ("20.91.9.9", 443))
    for address, port in flows:
        expect(t.client.tcp(address, port, source="10.1.0.2").result, "open", f"audit: {address} port {port}")
    expect(t.client.udp("20.91.0.3", 4000, source="10.1.0.2").result, "reply", "UDP in audit")
    t.client.lookup("8.8.8.8", "www.example.org", source="10.1.0.2")
    until(lambda: len(denials(d)) == len(flows) + 2, "all are recorded")
    expect({r["verdict"] for r in denials(d)}, {"would deny"}, "verdicts")
    counters = d.counters()
    expect((counters["denials"], counters["denials_audited"]), (0, len(flows) + 2), "counters of their own")
    got = d.json("suggest")
    expect([(e["name"], e.get("service"), e.get("names"), sorted(e.get("ports", []))) for e in got["entries"]],
           [("suggested-power-bi-custom-visuals", "power-bi", None, []), ("suggested-names-2", None, ["www.example.org"], ["tcp/443", "tcp/8443", "udp/4000"]),
            ("suggested-names-3", None, ["example.net"], ["tcp/443"]), ("suggested-names-4", None, ["www.example.net"], ["tcp/80"])], "entries")
    expect((got["api"], [a["addresses"] for a in got["addresses"]], len(got["others"])), (1, [["20.91.9.9"]], 1), "addresses and others")
    text = d.ctl("suggest").stdout
    check(all(line.startswith(("    suggested-", "    #", "#")) for line in text.splitlines()), f"entries and comments alone:\n{text}")
    learned = d.learned()
    d.write(t.config(allow=ALLOW + "\n" + text, mode="enforce"))
    t.gw.run([NFQDND, "-c", str(d.file), "--check"])
    d.reload()
    expect([e["address"] for e in d.learned()], [e["address"] for e in learned], "what was learned in audit stays")
    for qname in ("example.net", "www.example.org", "bing.com", "www.example.net"):
        t.client.lookup("10.2.0.2", qname)
    for address, port in flows[:-1]:
        expect(t.client.tcp(address, port, source="10.1.0.2").result, "open", f"enforce with what was suggested: {address} port {port}")
    expect(t.client.tcp("20.91.9.9", source="10.1.0.2").result, "reset", "an address that stands in a comment")
    expect(denial(d, "20.91.9.9", verdict="denied")["count"], 1, "a record of its own")


@case("enforce-after: a cold start audits first; a reload does not begin it anew, a restart and a state file do without", tags=["kernel"])
def enforce_after(t):
    t.simple()
    t.dns(t.inet, ZONE)
    settings = {"allow": ALLOW, "enforce_after": int(6 * PATIENCE)}
    d = t.gateway(**settings)
    status = until(lambda: (lambda s: s if s["mode"] == "audit" else None)(d.status()), "audit at first")
    check(0 < status["enforce_in"] <= 6 * PATIENCE, f"counted down: {status['enforce_in']}")
    expect(t.client.tcp("20.91.0.9").result, "open", "an address from before")
    expect(denial(d, "20.91.0.9")["verdict"], "would deny", "recorded")
    t.client.lookup("10.2.0.2", "www.example.net")
    before = d.status()["enforce_in"]
    d.reload(t.config(**settings))
    check(d.status().get("enforce_in", 0) <= before, "a reload does not begin it anew")
    until(lambda: d.status()["mode"] == "enforce", "it enforces", 12 * PATIENCE)
    check("enforce_in" not in d.status() and "enforce-after is over" in d.log(), "told in status and log")
    expect((t.client.tcp("20.91.0.9").result, t.client.tcp("20.91.0.1").result), ("reset", "open"), "denied, and what was learned meanwhile")
    d.stop()
    d.start()
    expect((d.status()["mode"], t.client.tcp("20.91.0.9").result), ("enforce", "reset"), "a restart with its table")
    d.stop()
    t.gw.run([NFQDND, "-c", str(d.file), "--flush"])
    d.start()
    expect((d.status()["mode"], t.client.tcp("20.91.0.9").result), ("enforce", "reset"), "a start with a state file")


if __name__ == "__main__":
    main()
