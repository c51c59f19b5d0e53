# SPDX-License-Identifier: Apache-2.0
"""Makes a data directory with a bit of everything, and notes what a client reads from it.

    PERDURE_BINARY=<the program of the version to keep> python3 make.py record_1

writes record_1.tar.xz (the directory) and record_1.json (what was read, and the secrets).
"""

import json
import os
import sys
import tarfile
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "blackbox"))

from harness import ADMIN_KEY, Server, wait_until  # noqa: E402  (the path has to be set first)

OBJECTS = "/api/v1/durable-objects"
LATER = "2099-01-01T00:00:00.000Z"
PAGES = 150  # of one notebook, every tenth of them deleted
ARGUMENTS = ("--http-client-allow-networks", "127.0.0.0/8", "--webhooks-attempts", "1",
             "--storage-write-buffer", "8MiB", "--limits-memory", "256MiB")


class Maker:
    def __init__(self, client):
        self.client = client
        self.paths = []

    def made(self, path, body, *, status=201, read=True, **options):
        reply = self.client.post(path, body, **options)
        assert reply.status in (status, 200), (path, reply)
        if read:
            self.paths.append(f"{path}/{reply.json['id']}")
        return reply.json

    def done(self, method, path, body=None):
        reply = self.client.call(method, path, body=body)
        assert reply.status < 300, (method, path, reply)

    def users(self):
        self.bob = self.made("/users", {"email": "bob@example.org",
                                        "username": "bob", "password": "correct horse battery",
                                        "preferences": {"time_zone": "Europe/Berlin"}})["id"]
        idle = self.made("/users", {"email": "idle@example.org"})["id"]
        self.done("POST", f"/users/{idle}/deactivate")
        gone = self.made("/users", {"email": "gone@example.org"}, read=False)["id"]
        self.done("DELETE", f"/users/{gone}")
        self.paths += ["/users/me", "/users/preferences"]
        return gone

    def keys(self):
        kept = self.made("/api-keys", {"name": "reads notebooks", "scopes": ["notebooks:read"],
                                       "rate_limit": {"requests": 1000, "window_s": 60},
                                       "expires_at": LATER})
        ended = self.made("/api-keys", {"name": "ended"}, read=False)["id"]
        self.done("DELETE", f"/api-keys/{ended}")
        self.key_of_bob()
        return kept["secret"]

    def key_of_bob(self):
        made = self.client.post("/api-keys", {"name": "Bob's", "user_id": self.bob,
                                              "scopes": ["*"]})
        assert made.status == 201, made
        self.bobs = made.json["secret"]

    def notebooks(self):
        notebook = self.made("/notebooks", {"title": "Travels", "tags": ["2026", "Ærø"]})["id"]
        path = f"/notebooks/{notebook}"
        section = self.made(f"{path}/sections", {"title": "Norway"})["id"]
        page = self.made(f"{path}/pages", {"title": "Day one", "content": "Rain. " * 200,
                                           "section_id": section})["id"]
        self.done("PATCH", f"{path}/pages/{page}", {"content": "Less rain."})
        dropped = self.made(f"{path}/pages", {"title": "Dropped"}, read=False)["id"]
        self.done("DELETE", f"{path}/pages/{dropped}")
        self.paths += [f"{path}/pages/{page}/revisions", f"{path}/pages", f"{path}/sections"]
        self.many = self.made("/notebooks", {"title": "Many"})["id"]
        path = f"/notebooks/{self.many}/pages"
        for number in range(PAGES):
            one = self.made(path, {"title": str(number), "tags": [f"t{number % 3}"]}, read=False)
            if number % 10 == 0:
                self.done("DELETE", f"{path}/{one['id']}")
        self.paths += [f"{path}?limit=5&{query}"
                       for query in ("tag=t1", "sort=-updated_at", "deleted=true")]
        gone = self.made("/notebooks", {"title": "Gone"}, read=False)["id"]
        self.done("DELETE", f"/notebooks/{gone}")
        return notebook, gone

    def conversations(self):
        talk = self.made("/conversations", {"title": "Talk"})["id"]
        for number in range(5):
            self.made(f"/conversations/{talk}/messages",
                      {"role": "user", "content": f"message {number}"})
        self.paths.append(f"/conversations/{talk}/messages")
        return talk

    def webhooks(self):
        hook = self.made("/webhooks", {"url": "http://127.0.0.1:9/", "topics": ["notebook.*"]})
        self.made("/notebooks", {"title": "Told of"})
        deliveries = f"/webhooks/{hook['id']}/deliveries"
        wait_until(lambda: any(one["completed_at"]
                               for one in self.client.get(deliveries).json["items"]))
        self.paths.append(deliveries)
        return hook["id"]

    def jobs(self):
        job = self.made("/jobs", {"type": "sleep", "payload": {"ms": 1}})["id"]
        export = self.made("/jobs", {"type": "export", "payload": {}})["id"]
        for one in (job, export):
            wait_until(lambda one=one: self.client.get(f"/jobs/{one}").json["finished_at"])
        self.paths += [f"/jobs/{export}/runs"]

    def objects(self):
        for name in ("visits", "gone"):
            for by in (1, 2, 3):
                reply = self.client.command("counter", name, "add", {"by": by},
                                            headers={"Idempotency-Key": f"{name}-{by}"})
                assert reply.status == 200, reply
        counter = f"{OBJECTS}/counter/visits"
        self.done("POST", f"{counter}/snapshots", {"name": "three turns"})
        self.client.command("counter", "visits", "add", {"by": 100})
        self.done("POST", f"{counter}/snapshots/3/restore")
        self.done("POST", f"{counter}/alarms", {"name": "later", "command": "add",
                                                "payload": {"by": 1}, "at": LATER})
        self.done("POST", f"{counter}/alarms", {"name": "once", "command": "add",
                                                "payload": {"by": 1}, "after_ms": 1})
        wait_until(lambda: self.client.get(f"{counter}/alarms/once/runs").json["items"])
        self.done("DELETE", f"{OBJECTS}/counter/gone")
        self.made(OBJECTS, {"kind": "document", "id": "travels",
                            "state": {"title": "Travels", "done": False}}, read=False)
        self.done("PATCH", f"{OBJECTS}/document/travels", {"done": True})
        for path in (counter, f"{OBJECTS}/document/travels"):
            self.paths += [path, f"{path}/journal"]
        self.paths += [f"{counter}/snapshots", f"{counter}/alarms", f"{counter}?as_of=2"]


def read_back(server, paths):
    client = server.client()
    found = {}
    for path in paths:
        reply = client.get(path)
        assert reply.status == 200, (path, reply)
        found[path] = reply.json
    return found


def make(name):
    with tempfile.TemporaryDirectory() as folder:
        server = Server(os.path.join(folder, "data"), *ARGUMENTS).start()
        maker = Maker(server.client())
        deleted = {"user": maker.users()}
        secret = maker.keys()
        notebook, deleted["notebook"] = maker.notebooks()
        conversation = maker.conversations()
        webhook = maker.webhooks()
        maker.jobs()
        maker.objects()
        assert server.stop() == 0
        server.restart()  # what was in the log is in files of rows now
        bob = server.client(maker.bobs)
        of_bob = bob.post("/notebooks", {"title": "Bob's"}).json["id"]
        found = read_back(server, maker.paths)
        version = server.client().get("/info").json
        assert server.stop() == 0
        server.discard()
        noted = {"made_by": version, "admin_key": ADMIN_KEY, "reader_key": secret,
                 "user_key": maker.bobs, "user": maker.bob,
                 "notebook": notebook, "many": maker.many,
                 "notebook_of_user": of_bob, "conversation": conversation, "webhook": webhook,
                 "deleted": deleted, "read": found}
        with open(os.path.join(HERE, name + ".json"), "w", encoding="utf-8") as out:
            json.dump(noted, out, indent=1, sort_keys=True, ensure_ascii=False)
            out.write("\n")
        with tarfile.open(os.path.join(HERE, name + ".tar.xz"), "w:xz", preset=9) as archive:
            archive.add(os.path.join(folder, "data"), "data")


if __name__ == "__main__":
    make(sys.argv[1])
