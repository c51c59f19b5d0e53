# SPDX-License-Identifier: Apache-2.0
"""Draining, TLS and its reload, several io threads, and the report of finished requests."""

import shutil
import signal
import socket
import ssl
import tempfile
import time
import unittest
import warnings

from harness import Client, Server, make_certificate, request, trusting_tls
from stream_test import lines, wait_for_ends


class Drain(unittest.TestCase):
    def test_running_requests_finish_and_idle_connections_close(self):
        server = Server()
        idle, busy, queued = server.connect(), server.connect(), server.connect()
        self.assertEqual(idle.ask(request()).status, 200)
        # One segment: when the first answer is here, the next request is being handled.
        self.assertEqual(busy.ask(request() + request("/slow")).status, 200)
        self.assertEqual(queued.ask(request() + request("/slow") + request()).status, 200)
        started = time.monotonic()
        server.signal(signal.SIGTERM)
        self.assertTrue(idle.is_closed())
        self.assertLess(time.monotonic() - started, 0.35)
        with self.assertRaises(ConnectionRefusedError):
            while True:
                server.connect().close()
        for client in (busy, queued):
            response = client.response()
            self.assertEqual((response.body, response["Connection"]), (b"later", "close"))
            self.assertTrue(client.is_closed())
        for client in (idle, busy, queued):
            client.close()
        self.assertEqual(server.stop(), 0)

    def test_what_is_left_at_the_deadline_is_cut(self):
        server = Server()
        client = server.connect()
        # One segment: when the first answer is here, the second request is being handled.
        self.assertEqual(client.ask(request() + request("/never")).status, 200)
        started = time.monotonic()
        self.assertEqual(server.stop(), 0)
        self.assertLess(4, time.monotonic() - started)
        client.close()

    def test_websockets_hear_1001(self):
        from websocket_test import WebSocket
        server = Server(websocket_echo="on")
        peer = WebSocket(server.connect())
        server.signal(signal.SIGTERM)
        self.assertEqual(peer.close_code(), 1001)
        peer.close()
        self.assertEqual(server.stop(), 0)


class Threads(unittest.TestCase):
    def test_connections_are_spread_over_io_threads(self):
        server = Server(io_threads=3)
        clients = [server.connect() for _ in range(30)]
        for _ in range(10):
            for client in clients:
                client.send(request("/burst") + request())
            for client in clients:
                self.assertEqual(client.response().body, b"later")
                self.assertEqual(client.response().body, b"constant")
        for client in clients:
            client.close()
        self.assertEqual(server.stop(), 0)


class Report(unittest.TestCase):
    def test_each_request_is_reported_once(self):
        server = Server(log="on")
        client = server.connect()
        client.ask(request("/echo", "POST", "Content-Length: 5", body="hello"))
        client.ask("BREW / HTTP/1.1\r\nHost: a\r\n\r\n")
        first, second = server.line().split(), server.line().split()
        self.assertEqual(first[:3] + first[4:], ["POST", "200", "in=5", "ok"])
        self.assertEqual(second[:3] + second[4:], ["-", "501", "in=0", "ok"])
        client.close()
        self.assertEqual(server.stop(), 0)


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def setUp(self):
        self.make("first")
        self.server = Server(certificate=self.certificate, key=self.key, websocket_echo="on")

    def tearDown(self):
        self.assertEqual(self.server.stop(), 0)

    def make(self, name):
        self.certificate, self.key = make_certificate(self.folder, name)

    def connect(self, context=None):
        raw = socket.create_connection(("127.0.0.1", self.server.port), timeout=10)
        context = context or trusting_tls(self.certificate)
        client = Client(context.wrap_socket(raw, server_hostname="localhost"))
        self.addCleanup(client.close)
        return client

    def name(self, client):
        return dict(pair[0] for pair in client.sock.getpeercert()["subject"])["commonName"]

    def test_requests_and_large_bodies(self):
        client = self.connect()
        self.assertEqual(client.sock.selected_alpn_protocol(), "http/1.1")
        self.assertIn("\ntls\n", client.ask(request("/describe")).body.decode())
        body = "x" * 900_000
        sized = request("/echo", "POST", f"Content-Length: {len(body)}", body=body)
        self.assertEqual(client.ask(sized).body, body.encode())
        sized = request("/echo", "POST", "Content-Length: 5", "Expect: 100-continue")
        self.assertEqual(client.ask(sized).status, 100)
        self.assertEqual(client.ask("hello" + request("/slow")).body, b"hello")
        self.assertEqual(client.response().body, b"later")

    def test_close_is_told(self):
        client = self.connect()
        client.ask(request("/constant", "GET", "Connection: close"))
        self.assertTrue(client.is_closed())  # an end without close_notify would be an error

    def test_refusal_reaches_the_client(self):
        self.assertEqual(self.connect().ask("BREW / HTTP/1.1\r\n\r\n").status, 400)

    def test_versions(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = trusting_tls(self.certificate)
            context.minimum_version = context.maximum_version = version
            self.assertEqual(self.connect(context).ask(request()).status, 200)
        context = trusting_tls(self.certificate)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaises((ssl.SSLError, ConnectionResetError)):
            self.connect(context)

    def test_plain_request_is_closed(self):
        with self.server.connect() as client:
            client.send(request())
            self.assertNotIn(b"HTTP", client.buffer)
            while client.receive():
                pass
            self.assertNotIn(b"HTTP/", client.buffer)

    def test_reload(self):
        before = self.connect()
        self.make("second")
        self.server.signal(signal.SIGHUP)
        self.assertEqual(self.server.line(), "reloaded")
        self.assertEqual(self.name(self.connect()), "second")
        self.assertEqual(before.ask(request()).status, 200)
        with open(self.key, "w", encoding="ascii") as key:
            key.write("broken")
        self.server.signal(signal.SIGHUP)
        self.assertIn("private key", self.server.line())
        self.assertEqual(self.name(self.connect()), "second")

    def test_streams(self):
        client = self.connect()
        for _ in range(2):
            chunks = client.ask(request("/stream/lines?3000")).chunks
            self.assertEqual(b"".join(chunks), lines(3000))
        self.assertEqual(client.ask(request("/stream/kept")).status, 200)
        other = self.connect()
        other.ask(request("/stream/kept"))
        other.close()
        self.assertEqual(wait_for_ends(self.server, 3, self.connect)[2][0], "disconnected")
        self.server.signal(signal.SIGTERM)
        self.assertEqual(list(client.chunks()), [b"last"])
        self.assertTrue(client.is_closed())  # with a close_notify

    def test_websocket(self):
        from websocket_test import WebSocket
        peer = WebSocket(self.connect())
        peer.send(1, b"over tls")
        self.assertEqual(peer.receive(), (1, b"over tls"))


if __name__ == "__main__":
    unittest.main()
