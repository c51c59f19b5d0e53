# SPDX-License-Identifier: Apache-2.0
"""No connection keeps the loop from the others, and a debug build notices a handler that does."""

import gzip
import signal
import subprocess
import time
import unittest

from harness import SERVER, OwnServers, Server, ServerTest, request

LARGE = 400_000  # more than an io thread compresses itself


TEXT = b"".join(b"line %d\n" % number for number in range(600_000))


def lines(count):
    return TEXT[:count]


class Compression(ServerTest):
    def test_large_bodies_are_whole_and_in_order(self):
        client = self.connect()
        client.send((request(f"/big?{LARGE}", "GET", "Accept-Encoding: gzip") + request()) * 5)
        for _ in range(5):
            response = client.response()
            self.assertEqual(response["Content-Encoding"], "gzip")
            self.assertEqual(response["Vary"], "Accept-Encoding")
            self.assertEqual(gzip.decompress(response.body), lines(LARGE))
            self.assertEqual(client.response().body, b"constant")

    def test_body_that_finds_no_room_is_sent_as_it_is(self):
        client = self.connect()
        too_large = 5 * 1024 * 1024
        response = client.ask(request(f"/big?{too_large}", "GET", "Accept-Encoding: gzip"))
        self.assertEqual(response.all("Content-Encoding"), [])
        self.assertEqual(response["Vary"], "Accept-Encoding")
        self.assertEqual(response.body, lines(too_large))

    def test_one_address_has_a_bounded_part_of_the_queue(self):
        clients = [self.connect() for _ in range(60)]
        for client in clients:
            client.send(request(f"/big?{LARGE}", "GET", "Accept-Encoding: gzip"))
        bodies = [client.response() for client in clients]
        plain = [body for body in bodies if not body.all("Content-Encoding")]
        self.assertTrue(plain and len(plain) < len(bodies), len(plain))
        for body in bodies:
            text = body.body if body in plain else gzip.decompress(body.body)
            self.assertEqual(text, lines(LARGE))

    def test_client_that_leaves_meanwhile_is_forgotten(self):
        for _ in range(20):
            client = self.connect()
            client.send(request(f"/big?{LARGE}", "GET", "Accept-Encoding: gzip")).close()
        client = self.connect()
        # What they asked for is compressed, or dropped: there is room again.
        answers = (client.ask(request(f"/big?{LARGE}", "GET", "Accept-Encoding: gzip"))
                   for _ in range(1_000))
        self.assertTrue(any(answer.all("Content-Encoding") for answer in answers))


class Heads(ServerTest):
    def test_head_tells_the_size_of_the_compressed_body(self):
        client = self.connect()
        size = client.ask(request(f"/big?{LARGE}", "GET", "Accept-Encoding: gzip"))
        head = client.ask(request(f"/big?{LARGE}", "HEAD", "Accept-Encoding: gzip"), to="HEAD")
        self.assertEqual(head["Content-Length"], size["Content-Length"])
        self.assertEqual(client.ask(request()).status, 200)


class Turns(OwnServers):
    def test_pipelined_requests_let_others_have_their_turn(self):
        """Each takes 2 ms; with a hundred in one buffer the other would wait for 200."""
        server = self.start()
        greedy, other = self.connect(server), self.connect(server)
        other.ask(request())
        greedy.send("".join(request("/spin?2") for _ in range(80)))
        greedy.take(1)  # the first has been answered
        waits = []
        for _ in range(5):
            started = time.monotonic()
            self.assertEqual(other.ask(request()).body, b"constant")
            waits.append(time.monotonic() - started)
        self.assertLess(min(waits), 0.05, waits)


class HeldThread(unittest.TestCase):
    def setUp(self):
        server = Server()
        with server.connect() as client:
            build = client.ask(request("/build")).body
        self.assertEqual(server.stop(), 0)
        if build != b"debug":
            self.skipTest("only debug builds look")

    def test_debug_build_aborts_and_says_what_ran(self):
        process = subprocess.Popen([SERVER], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, preexec_fn=no_core_file)
        port = int(process.stdout.readline().split()[2])
        subprocess.run(["curl", "-so", "/dev/null", "-m", "10",
                        f"http://127.0.0.1:{port}/spin?200"], check=False)
        _, said = process.communicate(timeout=20)
        self.assertEqual(process.returncode, -signal.SIGABRT, said)
        self.assertRegex(said, r"GET /spin.* us of processor time")

    def test_waiting_is_not_holding(self):
        server = Server()
        with server.connect() as client:
            self.assertEqual(client.ask(request("/block")).body, b"blocked")
            self.assertEqual(client.ask(request("/spin?1")).body, b"spun")
        self.assertEqual(server.stop(), 0)


def no_core_file():
    import resource
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    unittest.main()
