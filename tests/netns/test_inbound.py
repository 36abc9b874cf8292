#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""New connections to a protected server: from the sources that were named, and nobody else."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from netns import PATIENCE, ROOT, case, check, expect, main  # noqa: E402

# The server is 10.3.0.2 and fd00:3::2 on lan1.
SQL = '''sql: {{ addresses = [ "20.90.0.0/28", "2603:1030:90::/64" ]; to = [ "10.3.0.2", "fd00:3::2" ]; ports = "tcp/1433"; {} }};'''


def with_server(t):
    t.simple()
    t.second_segment()
    t.listen(t.client2, [1433, 1434, 80])
    t.echo(t.client2, [1433])


@case("an allowed source reaches the server, another is refused, data flows both ways", tags=["smoke"])
def sources(t):
    with_server(t)
    d = t.gateway(inbound=SQL.format(""), interfaces=["lan*"])
    for source, to in (("20.90.0.1", "10.3.0.2"), ("20.90.0.15", "10.3.0.2"), ("2603:1030:90::1", "fd00:3::2")):
        attempt = t.inet.tcp(to, 1433, source=source, keep=True)
        expect(attempt.result, "open", f"from {source}")
        attempt.sock.send(b"select 1")
        expect(attempt.sock.recv(100), b"select 1", "data")
    for source, to in (("20.90.0.16", "10.3.0.2"), ("20.89.255.255", "10.3.0.2"), ("8.8.8.8", "10.3.0.2"), ("2603:1030:91::1", "fd00:3::2")):
        attempt = t.inet.tcp(to, 1433, source=source)
        expect(attempt.result, "reset", f"from {source}")
        check(attempt.seconds < 0.5 * PATIENCE, "refused at once")
    expect(d.counters()["kernel_denied_inbound_packets"], 4, "denied from outside")
    expect(t.inet.udp("10.3.0.2", 1433, source="20.90.0.1", seconds=0.5).result == "reply", False, "another protocol")


@case("connectors of the catalog: Europe is let in, another region is not", tags=["kernel", "smoke"])
def connectors(t):
    with_server(t)
    t.gateway(inbound='sql: { service = "power-automate"; features = "connectors"; regions = "Europe"; to = "10.3.0.2"; ports = "tcp/1433"; };', interfaces=["lan*"])
    for source in ("13.69.227.208", "13.69.227.223", "52.178.150.68", "13.69.64.210"):
        expect(t.inet.tcp("10.3.0.2", 1433, source=source).result, "open", f"from {source}, Europe")
    for source in ("13.69.227.207", "13.69.227.224", "52.178.150.69", "13.75.36.64", "51.140.80.51"):
        expect(t.inet.tcp("10.3.0.2", 1433, source=source).result, "reset", f"from {source}")


@case("behind destination NAT, with another port outside", tags=["smoke"])
def behind_nat(t):
    with_server(t)
    t.gw.nft("table ip nat {\n chain pre {\n type nat hook prerouting priority dstnat\n iifname \"up0\" ip daddr 10.2.0.1 tcp dport 14330 dnat to 10.3.0.2:1433\n }\n}\n")
    t.gateway(inbound=SQL.format(""), interfaces=["lan*"])
    expect(t.inet.tcp("10.2.0.1", 14330, source="20.90.0.1").result, "open", "an allowed source")
    expect(t.inet.tcp("10.2.0.1", 14330, source="20.91.0.1").result, "reset", "another source")


@case("other ports of the server are not inbound's business, and its replies on them do not pass")
def other_ports(t):
    with_server(t)
    d = t.gateway(inbound=SQL.format(""), interfaces=["lan*"])
    expect(t.inet.tcp("10.3.0.2", 1434, source="20.90.0.1", seconds=0.7).result == "open", False, "port 1434")
    counters = d.counters()
    expect(counters["kernel_denied_inbound_packets"], 0, "denied by inbound")
    check(counters["kernel_denied_reply_packets"] >= 1, "the reply was denied")
    # The server is no way out for itself either.
    expect(t.client2.tcp("20.90.0.1", 443).result, "reset", "the server towards a connector")


@case("a LAN host in `also` reaches the server while inbound is active; without `also` it does not", tags=["smoke"])
def lan_hosts(t):
    with_server(t)
    d = t.gateway(inbound=SQL.format('also = [ "10.1.0.0/24", "fd00:1::/64" ];'), interfaces=["lan*"])
    for to in ("10.3.0.2", "fd00:3::2"):
        expect((t.client.tcp(to, 1433).result, t.client.tcp(to, 1434).result), ("open", "open"), f"with also, {to}")
    expect(t.inet.tcp("10.3.0.2", 1433, source="8.8.8.8").result, "reset", "others stay out")
    d.reload(t.config(inbound=SQL.format(""), interfaces=["lan*"]))
    for to in ("10.3.0.2", "fd00:3::2"):
        expect((t.client.tcp(to, 1433).result, t.client.tcp(to, 1434).result), ("reset", "open"), f"without also, {to}")


@case("ping of the server: from allowed sources alone, where inbound says icmp")
def ping(t):
    with_server(t)
    t.gateway(inbound=SQL.format("").replace('"tcp/1433"', '[ "tcp/1433", "icmp" ]'), interfaces=["lan*"])
    for source, to, result in (("20.90.0.1", "10.3.0.2", "reply"), ("2603:1030:90::1", "fd00:3::2", "reply"), ("20.91.0.1", "10.3.0.2", "prohibited"), ("2603:1030:91::1", "fd00:3::2", "prohibited")):
        expect(t.inet.ping(to, source=source).result, result, f"from {source}")
    expect(t.inet.tcp("10.3.0.2", 1433, source="20.90.0.1").result, "open", "TCP as before")


@case("open inbound connections survive a reload; a source that is gone opens no new one")
def reload_inbound(t):
    with_server(t)
    d = t.gateway(inbound=SQL.format(""), interfaces=["lan*"])
    kept = t.inet.tcp("10.3.0.2", 1433, source="20.90.0.1", keep=True)
    d.reload(t.config(inbound=SQL.format(""), allow='web: { names = "www.example.net"; };', interfaces=["lan*"]))
    kept.sock.send(b"select 2")
    expect(kept.sock.recv(100), b"select 2", "the open connection after a reload")
    d.reload(t.config(inbound=SQL.format("").replace("20.90.0.0/28", "20.92.0.0/28"), interfaces=["lan*"]))
    expect(t.inet.tcp("10.3.0.2", 1433, source="20.90.0.1").result, "reset", "the old source")
    expect(t.inet.tcp("10.3.0.2", 1433, source="20.92.0.1").result, "open", "the new source")


@case("with Intune and the connectors together, as a gateway would have them")
def together(t):
    with_server(t)
    t.dns(t.inet, {"portal.manage.microsoft.com": "40.82.248.228"})
    text = t.config(allow='intune: { service = "intune"; };',
                    inbound='sql: { service = "power-automate"; features = "connectors"; regions = [ "Europe", "United Kingdom" ]; to = "10.3.0.2"; ports = "tcp/1433"; };',
                    interfaces=["lan*"])
    check(str(ROOT / "data") in text, "the catalog of this tree")
    t.daemon(t.gw, text)
    t.client.lookup("10.2.0.2", "portal.manage.microsoft.com")
    expect((t.client.tcp("40.82.248.228").result, t.client.tcp("104.46.162.97").result, t.client.tcp("13.69.227.208").result), ("open", "open", "reset"), "outward")
    expect((t.inet.tcp("10.3.0.2", 1433, source="51.140.80.51").result, t.inet.tcp("10.3.0.2", 1433, source="40.82.248.228").result), ("open", "reset"), "inward")


if __name__ == "__main__":
    main()
