#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""nfqdnd's control socket and nfqdnctl together, in a network namespace of their own; with hostile clients beside."""
import json
import os
import pathlib
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("NFQDN_BUILD", ROOT / "build"))
NFQDND, NFQDNCTL = str(BUILD / "nfqdnd"), str(BUILD / "nfqdnctl")
PATIENCE = float(os.environ.get("NFQDN_TEST_PATIENCE", "1"))
CASES = []

CONFIG = """gateway: {{ interfaces = [ "lan0" ]; clients = [ "10.1.0.0/16" ]; resolvers = [ "9.9.9.9" ]; table = "{table}";
  queue = {{ first = {queue}; count = 1; }}; control = "{folder}/run/control.sock"; state = "{folder}/state-{table}"; user = "nobody"; catalog = [ "{data}" ]; }};
allow: {{ web: {{ names = [ "*.example.net" ]; addresses = [ "198.18.5.0/24" ]; }}; {more} }};
"""


def case(title):
    def add(function):
        CASES.append((title, function))
        return function
    return add


def until(condition, what, seconds=10.0):
    deadline = time.monotonic() + seconds * PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"in vain: {what}"
        time.sleep(0.005)


class Gateway:
    """A daemon that is gone when the case ends."""

    def __init__(self, folder, table="nfqdn", queue=0):
        self.folder, self.table, self.queue = folder, table, queue
        self.path = os.path.join(folder, "run/control.sock")
        self.config = os.path.join(folder, f"{table}.conf")
        self.log = os.path.join(folder, f"{table}.log")
        self.process = None
        os.makedirs(os.path.join(folder, f"state-{table}"), exist_ok=True)
        os.chmod(folder, 0o755)
        shutil.chown(os.path.join(folder, f"state-{table}"), "nobody", "nogroup")
        self.write()

    def write(self, more=""):
        text = CONFIG.format(table=self.table, queue=self.queue, folder=self.folder, data=ROOT / "data", more=more)
        pathlib.Path(self.config).write_text(text, encoding="ascii")

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([NFQDND, "-c", self.config], stdout=log, stderr=log)
        return self

    def __enter__(self):
        self.start()
        ran = self.ctl("wait", "ready", "--timeout", str(int(20 * PATIENCE)))
        assert ran.returncode == 0, f"{ran}\n{pathlib.Path(self.log).read_text(errors='replace')}"
        return self

    def stop(self, how=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(20 * PATIENCE)

    def __exit__(self, *_):
        self.stop()

    def ctl(self, *words):
        return subprocess.run([NFQDNCTL, "-s", self.path, *words], capture_output=True, text=True, timeout=60 * PATIENCE, check=False)

    def json(self, *words):
        return json.loads(self.ctl(*words, "--json").stdout)

    def dial(self):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(20 * PATIENCE)
        client.connect(self.path)
        return client


@case("the socket: its folder is made, mode 0660, gone at the end")
def _(folder):
    with Gateway(folder) as gateway:
        found = os.stat(gateway.path)
        assert stat.S_ISSOCK(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o660
    assert not os.path.exists(gateway.path)


@case("every command answers; JSON and exit statuses")
def _(folder):
    with Gateway(folder) as gateway:
        status = gateway.json("status")
        assert status["api"] == 1 and status["ready"] is True and status["mode"] == "enforce" and status["table"] == "nfqdn"
        assert status["queue"]["backend"] in ("native", "xtables") and status["generation"] == 1
        assert {"kernel_denied_packets", "kernel_denied_bytes", "answers", "control_requests"} <= set(status["counters"])
        assert gateway.json("learned") == []
        assert gateway.json("policy")["entries"][0]["entry"] == "web"
        assert gateway.json("explain", "a.example.net")["verdict"] == "allowed"
        assert "hint" in gateway.json("explain", "example.net")
        assert gateway.json("why", "198.18.5.1", "tcp/443")["by"][0]["via"] == "cidr"
        for words, expected in {("status",): 0, ("policy",): 0, ("learned",): 0, ("learned", "a.example.net"): 1, ("explain", "a.example.net"): 0,
                                ("explain", "example.net"): 1, ("why", "198.18.5.1"): 0, ("why", "198.18.6.1"): 1,
                                ("wait", "generation", "2", "--timeout", "0"): 1, ("wait", "ready"): 0}.items():
            ran = gateway.ctl(*words)
            assert ran.returncode == expected, ran


@case("a live daemon's socket is not taken over, whatever the other's table")
def _(folder):
    with Gateway(folder) as gateway:
        other = Gateway(folder, table="other", queue=7)
        before = os.stat(gateway.path).st_ino
        other.start()
        assert other.process.wait(20 * PATIENCE) == 4
        assert "another nfqdnd listens" in pathlib.Path(other.log).read_text(encoding="utf-8")
        assert os.stat(gateway.path).st_ino == before and gateway.ctl("status").returncode == 0


@case("the socket of a killed daemon is replaced")
def _(folder):
    with Gateway(folder) as gateway:
        gateway.stop(signal.SIGKILL)
        assert os.path.exists(gateway.path) and gateway.ctl("status").returncode == 3
    with Gateway(folder) as gateway:
        assert gateway.ctl("status").returncode == 0


@case("reload: applied, refused with every line, and seen by who waits for the generation")
def _(folder):
    with Gateway(folder) as gateway:
        waiting = subprocess.Popen([NFQDNCTL, "-s", gateway.path, "wait", "generation", "2", "--timeout", "30"])
        try:
            gateway.write('new: { names = [ "new.example.org" ]; };')
            ran = gateway.ctl("reload")
            assert ran.returncode == 0 and "generation 2" in ran.stdout, ran
            assert waiting.wait(20 * PATIENCE) == 0
        finally:
            waiting.kill()
            waiting.wait()
        assert gateway.ctl("explain", "new.example.org").returncode == 0
        gateway.write('new: { name = [ "new.example.org" ]; }; bad: { addresses = [ "300.1.1.1" ]; };')
        ran = gateway.ctl("reload")
        assert ran.returncode == 1 and "allow.new.name" in ran.stdout and "allow.bad.addresses" in ran.stdout, ran
        refused = gateway.json("reload")
        assert refused["ok"] is False and refused["errors"] >= 2 and all(p["line"] > 0 for p in refused["problems"]), refused
        assert gateway.json("status")["generation"] == 2 and gateway.ctl("explain", "new.example.org").returncode == 0


def flood(gateway, stop):
    """Requests without reading, half requests, silence, by the dozen; and garbage, whose end is waited for."""
    kinds = [b'{"api":1,"command":"policy"}\n' * 2000, b'{"api":1,', b"", b"\x00\xff" * 500 + b"\n", b"x" * 70000]
    held = []
    while not stop.is_set():
        for kind in kinds:
            try:
                client = socket.socket(socket.AF_UNIX)
                held.append(client)
                client.settimeout(0.2)
                client.connect(gateway.path)
                client.send(kind)
                while kind[:1] in (b"\x00", b"x") and client.recv(65536):
                    pass
            except OSError:
                pass
        while len(held) > 10:
            held.pop(0).close()
    for client in held:
        client.close()


@case("hostile clients: others are served, the daemon stays small and idles afterwards")
def _(folder):
    with Gateway(folder) as gateway:
        stop = threading.Event()
        thread = threading.Thread(target=flood, args=(gateway, stop))
        thread.start()
        try:
            for _ in range(40):
                # a place may be taken just now; the answer says so, and comes at once
                assert gateway.ctl("explain", "a.example.net").returncode in (0, 1)
        finally:
            stop.set()
            thread.join()
        until(lambda: gateway.ctl("explain", "a.example.net").returncode == 0, "a place after the flood")
        assert gateway.json("status")["counters"]["control_refused"] > 0
        assert idles(gateway.process.pid), "the daemon is busy though nobody asks"


def ticks(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def idles(pid):
    """Is there a second in which it used less than a fifth of the processor?"""
    for _ in range(5):
        before = ticks(pid)
        time.sleep(1)  # measured: what it uses while nothing happens
        if ticks(pid) - before < os.sysconf("SC_CLK_TCK") / 5:
            return True
    return False


@case("clients that hang in every state cost no processor time")
def _(folder):
    with Gateway(folder) as gateway:
        clients = [gateway.dial() for _ in range(6)]
        clients[1].send(b'{"api":1,')
        clients[2].send(b'{"api":1,"command":"policy"}\n' * 3000)
        clients[3].send(b'{"api":1,"command":"wait","for":"generation","generation":9,"timeout":100}\n')
        clients[4].send(b'{"api":1,"command":"wait","for":"generation","generation":9,"timeout":100}\n')
        clients[4].shutdown(socket.SHUT_WR)
        clients[5].shutdown(socket.SHUT_RD)
        assert idles(gateway.process.pid)
        assert gateway.ctl("status").returncode == 0
        for client in clients:
            client.close()


def missing():
    if not os.access(NFQDND, os.X_OK) or not os.access(NFQDNCTL, os.X_OK):
        return f"{NFQDND} is not built"
    if os.geteuid() != 0:
        return "needs root"
    if not shutil.which("unshare"):
        return "needs unshare"
    return None


def run_case(number, title, function):
    with tempfile.TemporaryDirectory(prefix="nfqdn-live-") as folder:
        try:
            function(folder)
            print(f"ok {number} - {title}", flush=True)
            return 0
        except Exception:  # pylint: disable=broad-except
            print(f"not ok {number} - {title}", flush=True)
            logs = "".join(p.read_text(errors="replace") for p in pathlib.Path(folder).glob("*.log"))
            for line in (traceback.format_exc() + logs[-4000:]).splitlines():
                print(f"# {line}", flush=True)
            return 1


def main():
    why = missing()
    if not why and len(sys.argv) == 1:
        os.execvp("unshare", ["unshare", "-n", sys.executable, __file__, "inside"])
    print(f"1..{len(CASES)}")
    failed = 0
    for number, (title, function) in enumerate(CASES, 1):
        if why:
            print(f"ok {number} - {title} # SKIP {why}")
        else:
            failed |= run_case(number, title, function)
    return failed


if __name__ == "__main__":
    sys.exit(main())
