#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures live conversations: deliveries to many sockets of one conversation, and idle sockets.

The server is the real one with sync durability; the client is bench_sockets (raw epoll, one
thread), on the same machine. Prints tables in Markdown; --write puts them into docs/benchmarks.md.
"""

import argparse
import pathlib
import shutil
import statistics
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "load")]

import record  # noqa: E402
import servers  # noqa: E402
import sockets  # noqa: E402

WARM_UP = 100  # connections beside the sockets that are measured


def fan_out(arguments, server, count, window):
    """One round, as the row's columns."""
    before = server.cpu_seconds()
    heard = sockets.fan_out(arguments.client, server, count, window, arguments.seconds)
    cpu = server.cpu_seconds() - before
    return (heard.deliveries / heard.seconds, heard.sent / heard.seconds, heard.p50, heard.p99,
            cpu / heard.seconds, heard.client_cpu_seconds / heard.seconds,
            cpu / heard.deliveries * 1e6)


def fan_out_rows(arguments, server):
    cases = [(count, window) for count in arguments.sockets for window in arguments.windows]
    samples = {case: [] for case in cases}
    for _ in range(arguments.rounds):
        for case in cases:
            samples[case].append(fan_out(arguments, server, *case))
    for (count, window), rounds in samples.items():
        rates = [sample[0] for sample in rounds]
        median = [statistics.median(column) for column in zip(*rounds)]
        yield (f"| {count:,} | {window} | {median[0]:,.0f} | {min(rates):,.0f} – "
               f"{max(rates):,.0f} | {median[1]:,.0f} | {median[2]:.1f} / {median[3]:.1f} "
               f"| {median[6]:.1f} | {median[4]:.2f} / {median[5]:.2f} |")


def idle_row(arguments, server, count, conversations):
    cost = sockets.idle(arguments.client, server, count, conversations)
    return (f"| {count:,} sockets, {conversations:,} conversation{'s' * (conversations > 1)} "
            f"| {cost.bytes:,.0f} | {cost.busy:.1%} |")


def report(arguments):
    servers.raise_file_limit()
    directory = tempfile.mkdtemp(prefix="perdure-bench-", dir=arguments.directory)
    started = []

    def start(name, count):
        started.append(servers.Perdure(
            arguments.binary, f"{directory}/{name}",
            flags=("--limits-connections", str(count + WARM_UP),
                   "--limits-connections-per-address", str(count + WARM_UP))))
        return started[-1]

    try:
        idle = []
        for conversations in (1, arguments.idle):
            server = start(f"idle-{conversations}", arguments.idle + sockets.WARM_UP)
            idle.append(idle_row(arguments, server, arguments.idle, conversations))
            server.kill()
        rows = list(fan_out_rows(arguments, start("data", max(arguments.sockets))))
    finally:
        for server in started:
            server.kill()
        shutil.rmtree(directory, ignore_errors=True)
    return "\n".join([
        f"Measured on {record.machine()}. {arguments.rounds} interleaved rounds of "
        f"{arguments.seconds} s; medians, with least and greatest. *Window*: messages sent ahead "
        "of what all sockets together have heard.", "",
        "| sockets | window | deliveries/s | spread | messages/s | p50 / p99 ms "
        "| server CPU µs/delivery | cores busy: server / client |",
        "|---|---|---|---|---|---|---|---|", *rows, "",
        "| idle | bytes each | of a core while idle |", "|---|---|---|", *idle])


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=servers.BINARY)
    parser.add_argument("--client",
                        default=sockets.PROGRAM)
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
