// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "housekeeper.hpp"

namespace perdure::runtime {
namespace {

using std::chrono::seconds;

constexpr Retention ten_to_hundred{.records = 10, .records_max = 100, .age = seconds{60}};

// One record a second: the record of seq n has time n seconds.
Seq floor_at(Seq first, Seq last, Seq now_s) {
  return retention_floor(ten_to_hundred, first, last,
                         from_unix_ms(static_cast<std::int64_t>(now_s) * 1'000),
                         [](Seq seq) -> Result<Timestamp> {
                           return from_unix_ms(static_cast<std::int64_t>(seq) * 1'000);
                         })
      .value();
}

TEST(RetentionFloor, keeps_the_newest_records_however_old) {
  EXPECT_EQ(floor_at(1, 10, 1'000'000), 1U);
  EXPECT_EQ(floor_at(1, 50, 1'000'000), 41U);
}

TEST(RetentionFloor, keeps_what_is_young) {
  EXPECT_EQ(floor_at(1, 90, 90), 31U);  // records 31 to 90 are younger than a minute
  EXPECT_EQ(floor_at(1, 50, 50), 1U);
}

TEST(RetentionFloor, keeps_no_more_than_its_most_however_young) {
  const auto all_young = [](Seq) -> Result<Timestamp> { return from_unix_ms(1'000'000); };
  EXPECT_EQ(retention_floor(ten_to_hundred, 1, 500, from_unix_ms(1'000'000), all_young).value(),
            401U);
}

TEST(RetentionFloor, never_goes_below_what_is_there) {
  EXPECT_EQ(floor_at(45, 50, 1'000'000), 45U);
}

}  // namespace
}  // namespace perdure::runtime
