# SPDX-License-Identifier: Apache-2.0
"""A server with several threads of each sort, under everything at once: writes, alarms, jobs and
transactions, sockets, streams, webhooks and an operator who looks around, while objects hibernate
and the server stops and starts. What was acknowledged is there, once.
"""

import os
import threading
import time
import unittest

from event_stream import Stream
from harness import BlackBoxTest, new_id, wait_until
from receiver import Receiver
from websocket import WebSocket
from workload import API, CLIENTS, Workload

SECONDS = float(os.environ.get("PERDURE_THREADS_SECONDS", "6"))
STOPS = 2  # within that time
# Writes by REST. Without a bound they would leave the others no processor.
REQUESTS_PER_S = 150
SOCKETS = 3
THREADS = "3"


class Companion(threading.Thread):
    """Does `work` again and again until `done`, whatever becomes of the server meanwhile."""

    def __init__(self, done, work):
        super().__init__(daemon=True)
        self.done = done
        self.work = work
        self.count = 0

    def run(self):
        while not self.done.is_set():
            try:
                for _ in self.work():
                    self.count += 1
                    if self.done.is_set():
                        break
            except Exception:  # noqa: BLE001, the server is stopping, or not there
                self.done.wait(0.05)


class SeveralThreads(BlackBoxTest):
    def test_keep_every_acknowledged_write_while_all_is_used_and_the_server_stops(self):
        self.keep_every_acknowledged_write()

    def test_keep_every_acknowledged_write_that_whichever_io_thread_is_free_commits(self):
        self.keep_every_acknowledged_write("--threads-commit", "io")

    def keep_every_acknowledged_write(self, *flags):
        self.wrong = []
        receiver = Receiver()
        self.addCleanup(receiver.close)
        server = self.server(
            "--threads-io", THREADS, "--threads-worker", THREADS,
            "--threads-direct-answers", "on", "--objects-hibernate-after", "1s",
            "--objects-active-memory", "1MiB", "--storage-cache", "8MiB",
            "--storage-write-buffer", "2MiB", "--http-client-allow-networks", "127.0.0.0/8",
            "--webhooks-backoff", "50ms", *flags).start()
        webhook = server.client().post(API + "/webhooks",
                                       {"url": receiver.url, "topics": ["notebook.*"]})
        self.assertEqual(webhook.status, 201, webhook)
        load = Workload(self, server, "threads", pace_s=CLIENTS / REQUESTS_PER_S)
        done = threading.Event()
        works = [lambda: self.chat(server, load.conversation)] * SOCKETS
        works += [lambda: self.listen(server), lambda: self.listen_by_socket(server),
                  lambda: self.look_around(server, load)]
        companions = [Companion(done, work) for work in works]
        for companion in companions:
            companion.start()
        for part in range(1, STOPS + 2):
            end = time.monotonic() + SECONDS / (STOPS + 1)
            wait_until(lambda end=end: time.monotonic() > end or load.failure(), SECONDS + 60)
            if part <= STOPS and not load.failure():
                self.assertEqual(server.stop(), 0, server.logs())
                server.restart()
                load.new_round(part)
        wait_until(lambda: all(c.count for c in companions), 60, "each one's turn")
        done.set()
        load.finish()
        self.assertEqual(self.wrong, [])
        receiver.wait_for(1)
        self.assertEqual(server.stop(), 0, server.logs())
        server.restart()
        load.check()
        self.assertEqual(server.stop(), 0, server.logs())

    def chat(self, server, conversation):
        """Reads what the load sends, and says what is not stored."""
        socket = WebSocket(server, server.key, f"{API}/chat/{conversation}?after=0")
        try:
            seq = 0
            while message := socket.next():
                if message["type"] == "message":
                    if message["seq"] != seq + 1:
                        self.wrong.append(f"after {seq} came {message}")
                    seq = message["seq"]
                    if seq % 10 == 0:
                        socket.send({"type": "typing"})
                        socket.send({"type": "presence", "status": "busy"})
                        socket.send({"type": "ping"})
                yield message
        finally:
            socket.close()

    def listen(self, server):
        stream = Stream(server, server.key, topics="**", after="0")
        try:
            while event := stream.next():
                yield event
        finally:
            stream.close()

    def listen_by_socket(self, server):
        socket = WebSocket(server, server.key, f"{API}/events?topics=notebook.*,job.*")
        try:
            while event := socket.next():
                yield event
        finally:
            socket.close()

    def look_around(self, server, load):
        """What operators and pages ask for; and short lives."""
        client = server.client()
        target = f"/durable-objects/counter/alarms-{load.ledger.round}-0"
        for path in ("/health/ready", "/metrics", "/openapi.json"):
            yield client.get(path)
        for path in ("/durable-objects/counter?limit=5", f"{target}/journal", target,
                     f"{target}?as_of=1", f"{target}/alarms", "/jobs?limit=10",
                     "/notebooks?limit=10",
                     f"/conversations/{load.conversation}/messages?limit=5"):
            reply = client.get(API + path)
            if reply.status not in (200, 404, 503):
                self.wrong.append(f"{path}: {reply}")
            yield reply
        own = f"{API}/durable-objects/counter/{new_id()}"
        for path, body in (("/request", {"command": "add", "payload": {"by": 1}}),
                           ("/snapshots", {"name": "s"}), ("/request", {"query": "value"}),
                           ("/snapshots/1/restore", None)):
            yield client.post(own + path, body)
        made = client.post(API + "/conversations", {"title": "passing"})
        yield made
        yield client.delete(f"{API}/conversations/{made.json['id']}")
        client.close()


if __name__ == "__main__":
    unittest.main(verbosity=2)
