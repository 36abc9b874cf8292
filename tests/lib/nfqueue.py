# SPDX-License-Identifier: GPL-2.0-or-later
"""A queue of the test's own, to hold packets for as long as it wants."""
import errno
import os
import socket
import struct

from netns import Failed, until

NETLINK_NETFILTER, NLM_F_REQUEST, NLM_F_ACK, NLM_F_CREATE, NLM_F_APPEND = 12, 1, 4, 0x400, 0x800
QUEUE, NFTABLES = 3 << 8, 10 << 8


def attribute(kind, data):
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def nested(kind, *attributes):
    return attribute(kind | 0x8000, b"".join(attributes))


def message(kind, flags, number, family, resource, body=b""):
    body = struct.pack("!BBH", family, 0, resource) + body
    return struct.pack("=IHHII", 16 + len(body), kind, flags, number, 0) + body


def acknowledged(sock, data, count=1):
    sock.send(data)
    for _ in range(count):
        reply = sock.recv(65536)
        if struct.unpack_from("=H", reply, 4)[0] == 2:
            error = -struct.unpack_from("=i", reply, 16)[0]
            if error:
                raise OSError(error, os.strerror(error))


def queue_rule(net, table, chain, number):
    """Appends "queue to NUMBER" to a chain of an inet table: natively, else by the xtables target."""
    if net.run(["nft", "add", "rule", "inet", table, chain, "queue", "num", str(number)], ok=False).returncode == 0:
        return
    info = struct.pack("=HHH", number, 1, 0)
    target = nested(2, attribute(1, b"NFQUEUE\0"), attribute(2, struct.pack("!I", 3)), attribute(3, info + b"\0\0"))
    rule = attribute(1, table.encode() + b"\0") + attribute(2, chain.encode() + b"\0") + nested(4, nested(1, attribute(1, b"target\0"), target))
    with net.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as sock:
        sock.settimeout(5)
        sock.bind((0, 0))
        acknowledged(sock, message(16, NLM_F_REQUEST, 1, 0, NFTABLES >> 8) +
                     message(NFTABLES | 6, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_APPEND, 2, 1, 0, rule) +
                     message(17, NLM_F_REQUEST, 3, 0, NFTABLES >> 8))


class Queue:
    """Holds what comes to queue `number` of a namespace until release()."""

    def __init__(self, net, number):
        self.number, self.ids = number, []
        self.sock = net.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        self.sock.settimeout(5)
        self.sock.bind((0, 0))
        bind = attribute(1, struct.pack("!BBH", 1, 0, socket.AF_INET)) + attribute(2, struct.pack("!IB", 200, 2)) + attribute(3, struct.pack("!I", 1024))
        acknowledged(self.sock, message(QUEUE | 2, NLM_F_REQUEST | NLM_F_ACK, 1, 0, number, bind))
        self.sock.setblocking(False)

    def read(self, data):
        """One message of the kernel: a packet is noted; the error of an acknowledgement is returned, else None."""
        kind = struct.unpack_from("=H", data, 4)[0]
        if kind == 2:
            return -struct.unpack_from("=i", data, 16)[0]
        offset = 20
        while offset < len(data):
            size, kind = struct.unpack_from("=HH", data, offset)
            if kind & 0x7FFF == 1:
                self.ids.append(struct.unpack_from("!I", data, offset + 4)[0])
            offset += size + -size % 4
        return None

    def collect(self):
        """Takes note of what has arrived; returns how many are held."""
        while True:
            try:
                self.read(self.sock.recv(65536))
            except BlockingIOError:
                return len(self.ids)

    def wait(self, count):
        until(lambda: self.collect() == count, f"{count} packets are held")

    def release(self):
        """Lets all held packets go; they may come again at once. Returns how many of them the kernel still had."""
        good, ids, self.ids = 0, self.ids, []
        self.sock.settimeout(5)
        for number in ids:
            self.sock.send(message(QUEUE | 1, NLM_F_REQUEST | NLM_F_ACK, 1, 0, self.number, attribute(2, struct.pack("!II", 1, number))))
            while (error := self.read(self.sock.recv(65536))) is None:
                pass
            if error not in (0, errno.ENOENT):
                raise Failed(f"verdict: {os.strerror(error)}")
            good += error == 0
        self.sock.setblocking(False)
        return good
