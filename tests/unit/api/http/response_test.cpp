// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>

#include "http/compression.hpp"
#include "http/date_line.hpp"
#include "http/response_head.hpp"
#include "perdure/api/http/handler.hpp"

namespace perdure::http {
namespace {

TEST(Headers, are_found_in_any_case_and_repeat) {
  Headers headers;
  headers.add("Vary", "a");
  headers.add("vary", "b");
  EXPECT_EQ(headers.find("VARY"), "a");
  EXPECT_EQ(headers.count("Vary"), 2U);
  EXPECT_EQ(headers.at(1).value, "b");
  EXPECT_FALSE(headers.find("Var"));
  EXPECT_EQ(headers.wire_text(), "Vary: a\r\nvary: b\r\n");
}

TEST(Headers, values_cannot_end_their_line) {
  Headers headers;
  headers.add("A", std::string_view{"x\r\nB: y\0z", 9});
  EXPECT_EQ(headers.find("A"), "x  B: y z");
  EXPECT_EQ(headers.size(), 1U);
}

TEST(Headers, can_be_replaced_whatever_their_case_and_number) {
  Headers headers;
  headers.add("ETag", "\"1\"");
  headers.add("Vary", "a");
  headers.add("etag", "\"2\"");
  headers.replace("ETag", "\"3\"");
  EXPECT_EQ(headers.wire_text(), "Vary: a\r\nETag: \"3\"\r\n");
}

TEST(EntityTag, of_a_body_under_gzip_is_another_one) {
  EXPECT_EQ(tag_under(Coding::as_is, "\"12\""), "\"12\"");
  EXPECT_EQ(tag_under(Coding::gzip, "\"12\""), "\"12-gzip\"");
  EXPECT_EQ(tag_under(Coding::gzip, "W/\"12\""), "W/\"12-gzip\"");
}

TEST(Headers, survive_a_move) {
  Headers headers;
  headers.add("A", "1");
  const auto moved = std::move(headers);
  EXPECT_EQ(moved.find("a"), "1");
}

TEST(ResponseHead, is_exact) {
  Response response{.status = 201};
  response.headers.add("Location", "/x");
  std::string head;
  append_head(head, response, {.date_line = "Date: d\r\n", .request_id = "r", .body_bytes = 12});
  EXPECT_EQ(head,
            "HTTP/1.1 201 Created\r\nLocation: /x\r\nDate: d\r\nContent-Length: 12\r\n"
            "X-Request-ID: r\r\n\r\n");
}

TEST(Date, is_in_the_form_of_rfc_9110) {
  EXPECT_EQ(format_date_line(from_unix_ms(784'111'777'999)),
            "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
}

TEST(AcceptEncoding, weights_decide) {
  for (const auto* yes : {"gzip", "x-gzip", "br;q=1, gzip;q=0.001", "*", "GZip;Q=0.5", ",gzip,"}) {
    EXPECT_TRUE(accepts_gzip(yes)) << yes;
  }
  for (const auto* no :
       {"", "br", "gzip;q=0", "*;q=0", "gzip; q=0.0, *;q=1", "gzipp", "*;q=0.000"}) {
    EXPECT_FALSE(accepts_gzip(no)) << no;
  }
}

TEST(Compressible, is_text_by_type) {
  for (const auto* yes : {"application/json", "text/html; charset=utf-8", "image/svg+xml",
                          "application/problem+json"}) {
    EXPECT_TRUE(is_compressible(yes)) << yes;
  }
  for (const auto* no : {"", "image/png", "text/event-stream", "application/zip"}) {
    EXPECT_FALSE(is_compressible(no)) << no;
  }
}

class RecordingSink final : public BodySink {
 public:
  Result<Room> write(Body chunk) override {
    written += chunk.view();
    return Room::more;
  }
  void finish() override { ends += "finished "; }
  void abort() noexcept override { ends += "aborted "; }
  [[nodiscard]] std::size_t queued_bytes() const noexcept override { return written.size(); }
  std::string written;
  std::string ends;
};

class Recorder final : public Exchange {
 public:
  void answer(Response&&) override { ++answered; }
  std::shared_ptr<BodySink> stream(Response&&, StreamOptions&&) override { return sink; }
  void accept_websocket(std::shared_ptr<WebSocketHandler>, const WebSocketOptions&) override {}
  void abandon() noexcept override { ++abandoned; }
  int answered = 0;
  int abandoned = 0;
  const std::shared_ptr<RecordingSink> sink = std::make_shared<RecordingSink>();
};

TEST(Responder, answers_once_and_reports_being_dropped) {
  const auto recorder = std::make_shared<Recorder>();
  {
    Responder first{recorder};
    Responder moved{std::move(first)};
    moved.send({});
  }
  EXPECT_EQ(recorder->answered, 1);
  EXPECT_EQ(recorder->abandoned, 0);
  { const Responder dropped{recorder}; }
  EXPECT_EQ(recorder->abandoned, 1);
}

TEST(BodyWriter, aborts_what_it_is_dropped_with) {
  const auto recorder = std::make_shared<Recorder>();
  {
    auto first = Responder{recorder}.stream({});
    ASSERT_TRUE(first.write("text"));
    const BodyWriter moved{std::move(first)};
    EXPECT_EQ(moved.queued_bytes(), 4U);
    EXPECT_EQ(recorder->sink->ends, "");
  }
  EXPECT_EQ(recorder->sink->ends, "aborted ");
  EXPECT_EQ(recorder->abandoned, 0);
  auto replaced = Responder{recorder}.stream({});
  replaced = Responder{std::make_shared<Recorder>()}.stream({});
  EXPECT_EQ(recorder->sink->ends, "aborted aborted ");
}

TEST(ResponderDeathTest, second_answer_aborts) {
  Responder responder{std::make_shared<Recorder>()};
  responder.send({});
  EXPECT_DEATH(responder.send({}), "answered once");
}

}  // namespace
}  // namespace perdure::http
