#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What must never happen, made to happen: the daemon killed in the midst of transactions, standing still, without descriptors or memory, its sockets broken from
outside. Afterwards it learns, nothing is open that the policy does not allow, and DNS never stood still.
NFQDN_TEST_KILLS: how often it is killed (40); NFQDN_TEST_SEED: the delays of another run; NFQDN_TEST_RELOADS: reloads during a flood (100)."""
import ctypes
import os
import pathlib
import pwd
import random
import re
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import dnswire  # noqa: E402
import packets  # noqa: E402
from netns import NFQDNCTL, NFQDND, USER, Skip, case, check, element, elements, expect, holds, main, until  # noqa: E402

WEB = 'web: { names = "*.example.net"; };'
KILLS = int(os.environ.get("NFQDN_TEST_KILLS", "40"))
RELOADS = int(os.environ.get("NFQDN_TEST_RELOADS", "100"))
SEED = int(os.environ.get("NFQDN_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)

SYS_PIDFD_OPEN, SYS_PIDFD_GETFD = 434, 438
SO_ATTACH_FILTER, SO_DETACH_FILTER, SO_RCVBUF_, SO_SNDBUF_ = 26, 27, 8, 7
_libc = ctypes.CDLL(None, use_errno=True)


def number_of(address):
    a, b, c, d = (int(part) for part in address.split("."))
    return (a << 24 | b << 16 | c << 8 | d) - (20 << 24 | 128 << 16)


def address_of(number):
    return f"20.{128 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


class Flow:
    """Answers of the resolver in one flow, put on the wire as they are: as many as are wanted, faster than anybody asks."""

    def __init__(self, t, server):
        self.sock = t.client.socket(kind=socket.SOCK_DGRAM)
        self.sock.connect(("10.2.0.2", 53))
        self.sock.send(dnswire.query("flood.example.net", number=7))
        until(lambda: server.count("flood.example.net"), "the question arrived")
        self.port, self.mac = self.sock.getsockname()[1], t.gw.mac("up0")
        with t.inet:
            self.raw = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)

    def packet(self, qname, addresses, ttl=7200):
        message = dnswire.response(7, qname, dnswire.A, [dnswire.a(qname, a, ttl) for a in addresses])
        return packets.udp("10.2.0.2", 53, "10.1.0.2", self.port, message)

    def send(self, packet):
        self.raw.sendto(packet, ("eth0", 0x0800, 0, 0, bytes.fromhex(self.mac.replace(":", ""))))

    def answer(self, qname, *addresses):
        self.send(self.packet(qname, addresses))

    def received(self):
        """How many answers the client has got since the last call."""
        count = 0
        self.sock.setblocking(False)
        while True:
            try:
                self.sock.recv(65535)
                count += 1
            except BlockingIOError:
                return count


class Load(threading.Thread):
    """The packets of a list, over and over, while `on` is set."""

    def __init__(self, flow, what):
        super().__init__(daemon=True)
        self.flow, self.what, self.on, self.paused, self.over = flow, what, threading.Event(), threading.Event(), False
        self.start()

    def run(self):
        while not self.over:
            for packet in self.what:
                if not self.on.is_set():
                    self.paused.set()
                    self.on.wait()
                    self.paused.clear()
                self.flow.send(packet)

    def pause(self):
        self.on.clear()
        self.paused.wait()

    def end(self):
        self.over = True
        self.on.set()
        self.join()


def zone(q):
    """"flood" is not answered; nNUMBER has that address; anything else, one that no policy here allows."""
    label = q.name.split(".")[0]
    if label == "flood":
        return None
    return [dnswire.a(q.wire, address_of(int(label[1:])) if label[1:].isdigit() else "20.127.0.1", 7200)]


def begin(t, **gateway):
    t.simple()
    server = t.dns(t.inet, zone)
    d = t.gateway(allow=WEB, **gateway)
    flow = Flow(t, server)
    return d, flow, server


def learns(t, number, text="it learns"):
    t.client.lookup("10.2.0.2", f"n{number}.example.net")
    expect(t.client.tcp(address_of(number)).result, "open", f"{text}: the first packet after the answer")


def denies(t, number, text="what was not learned is denied"):
    """Neither an address that nobody asked for, nor one behind a name that is not allowed."""
    t.client.lookup("10.2.0.2", "www.example.org")
    expect((t.client.tcp(address_of(number)).result, t.client.tcp("20.127.0.1").result), ("reset", "reset"), text)


def cpu(d):
    """Seconds of processor time that the daemon has used."""
    fields = pathlib.Path(f"/proc/{d.process.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def kernel_addresses(t):
    return {e["key"][0] for e in elements(t.gw, "name4")}


def agree(t, d):
    """The kernel's set is what the daemon says that it is."""
    known = {e["address"] for e in d.learned()}
    there = kernel_addresses(t)
    check(known == there, f"{len(known - there)} known but not in the kernel, {len(there - known)} the other way: {sorted(known ^ there)[:5]}")
    return known


def shape(t):
    """The table without what is learned, and without which side of the static sets is in force."""
    text = t.gw.run("nft -s -t list table inet nfqdn").stdout
    sides = set(re.findall(r"set \w+_([ab]) \{", text))
    return sorted(re.sub(r"_[ab]\b", "_x", text).splitlines()), sides


# ---- sockets of the daemon, from outside ----

def netlink_sockets(d):
    """Its sockets of netfilter: {"transactions", "queries", "queue"}, by the order in which they were opened."""
    pidfd = _libc.syscall(SYS_PIDFD_OPEN, d.process.pid, 0)
    found = []
    for name in sorted(os.listdir(f"/proc/{d.process.pid}/fd"), key=int):
        try:
            if not os.readlink(f"/proc/{d.process.pid}/fd/{name}").startswith("socket:"):
                continue
        except OSError:
            continue
        fd = _libc.syscall(SYS_PIDFD_GETFD, pidfd, int(name), 0)
        if fd < 0:
            os.close(pidfd)
            raise Skip("pidfd_getfd() is not to be had (Linux 5.6)")
        sock = socket.socket(fileno=fd)
        if (sock.family, sock.proto) == (socket.AF_NETLINK, 12):
            found.append(sock)
        else:
            sock.close()
    os.close(pidfd)
    check(len(found) >= 3, f"{len(found)} sockets of netfilter")
    # Which of them are bound to the queue is told by the kernel's list.
    ports = {int(line.split()[1]) for line in d.net.proc("netfilter/nfnetlink_queue").splitlines()}
    queue = next(s for s in found if s.getsockname()[0] in ports)
    rest = [s for s in found if s is not queue]
    return {"transactions": rest[0], "queries": rest[1], "queue": queue}


def hear(sock, one_in):
    """A filter on a socket: of what comes to it, only one message in `one_in` by chance; 0: none; None: all again."""
    if one_in is None:
        sock.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)
        return
    program = [(0x06, 0, 0, 0)]
    if one_in:
        # A = random; A %= one_in; A == 0 ? all of it : nothing
        program = [(0x20, 0, 0, (0xfffff000 + 56) & 0xffffffff), (0x94, 0, 0, one_in), (0x15, 0, 1, 0), (0x06, 0, 0, 0xffffffff), (0x06, 0, 0, 0)]
    code = b"".join(struct.pack("HBBI", *row) for row in program)
    buffer = ctypes.create_string_buffer(code)
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", len(program), ctypes.addressof(buffer)))


# ---- kill -9 ----

@case("kill -9 at any moment of learning and of reloads: after each start table, sets and daemon agree, it learns, and nothing else is open", seconds=60 + 3 * KILLS)
def killed(t):
    print(f"# NFQDN_TEST_SEED={SEED} NFQDN_TEST_KILLS={KILLS}", flush=True)
    chance = random.Random(SEED)
    d, flow, _ = begin(t, state_interval=1)
    reference, _ = shape(t)
    taught = set()
    # Names that are asked for again and again, and in each turn some that are new.
    steady = [flow.packet(f"n{i}.example.net", [address_of(i)]) for i in range(300)]
    taught |= {address_of(i) for i in range(300)}
    killed_while_reloading = 0
    for turn in range(KILLS):
        if turn % 20 == 19:  # from nothing again, so that there is always something to add, and little to compare
            d.stop()
            t.gw.run([NFQDND, "-c", str(d.file), "--flush"])
            (d.folder / "state" / "learned").unlink()
            d.start()
            taught = {address_of(i) for i in range(300)}
        fresh = range(1000 + 40 * turn, 1040 + 40 * turn)
        taught |= {address_of(i) for i in fresh}
        load = Load(flow, steady + [flow.packet(f"n{i}.example.net", [address_of(i)]) for i in fresh])
        load.on.set()
        ctl = None
        if turn % 3 == 0:
            time.sleep(chance.random() * 0.03)
            ctl = t.gw.popen([NFQDNCTL, "-s", str(d.socket_path), "reload"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.random() * 0.1)
        d.kill()
        if ctl:
            killed_while_reloading += ctl.wait() != 0
        check(kernel_addresses(t) <= taught, "the kernel has only what was taught")
        load.pause()
        load.end()
        d.start()
        now, sides = shape(t)
        expect((now, len(sides)), (reference, 1), f"the table after kill {turn + 1}")
        until(lambda: agree(t, d) is not None, f"daemon and kernel agree after kill {turn + 1}")
        check(agree(t, d) <= taught, "only what was taught is known")
        denies(t, 500000 + turn, f"after kill {turn + 1}")
        learns(t, 100000 + turn, f"after kill {turn + 1}")
        taught.add(address_of(100000 + turn))
        flow.received()
    print(f"# {killed_while_reloading} of {(KILLS + 2) // 3} reloads were cut off", flush=True)


@case("a start while others commit without a pause takes all over that was learned")
def start_under_commits(t):
    d, flow, _ = begin(t)
    for i in range(0, 6000, 20):
        flow.answer(f"n{i}.example.net", *[address_of(i + k) for k in range(20)])
    until(lambda: d.status()["learned"]["ipv4"] == 6000, "all are learned", 20)
    d.kill()
    (d.folder / "state" / "learned").unlink(missing_ok=True)
    batch = "add table inet busy\nadd chain inet busy c\ndelete chain inet busy c\n"
    stop = threading.Event()

    def others():
        while not stop.is_set():
            t.gw.run(["nft", "-f", "-"], text=batch)

    threads = [threading.Thread(target=others) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        d.start()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    expect(d.counters()["elements_adopted"], 6000, "elements taken over")
    expect(len(agree(t, d)), 6000, "known and in the kernel")
    d.reload(t.config(allow='org: { names = "*.example.org"; };'))
    until(lambda: not kernel_addresses(t), "a policy that allows none of them takes them all away")


# ---- reloads ----

class Ask(threading.Thread):
    """One question after the other, each once; how long each answer took, in milliseconds."""

    def __init__(self, t, source):
        super().__init__(daemon=True)
        self.t, self.source, self.number, self.over, self.lost, self.times = t, source, 0, False, [], []
        self.start()

    def run(self):
        while not self.over:
            qname = f"n{200000 + self.number}.example.net"
            began = time.monotonic()
            try:
                self.t.client.query("10.2.0.2", qname, source=self.source, seconds=5)
                self.times.append(1000 * (time.monotonic() - began))
            except TimeoutError:
                self.lost.append(qname)
            self.number += 1


def spread(times):
    times = sorted(times)
    return f"{len(times)} answers, " + ", ".join(f"{part:g} % within {times[min(len(times) - 1, int(len(times) * part / 100))]:.1f}" for part in (50, 90, 99, 99.9)) + f", the last {times[-1]:.1f} ms"


@case("reloads during a flood of packets that both policies allow: not one is denied, no answer is lost or asked for twice", seconds=60 + RELOADS)
def reloads(t):
    t.simple()
    server = t.dns(t.inet, zone)
    both = WEB + ' cloud: { addresses = "20.120.0.0/24"; ports = "udp/4000"; };'
    services = ' i: { service = "intune"; }; p: { service = "power-bi"; };'
    callers = 'sql: { service = "power-automate"; features = "connectors"; to = "10.1.0.10"; ports = "tcp/1433"; };'
    configs = [t.config(allow=both, inbound=callers), t.config(allow=both + services, inbound=callers)]
    d = t.daemon(t.gw, configs[1])
    flow, sink = Flow(t, server), t.inet.socket(kind=socket.SOCK_DGRAM)
    sink.bind(("0.0.0.0", 4000))
    mac = bytes.fromhex(t.gw.mac("lan0").replace(":", ""))
    with t.client:
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    # Each is the first of its flow: it asks the sets.
    some = [packets.udp("10.1.0.2", 1024 + i, f"20.120.0.{1 + i % 250}", 4000, b"x") for i in range(20000)]
    stop = threading.Event()

    def push():
        while not stop.is_set():
            for packet in some:
                raw.sendto(packet, ("eth0", 0x0800, 0, 0, mac))
                if stop.wait(0.0002):
                    return

    ask = Ask(t, "10.1.0.2")
    pusher = threading.Thread(target=push)
    pusher.start()
    try:
        until(lambda: len(ask.times) >= 300, "answers without reloads", 20)
        quiet = len(ask.times)
        for i in range(RELOADS):
            d.reload(configs[i % 2])
        until(lambda: len(ask.times) > quiet + 100, "answers during reloads", 20)
    finally:
        stop.set()
        ask.over = True
        pusher.join()
        ask.join()
    print(f"# {RELOADS} reloads. Without: {spread(ask.times[:quiet])}. With: {spread(ask.times[quiet:])}. Longest hold {d.counters()['hold_microseconds_max'] / 1000:.1f} ms", flush=True)
    c = d.counters()
    expect(c["kernel_denied_packets"], 0, "packets denied")
    expect(ask.lost, [], f"answers lost of {ask.number}")
    expect([c[k] for k in ("answers_dropped", "verdict_errors", "transactions_failed", "queue_overruns", "elements_dropped")], [0] * 5, "dropped, verdicts, failed, overruns, elements dropped")
    expect(max(server.count(f"n{200000 + i}.example.net") for i in range(0, ask.number, 7)), 1, "times that a name was asked for")
    sink.setblocking(False)
    check(len(sink.recv(100)) == 1, "packets of the flood came out")
    # And the counting can fail: a policy without that range.
    d.reload(t.config(allow=WEB))
    raw.sendto(packets.udp("10.1.0.2", 64000, "20.120.0.1", 4000, b"x"), ("eth0", 0x0800, 0, 0, mac))
    until(lambda: d.counters()["kernel_denied_packets"] > 0, "denied by another policy")


# ---- standing still ----

@case("ten seconds of standing still, few answers held: none is lost, all of them teach", seconds=90)
def still_few(t):
    d, flow, _ = begin(t)
    d.signal(signal.SIGSTOP)
    began, sent = time.monotonic(), 0
    while time.monotonic() < began + 10:
        flow.answer(f"n{sent}.example.net", address_of(sent))
        sent += 1
        holds(lambda: flow.received() == 0, "no answer passes a daemon that stands still", 0.1)
    denies_before = t.client.tcp(address_of(0)).result
    d.signal(signal.SIGCONT)
    until(lambda: d.counters()["answers_taught"] == sent, "all that was held teaches", 20)
    until(lambda: d.status()["queue"]["waiting"] == 0, "nothing waits")
    expect((denies_before, t.client.tcp(address_of(0)).result, t.client.tcp(address_of(sent - 1)).result), ("reset", "open", "open"), "before, and after")
    expect(flow.received(), sent, "answers that came out")
    expect((d.counters()["answers_dropped"], d.counters()["queue_overruns"]), (0, 0), "dropped, overruns")
    learns(t, 100000)
    denies(t, 500000)


@case("ten seconds of standing still under a flood: what does not fit passes and is counted, what was held teaches, it learns again", seconds=120)
def still_flood(t):
    d, flow, _ = begin(t)
    some = [flow.packet(f"n{i}.example.net", [address_of(i)]) for i in range(2000)]
    d.signal(signal.SIGSTOP)
    began, sent, passed = time.monotonic(), 0, 0
    while time.monotonic() < began + 10 or sent < 20000:
        flow.send(some[sent % len(some)])
        sent += 1
        if sent % 100 == 0:
            passed += flow.received()
    check(passed > 0, f"of {sent} answers none passed")
    # DNS goes on, unlearned.
    expect(t.client.lookup("10.2.0.2", "n300000.example.net"), [address_of(300000)], "DNS meanwhile")
    expect(t.client.tcp(address_of(300000)).result, "reset", "unlearned")
    d.signal(signal.SIGCONT)
    until(lambda: d.status()["queue"]["waiting"] == 0, "the queue is empty again", 30)
    c = d.counters()
    check(c["answers"] > 1000, f"what was held was read: {c['answers']} answers")
    learns(t, 100000)
    denies(t, 500000)
    # A gap in the ids is noticed at the next packet.
    check(d.counters()["queue_overruns"] > 0, "what passed is counted")
    agree(t, d)


# ---- without descriptors, without memory ----

def limit(t, d, what, value):
    """prlimit(1) as the daemon's own user: root may need CAP_SYS_RESOURCE for it. "RESOURCE=SOFT:" leaves the hard limit."""
    owner = pwd.getpwnam(USER)
    t.gw.run(["setpriv", "--reuid", str(owner.pw_uid), "--regid", str(owner.pw_gid), "--clear-groups", "prlimit", "--pid", str(d.process.pid),
              f"--{what}={value}:"])


@case("no descriptors left: no control client is served, no processor time is burnt, learning goes on; then all is well again", seconds=60)
def descriptors(t):
    d, flow, _ = begin(t)
    learns(t, 1)
    used = len(os.listdir(f"/proc/{d.process.pid}/fd"))
    before = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    limit(t, d, "nofile", used)
    clients = []
    for _ in range(20):
        sock = socket.socket(socket.AF_UNIX)
        sock.setblocking(False)
        if sock.connect_ex(str(d.socket_path)) == 0:
            sock.send(b'{"api": 1, "command": "status"}\n')
        clients.append(sock)
    began = cpu(d)
    for i in range(30):
        learns(t, 1000 + i)
        holds(lambda: d.process.poll() is None, "it lives", 0.1)
    took = cpu(d) - began
    check(took < 1, f"{took:.2f} s of processor time in three seconds")
    d.signal(signal.SIGHUP)
    until(lambda: "reload refused" in d.log(), "a reload is refused, with a line in the log")
    learns(t, 2000)
    denies(t, 500000)
    limit(t, d, "nofile", before)
    for sock in clients:
        sock.close()
    until(lambda: d.status()["ready"] is not None, "the control socket answers again", 10)
    d.reload()
    learns(t, 3000)
    agree(t, d)


@case("no memory left: reloads are refused, known addresses stay, DNS passes or is asked again; with memory it learns again", seconds=60)
def memory(t):
    d, flow, _ = begin(t)
    learns(t, 1)
    if "asan" in pathlib.Path(f"/proc/{d.process.pid}/maps").read_text(encoding="ascii"):
        raise Skip("a sanitizer reserves memory of its own")
    status = pathlib.Path(f"/proc/{d.process.pid}/status").read_text(encoding="ascii")
    size = int(re.search(r"VmSize:\s+(\d+) kB", status).group(1)) << 10
    good, names = d.config, ", ".join(f'"*.n{i}.test"' for i in range(20000))
    for spare in (0, 64 << 10, 256 << 10, 1 << 20, 4 << 20):
        limit(t, d, "as", size + spare)
        d.write(t.config(allow=WEB + f' many: {{ names = [ {names} ]; }};'))
        d.signal(signal.SIGHUP)
        for i in range(0, 12000, 20):
            flow.answer(f"n{10000 + i}.example.net", *[address_of(10000 + i + k) for k in range(20)])
        until(lambda: t.client.lookup("10.2.0.2", "www.example.org"), f"DNS passes with {spare} octets to spare")
        for command in (["status"], ["learned"], ["metrics"], ["policy"], ["why", address_of(1)]):
            d.ctl(*command, ok=None)
        d.check_running()
        expect(t.client.tcp(address_of(1)).result, "open", "what was known")
        denies(t, 500000)
    limit(t, d, "as", "unlimited")
    d.reload(good)
    learns(t, 400000)
    until(lambda: agree(t, d) is not None, "daemon and kernel agree", 10)


# ---- broken sockets ----

@case("answers of the kernel to transactions are lost: what they opened is known or taken away, DNS goes on, and it learns again")
def lost(t):
    d, flow, _ = begin(t)
    learns(t, 1)
    socks = netlink_sockets(d)
    # Each message of the ruleset's answers comes by chance only: most transactions succeed at the second try or fail.
    hear(socks["transactions"], 2)
    for i in range(40):
        flow.answer(f"n{1000 + i}.example.net", address_of(1000 + i))
    until(lambda: d.counters()["answers"] >= 41, "all are read", 60)
    expect(t.client.lookup("10.2.0.2", "www.example.org"), ["20.127.0.1"], "DNS meanwhile")
    hear(socks["transactions"], 0)
    began = d.counters()["transactions_lost"]
    flow.answer("n2000.example.net", address_of(2000))
    until(lambda: d.counters()["answers_dropped"] >= 1, "an answer without any acknowledgement is dropped", 20)
    check(d.counters()["transactions_lost"] >= began + 2, "asked twice")
    check("allowed answer" in d.log() and "did not arrive" in d.log(), f"it is told: {d.log()}")
    hear(socks["transactions"], None)
    # What may have been done is undone, what is known is there.
    until(lambda: agree(t, d) is not None, "daemon and kernel agree", 10)
    learns(t, 2000)
    denies(t, 500000)


@case("no answers to questions about the table: learning goes on, a reload is refused; then all is well again", seconds=60)
def no_answers(t):
    d, flow, _ = begin(t)
    socks = netlink_sockets(d)
    hear(socks["queries"], 0)
    for i in range(3):
        learns(t, 1000 + i)
    d.reload(ok=1)
    hear(socks["queries"], None)
    d.reload()
    learns(t, 2000)
    denies(t, 500000)
    expect(len(shape(t)[1]), 1, "sides of the static sets")
    agree(t, d)


@case("a send buffer too small for a large transaction: its answer is dropped and told, small ones go on")
def small_sends(t):
    d, flow, _ = begin(t)
    socks = netlink_sockets(d)
    socks["transactions"].setsockopt(socket.SOL_SOCKET, SO_SNDBUF_, 1)
    flow.answer("n1000.example.net", *[address_of(1000 + k) for k in range(85)])
    until(lambda: d.counters()["answers_dropped"] == 1, "the large one is dropped")
    learns(t, 1)
    expect(t.client.tcp(address_of(1000)).result, "reset", "nothing of it is open")
    until(lambda: "allowed answers were dropped" in d.log(), "it is told")
    socks["transactions"].setsockopt(socket.SOL_SOCKET, SO_SNDBUF_, 1 << 20)
    flow.answer("n1000.example.net", *[address_of(1000 + k) for k in range(85)])
    until(lambda: d.counters()["answers_taught"] == 2, "asked again, it teaches")
    expect(len(agree(t, d)), 86, "learned")


@case("tiny receive buffers: what does not fit passes and is counted; it learns, reloads and takes over")
def small_receives(t):
    d, flow, _ = begin(t)
    socks = netlink_sockets(d)
    for sock in socks.values():
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUF_, 1)
    learns(t, 1)
    d.signal(signal.SIGSTOP)
    for i in range(100):
        flow.answer(f"n{1000 + i}.example.net", address_of(1000 + i))
    until(lambda: flow.received() > 0, "what does not fit passes")
    d.signal(signal.SIGCONT)
    until(lambda: d.status()["queue"]["waiting"] == 0, "nothing waits")
    learns(t, 2)
    check(d.counters()["queue_overruns"] > 50, f"{d.counters()['queue_overruns']} overruns are counted")
    for i in range(5):
        d.reload()
        learns(t, 10 + i)
    denies(t, 500000)
    agree(t, d)


@case("verdicts' socket deaf: packets that the daemon never heard of are let go with the next one that it hears of")
def deaf_queue(t):
    d, flow, _ = begin(t)
    learns(t, 1)
    socks = netlink_sockets(d)
    hear(socks["queue"], 0)
    flow.answer("n1000.example.net", address_of(1000))
    until(lambda: d.status()["queue"]["waiting"] == 1, "an answer is held that nobody heard of")
    hear(socks["queue"], None)
    learns(t, 2)
    until(lambda: flow.received() == 1, "it is let go")
    expect((t.client.tcp(address_of(1000)).result, d.status()["queue"]["waiting"]), ("reset", 0), "unlearned; nothing waits")
    expect(d.counters()["queue_overruns"], 1, "it is counted")


if __name__ == "__main__":
    main()
