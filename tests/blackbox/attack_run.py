# SPDX-License-Identifier: Apache-2.0
"""All attacks at full size, as a table. `scripts/attack --help` says how."""

import argparse
import http.client
import statistics
import sys
import tempfile
from collections import Counter

from attacks import ALL
from harness import show_progress
from isolation import FULL, Size, World, judge, measure, missing_settings, ratios

COLUMNS = ("attack", "probe", "calm p50/p99", "attacked p50/p99", "ratio of p99", "peak MiB",
           "files", "cores", "")


def options():
    parser = argparse.ArgumentParser(prog="scripts/attack")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("names", nargs="*", metavar="NAME")
    chosen = parser.parse_args()
    unknown = set(chosen.names) - {attack.name for attack in ALL}
    if unknown:
        parser.error("no attack is named " + ", ".join(sorted(unknown)))
    if min(chosen.rounds, chosen.seconds, chosen.scale) <= 0:
        parser.error("what is not above zero measures nothing")
    return chosen


def median_of(passes, group, member):
    return statistics.median(one.probe[group][member] for one in passes)


def times(passes, group):
    return f"{median_of(passes, group, 'p50_ms'):.2f} / {median_of(passes, group, 'p99_ms'):.2f}"


def rows(attack, calm, attacked, misses):
    """Lines of the table: one for each group of the probe."""
    name = attack.name
    for group in attacked[0].probe:
        low, middle, high = ratios(calm, attacked, group)
        verdict = "missed" if any(miss.group == group for miss in misses) else ""
        yield (name, group, times(calm, group), times(attacked, group),
               f"{middle:.2f} ({low:.2f} to {high:.2f})",
               f"{max(one.peak_mib for one in attacked):.0f}" if name else "",
               f"{max(one.descriptors for one in attacked)}" if name else "",
               f"{statistics.median(one.cpu for one in attacked):.2f}" if name else "", verdict)
        name = ""


def answers(passes):
    """How the attackers were answered; before the clock ran, too, if that was all they did."""
    counts = sum((one.answers() for one in passes), start=Counter())
    if not counts:
        counts = sum((one.prepared for one in passes), start=Counter())
    return ", ".join(f"{what} × {count:,}" for what, count in sorted(counts.items())) or "nothing"


class Table:
    WIDTHS = (22, 8, 19, 22, 24, 8, 6, 5, 0)

    def line(self, cells):
        print("  ".join(f"{cell:<{width}}" for cell, width
                        in zip(cells, self.WIDTHS, strict=True)).rstrip(), flush=True)


def carry_out(world, attack, chosen, done, count):
    size = Size(seconds=chosen.seconds, scale=chosen.scale)
    calm, attacked = [], []
    for _ in range(chosen.rounds):
        calm.append(measure(world, attack, size, attack.calm))
        attacked.append(measure(world, attack, size, "attacked"))
        done += 1
        show_progress(done, count, "rounds")
    return calm, attacked


def main():
    chosen = options()
    if chosen.list:
        for attack in ALL:
            print(f"{attack.name:<24} {attack.what}")
        return 0
    wanted = [attack for attack in ALL if not chosen.names or attack.name in chosen.names]
    failed, left_out = [], 0
    with tempfile.TemporaryDirectory(prefix="perdure-attack-") as directory:
        world = World(directory)
        table = Table()
        table.line(COLUMNS)
        for number, attack in enumerate(wanted):
            if missing := missing_settings(world, attack):
                print(f"{attack.name}: left out, there is no setting {missing}", flush=True)
                left_out += 1
                continue
            try:
                calm, attacked = carry_out(world, attack, chosen, number * chosen.rounds,
                                           len(wanted) * chosen.rounds)
            except (AssertionError, OSError, http.client.HTTPException) as error:
                print(f"{attack.name}: not measured: {error}", flush=True)
                failed.append(attack.name)
                continue
            misses = judge(attack, calm, attacked, FULL)
            for row in rows(attack, calm, attacked, misses):
                table.line(row)
            print(f"    {attack.what}; answered: {answers(attacked)}")
            for miss in misses:
                print(f"    MISSED: {miss.what}", flush=True)
            if misses:
                failed.append(attack.name)
    print(f"{len(wanted) - len(failed) - left_out} of {len(wanted)} attacks are held off"
          + (": not " + ", ".join(failed) if failed else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
