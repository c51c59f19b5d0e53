# SPDX-License-Identifier: Apache-2.0
"""Each source says its license on its first line (a script on its second, after the `#!`)."""

from tree import Finding

SPDX = "SPDX-License-" "Identifier: Apache-2.0"
SOURCES = (".cpp", ".hpp", ".py", ".js", ".mjs", ".css")


def check(tree):
    findings = []
    sources = [path for path in tree.files if path.endswith(SOURCES)]
    for path in sorted(set(sources + tree.scripts())):
        head = [line for _, line in tree.lines(path)[:2]]
        if head and head[0].startswith("#!"):
            head.pop(0)
        if not head or SPDX not in head[0]:
            findings.append(Finding(path, 1, "does not begin with the SPDX line"))
    if "LICENSE" not in tree.files or "Apache License" not in tree.text("LICENSE"):
        findings.append(Finding("LICENSE", 1, "is not the Apache License"))
    return findings


GOOD = {
    "LICENSE": "Apache License\n",
    "base/src/a.cpp": f"// {SPDX}\nint x;\n",
    "scripts/a": f"#!/usr/bin/env bash\n# {SPDX}\n",
}
BAD = [
    ({"base/src/b.cpp": "int x;\n"}, "base/src/b.cpp:1"),
    ({"base/src/b.cpp": f"\n\n// {SPDX}\n"}, "base/src/b.cpp:1"),
    ({"scripts/b": "#!/bin/bash\necho\n"}, "scripts/b:1"),
    ({"LICENSE": "mine\n"}, "LICENSE"),
]
