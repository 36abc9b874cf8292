#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Each combination of what a build may leave out: it builds with warnings as errors, its unit tests pass, it says what it lacks."""
import itertools
import os
import subprocess
import sys

from builds import OUT, ROOT, Tap, make

FEATURES = {"SECCOMP": "without seccomp", "LANDLOCK": "without Landlock", "ASSIST": "without kernel-assist"}


def unit_tests(build):
    """None, or what failed. Those that ask the kernel have their turn in the suite unit."""
    for program in sorted((build / "tests/unit").iterdir()):
        if not (program.is_file() and os.access(program, os.X_OK)):
            continue
        done = subprocess.run([str(program)], cwd=ROOT, env=dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP"), capture_output=True, text=True,
                              errors="backslashreplace", timeout=300, check=False)
        wrong = [line for line in done.stdout.splitlines() if line.startswith("not ok")]
        if done.returncode != 0 or wrong:
            return "\n".join([program.name, *wrong, (done.stdout + done.stderr)[-1500:]])
    return None


def names_itself(build, without):
    said = subprocess.run([build / "nfqdnd", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    lacking = [text for name, text in FEATURES.items() if text in said]
    wanted = [FEATURES[name] for name in without]
    return None if lacking == wanted else f"{said}: not {wanted}"


def main():
    tap = Tap()
    for number in range(1, len(FEATURES) + 1):
        for without in itertools.combinations(FEATURES, number):
            build = OUT / "-".join(("without", *without)).lower()
            title = "without " + ", ".join(name.lower() for name in without)
            wrong = make(build, "CFLAGS=-O0", *(f"WITH_{name}=no" for name in without), "all", "pure-programs")
            tap.tell(f"{title}: builds, says so, and its unit tests pass", wrong or names_itself(build, without) or unit_tests(build))
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
