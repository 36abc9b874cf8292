#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Instructions that an answer takes from its packet to its verdict, outside the kernel: the same on a busy machine as on an idle one, so that two
commits can be compared. Told, never judged. instr.py [--profile PATH]: the functions of one path, by what they take themselves."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("NFQDN_BUILD", ROOT / "build")) / "tests/bench/instr"
ANSWERS = 512
# path, answers a drain, patterns, learned before, what it is
PATHS = (("new", 64, 10, 100, "new name, full drains"),
         ("new", 1, 10, 100, "new name, one by one"),
         ("new", 64, 10, 4096, "new name, 4,096 learned before"),
         ("known", 64, 10, 100, "known name, full drains"),
         ("known", 1, 10, 100, "known name, one by one"),
         ("unrelated", 64, 10, 100, "name outside the policy, full drains"),
         ("unrelated", 1, 10, 100, "name outside the policy, one by one"),
         ("unrelated", 64, 2000, 100, "name outside the policy, 2,000 patterns"))


def collect(path, drain, patterns, learned, out="/dev/null"):
    done = subprocess.run(["valgrind", "--tool=callgrind", "--toggle-collect=instr_measured", f"--callgrind-out-file={out}", str(PROGRAM), path, str(ANSWERS),
                           str(drain), str(patterns), str(learned)], capture_output=True, encoding="utf-8", check=False)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or not found or not int(found.group(1)):
        sys.exit(f"instr: {PROGRAM} under valgrind: status {done.returncode}\n{done.stderr}")
    return int(found.group(1)) / ANSWERS


def main():
    if sys.argv[1:2] == ["--profile"] and len(sys.argv) == 3:
        with tempfile.NamedTemporaryFile() as out:
            print(f"{collect(sys.argv[2], 64, 10, 100, out.name):.0f} instructions an answer")
            told = subprocess.run(["callgrind_annotate", out.name], capture_output=True, encoding="utf-8", check=True).stdout
        print("\n".join(re.sub(r" \[.*", "", line) for line in re.findall(r"^ *[\d,]+ \(.*$", told, re.MULTILINE)[1:31]))
    elif len(sys.argv) == 1:
        print("instructions an answer, outside the kernel")
        for *arguments, title in PATHS:
            print(f"{collect(*arguments):8,.0f}  {title}", flush=True)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
