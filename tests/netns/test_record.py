#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""nfqdnctl record: the answers as the daemon saw them, in a file that others read, and nfqdn-replay too."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import dnswire  # noqa: E402
import pcap  # noqa: E402
from netns import NFQDNCTL, PATIENCE, case, check, expect, main, until  # noqa: E402

REPLAY = str(pathlib.Path(NFQDNCTL).with_name("nfqdn-replay"))
ALLOW = 'web: { names = [ "*.example.net" ]; }; kiosk: { names = [ "*.example.org" ]; clients = [ "10.1.0.0/28" ]; };'
MANY = [f"20.1.5.{i}" for i in range(1, 201)]
ZONE = {"www.example.net": ["20.1.2.3"], "many.example.net": MANY, "www.example.org": ["20.1.2.4"], "www.example.com": ["20.1.2.5"]}


class Recording:
    def __init__(self, t, d, *words, wanted=0):
        self.file, self.d, self.wanted = t.folder / "answers.pcapng", d, wanted
        before = d.counters()["control_requests"]
        self.process = t.gw.popen([NFQDNCTL, "-s", str(d.socket_path), "record", str(self.file), "--json", *words], stdout=subprocess.PIPE, text=True)
        until(lambda: d.counters()["control_requests"] > before + 2, "it has asked")

    def until(self, count):
        until(lambda: self.d.counters()["records"] >= count, f"{count} packets are recorded")

    def end(self, number=signal.SIGINT):
        if number:
            self.process.send_signal(number)
        expect(self.process.wait(10 * PATIENCE), 0, "its status")
        self.told = json.loads(self.process.stdout.read())
        self.header, self.interfaces, self.packets = pcap.read_pcapng(self.file.read_bytes())
        return self


def traffic(t):
    t.client.lookup("10.2.0.2", "www.example.net")
    t.client.lookup("10.2.0.2", "www.example.net")
    t.client.lookup("10.2.0.2", "www.example.com")
    t.client.lookup("10.2.0.2", "www.example.org")
    t.client.query("10.2.0.2", "many.example.net", tcp=True)
    t.client.query("10.2.0.2", "none.example.net", dnswire.A, tcp=True)


def started(t, **settings):
    t.simple()
    t.dns(t.inet, ZONE, ttl=300)
    # What passes in the kernel is in no recording.
    return t.gateway(allow=ALLOW, kernel_assist="off", **settings)


def replayed(d, file, *words):
    done = subprocess.run([REPLAY, str(file), "-c", str(d.file), "--json", "--all", *words], capture_output=True, text=True, check=False)
    check(done.returncode == 0, f"{done.returncode}: {done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def sets_of(lines):
    return {(c["address"], c["port"], c["group"]) for line in lines if line["kind"] == "answer" for c in line["changes"] if c["kind"] == "learned"}


@case("each answer with what became of it, by the format's rules; other programs read it; replayed it teaches the same", tags=["smoke"])
def recorded(t):
    d = started(t)
    recording = Recording(t, d)
    traffic(t)
    recording.until(d.counters()["packets_queued"])
    recording.end()
    comments = [p.comments[0] for p in recording.packets]
    for want in ("nfqdn: learned by web (www.example.net)", "nfqdn: known by web (www.example.net)", "nfqdn: no-entry (www.example.com)",
                 "nfqdn: learned by kiosk (www.example.org)", "nfqdn: learned by web (many.example.net)", "nfqdn: segment", "nfqdn: error (none.example.net)"):
        check(want in comments, f"{want!r} among {comments}")
    expect(recording.interfaces[0][0], pcap.RAW, "link type")
    expect(recording.told, {"api": 1, "file": str(recording.file), "packets": len(recording.packets), "lost": 0, "octets": recording.file.stat().st_size}, "told")
    expect(len(recording.packets), d.counters()["packets_queued"], "packets")
    check(all(abs(p.when - time.time()) < 60 * PATIENCE and p.original == len(p.data) for p in recording.packets), "times and lengths")
    first = recording.packets[0].data
    expect((first[12:16], first[16:20], dnswire.Message(first[28:]).question), (b"\x0a\2\0\2", b"\x0a\1\0\2", ("www.example.net", dnswire.A)), "the answer itself")
    lines = replayed(d, recording.file)
    expect(sets_of(lines), {(e["address"], e["port"], e["group"]) for e in d.learned()}, "learned again")
    expect(["nfqdn: " + a["verdict"] for a in lines if a["kind"] == "answer"], [c.split(" by ")[0].split(" (")[0] for c in comments], "verdicts again")
    for program, *words in (("tcpdump", "-nr"), ("capinfos", "-c")):
        if shutil.which(program):
            done = subprocess.run([program, *words, str(recording.file)], capture_output=True, text=True, check=False)
            check(done.returncode == 0 and (program != "tcpdump" or len(done.stdout.splitlines()) == len(recording.packets)), f"{program}: {done}")


@case("verify = query: the queries stand before their answers, so that a replay believes and doubts the same")
def verified(t):
    d = started(t, verify="query")
    recording = Recording(t, d)
    traffic(t)
    recording.until(d.counters()["packets_queued"] + d.counters()["queries"])
    recording.end()
    comments = [p.comments[0] for p in recording.packets]
    expect(comments[:2], ["nfqdn: query", "nfqdn: learned by web (www.example.net)"], "the first two")
    expect(sets_of(replayed(d, recording.file)), {(e["address"], e["port"], e["group"]) for e in d.learned()}, "learned again")


@case("--count, --size and --seconds end it, SIGTERM too; standard output will do; who may only look may not record")
def bounds(t):
    d = started(t)
    recording = Recording(t, d, "--count", "2")
    for _ in range(3):
        t.client.lookup("10.2.0.2", "www.example.net")
    expect(len(recording.end(None).packets), 2, "--count")
    recording = Recording(t, d, "--size", "400")
    for _ in range(3):
        t.client.lookup("10.2.0.2", "www.example.net")
    recording.end(None)
    check(400 <= recording.file.stat().st_size < 1000, "--size")
    expect(len(Recording(t, d, "--seconds", "1").end(None).packets), 0, "--seconds")
    expect(len(Recording(t, d).end(signal.SIGTERM).packets), 0, "SIGTERM")
    out = t.gw.popen([NFQDNCTL, "-s", str(d.socket_path), "record", "-", "--seconds", "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    whole, said = out.communicate(timeout=10 * PATIENCE)
    expect((pcap.read_pcapng(whole)[2], said), ([], f"0 packets, {len(whole)} octets in -\n".encode()), "standard output")
    check("No such file" in d.ctl("record", "/nonexistent/x", "--seconds", "1", ok=1).stderr, "a file that cannot be made")
    for words in ((), ("a", "b"), ("a", "--count", "0"), ("a", "--seconds", "x"), ("a", "--size", "-1")):
        check(d.ctl("record", *words, ok=2).stderr, f"{words} is refused, and it says why")
    expect(d.ask({"api": 1, "command": "record", "after": -1})["exit"], 2, "a wrong number")
    reader = ["setpriv", "--reuid", "12345", "--regid", str(os.stat(d.socket_path).st_gid), "--clear-groups"]
    done = t.gw.run([*reader, NFQDNCTL, "-s", str(d.socket_path), "record", "-", "--seconds", "1"], ok=False)
    if "Permission denied" not in done.stderr: # the socket's folder may keep them out before
        check(done.returncode == 1 and "may do that" in done.stderr, f"who may look: {done}")


@case("nobody asks any more: after ten seconds nothing is copied; a daemon that goes leaves a whole file")
def leases(t):
    d = started(t)
    recording = Recording(t, d)
    t.client.lookup("10.2.0.2", "www.example.net")
    recording.until(1)
    recording.process.kill()
    recording.process.wait()
    until(lambda: counted(t, d) == 0, "nothing is recorded any more", 20)
    recording = Recording(t, d)
    t.client.lookup("10.2.0.2", "www.example.net")
    recording.until(d.counters()["records"] or 1)
    d.stop()
    expect(recording.process.wait(15 * PATIENCE), 3, "no daemon")
    check(pcap.read_pcapng(recording.file.read_bytes())[0], "the file is whole")


def counted(t, d):
    """Packets that one lookup adds to the recording."""
    before = d.counters()["records"]
    t.client.lookup("10.2.0.2", "www.example.net")
    return d.counters()["records"] - before


if __name__ == "__main__":
    main()
