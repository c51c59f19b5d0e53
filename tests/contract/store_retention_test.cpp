// SPDX-License-Identifier: Apache-2.0
// Pins, floors and trimming.
#include "store_fixture.hpp"

namespace perdure::storage {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const ObjectId book{"notebook", "n1"};
const ObjectId neighbour{"notebook", "n10"};
constexpr Seq last_seq = 10;

class StoreRetention : public StoreContract {
 protected:
  /// Ten turns: each writes "each", the even ones "even", the fourth erases "short".
  StoreRetention() {
    for (const auto& object : {book, neighbour}) {
      for (Seq seq = 1; seq <= last_seq; ++seq) {
        auto write_set = turn(object, seq - 1);
        write_set.entries.push_back({"each", std::to_string(seq)});
        if (seq % 2 == 0) write_set.entries.push_back({"even", std::to_string(seq)});
        if (seq == 2) write_set.entries.push_back({"short", "2"});
        if (seq == 4) write_set.entries.push_back({"short", std::nullopt});
        PERDURE_CHECK(commit(write_set).has_value(), "the turns of the fixture commit");
      }
    }
  }

  Outcome change_pin(Seq seq, std::optional<std::string> body) {
    auto write_set = housekeeping(book, last_seq);
    write_set.pins.push_back({seq, std::move(body)});
    return commit(write_set);
  }
  /// As the fixture's turns and tests make them.
  static Result<std::vector<std::string>> changed_keys(const ObjectId& /*object*/,
                                                       const RecordRow& row) {
    std::vector<std::string> keys{"each"};
    if (row.seq % 2 == 0) keys.emplace_back("even");
    if (row.seq == 2 || row.seq == 4) keys.emplace_back("short");
    return keys;
  }
  Result<Trimmed> trim(const ObjectId& object, Seq floor) {
    return store().trim(object, floor, changed_keys);
  }
  std::vector<Seq> kept() {
    return seqs_of(store().journal(book, 0, newest, Direction::forward, 100).value());
  }
  std::vector<std::string> as_of(Seq seq) {
    return texts_of(store().entries(book, {}, seq).value());
  }
};
PERDURE_ON_EACH_STORE(StoreRetention);

TEST_P(StoreRetention, an_untrimmed_object_has_floor_one) {
  EXPECT_EQ(store().floor(book).value(), 1u);
  EXPECT_EQ(store().floor({"notebook", "nobody"}).value(), 1u);
}

TEST_P(StoreRetention, pins_are_read_by_seq) {
  ASSERT_TRUE(change_pin(7, "seven"));
  ASSERT_TRUE(change_pin(3, "three"));
  ASSERT_TRUE(change_pin(5, "five"));
  ASSERT_TRUE(change_pin(5, std::nullopt));
  const auto pins = store().pins(book).value();
  ASSERT_EQ(pins.size(), 2u);
  EXPECT_EQ(pins[0].seq, 3u);
  EXPECT_EQ(pins[0].body, "three");
  EXPECT_EQ(pins[1].seq, 7u);
  EXPECT_THAT(store().pins(neighbour).value(), IsEmpty());
  EXPECT_EQ(store().pins(book, 0, 1).value().front().seq, 3u);
  EXPECT_EQ(store().pins(book, 4, 1).value().front().seq, 7u);
  EXPECT_THAT(store().pins(book, 8, 1).value(), IsEmpty());
}

TEST_P(StoreRetention, a_turn_can_pin_its_own_record) {
  auto write_set = turn(book, last_seq);
  write_set.pins.push_back({last_seq + 1, "now"});
  EXPECT_TRUE(commit(write_set));
  EXPECT_EQ(store().pins(book).value()[0].seq, last_seq + 1);
}

TEST_P(StoreRetention, a_pin_of_a_record_to_come_is_refused) {
  EXPECT_EQ(code_of(change_pin(last_seq + 1, "later")), ErrorCode::invalid);
  EXPECT_THAT(store().pins(book).value(), IsEmpty());
}

TEST_P(StoreRetention, trim_removes_records_below_the_floor) {
  const auto trimmed = trim(book, 8).value();
  EXPECT_EQ(trimmed.records, 7u);
  EXPECT_EQ(store().floor(book).value(), 8u);
  EXPECT_THAT(kept(), ElementsAre(8, 9, 10));
  EXPECT_EQ(code_of(store().record(book, 7)), ErrorCode::gone);
  EXPECT_EQ(code_of(store().record(book, 11)), ErrorCode::not_found);
  EXPECT_TRUE(store().record(book, 8));
  EXPECT_EQ(store().last_record(book).value()->seq, last_seq);
}

TEST_P(StoreRetention, trim_leaves_neighbours_alone) {
  ASSERT_TRUE(trim(book, 8));
  EXPECT_EQ(store().journal(neighbour, 0, newest, Direction::forward, 100).value().size(), 10u);
  EXPECT_EQ(store().entry(neighbour, "each", 1).value()->value, "1");
}

TEST_P(StoreRetention, trim_keeps_what_the_floor_and_later_seqs_see) {
  std::vector<std::vector<std::string>> before;
  for (Seq seq = 7; seq <= last_seq; ++seq) before.push_back(as_of(seq));
  // each: 1 to 6; even: 2 and 4; short: the value and its tombstone
  EXPECT_EQ(trim(book, 7).value().entry_versions, 6u + 2u + 2u);
  for (Seq seq = 7; seq <= last_seq; ++seq) EXPECT_EQ(as_of(seq), before[seq - 7]);
}

TEST_P(StoreRetention, the_journal_passes_over_what_was_trimmed_both_ways) {
  ASSERT_TRUE(change_pin(2, "two"));
  ASSERT_TRUE(change_pin(5, "five"));
  ASSERT_TRUE(trim(book, 9));
  const std::vector<Seq> all{2, 5, 9, 10};
  for (std::size_t limit = 1; limit <= all.size() + 1; ++limit) {
    for (Seq from = 0; from <= last_seq; ++from) {
      const auto first = std::ranges::lower_bound(all, from);
      const auto count = std::min<std::size_t>(limit, static_cast<std::size_t>(all.end() - first));
      const std::vector<Seq> lowest{first, first + static_cast<std::ptrdiff_t>(count)};
      EXPECT_EQ(seqs_of(store().journal(book, from, newest, Direction::forward, limit).value()),
                lowest)
          << from << " " << limit;
      const std::vector<Seq> highest{all.rbegin(),
                                     all.rbegin() + static_cast<std::ptrdiff_t>(count)};
      EXPECT_EQ(seqs_of(store().journal(book, from, newest, Direction::backward, limit).value()),
                highest)
          << from << " " << limit;
    }
  }
  EXPECT_THAT(store().journal(book, 6, 8, Direction::forward, 10).value(), IsEmpty());
  EXPECT_THAT(store().journal(book, 6, 5, Direction::backward, 10).value(), IsEmpty());
}

TEST_P(StoreRetention, trim_keeps_pinned_records_and_what_they_saw) {
  const auto third = as_of(3);
  ASSERT_TRUE(change_pin(3, "three"));
  const auto trimmed = trim(book, 8).value();
  EXPECT_EQ(trimmed.records, 6u);
  EXPECT_THAT(kept(), ElementsAre(3, 8, 9, 10));
  EXPECT_TRUE(store().record(book, 3));
  EXPECT_EQ(code_of(store().record(book, 4)), ErrorCode::gone);
  EXPECT_EQ(as_of(3), third);
  EXPECT_THAT(third, ElementsAre("each=3", "even=2", "short=2"));
  EXPECT_THAT(as_of(8), ElementsAre("each=8", "even=8"));
}

TEST_P(StoreRetention, trim_goes_on_where_a_pin_was_removed) {
  ASSERT_TRUE(change_pin(3, "three"));
  ASSERT_TRUE(trim(book, 8));
  ASSERT_TRUE(change_pin(3, std::nullopt));
  const auto trimmed = trim(book, 8).value();
  EXPECT_EQ(trimmed.records, 1u);
  EXPECT_EQ(trimmed.entry_versions, 4u);  // each, even, short and the tombstone over it
  EXPECT_THAT(kept(), ElementsAre(8, 9, 10));
}

TEST_P(StoreRetention, trim_after_a_restart_finds_what_a_removed_pin_held) {
  ASSERT_TRUE(change_pin(3, "three"));
  ASSERT_TRUE(trim(book, 6));
  ASSERT_TRUE(change_pin(3, std::nullopt));
  reopen();
  const auto trimmed = trim(book, 8).value();
  EXPECT_EQ(trimmed.records, 3u);
  // of the pin: each, even, short and the tombstone over it; since then: each twice, even once
  EXPECT_EQ(trimmed.entry_versions, 4u + 2u + 1u);
  EXPECT_THAT(as_of(8), ElementsAre("each=8", "even=8"));
}

TEST_P(StoreRetention, trim_without_the_changed_keys_removes_the_same) {
  const auto with = trim(book, 7).value();
  const auto without = store().trim(neighbour, 7, {}).value();
  EXPECT_EQ(with.records, without.records);
  EXPECT_EQ(with.entry_versions, without.entry_versions);
}

TEST_P(StoreRetention, trim_twice_does_nothing_more) {
  ASSERT_TRUE(trim(book, 8));
  const auto again = trim(book, 8).value();
  EXPECT_EQ(again.records, 0u);
  EXPECT_EQ(again.entry_versions, 0u);
}

TEST_P(StoreRetention, a_floor_does_not_sink) {
  ASSERT_TRUE(trim(book, 8));
  EXPECT_EQ(trim(book, 5).value().records, 0u);
  EXPECT_EQ(store().floor(book).value(), 8u);
}

TEST_P(StoreRetention, a_floor_above_the_last_record_is_invalid) {
  EXPECT_EQ(code_of(trim(book, last_seq + 1)), ErrorCode::invalid);
  EXPECT_EQ(code_of(trim({"notebook", "nobody"}, 1)), ErrorCode::invalid);
  EXPECT_EQ(store().floor(book).value(), 1u);
  EXPECT_EQ(trim(book, last_seq).value().records, last_seq - 1);
}

TEST_P(StoreRetention, a_pin_below_the_floor_is_gone) {
  ASSERT_TRUE(trim(book, 8));
  EXPECT_EQ(code_of(change_pin(7, "seven")), ErrorCode::gone);
  EXPECT_TRUE(change_pin(8, "eight"));
  EXPECT_THAT(store().pins(book).value(), testing::SizeIs(1));
}

TEST_P(StoreRetention, turns_go_on_after_a_trim) {
  ASSERT_TRUE(trim(book, last_seq));
  ASSERT_TRUE(commit(turn(book, last_seq)));
  EXPECT_THAT(kept(), ElementsAre(10, 11));
}

TEST_P(StoreRetention, floor_and_pins_survive_a_restart) {
  ASSERT_TRUE(change_pin(3, "three"));
  ASSERT_TRUE(trim(book, 8));
  reopen();
  EXPECT_EQ(store().floor(book).value(), 8u);
  EXPECT_EQ(store().pins(book).value()[0].body, "three");
  EXPECT_EQ(code_of(store().record(book, 7)), ErrorCode::gone);
  EXPECT_THAT(kept(), ElementsAre(3, 8, 9, 10));
}

}  // namespace
}  // namespace perdure::storage
