// SPDX-License-Identifier: Apache-2.0
// Paces: what the commands of each kind have cost lately.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "perdure/runtime/kind.hpp"

namespace perdure::runtime {

/// The mean time of the turns of a kind's commands, in which each turn weighs 1/256th: so what a
/// thread spends on turns of quick kinds, slow ones among them, is bounded by the mean and not by
/// luck. A turn that takes long sends its kind away until the mean has come down again.
///
/// Threads  any. A turn that two threads count at once may be lost; none of them matters.
class Pace {
 public:
  void ran(std::chrono::nanoseconds took) {
    const auto sum = sum_.load(std::memory_order_relaxed);
    sum_.store(sum - sum / weight + took.count(), std::memory_order_relaxed);
  }
  [[nodiscard]] std::chrono::nanoseconds mean() const {
    return std::chrono::nanoseconds{sum_.load(std::memory_order_relaxed) / weight};
  }

 private:
  static constexpr std::int64_t weight = 256;

  // What nothing is known of is slow: a millisecond a turn.
  std::atomic<std::int64_t> sum_{weight * 1'000'000};
};

/// The paces of all kinds of a runtime.
class Paces {
 public:
  /// A kind is quick while its mean is at most `quick_max`.
  Paces(const std::vector<Kind>& kinds, std::chrono::nanoseconds quick_max)
      : quick_max_(quick_max) {
    for (const auto& kind : kinds) paces_[&kind.definition()];
  }

  void ran(const KindDefinition& kind, std::chrono::nanoseconds took) {
    paces_.find(&kind)->second.ran(took);
  }
  [[nodiscard]] bool is_quick(const KindDefinition& kind) const {
    return paces_.find(&kind)->second.mean() <= quick_max_;
  }

 private:
  const std::chrono::nanoseconds quick_max_;
  std::unordered_map<const KindDefinition*, Pace> paces_;  ///< its keys never change
};

}  // namespace perdure::runtime
