#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds nfqdn for the architectures of tests/cross/targets as an integrator does, and runs there, emulated, what asks no kernel.

NFQDN_CROSS names those wanted (else all), NFQDN_CROSS_PARTS what of them (else "sizes tests"; "size": of the whole
alone, for the budget), NFQDN_CROSS_TESTS of which the tests (else all). Results lie in build/cross/NAME; the table of sizes: build/cross/sizes."""
import concurrent.futures
import itertools
import os
import pathlib
import shutil
import subprocess
import sys

from builds import OUT, ROOT, Tap, failures, make

PARTS = os.environ.get("NFQDN_CROSS_PARTS", "sizes tests").split()
TESTED = os.environ.get("NFQDN_CROSS_TESTS", "").split()
SUITES = ("unit", "replay", "fuzz")
SECONDS = 600 * float(os.environ.get("NFQDN_TEST_PATIENCE", "1"))
# Columns of the table of sizes: nfqdnd with all, and without what a target may leave out.
SMALLER = {"all": (), "-seccomp": ("SECCOMP",), "-landlock": ("LANDLOCK",), "-assist": ("ASSIST",), "-all three": ("SECCOMP", "LANDLOCK", "ASSIST")}


class Target:
    def __init__(self, line):
        self.name, self.prefix, self.emulator, budget = line.split()
        self.budget = int(budget) * 1024
        self.emulators = [] if self.emulator == "-" else [f"{self.emulator}-static"]
        self.build = OUT / self.name

    def missing(self):
        """What this machine lacks, or None."""
        for tool in (f"{self.prefix}-gcc", f"{self.prefix}-strip", *self.emulators):
            if not shutil.which(tool):
                return f"{tool} is not installed (scripts/install-deps cross)"
        if not pathlib.Path(f"/usr/lib/{self.prefix}/pkgconfig/libnftnl.pc").exists():
            return f"the libraries for {self.name} are not installed (scripts/install-deps cross)"
        return None

    def make(self, build, *goals):
        """None, or the end of what make said."""
        # pkg-config must not find this machine's own libraries; nothing else is told.
        return make(build, f"CC={self.prefix}-gcc", f"AR={self.prefix}-gcc-ar", *goals,
                    environment={"PKG_CONFIG_LIBDIR": f"/usr/lib/{self.prefix}/pkgconfig:/usr/share/pkgconfig"})

    def make_tests(self):
        return self.make(self.build, "CFLAGS=-Os", "pure-programs")

    def programs(self):
        return sorted(p for suite in SUITES for p in (self.build / "tests" / suite).glob("*") if os.access(p, os.X_OK) and p.is_file())

    def make_small(self, build, without=()):
        # WITH_BPF: the same with clang and without it.
        return self.make(build, "SMALL=1", "WITH_BPF=no", *(f"WITH_{name}=no" for name in without), f"{build}/nfqdnd", f"{build}/nfqdnctl")

    def stripped(self, build, program):
        path = build / f"{program}.stripped"
        subprocess.run([f"{self.prefix}-strip", "-o", path, build / program], check=True)
        return path.stat().st_size

    def hole(self, build):
        """Zeros in nfqdnd's file up to the page that is mapped for writing: by chance from none to 64 KiB, so that they would hide what grows."""
        said = subprocess.run(["readelf", "-lW", build / "nfqdnd.stripped"], capture_output=True, text=True, check=True).stdout
        parts = [[int(row.split()[column], 16) for column in (1, 4)] for row in said.splitlines() if row.split()[:1] == ["LOAD"]]
        return sum(start - sum(before) for before, (start, _) in itertools.pairwise(parts))

    def sizes(self):
        """Of nfqdnd by column, and of nfqdnctl; or what make said."""
        found = {}
        for column, without in (SMALLER if "sizes" in PARTS else {"all": ()}).items():
            build = self.build / "-".join(("small", *without)).lower()
            wrong = self.make_small(build, without)
            if wrong:
                return None, wrong
            whole = self.stripped(build, "nfqdnd")
            hole = self.hole(build)
            found[column] = whole - hole
            if not without:
                found["hole"] = hole
                found["nfqdnctl"] = self.stripped(build, "nfqdnctl")
        return found, None

    def run(self, program):
        """None, or the end of what it said."""
        arguments = [str(ROOT / "tests/fuzz/corpus" / program.name.removeprefix("fuzz_"))] if program.name.startswith("fuzz_") else []
        # The loader and the libraries of the architecture's own packages: those of the cross compiler are of another build of the C library, and
        # a loader of one with the libraries of the other ends by "stack smashing detected", or never.
        command = [f"{self.emulator}-static", str(program), *arguments]
        try:
            done = subprocess.run(command, cwd=ROOT, env=dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP"), capture_output=True, text=True,
                                  errors="backslashreplace", timeout=SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return f"out of time: {SECONDS:.0f} s"
        wrong = failures(done)
        return None if done.returncode == 0 and not wrong else "\n".join([*wrong, f"status {done.returncode}", (done.stdout + done.stderr)[-1500:]])


def test_sizes(target, tap, table):
    size, wrong = target.sizes()
    tap.tell(f"{target.name}: builds as firmware does, with warnings as errors, whatever is left out", wrong)
    if wrong:
        return
    table.append((target.name, size))
    over = size["all"] > target.budget
    tap.tell(f"{target.name}: nfqdnd, stripped, has at most {target.budget // 1024} KiB", f"it has {size['all']} octets" if over else None)
    if "sizes" not in PARTS:
        return
    columns = [size[column] for column in SMALLER]
    # One alone moves what the linker inlines: on arm64 1.6 % more without Landlock, which the hole had hidden.
    grown = max(columns) > columns[0] * 1.02 or min(columns[:-1]) <= columns[-1]
    tap.tell(f"{target.name}: without all three it is smallest, without one not larger by more than chance", str(size) if grown else None)


def test(target, tap, table):
    reason = target.missing()
    if reason:
        tap.tell(f"{target.name}: builds", skip=reason)
        return
    if {"size", "sizes"} & set(PARTS):
        test_sizes(target, tap, table)
    if target.emulators and "tests" in PARTS and target.name in (TESTED or [target.name]):
        test_programs(target, tap)


def test_programs(target, tap):
    wrong = target.make_tests()
    tap.tell(f"{target.name}: its tests build with warnings as errors", wrong)
    if wrong:
        return
    programs = target.programs()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for program, said in zip(programs, pool.map(target.run, programs)):
            tap.tell(f"{target.name}: {program.parent.name}/{program.name}", said)


def written(table):
    """KiB, stripped."""
    columns = [column for column in (*SMALLER, "hole", "nfqdnctl") if all(column in size for _, size in table)]
    lines = [f"{'':10}" + "".join(f"{column:>12}" for column in columns)]
    lines += [f"{name:10}" + "".join(f"{size[column] / 1024:12.0f}" for column in columns) for name, size in table]
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "sizes").write_text("".join(f"{line}\n" for line in lines))
    return lines


def main():
    wanted = os.environ.get("NFQDN_CROSS", "").split()
    lines = [line for line in (ROOT / "tests/cross/targets").read_text().splitlines() if line and not line.startswith("#")]
    tap, table = Tap(), []
    for target in map(Target, lines):
        if not wanted or target.name in wanted:
            test(target, tap, table)
    for line in written(table):
        print(f"# {line}")
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
