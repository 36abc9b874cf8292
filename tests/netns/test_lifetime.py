#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How long a learned address stays."""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import dnswire  # noqa: E402
from netns import PATIENCE, case, check, element, expect, holds, main, until  # noqa: E402

# The unit of short lives: a second, more on a slow machine.
S = max(1, int(PATIENCE))
WEB = 'web: { names = "*.example.net"; };'


def with_ttl(t, ttl):
    """Each name has an address of its own; its TTL is in `ttl`, a dict that the case changes."""
    known = {}

    def handler(q):
        known.setdefault(q.name, len(known) + 1)
        seconds = ttl.get(q.name, 300)
        return [dnswire.a(q.wire, f"20.110.0.{known[q.name]}", seconds)] if q.kind == dnswire.A else [dnswire.aaaa(q.wire, f"2603:1030::110:{known[q.name]}", seconds)]

    return t.dns(t.inet, handler)


@case("nfqdnd deletes an element when its life ends, before the kernel's own timeout; open connections go on", tags=["kernel", "smoke"])
def expiry(t):
    t.simple()
    with_ttl(t, {"www.example.net": S})
    d = t.gateway(allow=WEB, lifetime={"grace": S, "min": 0, "max": 100})
    address = t.client.lookup("10.2.0.2", "www.example.net")[0]
    address6 = t.client.lookup("10.2.0.2", "www.example.net", dnswire.AAAA)[0]
    kept = t.client.tcp(address, keep=True)
    expect((kept.result, t.client.tcp(address6).result), ("open", "open"), "while it lives")
    # The kernel keeps it 30 s longer: the backstop for a dead daemon.
    for one in (address, address6):
        item = element(t.gw, one)
        check(item and 28 <= item["expires"] <= 30 + 2 * S, f"the kernel's timeout: {item}")
        check(d.knows(one)["expires_in"] <= 2 * S, "our life is shorter")
    until(lambda: not element(t.gw, address) and not element(t.gw, address6), "the elements are deleted", 5)
    expect((t.client.tcp(address).result, t.client.tcp(address6).result), ("reset", "reset"), "afterwards")
    expect((d.learned(), d.counters()["elements_expired"]), ([], 2), "learned, expired")
    kept.sock.send(b"still there?")
    expect(kept.sock.recv(100), b"still there?", "the open connection")
    # Asked again it is there again, at once.
    t.client.lookup("10.2.0.2", "www.example.net")
    expect(t.client.tcp(address).result, "open", "after another answer")


@case("an element does not end before its TTL and grace are over")
def not_early(t):
    t.simple()
    with_ttl(t, {"www.example.net": 2 * S})
    t.gateway(allow=WEB, lifetime={"grace": S, "min": 0, "max": 100})
    address = t.client.lookup("10.2.0.2", "www.example.net")[0]
    asked = time.monotonic()
    holds(lambda: t.client.tcp(address).result == "open" or time.monotonic() > asked + 2.95 * S, "open", 2.9 * S)
    until(lambda: t.client.tcp(address).result == "reset", "closed", 4)


@case("an answer with a fresher TTL keeps the way open; an older one never shortens it", tags=["smoke"])
def refresh(t):
    t.simple()
    ttl = {"www.example.net": S, "long.example.net": 200}
    with_ttl(t, ttl)
    d = t.gateway(allow=WEB, lifetime={"grace": S, "min": 0, "max": 1000})
    address = t.client.lookup("10.2.0.2", "www.example.net")[0]
    long = t.client.lookup("10.2.0.2", "long.example.net")[0]
    asked = time.monotonic()
    ttl.update({"www.example.net": 60, "long.example.net": 1})
    for qname in ttl:
        t.client.lookup("10.2.0.2", qname)
    check(element(t.gw, address)["expires"] > 60, f"the kernel's element was refreshed: {element(t.gw, address)}")
    check(d.knows(address)["expires_in"] > 50, "ours too")
    check(d.knows(long)["expires_in"] > 190 and element(t.gw, long)["expires"] > 200, "a shorter TTL does not shorten")
    counters = d.counters()
    expect((counters["elements_added"], counters["elements_refreshed"]), (2, 1), "added, refreshed")
    holds(lambda: t.client.tcp(address).result == "open", "open", max(0.1, 3.5 * S - (time.monotonic() - asked)))
    expect(d.counters()["elements_expired"], 0, "expired")


@case("an answer with the same TTL refreshes too, in the kernel as well, once too little is left", tags=["brief", "kernel"])
def same_ttl(t):
    t.simple()
    with_ttl(t, {"www.example.net": 6 * S})
    d = t.gateway(allow=WEB, lifetime={"grace": 8 * S, "min": 0, "max": 1000})
    address = t.client.lookup("10.2.0.2", "www.example.net")[0]  # 14 units; refreshed with less than 10 left
    check(element(t.gw, address)["expires"] >= 30 + 12 * S, "the kernel's timeout")

    def asked_again():
        t.client.lookup("10.2.0.2", "www.example.net")
        return d.counters()["elements_refreshed"] == 1

    until(asked_again, "it is refreshed", 8)
    check(element(t.gw, address)["expires"] >= 30 + 12 * S, f"the kernel's timeout after the refresh: {element(t.gw, address)}")
    check(d.knows(address)["expires_in"] >= 12 * S, "ours")


@case("a known answer costs no transaction, for any number of clients", tags=["smoke"])
def known(t):
    t.simple()
    with_ttl(t, {"www.example.net": 300})
    d = t.gateway(allow=WEB)
    t.client.lookup("10.2.0.2", "www.example.net")
    before, generation = d.counters(), t.gw.run("nft -j list set inet nfqdn name4").stdout.count("20.110")
    for _ in range(50):
        t.client.lookup("10.2.0.2", "www.example.net")
    after = d.counters()
    expect((after["transactions"] - before["transactions"], after["answers_known"] - before["answers_known"]), (0, 50), "transactions, known answers")
    expect(generation, 1, "elements")


@case("what is left decides whether to refresh: TTL + grace / 2")
def threshold(t):
    t.simple()
    ttl = {"www.example.net": 10 * S}
    with_ttl(t, ttl)
    d = t.gateway(allow=WEB, lifetime={"grace": 4 * S, "min": 0, "max": 1000})
    t.client.lookup("10.2.0.2", "www.example.net")  # life 14 units
    ttl["www.example.net"] = 11 * S  # 13 suffice
    t.client.lookup("10.2.0.2", "www.example.net")
    expect(d.counters()["elements_refreshed"], 0, "refreshed with 14 left, 13 wanted")
    ttl["www.example.net"] = 13 * S  # 15 wanted
    t.client.lookup("10.2.0.2", "www.example.net")
    expect(d.counters()["elements_refreshed"], 1, "refreshed with 14 left, 15 wanted")
    check(15 * S <= d.knows("20.110.0.1")["expires_in"] <= 17 * S, "life is TTL + grace")


@case("TTL 0 is lawful, min and max bound the life, an entry can have a lifetime of its own", tags=["smoke"])
def bounds(t):
    t.simple()
    with_ttl(t, {"zero.example.net": 0, "huge.example.net": 0x7FFFFFFF, "signed.example.net": 0xFFFFFFFF, "own.example.org": 5})
    d = t.gateway(allow=WEB + ' own: { names = "*.example.org"; lifetime = { grace = 7; min = 40; max = 50; }; };', lifetime={"grace": 10, "min": 20, "max": 100})
    life = {}
    for qname in ("zero.example.net", "huge.example.net", "signed.example.net", "own.example.org"):
        address = t.client.lookup("10.2.0.2", qname)[0]
        expect(t.client.tcp(address).result, "open", qname)
        life[qname] = d.knows(address)["expires_in"]
    check(20 - 2 * S <= life["zero.example.net"] <= 20, f"min: {life}")
    check(100 - 2 * S <= life["huge.example.net"] <= 100, f"max: {life}")
    check(life["signed.example.net"] <= 100, f"a TTL with its top bit set: {life}")
    check(40 - 2 * S <= life["own.example.org"] <= 40, f"an entry's own: {life}")
    check(d.counters()["life_below_ttl"] >= 1, "a max below the TTL is counted")


@case("the smallest TTL of a chain counts, also below a day-long address")
def chain_ttl(t):
    t.simple()
    t.dns(t.inet, {"blob.example.net": [dnswire.cname("blob.example.net", "store.core.test", 30), dnswire.a("store.core.test", "20.111.0.1", 86202)]})
    d = t.gateway(allow=WEB, lifetime={"grace": 10, "min": 0, "max": 100000})
    t.client.lookup("10.2.0.2", "blob.example.net")
    item = d.knows("20.111.0.1")
    check(item["ttl"] == 30 and 40 - 2 * S <= item["expires_in"] <= 40, f"life of the chain: {item}")


@case("the element's comment is the first name that taught it, cut to 128 octets; the store knows all names", tags=["smoke"])
def comment(t):
    t.simple()
    long = ".".join(["x" * 60] * 3) + ".example.net"
    t.dns(t.inet, {"one.example.net": "20.112.0.1", "two.example.net": "20.112.0.1", long: "20.112.0.2"})
    d = t.gateway(allow=WEB)
    for qname in ("one.example.net", "two.example.net", long):
        t.client.lookup("10.2.0.2", qname)
    expect(element(t.gw, "20.112.0.1")["comment"], "one.example.net", "comment")
    cut = element(t.gw, "20.112.0.2")["comment"]
    check(len(cut) <= 128 and cut.endswith("~") and long.startswith(cut[:-1]) and len(cut) > 100, f"a long name is cut: {cut}")
    expect(sorted(d.knows("20.112.0.1")["names"]), ["one.example.net", "two.example.net"], "names")
    expect(d.knows("20.112.0.2")["names"], [long], "the whole name")


@case("a full set: what ends first makes room, and no new name ever meets a closed door", tags=["kernel", "smoke"])
def full_set(t):
    t.simple()
    t.dns(t.inet, lambda q: [dnswire.a(q.wire, f"20.114.0.{int(q.name.split('.')[0][1:])}", 3000 if q.name == "n1.example.net" else 600)])
    d = t.gateway(allow=WEB, limits={"elements": 64})
    for i in range(1, 201):
        address = t.client.lookup("10.2.0.2", f"n{i}.example.net")[0]
        expect(t.client.tcp(address).result, "open", f"name {i} the moment it is answered")
    counters = d.counters()
    expect((len(d.learned()), counters["elements_evicted"], counters["answers_dropped"], counters["transactions_failed"]), (64, 136, 0, 0), "learned, evicted, dropped, failed")
    expect(t.gw.run("nft list set inet nfqdn name4").stdout.count("20.114.0."), 64, "elements in the kernel")
    expect([t.client.tcp(f"20.114.0.{i}").result for i in (1, 2, 3, 199, 200)], ["open", "reset", "reset", "open", "open"], "the longest life and the last ones stay")


@case("an answer with more addresses and ports than a name may have teaches what fits, is counted, and passes")
def too_much(t):
    t.simple(ports=[1000, 1063])
    addresses = [f"20.115.{i}.1" for i in range(40)]
    t.dns(t.inet, {"www.example.net": addresses, "other.example.net": ["20.116.0.1"]})
    d = t.gateway(allow='web: { names = "*.example.net"; ports = "tcp/1000-1063"; };')
    expect(t.client.query("10.2.0.2", "www.example.net", edns=4096).addresses(), addresses, "the answer passes")
    counters = d.counters()
    expect((len(d.learned()), counters["name_elements_over_limit"] > 0, counters["answers_dropped"]), (1024, True, 0), "learned, counted, dropped")
    expect((t.client.tcp("20.115.0.1", 1000).result, t.client.tcp("20.115.0.1", 1063).result), ("open", "open"), "the first address")
    t.client.lookup("10.2.0.2", "other.example.net")
    expect(t.client.tcp("20.116.0.1", 1063).result, "open", "another name")


@case("a name that wanders through addresses leaves none behind")
def wandering(t):
    t.simple()
    number = [0]

    def handler(q):
        number[0] += 1
        return [dnswire.a(q.wire, f"20.113.{number[0] // 250}.{number[0] % 250 + 1}", 0)]

    t.dns(t.inet, handler)
    d = t.gateway(allow=WEB, lifetime={"grace": 1, "min": 0, "max": 10})
    for _ in range(300):
        t.client.lookup("10.2.0.2", "www.example.net")
    until(lambda: not d.learned(), "all of them are gone", 5)
    expect(t.gw.run("nft list set inet nfqdn name4").stdout.count("20.113."), 0, "elements in the kernel")
    expect(d.counters()["elements_expired"], 300, "expired")


if __name__ == "__main__":
    main()
