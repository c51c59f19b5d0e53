// SPDX-License-Identifier: Apache-2.0
#include "perdure/runtime/schedule.hpp"

#include "cron.hpp"
#include "fields.hpp"

namespace perdure {

using runtime::bad_member;

Result<Schedule> Schedule::by_cron(std::string cron, std::string time_zone) {
  const auto parsed = runtime::parse_cron(cron);
  if (!parsed) return bad_member("/cron", "format", parsed.error().detail);
  const auto next = runtime::next_match(*parsed, time_zone, from_unix_ms(0));
  if (!next) return bad_member("/time_zone", "unknown_time_zone", next.error().detail);
  if (!*next) return bad_member("/cron", "never", "never comes true");
  return Schedule{.type = Type::cron, .cron = std::move(cron), .time_zone = std::move(time_zone)};
}

Timestamp Schedule::first(Timestamp now) const {
  if (type == Type::cron) return next(now).value_or(now);
  return after ? now + *after : at;
}

std::optional<Timestamp> Schedule::next(Timestamp time) const {
  switch (type) {
    case Type::once: return time < at ? std::optional{at} : std::nullopt;
    case Type::every:
      if (time < at) return at;
      return at + every * ((time - at) / every + 1);
    case Type::cron: {
      const auto parsed = runtime::parse_cron(cron);
      if (!parsed) return {};
      const auto found = runtime::next_match(*parsed, time_zone, time);
      return found ? *found : std::nullopt;
    }
  }
  return {};
}

void to_json(Json& json, const Schedule& schedule) {
  switch (schedule.type) {
    case Schedule::Type::once: json = {{"at", format_rfc3339(schedule.at)}}; return;
    case Schedule::Type::every:
      json = {{"every_ms", schedule.every.count()}, {"at", format_rfc3339(schedule.at)}};
      return;
    case Schedule::Type::cron:
      json = {{"cron", schedule.cron}, {"time_zone", schedule.time_zone}};
      return;
  }
}

namespace {

constexpr std::int64_t century_ms = std::int64_t{100} * 366 * 24 * 60 * 60 * 1000;

bool has(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && !found->is_null();
}

Result<Timestamp> parse_at(const Json& json, Timestamp otherwise) {
  if (!has(json, "at")) return otherwise;
  const auto& at = json["at"];
  const auto time = at.is_string() ? parse_rfc3339(at.get_ref<const std::string&>())
                                   : Result<Timestamp>{fail(ErrorCode::malformed, "")};
  if (!time) return bad_member("/at", "format", "is an RFC 3339 date and time");
  return *time;
}

}  // namespace

Result<Schedule> parse_schedule(const Json& json, Timestamp now) {
  const int given = (has(json, "at") && !has(json, "every_ms") ? 1 : 0) +
                    (has(json, "after_ms") ? 1 : 0) + (has(json, "every_ms") ? 1 : 0) +
                    (has(json, "cron") ? 1 : 0);
  if (given != 1) {
    return bad_member("/at", "required", "one of at, after_ms, every_ms and cron is needed");
  }
  if (has(json, "time_zone") && !has(json, "cron")) {
    return bad_member("/time_zone", "excluded", "goes with cron only");
  }
  if (has(json, "cron")) {
    PERDURE_TRY(cron, runtime::text_member(json, "cron", "", 200));
    PERDURE_TRY(time_zone, runtime::text_member(json, "time_zone", "UTC", 100));
    return Schedule::by_cron(std::move(cron), std::move(time_zone));
  }
  if (has(json, "every_ms")) {
    PERDURE_TRY(every, runtime::whole_member(json, "every_ms", 0, 1, century_ms));
    PERDURE_TRY(first, parse_at(json, now + Milliseconds{every}));
    auto schedule = Schedule::each(Milliseconds{every}, first);
    if (!has(json, "at")) schedule.after = schedule.every;
    return schedule;
  }
  if (has(json, "after_ms")) {
    PERDURE_TRY(after, runtime::whole_member(json, "after_ms", 0, 0, century_ms));
    auto schedule = Schedule::once(now + Milliseconds{after});
    schedule.after = Milliseconds{after};
    return schedule;
  }
  PERDURE_TRY(at, parse_at(json, now));
  return Schedule::once(at);
}

}  // namespace perdure
