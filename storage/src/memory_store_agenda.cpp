// SPDX-License-Identifier: Apache-2.0
// Alarms, the event log, the outbox and pins.
#include <algorithm>

#include "memory_store.hpp"

namespace perdure::storage {

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
  const auto found = alarms.find(name);
  if (found == alarms.end()) return std::optional<AlarmRow>{};
  return std::optional{AlarmRow{id, found->first, found->second.due, found->second.body}};
}

Result<std::vector<AlarmRow>> MemoryStore::alarms(const ObjectId& id, std::string_view from,
                                                  std::size_t limit) const {
  const std::lock_guard lock{disk().mutex};
  PERDURE_TRY_VOID(check_usable());
  std::vector<AlarmRow> rows;
  const auto& all = find(id).alarms;
  for (auto alarm = all.lower_bound(from); alarm != all.end(); ++alarm) {
    if (rows.size() >= limit) break;
    rows.push_back({id, alarm->first, alarm->second.due, alarm->second.body});
  }
  return rows;
}

namespace {

/// So many events go while the disk's mutex is held.
constexpr std::size_t event_slice = 256;

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
  return EventRange{.first = first, .last = disk().last_event, .history = disk().options.history};
}

Result<void> MemoryStore::trim_events(std::uint64_t first) {
  for (bool is_begun = false;; is_begun = true) {
    const std::lock_guard lock{disk().mutex};
    PERDURE_TRY_VOID(check_writable());
    auto& all = disk().events;
    if (all.empty() || first <= first_of(all.begin()->second)) return {};
    if (may_crash() && !is_begun) {
      disk().unsynced_trims.push_back({.object = {}, .before = {}, .events_before = all});
    }
    const auto end = std::min(first, disk().last_event);
    for (std::size_t i = 0; i < event_slice; ++i) {
      if (all.empty() || all.begin()->first >= end) return {};
      disk().erase_event(all.begin());
    }
  }
}

Result<void> MemoryStore::drop_events(const EventGap& gap) {
  const std::lock_guard lock{disk().mutex};
  PERDURE_TRY_VOID(check_writable());
  auto& all = disk().events;
  if (may_crash()) {
    disk().unsynced_trims.push_back({.object = {}, .before = {}, .events_before = all});
  }
  for (const auto position : gap.erased) {
    if (const auto found = all.find(position); found != all.end()) disk().erase_event(found);
  }
  disk().put_event({gap.last, gap.body, gap.first});
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

}  // namespace perdure::storage
