# SPDX-License-Identifier: Apache-2.0
"""What was acknowledged is there, once, whatever happens to the process or the disk."""

import os
import random
import shutil
import subprocess
import tempfile
import time
import unittest

from harness import BlackBoxTest, Server, run, show_progress, wait_until
from workload import Workload

# A test run takes as many cycles as fit; scripts/crash takes as many as it is told.
CYCLES = int(os.environ.get("PERDURE_CRASH_CYCLES", "200"))
SECONDS_MAX = float("inf") if "PERDURE_CRASH_CYCLES" in os.environ else 30
CYCLES_MIN = min(CYCLES, 10)
CYCLES_PER_ROUND = 20


class KilledUnderLoad(BlackBoxTest):
    def test_keeps_every_acknowledged_write_once(self):
        self.keep_every_acknowledged_write_once()

    def test_keeps_every_acknowledged_write_once_that_an_io_thread_commits(self):
        self.keep_every_acknowledged_write_once("--threads-commit", "io", "--threads-io", "2")

    def keep_every_acknowledged_write_once(self, *flags):
        seed = int(os.environ.get("PERDURE_SEED", str(time.time_ns() % 1_000_000)))
        print(f"seed {seed} (PERDURE_SEED repeats the choices)")
        rng = random.Random(seed)
        server = self.server(*flags).start()
        load = Workload(self, server, seed)
        began, cycles = time.monotonic(), 0
        while cycles < CYCLES and (cycles < CYCLES_MIN or time.monotonic() < began + SECONDS_MAX):
            # From the middle of the first requests to a steady load.
            time.sleep(rng.choice([0, 0.02, 0.1, 0.3]) * rng.random())
            server.kill()
            server.restart()
            cycles += 1
            if cycles % CYCLES_PER_ROUND == 0:
                load.new_round(cycles // CYCLES_PER_ROUND)
            if load.failure():
                break
            show_progress(cycles, CYCLES)
        load.finish()
        server.kill()
        server.restart()
        load.check()
        print(f"{cycles} kills, {dict(load.ledger.counts)}")
        self.assertEqual(server.stop(), 0)
        checked = run("check", "--data-dir", server.data_dir)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)


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
                # Which comes first: a record that finds no room, or a table that is written out.
                self.assertIn(reply.json["code"], ("outcome_unknown", "unavailable"))
                return acknowledged
            self.assertEqual(reply.status, 200, reply)
        self.fail("a full disk took every write")


if __name__ == "__main__":
    unittest.main(verbosity=2)
