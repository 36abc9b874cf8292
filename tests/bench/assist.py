#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Answers through a gateway: plain forwarding, nfqdn without kernel-assist, nfqdn with it (the module where it is loaded, else eBPF), with copies
for reports (report-names = all) and without (policy); of names that no pattern matches, of one that is known, and of new ones.
Microseconds an answer (elapsed, of all processors, and of nfqdnd alone), and as ratios to plain forwarding.
Usage: tests/bench/assist.py [ANSWERS]. In a VM: tests/vm/boot 6.12 tests/vm/with-module NF_FQDN.KO tests/bench/assist.py"""
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/lib"))
from netns import case, main  # noqa: E402

COUNT = int(sys.argv.pop()) if sys.argv[1:] and sys.argv[-1].isdigit() else 3000
ROUNDS = 3
KINDS = {"unrelated": ("fresh", "other.test"), "known": ("same", "www.example.net"), "new": ("fresh", "example.net")}

SETUPS = {"without": {"kernel_assist": "off"},
          "with, all": {"kernel_assist": "require", "report_names": "all"},
          "with, policy": {"kernel_assist": "require", "report_names": "policy"}}


def own(d):
    """Seconds of processor that nfqdnd has taken."""
    if not d:
        return 0
    return int(pathlib.Path(f"/proc/{d.process.pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9


def measure(t, d, program, kind):
    how, name = KINDS[kind]
    before = own(d)
    times = [t.client.run([program, "ask", "10.2.0.2", str(COUNT), how, name], seconds=300).stdout.split() for _ in range(ROUNDS)]
    return statistics.median(float(w[0]) for w in times), statistics.median(float(w[1]) for w in times), (own(d) - before) * 1e6 / COUNT / ROUNDS


@case("answers a second", seconds=1800)
def answers(t):
    program = str(ROOT / "build/bench-answers")
    if not pathlib.Path(program).exists():
        subprocess.run(["gcc", "-O2", "-o", program, str(ROOT / "tests/bench/answers.c")], check=True)
    t.simple()
    server = t.inet.popen([program, "serve", "10.2.0.2"])
    names = 'web: { names = [ "*.example.net" ]; }; many: { names = [ ' + ", ".join(f'"*.n{i}.example.org"' for i in range(2000)) + " ]; };"
    results = {}
    try:
        for setup in ("plain", *SETUPS, "plain again"):
            d = None
            if setup in SETUPS:
                d = t.gateway(allow=names, **SETUPS[setup])
                print(f"# {setup}: {d.status()['kernel_assist']}", file=sys.stderr)
            for kind in KINDS:
                t.client.run([program, "ask", "10.2.0.2", "200", *KINDS[kind]])
                results[setup, kind] = measure(t, d, program, kind)
            if d:
                d.stop()
                t.gw.nft("delete table inet nfqdn\n")
    finally:
        server.kill()
        server.wait()
    for kind in KINDS:
        base = [results["plain", kind][i] / 2 + results["plain again", kind][i] / 2 for i in (0, 1)]
        for setup in ("plain", "plain again", *SETUPS):
            wall, cpu, alone = results[setup, kind]
            print(f"# {kind:10} {setup:14} {wall:8.1f} us {wall / base[0]:6.2f}   cpu {cpu:8.1f} us {cpu / base[1] if base[1] else 0:6.2f}"
                  f"   nfqdnd {alone:6.2f} us", file=sys.stderr)


if __name__ == "__main__":
    main()
