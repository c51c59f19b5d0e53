// SPDX-License-Identifier: Apache-2.0
// Retention: the floor first and durably, then entry versions, then records. A crash in between
// leaves rows that nobody can reach any more. The records among them tell the next trim.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "keys.hpp"
#include "retention.hpp"
#include "rocksdb/store.hpp"

namespace perdure::storage {
namespace {

/// Deletions are written in batches of this many, 100 us each: commits get their turn in between.
constexpr std::uint32_t deletions_per_batch = 32;
/// So many changed keys are collected before their versions are looked at.
constexpr std::size_t keys_at_once_max = 4'096;

bool is_pinned(const std::vector<Seq>& pins, Seq seq) {
  return std::binary_search(pins.begin(), pins.end(), seq);
}

}  // namespace

Result<Trimmed> RocksdbStore::trim(const ObjectId& id, Seq floor, const ChangedKeys& changed_keys) {
  if (!gate_->is_open()) return fail(ErrorCode::unavailable, "writes have stopped");
  PERDURE_TRY(last, read_last_seq(id));
  if (floor > last) {
    return fail(ErrorCode::invalid, fmt::format("the floor {} of {} is above its last seq {}",
                                                floor, to_string(id), last));
  }
  PERDURE_TRY(raised, raise_floor(id, floor));
  if (!raised) return Trimmed{};
  auto trimmed = trim_below(id, *raised, changed_keys);
  if (!trimmed) {
    const std::lock_guard lock{retention_mutex_};
    cleaned_.put(id, 1);
  }
  return trimmed;
}

Result<Trimmed> RocksdbStore::trim_below(const ObjectId& id, const RaisedFloor& raised,
                                         const ChangedKeys& changed_keys) {
  PERDURE_TRY(versions, trim_entries(id, raised, changed_keys));
  PERDURE_TRY(records, trim_records(keys::object_prefix(id), raised));
  return Trimmed{.records = records, .entry_versions = versions};
}

Result<std::optional<RocksdbStore::RaisedFloor>> RocksdbStore::raise_floor(const ObjectId& id,
                                                                           Seq floor) {
  const std::lock_guard lock{retention_mutex_};
  const auto prefix = keys::object_prefix(id);
  PERDURE_TRY(present, floor_at(prefix));
  if (floor < present) return std::optional<RaisedFloor>{};
  PERDURE_TRY(pinned, pins(id, 0, no_bound));
  if (floor > present) {
    rocksdb::WriteBatch batch;
    database().put(batch, rows::Table::meta, keys::floor(prefix), rows::number_content(floor));
    rocksdb::WriteOptions write;
    write.sync = true;
    const auto status = database().write(write, batch);
    if (!status.ok()) {
      auto failed = fail_status("cannot raise a floor; writes have stopped", status);
      gate_->close(status, failed.error);
      return failed;
    }
  }
  RaisedFloor raised{.before = present, .floor = floor, .from = cleaned_.find(id).value_or(1)};
  for (const auto& pin : pinned) {
    if (pin.seq < floor) raised.pins.push_back(pin.seq);
  }
  // Noted before the deletions and under the lock that the pins were read under: a commit that
  // removes one of them takes the note back.
  cleaned_.put(id, floor);
  cleaned_.age();
  return std::optional{std::move(raised)};
}

/// Removes the versions of entries that nobody can see any more, key by key.
class RocksdbStore::EntryTrim {
 public:
  EntryTrim(RocksdbStore& store, std::string prefix, const RaisedFloor& raised)
      : store_(store), prefix_(std::move(prefix)), raised_(raised) {}

  Result<void> all() {
    Scan scan = open();
    for (scan.to_first(); scan.valid();) PERDURE_TRY_VOID(key_here(scan));
    return finish(scan);
  }

  Result<void> changed(const std::set<std::string>& keys) {
    if (keys.empty()) return {};
    Scan scan = open();
    for (const auto& key : keys) {
      // Whatever is above the floor stays.
      const auto entry = keys::entry_prefix(prefix_, key);
      scan.seek(keys::at_seq(entry, raised_.floor));
      if (scan.valid() && entry_of(scan.key()) == entry) PERDURE_TRY_VOID(key_here(scan));
    }
    return finish(scan);
  }

  [[nodiscard]] std::uint64_t removed() const { return removed_; }

 private:
  static std::string_view entry_of(std::string_view row) {
    return row.substr(0, row.size() - keys::seq_bytes);
  }

  /// A scan sees the rows as they are when it begins.
  [[nodiscard]] Scan open() const {
    return Scan{store_.database(), rows::Table::entries, prefix_, prefix_end(prefix_)};
  }

  Result<void> finish(const Scan& scan) {
    PERDURE_TRY_VOID(scan.status());
    return store_.write_deletions(batch_);
  }

  /// The rest of the key that the scan stands in.
  Result<void> key_here(Scan& scan) {
    const std::string entry{entry_of(scan.key())};
    std::vector<EntryVersion> versions;
    for (; scan.valid() && entry_of(scan.key()) == entry; scan.next()) {
      const auto seq = keys::seq_of(scan.key());
      PERDURE_TRY(content, scan.content());
      const auto tombstone = rows::is_tombstone(content);
      if (!seq || !tombstone) return rows::misshapen(rows::Table::entries, scan.key());
      versions.push_back({*seq, *tombstone});
    }
    // All deletions of one key in one batch: a value must not outlive the tombstone over it.
    for (const auto seq : unseen_versions(versions, raised_.floor, raised_.pins)) {
      store_.database().erase(batch_, rows::Table::entries, keys::at_seq(entry, seq));
      ++removed_;
    }
    if (batch_.Count() >= deletions_per_batch) return store_.write_deletions(batch_);
    return {};
  }

  RocksdbStore& store_;
  const std::string prefix_;
  const RaisedFloor& raised_;
  rocksdb::WriteBatch batch_;
  std::uint64_t removed_ = 0;
};

/// A version goes when a later one of its key is at or below the floor. So what the last trim has
/// left to do are the keys that the records since then have changed.
Result<std::uint64_t> RocksdbStore::trim_entries(const ObjectId& id, const RaisedFloor& raised,
                                                 const ChangedKeys& changed_keys) {
  EntryTrim trim{*this, keys::object_prefix(id), raised};
  bool all = !changed_keys;
  std::set<std::string> keys;
  Scan scan{database(), rows::Table::records, keys::at_seq(keys::object_prefix(id), raised.floor),
            keys::at_seq(keys::object_prefix(id), raised.from - 1), Reach::prefix};
  for (scan.to_first(); scan.valid() && !all; scan.next()) {
    const Seq seq = keys::seq_of(scan.key()).value_or(0);
    if (seq < raised.before) {
      // Left by a trim that was cut off, or pinned then and not now: nobody knows what it held.
      all = !is_pinned(raised.pins, seq);
      continue;
    }
    if (seq == raised.before) continue;
    PERDURE_TRY(content, scan.content());
    PERDURE_TRY(changed, changed_keys(id, RecordRow{seq, std::string{content}}));
    keys.insert(std::make_move_iterator(changed.begin()), std::make_move_iterator(changed.end()));
    if (keys.size() >= keys_at_once_max) {
      PERDURE_TRY_VOID(trim.changed(keys));
      keys.clear();
    }
  }
  PERDURE_TRY_VOID(scan.status());
  PERDURE_TRY_VOID(all ? trim.all() : trim.changed(keys));
  return trim.removed();
}

Result<std::uint64_t> RocksdbStore::trim_records(std::string_view prefix,
                                                 const RaisedFloor& raised) {
  std::uint64_t removed = 0;
  if (raised.from >= raised.floor) return removed;
  rocksdb::WriteBatch batch;
  // Point deletions: range deletions of many objects would slow down every read of the memtable.
  Scan scan{database(), rows::Table::records, keys::at_seq(prefix, raised.floor - 1),
            keys::at_seq(prefix, raised.from - 1),  // newest first, so the older one bounds it
            Reach::prefix};
  for (scan.to_first(); scan.valid(); scan.next()) {
    if (is_pinned(raised.pins, keys::seq_of(scan.key()).value_or(0))) continue;
    database().erase(batch, rows::Table::records, scan.key());
    ++removed;
    if (batch.Count() >= deletions_per_batch) PERDURE_TRY_VOID(write_deletions(batch));
  }
  PERDURE_TRY_VOID(scan.status());
  PERDURE_TRY_VOID(write_deletions(batch));
  return removed;
}

Result<void> RocksdbStore::trim_events(std::uint64_t first) {
  if (!gate_->is_open()) return fail(ErrorCode::unavailable, "writes have stopped");
  PERDURE_TRY(range, event_range());
  first = std::min(first, range.last);
  if (first <= range.first) return {};
  // In one batch: nobody sees the events without the mark that says from where they are kept.
  rocksdb::WriteBatch batch;
  database().put(batch, rows::Table::meta, keys::first_event, rows::number_content(first));
  database().erase_range(batch, rows::Table::events, keys::at_position(0),
                         keys::at_position(first));
  return write_deletions(batch);
}

Result<void> RocksdbStore::drop_events(const EventGap& gap) {
  if (!gate_->is_open()) return fail(ErrorCode::unavailable, "writes have stopped");
  // In one batch: nobody sees the events gone without the gap that says so.
  rocksdb::WriteBatch batch;
  for (const auto position : gap.erased) {
    if (position == gap.last) continue;
    database().erase(batch, rows::Table::events, keys::at_position(position));
  }
  database().put(batch, rows::Table::events, keys::at_position(gap.last),
                 rows::gap_content(gap.first, gap.body));
  return write_deletions(batch);
}

Result<std::size_t> RocksdbStore::erase_rows(const RowGroup& group, std::size_t limit) {
  if (!gate_->is_open()) return fail(ErrorCode::unavailable, "writes have stopped");
  auto table = rows::Table::indexes;
  std::string prefix;
  switch (group.sort) {
    case RowGroup::Sort::index: prefix = keys::index_prefix(group.kind, group.name); break;
    case RowGroup::Sort::claims:
      table = rows::Table::claims;
      prefix = keys::claim(group.name, {});
      break;
    case RowGroup::Sort::counts:
      table = rows::Table::meta;
      prefix = keys::count(group.name);
      break;
  }
  // Row by row: a range deletion would slow down all reads of the table until the next flush.
  rocksdb::WriteBatch batch;
  std::size_t erased = 0;
  Scan scan{database(), table, prefix, prefix_end(prefix)};
  for (scan.to_first(); scan.valid() && erased < limit; scan.next()) {
    database().erase(batch, table, scan.key());
    ++erased;
  }
  PERDURE_TRY_VOID(scan.status());
  PERDURE_TRY_VOID(write_deletions(batch));
  return erased;
}

/// Without a sync: a deletion that is lost is repeated by the next trim.
Result<void> RocksdbStore::write_deletions(rocksdb::WriteBatch& batch) {
  if (batch.Count() == 0) return {};
  const auto status = database().write({}, batch);
  if (!status.ok()) {
    auto failed = fail_status("cannot trim; writes have stopped", status);
    gate_->close(status, failed.error);
    return failed;
  }
  batch.Clear();
  return {};
}

}  // namespace perdure::storage
