# SPDX-License-Identifier: Apache-2.0
"""Alarms, transactions and dead letters through the real server, and through kill -9."""

import unittest

from harness import BlackBoxTest, wait_until

COUNTER = "/durable-objects/counter"


class Alarms(BlackBoxTest):
    def setUp(self):
        super().setUp()
        self.running = self.server()
        self.running.start()
        self.client = self.running.client()

    def value(self, counter):
        reply = self.client.post(f"{COUNTER}/{counter}/request", {"query": "value"})
        return reply.json

    def add(self, counter, by):
        reply = self.client.post(f"{COUNTER}/{counter}/request",
                                 {"command": "add", "payload": {"by": by}})
        self.assertEqual(reply.status, 200, reply)

    def set_alarm(self, counter, **alarm):
        reply = self.client.post(f"{COUNTER}/{counter}/alarms",
                                 {"command": "add", "payload": {"by": 1}, **alarm})
        self.assertEqual(reply.status, 201, reply)
        return reply

    def test_an_alarm_fires_and_shows_its_run(self):
        self.add("a", 1)
        made = self.set_alarm("a", name="once", after_ms=50)
        self.assertEqual(made.json["status"], "pending")
        wait_until(lambda: self.value("a") == 2)
        wait_until(lambda: self.client.get(f"{COUNTER}/a/alarms/once").json["status"] == "finished")
        runs = self.client.get(f"{COUNTER}/a/alarms/once/runs").json["items"]
        self.assertEqual([run["outcome"] for run in runs], ["succeeded"])

    def test_an_alarm_is_not_lost_by_a_kill(self):
        self.add("b", 1)
        self.set_alarm("b", name="later", after_ms=1500)
        self.running.kill()
        self.running.start()
        self.client = self.running.client()
        wait_until(lambda: self.value("b") == 2)

    def test_a_removed_alarm_does_not_fire(self):
        self.add("c", 1)
        self.set_alarm("c", name="never", every_ms=60_000)
        self.assertEqual(self.client.delete(f"{COUNTER}/c/alarms/never").status, 204)
        self.assertEqual(self.client.delete(f"{COUNTER}/c/alarms/never").status, 404)
        self.assertEqual(self.client.get(f"{COUNTER}/c/alarms").json["items"], [])

    def test_a_bad_alarm_names_the_field(self):
        self.add("d", 1)
        reply = self.client.post(f"{COUNTER}/d/alarms",
                                 {"name": "x", "command": "add", "cron": "61 * * * *"})
        self.assertEqual(reply.status, 422, reply)
        self.assertIn("cron", reply.json["details"])

    def test_what_is_given_up_can_be_driven_again(self):
        self.add("e", 1)
        # A payload that the command refuses, so that its only attempt fails.
        self.set_alarm("e", name="bad", payload={"by": "one"}, after_ms=1, retry={"attempts": 1})
        wait_until(lambda: self.client.get("/dead-letters").json["items"])
        letter = self.client.get("/dead-letters").json["items"][0]
        self.assertEqual(letter["from"], "counter:e")
        retried = self.client.post(f"/dead-letters/{letter['id']}/retry", None)
        self.assertEqual(retried.status, 200, retried)
        self.assertEqual(self.client.get(f"/dead-letters/{letter['id']}").status, 404)

    def test_a_transaction_is_all_or_nothing(self):
        def step(counter, by):
            return {"kind": "counter", "id": counter, "command": "add", "payload": {"by": by}}

        done = self.client.post("/durable-objects/transact",
                                {"steps": [step("x", -5), step("y", 5)]})
        self.assertEqual((done.status, done.json), (200, {"results": [-5, 5]}))
        refused = self.client.post("/durable-objects/transact",
                                   {"steps": [step("x", 1), step("y", "five")]})
        self.assertEqual(refused.status, 422, refused)
        self.assertEqual((self.value("x"), self.value("y")), (-5, 5))


if __name__ == "__main__":
    unittest.main()
