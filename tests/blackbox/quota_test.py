# SPDX-License-Identifier: Apache-2.0
"""What one user can make has a bound, by whatever door it comes, and through kill -9."""

import unittest

from event_stream import Stream
from harness import BlackBoxTest, wait_until
from users import user_client
from websocket import WebSocket

QUOTA = 5


def become_user(client):
    """Makes a user of the client's, which is the only administrator: so another one comes first."""
    other = client.post("/users", {"email": "other@example.org", "role": "admin"})
    assert other.status == 201, other
    changed = client.patch("/users/" + client.get("/users/me").json["id"], {"role": "user"})
    assert changed.status == 200, changed


class Quotas(BlackBoxTest):
    """The first admin turns into a user, so that its key is one that has quotas. It has two objects
    then: itself and its key."""

    def setUp(self):
        super().setUp()
        self.running = self.server("--quotas-objects", str(QUOTA), "--quotas-api-keys", "2")
        self.running.start()
        self.user = self.running.client()

    def become_user(self):
        become_user(self.user)

    def refused(self, reply, setting):
        self.assertEqual(reply.status, 403, reply)
        self.assertEqual(reply.json["code"], "quota_exceeded")
        self.assertIn(setting, reply.json["detail"])

    def fill(self):
        """Makes notebooks until one is refused; gives the ids of those that were made."""
        made = []
        while True:
            reply = self.user.post("/notebooks", {"title": f"n{len(made)}"})
            if reply.status != 201:
                self.refused(reply, "quotas.objects")
                self.assertEqual(len(made), QUOTA - 2)
                return made
            made.append(reply.json["id"])

    def test_objects_are_refused_past_the_quota_and_what_is_there_goes_on(self):
        self.become_user()
        made = self.fill()
        self.assertEqual(len(self.user.get("/notebooks").json["items"]), len(made))
        self.refused(self.user.post("/conversations", {"title": "x"}), "quotas.objects")
        changed = self.user.patch(f"/notebooks/{made[0]}", {"title": "new"})
        self.assertEqual(changed.status, 200, changed)
        self.assertEqual(self.user.delete(f"/notebooks/{made[0]}").status, 204)
        self.refused(self.user.post("/notebooks", {"title": "x"}), "quotas.objects")

    def test_an_operator_has_none(self):
        for _ in range(QUOTA + 1):
            self.assertEqual(self.user.post("/notebooks", {"title": "x"}).status, 201)
        self.become_user()
        self.refused(self.user.post("/notebooks", {"title": "x"}), "quotas.objects")

    def test_the_quota_is_the_same_after_a_kill(self):
        self.become_user()
        made = self.fill()
        for _ in range(2):
            self.running.kill()
            self.running.start()
            self.user.close()
            self.refused(self.user.post("/notebooks", {"title": "x"}), "quotas.objects")
        self.assertEqual(len(self.user.get("/notebooks").json["items"]), len(made))

    def test_a_refused_creation_is_refused_again_with_its_key(self):
        self.become_user()
        self.fill()
        again = {"Idempotency-Key": "once"}
        for _ in range(2):
            self.refused(self.user.post("/notebooks", {"title": "x"}, headers=again),
                         "quotas.objects")

    def test_keys_have_a_quota_of_their_own(self):
        self.become_user()
        self.assertEqual(self.user.post("/api-keys", {"name": "second"}).status, 201)
        self.refused(self.user.post("/api-keys", {"name": "third"}), "quotas.api_keys")


class Shares(BlackBoxTest):
    """What a user has of what all share, through kill -9."""

    def start(self, *options):
        self.running = self.server(*options).start()
        self.admin = self.running.client()

    def kill(self, *clients):
        self.running.kill()
        self.running.start()
        for client in clients:
            client.close()

    def refused(self, reply, status, code, setting):
        self.assertEqual(reply.status, status, reply)
        self.assertEqual(reply.json["code"], code)
        self.assertIn(setting, reply.json["detail"])

    def test_idempotency_keys_are_the_same_after_a_kill(self):
        self.start("--quotas-idempotency-keys", "4")
        user = user_client(self.running, self.admin)

        def make(key, client=user):
            return client.post("/notebooks", {"title": "x"}, headers={"Idempotency-Key": key})

        made = [make(f"k{i}") for i in range(4)]
        self.assertEqual([reply.status for reply in made], [201] * 4)
        for _ in range(2):
            refused = make("k4")
            self.refused(refused, 429, "rate_limited", "quotas.idempotency_keys")
            self.assertGreater(int(refused.headers["Retry-After"]), 60)
            self.assertEqual(make("k2").json["id"], made[2].json["id"])
            self.kill(user, self.admin)
        self.assertEqual(user.post("/notebooks", {"title": "without"}).status, 201)
        self.assertEqual(make("k4", self.admin).status, 201, "an operator has no bound")

    def test_bytes_are_the_same_after_a_kill(self):
        self.start("--quotas-bytes", "1MiB")
        user = user_client(self.running, self.admin)
        notebook = user.post("/notebooks", {"title": "x"}).json["id"]

        def write(size):
            return user.post(f"/notebooks/{notebook}/pages",
                             {"title": "p", "content": "x" * size})

        pages = []
        while (reply := write(90_000)).status == 201:
            pages.append(reply.json["id"])
        self.refused(reply, 403, "quota_exceeded", "disk share")
        self.assertEqual(len(pages), 11)
        for _ in range(2):
            self.kill(user, self.admin)
            self.refused(write(90_000), 403, "quota_exceeded", "quotas.bytes")
        emptied = user.patch(f"/notebooks/{notebook}/pages/{pages[0]}", {"content": ""})
        self.assertEqual(emptied.status, 200, emptied)
        self.assertEqual(write(1_000).status, 201)

    def seen(self, client, count):
        """The topics of so many events from the oldest on, without `lost` among them."""
        stream = Stream(self.running, client.key, after=0, topics="notebook.*")
        self.addCleanup(stream.close)
        return [topic for _, topic, _ in stream.take(count)]

    def test_events_of_others_stay_while_one_fills_the_log_and_through_a_kill(self):
        self.start("--events-max", "1000")
        quiet = user_client(self.running, self.admin)
        loud = user_client(self.running, self.admin)
        wanted = ["notebook.created"] * 20
        for _ in wanted:
            quiet.post("/notebooks", {"title": "x"})
        notebook = loud.post("/notebooks", {"title": "x"}).json["id"]
        for part in range(2):
            for i in range(800):
                changed = loud.patch(f"/notebooks/{notebook}", {"title": f"{part}.{i}"})
                self.assertEqual(changed.status, 200, changed)
            self.kill(quiet, loud, self.admin)
            self.assertEqual(self.seen(quiet, len(wanted)), wanted)
        wait_until(lambda: self.seen(loud, 1) == ["notebook.updated"],
                   what="the end of the loud one's oldest event")


class Sockets(BlackBoxTest):
    def setUp(self):
        super().setUp()
        self.running = self.server("--quotas-sockets", "3").start()
        self.client = self.running.client()
        self.conversation = self.client.post("/conversations", {"title": "x"}).json["id"]

    def open_all(self):
        """One of each: frames of a chat, events as a stream, events as frames."""
        key = self.client.key
        made = [WebSocket(self.running, key, f"/api/v1/chat/{self.conversation}"),
                Stream(self.running, key), WebSocket(self.running, key, "/api/v1/events")]
        for one in made:
            self.addCleanup(one.close)
        return made

    def test_a_user_has_a_bounded_number_of_streams_and_sockets_open(self):
        become_user(self.client)
        made = self.open_all()
        refused = self.client.get("/events")
        self.assertEqual(refused.status, 403, refused)
        self.assertEqual(refused.json["code"], "quota_exceeded")
        self.assertIn("quotas.sockets", refused.json["detail"])
        # The place of each kind is free again once it is closed.
        for one in made:
            one.close()
        wait_until(lambda: self.can_open(), what="a free place")
        wait_until(lambda: self.can_open_all(), what="all places")

    def can_open(self):
        connection = self.running.connect()
        connection.request("GET", "/api/v1/events",
                           headers={"Authorization": "Bearer " + self.client.key})
        status = connection.getresponse().status
        connection.close()
        return status == 200

    def can_open_all(self):
        try:
            self.open_all()
        except AssertionError:
            return False
        return True

    def test_an_operator_has_no_quota_of_sockets(self):
        self.open_all()
        self.open_all()


class Snapshots(BlackBoxTest):
    def test_named_snapshots_of_an_object_are_bounded(self):
        running = self.server()
        running.start()
        client = running.client()
        path = "/durable-objects/counter/a"
        for _ in range(101):
            client.post(f"{path}/request", {"command": "add", "payload": {"by": 1}})
        for seq in range(1, 101):
            self.assertEqual(client.post(f"{path}/snapshots", {"seq": seq}).status, 201)
        refused = client.post(f"{path}/snapshots", {"seq": 101})
        self.assertEqual(refused.status, 409, refused)
        self.assertIn("at most 100", refused.json["detail"])
        self.assertEqual(client.delete(f"{path}/snapshots/1").status, 204)
        self.assertEqual(client.post(f"{path}/snapshots", {"seq": 101}).status, 201)


if __name__ == "__main__":
    unittest.main()
