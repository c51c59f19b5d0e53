// SPDX-License-Identifier: Apache-2.0
#include "time_zone.hpp"

#include <gtest/gtest.h>

#include "perdure/base/codec.hpp"
#include "perdure/base/time.hpp"

namespace perdure::runtime {
namespace {

using namespace std::chrono;

sys_seconds at(const char* text) { return floor<seconds>(parse_rfc3339(text).value()); }

minutes offset(const char* rule, const char* time) {
  const auto parsed = ZoneRule::parse(rule);
  EXPECT_TRUE(parsed.has_value()) << rule;
  return parsed ? floor<minutes>(parsed->at(at(time)).offset) : minutes{-1};
}

TEST(ZoneRule, says_what_the_list_of_its_zone_says_as_long_as_that_goes) {
  struct {
    const char* zone;
    const char* rule;
  } const zones[]{{"Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3"},
                  {"America/New_York", "EST5EDT,M3.2.0,M11.1.0"},
                  {"America/Nuuk", "<-02>2<-01>,M3.5.0/-1,M10.5.0/0"},
                  {"Australia/Lord_Howe", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"},
                  {"Asia/Gaza", "EET-2EEST,M3.4.4/50,M10.4.4/50"},
                  {"Asia/Kathmandu", "<+0545>-5:45"}};
  for (const auto& [name, text] : zones) {
    const auto* zone = find_time_zone(name);
    const auto rule = ZoneRule::parse(text);
    ASSERT_NE(zone, nullptr) << name;
    ASSERT_TRUE(rule.has_value()) << text;
    // Gaza's list follows the moon until 2086.
    const bool goes_far = std::string_view{name} == "Asia/Gaza";
    const auto begin = at(goes_far ? "2090-01-01T00:00:00Z" : "2030-01-01T00:00:00Z");
    for (auto time = begin; time < begin + days{3 * 366}; time += minutes{15}) {
      ASSERT_EQ(zone->at(time).offset, rule->at(time).offset)
          << name << ' ' << time.time_since_epoch().count();
    }
  }
}

TEST(ZoneRule, has_stretches_that_follow_one_another) {
  const auto rule = ZoneRule::parse("CET-1CEST,M3.5.0,M10.5.0/3");
  ASSERT_TRUE(rule.has_value());
  const auto summer = rule->at(at("2050-07-01T00:00:00Z"));
  EXPECT_EQ(summer.begin, at("2050-03-27T01:00:00Z"));
  EXPECT_EQ(summer.end, at("2050-10-30T01:00:00Z"));
  EXPECT_EQ(rule->at(summer.end).begin, summer.end);
  EXPECT_EQ(rule->at(summer.begin - seconds{1}).end, summer.begin);
}

TEST(ZoneRule, counts_days_as_posix_does) {
  // March 1 with and without the leap day; the last day of the year.
  EXPECT_EQ(offset("AAA0BBB,J60/0,J365/0", "2028-02-29T12:00:00Z"), minutes{0});
  EXPECT_EQ(offset("AAA0BBB,J60/0,J365/0", "2028-03-01T00:00:00Z"), minutes{60});
  EXPECT_EQ(offset("AAA0BBB,59/0,364/0", "2028-02-29T00:00:00Z"), minutes{60});
  EXPECT_EQ(offset("AAA0BBB,59/0,364/0", "2027-03-01T00:00:00Z"), minutes{60});
  EXPECT_EQ(offset("AAA0BBB-2:30,M1.1.1/0,M12.5.0", "2027-06-01T00:00:00Z"), minutes{150});
  EXPECT_EQ(offset("EST5EDT", "2027-07-01T00:00:00Z"), minutes{-240});
  EXPECT_EQ(offset("UTC0", "2027-07-01T00:00:00Z"), minutes{0});
}

TEST(ZoneRule, refuses_what_is_none) {
  for (const auto* text : {"", "CET", "CE-1", "CET-1CEST,", "CET-1CEST,M3.5.0", "CET25", "<CET-1",
                           "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.6.0,M10.5.0",
                           "CET-1CEST,J0,J1", "CET-1CEST,M3.5.0/168,M10.5.0", "CET-1 ", "CET-1C"}) {
    EXPECT_FALSE(ZoneRule::parse(text).has_value()) << text;
  }
}

/// A slim file: one change, then the rule.
std::string slim_file(std::string_view rule, std::uint32_t type_of_change = 1) {
  std::string header{"TZif2"};
  header.append(15, '\0');
  std::string file = header;
  for (const std::uint32_t count : {0, 0, 0, 0, 1, 1}) put_be32(file, count);
  file.append(6, '\0').append(1, '\0');
  file += header;
  for (const std::uint32_t count : {0, 0, 0, 1, 2, 1}) put_be32(file, count);
  put_be64(file, 1'000'000'000);
  file += static_cast<char>(type_of_change);
  for (const std::uint32_t offset : {600, 3600}) {
    put_be32(file, offset);
    file.append(2, '\0');
  }
  file.append(1, '\0');
  return file.append("\n").append(rule).append("\n");
}

TEST(TimeZone, goes_by_its_list_and_then_by_its_rule) {
  const auto zone = TimeZone::parse(slim_file("CET-1CEST,M3.5.0,M10.5.0/3"));
  ASSERT_TRUE(zone.has_value()) << to_string(zone.error());
  EXPECT_EQ(zone->at(at("1990-07-01T00:00:00Z")).offset, minutes{10});
  EXPECT_EQ(zone->at(at("2002-01-01T00:00:00Z")).offset, minutes{60});
  EXPECT_EQ(zone->at(at("2002-07-01T00:00:00Z")).offset, minutes{120});
  const auto without = TimeZone::parse(slim_file(""));
  ASSERT_TRUE(without.has_value());
  EXPECT_EQ(without->at(at("2002-07-01T00:00:00Z")).offset, minutes{60});
}

TEST(TimeZone, refuses_a_file_that_is_cut_off_or_names_what_is_not_there) {
  const auto whole = slim_file("UTC0");
  for (std::size_t size = 0; size < whole.size() - std::string_view{"UTC0\n"}.size(); ++size) {
    EXPECT_FALSE(TimeZone::parse(whole.substr(0, size)).has_value()) << size;
  }
  EXPECT_FALSE(TimeZone::parse(slim_file("UTC0", 2)).has_value());
  EXPECT_FALSE(TimeZone::parse(slim_file("summer")).has_value());
}

}  // namespace
}  // namespace perdure::runtime
