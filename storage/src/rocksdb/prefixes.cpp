// SPDX-License-Identifier: Apache-2.0
#include "rocksdb/prefixes.hpp"

#include "keys.hpp"

namespace perdure::storage {
namespace {

// The names are stored in each file: a change of meaning needs a new name.

class SeqPrefix final : public rocksdb::SliceTransform {
 public:
  const char* Name() const override { return "perdure.seq_prefix.1"; }
  rocksdb::Slice Transform(const rocksdb::Slice& key) const override {
    return {key.data(), key.size() - keys::seq_bytes};
  }
  bool InDomain(const rocksdb::Slice& key) const override { return key.size() > keys::seq_bytes; }
};

class ObjectPrefix final : public rocksdb::SliceTransform {
 public:
  const char* Name() const override { return "perdure.object_prefix.1"; }
  rocksdb::Slice Transform(const rocksdb::Slice& key) const override {
    return {key.data(), keys::prefix_size({key.data(), key.size()})};
  }
  bool InDomain(const rocksdb::Slice& key) const override {
    return keys::prefix_size({key.data(), key.size()}) > 0;
  }
};

}  // namespace

std::shared_ptr<const rocksdb::SliceTransform> seq_prefix_extractor() {
  return std::make_shared<SeqPrefix>();
}

std::shared_ptr<const rocksdb::SliceTransform> object_prefix_extractor() {
  return std::make_shared<ObjectPrefix>();
}

}  // namespace perdure::storage
