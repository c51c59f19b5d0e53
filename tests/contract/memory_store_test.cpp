// SPDX-License-Identifier: Apache-2.0
// The faults of the memory store: what a simulated disk does to it.
#include "perdure/storage/memory_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace perdure::storage
