#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What only a kernel with loadable modules can show. Runs in a virtual machine alone: it takes modules away."""
import contextlib
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "lib"))
import dnswire  # noqa: E402
from netns import ROOT, case, check, expect, main, until  # noqa: E402

WEB = 'web: { names = "*.example.net"; };'
ZONE = {"*.example.net": ["20.70.0.1"]}
REFUSED = pathlib.Path("/etc/modprobe.d/nfqdn-test.conf")


def loaded(module):
    return any(line.split()[0] == module for line in pathlib.Path("/proc/modules").read_text(encoding="ascii").splitlines())


def unload(module):
    """Namespaces of earlier cases may still be on their way out."""
    def gone():
        if loaded(module):
            subprocess.run(["rmmod", module], stderr=subprocess.DEVNULL, check=False)
        return not loaded(module)
    until(gone, f"{module} is unloaded", 20)


@contextlib.contextmanager
def without(*modules):
    """A kernel that lacks these."""
    REFUSED.write_text("".join(f"install {m} /bin/false\n" for m in modules), encoding="ascii")
    try:
        for module in modules:
            unload(module)
        yield
    finally:
        REFUSED.unlink()


def teaches(t):
    t.client.lookup("10.2.0.2", "www.example.net")
    expect(t.client.tcp("20.70.0.1").result, "open", "after its answer")


@case("the kernel's own queue expression is used, and its module is loaded by the start")
def native(t):
    unload("nft_queue")
    t.simple()
    t.dns(t.inet, ZONE)
    d = t.gateway(allow=WEB)
    expect(d.status()["queue"]["backend"], "native", "backend")
    check(loaded("nft_queue"), "nft_queue is loaded")
    check("queue flags bypass to" in t.gw.run("nft list table inet nfqdn").stdout, "nft shows the queue rule")
    teaches(t)


@case("without nft_queue the NFQUEUE target of xtables serves")
def xtables(t):
    with without("nft_queue"):
        t.simple()
        t.dns(t.inet, ZONE)
        d = t.gateway(allow=WEB)
        expect(d.status()["queue"]["backend"], "xtables", "backend")
        teaches(t)


@case("without nft_queue and nft_compat the start is refused, the options are named, and nothing is left behind")
def neither(t):
    with without("nft_queue", "nft_compat"):
        t.simple()
        d = t.daemon(t.gw, t.config(allow=WEB), ready=False)
        expect(d.process.wait(30), 4, "exit status")
        d.ended = True
        for option in ("CONFIG_NFT_QUEUE", "CONFIG_NFT_COMPAT", "CONFIG_NETFILTER_XT_TARGET_NFQUEUE"):
            check(option in d.log(), f"{option} is named in: {d.log()}")
        expect(t.gw.run("nft list tables").stdout, "", "tables")


def ask_often(t, count):
    """Questions on one socket and answers over TCP, each for a name of its own."""
    sock = t.client.socket(kind=2)
    sock.settimeout(30)
    sock.connect(("10.2.0.2", 53))
    for i in range(count):
        sock.send(dnswire.query(f"u{i}.example.net", dnswire.A, i))
        sock.recv(4096)
    for i in range(count):
        t.client.lookup("10.2.0.2", f"t{i}.example.net", tcp=True)


def flowtable(t, count, text):
    names = {f"{kind}{i}.example.net": [f"20.71.{kind == 't':d}.{i + 1}"] for kind in "ut" for i in range(count)}
    t.simple()
    t.dns(t.inet, names)
    t.gw.nft(text)
    d = t.gateway(allow=WEB)
    expect(t.client.tcp("20.71.9.9").result, "reset", "what was not learned")
    ask_often(t, count)
    return d


@case("flowtables: with the shipped ruleset, which keeps port 53 out, every answer on one socket and over TCP is learned")
def kept_out(t):
    count = 8
    d = flowtable(t, count, (ROOT / "nft/flowtable.nft").read_text(encoding="ascii"))
    expect(len(d.learned()), 2 * count, "addresses learned")
    open_flow = t.client.tcp("20.71.0.1", keep=True)
    expect(open_flow.result, "open", "an address that was learned")
    until(lambda: "[OFFLOAD]" in t.gw.run("conntrack -L -p tcp --dport 443").stdout, "its flow is offloaded")
    check(any("offloaded fast" in warning for warning in d.status()["warnings"]), f"status warns: {d.status()['warnings']}")


@case("flowtables: with port 53 in it answers on one socket are missed, which nfqdn warns of")
def let_in(t):
    count = 8
    shipped = (ROOT / "nft/flowtable.nft").read_text(encoding="ascii").splitlines()
    text = "\n".join(line for line in shipped if "return" not in line)
    expect(len(shipped) - len(text.splitlines()), 2, "rules that keep port 53 out")
    d = flowtable(t, count, text)
    check(len(d.learned()) < 2 * count, "some are missed")
    check("flowtable offloaded fast" in d.log(), f"the log warns: {d.log()}")


def bridge(t):
    """Two clients on the ports of the gateway's bridge lan0."""
    t.simple()
    t.neighbour = t.net("neighbour")
    t.gw.ip("link add br0 type bridge", "link set br0 up")
    t.link(t.neighbour, "eth0", t.gw, "port1", ["10.1.0.9/24", "fd00:1::9/64"], [])
    t.gw.ip("addr flush dev lan0", "link set lan0 master br0", "link set port1 master br0", "addr add 10.1.0.1/24 dev br0",
            "addr add fd00:1::1/64 dev br0 nodad")
    t.listen(t.neighbour, [443])


@case("a bridge as client interface: what is routed is decided, what is bridged is not, with and without br_netfilter")
def bridged(t):
    for call in (False, True):
        if call:
            subprocess.run(["modprobe", "br_netfilter"], check=True)
        else:
            bridge(t)
            t.dns(t.inet, ZONE)
            d = t.gateway(allow=WEB, interfaces=["br0"])
        expect(t.client.tcp("20.70.0.9").result, "reset", "routed, not allowed")
        teaches(t)
        expect(t.client.tcp("10.1.0.9").result, "open", "bridged to a neighbour")
    d.check_running()


if __name__ == "__main__":
    main()
