#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A key does no more by a batch than singly: rights, quotas, rate limits."""

import itertools
import threading
import unittest

from batch_case import BatchCase, delete, get, patch, post
from harness import new_id
from users import user_client


class Rights(BatchCase):
    """A key does no more by a batch than singly."""

    def holder(self, *scopes, maker=None):
        made = (maker or self.client).post("/api-keys", {"name": "x", "scopes": list(scopes)})
        self.assertEqual(made.status, 201, made)
        return self.shared.client(made.json["secret"])

    def both(self, client, request, status, code, rule=None):
        """The request is refused alike singly, in an atomic batch, and in one that is not."""
        single = client.call(request["method"], request["path"], body=request.get("body"))
        self.assert_problem(single, status, code)
        problem = self.assert_problem(self.batch(request, client=client), status, code)
        self.assertEqual(problem["errors"][0]["pointer"], "/requests/0")
        item, = self.items(request, client=client, atomic=False)
        self.assertEqual((item["status"], item["body"]["code"]), (status, code))
        self.assertEqual(item["body"]["detail"], single.json["detail"])
        if rule:
            self.assertIn(rule, [one["code"] for one in problem["errors"]])

    def test_each_request_needs_its_scope(self):
        client = self.holder("goals:write", maker=self.user)
        self.assertEqual(self.batch(post("/goals", {"title": "x"}), client=client).status, 200)
        self.both(client, post("/tasks", {"title": "x"}), 403, "forbidden")
        reply = self.batch(post("/goals", {"title": "x"}), post("/tasks", {"title": "x"}),
                           client=client)
        self.assert_problem(reply, 403, "forbidden")
        items = self.items(post("/goals", {"title": "x"}), get("/tasks"), client=client,
                           atomic=False)
        self.assertEqual([item["status"] for item in items], [201, 403])
        reads = self.holder("goals:read", maker=self.user)
        self.both(reads, post("/goals", {"title": "x"}), 403, "forbidden")

    def test_what_is_others_is_not_there(self):
        goal = self.made(client=self.client)
        path = f"/goals/{goal['id']}"
        self.both(self.user, patch(path, {"title": "x"}), 404, "not_found")
        self.both(self.user, delete(path), 404, "not_found")
        self.both(self.user, post("/tasks", {"title": "x", "goal_id": goal["id"]}), 422,
                  "validation_failed", "unknown_reference")
        self.both(self.user, post("/users", {"email": "x@example.org"}), 403, "forbidden")
        self.both(self.user, delete("/durable-objects/goal/" + goal["id"]), 403, "forbidden")

    def test_system_kinds_are_reached_by_their_own_routes(self):
        client = self.holder("durable-objects:write")
        key = {"kind": "api_key", "state": {"name": "x", "scopes": ["*"]}}
        self.both(client, post("/durable-objects", key), 403, "forbidden")
        me = self.client.get("/users/me").json["id"]
        for request in (patch("/durable-objects/user/" + me, {"role": "user"}),
                        delete("/durable-objects/user/" + me),
                        post(f"/durable-objects/user/{me}/request", {"command": "deactivate"}),
                        post(f"/durable-objects/webhook/{new_id()}/restore")):
            self.both(client, request, 403, "forbidden")

    def test_keys_make_none_that_hold_more(self):
        client = self.holder("api-keys:write", "goals:read", maker=self.user)
        self.both(client, post("/api-keys", {"name": "x", "scopes": ["*"]}), 403, "forbidden")
        self.both(client, post("/api-keys", {"name": "x", "scopes": ["nonsense:read"]}), 422,
                  "validation_failed", "unknown_scope")
        self.both(self.user, patch("/users/me", {"role": "admin"}), 422, "validation_failed",
                  "read_only")

    def test_the_last_administrator_stays(self):
        me = self.client.get("/users/me").json["id"]
        self.both(self.client, post(f"/users/{me}/deactivate"), 409, "last_admin")
        other = self.client.post("/users", {"email": f"{new_id()}@example.org", "role": "admin"})
        self.assertEqual(other.status, 201, other)
        # Each could go alone, both together would leave nobody.
        reply = self.batch(post(f"/users/{other.json['id']}/deactivate"),
                           post(f"/users/{me}/deactivate"), client=self.client)
        problem = self.assert_problem(reply, 409, "last_admin")
        self.assertEqual(problem["errors"][0]["pointer"], "/requests/1")
        self.assertEqual(self.client.get(f"/users/{other.json['id']}").json["is_active"], True)
        self.assertEqual(self.client.delete(f"/users/{other.json['id']}").status, 204)

    def what_became_of(self, *requests, client):
        """The status and code of the last request, in an atomic batch and in one that is not."""
        problem = self.batch(*requests, client=client)
        self.assertEqual(problem.json["errors"][0]["pointer"], f"/requests/{len(requests) - 1}")
        item = self.items(*requests, client=client, atomic=False)[-1]
        self.assertEqual((item["status"], item["body"]["code"]),
                         (problem.status, problem.json["code"]))
        return problem.status, problem.json["code"]

    def test_each_is_judged_by_what_those_before_have_left_of_the_key(self):
        for change, request, outcome in (
                (lambda key: patch(key, {"scopes": ["api-keys:write"]}),
                 lambda key: patch(key, {"scopes": ["*"]}), (403, "forbidden")),
                (lambda key: patch(key, {"scopes": ["api-keys:write"]}),
                 lambda key: post("/goals", {"title": "x"}), (403, "forbidden")),
                (delete, lambda key: post("/goals", {"title": "x"}),
                 (401, "unauthenticated")),
                (lambda key: post(key + "/rotate"), lambda key: post("/goals", {"title": "x"}),
                 (401, "unauthenticated"))):
            made = self.user.post("/api-keys", {"name": "x", "scopes": ["*"]})
            client = self.shared.client(made.json["secret"])
            key = "/api-keys/" + made.json["id"]
            before = self.user.get(key).json
            with self.subTest(request=request(key)):
                # The atomic one leaves the key as it was, for the other to change.
                self.assertEqual(self.what_became_of(change(key), request(key), client=client),
                                 outcome)
                self.assertNotEqual(self.user.get(key).json, before)

    def test_each_is_judged_by_what_those_before_have_left_of_the_user(self):
        for change, outcome in ((patch("/users/{}", {"role": "user"}), (403, "forbidden")),
                                (post("/users/{}/deactivate"), (401, "unauthenticated"))):
            made = self.client.post("/users", {"email": f"{new_id()}@example.org",
                                               "role": "admin"})
            key = self.client.post("/api-keys", {"name": "x", "scopes": ["*"],
                                                 "user_id": made.json["id"]})
            client = self.shared.client(key.json["secret"])
            change = {**change, "path": change["path"].format(made.json["id"])}
            new = post("/users", {"email": f"{new_id()}@example.org"})
            with self.subTest(change=change):
                self.assertEqual(self.what_became_of(change, new, client=client), outcome)

    def test_who_has_no_key_has_no_batch(self):
        self.assert_problem(self.batch(get("/health"), client=self.shared.client(key="")), 401)


class Quotas(BatchCase):
    arguments = ("--quotas-objects=12",)

    def test_hold_for_the_whole_batch(self):
        left = next(n for n in itertools.count()
                    if self.user.post("/goals", {"title": "x"}).status == 403)
        ids = [goal["id"] for goal in self.user.get("/goals").json["items"]]
        self.assertEqual(len(ids), left)
        other = user_client(self.shared, self.client)
        self.addCleanup(other.close)
        reply = self.batch(*[post("/goals", {"title": "x"})] * (left + 1), client=other)
        problem = self.assert_problem(reply, 403, "quota_exceeded")
        self.assertEqual(problem["errors"][0]["pointer"], f"/requests/{left}")
        self.assertEqual(other.get("/goals").json["items"], [])
        self.assertEqual(len(self.items(*[post("/goals", {"title": "x"})] * left, client=other)),
                         left)


class Webhooks(BatchCase):
    arguments = ("--webhooks-per-user=2",)

    def test_are_no_more_than_an_owner_may_have(self):
        one = post("/webhooks", {"url": "https://example.org/", "topics": ["goal.*"]})
        problem = self.assert_problem(self.batch(one, one, one), 422)
        self.assertEqual(problem["errors"][0]["pointer"], "/requests/2")
        self.assertEqual(len(self.items(one, one)), 2)
        self.assertEqual(self.user.post("/webhooks", one["body"]).status, 422)

    def test_that_come_at_the_same_time_are_no_more_either(self):
        """By batches and singly: each counts those that are on their way."""
        body = {"url": "https://example.org/", "topics": ["goal.*"]}
        for _ in range(10):
            owner = user_client(self.shared, self.client)
            self.addCleanup(owner.close)
            barrier = threading.Barrier(8)

            def work(number, owner=owner, barrier=barrier):
                client = self.shared.client(owner.key)
                barrier.wait()
                if number % 2:
                    client.post("/webhooks", body)
                else:
                    self.batch(post("/webhooks", body), client=client)
                client.close()
            threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertLessEqual(len(owner.get("/webhooks").json["items"]), 2)


class Rates(BatchCase):
    def test_count_each_request(self):
        made = self.user.post("/api-keys", {"name": "slow", "scopes": ["*"],
                                            "rate_limit": {"requests": 10, "window_s": 3600}})
        client = self.shared.client(made.json["secret"])
        one = post("/goals", {"title": "x"})
        first = self.batch(*[one] * 7, client=client)
        self.assertEqual(first.status, 200, first)
        self.assertIn("r=3;", first.headers["RateLimit"])
        reply = self.batch(*[one] * 3, client=client, atomic=False)
        self.assertEqual(reply.status, 200, reply)
        reply = self.batch(one, one, client=client)
        self.assert_problem(reply, 429, "rate_limited")
        self.assertGreater(int(reply.headers["Retry-After"]), 0)
        fresh = self.user.post("/api-keys", {"name": "slow", "scopes": ["*"],
                                             "rate_limit": {"requests": 5, "window_s": 3600}})
        reply = self.batch(*[one] * 6, client=self.shared.client(fresh.json["secret"]))
        self.assert_problem(reply, 422, "validation_failed")
        self.assertEqual(reply.json["errors"][0]["pointer"], "/requests")


if __name__ == "__main__":
    unittest.main()
