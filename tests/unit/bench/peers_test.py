# SPDX-License-Identifier: Apache-2.0
"""The comparison with peers: verdicts are computed, and what does not run ends nothing."""

import pathlib
import sys
import tempfile
import types
import unittest
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "bench/peers"))

import chart  # noqa: E402
import peers  # noqa: E402
import report  # noqa: E402
import run  # noqa: E402
import servers  # noqa: E402
from goals import goals  # noqa: E402


def sample(peer, workload, rate, size=None, **more):
    return {"peer": peer, "workload": workload, "size": size, "pass": 0, "rate": rate, "p50": 1.0,
            "p99": 2.0, "p999": None, "errors": 0, "busy": 0.5, "requests": 100, "cpu_us": 10.0,
            "syncs": 0.25, "bytes": 2**20, **more}


def results(*samples, not_run=()):
    return {"machine": "a machine", "load": 0.0, "date": "2026-01-01", "versions": {"perdure": "1"},
            "options": {"passes": 1, "seconds": 1, "small": 1, "large": 1, "connections": 64},
            "samples": list(samples), "not_run": list(not_run)}


def verdicts(*samples):
    return {goal.name: goal.verdict() for goal in goals(report.rows(results(*samples)))}


class Goals(unittest.TestCase):
    def test_are_judged_by_the_ratio_to_the_peer_of_the_same_run(self):
        for mine, expected in ((300, "met"), (299, "floor met"), (200, "floor met"),
                               (199, "missed")):
            found = verdicts(sample("perdure", "W1", mine), sample("node-redis", "W1", 100))
            self.assertEqual(found["W1 of Node + Redis"], expected, mine)

    def test_without_a_figure_are_neither_met_nor_missed(self):
        found = verdicts(sample("perdure", "W1", 300))
        self.assertEqual(found["W1 of Node + Redis"], "—")

    def test_of_growth_compare_the_largest_size_with_the_smallest(self):
        for slowest, expected in ((100, "met"), (70, "missed")):
            found = verdicts(sample("perdure", "W8", 130, 10), sample("perdure", "W8", 10, 1_000),
                             sample("perdure", "W8", slowest, 1_000_000))
            name = "W8: time at the largest of the smallest (10 to 1,000,000)"
            self.assertEqual(found[name], expected)

    def test_of_memory_are_upper_bounds(self):
        for size, expected in ((2048, "met"), (2049, "missed")):
            memory = {"peer": "perdure", "workload": "memory", "size": 9, "what": "object",
                      "bytes": size, "pass": 0}
            found = verdicts(memory)
            self.assertEqual(found["memory of an idle active object"], expected)


class Report(unittest.TestCase):
    def test_shows_the_median_and_the_extremes_of_the_passes(self):
        page = report.page(results(*(sample("perdure", "W1", rate) for rate in (5, 1_000, 9_000))))
        self.assertIn("| Perdure | 1,000 | 5 – 9,000 |", page)

    def test_says_how_many_requests_failed(self):
        page = report.page(results(sample("restate", "W1", 5, errors=7)))
        self.assertIn("Restate (7 failed)", page)

    def test_lists_what_was_not_run_and_why_once(self):
        entries = [{"peer": "workerd", "workload": "W3", "pass": number, "why": "no answer"}
                   for number in (0, 2)]
        page = report.page(results(not_run=entries))
        self.assertIn("- workerd, W3: not run in pass 1, 3: no answer", page)

    def test_warns_when_other_programs_were_at_work(self):
        for load, expected in ((0.4, False), (6.0, True)):
            page = report.page(results(sample("perdure", "W1", 5)) | {"load": load})
            self.assertEqual("worth little" in page, expected, load)

    def test_picture_is_well_formed_and_names_every_peer_that_was_measured(self):
        found = results(sample("perdure", "W1", 5), sample("fastapi-postgres", "W1", 2),
                        sample("nginx", "W2", 100))
        text = chart.svg(report.rows(found), report.NAMES, found)
        words = "".join(xml.etree.ElementTree.fromstring(text).itertext())
        for name in ("Perdure", "FastAPI + PostgreSQL", "nginx, a constant"):
            self.assertIn(name, words)


class Failing(peers.Peer):
    def start(self):
        self.spawn(["sleep", "600"])
        raise servers.ServerFailed("no such luck")


class Passes(unittest.TestCase):
    def run_with(self, peer_class):
        options = types.SimpleNamespace(passes=2, seconds=1, peers=["workerd"], workloads=["W1"])
        kept = peers.PEERS["workerd"]
        peers.PEERS["workerd"] = ("workerd", peer_class)
        self.addCleanup(peers.PEERS.__setitem__, "workerd", kept)
        with tempfile.TemporaryDirectory() as directory:
            done = run.Run(options, directory)
            done.all_passes()
        return done

    def test_go_on_when_a_peer_does_not_start(self):
        done = self.run_with(Failing)
        self.assertEqual([entry["why"] for entry in done.not_run], ["no such luck"] * 2)

    def test_leave_no_process_of_a_peer_that_failed(self):
        spawned = []

        class Watched(Failing):
            def spawn(self, command, **options):
                spawned.append(super().spawn(command, **options))
                return spawned[-1]

        self.run_with(Watched)
        self.assertEqual(len(spawned), 2)
        self.assertTrue(all(process.poll() is not None for process in spawned))


if __name__ == "__main__":
    unittest.main()
