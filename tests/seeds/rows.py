# SPDX-License-Identifier: Apache-2.0
"""What the description of a system names, a row each.

A row is *built* unless it says otherwise: `waits=` a part that is not there yet, `wrong=` what does
not hold of it, `instead=` the means by which Perdure answers it. Building a part is therefore
taking `waits=` away from its rows; the suite fails until that is done.
"""

from dataclasses import dataclass

from parts import Part
from trials import Endpoint, Field, ServerSet, Trial

ENDPOINT, FIELD, BEHAVIOUR, FIGURE = KINDS = "endpoint", "field", "behaviour", "figure"
BUILT, WRONG, NOT_BUILT, INSTEAD = STATES = "built", "wrong", "not built", "by other means"


@dataclass(frozen=True)
class Wrong:
    """What does not hold of a row, and what its trial finds: a part of the failure's text, so that
    no other failure passes for it."""

    what: str
    found: str

    def is_shown_by(self, failure):
        return isinstance(failure, AssertionError) and self.found in str(failure)


@dataclass(frozen=True)
class Row:
    id: str
    says: str
    kind: str
    trial: Trial | None
    waits: Part | None = None
    wrong: Wrong | None = None
    instead: str | None = None

    def __post_init__(self):
        marks = [mark for mark in (self.waits, self.wrong, self.instead) if mark]
        assert len(marks) <= 1, f"{self.id} has two states"
        assert self.trial or self.instead, f"{self.id} has no trial"
        if self.state in (BUILT, WRONG):
            assert self.trial.can_check, f"{self.id} is marked {self.state} without a check"
        if self.state == NOT_BUILT:
            assert self.trial.can_probe, f"{self.id} is marked not built without a probe"

    @property
    def state(self):
        if self.waits:
            return NOT_BUILT
        if self.wrong:
            return WRONG
        return INSTEAD if self.instead else BUILT


@dataclass(frozen=True)
class Section:
    title: str
    rows: tuple


class System:
    """One system: its name, and what its description names, by the description's sections."""

    def __init__(self, key, name, *sections):
        self.key = key
        self.name = name
        self.sections = sections
        self.rows = [row for section in sections for row in section.rows]
        ids = [row.id for row in self.rows]
        twice = sorted({id for id in ids if ids.count(id) > 1})
        assert not twice, f"{key} has twice: {twice}"


def section(title, *rows):
    flat = []
    for one in rows:
        flat.extend(one if isinstance(one, list) else [one])
    return Section(title, tuple(flat))


def endpoint(trial: Endpoint, says=None, **state):
    return Row(trial.name, says or "", ENDPOINT, trial, **state)


def endpoints(*trials, **state):
    return [endpoint(trial, **state) for trial in trials]


def behaviour(id, says, trial=None, **state):
    return Row(id, says, BEHAVIOUR, trial, **state)


def figure(id, says, trial=None, **state):
    return Row(id, says, FIGURE, trial, **state)


def field(id, trial, says="", **state):
    return Row(id, says, FIELD, trial, **state)


def fields(name, noun, given, **state):
    """Rows for members that a client gives: `given` is {member: (value, one that is refused)}."""
    return [field(f"{name}.{member}", Field(noun, member, value, wrong), **state)
            for member, (value, wrong) in given.items()]


def server_fields(name, noun, *members, **state):
    """Rows for members that the server sets."""
    return [field(f"{name}.{member}", ServerSet(noun, member), **state) for member in members]


def values(name, noun, member, *values, **state):
    """Rows for the values that an enumeration has."""
    return [field(f"{name}.{member}={value}", Field(noun, member, value, "no such value"), **state)
            for value in values]
