#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Several daemons: in one namespace, each with its own table, queue, socket and state, and in many."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from netns import case, check, elements, expect, main  # noqa: E402

ZONE = {"www.example.net": ["20.140.0.1"], "www.example.org": ["20.140.0.2"], "later.example.net": ["20.140.0.3"]}


@case("two side by side in one namespace, for two segments: each learns its own and denies its own", tags=["smoke"])
def one_namespace(t):
    t.simple()
    t.second_segment()
    t.dns(t.inet, ZONE)
    a = t.daemon(t.gw, t.config(allow='net: { names = "*.example.net"; };', name="a", table="gate_a", queue={"first": 0}, interfaces=["lan0"]), name="a")
    b = t.daemon(t.gw, t.config(allow='org: { names = "*.example.org"; };', name="b", table="gate_b", queue={"first": 7}, interfaces=["lan1"]), name="b")
    # Both see both answers: an answer is the resolver's, whoever asked.
    for net in (t.client, t.client2):
        for qname in ("www.example.net", "www.example.org"):
            net.lookup("10.2.0.2", qname)
    expect(([e["address"] for e in a.learned()], [e["address"] for e in b.learned()]), (["20.140.0.1"], ["20.140.0.2"]), "learned")
    expect([(n.tcp("20.140.0.1").result, n.tcp("20.140.0.2").result) for n in (t.client, t.client2)], [("open", "reset"), ("reset", "open")], "decided")
    expect((len(elements(t.gw, "name4", "inet gate_a")), len(elements(t.gw, "name4", "inet gate_b"))), (1, 1), "elements")
    expect((a.status()["table"], b.status()["table"], a.status()["queue"]["first"], b.status()["queue"]["first"]), ("gate_a", "gate_b", 0, 7), "status")
    # One goes, the other does not notice.
    b.stop()
    t.client.lookup("10.2.0.2", "later.example.net")
    expect(t.client.tcp("20.140.0.3").result, "open", "a learns after b ended")
    b.start()
    expect([e["address"] for e in b.learned()], ["20.140.0.2"], "b has its own again")
    a.kill()
    expect(t.client2.tcp("20.140.0.2").result, "open", "b goes on after a was killed")


@case("two gateways in two namespaces with the same table name and queue")
def two_namespaces(t):
    t.simple()
    t.dns(t.inet, ZONE)
    other = t.net("gateway2")
    client2 = t.net("client2")
    t.link(client2, "eth0", other, "lan0", ["10.5.0.2/24"], ["10.5.0.1/24"])
    t.link(other, "up0", t.inet, "eth1", ["10.6.0.1/24"], ["10.6.0.2/24"])
    client2.ip("route add default via 10.5.0.1")
    other.ip("route add default via 10.6.0.2")
    t.forward(other)
    t.inet.ip("route add 10.6.0.0/24 dev eth1 table local", "route add 10.5.0.0/24 via 10.6.0.1 table local")
    a = t.daemon(t.gw, t.config(allow='net: { names = "*.example.net"; };', name="a"), name="a")
    b = t.daemon(other, t.config(allow='org: { names = "*.example.org"; };', name="b"), name="b")
    for qname in ("www.example.net", "www.example.org"):
        t.client.lookup("10.2.0.2", qname)
    expect(([e["address"] for e in a.learned()], b.learned()), (["20.140.0.1"], []), "learned")
    for qname in ("www.example.net", "www.example.org"):
        client2.lookup("10.2.0.2", qname)
    expect((t.client.tcp("20.140.0.1").result, client2.tcp("20.140.0.1").result, t.client.tcp("20.140.0.2").result, client2.tcp("20.140.0.2").result),
           ("open", "reset", "reset", "open"), "decided")


@case("several queues for one daemon: flows are spread and all are learned")
def several_queues(t):
    t.simple(clients=10)
    t.dns(t.inet, lambda q: [q_record(q)])
    d = t.gateway(allow='net: { names = "*.example.net"; };', queue={"first": 20, "count": 4})
    for i in range(40):
        address = t.client.lookup("10.2.0.2", f"n{i}.example.net", source=f"10.1.0.{2 + i % 10}")[0]
        expect(t.client.tcp(address).result, "open", address)
    expect(d.counters()["answers_taught"], 40, "answers")
    used = [line.split() for line in t.gw.proc("netfilter/nfnetlink_queue").splitlines()]
    expect(sorted(int(f[0]) for f in used), [20, 21, 22, 23], "queues")
    check(sum(int(f[7]) > 0 for f in used) >= 2, f"more than one queue is used: {used}")


def q_record(q):
    import dnswire
    return dnswire.a(q.wire, f"20.141.0.{int(q.name.split('.')[0][1:]) + 1}", 300)


if __name__ == "__main__":
    main()
