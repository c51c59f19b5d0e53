// SPDX-License-Identifier: Apache-2.0
#include "cron.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <span>
#include <vector>

#include "time_zone.hpp"

namespace perdure::runtime {

namespace {

using std::chrono::local_days;
using local_minutes = std::chrono::local_time<std::chrono::minutes>;
using std::chrono::local_seconds;

/// The longest time that may pass between two matches: a February 29 on a given day of the week
/// comes every 28 years, and after 40 where a century has no leap year.
constexpr std::chrono::days search_max{41 * 366};

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
  constexpr std::string_view blanks = " \t";
  std::vector<std::string_view> found;
  for (;;) {
    const auto begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos) return found;
    text.remove_prefix(begin);
    const auto end = std::min(text.find_first_of(blanks), text.size());
    found.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

bool matches(const Cron& cron, local_days date) {
  const std::chrono::year_month_day day{date};
  if (!cron.months.test(static_cast<unsigned>(day.month()))) return false;
  const bool by_day = cron.days.test(static_cast<unsigned>(day.day()));
  const bool by_weekday = cron.weekdays.test(std::chrono::weekday{date}.c_encoding());
  if (cron.days_free || cron.weekdays_free) return by_day && by_weekday;
  return by_day || by_weekday;
}

/// The first local time at or after `from` that matches, before `until`.
std::optional<local_minutes> next_local(const Cron& cron, local_minutes from, local_minutes until) {
  auto day = std::chrono::floor<std::chrono::days>(from);
  for (; day < until; day += std::chrono::days{1}) {
    if (!matches(cron, day)) continue;
    for (auto time = std::max<local_minutes>(from, day); time < day + std::chrono::days{1};) {
      if (time >= until) return {};
      const std::chrono::hh_mm_ss parts{time - day};
      if (!cron.hours.test(static_cast<std::size_t>(parts.hours().count()))) {
        time += std::chrono::minutes{60} - parts.minutes();
        continue;
      }
      if (cron.minutes.test(static_cast<std::size_t>(parts.minutes().count()))) return time;
      time += std::chrono::minutes{1};
    }
  }
  return {};
}

/// The instant of a local time: the first of two, and the end of the gap for one that is left out.
std::chrono::sys_seconds instant_of(const TimeZone& zone, local_minutes local) {
  constexpr std::chrono::hours offset_max{26};
  const std::chrono::sys_seconds as_utc{local.time_since_epoch()};
  auto stretch = zone.at(as_utc - offset_max);
  for (;;) {
    const auto instant = as_utc - stretch.offset;
    if (instant < stretch.begin) return stretch.begin;
    if (instant < stretch.end) return instant;
    stretch = zone.at(stretch.end);
  }
}

/// Times of day: each local time once, whatever the clocks do.
std::optional<Timestamp> next_fixed(const Cron& cron, const TimeZone& zone, Timestamp after) {
  const auto now = std::chrono::floor<std::chrono::seconds>(after);
  // From the beginning of the day: what a change of clocks leaves out comes at the end of the gap.
  const local_seconds here{(now + zone.at(now).offset).time_since_epoch()};
  local_minutes from = std::chrono::floor<std::chrono::days>(here);
  const local_minutes until = from + search_max;
  while (const auto local = next_local(cron, from, until)) {
    const Timestamp time = instant_of(zone, *local);
    if (time > after) return time;
    from = *local + std::chrono::minutes{1};
  }
  return {};
}

/// Minutes and hours with a wildcard: each minute that passes, by the local time that it has.
std::optional<Timestamp> next_wild(const Cron& cron, const TimeZone& zone, Timestamp after) {
  auto from = std::chrono::floor<std::chrono::seconds>(after) + std::chrono::seconds{1};
  const auto until = from + search_max;
  while (from < until) {
    const auto stretch = zone.at(from);
    const auto local = [&](std::chrono::sys_seconds time) {
      return std::chrono::ceil<std::chrono::minutes>(
          local_seconds{(time + stretch.offset).time_since_epoch()});
    };
    const auto end = std::min(stretch.end, until);
    if (const auto found = next_local(cron, local(from), local(end))) {
      return std::chrono::sys_seconds{found->time_since_epoch()} - stretch.offset;
    }
    from = end;
  }
  return {};
}

}  // namespace

Result<Cron> parse_cron(std::string_view text) {
  auto fields = words(text);
  for (const auto& [nickname, expression] : nicknames) {
    if (fields.size() == 1 && fields.front() == nickname) fields = words(expression);
  }
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
  cron.wild = fields[0].starts_with('*') || fields[1].starts_with('*');
  cron.days_free = fields[2].starts_with('*');
  cron.weekdays_free = fields[4].starts_with('*');
  return cron;
}

Result<std::optional<Timestamp>> next_match(const Cron& cron, const std::string& time_zone,
                                            Timestamp after) {
  const auto* zone = find_time_zone(time_zone);
  if (zone == nullptr) {
    return fail(ErrorCode::invalid, fmt::format("\"{}\" is no IANA time zone", time_zone));
  }
  return cron.wild ? next_wild(cron, *zone, after) : next_fixed(cron, *zone, after);
}

}  // namespace perdure::runtime
