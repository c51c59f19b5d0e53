// SPDX-License-Identifier: Apache-2.0
// Opens the RocksDB implementation of the store. RocksDB itself is not named here.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "perdure/storage/store_factory.hpp"

namespace perdure::storage {

struct RocksdbOptions {
  std::filesystem::path directory;
  OpenMode mode = OpenMode::read_write;
  Durability durability = Durability::sync;
  LostCommits lost_commits = LostCommits::refuse;
  std::size_t block_cache_bytes = 256u << 20;
  std::size_t write_buffer_bytes = 256u << 20;  ///< all column families together
  int open_files_max = 1024;
  /// Rows of kinds with erased pasts that a clean closing compacts, so that no byte of those is
  /// left. Past it that would take too long: a closing after compactions does it.
  std::uint64_t scrub_bytes_max = 1u << 30;
  /// Called once when a write or sync failed and writes have stopped; any thread.
  std::function<void(const Error&)> on_write_failure = {};
  /// Called once when a file turns out to be damaged while it is rewritten in the background. Reads
  /// and writes of all that is sound go on; any thread. A store that is opened read-only says so
  /// of each thing that it finds lost or damaged while it is opened, and shows the rest.
  std::function<void(const Error&)> on_damage = {};
  /// Called while opening when the store goes on in another line of history (Store::line): commits
  /// were lost and that was accepted, or the directory is a copy.
  std::function<void(const Error&)> on_new_line = {};
};

/// Opens or creates the store, and raises its epoch (durably). Read-only it neither creates it
/// nor leaves a trace in it, and is content with what can be read.
///
/// Errors  conflict       another process has the directory open; `detail` names its pid.
///         newer_version  the directory was written by a newer format.
///         corrupt        the write-ahead log gives back fewer commits than were acknowledged, or
///                        a file is lost or fails its checks; `detail` says which and what to do.
///         unavailable    the directory cannot be made, read or written.
[[nodiscard]] Result<std::unique_ptr<Store>> open_rocksdb(RocksdbOptions options);

/// Opens such stores for a runtime. What a request says takes the place of the same in `options`.
[[nodiscard]] std::shared_ptr<StoreFactory> rocksdb_factory(RocksdbOptions options);

/// Whether the file system of a store's directory has space enough to open the store and go on for
/// a while: that of its write-ahead log, which recovery writes once more, and some to spare.
[[nodiscard]] bool has_room_rocksdb(const std::filesystem::path& directory);

/// Verifies a stopped store without writing to it: every file that opening needs, every block
/// checksum, every row's shape, that seqs are dense above the floor, that each index row points at
/// an object, and `record_check`. What is lost is a finding; the rest is looked at.
/// Errors: as open_rocksdb.
[[nodiscard]] Result<CheckReport> check_rocksdb(const std::filesystem::path& directory,
                                                const RecordCheck& record_check,
                                                const CheckProgress& progress);

/// Visits every object id of a stopped or running store directory in key order, read-only.
[[nodiscard]] Result<std::vector<ObjectId>> list_objects_rocksdb(
    const std::filesystem::path& directory);

}  // namespace perdure::storage
