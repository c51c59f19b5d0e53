#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what an object and a turn cost as their numbers grow; makes docs/scaling.md's tables.

Three series: ever more objects, ever more turns of 10,000 objects, and ever more objects with a
state of 1,000 bytes. With the defaults it takes about 20 minutes and 10 GB in the temporary
directory. --write keeps the figures in bench/results/growth.json and writes the tables.
Needs scripts/build release bench_growth.
"""

import argparse
import datetime
import json
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent))

import record  # noqa: E402
import tables  # noqa: E402

RESULTS = HERE.parent / "results/growth.json"
STATE_BYTES = 1_000


def measure(options, what, up_to, state_bytes):
    """One series: the program's lines."""
    with tempfile.TemporaryDirectory(prefix="perdure-growth-", dir=options.directory) as directory:
        command = [options.program, directory, what, str(up_to), str(state_bytes)]
        lines = []
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                for line in process.stdout:
                    print(line, end="", file=sys.stderr, flush=True)
                    lines.append(json.loads(line))
            except BaseException:
                process.kill()
                raise
    if process.returncode != 0:
        sys.exit(f"{command[0]} ended with {process.returncode}")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=10_000_000)
    parser.add_argument("--turns", type=int, default=10_000_000)
    parser.add_argument("--large-objects", type=int, default=1_000_000,
                        help=f"with {STATE_BYTES:,} bytes of state each")
    parser.add_argument("--program", default=str(ROOT / "build/release/bench/growth/bench_growth"))
    parser.add_argument("--directory", help="where data goes (default: the temporary directory)")
    parser.add_argument("--tables-only", action="store_true",
                        help="measure nothing; write the tables from bench/results/growth.json")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if options.tables_only:
        results = json.loads(RESULTS.read_text())
    else:
        series = (("objects", options.objects, 0), ("turns", options.turns, 0),
                  ("objects", options.large_objects, STATE_BYTES))
        lines = [line for one in series if one[1] > 0 for line in measure(options, *one)]
        results = {"machine": record.machine(), "date": datetime.date.today().isoformat(),
                   "lines": lines}
    sections = tables.sections(results)
    for text in sections.values():
        print(text + "\n")
    if options.write or options.tables_only:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
        for name, text in sections.items():
            record.write(name, text, page=ROOT / "docs/scaling.md")


if __name__ == "__main__":
    main()
