# SPDX-License-Identifier: Apache-2.0
"""Shell scripts parse, stop at the first failure, are executable and explain themselves."""

import os
import subprocess

from tree import Finding


def check(tree):
    findings = []
    for path in tree.scripts():
        done = subprocess.run(["bash", "-n", path], cwd=tree.root, capture_output=True, text=True,
                              check=False)
        if done.returncode != 0:
            findings.append(Finding(path, 1, done.stderr.strip()))
        text = tree.text(path)
        if "set -euo pipefail" not in text:
            findings.append(Finding(path, 1, "does not say set -euo pipefail"))
        if path.startswith("scripts/") and "--help" not in text:
            findings.append(Finding(path, 1, "has no --help"))
        if text.startswith("#!") and not os.access(tree.root / path, os.X_OK) and tracked(tree):
            findings.append(Finding(path, 1, "is not executable"))
    return findings


def tracked(tree):
    """Trees made for a test carry no modes."""
    return (tree.root / ".git").exists()


GOOD = {"scripts/a": "#!/usr/bin/env bash\nset -euo pipefail\n# --help\n"}
BAD = [
    ({"scripts/b": "#!/usr/bin/env bash\nset -euo pipefail\nif true; then\n# --help\n"}, "line 5"),
    ({"scripts/b": "#!/usr/bin/env bash\n# --help\n"}, "does not say"),
    ({"scripts/b": "#!/usr/bin/env bash\nset -euo pipefail\n"}, "no --help"),
]
