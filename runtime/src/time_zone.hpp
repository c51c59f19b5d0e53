// SPDX-License-Identifier: Apache-2.0
// TimeZone: the local times of a zone of the IANA database, as the files in /usr/share/zoneinfo
// have them (RFC 8536).
//
// A file has a list of changes, then a rule for all times after it. Both are read: a list that ends
// with the year 2037 (Debian's) or earlier (files that are made slim) says nothing of what follows.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "zone_rule.hpp"

namespace perdure::runtime {

/// Threads  any; immutable.
class TimeZone {
 public:
  /// Errors  malformed: the bytes are no such file.
  [[nodiscard]] static Result<TimeZone> parse(std::string_view file);

  /// The stretch that `time` lies in. Stretches follow one another without a gap; two of them may
  /// have one offset.
  [[nodiscard]] Stretch at(std::chrono::sys_seconds time) const;

 private:
  struct Change {
    std::chrono::sys_seconds at;
    std::chrono::seconds offset_after;
  };

  std::chrono::seconds first_offset_{0};
  std::vector<Change> changes_;
  std::optional<ZoneRule> rule_;  ///< for what follows the last change
};

/// Null when this machine has no zone of that name. A zone is read once for the whole process.
/// Threads  any.
[[nodiscard]] const TimeZone* find_time_zone(const std::string& name);

}  // namespace perdure::runtime
