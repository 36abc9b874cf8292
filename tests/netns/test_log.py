#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What nfqdnd writes to standard error: one line an event, with a priority where that is wanted, and nothing that strangers can shape."""
import os
import pathlib
import re
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import dnswire  # noqa: E402
from netns import NFQDND, case, check, expect, main, until  # noqa: E402

WEB = 'web: { names = [ "*.example.net", "*.example.org" ]; }; net: { addresses = [ "20.130.0.0/24", "20.131.0.0/24", "20.132.0.7" ]; };'
HOSTILE = [b"a\n<0>nfqdnd: error: forged", b"\r\x1b[2J\x1b]0;title\x07", b"\x00\xff\xc2\x9b31m", b"%s%n%n", b'"; rm -rf /;"', b"\\010"]


def lines(d):
    return d.log_path.read_bytes().decode("latin-1").splitlines()


@case("one line at the start tells what is enforced, with how many names and prefixes, and by which backend; a reload tells it anew")
def start_line(t):
    t.simple()
    d = t.gateway(allow=WEB)
    backend = d.status()["queue"]["backend"]
    wanted = rf"nfqdnd: nfqdnd \S+ started: mode enforce in table inet nfqdn, 2 entries with 2 names and 3 prefixes, 0 inbound; " \
             rf"0 elements taken over; queue 0 by {backend}; kernel-assist: .+"
    expect(len([line for line in lines(d) if re.fullmatch(wanted, line)]), 1, d.log())
    d.reload(t.config(allow=WEB, mode="audit"))
    check(re.fullmatch(r"nfqdnd: reloaded \S+: generation 2, mode audit in table inet nfqdn, 2 entries with 2 names and 3 prefixes, 0 inbound", lines(d)[-1]), d.log())


@case("hostile names, taught, denied and asked about, at the level debug: each line is the daemon's own, and printable")
def hostile(t):
    t.simple()
    t.dns(t.inet, lambda q: [dnswire.a(q.wire, f"20.133.0.{HOSTILE.index(q.wire[1:1 + q.wire[0]]) + 1}", 600)])
    d = t.daemon(t.gw, t.config(allow=WEB), arguments=["--log-level", "debug", "--log-priorities"])
    for label in HOSTILE:
        t.client.lookup("10.2.0.2", [label, b"example", b"net"])
        t.client.lookup("10.2.0.2", [label, b"example", b"com"])
    t.client.tcp("20.133.0.1", 8443)
    until(lambda: d.json("denied"), "what was denied", 5)
    d.ctl("explain", "a\n<0>nfqdnd: forged.example.net", ok=None)
    d.write(t.config(allow=r'web: { service = "a\n<0>nfqdnd: forged\x1b[2J"; };'))
    d.process.send_signal(signal.SIGHUP)
    until(lambda: "reload refused" in d.log(), "the refusal", 10)
    d.stop()
    shown = lines(d)
    check(len(shown) > 3 and any("forged" in line or "2J" in line for line in shown), d.log())
    odd = [line for line in shown if not re.fullmatch(r"<[3467]>nfqdnd: [\x20-\x7e]+", line)]
    expect(odd, [], "lines that are not")


@case("--log-level is stronger than gateway.log-level, at the start and after a reload; a wrong level is told")
def levels(t):
    t.simple()
    d = t.daemon(t.gw, t.config(allow=WEB, log_level="debug"), arguments=["--log-level", "error"])
    d.reload(t.config(allow=WEB, mode="audit", log_level="info"))
    expect(d.log(), "", "what it has to say")
    d.write("gateway: {")
    d.ctl("reload", ok=1)
    check(d.log().splitlines() and all(line.startswith("nfqdnd: error: ") for line in d.log().splitlines()), d.log())
    done = subprocess.run([NFQDND, "-c", str(d.file), "--log-level", "loud"], capture_output=True, text=True, check=False)
    expect((done.returncode, done.stderr), (2, "nfqdnd: --log-level takes error, warning, info or debug\n"), "a wrong one")


@case("priorities come by themselves when standard error is the stream that $JOURNAL_STREAM names, and not elsewhere")
def journal(t):
    t.simple()
    d = t.gateway(allow=WEB)
    check(not any(line.startswith("<") for line in lines(d)), d.log())
    for own in (True, False):
        d.stop()
        found = d.log_path.stat()
        before = len(lines(d))
        os.environ["JOURNAL_STREAM"] = f"{found.st_dev}:{found.st_ino if own else found.st_ino + 1}"
        try:
            d.start()
        finally:
            del os.environ["JOURNAL_STREAM"]
        new = lines(d)[before:]
        expect({bool(re.match(r"<[3-7]>nfqdnd: ", line)) for line in new}, {own}, f"priorities: {new}")


@case("what others cause again and again is one line a minute, and counted")
def limited(t):
    t.simple()
    d = t.gateway(allow=WEB, own_table="off")
    for turn in range(1, 8):
        t.gw.nft("flush ruleset")
        until(lambda: d.counters()["table_rebuilt"] >= turn, f"rebuilt {turn} times", 10)  # pylint: disable=cell-var-from-loop
    expect(sum("and is rebuilt" in line for line in lines(d)), 1, d.log())


if __name__ == "__main__":
    main()
