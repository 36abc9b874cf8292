# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of the kernel module and of the eBPF program share."""
import pathlib
import random
import socket

import signal

import dnswire
import packets
from netns import check, expect, until

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


def derived_names_are_seen(t, start):
    """A derived name is seen as soon as its origin's answer passes, and after a reload. `start()` starts the daemon."""
    records = {"www.example.net": [dnswire.cname("www.example.net", "edge.cdn.test", 300)], "edge.cdn.test": [dnswire.a("edge.cdn.test", "20.141.0.1", 300)]}
    t.dns(t.inet, lambda q: [r for r in records.get(q.name, []) if r.kind in (q.kind, dnswire.CNAME)])
    d = start()
    t.client.query("10.2.0.2", "edge.cdn.test")
    expect((queued(d), t.client.tcp("20.141.0.1").result), (0, "reset"), "before")
    t.client.query("10.2.0.2", "www.example.net")
    t.client.query("10.2.0.2", "edge.cdn.test")
    expect((queued(d), t.client.tcp("20.141.0.1").result), (2, "open"), "after")
    d.reload()
    t.client.query("10.2.0.2", "edge.cdn.test")
    expect(queued(d), 3, "packets queued: a reload does not forget derived names")


def messages_teach_the_same(t, **options):
    """The same messages teach the same with assist and without it."""
    messages, learned = samples(), {}
    for assist in ("off", "require"):
        name = f"d_{assist}"
        d = t.daemon(t.gw, t.config(allow=WEB, kernel_assist=assist, name=name, table=name, **options), name=name)
        for data in messages:
            answer(t, data)
        learned[assist] = sorted((e["address"], e["port"], tuple(e["names"])) for e in d.learned())
        print(f"# {assist}: {queued(d)} of {len(messages)} messages queued, {len(learned[assist])} addresses learned")
        d.stop()
        t.gw.nft(f"delete table inet {name}\n")
    expect(learned["require"], learned["off"], "learned")
    check(learned["off"], "something was learned")


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


# ---- the names of what passes (report-names)

def told(t, d, address):
    """Name and reason of a denial."""
    expect(t.client.tcp(address).result, "reset", address)
    found = until(lambda: [r for r in d.json("denied") if r["address"] == address], f"{address} is among the denied")
    return found[0]["name"], found[0]["why"]


def flow(t, qname):
    """A question of the client, and its port: what the resolver's side sends there next is an answer of that flow."""
    client = t.client.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.settimeout(10)
    client.connect(("10.2.0.2", 53))
    client.send(dnswire.query(qname, dnswire.A, 77))
    client.recv(2000)
    return client, client.getsockname()[1]


def response(port, qname, address):
    return packets.udp("10.2.0.2", 53, "10.1.0.2", port, dnswire.response(77, qname, dnswire.A, [dnswire.a(qname, address, 300)]))


UNRELATED = {**ZONE, "files.other.test": ["20.140.0.8"], "more.other.test": ["20.140.0.9"], "*.flood.test": ["20.140.0.10"],
             **{f"f{i}.example.net": [f"20.141.0.{i + 1}"] for i in range(40)}}


def names_are_told(t, d):
    """With report-names = "all" an answer that nothing matches passes unheld, and a copy tells the name. Not of one that a client
    has made."""
    t.client.lookup("10.2.0.2", "files.other.test")
    expect((queued(d), told(t, d, "20.140.0.8")), (0, ("files.other.test", "name")), "packets queued, name and reason of the denial")
    client, port = flow(t, "more.other.test")
    before = d.counters()["kernel_snoop_unlearned_interface_packets"]
    packets.send(t.client, "eth0", t.gw.mac("lan0"), response(port, "lie.other.test", "20.140.0.11"))
    until(lambda: d.counters()["kernel_snoop_unlearned_interface_packets"] > before, "what the client has made is not believed")
    client.recv(2000)
    expect((told(t, d, "20.140.0.11"), told(t, d, "20.140.0.9")), ((None, "no-dns"), ("more.other.test", "name")), "the lie, and the truth")
    packets.send(t.inet, "eth0", t.gw.mac("up0"), response(port, "late.other.test", "20.140.0.12"))
    client.recv(2000)
    expect(told(t, d, "20.140.0.12"), ("late.other.test", "name"), "the same from the resolver's side")
    short = dnswire.response(77, "short.other.test", dnswire.A, [dnswire.a("short.other.test", "20.140.0.13", 300)])[:-3]
    packets.send(t.inet, "eth0", t.gw.mac("up0"), packets.udp("10.2.0.2", 53, "10.1.0.2", port, short))
    expect(client.recv(2000), short, "one cut short passes")
    until(lambda: d.counters()["names_copies_unread"] == 1, "its copy cannot be read")
    counters = d.counters()
    expect([counters[name] for name in ("assist_unrelated", "names_copies", "packets_queued")], [5, 3, 0], "passed, read, queued")


def names_are_not_told(t, d):
    """With report-names = "policy" nothing is copied, and the reason says so."""
    before = d.counters()
    t.client.lookup("10.2.0.2", "a.flood.test")
    expect(told(t, d, "20.140.0.10"), (None, "not-recorded"), "name and reason of the denial")
    after = d.counters()
    expect([after[name] - before[name] for name in ("assist_unrelated", "names_copies", "packets_queued")], [1, 0, 0], "passed, copied, queued")
    check("snoop_copy" not in t.gw.run("nft list ruleset").stdout, "no rule copies")
    check("21684" not in (t.gw.run("cat /proc/net/netfilter/nfnetlink_log").stdout), "no socket waits for copies")


def dropped(t):
    """What sockets for netlink had no room for."""
    return sum(int(line.split()[8]) for line in t.gw.run("cat /proc/net/netlink").stdout.splitlines()[1:])


def flood_costs_copies(t, d, most=40000):
    """While nfqdnd stands still, more answers that nothing matches than it is told of, and allowed ones: the first all pass at once, of
    their copies each is read or counted, and the second teach."""
    client, port = flow(t, "a.flood.test")
    asking = [t.client.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(40)]
    count = came = 0
    d.signal(signal.SIGSTOP)
    try:
        with t.inet, socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as raw:
            to = ("eth0", 0x0800, 0, 0, bytes.fromhex(t.gw.mac("up0").replace(":", "")))
            for i, asker in enumerate(asking):
                asker.settimeout(10)
                asker.sendto(dnswire.query(f"f{i}.example.net", dnswire.A, i), ("10.2.0.2", 53))
            while not dropped(t) and count < most:
                for _ in range(100):
                    raw.sendto(response(port, f"n{count}.flood.test", f"20.150.{count >> 8}.{count & 255}"), to)
                    count += 1
                while came < count:
                    came += len(client.recv(2000)) > 0
    finally:
        d.signal(signal.SIGCONT)
    expect(came, count, "answers of the flood that came although the daemon stood still")
    for i, asker in enumerate(asking):
        check(asker.recv(2000), f"the allowed answer {i} arrives")
        expect(t.client.tcp(f"20.141.0.{i + 1}").result, "open", f"what allowed answer {i} opens")
    t.client.lookup("10.2.0.2", "b.flood.test")  # a number behind the gap
    told_of = ("names_copies", "kernel_snoop_uncopied_packets", "names_copies_lost")
    until(lambda: sum(d.counters()[name] for name in told_of) >= count + 2, "each is copied or counted")
    counters = d.counters()
    _, over, lost = (counters[name] for name in told_of)
    expect((counters["assist_unrelated"], counters["names_copies"] + over + lost), (count + 2, count + 2), "passed, and copied or counted")
    check(lost > 0, "the socket had no room for some")
    check(counters["names_copies"] >= 512, f"and it had for many: {counters['names_copies']}")
    expect(told(t, d, "20.140.0.10"), ("b.flood.test", "name"), "the names are told again")
    print(f"# of {count} copies {over} were over the limit, and {lost} over the socket's room")

