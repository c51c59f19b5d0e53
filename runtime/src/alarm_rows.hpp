// SPDX-License-Identifier: Apache-2.0
// Alarms as bytes, and the ones that a turn sees: those that earlier turns changed but the store
// may not have yet, over those that it has.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "perdure/runtime/alarm.hpp"
#include "perdure/storage/store.hpp"

namespace perdure::runtime {

class Tally;

/// The alarm's members, its place and its runs, as JSON text.
[[nodiscard]] std::string encode_alarm(const Alarm& alarm);
/// Errors: corrupt.
[[nodiscard]] Result<Alarm> decode_alarm(const storage::AlarmRow& row);

/// An alarm after a change; none: removed.
using AlarmChanges = std::map<std::string, std::optional<Alarm>, std::less<>>;

/// What turns on their way to the disk have made of an object's alarms. Each change stays until
/// the submission that it went with is settled.
class PendingAlarms {
 public:
  void add(AlarmChanges changes, std::uint64_t submission);
  /// Forgets changes of submissions up to `settled`.
  void forget(std::uint64_t settled);
  void clear() { changes_.clear(); }
  [[nodiscard]] bool empty() const { return changes_.empty(); }
  /// Null when no turn on its way touched it.
  [[nodiscard]] const std::optional<Alarm>* find(std::string_view name) const;
  /// How many there are after the changes.
  [[nodiscard]] std::size_t standing() const;
  /// What removes those that there are after the changes.
  [[nodiscard]] std::vector<storage::AlarmChange> removed() const;

 private:
  struct Change {
    std::uint64_t submission;
    std::optional<Alarm> alarm;
  };
  std::map<std::string, Change, std::less<>> changes_;
};

/// The alarm as a turn sees it. Errors: those of the store; corrupt.
[[nodiscard]] Result<std::optional<Alarm>> find_alarm(const storage::StoreReader& store,
                                                      const ObjectId& object,
                                                      const PendingAlarms& pending,
                                                      std::string_view name);

/// Errors: invalid (`/every_ms`), for one that repeats more often than it may.
[[nodiscard]] Result<void> check_period(const Schedule& schedule, Milliseconds period_min);

/// As alarm_rows, for a turn that begins a life: what an earlier one set does not count.
/// Errors: those of the store.
[[nodiscard]] Result<std::vector<storage::AlarmChange>> unchecked_alarm_rows(
    const storage::StoreReader& store, const ObjectId& object, const PendingAlarms& pending,
    const AlarmChanges& changes);

/// The rows that bring the store from what it will hold before the turn to what is asked for.
/// Errors: those of the store; conflict, with a new one beyond limits::object_alarms_max.
[[nodiscard]] Result<std::vector<storage::AlarmChange>> alarm_rows(
    const storage::StoreReader& store, const ObjectId& object, const PendingAlarms& pending,
    const AlarmChanges& changes, Tally& tally);

}  // namespace perdure::runtime
