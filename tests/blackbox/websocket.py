# SPDX-License-Identifier: Apache-2.0
"""A WebSocket client of JSON text messages (RFC 6455), as small as its tests need."""

import base64
import json
import os
import socket
import struct

TEXT, CLOSE, PING = 1, 8, 9


class WebSocket:
    """Connects at once. `next` gives messages in order; not for several threads."""

    def __init__(self, server, key, path, timeout=30):
        self.socket = socket.create_connection((server.host, server.port), timeout=timeout)
        self.stream = self.socket.makefile("rb")
        self.closed_with = None  # the code, when the server closed with one
        nonce = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            (f"GET {path} HTTP/1.1\r\nHost: {server.host}:{server.port}\r\n"
             f"Authorization: Bearer {key}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {nonce}\r\n\r\n").encode())
        status = self.stream.readline()
        assert b" 101 " in status, status
        while self.stream.readline().strip():
            pass

    def send(self, message):
        self.send_text(json.dumps(message))

    def send_text(self, text):
        payload = text.encode()
        assert len(payload) < 126
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
        self.socket.sendall(bytes([0x80 | TEXT, 0x80 | len(payload)]) + mask + masked)

    def next(self):
        """The next message; None when the server closed."""
        while True:
            head = self.stream.read(2)
            if len(head) < 2:
                return None
            size = head[1] & 0x7F
            if size == 126:
                (size,) = struct.unpack("!H", self.stream.read(2))
            elif size == 127:
                (size,) = struct.unpack("!Q", self.stream.read(8))
            payload = self.stream.read(size)
            if head[0] & 0x0F == CLOSE:
                if payload:
                    (self.closed_with,) = struct.unpack("!H", payload[:2])
                return None
            if head[0] & 0x0F == TEXT:
                return json.loads(payload)

    def close(self):
        self.stream.close()
        self.socket.close()
