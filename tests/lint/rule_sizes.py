# SPDX-License-Identifier: Apache-2.0
"""How long files, functions and lines may be. Exceptions stand, with reasons, in exceptions.txt.

The subject of an exception is the path, or `path:function` for a long function.
"""

import ast
import re

from tree import Finding, apply_exceptions, without_comments

SOURCE_LINES_MAX = 500
HEADER_LINES_MAX = 250
FUNCTION_LINES_MAX = 70
LINE_COLUMNS_MAX = 100

MEASURED = (".cpp", ".hpp", ".py", ".js", ".mjs", ".css", ".cmake", "CMakeLists.txt", ".sh")


def check(tree):
    found = []
    measured = [path for path in tree.files if path.endswith(MEASURED)]
    for path in sorted(set(measured + tree.scripts())):
        found += check_lines(tree, path)
        for name, first, last in functions(path, tree.text(path)):
            if last - first + 1 > FUNCTION_LINES_MAX:
                text = f"{name} has {last - first + 1} lines, of {FUNCTION_LINES_MAX}"
                found.append((f"{path}:{name}", Finding(path, first, text)))
    return apply_exceptions(tree, "sizes", found)


def check_lines(tree, path):
    lines = tree.lines(path)
    bound = HEADER_LINES_MAX if path.endswith(".hpp") else SOURCE_LINES_MAX
    if len(lines) > bound:
        yield path, Finding(path, len(lines), f"{len(lines)} lines, of {bound}")
    for number, line in lines:
        if len(line) > LINE_COLUMNS_MAX:
            yield path, Finding(path, number, f"{len(line)} columns, of {LINE_COLUMNS_MAX}")


def functions(path, text):
    """Gives (name, first line, last line) of each function."""
    if path.endswith((".cpp", ".hpp")):
        return cpp_functions(without_comments(text, strings="blanked"))
    if path.endswith(".py"):
        return [(node.name, node.lineno, node.end_lineno)
                for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    return []


NOT_A_FUNCTION = re.compile(r"\s*(namespace|extern|enum)\b|.*=\s*$|[^(]*$", re.DOTALL)
CLASS = re.compile(r"\s*(template\s*<.*>\s*)?(class|struct|union)\b[^()]*$", re.DOTALL)
NAME = re.compile(r"([\w:~]+|operator\s*[^\s\w(]+|operator\(\))\s*\(")


def cpp_functions(code):
    """By braces: a block whose head has a parameter list, in a namespace or class, is a function.

    Preprocessor lines are skipped, so a macro's body counts for nothing.
    """
    found = []
    open_blocks = []  # of (kind, name, first line)
    head, head_line, number = "", 1, 1
    code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: "\n" * m[0].count("\n"), code,
                  flags=re.MULTILINE)
    for character in code:
        if character == "\n":
            number += 1
        if character == "{":
            inside = any(kind == "function" for kind, _, _ in open_blocks)
            open_blocks.append((block_kind(head, inside), name_in(head), head_line))
            head = ""
        elif character == "}":
            if open_blocks:
                kind, name, first = open_blocks.pop()
                if kind == "function":
                    found.append((name, first, number))
            head = ""
        elif character == ";":
            head = ""
        else:
            if not head.strip():
                head_line = number
            head += character
    return found


def block_kind(head, inside):
    if inside or CLASS.match(head) or NOT_A_FUNCTION.match(head):
        return "other"
    return "function"


def name_in(head):
    name = NAME.search(head)
    if name and name[1].startswith("TEST"):
        return re.sub(r"\s+", "", head[name.start():]).replace(",", ".")
    return name[1] if name else "?"


LONG_BODY = "  f();\n" * 80
GOOD = {
    "base/src/a.cpp": "namespace n {\n" + "void f();\n" * 90 + "int g(int x) {\n}\n}\n",
    "base/src/b.cpp": "class A {\n" + "  void f() {}\n" * 90 + "};\n",
    "base/src/c.cpp": "constexpr int rows[] = {\n" + "  1,\n" * 90 + "};\n",
    "base/include/perdure/base/a.hpp": "int x;\n" * 250,
}
BAD = [
    ({"base/src/x.cpp": "int x;\n" * 501}, "501 lines"),
    ({"base/src/x.hpp": "int x;\n" * 251}, "251 lines"),
    ({"base/src/x.cpp": "x" * 101}, "101 columns"),
    ({"base/src/x.cpp": "namespace n {\nResult<int> S::f(int x) const {\n" + LONG_BODY + "}\n}\n"},
     "S::f has 82 lines"),
    ({"base/src/x.cpp": "class A {\n  A(int x)\n      : x_(x) {\n" + LONG_BODY + "}\n};\n"},
     "A has 83 lines"),
    ({"tests/unit/x.cpp": "TEST(A, holds) {\n" + LONG_BODY + "}\n"}, "TEST(A.holds) has 82 lines"),
    ({"tests/x.py": "def f():\n" + "    f()\n" * 80}, "f has 81 lines"),
    ({"tests/lint/exceptions.txt": "sizes base/src/a.cpp: because\n"}, "nothing needs"),
]
