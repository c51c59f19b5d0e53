# SPDX-License-Identifier: Apache-2.0
"""Probes of what takes more than one request: a job until it has succeeded, an event until its
webhook has it. As those of the program `attacker`, latencies count from when a sample was due, and
those that were due until the end and did not come count with the time that has passed."""

import time

from isolation import API
from receiver import Receiver

PERIOD_S = 0.05
LOOK_EVERY_S = 0.003


class Sampling:
    """Takes a sample every PERIOD_S: `begin()` starts one, `ended(started)` gives when it ended,
    or None while it has not."""

    def __init__(self, name, begin, ended):
        self.name = name
        self.begin = begin
        self.ended = ended

    def run(self, seconds):
        due = time.monotonic()
        end = due + seconds
        latencies, pending = [], 0
        while due < end:
            time.sleep(max(0, due - time.monotonic()))
            at = self.sample(end)
            pending += at is None
            latencies.append((at or end) - due)
            due += PERIOD_S
        return {self.name: row_of(latencies, pending)}

    def sample(self, end):
        if time.monotonic() >= end:
            return None
        started = self.begin()
        while (at := self.ended(started)) is None and time.monotonic() < end:
            time.sleep(LOOK_EVERY_S)
        return at


def row_of(latencies_s, pending):
    """What the program `attacker` prints for a group."""
    times = sorted(1_000 * x for x in latencies_s)

    def share(of):
        return times[min(len(times) - 1, int(len(times) * of))]

    return {"answers": {}, "closed": 0, "refused": 0, "unanswered": 0, "pending": pending,
            "count": len(times), "p50_ms": share(0.5), "p99_ms": share(0.99), "max_ms": times[-1]}


def job_times(scene):
    """From the POST of a job until it has succeeded."""
    return times_of(scene, {"type": "echo", "payload": "probe"})


def short_sleeps(scene):
    """The same of a type that others may keep busy in other queues."""
    return times_of(scene, {"type": "sleep", "payload": {"ms": 1}})


def times_of(scene, job):
    client = scene.server.client(scene.probe.key)
    scene.stack.callback(client.close)

    def begin():
        reply = client.post(API + "/jobs", job)
        if reply.status != 201:
            raise AssertionError(f"the probe's job: {reply}")
        return f"{API}/jobs/{reply.json['id']}"

    def ended(path):
        reply = client.get(path)
        if reply.status != 200:
            raise AssertionError(f"the probe's job: {reply}")
        return time.monotonic() if reply.json["status"] == "succeeded" else None

    return Sampling("job", begin, ended)


def deliveries(scene):
    """From a change until the receiver of a webhook has heard of it."""
    receiver = Receiver()
    scene.stack.callback(receiver.close)
    client = scene.server.client(scene.probe.key)
    scene.stack.callback(client.close)
    made = client.post(API + "/webhooks", {"url": receiver.url, "topics": ["notebook.*"]})
    if made.status != 201:
        raise AssertionError(f"the probe's webhook: {made}")
    path = f"{API}/notebooks/{scene.probe.notebook}"

    def begin():
        title = f"title {time.monotonic_ns()}"
        before = len(receiver.requests)
        client.patch(path, {"title": title})
        return before

    def ended(before):
        return receiver.requests[before].at if len(receiver.requests) > before else None

    return Sampling("delivery", begin, ended)
