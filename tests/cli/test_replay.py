#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""nfqdn-replay: what a policy learns and denies of captures of every kind, and how it takes what is damaged."""
import ipaddress
import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import tarfile
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests/lib"), str(ROOT / "tests/dns"), str(ROOT / "tests/data")]
import dnswire  # noqa: E402
import packets  # noqa: E402
import pcap  # noqa: E402
import samples as texts  # noqa: E402
import tap  # noqa: E402

BUILD = pathlib.Path(os.environ.get("NFQDN_BUILD", ROOT / "build"))
REPLAY = str(BUILD / "nfqdn-replay")
SAMPLES = ROOT.parent / "shared" / "samples" / "dns"
CLIENT, RESOLVER, CLIENT6, RESOLVER6 = "10.1.0.5", "10.2.0.2", "fd00:1::5", "2001:db8:2::2"
CASES = tap.Cases()
case = CASES.case


class Ran:
    def __init__(self, done):
        self.status, self.out, self.err = done.returncode, done.stdout.decode(), done.stderr.decode()
        self.lines = [json.loads(line) for line in self.out.splitlines()] if self.out.startswith("{") else []
        self.answers = [line for line in self.lines if line["kind"] == "answer"]
        self.connections = [line for line in self.lines if line["kind"] == "connection"]
        self.summary = self.lines[-1] if self.lines else None

    def __repr__(self):
        return f"status {self.status}\nstdout: {self.out}\nstderr: {self.err}"

    def learned(self):
        return {(c["address"], c["port"], c["name"], c["life"]) for a in self.answers for c in a["changes"] if c["kind"] == "learned"}


def config(folder, allow='web: { names = [ "*.example.net" ]; };', gateway="", inbound="", resolvers=f'"{RESOLVER}", "{RESOLVER6}"'):
    path = pathlib.Path(folder) / "nfqdn.conf"
    path.write_text(f'gateway: {{ interfaces = [ "lan0" ]; resolvers = [ {resolvers} ]; catalog = "{ROOT}/data"; {gateway} }};\n'
                    f"allow: {{ {allow} }};\n{inbound}")
    return str(path)


def replay(capture, *words, json_wanted=True, stdin=None, **how):
    with tempfile.TemporaryDirectory(prefix="nfqdn-replay-") as folder:
        file = "-"
        if capture is not None:
            file = pathlib.Path(folder) / "capture"
            file.write_bytes(capture)
        done = subprocess.run([REPLAY, str(file), "-c", config(folder, **how), *(["--json"] if json_wanted else []), *words], input=stdin,
                              capture_output=True, timeout=120, check=False)
    return Ran(done)


def expect(ran, got, want, what):
    assert got == want, f"{what}: got {got!r}, want {want!r}\n{ran}"


def answer(qname, *records, client=CLIENT, resolver=RESOLVER, port=40000, kind=None, rcode=0, number=7):
    if kind is None:
        kind = records[-1].kind if records else dnswire.A
    return packets.udp(resolver, 53, client, port, dnswire.response(number, qname, kind, records, rcode=rcode))


def query(qname, client=CLIENT, resolver=RESOLVER, port=40000, number=7, kind=dnswire.A):
    return packets.udp(client, port, resolver, 53, dnswire.query(qname, kind, number))


def syn(address, port=443, client=CLIENT, sport=50000):
    return packets.tcp(client, sport, address, port, packets.SYN, 1)


def usual():
    """A client asks, connects, goes where it may not, and comes again when the address is known no longer."""
    return [(0, query("www.example.net")),
            (0.01, answer("www.example.net", dnswire.a("www.example.net", "20.1.2.3", 300))),
            (0.02, syn("20.1.2.3")),
            (0.03, answer("www.example.org", dnswire.a("www.example.org", "20.9.9.9", 300), port=40001)),
            (0.04, syn("20.9.9.9", sport=50001)),
            (0.05, answer("www.example.net", dnswire.aaaa("www.example.net", "2600::1", 60), client=CLIENT6, resolver=RESOLVER6)),
            (0.06, syn("2600::1", client=CLIENT6)),
            (365, syn("20.1.2.3", sport=50002))]


VERDICTS = [("10.2.0.2", "allowed"), ("20.1.2.3", "allowed"), ("20.9.9.9", "denied"), ("2600::1", "allowed"), ("20.1.2.3", "denied")]


def check_usual(ran):
    expect(ran, ran.learned(), {("20.1.2.3", 443, "www.example.net", 360), ("2600::1", 443, "www.example.net", 300)}, "learned")
    expect(ran, [(c["address"], c["verdict"]) for c in ran.connections], VERDICTS, "connections")
    expect(ran, ran.status, 1, "something was denied")


@case("every kind of link, in pcap and in pcapng, either byte order: the same is learned and denied")
def links():
    for link in (pcap.NULL, pcap.ETHERNET, pcap.RAW, pcap.SLL, pcap.SLL2):
        check_usual(replay(pcap.pcap(usual(), link)))
        check_usual(replay(pcap.pcapng(usual(), link, order=">")))
    check_usual(replay(pcap.pcap(usual(), order=">", nanoseconds=True)))
    check_usual(replay(pcap.pcap(usual(), vlans=(7,))))
    check_usual(replay(pcap.pcap(usual(), vlans=(100, 7))))
    for resolution in (3, 9, 0x80 | 10, 0x80 | 32):
        check_usual(replay(pcap.pcapng(usual(), resolution=resolution)))


@case("pcapng: sections, interfaces of different kinds, old and simple packets, options, a time offset")
def blocks():
    first, rest = usual()[:4], usual()[4:]
    capture = pcap.section() + pcap.interface(pcap.ETHERNET, snap=96) + pcap.interface(pcap.SLL2, resolution=9)
    for i, (when, packet) in enumerate(first):
        capture += pcap.enhanced(1, when, pcap.frame(pcap.SLL2, packet), resolution=9, comment=b"%d: said by a person" % i)
    capture += pcap.section(">") + pcap.interface(pcap.RAW, ">", resolution=3, offset=-3600)
    for when, packet in rest:
        capture += pcap.enhanced(0, when + 3600, packet, ">", resolution=3, kind=2)
    check_usual(replay(capture))
    short = pcap.section() + pcap.interface(pcap.RAW) + pcap.simple(usual()[1][1]) + pcap.simple(syn("20.1.2.3"))
    ran = replay(short)
    expect(ran, [(c["address"], c["verdict"]) for c in ran.connections], [("20.1.2.3", "allowed")], "packets without a time")


@case("what is told of an answer and of a connection: entry, name, pattern's life, and why; as JSON by the schema, and as text")
def told():
    ran = replay(pcap.pcap(usual()), "--all")
    schema(ran)
    first = ran.answers[0]
    for key, want in {"client": CLIENT, "resolver": RESOLVER, "proto": "udp", "name": "www.example.net", "type": 1, "verdict": "learned", "entry": "web"}.items():
        expect(ran, first[key], want, key)
    assert abs(first["time"] - pcap.START - 0.01) < 0.002, first
    expect(ran, ran.answers[1]["verdict"], "no-entry", "the second answer")
    allowed, denied, late = ran.connections[1], ran.connections[2], ran.connections[4]
    expect(ran, (allowed["via"], allowed["entry"], allowed["name"]), ("name", "web", "www.example.net"), "allowed")
    expect(ran, (denied["why"], denied["name"]), ("name", "www.example.org"), "denied")
    expect(ran, late["why"], "not-in-set", "its life is over")
    expect(ran, (ran.summary["allowed"], ran.summary["denied"], ran.summary["answers"]["learned"], ran.summary["answers"]["no-entry"]), (3, 2, 2, 1), "summary")
    assert ran.summary["complete"] is True, ran
    ran = replay(pcap.pcap(usual()), json_wanted=False)
    for part in ("answer 10.1.0.5 <- 10.2.0.2 www.example.net: learned by web", "learned 20.1.2.3 tcp/443 for 6m00s", "denied 10.1.0.5 -> 20.9.9.9 tcp/443 (www.example.org): ",
                 "allowed 10.1.0.5 -> 20.1.2.3 tcp/443 (www.example.net): name of web", "connections: 3 allowed, 2 denied", "www.example.org"):
        assert part in ran.out, f"{part!r} is missing\n{ran}"
    assert "www.example.org: no-entry" not in ran.out, ran
    ran = replay(pcap.pcap(usual()), "--summary", json_wanted=False)
    assert "answer 10" not in ran.out and "2 denied" in ran.out, ran


def schema(ran):
    try:
        import jsonschema  # pylint: disable=import-outside-toplevel
    except ImportError:
        return
    whole = json.loads((ROOT / "scripts/api-1.schema.json").read_text(encoding="utf-8"))
    for line in ran.lines:
        jsonschema.Draft202012Validator({"$ref": "#/$defs/replay", "$defs": whole["$defs"]}).validate(line)


@case("exit status: 0 nothing denied, 1 something, 2 usage, 3 a bad configuration, 4 a capture that cannot be read to its end")
def statuses():
    good = pcap.pcap(usual()[:3])
    expect(good, replay(good).status, 0, "allowed")
    ran = replay(good, "--nonsense")
    expect(ran, ran.status, 2, "usage")
    for words in (("--speed", "0"), ("--speed", "x"), ("--clients", "10.1.0.0/33"), ("--resolvers", ""), ("--verify", "none"), ("another",)):
        ran = replay(good, *words)
        expect(ran, ran.status, 2, str(words))
    ran = replay(good, gateway="nonsense = 1;")
    expect(ran, ran.status, 3, "configuration")
    assert "nfqdn.conf:1" in ran.err, ran
    for damage in (b"", b"\xd4\xc3", b"GIF89a..............................", good[:20], pcap.section()[:12]):
        ran = replay(damage)
        expect(ran, (ran.status, ran.out), (4, ""), repr(damage[:20]))
        assert "nfqdn-replay: " in ran.err, ran
    with tempfile.TemporaryDirectory() as folder:
        done = Ran(subprocess.run([REPLAY, f"{folder}/none", "-c", config(folder)], capture_output=True, check=False))
        expect(done, done.status, 4, "no file")
        done = Ran(subprocess.run([REPLAY, "--help"], capture_output=True, check=False))
        expect(done, done.status, 0, "--help")


@case("a capture that ends anywhere, or is damaged anywhere: what came before counts, it is told where, and never more than that")
def cut():
    for whole, first in ((pcap.pcap(usual()[:3]), 24), (pcap.pcapng(usual()[:3]), len(pcap.section() + pcap.interface(1)))):
        for end in range(first + 1, len(whole), 29):
            ran = replay(whole[:end], "--summary")
            assert ran.status in (0, 1, 4), ran
            expect(ran, ran.summary["complete"], ran.status != 4, "complete")
            assert ran.status != 4 or f"octet {end}" in ran.err, ran
    whole = pcap.pcapng(usual()[:3])
    at = len(pcap.section())
    for damage in (whole[:at + 4] + b"\xff\xff\xff\x7f" + whole[at + 8:], whole[:at + 4] + b"\1\0\0\0" + whole[at + 8:],
                   whole[:-4] + b"\0\0\0\0", pcap.section() + pcap.enhanced(3, 0, b"x" * 60),
                   pcap.pcap([])[:24] + struct.pack("<IIII", 0, 0, 0x7FFFFFFF, 60) + b"x" * 60):
        ran = replay(damage)
        expect(ran, ran.status, 4, "damaged")
        assert "damaged" in ran.err or "ends in the middle" in ran.err, ran
    ran = replay(pcap.section() + pcap.interface(pcap.RAW) * 1025)
    expect(ran, ran.status, 4, "more interfaces than the limit")
    assert "more interfaces" in ran.err, ran


@case("packets cut when they were captured teach nothing, and it is said; a SYN needs no more than its headers, and of IPv6 has them beyond 60 octets")
def snapped():
    ran = replay(pcap.pcap(usual(), snap=60))
    expect(ran, (ran.learned(), ran.summary["answers"]["learned"]), (set(), 0), "learned")
    assert ran.summary["packets_cut"] == 5 and [c["verdict"] for c in ran.connections] == ["allowed"] + 3 * ["denied"], ran
    ran = replay(pcap.pcap(usual(), snap=60), json_wanted=False)
    assert "tcpdump -s 0" in ran.out, ran


def fragments(packet, size, number=9):
    """The IP packet in fragments."""
    if packet[0] >> 4 == 6:
        payload, source, destination = packet[40:], packet[8:24], packet[24:40]
        parts = [(at, payload[at:at + size]) for at in range(0, len(payload), size)]
        return [packets.ip(ipaddress.ip_address(source), ipaddress.ip_address(destination), 44,
                           struct.pack("!BBHI", packet[6], 0, at | (at + len(part) < len(payload)), number) + part) for at, part in parts]
    payload, source, destination = packet[20:], ipaddress.ip_address(packet[12:16]), ipaddress.ip_address(packet[16:20])
    parts = [(at, payload[at:at + size]) for at in range(0, len(payload), size)]
    return [packets.ip(source, destination, packet[9], part, number=number, fragment=at // 8 | (0x2000 if at + len(part) < len(payload) else 0))
            for at, part in parts]


@case("fragments are put together as the kernel does: in any order, repeated, IPv4 and IPv6; one that overlaps spoils all")
def fragmented():
    many = [dnswire.a("www.example.net", f"20.1.3.{i}", 300) for i in range(1, 101)]
    for client, resolver in ((CLIENT, RESOLVER), (CLIENT6, RESOLVER6)):
        pieces = fragments(answer("www.example.net", *many, client=client, resolver=resolver), 400)
        assert len(pieces) > 3
        for order in (pieces, pieces[::-1], pieces[:2] + pieces[:2] + pieces[2:]):
            ran = replay(pcap.pcap([(i / 1000, piece) for i, piece in enumerate(order)]))
            expect(ran, len(ran.learned()), 100, "learned")
        ran = replay(pcap.pcap([(i / 1000, piece) for i, piece in enumerate(pieces[:-1])]))
        expect(ran, (ran.answers, ran.status), ([], 0), "one is missing")
        late = fragments(answer("www.example.net", *many, client=client, resolver=resolver), 392)[1]
        ran = replay(pcap.pcap([(i / 1000, piece) for i, piece in enumerate([pieces[0], late, *pieces[1:]])]))
        expect(ran, (ran.answers, ran.summary["fragments_lost"]), ([], 1), "an overlap")
    ran = replay(pcap.pcap([(0, fragments(answer("www.example.net", many[0]), 24)[0]), (31, fragments(answer("www.example.net", many[0]), 24)[1])]))
    expect(ran, ran.learned(), set(), "a minute later")
    flood = [(i / 1000, fragments(answer("www.example.net", many[0], port=1000 + i), 24, number=i)[0]) for i in range(200)]
    ran = replay(pcap.pcap(flood))
    expect(ran, ran.summary["fragments_lost"], 200 - 64, "more than are put together at once")


@case("DNS over TCP: a message in small segments teaches with the last one, and not from the middle of a connection")
def over_tcp():
    message = dnswire.response(3, "www.example.net", dnswire.A, [dnswire.a("www.example.net", f"20.1.4.{i}", 300) for i in range(1, 41)])
    stream = struct.pack("!H", len(message)) + message
    begin = [packets.tcp(CLIENT, 41000, RESOLVER, 53, packets.SYN, 1), packets.tcp(RESOLVER, 53, CLIENT, 41000, packets.SYN | packets.ACK, 999, 2)]
    data = [packets.tcp(RESOLVER, 53, CLIENT, 41000, packets.ACK, 1000 + at, 2, stream[at:at + 100]) for at in range(0, len(stream), 100)]
    ran = replay(pcap.pcap([(i / 100, packet) for i, packet in enumerate(begin + data)]), "--all")
    expect(ran, len(ran.learned()), 40, "learned")
    expect(ran, [a["verdict"] for a in ran.answers], ["segment"] * len(data) + ["learned"], "verdicts")
    ran = replay(pcap.pcap([(i / 100, packet) for i, packet in enumerate(data)]))
    expect(ran, ran.learned(), set(), "from the middle")


@case("whose answers are believed: gateway.resolvers, --resolvers, any; the own address where the configuration trusts it")
def believed():
    other = [(0, answer("www.example.net", dnswire.a("www.example.net", "20.1.2.3"), resolver="9.9.9.9")), (1, syn("20.1.2.3"))]
    ran = replay(pcap.pcap(other))
    expect(ran, (ran.status, ran.learned(), ran.summary["untrusted"]), (1, set(), [{"resolver": "9.9.9.9", "answers": 1}]), "a stranger")
    for words in (("--resolvers", "9.9.9.0/24,1.1.1.1"), ("--resolvers", "any")):
        ran = replay(pcap.pcap(other), *words)
        expect(ran, ran.status, 0, str(words))
    own = pcap.pcap([(0, answer("www.example.net", dnswire.a("www.example.net", "20.1.2.3"), resolver="10.1.0.1"))])
    expect(own, len(replay(own, "--own", "10.1.0.1").learned()), 0, "not local")
    expect(own, len(replay(own, "--own", "10.1.0.1", resolvers='"local"').learned()), 1, "local")
    itself = [(0, answer("www.example.net", dnswire.a("www.example.net", "20.1.2.3")))]
    ran = replay(pcap.pcap(itself), "--own", "20.1.2.3")
    expect(ran, (ran.learned(), ran.summary["counters"]["refused_own"]), (set(), 1), "an own address")


@case("verify = query: only what the capture holds a query for; --verify flow believes the rest")
def verified():
    lone = [(1, answer("www.example.net", dnswire.a("www.example.net", "20.1.2.3"), port=40009))]
    asked = usual()[:3]
    query_ = 'verify = "query";'
    expect(asked, len(replay(pcap.pcap(asked), gateway=query_).learned()), 1, "asked")
    ran = replay(pcap.pcap(asked + lone), "--all", gateway=query_)
    expect(ran, ran.answers[-1]["verdict"], "unasked", "not asked")
    ran = replay(pcap.pcap(lone), "--verify", "flow", gateway=query_)
    expect(ran, len(ran.learned()), 1, "--verify flow")
    ran = replay(pcap.pcap(lone), "--verify", "query", "--all")
    expect(ran, ran.answers[0]["verdict"], "unasked", "--verify query")


@case("who is a client: --clients, gateway.clients, the clients of entries, else who is local and no resolver")
def clients():
    capture = pcap.pcap([(0, syn("20.5.5.5")), (1, syn("20.5.5.5", client="10.9.0.1")), (2, syn("20.5.5.5", client="20.7.7.7")),
                         (3, syn("20.5.5.5", client=RESOLVER))])

    def told_of(*words, **how):
        return [c["client"] for c in replay(capture, *words, **how).connections]

    expect(capture, told_of(), [CLIENT, "10.9.0.1"], "local ones")
    expect(capture, told_of(gateway='clients = [ "10.1.0.0/24" ];'), [CLIENT], "gateway.clients")
    expect(capture, told_of("--clients", "20.7.7.0/24,10.2.0.0-10.2.0.9"), ["20.7.7.7", RESOLVER], "--clients")
    ran = replay(capture, "--clients", "10.9.0.1", gateway='clients = [ "10.1.0.0/24" ];')
    expect(ran, [c["why"] for c in ran.connections], ["client"], "outside gateway.clients")


@case("what decides, in the rules' order: local, DNS, address ranges, names of the client's groups, inbound; every reason to deny")
def decides():
    allow = ('web: { names = "*.example.net"; }; nets: { addresses = "20.6.0.0/16"; ports = [ "tcp/443", "udp/500", "icmp" ]; };'
             'kiosk: { names = "kiosk.example.com"; clients = "10.1.0.9"; };')
    inbound = 'inbound: { sql: { addresses = "30.1.0.0/16"; to = "10.1.0.10"; ports = "tcp/1433"; }; };'
    learn = [(0, answer("kiosk.example.com", dnswire.a("kiosk.example.com", "20.8.8.8"), client="10.1.0.9"))]
    opened = [syn("192.168.9.9"), query("x.example", resolver="8.8.8.8"), syn("20.6.1.1"), syn("20.6.1.1", 80), packets.udp(CLIENT, 500, "20.6.1.1", 500, b"x"),
              packets.echo(CLIENT, "20.6.1.1"), syn("20.8.8.8"), syn("20.8.8.8", client="10.1.0.9"),
              syn("10.1.0.10", 1433, client="30.1.2.3"), syn("10.1.0.10", 1433, client="30.2.2.3"), syn("20.77.1.1")]
    ran = replay(pcap.pcap(learn + [(i + 1, packet) for i, packet in enumerate(opened)]), allow=allow, inbound=inbound)
    schema(ran)
    expect(ran, [c.get("via") or c["why"] for c in ran.connections],
           ["local", "resolver", "cidr", "port", "cidr", "cidr", "other-client", "name", "inbound", "inbound", "no-dns"], "what decides")
    expect(ran, [c["verdict"] for c in ran.connections[-3:]], ["allowed", "denied", "denied"], "inbound")
    expect(ran, ran.connections[2]["entry"], "nets", "entry")


@case("what opens a connection: a SYN, a first datagram; not its answer, not what goes on, but a try again is judged again")
def opens():
    there, back = packets.udp(CLIENT, 6000, "20.5.5.5", 123, b"x"), packets.udp("20.5.5.5", 123, CLIENT, 6000, b"y")
    outside, reply = packets.udp("20.5.5.6", 9, CLIENT, 9, b"x"), packets.udp(CLIENT, 9, "20.5.5.6", 9, b"y")
    ran = replay(pcap.pcap([(0, there), (1, back), (2, there), (100, there), (300, there), (301, outside), (302, reply)]))
    expect(ran, [round(c["time"] - pcap.START) for c in ran.connections], [0, 300], "datagrams")
    tries = [(0, syn("20.1.2.3")), (1, syn("20.1.2.3")), (2, answer("www.example.net", dnswire.a("www.example.net", "20.1.2.3"))), (3, syn("20.1.2.3")),
             (3.1, packets.tcp("20.1.2.3", 443, CLIENT, 50000, packets.SYN | packets.ACK, 5, 2)), (4, packets.tcp(CLIENT, 50000, "20.1.2.3", 443, packets.ACK, 2, 6)),
             (5, syn("20.1.2.3"))]
    ran = replay(pcap.pcap(tries))
    expect(ran, [(round(c["time"] - pcap.START), c["verdict"]) for c in ran.connections], [(0, "denied"), (3, "allowed"), (5, "allowed")], "SYNs")
    expect(ran, (ran.summary["denied"], ran.summary["tried_again"]), (1, 1), "counted")


@case("times are the capture's: lives end by them, a clock that goes back changes nothing, --speed lets them pass as they were")
def times():
    backwards = usual()[:3] + [(-100, syn("20.1.2.3", sport=50003)), (359, syn("20.1.2.3", sport=50004)), (361, syn("20.1.2.3", sport=50005))]
    ran = replay(pcap.pcap(backwards))
    expect(ran, [c["verdict"] for c in ran.connections], ["allowed"] * 4 + ["denied"], "verdicts")
    expect(ran, ran.summary["time_backwards"], 1, "counted")
    years = usual()[:3] + [(10 ** 8, syn("20.1.2.3", sport=50006))]
    expect(years, replay(pcap.pcap(years)).connections[-1]["verdict"], "denied", "years later")
    begun = time.monotonic()
    expect(ran, replay(pcap.pcap(usual()), "--speed", "1000").status, 1, "a thousand times faster")
    took = time.monotonic() - begun
    assert took >= 0.365, f"{took} s for 365 s at a thousand times the speed"


@case("from a pipe, while it is written")
def piped():
    check_usual(replay(None, stdin=pcap.pcap(usual())))
    check_usual(replay(None, stdin=pcap.pcapng(usual())))


@case("what is neither IP nor understood is passed over and counted")
def strange():
    arp = b"\xff" * 6 + b"\2\0\0\0\0\1" + b"\x08\x06" + bytes(28)
    frames = [arp, b"", b"\0" * 13, pcap.frame(pcap.ETHERNET, b"\x45"), pcap.frame(pcap.ETHERNET, usual()[1][1][:27]), pcap.frame(pcap.ETHERNET, packets.udp(RESOLVER, 53, CLIENT, 1, b""))]
    capture = pcap.section() + pcap.interface(pcap.ETHERNET) + pcap.interface(9999 % 65536)
    capture += b"".join(pcap.enhanced(0, i, data) for i, data in enumerate(frames)) + pcap.enhanced(1, 9, b"anything")
    ran = replay(capture)
    expect(ran, (ran.status, ran.summary["packets"], ran.summary["answers"]["malformed"]), (0, 7, 1), "counted")


@case("more flows than are told apart: the quietest are forgotten and counted")
def many_flows():
    one = packets.udp(CLIENT, 1, "20.5.5.5", 123, b"x") # checksums are not looked at
    capture = pcap.pcap([(i / 1e4, one[:18] + struct.pack("!BBH", i // 60000, 5, 1024 + i % 60000) + one[22:]) for i in range(66000)], pcap.RAW)
    ran = replay(capture, "--summary")
    expect(ran, (ran.summary["flows_forgotten"], ran.summary["denied"]), (66000 - 65536, 66000), "counted")


# ---- captures made of what others have recorded ----


def chains():
    """Without those in whose name somebody left a part out."""
    whole = json.loads((SAMPLES / "ms-dns-chains.json").read_text(encoding="utf-8"))
    return [chain for chain in whole if re.fullmatch(r"[\w.-]+", chain["rr"][0][0])]


@case("samples: a real answer for outlook.office.com teaches its four addresses by the smallest TTL of the chain", samples=True)
def outlook():
    packet = (SAMPLES / "outlook.office.com-A-9rr-edns.ipv4udp.bin").read_bytes()
    for capture in (pcap.pcap([(0, packet)]), pcap.pcapng([(0, packet)], pcap.SLL)):
        ran = replay(capture, "--resolvers", "any", allow='mail: { names = "outlook.office.com"; lifetime: { grace = 0; min = 0; }; };')
        expect(ran, {(a, life) for a, _, _, life in ran.learned()}, {(a, 4) for a in ("52.97.158.162", "40.101.12.98", "40.99.204.34", "40.101.121.18")}, "learned")


@case("samples: chains that others wrote down, as one capture: each question allowed brings its addresses, and then its client in", samples=True)
def written_chains():
    capture, want = [], set()
    for number, chain in enumerate(chains()):
        records = [record for row in chain["rr"] for record in texts.records(*row)]
        name = records[0].owner
        addresses = [(record.rdata, record.owner) for record in records if record.kind in (dnswire.A, dnswire.AAAA)]
        reached, moved = {name.lower()}, True
        while moved:
            more = {dnswire.text(r.rdata).lower() for r in records if r.kind == dnswire.CNAME and r.owner.lower() in reached} - reached
            moved, reached = bool(more), reached | more
        capture.append((number, answer(name, *records, kind=dnswire.A, port=30000 + number)))
        for i, (data, owner) in enumerate(addresses):
            address = str(ipaddress.ip_address(data))
            if owner.lower() in reached and ":" not in address:
                want.add(address)
                capture.append((number + 0.1 + i / 1000, syn(address, sport=20000 + i + 100 * number)))
    assert len(capture) > 50 and len(want) > 30, (len(capture), len(want))
    names = ", ".join(sorted({f'"{texts.records(*chain["rr"][0])[0].owner}"' for chain in chains()}))
    ran = replay(pcap.pcapng(capture), allow=f"all: {{ names = [ {names} ]; private = true; }};")
    assert ran.summary, ran
    missing = {c["address"] for c in ran.connections if c["verdict"] == "denied"}
    expect(ran, (missing, ran.summary["allowed"] > 50), (set(), True), "connections")
    assert want <= {a for a, _, _, _ in ran.learned()}, want - {a for a, _, _, _ in ran.learned()}


@case("samples: 9,774 messages of resolvers' test suites and fuzzers as one capture: all are read, none twice, none breaks it", samples=True)
def everything():
    messages = []
    with tarfile.open(SAMPLES / "cz-nic-packets.tar.gz") as archive:
        for member in archive:
            if member.name.endswith(".pkt"):
                messages.append(archive.extractfile(member).read())
    messages += [file.read_bytes() for file in sorted((SAMPLES / "c-ares-fuzzinput").iterdir()) if file.suffix != ".md"]
    messages = [m for m in messages if len(m) < 65000]
    assert len(messages) > 9774, len(messages)
    capture = [(i / 1000, packets.udp(RESOLVER, 53, CLIENT, 1024 + i % 60000, message)) for i, message in enumerate(messages)]
    ran = replay(pcap.pcap(capture), "--summary", allow='most: { names = [ "*.com", "*.net", "*.org", "*.example", "*.cz" ]; private = true; };')
    answers = ran.summary["answers"]
    expect(ran, sum(answers.values()), len(messages), "answers")
    assert answers["learned"] > 10 and answers["malformed"] > 5 and answers["error"] > 10 and answers["no-entry"] > 10, answers


def lacking(function):
    if function.marks.get("samples") and not SAMPLES.is_dir():
        return f"{SAMPLES} is not there"
    return not os.access(REPLAY, os.X_OK) and f"{REPLAY} is not there"


def main():
    return tap.run(CASES, lacking)


if __name__ == "__main__":
    sys.exit(main())
