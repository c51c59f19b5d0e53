# SPDX-License-Identifier: Apache-2.0
"""Words that must not stand in the project: notes to self, paths of somebody's machine, and (in
identifiers) synonyms of words that the glossary has fixed.

The glossary's table has a column "not as"; its words in backquotes are the synonyms.
"""

import re

from tree import Finding, without_comments

GLOSSARY = "docs/GLOSSARY.md"

# Written so that this file does not hold them.
NOTES = re.compile(r"\b(" + "|".join(["TO" "DO", "FIX" "ME", "XX" "X", "HA" "CK"]) + r")\b")
MACHINE_PATHS = re.compile(r"(?<![\w.}])/(?:wo" r"rk|ho" r"me/\w+|Us" r"ers/\w+)/")

IDENTIFIER = re.compile(r"(?:(?:\.|->|::)\s*)?[A-Za-z_]\w*")


def check(tree):
    findings = []
    for path in tree.files:
        if path == "LICENSE" or path.endswith("package-lock.json"):
            continue
        for number, line in tree.lines(path):
            for pattern in (NOTES, MACHINE_PATHS):
                if match := pattern.search(line):
                    findings.append(Finding(path, number, f"holds {match[0]!r}"))
    return findings + check_glossary(tree)


def check_glossary(tree):
    refused = synonyms(tree)
    if not refused:
        return [Finding(GLOSSARY, 1, "names no synonym in a column 'not as'")]
    findings = []
    for path in tree.cpp():
        code = without_comments(tree.text(path), strings="blanked")
        for number, line in enumerate(code.splitlines(), start=1):
            for match in IDENTIFIER.finditer(line):
                # Members and names of other namespaces may be a library's: it picks its own words.
                if match[0][0] in ".-:":
                    continue
                for synonym in sorted(refused.keys() & phrases(match[0])):
                    text = f"{match[0]}: the word is {refused[synonym]!r}, not {synonym!r}"
                    findings.append(Finding(path, number, text))
    return findings


def synonyms(tree):
    """Gives {synonym: the word to use}."""
    if GLOSSARY not in tree.files:
        return {}
    found, column = {}, None
    for _, line in tree.lines(GLOSSARY):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            column = None
        elif "not as" in cells:
            column = cells.index("not as")
        elif column is not None and column < len(cells):
            word = cells[0].strip("*")
            found |= {synonym: word for synonym in re.findall(r"`(\w+)`", cells[column])}
    return found


def phrases(identifier):
    """Runs of up to three words of an identifier: WriteSetSize -> write, write_set, …"""
    words = [word.lower() for word in
             re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", identifier)]
    return {"_".join(words[start:start + length])
            for length in (1, 2, 3) for start in range(len(words))}


GOOD = {
    GLOSSARY: "| word | meaning | not as |\n|---|---|---|\n"
              "| **alarm** | wakes | `reminder`, `wake_up` |\n",
    "base/src/a.cpp": 'int alarm_count; // a reminder\nauto t = "reminder"; db->reminder();\n',
    "docs/a.md": "the network/wo" "rk/group of `tests/home/`\n",
}
BAD = [
    ({"base/src/b.cpp": "// TO" "DO: more\n"}, "holds"),
    ({"docs/b.md": "see /wo" "rk/notes\n"}, "holds"),
    ({"docs/b.md": "in `/ho" "me/me/file`\n"}, "holds"),
    ({"base/src/b.cpp": "int reminder_count;\n"}, "the word is 'alarm'"),
    ({"base/src/b.cpp": "class WakeUpTimer;\n"}, "not 'wake_up'"),
    ({GLOSSARY: "# empty\n"}, "names no synonym"),
]
