#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""mode = "sets": the administrator's sets, in the administrator's table, are filled, as dnsmasq's nftset= fills them; nfqdn's own table sees DNS alone."""
import itertools
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import dnswire  # noqa: E402
from netns import PATIENCE, ROOT, case, check, elements, expect, holds, main, meanwhile, until  # noqa: E402

ALLOW = 'web: { names = "*.example.net"; ports = [ "tcp/443", "tcp/80" ]; };'
RANGES = 'cloud: { addresses = [ "20.170.0.0/24", "20.170.1.0/24", "2603:1170::/48" ]; };'
SETS = ["inet mine allowed4", "inet mine allowed6"]
NAMES = {f"n{i}.example.net": [f"20.172.0.{i}", f"2603:1030::{i:x}"] for i in range(1, 60)}

MINE = """table inet mine
delete table inet mine
table inet mine {
    set allowed4 { type ipv4_addr; flags timeout; }
    set allowed6 { type ipv6_addr; flags timeout; }
    set plain4 { type ipv4_addr; }
    set full4 { type ipv4_addr; flags timeout; size 3; }
    set ranges4 { type ipv4_addr; flags interval; }
    set ranges6 { type ipv6_addr; flags interval; auto-merge; }
    set odd4 { type ipv4_addr . inet_service; }
    set fixed4 { type ipv4_addr; flags constant; elements = { 20.99.0.1 }; }
    map map4 { type ipv4_addr : mark; flags timeout; }
    set both4 { type ipv4_addr; flags interval,timeout; }
    chain forward { type filter hook forward priority 0; policy accept;
        ct state established,related accept
        iifname "lan0" ip daddr { 10.0.0.0/8 } accept
        iifname "lan0" ip6 daddr fd00::/16 accept
        iifname "lan0" ip daddr @allowed4 accept
        iifname "lan0" ip daddr @full4 accept
        iifname "lan0" ip daddr @ranges4 accept
        iifname "lan0" ip6 daddr @allowed6 accept
        iifname "lan0" ip6 daddr @ranges6 accept
        iifname "lan0" reject with icmpx admin-prohibited
    }
}
"""


def held(t, name, table="inet mine"):
    """What a set of the administrator's holds, without nfqdn's sentinel."""
    return {str(e["key"][0]): e for e in elements(t.gw, name, table) if e["key"][0] not in ("0.0.0.0", "::")}


def simple(t, **gateway):
    t.simple()
    t.dns(t.inet, NAMES)
    t.gw.nft(MINE)
    options = {"allow": ALLOW, "mode": "sets", "sets": SETS, **gateway}
    return t.gateway(**options)


@case("names fill sets of addresses with timeouts, whatever the port; nothing else is in nfqdn's table but what sees DNS", tags=["kernel", "smoke"])
def names(t):
    d = simple(t, kernel_assist="auto")
    expect((d.status()["mode"], d.status()["sets"]), ("sets", SETS), "status")
    check("others may empty" in d.status()["kernel_assist"], "no answer passes unseen: its address may be gone by then")
    check("mode sets in table inet nfqdn" in d.log(), "the start line")
    expect(t.client.tcp("20.172.0.1").result, "prohibited", "before the question")
    t.client.lookup("10.2.0.2", "n1.example.net")
    t.client.lookup("10.2.0.2", "n1.example.net", dnswire.AAAA)
    expect([t.client.tcp(a, p).result for a in NAMES["n1.example.net"] for p in (443, 80, 8443)], ["open"] * 6, "the first packet after the answer")
    four = held(t, "allowed4")
    expect((list(four), four["20.172.0.1"]["comment"], four["20.172.0.1"]["timeout"]), (["20.172.0.1"], "nfqdn: n1.example.net", 330), "the element")
    expect(list(held(t, "allowed6")), ["2603:1030::1"], "of IPv6")
    listing = t.gw.run("nft list table inet nfqdn").stdout
    check(all(word not in listing for word in ("set name4", "chain egress", "chain client", "chain deny", "set local4", "reject")), "what is not needed")
    expect([e["port"] for e in d.learned("20.172.0.1")], [443, 80] if d.learned("20.172.0.1")[0]["port"] == 443 else [80, 443], "learned, by port")


@case("a set of one family alone: answers of the other pass, and teach nobody", tags=["kernel"])
def one_family(t):
    d = simple(t, sets=["inet mine allowed4"])
    t.client.lookup("10.2.0.2", "n1.example.net")
    t.client.lookup("10.2.0.2", "n1.example.net", dnswire.AAAA)
    expect([t.client.tcp(a).result for a in NAMES["n1.example.net"]], ["open", "prohibited"], "IPv4 and IPv6")
    counters = d.counters()
    expect((counters["answers_dropped"], counters["addresses_without_set"]), (0, 1), "dropped, and not learned")
    expect(sorted({e["address"] for e in d.learned()}), ["20.172.0.1"], "learned")


@case("ranges fill sets with flags interval, and follow a reload; sets of a family ip; what ends is deleted", tags=["kernel"])
def ranges(t):
    t.simple()
    t.dns(t.inet, NAMES, ttl=1)
    t.gw.nft(MINE + "table ip old {\n set timed { type ipv4_addr; flags timeout; }\n}\n")
    options = {"mode": "sets", "sets": ["ip old timed", "inet mine ranges4", "inet mine ranges6", "inet mine allowed6"], "lifetime": {"grace": 0, "min": int(PATIENCE)}}
    d = t.gateway(allow=ALLOW + RANGES, **options)
    expect([t.client.tcp(a).result for a in ("20.170.0.9", "20.170.1.255", "2603:1170::9", "20.170.2.0")], ["open"] * 3 + ["prohibited"], "ranges")
    t.client.lookup("10.2.0.2", "n1.example.net")
    check("20.172.0.1" in held(t, "timed", "ip old"), "learned")
    until(lambda: not held(t, "timed", "ip old"), "its life is over, and it is gone before its timeout of half a minute")
    d.reload(t.config(allow=ALLOW + 'cloud: { addresses = [ "20.170.1.0/24", "20.171.0.0/16" ]; };', **options))
    expect([t.client.tcp(a).result for a in ("20.170.0.9", "20.170.1.9", "20.171.7.7", "2603:1170::9")], ["prohibited", "open", "open", "prohibited"], "after a reload")
    t.gw.run("nft flush set inet mine ranges4")
    until(lambda: held(t, "ranges4"), "the ranges are back")
    expect(t.client.tcp("20.171.7.7").result, "open", "a range")


@case("one address by two names with other ports and lives: it stays as long as the longest, and goes with the last", tags=["kernel"])
def shared(t):
    t.simple()
    t.dns(t.inet, {"long.example.net": "20.172.0.1", "short.example.org": [dnswire.a("short.example.org", "20.172.0.1", 1)]}, ttl=3000)
    t.gw.nft(MINE)
    long = 'long: { names = "long.example.net"; ports = "tcp/443"; };'
    short = 'short: { names = "short.example.org"; ports = [ "tcp/80", "tcp/8443" ]; ' + f"lifetime = {{ grace = 0; min = {int(PATIENCE)}; max = {int(2 * PATIENCE)}; }}; }};"
    options = {"mode": "sets", "sets": SETS}
    d = t.gateway(allow=long + short, **options)
    for qname in ("short.example.org", "long.example.net", "short.example.org"):
        t.client.lookup("10.2.0.2", qname)
    expect(sorted(e["port"] for e in d.learned("20.172.0.1")), [80, 443, 8443], "learned")
    until(lambda: [e["port"] for e in d.learned("20.172.0.1")] == [443], "the short ones have ended, both at once")
    check(held(t, "allowed4")["20.172.0.1"]["expires"] > 2900, "still there, with the longer life")
    t.client.lookup("10.2.0.2", "short.example.org")
    check(held(t, "allowed4")["20.172.0.1"]["expires"] > 2900, "which a shorter answer does not cut")
    d.reload(t.config(allow=short, **options))
    until(lambda: not held(t, "allowed4"), "nobody wants it")


@case("sets that are missing, of another type, or lacking: the start and a reload are refused, and the right line is told", tags=["kernel"])
def wrong(t):
    d = simple(t)
    for sets, allow, words in (
            (["inet mine gone4"], ALLOW, "set inet mine gone4 is not there; what would be right: nft add set inet mine gone4 '{ type ipv4_addr; flags timeout; }'"),
            (["inet gone a6"], ALLOW, "what would be right: nft add table inet gone; nft add set inet gone a6 '{ type ipv6_addr; flags timeout; }'"),
            (["ip mine allowed4"], ALLOW, "nft add table ip mine; "),
            (["inet mine odd4"], ALLOW,
             "its type is not an address alone; what would be right: nft delete set inet mine odd4; nft add set inet mine odd4 '{ type ipv4_addr; flags timeout; }'"),
            (["inet mine plain4"], ALLOW, "it lacks flags timeout, and what is learned would stay for ever if nfqdnd died"),
            (["inet mine map4"], ALLOW, "it is a map"),
            (["inet mine fixed4"], ALLOW, "its elements are constant"),
            (["inet mine both4"], ALLOW, "it has both flags interval and timeout"),
            (["inet mine allowed4", "inet mine full4"], ALLOW, "allowed4 and inet mine full4 are for the same"),
            (["inet mine ranges4"], ALLOW, "nft add set inet mine names4 '{ type ipv4_addr; flags timeout; }'"),
            (["inet mine allowed4"], ALLOW + RANGES, "nft add set inet mine ranges4 '{ type ipv4_addr; flags interval; }'")):
        d.write(t.config(allow=allow, mode="sets", sets=sets))
        path = d.folder / "nfqdn.conf"
        line = next(i for i, one in enumerate(path.read_text().splitlines(), 1) if " sets = " in one)
        said = d.ctl("reload", ok=1)
        check(words in said.stdout + said.stderr, f"told for {sets}: {said.stdout}{said.stderr}")
        check(f"{path}:{line}: error: gateway.sets: " in said.stdout + said.stderr, f"and where: {said.stdout}{said.stderr}")
    t.client.lookup("10.2.0.2", "n2.example.net")
    expect(t.client.tcp("20.172.0.2").result, "open", "the old policy stays")
    d.stop()
    d.start(ready=False)
    expect(d.process.wait(10), 4, "the start's status")
    d.ended = True
    check(f"{path}:{line}: error: gateway.sets: entries have IPv4 ranges, and no set is for them" in d.log(), "and its words")
    said = words[words.index("nft add set"):]
    t.gw.run(said.split(", and its name")[0])
    d.write(t.config(allow=ALLOW + 'cloud: { addresses = "20.170.0.0/24"; };', mode="sets", sets=["inet mine allowed4", "inet mine ranges4"]))
    d.start()


@case("the administrator's firewall is loaded anew in a loop, with a flush of all, while clients ask: after each answer the door is open, and all comes back",
      tags=["kernel"])
def reloaded(t):
    d = simple(t)
    owned = d.status()["owned"]  # else a flush of all takes nfqdn's table, too, and answers pass unlearned until it is back
    for i in range(1, 20):
        t.client.lookup("10.2.0.2", f"n{i}.example.net")
    wrong_ones, asked, unlucky, loads, numbers = [], [0], [0], [0], itertools.cycle([*range(20, 59), *range(1, 20)])

    def ask():
        number = next(numbers)
        name, before = f"n{number}.example.net", loads[0]
        try:
            t.client.lookup("10.2.0.2", name, seconds=1)
        except TimeoutError:
            return  # held when a base chain went, or dropped since its set was gone: asked again
        result = t.client.tcp(NAMES[name][0]).result
        # A firewall that is loaded between the answer and the connection closes the door again, for 100 ms at most.
        if before % 2 or before != loads[0]:
            unlucky[0] += 1
            return
        asked[0] += 1
        if result != "open":
            wrong_ones.append((name, result))

    with meanwhile(ask):
        for turn in range(20):
            loads[0] += 1
            t.gw.nft(("flush ruleset\n" if turn % 2 and owned else "") + MINE)
            loads[0] += 1
            done = asked[0]
            until(lambda done=done: asked[0] > done + 5, "more was asked", 20)
            until(lambda: "20.172.0.5" in held(t, "allowed4"), "what was learned is back", 5)
    expect(wrong_ones, [], f"closed doors of {asked[0]}, and {unlucky[0]} that do not count")
    expect(held(t, "allowed4")["20.172.0.5"]["comment"], "nfqdn: n5.example.net", "its comment")
    expect(t.client.tcp("20.172.0.1").result, "open", "learned before")
    t.gw.run("nft delete table inet mine")
    try:
        t.client.lookup("10.2.0.2", "n59.example.net", seconds=0.5)
        check(False, "an answer that could not be committed went on")
    except TimeoutError:
        pass
    t.gw.nft(MINE)
    until(lambda: "20.172.0.5" in held(t, "allowed4"), "what was learned is back", 5)
    t.client.lookup("10.2.0.2", "n59.example.net")
    expect(t.client.tcp("20.172.0.59").result, "open", "asked again")
    check(d.process.poll() is None, "nfqdnd lives")


@case("what the administrator put into a set stays there, whatever is learned, ends or is no longer allowed; kill -9: what nfqdn had put there is taken over",
      tags=["kernel"])
def foreign(t):
    d = simple(t)
    t.gw.run("nft add element inet mine allowed4 '{ 20.99.0.1 comment \"mine\", 20.99.0.2 timeout 1h, 20.172.0.2, 20.172.0.3 timeout 1h, 20.172.0.4 timeout 10s }'")
    for i in (1, 2, 3, 4):
        t.client.lookup("10.2.0.2", f"n{i}.example.net")

    def look(lives):
        found = held(t, "allowed4")
        expect(sorted(found), sorted(f"20.{a}" for a in lives), "the set")
        expect([found[a]["timeout"] for a in ("20.172.0.2", "20.99.0.1")], [None, None], "without an end")
        check(3500 < found["20.172.0.3"]["expires"] <= 3600 and 3500 < found["20.99.0.2"]["expires"] <= 3600, f"of an hour {found}")
        check(found["20.172.0.4"]["expires"] > 250, f"their element that would have ended before the answer's life {found}")

    every = ["99.0.1", "99.0.2", "172.0.2", "172.0.3", "172.0.4"]
    look(every + ["172.0.1"])
    d.kill()
    (d.folder / "state" / "learned").unlink(missing_ok=True)
    d.start()
    check("20.172.0.1" in {e["address"] for e in d.learned()}, "taken over")
    expect(d.learned("20.172.0.1")[0]["names"][0], "n1.example.net", "with its name")
    look(every + ["172.0.1"])
    t.client.lookup("10.2.0.2", "n2.example.net")
    t.client.lookup("10.2.0.2", "n3.example.net")
    d.reload(t.config(allow='other: { names = "www.example.com"; };', mode="sets", sets=SETS))
    expect(d.learned(), [], "nothing is allowed any more")
    kept = held(t, "allowed4")
    expect([a for a in ("20.99.0.1", "20.99.0.2", "20.172.0.2", "20.172.0.3") if a not in kept] + [a for a in kept if a == "20.172.0.1"], [], f"{kept}")


@case("nft/sets.nft, as it is, and loaded again: the ports are its own, the addresses nfqdn's")
def example(t):
    t.simple()
    t.dns(t.inet, NAMES)
    text = (ROOT / "nft" / "sets.nft").read_text(encoding="ascii")
    t.gw.nft(text)
    sets = [f"inet router {name}" for name in ("allowed4", "allowed6", "ranges4", "ranges6")]
    t.gateway(allow='web: { names = "*.example.net"; }; ' + RANGES, mode="sets", sets=sets)
    for turn in (1, 2):
        name = f"n{turn}.example.net"
        expect([t.client.tcp(a).result for a in NAMES[name]], ["prohibited"] * 2, "before the question")
        t.client.lookup("10.2.0.2", name)
        t.client.lookup("10.2.0.2", name, dnswire.AAAA)
        expect([t.client.tcp(a).result for a in [*NAMES[name], "20.170.1.1", "2603:1170::9"]], ["open"] * 4, "names and ranges")
        expect([t.client.tcp(NAMES[name][0], 1433).result, t.client.tcp("20.99.0.1").result], ["prohibited"] * 2, "another port, and another address")
        t.gw.nft(text)
        until(lambda: all(held(t, one.split()[2], "inet router") for one in sets), "all are back", 5)
        expect(t.client.tcp(NAMES["n1.example.net"][0]).result, "open", "learned before the reload")


@case("a full set: what does not fit is dropped, counted and told, the rest goes on; what ends makes room", tags=["kernel"])
def full(t):
    life = int(2 * PATIENCE)  # longer than the answer is waited for that does not come
    d = simple(t, sets=["inet mine full4"], lifetime={"grace": 0, "min": life, "max": life})
    t.client.lookup("10.2.0.2", "n1.example.net")
    t.client.lookup("10.2.0.2", "n2.example.net")  # the third place is that of 0.0.0.0
    try:
        t.client.lookup("10.2.0.2", "n3.example.net", seconds=0.3)
        check(False, "an answer went on whose address is not in the set")
    except TimeoutError:
        pass
    expect(sorted(held(t, "full4")), ["20.172.0.1", "20.172.0.2"], "the set")
    counters = d.counters()
    check(counters["answers_dropped"] == 1 and counters["elements_refused"] > 0, f"counted {counters['answers_dropped']} {counters['elements_refused']}")
    until(lambda: "the set is full" in d.log(), "told")
    until(lambda: not held(t, "full4"), "what has ended is deleted")

    def asked():
        try:
            return t.client.lookup("10.2.0.2", "n3.example.net", seconds=1)
        except TimeoutError:
            return None  # dead elements count until the kernel has collected them

    until(asked, "room")
    expect(t.client.tcp("20.172.0.3").result, "open", "asked again")


@case("groups of clients share the sets: what a group that goes had brought goes too, unless another brought it")
def groups(t):
    one = 'one: { names = "*.example.net"; clients = "10.1.0.0/24"; };'
    two = 'two: { names = "n2.example.net"; };'
    d = simple(t, allow=one + two)
    t.client.lookup("10.2.0.2", "n1.example.net")
    t.client.lookup("10.2.0.2", "n2.example.net")
    expect(sorted(held(t, "allowed4")), ["20.172.0.1", "20.172.0.2"], "both groups")
    d.reload(t.config(allow=two, mode="sets", sets=SETS))
    expect(sorted(held(t, "allowed4")), ["20.172.0.2"], "of the one that stays")
    expect(sorted({e["address"] for e in d.learned()}), ["20.172.0.2"], "learned")


@case("a table that is loaded anew: each address comes back with the life that was left, in both families", tags=["kernel"])
def lives(t):
    t.simple()
    t.dns(t.inet, {"short.example.net": ["20.172.0.1", "2603:1030::1"], "long.example.net": ["20.172.0.2", "2603:1030::2"]}, ttl=900)
    t.gw.nft(MINE)
    d = t.gateway(allow='long: { names = "long.example.net"; }; short: { names = "short.example.net"; lifetime = { max = 400; }; };', mode="sets", sets=SETS)
    for name in ("short.example.net", "long.example.net"):
        t.client.lookup("10.2.0.2", name)
        t.client.lookup("10.2.0.2", name, dnswire.AAAA)
    before = {**held(t, "allowed4"), **held(t, "allowed6")}
    expect(sorted(e["timeout"] for e in before.values()), [430, 430, 990, 990], "lives")
    t.gw.nft(MINE)
    until(lambda: len(held(t, "allowed4")) == 2 and len(held(t, "allowed6")) == 2, "all are back", 5)
    after = {**held(t, "allowed4"), **held(t, "allowed6")}
    for address, element in after.items():
        check(0 <= before[address]["expires"] - element["expires"] < 10, f"{address}: {before[address]} {element}")
        expect(element["comment"], before[address]["comment"], "comment")
    check(d.counters()["table_rebuilt"] == 1, "counted")


@case("reloads between enforce, audit, mark and sets: what is learned is in the new sets before a packet looks there", tags=["kernel"])
def reloads(t):
    d = simple(t, mode="enforce")
    t.client.lookup("10.2.0.2", "n1.example.net")
    t.client.lookup("10.2.0.2", "n2.example.net")
    t.gw.nft(MINE.replace("reject with icmpx admin-prohibited", "ip daddr 20.99.0.0/16 meta l4proto tcp reject with tcp reset"))
    attempt = t.client.tcp("20.172.0.1", keep=True)
    results = []

    def knock():
        results.append((t.client.tcp("20.172.0.1").result, t.client.tcp("20.99.0.9", seconds=0.5).result))

    with meanwhile(knock):
        for mode in ("sets", "enforce", "sets", "mark", "sets", "audit", "enforce") * 2:
            d.reload(t.config(allow=ALLOW, mode=mode, sets=SETS, mark=0x10000))
            expect(d.status()["mode"], mode, "mode")
            if mode == "sets":
                expect(sorted(held(t, "allowed4")), ["20.172.0.1", "20.172.0.2"], "filled")
                check(held(t, "allowed4")["20.172.0.1"]["expires"] > 250, "with the life that is left")
            attempt.sock.sendall(b"on")
            expect(attempt.sock.recv(10), b"on", "an open flow")
            done = len(results)
            until(lambda done=done: len(results) > done + 1, "knocks", 10)
    expect({r[0] for r in results}, {"open"}, "a learned address, all the time")
    expect({r[1] for r in results}, {"reset"}, "another one")
    expect(sorted({e["address"] for e in d.learned()}), ["20.172.0.1", "20.172.0.2"], "still learned")


if __name__ == "__main__":
    main()
