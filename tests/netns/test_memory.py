#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What nfqdnd takes of a small machine's memory: idle, with much learned, and that answers without end do not make it more.
NFQDN_TEST_ANSWERS: how many answers after the warm state (30000)."""
import os
import pathlib
import re
import socket
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import dnswire  # noqa: E402
import packets  # noqa: E402
from netns import ROOT, Skip, case, check, expect, main, until  # noqa: E402

ANSWERS = int(os.environ.get("NFQDN_TEST_ANSWERS", "30000"))
SERVICES = "intune: { service = \"intune\"; }; pa: { service = \"power-automate\"; }; bi: { service = \"power-bi\"; };"
WEB = 'web: { names = [ "*.example.net", "*.example.org" ]; };'
CONNECTORS = 'sql: { service = "power-automate"; features = [ "connectors" ]; to = "10.1.0.2"; ports = "tcp/1433"; };'
MIB = 1024
ELEMENTS = 5000


def memory(d, key="VmRSS"):
    """KiB."""
    text = pathlib.Path(f"/proc/{d.process.pid}/status").read_text(encoding="ascii")
    found = {name: int(value) for name, value in re.findall(r"^(\w+):\s+(\d+) kB", text, re.MULTILINE)}
    if found["VmSize"] > 1 << 20:
        raise Skip("a sanitizer's memory is not ours")
    return found[key]


class Answers:
    """Answers to one flow of the client's, without end, as the internet's side of the gateway sends them."""

    def __init__(self, t, d):
        self.d, self.at, self.sock = d, 0, t.client.socket(kind=socket.SOCK_DGRAM)
        server = t.dns(t.inet, lambda q: None)
        self.sock.connect(("10.2.0.2", 53))
        self.sock.send(dnswire.query("flow.example.net", number=7))
        until(lambda: server.count("flow.example.net"), "the question arrived")
        self.port, self.mac = self.sock.getsockname()[1], bytes.fromhex(t.gw.mac("up0").replace(":", ""))
        with t.inet:
            self.raw = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)

    def packet(self, name, records):
        return packets.udp("10.2.0.2", 53, "10.1.0.2", self.port, dnswire.response(7, name, dnswire.A, records))

    def seen(self):
        return self.d.counters()["packets_queued"]

    def send(self, made, count):
        """Until nfqdnd has seen `count` more; a few hundred at a time, so that its queue holds them."""
        goal = self.seen() + count
        while (now := self.seen()) < goal:
            for _ in range(min(400, goal - now)):
                self.raw.sendto(made[self.at % len(made)], ("eth0", 0x0800, 0, 0, self.mac))
                self.at += 1


def addresses(name, first, ttl, count=8):
    return [dnswire.a(name, f"20.{128 + (n >> 16)}.{n >> 8 & 255}.{n & 255}", ttl) for n in range(first, first + count)]


@case("idle with the built-in catalog: under 2 MiB of its own, under 5 with the pages of a large C library (4 is the goal, told)")
def idle(t):
    t.simple()
    d = t.gateway(allow=SERVICES, catalog=[str(ROOT / "data")])
    used, own = memory(d), memory(d, "RssAnon")
    print(f"# {used} KiB idle, {own} of them its own alone", flush=True)
    check(used < 5 * MIB and own < 2 * MIB, f"{used} KiB, {own} of them its own")


@case("10,000 learned addresses and the connectors' list: under 16 MiB resident, after a reload, too")
def full(t):
    t.simple()
    d = t.gateway(allow=SERVICES + WEB, inbound=CONNECTORS, catalog=[str(ROOT / "data")])
    memory(d)
    answers = Answers(t, d)
    made = [answers.packet(f"n{n}.example.net", addresses(f"n{n}.example.net", n, 3600)) for n in range(0, 10000, 8)]
    answers.send(made, len(made))
    until(lambda: (answers.send(made, len(made) // 4), d.status()["learned"]["ipv4"] >= 10000)[1], "all is learned")
    used = memory(d)
    d.reload()
    expect(d.status()["learned"]["ipv4"], 10000, "learned after the reload")
    print(f"# {used} KiB, {memory(d, 'VmHWM')} at most with a reload", flush=True)
    check(memory(d, "VmHWM") < 16 * MIB, f"{used} KiB, {memory(d, 'VmHWM')} at most")


def kinds(answers):
    """Known names, such as come and go, chains, names of nobody's policy, and what cannot be read: more than any table for reports holds."""
    broken = dnswire.response(7, "n1.example.net", dnswire.A, addresses("n1.example.net", 1, 60, 1))[:-3]
    made = []
    for n in range(3000):
        known, fleeting, target = f"n{n % 500}.example.net", f"s{n}.example.org", f"t{n}.elsewhere.test"
        made += [answers.packet(known, addresses(known, n % 500 * 4, 3600, 4)), answers.packet(fleeting, addresses(fleeting, 65536 + n, 1, 1)),
                 answers.packet(fleeting, [dnswire.cname(fleeting, target, 5), dnswire.a(target, f"20.200.{n >> 8}.{n & 255}", 1)]),
                 answers.packet(f"u{n}.other.test", addresses(f"u{n}.other.test", n, 60, 2)),
                 packets.udp("10.2.0.2", 53, "10.1.0.2", answers.port, broken)]
    return made


def as_many_as_may_be(d, answers):
    """Learned at a time: what is allocated once is touched once, and how many there are later depends on the machine's speed."""
    most = [answers.packet(f"m{n}.example.org", addresses(f"m{n}.example.org", 131072 + n, 5)) for n in range(0, 6000, 8)]
    until(lambda: (answers.send(most, len(most)), d.status()["learned"]["ipv4"] >= ELEMENTS)[1], "all that the limit allows is learned", 30)


def come_and_go(d, answers, made, count):
    for _ in range(0, count, 10000):
        gone = d.counters()["elements_expired"]
        answers.send(made, 10000)
        until(lambda gone=gone: d.counters()["elements_expired"] > gone, "some go")


@case(f"no growth over {ANSWERS} answers of each kind, with elements that come and go", seconds=120 + ANSWERS // 500)
def growth(t):
    t.simple()
    d = t.gateway(allow=WEB, lifetime={"grace": 0, "min": 1, "max": 86400}, limits={"elements": ELEMENTS}, state_interval=1)
    answers = Answers(t, d)
    memory(d)
    made = kinds(answers)
    as_many_as_may_be(d, answers)
    come_and_go(d, answers, made, 3 * len(made))
    warm, began = memory(d, "RssAnon"), d.counters()
    come_and_go(d, answers, made, ANSWERS)
    after, done = memory(d, "RssAnon"), d.counters()
    grown = {key: done[key] - began[key] for key in ("answers_taught", "elements_expired", "answers_malformed")}
    check(all(grown.values()), f"each kind came: {grown}")
    print(f"# {warm} KiB of its own when warm, {after} after {ANSWERS} answers more; {grown}", flush=True)
    # Buffers of a reply or of the state file, there for a moment: up to 52 KiB with musl, none with glibc, and no more after three million.
    check(after <= warm + 96, f"{warm} KiB before, {after} after {ANSWERS} answers")


if __name__ == "__main__":
    main()
