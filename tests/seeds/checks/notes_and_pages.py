# SPDX-License-Identifier: Apache-2.0
"""Checks of notebooks, sections and pages beyond those that all resources share; and of `/ai`."""

import expect
from nouns import walk
from world import some_id


def made(world, path, body):
    return expect.answered(world.admin.post(path, body), 201)


def holds_sections_and_pages(world):
    """A notebook's sections and pages are its own, and go and come back with it; a page in another
    notebook's section is a 422"""
    one, other = (made(world, "/notebooks", {"title": t})["id"] for t in ("one", "other"))
    section = made(world, f"/notebooks/{one}/sections", {"title": "s"})["id"]
    page = made(world, f"/notebooks/{one}/pages", {"title": "p", "section_id": section})["id"]
    wrong = world.admin.post(f"/notebooks/{other}/pages", {"title": "p", "section_id": section})
    expect.refused(wrong, 422, "validation_failed", "/section_id")
    expect.answered(world.admin.delete(f"/notebooks/{one}"), 204)
    expect.equal(world.admin.get(f"/notebooks/{one}/pages/{page}").status, 404)
    expect.equal(world.admin.post(f"/notebooks/{one}/restore").status // 100, 2)
    yield
    found = list(walk(world.admin, f"/notebooks/{one}/pages", section_id=section))
    expect.equal([item["id"] for item in found], [page])


def arranges(world):
    """Sections order a notebook's pages: moved ones are listed in their new order after a restart;
    a move to an unknown section is a 422"""
    id = made(world, "/notebooks", {"title": "n"})["id"]
    pages = [made(world, f"/notebooks/{id}/pages", {"title": t})["id"] for t in "ab"]
    section = made(world, f"/notebooks/{id}/sections", {"title": "s"})["id"]
    move = f"/notebooks/{id}/pages/{pages[1]}/move"
    expect.equal(world.admin.post(move, {"section_id": some_id()}).status, 422)
    expect.answered(world.admin.post(move, {"section_id": section, "position": 0}))
    yield
    found = list(walk(world.admin, f"/notebooks/{id}/pages", section_id=section))
    expect.equal([item["id"] for item in found], [pages[1]])


def soft_delete(world):
    """Deleted, it is a 404 and listed by `?deleted=true`; restored after a restart it is as it was;
    what was not deleted cannot be restored"""
    body = made(world, "/notebooks", {"title": "soft", "tags": ["a"]})
    path = "/notebooks/" + body["id"]
    expect.answered(world.admin.delete(path), 204)
    yield
    expect.refused(world.admin.get(path), 404, "not_found")
    deleted = walk(world.admin, "/notebooks", deleted="true")
    expect.contains([item["id"] for item in deleted], body["id"])
    expect.equal(world.admin.post(path + "/restore").status // 100, 2)
    found = expect.answered(world.admin.get(path))
    expect.equal((found["title"], found["tags"]), ("soft", ["a"]))
    expect.that(world.admin.post(f"/notebooks/{some_id()}/restore").status in (404, 422), "taken")


def stamped(member):
    """Of `created_by` and `updated_by`: who did it, whoever else there is."""
    def check(world):
        me = expect.answered(world.admin.get("/users/me"))["id"]
        body = made(world, "/notebooks", {"title": "t"})
        expect.equal(body[member], me)
        expect.equal(body[member.replace("_by", "_at")][:4] >= "2020", True)
        yield
        expect.equal(expect.answered(world.admin.get("/notebooks/" + body["id"]))[member], me)
    check.__doc__ = f"`{member}` is the caller's id, also after a restart"
    return check


def ids(world):
    """Ids are UUIDv7 and sort by the time of their making"""
    made_ids = [made(world, "/notebooks", {"title": "t"})["id"] for _ in range(3)]
    expect.equal({id[14] for id in made_ids}, {"7"})
    yield
    made_ids.append(made(world, "/notebooks", {"title": "t"})["id"])
    expect.that(made_ids[0][:13] <= made_ids[-1][:13], made_ids)


def indexed_lists(world):
    """A list by tag and title has what was made, in order and page by page, after a restart; a sort
    that no index has is a 422"""
    tag = "t" + some_id()
    for number in (3, 1, 2):
        made(world, "/notebooks", {"title": f"title {number}", "tags": [tag]})
        made(world, "/notebooks", {"title": f"title {number}"})
    wrong = world.admin.get("/notebooks", query={"sort": "description"})
    expect.refused(wrong, 422, "validation_failed")
    yield
    found = list(walk(world.admin, "/notebooks", tag=tag, sort="-title", limit=2))
    expect.equal([item["title"] for item in found], ["title 3", "title 2", "title 1"])


def ai(path):
    def check(world):
        """Says that no provider is configured: no providers, no defaults, no features, in the
        form that clients read; also after a restart"""
        none = {"providers": [], "features": [],
                "defaults": {"chat": None, "embeddings": None, "transcription": None}}
        expect.equal(expect.answered(world.admin.get(path)), none)
        expect.refused(world.admin.delete(path), 405, "method_not_allowed")
        yield
        expect.equal(expect.answered(world.admin.get("/ai")), none)
    return check
