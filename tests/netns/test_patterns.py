#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Which names open a way, through the real packet path."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import dnswire  # noqa: E402
from netns import case, check, elements, expect, main  # noqa: E402


def own_address(question):
    """Every name has an address of its own, the same at each question."""
    known = own_address.known.setdefault(question.wire.lower(), len(own_address.known))
    return [dnswire.a(question.wire, f"20.50.{known // 250}.{known % 250 + 1}", 300)]


own_address.known = {}


def try_names(t, d, allowed, denied):
    """Asks for each name and connects to its address."""
    taught = d.counters()["answers_taught"]
    for names, result in ((allowed, "open"), (denied, "reset")):
        for qname in names:
            address = t.client.lookup("10.2.0.2", qname)[0]
            expect(t.client.tcp(address).result, result, f"{dnswire.text(dnswire.name(qname))} at {address}")
    expect(d.counters()["answers_taught"] - taught, len(allowed), "answers that taught")


@case("*.x is any depth below x, not x itself, and keeps to label boundaries", tags=["smoke"])
def depth(t):
    t.simple()
    t.dns(t.inet, own_address)
    d = t.gateway(allow='web: { names = [ "*.example.net", "only.example.org" ]; };')
    try_names(t, d, ["a.example.net", "a.b.example.net", "a.b.c.d.e.f.g.example.net", "only.example.org", "*.example.net"],
              ["example.net", "evilexample.net", "a.evilexample.net", "example.net.evil.org", "net", "a.example.org", "below.only.example.org", "example.org",
               "xonly.example.org"])
    hint = d.json("explain", "example.net", ok=1)
    expect(hint["verdict"], "denied", "explain of the apex")
    check("*.example.net" in hint.get("hint", ""), "the hint names the wildcard")


@case("Intune of the catalog: apex and wildcard, but not evilmanage.microsoft.com", tags=["smoke"])
def intune(t):
    t.simple()
    t.dns(t.inet, own_address)
    d = t.gateway(allow='intune: { service = "intune"; };')
    try_names(t, d, ["manage.microsoft.com", "portal.manage.microsoft.com", "fef.msub01.manage.microsoft.com", "EnterpriseEnrollment.manage.microsoft.com",
                     "naprodimedatapri.blob.core.windows.net"],
              ["evilmanage.microsoft.com", "microsoft.com", "www.microsoft.com", "manage.microsoft.com.evil.org", "evil.blob.core.windows.net"])


@case("a * inside a label stands for part of that label only")
def mid_label(t):
    t.simple()
    t.dns(t.inet, own_address)
    d = t.gateway(allow='web: { names = [ "payloadprod*.blob.example.net", "*-files.example.net", "autodiscover.*.example.net", "a*b*c.example.org" ]; };')
    try_names(t, d, ["payloadprod1.blob.example.net", "payloadprod.blob.example.net", "PAYLOADPROD77x.blob.example.net", "contoso-files.example.net",
                     "-files.example.net", "autodiscover.contoso.example.net", "abc.example.org", "axxbyyc.example.org", "abbc.example.org"],
              ["payloadpro.blob.example.net", "xpayloadprod1.blob.example.net", "payloadprod1.x.blob.example.net", "payloadprod.x.blob.example.net",
               "contoso-files.x.example.net", "contosofiles.example.net", "contoso-filesx.example.net", "autodiscover.a.b.example.net", "autodiscover.example.net",
               "x.autodiscover.contoso.example.net", "ab.example.org", "a.b.c.example.org", "abcx.example.org"])


@case("upper and lower case make no difference, in the question, the answer and the configuration", tags=["smoke"])
def letters(t):
    t.simple()

    def handler(question):
        if question.name == "mixed.example.net":
            # The answer spells names in a case of its own, in question, chain and owner.
            return question.reply([dnswire.cname("MIXED.example.NET", "EnD.Example.ORG"), dnswire.a("eNd.eXample.org", "20.51.0.1")],
                                  questions=[("mIxEd.ExAmPlE.nEt", dnswire.A)])
        return own_address(question)

    t.dns(t.inet, handler)
    d = t.gateway(allow='web: { names = [ "*.EXAMPLE.Net", "Exact.example.ORG" ]; };')
    try_names(t, d, ["WWW.example.NET", "mixed.example.net", "eXACT.eXample.oRG"], ["Example.NET"])
    check(d.knows("20.51.0.1"), "the address at the end of the chain")
    expect(d.knows("20.51.0.1")["names"], ["mixed.example.net"], "names are told in lower case")


@case("names of 255 octets and labels of 63")
def long_names(t):
    t.simple()
    t.dns(t.inet, own_address)
    d = t.gateway(allow='web: { names = "*.example.net"; };')
    labels = [b"x" * 63, b"y" * 63, b"z" * 63]
    rest = 255 - 3 * 64 - len(dnswire.name("example.net")) - 1
    full = [b"w" * rest, *labels, b"example", b"net"]
    expect(len(dnswire.name(full)), 255, "octets of the name")
    try_names(t, d, [full, [b"x" * 63, b"example", b"net"]], [[b"w" * (rest - 1), *labels, b"xexample", b"net"]])
    expect(len(d.learned()), 2, "learned elements")


@case("dots, NUL and control bytes inside labels never make a boundary, and are escaped in what nfqdn tells", tags=["smoke"])
def odd_labels(t):
    t.simple()
    t.dns(t.inet, own_address)
    d = t.gateway(allow='web: { names = [ "*.example.net", "exact.example.org" ]; };')
    try_names(t, d, [[b"a.b", b"example", b"net"], [b"nul\0", b"example", b"net"], [b"line\nbreak\x1b[31m\"#", b"example", b"net"], [b"\xff\x80", b"example", b"net"]],
              [[b"a.example", b"net"], [b"a", b"example.net"], [b"exact.example", b"org"], [b"exact", b"example.org"], [b"exact.example.org"],
               [b"a", b"example\0", b"net"], [b"a", b"example", b"net\0"], [b"a", b"example", b"net", b"\0"], [b"exact\0", b"example", b"org"],
               [b"exact", b"example", b"org\0x"]])
    for arguments in (("learned",), ("learned", "--json"), ("status", "--json")):
        text = d.ctl(*arguments).stdout
        check(all(32 <= ord(c) < 127 or c == "\n" for c in text), f"only printable characters in {arguments}")
    names = {n for e in d.learned() for n in e["names"]}
    expect(len(names), 4, "names learned")
    check(not any("a.b.example.net" == n for n in names), "a dot in a label is told apart from a boundary")
    check(all(32 <= ord(c) < 127 or c in "\n\t" for c in d.log()), "only printable characters in the log")
    text = t.gw.run("nft list set inet nfqdn name4").stdout
    check(all(32 <= ord(c) < 127 or c in "\n\t" for c in text), "only printable characters in comments")
    expect(sum(bool(e["comment"]) for e in elements(t.gw, "name4")), 4, "comments")


@case("several entries that match one name all count: their ports unite, and the order makes no difference")
def several_entries(t):
    t.simple()
    t.dns(t.inet, {"www.example.net": "20.52.0.1", "www.other.example.net": "20.52.0.2"})
    d = t.gateway(allow='one: { names = "*.example.net"; }; two: { names = "www.example.net"; ports = [ "tcp/80", "tcp/8443" ]; }; '
                        'three: { names = [ "w*.example.net" ]; ports = "tcp/5671"; };')
    t.client.lookup("10.2.0.2", "www.example.net")
    t.client.lookup("10.2.0.2", "www.other.example.net")
    for port, one, other in ((443, "open", "open"), (80, "open", "reset"), (8443, "open", "reset"), (5671, "open", "reset"), (1433, "reset", "reset")):
        expect((t.client.tcp("20.52.0.1", port).result, t.client.tcp("20.52.0.2", port).result), (one, other), f"port {port}")
    expect(sorted(e["entries"] for e in d.learned() if e["address"] == "20.52.0.1"), [["one"], ["three"], ["two"], ["two"]], "entries")


@case("port ranges of a name, UDP and ICMP")
def ports(t):
    t.simple(ports=range(5670, 5680))
    t.echo(t.inet, [3478, 3479, 3482])
    t.dns(t.inet, {"relay.example.net": ["20.53.0.1", "2603:1030::53"], "ping.example.net": ["20.53.0.2", "2603:1030::54"]})
    t.gateway(allow='relay: { names = "relay.example.net"; ports = [ "tcp/5671-5673", "udp/3478-3481" ]; }; ping: { names = "ping.example.net"; ports = "icmp"; };')
    for kind, relay, ping in ((dnswire.A, "20.53.0.1", "20.53.0.2"), (dnswire.AAAA, "2603:1030::53", "2603:1030::54")):
        t.client.lookup("10.2.0.2", "relay.example.net", kind)
        t.client.lookup("10.2.0.2", "ping.example.net", kind)
        expect([t.client.tcp(relay, p).result for p in range(5670, 5675)], ["reset", "open", "open", "open", "reset"], f"TCP ports at {relay}")
        expect([t.client.udp(relay, p).result for p in (3478, 3479, 3482)], ["reply", "reply", "prohibited"], f"UDP ports at {relay}")
        expect((t.client.ping(relay).result, t.client.ping(ping).result), ("prohibited", "reply"), "ping")
        expect(t.client.tcp(ping, 5671).result, "reset", "TCP where only ICMP is allowed")


if __name__ == "__main__":
    main()
