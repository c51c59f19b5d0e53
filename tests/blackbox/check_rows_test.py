#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`perdure check` on a directory whose rows are not what its states say."""

import os
import subprocess
import unittest

from harness import BlackBoxTest, run

WRITER = os.environ.get("PERDURE_ROW_WRITER", "build/release/tests/blackbox/perdure_row_writer")
CORRUPT = 4


class CheckRows(BlackBoxTest):
    def setUp(self):
        super().setUp()
        server = self.server().start()
        client = server.client()
        self.tasks = [client.post("/tasks", {"title": title}).json["id"] for title in "abc"]
        self.assertEqual(server.stop(), 0)
        self.data_dir = server.data_dir

    def write(self, *arguments):
        done = subprocess.run([WRITER, self.data_dir, *arguments], capture_output=True, text=True,
                              check=False, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.split(" ")

    def check(self):
        return run("check", "--data-dir", self.data_dir)

    def assert_wrong(self, finding):
        checked = self.check()
        self.assertEqual(checked.returncode, CORRUPT, checked.stdout + checked.stderr)
        self.assertIn(finding + "\n", checked.stdout)
        self.assertRegex(checked.stdout, r"\d+ index rows of \d+ objects: 1 finding\(s\)\n")

    def assert_right(self):
        checked = self.check()
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        self.assertRegex(checked.stdout, r"\d+ index rows of \d+ objects: as their states say\n")

    def test_names_the_object_whose_row_is_missing(self):
        self.assert_right()
        key, value = self.write("erase", "task", self.tasks[1], "$id")
        self.assert_wrong(f"the index $id of task misses a row of {self.tasks[1]}")
        self.write("put", "task", self.tasks[1], "$id", key, value.strip())
        self.assert_right()

    def test_names_the_object_that_has_a_row_too_many(self):
        self.write("put", "task", self.tasks[0], "$deleted", "7a", "")
        self.assert_wrong(f"the index $deleted of task has a row of {self.tasks[0]} too many")
        self.write("erase", "task", self.tasks[0], "$deleted")
        self.assert_right()


if __name__ == "__main__":
    unittest.main()
