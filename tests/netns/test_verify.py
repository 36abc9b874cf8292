#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""verify = "query": an answer is believed when its id, question, addresses and ports are those of a query that the gateway saw, and only the first one.
What must not teach is also tried where it must: under verify = "flow", or with the right id."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import dnswire  # noqa: E402
from netns import case, expect, main  # noqa: E402

WEB = 'web: { names = "*.example.net"; };'
ZONE = {"www.example.net": ["20.1.2.3", "2603:1030::7"], "other.example.org": "20.1.2.9"}


@case("answers to queries teach: UDP and TCP, IPv4 and IPv6, A and AAAA", tags=["smoke"])
def teaches(t):
    t.simple()
    t.dns(t.inet, ZONE)
    d = t.gateway(allow=WEB, verify="query")
    expect(d.status()["verify"], "query", "status")
    for number, (resolver, tcp) in enumerate((r, tcp) for r in ("10.2.0.2", "fd00:2::2") for tcp in (False, True)):
        expect(t.client.lookup(resolver, "www.example.net", tcp=tcp), ["20.1.2.3"], "A")
        expect(t.client.lookup(resolver, "www.example.net", dnswire.AAAA, tcp=tcp), ["2603:1030::7"], "AAAA")
        counters = d.counters()
        expect((counters["answers_taught"] + counters["answers_known"], counters["answers_unasked"]), (2 * number + 2, 0), "answers believed, and not")
    expect((t.client.tcp("20.1.2.3").result, t.client.tcp("2603:1030::7").result), ("open", "open"), "the addresses")
    t.client.lookup("10.2.0.2", "other.example.org")
    expect(t.client.tcp("20.1.2.9").result, "reset", "a name that is not allowed")
    expect((counters["queries_lost"], counters["queries_unread"]), (0, 0), "copies lost, not understood")


if __name__ == "__main__":
    main()
