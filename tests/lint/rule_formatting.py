# SPDX-License-Identifier: Apache-2.0
"""C++ is formatted as .clang-format says (`scripts/format`); text files end as text files do."""

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

from tree import Finding

FILES_PER_RUN = 8
WARNING = re.compile(r"^(.+?):(\d+):\d+: (?:error|warning): ")
PLAIN = (".cpp", ".hpp", ".py", ".md", ".cmake", "CMakeLists.txt", ".js", ".json", ".css", ".txt")


def check(tree):
    paths = tree.cpp()
    groups = [paths[at:at + FILES_PER_RUN] for at in range(0, len(paths), FILES_PER_RUN)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = [one for some in pool.map(lambda group: misformatted(tree, group), groups)
                 for one in some]
    return found + check_ends(tree)


def misformatted(tree, paths):
    """One finding for each file, at its first wrong line."""
    command = ["clang-format", "--dry-run", "--Werror", "--style=file", *paths]
    done = subprocess.run(command, cwd=tree.root, capture_output=True, text=True, check=False)
    first = {}
    for line in done.stderr.splitlines():
        if (match := WARNING.match(line)) and match[1] not in first:
            first[match[1]] = Finding(match[1], int(match[2]), "not as clang-format has it")
    if done.returncode != 0 and not first:
        return [Finding(paths[0], 1, f"clang-format failed: {done.stderr.strip()}")]
    return list(first.values())


def check_ends(tree):
    findings = []
    for path in tree.files:
        if not path.endswith(PLAIN) or path.endswith("package-lock.json"):
            continue
        text = tree.text(path)
        if text and not text.endswith("\n"):
            findings.append(Finding(path, text.count("\n") + 1, "no newline at the end"))
        for number, line in tree.lines(path):
            if line != line.rstrip() or "\t" in line:
                findings.append(Finding(path, number, "a tab, or spaces at the end of the line"))
    return findings


GOOD = {
    ".clang-format": "BasedOnStyle: Google\n",
    "base/src/a.cpp": "int x = 1;\n",
    "docs/a.md": "text\n",
}
BAD = [
    ({"base/src/b.cpp": "int  x=1 ;\n"}, "base/src/b.cpp:1: not as clang-format"),
    ({".clang-format": "Nonsense: 1\n"}, ".clang-format:1"),
    ({"docs/b.md": "text \n"}, "docs/b.md:1"),
    ({"docs/b.md": "text"}, "no newline"),
]
