# SPDX-License-Identifier: Apache-2.0
"""Users that are not the one who makes them."""

from harness import new_id


def user_client(server, admin):
    """A client of a new user."""
    user = admin.post("/users", {"email": f"{new_id()}@example.org"})
    assert user.status == 201, user
    made = admin.post("/api-keys", {"name": "of another user", "user_id": user.json["id"]})
    assert made.status == 201, made
    return server.client(made.json["secret"])
