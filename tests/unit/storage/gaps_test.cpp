// SPDX-License-Identifier: Apache-2.0
#include "perdure/storage/gaps.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace perdure::storage {
namespace {

TEST(gaps, end_where_the_next_entry_may_be) {
  Gaps gaps;
  EXPECT_FALSE(gaps.end_at("a"));
  gaps.note("b", "d");
  EXPECT_FALSE(gaps.end_at("a"));
  EXPECT_EQ(gaps.end_at("b"), "d");
  EXPECT_EQ(gaps.end_at("cz"), "d");
  EXPECT_FALSE(gaps.end_at("d"));
  gaps.clear();
  EXPECT_FALSE(gaps.end_at("b"));
}

TEST(gaps, that_touch_become_one) {
  Gaps gaps;
  gaps.note("b", "d");
  gaps.note("f", "h");
  gaps.note("d", "f");
  EXPECT_EQ(gaps.size(), 1U);
  EXPECT_EQ(gaps.end_at("b"), "h");
  gaps.note("a", "z");
  EXPECT_EQ(gaps.size(), 1U);
  EXPECT_EQ(gaps.end_at("a"), "z");
  gaps.note("c", "c");
  EXPECT_EQ(gaps.size(), 1U);
}

TEST(gaps, an_entry_splits_the_gap_around_it) {
  Gaps gaps;
  gaps.note("b", "h");
  gaps.put("d");
  EXPECT_EQ(gaps.end_at("c"), "d");
  EXPECT_FALSE(gaps.end_at("d"));
  EXPECT_EQ(gaps.end_at("d\x01"), "h");
  gaps.put("b");
  EXPECT_FALSE(gaps.end_at("b"));
  gaps.put("z");
  EXPECT_EQ(gaps.end_at("e"), "h");
}

TEST(gaps, the_one_goes_that_was_used_least_recently) {
  Gaps gaps;
  const auto name = [](std::size_t i) { return std::string(1, static_cast<char>('A' + 2 * i)); };
  for (std::size_t i = 0; i < Gaps::gaps_max; ++i) gaps.note(name(i), name(i) + "z");
  EXPECT_TRUE(gaps.end_at(name(0)));
  gaps.note("z", "zz");
  EXPECT_EQ(gaps.size(), Gaps::gaps_max);
  EXPECT_TRUE(gaps.end_at(name(0)));
  EXPECT_FALSE(gaps.end_at(name(1)));
  EXPECT_TRUE(gaps.end_at("z"));
}

TEST(gaps, never_cover_an_entry) {
  std::mt19937 random{7};
  const auto key = [&] { return std::to_string(100 + random() % 80); };
  for (int round = 0; round < 300; ++round) {
    Gaps gaps;
    std::set<std::string> entries;
    for (int step = 0; step < 200; ++step) {
      const auto at = key();
      const auto next = entries.lower_bound(at);
      if (random() % 3 == 0) {
        gaps.put(at);
        entries.insert(at);
      } else if (random() % 4 == 0) {
        entries.erase(at);
      } else if (next != entries.end()) {
        gaps.note(at, *next);  // what a walk from there would find
      }
      const auto probe = key();
      const auto end = gaps.end_at(probe);
      const auto first = entries.lower_bound(probe);
      if (end && first != entries.end()) {
        ASSERT_GE(*first, *end) << "a gap from " << probe << " covers it";
      }
    }
  }
}

}  // namespace
}  // namespace perdure::storage
