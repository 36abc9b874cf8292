#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A management plane's way: the configuration as JSON, by standard input at the start and by the control socket later."""
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from netns import NFQDNCTL, NFQDND, ROOT, USER, case, check, expect, main, until  # noqa: E402


def made(t, **allow):
    """A configuration as a program makes it."""
    folder = t.folder / "nfqdnd"
    return {"gateway": {"interfaces": ["lan0"], "resolvers": "10.2.0.2", "control": str(folder / "control.sock"), "state": str(folder / "state"), "user": USER,
                        "catalog": [str(ROOT / "data")], "lifetime": {"min": 300}, "resolver-on-client-side": False, "nat64": None}, "allow": allow}


def again(t, d, text, *options):
    """Another nfqdnd -c -, when that one has ended."""
    d.stop()
    with open(d.log_path, "ab") as log:
        d.process = t.gw.popen([NFQDND, "-c", "-", *options], stdin=subprocess.PIPE, stdout=log, stderr=log)
    d.process.stdin.write(text.encode())
    d.process.stdin.close()
    d.ended = False
    d.wait_ready()
    return d


def start(t, text, *options):
    """In place of one that made the folders."""
    return again(t, t.gateway(), text, *options)


def kept(d):
    path = d.folder / "state/last-good/nfqdn.conf"
    return path.read_text() if path.exists() else ""


def give(t, d, text, *options, ok=0):
    done = t.gw.run([NFQDNCTL, "-s", str(d.socket_path), "reload", "-", *options], ok=False, text=text)
    expect(done.returncode, ok, f"{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def results(t, *addresses):
    return [t.client.tcp(address).result for address in addresses]


@case("JSON on standard input starts a gateway; another one comes by the socket, is confirmed or goes back, and a reload keeps it", tags=["smoke"])
def json_in(t):
    t.simple()
    t.dns(t.inet, {"www.example.net": ["20.121.0.1"]})
    d = start(t, json.dumps(made(t, web={"names": ["*.example.net"], "ports": "tcp/443"}, one={"addresses": "20.120.0.0/24"})))
    t.client.lookup("10.2.0.2", "www.example.net")
    expect(results(t, "20.121.0.1", "20.120.0.1", "20.122.0.1"), ["open", "open", "reset"], "from standard input")
    d.reload()
    expect(results(t, "20.121.0.1", "20.120.0.1"), ["open", "open"], "a plain reload has it still")
    two = json.dumps(made(t, two={"addresses": ["20.122.0.0/24"]}), indent=2)
    give(t, d, two, "--confirm", "600")
    expect(results(t, "20.121.0.1", "20.120.0.1", "20.122.0.1"), ["reset", "reset", "open"], "from the socket, on trial")
    d.ctl("confirm", "--undo")
    expect(results(t, "20.121.0.1", "20.120.0.1", "20.122.0.1"), ["open", "open", "reset"], "undone")
    give(t, d, two, ok=1)
    give(t, d, two, "--confirm", "600")
    d.ctl("confirm")
    d.reload()
    expect(results(t, "20.120.0.1", "20.122.0.1"), ["reset", "open"], "confirmed, and reloaded")
    told = give(t, d, two.replace("20.122.0.0/24", "20.122.0.0/33"), ok=1)
    check("<stdin>:" in told and "allow.two.addresses" in told, told)
    told = give(t, d, json.dumps(made(t, two={"addresses": ["20.122.0.0/24", "20.123.0.0/24"]})), "--dry-run")
    check("20.123.0.0/24" in told and "two" in told, told)
    give(t, d, json.dumps(made(t, two={"addresses": "20.122.0.0/24", "names": [f"n{i}.example.net" for i in range(40000)]})))
    d.ctl("explain", "n39999.example.net")
    give(t, d, two)
    told = give(t, d, two + " " * (1 << 20), ok=2)
    check("1 MiB" in told, told)
    give(t, d, 'gateway: { interfaces = "lan0"; };', ok=1)  # the other syntax is understood, too, and wrong here
    expect(results(t, "20.122.0.1"), ["open"], "a bad one changes nothing")
    until(lambda: "20.122.0.0" in kept(d), "the last good policy is a file")


@case("a daemon that has a file takes no configuration by the socket; a JSON file is a file like any other")
def files(t):
    t.simple()
    d = t.gateway(allow='one: { addresses = "20.120.0.0/24"; };')
    check("started with this file" in give(t, d, json.dumps(made(t, two={"addresses": "20.122.0.0/24"})), ok=1), "refused")
    d.reload(json.dumps(made(t, two={"addresses": "20.122.0.0/24"})))
    expect(results(t, "20.120.0.1", "20.122.0.1"), ["reset", "open"], "a JSON file")
    printed = t.gw.run([NFQDND, "-c", str(d.file), "--print-config"]).stdout
    again = t.gw.run([NFQDND, "-c", "-", "--print-config"], text=printed).stdout
    expect(again.replace("<stdin>", str(d.file)), printed, "what is printed of it, read again")


@case("a restart of a daemon whose configuration came by standard input begins with it, with --boot from the last one that was in force, and never open")
def restarts(t):
    t.simple()
    d = start(t, json.dumps(made(t, one={"addresses": "20.120.0.0/24"})), "--boot", str(t.folder / "nfqdnd/state"))
    give(t, d, json.dumps(made(t, two={"addresses": "20.122.0.0/24"})))
    until(lambda: "20.122.0.0" in kept(d), "the last good one on disk")
    d = again(t, d, "", "--boot", str(t.folder / "nfqdnd/state"))  # a service manager's standard input is empty
    expect(results(t, "20.120.0.1", "20.122.0.1"), ["reset", "open"], "the last good one")
    check("<stdin> is bad: the last good policy stays in force" in d.log() and "configuration was bad" in d.ctl("doctor", ok=1).stdout, d.log())
    told = d.ctl("reload", ok=1)
    told = told.stdout + told.stderr
    check("nfqdnctl reload FILE" in told, f"nothing to read again: {told}")
    give(t, d, json.dumps(made(t, three={"addresses": "20.123.0.0/24"})))
    expect(results(t, "20.122.0.1", "20.123.0.1"), ["reset", "open"], "and it is mended by the socket")
    d = again(t, d, json.dumps(made(t, four={"addresses": "20.124.0.0/24"})))
    expect(results(t, "20.123.0.1", "20.124.0.1"), ["reset", "open"], "what standard input says at the start is what holds")
    give(t, d, json.dumps(made(t, five={"addresses": "20.125.0.0/24"})), "--confirm", "600")
    d = again(t, d, json.dumps(made(t, five={"addresses": "20.125.0.0/24"})))
    expect(results(t, "20.124.0.1", "20.125.0.1"), ["open", "reset"], "a start never begins with what was not confirmed")


if __name__ == "__main__":
    main()
