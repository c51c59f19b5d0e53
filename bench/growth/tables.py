# SPDX-License-Identifier: Apache-2.0
"""The tables of docs/scaling.md, from the lines of bench_growth.

What is measured at 10,000 and more is carried on to a billion: bytes in proportion to the number;
what compaction writes by a level of files for each factor of `LEVEL_FACTOR`, in which each row is
written anew `LEVEL_REWRITES` times.
"""

import math

BILLION = 10**9
LEVEL_FACTOR = 10  # between the sizes of two levels of files (RocksDB's default)
LEVEL_REWRITES = 5  # half of it: a file meets between none and all ten of those below
BLOOM_BYTES = 10 / 8  # a filter of ten bits a key, of the records
FILE_BYTES = 64 * 2**20
BLOCK_BYTES = 4096
INDEX_BYTES = 40  # of a block in the index of its file: its last key, and where it is
CACHE_BYTES = 256 * 2**20  # the default of storage.cache
OPEN_FILES = 1024  # the default of storage.open_files
DISK_BYTES = 0.8 * 10**12  # of 1 TB, so that compaction has room


def grown(lines, what, has_state):
    return [line for line in lines
            if line["what"] == what and bool(line["state_bytes"]) == has_state]


def written_per_turn(lines, index):
    """Bytes given to the disk for each turn of this step: log, files, and compactions."""
    line = lines[index]
    turns = line["count"] - (lines[index - 1]["count"] if index else 0)
    return line["fill_written_bytes"] + line["settle_written_bytes"] / turns


def size(value):
    for unit in ("B", "KB", "MB", "GB", "TB", "PB"):
        if value < 1000:
            return f"{value:,.0f} {unit}" if value >= 10 else f"{value:,.1f} {unit}"
        value /= 1000
    return f"{value * 1000:,.0f} PB"


def series(lines):
    """The measured figures, a row for each power of ten."""
    rows = ["| | on disk | bytes each | written for each turn | read for a cold activation "
            "| activation: cold / warm µs | CPU of an activation / a commit µs | opening s |",
            "|---|---|---|---|---|---|---|---|"]
    for index, line in enumerate(lines):
        rows.append(
            f"| {line['count']:,} | {size(line['disk_bytes'])} "
            f"| {line['disk_bytes'] / line['count']:,.0f} "
            f"| {size(written_per_turn(lines, index))} "
            f"| {size(line['activate_cold_read_bytes'])} "
            f"| {line['activate_cold_us']:,.0f} / {line['activate_us']:,.0f} "
            f"| {line['activate_cpu_us']:.0f} / {line['commit_cpu_us']:.0f} "
            f"| {line['open_warm_seconds']:.2f} |")
    return rows


def projection(lines):
    """A row for each power of ten from the last measured one to a billion."""
    last = lines[-1]
    each = last["disk_bytes"] / last["count"]
    written = written_per_turn(lines, len(lines) - 1)
    rows = ["| objects | on disk | files of 64 MiB | filters | written for each turn |",
            "|---|---|---|---|---|"]
    count = last["count"]
    while count <= BILLION:
        levels = math.log(count / last["count"], LEVEL_FACTOR)
        rows.append(f"| {count:,} | {size(each * count)} | {each * count / FILE_BYTES:,.0f} "
                    f"| {size(BLOOM_BYTES * count)} "
                    f"| {size(written + levels * LEVEL_REWRITES * each)} |")
        count *= 10
    return rows


def limits(lines, name):
    """(objects, row) for each bound that so many objects of this series meet."""
    each = lines[-1]["disk_bytes"] / lines[-1]["count"]
    in_cache = BLOOM_BYTES + INDEX_BYTES * each / BLOCK_BYTES
    for what, arithmetic, objects in (
            ("filters and indexes fill the default cache (`storage.cache`)",
             f"{size(CACHE_BYTES)} / ({BLOOM_BYTES} B + {INDEX_BYTES} B · {each:,.0f} / "
             f"{BLOCK_BYTES:,})", CACHE_BYTES / in_cache),
            ("more files than are kept open (`storage.open_files`)",
             f"{OPEN_FILES:,} · {size(FILE_BYTES)} / {each:,.0f} B",
             OPEN_FILES * FILE_BYTES / each),
            ("a disk of 1 TB is full to four fifths",
             f"{size(DISK_BYTES)} / {each:,.0f} B", DISK_BYTES / each)):
        yield objects, f"| {what} | {name} | {arithmetic} | {objects / 10**6:,.0f} million |"


def limit_rows(lines):
    """What gives out, the first of them first."""
    found = []
    for name, has_state in (("a few bytes", False), ("1,000 bytes", True)):
        chosen = grown(lines, "objects", has_state)
        if chosen:
            found += limits(chosen, name)
    return ["| gives out | state | arithmetic | objects |", "|---|---|---|---|",
            *(row for _, row in sorted(found))]


def headline(results):
    return (f"Measured on {results['machine']}, {results['date']}, by `bench/growth/run.py`. "
            "Bytes do not depend on what else the machine did; times do.")


def sections(results):
    """Texts by the names of their marks in docs/scaling.md."""
    lines = results["lines"]
    found = {}
    for name, what, has_state in (("growth-objects", "objects", False),
                                  ("growth-state", "objects", True),
                                  ("growth-turns", "turns", False)):
        chosen = grown(lines, what, has_state)
        if chosen:
            found[name] = "\n".join([headline(results), "", *series(chosen)])
    plain = grown(lines, "objects", False)
    if plain:
        found["growth-projection"] = "\n".join(projection(plain))
        found["growth-limits"] = "\n".join(limit_rows(lines))
    return found
