# SPDX-License-Identifier: Apache-2.0
"""A request is judged by its head; its body is read when somebody wants it, within a budget."""

import socket
import time
import unittest

from harness import Server, ServerTest, request


def chunked(body, size):
    parts = [body[i:i + size] for i in range(0, len(body), size)]
    return "".join(f"{len(part):x}\r\n{part}\r\n" for part in parts) + "0\r\n\r\n"


class Judged(ServerTest):
    options = {"body_ms": 3000}

    def test_refusal_comes_before_any_byte_of_the_body(self):
        for length in ("Content-Length: 10", "Content-Length: 1000000",
                       "Transfer-Encoding: chunked"):
            client = self.connect()
            response = client.ask(request("/unwanted", "POST", length))
            self.assertEqual((response.status, response.body), (403, b"unwanted"), length)

    def test_short_unwanted_body_is_read_over_and_the_connection_goes_on(self):
        client = self.connect()
        body = "x" * 60_000
        for framing, bytes_sent in (("Content-Length: 60000", body),
                                    ("Transfer-Encoding: chunked", chunked(body, 7000))):
            client.send(request("/unwanted", "POST", framing))
            self.assertEqual(client.response().status, 403)
            client.send(bytes_sent)
            self.assertEqual(client.ask(request("/constant")).body, b"constant")

    def test_long_unwanted_body_ends_the_connection(self):
        client = self.connect()
        response = client.ask(request("/unwanted", "POST", "Content-Length: 1000000"))
        self.assertEqual((response.status, response["Connection"]), (403, "close"))
        client.send("x" * 1_000_000)
        self.assertTrue(client.is_closed())

    def test_chunked_unwanted_body_that_grows_long_ends_the_connection(self):
        client = self.connect()
        client.send(request("/unwanted", "POST", "Transfer-Encoding: chunked"))
        self.assertEqual(client.response().status, 403)
        client.send(("2000\r\n" + "x" * 0x2000 + "\r\n") * 20)
        self.assertTrue(client.is_closed())

    def test_expectation_of_an_unwanted_body_is_not_met(self):
        client = self.connect()
        response = client.ask(request("/unwanted", "POST", "Content-Length: 10",
                                      "Expect: 100-continue"))
        self.assertEqual((response.status, response["Connection"]), (403, "close"))

    def test_body_that_is_wanted_later_arrives_whole(self):
        for framing, body in (("Content-Length: 300000", "y" * 300_000),
                              ("Transfer-Encoding: chunked", chunked("y" * 300_000, 9000))):
            client = self.connect()
            client.send(request("/late", "POST", framing))
            time.sleep(0.05)  # the handler asks before the body, or after a part of it
            client.send(body)
            self.assertEqual(len(client.response().body), 300_000)
            self.assertEqual(client.ask(request("/constant")).status, 200)

    def test_continue_is_sent_when_the_body_is_wanted(self):
        client = self.connect()
        client.send(request("/late", "POST", "Content-Length: 5", "Expect: 100-continue"))
        self.assertEqual(client.response().status, 100)
        client.send("hello")
        self.assertEqual(client.response().body, b"hello")

    def test_pipelined_requests_behind_bodies_keep_their_order(self):
        client = self.connect()
        for path, status in (("/late", 200), ("/unwanted", 403), ("/echo", 200)):
            client.send(request(path, "POST", "Content-Length: 20000", body="z" * 20_000))
            client.send(request("/constant"))
            self.assertEqual(client.response().status, status)
            self.assertEqual(client.response().body, b"constant")

    def test_client_that_leaves_while_its_body_is_wanted_is_forgotten(self):
        for _ in range(20):
            self.connect().send(request("/late", "POST", "Content-Length: 9", body="x")).close()
        self.assertEqual(self.connect().ask(request()).status, 200)


class Slow(ServerTest):
    options = {"body_ms": 300, "rate": 10_000}

    def test_body_that_was_wanted_and_is_slow_is_a_408(self):
        client = self.connect()
        client.send(request("/late", "POST", "Content-Length: 5", body="he"))
        self.assertEqual(client.response().status, 408)

    def test_unwanted_body_that_does_not_come_ends_the_connection(self):
        client = self.connect()
        client.send(request("/unwanted", "POST", "Content-Length: 5"))
        self.assertEqual(client.response().status, 403)
        self.assertTrue(client.is_closed())


class Memory(unittest.TestCase):
    def run_with(self, **options):
        server = Server(**options)
        self.addCleanup(server.stop)
        return server

    def test_body_past_the_clients_share_is_refused_by_its_head(self):
        server = self.run_with(client_memory_bytes=200_000)
        with server.connect() as client:
            response = client.ask(request("/echo", "POST", "Content-Length: 300000"))
            self.assertEqual((response.status, response["Retry-After"]), (429, "1"))

    def test_body_past_everybodys_budget_is_refused_by_its_head(self):
        server = self.run_with(memory_bytes=200_000)
        with server.connect() as client:
            response = client.ask(request("/echo", "POST", "Content-Length: 300000"))
            self.assertEqual((response.status, response["Retry-After"]), (503, "1"))

    def test_bodies_that_are_held_count_until_they_are_answered(self):
        server = self.run_with(client_memory_bytes=600_000)
        held = server.connect()
        held.send(request("/late", "POST", "Content-Length: 300000", body="x" * 200_000))
        time.sleep(0.2)
        with server.connect() as client:
            wanted = request("/echo", "POST", "Content-Length: 300000", body="x" * 300_000)
            client.send(wanted)
            self.assertEqual(client.response().status, 429)
            held.send("x" * 100_000)
            self.assertEqual(held.response().status, 200)
            held.close()
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            with server.connect() as again:
                if again.send(wanted).response().status == 200:
                    return
        self.fail("what was held for an answered request was not given back")

    def test_chunked_body_is_refused_where_it_passes_the_share(self):
        server = self.run_with(client_memory_bytes=200_000)
        with server.connect() as client:
            client.send(request("/echo", "POST", "Transfer-Encoding: chunked"))
            client.send(("4000\r\n" + "x" * 0x4000 + "\r\n") * 16)
            self.assertEqual(client.response().status, 429)

    def test_answers_that_are_not_read_count(self):
        # Each asset is shared: what `/echo` says back is kept for the client.
        server = self.run_with(client_memory_bytes=30_000_000, body_bytes=8_000_000)
        body = "x" * 8_000_000  # more than the kernel takes for a reader that reads nothing
        statuses = []
        kept = []
        for _ in range(6):
            client = server.connect()
            self.addCleanup(client.close)
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.send(request("/echo", "POST", "Content-Length: 8000000", body=body))
            kept.append(client)
            time.sleep(0.05)
        for client in kept:
            statuses.append(client.take(12)[-3:])
        self.assertIn(b"200", statuses)
        self.assertTrue({b"429", b"503"} & set(statuses), statuses)

    def test_idle_connections_keep_nothing_of_what_was_sent_or_read_over(self):
        server = self.run_with()
        with server.connect() as client:
            if client.ask(request("/build")).body == b"debug":
                self.skipTest("the sanitizers of debug builds keep what is given back")
        before = server.memory_bytes()
        for path in ("/echo", "/unwanted"):
            for _ in range(60):
                client = server.connect()
                self.addCleanup(client.close)
                size = 1_000_000 if path == "/echo" else 60_000
                client.send(request(path, "POST", f"Content-Length: {size}", body="x" * size))
                self.assertIn(client.response().status, (200, 403))
        self.assertLess(server.memory_bytes() - before, 20_000_000)

    def test_connections_count_and_one_too_many_is_refused(self):
        server = self.run_with(client_memory_bytes=6 * 1024 * 4)
        kept = [server.connect() for _ in range(4)]
        for client in kept:
            self.assertEqual(client.ask(request()).status, 200)
        extra = server.connect()
        self.assertEqual(extra.response().status, 503)
        for client in [*kept, extra]:
            client.close()

    def test_grown_header_counts(self):
        server = self.run_with(client_memory_bytes=14_000)
        with server.connect() as client:
            client.send("GET / HTTP/1.1\r\nHost: a\r\nX: " + "y" * 9000)
            self.assertEqual(client.response().status, 429)


if __name__ == "__main__":
    unittest.main()
