// SPDX-License-Identifier: Apache-2.0
// LogGap: what stands in the event log in place of events that were let go of one by one, because
// their owner had more than its share. It names who could see them, so that only those readers hear
// that they missed something.
#pragma once

#include <set>
#include <string>

#include "perdure/base/result.hpp"
#include "perdure/base/time.hpp"
#include "perdure/runtime/principal.hpp"
#include "perdure/storage/store.hpp"

namespace perdure::runtime {

struct LogGap {
  /// Owners and grantees of the events, as text. Beyond readers_max it is `all` who may have.
  std::set<std::string> readers = {};
  bool all = false;
  std::string time = {};  ///< of its newest event, as that event has it

  static constexpr std::size_t readers_max = 32;

  /// Takes in an event's body, or another gap. What cannot be read may have been anybody's.
  void add_event(std::string_view body);
  void add(const LogGap& other);
  /// Administrators and the host see all events.
  [[nodiscard]] bool concerns(const Principal& reader) const;

 private:
  void bound();
};

[[nodiscard]] std::string encode_gap(const LogGap& gap);
/// One that cannot be read concerns all.
[[nodiscard]] LogGap decode_gap(std::string_view body);

}  // namespace perdure::runtime
