#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The promise: a connection started the moment the answer arrives is never refused, and its first packet is never lost."""
import ipaddress
import json
import os
import pathlib
import select
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import dnswire  # noqa: E402
from netns import PATIENCE, Failed, case, check, expect, main  # noqa: E402

COUNT_TABLE = """table inet count {
 counter syn {
 }
 counter resets {
 }
 counter unreachable {
 }
 chain out {
 type filter hook output priority 0
 tcp flags & (syn | ack) == syn counter name syn
 }
 chain in {
 type filter hook input priority 0
 tcp flags & rst == rst counter name resets
 icmp type destination-unreachable counter name unreachable
 icmpv6 type destination-unreachable counter name unreachable
 }
}
"""


def address4(number):
    return str(ipaddress.IPv4Address("20.32.0.1") + number)


def address6(number):
    return str(ipaddress.IPv6Address("2603:1030::1") + number)


def fresh(question):
    """nNUMBER.fresh.example.net -> its own address."""
    number = int(question.name.split(".")[0][1:])
    if question.kind == dnswire.A:
        return [dnswire.a(question.wire, address4(number), 300)]
    return [dnswire.aaaa(question.wire, address6(number), 300)]


def one_client(t, index, numbers, seconds):
    """Runs in a process of its own: A and AAAA asked side by side on one socket, as glibc does; a connection to each answer's address the moment it
    is there. Returns [what went wrong]."""
    wrong, sockets = [], []
    for number in numbers:
        qname = f"n{number}.fresh.example.net"
        source4, source6 = f"10.1.0.{2 + index}", f"fd00:1::{2 + index:x}"
        # Made before the answer comes, so that nothing stands between it and the SYN.
        ready = {}
        for kind, family, source, to in ((dnswire.A, socket.AF_INET, source4, address4(number)), (dnswire.AAAA, socket.AF_INET6, source6, address6(number))):
            sock = t.client.socket(family)
            sock.setblocking(False)
            sock.bind((source, 0))
            ready[kind] = (sock, (to, 443))
            sockets.append((qname, to, sock))
        with t.client.socket(socket.AF_INET if index % 2 else socket.AF_INET6, socket.SOCK_DGRAM) as dns:
            dns.settimeout(seconds)
            dns.bind((source4 if index % 2 else source6, 0))
            dns.connect(("10.2.0.2" if index % 2 else "fd00:2::2", 53))
            dns.send(dnswire.query(qname, dnswire.A, dnswire.A))
            dns.send(dnswire.query(qname, dnswire.AAAA, dnswire.AAAA))
            for _ in range(2):
                try:
                    answer = dns.recv(2000)
                except OSError as error:
                    wrong.append(f"{qname}: no answer: {error!r}")
                    break
                sock, to = ready[answer[1]]
                sock.connect_ex(to)
        # Connections of before are looked at while the next names are asked for. Not too many at once: all clients come here at the same time, and
        # what they send to close them must not fill the thousand places that a processor has for packets (net.core.netdev_max_backlog).
        if len(sockets) >= 20:
            wrong += finish(sockets, seconds)
            sockets = []
    return wrong + finish(sockets, seconds)


def finish(sockets, seconds):
    wrong, deadline = [], time.monotonic() + seconds
    for qname, to, sock in sockets:
        poll = select.poll()
        poll.register(sock, select.POLLOUT)
        if not poll.poll(max(0, deadline - time.monotonic()) * 1000):
            wrong.append(f"{qname}: connection to {to} timed out")
        elif error := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            wrong.append(f"{qname}: connection to {to}: {os.strerror(error)}")
        sock.close()
    return wrong


def crowd(t, clients, names, seconds=10):
    """`clients` processes share `names`; what went wrong in all of them."""
    pipes = []
    for index in range(clients):
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            wrong = ["the client died"]
            try:
                wrong = one_client(t, index, names[index::clients], seconds * PATIENCE)
            finally:
                with os.fdopen(write, "w", encoding="utf-8") as out:
                    json.dump(wrong, out)
                os._exit(0)
        os.close(write)
        pipes.append((pid, read))
    wrong = []
    for pid, read in pipes:
        with os.fdopen(read, encoding="utf-8") as result:
            wrong += json.load(result)
        os.waitpid(pid, 0)
    return wrong


def no_packet_lost(t, d, wrong, names):
    check(not wrong, f"{len(wrong)} of {2 * names} went wrong:\n" + "\n".join(wrong[:20]))
    # An emulated machine may take more than the second after which TCP repeats a SYN that was not lost.
    repeated = t.client.snmp("TcpExt.TCPSynRetrans")
    check(repeated <= (0 if PATIENCE == 1 else names // 50), f"SYNs sent again: {repeated}")
    expect(t.client.counter("syn") - repeated, 2 * names, "SYNs that the clients sent: one a connection")
    expect((t.client.counter("resets"), t.client.counter("unreachable")), (0, 0), "resets and ICMP errors that clients received")
    counters = d.counters()
    # Where all this takes more than a minute, connection tracking has forgotten the first connections (CLOSE_WAIT) when the server closes them; what the
    # client says to that is a reply to a flow from outside.
    denied = counters["kernel_denied_packets"] - counters["kernel_denied_reply_packets"]
    expect((counters["answers_taught"], counters["answers_dropped"], denied), (2 * names, 0, 0), "answers that taught, that were dropped, packets denied")


@case("2,000 fresh names, IPv4 and IPv6, 20 clients at once: no first packet is lost or refused", tags=["first-packet"], seconds=120)
def two_thousand(t):
    t.simple(clients=20)
    t.dns(t.inet, fresh)
    d = t.gateway(allow='fresh: { names = "*.fresh.example.net"; };')
    t.client.nft(COUNT_TABLE)
    no_packet_lost(t, d, crowd(t, 20, list(range(2000))), 2000)


@case("the same while another program's transactions hold the kernel's commit lock", tags=["brief", "kernel", "smoke"], seconds=120)
def under_contention(t):
    t.simple(clients=8)
    t.dns(t.inet, fresh)
    d = t.gateway(allow='fresh: { names = "*.fresh.example.net"; };')
    t.client.nft(COUNT_TABLE)
    t.gw.nft("table inet other {\n set ranges {\n type ipv4_addr . inet_service; flags interval\n }\n}\n")
    fill = "flush set inet other ranges\nadd element inet other ranges { " + ", ".join(
        f"{30 + i // 250}.{i % 250}.1.3-{30 + i // 250}.{i % 250}.2.9 . {i + 1}-{i + 900}" for i in range(1500)) + " }\n"
    stop, rounds, problems = threading.Event(), [], []

    def others():
        while not stop.is_set():
            try:
                t.gw.nft(fill)
                rounds.append(1)
            except Failed as error:
                problems.append(str(error))
                return

    thread = threading.Thread(target=others)
    thread.start()
    try:
        wrong = crowd(t, 8, list(range(300)), seconds=20)
    finally:
        stop.set()
        thread.join()
    check(not problems, "\n".join(problems))
    check(rounds, "the other program committed")
    no_packet_lost(t, d, wrong, 300)


@case("an answer with 24 addresses opens all of them, and one with 200 that comes in IP fragments", tags=["smoke"])
def many_addresses(t):
    t.simple()
    # Each address in a block of its own.
    addresses = {"a24.example.net": [f"20.40.{i}.7" for i in range(24)], "a200.example.net": [f"20.41.{i}.7" for i in range(200)]}
    t.dns(t.inet, addresses)
    d = t.gateway(allow='many: { names = "*.example.net"; };')
    for qname, want in addresses.items():
        message = t.client.query("10.2.0.2", qname, edns=4096)
        expect(message.addresses(), want, "the answer")
        if len(want) == 200:
            check(len(message.wire) > 3000, "the answer does not fit in one packet")
        for address in want:
            expect(t.client.tcp(address).result, "open", f"{qname} {address}")
    expect(d.counters()["elements_added"], 224, "elements")


@case("an answer of 120 IPv6 addresses, asked by IPv6, in fragments, opens all of them")
def fragments6(t):
    t.simple()
    want = [f"2603:1030:{i:x}::7" for i in range(1, 121)]
    t.dns(t.inet, {"many.example.net": want})
    t.gateway(allow='many: { names = "*.example.net"; };')
    message = t.client.query("fd00:2::2", "many.example.net", dnswire.AAAA, edns=4096)
    expect(message.addresses(), want, "the answer")
    check(len(message.wire) > 3000, "the answer does not fit in one packet")
    for address in want:
        expect(t.client.tcp(address).result, "open", address)


if __name__ == "__main__":
    main()
