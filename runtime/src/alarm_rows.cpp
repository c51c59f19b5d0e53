// SPDX-License-Identifier: Apache-2.0
#include "alarm_rows.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "fields.hpp"
#include "perdure/runtime/options.hpp"
#include "tally.hpp"

namespace perdure::runtime {

void PendingAlarms::add(AlarmChanges changes, std::uint64_t submission) {
  for (auto& [name, alarm] : changes) {
    changes_.insert_or_assign(name, Change{submission, std::move(alarm)});
  }
}

void PendingAlarms::forget(std::uint64_t settled) {
  std::erase_if(changes_, [&](const auto& change) { return change.second.submission <= settled; });
}

std::size_t PendingAlarms::standing() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      changes_, [](const auto& change) { return change.second.alarm.has_value(); }));
}

std::vector<storage::AlarmChange> PendingAlarms::removed() const {
  std::vector<storage::AlarmChange> rows;
  for (const auto& [name, change] : changes_) {
    if (change.alarm) rows.push_back({.name = name, .previous_due = change.alarm->due});
  }
  return rows;
}

const std::optional<Alarm>* PendingAlarms::find(std::string_view name) const {
  const auto found = changes_.find(name);
  return found == changes_.end() ? nullptr : &found->second.alarm;
}

Result<std::optional<Alarm>> find_alarm(const storage::StoreReader& store, const ObjectId& object,
                                        const PendingAlarms& pending, std::string_view name) {
  if (const auto* changed = pending.find(name)) return *changed;
  PERDURE_TRY(row, store.alarm(object, name));
  if (!row) return std::optional<Alarm>{};
  PERDURE_TRY(alarm, decode_alarm(*row));
  return std::optional{std::move(alarm)};
}

Result<void> check_period(const Schedule& schedule, Milliseconds period_min) {
  if (schedule.type != Schedule::Type::every || schedule.every >= period_min) return {};
  return bad_member("/every_ms", "minimum",
                    fmt::format("is at least {} (alarms.period_min)", period_min.count()));
}

namespace {

// One that cannot be read any more can be replaced and removed all the same.
Result<std::optional<Timestamp>> due_before(const storage::StoreReader& store,
                                            const ObjectId& object, const PendingAlarms& pending,
                                            std::string_view name) {
  if (const auto* changed = pending.find(name)) {
    return *changed ? std::optional{(*changed)->due} : std::nullopt;
  }
  PERDURE_TRY(row, store.alarm(object, name));
  return row ? std::optional{row->due} : std::nullopt;
}

Result<void> check_room(const storage::StoreReader& store, const ObjectId& object,
                        const PendingAlarms& pending, std::size_t made, std::size_t removed,
                        Tally& tally) {
  PERDURE_TRY(count, tally.alarms(store, object, pending));
  if (count + made <= limits::object_alarms_max + removed) return {};
  return fail(ErrorCode::conflict,
              fmt::format("an object has at most {} alarms, those that ended within a day included",
                          limits::object_alarms_max));
}

}  // namespace

Result<std::vector<storage::AlarmChange>> unchecked_alarm_rows(const storage::StoreReader& store,
                                                               const ObjectId& object,
                                                               const PendingAlarms& pending,
                                                               const AlarmChanges& changes) {
  std::vector<storage::AlarmChange> rows;
  for (const auto& [name, alarm] : changes) {
    PERDURE_TRY(due, due_before(store, object, pending, name));
    if (!due && !alarm) continue;
    storage::AlarmChange row{.name = name, .previous_due = due, .due = {}, .body = {}};
    if (alarm) {
      row.due = alarm->due;
      row.body = encode_alarm(*alarm);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

Result<std::vector<storage::AlarmChange>> alarm_rows(const storage::StoreReader& store,
                                                     const ObjectId& object,
                                                     const PendingAlarms& pending,
                                                     const AlarmChanges& changes, Tally& tally) {
  PERDURE_TRY(rows, unchecked_alarm_rows(store, object, pending, changes));
  std::size_t made = 0;
  std::size_t removed = 0;
  for (const auto& row : rows) {
    if (!row.previous_due) ++made;
    if (!row.due) ++removed;
  }
  if (made > removed) {
    PERDURE_TRY_VOID(check_room(store, object, pending, made, removed, tally));
  }
  return rows;
}

}  // namespace perdure::runtime
