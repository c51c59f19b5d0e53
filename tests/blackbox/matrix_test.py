#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every route × every sort of caller, from the server's own /openapi.json.

What a route must ask for follows from its path and method by the rules below, not from what the
route says of itself: a route that forgets its scope, its audience or its owner fails here.
"""

import re
import unittest

from harness import SharedServerTest, new_id
from users import user_client

# Open to everybody. All else is a 401 without a valid key.
OPEN = re.compile(r"/(health(/\w+)?|info|openapi\.json|docs|redoc|problems/\{code\})?")
# Any valid key will do: it gets no more than it has.
ANY_KEY = {"POST /auth/tickets", "POST /batch"}
# The scope is `<first segment>:read` of reads and `…:write` of all else; these have another's.
SCOPE_OF = {"dead-letters": "durable-objects", "outbox": "durable-objects"}
# The scope is `<first segment>:destroy`, which writing does not include.
DESTROYS = {"DELETE /users/me", "DELETE /users/{id}"}
# What is of many kinds needs the scope of each, too, so the route's own is not enough.
OF_MANY_KINDS = {"GET /users/me/export"}
# Administrators alone.
ADMIN_SEGMENTS = {"durable-objects", "dead-letters", "outbox", "metrics"}
ADMIN_ROUTES = {"GET /users", "POST /users", "POST /users/{id}/activate",
                "POST /users/{id}/deactivate", "POST /users/{id}/restore"}
# Done as it is asked, whatever the precondition: only refusals are tried.
ENDS_THE_CALLER = {"DELETE /users/me"}
# What fits no example of a route: nothing of the sort is there.
FAKE = {"kind": "counter", "seq": "1", "code": "not_found"}


class Route:
    def __init__(self, path, method, definition):
        self.path = path
        self.method = method.upper()
        self.name = f"{self.method} {path}"
        self.text = definition.get("description", "")
        self.says_open = definition.get("security") == []
        content = definition.get("requestBody", {}).get("content", {})
        self.media_type = next(iter(content), "application/json")
        self.example = content.get(self.media_type, {}).get("example")
        self.segment = path.split("/")[1]
        self.parameters = re.findall(r"\{(\w+)\}", path)
        self.is_read = self.method in ("GET", "HEAD")
        self.is_open = OPEN.fullmatch(path) is not None
        self.any_key = self.name in ANY_KEY
        self.is_admins = self.segment in ADMIN_SEGMENTS or self.name in ADMIN_ROUTES
        self.resource = SCOPE_OF.get(self.segment, self.segment)
        self.access = "read" if self.is_read else "write"
        if self.name in DESTROYS:
            self.access = "destroy"
        self.scope = f"{self.resource}:{self.access}"
        self.is_of_many_kinds = self.name in OF_MANY_KINDS

    def fake_path(self):
        return re.sub(r"\{(\w+)\}", lambda match: FAKE.get(match[1], new_id()), self.path)

    def __repr__(self):
        return self.name


def routes_of(document):
    return [Route(path, method, definition) for path, methods in document["paths"].items()
            for method, definition in methods.items()]


class Matrix(SharedServerTest):
    def setUp(self):
        super().setUp()
        self.admin = self.client
        self.routes = routes_of(self.admin.get("/openapi.json").json)
        self.user = user_client(self.shared, self.admin)
        self.other = user_client(self.shared, self.admin)
        self.keys = {}

    def with_access(self, maker, route, access):
        """A client of the maker's whose key may read, or write, what the route is about."""
        if route.is_open or route.any_key:
            return self.with_scope(maker, "notebooks:read")
        writes = any(not other.is_read for other in self.routes
                     if other.resource == route.resource)
        return self.with_scope(maker, f"{route.resource}:{access if writes else 'read'}")

    def with_scope(self, maker, scope):
        """A client of the maker's with a key that has one scope."""
        if (maker, scope) not in self.keys:
            made = maker.post("/api-keys", {"name": scope, "scopes": [scope]})
            self.assertEqual(made.status, 201, made)
            self.keys[maker, scope] = self.shared.client(made.json["secret"])
        return self.keys[maker, scope]

    def status(self, client, route, path=None):
        """Asks in a way that changes nothing: nobody has the tag, and nothing has the body."""
        fields = {"Accept": "*/*"} if route.is_read else {"If-Match": '"999999999"'}
        body = None if route.is_read or route.method == "DELETE" else {}
        return client.call(route.method, path or route.fake_path(), body=body,
                           headers=fields).status

    def check(self, expected, client, who):
        wrong = []
        for route in self.routes:
            wanted = expected(route)
            if wanted is None:
                continue
            if route.name in ENDS_THE_CALLER and not isinstance(wanted, int):
                continue
            status = self.status(client(route) if callable(client) else client, route)
            if (status != wanted) if isinstance(wanted, int) else (status in wanted):
                wrong.append(f"{route} for {who}: {status}")
        self.assertEqual(wrong, [])

    def test_routes_say_what_they_ask_for(self):
        wrong = []
        for route in self.routes:
            said = re.search(r"Needs the scope `(\S+)`(, and an administrator)?", route.text)
            if route.says_open != route.is_open:
                wrong.append(f"{route} is open, or says so, and should not")
            if route.is_open or route.any_key:
                continue
            if not said or said[1] != route.scope or bool(said[2]) != route.is_admins:
                wrong.append(f"{route}: says {said and said[0]!r}, and is to ask for {route.scope}")
        self.assertEqual(wrong, [])
        self.assertGreater(len(self.routes), 60)

    def test_nobody_is_let_in_without_a_key(self):
        def expected(route):
            return {401, 403} if route.is_open else 401
        self.check(expected, self.shared.client(key=""), "nobody")
        self.check(expected, self.shared.client(key="pdk_" + "x" * 40), "a key that is none")

    def test_a_key_with_another_scope_opens_nothing(self):
        def expected(route):
            return {401, 403} if route.is_open or route.any_key else 403

        def client(maker):
            return lambda route: self.with_scope(
                maker, "jobs:write" if route.resource != "jobs" else "notebooks:write")
        self.check(expected, client(self.admin), "an administrator with another scope")
        self.check(expected, client(self.user), "a user with another scope")

    def test_reading_is_not_writing(self):
        def expected(route):
            if route.is_of_many_kinds or not (route.is_open or route.any_key or route.is_read):
                return 403
            return {401, 403}
        self.check(expected, lambda route: self.with_access(self.admin, route, "read"),
                   "an administrator who may read")

    def test_writing_includes_reading_and_does_not_destroy(self):
        def of_admin(route):
            return 403 if route.name in DESTROYS | OF_MANY_KINDS else {401, 403}

        def of_user(route):
            return 403 if route.is_admins else of_admin(route)
        self.check(of_admin, lambda route: self.with_access(self.admin, route, "write"),
                   "an administrator who may write")
        self.check(of_user, lambda route: self.with_access(self.user, route, "write"),
                   "a user who may write")

    def test_destroying_opens_nothing_else(self):
        def expected(route):
            if route.resource != "users":
                return None
            return {401, 403} if route.name in DESTROYS else 403
        self.check(expected, self.with_scope(self.admin, "users:destroy"),
                   "an administrator who may destroy")

    def test_every_scope_opens_every_route_to_whom_it_is_for(self):
        self.check(lambda _: {401, 403}, self.admin, "an administrator")
        self.check(lambda route: 403 if route.is_admins else {401, 403}, self.user, "a user")

    # ---- somebody else's

    def made_by_user(self):
        """An object or item of the user's for each collection, by the example of its create."""
        paths = {route.path for route in self.routes}
        made = {"/users/{id}": "/users/" + self.user.get("/users/me").json["id"]}
        for route in sorted(self.routes, key=lambda route: len(route.parameters)):
            item = next((path for path in paths
                         if re.fullmatch(re.escape(route.path) + r"/\{\w+\}", path)), None)
            if route.method != "POST" or item is None or route.is_admins or not route.example:
                continue
            parent = route.path.rsplit("/", 1)[0]
            path = route.path
            if route.parameters:
                if parent not in made:
                    continue
                path = made[parent] + route.path[len(parent):]
            reply = self.user.post(path, {**route.example, **self.readable(route.example)})
            if reply.status in (200, 201, 202):
                made[item] = f"{path}/{reply.json['id']}"
        return made

    @staticmethod
    def readable(example):
        """Members that name what is not there are left empty."""
        return {name: None for name in example if name.endswith("_id") and name != "device_id"
                and name != "client_id"}

    def test_what_is_somebody_elses_does_not_exist(self):
        made = self.made_by_user()
        for needed in ("/notebooks/{id}", "/conversations/{id}", "/webhooks/{id}", "/jobs/{id}",
                       "/api-keys/{id}"):
            self.assertIn(needed, made)
        before = {path: self.user.get(path).json for path in made.values()}
        wrong = []
        for route in self.routes:
            if route.is_open or route.is_admins or not route.parameters:
                continue
            prefix = next((item for item in sorted(made, key=len, reverse=True)
                           if route.path == item or route.path.startswith(item + "/")), None)
            if prefix is None:
                wrong.append(f"{route}: nothing could be made to ask for")
                continue
            rest = route.path[len(prefix):]
            path = made[prefix] + re.sub(r"\{(\w+)\}", lambda _: new_id(), rest)
            body = None if route.is_read or route.method == "DELETE" else route.example or {}
            for client, who in ((self.other, "another user"),
                                (self.with_scope(self.other, route.scope), "another user's key")):
                reply = client.call(route.method, path, body=body)
                if reply.status != 404:
                    wrong.append(f"{route} for {who}: {reply}")
        self.assertEqual(wrong, [])
        for path, body in before.items():
            now = self.user.get(path)
            self.assertEqual(now.status, 200, (path, now))
            for name in ("updated_at", "deleted_at", "revoked_at", "cancel_requested_at"):
                self.assertEqual(now.json.get(name), body.get(name), path)


if __name__ == "__main__":
    unittest.main()
