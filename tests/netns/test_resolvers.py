#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the resolver may stand: behind the gateway, on it, redirected to, beside the client, behind two uplinks."""
import pathlib
import shutil
import socket
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import dnswire  # noqa: E402
import forge  # noqa: E402
import packets  # noqa: E402
from netns import Dns, NFQDND, PATIENCE, Skip, case, check, expect, family_of, main, until  # noqa: E402

WEB = 'web: { names = "*.example.net"; };'
ZONE = {"www.example.net": ["20.100.0.1", "2603:1030::100"], "other.example.org": ["20.100.0.2", "2603:1030::101"],
        "chain.example.net": [dnswire.cname("chain.example.net", "end.cdn.test"), dnswire.a("end.cdn.test", "20.100.0.3")], "end.cdn.test": "20.100.0.3",
        **{f"n{i}.many.example.net": f"20.100.8.{i}" for i in range(200)}}


def dnsmasq(t, net, *arguments):
    if not shutil.which("dnsmasq"):
        raise Skip("dnsmasq is not installed")
    t.program(net, ["dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null", "--user=root", "--group=root", "--pid-file=",
                    "--server=10.2.0.2", "--bind-dynamic", "--cache-size=0", *arguments], lambda: net.query("127.0.0.1", "other.example.org").answers)


def dnsmasq_listens(t, address):
    """Adds an address to the gateway and waits until dnsmasq answers there. It has missed the only event of one on a slow machine, so there are more."""
    def answers():
        t.gw.ip(f"addr replace {address}/24 dev lan0")
        return t.client.query(address, "other.example.org", seconds=1).answers
    until(answers, f"the resolver answers at {address}, too")


def unbound(t, net):
    if not shutil.which("unbound"):
        raise Skip("unbound is not installed")
    conf = t.folder / "unbound.conf"
    conf.write_text("""server:
  interface: 0.0.0.0
  interface: ::0
  access-control: 0.0.0.0/0 allow
  access-control: ::/0 allow
  username: ""
  chroot: ""
  directory: "/"
  pidfile: ""
  use-syslog: no
  do-not-query-localhost: no
  module-config: "iterator"
  num-threads: 1
  interface-automatic: yes
  so-rcvbuf: 0
remote-control:
  control-enable: no
forward-zone:
  name: "."
  forward-addr: 10.2.0.2
""", encoding="ascii")
    t.program(net, ["unbound", "-d", "-p", "-c", str(conf)], lambda: net.query("127.0.0.1", "other.example.org").answers)


def learns(t, d, resolver4, resolver6):
    """A name opens its address and another does not, by both families; the chain too."""
    expect(t.client.tcp("20.100.0.1").result, "reset", "before the question")
    if resolver4:
        expect(t.client.lookup(resolver4, "www.example.net"), ["20.100.0.1"], f"{resolver4} answers")
        expect(t.client.tcp("20.100.0.1").result, "open", "the address")
        t.client.lookup(resolver4, "chain.example.net")
        expect(t.client.tcp("20.100.0.3").result, "open", "the address at the end of a chain")
        t.client.lookup(resolver4, "other.example.org")
    if resolver6:
        expect(t.client.lookup(resolver6, "www.example.net", dnswire.AAAA), ["2603:1030::100"], f"{resolver6} answers")
        expect(t.client.tcp("2603:1030::100").result, "open", "the IPv6 address")
        t.client.lookup(resolver6, "other.example.org", dnswire.AAAA)
    expect((t.client.tcp("20.100.0.2").result, t.client.tcp("2603:1030::101").result), ("reset", "reset"), "a name that is not allowed")
    check(d.counters()["answers_taught"] >= (2 if resolver4 else 0) + (1 if resolver6 else 0), "answers taught")


@case("dnsmasq on the gateway itself", tags=["kernel", "smoke"])
def own_dnsmasq(t):
    t.simple()
    t.dns(t.inet, ZONE)
    dnsmasq(t, t.gw)
    d = t.gateway(allow=WEB, resolvers=["10.1.0.1", "fd00:1::1"])
    learns(t, d, "10.1.0.1", "fd00:1::1")


@case("unbound on the gateway itself", tags=["smoke"])
def own_unbound(t):
    t.simple()
    t.dns(t.inet, ZONE)
    unbound(t, t.gw)
    d = t.gateway(allow=WEB, resolvers=["10.1.0.1", "fd00:1::1"])
    learns(t, d, "10.1.0.1", "fd00:1::1")


@case("a resolver on the gateway whose upstream is trusted too: its own queries teach nothing, its clients' answers do")
def own_and_upstream(t):
    t.simple()
    t.dns(t.inet, ZONE)
    dnsmasq(t, t.gw)
    d = t.gateway(allow=WEB, resolvers=["10.1.0.1", "fd00:1::1", "10.2.0.2"])
    t.gw.lookup("127.0.0.1", "www.example.net")
    t.gw.lookup("10.2.0.2", "www.example.net")
    expect(d.learned(), [], "learned from what the gateway asks for itself")
    learns(t, d, "10.1.0.1", "fd00:1::1")


@case("the client asks 8.8.8.8 and the gateway redirects port 53 to its own resolver", tags=["smoke"])
def redirected(t):
    t.simple()
    t.dns(t.inet, ZONE)
    dnsmasq(t, t.gw)
    t.gw.nft('table ip nat4 {\n chain pre {\n type nat hook prerouting priority dstnat\n iifname "lan0" udp dport 53 redirect\n iifname "lan0" tcp dport 53 redirect\n }\n}\n'
             'table ip6 nat6 {\n chain pre {\n type nat hook prerouting priority dstnat\n iifname "lan0" udp dport 53 redirect\n iifname "lan0" tcp dport 53 redirect\n }\n}\n')
    d = t.gateway(allow=WEB, resolvers=["10.1.0.1", "fd00:1::1"])
    learns(t, d, "8.8.8.8", "2001:4860:4860::8888")


@case("the client asks 8.8.8.8 and the gateway translates it to the trusted resolver", tags=["smoke"])
def translated(t):
    t.simple()
    server = t.dns(t.inet, ZONE)
    t.gw.nft('table ip nat4 {\n chain pre {\n type nat hook prerouting priority dstnat\n iifname "lan0" udp dport 53 dnat to 10.2.0.2\n }\n}\n'
             'table ip6 nat6 {\n chain pre {\n type nat hook prerouting priority dstnat\n iifname "lan0" udp dport 53 dnat to fd00:2::2\n }\n}\n')
    d = t.gateway(allow=WEB)
    learns(t, d, "8.8.8.8", "2001:4860:4860::8888")
    expect({q.destination for q in server.asked}, {"10.2.0.2", "fd00:2::2"}, "who was asked in truth")


@case("redirected to a resolver that is not trusted teaches nothing, though the client asked a trusted one")
def redirected_away(t):
    t.simple()
    t.dns(t.inet, ZONE)
    t.inet.ip("addr add 10.2.0.9/24 dev eth0")
    t.gw.nft('table ip nat4 {\n chain pre {\n type nat hook prerouting priority dstnat\n iifname "lan0" udp dport 53 dnat to 10.2.0.9\n }\n}\n')
    d = t.gateway(allow=WEB)
    expect(t.client.lookup("10.2.0.2", "www.example.net"), ["20.100.0.1"], "somebody answers")
    expect(d.learned(), [], "learned")


@case("the gateway masquerades")
def masqueraded(t):
    t.simple()
    t.dns(t.inet, ZONE)
    t.gw.nft('table ip nat4 {\n chain post {\n type nat hook postrouting priority srcnat\n oifname "up0" masquerade\n }\n}\n'
             'table ip6 nat6 {\n chain post {\n type nat hook postrouting priority srcnat\n oifname "up0" masquerade\n }\n}\n')
    d = t.gateway(allow=WEB)
    learns(t, d, "10.2.0.2", "fd00:2::2")
    check("from 10.2.0.1" in t.client.tcp("20.100.0.1").line, "the gateway masquerades")


@case("two uplinks: the question leaves by one and the answer comes in by the other", tags=["kernel", "smoke"])
def two_uplinks(t):
    t.simple()
    t.dns(t.inet, ZONE)
    t.link(t.gw, "up1", t.inet, "eth1", ["10.4.0.1/24", "fd00:4::1/64"], ["10.4.0.2/24", "fd00:4::2/64"])
    t.gw.ip("route add default via 10.4.0.2 metric 500", "route add default via fd00:4::2 metric 2000")
    t.inet.ip("route add 10.4.0.0/24 dev eth1 table local", "route add fd00:4::/64 dev eth1 table local",
              "route replace 10.1.0.0/16 via 10.4.0.1 table local", "route replace fd00:1::/64 via fd00:4::1 table local")
    t.gw.nft('table inet count {\n counter back {\n }\n chain c {\n type filter hook prerouting priority 0\n iifname "up1" udp sport 53 counter name back\n }\n}\n')
    d = t.gateway(allow=WEB, resolvers=["9.9.9.9", "2620:fe::9"])
    learns(t, d, "9.9.9.9", "2620:fe::9")
    check(t.gw.counter("back") >= 5, "the answers came by the other uplink")


@case("a forwarder in the clients' segment whose upstream is trusted: what it is told opens for those who ask it", tags=["smoke"])
def forwarder(t):
    t.simple()
    t.dns(t.inet, ZONE)
    # A domain controller beside the client, on a segment of its own switch: here on the same interface by another address of lan0's network.
    controller = t.second_segment()
    dnsmasq(t, controller)
    d = t.gateway(allow=WEB, interfaces=["lan*"])
    learns(t, d, "10.3.0.2", None)


@case("a resolver on a client interface: refused at the start, unless resolver-on-client-side says so; then a client beside others cannot forge its answers", tags=["smoke"])
def client_side(t):
    t.simple()
    controller = t.second_segment()
    server = t.dns(controller, lambda q: None if q.name == "silent.example.net" else Dns.from_zone(server, q))
    server.zone = ZONE
    config = {"allow": WEB, "interfaces": ["lan*"], "resolvers": ["10.3.0.2", "fd00:3::2"]}
    refused = t.daemon(t.gw, t.config(name="refused", **config), name="refused", ready=False)
    expect(refused.process.wait(10 * PATIENCE) in (1, 4), True, "the start is refused")
    refused.ended = True
    check("resolver-on-client-side" in refused.log(), f"it says what would be right: {refused.log()}")
    d = t.gateway(resolver_on_client_side=True, **config)
    # A client on lan0 forges an answer of the resolver on lan1.
    for client, resolver, kind, address in (("10.1.0.2", "10.3.0.2", dnswire.A, "20.100.0.9"), ("fd00:1::2", "fd00:3::2", dnswire.AAAA, "2603:1030::109")):
        asked = len(server.asked)
        with t.client.socket(family_of(client), socket.SOCK_DGRAM) as sock:
            sock.connect((resolver, 53))
            sock.send(dnswire.query("silent.example.net", kind, 77))
            until(lambda asked=asked: len(server.asked) > asked, "the question arrived")
            data = dnswire.response(77, "silent.example.net", kind, [dnswire.address("silent.example.net", address, 300)])
            packets.send(t.client, "eth0", t.gw.mac("lan0"), packets.udp(resolver, 53, client, sock.getsockname()[1], data))
    until(lambda: d.counters()["kernel_snoop_unlearned_interface_packets"] == 2, "the forged answers are counted")
    expect(d.learned(), [], "learned from forged answers")
    learns(t, d, "10.3.0.2", "fd00:3::2")


@case("a resolver in the clients' own segment that recurses by itself: never seen there, as --check says; clients on other segments learn from it", tags=["smoke"])
def in_the_segment(t):
    t.simple()
    t.second_segment()
    beside = t.net("resolver")
    t.gw.bridged_frames(False)
    t.link(beside, "eth0", t.gw, "lan2", ["10.1.0.53/24", "fd00:1::53/64"])
    t.gw.ip("addr flush dev lan0", "link add br0 type bridge", "link set br0 up", "link set lan0 master br0", "link set lan2 master br0",
            "addr add 10.1.0.1/24 dev br0", "addr add fd00:1::1/64 dev br0 nodad")
    beside.ip("route add default via 10.1.0.1", "route add default via fd00:1::1")
    t.dns(beside, ZONE)
    config = {"allow": WEB, "interfaces": ["br0", "lan1"], "resolvers": ["10.1.0.53", "fd00:1::53"]}
    d = t.gateway(resolver_on_client_side=True, **config)
    for resolver, kind in (("10.1.0.53", dnswire.A), ("fd00:1::53", dnswire.AAAA)):
        t.client.lookup(resolver, "www.example.net", kind)
    expect((d.learned(), d.counters()["packets_queued"]), ([], 0), "learned and held of what the neighbour was answered")
    t.client2.lookup("10.1.0.53", "www.example.net")
    check(d.knows("20.100.0.1"), "learned from what a client on another segment was answered")
    told = t.gw.run([NFQDND, "-c", str(d.file), "--check"])
    expect(told.stderr.count("never passes the gateway"), 2, f"--check warns of both addresses: {told.stderr}")
    d.write(t.config(**config))
    refused = t.gw.run([NFQDND, "-c", str(d.file), "--check"], ok=False)
    expect((refused.returncode, refused.stderr.count("never passes the gateway")), (1, 2), f"refused without resolver-on-client-side: {refused.stderr}")
    d.write(t.config(allow=WEB, clients=["10.1.0.0/24"], resolvers=["10.1.0.53"], interfaces=["elsewhere0"]))
    told = t.gw.run([NFQDND, "-c", str(d.file), "--check"])
    expect(told.stderr.count("never passes the gateway"), 1, f"--check warns where the interface is not there yet: {told.stderr}")


@case("reverse-path = strict: an answer that comes in by another uplink than the way to its resolver passes unlearned")
def strict(t):
    t.simple()
    t.dns(t.inet, ZONE)
    t.link(t.gw, "up1", t.inet, "eth1", ["10.4.0.1/24", "fd00:4::1/64"], ["10.4.0.2/24", "fd00:4::2/64"])
    t.inet.ip("route add 10.4.0.0/24 dev eth1 table local", "route add fd00:4::/64 dev eth1 table local")
    d = t.gateway(allow=WEB, resolvers=["9.9.9.9", "2620:fe::9"], reverse_path="strict")
    learns(t, d, "9.9.9.9", "2620:fe::9")
    d.reload(t.config(allow='other: { names = "*.other.test"; };', resolvers=["9.9.9.9", "2620:fe::9"], reverse_path="strict"))
    d.reload(t.config(allow=WEB, resolvers=["9.9.9.9", "2620:fe::9"], reverse_path="strict"))
    t.inet.ip("route replace 10.1.0.0/16 via 10.4.0.1 table local", "route replace fd00:1::/64 via fd00:4::1 table local")
    for resolver, kind in (("9.9.9.9", dnswire.A), ("2620:fe::9", dnswire.AAAA)):
        t.client.lookup(resolver, "www.example.net", kind)
    expect((d.learned(), d.counters()["kernel_snoop_unlearned_path_packets"]), ([], 2), "learned, counted")


@case("a resolver at a link-local address of the gateway")
def link_local(t):
    t.simple()
    t.dns(t.inet, ZONE)
    t.gw.ip("addr add fe80::1/64 dev lan0 nodad")
    dnsmasq(t, t.gw)
    d = t.gateway(allow=WEB, resolvers=["fe80::1", "10.1.0.1"])
    expect(t.client.lookup(f"fe80::1%{t.client.index('eth0')}", "www.example.net", dnswire.AAAA), ["2603:1030::100"], "fe80::1 answers")
    expect(t.client.tcp("2603:1030::100").result, "open", "the address")
    check(d.knows("2603:1030::100"), "learned")


def own_is_trusted(t, start, **config):
    """A gateway whose own resolver, and nothing else, is believed."""
    t.simple()
    t.dns(t.inet, ZONE)
    start(t, t.gw)
    return t.gateway(allow=WEB, **{"resolvers": "local", **config})


def learns_by(t, d, resolver, kind=dnswire.A, **options):
    """One answer of this resolver teaches; then it is forgotten."""
    address = {dnswire.A: "20.100.0.1", dnswire.AAAA: "2603:1030::100"}[kind]
    expect(t.client.lookup(resolver, "www.example.net", kind, **options), [address], f"{resolver} answers")
    check(d.knows(address), f"what {resolver} answers is learned")
    forget(t, d)


def forget(t, d):
    config = d.config
    d.reload(t.config(allow='other: { names = "*.other.test"; };', resolvers="local"))
    expect(d.learned(), [], "forgotten")
    d.reload(config)


@case('resolvers = "local": dnsmasq on the gateway, at any of its addresses, by UDP and TCP', tags=["smoke"])
def local_dnsmasq(t):
    d = own_is_trusted(t, dnsmasq)
    learns(t, d, "10.1.0.1", "fd00:1::1")
    forget(t, d)
    for resolver in ("10.2.0.1", "fd00:2::1", "10.1.0.1"):
        for kind in (dnswire.A, dnswire.AAAA):
            learns_by(t, d, resolver, kind, tcp=kind == dnswire.A)


@case('resolvers = "local": unbound on the gateway')
def local_unbound(t):
    learns(t, own_is_trusted(t, unbound), "10.1.0.1", "fd00:1::1")


@case('resolvers = "local": a query that the gateway redirects to itself counts', tags=["smoke"])
def local_redirected(t):
    d = own_is_trusted(t, dnsmasq)
    t.gw.nft('table inet nat {\n chain pre {\n type nat hook prerouting priority dstnat\n iifname "lan0" udp dport 53 redirect\n iifname "lan0" tcp dport 53 redirect\n }\n}\n')
    learns(t, d, "8.8.8.8", "2001:4860:4860::8888")
    forget(t, d)
    learns_by(t, d, "8.8.4.4", tcp=True)


@case('resolvers = "local": the gateway\'s addresses come and go, and nothing is restarted', tags=["smoke"])
def local_addresses(t):
    d = own_is_trusted(t, dnsmasq)
    learns_by(t, d, "10.1.0.1")
    t.gw.ip("addr add 10.1.0.77/24 dev lan0", "addr del 10.1.0.1/24 dev lan0", "addr replace 10.1.0.77/24 dev lan0",
            "addr add fd00:1::77/64 dev lan0 nodad", "addr del fd00:1::1/64 dev lan0")
    t.client.ip("route replace default via 10.1.0.77", "route replace default via fd00:1::77")
    for resolver, kind in (("10.1.0.77", dnswire.A), ("fd00:1::77", dnswire.AAAA)):
        until(lambda resolver=resolver: t.client.query(resolver, "other.example.org", seconds=1).answers, f"the resolver answers at {resolver}")
        learns_by(t, d, resolver, kind)
    dnsmasq_listens(t, "10.1.0.78")
    learns(t, d, "10.1.0.78", "fd00:1::77")


@case('resolvers = "local": what the gateway asks and answers itself teaches nothing, nor what it answers elsewhere, nor other resolvers', tags=["smoke"])
def local_only(t):
    d = own_is_trusted(t, dnsmasq)
    for asker, resolver in ((t.gw, "127.0.0.1"), (t.gw, "10.1.0.1"), (t.gw, "::1"), (t.gw, "10.2.0.2"), (t.inet, "10.2.0.1"), (t.client, "10.2.0.2"), (t.client, "fd00:2::2")):
        for tcp in (False, True):
            expect(asker.lookup(resolver, "www.example.net", tcp=tcp), ["20.100.0.1"], f"{resolver} answers {asker.name}")
    expect((d.learned(), d.counters()["packets_queued"]), ([], 0), "learned, held")
    expect(t.client.query("10.1.0.1", "www.example.net").rcode, 0, "the client is answered")
    check(d.knows("20.100.0.1"), "learned from what the client was answered")


@case('resolvers = "local" and verify = "query": the gateway\'s answers are compared with what clients asked it')
def local_verified(t):
    d = own_is_trusted(t, dnsmasq, verify="query")
    learns(t, d, "10.1.0.1", "fd00:1::1")
    dnsmasq_listens(t, "10.1.0.78")
    t.client.lookup("10.1.0.78", "n1.many.example.net")
    check(d.knows("20.100.8.1"), "learned at an address that came later")


@case('resolvers = "local": port 53 of the gateway is not decided, that of others is denied')
def local_decision(t):
    d = own_is_trusted(t, dnsmasq, local=["192.0.2.0/24"])
    learns(t, d, "10.1.0.1", "fd00:1::1")
    with t.client.socket(kind=socket.SOCK_DGRAM) as sock:
        sock.connect(("10.2.0.2", 53))
        sock.send(dnswire.query("www.example.net"))
        until(lambda: d.counters()["kernel_dns_foreign_packets"] == 1, "the question to another resolver is denied")


@case('resolvers = [ "local", ADDRESS ]: both are believed', tags=["smoke"])
def local_and_other(t):
    d = own_is_trusted(t, dnsmasq, resolvers=["10.2.0.2", "local", "fd00:2::2"])
    learns(t, d, "10.1.0.1", "fd00:1::1")
    d.reload(t.config(allow='other: { names = "*.other.test"; };', resolvers=["10.2.0.2", "local", "fd00:2::2"]))
    d.reload(t.config(allow=WEB, resolvers=["10.2.0.2", "local", "fd00:2::2"]))
    learns(t, d, "10.2.0.2", "fd00:2::2")
    expect(d.status()["policy"]["resolvers"], ["local", "10.2.0.2", "fd00:2::2"], "status")
    expect(d.json("policy")["resolvers"], ["local", "10.2.0.2", "fd00:2::2"], "policy")


@case('resolvers = "local": an answer with the gateway\'s address that a client makes up, to itself or a neighbour, teaches nothing', tags=["smoke"])
def local_forged(t):
    t.simple()
    t.second_segment()
    server = t.dns(t.gw, forge.silent)
    d = t.gateway(allow=WEB, resolvers="local", interfaces=["lan*"])
    t.gw.nft('table inet count {\n counter forged {\n }\n chain c {\n type filter hook prerouting priority -310\n iifname "lan*" udp sport 53 counter name forged\n }\n}\n')
    for family, resolver, client in ((4, "10.1.0.1", "10.1.0.2"), (6, "fd00:1::1", "fd00:1::2")):
        address = {4: "20.100.0.9", 6: "2603:1030::109"}[family]
        sock, port = forge.open_flow(t.client, family, resolver, server)
        for net, interface in ((t.client, "lan0"), (t.client2, "lan1")):
            before = t.gw.counter("forged")
            packets.send(net, "eth0", t.gw.mac(interface), forge.packet(family, address, resolver, client, port))
            until(lambda before=before: t.gw.counter("forged") > before, "the gateway received it")
        expect((d.knows(address), d.counters()["packets_queued"]), (None, 0 if family == 4 else 1), "learned, held")
        forge.genuine_teaches(d, server, family, address, sock)


@case('a reload between an address and "local" loses no answer', tags=["smoke"])
def local_reload(t):
    d = own_is_trusted(t, dnsmasq)
    numbers, stop = [], threading.Event()

    def ask():
        while not stop.is_set():
            numbers.append(t.client.lookup("10.1.0.1", f"n{len(numbers) % 200}.many.example.net", seconds=10))

    asker = threading.Thread(target=ask)
    asker.start()
    try:
        for i in range(8):
            d.reload(t.config(allow=WEB, resolvers=["10.1.0.1", "fd00:1::1"] if i % 2 == 0 else "local"))
    finally:
        stop.set()
        asker.join()
    check(len(numbers) > 8, f"{len(numbers)} answers came during the reloads")
    known = {e["address"] for e in d.learned()}
    missing = [a for found in numbers for a in found if a not in known]
    expect(missing, [], "answers that were not learned")


@case("resolvers at link-local addresses of the gateway, by dnsmasq and unbound, UDP and TCP, by address and by local", tags=["smoke"])
def link_local_resolvers(t):
    t.simple()
    t.dns(t.inet, ZONE)
    t.gw.ip("addr add fe80::1/64 dev lan0 nodad")
    dnsmasq(t, t.gw)
    fe80 = f"fe80::1%{t.client.index('eth0')}"
    d = t.gateway(allow=WEB, resolvers="fe80::1")
    for config in ("local", "fe80::1"):
        d.reload(t.config(allow=WEB, resolvers=config))
        for tcp in (False, True):
            for kind in (dnswire.A, dnswire.AAAA):
                learns_by(t, d, fe80, kind, tcp=tcp)


@case("unbound at a link-local address of the gateway")
def link_local_unbound(t):
    t.simple()
    t.dns(t.inet, ZONE)
    t.gw.ip("addr add fe80::1/64 dev lan0 nodad")
    unbound(t, t.gw)
    fe80 = f"fe80::1%{t.client.index('eth0')}"
    d = t.gateway(allow=WEB, resolvers="fe80::1")
    for config in ("local", "fe80::1"):
        d.reload(t.config(allow=WEB, resolvers=config))
        for tcp in (False, True):
            learns_by(t, d, fe80, dnswire.AAAA, tcp=tcp)


if __name__ == "__main__":
    main()
