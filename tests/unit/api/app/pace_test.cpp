// SPDX-License-Identifier: Apache-2.0
#include "app/chat/pace.hpp"

#include <gtest/gtest.h>

namespace perdure::api::chat {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Pace, lets_a_burst_pass_and_then_one_in_each_interval) {
  Pace pace{3, seconds{1}};
  const seconds now{100};
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(pace.take(now)) << i;
  EXPECT_FALSE(pace.take(now));
  EXPECT_FALSE(pace.take(now + milliseconds{900}));
  EXPECT_TRUE(pace.take(now + seconds{1}));
  EXPECT_FALSE(pace.take(now + seconds{1}));
  EXPECT_TRUE(pace.take(now + seconds{60}));
}

TEST(Pace, lets_one_pass_that_costs_more_than_the_burst_when_it_is_rested) {
  Pace pace{3, seconds{1}};
  const seconds now{100};
  EXPECT_TRUE(pace.take(now, 10));
  EXPECT_FALSE(pace.take(now + seconds{9}, 10));
  EXPECT_TRUE(pace.take(now + seconds{10}, 10));
}

}  // namespace
}  // namespace perdure::api::chat
