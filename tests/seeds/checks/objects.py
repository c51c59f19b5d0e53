# SPDX-License-Identifier: Apache-2.0
"""Checks of durable objects and their administration."""

import expect
from harness import wait_until
from nouns import walk
from trials import Trial
from world import some_id

BASE = "/durable-objects"


def new(world, state=None):
    """Makes a document; gives its one-part id, `kind:id`, and its answer."""
    id = "seeds-" + some_id()
    body = {"kind": "document", "id": id, "state": state if state is not None else {"a": 1}}
    return "document:" + id, expect.answered(world.admin.post(BASE, body), 201)


def state_of(world, object_id):
    """By the other form of the path."""
    kind, _, id = object_id.partition(":")
    return expect.answered(world.admin.get(f"/api/v1{BASE}/{kind}/{id}"))["state"]


def list_objects(world):
    """Objects of a kind, also after a restart; an unknown filter is a 422"""
    object_id, _ = new(world)
    expect.refused(world.admin.get(BASE, query={"colour": "red"}), 422, "validation_failed")
    yield
    listed = [one["object_id"] for one in walk(world.admin, BASE, kind="document")]
    expect.contains(listed, object_id)


def create_object(world):
    """Made with a state, read after a restart; an unknown kind is a 422, a second one a 409"""
    object_id, view = new(world, {"words": ["kept"]})
    expect.equal(view["object_id"], object_id)
    expect.that(world.admin.post(BASE, {"kind": "nonsense"}).status in (404, 422), "taken")
    body = {"kind": "document", "id": view["id"]}
    expect.equal(world.admin.post(BASE, body).status, 409)
    yield
    expect.equal(state_of(world, object_id), {"words": ["kept"]})


def get_object(world):
    """By its one-part id, after a restart as before; an unknown one is a 404"""
    object_id, view = new(world)
    yield
    found = expect.answered(world.admin.get(f"{BASE}/{object_id}"))
    for member in ("object_id", "kind", "id", "seq", "state", "created_at", "updated_at"):
        expect.equal(found[member], view[member])
    found = expect.answered(world.admin.get(f"{BASE}/{object_id.replace(':', '%3A')}"))
    expect.equal(found["object_id"], object_id)
    expect.refused(world.admin.get(f"{BASE}/document:{some_id()}"), 404, "not_found")


def put_object(world):
    """The state is replaced as a turn of the journal, read after a restart; a body that is no JSON
    is a 400"""
    object_id, _ = new(world)
    path = f"{BASE}/{object_id}"
    expect.equal(expect.answered(world.admin.put(path, {"b": 2}))["seq"], 2)
    expect.refused(world.admin.put(path, raw=b"{"), 400, "malformed")
    yield
    expect.equal(state_of(world, object_id), {"b": 2})


def delete_object(world):
    """Removed, and a 404 after a restart; a second time it is a 404, too"""
    object_id, _ = new(world)
    path = f"{BASE}/{object_id}"
    expect.answered(world.admin.delete(path), 204)
    expect.refused(world.admin.delete(path), 404, "not_found")
    yield
    expect.refused(world.admin.get(path), 404, "not_found")
    expect.refused(world.admin.get(path.replace(":", "/")), 404, "not_found")


def request_object(world):
    """A command's reply is the body, its effect is read after a restart; an unknown command is a
    404, a wrong payload a 422"""
    path = f"{BASE}/counter:seeds-{some_id()}/request"
    expect.equal(expect.answered(world.admin.post(path, {"command": "add", "payload": {"by": 2}})),
                 2)
    wrong = world.admin.post(path, {"command": "add", "payload": {"by": "x"}})
    expect.refused(wrong, 422, "validation_failed", "/payload/by")
    expect.refused(world.admin.post(path, {"command": "nonsense"}), 404, "not_found")
    yield
    counted = world.admin.post(path.replace(":", "/"), {"query": "value"})
    expect.equal(expect.answered(counted), 2)


def kinds(world):
    """`GET /durable-objects/kinds` has each kind's commands and queries; objects of no other kind
    can be made"""
    found = expect.answered(world.admin.get(BASE + "/kinds"))["items"]
    counter = next(kind for kind in found if kind["name"] == "counter")
    expect.equal((counter["commands"], counter["queries"]), (["add"], ["value"]))
    expect.that(world.admin.post(BASE, {"kind": "nonsense"}).status in (404, 422), "taken")


def own_state(world):
    """Two objects of a kind do not see each other's state, also after a restart"""
    one, other = (f"seeds-{some_id()}" for _ in range(2))
    world.admin.command("counter", one, "add", {"by": 1})
    world.admin.command("counter", other, "add", {"by": 5})
    yield
    expect.equal(world.admin.query("counter", one, "value").json, 1)
    expect.equal(world.admin.query("counter", other, "value").json, 5)


def routing(world):
    """A request reaches the object that its path names, in both forms; a kind that is not there is
    refused"""
    id = f"seeds-{some_id()}"
    for path in (f"{BASE}/counter/{id}/request", f"{BASE}/counter:{id}/request"):
        expect.answered(world.admin.post(path, {"command": "add", "payload": {"by": 1}}))
    missing = world.admin.post(f"{BASE}/nonsense:{id}/request", {"query": "value"})
    expect.that(missing.status in (404, 422), missing)
    yield
    expect.equal(world.admin.query("counter", id, "value").json, 2)


def hibernation(world):
    """A hibernated object is listed as such and answers when it is called; an unknown one is a
    404"""
    object_id, _ = new(world)
    path = BASE + "/" + object_id.replace(":", "/")
    expect.equal(world.admin.post(path + "/hibernate").status // 100, 2)
    asleep = walk(world.admin, BASE, kind="document", status="hibernated")
    expect.contains([one["object_id"] for one in asleep], object_id)
    missing = world.admin.post(f"{BASE}/document/{some_id()}/hibernate")
    expect.refused(missing, 404, "not_found")
    yield
    kind, _, id = object_id.partition(":")
    expect.equal(expect.answered(world.admin.query(kind, id, "get")), {"a": 1})


def asynchronous(world):
    """Many requests at once, on connections of their own, are each answered and each counted"""
    id = f"seeds-{some_id()}"
    clients = [world.server.client() for _ in range(20)]
    for client in clients:
        client.send("POST", f"{BASE}/counter/{id}/request",
                    body={"command": "add", "payload": {"by": 1}})
    values = sorted(int(client.connection.getresponse().read()) for client in clients)
    expect.equal(values, list(range(1, 21)))
    yield
    expect.equal(world.admin.query("counter", id, "value").json, 20)


def transactions(world):
    """`POST /durable-objects/transact`: two objects change together; when one refuses, neither
    does, also after a restart"""
    one, other = (f"seeds-{some_id()}" for _ in range(2))

    def steps(by):
        return {"steps": [{"kind": "counter", "id": one, "command": "add", "payload": {"by": 1}},
                          {"kind": "counter", "id": other, "command": "add",
                           "payload": {"by": by}}]}

    expect.answered(world.admin.post(BASE + "/transact", steps(1)))
    expect.equal(world.admin.post(BASE + "/transact", steps("x")).status, 422)
    yield
    for id in (one, other):
        expect.equal(world.admin.query("counter", id, "value").json, 1)


def sourced(world):
    """The journal has each turn; `?as_of=` reads the past, after a restart, too; a seq that never
    was is refused"""
    id = f"seeds-{some_id()}"
    for _ in range(3):
        world.admin.command("counter", id, "add", {"by": 1})
    path = f"{BASE}/counter/{id}"
    yield
    expect.equal(len(list(walk_journal(world, path))), 3)
    past = expect.answered(world.admin.get(path, query={"as_of": 1}))
    expect.equal(past["state"], {"value": 1})
    expect.that(world.admin.get(path, query={"as_of": 99}).status in (404, 410, 422), "99")


def walk_journal(world, path):
    return expect.answered(world.admin.get(path + "/journal"))["items"]


def commands_and_queries(world):
    """A query moves no seq and cannot change; a command asked as a query is a 404"""
    id = f"seeds-{some_id()}"
    world.admin.command("counter", id, "add", {"by": 1})
    before = expect.answered(world.admin.get(f"{BASE}/counter/{id}"))["seq"]
    expect.equal(world.admin.query("counter", id, "value").json, 1)
    expect.refused(world.admin.query("counter", id, "add", {"by": 1}), 404, "not_found")
    yield
    expect.equal(expect.answered(world.admin.get(f"{BASE}/counter/{id}"))["seq"], before)


def persistent(world):
    """What was acknowledged is there after `kill -9`, and the store says that it takes writes"""
    ids = [f"seeds-{some_id()}" for _ in range(10)]
    for id in ids:
        expect.answered(world.admin.command("counter", id, "add", {"by": 7}))
    yield
    for id in ids:
        expect.equal(world.admin.query("counter", id, "value").json, 7)
    wait_until(lambda: world.anonymous.get("/health/ready").status == 200)


def view_has(member):
    def check(world):
        object_id, view = new(world)
        expect.contains(view, member)
        yield
        found = expect.answered(world.admin.get(f"{BASE}/{object_id}"))
        if member != "status":
            expect.equal(found[member], view[member])
        expect.contains(("active", "hibernated"), found["status"])
        expect.refused(world.admin.get(f"{BASE}/document:{some_id()}"), 404, "not_found")
    check.__doc__ = f"`{member}` of an object that was made, the same after a restart"
    return check


class AnswersAs(Trial):
    """A system object's request, `kind:main`, that does what its REST route does."""

    can_probe = True

    def __init__(self, kind, name):
        self.kind, self.name = kind, name

    def is_there(self, world):
        found = expect.answered(world.admin.get(BASE + "/kinds"))["items"]
        return any(self.name in kind["commands"] + kind["queries"] for kind in found
                   if kind["name"] == self.kind)
