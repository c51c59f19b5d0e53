# SPDX-License-Identifier: Apache-2.0
"""Runs one lint rule over the project, or the rule's own test.

A rule is a module of this folder with

  check(tree) -> [Finding]
  GOOD        {path: text}: a small tree in which the rule finds nothing
  BAD         [({path: text}, part of the finding)]: what, laid over GOOD, the rule must find
"""

import argparse
import importlib
import sys
import tempfile
from pathlib import Path

from tree import Tree

RULES = ["layers", "sizes", "words", "docs", "license", "formatting", "scripts", "access", "nouns"]


def run(rule, files):
    """The rule's findings in a tree made of `files`, as text."""
    with tempfile.TemporaryDirectory() as folder:
        for path, text in files.items():
            place = Path(folder) / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
        return [str(finding) for finding in rule.check(Tree(folder))]


def self_test(rule):
    """What is wrong with the rule itself."""
    wrong = [f"finds fault with the good tree: {text}" for text in run(rule, rule.GOOD)]
    if not rule.BAD:
        wrong.append("has no bad tree, so nothing shows that it can fail")
    for files, expected in rule.BAD:
        found = run(rule, rule.GOOD | files)
        if not any(expected in text for text in found):
            wrong.append(f"misses {expected!r} in {sorted(files)}; found {found}")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rule", choices=RULES)
    parser.add_argument("--root", default=Path(__file__).parents[2], help="the project")
    parser.add_argument("--self-test", action="store_true", help="show that the rule can fail")
    arguments = parser.parse_args()

    rule = importlib.import_module(f"rule_{arguments.rule}")
    if arguments.self_test:
        findings = self_test(rule)
    else:
        findings = rule.check(Tree(arguments.root))
    for finding in findings:
        print(finding)
    print(f"{arguments.rule}: {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
