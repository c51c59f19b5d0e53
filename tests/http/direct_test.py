# SPDX-License-Identifier: Apache-2.0
"""Answers that their own thread sends: they leave without the io thread, and are the same."""

import select
import signal
import threading
import time
import unittest

from harness import OwnServers, Server, request

REQUESTS = [
    request("/burst"),
    request("/burst", "HEAD"),
    request("/burst", "POST", "Content-Length: 5", body="hello"),
    request("/burst/empty"),
    request("/burst/asset"),
    request("/burst/asset", "GET", "Accept-Encoding: gzip"),
    "GET /burst HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
]


def method(text):
    return text.split(" ")[0]


def is_silent(client):
    return not client.buffer and not select.select([client.sock], [], [], 0)[0]


class DirectAnswers(OwnServers):
    def outruns_a_busy_io_thread(self, direct):
        server = self.start(direct=direct)
        waiting, blocking = self.connect(server), self.connect(server)
        for client in (waiting, blocking):
            client.ask(request())
        waiting.send(request("/slow"))
        time.sleep(0.1)
        blocking.send(request("/block"))
        self.assertEqual(waiting.response().body, b"later")
        outran = is_silent(blocking)
        self.assertEqual(blocking.response().body, b"blocked")
        return outran

    def test_leave_while_the_io_thread_is_busy(self):
        self.assertTrue(self.outruns_a_busy_io_thread("on"))

    def test_wait_for_the_io_thread_unless_asked_for(self):
        self.assertFalse(self.outruns_a_busy_io_thread("off"))

    def test_are_those_of_the_io_thread(self):
        def answers(direct):
            client = self.connect(self.start(direct=direct))
            for text in REQUESTS * 3:
                answer = client.ask(text, method(text))
                fields = [(name, value) for name, value in answer.fields
                          if name.lower() not in ("date", "x-request-id")]
                self.assertEqual(len(fields), len(answer.fields) - 2)
                yield text, answer.version, answer.status, fields, answer.body
        self.assertEqual(list(answers("on")), list(answers("off")))

    def test_keep_the_order_of_requests_that_came_together(self):
        client = self.connect(self.start(direct="on"))
        client.send("".join([request("/burst") + request() + request("/burst/empty")] * 50))
        for _ in range(50):
            self.assertEqual(client.response().body, b"later")
            self.assertEqual(client.response().body, b"constant")
            self.assertEqual(client.response().status, 204)

    def test_end_the_connection_where_they_say_so(self):
        server = self.start(direct="on")
        for text in (request("/burst/close"), request("/burst", "GET", "Connection: close")):
            client = self.connect(server)
            self.assertEqual(client.ask(text)["Connection"], "close")
            self.assertTrue(client.is_closed())

    def test_leave_a_connection_with_its_deadlines(self):
        client = self.connect(self.start(direct="on", idle_ms=300))
        for _ in range(3):
            self.assertEqual(client.ask(request("/burst")).body, b"later")
            time.sleep(0.2)  # a deadline from before the answer would have passed by the second
        started = time.monotonic()
        self.assertTrue(client.is_closed())
        self.assertLess(time.monotonic() - started, 5)

    def test_meet_the_deadline_of_the_handler_once(self):
        server = self.start(direct="on", handler_ms=500)
        for _ in range(3):
            clients = [self.connect(server) for _ in range(20)]
            for client in clients:
                client.send(request("/slow"))
            for client in clients:
                if client.response().status == 200:
                    self.assertEqual(client.ask(request("/burst")).body, b"later")
                else:
                    self.assertTrue(client.is_closed())

    def test_are_reported_once(self):
        server = self.start(direct="on", log="on")
        client = self.connect(server)
        client.ask(request("/burst"))
        client.ask(request("/burst", "POST", "Content-Length: 5", body="hello"))
        self.assertEqual([server.line().split()[:3] for _ in range(2)],
                         [["GET", "200", "in=0"], ["POST", "200", "in=5"]])

    def test_stand_clients_that_go_and_a_drain_in_the_middle(self):
        server = Server(direct="on")
        ended = threading.Event()

        def come_and_go(number):
            asked = 0
            while not ended.is_set():
                try:
                    with server.connect() as client:
                        for _ in range(number):
                            client.ask(request("/burst"))
                            asked += 1
                        client.send(request("/burst"))  # and is gone
                except (AssertionError, OSError):
                    if not ended.is_set():
                        raise
            self.counts.append(asked)

        self.counts = []
        threads = [threading.Thread(target=come_and_go, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        time.sleep(1.5)
        ended.set()
        server.signal(signal.SIGTERM)
        for thread in threads:
            thread.join()
        self.assertEqual(server.stop(), 0)
        self.assertEqual(len(self.counts), len(threads), "a client met an error")
        self.assertGreater(sum(self.counts), 100)


if __name__ == "__main__":
    unittest.main()
