# SPDX-License-Identifier: Apache-2.0
"""The load generator of the benchmarks over HTTP: wrk, one thread, keep-alive connections."""

import dataclasses
import os
import pathlib
import re
import resource
import subprocess

SCRIPT = pathlib.Path(__file__).resolve().parent / "requests.lua"
CONNECTIONS = 64
TIMEOUT_S = 10  # for one answer; a later one counts as an error


class LoadFailed(Exception):
    """wrk did not run, or said nothing."""


@dataclasses.dataclass(frozen=True)
class Request:
    """In path and body `%d` stands for the number of an object, `%m` for its last digit."""
    method: str = "GET"
    path: str = "/"
    body: str = ""
    key: str = ""


@dataclasses.dataclass(frozen=True)
class Load:
    """What wrk measured; latencies in ms, `busy` is the share of a core that wrk itself took."""
    requests: int
    seconds: float
    errors: int
    p50: float
    p99: float
    p999: float
    busy: float

    @property
    def rate(self):
        return self.requests / self.seconds


def cpu_seconds_of_children():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run(url, seconds, request, objects=1, each_from=None, connections=CONNECTIONS):
    """Asks for `seconds` and gives the Load.

    Objects are picked at random below `objects`; with `each_from` they are asked from that one up
    to `objects`, once each, and the load ends early after the last.
    """
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", f"--timeout={TIMEOUT_S}s",
               "--latency", "-s", str(SCRIPT), url]
    environment = dict(os.environ, METHOD=request.method, TARGET=request.path, BODY=request.body,
                       KEY=request.key, CONNECTIONS=str(connections),
                       OBJECTS=str(objects), FIRST=str(each_from or 0),
                       ORDER="random" if each_from is None else "each")
    before = cpu_seconds_of_children()
    try:
        output = subprocess.run(command, env=environment, check=True, capture_output=True,
                                text=True, timeout=seconds + 3 * TIMEOUT_S).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise LoadFailed(f"wrk: {error}") from error
    found = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)", output)
    if not found or int(found[1]) == 0:
        raise LoadFailed(f"no answer in {seconds} s")
    requests, micros, errors, p50, p99, p999 = map(int, found.groups())
    took = micros / 1e6
    return Load(requests, took, errors, p50 / 1e3, p99 / 1e3, p999 / 1e3,
                (cpu_seconds_of_children() - before) / took)
