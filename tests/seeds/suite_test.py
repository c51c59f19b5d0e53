#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""That the suite can fail: rows that are marked as they are not, tried against the real server."""

import shutil
import tempfile
import unittest

import expect
from nouns import Noun, create
from parts import Part
from rows import Wrong, behaviour, endpoint, field
from suite import IS_BUILT_NOW, IS_RIGHT_NOW, judge
from trials import Check, Command, Endpoint, Field, Metric, Setting
from world import World

NOTEBOOK = Noun("/notebooks", lambda: {"title": "Travels"}, {"title": "Voyages"}, {"title": 7})
LATER = Part("later", "what these rows wait for")
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
            endpoint(create(NOTEBOOK), waits=LATER),
            endpoint(Endpoint("GET", "/api/notebooks/{a}/pages/{b}"), waits=LATER),
            field("title", Field(NOTEBOOK, "title", "x", 7), waits=LATER),
            behaviour("setting", "", Setting("limits.body"), waits=LATER),
            behaviour("command", "", Command("check"), waits=LATER),
            behaviour("metric", "", Metric("http_requests_total"), waits=LATER),
        ]
        self.assertEqual(self.judged(*rows), {row.id: IS_BUILT_NOW for row in rows})

    def test_passes_what_is_not_built_and_marked_so(self):
        self.assertEqual(self.judged(
            endpoint(create(NONSENSE), waits=LATER),
            endpoint(Endpoint("GET", "/notebooks/{a}/nonsense"), waits=LATER),
            endpoint(Endpoint("PUT", "/notebooks"), waits=LATER),
            field("colour", Field(NOTEBOOK, "colour", "red", 7), waits=LATER),
            field("nonsense", Field(NONSENSE, "colour", "red", 7), waits=LATER),
            behaviour("setting", "", Setting("nonsense"), waits=LATER),
            behaviour("command", "", Command("nonsense"), waits=LATER),
            behaviour("metric", "", Metric("nonsense"), waits=LATER)), {})

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
