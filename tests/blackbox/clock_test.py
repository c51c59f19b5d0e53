# SPDX-License-Identifier: Apache-2.0
"""The real server while somebody sets its wall clock: what repeats goes on, what waits waits, and
nothing is forgotten."""

import mmap
import os
import struct
import time
import unittest

from harness import wait_until
from webhook_case import WebhookTest

LIBRARY = os.environ.get("PERDURE_STEPPED_CLOCK")
COUNTER = "/durable-objects/counter"
DAY_MS = 24 * 3600 * 1000
# The server looks for a step of its clock so often.
NOTICED_S = 0.5


class Clock:
    """What one server's wall clock is off by (see stepped_clock.cpp)."""

    def __init__(self, path):
        with open(path, "wb") as file:
            file.write(bytes(8))
        with open(path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 8)
        self.path = path

    def set(self, offset_ms):
        self.memory[0:8] = struct.pack("=q", offset_ms)
        time.sleep(NOTICED_S)  # so long nobody asks the server anything


class SteppedClock(WebhookTest):
    def setUp(self):
        if not LIBRARY:
            self.skipTest("PERDURE_STEPPED_CLOCK does not name the library")
        super().setUp()

    def server(self, *arguments, **options):
        self.clock = Clock(self.path("clock"))
        return super().server(*arguments, **options,
                              env={"LD_PRELOAD": LIBRARY, "STEPPED_CLOCK": self.clock.path})

    def add(self, counter, by=1, **options):
        reply = self.client.post(f"{COUNTER}/{counter}/request",
                                 {"command": "add", "payload": {"by": by}}, **options)
        self.assertEqual(reply.status, 200, reply)
        return reply

    def value(self, counter):
        return self.client.post(f"{COUNTER}/{counter}/request", {"query": "value"}).json

    def set_alarm(self, counter, **alarm):
        reply = self.client.post(f"{COUNTER}/{counter}/alarms",
                                 {"name": "a", "command": "add", "payload": {"by": 1}, **alarm})
        self.assertEqual(reply.status, 201, reply)

    def rings_on(self, counter):
        before = self.value(counter)
        wait_until(lambda: self.value(counter) >= before + 3, what="three more rings")

    def test_put_right_after_a_day_ahead_silences_no_alarm(self):
        self.clock.set(DAY_MS)
        self.add("a")
        self.set_alarm("a", every_ms=200)
        self.rings_on("a")
        self.clock.set(0)
        self.rings_on("a")

    def test_put_right_before_a_restart_silences_no_alarm_either(self):
        self.clock.set(DAY_MS)
        self.add("a")
        self.set_alarm("a", every_ms=200)
        self.rings_on("a")
        self.running.kill()
        self.clock.set(0)
        self.running.start()
        self.client = self.running.client()
        self.rings_on("a")

    def test_set_forward_sets_no_alarm_off_early(self):
        self.add("a")
        self.set_alarm("a", after_ms=60_000)
        self.clock.set(DAY_MS)
        self.assertEqual(self.value("a"), 1)

    def test_forward_and_back_forgets_no_idempotency_key(self):
        key = {"Idempotency-Key": "once"}
        self.add("a", headers=key)
        self.clock.set(3 * DAY_MS)
        self.add("a", headers=key)
        self.clock.set(0)
        self.add("a", headers=key)
        self.assertEqual(self.value("a"), 1)

    def test_put_right_signs_deliveries_with_the_time_that_it_is(self):
        receiver = self.receiver(lambda number: 500 if number == 1 else 204)
        self.clock.set(DAY_MS)
        webhook = self.webhook(receiver.url)
        self.notebook()
        self.wait_for_status(webhook, "succeeded")
        self.clock.set(0)
        self.notebook()
        self.wait_for_status(webhook, "succeeded", "succeeded")
        sent = int(receiver.requests[-1].headers["webhook-timestamp"])
        self.assertAlmostEqual(sent, time.time(), delta=30)


if __name__ == "__main__":
    unittest.main()
