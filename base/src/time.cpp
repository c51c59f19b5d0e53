// SPDX-License-Identifier: Apache-2.0
#include "perdure/base/time.hpp"

#include <fmt/compile.h>

#include <ctime>

namespace perdure {

namespace {

using std::chrono::floor;
using std::chrono::sys_days;

class DateReader {
 public:
  explicit DateReader(std::string_view text) : rest_(text) {}

  int number(std::size_t digits) {
    int value = 0;
    if (rest_.size() < digits) ok_ = false;
    for (std::size_t i = 0; ok_ && i < digits; ++i) {
      if (rest_[i] < '0' || rest_[i] > '9') ok_ = false;
      value = value * 10 + (rest_[i] - '0');
    }
    if (ok_) rest_.remove_prefix(digits);
    return value;
  }
  void literal(std::string_view any_of) {
    if (rest_.empty() || any_of.find(rest_[0]) == std::string_view::npos) ok_ = false;
    if (ok_) rest_.remove_prefix(1);
  }
  /// `.` and one or more digits, as milliseconds.
  int fraction_ms() {
    if (!ok_ || rest_.empty() || rest_[0] != '.') return 0;
    rest_.remove_prefix(1);
    int ms = 0;
    int scale = 100;
    std::size_t count = 0;
    for (; count < rest_.size() && rest_[count] >= '0' && rest_[count] <= '9'; ++count) {
      ms += (rest_[count] - '0') * scale;
      scale /= 10;
    }
    if (count == 0) ok_ = false;
    rest_.remove_prefix(count);
    return ms;
  }
  std::chrono::minutes offset() {
    if (ok_ && !rest_.empty() && (rest_[0] == 'Z' || rest_[0] == 'z')) {
      rest_.remove_prefix(1);
      return {};
    }
    const bool negative = ok_ && !rest_.empty() && rest_[0] == '-';
    literal("+-");
    const int hours = number(2);
    literal(":");
    const int minutes = number(2);
    if (hours > 23 || minutes > 59) ok_ = false;
    const std::chrono::minutes total{hours * 60 + minutes};
    return negative ? -total : total;
  }
  [[nodiscard]] bool done() const { return ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace

std::string format_rfc3339(Timestamp time) {
  const auto day = floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  return fmt::format(FMT_COMPILE("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z"),
                     static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

Result<Timestamp> parse_rfc3339(std::string_view text) {
  DateReader in{text};
  const int year = in.number(4);
  in.literal("-");
  const int month = in.number(2);
  in.literal("-");
  const int day = in.number(2);
  in.literal("Tt ");
  const int hour = in.number(2);
  in.literal(":");
  const int minute = in.number(2);
  in.literal(":");
  const int second = in.number(2);
  const int ms = in.fraction_ms();
  const auto offset = in.offset();
  const std::chrono::year_month_day date{std::chrono::year{year},
                                         std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  // 60 is a leap second; it reads as the first moment of the next minute.
  if (!in.done() || !date.ok() || hour > 23 || minute > 59 || second > 60) {
    return fail(ErrorCode::malformed, "a time is written as in RFC 3339: 2026-01-31T12:00:00Z");
  }
  const Timestamp time = Timestamp{sys_days{date}} + std::chrono::hours{hour} +
                         std::chrono::minutes{minute} + std::chrono::seconds{second} +
                         Milliseconds{ms} - offset;
  // The offset may lead out of the years that four digits can write.
  if (time < sys_days{std::chrono::year{0} / 1 / 1} ||
      time >= sys_days{std::chrono::year{10'000} / 1 / 1}) {
    return fail(ErrorCode::malformed, "a time lies in the years 0000 to 9999, UTC");
  }
  return time;
}

Timestamp SystemClock::now() const { return floor<Milliseconds>(std::chrono::system_clock::now()); }

// std::chrono::steady_clock stands still while the machine sleeps: waking up would look like a step
// of the wall clock.
Milliseconds SystemClock::monotonic() const {
  timespec time{};
  clock_gettime(CLOCK_BOOTTIME, &time);
  return floor<Milliseconds>(std::chrono::seconds{time.tv_sec} +
                             std::chrono::nanoseconds{time.tv_nsec});
}

}  // namespace perdure
