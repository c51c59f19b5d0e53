#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Puts what a benchmark prints into docs/benchmarks.md.

usage: bench/record.py NAME COMMAND [ARGUMENT...]

Runs the command, shows what it prints, and writes that between the page's lines
`<!-- NAME:begin -->` and `<!-- NAME:end -->`.
"""

import os
import pathlib
import platform
import re
import subprocess
import sys

PAGE = pathlib.Path(__file__).resolve().parent.parent / "docs/benchmarks.md"


def machine():
    """One line about the machine that figures come from."""
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    name = model[1] if model else platform.machine()
    return f"{os.cpu_count()} cores of {name}, Linux {platform.release()}"


def write(name, text, page=PAGE):
    """Replaces what stands between the marks of `name`."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    before, rest = page.read_text().split(begin)
    page.write_text(f"{before}{begin}\n{text}\n{end}{rest.split(end)[1]}")


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    lines = []
    with subprocess.Popen(sys.argv[2:], stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    if process.returncode != 0:
        sys.exit(f"{sys.argv[2]} ended with {process.returncode}; nothing is written")
    write(sys.argv[1], f"```\n{''.join(lines).rstrip()}\n```")


if __name__ == "__main__":
    main()
