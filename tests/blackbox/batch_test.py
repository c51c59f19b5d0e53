#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""POST /batch: many requests in one, all or none of them, or each by itself.

`--rounds N` says how often the server is killed while batches run (5 where it is not said).
"""

import itertools
import random
import sys
import threading
import time
import unittest

from batch_case import BIG_ANSWERS, BatchCase, delete, get, patch, post
from harness import BlackBoxTest, is_sanitized, memory_peak_kib, new_id, show_progress

ROUNDS = 5


class Atomic(BatchCase):
    def test_makes_changes_and_deletes_many_in_one_answer(self):
        old = self.made()
        goal, task, changed, removed = self.items(
            post("/goals", {"title": "new"}), post("/tasks", {"title": "t"}),
            patch(f"/goals/{old['id']}", {"title": "other"}), delete(f"/goals/{old['id']}"))
        self.assertEqual([goal["status"], task["status"], changed["status"], removed["status"]],
                         [201, 201, 200, 204])
        self.assertEqual(sorted(goal), ["body", "headers", "status"])
        self.assertEqual(goal["headers"]["Location"], f"/api/v1/goals/{goal['body']['id']}")
        self.assertIsNone(removed["body"])
        single = self.user.get(f"/goals/{goal['body']['id']}")
        self.assertEqual(single.json, goal["body"])
        self.assertEqual(single.headers["ETag"], goal["headers"]["ETag"])
        self.assertEqual(self.user.get(f"/goals/{old['id']}").status, 404)
        self.assertEqual(changed["body"]["title"], "other")

    def test_takes_any_form_of_a_path(self):
        paths = ["/goals", "/api/goals", "/api/v1/goals"]
        for item in self.items(*[post(path, {"title": "x"}) for path in paths]):
            self.assertEqual(item["status"], 201)

    def test_refers_to_earlier_results(self):
        items = self.items(
            post("/goals", {"title": "goal", "metadata": {"k": ["v", 7]}}, id="goal"),
            post("/tasks", {"title": "$1.title", "goal_id": "$goal.id",
                            "metadata": {"n": "$1.metadata.k.1", "text": "$$1.id"}}),
            patch("/tasks/$2.id", {"priority": "high"}, if_match="*"),
            post("/notebooks", {"title": "n"}),
            post("/notebooks/$4.id/sections", {"title": "s"}),
            post("/notebooks/$4.id/pages", {"title": "p", "section_id": "$5.id"}),
            patch("/notebooks/$4.id/pages/$6.id", {"content": "text"}),
            patch("/goals/$1.id", {"description": "$6.title"}))
        self.assertEqual([item["status"] for item in items],
                         [201, 201, 200, 201, 201, 201, 200, 200])
        self.assertEqual(items[0]["id"], "goal")
        task = self.user.get("/tasks/" + items[1]["body"]["id"]).json
        self.assertEqual((task["title"], task["goal_id"], task["priority"], task["metadata"]),
                         ("goal", items[0]["body"]["id"], "high", {"n": 7, "text": "$1.id"}))
        page = self.user.get(f"/notebooks/{items[3]['body']['id']}/pages/"
                             f"{items[5]['body']['id']}").json
        self.assertEqual((page["section_id"], page["content"]),
                         (items[4]["body"]["id"], "text"))
        self.assertEqual(items[7]["body"]["description"], "p")

    def test_answers_with_references_that_are_made_in_it(self):
        _, task = self.items(post("/goals", {"title": "g"}),
                             post("/tasks", {"title": "t", "goal_id": "$1.id"}))
        self.assertIsNotNone(task["body"]["goal_id"])
        self.assertEqual(self.user.get("/tasks/" + task["body"]["id"]).json, task["body"])

    def test_leaves_nothing_when_one_is_refused_and_names_it(self):
        goal = self.made()
        fine = post("/goals", {"title": "fine"})
        self.refused(fine, post("/goals", {"titel": "x"}), number=1, at="/body/titel",
                     rule="unknown_member")
        self.refused(fine, post("/tasks", {"title": "t", "goal_id": new_id()}), number=1,
                     at="/body/goal_id", rule="unknown_reference")
        self.refused(fine, post("/nothing", {}), number=1, status=404, code="not_found")
        self.refused(fine, patch("/goals/" + new_id(), {"title": "x"}), number=1, status=404,
                     code="not_found")
        self.refused(fine, {"method": "PATCH", "path": "/goals", "body": {}}, number=1,
                     status=405, code="method_not_allowed")
        self.refused(fine, post("/goals"), number=1, status=411, code="length_required")
        self.refused(fine, post("/goals?x=1", {"title": "x"}), number=1, at="/path",
                     rule="unknown_parameter")
        self.refused(fine, fine, patch(f"/goals/{goal['id']}", {"title": "x"}, if_match='"99"'),
                     number=2, status=412, code="stale_precondition")
        self.refused(fine, patch(f"/goals/{goal['id']}", {"title": "x"}, if_match='"a" b'),
                     number=1, status=400, code="malformed")
        self.refused(fine, patch(f"/goals/{goal['id']}", {"user_id": new_id()}), number=1,
                     at="/body/user_id", rule="read_only")
        self.refused(post("/goals", {"title": "x", "id": goal["id"]}), number=0, status=409,
                     code="conflict")
        self.assertEqual(self.user.get(f"/goals/{goal['id']}").json, goal)

    def test_refuses_references_to_nothing(self):
        fine = post("/goals", {"title": "fine"})
        self.refused(fine, post("/tasks", {"title": "t", "goal_id": "$2.id"}), number=1,
                     at="/body/goal_id", rule="unknown_result")
        self.refused(fine, patch("/goals/$7.id", {}), number=1, at="/path", rule="unknown_result")
        self.refused(fine, post("/tasks", {"title": "$1.nothing"}), number=1, at="/body/title",
                     rule="no_member")
        self.refused(fine, delete("/goals/$1.id"), patch("/tasks/$2.id", {}), number=2,
                     at="/path", rule="no_member")
        self.refused(fine, delete("/goals/$1.id"),
                     post("/tasks", {"title": "t", "goal_id": "$1.id"}), number=2,
                     at="/body/goal_id", rule="unknown_reference")

    def test_takes_nothing_but_changes_of_one_resource(self):
        admin = self.client
        fine = post("/notebooks", {"title": "fine"})
        for other in (get("/goals"), get("/users/me"), get("/users/me/export"), get("/health"),
                      post("/auth/tickets"), delete("/users/me"), get("/events"),
                      post("/batch", {"atomic": True, "requests": [fine]})):
            self.refused(fine, other, number=1, at="/path", rule="not_in_batch")
        for other in (post("/durable-objects/transact", {"steps": []}),
                      post("/durable-objects/import"), get("/durable-objects"),
                      post("/durable-objects/counter/x/hibernate"),
                      post("/durable-objects/counter/x/clone", {})):
            problem = self.assert_problem(self.batch(fine, other, client=admin), 422)
            self.assertIn(("/requests/1/path", "not_in_batch"),
                          [(one["pointer"], one["code"]) for one in problem["errors"]])

    def test_takes_every_sort_of_change(self):
        admin = self.client
        key, hook, job, kept, user = (new_id(), new_id(), new_id(), new_id(), new_id())
        items = self.items(
            post("/api-keys", {"name": key, "scopes": ["goals:read"]}),
            patch("/api-keys/$1.id", {"name": "other"}), post("/api-keys/$1.id/rotate"),
            delete("/api-keys/$1.id"),
            post("/webhooks", {"url": "https://example.org/" + hook, "topics": ["goal.*"]}),
            post("/webhooks/$5.id/rotate-secret"), delete("/webhooks/$5.id"),
            post("/webhooks/$5.id/restore"),
            post("/jobs", {"type": "sleep", "payload": {"ms": 1}, "delay_ms": 3_600_000}),
            post("/jobs/$9.id/cancel"), delete("/jobs/$9.id"),
            post("/users", {"email": f"{user}@example.org", "password": "a long password 1"}),
            patch("/users/$12.id", {"full_name": "U"}), post("/users/$12.id/deactivate"),
            post("/durable-objects", {"kind": "document", "id": kept, "state": {"a": 1}}),
            {"method": "PUT", "path": f"/durable-objects/document/{kept}", "body": {"a": 2}},
            patch(f"/durable-objects/document/{kept}", {"b": 3}),
            post(f"/durable-objects/document/{kept}/request",
                 {"command": "patch", "payload": {"c": 4}}),
            post(f"/durable-objects/document/{kept}/snapshots", {"name": "here"}),
            post(f"/durable-objects/document/{kept}/alarms",
                 {"name": "tick", "command": "patch", "payload": {"d": 5}, "after_ms": 3_600_000}),
            delete(f"/durable-objects/document/{kept}/alarms/tick"),
            delete(f"/durable-objects/document/{kept}"),
            post(f"/durable-objects/document/{kept}/restore"),
            post("/conversations", {"title": "c"}),
            post("/conversations/$24.id/messages", {"content": "hello"}),
            post("/tasks", {"title": "t"}),
            {"method": "PUT", "path": "/tasks/$26.id/status", "body": {"status": "completed"}},
            patch("/users/me", {"full_name": "Me"}), client=admin)
        self.assertTrue(all(item["status"] in (200, 201, 204) for item in items), items)
        view = admin.get(f"/durable-objects/document/{kept}").json
        self.assertEqual((view["state"], view["seq"]), ({"a": 2, "b": 3, "c": 4}, 6))
        self.assertEqual(len(items[0]["body"]["secret"]) > 40, True)
        self.assertNotEqual(items[0]["body"]["secret"], items[2]["body"]["secret"])

    def test_shows_secrets_that_work(self):
        item, = self.items(post("/api-keys", {"name": "k", "scopes": ["goals:read"]}))
        client = self.shared.client(item["body"]["secret"])
        self.assertEqual(client.get("/goals").status, 200)

    def test_begins_one_queue_at_most(self):
        first, second = new_id(), new_id()

        def job(queue):
            return post("/jobs", {"type": "echo", "payload": 1, "queue": queue})
        self.refused(job(first), job(first), job(second), number=2, at="/body/queue",
                     rule="limit")
        self.assertEqual(len(self.items(job(first), job(first))), 2)

    def test_hashes_few_passwords(self):
        users = [post("/users", {"email": f"{new_id()}@example.org",
                                 "password": "a long password 1"}) for _ in range(9)]
        self.assert_problem(self.batch(*users, client=self.client), 422, "validation_failed")
        self.assertEqual(len(self.items(*users[:2], client=self.client)), 2)

    def test_is_one_commit_with_all_events(self):
        before = self.client.get("/durable-objects?kind=goal&limit=1").status
        self.assertEqual(before, 200)
        items = self.items(post("/goals", {"title": "a"}), post("/goals", {"title": "b"}),
                           patch("/goals/$1.id", {"title": "c"}))
        journal = self.client.get(
            f"/durable-objects/goal/{items[0]['body']['id']}/journal").json["items"]
        self.assertEqual([[event["topic"] for event in record["events"]] for record in journal],
                         [["goal.created"], ["goal.updated"]])
        self.assertEqual(len({record["request_id"] for record in journal}), 1)

    def test_bounds_its_requests(self):
        one = post("/goals", {"title": "x"})
        self.assert_problem(self.batch(*[one] * 101), 422)
        self.assert_problem(self.batch(), 422)
        self.assertEqual(len(self.items(*[one] * 100)), 100)
        for wrong in ({"method": "TRACE", "path": "/goals"}, {"path": "/goals"}, {"method": "GET"},
                      {"method": "GET", "path": "goals"},
                      {"method": "GET", "path": "/goals", "headers": {}}):
            self.assert_problem(self.batch(wrong), 422)
        self.assert_problem(self.user.post("/batch", {"requests": [one]}), 422)
        problem = self.assert_problem(self.batch({**one, "id": "a"}, {**one, "id": "a"}), 422)
        self.assertEqual(problem["errors"][0]["pointer"], "/requests/1/id")

    def test_bounds_its_answer(self):
        big = "x" * 9_000
        ids = [self.made(metadata={"text": big})["id"] for _ in range(4)]
        few = [patch(f"/goals/{ids[n % 4]}", {"title": str(n)}) for n in range(100)]
        self.assertEqual(len(self.items(*few)), 100)
        names = [self.big_document() for _ in range(20)]
        problem = self.assert_problem(
            self.batch(*[patch(f"/durable-objects/document/{name}", {"n": 1}) for name in names],
                       client=self.client), 413, "too_large")
        self.assertEqual(problem["errors"][0]["pointer"], f"/requests/{BIG_ANSWERS}")
        for name in names:
            view = self.client.get(f"/durable-objects/document/{name}").json
            self.assertEqual((view["seq"], view["state"].get("n")), (1, None))


    def test_bounds_what_references_stand_for(self):
        """A few bytes of a request may stand for a quarter of a million."""
        name = self.big_document()
        many = post("/goals", {"title": "x", "metadata": {"a": ["$1.state.text"] * 20_000}})
        first = patch(f"/durable-objects/document/{name}", {"n": 1})
        peak = memory_peak_kib(self.shared.pid)
        problem = self.assert_problem(self.batch(first, many, client=self.client), 413, "too_large")
        self.assertIn(("/requests/1/body/metadata/a/4", "bytes"),
                      [(one["pointer"], one["code"]) for one in problem["errors"]])
        items = self.items(first, many, client=self.client, atomic=False)
        self.assertEqual([item["status"] for item in items], [200, 413])
        self.assertEqual(items[1]["body"]["errors"][0]["pointer"], "/metadata/a/4")
        if not is_sanitized(self.shared.pid):
            self.assertLess(memory_peak_kib(self.shared.pid), peak + 64 * 1024)


class Each(BatchCase):
    def test_gives_each_its_own_result_and_goes_on(self):
        items = self.items(
            post("/goals", {"title": "a"}, id="one"), post("/goals", {"titel": "b"}),
            get("/goals/$one.id"), get("/goals?limit=1"), post("/tasks", {"title": "$2.title"}),
            delete("/goals/$1.id"), get("/goals/$1.id"), get("/nothing"), get("/health"),
            atomic=False)
        self.assertEqual([item["status"] for item in items],
                         [201, 422, 200, 200, 424, 204, 404, 404, 200])
        self.assertEqual(items[2]["body"], items[0]["body"])
        self.assertIn("/titel", [one["pointer"] for one in items[1]["body"]["errors"]])
        self.assertEqual(items[4]["body"]["code"], "failed_dependency")
        self.assertEqual(items[4]["body"]["errors"][0]["pointer"], "/title")
        self.assertEqual(len(items[3]["body"]["items"]), 1)
        self.assertEqual(items[7]["body"]["instance"], "/nothing")

    def test_judges_each_by_its_tag(self):
        goal = self.made()
        seq = self.user.get(f"/goals/{goal['id']}").headers["ETag"]
        items = self.items(patch(f"/goals/{goal['id']}", {"title": "a"}, if_match=seq),
                           patch(f"/goals/{goal['id']}", {"title": "b"}, if_match=seq),
                           patch(f"/goals/{goal['id']}", {"title": "c"}, if_match="*"),
                           atomic=False)
        self.assertEqual([item["status"] for item in items], [200, 412, 200])

    def test_refuses_what_is_no_tag_as_singly(self):
        path = f"/goals/{self.made()['id']}"
        for tag in ("", "garbage", "W/2"):
            single = self.user.patch(path, {"title": "a"}, headers={"If-Match": tag})
            self.assertEqual(single.status, 400)
            self.refused(patch(path, {"title": "a"}, if_match=tag), number=0, status=400,
                         code=single.json["code"])

    def test_leaves_out_what_streams_or_is_a_batch(self):
        items = self.items(get("/events"), get("/users/me/export"), delete("/users/me"),
                           post("/batch", {"atomic": False, "requests": [get("/info")]}),
                           get("/chat/x"), post("/goals", {"title": "x"}), atomic=False)
        rules = [[one["code"] for one in (item["body"].get("errors") or [])] for item in items]
        self.assertEqual(rules[:4], [["not_in_batch"]] * 4, items)
        self.assertGreaterEqual(items[4]["status"], 400)
        self.assertEqual(items[5]["status"], 201)

    def test_fills_its_answer_and_says_what_was_not_carried_out(self):
        name = self.big_document()
        items = self.items(*[get(f"/durable-objects/document/{name}")] * (BIG_ANSWERS + 2),
                           post("/goals", {"title": name}), atomic=False, client=self.client)
        self.assertEqual([item["status"] for item in items],
                         [200] * (BIG_ANSWERS + 1) + [413, 413])
        self.assertEqual([number for number, item in enumerate(items) if item["body"] is None],
                         [BIG_ANSWERS])
        titles = [goal["title"] for goal in self.client.get("/goals").json["items"]]
        self.assertNotIn(name, titles)

    def test_takes_little_more_memory_than_its_answer(self):
        """80,000 values are 240,000 bytes of text, and ten times as much when they are parsed."""
        name = self.big_document({"a": [[]] * 80_000})
        one = [get(f"/durable-objects/document/{name}")] * 17
        self.items(*one, atomic=False, client=self.client)
        peak = memory_peak_kib(self.shared.pid)
        statuses = []

        def ask():
            client = self.shared.client()
            statuses.append(self.batch(*one, atomic=False, client=client).status)
            client.close()
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(statuses, [200] * 8)
        if not is_sanitized(self.shared.pid):
            self.assertLess(memory_peak_kib(self.shared.pid), peak + 200 * 1024)


class Together(BatchCase):
    def test_batches_over_the_same_objects_neither_lock_up_nor_tear(self):
        """Each adds one to all counters, in an order of its own: all have one value at a time."""
        names = [new_id() for _ in range(6)]
        rounds = 15
        failed = []

        def work(seed):
            chance = random.Random(seed)
            client = self.shared.client()
            for _ in range(rounds):
                order = chance.sample(names, len(names))
                steps = [post(f"/durable-objects/counter/{name}/request",
                              {"command": "add", "payload": {"by": 1}}) for name in order]
                reply = client.post("/batch", {"atomic": True, "requests": steps})
                if reply.status != 200:
                    failed.append(reply)
                values = {item["body"] for item in reply.json.get("items", [])}
                if len(values) != 1:
                    failed.append(values)
            client.close()
        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failed, [])
        for name in names:
            self.assertEqual(self.client.query("counter", name, "value").json, 6 * rounds)


class Killed(BlackBoxTest):
    def test_leaves_each_batch_whole_or_absent(self):
        """Batches run while the server is killed. Those that were answered are there, the others
        whole or not at all, and a retry with the same key makes each one whole, once."""
        server = self.server()
        server.start()
        steps = 5
        keys = itertools.count()
        for done in range(ROUNDS):
            asked = {}
            answered = {}
            stop = threading.Event()

            def work(server=server, asked=asked, answered=answered, stop=stop):
                client = server.client()
                while not stop.is_set():
                    key = f"batch-{next(keys)}"
                    asked[key] = {"atomic": True, "requests": [
                        post("/goals", {"title": key}),
                        *[post("/tasks", {"title": key, "goal_id": "$1.id"})] * (steps - 1)]}
                    try:
                        reply = client.post("/batch", asked[key],
                                            headers={"Idempotency-Key": key})
                    except OSError:
                        return
                    if reply.status == 200:
                        answered[key] = reply.body
            threads = [threading.Thread(target=work) for _ in range(4)]
            for thread in threads:
                thread.start()
            wanted = random.uniform(0.05, 0.4)
            end = time.monotonic() + wanted
            while time.monotonic() < end or not answered:
                time.sleep(0.01)
            server.kill()
            stop.set()
            for thread in threads:
                thread.join()
            server.start()
            client = server.client()
            found = self.found(client)
            for key in asked:
                self.assertIn(found.get(key, 0), (0, steps), key)
            for key, body in answered.items():
                self.assertEqual(found.get(key), steps, key)
                reply = client.post("/batch", asked[key], headers={"Idempotency-Key": key})
                self.assertEqual(reply.body, body)
            for key in set(asked) - set(answered):
                reply = client.post("/batch", asked[key], headers={"Idempotency-Key": key})
                self.assertEqual(reply.status, 200, reply)
                self.assertEqual(reply.headers["Idempotent-Replayed"],
                                 "true" if found.get(key) else None)
            found = self.found(client)
            self.assertEqual({found[key] for key in asked}, {steps})
            client.close()
            show_progress(done + 1, ROUNDS, "kills")

    def found(self, client):
        """How many goals and tasks bear each title."""
        found = {}
        for path in ("goals", "tasks"):
            cursor = ""
            while cursor is not None:
                page = client.get(f"/{path}?limit=500" + (f"&cursor={cursor}" if cursor else ""))
                for item in page.json["items"]:
                    found[item["title"]] = found.get(item["title"], 0) + 1
                cursor = page.json["next_cursor"]
        return found


if __name__ == "__main__":
    if "--rounds" in sys.argv:
        at = sys.argv.index("--rounds")
        ROUNDS = int(sys.argv[at + 1])
        del sys.argv[at:at + 2]
    unittest.main()
