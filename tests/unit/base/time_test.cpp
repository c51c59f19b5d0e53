// SPDX-License-Identifier: Apache-2.0
#include "perdure/base/time.hpp"

#include <gtest/gtest.h>

namespace perdure {
namespace {

std::string read_and_write(std::string_view text) {
  const auto time = parse_rfc3339(text);
  return time ? format_rfc3339(*time) : "refused";
}

TEST(Rfc3339, is_written_in_utc_with_milliseconds) {
  EXPECT_EQ(format_rfc3339(from_unix_ms(0)), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_rfc3339(from_unix_ms(-1)), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(format_rfc3339(from_unix_ms(951'827'696'789)), "2000-02-29T12:34:56.789Z");
}

TEST(Rfc3339, any_offset_and_fraction_is_read) {
  EXPECT_EQ(read_and_write("2026-01-31T12:00:00Z"), "2026-01-31T12:00:00.000Z");
  EXPECT_EQ(read_and_write("2026-01-31t12:00:00z"), "2026-01-31T12:00:00.000Z");
  EXPECT_EQ(read_and_write("2026-01-31 12:00:00Z"), "2026-01-31T12:00:00.000Z");
  EXPECT_EQ(read_and_write("2026-01-31T23:30:00-01:30"), "2026-02-01T01:00:00.000Z");
  EXPECT_EQ(read_and_write("2026-01-01T00:30:00+05:45"), "2025-12-31T18:45:00.000Z");
  EXPECT_EQ(read_and_write("2026-01-31T12:00:00.5Z"), "2026-01-31T12:00:00.500Z");
  EXPECT_EQ(read_and_write("2026-01-31T12:00:00.9999999999999Z"), "2026-01-31T12:00:00.999Z");
  EXPECT_EQ(read_and_write("2016-12-31T23:59:60Z"), "2017-01-01T00:00:00.000Z");
}

TEST(Rfc3339, reads_what_it_wrote) {
  constexpr std::int64_t times[] = {-62'167'219'200'000, -1'001, 0, 253'402'300'799'999};
  for (const auto ms : times) {
    const auto time = parse_rfc3339(format_rfc3339(from_unix_ms(ms)));
    ASSERT_TRUE(time) << ms;
    EXPECT_EQ(to_unix_ms(*time), ms);
  }
}

TEST(Rfc3339, refuses_everything_else) {
  for (const auto* text : {"",
                           "2026-01-31",
                           "2026-01-31T12:00:00",
                           "2026-02-29T12:00:00Z",
                           "2026-13-01T12:00:00Z",
                           "2026-00-01T12:00:00Z",
                           "2026-01-00T12:00:00Z",
                           "2026-01-31T24:00:00Z",
                           "2026-01-31T12:60:00Z",
                           "2026-01-31T12:00:61Z",
                           "2026-01-31T12:00:00.Z",
                           "2026-01-31T12:00:00+24:00",
                           "2026-01-31T12:00:00+01:60",
                           "2026-01-31T12:00:00+0100",
                           "2026-01-31T12:00:00Z ",
                           " 2026-01-31T12:00:00Z",
                           "26-01-31T12:00:00Z",
                           "2026-1-31T12:00:00Z",
                           "-026-01-31T12:00:00Z",
                           "2026-01-31T12:00Z"}) {
    EXPECT_EQ(read_and_write(text), "refused") << text;
  }
}

TEST(Rfc3339, refuses_offsets_that_lead_out_of_four_digit_years) {
  EXPECT_EQ(read_and_write("0000-01-01T00:00:00+01:00"), "refused");
  EXPECT_EQ(read_and_write("9999-12-31T23:59:59-01:00"), "refused");
  EXPECT_EQ(read_and_write("9999-12-31T23:59:60Z"), "refused");
}

TEST(SystemClock, its_monotonic_time_does_not_go_back) {
  const SystemClock clock;
  const auto first = clock.monotonic();
  EXPECT_GE(clock.monotonic(), first);
  EXPECT_GT(clock.now(), from_unix_ms(1'700'000'000'000));
}

}  // namespace
}  // namespace perdure
