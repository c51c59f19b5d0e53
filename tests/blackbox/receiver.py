# SPDX-License-Identifier: Apache-2.0
"""A receiver of webhooks."""

import http.server
import json
import ssl
import threading
import time

from harness import wait_until


class Received:
    def __init__(self, path, headers, body):
        self.path = path
        self.headers = headers
        self.body = body
        self.at = time.monotonic()

    @property
    def event(self):
        return json.loads(self.body)


class Receiver:
    """An HTTP server that keeps what it gets, and answers what `answer(number)` says."""

    def __init__(self, answer=lambda number: 204, port=0, tls=None):
        self.requests = []
        self.answer = answer
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.requests.append(Received(self.path, self.headers, body))
                answer = outer.answer(len(outer.requests))
                status, headers = answer if isinstance(answer, tuple) else (answer, {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            # With the usual five, a burst of connections leaves some half open for many seconds.
            request_queue_size = 1_024

        self.server = Server(("127.0.0.1", port), Handler)
        scheme = "http"
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            scheme = "https"
        self.port = self.server.server_address[1]
        self.url = f"{scheme}://127.0.0.1:{self.port}/hook"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def wait_for(self, count):
        wait_until(lambda: len(self.requests) >= count, what=f"{count} requests")
        return self.requests

    def close(self):
        self.server.shutdown()
        self.server.server_close()
