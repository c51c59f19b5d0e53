// SPDX-License-Identifier: Apache-2.0
#include "rocksdb/place.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "rocksdb/file.hpp"

namespace perdure::storage {
namespace {

constexpr std::string_view file_words = "PLACE.";
constexpr std::string_view draft_words = "perdure place draft ";
constexpr std::string_view settled_words = "perdure place final ";
static_assert(draft_words.size() == settled_words.size(), "one is written over the other");
constexpr std::size_t file_bytes_max = 128;

/// The text by which a file knows itself: `<inode> <time of its making, ns>\n`. Where the file
/// system does not tell the time, it is 0: the number of the inode then says it alone.
Result<std::string> describe_file(const File& file, const std::filesystem::path& path) {
  struct statx found {};
  if (::statx(file.descriptor(), "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &found) != 0) {
    return fail_errno("look at", path);
  }
  const bool tells_time = (found.stx_mask & STATX_BTIME) != 0;
  const auto ns = tells_time ? found.stx_btime.tv_sec * 1'000'000'000 + found.stx_btime.tv_nsec : 0;
  return fmt::format("{} {}\n", found.stx_ino, ns);
}

Result<PlaceFile> read_place(const std::filesystem::path& path) {
  PlaceFile place{.id = path.filename().string().substr(file_words.size())};
  const File file = open_file(path, O_RDONLY);
  if (!file.is_open()) return fail_errno("open", path);
  const auto text = read_at(file, file_bytes_max, 0);
  if (!text) return fail_errno("read", path);
  if (text->starts_with(draft_words)) place.state = PlaceFile::State::draft;
  if (text->starts_with(settled_words)) place.state = PlaceFile::State::settled;
  if (place.state == PlaceFile::State::damaged) return place;
  PERDURE_TRY(itself, describe_file(file, path));
  place.is_itself = text->substr(draft_words.size()) == itself;
  return place;
}

std::filesystem::path path_of(const std::filesystem::path& directory, std::string_view id) {
  return directory / fmt::format("{}{}", file_words, id);
}

}  // namespace

Result<std::vector<PlaceFile>> read_places(const std::filesystem::path& directory) {
  std::vector<PlaceFile> places;
  std::error_code error;
  for (std::filesystem::directory_iterator file{directory, error}, end; !error && file != end;
       file.increment(error)) {
    if (!file->path().filename().string().starts_with(file_words)) continue;
    PERDURE_TRY(place, read_place(file->path()));
    places.push_back(std::move(place));
  }
  if (error) {
    return fail(ErrorCode::unavailable,
                fmt::format("cannot read {}: {}", directory.string(), error.message()));
  }
  return places;
}

bool is_copied(const std::vector<PlaceFile>& places, std::string_view known) {
  const auto is_another = [&](const PlaceFile& place) {
    return place.id != known && place.state == PlaceFile::State::settled;
  };
  const bool has_another = std::ranges::any_of(places, is_another);
  if (known.empty()) return has_another;
  const auto own = std::ranges::find(places, known, &PlaceFile::id);
  if (own == places.end() || !own->is_itself) return true;
  // The draft is the one that comes after the other: the last opening was cut short.
  return own->state == PlaceFile::State::settled && has_another;
}

Result<void> draft_place(const std::filesystem::path& directory, const std::string& id) {
  const auto path = path_of(directory, id);
  const File file = open_file(path, O_WRONLY | O_CREAT | O_EXCL);
  if (!file.is_open()) return fail_errno("make", path);
  PERDURE_TRY(itself, describe_file(file, path));
  if (!write_at(file, std::string{draft_words} + itself, 0) || ::fsync(file.descriptor()) != 0) {
    return fail_errno("write", path);
  }
  return sync_directory(directory);
}

Result<void> settle_place(const std::filesystem::path& directory, const std::string& id) {
  PERDURE_TRY(places, read_places(directory));
  for (const auto& place : places) {
    if (place.id == id) continue;
    const auto path = path_of(directory, place.id);
    if (::unlink(path.c_str()) != 0) return fail_errno("remove", path);
  }
  PERDURE_TRY_VOID(sync_directory(directory));
  const auto path = path_of(directory, id);
  const File file = open_file(path, O_WRONLY);
  if (!file.is_open() || !write_at(file, settled_words, 0) || ::fsync(file.descriptor()) != 0) {
    return fail_errno("write", path);
  }
  return {};
}

}  // namespace perdure::storage
