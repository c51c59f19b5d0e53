# SPDX-License-Identifier: Apache-2.0
"""Well-formed requests are answered as RFC 9110 and 9112 say."""

import email.utils
import gzip
import re
import time
import unittest

from harness import ServerTest, request

UUID_V7 = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")


class Persistence(ServerTest):
    def test_connection_is_kept_for_the_next_request(self):
        client = self.connect()
        for _ in range(3):
            response = client.ask(request())
            self.assertEqual((response.status, response.body), (200, b"constant"))
            self.assertEqual(response.all("Connection"), [])

    def test_close_is_honoured(self):
        client = self.connect()
        response = client.ask(request("/constant", "GET", "Connection: close"))
        self.assertEqual(response["Connection"], "close")
        self.assertTrue(client.is_closed())

    def test_handler_may_close(self):
        client = self.connect()
        self.assertEqual(client.ask(request("/close"))["Connection"], "close")
        self.assertTrue(client.is_closed())

    def test_http_1_0_closes_unless_asked(self):
        client = self.connect()
        self.assertEqual(client.ask("GET /constant HTTP/1.0\r\n\r\n")["Connection"], "close")
        self.assertTrue(client.is_closed())
        client = self.connect()
        keep = "GET /constant HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
        for _ in range(2):
            self.assertEqual(client.ask(keep)["Connection"], "keep-alive")

    def test_pipelined_requests_are_answered_in_order(self):
        client = self.connect()
        sent = []
        for number in range(40):
            body = f"body {number}"
            sent.append(body.encode())
            client.send(request("/echo", "POST", f"Content-Length: {len(body)}", body=body))
            if number % 10 == 0:
                client.send(request("/burst"))
                sent.append(b"later")
        self.assertEqual([client.response().body for _ in sent], sent)

    def test_slow_answer_holds_back_the_quick_one_behind_it(self):
        client = self.connect()
        client.send(request("/slow") + request("/constant"))
        self.assertEqual(client.response().body, b"later")
        self.assertEqual(client.response().body, b"constant")

    def test_one_empty_line_between_requests_is_skipped(self):
        client = self.connect()
        self.assertEqual(client.ask(request()).status, 200)
        self.assertEqual(client.ask("\r\n" + request()).status, 200)

    def test_request_may_arrive_byte_by_byte(self):
        client = self.connect()
        for byte in request("/echo", "POST", "Transfer-Encoding: chunked",
                            body="5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nX-Trailer: t\r\n\r\n"):
            client.send(byte)
        self.assertEqual(client.response().body, b"hello!")
        self.assertEqual(client.ask(request()).status, 200)


class Methods(ServerTest):
    def test_head_has_the_length_and_no_body(self):
        client = self.connect()
        head = client.ask(request("/constant", "HEAD"), to="HEAD")
        self.assertEqual((head.status, head["Content-Length"]), (200, "8"))
        self.assertEqual(client.ask(request()).body, b"constant")

    def test_answers_without_body_have_none(self):
        client = self.connect()
        self.assertEqual(client.ask(request("/empty")).all("Content-Length"), [])
        self.assertEqual(client.ask(request("/unmodified")).status, 304)
        self.assertEqual(client.ask(request()).body, b"constant")

    def test_all_implemented_methods_reach_the_handler(self):
        client = self.connect()
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            body = client.ask(request("/describe", method)).body.decode()
            self.assertTrue(body.startswith(f"{method} /describe\n"), body)

    def test_abandoned_request_gets_500_and_the_connection_stays(self):
        client = self.connect()
        for path in ("/drop", "/throw"):
            response = client.ask(request(path))
            self.assertEqual(response.status, 500)
            self.assertIn(b'"code":"internal"', response.body)
        self.assertEqual(client.ask(request()).status, 200)


class Targets(ServerTest):
    def describe(self, target, host="test", method="GET"):
        response = self.connect().ask(request(target, method, host=host))
        return response.body.decode().split("\n")

    def test_query_is_split_from_the_path(self):
        lines = self.describe("/describe?a=1?b%20&c")
        self.assertEqual(lines[1:3], ["path=/describe", "query=a=1?b%20&c"])

    def test_absolute_form_is_reduced(self):
        self.assertEqual(self.describe("http://test/describe?x=1")[0], "GET /describe?x=1")
        self.assertEqual(self.describe("http://TEST:80/describe", "test:80")[0], "GET /describe")

    def test_authority_of_the_target_is_the_host(self):
        for target, host, asked in (("http://test:80/describe", "test", "test:80"),
                                    ("http://test/describe", "test:80", "test"),
                                    ("https://other:9/describe", "test", "other:9"),
                                    ("/describe", "test", "test")):
            with self.subTest(target):
                self.assertIn("host=" + asked, self.describe(target, host))

    def test_brackets_may_stand_in_queries(self):
        self.assertEqual(self.describe("/describe?a[b]=1")[2], "query=a[b]=1")

    def test_options_of_the_server(self):
        response = self.connect().ask(request("*", "OPTIONS"))
        self.assertEqual(response.status, 404)  # it reached the handler, which has no such route

    def test_repeated_fields_stay_apart_and_peer_is_known(self):
        body = self.connect().ask(request("/describe", "GET", "X-A: 1", "x-a:2 ")).body.decode()
        self.assertIn("X-A=1\nx-a=2\n", body)
        self.assertIn("peer=127.0.0.1\nplain\n", body)


class Bodies(ServerTest):
    def test_continue_is_said_before_a_body_that_is_wanted(self):
        client = self.connect()
        head = request("/echo", "POST", "Content-Length: 5", "Expect: 100-continue")
        self.assertEqual(client.ask(head).status, 100)
        self.assertEqual(client.ask("hello").body, b"hello")

    def test_continue_is_not_said_when_the_body_is_there(self):
        client = self.connect()
        head = request("/echo", "POST", "Content-Length: 5", "Expect: 100-continue", body="hello")
        self.assertEqual(client.ask(head).body, b"hello")

    def test_refusal_comes_instead_of_continue(self):
        client = self.connect()
        self.refused(request("/describe", "POST", "Content-Length: 1", "Expect: 100-continue"),
                     413, client=client)

    def test_other_expectations_are_not_met(self):
        self.refused(request("/echo", "POST", "Content-Length: 5", "Expect: tea"), 417)

    def test_large_bodies_pass_both_ways(self):
        body = "x" * 1_000_000
        client = self.connect()
        sized = request("/echo", "POST", f"Content-Length: {len(body)}", body=body)
        self.assertEqual(client.ask(sized).body, body.encode())
        chunk = f"{len(body) // 4:x}\r\n{body[:len(body) // 4]}\r\n"
        chunked = request("/echo", "POST", "Transfer-Encoding: chunked",
                          body=chunk * 4 + "0\r\n\r\n")
        self.assertEqual(client.ask(chunked).body, body.encode())


class Fields(ServerTest):
    def test_date_is_now(self):
        date = self.connect().ask(request())["Date"]
        self.assertRegex(date, r"^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$")
        self.assertLess(abs(email.utils.parsedate_to_datetime(date).timestamp() - time.time()), 3)

    def test_well_formed_request_id_is_echoed(self):
        for good in ("a", "A.b_c-9", "x" * 128):
            response = self.connect().ask(request("/constant", "GET", f"X-Request-ID: {good}"))
            self.assertEqual(response["X-Request-ID"], good)

    def test_other_request_ids_are_replaced(self):
        for bad in ("", "x" * 129, "a b", "a/b", "\xe4"):
            response = self.connect().ask(request("/constant", "GET", f"X-Request-ID: {bad}"))
            self.assertRegex(response["X-Request-ID"], UUID_V7)

    def test_refusal_echoes_the_request_id(self):
        response = self.connect().ask("BREW / HTTP/1.1\r\nHost: a\r\nX-Request-ID: mine\r\n\r\n")
        self.assertEqual((response.status, response["X-Request-ID"]), (501, "mine"))

    def test_handler_cannot_forge_fields(self):
        response = self.connect().ask(request("/forged"))
        self.assertEqual(response.all("X-Forged"), [])
        self.assertEqual(response["X-Value"], "a  X-Forged: yes")
        self.assertNotEqual(response["Date"], "never")
        self.assertEqual(response.body, b"forged")


class Compression(ServerTest):
    def asset(self, path, accept):
        fields = [] if accept is None else [f"Accept-Encoding: {accept}"]
        response = self.connect().ask(request(path, "GET", *fields))
        coded = response.all("Content-Encoding") == ["gzip"]
        self.assertEqual(response["ETag"], '"7-gzip"' if coded else '"7"')
        return response

    def test_gzip_is_sent_to_those_who_accept_it(self):
        for accept in ("gzip", "GZIP", "br, gzip;q=0.5", "*", "*;q=0.1", "gzip ; q=1.000"):
            response = self.asset("/asset", accept)
            self.assertEqual(response["Content-Encoding"], "gzip", accept)
            self.assertEqual(response["Vary"], "Accept-Encoding")
            self.assertEqual(gzip.decompress(response.body), b"a" * 100_000)

    def test_gzip_is_not_sent_to_others_but_varies(self):
        for accept in (None, "", "br", "gzip;q=0", "gzip;q=0.000, *", "*;q=0", "identity"):
            response = self.asset("/asset", accept)
            self.assertEqual(response.all("Content-Encoding"), [], accept)
            self.assertEqual(response["Vary"], "Accept-Encoding")
            self.assertEqual(len(response.body), 100_000)

    def test_small_and_compressed_types_are_left_alone(self):
        self.assertEqual(self.asset("/image", "gzip").all("Content-Encoding"), [])
        small = self.connect().ask(request("/constant", "GET", "Accept-Encoding: gzip"))
        self.assertEqual(small.all("Content-Encoding") + small.all("Vary"), [])

    def test_asset_compressed_beforehand_is_used(self):
        self.assertEqual(self.asset("/precompressed", "gzip").body, b"precompressed bytes")

    def test_head_tells_the_same_length(self):
        asked = request("/asset", "HEAD", "Accept-Encoding: gzip")
        head = self.connect().ask(asked, to="HEAD")
        self.assertEqual(int(head["Content-Length"]), len(self.asset("/asset", "gzip").body))


if __name__ == "__main__":
    unittest.main()
