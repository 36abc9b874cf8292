#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Derived names: an allowed answer that ends without an address allows the name that the client asks for next."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import dnswire  # noqa: E402
from netns import case, expect, main  # noqa: E402

WEB = 'web: { names = "*.example.net"; };'
C, A, S = dnswire.cname, dnswire.a, dnswire.https


def zone(t, records):
    return t.dns(t.inet, lambda q: [r for r in records.get(q.name, []) if r.kind in (q.kind, dnswire.CNAME)])


@case("a chain that ends without an address, then the client's next query: exactly that name", tags=["smoke"])
def chain(t):
    t.simple()
    zone(t, {
        "www.example.net": [C("www.example.net", "mid.traffic.test", 300), C("mid.traffic.test", "edge.cdn.test", 300)],
        "edge.cdn.test": [A("edge.cdn.test", "20.75.0.1", 600)],
        "mid.traffic.test": [A("mid.traffic.test", "20.75.0.2")],
        "x.edge.cdn.test": [A("x.edge.cdn.test", "20.75.0.3")],
        "www.example.org": [C("www.example.org", "org.cdn.test", 300)],
        "org.cdn.test": [A("org.cdn.test", "20.75.0.4")],
    })
    d = t.gateway(allow=WEB)
    t.client.query("10.2.0.2", "edge.cdn.test")
    t.client.query("10.2.0.2", "www.example.org")
    expect(d.learned(), [], "learned before an allowed answer leads there")
    t.client.query("10.2.0.2", "www.example.net")
    for qname in ("edge.cdn.test", "mid.traffic.test", "x.edge.cdn.test", "org.cdn.test"):
        t.client.query("10.2.0.2", qname)
    expect([e["address"] for e in d.learned()], ["20.75.0.1"], "learned")
    element = d.knows("20.75.0.1")
    expect((element["names"], element["entries"], element["derived"]), (["www.example.net", "edge.cdn.test"], ["web"], ["edge.cdn.test"]), "its names and entry")
    expect((t.client.tcp("20.75.0.1").result, t.client.tcp("20.75.0.3").result), ("open", "reset"), "the end of the chain, a name below it")
    by = d.json("explain", "edge.cdn.test")["by"]
    expect([(r["entry"], r["pattern"], r["derived_from"]) for r in by], [("web", "*.example.net", "www.example.net")], "explain")
    by = d.json("why", "20.75.0.1", "tcp/443")["by"]
    expect([(r["entry"], r["name"], r["derived"]) for r in by], [("web", "www.example.net", ["edge.cdn.test"])], "why")


@case("targets of HTTPS and SVCB records, alias and service, are derived names", tags=["smoke"])
def services(t):
    t.simple()
    zone(t, {
        "www.example.net": [S("www.example.net", 1, "svc.cdn.test", ttl=300)],
        "alias.example.net": [S("alias.example.net", 0, "alias.cdn.test", ttl=300)],
        "_x.example.net": [S("_x.example.net", 1, "other.cdn.test", ttl=300, kind=dnswire.SVCB)],
        "own.example.net": [S("own.example.net", 1, ".", ttl=300)],
        "www.example.org": [S("www.example.org", 1, "org.cdn.test", ttl=300)],
        "svc.cdn.test": [A("svc.cdn.test", "20.76.0.1")], "alias.cdn.test": [A("alias.cdn.test", "20.76.0.2")],
        "other.cdn.test": [A("other.cdn.test", "20.76.0.3")], "org.cdn.test": [A("org.cdn.test", "20.76.0.4")],
    })
    d = t.gateway(allow=WEB)
    for qname in ("www.example.net", "alias.example.net", "own.example.net", "www.example.org"):
        t.client.query("10.2.0.2", qname, dnswire.HTTPS)
    t.client.query("10.2.0.2", "_x.example.net", dnswire.SVCB)
    expect(d.counters()["derived_names"], 3, "derived names")
    for qname in ("svc.cdn.test", "alias.cdn.test", "other.cdn.test", "org.cdn.test"):
        t.client.query("10.2.0.2", qname)
    expect(sorted(e["address"] for e in d.learned()), ["20.76.0.1", "20.76.0.2", "20.76.0.3"], "learned")
    expect(t.client.tcp("20.76.0.2").result, "open", "the alias's target")


@case("targets of derived names derive three steps deep, and no further")
def depth(t):
    t.simple()
    steps = ["deep.example.net", "s1.test", "s2.test", "s3.test", "s4.test"]
    records = {name: [C(name, after, 300)] for name, after in zip(steps, steps[1:])}
    zone(t, records)
    d = t.gateway(allow=WEB)
    for qname in steps:
        t.client.query("10.2.0.2", qname)
    expect((d.counters()["derived_names"], d.counters()["derived_too_deep"]), (3, 1), "derived, too deep")
    for number, qname in enumerate(steps[1:], 1):
        records[qname] = [A(qname, f"20.77.0.{number}")]
        t.client.query("10.2.0.2", qname)
    expect(sorted(e["address"] for e in d.learned()), ["20.77.0.1", "20.77.0.2", "20.77.0.3"], "learned")


@case("a reload keeps what derived names brought while their origin is allowed", tags=["smoke"])
def reload(t):
    t.simple()
    zone(t, {"www.example.net": [C("www.example.net", "edge.cdn.test", 3600)], "edge.cdn.test": [A("edge.cdn.test", "20.78.0.1", 3600)]})
    d = t.gateway(allow=WEB)
    t.client.query("10.2.0.2", "www.example.net")
    t.client.query("10.2.0.2", "edge.cdn.test")
    d.reload(t.config(allow='www: { names = "www.example.net"; };'))
    expect([(e["address"], e["entries"]) for e in d.learned()], [("20.78.0.1", ["www"])], "learned, by the new entry")
    expect(d.json("explain", "edge.cdn.test")["verdict"], "allowed", "the derived name")
    d.reload(t.config(allow='other: { names = "*.example.org"; };'))
    expect(d.learned(), [], "learned when the origin is gone")
    expect(d.json("explain", "edge.cdn.test", ok=None)["verdict"], "denied", "the derived name")
    d.reload(t.config(allow=WEB))
    t.client.query("10.2.0.2", "edge.cdn.test")
    expect(d.learned(), [], "a derived name that was forgotten stays forgotten")


if __name__ == "__main__":
    main()
