#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The Debian package: built by `make deb`, then installed, upgraded, removed and purged in a copy of this system that nobody else sees
(an overlay over /, in mount, process and network namespaces of its own). The service manager is made up: it writes down what it is told."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("NFQDN_BUILD", ROOT / "build"))
SANITIZED = "-fsanitize" in (BUILD / ".flags").read_text() if (BUILD / ".flags").exists() else False


class Skip(Exception):
    pass


def run(*command, **options):
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options)
    assert done.returncode == 0, f"{command}: status {done.returncode}\n{done.stdout[-4000:]}"
    return done.stdout


def build(folder):
    """The package, of the programs that are built already."""
    clean = {k: v for k, v in os.environ.items() if k not in ("B", "MAKEFLAGS", "MFLAGS", "MAKELEVEL", "CFLAGS", "SAN", "WERROR")}
    run("make", f"B={folder}/b", "deb", cwd=ROOT, env={**clean, "NFQDN_PREBUILT": str(BUILD), "DEB_BUILD_OPTIONS": "noautodbgsym nostrip"})
    return next((folder / "b/deb").glob("nfqdn_*.deb"))


def repacked(folder, package, version):
    run("dpkg-deb", "-R", package, folder / "unpacked")
    control = folder / "unpacked/DEBIAN/control"
    control.write_text(re.sub(r"^Version: .*$", f"Version: {version}", control.read_text(), flags=re.M))
    run("dpkg-deb", "-b", folder / "unpacked", folder / "newer.deb")
    return folder / "newer.deb"


def contents(case):
    fields = run("dpkg-deb", "-f", case.package)
    depends = re.search(r"^Depends: (.*)$", fields, re.M).group(1)
    needed = set()
    for program in ("nfqdnd", "nfqdnctl", "nfqdn-replay"):
        needed |= set(re.findall(r"NEEDED.*\[(\S+?)\.so", run("readelf", "-dW", BUILD / program)))
    assert {"libmnl", "libnftnl", "libjansson"} <= needed, needed
    for library in needed - {"ld-linux-x86-64", "libc"}:
        assert re.search(rf"\b{library.replace('_', '-')}\d*\b", depends), f"{library} is not among: {depends}"
    assert "systemd-sysusers" in depends, depends
    conffiles = run("dpkg-deb", "-I", case.package, "conffiles").split()
    assert sorted(conffiles) == ["/etc/nfqdn/nfqdn-update.conf", "/etc/nfqdn/nfqdn.conf"], conffiles
    files = run("dpkg-deb", "-c", case.package)
    for name in ("/usr/sbin/nfqdnd", "/usr/sbin/nfqdn-replay", "/usr/share/man/man8/nfqdn-replay.8.gz", "/usr/share/man/man8/nfqdnd.8.gz", "/usr/share/man/man5/nfqdn.conf.5.gz", "/lib/systemd/system/nfqdnd.service",
                 "/usr/share/bash-completion/completions/nfqdnctl", "/usr/share/nfqdn/data/intune.json", "/usr/lib/sysusers.d/nfqdn.conf"):
        assert f".{name}\n" in files, f"{name} is not in the package"
    assert "/usr/local" not in files and "/build/" not in files, files


# Everything that happens inside; each answer is one line of JSON, read by the cases.
INSIDE = r"""
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive
tell() { name=$1; shift; printf '%s\t%s\n' "$name" "$(echo "$*" | tr '\n' ' ' | sed 's/ $//')" >>/answers; }
listed() { for path in /usr/sbin/nfqdnd /usr/sbin/nfqdn-replay /usr/share/nfqdn /lib/systemd/system/nfqdnd.service /etc/nfqdn/nfqdn.conf /var/lib/nfqdn/learned /var/lib/nfqdn/catalog/own.json /run/nfqdn; do
	[ ! -e $path ] || printf '%s ' $path; done; }
mkdir -p /run/systemd/system
for name in systemctl deb-systemd-invoke; do
	rm -f /usr/bin/$name /bin/$name
	printf '#!/bin/sh\necho "%s $*" >>/told\n' $name >/usr/bin/$name
	chmod 755 /usr/bin/$name
done
: >/told
# the programs were built for another prefix
mkdir -p /usr/local/share && ln -s /usr/share/nfqdn /usr/local/share/nfqdn
ip link set lo up

dpkg -i /first.deb >/dpkg.log 2>&1 || { cat /dpkg.log; exit 1; }
tell install.files "$(listed)"
tell install.told "$(grep -v daemon-reload /told || true)"
tell install.user "$(getent passwd nfqdn)"
tell install.folders "$(stat -c '%n %a %U %G' /run/nfqdn /run/nfqdn.lock /var/lib/nfqdn | tr '\n' ' ')"
tell install.enabled "$(find /etc/systemd/system -name 'nfqdn*' | tr '\n' ' ')"

# as delivered, and with the unit's capabilities
setpriv --bounding-set -all,+net_admin,+setuid,+setgid,+setpcap,+dac_read_search --no-new-privs \
	nfqdnd -c /etc/nfqdn/nfqdn.conf --boot /var/lib/nfqdn >/daemon.log 2>&1 &
daemon=$!
nfqdnctl wait ready --timeout 60 >/dev/null || { cat /daemon.log; exit 1; }
tell run.mode "$(nfqdnctl status --json | tr -d ' \n' | grep -o '"mode":"[a-z]*"')"
tell run.user "$(ps -o user= -p $daemon)"
kill $daemon; wait $daemon || { cat /daemon.log; exit 1; }
tell run.tables "$(nft list tables)"
runuser -u nfqdn -- sh -c 'mkdir -p /var/lib/nfqdn/catalog; echo {} >/var/lib/nfqdn/catalog/own.json'
echo '# edited' >>/etc/nfqdn/nfqdn.conf

: >/told
dpkg -i /second.deb >>/dpkg.log 2>&1 || { cat /dpkg.log; exit 1; }
tell upgrade.files "$(listed)"
tell upgrade.edited "$(tail -n 1 /etc/nfqdn/nfqdn.conf)"
tell upgrade.told "$(grep -v daemon-reload /told || true)"
tell upgrade.tables "$(nft list tables)"

: >/told
dpkg -r nfqdn >>/dpkg.log 2>&1 || { cat /dpkg.log; exit 1; }
tell remove.files "$(listed)"
tell remove.told "$(grep -v daemon-reload /told || true)"
tell remove.tables "$(nft list tables)"

dpkg -P nfqdn >>/dpkg.log 2>&1 || { cat /dpkg.log; exit 1; }
tell purge.files "$(listed)"
tell purge.status "$(dpkg-query -W nfqdn 2>/dev/null || true)"
rm -rf /usr/local/share/nfqdn /run/systemd
"""

# In a mount namespace of its own: the copy, and what changed in it at the end.
OUTSIDE = r"""
set -eu
cd "$1"
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$1/mnt"
mkdir mnt/upper mnt/work mnt/root
mount -t overlay -o lowerdir=/,upperdir=mnt/upper,workdir=mnt/work overlay mnt/root || exit 77
for folder in run tmp; do mount -t tmpfs -o mode=755 tmpfs mnt/root/$folder; done
mount --rbind /dev mnt/root/dev
cp inside.sh first.deb second.deb mnt/root/
status=0
# process 1 of its namespace: nothing is left of it, and to itself it is in no chroot
unshare --pid --fork --kill-child chroot mnt/root sh -c 'mount -t proc proc /proc && exec sh /inside.sh' || status=$?
cp mnt/root/answers . 2>/dev/null || true
[ $status -eq 0 ] || { cat mnt/root/dpkg.log mnt/root/daemon.log 2>/dev/null; exit $status; }
# what is there now and was not before, and not a folder that was
find mnt/upper ! -type d ! -type c -printf '/%P\n' >left
find mnt/upper -type d -printf '/%P\n' | while read -r path; do [ -d "$path" ] || echo "$path"; done >>left
find mnt/root/run -mindepth 1 -printf '/run/%P\n' >>left
"""


def play(case, folder):
    if os.geteuid() != 0:
        raise Skip("root is needed")
    (folder / "mnt").mkdir()
    shutil.copy2(case.package, folder / "first.deb")
    shutil.copy2(repacked(folder, case.package, "0.1.1"), folder / "second.deb")
    (folder / "inside.sh").write_text(INSIDE)
    done = subprocess.run(["unshare", "--mount", "--net", "sh", "-c", OUTSIDE, "sh", str(folder)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=500, check=False)
    if done.returncode == 77:
        raise Skip(f"no overlay over / here: {done.stdout}")
    assert done.returncode == 0, done.stdout[-5000:]
    case.answers = dict(line.split("\t", 1) for line in (folder / "answers").read_text().splitlines())
    case.left = (folder / "left").read_text().split()


def installed(case):
    a = case.answers
    assert a["install.files"].split() == ["/usr/sbin/nfqdnd", "/usr/sbin/nfqdn-replay", "/usr/share/nfqdn", "/lib/systemd/system/nfqdnd.service", "/etc/nfqdn/nfqdn.conf", "/run/nfqdn"], a["install.files"]
    assert a["install.told"] == "" and a["install.enabled"] == "", f"nothing is started or enabled: {a}"
    assert a["install.user"].startswith("nfqdn:") and a["install.user"].endswith("/usr/sbin/nologin"), a["install.user"]
    assert a["install.folders"].split() == "/run/nfqdn 775 root nfqdn /run/nfqdn.lock 700 root root /var/lib/nfqdn 750 nfqdn nfqdn".split(), a["install.folders"]


def runs(case):
    a = case.answers
    assert a["run.mode"].startswith('"mode":"audit"') and a["run.user"].strip() == "nfqdn", a
    assert a["run.tables"] == "table inet nfqdn", "the table outlives the daemon"


def upgraded(case):
    a = case.answers
    assert "/var/lib/nfqdn/learned" in a["upgrade.files"] and "/var/lib/nfqdn/catalog/own.json" in a["upgrade.files"], a["upgrade.files"]
    assert a["upgrade.edited"] == "# edited" and a["upgrade.tables"] == "table inet nfqdn", a
    assert a["upgrade.told"].startswith("deb-systemd-invoke try-restart ") and "nfqdnd.service" in a["upgrade.told"] and "stop" not in a["upgrade.told"], a["upgrade.told"]


def removed(case):
    a = case.answers
    assert a["remove.files"].split() == ["/etc/nfqdn/nfqdn.conf", "/var/lib/nfqdn/learned", "/var/lib/nfqdn/catalog/own.json", "/run/nfqdn"], a["remove.files"]
    assert "deb-systemd-invoke stop" in a["remove.told"] and "nfqdnd.service" in a["remove.told"], a["remove.told"]
    assert a["remove.tables"] == "", "nobody learns any more, so nothing is denied"


def purged(case):
    a = case.answers
    assert a["purge.files"] == "" and a["purge.status"] == "", a
    # the records of users (kept, as Debian does: its number must not become another's), of dpkg, and what this test made
    ours = re.compile(r"/(etc/(passwd|group|g?shadow)-?|etc/subuid-?|etc/subgid-?|etc/\.pwd\.lock|var/lib/dpkg/.*|var/log/.*|var/cache/.*|answers|told|dpkg\.log|daemon\.log|"
                      r"inside\.sh|first\.deb|second\.deb|usr/s?bin/(systemctl|deb-systemd-invoke)|usr/local/share|run/mount|run/lock.*)$")
    left = [path for path in case.left if not ours.match(path) or "nfqdn" in path]
    assert not left, left


CASES = [
    ("make deb: the libraries of the programs are its dependencies, the two configurations its conffiles", contents),
    ("installed: user and folders are there, nothing is started or enabled", installed),
    ("as delivered nfqdnd starts, as its own user, and audits", runs),
    ("an upgrade keeps the edited configuration, what was learned and imported lists, and starts anew what runs", upgraded),
    ("removed: stopped, the table gone, configuration and state kept", removed),
    ("purged: nothing is left", purged),
]


class Case:
    package, answers, left = None, {}, []


def main():
    print(f"1..{len(CASES)}")
    failed, skip, case = False, None, Case()
    with tempfile.TemporaryDirectory(prefix="nfqdn-deb-") as name:
        os.chmod(name, 0o755)
        folder = pathlib.Path(name)
        try:
            if SANITIZED or not shutil.which("dh"):
                raise Skip("this build is for the sanitizers" if SANITIZED else "debhelper is needed")
            case.package = build(folder)
        except Skip as reason:
            skip = reason
        for number, (title, function) in enumerate(CASES, 1):
            try:
                if skip:
                    raise skip
                if function is installed:
                    try:
                        play(case, folder)
                    except Skip as reason:
                        skip = reason
                        raise
                function(case)
                print(f"ok {number} - {title}", flush=True)
            except Skip as reason:
                print(f"ok {number} - {title} # SKIP {reason}", flush=True)
            except (AssertionError, OSError, KeyError, subprocess.SubprocessError):
                failed = True
                print(f"not ok {number} - {title}")
                print("".join(f"# {line}\n" for line in traceback.format_exc().splitlines()), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
