# SPDX-License-Identifier: GPL-2.0-or-later
"""Requests to the kernel module nf_fqdn by hand, wrong ones included (kmod-optional/nf_fqdn.h)."""
import os
import socket
import struct

BEGIN, ADD, COMMIT, PAUSE, NAMES, KNOWN, FORGET, GET, DELETE = range(1, 10)
INSTANCE, KEY, NODES, NAME_BUCKETS, KNOWN_BUCKETS, PATTERNS, A_NAMES, A_KNOWN, LOADED, LEFT, ERRORS, UNRELATED, KNOWN_PASSED = range(1, 14)


def attribute(kind, data):
    if isinstance(data, str):
        data = data.encode() + b"\0"
    if isinstance(data, int):
        data = struct.pack("=I", data)
    return struct.pack("=HH", 4 + len(data), kind) + data + b"\0" * (-len(data) % 4)


class Family:
    """A socket to the module in the namespace of the thread that makes it. FileNotFoundError: it is not there."""
    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
        self.socket.settimeout(30)
        self.sequence = 0
        reply = self.request(16, 3, attribute(2, "nf_fqdn"))
        self.family = struct.unpack("=H", self.attributes(reply)[1])[0]

    def request(self, family, command, attributes=b"", version=1):
        """The payload of the answer, or b"". OSError when the kernel refuses."""
        self.sequence += 1
        body = struct.pack("=BBH", command, version, 0) + attributes
        self.socket.send(struct.pack("=IHHII", 16 + len(body), family, 5, self.sequence, 0) + body)
        payload = b""
        while True:
            data = self.socket.recv(65536)
            while len(data) >= 16:
                length, kind, _, sequence, _ = struct.unpack("=IHHII", data[:16])
                if sequence == self.sequence and kind == 2:
                    error = -struct.unpack("=i", data[16:20])[0]
                    if error:
                        raise OSError(error, os.strerror(error))
                    return payload
                if sequence == self.sequence:
                    payload = data[16:length]
                data = data[(length + 3) & ~3:]

    @staticmethod
    def attributes(payload):
        found, data = {}, payload[4:]
        while len(data) >= 4:
            length, kind = struct.unpack("=HH", data[:4])
            found[kind & 0x3fff] = data[4:length]
            data = data[(length + 3) & ~3:]
        return found

    def send(self, command, instance, **attributes):
        """send(ADD, "nfqdn", PATTERNS=b"a.b\\0")"""
        names = {k: v for k, v in globals().items() if isinstance(v, int)}
        return self.request(self.family, command, attribute(INSTANCE, instance) + b"".join(attribute(names[k], v) for k, v in attributes.items()))

    def get(self, instance="nfqdn"):
        found = self.attributes(self.send(GET, instance))
        return {name: int.from_bytes(found[kind], "little") for name, kind in
                (("loaded", LOADED), ("left", LEFT), ("errors", ERRORS), ("unrelated", UNRELATED), ("known", KNOWN_PASSED))}
