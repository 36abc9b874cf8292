#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The optional kernel module in QEMU: built for Debian's kernels, loaded there, and tests/netns/test_assist.py run with it.
`--tag smoke` or NFQDN_VM_BRIEF=1 (make check): on one kernel, one case. NFQDN_VM_FULL=1: all smoke cases of the namespaces suite with the module, too,
loaded and unloaded a hundred times, and a million messages through it (else a few ten thousand). Other arguments: names of kernels out of tests/vm/kernels; none: all."""
import os
import sys

import vms

FULL = os.environ.get("NFQDN_VM_FULL") == "1"
SMOKE = vms.BRIEF or "smoke" in sys.argv[1:] or "smoke" in os.environ.get("NFQDN_TEST_TAGS", "").split(",")


def kernels():
    rows = vms.kernels(sys.argv[1:])
    return rows[-1:] if SMOKE else rows


def commands():
    """What to run, each with the module as it is shipped or, True, with the one that judges messages on request."""
    if SMOKE:
        return [(True, ["sh", "-c", "tests/netns/test_assist.py 'unrelated answers' && tests/dns/kmod_diff.sh"])]
    both = [(False, ["tests/netns/test_assist.py", "--tag", "module"]), (True, ["tests/dns/kmod_diff.sh"])]
    if FULL:
        both.append((False, ["env", "NFQDN_TEST_ASSIST=require", "tests/run", "--jobs", "2", "--suite", "netns", "--tag", "smoke"]))
    return both


def longer():
    """What the environment may make longer or shorter: tests/README.md."""
    made, mutations = ("1000000", "40") if FULL else ("5000", "1") if SMOKE else ("30000", "3")
    defaults = {"NFQDN_TEST_LOADS": "100" if FULL else "5", "NFQDN_DIFF_MESSAGES": made, "NFQDN_DIFF_MUTATIONS": mutations}
    return {"NFQDN_DIFF_LOADED": "1", **{name: os.environ.get(name, value) for name, value in defaults.items()}}


def run_kernel(kernel, report):
    modules = {}
    for tries in sorted({tries for tries, _ in commands()}):
        status, modules[tries], errors = vms.run(vms.HERE / "module", kernel, TRY="y" if tries else "")
        if status == vms.NO_PACKAGES:
            report(True, f"Linux {kernel} # SKIP {errors.strip()}")
            return
        report(status == 0, f"Linux {kernel}: the module builds without a warning{', with what tests need' if tries else ''}", errors)
        if status:
            return
    for tries, command in commands():
        status, output, errors = vms.boot(kernel, vms.HERE / "with-module", modules[tries].strip(), *command, VM_CPUS="1" if SMOKE else "2",
                                          **longer())
        if status == vms.NO_PACKAGES:
            report(True, f"Linux {kernel} # SKIP {errors.strip()}")
            return
        cases = vms.cases_of(output)
        for verdict, title, reason in cases:
            report(verdict != "not ok", f"Linux {kernel}: {title}{' # SKIP ' + reason if verdict == 'skip' else ''}")
        trouble = [line for line in errors.splitlines() if vms.TROUBLE.search(line)]
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
