#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The table belongs to nfqdnd: others read it, and can neither change nor flush it; a crash leaves it standing, and the next start takes it over."""
import pathlib
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from netns import NFQDND, Skip, case, check, elements, expect, main, until  # noqa: E402

WEB = 'web: { names = "*.example.net"; addresses = "20.99.0.0/24"; };'
NAMES = {f"n{i}.example.net": [f"20.1.2.{i}"] for i in range(1, 21)}


def world(t):
    t.simple()
    t.dns(t.inet, {**NAMES, "*.late.example.net": "20.1.9.9"})


def owned(d):
    status = d.status()
    if "the kernel cannot" in status["owned_why"]:
        raise Skip("the kernel has no persistent owned tables (Linux 6.9)")
    return status["owned"]


def ready(t, **gateway):
    """A gateway with an owned table that learned n1 to n20."""
    world(t)
    d = t.gateway(allow=WEB, **gateway)
    expect(owned(d), True, "the table is owned")
    for name in NAMES:
        t.client.lookup("10.2.0.2", name)
    return d


def filters(t, known="20.1.2.1"):
    expect(t.client.tcp(known).result, "open", "a learned address")
    expect(t.client.tcp("20.99.0.9").result, "open", "an address of the policy")
    expect(t.client.tcp("20.1.3.1").result, "reset", "what nobody asked for")


class Traffic:
    """Allowed and denied connections all the time, until the end of the `with`; none may go another way than it should."""

    def __init__(self, t):
        self.t, self.rounds, self.wrong, self.ended = t, 0, [], threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.ended.is_set() and not self.wrong:
            got = [self.t.client.tcp(a, read=False).result for a in ("20.1.2.3", "20.99.0.7", "20.1.3.3")]
            self.rounds += 1
            if got != ["open", "open", "reset"]:
                self.wrong.append(got)

    def __enter__(self):
        self.thread.start()
        until(lambda: self.rounds > 2 or self.wrong, "traffic")
        return self

    def __exit__(self, *_):
        seen = self.rounds
        try:
            until(lambda: self.rounds > seen + 2 or self.wrong, "traffic afterwards")
        finally:
            self.ended.set()
            self.thread.join()
        expect(self.wrong, [], f"connections that went wrong in {self.rounds} rounds")


@case("a hundred times `nft flush ruleset`, under DNS and TCP: nothing allowed is lost, nothing denied gets through", tags=["smoke"], seconds=120)
def flushed(t):
    d = ready(t)
    loop = t.gw.popen(["sh", "-c", "i=0; while [ $i -lt 100 ]; do nft flush ruleset || exit 9; i=$((i + 1)); done"])
    asked = 0
    with Traffic(t):
        while loop.poll() is None or asked < 50:
            asked += 1
            expect(t.client.query("10.2.0.2", f"q{asked}.late.example.net").addresses(), ["20.1.9.9"], "an answer")
            expect(t.client.tcp("20.1.9.9", read=False).result, "open", "the first packet after an answer")
    expect(loop.returncode, 0, "the loop's end")
    filters(t)
    counters = d.counters()
    expect({c: counters[c] for c in ("table_rebuilt", "answers_dropped", "transactions_failed", "transactions_lost")},
           {"table_rebuilt": 0, "answers_dropped": 0, "transactions_failed": 0, "transactions_lost": 0}, "counters")
    expect(len(d.learned()), 21, "learned elements")


@case("what others try to do to the table is refused, and they read it as before", tags=["smoke"])
def refused(t):
    d = ready(t)
    saved = t.gw.run("nft list ruleset").stdout
    before = t.gw.run("nft -s list table inet nfqdn").stdout
    check("20.1.2.7 . tcp . 443" in saved and "goto client" in saved, "the table is listed:\n" + saved)
    for text in ("delete table inet nfqdn", "flush table inet nfqdn", "flush chain inet nfqdn client", "insert rule inet nfqdn egress accept",
                 "add chain inet nfqdn theirs", "chain inet nfqdn egress { policy drop; }", "flush set inet nfqdn name4", "delete set inet nfqdn name6",
                 "add element inet nfqdn name4 { 20.1.3.1 . tcp . 443 timeout 60s }", "delete element inet nfqdn name4 { 20.1.2.1 . tcp . 443 }",
                 "add table inet nfqdn { flags dormant; }", "flush ruleset\n" + saved):
        done = t.gw.run(["nft", "-f", "-"], ok=False, text=text + "\n")
        check(done.returncode != 0, f"`{text}` is refused")
    expect(t.gw.run("nft -s list table inet nfqdn").stdout, before, "the table")
    filters(t)
    expect(d.counters()["table_rebuilt"], 0, "rebuilds")
    expect(d.ctl("status").stdout.count("\nowned       yes\n"), 1, "status for people")
    # Ours are not: a reload exchanges the rules, a name goes into the set.
    d.reload(t.config(allow=WEB + ' more: { addresses = "20.98.0.1"; };'))
    expect(t.client.tcp("20.98.0.1").result, "open", "after a reload")
    filters(t)


@case("kill -9: the table stands and filters; the next start takes it over with what was learned, without a gap", tags=["smoke"], seconds=120)
def killed(t):
    d = ready(t, state_interval="off")
    with Traffic(t) as traffic:
        for _ in range(5):
            d.kill()
            expect(len(elements(t.gw, "name4")), 20, "elements without a daemon")
            expect(t.client.query("10.2.0.2", "n1.example.net").addresses(), ["20.1.2.1"], "DNS without a daemon")
            filters(t)
            seen = traffic.rounds
            until(lambda n=seen: traffic.rounds > n + 1 or traffic.wrong, "traffic without a daemon")
            d.start()
            expect(owned(d), True, "it is owned again")
            expect((len(d.learned()), d.counters()["elements_adopted"], d.counters()["table_rebuilt"]), (20, 20, 0), "learned, adopted, rebuilt")
    check(t.gw.run("nft delete table inet nfqdn", ok=False).returncode != 0, "others are refused again")
    t.client.lookup("10.2.0.2", "x.late.example.net")
    expect(t.client.tcp("20.1.9.9").result, "open", "what is learned now")


@case("SIGTERM leaves the table, without an owner: others may flush it then; --flush removes it, also right after kill -9, and not under a running daemon")
def removed(t):
    d = ready(t)
    d.stop()
    filters(t)
    d.start()
    expect(owned(d), True, "taken over")
    done = t.gw.run([NFQDND, "-c", str(d.file), "--flush"], ok=False)
    expect(done.returncode, 4, "--flush while it runs")
    filters(t)
    for _ in range(5):
        d.kill()
        t.gw.run([NFQDND, "-c", str(d.file), "--flush"])
        expect(t.gw.run("nft list tables").stdout, "", "tables")
        expect(t.client.tcp("20.1.3.1").result, "open", "nothing is decided")
        d.start()
        expect(owned(d), True, "made anew")
    d.kill()
    t.gw.run("nft flush ruleset")
    expect(t.gw.run("nft list tables").stdout, "", "tables")
    d.start()
    expect((owned(d), t.client.tcp("20.1.3.1").result), (True, "reset"), "made anew")


@case("a table that was made without an owner is kept as it is, and told; made anew, it has one")
def found(t):
    world(t)
    d = t.gateway(allow=WEB, own_table="off")
    expect((d.status()["owned"], d.status()["owned_why"]), (False, 'own-table is "off"'), "owned")
    expect(d.ctl("status").stdout.count('\nowned       no (own-table is "off")\n'), 1, "status for people")
    t.client.lookup("10.2.0.2", "n1.example.net")
    t.client.lookup("10.2.0.2", "n3.example.net")
    d.stop()
    d.write(t.config(allow=WEB))
    with Traffic(t):
        d.start()
    expect(owned(d), False, "owned")
    check("--flush" in d.status()["owned_why"], "what to do is told")
    check("has no owner" in d.log(), "in the log, too")
    filters(t)
    d.reload()
    expect(owned(d), False, "after a reload")
    # Others may still do harm, which is mended; what is made anew belongs to us.
    t.gw.run("nft flush ruleset")
    until(lambda: d.counters()["table_rebuilt"] == 1, "the rebuild")
    until(lambda: owned(d), "it is owned")
    filters(t)
    check(t.gw.run("nft delete table inet nfqdn", ok=False).returncode != 0, "others are refused")
    expect(d.counters()["table_rebuilt"], 1, "rebuilds")


@case("own-table = off after it was on: the table that was left is used, others may change it, and it is mended")
def off(t):
    d = ready(t)
    out = d.reload(t.config(allow=WEB, own_table="off"), ok=1)
    check("gateway.own-table: cannot change while nfqdnd runs: restart it" in out.stdout + out.stderr, f"the reload is refused: {out}")
    expect(owned(d), True, "still owned")
    d.stop()
    with Traffic(t):
        d.start()
    expect(owned(d), False, "owned")
    expect(len(d.learned()), 20, "learned elements taken over")
    t.gw.run("nft flush chain inet nfqdn client")
    until(lambda: d.counters()["table_rebuilt"] == 1, "the rebuild")
    filters(t)
    t.gw.run("nft flush ruleset")
    until(lambda: d.counters()["table_rebuilt"] == 2, "the rebuild")
    filters(t)
    expect(owned(d), False, "owned")


@case("two instances each own their table; the one that ends takes nothing of the other's along")
def two(t):
    d = ready(t)
    second = t.daemon(t.gw, t.config(allow=WEB, name="second", table="second", queue={"first": 9}, interfaces=["lan9"]), name="second")
    expect((owned(d), owned(second)), (True, True), "owned")
    with Traffic(t):
        t.gw.run("nft flush ruleset")
        expect(t.gw.run("nft list tables").stdout.split("\n")[:-1], ["table inet nfqdn", "table inet second"], "tables")
        second.kill()
        t.gw.run("nft flush ruleset")
        expect(t.gw.run("nft list tables").stdout.split("\n")[:-1], ["table inet nfqdn"], "tables after the end of one")
        second.start()
        d.reload()
        second.reload()
        t.gw.run("nft flush ruleset")
        expect(t.gw.run("nft list tables").stdout.split("\n")[:-1], ["table inet nfqdn", "table inet second"], "tables after its start")
    expect((d.counters()["table_rebuilt"], second.counters()["table_rebuilt"]), (0, 0), "rebuilds")


if __name__ == "__main__":
    main()
