#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Streams that meet a bound: texts larger than their queue, and as many as a user may have."""

import contextlib
import unittest

from event_stream import Stream
from harness import BlackBoxTest, wait_until
from users import user_client

LIVE = {"Accept": "text/event-stream"}
QUOTA = 5
LARGE = "\N{MUSICAL SYMBOL G CLEF}" * 80_000  # more than the queue of a stream


class LargeTexts(BlackBoxTest):
    def setUp(self):
        super().setUp()
        self.shared = self.server().start()
        self.client = user_client(self.shared, self.shared.client())

    def stream(self, path, **headers):
        made = Stream(self.shared, self.client.key, {**LIVE, **headers}, path)
        self.addCleanup(made.close)
        return made

    def test_page_larger_than_the_queue_of_its_stream_begins_it(self):
        for _ in range(60):
            self.client.post("/goals", {"title": "g", "description": "d" * 9_000})
        for _ in range(10):
            stream = self.stream("/goals?limit=60")
            _, name, page = stream.next()
            self.assertEqual((name, len(page["items"])), ("page", 60))
            stream.close()

    def test_item_larger_than_the_queue_of_its_stream_is_not_lost_at_a_resumption(self):
        notebook = self.client.post("/notebooks", {"title": "n"}).json["id"]
        pages = f"/notebooks/{notebook}/pages"
        stream = self.stream(pages)
        place = stream.next()[0]
        stream.close()
        made = [self.client.post(pages, {"title": "p", "content": LARGE}).json["id"]
                for _ in range(4)]
        for _ in range(3):
            again = self.stream(pages, **{"Last-Event-ID": place})
            seen = [(name, item["id"]) for _, name, item in again.take(4)]
            self.assertEqual(seen, [("enter", page) for page in made])
            again.close()


class Quota(BlackBoxTest):
    def test_is_free_again_when_all_streams_of_a_user_have_ended_at_once(self):
        server = self.server(f"--quotas-sockets={QUOTA}").start()
        client = user_client(server, server.client())
        for _ in range(5):
            streams = [self.opened(server, client) for _ in range(QUOTA)]
            self.assert_problem(client.get("/tasks", headers=LIVE), 403, "quota_exceeded")
            for stream in streams:
                stream.cut()
            for stream in streams:
                stream.close()

    def opened(self, server, client):
        """A stream, as soon as the server has heard of the end of those before."""
        made = []

        def opens():
            with contextlib.suppress(AssertionError):
                made.append(Stream(server, client.key, LIVE, "/tasks"))
            return made

        wait_until(opens, what="a place for a stream")
        return made[0]


if __name__ == "__main__":
    unittest.main()
