#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The ground that the other cases stand on: without a daemon everything is reached, and the probes tell apart what they must."""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import dnswire  # noqa: E402
import packets  # noqa: E402
from netns import PATIENCE, case, check, expect, main, until  # noqa: E402


@case("without a daemon the client reaches any address and port, by IPv4 and IPv6", tags=["smoke"])
def reach(t):
    t.simple()
    t.echo(t.inet, [4000])
    for address in ("20.1.2.3", "2603:1030::7"):
        attempt = t.client.tcp(address, 443)
        expect((attempt.result, attempt.line.split()[:3]), ("open", ["reached", address, "443"]), "TCP")
        expect(t.client.udp(address, 4000).result, "reply", "UDP")
        expect(t.client.ping(address).result, "reply", "ping")
    expect(t.client.tcp("20.1.2.3", 81).result, "reset", "a port where nobody listens")


@case("names are answered by UDP and TCP, by IPv4 and IPv6, chains and wildcards included", tags=["smoke"])
def names(t):
    t.simple()
    server = t.dns(t.inet, {
        "www.example.net": ["20.1.2.3", "20.1.2.4", "2603:1030::7"], "*.deep.example.net": "20.1.2.5",
        "chain.example.net": [dnswire.cname("chain.example.net", "end.example.org"), dnswire.a("end.example.org", "20.1.2.6", 5)]})
    for resolver in ("10.2.0.2", "fd00:2::2", "8.8.8.8"):
        for tcp in (False, True):
            expect(t.client.lookup(resolver, "www.example.net", tcp=tcp), ["20.1.2.3", "20.1.2.4"], f"A at {resolver}")
            expect(t.client.lookup(resolver, "www.example.net", dnswire.AAAA, tcp=tcp), ["2603:1030::7"], f"AAAA at {resolver}")
    expect(t.client.lookup("10.2.0.2", "a.b.deep.example.net"), ["20.1.2.5"], "below a wildcard")
    expect(t.client.query("10.2.0.2", "chain.example.net").answers,
           [("chain.example.net", 5, 60, "end.example.org"), ("end.example.org", 1, 5, "20.1.2.6")], "a chain")
    expect(t.client.query("10.2.0.2", "other.example.net").rcode, 3, "a name that is not there")
    expect({q.source[0] for q in server.asked}, {"10.1.0.2", "fd00:1::2"}, "the gateway does not translate addresses")


@case("the probes tell reset, prohibited and silence apart", tags=["smoke"])
def probes(t):
    t.simple()
    t.echo(t.inet, [4000])
    t.gw.nft("table inet f {\n chain c {\n type filter hook forward priority 0\n tcp dport 443 reject with tcp reset\n"
             " tcp dport 80 drop\n tcp dport 1433 reject with icmpx admin-prohibited\n udp dport 4000 reject with icmpx admin-prohibited\n"
             " icmp type echo-request reject with icmpx admin-prohibited\n icmpv6 type echo-request reject with icmpx admin-prohibited\n }\n}\n")
    for address in ("20.1.2.3", "2603:1030::7"):
        for port, result in ((443, "reset"), (80, "timeout"), (1433, "prohibited"), (8443, "open")):
            # IPv6: the ICMP error comes back while connect() still owns the socket, and only that of the second SYN counts.
            expect(t.client.tcp(address, port, seconds=0.3 if port == 80 else 3).result, result, f"{address} port {port}")
        expect(t.client.udp(address, 4000).result, "prohibited", f"UDP to {address}")
        expect(t.client.ping(address).result, "prohibited", f"ping {address}")


@case("packets made by hand arrive: UDP, TCP, ICMP with a wanted checksum, both families", tags=["smoke"])
def by_hand(t):
    t.simple()
    t.inet.nft("table inet count {\n counter u {\n }\n counter s {\n }\n counter i {\n }\n chain c {\n type filter hook input priority 0\n udp dport 4001 counter name u\n"
               " tcp flags syn / syn,ack tcp dport 4002 counter name s\n icmp type echo-request @th,16,16 2048 counter name i\n icmpv6 type echo-request counter name i\n }\n}\n")
    mac = t.gw.mac("lan0")
    for source, destination in (("10.1.0.2", "20.1.2.3"), ("fd00:1::2", "2603:1030::7")):
        packets.send(t.client, "eth0", mac, packets.udp(source, 4000, destination, 4001, b"x"))
        packets.send(t.client, "eth0", mac, packets.tcp(source, 4000, destination, 4002, packets.SYN))
        packets.send(t.client, "eth0", mac, packets.echo(source, destination))
    packets.send(t.client, "eth0", mac, packets.icmp_with_checksum("10.1.0.2", "20.1.2.3", 2048))
    for counter, want in (("u", 2), ("s", 2), ("i", 2)):
        until(lambda counter=counter, want=want: t.inet.counter(counter) == want, f"counter {counter} is {want}")


@case("a late answer is late and a silent server is silent")
def late(t):
    t.simple()
    t.dns(t.inet, lambda q: (0.3, [dnswire.a(q.wire, "20.1.2.3")]) if q.name == "late.example.net" else None)
    began = time.monotonic()
    t.client.lookup("10.2.0.2", "late.example.net")
    check(0.29 < time.monotonic() - began < 2 * PATIENCE, "the answer came after 0.3 s")
    try:
        t.client.query("10.2.0.2", "never.example.net", seconds=0.3)
    except TimeoutError:
        return
    check(False, "an answer came from a silent server")


if __name__ == "__main__":
    main()
