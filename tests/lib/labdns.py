# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's resolvers: one that answers from a zone, one that forwards; and what may be wrong with answers (faults)."""
import fnmatch
import ipaddress
import random
import struct
import threading

import dnswire
from netns import Dns

TYPES = {"A": dnswire.A, "AAAA": dnswire.AAAA, "CNAME": dnswire.CNAME, "TXT": dnswire.TXT}
KINDS = {number: word for word, number in TYPES.items()}
IGNORED = ("SOA", "NS")
SERVFAIL, NXDOMAIN = 2, 3


class ZoneError(ValueError):
    """FILE:LINE: what is wrong."""


class Zone:
    """Names and their records: lines such as `www.example.net. 60 IN A 20.1.2.3`, one zone for all names, so that a chain comes in one answer."""

    def __init__(self):
        self.records, self.parents = {}, set()

    def read(self, path, text):
        default = 60
        for number, line in enumerate(text.splitlines(), 1):
            words = line.split(";", 1)[0].split()
            if not words or words[0] == "$ORIGIN":
                continue
            try:
                if words[0] == "$TTL":
                    default = int(words[1])
                else:
                    self.add_line(words, default)
            except (ValueError, IndexError) as error:
                raise ZoneError(f"{path}:{number}: right would be: NAME [TTL] [IN] A|AAAA|CNAME|TXT VALUE ({error})") from None

    def add_line(self, words, default):
        owner, rest = words[0], words[1:]
        ttl = int(rest.pop(0)) if rest[0].isdigit() else default
        if rest[0] == "IN":
            rest.pop(0)
        if rest[0] not in IGNORED:
            self.add(owner, ttl, rest[0], " ".join(rest[1:]))

    def add(self, owner, ttl, kind, value):
        if kind not in TYPES:
            raise ValueError(f"a record of type {kind}")
        if not 0 <= ttl < 1 << 32:
            raise ValueError(f"a TTL of {ttl}")
        owner = owner.rstrip(".")
        record = make_record(owner, ttl, kind, value)
        self.records.setdefault(owner.lower(), []).append(record)
        labels = owner.lower().split(".")
        self.parents.update(".".join(labels[i:]) for i in range(len(labels)))

    def drop(self, owner, kind=None):
        owner = owner.rstrip(".").lower()
        left = [r for r in self.records.pop(owner, []) if kind and r.kind != TYPES[kind]]
        if left:
            self.records[owner] = left

    def at(self, name):
        """The records of a name, of the wildcard above it if it is not there itself (RFC 4592, 3.3.1); None when nothing is."""
        if name in self.records or name in self.parents:
            return self.records.get(name, [])
        labels = name.split(".")
        for i in range(1, len(labels)):
            parent = ".".join(labels[i:])
            if "*." + parent in self.records:
                return [dnswire.Record(name, r.kind, r.ttl, r.rdata) for r in self.records["*." + parent]]
            if parent in self.parents:
                return None
        return None

    def lookup(self, name, kind):
        """(rcode, records): the chain from the name on."""
        chain, rcode = [], NXDOMAIN
        for _ in range(16):
            found = self.at(name)
            if found is None:
                return rcode if chain else NXDOMAIN, chain
            rcode = 0
            own = [r for r in found if r.kind == kind]
            target = next((r for r in found if r.kind == dnswire.CNAME), None)
            if own or not target:
                return 0, chain + own
            chain.append(target)
            name = dnswire.text(target.rdata)
        return SERVFAIL, []


def make_record(owner, ttl, kind, value):
    if kind == "CNAME":
        return dnswire.cname(owner, value.rstrip("."), ttl)
    if kind == "TXT":
        return dnswire.txt(owner, value.strip('"').encode(), ttl)
    packed = (ipaddress.IPv4Address if kind == "A" else ipaddress.IPv6Address)(value).packed
    return dnswire.Record(owner, TYPES[kind], ttl, packed)


class Answer:
    """What a fault may change before it is sent."""

    def __init__(self, rcode, records):
        self.rcode, self.records = rcode, records
        self.number, self.delay, self.truncated, self.silent = None, None, False, False


class Resolver(Dns):
    """Answers from a zone at every address of a namespace, as faults let it."""

    def __init__(self, case, net, zone, faults):
        self.names, self.faults = zone, faults
        super().__init__(case, net, self.judge)

    def judge(self, question):
        answer = Answer(*self.names.lookup(question.name, question.kind))
        for fault in list(self.faults):
            fault.change(self, question, answer)
        if answer.silent:
            return None
        wire = self.wire_of(question, answer)
        return wire if answer.delay is None else (answer.delay, wire)

    @staticmethod
    def wire_of(question, answer):
        number = question.number if answer.number is None else answer.number
        flags = dnswire.QR | dnswire.RD | dnswire.RA
        wire = dnswire.response(number, question.wire, question.kind, answer.records, rcode=answer.rcode, flags=flags, compress=True)
        more, = struct.unpack_from("!H", question.data, 10)
        if answer.truncated or (not question.tcp and len(wire) > (1232 if more else 512)):
            wire = dnswire.response(number, question.wire, question.kind, [], rcode=answer.rcode, flags=flags | dnswire.TC)
        return wire


class Forwarder(Dns):
    """Hands each question to another resolver, with an id of its own from a port of its own, and its answer back."""

    def __init__(self, case, net, upstream):
        self.net, self.upstream = net, upstream
        super().__init__(case, net, {})

    def answer(self, data, source, destination, tcp, send):
        threading.Thread(target=self.forward, args=(data, tcp, send), daemon=True).start()

    def forward(self, data, tcp, send):
        message = dnswire.Message(data)
        try:
            found = self.net.query(self.upstream, message.qname, message.question[1], tcp=tcp)
            send(data[:2] + found.wire[2:])
        except (OSError, AssertionError):
            pass  # as a resolver does that gets none: the client asks again


# ---- faults ----

class DnsFault:
    """One thing wrong with some answers. Which, and how wrong, follows from the seed, the name and how often it was asked alone: the same
    questions meet the same faults again, whatever comes between."""

    def __init__(self, name, effect, words, match, share, seed):
        self.name, self.effect, self.words, self.match, self.share, self.seed = name, effect, words, match, share, seed
        self.asked, self.struck = {}, 0

    def change(self, server, question, answer):
        if not fnmatch.fnmatch(question.name, self.match):
            return
        key = (question.name, question.kind)
        count = self.asked[key] = self.asked.get(key, -1) + 1
        chance = random.Random(f"{self.seed}/{self.name}/{question.name}/{question.kind}/{count}")
        if chance.random() * 100 < self.share:
            self.struck += 1
            self.effect(self, server, question, answer, count, chance)

    def __str__(self):
        words = [self.name, *self.words]
        return " ".join(words + ([f"match={self.match}"] if self.match != "*" else []) + ([f"share={self.share:g}"] if self.share != 100 else []) + [f"seed={self.seed}"])


def seconds_of(text):
    """SECONDS or SECONDS-SECONDS."""
    low, _, high = text.partition("-")
    low = float(low)
    high = float(high or low)
    if not 0 <= low <= high <= 3600:
        raise ValueError("seconds from 0 to 3600, or two of them as 0.1-0.5")
    return low, high


def delayed(fault, _server, _question, answer, _count, chance):
    answer.delay = chance.uniform(*seconds_of(fault.words[0]))


def dropped(_fault, _server, _question, answer, _count, _chance):
    answer.silent = True


def servfail(_fault, _server, _question, answer, _count, _chance):
    answer.rcode, answer.records = SERVFAIL, []


def truncated(_fault, _server, question, answer, _count, _chance):
    answer.truncated = not question.tcp


def with_ttl(fault, _server, _question, answer, _count, _chance):
    answer.records = [dnswire.Record(r.owner, r.kind, int(fault.words[0]), r.rdata) for r in answer.records]


def wrong_id(_fault, _server, question, answer, _count, chance):
    answer.number = (question.number + chance.randrange(1, 65536)) & 0xFFFF


def flapping(fault, _server, question, answer, count, _chance):
    """All of its addresses become one of those given, each time the next one."""
    fits = [a for a in fault.words if (":" in a) == (question.kind == dnswire.AAAA)]
    last = next((r for r in answer.records if r.kind == question.kind), None)
    if fits and last:
        chain = [r for r in answer.records if r.kind not in (dnswire.A, dnswire.AAAA)]
        answer.records = chain + [dnswire.address(last.owner, fits[count % len(fits)], last.ttl)]


def is_address(text):
    ipaddress.ip_address(text)


def is_ttl(text):
    if not 0 <= int(text) < 1 << 32:
        raise ValueError("a TTL from 0 to 4294967295")


# name: (effect, check of a word, how many words at least and at most, usage)
DNS_FAULTS = {
    "dns-delay": (delayed, seconds_of, 1, 1, "SECONDS[-SECONDS]", "answers come later"),
    "dns-drop": (dropped, None, 0, 0, "", "no answer comes"),
    "dns-servfail": (servfail, None, 0, 0, "", "the answer is SERVFAIL"),
    "dns-truncated": (truncated, None, 0, 0, "", "TC=1 and empty over UDP, whole over TCP"),
    "dns-ttl": (with_ttl, is_ttl, 1, 1, "TTL", "every record's TTL is this"),
    "dns-wrong-id": (wrong_id, None, 0, 0, "", "the answer has another id than the question"),
    "dns-flapping": (flapping, is_address, 2, 64, "ADDRESS ADDRESS...", "each answer names the next of these addresses"),
    "dns-forged": (None, is_address, 1, 1, "ADDRESS", "before the genuine answer the client sends itself one in the resolver's name, through the gateway"),
}
