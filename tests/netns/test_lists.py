#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Imported lists in force: what is told of them, a reload that is only tried, and traffic from one edition to the next."""
import contextlib
import ipaddress
import itertools
import json
import os
import pathlib
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import dnswire  # noqa: E402
from netns import NFQDNCTL, PATIENCE, ROOT, Skip, case, check, expect, main, meanwhile  # noqa: E402

TAGS = ROOT.parent / "shared" / "samples" / "service-tags"
LIVE = 'sql: { service = "power-automate"; features = [ "connectors-live", "http-actions-live" ]; to = "10.3.0.2"; ports = "tcp/1433"; };'


def tag_file(number, **tags):
    return {"changeNumber": number, "cloud": "Public",
            "values": [{"name": n.replace("_", "."), "id": n, "properties": {"addressPrefixes": p}} for n, p in tags.items()]}


FIRST = tag_file(10, AzureConnectors=["20.90.0.0/24", "20.91.0.0/24"], AzureConnectors_WestEurope=["20.90.0.0/24"])
SECOND = tag_file(11, AzureConnectors=["20.90.0.0/25", "20.91.0.0/24", "20.92.0.0/24"], AzureConnectors_WestEurope=["20.90.0.0/25", "20.92.0.0/24"])


def take(t, content, *words):
    """Imports a list, a path or content made here, into the overlay."""
    path = content
    if not isinstance(content, pathlib.Path):
        path = t.folder / "tags.json"
        path.write_text(json.dumps(content), encoding="utf-8")
    t.gw.run([NFQDNCTL, "catalog", "import", "service-tags", str(path), "--to", str(overlay(t)), "--catalog", str(ROOT / "data"), *words])


def overlay(t):
    return t.folder / "overlay"


def catalogs(t):
    return [str(ROOT / "data"), str(overlay(t))]


def with_server(t):
    t.simple()
    t.second_segment()
    t.listen(t.client2, [1433])


@case("policy, why and explain name the list and its version")
def named(t):
    with_server(t)
    take(t, FIRST, "--select", "connectors-live")
    path = t.folder / "m365.json"
    path.write_text(json.dumps([{"id": 7, "serviceArea": "MEM", "urls": ["*.live.example"], "ips": ["20.95.0.0/24"], "tcpPorts": "443"}]), encoding="utf-8")
    t.gw.run([NFQDNCTL, "catalog", "import", "m365", str(path), "--select", "intune-live", "--list-version", "2025120100", "--to", str(overlay(t)),
              "--catalog", str(ROOT / "data")])
    d = t.gateway(allow='i: { service = "intune"; features = [ "intune-live", "core" ]; };',
                  inbound=LIVE.replace(', "http-actions-live"', ""), interfaces=["lan*"], catalog=catalogs(t))
    rows = {r["row"]: r for e in d.json("policy")["entries"] for r in e["rows"]}
    expect((rows["intune/intune-live/7"]["list"], rows["intune/intune-live/7"]["version"]),
           ("Microsoft 365 endpoint service, Worldwide, version 2025120100", "2025120100"), "policy")
    expect(rows["power-automate/connectors-live/europe"]["version"], "10", "policy, service tags")
    expect((rows["intune/core/163"]["list"], rows["intune/core/163"]["version"]), ("Network endpoints for Microsoft Intune (2025-01-09)", ""), "a built-in row")
    expect(d.json("why", "20.95.0.9", "tcp/443")["by"][0]["version"], "2025120100", "why")
    expect(d.json("why", "10.3.0.2", "tcp/1433", "from", "20.90.0.1")["by"][0]["list"], "Azure service tags, Public, version 10", "why, inbound")
    expect([b["version"] for b in d.json("explain", "a.live.example")["by"]], ["2025120100"], "explain")
    for words in (("policy",), ("why", "20.95.0.9", "tcp/443"), ("explain", "a.live.example")):
        check("Microsoft 365 endpoint service, Worldwide, version 2025120100" in d.ctl(*words).stdout, f"the text of {words}")


@case("reload --dry-run tells what would change, for every entry, and changes nothing")
def dry_run(t):
    with_server(t)
    take(t, FIRST, "--select", "connectors-live")
    inbound = LIVE.replace(', "http-actions-live"', "")
    d = t.gateway(allow='web: { names = "www.example.net"; addresses = "20.99.0.0/24"; };', inbound=inbound, interfaces=["lan*"], catalog=catalogs(t))
    expect(d.json("reload", "--dry-run")["changes"], [], "nothing new")
    take(t, SECOND, "--select", "connectors-live")
    d.write(t.config(allow='web: { names = [ "www.example.net", "new.example.net" ]; ports = "tcp/80"; }; two: { addresses = "20.98.0.0/24"; };',
                     inbound=inbound, interfaces=["lan*"], catalog=catalogs(t)))
    told = d.json("reload", "--dry-run")
    changes = {(c["entry"], c["row"]): c for c in told["changes"]}
    expect((told["ok"], told["dry_run"], told["generation"]), (True, True, 1), "the answer")
    europe = changes["sql", "power-automate/connectors-live/europe"]
    expect((europe["prefixes_gained"], europe["prefixes_lost"]), (["20.90.0.0/25", "20.92.0.0/24"], ["20.90.0.0/24"]), "Europe")
    web = changes["web", None]
    expect((web["names_gained"], web["prefixes_lost"], web["settings"]), (["new.example.net"], ["20.99.0.0/24"], ["ports"]), "web")
    expect(changes["two", None]["state"], "new", "two")
    text = d.ctl("reload", "--dry-run").stdout
    check("+ prefix 20.92.0.0/24" in text and "not applied: generation 1 stays in force" in text, f"the text: {text}")
    expect(t.inet.tcp("10.3.0.2", 1433, source="20.92.0.1").result, "reset", "after the tries")
    expect(d.counters()["reloads"], 1, "policies applied")
    d.reload()
    expect(t.inet.tcp("10.3.0.2", 1433, source="20.92.0.1").result, "open", "after the reload")
    expect(d.json("reload", "--dry-run")["changes"], [], "afterwards")
    d.write("gateway: {")
    told = d.json("reload", "--dry-run", ok=1)
    check(not told["ok"] and told["errors"] >= 1 and "changes" not in told, "a bad configuration")
    expect(d.status()["generation"] if "generation" in d.status() else d.json("policy")["generation"], 2, "generation")


def both_allow(t, first, second, count):
    """Addresses that both editions allow, from all over the lists."""
    def networks(file):
        values = json.loads(file.read_text(encoding="utf-8"))["values"]
        names = ("AzureConnectors", "LogicApps", "PowerPlatformPlex", "PowerPlatformInfra")
        return [ipaddress.ip_network(p) for v in values if v["name"] in names for p in v["properties"]["addressPrefixes"]]
    old, new = networks(first), set(networks(second))
    shared = sorted((n for n in old if n in new and n.version == 4), key=lambda n: int(n.network_address))
    step = max(1, len(shared) // count)
    return [str(n.network_address + n.num_addresses // 2) for n in shared[::step]][:count]


@case("from one recorded weekly file to the next and back: connections of what both allow never see a denial")
def weekly(t):
    first, second = TAGS / "ServiceTags_Public.change371.json", TAGS / "ServiceTags_Public.change374.json"
    if not first.exists():
        raise Skip(f"{TAGS} is not there")
    with_server(t)
    words = ("--select", "connectors-live,http-actions-live")
    take(t, first, *words)
    d = t.gateway(inbound=LIVE, interfaces=["lan*"], catalog=catalogs(t))
    sources = both_allow(t, first, second, 40)
    results, turns = [], itertools.cycle(sources)

    def knock():
        source = next(turns)
        results.append((source, t.inet.tcp("10.3.0.2", 1433, source=source, seconds=3.0 * PATIENCE).result))

    with meanwhile(knock):
        for file in (second, first, second):
            take(t, file, *words, "--force")
            d.reload()
    expect([r for r in results if r[1] != "open"], [], f"of {len(results)} connections those that were denied")
    check(len(results) >= len(sources), f"only {len(results)} connections in all")
    expect(d.counters()["kernel_denied_inbound_packets"], 0, "denied by the kernel")
    expect(t.inet.tcp("10.3.0.2", 1433, source="8.8.8.8").result, "reset", "another source")


@case("connectors and HTTP actions of today: under 8 MiB resident, peak and reload included, loaded in under 100 ms of the processor's time")
def small(t):
    if not (TAGS / "ServiceTags_Public.change374.json").exists():
        raise Skip(f"{TAGS} is not there")
    with_server(t)
    take(t, TAGS / "ServiceTags_Public.change374.json", "--select", "connectors-live,http-actions-live")
    d = t.gateway(inbound=LIVE, interfaces=["lan*"], catalog=catalogs(t))

    def told(key):
        return int(next(line.split()[1] for line in pathlib.Path(f"/proc/{d.process.pid}/status").read_text(encoding="ascii").splitlines() if line.startswith(key)))

    # the fields behind the name: utime is the 12th, stime the 13th; this is everything since the start, fills and rules included
    fields = pathlib.Path(f"/proc/{d.process.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    seconds = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    started = told("VmHWM")
    if told("VmSize") > 1 << 30:
        raise Skip("a sanitizer's memory is not ours")
    d.reload()
    print(f"# {started} KiB at most after the start, {told('VmHWM')} KiB after a reload, {1000 * seconds:.0f} ms of the processor")
    check(started < 8192, f"{started} KiB after the start")
    check(told("VmHWM") < 8192, f"{told('VmHWM')} KiB after a reload")
    check(seconds < 0.1 * PATIENCE, f"{seconds} s")


def answer_by_number(t):
    t.dns(t.inet, lambda question: [dnswire.address(question.wire, f"20.200.0.{int(question.name.split('.')[0][1:]) % 250 + 1}", 60)])


def ask_while(t, d, first, *words):
    """Asks for names, one after the other, while nfqdnctl runs `words`. How many answers came meanwhile; how long it took."""
    ended = []
    command = threading.Thread(target=lambda: (d.ctl(*words, seconds=60.0 * PATIENCE), ended.append(time.monotonic())))
    answered = []
    t.client.lookup("10.2.0.2", f"w{first}.example.net")
    began = time.monotonic()
    command.start()
    while not ended and len(answered) < 5000:
        asked = time.monotonic()
        t.client.lookup("10.2.0.2", f"w{first + 1 + len(answered)}.example.net")
        answered.append((asked, time.monotonic()))
    command.join()
    inside = [(a, b) for a, b in answered if a > began and b < ended[0]]
    longest = max(b - a for a, b in answered)
    print(f"# {' '.join(words)}: {1000 * (ended[0] - began):.0f} ms, {len(inside)} answers meanwhile, the slowest {1000 * longest:.0f} ms, "
          f"the longest hold so far {d.counters()['hold_microseconds_max'] / 1000:.1f} ms")
    return len(inside), 1000 * (ended[0] - began)


def longest_idle(ms):
    """Answers that must come in `ms` while the queue is served: one a tenth of a second is far less than come."""
    return max(1, int(ms / 100))


@case("while a reload, tried or real, reads a list of 52,000 prefixes and fills the sets, answers are taught and go on")
def answers_meanwhile(t):
    with_server(t)
    answer_by_number(t)
    # a gap after every sixteen blocks: 3,250 ranges remain when neighbours are merged
    blocks = [ipaddress.ip_address("40.0.0.0") + 16 * (i + i // 16) for i in range(52000)]
    values = [{"name": f"T{i}", "id": "", "properties": {"addressPrefixes": [f"{b}/28" for b in blocks[52 * i:52 * i + 52]]}} for i in range(1000)]
    take(t, {"changeNumber": 1, "cloud": "Public", "values": values}, "--tags", "*", "--direction", "inbound")
    d = t.gateway(allow='web: { names = "*.example.net"; };', interfaces=["lan*"], catalog=catalogs(t),
                  inbound='sql: { service = "azure"; to = "10.3.0.2"; ports = "tcp/1433"; };')
    first = 0
    for words in (("reload", "--dry-run"), ("reload",)):
        count, ms = ask_while(t, d, first, *words)
        first += 1 + count
        check(count >= longest_idle(ms), f"{count} answers came while `{' '.join(words)}` went on ({ms:.0f} ms)")
    expect(d.counters()["answers_taught"] >= min(first, 250), True, "answers that taught")
    expect(t.client.tcp("20.200.0.2").result, "open", "what was learned meanwhile")
    for source, result in ((str(blocks[77]), "open"), (str(blocks[-1] + 15), "open"), (str(blocks[15] + 16), "reset")):
        expect(t.inet.tcp("10.3.0.2", 1433, source=source).result, result, f"from {source}")


def around(networks):
    """Addresses at both ends of the networks, and those just beyond that none of them has."""
    inside, outside = [], []
    spans = sorted((int(n.network_address), int(n.broadcast_address)) for n in networks)
    merged = []
    for first, last in spans:
        if merged and first <= merged[-1][1] + 1:
            merged[-1][1] = max(merged[-1][1], last)
        else:
            merged.append([first, last])
    for first, last in merged:
        inside += [first, last]
        outside += [first - 1, last + 1]
    kind = type(networks[0].network_address)
    return [str(kind(a)) for a in inside], [str(kind(a)) for a in outside], len(merged)


@case("the whole of Azure's public file: merged, it allows what the file has and nothing beside; a reload of it holds no answer for long", seconds=240)
def whole_file(t):
    file = TAGS / "ServiceTags_Public.change374.json"
    if not file.exists():
        raise Skip(f"{TAGS} is not there")
    with_server(t)
    answer_by_number(t)
    take(t, file, "--tags", "*", "--direction", "inbound")
    began = time.monotonic()
    d = t.gateway(allow='web: { names = "*.example.net"; };', interfaces=["lan*"], catalog=catalogs(t),
                  inbound='sql: { service = "azure"; to = "10.3.0.2"; ports = "tcp/1433"; };')
    started = 1000 * (time.monotonic() - began)
    values = json.loads(file.read_text(encoding="utf-8"))["values"]
    prefixes = [ipaddress.ip_network(p) for v in values for p in v["properties"]["addressPrefixes"]]
    inside, outside, count = around([p for p in prefixes if p.version == 4])
    print(f"# {len(prefixes)} prefixes, {count} ranges of IPv4, ready after {started:.0f} ms")
    for place, wanted in ((inside, "open"), (outside, "reset")):
        for source in place[::max(1, len(place) // 150)]:
            expect(t.inet.tcp("10.3.0.2", 1433, source=source).result, wanted, f"from {source}")
    asked, ms = ask_while(t, d, 0, "reload")
    check(asked >= longest_idle(ms), f"{asked} answers came during a reload of {ms:.0f} ms")


class Monitor:
    """What the kernel tells of static sets and their elements. (`nft monitor` of 1.0.6 dies of ranges in concatenations.)"""
    SET, DELETED_SET, ELEMENT, DELETED_ELEMENT = 9, 11, 12, 14  # NFT_MSG_NEWSET and so on

    def __init__(self, t):
        with t.gw:
            self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)  # NETLINK_NETFILTER
        self.socket.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)  # SO_RCVBUFFORCE
        self.socket.bind((0, 1 << 6))  # NFNLGRP_NFTABLES
        self.socket.setblocking(False)

    @staticmethod
    def attributes(octets):
        while len(octets) >= 4:
            length, kind = struct.unpack_from("=HH", octets)
            yield kind & 0x3fff, octets[4:length]
            octets = octets[(length + 3) & ~3:]

    def messages(self):
        """(type, set, octets) of each message since the last call: all of them, since a commit tells before it ends."""
        out = []
        while True:
            try:
                octets = self.socket.recv(1 << 20)
            except BlockingIOError:
                return out
            while len(octets) >= 20:
                length, kind = struct.unpack_from("=IH", octets)
                if kind >> 8 == 10 and kind & 0xff in (self.SET, self.DELETED_SET, self.ELEMENT, self.DELETED_ELEMENT):
                    found = dict(self.attributes(octets[20:length]))
                    name = found[2].rstrip(b"\0").decode()
                    if name[-2:] in ("_a", "_b") and found[1] == b"nfqdn\0":
                        out.append((kind & 0xff, name, octets[20:length]))
                octets = octets[(length + 3) & ~3:]


@case("a change of one tag touches only what changed, and connections of what stays allowed never see a denial")
def one_tag(t):
    with_server(t)
    blocks = [f"40.{i // 250}.{i % 250}.0/28" for i in range(1500)]

    def file(number, last):
        values = [{"name": f"T{k}", "id": "", "properties": {"addressPrefixes": blocks[300 * k:300 * k + 300]}} for k in range(5)]
        return {"changeNumber": number, "cloud": "Public", "values": [*values, {"name": "Last", "id": "", "properties": {"addressPrefixes": last}}]}

    words = ("--tags", "*", "--direction", "inbound")
    take(t, file(1, ["50.0.1.0/28", "50.0.2.0/28"]), *words)
    d = t.gateway(allow='web: { names = "*.example.net"; addresses = "20.9.0.0/24"; };', interfaces=["lan*"], catalog=catalogs(t),
                  inbound='sql: { service = "azure"; to = "10.3.0.2"; ports = "tcp/1433"; };')
    d.reload()
    if not d.status()["owned"]:
        raise Skip("this kernel has no tables that belong to one alone, so all is filled again")
    check(d.counters()["sets_untouched"] > 0, "a reload of the same policy leaves sets untouched")
    results = []

    def knock():
        for block in (*blocks[::100], "50.0.1.0/28"):
            source = block.replace(".0/28", ".5")
            results.append((source, t.inet.tcp("10.3.0.2", 1433, source=source, seconds=3.0 * PATIENCE).result))

    monitor = Monitor(t)
    with contextlib.closing(monitor.socket), meanwhile(knock):
        take(t, file(2, ["50.0.1.0/28", "50.0.2.0/28", "50.0.4.0/28", "50.0.6.0/28"]), *words)
        d.reload()
        told = monitor.messages()
        expect([(kind, name[:-1]) for kind, name, _ in told], [(Monitor.ELEMENT, "from4_tcp_")] * 2, "what two ranges more touch")
        check(all(socket.inet_aton(f"50.0.{i}.0") in told[k][2] for k, i in enumerate((4, 6))), "the elements")
        for source in ("50.0.4.5", "50.0.6.5"):
            expect(t.inet.tcp("10.3.0.2", 1433, source=source).result, "open", f"what is new: {source}")
        take(t, file(3, ["50.0.1.0/28", "50.0.4.0/28", "50.0.6.0/28"]), *words)
        d.reload()
        told = monitor.messages()
        expect({name for _, name, _ in told}, {"from4_tcp_a", "from4_tcp_b"}, "sets that one range less touches")
        expect(t.inet.tcp("10.3.0.2", 1433, source="50.0.2.5").result, "reset", "what is gone")
        d.reload()
        expect(monitor.messages(), [], "a reload that changes nothing")
    expect([r for r in results if r[1] != "open"], [], f"of {len(results)} connections those that were denied")
    check(len(results) >= 15, f"only {len(results)} connections in all")


if __name__ == "__main__":
    main()
