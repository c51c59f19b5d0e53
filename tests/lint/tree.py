# SPDX-License-Identifier: Apache-2.0
"""What the lint rules look at: the files of the project, their text, and the known exceptions."""

import os
import re
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

SKIPPED_FOLDERS = {".git", "build", "data", "node_modules", "__pycache__"}
EXCEPTIONS = "tests/lint/exceptions.txt"


@dataclass(frozen=True)
class Finding:
    path: str
    line: int
    text: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.text}"


class Tree:
    """The files under `root`: what git tracks or would track, or all where there is no git."""

    def __init__(self, root):
        self.root = Path(root).resolve()
        self._texts = {}

    @cached_property
    def files(self):
        listed = self._listed_by_git() or self._listed_by_walking()
        return sorted(path for path in listed if (self.root / path).is_file())

    def _listed_by_git(self):
        if not (self.root / ".git").exists():
            return []
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        done = subprocess.run(command, cwd=self.root, capture_output=True, check=False)
        return [path for path in done.stdout.decode().split("\0") if path]

    def _listed_by_walking(self):
        found = []
        for folder, subfolders, names in os.walk(self.root):
            subfolders[:] = [name for name in subfolders if name not in SKIPPED_FOLDERS]
            found += [str((Path(folder) / name).relative_to(self.root)) for name in names]
        return found

    def text(self, path):
        """The text of a file; empty when it is not UTF-8."""
        if path not in self._texts:
            try:
                self._texts[path] = (self.root / path).read_text(encoding="utf-8")
            except UnicodeDecodeError:
                self._texts[path] = ""
        return self._texts[path]

    def lines(self, path):
        """Numbered from 1."""
        return list(enumerate(self.text(path).splitlines(), start=1))

    def cpp(self):
        return [path for path in self.files if path.endswith((".cpp", ".hpp"))]

    def scripts(self):
        """Shell scripts, by their first line."""
        return [path for path in self.files
                if "." not in Path(path).name and re.match(r"#!.*\b(ba)?sh\b", self.text(path))
                or path.endswith(".sh")]

    def exceptions(self, rule):
        """The subjects that `rule` lets pass, with the line that says so.

        A line of the file is `<rule> <subject>: <reason>`.
        """
        allowed = {}
        if (self.root / EXCEPTIONS).is_file():
            for number, line in self.lines(EXCEPTIONS):
                match = re.match(r"(\w+) (\S+): \S", line)
                if match and match[1] == rule:
                    allowed[match[2]] = number
        return allowed


def apply_exceptions(tree, rule, findings_by_subject):
    """Drops excepted findings, and reports exceptions that nothing needs any more.

    `findings_by_subject` is a list of (subject, Finding).
    """
    allowed = tree.exceptions(rule)
    needed = {subject for subject, _ in findings_by_subject}
    kept = [finding for subject, finding in findings_by_subject if subject not in allowed]
    kept += [Finding(EXCEPTIONS, number, f"nothing needs the exception for {subject}")
             for subject, number in allowed.items() if subject not in needed]
    return kept


def without_comments(text, strings="kept"):
    """C++ text with comments blanked out (and strings, when `strings` is "blanked").

    Every line keeps its number.
    """
    pattern = re.compile(
        r"""//[^\n]*|/\*.*?\*/|R"(?P<d>[^(\s]{0,16})\(.*?\)(?P=d)"|"(?:\\.|[^"\\\n])*\""""
        r"""|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'""",
        re.DOTALL)

    def blank(match):
        found = match[0]
        if found.startswith("/") or strings == "blanked":
            kept = '""' if not found.startswith("/") else ""
            return kept + "\n" * found.count("\n")
        return found

    return pattern.sub(blank, text)
