#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What users of such filters suffer from, by its number, where only the kernel or the running daemon shows it and no other file has a case for it.
The table of all of them stands in tests/README.md."""
import json
import pathlib
import signal
import socket
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import dnswire  # noqa: E402
import packets  # noqa: E402
from netns import case, check, elements, expect, main, until  # noqa: E402

WEB = 'web: { names = "*.example.net"; };'


def sets(t):
    """The sets of our table by name."""
    done = json.loads(t.gw.run("nft -j list table inet nfqdn").stdout)
    return {item["set"]["name"]: item["set"] for item in done["nftables"] if "set" in item}


@case("pain 6: no set that learns is an interval set, in no group, also after a reload", tags=["smoke"])
def no_intervals(t):
    t.simple()
    t.dns(t.inet, {"www.example.net": ["20.200.0.1", "2603:1030::200"]})
    office = WEB + ' office: { names = "*.example.org"; clients = "10.1.0.2"; ports = "tcp/1000-1063"; }; range: { addresses = "20.201.0.0/16"; };'
    d = t.gateway(allow=office)
    for _ in range(2):
        t.client.lookup("10.2.0.2", "www.example.net")
        found = sets(t)
        learning = {name: one["flags"] for name, one in found.items() if name.startswith("name")}
        expect(sorted(learning), ["name4", "name4_office", "name6", "name6_office"], "sets that learn")
        expect({flag for flags in learning.values() for flag in flags} - {"timeout", "dynamic"}, set(), "their flags")
        check(all(one["size"] for name, one in found.items() if name in learning), "each has a size")
        check(any("interval" in one.get("flags", []) for one in found.values()), "prefixes stand in interval sets, so the flag would be seen")
        d.reload(t.config(allow=office + ' more: { names = "more.example.net"; };'))


@case("pain 7: sets shrink: what is learned and ends leaves the kernel, under a steady stream of new names too")
def shrink(t):
    t.simple()
    t.dns(t.inet, lambda q: [dnswire.a(q.wire, f"20.202.{int(q.name.split('.')[0][1:]) // 250}.{int(q.name.split('.')[0][1:]) % 250 + 1}", 0)])
    d = t.gateway(allow=WEB, lifetime={"grace": 1, "min": 2, "max": 10})
    for i in range(1000):
        t.client.lookup("10.2.0.2", f"n{i}.example.net")
    more = iter(range(1000, 100000))

    def few():
        t.client.lookup("10.2.0.2", f"n{next(more)}.example.net")
        return t.gw.run("nft list set inet nfqdn name4").stdout.count("20.202.") < 300
    until(few, "the first thousand left while others came", 20)
    until(lambda: not d.learned() and not elements(t.gw, "name4"), "all of it is gone, dead elements too", 20)


@case("pain 17: queries are never held: A and AAAA asked at once reach the server though the daemon stands still", tags=["smoke"])
def queries(t):
    t.simple()
    server = t.dns(t.inet, {"www.example.net": ["20.203.0.1", "2603:1030::203"]})
    d = t.gateway(allow=WEB)
    d.signal(signal.SIGSTOP)
    with t.client.socket(kind=socket.SOCK_DGRAM) as sock:
        sock.connect(("10.2.0.2", 53))
        sock.send(dnswire.query("www.example.net", dnswire.A, 1))
        sock.send(dnswire.query("www.example.net", dnswire.AAAA, 2))
        until(lambda: sorted(q.kind for q in server.asked) == [dnswire.A, dnswire.AAAA], "both questions arrived")
        d.signal(signal.SIGCONT)
        sock.settimeout(5)
        got = sorted(dnswire.Message(sock.recv(2000)).number for _ in range(2))
    expect(got, [1, 2], "both answers come, to one question each")
    expect(len(server.asked), 2, "questions")
    expect((t.client.tcp("20.203.0.1").result, t.client.tcp("2603:1030::203").result), ("open", "open"), "both families")


@case("pain 18: a burst of 3,000 answers waits in the queue, far beyond the kernel's default of 1,024; all are read and none is lost")
def burst(t):
    t.simple()
    server = t.dns(t.inet, lambda q: None)
    d = t.gateway(allow=WEB)
    sock = t.client.socket(kind=socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)  # SO_RCVBUFFORCE
    sock.connect(("10.2.0.2", 53))
    sock.send(dnswire.query("www.example.net", number=7))
    until(lambda: server.asked, "the question arrived")
    d.signal(signal.SIGSTOP)
    mac, port = t.gw.mac("up0"), sock.getsockname()[1]
    with t.inet, socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as raw:
        to = ("eth0", 0x0800, 0, 0, bytes.fromhex(mac.replace(":", "")))
        for i in range(3000):
            record = dnswire.a("www.example.net", f"20.204.{i // 250}.{i % 250 + 1}", 300)
            raw.sendto(packets.udp("10.2.0.2", 53, "10.1.0.2", port, dnswire.response(7, "www.example.net", dnswire.A, [record])), to)

    def waiting():
        return int(t.gw.proc("netfilter/nfnetlink_queue").split()[2])
    until(lambda: waiting() == 3000, "all of them wait")
    d.signal(signal.SIGCONT)
    until(lambda: d.counters()["answers"] == 3000, "all are read", 20)
    expect((d.counters()["queue_overruns"], d.status()["queue"]["dropped"]), (0, 0), "passed unread, dropped")
    sock.setblocking(False)
    got = 0

    def all_of_them():
        nonlocal got
        try:
            while sock.recv(2000):
                got += 1
        except BlockingIOError:
            return got == 3000
        return False
    until(all_of_them, "the client has all of them")


if __name__ == "__main__":
    main()
