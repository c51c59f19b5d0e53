// SPDX-License-Identifier: Apache-2.0
#include "index_keys.hpp"

#include <gtest/gtest.h>

namespace perdure::runtime {
namespace {

std::string key(const Json& value) {
  std::string bytes;
  put_index_value(bytes, value);
  return bytes;
}

TEST(IndexKeys, sort_as_their_values_do) {
  const std::vector<Json> ordered{nullptr,
                                  false,
                                  true,
                                  -1e300,
                                  -5,
                                  -0.5,
                                  0,
                                  0.25,
                                  1,
                                  2,
                                  1e10,
                                  "",
                                  "a",
                                  std::string("a\0", 2),
                                  std::string("a\0b", 3),
                                  "a\x01",
                                  "ab",
                                  "b"};
  for (std::size_t i = 1; i < ordered.size(); ++i) {
    EXPECT_LT(key(ordered[i - 1]), key(ordered[i])) << ordered[i - 1] << " and " << ordered[i];
  }
  EXPECT_EQ(key(0.0), key(-0.0));
}

TEST(IndexKeys, no_key_is_a_prefix_of_another) {
  const std::vector<Json> values{nullptr, 1, "", "a", "ab", std::string("a\0", 2)};
  for (const auto& a : values) {
    for (const auto& b : values) {
      if (a != b) {
        EXPECT_FALSE(key(b).starts_with(key(a))) << a << " and " << b;
      }
    }
  }
}

TEST(IndexKeys, the_difference_turns_one_set_of_rows_into_the_other) {
  using Op = storage::IndexChange::Op;
  const auto changes = index_difference({{"i", "a"}, {"i", "b"}}, {{"i", "b"}, {"j", "a"}});
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_EQ(changes[0].op, Op::erase);
  EXPECT_EQ(changes[0].key, "a");
  EXPECT_EQ(changes[1].op, Op::put);
  EXPECT_EQ(changes[1].index, "j");
}

}  // namespace
}  // namespace perdure::runtime
