#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""revoke: open flows that the policy does not allow are ended when it says "cut", and go on when it says "keep"; flows that it allows are never
disturbed."""
import pathlib
import socket
import struct
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from netns import PATIENCE, case, check, expect, holds, main, until  # noqa: E402

S = max(1, int(PATIENCE))
SOURCE, SINK = 5001, 5002
PORTS = 'ports = [ "tcp/443", "tcp/5001", "tcp/5002", "udp/5003", "icmp" ];'
CLOUD = 'cloud: { addresses = "20.120.0.0/24"; ' + PORTS + ' };'
OTHER = 'other: { addresses = "20.130.0.0/24"; ' + PORTS + ' };'
WEB = 'web: { names = "*.example.net"; ' + PORTS + ' };'
ORG = 'org: { names = "*.example.org"; ' + PORTS + ' };'
# Connection tracking works in a namespace only where somebody asks for it.
TRACKING = "table inet before {\n chain forward {\n type filter hook forward priority 0\n ct state new\n }\n}\n"


class Pump(threading.Thread):
    """Sends on a socket, or reads from it, until it fails or is over; counts octets."""

    def __init__(self, sock, sends):
        super().__init__(daemon=True)
        self.sock, self.sends, self.octets, self.error, self.over = sock, sends, 0, None, False
        sock.settimeout(0.2)
        self.start()

    def run(self):
        block = b"x" * 16384
        while not self.over and not self.error:
            try:
                done = self.sock.send(block) if self.sends else len(self.sock.recv(65536))
                if not done:
                    raise OSError("closed")
                self.octets += done
            except TimeoutError:
                pass
            except OSError as error:
                self.error = error

    def alive(self):
        """Octets come or go."""
        before = self.octets
        until(lambda: self.octets > before + 100000, f"the transfer goes on (error: {self.error!r})", 15)

    def dead(self, what):
        """It ended with an error, or nothing moves any more."""
        def still():
            if self.error:
                return True
            before, over = self.octets, threading.Event()
            over.wait(0.5)
            return self.octets == before
        until(still, what, 10)


class Streams:
    """TCP servers at every address of a namespace that send without end (5001) or read without end (5002)."""

    def __init__(self, net):
        self.pumps = []
        for port in (SOURCE, SINK):
            sock = net.socket(socket.AF_INET6)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.bind(("::", port))
            sock.listen(64)
            threading.Thread(target=self.serve, args=(sock, port), daemon=True).start()

    def serve(self, listening, port):
        while True:
            self.pumps.append(Pump(listening.accept()[0], port == SOURCE))


def transfer(t, address, port, source=None):
    attempt = t.client.tcp(address, port, source=source, keep=True, read=False)
    expect(attempt.result, "open", f"{address} port {port}")
    pump = Pump(attempt.sock, port == SINK)
    pump.alive()
    return pump


def flows(t, address):
    """Lines of the gateway's table of flows that have the address."""
    return [line for line in t.gw.proc("nf_conntrack").splitlines() if f"={address} " in line]


def looked(d, before=0):
    """Waits until the looks that are due are done."""
    def done():
        status = d.status()
        return status["counters"]["flow_looks"] >= before + 2 and not status["revoke"]["looking"]
    until(done, "both looks are done", 15)
    return d.counters()


def reload(d, config):
    before = d.counters()["flow_looks"]
    d.reload(config)
    return looked(d, before)


def converse(sock, text=b"more"):
    """The echo of the listener: both directions."""
    try:
        sock.settimeout(2)
        sock.send(text)
        return sock.recv(1000) == text
    except OSError:
        return False


def begin(t, loose=1, **settings):
    t.simple()
    t.gw.nft(TRACKING)
    t.gw.sysctl("netfilter.nf_conntrack_tcp_loose", loose)
    Streams(t.inet)
    t.dns(t.inet, {"www.example.net": ["20.121.0.1", "fd20::1"], "www.example.org": ["20.121.0.2"], "both.example.net": ["20.121.0.3"],
                   "both.example.org": ["20.121.0.3"]})
    return {"revoke": "cut", **settings}


def downloads_and_uploads(t, loose, denied):
    settings = begin(t, loose, denied=denied)
    d = t.gateway(allow=CLOUD + OTHER, **settings)
    looked(d)
    kept = [transfer(t, "20.130.0.1", SOURCE), transfer(t, "20.130.0.2", SINK)]
    cut = [transfer(t, "20.120.0.1", SOURCE), transfer(t, "20.120.0.2", SINK)]
    counters = reload(d, t.config(allow=OTHER, **settings))
    check(counters["flows_cut"] >= 2, "both flows were cut")
    for pump, what in zip(cut, ("the download stops", "the upload stops")):
        pump.dead(what)
    for pump in kept:
        pump.alive()
    return d


for number in (0, 1):
    for word in ("reject", "drop"):
        case(f"a reload with cut ends a download and an upload that are no longer allowed: tcp_loose = {number}, {word}",
             tags=["smoke"] if (number, word) == (1, "reject") else [])(
                 lambda t, number=number, word=word: downloads_and_uploads(t, number, word))


@case("a reload with keep lets a download and an upload go on that are no longer allowed")
def keep(t):
    settings = begin(t, revoke="keep")
    d = t.gateway(allow=CLOUD, **settings)
    pumps = [transfer(t, "20.120.0.1", SOURCE), transfer(t, "20.120.0.2", SINK)]
    d.reload(t.config(allow=OTHER, **settings))
    expect(t.client.tcp("20.120.0.1").result, "reset", "a new flow")
    for pump in pumps:
        pump.alive()
    expect(d.counters()["flow_looks"], 0, "looks")
    expect(d.status()["revoke"]["mode"], "keep", "mode in status")
    counters = reload(d, t.config(allow=OTHER, revoke="cut"))
    check(counters["flows_cut"] >= 2, "a reload that turns to cut ends them")
    for pump in pumps:
        pump.dead("the transfer stops")


@case("a download that both policies allow runs undisturbed through twenty reloads", tags=["smoke"])
def undisturbed(t):
    settings = begin(t)
    d = t.gateway(allow=CLOUD + WEB, **settings)
    t.client.lookup("10.2.0.2", "www.example.net")
    pumps = [transfer(t, "20.120.0.1", SOURCE), transfer(t, "20.121.0.1", SINK), transfer(t, "20.121.0.1", SOURCE)]
    before = {address: flows(t, address)[0].split("src=")[1] for address in ("20.120.0.1",)}
    for turn in range(20):
        d.reload(t.config(allow=CLOUD + WEB + (OTHER if turn % 2 else ""), **settings))
    counters = looked(d, d.counters()["flow_looks"] - 1)
    for pump in pumps:
        pump.alive()
        expect(pump.error, None, "an error of the transfer")
    expect(counters["flows_cut"], 0, "flows cut")
    expect(flows(t, "20.120.0.1")[0].split("src=")[1].split(" ")[0], before["20.120.0.1"].split(" ")[0], "the same entry")
    for kind in ("denied", "denied_reply"):
        expect(counters[f"kernel_{kind}_packets"], 0, kind)


@case("UDP flows and pings are cut, too, IPv4 and IPv6")
def datagrams(t):
    settings = begin(t, allow=None)
    del settings["allow"]
    t.echo(t.inet, [5003])
    cloud = 'cloud: { addresses = [ "20.120.0.0/24", "2603:1030::/64" ]; ' + PORTS + ' };'
    d = t.gateway(allow=cloud, **settings)
    looked(d)
    for address in ("20.120.0.1", "2603:1030::1"):
        sock = t.client.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        sock.connect((address, 5003))
        check(converse(sock), f"an echo of {address}")
        check(converse(sock), f"a second echo of {address}")
        expect(t.client.ping(address).result, "reply", f"ping of {address}")
        # Nothing is on its way when the flow is cut: an echo behind it would open it again in reverse, and then the client's data is a reply.
        reload(d, t.config(allow=OTHER, **settings))
        check(not converse(sock), f"no more echo of {address}")
        expect(t.client.ping(address).result, "prohibited", f"ping of {address}")
        reload(d, t.config(allow=cloud, **settings))
        check(converse(sock), f"an echo of {address} when it is allowed again")


@case("flows that were opened before the first start are cut by it when they are not allowed", tags=["smoke"])
def first_start(t):
    settings = begin(t)
    kept, cut = transfer(t, "20.120.0.1", SINK), transfer(t, "20.140.0.1", SINK)
    download = transfer(t, "20.140.0.2", SOURCE)
    d = t.gateway(allow=CLOUD, **settings)
    counters = looked(d)
    check(counters["flows_cut"] >= 2, "two were cut")
    cut.dead("the upload stops")
    download.dead("the download stops")
    kept.alive()


@case("with keep, flows that were opened before the first start go on")
def first_start_keep(t):
    settings = begin(t, revoke="keep")
    upload = transfer(t, "20.140.0.1", SINK)
    d = t.gateway(allow=CLOUD, **settings)
    upload.alive()
    expect(d.counters()["flow_looks"], 0, "looks")


@case("a restart cuts what the configuration meanwhile forbids, and nothing else")
def restart(t):
    settings = begin(t)
    d = t.gateway(allow=CLOUD + OTHER, **settings)
    kept, cut = transfer(t, "20.120.0.1", SOURCE), transfer(t, "20.130.0.1", SOURCE)
    d.stop()
    kept.alive()
    cut.alive()
    d.write(t.config(allow=CLOUD, **settings))
    d.start()
    looked(d)
    cut.dead("the download stops")
    kept.alive()


@case("a name that is no longer allowed takes the flows to its addresses along, one that shares them does not")
def names(t):
    settings = begin(t)
    d = t.gateway(allow=WEB + ORG, **settings)
    for name in ("www.example.net", "www.example.org", "both.example.net", "both.example.org"):
        t.client.lookup("10.2.0.2", name)
    net, org, both = (transfer(t, f"20.121.0.{i}", SOURCE) for i in (1, 2, 3))
    reload(d, t.config(allow=WEB, **settings))
    org.dead("the download from an address of example.org stops")
    net.alive()
    both.alive()


@case("a flow outlives the address it was let in by: reloads and restarts do not cut it while its name is allowed", tags=["smoke"])
def outlives(t):
    settings = begin(t, lifetime={"grace": 0, "min": 1 * S, "max": 2 * S})
    d = t.gateway(allow=WEB + ORG, **settings)
    t.client.lookup("10.2.0.2", "www.example.net")
    net = transfer(t, "20.121.0.1", SOURCE)
    t.client.lookup("10.2.0.2", "www.example.org")
    org = transfer(t, "20.121.0.2", SOURCE)
    until(lambda: not d.learned(), "both addresses have ended", 15)
    expect(t.client.tcp("20.121.0.1").result, "reset", "a new flow")
    counters = reload(d, t.config(allow=WEB + ORG, **settings))
    expect(counters["flows_cut"], 0, "flows cut by a reload that changes nothing")
    for stop in (d.stop, d.kill):
        stop()
        d.start()
        counters = looked(d)
        if stop == d.stop:
            expect(counters["flows_cut"], 0, "flows cut by a restart")
    for pump in (net, org):
        pump.alive()
    reload(d, t.config(allow=ORG, **settings))
    net.dead("the download from an address of example.net stops")
    org.alive()


@case("an entry that becomes one of some clients' keeps their flows, and loses the others'")
def narrowed(t):
    t.simple(clients=3)
    t.gw.nft(TRACKING)
    Streams(t.inet)
    t.dns(t.inet, {"www.example.net": ["20.121.0.1"]})
    d = t.gateway(allow=WEB, revoke="cut")
    looked(d)
    t.client.lookup("10.2.0.2", "www.example.net")
    first, second = transfer(t, "20.121.0.1", SOURCE, source="10.1.0.3"), transfer(t, "20.121.0.1", SOURCE, source="10.1.0.4")
    reload(d, t.config(allow=WEB.replace("};", 'clients = "10.1.0.4"; };'), revoke="cut"))
    first.dead("the download of the one that is left out stops")
    second.alive()


@case("what one group of clients may no longer reach is cut for them alone")
def groups(t):
    t.simple(clients=3)
    t.gw.nft(TRACKING)
    Streams(t.inet)
    kiosk = 'kiosk: { addresses = "20.120.0.0/24"; clients = "10.1.0.3"; ' + PORTS + ' };'
    office = 'office: { addresses = "20.120.0.0/24"; clients = "10.1.0.4"; ' + PORTS + ' };'
    d = t.gateway(allow=kiosk + office, revoke="cut")
    looked(d)
    first, second = transfer(t, "20.120.0.1", SOURCE, source="10.1.0.3"), transfer(t, "20.120.0.1", SOURCE, source="10.1.0.4")
    reload(d, t.config(allow=office, revoke="cut"))
    first.dead("the kiosk's download stops")
    second.alive()


@case("a source outside gateway.clients is cut when clients are narrowed")
def clients(t):
    t.simple(clients=3)
    t.gw.nft(TRACKING)
    Streams(t.inet)
    d = t.gateway(allow=CLOUD, revoke="cut")
    looked(d)
    first, second = transfer(t, "20.120.0.1", SOURCE, source="10.1.0.3"), transfer(t, "20.120.0.1", SOURCE, source="10.1.0.4")
    reload(d, t.config(allow=CLOUD, revoke="cut", clients=["10.1.0.4"]))
    first.dead("the download of the one that is left out stops")
    second.alive()


SQL = '''sql: {{ addresses = [ {} ]; to = "10.3.0.2"; ports = "tcp/1433"; }};'''


def inbound(t, interfaces, loose):
    begin(t, loose)
    t.second_segment()
    t.listen(t.client2, [1433])
    config = {"revoke": "cut", "interfaces": interfaces}
    d = t.gateway(inbound=SQL.format('"20.90.0.0/28", "20.91.0.0/28"'), **config)
    looked(d)
    cut = t.inet.tcp("10.3.0.2", 1433, source="20.90.0.1", keep=True).sock
    kept = t.inet.tcp("10.3.0.2", 1433, source="20.91.0.1", keep=True).sock
    check(converse(cut) and converse(kept), "data both ways")
    reload(d, t.config(inbound=SQL.format('"20.91.0.0/28"'), **config))
    check(not converse(cut), "nothing from the source that lost its right")
    check(converse(kept), "the other goes on")


case("an inbound flow is cut when its source loses the right, behind a client interface")(lambda t: inbound(t, ["lan*"], 1))
case("an inbound flow is cut when its source loses the right, behind another interface")(lambda t: inbound(t, ["lan0"], 1))
case("an inbound flow is cut when its source loses the right, tcp_loose = 0")(lambda t: inbound(t, ["lan*"], 0))


@case("an inbound flow stays cut though its server, behind another interface, goes on sending: its data does not open the flow in reverse")
def pushing_server(t):
    settings = begin(t, interfaces=["lan0"], denied="drop")
    t.second_segment()
    Streams(t.client2)
    push = 'push: { addresses = [ "20.90.0.1", "20.91.0.1" ]; to = "10.3.0.2"; ports = "tcp/5001"; };'
    d = t.gateway(inbound=push, **settings)
    looked(d)
    cut, kept = (Pump(t.inet.tcp("10.3.0.2", SOURCE, source=source, keep=True, read=False).sock, False) for source in ("20.90.0.1", "20.91.0.1"))
    cut.alive()
    reload(d, t.config(inbound=push.replace('"20.90.0.1", ', ""), **settings))
    cut.dead("the download by the source that lost its right stops")
    kept.alive()


@case("behind NAT: a masqueraded flow is judged by the client, one to a server by where it really leads")
def nat(t):
    settings = begin(t, interfaces=["lan*"])
    t.second_segment()
    t.listen(t.client2, [1433])
    t.gw.nft('table ip nat {\n chain post {\n type nat hook postrouting priority srcnat\n oifname "up0" masquerade\n }\n'
             ' chain pre {\n type nat hook prerouting priority dstnat\n iifname "up0" ip daddr 10.2.0.1 tcp dport 14330 dnat to 10.3.0.2:1433\n }\n}\n')
    both = SQL.format('"20.90.0.1", "20.91.0.1"')
    d = t.gateway(allow=CLOUD + OTHER, inbound=both, **settings)
    looked(d)
    kept, cut = transfer(t, "20.130.0.1", SOURCE), transfer(t, "20.120.0.1", SOURCE)
    in_kept, in_cut = (t.inet.tcp("10.2.0.1", 14330, source=source, keep=True).sock for source in ("20.90.0.1", "20.91.0.1"))
    check(converse(in_kept) and converse(in_cut), "inbound data")
    check("10.2.0.1" in flows(t, "20.130.0.1")[0], "it is masqueraded")
    reload(d, t.config(allow=OTHER, inbound=SQL.format('"20.90.0.1"'), **settings))
    cut.dead("the masqueraded download stops")
    kept.alive()
    check(converse(in_kept), "the inbound flow that stays allowed")
    check(not converse(in_cut), "the inbound flow that is not")


@case("the gateway's own flows, flows to it, and those between other interfaces are never cut", tags=["smoke"])
def others(t):
    settings = begin(t)
    t.second_segment()
    t.listen(t.gw, [2222])
    own = Pump(t.gw.tcp("20.140.0.1", SOURCE, keep=True, read=False).sock, False)
    to_gateway = t.client.tcp("10.1.0.1", 2222, keep=True).sock
    from_outside = t.inet.tcp("10.2.0.1", 2222, source="20.140.0.2", keep=True).sock
    undecided = Pump(t.client2.tcp("20.140.0.3", SOURCE, keep=True, read=False).sock, False)
    cut = transfer(t, "20.140.0.4", SOURCE)
    # An entry that was deleted comes back without its mark.
    marks = "table inet marks {{\n{}}}\n".format("".join(f" chain {hook} {{\n type filter hook {hook} priority 0\n ct mark set 7\n }}\n" for hook in ("prerouting", "output")))
    t.gw.nft(marks)
    wanted = ("20.140.0.1", "10.1.0.1", "20.140.0.2", "20.140.0.3")
    until(lambda: converse(to_gateway) and converse(from_outside) and all("mark=7" in flows(t, a)[0] for a in wanted), "all have their mark")
    t.gw.run("nft delete table inet marks")
    # The gateway itself is nothing that a client interface leads to, also when `local` is empty.
    d = t.gateway(allow=CLOUD, local=[], **settings)
    counters = looked(d)
    cut.dead("the client's download stops")
    for pump in (own, undecided):
        pump.alive()
    for sock in (to_gateway, from_outside):
        check(converse(sock), "a flow to the gateway")
    for address in wanted:
        check("mark=7" in flows(t, address)[0], f"the entry of {address} is the old one")
    expect(counters["flows_not_cut"], 0, "flows that the kernel kept")


@case("in audit nothing is cut; what would be is counted")
def audit(t):
    settings = begin(t, mode="audit")
    download = transfer(t, "20.140.0.1", SOURCE)
    d = t.gateway(allow=CLOUD, **settings)
    counters = looked(d)
    download.alive()
    expect(counters["flows_cut"], 0, "flows cut")
    check(counters["flows_audited"] > 0, "counted")
    counters = reload(d, t.config(allow=CLOUD, revoke="cut"))
    check(counters["flows_cut"] > 0, "enforcing cuts it")
    download.dead("the download stops")


@case("while the table was gone anything may have been opened: it is cut when the table is rebuilt")
def rebuilt(t):
    settings = begin(t)
    d = t.gateway(allow=CLOUD, own_table="off", **settings)
    counters = looked(d)
    kept = transfer(t, "20.120.0.1", SOURCE)
    d.signal(19)  # SIGSTOP: time to get in
    t.gw.run("nft delete table inet nfqdn")
    cut = transfer(t, "20.140.0.1", SOURCE)
    d.signal(18)
    looked(d, counters["flow_looks"])
    cut.dead("the download stops")
    kept.alive()


@case("a flow that the server's data opens again in reverse does not carry the client's data", tags=["smoke"])
def reversed_again(t):
    settings = begin(t, denied="drop")
    d = t.gateway(allow=CLOUD, **settings)
    looked(d)
    download = transfer(t, "20.120.0.1", SOURCE)
    t.client.nft("table inet mute {\n chain out {\n type filter hook output priority 0\n tcp dport 5001 drop\n }\n}\n")
    reload(d, t.config(allow=OTHER, **settings))
    until(lambda: any(line.index("src=20.120.0.1 ") < line.index("src=10.1.0.2 ") for line in flows(t, "20.120.0.1")), "an entry in reverse", 15)
    before = d.counters()["kernel_denied_reply_packets"]
    t.client.run("nft delete table inet mute")
    until(lambda: d.counters()["kernel_denied_reply_packets"] > before, "the client's packets are denied", 15)
    download.dead("the download stops")


def attribute(kind, payload):
    return struct.pack("=HH", 4 + len(payload), kind) + payload + b"\0" * (-len(payload) % 4)


def make_flows(net, count):
    """Makes entries of UDP flows from clients to addresses that no policy here allows, by ctnetlink."""
    nested = 0x8000
    sock = net.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
    sock.setsockopt(socket.SOL_SOCKET, 32, 4 << 20)  # SO_SNDBUFFORCE

    def half(kind, source, sport, destination, dport):
        ip = attribute(1, source) + attribute(2, destination)
        proto = attribute(1, b"\x11") + attribute(2, struct.pack("!H", sport)) + attribute(3, struct.pack("!H", dport))
        return attribute(kind | nested, attribute(1 | nested, ip) + attribute(2 | nested, proto))

    batch = b""
    for i in range(count):
        here, there = socket.inet_aton("10.1.0.2"), bytes([20, 140, i >> 14 & 255, i & 255])
        sport = 1024 + (i >> 8)
        body = half(1, here, sport, there, 5003) + half(2, there, 5003, here, sport) + attribute(7, struct.pack("!I", 600)) + attribute(3, struct.pack("!I", 0xA))
        message = struct.pack("=BBH", socket.AF_INET, 0, 0) + body
        batch += struct.pack("=IHHII", 16 + len(message), 1 << 8, 0x401, i, 0) + message  # NEW, REQUEST and CREATE
        if len(batch) > 60000 or i == count - 1:
            sock.send(batch)
            batch = b""
    sock.close()


@case("a hundred thousand flows, or as many as the kernel tracks, are looked at in parts, between which answers and commands have their turn", seconds=120)
def many(t):
    settings = begin(t)
    d = t.gateway(allow=CLOUD + WEB, **settings)
    looked(d)
    # A machine of little memory tracks fewer, and only its administrator may change that, for all of its namespaces.
    most = min(100000, int(pathlib.Path("/proc/sys/net/netfilter/nf_conntrack_max").read_text(encoding="ascii")) * 9 // 10)
    few = most * 99 // 100
    make_flows(t.gw, most)
    count = len(t.gw.proc("nf_conntrack").splitlines())
    check(count >= few, f"{count} flows are there")
    partly = []

    def between():
        """A command is answered while the look is under way."""
        before = d.counters()
        d.reload()
        t.client.lookup("10.2.0.2", "www.example.net")
        now = d.counters()
        if now["flow_looks"] == before["flow_looks"] and 0 < now["flows_seen"] - before["flows_seen"] < few:
            partly.append(now["flows_seen"] - before["flows_seen"])
        looked(d, before["flow_looks"])
        return partly
    between()
    counters = d.counters()
    print(f"# {count} flows: {counters['flows_cut']} cut, in the middle at {partly}, answers held {counters['hold_microseconds_max']} us at most", flush=True)
    check(counters["flows_cut"] >= few, "all were cut")
    check(counters["answers_taught"] + counters["answers_known"] >= 1, "an answer taught meanwhile")
    if not partly:
        make_flows(t.gw, most)
        until(between, "a command is answered in the middle of a look", 60)
    check(len(t.gw.proc("nf_conntrack").splitlines()) < 1000, "none is left")


@case("status tells the mode and whether flows are being looked at; the log tells what came of it")
def told(t):
    settings = begin(t)
    d = t.gateway(allow=CLOUD, **settings)
    looked(d)
    expect(d.status()["revoke"], {"mode": "cut", "looking": False}, "in JSON")
    check(any(line.split()[:2] == ["revoke", "cut:"] for line in d.ctl("status").stdout.splitlines()), "as text")
    until(lambda: "revoke: of " in d.log(), "a line in the log")
    holds(lambda: d.counters()["flow_looks"] == 2, "no further looks", 1.5)


if __name__ == "__main__":
    main()
