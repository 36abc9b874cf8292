#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""mode = "mark": allowed flows carry a bit, for the administrator's own filter, or for policy routing; nothing is denied."""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from netns import NFQDND, Raw, case, check, element, expect, holds, main, meanwhile, until  # noqa: E402

BIT = Raw("0x10000")
ALLOW = 'web: { names = "*.example.net"; ports = [ "tcp/443", "udp/4000", "icmp" ]; }; cloud: { addresses = [ "20.170.0.0/24", "2603:1170::/48" ]; };'
INBOUND = 'sql: { addresses = "20.171.0.1"; to = "10.1.0.2"; ports = "tcp/1433"; };'
NAMES = {"www.example.net": ["20.172.0.1"], "six.example.net": ["2603:1030::172"], "www.example.org": ["20.172.0.9"], "late.example.net": ["20.172.0.3"]}

# What the administrator of a gateway has of their own: other bits of both marks, and a filter by ours.
OTHERS = """table inet others {
    counter kept { }
    counter lost { }
    chain before { type filter hook prerouting priority -180
        meta mark set meta mark | 0x2
        ct mark set ct mark | 0x40000004
    }
    chain after { type filter hook forward priority 200
        meta mark & 0xfffeffff == 0x2 ct mark & 0xfffeffff == 0x40000004 counter name kept return
        counter name lost
    }
}
"""
FILTER = """table inet filter {
    counter marked_reply { }
    chain forward { type filter hook forward priority 0
        iifname "up*" ct direction reply meta mark & 0x10000 == 0x10000 ct mark & 0x10000 == 0x10000 counter name marked_reply
        iifname "lan0" ip daddr 10.0.0.0/8 accept
        iifname "lan0" ip6 daddr fd00::/16 accept
        iifname "lan0" meta mark & 0x10000 == 0 reject with icmpx admin-prohibited
        iifname "up0" ct state new meta mark & 0x10000 == 0 drop
    }
}
"""


def kept(t):
    check(t.gw.counter("kept", "inet others") > 0, "packets went by with the bits of others")
    expect(t.gw.counter("lost", "inet others"), 0, "packets that lost bits of others")


def hooks(t):
    """{chain: (hook, priority)} of our table."""
    listed = json.loads(t.gw.run("nft -j list chains inet").stdout)["nftables"]
    return {i["chain"]["name"]: (i["chain"]["hook"], i["chain"]["prio"]) for i in listed
            if "chain" in i and i["chain"]["table"] == "nfqdn" and "hook" in i["chain"]}


def uplinks(t):
    """A second uplink, up1, to a second internet; a packet with our bit leaves by it."""
    other = t.other = t.net("other")
    t.link(t.gw, "up1", other, "eth0", ["10.4.0.1/24", "fd00:4::1/64"], ["10.4.0.2/24", "fd00:4::2/64"])
    other.sysctl("ipv6.ip_nonlocal_bind", 1)
    t.everywhere(other, "eth0", ["10.4.0.0/24", "fd00:4::/64"], [("10.1.0.0/24", "10.4.0.1"), ("fd00:1::/64", "fd00:4::1")])
    t.gw.ip("route add default via 10.4.0.2 table 100", "rule add pref 100 fwmark 0x10000/0x10000 lookup 100")
    t.gw.run("ip -6 route add default via fd00:4::2 table 100")
    t.gw.run("ip -6 rule add pref 100 fwmark 0x10000/0x10000 lookup 100")
    t.other_listener = t.listen(other, [80, 443])
    t.echo(other, [4000])
    return other


def way(t, address, port=443, net=None):
    """By which uplink a new connection of the client went: "up0" or "up1"."""
    before = len(t.listener.reached), len(t.other_listener.reached)
    expect((net or t.client).tcp(address, port).result, "open", f"{address} port {port}")
    after = len(t.listener.reached), len(t.other_listener.reached)
    return {(1, 0): "up0", (0, 1): "up1"}[after[0] - before[0], after[1] - before[1]]


def say(attempt, word):
    attempt.sock.sendall(word)
    expect(attempt.sock.recv(100), word, "what comes back on an open flow")


@case("marks in forward: the administrator's filter lets through what is allowed, both ways, and other bits stay", tags=["kernel", "smoke"])
def forward(t):
    t.simple()
    t.dns(t.inet, NAMES)
    t.echo(t.inet, [4000])
    t.listen(t.client, [1433, 7000])
    t.gw.nft(OTHERS + FILTER)
    d = t.gateway(ALLOW, INBOUND, mode="mark", mark=BIT)
    expect({k: d.status()[k] for k in ("mode", "mark", "mark_hook")}, {"mode": "mark", "mark": "0x10000", "mark_hook": "forward"}, "status")
    check("mode mark in table inet nfqdn" in d.log(), "the start line tells the mode")
    expect(t.client.tcp("20.172.0.1").result, "prohibited", "before the question")
    for qname, kind in (("www.example.net", 1), ("six.example.net", 28), ("www.example.org", 1)):
        t.client.lookup("10.2.0.2", qname, kind)
    attempt = t.client.tcp("20.172.0.1", keep=True)
    expect(attempt.result, "open", "a name")
    say(attempt, b"one")
    expect([t.client.tcp(a).result for a in ("2603:1030::172", "20.170.0.1", "2603:1170::1")], ["open"] * 3, "IPv6 and ranges")
    expect((t.client.udp("20.172.0.1", 4000).result, t.client.ping("20.172.0.1").result), ("reply", "reply"), "UDP and ping")
    expect([t.client.tcp(a).result for a in ("20.172.0.9", "2603:1030::99")], ["prohibited"] * 2, "not allowed")
    expect((t.client.tcp("20.172.0.1", 80).result, t.client.ping("20.172.0.9").result), ("prohibited", "prohibited"), "another port, another address")
    expect(t.inet.tcp("10.1.0.2", 1433, source="20.171.0.1").result, "open", "from outside, allowed")
    expect([t.inet.tcp("10.1.0.2", port, source="20.171.0.9", seconds=0.4).result for port in (1433, 7000)], ["timeout"] * 2, "from outside, not allowed")
    check(t.gw.counter("marked_reply", "inet filter") > 5, "replies bear the mark, too")
    counters = d.counters()
    check(counters["kernel_marked_packets"] >= 6 and counters["kernel_audited_packets"] >= 4 and counters["kernel_audited_inbound_packets"] >= 1, "counted")
    check(not any(counters[f"kernel_{name}_packets"] for name in ("denied", "denied_source", "denied_reply", "denied_inbound", "dns_foreign", "invalid")), "nothing was denied")
    denied = d.json("denied")
    check({"20.172.0.9"} <= {i["address"] for i in denied} and {i["verdict"] for i in denied} == {"would deny"}, "told, as by audit")
    t.gw.run("nft flush set inet nfqdn name4", ok=False)
    say(attempt, b"two")
    kept(t)


@case("marks in prerouting: allowed flows take one uplink and all others another, by IPv4 and IPv6, and stay there", tags=["kernel"])
def prerouting(t):
    t.simple()
    uplinks(t)
    t.dns(t.inet, NAMES)
    t.gw.nft(OTHERS)
    d = t.gateway(ALLOW, mode="mark", mark=BIT, mark_hook="prerouting")
    expect((hooks(t)["mark_prerouting"], hooks(t)["mark_forward"]), (("prerouting", -90), ("forward", -150)), "chains")
    early = t.client.tcp("20.172.0.1", keep=True)
    expect((early.result, len(t.listener.reached), len(t.other_listener.reached)), ("open", 1, 0), "before the question")
    for qname, kind in (("www.example.net", 1), ("six.example.net", 28), ("www.example.org", 1)):
        t.client.lookup("10.2.0.2", qname, kind)
    expect([way(t, a) for a in ("20.172.0.1", "2603:1030::172", "20.170.0.9", "2603:1170::1")], ["up1"] * 4, "allowed")
    expect([way(t, a) for a in ("20.172.0.9", "2603:1030::9")] + [way(t, "20.172.0.1", 80)], ["up0"] * 3, "not allowed")
    say(early, b"it stays where it was")
    marked = t.client.tcp("20.172.0.1", keep=True)
    expect(len(t.other_listener.reached), 5, "by up1")
    d.reload(t.config(allow='other: { names = "www.example.com"; };', mode="mark", mark=BIT, mark_hook="prerouting"))
    expect(way(t, "20.172.0.1"), "up0", "no longer allowed")
    say(marked, b"it stays where it was, too")
    kept(t)


@case("marks in prerouting: destination NAT comes first, and resolvers beyond the marked uplink are believed", tags=["kernel"])
def resolvers(t):
    t.simple()
    uplinks(t)
    asked = t.dns(t.other, NAMES)
    t.gw.nft('table ip nat {\n chain dstnat { type nat hook prerouting priority -100\n ip daddr 20.199.0.1 dnat to 20.172.0.1\n }\n}\n')
    for verify, strict in (("flow", "loose"), ("query", "strict")):
        d = t.daemon(t.gw, t.config(ALLOW, resolvers=["8.8.8.8"], mode="mark", mark=BIT, mark_hook="prerouting", verify=verify, reverse_path=strict, name=verify), verify)
        qname = {"flow": "www.example.net", "query": "late.example.net"}[verify]
        for tcp in (False, True):
            t.client.lookup("8.8.8.8", qname, tcp=tcp)
        expect(d.counters()["answers_taught"], 1, f"answers that taught, verify {verify}, reverse-path {strict}")
        expect(way(t, NAMES[qname][0]), "up1", qname)
        if verify == "flow":
            expect(way(t, "20.199.0.1"), "up1", "by the address that it is translated to")
        d.stop()
        t.gw.run([NFQDND, "-c", str(d.file), "--flush"])
    check(len(asked.asked) == 4, "asked by up1")


@case("reloads between enforce, mark and audit: an open flow goes on, no packet meets anything between, and learned stays", tags=["kernel"])
def reloads(t):
    t.simple()
    t.dns(t.inet, NAMES)
    d = t.gateway(ALLOW, mode="enforce")
    t.client.lookup("10.2.0.2", "www.example.net")
    attempt = t.client.tcp("20.172.0.1", keep=True)
    results = []

    def knock():
        results.append((t.client.tcp("20.172.0.1").result, t.client.tcp("20.172.0.9", seconds=0.5).result))

    with meanwhile(knock):
        for mode, options in (("mark", {}), ("mark", {"mark_hook": "prerouting"}), ("audit", {}), ("enforce", {}), ("mark", {"mark_hook": "prerouting"}), ("enforce", {})) * 2:
            d.reload(t.config(ALLOW, mode=mode, mark=BIT, **options))
            expect(d.status()["mode"], mode, "mode")
            say(attempt, mode.encode())
            done = len(results)
            until(lambda done=done: len(results) > done + 1, "knocks", 10)
    expect({r[0] for r in results}, {"open"}, "an allowed address, all the time")
    expect({r[1] for r in results}, {"open", "reset"}, "another one: denied by enforce alone")
    check(element(t.gw, "20.172.0.1"), "still learned")
    listing = t.gw.run("nft list table inet nfqdn").stdout
    check("mark set" not in listing and "mark_allowed" not in listing, "nothing of marks is left in force")
    expect(d.counters()["table_rebuilt"], 0, "rebuilt")


@case("going to marks keeps what enforce had let in: open flows to what is learned are marked by their next packet")
def from_enforce(t):
    t.simple()
    t.dns(t.inet, NAMES)
    d = t.gateway(ALLOW, mode="enforce")
    t.client.lookup("10.2.0.2", "www.example.net")
    attempt = t.client.tcp("20.172.0.1", keep=True)
    d.reload(t.config(ALLOW, mode="mark", mark=BIT))
    t.gw.nft(FILTER)
    say(attempt, b"marked")
    check(t.gw.counter("marked_reply", "inet filter") > 0, "its replies are marked")


@case('revoke = "cut" with marks: a flow that is no longer allowed loses its mark, one that never had it is left alone', tags=["kernel"])
def cut(t):
    t.simple()
    t.dns(t.inet, NAMES)
    options = {"mode": "mark", "mark": BIT, "revoke": "cut"}
    d = t.gateway(ALLOW, **options)
    t.client.lookup("10.2.0.2", "www.example.net")
    marked, never = t.client.tcp("20.172.0.1", keep=True), t.client.tcp("20.172.0.9", keep=True)
    t.gw.nft("table inet seen {\n counter marked { }\n chain c { type filter hook forward priority 5\n ip daddr 20.172.0.1 meta mark & 0x10000 == 0x10000 counter name marked\n }\n}\n")
    say(marked, b"marked")
    check(t.gw.counter("marked", "inet seen") > 0, "marked at first")
    d.reload(t.config('other: { names = "www.example.com"; };', **options))
    until(lambda: d.status()["revoke"]["looking"] is False, "the looks are over", 10)
    expect(d.counters()["flows_cut"], 1, "flows cut")
    before = t.gw.counter("marked", "inet seen")
    say(marked, b"no longer marked")
    say(never, b"never was")
    expect(t.gw.counter("marked", "inet seen"), before, "marked packets after")


@case("chains stand at the priorities that are set, and a start with others moves them, rules and all, with what was learned")
def priorities(t):
    t.simple()
    t.dns(t.inet, NAMES)
    d = t.gateway(ALLOW, priority={"egress": 20, "snoop-forward": -30})
    expect((hooks(t)["egress"], hooks(t)["snoop_forward"], hooks(t)["inbound"]), (("forward", 20), ("forward", -30), ("forward", 1)), "made")
    t.client.lookup("10.2.0.2", "www.example.net")
    d.write(t.config(ALLOW, priority={"egress": -5, "snoop-output": -50}))
    said = d.ctl("reload", ok=1)
    check("gateway.priority.egress: cannot change while nfqdnd runs" in said.stdout + said.stderr, "a reload says so")
    expect(hooks(t)["egress"], ("forward", 20), "as before")
    d.stop()
    d.start()
    expect({k: v[1] for k, v in hooks(t).items()}, {"egress": -5, "snoop_forward": -10, "snoop_output": -50, "inbound": 1}, "moved")
    expect((t.client.tcp("20.172.0.1").result, t.client.tcp("20.172.0.9").result), ("open", "reset"), "decided as before")
    t.client.lookup("10.2.0.2", "late.example.net")
    expect(t.client.tcp("20.172.0.3").result, "open", "learned by the chain that moved")
    holds(lambda: d.counters()["table_rebuilt"] == 0, "the watch knows them", 0.5)


if __name__ == "__main__":
    main()
