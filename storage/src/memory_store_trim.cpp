// SPDX-License-Identifier: Apache-2.0
// What erases: trims of objects, and groups of rows.
#include <fmt/format.h>

#include "memory_store.hpp"
#include "retention.hpp"

namespace perdure::storage {

namespace {

std::uint64_t trim_records(MemoryObject& object) {
  return std::erase_if(object.records, [&](const auto& record) {
    return record.first < object.floor && !object.pins.contains(record.first);
  });
}

std::uint64_t trim_entries(MemoryObject& object) {
  std::vector<Seq> pins;
  for (const auto& pin : object.pins) pins.push_back(pin.first);
  std::uint64_t removed = 0;
  for (auto entry = object.entries.begin(); entry != object.entries.end();) {
    auto& versions = entry->second;
    std::vector<EntryVersion> newest_first;
    for (auto version = versions.rbegin(); version != versions.rend(); ++version) {
      newest_first.push_back({version->first, !version->second});
    }
    for (const auto seq : unseen_versions(newest_first, object.floor, pins)) {
      removed += versions.erase(seq);
    }
    entry = versions.empty() ? object.entries.erase(entry) : std::next(entry);
  }
  return removed;
}

}  // namespace

Result<Trimmed> MemoryStore::trim(const ObjectId& id, Seq floor,
                                  const ChangedKeys& /*changed_keys*/) {
  const std::lock_guard lock{disk().mutex};
  PERDURE_TRY_VOID(check_usable());
  if (health_ != Health::writable)
    return fail(ErrorCode::unavailable, "a write failed; writes have stopped");
  const auto found = disk().objects.find(id);
  const Seq last = found == disk().objects.end() ? 0 : found->second.last;
  if (floor > last) {
    return fail(ErrorCode::invalid, fmt::format("the floor {} of {} is above its last seq {}",
                                                floor, to_string(id), last));
  }
  if (last == 0 || floor < found->second.floor) return Trimmed{};
  auto& object = found->second;
  disk().unsynced_trims.push_back({.object = id, .before = object, .events_before = {}});
  object.floor = floor;
  const auto records = trim_records(object);
  return Trimmed{.records = records, .entry_versions = trim_entries(object)};
}

Result<std::vector<std::string>> MemoryStore::kinds() const {
  const std::lock_guard lock{disk().mutex};
  PERDURE_TRY_VOID(check_usable());
  std::vector<std::string> kinds;
  for (const auto& [name, rows] : disk().indexes) {
    if (rows.empty() || (!kinds.empty() && kinds.back() == name.first)) continue;
    kinds.push_back(name.first);
  }
  return kinds;
}

namespace {

/// Erases the rows of a map from `first` on for which `is_of_group` holds, at most `limit`.
template <class Map, class Test>
std::size_t erase_some(Map& map, typename Map::iterator first, const Test& is_of_group,
                       std::size_t limit) {
  std::size_t erased = 0;
  while (first != map.end() && erased < limit && is_of_group(first->first)) {
    first = map.erase(first);
    ++erased;
  }
  return erased;
}

}  // namespace

Result<std::size_t> MemoryStore::erase_rows(const RowGroup& group, std::size_t limit) {
  const std::lock_guard lock{disk().mutex};
  PERDURE_TRY_VOID(check_usable());
  if (health_ != Health::writable) return fail(ErrorCode::unavailable, "writes have stopped");
  switch (group.sort) {
    case RowGroup::Sort::index: {
      auto& rows = disk().indexes[{group.kind, group.name}];
      return erase_some(
          rows, rows.begin(), [](const auto&) { return true; }, limit);
    }
    case RowGroup::Sort::claims:
      return erase_some(
          disk().claims, disk().claims.lower_bound({group.name, {}}),
          [&](const auto& name) { return name.first == group.name; }, limit);
    case RowGroup::Sort::counts:
      return erase_some(
          disk().counts, disk().counts.lower_bound(group.name),
          [&](const auto& name) { return name.starts_with(group.name); }, limit);
  }
  return std::size_t{0};
}

}  // namespace perdure::storage
