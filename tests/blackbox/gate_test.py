# SPDX-License-Identifier: Apache-2.0
"""The output gate from outside: while a sync is held back, and after one that failed, no reply,
event or socket shows what is not durable."""

import mmap
import os
import struct
import threading
import time
import unittest

from event_stream import Stream
from harness import ADMIN_KEY, BlackBoxTest, new_id, wait_until
from websocket import WebSocket

LIBRARY = os.environ.get("PERDURE_HELD_SYNCS")
OBJECTS = "/api/v1/durable-objects"
PASS, HOLD, FAIL = range(3)
# How long nothing may come out. Longer finds no more: what leaks, leaks at once.
SILENCE_S = 0.7


class Syncs:
    """What becomes of the syncs of one server's write-ahead log (see held_syncs.cpp)."""

    def __init__(self, path):
        with open(path, "wb") as file:
            file.write(bytes(16))
        with open(path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 16)
        self.path = path

    def set(self, mode):
        self.memory[0:4] = struct.pack("=I", mode)

    @property
    def held(self):
        return struct.unpack("=4I", self.memory[0:16])[1]

    @property
    def failed(self):
        return struct.unpack("=4I", self.memory[0:16])[3]


class Asked(threading.Thread):
    """A request under way, on a connection of its own."""

    def __init__(self, server, method, path, body=None, **options):
        super().__init__(daemon=True)
        self.client = server.client()
        self.what = (method, path, body)
        self.options = options
        self.reply = None
        self.failure = None
        self.start()

    def run(self):
        method, path, body = self.what
        try:
            self.reply = self.client.call(method, path, body=body, **self.options)
        except Exception as error:  # noqa: BLE001, shown by `answer`
            self.failure = error
        finally:
            self.client.close()

    def answer(self):
        self.join(60)
        if self.failure:
            raise self.failure
        assert self.reply is not None, f"{self.what} was never answered"
        return self.reply


class Listener(threading.Thread):
    """Collects what `source.next()` gives until it ends."""

    def __init__(self, source):
        super().__init__(daemon=True)
        self.source = source
        self.heard = []
        self.start()

    def run(self):
        try:
            while (message := self.source.next()) is not None:
                self.heard.append(message)
        except (OSError, ValueError, AttributeError):
            pass  # the connection ended
        finally:
            self.source.close()

    def has(self, text):
        return any(text in repr(message) for message in list(self.heard))


class GateTest(BlackBoxTest):
    def setUp(self):
        super().setUp()
        if not LIBRARY:
            self.skipTest("PERDURE_HELD_SYNCS does not name the library")
        self.syncs = Syncs(self.path("syncs"))
        self.running = self.server(
            env={"LD_PRELOAD": LIBRARY, "HELD_SYNCS": self.syncs.path}).start()
        self.addCleanup(self.syncs.set, PASS)  # or the server would not end
        self.client = self.running.client()

    def command(self, counter, by, **options):
        return self.ask("POST", f"{OBJECTS}/counter/{counter}/request",
                        {"command": "add", "payload": {"by": by}}, **options)

    def ask(self, method, path, body=None, **options):
        return Asked(self.running, method, path, body, **options)

    def add(self, counter, by):
        reply = self.client.command("counter", counter, "add", {"by": by})
        self.assertEqual(reply.status, 200, reply)
        return reply

    def hold_with(self, *requests):
        """Holds syncs from now on, and sends what waits for one."""
        self.syncs.set(HOLD)
        waiting = [request() for request in requests]
        wait_until(lambda: self.syncs.held > 0, what="a sync that is held")
        return waiting

    def end(self, listeners):
        self.running.kill()
        for listener in listeners:
            listener.join(30)

    def release(self):
        self.syncs.set(PASS)


class HeldSync(GateTest):
    def test_holds_replies_and_all_that_saw_what_is_not_durable(self):
        for counter in ("a", "b"):
            self.add(counter, 1)
        etag = self.client.get(f"{OBJECTS}/counter/a").headers["ETag"]
        first = self.hold_with(lambda: self.command("a", 5))
        # Nobody knows when the turns below run; whatever they see, they must not tell.
        writes = [
            *first,
            self.command("a", 10),
            self.ask("DELETE", f"{OBJECTS}/counter/b"),
            self.ask("POST", OBJECTS, {"kind": "counter", "id": "new"}),
            self.ask("POST", "/api/v1/notebooks", {"title": "not yet"}),
            self.ask("POST", f"{OBJECTS}/transact",
                     {"steps": [{"kind": "counter", "id": n, "command": "add",
                                 "payload": {"by": 1}} for n in ("x", "y")]})]
        time.sleep(SILENCE_S)
        self.assertEqual([w.reply for w in writes], [None] * len(writes),
                         "acknowledged before it was durable")
        # Reads may show what is durable, or wait.
        value = self.ask("POST", f"{OBJECTS}/counter/a/request", {"query": "value"})
        state = self.ask("GET", f"{OBJECTS}/counter/a")
        unchanged = self.ask("GET", f"{OBJECTS}/counter/a", headers={"If-None-Match": etag})
        # Only who saw the change that waits would say 304, 412, 404 or 409 to these.
        changed = self.ask("GET", f"{OBJECTS}/counter/a", headers={"If-None-Match": '"2"'})
        stale = self.command("a", 100, headers={"If-Match": etag})
        gone = self.ask("GET", f"{OBJECTS}/counter/b")
        taken = self.ask("POST", OBJECTS, {"kind": "counter", "id": "new"})
        made = self.ask("GET", f"{OBJECTS}/counter/new")
        listed = self.ask("GET", "/api/v1/notebooks")
        time.sleep(SILENCE_S)
        for read, is_old in ((value, lambda r: r.json == 1),
                             (state, lambda r: r.headers["ETag"] == etag),
                             (unchanged, lambda r: r.status == 304),
                             (changed, lambda r: r.status == 200 and r.headers["ETag"] == etag),
                             (stale, lambda _: False),
                             (gone, lambda r: r.status == 200),
                             (taken, lambda _: False),
                             (made, lambda r: r.status == 404),
                             (listed, lambda r: r.json["items"] == [])):
            if read.reply is not None:
                self.assertTrue(is_old(read.reply), f"{read.what} shows too much: {read.reply}")
        self.assertGreater(self.syncs.held, 0, "the sync was held all the time")

        self.release()
        self.assertEqual([w.answer().status for w in writes], [200, 200, 204, 201, 201, 200])
        self.assertEqual([writes[0].answer().json, writes[1].answer().json], [6, 16])
        self.assertEqual(stale.answer().status, 412)
        self.assertEqual(taken.answer().status, 409)
        for read in (value, state, unchanged, changed, gone, made, listed):
            read.answer()
        self.assertEqual(self.client.query("counter", "a", "value").json, 16)
        self.assertEqual(self.client.get(f"{OBJECTS}/counter/b").status, 404)
        self.assertEqual(len(self.client.get("/api/v1/notebooks").json["items"]), 1)

    def test_holds_events_and_messages_on_sockets(self):
        conversation = self.client.post("/api/v1/conversations", {"title": "c"}).json["id"]
        stream = Stream(self.running, ADMIN_KEY, topics="*")
        member, sender = (WebSocket(self.running, ADMIN_KEY, f"/api/v1/chat/{conversation}")
                          for _ in range(2))
        feed = WebSocket(self.running, ADMIN_KEY, "/api/v1/events?topics=*")
        listeners = [Listener(source) for source in (stream, feed, member, sender)]
        wait_until(lambda: all(x.has("presence") for x in listeners[2:]), what="two members")
        text, title = new_id(), new_id()

        def send():
            sender.send({"type": "message", "content": text, "client_id": text})

        self.hold_with(send)
        notebook = self.ask("POST", "/api/v1/notebooks", {"title": title})
        time.sleep(SILENCE_S)
        for listener in listeners:
            self.assertFalse(listener.has(text) or listener.has(title) or
                             listener.has("notebook.created"), listener.heard)
        self.assertIsNone(notebook.reply)
        self.release()
        created = notebook.answer().json["id"]
        wait_until(lambda: listeners[0].has(created) and listeners[1].has(created),
                   what="the event on stream and socket")
        wait_until(lambda: listeners[2].has(text) and listeners[3].has("ack"),
                   what="the message and its ack")
        self.end(listeners)


class FailedSync(GateTest):
    def test_acknowledges_nothing_more_and_readiness_says_so(self):
        self.add("a", 1)
        conversation = self.client.post("/api/v1/conversations", {"title": "c"}).json["id"]
        member = WebSocket(self.running, ADMIN_KEY, f"/api/v1/chat/{conversation}")
        heard = Listener(member)
        key, text = new_id(), new_id()
        waiting = self.hold_with(
            lambda: self.command("a", 5, headers={"Idempotency-Key": key}))
        waiting.append(self.ask("POST", f"/api/v1/conversations/{conversation}/messages",
                                {"role": "user", "content": text}))
        self.syncs.set(FAIL)
        for write in waiting:
            reply = write.answer()
            self.assertEqual(reply.status, 503, reply)
            self.assertIn("Retry-After", reply.headers)
        self.assert_problem(waiting[0].reply, 503, "outcome_unknown")
        self.assertGreater(self.syncs.failed, 0)

        self.syncs.set(PASS)  # too late: what failed once may have been dropped
        live = self.running.client("")
        wait_until(lambda: live.get("/health/ready").status == 503, what="not ready")
        self.assertEqual(live.get("/health/live").status, 200)
        for path, body in ((f"{OBJECTS}/counter/a/request",
                            {"command": "add", "payload": {"by": 1}}),
                           ("/api/v1/notebooks", {"title": "n"}),
                           (f"{OBJECTS}/transact",
                            {"steps": [{"kind": "counter", "id": "a", "command": "add",
                                        "payload": {"by": 1}}]})):
            refused = self.client.post(path, body)
            self.assertEqual(refused.status, 503, refused)
            self.assertIn("Retry-After", refused.headers)
        self.assertEqual(self.client.query("counter", "a", "value").json, 1, "reads go on")
        self.assertEqual(
            self.client.get(f"/api/v1/conversations/{conversation}/messages").json["items"], [])
        self.assertFalse(heard.has(text), heard.heard)

        self.running.kill()
        heard.join(30)
        self.running.restart()
        self.client = self.running.client()
        self.assertIn(self.client.query("counter", "a", "value").json, (1, 6))
        again = self.client.command("counter", "a", "add", {"by": 5},
                                    headers={"Idempotency-Key": key})
        self.assertEqual((again.status, again.json), (200, 6))
        self.assertEqual(self.client.query("counter", "a", "value").json, 6, "once")


if __name__ == "__main__":
    unittest.main(verbosity=2)
