#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A file foo.c exports only foo_* (or FLOOR_foo_*): read from the symbols of the built objects."""
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("NFQDN_BUILD", ROOT / "build"))


def strays(floor, stem, symbols):
    """Symbols that begin neither with the file's prefix (its first word; counters.c exports counter_rows) nor with the floor's."""
    prefix = stem.split("_")[0]
    prefixes = (floor + "_", prefix + "_", prefix.rstrip("s") + "_", prefix.rstrip("s") + "s")
    return [s for s in symbols if s != "main" and s != prefix and not s.startswith(prefixes)]


def main():
    objects = [p for floor in (ROOT / "daemon").iterdir() if floor.is_dir()
               for p in sorted((BUILD / floor.name).glob("*.o"))]
    if not objects:
        print("1..1\nok 1 - exports # SKIP nothing is built")
        return 0
    wrong = []
    for path in objects:
        if not (ROOT / "daemon" / path.parent.name / (path.stem + ".c")).exists():
            continue
        out = subprocess.run(["nm", "-g", "--defined-only", str(path)], capture_output=True, text=True, check=True).stdout
        symbols = [m.group(1) for m in re.finditer(r"^\S+ [TDBRC] (\S+)$", out, re.M) if not m.group(1).startswith("__")]
        wrong += [f"{path.parent.name}/{path.stem}.c exports {s}" for s in strays(path.parent.name, path.stem, symbols)]
    seen = strays("learn", "store", ["store_new", "learn_all", "helper"]) == ["helper"]
    print("1..2")
    print(f"{'not ok' if wrong else 'ok'} 1 - each file exports only names with its or its floor's prefix")
    for line in wrong:
        print(f"# {line}")
    print(f"{'ok' if seen else 'not ok'} 2 - a stray export is seen")
    return 1 if wrong or not seen else 0


if __name__ == "__main__":
    sys.exit(main())
