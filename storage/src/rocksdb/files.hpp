// SPDX-License-Identifier: Apache-2.0
// The store's own small files beside RocksDB's: FORMAT and ACKED. (LOCK.perdure is in
// directory_lock.hpp, PLACE in place.hpp.)
//
//   FORMAT        "perdure store <version>\n", read before anything else is opened
//   ACKED         the number of the last acknowledged commit, outside the write-ahead log
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "perdure/base/result.hpp"
#include "rocksdb/directory_lock.hpp"
#include "rocksdb/file.hpp"

namespace perdure::storage {

inline constexpr std::uint64_t format_version = 4;

/// The version in FORMAT; none when there is no such file. Errors: corrupt, unavailable.
[[nodiscard]] Result<std::optional<std::uint64_t>> read_format(
    const std::filesystem::path& directory);
/// Creates or replaces FORMAT, durably and whole. Errors: unavailable.
[[nodiscard]] Result<void> write_format(const std::filesystem::path& directory);

/// What of a database's files is there, before RocksDB looks at them.
struct DatabaseFiles {
  bool has_tables = false;  ///< files of rows, or a write-ahead log
  bool has_current = false;
  bool current_is_sound = false;            ///< CURRENT names a manifest that is there
  std::vector<std::string> manifests = {};  ///< by number, the newest first
  [[nodiscard]] bool any() const { return has_tables || has_current || !manifests.empty(); }
};
/// Errors: unavailable.
[[nodiscard]] Result<DatabaseFiles> find_database_files(const std::filesystem::path& directory);
/// Lets CURRENT name a manifest, durably. Errors: unavailable.
[[nodiscard]] Result<void> write_current(const std::filesystem::path& directory,
                                         const std::string& manifest);

/// The number of the last acknowledged commit.
///
/// Two slots are written in turn, so that a torn write leaves the one before. The file has its full
/// size from the start: writing a slot never needs space.
class AckedFile {
 public:
  [[nodiscard]] static Result<AckedFile> open(const std::filesystem::path& directory,
                                              Access access);
  AckedFile() = default;  ///< a file that is lost: it tells nothing

  /// The higher number of the valid slots; none when neither is valid.
  [[nodiscard]] Result<std::optional<std::uint64_t>> read() const;
  /// What is wrong with the file, slot by slot, whether or not `read` can do without it. A slot
  /// that was never written is sound.
  [[nodiscard]] std::vector<std::string> findings() const;
  /// Without a sync: survives the process; the machine from the next `sync` on.
  [[nodiscard]] Result<void> write(std::uint64_t number);
  /// Puts one number into both slots, durably: the only way to a lower one.
  [[nodiscard]] Result<void> reset(std::uint64_t number);
  [[nodiscard]] Result<void> sync();

 private:
  explicit AckedFile(File file) : file_(std::move(file)) {}
  File file_;
};

}  // namespace perdure::storage
