#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a build may leave out: it builds with warnings as errors, its unit tests pass, it says what it lacks, and it learns all the same.

Each alone and all together; NFQDN_CROSS_FEATURES=all: every combination. =off: all left out, and no more."""
import itertools
import os
import subprocess
import sys

from builds import OUT, ROOT, Tap, failures, make

FEATURES = {"SECCOMP": "without seccomp", "LANDLOCK": "without Landlock", "ASSIST": "without kernel-assist", "BPF": None}
# What only this suite asks of each build; the rest is the same code everywhere.
BEHAVIOUR = (("test_doctor.py", "kernel lacks"), ("test_first_packet.py", "24 addresses"))


def combinations(wanted):
    every = [list(one) for number in range(1, len(FEATURES) + 1) for one in itertools.combinations(FEATURES, number)]
    if wanted == "all":
        return [without for without in every if "ASSIST" not in without or "BPF" in without]  # eBPF is a part of it
    return [without for without in every if len(without) == len(FEATURES) or (len(without) == 1 and wanted != "off")]


def unit_tests(build):
    """None, or what failed. Those that ask the kernel have their turn in the suite unit."""
    for program in sorted((build / "tests/unit").iterdir()):
        if not (program.is_file() and os.access(program, os.X_OK)):
            continue
        done = subprocess.run([str(program)], cwd=ROOT, env=dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP"), capture_output=True, text=True,
                              errors="backslashreplace", timeout=300, check=False)
        wrong = failures(done)
        if done.returncode != 0 or wrong:
            return "\n".join([program.name, *wrong, (done.stdout + done.stderr)[-1500:]])
    return None


def names_itself(build, without):
    said = subprocess.run([build / "nfqdnd", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    lacking = [text for text in filter(None, FEATURES.values()) if text in said]
    wanted = [text for text in map(FEATURES.get, without) if text]
    return None if lacking == wanted else f"{said}: not {wanted}"


def behaves(build):
    """None, or what failed in namespaces; without root nothing is asked."""
    if os.geteuid() != 0:
        return None
    for program, title in BEHAVIOUR:
        done = subprocess.run([ROOT / "tests/netns" / program, title], env=dict(os.environ, NFQDN_BUILD=str(build)), capture_output=True, text=True,
                              errors="backslashreplace", timeout=300, check=False)
        if done.returncode != 0 or not done.stdout.splitlines()[-1].startswith("ok 1"):
            return (done.stdout + done.stderr)[-3000:]
    return None


def main():
    tap = Tap()
    for without in combinations(os.environ.get("NFQDN_CROSS_FEATURES", "")):
        build = OUT / "-".join(("without", *without)).lower()
        title = "without " + ", ".join(name.lower() for name in without)
        wrong = make(build, "CFLAGS=-O0", *(f"WITH_{name}=no" for name in without), "all", "pure-programs", f"{build}/tests/unit/test_sandbox")
        tap.tell(f"{title}: builds with warnings as errors", wrong)
        if not wrong:
            tap.tell(f"{title}: --version says so", names_itself(build, without))
            tap.tell(f"{title}: its unit tests pass", unit_tests(build))
            tap.tell(f"{title}: an answer opens its addresses, doctor and the log tell what is left out", behaves(build))
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
