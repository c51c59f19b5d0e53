// SPDX-License-Identifier: Apache-2.0
#include "time_zone.hpp"

#include <algorithm>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "perdure/base/codec.hpp"
#include "perdure/runtime/schedule.hpp"

namespace perdure {

namespace runtime {

namespace {

constexpr const char* directory = "/usr/share/zoneinfo/";
/// The largest file of Debian's database has 4 KiB.
constexpr std::size_t file_bytes_max = std::size_t{256} * 1024;
constexpr std::size_t name_length_max = 100;
/// No calendar goes further here than times do (year 9999).
constexpr std::chrono::sys_seconds last_change_max =
    std::chrono::sys_days{std::chrono::year{10'000} / std::chrono::January / 1};

Unexpected malformed() { return fail(ErrorCode::malformed, "is no file of a time zone"); }

/// The counts of a header: one of a block whose times have 4 bytes, or 8.
struct Counts {
  char version = 0;
  std::size_t is_ut = 0;
  std::size_t is_standard = 0;
  std::size_t leaps = 0;
  std::size_t times = 0;
  std::size_t types = 0;
  std::size_t characters = 0;
};

Result<Counts> read_counts(Reader& file) {
  Counts counts;
  if (file.raw(4) != "TZif") return malformed();
  const auto version = file.raw(1);
  if (!version.empty()) counts.version = version.front();
  file.raw(15);  // unused
  for (auto* count : {&counts.is_ut, &counts.is_standard, &counts.leaps, &counts.times,
                      &counts.types, &counts.characters}) {
    *count = file.be32();
  }
  if (file.failed() || counts.types == 0) return malformed();
  return counts;
}

std::size_t block_bytes(const Counts& counts, std::size_t time_bytes) {
  return counts.times * (time_bytes + 1) + counts.types * 6 + counts.characters +
         counts.leaps * (time_bytes + 4) + counts.is_standard + counts.is_ut;
}

std::int64_t read_time(Reader& file, std::size_t time_bytes) {
  if (time_bytes == 8) return static_cast<std::int64_t>(file.be64());
  return static_cast<std::int32_t>(file.be32());
}

/// Only names of files below the directory: no way out of it.
bool is_name(const std::string& name) {
  const auto belongs = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '+' || c == '-' || c == '/';
  };
  if (name.empty() || name.size() > name_length_max || !std::ranges::all_of(name, belongs)) {
    return false;
  }
  // Debian's directory of zones has two more copies of all of them, and files that are no zones.
  return !name.starts_with('/') && !name.ends_with('/') && !name.starts_with("posix/") &&
         !name.starts_with("right/") && name != "posixrules" && name != "localtime" &&
         name != "Factory";
}

std::unique_ptr<const TimeZone> load(const std::string& name) {
  std::ifstream file{directory + name, std::ios::binary};
  std::string bytes(file_bytes_max, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  // The default needs no database.
  if (bytes.empty() && name == "UTC") return std::make_unique<const TimeZone>();
  auto zone = TimeZone::parse(bytes);
  return zone ? std::make_unique<const TimeZone>(std::move(*zone)) : nullptr;
}

}  // namespace

Result<TimeZone> TimeZone::parse(std::string_view bytes) {
  Reader file{bytes};
  PERDURE_TRY(counts, read_counts(file));
  std::size_t time_bytes = 4;
  if (counts.version != 0) {
    // The first block is there for readers of the first version.
    file.raw(block_bytes(counts, time_bytes));
    PERDURE_TRY(second, read_counts(file));
    counts = second;
    time_bytes = 8;
  }
  if (block_bytes(counts, time_bytes) > file.rest().size()) return malformed();

  TimeZone zone;
  zone.changes_.resize(counts.times);
  for (auto& change : zone.changes_) {
    change.at = std::chrono::sys_seconds{std::chrono::seconds{read_time(file, time_bytes)}};
  }
  const auto types_of_changes = file.raw(counts.times);
  std::vector<std::chrono::seconds> offsets(counts.types);
  for (auto& offset : offsets) {
    offset = std::chrono::seconds{static_cast<std::int32_t>(file.be32())};
    file.raw(2);  // whether it is summer time, and its abbreviation
    if (std::chrono::abs(offset) > std::chrono::hours{26}) return malformed();
  }
  for (std::size_t i = 0; i < counts.times; ++i) {
    const auto type = static_cast<unsigned char>(types_of_changes[i]);
    if (type >= counts.types) return malformed();
    zone.changes_[i].offset_after = offsets[type];
  }
  zone.first_offset_ = offsets.front();
  const bool is_in_order = std::ranges::is_sorted(zone.changes_, std::less_equal{}, &Change::at);
  if (!is_in_order || (!zone.changes_.empty() && zone.changes_.back().at > last_change_max)) {
    return malformed();
  }
  file.raw(counts.characters + counts.leaps * (time_bytes + 4) + counts.is_standard + counts.is_ut);
  if (counts.version == 0) return zone;

  auto rule = file.rest();
  if (!rule.starts_with('\n')) return malformed();
  rule.remove_prefix(1);
  rule = rule.substr(0, rule.find('\n'));
  if (rule.empty()) return zone;
  PERDURE_TRY(parsed, ZoneRule::parse(rule));
  zone.rule_ = parsed;
  return zone;
}

Stretch TimeZone::at(std::chrono::sys_seconds time) const {
  const auto next = std::ranges::upper_bound(changes_, time, {}, &Change::at);
  const bool is_first = next == changes_.begin();
  const auto begin = is_first ? first_second : std::prev(next)->at;
  if (next != changes_.end()) {
    return {begin, next->at, is_first ? first_offset_ : std::prev(next)->offset_after};
  }
  if (!rule_) return {begin, last_second, is_first ? first_offset_ : changes_.back().offset_after};
  auto stretch = rule_->at(time);
  stretch.begin = std::max(stretch.begin, begin);
  return stretch;
}

const TimeZone* find_time_zone(const std::string& name) {
  // Zones are of this machine, as its files are: no more of them than there are files.
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<const TimeZone>> zones;
  if (!is_name(name)) return nullptr;
  const std::lock_guard lock{mutex};
  if (const auto known = zones.find(name); known != zones.end()) return known->second.get();
  auto zone = load(name);
  if (!zone) return nullptr;
  return zones.emplace(name, std::move(zone)).first->second.get();
}

}  // namespace runtime

bool is_time_zone(const std::string& name) { return runtime::find_time_zone(name) != nullptr; }

}  // namespace perdure
