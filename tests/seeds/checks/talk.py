# SPDX-License-Identifier: Apache-2.0
"""Checks of conversations, chat and events."""

import expect
from event_stream import Stream
from harness import wait_until
from nouns import walk
from websocket import WebSocket
from world import some_id


def conversation(world, client=None):
    made = (client or world.admin).post("/conversations", {"title": "talk"})
    return expect.answered(made, 201)["id"]


def contents(world, id, prefix="/api/v1"):
    path = f"{prefix}/conversations/{id}/messages"
    return [message["content"] for message in walk(world.admin, path)]


def list_messages(world):
    """Messages in the order of `seq`, page by page, after a restart; a wrong `after` is a 422"""
    id = conversation(world)
    sent = [f"message {number}" for number in range(5)]
    for content in sent:
        made = world.admin.post(f"/conversations/{id}/messages", {"content": content})
        expect.answered(made, 201)
    path = f"/api/conversations/{id}/messages"
    expect.refused(world.admin.get(path, query={"after": "x"}), 422, "validation_failed")
    yield
    expect.equal([one["content"] for one in walk(world.admin, path, limit=2)], sent)


def chat(path):
    def check(world):
        """A message through one socket reaches another one and `GET …/messages`, also after a
        restart; a wrong frame is an `error`, somebody else's conversation a 404"""
        id = conversation(world)
        sender, reader = (WebSocket(world.server, world.admin.key, f"{path}/{id}")
                          for _ in range(2))
        sender.send({"type": "message", "content": "hello", "client_id": "c-1"})
        while (frame := reader.next())["type"] != "message":
            pass
        expect.equal((frame["content"], frame["seq"]), ("hello", 1))
        sender.send({"type": "nonsense"})
        while (frame := sender.next())["type"] != "error":
            pass
        sender.close()
        reader.close()
        expect.refused(world.user.get(f"{path}/{id}", headers={
            "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}), 404, "not_found")
        yield
        expect.equal(contents(world, id), ["hello"])
        again = WebSocket(world.server, world.admin.key, f"{path}/{id}?after=0")
        while (frame := again.next())["type"] != "message":
            pass
        again.close()
        expect.equal(frame["content"], "hello")
    return check


def live_updates(world):
    """`WS /events` tells of a change as it happens; a socket without a key is a 401"""
    socket = WebSocket(world.server, world.admin.key, "/events?topics=notebook.*&after=0")
    made = expect.answered(world.admin.post("/notebooks", {"title": "live"}), 201)
    while made["id"] not in str(frame := socket.next()):
        expect.that(frame is not None, "the end of the stream")
    socket.close()
    expect.refused(world.anonymous.get("/events"), 401, "unauthenticated")


def event_log(world):
    """Each change is an event of its own, kept in order and read again after a restart; a topic
    that is none is a 422"""
    client = world.new_user()
    ids = [expect.answered(client.post("/notebooks", {"title": "n"}), 201)["id"]
           for _ in range(3)]
    wrong = client.get("/events", query={"topics": "no topic!"})
    expect.refused(wrong, 422, "validation_failed")
    key = client.key
    yield
    stream = Stream(world.server, key, topics="notebook.created", after="0")
    found = stream.take(3)
    stream.close()
    expect.equal([data["data"]["id"] for _, _, data in found], ids)
    expect.equal(found[0][2]["specversion"], "1.0")


def messages_between_objects(world):
    """An object's alarm is a message to itself that arrives after a restart, too; one without a
    command is a 422"""
    id = "seeds-" + some_id()
    world.admin.command("counter", id, "add", {"by": 1})
    path = f"/durable-objects/counter/{id}/alarms"
    alarm = {"name": "later", "command": "add", "payload": {"by": 41}, "after_ms": 200}
    expect.answered(world.admin.post(path, alarm), 201)
    expect.refused(world.admin.post(path, {"name": "n"}), 422, "validation_failed")
    yield
    wait_until(lambda: world.admin.query("counter", id, "value").json == 42)
