#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The control socket: who may look, who may change something, and that nobody who misuses it holds the answers up."""
import os
import pathlib
import stat
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from netns import NFQDNCTL, PATIENCE, case, check, expect, main, until  # noqa: E402

WEB = 'web: { names = "*.example.net"; };'
# Users and groups by number: nobody needs to have them. The daemon's group is nobody's.
DAEMON, STRANGER, OPERATORS = 65534, 54321, 54322


def ctl(t, d, *words, uid=STRANGER, gid=STRANGER, groups=(), ok=0):
    """nfqdnctl as somebody else."""
    more = ["--groups", ",".join(map(str, groups))] if groups else ["--clear-groups"]
    done = t.gw.run(["setpriv", "--reuid", str(uid), "--regid", str(gid), *more, NFQDNCTL, "-s", str(d.socket_path), *words], ok=False)
    expect(done.returncode, ok, f"{words} as {uid}:{gid} {groups}: {done.stdout}{done.stderr}")
    return done


@case("root and the daemon's user change things, its group looks, strangers do not get in", tags=["smoke"])
def rights(t):
    t.simple()
    d = t.gateway(allow=WEB)
    expect(stat.S_IMODE(os.stat(d.socket_path).st_mode), 0o660, "mode")
    expect(os.stat(d.socket_path).st_gid, DAEMON, "group")
    ctl(t, d, "status", ok=3)
    for ids in ({"gid": DAEMON}, {"groups": (7, DAEMON)}):
        for words in (("status",), ("policy",), ("learned",), ("denied",), ("metrics",), ("wait", "ready")):
            ctl(t, d, *words, **ids)
        for words in (("reload",), ("reload", "--dry-run"), ("reload", "--confirm", "60"), ("confirm",)):
            check("only root" in ctl(t, d, *words, **ids, ok=1).stderr, f"{words}")
    expect((d.status()["generation"], d.counters()["control_forbidden"]), (1, 8), "generation, refused requests")
    ctl(t, d, "reload", uid=DAEMON, gid=DAEMON)
    ctl(t, d, "reload", uid=0, gid=0)
    expect(d.status()["generation"], 3, "generation")


@case("gateway.control-group: its members change things, too; the daemon's group still looks, and others are told why they may not")
def control_group(t):
    t.simple()
    d = t.gateway(allow=WEB, control_group=str(OPERATORS))
    for ids in ({"gid": OPERATORS}, {"groups": (9, OPERATORS)}):
        ctl(t, d, "reload", **ids)
    ctl(t, d, "status", gid=DAEMON)
    ctl(t, d, "reload", gid=DAEMON, ok=1)
    check("gateway.control-group may ask" in ctl(t, d, "status", ok=1).stderr, "a stranger is told")
    expect(d.status()["generation"], 3, "generation")
    d.reload(t.config(allow=WEB), ok=1)
    d.stop()
    d.write(t.config(allow=WEB, control_group="no-such-group"))
    d.start(ready=False)
    expect((d.process.wait(20 * PATIENCE), 'there is no group "no-such-group"' in d.log()), (4, True), "a group that does not exist")
    d.ended = True


class Pest(threading.Thread):
    """Does something unfriendly to the control socket again and again."""

    def __init__(self, d, act):
        super().__init__(daemon=True)
        self.d, self.act, self.over, self.count, self.kept = d, act, threading.Event(), 0, []

    def run(self):
        while not self.over.is_set():
            try:
                self.act(self)
                self.count += 1
            except OSError:
                self.count += 1

    def dial(self):
        sock = self.d.connect(0.5)
        self.kept.append(sock)
        while len(self.kept) > 30:
            self.kept.pop(0).close()
        return sock


def never_reads(pest):
    pest.dial().sendall(b'{"api":1,"command":"learned"}\n' * 200)


def half_requests(pest):
    sock = pest.dial()
    sock.sendall(b'{"api":1,')
    for _ in range(20):
        if pest.over.wait(0.05):  # an octet now and then
            break
        sock.sendall(b" ")


def huge_lines(pest):
    pest.dial().sendall(b"[" * 300000)


def nuls(pest):
    pest.dial().sendall(b"\0" * 60000 + b"\n" + os.urandom(1000) + b"\n")


def connects(pest):
    for _ in range(50):
        pest.d.connect(0.5).close()


def deep(pest):
    with pest.d.connect(0.5) as sock:
        sock.sendall(b'{"api":1,"command":' + b'[{"a":' * 5000 + b"\n")
        sock.recv(1000)


def waits(pest):
    pest.dial().sendall(b'{"api":1,"command":"wait","for":"generation","generation":999}\n')


@case("hostile clients of every kind at once: each DNS answer comes in time and teaches, and root still gets its word in", tags=["smoke"], seconds=120)
def hostile(t):
    t.simple()
    zone = {f"n{i}.example.net": [f"20.121.{i // 200}.{1 + i % 200}"] for i in range(300)}
    t.dns(t.inet, zone)
    d = t.gateway(allow=WEB)

    def ask(names):
        took = []
        for name in names:
            begin = time.monotonic()
            expect(t.client.lookup("10.2.0.2", name, seconds=10 * PATIENCE), zone[name], name)
            took.append(time.monotonic() - begin)
        return sorted(took)

    names = list(zone)
    calm = ask(names[:50])
    pests = [Pest(d, act) for act in (never_reads, half_requests, huge_lines, nuls, connects, deep, waits)]
    for pest in pests:
        pest.start()
    try:
        until(lambda: all(p.count or p.kept for p in pests), "they are at work")
        beset = ask(names[50:])
        # all of them are root here, and places go to whoever is quick
        until(lambda: d.ctl("status", ok=None).returncode == 0, "an administrator is heard", 30)
    finally:
        for pest in pests:
            pest.over.set()
        for pest in pests:
            pest.join()
            for sock in pest.kept:
                sock.close()
    print(f"# median of an answer: {calm[25] * 1e3:.1f} ms in peace, {beset[125] * 1e3:.1f} ms among {sum(p.count for p in pests)} attacks, longest {beset[-1] * 1e3:.1f} ms")
    check(beset[-1] < 2 * PATIENCE, f"the slowest answer took {beset[-1]:.2f} s")
    until(lambda: d.ctl("status", ok=None).returncode == 0, "it answers again", 30)
    counters = d.counters()
    expect((counters["answers_taught"], counters["answers_dropped"]), (300, 0), "answers that taught, and were dropped")
    check(counters["control_refused"] > 10, "hostile clients are counted")


@case("readers who take every place and keep sending octets do not keep root out")
def places(t):
    t.simple()
    d = t.gateway(allow=WEB)
    program = ("import socket,sys,time\n"
               "s=[socket.socket(socket.AF_UNIX) for _ in range(16)]\n"
               f"[x.connect({str(d.socket_path)!r}) for x in s]\n"
               "print('there', flush=True)\n"
               "while True:\n"
               " for x in s:\n"
               "  try: x.send(b' ')\n"
               "  except OSError: pass\n"
               " time.sleep(0.02)\n")
    busy = t.gw.popen(["setpriv", "--reuid", str(STRANGER), "--regid", str(DAEMON), "--clear-groups", sys.executable, "-c", program], stdout=-1, text=True)
    try:
        expect(busy.stdout.readline(), "there\n", "all places are taken")
        ctl(t, d, "status", gid=DAEMON, ok=1)
        for _ in range(20):
            d.ctl("status")
        d.ctl("reload")
    finally:
        busy.kill()
        busy.wait()


if __name__ == "__main__":
    main()
