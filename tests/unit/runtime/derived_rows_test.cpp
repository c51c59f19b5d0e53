// SPDX-License-Identifier: Apache-2.0
// Rows as earlier versions wrote them, which noted nothing of what kinds declare.
#include "fixture.hpp"
#include "index_keys.hpp"
#include "perdure/base/unicode.hpp"
#include "perdure/base/utf8.hpp"
#include "perdure/storage/rocksdb_store.hpp"

namespace perdure::runtime {
namespace {

using Op = storage::IndexChange::Op;

constexpr std::size_t earlier_bytes_max = 512;

class DerivedRows : public RuntimeTest {
 protected:
  std::string make(const std::string& id, const std::string& title) {
    value(call("note", id, "create", {{"title", title}, {"tags", Json::array()}}));
    return id;
  }
  /// The row of a title as versions up to 0.1.0 wrote it.
  static std::string row_of(std::string_view text) {
    const auto kind = note_kind();
    return index_prefix(kind.definition().indexes.front(), "") + '\x05' + std::string{text} +
           std::string("\0\1", 2);
  }
  /// Nothing is noted of a kind.
  static storage::Unit forget(const storage::Store& store, const std::string& kind) {
    storage::Unit unit{{{.object = {"$runtime", "kinds"}, .epoch = store.epoch()}}};
    unit.write_sets[0].indexes.push_back({Op::erase, "kinds", kind + '\0'});
    return unit;
  }
  void open_and_wait() {
    open();
    wait_until_built();
  }
  /// Has the store as an older program has left it, as far as `ids` (and their titles) go.
  void make_older(const std::map<std::string, std::string>& titles) {
    runtime_.reset();
    auto store = std::move(*storage::open_rocksdb({.directory = directory_}));
    auto unit = forget(*store, "note");
    const auto kind = note_kind();
    for (const auto& [id, title] : titles) {
      const auto meta = meta_of(*store, id);
      const Json root{{"title", title}, {"tags", Json::array()}};
      const auto whole =
          index_keys(kind.definition(), KindRows{kind.definition()}, {meta, root}, Which::all);
      storage::WriteSet set{.object = {"note", id}, .epoch = store->epoch(), .expected_seq = 1};
      for (const auto& [index, key] : whole) {
        if (index == "title") set.indexes.push_back({Op::erase, index, key});
      }
      set.indexes.push_back({Op::put, "title", row_of(title.substr(0, earlier_bytes_max))});
      unit.write_sets.push_back(std::move(set));
    }
    ASSERT_TRUE(store->commit({&unit, 1}, SystemClock{}.now()).front());
  }
  static ObjectMeta meta_of(const storage::Store& store, const std::string& id) {
    const ObjectId object{"note", id};
    return decode_record(object, *store.last_record(object).value()).value().meta;
  }
  /// Has the store as a program that folded ASCII alone has left it.
  void fold_ascii_alone(const std::map<std::string, std::string>& emails) {
    runtime_.reset();
    auto store = std::move(*storage::open_rocksdb({.directory = directory_}));
    auto unit = forget(*store, "account");
    for (const auto& [id, email] : emails) {
      storage::WriteSet set{.object = {"account", id}, .epoch = store->epoch(), .expected_seq = 1};
      set.releases.push_back({"account.email", fold_case(email)});
      set.claims.push_back({"account.email", fold_ascii_case(email), "account:" + id, {}});
      unit.write_sets.push_back(std::move(set));
    }
    ASSERT_TRUE(store->commit({&unit, 1}, SystemClock{}.now()).front());
  }
  std::string holder(const std::string& email) {
    const auto found = runtime_->holder("account.email", email).value();
    return found ? found->id : "";
  }
  std::vector<std::string> ids_by_title() {
    std::vector<std::string> ids;
    const auto page = runtime_->list({.kind = "note", .index = "title"}).value();
    for (const auto& item : page.items) {
      ids.push_back(item.meta.object().id);
    }
    return ids;
  }

  const std::string long_a = std::string(600, 'x') + "a";
  const std::string long_b = std::string(600, 'x') + "b";
  const std::string composed = "caf\xC3\xA9";
  const std::string decomposed = "cafe\xCC\x81 au lait";
};

TEST_F(DerivedRows, that_an_older_version_wrote_are_as_this_one_writes_them_once_it_has_opened) {
  make("1", long_b);
  make("2", long_a);
  make("3", decomposed);
  make("4", composed);
  const std::vector<std::string> expected{"4", "3", "2", "1"};
  EXPECT_EQ(ids_by_title(), expected);
  make_older({{"1", long_b}, {"2", long_a}, {"3", decomposed}});
  open_and_wait();
  EXPECT_EQ(ids_by_title(), expected);
  restart();
  EXPECT_EQ(ids_by_title(), expected) << "and no row of before is left";
}

TEST_F(DerivedRows, are_made_to_the_end_when_that_was_cut_short) {
  make("1", long_b);
  make("2", long_a);
  make_older({{"1", long_b}});  // the other has its new row already
  open_and_wait();
  EXPECT_EQ(ids_by_title(), (std::vector<std::string>{"2", "1"}));
}

TEST_F(DerivedRows, of_a_damaged_object_hold_up_nobody_elses) {
  make("1", long_b);
  make("2", long_a);
  make_older({{"1", long_b}, {"2", long_a}});
  {
    auto store = std::move(*storage::open_rocksdb({.directory = directory_}));
    storage::Unit unit{{{.object = {"note", "1"},
                         .epoch = store->epoch(),
                         .expected_seq = 1,
                         .record = "no record"}}};
    ASSERT_TRUE(store->commit({&unit, 1}, SystemClock{}.now()).front());
  }
  open_and_wait();
  const auto page = runtime_->list({.kind = "note", .index = "title"});
  ASSERT_TRUE(page);
  ASSERT_EQ(page->items.size(), 1u);
  EXPECT_EQ(page->items[0].meta.object().id, "2");
}

TEST_F(DerivedRows, of_names_in_other_scripts_are_claimed_in_one_case_once_it_has_opened) {
  const std::string upper = "\xC3\x84nne@x.org";
  const std::string lower = "\xC3\xA4nne@x.org";
  value(call("account", "a", "set", Json{{"email", "Ann@x.org"}}));
  value(call("account", "b", "set", Json{{"email", upper}}));
  fold_ascii_alone({{"b", upper}});
  open_and_wait();
  EXPECT_EQ(holder(lower), "b");
  EXPECT_EQ(holder(upper), "") << "and nothing of before is left";
  EXPECT_EQ(holder("ann@x.org"), "a");
  EXPECT_EQ(code(call("account", "c", "set", Json{{"email", lower}})), ErrorCode::conflict);
  value(call("account", "b", "set", Json{{"email", "b@x.org"}}));
  value(call("account", "c", "set", Json{{"email", lower}}));
}

TEST_F(DerivedRows, leave_a_name_that_two_have_to_the_first_and_the_other_in_peace) {
  const std::string upper = "\xC3\x84nne@x.org";
  const std::string lower = "\xC3\xA4nne@x.org";
  value(call("account", "a", "set", Json{{"email", lower}}));
  value(call("account", "b", "set", Json{{"email", "b@x.org"}}));
  {
    runtime_.reset();
    auto store = std::move(*storage::open_rocksdb({.directory = directory_}));
    auto record =
        decode_record({"account", "b"}, *store->last_record({"account", "b"}).value()).value();
    record.root = dump_json({{"email", upper}});
    auto unit = forget(*store, "account");
    storage::WriteSet set{.object = {"account", "b"}, .epoch = store->epoch(), .expected_seq = 1};
    set.record = encode_record(record);
    set.releases.push_back({"account.email", "b@x.org"});
    set.claims.push_back({"account.email", upper, "account:b", {}});
    unit.write_sets.push_back(std::move(set));
    ASSERT_TRUE(store->commit({&unit, 1}, SystemClock{}.now()).front());
  }
  open_and_wait();
  EXPECT_EQ(holder(lower), "a");
  value(call("account", "b", "set", Json{{"n", 1}}));
  value(call("account", "b", "set", Json{{"email", "new@x.org"}}));
  EXPECT_EQ(holder(lower), "a") << "which is not the other's to give up";
}

TEST_F(DerivedRows, that_are_not_those_of_the_states_are_found) {
  make("1", "a");
  make("2", "b");
  value(call("account", "c", "set", Json{{"email", "c@x.org"}}));
  EXPECT_TRUE(runtime_->check_rows().value().findings.empty());
  runtime_.reset();
  {
    auto store = std::move(*storage::open_rocksdb({.directory = directory_}));
    storage::Unit unit{{{.object = {"note", "1"}, .epoch = store->epoch(), .expected_seq = 1}}};
    unit.write_sets[0].indexes.push_back({Op::erase, "title", row_of("a")});
    unit.write_sets[0].indexes.push_back({Op::put, "title", row_of("z")});
    unit.write_sets[0].releases.push_back({"account.email", "c@x.org"});
    ASSERT_TRUE(store->commit({&unit, 1}, SystemClock{}.now()).front());
  }
  open();
  EXPECT_EQ(runtime_->check_rows().value().findings,
            (std::vector<std::string>{"the index title of note has a row of 1 too many",
                                      "the index title of note misses a row of 1",
                                      "the email of account:c is not claimed by it, but by "
                                      "nobody"}));
}

TEST_F(DerivedRows, of_a_new_store_are_as_they_should_be_from_the_start) {
  EXPECT_TRUE(runtime_->builds().empty());
  make("1", "a");
  restart();
  EXPECT_TRUE(runtime_->builds().empty());
}

}  // namespace
}  // namespace perdure::runtime
