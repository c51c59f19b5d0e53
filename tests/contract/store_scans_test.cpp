// SPDX-License-Identifier: Apache-2.0
// The journal, indexes and alarms.
#include "store_fixture.hpp"

namespace perdure::storage {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const ObjectId alice{"task", "alice"};

class StoreJournal : public StoreContract {};
class StoreIndex : public StoreContract {
 protected:
  void put(const std::string& id, const std::string& key, const std::string& index = "by_date") {
    const ObjectId object{"task", id};
    const auto last = store().last_record(object).value();
    auto write_set = turn(object, last ? last->seq : 0);
    write_set.indexes.push_back({IndexChange::Op::put, index, key});
    ASSERT_EQ(code_of(commit(write_set)), std::nullopt);
  }
  std::vector<std::string> read(const KeyRange& range = {},
                                const std::optional<IndexRow>& after = {}) {
    std::vector<std::string> rows;
    for (const auto& row : store().index("task", "by_date", range, after).value()) {
      rows.push_back(row.key + "/" + row.id);
    }
    return rows;
  }
};
class StoreAlarms : public StoreContract {
 protected:
  void set(const ObjectId& object, AlarmChange change) {
    const auto last = store().last_record(object).value();
    auto write_set = housekeeping(object, last ? last->seq : 0);
    write_set.alarms.push_back(std::move(change));
    ASSERT_EQ(code_of(commit(write_set)), std::nullopt);
  }
  std::vector<std::string> due(Timestamp until, std::size_t limit = 100,
                               const std::optional<AlarmPlace>& after = {}) {
    std::vector<std::string> rows;
    for (const auto& row : store().alarms_due(until, limit, after).value()) {
      rows.push_back(row.object.id + "/" + row.name + "@" + std::to_string(to_unix_ms(row.due)));
    }
    return rows;
  }
};
PERDURE_ON_EACH_STORE(StoreJournal);
PERDURE_ON_EACH_STORE(StoreIndex);
PERDURE_ON_EACH_STORE(StoreAlarms);

TEST_P(StoreJournal, reads_a_span_in_both_directions) {
  advance_to(alice, 300);
  advance_to({"task", "alice2"}, 3);
  const auto read = [&](Seq from, Seq until, Direction direction, std::size_t limit) {
    return seqs_of(store().journal(alice, from, until, direction, limit).value());
  };
  EXPECT_THAT(read(254, 257, Direction::forward, 10), ElementsAre(254, 255, 256, 257));
  EXPECT_THAT(read(254, 257, Direction::backward, 10), ElementsAre(257, 256, 255, 254));
  EXPECT_THAT(read(0, newest, Direction::forward, 2), ElementsAre(1, 2));
  EXPECT_THAT(read(0, newest, Direction::backward, 2), ElementsAre(300, 299));
  EXPECT_THAT(read(300, 400, Direction::forward, 10), ElementsAre(300));
  EXPECT_THAT(read(301, 400, Direction::forward, 10), IsEmpty());
  EXPECT_THAT(read(5, 4, Direction::forward, 10), IsEmpty());
  EXPECT_THAT(read(1, 4, Direction::forward, 0), IsEmpty());
}

TEST_P(StoreJournal, gives_each_record_its_own_bytes) {
  advance_to(alice, 3);
  const auto rows = store().journal(alice, 1, 3, Direction::forward, 10).value();
  for (const auto& row : rows) EXPECT_EQ(row.record, record_text(alice, row.seq));
  EXPECT_EQ(store().record(alice, 2).value().record, record_text(alice, 2));
}

TEST_P(StoreJournal, a_record_above_the_last_is_not_found) {
  advance_to(alice, 2);
  EXPECT_EQ(code_of(store().record(alice, 3)), ErrorCode::not_found);
  EXPECT_EQ(code_of(store().record(alice, 0)), ErrorCode::not_found);
  EXPECT_EQ(code_of(store().record({"task", "nobody"}, 1)), ErrorCode::not_found);
}

TEST_P(StoreIndex, sorts_by_key_and_then_by_id) {
  put("b", "k2");
  put("c", "k1");
  put("a", "k2");
  put("ab", "k2");
  put("d", "k0", "by_name");
  EXPECT_THAT(read(), ElementsAre("k1/c", "k2/a", "k2/ab", "k2/b"));
  EXPECT_THAT(read({.direction = Direction::backward}),
              ElementsAre("k2/b", "k2/ab", "k2/a", "k1/c"));
}

TEST_P(StoreIndex, bounds_and_limits_its_rows) {
  for (const std::string key : {"k1", "k2", "k3", "k4"}) put("id-" + key, key);
  EXPECT_THAT(read({.from = "k2", .until = "k4"}), ElementsAre("k2/id-k2", "k3/id-k3"));
  EXPECT_THAT(read({.from = "k2", .until = "k4", .direction = Direction::backward, .limit = 1}),
              ElementsAre("k3/id-k3"));
  EXPECT_THAT(read({.from = "k4", .until = "k2"}), IsEmpty());
  EXPECT_THAT(read({.limit = 0}), IsEmpty());
}

TEST_P(StoreIndex, goes_on_after_a_row) {
  for (const std::string id : {"a", "b", "c"}) put(id, "k1");
  put("d", "k2");
  EXPECT_THAT(read({}, IndexRow{"k1", "b"}), ElementsAre("k1/c", "k2/d"));
  EXPECT_THAT(read({}, IndexRow{"k1", "bb"}), ElementsAre("k1/c", "k2/d"));
  EXPECT_THAT(read({.direction = Direction::backward}, IndexRow{"k1", "c"}),
              ElementsAre("k1/b", "k1/a"));
  EXPECT_THAT(read({}, IndexRow{"k2", "d"}), IsEmpty());
  EXPECT_THAT(read({.until = "k2"}, IndexRow{"k1", "a"}), ElementsAre("k1/b", "k1/c"));
}

TEST_P(StoreIndex, erased_rows_are_gone) {
  put("a", "k1");
  put("b", "k1");
  auto moved = turn({"task", "a"}, 1);
  moved.indexes.push_back({IndexChange::Op::erase, "by_date", "k1"});
  moved.indexes.push_back({IndexChange::Op::put, "by_date", "k9"});
  ASSERT_TRUE(commit(moved));
  EXPECT_THAT(read(), ElementsAre("k1/b", "k9/a"));
}

TEST_P(StoreAlarms, come_in_the_order_of_their_time) {
  set(alice, {.name = "late", .previous_due = {}, .due = at_ms(300), .body = "l"});
  set({"task", "bob"}, {.name = "soon", .previous_due = {}, .due = at_ms(100), .body = "s"});
  set(alice, {.name = "ancient", .previous_due = {}, .due = at_ms(-5), .body = ""});
  EXPECT_THAT(due(at_ms(299)), ElementsAre("alice/ancient@-5", "bob/soon@100"));
  EXPECT_THAT(due(at_ms(300), 2), ElementsAre("alice/ancient@-5", "bob/soon@100"));
  EXPECT_THAT(due(at_ms(300)), ElementsAre("alice/ancient@-5", "bob/soon@100", "alice/late@300"));
  EXPECT_THAT(due(at_ms(-6)), IsEmpty());
}

TEST_P(StoreAlarms, come_from_behind_a_place_on) {
  for (const auto* name : {"a", "b"}) {
    set(alice, {.name = name, .previous_due = {}, .due = at_ms(100), .body = ""});
  }
  set({"task", "alice2"}, {.name = "a", .previous_due = {}, .due = at_ms(100), .body = ""});
  set(alice, {.name = "late", .previous_due = {}, .due = at_ms(300), .body = ""});
  const auto behind = [&](const AlarmPlace& place) { return due(at_ms(300), 2, place); };
  EXPECT_THAT(behind({Timestamp::min(), {}, ""}), ElementsAre("alice/a@100", "alice/b@100"));
  EXPECT_THAT(behind({at_ms(100), {}, ""}), ElementsAre("alice/a@100", "alice/b@100"));
  EXPECT_THAT(behind({at_ms(100), alice, "a"}), ElementsAre("alice/b@100", "alice2/a@100"));
  EXPECT_THAT(behind({at_ms(100), alice, "aa"}), ElementsAre("alice/b@100", "alice2/a@100"));
  EXPECT_THAT(behind({at_ms(100), {"task", "alice2"}, "a"}), ElementsAre("alice/late@300"));
  EXPECT_THAT(behind({at_ms(300), alice, "late"}), IsEmpty());
  EXPECT_THAT(behind({at_ms(301), {}, ""}), IsEmpty());
}

TEST_P(StoreAlarms, move_and_go) {
  set(alice, {.name = "wake", .previous_due = {}, .due = at_ms(100), .body = "1"});
  set(alice, {.name = "wake", .previous_due = at_ms(100), .due = at_ms(200), .body = "2"});
  EXPECT_THAT(due(at_ms(1'000)), ElementsAre("alice/wake@200"));
  set(alice, {.name = "wake", .previous_due = at_ms(200), .due = at_ms(200), .body = "3"});
  EXPECT_THAT(due(at_ms(1'000)), ElementsAre("alice/wake@200"));
  set(alice, {.name = "wake", .previous_due = at_ms(200), .due = {}, .body = ""});
  EXPECT_THAT(due(at_ms(1'000)), IsEmpty());
  EXPECT_THAT(store().alarms(alice).value(), IsEmpty());
}

TEST_P(StoreAlarms, of_one_object_come_by_name) {
  set(alice, {.name = "b", .previous_due = {}, .due = at_ms(1), .body = "x"});
  set(alice, {.name = "a", .previous_due = {}, .due = at_ms(2), .body = "y"});
  set({"task", "alice2"}, {.name = "c", .previous_due = {}, .due = at_ms(3), .body = ""});
  const auto rows = store().alarms(alice).value();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].name, "a");
  EXPECT_EQ(rows[0].due, at_ms(2));
  EXPECT_EQ(rows[0].body, "y");
  EXPECT_EQ(rows[0].object, alice);
  EXPECT_EQ(rows[1].name, "b");
  const auto names = [&](std::string_view from, std::size_t limit) {
    std::string all;
    for (const auto& row : store().alarms(alice, from, limit).value()) all += row.name;
    return all;
  };
  EXPECT_EQ(names("", 1), "a");
  EXPECT_EQ(names("a", 9), "ab");
  EXPECT_EQ(names("aa", 9), "b");
  EXPECT_EQ(names("c", 9), "");
}

TEST_P(StoreAlarms, of_one_object_are_read_in_pages) {
  for (const char* name : {"a", "ab", "b", "c"}) {
    set(alice, {.name = name, .previous_due = {}, .due = at_ms(1), .body = ""});
  }
  set({"task", "alice2"}, {.name = "d", .previous_due = {}, .due = at_ms(3), .body = ""});
  const auto read = [&](std::string_view from, std::size_t limit) {
    std::vector<std::string> names;
    for (const auto& row : store().alarms(alice, from, limit).value()) names.push_back(row.name);
    return names;
  };
  EXPECT_THAT(read("", 2), ElementsAre("a", "ab"));
  EXPECT_THAT(read(std::string_view{"ab\0", 3}, 2), ElementsAre("b", "c"));
  EXPECT_THAT(read("b", 100), ElementsAre("b", "c"));
  EXPECT_THAT(read("cc", 100), IsEmpty());
}

TEST_P(StoreAlarms, survive_a_restart) {
  set(alice, {.name = "wake", .previous_due = {}, .due = at_ms(100), .body = "1"});
  reopen();
  EXPECT_THAT(due(at_ms(100)), ElementsAre("alice/wake@100"));
}

TEST_P(StoreIndex, a_group_of_rows_is_erased_some_at_a_time_and_no_other_row_is) {
  for (const auto* id : {"a", "b", "c"}) {
    put(id, "k");
    put(id, "k", "by_date2");
  }
  auto claims = housekeeping(alice, 0);
  claims.claims = {{"space", "x", "1"}, {"space", "y", "1"}, {"space2", "x", "1"}};
  claims.counts = {{"list.a", 1}, {"list.b", 1}, {"other", 1}};
  ASSERT_EQ(code_of(commit(claims)), std::nullopt);
  const RowGroup index{.sort = RowGroup::Sort::index, .kind = "task", .name = "by_date"};
  EXPECT_EQ(store().erase_rows(index, 2).value(), 2U);
  EXPECT_EQ(store().erase_rows(index, 2).value(), 1U);
  EXPECT_EQ(store().erase_rows(index, 2).value(), 0U);
  EXPECT_THAT(read(), IsEmpty());
  EXPECT_EQ(store().index("task", "by_date2", {}).value().size(), 3U);
  EXPECT_EQ(store().erase_rows({RowGroup::Sort::claims, {}, "space"}, 9).value(), 2U);
  EXPECT_FALSE(store().claim({"space", "x"}, default_now).value());
  EXPECT_TRUE(store().claim({"space2", "x"}, default_now).value());
  EXPECT_EQ(store().erase_rows({RowGroup::Sort::counts, {}, "list."}, 9).value(), 2U);
  EXPECT_EQ(store().count("list.a").value(), 0U);
  EXPECT_EQ(store().count("other").value(), 1U);
}

TEST_P(StoreIndex, names_the_kinds_that_have_rows) {
  put("a", "k");
  auto other = turn({"t", "x"}, 0);
  other.indexes.push_back({IndexChange::Op::put, "i", "k"});
  ASSERT_EQ(code_of(commit(other)), std::nullopt);
  EXPECT_THAT(store().kinds().value(), ElementsAre("t", "task"));
}

}  // namespace
}  // namespace perdure::storage
