#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""nfqdnctl watch: what happens, while it happens."""
import json
import pathlib
import re
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import dnswire  # noqa: E402
from netns import NFQDNCTL, PATIENCE, ROOT, case, check, expect, main, until  # noqa: E402

ALLOW = 'web: { names = [ "*.example.net" ]; }; kiosk: { names = [ "*.example.org" ]; clients = [ "10.1.0.0/28" ]; };'
ZONE = {"www.example.net": ["20.1.2.3"], "b.example.net": ["20.1.2.3"], "www.example.org": ["20.1.2.4"], "www.example.com": ["20.1.2.5"]}
LIMIT = int(re.search(r"#define LIMIT_EVENTS (\d+)", (ROOT / "daemon/base/limits.h").read_text()).group(1))
LIFETIME = {"grace": 0, "min": 1, "max": 86400}


def started(t, ttl=120, **settings):
    t.simple()
    t.server = t.dns(t.inet, ZONE, ttl=ttl)
    return t.gateway(allow=ALLOW, **settings)


def past(d, *options, since=0, ok=True):
    """What is remembered behind `since`."""
    done = d.ctl("watch", "--since", str(since), "--timeout", "0", "--json", *options, ok=ok)
    return [json.loads(line) for line in done.stdout.splitlines()]


def kinds(events):
    return [e["kind"] for e in events]


@case("learned, refreshed, expired, denied, reloaded, refused, table lost and rebuilt: each is an event with a number, in order", tags=["smoke"])
def events(t):
    d = started(t, ttl=2, lifetime=LIFETIME, own_table="off")
    t.client.lookup("10.2.0.2", "www.example.net")
    until(lambda: "expired" in kinds(past(d)), "its life is over", 8)
    t.client.lookup("10.2.0.2", "www.example.com")
    t.client.tcp("20.1.2.5")
    until(lambda: "denied" in kinds(past(d)), "the denial")
    d.reload()
    d.reload(d.config.replace("web:", "web"), ok=1)
    t.gw.run("nft add rule inet nfqdn egress accept")
    until(lambda: kinds(past(d))[-1] == "table-rebuilt", "it is rebuilt")
    got = past(d)
    expect(kinds(got), ["started", "learned", "expired", "denied", "reloaded", "reload-refused", "table-lost", "table-rebuilt"], "kinds")
    first = got[0]["sequence"]
    expect([e["sequence"] for e in got], list(range(first, first + 8)), "numbers")
    check(all(e["api"] == 1 and abs(e["time"] - time.time()) < 60 * PATIENCE for e in got), "api and time")
    expect({k: got[1][k] for k in ("family", "address", "proto", "port", "group", "name")},
           {"family": "ipv4", "address": "20.1.2.3", "proto": "tcp", "port": 443, "group": "", "name": "www.example.net"}, "learned")
    check(1 <= got[1]["life"] <= 2, f"its life: {got[1]}")
    expect((got[2]["address"], got[2]["name"], "life" in got[2]), ("20.1.2.3", "www.example.net", False), "expired")
    expect({k: got[3][k] for k in ("client", "address", "proto", "port", "name", "verdict", "why")},
           {"client": "10.1.0.2", "address": "20.1.2.5", "proto": "tcp", "port": 443, "name": "www.example.com", "verdict": "denied", "why": "name"}, "denied")
    check(not {"first", "last", "count"} & set(got[3]), "one packet has no count")
    expect([e["generation"] for e in got if "generation" in e], [1, 2, 2, 2, 2], "generations")


@case("a refreshed address tells the name that refreshed it, a group its name; what the policy drops at a reload is told")
def refreshed(t):
    d = started(t, ttl=20, lifetime=LIFETIME)
    t.client.lookup("10.2.0.2", "www.example.net")
    t.client.lookup("10.2.0.2", "www.example.org")
    t.server.ttl = 600
    t.client.lookup("10.2.0.2", "b.example.net")
    got = past(d)
    expect(kinds(got), ["started", "learned", "learned", "refreshed"], "kinds")
    expect((got[3]["address"], got[3]["name"], 500 < got[3]["life"] <= 600), ("20.1.2.3", "b.example.net", True), "refreshed")
    expect((got[2]["address"], got[2]["group"]), ("20.1.2.4", "kiosk"), "in a group")
    d.reload(d.config.replace("*.example.net", "*.example.nowhere"))
    got = past(d)
    expect(kinds(got)[4:], ["reloaded", "dropped"], "kinds")
    expect(got[5]["address"], "20.1.2.3", "dropped")
    expect(got[2]["group"], "kiosk", "the group's name after a reload")
    d.reload(d.config.replace("kiosk:", "kiosks:"))
    expect([(e["kind"], e["address"], e["group"]) for e in past(d) if e.get("address") == "20.1.2.4"],
           [("learned", "20.1.2.4", None), ("dropped", "20.1.2.4", None)], "a group that is no more")


@case("a reload that nobody confirms is undone, and what it dropped is learned again: told in this order")
def undone(t):
    d = started(t)
    t.client.lookup("10.2.0.2", "www.example.net")
    d.write(d.config.replace("*.example.net", "*.example.nowhere"))
    d.ctl("reload", "--confirm", "1")
    until(lambda: "reload-undone" in kinds(past(d)), "it goes back")
    until(lambda: len(past(d)) == 7, "all of it")
    got = past(d)
    expect(kinds(got), ["started", "learned", "reloaded", "dropped", "reload-undone", "reloaded", "learned"], "kinds")
    expect((got[3]["address"], got[6]["address"], got[6]["name"]), ("20.1.2.3", "20.1.2.3", "www.example.net"), "what went and came")


@case("live: lines come as it happens; --count ends it, --kind leaves out the rest; without --since only what is new", tags=["smoke"])
def live(t):
    d = started(t)
    t.client.lookup("10.2.0.2", "www.example.org")
    expect(d.ctl("watch", "--timeout", "0").stdout, "", "nothing new")
    watching = t.gw.popen([NFQDNCTL, "-s", str(d.socket_path), "watch", "--json", "--count", "2", "--kind", "learned,denied"],
                          stdout=subprocess.PIPE, text=True)
    seen = [d.counters()["control_requests"]]

    def asked():  # each look is a request, too
        seen.append(d.counters()["control_requests"])
        return seen[-1] - seen[-2] > 1
    until(asked, "it has asked")
    t.client.lookup("10.2.0.2", "www.example.net")
    one = json.loads(watching.stdout.readline())
    expect((one["kind"], one["address"]), ("learned", "20.1.2.3"), "the first, at once")
    check(watching.poll() is None, "it goes on")
    d.reload()
    t.client.tcp("20.9.9.9")
    two = json.loads(watching.stdout.readline())
    expect((two["kind"], two["address"]), ("denied", "20.9.9.9"), "the second")
    expect((watching.wait(5 * PATIENCE), watching.stdout.read()), (0, ""), "and no more")
    expect(kinds(past(d, "--kind", "reloaded,started")), ["started", "reloaded"], "by kind")
    expect(kinds(past(d, "--count", "3")), ["started", "learned", "learned"], "so many")
    d.ctl("watch", "--since", "0", "--timeout", "0", "--count", "999", ok=1)
    text = d.ctl("watch", "--since", "0", "--timeout", "0").stdout.splitlines()
    check(re.fullmatch(r"\S+ \S+ \d+ learned 20\.1\.2\.4 tcp/443 \(www\.example\.org\) for \S+, group kiosk", text[1]), f"for people: {text[1]}")
    check(re.fullmatch(r"\S+ \S+ \d+ denied 10\.1\.0\.2 -> 20\.9\.9\.9 tcp/443: no entry has this address.*", text[-1]), f"for people: {text[-1]}")
    for words in (["--kind", "nonsense"], ["--kind", ""], ["--since", "15m"], ["--since", "-1"], ["--count", "0"], ["--count", "x"], ["word"]):
        check(d.ctl("watch", "--timeout", "0", *words, ok=2).stderr, f"{words} is refused, and it says why")
    d.ctl("status", "--count", "1", ok=2)


@case("resumed by number: nothing twice, nothing left out; over a restart it says so")
def resumed(t):
    d = started(t)
    t.client.lookup("10.2.0.2", "www.example.net")
    last = past(d)[-1]["sequence"]
    expect(past(d, since=last), [], "nothing since")
    t.client.lookup("10.2.0.2", "www.example.org")
    expect([(e["sequence"], e["address"]) for e in past(d, since=last)], [(last + 1, "20.1.2.4")], "what came since")
    expect(kinds(past(d, since=last + 500)), ["lost", "started", "learned", "learned"], "a number that is not there yet is of another run")
    d.stop()
    d.start()
    got = past(d, since=last + 1)
    expect((kinds(got), got[0]["count"]), (["lost", "started"], None), "another run")
    check(got[1]["sequence"] > last + 1, "its numbers are greater")
    check("started anew" in d.ctl("watch", "--since", str(last), "--timeout", "0").stdout, "for people")


@case("a bounded ring: who comes late is told how many are lost, and the slowest reader holds up nobody", seconds=90)
def lost(t):
    t.simple()
    names = {f"n{i}.example.net": [f"20.{10 + i // 250}.{i % 250}.{k}" for k in range(1, 41)] for i in range(LIMIT // 40 + 20)}
    t.dns(t.inet, names, ttl=600)
    d = t.gateway(allow=ALLOW)
    start = past(d)[0]["sequence"]
    slow = socket.socket(socket.AF_UNIX)
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    slow.connect(str(d.socket_path))
    for name in list(names)[:100]:
        t.client.query("10.2.0.2", name)
    slow.sendall(b'{"api":1,"command":"watch","after":0}\n')
    until(lambda: d.counters()["control_requests"] > 2, "it has asked, and does not read")
    for name in list(names)[100:]:
        t.client.query("10.2.0.2", name)
    counted = d.counters()
    expect(counted["answers_taught"], len(names), "all are learned meanwhile")
    total = 40 * len(names) + 1
    expect((counted["events"], counted["events_forgotten"]), (total, total - LIMIT), "events recorded and forgotten")
    check(counted["hold_microseconds_max"] < 500_000 * PATIENCE, "no answer waited for it")
    got = past(d, since=start)
    expect((got[0]["kind"], got[0]["count"], got[0]["sequence"]), ("lost", total - 1 - LIMIT, got[1]["sequence"] - 1), "what is lost")
    expect((len(got), kinds(past(d))[0]), (1 + LIMIT, "learned"), "the rest; and without a number nothing is missed")
    check(f"{total - 1 - LIMIT} events lost" in d.ctl("watch", "--since", str(start), "--timeout", "0").stdout, "for people")
    slow.settimeout(10 * PATIENCE)
    line = b""
    while not line.endswith(b"\n"):
        line += slow.recv(1 << 20)
    answer = json.loads(line)
    seen = [e["sequence"] for e in answer["result"] if e["kind"] != "lost"]
    gaps = [e["count"] for e in answer["result"] if e["kind"] == "lost"]
    expect((len(gaps), len(seen) + sum(gaps), seen == sorted(set(seen))), (1, 4001, True), "the slow reader gets what there was, or how much it lost")
    expect(answer["sequence"], start + 4000, "and where to go on")


@case("names come escaped, to the terminal and in JSON; who goes on and on is told once")
def escaped(t):
    t.simple()
    evil = [b"\x1b]0;pwned\x07\n", b"a.b\"c", b"example", b"net"]
    other = [*evil[:2], b"com"]
    answers = {tuple(evil): "20.94.0.1", tuple(other): "20.94.0.2"}
    t.dns(t.inet, lambda q: dnswire.response(q.number, q.wire, dnswire.A, [dnswire.a(q.wire, "20.94.0.1" if q.wire == dnswire.name(evil) else "20.94.0.2")]))
    d = t.gateway(allow=ALLOW)
    for name in answers:
        t.client.query("10.2.0.2", list(name))
    for _ in range(5):
        expect(t.client.tcp("20.94.0.2").result, "reset", "the other name's address")
    until(lambda: d.counters()["denials"] == 5, "five denials")
    got = past(d)
    expect(kinds(got)[:3], ["started", "learned", "denied"], "kinds")
    check(len(got) < 3 + 4, f"fewer events than denials: {len(got)}")
    for options in ((), ("--json",)):
        text = d.ctl("watch", "--since", "0", "--timeout", "0", *options).stdout
        check(all(32 <= ord(c) < 127 or c == "\n" for c in text), f"only printable characters with {options}")
    check(got[1]["name"].startswith("\\027]0;pwned\\007\\010."), f"escaped: {got[1]['name']}")


if __name__ == "__main__":
    main()
