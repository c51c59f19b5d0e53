#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""seeds_test.py SYSTEM: the rows of one system are as they are marked."""

import shutil
import sys
import tempfile
import unittest

from suite import judge, tell
from systems import SYSTEMS
from world import World


class Rows(unittest.TestCase):
    system = None

    def setUp(self):
        directory = tempfile.mkdtemp(prefix="perdure-seeds-")
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        self.world = World(directory)
        self.addCleanup(self.world.end)
        self.world.start()

    def test_are_as_they_are_marked(self):
        findings = judge(self.system.rows, self.world)
        tell(findings)
        self.assertEqual(findings, {}, f"{len(findings)} of {len(self.system.rows)} rows")


if __name__ == "__main__":
    keys = {system.key: system for system in SYSTEMS}
    if len(sys.argv) != 2 or sys.argv[1] not in keys:
        sys.exit(f"usage: seeds_test.py {'|'.join(keys)}")
    Rows.system = keys[sys.argv.pop()]
    unittest.main()
