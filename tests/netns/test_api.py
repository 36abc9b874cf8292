#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What programs read: each command's JSON is what scripts/api-1.schema.json says, no more and no less, and the example works."""
import json
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import dnswire  # noqa: E402
import packets  # noqa: E402
import pcap  # noqa: E402
from netns import NFQDNCTL, NFQDND, ROOT, Skip, case, check, expect, main, until  # noqa: E402

try:
    import jsonschema
except ImportError:
    jsonschema = None

SCHEMA = json.loads((ROOT / "scripts/api-1.schema.json").read_text(encoding="utf-8"))
ALLOW = ('web: { names = [ "*.example.net", "a.test" ]; addresses = "20.120.0.0/24"; ports = [ "tcp/443", "icmp" ]; }; bi: { service = "power-bi"; optional = true; };'
         'kiosk: { names = "k.test"; clients = "10.1.0.0/24"; };')
INBOUND = 'sql: { service = "power-automate"; features = "connectors"; regions = "Europe"; to = "10.1.0.10"; ports = "tcp/1433"; also = "10.9.0.0/16"; };'
ZONE = {"www.example.net": ["20.121.0.1", "2603:1030::121"], "www.example.org": ["20.121.0.2"], "visuals.azureedge.net": ["20.121.0.3"], "bing.com": ["20.121.0.4"]}


def strict(schema):
    """Members that the schema does not have are no error to readers, but one of ours."""
    if isinstance(schema, dict):
        changed = {key: strict(value) for key, value in schema.items()}
        if schema.get("type") == "object" and "properties" in schema:
            changed.setdefault("additionalProperties", False)
        return changed
    return [strict(item) for item in schema] if isinstance(schema, list) else schema


class Checker:
    def __init__(self, t, d):
        if jsonschema is None:
            raise Skip("python3-jsonschema is not installed")
        jsonschema.Draft202012Validator.check_schema(SCHEMA)
        self.t, self.d, self.used, self.strict = t, d, set(), strict(SCHEMA)

    def validate(self, name, value):
        self.used.add(name)
        schema = {**self.strict, "$ref": f"#/$defs/{name}"}
        for error in jsonschema.Draft202012Validator(schema).iter_errors(value):
            check(False, f"{name}: {'/'.join(map(str, error.path))}: {error.message[:300]} (scripts/api-1.schema.json)")

    def command(self, name, *words, status=0):
        value = self.d.json(*words, ok=status)
        self.validate(name, value)
        for item in value if isinstance(value, list) else [value]:
            check(isinstance(item, str) or item["api"] == 1, f"{words}: api in {item}")
        return value


@case("every command's JSON, in what they say yes and no to, is what the schema says", tags=["smoke"])
def commands(t):
    t.simple()
    t.dns(t.inet, ZONE)
    d = t.gateway(allow=ALLOW, inbound=INBOUND)
    c = Checker(t, d)
    for name in ZONE:
        t.client.lookup("10.2.0.2", name)
    for address, port in (("20.121.0.1", 80), ("20.121.0.2", 443), ("20.121.0.3", 443), ("8.8.4.4", 53), ("20.120.0.9", 80), ("20.77.0.1", 443)):
        t.client.tcp(address, port)
    until(lambda: len(d.json("denied")) >= 4, "denials")
    c.command("status", "status")
    c.command("policy", "policy")
    check(len(c.command("learned", "learned")) >= 3, "learned")
    c.command("learned", "learned", "nothing.test", status=1)
    exported = c.command("learned-export", "learned", "export")
    (d.folder / "export").write_text("".join(line if line.endswith("\n") else line + "\n" for line in exported), encoding="ascii")
    c.command("learned-import", "learned", "import", str(d.folder / "export"))
    for words in (("20.121.0.1",), ("20.121.0.1", "tcp/443", "from", "10.1.0.2"), ("20.120.0.1",), ("10.1.0.10", "tcp/1433"), ("10.2.0.2", "udp/53"), ("20.121.0.1", "icmp"),
                  ("10.1.0.10", "tcp/1433", "from", "10.9.0.1")):
        c.command("why", "why", *words, status=None)
    c.command("why", "why", "9.9.9.9", "udp/5", status=1)
    c.command("explain", "explain", "www.example.net")
    c.command("explain", "explain", "example.net", status=1)
    c.command("denied", "denied")
    c.command("denied-summary", "denied", "--summary")
    c.command("suggest", "suggest")
    c.command("wait", "wait", "ready")
    c.command("wait", "wait", "generation", "9", "--timeout", "0", status=1)
    c.command("metrics", "metrics")
    c.command("failure", "learned", "import", "/nonexistent", status=1)
    c.command("failure", "confirm", status=1)
    c.command("reload", "reload")
    d.write(d.config.replace("20.120", "20.125").replace('"a.test"', '"b.test"'))
    check(c.command("reload", "reload", "--dry-run")["changes"], "changes")
    c.command("reload", "reload", "--confirm", "60")
    c.command("status", "status")
    c.command("confirm", "confirm")
    d.write("gateway: { x = 1; };")
    c.command("reload", "reload", status=1)
    c.validate("check", json.loads(t.gw.run([NFQDND, "-c", str(d.file), "--check", "--json"], ok=False).stdout))
    events = [json.loads(line) for since in ("0", "5") for line in d.ctl("watch", "--since", since, "--timeout", "0", "--json").stdout.splitlines()]
    for event in events:
        c.validate("event", event)
    check({"started", "learned", "denied", "reloaded", "reload-refused", "lost"} <= {e["kind"] for e in events}, f"events: {events}")
    d.ask({"api": 1, "command": "record"})
    t.client.lookup("10.2.0.2", "www.example.net")
    for packet in d.ask({"api": 1, "command": "record", "after": 0})["result"]:
        c.validate("packet", packet)
    c.command("record", "record", str(t.folder / "answers"), "--seconds", "1")
    capture = t.folder / "capture"
    capture.write_bytes(pcap.pcap([(0, packets.tcp("10.1.0.2", 1024, "20.9.9.9", 443, packets.SYN)), (1, packets.udp(
        "10.2.0.2", 53, "10.1.0.2", 1024, dnswire.response(1, "b.test", dnswire.A, [dnswire.a("b.test", "20.1.2.3")])))], pcap.RAW))
    good = t.folder / "good.conf"
    good.write_text(t.config(allow=ALLOW, inbound=INBOUND), encoding="utf-8")
    replay = subprocess.run([str(pathlib.Path(NFQDNCTL).with_name("nfqdn-replay")), str(capture), "-c", str(good), "--json", "--all"], stdout=subprocess.PIPE,
                            text=True, check=False)
    for line in replay.stdout.splitlines():
        c.validate("replay", json.loads(line))
    for name, words in (("catalog", ()), ("catalog-show", ("show", "intune"))):
        c.validate(name, json.loads(t.gw.run([NFQDNCTL, "catalog", *words, "--catalog", str(ROOT / "data"), "--json"]).stdout))
    for request in ({"api": 1, "command": "status"}, {"api": 1, "command": "nonsense"}, {"api": 1, "command": "watch"}, {"api": 2, "command": "status"}):
        c.validate("answer", d.ask(request))
    d.stop()
    c.command("failure", "status", status=3)
    expect(set(SCHEMA["$defs"]) - c.used - {"problem"}, set(), "parts of the schema that nothing was compared with")


@case("the kinds of events in the schema are those of the daemon")
def kinds(_):
    table = re.findall(r'^\tE\(\w+, "([a-z-]+)"', (ROOT / "daemon/learn/events.h").read_text(encoding="utf-8"), re.M)
    told = [k for part in SCHEMA["$defs"]["event"]["anyOf"] for k in part["properties"]["kind"].get("enum", [part["properties"]["kind"].get("const")])]
    check(len(table) > 10, "kinds of the daemon")
    expect(sorted(told), sorted([*table, "lost"]), "kinds")


@case("the schema refuses what is wrong, and lets pass what is new")
def refuses(t):
    c = Checker(t, None)
    lenient = jsonschema.Draft202012Validator({**SCHEMA, "$ref": "#/$defs/wait"})
    check(lenient.is_valid({"api": 1, "for": "ready", "met": True, "later": 1}), "a new member")
    for wrong in ({"for": "never", "met": True}, {"for": "ready"}, {"for": "ready", "met": "yes"}, {"api": 2, "for": "ready", "met": True}, []):
        check(not lenient.is_valid(wrong), f"{wrong}")
    check(not jsonschema.Draft202012Validator({**c.strict, "$ref": "#/$defs/wait"}).is_valid({"for": "ready", "met": True, "later": 1}), "the test is strict")


@case("the example in C asks over the socket")
def example(t):
    t.simple()
    d = t.gateway(allow=ALLOW)
    subprocess.run(["cc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-o", str(t.folder / "example"), str(ROOT / "scripts/control-example.c")], check=True)
    answer = json.loads(t.gw.run([str(t.folder / "example"), str(d.socket_path), "status"]).stdout)
    expect((answer["api"], answer["ok"], answer["exit"], answer["result"]["ready"]), (1, True, 0, True), "the answer")
    expect(json.loads(t.gw.run([str(t.folder / "example"), str(d.socket_path), "explain"]).stdout)["exit"], 2, "a command without its argument")
    expect(t.gw.run([str(t.folder / "example"), "/nonexistent", "status"], ok=False).returncode, 2, "no daemon")


if __name__ == "__main__":
    main()
