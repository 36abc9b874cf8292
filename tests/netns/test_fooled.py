#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How such filters are fooled, where no other file has a case for it. The table of all of them stands in tests/README.md."""
import pathlib
import socket
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import dnswire  # noqa: E402
from netns import NFQDND, Skip, case, check, element, elements, expect, main, until  # noqa: E402

WEB = 'web: { names = "*.example.net"; };'


def numbered(question):
    """n7.example.net has 20.210.0.8, and so on; other names 20.211.0.1."""
    word = question.name.split(".")[0]
    number = int(word[1:]) if word[1:].isdigit() else None
    return [dnswire.a(question.wire, "20.211.0.1" if number is None else f"20.210.{number // 250}.{number % 250 + 1}", 3600)]


@case("DoH and DoT to addresses that nobody was answered fail closed, and an allowed name opens its own port alone", tags=["smoke"])
def encrypted(t):
    t.simple(ports=(443, 853, 8443))
    t.echo(t.inet, [443, 784, 853])
    t.dns(t.inet, {"www.example.net": ["20.212.0.1"]})
    d = t.gateway(allow=WEB)
    t.client.lookup("10.2.0.2", "www.example.net")
    expect([t.client.tcp("20.212.0.1", p).result for p in (443, 853)], ["open", "reset"], "the allowed name's address")
    for address in ("8.8.8.8", "1.1.1.1", "2001:4860:4860::8888"):
        expect([t.client.tcp(address, p).result for p in (443, 853, 8443)], ["reset"] * 3, f"TCP to {address}")
        expect([t.client.udp(address, p).result for p in (443, 784, 853)], ["prohibited"] * 3, f"QUIC to {address}")
    expect([e["address"] for e in d.learned()], ["20.212.0.1"], "learned")


@case("thousands of names under one wildcard: bounded, its own oldest go first, and what an exact name brought stays")
def many_names(t):
    t.simple()
    t.dns(t.inet, numbered)
    d = t.gateway(allow=WEB + ' exact: { names = "exact.example.org"; };', limits={"elements": 256})
    t.client.lookup("10.2.0.2", "exact.example.org")
    for i in range(2000):
        address = t.client.lookup("10.2.0.2", f"n{i}.example.net")[0]
    expect(t.client.tcp(address).result, "open", "the last of them")
    expect(t.client.tcp("20.211.0.1").result, "open", "the exact name, older than all of them and of the same TTL")
    expect(t.client.tcp("20.210.0.1").result, "reset", "the first of them")
    expect((len(d.learned()), len(elements(t.gw, "name4")), d.counters()["elements_evicted"]), (256, 256, 2001 - 256), "learned, in the kernel, evicted")


@case("one client floods a wildcard: its own addresses go, another client's stay", tags=["smoke"])
def flood(t):
    t.simple(clients=2)
    t.dns(t.inet, numbered)
    d = t.gateway(allow=WEB, limits={"elements": 256})
    t.client.lookup("10.2.0.2", "other.example.net", source="10.1.0.2")
    for i in range(1000):
        t.client.lookup("10.2.0.2", f"n{i}.example.net", source="10.1.0.3")
    expect(t.client.tcp("20.211.0.1", source="10.1.0.2").result, "open", "the other client's address, older than all of them")
    expect(t.client.tcp("20.210.0.1", source="10.1.0.3").result, "reset", "the first of the flood")
    check(d.counters()["elements_over_share"] >= 700, "evicted for want of a share")


@case("a TTL of 2^31 or more counts as 0, one below it as the longest life there is", tags=["smoke"])
def endless(t):
    t.simple()
    ttls = {"top": (1 << 31, 300), "all": (0xFFFFFFFF, 300), "long": ((1 << 31) - 1, 86400), "day": (86400, 86400)}
    t.dns(t.inet, lambda q: [dnswire.a(q.wire, f"20.213.0.{1 + list(ttls).index(q.name.split('.')[0])}", ttls[q.name.split(".")[0]][0])])
    d = t.gateway(allow=WEB)
    for index, (word, (_, life)) in enumerate(ttls.items()):
        address = t.client.lookup("10.2.0.2", f"{word}.example.net")[0]
        left = d.knows(address)["expires_in"]
        check(life - 60 <= left <= life, f"{word}: {left} s of {life}")
        expect(element(t.gw, address)["timeout"], life + 30, f"{word} in the kernel, number {index}")
    expect(d.counters()["life_below_ttl"], 1, "answers whose TTL is longer than the longest life")


FORGED = [b"\nelement - 20.214.9.9 tcp/443 9999 9999 a.example.net 60\n", b"\nend 1 0000000000000000\n", b"# all is well", b"x\r\n<3>nfqdnd: ready", b"a.b",
          b"\0element", b"\"};\\", b"\x1b]0;owned\x07", b"\xff\xfe", b"%s%n%x", b"' ; drop table", b" 60 20.214.9.9 60"]


@case("labels that look like lines of the state file, of the log or of a configuration stay one name, over a restart and a reboot", tags=["smoke"])
def forged_lines(t):
    t.simple()
    t.dns(t.inet, lambda q: [dnswire.a(q.wire, f"20.214.0.{FORGED.index(q.wire[1:1 + q.wire[0]]) + 1}", 600)])
    d = t.gateway(allow=WEB, log_level="debug")
    for label in FORGED:
        t.client.lookup("10.2.0.2", [label, b"example", b"net"])
    names = {e["address"]: e["names"] for e in d.learned()}
    expect(sorted(names), sorted(f"20.214.0.{i}" for i in range(1, len(FORGED) + 1)), "addresses learned")
    expect({len(one) for one in names.values()}, {1}, "names of each")

    def sober(text, what):
        check(all(32 <= ord(c) < 127 or c == "\n" for c in text), f"only printable characters in {what}")
        return text.splitlines()

    for again in ("restart", "reboot"):
        d.stop()
        lines = sober((d.folder / "state" / "learned").read_text(encoding="latin-1"), "the state file")
        expect(len(lines), len(FORGED) + 2, "lines of the state file")
        expect(sum(line.startswith("element - 20.214.0.") for line in lines), len(FORGED), "its records")
        if again == "reboot":
            t.gw.run("nft delete table inet nfqdn")
        d.start()
        expect({e["address"]: e["names"] for e in d.learned()}, names, f"learned after a {again}")
    check(all(line.startswith(("nfqdnd: ", "<")) for line in sober(d.log(), "the log")), "each line of the log is the daemon's own")
    expect(t.client.tcp("20.214.9.9").result, "reset", "the address that was to be smuggled in")


@case("a name of more than 255 octets, put together by a pointer, passes unlearned; the longest lawful one teaches")
def long_name(t):
    t.simple()
    labels = {}

    def handler(question):
        # The owner: labels of our own, then a pointer to the question's name at octet 12.
        owner = b"".join(bytes([len(x)]) + x for x in labels["own"]) + b"\xc0\x0c"
        head = struct.pack("!6H", question.number, 0x8180, 1, 2, 0, 0) + question.wire + struct.pack("!HH", 1, 1)
        good = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + bytes([20, 215, 0, 1])
        return head + good + owner + struct.pack("!HHIH", 1, 1, 60, 4) + bytes([20, 215, 0, 2])

    t.dns(t.inet, handler)
    d = t.gateway(allow=WEB)
    qname = [b"w", b"example", b"net"]  # 15 octets
    for own, learned, malformed in (([b"a" * 63] * 3 + [b"b" * 48], [], 1), ([b"a" * 63] * 3 + [b"b" * 47], ["20.215.0.1"], 1)):
        labels["own"] = own
        with t.client.socket(kind=socket.SOCK_DGRAM) as sock:
            sock.settimeout(5)
            sock.connect(("10.2.0.2", 53))
            sock.send(dnswire.query(qname, number=5))
            check(sock.recv(2000), "it reaches the client")
        expect(([e["address"] for e in d.learned()], d.counters()["answers_malformed"]), (learned, malformed), f"learned, malformed with {sum(map(len, own)) + 4 + 15} octets")


@case("names that anybody can rent: `--check` says so, and `rentable = false` leaves them out")
def rentable(t):
    t.simple()
    file = t.folder / "rent.conf"
    for more, told in (("", True), (" rentable = false;", False)):
        file.write_text(t.config(allow=f'flow: {{ service = "power-automate";{more} }};'), encoding="utf-8")
        done = t.gw.run([NFQDND, "-c", str(file), "--check"], ok=False)
        expect(done.returncode, 0, f"status of --check{more}: {done.stderr}")
        expect("anybody can rent a name that matches" in done.stdout + done.stderr, told, f"the warning{more}")


@case("software flow offload that would hide later answers is found, told of, and forgotten when it goes")
def offload(t):
    t.simple()
    d = t.gateway(allow=WEB)
    expect(d.status()["warnings"], [], "warnings without a flowtable")
    text = "table inet fast {\n flowtable quick { hook ingress priority 0; devices = { lan0, up0 }; }\n}\n"
    done = t.gw.run(["nft", "-f", "-"], text=text, ok=False)
    if done.returncode:
        raise Skip(f"no flowtables here: {done.stderr.splitlines()[0]}")
    until(lambda: "flowtable fast quick" in str(d.status()["warnings"]), "status tells of it")
    check("flowtable fast quick" in d.ctl("status").stdout, "for people too")
    t.gw.run("nft delete table inet fast")
    until(lambda: not d.status()["warnings"], "it is forgotten")


if __name__ == "__main__":
    main()
