#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the server over HTTP, beside nginx (a constant answer) and Redis (appendfsync always).

All run on loopback with one load generator (wrk, 64 keep-alive connections, one thread), rounds
interleaved, durability `sync`. Prints a table in Markdown; --write puts it into docs/benchmarks.md.
"""

import argparse
import os
import pathlib
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent))
import record  # noqa: E402
KEY = "pdk_benchmark-0123456789abcdefghijklmnopqrstuv"
CONNECTIONS = 64


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for_port(port):
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"nothing listens on port {port}")


class Perdure:
    def __init__(self, binary, directory, under=(), flags=()):
        self.command = [*under, binary]  # `under`: a program that runs it, with its options
        self.flags = flags
        self.directory = directory
        self.process = None
        self.start()

    def start(self):
        environment = dict(os.environ, PERDURE_ADMIN_KEY=KEY)
        began = time.monotonic()
        self.process = subprocess.Popen(
            [*self.command, "serve", "--data-dir", self.directory, "--listen", "127.0.0.1:0",
             "--objects-active-memory", "8GiB", "--objects-hibernate-after", "1h",
             "--rate-limit-key-requests", "0", "--log-level", "warning", *self.flags],
            env=environment, stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if line.startswith("listening on "):
                self.url = line.split()[-1]
                self.start_seconds = time.monotonic() - began
                return
        sys.exit("the server did not start")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def resident_bytes(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) * 1024

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")")[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Nginx:
    def __init__(self, directory):
        port = free_port()
        config = pathlib.Path(directory) / "nginx.conf"
        config.write_text((HERE / "nginx.conf").read_text().format(directory=directory, port=port))
        self.process = subprocess.Popen(["nginx", "-c", str(config), "-p", directory],
                                        stderr=subprocess.DEVNULL)
        self.url = f"http://127.0.0.1:{port}"
        wait_for_port(port)

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Redis:
    def __init__(self, directory):
        self.port = free_port()
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--dir", directory, "--appendonly", "yes",
             "--appendfsync", "always", "--save", ""], stdout=subprocess.DEVNULL)
        wait_for_port(self.port)

    def incr(self, seconds, keys):
        count = 60_000 * seconds
        output = subprocess.run(
            ["redis-benchmark", "-p", str(self.port), "-c", str(CONNECTIONS), "-n", str(count),
             "-r", str(keys), "--csv", "INCR", "counter:__rand_int__"],
            check=True, capture_output=True, text=True).stdout
        return float(output.strip().splitlines()[-1].split(",")[1].strip('"'))

    def stop(self):
        self.process.terminate()
        self.process.wait()


def wrk(url, seconds, work=None, objects=0, first=0):
    """Requests per second, and the latency percentiles in ms."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency"]
    environment = dict(os.environ, KEY=KEY, WORK=work or "", OBJECTS=str(objects),
                       FIRST=str(first))
    command += ["-s", str(HERE / ("requests.lua" if work else "constant.lua")), url]
    output = subprocess.run(command, env=environment, check=True, capture_output=True,
                            text=True).stdout
    found = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)", output)
    if not found:
        sys.exit(f"wrk said nothing:\n{output}")
    requests, micros, errors, p50, p99, p999 = map(int, found.groups())
    if errors:
        sys.exit(f"{errors} requests failed:\n{output}")
    return requests / (micros / 1e6), (p50 / 1e3, p99 / 1e3, p999 / 1e3), requests


def interleaved(perdure, nginx, redis, rounds, seconds):
    """One row for each workload: rates, latencies, CPU; round by round beside the references."""
    rows = {"nginx, constant answer": [], "redis-benchmark INCR, always": []}
    works = {"durable increments, 10,000 objects": ("add", 10_000),
             "durable increments, one object": ("add", 1),
             "reads of hot objects (10,000)": ("value", 10_000)}
    for name in works:
        rows[name] = []
    for number in range(rounds):
        progress(f"round {number + 1} of {rounds}")
        rows["nginx, constant answer"].append((*wrk(nginx.url, seconds)[:2], 0))
        if redis:
            rows["redis-benchmark INCR, always"].append((redis.incr(seconds, 10_000), None, 0))
        for name, (work, objects) in works.items():
            before = perdure.cpu_seconds()
            rate, latency, requests = wrk(perdure.url, seconds, work, objects)
            rows[name].append((rate, latency, (perdure.cpu_seconds() - before) / requests * 1e6))
    return {name: samples for name, samples in rows.items() if samples}


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def create(perdure, count):
    """Creates the objects, in order, with as many requests as it takes."""
    done = 0
    while done < count:
        progress(f"creating objects: {done:,} of {count:,}")
        _, _, requests = wrk(perdure.url, 5, "touch_add", count, done)
        done += requests


def first_touch(binary, directory, nginx, count, rounds, seconds):
    perdure = Perdure(binary, directory)
    create(perdure, count)
    touches, limits, starts, sizes = [], [], [], []
    for number in range(rounds):
        progress(f"first touch, round {number + 1} of {rounds}")
        perdure.kill()
        perdure = Perdure(binary, directory)
        starts.append(perdure.start_seconds)
        limits.append((*wrk(nginx.url, seconds)[:2], 0))
        wrk(perdure.url, 1, "value", 1)  # buffers, caches of connections: not of objects
        before = perdure.resident_bytes()
        cpu = perdure.cpu_seconds()
        rate, latency, requests = wrk(perdure.url, seconds, "touch", count)
        touches.append((rate, latency, (perdure.cpu_seconds() - cpu) / requests * 1e6))
        sizes.append((perdure.resident_bytes() - before) / min(requests, count))
    perdure.kill()
    return touches, limits, starts, sizes


def summary(name, samples, limit):
    rates = [sample[0] for sample in samples]
    median = statistics.median(rates)
    latencies = [sample[1] for sample in samples if sample[1]]
    latency = " / ".join(f"{statistics.median(part):.2f}" for part in zip(*latencies)) or "—"
    cpu = statistics.median(sample[2] for sample in samples)
    share = f"{median / limit:.0%}" if limit else "—"
    spread = f"{min(rates):,.0f} – {max(rates):,.0f}"
    return (f"| {name} | {median:,.0f} | {spread} | {share} | {latency} "
            f"| {f'{cpu:.1f}' if cpu else '—'} |")


def machine():
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())[1]
    return f"{os.cpu_count()} cores of {model}, Linux {platform.release()}"


def report(arguments):
    work = pathlib.Path(tempfile.mkdtemp(prefix="perdure-bench-", dir=arguments.directory))
    (work / "nginx").mkdir()
    (work / "redis").mkdir()
    nginx = Nginx(str(work / "nginx"))
    redis = Redis(str(work / "redis")) if shutil.which("redis-server") else None
    lines = []
    try:
        perdure = Perdure(arguments.binary, str(work / "data"))
        wrk(perdure.url, 2, "add", 10_000)  # the objects exist and are active
        rows = interleaved(perdure, nginx, redis, arguments.rounds, arguments.seconds)
        perdure.kill()
        limit = statistics.median(sample[0] for sample in rows["nginx, constant answer"])
        lines += [summary(name, samples, limit) for name, samples in rows.items()]
        touches, limits, starts, sizes = first_touch(
            arguments.binary, str(work / "many"), nginx, arguments.objects, arguments.rounds,
            arguments.seconds)
        limit = statistics.median(sample[0] for sample in limits)
        name = f"first touch of {arguments.objects:,} hibernated objects"
        lines.append(summary(name, touches, limit))
    finally:
        nginx.stop()
        if redis:
            redis.stop()
        shutil.rmtree(work, ignore_errors=True)
    progress("")
    other = [f"| start with {arguments.objects:,} objects after `kill -9` | "
             f"{statistics.median(starts):.2f} s ({min(starts):.2f} – {max(starts):.2f}) |",
             f"| memory gained for each object in first touch, the store's cache included | "
             f"{statistics.median(sizes):,.0f} B |"]
    return lines, other


def page(arguments, lines, other):
    return "\n".join([
        f"Measured on {machine()}; the load generator takes a core of its own. "
        f"{arguments.rounds} interleaved rounds of {arguments.seconds} s, {CONNECTIONS} keep-alive "
        "connections, sync durability. Rates are medians with least and greatest; "
        "latencies are medians of the rounds' percentiles.", "",
        "| workload | requests/s | spread | share of nginx | p50 / p99 / p99.9 ms "
        "| server CPU µs |",
        "|---|---|---|---|---|---|", *lines, "",
        "| other | median |", "|---|---|", *other])


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=str(ROOT / "build/release/perdure"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--objects", type=int, default=1_000_000, help="for first touch")
    parser.add_argument("--directory", help="where data goes (default: the temporary directory)")
    parser.add_argument("--write", action="store_true", help="put the figures into the docs")
    arguments = parser.parse_args()
    text = page(arguments, *report(arguments))
    print(text)
    if arguments.write:
        record.write("http", text)


if __name__ == "__main__":
    main()
