// SPDX-License-Identifier: Apache-2.0
#include "rocksdb/index_batch.hpp"

#include <algorithm>

#include "keys.hpp"

namespace perdure::storage {

namespace {

/// Keys of a commit for which memory stays allocated. An import may have more.
constexpr std::size_t kept_bytes_max = 4u << 20;

}  // namespace

void IndexBatch::add(const ObjectId& object, const IndexChange& change) {
  const auto at = keys_.size();
  keys::put_index_row(keys_, object.kind, change.index, change.key, object.id);
  const bool is_put = change.op == IndexChange::Op::put;
  rows_.push_back({at, keys_.size() - at, is_put ? &change.value : nullptr});
}

void IndexBatch::move_to(const Database& database, rocksdb::WriteBatch& batch) {
  std::ranges::sort(rows_, [&](const Row& a, const Row& b) {
    const auto compared = key_of(a).compare(key_of(b));
    return compared != 0 ? compared < 0 : a.key_at < b.key_at;
  });
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const auto key = key_of(rows_[i]);
    if (i + 1 < rows_.size() && key_of(rows_[i + 1]) == key) continue;
    if (const auto* value = rows_[i].value) {
      database.put(batch, rows::Table::indexes, key, *value);
    } else {
      database.erase(batch, rows::Table::indexes, key);
    }
  }
  clear();
}

void IndexBatch::clear() {
  if (keys_.capacity() > kept_bytes_max) {
    keys_ = {};
    rows_ = {};
  }
  keys_.clear();
  rows_.clear();
}

}  // namespace perdure::storage
