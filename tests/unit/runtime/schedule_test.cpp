// SPDX-License-Identifier: Apache-2.0
#include "perdure/runtime/schedule.hpp"

#include <gtest/gtest.h>

namespace perdure {
namespace {

Timestamp at(const char* text) { return parse_rfc3339(text).value(); }

/// The tick after `after`, as text.
std::string after(const char* cron, const char* zone, const char* time) {
  const auto schedule = Schedule::by_cron(cron, zone);
  if (!schedule) return "refused: " + schedule.error().detail;
  const auto next = schedule->next(at(time));
  return next ? format_rfc3339(*next).substr(0, 16) : "never";
}

TEST(Cron, follows_its_fields) {
  EXPECT_EQ(after("*/15 * * * *", "UTC", "2026-11-21T10:01:00Z"), "2026-11-21T10:15");
  EXPECT_EQ(after("0 9-17/4 * * *", "UTC", "2026-11-21T09:00:00Z"), "2026-11-21T13:00");
  EXPECT_EQ(after("30 8 * * mon-fri", "UTC", "2026-11-20T09:00:00Z"), "2026-11-23T08:30");
  EXPECT_EQ(after("0 0 1 jan *", "UTC", "2026-11-21T00:00:00Z"), "2027-01-01T00:00");
  EXPECT_EQ(after("0 0 29 2 *", "UTC", "2026-11-21T00:00:00Z"), "2028-02-29T00:00");
  EXPECT_EQ(after("@hourly", "UTC", "2026-11-21T10:00:00Z"), "2026-11-21T11:00");
  EXPECT_EQ(after("0 0 * * 7", "UTC", "2026-11-21T10:00:00Z"), "2026-11-22T00:00");
}

TEST(Cron, a_day_matches_when_either_day_field_does) {
  EXPECT_EQ(after("0 0 13 * fri", "UTC", "2026-11-21T00:00:00Z"), "2026-11-27T00:00");
  EXPECT_EQ(after("0 0 13 * fri", "UTC", "2026-12-12T00:00:00Z"), "2026-12-13T00:00");
}

TEST(Cron, is_strictly_after_the_given_time) {
  EXPECT_EQ(after("0 10 * * *", "UTC", "2026-11-21T10:00:00Z"), "2026-11-22T10:00");
  EXPECT_EQ(after("0 10 * * *", "UTC", "2026-11-21T09:59:59.999Z"), "2026-11-21T10:00");
}

TEST(Cron, keeps_local_time_through_changes_of_clocks) {
  // Berlin: 2026-03-29 02:00 to 03:00 is left out; 2026-10-25 02:00 to 03:00 comes twice.
  EXPECT_EQ(after("0 9 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z"), "2026-03-29T07:00");
  EXPECT_EQ(after("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z"), "2026-03-29T01:00");
  EXPECT_EQ(after("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z"), "2026-10-25T00:30");
  EXPECT_EQ(after("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z"), "2026-10-26T01:30");
}

TEST(Cron, fires_with_a_wildcard_in_every_minute_of_an_hour_that_comes_twice) {
  EXPECT_EQ(after("* * * * *", "Europe/Berlin", "2026-10-25T00:59:30Z"), "2026-10-25T01:00");
  EXPECT_EQ(after("* * * * *", "Europe/Berlin", "2026-10-25T01:30:00Z"), "2026-10-25T01:31");
  EXPECT_EQ(after("*/15 2 * * *", "Europe/Berlin", "2026-10-25T00:45:00Z"), "2026-10-25T01:00");
  EXPECT_EQ(after("30 * * * *", "Europe/Berlin", "2026-10-25T00:30:00Z"), "2026-10-25T01:30");
  EXPECT_EQ(after("@hourly", "Europe/Berlin", "2026-10-25T00:00:00Z"), "2026-10-25T01:00");
  // Half an hour comes twice on Lord Howe: 01:30 to 02:00, from 15:00 UTC on.
  EXPECT_EQ(after("*/20 * * * *", "Australia/Lord_Howe", "2026-04-04T14:59:00Z"),
            "2026-04-04T15:10");
}

TEST(Cron, with_a_wildcard_leaves_out_what_the_clocks_leave_out) {
  EXPECT_EQ(after("*/15 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z"), "2026-03-30T00:00");
  EXPECT_EQ(after("* * * * *", "Europe/Berlin", "2026-03-29T00:59:00Z"), "2026-03-29T01:00");
}

TEST(Cron, fires_once_for_all_times_of_day_that_a_gap_leaves_out) {
  EXPECT_EQ(after("0,30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z"), "2026-03-29T01:00");
  EXPECT_EQ(after("0,30 2 * * *", "Europe/Berlin", "2026-03-29T01:00:00Z"), "2026-03-30T00:00");
  // Samoa had no December 30 in 2011.
  EXPECT_EQ(after("0 9 30 12 *", "Pacific/Apia", "2011-12-01T00:00:00Z"), "2011-12-30T10:00");
}

TEST(Cron, knows_summer_time_in_all_years_to_come) {
  EXPECT_EQ(after("0 9 * * *", "Europe/Berlin", "2040-07-01T00:00:00Z"), "2040-07-01T07:00");
  EXPECT_EQ(after("0 9 * * *", "Europe/Berlin", "2040-12-01T00:00:00Z"), "2040-12-01T08:00");
  EXPECT_EQ(after("0 9 * * *", "America/New_York", "2099-07-01T00:00:00Z"), "2099-07-01T13:00");
  EXPECT_EQ(after("0 9 * * *", "Australia/Sydney", "2050-01-10T00:00:00Z"), "2050-01-10T22:00");
  EXPECT_EQ(after("0 9 * * *", "Asia/Kolkata", "2050-01-10T00:00:00Z"), "2050-01-10T03:30");
  EXPECT_EQ(after("0 0 29 2 */7", "UTC", "2088-03-01T00:00:00Z"), "2128-02-29T00:00");
  EXPECT_EQ(after("* * * * *", "Europe/Berlin", "2040-10-28T00:59:00Z"), "2040-10-28T01:00");
}

TEST(Cron, takes_blanks_and_tabs_between_its_fields) {
  EXPECT_EQ(after("\t0\t 10  *\t*\t* ", "UTC", "2026-11-21T00:00:00Z"), "2026-11-21T10:00");
  EXPECT_EQ(after(" @daily\t", "UTC", "2026-11-21T10:00:00Z"), "2026-11-22T00:00");
}

TEST(Cron, refuses_what_it_does_not_understand_and_what_never_comes) {
  for (const auto* text : {"", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *",
                           "* * * 13 *", "* * * * 8", "a * * * *", "*/0 * * * *", "5-1 * * * *",
                           "1,,2 * * * *", "0 0 31 2 *", "@sometimes"}) {
    EXPECT_TRUE(after(text, "UTC", "2026-11-21T00:00:00Z").starts_with("refused")) << text;
  }
  for (const auto* zone : {"Nowhere", "", "Europe", "zone.tab", "../zoneinfo/UTC", "/etc/localtime",
                           "posix/Europe/Berlin", "right/UTC", "localtime", "Europe/../UTC"}) {
    EXPECT_TRUE(after("* * * * *", zone, "2026-11-21T00:00:00Z").starts_with("refused")) << zone;
  }
}

TEST(Every, keeps_its_beat_whatever_was_missed) {
  const auto beat = Schedule::each(std::chrono::minutes{10}, at("2026-11-21T10:00:00Z"));
  EXPECT_EQ(beat.next(at("2026-11-21T09:00:00Z")), at("2026-11-21T10:00:00Z"));
  EXPECT_EQ(beat.next(at("2026-11-21T10:00:00Z")), at("2026-11-21T10:10:00Z"));
  EXPECT_EQ(beat.next(at("2026-11-21T12:34:56Z")), at("2026-11-21T12:40:00Z"));
}

}  // namespace
}  // namespace perdure
