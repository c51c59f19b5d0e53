# SPDX-License-Identifier: Apache-2.0
"""What takes long or happens by itself: exports, hashes, jobs, alarms, webhooks."""

import socket
import threading

from attacks.objects import fill_notebooks, notebook
from isolation import API, Attack, Group, request
from probes import deliveries, job_times, short_sleeps

LOCAL = ("--http-client-allow-networks", "127.0.0.0/8")


def exports(scene):
    """Large archives of one, or many small ones of all."""
    fill_notebooks(scene, scene.share(scene.size.of(20_000)), 2_000)
    return [Group("export", [request("GET", API + "/users/me/export", owner.key)
                             for owner in scene.owners], connections=8)]


def many_exports(scene):
    """More than may wait for a thread."""
    fill_notebooks(scene, scene.share(scene.size.of(5_000)), 2_000)
    return [Group("export", [request("GET", API + "/users/me/export", owner.key)
                             for owner in scene.owners], connections=400)]


def hashes(scene):
    """An administrator's: there is no other way to make a password yet."""
    requests = [request("POST", API + "/users", scene.admin.key,
                        {"email": f"hash{n}@example.org", "password": "a long password"})
                for n in range(5_000)]
    return [Group("hash", requests, connections=8)]


def sleeping_jobs(scene):
    body = {"type": "sleep", "payload": {"ms": 60_000}}
    scene.attempt(request("POST", API + "/jobs", owner.key, body) for owner in scene.round(64))
    return []


def sleepers_in_queues(scene):
    scene.attempt(request("POST", API + "/jobs", owner.key,
                          {"type": "sleep", "payload": {"ms": 60_000}, "queue": f"queue-{n % 8}"})
                  for n, owner in enumerate(scene.round(128)))
    return []


def hanging_jobs(scene):
    url = deaf_host(scene)
    scene.attempt(request("POST", API + "/jobs", owner.key,
                          {"type": "http", "payload": {"url": url}, "queue": f"queue-{n % 8}"})
                  for n, owner in enumerate(scene.round(128)))
    return []


def deaf_host(scene, address="127.0.0.1"):
    """The URL of a host that accepts nobody and refuses nobody."""
    listener = socket.create_server((address, 0), backlog=1)
    scene.stack.callback(listener.close)
    return f"http://127.0.0.1:{listener.getsockname()[1]}/"


def many_jobs(scene):
    return [Group("job", [request("POST", API + "/jobs", owner.key,
                                  {"type": "echo", "payload": "x" * 1_000})
                          for owner in scene.owners], connections=16)]


def export_jobs(scene):
    fill_notebooks(scene, scene.share(scene.size.of(20_000)), 2_000)
    return [Group("job", [request("POST", API + "/jobs", owner.key, {"type": "export"})
                          for owner in scene.owners], connections=8)]


def filtered_jobs(scene):
    """Each page looks at all jobs, and finds none."""
    scene.do(request("POST", API + "/jobs", owner.key,
                     {"type": "sleep", "payload": {"ms": 1}, "delay_ms": 3_600_000})
             for owner in scene.round(scene.size.of(20_000)))
    return [Group("list", [request("GET", API + "/jobs?status=queued&type=echo", owner.key)
                           for owner in scene.owners], connections=8)]


def alarms(scene):
    """As often as the server accepts."""
    scene.promote()
    period_ms = least_period_ms(scene)
    scene.attempt(
        request("POST", f"{API}/durable-objects/notebook/{owner.notebook}/alarms", owner.key,
                {"name": f"alarm {n}", "command": "update", "payload": {}, "every_ms": period_ms})
        for n, owner in enumerate(scene.round(scene.size.of(1_000))))
    return []


def least_period_ms(scene):
    owner = scene.owners[0]
    path = f"{API}/durable-objects/notebook/{owner.notebook}/alarms"
    for period_ms in (1, 10, 100, 1_000):
        reply = scene.reply(owner, "POST", path, {"name": "first", "command": "update",
                                                  "payload": {}, "every_ms": period_ms})
        if reply.status == 201:
            return period_ms
    raise AssertionError(f"no alarm is accepted: {reply}")


def fan_out(scene):
    """Each event of the owner is for all of its webhooks."""
    url = deaf_host(scene)
    scene.attempt(request("POST", API + "/webhooks", owner.key, {"url": url, "topics": ["**"]})
                  for owner in scene.round(scene.size.of(822)))
    patches = [request("PATCH", notebook(owner), owner.key, {"title": f"title {n}"})
               for n in range(10) for owner in scene.owners]
    return [Group("patch", patches, connections=2, rate=20)]


def deaf_receivers(scene):
    """More deliveries than there may be calls, to ten hosts."""
    patches = [request("PATCH", notebook(owner), owner.key, {"title": f"title {n}"})
               for n in range(10) for owner in scene.owners]
    port = deaf_host(scene, "0.0.0.0").rsplit(":", 1)[1]
    scene.attempt(request("POST", API + "/webhooks", owner.key,
                          {"url": f"http://127.0.0.{2 + n % 10}:{port}", "topics": ["**"]})
                  for n, owner in enumerate(scene.round(scene.size.of(400))))
    return [Group("patch", patches, connections=2, rate=20)]


class SilentResolver:
    """A name server that hears all and answers nothing."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.asked = 0
        threading.Thread(target=self.hear, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.socket.getsockname()[1]}"

    def hear(self):
        try:
            while self.socket.recv(4096):
                self.asked += 1
        except OSError:
            pass  # closed

    def close(self):
        self.socket.close()


def with_silent_resolver(stack):
    resolver = SilentResolver()
    stack.callback(resolver.close)
    return (*LOCAL, "--http-client-resolver", resolver.address)


def slow_names(scene):
    scene.attempt(request("POST", API + "/webhooks", owner.key,
                          {"url": f"http://host-{n}.example.org/", "topics": ["**"]})
                  for n, owner in enumerate(scene.round(48)))
    patches = [request("PATCH", notebook(owner), owner.key, {"title": f"title {n}"})
               for n in range(10) for owner in scene.owners]
    return [Group("patch", patches, connections=2, rate=20)]


ATTACKS = [
    Attack("exports", "8 clients export archives of 40 MB", exports, in_ci=True),
    Attack("many-exports", "400 clients export 10 MB", many_exports),
    Attack("hashes", "8 clients make users with passwords", hashes, calm="alone"),
    Attack("sleeping-jobs", "64 sleeping jobs of one user", sleeping_jobs, probe=job_times,
           calm="alone", in_ci=True),
    Attack("sleeping-queues", "128 sleeping jobs of one user in 8 queues", sleepers_in_queues,
           probe=job_times, calm="alone"),
    Attack("sleeping-type", "the same, beside others who have jobs of this type",
           sleepers_in_queues, probe=short_sleeps, calm="alone"),
    Attack("hanging-jobs", "128 calls of one user, in 8 queues, to a host that does not answer",
           hanging_jobs, settings=LOCAL, probe=job_times, calm="alone"),
    Attack("many-jobs", "16 clients make jobs without end", many_jobs, probe=job_times),
    Attack("export-jobs", "8 clients make jobs that export 40 MB", export_jobs, probe=job_times),
    Attack("filtered-jobs", "8 clients look for what is not among 20,000 jobs", filtered_jobs),
    Attack("alarms", "1,000 alarms of one object, as often as may be", alarms, calm="alone",
           in_ci=True),
    Attack("fan-out", "822 webhooks of one owner for all topics", fan_out, settings=LOCAL,
           in_ci=True),
    Attack("deaf-receivers", "400 webhooks of one owner to 10 hosts that do not answer",
           deaf_receivers, settings=LOCAL, probe=deliveries, calm="alone"),
    Attack("names", "webhooks to 48 names that nobody resolves", slow_names, probe=deliveries,
           settings=with_silent_resolver,
           needs=("http_client.resolver",), in_ci=True),
]
