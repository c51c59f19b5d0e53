// SPDX-License-Identifier: Apache-2.0
// Rows that no store would write, put under a RocksDB store by hand: reads and the check name them.
#include "keys.hpp"
#include "rocksdb/database.hpp"
#include "rocksdb_fixture.hpp"

namespace perdure::storage {
namespace {

using rows::Table;
using testing::Contains;
using testing::HasSubstr;
using testing::SizeIs;

const ObjectId alice{"counter", "alice"};
const std::string prefix = keys::object_prefix(alice);

class RocksdbRows : public RocksdbStoreTest {
 protected:
  RocksdbRows() {
    open();
    for (int i = 0; i < 3; ++i) PERDURE_CHECK(commit(alice).has_value(), "turns commit");
    auto write_set = make_housekeeping(store().epoch(), alice, 3);
    write_set.pins.push_back({1, "first"});
    write_set.alarms.push_back({.name = "wake", .previous_due = {}, .due = at_ms(5), .body = "b"});
    PERDURE_CHECK(commit_one(store(), write_set).has_value(), "housekeeping commits");
    close();
  }

  /// Lets `change` put rows into a batch, and writes it.
  template <class Change>
  void tamper(Change change) {
    const auto tuning = tune(options(), rocksdb::Env::Default());
    const auto database =
        Database::open(path().string(), tuning, Database::Mode::read_write).value();
    rocksdb::WriteBatch batch;
    change(*database, batch);
    ASSERT_TRUE(database->db().Write({}, &batch).ok());
  }
  std::vector<std::string> findings() { return check_rocksdb(path(), {}, {}).value().findings; }
};

TEST_F(RocksdbRows, a_row_at_a_wrong_key_is_corrupt) {
  tamper([](const Database& database, rocksdb::WriteBatch& batch) {
    const auto sealed = rows::checksum(Table::records, keys::at_seq(prefix, 3), "x") + "x";
    batch.Put(database.family(Table::records), keys::at_seq(prefix, 4), sealed);
  });
  EXPECT_THAT(findings(), Contains(HasSubstr("a row of records fails its checksum")));
  open();
  EXPECT_EQ(code_of(store().last_record(alice)), ErrorCode::corrupt);
  EXPECT_TRUE(store().record(alice, 3));
}

TEST_F(RocksdbRows, a_missing_record_is_corrupt_and_not_gone) {
  tamper([](const Database& database, rocksdb::WriteBatch& batch) {
    database.erase(batch, Table::records, keys::at_seq(prefix, 2));
  });
  EXPECT_THAT(findings(), Contains(HasSubstr("lacks its records 2 to 2")));
  open();
  EXPECT_EQ(code_of(store().record(alice, 2)), ErrorCode::corrupt);
}

TEST_F(RocksdbRows, a_missing_pinned_record_is_found) {
  tamper([](const Database& database, rocksdb::WriteBatch& batch) {
    database.put(batch, Table::meta, keys::floor(prefix), rows::number_content(2));
    database.erase(batch, Table::records, keys::at_seq(prefix, 1));
  });
  EXPECT_THAT(findings(), Contains(HasSubstr("lacks its pinned record 1")));
}

TEST_F(RocksdbRows, an_index_row_without_its_object_is_found) {
  tamper([](const Database& database, rocksdb::WriteBatch& batch) {
    database.put(batch, Table::indexes,
                 keys::index_row(keys::index_prefix("counter", "i"), "k", "nobody"), "");
  });
  EXPECT_THAT(findings(), Contains(HasSubstr("an index row names counter:nobody")));
}

TEST_F(RocksdbRows, an_entry_of_a_record_to_come_is_found) {
  tamper([](const Database& database, rocksdb::WriteBatch& batch) {
    database.put(batch, Table::entries, keys::at_seq(keys::entry_prefix(prefix, "page"), 9),
                 rows::entry_content("x"));
  });
  EXPECT_THAT(findings(), Contains(HasSubstr("names record 9, the last one is 3")));
}

TEST_F(RocksdbRows, alarms_that_disagree_are_found) {
  tamper([](const Database& database, rocksdb::WriteBatch& batch) {
    database.erase(batch, Table::due, keys::due(at_ms(5), prefix, "wake"));
    database.put(batch, Table::due, keys::due(at_ms(6), prefix, "wake"), "b");
  });
  EXPECT_THAT(findings(), Contains(HasSubstr("would never fire")));
  EXPECT_THAT(findings(), Contains(HasSubstr("would fire though")));
}

TEST_F(RocksdbRows, a_gap_in_the_event_log_is_found) {
  tamper([](const Database& database, rocksdb::WriteBatch& batch) {
    database.put(batch, Table::events, keys::at_position(2), "event");
  });
  EXPECT_THAT(findings(), Contains(HasSubstr("lacks positions 1 to 1")));
  EXPECT_THAT(findings(), Contains(HasSubstr("the event log ends at 2, not 0")));
}

class RocksdbClaims : public RocksdbStoreTest {
 protected:
  [[nodiscard]] static WriteSet claiming(Store& store, Seq expected_seq, const std::string& key,
                                         Timestamp expires) {
    auto write_set = make_turn(store.epoch(), alice, expected_seq);
    write_set.claims.push_back({.space = "once", .key = key, .value = "v", .expires = expires});
    return write_set;
  }
  std::uint64_t claims_after_compaction(std::int64_t now_ms) {
    auto tuning = tune(options(), rocksdb::Env::Default());
    tuning.clock->store(now_ms);
    const auto database =
        Database::open(path().string(), tuning, Database::Mode::read_write).value();
    PERDURE_CHECK(
        database->db().CompactRange({}, database->family(Table::claims), nullptr, nullptr).ok(),
        "claims compact");
    Scan scan{*database, Table::claims, {}, {}};
    std::uint64_t rows = 0;
    for (scan.to_first(); scan.valid(); scan.next()) ++rows;
    return rows;
  }
};

TEST_F(RocksdbClaims, compaction_drops_expired_ones_and_no_others) {
  open();
  ASSERT_TRUE(commit_one(store(), claiming(store(), 0, "early", at_ms(1'000)), at_ms(1)));
  ASSERT_TRUE(commit_one(store(), claiming(store(), 1, "late", at_ms(2'000)), at_ms(1)));
  close();
  EXPECT_EQ(claims_after_compaction(999), 2u);
  EXPECT_EQ(claims_after_compaction(1'000), 1u);
  open();
  EXPECT_EQ(store().claim({"once", "late"}, at_ms(1'999)).value(), "v");
}

}  // namespace
}  // namespace perdure::storage
