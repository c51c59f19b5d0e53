// SPDX-License-Identifier: Apache-2.0
// Commits: fences, expected seqs, dependants, atomic units, event positions.
#include "store_fixture.hpp"

namespace perdure::storage {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const ObjectId alice{"counter", "alice"};
const ObjectId bob{"counter", "bob"};
constexpr std::optional<ErrorCode> committed{};

class StoreCommit : public StoreContract {};
PERDURE_ON_EACH_STORE(StoreCommit);

TEST_P(StoreCommit, makes_the_record_the_last_one) {
  ASSERT_TRUE(commit(turn(alice, 0)));
  ASSERT_TRUE(commit(turn(alice, 1)));
  const auto last = store().last_record(alice).value();
  ASSERT_TRUE(last);
  EXPECT_EQ(last->seq, 2u);
  EXPECT_EQ(last->record, record_text(alice, 2));
}

TEST_P(StoreCommit, an_object_without_records_has_no_last_one) {
  EXPECT_EQ(store().last_record(alice).value(), std::nullopt);
  ASSERT_TRUE(commit(turn({"counter", "alice2"}, 0)));
  EXPECT_EQ(store().last_record(alice).value(), std::nullopt);
  EXPECT_EQ(store().last_record({"counter", "alic"}).value(), std::nullopt);
}

TEST_P(StoreCommit, refuses_another_epoch) {
  auto stale = turn(alice, 0);
  stale.epoch -= 1;
  EXPECT_EQ(code_of(commit(stale)), ErrorCode::stale_epoch);
  stale.epoch += 2;
  EXPECT_EQ(code_of(commit(stale)), ErrorCode::stale_epoch);
  EXPECT_EQ(store().last_record(alice).value(), std::nullopt);
}

TEST_P(StoreCommit, refuses_another_expected_seq) {
  EXPECT_EQ(code_of(commit(turn(alice, 1))), ErrorCode::stale_precondition);
  ASSERT_TRUE(commit(turn(alice, 0)));
  EXPECT_EQ(code_of(commit(turn(alice, 0))), ErrorCode::stale_precondition);
  EXPECT_EQ(code_of(commit(turn(alice, 2))), ErrorCode::stale_precondition);
  EXPECT_EQ(store().last_record(alice).value()->seq, 1u);
}

TEST_P(StoreCommit, later_units_of_a_batch_see_the_earlier_ones) {
  const std::vector<Unit> units{make_unit(turn(alice, 0)), make_unit(turn(alice, 1)),
                                make_unit(turn(bob, 0)), make_unit(turn(alice, 2))};
  EXPECT_THAT(codes_of(store().commit(units, default_now)),
              ElementsAre(committed, committed, committed, committed));
  EXPECT_EQ(store().last_record(alice).value()->seq, 3u);
}

TEST_P(StoreCommit, a_refused_unit_takes_its_dependants_along_and_nobody_else) {
  auto taken = turn(alice, 1);
  taken.claims.push_back({.space = "name", .key = "x", .value = "bob"});
  auto taking = turn(bob, 0);
  taking.claims.push_back({.space = "name", .key = "x", .value = "alice"});
  const std::vector<Unit> units{make_unit(turn(alice, 0)), make_unit(taking), make_unit(taken),
                                make_unit(turn(alice, 2)), make_unit(turn(bob, 1))};
  EXPECT_THAT(codes_of(store().commit(units, default_now)),
              ElementsAre(committed, committed, ErrorCode::conflict, ErrorCode::stale_precondition,
                          committed));
  EXPECT_EQ(store().last_record(alice).value()->seq, 1u);
  EXPECT_EQ(store().last_record(bob).value()->seq, 2u);
}

TEST_P(StoreCommit, a_unit_over_several_objects_is_all_or_nothing) {
  auto first = turn(alice, 0);
  first.entries.push_back({"page", "text"});
  first.indexes.push_back({IndexChange::Op::put, "by_name", "alice"});
  first.events.push_back("event");
  first.alarms.push_back({.name = "wake", .previous_due = {}, .due = at_ms(5), .body = ""});
  first.claims.push_back({.space = "name", .key = "alice", .value = ""});
  EXPECT_EQ(code_of(commit({first, turn(bob, 7)})), ErrorCode::stale_precondition);

  EXPECT_EQ(store().last_record(alice).value(), std::nullopt);
  EXPECT_EQ(store().entry(alice, "page").value().has_value(), false);
  EXPECT_THAT(store().index("counter", "by_name", {}).value(), IsEmpty());
  EXPECT_THAT(store().events(1, 10).value(), IsEmpty());
  EXPECT_THAT(store().alarms(alice).value(), IsEmpty());
  EXPECT_EQ(store().claim({"name", "alice"}, default_now).value(), std::nullopt);

  EXPECT_TRUE(commit({first, turn(bob, 0)}));
  EXPECT_EQ(store().last_record(bob).value()->seq, 1u);
  EXPECT_THAT(store().events(1, 10).value(), SizeIs(1));
}

TEST_P(StoreCommit, a_batch_has_one_commit_number_and_the_next_batch_the_next_one) {
  const std::vector<Unit> units{make_unit(turn(alice, 0)), make_unit(turn(bob, 0))};
  const auto outcomes = store().commit(units, default_now);
  const auto first = outcomes[0].value().commit_number;
  EXPECT_EQ(outcomes[1].value().commit_number, first);
  EXPECT_EQ(commit(turn(alice, 9)).has_value(), false);
  EXPECT_EQ(commit(turn(alice, 1)).value().commit_number, first + 1);
}

TEST_P(StoreCommit, events_get_dense_positions_in_the_order_of_units) {
  auto two_events = turn(alice, 0);
  two_events.events = {"a1", "a2"};
  auto refused = turn(alice, 5);
  refused.events = {"never"};
  auto one_event = turn(bob, 0);
  one_event.events = {"b1"};
  const std::vector<Unit> units{make_unit(two_events), make_unit(refused), make_unit(one_event),
                                make_unit(turn(bob, 1))};
  const auto outcomes = store().commit(units, default_now);
  const auto first = outcomes[0].value().first_event_position;
  EXPECT_GT(first, 0u);
  EXPECT_EQ(outcomes[2].value().first_event_position, first + 2);
  EXPECT_EQ(outcomes[3].value().first_event_position, 0u);

  const auto events = store().events(0, 10).value();
  ASSERT_THAT(events, SizeIs(3));
  EXPECT_EQ(events[0].position, first);
  EXPECT_EQ(events[0].body, "a1");
  EXPECT_EQ(events[2].position, first + 2);
  EXPECT_EQ(events[2].body, "b1");
  EXPECT_EQ(store().events(first + 1, 1).value()[0].body, "a2");
  EXPECT_THAT(store().events(first + 3, 10).value(), IsEmpty());
}

TEST_P(StoreCommit, counts_add_up_and_refuse_a_unit_past_their_most) {
  const auto counting = [&](const ObjectId& object, Seq seq, CountChange change) {
    auto write_set = turn(object, seq);
    write_set.counts.push_back(std::move(change));
    return make_unit(write_set);
  };
  const std::vector<Unit> units{
      counting(alice, 0, {"things", 1, 2}), counting(bob, 0, {"things", 1, 2}),
      counting(alice, 1, {"things", 1, 2}), counting(bob, 1, {"things", -1, 0}),
      counting(alice, 1, {"things", 1, 2}), counting(bob, 2, {"other", 5})};
  EXPECT_THAT(codes_of(store().commit(units, default_now)),
              ElementsAre(committed, committed, ErrorCode::quota_exceeded, committed, committed,
                          committed));
  EXPECT_EQ(store().count("things").value(), 2u);
  EXPECT_EQ(store().count("other").value(), 5u);
  EXPECT_EQ(store().count("nothing").value(), 0u);
  reopen();
  EXPECT_EQ(store().count("things").value(), 2u);
  auto twice = turn(alice, 2);
  twice.counts = {{"other", 1, 6}, {"other", 1, 6}};
  EXPECT_EQ(code_of(commit(twice)), ErrorCode::quota_exceeded);
  auto emptied = housekeeping(alice, 2);
  emptied.counts = {{"other", -9}};
  EXPECT_TRUE(commit(emptied));
  EXPECT_EQ(store().count("other").value(), 0u);
}

TEST_P(StoreCommit, counts_refuse_a_unit_below_their_least) {
  const auto taking = [&](const ObjectId& object, Seq seq) {
    auto write_set = turn(object, seq);
    write_set.counts.push_back({.name = "things", .by = -1, .least = 1});
    return make_unit(write_set);
  };
  auto two = housekeeping(alice, 0);
  two.counts = {{"things", 2}};
  ASSERT_TRUE(commit(two));
  const std::vector<Unit> units{taking(alice, 0), taking(bob, 0)};
  EXPECT_THAT(codes_of(store().commit(units, default_now)),
              ElementsAre(committed, ErrorCode::quota_exceeded));
  EXPECT_EQ(store().count("things").value(), 1u);
  EXPECT_FALSE(store().last_record(bob).value().has_value());
}

TEST_P(StoreCommit, housekeeping_moves_no_seq_but_is_fenced) {
  ASSERT_TRUE(commit(turn(alice, 0)));
  auto alarm = housekeeping(alice, 1);
  alarm.alarms.push_back({.name = "wake", .previous_due = {}, .due = at_ms(9), .body = "b"});
  EXPECT_TRUE(commit(alarm));
  EXPECT_EQ(store().last_record(alice).value()->seq, 1u);
  EXPECT_THAT(store().alarms(alice).value(), SizeIs(1));
  EXPECT_EQ(code_of(commit(housekeeping(alice, 0))), ErrorCode::stale_precondition);
  auto stale = housekeeping(alice, 1);
  stale.epoch -= 1;
  EXPECT_EQ(code_of(commit(stale)), ErrorCode::stale_epoch);
}

TEST_P(StoreCommit, housekeeping_moves_index_rows_of_the_seq_that_it_names) {
  auto made = turn(alice, 0);
  made.indexes.push_back({IndexChange::Op::put, "by_name", "old"});
  ASSERT_TRUE(commit(made));
  auto moved = housekeeping(alice, 1);
  moved.indexes = {{IndexChange::Op::erase, "by_name", "old"},
                   {IndexChange::Op::put, "by_name", "new"}};
  auto stale = moved;
  stale.expected_seq = 0;
  EXPECT_EQ(code_of(commit(stale)), ErrorCode::stale_precondition);
  ASSERT_TRUE(commit(moved));
  reopen();
  const auto rows = store().index(alice.kind, "by_name", {}).value();
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_EQ(rows[0].key, "new");
  EXPECT_EQ(store().last_record(alice).value()->seq, 1u);
}

TEST_P(StoreCommit, what_is_said_of_an_index_row_last_holds) {
  auto first = turn(alice, 0);
  first.indexes = {{IndexChange::Op::put, "by_name", "a", "1"},
                   {IndexChange::Op::put, "by_name", "b", "1"},
                   {IndexChange::Op::erase, "by_name", "b"}};
  auto second = turn(alice, 1);
  second.indexes = {{IndexChange::Op::put, "by_name", "a", "2"},
                    {IndexChange::Op::erase, "by_name", "c"},
                    {IndexChange::Op::put, "by_name", "c", "2"}};
  const std::vector<Unit> units{{{first}}, {{second}}};
  for (const auto& outcome : store().commit(units, Timestamp{})) ASSERT_TRUE(outcome);
  const auto rows = store().index(alice.kind, "by_name", {}).value();
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ(rows[0].key + rows[0].value, "a2");
  EXPECT_EQ(rows[1].key + rows[1].value, "c2");
}

TEST_P(StoreCommit, a_walk_over_an_index_ends_when_its_reader_has_seen_enough) {
  auto made = turn(alice, 0);
  for (const char* key : {"a", "b", "c", "d"}) {
    made.indexes.push_back({IndexChange::Op::put, "by_name", key, "v"});
  }
  ASSERT_TRUE(commit(made));
  std::string seen;
  const auto read = [&](std::string_view key, std::string_view id, std::string_view value) {
    EXPECT_EQ(id, alice.id);
    EXPECT_EQ(value, "v");
    seen += key;
    return key == "c" ? Walk::end : Walk::go_on;
  };
  ASSERT_TRUE(store().walk_index(alice.kind, "by_name", {}, {}, read));
  EXPECT_EQ(seen, "abc");
  seen.clear();
  ASSERT_TRUE(
      store().walk_index(alice.kind, "by_name", {.from = "a", .until = "d", .limit = 1}, {}, read));
  EXPECT_EQ(seen, "a");
  seen.clear();
  const IndexRow after{.key = "c", .id = alice.id};
  ASSERT_TRUE(
      store().walk_index(alice.kind, "by_name", {.direction = Direction::backward}, after, read));
  EXPECT_EQ(seen, "ba");
}

TEST_P(StoreCommit, a_store_without_failures_is_writable) {
  EXPECT_EQ(store().health(), Health::writable);
  ASSERT_TRUE(commit(turn(alice, 0)));
  EXPECT_EQ(store().stats().commits, 1u);
  EXPECT_EQ(store().stats().syncs, 1u);
}

TEST_P(StoreCommit, takes_rows_with_any_bytes) {
  std::string all_bytes;
  for (int byte = 0; byte < 256; ++byte) all_bytes += static_cast<char>(byte);
  auto write_set = turn(alice, 0);
  write_set.record = all_bytes;
  write_set.entries.push_back({"\x01\xFF", all_bytes});
  write_set.claims.push_back({.space = "s", .key = all_bytes, .value = all_bytes});
  ASSERT_TRUE(commit(write_set));
  EXPECT_EQ(store().last_record(alice).value()->record, all_bytes);
  EXPECT_EQ(store().entry(alice, "\x01\xFF").value()->value, all_bytes);
  EXPECT_EQ(store().claim({"s", all_bytes}, default_now).value(), all_bytes);
}

}  // namespace
}  // namespace perdure::storage
