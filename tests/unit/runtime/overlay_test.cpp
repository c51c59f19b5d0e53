// SPDX-License-Identifier: Apache-2.0
#include "overlay.hpp"

#include <gtest/gtest.h>

namespace perdure::runtime {
namespace {

PendingEntries entries(std::initializer_list<PendingEntries::value_type> all) { return {all}; }

std::vector<std::string> texts(const PendingEntries& pending) {
  std::vector<std::string> all;
  for (const auto& [key, entry] : pending) {
    all.push_back(key + "=" + entry.value.value_or("(erased)") + "@" + std::to_string(entry.seq));
  }
  return all;
}

TEST(Overlay, what_a_turn_wrote_takes_the_place_of_what_was_pending) {
  auto pending = entries({{"a", {1, "one"}}, {"b", {1, "one"}}, {"c", {2, "two"}}});
  put_over(pending, entries({{"b", {3, "three"}}, {"c", {3, std::nullopt}}, {"d", {3, "three"}}}));
  EXPECT_EQ(texts(pending),
            (std::vector<std::string>{"a=one@1", "b=three@3", "c=(erased)@3", "d=three@3"}));
  PendingEntries nothing;
  put_over(pending, std::move(nothing));
  EXPECT_EQ(pending.size(), 4U);
  PendingEntries first;
  put_over(first, std::move(pending));
  EXPECT_EQ(first.size(), 4U);
}

}  // namespace
}  // namespace perdure::runtime
