# SPDX-License-Identifier: GPL-2.0-or-later
"""What the catalog's tests share: where things are, TAP output, addresses, the default selection."""
import ipaddress
import json
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
DATA = ROOT / "data"
SHARED = pathlib.Path(os.environ.get("NFQDN_SHARED", ROOT.parent / "shared"))
SERVICES = ["intune", "power-automate", "power-bi"]


def load(service):
    with open(DATA / (service + ".json"), encoding="utf-8") as f:
        return json.load(f)


def load_all():
    return {s: load(s) for s in SERVICES}


def key(service, row):
    return f"{service}/{row['feature']}/{row['id']}"


def plain(name):
    """How region names are compared: without regard to case, spaces, hyphens and underscores."""
    return "".join(c for c in name.casefold() if c not in " -_")


def span(text):
    """First and last address of "192.0.2.1", "192.0.2.0/24" or "192.0.2.1-192.0.2.9"; host bits are an error."""
    if "-" in text:
        a, b = (ipaddress.ip_address(x) for x in text.split("-"))
        if a.version != b.version or a > b:
            raise ValueError("a range that runs backwards")
        return a, b
    net = ipaddress.ip_network(text, strict=True)
    return net[0], net[-1]


def selected_by_default(row):
    return (row["state"] == "published" and row["required"] and not row.get("optIn") and not row.get("broad")
            and not {"public", "global"}.isdisjoint(row["cloud"]))


class Tap:
    """Collects results, prints the plan first. Each check gives a list of complaints; none means ok."""

    def __init__(self):
        self.results = []

    def check(self, name, complaints):
        self.results.append((name, [str(c) for c in complaints], None))

    def equal(self, name, got, want):
        self.check(name, [] if got == want else [f"got {got!r}", f"want {want!r}"])

    def skip(self, name, reason):
        self.results.append((name, [], reason))

    def done(self):
        print(f"1..{len(self.results)}")
        failed = 0
        for n, (name, complaints, reason) in enumerate(self.results, 1):
            if reason:
                print(f"ok {n} - {name} # SKIP {reason}")
                continue
            print(f"{'not ok' if complaints else 'ok'} {n} - {name}")
            failed += bool(complaints)
            for c in complaints[:40]:
                print("# " + c.replace("\n", "\n# "))
            if len(complaints) > 40:
                print(f"# and {len(complaints) - 40} more")
        sys.exit(1 if failed else 0)
