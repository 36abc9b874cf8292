#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""DNS over TCP. The promise is the same as for a datagram: once the client can read the answer, its address is open. Here a server cuts its segments by hand, and
the client's own TCP decides what it can read."""
import pathlib
import random
import re
import shutil
import socket
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import dnswire  # noqa: E402
import packets  # noqa: E402
from netns import PATIENCE, Skip, case, check, expect, main, until  # noqa: E402

WEB = 'web: { names = "*.example.net"; };'
RESOLVER = "10.2.0.2"
ETH_P_ALL = 3


def frame(message):
    """With the length that goes before it (RFC 1035 4.2.2)."""
    return struct.pack("!H", len(message)) + message


def number_of(name):
    """n17.example.net -> 17"""
    return int(name[1:name.index(".")])


def address_of(number):
    return f"20.{60 + number // 62500}.{number // 250 % 250}.{1 + number % 250}"


class Flow:
    """One connection as the server sees it. The stream's octets go out by position, in any order, as often as wanted."""

    def __init__(self, server, client, port, theirs, first):
        self.server, self.client, self.port, self.theirs, self.first = server, client, port, theirs, first
        self.asked = b""

    def send(self, position, data, flags=packets.ACK | packets.PSH):
        self.server.emit(packets.tcp(RESOLVER, 53, self.client, self.port, flags, (self.first + position) & 0xFFFFFFFF,
                                     (self.theirs + len(self.asked)) & 0xFFFFFFFF, data))

    def take(self, sequence, data):
        if sequence == (self.theirs + len(self.asked)) & 0xFFFFFFFF:
            self.asked += data


class Server:
    """TCP port 53 of the resolver, without the kernel's TCP: `on_query(flow, [messages])` is called when whole queries are there."""

    def __init__(self, t, on_query, first=None):
        self.t, self.on_query, self.first, self.flows = t, on_query, first, {}
        t.inet.nft("table inet mute {\n chain c {\n type filter hook input priority -300\n tcp dport 53 drop\n }\n}\n")
        self.mac = t.gw.mac("up0")
        with t.inet:
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
            self.sock.bind(("eth0", 0x0800))
        self.sock.setblocking(False)
        t.loop.add(self.sock, self.on_packets)

    def emit(self, packet):
        self.sock.sendto(packet, ("eth0", 0x0800, 0, 0, bytes.fromhex(self.mac.replace(":", ""))))

    def on_packets(self):
        while True:
            try:
                packet, where = self.sock.recvfrom(65535)
            except BlockingIOError:
                return
            if where[2] != socket.PACKET_OUTGOING and packet[9] == 6:
                self.on_segment(packet[4 * (packet[0] & 15):struct.unpack_from("!H", packet, 2)[0]], socket.inet_ntoa(packet[12:16]))

    def on_segment(self, segment, client):
        port, to, sequence, _, offset, flags = struct.unpack_from("!HHIIBB", segment)
        if to != 53:
            return
        if flags & packets.SYN:
            theirs, flow = (sequence + 1) & 0xFFFFFFFF, self.flows.get((client, port))
            if not flow or flow.theirs != theirs:  # else it is the same SYN again
                flow = self.flows[client, port] = Flow(self, client, port, theirs, random.getrandbits(32) if self.first is None else self.first)
            flow.send(-1, b"", packets.SYN | packets.ACK)
            return
        flow = self.flows.get((client, port))
        if flow and not flags & packets.RST:
            before = len(self.messages(flow))
            flow.take(sequence, segment[4 * (offset >> 4):])
            if len(self.messages(flow)) > before:
                self.on_query(flow, [dnswire.Message(m) for m in self.messages(flow)])

    @staticmethod
    def messages(flow):
        found, data = [], flow.asked
        while len(data) >= 2 and len(data) >= 2 + struct.unpack_from("!H", data)[0]:
            size = struct.unpack_from("!H", data)[0]
            found.append(data[2:2 + size])
            data = data[2 + size:]
        return found


def answer_to(query, records=None):
    """n17.example.net has address_of(17)."""
    name = query.question[0]
    records = [dnswire.a(name, address_of(number_of(name)), 300)] if records is None else records
    return dnswire.response(query.number, query.qname, dnswire.A, records)


class Asker:
    """A connection of the client."""

    def __init__(self, net, resolver=RESOLVER, source=None):
        self.sock = net.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # it ends by a reset
        self.sock.settimeout(5 * PATIENCE)
        if source:
            self.sock.bind((source, 0))
        self.sock.connect((resolver, 53))
        self.data = b""

    def ask(self, *names):
        self.sock.sendall(b"".join(frame(dnswire.query(name, dnswire.A, i + 1)) for i, name in enumerate(names)))

    def read(self):
        """One message."""
        while len(self.data) < 2 or len(self.data) < 2 + struct.unpack_from("!H", self.data)[0]:
            more = self.sock.recv(65535)
            check(more, "the server closed the connection")
            self.data += more
        size = struct.unpack_from("!H", self.data)[0]
        message, self.data = dnswire.Message(self.data[2:2 + size]), self.data[2 + size:]
        return message

    def close(self):
        self.sock.close()


def exchange(t, name):
    """Asks, reads, and connects at once to what was answered."""
    asker = Asker(t.client)
    asker.ask(name)
    found = asker.read().addresses()
    result = t.client.tcp(found[0], read=False).result
    asker.close()
    return found, result


def pieces_of(stream, cuts):
    edges = [0, *sorted(cuts), len(stream)]
    return [(a, stream[a:b]) for a, b in zip(edges, edges[1:])]


@case("an answer over TCP opens its address, in both families", tags=["brief", "kernel", "smoke"])
def plain(t):
    t.simple()
    t.dns(t.inet, {"*.example.net": ["20.70.0.1", "2603:1030::70"], "www.example.org": ["20.70.0.2"]})
    d = t.gateway(allow=WEB)
    for resolver, kind, address in ((RESOLVER, dnswire.A, "20.70.0.1"), ("fd00:2::2", dnswire.AAAA, "2603:1030::70")):
        expect(t.client.tcp(address).result, "reset", f"{address} before")
        expect(t.client.lookup(resolver, "www.example.net", kind, tcp=True), [address], "the answer")
        expect(t.client.tcp(address).result, "open", address)
    t.client.lookup(RESOLVER, "www.example.org", tcp=True)
    expect(t.client.tcp("20.70.0.2").result, "reset", "a name that is not allowed")
    counters = d.counters()
    expect((counters["tcp_flows"], counters["tcp_messages"], counters["tcp_segments_unsynchronised"]), (3, 3, 0), "flows, messages, segments unread")
    expect((counters["answers_taught"], counters["packets_unread"]), (2, 0), "taught, unread")


@case("an answer cut into two segments anywhere, in both orders, opens its address when it can be read", seconds=240)
def every_pair(t):
    t.simple()
    plan = {}

    def on_query(flow, queries):
        stream = frame(answer_to(queries[0]))
        parts = pieces_of(stream, [plan["cut"]])
        for position, data in reversed(parts) if plan["reverse"] else parts:
            flow.send(position, data)

    Server(t, on_query)
    d = t.gateway(allow=WEB)
    length = len(frame(answer_to(dnswire.Message(dnswire.query("n1000.example.net")))))
    for plan["reverse"] in (False, True):
        for plan["cut"] in range(1, length):
            number = 1000 + plan["cut"] + 500 * plan["reverse"]
            expect(exchange(t, f"n{number}.example.net"), ([address_of(number)], "open"), f"cut at {plan['cut']}, reverse {plan['reverse']}")
    counters = d.counters()
    expect((counters["tcp_messages"], counters["answers_taught"]), (2 * (length - 1),) * 2, "messages, answers taught")
    expect((counters["tcp_segments_unsynchronised"], counters["tcp_flows_lost"]), (0, 0), "segments unread, flows lost")


@case("an answer in single octets, in any order, repeated and over the end of the sequence numbers", seconds=120)
def single_octets(t):
    t.simple()
    seed = int(time.time())
    print(f"# seed {seed}")
    chance = random.Random(seed)
    order = {}

    def on_query(flow, queries):
        stream = frame(answer_to(queries[0]))
        for i in order["of"](list(range(len(stream)))):
            flow.send(i, stream[i:i + 1 + chance.randrange(3) * (order["name"] == "overlapping")])

    server = Server(t, on_query)
    d = t.gateway(allow=WEB)
    orders = {"forward": lambda x: x, "backward": lambda x: x[::-1], "odd ones first": lambda x: x[1::2] + x[::2],
              "twice": lambda x: x + x, "overlapping": lambda x: chance.sample(x, len(x))}
    orders.update({f"shuffled {i}": lambda x: chance.sample(x, len(x)) for i in range(10)})
    for number, name in enumerate(orders, 2000):
        order["name"], order["of"], server.first = name, orders[name], 0xFFFFFFFF - number % 60
        expect(exchange(t, f"n{number}.example.net"), ([address_of(number)], "open"), name)
    expect(d.counters()["tcp_messages"], len(orders), "messages")


@case("many queries on one connection: answers cut anywhere, several in one segment, out of order")
def pipelined(t):
    t.simple()
    chance = random.Random(7)
    names = [f"n{i}.example.net" for i in range(3000, 3040)]

    def on_query(flow, queries):
        if len(queries) < len(names):
            return
        stream = b"".join(frame(answer_to(q)) for q in chance.sample(queries, len(queries)))
        parts = pieces_of(stream, chance.sample(range(1, len(stream)), 12))
        for position, data in chance.sample(parts, len(parts)):
            flow.send(position, data)

    Server(t, on_query)
    d = t.gateway(allow=WEB)
    asker = Asker(t.client)
    asker.ask(*names)
    for _ in names:
        found = asker.read().addresses()
        expect(t.client.tcp(found[0], read=False).result, "open", found[0])
    expect((d.counters()["tcp_messages"], len(d.learned())), (len(names), len(names)), "messages, learned")


@case("retransmitted with other content: the first copy of an octet counts, as it does for the client")
def other_content(t):
    t.simple()
    reverse = {}

    def on_query(flow, queries):
        name = queries[0].question[0]
        true, false = (frame(answer_to(queries[0], [dnswire.a(name, a, 300)])) for a in (address_of(number_of(name)), "20.99.99.99"))
        half = len(true) // 2
        first = [(half, true[half:]), (half, false[half:]), (half + 3, false[half + 3:]), (0, true[:half])]
        last = [(0, true[:half]), (0, false[:half]), (half, true[half:]), (half, false[half:])]
        for position, data in first if reverse["now"] else last:
            flow.send(position, data)

    Server(t, on_query)
    d = t.gateway(allow=WEB)
    for number, reverse["now"] in enumerate((False, True), 3100):
        expect(exchange(t, f"n{number}.example.net"), ([address_of(number)], "open"), f"reverse {reverse['now']}")
    check(not d.knows("20.99.99.99"), "the other content teaches nothing")
    expect(t.client.tcp("20.99.99.99").result, "reset", "its address")
    check(d.counters()["tcp_segments_conflicting"] > 0, "it is counted")


@case("a message inside a TXT record is not read, where a flow was seen from its middle only", tags=["smoke"])
def inside_a_record(t):
    t.simple()
    streams = {}

    def on_query(flow, queries):
        # The client chose what its own zone answers, and where the segments begin.
        forged = frame(dnswire.response(9, "www.example.net", dnswire.A, [dnswire.a("www.example.net", "20.99.0.1", 300)]))
        record = dnswire.Record("n1.evil.test", dnswire.TXT, 60, forged)
        stream = frame(dnswire.response(queries[-1].number, queries[-1].qname, dnswire.TXT, [record]))
        at, start = stream.index(forged), streams.get("sent", 0)
        for position, data in pieces_of(stream, [at]):
            flow.send(start + position, data)
        streams["sent"] = start + len(stream)

    Server(t, on_query)
    asker = Asker(t.client)
    d = t.gateway(allow=WEB)
    asker.ask("n1.evil.test")
    check(asker.read(), "the answer passes")
    until(lambda: d.counters()["tcp_segments_unsynchronised"] == 2, "its segments are counted")
    expect((d.learned(), d.counters()["tcp_messages"]), ([], 0), "learned, read")
    expect(t.client.tcp("20.99.0.1").result, "reset", "the address in the record")
    # The same in a flow that was seen from its beginning is the inside of a record.
    asker, streams["sent"] = Asker(t.client), 0
    asker.ask("n1.evil.test")
    check(asker.read(), "the answer passes")
    expect((d.learned(), d.counters()["tcp_messages"]), ([], 1), "learned, read")


@case("a connection that outlives nfqdnd passes unlearned; a new one teaches", tags=["smoke"])
def restart(t):
    t.simple()
    t.dns(t.inet, {"n1.example.net": "20.70.0.1", "n2.example.net": "20.70.0.2", "n3.example.net": "20.70.0.3"})
    d = t.gateway(allow=WEB)
    asker = Asker(t.client)
    asker.ask("n1.example.net")
    expect(t.client.tcp(asker.read().addresses()[0]).result, "open", "learned before")
    d.kill()
    asker.ask("n2.example.net")
    expect(asker.read().addresses(), ["20.70.0.2"], "while nobody reads it passes")
    d.start()
    asker.ask("n2.example.net")
    expect(asker.read().addresses(), ["20.70.0.2"], "and after")
    expect(t.client.tcp("20.70.0.2").result, "reset", "not learned: where a message begins is not known")
    check(d.counters()["tcp_segments_unsynchronised"] > 0, "it is counted")
    asker = Asker(t.client)
    asker.ask("n3.example.net")
    expect(t.client.tcp(asker.read().addresses()[0]).result, "open", "a new connection")


@case("an answer over TCP that a client forges to itself through the gateway teaches nothing", tags=["smoke"])
def to_itself(t):
    t.simple()
    held = []

    class Silent(Server):
        """Answers no SYN by itself."""

        def on_segment(self, segment, client):
            port, to, sequence, _, _, flags = struct.unpack_from("!HHIIBB", segment)
            if to == 53 and flags & packets.SYN:
                held.append(Flow(self, client, port, (sequence + 1) & 0xFFFFFFFF, 1000))

    server = Silent(t, None)
    d = t.gateway(allow=WEB)
    for genuine in (False, True):
        held.clear()
        sock = t.client.socket()
        sock.settimeout(5)
        sock.setblocking(False)
        sock.connect_ex((RESOLVER, 53))
        until(lambda: held, "the SYN arrives")
        flow = held[0]
        if not genuine:
            flow.server = type("Forger", (), {"emit": staticmethod(lambda p: packets.send(t.client, "eth0", t.gw.mac("lan0"), p))})
        flow.send(-1, b"", packets.SYN | packets.ACK)
        flow.send(0, frame(dnswire.response(1, "n7.example.net", dnswire.A, [dnswire.a("n7.example.net", address_of(7), 300)])))
        if genuine:
            until(lambda: d.knows(address_of(7)), "the same from the resolver's side teaches")
        else:
            until(lambda: d.counters()["kernel_snoop_unlearned_interface_packets"] >= 2, "the forged segments are counted")
            expect((d.learned(), d.counters()["tcp_segments"]), ([], 0), "learned, read")
        sock.close()
    check(server, "the server stays")


@case("TC=1, then TCP; 200 addresses; 64 KiB")
def large(t):
    t.simple()
    many = [f"20.71.{i // 200}.{1 + i % 200}" for i in range(200)]

    def handler(question):
        if not question.tcp:
            return question.reply([], flags=dnswire.QR | dnswire.TC | dnswire.RD | dnswire.RA)
        if question.name == "many.example.net":
            return question.reply([dnswire.a(question.wire, a, 300) for a in many])
        records = [dnswire.a(question.wire, "20.72.0.1", 300)]
        room = 65535 - len(question.reply(records))
        while room > 270:
            records.append(dnswire.txt(question.wire, b"x" * 255))
            room -= 2 + 10 + 256
        records.append(dnswire.Record(question.wire, dnswire.TXT, 1, bytes(room - 12)))
        return question.reply(records)

    t.dns(t.inet, handler)
    d = t.gateway(allow=WEB, limits={"elements": 5000})
    check(t.client.query(RESOLVER, "many.example.net").truncated, "TC")
    expect(sorted(t.client.lookup(RESOLVER, "many.example.net", tcp=True)), sorted(many), "200 addresses")
    for address in many[::20] + many[-1:]:
        expect(t.client.tcp(address, read=False).result, "open", address)
    expect(len(d.learned()), 200, "learned")
    answer = t.client.query(RESOLVER, "long.example.net", tcp=True)
    expect((len(answer.wire), answer.addresses()), (65535, ["20.72.0.1"]), "64 KiB")
    expect(t.client.tcp("20.72.0.1").result, "open", "its address")
    expect(d.counters()["tcp_segments_outside"], 0, "segments outside")


@case("an answer whose transaction fails does not arrive; what TCP sends again is judged again")
def dropped(t):
    t.simple()
    t.dns(t.inet, {"*.example.net": "20.70.0.1"})
    d = t.gateway(allow=WEB, limits={"elements": 64}, own_table="off")
    # Somebody fills the set.
    room = int(re.search(r"size (\d+)", t.gw.run("nft list set inet nfqdn name4").stdout)[1]) - 1  # the sentinel
    strange = [f"20.200.{i // 250}.{i % 250} . tcp . 1" for i in range(room)]
    t.gw.nft(f"add element inet nfqdn name4 {{ {', '.join(strange)} }}\n")
    asker = Asker(t.client)
    asker.ask("n1.example.net")
    until(lambda: d.counters()["answers_dropped"] >= 2, "it is dropped, and dropped again")
    asker.sock.setblocking(False)
    try:
        check(not asker.sock.recv(1), "nothing can be read")
    except BlockingIOError:
        pass
    expect(t.client.tcp("20.70.0.1").result, "reset", "before")
    asker.sock.settimeout(10 * PATIENCE)
    t.gw.nft(f"delete element inet nfqdn name4 {{ {', '.join(strange)} }}\n")
    expect(asker.read().addresses(), ["20.70.0.1"], "the answer, in the end")
    expect(t.client.tcp("20.70.0.1", read=False).result, "open", "its address")


@case("the asker's groups count over TCP, too")
def groups(t):
    t.simple(clients=2)
    t.dns(t.inet, {"*.example.net": "20.70.0.1"})
    t.gateway(allow='kiosk: { names = "*.example.net"; clients = "10.1.0.3"; };')
    for source, result in (("10.1.0.2", "reset"), ("10.1.0.3", "open")):
        t.client.lookup(RESOLVER, "n1.example.net", tcp=True, source=source)
        expect(t.client.tcp("20.70.0.1", source=source).result, result, source)
    expect(t.client.tcp("20.70.0.1", source="10.1.0.2").result, "reset", "the other one still")


def tool(name):
    if not shutil.which(name):
        raise Skip(f"{name} is not installed")


@case("dig +tcp, and kdig with several queries on one connection")
def tools(t):
    tool("dig")
    tool("kdig")
    t.simple()
    t.dns(t.inet, lambda q: [dnswire.a(q.wire, address_of(number_of(q.name)), 300)])
    d = t.gateway(allow=WEB)
    expect(t.client.run(f"dig +tcp +short @{RESOLVER} n1.example.net").stdout.split(), [address_of(1)], "dig")
    expect(t.client.tcp(address_of(1)).result, "open", "dig's address")
    names = [f"n{i}.example.net" for i in range(2, 12)]
    done = t.client.run(["kdig", "+tcp", "+keepopen", "+short", f"@{RESOLVER}", *names])
    expect(done.stdout.split(), [address_of(i) for i in range(2, 12)], "kdig")
    for i in range(2, 12):
        expect(t.client.tcp(address_of(i)).result, "open", f"kdig's address {i}")
    expect(d.counters()["tcp_flows"], 2, "flows")


@case("unbound beside the clients asks over TCP, several questions on one connection")
def unbound(t):
    tool("unbound")
    t.simple()
    asked = t.dns(t.inet, lambda q: [dnswire.a(q.wire, address_of(number_of(q.name)), 300)]).asked
    conf = t.folder / "unbound.conf"
    conf.write_text("""server:
  interface: 127.0.0.1
  do-not-query-localhost: no
  username: ""
  chroot: ""
  directory: "/"
  pidfile: ""
  use-syslog: no
  module-config: "iterator"
  num-threads: 1
  tcp-upstream: yes
remote-control:
  control-enable: no
forward-zone:
  name: "."
  forward-addr: 10.2.0.2
""", encoding="ascii")
    d = t.gateway(allow=WEB)
    t.program(t.client, ["unbound", "-d", "-p", "-c", str(conf)], lambda: t.client.query("127.0.0.1", "n1.example.org").answers)
    for i in range(10, 40):
        expect(t.client.lookup("127.0.0.1", f"n{i}.example.net"), [address_of(i)], f"n{i}")
        expect(t.client.tcp(address_of(i)).result, "open", address_of(i))
    expect({q.tcp for q in asked}, {True}, "unbound asks over TCP")
    counters = d.counters()
    check(counters["tcp_flows"] < 10, f"one connection for many: {counters['tcp_flows']} flows")
    # A connection that unbound gave up, to ask again, may bring the late answer once more after its end.
    again = len(asked) - len({(q.name.lower(), q.kind) for q in asked})
    unread = counters["tcp_segments_unsynchronised"]
    check(not unread or again, f"segments unread: {unread}, though nothing was asked again")


@case("a resolver on the gateway answers over TCP")
def on_the_gateway(t):
    t.simple()
    t.dns(t.gw, {"*.example.net": ["20.70.0.1", "2603:1030::70"]})
    d = t.gateway(allow=WEB, resolvers=["10.1.0.1", "fd00:1::1"])
    for resolver, kind, address in (("10.1.0.1", dnswire.A, "20.70.0.1"), ("fd00:1::1", dnswire.AAAA, "2603:1030::70")):
        expect(t.client.lookup(resolver, "www.example.net", kind, tcp=True), [address], "the answer")
        expect(t.client.tcp(address).result, "open", address)
    before = d.counters()["tcp_segments"]
    t.gw.lookup("10.1.0.1", "www.example.net", tcp=True)
    expect(d.counters()["tcp_segments"], before, "the gateway's own question on lo is not held")


if __name__ == "__main__":
    main()
