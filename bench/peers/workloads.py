# SPDX-License-Identifier: Apache-2.0
"""The workloads W1 to W10, each on a server that runs; a measured one gives samples.

A sample is a dict: `workload`, `size` (of what the workload grows with, or None) and figures:
`rate` (a second), `p50`, `p99`, `p999` (ms), `errors`, `requests`, `cpu_us` (the server's, a
request), `syncs` (a request; None where they could not be counted), `busy` (the share of a core
that the load generator took), `seconds` (W10), `bytes` (memory), `reached` (W5: objects there were,
of `size`).
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "load"))

import servers  # noqa: E402
import sockets  # noqa: E402
import wrk  # noqa: E402

MANY = 10_000
NEW_FROM = 1_000_000_000  # objects from this number on are new
FAN_OUT_SOCKETS = 500
FAN_OUT_WINDOW = 16
APPENDS = 4_000
LIST_TAG = 3
TITLES = {
    "W1": "durable increments, 10,000 objects",
    "W2": "reads of one hot object",
    "W3": "durable increments, one object",
    "W4": "reads of 10,000 objects",
    "W5": "first touch after a restart",
    "W6": f"deliveries to {FAN_OUT_SOCKETS} sockets of one conversation",
    "W7": "new objects",
    "W8": "appends to a conversation",
    "W9": "lists with filter and sort, nothing active",
    "W10": "start after kill -9",
    "memory": "memory",
}


def measured(server, workload, seconds, request, objects=1, each_from=None, size=None):
    """Runs a load; gives its sample."""
    with servers.SyncCount(server) as syncs:
        before = server.cpu_seconds()
        load = wrk.run(server.url, seconds, request, objects, each_from)
        used = server.cpu_seconds() - before
    return sample_of(workload, load, size) | {
        "cpu_us": used / load.requests * 1e6,
        "syncs": None if syncs.count is None else syncs.count / load.requests,
        "bytes": server.memory_bytes()}


def sample_of(workload, load, size=None):
    return {"workload": workload, "size": size, "rate": load.rate, "p50": load.p50,
            "p99": load.p99, "p999": load.p999, "errors": load.errors, "busy": load.busy,
            "requests": load.requests}


def simple(workload, work, objects):
    """A workload that asks `objects` objects at random."""
    def run(peer, options):
        yield measured(peer, workload, options.seconds, peer.requests[work], objects)
    return run


def new_objects(peer, options):
    yield measured(peer, "W7", options.seconds, peer.requests["add"], 2 * NEW_FROM, NEW_FROM)


def touch(peer, options, count):
    """Asks each object once after a restart, for `seconds` at most."""
    peer.restart()
    wrk.run(peer.url, 1, peer.requests["value"], 1)  # connections and code are warm, objects not
    return measured(peer, "W5", options.seconds, peer.requests["value"], count, 1)


def first_touch(peer, options):
    """A peer that is filled by its own requests holds what there was time for."""
    reached = peer.seed(options.small)
    yield touch(peer, options, reached) | {"size": options.small, "reached": reached}


def fan_out(peer, options):
    with servers.SyncCount(peer) as syncs:
        before = peer.cpu_seconds()
        heard = sockets.fan_out(options.client, peer, FAN_OUT_SOCKETS, FAN_OUT_WINDOW,
                                options.seconds)
        used = peer.cpu_seconds() - before
    yield {"workload": "W6", "size": None, "rate": heard.deliveries / heard.seconds,
           "p50": heard.p50, "p99": heard.p99, "p999": None, "errors": 0,
           "busy": heard.client_cpu_seconds / heard.seconds, "requests": heard.deliveries,
           "cpu_us": used / heard.deliveries * 1e6,
           "syncs": None if syncs.count is None else syncs.count / heard.deliveries,
           "bytes": peer.memory_bytes()}


NOTEBOOK = wrk.Request("POST", "/notebooks", '{"title":"Notebook %d","tags":["t%m"]}', servers.KEY)


def listed(peer, options, count):
    """One page of 50 of a tenth of the notebooks, by title; asked again and again.

    After a restart: what is active is listed from memory, however much is stored.
    """
    peer.restart()
    request = wrk.Request("GET", f"/notebooks?tag=t{LIST_TAG}&sort=title&limit=50", "",
                          servers.KEY)
    return measured(peer, "W9", options.seconds, request, size=count)


def few_listed(peer, options):
    peer.ask_each(NOTEBOOK, MANY)
    yield listed(peer, options, MANY)


# On a fresh server, in this order.
SMALL = {
    "W1": simple("W1", "add", MANY),
    "W3": simple("W3", "add", 1),
    "W2": simple("W2", "value", 1),
    "W4": simple("W4", "value", MANY),
    "W7": new_objects,
    "W6": fan_out,
    "W9": few_listed,
    "W5": first_touch,
}
COUNTERS = {"W1", "W2", "W3", "W4", "W5", "W7"}  # what every peer can do


def message(room):
    return wrk.Request("POST", f"/conversations/{room}/messages",
                       '{"role":"user","content":"A message of the length that people write."}',
                       servers.KEY)


def room_with(peer, count):
    room = peer.room()
    peer.ask_each(message(room), count)
    return room


def appended(peer, room, count):
    return measured(peer, "W8", 30, message(room), APPENDS, 0, size=count)


# On a server with what takes long to make, in this order.
LARGE = ["W5", "W8", "W9", "W10", "memory"]


class Large:
    """Perdure with all that takes long to make, kept from pass to pass."""

    def __init__(self, peer, options):
        self.peer = peer
        self.options = options
        self.room = None
        self.has_notebooks = False

    def run(self, workload):
        return getattr(self, workload.lower())()

    def w5(self):
        """The counters themselves are made by whoever makes the server."""
        large = self.options.large
        yield touch(self.peer, self.options, large) | {"size": large}

    def w8(self):
        large = self.options.large
        if self.room is None:
            self.room = room_with(self.peer, large)
        for size in (10, MANY, large):
            room = self.room if size == large else room_with(self.peer, size)
            yield appended(self.peer, room, size)

    def w9(self):
        large = self.options.large
        if not self.has_notebooks:
            self.peer.ask_each(NOTEBOOK, large)
            self.has_notebooks = True
        yield listed(self.peer, self.options, large)

    def w10(self):
        """The log holds what was written last: it is read back at the start."""
        wrk.run(self.peer.url, self.options.seconds, self.peer.requests["add"], MANY)
        self.peer.kill()
        self.peer.start()
        yield {"workload": "W10", "size": self.options.large,
               "seconds": self.peer.inner.start_seconds}

    def memory(self):
        """An object that was touched and idles; a small cache, so that it is not counted."""
        touched = self.options.large // 5
        self.peer.stop()
        self.peer.start(flags=("--storage-cache", "8MiB"))
        wrk.run(self.peer.url, 1, self.peer.requests["value"], MANY)
        before = self.peer.memory_bytes()
        wrk.run(self.peer.url, 120, self.peer.requests["value"], MANY + touched, MANY)
        yield {"workload": "memory", "size": touched, "what": "object",
               "bytes": (self.peer.memory_bytes() - before) / touched}
        yield {"workload": "memory", "size": MANY, "what": "socket",
               "bytes": sockets.idle(self.options.client, self.peer, MANY, 1).bytes}
