// SPDX-License-Identifier: Apache-2.0
// How RocksDB is tuned for the store, each choice with its reason in options.cpp.
#pragma once

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/write_buffer_manager.h>

#include <atomic>
#include <memory>
#include <vector>

#include "perdure/storage/rocksdb_store.hpp"
#include "rocksdb/directory_names.hpp"
#include "rocksdb/idle_iterators.hpp"

namespace perdure::storage {

/// The latest `now` that a commit was given, in Unix ms: by it the compaction drops expired claims.
using CommitClock = std::atomic<std::int64_t>;

struct Tuning {
  // Shared by copies; they must outlive the database.
  std::shared_ptr<DirectoryNames> names = std::make_shared<DirectoryNames>();
  std::shared_ptr<rocksdb::Env> watching_env = {};  ///< below `env`
  std::shared_ptr<rocksdb::Env> env = {};
  rocksdb::DBOptions database;
  std::vector<rocksdb::ColumnFamilyDescriptor> families;  ///< in the order of rows::all_tables
  std::shared_ptr<rocksdb::Cache> cache;
  std::shared_ptr<CommitClock> clock;
  std::shared_ptr<IdleIterators> idle_iterators = std::make_shared<IdleIterators>();
};

/// `env` is borrowed for the life of the database; tests inject faults by it.
[[nodiscard]] Tuning tune(const RocksdbOptions& options, rocksdb::Env* env);
/// The same tables for a database that is only looked at, with its own small cache and no log file.
[[nodiscard]] Tuning tune_read_only();

}  // namespace perdure::storage
