#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What each step on the way of a DNS answer costs: plain forwarding, connection tracking, the table without snooping, the snoop rules
alone, the module, the queue. Each as a ratio to the three first, medians of rounds that take turns. In a machine that counts instructions
instead of time the numbers are thousands of instructions, the same on a busy machine as on an idle one:
VM_ICOUNT=1 tests/vm/boot 6.12 tests/vm/with-module NF_FQDN.KO tests/bench/steps.py [ANSWERS [ROUNDS]]"""
import os
import pathlib
import signal
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/lib"))
import fqdngenl as genl  # noqa: E402
from netns import case, main, until  # noqa: E402

NUMBERS = [int(a) for a in sys.argv[1:] if a.isdigit()] + [1000, 5][len([a for a in sys.argv[1:] if a.isdigit()]):]
COUNT, ROUNDS = NUMBERS
del sys.argv[1:]
KINDS = {"unrelated": ("fresh", "other.test"), "known": ("same", "www.example.net"), "new": ("fresh", "example.net")}
NAMES = 'web: { names = [ "*.example.net" ]; }; many: { names = [ ' + ", ".join(f'"*.n{i}.example.org"' for i in range(2000)) + " ]; };"
TRACKED = "table inet tracked {\n chain forward {\n type filter hook forward priority 0\n ct state established accept\n }\n}\n"


def program():
    path = ROOT / "build/bench-answers"
    if not path.exists():
        subprocess.run(["gcc", "-O2", "-o", str(path), str(ROOT / "tests/bench/answers.c")], check=True)
    return str(path)


class Gateway:
    """nfqdnd, and what is left of its table when it is made to stand still."""

    def __init__(self, t, assist, cut=None):
        self.t = t
        self.d = t.daemon(t.gw, t.config(allow=NAMES, kernel_assist=assist, own_table="off", lifetime={"min": 86400}), name="nfqdnd")
        if cut:
            self.d.signal(signal.SIGSTOP)
            t.gw.nft(cut)

    def end(self):
        self.d.signal(signal.SIGCONT)
        self.d.kill()
        self.t.gw.nft("delete table inet nfqdn\n")


def there(t):
    try:
        with t.gw:
            return genl.Family()
    except FileNotFoundError:
        return None


def steps(t):
    """(name, start, end) of each; later ones pass what the ones before passed, too."""
    def table(text, name):
        return lambda: t.gw.nft(text), lambda _: t.gw.nft(f"delete table inet {name}\n")

    def gateway(*arguments):
        return lambda: Gateway(t, *arguments), lambda g: g.end()

    yield "plain forwarding", lambda: None, lambda _: None
    yield ("with connection tracking", *table(TRACKED, "tracked"))
    yield ("the table without snooping", *gateway("off", "flush chain inet nfqdn snoop_forward\n"))
    yield ("the snoop rules without a queue", *gateway("off", "flush chain inet nfqdn snoop_queue\n"))
    if there(t):
        yield ("all of it, with the module", *gateway("require"))
    yield ("all of it, without the module", *gateway("off"))


@case("the steps of an answer", seconds=3600)
def answers(t):
    t.simple()
    server = t.inet.popen([program(), "serve", "10.2.0.2"])
    cost = {}

    def ask(kind, count):
        return float(t.client.run([program(), "ask", "10.2.0.2", str(count), *KINDS[kind]], seconds=600).stdout.split()[0])

    try:
        until(lambda: ask("known", 1) < 1e6, "the server", 30)
        for number in range(ROUNDS):
            for name, start, end in steps(t):
                state = start()
                for kind in KINDS:
                    ask(kind, 100)
                    cost.setdefault((kind, name), []).append(ask(kind, COUNT))
                    print(f"# round {number + 1}: {kind}, {name}: {cost[kind, name][-1]:.2f}", file=sys.stderr, flush=True)
                end(state)
    finally:
        server.kill()
        server.wait()
    report(cost, [name for name, _, _ in steps(t)])


def report(cost, names):
    median = {key: statistics.median(values) for key, values in cost.items()}
    for kind in KINDS:
        print(f"# {kind} ({COUNT} answers, {ROUNDS} rounds): us (or thousands of instructions) an answer, spread, and to each of the first three", file=sys.stderr)
        for name in names:
            values, mine = cost[kind, name], median[kind, name]
            ratios = " ".join(f"{mine / median[kind, base]:6.3f}" for base in names[:3])
            print(f"# {name:32} {mine:9.2f} {min(values):9.2f}-{max(values):<9.2f} {ratios}", file=sys.stderr)
    print(f"# on {os.uname().release}", file=sys.stderr)


if __name__ == "__main__":
    main()
