# SPDX-License-Identifier: GPL-2.0-or-later
"""A lab: a topology that is up, and the commands that people, scenarios and tests give it. Each command is a method with a row in COMMANDS;
`scripts/lab COMMAND` sends the same words to a lab that runs. A command says whether it was so, and what it saw."""
import difflib
import ipaddress
import json
import os
import pathlib
import random
import re
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

import crowd
import crowdreport
import dnswire
import labdns
import packets
import topology as topologies
from netns import BUILD, IPV6_PKTINFO, ROOT, Failed, check, home, until
from web import Authority, Web

D = ROOT / "scripts/lab.d"
POLICY, ZONE = D / "policy.conf", D / "zones/internet.zone"
CLOCK = BUILD / "lab-clock.so"
CLOCKS = ("wall", "monotonic", "boottime")


class LabError(Exception):
    """The command cannot be done; the text says what would be right."""


class LabLacks(LabError):
    """What the command needs is not on this machine."""


class Result:
    def __init__(self, ok, text=""):
        self.ok, self.text = bool(ok), text


COMMANDS = {}


def command(usage, text, options=()):
    """Registers a method of Lab as a command. `options`: the keys of KEY=VALUE words that it takes."""
    def register(function):
        COMMANDS[usage.split()[0]] = (function, usage, text, options)
        return function
    return register


def milliseconds(seconds):
    return f"{seconds * 1000:.1f} ms"


class Lab:
    def __init__(self, case, topology, policy=None, zones=(ZONE,), seed=None, settings="", daemon=True):
        self.t = case
        self.topology = topology if isinstance(topology, topologies.Topology) else topologies.Topology(topologies.find(topology))
        self.policy = POLICY.read_text(encoding="utf-8") if policy is None else policy
        self.seed = random.SystemRandom().randrange(1 << 31) if seed is None else seed
        self.settings, self.with_daemon = settings, daemon
        self.dns_faults, self.resolvers, self.daemons = [], [], {}
        self.attached, self.masters, self.down, self.hops = {}, {}, set(), {}
        self.crowd = threading.Lock()
        self.authority = Authority(case.folder / "ca")
        self.zone = labdns.Zone()
        for zone in zones:
            self.zone.read(zone, pathlib.Path(zone).read_text(encoding="utf-8"))
        self.nets = {}

    # ---- up and down ----
    def up(self):
        top = self.topology
        self.nets = topologies.build(self.t, top)
        for name in top.nodes:
            self.resolv_conf(name).write_text("".join(f"nameserver {a}\n" for a in top.nameservers.get(name, [])) + "options timeout:1 attempts:3\n", encoding="ascii")
        for name, upstream in top.dns:
            if upstream:
                labdns.Forwarder(self.t, self.nets[name], upstream)
            else:
                self.resolvers.append(labdns.Resolver(self.t, self.nets[name], self.zone, self.dns_faults))
        for kind, name, ports in top.ports:
            if kind == "listen":
                self.t.listen(self.nets[name], ports)
            else:
                for port in ports:
                    Web(self.t, self.nets[name], port, self.authority if kind == "https" else None)
        self.start_vrrp()
        if self.with_daemon:
            for name, settings in top.daemons:
                self.daemons[name] = self.start_daemon(name, settings)
        return self

    def close(self):
        """What a lab has of the machine goes back. Namespaces, servers and daemons are the case's."""
        for interface in list(self.attached):
            try:
                self.detach([interface], {})
            except (LabError, Failed, OSError):
                pass

    def resolv_conf(self, name):
        return self.t.folder / f"{name}.resolv.conf"

    def config(self, name, settings):
        def keys(text):
            return set(re.findall(r"^\s*([a-z][a-z-]*)\s*=", text, re.MULTILINE))

        lines = [line for line in settings.splitlines() if not keys(line) & keys(self.settings)] + self.settings.splitlines()
        folder = self.t.folder / name
        default = {"mode": '"enforce"', "control": f'"{folder}/control.sock"', "state": f'"{folder}/state"', "catalog": f'"{ROOT}/data"', "user": '""'}
        lines += [f"{k} = {v};" for k, v in default.items() if k not in keys("\n".join(lines))]
        return "gateway: {\n" + "".join(f"    {line.strip()}\n" for line in lines if line.strip()) + "};\n" + self.policy

    def start_daemon(self, name, settings):
        environment = None
        if CLOCK.exists() and not self.sanitized():
            clock = self.t.folder / f"{name}.clock"
            clock.write_bytes(bytes(8 * len(CLOCKS)))
            environment = dict(os.environ, LD_PRELOAD=str(CLOCK), NFQDN_LAB_CLOCK=str(clock))
        return self.t.daemon(self.nets[name], self.config(name, settings), name, environment=environment)

    @staticmethod
    def sanitized():
        """A sanitizer wants to be the first library of a program."""
        return b"__asan_init" in (BUILD / "nfqdnd").read_bytes()

    # ---- words ----
    def do(self, words, tell=None):
        """One command: its Result. Raises LabError when it cannot be done. `tell`: called with lines of text by what takes long."""
        if not words or words[0] not in COMMANDS:
            near = difflib.get_close_matches(words[0] if words else "", COMMANDS, 1)
            raise LabError(f"no command `{words[0] if words else ''}`" + (f"; is it `{near[0]}`?" if near else f"; there are: {' '.join(COMMANDS)}"))
        function, usage, _, options = COMMANDS[words[0]]
        rest, given = [], {}
        for word in words[1:]:
            key, equals, value = word.partition("=")
            if equals and key in options:
                given[key] = value
            else:
                rest.append(word)
        try:
            return function(self, rest, given, tell) if words[0] == "clients" else function(self, rest, given)
        except (IndexError, ValueError) as error:
            raise LabError(f"right would be: {usage}" + (f" ({error})" if isinstance(error, ValueError) else "")) from None

    def where(self, words):
        """(name of a node, the words after it): the first host when none is said."""
        if words and words[0] in self.nets:
            return words[0], words[1:]
        return next(iter(self.topology.nodes)), words

    def gateway(self, words):
        """(a daemon, the words after its node's name)."""
        if not self.daemons:
            raise LabError("no nfqdnd runs in this lab")
        if words and words[0] in self.daemons:
            return self.daemons[words[0]], words[1:]
        return next(iter(self.daemons.values())), words

    def named(self, name):
        """The daemon of a gateway that was named."""
        if name not in self.daemons:
            raise LabError(f"no nfqdnd on `{name}`; there is one on: {' '.join(self.daemons) or 'none'}")
        return self.daemons[name]

    def inside(self, name, words):
        """A command that finds this node's resolvers in /etc/resolv.conf."""
        bind = 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"'
        return ["unshare", "--mount", "sh", "-c", bind, "sh", str(self.resolv_conf(name)), *words]

    # ---- what clients do ----
    def resolve(self, where, name, kind, given):
        """A dnswire.Message, as a stub resolver gets it: again after silence, over TCP after TC=1. None when there is none; and the seconds."""
        servers = [given["at"]] if "at" in given else self.topology.nameservers.get(where, [])
        if not servers:
            raise LabError(f"{where} has no nameserver; say at=ADDRESS")
        began = time.monotonic()
        for _ in range(int(given.get("tries", 2))):
            for server in servers:
                try:
                    message = self.nets[where].query(server, name, kind, seconds=float(given.get("wait", 1)))
                    if message.truncated:
                        message = self.nets[where].query(server, name, kind, seconds=float(given.get("wait", 1)), tcp=True)
                    return message, time.monotonic() - began
                except (OSError, AssertionError):
                    continue
        return None, time.monotonic() - began

    @command("ask [NODE] NAME [A|AAAA] [at=RESOLVER] [tries=N] [wait=SECONDS]", "asks for a name; yes when an address came", ("at", "tries", "wait"))
    def ask(self, words, given):
        where, words = self.where(words)
        name, kind = words[0], labdns.TYPES[words[1].upper()] if len(words) > 1 else dnswire.A
        message, seconds = self.resolve(where, name, kind, given)
        if message is None:
            return Result(False, f"no answer for {name} within {milliseconds(seconds)}")
        lines = [f"answered in {milliseconds(seconds)}: " + {0: "NOERROR", 2: "SERVFAIL", 3: "NXDOMAIN"}.get(message.rcode, str(message.rcode))]
        lines += [f"  {owner} {ttl} {labdns.KINDS.get(number, number)} {value}" for owner, number, ttl, value in message.answers]
        return Result(message.addresses(), "\n".join(lines))

    def addresses(self, where, name, given):
        """(those of a name, or the address itself; why there is none)."""
        try:
            return [str(ipaddress.ip_address(name))], ""
        except ValueError:
            message, seconds = self.resolve(where, name, dnswire.AAAA if given.get("family") == "6" else dnswire.A, given)
            return (message.addresses(), f"no address in the answer for {name}") if message else ([], f"no answer for {name} within {milliseconds(seconds)}")

    def connect(self, words, given):
        """(an Attempt, the address); (None, why) when there is no address."""
        where, words = self.where(words)
        found, why = self.addresses(where, words[0], given)
        if not found:
            return None, why
        port = int(words[1]) if len(words) > 1 else 443
        return self.nets[where].tcp(found[0], port, source=given.get("from"), read=False, seconds=float(given.get("wait", 3))), found[0]

    @command("open [NODE] NAME|ADDRESS [PORT] [family=6] [from=SOURCE] [wait=SECONDS]", "asks for the name and connects, as a device does; yes when connected",
             ("family", "from", "at", "tries", "wait"))
    def open(self, words, given):
        attempt, address = self.connect(words, given)
        if attempt is None:
            return Result(False, address)
        return Result(attempt.result == "open", f"{attempt.result} after {milliseconds(attempt.seconds)}: {address}")

    @command("refused [NODE] NAME|ADDRESS [PORT] [family=6] [from=SOURCE] [wait=SECONDS]", "the same; yes when refused, so that nothing hangs",
             ("family", "from", "at", "tries", "wait"))
    def refused(self, words, given):
        attempt, address = self.connect(words, given)
        if attempt is None:
            return Result(False, address)
        return Result(attempt.result in ("reset", "prohibited"), f"{attempt.result} after {milliseconds(attempt.seconds)}: {address}")

    @command("get [NODE] URL [CURL'S OPTIONS...]", "curl, which trusts the lab's CA")
    def get(self, words, _):
        where, words = self.where(words)
        if not shutil.which("curl"):
            raise LabLacks("curl is not installed")
        if not re.match(r"https?://", words[0]):
            raise LabError(f"`{words[0]}` should be a URL, such as https://www.example.net/")
        done = self.nets[where].run(self.inside(where, ["curl", "-sS", "--max-time", "10", "--cacert", str(self.authority.ready()), *words]), ok=False, seconds=15)
        return Result(done.returncode == 0, (done.stdout + done.stderr).strip())

    @command("run NODE COMMAND...", "a program in a node, in scenarios (else: exec); yes when its status is 0")
    def run(self, words, _):
        if words[0] not in self.nets:
            raise LabError(f"no node `{words[0]}`; there are: {' '.join(self.nets)}")
        check(len(words) > 1, "a program is wanted")
        done = self.nets[words[0]].run(self.inside(words[0], words[1:]), ok=False)
        return Result(done.returncode == 0, (done.stdout + done.stderr).strip())

    # ---- what the gateway says ----
    @command("ctl [GATEWAY] WORDS...", "nfqdnctl; yes when its status is 0")
    def ctl(self, words, _):
        daemon, words = self.gateway(words)
        done = daemon.ctl(*words, ok=None)
        return Result(done.returncode == 0, (done.stdout + done.stderr).strip())

    @command("learned [GATEWAY] NAME|ADDRESS", "yes when an address of it is learned")
    def learned(self, words, _):
        daemon, words = self.gateway(words)
        found = [e for e in daemon.learned() if words[0] in (e["address"], e.get("name"), *e.get("names", []))]
        return Result(found, "\n".join(f"{e['address']} {e['proto']}/{e['port']} for {e['expires_in']} s" for e in found) or "not learned")

    @command("counter [GATEWAY] NAME =|<|> NUMBER", "compares a counter")
    def counter(self, words, _):
        daemon, words = self.gateway(words)
        value, want = daemon.counters().get(words[0]), int(words[2])
        if value is None:
            raise LabError(f"no counter `{words[0]}`")
        return Result({"=": value == want, "<": value < want, ">": value > want}[words[1]] if words[1] in "=<>" else False, f"{words[0]} is {value}")

    @command("log [GATEWAY] TEXT", "yes when nfqdnd's log has this text")
    def log(self, words, _):
        daemon, words = self.gateway(words)
        found = [line for line in daemon.log().splitlines() if " ".join(words) in line]
        return Result(found, "\n".join(found[-5:]))

    @command("daemon start|stop|restart|reload|continue [GATEWAY]", "what an administrator does with nfqdnd")
    def daemon(self, words, _):
        what, (daemon, _) = words[0], self.gateway(words[1:])
        if what == "reload":
            done = daemon.ctl("reload", ok=None)
            return Result(done.returncode == 0, (done.stdout + done.stderr).strip())
        if what not in ("start", "stop", "restart", "continue"):
            raise ValueError(what)
        if what == "continue":
            daemon.signal(signal.SIGCONT)
        if what in ("stop", "restart") and not daemon.ended:
            daemon.stop()
        if what in ("start", "restart") and daemon.ended:
            daemon.start()
        return Result(True, f"{daemon.name}: " + ("ended" if daemon.ended else f"runs, process {daemon.process.pid}"))

    @command("record NAME [TTL] A|AAAA|CNAME|TXT VALUE", "what the resolver says of a name from now on, instead of its records of this type")
    def record(self, words, _):
        name, words = words[0], words[1:]
        ttl = int(words.pop(0)) if words[0].isdigit() else 60
        kind, values = words[0].upper(), words[1:]
        for value in values:
            labdns.make_record(name, ttl, kind, value)
        self.zone.drop(name, kind)
        for value in values:
            self.zone.add(name, ttl, kind, value)
        return Result(values, f"{name} {ttl} {kind} {' '.join(values)}")

    @command("sync FROM TO", "what one gateway has learned is handed to the other: learned export, learned import")
    def sync(self, words, _):
        source, target = (self.named(word) for word in words[:2]) if len(words) == 2 else (None, None)
        if not source:
            raise ValueError("two gateways")
        exported = source.ctl("learned", "export").stdout
        path = self.t.folder / "export"
        path.write_text(exported, encoding="utf-8")
        done = target.ctl("learned", "import", str(path), ok=None)
        return Result(done.returncode == 0, (done.stdout + done.stderr).strip())

    def described(self):
        """For programs."""
        top = self.topology
        nodes = {name: {"kind": kind, "interfaces": {i: own for (node, i), own in top.interfaces.items() if node == name}} for name, kind in top.nodes.items()}
        daemons = {name: {"pid": None if d.ended or d.process.poll() is not None else d.process.pid, "config": str(d.file), "socket": str(d.socket_path), "log": str(d.log_path)}
                   for name, d in self.daemons.items()}
        return {"topology": top.path.name, "title": top.title, "seed": self.seed, "nodes": nodes, "nfqdn": daemons,
                "faults": [{"fault": str(f), "answers": f.struck} for f in self.dns_faults], "down": [":".join(end) for end in sorted(self.down)],
                "attached": {interface: ":".join(end) for interface, end in self.attached.items()}}

    @command("status [--json]", "what runs here")
    def status(self, words, _):
        if words == ["--json"]:
            return Result(True, json.dumps(self.described(), indent=2))
        top = self.topology
        lines = [f"topology {top.path.name}: {top.title}", f"seed {self.seed}"]
        for name, kind in top.nodes.items():
            addresses = [a for (node, _), all_of in top.interfaces.items() if node == name for a in all_of]
            lines.append(f"  {name:<12} {kind:<8} {' '.join(addresses)}")
        for name, daemon in self.daemons.items():
            alive = not daemon.ended and daemon.process.poll() is None
            lines.append(f"nfqdnd on {name}: " + (f"process {daemon.process.pid}" if alive else "does not run") + f"; {daemon.file}")
        lines += [f"fault {fault}: {fault.struck} answers" for fault in self.dns_faults]
        lines += [f"down: {node}:{interface}" for node, interface in sorted(self.down)]
        lines += [f"attached: {interface} to {node}:{bridge}" for interface, (node, bridge) in self.attached.items()]
        return Result(True, "\n".join(lines))

    # ---- many devices ----
    @command("clients N [seconds=60] [think=20] [hold=10] [seed=N] [zipf=0.9] [names=FILE] [family=4] [out=FOLDER] [on=GATEWAY]",
             "so many devices ask and connect, each every `think` seconds; yes when all names of the policy opened and no other; tells the gateway's figures, in FOLDER also as plot.svg",
             ("seconds", "think", "hold", "seed", "zipf", "names", "family", "out", "on"))
    def clients(self, words, given, tell=None):
        if len(words) > 1:
            raise LabError(f"no setting `{words[1]}` of clients; there are: seconds think hold seed zipf names family out on")
        count, daemon = int(words[0]), self.target(given) if self.daemons else None
        settings = {"seconds": 60, "think": 20, "hold": 10, "zipf": 0.9, "seed": self.seed, "names": crowd.NAMES, "family": None, **given}
        for key in ("seconds", "think", "hold", "zipf"):
            settings[key] = float(settings[key])
        settings["seed"] = int(settings["seed"])
        settings["names"] = pathlib.Path(settings["names"])
        if count < 1 or settings["family"] not in (None, "4"):
            raise ValueError("N is 1 or more, and family=4 the only choice there is")
        if not crowd.PROGRAM.exists():
            raise LabLacks(f"no {crowd.PROGRAM}: `make lab` builds it")
        if not self.crowd.acquire(blocking=False):
            raise LabError("`clients` runs in this lab already")
        try:
            return self.run_crowd(count, daemon, settings, tell, pathlib.Path(given.get("out", self.t.folder / "clients")))
        except crowd.NoRoom as error:
            raise LabError(f"{error}") from None
        finally:
            self.crowd.release()

    def run_crowd(self, count, daemon, settings, tell, out):
        run = crowd.Crowd(self, daemon, count, tell, **settings)
        out.mkdir(parents=True, exist_ok=True)
        run.run()
        title = (f"{count:,} devices for {round(min(settings['seconds'], run.last['at']), 1):g} s, each every {settings['think']:g} s, seed {settings['seed']}; "
                 f"{self.topology.path.name}" + (f", nfqdnd on {daemon.name}" if daemon else ", without nfqdnd"))
        text = crowdreport.text(title, run)
        for name, content in (("table.txt", text), ("samples.csv", crowdreport.table(run.samples)), ("results.json", crowdreport.values(title, run, settings)),
                              ("plot.svg", crowdreport.plot(title, run))):
            (out / name).write_text(content, encoding="utf-8")
        return Result(run.good(), f"{text}\n{out}: table.txt, plot.svg, samples.csv, results.json")

    # ---- VRRP ----
    def start_vrrp(self):
        if not self.topology.vrrp:
            return
        if not shutil.which("keepalived"):
            self.move_master(0)
            return
        for place in (0, 1):
            name = self.topology.vrrp[0][0][place][0]
            folder = self.t.folder / f"{name}.keepalived"
            folder.mkdir()
            (folder / "conf").write_text(self.keepalived_conf(place), encoding="ascii")
            self.t.program(self.nets[name], ["keepalived", "--dont-fork", "--log-console", "--vrrp", "--use-file", f"{folder}/conf", "--pid", f"{folder}/pid",
                                             "--vrrp_pid", f"{folder}/vrrp.pid"], (folder / "vrrp.pid").exists)
        until(lambda: self.master() == self.topology.vrrp[0][0][0][0], "one of the gateways is master", 15)

    def keepalived_conf(self, place):
        """The first named of each pair has the higher priority; all addresses go together."""
        text, instances = "global_defs {\n vrrp_version 3\n}\n", []
        for number, (ends, addresses) in enumerate(self.topology.vrrp):
            four, six = ([a for a in addresses if (":" in a) == want] for want in (False, True))
            text += (f"vrrp_instance v{number} {{\n state BACKUP\n interface {ends[place][1]}\n virtual_router_id {51 + number}\n priority {150 - 50 * place}\n"
                     f" advert_int 0.2\n virtual_ipaddress {{\n {' '.join(four)}\n }}\n virtual_ipaddress_excluded {{\n {' '.join(six)}\n }}\n}}\n")
            instances.append(f"v{number}")
        return text + "vrrp_sync_group all {\n group {\n " + "\n ".join(instances) + "\n }\n}\n"

    def master(self):
        """The gateway that alone has all of the shared addresses; None while nobody has, or both have some."""
        own = {}
        for ends, addresses in self.topology.vrrp:
            for node, _ in ends:
                shown = self.nets[node].run("ip -o addr show").stdout
                own.setdefault(node, []).extend(f" {a} " in shown for a in addresses)
        masters = [node for node, has in own.items() if all(has)]
        return masters[0] if len(masters) == 1 and not any(any(has) for node, has in own.items() if node not in masters) else None

    @command("failover", "the shared addresses move to the other gateway: keepalived is told to give them up, or they are moved where there is none")
    def failover(self, _words, _):
        if not self.topology.vrrp:
            raise LabError("this topology has no vrrp pair")
        before = self.master()
        pair = [end[0] for end in self.topology.vrrp[0][0]]
        if not shutil.which("keepalived"):
            self.move_master(1 - pair.index(before))
        else:
            node, interface = self.topology.vrrp[0][0][pair.index(before)]
            self.take_down(node, interface)
        after = until(lambda: self.master() not in (None, before) and self.master(), "the other gateway is master", 15)
        return Result(True, f"master was {before}, is {after}")

    def move_master(self, place):
        for ends, addresses in self.topology.vrrp:
            node, interface = ends[1 - place]
            for address in addresses:
                self.nets[node].run(["ip", "addr", "del", address, "dev", interface], ok=False)
            node, interface = ends[place]
            self.nets[node].ip(*(f"addr replace {a} dev {interface}" + (" nodad" if ":" in a else "") for a in addresses))
            for address in addresses:
                self.tell_neighbours(self.nets[node], interface, address.split("/")[0])

    @staticmethod
    def tell_neighbours(net, interface, address):
        """A gratuitous ARP (RFC 5227, 3) or an unsolicited neighbour advertisement (RFC 4861, 4.4), as VRRP sends them."""
        mac = bytes.fromhex(net.mac(interface).replace(":", ""))
        if ":" in address:
            target = ipaddress.IPv6Address(address).packed
            message = packets.icmp(address, "ff02::1", 136, 0, b"\xa0\0\0\0", target + b"\x02\x01" + mac)
            packets.send(net, interface, "33:33:00:00:00:01", message[:7] + b"\xff" + message[8:])
            return
        packed = ipaddress.IPv4Address(address).packed
        with net, socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0806)) as sock:
            sock.sendto(struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + mac + packed + bytes(6) + packed, (interface, 0x0806, 0, 0, b"\xff" * 6))

    # ---- interfaces ----
    def take_down(self, node, interface):
        self.nets[node].ip(f"link set {interface} down")
        self.down.add((node, interface))

    def bring_up(self, node, interface):
        """With the addresses of IPv6 and the routes that the kernel forgot meanwhile."""
        own = self.topology.interfaces[node, interface]
        lines = [line for line in topologies.routes_of(self.topology, node)]
        self.nets[node].ip(*topologies.up_lines(topologies.Link(node, interface, own)))
        for line in lines:
            self.nets[node].run(["ip", *line.split()], ok=False)
        self.down.discard((node, interface))

    @command("attach INTERFACE [NODE:BRIDGE]", "moves an interface of this machine into the lab, as a port of the clients' bridge; a DHCP server answers there")
    def attach(self, words, _):
        interface = words[0]
        end = self.entrance(words[1] if len(words) > 1 else None)
        node, bridge = end
        net = self.nets[node]
        if interface not in [name for _, name in socket.if_nameindex()]:
            raise LabError(f"no interface `{interface}` here" + ("; a rootless lab sees none of the machine's: this wants root" if os.environ.get("NFQDN_LAB_ROOTLESS") else ""))
        if (node, interface) in self.topology.interfaces:
            raise LabError(f"{node} has an interface `{interface}` of its own: give yours another name")
        done = self.run_here(["ip", "link", "set", interface, "netns", net.path])
        if done.returncode:
            raise LabError(f"{interface} cannot be moved: {done.stderr.strip()}")
        net.ip(f"link set {interface} master {bridge}", f"link set {interface} up")
        self.attached[interface] = end
        dhcp = self.start_dhcp(node, bridge)
        return Result(True, f"{interface} is a port of {node}:{bridge}; {dhcp}")

    def entrance(self, word):
        if not word:
            if not self.topology.entrance:
                raise LabError("this topology says no `entrance`: say where, as in `attach eth1 gateway:br-lan`")
            return self.topology.entrance
        node, _, bridge = word.partition(":")
        kinds = {(link.node, link.interface) for link, _ in self.topology.bridges} | {(n, "br0") for n, kind in self.topology.nodes.items() if kind == "switch"}
        if (node, bridge) not in kinds:
            raise LabError(f"no bridge `{word}`; there are: {' '.join(f'{n}:{b}' for n, b in sorted(kinds)) or 'none'}")
        return node, bridge

    def start_dhcp(self, node, bridge):
        """Addresses from .100 on of the bridge's network, its own address as router, the clients' resolvers; and router advertisements."""
        own = [ipaddress.ip_interface(a) for a in self.topology.interfaces.get((node, bridge), [])]
        four, six = (next((a for a in own if a.version == v), None) for v in (4, 6))
        if not shutil.which("dnsmasq") or not four:
            return "no DHCP server: " + ("its bridge has no address" if not four else "dnsmasq is not installed") + "; give it an address by hand"
        base = four.network.network_address
        servers = self.topology.nameservers.get(next(iter(self.topology.nodes)), [])
        lease = self.t.folder / f"{node}.leases"
        words = ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", f"--interface={bridge}", "--bind-interfaces", f"--dhcp-leasefile={lease}",
                 f"--pid-file={self.t.folder}/{node}.dnsmasq.pid", "--user=", "--no-ping", "--log-facility=-", f"--dhcp-range={base + 100},{base + 200},1h",
                 f"--dhcp-option=option:router,{four.ip}", *(f"--dhcp-option=option:dns-server,{s}" for s in servers if ":" not in s)]
        if six:
            words += ["--enable-ra", f"--dhcp-range={six.network.network_address},ra-only"]
        self.t.program(self.nets[node], words, (self.t.folder / f"{node}.dnsmasq.pid").exists)
        return f"DHCP from {base + 100} on"

    @staticmethod
    def run_here(words):
        return subprocess.run(words, capture_output=True, encoding="utf-8", check=False)

    @command("detach INTERFACE", "gives the interface back to the machine")
    def detach(self, words, _):
        if words[0] not in self.attached:
            raise LabError(f"`{words[0]}` is not attached")
        node, _ = self.attached[words[0]]
        net = self.nets[node]
        net.ip(f"link set {words[0]} nomaster", f"link set {words[0]} netns {home()}")
        del self.attached[words[0]]
        return Result(True, f"{words[0]} is the machine's again")

    # ---- faults ----
    @command("fault NAME [WORDS...] [match=PATTERN] [share=PERCENT] [seed=N] [on=GATEWAY]", "something goes wrong; `faults` lists what can", ("match", "share", "seed", "on"))
    def fault(self, words, given):
        name, rest = words[0], words[1:]
        seed = int(given.get("seed", self.seed))
        if name in labdns.DNS_FAULTS:
            return self.dns_fault(name, rest, given, seed)
        if name not in FAULTS:
            near = difflib.get_close_matches(name, [*labdns.DNS_FAULTS, *FAULTS], 1)
            raise LabError(f"no fault `{name}`" + (f"; is it `{near[0]}`?" if near else f"; there are: {' '.join([*labdns.DNS_FAULTS, *FAULTS])}"))
        text = FAULTS[name][0](self, rest, given)
        return Result(True, f"{name}, seed {seed}: {text}")

    def dns_fault(self, name, rest, given, seed):
        effect, right, least, most, usage, _ = labdns.DNS_FAULTS[name]
        if not least <= len(rest) <= most:
            raise LabError(f"right would be: fault {name} {usage} [match=PATTERN] [share=PERCENT] [seed=N]")
        for word in rest:
            right(word)
        share = float(given.get("share", 100))
        if not 0 < share <= 100:
            raise ValueError("share is a percentage above 0")
        fault = labdns.DnsFault(name, effect or self.forge, rest, given.get("match", "*").lower(), share, seed)
        self.dns_faults.append(fault)
        return Result(True, f"{fault}")

    @command("faults", "what can go wrong")
    def faults(self, _words, _):
        rows = [(f"{name} {row[4]}".strip(), row[5]) for name, row in labdns.DNS_FAULTS.items()] + [(f"{name} {row[1]}".strip(), row[2]) for name, row in FAULTS.items()]
        return Result(True, "\n".join(f"{usage:<34} {text}" for usage, text in rows))

    @command("clear", "all faults end: answers are right, the daemons run, the uplinks and clocks are as they should be")
    def clear(self, _words, _):
        self.dns_faults.clear()
        for node, interface in list(self.down):
            self.bring_up(node, interface)
        for name, daemon in self.daemons.items():
            if daemon.ended:
                daemon.start()
            else:
                daemon.signal(signal.SIGCONT)
            if (self.t.folder / f"{name}.clock").exists():
                self.step(name, "wall", None)
        return Result(True, "no fault is left")

    def target(self, given):
        return self.named(given["on"]) if "on" in given else self.gateway([])[0]

    def table_flushed(self, _words, given):
        daemon = self.target(given)
        def handle():
            found = json.loads(daemon.net.run("nft -j -a list tables").stdout)["nftables"]
            return next((item["table"]["handle"] for item in found if item.get("table", {}).get("name") == "nfqdn"), None)

        # One that is there again so soon that nobody saw it gone has another handle.
        before = handle()
        daemon.net.run("nft flush ruleset")
        return "`nft flush ruleset`; the table " + ("stands" if before is not None and handle() == before else "is gone")

    def daemon_killed(self, _words, given):
        self.target(given).kill()
        return "kill -9; `daemon start` or `clear` starts it again"

    def daemon_stopped(self, _words, given):
        self.target(given).signal(signal.SIGSTOP)
        return "SIGSTOP; `daemon continue` or `clear` ends it"

    def queue_filled(self, _words, given):
        """One flow, many answers, and a daemon that does not read."""
        daemon, server = self.target(given), self.resolvers[0]
        client = self.nets[next(iter(self.topology.nodes))]
        flooded = self.allowed_name(daemon)
        hole = labdns.DnsFault("dns-drop", labdns.dropped, [], flooded, 100, 0)
        self.dns_faults.append(hole)
        sock = client.socket(kind=socket.SOCK_DGRAM)
        sock.connect((self.topology.nameservers[client.name][0], 53))
        sock.send(dnswire.query(flooded, number=7))
        until(lambda: server.count(flooded), "the question that opens the flow arrived")
        question = next(q for q in reversed(server.asked) if q.name == flooded)
        self.dns_faults.remove(hole)
        daemon.signal(signal.SIGSTOP)
        self.flood(server, question, flooded)
        waiting = sum(int(line.split()[2]) for line in daemon.net.proc("netfilter/nfnetlink_queue").splitlines())
        sock.close()
        if waiting <= 100:
            daemon.signal(signal.SIGCONT)
            others = [f"on={name}" for name in self.daemons if name != daemon.name]
            raise LabError(f"only {waiting} answers wait: the clients' answers do not pass {daemon.name}" + (f"; perhaps {' or '.join(others)}" if others else ""))
        return f"{waiting} answers wait and nobody reads; `daemon continue` or `clear` ends it"

    @staticmethod
    def allowed_name(daemon):
        """Kernel-assist lets pass what the policy does not have."""
        names = [name for entry in daemon.json("policy")["entries"] for part in (entry, *entry["rows"]) for name in part["names"]]
        check(names, "the policy has no name whose answers nfqdnd would read")
        return names[0].replace("*", "queue-filled")

    @staticmethod
    def flood(server, question, flooded):
        answer = dnswire.response(7, flooded, dnswire.A, [dnswire.a(flooded, "20.182.0.3", 300)])
        source, here = (ipaddress.ip_address(a) for a in (question.source[0], question.destination))
        mapped = [a.packed if a.version == 6 else bytes(10) + b"\xff\xff" + a.packed for a in (source, here)]
        back, to = [(socket.IPPROTO_IPV6, IPV6_PKTINFO, mapped[1] + bytes(4))], (str(ipaddress.IPv6Address(mapped[0])), question.source[1])
        for _ in range(20000):
            server.udp.sendmsg([answer], back, 0, to)

    def clock_stepped(self, words, given):
        daemon, which = self.target(given), words[1] if len(words) > 1 else "wall"
        if which not in CLOCKS[:2]:
            raise ValueError("wall or monotonic")
        self.step(daemon.name, which, int(words[0]))
        return f"nfqdnd's {which} clock is stepped by {words[0]} s" + ("" if which == "wall" else "; the kernel's own timeouts are not")

    def step(self, name, which, seconds):
        """Adds to a clock of nfqdnd's, or sets it right (None)."""
        path = self.t.folder / f"{name}.clock"
        if not path.exists():
            raise LabLacks(f"no {CLOCK}: `make lab` builds it; a build with sanitizers cannot have it")
        offsets = list(struct.unpack(f"{len(CLOCKS)}q", path.read_bytes()))
        # What never goes back in a kernel does not here.
        if which == "monotonic" and seconds < 0:
            raise LabError("a monotonic clock never goes back")
        for clock in (which,) if which == "wall" else ("monotonic", "boottime"):
            offsets[CLOCKS.index(clock)] = 0 if seconds is None else offsets[CLOCKS.index(clock)] + seconds
        with open(path, "r+b") as file:
            file.write(struct.pack(f"{len(CLOCKS)}q", *offsets))

    def uplink_down(self, words, _):
        end = self.topology.uplinks[int(words[0]) - 1 if words else 0]
        self.take_down(*end)
        return f"{':'.join(end)} is down; `fault uplink-up` or `clear` ends it"

    def uplink_up(self, words, _):
        end = self.topology.uplinks[int(words[0]) - 1 if words else 0]
        self.bring_up(*end)
        return f"{':'.join(end)} is up"

    def forge(self, fault, server, question, answer, _count, _chance):
        """The answer that the asker sends itself, in the resolver's name, through its gateway."""
        del server, answer
        if (":" in fault.words[0]) != (question.kind == dnswire.AAAA):
            return
        where = next((name for (name, _), own in self.topology.interfaces.items() if question.source[0] in [a.split("/")[0] for a in own]), None)
        if not where:
            raise Failed(f"dns-forged: {question.source[0]} is no host's own address: behind NAT nobody knows who asks")
        wire = dnswire.response(question.number, question.wire, question.kind, [dnswire.address(question.wire, fault.words[0], 300)])
        interface, mac = self.next_hop(where, question.destination)
        packets.send(self.nets[where], interface, mac, packets.udp(question.destination, 53, question.source[0], question.source[1], wire))

    def next_hop(self, where, address):
        """(interface, link layer address) by which a node reaches an address."""
        if (where, address) not in self.hops:
            net = self.nets[where]
            route = json.loads(net.run(["ip", "-j", "route", "get", address]).stdout)[0]
            via = route.get("gateway", address)
            found = until(lambda: next((n for n in json.loads(net.run(["ip", "-j", "neigh", "show", via]).stdout) if "lladdr" in n), None), f"{via} is known to {where}")
            self.hops[where, address] = route["dev"], found["lladdr"]
        return self.hops[where, address]


FAULTS = {
    "table-flushed": (Lab.table_flushed, "", "somebody flushes the gateway's ruleset"),
    "daemon-killed": (Lab.daemon_killed, "", "kill -9"),
    "daemon-stopped": (Lab.daemon_stopped, "", "nfqdnd stands still and holds what it has"),
    "queue-filled": (Lab.queue_filled, "", "the same, and more answers than the queue takes"),
    "clock-stepped": (Lab.clock_stepped, "SECONDS [wall|monotonic]", "nfqdnd's clock jumps; monotonic: so much time has passed"),
    "uplink-down": (Lab.uplink_down, "[NUMBER]", "the gateway's first (second, ...) uplink is down"),
    "uplink-up": (Lab.uplink_up, "[NUMBER]", "it is up again"),
}


def split(text):
    """A line's words, as a shell takes them."""
    try:
        return shlex.split(text, comments=True)
    except ValueError as error:
        raise LabError(f"{error}") from None
