#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures Perdure beside what people would pick instead, and beside what cannot be beaten.

All run on loopback, one after the other, each pass anew, with one load generator (wrk, 64
keep-alive connections, one thread) and one durability: an answer leaves after its write is synced.
A server that does not run is a line of the report, and ends nothing. Prints tables in Markdown;
--write puts them into docs/benchmarks.md, the figures into bench/results and the picture into docs.

Needs scripts/install --bench, and scripts/build release perdure bench_sockets.
"""

import argparse
import datetime
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "load")]

import peers  # noqa: E402
import record  # noqa: E402
import report  # noqa: E402
import servers  # noqa: E402
import sockets  # noqa: E402
import workloads  # noqa: E402
import wrk  # noqa: E402

FAILURES = (servers.ServerFailed, wrk.LoadFailed, OSError, subprocess.SubprocessError)
BULK = ("node-redis", "node-postgres")  # beside Perdure: can be filled with as much as it


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def one_line(error):
    said = getattr(error, "stderr", None) or str(error)
    said = said.decode(errors="replace") if isinstance(said, bytes) else said
    return " ".join(said.split())[:300]


class Run:
    """All passes; `samples` and `not_run` grow as it goes."""

    def __init__(self, options, directory):
        self.options = options
        self.directory = pathlib.Path(directory)
        self.samples = []
        self.not_run = []
        self.number = 0
        self.load = os.getloadavg()[0]
        self.large = {}

    def attempt(self, peer, workload, work):
        """Adds the samples that `work` yields; a failure becomes a line. Returns success."""
        progress(f"pass {self.number + 1} of {self.options.passes}: {peer} {workload}")
        try:
            for sample in work():
                self.samples.append({"peer": peer, "pass": self.number, **sample})
            return True
        except FAILURES as error:
            self.not_run.append({"peer": peer, "workload": workload, "pass": self.number,
                                 "why": one_line(error)})
            return False

    def started(self, name, folder):
        """The peer in a new folder, or None and a line of the report."""
        found = []
        self.attempt(name, "start",
                     lambda: found.append(peers.PEERS[name][1](self.directory / folder)) or ())
        return found[0] if found else None

    def small_pass(self, name):
        peer = self.started(name, f"{name}-{self.number}")
        if peer is None:
            return
        can = workloads.COUNTERS | peer.extras
        try:
            self.attempt(name, "warm-up", lambda: warm_up(peer))
            for workload, work in workloads.SMALL.items():
                if workload in can and workload in self.options.workloads:
                    self.attempt(name, workload, lambda work=work: work(peer, self.options))
        finally:
            peer.stop()
            shutil.rmtree(peer.directory, ignore_errors=True)

    def large_pass(self, name):
        asked = [workload for workload in workloads.LARGE if workload in self.options.workloads
                 and (name == "perdure" or workload == "W5")]
        if not asked:
            return
        if name not in self.large:
            peer = self.started(name, f"{name}-large")
            self.large[name] = peer and workloads.Large(peer, self.options)
            if peer and not self.attempt(name, "filling",
                                         lambda: peer.seed(self.options.large) and ()):
                peer.stop()
                self.large[name] = None
        elif self.large[name]:
            self.large[name].peer.start()
        large = self.large[name]
        if large is None:
            return
        try:
            for workload in asked:
                self.attempt(name, workload, lambda workload=workload: large.run(workload))
        finally:
            large.peer.stop()

    def limits(self):
        if "nginx" in self.options.peers:
            self.attempt("nginx", "W2", self.nginx)
        if "redis-benchmark" in self.options.peers:
            self.attempt("redis-benchmark", "W1", self.redis_benchmark)

    def nginx(self):
        server = servers.Nginx(self.directory / "nginx")
        seconds = self.options.seconds
        try:
            yield workloads.measured(server, "W2", seconds, wrk.Request())
            # The very requests of W1, answered at once: what the load generator can do at most.
            yield workloads.measured(server, "generator", seconds, peers.Perdure.requests["add"],
                                     workloads.MANY)
        finally:
            server.stop()

    def redis_benchmark(self):
        server = servers.Redis(self.directory / f"redis-{self.number}")
        try:
            for workload, keys in (("W1", workloads.MANY), ("W3", 1)):
                guess = server.incr(1, keys, 20_000).rate
                with servers.SyncCount(server) as syncs:
                    load = server.incr(self.options.seconds, keys, guess)
                yield workloads.sample_of(workload, load) | {
                    "syncs": None if syncs.count is None else syncs.count / load.requests,
                    "bytes": server.memory_bytes()}
        finally:
            server.stop()

    def all_passes(self):
        for self.number in range(self.options.passes):
            self.limits()
            for name in peers.PEERS:
                if name in self.options.peers:
                    self.small_pass(name)
                    if name == "perdure" or name in BULK:
                        self.large_pass(name)
        progress("")


def warm_up(peer):
    """The objects exist and are active; what compiles has compiled."""
    peer.seed(workloads.MANY)
    for work in peer.requests.values():
        wrk.run(peer.url, 2, work, workloads.MANY)
    return ()


def version(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except OSError:
        return "missing"
    found = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    return found[0] if found else "unknown"


def versions(binary):
    packages = json.loads((HERE / "package.json").read_text())["dependencies"]
    debian = {name: version("dpkg-query", "-W", "-f", "${Version}", name)
              for name in ("python3-fastapi", "python3-asyncpg", "wrk")}
    return {"perdure": version(binary, "--version"), "nginx": version("nginx", "-v"),
            "redis": version("redis-server", "--version"),
            "postgresql": version("pg_config", "--version"),
            "node": version(*node_version()), **packages, **debian}


def node_version():
    try:
        return str(peers.program("node")), "--version"
    except servers.ServerFailed:
        return "node", "--version"


def results(run):
    options = run.options
    return {"machine": record.machine(), "load": run.load,
            "date": datetime.date.today().isoformat(),
            "versions": versions(options.binary),
            "options": {"passes": options.passes, "seconds": options.seconds,
                        "small": options.small, "large": options.large,
                        "connections": wrk.CONNECTIONS},
            "samples": run.samples, "not_run": run.not_run}


def names(choices):
    def parse(text):
        chosen = [name for name in text.split(",") if name]
        for name in chosen:
            if name not in choices:
                raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(choices)}")
        return chosen
    return parse


def arguments_of_command_line():
    all_peers = [*peers.LIMITS, *peers.PEERS]
    all_workloads = list(workloads.TITLES)
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=names(all_peers), default=all_peers, metavar="A,B",
                        help=f"of {', '.join(all_peers)}")
    parser.add_argument("--workloads", type=names(all_workloads), default=all_workloads,
                        metavar="A,B", help=f"of {', '.join(all_workloads)}")
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of each load")
    parser.add_argument("--small", type=int, default=100_000, help="objects of W5")
    parser.add_argument("--large", type=int, default=1_000_000, help="objects of W5, W8 to W10")
    parser.add_argument("--quick", action="store_true",
                        help="2 passes of 1 s, 5,000 and 50,000 objects: to see that all runs")
    parser.add_argument("--binary", default=servers.BINARY)
    parser.add_argument("--client", default=sockets.PROGRAM)
    parser.add_argument("--directory", help="where data goes (default: the temporary directory)")
    parser.add_argument("--write", action="store_true", help="put the figures into the docs")
    options = parser.parse_args()
    if options.quick:
        options.passes, options.seconds, options.small, options.large = 2, 1, 5_000, 50_000
    return options


def main():
    options = arguments_of_command_line()
    servers.raise_file_limit()
    peers.Perdure.binary = options.binary
    with tempfile.TemporaryDirectory(prefix="perdure-peers-", dir=options.directory,
                                     ignore_cleanup_errors=True) as directory:
        pathlib.Path(directory).chmod(0o755)  # PostgreSQL runs as another user
        run = Run(options, directory)
        run.all_passes()
        found = results(run)
    print(report.page(found))
    if options.write:
        report.write(found)


if __name__ == "__main__":
    main()
