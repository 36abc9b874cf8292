#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Thousands of addresses that come and go all the time. What the daemon believes to be in the kernel is there and nothing else, nothing starves meanwhile.
NFQDN_TEST_CHURN: seconds (12); NFQDN_TEST_CHURN_ELEMENTS: learned at a time (20000); NFQDN_TEST_CHURN_RATE: new ones a second, if the machine can (2000)."""
import os
import pathlib
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import dnswire  # noqa: E402
import packets  # noqa: E402
from netns import PATIENCE, case, check, elements, expect, main, until  # noqa: E402

SECONDS = float(os.environ.get("NFQDN_TEST_CHURN", "12"))
ELEMENTS = int(os.environ.get("NFQDN_TEST_CHURN_ELEMENTS", "20000"))
RATE = int(os.environ.get("NFQDN_TEST_CHURN_RATE", "2000"))
EACH = 8  # addresses in an answer
WEB = 'web: { names = "*.example.net"; };'
LIFE = max(1, ELEMENTS // RATE)


def address_of(number):
    return f"20.{128 + (number >> 16 & 63)}.{number >> 8 & 255}.{number & 255}"


def kernel_count(net, name):
    """Elements of a set by the kernel's own count, those included that are dead and not collected yet; None where it does not tell (before Linux 6.15 or so)."""
    def attribute(kind, data):
        return struct.pack("HH", 4 + len(data), kind) + data + b"\0" * (-len(data) % 4)
    with net:
        sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
    with sock:
        sock.settimeout(5 * PATIENCE)
        body = struct.pack("BBH", 1, 0, 0) + attribute(1, b"nfqdn\0") + attribute(2, name.encode() + b"\0")
        sock.send(struct.pack("IHHII", 16 + len(body), 0xa0a, 1, 1, 0) + body)
        data = sock.recv(65536)
    offset = 20
    while offset + 4 <= len(data):
        size, kind = struct.unpack_from("HH", data, offset)
        if kind & 0x3fff == 20:
            return struct.unpack_from("!I", data, offset + 4)[0]
        offset += max(4, (size + 3) & ~3)
    return None


class Churn(threading.Thread):
    """Answers with EACH new addresses each, so many that RATE addresses come a second, or as many as the machine sends."""

    def __init__(self, t, server):
        super().__init__(daemon=True)
        self.sock = t.client.socket(kind=socket.SOCK_DGRAM)
        self.sock.connect(("10.2.0.2", 53))
        self.sock.send(dnswire.query("flood.example.net", number=7))
        until(lambda: server.count("flood.example.net"), "the question arrived")
        self.port, self.mac, self.next, self.over = self.sock.getsockname()[1], bytes.fromhex(t.gw.mac("up0").replace(":", "")), 0, False
        with t.inet:
            self.raw = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        self.start()

    def run(self):
        began = time.monotonic()
        while not self.over:
            wait = began + self.next / RATE - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            elif wait < -1:  # what was missed is not caught up with
                began -= wait
            name = f"n{self.next}.example.net"
            records = [dnswire.a(name, address_of(self.next + i), LIFE) for i in range(EACH)]
            packet = packets.udp("10.2.0.2", 53, "10.1.0.2", self.port, dnswire.response(7, name, dnswire.A, records))
            self.raw.sendto(packet, ("eth0", 0x0800, 0, 0, self.mac))
            self.next += EACH

    def end(self):
        self.over = True
        self.join()


def zone(q):
    label = q.name.split(".")[0]
    if label == "flood":
        return None
    return [dnswire.a(q.wire, f"20.250.{int(label[1:]) >> 8 & 255}.{int(label[1:]) & 255}", 1 + int(30 * PATIENCE))]


@case("addresses that come and go by the thousand: kernel and daemon agree within 2 %, first packets pass, reloads and control commands go on", seconds=60 + 3 * SECONDS + 3 * LIFE)
def churn(t):
    t.simple()
    server = t.dns(t.inet, zone)
    # More than there are at a time: nothing is evicted.
    d = t.gateway(allow=WEB, lifetime={"grace": 0, "min": 1, "max": 86400}, limits={"elements": ELEMENTS * 2 + 10000})
    load = Churn(t, server)
    until(lambda: d.counters()["elements_expired"] > 0, "what came first goes", 20 + 2 * LIFE)
    before, first, began, turn, apart, most, slowest = d.counters(), load.next, time.monotonic(), 0, [], 0, 0.0
    while time.monotonic() < began + SECONDS:
        turn += 1
        asked = time.monotonic()
        t.client.lookup("10.2.0.2", f"c{turn}.example.net")
        slowest = max(slowest, time.monotonic() - asked)
        expect(t.client.tcp(f"20.250.{turn >> 8 & 255}.{turn & 255}").result, "open", f"first packet {turn}")
        if turn % 5:
            continue
        # Counted before and after: what changed between is no difference.
        low, count, high = d.status()["learned"]["ipv4"], kernel_count(t.gw, "name4"), d.status()["learned"]["ipv4"]
        most = max(most, low, high)
        if count is not None:
            off = max(0, min(low, high) - count, count - 1 - max(low, high))
            apart.append(off / max(low, high))
        if turn % 50 == 0:
            d.reload()
        if turn % 50 == 25:
            expect(d.ctl("why", f"20.250.{turn >> 8 & 255}.{turn & 255}", "tcp/443").returncode, 0, "why")
            expect(t.client.tcp("20.127.0.1").result, "reset", "an address that nobody taught")
    seconds = time.monotonic() - began
    after, sent = d.counters(), load.next - first
    load.end()
    done = {key: after[key] - before[key] for key in ("elements_added", "elements_expired", "elements_evicted", "answers_dropped", "transactions_failed", "transactions_lost",
                                                      "queue_overruns", "verdict_errors")}
    changes = done["elements_added"] + done["elements_expired"]
    print(f"# {seconds:.0f} s: {sent / seconds:.0f} addresses a second sent, {changes / seconds:.0f} changes a second, {most} learned at most, {turn} first packets, "
          f"longest lookup {1000 * slowest:.1f} ms, longest hold {after['hold_microseconds_max'] / 1000:.1f} ms, apart at most {100 * max(apart, default=0):.2f} %", flush=True)
    check(changes > 100, "something came and went")
    expect([done[k] for k in ("elements_evicted", "answers_dropped", "transactions_failed", "transactions_lost", "verdict_errors")], [0] * 5, "evicted, dropped, failed, lost, verdicts")
    # One reading may fall into a collection of dead elements that lags by a second of life; more may not.
    # (A kernel that does not tell its count is asked below only.)
    apart = sorted(apart) or [0]
    check(apart[len(apart) * 9 // 10] <= 0.02, f"kernel and daemon are {100 * apart[-1]:.1f} % apart")
    # Without the load the rest ends, too.
    until(lambda: d.counters()["elements_expired"] > after["elements_expired"], "it goes on to end")
    until(lambda: d.status()["learned"]["ipv4"] <= turn, "what was churned is gone", 10 + 2 * LIFE)
    until(lambda: {e["key"][0] for e in elements(t.gw, "name4")} == {e["address"] for e in d.learned()}, "kernel and daemon agree", 10)


if __name__ == "__main__":
    main()
