// SPDX-License-Identifier: Apache-2.0
// LeastPace: whether a peer moves bytes at the least rate, for as long as something waits for it.
//
// A peer has a grace. Time in which something waits uses it up, and each byte that moves gives
// back what it takes at the least rate, up to the whole grace. So a peer at the least rate is never
// cut off, a short stall costs nothing, and neither a byte now and then nor a quick start buys a
// slow peer more than the grace.
//
// Costs   two stores when something begins to wait; bytes are looked at when the time is up.
// Limits  PaceRule.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

#include "perdure/api/http/server.hpp"
#include "perdure/base/time.hpp"

namespace perdure::http {

struct PaceRule {
  Milliseconds grace;
  std::size_t bytes_per_s;  ///< 0 = bytes give nothing back
};

/// Threads  one at a time.
class LeastPace {
 public:
  using Instant = std::chrono::steady_clock::time_point;

  /// Something waits from `at` on. How many bytes have moved by then is asked at the first look,
  /// an eighth of the grace later: most peers are through before it.
  void begin(const PaceRule& rule, Instant at) {
    begin_at(rule, at);
    next_look_ = at + rule.grace / 8;
  }
  /// The same where it is known that `bytes` have moved.
  void begin(const PaceRule& rule, Instant at, std::uint64_t bytes) {
    begin_at(rule, at);
    bytes_ = bytes;
  }
  /// Nothing waits any more.
  void end() noexcept { waits_ = false; }
  [[nodiscard]] bool waits() const noexcept { return waits_; }

  /// When to look again if no byte moves.
  [[nodiscard]] Instant next_look() const noexcept { return next_look_; }

  /// Takes in that `bytes` have moved by `at`. False when the grace is used up.
  [[nodiscard]] bool keeps_up(const PaceRule& rule, Instant at, std::uint64_t bytes) {
    left_ -= at - at_;
    at_ = at;
    if (bytes_ && rule.bytes_per_s > 0) {
      left_ +=
          Seconds{static_cast<double>(bytes - *bytes_) / static_cast<double>(rule.bytes_per_s)};
      left_ = std::min(left_, Seconds{rule.grace});
    }
    bytes_ = bytes;
    next_look_ = at + std::chrono::duration_cast<Instant::duration>(std::max(left_, Seconds{0}));
    return left_ > least_left;
  }

 private:
  using Seconds = std::chrono::duration<double>;
  /// Less than this is nothing: a peer that is too slow is not looked at for every byte.
  static constexpr Seconds least_left{0.001};

  void begin_at(const PaceRule& rule, Instant at) {
    waits_ = true;
    at_ = at;
    left_ = rule.grace;
    bytes_.reset();
    next_look_ = at + rule.grace;
  }

  bool waits_ = false;
  Instant at_{};
  Instant next_look_{};
  Seconds left_{};
  std::optional<std::uint64_t> bytes_;
};

/// Of request bodies, and of messages that come by WebSocket.
[[nodiscard]] inline PaceRule body_pace(const Timeouts& timeouts) {
  return {timeouts.body, timeouts.bytes_per_s_min};
}

/// Of all that waits to be sent.
[[nodiscard]] inline PaceRule reader_pace(const Timeouts& timeouts) {
  return {timeouts.write, timeouts.bytes_per_s_min};
}

}  // namespace perdure::http
