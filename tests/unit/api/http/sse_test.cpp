// SPDX-License-Identifier: Apache-2.0
#include "perdure/api/http/sse.hpp"

#include <gtest/gtest.h>

namespace perdure::http {
namespace {

std::string text_of(const ServerEvent& event) {
  const auto text = encode(event);
  return text ? **text : "refused: " + to_string(text.error());
}

TEST(ServerEvent, has_each_field_on_a_line_and_ends_with_an_empty_one) {
  EXPECT_EQ(text_of({.id = "7", .event = "added", .data = "{}", .retry = std::chrono::seconds{2}}),
            "id: 7\nevent: added\nretry: 2000\ndata: {}\n\n");
  EXPECT_EQ(text_of({.data = "x"}), "data: x\n\n");
}

TEST(ServerEvent, keeps_empty_data_apart_from_none) {
  EXPECT_EQ(text_of({.data = ""}), "data: \n\n");
  EXPECT_EQ(text_of({.id = "7"}), "id: 7\n\n");
  EXPECT_EQ(text_of({.id = ""}), "id: \n\n");
}

TEST(ServerEvent, lets_no_line_end_in_the_data_forge_a_field) {
  for (const auto* end : {"\n", "\r", "\r\n"}) {
    EXPECT_EQ(text_of({.data = std::string{"a"} + end + "id: 9" + end + end + "b" + end}),
              "data: a\ndata: id: 9\ndata: \ndata: b\ndata: \n\n")
        << testing::PrintToString(end);
  }
  EXPECT_EQ(text_of({.data = "\n\r"}), "data: \ndata: \ndata: \n\n");
}

TEST(ServerEvent, keeps_leading_spaces_and_colons_of_the_data) {
  EXPECT_EQ(text_of({.data = " : x"}), "data:  : x\n\n");
}

TEST(ServerEvent, is_refused_where_a_field_could_be_forged) {
  for (const std::string bad : {"1\n2", "1\r2", "1\r\ndata: x"}) {
    for (const auto& [field, event] :
         {std::pair{"id", ServerEvent{.id = bad}}, std::pair{"event", ServerEvent{.event = bad}}}) {
      const auto refused = encode(event);
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().code, ErrorCode::invalid);
      ASSERT_EQ(refused.error().fields.size(), 1U);
      EXPECT_EQ(refused.error().fields[0].pointer, field);
    }
  }
  EXPECT_FALSE(encode({.id = std::string_view{"1\0002", 3}}));
  EXPECT_FALSE(encode({.retry = std::chrono::milliseconds{-1}}));
}

TEST(EventStream, is_not_stored_not_collected_and_beats_with_a_comment) {
  const auto head = event_stream_head();
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.headers.find("Content-Type"), "text/event-stream");
  EXPECT_EQ(head.headers.find("Cache-Control"), "no-store");
  EXPECT_EQ(head.headers.find("X-Accel-Buffering"), "no");
  const auto options = event_stream_options();
  EXPECT_EQ(options.heartbeat.period, std::chrono::seconds{15});
  EXPECT_TRUE(options.heartbeat.text.view().starts_with(":"));
}

}  // namespace
}  // namespace perdure::http
