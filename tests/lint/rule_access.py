# SPDX-License-Identifier: Apache-2.0
"""Who may do what is decided in one place: no other file compares the roles, owners, grants or
scopes of principals. Others ask `permits` and `scope_allows` (perdure/runtime/access.hpp).

The rule looks for comparisons, not for the words: values are made and passed on everywhere. What it
lets pass stands in exceptions.txt, with the reason why it is no question of access.
"""

import re

from tree import Finding, apply_exceptions, without_comments

DECIDES = "runtime/src/access.cpp"
# The types' own members, and programs that look at the rooms from outside.
FREE = ("tests/", "bench/", "examples/", "testing/",
        "runtime/include/perdure/runtime/owner.hpp")

COMPARES = r"(?:==|!=|<=>)"
OWNER = r"(?:\bowner(?:_of)?(?:_|\(\))?|\bgrantee)(?:(?:\.|->)(?:text|id|type)\(\))?"
PATTERNS = {
    "a role": re.compile(
        rf"\brole\s*{COMPARES}|{COMPARES}\s*(?:\w+::)*Role::\w+|"
        rf"{COMPARES}\s*[\w.>()-]*(?:\.|->)role\b|switch\s*\([^)]*\brole\)|"
        r"\bcase\s+(?:\w+::)*Role::"),
    "an owner": re.compile(
        rf"{OWNER}\s*{COMPARES}|{COMPARES}\s*[\w.>()-]*(?:\.|->)(?:owner|grantee)\b|"
        rf"\buser_id\s*{COMPARES}|{COMPARES}\s*[\w.>()-]*\buser_id\b"),
    "scopes": re.compile(
        rf"\bscopes?\s*{COMPARES}(?!\s*\w+::|\s*[\w.>()-]*\bend\(\))|"
        r"\b(?:find|any_of|all_of|none_of|count)\([^;]*(?:\.|->)scopes\b"),
}


def check(tree):
    findings = []
    for path in tree.cpp():
        if path == DECIDES or path.startswith(FREE):
            continue
        code = without_comments(tree.text(path))
        for number, line in enumerate(code.splitlines(), start=1):
            for what, pattern in PATTERNS.items():
                if match := pattern.search(line):
                    text = f"compares {what} ({match[0].strip()!r}); ask perdure/runtime/access.hpp"
                    findings.append((path, Finding(path, number, text)))
    return apply_exceptions(tree, "access", findings)


GOOD = {
    DECIDES: "bool f() { return principal.role == Role::user && owner.text() == p.user_id; }\n",
    "runtime/src/a.cpp": "// role == Role::user is asked elsewhere\n"
                         "const Principal host{.role = Principal::Role::system};\n"
                         ".role = is_admin ? Principal::Role::admin : Principal::Role::user,\n"
                         "request.owner = context.principal.user_id;\n"
                         "if (permits(who, possession_of(meta), Action::read).allowed()) {}\n",
    "tests/unit/t.cpp": "EXPECT_TRUE(meta.origin->owner == owner);\n",
}
BAD = [
    ({"api/src/b.cpp": "if (context.principal.role == Principal::Role::user) {}\n"}, "a role"),
    ({"api/src/b.cpp": "return Principal::Role::user != who.role;\n"}, "a role"),
    ({"api/src/b.cpp": "switch (principal.role) {\n"}, "a role"),
    ({"actors/src/b.cpp": "if (meta.origin->owner == Owner::user(id)) {}\n"}, "an owner"),
    ({"actors/src/b.cpp": "if (origin.owner.text() != name) {}\n"}, "an owner"),
    ({"runtime/src/b.cpp": "if (name == event.owner) {}\n"}, "an owner"),
    ({"runtime/src/b.cpp": "if (principal.user_id == name) {}\n"}, "an owner"),
    ({"runtime/src/b.cpp": "if (grant.grantee == who) {}\n"}, "an owner"),
    ({"api/src/b.cpp": "return std::ranges::find(grant.scopes, name) != end;\n"}, "scopes"),
    ({"api/src/b.cpp": "return scope == \"*\";\n"}, "scopes"),
]
