#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""nfqdnctl catalog import and diff: vendors' lists, real ones from ../shared/samples and broken ones made here."""
import copy
import ipaddress
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import tap  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("NFQDN_BUILD", ROOT / "build"))
NFQDNCTL = str(BUILD / "nfqdnctl")
NFQDND = str(BUILD / "nfqdnd")
DATA = ROOT / "data"
SAMPLES = ROOT.parent / "shared" / "samples"
M365 = SAMPLES / "m365"
TAGS = SAMPLES / "service-tags"
PUBLIC = TAGS / "ServiceTags_Public.change374.json"
CASES = tap.Cases()
case = CASES.case


class Ran:
    def __init__(self, done):
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr

    def __repr__(self):
        return f"status {self.status}\nstdout: {self.out[:4000]}\nstderr: {self.err[:4000]}"

    @property
    def json(self):
        return json.loads(self.out)


def ctl(*words):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("NFQDN_")}
    return Ran(subprocess.run([NFQDNCTL, "catalog", *map(str, words), "--catalog", str(DATA)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=120, env=clean, check=False))


def expect(ran, status, *parts):
    assert ran.status == status, f"status {status} expected\n{ran}"
    for part in parts:
        assert part in ran.out + ran.err, f"{part!r} is missing\n{ran}"
    return ran


def equal(found, wanted, what):
    assert found == wanted, f"{what}: {found!r}, expected {wanted!r}"


class Overlay:
    """A folder for imported lists, and files to import."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder, "overlay")
        self.inputs = pathlib.Path(folder)

    def put(self, name, content):
        path = self.inputs / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    def run(self, *words):
        return ctl(*words, "--to", self.folder)

    def m365(self, content, *words, select="all"):
        return self.run("import", "m365", self.put("list.json", content), "--select", select, *words)

    def tags(self, content, *words):
        return self.run("import", "service-tags", self.put("tags.json", content), *words)

    def read(self, name):
        return json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))

    def rows(self, name):
        return {r["id"]: r for r in self.read(name)["rows"]}

    def bytes(self, name):
        return (self.folder / f"{name}.json").read_bytes()

    def check(self, entries):
        """nfqdnd --check with the built-in catalog and the overlay."""
        config = self.put("nfqdn.conf", f"""gateway: {{ interfaces = [ "lan0" ]; resolvers = [ "10.2.0.2" ]; catalog = [ "{DATA}", "{self.folder}" ]; }};
{entries}
""")
        return Ran(subprocess.run([NFQDND, "-c", str(config), "--check"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60,
                                  check=False))


def overlay(function):
    def run():
        with tempfile.TemporaryDirectory(prefix="nfqdn-import-") as folder:
            function(Overlay(folder))
    return run


SET = {"id": 1, "serviceArea": "MEM", "serviceAreaDisplayName": "Intune", "urls": ["*.example.com", "www.example.com"],
       "ips": ["20.1.2.0/24", "2603:1000::/40"], "tcpPorts": "80,443", "expressRoute": False, "category": "Allow", "required": True}


def sets(**changes):
    """A list of one set, changed; a value of ... takes the key out."""
    return [{k: v for k, v in {**SET, **changes}.items() if v is not ...}]


def tag(name, *prefixes, **properties):
    return {"name": name, "id": name, "properties": {"changeNumber": 1, "region": "", "platform": "Azure", "addressPrefixes": list(prefixes), **properties}}


def tag_file(*tags, number=10, **more):
    return {"changeNumber": number, "cloud": "Public", "values": list(tags), **more}


def space(prefixes):
    """The addresses, however they are cut into prefixes."""
    networks = {ipaddress.ip_network(p) for p in prefixes}
    return [set(ipaddress.collapse_addresses(n for n in networks if n.version == v)) for v in (4, 6)]


# ---- real lists ----

@case("m365: the figures of Worldwide, and Intune is service area MEM alone", samples=True)
@overlay
def _(t):
    got = expect(t.run("import", "m365", M365 / "get_endpoints_worldwide.json", "--select", "intune-live", "--list-version", "2025120100", "--json"), 0).json
    figures = got["figures"]
    equal({k: figures[k] for k in ("sets", "names", "prefixes", "ipv4", "ipv6", "without_prefixes", "without_names")},
          {"sets": 79, "names": 270, "prefixes": 174, "ipv4": 115, "ipv6": 59, "without_prefixes": 68, "without_names": 1}, "figures")
    equal(figures["areas"], {"Common": 45, "MEM": 15, "Skype": 7, "SharePoint": 7, "Exchange": 5}, "areas")
    equal(got["skipped"], 0, "bad entries")
    made = got["made"][0]
    equal((made["name"], made["names"], made["prefixes"], made["version"], made["written"]), ("intune-live", 77, 81, "2025120100", True), "what was made")
    rows = t.read("intune-live")["rows"]
    assert all("*.microsoft.com" not in r.get("urls", []) for r in rows), "a row of Common came in"
    assert all(r["asOf"] == "2025-12-01" and r["source"]["version"] == "2025120100" and r["feature"] == "intune-live" for r in rows), rows[0]
    assert t.rows("intune-live")["187-rentable"]["rentable"], "*.webpubsub.azure.com is rentable in the built-in catalog"


@case("m365: every instance is read without one bad entry, and stands beside the others in one folder", samples=True)
@overlay
def _(t):
    for instance, file, count in (("Worldwide", "worldwide", 79), ("China", "china", 22), ("USGovDoD", "usgov_dod", 25), ("USGovGCCHigh", "usgov_gcchigh", 26)):
        ran = expect(t.run("import", "m365", M365 / f"get_endpoints_{file}.json", "--select", "all", "--instance", instance, "--name", instance.lower(),
                           "--strict", "--json"), 0)
        equal((ran.json["figures"]["sets"], ran.json["skipped"]), (count, 0), instance)
        source = json.loads((M365 / f"get_endpoints_{file}.json").read_text(encoding="utf-8"))
        equal({u.lower() for s in source for u in s.get("urls", [])}, {u for r in t.read(instance.lower())["rows"] for u in r.get("urls", [])}, "names")
        equal(len({u for s in source for u in s.get("ips", [])}), len({u for r in t.read(instance.lower())["rows"] for u in r.get("ips", [])}), "prefixes")
    equal({tuple(r["cloud"]) for r in t.read("china")["rows"]}, {("china",)}, "clouds")
    expect(t.check('allow: { all: { service = "china"; clouds = "china"; }; dod: { service = "usgovdod"; clouds = "dod"; }; };'), 0)


@case("m365: the documentation's examples: one is cut off, two are no endpoint sets", samples=True)
@overlay
def _(t):
    for name, part in (("00", "/version or /changes"), ("01", "no array"), ("03", "no array"), ("05", "is cut off"), ("06", "is cut off"),
                       ("07", "/version or /changes")):
        ran = t.run("import", "m365", M365 / "documentation-examples" / f"docs-example-{name}.json", "--select", "all")
        expect(ran, 1, f"docs-example-{name}.json", part)
    assert not t.folder.exists(), "something was written"


@case("service tags: the figures of all four files, per tag", samples=True)
@overlay
def _(t):
    got = expect(t.run("import", "service-tags", PUBLIC, "--tags",
                       "azureconnectors,LOGICAPPS,PowerPlatformInfra,PowerPlatformPlex,PowerBI,AzureActiveDirectory,AzureCloud,AzureFrontDoor.MicrosoftSecurity",
                       "--direction", "inbound", "--strict", "--json"), 0).json
    figures = got["figures"]
    equal({k: figures[k] for k in ("cloud", "version", "tags", "prefixes", "ipv4", "ipv6")},
          {"cloud": "Public", "version": "374", "tags": 3039, "prefixes": 52340, "ipv4": 38415, "ipv6": 13925}, "figures")
    equal({k: (v["ipv4"], v["ipv6"]) for k, v in figures["selected"].items()},
          {"AzureConnectors": (503, 102), "LogicApps": (1728, 182), "PowerPlatformInfra": (1490, 1), "PowerPlatformPlex": (396, 1), "PowerBI": (648, 210),
           "AzureActiveDirectory": (200, 16), "AzureCloud": (9585, 3495), "AzureFrontDoor.MicrosoftSecurity": (4, 3)}, "per tag")
    for file, tags_, cloud in (("AzureGovernment.change371", 327, "gcc"), ("China.change370", 325, "china"), ("Public.change371", 3039, "public")):
        got = expect(t.run("import", "service-tags", TAGS / f"ServiceTags_{file}.json", "--tags", "PowerBI", "--direction", "outbound", "--name",
                           f"c{cloud}", "--strict", "--json"), 0).json
        equal((got["figures"]["tags"], got["skipped"]), (tags_, 0), file)
        assert cloud in t.read(f"c{cloud}")["rows"][0]["cloud"], cloud


@case("every prefix of Azure's public file is taken as it stands, none is bad", samples=True)
@overlay
def _(t):
    got = expect(t.run("import", "service-tags", PUBLIC, "--tags", "*", "--direction", "outbound", "--strict", "--json"), 0).json
    equal((got["made"][0]["rows"], got["made"][0]["prefixes"], got["skipped"]), (3039, 52340, 0), "all of it")
    values = json.loads(PUBLIC.read_text(encoding="utf-8"))["values"]
    single = {"/32": 3, "/128": 4}
    wanted = {p[:-single[p[p.index("/"):]]] if p[p.index("/"):] in single else p for v in values for p in v["properties"]["addressPrefixes"]}
    equal({p for r in t.read("azure")["rows"] for p in r["ips"]} ^ wanted, set(), "difference")


@case("connectors-live: twelve regions, as the addresses of 2020 lie in today's tags, and the rest", samples=True)
@overlay
def _(t):
    expect(t.run("import", "service-tags", PUBLIC, "--select", "connectors-live,http-actions-live,power-bi-live"), 0)
    rows = t.rows("connectors-live")
    values = {v["name"]: v["properties"]["addressPrefixes"] for v in json.loads(PUBLIC.read_text(encoding="utf-8"))["values"]}
    builtin = [r for r in json.loads((DATA / "power-automate.json").read_text(encoding="utf-8"))["rows"] if r["feature"] == "connectors" and "ips" in r]
    equal(len(builtin), 12, "regions of 2020")
    union = set()
    for old in builtin:
        firsts = [ipaddress.ip_address(i.split("-")[0]) for i in old["ips"]]
        wanted = set()
        for name, prefixes in values.items():
            if name.startswith("AzureConnectors.") and any(f in ipaddress.ip_network(p) for p in prefixes for f in firsts):
                wanted |= {str(ipaddress.ip_network(p)).removesuffix("/32").removesuffix("/128") for p in prefixes}
        row = rows[old["id"]]
        equal(set(row["ips"]) ^ wanted, set(), old["id"])
        equal((row["regions"], row["direction"], row["source"]["version"]), (old["regions"], "inbound", "374"), old["id"])
        union |= wanted
    everything = {str(ipaddress.ip_network(p)).removesuffix("/32").removesuffix("/128") for n, v in values.items() if n.split(".")[0] == "AzureConnectors" for p in v}
    equal(set(rows["elsewhere"]["ips"]), everything - union, "elsewhere")
    equal(len(everything), 605, "all of the tag")
    flows = t.rows("http-actions-live")
    equal({i.split("-")[0] for i in flows}, {"logicapps", "powerplatformplex", "powerplatforminfra"}, "tags of HTTP actions")
    # regional tags hold parts of a prefix that the whole tag holds in one
    equal(space(p for r in flows.values() for p in r["ips"]), space(p for n in ("LogicApps", "PowerPlatformPlex", "PowerPlatformInfra") for p in values[n]), "addresses")
    bi, = t.read("power-bi-live")["rows"]
    equal((bi["direction"], bi["tcpPorts"], len(bi["ips"])), ("outbound", "443", 858), "power-bi-live")


@case("from one weekly file to the next: diff tells what import then does, and nothing is lost that both have", samples=True)
@overlay
def _(t):
    old = TAGS / "ServiceTags_Public.change371.json"
    expect(t.run("import", "service-tags", old, "--select", "connectors-live,http-actions-live"), 0)
    before = {i: set(r["ips"]) for i, r in t.rows("http-actions-live").items()}
    shown = expect(t.run("diff", PUBLIC, "--json"), 0).json
    equal([m["name"] for m in shown["made"]], ["connectors-live", "http-actions-live"], "what stands in the folder")
    assert not any(m["written"] for m in shown["made"])
    expect(t.run("import", "service-tags", PUBLIC, "--select", "connectors-live,http-actions-live"), 0)
    after = {i: set(r["ips"]) for i, r in t.rows("http-actions-live").items()}
    gained = {(c["row"].split("/")[2], p) for c in shown["made"][1]["changes"] for p in c["prefixes_gained"]}
    lost = {(c["row"].split("/")[2], p) for c in shown["made"][1]["changes"] for p in c["prefixes_lost"]}
    equal(gained, {(i, p) for i in after for p in after[i] - before.get(i, set())}, "gained")
    equal(lost, {(i, p) for i in before for p in before[i] - after.get(i, set())}, "lost")
    expect(t.run("import", "service-tags", old, "--select", "connectors-live"), 1, "version 371 is older than 374")
    equal(t.rows("connectors-live")["europe"]["source"]["version"], "374", "the last good one")
    expect(t.run("import", "service-tags", old, "--select", "connectors-live", "--force"), 0, "written")


@case("imported and built-in rows unite: nothing vanishes because a list lacks it", samples=True)
@overlay
def _(t):
    expect(t.run("import", "m365", M365 / "get_endpoints_worldwide.json", "--select", "intune-live"), 0)
    built = {r["row"] for r in ctl("show", "intune", "--json").json["rows"]}
    both = {r["row"] for r in ctl("show", "intune", "--json", "--catalog", t.folder).json["rows"]}
    both |= {r["row"] for r in ctl("show", "intune", "--json", "--catalog", DATA, "--catalog", t.folder).json["rows"]}
    assert built < both and "intune/intune-live/163" in both, both - built
    expect(t.check('allow: { i: { service = "intune"; }; };'), 0)
    expect(t.check('allow: { i: { service = "intune"; features = "intune-live"; }; };'), 0)


# ---- lists made here: Microsoft 365 ----

@case("m365: what may be missing or empty is survived")
@overlay
def _(t):
    for changes in ({"ips": ...}, {"ips": None}, {"ips": ""}, {"ips": []}, {"urls": ...}, {"urls": ""}, {"udpPorts": ""}, {"udpPorts": None}, {"notes": ""},
                    {"required": ...}, {"category": ...}, {"serviceAreaDisplayName": ...}, {"expressRoute": ...}, {"newKey": {"a": [1]}},
                    {"tcpPorts": ..., "udpPorts": "123"}, {"id": "1"}):
        got = expect(t.m365(sets(**changes), "--strict", "--force", "--json"), 0).json
        equal(got["skipped"], 0, str(changes))
        equal(len(t.rows("m365")), 1, str(changes))
    equal(t.rows("m365")["1"]["required"], True, "required")
    t.m365(sets(required=...), "--force")
    equal(t.rows("m365")["1"]["required"], True, "an older answer holds what is required")
    t.m365(sets(required=False), "--force")
    equal(t.rows("m365")["1"]["required"], False, "optional")


@case("m365: every spelling of ports")
@overlay
def _(t):
    for written, wanted in (("80,443", "80,443"), ("443,80", "443,80"), ("80, 443", "80,443"), ("143, 587, 993, 995", "143,587,993,995"),
                            ("50000-59999", "50000-59999"), (" 443 ", "443"), (443, "443"), ("3478,3479,3480,3481", "3478,3479,3480,3481")):
        expect(t.m365(sets(tcpPorts=written, udpPorts="3478-3481"), "--strict"), 0)
        row = t.rows("m365")["1"]
        equal((row["tcpPorts"], row["udpPorts"]), (wanted, "3478-3481"), str(written))


@case("m365: a bad entry is named, left out and counted; --strict refuses the list for it")
@overlay
def _(t):
    for changes, parts in (
            ({"urls": ["<tenant>.example.com", "www.example.com"]}, ["set 1 (MEM).urls[0]", "<tenant>.example.com"]),
            ({"urls": ["https://example.com/", "www.example.com"]}, ["set 1 (MEM).urls[0]", "https://example.com/"]),
            ({"urls": ["www.example.com", 7]}, ["set 1 (MEM).urls[1]", "7"]),
            ({"urls": ["*.com", "www.example.com"]}, ["set 1 (MEM).urls[0]", "top-level"]),
            ({"urls": ["*", "www.example.com"]}, ["set 1 (MEM).urls[0]"]),
            ({"urls": {"a": 1}}, ["set 1 (MEM).urls", "a list of texts"]),
            ({"ips": ["20.1.2.0/24", "20.1.2.0/33"]}, ["set 1 (MEM).ips[1]", "20.1.2.0/33"]),
            ({"ips": ["20.1.2.0/24", "20.1.2.7/24"]}, ["set 1 (MEM).ips[1]", "beyond the prefix"]),
            ({"ips": ["20.1.2.0/24", "0.0.0.0/0"]}, ["set 1 (MEM).ips[1]", "wider than"]),
            ({"ips": ["20.1.2.0/24", "10.0.0.0/8"]}, ["set 1 (MEM).ips[1]", "reserved"]),
            ({"ips": ["20.1.2.0/24", "::/0"]}, ["set 1 (MEM).ips[1]", "wider than"]),
            ({"tcpPorts": "80,four"}, ["set 1 (MEM).tcpPorts", "four"]),
            ({"udpPorts": "70000"}, ["set 1 (MEM).udpPorts", "70000"])):
        good = expect(t.m365(sets(**changes), "--force", "--json"), 0, "list.json", "warning", *parts)
        equal(good.json["skipped"], 1, str(changes))
        before = t.bytes("m365")
        expect(t.m365(sets(**changes), "--strict", "--force"), 1, "list.json", "error", *parts)
        equal(t.bytes("m365"), before, "after a refusal")


@case("m365: a set that is none is named, and the others stay")
@overlay
def _(t):
    for bad, part in (("text", "[0]"), (None, "[0]"), ([], "[0]"), ({}, "[0].id"), ({**SET, "id": "x"}, "[0].id"), ({**SET, "serviceArea": ""}, "set 1.serviceArea"),
                      ({k: v for k, v in SET.items() if k != "tcpPorts"}, "neither tcpPorts nor udpPorts")):
        got = expect(t.m365([bad, {**SET, "id": 2}], "--force", "--json"), 0, part).json
        equal((got["skipped"], list(t.rows("m365"))), (1, ["2"]), str(bad))


@case("m365: duplicates, mixed case, a byte order mark, CRLF and control characters change nothing")
@overlay
def _(t):
    expect(t.m365(sets(), "--strict"), 0)
    plain = t.bytes("m365")
    twice = sets(urls=SET["urls"] + ["*.EXAMPLE.com", "www.example.com"], ips=SET["ips"] + ["20.1.2.0/24", "2603:1000:0::/40"])
    for content in (json.dumps(twice), "\ufeff" + json.dumps(sets()), json.dumps(sets(), indent=2).replace("\n", "\r\n")):
        expect(t.m365(content, "--strict"), 0, "the same already")
        equal(t.bytes("m365"), plain, content[:40])
    expect(t.m365(sets(notes="a\u0007b\n", serviceAreaDisplayName="I\u001btune"), "--strict"), 0)
    equal(t.rows("m365")["1"]["notes"], "a b", "notes")
    got = expect(t.m365([SET, SET], "--strict", "--force"), 0)
    equal(sorted(t.rows("m365")), ["1", "1-2"], f"ids of a set that stands twice {got}")


@case("m365: --select: areas and ids unite, categories and required narrow; an unknown word is told")
@overlay
def _(t):
    many = [{**SET, "id": i, "serviceArea": area, "category": category, "required": required}
            for i, area, category, required in ((1, "MEM", "Allow", True), (2, "Common", "Allow", False), (3, "Common", "Default", True), (4, "Skype", "Optimize", True))]
    for select, wanted in (("all", "1234"), ("MEM", "1"), ("mem,2", "12"), ("Common", "23"), ("Common,required", "3"), ("Allow", "12"),
                           ("Allow,Optimize,required", "14"), ("4", "4"), ("common , default", "3")):
        expect(t.m365(many, "--force", select=select), 0)
        equal("".join(sorted(t.rows("m365"))), wanted, select)
    expect(t.m365(many, select="Exchange"), 1, 'service area or id "Exchange"')
    expect(t.m365(many, select="99"), 1, 'id "99"')
    expect(t.m365(many, select="intune-live,Common"), 2, "do not mix")
    equal({r["service"] for r in ctl("show", "m365", "--json", "--catalog", t.folder).json["rows"]}, {"m365"}, "service")


@case("m365: names that anybody can rent, or that are a whole company, get rows of their own")
@overlay
def _(t):
    expect(t.m365(sets(urls=["www.example.com", "*.blob.core.windows.net", "*.microsoft.com", "*.core.windows.net"])), 0)
    rows = t.rows("m365")
    equal({i: r["urls"] for i, r in rows.items()},
          {"1": ["www.example.com"], "1-rentable": ["*.blob.core.windows.net", "*.core.windows.net"], "1-broad": ["*.microsoft.com"]}, "rows")
    assert rows["1-rentable"]["rentable"] and rows["1-broad"]["broad"] and "ips" not in rows["1-broad"] and rows["1"]["ips"]
    expect(t.check('allow: { x: { service = "m365"; }; };'), 0, "m365/mem/1-rentable: anybody can rent")


# ---- lists made here: service tags ----

@case("service tags: names without regard to case, regions of both spellings, duplicates united")
@overlay
def _(t):
    file = tag_file(tag("AzureConnectors", "20.1.0.0/24", "20.2.0.0/24"), tag("AzureConnectors.WestEurope", "20.1.0.0/25"), tag("azureconnectors.northeurope", "20.1.0.128/25"),
                    tag("PowerBI", "20.9.0.0/24"), tag("powerbi", "20.9.1.0/24"))
    expect(t.tags(file, "--tags", "azureCONNECTORS", "--regions", "westeurope,NORTHEUROPE", "--direction", "inbound"), 0)
    equal({(r["feature"], r["id"]): r["ips"] for r in t.read("azure")["rows"]},
          {("azureconnectors", "westeurope"): ["20.1.0.0/25"], ("azureconnectors", "northeurope"): ["20.1.0.128/25"]}, "regions")
    expect(t.tags(file, "--tags", "AzureConnectors", "--regions", "Europe", "--direction", "inbound"), 0, "+0 -0 prefixes")
    got = expect(t.tags(file, "--tags", "powerbi,AzureConnectors.WestEurope", "--direction", "outbound", "--ports", "tcp/443,udp/3478-3481", "--force", "--json"), 0).json
    rows = {(r["feature"], r["id"]): r for r in t.read("azure")["rows"]}
    equal(rows["powerbi", "all"]["ips"], ["20.9.0.0/24", "20.9.1.0/24"], "a tag that stands twice")
    equal((rows["powerbi", "all"]["tcpPorts"], rows["powerbi", "all"]["udpPorts"]), ("443", "3478-3481"), "ports")
    equal(got["figures"]["tags"], 4, "tags")
    expect(t.check('allow: { a: { service = "azure"; }; };'), 0)


@case("service tags: what is missing or strange is survived; what is bad is named")
@overlay
def _(t):
    words = ("--tags", "A", "--direction", "outbound", "--force", "--json")
    for bad, skipped, parts in (
            (tag("B", addressPrefixes=None), 0, []), (tag("B", addressPrefixes=...), 0, []), (tag("B", unknown=[1]), 0, []),
            ({"name": "B"}, 1, ["B.properties"]), ({"properties": {}}, 1, ["values[1].name"]), ("text", 1, ["values[1]"]), (None, 1, ["values[1]"]),
            ({"name": 7, "properties": {}}, 1, ["values[1].name", "7"]), (tag("A", "20.1.1.0"), 0, []), (tag("a", "20.1.1.1/24"), 1, ["A.addressPrefixes[0]", "20.1.1.1/24"]),
            (tag("A", "Internet"), 1, ["A.addressPrefixes[0]", "Internet"]), (tag("A", 5), 1, ["A.addressPrefixes[0]"]),
            (tag("A", addressPrefixes="x"), 1, ["A.addressPrefixes", "a list of texts"])):
        if isinstance(bad, dict) and isinstance(bad.get("properties"), dict):
            bad = {**bad, "properties": {k: v for k, v in bad["properties"].items() if v is not ...}}
        got = expect(t.tags(tag_file(tag("A", "20.1.0.0/24"), bad), *words), 0, *parts).json
        equal(got["skipped"], skipped, str(bad))
        if skipped:
            expect(t.tags(tag_file(tag("A", "20.1.0.0/24"), bad), *words, "--strict"), 1, "tags.json", *parts)
    for changes, part in (({"changeNumber": ...}, "changeNumber"), ({"cloud": ...}, "cloud"), ({"cloud": "Moon"}, "Moon")):
        file = {k: v for k, v in {**tag_file(tag("A", "20.1.0.0/24")), **changes}.items() if v is not ...}
        expect(t.tags(file, *words), 0, part)
    for file, part in (({}, "values"), ([], "values"), ({"values": {}}, "values"), (tag_file(), "no service tags")):
        expect(t.tags(file, *words), 1, part)


@case("service tags: a tag that is not there is an error with the nearest name")
@overlay
def _(t):
    file = tag_file(tag("AzureConnectors", "20.1.0.0/24"))
    expect(t.tags(file, "--tags", "AzureConector", "--direction", "inbound"), 1, 'did you mean "azureconnectors"?')
    expect(t.tags(file, "--select", "http-actions-live"), 1, '"LogicApps"')
    expect(t.tags(file, "--tags", "AzureConnectors", "--regions", "Atlantis", "--direction", "inbound"), 1, "AzureConnectors.Atlantis")
    assert not t.folder.exists()


@case("bad entries are told up to twenty, and counted beyond")
@overlay
def _(t):
    ran = expect(t.m365(sets(urls=["www.example.com"] + [f"bad name {i}" for i in range(50)]), "--json"), 0, "30 more bad entries")
    equal((ran.json["skipped"], ran.err.count("urls[")), (50, 20), "told")


@case("--check: connectors without HTTP actions, and addresses that serve every tenant")
@overlay
def _(t):
    inbound = 'inbound: {{ sql: {{ service = "power-automate"; features = [ {} ]; to = "10.1.0.9"; ports = "tcp/1433"; }}; }};'
    everyone, missing = "serve every tenant of the cloud", "connectors are selected and no http-actions"
    ran = expect(t.tags(tag_file(tag("AzureConnectors", "20.1.0.0/24"), *[tag(n, "20.2.0.0/24") for n in ("LogicApps", "PowerPlatformPlex", "PowerPlatformInfra")]),
                        "--select", "connectors-live,http-actions-live"), 0)
    for features, wanted in (('"connectors"', (True, True)), ('"connectors-live"', (True, True)), ('"connectors-live", "http-actions-live"', (True, False)),
                             ('"http-actions-live"', (True, False))):
        ran = expect(t.check(inbound.format(features)), 0)
        equal((everyone in ran.out + ran.err, missing in ran.out + ran.err), wanted, features)
    ran = t.check('inbound: { sql: { addresses = "20.1.0.0/24"; to = "10.1.0.9"; ports = "tcp/1433"; }; };')
    equal((everyone in ran.out + ran.err, missing in ran.out + ran.err), (False, False), "no connectors")
    expect(t.check('inbound: { sql: { service = "power-automate"; features = "connectors-live"; regions = "Elsewhere"; to = "10.1.0.9"; ports = "tcp/1433"; }; };'), 0)


# ---- files ----

@case("files that are no list: cut off, empty, garbage, absent, too large, a folder; the last good one stays")
@overlay
def _(t):
    expect(t.m365(sets()), 0)
    good, text = t.bytes("m365"), json.dumps(sets())
    for cut in range(0, len(text), 7):
        expect(t.m365(text[:cut]), 1, "list.json", "error")
    expect(t.m365(text[:100]), 1, "is cut off")
    expect(t.m365(""), 1, "is empty")
    for content, part in (("<html>Too many requests</html>", "not JSON"), (b"\x00\x01\x02", "error"), (b"\xff\xfe[\x00", "not JSON"), ("[]", "empty list"),
                          (text + "x", "not JSON"), ("null", "not JSON"), ("{}", "no array"), ("[" * 5000, ""), (b" " * (17 << 20), "larger than 16 MiB")):
        expect(t.m365(content), 1, part)
    expect(t.run("import", "m365", t.inputs / "absent.json", "--select", "all"), 1, "No such file")
    expect(t.run("import", "m365", t.inputs, "--select", "all"), 1, "not a regular file")
    equal(t.bytes("m365"), good, "the last good one")
    equal([p.name for p in t.folder.iterdir()], ["m365.json"], "the folder")


@case("a folder that cannot be written leaves what was")
@overlay
def _(t):
    t.put("overlay", "a file, no folder")
    expect(t.m365(sets()), 1, "cannot be written")


# ---- guard and diff ----

@case("guard: older, empty, or less than half: refused, the last good one stays; --force overrides")
@overlay
def _(t):
    many = sets(urls=[f"n{i}.example.com" for i in range(10)], ips=[f"20.1.{i}.0/24" for i in range(10)])
    expect(t.m365(many, "--list-version", "2025120100"), 0)
    good = t.bytes("m365")
    for changes, version, part in (
            ({"urls": many[0]["urls"][:4]}, "2025120200", "loses 6 of 10 names"), ({"ips": many[0]["ips"][:4]}, "2025120200", "loses 6 of 10 prefixes"),
            ({"ips": ...}, "2025120200", "loses 10 of 10 prefixes"), ({"ips": [f"20.9.{i}.0/24" for i in range(10)]}, "2025120200", "loses 10 of 10 prefixes"),
            ({}, "2025113099", "older than 2025120100"), ({"urls": [], "ips": []}, "2025120200", "nothing of it is selected")):
        changed = sets(**{**many[0], **changes})
        expect(t.m365(changed, "--list-version", version), 1, part, "stays as it is")
        equal(t.bytes("m365"), good, part)
    expect(t.run("diff", "m365", t.put("list.json", sets(**{**many[0], "ips": ...})), "--select", "all"), 1, "import would refuse it", "- prefix 20.1.9.0/24")
    expect(t.m365(sets(**{**many[0], "urls": many[0]["urls"][:5], "ips": many[0]["ips"][:5]}), "--list-version", "2025120100"), 0, "written")
    expect(t.m365(sets(**{**many[0], "urls": ["n0.example.com"]}), "--list-version", "2025010100"), 1)
    expect(t.m365(sets(**{**many[0], "urls": ["n0.example.com"]}), "--list-version", "2025010100", "--force"), 0, "written")


@case("of several selections none is written when one is refused")
@overlay
def _(t):
    full = tag_file(tag("AzureConnectors", "20.1.0.0/24"), *[tag(n, *[f"20.{k}.{i}.0/24" for i in range(8)]) for k, n in
                                                             enumerate(("LogicApps", "PowerPlatformPlex", "PowerPlatformInfra"), 2)])
    expect(t.tags(full, "--select", "connectors-live,http-actions-live"), 0)
    before = t.bytes("connectors-live")
    less = copy.deepcopy(full)
    less["changeNumber"] = 11
    less["values"][0]["properties"]["addressPrefixes"].append("20.1.1.0/24")
    for value in less["values"][1:]:
        value["properties"]["addressPrefixes"] = value["properties"]["addressPrefixes"][:1]
    expect(t.tags(less, "--select", "connectors-live,http-actions-live"), 1, "http-actions-live: refused")
    equal(t.bytes("connectors-live"), before, "the other one")


@case("diff: names and prefixes gained and lost, settings changed, rows new and gone; nothing is written")
@overlay
def _(t):
    two = [SET, {**SET, "id": 2, "urls": ["a.example.com"], "ips": ...}]
    two[1].pop("ips")
    expect(t.m365(two), 0)
    good = t.bytes("m365")
    new = [{**SET, "urls": ["www.example.com", "new.example.com"], "ips": ["20.1.2.0/24", "20.1.3.0/24", "2603:1000::/40"], "tcpPorts": "443"}, {**SET, "id": 3}]
    path = t.put("next.json", new)
    ran = expect(t.run("diff", "m365", path, "--select", "all"), 0, "m365/mem/1: changed", "+ name new.example.com", "- name *.example.com", "+ prefix 20.1.3.0/24",
                 "~ tcpPorts", "m365/mem/2: gone", "- name a.example.com", "m365/mem/3: new", "+ name www.example.com")
    equal(ran.out, t.run("diff", path, "--select", "all").out, "the kind is seen in the file")
    changes = {c["row"]: c for c in t.run("diff", path, "--select", "all", "--json").json["made"][0]["changes"]}
    equal((changes["m365/mem/1"]["names_gained"], changes["m365/mem/1"]["names_lost"], changes["m365/mem/1"]["settings"]),
          (["new.example.com"], ["*.example.com"], ["tcpPorts"]), "in JSON")
    equal(t.bytes("m365"), good, "after diff")
    expect(t.run("diff", t.put("m365.json", good)), 0, "nothing new")
    expect(t.run("diff", t.put("other.json", good)), 0, "m365/mem/1: new")
    expect(t.run("diff", t.put("what.json", {"a": 1})), 1, "neither")


@case("usage errors, each with what would be right")
@overlay
def _(t):
    file = t.put("list.json", sets())
    for words, part in (
            (("import",), "m365 FILE"), (("import", "m365"), "m365 FILE"), (("import", file), "m365 FILE"), (("import", "m365", file, "b"), "m365 FILE"), (("diff",), "one FILE"),
            (("import", "m365", file), "--select is missing"), (("import", "m365", file, "--select", "connectors-live"), "of service-tags"),
            (("import", "m365", file, "--tags", "A"), "for service-tags"), (("import", "m365", file, "--select", "all", "--instance", "Moon"), "Worldwide, "),
            (("import", "m365", file, "--select", "all", "--name", "../x"), "--name"), (("import", "m365", file, "--select", "all", "--name", "intune"), "--name"),
            (("import", "m365", file, "--select", "all", "--as-of", "yesterday"), "--as-of"), (("import", "m365", file, "--select", "all", "--list-version", "1a"), "--list-version"),
            (("import", "service-tags", file), "--tags is missing"), (("import", "service-tags", file, "--tags", "A"), "--direction"),
            (("import", "service-tags", file, "--tags", "A", "--direction", "up"), "--direction"),
            (("import", "service-tags", file, "--tags", "A", "--direction", "inbound", "--ports", "tcp/1"), "--ports is for"),
            (("import", "service-tags", file, "--tags", "A", "--direction", "outbound", "--ports", "443"), "tcp/443"),
            (("import", "service-tags", file, "--select", "intune-live"), "of m365"),
            (("import", "service-tags", file, "--select", "connectors-live", "--tags", "A"), "ready-made")):
        expect(t.run(*words), 2, part)
    expect(ctl("list", "--strict"), 2, "`import` and `diff`")


def lacking(function):
    if function.marks.get("samples") and not PUBLIC.exists():
        return f"{SAMPLES} is not there"
    return not os.access(NFQDNCTL, os.X_OK) and f"{NFQDNCTL} is not built"


def main():
    signal.alarm(540)
    return tap.run(CASES, lacking)


if __name__ == "__main__":
    sys.exit(main())
