// SPDX-License-Identifier: Apache-2.0
// AlarmClock: what is due is fired, whatever the store does meanwhile.
#include "alarm_clock.hpp"

#include <gtest/gtest.h>

#include "perdure/storage/memory_store.hpp"
#include "perdure/testing/clock.hpp"

namespace perdure::runtime {
namespace {

class AlarmClocks : public ::testing::Test {
 protected:
  AlarmClocks() : store_(std::move(*storage::open_memory(disk_))) {}

  /// An alarm that is in the store, and that the clock has been told of.
  void set(const std::string& name, Timestamp due) {
    const storage::Unit unit{
        {{.object = bell_,
          .epoch = store_->epoch(),
          .alarms = {{.name = name, .previous_due = {}, .due = due, .body = "{}"}}}}};
    ASSERT_TRUE(store_->commit({&unit, 1}, clock_.now()).front());
    alarms_.set(bell_, name, due);
  }

  const ObjectId bell_{"bell", "b"};
  storage::MemoryDisk disk_;
  std::unique_ptr<storage::Store> store_;
  testing::SimulatedClock clock_;
  std::vector<std::function<void(bool)>> fired_;  ///< whether it was dealt with
  AlarmClock alarms_{*store_, clock_, [this](const ObjectId&, const Tick&, auto done) {
                       fired_.push_back(std::move(done));
                     }};
};

TEST_F(AlarmClocks, fire_what_is_due_once) {
  set("tick", clock_.now() + Milliseconds{100});
  alarms_.step();
  EXPECT_TRUE(fired_.empty());
  clock_.advance(Milliseconds{100});
  alarms_.step();
  alarms_.step();
  EXPECT_EQ(fired_.size(), 1U);
}

TEST_F(AlarmClocks, look_again_for_what_could_not_run_although_a_read_failed_meanwhile) {
  set("tick", clock_.now() + Milliseconds{100});
  alarms_.step();
  clock_.advance(Milliseconds{100});
  alarms_.step();
  ASSERT_EQ(fired_.size(), 1U);
  fired_.front()(false);
  clock_.advance(std::chrono::seconds{1});
  disk_.faults.calls_until_error = 0;
  alarms_.step();
  EXPECT_EQ(disk_.faults.calls_until_error, -1) << "the read that was to fail";
  alarms_.check_invariants();
  clock_.advance(std::chrono::seconds{1});
  alarms_.step();
  EXPECT_EQ(fired_.size(), 2U);
}

}  // namespace
}  // namespace perdure::runtime
