#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Others change the ruleset: what they take of nfqdn's table is made anew, and what they do to their own is none of its business. The table has no owner here, as
on kernels before 6.9 (test_owned.py)."""
import json, pathlib, re, subprocess, sys, time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import dnswire  # noqa: E402
from netns import PATIENCE, case, check, element, expect, holds, main, until  # noqa: E402

WEB = 'web: { names = "*.example.net"; addresses = "20.99.0.0/24"; };'
NAMES = {f"n{i}.example.net": [f"20.1.2.{i}", f"2001:db9::{i:x}"] for i in range(1, 41)}


def ready(t, **gateway):
    """A gateway that learned n1 to n40."""
    t.simple()
    t.dns(t.inet, {**NAMES, "*.late.example.net": "20.1.9.9"})
    d = t.gateway(allow=WEB, own_table="off", **gateway)
    for name in NAMES:
        t.client.lookup("10.2.0.2", name)
        t.client.lookup("10.2.0.2", name, dnswire.AAAA)
    return d


def shape(t):
    """The table without what changes by itself; both sides of static sets are one."""
    text = t.gw.run("nft -s list table inet nfqdn", ok=False).stdout
    text = re.sub(r"expires \S+ ?|timeout \S+ ?|elements = \{[^}]*\}|packets \d+ bytes \d+", "", text)
    chains = re.findall(r"^\tchain (\w+) \{(.*?)^\t\}", text, re.S | re.M)
    return sorted((name, re.sub(r"\b(\w+)_[ab]\b", r"\1", body)) for name, body in chains)


def remaining(t):
    return {i: (e or {}).get("expires") for i in range(1, 41) for e in [element(t.gw, f"20.1.2.{i}")]}


def mended(t, d, act):
    """`act` does the harm. All is as before, within a short time, and it was one rebuild."""
    before, began = shape(t), time.monotonic()
    left = remaining(t)
    act()
    until(lambda: d.counters()["table_rebuilt"] == 1, "the rebuild is counted", 2)
    expect(shape(t), before, "chains and rules")
    expect(t.client.tcp("20.1.2.1").result, "open", "a learned address")
    expect(t.client.tcp("2001:db9::7").result, "open", "a learned address of IPv6")
    expect(t.client.tcp("20.99.0.9").result, "open", "an address of the policy")
    expect(t.client.tcp("20.1.3.1").result, "reset", "what nobody asked for")
    now, passed = remaining(t), time.monotonic() - began
    for number, expires in now.items():
        check(expires is not None and left[number] - passed - 2 <= expires <= left[number] + 1, f"n{number} has {expires} of {left[number]} s left")
    expect(element(t.gw, "20.1.2.5")["comment"], "n5.example.net", "its comment")
    expect(d.knows("20.1.2.5")["names"][0], "n5.example.net", "its name")
    t.client.lookup("10.2.0.2", "x.late.example.net")
    expect(t.client.tcp("20.1.9.9").result, "open", "the first packet after an answer")
    holds(lambda: d.counters()["table_rebuilt"] == 1, "it was one rebuild", 0.5)
    check(d.log().count("by others and is rebuilt") == 1, "it is told in the log")


@case("`nft flush ruleset`: the table is back with its rules, its names and what is left of their life", tags=["kernel", "smoke"])
def flush_ruleset(t):
    d = ready(t)
    mended(t, d, lambda: t.gw.run("nft flush ruleset"))


@case("the rebuild takes 200 ms at most")
def quick(t):
    d = ready(t)
    times = []
    for number in range(1, 8):
        t.gw.run("nft flush ruleset")
        began = time.monotonic()
        while t.gw.run("nft get element inet nfqdn name4 '{ 20.1.2.40 . tcp . 443 }'", ok=False).returncode:
            check(time.monotonic() - began < 5 * PATIENCE, "it comes back")
        times.append(time.monotonic() - began)
        until(lambda n=number: d.counters()["table_rebuilt"] == n, "it is counted")
    check(sorted(times)[3] <= 0.2 * PATIENCE, f"the median is 200 ms at most: {times}")


@case("the table deleted")
def delete_table(t):
    d = ready(t)
    mended(t, d, lambda: t.gw.run("nft delete table inet nfqdn"))


@case("one rule deleted")
def delete_rule(t):
    d = ready(t)
    listing = json.loads(t.gw.run("nft -j list chain inet nfqdn egress").stdout)["nftables"]
    handle = next(item["rule"]["handle"] for item in listing if "rule" in item)
    mended(t, d, lambda: t.gw.run(f"nft delete rule inet nfqdn egress handle {handle}"))


@case("one rule replaced by another")
def replace_rule(t):
    d = ready(t)
    listing = json.loads(t.gw.run("nft -j list chain inet nfqdn egress").stdout)["nftables"]
    handle = next(item["rule"]["handle"] for item in listing if "rule" in item)
    mended(t, d, lambda: t.gw.run(f"nft replace rule inet nfqdn egress handle {handle} accept"))


@case("a rule put before ours")
def insert_rule(t):
    d = ready(t)
    mended(t, d, lambda: t.gw.run("nft insert rule inet nfqdn egress accept"))


@case("a chain flushed")
def flush_chain(t):
    d = ready(t)
    mended(t, d, lambda: t.gw.run("nft flush chain inet nfqdn client"))


@case("every chain flushed")
def flush_table(t):
    d = ready(t)
    mended(t, d, lambda: t.gw.run("nft flush table inet nfqdn"))


@case("a base chain deleted")
def delete_chain(t):
    d = ready(t)
    mended(t, d, lambda: t.gw.nft("flush chain inet nfqdn egress\ndelete chain inet nfqdn egress\n"))


@case("a base chain deleted and made by others at another priority, with a policy of its own")
def replace_chain(t):
    d = ready(t)
    mended(t, d, lambda: t.gw.nft("flush chain inet nfqdn egress\ndelete chain inet nfqdn egress\n"
                                  "add chain inet nfqdn egress { type filter hook forward priority 7; policy drop; }\n"))


@case("a base chain replaced by one without a hook")
def unhook_chain(t):
    d = ready(t)
    mended(t, d, lambda: t.gw.nft("flush chain inet nfqdn egress\ndelete chain inet nfqdn egress\nadd chain inet nfqdn egress\n"))


@case("the policy of a base chain changed")
def chain_policy(t):
    d = ready(t)
    mended(t, d, lambda: t.gw.run("nft chain inet nfqdn egress '{ policy drop; }'"))


@case("the table made dormant")
def dormant(t):
    d = ready(t)
    mended(t, d, lambda: t.gw.nft("add table inet nfqdn { flags dormant; }\n"))


@case("a learned set flushed")
def flush_learned(t):
    d = ready(t)
    mended(t, d, lambda: t.gw.run("nft flush set inet nfqdn name4"))
    # that of the other family too
    t.gw.run("nft flush set inet nfqdn name6")
    until(lambda: d.counters()["table_rebuilt"] == 2 and t.client.tcp("2001:db9::9").result == "open", "IPv6 is back")


@case("static sets flushed: prefixes and the trusted resolvers")
def flush_static(t):
    d = ready(t)
    names = re.findall(r"set ((?:cidr4_tcp|resolvers4|local4|interfaces)_[ab])", t.gw.run("nft list table inet nfqdn").stdout)
    expect(len(names), 4, "sets")
    mended(t, d, lambda: t.gw.nft("".join(f"flush set inet nfqdn {name}\n" for name in names)))


@case("the ruleset saved and loaded again by others")
def saved_and_loaded(t):
    d = ready(t)
    saved = "flush ruleset\n" + t.gw.run("nft list ruleset").stdout
    mended(t, d, lambda: t.gw.nft(saved))


@case("the sentinels are in no list, and no packet finds them")
def sentinels(t):
    d = ready(t)
    text = t.gw.run("nft list set inet nfqdn name4").stdout + t.gw.run("nft list set inet nfqdn name6").stdout
    check("0.0.0.0 . 255 . 0" in text and ":: . 255 . 0" in text, "they are there:\n" + text)
    expect(len(d.learned()), 80, "learned elements")
    expect(d.status()["learned"]["ipv4"], 40, "in status")
    d.stop()
    d.start()
    expect(len(d.learned()), 80, "learned elements after a restart")
    expect(d.counters()["table_rebuilt"], 0, "rebuilds")


def ask(t, name):
    """A base chain that others delete takes held answers with it: then nothing comes."""
    try:
        t.client.query("10.2.0.2", name, seconds=0.3)
    except TimeoutError:
        pass


WRITER = """
i=0
while :; do
    nft -f - <<END
table ip stranger$1 {
    set banned { type ipv4_addr; flags timeout; }
    chain c$i { type filter hook forward priority 20; ip saddr @banned drop; }
}
add element ip stranger$1 banned { 192.0.2.$((i % 250)) timeout 1h }
END
    nft delete table ip stranger$1
    i=$((i + 1))
done
"""


def hammer(t, count=2):
    return [t.gw.popen(["sh", "-c", WRITER, "sh", str(n)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for n in range(count)]


def end(processes):
    for process in processes:
        process.kill()
        process.wait()


@case("others who write their own tables all the time, and a second nfqdnd, are no alarm; a rule that goes meanwhile is noticed", seconds=120)
def no_false_alarms(t):
    d = ready(t)
    second = t.daemon(t.gw, t.config(WEB, name="second", table="second", queue={"first": 8}, mode="audit"), name="second")
    writers = hammer(t)
    try:
        deadline = time.monotonic() + 4
        i = 0
        while time.monotonic() < deadline:
            i += 1
            ask(t, f"q{i}.late.example.net")
            if i % 5 == 0:
                second.reload()
            expect(t.client.tcp("20.1.2.3").result, "open", "a learned address")
        expect((d.counters()["table_rebuilt"], second.counters()["table_rebuilt"]), (0, 0), "rebuilds")
        t.gw.run("nft flush chain inet nfqdn client")
        until(lambda: d.counters()["table_rebuilt"] == 1, "the rebuild", 2)
    finally:
        end(writers)
    expect(second.counters()["table_rebuilt"], 0, "rebuilds of the other")
    expect(t.client.tcp("20.1.3.1").result, "reset", "what nobody asked for")


@case("flushed in a loop while DNS goes on: still learning afterwards", seconds=120)
def flush_in_a_loop(t):
    d = ready(t)
    loop = t.gw.popen(["sh", "-c", "while :; do nft flush ruleset; sleep 0.05; done"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        began, i = time.monotonic(), 0
        while time.monotonic() < began + 5 or (time.monotonic() < began + 60 and d.counters()["table_rebuilt"] <= 5):
            i += 1
            ask(t, f"q{i}.late.example.net")
    finally:
        end([loop])
    check(d.counters()["table_rebuilt"] > 5, "it was rebuilt")
    until(lambda: t.client.tcp("20.1.2.40").result == "open" and t.client.tcp("20.1.3.1").result == "reset", "it is in force again")
    t.client.lookup("10.2.0.2", "y.late.example.net")
    expect(t.client.tcp("20.1.9.9").result, "open", "what is learned now")
    d.reload()
    expect(t.client.tcp("20.1.2.40").result, "open", "after a reload")


@case("a table of our name that is not ours is not touched, and told; when it goes, ours comes back")
def not_ours(t):
    d = ready(t)
    t.gw.nft("delete table inet nfqdn\nadd table inet nfqdn { comment \"mine\"; }\n")
    until(lambda: "could not be rebuilt" in d.log(), "it is told")
    check("mine" in t.gw.run("nft list table inet nfqdn").stdout, "it stands")
    t.gw.run("nft delete table inet nfqdn")
    until(lambda: t.client.tcp("20.1.2.3").result == "open" and t.client.tcp("20.1.3.1").result == "reset", "ours is back")
    expect(d.counters()["table_rebuilt"], 1, "rebuilds")


if __name__ == "__main__":
    main()
