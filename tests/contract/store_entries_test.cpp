// SPDX-License-Identifier: Apache-2.0
// Entries: versions, tombstones, ranges in both directions, reading as of a seq.
#include <algorithm>

#include "store_fixture.hpp"

namespace perdure::storage {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const ObjectId book{"notebook", "n1"};
const ObjectId neighbour{"notebook", "n10"};

class StoreEntries : public StoreContract {
 protected:
  void write(const ObjectId& object, std::vector<EntryChange> entries) {
    auto last = store().last_record(object).value();
    auto write_set = turn(object, last ? last->seq : 0);
    write_set.entries = std::move(entries);
    ASSERT_EQ(code_of(commit(write_set)), std::nullopt);
  }
  std::vector<std::string> read(KeyRange range = {}, Seq as_of = newest) {
    return texts_of(store().entries(book, range, as_of).value());
  }
};
PERDURE_ON_EACH_STORE(StoreEntries);

TEST_P(StoreEntries, the_newest_version_is_read) {
  write(book, {{"a", "1"}});
  write(book, {{"a", "2"}});
  const auto row = store().entry(book, "a").value();
  ASSERT_TRUE(row);
  EXPECT_EQ(row->key, "a");
  EXPECT_EQ(row->value, "2");
  EXPECT_EQ(row->seq, 2u);
}

TEST_P(StoreEntries, a_key_that_was_never_written_is_absent) {
  write(book, {{"ab", "1"}});
  EXPECT_FALSE(store().entry(book, "a").value());
  EXPECT_FALSE(store().entry(book, "abc").value());
  EXPECT_FALSE(store().entry(neighbour, "ab").value());
}

TEST_P(StoreEntries, an_earlier_version_is_read_as_of_its_seq) {
  write(book, {{"a", "1"}});
  write(book, {{"b", "1"}});
  write(book, {{"a", "3"}});
  EXPECT_FALSE(store().entry(book, "a", 0).value());
  EXPECT_EQ(store().entry(book, "a", 1).value()->value, "1");
  EXPECT_EQ(store().entry(book, "a", 2).value()->value, "1");
  EXPECT_EQ(store().entry(book, "a", 3).value()->value, "3");
  EXPECT_EQ(store().entry(book, "a", 99).value()->value, "3");
}

TEST_P(StoreEntries, a_tombstone_hides_what_was_before_it) {
  write(book, {{"a", "1"}});
  write(book, {{"a", std::nullopt}});
  EXPECT_FALSE(store().entry(book, "a").value());
  EXPECT_THAT(read(), IsEmpty());
  EXPECT_EQ(store().entry(book, "a", 1).value()->value, "1");
  EXPECT_THAT(read({}, 1), ElementsAre("a=1"));
  write(book, {{"a", "3"}});
  EXPECT_EQ(store().entry(book, "a").value()->value, "3");
}

TEST_P(StoreEntries, an_empty_value_is_a_value) {
  write(book, {{"a", ""}});
  ASSERT_TRUE(store().entry(book, "a").value());
  EXPECT_THAT(read(), ElementsAre("a="));
}

TEST_P(StoreEntries, a_read_ends_with_the_row_that_brings_it_to_its_bytes) {
  write(book, {{"a", std::string(9, 'a')}, {"b", std::string(99, 'b')}, {"c", "c"}, {"d", "d"}});
  const auto count = [&](std::size_t bytes_max, Direction direction = Direction::forward) {
    const KeyRange range{.direction = direction, .bytes_max = bytes_max};
    return store().entries(book, range).value().size();
  };
  EXPECT_EQ(count(1), 1u);
  EXPECT_EQ(count(10), 1u);
  EXPECT_EQ(count(11), 2u);
  EXPECT_EQ(count(110), 2u);
  EXPECT_EQ(count(111), 3u);
  EXPECT_EQ(count(5, Direction::backward), 3u);
  EXPECT_EQ(count(no_bound), 4u);
}

TEST_P(StoreEntries, sort_as_bytes_in_both_directions) {
  write(book, {{"b", "1"}, {"a", "2"}, {"a\x01", "3"}, {"ab", "4"}, {"\xFF", "5"}});
  EXPECT_THAT(read(), ElementsAre("a=2", "a\x01=3", "ab=4", "b=1", "\xFF=5"));
  EXPECT_THAT(read({.direction = Direction::backward}),
              ElementsAre("\xFF=5", "b=1", "ab=4", "a\x01=3", "a=2"));
}

TEST_P(StoreEntries, a_range_takes_its_start_and_leaves_its_end) {
  write(book, {{"a", "1"}, {"b", "2"}, {"ba", "3"}, {"c", "4"}});
  EXPECT_THAT(read({.from = "b", .until = "c"}), ElementsAre("b=2", "ba=3"));
  EXPECT_THAT(read({.from = "b", .until = "c", .direction = Direction::backward}),
              ElementsAre("ba=3", "b=2"));
  EXPECT_THAT(read({.from = "bb"}), ElementsAre("c=4"));
  EXPECT_THAT(read({.until = "b"}), ElementsAre("a=1"));
  EXPECT_THAT(read({.from = "c", .until = "b"}), IsEmpty());
  EXPECT_THAT(read({.from = "b", .until = prefix_end("b")}), ElementsAre("b=2", "ba=3"));
}

TEST_P(StoreEntries, a_limit_counts_live_rows_from_either_end) {
  write(book, {{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}});
  write(book, {{"a", std::nullopt}, {"d", std::nullopt}});
  EXPECT_THAT(read({.limit = 1}), ElementsAre("b=2"));
  EXPECT_THAT(read({.direction = Direction::backward, .limit = 1}), ElementsAre("c=3"));
  EXPECT_THAT(read({.limit = 0}), IsEmpty());
}

TEST_P(StoreEntries, belong_to_one_object) {
  write(book, {{"a", "1"}});
  write(neighbour, {{"a", "other"}, {"b", "other"}});
  EXPECT_THAT(read(), ElementsAre("a=1"));
  EXPECT_THAT(read({.direction = Direction::backward}), ElementsAre("a=1"));
}

/// Keys whose number of versions lies below, at and above what readers step over one by one.
TEST_P(StoreEntries, ranges_as_of_any_seq_agree_however_many_versions_there_are) {
  constexpr Seq turns = 40;
  for (Seq seq = 1; seq <= turns; ++seq) {
    std::vector<EntryChange> changes{{"always", std::to_string(seq)}};
    if (seq % 10 == 0) changes.push_back({"tenth", std::to_string(seq)});
    if (seq == 7) changes.push_back({"once", std::to_string(seq)});
    if (seq % 8 == 0) changes.push_back({"zigzag", std::to_string(seq)});
    if (seq % 8 == 4) changes.push_back({"zigzag", std::nullopt});
    write(book, changes);
  }
  for (Seq as_of = 0; as_of <= turns; ++as_of) {
    std::vector<std::string> expected;
    if (as_of >= 1) expected.push_back("always=" + std::to_string(as_of));
    if (as_of >= 7) expected.push_back("once=7");
    if (as_of >= 10) expected.push_back("tenth=" + std::to_string(as_of / 10 * 10));
    if (as_of >= 8 && as_of % 8 < 4) {
      expected.push_back("zigzag=" + std::to_string(as_of / 8 * 8));
    }
    EXPECT_EQ(read({}, as_of), expected) << "as of " << as_of;
    std::reverse(expected.begin(), expected.end());
    EXPECT_EQ(read({.direction = Direction::backward}, as_of), expected) << "as of " << as_of;
  }
}

TEST_P(StoreEntries, survive_a_restart) {
  write(book, {{"a", "1"}, {"b", "2"}});
  write(book, {{"a", std::nullopt}});
  reopen();
  EXPECT_THAT(read(), ElementsAre("b=2"));
  EXPECT_THAT(read({}, 1), SizeIs(2));
}

TEST_P(StoreEntries, a_walk_notes_where_it_finds_nothing) {
  for (char letter = 'b'; letter < 'z'; ++letter) write(book, {{{letter}, "1"}});
  for (char letter = 'b'; letter < 'z'; ++letter) {
    if (letter != 'c') write(book, {{{letter}, std::nullopt}});
  }
  write(book, {{"x", "2"}});
  Gaps gaps;
  const auto found = store().entries(book, {.from = "a", .until = "zz"}, newest, &gaps).value();
  EXPECT_THAT(texts_of(found), ElementsAre("c=1", "x=2"));
  EXPECT_EQ(gaps.end_at("a"), "c") << "before the first";
  EXPECT_EQ(gaps.end_at("d"), "x") << "between two, where much was erased";
  EXPECT_EQ(gaps.end_at("y"), "zz") << "behind the last";
  EXPECT_FALSE(gaps.end_at("c"));
  EXPECT_FALSE(gaps.end_at("x"));
}

TEST_P(StoreEntries, a_walk_that_ends_at_its_limit_knows_nothing_of_what_is_behind) {
  write(book, {{"b", "1"}, {"d", "2"}, {"f", "3"}});
  Gaps gaps;
  const KeyRange first{.from = "a", .until = "z", .limit = 2};
  EXPECT_THAT(store().entries(book, first, newest, &gaps).value(), SizeIs(2));
  EXPECT_FALSE(gaps.end_at("e"));
  EXPECT_FALSE(gaps.end_at("c")) << "nothing was stepped over there";
  EXPECT_EQ(gaps.end_at("a"), "b");
}

TEST_P(StoreEntries, a_walk_leaps_over_gaps) {
  write(book, {{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}, {"e", "5"}});
  // False ones, so that leaping can be seen.
  Gaps gaps;
  gaps.note("a", "b");
  gaps.note("c", "e");
  const auto texts = [&](Direction direction) {
    return texts_of(
        store().entries(book, {.from = "a", .direction = direction}, newest, &gaps).value());
  };
  EXPECT_THAT(texts(Direction::forward), ElementsAre("b=2", "e=5"));
  EXPECT_THAT(texts(Direction::backward), SizeIs(5)) << "backward, gaps are not looked at";
}

}  // namespace
}  // namespace perdure::storage
