// SPDX-License-Identifier: Apache-2.0
#include "alarm_rows.hpp"

#include <gtest/gtest.h>

namespace perdure::runtime {
namespace {

Alarm sample() {
  return {.spec = {.name = "tick",
                   .command = "add",
                   .schedule = Schedule::each(Milliseconds{200}, from_unix_ms(1'000))},
          .tick = from_unix_ms(1'200),
          .due = from_unix_ms(1'200),
          .runs = {{.tick = from_unix_ms(1'000), .at = from_unix_ms(1'001), .error = "once"}}};
}

storage::AlarmRow row_of(const Json& body) {
  return {.object = {"counter", "a"},
          .name = "tick",
          .due = from_unix_ms(1'200),
          .body = dump_json(body)};
}

TEST(AlarmRow, reads_back_as_it_was_written) {
  const auto text = encode_alarm(sample());
  const auto back = decode_alarm(row_of(Json::parse(text)));
  ASSERT_TRUE(back) << to_string(back.error());
  EXPECT_EQ(encode_alarm(*back), text);
  EXPECT_EQ(back->runs.at(0).error, "once");
}

TEST(AlarmRow, that_is_damaged_is_corrupt) {
  const auto whole = Json::parse(encode_alarm(sample()));
  for (const auto* pointer : {"/tick", "/runs/0/tick", "/runs/0/at", "/every_ms", "/attempt",
                              "/runs", "/status", "/name", "/retry"}) {
    for (const auto& wrong : {Json("soon"), Json(nullptr), Json(Json::array())}) {
      auto body = whole;
      body[Json::json_pointer{pointer}] = wrong;
      const auto back = decode_alarm(row_of(body));
      if (back) continue;  // a word may be a name or a status, and what is absent has a default
      EXPECT_EQ(back.error().code, ErrorCode::corrupt) << pointer << ' ' << wrong;
    }
  }
  auto text = row_of(whole);
  text.body.pop_back();
  EXPECT_EQ(decode_alarm(text).error().code, ErrorCode::corrupt);
  for (const auto* time : {"/tick", "/runs/0/tick", "/runs/0/at"}) {
    auto body = whole;
    body[Json::json_pointer{time}] = "2026-13-01T00:00:00Z";
    EXPECT_FALSE(decode_alarm(row_of(body))) << time;
  }
  for (const auto* attempt : {"/attempt", "/runs/0/attempt"}) {
    for (const auto& wrong : {Json(1e300), Json(1.5), Json(-1), Json(5'000'000'000)}) {
      auto body = whole;
      body[Json::json_pointer{attempt}] = wrong;
      EXPECT_FALSE(decode_alarm(row_of(body))) << attempt << ' ' << wrong;
    }
  }
}

}  // namespace
}  // namespace perdure::runtime
