# SPDX-License-Identifier: Apache-2.0
"""Users that are not the one who makes them. The server gives keys only to their own makers, so
the key of another user is brought along as an object: an export, with another owner and secret."""

import hashlib
import json
import secrets

from harness import new_id


def user_client(server, admin):
    """A client of a new user."""
    user = admin.post("/users", {"email": f"{new_id()}@example.org"})
    assert user.status == 201, user
    made = admin.post("/api-keys", {"name": "of another user"})
    assert made.status == 201, made
    exported = admin.get(f"/durable-objects/api_key/{made.json['id']}/export")
    assert exported.status == 200, exported
    secret = "pdk_" + secrets.token_urlsafe(32)
    key = json.loads(exported.body.splitlines()[0])
    key["id"] = new_id()
    key["owner"] = user.json["id"]
    key["state"]["internal"]["secret_hash"] = hashlib.sha256(secret.encode()).hexdigest()
    line = json.dumps(key, separators=(",", ":"), sort_keys=True) + "\n"
    end = json.dumps({"entries": 0, "sha256": hashlib.sha256(line.encode()).hexdigest()})
    reply = admin.post("/durable-objects/import", raw=(line + end + "\n").encode(),
                       headers={"Content-Type": "application/x-ndjson"})
    assert reply.status in (200, 201), reply
    return server.client(secret)
