// SPDX-License-Identifier: Apache-2.0
// Promise 7 on a real data directory: alarms fire at or after their time, once for each tick, and
// survive restarts; what is exhausted is a dead letter.
#include <thread>

#include "fixture.hpp"

namespace perdure {
namespace {

using namespace std::chrono_literals;

struct Bell {
  std::vector<std::string> rings;
  int broken_for = 0;  ///< rings that fail
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Bell, rings, broken_for)

/// Rings that failed; a failed turn leaves no trace in the state.
std::atomic<int> failed_rings{0};

Kind bell_kind() {
  return kind<Bell>("bell")
      .command("ring",
               [](Turn& turn, Bell& self, const Json& name) -> Result<void> {
                 if (failed_rings < self.broken_for) {
                   ++failed_rings;
                   return fail(ErrorCode::conflict, "the bell is broken");
                 }
                 self.rings.push_back(name.get<std::string>() + "@" + format_rfc3339(turn.now()));
                 return {};
               })
      .command("break", [](Turn&, Bell& self, const Json& times) { self.broken_for = times; })
      .command("set",
               [](Turn& turn, Bell&, const Json& alarm) {
                 turn.set_alarm(parse_alarm_spec(alarm, turn.now()).value());
               })
      .command("set_and_claim",
               [](Turn& turn, Bell&, const Json& alarm) {
                 turn.claim("bell.name", "the only one");
                 turn.set_alarm(parse_alarm_spec(alarm, turn.now()).value());
               })
      .command("loop",
               [](Turn& turn, Bell& self) {
                 self.rings.push_back("x@" + format_rfc3339(turn.now()));
                 turn.set_alarm(
                     {.name = "loop", .command = "loop", .schedule = Schedule::once(turn.now())});
               })
      .command("move_then_refuse",
               [](Turn& turn, Bell&) -> Result<void> {
                 turn.cancel_alarm("a");
                 return fail(ErrorCode::conflict, "refused");
               })
      .command("cancel",
               [](Turn& turn, Bell&, const Json& name) {
                 return turn.cancel_alarm(name.get<std::string>());
               })
      .query("rings", [](const Bell& self) { return self.rings; });
}

class Alarms : public RuntimeTest {
 protected:
  Alarms() : RuntimeTest({bell_kind(), counter_kind()}) { failed_rings = 0; }

  std::size_t rings() { return value(ask("bell", "b", "rings")).size(); }
  void set(const Json& alarm) { value(call("bell", "b", "set", alarm)); }
  Alarm alarm(const std::string& name) {
    for (auto& alarm : runtime_->alarms({"bell", "b"}).value()) {
      if (alarm.spec.name == name) return alarm;
    }
    ADD_FAILURE() << "no alarm " << name;
    return {};
  }
};

TEST_F(Alarms, an_alarm_fires_once_at_or_after_its_time) {
  const auto before = SystemClock{}.now();
  set({{"name", "a"}, {"command", "ring"}, {"payload", "x"}, {"after_ms", 50}});
  ASSERT_TRUE(eventually([&] { return rings() == 1; }));
  const auto ring = value(ask("bell", "b", "rings"))[0].get<std::string>();
  EXPECT_GE(parse_rfc3339(ring.substr(2)).value(), before + 50ms);
  std::this_thread::sleep_for(100ms);
  EXPECT_EQ(rings(), 1U);
  EXPECT_TRUE(alarm("a").finished);
  ASSERT_EQ(alarm("a").runs.size(), 1U);
  EXPECT_EQ(alarm("a").runs[0].outcome, AlarmRun::Outcome::succeeded);
}

TEST_F(Alarms, an_alarm_wakes_a_hibernated_object_and_survives_a_restart) {
  set({{"name", "a"}, {"command", "ring"}, {"payload", "x"}, {"after_ms", 300}});
  ASSERT_TRUE(runtime_->hibernate({"bell", "b"}));
  restart();
  EXPECT_TRUE(eventually([&] { return runtime_->inspect({"bell", "b"})->meta.seq == 2; }));
  EXPECT_EQ(rings(), 1U);
}

TEST_F(Alarms, a_repeating_alarm_rings_on_until_it_is_cancelled) {
  set({{"name", "a"}, {"command", "ring"}, {"payload", "x"}, {"every_ms", 100}});
  ASSERT_TRUE(eventually([&] { return rings() >= 3; }));
  EXPECT_EQ(value(call("bell", "b", "cancel", "a")), true);
  const auto at_cancel = rings();
  std::this_thread::sleep_for(250ms);
  EXPECT_EQ(rings(), at_cancel);
  EXPECT_TRUE(runtime_->alarms({"bell", "b"}).value().empty());
  EXPECT_EQ(value(call("bell", "b", "cancel", "a")), false);
}

TEST_F(Alarms, a_refused_turn_leaves_its_alarms_as_they_were) {
  set({{"name", "a"}, {"command", "ring"}, {"payload", "x"}, {"after_ms", 200}});
  EXPECT_EQ(code(call("bell", "b", "move_then_refuse")), ErrorCode::conflict);
  EXPECT_TRUE(eventually([&] { return rings() == 1; }));
}

TEST_F(Alarms, setting_a_name_again_moves_its_alarm) {
  set({{"name", "a"}, {"command", "ring"}, {"payload", "early"}, {"after_ms", 100}});
  set({{"name", "a"}, {"command", "ring"}, {"payload", "late"}, {"after_ms", 250}});
  ASSERT_TRUE(eventually([&] { return rings() == 1; }));
  EXPECT_TRUE(value(ask("bell", "b", "rings"))[0].get<std::string>().starts_with("late@"));
}

TEST_F(Alarms, a_failing_command_is_tried_again_with_backoff) {
  value(call("bell", "b", "break", 2));
  set({{"name", "a"},
       {"command", "ring"},
       {"payload", "x"},
       {"after_ms", 1},
       {"retry", {{"attempts", 3}, {"backoff_ms", 20}}}});
  ASSERT_TRUE(eventually([&] { return rings() == 1; }));
  const auto runs = alarm("a").runs;
  ASSERT_EQ(runs.size(), 3U);
  EXPECT_EQ(runs[0].outcome, AlarmRun::Outcome::failed);
  EXPECT_EQ(runs[0].error, "the bell is broken");
  EXPECT_EQ(runs[2].outcome, AlarmRun::Outcome::succeeded);
  EXPECT_GE(runs[1].at - runs[0].at, 10ms);
}

TEST_F(Alarms, exhausted_attempts_leave_a_dead_letter_that_can_be_driven_again) {
  value(call("bell", "b", "break", 2));
  set({{"name", "a"},
       {"command", "ring"},
       {"payload", "x"},
       {"after_ms", 1},
       {"retry", {{"attempts", 2}, {"backoff_ms", 1}}}});
  const ListRequest letters{.kind = "dead_letter", .index = "created_at"};
  ASSERT_TRUE(eventually([&] { return runtime_->list(letters)->items.size() == 1; }));
  const auto letter = runtime_->list(letters)->items[0];
  EXPECT_EQ(letter.state.at("type"), "alarm");
  EXPECT_EQ(letter.state.at("from"), "bell:b");
  EXPECT_EQ(letter.state.at("error").at("detail"), "the bell is broken");
  EXPECT_EQ(rings(), 0U);
  value(call("dead_letter", letter.meta.object().id, "retry"));
  EXPECT_TRUE(eventually([&] { return rings() == 1; }));
}

TEST_F(Alarms, operators_set_and_cancel_alarms_without_a_record) {
  value(call("bell", "b", "break", 0));
  const Json spec{{"name", "a"}, {"command", "ring"}, {"payload", "x"}, {"after_ms", 60'000}};
  const auto set = value(call("bell", "b", std::string{builtin::set_alarm}, spec));
  EXPECT_EQ(set.at("status"), "pending");
  EXPECT_EQ(runtime_->inspect({"bell", "b"})->meta.seq, 1U);
  EXPECT_EQ(runtime_->alarms({"bell", "b"}).value().size(), 1U);
  value(call("bell", "b", std::string{builtin::cancel_alarm}, Json{{"name", "a"}}));
  EXPECT_TRUE(runtime_->alarms({"bell", "b"}).value().empty());
  EXPECT_EQ(code(call("bell", "b", std::string{builtin::cancel_alarm}, Json{{"name", "a"}})),
            ErrorCode::not_found);
}

TEST_F(Alarms, begin_an_object_that_is_there_as_soon_as_it_is_named) {
  const auto set = [&](const Json& spec) {
    return call("bell", "new", std::string{builtin::set_alarm}, spec);
  };
  EXPECT_EQ(code(set({{"name", "a"}, {"command", "none"}, {"after_ms", 1}})), ErrorCode::invalid);
  EXPECT_EQ(runtime_->inspect({"bell", "new"}).error().code, ErrorCode::not_found);
  value(set({{"name", "a"}, {"command", "ring"}, {"payload", "x"}, {"after_ms", 1}}));
  EXPECT_TRUE(eventually([&] { return value(ask("bell", "new", "rings")).size() == 1; }));
  const auto journal = runtime_->journal({"bell", "new"}, 1, 10, Order::ascending, 10).value();
  ASSERT_EQ(journal.size(), 2U);
  EXPECT_EQ(journal[0].command, std::string{builtin::set_alarm});
  EXPECT_EQ(journal[1].command, "ring");
  value(call("bell", "new", std::string{builtin::remove}, nullptr));
  EXPECT_EQ(code(set({{"name", "a"}, {"command", "ring"}, {"after_ms", 1}})), ErrorCode::not_found);
}

TEST_F(Alarms, bad_alarms_are_refused_with_the_field_that_is_wrong) {
  value(call("bell", "b", "break", 0));
  const auto field = [&](const Json& spec) {
    const auto reply = call("bell", "b", std::string{builtin::set_alarm}, spec);
    return reply || reply.error().fields.empty() ? std::string{"none"}
                                                 : reply.error().fields[0].pointer;
  };
  const Json good{{"name", "a"}, {"command", "ring"}, {"after_ms", 60'000}};
  const auto with = [&](const char* name, Json value) {
    Json changed = good;
    changed[name] = std::move(value);
    return changed;
  };
  EXPECT_EQ(field(with("name", "")), "/name");
  EXPECT_EQ(field(with("command", "nothing")), "/command");
  EXPECT_EQ(field(with("after_ms", -1)), "/after_ms");
  EXPECT_EQ(field(with("after_ms", 1.5)), "/after_ms");
  EXPECT_EQ(field(with("after_ms", nullptr)), "/at");
  EXPECT_EQ(field(with("every_ms", 1'000)), "/at");  // two schedules
  EXPECT_EQ(field({{"name", "a"}, {"command", "ring"}, {"every_ms", 99}}), "/every_ms");
  EXPECT_EQ(field(with("missed", "never")), "/missed");
  EXPECT_EQ(field(with("retry", {{"attempts", 0}})), "/retry/attempts");
  EXPECT_EQ(field(with("retry", {{"tries", 3}})), "/retry/tries");
  EXPECT_EQ(field(with("colour", "red")), "/colour");
  EXPECT_EQ(field({{"name", "a"}, {"command", "ring"}, {"cron", "61 * * * *"}}), "/cron");
  EXPECT_EQ(field({{"name", "a"}, {"command", "ring"}, {"cron", "0 0 30 2 *"}}), "/cron");
  EXPECT_EQ(
      field({{"name", "a"}, {"command", "ring"}, {"cron", "* * * * *"}, {"time_zone", "Mars"}}),
      "/time_zone");
  EXPECT_TRUE(runtime_->alarms({"bell", "b"}).value().empty());
}

TEST_F(Alarms, of_a_deleted_object_ring_again_when_it_is_back) {
  set({{"name", "often"}, {"command", "ring"}, {"payload", "o"}, {"every_ms", 100}});
  set({{"name", "once"}, {"command", "ring"}, {"payload", "x"}, {"after_ms", 50}});
  value(call("bell", "b", std::string{builtin::remove}));
  std::this_thread::sleep_for(300ms);  // their time comes while it is deleted
  EXPECT_FALSE(alarm("often").finished);
  value(call("bell", "b", std::string{builtin::undelete}));
  const auto rings_of = [&](const std::string& name) {
    std::size_t count = 0;
    for (const auto& ring : value(ask("bell", "b", "rings"))) {
      count += ring.get<std::string>().starts_with(name) ? 1 : 0;
    }
    return count;
  };
  EXPECT_TRUE(eventually([&] { return rings_of("x") == 1 && rings_of("o") >= 3; }));
}

TEST_F(Alarms, that_were_missed_while_nobody_was_there_are_skipped_if_so_wanted) {
  for (const auto* missed : {"skip", "once"}) {
    set({{"name", missed},
         {"command", "ring"},
         {"payload", missed},
         {"after_ms", 100},
         {"missed", missed}});
  }
  runtime_.reset();
  std::this_thread::sleep_for(300ms);
  open();
  EXPECT_TRUE(eventually([&] { return alarm("skip").finished && alarm("once").finished; }));
  EXPECT_EQ(rings(), 1U);
  EXPECT_EQ(alarm("skip").runs.at(0).outcome, AlarmRun::Outcome::skipped);
  EXPECT_EQ(alarm("once").runs.at(0).outcome, AlarmRun::Outcome::succeeded);
}

TEST_F(Alarms, are_bounded_in_size_and_number) {
  value(call("bell", "b", "break", 0));
  Json spec{{"name", "a"}, {"command", "ring"}, {"after_ms", 60'000}};
  spec["payload"] = std::string(limits::alarm_payload_bytes_max, 'x');
  const auto reply = call("bell", "b", std::string{builtin::set_alarm}, spec);
  ASSERT_EQ(code(reply), ErrorCode::too_large);
  EXPECT_EQ(reply.error().fields.at(0).pointer, "/payload");
  spec["payload"] = "x";
  for (std::size_t i = 0; i < limits::object_alarms_max; ++i) {
    spec["name"] = std::to_string(i);
    ASSERT_TRUE(call("bell", "b", std::string{builtin::set_alarm}, spec)) << i;
  }
  ASSERT_TRUE(call("bell", "b", std::string{builtin::set_alarm}, spec)) << "the same one again";
  spec["name"] = "one more";
  const auto set_one_more = [&] {
    return call("bell", "b", std::string{builtin::set_alarm}, spec);
  };
  EXPECT_EQ(code(set_one_more()), ErrorCode::conflict);
  EXPECT_EQ(code(call("bell", "b", "set", spec)), ErrorCode::conflict) << "by a turn";
  value(call("bell", "b", std::string{builtin::cancel_alarm}, Json{{"name", "7"}}));
  EXPECT_TRUE(set_one_more());
  spec["name"] = "and another";
  EXPECT_EQ(code(set_one_more()), ErrorCode::conflict);
  restart();
  EXPECT_EQ(code(set_one_more()), ErrorCode::conflict) << "counted anew";
}

TEST_F(Alarms, are_counted_rightly_when_a_turn_that_set_one_is_refused) {
  value(call("bell", "b", "break", 0));
  Json spec{{"name", "0"}, {"command", "ring"}, {"after_ms", 60'000}};
  for (std::size_t i = 0; i + 1 < limits::object_alarms_max; ++i) {
    spec["name"] = std::to_string(i);
    value(call("bell", "b", std::string{builtin::set_alarm}, spec));
  }
  // One of two turns that claim the same name comes back from the commit with its alarm.
  std::vector<Future<Reply>> replies;
  for (const auto* id : {"b", "c"}) {
    value(call("bell", id, "break", 0));
    spec["name"] = "last";
    replies.push_back(runtime_->object("bell", id).call("set_and_claim", spec));
  }
  const bool first = replies[0].get().has_value();
  const bool second = replies[1].get().has_value();
  EXPECT_NE(first, second);
  spec["name"] = "after it";
  EXPECT_EQ(call("bell", "b", std::string{builtin::set_alarm}, spec).has_value(), !first);
}

TEST_F(Alarms, that_repeat_too_often_are_refused_from_a_turn_too) {
  const auto reply =
      call("bell", "b", "set", {{"name", "a"}, {"command", "ring"}, {"every_ms", 99}});
  ASSERT_EQ(code(reply), ErrorCode::invalid);
  EXPECT_EQ(reply.error().fields.at(0).pointer, "/every_ms");
  EXPECT_EQ(reply.error().fields.at(0).code, "minimum");
}

TEST_F(Alarms, of_an_earlier_day_go_on_with_the_least_period) {
  runtime_.reset();
  wanted_.alarms.period_min = 1ms;
  open();
  set({{"name", "a"}, {"command", "ring"}, {"payload", "x"}, {"every_ms", 1}});
  runtime_.reset();
  wanted_.alarms.period_min = 200ms;
  open();
  const auto begin = rings();
  ASSERT_TRUE(eventually([&] { return rings() >= begin + 4; }));
  const auto runs = alarm("a").runs;
  for (std::size_t i = runs.size() - 2; i < runs.size(); ++i) {
    EXPECT_GE(runs[i].at - runs[i - 1].at, 150ms);
  }
}

TEST_F(Alarms, that_set_themselves_again_at_once_keep_to_the_rate_of_their_object) {
  runtime_.reset();
  wanted_.alarms.object_rate = 10;
  open();
  value(call("bell", "b", "loop"));
  ASSERT_TRUE(eventually([&] { return rings() >= 14; }));
  std::vector<Timestamp> times;
  for (const auto& ring : value(ask("bell", "b", "rings"))) {
    times.push_back(parse_rfc3339(ring.get<std::string>().substr(2)).value());
  }
  for (std::size_t i = 11; i < times.size(); ++i) {  // the first is of the call
    EXPECT_GE(times[i] - times[i - 10], 950ms) << "11 within a second";
  }
}

TEST_F(Alarms, many_alarms_all_fire) {
  for (int i = 0; i < 100; ++i) {
    const Json alarm{{"name", "n" + std::to_string(i)},
                     {"command", "add"},
                     {"payload", {{"by", 1}}},
                     {"after_ms", 100 + i}};
    value(call("counter", "c" + std::to_string(i % 10), "add", Add{0}));
    value(call("counter", "c" + std::to_string(i % 10), std::string{builtin::set_alarm}, alarm));
  }
  const auto sum = [&] {
    std::int64_t total = 0;
    for (int i = 0; i < 10; ++i) {
      total += value(ask("counter", "c" + std::to_string(i), "value")).get<std::int64_t>();
    }
    return total;
  };
  EXPECT_TRUE(eventually([&] { return sum() == 100; }));
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(sum(), 100);
}

}  // namespace
}  // namespace perdure
