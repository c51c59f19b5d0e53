// SPDX-License-Identifier: Apache-2.0
#include "times.hpp"

#include <gtest/gtest.h>

#include "perdure/testing/clock.hpp"

namespace perdure::runtime {
namespace {

using namespace std::chrono_literals;

class TimesTest : public ::testing::Test {
 protected:
  testing::SimulatedClock clock_;
  Times times_{clock_, 1};
};

TEST_F(TimesTest, agree_while_nobody_sets_the_clock) {
  clock_.advance(90s);
  EXPECT_EQ(times_.steady(), times_.wall());
  EXPECT_EQ(times_.sure(1h), times_.wall());
  EXPECT_EQ(times_.began(), times_.wall() - 90s);
}

TEST_F(TimesTest, believe_a_step_forward_once_it_has_lasted_for_the_window) {
  clock_.advance(10s);
  clock_.step_wall(48h);
  EXPECT_EQ(times_.steady(), times_.wall() - 48h);
  EXPECT_EQ(times_.sure(24h), times_.wall() - 48h);
  EXPECT_EQ(times_.began(), times_.wall() - 10s);
  clock_.advance(23h);
  EXPECT_EQ(times_.sure(24h), times_.wall() - 48h);
  EXPECT_EQ(times_.sure(1h), times_.wall());
  clock_.advance(2h);
  EXPECT_EQ(times_.sure(24h), times_.wall());
}

TEST_F(TimesTest, believe_a_step_back_at_once_and_what_undoes_it_later) {
  clock_.advance(10s);
  clock_.step_wall(-48h);
  EXPECT_EQ(times_.sure(24h), times_.wall());
  EXPECT_EQ(times_.times_set_back(), 1U);
  clock_.advance(1h);
  times_.look();
  clock_.step_wall(48h);
  EXPECT_EQ(times_.sure(24h), times_.wall() - 48h);
  EXPECT_EQ(times_.times_set_back(), 1U);
}

TEST_F(TimesTest, add_up_small_steps_until_they_are_one) {
  for (int i = 1; i <= 100; ++i) {
    clock_.step_wall(-30ms);
    clock_.advance(1s);
    times_.look();
    EXPECT_EQ(times_.times_set_back(), static_cast<unsigned>(i / 4)) << i;
  }
  for (int i = 1; i <= 100; ++i) {
    clock_.step_wall(30ms);
    times_.look();
  }
  EXPECT_EQ(times_.sure(1h), times_.wall() - 3s) << "as it was a minute ago";
}

TEST_F(TimesTest, take_small_steps_that_add_up_to_nothing_for_none) {
  for (int i = 0; i < 100; ++i) {
    clock_.step_wall(i % 2 == 0 ? -90ms : 90ms);
    times_.look();
  }
  EXPECT_EQ(times_.times_set_back(), 0U);
}

TEST_F(TimesTest, forget_the_oldest_of_many_steps_carefully) {
  clock_.step_wall(-24h);
  times_.look();
  clock_.step_wall(24h);
  for (int i = 0; i < 200; ++i) {
    times_.look();
    clock_.step_wall(i % 2 == 0 ? 5s : -5s);
  }
  EXPECT_EQ(times_.sure(1h), times_.wall() - 24h);
}

}  // namespace
}  // namespace perdure::runtime
