#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What `make install` puts beside the programs, as far as it can be run without the system it is for: units judged by systemd's own tools,
the procd script with a made-up rc.common, users and folders made in a root of their own, the configuration as delivered."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import tap  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("NFQDN_BUILD", ROOT / "build"))
# The exposure that we tell (README.md); 10 is a service without any restriction.
TOLD = {"nfqdnd.service": 2.1, "nfqdn-update.service": 1.3}
UNITS = "usr/lib/systemd/system"


def run(*command, ok=True, **options):
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options)
    assert not ok or done.returncode == 0, f"{command}: status {done.returncode}\n{done.stdout[-3000:]}"
    return done.stdout if ok else done


def install(folder):
    clean = {k: v for k, v in os.environ.items() if k not in ("B", "MAKEFLAGS", "MFLAGS", "MAKELEVEL", "CFLAGS", "SAN", "WERROR")}
    build, root = folder / "build", folder / "root"
    build.mkdir()
    for name in ("nfqdnd", "nfqdnctl", "nfqdn-replay"):
        shutil.copy2(BUILD / name, build / name)
    for init in ("procd", "systemd"):
        run("make", "-o", "all", f"B={build}", f"DESTDIR={root}", "prefix=/usr", f"INIT={init}", "install", cwd=ROOT, env=clean)
    return root


def exposure(unit, *options):
    return run("systemd-analyze", "security", "--offline=yes", "--no-pager", *options, unit, ok=False)


def units_verified(root):
    # what units of the system they are ordered by
    for path in pathlib.Path("/lib/systemd/system").glob("*.target"):
        shutil.copy2(path, root / UNITS / path.name)
    for name in ("nfqdnd.service", "nfqdn-update.service", "nfqdn-update.timer"):
        done = run("systemd-analyze", "verify", "--man=no", f"--root={root}", name, ok=False)
        assert done.returncode == 0 and done.stdout == "", f"{name}: {done.stdout}"
    broken = root / UNITS / "broken.service"
    broken.write_text((root / UNITS / "nfqdnd.service").read_text().replace("NoNewPrivileges", "NoNewPrivilege"))
    done = run("systemd-analyze", "verify", "--man=no", f"--root={root}", "broken.service", ok=False)
    assert "NoNewPrivilege" in done.stdout, "a mistake is seen"
    broken.unlink()


def units_hardened(root):
    for name, told in TOLD.items():
        unit = root / UNITS / name
        done = exposure(unit, f"--threshold={round(told * 10)}")
        assert done.returncode == 0, f"{name} is worse than {told}:\n{done.stdout}"
        assert f"{name}` {told}" in (ROOT / "README.md").read_text(), f"README.md tells {told} for {name}"
        softer = root / UNITS / ("softer-" + name)
        softer.write_text(unit.read_text().replace("PrivateDevices=true\n", ""))
        assert exposure(softer, f"--threshold={round(told * 10)}").returncode != 0, "a weaker unit is seen"
        softer.unlink()
    rows = json.loads(exposure(root / UNITS / "nfqdnd.service", "--json=short").stdout)
    capabilities = {r["name"] for r in rows if r["name"].startswith("CapabilityBoundingSet") and not r["set"]}
    assert len(capabilities) == 4, f"changing the user, reading its folder, nf_tables, eBPF: {capabilities}"


def before_the_network(root):
    unit = (root / UNITS / "nfqdnd.service").read_text()
    for line in ("DefaultDependencies=no", "Wants=network-pre.target", "Before=network-pre.target shutdown.target", "Conflicts=shutdown.target",
                 "Type=notify", "StartLimitIntervalSec=0", "ExecStart=/usr/sbin/nfqdnd -c /etc/nfqdn/nfqdn.conf --boot /var/lib/nfqdn",
                 "ExecReload=/usr/sbin/nfqdnctl reload"):
        assert line in unit.splitlines(), line


def user_and_folders(root):
    if os.geteuid() != 0:
        raise tap.Skip("root is needed")
    run("systemd-sysusers", f"--root={root}")
    rows = [l.split(":") for l in (root / "etc/passwd").read_text().splitlines()]
    user = next(r for r in rows if r[0] == "nfqdn")
    assert user[6] == "/usr/sbin/nologin" and int(user[2]) < 1000, user
    for _ in range(2):
        run("systemd-tmpfiles", f"--root={root}", "--create")
        for path, mode, uid in (("run/nfqdn", 0o775, 0), ("run/nfqdn.lock", 0o700, 0), ("var/lib/nfqdn", 0o750, int(user[2]))):
            found = (root / path).stat()
            assert (found.st_mode & 0o7777, found.st_uid) == (mode, uid), f"{path}: {found}"
        assert (root / "run/nfqdn").stat().st_gid == int(user[3]), "the daemon may remove its socket"


def delivered(root):
    """It passes, denies nothing, and names what there is."""
    config = (root / "etc/nfqdn/nfqdn.conf").read_text()
    file = root / "checked.conf"
    text = config.replace("gateway: {", f'gateway: {{ catalog = "{ROOT}/data";')
    file.write_text(text)
    run(BUILD / "nfqdnd", "-c", file, "--check")
    rules = run(BUILD / "nfqdnd", "-c", file, "--print-ruleset")
    denying = [line for line in rules.splitlines() if re.search(r"\b(drop|reject)\b", line)]
    assert not denying, denying
    file.write_text(text.replace('mode = "audit"', 'mode = "enforce"'))
    assert "reject" in run(BUILD / "nfqdnd", "-c", file, "--print-ruleset"), "enforce would deny"
    # the commented lines are right, too
    file.write_text(re.sub(r"^\t# (intune|power-bi|build|time): ", r"\t\1: ", text, flags=re.M))
    printed = run(BUILD / "nfqdnd", "-c", file, "--print-config")
    assert all(f"{name}: {{" in printed for name in ("intune", "power-bi", "build", "time")), printed[-800:]


RC_COMMON = r"""#!/bin/sh
# As OpenWrt's: sources the script, then runs what it is asked for; procd's functions tell how they were called.
initscript=$1
action=${2:-help}
ALL_COMMANDS="start stop reload enabled"
user_exists() { grep -qs "^$1:" "$FAKE/passwd"; }
group_add_next() { echo "$1:x:500:" >>"$FAKE/group"; echo 500; }
user_add() { echo "$1:x:500:$3:$4:$5:$6" >>"$FAKE/passwd"; }
procd_open_instance() { echo "open $*"; }
procd_set_param() { echo "param $*"; }
procd_close_instance() { echo "close"; }
. "$initscript"
case " $ALL_COMMANDS $EXTRA_COMMANDS " in
*" $action "*) ;;
*) echo "no such word: $action"; echo "$EXTRA_HELP"; exit 1 ;;
esac
case $action in
start | reload) "${action}_service" ;;
*) "$action" ;;
esac
"""


def procd(root):
    script = root / "etc/init.d/nfqdnd"
    run("shellcheck", "-s", "sh", script) if shutil.which("shellcheck") else None
    assert script.read_text().startswith("#!/bin/sh /etc/rc.common\n")
    fake, common = root / "fake", root / "rc.common"
    (fake / "bin").mkdir(parents=True)
    common.write_text(RC_COMMON)
    for name in ("nfqdnd", "nfqdnctl", "nfqdn-replay"):
        (fake / "bin" / name).write_text(f'#!/bin/sh\necho "ran {name} $*"\n')
        (fake / "bin" / name).chmod(0o755)
    tried = root / "tried"
    tried.write_text(script.read_text().replace("/usr/sbin/", f"{fake}/bin/"))

    def act(word, ok=True):
        return run("sh", common, tried, word, ok=ok, env={**os.environ, "FAKE": str(fake)})

    lines = act("start").splitlines()
    assert f"param command {fake}/bin/nfqdnd -c /etc/nfqdn/nfqdn.conf --boot /var/lib/nfqdn" in lines, lines
    assert lines[0] == "open " and lines[-1] == "close" and "param respawn 3600 1 0" in lines and "param stderr 1" in lines, lines
    assert (fake / "passwd").read_text().startswith("nfqdn:x:500:500:"), "the user is made"
    act("start")
    assert len((fake / "passwd").read_text().splitlines()) == 1, "once"
    assert act("reload") == "ran nfqdnctl reload\n"
    assert act("check") == "ran nfqdnd -c /etc/nfqdn/nfqdn.conf --check\n"
    assert act("flush") == "ran nfqdnd -c /etc/nfqdn/nfqdn.conf --flush\n"
    assert "check\tCheck" in act("nonsense", ok=False).stdout
    start = int(re.search(r"^START=(\d+)", script.read_text(), re.M).group(1))
    assert start < 19, "before the firewall (19) and the network (20)"


CASES = [
    ("systemd-analyze verify has nothing to say of the units", units_verified),
    ("systemd-analyze security: not worse, and not better, than is told", units_hardened),
    ("the unit comes before the network, tells when it is ready, and starts again as often as it takes", before_the_network),
    ("systemd-sysusers and systemd-tmpfiles make the user and its folders", user_and_folders),
    ("the configuration as delivered passes the check and denies nothing; so do its examples", delivered),
    ("the procd script: shellcheck, and each of its words with a made-up rc.common", procd),
]


def main():
    with tempfile.TemporaryDirectory(prefix="nfqdn-install-") as name:
        os.chmod(name, 0o755)
        return tap.run(tap.titled(CASES, install(pathlib.Path(name))))


if __name__ == "__main__":
    sys.exit(main())
