# SPDX-License-Identifier: Apache-2.0
"""How isolation is measured: what a healthy client of one owner sees while others attack.

An Attack says what its clients do in a Scene: a server with 100 owners who have keys. The same
total load is measured twice, each time on a server of its own: *calm*, spread evenly over all
owners, and *attacked*, all of it from one. Beside it a probe of yet another owner reads, writes and
lists at a steady rate; its latencies count from when a request was due, so a server that stalls is
not asked less for it. Clients are processes of the program `attacker`, at the lowest priority, with
half a core.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import secrets
import shutil
import statistics
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable

from harness import ADMIN_KEY, Server, memory_peak_kib, run

API = "/api/v1"

ATTACKER = os.environ.get(
    "PERDURE_ATTACKER",
    os.path.join(os.path.dirname(__file__), "..", "..", "build", "release", "tests", "blackbox",
                 "attacker", "perdure_attacker"))
OWNERS = 100
CPU_SHARE = 0.5
PROBE_CONNECTIONS = 32  # of each group, so that what is due need not wait for one
PREPARE_S = 120  # at most, for what a scene needs before the clock runs
MIB = 1 << 20


@dataclasses.dataclass(frozen=True)
class Owner:
    id: str
    key: str
    notebook: str = ""


@dataclasses.dataclass
class Group:
    """Like connections of the program `attacker`, which explains the members in group.hpp. A
    request is its bytes, or these and the size of a filler that follows."""
    name: str
    requests: list
    connections: int = 1
    mode: str = "ask"
    order: str = "round"
    depth: int = 1
    rate: float = 0
    source: str = ""
    send_rate: float = 0
    read_rate: float = 0
    pause_ms: int = 20
    receive_buffer: int = 0

    def encode(self):
        words = [f"requests={len(self.requests)}"]
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name != "requests" and value != field.default:
                words.append(f"{field.name}={value}".replace(" ", "-"))
        yield " ".join(words).encode() + b"\n"
        for request in self.requests:
            head, filler = request if isinstance(request, tuple) else (request, 0)
            yield b"%d %d\n" % (len(head), filler)
            yield head


@dataclasses.dataclass(frozen=True)
class Size:
    """How large a run is. `scale` multiplies what an attack prepares and asks for."""
    seconds: float
    owners: int = OWNERS
    scale: float = 1
    probe_rate: float = 100

    def of(self, number):
        return max(1, round(number * self.scale))


@dataclasses.dataclass(frozen=True)
class Attack:
    """`load(scene)` prepares what it needs and gives the Groups that attack."""
    name: str
    what: str
    load: Callable
    settings: Callable | tuple = ()  # flags, or a function that starts what they name (see `work`)
    needs: tuple = ()          # settings without which there is nothing to measure
    probe: Callable = None     # another one than `probe_groups`
    calm: str = "spread"       # or "alone", where a load is small and stops others all the same
    in_ci: bool = False
    memory_mib: float = 700


def request(method, path, key=None, body=None, *, headers=None, raw=None):
    """The bytes of a request. `body` becomes JSON."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    if key:
        lines.append("Authorization: Bearer " + key)
    if body is not None:
        raw = json.dumps(body).encode()
    if raw is not None:
        lines.append(f"Content-Length: {len(raw)}")
    given = dict(headers or {})
    if raw is not None:
        given.setdefault("Content-Type", "application/json")
    lines += [f"{name}: {value}" for name, value in given.items()]
    return "\r\n".join([*lines, "", ""]).encode() + (raw or b"")


class Clients:
    """A process of `attacker` that carries out groups."""

    def __init__(self, port, groups, seconds, cpu=CPU_SHARE):
        self.plan = tempfile.TemporaryFile()
        for group in groups:
            self.plan.writelines(group.encode())
        self.plan.seek(0)
        self.seconds = seconds
        self.process = subprocess.Popen([ATTACKER, str(port), str(seconds), str(cpu)],
                                        stdin=self.plan, stdout=subprocess.PIPE, text=True)
        # Of the lowest priority, it may be long in coming.
        if (said := self.process.stdout.readline()) != "begun\n":
            self.kill()
            self.plan.close()
            raise AssertionError(f"attacker did not begin, but said {said!r}")

    def result(self):
        """What came of each group, by its name."""
        with self.plan:
            output, _ = self.process.communicate(timeout=self.seconds + PREPARE_S)
        if self.process.returncode != 0:
            raise AssertionError(f"attacker ended with {self.process.returncode}")
        return {row["name"]: row for row in map(json.loads, output.splitlines())}

    def end(self):
        """Ends the run before its time."""
        self.process.terminate()
        return self.result()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Scene:
    """A running server, and those of its owners from whom the load comes."""

    def __init__(self, world, server, owners, size, stack):
        self.server = server
        self.owners = owners
        self.probe = world.probe
        self.admin = world.admin
        self.size = size
        self.stack = stack  # ends, with the scene, what was begun for it
        self.prepared = Counter()  # answers to `attempt`, by status

    def attempt(self, requests, connections=32):
        """Sends each request once, whatever the answers are, and gives these by status."""
        group = Group("prepare", list(requests), connections, order="each")
        row = Clients(self.server.port, [group], PREPARE_S, cpu=1).result()["prepare"]
        self.prepared.update(row["answers"])
        return row

    def do(self, requests, connections=32):
        """Sends each request once and wants each to succeed."""
        requests = list(requests)
        row = self.attempt(requests, connections)
        done = sum(n for status, n in row["answers"].items() if status[0] == "2")
        if done != len(requests):
            raise AssertionError(f"of {len(requests)} requests {done} succeeded: {row}")

    def reply(self, owner, method, path, body=None):
        client = self.server.client(owner.key)
        try:
            return client.call(method, path, body=body)
        finally:
            client.close()

    def call(self, owner, method, path, body=None):
        reply = self.reply(owner, method, path, body)
        if reply.status >= 300:
            raise AssertionError(f"{method} {path}: {reply}")
        return reply.json

    def promote(self):
        """Makes the owners administrators, to whom the durable objects are open."""
        self.do(request("PATCH", f"{API}/users/{owner.id}", self.admin.key, {"role": "admin"})
                for owner in self.owners)

    def restart(self):
        """Starts the server again: all objects hibernate."""
        if self.server.stop() != 0:
            raise AssertionError("the server did not stop: " + self.server.logs())
        self.server.restart()

    def share(self, number):
        """What each owner has of a number that is that of all together."""
        return -(-number // len(self.owners))

    def round(self, count):
        """The owners, one after the other, `count` in all."""
        return [self.owners[i % len(self.owners)] for i in range(count)]


class World:
    """A data directory with owners in it, of which each scene gets a copy."""

    def __init__(self, directory, owners=OWNERS):
        self.directory = directory
        self.template = os.path.join(directory, "template")
        self.count = 0
        self.known = known_settings()
        server = Server(self.template).start()
        try:
            self.admin = Owner("", ADMIN_KEY)
            made = [make_owner(server, n) for n in range(owners + 2)]
            if server.stop() != 0:
                raise AssertionError("the server did not stop: " + server.logs())
        finally:
            server.discard()
        self.probe, self.attacker, *rest = made
        self.spread = [self.attacker, *rest][:owners]

    def start(self, settings):
        """A server on a copy of the data."""
        self.count += 1
        data = os.path.join(self.directory, f"data-{self.count}")
        shutil.copytree(self.template, data)
        flags = [] if "limits.memory" not in self.known else ["--limits-memory", "512MiB"]
        server = Server(data, *flags, *settings)
        try:
            return server.start()
        except BaseException:
            server.discard()
            raise


def known_settings():
    return {line.split()[0] for line in run("config").stdout.splitlines() if line.strip()}


def make_owner(server, number):
    """A user, a key of theirs and a notebook. The key is imported, as after a move from another
    server: earlier versions, which are measured too, have no route that makes a user's key."""
    client = server.client()
    user = client.post(API + "/users", {"email": f"owner{number}@example.org"}).json["id"]
    secret = "pdk_" + secrets.token_urlsafe(32)
    header = {"format": "perdure-object", "version": 1, "kind": "api_key", "id": user, "seq": 1,
              "schema_version": 1, "owner": user,
              "state": {"expires_at": None, "last_used_at": None, "metadata": {},
                        "internal": {"secret_hash": hashlib.sha256(secret.encode()).hexdigest()},
                        "name": "k", "prefix": secret[:12], "rate_limit": None,
                        "revoked_at": None, "scopes": ["*"]}}
    line = json.dumps(header).encode() + b"\n"
    end = json.dumps({"entries": 0, "sha256": hashlib.sha256(line).hexdigest()}).encode() + b"\n"
    made = client.post(API + "/durable-objects/import", raw=line + end,
                       headers={"Content-Type": "application/x-ndjson"})
    if made.status != 201:
        raise AssertionError(f"import of a key: {made}")
    client.close()
    own = server.client(secret)
    notebook = own.post(API + "/notebooks", {"title": "of " + user}).json["id"]
    own.close()
    return Owner(user, secret, notebook)


class SteadyProbe:
    """Groups as a probe."""

    def __init__(self, scene, groups):
        self.scene = scene
        self.groups = groups

    def run(self, seconds):
        clients = Clients(self.scene.server.port, self.groups, seconds)
        self.scene.stack.callback(clients.kill)
        return clients.result()


def steady_probe(scene):
    return SteadyProbe(scene, probe_groups(scene))


def probe_groups(scene):
    """A healthy client: reads, writes and lists, each measured apart."""
    who, rate = scene.probe, scene.size.probe_rate
    path = f"{API}/notebooks/{who.notebook}"
    writes = [request("PATCH", path, who.key, {"title": f"title {n}"}) for n in range(7)]
    listing = request("GET", f"{API}/notebooks?limit=20", who.key)
    return [Group("read", [request("GET", path, who.key)], PROBE_CONNECTIONS, rate=rate),
            Group("write", writes, PROBE_CONNECTIONS, rate=rate),
            Group("list", [listing], PROBE_CONNECTIONS, rate=rate / 2)]


@dataclasses.dataclass
class Pass:
    """One measured run: rows of the program `attacker` by group, and the server's use of memory
    and descriptors."""
    probe: dict
    attack: dict
    prepared: Counter          # answers to what was prepared, by status
    peak_mib: float
    descriptors: int
    cpu: float                 # cores that the server took

    def answers(self):
        counts = Counter()
        for row in self.attack.values():
            counts.update(row["answers"])
            for what in ("closed", "refused", "unanswered"):
                if row[what]:
                    counts[what] += row[what]
        return counts

    def failures(self):
        """Requests of the probe that were not answered with a success."""
        return sum(row["unanswered"] + row["refused"] +
                   sum(n for status, n in row["answers"].items() if status[0] != "2")
                   for row in self.probe.values())


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(world, attack, size, how):
    """One pass: `how` is attacked, spread or alone."""
    with contextlib.ExitStack() as stack:
        settings = attack.settings(stack) if callable(attack.settings) else attack.settings
        server = world.start(settings)
        stack.callback(shutil.rmtree, server.data_dir, ignore_errors=True)
        stack.callback(server.discard)
        owners = [world.attacker] if how == "attacked" else world.spread[:size.owners]
        scene = Scene(world, server, owners, size, stack)
        probe = (attack.probe or steady_probe)(scene)
        groups = [] if how == "alone" else attack.load(scene)
        lead_s = size.seconds / 6
        if groups:
            clients = Clients(server.port, groups, size.seconds + lead_s + PREPARE_S)
            stack.callback(clients.kill)
            time.sleep(lead_s)
        before = cpu_seconds(server.pid), time.monotonic()
        rows = probe.run(size.seconds)
        cpu = (cpu_seconds(server.pid) - before[0]) / (time.monotonic() - before[1])
        if server.process.poll() is not None:
            raise AssertionError("the server ended: " + server.logs()[-2000:])
        descriptors = len(os.listdir(f"/proc/{server.pid}/fd"))
        return Pass(rows, clients.end() if groups else {}, scene.prepared,
                    memory_peak_kib(server.pid) / 1024, descriptors, cpu)


@dataclasses.dataclass(frozen=True)
class Bound:
    """What the p99 of a probe may be while others attack: `factor` times calm and `slack_ms`, and
    never more than SHUT_OUT_MS: a load that stops the server is no better when it is spread."""
    factor: float
    slack_ms: float


SHUT_OUT_MS = 1_000
FULL = Bound(1.2, 5)
SHORT = Bound(3, 20)  # of a run of seconds, on a machine that others use


@dataclasses.dataclass(frozen=True)
class Miss:
    group: str  # of the probe; empty for what concerns the server
    what: str


def median_p99(passes, group):
    return statistics.median(one.probe[group]["p99_ms"] for one in passes)


def ratios(calm, attacked, group):
    """Of the p99 of each round: the least, the median and the greatest."""
    all_of_them = [after.probe[group]["p99_ms"] / max(before.probe[group]["p99_ms"], 1e-3)
                   for before, after in zip(calm, attacked, strict=True)]
    return min(all_of_them), statistics.median(all_of_them), max(all_of_them)


def judge(attack, calm, attacked, bound):
    """What is not as it should be, by passes of both sorts in pairs."""
    misses = []
    for group in attacked[0].probe:
        usual, found = median_p99(calm, group), median_p99(attacked, group)
        allowed = min(bound.factor * usual + bound.slack_ms, SHUT_OUT_MS)
        if found > allowed:
            misses.append(Miss(group, f"p99 of {group} {found:.1f} ms, of {allowed:.1f} "
                                      f"(calm {usual:.1f} ms)"))
    failures = sum(one.failures() for one in attacked)
    if failures:
        misses.append(Miss("", f"{failures} requests of the probe failed"))
    peak = max(one.peak_mib for one in attacked)
    if peak > attack.memory_mib:
        misses.append(Miss("", f"{peak:.0f} MiB, of {attack.memory_mib:.0f}"))
    return misses


def missing_settings(world, attack):
    """Names of settings that the attack needs and the server does not have."""
    return ", ".join(name for name in attack.needs if name not in world.known)
