#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's assist without a module: the eBPF program that xt_bpf calls. Like test_assist.py; skipped where the program
cannot be loaded."""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import dnswire  # noqa: E402
import fqdngenl as genl  # noqa: E402
from netns import NFQDND, Skip, case, check, expect, main, until  # noqa: E402
from assist import (UNRELATED, WEB, ZONE, derived_names_are_seen, flood_costs_copies, messages_teach_the_same,  # noqa: E402
                    names_are_not_told, names_are_told, queued, stays, told)


def no_module(t):
    with t.gw:
        try:
            genl.Family()
        except FileNotFoundError:
            return
    raise Skip("the kernel module is loaded, and comes first")


def gateway(t, report_names="policy", **options):
    """The usual daemon, which must use the program."""
    no_module(t)
    d = t.gateway(kernel_assist="auto", report_names=report_names, **options)
    if not d.status()["kernel_assist"].startswith("bpf"):
        raise Skip(d.status()["kernel_assist"])
    return d


def asking(t):
    """Is there the rule that asks the program? nft prints the match as nothing, or as xt match "bpf"."""
    return re.search(r"chain snoop_path {\s+meta l4proto udp", t.gw.run(["nft", "list", "ruleset"]).stdout) is not None


def queues(t, d, qname, server="10.2.0.2"):
    before = queued(d)
    t.client.query(server, qname)
    return queued(d) - before


def repeat(t, d, qname, server="10.2.0.2"):
    """Asks until the answer passes: nfqdnd says that it is known after the verdict on the second one."""
    until(lambda: queues(t, d, qname, server) == 0, f"the answer for {qname} passes")


def passed(d):
    counters = d.counters()
    return counters["assist_unrelated"], counters["assist_known"]


@case("unrelated answers and known ones pass without a wake-up, new ones teach", tags=["kernel"])
def passes(t):
    t.simple()
    t.dns(t.inet, {**ZONE, "www.example.net.other.test": ["20.140.0.6"], "xwww.example.com": ["20.140.0.7"]}, ttl=200)
    d = gateway(t, allow=WEB)
    check("bpf" in d.ctl("status").stdout, "the text of status")
    for qname in ("www.example.net.other.test", "example.net", "EXAMPLE.Net", "xwww.example.com"):
        t.client.lookup("10.2.0.2", qname)
    expect(queued(d), 0, "packets queued by unrelated answers")
    expect(passed(d), (4, 0), "answers passed")
    for qname, address in (("www.example.net", "20.140.0.1"), ("www.example.com", "20.140.0.2"), ("files-7.example.org", "20.140.0.3")):
        t.client.lookup("10.2.0.2", qname)
        expect(t.client.tcp(address).result, "open", qname)
    expect(queued(d), 3, "packets queued by new answers")
    expect(queues(t, d, "www.example.net"), 1, "packets queued by the first repetition")
    repeat(t, d, "www.example.net")
    counters = d.counters()
    expect(queues(t, d, "WWW.example.net"), 0, "packets queued by the same name in capitals")
    after = d.counters()
    expect([after[name] - counters[name] for name in ("answers", "answers_known", "assist_known")], [1, 1, 1], "counters, as without it")
    expect(queues(t, d, "other.example.org"), 1, "below a label with a star all is left to nfqdnd")


@case("a longer TTL, another address: nfqdnd sees it; the same addresses in another order it does not")
def changed(t):
    t.simple()
    wanted = {"ttl": 100, "addresses": ["20.140.1.1", "20.140.1.2"]}
    t.dns(t.inet, lambda q: [dnswire.address(q.name, a, wanted["ttl"]) for a in wanted["addresses"]] if q.kind == dnswire.A else [])
    d = gateway(t, allow=WEB)

    def ask(change, queues, what):
        wanted.update(change)
        before = queued(d)
        t.client.lookup("10.2.0.2", "www.example.net")
        expect(queued(d) - before, queues, f"packets queued by {what}")

    ask({}, 1, "a new answer")
    repeat(t, d, "www.example.net")
    ask({"addresses": ["20.140.1.2", "20.140.1.1"]}, 0, "another order")
    ask({"ttl": 60}, 0, "a shorter TTL")  # the resolver's cache counts down
    ask({"ttl": 86000}, 1, "a longer TTL")
    expect(d.counters()["elements_refreshed"], 2, "elements refreshed")
    ask({"ttl": 100, "addresses": ["20.140.1.2", "20.140.1.3"]}, 1, "another address")
    expect(t.client.tcp("20.140.1.3").result, "open", "what it opens")


@case("a derived name is seen as soon as its origin's answer passes, and after a reload")
def derived(t):
    t.simple()
    derived_names_are_seen(t, lambda: gateway(t, allow=WEB))


@case("a reload exchanges the patterns, and what was known is looked at again; off takes the program away")
def reload(t):
    t.simple()
    t.dns(t.inet, ZONE, ttl=200)
    d = gateway(t, allow=WEB)
    repeat(t, d, "www.example.net")
    d.reload(t.config(allow=WEB, kernel_assist="auto", report_names="policy"))
    expect(queues(t, d, "www.example.net"), 1, "packets queued by what was known")
    repeat(t, d, "www.example.net")
    d.reload(t.config(allow='web: { names = "other.example.org"; };', kernel_assist="auto", report_names="policy"))
    expect((queues(t, d, "www.example.net"), t.client.tcp("20.140.0.1").result), (0, "reset"), "what was allowed")
    expect((queues(t, d, "other.example.org"), t.client.tcp("20.140.0.4").result), (1, "open"), "what is allowed now")
    check(asking(t), "the rules ask the program")
    d.reload(t.config(allow=WEB, kernel_assist="off", report_names="policy"))
    expect((d.status()["kernel_assist"], asking(t)), ("off", False), "status, and the rules")
    expect(queues(t, d, "example.net"), 1, "packets queued without the program")
    d.reload(t.config(allow=WEB, kernel_assist="require", report_names="policy"))
    expect((queues(t, d, "example.net"), d.status()["kernel_assist"]), (0, "bpf"), "packets queued with it again")


@case("report-names = all, the default: an unrelated answer passes and a copy tells its name; policy: none does, and denied says so", tags=["kernel"])
def reports(t):
    t.simple()
    t.dns(t.inet, UNRELATED, ttl=200)
    d = gateway(t, report_names=None, allow=WEB)
    names_are_told(t, d)
    d.reload(t.config(allow=WEB, kernel_assist="auto", report_names="policy"))
    names_are_not_told(t, d)
    d.reload(t.config(allow=WEB, kernel_assist="auto"))
    t.client.lookup("10.2.0.2", "b.flood.test")
    expect((told(t, d, "20.140.0.10"), queued(d)), (("b.flood.test", "name"), 0), "after a reload to all")


@case("a flood of unrelated answers costs copies, which are counted, and no answer; nobody waits for nfqdnd")
def flood(t):
    t.simple()
    t.dns(t.inet, UNRELATED, ttl=200)
    flood_costs_copies(t, gateway(t, report_names="all", allow=WEB))


@case("a resolver on the gateway: what it answers itself is copied, too")
def on_the_gateway(t):
    t.simple()
    t.dns(t.gw, UNRELATED, ttl=200)
    d = gateway(t, report_names="all", allow=WEB, resolvers=["10.1.0.1"])
    t.client.lookup("10.1.0.1", "files.other.test")
    expect((told(t, d, "20.140.0.8"), queued(d)), (("files.other.test", "name"), 0), "its denial, and packets queued")
    repeat(t, d, "www.example.net", "10.1.0.1")


@case("what nfqdnd deletes before its end is known no longer")
def evicted(t):
    t.simple()
    t.dns(t.inet, lambda q: [dnswire.a(q.name, f"20.142.0.{int(q.name.split('.')[0][1:]) + 1}", 200)])
    d = gateway(t, allow=WEB, limits={"elements": 64})
    repeat(t, d, "n0.example.net")
    for i in range(1, 70):
        t.client.lookup("10.2.0.2", f"n{i}.example.net")
    until(lambda: d.counters()["elements_evicted"] > 0, "something had to go")
    t.client.lookup("10.2.0.2", "n0.example.net")
    expect(t.client.tcp("20.142.0.1").result, "open", "the first one, asked again")


@case("over IPv6, and in long messages, it decides alike; what is too long is nfqdnd's")
def long(t):
    t.simple()
    wanted = {"count": 16}
    t.dns(t.inet, lambda q: [dnswire.a(q.name, f"20.143.0.{i + 1}", 200) for i in range(wanted["count"])] if q.kind == dnswire.A else [])
    d = gateway(t, allow=WEB)
    for server in ("10.2.0.2", "fd00:2::2"):
        expect(queues(t, d, "www.other.test", server), 0, f"unrelated answers queued, from {server}")
        expect(queues(t, d, f"n{len(server)}.example.net", server), 1, f"a new answer of 16 addresses, from {server}")
        repeat(t, d, f"n{len(server)}.example.net", server)
    wanted["count"] = 31
    repeat(t, d, "www.example.net")
    wanted["count"] = 33
    expect([queues(t, d, "www.example.com") for _ in range(4)], [1, 1, 1, 1], "with more records than it reads")


@case("two daemons in one namespace have a program each")
def instances(t):
    t.simple()
    t.second_segment()
    t.dns(t.inet, ZONE)
    a = gateway(t, allow='n: { names = "*.example.net"; };', table="gate_a", queue={"first": 0}, interfaces=["lan0"])
    b = t.daemon(t.gw, t.config(allow='o: { names = "other.example.org"; };', name="b", table="gate_b", queue={"first": 7}, interfaces=["lan1"],
                                kernel_assist="require", report_names="policy"), name="b")
    t.client.lookup("10.2.0.2", "www.example.net")
    t.client.lookup("10.2.0.2", "other.example.org")
    expect((queued(a), queued(b)), (1, 1), "packets queued")
    expect((passed(a), passed(b)), ((1, 0), (1, 0)), "passed")


@case("the daemon dies and comes back, with another policy: DNS passes meanwhile, and nothing passes unseen after")
def crash(t):
    t.simple()
    t.dns(t.inet, ZONE, ttl=200)
    d = gateway(t, allow=WEB)
    t.client.lookup("10.2.0.2", "www.example.net")
    d.kill()
    expect(len(t.client.lookup("10.2.0.2", "www.example.com")), 1, "DNS without the daemon")
    d.write(t.config(allow='web: { names = [ "www.example.com", "other.example.org" ]; };', kernel_assist="require", report_names="policy"))
    d.start()
    for qname, address in (("www.example.com", "20.140.0.2"), ("other.example.org", "20.140.0.4")):
        t.client.lookup("10.2.0.2", qname)
        expect(t.client.tcp(address).result, "open", f"{qname} after it came back")


@case("the daemon dies and stays away: what was known is so until its deadline alone, then every answer meets the queue again")
def orphaned(t):
    t.simple()
    t.dns(t.inet, ZONE, ttl=1)
    d = gateway(t, allow=WEB, lifetime={"grace": 2, "min": 8})
    repeat(t, d, "www.example.net")
    d.kill()

    def meets():
        before = met()
        t.client.query("10.2.0.2", "www.example.net")
        return met() > before

    def met():
        return int(re.search(r"packets (\d+)", t.gw.run("nft list counter inet nfqdn snoop_queued").stdout).group(1))

    check(not meets(), "the rules hold the program, and the program what it knew")
    until(meets, "the deadline passes", 20)
    t.client.query("10.2.0.2", "www.example.net")
    check(meets(), "and nobody prolongs it")


def bare(t, words):
    """nfqdnd started with less than root has."""
    wrapped = t.folder / "bare-nfqdnd"
    wrapped.write_text(f'#!/bin/sh\nexec {words} {NFQDND} "$@"\n')
    wrapped.chmod(0o755)
    return wrapped


@case("with neither module nor program: auto does without and says so, require does not start, and a reload to it is refused")
def without(t):
    t.simple()
    no_module(t)
    t.dns(t.inet, ZONE)
    program = bare(t, "setpriv --bounding-set=-bpf,-perfmon,-sys_admin")
    d = t.daemon(t.gw, t.config(allow=WEB, kernel_assist="auto", report_names="policy"), program=program)
    told, rules = d.status()["kernel_assist"], t.gw.run("nft list chain inet nfqdn client").stdout
    check("nf_fqdn is not there" in told, "status says that the module is not there")
    check(re.search("CAP_BPF|built without eBPF", d.ctl("status").stdout), "the text of status, too, and what of eBPF is missing")
    stays(t, d, t.config(allow='web: { names = "other.example.org"; };', kernel_assist="require", report_names="policy"), "nf_fqdn is not there")
    expect((d.status()["kernel_assist"], t.gw.run("nft list chain inet nfqdn client").stdout), (told, rules), "status and rules")
    d.reload(t.config(allow='web: { names = "other.example.org"; };', kernel_assist="auto", report_names="policy"))
    t.client.lookup("10.2.0.2", "other.example.org")
    expect(t.client.tcp("20.140.0.4").result, "open", "what a reload without it allows")
    d.stop()
    d = t.daemon(t.gw, t.config(allow=WEB, kernel_assist="require", report_names="policy", name="strict", table="strict"), name="strict", program=program, ready=False)
    until(lambda: d.process.poll() is not None, "it ends")
    expect(d.process.returncode, 4, "exit status")
    check("nf_fqdn is not there" in d.log(), "the log names the module")
    check('kernel-assist = "require"' in d.log(), "and the setting")
    expect(t.gw.run("nft list tables").stdout.split(), ["table", "inet", "nfqdn"], "tables")
    d.ended = True


@case("the program can be loaded at start alone: off then means that later there is none, and status says what helps")
def late(t):
    t.simple()
    no_module(t)
    t.dns(t.inet, ZONE)
    d = t.gateway(allow=WEB, kernel_assist="off", report_names="policy")
    stays(t, d, t.config(allow='web: { names = "other.example.org"; };', kernel_assist="require", report_names="policy"), "restart nfqdnd")
    expect(d.status()["kernel_assist"], "off", "status")
    d.reload(t.config(allow=WEB, kernel_assist="auto", report_names="policy"))
    check("loaded at start alone" in d.status()["kernel_assist"], d.status()["kernel_assist"])
    d.reload(t.config(allow=WEB, kernel_assist="auto", report_names="policy", verify="query"))
    d.stop()
    d = gateway(t, allow=WEB)
    d.reload(t.config(allow=WEB, kernel_assist="auto", report_names="policy", verify="query"))
    check("verify" in d.status()["kernel_assist"], d.status()["kernel_assist"])
    before = queued(d)
    t.client.lookup("10.2.0.2", "example.net")
    expect(queued(d) - before, 1, "packets queued while every answer must be seen")
    d.reload(t.config(allow=WEB, kernel_assist="require", report_names="policy"))
    expect((d.status()["kernel_assist"], queues(t, d, "example.net")), ("bpf", 0), "what was loaded is used again")


@case("the table is deleted behind nfqdnd's back: it comes back with the program, by what the daemon still may", tags=["kernel"])
def rebuilt(t):
    t.simple()
    t.dns(t.inet, ZONE, ttl=200)
    d = gateway(t, allow=WEB, own_table="off")
    capabilities = re.search(r"CapEff:\s+(\w+)", pathlib.Path(f"/proc/{d.process.pid}/status").read_text(encoding="ascii")).group(1)
    expect(int(capabilities, 16), 1 << 12, "its capabilities: CAP_NET_ADMIN")
    repeat(t, d, "www.example.net")
    t.gw.nft("delete table inet nfqdn\n")
    until(lambda: d.counters()["table_rebuilt"] > 0 and asking(t), "the table is there again, with the rule")
    expect(d.status()["kernel_assist"], "bpf", "status")
    expect([queues(t, d, name) for name in ("example.net", "www.example.net", "www.example.com")], [0, 0, 1], "queued: unrelated, known, new")
    expect([t.client.tcp(f"20.140.0.{i}").result for i in (1, 2, 4)], ["open", "open", "reset"], "what is open")


@case("the same messages teach the same with the program and without it", seconds=300)
def differential(t):
    t.simple()
    messages_teach_the_same(t, report_names="policy")


if __name__ == "__main__":
    main()
