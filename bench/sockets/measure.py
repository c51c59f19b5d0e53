#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures live conversations: deliveries to many sockets of one conversation, and idle sockets.

The server is the real one with sync durability; the client is bench_sockets (raw epoll, one
thread), on the same machine. Prints tables in Markdown; --write puts them into docs/benchmarks.md.
"""

import argparse
import json
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "http")]

import record  # noqa: E402
import run as http_bench  # noqa: E402  (what starts the server is there)

CONTENT_BYTES = 100
CLIENT_TIMEOUT_S = 120


class Server(http_bench.Perdure):
    def __init__(self, binary, directory, sockets):
        super().__init__(binary, directory, flags=("--limits-connections", str(sockets + 100)))
        self.port = self.url.rsplit(":", 1)[1]

    def conversation(self):
        request = urllib.request.Request(
            self.url + "/conversations", data=b"{}", method="POST",
            headers={"Authorization": "Bearer " + http_bench.KEY,
                     "Content-Type": "application/json"})
        with urllib.request.urlopen(request) as reply:
            return json.load(reply)["id"]


def client(arguments, server, sockets, *rest):
    return [arguments.client, server.port, http_bench.KEY, str(sockets), *map(str, rest)]


def fan_out(arguments, server, sockets, window):
    """One round: deliveries/s, messages/s, p50 and p99 in ms, CPU of server and client."""
    before = server.cpu_seconds()
    output = subprocess.run(
        client(arguments, server, sockets, arguments.seconds, window, CONTENT_BYTES),
        input=server.conversation() + "\n\n",
        capture_output=True, text=True, check=True, timeout=CLIENT_TIMEOUT_S).stdout
    sent, deliveries, seconds, cpu, p50, p99 = map(float, output.split())
    server_cpu = server.cpu_seconds() - before
    return (deliveries / seconds, sent / seconds, p50 / 1e3, p99 / 1e3, server_cpu / seconds,
            cpu / seconds, server_cpu / deliveries * 1e6)


def fan_out_rows(arguments, server):
    cases = [(sockets, window) for sockets in arguments.sockets for window in arguments.windows]
    samples = {case: [] for case in cases}
    for _ in range(arguments.rounds):
        for case in cases:
            samples[case].append(fan_out(arguments, server, *case))
    for (sockets, window), rounds in samples.items():
        rates = [sample[0] for sample in rounds]
        median = [statistics.median(column) for column in zip(*rounds)]
        yield (f"| {sockets:,} | {window} | {median[0]:,.0f} | {min(rates):,.0f} – "
               f"{max(rates):,.0f} | {median[1]:,.0f} | {median[2]:.1f} / {median[3]:.1f} "
               f"| {median[6]:.1f} | {median[4]:.2f} / {median[5]:.2f} |")


def idle_row(arguments, server, count, conversations):
    ids = "\n".join(server.conversation() for _ in range(conversations))
    hold = subprocess.Popen(client(arguments, server, 200, "idle"), stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)
    hold.stdin.write(server.conversation() + "\n\n")
    hold.stdin.flush()
    hold.stdout.readline()  # what the first sockets cost is not theirs alone
    before = server.resident_bytes()
    many = subprocess.Popen(client(arguments, server, count, "idle"), stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)
    many.stdin.write(ids + "\n\n")
    many.stdin.flush()
    many.stdout.readline()
    used = server.resident_bytes() - before
    cpu = server.cpu_seconds()
    http_bench.time.sleep(10)
    share = (server.cpu_seconds() - cpu) / 10
    for process in (many, hold):
        process.stdin.close()
        process.wait()
    return (f"| {count:,} sockets, {conversations:,} conversation{'s' * (conversations > 1)} "
            f"| {used / count:,.0f} | {share:.1%} |")


def report(arguments):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    directory = tempfile.mkdtemp(prefix="perdure-bench-", dir=arguments.directory)
    servers = []

    def start(name, sockets):
        servers.append(Server(arguments.binary, f"{directory}/{name}", sockets))
        return servers[-1]

    try:
        idle = []
        for conversations in (1, arguments.idle):
            server = start(f"idle-{conversations}", arguments.idle + 200)
            idle.append(idle_row(arguments, server, arguments.idle, conversations))
            server.kill()
        rows = list(fan_out_rows(arguments, start("data", max(arguments.sockets))))
    finally:
        for server in servers:
            server.kill()
        shutil.rmtree(directory, ignore_errors=True)
    return "\n".join([
        f"Measured on {http_bench.machine()}. {arguments.rounds} interleaved rounds of "
        f"{arguments.seconds} s; medians, with least and greatest. *Window*: messages sent ahead "
        "of what all sockets together have heard.", "",
        "| sockets | window | deliveries/s | spread | messages/s | p50 / p99 ms "
        "| server CPU µs/delivery | cores busy: server / client |",
        "|---|---|---|---|---|---|---|---|", *rows, "",
        "| idle | bytes each | of a core while idle |", "|---|---|---|", *idle])


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=str(ROOT / "build/release/perdure"))
    parser.add_argument("--client",
                        default=str(ROOT / "build/release/bench/sockets/bench_sockets"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--sockets", type=int, nargs="*", default=[500, 5_000])
    parser.add_argument("--windows", type=int, nargs="*", default=[1, 16])
    parser.add_argument("--idle", type=int, default=10_000)
    parser.add_argument("--directory", help="where data goes (default: the temporary directory)")
    parser.add_argument("--write", action="store_true", help="put the figures into the docs")
    arguments = parser.parse_args()
    text = report(arguments)
    print(text)
    if arguments.write:
        record.write("sockets", text)


if __name__ == "__main__":
    main()
