// SPDX-License-Identifier: Apache-2.0
// Alarms: named durable wake-ups of an object. When one is due, its command runs as a turn of the
// object, which is activated for it; that turn and the alarm's next state are one commit, so a tick
// takes effect once however often the process dies. It never runs before its time.
#pragma once

#include <vector>

#include "perdure/runtime/retry.hpp"
#include "perdure/runtime/schedule.hpp"

namespace perdure {

struct AlarmSpec {
  std::string name;  ///< 1 to 200 bytes; setting a name again replaces its alarm
  std::string command;
  Json payload = nullptr;
  Schedule schedule;
  RetryPolicy retry = {};
  Missed missed = Missed::once;
};

struct AlarmRun {
  Timestamp tick;  ///< when it was due
  Timestamp at;
  int attempt = 1;
  enum class Outcome { succeeded, failed, skipped } outcome = Outcome::succeeded;
  std::string error = {};
};

/// A due time that is so long after something happened, whatever the wall clock says.
struct AlarmWait {
  Milliseconds time;      ///< from the moment it was set to its due time
  Timestamp until;        ///< in the steady time of the process that set it
  std::uint64_t process;  ///< that process
};

/// An alarm as it stands. A finished one is kept for a day, for its runs.
struct Alarm {
  AlarmSpec spec;
  Timestamp tick;  ///< the next, or last, moment of the schedule
  Timestamp due;   ///< when it wakes next: the tick, or later when attempts failed
  int attempt = 1;
  bool finished = false;
  std::optional<AlarmWait> wait = {};  ///< none: it is due by the wall clock
  std::vector<AlarmRun> runs = {};     ///< the newest 20, oldest first
};

/// As operators see it: the spec's members with `due`, `status` (pending, finished), `attempt`.
void to_json(Json& json, const Alarm& alarm);
void to_json(Json& json, const AlarmRun& run);
/// Reads `{name, command, payload?, retry?, missed?}` and one of `at`, `after_ms`, `every_ms` and
/// `cron` (with `time_zone?`).
/// Errors: invalid, with the fields that break a rule.
[[nodiscard]] Result<AlarmSpec> parse_alarm_spec(const Json& json, Timestamp now);

}  // namespace perdure
