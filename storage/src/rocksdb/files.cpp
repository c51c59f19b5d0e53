// SPDX-License-Identifier: Apache-2.0
#include "rocksdb/files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <functional>
#include <system_error>

#include "perdure/base/codec.hpp"
#include "perdure/base/crypto.hpp"

namespace perdure::storage {
namespace {

constexpr std::string_view format_words = "perdure store ";
constexpr std::string_view manifest_words = "MANIFEST-";
constexpr std::string_view acked_magic = "PDACKED1";
constexpr std::size_t slot_bytes = 20;  // magic, be64(number), be32(CRC-32C of both)
constexpr off_t slot_distance = 4096;   // so that no torn page damages both slots
constexpr std::size_t acked_bytes = 2 * slot_distance;

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

/// False for a directory, or something else that holds no bytes, under the name of a file.
bool is_regular(const File& file, const std::filesystem::path& path) {
  struct stat found {};
  const int failed =
      file.is_open() ? ::fstat(file.descriptor(), &found) : ::stat(path.c_str(), &found);
  return failed != 0 || S_ISREG(found.st_mode);
}

std::uint64_t number_of_manifest(const std::string& name) {
  std::uint64_t number = 0;
  std::from_chars(name.data() + manifest_words.size(), name.data() + name.size(), number);
  return number;
}

}  // namespace

Result<std::optional<std::uint64_t>> read_format(const std::filesystem::path& directory) {
  const auto path = directory / "FORMAT";
  const File file = open_file(path, O_RDONLY);
  if (!file.is_open()) {
    if (errno == ENOENT) return std::optional<std::uint64_t>{};
    return fail_errno("open", path);
  }
  if (!is_regular(file, path)) {
    return fail(ErrorCode::corrupt, fmt::format("{} is no file", path.string()));
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
  return replace_file(directory / "FORMAT", fmt::format("{}{}\n", format_words, format_version));
}

Result<DatabaseFiles> find_database_files(const std::filesystem::path& directory) {
  DatabaseFiles found;
  std::error_code error;
  for (std::filesystem::directory_iterator file{directory, error}, end; !error && file != end;
       file.increment(error)) {
    const auto name = file->path().filename().string();
    if (name.ends_with(".sst") || name.ends_with(".log")) found.has_tables = true;
    if (name.starts_with(manifest_words)) found.manifests.push_back(name);
  }
  if (error) {
    return fail(ErrorCode::unavailable,
                fmt::format("cannot read {}: {}", directory.string(), error.message()));
  }
  std::ranges::sort(found.manifests, std::greater{}, &number_of_manifest);
  const File current = open_file(directory / "CURRENT", O_RDONLY);
  found.has_current = current.is_open();
  if (found.has_current) {
    auto named = read_at(current, 64, 0).value_or("");
    found.current_is_sound =
        named.ends_with('\n') &&
        std::ranges::find(found.manifests, named.substr(0, named.size() - 1)) !=
            found.manifests.end();
  }
  return found;
}

Result<void> write_current(const std::filesystem::path& directory, const std::string& manifest) {
  return replace_file(directory / "CURRENT", manifest + '\n');
}

Result<AckedFile> AckedFile::open(const std::filesystem::path& directory, Access access) {
  const auto path = directory / "ACKED";
  File file = open_file(path, access == Access::own ? O_RDWR | O_CREAT : O_RDONLY);
  if (!is_regular(file, path)) {
    return fail(ErrorCode::corrupt, fmt::format("{} is no file; {}", path.filename().string(),
                                                "put the one of the store in its place"));
  }
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
  if (!file_.is_open()) return highest;
  for (const off_t offset : {off_t{0}, slot_distance}) {
    const auto bytes = read_at(file_, slot_bytes, offset);
    if (!bytes) return fail_errno("read", "ACKED");
    const auto number = parse_slot(*bytes);
    if (number && (!highest || *number > *highest)) highest = number;
  }
  return highest;
}

std::vector<std::string> AckedFile::findings() const {
  std::vector<std::string> findings;
  int place = 0;
  int empty = 0;
  for (const off_t offset : {off_t{0}, slot_distance}) {
    ++place;
    const auto bytes = read_at(file_, slot_bytes, offset);
    if (!bytes) {
      findings.push_back(fmt::format("slot {} of the file ACKED cannot be read", place));
    } else if (*bytes == std::string(slot_bytes, '\0')) {
      ++empty;  // a new store has written one of them
    } else if (!parse_slot(*bytes)) {
      findings.push_back(fmt::format("slot {} of the file ACKED is damaged", place));
    }
  }
  if (empty == place) findings.push_back("no slot of the file ACKED tells a number");
  return findings;
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
