#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every list of the API as a stream, and those of logs, letters and operators step by step."""

import re
import unittest

from event_stream import Stream
from harness import SharedServerTest, new_id, wait_until
from users import user_client
from webhook_case import WebhookTest

LIVE = {"Accept": "text/event-stream"}
# A turn tells the event log of what its kind publishes.
NOT_LIVE = {
    "listKinds": "stay as they are",
    "listOutbox": "changes without events",
    "listJournal": "not of this",
    "listSnapshots": "not of this",
    "listEntries": "not of this",
    "listAlarms": "not of this",
    "listAlarmRuns": "not of this",
}


class LiveCase(SharedServerTest):
    def setUp(self):
        super().setUp()
        self.user = user_client(self.shared, self.client)
        self.addCleanup(self.user.close)

    def stream(self, path, client=None, headers=None, **query):
        made = Stream(self.shared, (client or self.user).key, {**LIVE, **(headers or {})}, path,
                      **query)
        self.addCleanup(made.close)
        return made

    def make(self, path, body, client=None):
        made = (client or self.user).post(path, body)
        self.assertLess(made.status, 300, made)
        return made.json


def seen(events, member="id"):
    return [(name, data.get(member, data.get("code"))) for _, name, data in events]


class EveryList(LiveCase):
    def names(self):
        """What the parameters of paths stand for, of one who may read all of it."""
        notebook = self.make("/notebooks", {"title": "n"}, self.client)["id"]
        job = self.make("/jobs", {"type": "echo"}, self.client)["id"]
        hook = self.make("/webhooks", {"url": "https://example.org/", "topics": ["x.y"]},
                         self.client)["id"]
        return {
            "/notebooks/": notebook, "/jobs/": job, "/webhooks/": hook,
            "/conversations/": self.make("/conversations", {}, self.client)["id"],
            "page_id": self.make(f"/notebooks/{notebook}/pages", {"title": "p"}, self.client)["id"],
        }

    def lists(self):
        document = self.client.get("/openapi.json").json
        schemas = document["components"]["schemas"]
        for path, methods in document["paths"].items():
            answer = methods.get("get", {}).get("responses", {}).get("200", {})
            content = answer.get("content", {})
            schema = content.get("application/json", {}).get("schema", {})
            schema = schemas.get(schema.get("$ref", "").rsplit("/", 1)[-1], schema)
            if "items" in schema.get("properties", {}):
                yield methods["get"]["operationId"], path, content

    def test_is_a_stream_or_says_why_it_is_none(self):
        names = self.names()
        found = list(self.lists())
        self.assertGreater(len(found), 20)
        self.assertEqual({one for one, _, _ in found if one in NOT_LIVE}, set(NOT_LIVE))
        for operation, path, content in found:
            with self.subTest(operation):
                first = re.match(r"(?:/api/v1)?(/[^/]+/)", path + "/").group(1)
                path = re.sub(r"\{(\w+)\}", lambda part, first=first:
                              names.get(part.group(1), names.get(first, "x")), path)
                if operation in NOT_LIVE:
                    self.assertNotIn("text/event-stream", content)
                    problem = self.assert_problem(self.client.get(path, headers=LIVE), 406,
                                                  "not_acceptable")
                    self.assertIn(NOT_LIVE[operation], problem["detail"])
                    continue
                self.assertIn("text/event-stream", content)
                query = {"kind": "task"} if operation == "listObjects" else {}
                stream = self.stream(path.removeprefix("/api/v1"), self.client, **query)
                self.assertEqual(stream.next()[1], "page")
                stream.close()


class Logs(LiveCase):
    def test_of_messages_tell_each_and_go_on_where_the_client_was(self):
        conversation = self.make("/conversations", {})["id"]
        messages = f"/conversations/{conversation}/messages"
        first = self.make(messages, {"content": "one"})
        stream = self.stream(messages)
        _, name, page = stream.next()
        self.assertEqual((name, [one["id"] for one in page["items"]]), ("page", [first["id"]]))
        second = self.make(messages, {"content": "two"})
        place, name, shown = stream.next()
        self.assertEqual((name, shown), ("enter", second))
        stream.close()
        third = self.make(messages, {"content": "three"})
        self.user.patch(f"/conversations/{conversation}", {"title": "is no message"})
        self.shared.kill()
        self.shared.start()
        self.user = self.shared.client(self.user.key)
        again = self.stream(messages, headers={"Last-Event-ID": place})
        self.assertEqual(seen([again.next()]), [("enter", third["id"])])
        late = self.stream(messages, after="3")
        self.user.delete(f"/conversations/{conversation}")
        self.assertEqual(seen(late.rest()), [("page", None), ("perdure.closed", 4404)])
        self.assertEqual(seen(again.rest()), [("perdure.closed", 4404)])

    def test_of_revisions_are_those_of_their_page(self):
        notebook = self.make("/notebooks", {"title": "n"})["id"]
        pages = f"/notebooks/{notebook}/pages"
        page, other = (self.make(pages, {"title": t})["id"] for t in "pq")
        stream = self.stream(f"{pages}/{page}/revisions")
        self.assertEqual(stream.next()[1:], ("page", {"items": [], "next_cursor": None}))
        self.user.patch(f"{pages}/{other}", {"content": "not of this page"})
        self.user.patch(f"{pages}/{page}", {"tags": ["makes no revision"]})
        for content in ("a", "b"):
            self.user.patch(f"{pages}/{page}", {"content": content})
        kept = self.user.get(f"{pages}/{page}/revisions").json["items"]
        self.assertEqual([data for _, _, data in stream.take(2)], kept[::-1])
        self.user.delete(f"{pages}/{other}")
        self.user.delete(f"{pages}/{page}")
        self.assertEqual(seen(stream.rest()), [("perdure.closed", 4404)])

    def test_of_revisions_drop_the_oldest_past_the_bound(self):
        notebook = self.make("/notebooks", {"title": "n"})["id"]
        page = f"/notebooks/{notebook}/pages/" + \
            self.make(f"/notebooks/{notebook}/pages", {"title": "p"})["id"]
        for content in range(200):
            self.user.patch(page, {"content": str(content)})
        oldest = self.user.get(page + "/revisions", query={"limit": "500"}).json["items"][-1]
        stream = self.stream(page + "/revisions")
        stream.next()
        self.user.patch(page, {"content": "one more"})
        events = stream.take(2)
        self.assertEqual(sorted(name for _, name, _ in events), ["enter", "leave"])
        gone, = (data for _, name, data in events if name == "leave")
        self.assertEqual(gone, {"seq": oldest["seq"]})
        # The turn has one place, which its last event names.
        self.assertEqual([bool(place) for place, _, _ in events], [False, True])

    def test_of_runs_tell_how_each_attempt_goes(self):
        job = self.make("/jobs", {"type": "echo", "delay_ms": 300})["id"]
        stream = self.stream(f"/jobs/{job}/runs")
        events = [(name, data.get("outcome")) for _, name, data in stream.take(3)]
        self.assertEqual(events, [("page", None), ("enter", "running"), ("change", "succeeded")])

    def test_of_others_are_refused_as_their_pages_are(self):
        conversation = self.make("/conversations", {})["id"]
        other = user_client(self.shared, self.client)
        for query, status in (({}, 404), ({"cursor": "x"}, 422), ({"after": "-1"}, 422)):
            answer = other.get(f"/conversations/{conversation}/messages", headers=LIVE,
                               query=query)
            self.assertEqual(answer.status, status, answer)


class Letters(LiveCase):
    def test_tell_what_is_given_up_and_taken_off(self):
        stream = self.stream("/dead-letters", self.client)
        self.assertEqual(stream.next()[1], "page")
        name = new_id()
        self.make("/durable-objects", {"kind": "counter", "id": name}, self.client)
        self.make(f"/durable-objects/counter/{name}/alarms",
                  {"name": "never", "command": "add", "payload": {"by": "one"}, "after_ms": 1,
                   "retry": {"attempts": 1}}, self.client)
        _, event, letter = stream.next()
        self.assertEqual((event, letter["from"]), ("enter", f"counter:{name}"))
        self.assertEqual(letter, self.client.get(f"/dead-letters/{letter['id']}").json)
        self.client.delete(f"/dead-letters/{letter['id']}")
        self.assertEqual(stream.next()[1:], ("leave", {"id": letter["id"]}))


class Objects(LiveCase):
    def test_of_a_kind_are_told_to_operators(self):
        stream = self.stream("/durable-objects", self.client, kind="goal")
        self.assertEqual(stream.next()[1], "page")
        goal = self.make("/goals", {"title": "g"})["id"]
        _, event, view = stream.next()
        self.assertEqual((event, view["id"], view["state"]["title"]), ("enter", goal, "g"))
        self.user.delete(f"/goals/{goal}")
        self.assertEqual(seen([stream.next()]), [("leave", goal)])

    def test_of_many_kinds_or_of_silent_ones_are_refused(self):
        for query, field, rule in (({}, "kind", "required"),
                                   ({"kind": "document"}, "kind", "unsupported"),
                                   ({"kind": "goal", "status": "active"}, "status", "combination")):
            answer = self.client.get("/durable-objects", query=query, headers=LIVE)
            error, = self.assert_problem(answer, 422, "validation_failed")["errors"]
            self.assertEqual((error["pointer"], error["code"]), (field, rule))


class Roles(LiveCase):
    def setUp(self):
        super().setUp()
        self.me = self.user.get("/users/me").json["id"]

    def set_role(self, role):
        changed = self.client.patch(f"/users/{self.me}", {"role": role})
        self.assertEqual(changed.status, 200, changed)

    def hears(self, stream, topic, make):
        """Whether what is made again and again comes, before the reader's own does."""
        made = set()

        def has_come():
            made.add(make())
            mine = self.make("/goals", {"title": "mine"})["id"]
            while (data := stream.next()[2]["data"])["id"] != mine:
                if data["id"] in made:
                    return True
            return False
        wait_until(has_come, what=topic)

    def test_of_a_user_who_is_promoted_open_its_streams_to_all(self):
        stream = Stream(self.shared, self.user.key, topics="goal.*")
        self.addCleanup(stream.close)
        mine = self.make("/goals", {"title": "mine"})["id"]
        self.assertEqual(stream.next()[2]["data"]["id"], mine)
        other = user_client(self.shared, self.client)
        self.set_role("admin")
        self.hears(stream, "goals of others", lambda: self.make("/goals", {"title": "g"},
                                                                other)["id"])

    def test_of_an_administrator_who_is_one_no_more_end_its_lists_of_all(self):
        self.set_role("admin")
        stream = self.stream("/jobs")
        self.assertEqual(stream.next()[1], "page")
        self.set_role("user")
        self.assertEqual(seen(stream.rest())[-1], ("perdure.closed", 4403))


class Deliveries(WebhookTest):
    def test_tell_what_was_sent_and_what_became_of_it(self):
        receiver = self.receiver(lambda number: 204 if number > 1 else 500)
        hook = self.webhook(receiver.url)
        path = f"/webhooks/{hook['id']}/deliveries"
        streams = [Stream(self.running, self.client.key, LIVE, path, **query)
                   for query in ({}, {"status": "succeeded"}, {"status": "sending"})]
        for stream in streams:
            self.addCleanup(stream.close)
            self.assertEqual(stream.next()[1:], ("page", {"items": [], "next_cursor": None}))
        self.notebook()
        delivery, = self.wait_for_status(hook, "succeeded")
        for stream, names in zip(streams, (("enter", "change"), ("enter",), ("enter", "leave"))):
            events = stream.take(len(names))
            self.assertEqual(tuple(name for _, name, _ in events), names)
            self.assertEqual({data["id"] for _, _, data in events}, {delivery["id"]})
        self.assertEqual(self.deliveries(hook), [delivery])
        self.client.delete(f"/webhooks/{hook['id']}")
        self.assertEqual(seen(streams[0].rest()), [("perdure.closed", 4404)])


if __name__ == "__main__":
    unittest.main()
