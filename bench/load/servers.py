# SPDX-License-Identifier: Apache-2.0
"""Servers that benchmarks start on loopback, and what they cost: processor time, memory, syncs."""

import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import time
import urllib.request

import wrk

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BINARY = str(ROOT / "build/release/perdure")
KEY = "pdk_benchmark-0123456789abcdefghijklmnopqrstuv"
SYNCS = "syscalls:sys_enter_fsync,syscalls:sys_enter_fdatasync"
START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 60


class ServerFailed(Exception):
    """A server did not start, or is gone."""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until(is_ready, what, process=None):
    """Asks `is_ready` again and again; ServerFailed when it never is, or the process ends."""
    end = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < end:
        if process and process.poll() is not None:
            raise ServerFailed(f"{what}: ended with {process.returncode}")
        if is_ready():
            return
        time.sleep(0.05)
    raise ServerFailed(f"{what}: not there after {START_TIMEOUT_S} s")


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 0.2).close()
        return True
    except OSError:
        return False


def wait_for_port(port, process=None):
    wait_until(lambda: answers(port), f"port {port}", process)


def raise_file_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Server:
    """One or more processes that together serve `url`; each is ended by its id.

    What they log is in `directory`/log.
    """

    url = ""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.processes = []

    def spawn(self, command, **options):
        log = open(self.directory / "log", "ab")
        with log:
            options = {"stdout": log, "stderr": log, "stdin": subprocess.DEVNULL,
                       "start_new_session": True, **options}
            try:
                process = subprocess.Popen([str(part) for part in command], **options)
            except OSError as error:
                raise ServerFailed(str(error)) from error
        self.processes.append(process)
        return process

    def stop(self, how=signal.SIGTERM):
        """Ends all, last started first; those that do not heed `how` in time are killed."""
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(how)
                try:
                    process.wait(STOP_TIMEOUT_S)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
        self.processes = []

    def kill(self):
        self.stop(signal.SIGKILL)

    def pids(self):
        """Of all processes, and of those that they started."""
        found = {process.pid for process in self.processes if process.poll() is None}
        if len(found) < len(self.processes):
            raise ServerFailed(f"{type(self).__name__}: a process ended; see {self.directory}/log")
        parents = {}
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                parents[int(stat.parent.name)] = int(stat.read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                pass  # it ended meanwhile
        grown = True
        while grown:
            children = {pid for pid, parent in parents.items() if parent in found} - found
            found |= children
            grown = bool(children)
        return found

    def cpu_seconds(self):
        """Used so far, those of ended children included."""
        total = 0
        for pid in self.pids():
            try:
                stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            total += sum(map(int, stat[11:15]))
        return total / os.sysconf("SC_CLK_TCK")

    def memory_bytes(self):
        """Resident, what processes share counted once."""
        total = 0
        for pid in self.pids():
            try:
                text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
            except OSError:
                continue
            found = re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)
            total += int(found[1]) * 1024 if found else 0
        return total


class SyncCount:
    """Counts the system calls fsync and fdatasync of a server while it is entered.

    `count` is None where perf cannot count them (no perf, no tracepoints, no right to).
    """

    def __init__(self, server):
        self.pids = ",".join(map(str, sorted(server.pids())))
        self.count = None
        self.process = None

    def __enter__(self):
        if shutil.which("perf"):
            self.process = subprocess.Popen(
                ["perf", "stat", "-x", ",", "-e", SYNCS, "-p", self.pids],
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            time.sleep(0.2)  # perf says nothing when it begins; the load warms up meanwhile
        return self

    def __exit__(self, *_):
        if self.process is None:
            return
        self.process.send_signal(signal.SIGINT)
        said = self.process.communicate(timeout=STOP_TIMEOUT_S)[1]
        counts = re.findall(r"^(\d+),,syscalls:", said, re.MULTILINE)
        self.count = sum(map(int, counts)) if counts else None


class Perdure(Server):
    """`under`: a program that runs it, with its options; `flags`: more settings."""

    def __init__(self, binary, directory, under=(), flags=()):
        super().__init__(directory)
        self.command = [*under, binary]
        self.flags = flags
        self.start_seconds = 0.0
        self.start()

    def start(self):
        began = time.monotonic()
        self.process = self.spawn(
            [*self.command, "serve", "--data-dir", self.directory / "data",
             "--listen", "127.0.0.1:0", "--objects-active-memory", "8GiB",
             "--objects-hibernate-after", "1h", "--rate-limit-key-requests", "0",
             "--log-level", "warning", *self.flags],
            env=dict(os.environ, PERDURE_ADMIN_KEY=KEY), stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if line.startswith("listening on "):
                self.url = line.split()[-1]
                self.start_seconds = time.monotonic() - began
                return
        raise ServerFailed(f"perdure did not start; see {self.directory}/log")

    def restart(self):
        """After kill -9."""
        self.kill()
        self.start()

    @property
    def port(self):
        return self.url.rsplit(":", 1)[1]

    def post(self, path, body):
        """What a request of an administrator answers, as JSON."""
        request = urllib.request.Request(
            self.url + path, data=body.encode(),
            headers={"Authorization": "Bearer " + KEY, "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as reply:
            return json.load(reply)

    def room(self):
        """The id of a new conversation."""
        return self.post("/conversations", "{}")["id"]

    @staticmethod
    def counter(command_or_query):
        """`add` or `value` of the counters o-0, o-1, …"""
        body = {"add": '{"command":"add","payload":{"by":1}}', "value": '{"query":"value"}'}
        return wrk.Request("POST", "/api/v1/durable-objects/counter/o-%d/request",
                           body[command_or_query], KEY)


class Nginx(Server):
    """A constant answer of about the size of ours, from one worker: the limit."""

    def __init__(self, directory):
        super().__init__(directory)
        port = free_port()
        config = self.directory / "nginx.conf"
        config.write_text((HERE / "nginx.conf").read_text().format(directory=self.directory,
                                                                   port=port))
        process = self.spawn(["nginx", "-c", config, "-p", self.directory])
        self.url = f"http://127.0.0.1:{port}"
        wait_for_port(port, process)


class Redis(Server):
    """Redis that syncs before each answer."""

    def __init__(self, directory):
        super().__init__(directory)
        self.port = free_port()
        self.start()

    def start(self):
        process = self.spawn(["redis-server", "--port", self.port, "--bind", "127.0.0.1",
                              "--dir", self.directory, "--appendonly", "yes",
                              "--appendfsync", "always", "--save", ""])
        wait_for_port(self.port, process)

    def incr(self, seconds, keys, guess=60_000):
        """`redis-benchmark INCR` with as many requests as take about `seconds`; gives a Load."""
        before = wrk.cpu_seconds_of_children()
        began = time.monotonic()
        count = max(1000, int(guess * seconds))
        output = subprocess.run(
            ["redis-benchmark", "-p", str(self.port), "-c", str(wrk.CONNECTIONS), "-n", str(count),
             "-r", str(keys), "--csv", "INCR", "counter:__rand_int__"],
            check=True, capture_output=True, text=True, timeout=60 * seconds).stdout
        took = time.monotonic() - began
        row = [float(part.strip('"')) for part in output.strip().splitlines()[-1].split(",")[1:]]
        # rate, average, least, p50, p95, p99, greatest
        return wrk.Load(count, count / row[0], 0, row[3], row[5], None,
                        (wrk.cpu_seconds_of_children() - before) / took)
