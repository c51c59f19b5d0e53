# SPDX-License-Identifier: Apache-2.0
"""A name server over UDP (RFC 1035), which knows names by their beginnings."""

import collections
import socket
import struct
import threading

ADDRESS, NO_SUCH_NAME = 1, 3


class NameServer:
    """`never…` gets no answer, `missing…` does not exist; every other name has the address
    127.0.0.1, for `ttl` seconds, and no IPv6 one."""

    def __init__(self, ttl=60):
        self.ttl = ttl
        self.asked = collections.Counter()  # questions for an IPv4 address, by name
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with self.socket:
            while True:
                packet, peer = self.socket.recvfrom(1024)
                if not packet:
                    return
                if answer := self.answer(packet):
                    self.socket.sendto(answer, peer)

    def answer(self, packet):
        labels, at = [], 12
        while packet[at]:
            labels.append(packet[at + 1:at + 1 + packet[at]].decode())
            at += 1 + packet[at]
        name = ".".join(labels)
        end = at + 5
        is_address = struct.unpack("!H", packet[at + 1:at + 3])[0] == ADDRESS
        if is_address:
            self.asked[name] += 1
        if name.startswith("never"):
            return None
        known = not name.startswith("missing")
        records = 1 if known and is_address else 0
        head = packet[:2] + struct.pack("!BBHHHH", 0x81, 0x80 if known else 0x80 | NO_SUCH_NAME, 1,
                                        records, 0, 0)
        record = struct.pack("!HHHIH4B", 0xC00C, ADDRESS, 1, self.ttl, 4, 127, 0, 0, 1)
        return head + packet[12:end] + record * records

    def close(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self.socket.getsockname())
