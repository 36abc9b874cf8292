#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The rulesets of nft/: other firewalls beside nfqdn, each loaded, used, and loaded again as that firewall's own reload does."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import dnswire  # noqa: E402
from netns import ROOT, case, check, element, expect, main, until  # noqa: E402

ALLOW = 'web: { names = "*.example.net"; addresses = "20.170.0.0/24"; };'
NAMES = {f"n{i}.example.net": [f"20.172.0.{i}", f"2603:1030::{i:x}"] for i in range(1, 10)}


def loaded(t, name):
    """Loads the file as it is; without its flowtable where this kernel has none."""
    text = (ROOT / "nft" / name).read_text(encoding="ascii")
    done = t.gw.run(["nft", "-f", "-"], text=text, ok=False)
    if done.returncode and "flowtable" in text:
        lines = [line for line in text.splitlines() if "flow add" not in line]
        begin = next(i for i, line in enumerate(lines) if "flowtable ft {" in line)
        text = "\n".join(lines[:begin] + lines[begin + 4:]) + "\n"
        done = t.gw.run(["nft", "-f", "-"], text=text, ok=False)
    check(done.returncode == 0, f"nft/{name} loads: {done.stderr}")
    return text


def asks(t, d, number):
    """A new name: its first connection passes, by both families."""
    qname = f"n{number}.example.net"
    t.client.lookup("10.2.0.2", qname)
    t.client.lookup("10.2.0.2", qname, dnswire.AAAA)
    expect([t.client.tcp(a).result for a in NAMES[qname]], ["open"] * 2, f"{qname}, just learned")
    check(element(t.gw, NAMES[qname][0]), "it stands in the set")


def decides(t):
    expect(t.client.tcp("20.170.0.1").result, "open", "a range")
    expect([t.client.tcp(a).result for a in ("20.99.0.1", "2603:1099::1")], ["reset"] * 2, "what nobody allows")


def beside(name, policy=True):
    """`policy`: the other firewall itself denies what comes from outside."""
    def run(t):
        t.simple()
        t.dns(t.inet, NAMES)
        text = loaded(t, name)
        d = t.gateway(allow=ALLOW)
        asks(t, d, 1)
        decides(t)
        if policy:
            t.listen(t.client, [7000])
            expect(t.inet.tcp("10.1.0.2", 7000, seconds=0.4).result != "open", True, "from outside: that firewall's own rules hold, too")
        attempt = t.client.tcp("20.172.0.1", keep=True)
        for turn in range(3):
            t.gw.nft(text)
            asks(t, d, 2 + turn)
            decides(t)
            expect(t.client.tcp("20.172.0.1").result, "open", "learned before the reload")
            attempt.sock.sendall(b"still")
            expect(attempt.sock.recv(10), b"still", "an open flow")
        expect(d.counters()["table_rebuilt"], 0, "nfqdn's table was left alone")
        t.gw.nft("flush ruleset\n" + text)
        until(lambda: element(t.gw, "20.172.0.1"), "nfqdn's table after a flush of the whole ruleset")
        asks(t, d, 6)
        decides(t)
    return run


for file, what, holds_too in (("router.nft", "a plain router", True), ("fw4.nft", "OpenWrt's fw4", True), ("firewalld.nft", "firewalld", True), ("ufw.nft", "ufw", True),
                              ("docker.nft", "a Docker host", False)):
    run = beside(file, holds_too)
    run.__name__ = file.split(".", maxsplit=1)[0]
    case(f"{what}: allowed passes, denied does not, names are learned, after its own reloads and a flush of all, too", tags=["kernel"])(run)


@case("a Docker host's forward policy is drop: without its DOCKER-USER rules nfqdn's clients are not routed")
def docker_user(t):
    t.simple()
    t.dns(t.inet, NAMES)
    t.gateway(allow=ALLOW)
    expect(t.client.tcp("20.170.0.1").result, "open", "without Docker")
    loaded(t, "docker.nft")
    expect(t.client.tcp("20.170.0.1").result, "open", "with the rules")
    t.gw.run("nft flush chain ip filter DOCKER-USER")
    expect(t.client.tcp("20.170.0.1", seconds=0.4).result, "timeout", "without")


if __name__ == "__main__":
    main()
