# SPDX-License-Identifier: Apache-2.0
"""The load generator of the benchmarks over WebSockets: bench_sockets (raw epoll, one thread).

A server has `port`, `room()` (the id of a new conversation), `memory_bytes` and `cpu_seconds`.
"""

import dataclasses
import subprocess
import time

import servers

PROGRAM = str(servers.ROOT / "build/release/bench/sockets/bench_sockets")
CONTENT_BYTES = 100
TIMEOUT_S = 120
IDLE_S = 10
WARM_UP = 200


@dataclasses.dataclass(frozen=True)
class FanOut:
    """Latencies in ms, from sending a message to reading it."""
    sent: int
    deliveries: int
    seconds: float
    client_cpu_seconds: float
    p50: float
    p99: float


@dataclasses.dataclass(frozen=True)
class Idle:
    """Of the server: memory of a socket, and share of a core that all together take."""
    bytes: float
    busy: float


def command(program, server, sockets, *rest):
    return [program, str(server.port), servers.KEY, str(sockets), *map(str, rest)]


def fan_out(program, server, sockets, window, seconds):
    """Messages to one new conversation; at most `window` ahead of what all have heard."""
    output = subprocess.run(
        command(program, server, sockets, seconds, window, CONTENT_BYTES),
        input=server.room() + "\n\n", capture_output=True, text=True, check=True,
        timeout=TIMEOUT_S).stdout
    sent, deliveries, took, cpu, p50, p99 = map(float, output.split())
    return FanOut(int(sent), int(deliveries), took, cpu, p50 / 1e3, p99 / 1e3)


def held_open(program, server, count, rooms):
    process = subprocess.Popen(command(program, server, count, "idle"), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    process.stdin.write("\n".join(rooms) + "\n\n")
    process.stdin.flush()
    if process.stdout.readline().strip() != "open":
        process.kill()
        process.wait()
        raise servers.ServerFailed("not all sockets could be opened")
    return process


def idle(program, server, count, rooms):
    """What `count` idle sockets cost that are members of so many new conversations."""
    ids = [server.room() for _ in range(rooms)]
    # What the first sockets cost is not theirs alone.
    opened = [held_open(program, server, WARM_UP, [server.room()])]
    try:
        before = server.memory_bytes()
        opened.append(held_open(program, server, count, ids))
        used = server.memory_bytes() - before
        cpu = server.cpu_seconds()
        time.sleep(IDLE_S)
        return Idle(used / count, (server.cpu_seconds() - cpu) / IDLE_S)
    finally:
        for process in opened:
            process.stdin.close()
            process.wait(TIMEOUT_S)
