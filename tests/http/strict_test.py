# SPDX-License-Identifier: Apache-2.0
"""Nothing ambiguous passes: each refusal is a problem, and the connection ends with it.

A request behind a refused one must never be answered: that is what request smuggling lives on.
"""

import unittest

from harness import ServerTest, request

SMUGGLED = "GET /constant HTTP/1.1\r\nHost: smuggled\r\n\r\n"


def post(*fields, body=""):
    return request("/echo", "POST", *fields, body=body)


class RequestLine(ServerTest):
    def test_malformed_lines(self):
        for line in ("GET", "GET /", "GET / HTTP/1.1 x", "GET  / HTTP/1.1", " GET / HTTP/1.1",
                     "GET / http/1.1", "GET / HTTP/1", "GET / HTTP/1.", "GET / HTTP/11",
                     "GET\t/ HTTP/1.1", "G@T / HTTP/1.1", "GET / HTTP/1.1 ", "GET /a b HTTP/1.1"):
            with self.subTest(line):
                self.refused(f"{line}\r\nHost: a\r\n\r\n" + SMUGGLED, 400, "malformed")

    def test_other_versions(self):
        for version in ("HTTP/2.0", "HTTP/0.9", "HTTP/9.9"):
            with self.subTest(version):
                self.refused(f"GET / {version}\r\nHost: a\r\n\r\n", 505)
        for version in ("HTTP/1.a", "HTTP/x.1", "HTTP/1.10", "HTTP/ 1.1"):
            with self.subTest(version):
                self.refused(f"GET / {version}\r\nHost: a\r\n\r\n" + SMUGGLED, 400)

    def test_later_minor_versions_are_served_as_1_1(self):
        client = self.connect()
        for version in ("HTTP/1.2", "HTTP/1.9"):
            answer = client.ask(f"GET /constant {version}\r\nHost: a\r\n\r\n")
            self.assertEqual((answer.version, answer.status), ("HTTP/1.1", 200))

    def test_methods_not_implemented(self):
        for method in ("BREW", "get", "TRACE", "PROPFIND", "PRI"):
            with self.subTest(method):
                self.refused(f"{method} / HTTP/1.1\r\nHost: a\r\n\r\n" + SMUGGLED, 501)
        self.refused("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 501)

    def test_targets(self):
        for target in ("constant", "*", "ftp://test/", "http://", "http:///x", "http://u@test/",
                       "http://te{st/", "/a#b", "/<a>", '/"', "/a?b=\\", "/^", "/`", "/{a}", "/a|b",
                       "/\xe4", "test:80", "//\x7f", "http://te st/"):
            with self.subTest(target):
                self.refused(request(target) + SMUGGLED, 400)


class ContentType(ServerTest):
    def test_repeated(self):
        for second in ("text/plain", "text/html"):
            self.refused(post("Content-Length: 1", "Content-Type: text/plain",
                              f"Content-Type: {second}", body="a" + SMUGGLED), 400, "malformed")


class Lines(ServerTest):
    def test_bare_lf(self):
        self.refused("GET / HTTP/1.1\nHost: a\n\n", 400)
        self.refused("GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", 400)
        self.refused("GET / HTTP/1.1\r\nHost: a\r\n\n", 400)

    def test_bare_cr(self):
        self.refused("GET / HTTP/1.1\r\nHost: a\r\nX: a\rY: b\r\n\r\n", 400)
        self.refused("GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", 400)

    def test_control_bytes(self):
        for byte in ("\0", "\x01", "\x0b", "\x1f", "\x7f"):
            self.refused(request("/constant", "GET", f"X: a{byte}b"), 400)
            self.refused(request("/constant", "GET", f"X{byte}: ab"), 400)
            self.refused(request(f"/const{byte}ant"), 400)

    def test_folded_lines(self):
        for fold in (" ", "\t"):
            self.refused(request("/constant", "GET", "X: a", f"{fold}b"), 400)
            self.refused(f"GET / HTTP/1.1\r\n{fold}Host: a\r\n\r\n", 400)

    def test_field_names(self):
        for field in ("X : a", "X\t: a", ": a", "a", "X y: a", "X(: a", "\xe4: a"):
            with self.subTest(field):
                self.refused(request("/constant", "GET", field), 400)

    def test_two_empty_lines_before_a_request(self):
        self.refused("\r\n\r\n" + request(), 400)

    def test_tls_to_a_plain_port(self):
        hello = bytes.fromhex("16030100a5010000a10303") + b"\x0a" * 40
        self.refused(hello, 400)


class Host(ServerTest):
    def test_missing(self):
        self.refused("GET /constant HTTP/1.1\r\n\r\n", 400)

    def test_repeated(self):
        self.refused(request("/constant", "GET", "Host: test"), 400)
        self.refused("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400)

    def test_malformed(self):
        for host in ("", "a b", "a/b", "u@a", "a:b", "a:1:2", "[::1", "[x]", "a,b/c", "a:123456",
                     "http://a", "a\x80"):
            with self.subTest(host):
                self.refused(request(host=host), 400)

    def test_valid_forms(self):
        for host in ("a", "a:", "a:80", "[::1]:80", "127.0.0.1", "a_b.c-d"):
            with self.subTest(host):
                self.assertEqual(self.connect().ask(request(host=host)).status, 200)


class Framing(ServerTest):
    def test_length_and_chunked_together(self):
        for fields in (("Content-Length: 5", "Transfer-Encoding: chunked"),
                       ("Transfer-Encoding: chunked", "Content-Length: 5"),
                       ("Content-Length: 0", "Transfer-Encoding: gzip")):
            self.refused(post(*fields, body="0\r\n\r\n" + SMUGGLED), 400)

    def test_content_length(self):
        for length in ("", "+5", "-5", "5 5", "5,5", "5, 6", "0x5", "5.0", "5;", "five",
                       "99999999999999999999999", "\xb2", " 5,"):
            with self.subTest(length):
                self.refused(post(f"Content-Length: {length}", body="hello" + SMUGGLED), 400)

    def test_repeated_content_length(self):
        for second in (5, 6):
            self.refused(post("Content-Length: 5", f"Content-Length: {second}",
                              body="hello" + SMUGGLED), 400)

    def test_unknown_transfer_codings(self):
        for coding in ("gzip, chunked", "gzip,deflate , chunked"):
            with self.subTest(coding):
                self.refused(post(f"Transfer-Encoding: {coding}", body="0\r\n\r\n" + SMUGGLED),
                             501)

    def test_transfer_codings_that_do_not_end_in_chunked(self):
        for coding in ("gzip", "identity", "xchunked", "chunked, identity", "chunked, gzip",
                       "chunked;q=1", "\"chunked\"", "", ",", "chunked chunked"):
            with self.subTest(coding):
                self.refused(post(f"Transfer-Encoding: {coding}", body="0\r\n\r\n" + SMUGGLED),
                             400, "malformed")

    def test_transfer_codings_with_empty_elements(self):
        for coding in ("chunked,", ", chunked", ",, chunked ,,", "gzip,, chunked", "chunked , "):
            with self.subTest(coding):
                self.refused(post(f"Transfer-Encoding: {coding}", body="0\r\n\r\n" + SMUGGLED), 400)

    def test_ambiguous_transfer_codings(self):
        self.refused(post("Transfer-Encoding: chunked, chunked", body="0\r\n\r\n" + SMUGGLED), 400)
        self.refused(post("Transfer-Encoding: chunked, gzip, chunked",
                          body="0\r\n\r\n" + SMUGGLED), 400)
        self.refused(post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), 400)
        self.refused(post("Transfer-Encoding: gzip", "Transfer-Encoding: chunked"), 400)
        self.refused(post("Transfer-Encoding : chunked", body="0\r\n\r\n" + SMUGGLED), 400)
        self.refused(post("Transfer-Encoding:\x0bchunked", body="0\r\n\r\n" + SMUGGLED), 400)
        self.refused("POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400)

    def test_chunked_is_case_insensitive(self):
        asked = post("Transfer-Encoding: Chunked", body="1\r\na\r\n0\r\n\r\n")
        response = self.connect().ask(asked)
        self.assertEqual(response.body, b"a")

    def test_chunks(self):
        for body in ("x\r\n", "-1\r\n", "+1\r\na\r\n", "0x1\r\na\r\n", " 1\r\na\r\n", "1 \r\na\r\n",
                     "1\na\r\n0\r\n\r\n", "1\r\nab\r\n0\r\n\r\n", "1\r\na0\r\n\r\n", "\r\n",
                     "11111111111111111\r\na\r\n", "1\r\na\n0\r\n\r\n", "1;\x01\r\na\r\n",
                     "1\r\na\r\n0\r\nbad trailer\r\n\r\n",
                     "1\r\na\r\n0\r\nContent-Length: 3\r\n\r\n",
                     "1\r\na\r\n0\r\nX: a\nY: b\r\n\r\n",
                     "1\r\na\r\n0\r\nX: a\r\n b\r\n\r\n",
                     "1\r\na\r\n0\r\nX: a\r\n\tb\r\n\r\n",
                     "1\r\na\r\n0\r\nX: \r\n b\r\n\r\n",
                     "1\r\na\r\n0\r\nX:\r\n\t b\r\n\r\n",
                     "1\r\na\r\n0\r\n X: a\r\n\r\n"):
            with self.subTest(body):
                self.refused(post("Transfer-Encoding: chunked", body=body + SMUGGLED), 400)

    def test_trailers_are_not_fields(self):
        client = self.connect()
        response = client.ask(post("Transfer-Encoding: chunked",
                                   body="1\r\na\r\n0\r\nHost: other\r\nX: y\r\nEmpty:\r\n"
                                        "Blank: \r\n\r\n"))
        self.assertEqual(response.body, b"a")
        self.assertEqual(client.ask(request()).body, b"constant")


if __name__ == "__main__":
    unittest.main()
