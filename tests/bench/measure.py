# SPDX-License-Identifier: GPL-2.0-or-later
"""What is measured. Each group of rows starts its contenders in turn, one at a time, and returns values by metric."""
import json
import os
import re
import select
import socket
import statistics
import struct
import time

import dnswire
import load
import nfqueue
from contenders import NAMES, AcceptAll, Assisted, Contender, Dnsmasq, Nfqdn, Pass, Smartdns, TrackedPass, Unassisted, learn, patterns
from netns import BUILD, Failed, check, until

CONNECT = str(BUILD / "bench/connect")
TCP_INFO_RETRANSMITTED = 100  # offset of tcpi_total_retrans
ALL_SERVICES = ('intune: { service = "intune"; }; power-automate: { service = "power-automate"; features = [ "service", "mobile", "desktop-flows", "approvals", "data-gateway" ]; }; '
                'power-bi: { service = "power-bi"; };')
CONNECTORS = 'sql: { service = "power-automate"; features = "connectors"; to = "10.1.0.10"; ports = "tcp/1433"; };'
EUROPE = CONNECTORS.replace('"connectors";', '"connectors"; regions = "Europe";')


class Metric:
    """One row of the table. `better` is "more" or "less"; goals are (contender, relation, factor, other contender or None for a plain number)."""

    def __init__(self, key, title, unit, better, *goals, digits=0):
        self.key, self.title, self.unit, self.better, self.goals, self.digits = key, title, unit, better, goals, digits


class Sizes:
    """How much of everything."""

    def __init__(self, quick):
        self.quick = quick
        self.fresh, self.seconds = (400, 1) if quick else (40000, 2)
        self.slow = (100, 1) if quick else (1000, 2)
        self.known = 300 if quick else load.KNOWN
        self.learned = (20, 100, 1000) if quick else (100, 10000, 100000)
        self.patterns = (10, 100, 1000) if quick else (10, 1000, 10000)
        self.probes, self.starts, self.reloads = (10, 1, 2) if quick else (300, 5, 10)
        # Everything that one contender is asked between two starts.
        self.names = load.KNOWN + self.learned[-1] + 3 * self.fresh + 4000


class Group:
    """`rounds`: how many of the bench's rounds it takes part in (None: all)."""

    key, rounds, metrics = "", None, ()

    def __init__(self, t, names, sizes):
        self.t, self.names, self.sizes = t, names, sizes

    def contenders(self):
        raise NotImplementedError

    def measure(self, one):
        raise NotImplementedError

    # ---- helpers ----
    def ask(self, one, path, **how):
        return load.ask(self.t.client, one.server, path, **how)

    def timed(self, one, path, **how):
        """The load, and microseconds of the contender's processor time an answer."""
        before = load.processor_time(one.pids())
        done = self.ask(one, path, **how)
        return done, (load.processor_time(one.pids()) - before) * 1e6 / max(1, done.completed)

    def histogram(self, one):
        """Answers held, by upper bound in seconds."""
        text = one.daemon.ctl("metrics").stdout
        return {float(bound): float(count) for bound, count in re.findall(r'^nfqdn_hold_seconds_bucket\{le="([^"]+)"\} (\S+)$', text, re.MULTILINE)}

    def later(self, before, after, seconds):
        """How many answers were held longer between two histograms."""
        return (after[float("inf")] - before[float("inf")]) - (after[seconds] - before[seconds])


def everyone(t):
    return [Contender(t), AcceptAll(t), Pass(t), TrackedPass(t), Nfqdn(t), Unassisted(t), Assisted(t), Nfqdn(t, "query", 'nfqdn, verify = "query"', verify="query"), Dnsmasq(t), Smartdns(t)]


class Answers(Group):
    key = "answers"
    metrics = (
        Metric("new", "answers/s, new allowed names (each teaches an address)", "answers/s", "more",
               ("nfqdn", ">=", 0.75, "pass"), ("nfqdn", ">=", 4, "dnsmasq")),
        Metric("known", "answers/s, allowed names already known", "answers/s", "more",
               ("unassisted", ">=", 0.95, "pass"), ("nfqdn", ">=", 3, "dnsmasq"), ("assisted", ">=", 0.95, "plain")),
        Metric("unrelated", "answers/s, names outside the policy", "answers/s", "more",
               ("unassisted", ">=", 0.95, "pass"), ("assisted", ">=", 0.95, "plain")),
        Metric("taught", "new names whose addresses were in the kernel's set when all were asked", "%", "more", ("nfqdn", ">=", 100, None), digits=1),
        Metric("new-cpu", "processor time of the gateway's process an answer, new names", "us", "less", ("nfqdn", "<=", 0.2, "dnsmasq"), digits=2),
        Metric("known-cpu", "processor time of the gateway's process an answer, known names", "us", "less", ("nfqdn", "<=", 0.2, "dnsmasq"), digits=2),
        Metric("unrelated-cpu", "processor time of the gateway's process an answer, names outside the policy", "us", "less",
               ("nfqdn", "<=", 0.2, "dnsmasq"), digits=2))

    def contenders(self):
        return everyone(self.t)

    def measure(self, one):
        values = {}
        self.ask(one, self.names.known(self.sizes.known), once=True)
        for key, path, once in (("new", self.names.fresh(self.sizes.fresh), True), ("known", self.names.known(self.sizes.known), self.sizes.quick),
                                ("unrelated", self.names.unrelated(self.sizes.fresh), self.sizes.quick)):
            done, cpu = self.timed(one, path, once=once, seconds=self.sizes.seconds)
            values[key] = done.rate
            if key == "new" and one.set_name:
                # Some were learned by the warming up.
                values["taught"] = 100 * min(1, max(0, one.learned() - self.sizes.known) / max(1, done.completed))
            if one.pids():
                values[f"{key}-cpu"] = cpu
        return values


class Latency(Group):
    key, rounds = "latency", 5
    metrics = (Metric("p50", "latency at 500 queries/s, new names, p50", "us", "less"),
               Metric("p99", "latency at 500 queries/s, new names, p99", "us", "less"),
               Metric("p50-added", "of it added to plain forwarding, p50", "us", "less", ("nfqdn", "<=", 1.25, "pass"), ("nfqdn", "<=", 0.33, "dnsmasq")),
               Metric("p99-added", "of it added to plain forwarding, p99", "us", "less"))

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.plain = None

    def contenders(self):
        return everyone(self.t)

    def measure(self, one):
        count, seconds = self.sizes.slow
        done = self.ask(one, self.names.fresh(count), once=True, seconds=seconds, rate=500, verbose=True)
        values = {"p50": done.latency(0.5), "p99": done.latency(0.99)}
        if one.key == "plain":
            self.plain = values
        elif self.plain:
            values.update({f"{key}-added": values[key] - self.plain[key] for key in self.plain})
        return values


class Loss(Group):
    key, rounds = "loss", 5
    metrics = (Metric("full-lost", "lost answers at full load, new names", "answers", "less", ("nfqdn", "<=", 0, None)),
               Metric("half-lost", "lost answers at half load, new names", "answers", "less", ("nfqdn", "<=", 0, None)),
               Metric("half-late", "answers held over 5 ms at half load", "answers", "less", ("nfqdn", "<=", 0, None)),
               Metric("full-late", "answers held over 5 ms at full load", "answers", "less"))

    def contenders(self):
        return [Contender(self.t), Pass(self.t), Nfqdn(self.t), Dnsmasq(self.t), Smartdns(self.t)]

    def measure(self, one):
        ours = isinstance(one, Nfqdn)
        first = self.histogram(one) if ours else None
        full = self.ask(one, self.names.fresh(self.sizes.fresh), once=True, seconds=self.sizes.seconds)
        second = self.histogram(one) if ours else None
        half = self.ask(one, self.names.fresh(self.sizes.fresh), once=True, seconds=self.sizes.seconds, rate=full.rate / 2)
        values = {"full-lost": full.lost, "half-lost": half.lost}
        if ours:
            values["full-late"] = self.later(first, second, 0.005)
            values["half-late"] = self.later(second, self.histogram(one), 0.005)
        return values


class FirstPacket(Group):
    key, rounds = "first-packet", 5
    metrics = (Metric("opened", "connections whose first packet passed, right after the answer, under full load", "%", "more",
                      ("nfqdn", ">=", 100, None), digits=1),)

    def contenders(self):
        return [Nfqdn(self.t), Dnsmasq(self.t), Smartdns(self.t)]

    def probe(self, server, number):
        """Asks for a new name and connects the moment the answer is there."""
        with self.t.client.socket() as sock, self.t.client.socket(kind=socket.SOCK_DGRAM) as dns:
            sock.setblocking(False)
            dns.settimeout(3)
            dns.connect((server, 53))
            dns.send(dnswire.query(load.name(number), dnswire.A, number & 0xFFFF))
            try:
                dns.recv(2000)
            except TimeoutError:
                return False
            sock.connect_ex((load.address(number), 443))
            poll = select.poll()
            poll.register(sock, select.POLLOUT)
            if not poll.poll(3000) or sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                return False
            info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_RETRANSMITTED + 4)
            return struct.unpack_from("=I", info, TCP_INFO_RETRANSMITTED)[0] == 0

    def measure(self, one):
        self.names.fresh(self.sizes.probes)
        numbers = range(self.names.at - self.sizes.probes, self.names.at)
        good = asked = 0
        with load.Background(self.t.client, one.server, self.names.fresh(self.sizes.fresh), self.sizes.seconds) as flood:
            for number in numbers:
                good += self.probe(one.server, number)
                asked += 1
                if not flood.running():
                    break
        return {"opened": 100 * good / asked}


class Memory(Group):
    key, rounds = "memory", 1
    metrics = (Metric("idle", "resident memory, idle", "KiB", "less", ("nfqdn", "<=", 4096, None)),
               Metric("10k", "resident memory, 10,000 learned addresses", "KiB", "less"),
               Metric("100k", "resident memory, 100,000 learned addresses", "KiB", "less"),
               Metric("each", "of it for each address, from 20,000 (when the bounded tables for reports are full) to 100,000", "bytes", "less", ("nfqdn", "<=", 160, None), digits=1))

    def contenders(self):
        return [Nfqdn(self.t), Dnsmasq(self.t)]

    def measure(self, one):
        _, some, many = self.sizes.learned
        sizes = [load.resident(one.process.pid)]
        for count in (some, some, many - 2 * some):
            learn(one, self.names, count)
            sizes.append(load.resident(one.process.pid))
        values = dict(zip(("idle", "10k", "20k", "100k"), (size / 1024 for size in sizes)))
        del values["20k"]
        if isinstance(one, Nfqdn):
            values["each"] = (sizes[3] - sizes[2]) / (many - 2 * some)
        return values


class Growth(Group):
    """Goals compare with the smallest policy and store. With kernel-assist hardly an answer outside the policy would come to nfqdnd."""

    key, rounds = "growth", 5
    metrics = (Metric("policy-rate", "answers/s as the policy grows (names outside it)", "answers/s", "more", ("patterns-2", ">=", 0.9, "patterns-0")),
               Metric("policy-cpu", "processor time an answer as the policy grows (names outside it)", "us", "less",
                      ("patterns-1", "<=", 1.1, "patterns-0"), ("patterns-2", "<=", 1.1, "patterns-0"), digits=2),
               Metric("learned-rate", "answers/s as the learned set grows (new names)", "answers/s", "more", ("learned-2", ">=", 0.9, "learned-0")),
               Metric("learned-cpu", "processor time an answer as the learned set grows (new names)", "us", "less",
                      ("learned-1", "<=", 1.1, "learned-0"), ("learned-2", "<=", 1.1, "learned-0"), digits=2))

    def contenders(self):
        return ([Nfqdn(self.t, f"patterns-{i}", f'nfqdn, {n:,} patterns, kernel-assist = "off"', allow=patterns(n), kernel_assist="off") for i, n in enumerate(self.sizes.patterns)] +
                [Nfqdn(self.t, f"learned-{i}", f"nfqdn, {n:,} learned before", preload=n, limits={"elements": 300000})
                 for i, n in enumerate(self.sizes.learned)])

    def measure(self, one):
        if one.key.startswith("patterns"):
            done, cpu = self.timed(one, self.names.unrelated(self.sizes.fresh), once=self.sizes.quick, seconds=self.sizes.seconds)
            return {"policy-rate": done.rate, "policy-cpu": cpu}
        learn(one, self.names, one.preload)
        done, cpu = self.timed(one, self.names.fresh(self.sizes.fresh), once=True)
        return {"learned-rate": done.rate, "learned-cpu": cpu}


class Start(Group):
    key, rounds = "start", 5
    metrics = (Metric("catalog", "start to enforcing, all services of the built-in catalog", "ms", "less", ("services", "<=", 50, None), digits=1),
               Metric("connectors", "start to enforcing, the connectors of all regions", "ms", "less", ("callers", "<=", 150, None), digits=1))

    def contenders(self):
        return [Nfqdn(self.t, "services", "nfqdn", allow=ALL_SERVICES), Nfqdn(self.t, "callers", "nfqdn", inbound=CONNECTORS)]

    def measure(self, one):
        times = []
        for _ in range(self.sizes.starts):
            one.stop()
            path = self.t.folder / "ready"
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
                ready.bind(str(path))
                path.chmod(0o777)
                ready.settimeout(30)
                os.environ["NOTIFY_SOCKET"] = str(path)
                try:
                    one.make_ready()
                    began = time.monotonic()
                    one.run_daemon(False)
                    while b"READY=1" not in ready.recv(4096):
                        pass
                    times.append((time.monotonic() - began) * 1000)
                finally:
                    del os.environ["NOTIFY_SOCKET"]
                    path.unlink()
        return {"catalog" if one.key == "services" else "connectors": statistics.median(times)}


class Reload(Group):
    key, rounds = "reload", 5
    metrics = (Metric("held", "longest that an answer was held while the connectors selection was reloaded under load", "ms", "less",
                      ("reloading", "<=", 50, None), digits=2),
               Metric("late", "answers held over 50 ms meanwhile", "answers", "less", ("reloading", "<=", 0, None)),
               Metric("denied", "connections wrongly denied meanwhile", "connections", "less", ("reloading", "<=", 0, None)),
               Metric("took", "one reload", "ms", "less", digits=1))

    def contenders(self):
        return [Nfqdn(self.t, "reloading", "nfqdn", inbound=CONNECTORS, allow=NAMES + ' servers: { addresses = [ "20.200.0.0/16" ]; };')]

    def measure(self, one):
        rate = self.ask(one, self.names.fresh(self.sizes.fresh), once=True, seconds=self.sizes.seconds).rate
        one.stop()  # what was held longest is told since the start
        one.start()
        self.ask(one, self.names.known(self.sizes.known), once=True, rate=500 if self.sizes.quick else 2000)
        before, times, configs = self.histogram(one), [], [one.config()]
        one.inbound, other = EUROPE, one.inbound
        configs.insert(0, one.config())
        one.inbound = other
        seconds = 1 if self.sizes.quick else 2 * self.sizes.seconds
        with load.Background(self.t.client, one.server, self.names.known(), seconds, rate / 4) as flood:
            asker = self.t.client.popen([CONNECT, "ask", "20.200.0.1", "1000", "443", str(seconds)], stdout=-1, encoding="utf-8")
            for i in range(self.sizes.reloads):
                began = time.monotonic()
                one.daemon.reload(configs[i % 2])
                times.append((time.monotonic() - began) * 1000)
            _, failed, asked = asker.communicate(timeout=60)[0].split()
            check(int(asked), "connections were tried")
            flood.end()
        return {"held": one.daemon.counters()["hold_microseconds_max"] / 1000, "late": self.later(before, self.histogram(one), 0.05),
                "denied": int(failed), "took": statistics.median(times)}


class Forward(Group):
    """The sender, the gateway's forwarding and all of its chains run on one processor, the receiver on another."""

    key = "forward"
    metrics = (Metric("packets", "forwarding of an established flow, packets of 64 octets", "packets/s", "more", ("nfqdn", ">=", 0.97, "accept-all")),)

    def contenders(self):
        return [Contender(self.t), AcceptAll(self.t), Nfqdn(self.t, allow=NAMES + ' servers: { addresses = [ "20.200.0.0/16" ]; ports = [ "tcp/5201", "udp/5201" ]; };')]

    def measure(self, one):
        last = (os.cpu_count() or 1) - 1
        server = self.t.inet.popen(["taskset", "-c", str(last), "iperf3", "-s", "-1", "-B", "20.200.0.1"], stdout=-3)
        try:
            until(lambda: ":1451 00000000:0000 0A" in self.t.inet.proc("tcp"), "iperf3 listens")
            done = self.t.client.run(["taskset", "-c", "0", "iperf3", "-c", "20.200.0.1", "-u", "-b", "0", "-l", "64", "-t", str(self.sizes.seconds), "--json"],
                                     ok=False, seconds=60)
        finally:
            server.kill()
            server.wait()
        told = json.loads(done.stdout)
        if "error" in told:
            raise Failed(f"iperf3: {told['error']}")
        total = told["end"]["sum"]
        return {"packets": (total["packets"] - total["lost_packets"]) / total["seconds"]}


class Connections(Group):
    key = "connections"
    metrics = (Metric("rate", "new connections/s to learned addresses", "connections/s", "more", ("nfqdn", ">=", 0.9, "accept-all")),
               Metric("failed", "of these failed", "connections", "less", ("nfqdn", "<=", 0, None)))

    def contenders(self):
        return [Contender(self.t), AcceptAll(self.t), Nfqdn(self.t)]

    def measure(self, one):
        self.ask(one, self.names.known(), once=True)
        with self.t.gw.socket(socket.AF_NETLINK, socket.SOCK_RAW, nfqueue.NETLINK_NETFILTER) as sock:  # forget all flows
            sock.bind((0, 0))
            nfqueue.acknowledged(sock, nfqueue.message(1 << 8 | 2, nfqueue.NLM_F_REQUEST | nfqueue.NLM_F_ACK, 1, 0, 0))
        done = self.t.client.run([CONNECT, "ask", load.address(0), str(load.KNOWN), "443", str(self.sizes.seconds)], seconds=60)
        rate, failed, _ = done.stdout.split()
        return {"rate": float(rate), "failed": int(failed)}


GROUPS = (Answers, Latency, Loss, FirstPacket, Memory, Growth, Start, Reload, Forward, Connections)
