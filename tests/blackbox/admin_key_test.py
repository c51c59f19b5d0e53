# SPDX-License-Identifier: Apache-2.0
"""The administrator's key: the operator's way in, which no request can bar for good."""

import unittest

from harness import ADMIN_KEY, BlackBoxTest, StartFailure, in_hours

OTHER_ADMIN_KEY = "another-key-of-the-operator-0123456789"


class AdminKey(BlackBoxTest):
    def test_of_the_operator_replaces_the_one_before(self):
        server = self.server().start()
        self.assertEqual(server.client().get("/users").status, 200)
        server.stop()
        server.key = OTHER_ADMIN_KEY
        server.start()
        self.assertEqual(server.client().get("/users").status, 200)
        self.assertEqual(server.client(ADMIN_KEY).get("/users").status, 401)
        self.assertIn("the administrator's key", server.logs())
        self.assertNotIn(OTHER_ADMIN_KEY, server.logs())

    def test_replaces_the_one_that_the_first_start_printed(self):
        server = self.server(key=None).start()
        printed = server.lines[0].split()[-1]
        self.assertEqual(server.client(printed).get("/users").status, 200)
        server.stop()
        server.key = OTHER_ADMIN_KEY
        server.start()
        self.assertEqual(server.client(printed).get("/users").status, 401)
        self.assertEqual(server.client().get("/users").status, 200)

    def test_replaces_the_one_before_whoever_has_which_name(self):
        for change in ({"username": "root"}, {"username": "root", "email": "me@example.org"}):
            server = self.server(data=str(len(change))).start()
            client = server.client()
            me = client.get("/users/me").json["id"]
            self.assertEqual(client.patch("/users/me", change).status, 200)
            named = client.post("/users", {"email": "bob@example.org", "username": "admin"})
            self.assertEqual(named.status, 201, named)
            server.stop()
            server.key = OTHER_ADMIN_KEY
            server.start()
            self.assertEqual(server.client(ADMIN_KEY).get("/users").status, 401)
            self.assertEqual(server.client().get("/users/me").json["id"], me)
            self.assertEqual(len(server.client().get("/users").json["items"]), 2)

    def test_is_refused_when_it_is_a_key_of_somebody_else(self):
        server = self.server().start()
        client = server.client()
        bob = client.post("/users", {"email": "bob@example.org"}).json["id"]
        made = client.post("/api-keys", {"name": "laptop", "scopes": ["notebooks:read"],
                                         "user_id": bob})
        self.assertEqual(made.status, 201, made)
        server.stop()
        server.key = made.json["secret"]
        with self.assertRaises(StartFailure) as failure:
            server.start()
        self.assertEqual(failure.exception.exit_code, 2)
        self.assertIn(made.json["id"], failure.exception.stderr)
        self.assertNotIn(made.json["secret"], failure.exception.stderr)
        server.key = ADMIN_KEY
        server.start()
        self.assertEqual(server.client().get("/users").status, 200)
        self.assertEqual(server.client(made.json["secret"]).get("/users").status, 403)

    def test_has_at_least_24_characters(self):
        for key in ("x", "x" * 23):
            with self.assertRaises(StartFailure) as failure:
                self.server(key=key).start()
            self.assertEqual(failure.exception.exit_code, 2)
            self.assertIn("24", failure.exception.stderr)
        self.assertEqual(self.server(key="x" * 24).start().client().get("/users").status, 200)

    def test_comes_from_a_file(self):
        path = self.path("key")
        with open(path, "w", encoding="ascii") as file:
            file.write(OTHER_ADMIN_KEY + "\n")
        server = self.server("--admin-key-file", path, key=None).start()
        self.assertEqual(server.client(OTHER_ADMIN_KEY).get("/users").status, 200)
        self.assertEqual(len(server.lines), 1, "nothing is printed")
        for arguments in (("--admin-key-file", path), ("--admin-key-file", self.path("none"))):
            with self.assertRaises(StartFailure) as failure:
                self.server(*arguments, data="other",
                            key=ADMIN_KEY if arguments[1] == path else None).start()
            self.assertEqual(failure.exception.exit_code, 2)

    def test_is_mended_when_it_has_expired_or_holds_less(self):
        for damage in ({"expires_at": in_hours(1)}, {"scopes": ["notebooks:read"]},
                       {"rate_limit": {"requests": 1, "window_s": 86400}}):
            server = self.server(data=next(iter(damage))).start()
            client = server.client()
            own = next(key for key in client.get("/api-keys").json["items"])
            self.assertEqual(client.patch("/api-keys/" + own["id"], damage).status, 200)
            server.stop()
            server.start()
            mended = server.client().get("/api-keys/" + own["id"])
            self.assertEqual(mended.status, 200, mended)
            for member, value in (("expires_at", None), ("scopes", ["*"]), ("rate_limit", None)):
                self.assertEqual(mended.json[member], value)
            self.assertIn("mended", server.logs())

    def test_that_was_deleted_is_made_again(self):
        server = self.server().start()
        client = server.client()
        own = client.get("/api-keys").json["items"][0]["id"]
        self.assertEqual(client.delete("/api-keys/" + own).status, 204)
        self.assertEqual(client.get("/users").status, 401)
        server.stop()
        server.start()
        self.assertEqual(server.client().get("/users").status, 200)

    def test_activates_a_deactivated_administrator(self):
        server = self.server().start()
        client = server.client()
        me = client.get("/users/me").json["id"]
        second = client.post("/users", {"email": "b@example.org", "role": "admin"}).json["id"]
        self.assertEqual(client.post(f"/users/{me}/deactivate").status, 200)
        self.assertEqual(client.get("/users").status, 401)
        server.stop()
        server.start()
        self.assertEqual(server.client().get("/users/" + second).status, 200)


if __name__ == "__main__":
    unittest.main()
