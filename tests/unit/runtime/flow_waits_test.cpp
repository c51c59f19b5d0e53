// SPDX-License-Identifier: Apache-2.0
// What flows wait for beside answers: sleep and steps; what begins them, what stops them, and what
// they are refused.
#include <gtest/gtest.h>

#include <future>

#include "fixture.hpp"
#include "perdure/testing/world.hpp"

namespace perdure {
namespace {

using testing::World;

/// What steps have done outside of the objects.
int charges = 0;

Flow<Json> charge(FlowContext& flow, Counter& self) {
  const auto charged = co_await flow.step<int>("charge", [] { return ++charges; });
  const auto told = co_await flow.ask("counter", "bank", "add", Add{*charged});
  self.value += *charged;
  co_return Json{{"charged", *charged}, {"told", told.has_value()}};
}

Flow<Json> remind(FlowContext& flow, const Json& after) {
  const auto begun = flow.now();
  co_await flow.sleep(Milliseconds{after.get<std::int64_t>()});
  const auto value = co_await flow.ask("counter", flow.object().id, "add", Add{1});
  if (!value) throw Failure(value.error());
  co_return Json{{"slept", (flow.now() - begun).count()}, {"value", *value}};
}

Flow<std::int64_t> ask_often(FlowContext& flow, const Json& times) {
  std::int64_t last = 0;
  for (int i = 0; i < times; ++i) {
    const auto added = co_await flow.ask<std::int64_t>("counter", "bank", "add", Add{1});
    if (!added) throw Failure(added.error());
    last = *added;
  }
  co_return last;
}

Flow<Json> descend(FlowContext& flow, Counter&, const Json& depth) {
  const auto below = depth.get<int>() - 1;
  if (below < 0) co_return 0;
  const auto deeper = co_await flow.ask("counter", "d" + std::to_string(below), "descend", below);
  if (!deeper) throw Failure(deeper.error());
  co_return *deeper;
}

KindBuilder<Counter> plain_counter() {
  return kind<Counter>("counter")
      .command("add", [](Turn&, Counter& self, const Add& add) { return self.value += add.by; })
      .command("big", [](Turn&, Counter&) { return std::string(100u << 10, 'x'); })
      .query("value", [](const Counter& self) { return self.value; });
}

Kind flowing_counter() {
  return plain_counter()
      .command("charge", charge)
      .command("remind", remind)
      .command("ask_often", ask_often)
      .command("descend", descend)
      .command("sleep_and_hold",
               [](FlowContext& flow, Counter& self) -> Flow<std::int64_t> {
                 co_await flow.sleep(Milliseconds{1});
                 co_return self.value;
               })
      .command("hoard",
               [](FlowContext& flow) -> Flow<Json> {
                 for (int i = 0; i < 4; ++i) {
                   const auto big = co_await flow.ask("counter", "bank", "big");
                   if (!big) throw Failure(big.error());
                 }
                 co_return nullptr;
               })
      .command("begin", [](Turn& turn, Counter& self) {
        turn.send({.to = {"counter", "c"}, .command = "charge"});
        turn.set_alarm({.name = "later",
                        .command = "charge",
                        .schedule = Schedule::in(std::chrono::hours{1})});
        return ++self.value;
      });
}

std::string text(const Result<Reply>& reply) {
  return reply ? reply->value.dump() : to_string(reply.error());
}

std::string rule(const Result<Reply>& reply) {
  if (reply || reply.error().fields.empty()) return text(reply);
  return reply.error().fields.front().code;
}

std::int64_t value(World& world, std::string_view object) {
  const auto state = world.state(object);
  return state ? state->at("value").get<std::int64_t>() : 0;
}

Result<Reply> call_until_known(World& world, const Call& call) {
  auto reply = world.call(call);
  for (int i = 0; i < 50 && !reply && reply.error().code == ErrorCode::outcome_unknown; ++i) {
    world.advance(std::chrono::seconds{1});
    reply = world.call(call);
  }
  return reply;
}

TEST(FlowWaits, a_step_is_done_once_and_what_it_came_to_is_kept) {
  charges = 0;
  World world{1, {flowing_counter()}};
  EXPECT_EQ(text(world.call("counter/c", "charge")), R"({"charged":1,"told":true})");
  EXPECT_EQ(charges, 1);
  for (int cut = 0; cut < 40; ++cut) {
    charges = 100 * cut;
    World crashed{static_cast<std::uint64_t>(cut), {flowing_counter()}};
    const Call call{.target = {"counter", "c"}, .name = "charge", .idempotency_key = "k"};
    static_cast<void>(crashed.send(call));
    for (int i = 0; i < cut; ++i) crashed.step();
    crashed.crash();
    crashed.advance(std::chrono::seconds{1});
    const auto reply = call_until_known(crashed, call);
    ASSERT_TRUE(reply) << cut << text(reply);
    const auto charged = reply->value.at("charged").get<std::int64_t>();
    EXPECT_LE(charges, 100 * cut + 2) << cut;  // once more where the crash came before its commit
    EXPECT_EQ(value(crashed, "counter/bank"), charged) << cut;
    EXPECT_EQ(value(crashed, "counter/c"), charged) << cut;
  }
}

TEST(FlowWaits, a_flow_sleeps_for_days_through_a_crash_and_others_get_in) {
  World world{1, {flowing_counter()}};
  const Call call{.target = {"counter", "c"},
                  .name = "remind",
                  .payload = 3 * 86'400'000,
                  .idempotency_key = "k"};
  const auto begun = world.call(call);
  ASSERT_EQ(begun.error().code, ErrorCode::outcome_unknown) << text(begun);
  EXPECT_EQ(text(world.call("counter/c", "add", Add{10})), "10");
  const auto flows = world.ask("counter/c", std::string{builtin::flows});
  ASSERT_TRUE(flows) << text(flows);
  ASSERT_EQ(flows->value.size(), 1U);
  EXPECT_EQ(flows->value.front().at("command"), "remind");
  world.advance(std::chrono::hours{24});
  EXPECT_EQ(world.runtime().activity({"counter", "c"}), Activity::hibernated);
  world.crash();
  world.advance(std::chrono::hours{47});
  EXPECT_EQ(value(world, "counter/c"), 10);
  EXPECT_EQ(world.call(call).error().code, ErrorCode::outcome_unknown);
  world.advance(std::chrono::hours{2});
  EXPECT_EQ(value(world, "counter/c"), 11);
  const auto ended = world.call(call);
  ASSERT_TRUE(ended) << text(ended);
  EXPECT_TRUE(ended->replayed);
  EXPECT_GE(ended->value.at("slept").get<std::int64_t>(), 3 * 86'400'000);
  EXPECT_EQ(world.ask("counter/c", std::string{builtin::flows})->value, Json::array());
}

TEST(FlowWaits, a_flow_that_sleeps_goes_on_after_a_crash_at_any_step) {
  for (int cut = 0; cut < 80; ++cut) {
    World world{static_cast<std::uint64_t>(cut), {flowing_counter()}};
    const Call call{
        .target = {"counter", "c"}, .name = "remind", .payload = 20, .idempotency_key = "k"};
    static_cast<void>(world.send(call));
    for (int i = 0; i < cut; ++i) world.step();
    world.crash();
    const auto reply = call_until_known(world, call);
    EXPECT_TRUE(reply) << cut << text(reply);
    EXPECT_EQ(value(world, "counter/c"), 1) << cut;
  }
}

TEST(FlowWaits, a_flow_that_holds_its_object_may_not_sleep) {
  World world{1, {flowing_counter()}};
  EXPECT_EQ(rule(world.call("counter/c", "sleep_and_hold")), "sleeps_while_holding");
}

TEST(FlowWaits, are_bounded_in_number_and_in_what_is_kept) {
  World world{1, {flowing_counter()}};
  EXPECT_EQ(text(world.call("counter/c", "ask_often", 100)), "100");
  EXPECT_EQ(rule(world.call("counter/c", "ask_often", 101)), "flow_waits_max");
  EXPECT_EQ(rule(world.call("counter/c", "hoard")), "flow_kept_bytes_max");
  world.check_invariants();
}

TEST(FlowWaits, are_bounded_in_depth) {
  World world{1, {flowing_counter()}};
  EXPECT_EQ(text(world.call("counter/d32", "descend", 32)), "0");
  EXPECT_EQ(rule(world.call("counter/d33", "descend", 33)), "flow_depth_max");
}

TEST(FlowWaits, of_one_object_are_bounded) {
  World world{1, {flowing_counter()}};
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(world.call("counter/c", "remind", 86'400'000).error().code,
              ErrorCode::outcome_unknown);
  }
  EXPECT_EQ(rule(world.call("counter/c", "remind", 86'400'000)), "object_flows_max");
}

TEST(FlowWaits, that_are_other_ones_than_before_stop_the_flow_by_name_until_its_code_is_back) {
  const auto with = [](auto handler) -> Kind { return plain_counter().command("two", handler); };
  const auto two = with([](FlowContext& flow, Counter& self) -> Flow<std::int64_t> {
    co_await flow.step("first", [] {});
    co_await flow.ask("counter", "bank", "add", Add{1});
    co_return ++self.value;
  });
  const auto swapped = with([](FlowContext& flow, Counter& self) -> Flow<std::int64_t> {
    co_await flow.ask("counter", "bank", "add", Add{1});
    co_await flow.step("first", [] {});
    co_return ++self.value;
  });
  World world{1, {two}};
  static_cast<void>(world.send({.target = {"counter", "c"}, .name = "two"}));
  world.run_actors();
  ASSERT_TRUE(world.commit());  // the step is kept, and nothing else
  world.crash(storage::TailAfterCrash::kept);
  world.restart({swapped});
  const auto refused = world.call("counter/c", "add", Add{1});
  ASSERT_EQ(rule(refused), "steps_changed");
  EXPECT_NE(refused.error().detail.find("`ask counter:bank add`"), std::string::npos)
      << text(refused);
  EXPECT_NE(refused.error().detail.find("`step first`"), std::string::npos) << text(refused);
  EXPECT_EQ(text(world.ask("counter/c", "value")), "0");
  world.restart({two});
  world.advance(std::chrono::seconds{1});
  EXPECT_EQ(text(world.call("counter/c", "add", Add{1})), "2");
  EXPECT_EQ(value(world, "counter/bank"), 1);
}

TEST(FlowWaits, that_stopped_a_flow_end_when_it_is_given_up) {
  const auto with = [](auto handler) -> Kind { return plain_counter().command("two", handler); };
  World world{1, {with([](FlowContext& flow, Counter& self) -> Flow<std::int64_t> {
                co_await flow.step("first", [] {});
                co_return ++self.value;
              })}};
  static_cast<void>(world.send({.target = {"counter", "c"}, .name = "two"}));
  world.run_actors();
  ASSERT_TRUE(world.commit());
  world.restart({with([](Turn&, Counter& self) { return ++self.value; })});
  EXPECT_EQ(rule(world.call("counter/c", "add", Add{1})), "steps_changed");
  const std::string give_up{builtin::give_up_flow};
  EXPECT_EQ(world.call("counter/c", give_up, {{"name", "other"}}).error().code,
            ErrorCode::not_found);
  const auto ended = world.call("counter/c", give_up, {{"name", "held"}});
  EXPECT_TRUE(ended) << text(ended);
  EXPECT_EQ(text(world.call("counter/c", "add", Add{1})), "1");
}

TEST(FlowWaits, go_on_in_flows_that_a_message_or_an_alarm_begins_once) {
  for (int cut = 0; cut < 40; ++cut) {
    charges = 0;
    World world{static_cast<std::uint64_t>(cut), {flowing_counter()}};
    ASSERT_TRUE(world.call("counter/a", "begin"));
    for (int i = 0; i < cut; ++i) world.step();
    world.crash();
    world.advance(std::chrono::seconds{10});
    EXPECT_GT(value(world, "counter/c"), 0) << cut;
    EXPECT_EQ(value(world, "counter/c"), value(world, "counter/bank")) << cut;
    EXPECT_EQ(value(world, "counter/a"), 1) << cut;
    world.advance(std::chrono::hours{2});
    EXPECT_GT(value(world, "counter/a"), 1) << cut;
    world.check_invariants();
  }
}

// ---- in a real runtime

class FlowThreads : public RuntimeTest {
 protected:
  FlowThreads()
      : RuntimeTest({flowing_counter(),
                     kind<Counter>("caller")
                         .command("block",
                                  [this](Turn&, Counter&) -> Result<Json> {
                                    auto reply = runtime_->object("counter", "c").call("add").get();
                                    if (!reply) return fail(reply.error());
                                    return reply->value;
                                  })
                         .query("peek", [this](const Counter&) -> Result<Json> {
                           auto reply = runtime_->object("counter", "c").ask("value").get();
                           if (!reply) return fail(reply.error());
                           return reply->value;
                         })}) {}
};

TEST_F(FlowThreads, a_handler_that_waits_for_a_call_of_its_own_runtime_is_told_so_by_name) {
  const auto blocked = call("caller", "a", "block");
  ASSERT_EQ(rule(blocked), "blocks_its_runtime");
  EXPECT_NE(blocked.error().detail.find("block of kind caller"), std::string::npos);
  EXPECT_NE(blocked.error().detail.find("counter:c add"), std::string::npos);
  EXPECT_EQ(rule(ask("caller", "a", "peek")), "blocks_its_runtime");
}

TEST_F(FlowThreads, a_reply_handler_that_waits_for_a_call_of_its_own_runtime_is_told_so_by_name) {
  std::promise<std::string> told;
  runtime_->call({.target = {"counter", "a"}, .name = "add", .payload = Add{1}},
                 [&](const Result<Reply>&) {
                   told.set_value(rule(runtime_->object("counter", "c").call("add").get()));
                 });
  EXPECT_EQ(told.get_future().get(), "blocks_its_runtime");
}

TEST_F(FlowThreads, a_transaction_and_a_flow_that_would_wait_for_each_other_are_told_so) {
  std::atomic<int> ended = 0;
  std::atomic<int> circles = 0;
  const auto note = [&](const Result<Reply>& reply) {
    if (rule(reply) == "deadlock") ++circles;
    ++ended;
  };
  for (int i = 0; i < 200; ++i) {
    runtime_->call({.target = {"counter", "d1"}, .name = "descend", .payload = 1}, note);
    runtime_->transact({{{"counter", "d0"}, "add", Add{1}}, {{"counter", "d1"}, "add", Add{1}}}, {},
                       note);
  }
  EXPECT_TRUE(eventually([&] { return ended == 400; })) << ended;
}

TEST_F(FlowThreads, a_runtime_that_stops_finishes_what_it_has_begun) {
  std::promise<std::string> told;
  runtime_->call({.target = {"counter", "a"}, .name = "ask_often", .payload = 50},
                 [&](const Result<Reply>& reply) { told.set_value(text(reply)); });
  runtime_.reset();
  EXPECT_EQ(told.get_future().get(), "50");
}

}  // namespace
}  // namespace perdure
