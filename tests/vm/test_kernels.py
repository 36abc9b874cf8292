#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The same tests on Debian's kernels in QEMU: of the namespaces suite the cases with the tag "kernel", and tests/vm/inside, which
needs loadable modules. NFQDN_VM_BRIEF=1 (make check): only those with the tag "brief", all kernels at once with a processor each. Each
case is reported by itself, with the kernel's name. Arguments: names of kernels out of tests/vm/kernels; none: all."""
import concurrent.futures
import sys

import vms

# `inside` takes modules away: after everything else.
TAGGED = "tests/run --jobs 2 --suite netns --tag kernel; failed=$?; tests/run --jobs 1 --suite inside && exit $failed"


def run(kernel):
    if vms.BRIEF:
        return vms.boot(kernel, vms.HERE / "brief", NFQDN_TEST_PATIENCE="5", VM_CPUS="1", VM_TIMEOUT="900")
    return vms.boot(kernel, "sh", "-c", TAGGED)


def report(number, verdict, title, reason=""):
    skip = f" # SKIP {reason}" if verdict == "skip" else ""
    print(f"{'not ok' if verdict == 'not ok' else 'ok'} {number} - {title}{skip}", flush=True)


def report_kernel(kernel, number, status, output, errors):
    """Reports the cases of one kernel; returns the number of the last case and whether something failed."""
    if status == vms.NO_PACKAGES:
        report(number + 1, "skip", f"Linux {kernel}", errors.strip().replace("\n", " "))
        return number + 1, False
    cases = vms.cases_of(output)
    for verdict, title, reason in cases:
        number += 1
        report(number, verdict, f"Linux {kernel}: {title}", reason)
    told = any(verdict == "not ok" for verdict, _, _ in cases)
    failed = told or status != 0 or not cases
    if failed:
        for line in (output + errors).splitlines():
            print(f"# {line}")
    if failed and not told:
        number += 1
        report(number, "not ok", f"Linux {kernel}: the suite ended with status {status}")
    return number, failed


def main():
    number, failed = 0, False
    kernels = vms.kernels(sys.argv[1:])
    with concurrent.futures.ThreadPoolExecutor(len(kernels) if vms.BRIEF else 1) as pool:
        for kernel, result in zip(kernels, pool.map(run, kernels)):
            number, one = report_kernel(kernel, number, *result)
            failed |= one
    print(f"1..{number}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
