# SPDX-License-Identifier: Apache-2.0
"""Nouns through the real server: tasks with everything that they can be asked for, what refers to
what, validators of items, and events of changes."""

import itertools
import random
import unittest

from event_stream import Stream
from harness import BlackBoxTest, SharedServerTest, wait_until

API = "/api/v1"
PRIORITIES = ["low", "medium", "high", "urgent"]
STATUSES = ["pending", "in_progress", "completed", "cancelled"]
NONE = "01890000-0000-7000-8000-000000000000"


class Nouns(SharedServerTest):
    def make(self, path, **fields):
        fields.setdefault("name" if path in ("/projects", "/life-areas") else "title", "x")
        made = self.client.post(API + path, fields)
        self.assertEqual(made.status, 201, made)
        self.assertEqual(made.headers["Location"], f"{API}{path}/{made.json['id']}")
        return made.json

    def get(self, path, status=200):
        found = self.client.get(API + path)
        self.assertEqual(found.status, status, found)
        return found.json

    def listed(self, path):
        """All items of a list, page by page."""
        items, cursor = [], ""
        while True:
            page = self.get(path + cursor)
            items += page["items"]
            if page["next_cursor"] is None:
                return items
            cursor = ("&" if "?" in path else "?") + "cursor=" + page["next_cursor"]

    def refused(self, reply, pointer, code):
        self.assertEqual(reply.status, 422, reply)
        self.assertEqual([(e["pointer"], e["code"]) for e in reply.json["errors"]],
                         [(pointer, code)], reply)


class Tasks(Nouns):
    def test_have_defaults_and_can_be_changed_cleared_and_replaced(self):
        task = self.make("/tasks", title="Book the ferry")
        defaults = {"description": None, "status": "pending", "priority": "medium",
                    "due_date": None, "due_time": None, "goal_id": None, "project_id": None,
                    "parent_id": None, "source": "manual", "source_reference": None,
                    "completed_at": None, "metadata": {}}
        self.assertEqual({name: task[name] for name in defaults}, defaults)
        path = f"{API}/tasks/{task['id']}"
        changed = self.client.patch(path, {"due_date": "2027-06-01", "due_time": "08:30"}).json
        self.assertEqual((changed["due_date"], changed["due_time"]), ("2027-06-01", "08:30"))
        self.assertIsNone(self.client.patch(path, {"due_date": None}).json["due_date"])
        for body, pointer in (({"priority": "huge"}, "/priority"), ({"due_date": "1.6.27"},
                              "/due_date"), ({"due_time": "25:00"}, "/due_time"),
                              ({"colour": "red"}, "/colour"), ({"title": ""}, "/title")):
            reply = self.client.patch(path, body)
            self.assertEqual((reply.status, reply.json["errors"][0]["pointer"]), (422, pointer))

    def test_are_completed_by_their_status_and_no_longer_when_they_leave_it(self):
        task = self.make("/tasks")
        path = f"{API}/tasks/{task['id']}/status"
        done = self.client.put(path, {"status": "completed"})
        self.assertEqual(done.status, 200, done)
        self.assertIsNotNone(done.json["completed_at"])
        self.assertIsNone(self.client.put(path, {"status": "pending"}).json["completed_at"])
        self.assertEqual(self.client.put(path, {"status": "lost"}).status, 422)
        self.assertEqual(self.client.put(path, {}).status, 422)

    def test_are_listed_by_filters_together_and_any_sort(self):
        chance = random.Random(1)
        goals = [self.make("/goals")["id"] for _ in range(2)]
        project = self.make("/projects")["id"]
        mark = "import"
        tasks = [self.make("/tasks", title=str(i), source=mark,
                           status=chance.choice(STATUSES), priority=chance.choice(PRIORITIES),
                           due_date=chance.choice([None, f"2027-0{1 + i % 9}-11"]),
                           goal_id=chance.choice([None, *goals]),
                           project_id=chance.choice([None, project])) for i in range(120)]
        filters = {
            "status=pending": lambda t: t["status"] == "pending",
            "status=pending,in_progress": lambda t: t["status"] in STATUSES[:2],
            "priority=high,urgent": lambda t: t["priority"] in PRIORITIES[2:],
            f"goal_id={goals[0]}": lambda t: t["goal_id"] == goals[0],
            f"goal_id=null,{goals[1]}": lambda t: t["goal_id"] in (None, goals[1]),
            "project_id=null": lambda t: t["project_id"] is None,
            "due_after=2027-03-11": lambda t: (t["due_date"] or "") > "2027-03-11",
            "due_after=2027-02-01&due_before=2027-06-11":
                lambda t: "2027-02-01" < (t["due_date"] or "") < "2027-06-11",
        }
        sorts = {"due_date": lambda t: t["due_date"],
                 "priority": lambda t: PRIORITIES.index(t["priority"]),
                 "created_at": lambda t: t["created_at"]}
        for count in range(4):
            for chosen in itertools.combinations(filters, count):
                names = [part.split("=")[0] for text in chosen for part in text.split("&")]
                if len(set(names)) < len(names):
                    continue
                wanted = [t for t in tasks if all(filters[text](t) for text in chosen)]
                sort, key = chance.choice(list(sorts.items()))
                minus = chance.choice(["", "-"])
                query = "&".join([f"source={mark}", f"sort={minus}{sort}",
                                  f"limit={chance.choice([3, 50])}", *chosen])
                found = self.listed("/tasks?" + query)
                self.assertCountEqual([t["id"] for t in found], [t["id"] for t in wanted], query)
                values = [key(t) for t in found]
                known = [v for v in values if v is not None]
                self.assertEqual(values[:len(known)], known, "what has none is last: " + query)
                self.assertEqual(known, sorted(known, reverse=bool(minus)), query)
        page = self.get(f"/tasks?source={mark}&limit=1&count=true")
        self.assertEqual(page["total"], len(tasks))

    def test_refuse_what_no_list_has(self):
        for query, name in (("colour=red", "colour"), ("status=lost", "status"),
                            ("sort=title", "sort"), ("due_after=soon", "due_after"),
                            ("cursor=abc", "cursor")):
            reply = self.client.get(f"{API}/tasks?{query}")
            self.assertEqual((reply.status, reply.json["errors"][0]["pointer"]), (422, name),
                             (query, reply))

    def test_that_are_deleted_are_listed_as_the_live_ones(self):
        mark = "agent"
        for number in range(6):
            task = self.make("/tasks", source=mark, title=str(number),
                             due_date=f"2031-01-0{9 - number}",
                             status="pending" if number % 2 else "completed")
            self.assertEqual(self.client.delete(f"{API}/tasks/{task['id']}").status, 204)

        def titles(query):
            page = self.get(f"/tasks?deleted=true&count=true&source={mark}&{query}")
            self.assertEqual(page["total"], len(page["items"]), query)
            return "".join(item["title"] for item in page["items"])
        self.assertEqual(titles("sort=due_date"), "543210")
        self.assertEqual(titles("sort=-due_date&status=pending"), "135")
        self.assertEqual(titles("sort=due_date&due_after=2031-01-06"), "210")
        self.assertEqual(titles("sort=due_date&goal_id=null&status=completed"), "420")
        newest = self.get("/tasks?deleted=true&limit=2")["items"]
        self.assertEqual([task["title"] for task in newest], ["5", "4"])

    def test_keep_a_link_that_a_put_sends_back_as_it_was_read(self):
        goal = self.make("/goals")
        path = f"{API}/tasks/{self.make('/tasks', goal_id=goal['id'])['id']}"
        target = f"{API}/goals/{goal['id']}"
        self.assertEqual(self.client.delete(target).status, 204)
        read = self.client.get(path).json
        self.assertIsNone(read["goal_id"])
        self.assertEqual(self.client.put(path, {**read, "title": "other"}).json["goal_id"], None)
        batch = {"atomic": True, "requests": [{"method": "PUT", "path": path, "body": read}]}
        self.assertEqual(self.client.post(API + "/batch", batch).status, 200)
        self.assertEqual(self.client.post(target + "/restore").status, 200)
        self.assertEqual(self.client.get(path).json["goal_id"], goal["id"])
        # While it is there, null is another value than the one that is shown.
        self.assertEqual(self.client.put(path, {**read, "goal_id": None}).status, 200)
        self.assertIsNone(self.client.get(path).json["goal_id"])
        self.assertEqual(self.client.patch(path, {"goal_id": goal["id"]}).status, 200)
        self.assertEqual(self.client.delete(target).status, 204)
        self.assertEqual(self.client.patch(path, {"goal_id": None}).status, 200)
        self.assertEqual(self.client.post(target + "/restore").status, 200)
        self.assertIsNone(self.client.get(path).json["goal_id"])

    def test_refer_to_what_exists_and_is_in_no_circle(self):
        task = self.make("/tasks")
        path = f"{API}/tasks/{task['id']}"
        self.refused(self.client.patch(path, {"goal_id": NONE}), "/goal_id", "unknown_reference")
        self.refused(self.client.post(API + "/tasks", {"title": "x", "parent_id": NONE}),
                     "/parent_id", "unknown_reference")
        child = self.make("/tasks", parent_id=task["id"])
        self.refused(self.client.patch(path, {"parent_id": child["id"]}), "/parent_id",
                     "reference_cycle")
        self.refused(self.client.patch(path, {"parent_id": task["id"]}), "/parent_id",
                     "reference_cycle")

    def test_read_null_for_what_was_deleted_until_it_is_back(self):
        goal = self.make("/goals")
        task = self.make("/tasks", goal_id=goal["id"], title="kept")
        path = f"/tasks/{task['id']}"
        self.assertEqual(self.client.delete(f"{API}/goals/{goal['id']}").status, 204)
        self.assertIsNone(self.get(path)["goal_id"])
        self.assertEqual([t["goal_id"] for t in self.listed("/tasks") if t["id"] == task["id"]],
                         [None])
        self.assertEqual(self.client.post(f"{API}/goals/{goal['id']}/restore").status, 200)
        self.assertEqual(self.get(path)["goal_id"], goal["id"])

    def test_have_validators_that_tell_whether_what_they_refer_to_is_there(self):
        goal = f"{API}/goals/{self.make('/goals')['id']}"
        task = f"{API}/tasks/{self.make('/tasks', goal_id=goal.rsplit('/', 1)[1])['id']}"
        there = self.client.get(task).headers["ETag"]
        self.client.delete(goal)
        gone = self.client.get(task, headers={"If-None-Match": there})
        self.assertEqual((gone.status, gone.json["goal_id"]), (200, None), gone)
        again = self.client.get(task, headers={"If-None-Match": gone.headers["ETag"]})
        self.assertEqual((again.status, again.headers["ETag"]), (304, gone.headers["ETag"]))
        changed = self.client.patch(task, {"title": "y"},
                                    headers={"If-Match": gone.headers["ETag"]})
        self.assertEqual(changed.status, 200, changed)
        stale = self.client.patch(task, {"title": "z"}, headers={"If-Match": there})
        self.assertEqual(stale.status, 412, stale)
        self.client.post(goal + "/restore")
        back = self.client.get(task, headers={"If-None-Match": changed.headers["ETag"]})
        self.assertEqual((back.status, back.json["goal_id"]), (200, goal.rsplit("/", 1)[1]))

    def test_go_along_with_their_task_and_come_back_with_it(self):
        task = self.make("/tasks")
        child = self.make("/tasks", parent_id=task["id"])
        grandchild = self.make("/tasks", parent_id=child["id"])
        status = lambda t: self.client.get(f"{API}/tasks/{t['id']}").status
        self.client.delete(f"{API}/tasks/{task['id']}")
        wait_until(lambda: status(child) == status(grandchild) == 404)
        self.client.post(f"{API}/tasks/{task['id']}/restore")
        wait_until(lambda: status(child) == status(grandchild) == 200)

    def test_are_completed_by_an_operators_patch_too(self):
        task = self.make("/tasks")
        self.assertEqual(self.client.patch(f"{API}/durable-objects/task/{task['id']}",
                                           {"status": "completed"}).status, 200)
        done = self.get(f"/tasks/{task['id']}")
        self.assertIsNotNone(done["completed_at"])
        self.client.patch(f"{API}/durable-objects/task/{task['id']}", {"priority": "low"})
        self.assertEqual(self.get(f"/tasks/{task['id']}")["completed_at"], done["completed_at"])
        self.client.patch(f"{API}/durable-objects/task/{task['id']}", {"status": "pending"})
        self.assertIsNone(self.get(f"/tasks/{task['id']}")["completed_at"])

    def test_keep_what_the_server_has_set_when_a_command_is_called_by_its_name(self):
        task = self.make("/tasks")
        path = f"{API}/durable-objects/task/{task['id']}/request"
        for name, value in (("id", NONE), ("user_id", "y"), ("created_at", "2020-01-01T00:00:00Z")):
            self.refused(self.client.post(path, {"command": "update", "payload": {name: value}}),
                         "/payload/" + name, "read_only")
        same = {"id": task["id"], "user_id": task["user_id"], "title": "y"}
        self.assertEqual(self.client.post(path, {"command": "update", "payload": same}).status, 200)
        self.refused(self.client.patch(API + "/users/me", {"is_active": False}), "/is_active",
                     "read_only")
        self.assertEqual(self.client.patch(API + "/users/me", {"is_active": True}).status, 200)

    def test_name_the_member_that_is_too_large(self):
        reply = self.client.post(API + "/tasks", {"title": "t", "description": "\u20ac" * 100_000})
        self.assertEqual(reply.status, 413, reply)
        self.assertEqual([error["pointer"] for error in reply.json["errors"]], ["/description"])


class Goals(Nouns):
    def test_show_the_progress_of_their_tasks_and_have_validators_that_tell_it(self):
        goal = self.make("/goals")
        path = f"{API}/goals/{goal['id']}"
        part = self.make("/goals", parent_goal_id=goal["id"])
        task = f"{API}/tasks/{self.make('/tasks', goal_id=part['id'])['id']}"
        before = self.client.get(path)
        self.assertEqual((before.json["progress"], before.json["progress_source"]), (0, "tasks"))
        self.client.patch(task, {"status": "completed"})
        after = self.client.get(path, headers={"If-None-Match": before.headers["ETag"]})
        self.assertEqual((after.status, after.json["progress"]), (200, 100), "through a subgoal")
        same = self.client.get(path, headers={"If-None-Match": after.headers["ETag"]})
        self.assertEqual(same.status, 304)
        sent_back = self.client.put(path, after.json, headers={"If-Match": after.headers["ETag"]})
        self.assertEqual((sent_back.status, sent_back.json["progress_source"]), (200, "tasks"))
        self.client.delete(task)
        self.assertEqual(self.get(f"/goals/{goal['id']}")["progress"], 0)


class ListedValues(Nouns):
    TAGS = ["x\\", "r", "x\\,y", "a,b", "null", "\\null", "a\\b"]

    def test_of_any_text_can_be_asked_for_together(self):
        made = {tag: self.make("/notebooks", title=tag, tags=[tag])["id"] for tag in self.TAGS}
        none = self.make("/notebooks", title="none", tags=[])["id"]

        def written(tag):
            text = tag.replace("\\", "\\\\").replace(",", "\\,")
            return "\\null" if tag == "null" else text

        def found(text):
            items = self.client.get(API + "/notebooks", query={"tag": text}).json["items"]
            return {item["id"] for item in items}

        for one in self.TAGS:
            self.assertEqual(found(written(one)), {made[one]}, one)
            for other in self.TAGS:
                self.assertEqual(found(f"{written(one)},{written(other)}"),
                                 {made[one], made[other]}, (one, other))
        self.assertEqual(found("null"), {none})
        self.assertEqual(found("null,r"), {none, made["r"]})
        self.assertEqual(found("a\\b"), {made["a\\b"]}, "before anything else it is itself")


class Items(Nouns):
    def test_are_listed_as_objects_are(self):
        book = f"/notebooks/{self.make('/notebooks')['id']}"
        rome, oslo = (self.make(book + "/sections", title=name)["id"] for name in ("Rome", "Oslo"))
        pages = [self.make(book + "/pages", title=str(number), position=number % 4,
                           section_id=[rome, oslo, None][number % 3],
                           tags=[["a", "b,c"], ["a"], []][number // 4])
                 for number in range(12)]
        filters = {
            f"section_id={rome}": lambda p: p["section_id"] == rome,
            f"section_id=null,{oslo}": lambda p: p["section_id"] in (None, oslo),
            "tag=a": lambda p: "a" in p["tags"],
            "tag=b%5C,c,null": lambda p: "b,c" in p["tags"] or not p["tags"],
        }
        for count in range(3):
            for chosen in itertools.combinations(filters, count):
                if len({text.split("=")[0] for text in chosen}) < count:
                    continue
                wanted = [p for p in pages if all(filters[text](p) for text in chosen)]
                for limit in (2, 50):
                    for sort in ("position", "-position", "updated_at"):
                        query = "&".join([f"limit={limit}", f"sort={sort}", *chosen])
                        found = self.listed(f"{book}/pages?{query}")
                        ordered = sorted(wanted, key=lambda p: p[sort.strip("-")],
                                         reverse=sort == "-position")
                        self.assertCountEqual([p["id"] for p in found],
                                              [p["id"] for p in wanted], query)
                        self.assertEqual([p[sort.strip("-")] for p in found],
                                         [p[sort.strip("-")] for p in ordered], query)
                page = self.get(f"{book}/pages?" + "&".join(["limit=1&count=true", *chosen]))
                self.assertEqual(page["total"], len(wanted), chosen)
        self.assertEqual(self.get(f"{book}/pages?limit=1&tag=%5C,&count=true")["total"], 0)

    def test_refuse_what_no_list_has(self):
        book = f"/notebooks/{self.make('/notebooks')['id']}"
        self.make(book + "/pages")
        self.make(book + "/pages")
        for path in (book + "/pages", "/notebooks"):
            for query, name in (("colour=red", "colour"), ("sort=content", "sort"),
                                ("limit=0", "limit"), ("cursor=abc", "cursor")):
                reply = self.client.get(f"{API}{path}?{query}")
                self.assertEqual((reply.status, reply.json["errors"][0]["pointer"]), (422, name),
                                 (path, query, reply))
        errors = [self.client.get(f"{API}{path}?cursor=abc").json["errors"]
                  for path in (book + "/pages", "/notebooks")]
        self.assertEqual(errors[0], errors[1])
        cursor = self.get(f"{book}/pages?limit=1")["next_cursor"]
        for query in (f"cursor={cursor}&sort=updated_at", f"cursor={cursor}&tag=a"):
            self.assertEqual(self.client.get(f"{API}{book}/pages?{query}").status, 422)

    def test_keep_a_link_that_a_put_sends_back_as_it_was_read(self):
        book = f"{API}/notebooks/{self.make('/notebooks')['id']}"
        section = self.client.post(book + "/sections", {"title": "s"}).json["id"]
        page = self.client.post(book + "/pages", {"title": "p", "section_id": section}).json["id"]
        path, target = f"{book}/pages/{page}", f"{book}/sections/{section}"
        self.assertEqual(self.client.delete(target).status, 204)
        read = self.client.get(path).json
        self.assertIsNone(read["section_id"])
        found = self.client.get(book + "/pages?section_id=null&count=true").json
        self.assertEqual((found["total"], len(found["items"])), (1, 1))
        self.assertEqual(self.client.put(path, {**read, "title": "other"}).status, 200)
        self.assertEqual(self.client.post(target + "/restore").status, 200)
        self.assertEqual(self.client.get(path).json["section_id"], section)
        self.assertEqual(self.client.get(book + "/pages?section_id=null").json["items"], [])
        self.assertEqual(self.client.delete(target).status, 204)
        self.assertEqual(self.client.patch(path, {"section_id": None}).status, 200)
        self.assertEqual(self.client.post(target + "/restore").status, 200)
        self.assertIsNone(self.client.get(path).json["section_id"])

    def test_have_validators_of_their_own(self):
        book = f"{API}/notebooks/{self.make('/notebooks')['id']}/pages"
        first, second = (self.client.post(book, {"title": t}) for t in "ab")
        one, two = (f"{book}/{made.json['id']}" for made in (first, second))
        tags = [self.client.get(path).headers["ETag"] for path in (one, two)]
        self.assertEqual(tags, [first.headers["ETag"], second.headers["ETag"]])
        changed = self.client.patch(one, {"title": "c"}, headers={"If-Match": tags[0]})
        self.assertEqual(changed.status, 200, changed)
        self.assertEqual(self.client.get(two).headers["ETag"], tags[1], "the other's stays")
        self.assertEqual(self.client.get(two, headers={"If-None-Match": tags[1]}).status, 304)
        self.assertEqual(self.client.get(one, headers={"If-None-Match": tags[0]}).status, 200)
        for path, method in ((one, self.client.patch), (one, self.client.put)):
            stale = method(path, {"title": "d"}, headers={"If-Match": tags[0]})
            self.assertEqual(stale.status, 412, stale)
        self.assertEqual(self.client.delete(one, headers={"If-Match": tags[0]}).status, 412)
        moved = self.client.post(one + "/move", {"position": 9},
                                 headers={"If-Match": changed.headers["ETag"]})
        self.assertEqual(moved.status, 200, moved)
        self.assertEqual(self.client.patch(two, {"title": "e"},
                                           headers={"If-Match": "*"}).status, 200)
        self.assertEqual(self.client.patch(two, {"title": "f"},
                                           headers={"If-None-Match": "*"}).status, 412)


    def test_heed_conditions_as_objects_do(self):
        notebook = self.make("/notebooks")
        pages = f"{API}/notebooks/{notebook['id']}/pages"
        task = f"{API}/tasks/{self.make('/tasks')['id']}"
        page = f"{pages}/{self.client.post(pages, {'title': 'p'}).json['id']}"
        for path in (task, page):
            changed = self.client.patch(path, {"title": "y"}, headers={"If-None-Match": '"9999"'})
            self.assertEqual(changed.status, 200, changed)
            tag = self.client.get(path).headers["ETag"]
            for none in (tag, "W/" + tag, "*", f'"9999", {tag}'):
                reply = self.client.patch(path, {"title": "z"}, headers={"If-None-Match": none})
                self.assertEqual(reply.status, 412, (path, none))
            self.assertEqual(self.client.post(path + "/restore").status, 409, path)
        moved = self.client.post(page + "/move", {"position": 3},
                                 headers={"If-None-Match": '"9999"'})
        self.assertEqual(moved.status, 200, moved)
        for path in (task, page):
            self.assertEqual(self.client.delete(path).status, 204)
            stale = self.client.post(path + "/restore", headers={"If-Match": '"1"'})
            self.assertEqual(stale.status, 412, path)
            self.assertEqual(self.client.post(path + "/restore").status, 200)


class Changes(BlackBoxTest):
    def test_are_told_for_objects_and_items_also_after_a_restart(self):
        server = self.server().start()
        client = server.client()
        book = client.post(API + "/notebooks", {"title": "secret"}).json["id"]
        path = f"{API}/notebooks/{book}"
        page = client.post(path + "/pages", {"title": "secret", "tags": ["a"]}).json["id"]
        client.patch(f"{path}/pages/{page}", {"content": "secret"})
        client.delete(f"{path}/pages/{page}")
        client.post(f"{path}/pages/{page}/restore")
        server.kill()
        server.start()
        client = server.client()
        client.patch(path, {"title": "secret too", "tags": ["b"]})
        client.delete(path)
        client.post(path + "/restore")
        told = Stream(server, client.key, topics="notebook.*,page.*", after="0").take(8)
        self.assertEqual([event[1] for event in told],
                         ["notebook.created", "page.created", "page.updated", "page.deleted",
                          "page.restored", "notebook.updated", "notebook.deleted",
                          "notebook.restored"])
        for _, topic, event in told:
            self.assertNotIn("secret", str(event))
            self.assertEqual(event["data"]["id"], page if topic.startswith("page") else book)
        parent = {"kind": "notebook", "id": book}
        self.assertEqual(told[2][2]["data"]["parent"], parent)
        self.assertEqual(told[2][2]["data"]["changed"], ["content"])
        self.assertEqual(told[5][2]["data"]["changed"], ["tags", "title"])
        self.assertEqual(told[5][2]["subject"], book)


if __name__ == "__main__":
    unittest.main()
