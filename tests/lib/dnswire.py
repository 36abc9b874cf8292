# SPDX-License-Identifier: GPL-2.0-or-later
"""DNS messages by hand: built as wanted, wrong ones included, and read."""
import ipaddress
import struct

A, NS, CNAME, SOA, PTR, TXT, AAAA, SVCB, HTTPS, OPT = 1, 2, 5, 6, 12, 16, 28, 64, 65, 41
QR, AA, TC, RD, RA = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080


def name(value):
    """Wire form of "www.example.com", or of a list of labels (bytes) where a label holds what a text cannot."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        value = [label.encode() for label in value.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in value) + b"\0"


def text(wire):
    """A wire name as text, lower case; dots and unprintable bytes inside labels as \\DDD."""
    labels, offset = [], 0
    while wire[offset]:
        labels.append(wire[offset + 1:offset + 1 + wire[offset]])
        offset += 1 + wire[offset]
    return ".".join("".join(chr(c) if 33 <= c < 127 and c not in b".\\" else f"\\{c:03d}" for c in label) for label in labels).lower()


class Record:
    def __init__(self, owner, kind, ttl, rdata, klass=1):
        self.owner, self.kind, self.ttl, self.rdata, self.klass = owner, kind, ttl, rdata, klass


def a(owner, address, ttl=60):
    return Record(owner, A, ttl, ipaddress.IPv4Address(address).packed)


def aaaa(owner, address, ttl=60):
    return Record(owner, AAAA, ttl, ipaddress.IPv6Address(address).packed)


def address(owner, value, ttl=60):
    return (aaaa if ":" in value else a)(owner, value, ttl)


def cname(owner, target, ttl=60):
    return Record(owner, CNAME, ttl, name(target))


def txt(owner, value, ttl=60):
    return Record(owner, TXT, ttl, bytes([len(value)]) + value)


def https(owner, priority, target, v4=(), v6=(), ttl=60, kind=HTTPS):
    """RFC 9460: with ipv4hint (4) and ipv6hint (6)."""
    rdata = struct.pack("!H", priority) + name(target)
    for key, hints, make in ((4, v4, ipaddress.IPv4Address), (6, v6, ipaddress.IPv6Address)):
        if hints:
            value = b"".join(make(h).packed for h in hints)
            rdata += struct.pack("!HH", key, len(value)) + value
    return Record(owner, kind, ttl, rdata)


def query(qname, kind=A, number=0, edns=None, flags=RD):
    additional = b"" if edns is None else b"\0" + struct.pack("!HHIH", OPT, edns, 0, 0)
    return struct.pack("!6H", number, flags, 1, 0, 0, 1 if edns is not None else 0) + name(qname) + struct.pack("!HH", kind, 1) + additional


def response(number, qname, kind, answers=(), rcode=0, flags=QR | RD | RA, authority=(), additional=(), questions=None, ancount=None, compress=False):
    """A response. Owners that are the question's name exactly become a pointer to it. `questions` (a list of (name, type)) and `ancount`
    override what belongs there. compress=True: owners that stood anywhere before, as a chain's do, become pointers, too."""
    questions = [(qname, kind)] if questions is None else questions
    out = bytearray(struct.pack("!6H", number, flags | rcode, len(questions), len(answers) if ancount is None else ancount, len(authority), len(additional)))
    known = {}
    for qn, qt in questions:
        known.setdefault(name(qn), len(out))
        out += name(qn) + struct.pack("!HH", qt, 1)
    for record in [*answers, *authority, *additional]:
        owner = name(record.owner)
        start = len(out)
        out += struct.pack("!H", 0xC000 | known[owner]) if owner in known else owner
        if compress:
            known.setdefault(owner, start)
            if record.kind == CNAME:
                known.setdefault(record.rdata, len(out) + 10)
        out += struct.pack("!HHIH", record.kind, record.klass, record.ttl, len(record.rdata)) + record.rdata
    return bytes(out)


class Message:
    """What a client reads: number, flags, rcode, truncated, question (text, type), answers [(owner, type, ttl, value)]."""

    def __init__(self, data):
        self.wire = data
        self.number, self.flags, qdcount, ancount, _, _ = struct.unpack_from("!6H", data)
        self.rcode, self.truncated = self.flags & 15, bool(self.flags & TC)
        self.question, self.qname, self.answers = None, None, []
        offset = 12
        for _ in range(qdcount):
            wire, offset = self.read_name(offset)
            self.qname, self.question = wire, (text(wire), struct.unpack_from("!H", data, offset)[0])
            offset += 4
        for _ in range(ancount):
            owner, offset = self.read_name(offset)
            kind, _, ttl, length = struct.unpack_from("!HHIH", data, offset)
            offset += 10
            rdata = data[offset:offset + length]
            if kind == A:
                value = str(ipaddress.IPv4Address(rdata))
            elif kind == AAAA:
                value = str(ipaddress.IPv6Address(rdata))
            elif kind == CNAME:
                value = text(self.read_name(offset)[0])
            else:
                value = rdata
            self.answers.append((text(owner), kind, ttl, value))
            offset += length

    def read_name(self, offset):
        out, after, steps = b"", None, 0
        while True:
            size = self.wire[offset]
            if size >= 0xC0:
                after = offset + 2 if after is None else after
                offset = struct.unpack_from("!H", self.wire, offset)[0] & 0x3FFF
                steps += 1
                if steps > 64:
                    raise ValueError("compression loop")
                continue
            out += self.wire[offset:offset + 1 + size]
            offset += 1 + size
            if not size:
                return out, offset if after is None else after

    def addresses(self):
        return [value for _, kind, _, value in self.answers if kind in (A, AAAA)]
