// SPDX-License-Identifier: Apache-2.0
// An open RocksDB with its tables (column families), and the few ways in which rows are read from
// it and put into a batch. Owns the RocksDB handles.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "perdure/base/thread_sanitizer.hpp"
#include "rocksdb/options.hpp"
#include "rows.hpp"

#ifdef PERDURE_THREAD_SANITIZER
#include <mutex>
#endif

namespace perdure::storage {

/// Corruption becomes `corrupt`, everything else `unavailable`.
[[nodiscard]] Unexpected fail_status(std::string_view what, const rocksdb::Status& status);

[[nodiscard]] inline std::string_view view(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}
[[nodiscard]] inline rocksdb::Slice slice(std::string_view text) {
  return {text.data(), text.size()};
}

/// Threads  any, as RocksDB itself.
class Database {
 public:
  enum class Mode { read_write, read_only };
  [[nodiscard]] static Result<std::unique_ptr<Database>> open(const std::string& directory,
                                                              const Tuning& tuning, Mode mode);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  [[nodiscard]] rocksdb::DB& db() const { return *db_; }
  [[nodiscard]] rocksdb::ColumnFamilyHandle* family(rows::Table table) const;

  /// The verified content of one row, or none.
  [[nodiscard]] Result<std::optional<std::string>> get(rows::Table table, std::string_view key,
                                                       const rocksdb::Snapshot* at = nullptr) const;

  /// An iterator over a table. All reads of several rows begin here.
  ///
  /// RocksDB 7.8 can lose an error: where an iterator heeds range deletions and cannot read a block
  /// of a lower level, it goes on in the next file as if the rest of this one was empty. So they
  /// are heeded only where there may be some that count (never for events: nobody reads those
  /// below the first that is kept).
  [[nodiscard]] std::unique_ptr<rocksdb::Iterator> iterate(rocksdb::ReadOptions options,
                                                           rows::Table table) const;

  /// As get, for several keys of one table, now.
  [[nodiscard]] std::vector<Result<std::optional<std::string>>> get_all(
      rows::Table table, std::span<const std::string> keys) const;

  /// An iterator for one lookup of an object's newest record, now: refreshed or new.
  [[nodiscard]] IdleIterators::Lookup begin_lookup() const;
  void end_lookup(IdleIterators::Lookup lookup) const {
    idle_iterators_->give_back(std::move(lookup));
  }
  /// Lets go of what idle iterators keep alive for nothing.
  void tidy() const { idle_iterators_->let_go(); }

  /// Erases all rows from `begin` to before `end`. Says in the batch that it was done.
  void erase_range(rocksdb::WriteBatch& batch, rows::Table table, std::string_view begin,
                   std::string_view end) const;
  /// Says in the batch that makes a store that nothing was erased by range yet.
  void begin_erasing_by_row(rocksdb::WriteBatch& batch) const;

  void put(rocksdb::WriteBatch& batch, rows::Table table, std::string_view key,
           std::string_view content) const;
  void erase(rocksdb::WriteBatch& batch, rows::Table table, std::string_view key) const;

  [[nodiscard]] rocksdb::Status write(const rocksdb::WriteOptions& options,
                                      rocksdb::WriteBatch& batch) const;

 private:
  Database() = default;
#ifdef PERDURE_THREAD_SANITIZER
  mutable std::mutex write_mutex_;
#endif

  std::unique_ptr<rocksdb::DB> db_;
  std::shared_ptr<IdleIterators> idle_iterators_;
  /// Whether any table but that of the events may have range deletions.
  mutable std::atomic<bool> has_range_deletions_{true};
  std::vector<rocksdb::ColumnFamilyHandle*> families_;  ///< in the order of rows::all_tables
};

/// A read position that is released with its scope.
class Snapshot {
 public:
  explicit Snapshot(const Database& database)
      : database_(database), snapshot_(database.db().GetSnapshot()) {}
  ~Snapshot() { database_.db().ReleaseSnapshot(snapshot_); }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;
  [[nodiscard]] const rocksdb::Snapshot* get() const { return snapshot_; }

 private:
  const Database& database_;
  const rocksdb::Snapshot* snapshot_;
};

/// How far a walk goes: within one prefix of its table (see prefixes.hpp), forward only and with
/// `lower` in the prefix; or anywhere. The memtable of `records` is hashed by prefix: a walk over
/// several prefixes has to sort all of it first.
enum class Reach { table, prefix };

/// A walk over the rows of one table with `lower <= key < upper` (empty `upper`: to the end), as
/// the table was when the scan began.
class Scan {
 public:
  Scan(const Database& database, rows::Table table, std::string lower, std::string upper,
       Reach reach = Reach::table, const rocksdb::Snapshot* at = nullptr);
  Scan(const Scan&) = delete;
  Scan& operator=(const Scan&) = delete;

  void to_first() { rows_->SeekToFirst(); }
  void to_last() { rows_->SeekToLast(); }
  void seek(std::string_view key) { rows_->Seek(slice(key)); }
  void seek_for_prev(std::string_view key) { rows_->SeekForPrev(slice(key)); }
  void next() { rows_->Next(); }
  void prev() { rows_->Prev(); }
  void start(Direction direction) {
    if (direction == Direction::forward) {
      to_first();
    } else {
      to_last();
    }
  }
  void step(Direction direction) {
    if (direction == Direction::forward) {
      next();
    } else {
      prev();
    }
  }

  /// False at the end and after an error: ask `status` when a walk is over.
  [[nodiscard]] bool valid() const { return rows_->Valid(); }
  [[nodiscard]] std::string_view key() const { return view(rows_->key()); }
  /// The verified content of the row, borrowed until the next step.
  [[nodiscard]] Result<std::string_view> content() const {
    return rows::unseal(table_, key(), view(rows_->value()));
  }
  [[nodiscard]] Result<void> status() const;

 private:
  const rows::Table table_;
  // RocksDB borrows the bounds as slices for the iterator's whole life.
  const std::string lower_;
  const std::string upper_;
  const rocksdb::Slice lower_slice_;
  const rocksdb::Slice upper_slice_;
  std::unique_ptr<rocksdb::Iterator> rows_;
};

}  // namespace perdure::storage
