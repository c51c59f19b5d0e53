// SPDX-License-Identifier: Apache-2.0
#include "perdure/runtime/sortable.hpp"

#include <gtest/gtest.h>

#include "perdure/base/utf8.hpp"

namespace perdure {
namespace {

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
                                std::string("\0", 1),
                                "\x01",
                                "\x02",
                                "\x03",
                                "a",
                                std::string("a\0", 2),
                                std::string("a\0b", 3),
                                "a\x01",
                                "ab",
                                "b",
                                "\xC3\xA9",
                                Json::array()};

TEST(Sortable, values_sort_as_bytes_and_hold_no_nul) {
  for (std::size_t i = 0; i < ordered.size(); ++i) {
    EXPECT_EQ(sortable(ordered[i]).find('\0'), std::string::npos) << ordered[i];
    if (i == 0) continue;
    EXPECT_LT(sortable(ordered[i - 1]), sortable(ordered[i])) << ordered[i - 1] << ordered[i];
  }
  EXPECT_EQ(sortable(0.0), sortable(-0.0));
  EXPECT_EQ(sortable(1), sortable(1.0));
}

TEST(Sortable, no_value_begins_with_another_one) {
  for (const auto& a : ordered) {
    for (const auto& b : ordered) {
      const bool is_beginning = a != b && sortable(b).starts_with(sortable(a));
      EXPECT_FALSE(is_beginning) << a << " and " << b;
    }
  }
}

TEST(Sortable, text_is_whole_and_in_one_form) {
  const std::string begin(1'900, 'x');
  EXPECT_LT(sortable(begin + "a"), sortable(begin + "b"));
  EXPECT_EQ(sortable("e\xCC\x81"), sortable("\xC3\xA9"));
  const std::string longest(sortable_bytes_max - 1, 'x');
  EXPECT_EQ(sortable(longest + "\xC3\xA9"), sortable(longest + "\xC3\xBC")) << "equal so far";
}

}  // namespace
}  // namespace perdure
