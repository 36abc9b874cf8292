#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""nfqdnctl doctor: each finding provoked for real, and the healthy gateway without any."""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import dnswire  # noqa: E402
import packets  # noqa: E402
from netns import NFQDNCTL, NFQDND, ROOT, Skip, case, check, expect, main, until  # noqa: E402

ALLOW = 'web: { names = [ "*.example.net" ]; };'
ZONE = {"www.example.net": ["20.91.0.1", "2603:1030:91::1"]}


def findings(d, ok=None):
    """(check, severity) -> seen; each has a fix."""
    result = d.json("doctor", ok=ok)
    expect(result["api"], 1, "api")
    check(all(f["fix"] and f["seen"] for f in result["findings"]), f"each with what was seen and a fix: {result['findings']}")
    check({f["check"] for f in result["findings"]} <= set(result["checks"]), "each of a check that is listed")
    expect(result["well"], not [f for f in result["findings"] if f["severity"] != "note"], "well")
    found = {(f["check"], f["severity"]): f["seen"] for f in result["findings"]}
    # What this very kernel lacks is told always: its own case is `parts`.
    return {key: seen for key, seen in found.items() if key != ("kernel", "note") and key != ("user", "note")}


def ask(t, *resolvers):
    for resolver in resolvers or ("10.2.0.2", "fd00:2::2"):
        t.client.lookup(resolver, "www.example.net")


def healthy(t, **settings):
    t.simple()
    t.asked = t.dns(t.inet, ZONE)
    d = t.gateway(**{"allow": ALLOW, **settings})
    ask(t)
    return d


@case("a healthy gateway: no finding, exit 0, and whose answers came by", tags=["kernel", "smoke"])
def well(t):
    d = healthy(t)
    expect(findings(d, ok=0), {}, "findings")
    expect([(r["address"], r["answers"]) for r in d.json("doctor")["resolvers"]], [("10.2.0.2", 1), ("fd00:2::2", 1)], "resolvers")
    text = d.ctl("doctor").stdout
    check("all is well" in text and "10.2.0.2" in text and "0 errors" in text, f"as a text:\n{text}")
    d.ctl("doctor", "word", ok=2)


@case("what the kernel lacks, as status tells it, and what the build leaves out, as --version does", tags=["kernel"])
def parts(t):
    d = healthy(t)
    version = subprocess.run([NFQDND, "--version"], capture_output=True, text=True, check=True).stdout
    notes = {(f["check"], f["seen"].split(":")[0]): f["fix"] for f in d.json("doctor")["findings"] if f["severity"] == "note"}
    expect("kernel" in {check for check, _ in notes}, d.status()["queue"]["backend"] == "xtables", "no queue expression")
    lacking = {text: notes.get(("user", text)) for text in ("this build has no seccomp", "this build has no Landlock", "the kernel has no Landlock")}
    left_out = {name for name in ("seccomp", "Landlock") if f"without {name}" in version}
    expect(lacking, {"this build has no seccomp": "a build with libseccomp" if "seccomp" in left_out else None,
                     "this build has no Landlock": "a build with Landlock" if "Landlock" in left_out else None,
                     "the kernel has no Landlock": "a kernel with Landlock (5.13, CONFIG_SECURITY_LANDLOCK)"
                     if "Landlock, which this kernel lacks" in d.log() else None}, "notes of the user")
    told = {name for name in ("seccomp", "Landlock") if f"without {name}, which this build leaves out" in d.log()}
    expect(told, left_out, "the start's line")


@case("no answer seen although clients connect")
def unseen(t):
    t.simple()
    d = t.gateway(allow=ALLOW)
    expect(findings(d, ok=0), {}, "as long as nobody connects")
    for host in range(3):
        t.client.tcp(f"20.91.9.{host + 1}")
    got = until(lambda: findings(d).get(("dns", "error")), "it is found")
    check("no DNS answer" in got and "3 copies" in got, got)
    text = d.ctl("doctor", ok=1).stdout
    check("not well" in text and "fix:" in text and "gateway.resolvers" in text, text)
    t.dns(t.inet, ZONE)
    ask(t)
    expect(findings(d, ok=0), {}, "once one came by")


@case("a resolver that gives nothing, one that is not trusted, and DNS over TLS")
def resolvers(t):
    t.simple()
    t.dns(t.inet, ZONE)
    d = t.gateway(allow=ALLOW)
    ask(t, "10.2.0.2")
    got = findings(d, ok=0)
    expect(list(got), [("resolvers", "note")], "a silent one")
    check("fd00:2::2" in got["resolvers", "note"], f"is named: {got}")
    t.client.udp("8.8.8.8", 53, seconds=0.3)
    got = until(lambda: findings(d).get(("foreign-dns", "warning")), "a foreign resolver")
    check("10.1.0.2" in got and "8.8.8.8" in got and "1 packets" in got, got)
    t.client.tcp("1.1.1.1", 853)
    until(lambda: ("unnamed", "note") in findings(d, ok=1), "DNS over TLS")


@case("addresses that no answer named are most of what is denied")
def unnamed(t):
    d = healthy(t)
    for i in range(20):
        t.client.tcp(f"20.92.0.{i}")
    got = until(lambda: findings(d).get(("unnamed", "warning")), "it is found")
    check("20 of 20 copies" in got and "20.92.0.19" in got, got)


@case("answers that enter by a client interface")
def path(t):
    d = healthy(t)
    client_side(t)
    got = until(lambda: findings(d).get(("dns-path", "warning")), "it is found")
    check("entered by a client interface" in got, got)


def client_side(t):
    """A client's own answer to a query of its own, with the resolver's address."""
    with t.client.socket(packets.socket.AF_INET, packets.socket.SOCK_DGRAM) as sock:
        sock.bind(("10.1.0.2", 40000))
        sock.sendto(dnswire.query("x.example.net", dnswire.A, 1), ("10.2.0.2", 53))
    answer = dnswire.response(1, "x.example.net", dnswire.A, [dnswire.a("x.example.net", "20.93.0.1")])
    packets.send(t.client, "eth0", t.gw.mac("lan0"), packets.udp("10.2.0.2", 53, "10.1.0.2", 40000, answer))


@case("IPv6 is forwarded and no resolver has an IPv6 address", tags=["kernel"])
def ipv6(t):
    t.simple()
    t.dns(t.inet, ZONE)
    d = t.gateway(allow=ALLOW, resolvers=["10.2.0.2"])
    ask(t, "10.2.0.2")
    expect(list(findings(d, ok=0)), [("ipv6", "note")], "it may harm")
    t.client.udp("2603:1030:94::1", 53, seconds=0.3)
    until(lambda: ("ipv6", "warning") in findings(d, ok=1), "it does")
    t.gw.sysctl("ipv6.conf.all.forwarding", 0)
    check("ipv6" not in {c for c, _ in findings(d)}, "not forwarded")


@case("nothing is forwarded, an interface is missing, all of them are", tags=["kernel"])
def machine(t):
    d = healthy(t, interfaces=["lan0", "vlan*"])
    got = findings(d, ok=1)
    expect(list(got), [("interfaces", "warning")], "one is missing")
    check("vlan*" in got["interfaces", "warning"], f"is named: {got}")
    t.gw.ip("link add vlan7 type veth peer name peer7")
    expect(findings(d, ok=0), {}, "it came")
    t.gw.ip("link set lan0 down", "link set lan0 name other0", "link del vlan7")  # before Linux 6.2 none that is up takes another name
    check(("interfaces", "error") in findings(d, ok=1), "none is there")
    t.gw.sysctl("ipv4.ip_forward", 0)
    check(("forwarding", "error") not in findings(d, ok=1), "IPv6 still is forwarded")
    t.gw.sysctl("ipv6.conf.all.forwarding", 0)
    check(("forwarding", "error") in findings(d, ok=1), "nothing is")


@case("a port of a bridge in `interfaces` is an error while the bridge is not there: what enters is the bridge's, and not decided", tags=["kernel"])
def port(t):
    d = healthy(t)
    t.gw.ip("addr flush dev lan0", "link add br0 type bridge", "link set br0 up", "addr add 10.1.0.1/24 dev br0", "addr add fd00:1::1/64 dev br0 nodad",
            "link set lan0 master br0")
    until(lambda: t.client.tcp("20.91.9.9", seconds=0.5).result == "open", "what nobody allowed is open")
    for interfaces in (["lan0"], ["other0", "lan*"]):
        d.reload(t.config(allow=ALLOW, interfaces=interfaces))
        seen = findings(d, ok=1)["interfaces", "error"]
        check("lan0 is a port of the bridge br0" in seen, f"both are named: {seen}")
    for interfaces in (["lan0", "br0"], ["br*"]):
        d.reload(t.config(allow=ALLOW, interfaces=interfaces))
        expect(findings(d, ok=0), {}, f"with {interfaces}")
        expect(t.client.tcp("20.91.9.9").result, "reset", f"with {interfaces}")


FLOWTABLE = """table inet fw
delete table inet fw
table inet fw {
 flowtable fast { hook ingress priority 0; devices = { lan0, up0 }; }
 chain quick { %s
 }
 chain other { type filter hook forward priority -5; jump quick; accept;
 }
}
"""


@case("a flowtable that may take DNS is told, one that spares port 53 is not", tags=["kernel"])
def flowtables(t):
    d = healthy(t)
    both = "meta l4proto { tcp, udp } "
    for rule, takes in (("", False), (f"{both}flow add @fast", True), ("tcp dport 443 tcp sport != 53 flow add @fast", False),
                        ("th dport != 53 flow add @fast", True), ("th sport != 53 th dport != 53 flow add @fast", None),
                        ("th dport 53 th sport 53 flow add @fast", True), ("meta l4proto tcp ct original proto-dst != 53 flow add @fast", False),
                        ("meta l4proto tcp ct reply proto-dst != 53 flow add @fast", True),
                        ("meta l4proto tcp ct original proto-dst 53 counter return\n meta l4proto tcp flow add @fast", False),
                        (f"{both}th dport 53 return\n {both}th sport 53 accept\n {both}flow add @fast", False),
                        ("th dport 53 return\n th sport 53 return\n flow add @fast", False),
                        (f"{both}th dport 53 return\n {both}flow add @fast", True),
                        (f"{both}flow add @fast\n {both}th dport 53 return\n {both}th sport 53 return", True),
                        ("tcp dport 53 return\n tcp sport 53 return\n flow add @fast", True),
                        ("tcp dport 53 return\n tcp sport 53 return\n meta l4proto tcp flow add @fast", False),
                        ("meta l4proto udp return\n tcp dport 53 return\n tcp sport 53 return\n flow add @fast", False),
                        ("iifname lan0 th dport 53 return\n th sport 53 return\n flow add @fast", True)):
        done = t.gw.run(["nft", "-f", "-"], text=FLOWTABLE % rule, ok=False)
        if "not supported" in done.stderr or "No such file" in done.stderr:
            raise Skip(f"no flowtables here: {done.stderr.splitlines()[0]}")
        expect((done.returncode, done.stderr), (0, ""), f"nft takes {rule!r}")
        if takes is None:  # nft 1.0.6 makes one comparison of the two, which is true of all DNS
            takes = "@th,0,32" in t.gw.run("nft list table inet fw").stdout
        got = findings(d, ok=1 if takes else 0)
        expect(list(got), [("flowtables", "warning")] if takes else [], f"with {rule!r}")
        check(not takes or "fw fast" in got["flowtables", "warning"], "it is named")


@case("other chains of forward: one that drops all is an error, one that may drop a note", tags=["kernel", "smoke"])
def chains(t):
    d = healthy(t)
    kinds = (("policy drop;", "error"), ("policy drop; iifname lan0 accept;", "note"), ("policy drop; jump more;", "error"), ("policy accept;", None),
             ("policy accept; ip daddr 192.0.2.1 drop;", "note"), ("policy accept; tcp dport 23 reject;", "note"),
             ("policy drop; iifname vmap { lan0 : accept };", "note"))
    for family in ("inet", "ip", "ip6"):
        for rules, severity in kinds:
            if family == "ip6":
                rules = rules.replace("ip daddr 192.0.2.1", "ip6 daddr 2001:db8::1")
            t.gw.nft(f"table {family} fw\ndelete table {family} fw\ntable {family} fw {{\nchain more {{ counter;\n}}\n"
                     f"chain other {{ type filter hook forward priority 7; {rules}\n}}\n}}\n")
            got = findings(d, ok=1 if severity == "error" else 0)
            expect(list(got), [("chains", severity)] if severity else [], f"{family}: {rules}")
            check(not severity or f"{family} fw other (priority 7)" in got["chains", severity], f"it is named: {got}")
        t.gw.nft(f"delete table {family} fw")
    t.gw.nft("table inet fw {\nchain deep { ct mark 7 accept;\n}\nchain more { jump deep;\n}\n"
             "chain other { type filter hook forward priority 7; policy drop; goto more;\n}\n}\n")
    expect(list(findings(d, ok=0)), [("chains", "note")], "an accept two calls down")
    t.gw.nft("delete table inet fw\ntable inet fw {\nchain out { type filter hook output priority 0; policy drop; accept;\n}\n}\n")
    expect(findings(d, ok=0), {}, "other hooks do not count")


@case("the table made anew after others flushed it; a table without an owner")
def table(t):
    d = healthy(t, own_table="off")
    t.gw.run("nft delete table inet nfqdn")
    got = until(lambda: findings(d).get(("table", "warning")), "it is found")
    check("1 times others changed or flushed our table" in got, got)
    d.stop()
    d.write(t.config(allow=ALLOW))
    d.start()
    ask(t)
    status = d.status()
    expect(list(findings(d, ok=0)), [("table", "note")] if "earlier run" in status["owned_why"] else [], f"without an owner: {status['owned_why']}")


@case("audit is a note; a refused reload is told until one succeeds; a bad configuration at the start, too")
def policies(t):
    d = healthy(t, mode="audit")
    expect(list(findings(d, ok=0)), [("policy", "note")], "audit")
    d.reload(t.config(allow=ALLOW))
    expect(findings(d, ok=0), {}, "enforce")
    d.reload("gateway: { nonsense = 1; };", ok=1)
    check("reload was refused" in findings(d, ok=1)["policy", "warning"], "refused")
    d.reload(t.config(allow=ALLOW))
    expect(findings(d, ok=0), {}, "taken")
    d.write(t.config(allow=ALLOW + ' other: { names = "www.example.org"; };'))
    d.ctl("reload", "--confirm", "600")
    check("waits to be confirmed" in findings(d, ok=1)["policy", "warning"], "unconfirmed")
    d.ctl("confirm", "--undo")
    check("was not confirmed (undo)" in findings(d, ok=1)["policy", "warning"], "undone")
    d.write(t.config(allow=ALLOW))
    d.reload()
    expect(findings(d, ok=0), {}, "confirmed by a plain reload")
    d.stop()
    d.write("gateway: { nonsense = 1; };")
    d.arguments = ["--boot", str(d.folder / "state")]
    d.start()
    check("last good policy" in findings(d, ok=1)["policy", "error"], "started with a bad configuration")
    d.reload(t.config(allow=ALLOW))
    check("policy" not in {c for c, _ in findings(d)}, "mended")


@case("an old list, and a clock that is behind one")
def lists(t):
    t.simple()
    t.dns(t.inet, ZONE)
    tags = {"changeNumber": 7, "cloud": "Public", "values": [{"name": "Sql", "id": "Sql", "properties": {
        "changeNumber": 1, "region": "", "regionId": 0, "platform": "Azure", "systemService": "Sql", "addressPrefixes": ["20.95.0.0/24"]}}]}
    source, folder = t.folder / "tags.json", t.folder / "lists"
    source.write_text(json.dumps(tags), encoding="utf-8")
    folder.mkdir()
    d = None
    for as_of, want in (("2026-01-05", ("lists", "warning")), (None, None), ("2199-01-01", ("clock", "warning"))):
        command = [NFQDNCTL, "catalog", "import", "service-tags", str(source), "--name", "sql", "--tags", "Sql", "--direction", "outbound", "--ports", "tcp/1433",
                   "--to", str(folder), "--catalog", str(ROOT / "data"), "--force"] 
        t.gw.run(command)
        for path in folder.glob("*.json") if as_of else ():
            path.write_text(re.sub(r'"asOf": "[^"]*"', f'"asOf": "{as_of}"', path.read_text(encoding="utf-8")), encoding="utf-8")
        config = t.config(allow='sql: { service = "sql"; };', catalog=[str(ROOT / "data"), str(folder)])
        if d:
            d.reload(config)
        else:
            d = t.daemon(t.gw, config)
            ask(t)
        got = findings(d, ok=1 if want else 0)
        expect(list(got), [want] if want else [], f"a list of {as_of}")
        check(not want or as_of in got[want], f"with its date: {got}")


@case("a state that cannot be written, until it is")
def state(t):
    d = healthy(t, state_interval=1)
    until(lambda: d.counters()["state_written"] >= 1, "it is written")
    expect(findings(d, ok=0), {}, "before")
    os.chmod(d.folder / "state", 0o500)
    got = until(lambda: findings(d).get(("state", "warning")), "it is found")
    check("could not be written: Permission denied" in got, got)
    os.chmod(d.folder / "state", 0o755)
    until(lambda: findings(d) == {}, "it is written again")


@case("a full store")
def full(t):
    t.simple()
    t.dns(t.inet, lambda q: [dnswire.a(q.wire, f"20.96.0.{int(q.name.split('.')[0][1:])}", 300)])
    d = t.gateway(allow=ALLOW, limits={"elements": 64}, resolvers=["10.2.0.2", "fd00:2::/64"])
    for i in range(70):
        t.client.lookup("10.2.0.2", f"n{i}.example.net")
    got = findings(d, ok=1)
    check("limits.elements" in str(d.json("doctor", ok=1)["findings"]) and "6 learned addresses made room" in got["limits", "warning"], got)


@case("mode sets: a family without a set")
def sets(t):
    t.simple()
    t.dns(t.inet, ZONE)
    t.gw.nft("table inet mine {\n set allowed4 { type ipv4_addr; flags timeout; }\n}\n")
    d = t.gateway(allow=ALLOW, mode="sets", sets=["inet mine allowed4"])
    ask(t)
    expect(findings(d), {}, "IPv4 alone was asked for")
    t.client.lookup("10.2.0.2", "www.example.net", dnswire.AAAA)
    got = findings(d)
    check(any("gateway.sets names no set" in seen for seen in got.values()), got)


@case("root, and a taken NFLOG group")
def others(t):
    d = healthy(t, user="")
    expect(list(findings(d, ok=1)), [("user", "warning")], "root")
    d.stop()
    holder = "import socket, struct, sys\ns = socket.socket(16, 3, 12)\ns.bind((0, 0))\nbody = struct.pack('!BBH', 0, 0, 38068) + struct.pack('=HHB3x', 5, 1, 1)\n" \
             "s.send(struct.pack('=IHHII', 16 + len(body), 4 << 8 | 1, 5, 1, 0) + body)\nprint(struct.unpack('=i', s.recv(999)[16:20])[0], flush=True)\nsys.stdin.read()\n"
    other = t.gw.popen([sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        expect(other.stdout.readline().strip(), "0", "another program binds the group")
        d.start()
        check("NFLOG group" in findings(d, ok=1)["kernel", "warning"], "denials cannot be told")
    finally:
        other.stdin.close()
        other.wait()


@case("answers that were lost in the queue")
def queue(t):
    d = healthy(t)
    d.signal(signal.SIGSTOP)
    try:
        flood(t, 20000)
    finally:
        d.signal(signal.SIGCONT)
    until(lambda: d.status()["queue"]["waiting"] == 0, "the queue is empty again", 20)
    ask(t, "10.2.0.2")  # the next answer's number tells how many are missing
    got = until(lambda: findings(d).get(("queue", "warning")), "it is found")
    check("passed unlearned" in got, got)


def flood(t, count):
    """Answers of one flow, more than the queue holds (8,192 packets, or its socket before)."""
    with t.client.socket(kind=packets.socket.SOCK_DGRAM) as sock:
        sock.connect(("10.2.0.2", 53))
        sock.send(dnswire.query("www.example.net", number=7))
        until(lambda: t.asked.asked, "the question arrived")
        answer = dnswire.response(7, "flood.example.net", dnswire.A, [dnswire.a("flood.example.net", "20.182.0.3", 300)])
        packet = packets.udp("10.2.0.2", 53, "10.1.0.2", sock.getsockname()[1], answer)
        with t.inet, packets.socket.socket(packets.socket.AF_PACKET, packets.socket.SOCK_DGRAM, 0) as raw:
            to = ("eth0", 0x0800, 0, 0, bytes.fromhex(t.gw.mac("up0").replace(":", "")))
            for _ in range(count):
                raw.sendto(packet, to)


@case("no daemon: what nfqdnctl sees by itself, and exit 3")
def alone(t):
    t.simple()
    path = str(t.folder / "none.sock")
    done = t.gw.run([NFQDNCTL, "-s", path, "doctor", "--json"], ok=False)
    result = json.loads(done.stdout)
    expect((done.returncode, result["well"], result["findings"][0]["check"]), (3, False, "daemon"), "exit, well, first finding")
    check("--check" in result["findings"][0]["fix"], "how to start it")
    d = t.gateway(allow=ALLOW)
    done = t.gw.run([NFQDNCTL, "-s", path, "doctor"], ok=False)
    check(done.returncode == 3 and "nfqdnd runs here (table nfqdn)" in done.stdout, f"another socket: {done.stdout}")
    d.stop()
    t.gw.sysctl("ipv4.ip_forward", 0)
    t.gw.sysctl("ipv6.conf.all.forwarding", 0)
    done = t.gw.run([NFQDNCTL, "-s", path, "doctor"], ok=False)
    check("forwards neither" in done.stdout and "2 errors" in done.stdout, done.stdout)


if __name__ == "__main__":
    main()
