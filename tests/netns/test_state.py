#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The state file: what was learned outlives a reboot and a crash, and a damaged file, a full disk or another gateway do no harm."""
import ctypes
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import dnswire  # noqa: E402
from netns import NFQDNCTL, Skip, case, check, element, elements, expect, main, until  # noqa: E402

CLONE_NEWNS = 0x20000

WEB = 'web: { names = "*.example.net"; };'
ORG = 'org: { names = "*.example.org"; };'
ZONE = {"www.example.net": ["20.121.0.1", "2603:1030::121"], "short.example.net": ["20.121.0.2"], "www.example.org": ["20.121.0.3"],
        "both.example.net": ["20.121.0.4"], "both.example.org": ["20.121.0.4"], "later.example.net": ["20.121.0.5"]}


def learn(t, *names):
    for qname in names:
        t.client.lookup("10.2.0.2", qname)


def state_file(d):
    return d.folder / "state" / "learned"


def reboot(t, d):
    """The kernel forgets; the disk does not."""
    t.gw.run("nft delete table inet nfqdn")
    expect(elements(t.gw, "name4"), [], "what the kernel remembers")


def back_dated(text, seconds):
    """The file as it would be had it been written earlier; the sum is the test's business only as far as the daemon checks it."""
    head, rest = text.split("\n", 1)
    magic, version, stamp = head.split(" ")
    return f"{magic} {version} {int(stamp) - seconds}\n{rest}"


def small_disk(folder):
    """A file system of a few pages, for this thread and what it starts: it goes with the last of them."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) < 0:
        raise Skip("no mount namespace can be made here")
    for command in (["mount", "--make-rprivate", "/"], ["mount", "-t", "tmpfs", "-o", "size=32k", "none", str(folder)]):
        if subprocess.run(command, capture_output=True, check=False).returncode:
            raise Skip("no tmpfs can be mounted here")


@case("after a reboot what is alive is in the kernel before the first answer is looked at, with the life that was left", tags=["kernel", "smoke"])
def after_reboot(t):
    t.simple()
    t.dns(t.inet, ZONE, ttl=600)
    d = t.gateway(allow=WEB + ORG)
    learn(t, "www.example.net", "www.example.org", "both.example.net", "both.example.org")
    t.client.lookup("10.2.0.2", "www.example.net", dnswire.AAAA)
    before = {e["address"]: e for e in d.learned()}
    d.stop()
    check(state_file(d).stat().st_mode & 0o777 == 0o600, "the file is the daemon's alone")
    reboot(t, d)
    d.start()
    after = {e["address"]: e for e in d.learned()}
    expect(sorted(after), sorted(before), "learned addresses")
    for address, old in before.items():
        expect((after[address]["names"], after[address]["ttl"], after[address]["port"]), (old["names"], old["ttl"], old["port"]), f"names, TTL and port of {address}")
        check(0 <= old["expires_in"] - after[address]["expires_in"] <= 30, f"life of {address}: {old['expires_in']} before, {after[address]['expires_in']} after")
        check(0 <= element(t.gw, address)["expires"] - after[address]["expires_in"] <= 31, f"the kernel's time for {address}")
    expect(element(t.gw, "20.121.0.1")["comment"], "www.example.net", "the comment")
    expect([t.client.tcp(a).result for a in ("20.121.0.1", "2603:1030::121", "20.121.0.3", "20.121.0.5")], ["open", "open", "open", "reset"], "without any question")
    expect(d.counters()["state_records_taken"], len(before), "records taken")
    expect(d.counters()["answers"], 0, "answers seen")


@case("an answer that waits while the daemon starts finds the learned addresses in place")
def before_the_first_verdict(t):
    t.simple()
    t.dns(t.inet, ZONE, ttl=600)
    d = t.gateway(allow=WEB)
    learn(t, "www.example.net")
    d.stop()
    reboot(t, d)
    d.start(ready=False)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and not d.socket_path.exists():
        answer = t.client.query("10.2.0.2", "later.example.net")
        if element(t.gw, "20.121.0.5"):  # this answer was looked at
            check(element(t.gw, "20.121.0.1"), "what the file held is there already")
        check(answer.addresses(), "DNS works meanwhile")
    d.wait_ready()
    expect(t.client.tcp("20.121.0.1").result, "open", "the learned address")


@case("what ended while the power was off does not come back, and no clock makes a life longer", tags=["smoke"])
def ended_meanwhile(t):
    t.simple()
    t.dns(t.inet, ZONE, ttl=5)
    d = t.gateway(allow=WEB, lifetime={"grace": 0, "min": 3, "max": 60})
    learn(t, "short.example.net")
    d.stop()
    reboot(t, d)
    until(lambda: time.time() > state_file(d).stat().st_mtime + 6, "its life is over", 10)
    d.start()
    expect((d.learned(), elements(t.gw, "name4")), ([], []), "after the start")
    expect(t.client.tcp("20.121.0.2").result, "reset", "the address")


@case("after kill -9 the kernel's elements gain the names of the file, and keep the kernel's time", tags=["smoke"])
def killed(t):
    t.simple()
    t.dns(t.inet, ZONE, ttl=600)
    d = t.gateway(allow=WEB + ORG, state_interval=1)
    learn(t, "both.example.net", "both.example.org")
    written = d.counters()["state_written"]
    until(lambda: d.counters()["state_written"] >= written + 2, "the file holds both names")
    before = d.knows("20.121.0.4")
    expect(sorted(before["names"]), ["both.example.net", "both.example.org"], "names before")
    d.kill()
    d.start()
    after = d.knows("20.121.0.4")
    expect((after["names"], after["ttl"]), (before["names"], before["ttl"]), "names and TTL after")
    check(0 <= before["expires_in"] - after["expires_in"] <= 30, "its life")
    # With the second name alone allowed it stays: by the comment alone it would go.
    d.kill()
    d.write(t.config(allow=ORG))
    d.start()
    expect(d.knows("20.121.0.4")["names"], before["names"], "names under the policy of the second")
    expect(t.client.tcp("20.121.0.4").result, "open", "the address")


@case("the file's records must be allowed by the policy that is in force at the start", tags=["smoke"])
def other_policy(t):
    t.simple()
    t.dns(t.inet, ZONE, ttl=600)
    d = t.gateway(allow=WEB + ORG)
    learn(t, "www.example.net", "www.example.org")
    d.stop()
    reboot(t, d)
    d.write(t.config(allow=ORG + 'web: { names = "*.example.net"; ports = "tcp/80"; };'))
    d.start()
    expect([e["address"] for e in d.learned()], ["20.121.0.3"], "learned")
    expect([t.client.tcp(a).result for a in ("20.121.0.1", "20.121.0.3")], ["reset", "open"], "the addresses")
    expect(d.counters()["state_records_denied"], 1, "records denied")


@case("a damaged, truncated, older or newer file is refused and told, and the daemon starts empty", tags=["smoke"])
def refused(t):
    t.simple()
    t.dns(t.inet, ZONE, ttl=600)
    d = t.gateway(allow=WEB)
    learn(t, "www.example.net")
    d.stop()
    good = state_file(d).read_text(encoding="ascii")
    for what, text, told in (("another address", good.replace("20.121.0.1", "20.121.0.9"), "damaged"), ("half a file", good[:len(good) // 2], "cut short"),
                             ("an older one", good.replace("learned 1", "learned 0"), "older version"), ("a newer one", good.replace("learned 1", "learned 2"), "newer version"),
                             ("a younger stamp", back_dated(good, -1000), "damaged"), ("nothing", "", "cut short"), ("anything", "\0\xff\n" * 1000, "NUL")):
        reboot(t, d)
        state_file(d).write_text(text, encoding="latin-1")
        d.start()
        check(any(told in line for line in d.log().splitlines()[-3:]), f"{what}: the log tells so: {d.log()}")
        expect((d.learned(), d.counters()["state_refused"]), ([], 1), f"{what}: learned, refused")
        expect(t.client.tcp("20.121.0.1").result, "reset", f"{what}: the address")
        d.stop()
    d.start()
    learn(t, "www.example.net")
    expect(t.client.tcp("20.121.0.1").result, "open", "and it learns again")


@case("a full disk is told once and counted, the old file stays, filtering and learning go on", tags=["smoke"])
def disk_full(t):
    t.simple()
    t.dns(t.inet, lambda q: [dnswire.a(q.wire, f"20.126.{int(q.name.split('.')[0][1:])}.{i}", 600) for i in range(200)])
    folder, catalog = t.folder / "nfqdnd" / "state", t.folder / "catalog"
    folder.mkdir(parents=True)
    catalog.mkdir()
    small_disk(folder)
    d = t.gateway(allow=WEB, state_interval=1, catalog=[str(catalog)])
    until(lambda: d.counters()["state_written"] >= 1, "a file is written")
    for i in range(6):
        t.client.query("10.2.0.2", f"n{i}.example.net", edns=4096)
    until(lambda: d.counters()["state_errors"] >= 2, "the disk is full")
    expect(d.log().count("could not be written"), 1, f"lines about it in {d.log()}")
    expect(sorted(p.name for p in folder.iterdir() if p.name.startswith("learned")), ["learned"], "files")
    check(state_file(d).read_text(encoding="ascii").splitlines()[-1].startswith("end "), "the old file is whole")
    t.client.query("10.2.0.2", "n7.example.net", edns=4096)
    expect([t.client.tcp(a).result for a in ("20.126.0.1", "20.126.7.199", "20.126.8.1")], ["open", "open", "reset"], "the addresses")


@case("state-interval: 0 writes at the end only, off neither writes nor reads")
def interval(t):
    t.simple()
    t.dns(t.inet, ZONE, ttl=600)
    d = t.gateway(allow=WEB, state_interval=0)
    learn(t, "www.example.net")
    expect(state_file(d).exists(), False, "a file while it runs")
    d.stop()
    check("20.121.0.1" in state_file(d).read_text(encoding="ascii"), "the file at the end")
    before = state_file(d).read_bytes()
    reboot(t, d)
    d.write(t.config(allow=WEB, state_interval="off"))
    d.start()
    expect(d.learned(), [], "learned")
    d.stop()
    expect(state_file(d).read_bytes(), before, "the file is not touched")


@case("twenty thousand addresses are written while it runs, and come back", seconds=120)
def many(t):
    t.simple()
    t.dns(t.inet, lambda q: [dnswire.a(q.wire, f"20.{126 + int(q.name.split('.')[0][1:]) // 250}.{int(q.name.split('.')[0][1:]) % 250}.{i}", 600) for i in range(200)])
    d = t.gateway(allow=WEB, state_interval=1)
    for i in range(100):
        t.client.query("10.2.0.2", f"n{i}.example.net", edns=4096)
    written = d.counters()["state_written"]
    until(lambda: d.counters()["state_written"] >= written + 3, "it is written again and again", 15)
    d.stop()
    text = state_file(d).read_text(encoding="ascii").splitlines()
    expect((len(text), text[-1].split()[1]), (20002, "20000"), "lines")
    reboot(t, d)
    d.start()
    expect(d.counters()["state_records_taken"], 20000, "taken")
    expect([t.client.tcp(a).result for a in ("20.126.0.0", "20.126.99.199", "20.126.100.1")], ["open", "open", "reset"], "the addresses")


def standby(t, allow, **gateway):
    """A second gateway, elsewhere."""
    t.other = t.net("standby")
    return t.daemon(t.other, t.config(allow, name="standby", **gateway), name="standby")


@case("what one gateway exports another one imports: remaining life, what its own policy allows, the longer life", tags=["smoke"])
def export_import(t):
    t.simple()
    t.dns(t.inet, ZONE, ttl=600)
    d = t.gateway(allow=WEB + ORG)
    learn(t, "www.example.net", "www.example.org", "both.example.net", "both.example.org")
    t.client.lookup("10.2.0.2", "www.example.net", dnswire.AAAA)
    text = d.ctl("learned", "export").stdout
    lines = text.splitlines()
    check(lines[0].startswith("nfqdn-learned 1 ") and lines[-1].startswith("end 4 "), f"the form: {text}")
    expect(d.json("learned", "export"), lines, "the same as JSON")
    s = standby(t, WEB)
    done = s.net.run([NFQDNCTL, "-s", str(s.socket_path), "learned", "import", "-"], text=text)
    expect(done.stdout, "3 in force, 0 at the end of their life, 1 not allowed here, 0 without a place\n", "what it says")
    before, after = ({e["address"]: e for e in daemon.learned()} for daemon in (d, s))
    expect(sorted(after), sorted(set(before) - {"20.121.0.3"}), "learned by the standby")
    expect(after["20.121.0.4"]["names"], ["both.example.net"], "names that its policy allows")
    for address, old in after.items():
        check(0 <= before[address]["expires_in"] - old["expires_in"] <= 30, f"life of {address}")
        check(element(t.other, address)["expires"] >= old["expires_in"], f"the kernel's time for {address}")
    # An older export changes nothing; one that is over brings nothing; its own elements are not cut short.
    file = t.folder / "export"
    file.write_text(text, encoding="ascii")
    counters = s.counters()
    expect(s.json("learned", "import", str(file)), {"api": 1, "taken": 3, "ended": 0, "denied": 1, "left_out": 0}, "the same again")
    expect([s.counters()[c] - counters[c] for c in ("elements_added", "elements_refreshed")], [0, 0], "changes")


@case("an export of thousands is imported whole or, when a line of it is damaged, not at all", seconds=120)
def import_many(t):
    t.simple()
    t.dns(t.inet, lambda q: [dnswire.a(q.wire, f"20.126.{int(q.name.split('.')[0][1:])}.{i}", 600) for i in range(200)])
    d = t.gateway(allow=WEB)
    for i in range(25):
        t.client.query("10.2.0.2", f"n{i}.example.net", edns=4096)
    text = d.ctl("learned", "export").stdout
    s = standby(t, WEB)
    file = t.folder / "export"
    for what, damaged, told in (("a changed line", text.replace("20.126.7.7 ", "20.126.77.7 "), "damaged"), ("the end is missing", text[:-5], "cut short"),
                                ("a newer version", text.replace("learned 1", "learned 2"), "newer version"), ("nothing", "", "cut short")):
        file.write_text(damaged, encoding="ascii")
        check(told in s.ctl("learned", "import", str(file), ok=1).stderr, what)
    expect((s.learned(), elements(t.other, "name4")), ([], []), "after refused imports")
    s.ctl("learned", "import", str(t.folder / "nowhere"), ok=1)
    s.ctl("learned", "import", ok=2)
    file.write_text(text, encoding="ascii")
    s.ctl("learned", "import", str(file))
    expect((len(s.learned()), len(elements(t.other, "name4"))), (5000, 5000), "after the import")
    # What was imported is learned: it is in the standby's own file, and comes back there.
    s.kill()
    s.start()
    expect(len(s.learned()), 5000, "after kill and start")
    s.stop()
    t.other.run("nft delete table inet nfqdn")
    s.start()
    expect(len(s.learned()), 5000, "after a reboot")


if __name__ == "__main__":
    main()
