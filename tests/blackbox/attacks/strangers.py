# SPDX-License-Identifier: Apache-2.0
"""Clients that nobody knows, and requests that are wrong."""

import secrets

from attacks.connections import from_addresses
from isolation import API, Attack, Group, SteadyProbe, request


def wrong_keys(scene):
    requests = [request("GET", API + "/notebooks", "pdk_" + secrets.token_urlsafe(32))
                for _ in range(10_000)]
    return spread_out(scene, "key", requests, 32)


def all_tickets(scene):
    """One owner makes keys, and with each as many tickets as it may."""
    keys = [scene.call(owner, "POST", API + "/api-keys", {"name": "k"})["secret"]
            for owner in scene.round(110)]
    return [Group("ticket", [request("POST", API + "/auth/tickets", key) for key in keys],
                  connections=32)]


def ticket_probe(scene):
    ticket = request("POST", API + "/auth/tickets", scene.probe.key)
    return SteadyProbe(scene, [Group("ticket", [ticket], connections=8, rate=20)])


def wrong_tickets(scene):
    requests = [request("GET", f"{API}/events?ticket=pdt_{secrets.token_urlsafe(32)}")
                for _ in range(10_000)]
    return spread_out(scene, "ticket", requests, 32)


def spread_out(scene, name, requests, connections):
    """From one address or from many; few requests each, so that a plan stays small."""
    some = requests[:max(100, len(requests) // len(scene.owners))]
    return from_addresses(scene, name, some, connections, depth=4)


def errors(scene):
    """404, 405, 422 and 400, one behind the other."""
    requests = []
    for owner in scene.owners:
        requests += [request("GET", API + "/nothing", owner.key),
                     request("DELETE", API + "/notebooks", owner.key),
                     request("GET", f"{API}/notebooks/none", owner.key),
                     request("GET", API + "/notebooks?limit=x", owner.key),
                     request("POST", API + "/notebooks", owner.key, raw=b"{")]
    return [Group("error", requests, connections=32, depth=16)]


def garbage(scene):
    """What is no HTTP: each ends its connection."""
    return from_addresses(scene, "garbage", [b"GET\r\n\r\n", b"\0" * 100 + b"\r\n\r\n"], 32,
                          mode="fresh")


def large_heads(scene):
    fields = {f"X-Field-{n}": "v" * 140 for n in range(90)}
    return [Group("head", [request("GET", API + "/notebooks?limit=1", owner.key, headers=fields)
                           for owner in scene.owners], connections=32, depth=4)]


def documents(scene):
    return from_addresses(scene, "openapi", [request("GET", "/openapi.json", headers={
        "Accept-Encoding": "gzip"})], 16)


ATTACKS = [
    Attack("wrong-keys", "32 clients with 10,000 keys that there are not", wrong_keys),
    Attack("tickets", "110 keys of one owner take all tickets", all_tickets,
           probe=ticket_probe),
    Attack("wrong-tickets", "32 clients with 10,000 tickets that there are not", wrong_tickets),
    Attack("errors", "32 clients ask for what there is not, 16 requests under way each", errors),
    Attack("garbage", "32 clients send what is no HTTP", garbage),
    Attack("large-heads", "32 clients with heads of 14 KiB", large_heads),
    Attack("documents", "16 clients without a key get the API's description, zipped", documents),
]
