#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Metrics of a live daemon as Prometheus and its tools take them."""
import http.server
import json
import os
import pathlib
import re
import shutil
import stat
import sys
import threading
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import dnswire  # noqa: E402
from netns import NFQDNCTL, PATIENCE, ROOT, Skip, case, check, expect, main, until  # noqa: E402

ALLOW = 'web: { names = [ "*.example.net" ]; ports = [ "tcp/443", "tcp/80" ]; }; intune: { service = "intune"; features = "core"; };' \
        ' kiosk: { names = [ "*.example.org" ]; clients = [ "10.1.0.0/28" ]; };'
ZONE = {"www.example.net": ["20.1.2.3", "2603:1030::192"], "www.example.org": ["20.1.2.4"], "www.example.com": ["20.1.2.5"]}
SAMPLE = re.compile(r'([a-z_][a-z0-9_]*)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)*)\})? (\S+)')


def started(t, **settings):
    t.simple()
    t.dns(t.inet, ZONE, ttl=120)
    d = t.gateway(allow=ALLOW, **settings)
    t.client.lookup("10.2.0.2", "www.example.net")
    t.client.lookup("10.2.0.2", "www.example.net", dnswire.AAAA)
    t.client.lookup("10.2.0.2", "www.example.org")
    t.client.tcp("20.9.9.9")
    return d


def parsed(text):
    """{(name, labels): value} of Prometheus' text form; a line that is none of its is an error."""
    found, types = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            check(name not in types, f"{name} has one type")
            types[name] = kind
        elif not line.startswith("# HELP "):
            match = SAMPLE.fullmatch(line)
            check(match, f"a sample: {line!r}")
            key = (match[1], match[2] or "")
            check(key not in found, f"{key} is told once")
            found[key] = float(match[3])
            check(re.sub("_(bucket|sum|count)$", "", match[1]) in types or match[1] in types, f"{match[1]} has a type")
    return found


def need(program):
    if not shutil.which(program):
        raise Skip(f"{program} is not installed (Debian: prometheus)")


@case("metrics: every counter and histogram, sizes by group and family; what they tell is what status tells", tags=["smoke"])
def metrics(t):
    d = started(t, kernel_assist="off")
    status, got = d.status(), parsed(d.ctl("metrics").stdout)
    for name, value in status["counters"].items():
        if name.startswith("kernel_"):
            counter, what = name[len("kernel_"):].rsplit("_", 1)
            check((f"nfqdn_kernel_{what}_total", f'counter="{counter}"') in got, name)
        elif "microseconds" not in name:
            check((f"nfqdn_{name}_total", "") in got, name)
            if name not in ("control_requests",):
                expect(got[f"nfqdn_{name}_total", ""], value, name)
    one = {key: value for (key, labels), value in got.items() if not labels}
    expect((one["nfqdn_up"], one["nfqdn_ready"], one["nfqdn_policy_generation"], one["nfqdn_policy_entries"]), (1, 1, 1, 3), "the daemon and its policy")
    expect({labels: got[name, labels] for name, labels in got if name == "nfqdn_learned_elements"},
           {'group="",family="ipv4"': 2, 'group="",family="ipv6"': 2, 'group="kiosk",family="ipv4"': 1, 'group="kiosk",family="ipv6"': 0}, "learned")
    expect(one["nfqdn_learned_names"], 2, "names")
    expect((got["nfqdn_mode", 'mode="enforce"'], got["nfqdn_mode", 'mode="audit"']), (1, 0), "mode")
    expect(one["nfqdn_tcp_memory_limit_bytes"], status["tcp"]["memory_limit"], "memory for DNS over TCP")
    check(any(labels.startswith('service="intune",document="') and value > 1.6e9 for (name, labels), value in got.items()
              if name == "nfqdn_list_timestamp_seconds"), "the date of Intune's document")
    expect((one["nfqdn_hold_seconds_count"], got["nfqdn_hold_seconds_bucket", 'le="+Inf"']), (3, 3), "answers held")
    expect((one["nfqdn_transaction_elements_count"], one["nfqdn_transaction_elements_sum"]), (3, 5), "transactions and their elements")
    expect((got["nfqdn_transaction_elements_bucket", 'le="1"'], got["nfqdn_transaction_elements_bucket", 'le="2"']), (1, 3), "of one element, of two at most")
    expect(one["nfqdn_transaction_seconds_count"], 3, "drains that committed")
    check(0 < one["nfqdn_transaction_seconds_sum"] <= one["nfqdn_hold_seconds_sum"] <= 2 * PATIENCE, "times")
    t.client.lookup("10.2.0.2", "www.example.com")
    later = parsed(d.ctl("metrics").stdout)
    expect((later["nfqdn_hold_seconds_count", ""], later["nfqdn_transaction_seconds_count", ""]), (4, 3), "an answer that teaches nothing is held, too")
    value = d.json("metrics")
    expect(value["api"], 1, "api")
    check(all(set(m) == {"name", "type", "help", "samples"} for m in value["metrics"]), "metrics as JSON")


@case("promtool has nothing to say against any metric, its name, unit, type and help")
def promtool(t):
    need("promtool")
    d = started(t)
    text = d.ctl("metrics").stdout
    done = t.gw.run(["promtool", "check", "metrics"], text=text, ok=False)
    expect((done.returncode, done.stdout + done.stderr), (0, ""), "promtool check metrics")
    check(t.gw.run(["promtool", "check", "metrics"], text=text.replace("_total ", "_number "), ok=False).returncode, "it would see a wrong name")


@case("--textfile: put in place at once, readable by all; without a daemon it says so, and a failure leaves the old one")
def textfile(t):
    d = started(t)
    folder = t.folder / "collector"
    folder.mkdir()
    path = folder / "nfqdn.prom"
    d.ctl("metrics", "--textfile", str(path))
    first = path.stat()
    expect((stat.S_IMODE(first.st_mode), os.listdir(folder)), (0o644, ["nfqdn.prom"]), "mode, and nothing beside it")
    expect(set(parsed(path.read_text())), set(parsed(d.ctl("metrics").stdout)), "the same metrics")
    with open(path, encoding="ascii") as old:
        d.ctl("metrics", "--textfile", str(path))
        check(path.stat().st_ino != first.st_ino, "a new file in its place")
        check(old.read().endswith("\n"), "who reads the old one reads all of it")
    before = path.stat()
    done = t.gw.run(["sh", "-c", f"ulimit -f 1; trap '' XFSZ; exec {NFQDNCTL} -s {d.socket_path} metrics --textfile {path}"], ok=False)
    expect((done.returncode, "cannot be written" in done.stderr), (1, True), "a full disk is told")
    expect((path.stat().st_ino, os.listdir(folder)), (before.st_ino, ["nfqdn.prom"]), "and leaves the old one, and nothing beside it")
    d.ctl("metrics", "--textfile", str(folder / "none" / "nfqdn.prom"), ok=1)
    d.ctl("metrics", "--textfile", str(path), "--json", ok=2)
    d.stop()
    d.ctl("metrics", "--textfile", str(path), ok=3)
    expect(parsed(path.read_text()), {("nfqdn_up", ""): 0}, "without a daemon")


if __name__ == "__main__":
    main()
