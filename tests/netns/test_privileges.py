#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Who nfqdnd is once it runs, what it can still do then, and what it says when it cannot become so. What the sandbox forbids is tried in
tests/unit/test_sandbox.c; here it is shown that the daemon stands in that state, and works."""
import os
import pathlib
import pwd
import re
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from netns import NFQDNCTL, NFQDND, PATIENCE, USER, Skip, case, check, expect, main, until  # noqa: E402

WEB = 'web: { names = "*.example.net"; };'
ZONE = {"www.example.net": ["20.121.0.1"], "a.example.net": ["20.121.0.2"]}
NET_ADMIN = 1 << 12
NOBODY = pwd.getpwnam(USER)


def facts(pid):
    """/proc/PID/status as a dict."""
    lines = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return {k: v.split() for k, v in (line.split(":", 1) for line in lines)}


def confined(pid, uid, bounding=0):
    """Every thread of it."""
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            found = facts(task)
        except (FileNotFoundError, ProcessLookupError):
            check(task != str(pid), "it runs")
            continue  # a thread beside that has done its work
        expect((found["Uid"], found["Groups"] if uid else []), ([str(uid)] * 4, []), "user and groups")
        expect([int(found[k][0], 16) for k in ("CapEff", "CapPrm", "CapInh", "CapAmb")], [NET_ADMIN, NET_ADMIN, 0, 0], "capabilities")
        if bounding is not None:
            expect(int(found["CapBnd"][0], 16), bounding, "the bounding set")
        expect((found["NoNewPrivs"], found["Seccomp"]), (["1"], ["2"]), "no_new_privs and seccomp")


@case("the daemon has its own user, CAP_NET_ADMIN alone, an empty bounding set, no_new_privs, seccomp, and is not dumpable", tags=["smoke", "kernel"])
def own_user(t):
    t.simple()
    t.dns(t.inet, ZONE)
    d = t.gateway(allow=WEB)
    pid = d.process.pid
    confined(pid, NOBODY.pw_uid)
    expect(pathlib.Path(f"/proc/{pid}/maps").stat().st_uid, 0, "the owner of its memory map: not its user")
    check(f"runs as {USER} with CAP_NET_ADMIN alone" in d.log(), "the log tells so")
    t.client.lookup("10.2.0.2", "www.example.net")
    expect(t.client.tcp("20.121.0.1").result, "open", "it works")


@case("in this state it reloads, writes its state and its last good policy, and takes them over at the next start", tags=["smoke", "kernel"])
def still_works(t):
    t.simple()
    t.dns(t.inet, ZONE)
    d = t.gateway(allow=WEB, state_interval=1)
    t.client.lookup("10.2.0.2", "www.example.net")
    learned, kept = d.folder / "state" / "learned", d.folder / "state" / "last-good" / "nfqdn.conf"
    until(lambda: "www.example.net" in learned.read_text(encoding="ascii"), "the state file names what was learned", 10)
    until(kept.exists, "the last good policy", 10)
    expect((learned.stat().st_uid, kept.stat().st_uid), (NOBODY.pw_uid, NOBODY.pw_uid), "their owner")
    d.reload(t.config(allow=WEB + ' new: { addresses = "20.122.0.0/16"; };', state_interval=1))
    expect(t.client.tcp("20.122.0.1").result, "open", "the new policy")
    until(lambda: "20.122.0.0/16" in kept.read_text(encoding="ascii"), "the last good policy follows", 10)
    d.reload(t.config(allow=WEB, verify="query", revoke="cut", state_interval=1))
    t.client.lookup("10.2.0.2", "a.example.net")
    expect([t.client.tcp(a).result for a in ("20.121.0.1", "20.121.0.2", "20.122.0.1")], ["open", "open", "reset"], "copies of queries are read")
    confined(d.process.pid, NOBODY.pw_uid)
    check(d.status()["queue"]["waiting"] is not None, "the queue's depth is known")
    d.stop()
    check(not d.socket_path.exists(), "the control socket is gone")
    d.start()
    expect(d.knows("20.121.0.1")["names"], ["www.example.net"], "what the first run learned")


@case("folders that are missing are made, and belong to the daemon's user")
def makes_folders(t):
    t.simple()
    config = t.config(allow=WEB, control=str(t.folder / "run" / "control.sock"), state=str(t.folder / "kept"))
    d = t.daemon(t.gw, config, ready=False)
    d.socket_path = t.folder / "run" / "control.sock"
    d.wait_ready()
    expect([(t.folder / name).stat().st_uid for name in ("run", "kept")], [NOBODY.pw_uid] * 2, "owners")


def refused(t, d, text, status=4):
    expect(d.process.wait(20 * PATIENCE), status, f"the exit status; {d.log()}")
    d.ended = True
    check(text in d.log(), f"the log says {text!r}: {d.log()}")
    expect(t.gw.run("nft list tables").stdout, "", "tables")


@case("a user that does not exist is told with the way to make it, and nothing is changed")
def no_user(t):
    t.simple()
    refused(t, t.daemon(t.gw, t.config(allow=WEB, user="nfqdn-nobody-has-this"), ready=False),
            'there is no user "nfqdn-nobody-has-this": make it (useradd --system')


@case("a number is a user, too")
def numeric_user(t):
    t.simple()
    d = t.daemon(t.gw, t.config(allow=WEB, user="64999", control=str(t.folder / "run" / "control.sock"), state=str(t.folder / "kept")), ready=False)
    d.socket_path = t.folder / "run" / "control.sock"
    d.wait_ready()
    confined(d.process.pid, 64999)


def no_program(d):
    """Nor the module, which has a family for each namespace: status tells why."""
    told = d.status()["kernel_assist"]
    check(told == "nf_fqdn" or re.search("eBPF is not permitted|without eBPF", told), told)


def as_nobody(d, *words):
    """nfqdnd by a user who is not root."""
    d.process = d.net.popen(["setpriv", "--reuid", str(NOBODY.pw_uid), "--regid", str(NOBODY.pw_gid), "--clear-groups", *words, NFQDND, "-c", str(d.file)],
                            stdout=open(d.log_path, "ab"), stderr=subprocess.STDOUT)  # pylint: disable=consider-using-with
    d.ended = False


@case("without root, with the capability given, it stays who it is; without the capability, or as the wrong user, it says so", tags=["kernel"])
def without_root(t):
    t.simple()
    t.dns(t.inet, ZONE)
    d = t.gateway(allow=WEB, user="")
    confined(d.process.pid, 0)
    d.stop()
    t.gw.nft("delete table inet nfqdn")
    for path in [d.folder, *d.folder.rglob("*")]:
        os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)
    as_nobody(d)
    refused(t, d, "CAP_NET_ADMIN is needed")
    give = ("--inh-caps", "+net_admin", "--ambient-caps", "+net_admin")
    d.write(t.config(allow=WEB, user="daemon"))
    as_nobody(d, *give)
    refused(t, d, 'cannot become "daemon": start it as root, or set gateway.user to ""')
    for user in ("", USER):
        d.write(t.config(allow=WEB, user=user, kernel_assist="auto"))
        as_nobody(d, *give)
        d.wait_ready()
        no_program(d)
        confined(d.process.pid, NOBODY.pw_uid, bounding=None)
        t.client.lookup("10.2.0.2", "www.example.net")
        expect(t.client.tcp("20.121.0.1").result, "open", "it works")
        d.stop()


@case("in a user namespace it needs no root at all")
def user_namespace(t):
    t.simple()
    d = t.gateway(allow=WEB, user="", kernel_assist="auto")
    d.stop()
    for path in [d.folder, *d.folder.rglob("*")]:
        os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)
    words = ["setpriv", "--reuid", str(NOBODY.pw_uid), "--regid", str(NOBODY.pw_gid), "--clear-groups", "unshare", "--user", "--map-root-user", "--net"]
    if t.gw.run([*words, "true"], ok=False).returncode:
        raise Skip("user namespaces are not for everybody here")
    with open(d.log_path, "ab") as log:
        d.process = t.gw.popen([*words, NFQDND, "-c", str(d.file)], stdout=log, stderr=log)
    d.ended = False
    d.wait_ready()
    confined(d.process.pid, NOBODY.pw_uid)
    expect(d.status()["ready"], True, "ready")
    no_program(d)


@case("a configuration that only root can read is told at the start and by --check; a reload is refused, and the old policy stays")
def unreadable(t):
    t.simple()
    d = t.gateway(allow=WEB)
    expect(t.gw.run([NFQDND, "-c", str(d.file), "--check"]).stderr, "", "--check when all is well")
    d.stop()
    d.file.chmod(0o600)
    text = f'user "{USER}", as whom nfqdnd runs, cannot read it'
    check(text in t.gw.run([NFQDND, "-c", str(d.file), "--check"]).stderr, "--check tells")
    before = len(d.log())
    d.start()
    check(text in d.log()[before:], "the start tells")
    d.reload(ok=1)
    expect(d.status()["generation"], 1, "the policy")
    d.file.chmod(0o644)
    d.reload()


@case("a catalog folder that was not named at the start is out of reach of a reload, and the reason is told")
def catalog_elsewhere(t):
    t.simple()
    d = t.gateway(allow=WEB)
    (t.folder / "elsewhere").mkdir()
    reply = d.reload(t.config(allow=WEB, catalog=[str(t.folder / "elsewhere")]), ok=None)
    if "without Landlock" in d.log():
        raise Skip("no Landlock here")
    expect(reply.returncode, 1, "the reload")
    check("restart nfqdnd" in reply.stdout, reply.stdout)


@case("the last good policy, which the daemon's user wrote, makes nobody root again")
def last_good_is_no_root(t):
    t.simple()
    d = t.gateway(allow=WEB)
    kept = d.folder / "state" / "last-good" / "nfqdn.conf"
    until(kept.exists, "the last good policy", 10)
    d.stop()
    text = kept.read_text(encoding="utf-8")
    check(f'user = "{USER}"' in text, text)
    kept.write_text(text.replace(f'user = "{USER}"', 'user = ""'), encoding="utf-8")
    d.write("nonsense")
    d.arguments = ["--boot", str(d.folder / "state")]
    d.start()
    confined(d.process.pid, NOBODY.pw_uid)


def squat(net, uid, *words):
    """A program of a user that binds the lock's name and listens there."""
    program = ("import os, socket, sys\ns = socket.socket(socket.AF_UNIX)\ns.bind('\\0nfqdn/nfqdn')\ns.listen()\nprint('bound', flush=True)\nsys.stdin.read()")
    process = net.popen(["setpriv", "--reuid", str(uid), "--clear-groups", "--inh-caps", "-all", *words, sys.executable, "-c", program],
                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    expect(process.stdout.readline(), b"bound\n", "the name")
    return process


@case("a user who takes the lock's name keeps no daemon from starting, also with the capabilities of a user namespace; a second daemon is still refused")
def lock_squatted(t):
    t.simple()
    for words in ((), ("unshare", "--user", "--map-root-user")):
        if words and t.gw.run(["setpriv", "--reuid", "12345", "--clear-groups", *words, "true"], ok=False).returncode:
            continue
        stranger = squat(t.gw, 12345, *words)
        d = t.daemon(t.gw, t.config(allow=WEB))
        check('holds the abstract socket "nfqdn/nfqdn"' in d.log(), d.log())
        second = t.daemon(t.gw, t.config(allow=WEB, name="second", queue={"first": 9}), name="second", ready=False)
        expect(second.process.wait(20 * PATIENCE), 4, "the second")
        second.ended = True
        check("another nfqdnd in this network namespace works on this table" in second.log(), second.log())
        d.stop()
        stranger.kill()
        stranger.wait()


@case("the lock is of the network namespace: the same table elsewhere is another one; a killed daemon leaves none")
def lock_of_namespace(t):
    t.simple()
    d = t.daemon(t.gw, t.config(allow=WEB))
    other = t.daemon(t.inet, t.config(allow=WEB, name="other"), name="other")
    expect((d.status()["table"], other.status()["table"]), ("nfqdn", "nfqdn"), "tables")
    done = t.gw.run([NFQDND, "-c", str(d.file), "--flush"], ok=False)
    expect(done.returncode, 4, "--flush while it runs")
    d.kill()
    expect(t.gw.run([NFQDND, "-c", str(d.file), "--flush"]).returncode, 0, "--flush after kill -9")
    inode = os.stat(t.gw.path).st_ino
    d.start()
    check(pathlib.Path(f"/run/nfqdn.lock/{inode}-nfqdn").exists(), "root's lock")


@case("READY, STATUS, RELOADING, WATCHDOG and STOPPING reach the service manager from inside the sandbox, also on an abstract socket")
def notifies(t):
    t.simple()
    for name in (str(t.folder / "notify"), "@nfqdn-test-notify"):
        with t.gw.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.bind(name.replace("@", "\0"))
            if name[0] == "/":
                os.chmod(name, 0o777)
            sock.settimeout(20 * PATIENCE)

            def told():
                return dict(line.split("=", 1) for line in sock.recv(1000).decode().split("\n"))

            def next_but_alive():
                return next(told for told in iter(told, None) if "WATCHDOG" not in told)

            os.environ.update({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "200000"})
            try:
                d = t.gateway(allow=WEB)
            finally:
                del os.environ["NOTIFY_SOCKET"], os.environ["WATCHDOG_USEC"]
            expect(next_but_alive(), {"READY": "1", "STATUS": "enforce, generation 1: 1 entries, 1 names"}, "at the start")
            begin = time.monotonic()
            for _ in range(5):
                expect(told(), {"WATCHDOG": "1"}, "alive")
            check(time.monotonic() - begin < 5 * PATIENCE, "as often as is wanted")
            before = time.monotonic_ns() // 1000
            d.signal(signal.SIGHUP)
            reloading, ready = next_but_alive(), next_but_alive()
            check(reloading.keys() == {"RELOADING", "MONOTONIC_USEC"} and before <= int(reloading["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000, f"{reloading}")
            expect((ready["READY"], "generation 2" in ready["STATUS"]), ("1", True), "after a reload")
            d.stop()
            expect(next_but_alive(), {"STOPPING": "1"}, "at the end")


@case("WATCHDOG_PID of somebody else: no sign of life; --ready-fd: a newline when it filters, and the end of the file")
def ready_fd(t):
    t.simple()
    with t.gw.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("\0nfqdn-test-pid")
        sock.settimeout(20 * PATIENCE)
        reader, writer = os.pipe()
        d = t.gateway(allow=WEB)
        d.stop()
        with open(d.log_path, "ab") as log:
            environment = dict(os.environ, NOTIFY_SOCKET="@nfqdn-test-pid", WATCHDOG_USEC="1000", WATCHDOG_PID="1")
            d.process = t.gw.popen([NFQDND, "-c", str(d.file), "--ready-fd", str(writer)], stdout=log, stderr=log, pass_fds=[writer], env=environment)
        d.ended = False
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            expect(pipe.read(), b"\n", "the newline, and the end")
        check(d.socket_path.exists(), "the control socket is there then")
        check(sock.recv(1000).startswith(b"READY=1"), "ready")
        for _ in range(20):
            d.status()
        d.stop()
        expect(sock.recv(1000), b"STOPPING=1", "nothing between")
    for wrong in ("2", "99", "x", "", "-1", "99999999999"):
        done = t.gw.run([NFQDND, "-c", str(d.file), "--ready-fd", wrong], ok=False)
        expect((done.returncode, "--ready-fd" in done.stderr), (2, True), f"--ready-fd {wrong}")


if __name__ == "__main__":
    check(NFQDNCTL, "nfqdnctl")
    main()
