#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is left on disk of a user who was erased."""

import os
import unittest

from harness import BlackBoxTest

WORDS = ("EMAILxq", "NAMExq", "NOTEBOOKxq", "TAGxq", "OLDTITLExq", "PAGExq", "CONTENTxq",
         "TALKxq", "MESSAGExq", "URLxq", "TASKxq")


class Erasure(BlackBoxTest):
    def user(self, server):
        admin = server.client()
        user = admin.post("/users", {"email": "EMAILxq@example.org", "username": "NAMExq"}).json
        key = admin.post("/api-keys", {"name": "k", "user_id": user["id"]}).json["secret"]
        return server.client(key)

    def write(self, client):
        notebook = client.post("/notebooks", {"title": "OLDTITLExq", "tags": ["TAGxq"]}).json["id"]
        client.patch(f"/notebooks/{notebook}", {"title": "NOTEBOOKxq"})
        client.post(f"/notebooks/{notebook}/pages", {"title": "PAGExq", "content": "CONTENTxq",
                                                     "tags": ["TAGxq"]})
        talk = client.post("/conversations", {"title": "TALKxq"}).json["id"]
        client.post(f"/conversations/{talk}/messages", {"role": "user", "content": "MESSAGExq"})
        client.post("/webhooks", {"url": "https://example.com/URLxq", "topics": ["x.*"]})
        self.assertEqual(client.post("/tasks", {"title": "TASKxq"}).status, 201)

    def left(self, server):
        found = set()
        for folder, _, names in os.walk(server.data_dir):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    text = file.read()
                found |= {(word, name) for word in WORDS if word.encode() in text}
        return found

    def test_leaves_no_word_of_the_user_in_any_file_once_the_server_is_stopped(self):
        server = self.server().start()
        client = self.user(server)
        self.write(client)
        server.stop()
        self.assertEqual({word for word, _ in self.left(server)}, set(WORDS))
        server.start()  # what was in the log is in files of rows now
        client = server.client(client.key)
        self.assertEqual(client.delete("/users/me").status, 204)
        other = server.client().post("/notebooks", {"title": "of somebody else"}).json["id"]
        server.stop()
        self.assertEqual(self.left(server), set())
        server.start()
        self.assertEqual(server.client().get(f"/notebooks/{other}").status, 200)
        self.assertEqual(server.client(client.key).get("/users/me").status, 401)

    def test_is_made_up_for_after_a_crash(self):
        server = self.server().start()
        client = self.user(server)
        self.write(client)
        self.assertEqual(client.delete("/users/me").status, 204)
        server.kill()
        self.assertNotEqual(self.left(server), set())
        server.restart()
        server.stop()
        self.assertEqual(self.left(server), set())


if __name__ == "__main__":
    unittest.main()
