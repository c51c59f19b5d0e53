#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts the server's instructions for each request, by thread, under callgrind.

Instructions are no times, but they do not depend on what else the machine does: the way to tell
whether a change helped. Leaves a directory to look into with callgrind_annotate --inclusive=yes.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "bench/load"))

import servers  # noqa: E402
import wrk  # noqa: E402


def switch(state, process):
    subprocess.run(["callgrind_control", "-i", state, str(process.pid)], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def totals(directory):
    for path in directory.glob("out-*"):
        found = re.search(r"^totals: (\d+)", path.read_text(errors="replace"), re.MULTILINE)
        if found and int(found[1]) > 0:
            yield int(found[1]), path


def append(server, _objects):
    """Messages of one conversation; what its object queries come with are none of it."""
    return wrk.Request("POST", f"/conversations/{server.room()}/messages",
                       '{"role":"user","content":"A message of the length that people write."}',
                       servers.KEY)


def resource(server, _objects):
    """Updates of one task whose state is 1 KB of JSON; each differs from the one before."""
    task = server.post("/tasks", json.dumps({"title": "A task", "description": "d" * 900}))["id"]
    return wrk.Request("PATCH", f"/tasks/{task}", json.dumps({"description": "e" * 900 + "%d"}),
                       servers.KEY)


WORKS = {
    "value": lambda server, _: server.counter("value"),
    "add": lambda server, _: server.counter("add"),
    "append": append,
    "resource": resource,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", choices=WORKS,
                        help="reads, durable increments, appends to a conversation, or updates of "
                        "resources of 1 KB")
    parser.add_argument("--objects", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--binary", default=servers.BINARY)
    parser.add_argument("--turns", choices=["always", "on", "off"], default="always",
                        help="threads.inline_turns: a turn under callgrind takes longer than those "
                        "that run inline by themselves")
    arguments = parser.parse_args()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="perdure-profile-"))
    server = servers.Perdure(arguments.binary, directory / "server",
                             ["valgrind", "--quiet", "--tool=callgrind", "--instr-atstart=no",
                              "--separate-threads=yes", f"--callgrind-out-file={directory}/out"],
                             [f"--threads-inline-turns={arguments.turns}"])
    try:
        work = WORKS[arguments.work](server, arguments.objects)

        def load():
            return wrk.run(server.url, arguments.seconds, work, arguments.objects)

        load()  # they exist, are active
        switch("on", server.process)
        requests = load().requests
        switch("off", server.process)
    finally:
        server.stop()
    print(f"{requests:,} requests")
    for count, path in sorted(totals(directory), reverse=True):
        if count / requests >= 50:
            print(f"{count / requests:10,.0f} instructions a request: {path}")


if __name__ == "__main__":
    main()
