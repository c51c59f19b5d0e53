// SPDX-License-Identifier: Apache-2.0
#include "log_trimmer.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "perdure/schemas/json.hpp"
#include "perdure/storage/memory_store.hpp"
#include "perdure/testing/clock.hpp"

namespace perdure::runtime {
namespace {

Principal user(const std::string& name) { return {.role = Principal::Role::user, .user_id = name}; }

class LogTrimmers : public ::testing::Test {
 protected:
  static constexpr std::uint64_t events_max = 100;

  void add(const std::string& owner, const std::vector<std::string>& grantees = {}) {
    Json body{{"owner", owner}, {"time", format_rfc3339(clock_.now())}};
    if (!grantees.empty()) body["grantees"] = grantees;
    storage::WriteSet write_set{
        .object = {"kind", "id"}, .epoch = store_->epoch(), .expected_seq = seq_++};
    write_set.record.emplace("record");
    write_set.events = {dump_json(body)};
    const storage::Unit unit{{std::move(write_set)}};
    ASSERT_TRUE(store_->commit({&unit, 1}, clock_.now()).front());
  }
  static void settle(LogTrimmer& trimmer) {
    while (trimmer.trim_many()) {
    }
  }
  /// Events of each owner that are left. The log is dense, and gaps are few.
  std::map<std::string, std::size_t> left() {
    std::map<std::string, std::size_t> owners;
    auto expected = store_->event_range()->first;
    std::size_t gaps = 0;
    std::size_t events = 0;
    for (const auto& row : store_->events(0, storage::no_bound).value()) {
      EXPECT_EQ(row.gap_first > 0 ? row.gap_first : row.position, expected);
      expected = row.position + 1;
      ++(row.gap_first > 0 ? gaps : events);
      if (row.gap_first == 0) ++owners[Json::parse(row.body)["owner"]];
    }
    EXPECT_LE(events, events_max);
    EXPECT_LE(gaps, events);
    return owners;
  }

  perdure::testing::SimulatedClock clock_;
  storage::MemoryDisk disk_;
  std::unique_ptr<storage::Store> store_ = storage::open_memory(disk_).value();
  Times times_{clock_, 1};
  const EventRetention retention_{.events_max = events_max};
  LogTrimmer trimmer_{*store_, times_, retention_};
  Seq seq_ = 0;
};

TEST_F(LogTrimmers, let_go_of_events_of_who_has_too_many_and_of_no_others) {
  for (int i = 0; i < 10; ++i) add("quiet");
  for (int i = 0; i < 5'000; ++i) {
    add("loud");
    if (i % 500 == 0) add("other");
    if (i % 20 == 0) static_cast<void>(trimmer_.trim_many());
  }
  settle(trimmer_);
  EXPECT_EQ(left(),
            (std::map<std::string, std::size_t>{{"loud", 80}, {"other", 10}, {"quiet", 10}}));
  // What another one finds in the log is what this one left.
  LogTrimmer again{*store_, times_, retention_};
  settle(again);
  EXPECT_EQ(left().at("loud"), 80U);
}

TEST_F(LogTrimmers, keep_what_is_left_dense_whoever_comes) {
  std::mt19937 engine{20'251'130};
  for (int i = 1; i <= 10'000; ++i) {
    const auto dice = engine() % 100;
    add(dice < 60 ? "a" : dice < 80 ? "b" : "user" + std::to_string(engine() % 20));
    if (engine() % 5 == 0) static_cast<void>(trimmer_.trim_many());
    if (i % 499 == 0) {
      settle(trimmer_);
      std::size_t events = 0;
      for (const auto& [owner, count] : left()) events += count;
      ASSERT_EQ(events, events_max);
    }
  }
}

TEST_F(LogTrimmers, say_in_a_gap_who_could_see_what_was_there) {
  add("quiet");
  for (int i = 0; i < 300; ++i)
    add("loud", i % 7 == 0 ? std::vector<std::string>{"friend"} : std::vector<std::string>{});
  settle(trimmer_);
  const auto rows = store_->events(2, 1).value();
  ASSERT_GT(rows.front().gap_first, 0U);
  const auto gap = decode_gap(rows.front().body);
  EXPECT_TRUE(gap.concerns(user("loud")));
  EXPECT_TRUE(gap.concerns(user("friend")));
  EXPECT_FALSE(gap.concerns(user("quiet")));
  EXPECT_TRUE(gap.concerns(Principal{}));
}

TEST_F(LogTrimmers, name_everybody_when_they_are_too_many_to_name) {
  LogGap gap;
  for (std::size_t i = 0; i <= LogGap::readers_max; ++i) {
    EXPECT_FALSE(gap.all);
    gap.add_event(dump_json({{"owner", std::to_string(i)}, {"time", ""}}));
  }
  EXPECT_TRUE(gap.concerns(user("anybody")));
  EXPECT_TRUE(decode_gap(encode_gap(gap)).all);
  EXPECT_TRUE(decode_gap("no JSON").all);
}

TEST_F(LogTrimmers, let_go_of_what_is_old_with_its_gaps) {
  for (int i = 0; i < 300; ++i) add(i % 3 == 0 ? "quiet" : "loud");
  settle(trimmer_);
  clock_.advance(retention_.age + std::chrono::hours{1});
  add("new");
  trimmer_.trim_old();
  EXPECT_EQ(left(), (std::map<std::string, std::size_t>{{"new", 1}}));
}

}  // namespace
}  // namespace perdure::runtime
