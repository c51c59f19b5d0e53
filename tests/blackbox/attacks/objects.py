# SPDX-License-Identifier: Apache-2.0
"""Objects: one that is asked much, many that are asked once, large ones, more and more of them."""

from isolation import API, Attack, Group, request

OBJECTS = API + "/durable-objects"
LARGE_BYTES = 250_000


def fill_notebooks(scene, pages, page_bytes):
    content = "x" * page_bytes
    scene.do(request("POST", f"{API}/notebooks/{owner.notebook}/pages", owner.key,
                     {"title": f"page {n}", "content": content})
             for n in range(pages) for owner in scene.owners)


def listing(owner, **headers):
    return request("GET", f"{API}/notebooks/{owner.notebook}/pages?limit=500", owner.key,
                   headers=headers)


def notebook(owner):
    return f"{API}/notebooks/{owner.notebook}"


def hot_object(scene):
    fill_notebooks(scene, scene.size.of(500), 2_000)
    return [Group("list", [listing(owner) for owner in scene.owners], connections=8)]


def large_pages(scene):
    fill_notebooks(scene, scene.share(scene.size.of(500)), 190_000)
    zipped = {"Accept-Encoding": "gzip"}
    return [Group("list", [listing(owner, **zipped) for owner in scene.owners], connections=8)]


def increments(scene):
    scene.promote()
    requests = [request("POST", f"{OBJECTS}/counter/{owner.id}-{n}/request", owner.key,
                        {"command": "add", "payload": {"by": 1}})
                for n in range(100) for owner in scene.owners]
    return [Group("add", requests, connections=64)]


def large_writes(scene):
    scene.promote()
    state = {"text": "x" * LARGE_BYTES}
    documents = [f"{OBJECTS}/document/{owner.id}-{n}" for n in range(scene.share(64))
                 for owner in scene.owners]
    keys = [owner.key for _ in range(scene.share(64)) for owner in scene.owners]
    requests = [request("POST", f"{path}/request", key, {"command": "put", "payload": state})
                for path, key in zip(documents, keys, strict=True)]
    return [Group("put", requests, connections=64)]


def pipelined_reads(scene):
    return [Group("read", [request("GET", notebook(owner), owner.key) for owner in scene.owners],
                  connections=64, depth=16)]


def one_object_writes(scene):
    """The queue of one object is always full."""
    requests = [request("PATCH", notebook(owner), owner.key, {"title": f"title {n}"})
                for n in range(10) for owner in scene.owners]
    return [Group("patch", requests, connections=64, depth=16)]


def first_touches(scene):
    scene.promote()
    count = scene.size.of(100_000)
    targets = [(f"{OBJECTS}/counter/cold-{n}/request", scene.owners[n % len(scene.owners)].key)
               for n in range(count)]
    scene.do(request("POST", path, key, {"command": "add"}) for path, key in targets)
    scene.restart()
    return [Group("touch", [request("POST", path, key, {"query": "value"})
                            for path, key in targets], connections=64)]


def making_objects(scene):
    return [Group("make", [request("POST", API + "/notebooks", owner.key, {"title": "one more"})
                           for owner in scene.owners], connections=32)]


def making_keys(scene):
    return [Group("make", [request("POST", API + "/api-keys", owner.key, {"name": "one more"})
                           for owner in scene.owners], connections=32)]


def making_snapshots(scene):
    scene.promote()
    requests = []
    for owner in scene.owners:
        path = f"{OBJECTS}/notebook/{owner.notebook}"
        requests += [request("PATCH", f"{API}/notebooks/{owner.notebook}", owner.key,
                             {"title": "changed"}),
                     request("POST", path + "/snapshots", owner.key, {"name": "pin"})]
    return [Group("pin", requests, connections=16)]


def idempotency_keys(scene):
    requests = [request("POST", API + "/notebooks", owner.key, {"title": "once"},
                        headers={"Idempotency-Key": f"{owner.id}-{n}-" + "k" * 150})
                for n in range(20_000 // len(scene.owners)) for owner in scene.owners]
    return [Group("once", requests, connections=32)]


ATTACKS = [
    Attack("hot-object", "8 clients list one notebook of 500 pages of 2 KB", hot_object,
           in_ci=True),
    Attack("hot-writes", "64 clients with 16 writes each under way to one notebook",
           one_object_writes),
    Attack("pages", "8 clients list 500 pages of 190 KB, zipped", large_pages, in_ci=True),
    Attack("increments", "64 clients increment 100 counters", increments),
    Attack("large-writes", "64 clients write documents of 250 KB", large_writes),
    Attack("reads", "64 clients read, 16 requests under way each", pipelined_reads),
    Attack("first-touches", "64 clients wake 100,000 objects", first_touches),
    Attack("making-objects", "32 clients make notebooks without end", making_objects, in_ci=True),
    Attack("making-keys", "32 clients make keys without end", making_keys),
    Attack("making-snapshots", "16 clients pin snapshots of one object", making_snapshots),
    Attack("idempotency", "32 clients with 20,000 idempotency keys", idempotency_keys),
]
