# SPDX-License-Identifier: Apache-2.0
"""Checks of users, their preferences and keys."""

import datetime
import json

import expect
from harness import new_id, wait_until
from nouns import find
from world import some_id


def address():
    return f"{new_id()}@example.org"


def list_users(world):
    """An administrator lists users, also after a restart; an unknown filter is a 422"""
    made = expect.answered(world.admin.post("/users", {"email": address()}), 201)
    wrong = world.admin.get("/users", query={"colour": "red"})
    expect.refused(wrong, 422, "validation_failed")
    yield
    expect.equal(find(world.admin, "/users", made["id"])["email"], made["email"])


def get_user(world):
    """A user by id, the own one for everybody; others' and unknown ones are a 404"""
    made = expect.answered(world.admin.post("/users", {"email": address()}), 201)
    yield
    expect.equal(expect.answered(world.admin.get("/users/" + made["id"])), made)
    me = expect.answered(world.user.get("/users/me"))
    expect.equal(expect.answered(world.user.get("/users/" + me["id"])), me)
    expect.refused(world.user.get("/users/" + made["id"]), 404, "not_found")
    expect.refused(world.admin.get("/users/" + some_id()), 404, "not_found")


def put_user(world):
    """A profile changed by `PUT`, listed so after a restart; a wrong role is a 422"""
    made = expect.answered(world.admin.post("/users", {"email": address()}), 201)
    path = "/users/" + made["id"]
    changed = expect.answered(world.admin.put(path, {"full_name": "Ada King"}))
    expect.equal((changed["full_name"], changed["email"]), ("Ada King", made["email"]))
    expect.refused(world.admin.put(path, {"role": "king"}), 422, "validation_failed", "/role")
    yield
    expect.equal(find(world.admin, "/users", made["id"])["full_name"], "Ada King")


def deactivate(world):
    """A deactivated user's keys stop at once, and still after a restart; a user cannot do it"""
    client, id = someone(world)
    expect.answered(world.admin.post(f"/users/{id}/deactivate"))
    expect.refused(client.get("/users/me"), 401, "unauthenticated")
    expect.refused(world.user.post(f"/users/{id}/deactivate"), 403, "forbidden")
    key = client.key
    yield
    expect.equal(expect.answered(world.admin.get("/users/" + id))["is_active"], False)
    expect.refused(world.server.client(key).get("/users/me"), 401, "unauthenticated")


def activate(world):
    """Activated again, the user's keys work, also after a restart; an unknown user is a 404"""
    client, id = someone(world)
    expect.answered(world.admin.post(f"/users/{id}/deactivate"))
    expect.answered(world.admin.post(f"/users/{id}/activate"))
    expect.answered(client.get("/users/me"))
    expect.refused(world.admin.post(f"/users/{some_id()}/activate"), 404, "not_found")
    key = client.key
    yield
    expect.equal(expect.answered(world.admin.get("/users/" + id))["is_active"], True)
    expect.answered(world.server.client(key).get("/users/me"))


def someone(world):
    client = world.new_user()
    return client, expect.answered(client.get("/users/me"))["id"]


def get_me(prefix):
    def check(world):
        """The caller, the same under `/users/{id}` and after a restart"""
        me = expect.answered(world.user.get(f"{prefix}/users/me"))
        expect.equal(me["role"], "user")
        yield
        expect.equal(expect.answered(world.admin.get("/users/" + me["id"]))["email"], me["email"])
    return check


def put_me(prefix):
    def check(world):
        """The own profile changed, seen by an administrator after a restart, and not one's role; a
        name that is none is a 422"""
        client, id = someone(world)
        expect.answered(client.put(f"{prefix}/users/me", {"full_name": "Ada"}))
        wrong = client.put(f"{prefix}/users/me", {"full_name": 7})
        expect.refused(wrong, 422, "validation_failed", "/full_name")
        client.put(f"{prefix}/users/me", {"role": "admin"})
        yield
        found = expect.answered(world.admin.get("/users/" + id))
        expect.equal((found["full_name"], found["role"]), ("Ada", "user"))
    return check


def get_preferences(prefix):
    def check(world):
        """The preferences as the user's own record has them, after a restart"""
        expect.answered(world.user.patch(f"{prefix}/users/preferences", {"theme": "dark"}))
        yield
        found = expect.answered(world.user.get(f"{prefix}/users/preferences"))
        expect.equal(found["theme"], "dark")
        expect.equal(expect.answered(world.user.get("/users/me"))["preferences"], found)
    return check


def put_preferences(prefix):
    def check(world):
        """Preferences are replaced, read by `/users/me` after a restart; an unknown time zone is a
        422"""
        client, id = someone(world)
        wanted = {"time_zone": "Europe/Oslo", "theme": "dark"}
        expect.equal(expect.answered(client.put(f"{prefix}/users/preferences", wanted)), wanted)
        wrong = client.put(f"{prefix}/users/preferences", {"time_zone": "Nowhere/Land"})
        expect.refused(wrong, 422, "validation_failed", "/time_zone")
        yield
        expect.equal(expect.answered(world.admin.get("/users/" + id))["preferences"], wanted)
    return check


def unique(member, one, same):
    def check(world):
        made = {"email": address(), member: one}
        expect.answered(world.admin.post("/users", made), 201)
        again = world.admin.post("/users", {"email": address(), **{member: same}})
        expect.equal(again.status, 409)
        yield
        later = world.admin.post("/users", {"email": address(), **{member: same}})
        expect.equal(later.status, 409)
    check.__doc__ = f"One `{member}` belongs to one user, whatever its case; the second is a 409"
    return check


def roles(world):
    """A user gets nothing that is an administrator's: users, durable objects, metrics are a 403"""
    for path in ("/users", "/durable-objects", "/metrics", "/outbox"):
        expect.answered(world.admin.get(path))
        expect.refused(world.user.get(path), 403, "forbidden")
    yield
    expect.refused(world.user.get("/durable-objects"), 403, "forbidden")


def isolation(world):
    """Somebody else's resource is a 404, is not listed, and cannot be changed"""
    made = expect.answered(world.admin.post("/notebooks", {"title": "mine"}), 201)
    path = "/notebooks/" + made["id"]
    for reply in (world.user.get(path), world.user.patch(path, {"title": "x"}),
                  world.user.delete(path)):
        expect.refused(reply, 404, "not_found")
    expect.equal(find(world.user, "/notebooks", made["id"]), None)
    yield
    expect.equal(expect.answered(world.admin.get(path)), made)
    expect.refused(world.user.get(path), 404, "not_found")


def api_keys(world):
    """A key opens what it is made for until it is deleted, through restarts; no name is a 422"""
    made = expect.answered(world.admin.post("/api-keys", {"name": "k"}), 201)
    gone = expect.answered(world.admin.post("/api-keys", {"name": "k"}), 201)
    expect.answered(world.admin.delete("/api-keys/" + gone["id"]), 204)
    expect.refused(world.admin.post("/api-keys", {}), 422, "validation_failed", "/name")
    yield
    expect.answered(world.server.client(made["secret"]).get("/users/me"))
    expect.refused(world.server.client(gone["secret"]).get("/users/me"), 401, "unauthenticated")
    expect.that("secret" not in find(world.admin, "/api-keys", made["id"]), "the secret again")


def scopes(world):
    """A key with `notebooks:read` reads notebooks and nothing else, after a restart, too"""
    body = {"name": "k", "scopes": ["notebooks:read"]}
    made = expect.answered(world.admin.post("/api-keys", body), 201)
    wrong = world.admin.post("/api-keys", {"name": "k", "scopes": ["Notebooks read"]})
    expect.refused(wrong, 422, "validation_failed")
    yield
    client = world.server.client(made["secret"])
    expect.answered(client.get("/notebooks"))
    expect.refused(client.post("/notebooks", {"title": "t"}), 403, "forbidden")
    expect.refused(client.get("/conversations"), 403, "forbidden")


def known_scopes(world):
    """Scopes are kept and listed after a restart; one of no resource is a 422"""
    body = {"name": "k", "scopes": ["jobs:read", "notebooks:write"]}
    made = expect.answered(world.admin.post("/api-keys", body), 201)
    unknown = world.admin.post("/api-keys", {"name": "k", "scopes": ["nonsense:read"]})
    expect.refused(unknown, 422, "validation_failed")
    yield
    expect.equal(find(world.admin, "/api-keys", made["id"])["scopes"], body["scopes"])


def walls(world):
    """A key for `durable-objects` alone makes no keys, neither as such nor as objects"""
    body = {"name": "k", "scopes": ["durable-objects:write"]}
    made = expect.answered(world.admin.post("/api-keys", body), 201)
    client = world.server.client(made["secret"])
    expect.refused(client.post("/api-keys", {"name": "more"}), 403, "forbidden")
    state = {"name": "more", "prefix": "pdk_seeds", "scopes": ["*"], "expires_at": None,
             "rate_limit": None, "last_used_at": None, "revoked_at": None, "metadata": {},
             "internal": {"secret_hash": "0" * 64}}
    taken = client.post("/durable-objects", {"kind": "api_key", "state": state})
    expect.refused(taken, 403, "forbidden")


def key_expiry(world):
    """A key past its `expires_at` is a 401; a time that is none is a 422"""
    past = datetime.datetime(2001, 1, 1, tzinfo=datetime.timezone.utc).isoformat()
    made = world.admin.post("/api-keys", {"name": "k", "expires_at": past.replace("+00:00", "Z")})
    wrong = world.admin.post("/api-keys", {"name": "k", "expires_at": "soon"})
    expect.refused(wrong, 422, "validation_failed", "/expires_at")
    if made.status == 201:
        expect.refused(world.server.client(made.json["secret"]).get("/users/me"), 401,
                       "unauthenticated")
    else:
        expect.equal(made.status, 422)


def gdpr(world):
    """`/users/me/export` has everything of a user; after `DELETE /users/me` nothing is there, also
    after a restart"""
    client, id = someone(world)
    made = expect.answered(client.post("/notebooks", {"title": "private words"}), 201)
    archive = client.get("/users/me/export")
    expect.equal(archive.status, 200)
    lines = [json.loads(line) for line in archive.body.splitlines()]
    expect.contains(json.dumps(lines), "private words")
    expect.that(client.delete("/users/me").status in (202, 204), "no erasure")
    expect.refused(client.get("/users/me"), 401, "unauthenticated")
    yield
    expect.refused(world.admin.get("/users/" + id), 404, "not_found")
    gone = world.admin.get("/durable-objects/notebook/" + made["id"])
    expect.that(gone.status in (404, 410), gone)


def superuser(world):
    """`is_superuser` is true of administrators alone, after a restart, too; who sends another
    value is refused (422)"""
    made = {role: expect.answered(world.admin.post("/users", {"email": address(), "role": role}),
                                  201) for role in ("user", "admin")}
    wrong = world.admin.patch("/users/" + made["user"]["id"], {"is_superuser": True})
    expect.refused(wrong, 422, "validation_failed", "/is_superuser")
    yield
    for role, one in made.items():
        expect.equal(find(world.admin, "/users", one["id"])["is_superuser"], role == "admin")


def key_has(member, value, wrong):
    def check(world):
        body = {"name": "k", member: value}
        made = expect.answered(world.admin.post("/api-keys", body), 201)
        refused = world.admin.post("/api-keys", {"name": "k", member: wrong})
        expect.refused(refused, 422, "validation_failed", "/" + member)
        yield
        expect.equal(find(world.admin, "/api-keys", made["id"])[member], value)
    check.__doc__ = f"`{member}` is listed after a restart; `{wrong}` is a 422"
    return check


def key_use(world):
    """`last_used_at` is null, and a time once the key was used"""
    made = expect.answered(world.admin.post("/api-keys", {"name": "k"}), 201)
    expect.equal(made["last_used_at"], None)
    expect.answered(world.server.client(made["secret"]).get("/users/me"))
    path = "/api-keys/" + made["id"]
    wait_until(lambda: world.admin.get(path).json["last_used_at"], what="the key's last use")
