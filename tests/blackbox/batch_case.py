# SPDX-License-Identifier: Apache-2.0
"""What tests of POST /batch share."""

from harness import SharedServerTest, new_id
from users import user_client

BIG_BYTES = 250_000  # an object's root state has at most 256 KiB
BIG_ANSWERS = (4 << 20) // BIG_BYTES  # that find room in the answer of a batch


def post(path, body=None, **members):
    return {"method": "POST", "path": path, "body": body, **members}


def patch(path, body, **members):
    return {"method": "PATCH", "path": path, "body": body, **members}


def delete(path, **members):
    return {"method": "DELETE", "path": path, **members}


def get(path):
    return {"method": "GET", "path": path}


class BatchCase(SharedServerTest):
    def setUp(self):
        super().setUp()
        self.user = user_client(self.shared, self.client)
        self.addCleanup(self.user.close)

    def batch(self, *requests, atomic=True, client=None, **options):
        return (client or self.user).post("/batch", {"atomic": atomic, "requests": requests},
                                          **options)

    def items(self, *requests, **options):
        reply = self.batch(*requests, **options)
        self.assertEqual(reply.status, 200, reply)
        return reply.json["items"]

    def refused(self, *requests, number, rule=None, at=None, status=422,
                code="validation_failed", **options):
        """An atomic batch is refused for one of its requests, and says which."""
        before = self.count()
        problem = self.assert_problem(self.batch(*requests, **options), status, code)
        found = [(one["pointer"], one["code"]) for one in problem["errors"]]
        self.assertIn((f"/requests/{number}", code), found)
        if rule:
            self.assertIn((f"/requests/{number}" + (at or ""), rule), found)
        self.assertEqual(self.count(), before)
        return problem

    def count(self):
        """How many goals, tasks and notebooks the user has."""
        return [self.user.get(f"/{path}?count=true").json["total"]
                for path in ("goals", "tasks", "notebooks")]

    def made(self, path="/goals", client=None, **members):
        reply = (client or self.user).post(path, {"title": "made", **members})
        self.assertEqual(reply.status, 201, reply)
        return reply.json

    def big_document(self, state=None):
        """The id of a new document of nearly the size that one may have."""
        name = new_id()
        big = {"text": "x" * BIG_BYTES}
        made = self.client.post("/durable-objects", {"kind": "document", "id": name,
                                                     "state": state or big})
        self.assertEqual(made.status, 201, made)
        return name
