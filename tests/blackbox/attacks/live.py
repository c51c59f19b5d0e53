# SPDX-License-Identifier: Apache-2.0
"""Event streams and WebSockets."""

import base64
import json
import os

from attacks.objects import notebook
from isolation import API, MIB, Attack, Group, request

STREAMS = 500
READERS = 12
MESSAGES = 2_000


def upgrade(path, key):
    nonce = base64.b64encode(os.urandom(16)).decode()
    return request("GET", API + path, key,
                   headers={"Upgrade": "websocket", "Connection": "Upgrade",
                            "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": nonce})


def frame(message):
    """A text frame of a client, masked with zeros."""
    payload = json.dumps(message).encode()
    if len(payload) >= 126:
        raise ValueError("a short frame only")
    return bytes([0x81, 0x80 | len(payload)]) + bytes(4) + payload


def conversations(scene):
    return [scene.call(owner, "POST", API + "/conversations", {})["id"] for owner in scene.owners]


def patches(scene):
    return [request("PATCH", notebook(owner), owner.key, {"title": f"title {n}"})
            for n in range(10) for owner in scene.owners]


def streams(scene):
    return [Group("stream", [request("GET", API + "/events?topics=**", owner.key)
                             for owner in scene.owners], scene.size.of(STREAMS), mode="hold"),
            Group("patch", patches(scene), connections=8)]


def slow_streams(scene):
    """What has happened is more than the sockets take."""
    scene.do(patches(scene) * (scene.size.of(20_000) // (10 * len(scene.owners)) or 1))
    return [Group("stream", [request("GET", API + "/events?topics=**&after=0", owner.key)
                             for owner in scene.owners], READERS * 10, mode="hold", read_rate=1,
                  receive_buffer=4_096),
            Group("patch", patches(scene), connections=8)]


def message_flood(scene):
    message = frame({"type": "message", "content": "flood"})
    return [Group(f"chat {n}", [upgrade(f"/chat/{room}", owner.key), message], mode="flood",
                  rate=10_000 / len(scene.owners))
            for n, (owner, room) in enumerate(zip(scene.owners, conversations(scene),
                                                  strict=True))]


def calls_in_flight(scene):
    """Each socket has as many messages without their acks as it may."""
    rooms = [scene.call(owner, "POST", API + "/conversations", {})["id"]
             for owner in scene.round(20)]
    message = frame({"type": "message", "content": "flood"})
    return [Group(f"chat {n}", [upgrade(f"/chat/{room}", owner.key), message],
                  scene.size.of(20), mode="flood")
            for n, (owner, room) in enumerate(zip(scene.round(20), rooms, strict=True))]


def large_garbage(scene):
    """Messages as large as they may be, which mean nothing."""
    size = MIB - 1_024
    head = bytes([0x81, 0xFF]) + size.to_bytes(8, "big") + bytes(4)
    return [Group(f"chat {n}", [upgrade(f"/chat/{room}", owner.key), (head, size)],
                  scene.share(16), mode="flood")
            for n, (owner, room) in enumerate(zip(scene.owners, conversations(scene),
                                                  strict=True))]


def ping_flood(scene):
    ping = frame({"type": "ping"})
    return [Group(f"chat {n}", [upgrade(f"/chat/{room}", owner.key), ping], scene.share(8),
                  mode="flood") for n, (owner, room)
            in enumerate(zip(scene.owners, conversations(scene), strict=True))]


def slow_chats(scene):
    rooms = conversations(scene)
    scene.do(request("POST", f"{API}/conversations/{room}/messages", owner.key,
                     {"content": "x" * 10_000})
             for _ in range(scene.share(scene.size.of(MESSAGES)))
             for owner, room in zip(scene.owners, rooms, strict=True))
    return [Group("chat", [upgrade(f"/chat/{room}?after=0", owner.key)
                           for owner, room in zip(scene.owners, rooms, strict=True)],
                  READERS * 10, mode="hold", read_rate=1, receive_buffer=4_096)]


def comers_and_goers(scene):
    """Each tells the others of a conversation that it comes, and goes."""
    rooms = conversations(scene)
    sockets = [upgrade(f"/chat/{room}", owner.key)
               for owner, room in zip(scene.owners, rooms, strict=True)]
    return [Group("members", sockets, scene.size.of(200), mode="hold"),
            Group("come and go", [upgrade(f"/chat/{room}", owner.key).replace(
                b"Upgrade: websocket", b"Upgrade: no") for owner, room
                in zip(scene.owners, rooms, strict=True)], 16, mode="fresh")]


ATTACKS = [
    Attack("streams", "500 event streams of one owner, and many events", streams),
    Attack("slow-streams", "120 streams of 20,000 events read 1 byte a second", slow_streams),
    Attack("messages", "10,000 messages a second to one conversation", message_flood),
    Attack("calls-in-flight", "400 sockets send messages without end to 20 conversations",
           calls_in_flight),
    Attack("large-garbage", "16 sockets send messages of 1 MiB that mean nothing",
           large_garbage),
    Attack("pings", "8 sockets send pings without end", ping_flood),
    Attack("slow-chats", "120 sockets of 20 MB of messages read 1 byte a second", slow_chats),
    Attack("comers-and-goers", "200 members, and requests for one more without end",
           comers_and_goers),
]
