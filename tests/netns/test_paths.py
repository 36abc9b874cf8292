#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The ways by which answers come to a gateway. On each of them lawful answers are learned, and what clients make up is not, whatever rp_filter says.
What `reverse-path = "strict"` fails is shown, too. README, "Where it works", tells the same."""
import pathlib
import shutil
import socket
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import dnswire  # noqa: E402
import forge  # noqa: E402
import packets  # noqa: E402
from netns import Dns, Skip, case, check, expect, main, until  # noqa: E402

WEB = 'web: { names = "*.example.net"; };'
FLOWS = 12
RESOLVERS = ["9.9.9.0/24", "2620:fe::/64"]
FORGED = {4: "20.70.0.1", 6: "2603:1030::70"}
LAN = {4: "10.1.0.2", 6: "fd00:1::2"}
ALL, SOME, NONE = "all", "some", "none"


def resolver(family, number):
    """Many of them, so that hashes over addresses differ, too."""
    return f"9.9.9.{number + 1}" if family == 4 else f"2620:fe::{number + 1:x}"


def address(family, number):
    return f"20.100.1.{number + 1}" if family == 4 else f"2603:1030::1:{number + 1:x}"


class Way:
    """A gateway that is set up, without its daemon. `forgers`: [(who, namespace, interface, the gateway's link layer address there)]."""

    def __init__(self, t, forgers=None, client=None, families=(4, 6), spread=(), **config):
        self.t, self.client, self.families, self.spread = t, client or LAN, families, spread
        self.config = {"interfaces": ["lan0"], "resolvers": RESOLVERS, **config}
        self.forgers = forgers or [("the client itself", t.client, "eth0", t.gw.mac("lan0"))]
        zone = {f"n{i}.example.net": [address(4, i), address(6, i)] for i in range(FLOWS)}
        self.server = t.dns(t.inet, lambda q: None if q.name == forge.NAME else Dns.from_zone(self.server, q))
        self.server.zone = zone
        for interface in spread:
            t.gw.nft(f'table inet count_{interface} {{\n counter back {{\n }}\n chain c {{\n type filter hook prerouting priority 0\n'
                     f' iifname "{interface}" udp sport 53 counter name back\n }}\n}}\n')

    def daemon(self, reverse_path):
        return self.t.gateway(allow=WEB, reverse_path=reverse_path, **self.config)

    def learned(self, d, family):
        """How many of the flows' answers were learned; what was learned can be reached, the rest not."""
        kind = dnswire.AAAA if family == 6 else dnswire.A
        expect(self.t.client.tcp(address(family, 0), source=self.client[family]).result, "reset", "before the questions")
        for i in range(FLOWS):
            found = self.t.client.lookup(resolver(family, i), f"n{i}.example.net", kind, source=self.client[family], tcp=i % 4 == 3)
            expect(found, [address(family, i)], "the answer")
        known = [i for i in range(FLOWS) if d.knows(address(family, i))]
        for i in (known[0] if known else 0, known[-1] if known else FLOWS - 1, next((i for i in range(FLOWS) if i not in known), 0)):
            attempt = self.t.client.tcp(address(family, i), source=self.client[family])
            expect(attempt.result, "open" if i in known else "reset", f"{address(family, i)}, {'' if i in known else 'not '}learned")
        return len(known)

    def check_learned(self, d, want):
        counts = {family: self.learned(d, family) for family in self.families}
        ok = {ALL: lambda n: n == FLOWS, SOME: lambda n: n < FLOWS, NONE: lambda n: n == 0}
        for family, count in counts.items():
            wanted = want[family] if isinstance(want, dict) else want
            check(ok[wanted](count), f"IPv{family}: {count} of {FLOWS} answers were learned, not {wanted}")
        for interface in self.spread:
            check(self.t.gw.counter("back", f"inet count_{interface}"), f"answers came in by {interface}")

    def check_forged(self, d, families=None):
        for family in families or self.families:
            sock, port = forge.open_flow(self.t.client, family, resolver(family, 0), self.server, self.client[family])
            for who, net, interface, mac in self.forgers:
                forged = forge.packet(family, FORGED[family], resolver(family, 0), self.client[family], port)
                before = seen(self.t.gw, d)
                packets.send(net, interface, mac, forged)
                until(lambda before=before: seen(self.t.gw, d) != before, f"the gateway saw what {who} made up")
                expect((d.knows(FORGED[family]), d.counters()["packets_queued"]), (None, before[0]), f"learned and held of what {who} made up (IPv{family})")
                expect(self.t.client.tcp(FORGED[family], source=self.client[family]).result, "reset", FORGED[family])
            forge.genuine_teaches(d, self.server, family, FORGED[family], sock)


def seen(gw, d):
    """What tells that an answer came: (held, passed unlearned, dropped by rp_filter)."""
    c = d.counters()
    return (c["packets_queued"], c["kernel_snoop_unlearned_interface_packets"] + c["kernel_snoop_unlearned_path_packets"], gw.snmp("TcpExt.IPReversePathFilter"))


# ---- topologies ----

def add_link(net, *words):
    """`ip link add`; a kernel that lacks the kind skips the case."""
    done = net.run(["ip", "link", "add", *words], ok=False)
    if done.returncode:
        raise Skip(f"no interface of this kind here: ip link add {' '.join(words)}: {done.stderr.strip()}")


def one_uplink(t):
    t.simple()
    return Way(t)


def second_uplink(t):
    t.simple()
    t.link(t.gw, "up1", t.inet, "eth1", ["10.4.0.1/24", "fd00:4::1/64"], ["10.4.0.2/24", "fd00:4::2/64"])
    t.inet.ip("route add 10.4.0.0/24 dev eth1 table local", "route add fd00:4::/64 dev eth1 table local")


def back_by_second(t):
    t.inet.ip("route replace 10.1.0.0/16 via 10.4.0.1 table local", "route replace fd00:1::/64 via fd00:4::1 table local")


def asymmetric(t):
    second_uplink(t)
    t.gw.ip("route add default via 10.4.0.2 metric 500", "route add default via fd00:4::2 metric 2000")
    back_by_second(t)
    return Way(t, spread=["up1"])


def ecmp(t, hash_policy):
    second_uplink(t)
    for net, gate in ((t.gw, 2), (t.inet, 1)):
        up = ("up0", "up1") if net is t.gw else ("eth0", "eth1")
        net.sysctl("ipv4.fib_multipath_hash_policy", hash_policy)
        net.sysctl("ipv6.fib_multipath_hash_policy", hash_policy)
        net.ip(f"nexthop add id 1 via 10.2.0.{gate} dev {up[0]}", f"nexthop add id 2 via 10.4.0.{gate} dev {up[1]}", "nexthop add id 10 group 1/2",
               f"nexthop add id 3 via fd00:2::{gate} dev {up[0]}", f"nexthop add id 4 via fd00:4::{gate} dev {up[1]}", "nexthop add id 20 group 3/4")
    t.gw.ip("route replace default nhid 10", "route replace default nhid 20")
    t.inet.ip("route replace 10.1.0.0/16 nhid 10 table local", "route del fd00:1::/64 table local", "route add fd00:1::/64 nhid 20 table local")
    return Way(t, spread=["up0", "up1"])


def by_mark(t, restored):
    second_uplink(t)
    back_by_second(t)
    t.gw.run("ip -6 rule add fwmark 1 lookup 100")
    t.gw.ip("rule add fwmark 1 lookup 100", "route add default via 10.4.0.2 table 100", "route add default via fd00:4::2 table 100")
    if restored:  # what a flow's mark routes must find its way back, too
        t.gw.ip("route add 10.1.0.0/24 dev lan0 table 100", "route add fd00:1::/64 dev lan0 table 100")
    restore = "ct direction reply meta mark set ct mark" if restored else ""
    t.gw.nft(f'table inet marks {{\n chain c {{\n type filter hook prerouting priority mangle\n {restore}\n'
             ' iifname "lan0" meta l4proto { tcp, udp } th dport 53 meta mark set 1 ct mark set 1\n }\n}\n')
    return Way(t, spread=["up1"])


def into_vrf(t, name, table, interface, addresses):
    """An interface loses its IPv6 addresses on the way into a VRF."""
    if not t.gw.run(f"ip link show dev {name}", ok=False).stdout:
        add_link(t.gw, name, "type", "vrf", "table", str(table))
        t.gw.ip(f"link set {name} up")
    t.gw.ip(f"link set {interface} master {name}", *(f"addr replace {a} dev {interface} nodad" for a in addresses if ":" in a))
    until(lambda: "forwarding" in t.gw.run("ip -6 netconf show dev " + interface).stdout, "the interface is there")


def own_and_other(t):
    return [("the client itself", t.client, "eth0", t.gw.mac("lan0")), ("a client on another segment", t.client2, "eth0", t.gw.mac("lan1"))]


LAN_ADDRESSES, UP_ADDRESSES = ["10.1.0.1/24", "fd00:1::1/64"], ["10.2.0.1/24", "fd00:2::1/64"]


def client_in_vrf(t):
    t.simple()
    t.second_segment()
    into_vrf(t, "blue", 10, "lan0", LAN_ADDRESSES)
    t.gw.ip("route add default via 10.2.0.2 dev up0 table 10", "route add default via fd00:2::2 dev up0 table 10",
            "route add 10.1.0.0/24 dev blue", "route add fd00:1::/64 dev blue")
    return Way(t, own_and_other(t), interfaces=["lan*"])


def uplink_in_vrf(t):
    t.simple()
    into_vrf(t, "red", 20, "up0", UP_ADDRESSES)
    t.gw.ip("route replace default via 10.2.0.2 dev up0 table 20", "route replace default via fd00:2::2 dev up0 table 20",
            "route replace default via 10.2.0.2 dev up0 onlink", "route replace default via fd00:2::2 dev up0 onlink",
            "route add 10.1.0.0/24 dev lan0 table 20", "route add fd00:1::/64 dev lan0 table 20")
    return Way(t)


def both_in_one_vrf(t):
    t.simple()
    t.second_segment()
    for interface, addresses in (("lan0", LAN_ADDRESSES), ("lan1", ["10.3.0.1/24", "fd00:3::1/64"]), ("up0", UP_ADDRESSES)):
        into_vrf(t, "blue", 10, interface, addresses)
    t.gw.ip("route replace default via 10.2.0.2 dev up0 table 10", "route replace default via fd00:2::2 dev up0 table 10")
    return Way(t, own_and_other(t), interfaces=["lan*"])


def each_in_its_vrf(t):
    t.simple()
    into_vrf(t, "blue", 10, "lan0", LAN_ADDRESSES)
    into_vrf(t, "red", 20, "up0", UP_ADDRESSES)
    t.gw.ip("route replace default via 10.2.0.2 dev up0 table 20", "route replace default via fd00:2::2 dev up0 table 20",
            "route add default via 10.2.0.2 dev up0 table 10 onlink", "route add default via fd00:2::2 dev up0 table 10 onlink",
            "route add 10.1.0.0/24 dev blue table 20", "route add fd00:1::/64 dev blue table 20")
    return Way(t)


TUNNELS = {"vxlan": (4, 6), "gre": (4, 6), "geneve": (4, 6), "ipip": (4,), "sit": (6,), "wireguard": (4, 6)}


def add_tunnel(kind, ends):
    """`ends`: two (namespace, own address below the tunnel, addresses in it), the other's networks allowed."""
    words = {"vxlan": "id 5 dstport 4789 local {own} remote {other}", "gre": "local {own} remote {other}", "geneve": "id 5 remote {other}",
             "ipip": "local {own} remote {other}", "sit": "local {own} remote {other}", "wireguard": ""}[kind]
    for (net, own, addresses), (_, other, _) in (ends, ends[::-1]):
        add_link(net, "tun0", "type", kind, *words.format(own=own, other=other).split())
        net.ip(*(f"addr add {a} dev tun0" + (" nodad" if ":" in a else "") for a in addresses))
    if kind == "wireguard":
        wireguard_keys(ends)
    for net, _, _ in ends:
        net.ip("link set tun0 up")


def wireguard_keys(ends):
    if not shutil.which("wg"):
        raise Skip("wg is not installed")
    keys = [net.run("wg genkey").stdout.strip() for net, _, _ in ends]
    for i, (net, _, _) in enumerate(ends):
        net.run(["wg", "setconf", "tun0", "/dev/stdin"],
                text=f"[Interface]\nPrivateKey = {keys[i]}\nListenPort = 51820\n[Peer]\nPublicKey = {net.run('wg pubkey', text=keys[1 - i]).stdout.strip()}\n"
                f"AllowedIPs = 0.0.0.0/0, ::/0\nEndpoint = {ends[1 - i][1]}:51820\n")


def uplink_by_tunnel(t, kind):
    t.simple()
    add_tunnel(kind, [(t.gw, "10.2.0.1", ["10.9.0.1/24", "fd00:9::1/64"]), (t.inet, "10.2.0.2", ["10.9.0.2/24", "fd00:9::2/64"])])
    four, six = (n in TUNNELS[kind] for n in (4, 6))
    t.inet.ip("route add 10.9.0.0/24 dev tun0 table local", "route add fd00:9::/64 dev tun0 table local", *["route replace 10.1.0.0/16 via 10.9.0.1 table local"] * four,
              *["route replace fd00:1::/64 via fd00:9::1 table local"] * six)
    t.gw.ip(*["route replace default via 10.9.0.2"] * four, *["route replace default via fd00:9::2"] * six)
    return Way(t, families=TUNNELS[kind], spread=["tun0"])


def clients_by_tunnel(t, kind):
    """The clients' site lies behind a tunnel whose other end is theirs."""
    t.simple()
    add_tunnel(kind, [(t.client, "10.1.0.2", ["10.5.0.2/24", "fd00:5::2/64"]), (t.gw, "10.1.0.1", ["10.5.0.1/24", "fd00:5::1/64"])])
    four, six = (n in TUNNELS[kind] for n in (4, 6))
    t.inet.ip("route add 10.5.0.0/24 via 10.2.0.1 table local", "route add fd00:5::/64 via fd00:2::1 table local")
    t.client.ip(*["route replace default via 10.5.0.1"] * four, *["route replace default via fd00:5::1"] * six)
    ether = t.gw.run("ip -br link show dev tun0").stdout.split()[2]
    forger = ("the client itself", t.client, "tun0", ether if kind in ("vxlan", "geneve") else "00:00:00:00:00:00")
    return Way(t, [forger], {4: "10.5.0.2", 6: "fd00:5::2"}, TUNNELS[kind], interfaces=["tun0"])


def vlans(t):
    t.simple()
    for net, interface, own in ((t.gw, "lan0", 1), (t.client, "eth0", 2)):
        net.ip(f"addr flush dev {interface}")
        for number, v4, v6 in ((10, "10.1.0", "fd00:1:"), (20, "10.3.0", "fd00:3:")):
            add_link(net, "link", interface, "name", f"{interface}.{number}", "type", "vlan", "id", str(number))
            net.ip(f"link set {interface}.{number} up", f"addr add {v4}.{own}/24 dev {interface}.{number}", f"addr add {v6}:{own}/64 dev {interface}.{number} nodad")
    t.client.ip("route replace default via 10.1.0.1", "route replace default via fd00:1::1")
    return Way(t, [(f"the client on VLAN {n}", t.client, f"eth0.{n}", t.gw.mac("lan0")) for n in (10, 20)], interfaces=["lan0.*"])


def bridge(t):
    """Two ports with a client each, the addresses on the bridge."""
    t.simple()
    neighbour = t.net("neighbour")
    t.link(neighbour, "eth0", t.gw, "lan1", ["10.1.0.3/24", "fd00:1::3/64"])
    t.gw.ip("addr flush dev lan0", "link add br0 type bridge", "link set br0 up", "link set lan0 master br0", "link set lan1 master br0",
            *(f"addr add {a} dev br0" + (" nodad" if ":" in a else "") for a in LAN_ADDRESSES))
    return Way(t, [("the client itself", t.client, "eth0", t.gw.mac("br0")), ("its neighbour", neighbour, "eth0", t.gw.mac("br0"))], interfaces=["br0"])


# title, how it is set up, what `strict` learns
WAYS = [
    ("one uplink", one_uplink, ALL),
    ("two uplinks, answers by the one that no route prefers", asymmetric, NONE),
    ("two uplinks by ECMP, hashed over addresses", lambda t: ecmp(t, 0), {4: ALL, 6: SOME}),
    ("two uplinks by ECMP, hashed over ports too", lambda t: ecmp(t, 1), {4: ALL, 6: SOME}),
    ("policy routing by a mark that answers lack", lambda t: by_mark(t, False), NONE),
    ("policy routing by a mark that answers get from their flow", lambda t: by_mark(t, True), ALL),
    ("clients in a VRF", client_in_vrf, ALL),
    ("the uplink in a VRF", uplink_in_vrf, ALL),
    ("clients and uplink in one VRF", both_in_one_vrf, ALL),
    ("clients and uplink in a VRF each", each_in_its_vrf, ALL),
    *((f"the uplink by {kind}", lambda t, kind=kind: uplink_by_tunnel(t, kind), ALL) for kind in TUNNELS),
    *((f"clients behind {kind}", lambda t, kind=kind: clients_by_tunnel(t, kind), ALL) for kind in TUNNELS),
    ("clients on VLANs", vlans, ALL),
    ("clients on a bridge with ports", bridge, ALL),
]


def register_way(title, make, strict):
    smoke = ["smoke"] if "VRF" in title or "VLAN" in title else []

    @case(f"{title}: lawful answers are learned", tags=smoke)
    def lawful(t):
        way = make(t)
        way.check_learned(way.daemon("loose"), ALL)

    words = {ALL: "all learned", SOME: "not all learned", NONE: "none learned"}
    told = words[strict] if isinstance(strict, str) else ", ".join(f"IPv{f} {words[w]}" for f, w in strict.items())

    @case(f"{title}: with reverse-path = strict lawful answers are {told}")
    def lawful_strict(t):
        way = make(t)
        way.check_learned(way.daemon("strict"), strict)

    @case(f"{title}: what a client makes up is not learned", tags=smoke)
    def forged(t):
        way = make(t)
        way.check_forged(way.daemon("loose"))

    del lawful, lawful_strict, forged


for _way in WAYS:
    register_way(*_way)


def register_own_resolver(where, bound):
    @case(f'clients in a VRF and resolvers = "local": the gateway\'s own resolver {where}', tags=["smoke"])
    def own_resolver(t):
        client_in_vrf(t)
        for protocol in ("udp", "tcp"):
            t.gw.sysctl(f"ipv4.{protocol}_l3mdev_accept", 0 if bound else 1)
        server = t.dns(t.gw, {f"n{i}.example.net": [address(4, i), address(6, i)] for i in range(FLOWS)})
        for sock in (server.udp, server.tcp) if bound else ():
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"blue")
        d = t.gateway(allow=WEB, resolvers="local", interfaces=["lan*"])
        number = 0
        for resolver_, kind, family in (("10.1.0.1", dnswire.A, 4), ("fd00:1::1", dnswire.AAAA, 6)):
            for tcp in (False, True):
                t.client.lookup(resolver_, f"n{number}.example.net", kind, tcp=tcp)
                check(d.knows(address(family, number)), f"learned from {resolver_} by {'TCP' if tcp else 'UDP'}")
                expect(t.client.tcp(address(family, number)).result, "open", address(family, number))
                number += 1

    del own_resolver


register_own_resolver("listens in it", True)
register_own_resolver("listens everywhere", False)


# ---- reverse path filters ----

def register_forger(segment, rp_filter, reverse_path):
    @case(f"a forger on {segment} segment, rp_filter {rp_filter}, reverse-path {reverse_path}: nothing is learned", tags=["smoke"] if rp_filter == 0 else [])
    def forger(t):
        t.simple()
        t.second_segment()
        net, interface = {"the same": (t.client, "lan0"), "another client": (t.client2, "lan1")}[segment]
        way = Way(t, [("the forger", net, "eth0", t.gw.mac(interface))], interfaces=["lan*"])
        t.gw.sysctl("ipv4.conf.all.rp_filter", rp_filter)
        way.check_forged(way.daemon(reverse_path))

    del forger


for _segment in ("the same", "another client"):
    for _rp_filter in (0, 1, 2):
        for _reverse_path in ("loose", "strict"):
            register_forger(_segment, _rp_filter, _reverse_path)


if __name__ == "__main__":
    main()
