// SPDX-License-Identifier: Apache-2.0
#include "rocksdb/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace perdure::storage {

File::~File() {
  if (is_open()) ::close(descriptor_);
}

File open_file(const std::filesystem::path& path, int flags) {
  return File{::open(path.c_str(), flags | O_CLOEXEC, 0640)};  // NOLINT: C interface
}

bool write_at(const File& file, std::string_view bytes, off_t offset) {
  return ::pwrite(file.descriptor(), bytes.data(), bytes.size(), offset) ==
         static_cast<ssize_t>(bytes.size());
}

std::optional<std::string> read_at(const File& file, std::size_t size, off_t offset) {
  std::string bytes(size, '\0');
  const auto count = ::pread(file.descriptor(), bytes.data(), size, offset);
  if (count < 0) return {};
  bytes.resize(static_cast<std::size_t>(count));
  return bytes;
}

Result<void> sync_directory(const std::filesystem::path& directory) {
  const auto file = open_file(directory, O_RDONLY | O_DIRECTORY);
  if (!file.is_open() || ::fsync(file.descriptor()) != 0) return fail_errno("sync", directory);
  return {};
}

Result<void> replace_file(const std::filesystem::path& path, std::string_view text) {
  auto draft = path;
  draft += ".new";
  const File file = open_file(draft, O_WRONLY | O_CREAT | O_TRUNC);
  if (!file.is_open() || !write_at(file, text, 0) || ::fsync(file.descriptor()) != 0 ||
      ::rename(draft.c_str(), path.c_str()) != 0) {
    return fail_errno("write", path);
  }
  return sync_directory(path.parent_path());
}

std::string with_bare_names(std::string message) {
  const auto descriptors = descriptors_of_process.string() + "/";
  for (auto at = message.find(descriptors); at != std::string::npos;
       at = message.find(descriptors, at)) {
    auto end = message.find_first_not_of("0123456789", at + descriptors.size());
    const bool names_more = end != std::string::npos && message[end] == '/';
    if (names_more) ++end;
    message.replace(at, std::min(end, message.size()) - at, names_more ? "" : "the data directory");
  }
  return message;
}

Unexpected fail_errno(std::string_view what, const std::filesystem::path& path) {
  return fail(ErrorCode::unavailable,
              with_bare_names(fmt::format("cannot {} {}: {}", what, path.string(),
                                          std::generic_category().message(errno))));
}

}  // namespace perdure::storage
