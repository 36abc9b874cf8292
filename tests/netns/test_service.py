#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""nfqdnd with what nfqdnd.service leaves it: the unit's capabilities, folders and system calls, without the service manager."""
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from netns import BUILD, NFQDND, ROOT, USER, Skip, case, check, expect, main, until  # noqa: E402

UNIT = (ROOT / "scripts/systemd/nfqdnd.service").read_text(encoding="ascii")
WEB = 'web: { names = "*.example.net"; };'
ZONE = {"www.example.net": ["20.121.0.1"], "a.example.net": ["20.121.0.2"]}


def values(name):
    return [word for line in re.findall(rf"^{name}=(.*)$", UNIT, re.M) for word in line.split()]


def as_the_unit(t, d, *before, notify=None):
    """As root with the unit's capabilities, without new privileges, on a read-only file system but for the unit's folders."""
    capabilities = ",".join("+" + c[4:].lower() for c in values("CapabilityBoundingSet"))
    mount = f"mount --make-rprivate / && mount --bind {d.folder} {d.folder} && mount -o remount,bind,ro / && "
    below = next(folder for folder in d.folder.parents if os.path.ismount(folder))  # /tmp may be a file system of its own
    mount += f"mount -o remount,bind,ro {below} && "
    mount += '! touch "$0/../no" 2>/dev/null && exec "$@"'
    words = [*before, "setpriv", "--bounding-set", f"-all,{capabilities}", "--no-new-privs", "--reset-env", NFQDND, "-c", str(d.file), "--boot", str(d.folder / "state")]
    if notify:
        words[words.index(NFQDND):words.index(NFQDND)] = ["env", f"NOTIFY_SOCKET={notify}"]
    with open(d.log_path, "ab") as log:
        d.process = d.net.popen(["unshare", "--mount", "sh", "-c", mount, str(d.folder), *words], stdout=log, stderr=log)
    d.ended = False


def prepared(t, **gateway):
    """Folders as nfqdn.tmpfiles makes them."""
    t.simple()
    t.dns(t.inet, ZONE)
    d = t.gateway(allow=WEB, **gateway)
    d.stop()
    t.gw.nft("delete table inet nfqdn")
    os.chown(d.folder, 0, pwd.getpwnam(USER).pw_gid)
    os.chmod(d.folder, 0o775)
    os.chmod(d.folder / "state", 0o750)
    return d


@case("started as the unit starts it, the daemon teaches, reloads, keeps its state, knows the queue's depth, and removes its socket")
def works(t):
    d = prepared(t)
    path = str(t.folder / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        os.chmod(path, 0o666)
        manager.settimeout(30)
        as_the_unit(t, d, notify=path)
        expect(manager.recv(1000).split(b"\n")[0], b"READY=1", "what the service manager is told")
        d.wait_ready()
        t.client.lookup("10.2.0.2", "www.example.net")
        expect(t.client.tcp("20.121.0.1").result, "open", "what an answer taught")
        check(d.status()["queue"]["waiting"] is not None, "root opened the list of queues")
        d.reload(t.config(allow=WEB + ' new: { addresses = "20.122.0.0/16"; };'))
        expect(t.client.tcp("20.122.0.1").result, "open", "the new policy")
        d.process.send_signal(signal.SIGTERM)
        expect(d.process.wait(20), 0, "status")
        d.ended = True
        until(lambda: manager.recv(1000) == b"STOPPING=1", "what it is told at the end")
    check(not d.socket_path.exists(), "the socket is gone")
    check("www.example.net" in (d.folder / "state/learned").read_text(encoding="ascii"), "the state file")
    d.write("gateway: {")
    as_the_unit(t, d)
    d.wait_ready()
    check("the last good policy stays in force" in d.log(), "a bad configuration at boot: it reads what the daemon's user wrote")
    expect(t.client.tcp("20.121.0.1").result, "open", "what was learned before")
    d.stop()


@case("a capability less, and the start fails with the stage that needs it")
def needs_each(t):
    d = prepared(t)
    for capability, told in (("CAP_SETUID", "changing the user failed"), ("CAP_SETGID", "Operation not permitted"), ("CAP_NET_ADMIN", "CAP_NET_ADMIN is needed"),
                             ("CAP_DAC_READ_SEARCH", "DNS passes and nothing else")):
        d.log_path.write_bytes(b"")
        whole = globals()["UNIT"]
        globals()["UNIT"] = whole.replace(f" {capability}", "").replace(f"={capability} ", "=")
        try:
            if capability == "CAP_DAC_READ_SEARCH":
                d.write("gateway: {")  # the last good policy cannot be read
            as_the_unit(t, d)
        finally:
            globals()["UNIT"] = whole
        if capability == "CAP_DAC_READ_SEARCH":
            until(lambda: told in d.log(), f"{told}: {d.log()}", 10)
            d.process.kill()
            d.process.wait()
        else:
            expect(d.process.wait(20), 4, f"status without {capability}")
        d.ended = True
        check(told in d.log(), f"{capability}: {d.log()}")


def allowed_calls():
    """The unit's SystemCallFilter, its groups resolved as systemd has them."""
    found, groups = set(), values("SystemCallFilter")
    while groups:
        word = groups.pop()
        if not word.startswith("@"):
            found.add(word)
            continue
        done = subprocess.run(["systemd-analyze", "syscall-filter", word], capture_output=True, text=True, check=True)
        groups += [line.strip() for line in done.stdout.splitlines() if line.startswith("    ") and not line.strip().startswith("#")]
    return found


@case("the unit lets it load the eBPF program of kernel-assist; without the capabilities for it, it goes without")
def program(t):
    d = prepared(t, kernel_assist="auto")
    told = {}
    whole = globals()["UNIT"]
    for less in ("", " CAP_BPF", " CAP_PERFMON"):
        globals()["UNIT"] = whole.replace(less, "")
        try:
            as_the_unit(t, d)
        finally:
            globals()["UNIT"] = whole
        d.wait_ready()
        told[less] = d.status()["kernel_assist"]
        t.client.lookup("10.2.0.2", "www.example.net")
        expect(t.client.tcp("20.121.0.1").result, "open", "it works")
        d.stop()
    if told[""] == "nf_fqdn" or "without eBPF" in told[""]:
        raise Skip(told[""])
    expect([told[less].startswith("bpf") for less in told], [True, False, False], f"the program is used: {told}")


@case("every system call of the daemon, from its start to its end, is in the unit's filter")
def calls(t):
    if "-fsanitize" in (BUILD / ".flags").read_text(encoding="utf-8"):
        raise Skip("a sanitizer makes calls of its own")
    if not shutil.which("strace") or not shutil.which("systemd-analyze"):
        raise Skip("strace and systemd-analyze are needed")
    d = prepared(t, revoke="cut", kernel_assist="auto")
    trace = d.folder / "trace"
    as_the_unit(t, d, "strace", "-f", "-qq", "-o", str(trace))
    d.wait_ready(60)
    t.client.lookup("10.2.0.2", "www.example.net")
    expect(t.client.tcp("20.121.0.1").result, "open", "it works")
    d.reload(t.config(allow=WEB, verify="query", kernel_assist="auto"))
    d.reload(t.config(allow=WEB, kernel_assist="auto"))
    for words in (("status",), ("denied",), ("learned",)):
        d.ctl(*words)
    child = next(int(line.split()[0]) for line in trace.read_text().splitlines() if f'execve("{NFQDND}"' in line)
    os.kill(child, signal.SIGTERM)
    expect(d.process.wait(30), 0, "status")
    d.ended = True
    lines = trace.read_text(errors="replace").split(f'execve("{NFQDND}"', 1)[1].splitlines()[1:]
    used = {m.group(1) for m in (re.match(r"\d+ +(\w+)\(", line) for line in lines) if m}
    allowed = allowed_calls()
    check({"sendto", "recvmsg", "landlock_restrict_self", "seccomp", "capset", "setresuid"} <= used, f"the trace has them: {sorted(used)}")
    expect(sorted(used - allowed), [], "calls that the unit's filter refuses")
    source = (ROOT / "daemon/control/syscalls.c").read_text(encoding="ascii").split("calls[] = {")[1].split("};")[0]
    own = set(re.findall(r'"(\w+)"', source))
    check(len(own) > 90, "the daemon's own filter is read")
    expect(sorted(own - allowed), [], "calls that the daemon allows itself, and the unit does not")
    check({"ptrace", "mount", "init_module", "perf_event_open", "reboot"}.isdisjoint(allowed), "a filter it is")


if __name__ == "__main__":
    main()
