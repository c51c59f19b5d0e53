# SPDX-License-Identifier: Apache-2.0
"""Connections: all of them taken by one address, or by clients that do not read."""

import dataclasses

from attacks.objects import fill_notebooks, listing
from isolation import API, Attack, Group, SteadyProbe, probe_groups, request

CONNECTIONS_MAX = 1_000
PAUSE_MS = 500  # of who gets no connection
READERS = 12
BYTES_A_SECOND = 1
RECEIVE_BUFFER = 4_096


def from_addresses(scene, name, requests, connections, **options):
    """Groups of clients of one address, or of as many as there are owners."""
    addresses = [f"127.0.0.{2 + n}" for n in range(min(len(scene.owners), connections))]
    return [Group(f"{name} from {address}", requests, -(-connections // len(addresses)),
                  source=address, **options) for address in addresses]


def all_of_them(scene):
    """More than there are from one address; from many, so many that others find a place."""
    return CONNECTIONS_MAX * 6 // 5 if len(scene.owners) == 1 else CONNECTIONS_MAX * 4 // 5


def idle(scene):
    return from_addresses(scene, "idle", [request("GET", "/health/live")], all_of_them(scene),
                          mode="hold", pause_ms=PAUSE_MS)


def half_heads(scene):
    return from_addresses(scene, "half", [b"GET /health/live HTTP/1.1\r\nHost: x\r\n"],
                          all_of_them(scene), mode="hold", pause_ms=PAUSE_MS)


def hasty(scene):
    return from_addresses(scene, "hasty", [request("GET", "/health/live")], 64, mode="fresh")


def new_connections(scene):
    """The probe opens a connection for each request."""
    return SteadyProbe(scene, [
        dataclasses.replace(group, mode="fresh", source="127.0.0.1")
        for group in probe_groups(scene)])


def slow_readers(scene):
    fill_notebooks(scene, scene.share(scene.size.of(500)), 190_000)
    return [Group("list", [listing(owner) for owner in scene.owners], READERS, mode="hold",
                  read_rate=BYTES_A_SECOND, receive_buffer=RECEIVE_BUFFER)]


def unread_pipelines(scene):
    """Requests one after the other, of whose answers nothing is read."""
    fill_notebooks(scene, 5, 190_000)
    return [Group("list", [listing(owner) for owner in scene.owners], READERS, depth=1_000,
                  read_rate=BYTES_A_SECOND, receive_buffer=RECEIVE_BUFFER)]


def slow_exports(scene):
    fill_notebooks(scene, scene.share(scene.size.of(300)), 190_000)
    return [Group("export", [request("GET", API + "/users/me/export", owner.key)
                             for owner in scene.owners], READERS, mode="hold",
                  read_rate=BYTES_A_SECOND, receive_buffer=RECEIVE_BUFFER)]


SETTINGS = ("--limits-connections", str(CONNECTIONS_MAX))

ATTACKS = [
    Attack("connections", "one address opens all connections", idle, settings=SETTINGS,
           probe=new_connections, in_ci=True),
    Attack("connections-heads", "the same, with half a head each", half_heads,
           settings=SETTINGS, probe=new_connections),
    Attack("connections-hasty", "one address opens and closes connections", hasty,
           probe=new_connections),
    Attack("slow-readers", "12 clients list 95 MB and read 1 byte a second", slow_readers,
           in_ci=True),
    Attack("slow-readers-pipelined", "12 clients ask 1,000 times and read nothing",
           unread_pipelines),
    Attack("slow-readers-exports", "12 clients export 57 MB and read 1 byte a second",
           slow_exports),
]
