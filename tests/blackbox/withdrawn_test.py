# SPDX-License-Identifier: Apache-2.0
"""Sockets and streams end when what they were opened with has: 4401 for a key that is not valid any
more, 4403 for a right to what they are of; and only those."""

import time
import unittest

from event_stream import Stream
from harness import SharedServerTest, new_id
from websocket import WebSocket

API = "/api/v1"
# A second, and what a loaded machine with sanitizers takes to look at it.
SOON_S = 5


class Withdrawn(SharedServerTest):
    def user(self, **fields):
        """The id of a new user, a key of theirs, and that key's id."""
        user = self.client.post(API + "/users", {"email": f"{new_id()}@example.org", **fields})
        self.assertEqual(user.status, 201, user)
        key = self.client.post(API + "/api-keys", {"name": "k", "user_id": user.json["id"]})
        self.assertEqual(key.status, 201, key)
        return user.json["id"], key.json["secret"], key.json["id"]

    def conversation(self, client):
        made = client.post(API + "/conversations", {})
        self.assertEqual(made.status, 201, made)
        return made.json["id"]

    def chat(self, conversation, key):
        socket = WebSocket(self.shared, key, f"{API}/chat/{conversation}")
        self.addCleanup(socket.close)
        self.assertEqual(socket.next()["event"], "list")
        return socket

    def stream(self, key, path="/events", **query):
        stream = Stream(self.shared, key, path=path, **query)
        self.addCleanup(stream.close)
        return stream

    def events_socket(self, key):
        socket = WebSocket(self.shared, key, API + "/events")
        self.addCleanup(socket.close)
        socket.next()  # where it begins
        return socket

    def ends_with(self, code, *sockets):
        for socket in sockets:
            began = time.monotonic()
            while socket.next() is not None:
                pass
            self.assertEqual(socket.closed_with, code)
            self.assertLess(time.monotonic() - began, SOON_S)

    def stream_ends_with(self, code, stream):
        began = time.monotonic()
        events = stream.rest()
        self.assertEqual([event[1:] for event in events[-1:]],
                         [("perdure.closed", {"code": code})], events)
        self.assertLess(time.monotonic() - began, SOON_S)

    def test_all_end_with_their_key_or_its_user(self):
        for end in ("revoked", "deactivated"):
            user, secret, key = self.user()
            conversation = self.conversation(self.shared.client(secret))
            sockets = [self.chat(conversation, secret), self.events_socket(secret)]
            stream = self.stream(secret)
            if end == "revoked":
                done = self.client.delete(f"{API}/api-keys/{key}")
                self.assertEqual(done.status, 204, done)
            else:
                done = self.client.patch(f"{API}/users/{user}", {"is_active": False})
                self.assertEqual(done.status, 200, done)
            self.ends_with(4401, *sockets)
            self.stream_ends_with(4401, stream)

    def test_all_end_that_their_key_lost_the_scope_of(self):
        user, secret, key = self.user()
        conversation = self.conversation(self.shared.client(secret))
        sockets = [self.chat(conversation, secret), self.events_socket(secret)]
        stream = self.stream(secret)
        done = self.client.patch(f"{API}/api-keys/{key}", {"scopes": ["notebooks:read"]})
        self.assertEqual(done.status, 200, done)
        self.ends_with(4403, *sockets)
        self.stream_ends_with(4403, stream)

    def test_streams_of_a_job_end_with_the_right_to_it(self):
        job = self.shared.client(self.user()[1]).post(
            API + "/jobs", {"type": "sleep", "payload": {"ms": 60_000}})
        self.assertIn(job.status, (201, 202), job)
        admin, secret, _ = self.user(role="admin")
        stream = self.stream(secret, path=f"/jobs/{job.json['id']}/events")
        self.assertEqual(stream.next()[1], "job")
        done = self.client.patch(f"{API}/users/{admin}", {"role": "user"})
        self.assertEqual(done.status, 200, done)
        self.stream_ends_with(4403, stream)


if __name__ == "__main__":
    unittest.main(verbosity=2)
