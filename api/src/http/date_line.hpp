// SPDX-License-Identifier: Apache-2.0
// The field `Date` of answers, made once a second.
#pragma once

#include <array>
#include <mutex>
#include <string>

#include "perdure/base/time.hpp"

namespace perdure::http {

/// `Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n` (IMF-fixdate).
[[nodiscard]] std::string format_date_line(Timestamp time);

/// Threads  any.
class DateLine {
 public:
  /// `clock` outlives it.
  explicit DateLine(const Clock& clock) : clock_(clock) {}

  using Text = std::array<char, 37>;

  /// The line at `now`.
  [[nodiscard]] Text at(std::chrono::steady_clock::time_point now);

 private:
  const Clock& clock_;
  std::mutex mutex_;  // guards the rest
  Text text_{};
  std::chrono::steady_clock::time_point valid_until_{};
};

}  // namespace perdure::http
