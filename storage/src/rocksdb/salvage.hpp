// SPDX-License-Identifier: Apache-2.0
// Looking at a directory in which something is lost or damaged, without writing to it.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "rocksdb/database.hpp"
#include "rocksdb/files.hpp"

namespace perdure::storage {

/// A directory of links to a store's files, in which RocksDB may put right what it needs to open:
/// the files that it makes anew are there, and the store's stay as they are. Gone with its owner.
class LinkedDirectory {
 public:
  /// Below the directory for temporary files. Errors: unavailable.
  [[nodiscard]] static Result<std::unique_ptr<LinkedDirectory>> make(
      const std::filesystem::path& original);
  ~LinkedDirectory();
  LinkedDirectory(const LinkedDirectory&) = delete;
  LinkedDirectory& operator=(const LinkedDirectory&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  explicit LinkedDirectory(std::filesystem::path path) : path_(std::move(path)) {}
  const std::filesystem::path path_;
};

/// A database that is only looked at. The links outlive it.
struct LookedAt {
  std::unique_ptr<LinkedDirectory> links = {};  ///< where it could not be opened as it is
  std::unique_ptr<Database> database = {};
  AckedFile acked = {};
  std::vector<std::string> findings = {};  ///< what is lost or damaged, of what is opened first
};

/// Opens what there is to see. What is lost (FORMAT, ACKED, CURRENT, the manifest, a file of rows)
/// or damaged is a finding and no reason to stop.
/// Errors: unavailable (no store, or it cannot be read), newer_version, corrupt (nothing can be
/// read at all).
[[nodiscard]] Result<LookedAt> look_at(const std::filesystem::path& directory,
                                       const Tuning& tuning);

}  // namespace perdure::storage
