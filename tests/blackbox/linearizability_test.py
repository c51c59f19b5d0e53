# SPDX-License-Identifier: Apache-2.0
"""The checker itself: histories whose verdict is known."""

import random
import unittest

from linearizability import Counter, Operation, Register, is_linearizable


def add(by, called, answered=float("inf"), result=None):
    return Operation("add", by, called, answered, result)


def value(called, answered, result):
    return Operation("value", None, called, answered, result)


def put(text, called, answered=float("inf")):
    return Operation("put", text, called, answered)


def get(called, answered, result):
    return Operation("get", None, called, answered, result)


class Checker(unittest.TestCase):
    def check(self, expected, model, *operations):
        self.assertEqual(is_linearizable(operations, model), expected)

    def test_accepts_what_one_copy_could_have_said(self):
        self.check(True, Counter)
        self.check(True, Counter, add(1, 0, 1, 1), add(2, 2, 3, 3), value(4, 5, 3))
        self.check(True, Counter, add(1, 0, 9, 3), add(2, 1, 8, 2), value(2, 3, 0))
        self.check(True, Register, get(0, 1, None), put("a", 2, 3), get(4, 5, "a"))

    def test_lets_overlapping_calls_take_either_order(self):
        self.check(True, Register, put("a", 0, 5), put("b", 1, 4), get(6, 7, "a"))
        self.check(True, Register, put("a", 0, 5), put("b", 1, 4), get(6, 7, "b"))

    def test_lets_an_unanswered_write_happen_late_or_never(self):
        self.check(True, Counter, add(5, 0), value(1, 2, 0), value(3, 4, 5))
        self.check(True, Counter, add(5, 0), value(1, 2, 0), value(3, 4, 0))

    def test_refuses_a_lost_write(self):
        self.check(False, Counter, add(1, 0, 1, 1), value(2, 3, 0))
        self.check(False, Register, put("a", 0, 1), get(2, 3, None))

    def test_refuses_a_doubled_write(self):
        self.check(False, Counter, add(1, 0, 1, 1), value(2, 3, 2))
        self.check(False, Counter, add(1, 0, 1, 1), add(1, 2, 3, 3))

    def test_refuses_a_phantom(self):
        self.check(False, Register, put("a", 0, 1), get(2, 3, "b"))
        self.check(False, Counter, value(0, 1, 7))

    def test_refuses_a_stale_read(self):
        self.check(False, Register, put("a", 0, 1), put("b", 2, 3), get(4, 5, "a"))

    def test_refuses_a_read_that_goes_back(self):
        self.check(False, Register, put("a", 0, 1), put("b", 2, 9), get(3, 4, "b"), get(5, 6, "a"))
        self.check(False, Counter, add(5, 0), value(1, 2, 5), value(3, 4, 0))

    def test_refuses_a_read_of_what_comes_later(self):
        self.check(False, Counter, value(0, 1, 5), add(5, 2, 3, 5))

    def test_agrees_with_one_copy_whatever_the_order_of_many_clients(self):
        """Histories made by running one copy; then one result is made wrong."""
        for seed in range(100):
            rng = random.Random(seed)
            history, total, now = [], 0, 0.0
            for _ in range(200):
                now += rng.random()
                by = rng.randrange(1, 5)
                total += by
                width = rng.random() * 4
                called = now - rng.random() * width
                answered = now + rng.random() * width
                history.append(add(by, called, answered, total))
            self.assertTrue(is_linearizable(history, Counter), f"seed {seed}")
            rng.choice(history).result += 1
            self.assertFalse(is_linearizable(history, Counter), f"seed {seed}")

    def test_takes_long_histories_with_open_writes(self):
        history, total = [], 0
        for n in range(3000):
            if n % 300 == 0:
                history.append(add(1_000_000 + n, n * 10))  # never answered, never seen
            total += 1
            history.append(add(1, n * 10, n * 10 + 15, total))
        self.assertTrue(is_linearizable(history, Counter))
        history[-1].result -= 1
        self.assertFalse(is_linearizable(history[-40:], Counter))


if __name__ == "__main__":
    unittest.main(verbosity=2)
