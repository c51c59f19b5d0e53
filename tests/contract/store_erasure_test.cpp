// SPDX-License-Identifier: Apache-2.0
// The end of an object's past.
#include "store_fixture.hpp"

namespace perdure::storage {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const ObjectId book{"notebook", "n1"};
const ObjectId neighbour{"notebook", "n10"};

class StoreErasure : public StoreContract {
 protected:
  /// Three turns of each object, with everything that a turn can write.
  void fill() {
    for (const auto& object : {book, neighbour}) {
      for (Seq seq = 1; seq <= 3; ++seq) {
        auto write_set = turn(object, seq - 1);
        write_set.entries.push_back({"page", std::to_string(seq)});
        if (seq == 1) write_set.entries.push_back({"first", "1"});
        if (seq == 2) {
          write_set.alarms.push_back(
              {.name = "wake", .previous_due = {}, .due = at_ms(7), .body = "b"});
          write_set.pins.push_back({1, "one"});
        }
        ASSERT_EQ(code_of(commit(write_set)), std::nullopt);
      }
    }
  }
  WriteSet ending(const ObjectId& object, Seq expected_seq) {
    auto write_set = turn(object, expected_seq);
    write_set.past = Past::erased;
    return write_set;
  }
  std::vector<Seq> kept(const ObjectId& object) {
    return seqs_of(store().journal(object, 0, newest, Direction::forward, 100).value());
  }
  std::vector<std::string> entries_of(const ObjectId& object, Seq as_of = newest) {
    return texts_of(store().entries(object, {.limit = 10'000}, as_of).value());
  }
  void expect_only(Seq seq) {
    EXPECT_THAT(kept(book), ElementsAre(seq));
    EXPECT_EQ(store().floor(book).value(), seq);
    EXPECT_EQ(code_of(store().record(book, seq - 1)), ErrorCode::gone);
    EXPECT_THAT(entries_of(book), IsEmpty());
    EXPECT_THAT(entries_of(book, seq - 1), IsEmpty());
    EXPECT_EQ(store().entry(book, "page").value(), std::nullopt);
    EXPECT_THAT(store().pins(book).value(), IsEmpty());
    EXPECT_THAT(store().alarms(book).value(), IsEmpty());
  }
};
PERDURE_ON_EACH_STORE(StoreErasure);

TEST_P(StoreErasure, leaves_the_record_that_ends_the_past_and_nothing_else) {
  fill();
  ASSERT_TRUE(commit(ending(book, 3)));
  expect_only(4);
  const auto due = store().alarms_due(at_ms(100), 10).value();
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].object, neighbour);
  EXPECT_THAT(kept(neighbour), ElementsAre(1, 2, 3));
  EXPECT_THAT(entries_of(neighbour), ElementsAre("first=1", "page=3"));
  reopen();
  expect_only(4);
}

TEST_P(StoreErasure, leaves_nothing_of_an_object_with_very_many_rows) {
  Seq seq = 0;
  for (const bool restarts : {false, true}) {
    for (int round = 0; round < 10; ++round) {  // 6,000 rows
      auto write_set = turn(book, seq++);
      for (int i = 0; i < 600; ++i) write_set.entries.push_back({"k" + std::to_string(i), "v"});
      ASSERT_TRUE(commit(write_set));
    }
    ASSERT_TRUE(commit(ending(book, seq++)));
    expect_only(seq);
    if (restarts) reopen();
    auto later = turn(book, seq++);
    later.entries.push_back({"k7", "new"});
    ASSERT_TRUE(commit(later));
    EXPECT_THAT(entries_of(book), ElementsAre("k7=new"));
    EXPECT_EQ(store().entry(book, "k7").value()->value, "new");
    EXPECT_EQ(store().last_record(book).value()->seq, seq);
  }
}

TEST_P(StoreErasure, keeps_what_its_own_turn_and_later_ones_write) {
  fill();
  auto write_set = ending(book, 3);
  write_set.entries.push_back({"page", "again"});
  ASSERT_TRUE(commit(write_set));
  auto later = turn(book, 4);
  later.entries.push_back({"more", "5"});
  ASSERT_TRUE(commit(later));
  EXPECT_THAT(entries_of(book), ElementsAre("more=5", "page=again"));
  EXPECT_EQ(store().trim(book, 5, {}).value().records, 1u);
  EXPECT_THAT(kept(book), ElementsAre(5));
}

TEST_P(StoreErasure, waits_for_the_next_commit_when_the_object_changes_in_this_one) {
  fill();
  auto change = turn(book, 3);
  change.entries.push_back({"late", "4"});
  const std::vector<Unit> units{make_unit(change), make_unit(ending(book, 4))};
  EXPECT_THAT(codes_of(store().commit(units, default_now)),
              ElementsAre(std::nullopt, ErrorCode::stale_precondition));
  ASSERT_TRUE(commit(ending(book, 4)));
  expect_only(5);
}

TEST_P(StoreErasure, is_seen_by_later_units_of_its_commit) {
  fill();
  auto pin = housekeeping(book, 4);
  pin.pins.push_back({2, "two"});
  auto life = turn(book, 4);
  life.entries.push_back({"page", "new"});
  const std::vector<Unit> units{make_unit(ending(book, 3)), make_unit(pin), make_unit(life)};
  EXPECT_THAT(codes_of(store().commit(units, default_now)),
              ElementsAre(std::nullopt, ErrorCode::gone, std::nullopt));
  EXPECT_THAT(entries_of(book), ElementsAre("page=new"));
  EXPECT_THAT(kept(book), ElementsAre(4, 5));
}

}  // namespace
}  // namespace perdure::storage
