// SPDX-License-Identifier: Apache-2.0
#include "app/rate_limit.hpp"

#include <algorithm>

namespace perdure::api {

namespace {

std::chrono::seconds rounded_up(std::int64_t nanoseconds) {
  constexpr std::int64_t second = 1'000'000'000;
  return std::chrono::seconds{(nanoseconds + second - 1) / second};
}

}  // namespace

RateBucket::RateBucket(std::string_view name, RatePolicy policy)
    : name_(name),
      policy_(policy),
      policy_text_('"' + name_ + "\";q=" + std::to_string(policy.requests) +
                   ";w=" + std::to_string(policy.window.count())),
      cost_ns_(0),
      window_ns_(std::chrono::nanoseconds{policy.window}.count()) {
  if (policy_.limits()) {
    const auto requests = static_cast<std::int64_t>(policy_.requests);
    cost_ns_ = std::max<std::int64_t>(1, window_ns_ / requests);
    window_ns_ = cost_ns_ * requests;  // so that exactly `requests` tokens fit
  }
}

RateState RateBucket::take(std::chrono::nanoseconds now, std::size_t tokens) {
  RateState state;
  if (!policy_.limits()) return state;
  const auto cost = cost_ns_ * static_cast<std::int64_t>(tokens);
  auto before = full_at_ns_.load(std::memory_order_relaxed);
  for (;;) {
    const auto start = std::max(before, now.count());
    const auto debt = start + cost - now.count();
    if (debt > window_ns_) {
      state.taken = false;
      state.reset = rounded_up(before - now.count());
      state.retry = rounded_up(debt - window_ns_);
      return state;
    }
    if (full_at_ns_.compare_exchange_weak(before, start + cost, std::memory_order_relaxed)) {
      state.remaining = static_cast<std::uint64_t>((window_ns_ - debt) / cost_ns_);
      state.reset = rounded_up(debt);
      return state;
    }
  }
}

std::string RateBucket::state_text(const RateState& state) const {
  return '"' + name_ + "\";r=" + std::to_string(state.remaining) +
         ";t=" + std::to_string(state.reset.count());
}

}  // namespace perdure::api
