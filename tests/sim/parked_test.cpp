// SPDX-License-Identifier: Apache-2.0
// Turns that wait for their rows, in every order in which rows, commits and refusals can come.
#include <gtest/gtest.h>

#include <algorithm>

#include "perdure/testing/simulation.hpp"

namespace perdure::testing {
namespace {

constexpr int seeds = 150;

/// An object whose text is in two entries, so that a turn may have the one and lack the other.
Kind text() {
  return kind<Json>("text")
      .command("append",
               [](Turn& turn, Json&, const std::string& letter) {
                 std::string last;
                 for (const auto* key : {"first", "second"}) {
                   const auto before = turn.entries().get(key);
                   last = (before ? before->value : "") + letter;
                   turn.entries().put(key, last);
                 }
                 return last;
               })
      .command("take_name",
               [](Turn& turn, Json&, const std::string& letter) {
                 turn.claim("name", "taken");
                 const auto before = turn.entries().get("first");
                 turn.entries().put("first", (before ? before->value : "") + letter);
               })
      .command("ring",
               [](Turn& turn, Json&, const std::string& name) {
                 const bool was_set = turn.alarm(name).has_value();
                 turn.set_alarm({.name = name,
                                 .command = "append",
                                 .schedule = Schedule::once(turn.now() + std::chrono::hours{24})});
                 return was_set;
               })
      .query("read", [](const View& view, const Json&) {
        Json lines = Json::array();
        for (const auto* key : {"first", "second"}) {
          const auto entry = view.entries().get(key);
          lines.push_back(entry ? entry->value : "");
        }
        return lines;
      });
}

WorldOptions slow() {
  WorldOptions options;
  options.reads = WorldOptions::Reads::slow;
  return options;
}

Answer send(World& world, const char* object, const char* command, std::string payload) {
  return world.send({.target = object_id(object), .name = command, .payload = std::move(payload)});
}

TEST(ParkedTurns, lose_no_change_that_became_durable_while_they_waited) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    World world{seed, {text()}, slow()};
    std::string expected;
    std::vector<Answer> answers;
    for (int i = 0; i < 12; ++i) {
      const std::string letter(1, static_cast<char>('a' + i));
      answers.push_back(send(world, "text/t", "append", letter));
      expected += letter;
      for (int steps = 0; steps < 5; ++steps) world.step();
    }
    ASSERT_TRUE(world.wait_until([&] { return answers.back()->has_value(); }));
    for (const auto& answer : answers) ASSERT_TRUE(answer->has_value() && **answer) << seed;
    EXPECT_EQ((**answers.back())->value, expected) << seed;
    EXPECT_EQ(world.ask("text/t", "read")->value, Json::array({expected, expected})) << seed;
    world.check_invariants();
  }
}

TEST(ParkedTurns, see_nothing_of_turns_before_them_that_were_refused) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    World world{seed, {text()}, slow()};
    ASSERT_TRUE(world.call("text/holder", "take_name", "h"));
    ASSERT_TRUE(world.call("text/t", "append", "a"));
    std::vector<Answer> refused;
    std::vector<Answer> kept;
    for (const auto* letter : {"b", "c", "d"}) {
      refused.push_back(send(world, "text/t", "take_name", "X"));
      for (int steps = 0; steps < 9; ++steps) world.step();
      kept.push_back(send(world, "text/t", "append", letter));
      for (int steps = 0; steps < 9; ++steps) world.step();
    }
    ASSERT_TRUE(world.wait_until([&] {
      return std::ranges::all_of(kept, [](const auto& one) { return one->has_value(); }) &&
             std::ranges::all_of(refused, [](const auto& one) { return one->has_value(); });
    })) << seed;
    for (const auto& one : refused) {
      ASSERT_FALSE(**one) << seed;
      EXPECT_EQ((**one).error().code, ErrorCode::conflict) << seed;
    }
    for (const auto& one : kept) EXPECT_TRUE(**one) << seed;
    EXPECT_EQ(world.ask("text/t", "read")->value, Json::array({"abcd", "abcd"})) << seed;
    world.check_invariants();
  }
}

TEST(ParkedTurns, know_alarms_that_were_set_before_them) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    World world{seed, {text()}, slow()};
    std::vector<Answer> answers;
    for (int i = 0; i < 6; ++i) {
      answers.push_back(send(world, "text/t", "ring", i % 2 == 0 ? "one" : "two"));
      for (int steps = 0; steps < 6; ++steps) world.step();
    }
    ASSERT_TRUE(world.wait_until([&] { return answers.back()->has_value(); }));
    for (std::size_t i = 0; i < answers.size(); ++i) {
      EXPECT_EQ((**answers[i])->value, i >= 2) << seed << ", " << i;
    }
    EXPECT_EQ(world.runtime().alarms(object_id("text/t"))->size(), 2u) << seed;
  }
}

TEST(ParkedTurns, are_forgotten_in_a_crash_and_what_was_acknowledged_is_not) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    World world{seed, {text()}, slow()};
    std::vector<Answer> answers;
    for (int i = 0; i < 8; ++i) {
      answers.push_back(send(world, "text/t", "append", "x"));
      for (int steps = 0; steps < 12; ++steps) world.step();
    }
    std::size_t acknowledged = 0;
    for (const auto& one : answers) acknowledged += one->has_value() && **one ? 1 : 0;
    world.crash();
    const auto lines = world.ask("text/t", "read")->value;
    const auto length = lines[0].get<std::string>().size();
    EXPECT_GE(length, acknowledged) << seed;
    EXPECT_EQ(lines[0], lines[1]) << seed;
    ASSERT_TRUE(world.call("text/t", "append", "y"));
    world.check_invariants();
  }
}

TEST(ParkedTurns, hear_that_the_store_cannot_be_read) {
  int heard = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    World world{seed, {text()}, slow()};
    ASSERT_TRUE(world.call("text/t", "append", "a"));
    ASSERT_TRUE(world.hibernate("text/t"));
    const auto answer = send(world, "text/t", "append", "b");
    world.run_actors();
    world.fail_nth_call(1);
    ASSERT_TRUE(world.wait_until([&] { return answer->has_value(); }));
    if (**answer) continue;  // another reader met the fault
    ++heard;
    EXPECT_EQ((**answer).error().code, ErrorCode::unavailable);
    EXPECT_EQ(world.call("text/t", "append", "c")->value, "ac");
  }
  EXPECT_GT(heard, 0);
}

}  // namespace
}  // namespace perdure::testing
