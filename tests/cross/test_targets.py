#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds nfqdn for the architectures of tests/cross/targets as an integrator does, and runs there, emulated, what asks no kernel.

NFQDN_CROSS names those wanted (else all), NFQDN_CROSS_PARTS what of them (else "sizes tests"; "size": of the whole
alone, for the budget). Results lie in build/cross/NAME; the table of sizes: build/cross/sizes."""
import concurrent.futures
import functools
import os
import pathlib
import shutil
import subprocess
import sys

from builds import OUT, ROOT, Tap, failures, make

PARTS = os.environ.get("NFQDN_CROSS_PARTS", "sizes tests").split()
SUITES = ("unit", "replay", "fuzz")
# Columns of the table of sizes: nfqdnd with all, and without what a target may leave out.
SMALLER = {"all": (), "-seccomp": ("SECCOMP",), "-landlock": ("LANDLOCK",), "-assist": ("ASSIST",), "-all three": ("SECCOMP", "LANDLOCK", "ASSIST")}


class Target:
    def __init__(self, line):
        self.name, self.prefix, self.emulator, budget, *how = line.split()
        self.static = how == ["static"]
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
        return self.make_static_tests("pure-programs") if self.static else self.make(self.build, "CFLAGS=-Os", "pure-programs")

    def make_static_tests(self, *goals, build=None):
        folder, without = cmocka(self), "libmnl libnetfilter_queue"
        return make(build or self.build, f"CC={self.prefix}-gcc", f"AR={self.prefix}-gcc-ar", "CFLAGS=-Os", "LDFLAGS=-static -no-pie", "PKG_CONFIG=pkg-config --static",
                    f"PURE_WITHOUT={without}" if folder else f"PURE_WITHOUT={without} cmocka", *goals,
                    environment={"PKG_CONFIG_LIBDIR": f"{folder}:/usr/lib/{self.prefix}/pkgconfig:/usr/share/pkgconfig"})

    def programs(self):
        found = sorted(p for suite in SUITES for p in (self.build / "tests" / suite).glob("*") if os.access(p, os.X_OK) and p.is_file())
        return [(p, None) if self.static or b"pthread_create" not in p.read_bytes() else self.threaded(p) for p in found]

    def threaded(self, program):
        """Such a program linked statically, and what keeps it from running: the emulator breaks threads of what the dynamic linker starts."""
        build = self.build / "threaded"
        path = build / program.relative_to(self.build)
        if cmocka(self) is None:
            return program, "Debian's emulator needs it linked statically, and there are no sources of cmocka"
        wrong = self.make_static_tests(str(path), build=build)
        return (path, None) if wrong is None else (program, f"it cannot be linked statically: {wrong.splitlines()[-1]}")

    def make_small(self, build, without=()):
        # WITH_BPF: the same with clang and without it.
        return self.make(build, "SMALL=1", "WITH_BPF=no", *(f"WITH_{name}=no" for name in without), f"{build}/nfqdnd", f"{build}/nfqdnctl")

    def stripped(self, build, program):
        path = build / f"{program}.stripped"
        subprocess.run([f"{self.prefix}-strip", "-o", path, build / program], check=True)
        return path.stat().st_size

    def sizes(self):
        """Of nfqdnd by column, and of nfqdnctl; or what make said."""
        found = {}
        for column, without in (SMALLER if "sizes" in PARTS else {"all": ()}).items():
            build = self.build / "-".join(("small", *without)).lower()
            wrong = self.make_small(build, without)
            if wrong:
                return None, wrong
            found[column] = self.stripped(build, "nfqdnd")
            if not without:
                found["nfqdnctl"] = self.stripped(build, "nfqdnctl")
        return found, None

    def run(self, program):
        """None, or the end of what it said."""
        arguments = [str(ROOT / "tests/fuzz/corpus" / program.name.removeprefix("fuzz_"))] if program.name.startswith("fuzz_") else []
        command = [f"{self.emulator}-static", "-L", f"/usr/{self.prefix}", "-E", f"LD_LIBRARY_PATH=/usr/lib/{self.prefix}", str(program),
                   *arguments]
        try:
            done = subprocess.run(command, cwd=ROOT, env=dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP"), capture_output=True, text=True,
                                  errors="backslashreplace", timeout=600, check=False)
        except subprocess.TimeoutExpired:
            return "out of time: 600 s"
        wrong = failures(done)
        return None if done.returncode == 0 and not wrong else "\n".join([*wrong, f"status {done.returncode}", (done.stdout + done.stderr)[-1500:]])


# What its own build finds out of every Linux.
CMOCKA_FLAGS = [f"-D{name}" for name in ("_GNU_SOURCE", "CMOCKA_EXPORTS", "HAVE_INTTYPES_H", "HAVE_MALLOC_H", "HAVE_SIGNAL_H", "HAVE_STRINGS_H", "HAVE_STDINT_H",
                                         "HAVE_UNISTD_H", "HAVE_TIME_H", "HAVE_STRUCT_TIMESPEC", "HAVE_CLOCK_GETTIME", "HAVE_CLOCK_GETTIME_REALTIME",
                                         "HAVE_STRSIGNAL", "HAVE_GCC_THREAD_LOCAL_STORAGE")]


@functools.lru_cache
def cmocka(target):
    """A folder with a cmocka.pc for a static library, of Debian's sources or those in NFQDN_SOURCES; None: there are none."""
    folder = OUT / "cmocka"
    folder.mkdir(parents=True, exist_ok=True)
    sources = pathlib.Path(os.environ.get("NFQDN_SOURCES", folder))
    if not list(sources.glob("cmocka*/src/cmocka.c")):
        subprocess.run([ROOT / "scripts/static-libraries", folder, "cmocka"], capture_output=True, check=False)
    found = list(sources.glob("cmocka*/src/cmocka.c")) + list(folder.glob("src/cmocka*/src/cmocka.c"))
    if not found:
        return None
    here = target.build / "cmocka"
    here.mkdir(parents=True, exist_ok=True)
    headers = [word for name in ("stdint", "stdarg", "stddef", "setjmp") for word in ("-include", f"{name}.h")]
    subprocess.run([f"{target.prefix}-gcc", "-O1", "-w", f"-I{found[0].parents[1]}/include", *headers, *CMOCKA_FLAGS, "-c", found[0], "-o", here / "cmocka.o"], check=True)
    subprocess.run([f"{target.prefix}-ar", "rcs", here / "libcmocka.a", here / "cmocka.o"], check=True)
    (here / "cmocka.pc").write_text(f"Name: cmocka\nDescription: static\nVersion: 1\nLibs: -L{here} -lcmocka\nCflags: -I{found[0].parents[1]}/include\n")
    return here


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
    grown = max(columns) > columns[0] or min(columns[:-1]) <= columns[-1]
    tap.tell(f"{target.name}: what is left out makes it smaller", str(size) if grown else None)


def test(target, tap, table):
    reason = target.missing()
    if reason:
        tap.tell(f"{target.name}: builds", skip=reason)
        return
    if {"size", "sizes"} & set(PARTS):
        test_sizes(target, tap, table)
    if target.emulators and "tests" in PARTS:
        test_programs(target, tap)


def test_programs(target, tap):
    wrong = target.make_tests()
    tap.tell(f"{target.name}: its tests build with warnings as errors", wrong)
    if wrong:
        return
    programs = target.programs()
    runs = [program for program, skip in programs if not skip]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        said = dict(zip(runs, pool.map(target.run, runs)))
    for program, skip in programs:
        tap.tell(f"{target.name}: {program.parent.name}/{program.name}", said.get(program), skip)


def written(table):
    """KiB, stripped."""
    columns = [column for column in (*SMALLER, "nfqdnctl") if all(column in size for _, size in table)]
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
