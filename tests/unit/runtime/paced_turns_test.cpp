// SPDX-License-Identifier: Apache-2.0
// PacedTurns: no owner has more turns a second than its rate, none waits for another's, and none of
// them is lost.
#include "paced_turns.hpp"

#include <gtest/gtest.h>

#include <map>

#include "perdure/base/random.hpp"

namespace perdure::runtime {
namespace {

using namespace std::chrono_literals;
using Pace = PacedTurns::Pace;

constexpr OwnerKey greedy = 1;
constexpr OwnerKey modest = 2;

TEST(PacedTurns, give_an_owner_as_many_a_second_as_its_rate) {
  PacedTurns turns{{}, Rate{100}};
  for (int i = 0; i < 1'000; ++i) turns.push(greedy, std::to_string(i), 0us, Pace::of_owner);
  std::map<std::chrono::seconds, int> in_second;
  int next = 0;
  for (Microseconds now{0}; now < 5s; now += 1ms) {
    turns.advance(now);
    while (const auto turn = turns.take()) {
      EXPECT_EQ(turn->item, std::to_string(next++)) << "in their order";
      ++in_second[std::chrono::floor<std::chrono::seconds>(now)];
      turns.finish(turn->owner, 1);
      turns.check_invariants();
    }
  }
  for (const auto& [second, count] : in_second) {
    EXPECT_LE(count, 100) << second.count();
    EXPECT_GE(count, 90) << second.count();
  }
}

TEST(PacedTurns, hold_up_nobody_beside_an_owner_that_rests) {
  PacedTurns turns{{}, Rate{100}};
  for (int i = 0; i < 1'000; ++i) turns.push(greedy, "g", 0us, Pace::of_owner);
  while (const auto turn = turns.take()) turns.finish(turn->owner, 1);
  turns.push(modest, "m", 1ms, Pace::of_owner);
  turns.push(greedy, "free", 1ms, Pace::none);
  std::vector<std::string> taken;
  while (const auto turn = turns.take()) {
    taken.push_back(turn->item);
    turns.finish(turn->owner, 1);
  }
  EXPECT_EQ(taken, (std::vector<std::string>{"m", "free"}));
}

TEST(PacedTurns, say_when_the_next_may_go_and_lose_none) {
  PacedTurns turns{{}, Rate{1'000}};
  SeededRandom random{7};
  Microseconds now{0};
  std::map<OwnerKey, int> pushed;
  std::map<OwnerKey, int> taken;
  for (int i = 0; i < 20'000; ++i) {
    now += Microseconds{random.next() % 200};
    const auto owner = static_cast<OwnerKey>(random.next() % 6'000);
    ++pushed[owner];
    turns.push(owner, "t", now, Pace::of_owner);
  }
  const auto take_all = [&] {
    while (const auto turn = turns.take()) {
      ++taken[turn->owner];
      turns.finish(turn->owner, 1);
    }
  };
  take_all();
  while (const auto next = turns.next()) {
    now = std::max(now, *next);
    turns.advance(now);
    ASSERT_GT(turns.waiting(), 0U) << "nothing could go when it was said";
    take_all();
  }
  EXPECT_EQ(taken, pushed);
}

}  // namespace
}  // namespace perdure::runtime
