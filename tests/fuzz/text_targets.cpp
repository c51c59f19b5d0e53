// SPDX-License-Identifier: Apache-2.0
// Small languages: encodings, times, schedules, topics.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "perdure/base/codec.hpp"
#include "perdure/base/crypto.hpp"
#include "perdure/base/time.hpp"
#include "perdure/base/utf8.hpp"
#include "perdure/runtime/alarm.hpp"
#include "perdure/runtime/events.hpp"
#include "perdure/runtime/schedule.hpp"
#include "runtime/src/cron.hpp"
#include "runtime/src/time_zone.hpp"
#include "schemas/src/formats.hpp"
#include "schemas/src/pattern.hpp"
#include "target.hpp"
#include "targets.hpp"

namespace perdure::fuzz {

namespace {

const Timestamp a_day = from_unix_ms(1'700'000'000'000);

/// UTF-8 by its definition: each code point is encoded as short as it can be.
bool is_utf8_by_definition(std::string_view text) {
  while (!text.empty()) {
    const auto lead = static_cast<unsigned char>(text.front());
    const std::size_t size = lead < 0x80   ? 1
                             : lead < 0xC0 ? 0
                             : lead < 0xE0 ? 2
                             : lead < 0xF0 ? 3
                                           : 4;
    if (size == 0 || lead > 0xF7 || text.size() < size) return false;
    constexpr unsigned lead_bits[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    unsigned point = lead & lead_bits[size];
    for (std::size_t i = 1; i < size; ++i) {
      const auto byte = static_cast<unsigned char>(text[i]);
      if ((byte & 0xC0) != 0x80) return false;
      point = point << 6 | (byte & 0x3F);
    }
    constexpr unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (point < least[size] || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000))
      return false;
    text.remove_prefix(size);
  }
  return true;
}

void check_varints(std::string_view input) {
  Reader in{input};
  std::string written;
  for (;;) {
    const auto before = in.rest();
    const auto value = in.varint();
    if (in.failed()) break;
    put_varint(written, value);
    PERDURE_CHECK(before.size() > in.rest().size(), "a number takes bytes");
    PERDURE_CHECK(written == input.substr(0, input.size() - in.rest().size()),
                  "a number has one form");
  }
}

std::vector<std::string_view> parts_of(std::string_view dotted) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto dot = dotted.find('.');
    parts.push_back(dotted.substr(0, dot));
    if (dot == std::string_view::npos) return parts;
    dotted.remove_prefix(dot + 1);
  }
}

/// What docs/live.md says of patterns, part by part.
bool matches_by_definition(std::string_view pattern, std::string_view topic) {
  if (pattern == "*") return true;
  const auto wanted = parts_of(pattern);
  const auto there = parts_of(topic);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (i == there.size()) return false;
    if (wanted[i] == "**") return true;
    if (wanted[i] != "*" && wanted[i] != there[i]) return false;
  }
  return wanted.size() == there.size();
}

}  // namespace

void run_codecs(std::string_view input) {
  PERDURE_CHECK(from_base64url(to_base64url(input)) == input, "base64url is undone");
  PERDURE_CHECK(from_base64(to_base64(input)) == input, "base64 is undone");
  PERDURE_CHECK(from_hex(to_hex(input)) == input, "hex is undone");
  if (const auto bytes = from_base64url(input)) {
    PERDURE_CHECK(to_base64url(*bytes) == input, "base64url has one form");
  }
  if (const auto bytes = from_base64(input)) {
    PERDURE_CHECK(to_base64(*bytes) == input, "base64 has one form");
  }
  if (const auto bytes = from_hex(input)) {
    PERDURE_CHECK(to_hex(*bytes) == fold_ascii_case(input), "hex has one form, but for case");
  }
  PERDURE_CHECK(is_valid_utf8(input) == is_utf8_by_definition(input),
                "UTF-8 is what RFC 3629 says");
  check_varints(input);
}

void run_time(std::string_view input) {
  const auto time = parse_rfc3339(input);
  if (time) {
    const auto text = format_rfc3339(*time);
    const auto again = parse_rfc3339(text);
    PERDURE_CHECK(again && *again == *time, "a time that is written is read");
    PERDURE_CHECK(matches(Format::date_time, text), "a time that is written has the format");
  }
  for (const auto format : {Format::date, Format::time, Format::date_time, Format::uuid,
                            Format::email, Format::idn_email, Format::uri}) {
    if (!matches(format, input)) continue;
    PERDURE_CHECK(is_valid_utf8(input), "a format of text");
    if (format == Format::date) {
      PERDURE_CHECK(parse_rfc3339(std::string{input} + "T00:00:00Z").has_value(), "a date");
    }
    if (format == Format::uuid) PERDURE_CHECK(input.size() == 36, "a UUID has one length");
  }
}

/// The first line is an expression, the second a time zone.
void run_cron(std::string_view input) {
  const auto expression = take_part(input, '\n');
  const auto cron = runtime::parse_cron(expression);
  if (!cron) return;
  const std::string zone{input.empty() ? "UTC" : input};
  const auto next = runtime::next_match(*cron, zone, a_day);
  PERDURE_CHECK(next.has_value() || !is_time_zone(zone), "a known zone has times");
  if (!next || !*next) return;
  PERDURE_CHECK(**next > a_day, "the next one lies ahead");
  if (zone == "UTC") {
    const auto day = std::chrono::floor<std::chrono::days>(**next);
    const std::chrono::hh_mm_ss time{**next - day};
    PERDURE_CHECK(time.seconds().count() == 0 && time.subseconds().count() == 0, "a whole minute");
    PERDURE_CHECK(cron->minutes[static_cast<std::size_t>(time.minutes().count())], "the minute");
    PERDURE_CHECK(cron->hours[static_cast<std::size_t>(time.hours().count())], "the hour");
    const std::chrono::year_month_day date{day};
    PERDURE_CHECK(cron->months[static_cast<unsigned>(date.month())], "the month");
  }
  const auto third = runtime::next_match(*cron, zone, **next);
  PERDURE_CHECK(third && (!*third || **third > **next), "ticks go on in order");
}

/// A rule of a time zone, or a whole file of one.
void run_time_zone(std::string_view input) {
  const auto check_stretches = [](const auto& zone) {
    auto time = std::chrono::floor<std::chrono::seconds>(a_day);
    for (int i = 0; i < 8; ++i) {
      const auto stretch = zone.at(time);
      PERDURE_CHECK(stretch.begin <= time && time < stretch.end, "a stretch without its time");
      if (stretch.end == runtime::last_second) return;
      time = stretch.end;
    }
  };
  if (const auto rule = runtime::ZoneRule::parse(input)) check_stretches(*rule);
  if (const auto zone = runtime::TimeZone::parse(input)) check_stretches(*zone);
}

/// An alarm as operators set one.
void run_schedule(std::string_view input) {
  const auto json = parse_json(input);
  if (!json) return;
  const auto spec = parse_alarm_spec(*json, a_day);
  if (!spec) return;
  const auto& schedule = spec->schedule;
  const Json written = schedule;
  const auto again = parse_schedule(written, a_day);
  PERDURE_CHECK(again && Json(*again) == written, "a schedule that is written is read");
  const auto first = schedule.first(a_day);
  const auto next = schedule.next(first);
  PERDURE_CHECK(!next || *next > first, "ticks go on in order");
  const auto retry = parse_retry(Json(spec->retry), "/retry");
  PERDURE_CHECK(retry && Json(*retry) == Json(spec->retry), "a retry policy is read as written");
}

/// The first line is a pattern of topics, the second a topic; both are also tried as expressions of
/// schemas.
void run_topics(std::string_view input) {
  const auto pattern = take_part(input, '\n');
  if (validate_topic_pattern(pattern)) {
    PERDURE_CHECK(topic_matches(pattern, "*") || pattern.find('*') == std::string_view::npos ||
                      pattern.find('.') != std::string_view::npos,
                  "a wildcard takes one part");
    if (validate_topic_pattern(input)) {
      PERDURE_CHECK(topic_matches(pattern, input) == matches_by_definition(pattern, input),
                    "a topic matches otherwise than is said");
      const bool is_plain = pattern.find('*') == std::string_view::npos;
      if (is_plain) PERDURE_CHECK(topic_matches(pattern, input) == (pattern == input), "one topic");
    }
    PERDURE_CHECK(topic_matches(pattern, pattern), "a pattern fits itself");
  }
  if (auto expression = Pattern::compile(pattern)) {
    PERDURE_CHECK(expression->expression() == pattern, "an expression stays as it is");
    static_cast<void>(expression->found_in(input));
  }
}

}  // namespace perdure::fuzz
