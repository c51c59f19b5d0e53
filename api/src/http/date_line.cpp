// SPDX-License-Identifier: Apache-2.0
#include "http/date_line.hpp"

#include <algorithm>
#include <cstdio>

#include "perdure/base/check.hpp"

namespace perdure::http {

std::string format_date_line(Timestamp time) {
  using namespace std::chrono;
  constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = floor<std::chrono::days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{floor<seconds>(time - day)};
  std::array<char, 64> text;
  const auto size = std::snprintf(
      text.data(), text.size(), "Date: %s, %02u %s %04d %02d:%02d:%02d GMT\r\n",
      days[weekday{day}.c_encoding()], static_cast<unsigned>(date.day()),
      months[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()));
  return {text.data(), static_cast<std::size_t>(size)};
}

DateLine::Text DateLine::at(std::chrono::steady_clock::time_point now) {
  const std::scoped_lock lock{mutex_};
  if (now >= valid_until_) {
    const auto wall = clock_.now();
    const auto line = format_date_line(wall);
    PERDURE_CHECK(line.size() == text_.size(), "an IMF-fixdate has one length");
    std::ranges::copy(line, text_.begin());
    const auto into_second = wall - std::chrono::floor<std::chrono::seconds>(wall);
    valid_until_ = now + (std::chrono::seconds{1} - into_second);
  }
  return text_;
}

}  // namespace perdure::http
