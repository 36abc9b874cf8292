#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The seed documents against the catalog, both ways.

Every host name and every address is taken out of the documents by pattern, knowing nothing of the catalog, and must be in a
row of its service; what a row says it has from a document must be in that document. What differs on purpose stands in a
table below with its reason; an entry of a table that is no longer needed is a failure too.
"""
import json
import pathlib
import re
import sys
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from catalog import SHARED, Tap, key, load_all  # noqa: E402

# file -> (service, how source.document of its rows is spelled)
SEEDS = {
    "intune-endpoints-2025-01.md": ("intune", "Network endpoints for Microsoft Intune (2025-01-09)"),
    "power-automate-ip-addresses-2020.md": ("power-automate", "Power Automate: IP address configuration (2020-10-29)"),
    "power-automate-ip-addresses-current.txt": (
        "power-automate", "Power Automate: IP address configuration (undated text, older than the edition of 2025-01-15)"),
    "power-bi-urls-2018.md": ("power-bi", "Power BI URLs (2018-08-10)"),
}

# In a document, not in the catalog as a name: (file, name) -> reason
NOT_NAMES = {
    ("intune-endpoints-2025-01.md", "endpoints.office.com"): "the list's own service, asked by administrators' scripts, not by devices",
    ("intune-endpoints-2025-01.md", "support.apple.com"): "link to documentation, rows apple/see-*",
    ("intune-endpoints-2025-01.md", "support.google.com"): "link to documentation",
    ("intune-endpoints-2025-01.md", "static.googleusercontent.com"): "link to documentation, row android-enterprise/see-bluebook",
    ("intune-endpoints-2025-01.md", "www.android.com"): "a path inside the link to the Bluebook",
    ("intune-endpoints-2025-01.md", "firebase.google.com"): "link to documentation, row android-enterprise/see-push",
    ("intune-endpoints-2025-01.md", "support.office.com"): "link to documentation, row authentication/see-microsoft-365",
    ("intune-endpoints-2025-01.md", "Outlook.com"): "in the description of row 97, not among its addresses",
    ("intune-endpoints-2025-01.md", "azureedge.net"): "prose on the end of these names; the full names are in the catalog",
    ("power-bi-urls-2018.md", "support.office.com"): "links to documentation, rows with seeAlso",
    ("power-bi-urls-2018.md", "support.pubnub.com"): "link to documentation, row get-data/4",
}

# Named in a section of the Intune page only in passing: (section, name) -> reason
OTHER_SECTION = {
    ("Access for managed devices", "manage.microsoft.com"): "in row 163",
    ("Access for managed devices", "*.manage.microsoft.com"): "on TLS inspection; in row 163",
    ("Access for managed devices", "*.dm.microsoft.com"): "on TLS inspection; in feature defender",
    ("Network requirements for PowerShell scripts and Win32 apps", "go.microsoft.com"): "link to the admin center",
    ("Network requirements for macOS app and script deployments", "go.microsoft.com"): "link to the admin center",
}

# Links of the Intune page that tell nothing to a firewall
NOT_LINKS = {
    "/microsoft-365/enterprise/microsoft-365-network-connectivity-principles?#new-office-365-endpoint-categories": "what categories are",
    "https://go.microsoft.com/fwlink/?linkid=2109431": "the admin center",
    "https://support.google.com/work/android/answer/6270910": "countries without Google's services",
}

# What looks like a name and is none: file names of relative links
FILE_NAME = re.compile(r"\.(md|aspx|pdf)$")

# Storage names that the page misspells: as written -> as meant
STORAGE_SLIPS = {"approdimedatahotifx": "approdimedatahotfix"}

# In rows of a document, not in the document: (file, name) -> reason
NOT_WRITTEN = {
    ("intune-endpoints-2025-01.md", "approdimedatahotfix.blob.core.windows.net"): "the page spells the storage name approdimedatahotifx",
}

NAME = re.compile(r"(?<![A-Za-z0-9_.*-])"
                  r"((?:[A-Za-z0-9*](?:[A-Za-z0-9*-]*[A-Za-z0-9*])?\.)+[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9]))"
                  r"(?![A-Za-z0-9_*-])")
IPV4 = r"(?:\d{1,3}\.){3}\d{1,3}"
ADDRESS = re.compile(rf"(?<![\d.])({IPV4})(?:\s*-\s*({IPV4})|(/\d{{1,2}}))?(?!\d|/|\.\d)")
IPV6 = re.compile(r"(?<![0-9A-Fa-f:.])([0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:/\d{1,3})?)(?![0-9A-Fa-f:])")

tap = Tap()


def body(text):
    """Without the front matter, whose keys look like names, without the backslashes that shield stars and without *italics*."""
    if text.startswith("---\n"):
        text = text[text.index("\n---\n", 4):]
    return re.sub(r"(?<=\s)\*([A-Za-z0-9][^*\n]*[A-Za-z0-9])\*(?=\s)", r"\1", text.replace("\\*", "*"))


def names_in(text):
    return [m.group(1) for m in NAME.finditer(text) if not FILE_NAME.search(m.group(1))]


def addresses_in(text):
    out = []
    for m in ADDRESS.finditer(text):
        first, last, length = m.groups()
        out.append(f"{first}-{last}" if last else first + (length or ""))
    return out + [m.group(1).lower() for m in IPV6.finditer(text)]


def cells(line):
    return [c.strip() for c in line.strip().strip("|").split("|")]


def pieces(cell):
    return [p for p in (x.strip(" `") for x in re.split(r"<br\s*/?>|,", cell, flags=re.I)) if p]


# The patterns first: a pattern that finds nothing would let everything pass.
sample = body("---\nms.date: x\n---\n see `\\*.a.example.com`<BR>`b.Example.com`,*.c.example, 'https://d1.example.net/x.aspx' "
              "payload*.e.example.net. *it.example.com, al.example.com* [f](../g/h-i.md#j) $_.ips sign up. e.g. this\nk-1.example.org|")
tap.equal("patterns: names", names_in(sample),
          ["*.a.example.com", "b.Example.com", "*.c.example", "d1.example.net", "payload*.e.example.net",
           "it.example.com", "al.example.com", "k-1.example.org"])
tap.equal("patterns: addresses",
          addresses_in("104.46.162.96/27, 13.75.36.64 - 13.75.36.79, 52.1.2.3 and 52.1.2.4. 1.2.3.4<br>2620:1ec:4a::/47 v1.2.3 12:30"),
          ["104.46.162.96/27", "13.75.36.64-13.75.36.79", "52.1.2.3", "52.1.2.4", "1.2.3.4", "2620:1ec:4a::/47"])

catalog = load_all()
seeds = SHARED / "seeds"
if not all((seeds / f).is_file() for f in SEEDS):
    for name in ("names of the documents", "addresses of the documents", "rows of the catalog", "tables of exceptions",
                 "order of row 163 and of the connectors", "table lines with section, port, category and cloud", "links", "scale units"):
        tap.skip(name, "the seed documents are not here; NFQDN_SHARED names their folder")
    tap.done()

text = {f: body((seeds / f).read_text(encoding="utf-8")) for f in SEEDS}
names = {f: names_in(t) for f, t in text.items()}
addresses = {f: addresses_in(t) for f, t in text.items()}
storage = {f: [] for f in SEEDS}          # storage names as written
units = {f: [] for f in SEEDS}
for f, t in text.items():
    column = None
    for line in t.splitlines():
        if "|" not in line:
            column = None
        elif "Storage name" in line:
            column = cells(line).index("Storage name")
        elif column is not None and "AMSU" in line:
            storage[f] += pieces(cells(line)[column])
    units[f] = re.findall(r"\bAMSU[A-Z]\d{4}\b(?!-)", t)

used = set()
for f, (service, _) in SEEDS.items():
    rows = catalog[service]["rows"]
    have = {u.casefold() for r in rows for u in r.get("urls", [])}
    missing = []
    for n in dict.fromkeys(names[f]):
        if n.casefold() in have:
            continue
        if (f, n) in NOT_NAMES:
            used.add((f, n))
        else:
            missing.append(n)
    for n in storage[f]:
        meant = STORAGE_SLIPS.get(n, n)
        if meant != n:
            used.add(n)
        if meant + ".blob.core.windows.net" not in have:
            missing.append(f"{n} (storage)")
    tap.check(f"{f}: each of {len(set(names[f]))} names and {len(storage[f])} storage names is in the catalog", missing)
    have = {i for r in rows for i in r.get("ips", [])}
    tap.check(f"{f}: each of {len(set(addresses[f]))} addresses is in the catalog",
              [a for a in dict.fromkeys(addresses[f]) if a not in have])

known = {d for _, d in SEEDS.values()}
for f, (service, document) in SEEDS.items():
    written = {n.casefold() for n in names[f]}
    written |= {n + ".blob.core.windows.net" for n in storage[f]}
    rows = [r for r in catalog[service]["rows"] if r["source"]["document"] == document]
    wrong = [] if rows else [f"no row comes from {document!r}"]
    for r in rows:
        for n in r.get("urls", []):
            if n.casefold() in written:
                continue
            if (f, n) in NOT_WRITTEN:
                used.add((f, n))
            else:
                wrong.append(f"{key(service, r)}: {n}")
        wrong += [f"{key(service, r)}: {i}" for i in r.get("ips", []) if i not in addresses[f]]
    tap.check(f"{f}: each name and address of its rows is written there", wrong)
    # headings: a section is a heading of its document, what follows a comma tells where below it
    heads = {re.sub(r"^#+\s*|-->$|<!--", "", line).strip().casefold() for line in text[f].splitlines()}
    # the text before the first heading is "Introduction"; the one slip in a heading (21Vinaet) is not repeated
    heads |= {h.lstrip("#").strip() for h in heads} | {"introduction", "21vianet endpoints (china) for desktop flows runtime"}
    tap.check(f"{f}: each section is one of its headings",
              [f"{key(service, r)}: {r['source']['section']}" for r in rows
               if re.sub(r", HTML comment.*", "", r["source"]["section"]).casefold() not in heads])

other = [key(s, r) for s in catalog for r in catalog[s]["rows"]
         if r["source"]["document"] not in known and not r.get("optIn") and r["id"] != "163-consolidated-list"]
tap.check("what comes from elsewhere is opt-in, but for the one prefix", other)
tap.check("no exception is needless",
          [x for x in [*NOT_NAMES, *NOT_WRITTEN, *STORAGE_SLIPS] if x not in used])

f = "intune-endpoints-2025-01.md"
line = next(x for x in text[f].splitlines() if x.startswith("163 |"))
row = next(r for r in catalog["intune"]["rows"] if key("intune", r) == "intune/core/163")
tap.check("row 163: names and addresses in the document's order",
          [] if (row["urls"], row["ips"]) == (names_in(line), addresses_in(line)) else ["differs"])

older = next(x for x in text[f].splitlines() if x.startswith("|*.manage.microsoft.com") and addresses_in(x))
only = set(addresses_in(older)) - set(addresses_in(line))
taken = {ip for r in catalog["intune"]["rows"] if r["feature"] == "core" and r["required"] and not r.get("optIn") for ip in r.get("ips", [])}
tap.check("pain 23: where Intune's table and the older list on its page contradict each other, both are taken",
          sorted((only | set(addresses_in(line))) - taken) if only else ["they agree"])

f = "power-automate-ip-addresses-2020.md"
wrong, found = [], 0
for line in text[f].splitlines():
    if "|" in line and addresses_in(line):
        region = cells(line)[0]
        found += 1
        rows = [r for r in catalog["power-automate"]["rows"] if r["feature"] == "connectors" and r.get("regions") == [region]]
        if [r.get("ips") for r in rows] != [addresses_in(line)]:
            wrong.append(region)
tap.check("connectors: each region's addresses in the document's order", wrong if found == 12 else [f"{found} regions"])

# A numbered table row of the Intune page: its names are in the rows of that number (and of its splits), with its section,
# category and ports, and these rows say Required where it does.
f = "intune-endpoints-2025-01.md"
wrong, found, heading = [], 0, ""
for line in text[f].splitlines():
    m = re.match(r"(?:<!--)?#+\s*(.*)", line)
    if m:
        heading = m.group(1).strip()
    m = re.match(r"(?:<!--)?\|?\s*(\d{2,3})\s*\|", line)
    if not m:
        continue
    found += 1
    ports = re.search(r"\*\*(TCP|UDP):\*\*\s*([\d, ]+)", line)
    want = ports.group(2).replace(" ", "").strip(",")
    kind = {"TCP": "tcpPorts", "UDP": "udpPorts"}[ports.group(1)]
    category = pieces(cells(line)[2])
    for n in names_in(cells(line)[4]):
        rows = [r for r in catalog["intune"]["rows"] if n in r.get("urls", []) and re.match(m.group(1) + r"($|-)", r["id"])
                and r["source"]["section"].split(", HTML")[0] == heading and r.get(kind) == want
                and r.get("category") == category[0] and r["required"] == (category[1:] == ["Required"])
                and (r["state"] == "published") == ("HTML comment" not in r["source"]["section"])]
        if not rows:
            wrong.append(f"{heading} {m.group(1)}: {n} {kind} {want} {category}")
tap.check(f"Intune: names of {found} numbered rows carry number, section, ports, category", wrong if found == 24 else [f"{found} rows"])

# A name stands in a row of its own section, not only somewhere. The older table in a comment is left out: other sections have
# taken its names over.
old = text[f].index("<!-- Older table")
parts = text[f][:old] + text[f][text[f].index("-->", old):]
wrong, heading, have = [], "", {}
for r in catalog["intune"]["rows"]:
    if r["source"]["document"] == SEEDS[f][1]:
        have.setdefault(r["source"]["section"].split(",")[0], set()).update(u.casefold() for u in r.get("urls", []))
for line in parts.splitlines():
    m = re.match(r"(?:<!--)?#+ (?!\[)(.*)", line)
    if m:
        heading = m.group(1).strip()
    for n in names_in(line):
        if n.casefold() in have.get(heading.split(",")[0], ()) or (f, n) in NOT_NAMES:
            continue
        if (heading, n) in OTHER_SECTION:
            used.add((heading, n))
        else:
            wrong.append(f"{heading}: {n}")
tap.check("Intune: each name is in a row of its section", wrong)
tap.check("Intune: no exception of sections is needless", [x for x in OTHER_SECTION if x not in used])

# Links of the Intune page to other documents become rows, and the rows' links are the page's.
links = dict.fromkeys(re.findall(r"\]\(((?:https?:/|\.\.)?/[^)]+)\)", text[f]))
absolute = {urllib.parse.urljoin("https://learn.microsoft.com/mem/intune/fundamentals/", x.replace(".md", "")): x for x in links}
have = {r["seeAlso"] for r in catalog["intune"]["rows"] if r["source"]["document"] == SEEDS[f][1] and "seeAlso" in r}
tap.check("Intune: each link to another document is a row",
          [u for u, x in absolute.items() if not x.startswith("..") and u not in have and x not in NOT_LINKS])
tap.check("Intune: each row's link is in the page", [u for u in have if u not in absolute and u != "Microsoft Store, Win32 content download"])
tap.check("Intune: no exception of links is needless", [x for x in NOT_LINKS if x not in links or x in have])

wrong = []
for u in dict.fromkeys(units[f]):
    for feature in ("scripts-and-win32-apps", "macos"):
        if not any(r["feature"] == feature and u in r.get("scaleUnits", []) for r in catalog["intune"]["rows"]):
            wrong.append(f"{feature}: {u}")
have = {u for r in catalog["intune"]["rows"] for u in r.get("scaleUnits", [])}
tap.check(f"scale units: {len(set(units[f]))}, the same in page and catalog",
          wrong + [f"not in the page: {u}" for u in sorted(have - set(units[f]))])

# Power Automate's protocols and clouds, Power BI's Required and Optional, line by line. The text copy breaks some table lines.
f = "power-automate-ip-addresses-current.txt"
joined = re.sub(r"\|\n(https?) \|", r"| \1 |", text[f])
sections = {r["source"]["section"] for r in catalog["power-automate"]["rows"] if r["source"]["document"] == SEEDS[f][1]}
CLOUD_WORDS = [("GCC only", {"gcc"}), ("GCC High only", {"gcc-high"}), ("DoD only", {"dod"}), ("(GCC and GCCH)", {"gcc", "gcc-high"}),
               ("(DOD)", {"dod"}), ("China only", {"china"}), ("users in China", {"china"}), ("Mooncake", {"china"}),
               ("supported US sovereign", {"public", "gcc", "gcc-high", "dod"}), ("also valid for GCC", {"public", "gcc"}),
               ("also valid for public clouds", {"public", "gcc"}), ("desktop cloud discovery", {"public", "china"}),
               ("for US government cloud", {"gcc", "gcc-high", "dod"}), ("Global endpoints", {"global"}),
               ("US Government endpoints", {"gcc", "gcc-high", "dod"}), ("21Vianet endpoints", {"china"}), ("", {"public"})]
wrong, found, heading = [], 0, ""
for line in joined.splitlines():
    title = line.strip().replace("21Vinaet endpoints", "21Vianet endpoints")
    if title in sections:
        heading = title
    m = re.search(r"\| (https?) \|", line)
    if not m:
        continue
    found += 1
    want = {"http": "80", "https": "443"}[m.group(1)]
    cloud = next(c for w, c in CLOUD_WORDS if w in line or w in heading)
    if "(also valid for public clouds)" in line:        # said a second time, of the row of the public cloud
        continue
    for n in names_in(line[:m.start()]):
        if not any(n in r.get("urls", []) and r.get("tcpPorts") == want and r["source"]["section"] == heading
                   and set(r["cloud"]) == cloud and r["required"] for r in catalog["power-automate"]["rows"]):
            wrong.append(f"{heading}: {n}: {want} {sorted(cloud)}")
tap.check(f"Power Automate: {found} table lines carry section, port and cloud", wrong if found == 48 else [f"{found} lines"])

f = "power-bi-urls-2018.md"
wrong, found, section = [], 0, ""
for line in text[f].splitlines():
    if line.startswith("## "):
        section = line[3:].strip()
    m = re.match(r"\| (\d+) \| \*\*(Required|Optional):\*\*", line)
    if not m:
        continue
    found += 1
    rows = [r for r in catalog["power-bi"]["rows"] if r["source"]["section"] == section
            and r["source"]["document"] == SEEDS[f][1] and r["id"].split("-")[0] == m.group(1)]
    if not rows or any(r["required"] != (m.group(2) == "Required") for r in rows):
        wrong.append(f"{section} {m.group(1)}: not {m.group(2)}")
    link = re.search(r"\]\((https:[^)]+)\)", line)
    if link:
        if [r.get("seeAlso") for r in rows] != [link.group(1)]:
            wrong.append(f"{section} {m.group(1)}: seeAlso is not {link.group(1)}")
    elif {n for r in rows for n in r["urls"]} != set(names_in(cells(line)[2])) or any(r["tcpPorts"] != "443" for r in rows):
        wrong.append(f"{section} {m.group(1)}: names or ports differ")
tap.check(f"Power BI: {found} table rows, required or not, with names, links and ports", wrong if found == 24 else [f"{found} rows"])
tags = {"microsoft-security": "ServiceTags_Public.change374.json",
        "microsoft-security-government": "ServiceTags_AzureGovernment.change371.json"}
for id, file in tags.items():
    path = SHARED / "samples" / "service-tags" / file
    if not path.is_file():
        tap.skip(f"{id} is the service tag", f"{file} is not here")
        continue
    values = json.loads(path.read_text(encoding="utf-8-sig"))["values"]
    tap.equal(f"{id} is the service tag",
              [r["ips"] for r in catalog["intune"]["rows"] if (r["feature"], r["id"]) == ("azure-front-door", id)],
              [v["properties"]["addressPrefixes"] for v in values if v["name"] == "AzureFrontDoor.MicrosoftSecurity"])
tap.done()
