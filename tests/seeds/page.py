# SPDX-License-Identifier: Apache-2.0
"""The text of docs/seeds.md."""

from parts import PARTS
from rows import BUILT, INSTEAD, KINDS, NOT_BUILT, STATES, WRONG

HEAD = """# Five systems, row by row

Perdure is to answer the clients of five systems that others have described. What a description
names, be it an endpoint, a field, a behaviour or a figure, is a row in `tests/seeds`, and is tried
against the real program by that system's own paths. Libraries and their versions are no rows; what
they are there for is. This page is printed from the rows:
`python3 tests/seeds/print_seeds.py > docs/seeds.md`. A test fails when the page is stale, when a
row that is marked built breaks, and when one that is marked wrong or not built is there.

| state | what it means |
|---|---|
| built | its trial passes, as the row says it: through a socket, what it changes is read back by \
another route after `kill -9` and a restart, and one wrong input gets its refusal. A route that is \
not open refuses callers without a key (401) and keys for something else (403) |
| wrong | it is there, and its trial fails; the row says what is wrong |
| not built | no sign of it is there, which is tried, too; the row says which part it waits for |
| by other means | Perdure does it in another way; the row says how, or why not |

Trials of files and commands of the project, for rows that have no route, say so. Who may use which
route at all is tried for every route, caller and scope by `tests/blackbox/matrix_test.py`.
"""


def text(systems):
    return "\n".join([HEAD, *totals(systems), *parts(systems),
                      *(line for system in systems for line in chapter(system))]).rstrip() + "\n"


def totals(systems):
    lines = ["## Totals", "| system | " + " | ".join(STATES) + " | rows |",
             "|---|" + "---:|" * (len(STATES) + 1)]
    for system in systems:
        anchor = system.name.lower()
        lines.append(count_line(f"[{system.name}](#{anchor})", system.rows))
    every = [row for system in systems for row in system.rows]
    lines.append(count_line("all", every))
    lines += ["", "| kind | " + " | ".join(STATES) + " | rows |",
              "|---|" + "---:|" * (len(STATES) + 1)]
    lines += [count_line(kind, [row for row in every if row.kind == kind]) for kind in KINDS]
    return lines + [""]


def count_line(name, rows):
    counts = [sum(row.state == state for row in rows) for state in STATES]
    return f"| {name} | " + " | ".join(map(str, [*counts, len(rows)])) + " |"


def parts(systems):
    every = [row for system in systems for row in system.rows]
    lines = ["## What is waited for", "| part | brings | rows |", "|---|---|---:|"]
    for part in PARTS:
        count = sum(row.waits is part for row in every)
        if count:
            lines.append(f"| {part.name} | {part.brings} | {count} |")
    return lines + [""]


def chapter(system):
    lines = [f"## {system.name}", ""]
    for section in system.sections:
        lines += [f"### {system.name}: {section.title}", "| row | kind | state | how, or why not |",
                  "|---|---|---|---|"]
        lines += [f"| {name(row)} | {row.kind} | {row.state} | {explained(row)} |"
                  for row in section.rows]
        lines.append("")
    return lines


def name(row):
    return f"`{row.id}` {row.says}".replace("|", "\\|").rstrip()


def explained(row):
    told = {BUILT: lambda: row.trial.how, WRONG: lambda: row.wrong.what,
            INSTEAD: lambda: row.instead,
            NOT_BUILT: lambda: f"waits for {row.waits.name}"}[row.state]()
    return told.replace("|", "\\|")
