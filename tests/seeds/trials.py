# SPDX-License-Identifier: Apache-2.0
"""How a row is tried.

`check(world)` proves a row that is marked built. It is a generator that yields once, where the
server is killed and started again: what was done before is read back after it. A check without a
`yield` is done before the restart.

`is_there(world)` looks for any sign of a row that is marked not built: its path, its member, its
setting. It is coarse on purpose: who begins to build a part has to mark what is there.
"""

import fnmatch
import functools
import inspect
import json
import os
import re

import expect
from world import PROJECT, some_id

ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
NOT_OURS = {".git", "build", "data", "node_modules", "__pycache__"}
PARAMETER = re.compile(r"\{\w+\}")


class Trial:
    how = ""
    can_check = False
    can_probe = False
    set_up = None  # arguments of a server that the check asks (`needs`)

    @property
    def key(self):
        """What trials have in common that are the same."""
        return id(self)

    def check(self, world):
        raise NotImplementedError

    def is_there(self, world):
        raise NotImplementedError


def acts(function, world):
    """The acts of a check, be it a generator or a function."""
    result = function(world)
    if inspect.isgenerator(result):
        yield from result


class Check(Trial):
    """A function; its docstring says how it tries."""

    can_check = True

    def __init__(self, function):
        self.function = function
        self.set_up = getattr(function, "set_up", None)
        self.how = " ".join((function.__doc__ or "").split()).rstrip(".")

    @property
    def key(self):
        return self.function

    def check(self, world):
        yield from acts(self.function, world)


# ---- routes


class Endpoint(Trial):
    """A route by the path that the system's description has.

    A route that is not open is also asked without a key (401), with a key for something else (403)
    and, where it is for administrators, by somebody else (403).
    """

    can_probe = True

    def __init__(self, method, path, check=None, how=None, open=False, admin=False):
        self.method = method
        self.path = path
        self.name = f"{method} {path}"
        self.act = check
        self.can_check = check is not None
        self.open = open
        self.admin = admin
        self.how = how or " ".join((check.__doc__ or "" if check else "").split()).rstrip(".")

    @property
    def template(self):
        """The path as the OpenAPI document has it, whatever its parameters are called."""
        return PARAMETER.sub("{}", re.sub(r"^(/api)?(/v1)?(?=/|$)", "", self.path) or "/")

    def is_there(self, world):
        method = "GET" if self.method == "WS" else self.method
        paths = world.openapi["paths"].items()
        if any(PARAMETER.sub("{}", path) == self.template and method.lower() in operations
               for path, operations in paths):
            return True
        if PARAMETER.search(self.path):
            return False  # what has no such resource answers 404, too
        return self.ask(world.admin).status not in (404, 405)

    def ask(self, client):
        method = "GET" if self.method == "WS" else self.method
        body = {"body": {}} if method in ("POST", "PUT", "PATCH") else {}
        return client.call(method, PARAMETER.sub(sample, self.path), **body)

    def check(self, world):
        if not self.open:
            expect.refused(self.ask(world.anonymous), 401, "unauthenticated")
            expect.refused(self.ask(world.elsewhere), 403, "forbidden")
        if self.admin:
            expect.refused(self.ask(world.user), 403, "forbidden")
        yield from acts(self.act, world)


def sample(parameter):
    """What stands in a path for a parameter: nothing has that id."""
    return ("document:" if parameter[0] == "{object_id}" else "") + some_id()


# ---- members


class Field(Trial):
    """A member that a client gives: kept through a restart, and refused when it is wrong."""

    can_check = can_probe = True

    def __init__(self, noun, name, value, wrong):
        self.noun, self.name, self.value, self.wrong = noun, name, value, wrong
        self.how = ("given at the create, listed after a restart; "
                    f"`{json.dumps(wrong)}` is a 422 with its pointer")

    def given(self, world):
        return self.value(world) if callable(self.value) else self.value

    def is_there(self, world):
        try:
            reply = self.noun.create(world, **{self.name: self.given(world)})
        except LookupError:
            return False  # the resource, or what it would refer to
        if reply.status in (201, 404, 405):
            return reply.status == 201 and self.name in reply.json
        unknown = [error["pointer"] for error in reply.json["errors"]
                   if error["code"] == "unknown_member"]
        return "/" + self.name not in unknown

    def check(self, world):
        value = self.given(world)
        made = self.noun.make(world, **{self.name: value})
        expect.equal(made.body[self.name], value)
        wrong = self.noun.create(world, **{self.name: self.wrong})
        expect.refused(wrong, 422, "validation_failed", "/" + self.name)
        yield
        expect.equal(made.listed(world)[self.name], value)


class ServerSet(Trial):
    """A member that the server sets."""

    can_check = can_probe = True
    FORMS = {"id": ID, "user_id": ID, "created_at": TIME, "updated_at": TIME, "timestamp": TIME}
    OTHERS = {"id": "no-id", "user_id": "00000000-0000-7000-8000-000000000000",
              "created_at": "2001-01-01T00:00:00.000Z"}

    def __init__(self, noun, name, form=None):
        self.noun, self.name = noun, name
        self.form = form or self.FORMS.get(name)
        self.never_changes = name in self.OTHERS
        self.how = "set at the create, the same in the list after a restart"
        if self.never_changes:
            self.how += "; another value is a 422"
        elif name == "updated_at":
            self.how += "; moves with a change"

    def is_there(self, world):
        try:
            reply = self.noun.create(world)
        except LookupError:
            return False
        if reply.status in (201, 404, 405):
            return reply.status == 201 and self.name in reply.json
        return True

    def check(self, world):
        made = self.noun.make(world)
        value = made.body[self.name]
        if self.form:
            expect.that(self.form.fullmatch(value), value)
        if self.never_changes:
            other = self.noun.create(world, **{self.name: self.OTHERS[self.name]})
            expect.refused(other, 422, "validation_failed", "/" + self.name)
        elif self.name == "updated_at" and self.noun.change:
            value = expect.answered(made.change(world))[self.name]
            expect.that(value >= made.body[self.name], value)
        yield
        expect.equal(made.listed(world)[self.name], value)


# ---- what is seen at the program and around it


class Setting(Trial):
    """A setting, or a table of them: shown, taken from the environment, refused when wrong."""

    can_probe = True

    def __init__(self, name, good=None, bad=None):
        self.name, self.good, self.bad = name, good, bad
        self.can_check = good is not None
        self.how = (f"`{name}` from the environment, shown by `perdure config`; a wrong value "
                    "exits with 2 and is named")

    def is_there(self, world):
        shown = json.loads(world.run("config", "--json").stdout)
        return any(name == self.name or name.startswith(self.name + ".") for name in shown)

    def check(self, world):
        variable = "PERDURE_" + self.name.upper().replace(".", "_")
        shown = json.loads(world.run("config", "--json", env={variable: self.good}).stdout)
        expect.equal(str(shown[self.name]["value"]), self.good)
        expect.contains(shown[self.name]["source"], variable)
        failed = world.run("config", env={variable: self.bad})
        expect.equal(failed.returncode, 2)
        expect.contains(failed.stderr, variable)


class Command(Trial):
    """A command of the program."""

    can_probe = True

    def __init__(self, *words, check=None):
        self.words = words
        self.can_check = check is not None
        self.act = check
        self.how = " ".join((check.__doc__ or "" if check else "").split()).rstrip(".")

    def is_there(self, world):
        return world.run(*self.words, "--help").returncode == 0

    def check(self, world):
        yield from acts(self.act, world)


class Metric(Trial):
    """A metric that `/metrics` has."""

    can_check = can_probe = True

    def __init__(self, name, *labels):
        self.name, self.labels = name, labels
        self.how = f"`{name}` in `/metrics`, which needs a key of an administrator"

    def is_there(self, world):
        text = world.admin.get("/metrics").body.decode()
        return re.search(rf"^{self.name}(_bucket|_count)?[{{ ]", text, re.MULTILINE) is not None

    def check(self, world):
        expect.answered(world.admin.get("/health"))
        text = expect.answered(world.admin.get("/api/v1/metrics")).decode()
        line = re.search(rf"^{self.name}(?:_bucket|_count)?(?:{{(.*)}})? \S+$", text, re.MULTILINE)
        expect.that(line, f"no {self.name}")
        for label in self.labels:
            expect.contains(line[1] or "", label + "=")
        expect.refused(world.anonymous.get("/metrics"), 401, "unauthenticated")
        expect.refused(world.user.get("/metrics"), 403, "forbidden")


@functools.cache
def project_files():
    """The project's own files, and folders, by their paths from its root."""
    found = []
    for folder, subfolders, names in os.walk(PROJECT):
        subfolders[:] = [name for name in subfolders if name not in NOT_OURS]
        found += [os.path.relpath(os.path.join(folder, name), PROJECT)
                  for name in [*names, *subfolders]]
    return sorted(found)


class ProjectFile(Trial):
    """A file that the project has, or a folder. `holds` is a text that must stand in it."""

    can_check = can_probe = True

    def __init__(self, pattern, holds=""):
        self.pattern, self.holds = pattern, holds
        self.how = f"`{pattern}` is there" + (f" and has `{holds}`" if holds else "")

    def found(self):
        return [path for path in project_files()
                if fnmatch.fnmatch(path, self.pattern) or path == self.pattern]

    def is_there(self, world):
        return bool(self.found())

    def check(self, world):
        expect.that(self.found(), f"no {self.pattern}")
        if self.holds:
            with open(os.path.join(PROJECT, self.found()[0]), encoding="utf-8") as file:
                expect.contains(file.read(), self.holds)
