# SPDX-License-Identifier: Apache-2.0
"""Bodies of requests: large ones, slow ones, and those of clients without a key or the right."""

from attacks.connections import from_addresses
from isolation import API, MIB, Attack, Group, request

IMPORT = API + "/durable-objects/import"
CONNECTIONS = 40
FILE_BYTES = 63 * MIB
FILE = {"Content-Type": "application/x-ndjson"}


def upload(key=None):
    """A file with its length."""
    head = request("POST", IMPORT, key, headers={**FILE, "Content-Length": FILE_BYTES})
    return head, FILE_BYTES


def chunked(key=None):
    """The same in one chunk, without a length in the head."""
    head = request("POST", IMPORT, key, headers={**FILE, "Transfer-Encoding": "chunked"})
    return head + b"%x\r\n" % FILE_BYTES, FILE_BYTES


def without_key(scene):
    return from_addresses(scene, "quick", [upload()], CONNECTIONS)


def without_key_slowly(scene):
    """So slowly that all of them are there at the end, and stay."""
    rate = FILE_BYTES / scene.size.seconds * 0.7
    return from_addresses(scene, "slow", [upload()], CONNECTIONS, mode="hold", send_rate=rate)


def of_plain_users(scene):
    return [Group("user", [upload(owner.key) for owner in scene.owners], CONNECTIONS)]


def of_one_allowed(scene):
    """Operators may import: what they send at the same time is bounded all the same."""
    scene.promote()
    return [Group("import", [upload(owner.key) for owner in scene.owners], CONNECTIONS)]


def in_chunks(scene):
    return [*from_addresses(scene, "no key", [chunked()], CONNECTIONS // 2),
            Group("user", [chunked(owner.key) for owner in scene.owners], CONNECTIONS // 2)]


def loris(scene):
    """Bodies at 20 bytes a second."""
    bodies = [request("POST", API + "/notebooks", owner.key,
                      headers={"Content-Type": "application/json", "Content-Length": MIB})
              for owner in scene.owners]
    return [Group("drip", [(body, MIB) for body in bodies], scene.size.of(500), mode="hold",
                  send_rate=400)]


def held(scene):
    """All but the last bytes of bodies that are allowed."""
    heads = [request("POST", API + "/notebooks", owner.key,
                     headers={"Content-Type": "application/json", "Content-Length": MIB})
             for owner in scene.owners]
    return [Group("held", [(head, MIB - 100) for head in heads], scene.size.of(1_000),
                  mode="hold")]


def json_of_numbers(scene):
    """Texts of 1 MiB that take long to parse, and are then refused."""
    raw = b'{"title": "x", "metadata": {"m": [' + b"1," * (MIB // 2 - 100) + b"1]}}"
    return [Group("numbers", [request("POST", API + "/notebooks", owner.key, raw=raw)
                              for owner in scene.owners[:20]], connections=16)]


ATTACKS = [
    Attack("bodies", "40 clients without a key send 63 MiB each to import", without_key,
           in_ci=True),
    Attack("bodies-slow", "the same, slowly", without_key_slowly),
    Attack("bodies-user", "40 files of a plain user, to whom import is not open",
           of_plain_users),
    Attack("bodies-import", "40 files of an administrator", of_one_allowed),
    Attack("bodies-chunked", "40 bodies in chunks, without a length", in_chunks),
    Attack("bodies-loris", "500 bodies of 1 MiB, 400 bytes a second", loris),
    Attack("bodies-held", "1,000 bodies of 1 MiB whose last bytes do not come", held),
    Attack("bodies-json", "16 clients send 1 MiB of JSON numbers", json_of_numbers),
]
