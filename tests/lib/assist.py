# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of the kernel module and of the eBPF program share."""
import pathlib
import random
import socket

import dnswire
from netns import check, expect

WEB = 'web: { names = [ "*.example.net", "www.example.com", "files-*.example.org" ]; };'
ZONE = {"www.example.net": ["20.140.0.1"], "www.example.com": ["20.140.0.2"], "files-7.example.org": ["20.140.0.3"],
        "other.example.org": ["20.140.0.4"], "example.net": ["20.140.0.5"]}


def queued(d):
    return d.counters()["packets_queued"]


def stays(t, d, config, reason):
    """A reload to this configuration is refused for this reason, and the old policy, WEB, still decides."""
    before = d.counters()["reloads_refused"]
    done = d.reload(config, ok=None)
    check(done.returncode != 0, "the reload is refused")
    for part in ("gateway.kernel-assist", '"require"', reason):
        check(part in done.stdout + done.stderr, f"{part!r} in {done.stdout + done.stderr!r}")
    expect(d.counters()["reloads_refused"] - before, 1, "reloads refused")
    t.client.lookup("10.2.0.2", "www.example.net")
    t.client.lookup("10.2.0.2", "other.example.org")
    expect((t.client.tcp("20.140.0.1").result, t.client.tcp("20.140.0.4").result), ("open", "reset"), "old names and new ones")


def samples():
    """DNS messages: the fuzz corpus, some made up, and mutations."""
    rng = random.Random(11)
    found = [p.read_bytes() for p in sorted((pathlib.Path(__file__).resolve().parents[1] / "fuzz/corpus/dns_message").iterdir())]
    for qname in list(ZONE) * 3:
        found.append(dnswire.response(1, qname, dnswire.A, [dnswire.a(qname, "20.1.1.1", rng.randrange(400)), dnswire.a(qname, "20.1.1.2")]))
    for data in list(found):
        for _ in range(3):
            other = bytearray(data)
            for _ in range(rng.randrange(1, 4)):
                if other:
                    other[rng.randrange(len(other))] = rng.randrange(256)
            found.append(bytes(other))
    return [data for data in found if 0 < len(data) <= 1400]


def answer(t, data):
    """The client asks, and the resolver answers with these octets, whatever they are: both by hand, on one flow."""
    server = t.inet.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client = t.client.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("10.2.0.2", 53))
    client.settimeout(5)
    server.settimeout(5)
    client.sendto(b"question", ("10.2.0.2", 53))
    _, peer = server.recvfrom(2000)
    server.sendto(data, peer)
    expect(client.recv(4000), data, "what arrives")
    client.close()
    server.close()
