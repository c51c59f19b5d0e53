// SPDX-License-Identifier: Apache-2.0
#include "alarm_turns.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "dead_letter.hpp"
#include "fields.hpp"
#include "perdure/base/uri.hpp"

namespace perdure::runtime {

namespace {

constexpr std::size_t runs_kept = 20;
/// A tick that comes later than this was missed, whatever held it up.
constexpr auto late_after = std::chrono::seconds{10};
/// How long a finished alarm is kept, for its runs.
constexpr auto finished_kept = std::chrono::hours{24};

void note(Alarm& alarm, Timestamp now, AlarmRun::Outcome outcome, std::string error = {}) {
  alarm.runs.push_back({alarm.tick, now, alarm.attempt, outcome, std::move(error)});
  if (alarm.runs.size() > runs_kept) alarm.runs.erase(alarm.runs.begin());
}

void finish(Alarm& alarm, const Moment& now) {
  alarm.finished = true;
  set_wait(alarm, finished_kept, now);
}

/// Whether the tick's time passed while nobody was there to run it.
bool is_missed(const Alarm& alarm, Timestamp now, Timestamp began) {
  if (alarm.attempt > 1) return false;  // it ran, and failed
  return alarm.tick < began || now - alarm.tick > late_after;
}

/// On to the next tick, or to the end.
void move_on(Alarm& alarm, const Moment& now, Milliseconds period_min) {
  auto schedule = alarm.spec.schedule;
  // One of an earlier day may be shorter than is allowed now.
  if (schedule.type == Schedule::Type::every) {
    schedule.every = std::max(schedule.every, period_min);
  }
  const auto next = next_tick(alarm, schedule, now.wall);
  if (!next) return finish(alarm, now);
  alarm.tick = *next;
  alarm.due = *next;
  alarm.attempt = 1;
  alarm.wait.reset();
  if (schedule.type != Schedule::Type::every) return;
  if (*next > now.wall) return set_wait(alarm, *next - now.wall, now);
  set_due_at_once(alarm, now);
}

Result<void> change(Decision& decision, const TurnSurroundings& around, std::string name,
                    std::optional<Alarm> alarm) {
  AlarmChanges changes;
  changes.emplace(std::move(name), std::move(alarm));
  PERDURE_TRY(rows, alarm_rows(around.store, decision.write_set.object, around.alarms, changes,
                               around.tally));
  decision.write_set.alarms = std::move(rows);
  decision.alarms = std::move(changes);
  return {};
}

/// The alarm's command refused: another attempt, or a dead letter and the next tick.
Result<Decision> after_failure(const Envelope& envelope, const Version& newest,
                               const TurnSurroundings& around, Alarm alarm, const Error& error) {
  auto decision = decide_nothing(envelope, newest, around, nullptr);
  const auto now = accepted_at(envelope, around.times);
  TurnRandom random{envelope.random_seed};
  note(alarm, now.wall, AlarmRun::Outcome::failed, error.detail);
  if (alarm.attempt < alarm.spec.retry.attempts) {
    set_wait(alarm, alarm.spec.retry.wait_after(alarm.attempt, random, error.retry_after), now);
    ++alarm.attempt;
  } else {
    decision.write_set.sends.push_back(encode_sent(
        dead_letter_of(*newest.meta.origin, alarm, error, make_uuid_v7(now.wall, random))));
    move_on(alarm, now, around.rules.alarm_period_min);
  }
  auto name = alarm.spec.name;
  PERDURE_TRY_VOID(change(decision, around, std::move(name), std::move(alarm)));
  return decision;
}

/// The message by which an alarm begins a flow, which the commit of the tick sends.
Sent begin_flow(const Origin& origin, const Alarm& alarm) {
  Sent sent{.type = Sent::Type::message, .from = origin.object, .from_life = origin.born_seq};
  sent.to = origin.object;
  sent.to_life = origin.born_seq;
  sent.command = alarm.spec.command;
  sent.payload = alarm.spec.payload;
  sent.retry = alarm.spec.retry;
  sent.owner = origin.owner.text();
  sent.sender_owner = origin.owner.text();
  return sent;
}

Result<Decision> run_tick(const Envelope& envelope, const Version& newest,
                          const TurnSurroundings& around, Alarm alarm) {
  if (envelope.refused) {
    return after_failure(envelope, newest, around, std::move(alarm), *envelope.refused);
  }
  const auto found = around.kind.commands.find(alarm.spec.command);
  if (found == around.kind.commands.end()) {
    return after_failure(
        envelope, newest, around, std::move(alarm),
        {.code = ErrorCode::not_found,
         .detail = fmt::format("kind {} has no command {}", around.kind.name, alarm.spec.command)});
  }
  Envelope turn;
  turn.call.target = envelope.call.target;
  turn.call.name = alarm.spec.command;
  turn.call.payload = alarm.spec.payload;
  turn.call.owner = newest.meta.origin->owner.text();
  turn.kind = envelope.kind;
  turn.command = &found->second;
  turn.accepted_at = envelope.accepted_at;
  turn.accepted_steady = envelope.accepted_steady;
  turn.random_seed = envelope.random_seed;
  auto decision = is_flow(turn)
                      ? Result<Decision>{decide_nothing(envelope, newest, around, nullptr)}
                      : run_turn(turn, newest, around);
  if (is_flow(turn)) {
    decision->write_set.sends.push_back(encode_sent(begin_flow(*newest.meta.origin, alarm)));
  }
  if (!decision) {
    return after_failure(envelope, newest, around, std::move(alarm), decision.error());
  }
  // What the handler did to its own alarm counts; else it goes on.
  if (decision->alarms.contains(alarm.spec.name)) return decision;
  note(alarm, envelope.accepted_at, AlarmRun::Outcome::succeeded);
  move_on(alarm, accepted_at(envelope, around.times), around.rules.alarm_period_min);
  AlarmChanges changes;
  changes.emplace(alarm.spec.name, alarm);
  PERDURE_TRY(rows,
              alarm_rows(around.store, envelope.call.target, around.alarms, changes, around.tally));
  std::ranges::move(rows, std::back_inserter(decision->write_set.alarms));
  decision->alarms.merge(changes);
  return decision;
}

/// One that went off while its object was deleted does so now. Only what is due by the wall clock
/// alone waits for it again when that was set back meanwhile.
void come_again(Alarm& alarm, const Moment& now) {
  const auto& schedule = alarm.spec.schedule;
  if (schedule.type == Schedule::Type::cron) return;
  const bool is_measured = schedule.after || alarm.tick > schedule.at;
  if (is_measured && alarm.tick > now.wall) correct(alarm, now.wall, now);
  if (alarm.tick <= now.wall) set_due_at_once(alarm, now);
}

}  // namespace

Result<Decision> run_alarm(const Envelope& envelope, const Version& newest,
                           const TurnSurroundings& around) {
  const auto& tick = *envelope.tick;
  PERDURE_TRY(alarm, find_alarm(around.store, envelope.call.target, around.alarms, tick.name));
  const auto now = accepted_at(envelope, around.times);
  const auto gone = fail(ErrorCode::not_found, "the alarm was moved or removed");
  if (!alarm || alarm->due != tick.due) return gone;
  auto decision = decide_nothing(envelope, newest, around, nullptr);
  const auto due = corrected_due(*alarm, now);
  if (due && std::max(*due, alarm->due) > now.wall) {
    correct(*alarm, *due, now);
    PERDURE_TRY_VOID(change(decision, around, tick.name, std::move(*alarm)));
    return decision;
  }
  if (alarm->due > now.wall) return gone;
  if (alarm->finished) {
    PERDURE_TRY_VOID(change(decision, around, tick.name, {}));
    return decision;
  }
  if (newest.meta.deleted_at) {
    alarm->wait.reset();
    alarm->due = now.wall + parked_for;  // `resume_alarms` brings it back with its object
    PERDURE_TRY_VOID(change(decision, around, tick.name, std::move(*alarm)));
    return decision;
  }
  if (alarm->spec.missed == Missed::skip && is_missed(*alarm, now.wall, around.times.began())) {
    note(*alarm, now.wall, AlarmRun::Outcome::skipped, "its time had passed");
    move_on(*alarm, now, around.rules.alarm_period_min);
    PERDURE_TRY_VOID(change(decision, around, tick.name, std::move(*alarm)));
    return decision;
  }
  return run_tick(envelope, newest, around, std::move(*alarm));
}

Result<void> resume_alarms(const ObjectId& object, const TurnSurroundings& around,
                           TurnContext& turn) {
  PERDURE_TRY(rows, around.store.alarms(object));
  const Moment now{.wall = turn.now(), .steady = turn.steady_now(), .process = around.times.id()};
  for (const auto& row : rows) {
    PERDURE_TRY(alarm, find_alarm(around.store, object, around.alarms, row.name));
    if (!alarm || alarm->finished || alarm->due < now.wall + parked_for / 2) continue;
    alarm->due = alarm->tick;
    alarm->wait.reset();
    come_again(*alarm, now);
    turn.keep_alarm(std::move(*alarm));
  }
  return {};
}

Result<Decision> run_alarm_change(const Envelope& envelope, const Version& newest,
                                  const TurnSurroundings& around) {
  const auto now = envelope.accepted_at;
  const auto& payload = envelope.call.payload;
  if (envelope.operation == Operation::set_alarm) {
    PERDURE_TRY(spec, parse_alarm_spec(payload, now));
    if (is_dot_segment(spec.name)) {
      return bad_member("/name", "format", "is not . or .., with dots encoded or not");
    }
    PERDURE_TRY_VOID(check_period(spec.schedule, around.rules.alarm_period_min));
    PERDURE_TRY_VOID(check_carried("/payload", spec.payload, limits::alarm_payload_bytes_max));
    const auto command = around.kind.commands.find(spec.command);
    if (command == around.kind.commands.end()) {
      Error error{
          .code = ErrorCode::invalid,
          .detail = fmt::format("kind {} has no command {}", around.kind.name, spec.command)};
      error.fields.push_back({"/command", "unknown", error.detail});
      return fail(std::move(error));
    }
    PERDURE_TRY_VOID(check_may_name(envelope, newest, command->second));
    auto name = spec.name;
    auto alarm = make_alarm(std::move(spec), accepted_at(envelope, around.times));
    auto decision = decide_nothing(envelope, newest, around, Json(alarm));
    PERDURE_TRY_VOID(change(decision, around, std::move(name), std::move(alarm)));
    return decision;
  }
  const auto name = payload.is_object() ? payload.value("name", "") : std::string{};
  PERDURE_TRY(alarm, find_alarm(around.store, envelope.call.target, around.alarms, name));
  if (!alarm) {
    return fail(ErrorCode::not_found,
                fmt::format("{} has no alarm {}", to_string(envelope.call.target), name));
  }
  auto decision = decide_nothing(envelope, newest, around, nullptr);
  PERDURE_TRY_VOID(change(decision, around, name, {}));
  return decision;
}

}  // namespace perdure::runtime
