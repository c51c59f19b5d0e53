// SPDX-License-Identifier: Apache-2.0
#include "zone_rule.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace perdure::runtime {

namespace {

using namespace std::chrono;
using Change = ZoneRule::YearlyChange;

constexpr Change summer_begins_in_the_us{.month = 3, .week = 2, .weekday = 0};
constexpr Change summer_ends_in_the_us{.month = 11, .week = 1, .weekday = 0};

Unexpected malformed() { return fail(ErrorCode::malformed, "is no rule of a time zone"); }

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Cuts parts off the front of a rule; what is not there fails.
class Cutter {
 public:
  explicit Cutter(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool done() const { return rest_.empty(); }
  [[nodiscard]] bool starts_with(char c) const { return rest_.starts_with(c); }

  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  Result<int> number(int least, int most) {
    int value = 0;
    if (rest_.empty() || !is_digit(rest_.front())) return malformed();
    const auto* begin = rest_.data();
    const auto [end, error] = std::from_chars(begin, begin + rest_.size(), value);
    if (error != std::errc{} || value < least || value > most) return malformed();
    rest_.remove_prefix(static_cast<std::size_t>(end - begin));
    return value;
  }

  /// `CET`, or `<+01>`.
  Result<void> name() {
    constexpr std::size_t name_length_min = 3;
    const bool quoted = take('<');
    const auto belongs = [&](char c) {
      return is_letter(c) || (quoted && (is_digit(c) || c == '+' || c == '-'));
    };
    const auto* end = std::ranges::find_if_not(rest_, belongs);
    const auto length = static_cast<std::size_t>(end - rest_.begin());
    rest_.remove_prefix(length);
    if (length < name_length_min || (quoted && !take('>'))) return malformed();
    return {};
  }

  /// `[+-]hh[:mm[:ss]]`
  Result<seconds> time(int hours_max) {
    const bool negative = take('-');
    if (!negative) take('+');
    PERDURE_TRY(hour, number(0, hours_max));
    seconds total = hours{hour};
    if (take(':')) {
      PERDURE_TRY(minute, number(0, 59));
      total += minutes{minute};
      if (take(':')) {
        PERDURE_TRY(second, number(0, 59));
        total += seconds{second};
      }
    }
    return negative ? -total : total;
  }

  /// `M3.5.0/2`, `J60`, `59/-1`
  Result<Change> change() {
    constexpr int change_hours_max = 167;
    Change change;
    if (take('M')) {
      PERDURE_TRY(month, number(1, 12));
      if (!take('.')) return malformed();
      PERDURE_TRY(week, number(1, 5));
      if (!take('.')) return malformed();
      PERDURE_TRY(weekday, number(0, 6));
      change.month = month;
      change.week = week;
      change.weekday = weekday;
    } else {
      const bool without_leap_day = take('J');
      change.day = without_leap_day ? Change::Day::of_year_without_leap_day : Change::Day::of_year;
      PERDURE_TRY(day, number(without_leap_day ? 1 : 0, 365));
      change.number = day;
    }
    if (take('/')) {
      PERDURE_TRY(at, time(change_hours_max));
      change.time = at;
    }
    return change;
  }

 private:
  std::string_view rest_;
};

local_days day_of(const Change& change, year of_year) {
  const local_days first{of_year / January / 1};
  switch (change.day) {
    case Change::Day::of_year: return first + days{change.number};
    case Change::Day::of_year_without_leap_day: {
      constexpr int last_of_february = 59;
      const bool behind_leap_day = of_year.is_leap() && change.number > last_of_february;
      return first + days{change.number - (behind_leap_day ? 0 : 1)};
    }
    case Change::Day::of_month: break;
  }
  const auto in = of_year / month{static_cast<unsigned>(change.month)};
  const weekday on{static_cast<unsigned>(change.weekday)};
  if (change.week == 5) return local_days{in / on[last]};
  return local_days{in / on[static_cast<unsigned>(change.week)]};
}

/// The moment of a change in a year, from the local time before it.
sys_seconds moment_of(const Change& change, year of_year, seconds offset_before) {
  return sys_seconds{(day_of(change, of_year) + change.time - offset_before).time_since_epoch()};
}

}  // namespace

Result<ZoneRule> ZoneRule::parse(std::string_view text) {
  constexpr int offset_hours_max = 24;
  Cutter cutter{text};
  ZoneRule rule;
  PERDURE_TRY_VOID(cutter.name());
  // POSIX counts westward.
  PERDURE_TRY(west, cutter.time(offset_hours_max));
  rule.offset_ = -west;
  if (cutter.done()) return rule;

  Summer summer{.offset = rule.offset_ + hours{1},
                .begin = summer_begins_in_the_us,
                .end = summer_ends_in_the_us};
  PERDURE_TRY_VOID(cutter.name());
  if (!cutter.done() && !cutter.starts_with(',')) {
    PERDURE_TRY(summer_west, cutter.time(offset_hours_max));
    summer.offset = -summer_west;
  }
  if (cutter.take(',')) {
    PERDURE_TRY(begin, cutter.change());
    if (!cutter.take(',')) return malformed();
    PERDURE_TRY(end, cutter.change());
    summer.begin = begin;
    summer.end = end;
  }
  if (!cutter.done()) return malformed();
  rule.summer_ = summer;
  return rule;
}

Stretch ZoneRule::at(sys_seconds time) const {
  if (!summer_) return {first_second, last_second, offset_};
  struct Moment {
    sys_seconds at;
    seconds offset_after;
  };
  // The changes of a year may lie in the year before or after it, in UTC: two years on each side
  // leave one change at least before and behind `time`.
  std::array<Moment, 10> moments{};
  const auto middle = year_month_day{floor<days>(time)}.year();
  for (int i = 0; i < 5; ++i) {
    const auto in = middle + years{i - 2};
    const auto place = static_cast<std::size_t>(i) * 2;
    moments[place] = {moment_of(summer_->begin, in, offset_), summer_->offset};
    moments[place + 1] = {moment_of(summer_->end, in, summer_->offset), offset_};
  }
  std::ranges::stable_sort(moments, {}, &Moment::at);
  const auto next = std::ranges::upper_bound(moments, time, {}, &Moment::at);
  const auto& before = *std::prev(next);
  return {before.at, next->at, before.offset_after};
}

}  // namespace perdure::runtime
