# SPDX-License-Identifier: Apache-2.0
"""Pages are bounded in bytes, and long answers are made no faster than they are read.

Which lists there are is taken from /openapi.json: a list that is added later is walked here, or
the test fails until it is.
"""

import hashlib
import json
import re
import socket
import unittest

from harness import BlackBoxTest, SharedServerTest, is_sanitized, memory_peak_kib, wait_until

PAGE_BYTES_MAX = 1 << 20
API = "/api/v1"
LARGE = "x" * 240_000  # a state has 256 KiB at most
TEXT = "\u00e4" * 100_000  # two bytes each: a message has as many characters at most


def name_of(item):
    """What an item is called among those of its list; times of use, say, go on meanwhile."""
    for member in ("object_id", "id", "key", "seq", "position", "name"):
        if member in item:
            return item[member]
    return json.dumps(item, sort_keys=True)


class EveryList(SharedServerTest):
    """Each list of the API with items that are as large as they may be."""

    arguments = ("--http-client-allow-networks", "127.0.0.0/8")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        client = cls.shared.client()
        try:
            cls.values = cls.fill(client)
            cls.lists = cls.find_lists(client)
        except BaseException:
            cls.tearDownClass()
            raise
        finally:
            client.close()

    @staticmethod
    def made(reply):
        if reply.status not in (200, 201, 202):
            raise AssertionError(reply)
        return reply.json

    @classmethod
    def fill(cls, client):
        """More than a page of large items for each list that can have them; gives what the paths
        and queries of the lists are filled in with."""
        made = cls.made
        create = lambda path, body: made(client.post(API + path, body))
        for number in range(6):
            create("/durable-objects", {"kind": "document", "id": f"large-{number}",
                                        "state": {"text": LARGE}})
        metadata = {"large": "m" * 16_000}
        notebook = create("/notebooks", {"title": "first"})["id"]
        for number in range(36):
            create("/notebooks", {"title": f"n{number}", "metadata": metadata,
                                  "description": TEXT[:10_000]})
        page = None
        for number in range(8):
            page = create(f"/notebooks/{notebook}/pages",
                          {"title": f"p{number}", "content": TEXT})["id"]
            create(f"/notebooks/{notebook}/sections",
                   {"title": f"s{number}", "metadata": metadata})
        for number in range(6):
            made(client.patch(f"{API}/notebooks/{notebook}/pages/{page}",
                              {"content": TEXT + str(number)}))
        conversation = create("/conversations", {"title": "c", "metadata": metadata})["id"]
        for number in range(8):
            create("/conversations", {"title": f"c{number}", "metadata": metadata})
            create(f"/conversations/{conversation}/messages",
                   {"role": "user", "content": TEXT[1:] + str(number % 10)})
        for number in range(70):
            create("/users", {"email": f"u{number}@example.org", "metadata": metadata})
        for number in range(24):
            create("/api-keys", {"name": f"k{number}"})
            create("/webhooks", {"url": "http://127.0.0.1:9/", "topics": ["never.happens"]})
        webhook = create("/webhooks", {"url": "http://127.0.0.1:9/", "topics": ["x.y"]})["id"]
        for _ in range(3):
            create(f"/webhooks/{webhook}/test", None)
        job = None
        for _ in range(40):
            job = create("/jobs", {"type": "echo", "payload": {"text": "j" * 50_000}})["id"]
        cls.fill_object(client)
        return {"kind": "document", "id": "busy", "notebook_id": notebook, "page_id": page,
                "notebooks": notebook, "conversations": conversation, "webhooks": webhook,
                "jobs": job, "name": "alarm-00"}

    @classmethod
    def fill_object(cls, client):
        busy = API + "/durable-objects/document/busy"
        cls.made(client.post(API + "/durable-objects",
                             {"kind": "document", "id": "busy", "state": {"text": LARGE}}))
        for number in range(6):
            cls.made(client.patch(busy, {"n": number}))
            cls.made(client.post(busy + "/snapshots", {"name": "s" * 200}))
        for number in range(90):
            cls.made(client.post(busy + "/alarms", {
                "name": f"alarm-{number:02}", "command": "patch", "after_ms": 10**9,
                "payload": {"p": "p" * 16_000}}))

    @classmethod
    def find_lists(cls, client):
        """Paths of all operations whose answer has a next_cursor, with their parameters."""
        document = cls.made(client.get("/openapi.json"))
        schemas = document["components"]["schemas"]

        def has_cursor(operation):
            content = operation["responses"].get("200", {}).get("content", {})
            schema = content.get("application/json", {}).get("schema", {})
            name = schema.get("$ref", "").rpartition("/")[2]
            schema = schemas.get(name, schema)
            return "next_cursor" in json.dumps(schema.get("properties", {}))

        return {path: [p.get("name") for p in item["get"].get("parameters", [])]
                for path, item in document["paths"].items()
                if "get" in item and has_cursor(item["get"])}

    def filled_in(self, path):
        def value(match):
            before = path[:match.start()].rstrip("/").rpartition("/")[2]
            name = match.group(1)
            return self.values[before if name == "id" and before in self.values else name]
        return re.sub(r"\{(\w+)\}", value, path)

    def walk(self, path, query):
        """The items of all pages, and how many pages there were."""
        items, pages, cursor = [], 0, None
        while True:
            reply = self.client.get(path, query={**query, **({"cursor": cursor} if cursor else {})})
            self.assertEqual(reply.status, 200, (path, reply))
            page = reply.json
            if len(page["items"]) > 1:
                self.assertLessEqual(len(reply.body), PAGE_BYTES_MAX, path)
            items += page["items"]
            pages += 1
            cursor = page["next_cursor"]
            self.assertEqual(cursor is not None, "Link" in reply.headers)
            if cursor is None:
                return items, pages
            self.assertLess(pages, 2_000, path)

    def test_gives_at_most_a_mebibyte_a_page_and_each_item_once(self):
        self.assertGreaterEqual(len(self.lists), 18, self.lists)
        for path, parameters in self.lists.items():
            with self.subTest(path):
                url = self.filled_in(path)
                limits = [{"limit": limit} for limit in (500, 3)] if "limit" in parameters else [{}]
                walks = [self.walk(url, query) for query in limits]
                names = [[name_of(item) for item in items] for items, _ in walks]
                self.assertEqual(len(names[0]), len(set(names[0])), "an item came twice")
                for others in names[1:]:
                    self.assertEqual(others, names[0])

    def test_of_large_items_have_more_pages_than_one(self):
        busy = "/durable-objects/document/busy"
        notebook = "/notebooks/" + self.values["notebooks"]
        conversation = "/conversations/" + self.values["conversations"]
        for path, count in (
                ("/durable-objects", None), (busy + "/journal", None), (busy + "/alarms", 90),
                ("/notebooks", 37), ("/users", None), ("/jobs", 40), (notebook + "/pages", 8),
                (f"{notebook}/pages/{self.values['page_id']}/revisions", 6),
                (conversation + "/messages", 8)):
            with self.subTest(path):
                items, pages = self.walk(API + path, {"limit": 500})
                self.assertGreater(pages, 1)
                if count is not None:
                    self.assertEqual(len(items), count)

    def test_of_several_filters_goes_on_where_it_stopped(self):
        items, pages = self.walk(API + "/jobs", {"limit": 7, "type": "echo", "queue": "default"})
        self.assertEqual(len({item["id"] for item in items}), 40)
        self.assertGreaterEqual(pages, 6)
        items, _ = self.walk(API + "/jobs", {"type": "sleep", "queue": "default"})
        self.assertEqual(items, [])

    def test_of_a_larger_item_gives_it_alone(self):
        # A value of the largest size: with its escapes its text is twice the page.
        target = API + "/durable-objects/document/copied"
        value = json.dumps({"text": "\n" * 500_000})
        lines = [json.dumps({"format": "perdure-object", "version": 1, "kind": "document",
                             "id": "copied", "schema_version": 1, "state": {}})]
        lines += [json.dumps({"key": f"e{number}", "value": value}) for number in range(3)]
        text = "".join(line + "\n" for line in lines).encode()
        text += json.dumps({"entries": 3, "sha256": hashlib.sha256(text).hexdigest()}).encode()
        reply = self.client.call("POST", API + "/durable-objects/import", raw=text + b"\n",
                                 headers={"Content-Type": "application/x-ndjson"})
        self.assertEqual(reply.status, 201, reply)
        items, pages = self.walk(target + "/entries", {"limit": 500})
        self.assertEqual([item["key"] for item in items], ["e0", "e1", "e2"])
        self.assertGreaterEqual(pages, 3)


class LongAnswers(BlackBoxTest):
    """Exports of tens of MiB."""

    ENTRIES = 24
    VALUE = "v" * (1 << 20)

    def setUp(self):
        super().setUp()
        self.started = self.server("--storage-cache", "8MiB", "--storage-write-buffer", "8MiB",
                                   "--limits-slow-requests-per-owner", "12")
        self.started.start()
        self.client = self.started.client()
        lines = [json.dumps({"format": "perdure-object", "version": 1, "kind": "document",
                             "id": "large", "schema_version": 1, "state": {}})]
        lines += [json.dumps({"key": f"e{number:03}", "value": self.VALUE[:-100]})
                  for number in range(self.ENTRIES)]
        text = "".join(line + "\n" for line in lines).encode()
        text += json.dumps({"entries": self.ENTRIES,
                            "sha256": hashlib.sha256(text).hexdigest()}).encode() + b"\n"
        self.assertEqual(self.client.call(
            "POST", API + "/durable-objects/import", raw=text,
            headers={"Content-Type": "application/x-ndjson"}).status, 201)
        self.client.close()
        # A new process: what making the object took is none of its memory.
        self.started.stop()
        self.started.restart()
        self.client = self.started.client()
        self.path = API + "/durable-objects/document/large/export"

    def open_slowly(self):
        """Asks for the export and reads none of it."""
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((self.started.host, self.started.port))
        connection.settimeout(30)
        self.addCleanup(connection.close)
        connection.sendall(f"GET {self.path} HTTP/1.1\r\nHost: x\r\n"
                           f"Authorization: Bearer {self.started.key}\r\n\r\n".encode())
        self.assertTrue(connection.recv(100).startswith(b"HTTP/1.1 200"))
        return connection

    def test_come_whole_and_end_with_their_digest(self):
        reply = self.client.get(self.path)
        self.assertEqual(reply.status, 200)
        before, _, last = reply.body[:-1].rpartition(b"\n")
        self.assertEqual(json.loads(last)["sha256"], hashlib.sha256(before + b"\n").hexdigest())
        self.assertEqual(json.loads(last)["entries"], self.ENTRIES)
        self.assertGreater(len(reply.body), self.ENTRIES * 1_000_000)

    def test_hold_a_bounded_piece_for_each_slow_reader(self):
        self.client.get(API + "/notebooks")
        before = memory_peak_kib(self.started.pid)
        readers = [self.open_slowly() for _ in range(10)]
        # While they wait, the same thread serves others.
        self.assertEqual(self.client.get(self.path).status, 200)
        grown = memory_peak_kib(self.started.pid) - before
        # Each has a piece and an entry; ten whole ones are 240 MiB.
        if not is_sanitized(self.started.pid):
            self.assertLess(grown, 80 * 1024)
        for reader in readers:
            reader.close()

    def test_clones_hold_no_more_than_their_owners_share_of_memory(self):
        self.started.stop()
        self.started.arguments += ["--limits-memory", "512MiB"]  # a sixteenth for an owner
        self.started.restart()
        clients = [self.started.client() for _ in range(8)]
        for number, client in enumerate(clients):
            client.send("POST", API + "/durable-objects/document/large/clone",
                        body={"id": f"copy-{number}"})
        replies = []
        for client in clients:
            response = client.connection.getresponse()
            replies.append(response.status)
            response.read()
        # Each holds 24 MiB while it is made, and they are made in turns, a slice of each.
        self.assertIn(201, replies)
        self.assertIn(429, replies)
        self.assertEqual(set(replies) - {201, 429, 503}, set())

    def test_leave_the_places_of_clients_that_went_away(self):
        readers = [self.open_slowly() for _ in range(12)]
        self.assert_problem(self.client.get(self.path), 429, "rate_limited")
        for reader in readers:
            reader.close()
        wait_until(lambda: self.client.get(self.path).status == 200, what="a free place")


class Turns(BlackBoxTest):
    def test_past_an_owners_share_the_answer_is_429_and_others_are_served(self):
        server = self.server("--limits-slow-requests-per-owner", "2")
        server.start()
        admin = server.client()
        large = json.dumps({"text": "x" * 200_000})
        self.assertEqual(admin.post(API + "/durable-objects", {
            "kind": "document", "id": "d", "state": json.loads(large)}).status, 201)
        for number in range(20):
            self.assertEqual(admin.patch(API + "/durable-objects/document/d",
                                         {"n": number}).status, 200)
        clients = [server.client() for _ in range(12)]
        seen = set()

        def flood():
            for client in clients:
                client.send("GET", API + "/durable-objects/document/d/journal?limit=500")
            for client in clients:
                response = client.connection.getresponse()
                body = response.read()
                seen.add(response.status)
                if response.status == 429:
                    self.assertEqual(json.loads(body)["code"], "rate_limited")
                    self.assertEqual(response.headers["Retry-After"], "1")
            return seen == {200, 429}

        wait_until(flood, what="an answer of each sort")


if __name__ == "__main__":
    unittest.main()
