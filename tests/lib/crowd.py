# SPDX-License-Identifier: GPL-2.0-or-later
"""Thousands of simulated devices behind a lab's gateway (scripts/lab.d/clients.c), and what the gateway has to do for them, once a second."""
import ipaddress
import json
import os
import pathlib
import re
import subprocess
import time

import crowdreport
import dnswire
from netns import BUILD, ROOT, check

PROGRAM, NAMES = BUILD / "lab-clients", ROOT / "scripts/lab.d/names"
# Of the responder: names and servers of the simulated clients alone, in the place of the lab's own.
PORT = 5399
# Counters of nfqdnd's metrics that are looked at.
COUNTERS = ("transactions", "packets_queued", "answers", "answers_taught", "answers_known", "answers_without_policy", "answers_dropped", "packets_unread")


class NoRoom(Exception):
    """The topology has no place for them; the text says what would be right."""


def addresses(lab, host, count, six):
    """(first IPv4 address, first IPv6 address or None) of clients: of the networks that routers lead to the host, or free ones beside its own."""
    own = [ipaddress.ip_interface(a) for (node, _), of in lab.topology.interfaces.items() if node == host for a in of]
    behind = [ipaddress.ip_network(words[0]) for _, words in lab.topology.routes
              if words[0] != "default" and words[1] == "via" and ipaddress.ip_address(words[2]) in [a.ip for a in own]]
    fours = [n for n in behind if n.version == 4] or [a.network for a in own if a.version == 4]
    if not fours:
        raise NoRoom(f"{host} has no IPv4 address")
    first, room = free_run(lab, fours[0])
    if room < count:
        raise NoRoom(f"{fours[0]} has room for {room} of {count} clients; --topology many-clients has it for 60,000")
    # Neighbours of IPv6 are asked for addresses of interfaces alone.
    sixes = [n for n in behind if n.version == 6] if six else []
    return first, sixes[0][1 << 16] if sixes else None


def free_run(lab, network):
    """(first, how many) of the longest run of addresses in an IPv4 network that nobody has."""
    taken = {int(ipaddress.ip_interface(a).ip) for of in lab.topology.interfaces.values() for a in of if ipaddress.ip_interface(a) in network}
    ends = sorted({int(network.network_address), int(network.broadcast_address), *(t for t in taken if t in range(int(network[0]), int(network[-1]) + 1))})
    room, first = max((b - a - 1, -a) for a, b in zip(ends, ends[1:]))
    return ipaddress.IPv4Address(1 - first), room


class Gateway:
    """What a daemon says of itself, and the kernel of it."""

    def __init__(self, daemon):
        self.daemon, self.began = daemon, time.monotonic()

    def sample(self):
        text, at = self.daemon.ctl("metrics").stdout, time.monotonic() - self.began
        found = {m.group(1): float(m.group(2)) for m in re.finditer(r"^(\S+) (\S+)$", text, re.MULTILINE)}
        value = {name: int(found[f"nfqdn_{name}_total"]) for name in COUNTERS}
        # Of its own: on a busy machine it is asked later than the devices told.
        value["at"] = at
        value["learned"] = int(sum(v for k, v in found.items() if k.startswith("nfqdn_learned_elements{")))
        value["learned_names"] = int(found["nfqdn_learned_names"])
        value["hold"] = {k.split('"')[1]: int(v) for k, v in found.items() if k.startswith("nfqdn_hold_seconds_bucket")}
        value["queue_dropped"] = int(found["nfqdn_queue_dropped_packets_total"])
        value["memory"], value["cpu"] = self.memory(), self.cpu()
        with self.daemon.net:
            value["flows"] = int(pathlib.Path("/proc/sys/net/netfilter/nf_conntrack_count").read_text(encoding="ascii"))
        return value

    def memory(self):
        found = re.search(r"^VmRSS:\s+(\d+) kB", pathlib.Path(f"/proc/{self.daemon.process.pid}/status").read_text(encoding="ascii"), re.MULTILINE)
        return int(found.group(1)) * 1024 if found else 0

    def cpu(self):
        """Seconds that it has run."""
        tasks = pathlib.Path(f"/proc/{self.daemon.process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text(encoding="ascii").split()[0]) for task in tasks) / 1e9


class Crowd:
    """One run. `tell`: called with a line of text each second; when it returns False, the run ends early, and when it raises, at once."""

    def __init__(self, lab, daemon, count, tell=None, **settings):
        self.lab, self.count, self.tell, self.settings = lab, count, tell or (lambda text: None), settings
        self.host = next(iter(lab.topology.nodes))
        self.gateway = Gateway(daemon) if daemon else None
        self.first, self.first6 = addresses(lab, self.host, count, settings["family"] != "4")
        self.servers = [lab.nets[name] for name, kind in lab.topology.nodes.items() if kind == "internet"]
        self.samples, self.surprises, self.last = [], [], None

    # ---- before and after ----
    def networks(self):
        yield from ipaddress.summarize_address_range(self.first, self.first + self.count - 1)
        if self.first6:
            yield ipaddress.ip_network(f"{self.first6}/112", strict=False)

    def rules(self):
        """What simulated clients send goes to the responder; what others send does not."""
        sources = [(4, f"{self.first}-{self.first + self.count - 1}")] + ([(6, f"{self.first6}/112")] if self.first6 else [])
        lines = [f"ip{'6' if v == 6 else ''} saddr {source} {what} redirect to :{PORT}" for v, source in sources for what in ("udp dport 53", "meta l4proto tcp")]
        return "table inet lab_clients {\nchain to_responder {\ntype nat hook prerouting priority dstnat\n" + "\n".join(lines) + "\n}\n}\n"

    def prepare(self, programs):
        names = str(self.settings["names"])
        asked = subprocess.run([str(PROGRAM), "list", names, "--clients", "1", "--seconds", "86400", "--think", "3600"], capture_output=True, encoding="utf-8", check=False)
        check(asked.returncode == 0, asked.stderr.strip().removeprefix("lab-clients: "))
        name = asked.stdout.split()[2]
        self.lab.nets[self.host].ip(*(f"route replace local {n} dev lo" for n in self.networks()))
        for net in self.servers:
            programs.append(self.lab.t.program(net, [str(PROGRAM), "serve", names, str(PORT)],
                                               lambda net=net: net.query("127.0.0.1", name, dnswire.A, port=PORT, seconds=0.5).addresses()))
            net.nft(self.rules())
        self.try_out(name)

    def try_out(self, name):
        """A device's question reaches the responder as that device's."""
        try:
            if self.lab.nets[self.host].query(self.resolver(), name, source=str(self.first), seconds=2).addresses():
                return
        except (OSError, AssertionError):
            pass
        raise NoRoom(f"{self.first} gets no answer of the simulated internet: something between, such as NAT, hides who asks; --topology many-clients")

    def end(self, programs):
        for program in programs:
            program.terminate()
            program.wait()
        for net in self.servers:
            net.run("nft delete table inet lab_clients", ok=False)
        self.lab.nets[self.host].run(["ip", "-batch", "-"], text="".join(f"route del local {n} dev lo\n" for n in self.networks()), ok=False)

    # ---- the run ----
    def command(self):
        words = [str(PROGRAM), "run", str(self.settings["names"]), "--resolver", self.resolver(), "--from", str(self.first), "--clients", str(self.count)]
        words += [f"--{key}={self.settings[key]}" for key in ("seconds", "seed", "think", "hold", "zipf")]
        return words + (["--from6", str(self.first6)] if self.first6 else [])

    def resolver(self):
        servers = self.lab.topology.nameservers.get(self.host, [])
        # `internet` has every address that nobody else has.
        others = {str(ipaddress.ip_interface(a).ip) for (node, _), of in self.lab.topology.interfaces.items() for a in of if self.lab.topology.nodes[node] != "internet"}
        found = next((s for s in servers if s not in others and ":" not in s), None)
        if not found:
            raise NoRoom(f"{self.host} asks {' '.join(servers) or 'nobody'}, and simulated clients are answered in `internet` alone: --topology many-clients")
        return found

    def run(self):
        """Raises Failed when it cannot be; afterwards `samples`, `surprises` and `last` are there."""
        command, programs = self.command(), []
        try:
            self.prepare(programs)
            if self.gateway:
                self.gateway.began = time.monotonic()
            self.sample({"at": 0.0})
            self.follow(command)
        finally:
            self.end(programs)
        return self

    def follow(self, command):
        process = self.lab.nets[self.host].popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")
        with process:
            try:
                for line in process.stdout:
                    if self.take(json.loads(line)) is False:
                        process.terminate()  # it tells what it has
                error = process.stderr.read().strip()
            except BaseException:
                process.kill()
                raise
        check(process.returncode == 0 and self.last, f"{os.path.basename(command[0])}: {error or f'status {process.returncode}'}")

    def take(self, value):
        if "surprise" in value:
            self.surprises.append(value)
            return None
        if value["last"]:
            self.last = value
        self.sample(value)
        return self.tell(crowdreport.progress(self.samples))

    def sample(self, value):
        # A daemon that was killed meanwhile is a fault that somebody wanted to see.
        alive = self.gateway and not self.gateway.daemon.ended
        try:
            value = dict(value, gateway=self.gateway.sample() if alive else None)
        except (AssertionError, OSError, subprocess.SubprocessError):
            value = dict(value, gateway=None)
        self.samples.append(value)

    def good(self):
        """Every name of the policy opened, and no other."""
        allowed, other = self.last["allowed"], self.last["other"]
        return allowed["first"] + allowed["later"] > 0 and not any(allowed[k] for k in ("refused", "silent", "failed")) and \
            not (self.gateway and (other["first"] or other["later"])) and not any(self.last[k] for k in ("unanswered", "without", "ask_refused", "skipped"))
