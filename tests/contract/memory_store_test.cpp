// SPDX-License-Identifier: Apache-2.0
// The memory store: what a simulated disk does to it, and how a server keeps all its data in it.
#include "perdure/storage/memory_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "write_sets.hpp"

namespace perdure::storage {
namespace {

using testing::ElementsAre;

const ObjectId alice{"counter", "alice"};

struct MemoryFault : testing::Test {
  MemoryFault() { reopen(); }

  void reopen() {
    store.reset();
    auto opened = open_memory(disk);
    PERDURE_CHECK(opened.has_value(), to_string(opened.error()));
    store = std::move(*opened);
  }
  Outcome commit(Seq expected_seq) {
    return commit_one(*store, make_turn(store->epoch(), alice, expected_seq));
  }
  Seq last_seq() {
    const auto last = store->last_record(alice).value();
    return last ? last->seq : 0;
  }

  MemoryDisk disk;
  std::unique_ptr<Store> store;
};

TEST_F(MemoryFault, a_failed_sync_leaves_the_whole_batch_unknown) {
  disk.faults.commits_until_sync_fails = 0;
  const std::vector<Unit> units{make_unit(make_turn(store->epoch(), alice, 0)),
                                make_unit(make_turn(store->epoch(), alice, 9))};
  EXPECT_THAT(codes_of(store->commit(units, default_now)),
              ElementsAre(ErrorCode::outcome_unknown, ErrorCode::outcome_unknown));
  EXPECT_EQ(last_seq(), 0u);
}

TEST_F(MemoryFault, writes_stop_for_good_and_reads_go_on) {
  ASSERT_TRUE(commit(0));
  disk.faults.commits_until_sync_fails = 0;
  EXPECT_EQ(code_of(commit(1)), ErrorCode::outcome_unknown);
  EXPECT_EQ(store->health(), Health::read_only);
  EXPECT_EQ(code_of(commit(1)), ErrorCode::outcome_unknown);
  EXPECT_EQ(last_seq(), 1u);
  EXPECT_EQ(code_of(store->trim(alice, 1, {})), ErrorCode::unavailable);
}

TEST_F(MemoryFault, a_fault_waits_for_its_commit) {
  disk.faults.commits_until_sync_fails = 2;
  EXPECT_TRUE(commit(0));
  EXPECT_TRUE(commit(1));
  EXPECT_EQ(code_of(commit(2)), ErrorCode::outcome_unknown);
}

TEST_F(MemoryFault, a_restart_may_bring_the_failed_batch_back) {
  disk.faults = {.commits_until_sync_fails = 0, .failed_batch_survives = true};
  EXPECT_FALSE(commit(0));
  EXPECT_EQ(last_seq(), 0u);
  reopen();
  EXPECT_EQ(last_seq(), 1u);
  EXPECT_TRUE(commit(1));
}

TEST_F(MemoryFault, a_restart_may_lose_the_failed_batch) {
  disk.faults = {.commits_until_sync_fails = 0, .failed_batch_survives = false};
  EXPECT_FALSE(commit(0));
  reopen();
  EXPECT_EQ(last_seq(), 0u);
  EXPECT_TRUE(commit(0));
}

TEST_F(MemoryFault, a_crash_decides_about_the_tail) {
  for (const auto& [tail, seq] :
       {std::pair{TailAfterCrash::kept, Seq{1}}, std::pair{TailAfterCrash::lost, Seq{1}},
        std::pair{TailAfterCrash::torn, Seq{1}}}) {
    disk.faults.commits_until_sync_fails = 0;
    EXPECT_FALSE(commit(last_seq()));
    disk.crash(tail);
    reopen();
    EXPECT_EQ(last_seq(), seq);
  }
}

TEST_F(MemoryFault, a_crash_keeps_what_was_synced) {
  ASSERT_TRUE(commit(0));
  disk.crash(TailAfterCrash::torn);
  reopen();
  EXPECT_EQ(last_seq(), 1u);
}

TEST_F(MemoryFault, a_store_is_unusable_after_a_crash) {
  ASSERT_TRUE(commit(0));
  disk.crash(TailAfterCrash::kept);
  EXPECT_EQ(code_of(commit(1)), ErrorCode::outcome_unknown);
  EXPECT_EQ(code_of(store->last_record(alice)), ErrorCode::unavailable);
  EXPECT_EQ(store->health(), Health::read_only);
  const auto old = std::move(store);
  reopen();
  EXPECT_EQ(code_of(commit_one(*old, make_turn(old->epoch(), alice, 1))),
            ErrorCode::outcome_unknown);
}

TEST_F(MemoryFault, lost_acknowledged_commits_are_refused_by_name) {
  ASSERT_TRUE(commit(0));
  ASSERT_TRUE(commit(1));
  disk.lose_acknowledged(1);
  store.reset();
  const auto refused = open_memory(disk);
  ASSERT_EQ(code_of(refused), ErrorCode::corrupt);
  EXPECT_THAT(refused.error().detail, testing::HasSubstr("commit 2 was acknowledged"));
}

// ------------------------------------------------------------------- as a server's only store

class MemoryBound : public testing::Test {
 protected:
  static constexpr std::size_t most = 1u << 20;

  static std::string large() { return std::string(100'000, 'x'); }
  Outcome put(const ObjectId& object, Seq expected_seq, std::string record) {
    auto write_set = make_turn(store_->epoch(), object, expected_seq);
    write_set.record = std::move(record);
    return commit_one(*store_, std::move(write_set));
  }
  /// Puts large records until there is no room for another.
  Outcome fill() {
    for (Seq at = 0;; ++at) {
      if (auto outcome = put(alice, at, large()); !outcome) return outcome;
      PERDURE_CHECK(at < 1'000, "it has no bound");
    }
  }

  std::shared_ptr<MemoryDisk> disk_ =
      std::make_shared<MemoryDisk>(MemoryOptions{.bytes_max = most,
                                                 .bytes_max_setting = "storage.memory",
                                                 .crashes = MemoryOptions::Crashes::never});
  std::unique_ptr<Store> store_ = open_memory(disk_).value();
};

TEST_F(MemoryBound, refuses_what_would_not_fit_and_names_the_setting) {
  const auto refused = fill();
  EXPECT_EQ(code_of(refused), ErrorCode::unavailable);
  EXPECT_THAT(refused.error().detail, testing::HasSubstr("storage.memory"));
  ASSERT_EQ(refused.error().fields.size(), 1u);
  EXPECT_EQ(refused.error().fields.front().code, "memory_full");
  EXPECT_TRUE(refused.error().retry_after);
  EXPECT_LE(disk_->bytes(), most);
  EXPECT_EQ(store_->health(), Health::writable) << "what fits is taken";
}

TEST_F(MemoryBound, refuses_one_unit_and_takes_its_neighbours) {
  ASSERT_FALSE(fill());
  auto large_turn = make_turn(store_->epoch(), {"counter", "large"}, 0);
  large_turn.record = large();
  const std::vector<Unit> units{make_unit(make_turn(store_->epoch(), {"counter", "a"}, 0)),
                                make_unit(std::move(large_turn)),
                                make_unit(make_turn(store_->epoch(), {"counter", "b"}, 0))};
  EXPECT_THAT(codes_of(store_->commit(units, default_now)),
              ElementsAre(std::nullopt, ErrorCode::unavailable, std::nullopt));
}

TEST_F(MemoryBound, goes_on_when_history_has_gone) {
  ASSERT_FALSE(fill());
  const auto last = store_->last_record(alice).value()->seq;
  ASSERT_TRUE(store_->trim(alice, last, {}));
  EXPECT_TRUE(put(alice, last, large()));
}

TEST_F(MemoryBound, keeps_a_reserve_for_what_ends_something) {
  ASSERT_FALSE(fill());
  Seq small = 0;
  while (put({"counter", "small"}, small, std::string(4'000, 'x'))) ++small;
  auto deletion = make_turn(store_->epoch(), {"counter", "small"}, small);
  deletion.room = Room::reserve;
  EXPECT_TRUE(commit_one(*store_, deletion));
  EXPECT_EQ(code_of(put({"counter", "small"}, small + 1, std::string(4'000, 'x'))),
            ErrorCode::unavailable);
  for (++deletion.expected_seq; commit_one(*store_, deletion); ++deletion.expected_seq) {
  }
  EXPECT_LE(disk_->bytes(), most);
}

TEST_F(MemoryBound, takes_the_end_of_a_past_when_nothing_else_fits) {
  ASSERT_FALSE(fill());
  auto reserved = make_turn(store_->epoch(), {"counter", "small"}, 0);
  reserved.room = Room::reserve;
  for (; commit_one(*store_, reserved); ++reserved.expected_seq) {
  }
  const auto last = store_->last_record(alice).value()->seq;
  auto purge = make_turn(store_->epoch(), alice, last);
  purge.past = Past::erased;
  EXPECT_TRUE(commit_one(*store_, std::move(purge)));
  EXPECT_TRUE(put({"counter", "bob"}, 0, large()));
}

TEST_F(MemoryBound, sweeps_claims_that_have_expired) {
  const auto empty = [&] {
    disk_->check_invariants();
    return disk_->bytes();
  }();
  auto claiming = make_housekeeping(store_->epoch(), alice, 0);
  for (int i = 0; i < 100; ++i) {
    claiming.claims.push_back(
        {"once", std::to_string(i), "reply", default_now + Milliseconds{1'000}});
  }
  ASSERT_TRUE(commit_one(*store_, std::move(claiming)));
  const auto held = disk_->bytes();
  EXPECT_GT(held, empty + 100 * 5);
  const auto later = default_now + Milliseconds{1'000};
  ASSERT_TRUE(commit_one(*store_, make_housekeeping(store_->epoch(), alice, 0), later));
  EXPECT_LT(disk_->bytes(), held - 100 * 5);
  disk_->check_invariants();
}

TEST_F(MemoryBound, lets_commits_through_while_a_walk_goes_on) {
  for (int i = 0; i < 200; ++i) {
    const ObjectId object{"counter", std::to_string(1'000 + i)};
    auto write_set = make_turn(store_->epoch(), object, 0);
    write_set.indexes.push_back({IndexChange::Op::put, "all", object.id});
    ASSERT_TRUE(commit_one(*store_, std::move(write_set)));
  }
  int seen = 0;
  const auto walked =
      store_->walk_index("counter", "all", {.limit = 1'000}, {},
                         [&](std::string_view, std::string_view, std::string_view) {
                           if (++seen == 1) {
                             std::thread{[&] { EXPECT_TRUE(put(alice, 0, "beside")); }}.join();
                           }
                           return Walk::go_on;
                         });
  EXPECT_TRUE(walked);
  EXPECT_EQ(seen, 200);
}

TEST_F(MemoryBound, counts_what_its_rows_take) {
  auto full = make_turn(store_->epoch(), alice, 0);
  full.entries = {{"a", "1"}, {"b", "2"}};
  full.indexes = {{IndexChange::Op::put, "i", "k", "v"}};
  full.alarms = {{"ring", {}, default_now, "body"}};
  full.events = {"event"};
  full.sends = {"sent"};
  full.claims = {{"space", "key", "value"}};
  full.counts = {{"count", 1}};
  full.pins = {{1, "pin"}};
  ASSERT_TRUE(commit_one(*store_, std::move(full)));
  disk_->check_invariants();
  auto changed = make_turn(store_->epoch(), alice, 1);
  changed.entries = {{"a", std::nullopt}, {"b", "longer"}};
  changed.indexes = {{IndexChange::Op::erase, "i", "k"}, {IndexChange::Op::put, "i", "k2", "v"}};
  changed.alarms = {{"ring", default_now, default_now + Milliseconds{5}, "another body"}};
  changed.takes = {1};
  changed.releases = {{"space", "key"}};
  changed.counts = {{"count", -1}};
  changed.pins = {{1, std::nullopt}};
  ASSERT_TRUE(commit_one(*store_, std::move(changed)));
  disk_->check_invariants();
  ASSERT_TRUE(store_->trim(alice, 2, {}));
  disk_->check_invariants();
  ASSERT_TRUE(store_->trim_events(2));
  ASSERT_TRUE(store_->erase_rows({.kind = "counter", .name = "i"}, 10));
  disk_->check_invariants();
  auto purge = make_turn(store_->epoch(), alice, 2);
  purge.past = Past::erased;
  ASSERT_TRUE(commit_one(*store_, std::move(purge)));
  disk_->check_invariants();
}

TEST(MemoryFactory, keeps_what_it_was_given_while_it_lives_and_no_longer) {
  const auto factory = memory_factory(1u << 20, "storage.memory");
  EXPECT_EQ(factory->keeps(), Keeps::for_process);
  auto store = factory->open({}).value();
  ASSERT_TRUE(commit_one(*store, make_turn(store->epoch(), alice, 0)));
  const auto epoch = store->epoch();
  const auto line = store->line();
  store.reset();
  store = factory->open({}).value();
  EXPECT_GT(store->epoch(), epoch);
  EXPECT_EQ(store->line(), line);
  EXPECT_TRUE(store->last_record(alice).value());
  const auto other = memory_factory(1u << 20, "storage.memory")->open({}).value();
  EXPECT_FALSE(other->last_record(alice).value());
  EXPECT_NE(other->line(), line) << "its seqs are given out again, and its entity tags are others";
  EXPECT_NE(other->event_range()->history, store->event_range()->history);
}

TEST(MemoryFactory, has_nothing_to_look_at_when_its_process_is_gone) {
  const auto factory = memory_factory(1u << 20, "storage.memory");
  EXPECT_EQ(code_of(factory->open({.mode = OpenMode::read_only})), ErrorCode::invalid);
  EXPECT_EQ(code_of(factory->check({}, {})), ErrorCode::invalid);
}

}  // namespace
}  // namespace perdure::storage
