// SPDX-License-Identifier: Apache-2.0
#include "app/rate_limit.hpp"

#include <gtest/gtest.h>

namespace perdure::api {
namespace {

using std::chrono::seconds;

TEST(RateBucket, gives_its_requests_at_once_and_then_one_by_one) {
  RateBucket bucket{"key", {.requests = 3, .window = seconds{30}}};
  EXPECT_EQ(bucket.policy_text(), "\"key\";q=3;w=30");
  EXPECT_EQ(bucket.take(seconds{100}).remaining, 2U);
  EXPECT_EQ(bucket.take(seconds{100}).remaining, 1U);
  const auto last = bucket.take(seconds{100});
  EXPECT_TRUE(last.taken);
  EXPECT_EQ(bucket.state_text(last), "\"key\";r=0;t=30");
  const auto refused = bucket.take(seconds{101});
  EXPECT_FALSE(refused.taken);
  EXPECT_EQ(refused.retry, seconds{9});
  EXPECT_TRUE(bucket.take(seconds{110}).taken);
  EXPECT_FALSE(bucket.take(seconds{110}).taken);
}

TEST(RateBucket, is_full_again_after_its_window) {
  RateBucket bucket{"key", {.requests = 2, .window = seconds{10}}};
  for (int i = 0; i < 5; ++i) (void)bucket.take(seconds{1});
  EXPECT_EQ(bucket.take(seconds{100}).remaining, 1U);
}

TEST(RateBucket, without_a_limit_gives_always) {
  RateBucket bucket{"key", {}};
  for (int i = 0; i < 1'000; ++i) EXPECT_TRUE(bucket.take(seconds{0}).taken);
}

}  // namespace
}  // namespace perdure::api
