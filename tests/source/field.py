#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the field suffers from, and how such filters are fooled: the two tables of tests/README.md name a case for each, and each case is there."""
import os
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get("NFQDN_SHARED", ROOT.parent / "shared"))
PAINS = 25
BYPASSES = 24
LATER = {"22"}  # pains whose remedy is not built yet


def rows(text, heading):
    """[what, file, case] of the table below a heading."""
    part = text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def is_there(path, case, text):
    """Whether the file has a case of this title."""
    if path.suffix == ".md":
        return case in " ".join(text.split())
    if path.suffix == ".rpl" or path.name == "steps":
        return f"title {case}\n" in text
    if path.suffix == ".c":
        return f"static void {case}(void **state)" in text and f"cmocka_unit_test({case})" in text
    return f'@case("{case}"' in text or f'tap.check("{case}"' in text


def missing(table):
    """Rows whose case does not exist."""
    out = []
    for what, file, case in table:
        path = ROOT / file
        if case == "later":
            if what not in LATER:
                out.append(f"{what}: not done")
        elif not path.is_file() or not is_there(path, case, path.read_text(encoding="utf-8")):
            out.append(f"{what}: {file} has no case \"{case}\"")
    return out


def without_number(table):
    """Cases of this file's pains whose title or file does not carry the number: they are found by the table alone."""
    return [f"{what}: {file}" for what, file, _ in table if re.search(r"pain-?\s?\d+", file) and f"pain-{int(what):02d}" not in file]


def scenarios(table):
    """Scenarios and cases with a number in their name that stand in no row."""
    named = {file for _, file, _ in table}
    paths = [*sorted((ROOT / "tests/replay").glob("pain-[0-9]*.rpl")), *sorted((ROOT / "tests/scenarios").glob("pain-[0-9]*/steps"))]
    return [str(path.relative_to(ROOT)) for path in paths if str(path.relative_to(ROOT)) not in named]


def main():
    text = (ROOT / "tests/README.md").read_text(encoding="utf-8")
    pains, bypasses = rows(text, "What users of such filters suffer from"), rows(text, "How such filters are fooled")
    checks = [
        ("each pain has a row", [str(n) for n in range(1, PAINS + 1) if str(n) not in {row[0] for row in pains}]),
        ("each case that a pain names is there", missing(pains)),
        ("scenarios have the number of their pain, and a row", without_number(pains) + scenarios(pains)),
        ("each bypass has a row", [] if len({row[0] for row in bypasses}) == BYPASSES else [f"{len({row[0] for row in bypasses})} of {BYPASSES}"]),
        ("each case that a bypass names is there", missing(bypasses)),
        ("a row without its case is seen",
         [] if len(missing([["1", "tests/README.md", "no such words"], ["2", "tests/none.py", "x"], ["3", "", "later"], ["22", "", "later"]])) == 3 else ["not seen"]),
    ]
    field = SHARED / "FIELD.md"
    known = field.read_text(encoding="utf-8").split("| bypass |", 1)[1].count("\n| ") if field.is_file() else None
    print(f"1..{len(checks) + 1}")
    for number, (title, wrong) in enumerate(checks, 1):
        print(f"{'not ok' if wrong else 'ok'} {number} - {title}")
        for line in wrong:
            print(f"# {line}")
    if known is None:
        print(f"ok {len(checks) + 1} - as many bypasses as were gathered # SKIP no {field}")
    else:
        print(f"{'ok' if known == BYPASSES else 'not ok'} {len(checks) + 1} - as many bypasses as were gathered")
        if known != BYPASSES:
            print(f"# {known} there, {BYPASSES} here")
    return 1 if any(wrong for _, wrong in checks) or known not in (None, BYPASSES) else 0


if __name__ == "__main__":
    sys.exit(main())
