# SPDX-License-Identifier: Apache-2.0
"""Checks of figures. The machine may be busy with other things: the best of several passes
counts, so that a pass says what the server can do."""

import http.client
import resource
import sys
import time

import expect
from world import some_id

PASSES = 10
ADDRESS_CONNECTIONS = 250
OTHER_FILES = 200


def within(bound, measure):
    """Measures until a pass is within the bound, or all have been made."""
    taken = []
    while len(taken) < PASSES:
        taken.append(measure())
        if taken[-1] < bound:
            return
    raise AssertionError(f"found {min(taken)} at best, not less than {bound}")


def response_time(bound_s, count=200):
    def check(world):
        ids = [expect.answered(world.admin.post("/notebooks", {"title": "t"}), 201)["id"]
               for _ in range(5)]

        def p95():
            times = []
            for number in range(count):
                began = time.monotonic()
                path = "/notebooks/" + ids[number % len(ids)]
                if number % 2:
                    expect.answered(world.admin.get(path))
                else:
                    expect.answered(world.admin.patch(path, {"title": str(number)}))
                times.append(time.monotonic() - began)
            return sorted(times)[count * 95 // 100]

        within(bound_s, p95)
    check.__doc__ = (f"Of {count} requests over a socket, half of them durable changes, 95 % are "
                     f"answered within {bound_s} s")
    return check


def store_time(bound_s, count=100):
    def check(world):
        path = "/notebooks"
        for number in range(20):
            expect.answered(world.admin.post(path, {"title": str(number)}), 201)

        def mean():
            began = time.monotonic()
            for _ in range(count):
                expect.answered(world.admin.get(path, query={"limit": 20, "sort": "title"}))
            return (time.monotonic() - began) / count

        within(bound_s, mean)
    check.__doc__ = f"A sorted list of 20 takes less than {bound_s * 1000:.0f} ms on average"
    return check


def throughput(rate, connections=4):
    """All connections are asked before the first one is heard."""
    def check(world):
        id = f"seeds-{some_id()}"
        world.admin.command("counter", id, "add", {"by": 1})
        clients = [world.server.client() for _ in range(connections)]
        for client in clients:
            expect.answered(client.get("/health/live"))

        rounds = max(rate // 5 // connections, 5)

        def seconds_each():
            began = time.monotonic()
            for _ in range(rounds):
                for client in clients:
                    client.send("GET", f"/durable-objects/counter/{id}")
                for client in clients:
                    reply = client.connection.getresponse()
                    reply.read()
                    expect.equal(reply.status, 200)
            return (time.monotonic() - began) / (rounds * connections)

        within(1 / rate, seconds_each)
    check.__doc__ = f"More than {rate:,} reads a second on {connections} connections"
    return check


def concurrent(count):
    def check(world):
        connections = []
        room = let_open(count + OTHER_FILES) - OTHER_FILES
        # The server has no more than this process, and needs some for its data.
        tried = count if room >= count else room // 2
        try:
            for number in range(tried):
                connections.append(connect(world, number))
                connections[-1].request("GET", "/users/me", headers={
                    "Authorization": "Bearer " + world.admin.key})
            for connection in connections:
                reply = connection.getresponse()
                reply.read()
                expect.equal(reply.status, 200)
        finally:
            for connection in connections:
                connection.close()
    check.__doc__ = (f"{count:,} connections, of {count // ADDRESS_CONNECTIONS} addresses, open "
                     "at once, each answered")
    return check


def let_open(files):
    """Lets this process open as many files as the system has it, and says how many that are. A
    machine that has fewer is tried with what it has, and says so."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if most < files:
        print(f"a process may open {most} files here, not {files}: tried with as many",
              file=sys.stderr)
    return most


def connect(world, number):
    """From one of several addresses: each has only a share of the connections."""
    address = f"127.0.0.{2 + number // ADDRESS_CONNECTIONS}"
    return http.client.HTTPConnection(world.server.host, world.server.port, timeout=60,
                                      source_address=(address, 0))
