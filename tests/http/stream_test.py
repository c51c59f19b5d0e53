# SPDX-License-Identifier: Apache-2.0
"""Streamed responses: framing, order, slow and vanished clients, bounds, drain."""

import signal
import socket
import time
import unittest

from harness import Client, OwnServers, Server, ServerTest, request


def lines(count):
    return b"".join(str(number).encode().ljust(1023, b".") + b"\n" for number in range(count))


def post(target, body=""):
    return request(target, "POST", f"Content-Length: {len(body)}", body=body)


def report(connect):
    with connect() as client:
        return client.ask(request("/stream/report")).body.decode().split("\n")[:-1]


def wait_for_ends(server, count, connect=None, seconds=10):
    """The first `count` ends of streams, as (how, most bytes queued)."""
    deadline = time.monotonic() + seconds
    while len(ends := report(connect or server.connect)) < count:
        assert time.monotonic() < deadline, ends
        time.sleep(0.01)
    return [(how, int(most)) for how, most in (end.split(" ") for end in ends)]


def tiny_window(server):
    """A client whose kernel takes little ahead of it."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.settimeout(10)
    sock.connect(("127.0.0.1", server.port))
    return Client(sock)


class Framing(ServerTest):
    def test_body_is_chunked_and_the_connection_goes_on(self):
        client = self.connect()
        for _ in range(3):
            response = client.ask(request("/stream/lines?300"))
            self.assertEqual(response["Transfer-Encoding"], "chunked")
            self.assertEqual(response.all("Content-Length") + response.all("Connection"), [])
            self.assertEqual(b"".join(response.chunks), lines(300))
        self.assertEqual(client.ask(request()).body, b"constant")

    def test_known_size_is_announced(self):
        client = self.connect()
        for _ in range(2):
            response = client.ask(request("/stream/sized?300"))
            self.assertEqual(response.all("Transfer-Encoding"), [])
            self.assertEqual(response.body, lines(300))

    def test_more_than_the_known_size_is_refused(self):
        self.assertEqual(self.connect().ask(request("/stream/long")).body, b"refused...")

    def test_less_than_the_known_size_breaks_the_connection(self):
        client = self.connect()
        client.ask(request())
        self.assertEqual(client.ask(request("/stream/short")).status, 500)

    def test_empty_body(self):
        client = self.connect()
        self.assertEqual(b"".join(client.ask(request("/stream/lines?0")).chunks), b"")
        self.assertEqual(client.ask(request("/stream/sized?0")).body, b"")
        self.assertEqual(client.ask(request()).body, b"constant")

    def test_body_of_the_head_comes_first(self):
        chunks = self.connect().ask(request("/stream/inline")).chunks
        self.assertEqual(list(chunks), [b"first second"])

    def test_head_has_the_fields_and_no_body(self):
        client = self.connect()
        for target, field in (("lines?9", "Transfer-Encoding"), ("sized?9", "Content-Length")):
            response = client.ask(request("/stream/" + target, "HEAD"), to="HEAD")
            self.assertEqual(len(response.all(field)), 1)
        self.assertEqual(client.ask(request()).body, b"constant")

    def test_http_1_0_gets_the_bytes_and_the_end_of_the_connection(self):
        client = self.connect()
        client.send("GET /stream/lines?200 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        response = client.response()
        self.assertEqual(response.all("Transfer-Encoding"), [])
        self.assertEqual(response["Connection"], "close")
        self.assertEqual(client.rest(), lines(200))

    def test_http_1_0_with_a_known_size_keeps_the_connection(self):
        client = self.connect()
        for _ in range(2):
            client.send("GET /stream/sized?2 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            self.assertEqual(client.response().body, lines(2))

    def test_client_that_asks_to_close(self):
        client = self.connect()
        response = client.ask(request("/stream/lines?9", "GET", "Connection: close"))
        self.assertEqual(response["Connection"], "close")
        self.assertEqual(b"".join(response.chunks), lines(9))
        self.assertTrue(client.is_closed())

    def test_is_not_compressed(self):
        response = self.connect().ask(
            request("/stream/lines?9", "GET", "Accept-Encoding: gzip"))
        self.assertEqual(b"".join(response.chunks), lines(9))

    def test_given_up_before_the_first_byte_is_a_500(self):
        client = self.connect()
        self.assertEqual(client.ask(request("/stream/dropped")).status, 500)
        self.assertEqual(client.ask(request()).body, b"constant")


class Order(ServerTest):
    def test_pipelined_request_waits_for_the_end(self):
        client, other = self.connect(), self.connect()
        response = client.ask(request("/stream/kept") + request() + request("/burst"))
        for text in ("one", "two"):
            other.ask(post("/stream/push", text))
            self.assertEqual(next(response.chunks), text.encode())
        client.sock.settimeout(0.1)
        with self.assertRaises(TimeoutError):
            client.receive()
        client.sock.settimeout(10)
        other.ask(post("/stream/end"))
        self.assertEqual(list(response.chunks), [])
        self.assertEqual(client.response().body, b"constant")
        self.assertEqual(client.response().body, b"later")

    def test_request_sent_during_the_stream(self):
        client, other = self.connect(), self.connect()
        response = client.ask(request("/stream/kept"))
        other.ask(post("/stream/push", "one"))
        self.assertEqual(next(response.chunks), b"one")
        for byte in request():  # the first one ends the watch for the client's end
            client.send(byte)
        other.ask(post("/stream/end"))
        self.assertEqual(list(response.chunks), [])
        self.assertEqual(client.response().body, b"constant")

    def test_many_streams_of_one_connection(self):
        client = self.connect()
        client.send((request("/stream/inline") + request()) * 200)
        for _ in range(200):
            self.assertEqual(list(client.response().chunks), [b"first second"])
            self.assertEqual(client.response().body, b"constant")


class Ends(OwnServers):
    def test_client_that_leaves_is_noticed_while_nothing_is_sent(self):
        server = self.start()
        for leave in (Client.close, lambda client: client.sock.shutdown(socket.SHUT_WR)):
            before = len(report(server.connect))
            client = self.connect(server)
            client.ask(request("/stream/kept"))
            leave(client)
            self.assertEqual(wait_for_ends(server, before + 1)[-1][0], "disconnected")

    def test_client_that_leaves_under_load_is_noticed(self):
        server = self.start()
        client = self.connect(server)
        next(client.ask(request("/stream/lines?1000000")).chunks)
        client.close()
        self.assertEqual(wait_for_ends(server, 1)[0][0], "disconnected")

    def test_slow_client_gets_everything_and_the_queue_keeps_its_bound(self):
        server = self.start()
        client = tiny_window(server)
        self.addCleanup(client.close)
        body = b""
        for chunk in client.ask(request("/stream/lines?8000")).chunks:
            body += chunk
            if len(body) < 300_000:
                time.sleep(0.005)
        self.assertEqual(body, lines(8000))
        how, most = wait_for_ends(server, 1)[0]
        self.assertEqual(how, "finished")
        self.assertTrue(16 * 1024 < most <= 64 * 1024, most)

    def test_stalled_client_is_cut_after_the_write_timeout(self):
        server = self.start(write_ms=300)
        client = tiny_window(server)
        self.addCleanup(client.close)
        started = time.monotonic()
        client.send(request("/stream/lines?1000000"))
        how, most = wait_for_ends(server, 1)[0]
        self.assertEqual(how, "stalled")
        self.assertLessEqual(most, 64 * 1024)
        self.assertGreater(time.monotonic() - started, 0.3)

    def test_stream_that_nothing_is_written_to_is_cut(self):
        server = self.start(stream_idle_ms=200)
        client = self.connect(server)
        response = client.ask(request("/stream/kept"))
        self.assertEqual(wait_for_ends(server, 1)[0][0], "silent")
        with self.assertRaises(AssertionError):
            list(response.chunks)

    def test_heartbeats_keep_it_alive(self):
        server = self.start(stream_idle_ms=200)
        response = self.connect(server).ask(request("/stream/beating"))
        self.assertEqual([next(response.chunks) for _ in range(5)], [b":\n"] * 5)
        self.assertEqual(report(server.connect), [])

    def test_given_up_half_way_is_never_taken_for_the_end(self):
        server = self.start()
        other = self.connect(server)
        chunked, old = self.connect(server), self.connect(server)
        response = chunked.ask(request("/stream/kept"))
        old.ask("GET /stream/kept HTTP/1.0\r\n\r\n")
        other.ask(post("/stream/push", "one"))
        self.assertEqual(next(response.chunks), b"one")
        self.assertEqual(old.take(3), b"one")
        other.ask(post("/stream/abort"))
        with self.assertRaises(AssertionError):
            list(response.chunks)
        with self.assertRaisesRegex(AssertionError, "reset"):
            old.receive()
        self.assertEqual([how for how, _ in wait_for_ends(server, 2)], ["aborted"] * 2)

    def test_each_is_reported_once(self):
        server = self.start(log="on")
        client, gone = self.connect(server), self.connect(server)
        list(client.ask(request("/stream/inline")).chunks)
        gone.ask(request("/stream/kept"))
        gone.close()
        for _ in range(2):
            line = server.line().split()
            self.assertEqual(line[:3] + line[4:], ["GET", "200", "in=0", "ok"])


    def test_only_what_beats_lasts_for_its_reader(self):
        server = self.start(log="on")
        for path, live in (("/stream/beating", ["live"]), ("/stream/kept", [])):
            client = self.connect(server)
            client.ask(request(path))
            client.close()
            self.assertEqual(server.line().split()[5:], live, path)


class Drain(unittest.TestCase):
    def test_asks_streams_to_finish_in_order(self):
        server = Server()
        clients = [server.connect() for _ in range(3)]
        responses = [client.ask(request("/stream/kept")) for client in clients]
        with server.connect() as other:
            other.ask(post("/stream/push", "one "))
        server.signal(signal.SIGTERM)
        for client, response in zip(clients, responses):
            self.assertEqual(b"".join(response.chunks), b"one last")
            self.assertTrue(client.is_closed())
            client.close()
        self.assertEqual(server.stop(), 0)

    def test_stream_that_goes_on_is_cut_at_the_deadline(self):
        server = Server()
        client = tiny_window(server)
        client.ask(request("/stream/lines?1000000"))
        self.assertEqual(server.stop(), 0)
        client.close()


if __name__ == "__main__":
    unittest.main()
