// SPDX-License-Identifier: Apache-2.0
#include "rocksdb/scrub.hpp"

#include <array>

#include "keys.hpp"

namespace perdure::storage {
namespace {

/// Those whose rows stand by kind; the others are small, and compacted whole.
constexpr std::array by_kind{rows::Table::records, rows::Table::entries, rows::Table::indexes,
                             rows::Table::alarms, rows::Table::pins};
constexpr std::array whole{rows::Table::due, rows::Table::claims, rows::Table::outbox,
                           rows::Table::meta};

struct KindRange {
  explicit KindRange(std::string_view kind) : first{kind} {
    first += '\0';
    end = prefix_end(first);
  }
  std::string first;
  std::string end;
};

Result<std::vector<std::string>> noted_kinds(const Database& database) {
  const auto prefix = keys::unscrubbed({});
  std::vector<std::string> kinds;
  Scan scan{database, rows::Table::meta, prefix, prefix_end(prefix)};
  for (scan.to_first(); scan.valid(); scan.next()) {
    kinds.emplace_back(scan.key().substr(prefix.size()));
  }
  PERDURE_TRY_VOID(scan.status());
  return kinds;
}

std::uint64_t bytes_of(const Database& database, const std::vector<std::string>& kinds) {
  std::uint64_t sum = 0;
  for (const auto& kind : kinds) {
    const KindRange rows{kind};
    const rocksdb::Range range{slice(rows.first), slice(rows.end)};
    for (const auto table : by_kind) {
      std::uint64_t bytes = 0;
      static_cast<void>(
          database.db().GetApproximateSizes(database.family(table), &range, 1, &bytes));
      sum += bytes;
    }
  }
  return sum;
}

Result<void> flush(const Database& database) {
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  for (const auto table : rows::all_tables) families.push_back(database.family(table));
  const auto status = database.db().Flush(rocksdb::FlushOptions{}, families);
  if (!status.ok()) return fail_status("cannot flush", status);
  return {};
}

Result<void> compact(const Database& database, rows::Table table, const KindRange* rows) {
  rocksdb::CompactRangeOptions options;
  // Also what is in the last level already: marks go only where nothing is below them.
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  const rocksdb::Slice first = rows != nullptr ? slice(rows->first) : rocksdb::Slice{};
  const rocksdb::Slice end = rows != nullptr ? slice(rows->end) : rocksdb::Slice{};
  const auto status = database.db().CompactRange(options, database.family(table),
                                                 rows != nullptr ? &first : nullptr,
                                                 rows != nullptr ? &end : nullptr);
  if (!status.ok()) return fail_status("cannot compact", status);
  return {};
}

Result<void> forget(const Database& database, const std::vector<std::string>& kinds) {
  rocksdb::WriteBatch batch;
  for (const auto& kind : kinds) database.erase(batch, rows::Table::meta, keys::unscrubbed(kind));
  rocksdb::WriteOptions write;
  write.sync = true;
  const auto status = database.write(write, batch);
  if (!status.ok()) return fail_status("cannot note what was scrubbed", status);
  return {};
}

}  // namespace

Result<Scrubbed> scrub(const Database& database, std::uint64_t bytes_max) {
  PERDURE_TRY(kinds, noted_kinds(database));
  if (kinds.empty()) return Scrubbed::nothing;
  database.tidy();
  PERDURE_TRY_VOID(flush(database));
  if (bytes_of(database, kinds) > bytes_max) return Scrubbed::nothing;
  for (const auto& kind : kinds) {
    const KindRange rows{kind};
    for (const auto table : by_kind) PERDURE_TRY_VOID(compact(database, table, &rows));
  }
  for (const auto table : whole) PERDURE_TRY_VOID(compact(database, table, nullptr));
  PERDURE_TRY_VOID(forget(database, kinds));
  return Scrubbed::all;
}

}  // namespace perdure::storage
