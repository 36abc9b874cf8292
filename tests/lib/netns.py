# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases in network namespaces: topologies, servers, clients and daemons that are gone when the case ends.

A namespace here has no name: it lives as long as the process of the case, so that nothing is left behind however a case ends, and any number
of cases run side by side. Sockets are made inside a namespace by `with net:` (the calling thread enters it); programs likewise.

    @case("what it shows", tags=["smoke"])
    def a_name(t):
        t.simple()                                   # client --lan0- gateway -up0-- internet
        t.dns(t.inet, {"www.example.net": "198.18.0.1"})
        d = t.daemon(t.gw, t.config(allow='web: { names = "*.example.net"; };'))
        ...

    if __name__ == "__main__":
        main()
"""
import contextlib
import ctypes
import errno
import fnmatch
import heapq
import inspect
import ipaddress
import itertools
import json
import os
import pathlib
import pwd
import re
import selectors
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

import dnswire

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("NFQDN_BUILD", ROOT / "build"))
NFQDND, NFQDNCTL = str(BUILD / "nfqdnd"), str(BUILD / "nfqdnctl")
# Slow machines (an emulated CPU, a sanitizer) wait longer for what must happen, never for what must not.
# The user that daemons run as, and the owner of their folders.
USER = "nobody"
PATIENCE = float(os.environ.get("NFQDN_TEST_PATIENCE", "1"))

CLONE_NEWNET = 0x40000000
PR_SET_CHILD_SUBREAPER = 36
IPV6_TRANSPARENT, IP_TRANSPARENT, IP_MTU_DISCOVER, IP_MTU, IPV6_MTU, IPV6_PKTINFO, IPV6_RECVPKTINFO = 75, 19, 10, 14, 24, 50, 49

_libc = ctypes.CDLL(None, use_errno=True)
_home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


class Skip(Exception):
    """The case cannot run here; the text says what is missing."""


class Failed(AssertionError):
    """What was shown is not so."""


def _check(result, what):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def home():
    """The path of the namespace that this program was started in."""
    return f"/proc/{os.getpid()}/fd/{_home}"


def until(condition, what, seconds=5.0):
    """Waits until `condition()` is true and returns its value; an exception of the last try is told."""
    deadline, pause, last = time.monotonic() + seconds * PATIENCE, 0.002, None
    while True:
        try:
            value, last = condition(), None
            if value:
                return value
        except (OSError, subprocess.SubprocessError, LookupError, ValueError, AssertionError) as error:
            last = error
        if time.monotonic() > deadline:
            raise Failed(f"not within {seconds * PATIENCE:g} s: {what}" + (f" ({last!r})" if last else ""))
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)


@contextlib.contextmanager
def meanwhile(step):
    """Calls `step()` over and over, in a thread, while the block runs; an exception there fails the case."""
    ending, failed = threading.Event(), []

    def go():
        try:
            while not ending.is_set():
                step()
        except BaseException as error:  # pylint: disable=broad-except
            failed.append(error)

    thread = threading.Thread(target=go)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()
    if failed:
        raise failed[0]


def holds(condition, what, seconds):
    """Fails as soon as `condition()` is false; for what must stay so over a time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not condition():
            raise Failed(f"did not stay so for {seconds:g} s: {what}")
        time.sleep(0.02)


def expect(got, want, what):
    if got != want:
        raise Failed(f"{what}: got {got!r}, want {want!r}")


def check(value, what):
    if not value:
        raise Failed(what)


class Loop(threading.Thread):
    """The servers of a case, in one thread."""

    def __init__(self):
        super().__init__(daemon=True)
        self.selector = selectors.DefaultSelector()
        self.timers, self.counter = [], itertools.count()
        self.wake_read, self.wake_write = os.pipe()
        self.todo, self.problems = [], []
        self.selector.register(self.wake_read, selectors.EVENT_READ, lambda: os.read(self.wake_read, 4096))
        self.start()

    def add(self, sock, function):
        """Calls `function()` in the loop's thread when `sock` is readable."""
        self.todo.append((sock, function))
        os.write(self.wake_write, b".")

    def later(self, seconds, function):
        """Only from the loop's thread."""
        heapq.heappush(self.timers, (time.monotonic() + seconds, next(self.counter), function))

    def remove(self, sock):
        """Only from the loop's thread."""
        self.selector.unregister(sock)
        sock.close()

    def run(self):
        while True:
            while self.todo:
                sock, function = self.todo.pop(0)
                self.selector.register(sock, selectors.EVENT_READ, function)
            timeout = max(0.0, self.timers[0][0] - time.monotonic()) if self.timers else None
            for key, _ in self.selector.select(timeout):
                self.call(key.data)
            while self.timers and self.timers[0][0] <= time.monotonic():
                self.call(heapq.heappop(self.timers)[2])

    def call(self, function):
        try:
            function()
        except Exception:  # pylint: disable=broad-except
            self.problems.append(traceback.format_exc())


class Attempt:
    """How a connection attempt ended: "open", "reset", "prohibited" (ICMP), "unreachable", "timeout"; after how many seconds."""

    def __init__(self, result, seconds, sock=None, line=None):
        self.result, self.seconds, self.sock, self.line = result, seconds, sock, line

    def __repr__(self):
        return f"<{self.result} after {self.seconds:.3f} s{' ' + self.line if self.line else ''}>"


RESULTS = {errno.ECONNREFUSED: "reset", errno.ECONNRESET: "reset", errno.EHOSTUNREACH: "prohibited", errno.EACCES: "prohibited",
           errno.ENETUNREACH: "unreachable", errno.ETIMEDOUT: "timeout"}


def _result(error):
    if isinstance(error, TimeoutError):
        return "timeout"
    if error.errno in RESULTS:
        return RESULTS[error.errno]
    raise error


def family_of(address):
    return socket.AF_INET6 if ":" in str(address) else socket.AF_INET


class Net:
    """A network namespace."""

    def __init__(self, name):
        self.name = name
        self.stack = threading.local()
        _check(_libc.unshare(CLONE_NEWNET), "unshare")
        try:
            self.fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            self.prepare()
        finally:
            _check(_libc.setns(_home, CLONE_NEWNET), "setns")

    @property
    def path(self):
        return f"/proc/{os.getpid()}/fd/{self.fd}"

    def prepare(self):
        # Only groups that this user namespace maps can be named.
        groups = "0 2147483647" if pathlib.Path("/proc/self/gid_map").read_text(encoding="ascii").split() == ["0", "0", "4294967295"] else "0 0"
        for key, value in (("ipv4/conf/all/rp_filter", 0), ("ipv4/conf/default/rp_filter", 0),
                           ("ipv6/conf/all/accept_dad", 0), ("ipv6/conf/default/accept_dad", 0), ("ipv6/conf/default/dad_transmits", 0),
                           ("ipv6/conf/all/accept_ra", 0), ("ipv6/conf/default/accept_ra", 0), ("ipv6/conf/default/router_solicitations", 0),
                           ("ipv4/ping_group_range", groups), ("ipv4/icmp_ratelimit", 0), ("ipv6/icmp/ratelimit", 0)):
            self._write(key, value)
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)

    @staticmethod
    def _write(key, value):
        pathlib.Path("/proc/sys/net", key).write_text(f"{value}\n", encoding="ascii")

    def __enter__(self):
        if not hasattr(self.stack, "outer"):
            self.stack.outer = []
        self.stack.outer.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))
        _check(_libc.setns(self.fd, CLONE_NEWNET), "setns")
        return self

    def __exit__(self, *_):
        outer = self.stack.outer.pop()
        _check(_libc.setns(outer, CLONE_NEWNET), "setns")
        os.close(outer)

    # ---- programs ----
    def popen(self, command, **options):
        with self:
            return subprocess.Popen(command, stdin=options.pop("stdin", subprocess.DEVNULL), **options)

    def run(self, command, ok=True, text=None, seconds=30.0):
        """Runs a program (a list, or words in one string) to its end. Failing is an error unless ok=False."""
        if isinstance(command, str):
            command = shlex.split(command)
        with self:
            done = subprocess.run(command, input=text, stdin=subprocess.DEVNULL if text is None else None, capture_output=True, encoding="utf-8",
                                  errors="backslashreplace", timeout=seconds * PATIENCE, check=False)
        if ok and done.returncode:
            raise Failed(f"{shlex.join(command)} in {self.name}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def ip(self, *lines):
        """Lines for `ip -batch`."""
        self.run(["ip", "-batch", "-"], text="".join(line + "\n" for line in lines))

    def nft(self, text):
        self.run(["nft", "-f", "-"], text=text)

    def sysctl(self, key, value):
        with self:
            self._write(key.replace(".", "/"), value)

    def bridged_frames(self, seen):
        """Whether br_netfilter, where there is one, hands bridged frames to the hooks of IP; False when there is none."""
        with self:
            if not pathlib.Path("/proc/sys/net/bridge").exists():
                return False
            for key in ("bridge/bridge-nf-call-iptables", "bridge/bridge-nf-call-ip6tables"):
                self._write(key, int(seen))
        return True

    def proc(self, path):
        """The text of a file below /proc/net of this namespace."""
        with self:
            return pathlib.Path("/proc/thread-self/net", path).read_text(encoding="ascii", errors="replace")

    def snmp(self, name):
        """A counter of /proc/net/snmp or netstat, such as "Tcp.RetransSegs"."""
        group, field = name.split(".")
        for path in ("snmp", "netstat"):
            lines = [line.split() for line in self.proc(path).splitlines() if line.startswith(group + ":")]
            for heads, values in zip(lines[::2], lines[1::2]):
                if field in heads:
                    return int(values[heads.index(field)])
        raise LookupError(name)

    def counter(self, name, table="inet count"):
        """Packets of a named nft counter."""
        done = json.loads(self.run(f"nft -j list counter {table} {name}").stdout)
        return next(item["counter"]["packets"] for item in done["nftables"] if "counter" in item)

    def mac(self, interface):
        return json.loads(self.run(f"ip -j link show dev {interface}").stdout)[0]["address"]

    def index(self, interface):
        with self:
            return socket.if_nametoindex(interface)

    # ---- sockets ----
    def socket(self, family=socket.AF_INET, kind=socket.SOCK_STREAM, protocol=0):
        with self:
            return socket.socket(family, kind, protocol)

    def tcp(self, address, port=443, source=None, sport=0, seconds=3.0, keep=False, read=True):
        """Connects; reads the one line of the listener (`t.listen()`) unless read=False; closes unless keep=True."""
        sock = self.socket(family_of(address))
        sock.settimeout(seconds * PATIENCE)
        began = time.monotonic()
        line = None
        try:
            if source or sport:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.bind((source or ("::" if ":" in address else "0.0.0.0"), sport))
            sock.connect((address, port))
            took = time.monotonic() - began
            if read:
                line = sock.recv(200).decode().strip()
        except OSError as error:
            sock.close()
            return Attempt(_result(error), time.monotonic() - began)
        if not keep:
            sock.close()
        return Attempt("open", took, sock if keep else None, line)

    def udp(self, address, port, data=b"hello", source=None, sport=0, seconds=1.0):
        """Sends a datagram and waits for its echo: "reply", "reset" (port unreachable), "prohibited", "timeout"."""
        with self.socket(family_of(address), socket.SOCK_DGRAM) as sock:
            sock.settimeout(seconds)
            began = time.monotonic()
            try:
                if source or sport:
                    sock.bind((source or ("::" if ":" in address else "0.0.0.0"), sport))
                sock.connect((address, port))
                sock.send(data)
                got = sock.recv(65535)
            except OSError as error:
                return Attempt(_result(error), time.monotonic() - began)
            return Attempt("reply", time.monotonic() - began, line=got.decode(errors="replace"))

    def ping(self, address, seconds=1.0, source=None):
        """"reply", "prohibited" or "timeout"."""
        six = ":" in address
        with self.socket(family_of(address), socket.SOCK_DGRAM, 58 if six else 1) as sock:
            sock.settimeout(seconds)
            began = time.monotonic()
            try:
                if source:
                    sock.bind((source, 0))
                sock.connect((address, 0))
                sock.send(bytes([128 if six else 8, 0, 0, 0, 0, 0, 0, 1]) + b"nfqdn")
                sock.recv(2000)
            except OSError as error:
                return Attempt(_result(error), time.monotonic() - began)
            return Attempt("reply", time.monotonic() - began)

    _numbers = itertools.count(1)

    def query(self, server, qname, kind=dnswire.A, source=None, seconds=5.0, tcp=False, edns=None, port=53):
        """Asks a DNS server; the answer as a dnswire.Message. Raises TimeoutError when none comes: it does not ask again."""
        number = next(Net._numbers) & 0xFFFF
        wire = dnswire.query(qname, kind, number, edns)
        with self.socket(family_of(server), socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as sock:
            sock.settimeout(seconds * PATIENCE)
            if source:
                sock.bind((source, 0))
            sock.connect(socket.getaddrinfo(server, port, type=sock.type)[0][4])
            if tcp:
                sock.sendall(struct.pack("!H", len(wire)) + wire)
                data = b""
                while len(data) < 2 or len(data) < 2 + struct.unpack_from("!H", data)[0]:
                    more = sock.recv(65535)
                    check(more, f"{server} closed the connection")
                    data += more
                data = data[2:]
            else:
                sock.send(wire)
                data = sock.recv(65535)
        message = dnswire.Message(data)
        expect(message.number, number, "the answer's id")
        return message

    def lookup(self, server, qname, kind=dnswire.A, **options):
        """The addresses in the answer; an answer without any is a failure."""
        found = self.query(server, qname, kind, **options).addresses()
        check(found, f"{server} knows no address of {qname}")
        return found


class Question:
    """A query that a Dns server received."""

    def __init__(self, data, source, destination, tcp):
        message = dnswire.Message(data)
        self.data, self.number, self.source, self.destination, self.tcp = data, message.number, source, destination, tcp
        self.wire = message.qname
        self.name, self.kind = message.question

    def reply(self, answers=(), **options):
        return dnswire.response(self.number, self.wire, self.kind, answers, **options)


def plain(address):
    return str(address).removeprefix("::ffff:")


class Dns:
    """A DNS server at every address of a namespace. `handler` is a function of a Question that returns a message (bytes), a list of records,
    (seconds, either) for a late answer, or None for silence; or a dict from a name ("*.x" is allowed) to an address, a list of addresses, or a list of
    records. A name that the dict lacks is NXDOMAIN."""

    def __init__(self, case, net, handler, port=53, ttl=60):
        self.loop, self.ttl, self.asked = case.loop, ttl, []
        self.handler = self.from_zone if isinstance(handler, dict) else handler
        self.zone = handler
        self.udp = net.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.udp.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
        self.udp.setsockopt(socket.IPPROTO_IPV6, IPV6_TRANSPARENT, 1)
        self.udp.setsockopt(socket.SOL_IP, IP_TRANSPARENT, 1)
        self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.udp.bind(("::", port))
        self.udp.setblocking(False)
        case.loop.add(self.udp, self.on_udp)
        self.tcp = net.socket(socket.AF_INET6)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.tcp.bind(("::", port))
        self.tcp.listen(100)
        self.tcp.setblocking(False)
        case.loop.add(self.tcp, self.on_connection)

    def count(self, qname):
        return sum(q.name == qname for q in self.asked)

    def from_zone(self, question):
        value = self.zone.get(question.name)
        if value is None:
            value = next((v for k, v in self.zone.items() if k.startswith("*.") and question.name.endswith(k[1:])), None)
        if value is None:
            return question.reply(rcode=3)
        if isinstance(value, str):
            value = [value]
        if value and isinstance(value[0], str):
            value = [dnswire.address(question.wire, v, self.ttl) for v in value]
            value = [r for r in value if r.kind == question.kind]
        return value

    def answer(self, data, source, destination, tcp, send):
        question = Question(data, source, destination, tcp)
        self.asked.append(question)
        value, delay = self.handler(question), None
        if isinstance(value, tuple):
            delay, value = value
        if value is None:
            return
        if isinstance(value, list):
            value = question.reply(value)
        if delay is None:
            send(value)
        else:
            self.loop.later(delay, lambda: send(value))

    def on_udp(self):
        for _ in range(100):
            try:
                data, control, _, source = self.udp.recvmsg(65535, 200)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error about an earlier answer
                continue
            info = next(value for level, kind, value in control if (level, kind) == (socket.IPPROTO_IPV6, IPV6_PKTINFO))
            # The answer leaves with the address that was asked.
            back = [(socket.IPPROTO_IPV6, IPV6_PKTINFO, info[:16] + b"\0\0\0\0")]
            self.answer(data, (plain(source[0]), source[1]), plain(ipaddress.IPv6Address(info[:16]).ipv4_mapped or ipaddress.IPv6Address(info[:16])), False,
                        lambda message, source=source, back=back: self.udp.sendmsg([message], back, 0, source))

    def on_connection(self):
        sock, source = self.tcp.accept()
        sock.setblocking(False)
        buffer = bytearray()

        def readable():
            try:
                data = sock.recv(65535)
            except ConnectionError:
                data = b""
            if not data:
                self.loop.remove(sock)
                return
            buffer.extend(data)
            while len(buffer) >= 2 and len(buffer) >= 2 + struct.unpack_from("!H", buffer)[0]:
                size = struct.unpack_from("!H", buffer)[0]
                message = bytes(buffer[2:2 + size])
                del buffer[:2 + size]
                self.answer(message, (plain(source[0]), source[1]), plain(sock.getsockname()[0]), True,
                            lambda m: sock.sendall(struct.pack("!H", len(m)) + m))

        self.loop.add(sock, readable)


class Listener:
    """TCP at every address of a namespace on some ports: tells in one line where it was reached, then sends back what it gets."""

    def __init__(self, case, net, ports):
        self.loop, self.reached, self.socks = case.loop, [], {}
        for port in ports:
            sock = net.socket(socket.AF_INET6)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.bind(("::", port))
            sock.listen(4096)
            sock.setblocking(False)
            case.loop.add(sock, lambda sock=sock: self.on_connection(sock))

    def on_connection(self, listening):
        sock, source = listening.accept()
        here = (plain(sock.getsockname()[0]), sock.getsockname()[1])
        there = (plain(source[0]), source[1])
        self.reached.append((here, there))
        self.socks[there] = sock
        sock.setblocking(False)
        sock.send(f"reached {here[0]} {here[1]} from {there[0]}\n".encode())

        def readable():
            try:
                data = sock.recv(65535)
            except OSError:
                data = b""
            try:
                sock.settimeout(5)
                sock.sendall(data)
                sock.setblocking(False)
            except OSError:
                data = b""
            if not data:
                self.loop.remove(sock)
                if self.socks.get(there) is sock:
                    del self.socks[there]

        self.loop.add(sock, readable)


class Echo:
    """UDP at every address of a namespace: sends back what it gets from the address that was asked."""

    def __init__(self, case, net, ports):
        for port in ports:
            sock = net.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
            sock.setsockopt(socket.IPPROTO_IPV6, IPV6_TRANSPARENT, 1)
            sock.setsockopt(socket.SOL_IP, IP_TRANSPARENT, 1)
            sock.bind(("::", port))
            case.loop.add(sock, lambda sock=sock: self.on_packet(sock))

    @staticmethod
    def on_packet(sock):
        data, control, _, source = sock.recvmsg(65535, 200)
        info = next(value for level, kind, value in control if (level, kind) == (socket.IPPROTO_IPV6, IPV6_PKTINFO))
        sock.sendmsg([data], [(socket.IPPROTO_IPV6, IPV6_PKTINFO, info[:16] + b"\0\0\0\0")], 0, source)


class Raw(str):
    """Text that goes into the configuration as it stands."""


def spell(value):
    """A value in libconfig's syntax."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, dict):
        return "{ " + " ".join(f"{k} = {spell(v)};" for k, v in value.items()) + " }"
    return "[ " + ", ".join(spell(v) for v in value) + " ]"


def give(path):
    """To the user that daemons run as, unless a test gave it to somebody else."""
    owner = pwd.getpwnam(USER)
    if path.stat().st_uid == 0:
        os.chown(path, owner.pw_uid, owner.pw_gid)


class Daemon:
    """A running nfqdnd, with its own folder for configuration, control socket, state and log. ready=False does not wait for it, None
    does not start it."""

    def __init__(self, case, net, config, name, arguments=(), ready=True, folder=None, program=NFQDND, environment=None):
        self.program, self.environment = program, environment
        self.case, self.net, self.name = case, net, name
        self.folder = folder or case.folder / name
        (self.folder / "state").mkdir(parents=True, exist_ok=True)
        if 'user = ""' not in config:
            for path in (self.folder, self.folder / "state"):
                give(path)
        self.file, self.socket_path, self.log_path = self.folder / "nfqdn.conf", self.folder / "control.sock", self.folder / "log"
        self.process, self.arguments, self.ended = None, list(arguments), True
        self.write(config)
        if ready is not None:
            self.start(ready)

    def write(self, config):
        self.config = config
        self.file.write_text(config, encoding="utf-8")

    def start(self, ready=True):
        check(os.access(NFQDND, os.X_OK), f"{NFQDND} is not built")
        with open(self.log_path, "ab") as log:
            self.process = self.net.popen([self.program, "-c", str(self.file), *self.arguments], stdout=log, stderr=log, env=self.environment)
        self.ended = False
        if ready:
            self.wait_ready()

    def wait_ready(self, seconds=10.0):
        def there():
            if self.process.poll() is not None:
                self.ended = True
                raise RuntimeError(f"nfqdnd {self.name} ended with status {self.process.returncode}:\n{self.log()}")
            return self.socket_path.exists()
        until(there, f"the control socket of {self.name}", seconds)
        self.ctl("wait", "ready", "--timeout", str(int(seconds * PATIENCE)))

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="backslashreplace") if self.log_path.exists() else ""

    def ctl(self, *arguments, ok=True, seconds=30.0):
        """nfqdnctl; ok=True demands status 0, a number that status, None any."""
        done = self.net.run([NFQDNCTL, "-s", str(self.socket_path), *arguments], ok=False, seconds=seconds)
        want = 0 if ok is True else done.returncode if ok is None else ok
        if done.returncode != want:
            raise Failed(f"nfqdnctl {shlex.join(arguments)}: status {done.returncode}, want {want}\n{done.stdout}{done.stderr}")
        return done

    def json(self, *arguments, ok=True):
        done = self.ctl(*arguments, "--json", ok=ok)
        try:
            return json.loads(done.stdout)
        except ValueError:
            raise Failed(f"nfqdnctl {shlex.join(arguments)} --json printed no JSON:\n{done.stdout}{done.stderr}") from None

    def connect(self, seconds=5.0):
        """A connection to the control socket."""
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(seconds * PATIENCE)
        sock.connect(str(self.socket_path))
        return sock

    def ask(self, request):
        """One request of the control protocol, and its answer."""
        with self.connect() as sock, sock.makefile("rb") as lines:
            sock.sendall(json.dumps(request).encode() + b"\n")
            return json.loads(lines.readline())

    def status(self):
        return self.json("status")

    def counters(self):
        return self.status()["counters"]

    def learned(self, *what):
        """The learned elements as dicts."""
        value = self.json("learned", *what, ok=None)
        return value["learned"] if isinstance(value, dict) else value

    def knows(self, address, port=443, proto="tcp", group=None):
        """The learned element of an address, or None."""
        return next((e for e in self.learned() if e["address"] == address and e["port"] == port and e["proto"] == proto
                     and (group is None or e["group"] == group)), None)

    def reload(self, config=None, ok=True):
        if config is not None:
            self.write(config)
        return self.ctl("reload", ok=ok)

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, seconds=10.0):
        """SIGTERM; anything but a clean end in time is a failure."""
        self.process.send_signal(signal.SIGTERM)
        # Not without need: it would cancel the stop by which a leak checker looks at the process.
        if pathlib.Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii", errors="replace").rsplit(")", 1)[1].split()[0] == "T":
            self.process.send_signal(signal.SIGCONT)
        try:
            status = self.process.wait(seconds * PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            self.ended = True
            raise Failed(f"nfqdnd {self.name} did not end within {seconds * PATIENCE:g} s of SIGTERM") from None
        self.ended = True
        self.sane()
        expect(status, 0, f"status of nfqdnd {self.name} after SIGTERM")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.ended = True
        self.sane()

    def sane(self):
        """No sanitizer has spoken."""
        for sign in ("AddressSanitizer", "LeakSanitizer", "runtime error:", "UndefinedBehaviorSanitizer"):
            check(sign not in self.log(), f"{sign} in the log of {self.name}")

    def check_running(self):
        if not self.ended:
            if self.process.poll() is not None:
                self.ended = True
                raise Failed(f"nfqdnd {self.name} ended by itself with status {self.process.returncode}")


class Case:
    """What a case function receives."""

    def __init__(self, folder=None):
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="nfqdn-test-"))
        self.folder.chmod(0o755)
        self.loop = Loop()
        self.nets, self.daemons, self.programs = [], [], []
        self.client = self.gw = self.inet = None

    # ---- topology ----
    def net(self, name):
        net = Net(name)
        self.nets.append(net)
        return net

    def link(self, one, one_name, other, other_name, one_addresses=(), other_addresses=()):
        """A cable (veth) between two namespaces; both ends up, with addresses ("10.1.0.1/24")."""
        one.run(["ip", "link", "add", one_name, "type", "veth", "peer", "name", other_name, "netns", other.path])
        for net, interface, addresses in ((one, one_name, one_addresses), (other, other_name, other_addresses)):
            net.ip(f"link set {interface} up", *(f"addr add {a} dev {interface}" + (" nodad" if ":" in a else "") for a in addresses))

    def forward(self, net):
        net.sysctl("ipv4.ip_forward", 1)
        net.sysctl("ipv6.conf.all.forwarding", 1)

    def everywhere(self, net, interface, near, routes):
        """Makes `net` own every address there is (AnyIP), but for the networks `near` on `interface` and `routes` [(network, gateway)]."""
        lines = ["route add local 0.0.0.0/0 dev lo table local", "route add local ::/0 dev lo table local",
                 f"route add fe80::/64 dev {interface} table local"]
        lines += [f"route add {n} dev {interface} table local" for n in near]
        lines += [f"route add {n} via {g} table local" for n, g in routes]
        net.ip(*lines)

    def simple(self, clients=1, ports=(80, 443, 1433, 5671, 8443)):
        """client (10.1.0.2, fd00:1::2) -- lan0 gateway up0 -- internet (10.2.0.2, fd00:2::2 and every other address, listening on `ports`)."""
        self.client, self.gw, self.inet = self.net("client"), self.net("gateway"), self.net("internet")
        self.link(self.client, "eth0", self.gw, "lan0",
                  [f"10.1.0.{2 + i}/24" for i in range(clients)] + [f"fd00:1::{2 + i:x}/64" for i in range(clients)], ["10.1.0.1/24", "fd00:1::1/64"])
        self.link(self.gw, "up0", self.inet, "eth0", ["10.2.0.1/24", "fd00:2::1/64"], ["10.2.0.2/24", "fd00:2::2/64"])
        self.client.ip("route add default via 10.1.0.1", "route add default via fd00:1::1")
        self.gw.ip("route add default via 10.2.0.2", "route add default via fd00:2::2")
        self.forward(self.gw)
        self.inet.sysctl("ipv6.ip_nonlocal_bind", 1)
        self.everywhere(self.inet, "eth0", ["10.2.0.0/24", "fd00:2::/64"],
                        [("10.1.0.0/16", "10.2.0.1"), ("10.3.0.0/24", "10.2.0.1"), ("fd00:1::/64", "fd00:2::1"), ("fd00:3::/64", "fd00:2::1")])
        self.listener = self.listen(self.inet, ports)

    def second_segment(self):
        """A second client on the gateway's lan1: 10.3.0.2, fd00:3::2."""
        self.client2 = self.net("client2")
        self.link(self.client2, "eth0", self.gw, "lan1", ["10.3.0.2/24", "fd00:3::2/64"], ["10.3.0.1/24", "fd00:3::1/64"])
        self.client2.ip("route add default via 10.3.0.1", "route add default via fd00:3::1")
        return self.client2

    # ---- servers ----
    def listen(self, net, ports):
        return Listener(self, net, ports)

    def echo(self, net, ports):
        return Echo(self, net, ports)

    def dns(self, net, handler, **options):
        return Dns(self, net, handler, **options)

    def program(self, net, command, ready, seconds=10.0):
        """Starts a server program and waits until `ready()`. It is ended with the case."""
        check(shutil.which(command[0]), f"{command[0]} is not installed")
        path = self.folder / f"{os.path.basename(command[0])}-{len(self.programs)}.log"
        with open(path, "ab") as log:
            process = net.popen(command, stdout=log, stderr=log)
        self.programs.append((process, path))

        def there():
            if process.poll() is not None:
                raise RuntimeError(f"{command[0]} ended with status {process.returncode}:\n{path.read_text(errors='replace')}")
            return ready()
        until(there, f"{command[0]} answers", seconds)
        return process

    # ---- daemons ----
    def config(self, allow="", inbound="", name="nfqdnd", **gateway):
        """A configuration for a daemon called `name`. Keyword arguments are settings of `gateway` (underscores for dashes); None leaves one out."""
        folder = self.folder / name
        settings = {"interfaces": ["lan0"], "resolvers": ["10.2.0.2", "fd00:2::2"], "control": str(folder / "control.sock"), "state": str(folder / "state"),
                    "user": USER, "catalog": [str(ROOT / "data")]}
        # "auto" is what users have, but the kernel takes long to verify the eBPF program (seconds in a VM)
        settings["kernel-assist"] = assist = os.environ.get("NFQDN_TEST_ASSIST", "off")
        # Where nfqdnd has to see every answer, "require" is refused.
        if assist == "require" and (gateway.get("verify") == "query" or gateway.get("mode") == "sets"):
            settings["kernel-assist"] = "auto"
        settings.update({key.replace("_", "-"): value for key, value in gateway.items()})
        text = "gateway: {\n" + "".join(f"    {key} = {spell(value)};\n" for key, value in settings.items() if value is not None) + "};\n"
        for group, body in (("allow", allow), ("inbound", inbound)):
            if body:
                text += f"{group}: {{\n    {body}\n}};\n"
        return text

    def daemon(self, net, config, name="nfqdnd", **options):
        daemon = Daemon(self, net, config, name, **options)
        self.daemons.append(daemon)
        return daemon

    def gateway(self, allow="", inbound="", **gateway):
        """The usual daemon of the usual topology."""
        return self.daemon(self.gw, self.config(allow, inbound, **gateway))

    # ---- end ----
    def finish(self):
        """After a good end: nobody died, no server of ours had a problem, everything ends cleanly."""
        for daemon in self.daemons:
            daemon.check_running()
            if not daemon.ended:
                daemon.stop()
        check(not self.loop.problems, "a server of the test failed:\n" + "\n".join(self.loop.problems))

    def evidence(self):
        for net in {id(d.net): d.net for d in self.daemons}.values():
            done = net.run("nft list ruleset", ok=False)
            yield f"---- ruleset of {net.name}", done.stdout
        for daemon in self.daemons:
            if not daemon.ended and daemon.process.poll() is None and daemon.socket_path.exists():
                try:
                    yield f"---- status of {daemon.name}", daemon.ctl("status", "--json", ok=None, seconds=3).stdout
                except (OSError, subprocess.SubprocessError, AssertionError) as error:
                    yield f"---- status of {daemon.name}", repr(error)
            yield f"---- configuration of {daemon.name}", daemon.config
            yield f"---- log of {daemon.name}", "\n".join(daemon.log().splitlines()[-60:])
        for process, path in self.programs:
            yield f"---- log of {process.args[0]}", "\n".join(path.read_text(errors="replace").splitlines()[-20:])
        if self.loop.problems:
            yield "---- servers of the test", "\n".join(self.loop.problems)

    def close(self):
        for process in [d.process for d in self.daemons] + [p for p, _ in self.programs]:
            if process.poll() is None:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def elements(net, set_name, table="inet nfqdn"):
    """The elements of an nft set: {"key": [...], "timeout", "expires", "comment"}; [] when there is no such set. The sentinel by which nfqdnd
    notices that others emptied a set (an address that cannot match) is left out."""
    done = net.run(f"nft -j list set {table} {set_name}", ok=False)
    if done.returncode:
        return []
    found = []
    for item in json.loads(done.stdout)["nftables"]:
        for elem in item.get("set", {}).get("elem", []):
            value, rest = (elem["elem"]["val"], elem["elem"]) if isinstance(elem, dict) and "elem" in elem else (elem, {})
            key = value["concat"] if isinstance(value, dict) and "concat" in value else [value]
            if key[0] in ("0.0.0.0", "::") and len(key) > 1 and key[1] == 255:
                continue
            found.append({"key": key, "timeout": rest.get("timeout"), "expires": rest.get("expires"), "comment": rest.get("comment", "")})
    return found


def element(net, address, port=443, set_name=None, table="inet nfqdn"):
    """The element of a learned set that opens a port of an address, or None."""
    name = set_name or ("name6" if ":" in address else "name4")
    numbers = {"https": 443, "http": 80, "domain": 53}
    for item in elements(net, name, table):
        key = item["key"]
        if key[0] == address and numbers.get(key[-1], key[-1]) == port:
            return item
    return None


CASES = []


class _Entry:
    def __init__(self, title, function, tags, seconds):
        self.title, self.function, self.tags, self.seconds = title, function, set(tags), seconds


def case(title, tags=(), seconds=60):
    """Registers a case. `seconds`: how long it may take (times NFQDN_TEST_PATIENCE)."""
    def register(function):
        CASES.append(_Entry(title, function, tags, seconds))
        return function
    return register


def _told_short():
    """The exception being handled, in one line, and the line of the case that it came from."""
    kind, error, where = sys.exc_info()
    frames = traceback.extract_tb(where)
    place = next((f for f in reversed(frames) if "/lib/" not in f.filename), frames[-1])
    text = " ".join(str(error).split())
    return f"{text[:300] or kind.__name__} (line {place.lineno}: {place.line})"


def _child(entry, pipe):
    """Runs one case in this (forked) process; writes (verdict, notes) as JSON."""
    def on_signal(number, _):
        signal.alarm(0)
        name = "its time is over" if number == signal.SIGALRM else signal.Signals(number).name
        raise Failed(f"stopped: {name}")
    for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, on_signal)
    signal.alarm(max(1, int(entry.seconds * PATIENCE)))
    verdict, notes = "ok", ""
    t = None
    try:
        t = Case()
        entry.function(t)
        t.finish()
    except Skip as reason:
        verdict, notes = "skip", str(reason)
    except BaseException:  # pylint: disable=broad-except
        verdict, notes = "failed", f"reason: {_told_short()}\n{traceback.format_exc()}"
        signal.alarm(int(20 * PATIENCE))
        try:
            if os.environ.get("NFQDN_TEST_KEEP") and t:
                print(f"# kept for looking around until Enter: {notes}", file=sys.stderr)
                for net in t.nets:
                    print(f"#   nsenter --net={net.path}   # {net.name}", file=sys.stderr)
                signal.alarm(0)
                with open("/dev/tty", encoding="ascii") as tty:
                    tty.readline()
            for title, text in t.evidence() if t else ():
                notes += f"\n{title}\n{text}"
        except BaseException:  # pylint: disable=broad-except
            notes += "\n---- while the evidence was collected:\n" + traceback.format_exc()
    finally:
        signal.alarm(0)
        try:
            if t:
                t.close()
        finally:
            with os.fdopen(pipe, "w", encoding="utf-8") as out:
                json.dump([verdict, notes], out)
            os._exit(0)


def _descendants(pid):
    try:
        children = [int(c) for task in os.listdir(f"/proc/{pid}/task")
                    for c in pathlib.Path(f"/proc/{pid}/task/{task}/children").read_text(encoding="ascii").split()]
    except OSError:
        return []
    return [d for c in children for d in [c, *_descendants(c)]]


def _end_descendants():
    """Ends what a case left: all of it is our offspring, since we are the subreaper."""
    for pid in _descendants(os.getpid()):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _run(entry):
    read, write = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        _child(entry, write)
    os.close(write)
    data, limit = b"", time.monotonic() + (entry.seconds + 30) * PATIENCE
    selector = selectors.DefaultSelector()
    selector.register(read, selectors.EVENT_READ)
    while time.monotonic() < limit:
        if selector.select(limit - time.monotonic()):
            more = os.read(read, 65536)
            if not more:
                break
            data += more
    os.close(read)
    if not data:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    os.waitpid(pid, 0)
    _end_descendants()
    return json.loads(data) if data else ("failed", "the case died or hung without a word")


def main(arguments=None):
    """Runs the registered cases and prints TAP. Arguments: [--list] [--tag TAG] [part of a title or function name ...]"""
    arguments = sys.argv[1:] if arguments is None else arguments
    tags, patterns, listing = [t for t in os.environ.get("NFQDN_TEST_TAGS", "").split(",") if t], [], False
    rest = iter(arguments)
    for argument in rest:
        if argument == "--tag":
            tags.append(next(rest))
        elif argument == "--list":
            listing = True
        elif argument.startswith("-"):
            sys.exit(f"unknown option {argument}; usage: {inspect.getdoc(main)}")
        else:
            patterns.append(argument)
    chosen = [e for e in CASES if (not tags or e.tags & set(tags))
              and (not patterns or any(p in e.title or p in e.function.__name__ or fnmatch.fnmatch(e.title, p) for p in patterns))]
    if listing:
        for entry in chosen:
            print(f"{entry.function.__name__}: {entry.title}" + (f" [{', '.join(sorted(entry.tags))}]" if entry.tags else ""))
        return
    if not chosen:
        print("1..0 # SKIP no case with " + (", ".join(tags + patterns) or "a name"))
        return
    _check(_libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl")

    def on_signal(number, _):
        # The case cleans up after itself; then what is left goes.
        for pid in _descendants(os.getpid()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        print(f"Bail out! {signal.Signals(number).name}", flush=True)
        os._exit(1)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, on_signal)
    print(f"1..{len(chosen)}", flush=True)
    bad = 0
    for index, entry in enumerate(chosen, 1):
        began = time.monotonic()
        try:
            verdict, notes = _run(entry) if os.geteuid() == 0 else ("skip", "needs root")
        except OSError as error:
            verdict, notes = "failed", f"the case could not be run: {error}"
        title = re.sub(r"#", "", entry.title)
        if verdict == "skip":
            print(f"ok {index} - {title} # SKIP {notes}", flush=True)
        else:
            bad += verdict != "ok"
            print(f"{'not ' if verdict != 'ok' else ''}ok {index} - {title}", flush=True)
            if verdict != "ok":
                print(f"# {entry.function.__name__}, {time.monotonic() - began:.1f} s", flush=True)
                for line in notes.splitlines():
                    print(f"# {line}", flush=True)
    sys.exit(1 if bad else 0)
