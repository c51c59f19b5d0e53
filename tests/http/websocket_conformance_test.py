# SPDX-License-Identifier: Apache-2.0
"""The echo against the families of cases that conformance suites for RFC 6455 have: framing, pings,
reserved bits, opcodes, fragments, UTF-8, closing, limits. Compression has a file of its own."""

import os
import struct
import time
import unittest

from websocket_client import (BINARY, CLOSE, CONTINUATION, FINAL, PING, PONG, TEXT, Family,
                              close_payload, encode_frame)

MESSAGE_BYTES_MAX = 16 << 20


class Framing(Family):
    """RFC 6455, section 5.2: every form of the length, both kinds, however the bytes arrive."""

    def test_every_size_comes_back(self):
        for kind in (TEXT, BINARY):
            for size in (0, 1, 125, 126, 127, 128, 65_535, 65_536, 65_537):
                payload = b"*" * size if kind == TEXT else os.urandom(size)
                with self.subTest(kind=kind, size=size):
                    self.closes_cleanly(self.echoes(kind, payload))

    def test_frame_in_pieces_comes_back(self):
        self.echoes(BINARY, os.urandom(65_536), chop=997)
        self.echoes(TEXT, "käse 𝄞".encode(), chop=1)

    def test_size_in_a_longer_form_than_needed_is_refused(self):
        for head, codes in ((struct.pack("!BBH", FINAL | BINARY, 0x80 | 126, 125), (1002,)),
                            (struct.pack("!BBQ", FINAL | BINARY, 0x80 | 127, 65_535), (1002,)),
                            # The highest bit is not a size's: malformed, and too large.
                            (struct.pack("!BBQ", FINAL | BINARY, 0x80 | 127, 1 << 63),
                             (1002, 1009))):
            peer = self.open()
            peer.client.send(head + bytes(4))
            self.assertIn(peer.close_code(), codes)
            self.assertTrue(peer.client.is_closed())

    def test_frame_without_a_mask_is_refused(self):
        for first in (FINAL | TEXT, FINAL | BINARY, FINAL | PING, FINAL | CLOSE):
            peer = self.open()
            peer.client.send(encode_frame(first, b"", masked=False))
            self.assertEqual(peer.close_code(), 1002)
            self.assertTrue(peer.client.is_closed())


class PingsAndPongs(Family):
    """Section 5.5.2 and 5.5.3."""

    def test_ping_is_answered_with_what_it_holds(self):
        for payload in (b"", b"Hello", b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff", b"\xfe" * 125):
            peer = self.open()
            peer.send(PING, payload)
            self.assertEqual(peer.receive(), (PONG, payload))
            self.closes_cleanly(peer)

    def test_ping_in_pieces_is_answered(self):
        peer = self.open()
        self.send_chopped(peer, encode_frame(FINAL | PING, b"\xfe" * 125))
        self.assertEqual(peer.receive(), (PONG, b"\xfe" * 125))

    def test_ping_of_126_bytes_is_refused(self):
        self.fails(1002, (FINAL | PING, b"\xfe" * 126))

    def test_pongs_that_nobody_asked_for_are_read_over(self):
        for payload in (b"", b"unsolicited"):
            peer = self.open()
            peer.send(PONG, payload)
            peer.send(PING, b"now")
            self.assertEqual(peer.receive(), (PONG, b"now"))
            self.closes_cleanly(peer)

    def test_many_pings_are_answered_in_order(self):
        # Whoever sends faster than he reads may get an answer to the newest alone (5.5.3).
        peer = self.open()
        for number in range(10):
            peer.send(PING, b"payload-%d" % number)
            self.assertEqual(peer.receive(), (PONG, b"payload-%d" % number))
        self.closes_cleanly(peer)

    def test_burst_of_pings_is_answered_in_order_up_to_the_newest(self):
        peer = self.open()
        peer.client.send(b"".join(encode_frame(FINAL | PING, b"%d" % n) for n in range(10)))
        last = -1
        while last < 9:
            kind, payload = peer.receive()
            self.assertEqual(kind, PONG)
            self.assertGreater(int(payload), last)
            last = int(payload)
        self.closes_cleanly(peer)


class ReservedBits(Family):
    """Section 5.2: RSV1 to RSV3 have no meaning that was agreed on."""

    def test_any_of_them_fails_the_connection(self):
        for bits in range(1, 8):
            for kind, payload in ((TEXT, b"Hello"), (BINARY, b""), (PING, b"Hello"),
                                  (CLOSE, close_payload(1000))):
                with self.subTest(bits=bits, kind=kind):
                    self.fails(1002, (FINAL | bits << 4 | kind, payload))

    def test_message_before_is_still_answered(self):
        hello = (FINAL | TEXT, b"Hello, world!")
        for chop in (None, 1):
            self.fails(1002, hello, (FINAL | 0x40 | TEXT, b"Hello"), (FINAL | PING, b""),
                       after=[(TEXT, b"Hello, world!")], chop=chop)

    def test_any_of_them_in_a_continuation_fails_the_connection(self):
        for bits in range(1, 8):
            self.fails(1002, (TEXT, b"a"), (FINAL | bits << 4 | CONTINUATION, b"b"))


class Opcodes(Family):
    """Section 5.2: 3 to 7 and 11 to 15 are reserved."""

    def test_reserved_ones_fail_the_connection(self):
        for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
            for payload in (b"", b"reserved opcode payload"):
                with self.subTest(opcode=opcode):
                    self.fails(1002, (FINAL | opcode, payload))
                    self.fails(1002, (FINAL | TEXT, b"Hello"), (FINAL | opcode, payload),
                               (FINAL | PING, b""), after=[(TEXT, b"Hello")])


class Fragments(Family):
    """Section 5.4."""

    def test_control_frames_cannot_be_fragmented(self):
        for kind in (PING, PONG, CLOSE):
            self.fails(1002, (kind, b"fragment1"), (FINAL | CONTINUATION, b"fragment2"))

    def test_message_in_fragments_is_one_message(self):
        for chop in (None, 1):
            for between in ([], [b"ping payload"], [b"a", b"b"]):
                peer = self.open()
                data = encode_frame(TEXT, b"fragment1")
                for payload in between:
                    data += encode_frame(FINAL | PING, payload)
                data += encode_frame(CONTINUATION, b"") + encode_frame(FINAL | CONTINUATION, b"2")
                if chop:
                    self.send_chopped(peer, data, chop)
                else:
                    peer.client.send(data)
                got = [peer.receive()]
                while got[-1][0] == PONG:
                    got.append(peer.receive())
                self.assertEqual(got[-1], (TEXT, b"fragment12"))
                if between:
                    self.assertEqual(got[-2], (PONG, between[-1]))

    def test_ping_between_fragments_is_answered_before_the_message_ends(self):
        peer = self.open()
        peer.frame(TEXT, b"fragment1")
        peer.frame(FINAL | PING, b"now")
        self.assertEqual(peer.receive(), (PONG, b"now"))
        peer.frame(FINAL | CONTINUATION, b"fragment2")
        self.assertEqual(peer.receive(), (TEXT, b"fragment1fragment2"))

    def test_message_of_empty_fragments_is_empty(self):
        peer = self.open()
        for first in (TEXT, CONTINUATION, FINAL | CONTINUATION):
            peer.frame(first, b"")
        self.assertEqual(peer.receive(), (TEXT, b""))

    def test_continuation_of_nothing_fails_the_connection(self):
        for first in (CONTINUATION, FINAL | CONTINUATION):
            for chop in (None, 1):
                self.fails(1002, (first, b"non-continuation payload"), (FINAL | TEXT, b"Hello"),
                           chop=chop)
        self.fails(1002, (TEXT, b"1"), (FINAL | CONTINUATION, b"2"), (FINAL | CONTINUATION, b"3"),
                   after=[(TEXT, b"12")])

    def test_message_inside_a_message_fails_the_connection(self):
        for kind in (TEXT, BINARY):
            self.fails(1002, (TEXT, b"fragment1"), (FINAL | kind, b"fragment2"))

    def test_many_fragments_with_pings_between_are_one_message(self):
        peer = self.open()
        for at in range(1, 5):
            peer.frame(TEXT if at == 1 else CONTINUATION, b"fragment%d" % at)
            peer.frame(FINAL | PING, b"pongme %d!" % at)
            self.assertEqual(peer.receive(), (PONG, b"pongme %d!" % at))
        peer.frame(FINAL | CONTINUATION, b"fragment5")
        self.assertEqual(peer.receive(), (TEXT, b"fragment1fragment2fragment3fragment4fragment5"))

    def test_message_cut_into_many_fragments_comes_back(self):
        payload = os.urandom(65_536)
        data = b"".join(
            encode_frame((0 if at else BINARY) | (FINAL if at + 1300 >= len(payload) else 0),
                         payload[at:at + 1300])
            for at in range(0, len(payload), 1300))
        peer = self.open()
        peer.client.send(data)
        self.assertEqual(peer.receive(), (BINARY, payload))


VALID_UTF8 = [
    "Hello-µ@ßöäüàá-UTF-8!!".encode(), "κόσμε".encode(), b"\x00", b"\xc2\x80", b"\xe0\xa0\x80",
    b"\xf0\x90\x80\x80", b"\x7f", b"\xdf\xbf", b"\xef\xbf\xbf", b"\xf4\x8f\xbf\xbf",
    b"\xed\x9f\xbf", b"\xee\x80\x80", b"\xef\xbf\xbd", b"\xef\xbf\xbe", b"\xf0\x9f\xbf\xbf",
]
INVALID_UTF8 = [
    # what is no beginning, alone and in rows
    b"\x80", b"\xbf", b"\x80\xbf", b"\x80\xbf\x80\xbf\x80\xbf", bytes(range(0x80, 0xc0)),
    # a beginning without its end, or in front of a space
    b"\xc0\x20", b"\xdf ", b"\xe0 ", b"\xef ", b"\xf0 ", b"\xf7 ", b"\xf8 ", b"\xfc ",
    b"\xc0", b"\xc3", b"\xe0\x80", b"\xe2\x82", b"\xf0\x80\x80", b"\xf0\x9f\x98",
    # impossible bytes
    b"\xfe", b"\xff", b"\xfe\xfe\xff\xff",
    # longer than needed
    b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xf8\x80\x80\x80\xaf",
    b"\xfc\x80\x80\x80\x80\xaf", b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xf0\x8f\xbf\xbf", b"\xc0\x80",
    b"\xe0\x80\x80", b"\xf0\x80\x80\x80",
    # surrogates
    b"\xed\xa0\x80", b"\xed\xad\xbf", b"\xed\xae\x80", b"\xed\xaf\xbf", b"\xed\xb0\x80",
    b"\xed\xbe\x80", b"\xed\xbf\xbf", b"\xed\xa0\x80\xed\xb0\x80",
    # above U+10FFFF
    b"\xf4\x90\x80\x80", b"\xf7\xbf\xbf\xbf", b"\xf8\x88\x80\x80\x80",
    b"\xfc\x84\x80\x80\x80\x80",
]


class Utf8(Family):
    """Section 8.1: texts are UTF-8, and what is none fails the connection with 1007."""

    def test_valid_texts_come_back(self):
        peer = self.open()
        for text in VALID_UTF8:
            self.echoes(TEXT, text, peer)
            self.echoes(TEXT, text, peer, chop=1)
        self.closes_cleanly(peer)

    def test_valid_text_comes_back_wherever_it_is_cut_into_fragments(self):
        text = "κόσμε 𝄞".encode()
        peer = self.open()
        for at in range(len(text) + 1):
            peer.frame(TEXT, text[:at])
            peer.frame(FINAL | CONTINUATION, text[at:])
            self.assertEqual(peer.receive(), (TEXT, text))
        for at, byte in enumerate(text):
            last = FINAL if at + 1 == len(text) else 0
            peer.frame((CONTINUATION if at else TEXT) | last, bytes([byte]))
        self.assertEqual(peer.receive(), (TEXT, text))

    def test_invalid_texts_close_with_1007(self):
        for text in INVALID_UTF8:
            with self.subTest(text):
                self.fails(1007, (FINAL | TEXT, text))
                self.fails(1007, (FINAL | TEXT, b"before " + text + b" after"))
                self.fails(1007, (FINAL | TEXT, text), chop=1)
                self.fails(1007, (TEXT, text[:1]), (FINAL | CONTINUATION, text[1:]))

    def test_binary_messages_may_hold_any_bytes(self):
        peer = self.open()
        for payload in INVALID_UTF8:
            self.echoes(BINARY, payload, peer)

    def test_invalid_text_fails_before_its_message_ends(self):
        # After the first fragment that cannot become valid any more …
        peer = self.open()
        peer.frame(TEXT, "κόσμε".encode())
        peer.frame(CONTINUATION, b"\xf4\x90")
        self.assertEqual(peer.close_code(), 1007)
        # … and within a frame, with the rest of it still to come.
        peer = self.open()
        frame = encode_frame(FINAL | TEXT, b"\xce\xba\xed\xa0\x80edited")
        peer.client.send(frame[:-6])
        self.assertEqual(peer.close_code(), 1007)
        self.assertTrue(peer.client.is_closed())


class Closing(Family):
    """Section 5.5.1, section 7."""

    def test_nothing_is_answered_after_a_close(self):
        for follower in ((FINAL | TEXT, b"Hello"), (FINAL | PING, b"after"),
                         (FINAL | CLOSE, close_payload(1001)), (FINAL | 3, b""),
                         (TEXT, b"half")):
            peer = self.open()
            peer.client.send(encode_frame(FINAL | CLOSE, close_payload(1000)) +
                             encode_frame(*follower))
            self.assertEqual(peer.close_code(), 1000)
            self.assertTrue(peer.client.is_closed())

    def test_message_before_a_close_is_answered(self):
        self.fails(1000, (FINAL | TEXT, b"Hello"), (FINAL | CLOSE, close_payload(1000)),
                   after=[(TEXT, b"Hello")])

    def test_close_between_fragments_is_answered(self):
        self.fails(1000, (TEXT, b"fragment1"), (FINAL | CLOSE, close_payload(1000)),
                   (FINAL | CONTINUATION, b"fragment2"))

    def test_empty_close_is_answered(self):
        peer = self.open()
        peer.send(CLOSE, b"")
        self.assertIn(peer.close_code(), (1000, 1005))
        self.assertTrue(peer.client.is_closed())

    def test_every_valid_code_is_answered_in_kind(self):
        for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 3999,
                     4000, 4999):
            for reason in (b"", b"bye", "κόσμε".encode(), b"*" * 123):
                with self.subTest(code=code):
                    self.fails(code, (FINAL | CLOSE, close_payload(code, reason)))

    def test_every_invalid_code_is_answered_with_1002(self):
        for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999):
            for reason in (b"", b"bye"):
                with self.subTest(code=code):
                    self.fails(1002, (FINAL | CLOSE, close_payload(code, reason)))

    def test_codes_past_4999_end_the_connection(self):
        # No standard gives them a meaning.
        for code in (5000, 65_535):
            peer = self.open()
            peer.send(CLOSE, close_payload(code))
            self.assertIn(peer.close_code(), (code, 1002))
            self.assertTrue(peer.client.is_closed())

    def test_malformed_payloads_are_answered_with_1002(self):
        self.fails(1002, (FINAL | CLOSE, b"\x03"))
        self.fails(1002, (FINAL | CLOSE, close_payload(1000, b"*" * 124)))
        for reason in (b"\xff", b"\xce\xba\xed\xa0\x80", b"\xc3"):
            self.fails(1002, (FINAL | CLOSE, close_payload(1000, reason)))

    def test_close_in_pieces_is_answered(self):
        self.fails(1000, (FINAL | CLOSE, close_payload(1000, b"bye")), chop=1)

    def test_why_a_client_is_refused_reaches_it_however_much_it_still_sends(self):
        # It hears of the refusal only after it has sent everything.
        peer = self.open()
        size = MESSAGE_BYTES_MAX * 3
        head = struct.pack("!BBQ", FINAL | BINARY, 0x80 | 127, size) + bytes(4)
        peer.client.send(head)
        piece = bytes(1 << 20)
        for _ in range(size // len(piece)):
            peer.client.send(piece)
        self.assertEqual(peer.close_code(), 1009)
        self.assertTrue(peer.client.is_closed())

    def test_refused_client_that_never_closes_is_left(self):
        peer = self.open()
        peer.send(3, b"")
        self.assertEqual(peer.close_code(), 1002)
        # The linger time is 2 s; until then what it sends is dropped, and then it is cut.
        until = time.monotonic() + 60
        with self.assertRaises(OSError):
            while time.monotonic() < until:
                peer.client.send(b"still here")
                time.sleep(0.05)  # the pace of sending, not a wait for something


class Limits(Family):
    """Messages up to the bound of 16 MiB, in one frame and in many, and many of them."""

    def test_large_messages_come_back(self):
        for kind in (TEXT, BINARY):
            for size in (1 << 16, 1 << 18, 1 << 20, 1 << 22, MESSAGE_BYTES_MAX):
                with self.subTest(kind=kind, size=size):
                    self.echoes(kind, b"*" * size)

    def test_large_messages_in_fragments_come_back(self):
        payload = b"*" * (4 << 20)
        for piece in (1 << 10, 1 << 14, 1 << 18, 1 << 22):
            peer = self.open()
            data = b"".join(
                encode_frame((0 if at else TEXT) | (FINAL if at + piece >= len(payload) else 0),
                             payload[at:at + piece])
                for at in range(0, len(payload), piece))
            peer.client.send(data)
            self.assertEqual(peer.receive(), (TEXT, payload))

    def test_large_message_in_small_pieces_comes_back(self):
        self.echoes(BINARY, os.urandom(1 << 20), chop=1500)

    def test_many_messages_come_back_one_by_one(self):
        for kind, size in ((TEXT, 0), (TEXT, 16), (BINARY, 64), (BINARY, 1024), (TEXT, 16_384)):
            peer = self.open()
            payload = b"*" * size
            for _ in range(200):
                peer.send(kind, payload)
                self.assertEqual(peer.receive(), (kind, payload))

    def test_message_past_the_bound_closes_with_1009(self):
        peer = self.open()
        peer.client.send(struct.pack("!BBQ", FINAL | TEXT, 0x80 | 127, MESSAGE_BYTES_MAX + 1))
        peer.client.send(bytes(4))
        self.assertEqual(peer.close_code(), 1009)
        self.assertTrue(peer.client.is_closed())

    def test_fragments_past_the_bound_close_with_1009(self):
        peer = self.open()
        peer.frame(BINARY, bytes(MESSAGE_BYTES_MAX))
        peer.frame(FINAL | CONTINUATION, b"1")
        self.assertEqual(peer.close_code(), 1009)
        self.assertTrue(peer.client.is_closed())


if __name__ == "__main__":
    unittest.main()
