#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`make bench` works. What it measures is asserted nowhere."""
import json
import pathlib
import re
import subprocess
import sys
import xml.dom.minidom

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from netns import PATIENCE, ROOT, case, check, expect, main  # noqa: E402

BENCH = str(ROOT / "tests/bench/bench.py")


@case("the bench measures every row, seconds long, and writes a table, a plot and all values", seconds=120)
def quick(t):
    groups = [line.split(":")[0] for line in subprocess.run([BENCH, "--list"], capture_output=True, encoding="utf-8", check=True).stdout.splitlines()]
    done = subprocess.run([BENCH, "--quick", "--out", str(t.folder / "out"), "--results", str(t.folder / "RESULTS.md")], capture_output=True,
                          encoding="utf-8", check=False, timeout=110 * PATIENCE)
    check(done.returncode == 0, done.stdout + done.stderr)
    told = json.loads((t.folder / "out/results.json").read_text())
    expect(sorted({value["group"] for value in told["values"]}), sorted(groups), "groups of rows with values")
    print(f"# {done.stdout.strip().splitlines()[-1]}; absent: {told['skipped']}", file=sys.stderr)
    mine = {(v["group"], v["metric"]): v["rounds"] for v in told["values"] if v["contender"] in ("nfqdn", "reloading")}
    expect(mine["answers", "taught"], [100.0], "percent of new names that were taught")
    check(mine["first-packet", "opened"][0] > 0, "first packets pass")
    expect((mine["loss", "full-lost"], mine["reload", "denied"], mine["connections", "failed"]), ([0], [0], [0]), "lost answers, denials, failed connections")
    text = (t.folder / "RESULTS.md").read_text()
    check(re.search(r"^\| nfqdn \| [\d,]+ \|", text, re.MULTILINE), "the table has a row of nfqdn")
    plot = xml.dom.minidom.parse(str(t.folder / "out/results.svg"))
    check(len(plot.getElementsByTagName("rect")) > 20, "the plot has bars")


if __name__ == "__main__":
    main()
