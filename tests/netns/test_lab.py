#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's topologies: each comes up, a client reaches an allowed name and not another, and what is wrong in a file is told with its line."""
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import topology  # noqa: E402
from lab import Lab, LabError, split  # noqa: E402
from netns import Failed, Skip, case, check, expect, main, until  # noqa: E402

# An allowed name whose addresses no catalog row names as prefixes, and one that nobody allowed; both have both families.
ALLOWED, ADDRESS, OTHER = "swda02.manage.microsoft.com", "152.195.19.97", "www.example.org"


def up(t, name, **options):
    try:
        return Lab(t, name, **options).up()
    except Failed as error:
        if "Unknown device type" in str(error):
            raise Skip(f"no interface of this kind here: {' '.join(str(error).split())[-100:]}") from None
        raise


def yes(lab, line):
    done = lab.do(split(line))
    check(done.ok, f"{line}: {done.text}")
    return done.text


def no(lab, line):
    done = lab.do(split(line))
    check(not done.ok, f"{line} should not be so: {done.text}")
    return done.text


def guarded(lab, where="client"):
    """What every topology with a gateway that works shows, in both families."""
    yes(lab, f"refused {where} {ADDRESS}")
    for family in ("4", "6"):
        yes(lab, f"open {where} {ALLOWED} family={family}")
        yes(lab, f"refused {where} {OTHER} family={family}")


def register(name, where=("client",)):
    # Not every kernel has 8021q: those of Debian have.
    @case(f"topology {name}: an allowed name opens, another one is refused, IPv4 and IPv6", tags=["kernel"] if name in ("vlan-trunk", "bridge") else [])
    def comes_up(t):
        lab = up(t, name)
        for host in where:
            guarded(lab, host) if host == "client" else yes(lab, f"open {host} {ALLOWED}")
        check("topology " + name in yes(lab, "status"), "status says which")

    del comes_up


for _name, _where in (("simple", ("client", "server")), ("resolver-on-gateway", ("client",)), ("domain-controller-forwards", ("client",)), ("nat", ("client", "server")), ("many-clients", ("client",)),
                      ("vlan-trunk", ("client", "guest")), ("bridge", ("client", "neighbour"))):
    register(_name, _where)


@case("topology resolver-in-client-segment: nothing is learned, and the doctor says why")
def own_segment(t):
    lab = up(t, "resolver-in-client-segment")
    yes(lab, f"ask {ALLOWED}")
    for address in (ADDRESS, "2606:2800:11f:17a5:191a:18d5:537:22f9", *(f"20.9.9.{i}" for i in range(1, 21))):
        yes(lab, f"refused {address}")
    no(lab, f"learned {ADDRESS}")
    text = no(lab, "ctl doctor")
    check("their resolver may be in their own segment" in text, text)


@case("topology dual-uplink: new names open by either uplink while the other one is down")
def dual_uplink(t):
    lab = up(t, "dual-uplink")
    guarded(lab)
    yes(lab, "fault uplink-down")
    for family in ("4", "6"):
        yes(lab, f"open make.powerautomate.com family={family}")
    yes(lab, "clear")
    yes(lab, "fault uplink-down 2")
    yes(lab, "open naprodimedatapri.azureedge.net")
    yes(lab, "open naprodimedatapri.azureedge.net family=6")
    yes(lab, f"refused {OTHER}")


def failover(t):
    lab = up(t, "two-gateways")
    guarded(lab)
    expect(lab.master(), "gateway", "the master")
    check("2 in force" not in yes(lab, "sync standby gateway"), "the standby has learned nothing")
    no(lab, f"learned standby {ADDRESS}")
    yes(lab, "sync gateway standby")
    yes(lab, f"learned standby {ADDRESS}")
    yes(lab, "failover")
    expect(lab.master(), "standby", "the master")
    until(lambda: lab.do(["open", ADDRESS, "wait=0.5"]).ok, "what the first gateway learned is open at the second, without a question", 10)
    yes(lab, "open make.powerautomate.com")
    yes(lab, "learned standby make.powerautomate.com")
    no(lab, "learned gateway make.powerautomate.com")
    yes(lab, f"refused {OTHER}")


@case("topology two-gateways: keepalived moves the addresses, and what was learned was handed over")
def keepalived(t):
    if not shutil.which("keepalived"):
        raise Skip("keepalived is not installed")
    failover(t)


@case("topology two-gateways: the same where there is no keepalived")
def by_hand(t):
    which = shutil.which
    shutil.which = lambda name, **options: None if name == "keepalived" else which(name, **options)
    failover(t)


@case("topology bridge: what the two clients say to each other is not decided")
def bridged(t):
    lab = up(t, "bridge")
    lab.nets["gateway"].bridged_frames(False)
    yes(lab, "open client 10.1.0.3")


@case("HTTPS for any name and address, with a certificate of the lab's own authority")
def https(t):
    if not shutil.which("curl"):
        raise Skip("curl is not installed")
    lab = up(t, "simple")
    for name in (ALLOWED, "portal.manage.microsoft.com"):
        check(yes(lab, f"get https://{name}/").startswith(f"{name} reached at "), "the server that the name stands for")
    yes(lab, f"get server https://{ADDRESS}/")  # the certificate is for the address
    check("certificate" in no(lab, f"get https://{ALLOWED}/ --capath /nowhere --cacert /etc/hostname"), "who does not trust the lab's CA is warned")
    check("curl: (7)" in no(lab, f"get https://{OTHER}/"), "a name that nobody allowed is refused")


# The whole of a file, then what is told of it after FILE:.
WRONG = [
    ("hots client\n", "1: no statement `hots`; is it `host`?"),
    ("zzz\n", "1: no statement `zzz`; there are: title"),
    ("host client Client\n", "1: `Client` is no name of a node: small letters"),
    ("host a\nhost a\n", "2: `a` is declared twice"),
    ("host a\nrouter g\nlink a:eth0 10.1.0.2 -- g:lan0\n", "3: `10.1.0.2` should be an address with the length of its network"),
    ("host a\nrouter g\nlink a:eth0 -- h:lan0\n", "3: no node `h` is declared above"),
    ("host client\nrouter g\nlink clint:eth0 -- g:lan0\n", "3: no node `clint` is declared above; is it `client`?"),
    ("host a\nrouter g\nlink a -- g:lan0\n", "3: `a` should be NODE:INTERFACE"),
    ("host a\nrouter g\nlink a:eth0 g:lan0\n", "3: right would be: link NODE:INTERFACE"),
    ("host a\nrouter g\nlink a:eth0 -- g:abcdefghijklmnop\n", "3: `g:abcdefghijklmnop` should be NODE:INTERFACE, such as client:eth0; an interface has 15"),
    ("host a\nrouter g\nlink a:eth0 -- g:lan0\nlink a:eth0 -- g:lan1\n", "4: a has an interface `eth0` already"),
    ("host a\nrouter g\nlink a:eth0 -- g:lan0\nbridge g:br0 = lan1\n", "4: g has no interface `lan1` above; it has: lan0"),
    ("host a\nrouter g\nlink a:eth0 -- g:lan0 10.1.0.1/24\nbridge g:br0 = lan0\n", "4: g:lan0 has an address, and a bridge's port wants none"),
    ("host a\nrouter g\nlink a:eth0 -- g:lan0\nvlan g:lan0.5000\n", "4: `g:lan0.5000` should be NODE:INTERFACE.ID"),
    ("host a\nrouter g\nlink a:eth0 -- g:lan0\naccess g:lan0 5\n", "4: `g` is a router, and this wants a switch"),
    ("host a\nroute a 10.1.0.1/24 via 10.1.0.2\n", "2: `10.1.0.1/24` should be a network"),
    ("host a\nroute a default via gateway\n", "2: `gateway` should be an address"),
    ("host a\nsysctl a kernel.hostname x\n", "2: right would be: sysctl NODE KEY VALUE"),
    ("host a\ndns a forwards 10.2.0.2\n", "2: right would be: dns NODE [forward ADDRESS]"),
    ("host a\nlisten a 0\n", "2: right would be: listen NODE PORT..."),
    ("host a\nnfqdn a\n\tmode = \"audit\";\n", "2: `a` is a host, and this wants a router"),
    ("router g\nnfqdn g\n", "2: `nfqdn` wants indented lines below it"),
    ("host a\n\tmode = \"audit\";\n", "1: `host` takes no indented lines"),
    ("\thost a\n", "1: an indented line belongs to a statement above it"),
    ("like nosuch\n", "1: no topology `nosuch`; there are: bridge, "),
    ("# nothing\n", " no host, router or internet in it"),
    ("host a\n", " no link in it"),
]


@case("what is wrong in a topology's file is told as FILE:LINE, with what would be right")
def wrong_files(t):
    path = t.folder / "wrong"
    for text, want in WRONG:
        path.write_text(text, encoding="utf-8")
        try:
            topology.Topology(path)
            check(False, f"{text!r} was taken")
        except topology.TopologyError as error:
            check(str(error).startswith(f"{path}:{want}"), f"{text!r} was told as {error}")
    path.write_text(f"like {path}\n", encoding="utf-8")
    try:
        topology.Topology(path)
        check(False, "a circle was taken")
    except topology.TopologyError as error:
        check("leads back" in str(error), str(error))


@case("a command that cannot be done says what would be right")
def wrong_commands(t):
    lab = up(t, "simple", daemon=False)
    for line, want in (("opne x", "is it `open`?"), ("open", "right would be: open"), ("fault dns-slow", "no fault `dns-slow`"), ("fault dns-delay", "SECONDS[-SECONDS]"),
                       ("fault dns-ttl many", "right would be: fault"), ("record x 60 MX y", "right would be: record"), ("learned x", "no nfqdnd runs"),
                       ("get ftp://x/", "should be a URL"), ("attach nosuch0", "no interface `nosuch0` here"), ("failover", "no vrrp pair")):
        try:
            lab.do(split(line))
            check(False, f"{line} was taken")
        except LabError as error:
            check(want in str(error), f"{line}: {error}")


if __name__ == "__main__":
    main()
