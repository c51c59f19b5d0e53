// SPDX-License-Identifier: Apache-2.0
// A RocksDB store with a past, made by a child process, and a ledger that knows what is in it.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>

#include "child_process.hpp"
#include "perdure/storage/rocksdb_store.hpp"
#include "store_ledger.hpp"
#include "temporary_directory.hpp"

namespace perdure::storage {

class PreparedStore : public testing::Test {
 protected:
  explicit PreparedStore(std::uint64_t seed) : ledger_(seed, 20'000) {}

  /// So small that a few commits fill files.
  static RocksdbOptions small(const std::filesystem::path& directory) {
    return {.directory = directory, .block_cache_bytes = 1u << 20, .write_buffer_bytes = 1u << 20};
  }

  /// Makes `sound_`: rows in several files, and those of the last life in the log alone.
  void prepare() {
    std::filesystem::create_directories(sound_);
    const auto end = in_child([&](ChildNotes&) -> std::string {
      for (int life = 0; life < lives; ++life) {
        auto opened = open_rocksdb(small(sound_));
        if (!opened) return to_string(opened.error());
        if (!live(**opened)) return ledger_.story();
      }
      return {};
    });
    ASSERT_TRUE(end.exited && end.said.empty()) << end.said;
    // The same steps here, where RocksDB must not run, lead to the same ledger.
    MemoryDisk disk;
    auto same = open_memory(disk).value();
    for (int life = 0; life < lives; ++life) ASSERT_TRUE(live(*same)) << ledger_.story();
  }

  /// Makes `data_` a copy of `sound_`, or empty if there is none.
  void begin_again() const {
    std::filesystem::remove_all(data_);
    std::filesystem::remove_all(data_.string() + ".shadows");
    std::filesystem::create_directories(data_);
    if (!std::filesystem::exists(sound_)) return;
    std::filesystem::copy(sound_, data_, std::filesystem::copy_options::recursive);
  }

  TemporaryDirectory place_{TemporaryDirectory::Place::memory};
  const std::filesystem::path sound_ = place_.path() / "sound";
  const std::filesystem::path data_ = place_.path() / "data";
  StoreLedger ledger_;

 private:
  static constexpr int lives = 4;

  bool live(Store& store) {
    for (int steps = 0; steps < 20; ++steps) {
      if (ledger_.step(store) != StoreLedger::Step::done) return false;
    }
    return true;
  }
};

}  // namespace perdure::storage
