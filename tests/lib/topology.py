# SPDX-License-Identifier: GPL-2.0-or-later
"""Topologies: small files that say which hosts there are, how they are joined, and what runs on them. tests/README.md tells the statements.

One statement a line; `#` begins a comment. Indented lines below `nft` and `nfqdn` belong to it as they stand. What is wrong is told as
FILE:LINE, with what would be right."""
import difflib
import ipaddress
import pathlib
import re

from netns import Failed

FOLDER = pathlib.Path(__file__).resolve().parent.parent.parent / "scripts/lab.d/topologies"
NODE = re.compile(r"[a-z][a-z0-9-]{0,30}$")
INTERFACE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,14}$")


class TopologyError(ValueError):
    """FILE:LINE: what is wrong; what would be right."""


class Statement:
    def __init__(self, path, line, keyword, words):
        self.path, self.line, self.keyword, self.words, self.block = path, line, keyword, words, []

    def error(self, text):
        return TopologyError(f"{self.path}:{self.line}: {text}")


class Link:
    """One end of a cable: an interface of a node."""

    def __init__(self, node, interface, addresses):
        self.node, self.interface, self.addresses = node, interface, addresses


class Topology:
    """What a file says, checked: nothing is built yet."""

    def __init__(self, path):
        self.path, self.title = pathlib.Path(path), ""
        self.nodes = {}  # name -> "host", "router", "internet" or "switch", in their order
        self.links, self.bridges, self.vlans, self.access = [], [], [], []
        self.routes, self.sysctls, self.nft, self.uplinks, self.vrrp = [], [], [], [], []
        self.dns, self.nameservers, self.ports, self.daemons = [], {}, [], []
        self.entrance = None
        self.interfaces = {}  # (node, interface) -> addresses
        self.read(self.path, [])
        self.finish()

    # ---- reading ----
    def read(self, path, above):
        if path in above:
            raise TopologyError(f"{above[-1]}: `like` leads back to {path}")
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise TopologyError(f"{path}: {getattr(error, 'strerror', None) or 'is no text'}") from None
        for statement in statements(path, text):
            if statement.keyword == "like":
                if len(statement.words) != 1:
                    raise usage_error(statement)
                self.read(find(statement.words[0], statement), [*above, path])
                continue
            if bool(statement.block) != (statement.keyword in BLOCKS):
                raise statement.error(f"`{statement.keyword}` " + ("wants indented lines below it" if statement.keyword in BLOCKS else "takes no indented lines"))
            STATEMENTS[statement.keyword][1](self, statement)

    def finish(self):
        for kind, what in (("nodes", "host, router or internet"), ("links", "link")):
            if not getattr(self, kind):
                raise TopologyError(f"{self.path}: no {what} in it")

    def node(self, statement, name, kinds=()):
        if name not in self.nodes:
            near = difflib.get_close_matches(name, self.nodes, 1)
            raise statement.error(f"no node `{name}` is declared above" + (f"; is it `{near[0]}`?" if near else "; host, router, switch and internet declare them"))
        if kinds and self.nodes[name] not in kinds:
            raise statement.error(f"`{name}` is a {self.nodes[name]}, and this wants a {' or '.join(kinds)}")
        return name

    def end(self, statement, word, known=True):
        """NODE:IFACE -> (node, interface)."""
        node, colon, interface = word.partition(":")
        if not colon or not INTERFACE.match(interface):
            raise statement.error(f"`{word}` should be NODE:INTERFACE, such as client:eth0; an interface has 15 characters at most")
        self.node(statement, node)
        if known and (node, interface) not in self.interfaces:
            raise statement.error(f"{node} has no interface `{interface}` above; it has: {', '.join(i for n, i in self.interfaces if n == node) or 'none'}")
        if not known and (node, interface) in self.interfaces:
            raise statement.error(f"{node} has an interface `{interface}` already")
        return node, interface

    def new_interface(self, statement, word, addresses):
        node, interface = self.end(statement, word, known=False)
        for text in addresses:
            interface_address(statement, text)
        self.interfaces[node, interface] = list(addresses)
        return Link(node, interface, list(addresses))

    # ---- statements ----
    def on_title(self, s):
        if not s.words:
            raise usage_error(s)
        self.title = " ".join(s.words)

    def on_node(self, s):
        if not s.words:
            raise usage_error(s)
        for name in s.words:
            if not NODE.match(name):
                raise s.error(f"`{name}` is no name of a node: small letters, digits and '-', a letter first, 31 at most")
            if name in self.nodes:
                raise s.error(f"`{name}` is declared twice")
            self.nodes[name] = s.keyword

    def on_link(self, s):
        if s.words.count("--") != 1 or len(s.words) < 3 or s.words[0] == "--" or s.words[-1] == "--":
            raise usage_error(s)
        cut = s.words.index("--")
        self.links.append(tuple(self.new_interface(s, side[0], side[1:]) for side in (s.words[:cut], s.words[cut + 1:])))

    def on_bridge(self, s):
        if s.words.count("=") != 1 or s.words[0] == "=" or s.words[-1] == "=":
            raise usage_error(s)
        cut = s.words.index("=")
        node = s.words[0].partition(":")[0]
        ports = [self.end(s, f"{node}:{port}")[1] for port in s.words[cut + 1:]]
        for port in ports:
            if self.interfaces[node, port]:
                raise s.error(f"{node}:{port} has an address, and a bridge's port wants none: it belongs to the bridge")
        self.bridges.append((self.new_interface(s, s.words[0], s.words[1:cut]), ports))

    def on_vlan(self, s):
        if not s.words:
            raise usage_error(s)
        parent, dot, number = s.words[0].rpartition(".")
        if not dot or not number.isdigit() or not 1 <= int(number) <= 4094:
            raise s.error(f"`{s.words[0]}` should be NODE:INTERFACE.ID, such as gateway:lan0.10, with an id from 1 to 4094")
        self.end(s, parent)
        self.vlans.append((self.new_interface(s, s.words[0], s.words[1:]), parent.partition(":")[2], int(number)))

    def on_access(self, s):
        if len(s.words) != 2 or not s.words[1].isdigit() or not 1 <= int(s.words[1]) <= 4094:
            raise usage_error(s)
        node, interface = self.end(s, s.words[0])
        self.node(s, node, ["switch"])
        self.access.append((node, interface, int(s.words[1])))

    def on_route(self, s):
        if len(s.words) < 4 or s.words[2] not in ("via", "dev"):
            raise usage_error(s)
        self.node(s, s.words[0], ["host", "router", "internet"])
        if s.words[1] != "default":
            network(s, s.words[1])
        if s.words[2] == "via":
            address(s, s.words[3])
        self.routes.append((s.words[0], s.words[1:]))

    def on_sysctl(self, s):
        if len(s.words) != 3 or not re.match(r"(ipv4|ipv6|netfilter|bridge)[./]", s.words[1]):
            raise usage_error(s)
        self.sysctls.append((self.node(s, s.words[0]), s.words[1], s.words[2]))

    def on_nft(self, s):
        if len(s.words) != 1:
            raise usage_error(s)
        self.nft.append((self.node(s, s.words[0]), "\n".join(s.block) + "\n"))

    def on_uplink(self, s):
        if len(s.words) != 1:
            raise usage_error(s)
        self.uplinks.append(self.end(s, s.words[0]))

    def on_entrance(self, s):
        if len(s.words) != 1:
            raise usage_error(s)
        self.entrance = self.end(s, s.words[0])

    def on_vrrp(self, s):
        if len(s.words) < 3 or ":" not in s.words[1]:
            raise usage_error(s)
        ends = [self.end(s, word) for word in s.words[:2]]
        for text in s.words[2:]:
            interface_address(s, text)
        self.vrrp.append((ends, s.words[2:]))

    def on_dns(self, s):
        if len(s.words) not in (1, 3) or (len(s.words) == 3 and s.words[1] != "forward"):
            raise usage_error(s)
        self.dns.append((self.node(s, s.words[0]), address(s, s.words[2]) if len(s.words) == 3 else None))

    def on_nameserver(self, s):
        if len(s.words) < 2:
            raise usage_error(s)
        self.nameservers[self.node(s, s.words[0])] = [address(s, word) for word in s.words[1:]]

    def on_ports(self, s):
        if len(s.words) < 2 or not all(word.isdigit() and 1 <= int(word) <= 65535 for word in s.words[1:]):
            raise usage_error(s)
        self.ports.append((s.keyword, self.node(s, s.words[0]), [int(word) for word in s.words[1:]]))

    def on_nfqdn(self, s):
        if len(s.words) != 1:
            raise usage_error(s)
        self.daemons.append((self.node(s, s.words[0], ["router"]), "\n".join(s.block)))


STATEMENTS = {
    "title": ("title TEXT", Topology.on_title),
    "like": ("like NAME", None),
    "host": ("host NAME...", Topology.on_node),
    "router": ("router NAME...", Topology.on_node),
    "switch": ("switch NAME...", Topology.on_node),
    "internet": ("internet NAME...", Topology.on_node),
    "link": ("link NODE:INTERFACE [ADDRESS/LENGTH...] -- NODE:INTERFACE [ADDRESS/LENGTH...]", Topology.on_link),
    "bridge": ("bridge NODE:INTERFACE [ADDRESS/LENGTH...] = PORT...", Topology.on_bridge),
    "vlan": ("vlan NODE:INTERFACE.ID [ADDRESS/LENGTH...]", Topology.on_vlan),
    "access": ("access SWITCH:INTERFACE ID", Topology.on_access),
    "route": ("route NODE default|NETWORK via ADDRESS [...]", Topology.on_route),
    "sysctl": ("sysctl NODE KEY VALUE, with a key such as ipv4.ip_forward", Topology.on_sysctl),
    "nft": ("nft NODE, and the rules indented below it", Topology.on_nft),
    "uplink": ("uplink NODE:INTERFACE", Topology.on_uplink),
    "entrance": ("entrance NODE:BRIDGE", Topology.on_entrance),
    "vrrp": ("vrrp NODE:INTERFACE NODE:INTERFACE ADDRESS/LENGTH...", Topology.on_vrrp),
    "dns": ("dns NODE [forward ADDRESS]", Topology.on_dns),
    "nameserver": ("nameserver NODE ADDRESS...", Topology.on_nameserver),
    "http": ("http NODE PORT...", Topology.on_ports),
    "https": ("https NODE PORT...", Topology.on_ports),
    "listen": ("listen NODE PORT...", Topology.on_ports),
    "nfqdn": ("nfqdn NODE, and settings of `gateway` indented below it", Topology.on_nfqdn),
}
BLOCKS = ("nft", "nfqdn")


def usage_error(statement):
    return statement.error(f"right would be: {STATEMENTS[statement.keyword][0]}")


def statements(path, text):
    """The statements of a file, each with its indented lines."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.split("#", 1)[0].rstrip()
        if not bare.strip():
            continue
        if line[0] in " \t":
            if not found:
                raise TopologyError(f"{path}:{number}: an indented line belongs to a statement above it, and there is none")
            found[-1].block.append(line.strip())
            continue
        keyword, *words = bare.split()
        if keyword not in STATEMENTS:
            near = difflib.get_close_matches(keyword, STATEMENTS, 1)
            raise TopologyError(f"{path}:{number}: no statement `{keyword}`" + (f"; is it `{near[0]}`?" if near else f"; there are: {' '.join(STATEMENTS)}"))
        found.append(Statement(path, number, keyword, words))
    return found


def interface_address(statement, text):
    try:
        if "/" not in text:
            raise ValueError
        return ipaddress.ip_interface(text)
    except ValueError:
        raise statement.error(f"`{text}` should be an address with the length of its network, such as 10.1.0.2/24 or fd00:1::2/64") from None


def network(statement, text):
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise statement.error(f"`{text}` should be a network, such as 10.1.0.0/24 or default ({error})") from None


def address(statement, text):
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise statement.error(f"`{text}` should be an address, such as 10.2.0.2 or fd00:2::2") from None


def names():
    return sorted(path.name for path in FOLDER.iterdir() if path.is_file())


def find(name, statement=None):
    """The file of a topology: a name of ours, or a path with a slash."""
    path = pathlib.Path(name) if "/" in name else FOLDER / name
    if not path.is_file():
        text = f"no topology `{name}`; there are: {', '.join(names())}; or a path with a '/'"
        raise statement.error(text) if statement else TopologyError(text)
    return path


# ---- building ----

def up_lines(link):
    return [f"link set {link.interface} up", *(f"addr replace {a} dev {link.interface}" + (" nodad" if ":" in a else "") for a in link.addresses)]


def routes_of(topology, node):
    """Lines for `ip -batch`: what a node's own file says of its routes."""
    table = " table local" if topology.nodes[node] == "internet" else ""
    return [f"route replace {' '.join(words)}{table}" for name, words in topology.routes if name == node]


def build(case, topology):
    """Makes the namespaces of a topology in a case, joined and addressed; {name: Net}."""
    nets = {name: case.net(name) for name in topology.nodes}
    for node, key, value in topology.sysctls:
        nets[node].sysctl(key, value)
    for name, kind in topology.nodes.items():
        if kind == "router":
            case.forward(nets[name])
    for one, other in topology.links:
        nets[one.node].run(["ip", "link", "add", one.interface, "type", "veth", "peer", "name", other.interface, "netns", nets[other.node].path])
    for name in topology.nodes:
        try:
            nets[name].ip(*node_lines(topology, name))
        except Failed as error:
            if "Unknown device type" not in str(error):
                raise
            kinds = [kind for kind, has in (("bridge", topology.bridges or "switch" in topology.nodes.values()), ("8021q", topology.vlans or topology.access)) if has]
            raise Failed(f"{name}: this kernel has no interface of a kind that {topology.path.name} wants (Unknown device type): modprobe {' or '.join(kinds)}") from None
    for node, rules in topology.nft:
        nets[node].nft(rules)
    return nets


def node_lines(topology, name):
    lines = [line for ends in topology.links for end in ends if end.node == name for line in up_lines(end)]
    for bridge, ports in topology.bridges:
        if bridge.node == name:
            lines += [f"link add name {bridge.interface} type bridge", *(f"link set {port} master {bridge.interface}" for port in ports), *up_lines(bridge)]
    for vlan, parent, number in topology.vlans:
        if vlan.node == name:
            lines += [f"link add link {parent} name {vlan.interface} type vlan id {number}", *up_lines(vlan)]
    if topology.nodes[name] == "switch":
        lines += switch_lines(topology, name)
    if topology.nodes[name] == "internet":
        lines += everywhere_lines(topology, name)
    return lines + routes_of(topology, name)


def switch_lines(topology, name):
    """A bridge of all ports; or, with `access`, one a VLAN, in which the other ports' frames carry its tag. (Not by vlan_filtering: not every
    kernel has it.)"""
    own = {interface: number for node, interface, number in topology.access if node == name}
    ports = [end.interface for ends in topology.links for end in ends if end.node == name]
    if not own:
        return ["link add name br0 type bridge", *(f"link set {port} master br0" for port in ports), "link set br0 up"]
    lines = []
    for number in sorted(set(own.values())):
        lines.append(f"link add name vlan{number} type bridge")
        for port in ports:
            if port not in own:
                lines += [f"link add link {port} name {port}.{number} type vlan id {number}", f"link set {port}.{number} master vlan{number}", f"link set {port}.{number} up"]
        lines += [f"link set {port} master vlan{number}" for port in ports if own.get(port) == number]
        lines.append(f"link set vlan{number} up")
    return lines


def everywhere_lines(topology, name):
    """It owns every address there is, but for the networks beside it and those that its routes lead to."""
    ends = [end for pair in topology.links for end in pair if end.node == name]
    near = [f"route add {ipaddress.ip_interface(a).network} dev {end.interface} table local" for end in ends for a in end.addresses]
    return ["route add local 0.0.0.0/0 dev lo table local", "route add local ::/0 dev lo table local",
            *(f"route add fe80::/64 dev {end.interface} table local" for end in ends[:1]), *near]
