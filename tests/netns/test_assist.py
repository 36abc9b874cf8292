#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The optional kernel module: what it lets pass without a wake-up, and that nothing else changes. On a kernel without it the
cases are skipped. tests/vm/test_module.py runs this with the module; test_assist_bpf.py has what nfqdnd does without."""
import os
import pathlib
import random
import signal
import struct
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import dnswire  # noqa: E402
import fqdngenl as genl  # noqa: E402
from assist import (UNRELATED, WEB, ZONE, derived_names_are_seen, flood_costs_copies, messages_teach_the_same,  # noqa: E402
                    names_are_not_told, names_are_told, queued, stays)
from netns import Skip, case, check, expect, main, meanwhile, until  # noqa: E402

MODULE = os.environ.get("NFQDN_TEST_MODULE", "")
LOADS = int(os.environ.get("NFQDN_TEST_LOADS", "100"))
REQUESTS = int(os.environ.get("NFQDN_TEST_REQUESTS", "3000"))
SEED = int(os.environ.get("NFQDN_TEST_SEED", "7"))


def loaded():
    """In the calling thread's namespace."""
    try:
        return genl.Family()
    except FileNotFoundError:
        return None


def family(net):
    with net:
        module = loaded()
    if not module:
        raise Skip("the kernel module nf_fqdn is not loaded")
    return module


def becomes_known(t, d, qname):
    """nfqdnd sees the first two answers and tells the module before it next reads its control socket; the third one passes."""
    before = queued(d)
    for want in (1, 2, 2):
        t.client.lookup("10.2.0.2", qname)
        expect(queued(d) - before, want, f"packets queued by answers about {qname}")


@case("unrelated answers and known ones pass without a wake-up, new ones teach", tags=["module"])
def passes(t):
    t.simple()
    module = family(t.gw)
    t.dns(t.inet, ZONE, ttl=200)
    d = t.gateway(allow=WEB, kernel_assist="require")
    expect(d.status()["kernel_assist"], "nf_fqdn", "status")
    for qname in ("other.example.org", "example.net", "OTHER.example.ORG"):
        expect(len(t.client.lookup("10.2.0.2", qname)), 1, f"addresses of {qname}")
    expect(queued(d), 0, "packets queued by unrelated answers")
    counters = d.counters()
    expect((counters["answers"], counters["answers_without_policy"], counters["assist_unrelated"]), (3, 3, 3), "answers, as without it")
    for qname, address in (("www.example.net", "20.140.0.1"), ("www.example.com", "20.140.0.2"), ("files-7.example.org", "20.140.0.3")):
        t.client.lookup("10.2.0.2", qname)
        expect(t.client.tcp(address).result, "open", qname)
    expect(queued(d), 3, "packets queued by new answers")
    # The second time nfqdnd sees that nothing changes, and says so; the third time passes.
    t.client.lookup("10.2.0.2", "www.example.net")
    expect(queued(d), 4, "packets queued by the first repetition")
    before = module.get()["known"]
    t.client.lookup("10.2.0.2", "www.example.net")
    t.client.lookup("10.2.0.2", "WWW.example.net")
    expect((queued(d), module.get()["known"] - before), (4, 2), "packets queued, answers known to the module")
    expect((d.counters()["answers_known"], d.counters()["assist_known"]), (3, 2), "answers known, as without it")


@case("a longer TTL, another address, another type: nfqdnd sees it", tags=["module"])
def changed(t):
    t.simple()
    family(t.gw)
    answer = {"ttl": 100, "address": "20.140.1.1"}
    t.dns(t.inet, lambda q: [dnswire.address(q.name, answer["address"], answer["ttl"])] if q.kind == dnswire.A else [])
    d = t.gateway(allow=WEB, kernel_assist="require")
    becomes_known(t, d, "www.example.net")
    answer["ttl"] = 60  # the resolver's cache counts down
    t.client.lookup("10.2.0.2", "www.example.net")
    expect(queued(d), 2, "packets queued by a shorter TTL")
    answer["ttl"] = 86000
    t.client.lookup("10.2.0.2", "www.example.net")
    expect((queued(d), d.counters()["elements_refreshed"]), (3, 1), "packets queued and elements refreshed by a longer TTL")
    answer["ttl"], answer["address"] = 100, "20.140.1.2"
    t.client.lookup("10.2.0.2", "www.example.net")
    expect((queued(d), t.client.tcp("20.140.1.2").result), (4, "open"), "packets queued by another address, and what it opens")


@case("a derived name is seen as soon as its origin's answer passes", tags=["module"])
def derived(t):
    t.simple()
    family(t.gw)
    derived_names_are_seen(t, lambda: t.gateway(allow=WEB, kernel_assist="require"))


@case("a reload exchanges the patterns, and what was known is looked at again; off leaves all to nfqdnd", tags=["module"])
def reload(t):
    t.simple()
    module = family(t.gw)
    t.dns(t.inet, ZONE, ttl=200)
    d = t.gateway(allow=WEB, kernel_assist="auto")
    becomes_known(t, d, "www.example.net")
    d.reload(t.config(allow='web: { names = "other.example.org"; };', kernel_assist="auto"))
    t.client.lookup("10.2.0.2", "www.example.net")
    expect((queued(d), t.client.tcp("20.140.0.1").result), (2, "reset"), "what was allowed")
    t.client.lookup("10.2.0.2", "other.example.org")
    expect((queued(d), t.client.tcp("20.140.0.4").result), (3, "open"), "what is allowed now")
    d.reload(t.config(allow=WEB, kernel_assist="off"))
    expect((d.status()["kernel_assist"], module.get()["loaded"]), ("off", 0), "status and the module")
    t.client.lookup("10.2.0.2", "other.example.org")
    expect(queued(d), 4, "packets queued without the module")
    d.reload(t.config(allow=WEB, kernel_assist="require"))
    t.client.lookup("10.2.0.2", "other.example.org")
    expect((queued(d), d.status()["kernel_assist"]), (4, "nf_fqdn"), "packets queued with it again")


@case("report-names = all, the default: an unrelated answer passes and a copy tells its name; policy: none does, and denied says so", tags=["module"])
def reports(t):
    t.simple()
    family(t.gw)
    t.dns(t.inet, UNRELATED, ttl=200)
    d = t.gateway(allow=WEB, kernel_assist="require")
    names_are_told(t, d)
    d.reload(t.config(allow=WEB, kernel_assist="require", report_names="policy"))
    names_are_not_told(t, d)


@case("a flood of unrelated answers costs copies, which are counted, and no answer; nobody waits for nfqdnd", tags=["module"], seconds=180)
def flood(t):
    t.simple()
    family(t.gw)
    t.dns(t.inet, UNRELATED, ttl=200)
    flood_costs_copies(t, t.gateway(allow=WEB, kernel_assist="require"))


@case("what nfqdnd deletes before its end is known no longer", tags=["module"])
def evicted(t):
    t.simple()
    family(t.gw)
    t.dns(t.inet, lambda q: [dnswire.a(q.name, f"20.142.{int(q.name.split('.')[0][1:]) // 250}.{int(q.name.split('.')[0][1:]) % 250 + 1}", 200)])
    d = t.gateway(allow=WEB, kernel_assist="require", limits={"elements": 64})
    becomes_known(t, d, "n0.example.net")
    for i in range(1, 70):
        t.client.lookup("10.2.0.2", f"n{i}.example.net")
    until(lambda: d.counters()["elements_evicted"] > 0, "something had to go")
    t.client.lookup("10.2.0.2", "n0.example.net")
    expect(t.client.tcp("20.142.0.1").result, "open", "the first one, asked again")


@case("two daemons in one namespace have an instance each, another namespace none of them", tags=["module"])
def instances(t):
    t.simple()
    t.second_segment()
    module = family(t.gw)
    t.dns(t.inet, ZONE)
    a = t.daemon(t.gw, t.config(allow='n: { names = "*.example.net"; };', name="a", table="gate_a", queue={"first": 0}, interfaces=["lan0"],
                                kernel_assist="require"), name="a")
    b = t.daemon(t.gw, t.config(allow='o: { names = "*.example.org"; };', name="b", table="gate_b", queue={"first": 7}, interfaces=["lan1"],
                                kernel_assist="require"), name="b")
    t.client.lookup("10.2.0.2", "www.example.net")
    t.client.lookup("10.2.0.2", "other.example.org")
    expect((queued(a), queued(b)), (1, 1), "packets queued")
    expect((module.get("gate_a")["unrelated"], module.get("gate_b")["unrelated"]), (1, 1), "passed")
    try:
        family(t.client).get("gate_a")
        check(False, "another namespace sees the instance")
    except FileNotFoundError:
        pass


@case("the daemon dies and comes back: DNS passes meanwhile, and nothing passes unseen after", tags=["module"])
def crash(t):
    t.simple()
    family(t.gw)
    t.dns(t.inet, ZONE, ttl=200)
    d = t.gateway(allow=WEB, kernel_assist="require")
    t.client.lookup("10.2.0.2", "www.example.net")
    d.kill()
    expect(len(t.client.lookup("10.2.0.2", "www.example.com")), 1, "DNS without the daemon")
    d.start()
    t.client.lookup("10.2.0.2", "www.example.com")
    expect(t.client.tcp("20.140.0.2").result, "open", "after it came back")


def other_requests(module, rng, tries):
    """Requests that are nearly right. Returns how many were taken."""
    taken = 0
    for _ in range(tries):
        command = rng.randrange(0, 12)
        attributes = genl.attribute(genl.INSTANCE, rng.choice(["x", "y", "a" * 62, "a" * 63, "a" * 64, ""])) if rng.random() < 0.9 else b""
        for kind in rng.sample(range(0, 16), rng.randrange(0, 6)):
            attributes += genl.attribute(kind, rng.choice([
                rng.randbytes(rng.choice([0, 1, 4, 8, 16, 24, 48, 100])), struct.pack("=I", rng.choice([0, 1, 2, 64, 65536, 65537, 1 << 19, (1 << 19) + 1, 1 << 31])),
                b"*.example.net\0", b"a.b", b"*\0", b"a" * 300 + b"\0", b"\0" * 50, struct.pack("=QQQ", 1, 2, 1 << 40), struct.pack("=QQQ", 1, 2, 1 << 41)]))
        if rng.random() < 0.2:
            attributes = attributes[:rng.randrange(0, len(attributes) + 1)]
        if rng.random() < 0.1:
            attributes += rng.randbytes(rng.randrange(1, 9))
        try:
            module.request(module.family, command, attributes, version=rng.choice([1, 1, 0, 2]))
            taken += 1
        except OSError:
            pass
    return taken


@case("malformed requests in a loop are refused, and the instance in use does not notice", tags=["module"], seconds=300)
def malformed(t):
    t.simple()
    module = family(t.gw)
    t.dns(t.inet, ZONE, ttl=200)
    d = t.gateway(allow=WEB, kernel_assist="require")
    before = module.get()
    taken = other_requests(module, random.Random(SEED), REQUESTS)
    print(f"# {taken} of {REQUESTS} requests were taken (seed {SEED})")
    for command, attributes, want in (
            (genl.BEGIN, {"KEY": b"0" * 16, "NODES": 1 << 31, "NAME_BUCKETS": 1, "KNOWN_BUCKETS": 1}, 7),
            (genl.BEGIN, {"KEY": b"0" * 16, "NODES": 1, "NAME_BUCKETS": 3, "KNOWN_BUCKETS": 1}, 7),
            (genl.BEGIN, {"KEY": b"0" * 16, "NODES": 1, "NAME_BUCKETS": 1, "KNOWN_BUCKETS": 1 << 17}, 7),
            (genl.BEGIN, {"KEY": b"0" * 15, "NODES": 1, "NAME_BUCKETS": 1, "KNOWN_BUCKETS": 1}, 34),
            (genl.ADD, {"PATTERNS": b"a.b\0"}, 2), (genl.COMMIT, {}, 2), (genl.KNOWN, {"A_KNOWN": b"0" * 24}, 2)):
        try:
            module.send(command, "fresh" if command == genl.BEGIN else "none", **attributes)
            check(False, f"command {command} with {attributes} is taken")
        except OSError as error:
            expect(error.errno, want, f"errno of command {command} with {attributes}")
    expect(module.get(), before, "the instance in use")
    t.client.lookup("10.2.0.2", "other.example.org")
    expect(queued(d), 0, "packets queued")


@case("more instances than there may be are refused", tags=["module"])
def many_instances(t):
    t.simple()
    module = family(t.gw)
    made = 0
    try:
        for made in range(70):
            module.send(genl.BEGIN, f"i{made}", KEY=b"0" * 16, NODES=1, NAME_BUCKETS=1, KNOWN_BUCKETS=1)
    except OSError as error:
        expect(error.errno, 28, "errno")
    expect(made, 64, "instances")
    for i in range(64):
        module.send(genl.DELETE, f"i{i}")


@case("the same messages teach the same with the module and without it", tags=["module"], seconds=300)
def differential(t):
    t.simple()
    module = family(t.gw)
    messages_teach_the_same(t)
    check(module is not None, "the module was there")


@case("require: a reload without the module is refused and the old policy stays, with the module or without", tags=["module"], seconds=120)
def required(t):
    t.simple()
    module = family(t.gw)
    t.dns(t.inet, ZONE, ttl=200)
    d = t.gateway(allow=WEB, kernel_assist="require")
    other = 'web: { names = "other.example.org"; };'
    # What cannot be had with the module there: the one in force keeps it.
    stays(t, d, t.config(allow=other, kernel_assist="require", verify="query"), "verify")
    expect((d.status()["kernel_assist"], module.get()["loaded"] > 0), ("nf_fqdn", True), "status and the module")
    before = queued(d), module.get()["unrelated"]
    t.client.lookup("10.2.0.2", "other.example.org")
    expect((queued(d), module.get()["unrelated"]), (before[0], before[1] + 1), "packets queued and passed after the refused reload")
    if not MODULE:
        return
    d.reload(t.config(allow=WEB, kernel_assist="off"))
    unload(t)
    try:
        stays(t, d, t.config(allow=other, kernel_assist="require"), "nf_fqdn is not there")
        expect(d.status()["kernel_assist"], "off", "status")
    finally:
        subprocess.run(["insmod", MODULE], check=True)
    d.reload(t.config(allow=WEB, kernel_assist="require"))
    expect(d.status()["kernel_assist"], "nf_fqdn", "status when it is there again")


def unload(t):
    with t.gw:
        until(lambda: subprocess.run(["rmmod", "nf_fqdn"], capture_output=True, check=False).returncode == 0, "it can be unloaded", 20)


@case("the table is deleted and the module unloaded behind nfqdnd's back: the table comes back without it", tags=["module"], seconds=120)
def unloaded_beneath(t):
    t.simple()
    family(t.gw)
    if not MODULE:
        raise Skip("NFQDN_TEST_MODULE does not say where the module is")
    t.dns(t.inet, ZONE, ttl=200)
    d = t.gateway(allow=WEB, kernel_assist="require", own_table="off")
    t.client.lookup("10.2.0.2", "www.example.net")
    d.signal(signal.SIGSTOP)
    t.gw.nft("delete table inet nfqdn\n")
    unload(t)
    d.signal(signal.SIGCONT)
    try:
        until(lambda: d.counters()["table_rebuilt"] > 0, "the table is there again")
        check("went away" in d.status()["kernel_assist"], "status says so")
        expect((t.client.tcp("20.140.0.1").result, t.client.tcp("20.140.0.4").result), ("open", "reset"), "what is open")
        stays(t, d, t.config(allow='web: { names = "other.example.org"; };', kernel_assist="require", own_table="off"), "nf_fqdn is not there")
    finally:
        subprocess.run(["insmod", MODULE], check=True)
    d.reload(t.config(allow=WEB, kernel_assist="require", own_table="off"))
    before = queued(d)
    t.client.lookup("10.2.0.2", "other.example.org")
    expect((d.status()["kernel_assist"], queued(d)), ("nf_fqdn", before), "status and packets queued when it is there again")


@case(f"loaded and unloaded {LOADS} times while answers come by", tags=["module"], seconds=600)
def again_and_again(t):
    t.simple()
    family(t.gw)
    if not MODULE:
        raise Skip("NFQDN_TEST_MODULE does not say where the module is")
    t.dns(t.inet, ZONE, ttl=200)
    d = t.gateway(allow=WEB, kernel_assist="auto")
    failed = []

    def traffic():
        for qname in ("other.example.org", "www.example.net"):
            if len(t.client.lookup("10.2.0.2", qname)) != 1:
                failed.append(qname)

    with meanwhile(traffic):
        for i in range(LOADS):
            if i % 10 == 0:
                print(f"# loaded {i} times", flush=True)
            expect(subprocess.run(["rmmod", "nf_fqdn"], capture_output=True, check=False).returncode, 1, "unloading a module that rules use")
            d.reload(t.config(allow=WEB, kernel_assist="off"))
            unload(t)
            subprocess.run(["insmod", MODULE], check=True)
            d.reload(t.config(allow=WEB, kernel_assist="require"))
    expect(failed, [], "lookups without an answer")
    expect(t.client.tcp("20.140.0.1").result, "open", "what was learned")


if __name__ == "__main__":
    main()
