#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""nfqdn beside others that do a part of its work, on one topology in network namespaces: client, gateway, nsd. Each contender stands on the
gateway alone, in turn, in every round.

    bench.py [--quick] [--rounds N] [--rows "GROUP ..."] [--out FOLDER] [--results FILE] [--list]

--quick: seconds instead of minutes, to see that it works; its figures mean nothing. --rows: groups of rows (--list tells them). --results: where
the results are written as Markdown, too. Under FOLDER (build/bench): results.txt, results.md, results.json, results.svg."""
import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/lib"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import load  # noqa: E402
import measure  # noqa: E402
import report  # noqa: E402
from netns import BUILD, NFQDND, Case, check  # noqa: E402

PACKAGES = ("dnsmasq-base", "smartdns", "nsd", "dnsperf", "iperf3", "nftables")


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int, default=None)
    parser.add_argument("--rows", default="")
    parser.add_argument("--out", type=pathlib.Path, default=BUILD / "bench")
    parser.add_argument("--results", type=pathlib.Path)
    parser.add_argument("--list", action="store_true")
    chosen = parser.parse_args()
    chosen.rounds = chosen.rounds or (1 if chosen.quick else 9)
    chosen.rows = chosen.rows.replace(",", " ").split()
    unknown = set(chosen.rows) - {g.key for g in measure.GROUPS}
    if unknown:
        parser.error(f"no rows are called {', '.join(sorted(unknown))}: there are {', '.join(g.key for g in measure.GROUPS)}")
    return chosen


def first_line(*command):
    try:
        return subprocess.run(command, capture_output=True, encoding="utf-8", check=False).stdout.strip().split("\n")[0]
    except OSError:
        return ""


def about(rounds):
    """Machine, versions and date."""
    processor = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    memory = int(re.search(r"^MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text(encoding="ascii"), re.MULTILINE).group(1))
    versions = {p: first_line("dpkg-query", "-W", "-f=${Version}", p) or "absent" for p in PACKAGES}
    return {"date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"), "rounds": rounds,
            "machine": f"{os.cpu_count()} x {processor.group(1) if processor else platform.machine()}, {memory / 1048576:.1f} GiB",
            "kernel": platform.release(), "system": platform.freedesktop_os_release().get("PRETTY_NAME", ""),
            "nfqdn": f"{first_line(NFQDND, '--version').split()[-1]}, commit {first_line('git', '-C', str(ROOT), 'describe', '--always', '--dirty') or 'unknown'}",
            "versions": versions}


def busy():
    """Processor time that went to others: (ticks of all kinds, stolen)."""
    numbers = [int(n) for n in pathlib.Path("/proc/stat").read_text(encoding="ascii").split("\n")[0].split()[1:9]]
    return sum(numbers), numbers[7]


class Bench:
    def __init__(self, chosen):
        self.chosen, self.sizes = chosen, measure.Sizes(chosen.quick)
        self.results, self.titles, self.skipped = {}, {}, {}
        self.t = Case()

    def prepare(self):
        self.t.simple(ports=(80,))
        names = load.Names(self.t, self.sizes.names)
        names.serve(self.t.inet)
        self.t.program(self.t.inet, [measure.CONNECT, "serve", "443"], lambda: self.t.client.tcp("20.8.0.1", 443, read=False).result == "open")
        return [group(self.t, names, self.sizes) for group in measure.GROUPS if not self.chosen.rows or group.key in self.chosen.rows]

    def run(self):
        groups = self.prepare()
        for number in range(1, self.chosen.rounds + 1):
            for group in groups:
                if number <= (group.rounds or number):
                    self.one_group(group, number)

    def one_group(self, group, number):
        for one in group.contenders():
            why = one.absent()
            if why:
                self.skipped[one.title] = why
                continue
            began = time.monotonic()
            group.names.again()
            one.start()
            try:
                values = group.measure(one)
            finally:
                one.stop()
            self.titles[group.key, one.key] = one.title
            for key, value in values.items():
                self.results.setdefault((group.key, key), {}).setdefault(one.key, []).append(value)
            told = ", ".join(f"{key} {value:,.5g}" for key, value in values.items())
            print(f"round {number}, {group.key}, {one.title}: {told} ({time.monotonic() - began:.1f} s)", flush=True)

    def tables(self):
        return [report.Table(metric, {key: title for (where, key), title in self.titles.items() if where == group.key}, self.results[group.key, metric.key])
                for group in measure.GROUPS for metric in group.metrics if (group.key, metric.key) in self.results]


def notes(bench, facts, tables, stolen):
    noise = report.noise(tables)
    lines = [f"Date: {facts['date']}, {facts['rounds']} rounds, medians; spread is (largest - smallest) / median of the rounds. "
             "A ratio is the median of the rounds' ratios; in brackets the middle half of them.",
             f"Machine: {facts['machine']}; Linux {facts['kernel']}, {facts['system']}.",
             f"nfqdn {facts['nfqdn']}; " + ", ".join(f"{name} {version}" for name, version in facts["versions"].items()) + "."]
    if noise:
        lines.append(f"Noise: half of the spreads are below {noise[0]:.0%}, the largest is {noise[1]:.0%}; {stolen:.1%} of processor time was stolen by the host; "
                     f"load average at the end {os.getloadavg()[0]:.1f}.")
    lines += [f"Not taking part: {title}: {why}." for title, why in bench.skipped.items()]
    return lines + (["This was a quick run, to see that everything works: the figures mean nothing."] if bench.chosen.quick else [])


HEAD = """<!-- SPDX-License-Identifier: GPL-2.0-or-later -->
# Results of `sudo make bench`

client (dnsperf, 100 outstanding) -- gateway -- nsd, in network namespaces of one machine. nfqdn, plain forwarding and the pass-through see the answers of
nsd go by; dnsmasq and smartdns are asked themselves, ask nsd, and put the address into an nftables set. All with their defaults, but smartdns'
measuring of addresses, which would hold answers back, is off. The known names are {known}: more than dnsmasq's cache holds, fewer than smartdns'.
Processor time is that of the process alone, with what the kernel does on its behalf. Goals are told, never asserted; why some are missed: [GOALS.md](GOALS.md).

"""


def write(bench, stolen):
    out, facts, tables = bench.chosen.out, about(bench.chosen.rounds), bench.tables()
    lines = notes(bench, facts, tables, stolen)
    out.mkdir(parents=True, exist_ok=True)
    plain = "\n".join(lines) + "\n" + report.text(tables)
    told = HEAD.format(known=bench.sizes.known) + "\n".join(f"- {line}" for line in lines) + "\n" + report.markdown(tables)
    raw = {"about": facts, "stolen": stolen, "skipped": bench.skipped,
           "values": [{"group": group, "metric": metric, "contender": key, "rounds": values}
                      for (group, metric), by_key in bench.results.items() for key, values in by_key.items()]}
    for name, text in (("txt", plain), ("md", told), ("json", json.dumps(raw, indent=1) + "\n"), ("svg", report.plot(tables))):
        (out / f"results.{name}").write_text(text, encoding="utf-8")
    if bench.chosen.results:
        bench.chosen.results.write_text(told, encoding="utf-8")
    print("\n" + plain + f"\nAlso in {out}/: results.md, results.json, results.svg")


def main():
    chosen = options()
    if chosen.list:
        for group in measure.GROUPS:
            print(f"{group.key}: " + "; ".join(metric.title for metric in group.metrics))
        return
    if os.geteuid() != 0:
        sys.exit("bench: network namespaces need root: sudo make bench")
    check((BUILD / "bench/pass").exists(), "build/bench/pass is not built: use `make bench`")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(f"bench: ended by {signal.Signals(number).name}"))
    before = busy()
    bench = Bench(chosen)
    try:
        bench.run()
        after = busy()
        write(bench, (after[1] - before[1]) / max(1, after[0] - before[0]))
    finally:
        bench.t.close()


if __name__ == "__main__":
    main()
