#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The same sources make the same octets, in any folder, at any time and by any user's language."""
import filecmp
import shutil
import sys

from builds import OUT, ROOT, Tap, make

SOURCES = ("Makefile", "daemon", "data", "kmod-optional", "scripts", "tests/tests.mk")
MADE = ("nfqdnd", "nfqdnctl", "man/nfqdnd.8", "man/nfqdnctl.8", "man/nfqdn.conf.5", "nfqdn.bash")


def built(name, language):
    folder = OUT / "reproducible" / name
    shutil.rmtree(folder, ignore_errors=True)
    for source in SOURCES:
        copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
        (folder / source).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / source, folder / source)
    wrong = make("build", "CFLAGS=-O1 -g", "all", "documents", folder=folder, environment={"LC_ALL": language, "SOURCE_DATE_EPOCH": "0"})
    return folder / "build", wrong


def main():
    tap = Tap()
    first, wrong = built("one", "C")
    second, also_wrong = built("another/folder", "C.UTF-8")
    for name in MADE:
        tap.tell(f"{name} is the same from two folders", wrong or also_wrong or
                 (None if filecmp.cmp(first / name, second / name, shallow=False) else f"{first / name} and {second / name} differ"))
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
