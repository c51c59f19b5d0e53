#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What an idle WebSocket costs: opens many, has each of them echo once, and looks at the server.

usage: bench/http/idle_sockets.py [COUNT] [SERVER]

COUNT is 10000, SERVER build/release/tests/http/http_test_server when they are left out. The memory
is the server's resident set alone; buffers of the kernel are not in it.
"""

import resource
import signal
import socket
import subprocess
import sys
import time

WARM_UP = 200
HANDSHAKE = b"\r\n".join((
    b"GET /ws/echo HTTP/1.1", b"Host: localhost", b"Upgrade: websocket", b"Connection: Upgrade",
    b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64)", b"Origin: http://localhost", b"", b""))
HELLO = b"\x81\x85\0\0\0\0hello"
ECHOED = b"\x81\x05hello"


def receive(sock, until):
    data = b""
    while not data.endswith(until):
        part = sock.recv(4096)
        assert part, "the server closed a connection"
        data += part


def open_sockets(port, count):
    sockets = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(count)]
    for sock in sockets:
        sock.sendall(HANDSHAKE)
    for sock in sockets:
        receive(sock, b"\r\n\r\n")
        sock.sendall(HELLO)
    for sock in sockets:
        receive(sock, ECHOED)
    return sockets


def resident_bytes(process):
    with open(f"/proc/{process.pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    program = sys.argv[2] if len(sys.argv) > 2 else "build/release/tests/http/http_test_server"
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    server = subprocess.Popen(
        [program, "--websocket-echo", "on", "--connections", str(count + WARM_UP),
         "--connections-per-address", str(count + WARM_UP)],
        stdout=subprocess.PIPE, text=True)
    try:
        port = int(server.stdout.readline().split()[2])
        sockets = open_sockets(port, WARM_UP)
        before = resident_bytes(server)
        while len(sockets) < count + WARM_UP:
            sockets += open_sockets(port, min(100, count + WARM_UP - len(sockets)))
        used = resident_bytes(server) - before
        print(f"{count} idle WebSockets: {used / count:.0f} bytes each")
        started = time.monotonic()
        for sock in sockets:
            sock.close()
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=60)
        print(f"drained in {time.monotonic() - started:.2f} s")
    finally:
        server.kill()


if __name__ == "__main__":
    main()
