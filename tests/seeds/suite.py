# SPDX-License-Identifier: Apache-2.0
"""Tries all rows of a system against one server, in two acts with a kill between them."""

import sys
import traceback

from rows import BUILT, INSTEAD, NOT_BUILT, WRONG
from trials import acts

IS_BUILT_NOW = "is built now: mark it (take `waits` away, and give it a check)"
IS_RIGHT_NOW = "is right now: mark it (take `wrong` away)"


def judge(rows, world):
    """Gives {id: what is not as it is marked}. The world's server is killed once."""
    checked = [row for row in rows if row.state in (BUILT, WRONG) or
               row.state == INSTEAD and row.trial]
    # Rows that say the same in other words share a trial, which is then made once.
    checks = {row.trial.key: acts(row.trial.check, world) for row in checked}
    world.prepare({row.trial.set_up for row in checked if row.trial.set_up})
    broken = {}
    ended = {key for key, check in checks.items() if is_over(key, check, broken)}
    findings = {row.id: IS_BUILT_NOW for row in rows
                if row.state == NOT_BUILT and is_there(row, world, broken)}
    world.restart()
    for key, check in checks.items():
        if key not in ended and not is_over(key, check, broken):
            broken[key] = AssertionError("the check restarts more than once")
    for row in rows:
        failure = broken.get(row.trial.key) if row.trial else None
        if row.state == WRONG and failure is None:
            findings[row.id] = IS_RIGHT_NOW
        elif failure and not (row.state == WRONG and row.wrong.is_shown_by(failure)):
            findings[row.id] = describe(failure)
    return findings


def is_over(key, check, broken):
    """Runs a check to the restart, or from there to its end. What it throws goes to `broken`."""
    try:
        next(check)
        return False
    except StopIteration:
        return True
    except Exception as failure:  # a check may break in any way: each is that row's failure
        broken[key] = failure
        return True


def is_there(row, world, broken):
    try:
        return row.trial.is_there(world)
    except Exception as failure:  # as above
        broken[row.trial.key] = failure
        return False


def describe(failure):
    last = traceback.extract_tb(failure.__traceback__)
    ours = [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in last][-3:]
    return f"{type(failure).__name__}: {failure} ({', '.join(ours)})"


def tell(findings, out=sys.stderr):
    for id, finding in sorted(findings.items()):
        print(f"row {id}: {finding}", file=out)
