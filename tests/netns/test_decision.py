#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What passes and what does not, and how the client is told."""
import pathlib
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import dnswire  # noqa: E402
import packets  # noqa: E402
from netns import IP_MTU, IPV6_MTU, PATIENCE, case, check, expect, holds, main, until  # noqa: E402

# 20.80.0.0/24 and 2603:1030:80::/64 are allowed on tcp/443.
CLOUD = 'cloud: { addresses = [ "20.80.0.0/24", "2603:1030:80::/64" ]; };'
IN4, IN6, OUT4, OUT6 = "20.80.0.7", "2603:1030:80::7", "20.81.0.7", "2603:1030:81::7"


@case("an allowed range is open on its port alone; all else is refused at once", tags=["smoke"])
def ranges(t):
    t.simple()
    t.echo(t.inet, [443, 4000])
    d = t.gateway(allow=CLOUD)
    for address in (IN4, IN6, "20.80.0.0", "20.80.0.255", "2603:1030:80::", "2603:1030:80:0:ffff:ffff:ffff:ffff"):
        expect(t.client.tcp(address).result, "open", address)
    denied = 0
    for address in (OUT4, OUT6, "20.79.255.255", "20.81.0.0", "2603:1030:80:1::", "2603:1030:7f:ffff::1"):
        attempt = t.client.tcp(address)
        expect(attempt.result, "reset", address)
        check(attempt.seconds < 0.5 * PATIENCE, f"{address} was refused at once, not after {attempt.seconds:.2f} s")
        denied += 1
    for address in (IN4, IN6):
        for port in (80, 8443):
            expect(t.client.tcp(address, port).result, "reset", f"{address} port {port}")
            denied += 1
        expect(t.client.udp(address, 443).result, "prohibited", f"UDP to {address}")
        expect(t.client.udp(address, 4000).result, "prohibited", f"UDP to {address}")
        expect(t.client.ping(address).result, "prohibited", f"ping {address}")
        denied += 3
    expect(d.counters()["kernel_denied_packets"], denied, "denied packets")


@case("denied = drop says nothing")
def drop(t):
    t.simple()
    t.echo(t.inet, [4000])
    t.gateway(allow=CLOUD, denied="drop")
    expect(t.client.tcp(IN4).result, "open", "an allowed address")
    for address in (OUT4, OUT6):
        expect(t.client.tcp(address, seconds=0.5).result, "timeout", address)
        expect(t.client.udp(address, 4000, seconds=0.3).result, "timeout", f"UDP to {address}")
        expect(t.client.ping(address, seconds=0.3).result, "timeout", f"ping {address}")


@case("a flow that the outside opened does not carry a client's data out", tags=["kernel", "smoke"])
def reverse_connect(t):
    t.simple()
    t.listen(t.client, [7000])
    t.echo(t.client, [7001])
    # Without the daemon the outside does reach the client, so that what follows means something.
    expect(t.inet.tcp("10.1.0.2", 7000, source=OUT4).result, "open", "before nfqdnd runs")
    kept = t.inet.tcp("10.1.0.2", 7000, source=OUT4, keep=True)
    expect(kept.result, "open", "a connection opened before")
    d = t.gateway(allow=CLOUD)
    for source, to in ((OUT4, "10.1.0.2"), (OUT6, "fd00:1::2"), (IN4, "10.1.0.2"), (IN6, "fd00:1::2")):
        expect(t.inet.tcp(to, 7000, source=source, seconds=0.7).result == "open", False, f"a connection from {source}")
        expect(t.inet.udp(to, 7001, source=source, seconds=0.4).result, "timeout", f"an answer by UDP to {source}")
    kept.sock.settimeout(0.7)
    try:
        kept.sock.send(b"what have you got?")
        got = kept.sock.recv(100)
    except OSError:
        got = b""
    expect(got, b"", "what comes back on the connection opened before")
    check(d.counters()["kernel_denied_reply_packets"] >= 4, "denied replies are counted")
    # A connection of the same client outwards is not touched, both directions carry data.
    out = t.client.tcp(IN4, keep=True)
    out.sock.send(b"hello")
    expect(out.sock.recv(100), b"hello", "an allowed flow carries data both ways")
    # What `local` opens is the site's own business.
    expect(t.inet.tcp("10.1.0.2", 7000, source="10.2.0.2").result, "open", "a connection from a local address")


@case("an open flow goes on when its address is no longer allowed, but no new one begins")
def open_flow_goes_on(t):
    t.simple()
    d = t.gateway(allow=CLOUD)
    kept = t.client.tcp(IN4, keep=True)
    d.reload(t.config(allow='other: { addresses = "20.99.0.0/24"; };'))
    expect(t.client.tcp(IN4).result, "reset", "a new connection")
    kept.sock.send(b"still there?")
    expect(kept.sock.recv(100), b"still there?", "the open flow")


@case("a client's second address, outside `clients`, is no way out", tags=["smoke"])
def second_prefix(t):
    t.simple()
    t.client.ip("addr add 2a00:1450:1::2/64 dev eth0 nodad", "addr add 172.30.0.2/24 dev eth0")
    t.gw.ip("addr add 2a00:1450:1::1/64 dev lan0 nodad", "addr add 172.30.0.1/24 dev lan0")
    t.inet.ip("route add 2a00:1450:1::/64 via fd00:2::1 table local", "route add 172.30.0.0/24 via 10.2.0.1 table local")
    t.dns(t.inet, {"www.example.net": ["20.82.0.1"]})
    expect(t.client.tcp(OUT6, source="2a00:1450:1::2").result, "open", "before nfqdnd runs")
    d = t.gateway(allow=CLOUD, clients=["10.1.0.0/24", "fd00:1::/64"])
    for source, to in (("2a00:1450:1::2", IN6), ("2a00:1450:1::2", OUT6), ("172.30.0.2", IN4), ("172.30.0.2", OUT4), ("2a00:1450:1::2", "fd00:2::2"), ("172.30.0.2", "10.2.0.2")):
        expect(t.client.tcp(to, source=source).result, "reset", f"from {source} to {to}")
    expect(d.counters()["kernel_denied_source_packets"], 6, "denied for their source")
    expect((t.client.tcp(IN4, source="10.1.0.2").result, t.client.tcp(IN6, source="fd00:1::2").result), ("open", "open"), "from addresses inside `clients`")


@case("clients of one family only: the other family is denied wholly")
def one_family(t):
    t.simple()
    t.gateway(allow=CLOUD, clients=["10.1.0.0/24"])
    expect((t.client.tcp(IN4).result, t.client.tcp(IN6).result), ("open", "reset"), "IPv4 and IPv6")


@case("ping only where it is allowed; no ICMP message takes its checksum for a port", tags=["brief", "kernel", "smoke"])
def icmp(t):
    t.simple(ports=[443, 2048])
    t.inet.nft("table inet count {\n counter arrived {\n }\n chain c {\n type filter hook input priority 0\n icmp type != destination-unreachable counter name arrived\n"
               " meta l4proto ipv6-icmp icmpv6 type { echo-request, 139, packet-too-big } counter name arrived\n }\n}\n")
    d = t.gateway(allow='ping: { addresses = [ "20.83.0.0/24", "2603:1030:83::/64" ]; ports = "icmp"; }; '
                        'port2048: { addresses = [ "20.84.0.0/24" ]; ports = [ "tcp/2048", "udp/2048" ]; }; '
                        'port32768: { addresses = [ "2603:1030:84::/64" ]; ports = [ "tcp/32768" ]; };')
    expect((t.client.ping("20.83.0.1").result, t.client.ping("2603:1030:83::1").result), ("reply", "reply"), "ping where it is allowed")
    expect(t.inet.counter("arrived"), 2, "echo requests that arrived")
    expect(t.client.tcp("20.83.0.1", 2048).result, "reset", "TCP port 2048 where ping is allowed")
    expect(t.client.tcp("20.84.0.1", 2048).result, "open", "TCP port 2048 where it is allowed")
    for address in ("20.84.0.1", "2603:1030:84::1", "20.85.0.1", "2603:1030:85::1"):
        expect(t.client.ping(address).result, "prohibited", f"ping {address}")
    mac, denied = t.gw.mac("lan0"), d.counters()["kernel_denied_packets"]
    # Echo requests and timestamp requests whose checksum reads as port 2048, to an address with ping, with port 2048, with nothing.
    crafted = 0
    for address in ("20.84.0.1", "20.85.0.1"):
        packets.send(t.client, "eth0", mac, packets.icmp_with_checksum("10.1.0.2", address, 2048))
        crafted += 1
    for address in ("20.83.0.1", "20.84.0.1", "20.85.0.1"):
        # A timestamp request.
        packet = packets.icmp_with_checksum("10.1.0.2", address, 2048, kind=13, payload=bytes(10))
        packets.send(t.client, "eth0", mac, packet)
        crafted += 1
    # ICMPv6 node information query to an address with ping.
    packets.send(t.client, "eth0", mac, packets.icmp("fd00:1::2", "2603:1030:83::1", 139, 0, bytes(4), bytes(8)))
    # A packet-too-big that belongs to nothing.
    packets.send(t.client, "eth0", mac, packets.icmp("fd00:1::2", "2603:1030:83::1", 2, 0, bytes(4), packets.udp("2603:1030:83::1", 1, "fd00:1::2", 2, b"x")))
    crafted += 2

    def all_denied():
        c = d.counters()
        return c["kernel_denied_packets"] - denied + c["kernel_invalid_packets"] >= crafted

    until(all_denied, "the crafted packets are denied")
    expect(t.inet.counter("arrived"), 2, "echo requests that arrived")


@case("local destinations pass on every port, and `local` can be narrowed", tags=["smoke"])
def local(t):
    t.simple()
    t.echo(t.inet, [4000])
    d = t.gateway(allow=CLOUD)
    for address in ("10.77.0.1", "172.16.9.9", "192.168.1.1", "fd77::1"):
        expect((t.client.tcp(address, 8443).result, t.client.udp(address, 4000).result, t.client.ping(address).result), ("open", "reply", "reply"), address)
    expect(t.client.tcp("172.32.0.1", 8443).result, "reset", "next to a private range")
    d.reload(t.config(allow=CLOUD, local=["192.168.0.0/16"]))
    expect((t.client.tcp("192.168.1.1", 8443).result, t.client.tcp("10.77.0.1", 8443).result, t.client.tcp("fd77::1", 8443).result), ("open", "reset", "reset"), "narrowed")


@case("port 53 is open to trusted resolvers alone, by UDP and TCP", tags=["smoke"])
def foreign_dns(t):
    t.simple()
    t.dns(t.inet, {"www.example.net": ["20.85.0.1", "2603:1030::85"]})
    d = t.gateway(allow='web: { names = "*.example.net"; };', resolvers=["9.9.9.9", "2620:fe::9"])
    for resolver in ("9.9.9.9", "2620:fe::9"):
        for tcp in (False, True):
            t.client.lookup(resolver, "www.example.net", tcp=tcp)
        expect(t.client.tcp(resolver, 443).result, "reset", f"another port of {resolver}")
    for resolver in ("8.8.8.8", "2001:4860:4860::8888"):
        expect(t.client.udp(resolver, 53, dnswire.query("www.example.net")).result, "prohibited", f"UDP to {resolver}")
        expect(t.client.tcp(resolver, 53).result, "reset", f"TCP to {resolver}")
        expect(t.client.tcp(resolver, 853).result, "reset", f"DNS over TLS to {resolver}")
        expect(t.client.tcp(resolver, 443).result, "reset", f"DNS over HTTPS to {resolver}")
    expect(d.counters()["kernel_dns_foreign_packets"], 4, "counted queries to other resolvers")


def routers(t, mtu):
    """client - gateway - router - internet, with a narrow link behind the router."""
    t.client, t.gw, t.router, t.inet = t.net("client"), t.net("gateway"), t.net("router"), t.net("internet")
    t.link(t.client, "eth0", t.gw, "lan0", ["10.1.0.2/24", "fd00:1::2/64"], ["10.1.0.1/24", "fd00:1::1/64"])
    t.link(t.gw, "up0", t.router, "in0", ["20.86.1.1/24", "2603:1030:86:1::1/64"], ["20.86.1.2/24", "2603:1030:86:1::2/64"])
    t.link(t.router, "out0", t.inet, "eth0", ["10.2.0.1/24", "fd00:2::1/64"], ["10.2.0.2/24", "fd00:2::2/64"])
    t.client.ip("route add default via 10.1.0.1", "route add default via fd00:1::1")
    t.gw.ip("route add default via 20.86.1.2", "route add default via 2603:1030:86:1::2")
    t.router.ip("route add default via 10.2.0.2", "route add default via fd00:2::2", "route add 10.1.0.0/24 via 20.86.1.1", "route add fd00:1::/64 via 2603:1030:86:1::1",
                f"link set out0 mtu {mtu}")
    t.inet.ip(f"link set eth0 mtu {mtu}")
    t.forward(t.gw)
    t.forward(t.router)
    t.everywhere(t.inet, "eth0", ["10.2.0.0/24", "fd00:2::/64"], [("10.1.0.0/24", "10.2.0.1"), ("fd00:1::/64", "fd00:2::1"), ("20.86.1.0/24", "10.2.0.1"),
                                                                ("2603:1030:86:1::/64", "fd00:2::1")])
    # Else the server's announced segment size would hide the narrow link from the client.
    t.inet.ip("route replace 10.1.0.0/24 via 10.2.0.1 table local advmss 1460", "route replace fd00:1::/64 via fd00:2::1 table local advmss 1440")
    t.listener = t.listen(t.inet, [443])


@case("path-MTU discovery to an allowed address: the ICMP error of a router on the way reaches the client", tags=["smoke"])
def path_mtu(t):
    routers(t, 1300)
    t.gateway(allow=CLOUD)
    for address, level, option in ((IN4, socket.SOL_IP, IP_MTU), (IN6, socket.IPPROTO_IPV6, IPV6_MTU)):
        kept = t.client.tcp(address, keep=True)
        kept.sock.settimeout(5)
        data = bytes(range(256)) * 64
        kept.sock.sendall(data)
        got = b""
        while len(got) < len(data):
            more = kept.sock.recv(65536)
            check(more, "the connection stays open")
            got += more
        expect(got == data, True, f"16 KiB come back from {address}")
        until(lambda sock=kept.sock, level=level, option=option: sock.getsockopt(level, option) == 1300, f"the client knows the path's MTU to {address}")


@case("ICMP errors of a client about a flow it may have pass out: port unreachable")
def related_out(t):
    t.simple()
    d = t.gateway(allow='cloud: { addresses = [ "20.80.0.0/24", "2603:1030:80::/64" ]; ports = "udp/4000"; };')
    for inside, outside in (("10.1.0.2", IN4), ("fd00:1::2", IN6)):
        family = socket.AF_INET6 if ":" in inside else socket.AF_INET
        server = t.inet.socket(family, socket.SOCK_DGRAM)
        server.settimeout(3)
        server.bind((outside, 4000))
        client = t.client.socket(family, socket.SOCK_DGRAM)
        client.connect((outside, 4000))
        client.send(b"hello")
        _, source = server.recvfrom(100)
        client.close()
        server.connect(source[:2])
        server.send(b"are you there?")

        def refused(server=server):
            try:
                server.send(b"?")
                time.sleep(0.01)
                return False
            except ConnectionRefusedError:
                return True
        until(refused, f"the server at {outside} learns that the port is closed")
        server.close()
        expect(d.counters()["kernel_denied_packets"], 0, "denied packets")


@case("packets that conntrack cannot place are dropped, and a segment in the middle of nothing is refused")
def out_of_nowhere(t):
    t.simple()
    t.inet.nft("table inet count {\n counter arrived {\n }\n chain c {\n type filter hook input priority 0\n tcp sport 6000 counter name arrived\n }\n}\n")
    d = t.gateway(allow=CLOUD)
    mac = t.gw.mac("lan0")
    packets.send(t.client, "eth0", mac, packets.tcp("10.1.0.2", 6000, OUT4, 443, packets.ACK | packets.PSH, 5, 5, b"data"))
    packets.send(t.client, "eth0", mac, packets.tcp("10.1.0.2", 6000, OUT4, 8443, packets.SYN | packets.ACK, 5, 5))
    packets.send(t.client, "eth0", mac, packets.tcp("10.1.0.2", 6000, OUT4, 80, packets.FIN, 5, 5))
    until(lambda: d.counters()["kernel_denied_packets"] + d.counters()["kernel_invalid_packets"] >= 3, "three packets were counted")
    expect(t.inet.counter("arrived"), 0, "what arrived outside")


@case("what enters by an interface that was not named is not decided; a name with * stands for many", tags=["smoke"])
def interfaces(t):
    t.simple()
    t.second_segment()
    d = t.gateway(allow=CLOUD)
    expect((t.client.tcp(OUT4).result, t.client2.tcp(OUT4).result, t.client2.tcp(OUT6).result), ("reset", "open", "open"), "lan0 named, lan1 not")
    d.reload(t.config(allow=CLOUD, interfaces=["lan*"]))
    expect((t.client.tcp(OUT4).result, t.client2.tcp(OUT4).result, t.client2.tcp(IN4).result), ("reset", "reset", "open"), "lan*")
    d.reload(t.config(allow=CLOUD, interfaces=["lan1", "eth7"]))
    expect((t.client.tcp(OUT4).result, t.client2.tcp(OUT4).result), ("open", "reset"), "lan1 named, lan0 not")


@case("IP fragments and IPv6 extension headers open no other way")
def fragments(t):
    t.simple()
    t.echo(t.inet, [4000, 4001])
    t.gateway(allow='cloud: { addresses = [ "20.80.0.0/24", "2603:1030:80::/64" ]; ports = "udp/4000"; };')
    data = b"x" * 5000
    for inside, outside in ((IN4, OUT4), (IN6, OUT6)):
        expect(t.client.udp(inside, 4000, data).result, "reply", f"5,000 octets to {inside}")
        for address, port in ((inside, 4001), (outside, 4000)):
            expect(t.client.udp(address, port, data, seconds=0.5).result != "reply", True, f"5,000 octets to {address} port {port}")
    with t.inet.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sink:
        sink.settimeout(0.5)
        sink.bind((OUT6, 5000))
        # A destination-options header before UDP.
        udp = packets.udp("fd00:1::2", 6000, OUT6, 5000, b"sneaky")[40:]
        packets.send(t.client, "eth0", t.gw.mac("lan0"), packets.ip("fd00:1::2", OUT6, 60, bytes([17, 0, 1, 4, 0, 0, 0, 0]) + udp))
        try:
            got = sink.recv(100)
        except TimeoutError:
            got = b""
        expect(got, b"", "what an extension header carried out")


@case("local opens no hole: an address of `local` as source is not a destination outside")
def spoofed_local_source(t):
    t.simple()
    t.inet.nft("table inet count {\n counter arrived {\n }\n chain c {\n type filter hook input priority 0\n tcp dport 443 ip daddr 20.81.0.7 counter name arrived\n }\n}\n")
    d = t.gateway(allow=CLOUD)
    packets.send(t.client, "eth0", t.gw.mac("lan0"), packets.tcp("192.168.9.9", 6000, OUT4, 443, packets.SYN))
    until(lambda: d.counters()["kernel_denied_packets"] >= 1, "it is denied")
    expect(t.inet.counter("arrived"), 0, "what arrived outside")


@case("connections are refused for as long as nothing was learned, without a gap", tags=["smoke"])
def no_gap(t):
    t.simple()
    t.dns(t.inet, {"www.example.net": ["20.87.0.1"]})
    t.gateway(allow='web: { names = "*.example.net"; };')
    holds(lambda: t.client.tcp("20.87.0.1").result == "reset", "refused", 0.5)
    t.client.lookup("10.2.0.2", "www.example.net")
    holds(lambda: t.client.tcp("20.87.0.1").result == "open", "open", 0.5)


if __name__ == "__main__":
    main()
