# SPDX-License-Identifier: Apache-2.0
"""Checks of settings, logs, certificates and processes."""

import json
import os
import signal
import socket
import ssl
import subprocess

import expect
from harness import wait_until
from world import needs

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def environment(world):
    """A setting from the environment is in force; a wrong one exits with 2, and both are named"""
    with world.another(env={"PERDURE_LIMITS_BODY": "4KiB"}) as server:
        big = server.client().post("/notebooks", {"title": "t", "description": "x" * 5000})
        expect.refused(big, 413, "too_large")
    failed = world.run("config", env={"PERDURE_LIMITS_BODY": "lots"})
    expect.equal(failed.returncode, 2)
    expect.contains(failed.stderr, "PERDURE_LIMITS_BODY")


def typed_settings(world):
    """A size, a duration, a number, a choice: each is checked, all mistakes are named at once"""
    wrong = {"PERDURE_LIMITS_BODY": "lots", "PERDURE_TIMEOUTS_IDLE": "soon",
             "PERDURE_THREADS_IO": "two", "PERDURE_LOG_LEVEL": "loud"}
    failed = world.run("config", env=wrong)
    expect.equal(failed.returncode, 2)
    for name in wrong:
        expect.contains(failed.stderr, name)


def secret_settings(world):
    """The key comes from the environment, opens the server, and is shown nowhere"""
    secret = "pdk_seeds-0123456789abcdefghijklmnopqrstuvwxyz"
    shown = world.run("config", "--json", env={"PERDURE_ADMIN_KEY": secret})
    expect.that(secret not in shown.stdout + shown.stderr, "the secret")
    with world.another(env={"PERDURE_ADMIN_KEY": secret}) as server:
        expect.answered(server.client(secret).get("/users/me"))
        expect.refused(server.client("pdk_other").get("/users/me"), 401, "unauthenticated")
        expect.that(secret not in server.logs(), "the secret")


def log_lines(server):
    """What it has logged, from its first line on."""
    wait_until(server.logs, what="the log")
    return [json.loads(line) for line in server.logs().splitlines()]


@needs("--log-format", "json")
def json_lines(world):
    """Lines of JSON with `timestamp`, `level`, `logger`, `message`; another form exits with 2"""
    for line in log_lines(world.set_up("--log-format", "json")):
        for member in ("timestamp", "level", "logger", "message"):
            expect.contains(line, member)
        expect.contains(LEVELS, line["level"])
    expect.equal(world.run("config", "--log-format", "xml").returncode, 2)


def log_member(member):
    @needs("--log-format", "json")
    def check(world):
        for line in log_lines(world.set_up("--log-format", "json")):
            expect.that(isinstance(line[member], str) and line[member], line)
    check.__doc__ = f"Each line of the log has `{member}`, also the first"
    return check


@needs("--log-format", "text")
def text_lines(world):
    """`log.format=text` writes lines for people; another form exits with 2"""
    server = world.set_up("--log-format", "text")
    wait_until(lambda: "listening" in server.logs(), what="the line that it listens")
    lines = server.logs().splitlines()
    for line in lines:
        expect.that(not line.startswith("{"), line)
    expect.contains(next(line for line in lines if "listening" in line), " INFO ")
    expect.equal(world.run("config", "--log-format", "xml").returncode, 2)


def log_level(level):
    @needs("--log-level", level.lower())
    def check(world):
        server = world.set_up("--log-level", level.lower())
        server.client().get("/no/such/path")
        server.client().get("/health/live")
        lines = log_lines(server) if level in ("DEBUG", "INFO") else server.logs().split()
        expect.equal(bool(lines), level in ("DEBUG", "INFO"))
        for line in lines:
            expect.that(LEVELS.index(line["level"]) >= LEVELS.index(level), line)
        expect.equal(world.run("config", "--log-level", "loud").returncode, 2)
    check.__doc__ = f"`log.level={level.lower()}` writes nothing below; another word exits with 2"
    return check


@needs("--log-requests", "all")
def correlated(world):
    """A request's line has its id, route, status and duration"""
    server = world.set_up("--log-requests", "all")
    client = server.client()
    client.get("/notebooks", headers={"X-Request-ID": "seeds-1"})
    client.get("/health/live")  # a request is logged before the next one is read
    wait_until(lambda: "seeds-1" in server.logs())
    line = next(line for line in log_lines(server) if line.get("request_id") == "seeds-1")
    expect.equal((line["route"], line["status"]), ("/notebooks", 200))
    expect.contains(line, "duration_ms")


def tls_1_3(world):
    """HTTPS with TLS 1.3; TLS 1.1 and plain HTTP are refused, files that are none exit with 2"""
    key, chain = (os.path.join(world.directory, name) for name in ("key.pem", "chain.pem"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                    "/CN=localhost", "-keyout", key, "-out", chain], check=True,
                   capture_output=True)
    with world.another("--tls-certificate", chain, "--tls-key", key) as server:
        expect.equal(handshake(server, ssl.TLSVersion.TLSv1_3), "TLSv1.3")
        expect.equal(handshake(server, ssl.TLSVersion.TLSv1_1), None)
        expect.answered(server.client().get("/notebooks"))
        plain = server.raw(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        expect.that(not plain.startswith(b"HTTP/1.1 2"), plain)


def handshake(server, version):
    """The version that was agreed on; None when there was none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    try:
        with socket.create_connection((server.host, server.port), 30) as plain:
            with context.wrap_socket(plain) as wrapped:
                return wrapped.version()
    except OSError:
        return None


def reload_level(world):
    """SIGHUP reads the log level of the file again"""
    config = world.file("level.toml", '[log]\nlevel = "critical"\n')
    with world.another("--config", config) as server:
        expect.equal(server.logs(), "")
        world.file("level.toml", '[log]\nlevel = "debug"\n')
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "reloaded" in server.logs())


@needs("--limits-memory", "256MiB")
def budgets(world):
    """`limits.memory` bounds the process and gives budgets that are not set their share"""
    shown = json.loads(world.run("config", "--json", "--limits-memory", "512MiB").stdout)
    expect.equal(shown["storage.cache"]["source"], "limits.memory")
    expect.equal(world.run("config", "--limits-memory", "none").returncode, 2)
    small = world.set_up("--limits-memory", "256MiB").client()
    expect.answered(small.post("/notebooks", {"title": "small"}), 201)
