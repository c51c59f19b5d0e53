# SPDX-License-Identifier: Apache-2.0
"""What the figures should come to. A verdict is computed from the rows, never written down."""

import dataclasses
import typing


def times(value):
    return f"{value:.2f} ×"


def percent(value):
    return f"{value:.0%}"


def kibibytes(value):
    return f"{value / 1024:.2f} KiB"


@dataclasses.dataclass(frozen=True)
class Goal:
    """`measured` is None when a part of it is missing. `sign` says which way is better."""
    name: str
    measured: typing.Optional[float]
    sign: str
    wanted: float
    floor: typing.Optional[float]
    form: typing.Callable[[float], str]

    def reaches(self, bound):
        return self.measured >= bound if self.sign == "≥" else self.measured <= bound

    def verdict(self):
        if self.measured is None:
            return "—"
        if self.reaches(self.wanted):
            return "met"
        return "floor met" if self.floor and self.reaches(self.floor) else "missed"


def goals(rows):
    """All goals; `rows` by (peer, workload, size)."""
    def rate(peer, workload, size=None):
        row = rows.get((peer, workload, size))
        return row and row.median("rate")

    def ratio(mine, other):
        return mine / other if mine and other else None

    def sizes(workload):
        return sorted(size for peer, name, size in rows
                      if peer == "perdure" and name == workload)

    def growth(workload):
        """How many times as long one takes at the largest size as at the smallest."""
        found = sizes(workload)
        if len(found) < 2:
            return None
        return ratio(rate("perdure", workload, found[0]), rate("perdure", workload, found[-1]))

    def memory(what):
        row = rows.get(("perdure", "memory", what))
        return row and row.median("bytes")

    ours = {workload: rate("perdure", workload) for workload in ("W1", "W2", "W3", "W4")}
    yield Goal("W1 of redis-benchmark INCR", ratio(ours["W1"], rate("redis-benchmark", "W1")),
               "≥", 0.8, 0.5, times)
    yield Goal("W3 of redis-benchmark INCR", ratio(ours["W3"], rate("redis-benchmark", "W3")),
               "≥", 0.8, 0.5, times)
    for peer, name, wanted, floor in (("node-redis", "Node + Redis", 3, 2),
                                      ("node-postgres", "Node + PostgreSQL", 10, None),
                                      ("workerd", "workerd", 25, None),
                                      ("restate", "Restate", 25, None)):
        yield Goal(f"W1 of {name}", ratio(ours["W1"], rate(peer, "W1")), "≥", wanted, floor, times)
    for workload in ("W2", "W4"):
        yield Goal(f"{workload} of nginx's constant", ratio(ours[workload], rate("nginx", "W2")),
                   "≥", 0.7, None, percent)
    for size in sizes("W5"):
        yield Goal(f"W5 with {size:,.0f} objects of W4",
                   ratio(rate("perdure", "W5", size), ours["W4"]), "≥", 0.6, None, percent)
    for workload in ("W8", "W9"):
        found = sizes(workload)
        between = f" ({found[0]:,.0f} to {found[-1]:,.0f})" if len(found) > 1 else ""
        yield Goal(f"{workload}: time at the largest of the smallest{between}", growth(workload),
                   "≤", 1.3, None, times)
    yield Goal("memory of an idle active object", memory("object"), "≤", 2048, None, kibibytes)
    yield Goal("memory of an idle socket", memory("socket"), "≤", 6144, None, kibibytes)
