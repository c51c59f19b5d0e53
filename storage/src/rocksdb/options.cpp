// SPDX-License-Identifier: Apache-2.0
#include "rocksdb/options.hpp"

#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/memtablerep.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/table_properties_collectors.h>

#include <algorithm>

#include "rocksdb/claim_filter.hpp"
#include "rocksdb/prefixes.hpp"
#include "rocksdb/prepared_wal.hpp"
#include "rows.hpp"

namespace perdure::storage {
namespace {

class NoLog final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

/// How a table's rows are looked up, and so what its bloom filters hold.
enum class Filter { seq_prefix, object_prefix, whole_key, none };

Filter filter_of(rows::Table table) {
  switch (table) {
    case rows::Table::records:
    case rows::Table::entries:
    case rows::Table::pins: return Filter::seq_prefix;
    case rows::Table::alarms: return Filter::object_prefix;
    case rows::Table::claims:
    case rows::Table::meta: return Filter::whole_key;
    case rows::Table::indexes:
    case rows::Table::due:
    case rows::Table::events:
    case rows::Table::outbox: break;
  }
  return Filter::none;
}

/// Tables whose rows are often erased: scans would walk over long runs of deletion marks.
bool is_erased_from(rows::Table table) { return table != rows::Table::meta; }

rocksdb::BlockBasedTableOptions block_options(Filter filter,
                                              const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.format_version = 5;  // full filters with the fast bloom layout
  // Debian's RocksDB computes CRC-32C by table: 3 us a block. Older files keep theirs.
  table.checksum = rocksdb::kXXH3;
  table.block_cache = cache;
  // Index and filter blocks live in the one cache, too: outside of it they would grow with the
  // data, and nobody would count them. High priority and the pinned level 0 keep the hot ones from
  // being pushed out by a scan.
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  if (filter != Filter::none) table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.whole_key_filtering = filter == Filter::whole_key;
  return table;
}

rocksdb::ColumnFamilyOptions family_options(rows::Table table,
                                            const std::shared_ptr<rocksdb::Cache>& cache,
                                            std::size_t write_buffer_bytes) {
  rocksdb::ColumnFamilyOptions family;
  const auto filter = filter_of(table);
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(block_options(filter, cache)));
  if (filter == Filter::seq_prefix) family.prefix_extractor = seq_prefix_extractor();
  // Each index keeps the place of its last insert, see IndexBatch.
  if (table == rows::Table::indexes) {
    family.memtable_insert_with_hint_prefix_extractor = object_prefix_extractor();
  }
  if (filter == Filter::object_prefix) family.prefix_extractor = object_prefix_extractor();
  // Most lookups of a cold object miss the memtable: 2 % of it as bloom saves its search.
  if (filter != Filter::none) family.memtable_prefix_bloom_size_ratio = 0.02;
  family.memtable_whole_key_filtering = filter == Filter::whole_key;
  // A quarter of the budget: one filling, one being flushed, and room for the small tables.
  family.write_buffer_size = std::max<std::size_t>(write_buffer_bytes / 4, 1u << 20);
  // Level 0 and 1 are rewritten soon and read hot: no compression there. Below, LZ4 halves JSON
  // for about 1 us a block.
  family.compression_per_level = {rocksdb::kNoCompression, rocksdb::kNoCompression,
                                  rocksdb::kLZ4Compression};
  // Beside a damaged file, which no compaction gets past, files of level 0 become ever more: that
  // slows writes down (from 20 on), and is no reason to hold them up for good.
  family.level0_stop_writes_trigger = 1'000;
  family.level_compaction_dynamic_level_bytes = true;  // 90 % of the data in the last level
  // Checks the order and count of keys that go through flushes and compactions.
  family.force_consistency_checks = true;
  family.check_flush_compaction_key_order = true;
  if (is_erased_from(table)) {
    // A file with 4,096 deletion marks in 8,192 neighbouring rows is compacted at once.
    family.table_properties_collector_factories.push_back(
        rocksdb::NewCompactOnDeletionCollectorFactory(8192, 4096));
  }
  return family;
}

std::vector<rocksdb::ColumnFamilyDescriptor> families(const std::shared_ptr<rocksdb::Cache>& cache,
                                                      std::size_t write_buffer_bytes,
                                                      const std::shared_ptr<CommitClock>& clock) {
  std::vector<rocksdb::ColumnFamilyDescriptor> all;
  for (const auto table : rows::all_tables) {
    auto options = family_options(table, cache, write_buffer_bytes);
    if (table == rows::Table::claims) {
      options.compaction_filter_factory = claim_filter_factory(clock);
      // Expired claims go within a day, even where nothing is written any more.
      options.periodic_compaction_seconds = 24 * 60 * 60;
    }
    // RocksDB insists on a family of this name; it holds the meta rows.
    all.emplace_back(table == rows::Table::meta ? rocksdb::kDefaultColumnFamilyName
                                                : std::string{rows::name(table)},
                     options);
  }
  return all;
}

void set_durability(rocksdb::DBOptions& database) {
  database.paranoid_checks = true;
  // A torn tail of the log is the end of it, not an error. What RocksDB so drops in silence is
  // noticed by comparing with ACKED.
  database.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  // All tables are flushed at one point. So even a lost log leaves them in agreement.
  database.atomic_flush = true;
  // A log in the middle that is lost or cut short is an error as well, not a gap.
  database.track_and_verify_wals_in_manifest = true;
  // Never resume by itself after a failed write: what was lost in between is not known.
  database.max_bgerror_resume_count = 0;
  // A page of a mapped file that cannot be read is a signal, not a status.
  database.allow_mmap_reads = false;
  database.allow_mmap_writes = false;
}

void set_writing(rocksdb::DBOptions& database) {
  // One committer, and now and then retention: nothing to parallelise, so inserts need no atomics.
  database.allow_concurrent_memtable_write = false;
  database.enable_write_thread_adaptive_yield = false;
  // Recovery replays at most this much: about half a second.
  database.max_total_wal_size = 128u << 20;
  // Two cores: one flush and one compaction.
  database.max_background_jobs = 2;
  // Files are pushed out while they are written, not in one burst that the next sync waits for.
  database.bytes_per_sync = 1u << 20;
}

void set_housekeeping(rocksdb::DBOptions& database) {
  // RocksDB's own log file aborts the process when it is written to again after the disk was full
  // (an assertion of its file writer). What matters comes back as a status.
  database.info_log = std::make_shared<NoLog>();
  database.stats_dump_period_sec = 0;
  database.stats_persist_period_sec = 0;
}

/// Each turn inserts a record: a short list for each object is found by hash, where one skip list
/// of all records takes 60 comparisons of keys. Who walks over several objects has it sorted first;
/// the only one to do so is a flush. (docs/performance.md)
void hash_records(std::vector<rocksdb::ColumnFamilyDescriptor>& families) {
  constexpr std::size_t bytes_a_bucket = 512;  // of records: a 64th of the memory is buckets
  constexpr int list_height = 9;               // 4^9 records of an object are found in a few steps
  constexpr int list_branching = 4;
  for (auto& family : families) {
    if (family.name != rows::name(rows::Table::records)) continue;
    family.options.memtable_factory.reset(rocksdb::NewHashSkipListRepFactory(
        family.options.write_buffer_size / bytes_a_bucket, list_height, list_branching));
  }
}

}  // namespace

Tuning tune(const RocksdbOptions& options, rocksdb::Env* env) {
  Tuning tuning;
  // Write buffers are charged to the cache, so that one number bounds both.
  rocksdb::LRUCacheOptions cache;
  cache.capacity = options.block_cache_bytes + options.write_buffer_bytes;
  cache.high_pri_pool_ratio = 0.25;
  tuning.cache = rocksdb::NewLRUCache(cache);
  tuning.clock = std::make_shared<CommitClock>(0);
  auto& database = tuning.database;
  tuning.watching_env = watch_names(env, tuning.names);
  tuning.env = prepare_wals(tuning.watching_env.get());
  database.env = tuning.env.get();
  database.create_if_missing = true;
  database.create_missing_column_families = true;
  database.max_open_files = options.open_files_max;
  database.write_buffer_manager =
      std::make_shared<rocksdb::WriteBufferManager>(options.write_buffer_bytes, tuning.cache);
  set_durability(database);
  set_writing(database);
  set_housekeeping(database);
  database.listeners.push_back(outdating(tuning.idle_iterators));
  tuning.families = families(tuning.cache, options.write_buffer_bytes, tuning.clock);
  hash_records(tuning.families);
  return tuning;
}

Tuning tune_read_only() {
  Tuning tuning;
  tuning.env = prepare_wals(rocksdb::Env::Default());
  tuning.database.env = tuning.env.get();
  tuning.cache = rocksdb::NewLRUCache(32u << 20);
  tuning.clock = std::make_shared<CommitClock>(0);
  tuning.database.info_log = std::make_shared<NoLog>();
  tuning.database.max_open_files = 256;
  set_durability(tuning.database);
  tuning.families = families(tuning.cache, 64u << 20, tuning.clock);
  return tuning;
}

}  // namespace perdure::storage
