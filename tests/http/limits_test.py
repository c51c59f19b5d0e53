# SPDX-License-Identifier: Apache-2.0
"""Every bound and every timeout holds, and is answered rather than cut off."""

import socket
import time
import unittest

from harness import Client, Server, ServerTest, request
from websocket_client import WebSocket


class Sizes(ServerTest):
    options = {"header_bytes": 4096, "url_bytes": 1000, "body_bytes": 5000}

    def test_url(self):
        self.assertEqual(self.connect().ask(request("/" + "x" * 999)).status, 404)
        self.refused(request("/" + "x" * 1000), 414)
        self.refused("GET /" + "x" * 2000, 414)  # without waiting for the end of the line
        # What never ends a method is none that is known.
        self.refused("G" * 2000, 501, "not_implemented")
        self.refused("G" * 2000 + " / HTTP/1.1\r\nHost: a\r\n\r\n", 501, "not_implemented")

    def test_header(self):
        self.assertEqual(self.connect().ask(request("/constant", "GET", "X: " + "y" * 4000)).status,
                         200)
        self.refused(request("/constant", "GET", "X: " + "y" * 4096), 431)
        self.refused("GET / HTTP/1.1\r\nX: " + "y" * 5000, 431)

    def test_number_of_fields(self):
        many = [f"X-{number}: y" for number in range(99)]
        self.assertEqual(self.connect().ask(request("/constant", "GET", *many)).status, 200)
        self.refused(request("/constant", "GET", *many, "X: y"), 431)

    def test_sized_body_is_refused_before_it_is_sent(self):
        body = "x" * 5000
        ok = self.connect().ask(request("/echo", "POST", "Content-Length: 5000", body=body))
        self.assertEqual(ok.status, 200)
        self.refused(request("/echo", "POST", "Content-Length: 5001"), 413, "too_large")
        self.refused(request("/echo", "POST", "Content-Length: 18446744073709551615"), 413)

    def test_chunked_body_is_refused_when_it_passes_the_bound(self):
        chunk = "9c4\r\n" + "x" * 2500 + "\r\n"
        chunked = request("/echo", "POST", "Transfer-Encoding: chunked", body=chunk * 2)
        self.assertEqual(self.connect().ask(chunked + "0\r\n\r\n").status, 200)
        self.refused(chunked + "1\r\n", 413)
        self.refused(request("/echo", "POST", "Transfer-Encoding: chunked",
                             body="ffffffffffffffff\r\n"), 413)

    def test_bound_is_the_routes_own(self):
        self.refused(request("/describe", "POST", "Content-Length: 1"), 413)

    def test_endless_chunk_extension_and_trailers(self):
        start = request("/echo", "POST", "Transfer-Encoding: chunked")
        self.refused(start + "1;a=" + "b" * 20_000, 400)
        self.refused(start + "0\r\nX: " + "b" * 20_000, 400)

    def test_client_can_read_the_refusal_of_a_body_it_is_still_sending(self):
        client = self.connect()
        client.send(request("/echo", "POST", "Content-Length: 3000000"))
        client.send("x" * 1_000_000)
        self.assertEqual(client.response().status, 413)


class Origins(ServerTest):
    """Whoever renders a refusal is told which page asked, as far as that was read."""

    options = {"header_bytes": 4096, "body_bytes": 10, "handler_ms": 200, "header_ms": 300,
               "body_ms": 300}
    origin = "Origin: https://a.example"

    def told(self, data, status):
        answer = self.connect().ask(data)
        self.assertEqual(answer.status, status, answer.body)
        return answer["X-Origin"]

    def test_refusals_know_the_page(self):
        for data, status in (
                (request("/|", "GET", self.origin), 400),
                (request("/", "GET", self.origin, "Bad field"), 400),
                (request("/", "GET", "Bad field", self.origin), 400),
                (f"BREW / HTTP/1.1\r\nHost: a\r\n{self.origin}\r\n\r\n", 501),
                (f"GET / HTTP/1.1\r\nHost: a\r\n{self.origin}\r\nX: " + "y" * 5000, 431),
                (f"GET / HTTP/1.1\r\n{self.origin}\r\nHost", 408),
                (request("/echo", "POST", self.origin, "Content-Length: 11"), 413),
                (request("/echo", "POST", self.origin, "Content-Length: 9", body="x"), 408),
                (request("/never", "GET", self.origin), 503)):
            with self.subTest(data[:60], status=status):
                self.assertEqual(self.told(data, status), "https://a.example")

    def test_refusals_know_that_there_is_none_or_that_it_is_unknown(self):
        self.assertEqual(self.told(request("/|"), 400), "")
        self.assertEqual(self.told("GET / HTTP/1.1\r\nHost: a\r\nX: " + "y" * 5000, 431), "unknown")

    def test_one_request_leaves_nothing_to_the_next(self):
        client = self.connect()
        self.assertEqual(client.ask(request("/constant", "GET", self.origin)).status, 200)
        self.assertEqual(client.ask(request("/|"))["X-Origin"], "")

    def test_connection_without_a_place_is_told_too_and_promptly(self):
        server = Server(connections=2)
        kept = [server.connect() for _ in range(2)]
        for client in kept:
            self.assertEqual(client.ask(request()).status, 200)
        for data, origin in ((request("/", "GET", self.origin), "https://a.example"),
                             (request("/"), ""), ("GET / HT", "unknown"), ("", "unknown")):
            with server.connect() as extra:
                started = time.monotonic()
                answer = extra.ask(data)
                self.assertEqual((answer.status, answer["X-Origin"]), (503, origin))
                self.assertLess(time.monotonic() - started, 5)
        for client in kept:
            client.close()
        self.assertEqual(server.stop(), 0)


class HandlerDeadline(ServerTest):
    options = {"handler_ms": 100}

    def test_handler_deadline(self):
        self.refused(request("/never"), 503, "deadline_exceeded")
        self.refused(request("/never", "POST"), 503, "outcome_unknown")
        # The answer that comes after the deadline is dropped.
        self.refused(request("/slow"), 503, "deadline_exceeded")
        time.sleep(0.6)
        self.assertEqual(self.connect().ask(request()).status, 200)


class Timeouts(ServerTest):
    options = {"header_ms": 400, "body_ms": 400, "idle_ms": 400, "write_ms": 600,
               "rate": 10_000}

    def test_silent_connection_is_closed(self):
        self.assertTrue(self.connect().is_closed())

    def test_idle_connection_is_closed(self):
        client = self.connect()
        self.assertEqual(client.ask(request()).status, 200)
        self.assertTrue(client.is_closed())

    def test_slow_header(self):
        self.refused("GET / HTTP/1.1\r\nHost:", 408, "request_timeout")

    def test_trickled_header_gains_no_time(self):
        client = self.connect()
        started = time.monotonic()
        for byte in "GET / HTTP/1.1\r\n":
            client.send(byte)
            time.sleep(0.02)
        self.assertEqual(client.response().status, 408)
        self.assertLess(time.monotonic() - started, 2)

    def test_slow_body(self):
        self.refused(request("/echo", "POST", "Content-Length: 5", body="hel"), 408)
        self.refused(request("/echo", "POST", "Transfer-Encoding: chunked", body="5\r\nhe"), 408)

    def test_slow_body_above_the_least_rate_is_let_through(self):
        client = self.connect()
        client.send(request("/echo", "POST", "Content-Length: 20000"))
        for _ in range(8):  # 0.8 s in all, twice the timeout, at 25,000 bytes/s
            time.sleep(0.1)
            client.send("x" * 2500)
        self.assertEqual(client.response().status, 200)

    def test_client_that_does_not_read_is_cut_off(self):
        client = self.connect()
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.send(request("/asset") * 200)
        time.sleep(2)
        received = 0
        try:
            while data := client.sock.recv(1 << 20):
                received += len(data)
        except ConnectionResetError:
            pass
        self.assertLess(received, 200 * 100_000)

    def test_client_that_leaves_is_forgotten(self):
        for data in ("", "GET", request("/slow"), request("/echo", "POST", "Content-Length: 9")):
            self.connect().send(data).close()
        self.assertEqual(self.connect().ask(request()).status, 200)


class ManyConnections(unittest.TestCase):
    def test_one_too_many_gets_503(self):
        server = Server(connections=3)
        kept = [server.connect() for _ in range(3)]
        for client in kept:
            self.assertEqual(client.ask(request()).status, 200)
        extra = server.connect()
        response = extra.response()
        self.assertEqual((response.status, response["Connection"]), (503, "close"))
        self.assertEqual(response["Retry-After"], "1")
        self.assertTrue(extra.is_closed())
        extra.close()
        kept.pop().close()
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            with server.connect() as again:
                if again.ask(request()).status == 200:
                    break
        else:
            self.fail("the place of a closed connection was not given to another")
        for client in kept:
            client.close()
        self.assertEqual(server.stop(), 0)

    def from_address(self, server, address):
        client = Client(socket.create_connection(("127.0.0.1", server.port), timeout=10,
                                                 source_address=(address, 0)))
        self.addCleanup(client.close)
        return client

    def test_one_address_cannot_take_them_all(self):
        server = Server(connections=20, connections_per_address=10, idle_ms=60_000)
        self.addCleanup(lambda: self.assertEqual(server.stop(), 0))
        greedy = [self.from_address(server, "127.0.0.2") for _ in range(60)]
        heard = 0
        for client in greedy[10:]:
            try:
                response = client.response()
            except AssertionError:
                continue  # closed unheard
            self.assertEqual((response.status, response["Retry-After"]), (503, "1"))
            self.assertIn(b'"code":"overloaded"', response.body)
            self.assertIn(b"this address", response.body)
            heard += 1
        self.assertTrue(1 <= heard < 50, heard)
        for number in range(10):
            other = self.from_address(server, f"127.0.0.{3 + number}")
            self.assertEqual(other.ask(request()).status, 200)
        self.assertEqual(greedy[0].ask(request()).status, 200)

    def test_places_of_an_address_come_back_from_websockets_and_streams(self):
        server = Server(connections_per_address=2, websocket_echo="on")
        self.addCleanup(lambda: self.assertEqual(server.stop(), 0))
        for _ in range(3):  # each round takes all of them again
            upgraded, streaming = self.admitted(server), self.admitted(server)
            WebSocket(upgraded)
            streaming.ask(request("/stream/kept"))
            self.assertEqual(self.from_address(server, "127.0.0.2").response().status, 503)
            upgraded.close()
            streaming.close()

    def admitted(self, server):
        """A connection that is served, as soon as there is a place for it."""
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            client = self.from_address(server, "127.0.0.2")
            try:
                if client.ask(request()).status == 200:
                    return client
            except (AssertionError, BrokenPipeError):
                pass  # closed unheard
            client.close()
        return self.fail("the place of a closed connection was not given to another")


if __name__ == "__main__":
    unittest.main()
