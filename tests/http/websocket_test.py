# SPDX-License-Identifier: Apache-2.0
"""The WebSocket echo, through a minimal client (RFC 6455, RFC 7692)."""

import os
import struct
import unittest
import zlib

from harness import ServerTest, request
from websocket_client import (BINARY, CLOSE, COMPRESSED, CONTINUATION, FINAL, PING, PONG, TEXT,
                              WebSocket, handshake)


class Handshake(ServerTest):
    options = {"websocket_echo": "on"}

    def test_request_id_is_echoed(self):
        peer = WebSocket(self.connect(), "X-Request-ID: mine")
        self.assertEqual(peer.answer["X-Request-ID"], "mine")

    def test_other_version(self):
        client = self.connect()
        response = client.ask(handshake(version="8"))
        self.assertEqual((response.status, response["Sec-WebSocket-Version"]), (426, "13"))

    def test_malformed_key(self):
        for key in ("", "short", "dGhlIHNhbXBsZSBub25jZQ=!"):
            self.refused(handshake(key=key), 400)

    def test_bytes_behind_the_handshake(self):
        self.refused(handshake() + "early", 400)

    def test_other_paths_go_to_the_handler(self):
        self.assertEqual(self.connect().ask(handshake(target="/ws/other")).status, 404)
        self.assertEqual(self.connect().ask(request("/ws/echo")).status, 404)


class EchoIsOff(ServerTest):
    def test_path_goes_to_the_handler(self):
        self.assertEqual(self.connect().ask(handshake()).status, 404)


class Messages(ServerTest):
    # In debug code a read of a large message takes about what a loop may be held for.
    options = {"websocket_echo": "on", "held_ms": 50}

    def open(self, *fields):
        return WebSocket(self.connect(), *fields)

    def assert_fails(self, code, *frames):
        peer = self.open()
        for first, payload in frames:
            peer.frame(first, payload)
        self.assertEqual(peer.close_code(), code)
        self.assertTrue(peer.client.is_closed())

    def test_sizes(self):
        peer = self.open()
        for size in (0, 1, 125, 126, 65535, 65536, 300_000):
            payload = os.urandom(size)
            peer.send(BINARY, payload)
            self.assertEqual(peer.receive(), (BINARY, payload))
        peer.send(TEXT, "käse 𝄞".encode())
        self.assertEqual(peer.receive(), (TEXT, "käse 𝄞".encode()))

    def test_many_messages_keep_their_order(self):
        peer = self.open()
        for number in range(500):
            peer.send(TEXT, str(number).encode())
        for number in range(500):
            self.assertEqual(peer.receive(), (TEXT, str(number).encode()))

    def test_fragments_are_joined_with_a_ping_between(self):
        peer = self.open()
        peer.frame(TEXT, b"one ")
        peer.frame(FINAL | PING, b"now")
        peer.frame(CONTINUATION, b"two ")
        peer.frame(FINAL | CONTINUATION, b"three")
        self.assertEqual(peer.receive(), (PONG, b"now"))
        self.assertEqual(peer.receive(), (TEXT, b"one two three"))

    def test_text_split_inside_a_character(self):
        peer = self.open()
        peer.frame(TEXT, b"k\xc3")
        peer.frame(FINAL | CONTINUATION, b"\xa4se")
        self.assertEqual(peer.receive(), (TEXT, "käse".encode()))

    def test_close_is_answered_in_kind(self):
        for payload, code in ((b"", 1000), (struct.pack("!H", 1000) + b"bye", 1000),
                              (struct.pack("!H", 4999), 4999)):
            peer = self.open()
            peer.send(CLOSE, payload)
            self.assertEqual(peer.close_code(), code)
            self.assertTrue(peer.client.is_closed())

    def test_invalid_utf8_closes_with_1007(self):
        self.assert_fails(1007, (FINAL | TEXT, b"\xc0\x80"))
        self.assert_fails(1007, (TEXT, b"a\xed\xa0\x80"), (FINAL | CONTINUATION, b"b"))
        self.assert_fails(1007, (FINAL | TEXT, b"k\xc3"))

    def test_invalid_utf8_in_a_close_reason_closes_with_1002(self):
        self.assert_fails(1002, (FINAL | CLOSE, struct.pack("!H", 1000) + b"\xff"))

    def test_broken_rules_close_with_1002(self):
        self.assert_fails(1002, (FINAL | 3, b""))                         # unknown opcode
        self.assert_fails(1002, (FINAL | COMPRESSED | TEXT, b"a"))        # not negotiated
        self.assert_fails(1002, (PING, b"a"))                             # fragmented control
        self.assert_fails(1002, (FINAL | PING, b"a" * 126))               # long control
        self.assert_fails(1002, (FINAL | CONTINUATION, b"a"))             # continues nothing
        self.assert_fails(1002, (TEXT, b"a"), (FINAL | TEXT, b"b"))       # message in a message
        self.assert_fails(1002, (FINAL | CLOSE, b"a"))                    # half a close code
        for code in (0, 999, 1004, 1005, 1006, 1015, 2999):
            self.assert_fails(1002, (FINAL | CLOSE, struct.pack("!H", code)))

    def test_unmasked_frame_closes_with_1002(self):
        peer = self.open()
        peer.frame(FINAL | TEXT, b"bare", masked=False)
        self.assertEqual(peer.close_code(), 1002)

    def test_message_past_the_bound_closes_with_1009(self):
        peer = self.open()
        peer.client.send(struct.pack("!BBQ", FINAL | BINARY, 0x80 | 127, (16 << 20) + 1) + b"abcd")
        self.assertEqual(peer.close_code(), 1009)

    def test_compression(self):
        peer = self.open("Sec-WebSocket-Extensions: permessage-deflate; "
                         "client_no_context_takeover; server_no_context_takeover")
        self.assertIn("permessage-deflate", peer.answer["Sec-WebSocket-Extensions"])
        packer = zlib.compressobj(wbits=-15)
        text = b"again and again " * 1000
        packed = (packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]
        for _ in range(2):
            peer.frame(FINAL | COMPRESSED | TEXT, packed)
            self.assertEqual(peer.receive(), (TEXT, text))
        peer.send(TEXT, b"as it is")
        self.assertEqual(peer.receive(), (TEXT, b"as it is"))

    def test_compressed_bomb_closes_with_1009(self):
        peer = self.open("Sec-WebSocket-Extensions: permessage-deflate")
        packer = zlib.compressobj(9, wbits=-15)
        bomb = packer.compress(b"\0" * (17 << 20)) + packer.flush(zlib.Z_SYNC_FLUSH)
        peer.frame(FINAL | COMPRESSED | BINARY, bomb[:-4])
        self.assertEqual(peer.close_code(), 1009)


if __name__ == "__main__":
    unittest.main()
