# SPDX-License-Identifier: Apache-2.0
"""HTTP as its RFCs have it, and pages of other origins, asked of the real server."""

import gzip
import json
import re
import socket
import unittest
from decimal import Decimal

from harness import BlackBoxTest, SharedServerTest, new_id
from websocket import WebSocket

GZIP = {"Accept-Encoding": "gzip"}
PAGE = "https://app.example"


def varies(reply):
    return {name.strip() for field in reply.headers.get_all("Vary") or []
            for name in field.split(",")}


class Validators(SharedServerTest):
    def large(self):
        path = f"/api/v1/durable-objects/document/{new_id()}"
        name = path.rsplit("/", 1)[1]
        put = self.client.command("document", name, "put", {"text": "word " * 999})
        self.assertEqual(put.status, 200)
        return path

    def test_gzip_has_one_of_its_own(self):
        for path in (self.large(), "/openapi.json", "/docs", "/redoc"):
            with self.subTest(path):
                plain, packed = self.client.get(path), self.client.get(path, headers=GZIP)
                self.assertRegex(plain.headers["ETag"], r'^"[0-9a-f]+"$')
                if len(plain.body) <= 1024:  # never packed
                    self.assertEqual(packed.headers["ETag"], plain.headers["ETag"])
                    continue
                self.assertEqual(gzip.decompress(packed.body), plain.body)
                self.assertNotEqual(packed.headers["ETag"], plain.headers["ETag"])
                self.assertNotIn("W/", packed.headers["ETag"])

    def test_asset_that_was_packed_beforehand_has_one_too(self):
        script = re.search(r'src="([^"]+)"', self.client.get("/docs").body.decode()).group(1)
        plain, packed = self.client.get(script), self.client.get(script, headers=GZIP)
        self.assertEqual(gzip.decompress(packed.body), plain.body)
        self.assertNotEqual(packed.headers["ETag"], plain.headers["ETag"])
        spared = self.client.get(script, headers={"If-None-Match": packed.headers["ETag"], **GZIP})
        self.assertEqual((spared.status, spared.headers["ETag"]), (304, packed.headers["ETag"]))

    def test_a_304_says_what_the_200_would(self):
        for path in (self.large(), "/openapi.json", "/docs", "/problems/not_found"):
            for accept in ({}, GZIP):
                with self.subTest(path, **accept):
                    whole = self.client.get(path, headers=accept)
                    spared = self.client.get(
                        path, headers={"If-None-Match": whole.headers["ETag"], **accept})
                    self.assertEqual((spared.status, spared.body), (304, b""))
                    for name in ("ETag", "Cache-Control", "Content-Security-Policy"):
                        self.assertEqual(spared.headers[name], whole.headers[name], name)
                    self.assertEqual(varies(spared), varies(whole))
                    self.assertIsNone(spared.headers["Content-Encoding"])

    def test_either_form_names_the_resource(self):
        path = self.large()
        plain = self.client.get(path).headers["ETag"]
        packed = self.client.get(path, headers=GZIP).headers["ETag"]
        for tag in (plain, packed):
            for accept in ({}, GZIP):
                spared = self.client.get(path, headers={"If-None-Match": "W/" + tag, **accept})
                # The tag is the one that the client has: it can tell which copy is meant.
                self.assertEqual((spared.status, spared.headers["ETag"]), (304, tag))
        for tag, status in ((packed, 200), (packed, 412), (plain, 412), ("*", 200)):
            reply = self.client.patch(path, {"a": status}, headers={"If-Match": tag})
            self.assertEqual(reply.status, status, reply)

    def test_empty_elements_of_lists_are_read_over(self):
        path = self.large()
        tag = self.client.get(path).headers["ETag"]
        for tags in (f",{tag}", f'"x", ,{tag},', f" ,\t, {tag}"):
            self.assertEqual(self.client.get(path, headers={"If-None-Match": tags}).status, 304)
        for tags in (",", "", " , "):
            self.assert_problem(self.client.get(path, headers={"If-None-Match": tags}), 400)


class Problems(SharedServerTest):
    def test_type_leads_to_what_it_means(self):
        found = (self.client.get("/nothing"), self.client.get("/notebooks?x=1"),
                 self.client.get("/notebooks", headers={"Authorization": "Bearer no"}),
                 self.client.put("/notebooks", {}), self.client.post("/notebooks", raw=b"{"))
        for problem in found:
            page = self.shared.client("").get(problem.json["type"])
            self.assertEqual(page.status, 200, page)
            self.assertEqual((page.json["code"], page.json["status"], page.json["type"]),
                             (problem.json["code"], problem.status, problem.json["type"]))
            for member in ("meaning", "advice"):
                self.assertTrue(page.json[member].endswith("."))

    def test_page_is_html_for_a_browser(self):
        accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
        page = self.client.get("/problems/rate_limited", headers={"Accept": accept})
        self.assertEqual(page.headers["Content-Type"], "text/html; charset=utf-8")
        self.assertIn(b"<h1>rate_limited</h1>", page.body)
        self.assertIn(b"429", page.body)
        self.assertIn("Accept", varies(page))
        self.assertIn("default-src 'none'", page.headers["Content-Security-Policy"])
        plain = self.client.get("/problems/rate_limited", headers={"Accept": "*/*"})
        self.assertEqual(plain.headers["Content-Type"], "application/json")
        self.assertEqual((plain.json["retry"], plain.json["fields"][0]), (True, "Retry-After"))
        self.assertNotEqual(plain.headers["ETag"], page.headers["ETag"])
        self.assert_problem(self.client.get("/problems/nonsense"), 404, "not_found")
        self.assert_problem(self.client.get("/problems/gone", headers={"Accept": "image/png"}), 406)

    def test_challenge_says_invalid_token_to_who_sent_one(self):
        anonymous = self.shared.client("")
        refused = anonymous.get("/notebooks")
        self.assert_problem(refused, 401)
        self.assertEqual(refused.headers["WWW-Authenticate"], 'Bearer realm="perdure"')
        for headers in ({"Authorization": "Bearer no-such-key"}, {"X-API-Key": "no-such-key"},
                        {"Authorization": "Bearer " + "x" * 600}):
            refused = anonymous.get("/notebooks", headers=headers)
            self.assert_problem(refused, 401)
            self.assertEqual(refused.headers["WWW-Authenticate"],
                             'Bearer realm="perdure", error="invalid_token"')

    def test_no_answer_tells_what_a_library_said(self):
        bodies = (b"{", b'{"a":\x01}', b'{"a":"\\ud800"}', b"[1,]", b'"\\x"',
                  b"nul")
        for body in bodies:
            for path in ("/notebooks", "/durable-objects/counter/a/request"):
                reply = self.client.post(path, raw=body)
                self.assert_problem(reply, 400, "malformed")
                for word in (b"exception", b"syntax", b"lexer", b"parse_error", b"token"):
                    self.assertNotIn(word, reply.body)

    def test_no_answer_names_the_version_of_the_server(self):
        replies = [self.client.get(path) for path in ("/", "/nothing", "/docs", "/notebooks")]
        for reply in replies:
            self.assertNotRegex(reply.headers["Server"] or "", r"\d")
        with socket.create_connection((self.shared.host, self.shared.port)) as connection:
            connection.sendall(
                (f"GET /events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.client.key}\r\n"
                 "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode())
            head = connection.recv(4096).split(b"\r\n\r\n")[0]
        self.assertIn(b" 101 ", head)
        self.assertNotRegex(head, rb"(?i)\r\nserver:[^\r]*\d")


class OtherOrigins(SharedServerTest):
    arguments = ("--cors-origins", f"{PAGE},https://other.example", "--limits-body", "4KiB",
                 "--timeouts-header", "300ms", "--limits-connections-per-address", "16")

    def refused(self, data, status, origin=PAGE):
        """The head of the refusal that comes back for these bytes."""
        with socket.create_connection((self.shared.host, self.shared.port), timeout=20) as client:
            client.sendall(data)
            head = b""
            while b"\r\n\r\n" not in head:
                more = client.recv(65536)
                self.assertTrue(more, head)
                head += more
        head = head.split(b"\r\n\r\n")[0].decode()
        self.assertTrue(head.startswith(f"HTTP/1.1 {status} "), head)
        self.assertIn("Vary: Origin", head)
        allowed = re.findall(r"Access-Control-Allow-Origin: (.*)", head)
        self.assertEqual([value.strip() for value in allowed], [origin] if origin else [])
        return head

    def test_pages_can_read_what_the_http_layer_refuses(self):
        head = f"Host: x\r\nOrigin: {PAGE}\r\n"
        self.refused(f"GET /\x7f HTTP/1.1\r\n{head}\r\n".encode(), 400)
        self.refused(f"GET /|x HTTP/1.1\r\n{head}\r\n".encode(), 400)
        self.refused(f"BREW / HTTP/1.1\r\n{head}\r\n".encode(), 501)
        self.refused(f"GET / HTTP/2.0\r\n{head}\r\n".encode(), 505)
        self.refused(f"GET / HTTP/1.1\r\n{head}Expect: tea\r\n\r\n".encode(), 417)
        self.refused(f"GET / HTTP/1.1\r\n{head}X: {'y' * 20_000}\r\n\r\n".encode(), 431)
        self.refused(f"GET / HTTP/1.1\r\n{head}X".encode(), 408)
        key = f"Authorization: Bearer {self.client.key}\r\n"
        self.refused(f"POST /notebooks HTTP/1.1\r\n{head}{key}Content-Type: application/json\r\n"
                     "Content-Length: 99999\r\n\r\n".encode(), 413)
        refusal = self.refused(f"BREW / HTTP/1.1\r\n{head}\r\n".encode(), 501)
        self.assertIn("Access-Control-Expose-Headers: ", refusal)

    def test_pages_that_are_not_listed_cannot(self):
        for origin in ("https://evil.example", "null", f"{PAGE}.evil.example", f"{PAGE} x"):
            self.refused(f"BREW / HTTP/1.1\r\nHost: x\r\nOrigin: {origin}\r\n\r\n".encode(), 501,
                         None)
        self.refused(b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 501, None)
        self.refused(b"nonsense\r\n\r\n", 400, None)

    def test_pages_learn_that_there_is_no_place(self):
        kept = []
        try:
            for _ in range(16):
                client = self.shared.client()
                self.assertLess(client.get("/health/live").status, 300)
                kept.append(client)
        except (ConnectionError, AssertionError):
            pass
        try:
            refusal = self.refused(
                f"GET / HTTP/1.1\r\nHost: x\r\nOrigin: {PAGE}\r\n\r\n".encode(), 503)
            self.assertIn("Retry-After: 1", refusal)
        finally:
            for client in kept:
                client.close()

    def test_traces_of_the_usual_libraries_may_be_sent(self):
        preflight = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
        allowed = self.client.call("OPTIONS", "/notebooks", headers=preflight).headers[
            "Access-Control-Allow-Headers"].split(", ")
        for name in ("baggage", "sentry-trace", "tracestate", "traceparent", "Authorization",
                     "Idempotency-Key"):
            self.assertIn(name, allowed)


class OneOrigin(BlackBoxTest):
    def test_refusal_of_what_was_never_read_goes_to_the_only_page_there_is(self):
        running = self.server("--cors-origins", PAGE, "--cors-headers", "X-Mine",
                              "--timeouts-header", "300ms").start()
        head = running.raw(b"\x16\x03\x01\r\n\r\n").split(b"\r\n\r\n")[0]
        self.assertIn(f"Access-Control-Allow-Origin: {PAGE}".encode(), head)
        allowed = running.client().call(
            "OPTIONS", "/notebooks",
            headers={"Origin": PAGE, "Access-Control-Request-Method": "POST"}).headers[
                "Access-Control-Allow-Headers"].split(", ")
        self.assertIn("X-Mine", allowed)
        self.assertNotIn("baggage", allowed)


class Requests(SharedServerTest):
    def test_own_page_may_open_websockets_under_any_spelling_of_its_host(self):
        port = self.shared.port
        for target, host, origin, status in (
                ("/events", f"a:{port}", f"http://a:{port}", 101),
                (f"http://a:{port}/events", "b", f"http://a:{port}", 101),
                (f"http://a:{port}/events", "b", "http://b", 403),
                ("/events", "a:80", "http://a", 101),
                ("/events", "a", "http://a:80", 101),
                ("/events", "a:443", "https://a", 101),
                ("/events", "a:443", "http://a", 403),
                ("/events", "a", "http://evil.example", 403)):
            with self.subTest(target, host=host, origin=origin):
                answer = self.upgrade(target, host, origin)
                self.assertTrue(answer.startswith(f"HTTP/1.1 {status} ".encode()), answer)

    def upgrade(self, target, host, origin):
        with socket.create_connection((self.shared.host, self.shared.port)) as connection:
            connection.sendall(
                (f"GET {target} HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\n"
                 f"Authorization: Bearer {self.client.key}\r\n"
                 "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode())
            return connection.recv(4096)


class Numbers(BlackBoxTest):
    """A number is kept as it is, or refused, wherever JSON comes in."""

    KEPT = ("18446744073709551615", "-9223372036854775808", "9007199254740993", "0.1", "1e22",
            "0.30000000000000004", "1.7976931348623157e308", "5e-324",
            "123456789012345680000", "-0.0", "1e308")
    REFUSED = ("12345678901234567890123", "18446744073709551616", "-9223372036854775809",
               "0.30000000000000004441", "1.00000000000000001", "9007199254740993.0", "1e-400",
               "1e999")

    def setUp(self):
        super().setUp()
        self.running = self.server().start()
        self.client = self.running.client()

    def ways_in(self):
        """(path, method, body with NUMBER, pointer to it)."""
        base = "/durable-objects/document/numbers"
        return (
            (base, "PUT", '{"a":[0,NUMBER]}', "/a/1"),
            (base, "PATCH", '{"a":NUMBER}', "/a"),
            (base + "/request", "POST", '{"command":"patch","payload":{"a":NUMBER}}', "/payload/a"),
            (base + "/request", "POST", '{"query":"get","payload":NUMBER}', "/payload"),
            (base + "/alarms", "POST",
             '{"name":"n","command":"patch","after_ms":9999999,"payload":{"a":NUMBER}}',
             "/payload/a"),
            ("/durable-objects/transact", "POST",
             '{"steps":[{"kind":"document","id":"numbers","command":"patch",'
             '"payload":{"a":NUMBER}}]}', "/steps/0/payload/a"),
            ("/durable-objects", "POST", '{"kind":"document","state":{"a":NUMBER}}', "/state/a"),
            ("/notebooks", "POST", '{"title":"n","metadata":{"a":NUMBER}}', "/metadata/a"),
            ("/jobs", "POST", '{"type":"echo","delay_ms":9999999,"payload":{"a":NUMBER}}',
             "/payload/a"),
            ("/users/preferences", "PUT", '{"a":NUMBER}', "/a"),
        )

    def test_what_cannot_be_kept_is_refused_with_its_place(self):
        self.client.command("document", "numbers", "put", {})
        for path, method, body, pointer in self.ways_in():
            for number in self.REFUSED:
                with self.subTest(f"{method} {path} {number}"):
                    reply = self.client.call(method, path,
                                             raw=body.replace("NUMBER", number).encode())
                    problem = self.assert_problem(reply, 422, "validation_failed")
                    error = problem["errors"][0]
                    self.assertEqual((error["pointer"], error["code"]), (pointer, "number"))
                    self.assertIn("64 bits", error["message"])

    def test_what_is_taken_is_read_again(self):
        self.client.command("document", "numbers", "put", {})
        for path, method, body, _ in self.ways_in():
            for number in self.KEPT:
                with self.subTest(f"{method} {path} {number}"):
                    reply = self.client.call(method, path,
                                             raw=body.replace("NUMBER", number).encode())
                    self.assertLess(reply.status, 300, reply)
        all_of_them = "[" + ",".join(self.KEPT) + "]"
        path = "/durable-objects/document/numbers"
        self.client.put(path, raw=b'{"all":' + all_of_them.encode() + b"}")
        before = self.client.get(path)
        exactly = {"parse_int": Decimal, "parse_float": Decimal}
        self.assertEqual(json.loads(before.body, **exactly)["state"]["all"],
                         json.loads(all_of_them, **exactly))
        for number in ("18446744073709551615", "-9223372036854775808", "9007199254740993"):
            self.assertIn(number.encode(), before.body)
        self.running.kill()
        self.running.restart()
        again = self.running.client().get(path)
        self.assertEqual(again.json["state"], before.json["state"])

    def test_frames_of_a_chat_are_judged_the_same(self):
        conversation = self.client.post("/conversations", {"title": "n"}).json["id"]
        chat = WebSocket(self.running, self.client.key, f"/api/v1/chat/{conversation}?after=0")
        self.addCleanup(chat.close)
        chat.next()
        chat.send_text('{"type":"message","content":"x","metadata":{"a":18446744073709551617}}')
        error = self.next_of(chat, "error")
        self.assertEqual(error["code"], "validation_failed")
        self.assertIn("metadata.a", error["details"])
        chat.send_text('{"type":"message","content":"x","metadata":{"a":18446744073709551615}}')
        self.assertEqual(self.next_of(chat, "message")["seq"], 1)
        stored = self.client.get(f"/conversations/{conversation}/messages")
        self.assertIn(b'"a":18446744073709551615', stored.body)

    def next_of(self, chat, kind):
        while (frame := chat.next())["type"] != kind:
            pass
        return frame

    def test_events_and_exports_carry_what_was_sent(self):
        self.client.post("/durable-objects", raw=b'{"kind":"document","id":"numbers",'
                                                 b'"state":{"a":18446744073709551615}}')
        file = self.client.get("/durable-objects/document/numbers/export").body
        self.assertIn(b"18446744073709551615", file)
        copied = self.client.call("POST", "/durable-objects/import?id=copy", raw=file,
                                  headers={"Content-Type": "application/x-ndjson"})
        self.assertEqual(copied.status, 201, copied)
        self.assertIn(b'"a":18446744073709551615', copied.body)
        forged = file.replace(b"18446744073709551615", b"18446744073709551617")
        refused = self.client.call("POST", "/durable-objects/import?id=forged", raw=forged,
                                   headers={"Content-Type": "application/x-ndjson"})
        self.assertIn(refused.status, (400, 422), refused)


if __name__ == "__main__":
    unittest.main(verbosity=2)
