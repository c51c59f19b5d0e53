// SPDX-License-Identifier: Apache-2.0
#include "perdure/storage/memory_store.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "memory_disk.hpp"
#include "retention.hpp"

namespace perdure::storage {

class MemoryStore final : public Store {
 public:
  MemoryStore(MemoryDisk& disk, std::uint64_t epoch, std::uint64_t crashes)
      : disk_(disk), epoch_(epoch), crashes_(crashes) {}

  static Result<std::unique_ptr<Store>> open(MemoryDisk& disk);

  [[nodiscard]] std::uint64_t epoch() const override { return epoch_; }
  std::vector<Outcome> commit(std::span<const Unit> units, Timestamp now) override;
  [[nodiscard]] Health health() const override;
  [[nodiscard]] Result<std::optional<RecordRow>> last_record(const ObjectId& id) const override;
  [[nodiscard]] Result<RecordRow> record(const ObjectId& id, Seq seq) const override;
  [[nodiscard]] Result<std::vector<RecordRow>> journal(const ObjectId& id, Seq from, Seq until,
                                                       Direction direction,
                                                       std::size_t limit) const override;
  [[nodiscard]] Result<Seq> floor(const ObjectId& id) const override;
  [[nodiscard]] Result<std::optional<EntryRow>> entry(const ObjectId& id, std::string_view key,
                                                      Seq as_of) const override;
  [[nodiscard]] Result<std::vector<EntryRow>> entries(const ObjectId& id, const KeyRange& range,
                                                      Seq as_of, Gaps* gaps) const override;
  [[nodiscard]] Result<void> walk_index(std::string_view kind, std::string_view index,
                                        const KeyRange& range, const std::optional<IndexRow>& after,
                                        const IndexReader& read) const override;
  [[nodiscard]] Result<std::optional<std::string>> claim(const ClaimKey& key,
                                                         Timestamp now) const override;
  [[nodiscard]] Result<std::uint64_t> count(std::string_view name) const override;
  [[nodiscard]] Result<std::vector<AlarmPlace>> alarms_due(
      Timestamp until, std::size_t limit, const std::optional<AlarmPlace>& after) const override;
  [[nodiscard]] Result<std::optional<AlarmRow>> alarm(const ObjectId& id,
                                                      std::string_view name) const override;
  [[nodiscard]] Result<std::vector<AlarmRow>> alarms(const ObjectId& id, std::string_view from,
                                                     std::size_t limit) const override;
  [[nodiscard]] Result<std::vector<EventRow>> events(std::uint64_t from,
                                                     std::size_t limit) const override;
  [[nodiscard]] Result<EventRange> event_range() const override;
  Result<void> trim_events(std::uint64_t first) override;
  Result<void> drop_events(const EventGap& gap) override;
  [[nodiscard]] Result<std::vector<OutboxRow>> outbox(std::uint64_t from,
                                                      std::size_t limit) const override;
  [[nodiscard]] Result<std::vector<PinRow>> pins(const ObjectId& id, Seq from,
                                                 std::size_t limit) const override;
  Result<Trimmed> trim(const ObjectId& id, Seq floor, const ChangedKeys& changed_keys) override;
  [[nodiscard]] Result<std::vector<std::string>> kinds() const override;
  [[nodiscard]] Result<std::size_t> erase_rows(const RowGroup& group, std::size_t limit) override;
  [[nodiscard]] StoreStats stats() const override;

 private:
  using State = MemoryDisk::State;

  [[nodiscard]] State& disk() const { return *disk_.state_; }
  /// Errors: unavailable after a crash of the disk, or when an I/O error is due. The caller holds
  /// the disk's mutex.
  [[nodiscard]] Result<void> check_usable() const {
    if (crashes_ != disk().crashes) {
      return fail(ErrorCode::unavailable, "the machine under this store has crashed");
    }
    if (call_fails()) return fail(ErrorCode::unavailable, "the disk cannot be read");
    return {};
  }
  /// Counts a call of the store. The caller holds the disk's mutex.
  [[nodiscard]] bool call_fails() const {
    auto& left = disk_.faults.calls_until_error;
    return left >= 0 && left-- == 0;
  }
  /// The object's rows, or those of an object that has none.
  [[nodiscard]] const MemoryObject& find(const ObjectId& id) const {
    static const MemoryObject none;
    const auto found = disk().objects.find(id);
    return found == disk().objects.end() ? none : found->second;
  }
  [[nodiscard]] bool takes_commits() const {
    return health_ == Health::writable && crashes_ == disk().crashes;
  }

  MemoryDisk& disk_;
  const std::uint64_t epoch_;
  const std::uint64_t crashes_;
  Health health_ = Health::writable;  ///< protected by the disk's mutex
  StoreStats stats_;                  ///< protected by the disk's mutex
};

namespace {

std::vector<Outcome> all_unknown(std::size_t count) {
  std::vector<Outcome> outcomes;
  outcomes.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    outcomes.emplace_back(fail(ErrorCode::outcome_unknown, "a write failed; writes have stopped"));
  }
  return outcomes;
}

/// Calls `visit(iterator)` for [first, last) in `direction` until it returns false.
template <class Iterator, class Visit>
void walk(Iterator first, Iterator last, Direction direction, Visit visit) {
  if (direction == Direction::forward) {
    while (first != last && visit(first)) ++first;
  } else {
    while (first != last && visit(--last)) {
    }
  }
}

/// Whether a range names no keys at all.
bool is_empty(const KeyRange& range) {
  return range.limit == 0 || (!range.until.empty() && range.until <= range.from);
}

}  // namespace

Result<std::unique_ptr<Store>> MemoryStore::open(MemoryDisk& disk) {
  auto& state = *disk.state_;
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
  return std::make_unique<MemoryStore>(disk, ++state.epoch, state.crashes);
}

std::vector<Outcome> MemoryStore::commit(std::span<const Unit> units, Timestamp now) {
  const std::lock_guard lock{disk().mutex};
  if (!takes_commits()) return all_unknown(units.size());
  if (units.empty()) return {};
  auto& faults = disk_.faults;
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
  const std::lock_guard lock{disk().mutex};
  PERDURE_TRY_VOID(check_usable());
  const auto found = disk().indexes.find({std::string{kind}, std::string{index}});
  if (is_empty(range) || found == disk().indexes.end()) return {};
  const auto& all = found->second;
  std::size_t shown = 0;
  auto first = all.lower_bound({range.from, {}});
  auto last = range.until.empty() ? all.end() : all.lower_bound({range.until, {}});
  const auto visit = [&](auto row) {
    if (after) {
      const std::pair mark{after->key, after->id};
      const bool passed =
          range.direction == Direction::forward ? row->first > mark : row->first < mark;
      if (!passed) return true;
    }
    const auto said = read(row->first.first, row->first.second, row->second);
    return said == Walk::go_on && ++shown < range.limit;
  };
  walk(first, last, range.direction, visit);
  return {};
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

Result<std::vector<AlarmPlace>> MemoryStore::alarms_due(
    Timestamp until, std::size_t limit, const std::optional<AlarmPlace>& after) const {
  const std::lock_guard lock{disk().mutex};
  PERDURE_TRY_VOID(check_usable());
  std::vector<AlarmPlace> rows;
  const auto& all = disk().due;
  for (auto due = after ? all.upper_bound(*after) : all.begin(); due != all.end(); ++due) {
    if (due->due > until || rows.size() >= limit) break;
    PERDURE_CHECK(find(due->object).alarms.contains(due->name),
                  "an alarm by due time without its alarm");
    rows.push_back(*due);
  }
  return rows;
}

Result<std::optional<AlarmRow>> MemoryStore::alarm(const ObjectId& id,
                                                   std::string_view name) const {
  const std::lock_guard lock{disk().mutex};
  PERDURE_TRY_VOID(check_usable());
  const auto& alarms = find(id).alarms;
  const auto found = alarms.find(std::string{name});
  if (found == alarms.end()) return std::optional<AlarmRow>{};
  return std::optional{AlarmRow{id, found->first, found->second.due, found->second.body}};
}

Result<std::vector<AlarmRow>> MemoryStore::alarms(const ObjectId& id, std::string_view from,
                                                  std::size_t limit) const {
  const std::lock_guard lock{disk().mutex};
  PERDURE_TRY_VOID(check_usable());
  std::vector<AlarmRow> rows;
  const auto& all = find(id).alarms;
  for (auto alarm = all.lower_bound(std::string{from}); alarm != all.end(); ++alarm) {
    if (rows.size() >= limit) break;
    rows.push_back({id, alarm->first, alarm->second.due, alarm->second.body});
  }
  return rows;
}

namespace {

std::uint64_t first_of(const EventRow& row) {
  return row.gap_first > 0 ? row.gap_first : row.position;
}

}  // namespace

Result<std::vector<EventRow>> MemoryStore::events(std::uint64_t from, std::size_t limit) const {
  const std::lock_guard lock{disk().mutex};
  PERDURE_TRY_VOID(check_usable());
  std::vector<EventRow> rows;
  const auto& all = disk().events;
  for (auto row = all.lower_bound(from); row != all.end() && rows.size() < limit; ++row) {
    rows.push_back(row->second);
  }
  return rows;
}

Result<EventRange> MemoryStore::event_range() const {
  const std::lock_guard lock{disk().mutex};
  PERDURE_TRY_VOID(check_usable());
  const auto& all = disk().events;
  const auto first = all.empty() ? disk().last_event + 1 : first_of(all.begin()->second);
  return EventRange{.first = first, .last = disk().last_event, .history = "memory"};
}

Result<void> MemoryStore::trim_events(std::uint64_t first) {
  const std::lock_guard lock{disk().mutex};
  PERDURE_TRY_VOID(check_usable());
  if (health_ != Health::writable) {
    return fail(ErrorCode::unavailable, "a write failed; writes have stopped");
  }
  auto& all = disk().events;
  if (all.empty() || first <= first_of(all.begin()->second)) return {};
  disk().unsynced_trims.push_back({.object = {}, .before = {}, .events_before = all});
  all.erase(all.begin(), all.lower_bound(std::min(first, disk().last_event)));
  return {};
}

Result<void> MemoryStore::drop_events(const EventGap& gap) {
  const std::lock_guard lock{disk().mutex};
  PERDURE_TRY_VOID(check_usable());
  if (health_ != Health::writable) {
    return fail(ErrorCode::unavailable, "a write failed; writes have stopped");
  }
  auto& all = disk().events;
  disk().unsynced_trims.push_back({.object = {}, .before = {}, .events_before = all});
  for (const auto position : gap.erased) all.erase(position);
  all.insert_or_assign(gap.last, EventRow{gap.last, gap.body, gap.first});
  return {};
}

Result<std::vector<OutboxRow>> MemoryStore::outbox(std::uint64_t from, std::size_t limit) const {
  const std::lock_guard lock{disk().mutex};
  PERDURE_TRY_VOID(check_usable());
  std::vector<OutboxRow> rows;
  const auto& all = disk().outbox;
  for (auto row = all.lower_bound(from); row != all.end() && rows.size() < limit; ++row) {
    rows.push_back({row->first, row->second});
  }
  return rows;
}

Result<std::vector<PinRow>> MemoryStore::pins(const ObjectId& id, Seq from,
                                              std::size_t limit) const {
  const std::lock_guard lock{disk().mutex};
  PERDURE_TRY_VOID(check_usable());
  std::vector<PinRow> rows;
  const auto& all = find(id).pins;
  for (auto pin = all.lower_bound(from); pin != all.end() && rows.size() < limit; ++pin) {
    rows.push_back({pin->first, pin->second});
  }
  return rows;
}

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

StoreStats MemoryStore::stats() const {
  const std::lock_guard lock{disk().mutex};
  return stats_;
}

Result<std::unique_ptr<Store>> open_memory(MemoryDisk& disk) { return MemoryStore::open(disk); }

}  // namespace perdure::storage
