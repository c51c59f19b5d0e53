// SPDX-License-Identifier: Apache-2.0
// How often something may happen: at most so many times in any second, evenly but for a small
// burst.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace perdure::runtime {

using Microseconds = std::chrono::microseconds;

/// A number a second. Up to a twentieth of it may go at once, so that the resolution of clocks
/// costs nothing; the rest follows evenly. The burst is part of the number: no second, wherever it
/// begins, has more.
class Rate {
 public:
  /// Limits  1 a second at least.
  explicit constexpr Rate(std::uint32_t per_second) {
    const auto rate = std::max<std::int64_t>(per_second, 1);
    const auto burst = std::max<std::int64_t>(rate / 20, 1);
    const auto even = burst > 1 ? rate - burst : rate;
    spacing_ = Microseconds{(1'000'000 + even - 1) / even};
    slack_ = spacing_ * (burst - 1);
  }

 private:
  friend class RateMeter;
  Microseconds spacing_{0};
  Microseconds slack_{0};
};

/// What of a rate has been used up. Times are monotonic.
class RateMeter {
 public:
  /// When the next one may go.
  [[nodiscard]] Microseconds ready_at(const Rate& rate) const { return next_ - rate.slack_; }
  void take(const Rate& rate, Microseconds now) { next_ = std::max(next_, now) + rate.spacing_; }
  /// From this moment on it is like a new one.
  [[nodiscard]] Microseconds rested_at() const { return next_; }

 private:
  Microseconds next_{0};
};

}  // namespace perdure::runtime
