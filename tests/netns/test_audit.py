#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""mode = "audit": nothing is denied, and what would be is counted."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from netns import case, check, expect, main  # noqa: E402

ALLOW = 'web: { names = "*.example.net"; }; cloud: { addresses = "20.170.0.0/24"; };'
INBOUND = 'sql: { addresses = "20.171.0.1"; to = "10.1.0.2"; ports = "tcp/1433"; };'


@case("audit denies nothing and counts what enforce would deny, and enforce takes over by a reload", tags=["kernel", "smoke"])
def audit(t):
    t.simple()
    t.dns(t.inet, {"www.example.net": ["20.172.0.1"], "www.example.org": ["20.172.0.2"]})
    t.echo(t.inet, [4000])
    t.listen(t.client, [1433, 7000])
    t.client.ip("addr add 172.30.0.2/24 dev eth0")
    t.gw.ip("addr add 172.30.0.1/24 dev lan0")
    t.inet.ip("route add 172.30.0.0/24 via 10.2.0.1 table local")
    config = {"allow": ALLOW, "inbound": INBOUND, "clients": ["10.1.0.0/24", "fd00:1::/64"]}
    d = t.gateway(mode="audit", **config)
    expect(d.status()["mode"], "audit", "status")
    for qname in ("www.example.net", "www.example.org"):
        t.client.lookup("10.2.0.2", qname)
    before = d.counters()
    for address in ("20.172.0.1", "20.170.0.1"):
        expect(t.client.tcp(address).result, "open", f"allowed: {address}")
    expect(d.counters()["kernel_audited_packets"], before["kernel_audited_packets"], "would-be denials of allowed packets")
    expect((t.client.tcp("20.172.0.2").result, t.client.tcp("2603:1030::172").result, t.client.udp("20.172.0.9", 4000).result, t.client.ping("20.172.0.9").result),
           ("open", "open", "reply", "reply"), "not allowed, yet not denied")
    after = d.counters()
    expect(after["kernel_audited_packets"] - before["kernel_audited_packets"], 4, "would-be denials")
    expect(t.client.tcp("20.170.0.1", source="172.30.0.2").result, "open", "a foreign source")
    check(d.counters()["kernel_audited_source_packets"] >= 1, "a foreign source is counted")
    check(t.client.lookup("8.8.8.8", "www.example.net"), "a foreign resolver answers")
    check(d.counters()["kernel_audited_dns_foreign_packets"] >= 1, "a foreign resolver is counted")
    expect((t.inet.tcp("10.1.0.2", 1433, source="20.171.0.9").result, t.inet.tcp("10.1.0.2", 7000, source="20.171.0.9").result), ("open", "open"), "from outside")
    after = d.counters()
    check(after["kernel_audited_inbound_packets"] >= 1 and after["kernel_audited_reply_packets"] >= 1, "both are counted")
    expect([e["address"] for e in d.learned()], ["20.172.0.1"], "learned")
    enforced = ("denied", "denied_source", "denied_reply", "dns_foreign", "denied_inbound", "invalid")
    expect([name for name in enforced if d.counters()[f"kernel_{name}_packets"]], [], "nothing is counted as denied that was not")
    check({r["verdict"] for r in d.json("denied")} == {"would deny"}, "nor told so")
    check("would deny" in d.ctl("denied", "--summary").stdout, "in the summary, too")
    d.reload(t.config(mode="enforce", **config))
    expect((t.client.tcp("20.172.0.1", source="10.1.0.2").result, t.client.tcp("20.172.0.2", source="10.1.0.2").result), ("open", "reset"), "under enforce, with what was learned")
    would = d.counters()["kernel_audited_packets"]
    check(d.counters()["kernel_denied_packets"] >= 1 and would > 0, "each has its own count")
    d.reload(t.config(mode="audit", **config))
    denied = d.counters()["kernel_denied_packets"]
    expect(t.client.tcp("20.172.0.2").result, "open", "back in audit")
    expect((d.counters()["kernel_denied_packets"], d.counters()["kernel_audited_packets"] > would), (denied, True), "counted where it belongs")
    metrics = d.ctl("metrics").stdout
    check('nfqdn_kernel_packets_total{counter="audited"} ' in metrics and 'nfqdn_kernel_packets_total{counter="denied"} ' in metrics, "and in the metrics")


if __name__ == "__main__":
    main()
