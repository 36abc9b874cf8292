#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""verify = "query": an answer is believed when its id, question, addresses and ports are those of a query that the gateway saw, and only the first one.
What must not teach is also tried where it must: under verify = "flow", or with the right id."""
import errno
import json
import pathlib
import re
import select
import signal
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import dnswire  # noqa: E402
import netns  # noqa: E402
import packets  # noqa: E402
from netns import PATIENCE, Skip, case, check, expect, main, until  # noqa: E402

import test_first_packet  # noqa: E402
import test_resolvers  # noqa: E402

OTHERS = list(netns.CASES)  # of the two programs above: they run by themselves, and below with another setting
netns.CASES.clear()

WEB = 'web: { names = "*.example.net"; };'
ZONE = {"www.example.net": ["20.1.2.3", "2603:1030::7"], "other.example.org": "20.1.2.9"}
RESOLVER, CLIENT = {4: "10.2.0.2", 6: "fd00:2::2"}, {4: "10.1.0.2", 6: "fd00:1::2"}
GENUINE, FORGED = {4: "20.70.0.1", 6: "2603:1030::70"}, {4: "20.66.6.6", 6: "2603:1030::666"}
KIND = {4: dnswire.A, 6: dnswire.AAAA}
MAXIMUM = 16384  # LIMIT_QUERIES


def silent(question):
    del question
    return None


class Asked:
    """A query that the resolver received and does not answer: the test does, by hand."""

    def __init__(self, t, server, family=4, number=77, qname="www.example.net", source=None):
        self.t, self.family, self.number, self.qname = t, family, number, qname
        self.sock = t.client.socket(netns.family_of(RESOLVER[family]), socket.SOCK_DGRAM)
        self.sock.settimeout(5 * PATIENCE)
        if source:
            self.sock.bind((source, 0))
        self.sock.connect((RESOLVER[family], 53))
        self.client, self.port = self.sock.getsockname()[:2]
        self.ask(server)

    def ask(self, server, number=None, qname=None):
        seen = len(server.asked)
        self.number, self.qname = self.number if number is None else number, qname or self.qname
        self.sock.send(dnswire.query(self.qname, KIND[self.family], self.number))
        until(lambda: len(server.asked) > seen, "the resolver received the query")

    def packet(self, address, number=None, qname=None, kind=None, port=None):
        qname, kind = qname or self.qname, kind or KIND[self.family]
        data = dnswire.response(self.number if number is None else number, qname, kind, [dnswire.address(qname, address, 300)])
        return packets.udp(RESOLVER[self.family], 53, self.client, port or self.port, data)

    def answer(self, address, **what):
        """From the resolver's side, by whoever is there. Waits until the client has it."""
        packets.send(self.t.inet, "eth0", self.t.gw.mac("up0"), self.packet(address, **what))
        check(self.sock.recv(2000), "the answer arrives")


def counted(d, **want):
    got = d.counters()
    expect({name: got[name] for name in want}, want, "counters")


def log_groups(t):
    """Those in use, but for those of `nfqdnctl denied` (queue.first + 38068)."""
    numbers = [int(line.split()[0]) for line in t.gw.proc("netfilter/nfnetlink_log").splitlines()]
    return [number for number in numbers if not 38068 <= number < 38100]


@case("answers to queries teach: UDP and TCP, IPv4 and IPv6, A and AAAA", tags=["smoke"])
def teaches(t):
    t.simple()
    t.dns(t.inet, ZONE)
    d = t.gateway(allow=WEB, verify="query")
    expect(d.status()["verify"], "query", "status")
    check(re.search(r"verify +query", d.ctl("status").stdout), "status as text")
    for number, (resolver, tcp) in enumerate((r, tcp) for r in ("10.2.0.2", "fd00:2::2") for tcp in (False, True)):
        expect(t.client.lookup(resolver, "www.example.net", tcp=tcp), ["20.1.2.3"], "A")
        expect(t.client.lookup(resolver, "www.example.net", dnswire.AAAA, tcp=tcp), ["2603:1030::7"], "AAAA")
        counters = d.counters()
        expect((counters["answers_taught"] + counters["answers_known"], counters["answers_unasked"]), (2 * number + 2, 0), "answers believed, and not")
    expect((t.client.tcp("20.1.2.3").result, t.client.tcp("2603:1030::7").result), ("open", "open"), "the addresses")
    t.client.lookup("10.2.0.2", "other.example.org")
    expect(t.client.tcp("20.1.2.9").result, "reset", "a name that is not allowed")
    expect((counters["queries_lost"], counters["queries_unread"]), (0, 0), "copies lost, not understood")


@case("verify = flow copies nothing and costs no socket")
def flow_copies_nothing(t):
    t.simple()
    t.dns(t.inet, ZONE)
    d = t.gateway(allow=WEB, report_names="policy")
    t.client.lookup("10.2.0.2", "www.example.net")
    expect((d.status()["verify"], d.counters()["queries"]), ("flow", 0), "status")
    expect(log_groups(t), [], "groups")
    check(" log group " not in t.gw.run("nft list table inet nfqdn").stdout, "rules that copy queries")


@case("getaddrinfo: A and AAAA in parallel on one socket", tags=["smoke"])
def parallel(t):
    t.simple()
    t.dns(t.inet, lambda q: (0.02, [dnswire.address(q.wire, *a)] if (a := {1: ("20.1.2.3", 300), 28: ("2603:1030::7", 300)}.get(q.kind)) else []))
    d = t.gateway(allow=WEB, verify="query")
    conf = t.folder / "resolv.conf"
    conf.write_text("nameserver 10.2.0.2\noptions timeout:5 attempts:1\n", encoding="ascii")
    done = t.client.run(["unshare", "--mount", "sh", "-c", f"mount --bind {conf} /etc/resolv.conf && exec getent ahosts www.example.net"], ok=False)
    if "mount:" in done.stderr or "unshare:" in done.stderr:
        raise Skip(f"no mount namespace: {done.stderr}")
    expect({line.split()[0] for line in done.stdout.splitlines()}, {"20.1.2.3", "2603:1030::7"}, "getaddrinfo")
    counted(d, answers_taught=2, answers_unasked=0, answers_repeated=0, queries=2)
    expect((t.client.tcp("20.1.2.3").result, t.client.tcp("2603:1030::7").result), ("open", "open"), "the addresses")


@case("a name asked in mixed case, and answered in another")
def mixed_case(t):
    t.simple()
    t.dns(t.inet, lambda q: dnswire.response(q.number, q.wire.swapcase() if q.kind == dnswire.A else q.wire, q.kind, [dnswire.address(
        q.wire, "20.1.2.3" if q.kind == dnswire.A else "2603:1030::7", 300)]))
    d = t.gateway(allow=WEB, verify="query")
    expect(t.client.query("10.2.0.2", "wWw.exAMPle.nEt").qname, dnswire.name("WwW.EXampLE.NeT"), "the other case comes back")
    t.client.query("fd00:2::2", "wWw.exAMPle.nEt", dnswire.AAAA)
    expect((t.client.tcp("20.1.2.3").result, t.client.tcp("2603:1030::7").result), ("open", "open"), "the addresses")
    counted(d, answers_taught=2, answers_unasked=0)


@case("several queries on one TCP connection: in one segment, cut anywhere, answered in another order", tags=["smoke"])
def pipelined(t):
    t.simple()
    order = {"a": 0.3, "b": 0.2, "c": 0.1, "d": 0.05}
    t.dns(t.inet, lambda q: (order[q.name[0]], [dnswire.a(q.wire, f"20.1.2.{ord(q.name[0])}", 300)]))
    d = t.gateway(allow=WEB, verify="query")
    stream = b""
    for number, name in enumerate(order):
        wire = dnswire.query(f"{name}.example.net", dnswire.A, 700 + number)
        stream += struct.pack("!H", len(wire)) + wire
    with t.client.socket() as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(5 * PATIENCE)
        sock.connect(("10.2.0.2", 53))
        for part in (stream[:1], stream[1:20], stream[20:90], stream[90:]):
            sock.sendall(part)
        data, numbers = b"", []
        while len(numbers) < 4:
            data += sock.recv(65535)
            while len(data) >= 2 and len(data) >= 2 + struct.unpack_from("!H", data)[0]:
                size = 2 + struct.unpack_from("!H", data)[0]
                numbers.append(struct.unpack_from("!H", data, 2)[0])
                data = data[size:]
    expect(numbers, [703, 702, 701, 700], "answers, the last first")
    counted(d, answers_taught=4, answers_unasked=0, queries_unread=0)
    for name in order:
        expect(t.client.tcp(f"20.1.2.{ord(name)}").result, "open", name)


# ---- every place where the resolver may stand, and fragments ----

def under_query(original):
    """The case of another program, with verify = "query" in every configuration; and nothing is passed over for want of a query."""

    def run(t):
        config = t.config
        t.config = lambda *arguments, **settings: config(*arguments, **{"verify": "query", **settings})
        original.function(t)
        for d in t.daemons:
            if not d.ended:
                got = d.counters()
                expect((got["answers_unasked"], got["queries_lost"]), (0, 0), "answers not believed, copies lost")
                check(got["queries"] or not got["packets_queued"], "queries are copied when answers are read")

    run.__name__ = f"query_{original.function.__name__}"
    case(f"with queries: {original.title}", tags=original.tags, seconds=original.seconds)(run)


for each in OTHERS:
    if each.function.__module__ == "test_resolvers" or each.function in (test_first_packet.many_addresses, test_first_packet.fragments6):
        under_query(each)


@case("a query and its answer that wait together, behind another answer: the query is read first", tags=["smoke"])
def read_first(t):
    t.simple()
    server = t.dns(t.inet, silent)
    d = t.gateway(allow=WEB, verify="query")
    first = Asked(t, server, number=1)
    until(lambda: d.counters()["queries"] == 1, "the first query is read")
    d.signal(signal.SIGSTOP)
    packets.send(t.inet, "eth0", t.gw.mac("up0"), first.packet("20.70.2.1"))
    second = Asked(t, server, number=2)
    packets.send(t.inet, "eth0", t.gw.mac("up0"), second.packet("20.70.2.2"))
    until(lambda: t.gw.proc("netfilter/nfnetlink_queue").split()[2] == "2", "both answers are held")
    d.signal(signal.SIGCONT)
    check(first.sock.recv(2000) and second.sock.recv(2000), "both answers arrive")
    counted(d, answers_taught=2, answers_unasked=0)


# ---- what does not teach ----

@case("answers with every id there is, to a flow that waits for one: flow believes the first, query none", tags=["smoke"], seconds=120)
def every_id(t):
    t.simple()
    server = t.dns(t.inet, silent)
    d = t.gateway(allow=WEB)
    asked = Asked(t, server, number=40000)
    asked.answer(FORGED[4], number=1)
    expect(t.client.tcp(FORGED[4]).result, "open", "what a wrong id taught under verify = flow")
    d.reload(t.config(allow='other: { names = "*.other.test"; };', verify="query"))
    d.reload(t.config(allow=WEB, verify="query"))
    expect(d.learned(), [], "learned before")
    asked = Asked(t, server, number=40000)
    before = d.counters()
    with t.inet, socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800)) as sock:
        where = ("eth0", 0x0800, 0, 0, bytes.fromhex(t.gw.mac("up0").replace(":", "")))
        for first in range(0, 65536, 2048):
            for number in range(first, first + 2048):
                sock.sendto(asked.packet(FORGED[4], number=number), where)
            until(lambda first=first: d.counters()["packets_queued"] + d.counters()["queue_overruns"] >= before["packets_queued"] + first + 2048,
                  "nfqdnd has had them")
    got = d.counters()
    expect((got["answers_unasked"] - before["answers_unasked"], got["queue_overruns"]), (65536, 0), "answers not believed, not looked at")
    expect((d.learned(), got["queries_spoiled"]), ([], 1), "learned, queries given up")
    expect(t.client.tcp(FORGED[4]).result, "reset", "the forged address")
    # The client asks again, and the genuine answer teaches.
    while select.select([asked.sock], [], [], 0)[0]:
        asked.sock.recv(2000)
    asked.ask(server)
    asked.answer(GENUINE[4])
    expect((t.client.tcp(FORGED[4]).result, t.client.tcp(GENUINE[4]).result), ("reset", "open"), "forged, genuine")


@case("another question, another type, another id, another port: nothing is learned; then the right answer teaches, once", tags=["smoke"])
def must_agree(t):
    t.simple()
    server = t.dns(t.inet, silent)
    d = t.gateway(allow=WEB, verify="query")
    for family in (4, 6):
        asked, other = Asked(t, server, family, 77), Asked(t, server, family, 78, "b.example.net")
        wrong = [{"qname": "evil.example.net"}, {"kind": dnswire.HTTPS}, {"number": 79}, {"number": 78}, {"number": 78, "qname": "b.example.net"}]
        before = d.counters()["answers_unasked"]
        for what in wrong:
            asked.answer(FORGED[family], **what)
        # The right id and question at another port that waits, too.
        packets.send(t.inet, "eth0", t.gw.mac("up0"), asked.packet(FORGED[family], port=other.port))
        check(other.sock.recv(2000), "it arrives")
        expect((d.knows(FORGED[family]), d.counters()["answers_unasked"] - before), (None, len(wrong) + 1), "learned, not believed")
        asked.answer(GENUINE[family])
        check(d.knows(GENUINE[family]), "the right answer teaches")
        asked.answer(FORGED[family])
        expect((d.knows(FORGED[family]), d.counters()["answers_repeated"]), (None, 1 if family == 4 else 2), "a second answer")
        asked.ask(server)
        asked.answer(FORGED[family])
        check(d.knows(FORGED[family]), "the same query sent again may be answered again")


@case("an answer in a flow that the client opened with something else than a query teaches nothing")
def no_query(t):
    t.simple()
    server = t.dns(t.inet, silent)
    d = t.gateway(allow=WEB, verify="query")
    asked = Asked(t, server)
    asked.answer(GENUINE[4])
    check(d.knows(GENUINE[4]), "after a query it teaches")
    # What follows is too odd for the test's server.
    t.inet.nft("table inet deaf {\n chain c {\n type filter hook input priority 0\n udp dport 53 drop\n }\n}\n")
    for data in (dnswire.response(5, "www.example.net", dnswire.A), b"", b"x", dnswire.query("www.example.net", dnswire.A, 5, flags=0x2800),
                 dnswire.query("www.example.net", dnswire.A, 5)[:20]):
        with t.client.socket(kind=socket.SOCK_DGRAM) as sock:
            sock.settimeout(5 * PATIENCE)
            sock.connect((RESOLVER[4], 53))
            sock.send(data)
            answer = packets.udp(RESOLVER[4], 53, CLIENT[4], sock.getsockname()[1], dnswire.response(
                5, "www.example.net", dnswire.A, [dnswire.a("www.example.net", FORGED[4], 300)]))
            packets.send(t.inet, "eth0", t.gw.mac("up0"), answer)
            check(sock.recv(2000), "it passes")
    # The rule copies only what has a DNS header of a query: of these, the one that is cut.
    counted(d, answers_unasked=5, queries_unread=1)
    expect(d.knows(FORGED[4]), None, "learned")


# ---- floods, losses ----

class Flood:
    """Queries of a second client by hand, from a thousand ports."""

    def __init__(self, t, count):
        self.net = t.client
        self.where = ("eth0", 0x0800, 0, 0, bytes.fromhex(t.gw.mac("lan0").replace(":", "")))
        self.packets = [packets.udp("10.1.0.3", 20000 + n % 1000, RESOLVER[4], 53, dnswire.query("x.example.net", dnswire.A, n // 1000)) for n in range(count)]

    def send(self, first, last):
        with self.net, socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800)) as sock:
            for packet in self.packets[first:last]:
                sock.sendto(packet, self.where)


@case("a client that floods queries forgets its own, not another client's", tags=["smoke"], seconds=120)
def flooder(t):
    t.simple(clients=2)
    server = t.dns(t.inet, silent)
    d = t.gateway(allow=WEB, verify="query")
    flood = Flood(t, MAXIMUM + 3000)
    began = time.monotonic()
    asked = [Asked(t, server, number=n, source="10.1.0.2") for n in range(5)]
    for first in range(0, MAXIMUM + 3000, 4000):  # the buffer has room for more
        flood.send(first, first + 4000)
        until(lambda first=first: d.counters()["queries"] >= min(first + 4000, MAXIMUM + 3000) + 5, "nfqdnd has read them")
    if time.monotonic() - began > 9:
        raise Skip("too slow: queries wait for ten seconds only")
    check(d.counters()["queries_evicted"] >= 3000, "the table was full")
    for number, one in enumerate(asked):
        one.answer(f"20.70.1.{number + 1}")
        check(d.knows(f"20.70.1.{number + 1}"), f"the other client's query {number} is answered")
    counted(d, answers_unasked=0)


@case("copies that are lost are counted and told; their answers teach nothing, and later queries go on", tags=["smoke"], seconds=120)
def lost(t):
    t.simple(clients=2)
    server = t.dns(t.inet, silent)
    d = t.gateway(allow=WEB, verify="query")
    d.signal(signal.SIGSTOP)
    Flood(t, 12000).send(0, 12000)
    asked = Asked(t, server, number=5)
    d.signal(signal.SIGCONT)
    until(lambda: d.counters()["queries"] > 6000, "the buffer is read")  # it has room for 6553 on Linux 6.12, for more on 6.18
    Asked(t, server, number=6)
    until(lambda: d.counters()["queries_lost"] > 0, "losses are counted")
    got = d.counters()
    # The first copies were in the buffer, the rest was lost: each is one or the other, and those of the server's own case none.
    expect(got["queries"] + got["queries_lost"], 12002, "copies read and lost")
    check(any("copies of queries were lost" in w for w in d.status()["warnings"]), "status says so")
    asked.answer(FORGED[4])
    expect((d.knows(FORGED[4]), d.counters()["answers_unasked"]), (None, 1), "the answer to a lost query: learned, not believed")
    asked.ask(server)
    asked.answer(GENUINE[4])
    check(d.knows(GENUINE[4]), "asked again it teaches")


# ---- reloads, instances, the table ----

@case("reloads between flow and query under traffic: every answer arrives and opens its address", tags=["smoke"], seconds=120)
def reloads(t):
    t.simple(clients=4)

    def handler(q):
        number = int(q.name.split(".")[0][1:])
        answer = [dnswire.a(q.wire, f"20.{151 + number // 62500}.{number // 250 % 250}.{number % 250 + 1}", 300)]
        return (0.03, answer) if number % 3 == 0 else answer

    t.dns(t.inet, handler)
    d = t.gateway(allow=WEB)
    stop, wrong, counts = threading.Event(), [], [0] * 4

    def client(index):
        number = index
        while not stop.is_set():
            try:
                address = t.client.lookup("10.2.0.2", f"n{number}.example.net", source=f"10.1.0.{2 + index}", tcp=number // 4 % 4 == 3)[0]
                result = t.client.tcp(address, source=f"10.1.0.{2 + index}").result
                if result != "open":
                    wrong.append((number, result))
            except TimeoutError:
                wrong.append((number, "no answer"))
            counts[index] += 1
            number += 4

    threads = [threading.Thread(target=client, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    try:
        for turn in range(12):
            seen = sum(counts)
            until(lambda seen=seen: sum(counts) > seen + 8, "lookups go on", 20)
            d.reload(t.config(allow=WEB, verify="flow" if turn % 2 else "query"))
            expect(d.status()["verify"], "flow" if turn % 2 else "query", "status")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    expect(wrong, [], f"of {sum(counts)} lookups, those without answer or address")
    got = d.counters()
    check(got["queries"] > 50 and got["answers_taught"] > 100, f"both modes had traffic: {got['queries']} copies")
    expect((got["answers_unasked"], got["answers_dropped"]), (0, 0), "answers not believed, dropped")


@case("after a reload to query, answers of new flows must match at once, and those of old flows are believed for some seconds")
def older_flows(t):
    t.simple()
    server = t.dns(t.inet, silent)
    d = t.gateway(allow=WEB, report_names="policy")
    old = Asked(t, server)
    d.reload(t.config(allow=WEB, report_names="policy", verify="query"))
    new = Asked(t, server, number=78)
    new.answer(FORGED[4], number=79)
    expect(d.knows(FORGED[4]), None, "a new flow, another id")
    old.answer(GENUINE[4])
    check(d.knows(GENUINE[4]), "an old flow")
    counted(d, answers_of_older_flows=1, answers_unasked=1)
    d.reload(t.config(allow=WEB, report_names="policy"))
    new.answer("20.70.0.9", number=79)
    check(d.knows("20.70.0.9"), "back under flow any id teaches")
    expect(log_groups(t), [], "groups")


@case("two instances in one namespace have two groups; one that another program has is told")
def groups(t):
    t.simple()
    t.dns(t.inet, ZONE)
    a = t.daemon(t.gw, t.config(allow=WEB, name="a", table="gate_a", verify="query"), name="a")
    b = t.daemon(t.gw, t.config(allow=WEB, name="b", table="gate_b", queue={"first": 9}, verify="query"), name="b")
    numbers = log_groups(t)
    expect(sorted(numbers), [5300, 5309], "groups")
    t.client.lookup("10.2.0.2", "www.example.net")
    for d in (a, b):
        check(d.knows("20.1.2.3"), f"{d.name} learns")
    a.stop()
    with bind_group(t.gw, 5300):
        refused = t.daemon(t.gw, t.config(allow=WEB, name="c", table="gate_c", verify="query"), name="c", ready=False)
        expect(refused.process.wait(10 * PATIENCE), 4, "the start is refused")
        refused.ended = True
        check("NFLOG group" in refused.log() and "gateway.queue.first" in refused.log(), f"it says why: {refused.log()}")
        # A reload is refused likewise, and the old policy stays.
        d = t.daemon(t.gw, t.config(allow=WEB, name="d", table="gate_d"), name="d")
        told = d.reload(t.config(allow=WEB, name="d", table="gate_d", verify="query"), ok=1)
        check("NFLOG group" in told.stdout + told.stderr, f"the reload says why: {told}")
        expect(d.status()["verify"], "flow", "what is in force")
    d.reload()
    expect(d.status()["verify"], "query", "when the group is free")


def bind_group(net, group):
    """Another program's NFLOG group."""
    sock = net.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
    sock.bind((0, 0))
    command = struct.pack("=HHBxxx", 5, 1, 1)
    message = struct.pack("!BBH", 0, 0, group) + command
    sock.send(struct.pack("=IHHII", 16 + len(message), 4 << 8 | 1, 5, 1, 0) + message)
    answer = sock.recv(4096)
    expect(struct.unpack_from("=i", answer, 16)[0], 0, f"bind of group {group}: {errno.errorcode.get(-struct.unpack_from('=i', answer, 16)[0])}")
    return sock


@case("a rule that copies queries is deleted by others: the table is made anew")
def rule_deleted(t):
    t.simple()
    t.dns(t.inet, {"*.example.net": ["20.1.2.3"], "b.example.net": ["20.1.2.4"]})
    d = t.gateway(allow=WEB, verify="query", own_table="off")

    def delete_rule(chain):
        """The daemon may exchange the rules for reasons of its own between the look and the deletion."""
        listing = json.loads(t.gw.run(f"nft -j list chain inet nfqdn {chain}").stdout)["nftables"]
        handle = next(item["rule"]["handle"] for item in listing if "rule" in item and any("log" in e for e in item["rule"]["expr"]))
        return t.gw.run(f"nft delete rule inet nfqdn {chain} handle {handle}", ok=False).returncode == 0

    for chain in ("snoop_forward", "snoop_input"):
        before = d.counters()["table_rebuilt"]
        until(lambda chain=chain: delete_rule(chain), f"a rule of {chain} is deleted")
        until(lambda before=before: d.counters()["table_rebuilt"] > before, f"the rule of {chain} is missed")
        until(lambda chain=chain: t.gw.run(f"nft list chain inet nfqdn {chain}").stdout.count(" log ") == 4, "it is back")
    t.client.lookup("10.2.0.2", "b.example.net")
    check(d.knows("20.1.2.4"), "answers teach")


if __name__ == "__main__":
    main()
