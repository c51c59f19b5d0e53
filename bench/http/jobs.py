#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a job costs the server as its queue lives: made, begun, done, one after the other.

usage: bench/http/jobs.py [THOUSANDS] [PROGRAM]

THOUSANDS is 10, PROGRAM build/release/perdure when they are left out. The reference of each
thousand is the first one of the same run.
"""

import http.client
import json
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "load"))

import servers  # noqa: E402

HEADERS = {"Authorization": "Bearer " + servers.KEY, "Content-Type": "application/json"}


def finished(connection):
    connection.request("GET", "/api/v1/jobs/stats", headers=HEADERS)
    stats = json.load(connection.getresponse())
    return all(queue["queued"] + queue["running"] == 0 for queue in stats["queues"])


def main():
    thousands = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    program = sys.argv[2] if len(sys.argv) > 2 else servers.BINARY
    with tempfile.TemporaryDirectory(prefix="perdure-jobs-") as directory:
        server = servers.Perdure(program, directory)
        connection = http.client.HTTPConnection("127.0.0.1", int(server.port))
        first = None
        for thousand in range(1, thousands + 1):
            before = server.cpu_seconds()
            for number in range(1_000):
                body = json.dumps({"type": "echo", "payload": number})
                connection.request("POST", "/api/v1/jobs", body, HEADERS)
                reply = connection.getresponse()
                reply.read()
                if reply.status != 201:
                    sys.exit(f"POST /jobs: {reply.status}")
            while not finished(connection):
                time.sleep(0.05)
            cost = server.cpu_seconds() - before
            first = first or cost
            print(f"jobs to {thousand * 1_000:6,}  {cost:.2f} ms of processor time each"
                  f"  {cost / first:.2f} of the first", flush=True)
        server.stop()


if __name__ == "__main__":
    main()
