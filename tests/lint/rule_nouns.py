# SPDX-License-Identifier: Apache-2.0
"""A noun is declared once: a schema, a source file, a test, and its line in nouns.def.

No other source or build file of a room names it. Other nouns may refer to it. Nouns that have
commands or routes of their own, beyond what every noun has, are listed here.
"""

import re

from tree import Finding, without_comments

LIST = "actors/src/nouns/nouns.def"
LINE = re.compile(r"^PERDURE_NOUN\((\w+)\)$", re.MULTILINE)
OWN_ROUTES = {"api_key", "conversation", "job", "notebook", "user", "webhook"}
ROOMS = ("actors/", "api/", "cmake/", "runtime/", "schemas/", "storage/")
OF_NOUNS = ("actors/src/nouns/", "schemas/json/", "tests/unit/actors/nouns/")
KINDS_OF_FILES = (".cpp", ".hpp", ".json", ".txt", ".cmake")


def homes(noun):
    return {f"schemas/json/{noun}.json", f"actors/src/nouns/{noun}.cpp",
            f"tests/unit/actors/nouns/{noun}_test.cpp"}


def path_of(noun):
    return noun.replace("_", "-") + "s"


def check(tree):
    if LIST not in tree.files:
        return []
    nouns = LINE.findall(tree.text(LIST))
    simple = [noun for noun in nouns if noun not in OWN_ROUTES]
    findings = []
    for noun in nouns:
        missing = [home for home in homes(noun) if home not in tree.files
                   and not (home.startswith("tests/") and noun in OWN_ROUTES)]
        findings += [Finding(LIST, 0, f"{noun} has no {home}") for home in missing]
    for path in tree.files:
        if not path.startswith(ROOMS) or not path.endswith(KINDS_OF_FILES):
            continue
        in_noun = path.startswith(OF_NOUNS)
        for noun in simple:
            if path in homes(noun) or in_noun:
                continue
            name = re.compile(rf'"{noun}"|\b{noun}_noun\b|/{path_of(noun)}\b|'
                              rf'\b{noun}\.(cpp|json)\b')
            for number, line in enumerate(without_comments(tree.text(path)).splitlines(), 1):
                if name.search(line):
                    findings.append(Finding(path, number, f"names the noun {noun}, which is "
                                                          "declared in its own files alone"))
    return findings


GOOD = {
    LIST: "PERDURE_NOUN(pear)\nPERDURE_NOUN(user)\n",
    "schemas/json/pear.json": "{}",
    "schemas/json/user.json": "{}",
    "actors/src/nouns/pear.cpp": 'Noun pear_noun() { return {.kind = "pear"}; }\n',
    "actors/src/nouns/user.cpp": 'Noun user_noun() { return {.kind = "user"}; }\n',
    "tests/unit/actors/nouns/pear_test.cpp": "",
    "api/src/app/routes/users.cpp": 'route("/users/me");\n',
}

BAD = [
    ({"api/src/app/routes/pears.cpp": 'route("/pears/{id}");\n'}, "names the noun pear"),
    ({"actors/CMakeLists.txt": "SOURCES src/nouns/pear.cpp\n"}, "names the noun pear"),
    ({"api/src/app/open.cpp": 'if (kind == "pear") {\n'}, "names the noun pear"),
    ({LIST: "PERDURE_NOUN(pear)\nPERDURE_NOUN(plum)\nPERDURE_NOUN(user)\n"}, "plum has no"),
]
