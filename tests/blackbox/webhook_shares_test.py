#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What webhooks share, and that none takes it from the others: look-ups of names, outgoing calls,
the event log."""

import threading
import unittest

from harness import CALL_TIMEOUT_S, wait_until
from name_server import NameServer
from users import user_client
from webhook_case import QUICK, WebhookTest


class SlowNames(WebhookTest):
    """Names that nobody answers for, in a server with a name server of its own."""

    def setUp(self):
        self.names = NameServer()
        self.addCleanup(self.names.close)
        self.arguments = [*QUICK, "--http-client-resolver", self.names.address]
        super().setUp()

    def test_they_hold_up_no_address_and_no_other_name(self):
        slow = [self.webhook(f"http://never-{i}.test/") for i in range(30)]
        self.notebook()
        # All of them are being looked up.
        wait_until(lambda: len([name for name in self.names.asked if "never" in name]) == 30)
        literal, named = self.receiver(), self.receiver()
        self.webhook(literal.url)
        self.webhook(f"http://quick.test:{named.port}/hook")
        last = self.notebook()
        for receiver in (literal, named):
            self.assertEqual(receiver.wait_for(1)[0].event["data"]["id"], last)
        # Nothing had to end for that.
        for webhook in slow:
            self.assertEqual(self.deliveries(webhook)[-1]["attempts"], 1)

    def test_one_answer_serves_all_calls_for_a_while(self):
        receiver = self.receiver()
        for _ in range(10):
            self.webhook(f"http://quick.test:{receiver.port}/hook")
        for _ in range(3):
            self.notebook()
        receiver.wait_for(30)
        self.assertEqual(self.names.asked["quick.test"], 1)

    def test_a_name_that_does_not_exist_fails_with_its_reason(self):
        webhook = self.webhook("http://missing.test/")
        self.notebook()
        delivery = self.wait_for_status(webhook, "failed")[0]
        self.assertIn("the name cannot be resolved", delivery["error"])

    def test_the_address_behind_a_name_is_judged(self):
        self.running.kill()
        self.running = self.server("--http-client-resolver", self.names.address,
                                   "--webhooks-attempts", "1", data="strict").start()
        self.client = self.running.client()
        receiver = self.receiver()
        webhook = self.webhook(f"http://inside.test:{receiver.port}/hook")
        self.notebook()
        delivery = self.wait_for_status(webhook, "failed")[0]
        self.assertIn("public address", delivery["error"])
        self.assertEqual(receiver.requests, [])


class FanOut(WebhookTest):
    def seq(self, webhook):
        return self.client.get(f"/durable-objects/webhook/{webhook['id']}").json["seq"]

    def settle(self):
        wait_until(lambda: self.client.get("/outbox").json["items"] == [], what="an empty outbox")

    def test_is_one_delivery_of_each_event_to_each_webhook_and_ends(self):
        receiver = self.receiver()
        webhooks = [self.webhook(receiver.url, topics=["**"]) for _ in range(100)]
        made = [self.notebook() for _ in range(10)]
        receiver.wait_for(1_000)
        self.settle()
        heard = [request.event["data"]["id"] for request in receiver.requests]
        self.assertEqual(sorted(heard), sorted(made * 100))
        # Of each: made, then a turn for the events that come together, and one for each attempt's
        # outcome. On a slow machine one or the other is tried again.
        seqs = {self.seq(webhook) for webhook in webhooks}
        self.assertGreaterEqual(min(seqs), 1 + 1 + 10)
        self.assertLess(max(seqs), 1 + 3 * 10)
        # Another webhook is an event, but nobody's delivery; one more notebook comes after it.
        self.client.patch(f"/webhooks/{webhooks[0]['id']}", {"description": "changed"})
        self.notebook()
        receiver.wait_for(1_100)
        self.settle()
        self.assertEqual(len(receiver.requests), 1_100)
        self.assertLess(max(self.seq(webhook) for webhook in webhooks[1:]), 1 + 3 * 11)

    def test_loses_and_doubles_nothing_where_the_server_is_killed_in_the_middle_of_it(self):
        receiver = self.receiver()
        webhooks = [self.webhook(f"{receiver.url}/{i}") for i in range(40)]
        made = set()
        for share in (0.2, 0.5):
            made |= {self.notebook() for _ in range(10)}
            receiver.wait_for(int(share * 20 * len(webhooks)))
            self.running.kill()
            self.running.restart()
            self.client = self.running.client()
        wanted = {(f"/hook/{i}", notebook) for i in range(len(webhooks)) for notebook in made}
        # At least once each; what was under way in a kill is sent again.
        wait_until(lambda: {(request.path, request.event["data"]["id"])
                            for request in list(receiver.requests)} == wanted)
        for webhook in webhooks:
            deliveries = self.wait_for_status(webhook, *["succeeded"] * len(made))
            self.assertEqual(len({delivery["event_id"] for delivery in deliveries}), len(made))

    def test_reaches_webhooks_with_events_about_webhooks_when_they_ask_by_name(self):
        receiver = self.receiver()
        self.webhook(receiver.url, topics=["webhook.created"])
        other = self.webhook(receiver.url, topics=["*.created", "**"])
        self.assertEqual(receiver.wait_for(1)[0].event["data"]["id"], other["id"])
        self.settle()
        self.assertEqual(len(receiver.requests), 1)


class Owners(WebhookTest):
    # A quarter of eight calls is one owner's.
    arguments = [*QUICK, "--http-client-concurrency", "8"]

    def user(self):
        """A client with a key of another user."""
        return user_client(self.running, self.client)

    def test_take_turns_so_slow_receivers_of_one_hold_up_no_other(self):
        held = threading.Event()
        self.addCleanup(held.set)
        slow = self.receiver(lambda number: held.wait(CALL_TIMEOUT_S) and 200)
        greedy, modest = self.user(), self.user()
        for _ in range(10):
            self.webhook(slow.url, client=greedy)
        for _ in range(5):
            self.notebook(client=greedy)
        slow.wait_for(2)
        quick = self.receiver()
        self.webhook(quick.url, client=modest)
        made = [self.notebook(client=modest) for _ in range(20)]
        quick.wait_for(20)
        self.assertEqual(sorted(r.event["data"]["id"] for r in quick.requests), sorted(made))
        self.assertEqual(len(slow.requests), 2)


class Lagging(WebhookTest):
    arguments = [*QUICK, "--webhooks-waiting", "10"]

    def test_events_wait_in_the_log_and_all_of_them_come(self):
        held = threading.Event()
        self.addCleanup(held.set)
        receiver = self.receiver(lambda number: held.wait(CALL_TIMEOUT_S) and 200)
        webhook = self.webhook(receiver.url)
        path = f"/webhooks/{webhook['id']}"
        made = [self.notebook() for _ in range(20)]
        wait_until(lambda: self.client.get(path).json["lagging_since"])
        made += [self.notebook() for _ in range(300)]
        self.assertEqual(self.events("webhook.lagging")["data"]["id"], webhook["id"])
        outbox = self.client.get("/outbox", query={"limit": 500}).json["items"]
        self.assertLess(len(outbox), 150)
        held.set()
        wait_until(lambda: len({r.event["data"]["id"] for r in receiver.requests}) == len(made))
        wait_until(lambda: self.client.get(path).json["lagging_since"] is None)


if __name__ == "__main__":
    unittest.main()
