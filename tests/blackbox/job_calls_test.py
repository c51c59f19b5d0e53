#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Jobs that call other servers, and jobs that are copied, through the real server."""

import email.utils
import http.server
import json
import threading
import time
import unittest

from harness import BlackBoxTest
from job_case import JobCalls


class Receiver(http.server.BaseHTTPRequestHandler):
    """Fails the first time, then gives back what it was sent."""

    calls = []
    times = []
    retry_after = staticmethod(lambda: None)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.calls.append(body)
        self.times.append(time.monotonic())
        reply = body if len(self.calls) > 1 else b"not yet"
        self.send_response(200 if len(self.calls) > 1 else 503)
        self.send_header("Content-Length", str(len(reply)))
        if wait := self.retry_after():
            self.send_header("Retry-After", wait)
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_):
        pass


class CallingJobs(JobCalls, BlackBoxTest):
    def start(self, *arguments):
        self.shared = self.server(*arguments).start()
        self.client = self.shared.client()
        receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        self.addCleanup(receiver.server_close)
        self.addCleanup(receiver.shutdown)
        Receiver.calls.clear()
        return f"http://127.0.0.1:{receiver.server_port}/"

    def test_of_http_servers_are_tried_again_and_give_their_answer(self):
        url = self.start("--http-client-allow-networks", "127.0.0.0/8")
        job = self.make("http", {"url": url, "method": "POST", "json": {"a": 1}},
                        retry={"attempts": 3, "backoff_ms": 1})
        done = self.when(job, "succeeded")
        self.assertEqual((done["attempts"], done["result"]["status"]), (2, 200))
        self.assertEqual(json.loads(done["result"]["body"]), {"a": 1})
        self.assertEqual(len(Receiver.calls), 2)

    def test_of_http_servers_leave_them_alone_for_as_long_as_they_ask(self):
        url = self.start("--http-client-allow-networks", "127.0.0.0/8")
        self.addCleanup(setattr, Receiver, "retry_after", staticmethod(lambda: None))
        # Its own clock tells seconds, so a date may be almost one early.
        for wait in (lambda: "1",
                     lambda: email.utils.formatdate(time.time() + 2, usegmt=True)):
            Receiver.calls.clear()
            Receiver.times.clear()
            Receiver.retry_after = staticmethod(wait)
            job = self.make("http", {"url": url, "method": "POST", "json": {}},
                            retry={"attempts": 3, "backoff_ms": 1})
            self.when(job, "succeeded")
            self.assertGreaterEqual(Receiver.times[1] - Receiver.times[0], 0.9)

    def test_that_are_cloned_while_they_run_run_and_can_be_cancelled(self):
        self.start()
        job = self.make("sleep", {"ms": 60_000})
        self.when(job, "running")
        for copy in ("one", "other"):
            made = self.client.post(f"/durable-objects/job/{job}/clone", {"id": copy})
            self.assertEqual(made.status, 201, made)
            self.when(copy, "running")
        seq = self.client.get("/durable-objects/job/one").json["seq"]
        restored = self.client.post(f"/durable-objects/job/one/snapshots/{seq}/restore")
        self.assertEqual(restored.status, 200, restored)
        for one in (job, "one", "other"):
            self.assertEqual(self.client.post(f"/jobs/{one}/cancel", None).status, 200)
            self.when(one, "cancelled")

    def test_of_addresses_that_are_not_public_are_refused(self):
        url = self.start()
        reply = self.client.post("/jobs", {"type": "http", "payload": {"url": url}})
        problem = self.assert_problem(reply, 422)
        self.assertIn("payload.url", problem["details"])
        problem = self.assert_problem(
            self.client.post("/jobs", {"type": "http", "payload": {"link": url}}), 422)
        self.assertEqual(Receiver.calls, [])


if __name__ == "__main__":
    unittest.main()
