// SPDX-License-Identifier: Apache-2.0
#include "times.hpp"

#include <algorithm>

namespace perdure::runtime {

Times::Times(const Clock& clock, std::uint64_t id)
    : clock_(clock),
      id_(id),
      begun_(clock.monotonic()),
      start_(clock.now() - begun_),
      stretches_{{.end = begun_, .base = start_, .least = start_}} {}

void Times::look_locked() const {
  const auto mono = clock_.monotonic();
  const Offset offset = clock_.now() - mono;
  // A thread that was held up between the two readings knows nothing.
  if (clock_.monotonic() - mono >= step_min / 2) return;
  auto& now = stretches_.back();
  const auto change = offset - now.base;
  if (change < step_min && change > -step_min) {
    now.end = mono;
    now.least = std::min(now.least, offset);
    return;
  }
  // What was stamped up to now may have been so before the step.
  now.end = mono;
  if (change < Milliseconds{0}) ++times_set_back_;
  stretches_.push_back({.end = mono, .base = offset, .least = offset});
  if (stretches_.size() <= stretches_max) return;
  const auto oldest = stretches_.front();
  stretches_.pop_front();
  stretches_.front().least = std::min(stretches_.front().least, oldest.least);
}

void Times::look() const {
  const std::scoped_lock lock{mutex_};
  look_locked();
}

Timestamp Times::sure(Milliseconds window) const {
  const std::scoped_lock lock{mutex_};
  look_locked();
  const auto& now = stretches_.back();
  auto least = now.least;
  for (auto at = stretches_.rbegin(); at != stretches_.rend() && at->end > now.end - window; ++at) {
    least = std::min(least, at->least);
  }
  return least + now.end;
}

std::uint64_t Times::times_set_back() const {
  const std::scoped_lock lock{mutex_};
  return times_set_back_;
}

void Times::check_invariants() const {
  const std::scoped_lock lock{mutex_};
  PERDURE_CHECK(!stretches_.empty() && stretches_.size() <= stretches_max, "stretches are off");
  PERDURE_CHECK(std::ranges::is_sorted(stretches_, {}, &Stretch::end), "stretches overlap");
}

}  // namespace perdure::runtime
