// SPDX-License-Identifier: Apache-2.0
#include "perdure/runtime/alarm.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "alarm_rows.hpp"
#include "fields.hpp"
#include "perdure/runtime/options.hpp"
#include "perdure/runtime/turn.hpp"

namespace perdure {

namespace {

using runtime::bad_member;

using limits::alarm_name_bytes_max;
constexpr std::array missed_names{std::pair{Missed::once, "once"}, std::pair{Missed::all, "all"},
                                  std::pair{Missed::skip, "skip"}};
constexpr std::array outcome_names{std::pair{AlarmRun::Outcome::succeeded, "succeeded"},
                                   std::pair{AlarmRun::Outcome::failed, "failed"},
                                   std::pair{AlarmRun::Outcome::skipped, "skipped"}};

template <class Names, class T>
const char* name_of(const Names& names, T value) {
  for (const auto& [known, name] : names) {
    if (known == value) return name;
  }
  return "";
}

Result<Missed> parse_missed(const Json& json) {
  PERDURE_TRY(text, runtime::text_member(json, "missed", "once", 10));
  for (const auto& [missed, name] : missed_names) {
    if (text == name) return missed;
  }
  return bad_member("/missed", "choice", "is once, all or skip");
}

Result<std::string> required_text(const Json& json, const char* name) {
  PERDURE_TRY(text, runtime::text_member(json, name, "", alarm_name_bytes_max));
  if (text.empty() || text.find('\0') != std::string::npos) {
    return bad_member(pointer_to(name), "required", "is text of 1 to 200 bytes without NUL");
  }
  return text;
}

}  // namespace

Result<AlarmSpec> parse_alarm_spec(const Json& json, Timestamp now) {
  if (!json.is_object()) return bad_member("", "type", "an alarm is an object");
  static constexpr std::array members{"name",     "command", "payload",   "at",    "after_ms",
                                      "every_ms", "cron",    "time_zone", "retry", "missed"};
  for (const auto& [name, value] : json.items()) {
    if (std::ranges::find(members, name) == members.end()) {
      return bad_member(pointer_to(name), "unknown", "is no member of an alarm");
    }
  }
  AlarmSpec spec;
  PERDURE_TRY(name, required_text(json, "name"));
  PERDURE_TRY(command, required_text(json, "command"));
  PERDURE_TRY(schedule, parse_schedule(json, now));
  PERDURE_TRY(missed, parse_missed(json));
  spec.name = std::move(name);
  spec.command = std::move(command);
  spec.schedule = std::move(schedule);
  spec.missed = missed;
  spec.payload = json.value("payload", Json::object());
  if (json.contains("retry") && !json["retry"].is_null()) {
    PERDURE_TRY(retry, parse_retry(json["retry"], "/retry"));
    spec.retry = retry;
  }
  return spec;
}

void to_json(Json& json, const AlarmRun& run) {
  json = {{"tick", format_rfc3339(run.tick)},
          {"at", format_rfc3339(run.at)},
          {"attempt", run.attempt},
          {"outcome", name_of(outcome_names, run.outcome)}};
  if (!run.error.empty()) json["error"] = run.error;
}

void to_json(Json& json, const Alarm& alarm) {
  json = alarm.spec.schedule;
  json["name"] = alarm.spec.name;
  json["command"] = alarm.spec.command;
  json["payload"] = alarm.spec.payload;
  json["retry"] = alarm.spec.retry;
  json["missed"] = name_of(missed_names, alarm.spec.missed);
  json["due"] = alarm.finished ? Json(nullptr) : Json(format_rfc3339(alarm.due));
  json["tick"] = format_rfc3339(alarm.tick);
  json["attempt"] = alarm.attempt;
  json["status"] = alarm.finished ? "finished" : "pending";
}

namespace runtime {

std::string encode_alarm(const Alarm& alarm) {
  Json json = alarm;
  json["runs"] = alarm.runs;
  if (alarm.wait) {
    json["wait"] = {{"ms", alarm.wait->time.count()},
                    {"until", to_unix_ms(alarm.wait->until)},
                    {"process", alarm.wait->process}};
  }
  return dump_json(json);
}

namespace {

// Throws, as the library does for a member that is missing or of another type.
Timestamp read_time(const Json& json, const char* member) {
  auto time = parse_rfc3339(json.at(member).get_ref<const std::string&>());
  if (!time) throw Failure{std::move(time).error()};
  return *time;
}

// Throws, too. The library would make an int of any number, those that fit none included.
int read_attempt(const Json& json) {
  static_cast<void>(json.at("attempt"));
  const auto attempt = whole_member(json, "attempt", 0, 0, std::numeric_limits<int>::max());
  if (!attempt) throw Failure{attempt.error()};
  return static_cast<int>(*attempt);
}

std::optional<AlarmWait> read_wait(const Json& json) {
  constexpr std::int64_t year_9999_ms = 253'402'300'799'999;
  const auto wait = json.find("wait");
  if (wait == json.end()) return {};
  const auto number = [&](const char* member, std::int64_t most) {
    const auto read = whole_member(*wait, member, 0, 0, most);
    if (!read) throw Failure{read.error()};
    return *read;
  };
  return AlarmWait{.time = Milliseconds{number("ms", year_9999_ms)},
                   .until = from_unix_ms(number("until", year_9999_ms)),
                   .process = static_cast<std::uint64_t>(number("process", INT64_MAX))};
}

AlarmRun decode_run(const Json& json) {
  AlarmRun run{.tick = read_time(json, "tick"),
               .at = read_time(json, "at"),
               .attempt = read_attempt(json),
               .error = json.value("error", "")};
  for (const auto& [outcome, name] : outcome_names) {
    if (json.at("outcome") == name) run.outcome = outcome;
  }
  return run;
}

}  // namespace

Result<Alarm> decode_alarm(const storage::AlarmRow& row) {
  const auto corrupt = [&](std::string_view why) {
    Error error{.code = ErrorCode::corrupt,
                .detail = fmt::format("the alarm {} of {} cannot be read: {}", row.name,
                                      to_string(row.object), why)};
    // Whoever lists alarms goes on behind it.
    error.fields = {{row.name, "alarm", "cannot be read"}};
    return fail(std::move(error));
  };
  auto parsed = parse_stored_json(row.body);
  if (!parsed) return corrupt(parsed.error().detail);
  auto& json = *parsed;
  try {
    Alarm alarm{.tick = read_time(json, "tick"),
                .due = row.due,
                .attempt = read_attempt(json),
                .finished = json.at("status") == "finished",
                .wait = read_wait(json)};
    for (const auto& run : json.at("runs")) alarm.runs.push_back(decode_run(run));
    for (const auto* member : {"due", "tick", "attempt", "status", "runs", "wait"})
      json.erase(member);
    auto spec = parse_alarm_spec(json, row.due);
    if (!spec) return corrupt(spec.error().detail);
    alarm.spec = std::move(*spec);
    return alarm;
  } catch (const std::exception& refused) {
    return corrupt(refused.what());
  }
}

}  // namespace runtime

}  // namespace perdure
