#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the tables and the picture of docs/benchmarks.md from what run.py measured.

usage: bench/peers/report.py [FILE]        (FILE is bench/results/peers.json when left out)
"""

import dataclasses
import json
import pathlib
import statistics
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import chart  # noqa: E402
import record  # noqa: E402
from goals import goals  # noqa: E402
from peers import LIMITS, PEERS  # noqa: E402
from workloads import TITLES  # noqa: E402

RESULTS = HERE.parent / "results/peers.json"
PICTURE = HERE.parent.parent / "docs/peers.svg"
NAMES = LIMITS | {name: title for name, (title, _) in PEERS.items()}
BUSY_LOAD = 1.0
LOADS = [name for name in TITLES if name not in ("W10", "memory")]


@dataclasses.dataclass(frozen=True)
class Row:
    """The samples of one peer under one workload of one size; figures are medians."""
    peer: str
    workload: str
    size: int
    samples: list

    def median(self, figure):
        values = [sample[figure] for sample in self.samples if sample.get(figure) is not None]
        return statistics.median(values) if values else None

    def extremes(self, figure):
        values = [sample[figure] for sample in self.samples]
        return min(values), max(values)


def rows(results):
    """Rows by (peer, workload, size)."""
    grouped = {}
    for sample in results["samples"]:
        key = (sample["peer"], sample["workload"], sample.get("what") or sample["size"])
        grouped.setdefault(key, []).append(sample)
    return {key: Row(key[0], key[1], key[2], samples) for key, samples in grouped.items()}


def number(value, form=",.0f"):
    return "—" if value is None else format(value, form)


def mebibytes(value):
    return "—" if value is None else f"{value / 2**20:,.0f} MiB"


def load_line(row):
    low, high = row.extremes("rate")
    latencies = " / ".join(number(row.median(name), ".2f") for name in ("p50", "p99", "p999"))
    cpu = row.median("cpu_us")
    errors = sum(sample["errors"] for sample in row.samples)
    size = row.median("reached") or row.size
    name = NAMES[row.peer] + (f", {size:,.0f}" if size else "")
    if errors:
        name += f" ({errors:,} failed)"
    return (f"| {name} | {row.median('rate'):,.0f} | {low:,.0f} – {high:,.0f} | {latencies} "
            f"| {number(1e6 / cpu if cpu else None)} | {number(row.median('syncs'), '.2f')} "
            f"| {mebibytes(row.median('bytes'))} | {number(row.median('busy'), '.0%')} |")


def load_tables(found):
    for workload in LOADS:
        chosen = sorted((row for row in found.values() if row.workload == workload),
                        key=lambda row: (list(NAMES).index(row.peer), row.size or 0))
        if chosen:
            yield f"**{workload}: {TITLES[workload]}**\n"
            yield ("| | a second | spread | p50 / p99 / p99.9 ms | per server CPU second "
                   "| syncs each | memory | generator busy |\n|---|---|---|---|---|---|---|---|")
            yield from map(load_line, chosen)
            yield ""


def other_lines(found):
    for row in found.values():
        if row.workload == "W10":
            low, high = row.extremes("seconds")
            yield (f"| W10: {TITLES['W10']}, {row.size:,} counters and all of W8 and W9 "
                   f"| {row.median('seconds'):.2f} s ({low:.2f} – {high:.2f}) |")
        if row.workload == "memory":
            yield f"| memory of an idle {row.size} | {row.median('bytes'):,.0f} B |"


def goal_lines(found):
    for goal in goals(found):
        wanted = goal.form(goal.wanted) + (f" (floor {goal.form(goal.floor)})" if goal.floor
                                           else "")
        measured = goal.form(goal.measured) if goal.measured is not None else "not measured"
        yield f"| {goal.name} | {goal.sign} {wanted} | {measured} | {goal.verdict()} |"


def failures(results):
    """Each reason once, with the passes that it spoilt."""
    reasons = {}
    for entry in results["not_run"]:
        key = (entry["peer"], entry["workload"], entry["why"])
        reasons.setdefault(key, []).append(entry["pass"] + 1)
    for (peer, workload, why), passes in reasons.items():
        yield (f"- {NAMES[peer]}, {workload}: not run in pass "
               f"{', '.join(map(str, passes))}: {why}")


def generator_line(found):
    row = found.get(("nginx", "generator", None))
    if row is None:
        return ""
    return (f"The requests of W1 sent to nginx, which answers them at once: "
            f"{row.median('rate'):,.0f} a second, the most that this load generator can ask for. "
            "Where *generator busy* is far below 100 %, it was the server that set the pace.")


def warning(results):
    """Says so when other programs shared the processors."""
    if results["load"] <= BUSY_LOAD:
        return []
    return [f"**Other programs were at work (load average {results['load']:.1f} before the run): "
            "rates and ratios are worth little. Repeat it on a quiet machine.**", ""]


def page(results):
    """The section of docs/benchmarks.md."""
    found = rows(results)
    options = results["options"]
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    lines = [
        *warning(results),
        f"Measured on {results['machine']}, {results['date']}: "
        f"{options['passes']} passes, in each "
        f"of which every server ran alone, for {options['seconds']} s a workload, with "
        f"{options['connections']} keep-alive connections and sync durability. Figures are "
        "medians of the passes; *spread* is the least and the greatest rate; *syncs* are calls of "
        "fsync and fdatasync; *memory* is that of all processes of a server after the load.", "",
        "| goal | wanted | measured | |", "|---|---|---|---|", *goal_lines(found), "",
        *load_tables(found), generator_line(found), ""]
    others = list(other_lines(found))
    if others:
        lines += ["| other | |", "|---|---|", *others, ""]
    return "\n".join([*lines, *failures(results), "", f"Versions: {versions}."])


def write(results):
    """Puts the results, the page and the picture where they stand in the project."""
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    PICTURE.write_text(chart.svg(rows(results), NAMES, results))
    record.write("peers", page(results))


def main():
    if len(sys.argv) > 2:
        sys.exit(__doc__)
    path = pathlib.Path(sys.argv[1]) if len(sys.argv) == 2 else RESULTS
    write(json.loads(path.read_text()))


if __name__ == "__main__":
    main()
