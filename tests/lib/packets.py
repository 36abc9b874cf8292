# SPDX-License-Identifier: GPL-2.0-or-later
"""IP packets by hand."""
import ipaddress
import socket
import struct

ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip(source, destination, protocol, payload, ttl=64, number=0, fragment=0):
    """An IPv4 or IPv6 packet; `fragment` is the IPv4 flags-and-offset field."""
    source, destination = ipaddress.ip_address(source), ipaddress.ip_address(destination)
    if source.version == 6:
        return struct.pack("!IHBB", 6 << 28, len(payload), protocol, ttl) + source.packed + destination.packed + payload
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), number, fragment, ttl, protocol, 0) + source.packed + destination.packed
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def pseudo(source, destination, protocol, length):
    source, destination = ipaddress.ip_address(source), ipaddress.ip_address(destination)
    if source.version == 6:
        return source.packed + destination.packed + struct.pack("!II", length, protocol)
    return source.packed + destination.packed + struct.pack("!BBH", 0, protocol, length)


def udp(source, sport, destination, dport, payload):
    head = struct.pack("!HHHH", sport, dport, 8 + len(payload), 0)
    total = checksum(pseudo(source, destination, UDP, 8 + len(payload)) + head + payload) or 0xFFFF
    return ip(source, destination, UDP, head[:6] + struct.pack("!H", total) + payload)


def tcp(source, sport, destination, dport, flags, sequence=0, acknowledgement=0, payload=b""):
    head = struct.pack("!HHIIBBHHH", sport, dport, sequence, acknowledgement, 5 << 4, flags, 65535, 0, 0)
    total = checksum(pseudo(source, destination, TCP, 20 + len(payload)) + head + payload)
    return ip(source, destination, TCP, head[:16] + struct.pack("!H", total) + head[18:] + payload)


def icmp(source, destination, kind, code, rest=b"\0\0\0\0", payload=b""):
    """ICMP or ICMPv6 by the addresses' family; `rest` is the second word of the header."""
    body = rest + payload
    if ":" in str(source):
        total = checksum(pseudo(source, destination, ICMPV6, 4 + len(body)) + bytes([kind, code, 0, 0]) + body)
        return ip(source, destination, ICMPV6, bytes([kind, code]) + struct.pack("!H", total) + body)
    total = checksum(bytes([kind, code, 0, 0]) + body)
    return ip(source, destination, ICMP, bytes([kind, code]) + struct.pack("!H", total) + body)


def echo(source, destination, number=1, sequence=1, payload=b"nfqdn"):
    return icmp(source, destination, 128 if ":" in str(source) else 8, 0, struct.pack("!HH", number, sequence), payload)


def icmp_with_checksum(source, destination, wanted, kind=8, payload=b""):
    """An IPv4 ICMP message whose checksum field has the value `wanted`: what a rule that reads ports without looking at the protocol takes
    for a port."""
    rest = struct.pack("!HH", 7, 1)
    got, = struct.unpack("!H", icmp(source, destination, kind, 0, rest, b"\0\0" + payload)[22:24])
    packet = icmp(source, destination, kind, 0, rest, struct.pack("!H", (got - wanted) % 0xFFFF) + payload)
    if packet[22:24] != struct.pack("!H", wanted):
        raise ValueError("no filler gives that checksum")
    return packet


def send(net, interface, mac, packet):
    """Puts a packet on the wire of `interface` of a namespace, towards `mac` ("02:..."), past that namespace's own routing and filters."""
    protocol = 0x86DD if packet[0] >> 4 == 6 else 0x0800
    with net, socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(protocol)) as sock:
        sock.sendto(packet, (interface, protocol, 0, 0, bytes.fromhex(mac.replace(":", ""))))
