# SPDX-License-Identifier: GPL-2.0-or-later
"""Who takes part: each stands on the gateway between client and nsd, alone, in a ruleset that is new."""
import os
import pathlib
import shutil
import subprocess

import load
import nfqueue
from netns import BUILD, until

NAMES = 'web: { names = [ "*.example.net" ]; };'
# Where an answer ends for those who are resolvers themselves, and what a client meets there.
RESOLVERS = """table inet bench {
 set name4 {
  type ipv4_addr
  flags timeout
  timeout 1d
  size 1000000
 }
 chain forward {
  type filter hook forward priority 0
  ct state established accept
  iifname lan0 ip daddr @name4 tcp dport 443 accept
  iifname lan0 reject with tcp reset
 }
}
"""
# A firewall that follows connections and lets all of them pass.
ACCEPT_ALL = """table inet bench {
 chain forward {
  type filter hook forward priority 0
  ct state established accept
  ct state new accept
 }
}
"""
QUEUE = """table inet bench {
 chain forward {
  type filter hook forward priority 0
 }
 chain snoop {
 }
}
add rule inet bench forward ip saddr 10.2.0.2 udp sport 53 jump snoop
"""


class Contender:
    """Nothing in the way. `key` is its name in ROWS and results, `server` whom the client asks."""

    key, title, server = "plain", "plain forwarding", "10.2.0.2"
    set_name = None  # where addresses end: table and set

    def __init__(self, t):
        self.t, self.process, self.log = t, None, None

    def absent(self):
        """Why it cannot take part, or None."""
        return None

    def begin(self):
        pass

    def end(self):
        pass

    def pids(self):
        return [self.process.pid] if self.process else []

    def start(self):
        self.t.gw.nft("flush ruleset\n")
        self.begin()

    def stop(self):
        self.end()
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None
        self.t.gw.nft("flush ruleset\n")

    def learned(self):
        """How many addresses the kernel's set has."""
        return self.t.gw.run(f"nft list set inet {self.set_name}", seconds=60).stdout.count("expires")

    def run(self, command, **options):
        with open(self.t.folder / f"{self.key}.log", "ab") as log:
            self.process = self.t.gw.popen(command, stdout=options.get("stdout", log), stderr=log)


class AcceptAll(Contender):
    key, title = "accept-all", "a chain that follows connections and accepts all"

    def begin(self):
        self.t.gw.nft(ACCEPT_ALL)


class Pass(Contender):
    key, title = "pass", "NFQUEUE pass-through, batched verdicts"

    def begin(self):
        self.t.gw.nft(QUEUE)
        nfqueue.queue_rule(self.t.gw, "bench", "snoop", 7)
        self.run([str(BUILD / "bench/pass"), "7"], stdout=subprocess.PIPE)
        self.process.stdout.readline()
        self.process.stdout.close()


class TrackedPass(Pass):
    """Of flows that the client began, as nfqdn asks of an answer."""

    key, title = "pass-tracked", "the same behind connection tracking"

    def begin(self):
        super().begin()
        self.t.gw.nft("insert rule inet bench forward ct state invalid drop\n")


class Nfqdn(Contender):
    key, title, set_name = "nfqdn", "nfqdn", "nfqdn name4"

    def __init__(self, t, key=None, title=None, allow=NAMES, inbound="", preload=0, **settings):
        super().__init__(t)
        self.key, self.title = key or self.key, title or self.title
        self.allow, self.inbound, self.preload, self.settings = allow, inbound, preload, {"kernel_assist": None, **settings}
        self.daemon = None

    def begin(self):
        self.make_ready()
        self.run_daemon(True)

    def make_ready(self):
        """All but starting it."""
        shutil.rmtree(self.t.folder / "nfqdnd", ignore_errors=True)
        self.daemon = self.t.daemon(self.t.gw, self.config(), ready=None)

    def run_daemon(self, wait):
        self.daemon.start(wait)
        self.process = self.daemon.process

    def config(self, **other):
        return self.t.config(self.allow, self.inbound, **{**self.settings, **other})

    def end(self):
        if self.daemon:
            self.t.daemons.remove(self.daemon)
            self.daemon.kill()
            self.daemon = self.process = None


class Unassisted(Nfqdn):
    """Every answer comes to nfqdnd."""

    def __init__(self, t):
        super().__init__(t, "unassisted", 'nfqdn, kernel-assist = "off"', kernel_assist="off")


class Assisted(Nfqdn):
    """Answers that teach nothing stay in the kernel: by its module, or by an eBPF program."""

    def __init__(self, t):
        super().__init__(t, "assisted", 'nfqdn, report-names = "policy"', report_names="policy")

    def absent(self):
        self.start()
        told = self.daemon.status()["kernel_assist"]
        self.stop()
        return None if told.startswith(("module", "bpf")) else f"kernel-assist: {told}"


class Resolver(Contender):
    server, set_name = "10.1.0.1", "bench name4"
    program, text = None, None

    def absent(self):
        return None if shutil.which(self.program) or os.path.exists(f"/usr/sbin/{self.program}") else f"{self.program} is not installed"

    def begin(self):
        self.t.gw.nft(RESOLVERS)
        path = self.t.folder / f"{self.key}.conf"
        path.write_text(self.text, encoding="ascii")
        self.run(self.command(str(path)))
        load.answers(self.t.client, self.server, self.title, 20)

    def command(self, path):
        raise NotImplementedError


class Dnsmasq(Resolver):
    key, title, program = "dnsmasq", "dnsmasq --nftset", "dnsmasq"
    text = """no-resolv
no-hosts
bind-interfaces
listen-address=10.1.0.1
server=10.2.0.2
nftset=/example.net/4#inet#bench#name4
user=root
pid-file
"""

    def command(self, path):
        return ["dnsmasq", "-k", "-C", path]


class Smartdns(Resolver):
    """Without its measuring of addresses, which would hold answers back for what has nothing to do with sets."""

    key, title, program = "smartdns", "smartdns nftset", "smartdns"
    text = """bind 10.1.0.1:53
server 10.2.0.2
nftset /example.net/#4:inet#bench#name4
speed-check-mode none
dualstack-ip-selection no
log-level error
cache-persist no
"""

    def command(self, path):
        return ["smartdns", "-f", "-x", "-p", str(self.t.folder / "smartdns.pid"), "-c", path]


def patterns(count):
    """`count` patterns, one of which allows what the bench asks for."""
    return NAMES + " many: { names = [ " + ", ".join(f'"*.n{i}.example.org"' for i in range(count - 1)) + " ]; };"


def learn(contender, names, count):
    """Teaches `count` new names."""
    if count:
        load.ask(contender.t.client, contender.server, names.fresh(count), once=True)
        if isinstance(contender, Nfqdn):
            until(lambda: contender.daemon.counters()["answers_taught"] >= count, f"{count} names are learned", 20)
