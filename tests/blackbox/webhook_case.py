# SPDX-License-Identifier: Apache-2.0
"""What tests of webhooks share: a server, a client, receivers."""

import json

from harness import BlackBoxTest, wait_until
from receiver import Receiver

QUICK = ["--http-client-allow-networks", "127.0.0.0/8,::1", "--webhooks-attempts", "3",
         "--webhooks-backoff", "50ms", "--webhooks-backoff-max", "200ms",
         "--webhooks-given-up-max", "2"]


class WebhookTest(BlackBoxTest):
    arguments = QUICK

    def setUp(self):
        super().setUp()
        self.running = self.server(*self.arguments).start()
        self.client = self.running.client()

    def receiver(self, *arguments, **options):
        made = Receiver(*arguments, **options)
        self.addCleanup(made.close)
        return made

    def webhook(self, url, client=None, **fields):
        made = (client or self.client).post("/webhooks", {"url": url, "topics": ["notebook.*"],
                                                          **fields})
        self.assertEqual(made.status, 201, made)
        return made.json

    def notebook(self, client=None):
        made = (client or self.client).post("/notebooks", {"title": "n"})
        self.assertEqual(made.status, 201, made)
        return made.json["id"]

    def deliveries(self, webhook, **query):
        reply = self.client.get(f"/webhooks/{webhook['id']}/deliveries", query=query)
        self.assertEqual(reply.status, 200, reply)
        return reply.json["items"]

    def wait_for_status(self, webhook, *statuses):
        """Waits until the deliveries, newest first, have these statuses."""
        wait_until(lambda: [d["status"] for d in self.deliveries(webhook)] == list(statuses),
                   what=f"{statuses}")
        return self.deliveries(webhook)

    def events(self, topic):
        """What the event log has of a topic, by a subscriber of its own."""
        connection = self.running.connect()
        self.addCleanup(connection.close)
        connection.request("GET", f"/api/v1/events?topics={topic}&after=0",
                           headers={"Authorization": "Bearer " + self.client.key})
        response = connection.getresponse()
        while line := response.readline():
            if line.startswith(b"data: "):
                return json.loads(line.removeprefix(b"data: "))
        return None
