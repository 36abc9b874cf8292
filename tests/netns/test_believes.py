#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Whose answers are believed. Each forged answer is also sent from the right place, where it must teach: so the forgery fails for the place alone."""
import pathlib
import socket
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import dnswire  # noqa: E402
import packets  # noqa: E402
from netns import case, check, expect, main, until  # noqa: E402

WEB = 'web: { names = "*.example.net"; };'
RESOLVER = {4: "10.2.0.2", 6: "fd00:2::2"}
CLIENT = {4: "10.1.0.2", 6: "fd00:1::2"}
OTHER = {4: "10.3.0.2", 6: "fd00:3::2"}
LEARNED = {4: "20.70.0.1", 6: "2603:1030::70"}


def silent(question):
    del question
    return None


def open_flow(net, family, resolver, server):
    """A query that nobody answers: (socket, its port). The flow is in conntrack when the resolver has it."""
    seen = len(server.asked)
    sock = net.socket(socket.AF_INET6 if family == 6 else socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(3)
    sock.connect((resolver, 53))
    sock.send(dnswire.query("www.example.net", dnswire.AAAA if family == 6 else dnswire.A, 77))
    until(lambda: len(server.asked) > seen, "the resolver received the query")
    return sock, sock.getsockname()[1]


def answer(family, resolver, client, port, number=77):
    kind = dnswire.AAAA if family == 6 else dnswire.A
    data = dnswire.response(number, "www.example.net", kind, [dnswire.address("www.example.net", LEARNED[family], 300)])
    return packets.udp(resolver, 53, client, port, data)


def genuine_teaches(t, d, family, resolver, client, port, sock):
    """The same packet from the resolver's side."""
    packets.send(t.inet, "eth0", t.gw.mac("up0"), answer(family, resolver, client, port))
    check(sock.recv(2000), "the genuine answer arrives")
    check(d.knows(LEARNED[family]), "the genuine answer teaches")


@case("a resolver of the client's own choice teaches nothing, even where it can be reached", tags=["smoke"])
def own_resolver(t):
    t.simple()
    t.dns(t.inet, {"www.example.net": list(LEARNED.values())})
    # 10.2.0.9 is in `local`, so that its answer comes through; nobody trusts it.
    t.inet.ip("addr add 10.2.0.9/24 dev eth0", "addr add fd00:2::9/64 dev eth0 nodad")
    d = t.gateway(allow=WEB)
    for resolver, kind, address in (("10.2.0.9", dnswire.A, LEARNED[4]), ("fd00:2::9", dnswire.AAAA, LEARNED[6])):
        for tcp in (False, True):
            expect(t.client.lookup(resolver, "www.example.net", kind, tcp=tcp), [address], f"{resolver} answers")
        expect(d.learned(), [], f"learned from {resolver}")
        expect(t.client.tcp(address).result, "reset", address)
    t.client.lookup("10.2.0.2", "www.example.net")
    expect(t.client.tcp(LEARNED[4]).result, "open", "after the trusted resolver answered")


@case("a response that nobody asked for teaches nothing", tags=["smoke"])
def unsolicited(t):
    t.simple()
    server = t.dns(t.inet, silent)
    d = t.gateway(allow=WEB)
    sinks = {}
    for family in (4, 6):
        sink = t.client.socket(socket.AF_INET6 if family == 6 else socket.AF_INET, socket.SOCK_DGRAM)
        sink.settimeout(3)
        sink.bind((CLIENT[family], 5555))
        sinks[family] = sink
        packets.send(t.inet, "eth0", t.gw.mac("up0"), answer(family, RESOLVER[family], CLIENT[family], 5555))
        check(sink.recv(2000), "it passes")
    expect(d.learned(), [], "learned")
    for family in (4, 6):
        sock, port = open_flow(t.client, family, RESOLVER[family], server)
        genuine_teaches(t, d, family, RESOLVER[family], CLIENT[family], port, sock)


@case("an answer that a client forges to itself through the gateway, in a flow it opened, teaches nothing", tags=["kernel", "smoke"])
def to_itself(t):
    t.simple()
    server = t.dns(t.inet, silent)
    d = t.gateway(allow=WEB)
    for number, family in enumerate((4, 6), 1):
        sock, port = open_flow(t.client, family, RESOLVER[family], server)
        packets.send(t.client, "eth0", t.gw.mac("lan0"), answer(family, RESOLVER[family], CLIENT[family], port))
        until(lambda number=number: d.counters()["kernel_snoop_unlearned_interface_packets"] >= number, "the forged answer is counted")
        expect((d.learned(), d.counters()["packets_queued"] - (number - 1)), ([], 0), f"learned, held (IPv{family})")
        expect(t.client.tcp(LEARNED[family]).result, "reset", LEARNED[family])
        genuine_teaches(t, d, family, RESOLVER[family], CLIENT[family], port, sock)
        d.reload(t.config(allow='other: { names = "*.other.test"; };'))
        expect(d.learned(), [], "forgotten after a reload without the entry")
        d.reload(t.config(allow=WEB))


@case("an answer that a client forges to a neighbour on another segment teaches nothing", tags=["smoke"])
def to_a_neighbour(t):
    t.simple()
    t.second_segment()
    server = t.dns(t.inet, silent)
    d = t.gateway(allow=WEB, interfaces=["lan*"])
    for number, family in enumerate((4, 6), 1):
        sock, port = open_flow(t.client, family, RESOLVER[family], server)
        packets.send(t.client2, "eth0", t.gw.mac("lan1"), answer(family, RESOLVER[family], CLIENT[family], port))
        until(lambda number=number: d.counters()["kernel_snoop_unlearned_interface_packets"] >= number, "the forged answer is counted")
        expect(t.client.tcp(LEARNED[family]).result, "reset", LEARNED[family])
        check(not d.knows(LEARNED[family]), "not learned")
        genuine_teaches(t, d, family, RESOLVER[family], CLIENT[family], port, sock)


@case("the same from a segment that nobody named: an answer that enters where its receiver lives", tags=["smoke"])
def where_the_receiver_lives(t):
    # lan0 is not among `interfaces`: only the path tells.
    t.simple()
    t.second_segment()
    server = t.dns(t.inet, silent)
    d = t.gateway(allow=WEB, interfaces=["lan1"])
    for number, family in enumerate((4, 6), 1):
        sock, port = open_flow(t.client, family, RESOLVER[family], server)
        packets.send(t.client, "eth0", t.gw.mac("lan0"), answer(family, RESOLVER[family], CLIENT[family], port))
        until(lambda number=number: d.counters()["kernel_snoop_unlearned_path_packets"] >= number, "the forged answer is counted")
        check(not d.knows(LEARNED[family]), "not learned")
        genuine_teaches(t, d, family, RESOLVER[family], CLIENT[family], port, sock)


@case("an answer to another port than the one that asked, or from another port than 53, teaches nothing")
def other_ports(t):
    t.simple()
    server = t.dns(t.inet, silent)
    d = t.gateway(allow=WEB)
    sock, port = open_flow(t.client, 4, RESOLVER[4], server)
    sink = t.client.socket(kind=socket.SOCK_DGRAM)
    sink.settimeout(3)
    sink.bind((CLIENT[4], 0))
    packets.send(t.inet, "eth0", t.gw.mac("up0"), answer(4, RESOLVER[4], CLIENT[4], sink.getsockname()[1]))
    check(sink.recv(2000), "it arrives at another port")
    packet = answer(4, RESOLVER[4], CLIENT[4], port)
    source_5353 = packets.udp(RESOLVER[4], 5353, CLIENT[4], sink.getsockname()[1], packet[28:])
    packets.send(t.inet, "eth0", t.gw.mac("up0"), source_5353)
    check(sink.recv(2000), "it arrives from port 5353")
    expect(d.learned(), [], "learned")
    genuine_teaches(t, d, 4, RESOLVER[4], CLIENT[4], port, sock)


@case("a client's own packets to port 53 that look like answers are not read")
def query_with_answer(t):
    t.simple()
    server = t.dns(t.inet, silent)
    d = t.gateway(allow=WEB)
    # The original direction of a flow to the resolver, with QR set and an answer inside.
    data = dnswire.response(77, "www.example.net", dnswire.A, [dnswire.a("www.example.net", LEARNED[4], 300)])
    with t.client.socket(kind=socket.SOCK_DGRAM) as sock:
        sock.connect((RESOLVER[4], 53))
        for _ in range(3):
            sock.send(data)
    # From port 53 of the client too.
    packets.send(t.client, "eth0", t.gw.mac("lan0"), packets.udp(CLIENT[4], 53, RESOLVER[4], 53, data))
    until(lambda: len(server.asked) >= 4, "they arrived at the resolver")
    expect((d.learned(), d.counters()["packets_queued"]), ([], 0), "learned, held")


if __name__ == "__main__":
    main()
