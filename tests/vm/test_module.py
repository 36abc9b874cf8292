#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The optional kernel module in QEMU: built for Debian's kernels, loaded there, and tests/netns/test_assist.py run with it.
`--tag smoke` or NFQDN_VM_BRIEF=1 (make check): on one kernel, one case. NFQDN_VM_FULL=1: all smoke cases of the namespaces suite with the module, too, and
loaded and unloaded a hundred times. Other arguments: names of kernels out of tests/vm/kernels; none: all."""
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FULL = os.environ.get("NFQDN_VM_FULL") == "1"
SMOKE = os.environ.get("NFQDN_VM_BRIEF") == "1" or "smoke" in sys.argv[1:] or "smoke" in os.environ.get("NFQDN_TEST_TAGS", "").split(",")
PATIENCE = "10"  # as in test_kernels.py


def kernels():
    rows = [line.split("\t")[0] for line in (HERE / "kernels").read_text().splitlines() if line and not line.startswith("#")]
    wanted = [a for a in sys.argv[1:] if a in rows]
    return wanted or (rows[-1:] if SMOKE else rows)


def run(*command, **environment):
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, errors="replace", check=False)
    return done.returncode, done.stdout, done.stderr


def commands():
    if SMOKE:
        return [["tests/netns/test_assist.py", "unrelated answers"]]
    both = [["tests/netns/test_assist.py", "--tag", "module"]]
    if FULL:
        both.append(["env", "NFQDN_TEST_ASSIST=require", "tests/run", "--jobs", "2", "--suite", "netns", "--tag", "smoke"])
    return both


def cases_of(output):
    """(verdict, title) of each case, out of TAP or of the runner's listing."""
    words = {"ok": "ok", "FAILED": "not ok", "skip": "skip"}
    found = [(m.group(1), m.group(2)) for m in re.finditer(r"^(ok|not ok) \d+ - (.*)$", output, re.M)]
    return found or [(words[m.group(1)], m.group(2)) for m in re.finditer(r"^  (ok|FAILED|skip) +(.*)$", output, re.M)]


def run_kernel(kernel, report):
    status, module, errors = run(str(HERE / "module"), kernel)
    if status == 77:
        report(True, f"Linux {kernel} # SKIP {errors.strip()}")
        return
    report(status == 0, f"Linux {kernel}: the module builds without a warning", errors)
    for command in commands() if status == 0 else []:
        status, output, errors = run(str(HERE / "boot"), kernel, str(HERE / "with-module"), module.strip(), *command,
                                     NFQDN_TEST_PATIENCE=PATIENCE, NFQDN_TEST_LOADS="100" if FULL else "5")
        if status == 77:
            report(True, f"Linux {kernel} # SKIP {errors.strip()}")
            return
        cases = cases_of(output)
        for verdict, title in cases:
            report(verdict != "not ok", f"Linux {kernel}: {title}{' # SKIP there' if verdict == 'skip' else ''}")
        trouble = [line for line in errors.splitlines() if re.search("BUG:|WARNING:|Oops|Call Trace|nf_fqdn: selftest", line)]
        report(status == 0 and cases and not trouble, f"Linux {kernel}: {command[0]} ends well, and the kernel has nothing to say", output + errors)


def main():
    count, failed = 0, False

    def report(good, title, evidence=""):
        nonlocal count, failed
        count += 1
        failed |= not good
        print(f"{'ok' if good else 'not ok'} {count} - {title}", flush=True)
        for line in "" if good else evidence.splitlines():
            print(f"# {line}")

    for kernel in kernels():
        run_kernel(kernel, report)
    print(f"1..{count}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
