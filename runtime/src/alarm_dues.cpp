// SPDX-License-Identifier: Apache-2.0
#include "alarm_dues.hpp"

#include <algorithm>

#include "cron.hpp"

namespace perdure::runtime {

namespace {

/// Debian's cron takes a clock that is set back by less as it takes the end of summer time: times
/// of day that have come do not come again.
constexpr auto repeats_after = std::chrono::hours{3};
/// The same of crons whose minute or hour begins with `*`: a minute is not counted twice.
constexpr auto wild_repeats_after = std::chrono::minutes{1};

/// From where the next tick of a cron is looked for when `last` is the last one that came.
Timestamp look_from(const Schedule& schedule, Timestamp last, Timestamp now) {
  if (last <= now) return now;
  const auto cron = parse_cron(schedule.cron);
  const Milliseconds most =
      cron && cron->wild ? Milliseconds{wild_repeats_after} : Milliseconds{repeats_after};
  return last - now >= most ? now : last;
}

std::optional<Timestamp> moved(Timestamp due, Timestamp wanted) {
  const auto by = wanted - due;
  if (by < Times::step_min && by > -Times::step_min) return {};
  return wanted;
}

}  // namespace

Moment accepted_at(const Envelope& envelope, const Times& times) {
  return {.wall = envelope.accepted_at, .steady = envelope.accepted_steady, .process = times.id()};
}

Moment moment_of(const Times& times) {
  return {.wall = times.wall(), .steady = times.steady(), .process = times.id()};
}

Alarm make_alarm(AlarmSpec spec, const Moment& now) {
  const auto tick = spec.schedule.first(now.wall);
  Alarm alarm{.spec = std::move(spec), .tick = tick, .due = tick};
  auto& schedule = alarm.spec.schedule;
  if (schedule.type == Schedule::Type::cron) return alarm;
  if (!schedule.after) {
    if (tick <= now.wall) set_due_at_once(alarm, now);
    return alarm;
  }
  schedule.at = tick;
  set_wait(alarm, *schedule.after, now);
  return alarm;
}

void set_wait(Alarm& alarm, Milliseconds time, const Moment& now) {
  alarm.due = now.wall + time;
  alarm.wait = AlarmWait{.time = time, .until = now.steady + time, .process = now.process};
}

void set_due_at_once(Alarm& alarm, const Moment& now) {
  alarm.due = alarm.tick;
  const auto until = now.steady - (now.wall - alarm.tick);
  alarm.wait = AlarmWait{.time = Milliseconds{0},
                         .until = std::max(until, from_unix_ms(0)),  // a row holds no earlier one
                         .process = now.process};
}

std::optional<Timestamp> next_tick(const Alarm& alarm, const Schedule& schedule, Timestamp now) {
  if (alarm.spec.missed == Missed::all && alarm.tick <= now) return schedule.next(alarm.tick);
  if (schedule.type == Schedule::Type::cron) {
    return schedule.next(look_from(schedule, alarm.tick, now));
  }
  return schedule.next(std::max(alarm.tick, now));
}

std::optional<Timestamp> corrected_due(const Alarm& alarm, const Moment& now) {
  if (alarm.due > now.wall + parked_for / 2) return {};
  const auto& schedule = alarm.spec.schedule;
  if (alarm.wait) {
    const auto& wait = *alarm.wait;
    if (wait.process == now.process) return moved(alarm.due, now.wall + (wait.until - now.steady));
    const auto latest = now.wall + wait.time;
    return alarm.due > latest ? moved(alarm.due, latest) : std::nullopt;
  }
  if (alarm.finished) return {};
  if (schedule.type == Schedule::Type::every && alarm.tick > schedule.at) {
    // Written before waits were.
    const auto latest = now.wall + schedule.every;
    return alarm.due > latest ? moved(alarm.due, latest) : std::nullopt;
  }
  if (schedule.type != Schedule::Type::cron || alarm.attempt > 1) return {};
  const auto from =
      alarm.runs.empty() ? now.wall : look_from(schedule, alarm.runs.back().tick, now.wall);
  const auto next = schedule.next(from);
  return next && *next < alarm.due ? next : std::nullopt;
}

void correct(Alarm& alarm, Timestamp due, const Moment& now) {
  const auto by = due - alarm.due;
  alarm.due = due;
  auto& schedule = alarm.spec.schedule;
  if (schedule.type == Schedule::Type::cron) {
    if (alarm.attempt == 1 && !alarm.finished) alarm.tick = due;
  } else if (!alarm.finished) {
    // Its ticks are counted from the one before, not by the wall clock.
    alarm.tick += by;
    schedule.at += by;
  }
  if (alarm.wait && alarm.wait->process != now.process) set_wait(alarm, alarm.wait->time, now);
}

}  // namespace perdure::runtime
