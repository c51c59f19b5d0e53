// SPDX-License-Identifier: Apache-2.0
// AlarmCheck: finds alarms that are due far too late because the wall clock was set back: in this
// process, or before it was started. Those that are due too early are noticed when they go off.
//
// It looks through all alarms, some at a time, while other things that objects asked for go on; a
// turn of its object moves each that needs it.
#pragma once

#include <optional>

#include "alarm_clock.hpp"
#include "perdure/base/watched_mutex.hpp"
#include "times.hpp"

namespace perdure::runtime {

/// Threads  changed, reset, and the callbacks that it hands out: any. step: one.
/// Limits   256 alarms a step; 64 are being moved at a time.
class AlarmCheck {
 public:
  AlarmCheck(const storage::Store& store, const Times& times, const Clock& clock,
             AlarmClock::Fire move);

  /// True when something moved, so that there may be more to do at once.
  bool step();
  /// A turn's change of an alarm is durable. If the clock was set back since the turn was decided,
  /// all are looked at again: they may have been looked at before this one was there.
  void changed(const ObjectId& object, const storage::AlarmChange& change);
  /// The store was exchanged: all are looked at again.
  void reset();
  /// No more alarms are being moved than may be. Aborts otherwise.
  void check_invariants() const;

 private:
  using Place = storage::AlarmPlace;
  enum class Went { on, full, over };

  void begin();
  [[nodiscard]] Went look_at(const Place& place);
  /// Whether one more may be moved; it is counted then.
  [[nodiscard]] bool take_place();
  void finished(bool dealt_with);

  const storage::Store& store_;
  const Times& times_;
  const Clock& clock_;
  const AlarmClock::Fire move_;

  std::optional<Place> at_;  ///< looked at up to here; none: all have been
  std::uint64_t seen_;       ///< Times::times_set_back
  Milliseconds not_before_{0};

  mutable WatchedMutex mutex_;  // guards the rest
  std::size_t moving_ = 0;
  bool again_ = true;  ///< from the beginning
  bool failed_ = false;
};

}  // namespace perdure::runtime
