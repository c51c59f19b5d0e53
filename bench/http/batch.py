#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""50 creates by one atomic batch beside 50 single ones, on one connection, in alternated passes.

usage: bench/http/batch.py [PASSES] [PROGRAM]

PASSES is 10, PROGRAM build/release/perdure when they are left out. The reference of the batch is
the single creates of the same pass.
"""

import http.client
import json
import pathlib
import statistics
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "load"))

import servers  # noqa: E402

HEADERS = {"Authorization": "Bearer " + servers.KEY, "Content-Type": "application/json"}
CREATES = 50
ROUNDS = 20
TASK = {"title": "Book a train", "priority": "high", "due_date": "2026-05-17"}


def post(connection, path, body, status):
    connection.request("POST", path, json.dumps(body), HEADERS)
    reply = connection.getresponse()
    reply.read()
    if reply.status != status:
        sys.exit(f"POST {path}: {reply.status}")


def single(connection):
    for _ in range(CREATES):
        post(connection, "/api/v1/tasks", TASK, 201)


def batch(connection):
    one = {"method": "POST", "path": "/tasks", "body": TASK}
    post(connection, "/api/v1/batch", {"atomic": True, "requests": [one] * CREATES}, 200)


def measure(server, connection, create):
    """Milliseconds of processor time, and of waiting, for 50 creates."""
    cpu, began = server.cpu_seconds(), time.monotonic()
    for _ in range(ROUNDS):
        create(connection)
    waited = time.monotonic() - began
    return [1_000 * took / ROUNDS for took in (server.cpu_seconds() - cpu, waited)]


def main():
    passes = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    program = sys.argv[2] if len(sys.argv) > 2 else servers.BINARY
    with tempfile.TemporaryDirectory(prefix="perdure-batch-") as directory:
        server = servers.Perdure(program, directory)
        connection = http.client.HTTPConnection("127.0.0.1", int(server.port))
        for create in (single, batch):  # not counted
            create(connection)
        taken = {single: [], batch: []}
        for number in range(passes):
            for create in (single, batch) if number % 2 == 0 else (batch, single):
                taken[create].append(measure(server, connection, create))
        for at, what in enumerate(("processor time", "time to the answer")):
            alone = [one[at] for one in taken[single]]
            ratios = [one[at] / other for one, other in zip(taken[batch], alone)]
            print(f"{what:18}  {CREATES} single ones {statistics.median(alone):6.2f} ms"
                  f"  one batch {statistics.median(one[at] for one in taken[batch]):6.2f} ms"
                  f"  ratio {statistics.median(ratios):.2f}"
                  f" ({min(ratios):.2f} to {max(ratios):.2f})", flush=True)
        server.stop()


if __name__ == "__main__":
    main()
