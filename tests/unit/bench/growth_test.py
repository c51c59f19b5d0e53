# SPDX-License-Identifier: Apache-2.0
"""The tables of growth: what is carried on to a billion follows from what was measured."""

import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "bench/growth"))

import tables  # noqa: E402


def line(count, disk_bytes, **more):
    return {"what": "objects", "count": count, "state_bytes": 0, "disk_bytes": disk_bytes,
            "fill_written_bytes": 100.0, "settle_written_bytes": 0, "activate_cold_us": 100.0,
            "activate_us": 10.0, "activate_cold_read_bytes": 4096.0, "activate_cpu_us": 20.0,
            "commit_cpu_us": 30.0, "open_warm_seconds": 0.1, **more}


class Projection(unittest.TestCase):
    def test_carries_bytes_on_in_proportion_to_the_largest_that_was_measured(self):
        rows = tables.projection([line(10_000, 999), line(100_000, 20_000_000)])
        self.assertIn("| 1,000,000,000 | 200 GB |", rows[-1])

    def test_begins_with_the_largest_that_was_measured(self):
        rows = tables.projection([line(10_000, 999), line(100_000, 20_000_000)])
        self.assertTrue(rows[2].startswith("| 100,000 | 20 MB |"), rows[2])

    def test_adds_a_level_of_writes_for_each_power_of_ten(self):
        rows = tables.projection([line(10**8, 10**10, fill_written_bytes=400.0)])
        self.assertTrue(rows[-1].endswith("| 900 B |"), rows[-1])  # 400, and 5 times 100 bytes


class Limits(unittest.TestCase):
    def test_begin_with_what_the_fewest_objects_meet(self):
        rows = tables.limit_rows([line(10**6, 10**9)])[2:]
        self.assertIn("storage.cache", rows[0])  # 256 MiB of 1.25 B and 40 B for each 4 objects
        self.assertTrue(rows[0].endswith("| 24 million |"), rows[0])
        self.assertTrue(rows[-1].endswith("| 800 million |"), rows[-1])


class Series(unittest.TestCase):
    def test_counts_what_is_written_after_filling_to_the_turns_of_its_step(self):
        lines = [line(10_000, 1), line(100_000, 1, settle_written_bytes=9_000_000)]
        self.assertEqual(tables.written_per_turn(lines, 1), 100 + 9_000_000 / 90_000)

    def test_shows_series_with_and_without_state_apart(self):
        found = tables.sections({"machine": "a machine", "date": "2026-01-01",
                                 "lines": [line(10_000, 1), line(10_000, 2, state_bytes=9)]})
        self.assertEqual(set(found), {"growth-objects", "growth-state", "growth-projection",
                                      "growth-limits"})


if __name__ == "__main__":
    unittest.main()
