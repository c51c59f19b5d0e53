// SPDX-License-Identifier: Apache-2.0
#include "cron.hpp"

#include <date/tz.h>
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <span>
#include <vector>

#include "perdure/runtime/schedule.hpp"

namespace perdure::runtime {

namespace {

constexpr std::array<std::string_view, 12> month_names{"jan", "feb", "mar", "apr", "may", "jun",
                                                       "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> weekday_names{"sun", "mon", "tue", "wed",
                                                        "thu", "fri", "sat"};
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> nicknames{
    std::pair{"@yearly", "0 0 1 1 *"},  std::pair{"@annually", "0 0 1 1 *"},
    std::pair{"@monthly", "0 0 1 * *"}, std::pair{"@weekly", "0 0 * * 0"},
    std::pair{"@daily", "0 0 * * *"},   std::pair{"@midnight", "0 0 * * *"},
    std::pair{"@hourly", "0 * * * *"}};

struct Field {
  std::string_view name;
  int least;
  int most;
  std::span<const std::string_view> names = {};
};

Unexpected bad(const Field& field, std::string_view part) {
  return fail(ErrorCode::invalid, fmt::format("the {} field of a cron expression has no \"{}\": it "
                                              "takes {} to {}, lists, ranges and steps",
                                              field.name, part, field.least, field.most));
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::optional<int> number_of(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return {};
  return number;
}

std::optional<int> value_of(const Field& field, std::string_view text) {
  std::string lower{text};
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
  for (std::size_t i = 0; i < field.names.size(); ++i) {
    if (field.names[i] == lower) return field.least + static_cast<int>(i);
  }
  const auto number = number_of(text);
  if (!number || *number < field.least || *number > field.most) return {};
  return number;
}

/// `*`, `a`, `a-b`, each with `/step` or without.
template <std::size_t N>
Result<void> add_part(const Field& field, std::string_view part, std::bitset<N>& into) {
  const auto slash = part.find('/');
  const auto range = part.substr(0, slash);
  int step = 1;
  if (slash != std::string_view::npos) {
    const auto given = number_of(part.substr(slash + 1));
    if (!given || *given < 1 || *given > field.most) return bad(field, part);
    step = *given;
  }
  int from = field.least;
  int to = field.most;
  if (range != "*") {
    const auto dash = range.find('-');
    const auto first = value_of(field, range.substr(0, dash));
    if (!first) return bad(field, part);
    from = *first;
    if (dash != std::string_view::npos) {
      const auto last = value_of(field, range.substr(dash + 1));
      if (!last || *last < from) return bad(field, part);
      to = *last;
    } else if (slash == std::string_view::npos) {
      to = from;
    }
  }
  for (int value = from; value <= to; value += step) into.set(static_cast<std::size_t>(value) % N);
  return {};
}

template <std::size_t N>
Result<std::bitset<N>> parse_field(const Field& field, std::string_view text) {
  std::bitset<N> values;
  for (const auto part : split(text, ',')) PERDURE_TRY_VOID(add_part(field, part, values));
  return values;
}

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> found;
  for (const auto word : split(text, ' ')) {
    if (!word.empty()) found.push_back(word);
  }
  return found;
}

bool matches(const Cron& cron, date::year_month_day day) {
  if (!cron.months.test(static_cast<unsigned>(day.month()))) return false;
  const bool by_day = cron.days.test(static_cast<unsigned>(day.day()));
  const bool by_weekday = cron.weekdays.test(date::weekday{date::local_days{day}}.c_encoding());
  if (cron.days_free || cron.weekdays_free) return by_day && by_weekday;
  return by_day || by_weekday;
}

/// The instant of a local time: the first of two, and the end of the gap for one that is left out.
Timestamp instant_of(const date::time_zone& zone, date::local_time<Milliseconds> local) {
  const auto info = zone.get_info(local);
  if (info.result == date::local_info::nonexistent) return Timestamp{info.second.begin};
  return Timestamp{local.time_since_epoch() - info.first.offset};
}

}  // namespace

Result<Cron> parse_cron(std::string_view text) {
  for (const auto& [nickname, expression] : nicknames) {
    if (text == nickname) text = expression;
  }
  const auto fields = words(text);
  if (fields.size() != 5) {
    return fail(ErrorCode::invalid,
                fmt::format("a cron expression has five fields (minute, hour, day of month, month, "
                            "day of week), not {}",
                            fields.size()));
  }
  Cron cron;
  PERDURE_TRY(minutes, parse_field<60>({"minute", 0, 59}, fields[0]));
  PERDURE_TRY(hours, parse_field<24>({"hour", 0, 23}, fields[1]));
  PERDURE_TRY(days, parse_field<32>({"day of month", 1, 31}, fields[2]));
  PERDURE_TRY(months, parse_field<13>({"month", 1, 12, month_names}, fields[3]));
  // 7 is Sunday, too: the set wraps around.
  PERDURE_TRY(weekdays, parse_field<7>({"day of week", 0, 7, weekday_names}, fields[4]));
  cron.minutes = minutes;
  cron.hours = hours;
  cron.days = days;
  cron.months = months;
  cron.weekdays = weekdays;
  cron.days_free = fields[2].starts_with('*');
  cron.weekdays_free = fields[4].starts_with('*');
  return cron;
}

Result<std::optional<Timestamp>> next_match(const Cron& cron, const std::string& time_zone,
                                            Timestamp after) {
  if (!is_time_zone(time_zone)) {
    return fail(ErrorCode::invalid, fmt::format("\"{}\" is no IANA time zone", time_zone));
  }
  const auto* zone = date::locate_zone(time_zone);
  constexpr int days_max = 28 * 366;
  auto day = date::floor<date::days>(zone->to_local(after));
  for (int i = 0; i < days_max; ++i, day += date::days{1}) {
    if (!matches(cron, date::year_month_day{day})) continue;
    for (int minute = 0; minute < 24 * 60; ++minute) {
      if (!cron.hours.test(static_cast<std::size_t>(minute) / 60)) {
        minute += 59 - minute % 60;
        continue;
      }
      if (!cron.minutes.test(static_cast<std::size_t>(minute) % 60)) continue;
      const auto time = instant_of(*zone, day + std::chrono::minutes{minute});
      if (time > after) return std::optional{time};
    }
  }
  return std::optional<Timestamp>{};
}

}  // namespace perdure::runtime
