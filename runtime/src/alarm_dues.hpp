// SPDX-License-Identifier: Apache-2.0
// When an alarm is due, and where its due time belongs after somebody has set the wall clock.
//
// Rows of alarms are ordered by the wall clock. What is due by it (`at`, cron) needs nothing else.
// What is due after a while (`after_ms`, the time between ticks of `every_ms`, the wait before the
// next attempt, the day for which a finished one is kept) says so in its row: in the process that
// wrote it, its steady time tells how much of the wait is left; in a later one at least that it
// cannot be longer than it was.
#pragma once

#include "envelope.hpp"
#include "perdure/runtime/alarm.hpp"
#include "times.hpp"

namespace perdure::runtime {

/// Now, on both clocks, in a process.
struct Moment {
  Timestamp wall;
  Timestamp steady;
  std::uint64_t process;
};
[[nodiscard]] Moment accepted_at(const Envelope& envelope, const Times& times);
[[nodiscard]] Moment moment_of(const Times& times);

/// How long an alarm of a deleted object waits: longer than the object does.
inline constexpr auto parked_for = std::chrono::years{100};

/// A new alarm, with its first tick.
[[nodiscard]] Alarm make_alarm(AlarmSpec spec, const Moment& now);
/// Has the alarm due so long after now.
void set_wait(Alarm& alarm, Milliseconds time, const Moment& now);
/// Has an alarm whose tick has come go off at once, however the clock is set before it does.
void set_due_at_once(Alarm& alarm, const Moment& now);
/// The next tick; none: that was the last one.
[[nodiscard]] std::optional<Timestamp> next_tick(const Alarm& alarm, const Schedule& schedule,
                                                 Timestamp now);

/// Where the due time belongs, if the wall clock was set since it was written; none: where it is.
[[nodiscard]] std::optional<Timestamp> corrected_due(const Alarm& alarm, const Moment& now);
/// Moves it there, and what else of the alarm goes by the wall clock.
void correct(Alarm& alarm, Timestamp due, const Moment& now);

}  // namespace perdure::runtime
