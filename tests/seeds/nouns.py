# SPDX-License-Identifier: Apache-2.0
"""Resources by the paths of the systems, and the trials that all resources share."""

from dataclasses import dataclass, field
from typing import Callable

import expect
from trials import Endpoint
from world import World, some_id


@dataclass(frozen=True)
class Noun:
    """A collection: `path` as a description has it, the least `body` of a create, a `change`, and
    members that are refused. Items of another resource name it as `parent`."""

    path: str
    body: Callable[[], dict]
    change: dict
    wrong: dict
    item: str = "id"
    parent: "Noun | None" = None
    is_soft: bool = True
    list_query: dict = field(default_factory=dict)

    def collection(self, world: World):
        """The path of a collection, of a new parent where it has one. LookupError without it."""
        if self.parent is None:
            return self.path
        made = self.parent.create(world)
        if made.status != 201:
            raise LookupError(self.parent.path)
        return self.path.replace("{" + self.parent.item + "}", made.json["id"])

    def create(self, world, **members):
        return world.admin.post(self.collection(world), {**self.body(), **members})

    def make(self, world, **members):
        collection = self.collection(world)
        reply = world.admin.post(collection, {**self.body(), **members})
        return Made(self, collection, expect.answered(reply, 201), reply.headers["Location"])

    @property
    def item_path(self):
        return f"{self.path}/{{{self.item}}}"


@dataclass(frozen=True)
class Made:
    """A resource that was made, by the paths to it."""

    noun: Noun
    collection: str
    body: dict
    location: str

    @property
    def path(self):
        return f"{self.collection}/{self.body['id']}"

    def change(self, world):
        return world.admin.patch(self.path, self.noun.change)

    def listed(self, world, **query):
        """The resource as the collection's list has it."""
        item = find(world.admin, self.collection, self.body["id"], **query)
        expect.that(item is not None, f"{self.collection} without {self.body['id']}")
        return item


def find(client, path, id, **query):
    for item in walk(client, path, **query):
        if item["id"] == id:
            return item
    return None


def walk(client, path, **query):
    """All items of a list, page by page."""
    while True:
        page = expect.answered(client.get(path, query={"limit": 200, **query}))
        yield from page["items"]
        if page["next_cursor"] is None:
            return
        query["cursor"] = page["next_cursor"]


def create(noun, **options):
    def check(world):
        made = noun.make(world)
        expect.equal(expect.answered(world.admin.get(made.location)), made.body)
        expect.refused(noun.create(world, **noun.wrong), 422, "validation_failed")
        yield
        expect.equal(made.listed(world), made.body)

    return Endpoint("POST", noun.path, check, "created, found at its `Location`, and in the list "
                    "after a restart; a wrong body is a 422", **options)


def read(noun, **options):
    def check(world):
        made = noun.make(world)
        yield
        expect.equal(expect.answered(world.admin.get(made.path)), made.body)
        missing = world.admin.get(f"{made.collection}/{some_id()}")
        expect.that(missing.status in (404, 422), missing)

    return Endpoint("GET", noun.item_path, check, "read after a restart as it was created; an "
                    "unknown id is refused", **options)


def update(noun, method="PUT", **options):
    def check(world):
        made = noun.make(world)
        changed = expect.answered(world.admin.call(method, made.path, body=noun.change))
        wrong = world.admin.call(method, made.path, body=noun.wrong)
        expect.refused(wrong, 422, "validation_failed")
        yield
        found = made.listed(world)
        expect.equal(found, changed)
        expect.equal({**made.body, **noun.change, "updated_at": found["updated_at"]}, found)

    return Endpoint(method, noun.item_path, check, "changed, what was left out is kept, listed so "
                    "after a restart; a wrong body is a 422", **options)


def delete(noun, **options):
    def check(world):
        made = noun.make(world)
        expect.answered(world.admin.delete(made.path), 204)
        expect.refused(world.admin.delete(made.path), 404, "not_found")
        yield
        expect.refused(world.admin.get(made.path), 404, "not_found")
        expect.equal(find(world.admin, made.collection, made.body["id"]), None)
        if noun.is_soft:
            made.listed(world, deleted="true")

    return Endpoint("DELETE", noun.item_path, check, "deleted, after a restart neither read nor "
                    "listed" + (", but under `?deleted=true`" if noun.is_soft else "") +
                    "; a second time it is a 404", **options)


def listing(noun, **options):
    def check(world):
        made = [noun.make(world) for _ in range(2)]
        unknown = world.admin.get(made[0].collection, query={"colour": "red"})
        expect.refused(unknown, 422, "validation_failed")
        yield
        for one in made:
            expect.equal(one.listed(world, limit=1 if noun.parent else 200), one.body)

    return Endpoint("GET", noun.path, check, "lists what was created, page by page, after a "
                    "restart; an unknown filter is a 422", **options)


def whole(noun, **options):
    """The five trials of a resource: list, create, read, update, delete."""
    return [listing(noun, **options), create(noun, **options), read(noun, **options),
            update(noun, **options), delete(noun, **options)]
