#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Held packets. Whoever removes a base chain, or lets a batch with one fail, drops every packet that any queue of the namespace holds: ours, and other programs'.
nfqdnd must do neither, whatever it does."""
import pathlib
import signal
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import dnswire  # noqa: E402
from netns import NFQDND, PATIENCE, case, check, elements, expect, main, until  # noqa: E402
from nfqueue import Queue, queue_rule  # noqa: E402

WEB = 'web: { names = "*.example.net"; };'
COUNT = 5
SO_RCVBUFFORCE = 33


class Holder:
    """Sends packets through the gateway that are held there in a queue of the test, and counts how many come out."""

    def __init__(self, t, conntrack=True):
        t.gw.nft("table inet hold {\n chain q {\n }\n chain c {\n type filter hook forward priority -5\n" + (" ct state invalid counter\n" if conntrack else "")
                 + " udp dport 5000 jump q\n }\n}\n")
        self.queue = Queue(t.gw, 77)
        queue_rule(t.gw, "hold", "q", 77)
        self.sink = t.inet.socket(kind=socket.SOCK_DGRAM)
        self.sink.bind(("10.2.0.2", 5000))
        self.sink.settimeout(0.05)
        self.source = t.client.socket(kind=socket.SOCK_DGRAM)
        self.source.connect(("10.2.0.2", 5000))

    def through(self, action):
        """How many of COUNT held packets arrive when `action()` happens meanwhile."""
        for _ in range(COUNT):
            self.source.send(b"held")
        self.queue.wait(COUNT)
        action()
        arrived, deadline = 0, time.monotonic() + PATIENCE
        while arrived < COUNT and time.monotonic() < deadline:
            # Where a chain was added before ours, the kernel takes a released packet through our chain, and so into our queue, once more: it counts chains.
            self.queue.collect()
            self.queue.release()
            try:
                self.sink.recv(100)
                arrived += 1
            except TimeoutError:
                pass
        return arrived


@case("packets held in another program's queue survive all that nfqdnd does", tags=["brief", "kernel", "smoke"])
def others(t):
    t.simple()
    t.dns(t.inet, {"*.example.net": ["20.150.0.1"]})
    holder = Holder(t)
    expect(holder.through(lambda: None), COUNT, "held for a moment")
    state = {}

    def first_start():
        state["d"] = t.gateway(allow=WEB)

    def second_start():
        state["second"] = t.daemon(t.gw, t.config(allow=WEB, name="second", table="second", queue={"first": 9}, interfaces=["lan9"]), name="second")

    def reloads():
        for i in range(5):
            state["d"].reload(t.config(allow=WEB + f' g{i}: {{ names = "*.g{i}.test"; clients = "10.1.0.{i + 2}"; }}; r{i}: {{ addresses = "20.15{i}.0.0/16"; }};',
                                       inbound=f'i: {{ addresses = "20.16{i}.0.1"; to = "10.1.0.9"; ports = "tcp/{i + 1}"; }};' if i % 2 else ""))
        state["d"].reload(t.config(allow=WEB, mode="audit"))
        state["d"].reload(t.config(allow=WEB, denied="drop", interfaces=["lan*", "vlan*"]))
        state["d"].reload(t.config(allow=WEB))

    def offline():
        for arguments in (["--check"], ["--check", "--json"], ["--print-config"], ["--print-ruleset"]):
            t.gw.run([NFQDND, "-c", str(state["d"].file), *arguments])

    def bad_reload():
        state["d"].reload(t.config(allow="bad: { nonsense = 1; };"), ok=1)
        state["d"].write(t.config(allow=WEB))

    def refused_start():
        d = t.daemon(t.gw, t.config(allow=WEB, name="third"), name="third", ready=False)
        expect(d.process.wait(20 * PATIENCE), 4, "the third is refused")
        d.ended = True

    def learn():
        t.client.lookup("10.2.0.2", "www.example.net")

    def crash_and_start():
        state["d"].kill()
        state["d"].start()

    def unowned():
        state["d"].stop()
        state["d"].write(t.config(allow=WEB, own_table="off"))
        state["d"].start()

    def owned():
        state["d"].stop()
        t.gw.run("nft flush set inet nfqdn name4")
        state["d"].write(t.config(allow=WEB))
        state["d"].start()

    actions = [("the first start", first_start), ("a learned address", learn), ("reloads that change everything", reloads), ("--check and --print-*", offline),
               ("a bad reload", bad_reload), ("a second instance's start", second_start), ("a start that is refused", refused_start),
               ("a second instance's end", lambda: state["second"].stop()), ("its start again", lambda: state["second"].start()),
               ("kill -9 and a start that takes over", crash_and_start),
               ("a start that does not own the table", unowned), ("a start that owns it again", owned), ("nfqdnctl", lambda: [state["d"].ctl(*c) for c in (["status"], ["learned"], ["policy"])])]
    for text, action in actions:
        expect(holder.through(action), COUNT, f"packets that survive {text}")

    # And the measuring can fail: a base chain removed by anybody drops them all.
    def base_chain_removed():
        t.gw.nft("table inet gone {\n chain c {\n type filter hook forward priority 9\n }\n}\ndelete table inet gone\n")
    expect(holder.through(base_chain_removed), 0, "packets that survive a base chain's removal")


@case("packets held where nothing uses connection tracking yet survive the first start")
def without_conntrack(t):
    # When the last rule with a ct expression goes, the kernel takes conntrack's hooks away, and with them every held packet: so must no probe do.
    t.simple()
    holder = Holder(t, conntrack=False)
    # The packets enter by an interface that is not decided: held before anything tracked them, they are `invalid` to our rules.
    expect(holder.through(lambda: t.gateway(allow=WEB, interfaces=["other0"])), COUNT, "packets that survive the first start")


@case("a flood of slow and fast answers during twenty reloads: every answer arrives, asked for once", tags=["kernel", "smoke"], seconds=90)
def flood(t):
    t.simple(clients=8)

    def handler(q):
        number = int(q.name.split(".")[0][1:])
        answer = [dnswire.a(q.wire, f"20.{151 + number // 62500}.{number // 250 % 250}.{number % 250 + 1}", 300)]
        return (0.02, answer) if number % 3 == 0 else answer

    server = t.dns(t.inet, handler)
    d = t.gateway(allow=WEB)
    second = None
    stop, lost, counts = threading.Event(), [], [0] * 8

    def client(index):
        number = index
        while not stop.is_set():
            try:
                t.client.query("10.2.0.2", f"n{number}.example.net", source=f"10.1.0.{2 + index}", seconds=3)
                counts[index] += 1
            except TimeoutError:
                lost.append(number)
            number += 8

    threads = [threading.Thread(target=client, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    try:
        for i in range(20):
            names = ", ".join(f'"*.n{i}x{j}.test"' for j in range(100))
            prefixes = ", ".join(f'"21.{i}.{j}.0/24"' for j in range(100))
            d.reload(t.config(allow=WEB + f" other: {{ names = [ {names} ]; addresses = [ {prefixes} ]; }};"))
            if i == 5:
                second = t.daemon(t.gw, t.config(allow=WEB, name="second", table="second", queue={"first": 9}, interfaces=["lan9"]), name="second")
            if i == 10:
                t.gw.run([NFQDND, "-c", str(d.file), "--check"])
            if i == 15:
                second.stop()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    expect(lost, [], f"answers lost, besides {sum(counts)} that came")
    check(sum(counts) > 200, f"only {sum(counts)} answers")
    counters = d.counters()
    expect((counters["answers_dropped"], counters["verdict_errors"], counters["transactions_failed"]), (0, 0, 0), "dropped answers, verdict errors, failed transactions")
    expect(d.status()["queue"]["dropped"], 0, "packets that the kernel dropped")
    check(len(server.asked) >= sum(counts), "each was asked")
    # What one daemon had learned when the other one stopped is open.
    known = d.learned()
    check(len(known) >= sum(counts), f"{len(known)} learned of {sum(counts)}")
    until(lambda: d.status()["queue"]["waiting"] == 0, "nothing waits")


def waiting(t):
    """What the kernel holds for nfqdnd."""
    return sum(int(line.split()[2]) for line in t.gw.proc("netfilter/nfnetlink_queue").splitlines())


def receive_all(sock, count):
    """How many different answers of so many arrive."""
    numbers = set()
    try:
        while len(numbers) < count:
            numbers.add(sock.recv(512)[:2])
    except TimeoutError:
        pass
    return len(numbers)


@case("SIGTERM while thousands of answers are held: each arrives and is learned, also where a full queue would drop", tags=["kernel", "smoke"], seconds=60)
def ended_under_load(t):
    count = 2500  # more than the loop takes in one turn, so that the signal is read before the last of them
    t.simple()
    t.dns(t.inet, lambda q: [dnswire.a(q.wire, f"20.151.{q.number // 250}.{q.number % 250 + 1}", 300)])
    d = t.gateway(allow=WEB, on_overload="pass")
    for overload in ("pass", "drop"):
        if overload == "drop":
            d.write(t.config(allow=WEB, on_overload="drop"))
            d.start()
        d.signal(signal.SIGSTOP)
        with t.client.socket(kind=socket.SOCK_DGRAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
            sock.settimeout(PATIENCE)
            sock.connect(("10.2.0.2", 53))
            for number in range(count):
                sock.send(dnswire.query(f"n{number}.example.net", dnswire.A, number))
                if number % 50 == 49:  # the server's socket has room for some
                    until(lambda sent=number + 1: waiting(t) == sent, "the answers are held")
            d.stop()
            expect(receive_all(sock, count), count, "answers that arrive")
        expect(len(elements(t.gw, "name4")), count, "addresses that were learned before the end")
        t.gw.run([NFQDND, "-c", str(d.file), "--flush"])


@case("a start that fails when it has its queue already loses no answer", tags=["smoke"])
def failed_start(t):
    t.simple(clients=8)
    t.dns(t.inet, {"*.example.net": ["20.152.0.1"]})
    d = t.gateway(allow=WEB)
    d.stop()  # its rules stay, and hold answers as soon as somebody has the queue
    d.write(t.config(allow=WEB, control_group="nosuch"))
    stop, lost, counts = threading.Event(), [], [0] * 8

    def client(index):
        while not stop.is_set():
            try:
                t.client.query("10.2.0.2", "www.example.net", source=f"10.1.0.{2 + index}", seconds=2)
                counts[index] += 1
            except TimeoutError:
                lost.append(index)

    threads = [threading.Thread(target=client, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            until(lambda before=sum(counts): sum(counts) > before + 20, "answers come")
            d.start(ready=False)
            expect(d.process.wait(20 * PATIENCE), 4, "the start fails")
            d.ended = True
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    check("nosuch" in d.log() or "control socket" in d.log(), "it failed behind the queue's opening")
    expect(lost, [], f"answers lost, besides {sum(counts)} that came")


if __name__ == "__main__":
    main()
