# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 by the book (RFC 9112 and 9110), and the known ways to smuggle a request past a reader.

Each class names the section that it is about. A request that is refused ends its connection; the
one behind it must never be answered.
"""

import unittest

from harness import ServerTest, request

SMUGGLED = "GET /describe HTTP/1.1\r\nHost: smuggled\r\n\r\n"
HOST = "Host: test\r\n"


def post(*fields, body=""):
    return request("/echo", "POST", *fields, body=body)


def chunked(body, *fields):
    return post("Transfer-Encoding: chunked", *fields, body=body)


class Conformance(ServerTest):
    def answered(self, data, status=200, body=None):
        response = self.connect().ask(data)
        self.assertEqual(response.status, status, data[:200])
        if body is not None:
            self.assertEqual(response.body, body, data[:200])
        return response

    def followed(self, data, body):
        """`data` is one whole request: the next one on the connection is answered, too."""
        client = self.connect()
        client.send(data + request())
        self.assertEqual(client.response().body, body, data[:200])
        self.assertEqual(client.response().body, b"constant", data[:200])


class MessageParsing(Conformance):
    """RFC 9112, section 2.2: a message is what its bytes say, however they arrive."""

    def test_request_in_two_parts_is_answered_wherever_it_is_cut(self):
        data = post("Content-Length: 5", "X-A: b", body="hello")
        for at in range(1, len(data)):
            client = self.connect()
            client.send(data[:at])
            client.send(data[at:])
            self.assertEqual(client.response().body, b"hello", at)

    def test_chunked_request_in_two_parts_is_answered_wherever_it_is_cut(self):
        data = chunked("3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nT: u\r\n\r\n")
        client = self.connect()
        for at in range(1, len(data)):
            client.send(data[:at])
            client.send(data[at:])
            self.assertEqual(client.response().body, b"hello", at)

    def test_requests_byte_by_byte_are_answered(self):
        client = self.connect()
        for byte in post("Content-Length: 5", body="hello") + chunked("1\r\na\r\n0\r\n\r\n"):
            client.send(byte)
        self.assertEqual([client.response().body, client.response().body], [b"hello", b"a"])

    def test_one_empty_line_before_a_request_is_read_over(self):
        client = self.connect()
        for _ in range(3):
            self.assertEqual(client.ask("\r\n" + request()).body, b"constant")

    def test_line_ends_other_than_crlf_are_refused(self):
        for data in (f"GET / HTTP/1.1\n{HOST}\r\n", f"GET / HTTP/1.1\r\n{HOST}\n",
                     f"GET / HTTP/1.1\r{HOST}\r\n", f"GET / HTTP/1.1\r\r\n{HOST}\r\n",
                     f"GET / HTTP/1.1\r\n{HOST}X: y\rZ: w\r\n\r\n",
                     f"GET / HTTP/1.1\r\n{HOST}\r\r\n\r\n", f"\n\nGET / HTTP/1.1\r\n{HOST}\r\n"):
            with self.subTest(data):
                self.refused(data + SMUGGLED, 400)

    def test_space_between_request_line_and_first_field_is_refused(self):
        for space in (" ", "\t", "  ", "\x0b"):
            self.refused(f"GET / HTTP/1.1\r\n{space}Host: a\r\n{HOST}\r\n" + SMUGGLED, 400)
            self.refused(f"GET / HTTP/1.1\r\n{space}\r\n{HOST}\r\n" + SMUGGLED, 400)


class Versions(Conformance):
    """RFC 9112, section 2.3; RFC 9110, section 2.5."""

    def test_http_0_9_is_refused(self):
        for line in ("GET /", "GET /constant", "GET / "):
            self.refused(f"{line}\r\n\r\n" + SMUGGLED, 400)

    def test_preface_of_http_2_is_refused(self):
        self.refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505)
        self.refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + "\0\0\0\4\0\0\0\0\0", 505)

    def test_upgrade_to_http_2_is_not_taken(self):
        self.followed(request("/constant", "GET", "Connection: Upgrade, HTTP2-Settings",
                              "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"), b"constant")

    def test_other_versions_are_refused(self):
        for version in ("HTTP/2.0", "HTTP/3.0", "HTTP/0.9", "HTTP/9.9"):
            self.refused(f"GET / {version}\r\n{HOST}\r\n" + SMUGGLED, 505)
        for version in ("HTTP/1", "HTTP/11.1", "HTTP/1.10", "HTTP/01.1", "HTTP/1.1.1", "HTTP/+1.1",
                        "HTTP 1.1", "HTTPS/1.1", "http/1.1", "HTTP/1.1;", "HTTP/1,1", "HTTP/ 1.1",
                        "\"HTTP/1.1\"", "HTTP/1.1\0", "HTTP/1.1 HTTP/1.1"):
            with self.subTest(version):
                self.refused(f"GET / {version}\r\n{HOST}\r\n" + SMUGGLED, 400)

    def test_later_minor_versions_are_served_as_the_one_that_is_spoken(self):
        """RFC 9110, section 2.5."""
        for version in ("HTTP/1.2", "HTTP/1.9"):
            with self.subTest(version):
                self.followed(f"GET /constant {version}\r\n{HOST}\r\n", b"constant")

    def test_http_1_0_ends_its_connection(self):
        client = self.connect()
        response = client.ask("GET /constant HTTP/1.0\r\n\r\n")
        self.assertEqual((response.status, response.body), (200, b"constant"))
        self.assertTrue(client.is_closed())


class Targets(Conformance):
    """RFC 9112, section 3.2."""

    def test_absolute_form_is_taken_if_it_names_the_host(self):
        for target, host in (("http://test/constant", "test"), ("http://TEST/constant", "test"),
                             ("HTTP://test/constant", "test"), ("https://test/constant", "test"),
                             ("http://test:80/constant", "test:80"),
                             ("http://[::1]/constant", "[::1]")):
            with self.subTest(target):
                self.answered(request(target, host=host), 200, b"constant")

    def test_absolute_form_counts_whatever_host_says(self):
        """RFC 9112, section 3.2.2."""
        for target, host in (("http://other/describe", "other"),
                             ("http://test:80/describe", "test:80"),
                             ("http://other:9/describe", "other:9")):
            with self.subTest(target):
                answer = self.connect().ask(request(target))
                self.assertEqual(answer.status, 200)
                self.assertIn(f"\nhost={host}\n".encode(), answer.body)

    def test_absolute_form_without_a_valid_host_is_refused(self):
        for target in ("http://test@evil/", "http://test\\@evil/", "http:///constant",
                       "http:/constant", "http:constant", "http://a b/", "http://a:b/"):
            with self.subTest(target):
                self.refused(request(target) + SMUGGLED, 400)

    def test_two_slashes_begin_a_path_and_no_host(self):
        self.assertEqual(self.connect().ask(request("//evil/constant")).status, 404)

    def test_forms_of_other_methods_are_refused(self):
        self.refused(request("test:80") + SMUGGLED, 400)
        self.refused(request("*") + SMUGGLED, 400)
        self.refused(request("test:443", "CONNECT", host="test:443") + SMUGGLED, 501)

    def test_spaces_and_controls_in_a_target_are_refused(self):
        for target in ("/a b", "/a\tb", "/a\x0bb", "/a\x00b", "/a\x7fb", "/\xc3\xa4", "/a\rb",
                       "/ HTTP/1.1\rX: ", "/a#b", "#"):
            with self.subTest(target):
                self.refused(request(target) + SMUGGLED, 400)


class Fields(Conformance):
    """RFC 9112, section 5; RFC 9110, section 5."""

    def test_space_before_the_colon_is_refused(self):
        for field in ("Content-Length : 5", "Content-Length\t: 5", "Content-Length\x0b: 5",
                      "Content-Length\x00: 5", "Content-Length\xa0: 5", "Content-Length\r: 5",
                      "Host : test", "X : y"):
            with self.subTest(field):
                self.refused(post(field, body="hello") + SMUGGLED, 400)

    def test_folded_fields_are_refused(self):
        for fold in ("X: a\r\n b", "X: a\r\n\tb", "Content-Length:\r\n 5", "X:\r\n \r\n",
                     "Transfer-Encoding:\r\n chunked", "X: a\r\n \r\n b"):
            with self.subTest(fold):
                self.refused(post(fold, body="hello") + SMUGGLED, 400)

    def test_names_are_tokens(self):
        for field in (": no name", "=x: y", "a b: c", "a\"b: c", "(a): b", "a/b: c", "a@b: c",
                      "a[b]: c", "a{b}: c", "a;b: c", "a\\b: c", "\x80: c", "no colon", "a,b: c"):
            with self.subTest(field):
                self.refused(request("/constant", "GET", field) + SMUGGLED, 400)
        self.followed(request("/constant", "GET", "!#$%&'*+-.^_`|~09azAZ: y"), b"constant")

    def test_values_hold_no_control_bytes(self):
        for byte in [chr(code) for code in [*range(0, 9), *range(10, 32), 127]]:
            with self.subTest(byte):
                self.refused(request("/constant", "GET", f"X: a{byte}b") + SMUGGLED, 400)

    def test_values_may_be_empty_padded_and_not_ascii(self):
        for value in ("", " ", "\t", " a ", "\ta\t b \t", "\xe4", "\"q\\\"uoted\"", ":", "a:b"):
            self.followed(request("/constant", "GET", f"X:{value}"), b"constant")

    def test_names_are_compared_without_case(self):
        self.followed("POST /echo HTTP/1.1\r\nhOsT: test\r\ncONTENT-lENGTH: 5\r\n\r\nhello",
                      b"hello")


class HostField(Conformance):
    """RFC 9112, section 3.2: 400 for none, more than one, or an invalid one."""

    def test_requests_without_exactly_one_host_are_refused(self):
        for fields in ("", "Host: a\r\nHost: a\r\n", "Host: a\r\nhost: b\r\n", "Host: a, b\r\n",
                       "Host:\r\n", "Host: \r\n", "Host: a b\r\n", "Host: a\tb\r\n",
                       "Host: http://a\r\n", "Host: a/\r\n", "Host: a?\r\n", "Host: a#\r\n",
                       "Host: u@a\r\n", "Host: a:b\r\n", "Host: a:-1\r\n", "Host: [::1\r\n",
                       "Host: ::1\r\n", "Host: a\\b\r\n", "Host: \xe4\r\n", "X-Host: a\r\n"):
            with self.subTest(fields):
                self.refused(f"GET /constant HTTP/1.1\r\n{fields}\r\n" + SMUGGLED, 400)


class BodyLength(Conformance):
    """RFC 9112, section 6: one length, or chunks, and never a doubt."""

    def test_content_length_must_be_one_plain_number(self):
        for value in ("-1", "-0", "+5", "5,5", "5, 5", "5;5", "5 5", "0x5", "5e0", "5.0", "five",
                      "", " ", "\"5\"", "5\x00", "\xb5", "5,", ",5", "1_0", "٥",
                      "18446744073709551616", "99999999999999999999", "-18446744073709551611",
                      "4294967296" * 3):
            with self.subTest(value):
                data = post(f"Content-Length: {value}", body="hello") + SMUGGLED
                self.refused(data.encode("utf-8"), 400)

    def test_zeros_before_a_content_length_change_nothing(self):
        for value in ("5", "05", "0000000000000000000005", " 5", "5 ", "\t5\t"):
            self.followed(post(f"Content-Length: {value}", body="hello"), b"hello")

    def test_repeated_content_length_is_refused(self):
        for first, second in (("5", "5"), ("5", "6"), ("0", "5"), ("5", "0"), ("5", "")):
            self.refused(post(f"Content-Length: {first}", f"Content-Length: {second}",
                              body="hello") + SMUGGLED, 400)

    def test_content_length_beside_chunks_is_refused(self):
        for first, second in (("Content-Length: 4", "Transfer-Encoding: chunked"),
                              ("Transfer-Encoding: chunked", "Content-Length: 4"),
                              ("Content-Length: 4", "Transfer-Encoding: identity"),
                              ("Content-Length: 4", "transfer-encoding: CHUNKED"),
                              ("Content-Length: 0", "Transfer-Encoding: xchunked"),
                              ("Content-Length: 4", "Transfer-Encoding:")):
            with self.subTest(first + second):
                # CL.TE and TE.CL: for one reader the body ends before the hidden request.
                self.refused(post(first, second, body="0\r\n\r\n" + SMUGGLED), 400)
                self.refused(post(first, second, body=f"{len(SMUGGLED):x}\r\n" + SMUGGLED +
                                  "\r\n0\r\n\r\n"), 400)

    def test_transfer_encodings_in_disguise_are_refused(self):
        # TE.TE: one reader sees chunks, another does not.
        for field in ("Transfer-Encoding: xchunked", "Transfer-Encoding: x chunked",
                      "Transfer-Encoding: chunkedx", "Transfer-Encoding: chunked x",
                      "Transfer-Encoding: chunked, chunked", "Transfer-Encoding: chunked, identity",
                      "Transfer-Encoding: , chunked", "Transfer-Encoding: chunked,",
                      "Transfer-Encoding: \"chunked\"", "Transfer-Encoding: 'chunked'",
                      "Transfer-Encoding: chunked;foo=bar", "Transfer-Encoding: identity",
                      "Transfer-Encoding: chun\u212aed", "Transfer-Encoding: \xa0chunked",
                      "Transfer-Encoding: chunked\xa0", "Transfer-Encoding: \xffchunked",
                      "Transfer-Encoding: cow", "Transfer-Encoding:", "Transfer-Encoding: chunk"):
            with self.subTest(field):
                data = post(field, body="0\r\n\r\n" + SMUGGLED).encode("utf-8")
                self.refused(data, 400)
        for field in ("Transfer-Encoding: identity, chunked", "Transfer-Encoding: gzip, chunked"):
            with self.subTest(field):
                self.refused(post(field, body="0\r\n\r\n" + SMUGGLED), 501)

    def test_broken_fields_that_name_chunks_are_refused(self):
        for field in ("Transfer-Encoding : chunked", "Transfer-Encoding\t: chunked",
                      " Transfer-Encoding: chunked", "Transfer-Encoding\r\n : chunked",
                      "Transfer-Encoding:\r\n chunked", "Transfer-Encoding:\n chunked",
                      "X: y\nTransfer-Encoding: chunked", "X: y\rTransfer-Encoding: chunked",
                      "Transfer-Encoding:\x0bchunked", "Transfer-Encoding:\x0cchunked",
                      "Transfer-Encoding:\x00chunked", "Transfer-Encoding: chunked\x00",
                      "Transfer-Encoding: \x01chunked", "Transfer-Encoding chunked",
                      "\x00Transfer-Encoding: chunked", "Transfer-Encoding:: chunked\r\n: x",
                      "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
                      "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
                      "Transfer-Encoding: cow\r\nTransfer-Encoding: chunked"):
            with self.subTest(field):
                self.refused(post(field, body="0\r\n\r\n" + SMUGGLED), 400)

    def test_fields_that_only_look_like_framing_frame_nothing(self):
        for field in ("Transfer_Encoding: chunked", "Content-Encoding: chunked",
                      "X-Transfer-Encoding: chunked", "TE: chunked", "Content_Length: 99",
                      "Content-Lengthx: 99", "Trailer: Content-Length"):
            self.followed(post("Content-Length: 5", field, body="hello"), b"hello")

    def test_optional_space_around_chunked_is_read_over(self):
        for field in ("Transfer-Encoding:chunked", "Transfer-Encoding: \t chunked",
                      "Transfer-Encoding: chunked \t", "tRANSFER-eNCODING: cHUNKED"):
            self.followed(post(field, body="1\r\na\r\n0\r\n\r\n"), b"a")

    def test_chunks_in_http_1_0_are_refused(self):
        self.refused(f"POST /echo HTTP/1.0\r\n{HOST}Transfer-Encoding: chunked\r\n"
                     "Connection: keep-alive\r\n\r\n0\r\n\r\n" + SMUGGLED, 400)

    def test_request_without_a_length_has_no_body(self):
        self.followed(request("/echo", "POST"), b"")

    def test_bodies_of_requests_that_seldom_have_one_are_read(self):
        # A body that is left unread would be the next request.
        for method in ("GET", "DELETE", "OPTIONS", "HEAD"):
            client = self.connect()
            client.send(request("/constant", method, f"Content-Length: {len(SMUGGLED)}",
                                body=SMUGGLED) + request("/empty"))
            self.assertEqual(client.response(to=method).status, 200)
            self.assertEqual(client.response().status, 204)


class Chunks(Conformance):
    """RFC 9112, section 7.1."""

    def test_sizes_are_hexadecimal_of_any_case_and_with_zeros(self):
        for size in ("a", "A", "0a", "0000000A"):
            self.followed(chunked(f"{size}\r\n0123456789\r\n0\r\n\r\n"), b"0123456789")
        self.followed(chunked("1\r\na\r\n000\r\n\r\n"), b"a")

    def test_sizes_of_another_form_are_refused(self):
        for size in ("", "-1", "+1", "0x1", "x1", "1x", "1h", " 1", "\t1", "1_", "_1", "1.0", "1,",
                     "\"1\"", "g", "\x00", "1\x00", "\xff", "1 1", "1\t1", "- 1", "0-1", "1-"):
            with self.subTest(size):
                self.refused(chunked(f"{size}\r\na\r\n0\r\n\r\n" + SMUGGLED), 400)

    def test_sizes_that_overflow_are_refused(self):
        # Cut to 64 or 32 bits each of these would be 1.
        for size in ("10000000000000001", "f" * 17, "1" + "0" * 31 + "1", "f" * 200):
            with self.subTest(size):
                self.refused(chunked(f"{size}\r\na\r\n0\r\n\r\n" + SMUGGLED), 400)
        for size in ("100000001", "ffffffffffffffff", "8000000000000001", "7fffffffffffffff"):
            with self.subTest(size):
                self.refused(chunked(f"{size}\r\na\r\n0\r\n\r\n" + SMUGGLED), 413)

    def test_lines_that_do_not_end_with_crlf_are_refused(self):
        for body in ("1\na\r\n0\r\n\r\n", "1\r\na\n0\r\n\r\n", "1\ra\r\n0\r\n\r\n",
                     "1\r\na\r0\r\n\r\n", "1\r\na\r\n0\n\r\n", "1\r\na\r\n0\r\n\n",
                     "1\r\na\r\n0\r\r\n\r\n", "1\r\r\na\r\n0\r\n\r\n", "1\n\r\na\r\n0\r\n\r\n",
                     "1\r\nab0\r\n\r\n", "1\r\na0\r\n\r\n", "1\r\naXX0\r\n\r\n",
                     "1\r\na\r\n0\r\nX: y\n\r\n", "1\r\na\r\n0\r\nX: y\r\r\n\r\n"):
            with self.subTest(body):
                self.refused(chunked(body + SMUGGLED), 400)

    def test_extensions_are_read_over(self):
        for extension in (";a", ";a=b", ";a=\"b c\"", ";a=b;c=d", ";a=\"\\\"\""):
            self.followed(chunked(f"5{extension}\r\nhello\r\n0{extension}\r\n\r\n"), b"hello")

    def test_extensions_hide_no_line_end(self):
        # For a reader that takes LF for a line end the chunk would begin there.
        for extension in (";a\n", ";a\nb", ";a=\"\n\"", ";\n", ";a\r", ";a\rb", ";a=\x00",
                          ";a=\"\r\n0\r\n\r\n"):
            with self.subTest(extension):
                self.refused(chunked(f"5{extension}\r\nhello\r\n0\r\n\r\n" + SMUGGLED), 400)

    def test_extensions_are_bounded(self):
        self.refused(chunked("1;a=" + "b" * 20_000 + "\r\na\r\n0\r\n\r\n" + SMUGGLED), 400)
        self.refused(chunked("1" + ";a=b" * 5_000 + "\r\na\r\n0\r\n\r\n" + SMUGGLED), 400)

    def test_trailers_are_read_over_and_bounded(self):
        self.followed(chunked("1\r\na\r\n0\r\nX-A: b\r\nX-C: d\r\n\r\n"), b"a")
        self.refused(chunked("1\r\na\r\n0\r\n" + "X: y\r\n" * 5_000 + "\r\n" + SMUGGLED), 400)

    def test_trailers_that_frame_are_refused(self):
        # Section 7.1.2: they must not be merged into the header; a reader that did so would see
        # another body.
        for trailer in ("Content-Length: 5", "Transfer-Encoding: chunked"):
            self.refused(chunked(f"1\r\na\r\n0\r\n{trailer}\r\n\r\n" + SMUGGLED), 400)

    def test_malformed_trailers_are_refused(self):
        for trailer in ("no colon", ": no name", "a b: c", "X : y", " X: y", "X: \x00", "X: a\rb"):
            with self.subTest(trailer):
                self.refused(chunked(f"1\r\na\r\n0\r\n{trailer}\r\n\r\n" + SMUGGLED), 400)

    def test_body_without_its_last_chunk_is_not_answered(self):
        client = self.connect()
        client.send(chunked("5\r\nhello\r\n"))
        client.sock.shutdown(1)
        self.assertEqual(client.rest(), b"")


class Persistence(Conformance):
    """RFC 9112, section 9."""

    def test_pipelined_requests_are_answered_in_order(self):
        client = self.connect()
        client.send(post("Content-Length: 3", body="one") + chunked("3\r\ntwo\r\n0\r\n\r\n") +
                    request("/empty") + request("/constant", "HEAD") + request())
        self.assertEqual(client.response().body, b"one")
        self.assertEqual(client.response().body, b"two")
        self.assertEqual(client.response().status, 204)
        self.assertEqual(client.response(to="HEAD").status, 200)
        self.assertEqual(client.response().body, b"constant")

    def test_nothing_behind_a_refused_request_is_answered(self):
        for bad in ("BAD\r\n\r\n", request("/constant", "BREW"), request(host="a b"),
                    post("Content-Length: x"), chunked("x\r\n")):
            client = self.connect()
            client.send(request() + bad + SMUGGLED + request())
            self.assertEqual(client.response().body, b"constant")
            self.assertGreaterEqual(client.response().status, 400)
            self.assertTrue(client.is_closed())

    def test_nothing_behind_a_last_request_is_answered(self):
        for field in ("Connection: close", "Connection: keep-alive, close", "connection: CLOSE",
                      "Connection: x, close, y"):
            client = self.connect()
            client.send(request("/constant", "GET", field) + SMUGGLED)
            response = client.response()
            self.assertEqual((response.body, response["Connection"]), (b"constant", "close"))
            self.assertTrue(client.is_closed())


class Semantics(Conformance):
    """RFC 9110: what answers hold."""

    def test_answers_without_a_body_announce_none(self):
        for target, status in (("/empty", 204), ("/unmodified", 304)):
            client = self.connect()
            response = client.ask(request(target))
            self.assertEqual(response.status, status)
            self.assertEqual(response.all("Transfer-Encoding"), [])
            if status == 204:  # section 8.6
                self.assertEqual(response.all("Content-Length"), [])
            self.assertEqual(client.ask(request()).body, b"constant")

    def test_head_is_answered_as_get_without_its_body(self):
        head = self.connect().ask(request("/constant", "HEAD"), to="HEAD")
        get = self.connect().ask(request("/constant"))
        self.assertEqual(head["Content-Length"], get["Content-Length"])
        self.assertEqual(head["Content-Type"], get["Content-Type"])

    def test_unknown_expectations_and_methods_are_told_apart(self):
        self.refused(request("/echo", "POST", "Expect: 200-ok", "Content-Length: 1") + "x", 417)
        for method in ("get", "Get", "FOO", "TRACE", "CONNECT", "GETX", "GET-", "!"):
            self.refused(request("/constant", method) + SMUGGLED, 501)
        for method in ("G E T", "GET(", "\"GET\"", "GE\x00T", "G\xc4T", "", "GET\t"):
            self.refused(request("/constant", method) + SMUGGLED, 400)


if __name__ == "__main__":
    unittest.main()
