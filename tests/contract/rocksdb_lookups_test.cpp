// SPDX-License-Identifier: Apache-2.0
// Iterators that wait for the next lookup: they show the present, and keep nothing alive for long.
#include "keys.hpp"
#include "rocksdb/database.hpp"
#include "rocksdb_fixture.hpp"

namespace perdure::storage {
namespace {

using rows::Table;

const std::string prefix = keys::object_prefix({"counter", "alice"});

class RocksdbLookups : public RocksdbStoreTest {
 protected:
  void put(Seq seq) {
    rocksdb::WriteBatch batch;
    database_->put(batch, Table::records, keys::at_seq(prefix, seq), std::string(1'000, 'x'));
    ASSERT_TRUE(database_->db().Write({}, &batch).ok());
  }
  Seq look_up() {
    auto lookup = database_->begin_lookup();
    lookup.rows->Seek(slice(keys::at_seq(prefix, newest)));
    const Seq seq = lookup.rows->Valid() ? keys::seq_of(view(lookup.rows->key())).value() : 0;
    database_->end_lookup(std::move(lookup));
    return seq;
  }
  void flush() { ASSERT_TRUE(database_->db().Flush({}, database_->family(Table::records)).ok()); }
  /// Of memtables that are flushed and still there.
  std::uint64_t kept_bytes() {
    const auto property = [this](const std::string& name) {
      std::uint64_t value = 0;
      database_->db().GetIntProperty(database_->family(Table::records), name, &value);
      return value;
    };
    return property(rocksdb::DB::Properties::kSizeAllMemTables) -
           property(rocksdb::DB::Properties::kCurSizeAllMemTables);
  }

  const Tuning tuning_ = tune(options(), rocksdb::Env::Default());
  std::unique_ptr<Database> database_ =
      Database::open(path().string(), tuning_, Database::Mode::read_write).value();
};

TEST_F(RocksdbLookups, show_what_was_written_since_the_last_one) {
  EXPECT_EQ(look_up(), 0U);
  for (Seq seq = 1; seq <= 5; ++seq) {
    put(seq);
    EXPECT_EQ(look_up(), seq);
    if (seq % 2 == 0) flush();
    EXPECT_EQ(look_up(), seq);
  }
}

TEST_F(RocksdbLookups, keep_no_flushed_memtable_behind_the_next_commit) {
  put(1);
  EXPECT_EQ(look_up(), 1U);
  flush();
  EXPECT_GT(kept_bytes(), 0U) << "the idle iterator has it";
  database_->tidy();
  EXPECT_EQ(kept_bytes(), 0U);
}

TEST_F(RocksdbLookups, heed_range_deletions_from_the_first_one_on) {
  rocksdb::WriteBatch begin;
  database_->begin_erasing_by_row(begin);
  ASSERT_TRUE(database_->db().Write({}, &begin).ok());
  put(1);
  put(2);
  EXPECT_EQ(look_up(), 2U);
  rocksdb::WriteBatch batch;
  database_->erase_range(batch, Table::records, prefix, prefix_end(prefix));
  ASSERT_TRUE(database_->db().Write({}, &batch).ok());
  EXPECT_EQ(look_up(), 0U);
}

}  // namespace
}  // namespace perdure::storage
