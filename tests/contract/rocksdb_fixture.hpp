// SPDX-License-Identifier: Apache-2.0
// A RocksDB store in a directory of its own, and the ways to damage it.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "perdure/storage/rocksdb_store.hpp"
#include "temporary_directory.hpp"
#include "write_sets.hpp"

namespace perdure::storage {

class RocksdbStoreTest : public testing::Test {
 protected:
  [[nodiscard]] const std::filesystem::path& path() const { return directory_.path(); }
  [[nodiscard]] RocksdbOptions options() const {
    return {.directory = path(), .block_cache_bytes = 8u << 20, .write_buffer_bytes = 8u << 20};
  }

  void open() { open(options()); }
  void open(RocksdbOptions with) {
    close();
    auto opened = open_rocksdb(std::move(with));
    ASSERT_EQ(code_of(opened), std::nullopt) << to_string(opened.error());
    store_ = std::move(*opened);
  }
  void close() { store_.reset(); }
  Store& store() { return *store_; }
  void set_store(std::unique_ptr<Store> store) { store_ = std::move(store); }

  /// Commits one turn, on top of the object's last one.
  Outcome commit(const ObjectId& object) {
    const auto last = store_->last_record(object).value();
    return commit_one(*store_, make_turn(store_->epoch(), object, last ? last->seq : 0));
  }

  [[nodiscard]] std::vector<std::filesystem::path> files(const std::string& extension) const {
    std::vector<std::filesystem::path> found;
    for (const auto& file : std::filesystem::directory_iterator(path())) {
      if (file.path().extension() == extension) found.push_back(file.path());
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  static std::string read(const std::filesystem::path& file) {
    std::ifstream stream{file, std::ios::binary};
    return {std::istreambuf_iterator<char>{stream}, {}};
  }
  static void write(const std::filesystem::path& file, const std::string& bytes) {
    std::ofstream{file, std::ios::binary | std::ios::trunc} << bytes;
  }
  /// Flips one bit of each place where `text` stands in a file with this extension; returns how
  /// many there were.
  [[nodiscard]] int damage(const std::string& extension, const std::string& text) const {
    int places = 0;
    for (const auto& file : files(extension)) {
      auto bytes = read(file);
      for (auto at = bytes.find(text); at != std::string::npos; at = bytes.find(text, at + 1)) {
        bytes[at + text.size() / 2] = static_cast<char>(bytes[at + text.size() / 2] ^ 4);
        ++places;
      }
      write(file, bytes);
    }
    return places;
  }

 private:
  TemporaryDirectory directory_;
  std::unique_ptr<Store> store_;
};

}  // namespace perdure::storage
