#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts the server's instructions for each request, by thread, under callgrind.

Instructions are no times, but they do not depend on what else the machine does: the way to tell
whether a change helped. Leaves a directory to look into with callgrind_annotate --inclusive=yes.
"""

import argparse
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


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", choices=["value", "add"], help="reads, or durable increments")
    parser.add_argument("--objects", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--binary", default=servers.BINARY)
    arguments = parser.parse_args()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="perdure-profile-"))
    server = servers.Perdure(arguments.binary, directory / "server",
                             ["valgrind", "--quiet", "--tool=callgrind", "--instr-atstart=no",
                              "--separate-threads=yes", f"--callgrind-out-file={directory}/out"])

    def load(work):
        return wrk.run(server.url, arguments.seconds, server.counter(work), arguments.objects)

    try:
        load("add")  # they exist, are active
        switch("on", server.process)
        requests = load(arguments.work).requests
        switch("off", server.process)
    finally:
        server.stop()
    print(f"{requests:,} requests")
    for count, path in sorted(totals(directory), reverse=True):
        if count / requests >= 50:
            print(f"{count / requests:10,.0f} instructions a request: {path}")


if __name__ == "__main__":
    main()
