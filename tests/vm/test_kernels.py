#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The same tests on Debian's kernels in QEMU: of the namespaces suite the cases with the tag "kernel" (NFQDN_VM_FULL=1: all
of them, and the programs that state facts about the kernel), and tests/vm/inside, which needs loadable modules. Each case is
reported by itself, with the kernel's name. Arguments: names of kernels out of tests/vm/kernels; none: all."""
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FULL = os.environ.get("NFQDN_VM_FULL") == "1"
# Software emulation on two cores: everything takes about ten times as long.
PATIENCE = "10"


def kernels():
    rows = [line.split("\t")[0] for line in (HERE / "kernels").read_text().splitlines() if line and not line.startswith("#")]
    return [r for r in rows if not sys.argv[1:] or r in sys.argv[1:]]


def command():
    """`inside` takes modules away: after everything else."""
    same = "--suite netns --suite kernel-facts" if FULL else "--suite netns --tag kernel"
    return ["sh", "-c", f"tests/run --jobs 2 {same}; failed=$?; tests/run --jobs 1 --suite inside && exit $failed"]


def boot(kernel, *arguments):
    """Exit status and output of a command on that kernel."""
    environment = {**os.environ, "NFQDN_TEST_PATIENCE": PATIENCE}
    done = subprocess.run([str(HERE / "boot"), kernel, *arguments], cwd=ROOT, env=environment,
                          capture_output=True, text=True, errors="replace", check=False)
    return done.returncode, done.stdout, done.stderr


def cases_of(output):
    """(verdict, title) of each case in the output of tests/run."""
    words = {"ok": "ok", "FAILED": "not ok", "skip": "skip"}
    found = [(words[m.group(1)], m.group(2)) for m in re.finditer(r"^  (ok|FAILED|skip) +(.*)$", output, re.M)]
    # A program without a case of the tag.
    return [case for case in found if not case[1].startswith("all of it (no case with ")]


def report(number, verdict, title, notes=""):
    skip = " # SKIP" if verdict == "skip" else ""
    print(f"{'not ok' if verdict == 'not ok' else 'ok'} {number} - {title}{skip}{' ' + notes if skip else ''}", flush=True)


def run_kernel(kernel, number):
    """Reports the cases of one kernel; returns the number of the last case and whether something failed."""
    status, output, errors = boot(kernel, *command())
    if status == 77:
        report(number + 1, "skip", f"Linux {kernel}", errors.strip().replace("\n", " "))
        return number + 1, False
    cases = cases_of(output)
    failed = status != 0 or not cases
    for verdict, title in cases:
        number += 1
        report(number, verdict, f"Linux {kernel}: {title}")
        failed |= verdict == "not ok"
    if failed:
        for line in (output + errors).splitlines():
            print(f"# {line}")
    if failed and all(verdict != "not ok" for verdict, _ in cases):
        number += 1
        report(number, "not ok", f"Linux {kernel}: the suite ended with status {status}")
    return number, failed


def main():
    number, failed = 0, False
    for kernel in kernels():
        number, one = run_kernel(kernel, number)
        failed |= one
    print(f"1..{number}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
