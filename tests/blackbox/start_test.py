# SPDX-License-Identifier: Apache-2.0
"""Starting, stopping and steering the program."""

import glob
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import unittest

from harness import (ADMIN_KEY, CALL_TIMEOUT_S, STOP_TIMEOUT_S, BlackBoxTest, StartFailure, run,
                     wait_until)

KEY_LINE = re.compile(r"^admin key \(shown once\): (pdk_\S+)$")


def wakes_of(thread, server, after=0):
    """How often 100 increments, one after the other, wake the server's threads of this name."""
    client = server.client()

    def increments(count):
        for _ in range(count):
            client.command("counter", "one", "add", {"by": 1})

    def wakes():
        total = 0
        for task in glob.glob(f"/proc/{server.process.pid}/task/*"):
            with open(task + "/status", encoding="ascii") as status:
                fields = dict(line.split(":", 1) for line in status)
            if fields["Name"].strip() == thread:
                total += int(fields["voluntary_ctxt_switches"])
        return total

    increments(1 + after)
    before = wakes()
    increments(100)
    return wakes() - before


class FirstStart(BlackBoxTest):
    def test_prints_a_working_key_once_and_the_listening_line_last(self):
        server = self.server(key=None).start()
        key = KEY_LINE.match(server.lines[0])
        self.assertTrue(key, server.lines)
        self.assertRegex(server.lines[-1], r"^listening on http://127\.0\.0\.1:\d+$")
        self.assertEqual(len(server.lines), 2)
        self.assertEqual(server.client(key.group(1)).get("/api/v1/notebooks").status, 200)
        self.assertEqual(server.stop(), 0)

        server.start()
        self.assertEqual(len(server.lines), 1, "the key is shown once")
        self.assertEqual(server.client(key.group(1)).get("/api/v1/notebooks").status, 200)
        self.assertNotIn(key.group(1), server.logs())

    def test_takes_the_key_of_the_environment_and_does_not_print_it(self):
        server = self.server().start()
        self.assertEqual(len(server.lines), 1)
        self.assertEqual(server.client().get("/api/v1/notebooks").status, 200)
        self.assertEqual(server.client("pdk_other").get("/api/v1/notebooks").status, 401)
        self.assertNotIn(ADMIN_KEY, server.logs())

    def test_is_closed_without_a_key(self):
        server = self.server().start()
        anonymous = server.client("")
        for path in ("/", "/health", "/health/live", "/health/ready", "/info", "/openapi.json",
                     "/docs"):
            self.assertLess(anonymous.get(path).status, 400, path)
        for path in ("/api/v1/notebooks", "/durable-objects", "/api-keys", "/users/me",
                     "/conversations"):
            reply = anonymous.get(path)
            self.assert_problem(reply, 401)
            self.assertIn("WWW-Authenticate", reply.headers)


class DataDirectory(BlackBoxTest):
    def test_is_for_one_server_and_the_second_names_the_first(self):
        first = self.server().start()
        with self.assertRaises(StartFailure) as failure:
            self.server().start()
        self.assertEqual(failure.exception.exit_code, 3)
        self.assertIn(str(first.pid), failure.exception.stderr)
        self.assertEqual(run("check", "--data-dir", first.data_dir).returncode, 3)
        self.assertEqual(first.client().get("/api/v1/notebooks").status, 200)

    def test_with_a_shortened_log_is_refused_until_the_operator_accepts_it(self):
        server = self.server().start()
        client = server.client()
        for _ in range(200):
            self.assertEqual(client.command("counter", "c", "add", {"by": 1}).status, 200)
        server.kill()
        logs = sorted(glob.glob(os.path.join(server.data_dir, "**", "*.log"), recursive=True),
                      key=os.path.getmtime)
        sizes = [(os.path.getsize(name), name) for name in logs]
        size, name = max(sizes)
        os.truncate(name, size // 2)

        with self.assertRaises(StartFailure) as failure:
            server.start()
        self.assertEqual(failure.exception.exit_code, 4)
        self.assertIn("commit", failure.exception.stderr)
        self.assertNotEqual(run("check", "--data-dir", server.data_dir).returncode, 0)

        server.arguments.append("--accept-lost-commits")
        server.start()
        value = server.client().query("counter", "c", "value").json
        self.assertTrue(0 < value < 200, value)

    def test_that_is_well_passes_check_and_can_be_dumped(self):
        server = self.server().start()
        client = server.client()
        for n in range(3):
            client.command("counter", "alice", "add", {"by": n + 1})
        notebook = client.post("/api/v1/notebooks", {"title": "Dumped"}).json
        self.assertEqual(server.stop(), 0)

        checked = run("check", "--data-dir", server.data_dir)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        self.assertIn("all is well", checked.stdout)

        dumped = run("dump", "--data-dir", server.data_dir, "--object", "counter:alice")
        self.assertEqual(dumped.returncode, 0, dumped.stderr)
        lines = [json.loads(line) for line in dumped.stdout.splitlines()]
        self.assertEqual([(o["object_id"], o["seq"]) for o in lines], [("counter:alice", 3)])
        past = run("dump", "--data-dir", server.data_dir, "--object", "counter:alice", "--as-of",
                   "1")
        self.assertEqual(json.loads(past.stdout)["seq"], 1)
        all_lines = run("dump", "--data-dir", server.data_dir).stdout.splitlines()
        ids = {json.loads(line)["object_id"] for line in all_lines}
        self.assertIn("notebook:" + notebook["id"], ids)

    def test_that_is_not_there_is_not_made_by_looking(self):
        for command in ("check", "dump"):
            self.assertEqual(run(command, "--data-dir", self.path("none")).returncode, 2)
        self.assertFalse(os.path.exists(self.path("none")))

    def test_with_a_flipped_byte_fails_check(self):
        server = self.server().start()
        client = server.client()
        for n in range(50):
            client.put("/durable-objects/document/d", {"n": n, "text": "x" * 1000})
            client.command("document", "d", "put", {"n": n, "text": "x" * 1000})
        server.stop()
        largest = max(glob.glob(os.path.join(server.data_dir, "**", "*.*"), recursive=True),
                      key=lambda name: os.path.getsize(name) if name.endswith(
                          (".sst", ".log")) else 0)
        with open(largest, "r+b") as file:
            file.seek(os.path.getsize(largest) // 2)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 0xFF]))
        self.assertNotEqual(run("check", "--data-dir", server.data_dir).returncode, 0)


class Stopping(BlackBoxTest):
    def test_finishes_the_request_in_flight(self):
        server = self.server().start()
        client = server.client()
        client.command("document", "d", "put", {"a": 0})
        body = json.dumps({"command": "put", "payload": {"a": 1}}).encode()
        head = (f"POST /api/v1/durable-objects/document/d/request HTTP/1.1\r\nHost: x\r\n"
                f"Authorization: Bearer {ADMIN_KEY}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n").encode()
        with socket.create_connection((server.host, server.port), CALL_TIMEOUT_S) as late:
            late.sendall(head)
            self.assertTrue(late.recv(65536).startswith(b"HTTP/1.1 100 "))
            late.sendall(body[:10])
            server.process.send_signal(signal.SIGTERM)
            wait_until(lambda: self.refuses(server), what="refusing new connections")
            late.sendall(body[10:])
            answer = b""
            while chunk := late.recv(65536):
                answer += chunk
        self.assertTrue(answer.startswith(b"HTTP/1.1 200"), answer)
        self.assertIn(b"connection: close", answer.lower())
        self.assertEqual(server.process.wait(STOP_TIMEOUT_S), 0)

    @staticmethod
    def refuses(server):
        try:
            socket.create_connection((server.host, server.port), 1).close()
            return False
        except OSError:
            return True

    def test_exits_at_once_on_a_second_signal(self):
        server = self.server("--timeouts-drain", "1h", "--timeouts-body", "1h").start()
        with socket.create_connection((server.host, server.port), CALL_TIMEOUT_S) as stuck:
            stuck.sendall(f"POST /api/v1/notebooks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
                          f"{ADMIN_KEY}\r\nContent-Type: application/json\r\n"
                          f"Content-Length: 100\r\nExpect: 100-continue\r\n\r\n".encode())
            self.assertTrue(stuck.recv(65536).startswith(b"HTTP/1.1 100 "))
            server.process.send_signal(signal.SIGTERM)
            wait_until(lambda: self.refuses(server), what="refusing new connections")
            self.assertIsNone(server.process.poll())
            server.process.send_signal(signal.SIGTERM)
            self.assertEqual(server.process.wait(10), 1)

    def test_with_sigint_is_as_orderly(self):
        server = self.server().start()
        server.process.send_signal(signal.SIGINT)
        self.assertEqual(server.process.wait(STOP_TIMEOUT_S), 0)


class Configuration(BlackBoxTest):
    def test_mistakes_are_named_and_exit_2(self):
        failed = run("serve", "--data-dir", self.path("d"), "--limits-body", "lots",
                     env={"PERDURE_DURABILITY": "maybe"})
        self.assertEqual(failed.returncode, 2)
        self.assertIn("limits.body", failed.stderr)
        self.assertIn("--limits-body", failed.stderr)
        self.assertIn("PERDURE_DURABILITY", failed.stderr)
        self.assertEqual(run("serve", "--no-such-flag").returncode, 2)
        self.assertEqual(run().returncode, 2)

    def test_is_shown_with_its_sources_and_without_secrets(self):
        config = self.path("perdure.toml")
        with open(config, "w", encoding="utf-8") as file:
            file.write('listen = "127.0.0.1:0"\n[limits]\nbody = "2MiB"\n')
        shown = run("config", "--config", config, "--json", "--threads-io", "2",
                    env={"PERDURE_ADMIN_KEY": "pdk_secret"})
        self.assertEqual(shown.returncode, 0, shown.stderr)
        settings = json.loads(shown.stdout)
        self.assertEqual(settings["limits.body"]["value"], "2MiB")
        self.assertIn("perdure.toml", settings["limits.body"]["source"])
        self.assertEqual(settings["threads.io"], {"value": 2, "source": "flag --threads-io"})
        self.assertNotIn("pdk_secret", shown.stdout)

    def test_pages_are_what_the_program_writes(self):
        docs = os.path.join(os.path.dirname(__file__), "..", "..", "docs")
        for page, words in (("configuration.md", ["config", "--markdown"]),
                            ("errors.md", ["errors"])):
            with open(os.path.join(docs, page), encoding="utf-8") as file:
                self.assertEqual(file.read(), run(*words).stdout,
                                 f"run: perdure {' '.join(words)} > docs/{page}")

    def test_topics_are_what_the_program_writes(self):
        page = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "events.md")
        with open(page, encoding="utf-8") as file:
            self.assertIn(run("events").stdout, file.read(),
                          "put what `perdure events` prints into docs/events.md")

    def test_help_and_version_are_there(self):
        for command in ("serve", "version", "config", "openapi", "errors", "events", "check",
                        "dump"):
            helped = run(command, "--help")
            self.assertEqual(helped.returncode, 0)
            self.assertIn("Exit status", helped.stdout)
        self.assertRegex(run("version").stdout, r"^perdure \d+\.\d+\.\d+\n$")

    def test_openapi_document_is_the_one_that_is_served(self):
        printed = json.loads(run("openapi").stdout)
        self.assertTrue(printed["openapi"].startswith("3.1"))
        self.assertEqual(printed, self.server().start().client("").get("/openapi.json").json)

    def test_open_files_are_as_many_as_the_system_lets(self):
        server = self.server(wrapper=("prlimit", "--nofile=512:4096")).start()
        self.addCleanup(server.stop)
        self.assertIn("process_max_fds 4096", server.client().get("/metrics").body.decode())
        self.assertIn("limits.connections", server.logs())  # 4096 are too few for its default
        self.assertIn("2816", server.logs())  # connections fit beside all other files

    def test_threads_are_scheduled_as_configured(self):
        for flags, policy in (((), os.SCHED_BATCH),
                              (("--threads-scheduling", "other"), os.SCHED_OTHER)):
            server = self.server(*flags).start()
            policies = {}
            for task in glob.glob(f"/proc/{server.process.pid}/task/*"):
                with open(task + "/comm", encoding="ascii") as name:
                    policies[name.read().strip()] = os.sched_getscheduler(
                        int(os.path.basename(task)))
            server.stop()
            for name in ("perdure", "perdure.worker", "perdure.commit", "perdure.house"):
                self.assertEqual(policies[name], policy, (name, flags))

    def test_turns_run_on_workers_if_so_configured(self):
        server = self.server("--threads-inline-turns", "off").start()
        self.addCleanup(server.stop)
        # On, the kind would be known for its short turns long before the last of them.
        self.assertGreaterEqual(wakes_of("perdure.worker", server, after=1500), 100)

    def test_the_committer_sends_its_answers_if_so_configured(self):
        wakes = {}
        for direct in ("on", "off"):
            server = self.server("--threads-direct-answers", direct).start()
            wakes[direct] = wakes_of("perdure", server)
            server.stop()
        # For the request, and for its answer; on a busy machine one wake may do for both.
        self.assertGreater(wakes["off"], 1.25 * wakes["on"], wakes)

    def test_access_log_has_what_operators_look_for(self):
        server = self.server("--log-requests", "all").start()
        self.addCleanup(server.stop)
        client = server.client()
        asked = client.get("/api/v1/notebooks/nobody?secret=1", headers={"X-Request-ID": "asked-1"})
        self.assertEqual(asked.status, 422)
        client.get("/health/live")  # a request is logged before the connection's next one is read
        wait_until(lambda: "asked-1" in server.logs())
        line = next(json.loads(line) for line in server.logs().splitlines() if "asked-1" in line)
        expected = {"logger": "http", "level": "INFO", "method": "GET", "status": 422,
                    "path": "/api/v1/notebooks/nobody", "route": "/notebooks/{id}",
                    "request_id": "asked-1"}
        self.assertEqual({name: line.get(name) for name in expected}, expected)
        self.assertGreaterEqual(line["duration_ms"], 0)

    def test_log_level_is_read_again_on_sighup(self):
        config = self.path("perdure.toml")

        def write(level):
            with open(config, "w", encoding="utf-8") as file:
                file.write(f'[log]\nlevel = "{level}"\n')

        write("info")
        server = self.server("--config", config).start()
        client = server.client()
        client.get("/health/live", headers={"X-Request-ID": "before-the-hangup"})
        client.get("/health/live")  # a request is logged before the connection's next one is read
        write("debug")
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "reloaded" in server.logs())
        client.get("/health/live", headers={"X-Request-ID": "after-the-hangup"})
        wait_until(lambda: "after-the-hangup" in server.logs())
        self.assertNotIn("before-the-hangup", server.logs())
        for line in server.logs().splitlines():
            members = json.loads(line)
            for member in ("timestamp", "level", "logger", "message"):
                self.assertIn(member, members)

    def test_address_in_use_is_a_failure_with_a_reason(self):
        server = self.server().start()
        with self.assertRaises(StartFailure) as failure:
            self.server("--listen", f"127.0.0.1:{server.port}", data="other").start()
        self.assertEqual(failure.exception.exit_code, 1)
        self.assertIn(str(server.port), failure.exception.stderr)


class Tls(BlackBoxTest):
    def certificate(self, name):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                        "/CN=" + name, "-keyout", self.path("key.pem"), "-out",
                        self.path("chain.pem")], check=True, capture_output=True)

    def presented(self, server):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with socket.create_connection((server.host, server.port), CALL_TIMEOUT_S) as plain:
            with context.wrap_socket(plain) as wrapped:
                return wrapped.version(), wrapped.getpeercert(binary_form=True)

    def test_serves_and_reloads_its_certificate_on_sighup(self):
        self.certificate("first")
        server = self.server("--tls-certificate", self.path("chain.pem"), "--tls-key",
                             self.path("key.pem")).start()
        self.assertEqual(server.scheme, "https")
        client = server.client()
        self.assertEqual(client.get("/api/v1/notebooks").status, 200)
        version, first = self.presented(server)
        self.assertIn(version, ("TLSv1.3", "TLSv1.2"))
        self.certificate("second")
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.presented(server)[1] != first, what="the new certificate")
        self.assertEqual(client.get("/api/v1/notebooks").status, 200, "the old connection goes on")
        self.assertEqual(server.stop(), 0)

    def test_refuses_old_versions_and_plain_http(self):
        self.certificate("only")
        server = self.server("--tls-certificate", self.path("chain.pem"), "--tls-key",
                             self.path("key.pem")).start()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")
        with self.assertRaises((ssl.SSLError, OSError)):
            with socket.create_connection((server.host, server.port), CALL_TIMEOUT_S) as plain:
                context.wrap_socket(plain).close()
        self.assertFalse(server.raw(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 2"))

    def test_with_unusable_files_exits_2(self):
        with open(self.path("chain.pem"), "w", encoding="utf-8") as file:
            file.write("no certificate")
        with self.assertRaises(StartFailure) as failure:
            self.server("--tls-certificate", self.path("chain.pem"), "--tls-key",
                        self.path("none.pem")).start()
        self.assertEqual(failure.exception.exit_code, 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
