// SPDX-License-Identifier: Apache-2.0
// Opening, commits, and the rows of objects: records, entries, indexes, claims, counts.
#include "memory_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace perdure::storage {

namespace {

std::vector<Outcome> all_unknown(std::size_t count) {
  std::vector<Outcome> outcomes;
  outcomes.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    outcomes.emplace_back(fail(ErrorCode::outcome_unknown, "a write failed; writes have stopped"));
  }
  return outcomes;
}

/// So many rows of an index are copied while the disk's mutex is held.
constexpr std::size_t index_slice_rows = 64;

/// Whether a range names no keys at all.
bool is_empty(const KeyRange& range) {
  return range.limit == 0 || (!range.until.empty() && range.until <= range.from);
}

}  // namespace

Result<std::unique_ptr<Store>> MemoryStore::open(std::shared_ptr<MemoryDisk> disk) {
  auto& state = *disk->state_;
  const std::lock_guard lock{state.mutex};
  if (state.doubtful) {
    const auto doubtful = *std::exchange(state.doubtful, {});
    if (doubtful.survives) static_cast<void>(state.apply(doubtful.units, doubtful.now));
  }
  if (state.commit_number < state.acknowledged) {
    return fail(ErrorCode::corrupt,
                fmt::format("commit {} was acknowledged, but the disk gives back only {}",
                            state.acknowledged, state.commit_number));
  }
  const auto epoch = ++state.epoch;
  const auto crashes = state.crashes;
  return std::make_unique<MemoryStore>(std::move(disk), epoch, crashes);
}

std::vector<Outcome> MemoryStore::commit(std::span<const Unit> units, Timestamp now) {
  const std::lock_guard lock{disk().mutex};
  if (!takes_commits()) return all_unknown(units.size());
  if (units.empty()) return {};
  auto& faults = disk_->faults;
  if (call_fails()) faults.commits_until_sync_fails = 0;
  if (faults.commits_until_sync_fails == 0 || faults.disk_is_full) {
    health_ = faults.disk_is_full ? Health::no_space : Health::read_only;
    faults.commits_until_sync_fails = -1;
    disk().doubtful = State::Doubtful{.units = {units.begin(), units.end()},
                                      .now = now,
                                      .survives = faults.failed_batch_survives};
    return all_unknown(units.size());
  }
  if (faults.commits_until_sync_fails > 0) --faults.commits_until_sync_fails;
  const auto before = disk().commit_number;
  auto outcomes = disk().apply(units, now);
  disk().acknowledged = disk().commit_number;
  stats_.commits += disk().commit_number - before;
  stats_.syncs = stats_.commits;
  return outcomes;
}

Health MemoryStore::health() const {
  const std::lock_guard lock{disk().mutex};
  return crashes_ == disk().crashes ? health_ : Health::read_only;
}

Result<std::optional<RecordRow>> MemoryStore::last_record(const ObjectId& id) const {
  const std::lock_guard lock{disk().mutex};
  PERDURE_TRY_VOID(check_usable());
  const auto& records = find(id).records;
  if (records.empty()) return std::optional<RecordRow>{};
  return std::optional{RecordRow{records.rbegin()->first, records.rbegin()->second}};
}

Result<RecordRow> MemoryStore::record(const ObjectId& id, Seq seq) const {
  const std::lock_guard lock{disk().mutex};
  PERDURE_TRY_VOID(check_usable());
  const auto& object = find(id);
  if (seq == 0 || seq > object.last) {
    return fail(ErrorCode::not_found, fmt::format("{} has no record {}", to_string(id), seq));
  }
  const auto found = object.records.find(seq);
  if (found == object.records.end()) {
    return fail(ErrorCode::gone, fmt::format("record {} of {} was trimmed", seq, to_string(id)));
  }
  return RecordRow{seq, found->second};
}

Result<std::vector<RecordRow>> MemoryStore::journal(const ObjectId& id, Seq from, Seq until,
                                                    Direction direction, std::size_t limit) const {
  const std::lock_guard lock{disk().mutex};
  PERDURE_TRY_VOID(check_usable());
  std::vector<RecordRow> rows;
  if (from > until || limit == 0) return rows;
  const auto& records = find(id).records;
  walk(records.lower_bound(from), records.upper_bound(until), direction, [&](auto record) {
    rows.push_back({record->first, record->second});
    return rows.size() < limit;
  });
  return rows;
}

Result<Seq> MemoryStore::floor(const ObjectId& id) const {
  const std::lock_guard lock{disk().mutex};
  PERDURE_TRY_VOID(check_usable());
  return find(id).floor;
}

namespace {

using Versions = std::map<Seq, std::optional<std::string>>;

std::optional<EntryRow> visible(const std::string& key, const Versions& versions, Seq as_of) {
  auto version = versions.upper_bound(as_of);
  if (version == versions.begin()) return {};
  --version;
  if (!version->second) return {};
  return EntryRow{key, version->first, *version->second};
}

}  // namespace

Result<std::optional<EntryRow>> MemoryStore::entry(const ObjectId& id, std::string_view key,
                                                   Seq as_of) const {
  const std::lock_guard lock{disk().mutex};
  PERDURE_TRY_VOID(check_usable());
  const auto& entries = find(id).entries;
  const auto found = entries.find(key);
  if (found == entries.end()) return std::optional<EntryRow>{};
  return visible(found->first, found->second, as_of);
}

Result<std::vector<EntryRow>> MemoryStore::entries(const ObjectId& id, const KeyRange& range,
                                                   Seq as_of, Gaps* gaps) const {
  const std::lock_guard lock{disk().mutex};
  PERDURE_TRY_VOID(check_usable());
  std::vector<EntryRow> rows;
  if (is_empty(range)) return rows;
  const auto& entries = find(id).entries;
  const auto end = range.until.empty() ? entries.end() : entries.lower_bound(range.until);
  GapFinder finder{range.direction == Direction::forward ? gaps : nullptr, range.from};
  std::size_t bytes = 0;
  const auto is_full = [&] { return rows.size() >= range.limit || bytes >= range.bytes_max; };
  walk(entries.lower_bound(range.from), end, range.direction, [&](auto entry) {
    if (finder.leap(entry->first)) return true;  // nobody is to miss what is there all the same
    auto row = visible(entry->first, entry->second, as_of);
    if (row) {
      finder.found(row->key);
      bytes += bytes_of(*row);
      rows.push_back(std::move(*row));
    } else {
      finder.passed();
    }
    return !is_full();
  });
  if (!is_full()) finder.ended(range.until);
  return rows;
}

Result<void> MemoryStore::walk_index(std::string_view kind, std::string_view index,
                                     const KeyRange& range, const std::optional<IndexRow>& after,
                                     const IndexReader& read) const {
  if (is_empty(range)) return {};
  const std::pair name{std::string{kind}, std::string{index}};
  std::optional<IndexRow> place = after;
  for (std::size_t left = range.limit; left > 0;) {
    const auto most = std::min(left, index_slice_rows);
    std::vector<IndexRow> rows;
    {
      const std::lock_guard lock{disk().mutex};
      PERDURE_TRY_VOID(check_usable());
      rows = index_slice(name, range, place, most);
    }
    for (const auto& row : rows) {
      if (read(row.key, row.id, row.value) == Walk::end) return {};
    }
    if (rows.size() < most) return {};
    left -= rows.size();
    place = std::move(rows.back());
  }
  return {};
}

std::vector<IndexRow> MemoryStore::index_slice(const std::pair<std::string, std::string>& name,
                                               const KeyRange& range,
                                               const std::optional<IndexRow>& after,
                                               std::size_t rows_max) const {
  std::vector<IndexRow> rows;
  const auto found = disk().indexes.find(name);
  if (found == disk().indexes.end()) return rows;
  const auto& all = found->second;
  using Key = std::pair<std::string, std::string>;
  Key lower{range.from, {}};
  auto last = range.until.empty() ? all.end() : all.lower_bound({range.until, {}});
  auto first = all.lower_bound(lower);
  if (after) {
    const Key mark{after->key, after->id};
    if (range.direction == Direction::forward) {
      if (mark >= lower) first = all.upper_bound(mark);
      if (first != all.end() && !range.until.empty() && first->first >= Key{range.until, {}}) {
        return rows;
      }
    } else if (range.until.empty() || mark < Key{range.until, {}}) {
      if (mark <= lower) return rows;
      last = all.lower_bound(mark);
    }
  }
  walk(first, last, range.direction, [&](auto row) {
    rows.push_back({row->first.first, row->first.second, row->second});
    return rows.size() < rows_max;
  });
  return rows;
}

Result<std::optional<std::string>> MemoryStore::claim(const ClaimKey& key, Timestamp now) const {
  const std::lock_guard lock{disk().mutex};
  PERDURE_TRY_VOID(check_usable());
  const auto found = disk().claims.find({key.space, key.key});
  if (found == disk().claims.end()) return std::optional<std::string>{};
  if (found->second.expires && *found->second.expires <= now) return std::optional<std::string>{};
  return std::optional{found->second.value};
}

Result<std::uint64_t> MemoryStore::count(std::string_view name) const {
  const std::lock_guard lock{disk().mutex};
  PERDURE_TRY_VOID(check_usable());
  const auto found = disk().counts.find(name);
  return found == disk().counts.end() ? 0 : found->second;
}

StoreStats MemoryStore::stats() const {
  const std::lock_guard lock{disk().mutex};
  auto stats = stats_;
  stats.memory_bytes = disk().bytes;
  return stats;
}

Result<std::unique_ptr<Store>> open_memory(MemoryDisk& disk) {
  // Its owner keeps it.
  return MemoryStore::open(std::shared_ptr<MemoryDisk>{std::shared_ptr<void>{}, &disk});
}

Result<std::unique_ptr<Store>> open_memory(std::shared_ptr<MemoryDisk> disk) {
  return MemoryStore::open(std::move(disk));
}

}  // namespace perdure::storage
