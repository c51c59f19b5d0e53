// SPDX-License-Identifier: Apache-2.0
// AlarmClock: what is due is fired, whatever the store does meanwhile.
#include "alarm_clock.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "perdure/storage/memory_store.hpp"
#include "perdure/testing/clock.hpp"

namespace perdure::runtime {
namespace {

class AlarmClocks : public ::testing::Test {
 protected:
  AlarmClocks() : store_(std::move(*storage::open_memory(disk_))) {}

  struct Fired {
    ObjectId object;
    std::string name;
    Timestamp due;
    Timestamp at;
    std::function<void(bool)> done;  ///< whether it was dealt with
  };

  /// The owner of `a/1` is `a`; of `1` nobody.
  Result<std::optional<std::string>> owner_of(const ObjectId& object) const {
    if (owners_are_unreadable_) return fail(ErrorCode::unavailable, "the disk fails");
    const auto slash = object.id.find('/');
    return slash == std::string::npos ? std::nullopt : std::optional{object.id.substr(0, slash)};
  }

  storage::Unit unit_of(const ObjectId& object, const std::string& name, Timestamp due) const {
    return {{{.object = object,
              .epoch = store_->epoch(),
              .alarms = {{.name = name, .previous_due = {}, .due = due, .body = "{}"}}}}};
  }
  /// An alarm that is in the store, and that the clock has been told of.
  void set(const std::string& name, Timestamp due, const ObjectId& object = bell) {
    const auto unit = unit_of(object, name, due);
    ASSERT_TRUE(store_->commit({&unit, 1}, clock_.now()).front());
    alarms_->set(object, unit.write_sets[0].alarms[0]);
  }
  /// What fired is dealt with: its alarm is removed.
  void deal_with(const Fired& fired) {
    auto unit = unit_of(fired.object, fired.name, fired.due);
    auto& change = unit.write_sets[0].alarms[0];
    change.previous_due = std::exchange(change.due, {});
    ASSERT_TRUE(store_->commit({&unit, 1}, clock_.now()).front());
    alarms_->set(fired.object, change);
    fired.done(true);
  }
  void deal_with_all() {
    for (; dealt_with_ < fired_.size(); ++dealt_with_) deal_with(fired_[dealt_with_]);
  }
  void start(AlarmLimits limits) {
    alarms_.emplace(
        *store_, clock_, limits, [this](const ObjectId& object) { return owner_of(object); },
        [this](const ObjectId& object, const Tick& tick, auto done) {
          fired_.push_back({object, tick.name, tick.due, clock_.now(), done});
        });
  }
  /// Lets time pass, and deals with all that fires.
  void pass(Milliseconds time) {
    for (const auto until = clock_.now() + time; clock_.now() < until;) {
      clock_.advance(Milliseconds{1});
      while (alarms_->step()) deal_with_all();
      deal_with_all();
    }
  }

  static inline const ObjectId bell{"bell", "b"};
  storage::MemoryDisk disk_;
  std::unique_ptr<storage::Store> store_;
  testing::SimulatedClock clock_;
  std::vector<Fired> fired_;
  std::size_t dealt_with_ = 0;
  bool owners_are_unreadable_ = false;
  std::optional<AlarmClock> alarms_;
};

TEST_F(AlarmClocks, fire_what_is_due_once) {
  start({});
  set("tick", clock_.now() + Milliseconds{100});
  alarms_->step();
  EXPECT_TRUE(fired_.empty());
  clock_.advance(Milliseconds{100});
  alarms_->step();
  alarms_->step();
  EXPECT_EQ(fired_.size(), 1U);
}

TEST_F(AlarmClocks, fire_again_what_its_turn_sets_for_the_time_that_it_had) {
  start({});
  const auto due = clock_.now() + Milliseconds{100};
  set("tick", due);
  clock_.advance(Milliseconds{100});
  while (alarms_->step()) {
  }
  ASSERT_EQ(fired_.size(), 1U);
  set("tick", due);
  while (alarms_->step()) {
  }
  EXPECT_EQ(fired_.size(), 1U) << "not while it runs";
  fired_[0].done(true);
  while (alarms_->step()) {
  }
  ASSERT_EQ(fired_.size(), 2U);
  EXPECT_EQ(fired_[1].due, due);
  deal_with(fired_[1]);
  alarms_->step();
  alarms_->check_invariants();
}

TEST_F(AlarmClocks, have_something_to_do_at_once_before_they_have_read) {
  start({});
  EXPECT_EQ(alarms_->next(), clock_.now());
}

TEST_F(AlarmClocks, pace_the_alarms_of_an_object_and_lose_none) {
  start({.object_rate = 20, .owner_rate = 1'000});
  for (int i = 0; i < 100; ++i) set(std::to_string(i), clock_.now() + Milliseconds{100 - i});
  pass(std::chrono::seconds{6});
  ASSERT_EQ(fired_.size(), 100U);
  for (std::size_t i = 1; i < fired_.size(); ++i) EXPECT_LT(fired_[i - 1].due, fired_[i].due);
  for (std::size_t i = 20; i < fired_.size(); ++i) {
    EXPECT_GE(fired_[i].at - fired_[i - 20].at, std::chrono::seconds{1});
  }
}

TEST_F(AlarmClocks, hold_a_bounded_number_and_let_others_go_first_however_many_one_owner_has) {
  start({.object_rate = 1'000, .owner_rate = 1'000});
  constexpr int objects = 20;
  constexpr int each = 1'000;
  const auto begin = clock_.now();
  for (int object = 0; object < objects; ++object) {
    storage::Unit unit;
    for (int i = 0; i < each; ++i) {
      auto one = unit_of({"bell", "greedy/" + std::to_string(object)}, std::to_string(i),
                         begin - std::chrono::hours{1} + Milliseconds{i});
      unit.write_sets.push_back(std::move(one.write_sets[0]));
    }
    ASSERT_TRUE(store_->commit({&unit, 1}, begin).front());
  }
  pass(Milliseconds{100});
  EXPECT_LE(alarms_->held(), AlarmLines::owner_waiting_max + AlarmLines::owner_running_max);
  alarms_->check_invariants();
  set("modest", clock_.now() + Milliseconds{5}, {"bell", "modest/1"});
  pass(Milliseconds{10});
  const auto modest = std::ranges::find(fired_, "modest", &Fired::name);
  ASSERT_NE(modest, fired_.end());
  EXPECT_LE(modest->at - modest->due, Milliseconds{2});
  for (int second = 0; second < 30; ++second) {
    pass(std::chrono::seconds{1});
    alarms_->check_invariants();
    EXPECT_LE(alarms_->held(), AlarmLines::owner_waiting_max + AlarmLines::owner_running_max);
  }
  EXPECT_EQ(fired_.size(), std::size_t{objects} * each + 1) << "none is lost, none comes twice";
}

TEST_F(AlarmClocks, miss_nothing_of_an_owner_that_is_behind_and_sets_more) {
  start({.object_rate = 500, .owner_rate = 500});
  const ObjectId object{"bell", "greedy/1"};
  int number = 0;
  // Twice as many as may go off, so that some are left out while others are read again.
  for (int round = 0; round < 60; ++round) {
    for (int i = 0; i < 50; ++i) {
      const auto due = clock_.now() + Milliseconds{(number * 7) % 90 - 40};
      set(std::to_string(number++), due, object);
    }
    pass(Milliseconds{50});
    alarms_->check_invariants();
  }
  pass(std::chrono::seconds{10});
  EXPECT_EQ(fired_.size(), static_cast<std::size_t>(number));
}

TEST_F(AlarmClocks, forget_alarms_that_were_moved_before_their_time) {
  start({.object_rate = 5, .owner_rate = 1'000});
  const auto first = clock_.now() + Milliseconds{500};
  set("again", first);
  alarms_->step();
  auto due = first;
  for (int i = 0; i < 100; ++i) {
    auto unit = unit_of(bell, "again", due + Milliseconds{1});
    unit.write_sets[0].alarms[0].previous_due = due;
    due += Milliseconds{1};
    ASSERT_TRUE(store_->commit({&unit, 1}, clock_.now()).front());
    alarms_->set(bell, unit.write_sets[0].alarms[0]);
  }
  pass(Milliseconds{700});
  ASSERT_EQ(fired_.size(), 1U) << "those that were moved used up the rate";
  EXPECT_EQ(fired_[0].due, due);
}

TEST_F(AlarmClocks, fire_no_alarm_early_and_lose_none_when_the_wall_clock_is_set_back) {
  start({.object_rate = 2, .owner_rate = 1'000});
  for (int i = 0; i < 4; ++i) set(std::to_string(i), clock_.now() + Milliseconds{10 + i});
  pass(Milliseconds{20});
  clock_.step_wall(-std::chrono::seconds{5});  // while three of them wait
  pass(std::chrono::seconds{3});
  EXPECT_EQ(fired_.size(), 1U);
  alarms_->check_invariants();
  pass(std::chrono::seconds{5});
  EXPECT_EQ(fired_.size(), 4U);
  for (const auto& one : fired_) EXPECT_GE(one.at, one.due);
}

TEST_F(AlarmClocks, read_all_again_when_the_store_was_exchanged) {
  start({});
  set("tick", clock_.now() + Milliseconds{100});
  alarms_->step();
  alarms_->reset();
  pass(Milliseconds{200});
  EXPECT_EQ(fired_.size(), 1U);
}

TEST_F(AlarmClocks, look_again_for_what_could_not_run_although_a_read_failed_meanwhile) {
  start({});
  set("tick", clock_.now() + Milliseconds{100});
  alarms_->step();
  clock_.advance(Milliseconds{100});
  alarms_->step();
  ASSERT_EQ(fired_.size(), 1U);
  fired_.front().done(false);
  clock_.advance(std::chrono::seconds{1});
  disk_.faults.calls_until_error = 0;
  alarms_->step();
  EXPECT_EQ(disk_.faults.calls_until_error, -1) << "the read that was to fail";
  alarms_->check_invariants();
  clock_.advance(std::chrono::seconds{1});
  alarms_->step();
  EXPECT_EQ(fired_.size(), 2U);
}

TEST_F(AlarmClocks, give_no_object_a_rate_of_its_own_while_its_owner_cannot_be_read) {
  start({.object_rate = 100, .owner_rate = 2});
  owners_are_unreadable_ = true;
  for (int i = 0; i < 6; ++i) {
    const ObjectId object{"bell", "a/" + std::to_string(i)};
    set("tick", clock_.now() + Milliseconds{100}, object);
  }
  pass(Milliseconds{150});
  EXPECT_TRUE(fired_.empty());
  owners_are_unreadable_ = false;
  pass(Milliseconds{900});
  EXPECT_GE(fired_.size(), 1U);
  EXPECT_LE(fired_.size(), 2U);
  pass(Milliseconds{4'000});
  EXPECT_EQ(fired_.size(), 6U);
  alarms_->check_invariants();
}

}  // namespace
}  // namespace perdure::runtime
