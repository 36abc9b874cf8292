#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Clients on the ports of a bridge: what is routed is decided and learned, whichever way VLANs are made; what is bridged is not, until br_netfilter hands it over.
README, "Where it works", tells the same. What the kernel lacks is skipped; in the machines of tests/vm nothing should be."""
import os
import pathlib
import signal
import socket
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import dnswire  # noqa: E402
from netns import PATIENCE, Skip, case, check, expect, holds, main, until  # noqa: E402

WEB = 'web: { names = "*.example.net"; };'
ZONE = {f"n{i}.example.net": [f"20.70.0.{i + 1}", f"2603:1030::70:{i + 1:x}"] for i in range(8)}
FAMILIES = ((dnswire.A, "10.2.0.2", "20.70.0."), (dnswire.AAAA, "fd00:2::2", "2603:1030::70:"))
NEIGHBOUR = ("10.1.0.3", "fd00:1::3")


def link(net, *words):
    """`ip link ...`; a kernel that lacks the kind skips the case."""
    done = net.run(["ip", "link", *words], ok=False)
    if done.returncode:
        raise Skip(f"not with this kernel: ip link {' '.join(words)}: {done.stderr.strip()}")


def addresses(net, interface, host):
    net.ip(f"link set {interface} up", f"addr add 10.1.0.{host}/24 dev {interface}", f"addr add fd00:1::{host}/64 dev {interface} nodad")


def default_routes(net):
    net.ip("route replace default via 10.1.0.1", "route replace default via fd00:1::1")


def ports(t):
    """The gateway's lan0 and lan1 become ports of br0; client and neighbour are behind them. No address anywhere there."""
    t.simple()
    t.neighbour = t.net("neighbour")
    t.link(t.neighbour, "eth0", t.gw, "lan1")
    t.gw.ip("addr flush dev lan0", "link add br0 type bridge", "link set br0 up", "link set lan0 master br0", "link set lan1 master br0")
    t.client.ip("addr flush dev eth0")
    t.gw.bridged_frames(False)


def tagged(net, interface, host=None):
    link(net, "add", "link", interface, "name", f"{interface}.10", "type", "vlan", "id", "10")
    net.ip(f"link set {interface}.10 up")
    if host:
        addresses(net, f"{interface}.10", host)


def plain(t):
    """Frames without tags; the gateway's addresses are the bridge's."""
    ports(t)
    for net, interface, host in ((t.gw, "br0", 1), (t.client, "eth0", 2), (t.neighbour, "eth0", 3)):
        addresses(net, interface, host)
    return "br0"


def vlan_above(t):
    """A bridge that does not look at tags, and the gateway's VLAN interface above it."""
    ports(t)
    for net, interface, host in ((t.gw, "br0", 1), (t.client, "eth0", 2), (t.neighbour, "eth0", 3)):
        tagged(net, interface, host)
    return "br0.10"


def vlan_below(t):
    """A bridge of VLAN interfaces: tags end at the ports."""
    ports(t)
    for port in ("lan0", "lan1"):
        t.gw.ip(f"link set {port} nomaster")
        tagged(t.gw, port)
        t.gw.ip(f"link set {port}.10 master br0")
    addresses(t.gw, "br0", 1)
    for net, host in ((t.client, 2), (t.neighbour, 3)):
        tagged(net, "eth0", host)
    return "br0"


def vlan_filtering(t):
    """A switch as OpenWrt makes it: one bridge for all VLANs; the client's port carries no tags, the neighbour's does."""
    ports(t)
    link(t.gw, "set", "br0", "type", "bridge", "vlan_filtering", "1")
    t.gw.run("bridge vlan del dev lan0 vid 1")
    t.gw.run("bridge vlan add dev lan0 vid 10 pvid untagged")
    t.gw.run("bridge vlan add dev lan1 vid 10")
    t.gw.run("bridge vlan add dev br0 vid 10 self")
    tagged(t.gw, "br0", 1)
    addresses(t.client, "eth0", 2)
    tagged(t.neighbour, "eth0", 3)
    return "br0.10"


BRIDGES = [("a bridge", plain), ("a VLAN interface on a bridge", vlan_above), ("a bridge of VLAN interfaces", vlan_below), ("a bridge that filters VLANs", vlan_filtering)]


def br_netfilter(t, vlans=False):
    """Hands bridged frames to the hooks of IP; with `vlans` tagged ones, too, as of the bridge's VLAN interface. Only a virtual machine's kernel is loaded with more than it has."""
    if os.environ.get("IN_VM"):
        subprocess.run(["modprobe", "br_netfilter"], check=True)
    if not t.gw.bridged_frames(True):
        raise Skip("there is no br_netfilter")
    for key in ("filter-vlan-tagged", "pass-vlan-input-dev"):
        t.gw.sysctl(f"bridge/bridge-nf-{key}", int(vlans))


def waiting(t):
    return int(t.gw.proc("netfilter/nfnetlink_queue").split()[2])


def held(t, d, net, number, family):
    """Asks while nfqdnd stands still: the answer waits on the gateway, and the first packet after it is open."""
    kind, server, prefix = FAMILIES[family]
    address = f"{prefix}{number + 1:x}"
    expect(net.tcp(address).result, "reset", f"{address} before the question")
    d.signal(signal.SIGSTOP)
    try:
        with net.socket(socket.AF_INET6 if ":" in server else socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect((server, 53))
            sock.settimeout(5 * PATIENCE)
            sock.send(dnswire.query(f"n{number}.example.net", kind, 7))
            until(lambda: waiting(t) == 1, "the answer is held")
            sock.setblocking(False)
            holds(lambda: not arrived(sock), "the client has no answer yet", 0.2)
            sock.settimeout(5 * PATIENCE)
            d.signal(signal.SIGCONT)
            expect(dnswire.Message(sock.recv(2000)).addresses(), [address], "the answer")
    finally:
        d.signal(signal.SIGCONT)
    expect(net.tcp(address).result, "open", f"the first packet to {address}")


def arrived(sock):
    try:
        return bool(sock.recv(2000, socket.MSG_PEEK))
    except BlockingIOError:
        return False


def decided(t, make, before=lambda t: None):
    """Both clients, both families: an answer is held until the first packet after it is open, by UDP and TCP; what is not allowed is refused."""
    interface = make(t)
    for net in (t.client, t.neighbour):
        default_routes(net)
    before(t)
    t.dns(t.inet, ZONE)
    d = t.gateway(allow=WEB, interfaces=[interface])
    for family in (0, 1):
        held(t, d, t.client, family, family)
        held(t, d, t.neighbour, 2 + family, family)
        kind, server, prefix = FAMILIES[family]
        t.client.lookup(server, f"n{4 + family}.example.net", kind, tcp=True)
        expect(t.client.tcp(f"{prefix}{5 + family:x}").result, "open", "learned over TCP")
        expect(t.client.tcp(f"{prefix}99").result, "reset", "what nobody was answered")
    expect(d.counters()["answers_taught"], 6, "answers that taught")


def neighbours(t):
    return [t.client.tcp(address, seconds=0.5).result for address in NEIGHBOUR]


def register(title, make):
    @case(f"clients behind {title}: an answer is held until its address is in the set, the first packet is open; IPv4, IPv6, TCP", tags=["kernel"])
    def routed(t):
        decided(t, make)

    @case(f"the same behind {title} where br_netfilter hands bridged frames to the hooks", tags=["kernel"])
    def with_br_netfilter(t):
        decided(t, make, lambda t: br_netfilter(t, vlans=True))

    @case(f"from port to port of {title}: not decided, until br_netfilter hands the frames to forward as of that interface", tags=["kernel"])
    def from_port_to_port(t):
        interface = make(t)
        t.listen(t.neighbour, [443])
        t.gateway(allow=WEB, interfaces=[interface], local=[])
        expect(neighbours(t), ["open", "open"], "without br_netfilter")
        br_netfilter(t)
        handed = interface == "br0"
        expect(neighbours(t), ["reset", "reset"] if handed else ["open", "open"], "with br_netfilter")
        br_netfilter(t, vlans=True)
        expect(neighbours(t), ["reset", "reset"], "with br_netfilter that hands over VLANs, too")

    del routed, with_br_netfilter, from_port_to_port


for _bridge in BRIDGES:
    register(*_bridge)


if __name__ == "__main__":
    main()
