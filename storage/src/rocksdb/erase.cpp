// SPDX-License-Identifier: Apache-2.0
// The end of an object's past: deletions of all its rows, in the batch that commits the end.
#include "keys.hpp"
#include "rocksdb/store.hpp"

namespace perdure::storage {
namespace {

/// Up to so many rows of a table are deleted one by one. More go as one range: a range deletion in
/// the memtable slows down all reads until the next flush, so few objects should need one.
constexpr std::size_t point_deletions_max = 4'096;

}  // namespace

/// Errors  corrupt, unavailable: a row cannot be read; nothing of the unit is in the batch then.
Result<void> RocksdbStore::append_erasures(const Unit& unit) {
  batch_.SetSavePoint();
  for (const auto& write_set : unit.write_sets) {
    if (write_set.past == Past::kept) continue;
    if (auto erased = append_erasure(write_set); !erased) {
      const auto status = batch_.RollbackToSavePoint();
      PERDURE_CHECK(status.ok(), "the save point was set above");
      return erased;
    }
  }
  const auto status = batch_.PopSavePoint();
  PERDURE_CHECK(status.ok(), "the save point was set above");
  return {};
}

Result<void> RocksdbStore::append_erasure(const WriteSet& write_set) {
  const auto prefix = keys::object_prefix(write_set.object);
  PERDURE_TRY_VOID(append_due_erasures(prefix));
  for (const auto table :
       {rows::Table::records, rows::Table::entries, rows::Table::pins, rows::Table::alarms}) {
    PERDURE_TRY_VOID(append_table_erasure(table, prefix));
  }
  const Seq floor = write_set.expected_seq + 1;
  database().put(batch_, rows::Table::meta, keys::floor(prefix), rows::number_content(floor));
  cleaned_.put(write_set.object, floor);
  return {};
}

Result<void> RocksdbStore::append_table_erasure(rows::Table table, const std::string& prefix) {
  const auto end = prefix_end(prefix);
  const bool is_hashed = table == rows::Table::records;
  Scan scan{database(), table, is_hashed ? keys::at_seq(prefix, newest) : prefix, end,
            is_hashed ? Reach::prefix : Reach::table};
  std::size_t count = 0;
  for (scan.to_first(); scan.valid(); scan.next()) {
    if (++count > point_deletions_max) {
      database().erase_range(batch_, table, prefix, end);
      return {};
    }
    database().erase(batch_, table, scan.key());
  }
  return scan.status();
}

/// The rows by due time, which do not stand under the object's name.
Result<void> RocksdbStore::append_due_erasures(const std::string& prefix) {
  Scan scan{database(), rows::Table::alarms, prefix, prefix_end(prefix)};
  for (scan.to_first(); scan.valid(); scan.next()) {
    PERDURE_TRY(content, scan.content());
    const auto alarm = rows::parse_alarm(content);
    if (!alarm) return rows::misshapen(rows::Table::alarms, scan.key());
    database().erase(batch_, rows::Table::due,
                     keys::due(alarm->due, prefix, scan.key().substr(prefix.size())));
  }
  return scan.status();
}

}  // namespace perdure::storage
