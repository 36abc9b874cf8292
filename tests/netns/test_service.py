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
