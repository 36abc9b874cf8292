#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What firmware has: a root that is read-only, no /tmp, flash that wears out, a clock that is wrong until somebody tells the time, and a vendor's own
ruleset that is loaded anew all the time."""
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from netns import BUILD, NFQDND, PATIENCE, ROOT, Raw, Skip, case, check, element, expect, give, main, until  # noqa: E402

WEB = 'web: { names = "*.example.net"; addresses = "20.99.0.0/24"; };'
ZONE = {"www.example.net": ["20.121.0.1"], "other.example.net": ["20.121.0.2"], "*.late.example.net": "20.121.0.9"}
DAY = 86400


def sanitized():
    return b"__asan_init" in pathlib.Path(NFQDND).read_bytes()


def world(t):
    t.simple()
    t.dns(t.inet, ZONE, ttl=600)


# ---- a root that is read-only ----

# $0: the case's folder. Its parts are mounted where firmware has them, and all else is read-only, with nothing in /tmp.
FIRMWARE = """set -e
mount --make-rprivate /
mount -t tmpfs none /var/lib
mkdir /var/lib/nfqdn /var/lib/etc /var/lib/build /var/lib/source
mount --bind "$0/state" /var/lib/nfqdn
mount --bind "$0/etc" /var/lib/etc
mount --bind "$BUILD" /var/lib/build
mount --bind "$ROOT" /var/lib/source
mount -t tmpfs none /run
mkdir /run/nfqdn
mount --bind "$0/run" /run/nfqdn
mount -t tmpfs none /var/tmp
mount -t tmpfs none /tmp
cut -d' ' -f5 /proc/self/mountinfo | while read -r place; do
    case $place in
    /var/lib/nfqdn | /run/nfqdn | /proc* | /sys* | /dev*) ;;
    *) mount -o remount,bind,ro "$place" 2>/dev/null || true ;;
    esac
done
for folder in / /etc /tmp /var/tmp /var/lib /var/lib/etc /run; do
    if touch $folder/no 2>/dev/null; then echo "$folder can be written"; exit 9; fi
done
exec "$@"
"""
# The lock of two daemons is in the second where /run can be written, and goes without where not (table_lock.h).
PLACES = ("/var/lib/nfqdn", "/run/nfqdn", "/run/nfqdn.lock", "/dev/null", "/dev/tty")


def firmware(t, inbound=""):
    """Folders and configuration of a gateway whose root is read-only; its daemon is not started yet."""
    d = t.gateway(allow=WEB, state_interval=1)
    d.stop()
    t.gw.nft("delete table inet nfqdn")
    for name in ("etc", "run", "state/catalog", "state/update"):
        (d.folder / name).mkdir()
        give(d.folder / name)
    text = t.config(allow=WEB, inbound=inbound, control="/run/nfqdn/control.sock", state="/var/lib/nfqdn", state_interval=1,
                    catalog=["/var/lib/source/data", "/var/lib/nfqdn/catalog"])
    (d.folder / "etc/nfqdn.conf").write_text(text, encoding="utf-8")
    d.socket_path = d.folder / "run/control.sock"
    return d


def inside(d, *words, trace=None):
    """The command there. A trace is made inside, since names of files are told as its maker's root has them; its own file is open before."""
    traced = ["strace", "-f", "-y", "-qq", "-e", "trace=%file", "-o", "/proc/self/fd/9"] if trace else []
    return ["sh", "-c", 'exec 9>"$1"; shift; exec unshare --mount sh -c "$0" "$@"', FIRMWARE, str(trace or "/dev/null"), str(d.folder), *traced, *words]


def boot(d, trace=None):
    with open(d.log_path, "ab") as log:
        d.process = d.net.popen(inside(d, "/var/lib/build/nfqdnd", "-c", "/var/lib/etc/nfqdn.conf", trace=trace), stdout=log, stderr=log,
                                env=dict(os.environ, BUILD=str(BUILD), ROOT=str(ROOT)))
    d.ended = False
    d.wait_ready(30)


def written(trace, start):
    """What a trace with -y says was to be written, made, moved, removed or changed once `start` was executed, also where that was refused."""
    found = set()
    for line in trace.read_text(errors="replace").split(start, 1)[1].splitlines()[1:]:
        call = re.match(r"\d+ +(\w+)\(", line)
        if not call or call.group(1) not in WRITES or re.search(r" = -1 E(EXIST|NOENT) ", line) or (call.group(1).startswith("open") and not re.search(r"O_(WRONLY|RDWR|CREAT|TRUNC)", line)):
            continue
        for folder, name in re.findall(r'(?:(?:AT_FDCWD|\d+)(?:<([^>]*)>)?, )?"([^"]*)"', line.split(") = ")[0]):
            found.add(name if name.startswith("/") else f"{folder or '.'}/{name}")
    return found


WRITES = {"open", "openat", "openat2", "creat", "mkdir", "mkdirat", "rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir", "link", "linkat",
          "symlink", "symlinkat", "truncate", "chmod", "fchmodat", "chown", "fchownat", "lchown", "mknod", "mknodat", "utimensat"}


def elsewhere(found):
    return sorted(path for path in found if not any(path == place or path.startswith(place + "/") for place in PLACES))


@case("on a read-only root without /tmp it starts, teaches, reloads and keeps its state: nothing is written outside the state and the socket's folder", seconds=120)
def read_only(t):
    if sanitized() or not shutil.which("strace"):
        raise Skip("a sanitizer writes, too" if sanitized() else "strace is needed")
    world(t)
    d = firmware(t)
    trace = d.folder / "trace"
    boot(d, trace)
    t.client.lookup("10.2.0.2", "www.example.net")
    expect(t.client.tcp("20.121.0.1").result, "open", "what an answer taught")
    count = d.counters()["state_written"]
    until(lambda: d.counters()["state_written"] >= count + 2, "the state is written")
    d.reload()
    os.kill(int(next(line.split()[0] for line in trace.read_text().splitlines() if 'execve("/var/lib/build/nfqdnd"' in line)), signal.SIGTERM)
    expect(d.process.wait(30 * PATIENCE), 0, "its end")
    d.ended = True
    check("www.example.net" in (d.folder / "state/learned").read_text(encoding="ascii"), "the state at the end")
    found = written(trace, 'execve("/var/lib/build/nfqdnd"')
    check(any(path.startswith("/var/lib/nfqdn/") for path in found), f"the trace has what it wrote: {sorted(found)}")
    expect(elsewhere(found), [], "written elsewhere")
    t.gw.nft("delete table inet nfqdn")
    boot(d)
    expect(t.client.tcp("20.121.0.1").result, "open", "after a reboot, without a question")
    expect((d.status()["warnings"], d.counters()["state_errors"]), ([], 0), "warnings and errors")


class Mirror:
    """Lists by HTTPS on the internet's side."""

    def __init__(self, t, folder, pages):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = pages[self.path.partition("?")[0]]
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=10.2.0.2",
                        "-addext", "subjectAltName=IP:10.2.0.2", "-keyout", str(folder / "key"), "-out", str(folder / "mirror.pem")], check=True, capture_output=True)
        with t.inet:
            self.server = http.server.ThreadingHTTPServer(("10.2.0.2", 4443), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "mirror.pem", folder / "key")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()


@case("nfqdn-update there: the list is in force, and nothing is written outside the overlay and its own state", seconds=120)
def update(t):
    for tool in ("strace", "curl", "openssl"):
        if not shutil.which(tool):
            raise Skip(f"{tool} is needed")
    if sanitized():
        raise Skip("a sanitizer writes, too")
    world(t)
    d = firmware(t, 'sql: { service = "power-automate"; features = [ "connectors-live" ]; to = "10.1.0.2"; ports = "tcp/1433"; };')
    tag = {"name": "AzureConnectors.WestEurope", "id": "AzureConnectors.WestEurope", "properties": {"addressPrefixes": ["20.90.0.0/24"]}}
    everywhere = {"name": "AzureConnectors", "id": "AzureConnectors", "properties": {"addressPrefixes": ["20.90.0.0/24", "20.91.0.0/24"]}}
    Mirror(t, d.folder / "etc", {"/ServiceTags_Public_20260101.json": json.dumps({"changeNumber": 10, "cloud": "Public", "values": [everywhere, tag]}).encode()})
    (d.folder / "etc/update.conf").write_text("""CONFIG=/var/lib/etc/nfqdn.conf
M365_IMPORT=
TAGS_URL=https://10.2.0.2:4443/ServiceTags_Public_20260101.json
TAGS_IMPORT="--select connectors-live --catalog /var/lib/source/data"
CACERT=/var/lib/etc/mirror.pem
NFQDND=/var/lib/build/nfqdnd
NFQDNCTL=/var/lib/build/nfqdnctl
""", encoding="ascii")
    # Without the list the policy is refused: it is there before the first start.
    trace = d.folder / "trace"
    words = inside(d, "sh", "/var/lib/source/scripts/nfqdn-update", "/var/lib/etc/update.conf", trace=trace)
    done = t.gw.run(["env", f"BUILD={BUILD}", f"ROOT={ROOT}", *words], ok=False, seconds=60)
    check(done.returncode == 0 and "taken over" in done.stdout, f"status {done.returncode}\n{done.stdout}{done.stderr}")
    found = written(trace, "/var/lib/source/scripts/nfqdn-update")
    check(any(path.startswith("/var/lib/nfqdn/catalog/") for path in found), f"the trace has what it wrote: {sorted(found)}")
    expect(elsewhere(found), [], "written elsewhere")
    expect([path for path in found if path.startswith("/var/lib/nfqdn/") and not re.match("/var/lib/nfqdn/(catalog|update)(/|$)", path)], [], "written beside the overlay")
    boot(d)
    expect(t.inet.tcp("10.1.0.2", 1433, source="20.92.0.1").result, "reset", "a source of no list")
    expect(d.status()["policy"]["inbound_prefixes"], 2, "ranges of the list")


# ---- flash ----

@case("state-interval is what flash is asked for: one file an interval and no more, however much is learned, and nothing else in the folder", seconds=120)
def flash(t):
    t.simple()
    t.dns(t.inet, ZONE, ttl=600)
    d = t.gateway(allow=WEB, state_interval=3)
    folder, seen, asked = d.folder / "state", set(), 0
    def others():
        return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if not path.name.startswith("learned") and not path.is_dir()}
    until((folder / "last-good/nfqdn.conf").exists, "the last good policy is there")
    before, began, count = others(), time.monotonic(), d.counters()["state_written"]
    while time.monotonic() < began + 10:
        asked += 1
        t.client.lookup("10.2.0.2", f"q{asked}.late.example.net")
        if (folder / "learned").exists():
            seen.add((folder / "learned").stat().st_mtime_ns)
    passed, wrote = time.monotonic() - began, d.counters()["state_written"] - count
    print(f"# {asked} lookups and {wrote} writes in {passed:.1f} s", flush=True)
    check(1 <= wrote <= passed / 3 + 1, f"{wrote} writes in {passed:.1f} s")
    check(len(seen) <= wrote + 1, f"{len(seen)} files seen, {wrote} counted")
    expect(others(), before, "the rest of the folder")


# ---- clocks ----

class Clock:
    """nfqdnd's wall clock alone, by the lab's library."""

    def __init__(self, t):
        self.library, self.file = BUILD / "lab-clock.so", t.folder / "clock"
        if sanitized() or not self.library.exists():
            raise Skip("a sanitizer wants to be a program's first library" if sanitized() else "lab-clock.so is not built")
        self.environment = dict(os.environ, LD_PRELOAD=str(self.library), NFQDN_LAB_CLOCK=str(self.file))
        self.file.write_bytes(bytes(24))

    def set(self, wall):
        """Seconds since 1970; in place, for it is mapped."""
        with open(self.file, "r+b") as file:
            file.write(struct.pack("q", round(wall - time.time())))


def stamp(d):
    """The wall clock of the state file, as seconds since 1970."""
    return int(re.search(r"\b(\d{4,})\b", re.sub(r"^\S+ +\d+ ", "", (d.folder / "state/learned").read_text(encoding="ascii").splitlines()[0])).group(1))


def lives(t, d, address="20.121.0.1"):
    """What is left, by nfqdnd and by the kernel."""
    return d.knows(address)["expires_in"], element(t.gw, address)["expires"]


def learns(t, d, name="www.example.net", address="20.121.0.1"):
    t.client.lookup("10.2.0.2", name)
    expect(t.client.tcp(address).result, "open", f"{name} teaches")
    left, kernel = lives(t, d, address)
    check(600 <= left <= 660 and left - 5 <= kernel <= left + 40, f"TTL 600 and the grace: {left} s, in the kernel {kernel}")


@case("it starts before the clock is right, in 1970 or far ahead: lives are right, and stay so when the clock is set, by 50 years or back", seconds=180)
def wrong_clock(t):
    clock = Clock(t)
    world(t)
    now = time.time()
    clock.set(DAY)  # 1970-01-02, as boards without a battery have it
    d = t.daemon(t.gw, t.config(allow=WEB, state_interval=1), environment=clock.environment)
    learns(t, d)

    def saved(what):
        count = d.counters()["state_written"]
        until(lambda: d.counters()["state_written"] >= count + 2, what)
        return stamp(d)

    def stays(what):
        left, kernel = lives(t, d)
        check(500 <= left <= 660 and left - 5 <= kernel <= left + 40, f"{what}: {left} s, in the kernel {kernel}")
        expect(t.client.tcp("20.121.0.1").result, "open", what)

    def rebooted(wall):
        d.stop()
        t.gw.nft("delete table inet nfqdn")
        clock.set(wall)
        d.start()

    check(DAY <= saved("the state, in 1970") < DAY + 1000, f"its stamp: {stamp(d)}")
    clock.set(now + 50 * 365 * DAY)  # a time server has spoken, wrongly
    check(saved("the state, 50 years ahead") > now + 49 * 365 * DAY, f"its stamp: {stamp(d)}")
    stays("the clock went 50 years forwards")
    learns(t, d, "other.example.net", "20.121.0.2")
    clock.set(now)  # and rightly
    check(abs(saved("the state, now") - now) < 1000, f"its stamp: {stamp(d)}")
    stays("the clock went back")
    rebooted(DAY)
    stays("a reboot with the clock of 1970 again: the stamp lies ahead, and no time counts")
    clock.set(now + 50 * 365 * DAY)
    saved("the state of the future")
    rebooted(now)
    stays("a reboot with the right clock after one that was ahead")
    clock.set(DAY)
    saved("the state of 1970")
    rebooted(now)
    expect((d.knows("20.121.0.1"), t.client.tcp("20.121.0.1").result), (None, "reset"), "a stamp of 1970 when it is later: all has ended")
    learns(t, d)


# ---- a vendor's ruleset ----

VENDOR = """flush ruleset
table inet vendor {
    chain input { type filter hook input priority 0; policy accept; }
    chain forward { type filter hook forward priority 10; policy accept; %s
    }
}
"""
# A default of its own that denies: what nfqdnd marked goes, and what belongs to it.
DEFAULT_DENY = """
        iifname "lan0" ip daddr 10.0.0.0/8 accept
        iifname "lan0" ct direction original ct state established accept
        iifname "lan0" meta mark & 0x10000 == 0x10000 accept
        iifname "lan0" reject with tcp reset"""
LOADS = 12


class Watch:
    """New connections, allowed and denied, all the time: when each began and how it went."""

    def __init__(self, t, addresses):
        self.t, self.seen, self.ended, self.late = t, {address: [] for address in addresses}, threading.Event(), 0.0
        self.threads = [threading.Thread(target=self.run), threading.Thread(target=self.beat)]

    def run(self):
        while not self.ended.is_set():
            for address, seen in self.seen.items():
                began = time.monotonic()
                seen.append((began, self.t.client.tcp(address, read=False).result))
            self.ended.wait(0.005)

    def beat(self):
        """How long the machine lets somebody wait who wants to run every 10 ms, at most."""
        while not self.ended.is_set():
            began = time.monotonic()
            self.ended.wait(0.01)
            self.late = max(self.late, time.monotonic() - began - 0.01)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join()

    def gaps(self, address, opens):
        """From the first to the last connection that went otherwise than it should each time, in seconds. One whose first packet fell into
        an exchange of rules is made a second later; that is none."""
        found, since = [], None
        for began, result in self.seen[address]:
            if (result == "open") != opens:
                since, last = since or began, began
            elif since is not None:
                found.append(last - since)
                since = None
        check(since is None, f"{address} is {'open' if opens else 'denied'} at the end")
        return found


def reloaded(t, d, rules=""):
    """The vendor's file, loaded in a loop under traffic; each time all is as it should be before the next."""
    file = t.folder / "nftables.conf"
    file.write_text(VENDOR % rules, encoding="ascii")
    # An answer that passes while the table is not there teaches nobody.
    t.client.lookup("10.2.0.2", "www.example.net")
    t.gw.run(["nft", "-f", str(file)])

    def right():
        return [t.client.tcp(a, read=False).result for a in ("20.121.0.1", "20.99.0.7", "20.121.9.9")] == ["open", "open", "reset"]
    until(right, "it filters")
    with Watch(t, ("20.121.0.1", "20.99.0.7", "20.121.9.9")) as watch:
        for _ in range(LOADS):
            seen = len(watch.seen["20.121.9.9"])
            t.gw.run(["nft", "-f", str(file)])
            until(lambda seen=seen: len(watch.seen["20.121.9.9"]) > seen + 3, "traffic")
            until(right, "it filters again")
        seen = {address: len(results) for address, results in watch.seen.items()}
        until(lambda: all(len(watch.seen[address]) > count + 1 for address, count in seen.items()), "traffic afterwards")
    lost = [gap for a in ("20.121.0.1", "20.99.0.7") for gap in watch.gaps(a, True)]
    through = watch.gaps("20.121.9.9", False)
    print(f"# {LOADS} loads, {sum(map(len, watch.seen.values()))} connections: allowed lost {[round(1000 * g) for g in lost]} ms, "
          f"denied through {[round(1000 * g) for g in through]} ms; {d.counters()['table_rebuilt']} rebuilds; "
          f"the machine is {1000 * watch.late:.0f} ms late", flush=True)
    return lost, through, watch.late


def soon(gaps, late, what):
    """The documented 100 ms, the rebuild, and what a busy machine takes for each of their steps."""
    limit = (1.0 if sanitized() else 0.3) + 4 * late
    check(not gaps or sorted(gaps)[len(gaps) // 2] < limit, f"{what}: {gaps} s, and {limit:.2f} are allowed")


@case("a vendor's nftables.conf with `flush ruleset`, loaded in a loop; the table is nfqdnd's own: nothing allowed is lost, nothing denied gets through", seconds=120)
def vendor_owned(t):
    world(t)
    d = t.gateway(allow=WEB)
    if not d.status()["owned"]:
        raise Skip("the kernel has no persistent owned tables (Linux 6.9)")
    expect(reloaded(t, d)[:2], ([], []), "lost, and through")
    expect(d.counters()["table_rebuilt"], 0, "rebuilds")


@case("the same without an owner: what is allowed and what is denied are so again within the documented time", seconds=180)
def vendor_without_owner(t):
    world(t)
    d = t.gateway(allow=WEB, own_table="off")
    lost, through, late = reloaded(t, d)
    soon(lost, late, "allowed, and lost")
    soon(through, late, "denied, and through")
    check(d.counters()["table_rebuilt"] >= LOADS // 2, "it was rebuilt each time")


@case("the same where the vendor's own default denies and nfqdnd marks: nothing denied ever gets through, and what is allowed is back within that time", seconds=180)
def vendor_marked(t):
    world(t)
    d = t.gateway(allow=WEB, own_table="off", mode="mark", mark=Raw("0x10000"))
    lost, through, late = reloaded(t, d, DEFAULT_DENY)
    expect(through, [], "denied, and through")
    soon(lost, late, "allowed, and lost")
    check(d.counters()["table_rebuilt"] >= LOADS // 2, "it was rebuilt each time")


if __name__ == "__main__":
    main()
