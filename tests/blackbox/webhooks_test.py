#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Webhooks through the real server, to receivers of our own: signed, retried, and never lost.

Signatures are checked by an implementation written here from the standard's text
(https://www.standardwebhooks.com), not by the server's.
"""

import base64
import hashlib
import hmac
import subprocess
import threading
import time
import unittest

from harness import CALL_TIMEOUT_S, new_id, wait_until
from webhook_case import QUICK, WebhookTest


def signatures(secret, request):
    """Those that a request must carry one of, for a secret `whsec_…`."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = b".".join([request.headers["webhook-id"].encode(),
                         request.headers["webhook-timestamp"].encode(), request.body])
    return "v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()


class Webhooks(WebhookTest):
    def test_events_arrive_signed_and_are_listed(self):
        receiver = self.receiver()
        webhook = self.webhook(receiver.url, topics=["notebook.created"], description="mine")
        self.assertTrue(webhook["secret"].startswith(webhook["secret_prefix"]))
        notebook = self.notebook()
        request = receiver.wait_for(1)[0]
        self.assertEqual(request.headers["webhook-signature"],
                         signatures(webhook["secret"], request))
        self.assertLess(abs(int(request.headers["webhook-timestamp"]) - time.time()), 300)
        self.assertEqual(request.event["specversion"], "1.0")
        self.assertEqual(request.event["type"], "notebook.created")
        self.assertEqual(request.event["data"]["id"], notebook)
        self.assertEqual(request.headers["webhook-id"], request.event["id"])
        self.assertEqual(request.headers["Content-Type"], "application/cloudevents+json")
        delivery = self.wait_for_status(webhook, "succeeded")[0]
        self.assertEqual((delivery["attempts"], delivery["response_status"], delivery["error"]),
                         (1, 204, None))
        self.assertEqual(delivery["event_id"], request.event["id"])
        self.assertEqual(self.client.get(f"/webhooks/{webhook['id']}/deliveries/{delivery['id']}")
                         .json, delivery)

    def test_a_trace_is_passed_on(self):
        receiver = self.receiver()
        self.webhook(receiver.url, topics=["notebook.created"])
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        self.client.post("/notebooks", {"title": "traced"}, headers={"traceparent": trace})
        request = receiver.wait_for(1)[0]
        self.assertEqual(request.headers["traceparent"], trace)
        self.assertEqual(request.event["traceparent"], trace)

    def test_the_secret_is_shown_once_and_signs_on_for_a_while_when_it_is_rotated(self):
        receiver = self.receiver()
        webhook = self.webhook(receiver.url)
        path = f"/webhooks/{webhook['id']}"
        self.assertNotIn("secret", self.client.get(path).json)
        admin = self.client.get(f"/durable-objects/webhook/{webhook['id']}").body
        journal = self.client.get(f"/durable-objects/webhook/{webhook['id']}/journal").body
        for view in (admin, journal):
            self.assertNotIn(webhook["secret"].encode(), view)
        rotated = self.client.post(path + "/rotate-secret")
        self.assertEqual(rotated.status, 200, rotated)
        self.assertNotEqual(rotated.json["secret"], webhook["secret"])
        self.notebook()
        request = receiver.wait_for(1)[0]
        self.assertEqual(request.headers["webhook-signature"].split(" "),
                         [signatures(rotated.json["secret"], request),
                          signatures(webhook["secret"], request)])

    def test_a_retried_create_shows_the_same_secret(self):
        body = {"url": "https://example.org/hook", "topics": ["*"]}
        headers = {"Idempotency-Key": new_id()}
        made = [self.client.post("/webhooks", body, headers=headers).json for _ in range(2)]
        self.assertEqual(made[0], made[1])
        self.assertEqual(len(self.client.get("/webhooks").json["items"]), 1)

    def test_a_failed_attempt_is_made_again_with_the_same_id(self):
        receiver = self.receiver(lambda number: 500 if number == 1 else 200)
        webhook = self.webhook(receiver.url)
        self.notebook()
        first, second = receiver.wait_for(2)
        self.assertEqual(first.headers["webhook-id"], second.headers["webhook-id"])
        self.assertEqual(first.body, second.body)
        self.assertEqual(self.wait_for_status(webhook, "succeeded")[0]["attempts"], 2)

    def test_what_was_given_up_is_a_dead_letter_and_can_be_sent_again(self):
        status = [500]
        receiver = self.receiver(lambda number: status[0])
        webhook = self.webhook(receiver.url)
        self.notebook()
        delivery = self.wait_for_status(webhook, "failed")[0]
        self.assertEqual((delivery["attempts"], delivery["response_status"]), (3, 500))
        self.assertIn("500", delivery["error"])
        wait_until(lambda: self.client.get("/dead-letters").json["items"])
        letter = self.client.get("/dead-letters").json["items"][0]
        self.assertEqual((letter["type"], letter["from"]),
                         ("webhook", "webhook:" + webhook["id"]))
        status[0] = 200
        again = self.client.post(f"/webhooks/{webhook['id']}/deliveries/{delivery['id']}/retry")
        self.assertEqual(again.status, 202, again)
        self.wait_for_status(webhook, "succeeded")
        self.assertEqual(len(receiver.requests), 4)
        wait_until(lambda: not self.client.get("/dead-letters").json["items"])
        self.assertIsNone(self.client.get(f"/webhooks/{webhook['id']}").json["failing_since"])

    def test_a_delivery_has_a_validator_of_its_own(self):
        receiver = self.receiver()
        webhook = self.webhook(receiver.url)
        for _ in range(2):
            self.notebook()
        paths = [f"/webhooks/{webhook['id']}/deliveries/{delivery['id']}"
                 for delivery in self.wait_for_status(webhook, "succeeded", "succeeded")]
        tags = [self.client.get(path).headers["etag"] for path in paths]
        unchanged = self.client.get(paths[0], headers={"If-None-Match": tags[0]})
        self.assertEqual(unchanged.status, 304, unchanged)
        again = paths[0] + "/retry"
        stale = self.client.post(again, headers={"If-Match": '"99999"'})
        self.assertEqual(stale.status, 412, stale)
        sent = self.client.post(again, headers={"If-Match": tags[0]})
        self.assertEqual(sent.status, 202, sent)
        self.wait_for_status(webhook, "succeeded", "succeeded")
        self.assertNotEqual(self.client.get(paths[0]).headers["etag"], tags[0])
        self.assertEqual(self.client.get(paths[1]).headers["etag"], tags[1])

    def test_a_dead_letter_can_be_driven_again(self):
        status = [500]
        receiver = self.receiver(lambda number: status[0])
        webhook = self.webhook(receiver.url)
        self.notebook()
        wait_until(lambda: self.client.get("/dead-letters").json["items"])
        status[0] = 200
        letter = self.client.get("/dead-letters").json["items"][0]
        self.assertEqual(self.client.post(f"/dead-letters/{letter['id']}/retry").status, 200)
        self.wait_for_status(webhook, "succeeded")

    def test_gone_disables_at_once_and_says_so(self):
        receiver = self.receiver(lambda number: 410 if number == 1 else 200)
        webhook = self.webhook(receiver.url)
        path = f"/webhooks/{webhook['id']}"
        self.notebook()
        self.wait_for_status(webhook, "failed")
        shown = self.client.get(path).json
        self.assertEqual((shown["enabled"], shown["disabled_reason"]), (False, "gone"))
        event = self.events("webhook.disabled")
        self.assertEqual(event["data"], {"id": webhook["id"], "url": receiver.url,
                                         "reason": "gone"})
        self.notebook()
        self.assert_problem(self.client.post(path + "/test"), 409)
        self.assertEqual(self.client.patch(path, {"enabled": True}).json["disabled_reason"], None)
        notebook = self.notebook()
        self.assertEqual(receiver.wait_for(2)[1].event["data"]["id"], notebook)

    def test_long_failure_disables_and_what_waits_goes_on_when_enabled(self):
        status = [503]
        receiver = self.receiver(lambda number: status[0])
        webhook = self.webhook(receiver.url)
        path = f"/webhooks/{webhook['id']}"
        for _ in range(4):
            self.notebook()
        wait_until(lambda: self.client.get(path).json["enabled"] is False)
        self.assertEqual(self.client.get(path).json["disabled_reason"], "failing")
        self.assertEqual(self.events("webhook.disabled")["data"]["reason"], "failing")
        waiting = len(self.deliveries(webhook, status="pending"))
        self.assertEqual(waiting + len(self.deliveries(webhook, status="failed")), 4)
        self.assertGreater(waiting, 0)
        status[0] = 200
        self.client.patch(path, {"enabled": True})
        wait_until(lambda: len(self.deliveries(webhook, status="succeeded")) == waiting)

    def test_a_kill_between_event_and_delivery_loses_nothing(self):
        receiver = self.receiver()
        port = receiver.port
        receiver.close()  # nobody listens: attempts fail until it is there again
        webhook = self.webhook(receiver.url)
        made = [self.notebook() for _ in range(2)]
        self.running.kill()
        again = self.receiver(port=port)
        self.running.restart()
        self.client = self.running.client()
        again.wait_for(2)
        self.assertEqual({request.event["data"]["id"] for request in again.requests}, set(made))
        self.wait_for_status(webhook, "succeeded", "succeeded")

    def test_a_kill_while_the_receiver_thinks_sends_it_again(self):
        held = threading.Event()
        receiver = self.receiver(lambda number: held.wait(CALL_TIMEOUT_S) and 200)
        webhook = self.webhook(receiver.url)
        self.notebook()
        receiver.wait_for(1)
        self.running.kill()
        held.set()
        self.running.restart()
        self.client = self.running.client()
        first, second = receiver.wait_for(2)
        self.assertEqual(first.headers["webhook-id"], second.headers["webhook-id"])
        self.wait_for_status(webhook, "succeeded")

    def test_a_slow_receiver_does_not_hold_up_another(self):
        held = threading.Event()
        self.addCleanup(held.set)
        slow = self.receiver(lambda number: held.wait(CALL_TIMEOUT_S) and 200)
        quick = self.receiver()
        self.webhook(slow.url)
        self.webhook(quick.url)
        for _ in range(20):
            self.notebook()
        quick.wait_for(20)
        self.assertLessEqual(len(slow.requests), 4)  # under way at the same time

    def metrics(self):
        return self.client.get("/metrics").body.decode()

    def test_calls_under_way_are_in_the_outbox_and_counted(self):
        held = threading.Event()
        self.addCleanup(held.set)
        receiver = self.receiver(lambda number: held.wait(CALL_TIMEOUT_S) and 200)
        webhook = self.webhook(receiver.url)
        self.notebook()
        self.notebook()
        receiver.wait_for(2)
        page = self.client.get("/outbox?limit=1").json
        item = page["items"][0]
        self.assertEqual([item[name] for name in ("type", "status", "from", "to")],
                         ["effect", "running", f"webhook:{webhook['id']}", "http"])
        wait_until(lambda: "\nperdure_outbox_items 2\n" in self.metrics(), what="two that count")
        rest = self.client.get(f"/outbox?cursor={page['next_cursor']}").json
        self.assertGreater(rest["items"][0]["position"], item["position"])
        held.set()
        wait_until(lambda: self.client.get("/outbox").json["items"] == [])
        wait_until(lambda: "\nperdure_outbox_items 0\n" in self.metrics(), what="none that counts")

    def test_each_event_arrives_once_when_all_is_well(self):
        receiver = self.receiver()
        self.webhook(receiver.url)
        made = [self.notebook() for _ in range(100)]
        receiver.wait_for(100)
        self.assertEqual(sorted(r.event["data"]["id"] for r in receiver.requests), sorted(made))

    def test_other_topics_hold_from_the_answer_on(self):
        receiver = self.receiver()
        webhook = self.webhook(receiver.url, topics=["conversation.*"])
        path = f"/webhooks/{webhook['id']}"
        self.notebook()
        self.assertEqual(self.client.patch(path, {"topics": ["notebook.*"]}).status, 200)
        wanted = self.notebook()
        self.assertEqual(receiver.wait_for(1)[0].event["data"]["id"], wanted)
        self.assertEqual(self.client.patch(path, {"enabled": False}).status, 200)
        self.notebook()
        self.assertEqual(self.client.patch(path, {"enabled": True}).status, 200)
        last = self.notebook()
        self.assertEqual(receiver.wait_for(2)[1].event["data"]["id"], last)
        self.assertEqual(len(self.deliveries(webhook)), 2)

    def test_hears_what_the_key_could_read_that_made_it_or_had_the_last_say(self):
        made = self.client.post("/api-keys", {"name": "k", "scopes": ["webhooks:write",
                                                                      "notebooks:read"]})
        limited = self.running.client(made.json["secret"])
        receiver = self.receiver()
        topics = ["task.created", "notebook.created"]
        webhook = self.webhook(receiver.url, limited, topics=topics)
        self.client.post("/tasks", {"title": "not for it"})
        notebook = self.notebook()
        self.assertEqual(receiver.wait_for(1)[0].event["data"]["id"], notebook)
        path = f"/webhooks/{webhook['id']}"
        self.assertEqual(self.client.patch(path, {"topics": topics[:1]}).status, 200)
        task = self.client.post("/tasks", {"title": "for it now"}).json["id"]
        self.assertEqual(receiver.wait_for(2)[1].event["data"]["id"], task)
        # What goes elsewhere is what the key that sends it there could read.
        self.assertEqual(limited.patch(path, {"url": receiver.url + "/x", "topics": topics}).status,
                         200)
        self.client.post("/tasks", {"title": "not for it"})
        notebook = self.notebook()
        self.assertEqual(receiver.wait_for(3)[2].event["data"]["id"], notebook)
        self.assertEqual(len(self.deliveries(webhook)), 3)

    def test_a_deleted_webhook_hears_nothing_until_it_is_restored(self):
        receiver = self.receiver()
        webhook = self.webhook(receiver.url)
        path = f"/webhooks/{webhook['id']}"
        self.assertEqual(self.client.delete(path).status, 204)
        self.assert_problem(self.client.get(path), 404)
        self.notebook()
        # A later subscriber has had it by now, so the deleted one has been passed over.
        other = self.receiver()
        self.webhook(other.url)
        self.notebook()
        other.wait_for(1)
        self.assertEqual(self.client.post(path + "/restore").status, 200)
        last = self.notebook()
        self.assertEqual(receiver.wait_for(1)[0].event["data"]["id"], last)
        self.assertEqual(self.client.get("/dead-letters").json["items"], [])

    def test_a_test_event_is_sent_on_demand(self):
        receiver = self.receiver()
        webhook = self.webhook(receiver.url, topics=["conversation.created"])
        made = self.client.post(f"/webhooks/{webhook['id']}/test")
        self.assertEqual((made.status, made.json["topic"]), (202, "webhook.test"))
        self.assertEqual(receiver.wait_for(1)[0].event["type"], "webhook.test")
        self.assertEqual(self.wait_for_status(webhook, "succeeded")[0]["id"], made.json["id"])

    def test_retry_after_is_kept_to(self):
        receiver = self.receiver(
            lambda number: (429, {"Retry-After": "1"}) if number == 1 else 200)
        self.webhook(receiver.url)
        self.notebook()
        first, second = receiver.wait_for(2)
        self.assertGreaterEqual(second.at - first.at, 0.9)

    def test_bad_webhooks_name_the_field(self):
        good = {"url": "https://example.org/hook", "topics": ["notebook.*"]}
        for field, bad in [("url", "ftp://example.org/"), ("url", "example.org"),
                           ("url", "https://user:pass@example.org/"), ("url", "http://10.0.0.1/"),
                           ("url", "http://169.254.169.254/latest"), ("url", "http://[fd00::1]/"),
                           ("url", "http://127.1/"), ("url", "http://0x7f.1/"),
                           ("url", "http://2130706433/"),
                           ("url", "http://a b/"), ("url", "http:///x"), ("topics", []),
                           ("topics", ["a.b"] * 2), ("topics", [f"t.{i}" for i in range(101)]),
                           ("topics", [f"{'t' * 120}.{i}" for i in range(40)]),
                           ("topics.0", ["a..b"]), ("topics.1", ["a", "**.b"])]:
            with self.subTest(f"{field} {bad!s:.60}"):
                body = {**good, field.partition(".")[0]: bad}
                reply = self.client.post("/webhooks", body)
                self.assert_problem(reply, 422)
                self.assertIn(field, reply.json["details"], reply)

    def test_redirects_are_not_followed(self):
        target = self.receiver()
        receiver = self.receiver(lambda number: (307, {"Location": target.url}))
        webhook = self.webhook(receiver.url)
        self.notebook()
        delivery = self.wait_for_status(webhook, "failed")[0]
        self.assertEqual(delivery["response_status"], 307)
        self.assertEqual(target.requests, [])

    def test_deliveries_are_paged_newest_first(self):
        receiver = self.receiver()
        webhook = self.webhook(receiver.url)
        for _ in range(5):
            self.notebook()
        self.wait_for_status(webhook, *["succeeded"] * 5)
        path = f"/webhooks/{webhook['id']}/deliveries"
        seen, cursor = [], {}
        while True:
            page = self.client.get(path, query={"limit": 2, **cursor}).json
            seen += [delivery["created_at"] for delivery in page["items"]]
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
        self.assertEqual(len(seen), 5)
        self.assertEqual(seen, sorted(seen, reverse=True))


class PerUser(WebhookTest):
    arguments = [*QUICK, "--webhooks-per-user", "2"]

    def test_one_more_than_a_user_may_have_is_refused_by_the_rule(self):
        body = {"url": "https://example.org/", "topics": ["*"]}
        first = self.webhook(body["url"])
        key = {"Idempotency-Key": new_id()}
        second = self.client.post("/webhooks", body, headers=key)
        self.assertEqual(second.status, 201, second)
        problem = self.assert_problem(self.client.post("/webhooks", body), 422)
        self.assertEqual(problem["errors"][0]["code"], "limit")
        self.assertIn("at most 2 webhooks (webhooks.per_user)", problem["errors"][0]["message"])
        again = self.client.post("/webhooks", body, headers=key)
        self.assertEqual((again.status, again.json["id"]), (201, second.json["id"]))

        path = f"/webhooks/{first['id']}"
        self.assertEqual(self.client.delete(path).status, 204)
        third = self.webhook(body["url"])
        refused = self.assert_problem(self.client.post(path + "/restore"), 422)
        self.assertEqual(refused["errors"][0]["code"], "limit")
        self.running.kill()
        self.running.restart()
        self.client = self.running.client()
        self.assert_problem(self.client.post("/webhooks", body), 422)
        self.assertEqual(self.client.delete(f"/webhooks/{third['id']}").status, 204)
        self.assertEqual(self.client.post(path + "/restore").status, 200)


class Policy(WebhookTest):
    """What a server without exceptions refuses, and whom it believes."""

    arguments = ["--webhooks-attempts", "1"]

    def test_private_addresses_are_refused(self):
        receiver = self.receiver()
        body = {"url": receiver.url, "topics": ["*"]}
        refused = self.client.post("/webhooks", body)
        self.assertIn("url", self.assert_problem(refused, 422)["details"])
        # A name is resolved when it is called, and its address judged then.
        webhook = self.webhook(f"http://localhost:{receiver.port}/")
        self.notebook()
        delivery = self.wait_for_status(webhook, "failed")[0]
        self.assertIn("public address", delivery["error"])
        self.assertEqual(receiver.requests, [])

    def test_a_certificate_must_be_trusted(self):
        certificate, key = self.path("cert.pem"), self.path("key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key,
                        "-out", certificate, "-days", "2", "-subj", "/CN=receiver",
                        "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
        receiver = self.receiver(tls=(certificate, key))
        for trusted in (False, True):
            extra = ["--http-client-ca-file", certificate] if trusted else []
            self.running.kill()
            self.running = self.server(*QUICK, *extra, data=f"data-{trusted}").start()
            self.client = self.running.client()
            webhook = self.webhook(receiver.url)
            self.notebook()
            self.wait_for_status(webhook, "succeeded" if trusted else "failed")
            self.assertEqual(len(receiver.requests), 1 if trusted else 0)


if __name__ == "__main__":
    unittest.main()
