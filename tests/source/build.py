#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The build: hardening of the programs, flags given by hand, what is built again when, what is installed."""
import functools
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from tap import Skip, run as run_cases, titled  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("NFQDN_BUILD", ROOT / "build"))
SANITIZED = "-fsanitize" in (BUILD / ".flags").read_text() if (BUILD / ".flags").exists() else False


def run(*command, cwd=ROOT):
    environment = {k: v for k, v in os.environ.items() if k not in ("B", "MAKEFLAGS", "MFLAGS", "MAKELEVEL", "CFLAGS", "SAN", "WERROR")}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"{' '.join(command)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def copy_of_sources(folder):
    for name in ("Makefile", "daemon", "data", "kmod-optional", "scripts", "tests"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "corpus"))
        else:
            shutil.copy2(source, folder / name)


def hardened(folder):
    if SANITIZED:
        raise Skip("this build is for the sanitizers")
    for name in ("nfqdnd", "nfqdnctl", "nfqdn-replay"):
        program = str(BUILD / name)
        assert "DYN (Position-Independent" in run("readelf", "-hW", program), f"{name} is position independent"
        dynamic = run("readelf", "-dW", program)
        assert "BIND_NOW" in dynamic or " NOW" in dynamic, f"{name} binds at start"
        assert "GNU_RELRO" in run("readelf", "-lW", program), f"{name} has read-only relocations"
        symbols = run("readelf", "--dyn-syms", "-W", program)
        assert "__stack_chk_fail" in symbols, f"{name} has stack protection"
        assert "_chk@" in symbols, f"{name} is fortified"


def flags_by_hand(folder):
    out = run("make", "-n", "V=1", "B=one", "CFLAGS=-O1", "one/base/escape.o", cwd=folder)
    line = next(l for l in out.splitlines() if " -c " in l)
    for flag in ("-O1", "-std=gnu11", "-Wall", "-Wextra", "-fPIE", "-fstack-protector-strong", "-D_FORTIFY_SOURCE=2"):
        assert flag in line.split(), f"{flag} is missing in: {line}"
    assert "-O2" not in line.split(), line


def built(folder, *targets):
    """What make compiles for the targets: paths of sources."""
    out = run("make", "V=0", "B=two", *(f"two/{t}" for t in targets), cwd=folder)
    return sorted(line.split()[1] for line in out.splitlines() if line.strip().startswith("CC "))


def incremental(folder):
    objects = ("base/escape.o", "base/arena.o", "base/counters.o")
    assert len(built(folder, *objects)) == 3, "the first time all are built"
    assert built(folder, *objects) == [], "nothing is built twice"
    os.utime(folder / "daemon/base/escape.h")
    assert built(folder, *objects) == ["daemon/base/escape.c"], "a header brings what includes it"
    os.utime(folder / "daemon/base/arena.c")
    assert built(folder, *objects) == ["daemon/base/arena.c"], "a source brings itself"
    run("make", "B=two", "CFLAGS=-O1", "two/base/arena.o", cwd=folder)
    assert len(built(folder, *objects)) == 3, "other flags bring everything"


def own_build(folder):
    """A build folder with our programs: what installing makes beside them is not shared with tests that run meanwhile."""
    if SANITIZED:
        raise Skip("this build is for the sanitizers")
    build = folder / "build"
    build.mkdir()
    for name in ("nfqdnd", "nfqdnctl", "nfqdn-replay"):
        shutil.copy2(BUILD / name, build / name)
    return f"B={build}"


def files_of(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def installed(folder):
    build, target = own_build(folder), folder / "root"
    places = (f"DESTDIR={target}", "prefix=/usr")
    run("make", "-o", "all", build, *places, "install")
    found = files_of(target)
    for name in ("usr/sbin/nfqdnd", "usr/sbin/nfqdnctl", "usr/sbin/nfqdn-replay", "usr/share/man/man8/nfqdn-replay.8", "usr/share/bash-completion/completions/nfqdn-replay", "usr/sbin/nfqdn-update", "usr/share/nfqdn/data/intune.json", "usr/share/nfqdn/data/regions.json",
                 "etc/nfqdn/nfqdn.conf", "etc/nfqdn/nfqdn-update.conf", "usr/lib/sysusers.d/nfqdn.conf", "usr/lib/tmpfiles.d/nfqdn.conf",
                 "usr/lib/systemd/system/nfqdnd.service", "usr/lib/systemd/system/nfqdn-update.service", "usr/lib/systemd/system/nfqdn-update.timer",
                 "usr/share/bash-completion/completions/nfqdnctl", "usr/share/bash-completion/completions/nfqdnd"):
        assert name in found, f"{name} is not among {found}"
    service = (target / "usr/lib/systemd/system/nfqdn-update.service").read_text()
    assert "\nUser=nfqdn\n" in service and "ExecStart=/usr/sbin/nfqdn-update\n" in service, service
    out = run(str(target / "usr/sbin/nfqdnctl"), "catalog", "list", "--catalog", str(target / "usr/share/nfqdn/data"))
    assert "power-automate" in out, out
    edited = target / "etc/nfqdn/nfqdn.conf"
    edited.write_text(edited.read_text() + "# edited\n")
    run("make", "-o", "all", build, *places, "install")
    assert edited.read_text().endswith("# edited\n"), "what was edited stays when it is installed again"
    run("make", build, *places, "uninstall")
    assert files_of(target) == ["etc/nfqdn/nfqdn.conf"], files_of(target)
    edited.unlink()
    run("make", "-o", "all", build, *places, "install")
    run("make", build, *places, "uninstall")
    assert files_of(target) == [], "nothing stays behind"


def installed_procd(folder):
    build, target = own_build(folder), folder / "root"
    run("make", "-o", "all", build, f"DESTDIR={target}", "prefix=/usr", "INIT=procd", "install")
    found = files_of(target)
    assert "etc/init.d/nfqdnd" in found and not [f for f in found if "systemd" in f or "sysusers" in f or "tmpfiles" in f], found
    assert os.access(target / "etc/init.d/nfqdnd", os.X_OK), "it can be run"
    cron = (target / "usr/share/nfqdn/nfqdn-update.cron").read_text()
    assert " nfqdn /usr/sbin/nfqdn-update >/dev/null\n" in cron, cron
    run("make", build, f"DESTDIR={target}", "prefix=/usr", "uninstall")
    assert files_of(target) == [], files_of(target)


def installed_elsewhere(folder):
    """What starts nfqdnd and nfqdn-update names where they are, and nfqdn-update finds its own nfqdnd and nfqdnctl with a PATH like cron's."""
    build, prefix = own_build(folder), folder / "opt/nfqdn"
    places = (f"prefix={prefix}", f"sysconfdir={prefix}/etc")
    run("make", "-o", "all", build, *places, "INIT=none", "install")
    run("make", "-o", "all", build, *places, "install")
    cron = (prefix / "share/nfqdn/nfqdn-update.cron").read_text().splitlines()[-1]
    command = cron.split("nfqdn ", 1)[1].split()[0]
    assert command == str(prefix / "sbin/nfqdn-update"), cron
    assert f"ExecStart={command}\n" in (prefix / "lib/systemd/system/nfqdn-update.service").read_text()
    daemon = (prefix / "lib/systemd/system/nfqdnd.service").read_text()
    assert f"ExecStart={prefix}/sbin/nfqdnd -c {prefix}/etc/nfqdn/nfqdn.conf --boot /var/lib/nfqdn\n" in daemon, daemon
    assert f"CONFIG={prefix}/etc/nfqdn/nfqdn.conf\n" in (prefix / "sbin/nfqdn-update").read_text()
    settings = folder / "update.conf"
    (folder / "nfqdn.conf").write_text("gateway: {\n")
    # something to be made good: so that nfqdnd is asked, and tells what is wrong with the file
    (folder / "state").mkdir()
    (folder / "state/pending").touch()
    settings.write_text("".join(f'{k}="{v}"\n' for k, v in {"CONFIG": folder / "nfqdn.conf", "OVERLAY": folder / "overlay", "STATE": folder / "state",
                                                          "M365_IMPORT": "", "TAGS_IMPORT": ""}.items()))
    done = subprocess.run([command, settings], env={"PATH": "/usr/bin:/bin"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 1 and "nfqdn.conf:" in done.stdout and "not found" not in done.stdout, done.stdout
    run("make", build, *places, "uninstall")
    assert files_of(prefix) == [], "nothing stays behind"


CASES = [
    ("the programs are hardened: PIE, full RELRO, stack protector, FORTIFY", hardened),
    ("make CFLAGS=-O1 keeps the rest of the flags", flags_by_hand),
    ("what is built again: what changed, what includes it, everything when the flags change", incremental),
    ("make install and uninstall with DESTDIR and prefix; an edited configuration stays", installed),
    ("make install INIT=procd: an init script, and nothing of systemd", installed_procd),
    ("make install with another prefix: timer, cron line and nfqdn-update find what is there", installed_elsewhere),
]


def in_folder(function):
    with tempfile.TemporaryDirectory(prefix="nfqdn-build-") as name:
        folder = pathlib.Path(name)
        if function in (flags_by_hand, incremental):
            copy_of_sources(folder)
        function(folder)


def main():
    return run_cases(titled([(title, functools.partial(in_folder, function)) for title, function in CASES]))


if __name__ == "__main__":
    sys.exit(main())
