#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""GET /events: the event log as Server-Sent Events, seen from outside."""

import http.client
import json
import os
import socket
import time
import unittest

from event_stream import Stream
from harness import CALL_TIMEOUT_S, BlackBoxTest, SharedServerTest, wait_until
from websocket import WebSocket

ENDED_WITHIN_S = 10


class Events(BlackBoxTest):
    def setUp(self):
        super().setUp()
        # Who reads when a test comes to it is not stalled, however slow the machine.
        self.shared = self.server("--timeouts-write", "5m").start()
        self.client = self.shared.client()

    def stream(self, key=None, headers=None, **query):
        made = Stream(self.shared, key or self.client.key, headers, **query)
        self.addCleanup(made.close)
        return made

    def key_holder(self, **key_fields):
        """A client with a key of its own, and the key's id."""
        key = self.client.post("/api-keys", {"name": "k", **key_fields})
        self.assertEqual(key.status, 201, key)
        return self.shared.client(key.json["secret"]), key.json["id"]

    def notebook(self, client, title="n"):
        made = client.post("/notebooks", {"title": title})
        self.assertEqual(made.status, 201, made)
        return made.json["id"]

    def test_are_replayed_from_the_oldest_in_order(self):
        client, _ = self.key_holder()
        made = [self.notebook(client) for _ in range(250)]
        stream = self.stream(client.key, topics="notebook.*", after="0")
        events = stream.take(len(made))
        self.assertEqual([data["data"]["id"] for _, _, data in events], made)
        cursor, topic, body = events[0]
        self.assertEqual((topic, body["type"], body["specversion"]),
                         ("notebook.created", "notebook.created", "1.0"))
        self.assertEqual(len({cursor for cursor, _, _ in events}), len(made))

    def test_come_as_they_happen_and_only_of_the_wanted_topics(self):
        stream = self.stream(topics="notebook.updated,conversation.**,message.*")
        self.assertEqual(stream.response.headers["Content-Type"], "text/event-stream")
        notebook = self.notebook(self.client)
        self.client.patch(f"/notebooks/{notebook}", {"title": "other"})
        conversation = self.client.post("/conversations", {"title": "c"}).json["id"]
        topics = [topic for _, topic, _ in stream.take(2)]
        self.assertEqual(topics, ["notebook.updated", "conversation.created"])
        self.client.post(f"/conversations/{conversation}/messages", {"content": "hi"})
        self.assertEqual(stream.next()[2]["data"]["parent"]["id"], conversation)

    def test_are_of_what_the_key_may_read(self):
        scopes = ["events:read", "notebooks:write", "durable-objects:read"]
        reader, _ = self.key_holder(scopes=scopes)
        stream = self.stream(reader.key, after="0")
        feed = WebSocket(self.shared, reader.key, "/api/v1/events?after=0")
        self.addCleanup(feed.close)
        self.client.post("/tasks", {"title": "not for it"})
        self.client.post("/jobs", {"type": "echo", "payload": {}})
        notebook = self.notebook(self.client)
        self.client.post(f"/notebooks/{notebook}/pages", {"title": "p"})
        wanted = ["notebook.created", "page.created"]
        self.assertEqual([topic for _, topic, _ in stream.take(2)], wanted)
        heard = []
        while len(heard) < 2:
            frame = feed.next()
            if not frame["type"].startswith("perdure."):
                heard.append(frame["type"])
        self.assertEqual(heard, wanted)

    def test_resume_without_loss_or_repeat(self):
        client, _ = self.key_holder()
        first = self.stream(client.key, topics="notebook.*")
        made = [self.notebook(client) for _ in range(20)]
        seen = [body["data"]["id"] for _, _, body in first.take(7)]
        first.close()
        made += [self.notebook(client) for _ in range(5)]
        # The field goes before the parameter of the address that the client came with.
        second = self.stream(client.key, {"Last-Event-ID": first.place}, topics="notebook.*",
                             after="0")
        seen += [body["data"]["id"] for _, _, body in second.take(18)]
        self.assertEqual(seen, made)

    def test_a_client_cut_off_before_its_first_event_misses_none(self):
        client, _ = self.key_holder()
        first = self.stream(client.key, topics="notebook.*")
        first.close()
        notebook = self.notebook(client)
        second = self.stream(client.key, {"Last-Event-ID": first.place}, topics="notebook.*")
        self.assertEqual(second.next()[2]["data"]["id"], notebook)

    def test_that_are_gone_are_told_of(self):
        stream = self.stream(after="another_history-7")
        cursor, topic, lost = stream.next()
        self.assertEqual(topic, "perdure.events.lost")
        self.assertEqual(lost["next"], cursor)
        self.assertTrue(lost["after"].endswith("-7"))

    def test_bad_parameters_are_refused_before_the_stream_begins(self):
        for query in ({"topics": "a..b"}, {"topics": ""}, {"topics": "a,,b"},
                      {"topics": "**.a"}, {"after": "nonsense"}, {"after": ""},
                      {"after": "x\r\ndata: y-5"}, {"after": "\u00e9-5"},
                      {"topics": ",".join(["a"] * 101)}):
            with self.subTest(query):
                problem = self.assert_problem(self.client.get("/events", query=query), 422,
                                              "validation_failed")
                self.assertEqual(list(problem["details"]), list(query))
                self.assertEqual(problem["errors"][0]["pointer"], next(iter(query)))
        problem = self.assert_problem(
            self.client.get("/events", headers={"Last-Event-ID": "nonsense"}), 422)
        self.assertIn("Last-Event-ID", problem["details"])

    def test_need_a_key_with_their_scope(self):
        client, _ = self.key_holder(scopes=["notebooks:write"])
        self.assert_problem(client.get("/events"), 403)
        self.assert_problem(self.client.get("/events", headers={"Authorization": "Bearer no"}),
                            401)

    def test_end_soon_after_their_key_is_revoked(self):
        client, key = self.key_holder()
        stream = self.stream(client.key)
        self.notebook(client)
        self.assertEqual(stream.next()[1], "notebook.created")
        self.assertEqual(self.client.delete(f"/api-keys/{key}").status, 204)
        began = time.monotonic()
        while stream.next():
            pass
        self.assertLess(time.monotonic() - began, ENDED_WITHIN_S)

    def test_a_slow_reader_gets_all_and_holds_up_nobody(self):
        client, _ = self.key_holder()
        slow = socket.socket()
        self.addCleanup(slow.close)
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.settimeout(CALL_TIMEOUT_S)
        conversation = client.post("/conversations", {"title": "c"}).json["id"]
        path = f"/conversations/{conversation}/messages"
        slow.connect((self.shared.host, self.shared.port))
        slow.sendall((f"GET /events?topics=message.* HTTP/1.1\r\nHost: x\r\n"
                      f"Authorization: Bearer {client.key}\r\n\r\n").encode())
        response = http.client.HTTPResponse(slow)
        response.begin()
        quick = self.stream(client.key, topics="message.*")
        # More than the stream's queue and both kernels' buffers take.
        count = 8000
        ids = []
        for _ in range(count):
            ids.append(client.post(path, {"content": "x"}).json["id"])
        self.assertEqual([body["data"]["id"] for _, _, body in quick.take(count)], ids)
        seen = []
        while len(seen) < count:
            line = response.readline()
            if line.startswith(b"data: "):
                seen.append(json.loads(line[6:])["data"]["id"])
        self.assertEqual(seen, ids)

    def test_streams_that_are_left_are_let_go(self):
        def sockets():
            folder = f"/proc/{self.shared.pid}/fd"
            count = 0
            for name in os.listdir(folder):
                try:
                    count += os.readlink(f"{folder}/{name}").startswith("socket:")
                except FileNotFoundError:
                    pass  # closed meanwhile
            return count
        streams = [self.stream() for _ in range(50)]
        self.assertGreaterEqual(sockets(), 50)
        for stream in streams:
            stream.close()
        wait_until(lambda: sockets() <= 10, what="the end of all streams")
        self.assertEqual(self.client.get("/health").status, 200)


class Stop(SharedServerTest):
    def test_ends_streams_in_order(self):
        stream = Stream(self.shared, self.client.key)
        self.addCleanup(stream.close)
        began = time.monotonic()
        self.assertEqual(self.shared.stop(), 0)
        self.assertIsNone(stream.event())
        self.assertLess(time.monotonic() - began, ENDED_WITHIN_S)


if __name__ == "__main__":
    unittest.main()
