# SPDX-License-Identifier: Apache-2.0
"""The server that rows are tried against, and who asks it."""

import contextlib
import os
import sys
import tempfile
import uuid
from concurrent.futures import ThreadPoolExecutor

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "blackbox"))

import users  # noqa: E402
from harness import Server, run  # noqa: E402

PROJECT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
# Opens nothing that a row asks for.
ELSEWHERE = "webhooks:read"


class World:
    """One server on a directory of its own. `restart` is a crash and a new start on the same data;
    clients made before it are gone then."""

    def __init__(self, directory):
        self.directory = directory
        self.server = Server(os.path.join(directory, "data"))
        self._scoped_key = None
        self._user_key = None
        self._others = {}

    def start(self):
        self.server.start()
        self._forget()

    def restart(self):
        self.server.kill()
        self.server.restart()
        self._forget()

    def _forget(self):
        self.admin = self.server.client()
        self.anonymous = self.server.client("")
        self._openapi = None

    @property
    def openapi(self):
        if self._openapi is None:
            self._openapi = self.anonymous.get("/openapi.json").json
        return self._openapi

    @property
    def elsewhere(self):
        """A client whose key is good, and for something else."""
        if self._scoped_key is None:
            made = self.admin.post("/api-keys", {"name": "elsewhere", "scopes": [ELSEWHERE]})
            assert made.status == 201, made
            self._scoped_key = made.json["secret"]
        return self.server.client(self._scoped_key)

    @property
    def user(self):
        """A client of somebody who is no administrator."""
        if self._user_key is None:
            self._user_key = users.user_client(self.server, self.admin).key
        return self.server.client(self._user_key)

    def new_user(self):
        return users.user_client(self.server, self.admin)

    def end(self):
        self.server.discard()
        for other in self._others.values():
            other.discard()

    def prepare(self, set_ups):
        """Starts servers with these arguments, all at once: most of a start waits for the disk."""
        for arguments in set_ups:
            directory = os.path.join(self.directory, f"other-{len(self._others)}")
            self._others[arguments] = Server(directory, *arguments)
        with ThreadPoolExecutor(len(set_ups) or 1) as pool:
            list(pool.map(lambda arguments: self._others[arguments].start(), set_ups))

    def set_up(self, *arguments):
        """A server with these arguments, shared by the checks that ask for it (`needs`)."""
        return self._others[arguments]

    @contextlib.contextmanager
    def another(self, *arguments, env=None):
        """A server of one's own, for one check."""
        with tempfile.TemporaryDirectory(dir=self.directory) as directory:
            other = Server(os.path.join(directory, "data"), *arguments, env=env)
            try:
                yield other.start()
            finally:
                other.discard()

    def run(self, *arguments, env=None):
        """A command of the program that ends by itself."""
        return run(*arguments, env=env)

    def file(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path


def needs(*arguments):
    """For a check that asks a server with these arguments, and does not stop it."""
    def mark(check):
        check.set_up = arguments
        return check
    return mark


def some_id():
    """An id that nothing has."""
    return str(uuid.uuid4())
