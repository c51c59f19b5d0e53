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
  /// Null when no turn on its way touched it.
  [[nodiscard]] const std::optional<Alarm>* find(std::string_view name) const;
  [[nodiscard]] std::size_t size() const { return changes_.size(); }

 private:
  struct Change {
    std::uint64_t submission;
    std::optional<Alarm> alarm;
  };
  std::map<std::string, Change, std::less<>> changes_;
};

/// The alarm as a turn sees it. Errors: those of the store; corrupt.
[[nodiscard]] Result<std::optional<Alarm>> find_alarm(const storage::Store& store,
                                                      const ObjectId& object,
                                                      const PendingAlarms& pending,
                                                      std::string_view name);

/// The rows that bring the store from what it will hold before the turn to what is asked for.
/// Errors: as find_alarm; too_large, with a new one beyond limits::object_alarms_max.
[[nodiscard]] Result<std::vector<storage::AlarmChange>> alarm_rows(const storage::Store& store,
                                                                   const ObjectId& object,
                                                                   const PendingAlarms& pending,
                                                                   const AlarmChanges& changes);

}  // namespace perdure::runtime
