#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What live lists cost: processor time of the server with none and with many of them open.

usage: bench/http/live_lists.py [--lists N] [--writers N] [--seconds S] [--passes N]

Opens N lists of tasks (1000), each of another owner, and has others write (4 clients that change
goals of their own) while nobody changes a list: processor time a write, with the lists against
without them, in passes that take turns. Then each list gets one change, and the time until its
`enter` has come is told, beside that of the write's own answer.

PERDURE_BINARY names another program than build/release/perdure.
"""

import argparse
import os
import pathlib
import select
import statistics
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
os.environ.setdefault("PERDURE_BINARY", str(ROOT / "build/release/perdure"))
sys.path.insert(0, str(ROOT / "tests/blackbox"))

from event_stream import Stream  # noqa: E402
from harness import Server  # noqa: E402
from users import user_client  # noqa: E402


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def write_for(clients, seconds):
    """How many writes the clients had answered."""
    counts = [0] * len(clients)
    end = time.monotonic() + seconds

    def work(number):
        client = clients[number]
        goal = client.post("/goals", {"title": "g"}).json["id"]
        while time.monotonic() < end:
            client.patch(f"/goals/{goal}", {"title": str(counts[number])})
            counts[number] += 1

    threads = [threading.Thread(target=work, args=(n,)) for n in range(len(clients))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts)


def cost_of_write(server, writers, seconds):
    before = processor_seconds(server.pid)
    writes = write_for(writers, seconds)
    return (processor_seconds(server.pid) - before) / writes * 1e6


def open_list(server, client):
    stream = Stream(server, client.key, {"Accept": "text/event-stream"}, "/tasks",
                    status="pending")
    assert stream.next()[1] == "page"
    return stream


def delay_of(stream, client):
    """From a write until its answer, and until its event, in ms."""
    begin = time.monotonic()
    made = client.post("/tasks", {"title": "t"})
    answered = time.monotonic()
    select.select([stream.connection.sock], [], [], 10)
    assert stream.next()[2]["id"] == made.json["id"]
    return (answered - begin) * 1e3, (time.monotonic() - begin) * 1e3


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lists", type=int, default=1000)
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--passes", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as data:
        server = Server(data, "--limits-connections-per-address", "100000").start()
        admin = server.client()
        owners = [user_client(server, admin) for _ in range(options.lists)]
        writers = [user_client(server, admin) for _ in range(options.writers)]
        ratios, with_lists, without = [], [], []
        for _ in range(options.passes):
            without.append(cost_of_write(server, writers, options.seconds))
            streams = [open_list(server, owner) for owner in owners]
            with_lists.append(cost_of_write(server, writers, options.seconds))
            ratios.append(with_lists[-1] / without[-1])
            before = processor_seconds(server.pid)
            time.sleep(options.seconds)
            idle = (processor_seconds(server.pid) - before) / options.seconds
            delays = [delay_of(*pair) for pair in zip(streams, owners)]
            for stream in streams:
                stream.close()
        ratios.sort()
        answered, heard = ([statistics.quantiles(part, n=100) for part in zip(*delays)]
                           if len(delays) > 1 else zip(*delays))
        print(f"{options.lists} live lists, {options.passes} passes")
        print(f"processor time a write of others: {statistics.median(without):.1f} us without, "
              f"{statistics.median(with_lists):.1f} us with them; "
              f"ratio {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")
        print(f"while nobody writes: {idle * 100:.2f} % of a core")
        print(f"a change: answered p50 {answered[49]:.2f} ms, p99 {answered[98]:.2f} ms; "
              f"in the list p50 {heard[49]:.2f} ms, p99 {heard[98]:.2f} ms")
        server.stop()
        server.discard()


if __name__ == "__main__":
    main()
