#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads the includes of daemon/: a lower floor never includes an upper one, and the kernel's libraries stay on their floor."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FLOORS = ["base", "dns", "policy", "netfilter", "learn", "control", "main"]
KERNEL_LIBRARIES = ("libmnl/", "libnftnl/", "libnetfilter_queue/")


def includes(text):
    return re.findall(r'^[ \t]*#[ \t]*include[ \t]+["<]([^">]+)[">]', text, re.M)


def violations(floor, text):
    """What is wrong with the includes of a file of this floor."""
    found = []
    for name in includes(text):
        other = name.split("/")[0]
        if other in FLOORS and "/" in name and FLOORS.index(other) > FLOORS.index(floor):
            found.append(f"{floor} includes {name} of an upper floor")
        if name.startswith(KERNEL_LIBRARIES) and floor != "netfilter":
            found.append(f"{floor} includes {name}: only netfilter may")
    return found


def main():
    cases = []
    for floor in FLOORS:
        wrong = []
        for path in sorted((ROOT / "daemon" / floor).glob("*.[ch]")):
            wrong += [f"{path.relative_to(ROOT)}: {v}" for v in violations(floor, path.read_text())]
        cases.append((f"floor {floor} includes nothing above it", wrong))
    strays = [str(p.relative_to(ROOT)) for p in (ROOT / "daemon").rglob("*.[ch]") if p.parent.name not in FLOORS]
    cases.append(("every source file stands on a floor", strays))
    long_functions, no_spdx = [], []
    for path in sorted((ROOT / "daemon").rglob("*.[ch]")):
        lines = path.read_text().split("\n")
        if "SPDX-License-Identifier: GPL-2.0-or-later" not in lines[0]:
            no_spdx.append(str(path.relative_to(ROOT)))
        start = 0
        for number, line in enumerate(lines, 1):
            if line.startswith("{"):
                start = number
            elif line.startswith("}") and start:
                if number - start > 80:
                    long_functions.append(f"{path.relative_to(ROOT)}:{start}: {number - start} lines")
                start = 0
    cases.append(("no function is longer than 80 lines", long_functions))
    cases.append(("every file begins with its SPDX line", no_spdx))
    # This test must be able to fail: the same function sees these.
    seen = violations("dns", '#include "policy/policy.h"\n#include <libmnl/libmnl.h>\n#include "base/limits.h"\n')
    cases.append(("a wrong include is seen", [] if len(seen) == 2 else [repr(seen)]))

    print(f"1..{len(cases)}")
    failed = False
    for number, (name, wrong) in enumerate(cases, 1):
        print(f"{'not ok' if wrong else 'ok'} {number} - {name}")
        for line in wrong:
            print(f"# {line}")
            failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
