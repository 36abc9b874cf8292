#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""DNS never stands still, whatever becomes of the daemon."""
import pathlib
import signal
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import dnswire  # noqa: E402
import packets  # noqa: E402
from netns import PATIENCE, case, check, expect, main, until  # noqa: E402

SO_RCVBUFFORCE = 33
WEB = 'web: { names = "*.example.net"; };'


@case("a dead daemon: DNS passes at once and unlearned; a new start learns again", tags=["smoke"])
def dead(t):
    t.simple()
    t.dns(t.inet, {"*.example.net": ["20.180.0.1"]})
    d = t.gateway(allow=WEB)
    for way in (d.kill, d.stop):
        way()
        began = time.monotonic()
        for i in range(20):
            t.client.lookup("10.2.0.2", f"n{i}.example.net")
        check(time.monotonic() - began < 2 * PATIENCE, "answers come at once")
        expect(t.client.tcp("20.180.0.1").result, "reset", "unlearned")
        d.start()
    t.client.lookup("10.2.0.2", "www.example.net")
    expect(t.client.tcp("20.180.0.1").result, "open", "learned after the start")


@case("a stopped daemon: answers are held, and taught when it goes on", tags=["smoke"])
def stopped(t):
    t.simple()
    t.dns(t.inet, {"*.example.net": ["20.181.0.1"]})
    d = t.gateway(allow=WEB)
    d.signal(signal.SIGSTOP)
    with t.client.socket(kind=socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.connect(("10.2.0.2", 53))
        sock.send(dnswire.query("www.example.net", number=9))
        sock.settimeout(0.3)
        try:
            sock.recv(2000)
            check(False, "the answer came although the daemon stands still")
        except TimeoutError:
            pass
        d.signal(signal.SIGCONT)
        sock.settimeout(5)
        expect(dnswire.Message(sock.recv(2000)).addresses(), ["20.181.0.1"], "the answer that was held")
    expect(t.client.tcp("20.181.0.1").result, "open", "it taught")


@case("a stopped daemon and a full queue: DNS passes unlearned, is counted, and the daemon learns again afterwards", tags=["kernel", "smoke"])
def full_queue(t):
    t.simple()
    server = t.dns(t.inet, lambda q: None if q.name == "flood.example.net" else [dnswire.a(q.wire, "20.182.0.1" if q.name == "www.example.net" else "20.182.0.2", 300)])
    d = t.gateway(allow=WEB)
    d.signal(signal.SIGSTOP)
    # One flow, many answers as small as those that follow: they fill the queue (8,192 packets, or its socket before).
    sock = t.client.socket(kind=socket.SOCK_DGRAM)
    sock.settimeout(3)
    sock.connect(("10.2.0.2", 53))
    sock.send(dnswire.query("flood.example.net", number=7))
    until(lambda: server.asked, "the question arrived")
    answer = dnswire.response(7, "flood.example.net", dnswire.A, [dnswire.a("flood.example.net", "20.182.0.3", 300)])
    packet = packets.udp("10.2.0.2", 53, "10.1.0.2", sock.getsockname()[1], answer)
    mac = t.gw.mac("up0")
    with t.inet, socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as raw:
        to = ("eth0", 0x0800, 0, 0, bytes.fromhex(mac.replace(":", "")))
        for _ in range(20000):
            raw.sendto(packet, to)
    check(sock.recv(2000), "what the queue cannot hold passes")
    began = time.monotonic()
    expect(t.client.lookup("10.2.0.2", "www.example.net"), ["20.182.0.1"], "DNS while the queue is full")
    check(time.monotonic() - began < 2 * PATIENCE, "at once")
    expect(t.client.tcp("20.182.0.1").result, "reset", "unlearned")
    d.signal(signal.SIGCONT)
    until(lambda: d.status()["queue"]["waiting"] == 0, "the queue is empty again", 10)
    expect(t.client.lookup("10.2.0.2", "n1.example.net"), ["20.182.0.2"], "DNS afterwards")
    expect(t.client.tcp("20.182.0.2").result, "open", "it learns again")
    check(d.counters()["answers"] > 1000, "what was held was read")
    check(d.counters()["queue_overruns"] + d.status()["queue"]["dropped"] >= 1, "the overflow is counted")


@case("on-overload = drop: with a full queue answers are lost instead of passing unlearned")
def overload_drop(t):
    t.simple()
    server = t.dns(t.inet, lambda q: None if q.name == "flood.example.net" else [dnswire.a(q.wire, "20.183.0.1", 300)])
    d = t.gateway(allow=WEB, on_overload="drop")
    d.signal(signal.SIGSTOP)
    sock = t.client.socket(kind=socket.SOCK_DGRAM)
    sock.connect(("10.2.0.2", 53))
    sock.send(dnswire.query("flood.example.net", number=7))
    until(lambda: server.asked, "the question arrived")
    answer = dnswire.response(7, "flood.example.net", dnswire.A, [dnswire.a("flood.example.net", "20.182.0.3", 300)])
    packet = packets.udp("10.2.0.2", 53, "10.1.0.2", sock.getsockname()[1], answer)
    mac = t.gw.mac("up0")
    with t.inet, socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as raw:
        to = ("eth0", 0x0800, 0, 0, bytes.fromhex(mac.replace(":", "")))
        for _ in range(20000):
            raw.sendto(packet, to)
    try:
        t.client.query("10.2.0.2", "www.example.net", seconds=0.5)
        check(False, "an answer passed unlearned")
    except TimeoutError:
        pass
    d.signal(signal.SIGCONT)
    until(lambda: d.status()["queue"]["waiting"] == 0, "the queue is empty again", 10)
    t.client.lookup("10.2.0.2", "www.example.net")
    expect(t.client.tcp("20.183.0.1").result, "open", "it learns again")


@case("20,000 answers at full speed: none is lost, all are read")
def full_speed(t):
    t.simple()
    server = t.dns(t.inet, lambda q: None)
    d = t.gateway(allow=WEB)
    sock = t.client.socket(kind=socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
    sock.connect(("10.2.0.2", 53))
    sock.send(dnswire.query("www.example.net", number=7))
    until(lambda: server.asked, "the question arrived")
    mac, port = t.gw.mac("up0"), sock.getsockname()[1]
    with t.inet, socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as raw:
        to = ("eth0", 0x0800, 0, 0, bytes.fromhex(mac.replace(":", "")))
        for i in range(20000):
            record = dnswire.a("www.example.net", f"20.184.{i // 250}.{i % 250 + 1}", 300)
            raw.sendto(packets.udp("10.2.0.2", 53, "10.1.0.2", port, dnswire.response(7, "www.example.net", dnswire.A, [record])), to)
    until(lambda: d.counters()["answers"] == 20000, "all are read", 20)
    expect((d.counters()["answers_dropped"], d.status()["queue"]["dropped"]), (0, 0), "dropped")
    got = 0
    sock.setblocking(False)
    while True:
        try:
            sock.recv(2000)
            got += 1
        except BlockingIOError:
            break
    expect(got, 20000, "answers that the client received")


if __name__ == "__main__":
    main()
