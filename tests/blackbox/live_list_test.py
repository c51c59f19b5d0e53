#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lists as streams: a page, and then what changes in the list, without loss and without repeat."""

import http.client
import random
import sys
import threading
import time
import unittest

from event_stream import Stream
from harness import BlackBoxTest, wait_until
from users import user_client

ROUNDS = 1
LIVE = {"Accept": "text/event-stream"}
FILTERS = ({"status": "pending"}, {"priority": "high,urgent", "sort": "-due_date"},
           {"due_after": "2026-01-15", "sort": "priority", "status": "pending,completed"},
           {"deleted": "true"}, {})


class Follower:
    """Keeps a list by its stream alone, and minds each event that cannot follow the one before."""

    def __init__(self, server, key, path="/tasks", **query):
        self.server, self.key, self.path = server, key, path
        self.query = {"limit": "500", **query}
        self.items, self.wrong, self.pages, self.place = {}, [], 0, None
        self.stream = None
        self.ended = False
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self.follow, daemon=True)
        self.thread.start()

    def follow(self):
        while not self.ended:
            headers = {**LIVE, **({"Last-Event-ID": self.place} if self.place else {})}
            try:
                self.stream = Stream(self.server, self.key, headers, self.path, **self.query)
                if self.ended:
                    self.stream.cut()
                while event := self.stream.event():
                    self.hear(event)
                self.stream.close()
            except (OSError, ValueError, http.client.HTTPException):
                time.sleep(0.01)  # the server is away, or the connection was cut

    def hear(self, event):
        place, name, data = event
        with self.lock:
            if name == "page":
                self.pages += 1
                self.items = {item["id"]: item for item in data["items"]}
            elif name in ("enter", "change", "leave"):
                if (name == "enter") == (data["id"] in self.items):
                    self.wrong.append((name, data["id"]))
                if name == "leave":
                    self.items.pop(data["id"], None)
                else:
                    self.items[data["id"]] = data
            if place is not None:
                self.place = place

    def cut(self):
        """The connection breaks; it comes again by itself."""
        stream = self.stream
        if stream:
            stream.cut()

    def close(self):
        self.ended = True
        self.cut()
        self.thread.join()

    def has_those_of(self, items):
        with self.lock:
            return set(self.items) == {item["id"] for item in items}

    def has(self, items):
        with self.lock:
            return self.items == {item["id"]: item for item in items}


class LiveLists(BlackBoxTest):
    def setUp(self):
        super().setUp()
        self.shared = self.server("--timeouts-write", "5m").start()
        self.admin = self.shared.client()
        self.client = user_client(self.shared, self.admin)

    def follow(self, path="/tasks", **query):
        made = Follower(self.shared, self.client.key, path, **query)
        self.addCleanup(made.close)
        wait_until(lambda: made.pages, what="the first page")
        return made

    def items(self, path="/tasks", **query):
        answer = self.client.get(path, query={"limit": "500", **query})
        self.assertEqual(answer.status, 200, answer)
        return answer.json["items"]

    def task(self, **fields):
        made = self.client.post("/tasks", {"title": "t", **fields})
        self.assertEqual(made.status, 201, made)
        return made.json["id"]

    def stream(self, headers=None, client=None, path="/tasks", **query):
        made = Stream(self.shared, (client or self.client).key, {**LIVE, **(headers or {})},
                      path, **query)
        self.addCleanup(made.close)
        return made

    def test_begin_with_the_page_and_tell_who_enters_changes_and_leaves(self):
        first = self.task(title="first")
        stream = self.stream(status="pending")
        place, name, page = stream.next()
        self.assertEqual((name, bool(place)), ("page", True))
        self.assertEqual([item["id"] for item in page["items"]], [first])
        self.assertIsNone(page["next_cursor"])
        other = self.task(title="other")
        self.client.patch(f"/tasks/{first}", {"title": "changed"})
        self.client.patch(f"/tasks/{first}", {"status": "completed"})
        self.client.patch(f"/tasks/{first}", {"title": "not in the list"})
        self.client.delete(f"/tasks/{other}")
        self.client.post(f"/tasks/{other}/restore")
        seen = [(name, data["id"]) for _, name, data in stream.take(5)]
        self.assertEqual(seen, [("enter", other), ("change", first), ("leave", first),
                                ("leave", other), ("enter", other)])

    def test_tell_nothing_of_what_others_have(self):
        stranger = user_client(self.shared, self.admin)
        stream = self.stream()
        stranger.post("/tasks", {"title": "not yours"})
        mine = self.task()
        self.assertEqual([(name, data.get("id")) for _, name, data in stream.take(2)],
                         [("page", None), ("enter", mine)])

    def test_go_on_where_the_client_was_cut_off(self):
        stream = self.stream()
        self.task()
        place = stream.take(2)[-1][0]
        stream.close()
        second = self.task()
        self.shared.kill()
        self.shared.start()
        _, name, data = self.stream({"Last-Event-ID": place}).next()
        self.assertEqual((name, data["id"]), ("enter", second))

    def test_begin_anew_where_the_log_does_not_reach_back(self):
        stream = self.stream()
        place = stream.next()[0]
        stream.close()
        mine = self.task()
        # A place of another log: this one does not reach there.
        other = "0" * 16 + place[place.index("-"):]
        _, name, data = self.stream({"Last-Event-ID": other}).next()
        self.assertEqual((name, [item["id"] for item in data["items"]]), ("page", [mine]))

    def test_are_refused_what_a_page_is_refused(self):
        for query, field in (({"status": "nonsense"}, "status"), ({"cursor": "x"}, "cursor"),
                             ({"sort": "nonsense"}, "sort")):
            answer = self.client.get("/tasks", query=query, headers=LIVE)
            self.assert_problem(answer, 422, "validation_failed")
            self.assertEqual(answer.json["errors"][0]["pointer"], field)
        answer = self.client.get("/tasks", headers={**LIVE, "Last-Event-ID": "nonsense"})
        self.assert_problem(answer, 422, "validation_failed")
        self.assertEqual(self.shared.client("no key").get("/tasks", headers=LIVE).status, 401)
        plain = self.client.get("/tasks", headers={"Accept": "application/json, */*;q=0.1"})
        self.assertEqual(plain.headers["Content-Type"], "application/json")

    def test_end_when_the_key_ends(self):
        made = self.client.post("/api-keys", {"name": "k", "scopes": ["tasks:read"]})
        holder = self.shared.client(made.json["secret"])
        stream = self.stream(client=holder)
        self.client.delete(f"/api-keys/{made.json['id']}")
        names = [name for _, name, _ in stream.rest()]
        self.assertTrue(set(names) <= {"page", "perdure.closed"}, names)

    def test_of_the_items_in_an_object_end_with_it(self):
        notebook = self.client.post("/notebooks", {"title": "n"}).json["id"]
        pages = f"/notebooks/{notebook}/pages"
        stream = self.stream(path=pages, tag="a")
        page = self.client.post(pages, {"title": "p", "tags": ["a"]}).json["id"]
        self.client.post(pages, {"title": "q", "tags": ["b"]})
        self.client.patch(f"{pages}/{page}", {"title": "other"})
        self.client.patch(f"{pages}/{page}", {"title": "other"})  # is no change
        self.client.patch(f"{pages}/{page}", {"tags": []})
        self.client.delete(f"/notebooks/{notebook}")
        seen = [(name, data.get("id", data.get("code"))) for _, name, data in stream.rest()]
        self.assertEqual(seen, [("page", None), ("enter", page), ("change", page),
                                ("leave", page), ("perdure.closed", 4404)])

    def test_of_items_follow_a_restore_and_begin_anew_where_it_changed_too_many(self):
        book = self.client.post("/notebooks", {"title": "book"}).json
        path = f"/notebooks/{book['id']}/pages"
        follower = self.follow(path)
        snapshots = f"/durable-objects/notebook/{book['id']}/snapshots"

        def goes_back_over(pages):
            seq = int(self.client.get(f"/notebooks/{book['id']}").headers["ETag"].strip('W/"')
                      .split("-")[0])
            for number in range(pages):
                self.assertEqual(self.client.post(path, {"title": str(number)}).status, 201)
            wait_until(lambda: follower.has(self.items(path)), what="what was made")
            reply = self.admin.post(f"{snapshots}/{seq}/restore")
            self.assertEqual(reply.status, 200, reply)
            wait_until(lambda: follower.has(self.items(path)), what="what was restored")
        goes_back_over(10)
        self.assertEqual(follower.pages, 1)
        goes_back_over(60)
        self.assertEqual(follower.items, {})
        wait_until(lambda: follower.pages == 2, what="another page")
        self.assertEqual(follower.wrong, [])

    def test_of_the_items_in_an_object_begin_anew_where_it_is_back(self):
        notebook = self.client.post("/notebooks", {"title": "n"}).json["id"]
        pages = f"/notebooks/{notebook}/pages"
        page = self.client.post(pages, {"title": "p"}).json["id"]
        stream = self.stream(path=pages)
        place = stream.next()[0]
        self.client.delete(f"/notebooks/{notebook}")
        self.assertEqual(stream.rest()[-1][1], "perdure.closed")
        self.client.post(f"/notebooks/{notebook}/restore")
        again = self.stream({"Last-Event-ID": place}, path=pages)
        # Its place is taken away, and so it begins with the page.
        self.assertEqual([name for _, name, _ in again.rest()], ["perdure.events.lost"])
        _, name, data = self.stream(path=pages).next()
        self.assertEqual((name, [item["id"] for item in data["items"]]), ("page", [page]))

    def test_by_a_reference_follow_the_end_of_what_it_names(self):
        goal = self.client.post("/goals", {"title": "g"}).json["id"]
        other = self.client.post("/goals", {"title": "other"}).json["id"]
        task = self.task(goal_id=goal)
        parent = self.task()
        child = self.task(parent_id=parent)
        queries = ({"goal_id": "null"}, {"goal_id": goal}, {"goal_id": other},
                   {"parent_id": "null"})
        followers = [self.follow(**query) for query in queries]
        for change in (lambda: self.client.delete(f"/goals/{goal}"),
                       lambda: self.client.patch(f"/tasks/{task}", {"title": "changed"}),
                       lambda: self.client.post(f"/goals/{goal}/restore"),
                       lambda: self.client.delete(f"/goals/{goal}"),
                       lambda: self.client.patch(f"/tasks/{task}", {"goal_id": other}),
                       lambda: self.client.delete(f"/tasks/{parent}"),
                       lambda: self.client.post(f"/tasks/{parent}/restore")):
            self.assertIn(change().status, (200, 204))
            # Subtasks go along a moment later.
            gone = self.client.get(f"/tasks/{parent}").status == 404
            wait_until(lambda: (self.client.get(f"/tasks/{child}").status == 404) == gone,
                       what="the subtask with its parent")
            for query, follower in zip(queries, followers):
                # What reads as null of others is not told.
                wait_until(lambda q=query, f=follower: f.has_those_of(self.items(**q)),
                           what=f"the same tasks for {query}")
        for query, follower in zip(queries, followers):
            self.assertEqual((query, follower.wrong), (query, []))

    def test_keep_the_pages_of_a_notebook(self):
        rng = random.Random(11)
        notebook = self.client.post("/notebooks", {"title": "n"}).json["id"]
        pages = f"/notebooks/{notebook}/pages"
        section = self.client.post(f"/notebooks/{notebook}/sections", {"title": "s"}).json["id"]
        queries = ({"tag": "a"}, {"section_id": section, "sort": "-updated_at"},
                   {"section_id": "null"}, {"deleted": "true"}, {})
        followers = [self.follow(pages, **query) for query in queries]
        ids = [self.client.post(pages, {"title": "p"}).json["id"] for _ in range(5)]
        for step in range(150):
            page = rng.choice(ids)
            what = rng.random()
            if what < 0.2:
                ids.append(self.client.post(pages, {"title": "p", "tags": ["a"]}).json["id"])
            elif what < 0.35:
                self.client.delete(f"{pages}/{page}")
            elif what < 0.5:
                self.client.post(f"{pages}/{page}/restore")
            elif what < 0.6:
                self.client.post(f"{pages}/{page}/move",
                                 {"section_id": rng.choice([None, section])})
            else:
                self.client.patch(f"{pages}/{page}", rng.choice([
                    {"tags": rng.choice([[], ["a"], ["a", "b"]])}, {"title": rng.choice("xyz")},
                    {"section_id": rng.choice([None, section])}]))
            if step % 20 == 7:
                rng.choice(followers).cut()
        for query, follower in zip(queries, followers):
            wait_until(lambda q=query, f=follower: f.has(self.items(pages, **q)),
                       what=f"the same pages for {query}")
            self.assertEqual((query, follower.wrong), (query, []))

    def test_keep_the_list_through_changes_cuts_and_kills(self):
        """The model: whoever keeps a list by its stream has what the list answers with."""
        rng = random.Random(7)
        for _ in range(ROUNDS):
            followers = [self.follow(**query) for query in FILTERS]
            ids = [self.task() for _ in range(5)]
            for step in range(300):
                self.change_something(rng, ids)
                if step % 20 == 7:
                    rng.choice(followers).cut()
                if step == 150:
                    self.restart(followers)
            for query, follower in zip(FILTERS, followers):
                wait_until(lambda q=query, f=follower: f.has(self.items(**q)),
                           what=f"the same list for {query}")
                self.assertEqual((query, follower.wrong), (query, []))
                follower.close()

    def restart(self, followers):
        self.shared.kill()
        self.shared.start()
        self.client = self.shared.client(self.client.key)
        for follower in followers:
            follower.cut()

    def change_something(self, rng, ids):
        task = rng.choice(ids)
        what = rng.random()
        if what < 0.2:
            ids.append(self.task(status=rng.choice(["pending", "completed"])))
        elif what < 0.35:
            self.client.delete(f"/tasks/{task}")
        elif what < 0.5:
            self.client.post(f"/tasks/{task}/restore")
        else:
            change = rng.choice([
                {"status": rng.choice(["pending", "in_progress", "completed"])},
                {"priority": rng.choice(["low", "medium", "high", "urgent"])},
                {"tags": rng.choice([[], ["a"], ["a", "b"]])},
                {"due_date": rng.choice([None, "2026-01-10", "2026-01-20", "2026-02-01"])},
                {"title": rng.choice("xyz")}])
            self.client.patch(f"/tasks/{task}", change)


if __name__ == "__main__":
    if "--rounds" in sys.argv:
        at = sys.argv.index("--rounds")
        ROUNDS = int(sys.argv[at + 1])
        del sys.argv[at:at + 2]
    unittest.main()
