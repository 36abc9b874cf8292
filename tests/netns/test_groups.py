#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Entries for some clients only: what one of them may reach, or has learned, is closed for the others."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import dnswire  # noqa: E402
from netns import case, check, element, expect, main  # noqa: E402

KIOSK, SERVER, OTHER = "10.1.0.2", "10.1.0.3", "10.1.0.4"
ALLOW = '''everyone: { names = "*.common.test"; addresses = "20.160.0.0/24"; };
    kiosks: { names = "*.kiosk.test"; addresses = "20.161.0.0/24"; clients = [ "10.1.0.2", "fd00:1::2" ]; };
    data-gateway: { names = [ "*.relay.test", "*.kiosk.test" ]; addresses = "20.162.0.0/24"; clients = [ "10.1.0.3", "fd00:1::3" ]; ports = [ "tcp/443", "tcp/5671" ]; };'''
ZONE = {"a.common.test": ["20.163.0.1"], "a.kiosk.test": ["20.163.0.2", "2603:1030::162"], "a.relay.test": ["20.163.0.3", "2603:1030::163"], "b.relay.test": ["20.163.0.4"]}


def results(t, address, port=443, sources=(KIOSK, SERVER, OTHER)):
    return [t.client.tcp(address, port, source=s).result for s in sources]


@case("ranges of a group are open to its clients, those of everyone to all", tags=["smoke"])
def ranges(t):
    t.simple(clients=3)
    t.gateway(allow=ALLOW)
    expect(results(t, "20.160.0.1"), ["open", "open", "open"], "everyone's")
    expect(results(t, "20.161.0.1"), ["open", "reset", "reset"], "the kiosks'")
    expect(results(t, "20.162.0.1"), ["reset", "open", "reset"], "the data gateway's")
    expect(results(t, "20.162.0.1", 5671), ["reset", "open", "reset"], "the data gateway's second port")


@case("what one client learned is closed for the others until they ask for it", tags=["brief", "kernel", "smoke"])
def learned(t):
    t.simple(clients=3)
    t.dns(t.inet, ZONE)
    d = t.gateway(allow=ALLOW)
    # The data gateway asks.
    t.client.lookup("10.2.0.2", "a.relay.test", source=SERVER)
    t.client.lookup("fd00:2::2", "a.relay.test", dnswire.AAAA, source="fd00:1::3")
    expect(results(t, "20.163.0.3"), ["reset", "open", "reset"], "learned by the data gateway")
    expect(results(t, "20.163.0.3", 5671), ["reset", "open", "reset"], "on its other port")
    expect(results(t, "2603:1030::163", sources=("fd00:1::2", "fd00:1::3", "fd00:1::4")), ["reset", "open", "reset"], "by IPv6")
    # A kiosk asks for the same: nothing for it.
    before = d.counters()["answers_without_group"]
    t.client.lookup("10.2.0.2", "b.relay.test", source=KIOSK)
    expect(results(t, "20.163.0.4"), ["reset", "reset", "reset"], "asked for by a kiosk")
    expect(d.counters()["answers_without_group"] - before, 1, "counted")
    # A name of both, asked for by one, then by the other.
    t.client.lookup("10.2.0.2", "a.kiosk.test", source=KIOSK)
    expect(results(t, "20.163.0.2"), ["open", "reset", "reset"], "learned by the kiosk")
    t.client.lookup("10.2.0.2", "a.kiosk.test", source=SERVER)
    expect(results(t, "20.163.0.2"), ["open", "open", "reset"], "learned by both")
    expect((results(t, "20.163.0.2", 5671)), ["reset", "open", "reset"], "each with its own ports")
    # Everyone's name, asked for by one, is open for all.
    t.client.lookup("10.2.0.2", "a.common.test", source=KIOSK)
    expect(results(t, "20.163.0.1"), ["open", "open", "open"], "everyone's name")
    # As people see it.
    groups = {e["group"] for e in d.learned()}
    check(len(groups) == 3, f"three groups in learned: {groups}")
    why = d.json("why", "20.163.0.3", "tcp/443", "from", SERVER)
    expect((why["verdict"], why["by"][0]["entry"]), ("allowed", "data-gateway"), "why, for the data gateway")
    expect(d.json("why", "20.163.0.3", "tcp/443", "from", KIOSK, ok=1)["verdict"], "denied", "why, for a kiosk")
    named = [s for s in ("name4_kiosks", "name4_data-gateway", "name4_data_gateway") if element(t.gw, "20.163.0.2", set_name=s)]
    expect(len(named), 2, "sets that carry the entries' names and the address")


@case("an asker outside all groups, such as a domain controller that forwards, teaches every group that allows the name", tags=["smoke"])
def forwarder(t):
    t.simple(clients=3)
    t.dns(t.inet, ZONE)
    t.gateway(allow='''kiosks: { names = "*.kiosk.test"; clients = [ "10.1.0.2" ]; }; data-gateway: { names = [ "*.relay.test", "*.kiosk.test" ]; clients = [ "10.1.0.3" ]; };''')
    t.client.lookup("10.2.0.2", "a.kiosk.test", source=OTHER)
    t.client.lookup("10.2.0.2", "a.relay.test", source=OTHER)
    expect(results(t, "20.163.0.2"), ["open", "open", "reset"], "a name of both")
    expect(results(t, "20.163.0.3"), ["reset", "open", "reset"], "a name of one")


@case("entries with the same clients are one group, a client can be in several, and names that nft cannot spell are told apart")
def overlapping(t):
    t.simple(clients=3)
    t.dns(t.inet, ZONE | {"a.x.test": ["20.164.0.1"], "a.y.test": ["20.164.0.2"], "a.z.test": ["20.164.0.3"]})
    d = t.gateway(allow='''one-a: { names = "*.relay.test"; clients = [ "10.1.0.2", "10.1.0.3" ]; }; two: { names = "*.kiosk.test"; clients = [ "10.1.0.2-10.1.0.3" ]; };
        x-y: { names = "*.x.test"; clients = "10.1.0.2"; }; x_y: { names = "*.y.test"; clients = "10.1.0.3"; }; wide: { names = "*.z.test"; clients = "10.1.0.0/24"; };''')
    t.client.lookup("10.2.0.2", "a.relay.test", source=KIOSK)
    expect(results(t, "20.163.0.3"), ["open", "open", "reset"], "learned by one client of the group")
    t.client.lookup("10.2.0.2", "a.kiosk.test", source=SERVER)
    expect(results(t, "20.163.0.2"), ["open", "open", "reset"], "another entry of the same clients")
    for source in (KIOSK, SERVER, OTHER):
        for qname in ("a.x.test", "a.y.test", "a.z.test"):
            t.client.lookup("10.2.0.2", qname, source=source)
    expect([results(t, f"20.164.0.{i}") for i in (1, 2, 3)], [["open", "reset", "reset"], ["reset", "open", "reset"], ["open", "open", "open"]], "groups of their own, and a wide one")
    # Four sets of clients that differ, plus the plain one if it is made.
    expect(len({e["group"] for e in d.learned()}), 4, "groups")


@case("a reload that moves an entry to other clients closes it for the old ones")
def moved(t):
    t.simple(clients=3)
    t.dns(t.inet, ZONE)
    d = t.gateway(allow=ALLOW)
    t.client.lookup("10.2.0.2", "a.relay.test", source=SERVER)
    d.reload(t.config(allow=ALLOW.replace('[ "10.1.0.3", "fd00:1::3" ]', '[ "10.1.0.4" ]')))
    expect(results(t, "20.163.0.3")[:2], ["reset", "reset"], "the old clients, learned")
    expect(results(t, "20.162.0.1"), ["reset", "reset", "open"], "the range")
    t.client.lookup("10.2.0.2", "a.relay.test", source=OTHER)
    expect(results(t, "20.163.0.3"), ["reset", "reset", "open"], "learned by the new client")
    d.reload(t.config(allow='everyone: { names = "*.common.test"; };'))
    check("data" not in t.gw.run("nft -s list table inet nfqdn").stdout, "sets of groups that went are removed")


if __name__ == "__main__":
    main()
