// SPDX-License-Identifier: Apache-2.0
#include "rocksdb/files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <system_error>

#include "perdure/base/codec.hpp"
#include "perdure/base/crypto.hpp"

namespace perdure::storage {
namespace {

constexpr std::string_view format_words = "perdure store ";
constexpr std::string_view acked_magic = "PDACKED1";
constexpr std::size_t slot_bytes = 20;  // magic, be64(number), be32(CRC-32C of both)
constexpr off_t slot_distance = 4096;   // so that no torn page damages both slots
constexpr std::size_t acked_bytes = 2 * slot_distance;

Unexpected fail_errno(std::string_view what, const std::filesystem::path& path) {
  return fail(ErrorCode::unavailable, fmt::format("cannot {} {}: {}", what, path.string(),
                                                  std::generic_category().message(errno)));
}

File open_file(const std::filesystem::path& path, int flags) {
  return File{::open(path.c_str(), flags | O_CLOEXEC, 0640)};  // NOLINT: C interface
}

Result<void> sync_directory(const std::filesystem::path& directory) {
  const auto file = open_file(directory, O_RDONLY | O_DIRECTORY);
  if (!file.is_open() || ::fsync(file.descriptor()) != 0) return fail_errno("sync", directory);
  return {};
}

bool write_at(const File& file, std::string_view bytes, off_t offset) {
  return ::pwrite(file.descriptor(), bytes.data(), bytes.size(), offset) ==
         static_cast<ssize_t>(bytes.size());
}

/// At most `size` bytes from `offset`; none after an I/O error.
std::optional<std::string> read_at(const File& file, std::size_t size, off_t offset) {
  std::string bytes(size, '\0');
  const auto count = ::pread(file.descriptor(), bytes.data(), size, offset);
  if (count < 0) return {};
  bytes.resize(static_cast<std::size_t>(count));
  return bytes;
}

std::string slot(std::uint64_t number) {
  std::string bytes{acked_magic};
  put_be64(bytes, number);
  put_be32(bytes, crc32c(bytes));
  return bytes;
}

std::optional<std::uint64_t> parse_slot(std::string_view bytes) {
  if (bytes.size() != slot_bytes || !bytes.starts_with(acked_magic)) return {};
  const auto number = Reader{bytes.substr(acked_magic.size())}.be64();
  if (bytes != slot(number)) return {};
  return number;
}

}  // namespace

File::~File() {
  if (is_open()) ::close(descriptor_);
}

Result<File> lock_directory(const std::filesystem::path& directory, Access access) {
  const auto path = directory / "LOCK.perdure";
  File file = open_file(path, access == Access::own ? O_RDWR | O_CREAT : O_RDONLY);
  if (!file.is_open()) {
    if (access == Access::observe && errno == ENOENT) return File{};
    return fail_errno("open", path);
  }
  if (::flock(file.descriptor(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail_errno("lock", path);
    const auto pid = read_at(file, 20, 0).value_or("");
    return fail(ErrorCode::conflict,
                fmt::format("{} is open in process {}", directory.string(), pid));
  }
  if (access == Access::own) {
    // Whoever finds the lock taken reads the pid, so it is replaced under the lock.
    if (::ftruncate(file.descriptor(), 0) != 0 || !write_at(file, std::to_string(::getpid()), 0)) {
      return fail_errno("write", path);
    }
  }
  return file;
}

Result<std::optional<std::uint64_t>> read_format(const std::filesystem::path& directory) {
  const auto path = directory / "FORMAT";
  const File file = open_file(path, O_RDONLY);
  if (!file.is_open()) {
    if (errno == ENOENT) return std::optional<std::uint64_t>{};
    return fail_errno("open", path);
  }
  const auto text = read_at(file, 64, 0);
  if (!text) return fail_errno("read", path);
  std::uint64_t version = 0;
  if (text->starts_with(format_words) && text->ends_with('\n')) {
    const char* first = text->data() + format_words.size();
    const char* last = text->data() + text->size() - 1;
    const auto parsed = std::from_chars(first, last, version);
    const bool whole = parsed.ec == std::errc{} && parsed.ptr == last;
    if (whole && version > 0) return std::optional{version};
  }
  return fail(ErrorCode::corrupt, fmt::format("{} does not name a format", path.string()));
}

Result<void> write_format(const std::filesystem::path& directory) {
  const auto path = directory / "FORMAT";
  const auto draft = directory / "FORMAT.new";
  const File file = open_file(draft, O_WRONLY | O_CREAT | O_TRUNC);
  const auto text = fmt::format("{}{}\n", format_words, format_version);
  if (!file.is_open() || !write_at(file, text, 0) || ::fsync(file.descriptor()) != 0 ||
      ::rename(draft.c_str(), path.c_str()) != 0) {
    return fail_errno("write", path);
  }
  return sync_directory(directory);
}

Result<AckedFile> AckedFile::open(const std::filesystem::path& directory, Access access) {
  const auto path = directory / "ACKED";
  File file = open_file(path, access == Access::own ? O_RDWR | O_CREAT : O_RDONLY);
  if (!file.is_open()) return fail_errno("open", path);
  const auto size = ::lseek(file.descriptor(), 0, SEEK_END);
  if (access == Access::own && size < static_cast<off_t>(acked_bytes)) {
    const std::string zeros(acked_bytes - static_cast<std::size_t>(size), '\0');
    if (!write_at(file, zeros, size) || ::fsync(file.descriptor()) != 0) {
      return fail_errno("write", path);
    }
    PERDURE_TRY_VOID(sync_directory(directory));
  }
  return AckedFile{std::move(file)};
}

Result<std::optional<std::uint64_t>> AckedFile::read() const {
  std::optional<std::uint64_t> highest;
  for (const off_t offset : {off_t{0}, slot_distance}) {
    const auto bytes = read_at(file_, slot_bytes, offset);
    if (!bytes) return fail_errno("read", "ACKED");
    const auto number = parse_slot(*bytes);
    if (number && (!highest || *number > *highest)) highest = number;
  }
  return highest;
}

Result<void> AckedFile::write(std::uint64_t number) {
  const off_t offset = number % 2 == 0 ? 0 : slot_distance;
  if (!write_at(file_, slot(number), offset)) return fail_errno("write", "ACKED");
  return {};
}

Result<void> AckedFile::reset(std::uint64_t number) {
  for (const off_t offset : {off_t{0}, slot_distance}) {
    if (!write_at(file_, slot(number), offset)) return fail_errno("write", "ACKED");
  }
  return sync();
}

Result<void> AckedFile::sync() {
  if (::fdatasync(file_.descriptor()) != 0) return fail_errno("sync", "ACKED");
  return {};
}

}  // namespace perdure::storage
