#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What an answer may teach: the chain from its question, addresses that can be outside, nothing else."""
import ipaddress
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import dnswire  # noqa: E402
from netns import case, check, expect, main  # noqa: E402

WEB = 'web: { names = "*.example.net"; };'


def zone(t, records, **options):
    """A server that answers each name with a list of records, as it stands."""
    return t.dns(t.inet, lambda q: records.get(q.name, []), **options)


def learned(d):
    return sorted(e["address"] for e in d.learned())


@case("a chain is followed in any order, through six CNAMEs and mixed case, and only from the question", tags=["kernel", "smoke"])
def chain(t):
    t.simple()
    c, a = dnswire.cname, dnswire.a
    six = [c("six.example.net", "c1.traffic.test", 3335), c("c1.traffic.test", "c2.edge.test", 35), c("c2.edge.test", "c3.edge.test", 1535), c("c3.edge.test", "c4.cdn.test", 35),
           c("c4.cdn.test", "C5.cdn.test", 35), c("C5.cdn.test", "c6.cdn.test", 35), a("c6.cdn.test", "20.60.0.1", 3335)]
    zone(t, {
        "six.example.net": six,
        "backwards.example.net": [a("y3.test", "20.60.0.2"), c("y2.test", "y3.test"), c("y1.test", "y2.test"), c("backwards.example.net", "y1.test")],
        "off.example.net": [c("off.example.net", "end.test"), a("end.test", "20.60.0.3"), a("elsewhere.test", "20.60.0.4"), a("www.example.net", "20.60.0.5"),
                            c("else.test", "end.test"), a("else.test", "20.60.0.6")],
        "loop.example.net": [c("loop.example.net", "loop2.test"), c("loop2.test", "loop.example.net"), a("loop3.test", "20.60.0.7")],
        "self.example.net": [c("self.example.net", "self.example.net"), a("self.example.net", "20.60.0.8")],
        "denied.example.org": [c("denied.example.org", "www.example.net"), a("www.example.net", "20.60.0.9")],
    })
    d = t.gateway(allow=WEB)
    for qname in ("six.example.net", "backwards.example.net", "off.example.net", "loop.example.net", "denied.example.org"):
        t.client.query("10.2.0.2", qname)
    expect(learned(d), ["20.60.0.1", "20.60.0.2", "20.60.0.3"], "learned addresses")
    expect(d.knows("20.60.0.1")["ttl"], 35, "the TTL of a chain is the smallest on it")
    expect(d.knows("20.60.0.1")["names"], ["six.example.net"], "the name that was asked for")
    t.client.query("10.2.0.2", "self.example.net")
    for address in ("20.60.0.1", "20.60.0.2", "20.60.0.3"):
        expect(t.client.tcp(address).result, "open", address)
    for address in ("20.60.0.4", "20.60.0.5", "20.60.0.6", "20.60.0.7", "20.60.0.9"):
        expect(t.client.tcp(address).result, "reset", address)


@case("HTTPS and SVCB hints of the chain's names are learned", tags=["smoke"])
def hints(t):
    t.simple()
    zone(t, {
        "www.example.net": [dnswire.https("www.example.net", 1, ".", ["20.62.0.1"], ["2603:1030::62"], 300)],
        "svc.example.net": [dnswire.https("svc.example.net", 1, ".", ["20.62.0.2"], kind=dnswire.SVCB)],
        "chain.example.net": [dnswire.cname("chain.example.net", "end.cdn.test"), dnswire.https("end.cdn.test", 1, ".", ["20.62.0.3"])],
        "off.example.net": [dnswire.https("elsewhere.test", 1, ".", ["20.62.0.5"])],
        "denied.example.org": [dnswire.https("denied.example.org", 1, ".", ["20.62.0.4"])],
    })
    d = t.gateway(allow=WEB)
    t.client.query("10.2.0.2", "www.example.net", dnswire.HTTPS)
    t.client.query("10.2.0.2", "svc.example.net", dnswire.SVCB)
    t.client.query("10.2.0.2", "chain.example.net", dnswire.HTTPS)
    t.client.query("10.2.0.2", "off.example.net", dnswire.HTTPS)
    t.client.query("10.2.0.2", "denied.example.org", dnswire.HTTPS)
    expect(learned(d), ["20.62.0.1", "20.62.0.2", "20.62.0.3", "2603:1030::62"], "learned addresses")
    expect((t.client.tcp("20.62.0.1").result, t.client.tcp("2603:1030::62").result), ("open", "open"), "hints")


RESERVED = ["0.0.0.0", "0.1.2.3", "10.9.9.9", "100.64.0.1", "100.127.255.254", "127.0.0.1", "127.9.9.9", "169.254.169.254", "172.16.0.1", "172.31.255.254", "192.0.0.8",
            "192.0.2.1", "192.168.77.1", "198.18.0.1", "198.19.255.254", "198.51.100.7", "203.0.113.7", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
            "::", "::1", "::10.1.2.3", "64:ff9b:1::1", "100::1", "2001:db8::1", "fc00::1", "fd00:1::99", "fe80::1", "fec0::1", "ff02::1",
            # the IPv4 inside is judged
            "64:ff9b::10.1.2.3", "64:ff9b::127.0.0.1", "::ffff:192.168.1.1", "2002:a01:203::1", "2002:7f00:1::1"]
LAWFUL = ["1.0.0.1", "100.63.255.255", "100.128.0.0", "128.0.0.1", "172.15.255.255", "172.32.0.1", "192.0.1.1", "198.17.255.255", "198.20.0.1", "203.0.112.255", "223.255.255.254",
          "2603:1027:1:c8::", "2001:db7:ffff::1", "64:ff9b::808:808", "2002:808:808::1"]


@case("private, loopback and other addresses that cannot be outside are refused and counted; their neighbours are not", tags=["smoke"])
def reserved(t):
    t.simple()
    every = RESERVED + LAWFUL
    zone(t, {f"n{i}.example.net": [dnswire.address(f"n{i}.example.net", value)] for i, value in enumerate(every)})
    d = t.gateway(allow=WEB)
    for i, value in enumerate(every):
        t.client.query("10.2.0.2", f"n{i}.example.net", dnswire.AAAA if ":" in value else dnswire.A)
    expect(learned(d), sorted(LAWFUL), "learned addresses")
    counters = d.counters()
    expect(counters["refused_reserved"] + counters["refused_own"], len(RESERVED), "refused addresses: reserved, and the gateway's own (127.0.0.1, ::1)")


@case("an address inside a NAT64 prefix of ours is judged by the IPv4 address that it carries, and local does not reach into it", tags=["smoke"])
def nat64(t):
    t.simple()
    prefixes = ["2001:db8:64::/96", "2001:db8:122:300::/56", "fd00:64::/96"]
    good = ["2001:db8:64::20.1.2.3", "2001:db8:122:314:1:203::", "fd00:64::20.1.2.3", "64:ff9b::20.1.2.3"]
    bad = ["2001:db8:64::10.1.2.3", "2001:db8:64::192.0.2.33", "2001:db8:64::169.254.169.254", "2001:db8:122:30a:1:203::", "2001:db8:122:3c0:0:221::",
           "2001:db8:122:314:101:203::", "fd00:64::127.0.0.1", "fd00:65::20.1.2.3", "2001:db8:65::20.1.2.3", "64:ff9b::10.1.2.3"]
    zone(t, {f"n{i}.example.net": [dnswire.address(f"n{i}.example.net", value)] for i, value in enumerate(good + bad)})
    d = t.gateway(allow=WEB, nat64=prefixes)
    expect([t.client.tcp(a).result for a in good], ["reset"] * 4, "before the questions, though one lies in fc00::/7")
    expect(t.client.tcp("fd00:65::1").result, "open", "what else lies in fc00::/7")
    for i in range(len(good + bad)):
        t.client.query("10.2.0.2", f"n{i}.example.net", dnswire.AAAA)
    expect(learned(d), sorted(str(ipaddress.IPv6Address(a)) for a in good), "learned addresses")
    expect(d.counters()["refused_reserved"], len(bad), "refused addresses")
    expect([t.client.tcp(a).result for a in good], ["open"] * 4, "what was learned")
    d.reload(t.config(allow=WEB))
    expect(learned(d), ["64:ff9b::1401:203"], "without the setting they are of the documentation, or private")
    expect(t.client.tcp("2001:db8:64::20.1.2.3").result, "reset", "the address after the reload")


@case("private = true takes private addresses; the gateway's own addresses are refused")
def private(t):
    t.simple()
    t.gw.ip("addr add 20.63.0.1/32 dev lo")
    zone(t, {"inside.example.org": [dnswire.a("inside.example.org", "172.16.5.5")], "own.example.net": [dnswire.a("own.example.net", "20.63.0.1")],
             "late.example.net": [dnswire.a("late.example.net", "20.63.0.2")]})
    d = t.gateway(allow=WEB + ' intranet: { names = "*.example.org"; private = true; };', local=["10.2.0.0/24"])
    t.client.query("10.2.0.2", "inside.example.org")
    t.client.query("10.2.0.2", "own.example.net")
    expect(learned(d), ["172.16.5.5"], "learned addresses")
    expect(t.client.tcp("172.16.5.5").result, "open", "the private address")
    expect(d.counters()["refused_own"], 1, "own addresses refused")
    # An address that the gateway gets while the daemon runs counts too.
    t.gw.ip("addr add 20.63.0.2/32 dev lo")
    t.client.query("10.2.0.2", "late.example.net")
    expect((learned(d), d.counters()["refused_own"]), (["172.16.5.5"], 2), "an own address added later")


@case("what cannot be understood passes unlearned and is counted, and never costs the client its answer", tags=["smoke"])
def odd_messages(t):
    t.simple()
    a = dnswire.a("x.example.net", "20.64.0.1")
    two = [("x.example.net", dnswire.A), ("y.example.net", dnswire.A)]

    def broken(q, tail):
        return struct.pack("!6H", q.number, 0x8180, 1, 1, 0, 0) + dnswire.name(q.wire) + struct.pack("!HH", 1, 1) + tail

    body = struct.pack("!HHIH", 1, 1, 60, 4) + bytes([20, 64, 0, 1])
    messages = {
        "two questions": lambda q: q.reply([a], questions=two),
        "no question": lambda q: q.reply([a], questions=[]),
        "another opcode": lambda q: q.reply([a], flags=dnswire.QR | 0x1000),
        "not a response": lambda q: q.reply([a], flags=dnswire.RD),
        "NXDOMAIN with an address": lambda q: q.reply([a], rcode=3),
        "another class": lambda q: q.reply([dnswire.Record("x.example.net", 1, 60, bytes([20, 64, 0, 1]), klass=3)]),
        "more records announced than there are": lambda q: q.reply([a], ancount=65535),
        "a pointer to itself": lambda q: broken(q, struct.pack("!H", 0xC000 | len(broken(q, b""))) + body),
        "a pointer forward": lambda q: broken(q, struct.pack("!H", 0xC000 | (len(broken(q, b"")) + 2)) + body),
        "a pointer into the header": lambda q: broken(q, struct.pack("!H", 0xC000) + body),
        "an address of three octets": lambda q: q.reply([dnswire.Record("x.example.net", 1, 60, bytes([20, 64, 0]))]),
        "an address of five octets": lambda q: q.reply([dnswire.Record("x.example.net", 1, 60, bytes([20, 64, 0, 1, 1]))]),
        "a label type that is not lawful": lambda q: broken(q, b"\x80x\0" + body),
        "an answer cut in the middle of its address": lambda q: q.reply([a])[:-2],
        "an answer cut in the middle of its question": lambda q: q.reply([a])[:20],
        "an empty datagram": lambda q: b"",
        "eleven octets": lambda q: q.reply([a])[:11],
    }
    current = {}
    t.dns(t.inet, lambda q: current["make"](q))
    d = t.gateway(allow=WEB)
    for text, make in messages.items():
        current["make"] = make
        with t.client.socket(kind=2) as sock:
            sock.settimeout(3)
            sock.connect(("10.2.0.2", 53))
            sock.send(dnswire.query("x.example.net", number=5))
            check(sock.recv(65535) is not None, f"{text}: it reaches the client")
        expect(learned(d), [], f"learned from {text}")
    counters = d.counters()
    check(counters["answers_malformed"] >= 6 and counters["answers_not_understood"] >= 1, f"what was not understood is counted: {counters}")
    current["make"] = lambda q: q.reply([a])
    t.client.query("10.2.0.2", "x.example.net")
    expect(learned(d), ["20.64.0.1"], "after all that a good answer teaches")


@case("a truncated answer teaches what it holds and passes")
def truncated(t):
    t.simple()
    t.dns(t.inet, lambda q: q.reply([dnswire.a(q.wire, "20.65.0.1")], flags=dnswire.QR | dnswire.RD | dnswire.RA | dnswire.TC))
    d = t.gateway(allow=WEB)
    message = t.client.query("10.2.0.2", "x.example.net")
    check(message.truncated, "TC arrives")
    expect(learned(d), ["20.65.0.1"], "learned")


@case("EDNS, extra sections and unknown record types are read over")
def sections(t):
    t.simple()

    def handler(q):
        opt = dnswire.Record([], dnswire.OPT, 0, b"\0\x0a\0\x08cookiexx", klass=1232)
        return q.reply([dnswire.Record(q.wire, 65280, 60, b"\1\2\3"), dnswire.txt(q.wire, b"hello"), dnswire.a(q.wire, "20.66.0.1")],
                       authority=[dnswire.Record("example.net", dnswire.NS, 60, dnswire.name("ns.example.net")), dnswire.a("x.example.net", "20.66.0.2")],
                       additional=[dnswire.a("ns.example.net", "20.66.0.3"), dnswire.a(q.wire, "20.66.0.4"), opt])

    t.dns(t.inet, handler)
    d = t.gateway(allow=WEB)
    t.client.query("10.2.0.2", "x.example.net", edns=1232)
    expect(learned(d), ["20.66.0.1"], "only the answer section teaches")


if __name__ == "__main__":
    main()
