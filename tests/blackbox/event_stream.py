# SPDX-License-Identifier: Apache-2.0
"""A client of Server-Sent Events."""

import contextlib
import json
import socket
from urllib.parse import urlencode


class Stream:
    """One open stream; `next` gives its events as (id, topic, data)."""

    def __init__(self, server, key, headers=None, path="/events", **query):
        self.connection = server.connect()
        target = "/api/v1" + path + ("?" + urlencode(query) if query else "")
        self.connection.request("GET", target, headers={"Authorization": "Bearer " + key,
                                                        **(headers or {})})
        self.response = self.connection.getresponse()
        assert self.response.status == 200, self.response.read()
        self.unread = []
        first = self.event()  # a place, or what the stream begins with
        self.place = first[0]
        if first[1]:
            self.unread.append(first)

    def rest(self):
        """All events until the server ends the stream."""
        events = []
        while event := self.next():
            events.append(event)
        return events

    def event(self):
        """One dispatch of any form; none at the end of the stream."""
        if self.unread:
            return self.unread.pop()
        fields = {}
        while line := self.response.readline():
            line = line.decode().rstrip("\n")
            if not line and fields:
                data = fields.get("data")
                return fields.get("id"), fields.get("event"), data and json.loads(data)
            name, _, value = line.partition(":")
            if name:
                fields[name] = value.removeprefix(" ")
        return None

    def next(self):
        while (event := self.event()) and event[2] is None:
            self.place = event[0]
        if event:
            self.place = event[0]
        return event

    def take(self, count):
        return [self.next() for _ in range(count)]

    def cut(self):
        """Ends the connection beneath whoever reads from it."""
        with contextlib.suppress(OSError, AttributeError):
            self.connection.sock.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.response.close()
        self.connection.close()
