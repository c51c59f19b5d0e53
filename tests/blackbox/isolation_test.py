# SPDX-License-Identifier: Apache-2.0
"""A client never takes the server from the others: one attack of each sort, small.

Each is carried out once, after a short look at the same load spread over many owners. Where a bound
is missed it is carried out three times more, longer, and the medians count: a machine that others
use is slow now and then. `scripts/attack` runs all attacks at full size.
"""

import dataclasses
import os
import shutil
import tempfile
import unittest

from attacks import ALL
from isolation import SHORT, Size, World, judge, measure, missing_settings

# Sanitizers make everything slow: less is asked for then, nothing is compared with calm, and the
# test is that nobody is shut out.
SANITIZED = os.environ.get("PERDURE_SANITIZED") == "1"
OWNERS = 20
ATTACKED = Size(seconds=1.5, owners=OWNERS, scale=0.1)
CALM = dataclasses.replace(ATTACKED, seconds=0.8)
SANITIZED_SIZE = Size(seconds=0.8, owners=OWNERS, scale=0.02, probe_rate=50)
SHUT_OUT_SHARE = 0.8  # of the run
AGAIN = 3  # so often
LONGER = 2


def longer(size):
    return dataclasses.replace(size, seconds=size.seconds * LONGER)


class Isolation(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.mkdtemp(prefix="perdure-isolation-")
        cls.addClassCleanup(shutil.rmtree, directory, ignore_errors=True)
        cls.world = World(directory, OWNERS)
        cls.alone = {}  # first passes without a load, by what they depend on

    def calm(self, attack):
        if attack.calm != "alone":
            return measure(self.world, attack, CALM, attack.calm)
        like = attack.probe, attack.settings
        if like not in self.alone:
            self.alone[like] = measure(self.world, attack, CALM, "alone")
        return self.alone[like]

    def misses(self, attack):
        if SANITIZED:
            return self.shut_out(attack, SANITIZED_SIZE)
        attacked = measure(self.world, attack, ATTACKED, "attacked")
        return [miss.what for miss in judge(attack, [self.calm(attack)], [attacked], SHORT)]

    def misses_again(self, attack):
        if SANITIZED:
            return self.shut_out(attack, longer(SANITIZED_SIZE))
        calm, attacked = [], []
        for _ in range(AGAIN):
            calm.append(measure(self.world, attack, longer(CALM), attack.calm))
            attacked.append(measure(self.world, attack, longer(ATTACKED), "attacked"))
        return [miss.what for miss in judge(attack, calm, attacked, SHORT)]

    def shut_out(self, attack, size):
        attacked = measure(self.world, attack, size, "attacked")
        misses = [f"p99 of {name} {row['p99_ms']:.0f} ms" for name, row in attacked.probe.items()
                  if row["p99_ms"] > SHUT_OUT_SHARE * size.seconds * 1_000]
        if attacked.failures():
            misses.append(f"{attacked.failures()} requests of the probe failed")
        return misses

    def test_others_are_served_as_in_calm(self):
        for attack in ALL:
            if not attack.in_ci:
                continue
            with self.subTest(attack.name):
                if missing := missing_settings(self.world, attack):
                    self.skipTest(f"there is no setting {missing}")
                if first := self.misses(attack):
                    again = self.misses_again(attack)
                    self.assertEqual(again, [], f"{attack.what}; at first: {first}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
