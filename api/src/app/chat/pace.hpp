// SPDX-License-Identifier: Apache-2.0
// Pace: so many at once, and one more in each interval (GCRA, as RateBucket; for one thread).
#pragma once

#include <algorithm>
#include <chrono>

namespace perdure::api::chat {

class Pace {
 public:
  Pace(unsigned burst, std::chrono::nanoseconds interval)
      : interval_(interval), burst_(interval * burst) {}

  /// Whether one more (or `cost` more) is within the pace at the time `now`, which is monotonic.
  [[nodiscard]] bool take(std::chrono::nanoseconds now, unsigned cost = 1) {
    const auto due = std::max(full_at_, now) + interval_ * cost;
    // Whatever it costs, one alone is let pass.
    if (due - now > burst_ && full_at_ > now) return false;
    full_at_ = due;
    return true;
  }

 private:
  std::chrono::nanoseconds interval_;
  std::chrono::nanoseconds burst_;
  std::chrono::nanoseconds full_at_{0};
};

}  // namespace perdure::api::chat
