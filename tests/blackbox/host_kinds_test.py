# SPDX-License-Identifier: Apache-2.0
"""Objects that act as the host are made by it alone, whatever an administrator's key asks for."""

import unittest

from harness import BlackBoxTest


class Host(BlackBoxTest):
    def test_makes_its_subscriptions_and_dead_letters_itself(self):
        server = self.server().start()
        client = server.client()
        states = [None, {}, [], 5, {"topics": "x"},
                  {"type": "alarm", "from": "job:1", "command": "finish", "payload": {}}]
        for kind in ("subscription", "dead_letter"):
            for state in states:
                body = {"kind": kind, "id": "forged"}
                if state is not None:
                    body["state"] = state
                made = client.post("/api/v1/durable-objects", body)
                self.assertEqual(made.status, 422, (kind, state, made))
        self.assertEqual(client.get("/api/v1/dead-letters").status, 200)
        server.kill()
        server.restart()
        self.assertEqual(server.client().get("/health").status, 200)

    def test_takes_no_state_that_a_kind_cannot_do_with(self):
        server = self.server().start()
        client = server.client()
        task = client.post("/api/v1/tasks", {"title": "x"}).json["id"]
        changed = client.patch(f"/api/v1/durable-objects/task/{task}", {"status": None})
        self.assertEqual(changed.status, 422, changed)



if __name__ == "__main__":
    unittest.main()
