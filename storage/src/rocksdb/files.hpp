// SPDX-License-Identifier: Apache-2.0
// The store's own small files beside RocksDB's: LOCK.perdure, FORMAT and ACKED.
//
//   LOCK.perdure  held with flock(2) while the store is open; holds the pid, in decimal
//   FORMAT        "perdure store <version>\n", read before anything else is opened
//   ACKED         the number of the last acknowledged commit, outside the write-ahead log
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <utility>

#include "perdure/base/result.hpp"

namespace perdure::storage {

inline constexpr std::uint64_t format_version = 3;

/// An open file descriptor.
class File {
 public:
  File() = default;
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File();
  File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] bool is_open() const { return descriptor_ >= 0; }

 private:
  int descriptor_ = -1;
};

enum class Access {
  own,      ///< may create the file, and writes our pid into it
  observe,  ///< writes nothing; without the file there is nothing to lock
};

/// Locks the directory against other processes until the File goes.
/// Errors: conflict (detail: the owner's pid), unavailable.
[[nodiscard]] Result<File> lock_directory(const std::filesystem::path& directory, Access access);

/// The version in FORMAT; none when there is no such file. Errors: corrupt, unavailable.
[[nodiscard]] Result<std::optional<std::uint64_t>> read_format(
    const std::filesystem::path& directory);
/// Creates or replaces FORMAT, durably and whole. Errors: unavailable.
[[nodiscard]] Result<void> write_format(const std::filesystem::path& directory);

/// The number of the last acknowledged commit.
///
/// Two slots are written in turn, so that a torn write leaves the one before. The file has its full
/// size from the start: writing a slot never needs space.
class AckedFile {
 public:
  [[nodiscard]] static Result<AckedFile> open(const std::filesystem::path& directory,
                                              Access access);

  /// The higher number of the valid slots; none when neither is valid.
  [[nodiscard]] Result<std::optional<std::uint64_t>> read() const;
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
