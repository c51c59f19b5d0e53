# SPDX-License-Identifier: Apache-2.0
"""Data directories that earlier versions wrote (tests/directories): the present server opens them,
reads everything back, and goes on from there."""

import json
import os
import re
import tarfile
import unittest

from harness import BlackBoxTest, run, wait_until

DIRECTORIES = os.path.join(os.path.dirname(__file__), "..", "directories")
OBJECTS = "/api/v1/durable-objects"
# What was kept must not go while the test looks at it, however old the directory is.
KEEPING = ("--objects-purge-after", "36500d", "--retention-age", "36500d", "--events-age", "36500d",
           "--jobs-retention", "36500d")
# What says how the object is now, not what it was.
MOVING = {"last_active_at", "last_used_at", "status_url"}


def lost(before, after, where=""):
    """What was read then and is not read now; later versions may add members."""
    if isinstance(before, dict) and isinstance(after, dict):
        gone = [f"{where}/{name} is gone" for name in before if name not in after]
        return gone + [text for name in before if name in after and name not in MOVING
                       for text in lost(before[name], after[name], f"{where}/{name}")]
    if where.endswith("/deliveries/items"):  # the copy of a directory tells its webhooks again
        ids = {delivery["id"] for delivery in after}
        return [f"{where}: {delivery} is gone" for delivery in before if delivery["id"] not in ids]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [text for place, (old, new) in enumerate(zip(before, after))
                for text in lost(old, new, f"{where}/{place}")]
    return [] if before == after else [f"{where}: {before!r} became {after!r}"]


class EarlierDirectory(BlackBoxTest):
    def noted_of(self, name):
        """Puts the directory in place, and says what is noted of it."""
        with tarfile.open(os.path.join(DIRECTORIES, name + ".tar.xz")) as archive:
            archive.extractall(self.directory, filter="data")
        with open(os.path.join(DIRECTORIES, name + ".json"), encoding="utf-8") as noted:
            return json.load(noted)

    def open(self, name):
        self.noted = self.noted_of(name)
        self.running = self.server(*KEEPING, key=self.noted["admin_key"]).start()
        self.running.kill()  # in the middle of making its rows again, or near it
        self.running.restart()
        self.wait_until_built()

    def wait_until_built(self):
        client = self.running.client()
        wait_until(lambda: client.get("/health").json["checks"]["indexes"]["status"] == "ok")

    def assert_all_there(self):
        client = self.running.client()
        for path, before in self.noted["read"].items():
            reply = client.get(path)
            self.assertEqual(reply.status, 200, (path, reply))
            gone = lost(self.normal(path, before), self.normal(path, reply.json), path)
            self.assertEqual(gone, [])

    @staticmethod
    def normal(path, body):
        """Without what goes on by itself: an object is in memory or not, a webhook notes how far it
        has read, and the administrator gets the operator's mark."""
        moving = {"status"} if path.startswith(OBJECTS) and "object_id" in body else set()
        if path == "/users/me":
            moving = {"updated_at"}
        if re.fullmatch(r"/webhooks/[^/]*", path):
            moving = {"updated_at", "failing_since"}
        return {name: value for name, value in body.items() if name not in moving}

    def assert_sound(self):
        self.assertEqual(self.running.stop(), 0)
        checked = run("check", "--data-dir", self.running.data_dir)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)

    def check_rights(self):
        user = self.running.client(self.noted["user_key"])
        own, others = self.noted["notebook_of_user"], self.noted["notebook"]
        self.assertEqual(user.get(f"/notebooks/{own}").status, 200)
        self.assertEqual(user.get(f"/notebooks/{others}").status, 404)
        self.assertEqual(user.patch(f"/notebooks/{others}", {"title": "mine"}).status, 404)
        self.assertEqual([one["id"] for one in user.get("/notebooks").json["items"]], [own])
        reader = self.running.client(self.noted["reader_key"])
        self.assertEqual(reader.get(f"/notebooks/{others}").status, 200)
        self.assertEqual(reader.patch(f"/notebooks/{others}", {"title": "x"}).status, 403)
        self.assertEqual(reader.get("/conversations").status, 403)

    def change(self):
        """A turn of each sort of thing; what was kept aside is brought back."""
        client = self.running.client()
        notebook, talk = self.noted["notebook"], self.noted["conversation"]
        deleted = self.noted["deleted"]["notebook"]
        changes = [
            ("PATCH", f"/notebooks/{notebook}", {"title": "Journeys"}),
            ("POST", f"/notebooks/{notebook}/pages", {"title": "Day two"}),
            ("POST", f"/notebooks/{deleted}/restore", None),
            ("POST", f"/conversations/{talk}/messages", {"role": "user", "content": "later"}),
            ("PATCH", f"/webhooks/{self.noted['webhook']}", {"enabled": False}),
            ("PATCH", f"/users/{self.noted['user']}", {"full_name": "Bob B."}),
            ("POST", "/notebooks", {"title": "New"}),
            ("POST", f"{OBJECTS}/counter/gone/restore", None),
            ("POST", f"{OBJECTS}/counter/visits/snapshots/3/restore", None),
            ("DELETE", f"{OBJECTS}/counter/visits/alarms/later", None),
            ("PATCH", f"{OBJECTS}/document/travels", {"done": False}),
        ]
        for method, path, body in changes:
            reply = client.call(method, path, body=body)
            self.assertLess(reply.status, 300, (method, path, reply))
        added = client.command("counter", "visits", "add", {"by": 1})
        self.assertEqual(added.status, 200, added)

    def assert_items_listed(self, *titles):
        client = self.running.client()
        notebook = self.noted["notebook"]
        section = client.get(f"/notebooks/{notebook}/sections").json["items"][0]["id"]
        for query in ({}, {"sort": "-position"}, {"sort": "updated_at"}, {"tag": "null"},
                      {"section_id": f"{section},null"}, {"limit": 1}):
            asked = {"count": "true", **query}
            page = client.get(f"/notebooks/{notebook}/pages", query=asked).json
            self.assertEqual(page["total"], len(titles), query)
            found = {one["title"] for one in page["items"]}
            self.assertTrue(found <= set(titles) and len(found) == len(page["items"]), query)
            self.assertEqual(len(found), min(len(titles), query.get("limit", 50)), query)

    def earlier_rows(self):
        """The rows of pages in the form that this version does not write any more."""
        reply = self.running.client().get(
            f"{OBJECTS}/notebook/{self.noted['notebook']}/entries",
            query={"prefix": "pages:position/"})
        self.assertEqual(reply.status, 200, reply)
        return reply.json["items"]

    def assert_changed(self):
        client = self.running.client()
        notebook, talk = self.noted["notebook"], self.noted["conversation"]
        self.assertEqual(client.get(f"/notebooks/{notebook}").json["title"], "Journeys")
        pages = client.get(f"/notebooks/{notebook}/pages").json["items"]
        self.assertIn("Day two", {page["title"] for page in pages})
        messages = client.get(f"/conversations/{talk}/messages").json["items"]
        self.assertEqual(messages[-1]["content"], "later")
        self.assertEqual(client.query("counter", "visits", "value").json, 7)
        self.assertEqual(client.query("counter", "gone", "value").json, 6)
        view = client.get(f"{OBJECTS}/counter/visits").json
        self.assertEqual(view["owner"], client.get("/users/me").json["id"])

    def check_directory(self, name):
        self.open(name)
        self.assert_all_there()
        self.check_rights()
        self.assert_items_listed("Day one")
        self.change()
        self.assert_changed()
        self.assert_items_listed("Day one", "Day two")
        self.assertEqual(self.earlier_rows(), [])
        self.running.kill()
        self.running.restart()
        self.assert_changed()
        self.check_rights()
        self.assert_sound()

    def test_with_records_of_format_1_is_read_and_goes_on(self):
        self.check_directory("record_1")

    def test_whose_items_have_rows_by_other_rules_has_them_made_again(self):
        self.noted = self.noted_of("items_1")
        self.running = self.server(*KEEPING, key=self.noted["admin_key"]).start()
        self.running.kill()
        self.running.restart()
        client = self.running.client()
        path = f"/notebooks/{self.noted['many']}"
        early = client.get(f"{path}/pages")
        if early.status != 200:  # the server may have been faster
            self.assert_problem(early, 503, "index_building")
            self.assertIn("Retry-After", early.headers)
        self.wait_until_built()
        self.assert_all_there()
        self.assert_items_listed("Day one")

        def total(**query):
            return client.get(f"{path}/pages", query={"count": "true", **query}).json["total"]
        self.assertEqual((total(), total(deleted="true")), (135, 15))
        self.assertEqual((total(tag="t0"), total(tag="t0", deleted="true")), (45, 5))
        self.change()
        self.assert_changed()
        self.assert_sound()

    def test_whose_lists_an_older_program_did_not_keep_has_them_made_again(self):
        noted = self.noted_of("rows_stale")
        self.running = self.server(*KEEPING, key=noted["admin_key"]).start()
        self.wait_until_built()
        client = self.running.client()

        def listed(**query):
            page = client.get("/notebooks", query={"count": "true", **query}).json
            return {item["id"] for item in page["items"]}, page["total"]

        changed, made = noted["changed"], noted["made"]
        self.assertEqual(listed(), ({changed, made}, 2))
        self.assertEqual(listed(tag="r"), ({made}, 1))
        self.assertEqual(listed(tag="g"), ({changed}, 1))
        self.assertEqual(listed(deleted="true")[0], {noted["deleted"]})
        client.patch(f"/notebooks/{made}", {"tags": ["g"]})
        self.assertEqual(listed(tag="g"), ({changed, made}, 2))
        self.assert_sound()

    def test_takes_another_key_of_the_operator(self):
        other = "another-key-of-the-operator-0123456789"
        before = self.noted_of("record_1")
        server = self.running = self.server(*KEEPING, key=other).start()
        me = server.client().get("/users/me").json
        self.assertEqual(me["id"], before["read"]["/users/me"]["id"])
        self.wait_until_built()
        self.assertEqual(server.client(before["admin_key"]).get("/users").status, 401)

    def test_is_sound_before_it_is_opened(self):
        with tarfile.open(os.path.join(DIRECTORIES, "record_1.tar.xz")) as archive:
            archive.extractall(self.directory, filter="data")
        checked = run("check", "--data-dir", self.path("data"))
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)


if __name__ == "__main__":
    unittest.main()
