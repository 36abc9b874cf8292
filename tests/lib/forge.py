# SPDX-License-Identifier: GPL-2.0-or-later
"""Answers that somebody makes up in the resolver's name, and the genuine ones beside them: the same message, so that a forgery fails for its way alone."""
import ipaddress
import socket

import dnswire
import packets
from netns import IPV6_PKTINFO, check, family_of, until

NAME, NUMBER = "www.example.net", 77


def silent(question):
    """A resolver's handler that leaves every question open."""
    del question


def kind_of(family):
    return dnswire.AAAA if family == 6 else dnswire.A


def message(family, address, name=NAME):
    return dnswire.response(NUMBER, name, kind_of(family), [dnswire.address(name, address, 300)])


def open_flow(net, family, resolver, server, source=None):
    """A query that nobody answers: (socket, its port). The flow is in conntrack when the resolver has it."""
    seen = len(server.asked)
    sock = net.socket(family_of(resolver), socket.SOCK_DGRAM)
    sock.settimeout(3)
    if source:
        sock.bind((source, 0))
    sock.connect((resolver, 53))
    sock.send(dnswire.query(NAME, kind_of(family), NUMBER))
    until(lambda: len(server.asked) > seen, "the resolver received the query")
    return sock, sock.getsockname()[1]


def packet(family, address, resolver, client, port):
    """The answer as it is on the wire, from the resolver to the client."""
    return packets.udp(resolver, 53, client, port, message(family, address))


def reply(server, family, address):
    """The resolver (`server`, a Dns) answers the question that it received last, from the address that was asked."""
    question = server.asked[-1]
    source, destination = (ipaddress.ip_address(a) for a in (question.source[0], question.destination))
    mapped = [a.packed if a.version == 6 else bytes(10) + b"\xff\xff" + a.packed for a in (source, destination)]
    back = [(socket.IPPROTO_IPV6, IPV6_PKTINFO, mapped[1] + bytes(4))]
    server.udp.sendmsg([message(family, address)], back, 0, (str(ipaddress.IPv6Address(mapped[0])), question.source[1]))


def genuine_teaches(d, server, family, address, sock):
    """The message that a forger could not teach with, from the resolver itself."""
    reply(server, family, address)
    check(sock.recv(2000), "the genuine answer arrives")
    check(d.knows(address), "the genuine answer teaches")
