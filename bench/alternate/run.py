#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares two builds of Perdure, or one under two settings: what a request costs the server in
processor time, W1 to W10, and how many there are in a second.

Both servers run at the same time in folders of their own; a workload asks one, then the other, and
the next pass begins with the other one. Each pass gives a ratio (after / before) for each
workload. The table has their median, and the interval that holds the true median with at least
95 %: a workload is dearer, or cheaper, when the interval lies wholly on one side of 1.

Processor time counts the server alone, whatever else the machine does; caches are shared, so the
load of the machine is printed. W5, W8, W9 and W10 run with what can be made in seconds.

Needs scripts/install --bench, and scripts/build release bench_sockets.
"""

import argparse
import math
import os
import pathlib
import shutil
import statistics
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / folder) for folder in ("", "load", "peers")]

import peers  # noqa: E402
import record  # noqa: E402
import servers  # noqa: E402
import sockets  # noqa: E402
import workloads  # noqa: E402
import wrk  # noqa: E402

CONFIDENCE = 0.95
MESSAGES_BEFORE = 10
SIDES = ("before", "after")


def appends(peer, options):
    room = workloads.room_with(peer, MESSAGES_BEFORE)
    yield workloads.measured(peer, "W8", options.seconds, workloads.message(room))


def start(peer, options):
    """The processor time of a whole start, with a log that holds what was written last."""
    wrk.run(peer.url, options.seconds, peer.requests["add"], workloads.MANY)
    peer.kill()
    peer.start()
    yield {"workload": "W10", "cpu_us": peer.cpu_seconds() * 1e6}


WORKLOADS = {**workloads.SMALL, "W8": appends, "W10": start}
# What makes the most objects, or starts the server again, comes last.
ORDER = ["W1", "W3", "W2", "W4", "W8", "W6", "W9", "W5", "W7", "W10"]


def started(binary, flags, directory):
    """A server of this binary, warm."""
    kind = type("Side", (peers.Perdure,),
                {"binary": str(pathlib.Path(binary).resolve()), "flags": tuple(flags)})
    peer = kind(directory)
    peer.seed(workloads.MANY)
    for work in peer.requests.values():
        wrk.run(peer.url, 1, work, workloads.MANY)
    return peer


def one_pass(number, options, directory):
    """{workload: {side: sample}}; what fails ends the run."""
    sides = {}
    found = {}
    order = SIDES if number % 2 == 0 else SIDES[::-1]
    try:
        for side in order:
            flags = getattr(options, f"flags_{side}").split()
            sides[side] = started(getattr(options, side), flags, directory / f"{side}-{number}")
        for workload in options.workload:
            for side in order:
                sample, = WORKLOADS[workload](sides[side], options)
                if sample.get("errors"):
                    raise wrk.LoadFailed(f"{side}: {sample['errors']} errors in {workload}")
                found.setdefault(workload, {})[side] = sample
    finally:
        for peer in sides.values():
            peer.stop()
            shutil.rmtree(peer.directory, ignore_errors=True)
    return found


def interval(values):
    """The order statistics between which the median lies with CONFIDENCE at least."""
    values = sorted(values)
    count = len(values)
    outside, place = 0.0, 0
    while place < count // 2:
        outside += math.comb(count, place) / 2 ** count
        if 1 - 2 * outside < CONFIDENCE:
            break
        place += 1
    first = max(place - 1, 0)
    return values[first], values[count - 1 - first]


def verdict(low, high):
    return "dearer" if low > 1 else "cheaper" if high < 1 else "the same"


def ratio_of_rates(pairs):
    """How many times as many requests a second the later side answered; none of a start."""
    if "rate" not in pairs[0]["after"]:
        return "–"
    return f"{statistics.median(p['after']['rate'] / p['before']['rate'] for p in pairs):.2f}"


def table(passes):
    yield "| workload | before | after | ratio | interval | | rate |"
    yield "|---|---|---|---|---|---|---|"
    for workload in passes[0]:
        pairs = [found[workload] for found in passes]
        ratios = [pair["after"]["cpu_us"] / pair["before"]["cpu_us"] for pair in pairs]
        low, high = interval(ratios)
        before, after = (statistics.median(pair[side]["cpu_us"] for pair in pairs)
                         for side in SIDES)
        yield (f"| {workload}: {workloads.TITLES[workload]} | {before:,.1f} µs | {after:,.1f} µs "
               f"| {statistics.median(ratios):.3f} | {low:.3f} – {high:.3f} "
               f"| {verdict(low, high)} | {ratio_of_rates(pairs)} |")


def arguments_of_command_line():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", required=True, metavar="BINARY")
    parser.add_argument("--after", default=servers.BINARY, metavar="BINARY")
    for side in SIDES:
        parser.add_argument(f"--flags-{side}", default="", metavar="FLAGS",
                            help="settings, such as --flags-after='--threads-commit io'")
    parser.add_argument("--workload", nargs="+", choices=ORDER, default=ORDER, metavar="W")
    parser.add_argument("--passes", type=int, default=10)
    parser.add_argument("--seconds", type=int, default=2, help="of each load")
    parser.add_argument("--small", type=int, default=20_000, help="objects of W5")
    parser.add_argument("--client", default=sockets.PROGRAM)
    parser.add_argument("--directory", help="where data goes (default: the temporary directory)")
    options = parser.parse_args()
    options.workload = [workload for workload in ORDER if workload in options.workload]
    return options


def main():
    options = arguments_of_command_line()
    servers.raise_file_limit()
    passes, loads = [], []
    with tempfile.TemporaryDirectory(prefix="perdure-alternate-", dir=options.directory,
                                     ignore_cleanup_errors=True) as directory:
        for number in range(options.passes):
            loads.append(os.getloadavg()[0])
            if sys.stderr.isatty():
                print(f"\r\033[Kpass {number + 1} of {options.passes}", end="", file=sys.stderr)
            passes.append(one_pass(number, options, pathlib.Path(directory)))
    print("\n".join(table(passes)))
    print(f"\n{len(passes)} passes of {options.seconds} s on {record.machine()}; load of the "
          f"machine {min(loads):.1f} – {max(loads):.1f}.")


if __name__ == "__main__":
    main()
