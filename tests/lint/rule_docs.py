# SPDX-License-Identifier: Apache-2.0
"""What the documents say exists: links, code, rooms, decisions, tests.

A C++ block follows a line `<!-- region: PATH NAME -->` and is the text between `// [NAME]` and
`// [/NAME]` in PATH, a source that a CMakeLists.txt beside it compiles.
"""

import ast
import re
import textwrap
from pathlib import PurePosixPath

from tree import Finding

ROOMS = ["base", "schemas", "storage", "runtime", "actors", "api", "tests", "bench", "examples",
         "docs"]
# What a decision has to say, and how the lines begin that say it.
ADR_PARTS = {
    "status": ("Status: ", "## Status"),
    "context": ("## Context",),
    "decision": ("## Decision",),
    "alternatives": ("## Alternatives", "## Refused"),
    "what would change our mind": ("## What would change our mind",),
}
STATUS = "docs/feature_status.md"

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|<img[^>]* src=\"([^\"]+)\"")
REGION = re.compile(r"<!-- region: (\S+) (\S+) -->")
TEST = re.compile(r"\bTEST(?:_[FP])?\(\s*(\w+),\s*(\w+)\s*\)|\badd_test\(\s*NAME\s+(\w+)"
                  r"|\bperdure_test\(\s*(\w+)")
EXAMPLE = re.compile(r"\bperdure_example\(\s*(\w+)")


def check(tree):
    findings = []
    known = known_tests(tree)
    for path in tree.files:
        if path.endswith(".md"):
            findings += check_links(tree, path) + check_blocks(tree, path)
            findings += check_named_tests(tree, path, known)
        if re.fullmatch(r"docs/adr/\d{4}-[\w-]+\.md", path):
            findings += check_decision(tree, path)
        elif path.startswith("docs/adr/") and path != "docs/adr/README.md":
            findings.append(Finding(path, 1, "not named NNNN-words.md"))
    for room in ROOMS:
        if any(path.startswith(room + "/") for path in tree.files):
            if f"{room}/README.md" not in tree.files:
                findings.append(Finding(room, 1, "a room without a README.md"))
    return findings + check_status(tree, known)


def outside_fences(tree, path):
    """Numbered lines of a document that are not in a code block."""
    fenced = False
    for number, line in tree.lines(path):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            yield number, line


def check_links(tree, path):
    findings = []
    for number, line in outside_fences(tree, path):
        for match in LINK.finditer(re.sub(r"`[^`]*`", "", line)):
            target = match[1] or match[2]
            if re.match(r"[a-z]+:", target):
                continue
            place, _, anchor = target.partition("#")
            linked = resolve(path, place) if place else path
            if not (tree.root / linked).exists():
                findings.append(Finding(path, number, f"links to {target}, which is not there"))
            elif anchor and anchor not in anchors(tree, linked):
                findings.append(Finding(path, number, f"{linked} has no heading #{anchor}"))
    return findings


def resolve(path, target):
    parts = []
    for part in (PurePosixPath(path).parent / target).parts:
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts) or "."


def anchors(tree, path):
    headings = [line.lstrip("#").strip() for _, line in outside_fences(tree, path)
                if line.startswith("#")] if path.endswith(".md") else []
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def check_blocks(tree, path):
    findings = []
    region, block, began = None, None, 0
    for number, line in tree.lines(path):
        if block is not None:
            if line.strip() == "```":
                findings += check_block(tree, path, began, region, "\n".join(block))
                region, block = None, None
            else:
                block.append(line)
        elif re.match(r"\s*```(cpp|c\+\+|cc|cxx)\b", line):
            block, began = [], number
        elif match := REGION.search(line):
            region = match
        elif line.strip():
            region = None
    return findings


def check_block(tree, path, number, region, block):
    if not region:
        return [Finding(path, number, "a C++ block that no compiled source backs")]
    source, name = region[1], region[2]
    if source not in tree.files:
        return [Finding(path, number, f"{source} is not there")]
    makefile = str(PurePosixPath(source).parent / "CMakeLists.txt")
    if makefile not in tree.files or PurePosixPath(source).name not in tree.text(makefile):
        return [Finding(path, number, f"{source} is not compiled by {makefile}")]
    marked = re.search(rf"^[ \t]*// \[{name}\]\n(.*?)^[ \t]*// \[/{name}\]$", tree.text(source),
                       re.DOTALL | re.MULTILINE)
    if not marked:
        return [Finding(path, number, f"{source} has no region [{name}]")]
    if textwrap.dedent(marked[1]).strip() != textwrap.dedent(block).strip():
        return [Finding(path, number, f"differs from the region [{name}] of {source}")]
    return []


def check_decision(tree, path):
    lines = tree.text(path).splitlines()
    return [Finding(path, 1, f"does not say: {part}") for part, starts in ADR_PARTS.items()
            if not any(line.startswith(starts) for line in lines)]


def check_named_tests(tree, path, known):
    """`Subject.sentence_in_words` names a test wherever it stands, and the test is there."""
    return [Finding(path, number, f"there is no test {test}")
            for number, line in outside_fences(tree, path) if path != STATUS
            for test in re.findall(r"`([A-Z]\w+\.[a-z0-9]+(?:_[a-z0-9]+)+)`", line)
            if test not in known]


def check_status(tree, known):
    """Each claimed feature names a test, and each test named exists."""
    if STATUS not in tree.files:
        return [Finding(STATUS, 1, "is not there")]
    findings, claims = [], False
    for number, line in tree.lines(STATUS):
        if line.startswith("## "):
            claims = line[3:].strip().lower() in ("production", "experimental")
        if not line.startswith("|") or set(line) <= set("|-: ") or not claims:
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[-1].lower() == "proved by":
            continue
        named = re.findall(r"`([\w.]+)`", cells[-1])
        if not named:
            findings.append(Finding(STATUS, number, "claims a feature and names no test"))
        findings += [Finding(STATUS, number, f"there is no test {test}")
                     for test in named if test not in known]
    return findings


def known_tests(tree):
    """GoogleTest's and unittest's as Subject.sentence, those of CTest by name."""
    known = set()
    for path in tree.files:
        if match := re.fullmatch(r"tests/lint/rule_(\w+)\.py", path):
            known |= {f"lint_{match[1]}", f"lint_{match[1]}_can_fail"}
        if path.startswith("tests/") and path.endswith("_test.py"):
            known |= {f"{group.name}.{test.name}" for group in ast.parse(tree.text(path)).body
                      if isinstance(group, ast.ClassDef) for test in group.body
                      if isinstance(test, ast.FunctionDef) and test.name.startswith("test_")}
        if path.startswith(("tests/", "examples/")) and path.endswith((".cpp", "CMakeLists.txt")):
            for match in TEST.finditer(tree.text(path)):
                known.add(f"{match[1]}.{match[2]}" if match[1] else match[3] or match[4])
            known |= {f"example_{name}" for name in EXAMPLE.findall(tree.text(path))}
    return known


ADR = "# 1\n" + "".join(f"{starts[0]}\nx\n" for starts in ADR_PARTS.values())
GOOD = {
    "README.md": "# Top\n[d](docs/README.md) [t](#top) [w](https://example.org)\n\n"
                 "<!-- region: examples/a/main.cpp all -->\n```cpp\nint x;\n```\n",
    "docs/README.md": "[up](../README.md#top)\n",
    "docs/adr/0001-a.md": ADR,
    "examples/README.md": "\n",
    "tests/README.md": "\n",
    "examples/a/main.cpp": "// [all]\n  int x;\n// [/all]\n",
    "examples/a/CMakeLists.txt": "add_executable(a main.cpp)\n",
    "tests/unit/a_test.cpp": "TEST(A, holds) {}\n",
    "tests/blackbox/b_test.py": "class B:\n    def test_it(self): pass\n",
    STATUS: "## Production\n| what | proved by |\n|---|---|\n| a | `A.holds`, `B.test_it` |\n"
            "## Planned\n| what |\n|---|\n| b |\n",
}
BAD = [
    ({"docs/b.md": "[x](none.md)\n"}, "links to none.md"),
    ({"docs/b.md": "[x](../README.md#none)\n"}, "no heading #none"),
    ({"docs/b.md": "as `Gate.holds_the_reply` shows\n"}, "no test Gate.holds_the_reply"),
    ({"docs/b.md": "```cpp\nint y;\n```\n"}, "no compiled source backs"),
    ({"docs/b.md": "<!-- region: examples/a/main.cpp all -->\n```cpp\nint y;\n```\n"}, "differs"),
    ({"docs/b.md": "<!-- region: examples/a/main.cpp no -->\n```cpp\n```\n"}, "no region"),
    ({"examples/a/CMakeLists.txt": "\n"}, "is not compiled"),
    ({"storage/CMakeLists.txt": "\n"}, "a room without"),
    ({"docs/adr/0002-b.md": "# 2\nStatus: accepted\n"}, "does not say: context"),
    ({"docs/adr/b.md": ADR}, "not named NNNN"),
    ({STATUS: "## Production\n| what | proved by |\n|---|---|\n| a | `A.lies` |\n"}, "A.lies"),
    ({STATUS: "## Production\n| what | proved by |\n|---|---|\n| a | trust us |\n"}, "no test"),
]
