// SPDX-License-Identifier: Apache-2.0
// One suite, each store: a test written on StoreContract runs once for every implementation.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "perdure/storage/memory_store.hpp"
#include "perdure/storage/rocksdb_store.hpp"
#include "temporary_directory.hpp"
#include "write_sets.hpp"

namespace perdure::storage {

/// An implementation of the store, and the place where its state outlives it.
class StorePlace {
 public:
  virtual ~StorePlace() = default;
  virtual Result<std::unique_ptr<Store>> open() = 0;
};

class MemoryPlace final : public StorePlace {
 public:
  Result<std::unique_ptr<Store>> open() override { return open_memory(disk_); }

 private:
  MemoryDisk disk_;
};

/// As a server has it: with a bound, and with nothing kept for crashes.
class ProcessPlace final : public StorePlace {
 public:
  Result<std::unique_ptr<Store>> open() override { return factory_->open({}); }

 private:
  std::shared_ptr<StoreFactory> factory_ = memory_factory(1u << 30, "storage.memory");
};

class RocksdbPlace final : public StorePlace {
 public:
  Result<std::unique_ptr<Store>> open() override {
    return open_rocksdb({.directory = directory_.path(),
                         .block_cache_bytes = 8u << 20,
                         .write_buffer_bytes = 8u << 20});
  }

 private:
  TemporaryDirectory directory_;
};

enum class Implementation { memory, process, rocksdb };

inline std::unique_ptr<StorePlace> make_place(Implementation implementation) {
  switch (implementation) {
    case Implementation::memory: return std::make_unique<MemoryPlace>();
    case Implementation::process: return std::make_unique<ProcessPlace>();
    case Implementation::rocksdb: break;
  }
  return std::make_unique<RocksdbPlace>();
}

class StoreContract : public testing::TestWithParam<Implementation> {
 protected:
  StoreContract() { reopen(); }

  /// Closes the store and opens it again; returns it.
  Store& reopen() {
    store_.reset();
    auto opened = place_->open();
    PERDURE_CHECK(opened.has_value(), to_string(opened.error()));
    store_ = std::move(*opened);
    return *store_;
  }

  Store& store() { return *store_; }

  /// A write set of the present epoch with a record.
  WriteSet turn(const ObjectId& object, Seq expected_seq) {
    return make_turn(store_->epoch(), object, expected_seq);
  }
  /// A write set of the present epoch without a record.
  WriteSet housekeeping(const ObjectId& object, Seq expected_seq) {
    return make_housekeeping(store_->epoch(), object, expected_seq);
  }

  Outcome commit(std::vector<WriteSet> write_sets, Timestamp now = default_now) {
    return commit_one(*store_, std::move(write_sets), now);
  }
  Outcome commit(WriteSet write_set, Timestamp now = default_now) {
    std::vector<WriteSet> write_sets;
    write_sets.push_back(std::move(write_set));
    return commit(std::move(write_sets), now);
  }

  /// Commits turns without entries until the object's last record is `seq`.
  void advance_to(const ObjectId& object, Seq seq) {
    auto last = store_->last_record(object);
    ASSERT_TRUE(last.has_value());
    for (Seq at = *last ? (*last)->seq : 0; at < seq; ++at) {
      ASSERT_EQ(code_of(commit(turn(object, at))), std::nullopt);
    }
  }

 private:
  std::unique_ptr<StorePlace> place_ = make_place(GetParam());
  std::unique_ptr<Store> store_;
};

inline std::string implementation_name(const testing::TestParamInfo<Implementation>& info) {
  switch (info.param) {
    case Implementation::memory: return "memory";
    case Implementation::process: return "process";
    case Implementation::rocksdb: break;
  }
  return "rocksdb";
}

#define PERDURE_ON_EACH_STORE(suite)                                                             \
  INSTANTIATE_TEST_SUITE_P(                                                                      \
      on, suite,                                                                                 \
      testing::Values(Implementation::memory, Implementation::process, Implementation::rocksdb), \
      implementation_name)

}  // namespace perdure::storage
