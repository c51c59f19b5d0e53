// SPDX-License-Identifier: Apache-2.0
// The pump alone, on a store in memory: the test is the runtime that carries items out.
#include "outbox_pump.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "perdure/storage/memory_store.hpp"
#include "perdure/testing/clock.hpp"

namespace perdure::runtime {
namespace {

using Effects = std::vector<std::shared_ptr<Effect>>;

class OutboxPumpTest : public ::testing::Test {
 protected:
  void SetUp() override {
    pump_ = std::make_unique<OutboxPump>(
        *store_, clock_, random_,
        PumpEffects{.call =
                        [this](Call call, Receipt receipt, ReplyHandler done) {
                          calls_.push_back({std::move(call), std::move(receipt), std::move(done)});
                        },
                    .tell =
                        [this](Call) {
                          if (on_tell_) on_tell_();
                        },
                    .changed = [](std::size_t) {},
                    .wake = [] {}});
  }

  struct Called {
    Call call;
    Receipt receipt;
    ReplyHandler done;
  };

  static Sent message(const std::string& owner, int number) {
    Sent sent{.type = Sent::Type::message, .from = {"from", owner}};
    sent.to = {"to", std::to_string(number)};
    sent.command = "hear";
    sent.payload = number;
    sent.owner = sent.sender_owner = owner;
    return sent;
  }
  static Sent effect(const std::string& owner, int number, int priority = 0) {
    Sent sent{.type = Sent::Type::effect, .from = {"from", owner}};
    sent.performer = "post";
    sent.effect_id = std::to_string(number);
    sent.payload = number;
    sent.priority = priority;
    sent.owner = sent.sender_owner = owner;
    return sent;
  }
  /// They are durable, and the pump hears of it.
  void commit(const std::vector<Sent>& all) {
    storage::WriteSet write_set{.object = {"sender", "s"}, .epoch = store_->epoch()};
    for (const auto& sent : all) write_set.sends.push_back(encode_sent(sent));
    const auto position = put(write_set);
    pump_->arrived(position, write_set.sends);
  }
  std::uint64_t put(const storage::WriteSet& write_set) {
    const std::vector<storage::Unit> units{{.write_sets = {write_set}}};
    auto committed = store_->commit(units, clock_.now());
    EXPECT_TRUE(committed.at(0)) << to_string(committed.at(0).error());
    return committed.at(0)->first_outbox_position;
  }
  void step_all() {
    while (pump_->step()) pump_->check_invariants();
  }
  /// The receivers' turns take what was called for.
  void answer_calls() {
    for (auto& called : std::exchange(calls_, {})) {
      storage::WriteSet write_set{.object = {"sender", "s"}, .epoch = store_->epoch()};
      write_set.takes = {called.receipt.position};
      put(write_set);
      heard_.push_back(called.call);
      called.done(Reply{});
    }
  }
  std::size_t held(const std::string& owner) {
    std::size_t count = 0;
    for (const auto& item : pump_->items(0, 1'000'000)) count += item.from.id == owner ? 1 : 0;
    return count;
  }

  testing::SimulatedClock clock_;
  SeededRandom random_{1};
  storage::MemoryDisk disk_;
  std::unique_ptr<storage::Store> store_ = storage::open_memory(disk_).value();
  std::vector<Called> calls_;
  std::vector<Call> heard_;
  std::function<void()> on_tell_;
  std::unique_ptr<OutboxPump> pump_;
};

TEST_F(OutboxPumpTest, lets_owners_take_turns_at_messages) {
  std::vector<Sent> greedy;
  for (int i = 0; i < 2'000; ++i) greedy.push_back(message("greedy", i));
  commit(greedy);
  commit({message("modest", 1)});
  step_all();
  // A share of what may be under way at a time is one owner's.
  EXPECT_EQ(calls_.size(), 257U);
  EXPECT_EQ(std::ranges::count(calls_, "modest", [](const Called& c) { return c.call.owner; }), 1);
  for (int i = 0; i < 20; ++i) {
    answer_calls();
    step_all();
  }
  EXPECT_EQ(heard_.size(), 2'001U);
}

TEST_F(OutboxPumpTest, keeps_a_greedy_owners_items_on_disk_and_carries_out_all_of_them) {
  constexpr int many = 36'000;
  std::vector<Sent> greedy;
  for (int i = 0; i < many; ++i) greedy.push_back(message("greedy", i % 1'000));
  commit(greedy);
  commit({message("modest", 1)});
  while (pump_->step()) {
  }
  EXPECT_EQ(held("greedy"), 32'768U);
  EXPECT_EQ(held("modest"), 1U);
  // As after a restart: what is on disk is read in the same shares.
  calls_.clear();
  pump_->reset();
  while (pump_->step()) {
  }
  EXPECT_EQ(held("greedy"), 32'768U);
  EXPECT_EQ(held("modest"), 1U);
  while (heard_.size() < many + 1 && !calls_.empty()) {
    answer_calls();
    while (pump_->step()) {
    }
  }
  pump_->check_invariants();
  EXPECT_EQ(heard_.size(), many + 1U);
  EXPECT_EQ(held("greedy"), 0U);
  EXPECT_FALSE(pump_->is_waiting({"from", "greedy"}, {"to", "0"}, "greedy"));
}

TEST_F(OutboxPumpTest, keeps_the_order_of_a_pair_whose_items_wait_on_disk) {
  std::vector<Sent> sent;
  const std::string large(150'000, 'x');
  for (int i = 0; i < 600; ++i) {
    auto one = message("greedy", 0);
    one.payload = {{"number", i}, {"large", large}};
    sent.push_back(std::move(one));
  }
  commit(sent);
  while (pump_->step()) {
  }
  EXPECT_LT(held("greedy"), 450U) << "half of 128 MiB is one owner's";
  while (!calls_.empty()) {
    answer_calls();
    while (pump_->step()) {
    }
  }
  ASSERT_EQ(heard_.size(), 600U);
  for (int i = 0; i < 600; ++i) EXPECT_EQ(heard_[i].payload.at("number"), i);
}

TEST_F(OutboxPumpTest, lets_owners_take_turns_at_a_performer) {
  Effects begun;
  std::vector<Sent> greedy;
  for (int i = 0; i < 100; ++i) greedy.push_back(effect("greedy", i));
  greedy.push_back(effect("greedy", 100, 7));
  commit(greedy);
  commit({effect("modest", 1)});
  pump_->set_performer("post", [&](std::shared_ptr<Effect> e) { begun.push_back(std::move(e)); },
                       {.all = 8, .owner = 2});
  step_all();
  ASSERT_EQ(begun.size(), 3U);
  const auto of = [&](std::size_t at) { return begun[at]->owner() + " " + begun[at]->id(); };
  EXPECT_EQ(of(0), "greedy 100");  // of one owner the highest priority first
  EXPECT_EQ(of(1), "modest 1");
  EXPECT_EQ(of(2), "greedy 0");
  begun[1]->finish(Json(1));
  step_all();
  EXPECT_EQ(begun.size(), 3U) << "an owner has no more than its share, whatever is free";
  begun[0]->finish(Json(1));
  step_all();
  EXPECT_EQ(begun.size(), 4U);
  begun.clear();
}

TEST_F(OutboxPumpTest, makes_an_attempt_again_whose_result_has_no_room) {
  Effects begun;
  pump_->set_performer("post", [&](std::shared_ptr<Effect> e) { begun.push_back(std::move(e)); },
                       {});
  std::vector<Sent> sent;
  for (int i = 0; i < 3; ++i) sent.push_back(effect("greedy", i));
  sent.push_back(effect("modest", 9));
  commit(sent);
  step_all();
  ASSERT_EQ(begun.size(), 4U);
  const Json large(std::string(20u << 20, 'x'));
  const auto finish = [&](const std::string& id) {
    std::ranges::find(begun, id, [](const auto& e) { return e->id(); })->get()->finish(large);
  };
  finish("0");
  finish("1");  // 40 of 64 MiB: more than would be left free
  EXPECT_EQ(calls_.size(), 1U);
  finish("9");
  EXPECT_EQ(calls_.size(), 2U);
  clock_.advance(Milliseconds{1'000});
  begun.clear();
  answer_calls();
  step_all();
  ASSERT_GE(begun.size(), 1U);
  EXPECT_EQ(begun[0]->id(), "1");
  EXPECT_EQ(begun[0]->attempt(), 1);
  begun.clear();
}

TEST_F(OutboxPumpTest, holds_no_lock_while_a_performer_is_heard) {
  Effects begun;
  pump_->set_performer("post", [&](std::shared_ptr<Effect> e) { begun.push_back(std::move(e)); },
                       {});
  commit({effect("ann", 1), effect("ann", 2)});
  step_all();
  ASSERT_EQ(begun.size(), 2U);
  // Within one attempt's call another one ends, on another thread: it must not wait.
  on_tell_ = [&] {
    std::thread other{[&] { begun[1]->finish(Json("done")); }};
    other.join();
    EXPECT_EQ(pump_->items(0, 10).size(), 2U);
  };
  begun[0]->tell("progress", nullptr);
  EXPECT_EQ(calls_.size(), 1U);
  begun.clear();
}

}  // namespace
}  // namespace perdure::runtime
