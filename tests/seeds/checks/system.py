# SPDX-License-Identifier: Apache-2.0
"""Checks of what is open to everybody, and of what all routes share."""

import gzip
import json
import os
import re
import signal

import expect
from harness import new_id, wait_until
from nouns import walk
from world import needs

PAGE = "https://page.example"


def welcome(world):
    """Name, version and where to go on; `POST /` is a 405"""
    links = expect.answered(world.anonymous.get("/"))["links"]
    for link in links.values():
        expect.answered(world.anonymous.get(link))
    expect.refused(world.anonymous.post("/", {}), 405, "method_not_allowed")


def info(world):
    """Name, version and features; `DELETE` is a 405"""
    told = expect.answered(world.anonymous.get("/info"))
    expect.equal(told["name"], "Perdure")
    expect.contains(world.run("version").stdout, told["version"])
    expect.contains(told["features"], "durable-objects")
    expect.refused(world.anonymous.delete("/info"), 405, "method_not_allowed")


def health(world):
    """A state for each dependency, and the worst as a whole; `PUT` is a 405"""
    told = expect.answered(world.anonymous.get("/health"))
    expect.equal(told["status"], "ok")
    expect.equal({check["status"] for check in told["checks"].values()}, {"ok"})
    expect.refused(world.anonymous.put("/health", {}), 405, "method_not_allowed")


@needs("--in-memory")
def in_memory(world):
    """`--in-memory` serves as ever, says so, and writes nothing"""
    server = world.set_up("--in-memory")
    client = server.client()
    expect.contains(expect.answered(client.get("/info"))["features"], "in_memory")
    expect.equal(expect.answered(client.command("counter", "c", "add", {"by": 2})), 2)
    expect.contains(server.client("").get("/health").json["checks"]["disk"]["detail"],
                    "storage.memory")
    expect.equal(os.path.exists(server.data_dir), False)


@needs("--storage-free-min", "1000GiB")
def dependencies(world):
    """`/health` names storage and disk; a disk with too little room is `degraded`"""
    told = expect.answered(world.anonymous.get("/health"))
    for name in ("storage", "disk", "event_loop"):
        expect.contains(told["checks"], name)
    full = world.set_up("--storage-free-min", "1000GiB")
    told = full.client("").get("/health").json
    expect.equal(told["checks"]["disk"]["status"], "degraded")


def live_at(path):
    def check(world):
        """Says that the process runs; `POST` is a 405"""
        expect.equal(expect.answered(world.anonymous.get(path)), {"status": "ok"})
        expect.refused(world.anonymous.post(path, {}), 405, "method_not_allowed")
        yield
        expect.answered(world.anonymous.get(path))
    return check


def ready_at(path):
    def check(world):
        """Says that writes are taken, after a restart, too, and does not while the server stops"""
        expect.equal(expect.answered(world.anonymous.get(path)), {"status": "ok"})
        with world.another("--timeouts-drain", "5s") as stopping:
            client = stopping.client("")
            expect.answered(client.get(path))
            stopping.process.send_signal(signal.SIGTERM)
            wait_until(lambda: stopping.process.poll() is not None or refuses(client, path))
        yield
        expect.answered(world.anonymous.get(path))
    return check


def refuses(client, path):
    try:
        return client.get(path).status == 503
    except OSError:
        return True


def docs(world):
    """A page of Swagger UI, its assets from this server; an unknown asset is a 404"""
    html = expect.answered(world.anonymous.get("/docs")).decode()
    expect.contains(html, "swagger-ui.css")
    for asset in assets(html):
        expect.answered(world.anonymous.get(asset))
    expect.refused(world.anonymous.get("/docs/assets/none/none.js"), 404, "not_found")


def redoc(world):
    """A page of ReDoc, its assets from this server; an unknown asset is a 404"""
    html = expect.answered(world.anonymous.get("/redoc")).decode()
    expect.contains(html, "redoc")
    for asset in assets(html):
        expect.answered(world.anonymous.get(asset))
    expect.refused(world.anonymous.get("/docs/assets/none/none.js"), 404, "not_found")


def assets(html):
    found = [part.split('"')[0] for part in html.split('"/docs/assets/')[1:]]
    expect.that(found, "no asset")
    return ["/docs/assets/" + name for name in found]


def openapi(world):
    """`/openapi.json` is OpenAPI 3.1 and what `perdure openapi` prints, with schemas of bodies and
    replies"""
    served = expect.answered(world.anonymous.get("/openapi.json"))
    expect.that(served["openapi"].startswith("3.1"), served["openapi"])
    expect.equal(json.loads(world.run("openapi").stdout), served)
    create = served["paths"]["/notebooks"]["post"]
    expect.contains(create["requestBody"]["content"], "application/json")
    expect.contains(create["responses"], "201")


@needs("--cors-origins", PAGE)
def cors(world):
    """`cors.origins` lets the pages of one origin in; others get no header"""
    client = world.set_up("--cors-origins", PAGE).client()
    asked = {"Access-Control-Request-Method": "POST"}
    for origin, allowed in ((PAGE, PAGE), ("https://other.example", None)):
        for reply in (client.get("/notebooks", headers={"Origin": origin}),
                      client.call("OPTIONS", "/notebooks", headers={"Origin": origin, **asked})):
            expect.equal(reply.headers["Access-Control-Allow-Origin"], allowed)


def authentication(world):
    """A key as `Bearer` or `X-API-Key`, also after a restart; none, and a false one, are a 401"""
    for headers in ({}, {"Authorization": "Bearer false"}, {"X-API-Key": "false"}):
        reply = world.anonymous.get("/api/v1/notebooks", headers=headers)
        expect.refused(reply, 401, "unauthenticated")
        expect.contains(reply.headers["WWW-Authenticate"], "Bearer")
    secret = expect.answered(world.admin.post("/api-keys", {"name": "k"}), 201)["secret"]
    yield
    expect.answered(world.anonymous.get("/users/me", headers={"X-API-Key": secret}))
    expect.answered(world.server.client(secret).get("/users/me"))


def rate_limiting(world):
    """A key of two requests a minute: the third is a 429 with `Retry-After`, another key goes on"""
    limit = {"requests": 2, "window_s": 60}
    made = expect.answered(world.admin.post("/api-keys", {"name": "k", "rate_limit": limit}), 201)
    client = world.server.client(made["secret"])
    for _ in range(2):
        expect.answered(client.get("/notebooks", query={"limit": 1}))
    reply = client.get("/notebooks")
    expect.refused(reply, 429, "rate_limited")
    expect.that(int(reply.headers["Retry-After"]) > 0, reply.headers["Retry-After"])
    expect.contains(world.admin.get("/notebooks", query={"limit": 1}).headers, "RateLimit")
    wrong = world.admin.post("/api-keys", {"name": "k", "rate_limit": {"requests": 0}})
    expect.refused(wrong, 422, "validation_failed")
    yield
    kept = expect.answered(world.admin.get("/api-keys/" + made["id"]))
    expect.equal(kept["rate_limit"], limit)


@needs("--log-requests", "all")
def request_id(world):
    """`X-Request-ID` is taken or made, comes back, and stands in the problem and the log"""
    asked = new_id()
    reply = world.admin.get("/notebooks/" + new_id(), headers={"X-Request-ID": asked})
    expect.equal(reply.headers["X-Request-ID"], asked)
    expect.equal(reply.json["request_id"], asked)
    expect.that(world.anonymous.get("/health").headers["X-Request-ID"], "none made")
    server = world.set_up("--log-requests", "all")
    client = server.client()
    client.get("/health/live", headers={"X-Request-ID": asked})
    client.get("/health/live")  # a request is logged before the next one is read
    wait_until(lambda: asked in server.logs())


def problems(world):
    """All failures have one form (RFC 9457) with a stable code: 400, 401, 404, 405, 415, 422"""
    admin = world.admin
    text = {"Content-Type": "text/plain"}
    for reply, status, code in (
            (admin.post("/notebooks", raw=b"{"), 400, "malformed"),
            (world.anonymous.get("/notebooks"), 401, "unauthenticated"),
            (admin.get("/no/such/path"), 404, "not_found"),
            (admin.put("/health", {}), 405, "method_not_allowed"),
            (admin.post("/notebooks", raw=b"{}", headers=text), 415, "unsupported_media_type"),
            (admin.post("/notebooks", {}), 422, "validation_failed")):
        problem = expect.refused(reply, status, code)
        for member in ("type", "title", "detail", "instance", "error", "request_id"):
            expect.contains(problem, member)
        if problem["type"].startswith("/problems/"):
            expect.answered(world.anonymous.get(problem["type"]))


def problem_members(world):
    """A problem has `error`, a sentence, and `details`, a reason for each member that is wrong"""
    problem = expect.refused(world.admin.post("/notebooks", {"title": 7, "titel": 1}), 422,
                             "validation_failed")
    expect.equal(problem["error"], problem["detail"])
    expect.equal(set(problem["details"]), {"title", "titel"})
    expect.that(all(isinstance(reason, str) for reason in problem["details"].values()),
                problem["details"])


def reply_form(world):
    """JSON with members in `snake_case` and times in RFC 3339; lists are `items` and `next_cursor`;
    a form that is not to be had is a 406"""
    made = expect.answered(world.admin.post("/notebooks", {"title": "t"}), 201)
    expect.that(all(name == name.lower() for name in made), made)
    for name in ("created_at", "updated_at"):
        expect.that(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", made[name]), made)
    expect.refused(world.admin.get("/notebooks", headers={"Accept": "image/png"}), 406,
                   "not_acceptable")
    yield
    for path in ("/notebooks", "/conversations", "/jobs", "/users"):
        page = expect.answered(world.admin.get(path, query={"limit": 1}))
        expect.equal(set(page), {"items", "next_cursor"})


def static_assets(world):
    """Assets have names of their content and may be kept for good by anybody; an unknown one is a
    404"""
    for page in ("/docs", "/redoc"):
        for asset in assets(expect.answered(world.anonymous.get(page)).decode()):
            reply = world.anonymous.get(asset)
            expect.answered(reply)
            for word in ("public", "immutable"):
                expect.contains(reply.headers["Cache-Control"], word)
    expect.refused(world.anonymous.get("/docs/assets/none/none.js"), 404, "not_found")


def not_found(world):
    """What is not there is a 404 `not_found`"""
    expect.refused(world.admin.get("/jobs/01890000-0000-7000-8000-000000000000"), 404, "not_found")


def validation(world):
    """Wrong types, missing and unknown members are a 422 that points at each, and leave no trace"""
    before = sum(1 for _ in walk(world.admin, "/conversations"))
    for body, pointer in (({"title": 7}, "/title"), ({"titel": "x"}, "/titel"),
                          ({"title": "x" * 10_000}, "/title")):
        expect.refused(world.admin.post("/conversations", body), 422, "validation_failed", pointer)
    yield
    # Others of this suite may have made some meanwhile: none of those that were refused is there.
    titles = [item["title"] for item in walk(world.admin, "/conversations")]
    expect.that(len(titles) >= before and "x" * 10_000 not in titles, len(titles))


def injection(world):
    """Text that would be code elsewhere (SQL, HTML, a path) is kept and found as it is"""
    texts = ["'; DROP TABLE notebooks; --", "<script>alert(1)</script>", "../../etc/passwd",
             "%00%2e%2e", "$(reboot)", "{{7*7}}"]
    for text in texts:
        expect.answered(world.admin.post("/notebooks", {"title": text, "tags": [text]}), 201)
    expect.refused(world.admin.get("/notebooks", query={"sort": "title; --"}), 422,
                   "validation_failed")
    yield
    for text in texts:
        found = expect.answered(world.admin.get("/notebooks", query={"tag": text}))["items"]
        expect.equal([item["title"] for item in found], [text])


def start_and_stop(world):
    """SIGTERM drains and exits with 0; what was answered before is there at the next start"""
    with world.another() as server:
        client = server.client()
        made = expect.answered(client.post("/notebooks", {"title": "kept"}), 201)
        client.close()
        expect.equal(server.stop(), 0)
        server.start()
        found = expect.answered(server.client().get("/notebooks/" + made["id"]))
        expect.equal(found, made)


@needs("--listen", "0.0.0.0:0")
def listen_anywhere(world):
    """`perdure serve --listen 0.0.0.0:PORT` answers there; a port past 65535 exits with 2"""
    server = world.set_up("--listen", "0.0.0.0:0")
    server.host = "127.0.0.1"
    expect.answered(server.client("").get("/health"))
    expect.equal(world.run("config", "--listen", "0.0.0.0:70000").returncode, 2)


def prometheus(world):
    """`/metrics` is Prometheus text, or OpenMetrics when asked; callers without a key get a 401"""
    text = expect.answered(world.admin.get("/metrics"))
    expect.contains(text.decode(), "# TYPE http_requests_total counter")
    asked = world.admin.get("/metrics", headers={"Accept": "application/openmetrics-text"})
    expect.that(expect.answered(asked).endswith(b"# EOF\n"), asked.body[-20:])
    expect.refused(world.anonymous.get("/metrics"), 401, "unauthenticated")


def compression(world):
    """Bodies over 1 KiB come as gzip to clients that take it; a nonsense coding changes nothing"""
    for _ in range(3):
        expect.answered(world.admin.post("/notebooks", {"title": "x" * 400}), 201)
    headers = {"Accept-Encoding": "gzip"}
    zipped = world.admin.get("/notebooks", headers=headers)
    expect.equal(zipped.headers["Content-Encoding"], "gzip")
    expect.contains(json.loads(gzip.decompress(zipped.body)), "items")
    plain = world.admin.get("/notebooks", headers={"Accept-Encoding": "nonsense"})
    expect.equal((plain.status, plain.headers["Content-Encoding"]), (200, None))


def caching_headers(world):
    """`ETag`, `Cache-Control` and `Vary` on resources: 304 while unchanged, 412 for a stale one"""
    made = expect.answered(world.admin.post("/notebooks", {"title": "t"}), 201)
    path = "/notebooks/" + made["id"]
    first = world.admin.get(path)
    expect.contains(first.headers["Cache-Control"], "no-cache")
    expect.contains(first.headers["Vary"], "Authorization")
    yield
    again = world.admin.get(path, headers={"If-None-Match": first.headers["ETag"]})
    expect.equal((again.status, again.body), (304, b""))
    expect.answered(world.admin.patch(path, {"title": "u"}))
    stale = world.admin.patch(path, {"title": "v"}, headers={"If-Match": first.headers["ETag"]})
    expect.equal(stale.status, 412)


def versions(world):
    """A path without the version is version 1; `/api/v2` is a 404"""
    made = expect.answered(world.admin.post("/api/v1/notebooks", {"title": "t"}), 201)
    yield
    for prefix in ("", "/api", "/api/v1"):
        expect.equal(expect.answered(world.admin.get(f"{prefix}/notebooks/{made['id']}")), made)
    expect.refused(world.admin.get(f"/api/v2/notebooks/{made['id']}"), 404, "not_found")
