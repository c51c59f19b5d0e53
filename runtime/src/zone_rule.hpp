// SPDX-License-Identifier: Apache-2.0
// ZoneRule: what a time zone does from year to year, as a POSIX TZ string says it.
//
// A file of the time zone database lists changes of clocks up to some year and ends with such a
// string (RFC 8536, 3.3): `CET-1CEST,M3.5.0,M10.5.0/3` holds for all times after the list.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "perdure/base/result.hpp"

namespace perdure::runtime {

/// A time in which the clocks of a zone do not change: from `begin`, before `end`.
struct Stretch {
  std::chrono::sys_seconds begin;
  std::chrono::sys_seconds end;
  std::chrono::seconds offset;  ///< local time less UTC
};

/// The ends of time, for zones whose clocks never change before or after.
inline constexpr std::chrono::sys_seconds first_second = std::chrono::sys_seconds::min();
inline constexpr std::chrono::sys_seconds last_second = std::chrono::sys_seconds::max();

/// Threads  any; immutable.
class ZoneRule {
 public:
  /// Shape   `std offset [dst [offset] [,start[/time],end[/time]]]`, with the times beyond a day of
  ///         RFC 8536; without rules those of the United States hold, as POSIX has it.
  /// Errors  malformed.
  [[nodiscard]] static Result<ZoneRule> parse(std::string_view text);

  /// The stretch that `time` lies in.
  [[nodiscard]] Stretch at(std::chrono::sys_seconds time) const;

  /// A day of each year, and the local time on it.
  struct YearlyChange {
    enum class Day {
      of_year_without_leap_day,  ///< `J60` is the first of March in all years
      of_year,                   ///< from 0; February 29 counts
      of_month                   ///< `M3.5.0`: the last Sunday of March
    };
    Day day = Day::of_month;
    int number = 0;  ///< of the day in the year
    int month = 0;
    int week = 0;  ///< 5: the last one
    int weekday = 0;
    std::chrono::seconds time = std::chrono::hours{2};
  };

 private:
  struct Summer {
    std::chrono::seconds offset;
    YearlyChange begin;
    YearlyChange end;
  };

  std::chrono::seconds offset_{0};
  std::optional<Summer> summer_;
};

}  // namespace perdure::runtime
