# SPDX-License-Identifier: Apache-2.0
"""The data directory as others leave it: deleted, moved, copied, full, damaged."""

import glob
import json
import os
import shutil
import unittest

from event_stream import Stream
from harness import ADMIN_KEY, BlackBoxTest, StartFailure, run, wait_until

COUNTER = "/api/v1/durable-objects/counter"


class FilesTest(BlackBoxTest):
    def started(self, *arguments, **options):
        server = self.server(*arguments, **options).start()
        return server, server.client()

    def add(self, client, by=1, counter="c"):
        reply = client.command("counter", counter, "add", {"by": by})
        self.assertEqual(reply.status, 200, reply)
        return reply

    def file(self, server, name):
        return os.path.join(server.data_dir, name)

    def copy(self, source, target):
        shutil.copytree(source, target, dirs_exist_ok=True)  # like cp -a

    def assert_not_ready(self, client, code):
        wait_until(lambda: client.get("/health/ready").status == 503, what="not ready")
        ready = client.get("/health/ready")
        self.assertEqual(ready.json["status"], "unavailable")
        self.assertEqual(ready.json["checks"]["storage"]["code"], code, ready)
        self.assertGreater(len(ready.json["checks"]["storage"]["detail"]), 40, ready)
        health = client.get("/health")
        self.assertEqual(health.status, 503)
        self.assertEqual(health.json["checks"]["storage"]["code"], code)
        self.assertEqual(client.get("/health/live").status, 200)

    def assert_writes_stopped(self, server, client, code):
        self.assert_not_ready(client, code)
        refused = client.command("counter", "c", "add", {"by": 1})
        problem = self.assert_problem(refused, 503, "unavailable")
        self.assertEqual([error["code"] for error in problem["errors"]], [code])
        self.assertIn("Retry-After", refused.headers)
        self.assertEqual(client.query("counter", "c", "value").status, 200, "reads go on")
        wait_until(lambda: self.is_logged(server, code), what="a line of the log")

    @staticmethod
    def is_logged(server, code):
        """Whether the log says so at its highest level. A line may be half written yet."""
        lines = [line for line in server.logs().splitlines() if line.endswith("}")]
        return any(line["level"] == "CRITICAL" and line.get("reason") == code
                   for line in map(json.loads, lines))


class Ownership(FilesTest):
    def test_is_kept_when_the_lock_files_are_deleted(self):
        first, client = self.started()
        self.add(client)
        for name in ("LOCK", "LOCK.perdure"):
            os.remove(self.file(first, name))
        with self.assertRaises(StartFailure) as failure:
            self.server().start()
        self.assertEqual(failure.exception.exit_code, 3)
        self.assertEqual(run("check", "--data-dir", first.data_dir).returncode, 3)
        self.assertEqual(run("dump", "--data-dir", first.data_dir).returncode, 3)
        wait_until(lambda: os.path.exists(self.file(first, "LOCK.perdure")), what="its lock file")
        with self.assertRaises(StartFailure) as failure:
            self.server().start()
        self.assertIn(str(first.pid), failure.exception.stderr)
        self.add(client)
        self.assertEqual(client.get("/health/ready").status, 200)

    def test_ends_when_the_directory_is_removed(self):
        server, client = self.started()
        self.add(client)
        shutil.rmtree(server.data_dir)
        self.assert_writes_stopped(server, client, "directory_gone")

    def test_ends_when_the_directory_is_replaced(self):
        server, client = self.started()
        self.add(client)
        os.rename(server.data_dir, self.path("away"))
        self.copy(self.path("away"), server.data_dir)
        before = {name: os.path.getsize(name)
                  for name in glob.glob(os.path.join(server.data_dir, "*"))}
        self.assert_writes_stopped(server, client, "directory_gone")
        server.kill()
        self.assertEqual({name: os.path.getsize(name) for name in before}, before,
                         "nothing was written into what stands there now")


class Copies(FilesTest):
    """Whoever holds a tag or a cursor of one line of history must not use it in another."""

    def filled(self):
        server, client = self.started()
        self.add(client, 1)
        server.stop()
        return server

    def cursor(self, server):
        """Where the event log is now."""
        stream = Stream(server, ADMIN_KEY, topics="*")
        self.addCleanup(stream.close)
        return stream.place

    def test_get_other_validators(self):
        server = self.filled()
        backup = self.path("backup")
        self.copy(server.data_dir, backup)
        server.start()
        client = server.client()
        self.add(client, 10)
        old_tag = client.get(f"{COUNTER}/c").headers["ETag"]
        self.assertEqual(old_tag, '"2"')
        cursor = self.cursor(server)
        server.kill()
        shutil.rmtree(server.data_dir)
        self.copy(backup, server.data_dir)
        server.start()
        client = server.client()
        self.add(client, 100)  # seq 2 again, with another state
        fresh = client.get(f"{COUNTER}/c", headers={"If-None-Match": old_tag})
        self.assertEqual(fresh.status, 200, "the tag is of another line")
        self.assertNotEqual(fresh.headers["ETag"], old_tag)
        lost = client.command("counter", "c", "add", {"by": 1}, headers={"If-Match": old_tag})
        self.assertEqual(lost.status, 412)
        held = client.command("counter", "c", "add", {"by": 1},
                              headers={"If-Match": fresh.headers["ETag"]})
        self.assertEqual(held.status, 200, held)
        self.assertEqual(
            client.get(f"{COUNTER}/c", headers={"If-None-Match": held.headers["ETag"]}).status, 304)
        self.assertIn("another line of history", server.logs())
        stream = Stream(server, ADMIN_KEY, topics="*", after=cursor)
        self.addCleanup(stream.close)
        self.assertEqual(stream.next()[1], "perdure.events.lost")

    def test_leave_the_original_and_what_is_moved_as_they_were(self):
        server = self.filled()
        self.copy(server.data_dir, self.path("copied"))
        os.rename(server.data_dir, self.path("moved"))
        tags = {}
        for name in ("moved", "copied"):
            other = self.server(data=name).start()
            tags[name] = other.client().get(f"{COUNTER}/c").headers["ETag"]
            other.stop()
        self.assertEqual(tags["moved"], '"1"')
        self.assertNotEqual(tags["copied"], '"1"')


class Losses(FilesTest):
    def test_of_small_files_are_told_by_who_only_looks(self):
        server, client = self.started()
        self.add(client, 5)
        server.stop()
        for pattern in ("ACKED", "FORMAT", "CURRENT", "MANIFEST-*"):
            data = self.path(pattern.strip("-*"))
            self.copy(server.data_dir, data)
            for name in glob.glob(os.path.join(data, pattern)):
                os.remove(name)
            names = sorted(os.listdir(data))
            checked = run("check", "--data-dir", data)
            self.assertEqual(checked.returncode, 4, checked)
            self.assertRegex(checked.stdout, r"[1-9]\d* records.*finding")
            dumped = run("dump", "--data-dir", data, "--object", "counter:c")
            self.assertEqual(dumped.returncode, 4, dumped)
            self.assertEqual(json.loads(dumped.stdout.splitlines()[0])["state"]["value"], 5)
            self.assertEqual(sorted(os.listdir(data)), names, "looking leaves no trace")
            with self.assertRaises(StartFailure) as failure:
                self.server(data=os.path.basename(data)).start()
            self.assertEqual(failure.exception.exit_code, 4, pattern)
            if pattern == "MANIFEST-*":
                self.assertIn("restore a backup", failure.exception.stderr)
                continue
            self.assertIn("--accept-lost-commits", failure.exception.stderr)
            accepting = self.server("--accept-lost-commits", data=os.path.basename(data)).start()
            self.assertEqual(accepting.client().query("counter", "c", "value").json, 5, pattern)
            accepting.stop()


class FileSizeLimit(FilesTest):
    def test_is_a_write_that_fails_and_not_the_end_of_the_server(self):
        server, client = self.started(wrapper=("prlimit", f"--fsize={512 << 10}"))
        self.add(client)
        text = "x" * 50_000
        for n in range(1000):
            reply = client.command("document", "d", "put", {"n": n, "text": text})
            if reply.status != 200:
                break
        self.assertEqual(reply.status, 503, reply)
        self.assertIsNone(server.process.poll(), "it is alive")
        self.assert_writes_stopped(server, client, "file_size_limit")
        self.assertEqual(client.query("counter", "c", "value").json, 1)
        server.stop()
        server.wrapper = []
        server.start()
        self.assertEqual(server.client().query("counter", "c", "value").json, 1)
        self.assertEqual(run("check", "--data-dir", server.data_dir).returncode, 3)


class WhatIsCounted(FilesTest):
    """What the runtime tells of itself reaches whoever scrapes the server."""

    def metric(self, client, name):
        lines = client.get("/metrics").body.decode().splitlines()
        return next(float(line.split()[-1]) for line in lines
                    if line.split("{")[0].split(" ")[0] == name)

    def test_alarms_count_how_late_they_are(self):
        _, client = self.started()
        self.add(client)
        self.assertEqual(self.metric(client, "perdure_alarm_lateness_seconds_count"), 0)
        made = client.post(f"{COUNTER}/c/alarms", {"name": "a", "command": "add",
                                                   "payload": {"by": 1}, "after_ms": 10})
        self.assertEqual(made.status, 201, made)
        wait_until(lambda: self.metric(client, "perdure_alarm_lateness_seconds_count") == 1,
                   what="an alarm that is counted")

    def test_a_dead_letter_is_logged_counted_and_published(self):
        server, client = self.started()
        stream = Stream(server, ADMIN_KEY, topics="dead_letter.*")
        self.addCleanup(stream.close)
        self.add(client)
        made = client.post(f"{COUNTER}/c/alarms",
                           {"name": "bad", "command": "add", "payload": {"by": "no number"},
                            "after_ms": 10, "retry": {"attempts": 1}})
        self.assertEqual(made.status, 201, made)
        event = stream.next()
        wait_until(lambda: self.metric(client, "perdure_dead_letters_total") == 1,
                   what="a letter that is counted")
        letters = client.get("/api/v1/dead-letters").json["items"]
        self.assertEqual(len(letters), 1)
        self.assertIn(letters[0]["id"], server.logs())
        self.assertIn("dead_letter.created", repr(event))
        self.assertIn(letters[0]["id"], repr(event))


if __name__ == "__main__":
    unittest.main(verbosity=2)
