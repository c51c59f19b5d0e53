// SPDX-License-Identifier: Apache-2.0
// What a restart keeps, and what it fences.
#include "store_fixture.hpp"

namespace perdure::storage {
namespace {

const ObjectId alice{"counter", "alice"};

class StoreRestart : public StoreContract {};
PERDURE_ON_EACH_STORE(StoreRestart);

TEST_P(StoreRestart, raises_the_epoch) {
  const auto before = store().epoch();
  EXPECT_GT(before, 0u);
  EXPECT_GT(reopen().epoch(), before);
}

TEST_P(StoreRestart, keeps_what_was_committed) {
  advance_to(alice, 3);
  reopen();
  EXPECT_EQ(store().last_record(alice).value()->record, record_text(alice, 3));
  EXPECT_EQ(code_of(commit(turn(alice, 2))), ErrorCode::stale_precondition);
  EXPECT_TRUE(commit(turn(alice, 3)));
}

TEST_P(StoreRestart, refuses_turns_of_an_activation_from_before) {
  const auto stale = turn(alice, 0);
  reopen();
  EXPECT_EQ(code_of(commit(stale)), ErrorCode::stale_epoch);
}

TEST_P(StoreRestart, goes_on_with_commit_numbers_and_event_positions) {
  auto write_set = turn(alice, 0);
  write_set.events = {"a", "b"};
  const auto before = commit(write_set).value();
  reopen();
  auto next = turn(alice, 1);
  next.events = {"c"};
  const auto after = commit(next).value();
  EXPECT_EQ(after.commit_number, before.commit_number + 1);
  EXPECT_EQ(after.first_event_position, before.first_event_position + 2);
  EXPECT_EQ(store().events(0, 10).value().size(), 3u);
}

TEST_P(StoreRestart, many_restarts_lose_nothing) {
  for (Seq seq = 0; seq < 5; ++seq) {
    ASSERT_TRUE(commit(turn(alice, seq)));
    reopen();
  }
  EXPECT_EQ(store().last_record(alice).value()->seq, 5u);
}

}  // namespace
}  // namespace perdure::storage
