# SPDX-License-Identifier: Apache-2.0
"""A server under steady, mixed load, with objects that hibernate and alarms that fire: memory and
descriptors stay flat, and it becomes no slower.

The run is cut into six parts. Judged are: the memory of the last part against that of the fourth
(until then the tables and caches fill that have bounds), and its descriptors against those of the
second. Open tables of the store are not counted: there are more of them the more data there is, up
to `storage.open_files`.

Latencies of the parts are shown and not judged: a machine that others use is slower at one time
than at another. Judged is the server against a fresh one: afterwards both get the same load in
turns, a few seconds each, and the middle of the ratios of neighbours counts.

A short run, as in the tests, shows the mechanics only: it judges nothing that needs time.
"""

import contextlib
import os
import statistics
import threading
import time
import unittest

from harness import BlackBoxTest, show_progress
from workload import CLIENTS, Workload

SECONDS = float(os.environ.get("PERDURE_SOAK_SECONDS", "12"))
REQUESTS_PER_S = int(os.environ.get("PERDURE_SOAK_RATE", "120"))
PARTS = 6
# Below this the parts are too short to compare.
JUDGED_FROM_S = 120
ROUND_S = max(1, min(10, SECONDS / 8))
RSS_GROWTH_MAX = 1.1
RSS_GROWTH_FLOOR_MIB = 8
DESCRIPTORS_GROWTH_MAX = 8
# The old server beside the fresh one.
PAIRS = 15 if SECONDS >= JUDGED_FROM_S else 1
TURN_S = min(10, SECONDS / 12)
SLOWER_MAX = 1.2
BARS = "▁▂▃▄▅▆▇█"


class Sampler(threading.Thread):
    """Notes the memory and the descriptors of a process."""

    def __init__(self, pid, period_s):
        super().__init__(daemon=True)
        self.pid = pid
        self.period_s = period_s
        self.done = threading.Event()
        self.samples = []  # (time, RSS in MiB, descriptors)
        self.start()

    def run(self):
        while not self.done.wait(self.period_s):
            with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
                rss = next(int(x.split()[1]) for x in status if x.startswith("VmRSS:"))
            count = sum(not target.endswith(".sst") for target in self.open_files())
            self.samples.append((time.monotonic(), rss / 1024, count))

    def open_files(self):
        directory = f"/proc/{self.pid}/fd"
        for name in os.listdir(directory):
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                yield os.readlink(f"{directory}/{name}")


def sparkline(values):
    low, high = min(values), max(values)
    span = (high - low) or 1
    return "".join(BARS[int((v - low) / span * (len(BARS) - 1))] for v in values)


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def spread(points, began, count, choose):
    """`count` values over the run, each chosen from the (time, value) points of its stretch."""
    stretches = [[] for _ in range(count)]
    for at, value in points:
        stretches[min(count - 1, max(0, int((at - began) / SECONDS * count)))].append(value)
    return [choose(stretch) if stretch else 0 for stretch in stretches]


class Soak(BlackBoxTest):
    def start(self, data):
        # Caches so small that they are full after the warm-up.
        return self.server("--objects-hibernate-after", "2s", "--storage-cache", "8MiB",
                           "--storage-write-buffer", "8MiB", data=data).start()

    def load(self, server, seed):
        return Workload(self, server, seed, hang_up=0, pace_s=CLIENTS / REQUESTS_PER_S)

    def test_memory_and_descriptors_stay_flat_and_requests_as_quick_as_at_first(self):
        server = self.start("old")
        load = self.load(server, "soak")
        sampler = Sampler(server.pid, SECONDS / 240)
        began, rounds = time.monotonic(), 0
        while (passed := time.monotonic() - began) < SECONDS and not load.failure():
            time.sleep(0.2)
            if passed > (rounds + 1) * ROUND_S:
                rounds += 1
                load.new_round(rounds)  # the objects before it go to sleep
            show_progress(min(int(passed), int(SECONDS)), int(SECONDS), "seconds")
        sampler.done.set()
        sampler.join()
        rows = self.table(began, sampler.samples, load.latencies())
        slower = self.beside_a_fresh_one(load, rounds)
        metrics = server.client().get("/metrics").body.decode()
        load.finish()
        load.check()
        self.assertEqual(server.stop(), 0)
        self.assertGreater(self.activations(metrics), 0)
        if SECONDS >= JUDGED_FROM_S:
            self.judge(rows, slower)

    def beside_a_fresh_one(self, old, rounds):
        """How much slower the old server is, as (p50, p99): the medians of neighbours' ratios."""
        old.pause()
        server = self.start("fresh")
        fresh = self.load(server, "fresh")
        turns = []
        for turn in range(2 * (PAIRS + 1)):
            load = (old, fresh)[turn % 2]
            load.new_round(rounds + 1 + turn)
            load.resume()
            began = time.monotonic()
            time.sleep(TURN_S)
            load.pause()
            show_progress(turn + 1, 2 * (PAIRS + 1), "turns beside a fresh server")
            turns.append((load, began, time.monotonic()))
            time.sleep(0.1)  # what is on its way
        latencies = {load: load.latencies() for load in (old, fresh)}
        fresh.finish()
        fresh.check()
        self.assertEqual(server.stop(), 0)

        def share(turn, share):
            load, began, ended = turn
            return percentile([s for at, s in latencies[load] if began <= at < ended], share)

        pairs = list(zip(turns[2::2], turns[3::2], strict=True))  # the first is the warm-up
        slower = [statistics.median(share(one, q) / share(other, q) for one, other in pairs)
                  for q in (0.5, 0.99)]
        print(f"beside a fresh server: p50 {slower[0]:.2f}, p99 {slower[1]:.2f} times its own, "
              f"medians of {len(pairs)} pairs")
        return slower

    def activations(self, metrics):
        return sum(float(line.split()[-1]) for line in metrics.splitlines()
                   if line.startswith("perdure_activations_total"))

    def table(self, began, samples, latencies):
        rss = spread([(at, mib) for at, mib, _ in samples], began, PARTS, statistics.median)
        files = spread([(at, count) for at, _, count in samples], began, PARTS, max)
        p99 = spread(latencies, began, PARTS, lambda x: percentile(x, 0.99) * 1000)
        p50 = spread(latencies, began, PARTS, lambda x: percentile(x, 0.5) * 1000)
        count = spread(latencies, began, PARTS, len)
        print("part  requests   p50 ms   p99 ms  RSS MiB  files")
        for part in range(PARTS):
            print(f"{part + 1:4} {count[part]:9} {p50[part]:8.2f} {p99[part]:8.2f} "
                  f"{rss[part]:8.1f} {files[part]:6}")
        memory = spread([(at, mib) for at, mib, _ in samples], began, 60, statistics.median)
        slow = spread(latencies, began, 60, lambda x: percentile(x, 0.99) * 1000)
        print(f"RSS {min(memory):.0f} to {max(memory):.0f} MiB  {sparkline(memory)}")
        print(f"p99 {min(slow):.1f} to {max(slow):.1f} ms  {sparkline(slow)}")
        self.assertTrue(all(count), "each part has requests")
        return {"rss": rss, "files": files}

    def judge(self, rows, slower):
        rss, files = rows["rss"], rows["files"]
        self.assertLessEqual(rss[-1], max(rss[3] * RSS_GROWTH_MAX, rss[3] + RSS_GROWTH_FLOOR_MIB),
                             "memory grew")
        self.assertLessEqual(files[-1], files[1] + DESCRIPTORS_GROWTH_MAX, "descriptors grew")
        self.assertLessEqual(max(slower), SLOWER_MAX, "slower than a fresh server")


if __name__ == "__main__":
    unittest.main(verbosity=2)
