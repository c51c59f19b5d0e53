// SPDX-License-Identifier: Apache-2.0
// When something is due: once, every so often, or by cron in a time zone.
#pragma once

#include <optional>
#include <string>

#include "perdure/base/time.hpp"
#include "perdure/schemas/json.hpp"

namespace perdure {

/// Whether the IANA database of this machine has a time zone of that name.
/// Threads  any; the first call reads the list of names from disk.
[[nodiscard]] bool is_time_zone(const std::string& name);

/// What becomes of ticks that passed while nobody could run them.
enum class Missed {
  once,  ///< one run for all of them
  all,   ///< one run for each
  skip,  ///< none: the next tick that is not late runs
};

/// A moment, or a row of ticks. As JSON one of `at` (RFC 3339), `after_ms`, `every_ms` or `cron`
/// (with `time_zone`, an IANA name; default UTC).
///
/// Cron   five fields: minute, hour, day of month, month, day of week (0 and 7 are Sunday), with
///        lists, ranges, steps and English names, or @hourly, @daily, @weekly, @monthly, @yearly.
///        A day matches when either day field does, if both are restricted (POSIX crontab).
///        Blanks and tabs stand between fields.
///
/// Clocks  `at` and cron go by the wall clock; `after` and the time between two ticks of `every`
///        are durations, whoever sets the wall clock meanwhile (docs/clocks.md).
///
/// Changes of clocks  are treated as Debian's cron does. When minute or hour begins with `*`
///        (`*/15 * * * *`, `*/5 2 * * *`, @hourly), every minute that passes is compared with the
///        local time that it has: an hour that comes twice fires twice, one that is left out does
///        not fire. All others name times of day: one that is left out fires right after the gap
///        (several of them once), one that comes twice fires the first time.
struct Schedule {
  enum class Type { once, every, cron };
  Type type = Type::once;
  Timestamp at = {};  ///< of the first tick (once, every)
  /// Once, every: the first tick is so long after the alarm is set; `at` does not count.
  std::optional<Milliseconds> after = {};
  Milliseconds every{0};  ///< at least 1 ms
  std::string cron = {};
  std::string time_zone = "UTC";

  [[nodiscard]] static Schedule once(Timestamp at) { return {.at = at}; }
  /// Once, so long after it is set.
  [[nodiscard]] static Schedule in(Milliseconds after) { return {.after = after}; }
  [[nodiscard]] static Schedule each(Milliseconds every, Timestamp first) {
    return {.type = Type::every, .at = first, .every = every};
  }
  [[nodiscard]] static Schedule each(Milliseconds every) {
    return {.type = Type::every, .after = every, .every = every};
  }
  /// Errors: invalid (`/cron`, `/time_zone`), also for an expression that never comes true.
  [[nodiscard]] static Result<Schedule> by_cron(std::string cron, std::string time_zone = "UTC");

  /// The first tick, seen from `now`.
  [[nodiscard]] Timestamp first(Timestamp now) const;
  /// The first tick after `time`; none: there is no more.
  [[nodiscard]] std::optional<Timestamp> next(Timestamp time) const;
};

void to_json(Json& json, const Schedule& schedule);
/// Errors: invalid, when none or several of the members are there, or one is wrong.
[[nodiscard]] Result<Schedule> parse_schedule(const Json& json, Timestamp now);

}  // namespace perdure
