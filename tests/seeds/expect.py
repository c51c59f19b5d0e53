# SPDX-License-Identifier: Apache-2.0
"""What checks demand of answers. Each failure says what was found."""


def that(holds, found):
    if not holds:
        raise AssertionError(f"found {found!r}")


def equal(found, wanted):
    if found != wanted:
        raise AssertionError(f"found {found!r}, not {wanted!r}")


def contains(whole, part):
    if part not in whole:
        raise AssertionError(f"{part!r} is not in {str(whole)[:500]!r}")


def answered(reply, status=200):
    """The body of an answer of this status; its text when it is no JSON."""
    equal((reply.status, reply.body[:300] if reply.status != status else b""), (status, b""))
    if "json" in (reply.headers["Content-Type"] or ""):
        return reply.json
    return reply.body


def refused(reply, status, code, pointer=None):
    """A problem in the one form, with this code, and this place of the body if one is given."""
    equal((reply.status, reply.headers["Content-Type"]), (status, "application/problem+json"))
    problem = reply.json
    equal(problem["code"], code)
    if pointer:
        contains([error["pointer"] for error in problem["errors"]], pointer)
    return problem
