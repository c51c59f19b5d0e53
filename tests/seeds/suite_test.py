#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""That the suite can fail: rows that are marked as they are not, tried against the real server."""

import shutil
import tempfile
import unittest

import expect
from nouns import Noun, create
from parts import TASKS
from rows import Wrong, behaviour, endpoint, field
from suite import IS_BUILT_NOW, IS_RIGHT_NOW, judge
from trials import Check, Command, Endpoint, Field, Metric, Setting
from world import World

NOTEBOOK = Noun("/notebooks", lambda: {"title": "Travels"}, {"title": "Voyages"}, {"title": 7})
NONSENSE = Noun("/nonsense", lambda: {"title": "x"}, {"title": "y"}, {"title": 7})


def holds(_world):
    """Nothing is asked."""


def fails(_world):
    """Nothing holds."""
    raise AssertionError("broken before the restart")


def fails_late(world):
    """Something is lost at the restart."""
    yield
    expect.equal(world.admin.get("/health").status, 599)


class Suite(unittest.TestCase):
    def judged(self, *rows):
        directory = tempfile.mkdtemp(prefix="perdure-seeds-")
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        world = World(directory)
        self.addCleanup(world.end)
        world.start()
        return judge(rows, world)

    def test_finds_what_is_built_behind_a_mark_that_it_is_not(self):
        rows = [
            endpoint(create(NOTEBOOK), waits=TASKS),
            endpoint(Endpoint("GET", "/api/notebooks/{a}/pages/{b}"), waits=TASKS),
            field("title", Field(NOTEBOOK, "title", "x", 7), waits=TASKS),
            behaviour("setting", "", Setting("limits.body"), waits=TASKS),
            behaviour("command", "", Command("check"), waits=TASKS),
            behaviour("metric", "", Metric("http_requests_total"), waits=TASKS),
        ]
        self.assertEqual(self.judged(*rows), {row.id: IS_BUILT_NOW for row in rows})

    def test_passes_what_is_not_built_and_marked_so(self):
        self.assertEqual(self.judged(
            endpoint(create(NONSENSE), waits=TASKS),
            endpoint(Endpoint("GET", "/notebooks/{a}/nonsense"), waits=TASKS),
            endpoint(Endpoint("PUT", "/notebooks"), waits=TASKS),
            field("colour", Field(NOTEBOOK, "colour", "red", 7), waits=TASKS),
            field("nonsense", Field(NONSENSE, "colour", "red", 7), waits=TASKS),
            behaviour("setting", "", Setting("nonsense"), waits=TASKS),
            behaviour("command", "", Command("nonsense"), waits=TASKS),
            behaviour("metric", "", Metric("nonsense"), waits=TASKS)), {})

    def test_finds_built_rows_that_break_before_or_after_the_restart(self):
        findings = self.judged(
            behaviour("early", "", Check(fails)), behaviour("late", "", Check(fails_late)),
            field("colour", Field(NOTEBOOK, "colour", "red", 7)), endpoint(create(NONSENSE)))
        self.assertEqual(findings.keys(), {"early", "late", "colour", "POST /nonsense"})
        self.assertIn("broken before the restart", findings["early"])
        self.assertIn("599", findings["late"])

    def test_finds_wrong_rows_that_are_right(self):
        findings = self.judged(
            behaviour("right", "", Check(holds), wrong=Wrong("all of it", "broken")))
        self.assertEqual(findings, {"right": IS_RIGHT_NOW})

    def test_takes_no_other_failure_for_what_is_wrong(self):
        findings = self.judged(
            behaviour("as told", "", Check(fails), wrong=Wrong("all of it", "broken before")),
            behaviour("other", "", Check(fails_late), wrong=Wrong("all of it", "broken before")))
        self.assertEqual(findings.keys(), {"other"})

    def test_refuses_a_route_that_is_open_to_everybody(self):
        findings = self.judged(endpoint(Endpoint("GET", "/info", holds)))
        self.assertIn("401", findings["GET /info"])


if __name__ == "__main__":
    unittest.main()
