#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Each catalog file validates, and the schemas refuse what is wrong."""
import copy
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from catalog import DATA, SERVICES, Tap, key, load_all, plain, span  # noqa: E402

tap = Tap()
try:
    import jsonschema
except ImportError:
    jsonschema = None

catalog = load_all()
regions = json.loads((DATA / "regions.json").read_text(encoding="utf-8"))


def validator(name):
    schema = json.loads((DATA / name).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def errors(v, document):
    return [f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in v.iter_errors(document)]


GOOD = {
    "feature": "core", "id": "1", "title": "A row", "urls": ["*.example.com"], "ips": ["192.0.2.0/24"],
    "tcpPorts": "80,443", "required": True, "cloud": ["public"], "direction": "outbound", "state": "published",
    "asOf": "2025-01-09", "source": {"document": "A page", "section": "A section"},
}
LINK = {k: v for k, v in GOOD.items() if k not in ("urls", "ips", "tcpPorts")} | {"seeAlso": "https://example.com/"}
LAWFUL = [
    ("a row with names and addresses", GOOD, {}),
    ("a link", LINK, {}),
    ("a range and IPv6", GOOD, {"ips": ["192.0.2.1-192.0.2.9", "192.0.2.77", "2001:db8::/32", "2001:db8::1"]}),
    ("a star inside a label", GOOD, {"urls": ["payload*.blob.core.example", "autodiscover.*.example.com", "*cdn.example.net"]}),
    ("port ranges", GOOD, {"tcpPorts": "443,5671-5672,9350-9354", "udpPorts": "123"}),
]
BROKEN = [
    ("an unknown key", GOOD, {"port": "443"}),
    ("no section", GOOD, {"source": {"document": "A page"}}),
    ("a number as id", GOOD, {"id": 163}),
    ("an id with capitals", GOOD, {"id": "Core"}),
    ("a feature with a space", GOOD, {"feature": "remote help"}),
    ("a name with a scheme", GOOD, {"urls": ["https://example.com"]}),
    ("a name with a path", GOOD, {"urls": ["example.com/x"]}),
    ("a name with a space", GOOD, {"urls": ["example .com"]}),
    ("a placeholder", GOOD, {"urls": ["<tenant>.example.com"]}),
    ("a name of one label", GOOD, {"urls": ["localhost"]}),
    ("a star over a whole top-level domain", GOOD, {"urls": ["*.com"]}),
    ("a lone star", GOOD, {"urls": ["*"]}),
    ("a final dot", GOOD, {"urls": ["example.com."]}),
    ("an empty label", GOOD, {"urls": ["a..example.com"]}),
    ("an address as a name", GOOD, {"urls": ["192.0.2.1"]}),
    ("a name twice in a row", GOOD, {"urls": ["a.example.com", "a.example.com"]}),
    ("an empty list of names", GOOD, {"urls": []}),
    ("an address beyond 255", GOOD, {"ips": ["192.0.2.256"]}),
    ("a prefix beyond 32", GOOD, {"ips": ["192.0.2.0/33"]}),
    ("a range with spaces", GOOD, {"ips": ["192.0.2.1 - 192.0.2.9"]}),
    ("a name as an address", GOOD, {"ips": ["example.com"]}),
    ("ports with a space", GOOD, {"tcpPorts": "80, 443"}),
    ("ports as a number", GOOD, {"tcpPorts": 443}),
    ("ports by name", GOOD, {"tcpPorts": "https"}),
    ("empty ports", GOOD, {"tcpPorts": ""}),
    ("no ports", GOOD, {"tcpPorts": None}),
    ("an unknown cloud", GOOD, {"cloud": ["germany"]}),
    ("a cloud that is no list", GOOD, {"cloud": "public"}),
    ("an unknown direction", GOOD, {"direction": "both"}),
    ("an unknown state", GOOD, {"state": "withdrawn"}),
    ("an unknown category", GOOD, {"category": "allow"}),
    ("a date in American order", GOOD, {"asOf": "01/09/2025"}),
    ("a month 13", GOOD, {"until": "2025-13-01"}),
    ("required as a word", GOOD, {"required": "yes"}),
    ("optIn false", GOOD, {"optIn": False}),
    ("broad and rentable", GOOD, {"ips": None, "notes": "n", "broad": True, "rentable": True}),
    ("rentable beside addresses", GOOD, {"notes": "n", "rentable": True}),
    ("rentable without a reason", GOOD, {"ips": None, "rentable": True}),
    ("a scale unit of a strange form", GOOD, {"scaleUnits": ["AMSUA501"]}),
    ("a link without seeAlso", LINK, {"seeAlso": None}),
    ("a link with ports", LINK, {"tcpPorts": "443"}),
    ("inbound with ports", GOOD, {"direction": "inbound", "urls": None}),
    ("inbound with names", GOOD, {"direction": "inbound", "tcpPorts": None}),
    ("peers with addresses", GOOD, {"direction": "peer", "urls": None}),
    ("peers without ports", LINK, {"direction": "peer"}),
    ("mail with names", GOOD, {"direction": "mail"}),
]

# Without each key that must be there, and with a value of a kind that no key has (0 is not 1, and not a text).
BROKEN += [(f"no {k}", LINK, {k: None}) for k in LINK]
FULL = {**GOOD, "udpPorts": "123", "category": "Default", "regions": ["Europe"], "scaleUnits": ["AMSUA0101"], "until": "2025-03-31",
        "optIn": True, "seeAlso": "https://example.com/", "notes": "A note"}
LAWFUL.append(("a row with every key but the two flags", FULL, {}))
NAMES = {k: v for k, v in FULL.items() if k != "ips"}
LAWFUL += [(f"a {k} row", NAMES, {k: True}) for k in ("rentable", "broad")]
BROKEN += [(f"a number as {k}", NAMES, {k: 0}) for k in (*NAMES, "rentable", "broad")]
BROKEN += [("a number as ips", FULL, {"ips": 0})]
BROKEN += [(f"an empty {k}", FULL, {k: []}) for k in ("regions", "scaleUnits", "cloud", "ips")]
BROKEN += [(f"blanks around {k}", FULL, {k: " x"}) for k in ("title", "notes", "seeAlso")]


def changed(base, change):
    row = {k: v for k, v in (copy.deepcopy(base) | change).items() if v is not None}
    return {"format": 1, "service": "test", "title": "Test", "rows": [row]}


if jsonschema is None:
    tap.skip("files validate", "python3-jsonschema is not installed")
    tap.skip("the schema refuses what is wrong", "python3-jsonschema is not installed")
else:
    v = validator("schema.json")
    rv = validator("regions-schema.json")
    for s in SERVICES:
        tap.check(f"{s}.json validates", errors(v, catalog[s]))
    tap.check("regions.json validates", errors(rv, regions))
    tap.check("the schema takes lawful rows",
              [f"{n}: {e}" for n, b, c in LAWFUL for e in errors(v, changed(b, c))])
    tap.check("the schema refuses broken rows", [n for n, b, c in BROKEN if v.is_valid(changed(b, c))])
    bad_files = [{**catalog["power-bi"], "format": 2}, {**catalog["power-bi"], "rows": []},
                 {**catalog["power-bi"], "version": "1"}, {k: x for k, x in catalog["power-bi"].items() if k != "service"}, []]
    tap.check("the schema refuses broken files", [n for n, f in enumerate(bad_files) if v.is_valid(f)])
    bad_regions = []
    for change in ({"format": 2}, {"regions": []}, {"tenants": [{"location": "x", "region": "y"}]}, {"note": "x"},
                   {"regions": [{"name": "Europe", "aliases": ["EU"]}]}, {"regions": [{"name": "Europe"}]}):
        bad_regions.append({**regions, **change})
    tap.check("the regions schema refuses broken files", [n for n, f in enumerate(bad_regions) if rv.is_valid(f)])

tap.check("service is the file's name", [s for s in SERVICES if catalog[s]["service"] != s])
tap.check("every file in data/ is known",
          [p.name for p in DATA.glob("*.json")
           if p.stem not in SERVICES + ["regions", "schema", "regions-schema"]])

seen, twice = set(), []
for s in SERVICES:
    for row in catalog[s]["rows"]:
        k = key(s, row)
        if k in seen:
            twice.append(k)
        seen.add(k)
tap.check("keys are unique", twice)

bad = []
for s in SERVICES:
    for row in catalog[s]["rows"]:
        for ip in row.get("ips", []):
            try:
                span(ip)
            except ValueError as e:
                bad.append(f"{key(s, row)}: {ip}: {e}")
tap.check("addresses parse, without host bits", bad)

bad = []
for s in SERVICES:
    for row in catalog[s]["rows"]:
        for k in ("tcpPorts", "udpPorts"):
            last = 0
            for part in filter(None, row.get(k, "").split(",")):
                a, _, b = part.partition("-")
                if not last < int(a) <= int(b or a) <= 65535:
                    bad.append(f"{key(s, row)}: {k} {row[k]}")
                last = int(b or a)
tap.check("ports lie in order, below 65536, without overlap", bad)

bad = []
for s in SERVICES:
    where = {}
    for row in catalog[s]["rows"]:
        for name in row.get("urls", []):
            for c in row["cloud"]:
                other = where.setdefault((row["feature"], c, name.casefold()), key(s, row))
                if other != key(s, row):
                    bad.append(f"{name} in {other} and {key(s, row)}")
tap.check("a name stands once in a feature and cloud", bad)

names = {r["name"] for r in regions["regions"]}
used = {g for s in SERVICES for row in catalog[s]["rows"] for g in row.get("regions", [])}
tap.check("every region of a row is in regions.json", sorted(used - names))
# "Elsewhere": what imported lists have beyond the twelve regions of the connectors
tap.check("every region of regions.json is used", sorted(names - used - {"Elsewhere"}))


def unambiguous(entries, name):
    taken, complaints = {}, []
    for e in entries:
        for word in [e[name], *e["aliases"]]:
            if plain(word) in taken:
                complaints.append(f"{word!r} is {taken[plain(word)]!r} and {e[name]!r}")
            taken[plain(word)] = e[name]
    return complaints


tap.check("region spellings are unambiguous, none is needless", unambiguous(regions["regions"], "name"))
tap.check("tenant spellings are unambiguous, none is needless", unambiguous(regions["tenants"], "location"))
tap.check("tenant regions exist", [t["region"] for t in regions["tenants"] if t["region"] not in names])
prefixes = {p: t["region"] for t in regions["tenants"] for p in t["prefixes"]}
bad = []
for s in SERVICES:
    for row in catalog[s]["rows"]:
        for u in row.get("scaleUnits", []):
            if prefixes.get(u[:5]) not in row.get("regions", []):
                bad.append(f"{key(s, row)}: {u} against {row.get('regions')}")
tap.check("scale units lie in the region of their prefix", bad)

bad = []
order = ["feature", "id", "title", "urls", "ips", "tcpPorts", "udpPorts", "category", "required", "cloud", "direction", "regions",
         "scaleUnits", "state", "until", "asOf", "optIn", "rentable", "broad", "seeAlso", "notes", "source"]
for s in SERVICES:
    for row in catalog[s]["rows"]:
        if list(row) != [k for k in order if k in row]:
            bad.append(key(s, row))
tap.check("keys stand in one order", bad)
tap.done()
