#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints docs/seeds.md, or, with --check, fails when it is stale."""

import argparse
import os
import sys

import page
from parts import PARTS
from systems import SYSTEMS
from world import PROJECT

PAGE = os.path.join(PROJECT, "docs", "seeds.md")
STATUS = os.path.join(PROJECT, "docs", "feature_status.md")
COMMAND = "python3 tests/seeds/print_seeds.py > docs/seeds.md"


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def findings():
    """What is wrong with the documents, a sentence each."""
    found = []
    if read(PAGE) != page.text(SYSTEMS):
        found.append(f"docs/seeds.md is stale: {COMMAND}")
    waited_for = {row.waits for system in SYSTEMS for row in system.rows if row.waits}
    planned = read(STATUS).partition("\n## Planned\n")[2]
    for part in PARTS:
        if part in waited_for and f"| {part.name}:" not in planned:
            found.append(f"docs/feature_status.md does not plan: {part.name}")
        if part not in waited_for:
            found.append(f"no row waits for {part.name}: take it from parts.py")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether it is stale")
    if not parser.parse_args().check:
        sys.stdout.write(page.text(SYSTEMS))
        return 0
    for finding in findings():
        print(finding, file=sys.stderr)
    return 1 if findings() else 0


if __name__ == "__main__":
    sys.exit(main())
