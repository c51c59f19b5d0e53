# SPDX-License-Identifier: Apache-2.0
"""A peer keeps to the least pace for as long as something waits, in either direction."""

import shutil
import socket
import ssl
import tempfile
import time
import unittest

from harness import Client, OwnServers, make_certificate, request, trusting_tls
from websocket_client import (CLOSE, CONTINUATION, FINAL, PING, PONG, TEXT, WebSocket,
                              encode_frame)

RATE = 200_000  # bytes a second
GRACE = 0.3
OPTIONS = {"write_ms": 300, "body_ms": 300, "rate": RATE}
BIG = 12 * 1024 * 1024  # more than the kernels of both sides hold


def paced(rate, seconds, do):
    """Calls `do(count)` for `rate` bytes a second. Returns when it came to an end, or None."""
    started = time.monotonic()
    step = 0.02
    for turn in range(int(seconds / step)):
        if (pause := started + (turn + 1) * step - time.monotonic()) > 0:
            time.sleep(pause)
        try:
            if not do(max(1, int(rate * step))):
                return time.monotonic() - started
        except (ConnectionError, ssl.SSLError):
            return time.monotonic() - started
    return None


class Readers(OwnServers):
    """Each kind of answer, read at a quarter of the least rate, and at twice the rate."""

    def setUp(self):
        self.server = self.start(socket_queue_bytes=2 * BIG, **OPTIONS)

    def client(self, tls=None):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # holds little ahead of us
        sock.settimeout(10)
        sock.connect(("127.0.0.1", self.server.port))
        if tls:
            sock = tls.wrap_socket(sock, server_hostname="localhost")
        client = Client(sock)
        self.addCleanup(client.close)
        return client

    def keeps_to_the_pace(self, ask, tls=None):
        slow, steady = self.client(tls), self.client(tls)
        ask(slow)
        cut = paced(RATE / 4, 12 * GRACE, slow.sock.recv)
        self.assertIsNotNone(cut, "a slow reader is not cut off")
        self.assertGreater(cut, GRACE / 2)
        ask(steady)
        self.assertIsNone(paced(RATE * 2, 4 * GRACE, steady.sock.recv))

    def ask_for_messages(self, client):
        WebSocket(client, target="/sockets")
        body = "x" * 65_536
        publish = request(f"/sockets/publish?{BIG // len(body)}", "POST",
                          f"Content-Length: {len(body)}", body=body)
        with self.server.connect() as other:
            self.assertEqual(other.ask(publish).status, 200)

    def test_sized_answer(self):
        self.keeps_to_the_pace(lambda client: client.send(request(f"/big?{BIG}")))

    def test_streamed_answer(self):
        self.keeps_to_the_pace(
            lambda client: client.send(request(f"/stream/lines?{BIG // 1024}")))

    def test_messages_of_a_websocket(self):
        self.keeps_to_the_pace(self.ask_for_messages)

    def test_tls(self):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        certificate, key = make_certificate(folder)
        self.server = self.start(certificate=certificate, key=key, **OPTIONS)
        context = trusting_tls(certificate)
        for target in (f"/big?{BIG}", f"/stream/lines?{BIG // 1024}"):
            self.keeps_to_the_pace(lambda client: client.send(request(target)), context)

    def test_quick_start_buys_no_time(self):
        client = self.client()
        client.send(request(f"/big?{BIG}"))
        client.take(BIG // 2)  # at the least rate: half a minute's worth
        time.sleep(4 * GRACE)
        with self.assertRaises(AssertionError):
            client.take(BIG // 2)

    def test_reader_that_is_up_to_date_is_never_cut_off(self):
        client = self.client()
        response = client.ask(request("/stream/kept"))
        with self.server.connect() as other:
            for _ in range(4):
                time.sleep(GRACE)
                other.ask(request("/stream/push", "POST", "Content-Length: 1", body="x"))
                self.assertEqual(next(response.chunks), b"x")

    def test_heartbeats_renew_nothing(self):
        client = self.client()
        client.send(request("/stream/beating"))
        with self.server.connect() as other:
            for _ in range(BIG // 65_536):
                other.ask(request("/stream/push", "POST", "Content-Length: 60000",
                                  body="x" * 60_000))
            deadline = time.monotonic() + 10
            while b"stalled" not in other.ask(request("/stream/report")).body:
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.05)


class Senders(OwnServers):
    """What is no byte of a body, or of a message, gains no time."""

    def cut_after(self, start, piece):
        """After how long a request that goes on with `piece` now and then is answered 408."""
        client = self.connect(self.server)
        client.send(start)
        client.sock.settimeout(0.1)
        started = time.monotonic()
        while time.monotonic() < started + 10 * GRACE:
            try:
                client.send(piece)
                client.receive()
            except TimeoutError:
                continue
            client.sock.settimeout(10)
            self.assertEqual(client.response().status, 408)
            return time.monotonic() - started
        return self.fail(f"{piece!r} goes round the least rate")

    def setUp(self):
        self.server = self.start(**OPTIONS)
        self.chunked = request("/echo", "POST", "Transfer-Encoding: chunked")

    def test_chunk_extension(self):
        self.assertLess(self.cut_after(self.chunked + "1;a=", "b"), 2 * GRACE)

    def test_tiny_chunks(self):
        self.assertLess(self.cut_after(self.chunked, "1\r\nx\r\n"), 2 * GRACE)

    def test_trailers(self):
        self.assertLess(self.cut_after(self.chunked + "1\r\nx\r\n0\r\n", "T: u\r\n"), 2 * GRACE)

    def test_body_that_was_asked_for(self):
        start = request("/echo", "POST", "Content-Length: 1000", "Expect: 100-continue")
        client = self.connect(self.server)
        self.assertEqual(client.ask(start).status, 100)
        started = time.monotonic()
        client.sock.settimeout(0.1)
        while not client.buffer:
            self.assertLess(time.monotonic() - started, 10 * GRACE)
            try:
                client.send("x")
                client.receive()
            except TimeoutError:
                pass
        client.sock.settimeout(10)
        self.assertEqual(client.response().status, 408)
        self.assertLess(time.monotonic() - started, 2 * GRACE)

    def test_quick_start_buys_no_time(self):
        start = self.chunked + "7a120\r\n" + "x" * 500_000  # seconds' worth at the least rate
        self.assertLess(self.cut_after(start, ""), 2 * GRACE)


class Messages(OwnServers):
    def setUp(self):
        self.server = self.start(websocket_echo="on", **OPTIONS)

    def test_message_that_is_never_whole_ends_its_connection(self):
        for begun in (encode_frame(FINAL | TEXT, b"x" * 300)[:100],
                      encode_frame(TEXT, b"x" * 300)):
            peer = WebSocket(self.connect(self.server))
            peer.client.send(begun)
            started = time.monotonic()
            ended = paced(50, 10 * GRACE, lambda _: self.trickle(peer, begun))
            self.assertIsNotNone(ended, "a message may take as long as it likes")
            self.assertGreater(time.monotonic() - started, GRACE / 2)

    def trickle(self, peer, begun):
        """A byte of the frame, or a frame of one byte."""
        peer.client.send(b"x" if len(begun) == 100 else encode_frame(CONTINUATION, b"x"))
        return True

    def test_pings_gain_no_time(self):
        peer = WebSocket(self.connect(self.server))
        peer.client.send(encode_frame(TEXT, b"begun"))

        def ping(_):
            peer.send(PING, b"")
            try:
                return peer.receive() == (PONG, b"")
            except AssertionError:  # the end of the connection
                return False
        self.assertIsNotNone(paced(50, 10 * GRACE, ping))

    def test_silence_between_messages_is_not_slow(self):
        peer = WebSocket(self.connect(self.server))
        for _ in range(3):
            peer.send(TEXT, b"whole")
            self.assertEqual(peer.receive(), (TEXT, b"whole"))
            time.sleep(2 * GRACE)
        peer.send(CLOSE, b"")
        self.assertEqual(peer.close_code(), 1000)


if __name__ == "__main__":
    unittest.main()
