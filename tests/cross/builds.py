# SPDX-License-Identifier: GPL-2.0-or-later
"""What the programs of this suite share: a folder for builds, make, and TAP."""
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = pathlib.Path(os.environ.get("NFQDN_CROSS_BUILD", ROOT / "build/cross"))


def make(build, *goals, folder=ROOT, environment=None):
    """None, or the end of what make said."""
    environment = dict(os.environ, **(environment or {}))
    environment.pop("MAKEFLAGS", None)
    done = subprocess.run(["make", f"-j{os.cpu_count() or 1}", "WERROR=1", f"B={build}", *goals], cwd=folder, env=environment,
                          capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else done.stderr[-2000:]


def failures(done):
    """The lines of a cmocka program that tell of one; a skipped case is `not ok` there, too."""
    return [line for line in done.stdout.splitlines() if line.startswith("not ok") and "# SKIP" not in line]


class Tap:
    def __init__(self):
        self.count, self.failed = 0, False

    def tell(self, title, wrong=None, skip=None):
        self.count += 1
        self.failed |= bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {self.count} - {title}" + (f" # SKIP {skip}" if skip else ""))
        for line in (wrong or "").splitlines():
            print(f"# {line}")
        sys.stdout.flush()

    def end(self):
        print(f"1..{self.count}")
        return 1 if self.failed else 0
