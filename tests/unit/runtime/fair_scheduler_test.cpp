// SPDX-License-Identifier: Apache-2.0
#include "fair_scheduler.hpp"

#include <gtest/gtest.h>

#include <caf/actor_system.hpp>
#include <caf/ref_counted.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>
#include <functional>
#include <latch>
#include <vector>

#include "flight_shares.hpp"

namespace perdure::runtime {
namespace {

/// Work that says whose it is, and what becomes of it.
class Work final : public caf::resumable, public caf::ref_counted, public Owned {
 public:
  Work(OwnerKey owner, std::function<void()> run, std::atomic<int>& alive)
      : owner_(owner), run_(std::move(run)), alive_(alive) {
    ++alive_;
  }
  ~Work() override { --alive_; }
  [[nodiscard]] OwnerKey owner() const override { return owner_; }
  subtype_t subtype() const override { return function_object; }
  resume_result resume(caf::execution_unit*, std::size_t) override {
    run_();
    return done;
  }
  void intrusive_ptr_add_ref_impl() override { intrusive_ptr_add_ref(this); }
  void intrusive_ptr_release_impl() override { intrusive_ptr_release(this); }

 private:
  const OwnerKey owner_;
  const std::function<void()> run_;
  std::atomic<int>& alive_;
};

class FairSchedulers : public ::testing::Test {
 protected:
  caf::resumable* work(
      OwnerKey owner, std::function<void()> run = [] {}) {
    return new Work{owner, std::move(run), alive_};
  }
  std::atomic<int> alive_{0};
};

TEST_F(FairSchedulers, let_owners_take_turns) {
  caf::actor_system_config config;
  schedule_fairly(config, 1);
  caf::actor_system system{config};
  auto& scheduler = system.scheduler();
  EXPECT_EQ(scheduler.num_workers(), 1U);
  std::latch entered{1};
  std::latch opened{1};
  std::latch done{101};
  std::vector<int> order;  // the one worker's
  scheduler.enqueue(work(7, [&] {
    entered.count_down();
    opened.wait();
  }));
  entered.wait();
  const auto note = [&](int owner) {
    return [&, owner] {
      order.push_back(owner);
      done.count_down();
    };
  };
  for (int i = 0; i < 100; ++i) scheduler.enqueue(work(1, note(1)));
  scheduler.enqueue(work(2, note(2)));
  opened.count_down();
  done.wait();
  EXPECT_EQ(order[1], 2) << "behind one piece of the other's";
}

TEST_F(FairSchedulers, run_on_all_their_workers) {
  caf::actor_system_config config;
  schedule_fairly(config, 4);
  caf::actor_system system{config};
  std::latch all{4};
  for (int i = 0; i < 4; ++i) {
    system.scheduler().enqueue(work(1, [&] { all.arrive_and_wait(); }));
  }
  all.wait();
}

TEST_F(FairSchedulers, let_go_of_what_waits_when_their_system_ends) {
  {
    caf::actor_system_config config;
    schedule_fairly(config, 2);
    caf::actor_system system{config};
    for (OwnerKey owner = 0; owner < 1'000; ++owner) system.scheduler().enqueue(work(owner % 7));
  }
  EXPECT_EQ(alive_, 0);
}

TEST_F(FairSchedulers, hand_out_what_no_worker_has_taken) {
  WorkQueue queue;
  for (OwnerKey owner = 0; owner < 10; ++owner) queue.push(work(owner % 3));
  std::optional<WorkQueue::Slice> slice;
  caf::intrusive_ptr_release(queue.next(slice));
  queue.check_invariants();
  EXPECT_TRUE(slice);
  int left = 0;
  queue.drain([&](caf::resumable* one) {
    // Its end may wake others.
    if (left++ == 0) queue.push(work(9));
    caf::intrusive_ptr_release(one);
  });
  EXPECT_EQ(left, 10);
  EXPECT_EQ(alive_, 0);
  queue.check_invariants();
}

TEST_F(FairSchedulers, give_work_of_nobody_a_turn_of_its_own) {
  class Plain final : public caf::resumable, public caf::ref_counted {
   public:
    resume_result resume(caf::execution_unit*, std::size_t) override { return done; }
    void intrusive_ptr_add_ref_impl() override { intrusive_ptr_add_ref(this); }
    void intrusive_ptr_release_impl() override { intrusive_ptr_release(this); }
  };
  const caf::intrusive_ptr<Plain> one{new Plain, false};
  const caf::intrusive_ptr<Plain> other{new Plain, false};
  EXPECT_NE(owner_of(*one), owner_of(*other));
}

TEST(FlightShares, give_each_caller_as_many_as_it_may_have) {
  FlightShares shares;
  const auto ann = owner_key("ann");
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(shares.take(ann, 8));
  EXPECT_FALSE(shares.take(ann, 8));
  EXPECT_EQ(shares.total(), 8U) << "what was refused is not counted";
  for (int i = 0; i < 10'000; ++i) {
    const auto other = owner_key("other" + std::to_string(i));
    EXPECT_TRUE(shares.take(other, 8)) << i;
    shares.give_back(other);
  }
  shares.give_back(ann);
  EXPECT_TRUE(shares.take(ann, 8));
}

}  // namespace
}  // namespace perdure::runtime
