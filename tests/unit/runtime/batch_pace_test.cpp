// SPDX-License-Identifier: Apache-2.0
#include "batch_pace.hpp"

#include <gtest/gtest.h>

namespace perdure::runtime {
namespace {

using namespace std::chrono_literals;

TEST(BatchPaces, take_fewer_turns_the_more_they_cost) {
  BatchPace cheap;
  BatchPace costly;
  for (int i = 0; i < 50; ++i) {
    cheap.note(100, 100 * 5us);
    costly.note(100, 100 * 40us);
  }
  EXPECT_NEAR(static_cast<double>(cheap.turns_max()), 200, 1);
  EXPECT_NEAR(static_cast<double>(costly.turns_max()), 25, 1);
}

TEST(BatchPaces, stay_within_their_bounds_and_start_between_them) {
  BatchPace pace;
  EXPECT_GT(pace.turns_max(), BatchPace::least);
  EXPECT_LT(pace.turns_max(), BatchPace::most);
  pace.note(1, 1s);
  EXPECT_EQ(pace.turns_max(), BatchPace::least);
  for (int i = 0; i < 200; ++i) pace.note(1'000, 1ns);
  EXPECT_EQ(pace.turns_max(), BatchPace::most);
}

TEST(BatchPaces, follow_a_change_of_cost_within_a_few_batches) {
  BatchPace pace;
  for (int i = 0; i < 50; ++i) pace.note(200, 200 * 10us);
  for (int i = 0; i < 20; ++i) pace.note(200, 200 * 40us);
  EXPECT_LT(pace.turns_max(), 30U);
}

}  // namespace
}  // namespace perdure::runtime
