// SPDX-License-Identifier: Apache-2.0
// Somebody sets the wall clock, told step by step: nothing that measures a duration fires early, is
// silent or forgets (docs/clocks.md).
#include <gtest/gtest.h>

#include "perdure/testing/world.hpp"

namespace perdure::sim {
namespace {

using namespace std::chrono_literals;
using perdure::testing::World;

constexpr Milliseconds day{std::chrono::hours{24}};

struct Bell {
  int rung = 0;
  int refusals = 0;  ///< messages that it refuses
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Bell, rung, refusals)

int refused = 0;

std::vector<Kind> kinds() {
  return {kind<Bell>("bell")
              .command("ring", [](Turn&, Bell& self) { return ++self.rung; })
              .command("set",
                       [](Turn& turn, Bell&, const Json& alarm) {
                         turn.set_alarm(parse_alarm_spec(alarm, turn.now()).value());
                       })
              .command("time",
                       [](Turn& turn, Bell& self) {
                         ++self.rung;
                         return to_unix_ms(turn.now());
                       })
              .command("send",
                       [](Turn& turn, Bell&) {
                         turn.send({.to = {"bell", "other"},
                                    .command = "refuse_once",
                                    .retry = {.attempts = 3, .backoff = 60s, .ceiling = 60s}});
                       })
              .command("refuse_once", [](Turn&, Bell& self) -> Result<void> {
                if (refused++ == 0) return fail(ErrorCode::conflict, "not yet");
                ++self.rung;
                return {};
              })};
}

class Clocks : public ::testing::Test {
 protected:
  Clocks() { refused = 0; }

  int rung(std::string_view bell = "bell/b") {
    const auto state = world_.state(bell);
    return state ? state->at("rung").get<int>() : 0;
  }
  void set(const Json& alarm) {
    const auto reply = world_.call("bell/b", "set", alarm);
    ASSERT_TRUE(reply) << to_string(reply.error());
  }
  /// With some life in between, so that the step is noticed as it would be in a server.
  void step(Milliseconds by) {
    world_.clock().step_wall(by);
    world_.advance(300ms);
  }
  Result<Reply> ring_once(const std::string& key) {
    return world_.call({.target = {"bell", "b"}, .name = "ring", .idempotency_key = key});
  }

  World world_{1, kinds()};
};

TEST_F(Clocks, that_were_a_day_ahead_silence_no_alarm_that_repeats) {
  world_.clock().step_wall(day);
  set({{"name", "a"}, {"command", "ring"}, {"every_ms", 1'000}});
  world_.advance(3'100ms);
  EXPECT_EQ(rung(), 3);
  step(-day);
  world_.advance(3'000ms);
  EXPECT_GE(rung(), 5);
  EXPECT_LE(rung(), 7);
}

TEST_F(Clocks, that_were_a_day_ahead_before_a_restart_silence_none_either) {
  world_.clock().step_wall(day);
  set({{"name", "a"}, {"command", "ring"}, {"every_ms", 1'000}});
  world_.advance(3'100ms);
  world_.clock().step_wall(-day);
  world_.crash(storage::TailAfterCrash::kept);
  world_.advance(3'000ms);
  EXPECT_GE(rung(), 5);
}

TEST_F(Clocks, that_were_a_day_ahead_silence_no_cron) {
  world_.clock().step_wall(day);
  set({{"name", "a"}, {"command", "ring"}, {"cron", "* * * * *"}});
  world_.advance(3min);
  EXPECT_EQ(rung(), 3);
  step(-day);
  world_.advance(3min);
  EXPECT_EQ(rung(), 6);
  world_.clock().step_wall(-day);
  world_.crash(storage::TailAfterCrash::kept);
  world_.advance(3min);
  EXPECT_EQ(rung(), 9);
}

TEST_F(Clocks, set_back_by_an_hour_have_no_daily_alarm_ring_again) {
  const auto soon = world_.clock().now() + 2min;
  const auto minutes = std::chrono::floor<std::chrono::minutes>(soon.time_since_epoch()) % 24h;
  set({{"name", "a"},
       {"command", "ring"},
       {"cron",
        std::to_string(minutes / 1min % 60) + " " + std::to_string(minutes / 1h) + " * * *"}});
  world_.advance(5min);
  EXPECT_EQ(rung(), 1);
  step(-std::chrono::hours{1});
  world_.advance(std::chrono::hours{2});
  EXPECT_EQ(rung(), 1);
  world_.advance(day);
  EXPECT_EQ(rung(), 2);
  // More than three hours is a correction: the day comes anew.
  step(-std::chrono::hours{5});
  world_.advance(std::chrono::hours{5});
  EXPECT_EQ(rung(), 3);
}

TEST_F(Clocks, set_forward_have_nothing_go_off_before_its_time_has_passed) {
  set({{"name", "a"}, {"command", "ring"}, {"after_ms", 60'000}});
  set({{"name", "b"}, {"command", "ring"}, {"every_ms", 60'000}});
  step(day);
  world_.advance(58s);
  EXPECT_EQ(rung(), 0);
  world_.advance(3s);
  EXPECT_EQ(rung(), 2);
  world_.advance(57s);
  EXPECT_EQ(rung(), 2);
  world_.advance(3s);
  EXPECT_EQ(rung(), 3);
}

TEST_F(Clocks, set_back_have_nothing_go_off_late) {
  set({{"name", "a"}, {"command", "ring"}, {"after_ms", 60'000}});
  step(-day);
  world_.advance(61s);
  EXPECT_EQ(rung(), 1);
}

TEST_F(Clocks, set_back_before_an_alarm_that_is_due_at_once_went_off_do_not_silence_it) {
  for (const bool starts_again : {false, true}) {
    for (const auto* type : {"at", "every_ms"}) {
      Json alarm{{"name", type}, {"command", "ring"}};
      alarm["at"] = format_rfc3339(world_.clock().now());
      if (type == std::string_view{"every_ms"}) alarm["every_ms"] = 3'600'000;
      const auto before = rung();
      const auto answer =
          world_.send({.target = {"bell", "b"}, .name = "set", .payload = std::move(alarm)});
      do {
        world_.run_actors();
      } while (world_.commit());
      ASSERT_TRUE(*answer && **answer);
      ASSERT_EQ(rung(), before) << "the agenda has moved";
      world_.clock().step_wall(-day);
      if (starts_again) world_.crash(storage::TailAfterCrash::kept);
      world_.advance(3s);
      EXPECT_EQ(rung(), before + 1) << type;
    }
  }
}

TEST_F(Clocks, set_back_between_a_turn_and_its_commit_do_not_silence_the_alarm_that_it_set) {
  for (int round = 1; round <= 5; ++round) {
    world_.slow_disk(10s);
    world_.send({.target = {"bell", "b"},
                 .name = "set",
                 .payload = {{"name", "a"}, {"command", "ring"}, {"after_ms", 1'000}}});
    world_.run_actors();
    step(-day);  // all alarms are looked at while the turn is on its way to the disk
    world_.advance(30s);
    EXPECT_EQ(rung(), round);
  }
}

TEST_F(Clocks, let_an_alarm_at_a_time_before_1970_go_off_at_once) {
  set({{"name", "a"}, {"command", "ring"}, {"at", "1969-07-20T20:17:40Z"}});
  world_.advance(1s);
  EXPECT_EQ(rung(), 1);
}

TEST_F(Clocks, set_back_while_an_object_was_deleted_do_not_silence_its_alarms) {
  set({{"name", "a"}, {"command", "ring"}, {"after_ms", 1'000}});
  set({{"name", "b"}, {"command", "ring"}, {"every_ms", 1'000}});
  world_.advance(1'100ms);
  EXPECT_EQ(rung(), 2);
  set({{"name", "a"}, {"command", "ring"}, {"after_ms", 1'000}});
  ASSERT_TRUE(world_.call("bell/b", std::string{builtin::remove}));
  world_.advance(5s);
  step(-day);
  ASSERT_TRUE(world_.call("bell/b", std::string{builtin::undelete}));
  world_.advance(3'100ms);
  EXPECT_GE(rung(), 2 + 1 + 3);
}

TEST_F(Clocks, set_forward_have_an_alarm_at_a_time_of_theirs_go_off) {
  set({{"name", "a"},
       {"command", "ring"},
       {"at", format_rfc3339(world_.clock().now() + std::chrono::hours{12})}});
  step(day);
  EXPECT_EQ(rung(), 1);
}

TEST_F(Clocks, set_in_either_direction_move_no_retry) {
  for (const auto by : {-day, day}) {
    refused = 0;
    const auto before = rung("bell/other");
    ASSERT_TRUE(world_.call("bell/b", "send"));
    step(by);
    EXPECT_EQ(refused, 1);
    world_.advance(29s);
    EXPECT_EQ(refused, 1) << "tried again early";
    world_.advance(35s);
    EXPECT_EQ(rung("bell/other"), before + 1) << "not tried again";
  }
}

TEST_F(Clocks, set_forward_and_back_forget_no_idempotency_key) {
  ASSERT_TRUE(ring_once("key"));
  world_.advance(20s);
  step(3 * day);
  const auto ahead = ring_once("key");
  ASSERT_TRUE(ahead && ring_once("other"));
  EXPECT_TRUE(ahead->replayed);
  step(-3 * day);
  const auto put_right = ring_once("key");
  ASSERT_TRUE(put_right);
  EXPECT_TRUE(put_right->replayed);
  EXPECT_EQ(rung(), 2);
}

TEST_F(Clocks, that_were_behind_forget_no_idempotency_key_when_they_are_put_right) {
  step(-3 * day);
  ASSERT_TRUE(ring_once("key"));
  world_.advance(20s);
  step(3 * day);
  EXPECT_TRUE(ring_once("key")->replayed);
}

TEST_F(Clocks, keep_an_idempotency_key_no_longer_than_its_window_and_a_step) {
  ASSERT_TRUE(ring_once("key"));
  step(3 * day);
  world_.advance(day + std::chrono::hours{1});
  EXPECT_FALSE(ring_once("key")->replayed);
}

TEST_F(Clocks, set_forward_let_no_deadline_pass) {
  const auto answer = world_.send(
      {.target = {"bell", "b"}, .name = "ring", .deadline = world_.clock().now() + 10s});
  world_.clock().step_wall(day);
  world_.settle();
  ASSERT_TRUE(answer->has_value());
  EXPECT_TRUE(**answer) << to_string((*answer)->error());
}

TEST_F(Clocks, that_were_a_day_ahead_are_not_what_a_turn_takes_for_now) {
  step(day);
  const auto ahead = world_.call("bell/b", "time");
  step(-day);
  const auto put_right = world_.call("bell/b", "time");
  ASSERT_TRUE(ahead && put_right);
  EXPECT_EQ(put_right->value, to_unix_ms(world_.clock().now()));
  EXPECT_GE(put_right->meta.updated_at, ahead->meta.updated_at) << "the journal's time goes back";
}

TEST_F(Clocks, set_forward_purge_nothing_before_its_time) {
  ASSERT_TRUE(world_.call("bell/b", "ring"));
  ASSERT_TRUE(world_.call("bell/b", std::string{builtin::remove}));
  step(40 * day);
  world_.advance(std::chrono::hours{2});
  ASSERT_TRUE(world_.call("bell/b", std::string{builtin::undelete}));
  EXPECT_EQ(rung(), 1);
}

TEST_F(Clocks, that_are_set_keep_the_runs_of_an_alarm_for_a_day) {
  set({{"name", "a"}, {"command", "ring"}, {"after_ms", 1}});
  world_.advance(1s);
  step(2 * day);
  world_.advance(1s);
  EXPECT_EQ(world_.runtime().alarms({"bell", "b"})->size(), 1U);
  world_.advance(day);
  EXPECT_TRUE(world_.runtime().alarms({"bell", "b"})->empty());
}

TEST_F(Clocks, that_were_a_day_ahead_at_the_start_do_not_make_what_is_in_time_missed) {
  world_.clock().step_wall(day);
  world_.crash(storage::TailAfterCrash::kept);
  step(-day);
  set({{"name", "a"}, {"command", "ring"}, {"every_ms", 1'000}, {"missed", "skip"}});
  world_.advance(3'100ms);
  EXPECT_EQ(rung(), 3);
}

}  // namespace
}  // namespace perdure::sim
