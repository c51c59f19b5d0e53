# SPDX-License-Identifier: Apache-2.0
"""Starts the real server and talks to it: what the black-box tests share.

A Server is one process on one data directory. Its port is the one that it printed, its key the
one of PERDURE_ADMIN_KEY, so that a test can kill it and start it again on the same data.
"""

import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import uuid
from datetime import datetime, timedelta, timezone
from urllib.parse import urlencode

BINARY = os.environ.get(
    "PERDURE_BINARY",
    os.path.join(os.path.dirname(__file__), "..", "..", "build", "dev", "perdure"))
SHARED = os.environ.get(
    "PERDURE_SHARED_DATA",
    os.path.join(os.path.dirname(__file__), "..", "..", "..", "shared", "data"))
ADMIN_KEY = "pdk_blackbox-0123456789abcdefghijklmnopqrstuvwxyz"
# A loaded machine with sanitizers on is slow: these bound a hang, they measure nothing.
START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 60
CALL_TIMEOUT_S = 30
RACE = "WARNING: ThreadSanitizer"


class StartFailure(Exception):
    """The server exited before it listened."""

    def __init__(self, exit_code, stdout, stderr):
        super().__init__(f"exit {exit_code}\nstdout: {stdout}\nstderr: {stderr}")
        self.exit_code = exit_code
        self.stdout = stdout
        self.stderr = stderr


class Reply:
    def __init__(self, response, body):
        self.status = response.status
        self.headers = response.headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


def run(*arguments, env=None, timeout=START_TIMEOUT_S):
    """Runs a command of the program that ends by itself."""
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=timeout,
                          env=clean_environment(env), check=False)


def clean_environment(extra=None):
    """The environment without settings that a developer may have exported."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PERDURE_")}
    return {**kept, **(extra or {})}


class Server:
    def __init__(self, data_dir, *arguments, env=None, key=ADMIN_KEY, wrapper=()):
        self.data_dir = str(data_dir)
        self.arguments = list(arguments)
        self.env = dict(env or {})
        self.key = key
        self.wrapper = list(wrapper)
        self.process = None
        self.log = None
        self.lines = []
        self.clients = []

    def start(self):
        environment = dict(self.env)
        if self.key:
            environment.setdefault("PERDURE_ADMIN_KEY", self.key)
        listen = [] if "--listen" in self.arguments else ["--listen", "127.0.0.1:0"]
        if self.log is None:
            self.log = tempfile.TemporaryFile(mode="w+", encoding="utf-8", errors="replace")
        self.process = subprocess.Popen(
            [*self.wrapper, BINARY, "serve", "--data-dir", self.data_dir, *listen,
             *self.arguments],
            stdout=subprocess.PIPE, stderr=self.log, text=True,
            env=clean_environment(environment))
        self.lines = []
        ready = threading.Event()
        threading.Thread(target=self._read_stdout, args=(ready,), daemon=True).start()
        if not ready.wait(START_TIMEOUT_S):
            self.kill()
            raise AssertionError("the server did not say that it listens: " + self.logs())
        if not self.listening:
            self.process.wait(STOP_TIMEOUT_S)
            raise StartFailure(self.process.returncode, "\n".join(self.lines), self.logs())
        return self

    def _read_stdout(self, ready):
        self.listening = False
        with self.process.stdout as stdout:
            for line in stdout:
                self.lines.append(line.rstrip("\n"))
                if line.startswith("listening on "):
                    url = line.split()[-1]
                    self.scheme, _, authority = url.partition("://")
                    self.host, _, port = authority.rpartition(":")
                    self.port = int(port)
                    self.listening = True
                    ready.set()
        ready.set()

    def logs(self):
        self.log.seek(0)
        return self.log.read()

    @property
    def pid(self):
        return self.process.pid

    def kill(self):
        """What a crash does: no handler of the process runs."""
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait(STOP_TIMEOUT_S)

    def stop(self):
        """Drains; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_TIMEOUT_S)

    def discard(self):
        """Ends the process and lets go of all that was opened for it. A race that ThreadSanitizer
        saw is a failure, however the process ended."""
        self.kill()
        for client in self.clients:
            client.close()
        if self.log is not None:
            logs = self.logs()
            self.log.close()
            self.log = None
            if RACE in logs:
                raise AssertionError(logs[logs.index(RACE):])

    def restart(self):
        return self.start()

    def connect(self, timeout=CALL_TIMEOUT_S):
        if self.scheme == "https":
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return http.client.HTTPSConnection(self.host, self.port, timeout=timeout,
                                               context=context)
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def client(self, key=None):
        made = Client(self, key if key is not None else self.key)
        self.clients.append(made)
        return made

    def raw(self, data, timeout=CALL_TIMEOUT_S):
        """Sends bytes as they are and returns all that comes back until the peer closes."""
        with socket.create_connection((self.host, self.port), timeout=timeout) as connection:
            received = b""
            try:
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
                while chunk := connection.recv(65536):
                    received += chunk
            except OSError:
                pass  # a refusal may close before all was sent
            return received


class Client:
    """One keep-alive connection. Not for several threads."""

    def __init__(self, server, key):
        self.server = server
        self.key = key
        self.connection = None

    def send(self, method, path, body=None, headers=None, query=None, raw=None):
        """Sends a request without waiting for its answer, which the connection then owes."""
        sent = {}
        if self.key:
            sent["Authorization"] = "Bearer " + self.key
        if body is not None:
            raw = json.dumps(body).encode()
        if raw is not None:
            sent["Content-Type"] = "application/json"
        sent.update(headers or {})
        if query:
            path += "?" + urlencode(query)
        if self.connection is None:
            self.connection = self.server.connect()
        try:
            self.connection.request(method, path, body=raw, headers=sent)
        except (OSError, http.client.HTTPException):
            self.close()
            raise

    def call(self, method, path, **options):
        """Sends a request (see `send`) and gives its reply."""
        self.send(method, path, **options)
        try:
            response = self.connection.getresponse()
            if response.headers.get_content_type() == "text/event-stream":
                self.close()  # it has no end
                return Reply(response, b"")
            return Reply(response, response.read())
        except (OSError, http.client.HTTPException):
            self.close()
            raise

    def get(self, path, **options):
        return self.call("GET", path, **options)

    def post(self, path, body=None, **options):
        return self.call("POST", path, body=body, **options)

    def put(self, path, body=None, **options):
        return self.call("PUT", path, body=body, **options)

    def patch(self, path, body=None, **options):
        return self.call("PATCH", path, body=body, **options)

    def delete(self, path, **options):
        return self.call("DELETE", path, **options)

    def command(self, kind, object_id, command, payload=None, **options):
        return self.post(f"/api/v1/durable-objects/{kind}/{object_id}/request",
                         {"command": command, "payload": payload}, **options)

    def query(self, kind, object_id, query, payload=None, **options):
        return self.post(f"/api/v1/durable-objects/{kind}/{object_id}/request",
                         {"query": query, "payload": payload}, **options)

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class BlackBoxTest(unittest.TestCase):
    """Gives each test a directory, and ends whatever it started."""

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="perdure-test-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.directory, name)

    def server(self, *arguments, data="data", **options):
        made = Server(self.path(data), *arguments, **options)
        self.addCleanup(made.discard)
        return made

    def assert_problem(self, reply, status, code=None):
        self.assertEqual(reply.status, status, reply)
        self.assertTrue(reply.headers["Content-Type"].startswith("application/problem+json"),
                        reply.headers["Content-Type"])
        problem = reply.json
        for member in ("type", "title", "status", "detail", "instance", "error", "code",
                       "request_id"):
            self.assertIn(member, problem)
        self.assertEqual(problem["status"], status)
        self.assertEqual(problem["error"], problem["detail"])
        self.assertEqual(problem["request_id"], reply.headers["X-Request-ID"])
        if code:
            self.assertEqual(problem["code"], code)
        return problem


class SharedServerTest(BlackBoxTest):
    """One server for all tests of a class that do not stop it."""

    arguments = ()

    @classmethod
    def setUpClass(cls):
        cls.class_directory = tempfile.mkdtemp(prefix="perdure-test-")
        cls.shared = Server(os.path.join(cls.class_directory, "data"), *cls.arguments)
        try:
            cls.shared.start()
        except BaseException:
            cls.shared.discard()
            shutil.rmtree(cls.class_directory, ignore_errors=True)
            raise

    @classmethod
    def tearDownClass(cls):
        cls.shared.discard()
        shutil.rmtree(cls.class_directory, ignore_errors=True)

    def setUp(self):
        super().setUp()
        self.client = self.shared.client()
        self.addCleanup(self.client.close)


def memory_peak_kib(pid):
    """The most memory that a process has had so far."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


def is_sanitized(pid):
    """AddressSanitizer keeps what is freed for a while: memory shows nothing then."""
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as maps:
        return "libasan" in maps.read()


def wait_until(condition, timeout=CALL_TIMEOUT_S, what="the condition"):
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError(f"{what} did not come true in {timeout} s")


def show_progress(done, count, what="cycles"):
    """A bar, where somebody watches."""
    if sys.stderr.isatty():
        end = "\n" if done == count else ""
        bar = "#" * (done * 40 // count)
        print(f"\r[{bar:<40}] {done} of {count} {what}", end=end, file=sys.stderr, flush=True)


def in_hours(hours):
    """A date-time ahead of now."""
    moment = datetime.now(timezone.utc) + timedelta(hours=hours)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def new_id():
    return str(uuid.uuid4())
