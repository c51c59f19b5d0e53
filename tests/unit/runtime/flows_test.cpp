// SPDX-License-Identifier: Apache-2.0
// Flows: commands that wait in the middle. Told in a world, where each thing moves by itself.
#include <gtest/gtest.h>

#include "perdure/testing/world.hpp"

namespace perdure {
namespace {

using testing::Answer;
using testing::World;

struct Account {
  std::int64_t balance = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Account, balance)

struct Pay {
  std::string to;
  std::int64_t amount = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Pay, to, amount)

Flow<std::int64_t> pay(FlowContext& flow, Account& self, const Pay& pay) {
  if (self.balance < pay.amount) throw Failure({.code = ErrorCode::conflict, .detail = "too poor"});
  self.balance -= pay.amount;
  const auto paid = co_await flow.ask<std::int64_t>("account", pay.to, "deposit", pay.amount);
  if (!paid) throw Failure(paid.error());
  co_return self.balance;
}

/// Pays the first of a list, who passes it on to the rest.
Flow<Json> pass_on(FlowContext& flow, Account& self, const Json& names) {
  if (names.empty()) {
    self.balance += 1;
    co_return Json::array({flow.object().id});
  }
  auto rest = names;
  const auto first = rest.front().get<std::string>();
  rest.erase(0);
  auto path = co_await flow.ask("account", first, "pass_on", rest);
  if (!path) throw Failure(path.error());
  self.balance += 1;
  path->push_back(flow.object().id);
  co_return *path;
}

Kind account_kind() {
  return kind<Account>("account")
      .command("deposit",
               [](Turn&, Account& self, std::int64_t amount) -> Result<std::int64_t> {
                 if (amount < 0) return fail(ErrorCode::invalid, "less than nothing");
                 return self.balance += amount;
               })
      .command("pay", pay)
      .command("pass_on", pass_on)
      .query("balance", [](const Account& self) { return self.balance; });
}

std::string text(const Result<Reply>& reply) {
  return reply ? reply->value.dump() : to_string(reply.error());
}

std::string rule(const Result<Reply>& reply) {
  if (reply || reply.error().fields.empty()) return text(reply);
  return reply.error().fields.front().code;
}

std::int64_t balance(World& world, std::string_view object) {
  const auto state = world.state(object);
  return state ? state->at("balance").get<std::int64_t>() : 0;
}

void deposit(World& world, std::string_view object, std::int64_t amount) {
  const auto reply = world.call(object, "deposit", amount);
  EXPECT_TRUE(reply) << text(reply);
}

class Flows : public ::testing::Test {
 protected:
  void settle() {
    do {
      world_.run_actors();
    } while (world_.commit());
    world_.run_actors();
  }
  Answer send(std::string_view object, std::string command, Json payload) {
    return world_.send({.target = testing::object_id(object),
                        .name = std::move(command),
                        .payload = std::move(payload)});
  }

  World world_{1, {account_kind()}};
};

TEST_F(Flows, go_on_with_the_answer_of_another_object_and_change_their_own_with_their_end) {
  deposit(world_, "account/a", 10);
  EXPECT_EQ(text(world_.call("account/a", "pay", {{"to", "b"}, {"amount", 4}})), "6");
  EXPECT_EQ(balance(world_, "account/b"), 4);
  EXPECT_EQ(world_.runtime().inspect({"account", "a"})->meta.seq, 2U);
}

TEST_F(Flows, that_are_refused_by_another_object_leave_no_trace_in_their_own) {
  deposit(world_, "account/a", 10);
  const auto reply = world_.call("account/a", "pay", {{"to", "b"}, {"amount", -4}});
  EXPECT_EQ(text(reply), "validation_failed: less than nothing");
  EXPECT_EQ(balance(world_, "account/a"), 10);
  EXPECT_EQ(text(world_.call("account/a", "deposit", 1)), "11");  // it is not held any more
}

TEST_F(Flows, hold_their_object_until_they_end_and_queries_see_the_state_of_before) {
  deposit(world_, "account/a", 10);
  settle();
  const auto paid = send("account/a", "pay", {{"to", "b"}, {"amount", 4}});
  world_.run_actors();
  const auto later = send("account/a", "deposit", 100);
  const auto seen =
      world_.send({.target = {"account", "a"}, .type = CallType::query, .name = "balance"});
  world_.run_actors();
  ASSERT_TRUE(*seen);
  EXPECT_EQ(text(**seen), "10");
  EXPECT_FALSE(*paid);
  EXPECT_FALSE(*later);
  settle();
  ASSERT_TRUE(*paid && *later);
  EXPECT_EQ(text(**paid), "6");
  EXPECT_EQ(text(**later), "106");
}

// A crash after each step of the world: whatever is there afterwards, no money was made or lost.
TEST(FlowCrash, leaves_all_of_a_payment_or_nothing_and_a_retry_pays_once) {
  for (int cut = 0; cut < 60; ++cut) {
    World world{static_cast<std::uint64_t>(cut), {account_kind()}};
    deposit(world, "account/a", 10);
    const Call call{.target = {"account", "a"},
                    .name = "pay",
                    .payload = {{"to", "b"}, {"amount", 4}},
                    .idempotency_key = "once"};
    static_cast<void>(world.send(call));
    for (int i = 0; i < cut; ++i) world.step();
    world.crash();
    world.advance(std::chrono::seconds{2});
    EXPECT_EQ(balance(world, "account/a") + balance(world, "account/b"), 10) << cut;
    auto reply = world.call(call);
    for (int i = 0; i < 10 && !reply && reply.error().code == ErrorCode::outcome_unknown; ++i) {
      world.advance(std::chrono::seconds{1});
      reply = world.call(call);
    }
    EXPECT_EQ(text(reply), "6") << cut;
    EXPECT_EQ(balance(world, "account/b"), 4) << cut;
    world.settle();
    world.check_invariants();
  }
}

TEST(FlowCrash, leaves_all_or_nothing_of_flows_that_ask_each_other) {
  for (int cut = 0; cut < 100; ++cut) {
    World world{static_cast<std::uint64_t>(cut), {account_kind()}};
    static_cast<void>(
        world.send({.target = {"account", "a"}, .name = "pass_on", .payload = {"b", "c", "d"}}));
    for (int i = 0; i < cut; ++i) world.step();
    world.crash();
    world.advance(std::chrono::seconds{2});
    world.settle();
    const auto sum = balance(world, "account/a") + balance(world, "account/b") +
                     balance(world, "account/c") + balance(world, "account/d");
    EXPECT_TRUE(sum == 0 || sum == 4) << cut << ": " << sum;
    for (const auto* object : {"account/a", "account/b", "account/c", "account/d"}) {
      EXPECT_LE(balance(world, object), 1) << cut;
      EXPECT_TRUE(world.call(object, "deposit", 1)) << cut;  // nothing holds it
    }
    world.check_invariants();
  }
}

TEST_F(Flows, that_wait_for_themselves_are_refused_with_the_path) {
  const auto itself = world_.call("account/a", "pass_on", {"a"});
  EXPECT_EQ(rule(itself), "deadlock");
  const auto around = world_.call("account/a", "pass_on", {"b", "c", "a"});
  ASSERT_EQ(rule(around), "deadlock");
  EXPECT_EQ(around.error().detail,
            "nobody of these could ever go on: account:c waits for account:a, which waits for "
            "account:b, which waits for account:c");
  EXPECT_EQ(balance(world_, "account/b"), 0);
}

TEST_F(Flows, that_would_wait_for_each_other_are_told_so_and_the_other_ends) {
  const auto there = send("account/a", "pass_on", {"b"});
  const auto back = send("account/b", "pass_on", {"a"});
  settle();
  ASSERT_TRUE(*there && *back);
  EXPECT_NE(static_cast<bool>(**there), static_cast<bool>(**back));
  EXPECT_EQ(rule(**there ? **back : **there), "deadlock");
}

}  // namespace
}  // namespace perdure
