// SPDX-License-Identifier: Apache-2.0
// The kit itself: what it is told to do happens, and what is wrong is found and told in short.
#include <gtest/gtest.h>

#include "perdure/base/watched_mutex.hpp"
#include "perdure/testing/simulation.hpp"

namespace perdure::testing {
namespace {

using namespace std::chrono_literals;

struct Count {
  std::int64_t value = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Count, value)

Kind counting() {
  return kind<Count>("count")
      .command("add", [](Turn&, Count& self, const std::int64_t& by) { return self.value += by; })
      .command("add_later",
               [](Turn& turn, Count&, const std::int64_t& ms) {
                 turn.set_alarm({.name = "later",
                                 .command = "add_one",
                                 .schedule = Schedule::once(turn.now() + Milliseconds{ms})});
               })
      .command("add_one", [](Turn&, Count& self) { ++self.value; })
      .query("value", [](const Count& self) { return self.value; });
}

TEST(TestingWorld, an_alarm_goes_off_when_its_time_is_over_and_not_before) {
  World world{1, {counting()}};
  ASSERT_TRUE(world.call("count/a", "add_later", 3'600'000));
  world.advance(59min);
  EXPECT_EQ(world.ask("count/a", "value")->value, 0);
  world.advance(1min);
  EXPECT_EQ(world.ask("count/a", "value")->value, 1);
  EXPECT_EQ(world.runtime().alarms(object_id("count/a"))->at(0).runs.at(0).at,
            world.runtime().alarms(object_id("count/a"))->at(0).runs.at(0).tick)
      << "it was on time to the millisecond";
}

TEST(TestingWorld, what_was_acknowledged_is_there_after_a_crash_and_what_waits_is_forgotten) {
  World world{1, {counting()}};
  EXPECT_EQ(world.call("count/a", "add", 2)->value, 2);
  const auto unanswered = world.send({.target = object_id("count/a"), .name = "add", .payload = 5});
  world.run_actors();
  world.crash(storage::TailAfterCrash::lost);
  world.settle();
  EXPECT_FALSE(unanswered->has_value());
  EXPECT_EQ(world.state("count/a")->at("value"), 2);
  EXPECT_EQ(world.life(), 2U);
}

TEST(TestingWorld, a_commit_that_a_crash_cuts_off_is_there_or_not_as_the_tail_says) {
  for (const bool kept : {true, false}) {
    World world{1, {counting()}};
    world.slow_disk(1min);
    const auto cut_off = world.send({.target = object_id("count/a"), .name = "add", .payload = 5});
    world.settle();
    EXPECT_FALSE(cut_off->has_value()) << "the disk takes its time, and the gate is closed";
    world.crash(kept ? storage::TailAfterCrash::kept : storage::TailAfterCrash::lost);
    EXPECT_EQ(world.state("count/a").has_value(), kept);
  }
}

TEST(TestingWorld, a_slow_disk_holds_up_its_replies_and_nothing_else) {
  World world{1, {counting()}};
  ASSERT_TRUE(world.call("count/quiet", "add", 1));
  world.slow_disk(10s);
  const auto waiting = world.send({.target = object_id("count/a"), .name = "add", .payload = 5});
  world.settle();
  const auto quiet =
      world.send({.target = object_id("count/quiet"), .type = CallType::query, .name = "value"});
  EXPECT_TRUE(quiet->has_value());
  EXPECT_FALSE(waiting->has_value());
  world.advance(10s);
  EXPECT_TRUE(waiting->has_value());
}

TEST(TestingWorld, a_failed_disk_leaves_the_outcome_unknown_until_a_crash) {
  World world{1, {counting()}};
  world.fail_disk();
  EXPECT_EQ(world.call("count/a", "add", 1).error().code, ErrorCode::outcome_unknown);
  EXPECT_TRUE(world.broken());
  EXPECT_EQ(world.call("count/a", "add", 1).error().code, ErrorCode::unavailable);
  world.crash();
  EXPECT_TRUE(world.call("count/a", "add", 1));
}

TEST(TestingWorld, the_nth_call_of_the_store_fails_and_the_next_one_does_not) {
  World world{1, {counting()}};
  ASSERT_TRUE(world.call("count/a", "add", 1));
  ASSERT_TRUE(world.hibernate("count/a"));
  world.fail_nth_call(1);
  EXPECT_FALSE(world.runtime().inspect(object_id("count/a")));
  EXPECT_EQ(world.call("count/a", "add", 1)->value, 2);
}

TEST(TestingWorld, a_due_alarm_does_not_keep_a_server_busy_whose_writes_have_stopped) {
  World world{1, {counting()}};
  ASSERT_TRUE(world.call("count/a", "add_later", 1'000));
  world.fail_disk();
  EXPECT_FALSE(world.call("count/a", "add", 1));
  world.advance(5s);  // aborts when it never rests
  world.crash();
  world.advance(1s);
  EXPECT_EQ(world.ask("count/a", "value")->value, 1);
}

TEST(TestingNetwork, a_request_is_answered_once_through_loss_doubles_and_delays) {
  World world{3, {counting()}};
  world.network().set_weather({.lost_one_in = 3, .twice_one_in = 2, .delay_max = 3s});
  int answers = 0;
  for (int i = 0; i < 50; ++i) {
    world.network().request({.target = object_id("count/a"), .name = "add", .payload = 1},
                            [&](const Result<Reply>& reply) { answers += reply ? 1 : 0; });
    if (i % 10 == 0) world.crash();
  }
  EXPECT_TRUE(world.wait_until([&] { return answers == 50; }));
  world.advance(1min);
  EXPECT_EQ(world.ask("count/a", "value")->value, 50);
  EXPECT_EQ(world.failure(), "");
}

/// Adds one until it is told so, without a key, as a careless client does.
class Careless final : public Workload {
 public:
  std::vector<Kind> kinds() override { return {counting()}; }
  void step() override {
    if (life_ == world().life() || told_ == 20) return;
    life_ = world().life();
    world().runtime().call({.target = object_id("count/a"), .name = "add", .payload = 1},
                           [this, life = life_](const Result<Reply>& reply) {
                             if (life != world().life()) return;
                             life_ = 0;
                             told_ += reply ? 1 : 0;
                           });
  }
  bool finished() override { return told_ == 20; }
  void check() override {
    const auto value = world().state("count/a")->at("value").get<int>();
    expect(value == told_,
           "told of " + std::to_string(told_) + ", but it is " + std::to_string(value));
  }

 private:
  int told_ = 0;
  std::uint64_t life_ = 0;
};

TEST(TestingSimulation, a_broken_promise_is_found_made_small_and_told) {
  const std::vector<WorkloadMaker> makers{
      {"careless", [](std::size_t) { return std::make_unique<Careless>(); }}};
  const auto report = explore(makers, {.count = 300});
  ASSERT_NE(report.failure, "") << "a client without keys counts twice sooner or later";
  EXPECT_EQ(report.plan.clients, 1U);
  EXPECT_LT(report.plan.steps, 2'500U);
  EXPECT_LE(report.plan.faults.kinds.size(), 2U);
  const auto text = describe(report);
  EXPECT_NE(text.find("FAULT"), std::string::npos) << text;
  EXPECT_NE(text.find("FAILED: careless: told of"), std::string::npos) << text;
}

/// Aborts in its first step.
class Aborting final : public Workload {
 public:
  std::vector<Kind> kinds() override { return {counting()}; }
  void step() override { PERDURE_CHECK(false, "as it was told to"); }
  bool finished() override { return true; }
  void check() override {}
};

TEST(TestingSimulation, a_broken_invariant_is_an_outcome_and_not_the_end_of_the_test) {
  const std::vector<WorkloadMaker> makers{
      {"aborting", [](std::size_t) { return std::make_unique<Aborting>(); }}};
  const auto outcome = run_isolated(plan_of(1, makers), makers);
  EXPECT_NE(outcome.failure.find("as it was told to"), std::string::npos) << outcome.failure;
}

/// Calls the runtime under a lock in its first step.
class Locking final : public Workload {
 public:
  std::vector<Kind> kinds() override { return {counting()}; }
  void step() override {
    WatchedMutex mutex;
    const std::scoped_lock lock{mutex};
    world().runtime().call({.target = {"counter", "a"}, .name = "add"}, [](const auto&) {});
  }
  bool finished() override { return true; }
  void check() override {}
};

TEST(TestingSimulation, a_lock_that_is_held_over_a_call_is_found) {
  const std::vector<WorkloadMaker> makers{
      {"locking", [](std::size_t) { return std::make_unique<Locking>(); }}};
  const auto outcome = run_isolated(plan_of(1, makers), makers);
  EXPECT_NE(outcome.failure.find("a lock is held"), std::string::npos) << outcome.failure;
}

}  // namespace
}  // namespace perdure::testing
