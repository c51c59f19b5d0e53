# SPDX-License-Identifier: Apache-2.0
"""Checks of work in the background: jobs, their queues and runs."""

import expect
from event_stream import Stream
from harness import wait_until
from nouns import find
from receiver import Receiver
from world import some_id


def submit(world, type="echo", **members):
    return expect.answered(world.admin.post("/api/v1/jobs", {"type": type, **members}), 201)


def when_over(world, job):
    def status():
        return expect.answered(world.admin.get("/jobs/" + job["id"]))["status"]

    wait_until(lambda: status() not in ("queued", "running"), what="the end of the job")
    return expect.answered(world.admin.get("/jobs/" + job["id"]))


def submission(world):
    """`POST /jobs` answers 201 at once and the job is done, listed after a restart; an unknown type
    is a 422"""
    job = submit(world, payload={"a": 1})
    expect.equal(job["status"], "queued")
    wrong = world.admin.post("/jobs", {"type": "no_such_type"})
    expect.equal(wrong.status, 422)
    when_over(world, job)
    yield
    expect.equal(find(world.admin, "/jobs", job["id"])["status"], "succeeded")


def status_check(world):
    """`GET /jobs/{id}` says the status from `queued` to the end; an unknown job is a 404"""
    job = submit(world, "sleep", payload={"ms": 1}, delay_ms=1)
    expect.contains(("queued", "running", "succeeded"), job["status"])
    expect.equal(when_over(world, job)["status"], "succeeded")
    expect.refused(world.admin.get("/jobs/" + some_id()), 404, "not_found")
    yield
    expect.equal(expect.answered(world.admin.get("/jobs/" + job["id"]))["status"], "succeeded")


def queueing(world):
    """Jobs wait in named queues through a restart; a queue's name that is none is a 422"""
    job = submit(world, queue="seeds", delay_ms=600_000)
    wrong = world.admin.post("/jobs", {"type": "echo", "queue": "no queue/"})
    expect.equal(wrong.status, 422)
    yield
    found = find(world.admin, "/jobs", job["id"], queue="seeds")
    expect.equal((found["status"], found["queue"]), ("queued", "seeds"))


def stats(world):
    return expect.answered(world.admin.get("/jobs/stats"))


def execution(world):
    """A job that runs when the server is killed is begun again and ends; a payload that its type
    does not know fails"""
    job = submit(world, "sleep", payload={"ms": 300})
    wait_until(lambda: world.admin.get("/jobs/" + job["id"]).json["status"] != "queued")
    failed = world.admin.post("/jobs", {"type": "sleep", "payload": {"ms": "long"},
                                        "retry": {"attempts": 1}})
    if failed.status == 201:
        expect.equal(when_over(world, failed.json)["status"], "failed")
    else:
        expect.equal(failed.status, 422)
    yield
    expect.equal(when_over(world, job)["status"], "succeeded")


def results(world):
    """The result is kept with the job, through a restart, until `expires_at`"""
    job = submit(world, payload={"answer": 42})
    expect.equal(when_over(world, job)["result"], {"answer": 42})
    yield
    kept = find(world.admin, "/jobs", job["id"])
    expect.equal(kept["result"], {"answer": 42})
    expect.that(kept["expires_at"] > kept["finished_at"], kept)


def progress(world):
    """`progress` has `current` and `total` while a job runs, in `/jobs/{id}` and in its events"""
    job = submit(world, "sleep", payload={"ms": 2_000})
    path = "/jobs/" + job["id"]
    wait_until(lambda: world.admin.get(path).json["progress"], what="progress")
    told = world.admin.get(path).json["progress"]
    expect.that(0 < told["current"] <= told["total"], told)
    expect.equal(world.admin.post(path + "/cancel").status // 100, 2)


def retries(world):
    """A job that fails is tried again as `retry` says, each attempt in its runs after a restart; no
    attempt at all is a 422"""
    body = {"type": "http", "payload": {"url": "http://no-such-host.invalid/"},
            "retry": {"attempts": 2, "backoff_ms": 1}}
    job = expect.answered(world.admin.post("/jobs", body), 201)
    expect.equal(when_over(world, job)["status"], "failed")
    wrong = world.admin.post("/jobs", {"type": "echo", "retry": {"attempts": 0}})
    expect.refused(wrong, 422, "validation_failed", "/retry/attempts")
    yield
    runs = expect.answered(world.admin.get(f"/jobs/{job['id']}/runs"))["items"]
    expect.equal(len(runs), 2)


def calls_out(world):
    """A job of type `http` calls a server and keeps its answer, also after a restart; addresses
    that are not public are refused unless they are allowed"""
    receiver = Receiver(lambda number: 200)
    call = {"type": "http", "payload": {"url": receiver.url, "method": "POST", "json": {"a": 1}}}
    refused = world.admin.post("/jobs", {**call, "retry": {"attempts": 1}})
    if refused.status == 201:
        expect.equal(when_over(world, refused.json)["status"], "failed")
    expect.equal(len(receiver.requests), 0)
    with world.another("--http-client-allow-networks", "127.0.0.0/8") as server:
        job = expect.answered(server.client().post("/jobs", call), 201)
        path = "/jobs/" + job["id"]
        wait_until(lambda: server.client().get(path).json["status"] == "succeeded")
        server.kill()
        server.restart()
        expect.equal(expect.answered(server.client().get(path))["result"]["status"], 200)
    expect.equal(len(receiver.requests), 1)
    receiver.close()


def short(world):
    """A job of a moment is over within 30 s of its submission"""
    job = submit(world)
    expect.equal(when_over(world, job)["status"], "succeeded")


def long(world):
    """A job may run for longer than 30 s: `timeout_ms` up to an hour is kept through a restart, a
    negative one is a 422"""
    job = submit(world, "sleep", payload={"ms": 3_000_000}, timeout_ms=3_600_000)
    wrong = world.admin.post("/jobs", {"type": "sleep", "timeout_ms": -1})
    expect.refused(wrong, 422, "validation_failed", "/timeout_ms")
    yield
    found = find(world.admin, "/jobs", job["id"])
    expect.equal(found["timeout_ms"], 3_600_000)
    expect.contains(("queued", "running"), found["status"])
    expect.equal(world.admin.post(f"/jobs/{job['id']}/cancel").status // 100, 2)


def periodic(world):
    """A job with `cron` waits for its next tick, also after a restart; a line that is no cron is a
    422"""
    job = submit(world, cron="0 4 * * 1", time_zone="Europe/Oslo")
    wrong = world.admin.post("/jobs", {"type": "echo", "cron": "at tea time"})
    expect.refused(wrong, 422, "validation_failed", "/cron")
    yield
    found = find(world.admin, "/jobs", job["id"])
    expect.equal((found["status"], found["cron"]), ("queued", "0 4 * * 1"))
    expect.that(found["run_at"], found)


def cancel(world):
    """A job that waits is cancelled, and stays so through a restart; a finished one is not"""
    job = submit(world, delay_ms=600_000)
    expect.equal(world.admin.post(f"/jobs/{job['id']}/cancel").status // 100, 2)
    over = submit(world)
    when_over(world, over)
    expect.equal(world.admin.post(f"/jobs/{over['id']}/cancel").status, 409)
    yield
    expect.equal(find(world.admin, "/jobs", job["id"])["status"], "cancelled")


def watching(world):
    """`GET /jobs/stats` counts by queue and type; `GET /jobs/{id}/events` follows a job to its end;
    an unknown job has no events (404)"""
    job = submit(world, "sleep", payload={"ms": 50})
    stream = Stream(world.server, world.admin.key, path=f"/jobs/{job['id']}/events")
    topics = [topic for _, topic, _ in stream.rest()]
    stream.close()
    expect.equal(topics[-1], "job.succeeded")
    counted = stats(world)
    expect.contains([one["type"] for one in counted["performers"]], "sleep")
    expect.contains([one["queue"] for one in counted["queues"]], "default")
    missing = world.admin.get(f"/jobs/{some_id()}/events")
    expect.refused(missing, 404, "not_found")


def several_workers(world):
    """Jobs of one queue run side by side, as many as `jobs.concurrency` says"""
    jobs = [submit(world, "sleep", payload={"ms": 60_000}, queue="side") for _ in range(3)]
    wait_until(lambda: next(one for one in stats(world)["queues"]
                            if one["queue"] == "side")["running"] >= 2)
    for job in jobs:
        world.admin.post(f"/jobs/{job['id']}/cancel")
    expect.equal(world.run("config", "--jobs-concurrency", "none").returncode, 2)
