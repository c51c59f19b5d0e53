# SPDX-License-Identifier: Apache-2.0
"""Alarms, transactions and dead letters through the real server, and through kill -9."""

import time
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

    def test_an_alarm_that_repeats_too_often_is_refused_with_the_field_and_the_rule(self):
        self.add("f", 1)
        alarm = {"name": "x", "command": "add", "payload": {"by": 1}, "every_ms": 99}
        reply = self.client.post(f"{COUNTER}/f/alarms", alarm)
        self.assertEqual(reply.status, 422, reply)
        self.assertIn("at least 100", reply.json["details"]["every_ms"])
        self.assertEqual(self.client.post(f"{COUNTER}/f/alarms",
                                          {**alarm, "every_ms": 100}).status, 201)

    def test_the_alarms_of_an_object_are_bounded_and_listed_page_by_page(self):
        self.add("g", 1)
        names = [f"n{number:04}" for number in range(1000)]
        for name in names:
            self.set_alarm("g", name=name, every_ms=3_600_000)
        one_more = {"name": "one more", "command": "add", "after_ms": 1}
        reply = self.client.post(f"{COUNTER}/g/alarms", one_more)
        self.assertEqual(reply.status, 409, reply)
        self.assertIn("at most 1000 alarms", reply.json["detail"])
        self.set_alarm("g", name="n0500", every_ms=7_200_000)
        seen, cursor = [], {}
        while cursor is not None:
            page = self.client.get(f"{COUNTER}/g/alarms", query={"limit": 300, **cursor}).json
            seen += [alarm["name"] for alarm in page["items"]]
            cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else None
        self.assertEqual(seen, names)
        self.assertEqual(self.client.get(f"{COUNTER}/g/alarms/n0500").json["every_ms"], 7_200_000)
        self.assertEqual(len(self.client.get(f"{COUNTER}/g").json["alarms"]), 32)
        self.assertEqual(
            self.client.get(f"{COUNTER}/g/alarms", query={"cursor": "!"}).status, 422)

    def test_many_alarms_of_one_object_keep_nobody_waiting(self):
        self.add("h", 0)
        for number in range(300):
            self.set_alarm("h", name=f"n{number}", every_ms=100)
        # 3,000 a second are wanted, 100 a second may be.
        before, begin = self.value("h"), time.monotonic()
        times = []
        self.add("i", 1)
        while time.monotonic() < begin + 3:
            sent = time.monotonic()
            self.add("i", 1)
            times.append(time.monotonic() - sent)
        fired = self.value("h") - before
        passed = time.monotonic() - begin
        self.assertLess(fired, 100 * (passed + 1) + 1)
        self.assertGreater(fired, 100)
        times.sort()
        self.assertLess(times[len(times) * 99 // 100], 1, "p99 of another object's calls")

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

    def test_a_new_life_hears_nothing_of_the_alarms_of_the_one_before(self):
        self.add("l", 1)
        self.set_alarm("l", name="old", payload={"by": 1000}, after_ms=300)
        self.assertEqual(self.client.delete(f"{COUNTER}/l").status, 204)
        made = self.client.post("/durable-objects", {"kind": "counter", "id": "l"})
        self.assertEqual(made.status, 201, made)
        self.assertEqual(self.client.get(f"{COUNTER}/l/alarms").json["items"], [])
        self.set_alarm("l", name="new", payload={"by": 1}, after_ms=600)
        wait_until(lambda: self.value("l") != 0)
        self.assertEqual(self.value("l"), 1)

    def test_a_dead_letter_of_an_earlier_life_is_refused(self):
        self.add("m", 1)
        self.set_alarm("m", name="bad", payload={"by": "one"}, after_ms=1, retry={"attempts": 1})
        wait_until(lambda: self.client.get("/dead-letters").json["items"])
        letter = self.client.get("/dead-letters").json["items"][0]
        self.assertEqual(letter["life"], 1)
        self.assertEqual(self.client.delete(f"{COUNTER}/m").status, 204)
        self.client.post("/durable-objects", {"kind": "counter", "id": "m"})
        self.assert_problem(self.client.post(f"/dead-letters/{letter['id']}/retry", None), 409)
        self.assertEqual(self.client.get(f"/dead-letters/{letter['id']}").status, 200)

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
