// SPDX-License-Identifier: Apache-2.0
#include "perdure/base/memory_budget.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace perdure {
namespace {

TEST(MemoryBudget, grants_an_owner_its_share_and_not_a_byte_more) {
  MemoryBudget budget{{.all_bytes_max = 100, .owner_bytes_max = 40}};
  Hold first{budget, 1};
  Hold second{budget, 1};
  EXPECT_EQ(first.resize(30), Fit::yes);
  EXPECT_EQ(second.resize(11), Fit::past_share);
  EXPECT_EQ(second.bytes(), 0U);
  EXPECT_EQ(second.resize(10), Fit::yes);
  EXPECT_EQ(budget.bytes(1), 40U);
  EXPECT_EQ(first.resize(31), Fit::past_share);
  EXPECT_EQ(first.bytes(), 30U);
}

TEST(MemoryBudget, grants_all_owners_together_what_there_is) {
  MemoryBudget budget{{.all_bytes_max = 100, .owner_bytes_max = 60}};
  Hold one{budget, 1};
  Hold other{budget, 2};
  EXPECT_EQ(one.resize(60), Fit::yes);
  EXPECT_EQ(budget.fit_of(2, 41), Fit::past_budget);
  EXPECT_EQ(other.resize(41), Fit::past_budget);
  EXPECT_EQ(other.resize(40), Fit::yes);
}

TEST(MemoryBudget, takes_back_what_a_hold_gives_up_or_ends_with) {
  MemoryBudget budget{{.all_bytes_max = 100, .owner_bytes_max = 100}};
  {
    Hold hold{budget, 1};
    EXPECT_EQ(hold.resize(100), Fit::yes);
    EXPECT_EQ(hold.resize(20), Fit::yes);
    EXPECT_EQ(budget.bytes(), 20U);
    Hold moved{std::move(hold)};
    EXPECT_EQ(budget.bytes(), 20U);
    Hold last{budget, 2};
    EXPECT_EQ(last.resize(5), Fit::yes);
    last = std::move(moved);
    EXPECT_EQ(budget.bytes(2), 0U);
    EXPECT_EQ(budget.bytes(1), 20U);
  }
  EXPECT_EQ(budget.bytes(), 0U);
}

TEST(MemoryBudget, grants_everything_to_a_hold_without_one) {
  Hold hold;
  EXPECT_EQ(hold.resize(std::size_t{1} << 60), Fit::yes);
}

TEST(MemoryBudget, never_passes_its_bound_whoever_grows_at_once) {
  MemoryBudget budget{{.all_bytes_max = 1'000, .owner_bytes_max = 400}};
  std::atomic<bool> passed{false};
  std::vector<std::thread> threads;
  for (OwnerKey owner = 0; owner < 4; ++owner) {
    threads.emplace_back([&, owner] {
      for (std::size_t i = 0; i < 5'000; ++i) {
        Hold hold{budget, owner};
        const auto fit = hold.resize(i % 500);
        if (fit == Fit::yes && budget.bytes(owner) > 400) passed = true;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_FALSE(passed);
  EXPECT_EQ(budget.bytes(), 0U);
}

TEST(MemoryBudget, tells_the_client_whose_bound_it_was_and_when_to_come_again) {
  EXPECT_EQ(error_of(Fit::past_share).code, ErrorCode::rate_limited);
  EXPECT_EQ(error_of(Fit::past_budget).code, ErrorCode::overloaded);
  EXPECT_TRUE(error_of(Fit::past_share).retry_after);
}

TEST(MemoryBudgetDeath, a_buffer_that_has_grown_past_what_is_held_aborts_a_debug_build) {
#ifdef NDEBUG
  GTEST_SKIP() << "this is no debug build";
#else
  MemoryBudget budget{{.all_bytes_max = 100, .owner_bytes_max = 100}};
  Hold hold{budget, 1};
  ASSERT_EQ(hold.resize(10), Fit::yes);
  hold.check_covers(10);
  EXPECT_DEATH(hold.check_covers(11), "has grown past the 10 that are held");
  Hold{}.check_covers(11);  // without a budget nothing is counted
#endif
}

}  // namespace
}  // namespace perdure
