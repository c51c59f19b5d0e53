// SPDX-License-Identifier: Apache-2.0
// An open file descriptor, and the few things that the store does with files of its own.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "perdure/base/result.hpp"

namespace perdure::storage {

/// Owns a file descriptor, or none.
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

/// As open(2); a file that is made is readable by its owner and group. `errno` says why not.
[[nodiscard]] File open_file(const std::filesystem::path& path, int flags);
/// Whether all bytes were written.
[[nodiscard]] bool write_at(const File& file, std::string_view bytes, off_t offset);
/// At most `size` bytes from `offset`; none after an I/O error.
[[nodiscard]] std::optional<std::string> read_at(const File& file, std::size_t size, off_t offset);
/// Makes the names in a directory durable. Errors: unavailable.
[[nodiscard]] Result<void> sync_directory(const std::filesystem::path& directory);
/// Creates or replaces a file, durably and whole. Errors: unavailable.
[[nodiscard]] Result<void> replace_file(const std::filesystem::path& path, std::string_view text);
/// Where a process finds what it has open, by the numbers of its descriptors.
inline const std::filesystem::path descriptors_of_process{"/proc/self/fd"};
/// A message in which what is reached by a directory's descriptor goes by its bare name.
[[nodiscard]] std::string with_bare_names(std::string message);
/// `cannot <what> <path>: <errno>`, as unavailable, with bare names.
[[nodiscard]] Unexpected fail_errno(std::string_view what, const std::filesystem::path& path);

}  // namespace perdure::storage
