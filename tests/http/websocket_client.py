# SPDX-License-Identifier: Apache-2.0
"""A minimal client of WebSockets (RFC 6455, RFC 7692) that may break every rule."""

import base64
import hashlib
import os
import struct
import zlib

from harness import ServerTest, request

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
FINAL, COMPRESSED = 0x80, 0x40


def handshake(*fields, target="/ws/echo", key="dGhlIHNhbXBsZSBub25jZQ==", version="13"):
    return request(target, "GET", "Upgrade: websocket", "Connection: keep-alive, Upgrade",
                   f"Sec-WebSocket-Key: {key}", f"Sec-WebSocket-Version: {version}", *fields)


def encode_frame(first, payload, masked=True):
    size = len(payload)
    bit = 0x80 if masked else 0
    head = bytes([first])
    if size < 126:
        head += bytes([bit | size])
    elif size < 65536:
        head += struct.pack("!BH", bit | 126, size)
    else:
        head += struct.pack("!BQ", bit | 127, size)
    if not masked:
        return head + payload
    if size > 4096:  # a key of zeros masks nothing, and takes no time
        return head + bytes(4) + payload
    return head + b"\x01\x02\x03\x04" + bytes(byte ^ (1 + at % 4)
                                              for at, byte in enumerate(payload))


class WebSocket:
    def __init__(self, client, *fields, target="/ws/echo"):
        self.client = client
        key = base64.b64encode(os.urandom(16)).decode()
        self.answer = client.ask(handshake(*fields, key=key, target=target))
        assert self.answer.status == 101, self.answer.status
        digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        assert self.answer["Sec-WebSocket-Accept"] == base64.b64encode(digest).decode()

    def close(self):
        self.client.close()

    def frame(self, first, payload, masked=True):
        self.client.send(encode_frame(first, payload, masked))

    def send(self, kind, payload):
        self.frame(FINAL | kind, payload)

    def receive_frame(self):
        first, size = self.client.take(2)
        if size == 126:
            (size,) = struct.unpack("!H", self.client.take(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self.client.take(8))
        return first, self.client.take(size)

    def receive(self):
        """One whole message or control frame; compressed ones are inflated."""
        first, payload = self.receive_frame()
        last = first
        while not last & FINAL:
            last, more = self.receive_frame()
            payload += more
        if first & COMPRESSED:
            payload = zlib.decompressobj(-15).decompress(payload + b"\0\0\xff\xff")
        return first & 0x0F, payload

    def close_code(self):
        kind, payload = self.receive()
        assert kind == CLOSE, (kind, payload[:50])
        return struct.unpack("!H", payload[:2])[0] if payload else 1005


def close_payload(code, reason=b""):
    return struct.pack("!H", code) + reason


class Family(ServerTest):
    """A family of cases against the echo."""

    # Only the echo takes messages of 16 MiB; in debug code one read of them takes long.
    options = {"websocket_echo": "on", "held_ms": 50}

    def open(self, *fields):
        return WebSocket(self.connect(), *fields)

    def send_chopped(self, peer, data, size=1):
        """In pieces that leave one by one."""
        for at in range(0, len(data), size):
            peer.client.send(data[at:at + size])

    def echoes(self, kind, payload, peer=None, chop=None):
        peer = peer or self.open()
        data = encode_frame(FINAL | kind, payload)
        if chop:
            self.send_chopped(peer, data, chop)
        else:
            peer.client.send(data)
        self.assertEqual(peer.receive(), (kind, payload))
        return peer

    def closes_cleanly(self, peer):
        peer.send(CLOSE, close_payload(1000))
        self.assertEqual(peer.close_code(), 1000)
        self.assertTrue(peer.client.is_closed())

    def fails(self, code, *frames, after=(), chop=None):
        """These frames end the connection with `code`, after the answers `after`."""
        peer = self.open()
        data = b"".join(encode_frame(first, payload) for first, payload in frames)
        if chop:
            self.send_chopped(peer, data, chop)
        else:
            peer.client.send(data)
        for answer in after:
            self.assertEqual(peer.receive(), answer)
        self.assertEqual(peer.close_code(), code)
        self.assertTrue(peer.client.is_closed())
