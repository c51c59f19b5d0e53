// SPDX-License-Identifier: Apache-2.0
// Token buckets, and what they tell clients (draft-ietf-httpapi-ratelimit-headers).
//
// A bucket is one atomic number: the time at which it would be full again (GCRA). So taking a
// token is a compare-and-swap, without a lock and without a timer.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "perdure/base/time.hpp"

namespace perdure::api {

/// `requests` at once, and as many again in each `window`. 0: no limit.
struct RatePolicy {
  std::uint64_t requests = 0;
  std::chrono::seconds window{60};

  [[nodiscard]] bool limits() const { return requests > 0 && window.count() > 0; }
  bool operator==(const RatePolicy&) const = default;
};

struct RateState {
  bool taken = true;
  std::uint64_t remaining = 0;
  std::chrono::seconds reset{0};  ///< until the bucket is full again
  std::chrono::seconds retry{0};  ///< until the next token, when none was taken
};

/// Threads  any.
class RateBucket {
 public:
  RateBucket(std::string_view name, RatePolicy policy);

  /// Takes so many tokens, if there are as many. `now` is monotonic.
  [[nodiscard]] RateState take(std::chrono::nanoseconds now, std::size_t tokens = 1);
  /// One token at the clock's time, which is not read where there is no limit.
  [[nodiscard]] RateState take(const Clock& clock) {
    return policy_.limits() ? take(clock.monotonic()) : RateState{};
  }

  [[nodiscard]] const RatePolicy& policy() const { return policy_; }
  /// `"key";q=100;w=60`: the value of RateLimit-Policy.
  [[nodiscard]] const std::string& policy_text() const { return policy_text_; }
  /// `"key";r=42;t=30`: the value of RateLimit.
  [[nodiscard]] std::string state_text(const RateState& state) const;

 private:
  std::string name_;
  RatePolicy policy_;
  std::string policy_text_;
  std::int64_t cost_ns_;  // of one token
  std::int64_t window_ns_;
  std::atomic<std::int64_t> full_at_ns_{0};
};

}  // namespace perdure::api
