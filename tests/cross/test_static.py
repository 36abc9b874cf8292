#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""One static binary each for nfqdnd and nfqdnctl, by musl: what they are, how large, and what they do.

The libraries' sources are Debian's, or lie in NFQDN_SOURCES; built ones are taken from NFQDN_STATIC_SYSROOT."""
import os
import pathlib
import subprocess
import sys

from builds import OUT, ROOT, Tap, make

BUDGET = {"nfqdnd": 720, "nfqdnctl": 260}  # KiB, stripped


def libraries(sysroot):
    """None, or why there are none."""
    done = subprocess.run([ROOT / "scripts/static-libraries", sysroot], capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


def said(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False).stdout.strip()


def test(tap, build):
    for name, budget in BUDGET.items():
        program = build / name
        head = said("readelf", "-lhd", program)
        tap.tell(f"{name} is one position-independent file that asks for no other",
                 head if "INTERP" in head or "(NEEDED)" in head or "DYN (" not in head else None)
        stripped = build / f"{name}.stripped"
        subprocess.run(["strip", "-o", stripped, program], check=True)
        size = stripped.stat().st_size
        tap.tell(f"{name}, stripped, has at most {budget} KiB", None if size <= budget * 1024 else f"it has {size} octets")
        print(f"# {name}: {size // 1024} KiB")
    checked = subprocess.run([build / "nfqdnd", "--check", "-c", ROOT / "scripts/nfqdn.conf"], capture_output=True, text=True, check=False)
    tap.tell("nfqdnd reads the configuration that is shipped", None if checked.returncode == 0 else checked.stdout + checked.stderr)


def main():
    tap = Tap()
    sysroot = pathlib.Path(os.environ.get("NFQDN_STATIC_SYSROOT", OUT / "static/sysroot"))
    why = None if (sysroot / "lib/libseccomp.a").exists() else libraries(sysroot)
    if why:
        tap.tell("static programs", skip=why)
        return tap.end()
    build = OUT / "static/build"
    wrong = make(build, "STATIC=1", "SMALL=1", f"CC=gcc -specs={sysroot}/musl-pie.specs", f"CPPFLAGS=-isystem {sysroot}/include",
                 f"pkgdatadir={ROOT}", "all",
                 environment={"PKG_CONFIG_LIBDIR": f"{sysroot}/lib/pkgconfig"})
    tap.tell("builds with warnings as errors", wrong)
    if not wrong:
        test(tap, build)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
