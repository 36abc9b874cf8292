# SPDX-License-Identifier: GPL-2.0-or-later
"""What the bench asks and who answers: names, each with an address of its own, nsd that knows them, dnsperf that asks for them."""
import ipaddress
import pathlib
import re
import subprocess

from netns import check, until

# The first names are the known ones. More than any contender's cache holds by default would serve no purpose for smartdns, whose cache takes a part of
# the memory; dnsmasq's 150 are exceeded.
KNOWN = 2000
FIRST_ADDRESS = ipaddress.IPv4Address("20.16.0.0")

NSD = """server:
    ip-address: {address}
    server-count: 1
    username: ""
    chroot: ""
    zonesdir: "{folder}"
    pidfile: ""
    xfrdfile: "{folder}/nsd-xfrd"
    xfrdir: "{folder}"
    zonelistfile: "{folder}/nsd-zones"
    rrl-ratelimit: 0
remote-control:
    control-enable: no
zone:
    name: "example.net"
    zonefile: "example.net.zone"
zone:
    name: "other.test"
    zonefile: "other.test.zone"
"""
HEAD = "$TTL 300\n@ SOA ns. root. 1 3600 600 86400 300\n@ NS ns.\n"


def address(number):
    """Of name `number`."""
    return str(FIRST_ADDRESS + number)


def name(number):
    return f"n{number}.example.net"


class Load:
    """How one run of dnsperf went."""

    def __init__(self, output):
        def value(label):
            found = re.search(rf"{label}: *([0-9.]+)", output)
            check(found, f"dnsperf tells no {label}:\n{output[-2000:]}")
            return float(found.group(1))
        self.sent, self.completed, self.lost = (int(value(f"Queries {what}")) for what in ("sent", "completed", "lost"))
        self.rate = value("Queries per second")
        self.failed = self.completed - sum(int(n) for n in re.findall(r"NOERROR (\d+) ", output))
        self.latencies = sorted(float(s) * 1e6 for s in re.findall(r"^> NOERROR \S+ \S+ ([0-9.]+)$", output, re.MULTILINE))

    def latency(self, part):
        """Microseconds that `part` of the answers took at most."""
        check(self.latencies, "dnsperf tells of each answer")
        return self.latencies[min(len(self.latencies) - 1, int(part * len(self.latencies)))]


class Names:
    """The zone, and files of questions."""

    def __init__(self, t, count):
        self.t, self.folder, self.count, self.at, self.files = t, t.folder, count, KNOWN, 0
        lines = [f"n{i} A {address(i)}\n" for i in range(count)]
        (self.folder / "example.net.zone").write_text("$ORIGIN example.net.\n" + HEAD + "".join(lines), encoding="ascii")
        (self.folder / "other.test.zone").write_text("$ORIGIN other.test.\n" + HEAD + "* A 20.8.0.1\n", encoding="ascii")

    def serve(self, net, where="10.2.0.2"):
        config = self.folder / "nsd.conf"
        config.write_text(NSD.format(address=where, folder=self.folder), encoding="ascii")
        self.t.program(net, ["nsd", "-d", "-c", str(config)], lambda: net.lookup(where, name(0), seconds=0.5), seconds=60)

    def again(self):
        """Nobody has asked yet."""
        self.at = KNOWN

    def file(self, names):
        path = self.folder / f"questions-{self.files % 8}"
        self.files += 1
        path.write_text("".join(f"{n} A\n" for n in names), encoding="ascii")
        return path

    def fresh(self, count):
        """A file of names that nobody has asked for since again()."""
        check(self.at + count <= self.count, f"the zone has {count} fresh names")
        self.at += count
        return self.file(name(i) for i in range(self.at - count, self.at))

    def known(self, count=KNOWN):
        return self.file(name(i) for i in range(count))

    def unrelated(self, count=20000):
        return self.file(f"u{i}.other.test" for i in range(count))


def _command(server, path, seconds, once, rate, verbose):
    return (["dnsperf", "-s", server, "-d", str(path), "-q", "100", "-t", "3"] + (["-l", f"{max(1, round(seconds))}"] if seconds else []) +
            (["-n", "1"] if once else []) + (["-Q", f"{rate:.0f}"] if rate else []) + (["-v"] if verbose else []))


def ask(net, server, path, seconds=None, once=False, rate=None, verbose=False):
    """Runs dnsperf to its end: through the file once, or for whole `seconds`, or what comes first."""
    return Load(net.run(_command(server, path, seconds, once, rate, verbose), seconds=(seconds or 60) + 60).stdout)


class Background:
    """dnsperf meanwhile."""

    def __init__(self, net, server, path, seconds, rate=None):
        self.process = net.popen(_command(server, path, seconds, False, rate, False), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def running(self):
        return self.process.poll() is None

    def end(self):
        return Load(self.process.communicate(timeout=120)[0])


def processor_time(pids):
    """Seconds that processes and their threads have run, in the kernel and outside."""
    total = 0
    for pid in pids:
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text(encoding="ascii").split()[0])
    return total / 1e9


def resident(pid):
    """Octets of memory that a process has in use."""
    found = re.search(r"^VmRSS:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii"), re.MULTILINE)
    return int(found.group(1)) * 1024


def answers(net, server, what, seconds=5.0):
    """Waits until a server answers."""
    until(lambda: net.lookup(server, name(0), seconds=0.3), f"{what} answers", seconds)
