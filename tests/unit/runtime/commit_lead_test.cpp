// SPDX-License-Identifier: Apache-2.0
// Every order in which threads that are lent for commits, a worker and the committer's own thread
// can take their steps: whatever it is, nothing is left behind when all of them sleep.
#include "commit_lead.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <tuple>

namespace perdure::runtime {
namespace {

constexpr int lent_threads = 2;
constexpr int own = lent_threads;         // the committer's thread
constexpr int worker = lent_threads + 1;  // submits, and commits nothing
constexpr int threads = lent_threads + 2;
constexpr int submissions_each = 2;

// What a thread does next. Each is one hold of the committer's lock, or none.
enum class Next { submit, begin, take, end, sleep, done };

struct World {
  CommitLead lead;
  int waiting = 0;
  std::array<Next, threads> next{Next::submit, Next::submit, Next::sleep, Next::submit};
  std::array<int, threads> submitted{};

  [[nodiscard]] auto key() const {
    return std::tuple{lead.is_led(), lead.is_asleep(), waiting, next, submitted};
  }
};

class EveryOrder {
 public:
  void explore(const World& world) {
    if (!seen_.insert(world.key()).second) return;
    bool moves = false;
    for (int thread = 0; thread < threads; ++thread) {
      if (!can_step(world, thread)) continue;
      moves = true;
      World after = world;
      step(after, thread);
      explore(after);
    }
    if (moves) return;
    EXPECT_EQ(world.waiting, 0) << "all sleep, and something waits";
  }
  [[nodiscard]] std::size_t worlds() const { return seen_.size(); }

 private:
  static bool can_step(const World& world, int thread) {
    if (world.next[thread] == Next::done) return false;
    // Asleep until somebody wakes it.
    return thread != own || world.next[own] != Next::sleep || !world.lead.is_asleep();
  }

  static void step(World& world, int thread) {
    auto& next = world.next[thread];
    const bool is_lent = thread < lent_threads;
    switch (next) {
      case Next::submit:
        ++world.waiting;
        static_cast<void>(world.lead.submitted(is_lent ? Submitter::lent : Submitter::other));
        if (++world.submitted[thread] < submissions_each) break;
        next = is_lent ? Next::begin : Next::done;
        break;
      case Next::begin:
        if (world.waiting > 0 && world.lead.begin()) {
          next = Next::take;
        } else if (is_lent) {
          next = Next::done;  // until a socket wakes it
        } else {
          world.lead.sleep();
          next = Next::sleep;
        }
        break;
      case Next::take:
        world.waiting -= 1;  // what one batch has room for
        next = Next::end;
        break;
      case Next::end:
        world.lead.end();
        next = world.waiting > 0 || !is_lent ? Next::begin : Next::done;
        break;
      case Next::sleep: next = Next::begin; break;
      case Next::done: break;
    }
  }

  std::set<decltype(World{}.key())> seen_;
};

TEST(CommitLead, leaves_nothing_behind_in_any_order_of_threads) {
  World world;
  world.lead.sleep();  // the own thread sleeps at first
  EveryOrder orders;
  orders.explore(world);
  EXPECT_GT(orders.worlds(), 500U);
}

TEST(CommitLead, wakes_the_own_thread_for_others_and_not_for_lent_threads) {
  CommitLead lead;
  lead.sleep();
  EXPECT_FALSE(lead.submitted(Submitter::lent));
  EXPECT_TRUE(lead.submitted(Submitter::other));
  EXPECT_FALSE(lead.submitted(Submitter::other));  // it is awake
}

TEST(CommitLead, is_one_threads_at_a_time) {
  CommitLead lead;
  EXPECT_TRUE(lead.begin());
  EXPECT_FALSE(lead.begin());
  lead.end();
  EXPECT_TRUE(lead.begin());
}

}  // namespace
}  // namespace perdure::runtime
