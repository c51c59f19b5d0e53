# SPDX-License-Identifier: Apache-2.0
"""A server under steady, mixed load, with objects that hibernate and alarms that fire: memory and
descriptors stay flat, and the last requests are as fast as the first.

The run is cut into six parts. Judged are: the memory of the last part against that of the fourth
(until then the tables fill that have bounds, such as that of the last seqs of objects), its
descriptors against those of the second, and its slowest hundredth against that of the first. Open
tables of the store are not counted: there are more of them the more data there is, up to
`storage.open_files`. A short run, as in the tests, shows the mechanics only: it judges nothing that
needs time.
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
P99_RATIO_MAX = 1.2
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
    def test_memory_descriptors_and_latency_stay_flat(self):
        # Caches so small that they are full after the warm-up.
        server = self.server("--objects-hibernate-after", "2s", "--storage-cache", "16MiB",
                             "--storage-write-buffer", "16MiB").start()
        load = Workload(self, server, "soak", hang_up=0, pace_s=CLIENTS / REQUESTS_PER_S)
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
        metrics = server.client().get("/metrics").body.decode()
        load.finish()
        latencies = sorted(x for client in load.clients for x in client.latencies_s)
        rows = self.table(began, sampler.samples, latencies)
        load.check()
        self.assertEqual(server.stop(), 0)
        self.assertGreater(self.activations(metrics), 0)
        if SECONDS >= JUDGED_FROM_S:
            self.judge(rows)

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
        return {"rss": rss, "files": files, "p99": p99}

    def judge(self, rows):
        rss, files, p99 = rows["rss"], rows["files"], rows["p99"]
        self.assertLessEqual(rss[-1], max(rss[3] * RSS_GROWTH_MAX, rss[3] + RSS_GROWTH_FLOOR_MIB),
                             "memory grew")
        self.assertLessEqual(files[-1], files[1] + DESCRIPTORS_GROWTH_MAX, "descriptors grew")
        self.assertLessEqual(p99[-1], p99[0] * P99_RATIO_MAX, "requests became slower")


if __name__ == "__main__":
    unittest.main(verbosity=2)
