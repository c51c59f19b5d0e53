// SPDX-License-Identifier: Apache-2.0
#include "http/request_parser.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace perdure::http {
namespace {

struct Parsed {
  std::shared_ptr<const std::string> block;  // shared by copies: what was parsed borrows from it
  Request request;
  Framing framing;
  std::optional<Refusal> refusal;

  [[nodiscard]] int status() const { return refusal ? refusal->status : 0; }
};

Parsed parse(const std::string& lines) {
  RequestParser parser;
  Parsed parsed;
  parsed.block = std::make_shared<const std::string>(lines + "\r\n");
  parsed.refusal = parser.parse_header(*parsed.block, Limits{}, parsed.request, parsed.framing);
  return parsed;
}

Parsed with_fields(const std::string& fields) {
  return parse("POST /a?b HTTP/1.1\r\nHost: h\r\n" + fields);
}

TEST(RequestParser, takes_line_and_fields_apart) {
  const auto parsed = parse("DELETE /a?b HTTP/1.1\r\nhOST: h:1\r\nX-A:\r\nX-B: \t c d\t \r\n");
  ASSERT_FALSE(parsed.refusal);
  EXPECT_EQ(parsed.request.method, Method::del);
  EXPECT_EQ(parsed.request.target, "/a?b");
  EXPECT_EQ(parsed.request.headers.find("Host"), "h:1");
  EXPECT_EQ(parsed.request.headers.find("x-a"), "");
  EXPECT_EQ(parsed.request.headers.find("x-b"), "c d");
  EXPECT_EQ(parsed.framing.connection, Framing::Connection::keep);
}

TEST(RequestParser, refuses_request_lines_that_could_be_read_in_two_ways) {
  for (const auto* line : {"GET", "GET ", "GET /", "GET  / HTTP/1.1", " GET / HTTP/1.1",
                           "GET / HTTP/1.1 ", "GET / x HTTP/1.1", "G(T / HTTP/1.1",
                           "GET\t/ HTTP/1.1", "GET / http/1.1", "GET / HTTP/1", "GET / HTTP/11"}) {
    EXPECT_EQ(parse(std::string{line} + "\r\nHost: h\r\n").status(), 400) << line;
  }
  EXPECT_EQ(parse("GET / HTTP/2.0\r\nHost: h\r\n").status(), 505);
  EXPECT_EQ(parse("BREW / HTTP/1.1\r\nHost: h\r\n").status(), 501);
}

TEST(RequestParser, serves_later_minor_versions_as_1_1) {
  EXPECT_EQ(parse("GET / HTTP/1.2\r\nHost: h\r\n").status(), 0);
  EXPECT_EQ(parse("GET / HTTP/1.9\r\n").status(), 400) << "Host is missing, as in 1.1";
  EXPECT_EQ(parse("GET / HTTP/1.x\r\nHost: h\r\n").status(), 400);
}

TEST(RequestParser, tells_the_origin_that_came_first) {
  const auto parsed = with_fields("origin: https://a\r\nOrigin: https://b\r\n");
  EXPECT_EQ(parsed.framing.origin, "https://a");
}

TEST(RequestParser, refuses_field_names_that_others_might_read_differently) {
  for (const auto* field : {"X", ": v", "X : v", "X\t: v", "X(: v", "\xC3\xA4: v", "X y: v"}) {
    EXPECT_EQ(with_fields(std::string{field} + "\r\n").status(), 400) << field;
  }
}

TEST(RequestParser, leaves_no_doubt_about_the_end_of_a_body) {
  EXPECT_EQ(with_fields("Content-Length: 12\r\n").framing.content_length, 12U);
  for (const auto* fields :
       {"Content-Length:\r\n", "Content-Length: +1\r\n", "Content-Length: 1, 1\r\n",
        "Content-Length: 99999999999999999999\r\n", "Content-Length: 1\r\ncontent-length: 1\r\n",
        "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"}) {
    EXPECT_EQ(with_fields(fields).status(), 400) << fields;
  }
  for (const auto* codings :
       {"gzip", "chunked, gzip", "chunked, chunked", "xchunked", "", ",", ",chunked", "chunked,"}) {
    EXPECT_EQ(with_fields("Transfer-Encoding: " + std::string{codings} + "\r\n").status(), 400)
        << codings;
  }
  EXPECT_EQ(with_fields("Content-Type: a/b\r\ncontent-type: a/b\r\n").status(), 400);
  EXPECT_EQ(with_fields("Transfer-Encoding: gzip, chunked\r\n").status(), 501);
  EXPECT_EQ(parse("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n").status(), 400);
}

TEST(RequestParser, knows_from_the_options_whether_the_connection_stays) {
  const auto stays = [](const std::string& version, const std::string& options) {
    const auto parsed = parse("GET / HTTP/" + version + "\r\nHost: h\r\n" + options);
    EXPECT_EQ(parsed.status(), 0) << options;
    return parsed.framing.connection == Framing::Connection::keep;
  };
  EXPECT_TRUE(stays("1.1", ""));
  EXPECT_FALSE(stays("1.1", "Connection: CLOSE\r\n"));
  EXPECT_FALSE(stays("1.1", "Connection: x,, close\r\n"));
  EXPECT_FALSE(stays("1.1", "Connection: x\r\nConnection: close\r\n"));
  EXPECT_FALSE(stays("1.0", ""));
  EXPECT_TRUE(stays("1.0", "Connection: keep-alive\r\n"));
  EXPECT_FALSE(stays("1.0", "Connection: keep-alive, close\r\n"));
  EXPECT_EQ(with_fields("Connection: a b\r\n").status(), 400);
}

TEST(RequestParser, reads_a_sized_body_and_not_a_byte_more) {
  RequestParser parser;
  Request request;
  Framing framing;
  ASSERT_FALSE(parser.parse_header("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n",
                                   Limits{}, request, framing));
  auto step = parser.parse_body("abc", 100, request.body);
  EXPECT_EQ(step.consumed, 3U);
  EXPECT_FALSE(step.done);
  step = parser.parse_body("deGET /", 100, request.body);
  EXPECT_EQ(step.consumed, 2U);
  EXPECT_TRUE(step.done);
  EXPECT_EQ(request.body, "abcde");
}

TEST(RequestParser, reads_chunks_byte_by_byte_and_stops_at_the_bound) {
  const std::string text = "3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: v\r\n\r\n";
  const auto start = [](RequestParser& parser, Request& request) {
    Framing framing;
    EXPECT_FALSE(
        parser.parse_header("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
                            Limits{}, request, framing));
    EXPECT_EQ(framing.body, Framing::BodyKind::chunked);
  };
  RequestParser parser;
  for (const auto& [sent, body] : {std::pair{text, "abcde"}, {"0\r\n\r\n", ""}}) {
    Request request;
    start(parser, request);
    std::string input;
    bool done = false;
    for (const char c : sent) {
      input += c;
      const auto step = parser.parse_body(input, 5, request.body);
      ASSERT_FALSE(step.refusal);
      input.erase(0, step.consumed);
      done = step.done;
    }
    EXPECT_TRUE(done);
    EXPECT_EQ(request.body, body);
  }

  Request second;
  start(parser, second);
  const auto step = parser.parse_body(text, 4, second.body);
  ASSERT_TRUE(step.refusal);
  EXPECT_EQ(step.refusal->status, 413);
}

}  // namespace
}  // namespace perdure::http
