# SPDX-License-Identifier: Apache-2.0
"""What was acknowledged is there, once, whatever happens to the process or the disk."""

import contextlib
import http.client
import os
import random
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

from harness import BlackBoxTest, Server, StartFailure, new_id, wait_until

CYCLES = int(os.environ.get("PERDURE_CRASH_CYCLES", "5"))
WORKERS = 8
COUNTERS = 5


class Ledger:
    """What clients were told. Threads: any."""

    def __init__(self):
        self.lock = threading.Lock()
        self.started = {}
        self.acknowledged = {}

    def start(self, target):
        with self.lock:
            self.started[target] = self.started.get(target, 0) + 1

    def acknowledge(self, target):
        with self.lock:
            self.acknowledged[target] = self.acknowledged.get(target, 0) + 1

    def bounds(self):
        """For each target: acknowledged, and started (which may or may not have happened)."""
        with self.lock:
            return {t: (self.acknowledged.get(t, 0), n) for t, n in self.started.items()}


class Worker(threading.Thread):
    """Writes one thing after the other, and repeats each with its key until it is acknowledged."""

    def __init__(self, server, conversation, ledger, seed, done, paused):
        super().__init__(daemon=True)
        self.client = server.client()
        self.conversation = conversation
        self.ledger = ledger
        self.random = random.Random(seed)
        self.done = done
        self.paused = paused
        self.messages = []
        self.replays = 0
        self.failure = None

    def run(self):
        try:
            while not self.done.is_set():
                self.write_one()
        except Exception as error:  # noqa: BLE001, reported by the test
            self.failure = error

    def write_one(self):
        key = new_id()
        if self.random.random() < 0.5:
            target = f"counter-{self.random.randrange(COUNTERS)}"
            self.ledger.start(target)
            self.until_acknowledged(
                lambda client: client.command("counter", target, "add", {"by": 1},
                                              headers={"Idempotency-Key": key}))
            self.ledger.acknowledge(target)
        else:
            path = f"/api/v1/conversations/{self.conversation}/messages"
            self.ledger.start("messages")
            self.until_acknowledged(
                lambda client: client.post(path, {"role": "user", "content": key,
                                                  "client_id": key},
                                           headers={"Idempotency-Key": key}))
            self.ledger.acknowledge("messages")
            self.messages.append(key)

    def until_acknowledged(self, send):
        while True:
            while self.paused.is_set():
                time.sleep(0.01)
            # After a failure the client connects again, to the port of the server's next life.
            with contextlib.suppress(OSError, http.client.HTTPException):
                reply = send(self.client)
                if 200 <= reply.status < 300:
                    self.replays += reply.headers["Idempotent-Replayed"] == "true"
                    return
                if reply.status not in (409, 429, 503):
                    raise AssertionError(f"unexpected {reply}")
            time.sleep(0.02)


class KilledUnderLoad(BlackBoxTest):
    def values(self, server):
        client = server.client()
        found = {}
        for n in range(COUNTERS):
            reply = client.query("counter", f"counter-{n}", "value")
            found[f"counter-{n}"] = reply.json if reply.status == 200 else 0
        found["messages"] = len(self.messages(client))
        return found

    def messages(self, client):
        path = f"/api/v1/conversations/{self.conversation}/messages"
        contents, seqs, cursor = [], [], None
        while True:
            query = {"limit": 500, **({"cursor": cursor} if cursor else {})}
            page = client.get(path, query=query).json
            contents += [item["content"] for item in page["items"]]
            seqs += [item["seq"] for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                self.assertEqual(seqs, sorted(set(seqs)), "each place is taken once, in order")
                return contents

    def test_keeps_every_acknowledged_write_once(self):
        seed = int(os.environ.get("PERDURE_SEED", str(time.time_ns() % 1_000_000)))
        print(f"seed {seed} (PERDURE_SEED repeats the choices)")
        rng = random.Random(seed)
        server = self.server().start()
        self.conversation = server.client().post("/api/v1/conversations",
                                                 {"title": "ledger"}).json["id"]
        ledger, done, paused = Ledger(), threading.Event(), threading.Event()
        workers = [Worker(server, self.conversation, ledger, seed + n, done, paused)
                   for n in range(WORKERS)]
        for worker in workers:
            worker.start()
        for cycle in range(CYCLES):
            time.sleep(0.3 + rng.random())
            paused.set()
            server.kill()
            told = ledger.bounds()
            server.restart()
            for target, value in self.values(server).items():
                acknowledged, started = told.get(target, (0, 0))
                self.assertLessEqual(acknowledged, value, f"{target} lost writes, cycle {cycle}")
                self.assertLessEqual(value, started, f"{target} doubled writes, cycle {cycle}")
            paused.clear()
        done.set()
        for worker in workers:
            worker.join(60)
            self.assertIsNone(worker.failure)
            self.assertFalse(worker.is_alive())
        final = {target: acknowledged for target, (acknowledged, _) in ledger.bounds().items()}
        found = self.values(server)
        self.assertEqual({t: found[t] for t in final}, final)
        self.assertEqual(sorted(self.messages(server.client())),
                         sorted(m for worker in workers for m in worker.messages))
        print(f"{sum(final.values())} writes, {sum(w.replays for w in workers)} replays, "
              f"{CYCLES} kills")
        self.assertEqual(server.stop(), 0)


class Newcomer(BlackBoxTest):
    def test_sees_a_notebook_survive_a_crash(self):
        server = self.server(key=None).start()
        key = server.lines[0].rsplit(" ", 1)[1]
        client = server.client(key)
        created = client.post("/api/v1/notebooks", {"title": "Plans", "tags": ["a"]})
        self.assertEqual(created.status, 201, created)
        location = created.headers["Location"]
        page = client.post(location + "/pages", {"title": "One", "content": "first words"})
        self.assertEqual(page.status, 201, page)
        server.kill()
        server.restart()
        client = server.client(key)
        again = client.get(location)
        self.assertEqual(again.status, 200)
        self.assertEqual(again.json["title"], "Plans")
        pages = client.get(location + "/pages").json["items"]
        self.assertEqual([p["title"] for p in pages], ["One"])


class SmallDisk:
    """A tmpfs of a few MiB: mounted here if that is permitted, else in a namespace of its own."""

    def __init__(self, size_mib):
        self.size = f"size={size_mib}m"
        self.path = tempfile.mkdtemp(prefix="perdure-small-")
        self.holder = None
        self.prefix = []

    def __enter__(self):
        mount = ["mount", "-t", "tmpfs", "-o", self.size, "tmpfs", self.path]
        if subprocess.run(mount, capture_output=True, check=False).returncode == 0:
            return self
        script = f"{' '.join(mount)} && echo ready && exec sleep 3600"
        self.holder = subprocess.Popen(["unshare", "-Urm", "sh", "-c", script],
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                       text=True)
        if self.holder.stdout.readline() != "ready\n":
            self.__exit__()
            raise unittest.SkipTest("mounting a tmpfs is not permitted here")
        self.prefix = ["nsenter", "--preserve-credentials", "-U", "-m", "-t",
                       str(self.holder.pid)]
        return self

    def __exit__(self, *_):
        if self.holder:
            self.holder.kill()
            self.holder.wait()
            self.holder.stdout.close()
        else:
            subprocess.run(["umount", "-l", self.path], capture_output=True, check=False)
        shutil.rmtree(self.path, ignore_errors=True)

    def shell(self, command):
        subprocess.run([*self.prefix, "sh", "-c", command], capture_output=True, check=False)

    def fill(self):
        self.shell(f"dd if=/dev/zero of={self.path}/filler bs=64k; "
                   f"dd if=/dev/zero of={self.path}/filler2 bs=512")

    def free(self):
        self.shell(f"rm -f {self.path}/filler {self.path}/filler2")


class FullDisk(BlackBoxTest):
    def test_stops_writes_says_so_and_loses_nothing(self):
        disk = self.enterContext(SmallDisk(96))
        server = Server(os.path.join(disk.path, "data"), "--storage-write-buffer", "8MiB",
                        wrapper=disk.prefix)
        self.addCleanup(server.discard)
        server.start()
        client = server.client()
        acknowledged = self.write_until_refused(client, disk)
        self.assertGreater(acknowledged, 0)

        self.assertEqual(client.query("counter", "c", "value").json, acknowledged,
                         "reads go on, and show what was acknowledged")
        live = server.client("")
        wait_until(lambda: live.get("/health/ready").status == 503, what="not ready")
        self.assertEqual(live.get("/health/live").status, 200)
        refused = client.command("counter", "c", "add", {"by": 1})
        self.assertEqual(refused.status, 503)
        self.assertIn("Retry-After", refused.headers)

        disk.free()
        wait_until(lambda: live.get("/health/ready").status == 200,
                   what="ready again, without a restart")
        self.assert_goes_on(client, acknowledged)
        server.kill()
        server.restart()
        self.assertEqual(server.client().query("counter", "c", "value").json, self.value)

    def test_takes_writes_again_after_a_restart_too(self):
        disk = self.enterContext(SmallDisk(96))
        server = Server(os.path.join(disk.path, "data"), "--storage-write-buffer", "8MiB",
                        wrapper=disk.prefix)
        self.addCleanup(server.discard)
        server.start()
        acknowledged = self.write_until_refused(server.client(), disk)
        server.kill()
        disk.free()
        server.restart()
        self.assert_goes_on(server.client(), acknowledged)

    def assert_goes_on(self, client, acknowledged):
        value = client.query("counter", "c", "value").json
        # The write whose outcome was unknown may be there.
        self.assertIn(value, (acknowledged, acknowledged + 1))
        self.value = client.command("counter", "c", "add", {"by": 1}).json
        self.assertEqual(self.value, value + 1)

    def write_until_refused(self, client, disk):
        for n in range(20):
            self.assertEqual(client.command("counter", "c", "add", {"by": 1}).json, n + 1)
        disk.fill()
        acknowledged = 20
        filling = {"text": "x" * 200_000}
        for _ in range(2000):
            reply = client.command("counter", "c", "add", {"by": 1})
            if reply.status == 200:
                acknowledged += 1
                # What the store had reserved is used up by larger writes.
                reply = client.command("document", "d", "put", filling)
            if reply.status == 503:
                self.assert_problem(reply, 503, "outcome_unknown")
                return acknowledged
            self.assertEqual(reply.status, 200, reply)
        self.fail("a full disk took every write")


if __name__ == "__main__":
    unittest.main(verbosity=2)
