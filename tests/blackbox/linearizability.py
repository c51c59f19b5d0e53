# SPDX-License-Identifier: Apache-2.0
"""Whether a recorded history of one object could have come from one copy of it that does one thing
at a time.

The search is that of J. M. Wing and C. Gong, "Testing and Verifying Concurrent Objects" (Journal of
Parallel and Distributed Computing 17, 1993), with the memory of visited configurations that
G. Lowe added in "Testing for Linearizability" (Concurrency and Computation 29(4), 2017): what was
placed already, as a set of bits, together with the state that it left.
"""

import threading
import time
from dataclasses import dataclass

NEVER = float("inf")


@dataclass
class Operation:
    """One call. `answered` is NEVER, and `result` without meaning, when no answer came: it may have
    taken effect at any time after it was called, or not at all."""

    name: str
    argument: object
    called: float
    answered: float = NEVER
    result: object = None

    @property
    def is_open(self):
        return self.answered == NEVER


class Counter:
    """`add` gives the new value, `value` the present one."""

    start = 0

    @staticmethod
    def apply(state, operation):
        """The state after it, and whether its result is right."""
        if operation.name == "add":
            after = state + operation.argument
            return after, operation.is_open or operation.result == after
        return state, operation.is_open or operation.result == state


class Register:
    """`put` replaces the value, `get` gives it: None before the first."""

    start = None

    @staticmethod
    def apply(state, operation):
        if operation.name == "put":
            return operation.argument, True
        return state, operation.is_open or operation.result == state


class History:
    """What many clients called and were told, by object. Threads: any."""

    def __init__(self):
        self.lock = threading.Lock()
        self.by_object = {}

    def call(self, target, name, argument=None):
        """Notes a call that is about to be sent; give it to `answer` with what came back."""
        operation = Operation(name, argument, time.monotonic())
        with self.lock:
            self.by_object.setdefault(target, []).append(operation)
        return operation

    @staticmethod
    def answer(operation, result):
        operation.result = result
        operation.answered = time.monotonic()


def is_linearizable(operations, model):
    """Whether an order exists in which each operation stands between its call and its answer, and
    gives its result. Cost: grows with the number of calls that overlap, not with the history."""
    # An open question tells nothing.
    operations = sorted((o for o in operations if not (o.is_open and o.name in ("value", "get"))),
                        key=lambda o: o.called)
    answers = sorted((o.answered, n) for n, o in enumerate(operations) if not o.is_open)
    visited = set()
    # (placed, state, place in `answers`): depth first, without recursion.
    branches = [(0, model.start, 0)]
    while branches:
        placed, state, earliest = branches.pop()
        while earliest < len(answers) and placed >> answers[earliest][1] & 1:
            earliest += 1
        if earliest == len(answers):
            return True  # all that was answered has its place
        if (placed, state) in visited:
            continue
        visited.add((placed, state))
        limit = answers[earliest][0]
        # Whoever was called after an answer comes after what was answered.
        for number in candidates(operations, placed, answers[earliest][1], limit):
            after, is_right = model.apply(state, operations[number])
            if is_right:
                branches.append((placed | 1 << number, after, earliest))
    return False


def candidates(operations, placed, first_answered, limit):
    """Those that may come next; what was answered first is tried first."""
    others = []
    # Everything below the lowest unplaced operation is done with.
    number = ((placed + 1) & ~placed).bit_length() - 1
    while number < len(operations) and operations[number].called <= limit:
        if not placed >> number & 1 and number != first_answered:
            others.append(number)
        number += 1
    # The last one is popped first. Open ones come last of all: they may never have happened.
    others.sort(key=lambda n: operations[n].answered, reverse=True)
    return [*others, first_answered]
