# SPDX-License-Identifier: GPL-2.0-or-later
"""Captures by hand: pcap and pcapng are written in every form that nfqdn-replay reads, and pcapng is read again. Written from the format's
description alone, so that nfqdn's own reader and writer are compared with something else."""
import struct

NULL, ETHERNET, RAW, SLL, IPV4, IPV6, SLL2 = 0, 1, 101, 113, 228, 229, 276
START = 1_700_000_000.0


def frame(link, packet, vlans=()):
    """The IP packet with a header of the link."""
    kind = 0x86DD if packet[0] >> 4 == 6 else 0x0800
    if link in (RAW, IPV4, IPV6):
        return packet
    if link == NULL:
        return struct.pack("<I", 30 if kind == 0x86DD else 2) + packet
    if link == SLL:
        return struct.pack("!HHH8sH", 0, 1, 6, b"\2\0\0\0\0\1\0\0", kind) + packet
    if link == SLL2:
        return struct.pack("!HHIHBB8s", kind, 0, 3, 1, 0, 6, b"\2\0\0\0\0\1\0\0") + packet
    tags = b"".join(struct.pack("!HH", 0x88A8 if i < len(vlans) - 1 else 0x8100, tag) for i, tag in enumerate(vlans))
    return b"\2\0\0\0\0\1\2\0\0\0\0\2" + tags + struct.pack("!H", kind) + packet


def pcap(packets, link=ETHERNET, order="<", nanoseconds=False, snap=262144, vlans=()):
    """`packets`: (seconds since START, IP packet)."""
    out = [struct.pack(order + "IHHiIII", 0xA1B23C4D if nanoseconds else 0xA1B2C3D4, 2, 4, 0, 0, snap, link)]
    for when, packet in packets:
        data = frame(link, packet, vlans)
        units = 1_000_000_000 if nanoseconds else 1_000_000
        ticks = int((START + when) * 1000) * (units // 1000)
        out.append(struct.pack(order + "IIII", ticks // units, ticks % units, min(len(data), snap), len(data)) + data[:snap])
    return b"".join(out)


def options(order, *pairs):
    out = b"".join(struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4) for code, value in pairs)
    return out + struct.pack(order + "HH", 0, 0) if pairs else b""


def block(order, kind, body):
    length = 12 + len(body)
    return struct.pack(order + "II", kind, length) + body + struct.pack(order + "I", length)


def section(order="<"):
    return block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1) + options(order, (4, b"tests/lib/pcap.py")))


def interface(link, order="<", resolution=6, snap=0, offset=0):
    pairs = [(2, b"any0"), (9, bytes([resolution]))] + ([(14, struct.pack(order + "q", offset))] if offset else [])
    return block(order, 1, struct.pack(order + "HHI", link, 0, snap) + options(order, *pairs))


def enhanced(number, when, data, order="<", resolution=6, comment=None, snap=262144, kind=6):
    units = 2 ** (resolution & 0x7F) if resolution & 0x80 else 10 ** resolution
    ticks = int((START + when) * units)
    kept = data[:snap]
    head = struct.pack(order + ("HHIIII" if kind == 2 else "IIIII"), *((number, 0) if kind == 2 else (number,)), ticks >> 32, ticks & 0xFFFFFFFF,
                       len(kept), len(data))
    return block(order, kind, head + kept + bytes(-len(kept) % 4) + options(order, *([(1, comment)] if comment else [])))


def simple(data, order="<"):
    return block(order, 3, struct.pack(order + "I", len(data)) + data + bytes(-len(data) % 4))


def pcapng(packets, link=ETHERNET, order="<", resolution=6, **how):
    """One section with one interface, and a block that nobody knows."""
    out = [section(order), interface(link, order, resolution), block(order, 0x80000BAD, b"????")]
    return b"".join(out + [enhanced(0, when, frame(link, packet), order, resolution, **how) for when, packet in packets])


class Packet:
    def __init__(self, when, link, data, original, comments):
        self.when, self.link, self.data, self.original, self.comments = when, link, data, original, comments


def read_options(order, data):
    found = []
    while len(data) >= 4:
        code, length = struct.unpack_from(order + "HH", data)
        if code == 0:
            assert length == 0, "opt_endofopt has no value"
            assert len(data) == 4, f"{len(data) - 4} octets behind opt_endofopt"
            return found
        assert 4 + length <= len(data), "an option ends within its block"
        found.append((code, data[4:4 + length]))
        data = data[4 + length + (-length % 4):]
    assert not data, f"{len(data)} octets behind the options"
    return found


def read_pcapng(data):
    """(options of the section, interfaces [(link, options)], packets). Whatever breaks a rule of the format is an assertion."""
    order, header, interfaces, packets = "<", None, [], []
    while data:
        kind, = struct.unpack_from("<I", data)
        if kind == 0x0A0D0D0A:
            order = "<" if struct.unpack_from("<I", data, 8)[0] == 0x1A2B3C4D else ">"
        kind, length = struct.unpack_from(order + "II", data)
        assert length % 4 == 0 and 12 <= length <= len(data), f"a block of {length} octets, {len(data)} are there"
        assert struct.unpack_from(order + "I", data, length - 4)[0] == length, "both lengths of a block are the same"
        body, data = data[8:length - 4], data[length:]
        if kind == 0x0A0D0D0A:
            assert struct.unpack_from(order + "HH", body, 4) == (1, 0), "version 1.0"
            header, interfaces = read_options(order, body[16:]), []
        elif kind == 1:
            interfaces.append((struct.unpack_from(order + "H", body)[0], read_options(order, body[8:])))
        elif kind == 6:
            number, high, low, captured, original = struct.unpack_from(order + "5I", body)
            link, found = interfaces[number]
            units = next((10 ** v[0] for c, v in found if c == 9 and not v[0] & 0x80), 10 ** 6)
            assert captured <= original, "no more is captured than there was"
            end = 20 + captured + (-captured % 4)
            comments = [v.decode() for c, v in read_options(order, body[end:]) if c == 1]
            packets.append(Packet((high << 32 | low) / units, link, body[20:20 + captured], original, comments))
    return header, interfaces, packets
