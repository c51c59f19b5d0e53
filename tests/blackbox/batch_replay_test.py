#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The answer of a batch with an idempotency key, asked for again."""

import pathlib
import threading
import unittest

from batch_case import get, patch, post
from harness import BlackBoxTest


class Replay(BlackBoxTest):
    def setUp(self):
        super().setUp()
        self.server_ = self.server()
        self.server_.start()
        self.client = self.server_.client()

    def again(self):
        self.client.close()
        self.server_.kill()
        self.server_.restart()
        self.client = self.server_.client()

    def ask(self, body, key):
        return self.client.post("/batch", body, headers={"Idempotency-Key": key})

    def check(self, atomic, *requests):
        body = {"atomic": atomic, "requests": requests}
        first = self.ask(body, "k")
        self.assertEqual(first.status, 200, first)
        self.assertIsNone(first.headers["Idempotent-Replayed"])
        goals = self.client.get("/goals?count=true").json["total"]
        for item in first.json["items"]:  # what it answers is not as it was any more
            if "Location" in item["headers"] and "/goals/" in item["headers"]["Location"]:
                self.client.delete(item["headers"]["Location"])
        for restarts in (False, True):
            if restarts:
                self.again()
            second = self.ask(body, "k")
            self.assertEqual(second.body, first.body)
            self.assertEqual(second.headers["Idempotent-Replayed"], "true")
        self.assertLessEqual(self.client.get("/goals?count=true").json["total"], goals)
        other = self.ask({"atomic": not atomic, "requests": requests}, "k")
        self.assert_problem(other, 422, "idempotency_key_reused")
        return first

    def test_of_an_atomic_one_is_the_same_after_a_restart(self):
        self.check(True, post("/goals", {"title": "a"}),
                   post("/tasks", {"title": "t", "goal_id": "$1.id", "metadata": {"f": 0.1}}))

    def test_of_another_one_is_the_same_whatever_has_changed_meanwhile(self):
        self.check(False, post("/goals", {"title": "a"}), get("/goals/$1.id"), get("/goals"),
                   post("/goals", {"titel": "x"}), patch("/goals/$4.id", {}))

    def test_shows_secrets_to_the_key_that_asked_and_keeps_them_sealed(self):
        for atomic in (True, False):
            key = f"s{atomic}"
            body = {"atomic": atomic,
                    "requests": [post("/api-keys", {"name": "n", "scopes": ["goals:read"]})]}
            first = self.ask(body, key)
            secret = first.json["items"][0]["body"]["secret"]
            self.assertEqual(self.server_.client(secret).get("/goals").status, 200)
            other = self.client.post("/api-keys", {"name": "o", "scopes": ["*"]}).json["secret"]
            self.again()
            self.assertEqual(self.ask(body, key).body, first.body)
            seen = self.server_.client(other).post("/batch", body,
                                                   headers={"Idempotency-Key": key})
            self.assertNotIn("secret", seen.json["items"][0]["body"])
            self.server_.stop()
            self.assertFalse(self.is_on_disk(secret))
            self.server_.start()
            self.client = self.server_.client()

    def is_on_disk(self, secret):
        return any(secret.encode() in file.read_bytes()
                   for file in pathlib.Path(self.server_.data_dir).rglob("*") if file.is_file())

    def test_at_the_same_time_is_one_batch(self):
        body = {"atomic": True, "requests": [post("/goals", {"title": "a"})] * 5}
        replies = []

        def ask():
            client = self.server_.client()
            replies.append(client.post("/batch", body, headers={"Idempotency-Key": "k"}))
            client.close()
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual({reply.status for reply in replies}, {200})
        self.assertEqual(len({reply.body for reply in replies}), 1)
        self.assertEqual(self.client.get("/goals?count=true").json["total"], 5)

    def test_of_a_refused_one_runs_again(self):
        name = "018f0000-0000-7000-8000-000000000001"
        body = {"atomic": True, "requests": [post("/goals", {"title": "a"}),
                                             patch(f"/goals/{name}", {"title": "b"})]}
        self.assert_problem(self.ask(body, "k"), 404)
        self.client.post("/goals", {"title": "x", "id": name})
        self.assertEqual(self.ask(body, "k").status, 200)


if __name__ == "__main__":
    unittest.main()
