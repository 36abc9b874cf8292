#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What goes wrong in the lab on demand, and what the gateway makes of it."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import labdns  # noqa: E402
from lab import CLOCK, FAULTS, Lab, LabError, split  # noqa: E402
from netns import CASES, Skip, case, check, expect, main, until  # noqa: E402

POLICY = 'allow: { web: { names = "*.example.net"; }; };'
KNOWN, FRESH = "20.1.0.1", "20.1.0.2"


class Faulty:
    """A lab in which known.example.net was asked for and fresh.example.net was not."""

    def __init__(self, t, **options):
        self.lab = Lab(t, "simple", POLICY, **options).up()
        for name, address in (("known", KNOWN), ("fresh", FRESH)):
            self.yes(f"record {name}.example.net 300 A {address}")
        self.yes("open known.example.net")
        self.no(f"open {FRESH}")

    def do(self, line):
        return self.lab.do(split(line))

    def yes(self, line):
        done = self.do(line)
        check(done.ok, f"{line}: {done.text}")
        return done.text

    def no(self, line):
        done = self.do(line)
        check(not done.ok, f"{line} should not be so: {done.text}")
        return done.text

    def soon(self, line):
        until(lambda: self.do(line).ok, line, 10)

    def life(self, address):
        return self.lab.daemons["gateway"].knows(address)["expires_in"]


@case("fault dns-delay: a late answer teaches before the client has it")
def dns_delay(t):
    f = Faulty(t)
    f.yes("fault dns-delay 0.3 match=fresh.*")
    f.no("ask fresh.example.net tries=1 wait=0.05")
    f.yes("ask known.example.net tries=1 wait=0.2")
    f.yes("open fresh.example.net")


@case("fault dns-drop: the client asks again; the same seed drops the same answers, another one others")
def dns_drop(t):
    f = Faulty(t)
    for i in range(12):
        f.yes(f"record n{i}.example.net A 20.1.1.{i}")
    seen = []
    for seed in (1, 1, 2):
        check(f"seed={seed}" in f.yes(f"fault dns-drop share=50 seed={seed} match=n*"), "the seed is told")
        seen.append([f.do(f"ask n{i}.example.net tries=1 wait=0.15").ok for i in range(12)])
        f.yes("clear")
    expect(seen[0], seen[1], "answers under the same seed")
    check(seen[0] != seen[2] and 0 < sum(seen[0]) < 12, f"some come, some do not: {seen}")
    f.yes("fault dns-drop match=fresh.*")
    check("no answer for fresh.example.net" in f.no("open fresh.example.net tries=1 wait=0.1"), "an answer that did not come is told apart from one without an address")
    f.no(f"learned {FRESH}")
    f.yes("clear")
    f.yes("open fresh.example.net")


@case("fault dns-servfail: nothing is learned, what was learned stays")
def dns_servfail(t):
    f = Faulty(t)
    f.yes("fault dns-servfail")
    check("SERVFAIL" in f.no("ask fresh.example.net"), "the answer")
    f.no(f"learned {FRESH}")
    f.no("ask known.example.net")
    f.yes(f"open {KNOWN}")


@case("fault dns-truncated: empty over UDP, learned from the answer over TCP")
def dns_truncated(t):
    f = Faulty(t)
    f.yes("fault dns-truncated")
    f.yes("open fresh.example.net")
    check(any(q.tcp for q in f.lab.resolvers[0].asked), "it was asked over TCP")


@case("fault dns-ttl: none below the least life, none above the longest, 2^31 counts as 0")
def dns_ttl(t):
    f = Faulty(t)
    for ttl, low, high in ((0, 250, 300), (2147483648, 250, 300), (3600, 3600, 3660), (1000000, 86000, 86400)):
        f.yes("clear")
        f.yes(f"fault dns-ttl {ttl}")
        f.yes(f"record t{ttl}.example.net A 20.1.2.{len(str(ttl))}")
        f.yes(f"open t{ttl}.example.net")
        check(low <= f.life(f"20.1.2.{len(str(ttl))}") <= high, f"TTL {ttl} lives {f.life(f'20.1.2.{len(str(ttl))}')} s")


@case("fault dns-wrong-id: the client takes no such answer, and with verify = query it teaches nothing")
def dns_wrong_id(t):
    f = Faulty(t, settings='verify = "query";')
    f.yes("fault dns-wrong-id")
    f.no("ask fresh.example.net wait=0.2")
    f.no(f"learned {FRESH}")
    f.yes(f"refused {FRESH}")
    f.yes("clear")
    f.yes("open fresh.example.net")


@case("fault dns-forged: what the client sends itself in the resolver's name teaches nothing, the genuine answer does")
def dns_forged(t):
    f = Faulty(t)
    f.yes("fault dns-forged 20.66.0.1")
    check("20.66.0.1" in f.yes("ask fresh.example.net"), "the forged answer is the first that comes")
    f.yes("refused 20.66.0.1")
    f.no("learned 20.66.0.1")
    f.soon(f"open {FRESH}")
    f.yes("counter kernel_snoop_unlearned_interface_packets > 0")


@case("fault dns-flapping: each address that an answer named is open, the earlier ones too")
def dns_flapping(t):
    f = Faulty(t)
    f.yes("fault dns-flapping 20.2.0.1 20.2.0.2 20.2.0.3 match=fresh.*")
    for turn in range(6):
        check(f"20.2.0.{turn % 3 + 1}" in f.yes("open fresh.example.net"), f"turn {turn}")
    for i in (1, 2, 3):
        f.yes(f"open 20.2.0.{i}")
    f.no(f"learned {FRESH}")


def flushed(t, settings):
    f = Faulty(t, settings=settings)
    told = f.yes("fault table-flushed")
    until(lambda: f.lab.nets["gateway"].run("nft list table inet nfqdn", ok=False).returncode == 0, "the table is there", 10)
    f.soon(f"open {KNOWN}")
    f.soon(f"refused {FRESH}")
    f.yes("open fresh.example.net")
    return told, f.lab.daemons["gateway"].counters()["table_rebuilt"]


@case("fault table-flushed: a table that nfqdnd does not own is rebuilt with what was learned")
def table_flushed(t):
    told, rebuilds = flushed(t, 'own-table = "off";')
    check("is gone" in told and rebuilds, f"{told}, {rebuilds}")


@case("fault table-flushed: the kernel spares a table of nfqdnd's own, where it can")
def table_owned(t):
    told, rebuilds = flushed(t, "")
    if "is gone" in told:
        raise Skip("this kernel knows no owner of a table")
    expect(rebuilds, 0, "rebuilds")


@case("fault daemon-killed: DNS passes, what was learned stays open, nothing new opens until it starts again")
def daemon_killed(t):
    f = Faulty(t)
    f.yes("fault daemon-killed")
    check("does not run" in f.yes("status"), "status says so")
    f.yes("ask fresh.example.net")
    f.yes(f"open {KNOWN}")
    f.yes(f"refused {FRESH}")
    f.yes("daemon start")
    f.yes("open fresh.example.net")


@case("fault daemon-stopped: the answer is held, and teaches when the daemon goes on")
def daemon_stopped(t):
    f = Faulty(t)
    f.yes("fault daemon-stopped")
    f.no("ask fresh.example.net tries=1 wait=0.3")
    f.yes(f"open {KNOWN}")
    f.yes(f"refused {FRESH}")
    f.yes("clear")
    f.soon(f"open {FRESH}")


@case("fault queue-filled: answers pass unlearned meanwhile, and the daemon learns again afterwards")
def queue_filled(t):
    f = Faulty(t)
    f.yes("fault queue-filled")
    f.yes("ask fresh.example.net tries=1 wait=1")
    f.yes(f"refused {FRESH}")
    f.yes("clear")
    until(lambda: f.lab.daemons["gateway"].status()["queue"]["waiting"] == 0, "the queue is empty again", 20)
    f.yes("open fresh.example.net")


@case("fault clock-stepped: the wall clock changes nothing, time that passes ends what was learned")
def clock_stepped(t):
    f = Faulty(t)
    if not (t.folder / "gateway.clock").exists():
        raise Skip(f"no {CLOCK.name} here: not built, or a build with sanitizers")
    for seconds in (86400 * 400, -86400 * 800):
        before = f.life(KNOWN)
        f.yes(f"fault clock-stepped {seconds}")
        f.yes("ctl wait ready")
        check(before - 20 <= f.life(KNOWN) <= before, "the life is what it was")
        f.yes(f"open {KNOWN}")
    f.yes("fault clock-stepped 200 monotonic")
    until(lambda: f.life(KNOWN) < 200, "200 s less are left", 10)
    f.yes(f"open {KNOWN}")
    f.yes("fault clock-stepped 300 monotonic")
    f.soon(f"refused {KNOWN}")
    f.no(f"learned {KNOWN}")
    f.yes("open fresh.example.net")
    try:
        f.yes("fault clock-stepped -5 monotonic")
        check(False, "a monotonic clock went back")
    except LabError as error:
        check("never goes back" in str(error), str(error))


@case("fault uplink-down: nothing answers, nothing is forgotten, and it goes on when the uplink is back")
def uplink_down(t):
    f = Faulty(t)
    f.yes("fault uplink-down")
    f.no("ask fresh.example.net tries=1 wait=0.2")
    f.no(f"open {KNOWN} wait=0.3")
    f.yes(f"learned {KNOWN}")
    f.yes("fault uplink-up")
    f.soon(f"open {KNOWN}")
    f.soon("open fresh.example.net")
    f.yes("open known.example.net")


@case("each fault has a case here, and `faults` tells of each")
def complete(t):
    lab = Lab(t, "simple", POLICY, daemon=False).up()
    told = lab.do(["faults"]).text
    own = {entry.title.split()[1].rstrip(":") for entry in CASES if entry.title.startswith("fault ")}
    expect(own | {"uplink-up"}, {*labdns.DNS_FAULTS, *FAULTS}, "faults with a case")
    for name in (*labdns.DNS_FAULTS, *FAULTS):
        check(f"{name} " in told, name)


if __name__ == "__main__":
    main()
