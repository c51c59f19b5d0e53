// SPDX-License-Identifier: Apache-2.0
#include "perdure/base/fair_queue.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace perdure {
namespace {

using Queue = FairQueue<std::string>;

void push(Queue& queue, OwnerKey owner, std::string item) {
  ASSERT_EQ(queue.push(owner, std::move(item)), Queued::yes);
}

/// Takes and serves the next item for `cost`.
std::string serve(Queue& queue, std::uint64_t cost = 1) {
  auto taken = queue.take();
  if (!taken) return "nothing";
  queue.finish(taken->owner, cost);
  queue.check_invariants();
  return taken->item;
}

TEST(FairQueue, keeps_the_order_of_one_owner) {
  Queue queue;
  for (int i = 0; i < 100; ++i) push(queue, 1, std::to_string(i));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(serve(queue), std::to_string(i));
  EXPECT_EQ(serve(queue), "nothing");
}

TEST(FairQueue, serves_an_owner_with_one_item_next_however_much_another_has_queued) {
  Queue queue;
  for (int i = 0; i < 1000; ++i) push(queue, 1, "greedy");
  EXPECT_EQ(serve(queue), "greedy");
  push(queue, 2, "modest");
  EXPECT_EQ(serve(queue), "modest");
}

TEST(FairQueue, shares_what_it_serves_by_cost_and_not_by_items) {
  Queue queue;
  for (int i = 0; i < 200; ++i) push(queue, 1, "dear");
  for (int i = 0; i < 200; ++i) push(queue, 2, "cheap");
  int dear = 0;
  int cheap = 0;
  for (int i = 0; i < 110; ++i) {
    auto taken = queue.take();
    ASSERT_TRUE(taken);
    (taken->item == "dear" ? dear : cheap) += 1;
    queue.finish(taken->owner, taken->item == "dear" ? 10 : 1);
  }
  EXPECT_NEAR(dear, 10, 1);
  EXPECT_NEAR(cheap, 100, 1);
}

TEST(FairQueue, gives_nothing_to_owners_that_have_as_many_running_as_the_taker_says) {
  Queue queue;
  for (int i = 0; i < 3; ++i) push(queue, 1, "greedy");
  EXPECT_TRUE(queue.take(1));
  EXPECT_FALSE(queue.take(1));
  EXPECT_TRUE(queue.take(2));
  push(queue, 2, "modest");
  EXPECT_EQ(queue.owners_in_line(), 2U);
  EXPECT_EQ(queue.take(1)->item, "modest");
  EXPECT_EQ(queue.owners_in_line(), 1U);
  queue.finish(1, 1);
  EXPECT_FALSE(queue.take(1));
  queue.check_invariants();
}

TEST(FairQueue, gives_nothing_for_a_rest) {
  Queue queue;
  push(queue, 2, "early");
  serve(queue);
  for (int i = 0; i < 100; ++i) push(queue, 1, "steady");
  for (int i = 0; i < 50; ++i) serve(queue);
  for (int i = 0; i < 10; ++i) push(queue, 2, "back");
  int back = 0;
  for (int i = 0; i < 10; ++i) back += serve(queue) == "back";
  EXPECT_EQ(back, 5);
}

TEST(FairQueue, takes_an_owner_with_fewer_running_items_first) {
  Queue queue;
  for (int i = 0; i < 3; ++i) push(queue, 1, "a");
  EXPECT_EQ(queue.take()->item, "a");
  push(queue, 2, "b");
  EXPECT_EQ(queue.take()->item, "b");
  EXPECT_EQ(queue.take()->item, "a");
  queue.check_invariants();
}

TEST(FairQueue, runs_no_more_of_one_owner_than_it_may) {
  Queue queue{{.owner_running_max = 2}};
  for (int i = 0; i < 4; ++i) push(queue, 1, "a");
  EXPECT_TRUE(queue.take());
  EXPECT_TRUE(queue.take());
  EXPECT_FALSE(queue.take());
  queue.finish(1, 1);
  EXPECT_TRUE(queue.take());
  EXPECT_FALSE(queue.take());
  queue.check_invariants();
}

TEST(FairQueue, refuses_past_its_bounds_and_says_whose_bound_it_was) {
  Queue queue{{.waiting_max = 3, .owner_waiting_max = 2}};
  push(queue, 1, "a");
  push(queue, 1, "a");
  std::string kept = "kept";
  EXPECT_EQ(queue.push(1, std::move(kept)), Queued::owner_full);
  EXPECT_EQ(kept, "kept");
  push(queue, 2, "b");
  EXPECT_EQ(queue.push(3, "c"), Queued::full);
  EXPECT_EQ(queue.waiting(), 3U);
}

TEST(FairQueue, forgets_owners_without_work) {
  Queue queue;
  for (OwnerKey owner = 0; owner < 3 * Queue::resting_max; ++owner) {
    push(queue, owner, "once");
    ASSERT_TRUE(queue.take());
    queue.finish(owner, 1 + owner % 7);
  }
  EXPECT_LE(queue.owners(), Queue::resting_max + 1);
}

TEST(FairQueue, keeps_its_counts_whatever_is_done_with_it) {
  std::mt19937 random{20261130};  // NOLINT: repeatable
  Queue queue{{.waiting_max = 40, .owner_waiting_max = 10, .owner_running_max = 3}};
  std::vector<OwnerKey> running;
  for (int step = 0; step < 20'000; ++step) {
    const auto owner = OwnerKey{random() % 8};
    switch (random() % 3) {
      case 0: static_cast<void>(queue.push(owner, "x")); break;
      case 1:
        if (auto taken = queue.take()) running.push_back(taken->owner);
        break;
      default:
        if (running.empty()) break;
        std::swap(running[random() % running.size()], running.back());
        queue.finish(running.back(), random() % 100);
        running.pop_back();
    }
    queue.check_invariants();
  }
}

TEST(FairQueue, leaves_a_place_for_the_next_owner_however_many_greedy_ones_run) {
  Queue queue{{.running_max = 100}};
  for (OwnerKey owner = 1; owner <= 5; ++owner) {
    for (int i = 0; i < 100; ++i) push(queue, owner, "greedy");
    while (queue.take()) {
    }
  }
  EXPECT_LT(queue.running(), 100U);
  push(queue, 6, "modest");
  const auto taken = queue.take();
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->item, "modest");
  queue.check_invariants();
}

TEST(FairQueue, keeps_to_another_bound_on_what_runs_once_it_is_set) {
  Queue queue;
  for (int i = 0; i < 4; ++i) push(queue, 1, std::to_string(i));
  ASSERT_TRUE(queue.take());
  ASSERT_TRUE(queue.take());
  queue.set_running_max(FairLimits::none, 1);
  queue.check_invariants();
  EXPECT_FALSE(queue.take());
  queue.finish(1, 1);
  EXPECT_FALSE(queue.take());
  queue.finish(1, 1);
  EXPECT_TRUE(queue.take());
  queue.set_running_max(FairLimits::none, 2);
  EXPECT_TRUE(queue.take());
  queue.check_invariants();
}

}  // namespace
}  // namespace perdure
