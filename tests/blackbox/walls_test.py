# SPDX-License-Identifier: Apache-2.0
"""Walls between scopes: a key never makes, changes or reveals more than it holds itself."""

import os
import stat
import threading
import time
import unittest

from harness import SharedServerTest, in_hours, new_id, wait_until


def uuid_v7():
    """A new id as clients make them (RFC 9562, section 5.7)."""
    value = (int(time.time() * 1000) << 80) | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | (7 << 76)
    value = value & ~(0x3 << 62) | (2 << 62)
    text = f"{value:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


class Walls(SharedServerTest):
    """With the administrator's client as `client`."""

    def key(self, client=None, **members):
        """A new key of the client's user: its body, with the secret."""
        made = (client or self.client).post("/api-keys", {"name": "walled", **members})
        self.assertEqual(made.status, 201, made)
        return made.json

    def holder(self, *scopes, **members):
        """A client whose key has these scopes, of the administrator."""
        return self.shared.client(self.key(scopes=list(scopes), **members)["secret"])

    def user(self, **members):
        made = self.client.post("/users", {"email": f"{new_id()}@example.org", **members})
        self.assertEqual(made.status, 201, made)
        return made.json["id"]

    def user_client(self, *scopes):
        """A client of a new user that is no administrator."""
        self.user_id = self.user()
        scopes = list(scopes) or ["*"]
        return self.shared.client(self.key(scopes=scopes, user_id=self.user_id)["secret"])

    def assert_rule(self, reply, pointer, rule):
        problem = self.assert_problem(reply, 422, "validation_failed")
        found = [(one["pointer"], one["code"]) for one in problem["errors"]]
        self.assertIn((pointer, rule), found)


class Scopes(Walls):
    def test_come_from_a_list(self):
        for scopes, at in ((["nonsense:read"], 0), (["notebooks:read", "notebooks:eat"], 1),
                           (["everything"], 0), (["Notebooks:read"], 0), (["**"], 0)):
            self.assert_rule(self.client.post("/api-keys", {"name": "x", "scopes": scopes}),
                             f"/scopes/{at}", "unknown_scope")
            path = "/api-keys/" + self.key()["id"]
            self.assert_rule(self.client.patch(path, {"scopes": scopes}), f"/scopes/{at}",
                             "unknown_scope")
        self.key(scopes=["notebooks:read", "users:destroy", "durable-objects:write", "jobs:read"])

    def test_are_listed_by_openapi(self):
        document = self.client.get("/openapi.json").json
        for name in ("ApiKeyCreate", "ApiKeyPatch"):
            listed = document["components"]["schemas"][name]["properties"]["scopes"]["items"]
            for scope in ("*", "notebooks:read", "users:destroy", "api-keys:write"):
                self.assertIn(scope, listed["enum"])
            for scope in listed["enum"]:
                self.key(scopes=[scope])


class Keys(Walls):
    def test_make_no_child_that_holds_more(self):
        parent = self.holder("api-keys:write", "notebooks:write", expires_at=in_hours(1),
                             rate_limit={"requests": 100, "window_s": 60})
        child = {"name": "child", "scopes": ["notebooks:read"], "expires_at": in_hours(0.5),
                 "rate_limit": {"requests": 50, "window_s": 60}}
        self.assertEqual(parent.post("/api-keys", child).status, 201)
        for change, pointer in (({"scopes": ["*"]}, "/scopes"),
                                ({"scopes": ["conversations:read"]}, "/scopes/0"),
                                ({"scopes": ["notebooks:destroy"]}, "/scopes/0"),
                                ({"expires_at": in_hours(2)}, "/expires_at"),
                                ({"expires_at": None}, "/expires_at"),
                                ({"rate_limit": None}, "/rate_limit"),
                                ({"rate_limit": {"requests": 101, "window_s": 60}}, "/rate_limit"),
                                ({"rate_limit": {"requests": 2, "window_s": 1}}, "/rate_limit"),
                                ({"rate_limit": {"requests": 101, "window_s": 3600}},
                                 "/rate_limit")):
            refused = self.assert_problem(parent.post("/api-keys", {**child, **change}), 403)
            self.assertTrue(refused["errors"][0]["pointer"].startswith(pointer[:7]), refused)
        self.assert_problem(parent.post("/api-keys", {"name": "all that there is"}), 403)

    def test_lift_neither_their_own_bounds_nor_others(self):
        made = self.key(scopes=["api-keys:write"], expires_at=in_hours(1),
                        rate_limit={"requests": 1000, "window_s": 60})
        own = self.shared.client(made["secret"])
        for path in ("/api-keys/" + made["id"],
                     "/api-keys/" + self.key(scopes=["api-keys:read"], expires_at=in_hours(0.5),
                                             rate_limit={"requests": 1, "window_s": 60})["id"]):
            for change in ({"scopes": ["*"]}, {"scopes": ["users:read"]}, {"expires_at": None},
                           {"expires_at": in_hours(9)}, {"rate_limit": None},
                           {"rate_limit": {"requests": 1001, "window_s": 60}}):
                self.assert_problem(own.patch(path, change), 403, "forbidden")
            self.assertEqual(own.patch(path, {"name": "renamed"}).status, 200)
        narrower = {"scopes": ["api-keys:read"], "expires_at": in_hours(0.9)}
        self.assertEqual(own.patch("/api-keys/" + made["id"], narrower).status, 200)

    def test_neither_change_rotate_nor_end_what_holds_more(self):
        own = self.holder("api-keys:write")
        admin = next(key["id"] for key in self.client.get("/api-keys?limit=500").json["items"]
                     if key["name"] == "admin")
        stronger = self.key(scopes=["notebooks:read"])["id"]
        for path in ("/api-keys/" + admin, "/api-keys/" + stronger):
            self.assert_problem(own.post(path + "/rotate"), 403, "forbidden")
            self.assert_problem(own.patch(path, {"name": "mine"}), 403, "forbidden")
            self.assert_problem(own.delete(path), 403, "forbidden")
        self.assertEqual(self.client.get("/api-keys/" + admin).json["name"], "admin")
        weaker = "/api-keys/" + self.key(scopes=["api-keys:read"])["id"]
        self.assertEqual(own.post(weaker + "/rotate").status, 200)
        self.assertEqual(own.delete(weaker).status, 204)
        expiring = self.holder("*", expires_at=in_hours(1))
        lasting = self.key(scopes=["api-keys:read"])["id"]
        self.assert_problem(expiring.post(f"/api-keys/{lasting}/rotate"), 403, "forbidden")

    def test_are_given_no_rate_above_that_of_all_keys_but_by_administrators(self):
        high = {"requests": 1_000_000, "window_s": 1}
        refused = self.user_client().post("/api-keys", {"name": "x", "rate_limit": high})
        self.assert_problem(refused, 403, "forbidden")
        self.key(self.user_client(), rate_limit={"requests": 1000, "window_s": 1})
        self.key(rate_limit=high)

    def test_of_another_user_are_made_by_administrators(self):
        user = self.user()
        made = self.key(user_id=user, scopes=["users:read"])
        self.assertEqual(made["user_id"], user)
        theirs = self.shared.client(made["secret"])
        self.assertEqual(theirs.get("/users/me").json["id"], user)
        self.assert_rule(self.client.post("/api-keys", {"name": "x", "user_id": new_id()}),
                         "/user_id", "unknown_reference")
        plain = self.user_client()
        mine = plain.get("/users/me").json["id"]
        self.assert_rule(plain.post("/api-keys", {"name": "x", "user_id": user}), "/user_id",
                         "read_only")
        self.assertEqual(plain.post("/api-keys", {"name": "x", "user_id": mine}).status, 201)
        self.assert_rule(self.client.patch("/api-keys/" + made["id"], {"user_id": mine}),
                         "/user_id", "read_only")


class SystemKinds(Walls):
    """Kinds whose objects grant rights or hold secrets, by the doors that are open to all kinds."""

    kinds = ("api_key", "job", "job_queue", "user", "webhook")

    def test_are_closed_to_scopes_of_durable_objects(self):
        holder = self.holder("durable-objects:write", "durable-objects:read")
        self.client.post("/jobs", {"type": "echo"})
        self.client.post("/webhooks", {"url": "https://example.org/h", "topics": ["x.*"]})
        for kind in self.kinds:
            listed = self.client.get(f"/durable-objects?kind={kind}")
            self.assertEqual(listed.status, 200, listed)
            self.assertTrue(listed.json["items"], kind)
            item = f"/durable-objects/{kind}/{listed.json['items'][0]['id']}"
            body = {"state": {}}
            for method, path, sent in (
                    ("GET", f"/durable-objects?kind={kind}", None), ("GET", item, None),
                    ("GET", item + "?as_of=1", None), ("PUT", item, {}), ("PATCH", item, {}),
                    ("DELETE", item, None), ("POST", item + "/restore", None),
                    ("POST", item + "/request", {"query": "get"}),
                    ("GET", item + "/journal", None), ("GET", item + "/snapshots", None),
                    ("POST", item + "/snapshots", {}), ("GET", item + "/snapshots/1", None),
                    ("DELETE", item + "/snapshots/1", None),
                    ("POST", item + "/snapshots/1/restore", None),
                    ("GET", item + "/entries", None), ("GET", item + "/export", None),
                    ("POST", item + "/clone", {}), ("GET", item + "/alarms", None),
                    ("POST", item + "/alarms", {"name": "x", "command": "y", "after_ms": 9999}),
                    ("GET", item + "/alarms/x", None), ("DELETE", item + "/alarms/x", None),
                    ("GET", item + "/alarms/x/runs", None), ("POST", item + "/hibernate", None),
                    ("POST", item + "/activate", None),
                    ("POST", "/durable-objects", {"kind": kind, "id": "made", **body}),
                    ("POST", "/durable-objects/transact",
                     {"steps": [{"kind": "counter", "id": "c", "command": "add"},
                                {"kind": kind, "id": "made", "command": "create"}]})):
                reply = holder.call(method, path, body=sent)
                self.assertEqual(reply.status, 403, (method, path, reply))
        imported = holder.post(
            "/durable-objects/import?kind=api_key&id=made", raw=b'{"format":"perdure-object"}\n',
            headers={"Content-Type": "application/x-ndjson"})
        self.assertEqual(imported.status, 403, imported)

    def test_are_left_out_of_lists_over_all_kinds(self):
        holder = self.holder("durable-objects:read")
        self.client.command("counter", "seen", "add")
        self.client.post("/jobs", {"type": "echo"})
        kinds, cursor = set(), ""
        while cursor is not None:
            page = holder.get("/durable-objects?limit=500" + (cursor and "&cursor=" + cursor)).json
            kinds.update(item["kind"] for item in page["items"])
            cursor = page["next_cursor"]
        self.assertIn("counter", kinds)
        self.assertFalse(kinds.intersection(self.kinds), kinds)

    def test_are_open_to_an_administrator_that_holds_all(self):
        key = self.key()
        self.assertEqual(self.client.get("/durable-objects/api_key/" + key["id"]).status, 200)
        self.assertEqual(
            self.client.patch("/durable-objects/api_key/" + key["id"], {"name": "b"}).status, 200)


class Secrets(Walls):
    def test_leave_in_no_export(self):
        made = self.client.post("/webhooks", {"url": "https://example.org/h", "topics": ["x.*"]})
        secret = made.json["secret"].encode()
        path = f"/durable-objects/webhook/{made.json['id']}"
        exported = self.client.get(path + "/export")
        self.assertEqual(exported.status, 200)
        self.assertNotIn(secret, exported.body)
        self.assertIn(b'"sealed"', exported.body)
        key = self.key()
        exported_key = self.client.get(f"/durable-objects/api_key/{key['id']}/export")
        self.assertNotIn(b"secret_hash", exported_key.body)
        # Sealed for import alone: a copy signs as the original does.
        into = "/durable-objects/import?id=" + new_id()
        copied = self.client.post(into, raw=exported.body,
                                  headers={"Content-Type": "application/x-ndjson"})
        self.assertEqual(copied.status, 201, copied)
        self.assertEqual(copied.json["state"]["secret_prefix"], made.json["secret_prefix"])

    def test_in_exports_of_another_server_are_refused(self):
        made = self.client.post("/webhooks", {"url": "https://example.org/h", "topics": ["x.*"]})
        exported = self.client.get(f"/durable-objects/webhook/{made.json['id']}/export")
        other = self.server(data="other").start()
        refused = other.client().post("/durable-objects/import", raw=exported.body,
                                      headers={"Content-Type": "application/x-ndjson"})
        problem = self.assert_problem(refused, 422)
        self.assertEqual(problem["errors"][0]["code"], "sealed_elsewhere")

    def test_have_their_key_beside_the_data_for_its_owner_alone(self):
        self.client.get(f"/durable-objects/api_key/{self.key()['id']}/export")
        mode = os.stat(os.path.join(self.shared.data_dir, "export.key")).st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o600)


class Exports(Walls):
    def ended(self, client, job):
        wait_until(lambda: client.get("/jobs/" + job).json["status"] in ("succeeded", "failed"))
        return client.get("/jobs/" + job).json

    def test_of_all_need_the_scope_of_every_kind_in_them(self):
        self.client.post("/notebooks", {"title": "private"})
        self.assert_problem(self.holder("users:read").get("/users/me/export"), 403, "forbidden")
        self.assertEqual(self.client.get("/users/me/export").status, 200)
        user = self.user_client()
        self.assertEqual(user.post("/notebooks", {"title": "mine"}).status, 201)
        scopes = ["users:read", "api-keys:read", "notebooks:read"]
        whole = self.shared.client(self.key(user, scopes=scopes)["secret"])
        exported = whole.get("/users/me/export")
        self.assertEqual(exported.status, 200, exported)
        self.assertIn(b"mine", exported.body)
        part = self.shared.client(self.key(user, scopes=scopes[:2])["secret"])
        refused = self.assert_problem(part.get("/users/me/export"), 403, "forbidden")
        self.assertIn("notebooks:read", refused["detail"])

    def test_by_a_job_hold_what_the_key_of_its_maker_held(self):
        notebook = self.client.post("/notebooks", {"title": "for eyes with scope"}).json["id"]
        jobs = self.holder("jobs:write")
        for payload in ({}, {"kind": "notebook", "id": notebook}):
            job = self.ended(jobs, jobs.post("/jobs", {"type": "export",
                                                       "payload": payload}).json["id"])
            self.assertEqual((job["status"], job["error"]["code"]), ("failed", "forbidden"), job)
        for kind, object_id in (("user", self.user()), ("api_key", self.key()["id"])):
            job = jobs.post("/jobs", {"type": "export",
                                      "payload": {"kind": kind, "id": object_id}}).json["id"]
            self.assertEqual(self.ended(jobs, job)["status"], "failed")
        both = self.holder("jobs:write", "notebooks:read")
        job = both.post("/jobs", {"type": "export",
                                  "payload": {"kind": "notebook", "id": notebook}}).json["id"]
        self.assertEqual(self.ended(both, job)["status"], "succeeded")
        self.assertEqual(both.get(f"/jobs/{job}/output").status, 200)
        # What one key exported, another one that holds less does not read.
        self.assert_problem(jobs.get(f"/jobs/{job}/output"), 403, "forbidden")

    def test_erasure_needs_the_scope_to_destroy(self):
        user = self.user_client()
        writer = self.shared.client(self.key(user, scopes=["users:write"])["secret"])
        self.assert_problem(writer.delete("/users/me"), 403, "forbidden")
        self.assertEqual(user.get("/users/me").status, 200)
        other = self.holder("users:write")
        self.assert_problem(other.delete("/users/" + self.user_id), 403, "forbidden")
        destroyer = self.shared.client(self.key(user, scopes=["users:destroy"])["secret"])
        self.assert_problem(destroyer.get("/users/me"), 403, "forbidden")
        self.assertEqual(destroyer.delete("/users/me").status, 204)
        self.assertEqual(user.get("/users/me").status, 401)

    def test_roles_are_given_by_who_may_destroy(self):
        user = self.user()
        writer = self.holder("users:write")
        self.assertEqual(writer.patch("/users/" + user, {"full_name": "Ada"}).status, 200)
        self.assert_problem(writer.patch("/users/" + user, {"role": "admin"}), 403, "forbidden")
        self.assert_problem(
            writer.post("/users", {"email": f"{new_id()}@example.org", "role": "admin"}), 403)
        self.assertEqual(self.client.get("/users/" + user).json["role"], "user")


class SentBack(Walls):
    fixed = {"id": "0190a000-0000-7000-8000-000000000000", "user_id": new_id(),
             "organization_id": new_id(), "created_at": "2020-01-01T00:00:00.000Z",
             "created_by": new_id()}

    def resources(self):
        """(path of the collection, a create's body, path of one, what is there) of each sort."""
        client = self.client
        for path, body in (
                ("/notebooks", {"title": "a"}), ("/conversations", {"title": "a"}),
                ("/webhooks", {"url": "https://example.org/h", "topics": ["x.*"]}),
                ("/users", {"email": f"{new_id()}@example.org"}), ("/api-keys", {"name": "a"})):
            made = client.post(path, body)
            self.assertEqual(made.status, 201, made)
            yield path, body, f"{path}/{made.json['id']}", made.json
        book = client.post("/notebooks", {"title": "a"}).json["id"]
        for items in ("sections", "pages"):
            path = f"/notebooks/{book}/{items}"
            made = client.post(path, {"title": "a"})
            self.assertEqual(made.status, 201, made)
            yield path, {"title": "b"}, f"{path}/{made.json['id']}", made.json
        talk = client.post("/conversations", {}).json["id"]
        yield f"/conversations/{talk}/messages", {"content": "hello"}, None, None
        yield "/jobs", {"type": "echo"}, None, None

    def test_members_that_never_change_are_refused_when_they_differ(self):
        for collection, body, one, there in self.resources():
            for member, value in self.fixed.items():
                pointer = "/" + member
                if one is not None:
                    methods = ("PATCH",) if collection == "/api-keys" else ("PATCH", "PUT")
                    for method in methods:
                        with self.subTest(method=method, path=one, member=member):
                            self.assert_rule(self.client.call(method, one, body={member: value}),
                                             pointer, "read_only")
                if member == "id" or (collection, member) == ("/api-keys", "user_id"):
                    continue
                sent = dict(body)
                if collection == "/users":
                    sent["email"] = f"{new_id()}@example.org"
                with self.subTest(method="POST", path=collection, member=member):
                    self.assert_rule(self.client.post(collection, {**sent, member: value}),
                                     pointer, "read_only")
            if one is not None:
                same = self.client.get(one).json
                moved = {**same, "updated_at": "2020-01-01T00:00:00.000Z", "updated_by": new_id()}
                self.assertEqual(self.client.patch(one, moved).status, 200, (one, moved))

    def test_the_own_role_is_read_only(self):
        self.assert_rule(self.client.patch("/users/me", {"role": "user"}), "/role", "read_only")
        self.assert_rule(self.client.patch("/users/me", {"is_superuser": False}),
                         "/is_superuser", "read_only")
        me = self.client.get("/users/me").json
        self.assertEqual(self.client.put("/users/me", me).status, 200)

    def test_an_id_in_a_create_is_taken_when_it_is_new(self):
        for collection, body, _, _ in self.resources():
            chosen = uuid_v7()
            sent = dict(body)
            if collection == "/users":
                sent["email"] = f"{new_id()}@example.org"
            with self.subTest(path=collection):
                made = self.client.post(collection, {**sent, "id": chosen})
                self.assertEqual(made.status, 201, made)
                self.assertEqual(made.json["id"], chosen)
                self.assertTrue(made.headers["Location"].endswith("/" + chosen), made.headers)
                if collection == "/users":
                    sent["email"] = f"{new_id()}@example.org"
                self.assert_problem(self.client.post(collection, {**sent, "id": chosen}), 409)
                for wrong in (new_id(), "mine", 7, chosen.upper()):
                    self.assertEqual(self.client.post(collection, {**sent, "id": wrong}).status,
                                     422, wrong)

    def test_an_id_of_somebody_else_or_of_the_past_is_taken(self):
        chosen = uuid_v7()
        user = self.user_client()
        self.assertEqual(user.post("/notebooks", {"title": "a", "id": chosen}).status, 201)
        self.assert_problem(self.user_client().post("/notebooks", {"title": "b", "id": chosen}),
                            409)
        self.assertEqual(user.delete("/notebooks/" + chosen).status, 204)
        self.assert_problem(user.post("/notebooks", {"title": "b", "id": chosen}), 409)
        self.assertEqual(user.post(f"/notebooks/{chosen}/restore").json["title"], "a")


class LastAdmin(Walls):
    def test_cannot_be_ended_by_any_route(self):
        me = self.client.get("/users/me").json["id"]
        item = "/durable-objects/user/" + me
        state = self.client.get(item).json["state"]
        for method, path, body in (
                ("POST", f"/users/{me}/deactivate", None), ("DELETE", f"/users/{me}", None),
                ("DELETE", "/users/me", None), ("PATCH", f"/users/{me}", {"is_active": False}),
                ("PATCH", f"/users/{me}", {"role": "user"}),
                ("PUT", f"/users/{me}", {"role": "user"}),
                ("PATCH", f"/users/{me}", {"role": None}), ("DELETE", item, None),
                ("PATCH", item, {"is_active": False}),
                ("PATCH", item, {"role": "user", "is_superuser": False}),
                ("PUT", item, {**state, "is_active": False}),
                ("POST", item + "/request", {"command": "deactivate"}),
                ("POST", item + "/request", {"command": "erase"}),
                ("POST", item + "/request", {"command": "update",
                                             "payload": {"role": "user"}}),
                ("POST", "/durable-objects/transact",
                 {"steps": [{"kind": "counter", "id": "c", "command": "add"},
                            {"kind": "user", "id": me, "command": "deactivate"}]})):
            with self.subTest(method=method, path=path, body=body):
                self.assert_problem(self.client.call(method, path, body=body), 409, "last_admin")
        self.assertEqual(self.client.get("/users/me").json["role"], "admin")
        self.assertEqual(self.client.patch(f"/users/{me}", {"full_name": "A"}).status, 200)
        self.assertEqual(self.client.patch(item, {"full_name": "B"}).status, 200)

    def test_who_asks_to_be_erased_loses_nothing(self):
        book = self.client.post("/notebooks", {"title": "mine"}).json["id"]
        key = self.holder("notebooks:read")
        self.assert_problem(self.client.delete("/users/me"), 409, "last_admin")
        self.assertEqual(self.client.get(f"/notebooks/{book}").status, 200)
        self.assertEqual(key.get(f"/notebooks/{book}").status, 200)

    def test_stays_whatever_an_alarm_asks_of_it(self):
        me = self.client.get("/users/me").json["id"]
        alarms = f"/durable-objects/user/{me}/alarms"
        alarm = {"name": "later", "command": "deactivate", "after_ms": 1, "retry": {"attempts": 1}}
        self.assertEqual(self.client.post(alarms, alarm).status, 201)
        wait_until(lambda: self.client.get(f"{alarms}/later/runs").json["items"])
        runs = self.client.get(f"{alarms}/later/runs").json["items"]
        self.assertEqual(runs[0]["outcome"], "failed")
        self.assertIn("active administrator", runs[0]["error"])
        self.assertTrue(self.client.get("/users/me").json["is_active"])
        third = self.user(role="admin")
        path = f"/durable-objects/user/{third}/alarms"
        self.assertEqual(self.client.post(path, alarm).status, 201)
        wait_until(lambda: not self.client.get(f"/users/{third}").json["is_active"])

    def test_stays_whatever_a_subscription_asks_of_it(self):
        me = self.client.get("/users/me").json["id"]
        order = {"topics": ["notebook.created"], "kind": "user", "id": me, "command": "deactivate"}
        path = "/durable-objects/subscription/ends-me/request"
        asked = self.client.post(path, {"command": "subscribe", "payload": order})
        self.assertEqual(asked.status, 403, asked)

    def test_of_two_that_go_at_once_one_stays(self):
        me = self.client.get("/users/me").json["id"]
        other = self.user(role="admin")
        their = self.shared.client(self.key(scopes=["*"], user_id=other)["secret"])
        self.addCleanup(self.client.delete, f"/users/{other}")

        def doors(user):
            body = {"atomic": True,
                    "requests": [{"method": "POST", "path": f"/users/{user}/deactivate"}]}
            steps = {"steps": [{"kind": "user", "id": user, "command": "deactivate"}]}
            return ((f"/users/{user}/deactivate", None), ("/batch", body),
                    (f"/durable-objects/user/{user}/request", {"command": "deactivate"}),
                    ("/durable-objects/transact", steps))
        for turn in range(24):
            go = threading.Barrier(2)
            answers = {}

            def ask(user, client, door, go=go, answers=answers):
                go.wait()
                answers[user] = client.post(*door)
            asks = ((me, self.client, doors(me)[turn % 4]),
                    (other, their, doors(other)[turn // 4 % 4]))
            threads = [threading.Thread(target=ask, args=one) for one in asks]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            gone = [user for user, reply in answers.items() if reply.status == 200]
            self.assertEqual(len(gone), 1, answers)
            refused = answers[other if gone == [me] else me]
            self.assert_problem(refused, 409, "last_admin")
            stays = their if gone == [me] else self.client
            self.assertEqual(stays.post(f"/users/{gone[0]}/activate").status, 200)

    def test_may_go_when_there_is_another(self):
        second = self.user(role="admin")
        for path in (f"/users/{second}/deactivate", f"/users/{second}/activate",
                     f"/users/{second}/deactivate"):
            self.assertEqual(self.client.post(path).status, 200, path)
        self.assertEqual(self.client.delete(f"/users/{second}").status, 204)


if __name__ == "__main__":
    unittest.main()
