# SPDX-License-Identifier: Apache-2.0
"""permessage-deflate (RFC 7692), by what is offered, agreed on, and sent."""

import unittest
import zlib

from websocket_client import (CLOSE, COMPRESSED, CONTINUATION, FINAL, PING, TEXT, Family)


def deflated(payload, bits=15):
    packer = zlib.compressobj(wbits=-bits)
    return (packer.compress(payload) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]


class Compression(Family):
    """permessage-deflate (RFC 7692)."""

    def open_deflate(self, offer="permessage-deflate"):
        peer = self.open(f"Sec-WebSocket-Extensions: {offer}")
        self.assertIn("permessage-deflate", peer.answer["Sec-WebSocket-Extensions"])
        return peer

    def stateless(self):
        return self.open_deflate("permessage-deflate; client_no_context_takeover; "
                                 "server_no_context_takeover")

    def test_is_not_used_unless_it_is_offered(self):
        self.assertEqual(self.open().answer.all("Sec-WebSocket-Extensions"), [])
        peer = self.open("Sec-WebSocket-Extensions: x-unheard-of")
        self.assertEqual(peer.answer.all("Sec-WebSocket-Extensions"), [])

    def test_what_was_agreed_on_was_offered(self):
        known = {"permessage-deflate", "server_no_context_takeover", "client_no_context_takeover",
                 "server_max_window_bits", "client_max_window_bits"}
        for offer in ("permessage-deflate", "permessage-deflate; client_max_window_bits",
                      "permessage-deflate; server_max_window_bits=10",
                      "permessage-deflate; client_max_window_bits=12",
                      "permessage-deflate; server_no_context_takeover",
                      "x-unheard-of, permessage-deflate; client_no_context_takeover"):
            peer = self.open_deflate(offer)
            parts = [part.strip().split("=")[0]
                     for part in peer.answer["Sec-WebSocket-Extensions"].split(";")]
            self.assertLessEqual(set(parts), known)
            if "client_max_window_bits" not in offer:
                self.assertNotIn("client_max_window_bits", parts)

    def test_offer_that_cannot_be_met_is_left_out(self):
        for offer in ("permessage-deflate; unknown", "permessage-deflate; server_max_window_bits=7",
                      "permessage-deflate; server_max_window_bits=16",
                      "permessage-deflate; server_max_window_bits",
                      "permessage-deflate; client_max_window_bits=99"):
            with self.subTest(offer):
                peer = self.open(f"Sec-WebSocket-Extensions: {offer}")
                self.assertEqual(peer.answer.all("Sec-WebSocket-Extensions"), [])
                self.echoes(TEXT, b"as it is", peer)

    def test_messages_of_every_size_come_back(self):
        peer = self.stateless()
        for size in (0, 16, 64, 256, 1024, 8192, 131_072):
            for payload in (b"*" * size, b"0123456789abcdef" * (size // 16)):
                peer.frame(FINAL | COMPRESSED | TEXT, deflated(payload) if payload else b"\x00")
                self.assertEqual(peer.receive(), (TEXT, payload))
        self.closes_cleanly(peer)

    def test_compressed_message_in_fragments_comes_back(self):
        payload = b"again and again " * 1000
        packed = deflated(payload)
        peer = self.stateless()
        for piece in (1, 7, len(packed)):
            for at in range(0, len(packed), piece):
                first = CONTINUATION if at else COMPRESSED | TEXT
                peer.frame(first | (FINAL if at + piece >= len(packed) else 0),
                           packed[at:at + piece])
            self.assertEqual(peer.receive(), (TEXT, payload))

    def test_window_goes_on_from_message_to_message(self):
        peer = self.open_deflate("permessage-deflate; server_no_context_takeover")
        packer = zlib.compressobj(wbits=-15)
        for number in range(5):
            payload = b"the same words as before, %d times" % number
            packed = (packer.compress(payload) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]
            peer.frame(FINAL | COMPRESSED | TEXT, packed)
            self.assertEqual(peer.receive(), (TEXT, payload))

    def test_control_frames_are_never_compressed(self):
        for kind in (PING, CLOSE):
            peer = self.stateless()
            peer.frame(FINAL | COMPRESSED | kind, b"")
            self.assertEqual(peer.close_code(), 1002)

    def test_compressed_bit_in_a_continuation_fails_the_connection(self):
        peer = self.stateless()
        peer.frame(COMPRESSED | TEXT, deflated(b"a"))
        peer.frame(FINAL | COMPRESSED | CONTINUATION, b"")
        self.assertEqual(peer.close_code(), 1002)

    def test_inflated_text_must_be_utf8(self):
        peer = self.stateless()
        peer.frame(FINAL | COMPRESSED | TEXT, deflated(b"\xed\xa0\x80"))
        self.assertEqual(peer.close_code(), 1007)

    def test_what_cannot_be_inflated_fails_the_connection(self):
        peer = self.stateless()
        peer.frame(FINAL | COMPRESSED | TEXT, b"\xff\xff\xff\xff")
        self.assertEqual(peer.close_code(), 1007)
        self.assertTrue(peer.client.is_closed())


if __name__ == "__main__":
    unittest.main()
