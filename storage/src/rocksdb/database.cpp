// SPDX-License-Identifier: Apache-2.0
#include "rocksdb/database.hpp"

#include <fmt/format.h>
#include <rocksdb/perf_level.h>

#include <iterator>

#include "keys.hpp"
#include "perdure/base/check.hpp"
#include "rocksdb/file.hpp"

namespace perdure::storage {

namespace {

/// RocksDB counts every comparison of keys that a thread makes, for a profile that nobody reads.
void count_nothing() { rocksdb::SetPerfLevel(rocksdb::PerfLevel::kDisable); }

}  // namespace

Unexpected fail_status(std::string_view what, const rocksdb::Status& status) {
  const auto code = status.IsCorruption() ? ErrorCode::corrupt : ErrorCode::unavailable;
  return fail(code, with_bare_names(fmt::format("{}: {}", what, status.ToString())));
}

Result<std::unique_ptr<Database>> Database::open(const std::string& directory, const Tuning& tuning,
                                                 Mode mode) {
  std::unique_ptr<Database> database{new Database};
  database->idle_iterators_ = tuning.idle_iterators;
  rocksdb::DB* opened = nullptr;
  const auto status =
      mode == Mode::read_only
          ? rocksdb::DB::OpenForReadOnly(tuning.database, directory, tuning.families,
                                         &database->families_, &opened)
          : rocksdb::DB::Open(tuning.database, directory, tuning.families, &database->families_,
                              &opened);
  database->db_.reset(opened);
  if (!status.ok()) return fail_status(fmt::format("cannot open {}", directory), status);
  PERDURE_CHECK(database->families_.size() == std::size(rows::all_tables), "a family per table");
  PERDURE_TRY(erased_by_row, database->get(rows::Table::meta, keys::erased_by_row));
  database->has_range_deletions_ = !erased_by_row;
  return database;
}

Database::~Database() {
  if (!db_) return;
  idle_iterators_->close();
  for (auto* family : families_) static_cast<void>(db_->DestroyColumnFamilyHandle(family));
  static_cast<void>(db_->Close());
}

rocksdb::ColumnFamilyHandle* Database::family(rows::Table table) const {
  for (std::size_t i = 0; i < families_.size(); ++i) {
    if (rows::all_tables[i] == table) return families_[i];
  }
  check_failed("table", "a table without a column family");
}

Result<std::optional<std::string>> Database::get(rows::Table table, std::string_view key,
                                                 const rocksdb::Snapshot* at) const {
  count_nothing();
  rocksdb::ReadOptions options;
  options.snapshot = at;
  rocksdb::PinnableSlice value;
  const auto status = db_->Get(options, family(table), slice(key), &value);
  if (status.IsNotFound()) return std::optional<std::string>{};
  if (!status.ok()) return fail_status("cannot read", status);
  PERDURE_TRY(content, rows::unseal(table, key, view(value)));
  return std::optional<std::string>{std::in_place, content};
}

std::vector<Result<std::optional<std::string>>> Database::get_all(
    rows::Table table, std::span<const std::string> keys) const {
  count_nothing();
  std::vector<rocksdb::Slice> slices;
  slices.reserve(keys.size());
  for (const auto& key : keys) slices.push_back(slice(key));
  std::vector<rocksdb::PinnableSlice> values(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  db_->MultiGet(rocksdb::ReadOptions{}, family(table), keys.size(), slices.data(), values.data(),
                statuses.data());
  std::vector<Result<std::optional<std::string>>> contents;
  contents.reserve(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (statuses[i].IsNotFound()) {
      contents.emplace_back(std::optional<std::string>{});
    } else if (!statuses[i].ok()) {
      contents.emplace_back(fail_status("cannot read", statuses[i]));
    } else if (auto content = rows::unseal(table, keys[i], view(values[i])); content) {
      contents.emplace_back(std::optional<std::string>{std::in_place, *content});
    } else {
      contents.emplace_back(fail(std::move(content).error()));
    }
  }
  return contents;
}

std::unique_ptr<rocksdb::Iterator> Database::iterate(rocksdb::ReadOptions options,
                                                     rows::Table table) const {
  count_nothing();
  options.ignore_range_deletions = table == rows::Table::events || !has_range_deletions_;
  return std::unique_ptr<rocksdb::Iterator>{db_->NewIterator(options, family(table))};
}

IdleIterators::Lookup Database::begin_lookup() const {
  count_nothing();
  auto lookup = idle_iterators_->take();
  if (lookup.rows) return lookup;
  rocksdb::ReadOptions options;
  options.prefix_same_as_start = true;
  lookup.made = idle_iterators_->present();  // before: what comes in between makes it out of date
  lookup.rows = iterate(options, rows::Table::records);
  return lookup;
}

void Database::erase_range(rocksdb::WriteBatch& batch, rows::Table table, std::string_view begin,
                           std::string_view end) const {
  if (table != rows::Table::events) {
    // Before the batch is written: whoever can see it must heed it.
    has_range_deletions_ = true;
    idle_iterators_->outdate();
    erase(batch, rows::Table::meta, keys::erased_by_row);
  }
  const auto status = batch.DeleteRange(family(table), slice(begin), slice(end));
  PERDURE_CHECK(status.ok(), "a batch takes any range");
}

void Database::begin_erasing_by_row(rocksdb::WriteBatch& batch) const {
  put(batch, rows::Table::meta, keys::erased_by_row, rows::number_content(1));
  has_range_deletions_ = false;
}

rocksdb::Status Database::write(const rocksdb::WriteOptions& options,
                                rocksdb::WriteBatch& batch) const {
#ifdef PERDURE_THREAD_SANITIZER
  // Of writers that meet, RocksDB lets one take the batches of all, ordered by atomics of its own.
  const std::scoped_lock lock{write_mutex_};
#endif
  count_nothing();
  return db_->Write(options, &batch);
}

void Database::put(rocksdb::WriteBatch& batch, rows::Table table, std::string_view key,
                   std::string_view content) const {
  const auto checksum = rows::checksum(table, key, content);
  const rocksdb::Slice key_part = slice(key);
  const rocksdb::Slice value_parts[] = {slice(checksum), slice(content)};
  const auto status = batch.Put(family(table), rocksdb::SliceParts{&key_part, 1},
                                rocksdb::SliceParts{value_parts, 2});
  PERDURE_CHECK(status.ok(), "a batch takes any row below 4 GiB");
}

void Database::erase(rocksdb::WriteBatch& batch, rows::Table table, std::string_view key) const {
  const auto status = batch.Delete(family(table), slice(key));
  PERDURE_CHECK(status.ok(), "a batch takes any key below 4 GiB");
}

Scan::Scan(const Database& database, rows::Table table, std::string lower, std::string upper,
           Reach reach, const rocksdb::Snapshot* at)
    : table_(table),
      lower_(std::move(lower)),
      upper_(std::move(upper)),
      lower_slice_(slice(lower_)),
      upper_slice_(slice(upper_)) {
  rocksdb::ReadOptions options;
  options.snapshot = at;
  options.total_order_seek = reach == Reach::table;
  options.prefix_same_as_start = reach == Reach::prefix;
  options.iterate_lower_bound = &lower_slice_;
  if (!upper_.empty()) options.iterate_upper_bound = &upper_slice_;
  rows_ = database.iterate(options, table);
}

Result<void> Scan::status() const {
  if (rows_->status().ok()) return {};
  return fail_status("cannot read", rows_->status());
}

}  // namespace perdure::storage
