#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The server keeps the word of its own /openapi.json.

Every operation is called well and in many wrong ways, all derived from the document: a new route
is covered by being in it. Whatever is sent, the status is a documented one, a failure is a problem,
a success has the documented form, and nothing is a 5xx.
"""

import json
import re
import unittest
from urllib.parse import quote

import jsonschema

from harness import SharedServerTest, new_id, wait_until

JUNK_VALUES = [None, True, -1, 0, 1.5, 10**30, 1e308, "", "x", "x" * 5000, "\u0000",
               "\ud83d\ude00", [], {}, [[[]]], ["", None], {"a": {"b": []}}, "2026-13-45", "../..",
               "$get"]
JUNK_BODIES = [b"", b"{", b"nul", b"[]", b"null", b"5", b'"text"', b"\xff\xfe", b'{"a":1,"a":2}',
               b"[" * 3000, b'{"a":1e999}', b'{"a":"\\ud800"}', b"{} {}", b"\x00"]
JUNK_TEXTS = ["", "-1", "0", "1e3", "99999999999999999999999", "true", "null", "%00", "%FF",
              "%2e%2e", "x" * 300, "a,b", "*", "'\"", "~", "%F0%9F%98%80", "2026-01-01T00:00:00Z"]
JUNK_FIELDS = [{"Accept": "image/png"}, {"Accept": "application/*;q=0"}, {"If-Match": "12"},
               {"If-Match": '"12'}, {"If-Match": '"1", W/"2"'}, {"If-None-Match": ","},
               {"If-None-Match": "*"}, {"Content-Type": "text/csv"},
               {"Content-Type": "application/json; charset=latin1"}, {"Idempotency-Key": ""},
               {"Idempotency-Key": "k" * 300}, {"traceparent": "00-zz"},
               {"X-Request-ID": "x" * 500}]
# Calling these well ends the caller, or what others call.
ENDS_THE_CALLER = {"deleteMe", "retryDeadLetter"}
# What an example alone cannot do: these need something deleted, a kind's own command.
NEEDS_MORE = ("restore", "requestObject")


class Operation:
    def __init__(self, document, path, method, definition):
        self.document = document
        self.path = path
        self.method = method.upper()
        self.name = definition["operationId"]
        self.responses = definition["responses"]
        self.query = [p for p in definition.get("parameters", []) if p.get("in") == "query"]
        content = definition.get("requestBody", {}).get("content", {})
        self.has_body = bool(content)
        self.media_type = next(iter(content), "application/json")
        self.body_schema = content.get(self.media_type, {}).get("schema", {})
        self.example = content.get(self.media_type, {}).get("example")

    def resolve(self, schema):
        while "$ref" in schema:
            schema = self.document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        return schema

    def success_schema(self, status):
        content = self.responses[str(status)].get("content", {})
        return content.get("application/json", {}).get("schema")

    def good_value(self, schema):
        """Some value that fits a simple schema."""
        schema = self.resolve(schema)
        for keyword in ("const", "default"):
            if keyword in schema:
                return schema[keyword]
        if "enum" in schema:
            return schema["enum"][0]
        kind = schema.get("type", "object")
        kind = kind[0] if isinstance(kind, list) else kind
        if kind == "object":
            return {name: self.good_value(schema["properties"][name])
                    for name in schema.get("required", []) if name in schema.get("properties", {})}
        return {"string": self.good_text(schema), "integer": schema.get("minimum", 1),
                "number": 1, "boolean": True, "array": [], "null": None}[kind]

    @staticmethod
    def good_text(schema):
        if schema.get("format") == "email":
            return f"{new_id()}@example.org"
        return {"date-time": "2999-01-01T00:00:00Z", "uuid": new_id()}.get(
            schema.get("format"), "counter")

    def good_body(self):
        if not self.has_body:
            return None
        if self.media_type != "application/json":
            return self.example.encode()
        if self.example is not None:
            body = dict(self.example)
            if "email" in body:
                body["email"] = f"{new_id()}@example.org"
            for name in ("id", "as_of"):
                body.pop(name, None)
            return body
        schema = self.resolve(self.body_schema)
        body = self.good_value(schema)
        for choice in [*schema.get("oneOf", [])[:1], *schema.get("anyOf", [])[-1:]]:
            for name in choice.get("required", []):
                body.setdefault(name, self.good_value(schema["properties"][name]))
        return body


class OpenapiTest(SharedServerTest):
    def setUp(self):
        super().setUp()
        self.document = self.client.get("/openapi.json").json
        self.operations = [Operation(self.document, path, method, definition)
                           for path, methods in self.document["paths"].items()
                           for method, definition in methods.items()]
        # What deletes comes last, the innermost first, so that all find what they call.
        self.operations.sort(key=lambda one: (one.method == "DELETE", -one.path.count("/")))

    def create(self, path, body):
        made = self.client.post(path, body)
        self.assertEqual(made.status, 201, made)
        return made.json["id"]

    def dead_letter(self):
        """The id of one more: of an alarm whose command refuses what it is given."""
        before = {one["id"] for one in self.client.get("/dead-letters").json["items"]}
        alarm = {"name": new_id(), "command": "add", "payload": {"by": "x"}, "after_ms": 0,
                 "retry": {"attempts": 1}}
        counter = f"/durable-objects/counter/{new_id()}"
        made = self.client.post(f"{counter}/request", {"command": "add", "payload": {"by": 1}})
        self.assertEqual(made.status, 200, made)
        set_ = self.client.post(f"{counter}/alarms", alarm)
        self.assertEqual(set_.status, 201, set_)

        def added():
            now = {one["id"] for one in self.client.get("/dead-letters").json["items"]}
            return now - before
        wait_until(added)
        return added().pop()

    def make_things(self):
        """One of everything that paths name, as {path up to the parameter: its value}."""
        notebook = self.create("/notebooks", {"title": "n"})
        conversation = self.create("/conversations", {"title": "c"})
        document = self.create("/durable-objects", {"kind": "document", "state": {"a": 1}})
        snapshot = self.client.post(f"/durable-objects/document/{document}/snapshots",
                                    {"name": "s"})
        self.assertEqual(snapshot.status, 201, snapshot)
        alarm = self.client.post(f"/durable-objects/document/{document}/alarms",
                                 {"name": "a", "command": "patch", "after_ms": 60_000_000})
        self.assertEqual(alarm.status, 201, alarm)
        letter = self.dead_letter()
        # An address that the server refuses to call, so that its deliveries wait.
        webhook = self.create("/webhooks", {"url": "http://localhost:9/", "topics": ["none"]})
        delivery = self.client.post(f"/webhooks/{webhook}/test").json["id"]
        wait_until(lambda: self.client.get(f"/webhooks/{webhook}/deliveries/{delivery}")
                   .json["status"] == "pending")
        user = self.create("/users", {"email": f"{new_id()}@example.org"})
        job = self.create("/jobs", {"type": "echo", "delay_ms": 60_000_000})
        # So that it can be removed, and its stream ends.
        self.assertEqual(self.client.post(f"/jobs/{job}/cancel").status, 200)
        things = {
            "/notebooks/": notebook,
            "/notebooks/{id}/sections/": self.create(f"/notebooks/{notebook}/sections",
                                                     {"title": "s"}),
            "/notebooks/{id}/pages/": self.create(f"/notebooks/{notebook}/pages", {"title": "p"}),
            "/conversations/": conversation,
            "/conversations/{id}/messages/": self.create(f"/conversations/{conversation}/messages",
                                                         {"content": "hi"}),
            "/users/": user,
            "/api-keys/": self.create("/api-keys", {"name": "k"}),
            "/durable-objects/": "document",
            "/durable-objects/{kind}/": document,
            "/durable-objects/{kind}/{id}/snapshots/": "1",
            "/durable-objects/{kind}/{id}/alarms/": "a",
            "/dead-letters/": letter,
            "/jobs/": job,
            "/webhooks/": webhook,
            "/webhooks/{id}/deliveries/": delivery,
            "/problems/": "not_found",
        }
        # Nouns without anything of their own are made as their examples say.
        for operation in self.operations:
            place = operation.path + "/"
            if operation.method == "POST" and place + "{id}/restore" in self.document["paths"]:
                if place not in things:
                    things[place] = self.create(operation.path, operation.good_body())
        return things

    def path_of(self, operation, things):
        """The operation's path with things that exist; a parameter without one gets a new id."""
        path = operation.path
        for match in re.finditer(r"\{\w+\}", operation.path):
            value = things.get(operation.path[:match.start()], new_id())
            path = path.replace(match.group(), quote(value, safe=""), 1)
        return path

    def send(self, operation, path, body=None, headers=None):
        fields = {"Content-Type": operation.media_type} if body is not None else {}
        fields.update(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        reply = self.client.call(operation.method, path, raw=body, headers=fields)
        self.check(operation, reply, f"{operation.method} {path[:200]} {fields} {body!r:.300}")
        return reply

    def check(self, operation, reply, what):
        self.assertLess(reply.status, 500, (what, reply))
        if reply.status == 304:
            return
        self.assertIn(str(reply.status), operation.responses, (what, reply))
        if reply.status >= 400:
            self.assert_problem(reply, reply.status)
            self.validate(self.document["components"]["schemas"]["Problem"], reply, what)
        elif reply.status == 204:
            self.assertEqual(reply.body, b"", what)
        elif schema := operation.success_schema(reply.status):
            self.validate(schema, reply, what)

    def validate(self, schema, reply, what):
        schema = {**schema, "components": self.document["components"]}
        errors = list(jsonschema.Draft202012Validator(schema).iter_errors(reply.json))
        self.assertEqual(errors, [], (what, reply))

    def test_operations_say_what_they_do_in_words_of_their_own(self):
        summaries = {}
        for operation in self.operations:
            definition = self.document["paths"][operation.path][operation.method.lower()]
            others = summaries.setdefault(definition["summary"], operation.name)
            self.assertEqual(others, operation.name, definition["summary"])

    def test_bodies_have_examples_that_fit_their_schemas(self):
        for operation in self.operations:
            if not operation.has_body:
                continue
            with self.subTest(operation.name):
                self.assertIsNotNone(operation.example)
                schema = {**operation.body_schema, "components": self.document["components"]}
                errors = list(jsonschema.Draft202012Validator(schema).iter_errors(
                    operation.example))
                self.assertEqual(errors, [])

    def test_answers_304_where_if_none_match_is_heeded(self):
        for operation in self.operations:
            definition = self.document["paths"][operation.path][operation.method.lower()]
            heeds = {"$ref": "#/components/parameters/IfNoneMatch"} in definition.get(
                "parameters", [])
            self.assertEqual("304" in operation.responses, heeds, operation.name)
            if heeds:
                self.assertIn("ETag", operation.responses["200"]["headers"])
        response = self.document["components"]["responses"]["NotModified"]
        self.assertIn("ETag", response["headers"])

    def test_answers_have_etags_where_that_is_documented(self):
        things = self.make_things()
        for operation in self.operations:
            if operation.method != "GET":
                continue
            with self.subTest(operation.name):
                reply = self.client.get(self.path_of(operation, things))
                documented = "ETag" in operation.responses["200"].get("headers", {})
                self.assertEqual(reply.headers["ETag"] is not None, documented, reply)
                if documented:
                    spared = self.client.get(self.path_of(operation, things), headers={
                        "If-None-Match": reply.headers["ETag"]})
                    self.assertEqual(spared.status, 304, spared)

    def test_schemas_say_what_generators_of_clients_want_to_know(self):
        def look_at(schema, place):
            if not isinstance(schema, dict):
                return
            kind = schema.get("type", [])
            if kind == "object" or (isinstance(kind, list) and "object" in kind):
                self.assertTrue("properties" in schema or "additionalProperties" in schema, place)
            # Some generators ask every client for a member with a default.
            self.assertNotIn("default", schema, place)
            for name, inner in schema.get("properties", {}).items():
                look_at(inner, f"{place}/{name}")
            for keyword in ("anyOf", "oneOf", "allOf"):
                for inner in schema.get(keyword, []):
                    look_at(inner, f"{place}/{keyword}")
            for keyword in ("items", "additionalProperties"):
                look_at(schema.get(keyword), f"{place}/{keyword}")

        for name, schema in self.document["components"]["schemas"].items():
            look_at(schema, name)
        for operation in self.operations:
            look_at(operation.body_schema, operation.name)

    def test_good_requests_get_what_is_documented(self):
        things = self.make_things()
        for operation in self.operations:
            if operation.name in ENDS_THE_CALLER:
                continue
            with self.subTest(operation.name):
                reply = self.send(operation, self.path_of(operation, things),
                                  operation.good_body())
                if not operation.name.startswith(NEEDS_MORE):
                    self.assertLess(reply.status, 300, reply)

    def test_created_things_are_where_location_says(self):
        things = self.make_things()
        for operation in self.operations:
            if "201" not in operation.responses or operation.media_type != "application/json":
                continue
            with self.subTest(operation.name):
                made = self.send(operation, self.path_of(operation, things), operation.good_body())
                self.assertEqual(made.status, 201, made)
                found = self.client.get(made.headers["Location"])
                self.assertEqual(found.status, 200, found)
                if "ETag" in operation.responses["201"].get("headers", {}):
                    self.assertIsNotNone(found.headers["ETag"], found)
                self.assertEqual(found.json.get("id"), made.json.get("id"))

    def test_head_is_get_without_the_body(self):
        things = self.make_things()
        for operation in self.operations:
            if operation.method != "GET":
                continue
            with self.subTest(operation.name):
                path = self.path_of(operation, things)
                got = self.client.call("GET", path)
                head = self.client.call("HEAD", path)
                self.assertEqual((head.status, head.body), (got.status, b""))
                for name in ("Content-Type", "ETag"):
                    self.assertEqual(head.headers[name], got.headers[name])

    def test_other_methods_are_refused_with_allow(self):
        things = self.make_things()
        paths = {}
        for operation in self.operations:
            paths.setdefault(self.path_of(operation, things), set()).add(operation.method)
        for path, methods in paths.items():
            for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - methods:
                with self.subTest(f"{method} {path}"):
                    reply = self.client.call(method, path)
                    self.assert_problem(reply, 405, "method_not_allowed")
                    allowed = {name.strip() for name in reply.headers["Allow"].split(",")}
                    self.assertLessEqual(methods, allowed)
                    self.assertNotIn(method, allowed)

    def test_junk_in_bodies(self):
        things = self.make_things()
        for operation in self.operations:
            if not operation.has_body or operation.name in ENDS_THE_CALLER:
                continue
            with self.subTest(operation.name):
                path = self.path_of(operation, things)
                for body in JUNK_BODIES:
                    self.send(operation, path, body)
                good = operation.good_body() or {}
                if operation.media_type == "application/json":
                    schema = operation.resolve(operation.body_schema)
                    for name in [*schema.get("properties", {}), "no_such_member", ""]:
                        if name == "email" and operation.name.endswith("Me"):
                            continue
                        for value in JUNK_VALUES:
                            self.send(operation, path, {**good, name: value})

    def test_junk_in_queries(self):
        things = self.make_things()
        for operation in self.operations:
            if operation.method == "DELETE":
                continue
            with self.subTest(operation.name):
                path = self.path_of(operation, things)
                unknown = self.send(operation, f"{path}?no_such_parameter=1", operation.good_body())
                self.assertGreaterEqual(unknown.status, 400, unknown)
                for parameter in operation.query:
                    for text in JUNK_TEXTS:
                        self.send(operation, f"{path}?{parameter['name']}={text}",
                                  operation.good_body())
                self.send(operation, f"{path}?=", operation.good_body())
                self.send(operation, f"{path}?%zz", operation.good_body())

    def test_junk_in_paths(self):
        for operation in self.operations:
            if "{" not in operation.path:
                continue
            with self.subTest(operation.name):
                for text in [*JUNK_TEXTS, new_id()]:
                    if text in ("", "%2e%2e"):
                        continue  # another path
                    path = re.sub(r"\{\w+\}", lambda _: text, operation.path)
                    body = operation.good_body()
                    self.send(operation, path, body)

    def test_junk_in_fields(self):
        things = self.make_things()
        for operation in self.operations:
            if operation.name in ENDS_THE_CALLER or operation.method == "DELETE":
                continue
            with self.subTest(operation.name):
                for fields in JUNK_FIELDS:
                    self.send(operation, self.path_of(operation, things), operation.good_body(),
                              headers=fields)


if __name__ == "__main__":
    unittest.main()
