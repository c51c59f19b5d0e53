// SPDX-License-Identifier: Apache-2.0
// What erases: trims of objects, and groups of rows.
#include <fmt/format.h>

#include <utility>

#include "memory_store.hpp"
#include "retention.hpp"

namespace perdure::storage {

namespace {

/// So many records, and the entries of so many keys, go while the disk's mutex is held.
constexpr std::size_t trim_slice = 64;

std::vector<Seq> unseen_of(const MemoryObject& object,
                           const std::map<Seq, std::optional<std::string>>& versions) {
  std::vector<Seq> pins;
  for (const auto& pin : object.pins) pins.push_back(pin.first);
  std::vector<EntryVersion> newest_first;
  for (auto version = versions.rbegin(); version != versions.rend(); ++version) {
    newest_first.push_back({version->first, !version->second});
  }
  return unseen_versions(newest_first, object.floor, pins);
}

}  // namespace

Result<std::optional<MemoryStore::RaisedFloor>> MemoryStore::raise_floor(const ObjectId& id,
                                                                         Seq floor) {
  const std::lock_guard lock{disk().mutex};
  PERDURE_TRY_VOID(check_writable());
  const auto found = disk().objects.find(id);
  const Seq last = found == disk().objects.end() ? 0 : found->second.last;
  if (floor > last) {
    return fail(ErrorCode::invalid, fmt::format("the floor {} of {} is above its last seq {}",
                                                floor, to_string(id), last));
  }
  if (last == 0 || floor < found->second.floor) return std::optional<RaisedFloor>{};
  auto& object = found->second;
  if (may_crash()) {
    disk().unsynced_trims.push_back({.object = id, .before = object, .events_before = {}});
  }
  const auto before = std::exchange(object.floor, floor);
  return std::optional{RaisedFloor{before, floor, std::exchange(object.trims_all, false)}};
}

Result<std::vector<RecordRow>> MemoryStore::records_since(const ObjectId& id, Seq from,
                                                          Seq until) const {
  const std::lock_guard lock{disk().mutex};
  PERDURE_TRY_VOID(check_usable());
  std::vector<RecordRow> rows;
  const auto& records = find(id).records;
  for (auto record = records.lower_bound(from);
       record != records.end() && record->first <= until && rows.size() < trim_slice; ++record) {
    rows.push_back({record->first, record->second});
  }
  return rows;
}

Result<std::uint64_t> MemoryStore::trim_records(const ObjectId& id) {
  std::uint64_t removed = 0;
  for (Seq from = 0;;) {
    const std::lock_guard lock{disk().mutex};
    PERDURE_TRY_VOID(check_usable());
    const auto found = disk().objects.find(id);
    if (found == disk().objects.end()) return removed;
    auto& [last, floor, records, entries, alarms, pins, trims_all] = found->second;
    auto record = records.lower_bound(from);
    for (std::size_t i = 0; i < trim_slice; ++i) {
      if (record == records.end() || record->first >= floor) return removed;
      from = record->first + 1;
      if (pins.contains(record->first)) {
        ++record;
        continue;
      }
      disk().bytes -= weight::of(record->second);
      record = records.erase(record);
      ++removed;
    }
  }
}

Result<std::uint64_t> MemoryStore::trim_entries(const ObjectId& id,
                                                std::span<const std::string> keys) {
  const std::lock_guard lock{disk().mutex};
  PERDURE_TRY_VOID(check_usable());
  std::uint64_t removed = 0;
  const auto found = disk().objects.find(id);
  if (found == disk().objects.end()) return removed;
  auto& object = found->second;
  for (const auto& key : keys) {
    const auto entry = object.entries.find(key);
    if (entry == object.entries.end()) continue;
    auto& versions = entry->second;
    for (const auto seq : unseen_of(object, versions)) {
      const auto version = versions.find(seq);
      disk().bytes -= weight::of_version(version->second);
      versions.erase(version);
      ++removed;
    }
    if (!versions.empty()) continue;
    disk().bytes -= weight::of(key);
    object.entries.erase(entry);
  }
  return removed;
}

Result<std::uint64_t> MemoryStore::trim_all_entries(const ObjectId& id) {
  std::uint64_t removed = 0;
  std::vector<std::string> keys;
  do {
    std::string from = keys.empty() ? std::string{} : keys.back() + '\0';
    keys.clear();
    {
      const std::lock_guard lock{disk().mutex};
      const auto& entries = find(id).entries;
      for (auto entry = entries.lower_bound(from);
           entry != entries.end() && keys.size() < trim_slice; ++entry) {
        keys.push_back(entry->first);
      }
    }
    PERDURE_TRY(trimmed, trim_entries(id, keys));
    removed += trimmed;
  } while (keys.size() == trim_slice);
  return removed;
}

Result<std::uint64_t> MemoryStore::trim_changed_entries(const ObjectId& id,
                                                        const RaisedFloor& raised,
                                                        const ChangedKeys& changed_keys) {
  std::uint64_t removed = 0;
  for (Seq from = raised.before + 1;;) {
    PERDURE_TRY(records, records_since(id, from, raised.floor));
    for (const auto& record : records) {
      PERDURE_TRY(keys, changed_keys(id, record));
      PERDURE_TRY(trimmed, trim_entries(id, keys));
      removed += trimmed;
    }
    if (records.size() < trim_slice) return removed;
    from = records.back().seq + 1;
  }
}

Result<Trimmed> MemoryStore::trim_below(const ObjectId& id, const RaisedFloor& raised,
                                        const ChangedKeys& changed_keys) {
  const bool all = raised.trims_all || !changed_keys;
  PERDURE_TRY(versions,
              all ? trim_all_entries(id) : trim_changed_entries(id, raised, changed_keys));
  PERDURE_TRY(records, trim_records(id));
  return Trimmed{.records = records, .entry_versions = versions};
}

Result<Trimmed> MemoryStore::trim(const ObjectId& id, Seq floor, const ChangedKeys& changed_keys) {
  PERDURE_TRY(raised, raise_floor(id, floor));
  if (!raised) return Trimmed{};
  auto trimmed = trim_below(id, *raised, changed_keys);
  if (trimmed) return trimmed;
  const std::lock_guard lock{disk().mutex};
  if (const auto found = disk().objects.find(id); found != disk().objects.end()) {
    found->second.trims_all = true;
  }
  return trimmed;
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

/// Calls `erase(name)` for the rows of a map from `first` on for which `is_of_group` holds, at most
/// `limit` of them; it erases that row.
template <class Map, class Test, class Erase>
std::size_t erase_some(Map& map, typename Map::iterator first, const Test& is_of_group,
                       const Erase& erase, std::size_t limit) {
  std::size_t erased = 0;
  while (first != map.end() && erased < limit && is_of_group(first->first)) {
    const auto row = first++;
    erase(row);
    ++erased;
  }
  return erased;
}

}  // namespace

Result<std::size_t> MemoryStore::erase_rows(const RowGroup& group, std::size_t limit) {
  const std::lock_guard lock{disk().mutex};
  PERDURE_TRY_VOID(check_writable());
  auto& state = disk();
  switch (group.sort) {
    case RowGroup::Sort::index: {
      auto& rows = state.indexes[{group.kind, group.name}];
      return erase_some(
          rows, rows.begin(), [](const auto&) { return true; },
          [&](auto row) {
            state.bytes -= weight::of_index_row(row->first.first, row->first.second, row->second);
            rows.erase(row);
          },
          limit);
    }
    case RowGroup::Sort::claims:
      return erase_some(
          state.claims, state.claims.lower_bound({group.name, {}}),
          [&](const auto& name) { return name.first == group.name; },
          [&](auto row) { state.erase_claim(MemoryDisk::State::ClaimName{row->first}); }, limit);
    case RowGroup::Sort::counts:
      return erase_some(
          state.counts, state.counts.lower_bound(group.name),
          [&](const auto& name) { return name.starts_with(group.name); },
          [&](auto row) {
            state.bytes -= weight::of(row->first);
            state.counts.erase(row);
          },
          limit);
  }
  return std::size_t{0};
}

}  // namespace perdure::storage
