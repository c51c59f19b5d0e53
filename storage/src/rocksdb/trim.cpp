// SPDX-License-Identifier: Apache-2.0
// Retention: the floor first and durably, then the deletions. A crash in between leaves rows that
// nobody can reach any more; the next trim removes them.
#include <fmt/format.h>

#include "keys.hpp"
#include "retention.hpp"
#include "rocksdb/store.hpp"

namespace perdure::storage {
namespace {

/// Deletions are written in batches of this many: commits get their turn in between.
constexpr std::uint32_t deletions_per_batch = 256;

}  // namespace

Result<Trimmed> RocksdbStore::trim(const ObjectId& id, Seq floor) {
  if (!gate_->is_open()) return fail(ErrorCode::unavailable, "writes have stopped");
  PERDURE_TRY(last, read_last_seq(id));
  if (floor > last) {
    return fail(ErrorCode::invalid, fmt::format("the floor {} of {} is above its last seq {}",
                                                floor, to_string(id), last));
  }
  PERDURE_TRY(raised, raise_floor(id, floor));
  if (!raised) return Trimmed{};
  const auto prefix = keys::object_prefix(id);
  PERDURE_TRY(records, trim_records(prefix, raised->from, floor, raised->pins));
  PERDURE_TRY(versions, trim_entries(prefix, floor, raised->pins));
  return Trimmed{.records = records, .entry_versions = versions};
}

Result<std::optional<RocksdbStore::RaisedFloor>> RocksdbStore::raise_floor(const ObjectId& id,
                                                                           Seq floor) {
  const std::lock_guard lock{retention_mutex_};
  const auto prefix = keys::object_prefix(id);
  PERDURE_TRY(present, floor_at(prefix));
  if (floor < present) return std::optional<RaisedFloor>{};
  PERDURE_TRY(pinned, pins(id));
  if (floor > present) {
    rocksdb::WriteBatch batch;
    database().put(batch, rows::Table::meta, keys::floor(prefix), rows::number_content(floor));
    rocksdb::WriteOptions write;
    write.sync = true;
    const auto status = database().db().Write(write, &batch);
    if (!status.ok()) {
      auto failed = fail_status("cannot raise a floor; writes have stopped", status);
      gate_->close(status, failed.error);
      return failed;
    }
  }
  RaisedFloor raised{.from = cleaned_.find(id).value_or(1)};
  for (const auto& pin : pinned) {
    if (pin.seq < floor) raised.pins.insert(pin.seq);
  }
  // Noted before the deletions and under the lock that the pins were read under: a commit that
  // removes one of them takes the note back.
  cleaned_.put(id, floor);
  cleaned_.age();
  return std::optional{std::move(raised)};
}

Result<std::uint64_t> RocksdbStore::trim_records(std::string_view prefix, Seq from, Seq floor,
                                                 const std::set<Seq>& pins) {
  std::uint64_t removed = 0;
  if (from >= floor) return removed;
  rocksdb::WriteBatch batch;
  // Point deletions: range deletions of many objects would slow down every read of the memtable.
  Scan scan{database(), rows::Table::records, keys::at_seq(prefix, floor - 1),
            keys::at_seq(prefix, from - 1)};  // newest first, so the older one bounds it
  for (scan.to_first(); scan.valid(); scan.next()) {
    if (pins.contains(keys::seq_of(scan.key()).value_or(0))) continue;
    database().erase(batch, rows::Table::records, scan.key());
    ++removed;
    if (batch.Count() >= deletions_per_batch) PERDURE_TRY_VOID(write_deletions(batch));
  }
  PERDURE_TRY_VOID(scan.status());
  PERDURE_TRY_VOID(write_deletions(batch));
  return removed;
}

Result<std::uint64_t> RocksdbStore::trim_entries(std::string_view prefix, Seq floor,
                                                 const std::set<Seq>& pins) {
  const std::vector<Seq> seen_below{pins.begin(), pins.end()};
  std::uint64_t removed = 0;
  rocksdb::WriteBatch batch;
  std::string entry;  // whose versions are being collected
  std::vector<EntryVersion> versions;
  const auto drop_unseen = [&] {
    // All deletions of one key in one batch: a value must not outlive the tombstone over it.
    for (const auto seq : unseen_versions(versions, floor, seen_below)) {
      database().erase(batch, rows::Table::entries, keys::at_seq(entry, seq));
      ++removed;
    }
    versions.clear();
  };
  Scan scan{database(), rows::Table::entries, std::string{prefix}, prefix_end(std::string{prefix})};
  for (scan.to_first(); scan.valid(); scan.next()) {
    const auto row = scan.key();
    const auto seq = keys::seq_of(row);
    PERDURE_TRY(content, scan.content());
    const auto tombstone = rows::is_tombstone(content);
    if (!seq || !tombstone) return rows::misshapen(rows::Table::entries, row);
    const auto key = row.substr(0, row.size() - keys::seq_bytes);
    if (key != entry) {
      drop_unseen();
      if (batch.Count() >= deletions_per_batch) PERDURE_TRY_VOID(write_deletions(batch));
      entry.assign(key);
    }
    versions.push_back({*seq, *tombstone});
  }
  PERDURE_TRY_VOID(scan.status());
  drop_unseen();
  PERDURE_TRY_VOID(write_deletions(batch));
  return removed;
}

/// Without a sync: a deletion that is lost is repeated by the next trim.
Result<void> RocksdbStore::write_deletions(rocksdb::WriteBatch& batch) {
  if (batch.Count() == 0) return {};
  const auto status = database().db().Write({}, &batch);
  if (!status.ok()) {
    auto failed = fail_status("cannot trim; writes have stopped", status);
    gate_->close(status, failed.error);
    return failed;
  }
  batch.Clear();
  return {};
}

}  // namespace perdure::storage
