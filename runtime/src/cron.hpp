// SPDX-License-Identifier: Apache-2.0
// Cron expressions (POSIX crontab, with the names, steps and nicknames that people expect).
#pragma once

#include <bitset>
#include <optional>
#include <string>
#include <string_view>

#include "perdure/base/result.hpp"
#include "perdure/base/time.hpp"

namespace perdure::runtime {

/// What a cron expression allows, in local time.
struct Cron {
  std::bitset<60> minutes;
  std::bitset<24> hours;
  std::bitset<32> days;     ///< of the month, from 1
  std::bitset<13> months;   ///< from 1
  std::bitset<7> weekdays;  ///< 0: Sunday
  /// The minute or the hour begins with `*`: what is meant is every such minute that passes, not a
  /// time of day. Changes of clocks make the difference (Schedule).
  bool wild = false;
  bool days_free = true;  ///< the day of the month says `*`
  bool weekdays_free = true;
};

/// Errors: invalid; `detail` names the field and the part of it.
[[nodiscard]] Result<Cron> parse_cron(std::string_view text);

/// The first moment after `after` at which the local time in `time_zone` matches, by the rules of
/// Schedule for changes of clocks; none when there is none within 41 years.
/// Errors: invalid for an unknown zone.
[[nodiscard]] Result<std::optional<Timestamp>> next_match(const Cron& cron,
                                                          const std::string& time_zone,
                                                          Timestamp after);

}  // namespace perdure::runtime
