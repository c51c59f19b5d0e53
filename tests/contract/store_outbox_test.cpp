// SPDX-License-Identifier: Apache-2.0
// The outbox, and the event log's retention.
#include "store_fixture.hpp"

namespace perdure::storage {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const ObjectId alice{"counter", "alice"};
const ObjectId bob{"counter", "bob"};

class StoreOutbox : public StoreContract {
 protected:
  Outcome send(const ObjectId& object, Seq expected_seq, std::vector<std::string> bodies) {
    auto write_set = turn(object, expected_seq);
    write_set.sends = std::move(bodies);
    return commit(write_set);
  }
  WriteSet take(const ObjectId& object, Seq expected_seq, std::uint64_t position) {
    auto write_set = turn(object, expected_seq);
    write_set.takes = {position};
    return write_set;
  }
  std::vector<std::string> waiting(std::uint64_t from = 0) {
    std::vector<std::string> bodies;
    for (const auto& row : store().outbox(from, 100).value()) bodies.push_back(row.body);
    return bodies;
  }
};

TEST_P(StoreOutbox, items_wait_in_the_order_of_commits) {
  const auto first = send(alice, 0, {"a1", "a2"});
  const auto second = send(bob, 0, {"b1"});
  EXPECT_EQ(first.value().first_outbox_position, 1u);
  EXPECT_EQ(second.value().first_outbox_position, 3u);
  EXPECT_THAT(waiting(), ElementsAre("a1", "a2", "b1"));
  EXPECT_THAT(waiting(2), ElementsAre("a2", "b1"));
}

TEST_P(StoreOutbox, a_unit_that_sends_nothing_has_no_position) {
  EXPECT_EQ(commit(turn(alice, 0)).value().first_outbox_position, 0u);
}

TEST_P(StoreOutbox, an_item_is_taken_once) {
  ASSERT_TRUE(send(alice, 0, {"hello"}));
  ASSERT_TRUE(commit(take(bob, 0, 1)));
  EXPECT_THAT(waiting(), IsEmpty());
  EXPECT_EQ(code_of(commit(take(bob, 1, 1))), ErrorCode::not_found);
  EXPECT_EQ(store().last_record(bob).value()->seq, 1u);
}

TEST_P(StoreOutbox, of_two_units_of_a_batch_that_take_an_item_the_first_commits) {
  ASSERT_TRUE(send(alice, 0, {"hello"}));
  const std::vector<Unit> units{make_unit(take(bob, 0, 1)), make_unit(take(alice, 1, 1))};
  EXPECT_THAT(codes_of(store().commit(units, default_now)),
              ElementsAre(std::nullopt, ErrorCode::not_found));
}

TEST_P(StoreOutbox, an_item_may_be_taken_in_the_batch_that_sent_it) {
  auto sending = turn(alice, 0);
  sending.sends = {"hello"};
  const std::vector<Unit> units{make_unit(sending), make_unit(take(bob, 0, 1))};
  EXPECT_THAT(codes_of(store().commit(units, default_now)),
              ElementsAre(std::nullopt, std::nullopt));
  EXPECT_THAT(waiting(), IsEmpty());
}

TEST_P(StoreOutbox, a_unit_takes_an_item_only_once) {
  ASSERT_TRUE(send(alice, 0, {"hello"}));
  EXPECT_EQ(code_of(commit(std::vector{take(alice, 1, 1), take(bob, 0, 1)})), ErrorCode::not_found);
  EXPECT_THAT(waiting(), ElementsAre("hello"));
}

TEST_P(StoreOutbox, an_item_that_was_never_sent_is_not_there) {
  EXPECT_EQ(code_of(commit(take(alice, 0, 7))), ErrorCode::not_found);
}

TEST_P(StoreOutbox, housekeeping_sends_and_takes) {
  auto sending = housekeeping(alice, 0);
  sending.sends = {"hello"};
  ASSERT_TRUE(commit(sending));
  auto taking = housekeeping(bob, 0);
  taking.takes = {1};
  ASSERT_TRUE(commit(taking));
  EXPECT_THAT(waiting(), IsEmpty());
}

TEST_P(StoreOutbox, positions_are_never_reused_after_a_restart) {
  ASSERT_TRUE(send(alice, 0, {"gone", "stays"}));
  ASSERT_TRUE(commit(take(bob, 0, 1)));
  reopen();
  EXPECT_THAT(waiting(), ElementsAre("stays"));
  EXPECT_EQ(send(alice, 1, {"new"}).value().first_outbox_position, 3u);
}

TEST_P(StoreOutbox, write_sets_of_one_object_in_a_unit_build_on_one_another) {
  ASSERT_TRUE(commit(std::vector{turn(alice, 0), turn(bob, 0), turn(alice, 1)}));
  EXPECT_EQ(store().last_record(alice).value()->seq, 2u);
  EXPECT_EQ(code_of(commit(std::vector{turn(alice, 2), turn(alice, 2)})),
            ErrorCode::stale_precondition);
  EXPECT_EQ(store().last_record(alice).value()->seq, 2u);
}

class StoreEventRetention : public StoreContract {};

TEST_P(StoreEventRetention, trimmed_events_are_gone_and_the_range_says_so) {
  auto write_set = turn(alice, 0);
  write_set.events = {"1", "2", "3", "4"};
  ASSERT_TRUE(commit(write_set));
  ASSERT_TRUE(store().trim_events(3));
  const auto check = [&] {
    const auto events = store().events(0, 10).value();
    ASSERT_EQ(events.size(), 2u);
    EXPECT_EQ(events[0].position, 3u);
    const auto range = store().event_range().value();
    EXPECT_EQ(range.first, 3u);
    EXPECT_EQ(range.last, 4u);
  };
  check();
  const auto history = store().event_range().value().history;
  EXPECT_FALSE(history.empty());
  reopen();
  check();
  EXPECT_EQ(store().event_range().value().history, history);
}

TEST_P(StoreEventRetention, the_newest_position_stays) {
  auto write_set = turn(alice, 0);
  write_set.events = {"1", "2"};
  ASSERT_TRUE(commit(write_set));
  ASSERT_TRUE(store().trim_events(100));
  EXPECT_EQ(store().event_range().value().first, 2u);
  EXPECT_EQ(store().events(0, 10).value().size(), 1u);
}

TEST_P(StoreEventRetention, dropped_events_leave_a_gap_that_says_what_it_was_told) {
  auto write_set = turn(alice, 0);
  write_set.events = {"1", "2", "3", "4", "5", "6"};
  ASSERT_TRUE(commit(write_set));
  ASSERT_TRUE(store().drop_events({.first = 2, .last = 3, .erased = {2, 3}, .body = "two"}));
  const auto check = [&](const std::vector<std::string>& wanted) {
    std::vector<std::string> found;
    for (const auto& row : store().events(0, 10).value()) {
      found.push_back(std::to_string(row.gap_first) + "-" + std::to_string(row.position) +
                      row.body);
    }
    EXPECT_EQ(found, wanted);
    EXPECT_EQ(store().event_range().value().first, 1u);
  };
  check({"0-11", "2-3two", "0-44", "0-55", "0-66"});
  // The next one takes it in.
  ASSERT_TRUE(store().drop_events({.first = 2, .last = 4, .erased = {3, 4}, .body = "three"}));
  check({"0-11", "2-4three", "0-55", "0-66"});
  EXPECT_EQ(store().events(3, 1).value().front().position, 4u);
  reopen();
  check({"0-11", "2-4three", "0-55", "0-66"});
}

TEST_P(StoreEventRetention, an_empty_log_has_an_empty_range) {
  const auto range = store().event_range().value();
  EXPECT_EQ(range.first, 1u);
  EXPECT_EQ(range.last, 0u);
  ASSERT_TRUE(store().trim_events(5));
}

PERDURE_ON_EACH_STORE(StoreOutbox);
PERDURE_ON_EACH_STORE(StoreEventRetention);

}  // namespace
}  // namespace perdure::storage
