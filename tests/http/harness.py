# SPDX-License-Identifier: Apache-2.0
"""Starts the test server and speaks to it byte by byte."""

import os
import signal
import socket
import ssl
import subprocess
import unittest

SERVER = os.environ["PERDURE_HTTP_TEST_SERVER"]


class Server:
    """One test server process. `options` become its flags: header_ms=300 is --header-ms 300."""

    def __init__(self, **options):
        arguments = [SERVER]
        for name, value in options.items():
            arguments += ["--" + name.replace("_", "-"), str(value)]
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
        first = self.process.stdout.readline().split()
        assert first[:2] == ["listening", "on"], first
        self.port = int(first[2])

    def line(self):
        return self.process.stdout.readline().strip()

    def signal(self, number):
        self.process.send_signal(number)

    def memory_bytes(self):
        """What the process has in memory now."""
        with open(f"/proc/{self.process.pid}/statm") as pages:
            return int(pages.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def stop(self):
        """Drains the server; returns its exit code, 0 when no connection was left."""
        self.signal(signal.SIGTERM)
        code = self.process.wait(timeout=20)
        self.process.stdout.close()
        return code

    def connect(self, timeout=10):
        return Client(socket.create_connection(("127.0.0.1", self.port), timeout=timeout))


class Response:
    def __init__(self, version, status, fields, body):
        self.version, self.status, self.fields, self.body = version, status, fields, body

    def __getitem__(self, name):
        """The value of a field that must be there once."""
        values = self.all(name)
        assert len(values) == 1, (name, self.fields)
        return values[0]

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]


class Client:
    def __init__(self, sock):
        self.sock = sock
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data.encode("latin-1") if isinstance(data, str) else data)
        return self

    def receive(self):
        """More bytes into the buffer; False at the end of the stream."""
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            raise AssertionError("the server reset the connection") from None
        self.buffer += data
        return data != b""

    def take(self, count):
        while len(self.buffer) < count:
            assert self.receive(), f"the stream ended in the middle: {self.buffer!r}"
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def response(self, to="GET"):
        while b"\r\n\r\n" not in self.buffer:
            assert self.receive(), f"no response: {self.buffer!r}"
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        version, status = lines[0].split(" ")[:2]
        fields = [tuple(line.split(": ", 1)) for line in lines[1:]]
        response = Response(version, int(status), fields, b"")
        if to != "HEAD" and response.status not in (100, 101, 204, 304):
            if response.all("Content-Length"):
                response.body = self.take(int(response["Content-Length"]))
            elif response.all("Transfer-Encoding"):
                response.chunks = self.chunks()
        return response

    def line(self):
        while b"\r\n" not in self.buffer:
            assert self.receive(), f"the stream ended in the middle: {self.buffer!r}"
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def chunks(self):
        """Yields the chunks of a streamed body as they arrive."""
        while size := int(self.line(), 16):
            chunk = self.take(size + 2)
            assert chunk.endswith(b"\r\n"), chunk[-10:]
            yield chunk[:-2]
        assert self.line() == b""

    def rest(self):
        """All until the end of the stream."""
        while self.receive():
            pass
        rest, self.buffer = self.buffer, b""
        return rest

    def ask(self, data, to="GET"):
        return self.send(data).response(to)

    def is_closed(self):
        """Waits for the end of the stream; False when bytes come instead."""
        return self.buffer == b"" and not self.receive()


def request(target="/constant", method="GET", *fields, body="", host="test"):
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *fields]
    return "\r\n".join(lines) + "\r\n\r\n" + body


class ServerTest(unittest.TestCase):
    """One server for all tests of a class, drained and checked for leaks at its end."""

    options = {}

    @classmethod
    def setUpClass(cls):
        cls.server = Server(**cls.options)

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0

    def connect(self):
        client = self.server.connect()
        self.addCleanup(client.close)
        return client

    def refused(self, data, status, code=None, client=None):
        """`data` is answered with a problem of this status, and the connection is closed."""
        client = client or self.connect()
        response = client.ask(data)
        self.assertEqual(response.status, status, (data[:200], response.body))
        self.assertEqual(response["Content-Type"], "application/problem+json")
        self.assertEqual(response["Connection"], "close")
        self.assertIn(response["X-Request-ID"].encode(), response.body)
        if code:
            self.assertIn(f'"code":"{code}"'.encode(), response.body)
        self.assertTrue(client.is_closed())


def make_certificate(folder, name="localhost"):
    """The paths of a certificate for localhost and of its key, in `folder`."""
    certificate, key = os.path.join(folder, "certificate.pem"), os.path.join(folder, "key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext",
         "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
        check=True, capture_output=True)
    return certificate, key


def trusting_tls(certificate):
    context = ssl.create_default_context(cafile=certificate)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


class OwnServers(unittest.TestCase):
    """Tests that start servers of their own; each is drained and checked for leaks at its end."""

    def start(self, **options):
        server = Server(**options)
        self.addCleanup(lambda: self.assertEqual(server.stop(), 0))
        return server

    def connect(self, server):
        client = server.connect()
        self.addCleanup(client.close)
        return client
