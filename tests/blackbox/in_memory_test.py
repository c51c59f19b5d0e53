# SPDX-License-Identifier: Apache-2.0
"""The real server with all its data in memory."""

import os
import unittest

from harness import BlackBoxTest, run, wait_until


class InMemory(BlackBoxTest):
    def server_in_memory(self, *arguments):
        return self.server("--in-memory", *arguments)

    def add(self, client, name, **options):
        return client.command("counter", name, "add", {"by": 1}, **options)

    def test_serves_as_ever_and_leaves_nothing_behind(self):
        server = self.server_in_memory().start()
        client = server.client()
        created = client.post("/api/v1/notebooks", {"title": "in memory"})
        self.assertEqual(created.status, 201, created)
        notebook = created.json["id"]
        self.assertEqual(client.get(f"/api/v1/notebooks/{notebook}").json["title"], "in memory")
        self.assertEqual(client.get("/api/v1/notebooks").json["items"][0]["id"], notebook)
        key = {"Idempotency-Key": "one"}
        self.assertEqual(self.add(client, "c", headers=key).json, 1)
        self.assertEqual(self.add(client, "c", headers=key).json, 1)
        tag = client.get("/api/v1/durable-objects/counter/c").headers["ETag"]
        self.assertFalse(os.path.exists(server.data_dir))

        self.assertEqual(server.stop(), 0)
        server.start()
        client = server.client()
        self.assertEqual(client.get(f"/api/v1/notebooks/{notebook}").status, 404)
        self.assertEqual(self.add(client, "c", headers=key).json, 1)
        reply = client.get("/api/v1/durable-objects/counter/c")
        self.assertNotEqual(reply.headers["ETag"], tag, "seq 1 of another history")
        self.assertFalse(os.path.exists(server.data_dir))

    def test_says_that_nothing_survives(self):
        server = self.server_in_memory().start()
        self.assertIn("nothing of it survives the end of this process", server.logs())
        client = server.client("")
        self.assertIn("in_memory", client.get("/info").json["features"])
        checks = client.get("/health").json["checks"]
        self.assertIn("storage.memory", checks["disk"]["detail"])
        self.assertEqual(client.get("/health/ready").status, 200)

    def test_needs_no_directory_of_its_own(self):
        first = self.server_in_memory().start()
        second = self.server_in_memory().start()
        self.add(first.client(), "c")
        self.assertEqual(self.add(second.client(), "c").json, 1)

    def test_has_nothing_to_check_or_to_dump(self):
        for command in ("check", "dump"):
            done = run(command, "--data-dir", self.path("data"),
                       env={"PERDURE_IN_MEMORY": "true"})
            self.assertEqual(done.returncode, 2, done)
            self.assertIn("in_memory", done.stderr)

    def test_full_refuses_what_does_not_fit_and_goes_on_when_there_is_room(self):
        server = self.server_in_memory("--storage-memory", "1MiB", "--events-max", "1000",
                                       "--objects-purge-after", "0s").start()
        client = server.client()
        refused = None
        for number in range(3000):
            reply = self.add(client, f"c{number}")
            if reply.status != 200:
                refused = reply
                break
        self.assertIsNotNone(refused, "it has no bound")
        problem = self.assert_problem(refused, 503)
        self.assertIn("storage.memory", problem["detail"])
        self.assertIn("Retry-After", refused.headers)
        self.assertEqual(client.get("/api/v1/durable-objects/counter/c0").status, 200)
        disk = server.client("").get("/health").json["checks"]["disk"]
        self.assertEqual(disk["status"], "degraded", disk)
        self.assertEqual(client.get("/health/ready").status, 200, "what fits is taken")

        for number in range(30):
            path = f"/api/v1/durable-objects/counter/c{number}"
            self.assertEqual(client.delete(path).status, 204)
        wait_until(lambda: self.add(client, "after").status == 200, what="room")


if __name__ == "__main__":
    unittest.main()
