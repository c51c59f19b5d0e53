# SPDX-License-Identifier: Apache-2.0
"""Families of tasks are deleted, brought back and purged whole, however often the server is killed
meanwhile, and whoever joins or leaves at the same time."""

import argparse
import http.client
import os
import random
import sys
import threading
import time
import unittest

from harness import BlackBoxTest, show_progress, wait_until

TASKS = "/api/v1/tasks"
# A test run takes as many rounds as fit; --rounds takes as many as it is told.
ROUNDS = 100
ROUNDS_MIN = 3
SECONDS_MAX = 6
DEPTH = 100
WIDTH = 300
LOST = (OSError, http.client.HTTPException)
SETTLED_S = 60


class Family:
    """Tasks below one root, as whoever made them knows them."""

    def __init__(self, test, client):
        self.test = test
        self.root = self.make(client, None)
        self.members = [self.root]
        self.deleted_before = set()

    def make(self, client, parent, title="member"):
        made = client.post(TASKS, {"title": title, "parent_id": parent})
        self.test.assertEqual(made.status, 201, made)
        return made.json["id"]

    def delete(self, client, task):
        """Deletes a member for good, alone or with its own."""
        gone = below(task, listed(client))
        self.test.assertEqual(client.delete(f"{TASKS}/{task}").status, 204)
        # The outbox may look empty between two of its messages.
        wait_until(lambda: not gone & all_ids(client), SETTLED_S, "the deletion")
        self.test.settled(client)
        self.deleted_before |= gone


def below(task, live):
    """A task and all that go along with it."""
    found = {task}
    while more := {id for id, one in live.items() if one["parent_id"] in found} - found:
        found |= more
    return found


def deep(test, client):
    """A line of a hundred, from whose middle all are deleted before."""
    family = Family(test, client)
    for _ in range(DEPTH - 1):
        family.members.append(family.make(client, family.members[-1]))
    family.delete(client, family.members[DEPTH * 3 // 4])
    return family


def wide(test, client):
    """Three hundred children, of whom some have children; a few are deleted before."""
    family = Family(test, client)
    children = [family.make(client, family.root) for _ in range(WIDTH)]
    family.members += children
    family.members += [family.make(client, child) for child in children[::30]]
    for child in children[1::100]:
        family.delete(client, child)
    return family


def listed(client, **query):
    """All of a list: by id."""
    found, cursor = {}, None
    while True:
        page = client.get(TASKS, query={"limit": 200, **query, **({"cursor": cursor} if cursor
                                                                  else {})})
        assert page.status == 200, page
        found |= {item["id"]: item for item in page.json["items"]}
        cursor = page.json["next_cursor"]
        if cursor is None:
            return found


def all_ids(client):
    return set(listed(client))


class KilledWhileFamiliesMove(BlackBoxTest):
    def setUp(self):
        super().setUp()
        self.seed = int(os.environ.get("PERDURE_SEED", str(time.time_ns() % 1_000_000)))
        print(f"seed {self.seed} (PERDURE_SEED repeats the choices)")
        self.rng = random.Random(self.seed)

    def settled(self, client):
        """Waits until no message is on its way."""
        def is_empty():
            waiting = client.get("/api/v1/outbox", query={"limit": 1})
            self.assertEqual(waiting.status, 200, waiting)
            return not waiting.json["items"]
        wait_until(is_empty, SETTLED_S, "an empty outbox")

    def change(self, server, family):
        """Deletes or brings back the root, several times or once, while others come and go."""
        stop = threading.Event()
        others = [threading.Thread(target=work, args=(server, family, stop, self.rng.random()))
                  for work in (self.join_and_leave, self.join_and_leave)]
        for other in others:
            other.start()
        client = server.client()
        try:
            for _ in range(self.rng.choice([1, 1, 1, 2, 3, 5])):
                if client.get(f"{TASKS}/{family.root}").status == 200:
                    client.delete(f"{TASKS}/{family.root}")
                else:
                    client.post(f"{TASKS}/{family.root}/restore")
                time.sleep(self.rng.choice([0, 0.005, 0.03, 0.15]) * self.rng.random())
            server.kill()
        finally:
            stop.set()
            for other in others:
                other.join()

    def join_and_leave(self, server, family, stop, seed):
        """Makes tasks below members, and moves them; what is refused is no matter here."""
        rng = random.Random(seed)
        client = server.client()
        made = []
        try:
            while not stop.is_set():
                if made and rng.random() < 0.5:
                    client.patch(f"{TASKS}/{rng.choice(made)}",
                                 {"parent_id": rng.choice([*family.members, *made])})
                    continue
                parent = rng.choice(family.members)
                reply = client.post(TASKS, {"title": "joined", "parent_id": parent})
                if reply.status == 201:
                    made.append(reply.json["id"])
        except LOST:
            pass  # it was killed

    def converged(self, client, family):
        """Waits until the family is as it must be. Whether it is there."""
        end = time.monotonic() + SETTLED_S
        while True:
            try:
                self.settled(client)
                return self.check(client, family)
            except AssertionError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def check(self, client, family):
        """Either the whole family is there, or nobody; those deleted before never."""
        root_is_there = client.get(f"{TASKS}/{family.root}").status == 200
        live, deleted = listed(client), listed(client, deleted="true")
        before = family.deleted_before
        if root_is_there:
            self.assertEqual(set(deleted), before, "not all are back")
            lost = set(family.members) - before - set(live)
            self.assertEqual(lost, set(), "members are nowhere")
            self.check_roots(live, family)
        else:
            self.assertEqual(set(live), set(), "left behind")
            self.assertLessEqual(set(family.members), set(deleted))
        letters = client.get("/api/v1/dead-letters")
        self.assertEqual(letters.json["items"], [], letters)
        return root_is_there

    def check_roots(self, live, family):
        """Whoever is there is below the root, in no circle."""
        for task in live.values():
            at, steps = task, 0
            while at["parent_id"] is not None:
                at, steps = live[at["parent_id"]], steps + 1
                self.assertLessEqual(steps, len(live), f"{task['id']} is below itself")
            self.assertEqual(at["id"], family.root, task)

    def run_rounds(self, make):
        server = self.server().start()
        family = make(self, server.client())
        began, rounds, ends = time.monotonic(), 0, {True: 0, False: 0}
        while rounds < ROUNDS and (rounds < ROUNDS_MIN or time.monotonic() < began + SECONDS_MAX):
            self.change(server, family)
            server.restart()
            client = server.client()
            ends[self.converged(client, family)] += 1
            rounds += 1
            show_progress(rounds, ROUNDS, "rounds")
        print(f"{rounds} kills: the family was there after {ends[True]}, gone after {ends[False]}")
        self.purge(server, family)

    def purge(self, server, family):
        """A family that is deleted is purged whole, through kills."""
        client = server.client()
        client.delete(f"{TASKS}/{family.root}")
        server.kill()
        server.arguments += ["--objects-purge-after", "1s"]
        for _ in range(2):
            server.restart()
            time.sleep(self.rng.random())
            server.kill()
        server.restart()
        client = server.client()
        wait_until(lambda: not listed(client, deleted="true"), SETTLED_S, "the purge")
        self.settled(client)
        self.assertEqual(all_ids(client), set(), "left behind by a purge")
        self.assertEqual(server.stop(), 0)

    def test_keeps_a_deep_family_together(self):
        self.run_rounds(deep)

    def test_keeps_a_wide_family_together(self):
        self.run_rounds(wide)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--rounds", type=int)
    chosen, rest = parser.parse_known_args()
    if chosen.rounds:
        ROUNDS, SECONDS_MAX = chosen.rounds, float("inf")
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
