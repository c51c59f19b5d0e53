// SPDX-License-Identifier: Apache-2.0
#include "alarm_rows.hpp"

#include <fmt/format.h>

#include "perdure/runtime/options.hpp"

namespace perdure::runtime {

void PendingAlarms::add(AlarmChanges changes, std::uint64_t submission) {
  for (auto& [name, alarm] : changes) {
    changes_.insert_or_assign(name, Change{submission, std::move(alarm)});
  }
}

void PendingAlarms::forget(std::uint64_t settled) {
  std::erase_if(changes_, [&](const auto& change) { return change.second.submission <= settled; });
}

const std::optional<Alarm>* PendingAlarms::find(std::string_view name) const {
  const auto found = changes_.find(name);
  return found == changes_.end() ? nullptr : &found->second.alarm;
}

Result<std::optional<Alarm>> find_alarm(const storage::Store& store, const ObjectId& object,
                                        const PendingAlarms& pending, std::string_view name) {
  if (const auto* changed = pending.find(name)) return *changed;
  PERDURE_TRY(row, store.alarm(object, name));
  if (!row) return std::optional<Alarm>{};
  PERDURE_TRY(alarm, decode_alarm(*row));
  return std::optional{std::move(alarm)};
}

namespace {

// Turns on their way may be counted twice: a few too many, and only while they are.
Result<void> check_room(const storage::Store& store, const ObjectId& object,
                        const PendingAlarms& pending, std::size_t changed) {
  if (pending.size() + changed > limits::object_alarms_max) {
    return fail(ErrorCode::too_large, "too many alarms are being set");
  }
  PERDURE_TRY(rows, store.alarms(object));
  if (rows.size() + pending.size() + changed <= limits::object_alarms_max) return {};
  return fail(ErrorCode::too_large,
              fmt::format("an object has at most {} alarms, those that ended within a day included",
                          limits::object_alarms_max));
}

}  // namespace

Result<std::vector<storage::AlarmChange>> alarm_rows(const storage::Store& store,
                                                     const ObjectId& object,
                                                     const PendingAlarms& pending,
                                                     const AlarmChanges& changes) {
  std::vector<storage::AlarmChange> rows;
  bool grows = false;
  for (const auto& [name, alarm] : changes) {
    PERDURE_TRY(before, find_alarm(store, object, pending, name));
    if (!before && !alarm) continue;
    grows = grows || !before;
    storage::AlarmChange row{.name = name, .previous_due = {}, .due = {}, .body = {}};
    if (before) row.previous_due = before->due;
    if (alarm) {
      row.due = alarm->due;
      row.body = encode_alarm(*alarm);
    }
    rows.push_back(std::move(row));
  }
  if (grows) PERDURE_TRY_VOID(check_room(store, object, pending, rows.size()));
  return rows;
}

}  // namespace perdure::runtime
