# SPDX-License-Identifier: Apache-2.0
"""Checks of tasks and goals beyond those that all resources share."""

import expect
from harness import wait_until
from nouns import find, walk
from world import some_id


def made(client, path, **members):
    return expect.answered(client.post(path, members), 201)


def form(noun, schema, enumerations, defaults):
    def check(world):
        documented = world.openapi["components"]["schemas"][schema]["properties"]
        for member, values in enumerations.items():
            expect.equal(documented[member]["enum"], values)
        one = noun.make(world)
        expect.equal(one.body.keys(), documented.keys())
        expect.equal({member: one.body[member] for member in defaults}, defaults)
        for member in enumerations:
            wrong = noun.create(world, **{member: "no such value"})
            expect.refused(wrong, 422, "validation_failed", "/" + member)
        wrong = noun.create(world, colour="red")
        expect.refused(wrong, 422, "validation_failed", "/colour")
        yield
        expect.equal(one.listed(world), one.body)
    check.__doc__ = (f"What is created has the members and defaults that `{schema}` has in "
                     "`/openapi.json`, also after a restart; another member, and a value that an "
                     "enumeration does not have, are a 422")
    return check


def newest_goals_first(world):
    """A user's own goals and no others, by creation, newest first, page by page after a restart; a
    sort that goals do not have is a 422"""
    client = world.new_user()
    ids = {made(client, "/goals", title=str(number))["id"] for number in range(5)}
    made(world.admin, "/goals", title="another's")
    wrong = client.get("/goals", query={"sort": "description"})
    expect.refused(wrong, 422, "validation_failed")
    key = client.key
    yield
    found = list(walk(world.server.client(key), "/goals", sort="-created_at", limit=2))
    expect.equal(sorted(goal["id"] for goal in found), sorted(ids))
    times = [goal["created_at"] for goal in found]
    expect.equal(times, sorted(times, reverse=True))


def tasks_by_status(world):
    """A user's tasks by one status and by several, as they were changed, after a restart; an
    unknown status is a 422"""
    client = world.new_user()
    tasks = {status: made(client, "/tasks", title=status, status=status)
             for status in ("pending", "in_progress", "completed", "cancelled")}
    moved = made(client, "/tasks", title="moved", status="pending")
    expect.answered(client.patch("/tasks/" + moved["id"], {"status": "completed"}))
    made(world.admin, "/tasks", title="another's", status="completed")
    wrong = client.get("/tasks", query={"status": "begun"})
    expect.refused(wrong, 422, "validation_failed", "status")
    key = client.key
    yield
    client = world.server.client(key)
    for status, wanted in (("pending", {"pending"}), ("completed", {"completed", "moved"}),
                           ("in_progress,cancelled", {"in_progress", "cancelled"})):
        found = [task["title"] for task in walk(client, "/tasks", status=status, limit=1)]
        expect.equal(sorted(found), sorted(wanted))
    expect.equal(find(client, "/tasks", tasks["pending"]["id"], status="completed"), None)


def tasks_by_date(world):
    """A user's tasks by their dates, those without one last, and those between two dates without
    them, after a restart; a date that is none is a 422"""
    client = world.new_user()
    for date in ("2027-05-03", None, "2027-05-01", "2027-05-02"):
        made(client, "/tasks", title=str(date), due_date=date)
    made(world.admin, "/tasks", title="another's", due_date="2027-05-02")
    wrong = client.get("/tasks", query={"due_after": "soon"})
    expect.refused(wrong, 422, "validation_failed", "due_after")
    key = client.key
    yield
    client = world.server.client(key)

    def dates(**query):
        return [task["due_date"] for task in walk(client, "/tasks", limit=2, **query)]

    expect.equal(dates(sort="due_date"), ["2027-05-01", "2027-05-02", "2027-05-03", None])
    expect.equal(dates(sort="-due_date", due_after="2027-05-01"), ["2027-05-03", "2027-05-02"])
    expect.equal(dates(due_after="2027-05-01", due_before="2027-05-03"), ["2027-05-02"])


def completed_at(world):
    """Null until the task is completed, then the time of it, kept through other changes and a
    restart; null again when it is no longer completed; one that a client sends is ignored"""
    task = made(world.admin, "/tasks", title="Buy milk")
    path = "/tasks/" + task["id"]
    expect.equal(task["completed_at"], None)
    done = expect.answered(world.admin.patch(path, {"status": "completed"}))
    expect.equal(done["completed_at"], done["updated_at"])
    sent = {"title": "Buy bread", "completed_at": "2001-01-01T00:00:00.000Z"}
    later = expect.answered(world.admin.patch(path, sent))
    expect.equal((later["title"], later["completed_at"]), ("Buy bread", done["completed_at"]))
    yield
    listed = find(world.admin, "/tasks", task["id"])
    expect.equal(listed["completed_at"], done["completed_at"])
    again = expect.answered(world.admin.patch(path, {"status": "pending"}))
    expect.equal(again["completed_at"], None)


def set_status(prefix):
    def check(world):
        """The status alone is set, and listed after a restart; one that is none, and none at all,
        are a 422, an unknown task is a 404"""
        task = made(world.admin, prefix + "/tasks", title="Buy milk", priority="high")
        path = f"{prefix}/tasks/{task['id']}/status"
        changed = expect.answered(world.admin.put(path, {"status": "completed"}))
        expect.equal((changed["status"], changed["priority"]), ("completed", "high"))
        for body in ({"status": "begun"}, {}):
            expect.refused(world.admin.put(path, body), 422, "validation_failed", "/status")
        unknown = world.admin.put(f"{prefix}/tasks/{some_id()}/status", {"status": "completed"})
        expect.refused(unknown, 404, "not_found")
        yield
        expect.equal(find(world.admin, prefix + "/tasks", task["id"]), changed)
    return check


def tasks_of_tasks(prefix):
    def check(world):
        """A task is deleted with its subtasks, and after a restart comes back with them; a task
        that is part of itself is a 422"""
        path = prefix + "/tasks"
        whole = made(world.admin, path, title="whole")
        part = made(world.admin, path, title="part", parent_id=whole["id"])
        circle = world.admin.patch(f"{path}/{whole['id']}", {"parent_id": part["id"]})
        expect.refused(circle, 422, "validation_failed", "/parent_id")
        found = walk(world.admin, path, parent_id=whole["id"])
        expect.equal([task["id"] for task in found], [part["id"]])

        def part_is(status):
            return world.admin.get(f"{path}/{part['id']}").status == status

        expect.answered(world.admin.delete(f"{path}/{whole['id']}"), 204)
        wait_until(lambda: part_is(404), what="the end of the subtask")
        yield
        expect.that(part_is(404), "the subtask")
        expect.answered(world.admin.post(f"{path}/{whole['id']}/restore"))
        wait_until(lambda: part_is(200), what="the subtask")
        expect.equal(find(world.admin, path, part["id"])["parent_id"], whole["id"])
    return check


def goals_of_life(prefix):
    def check(world):
        """Goals of a life area, with subgoals and tasks, are listed by what they belong to; while
        the goal is deleted they name none, after a restart too, and again once it is back; a goal
        that does not exist is a 422"""
        client = world.admin
        area = made(client, prefix + "/life-areas", name="Health")
        goal = made(client, prefix + "/goals", title="Run", life_area_id=area["id"])
        part = made(client, prefix + "/goals", title="Walk", parent_goal_id=goal["id"])
        task = made(client, prefix + "/tasks", title="Buy shoes", goal_id=goal["id"])
        for path, member in (("/tasks", "goal_id"), ("/goals", "parent_goal_id")):
            wrong = client.post(prefix + path, {"title": "x", member: some_id()})
            expect.refused(wrong, 422, "validation_failed", "/" + member)

        def ids(path, **query):
            return [item["id"] for item in walk(world.admin, prefix + path, **query)]

        def named():
            return [find(world.admin, prefix + "/goals", part["id"])["parent_goal_id"],
                    find(world.admin, prefix + "/tasks", task["id"])["goal_id"]]

        expect.equal(ids("/goals", life_area_id=area["id"]), [goal["id"]])
        expect.equal(named(), [goal["id"]] * 2)
        expect.answered(client.delete(f"{prefix}/goals/{goal['id']}"), 204)
        yield
        expect.equal(named(), [None] * 2)
        expect.answered(world.admin.post(f"{prefix}/goals/{goal['id']}/restore"))
        expect.equal(named(), [goal["id"]] * 2)
        expect.equal(ids("/goals", parent_goal_id=goal["id"]), [part["id"]])
        expect.equal(ids("/tasks", goal_id=goal["id"]), [task["id"]])
    return check


def progress_of_tasks(prefix):
    def check(world):
        """A goal without a progress of its own shows the share of its tasks that are completed,
        subgoals with their own, cancelled ones left out, after a restart too; a number is in force
        until it is null; 101 is a 422"""
        client = world.admin
        goal = made(client, prefix + "/goals", title="Run")
        path = f"{prefix}/goals/{goal['id']}"
        statuses = ("completed", "pending", "in_progress", "cancelled")
        tasks = [made(client, prefix + "/tasks", title="x", goal_id=goal["id"], status=status)
                 for status in statuses]
        part = made(client, prefix + "/goals", title="Walk", parent_goal_id=goal["id"],
                    progress=50)
        expect.refused(client.patch(path, {"progress": 101}), 422, "validation_failed",
                       "/progress")

        def shown():
            one = expect.answered(world.admin.get(path))
            listed = find(world.admin, prefix + "/goals", goal["id"])
            expect.equal([listed[name] for name in ("progress", "progress_source")],
                         [one[name] for name in ("progress", "progress_source")])
            return one["progress"], one["progress_source"]

        expect.equal(goal["progress_source"], "tasks")
        expect.equal(shown(), (37.5, "tasks"))
        yield
        expect.equal(shown(), (37.5, "tasks"))
        client = world.admin
        expect.answered(client.patch(path, {"progress": 37.5}))
        expect.answered(client.patch(f"{prefix}/tasks/{tasks[1]['id']}", {"status": "completed"}))
        expect.equal(shown(), (62.5, "tasks"))
        expect.answered(client.delete(f"{prefix}/goals/{part['id']}"), 204)
        expect.equal(shown(), (66.67, "tasks"))
        expect.answered(client.patch(path, {"progress": 5}))
        expect.equal(shown(), (5, "manual"))
        expect.answered(client.patch(path, {"progress": None}))
        expect.equal(shown(), (66.67, "tasks"))
    return check
