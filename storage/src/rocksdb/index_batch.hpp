// SPDX-License-Identifier: Apache-2.0
// IndexBatch: the index rows of one commit on their way into its batch, in the order of their keys.
//
// RocksDB's memtable begins each insert of an index where the insert before it in the same index
// ended (`memtable_insert_with_hint_prefix_extractor`). In the order of keys the way from there is
// short, and the commit of many turns goes through each index once.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "perdure/storage/store.hpp"
#include "rocksdb/database.hpp"

namespace perdure::storage {

/// Threads  the committing one. What it has allocated stays for the next commit.
class IndexBatch {
 public:
  /// Lifetime: borrows the change's value until `move_to`.
  void add(const ObjectId& object, const IndexChange& change);
  /// Appends what was added to `batch`: of each row what was said of it last.
  void move_to(const Database& database, rocksdb::WriteBatch& batch);
  void clear();

 private:
  struct Row {
    std::size_t key_at;
    std::size_t key_bytes;
    const std::string* value;  ///< null: the row goes
  };
  [[nodiscard]] std::string_view key_of(const Row& row) const {
    return std::string_view{keys_}.substr(row.key_at, row.key_bytes);
  }

  std::string keys_;  ///< of all rows, one behind the other
  std::vector<Row> rows_;
};

}  // namespace perdure::storage
