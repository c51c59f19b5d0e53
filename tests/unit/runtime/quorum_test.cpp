// SPDX-License-Identifier: Apache-2.0
// Quorums: at least one guard is on duty, whatever asks, and whoever asks at the same time.
#include <gtest/gtest.h>

#include "perdure/testing/world.hpp"

namespace perdure {
namespace {

using testing::World;

enum class Rule { none, on_duty };

Kind guard(Rule rule) {
  auto made =
      kind<Json>("guard")
          .command("set", [](Turn&, Json& self, const Json& next) { merge_patch(self, next); })
          .command("retire", [](Turn&, Json& self) { self["on_duty"] = false; })
          .command("hear", [](Turn&, Json& self, const Json& said) { self["heard"] = said; });
  if (rule == Rule::none) return made;
  std::move(made).quorum({.name = "on_duty",
                          .where = {{"role", "guard"}, {"on_duty", true}},
                          .code = "last_guard",
                          .refusal = "the last guard stays"});
  return made;
}

/// Tells others to do something, and keeps what it hears of it.
Kind boss() {
  return kind<Json>("boss")
      .command("send",
               [](Turn& turn, Json&, const Json& order) {
                 turn.send({.to = {"guard", order.at("to")},
                            .command = order.at("command"),
                            .then = "answer",
                            .retry = {.attempts = 1}});
                 turn.publish("boss.order", Json::object());
               })
      .command("answer", [](Turn&, Json& self, const Json& answer) { self["answer"] = answer; });
}

class Quorum : public ::testing::Test {
 protected:
  void hire(const std::string& id) { must(set(id, {{"role", "guard"}, {"on_duty", true}})); }
  Result<Reply> set(const std::string& id, const Json& state) {
    return world_.call("guard/" + id, "set", state);
  }
  static void must(const Result<Reply>& reply) { ASSERT_TRUE(reply) << to_string(reply.error()); }
  static std::string refusal(const Result<Reply>& reply) {
    if (reply) return "none";
    const auto& fields = reply.error().fields;
    return fields.empty() ? to_string(reply.error()) : fields.front().code;
  }
  Result<Reply> transact(std::vector<TransactionStep> steps) {
    std::optional<Result<Reply>> answer;
    world_.runtime().transact(std::move(steps), {},
                              [&](Result<Reply> reply) { answer = std::move(reply); });
    world_.wait_until([&] { return answer.has_value(); });
    return std::move(*answer);
  }
  bool on_duty(const std::string& id) { return world_.state("guard/" + id)->at("on_duty"); }

  World world_{1, {guard(Rule::on_duty), boss()}};
};

TEST_F(Quorum, refuses_whatever_takes_the_last_one_away) {
  hire("a");
  must(set("a", {{"on_duty", true}, {"n", 1}}));
  must(set("b", {{"role", "cook"}, {"on_duty", true}}));
  for (const auto& [command, payload] :
       std::vector<std::pair<std::string, Json>>{{"retire", nullptr},
                                                 {"set", {{"role", "cook"}}},
                                                 {"$patch", {{"on_duty", nullptr}}},
                                                 {"$replace", Json::object()},
                                                 {"$remove", nullptr}}) {
    EXPECT_EQ(refusal(world_.call("guard/a", command, payload)), "last_guard") << command;
  }
  EXPECT_EQ(refusal(transact({{{"guard", "b"}, "set", {{"n", 1}}}, {{"guard", "a"}, "retire"}})),
            "last_guard");
  EXPECT_FALSE(world_.state("guard/b")->contains("n")) << "all or nothing";
  EXPECT_TRUE(on_duty("a"));
  hire("c");
  must(world_.call("guard/a", "$remove"));
  EXPECT_EQ(refusal(world_.call("guard/c", "retire")), "last_guard") << "deleted ones do not count";
  must(world_.call("guard/a", "$undelete"));
  must(world_.call("guard/c", "retire"));
  EXPECT_EQ(refusal(world_.call("guard/c", "$restore", {{"seq", 2}})), "none");
  world_.check_invariants();
}

TEST_F(Quorum, refuses_a_restore_of_a_state_in_which_the_last_one_was_none) {
  must(set("a", {{"role", "guard"}, {"on_duty", false}}));
  must(set("a", {{"on_duty", true}}));
  EXPECT_EQ(refusal(world_.call("guard/a", "$restore", {{"seq", 1}})), "last_guard");
  EXPECT_TRUE(on_duty("a"));
}

TEST_F(Quorum, lets_one_of_the_last_two_go_that_go_at_once) {
  for (int turn = 0; turn < 20; ++turn) {
    hire("a");
    hire("b");
    const auto first = world_.send({.target = {"guard", "a"}, .name = "retire"});
    const auto second = world_.send({.target = {"guard", "b"}, .name = "$remove"});
    world_.run_actors();  // both have decided before either commits
    world_.settle();
    ASSERT_TRUE(*first && *second);
    EXPECT_NE((*first)->has_value(), (*second)->has_value());
    if (**second) must(world_.call("guard/b", "$undelete"));
  }
  world_.check_invariants();
}

TEST_F(Quorum, of_two_in_one_transaction_refuses_both) {
  hire("a");
  hire("b");
  EXPECT_EQ(refusal(transact({{{"guard", "a"}, "retire"}, {{"guard", "b"}, "retire"}})),
            "last_guard");
  EXPECT_TRUE(on_duty("a") && on_duty("b"));
  must(transact({{{"guard", "a"}, "retire"}}));
}

TEST_F(Quorum, refused_to_an_alarm_is_its_failure_and_it_goes_on) {
  hire("a");
  must(world_.call("guard/a", "$set_alarm",
                   {{"name", "x"}, {"command", "retire"}, {"after_ms", 1'000}}));
  world_.advance(std::chrono::minutes{5});
  EXPECT_TRUE(on_duty("a"));
  const auto letters = world_.runtime().list({.kind = "dead_letter"});
  ASSERT_TRUE(letters);
  ASSERT_EQ(letters->items.size(), 1U) << "it was given up, not tried for ever";
  world_.check_invariants();
}

TEST_F(Quorum, refused_to_a_message_is_its_answer) {
  hire("a");
  must(world_.call("boss/b", "send", {{"to", "a"}, {"command", "retire"}}));
  world_.advance(std::chrono::minutes{1});
  EXPECT_TRUE(on_duty("a"));
  EXPECT_EQ(world_.state("boss/b")->at("answer").at("error").at("code"), "conflict");
  world_.check_invariants();
}

TEST_F(Quorum, refused_to_a_subscription_changes_nothing) {
  hire("a");
  must(
      world_.call("subscription/s", "subscribe",
                  {{"topics", {"boss.*"}}, {"kind", "guard"}, {"id", "a"}, {"command", "retire"}}));
  must(world_.call("boss/b", "send", {{"to", "a"}, {"command", "hear"}}));
  world_.advance(std::chrono::minutes{5});
  EXPECT_TRUE(on_duty("a"));
  world_.check_invariants();
}

TEST_F(Quorum, counts_those_that_were_there_before_it_was_declared) {
  world_.restart({guard(Rule::none), boss()});
  for (int i = 0; i < 100; ++i) hire("g" + std::to_string(i));
  for (int i = 2; i < 100; ++i) must(world_.call("guard/g" + std::to_string(i), "retire"));
  world_.restart({guard(Rule::on_duty), boss()});
  const auto early = world_.call("guard/g0", "retire");
  ASSERT_TRUE(world_.wait_until([&] { return world_.runtime().builds().empty(); }));
  if (!early) {
    EXPECT_EQ(early.error().code, ErrorCode::index_building);
    must(world_.call("guard/g0", "retire"));
  }
  EXPECT_EQ(refusal(world_.call("guard/g1", "retire")), "last_guard");
  world_.check_invariants();
}

TEST_F(Quorum, that_is_still_being_counted_lets_nobody_leave) {
  world_.restart({guard(Rule::none), boss()});
  hire("a");
  hire("b");
  world_.restart({guard(Rule::on_duty), boss()});
  const auto left = world_.send({.target = {"guard", "a"}, .name = "retire"});
  world_.run_actors();
  ASSERT_TRUE(*left);
  ASSERT_FALSE(**left);
  EXPECT_EQ((*left)->error().code, ErrorCode::index_building);
  ASSERT_TRUE(world_.wait_until([&] { return world_.runtime().builds().empty(); }));
  must(world_.call("guard/a", "retire"));
  EXPECT_EQ(refusal(world_.call("guard/b", "retire")), "last_guard");
  world_.check_invariants();
}

}  // namespace
}  // namespace perdure
