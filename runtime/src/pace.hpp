// SPDX-License-Identifier: Apache-2.0
// Paces: what the commands and the queries of each kind have cost lately.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "envelope.hpp"
#include "perdure/runtime/kind.hpp"
#include "version.hpp"

namespace perdure::runtime {

/// The mean time of a kind's turns (or queries), in which each weighs 1/256th: so what a
/// thread spends on turns of quick kinds, slow ones among them, is bounded by the mean and not by
/// luck. A turn that takes long sends its kind away until the mean has come down again.
///
/// Threads  any. A turn that two threads count at once may be lost; none of them matters.
class Pace {
 public:
  explicit Pace(std::chrono::nanoseconds begins_with) : sum_(weight * begins_with.count()) {}

  void ran(std::chrono::nanoseconds took) {
    const auto sum = sum_.load(std::memory_order_relaxed);
    sum_.store(sum - sum / weight + took.count(), std::memory_order_relaxed);
  }
  [[nodiscard]] std::chrono::nanoseconds mean() const {
    return std::chrono::nanoseconds{sum_.load(std::memory_order_relaxed) / weight};
  }

 private:
  static constexpr std::int64_t weight = 256;

  std::atomic<std::int64_t> sum_;
};

/// What a query or a turn costs grows with the root that it copies or encodes: past this size it is
/// a worker's, and does not count for its kind.
inline constexpr std::size_t quick_root_bytes_max = 16u << 10;

/// The paces of all kinds of a runtime.
class Paces {
 public:
  /// A kind is quick while its mean is at most `quick_max`.
  Paces(const std::vector<Kind>& kinds, std::chrono::nanoseconds quick_max)
      : quick_max_(quick_max) {
    for (const auto& kind : kinds) paces_[&kind.definition()];
  }

  void ran(const KindDefinition& kind, std::chrono::nanoseconds took) {
    paces_.find(&kind)->second.commands.ran(took);
  }
  [[nodiscard]] bool is_quick(const KindDefinition& kind) const {
    return paces_.find(&kind)->second.commands.mean() <= quick_max_;
  }
  /// Of queries that only take the root.
  void was_asked(const KindDefinition& kind, std::chrono::nanoseconds took) {
    paces_.find(&kind)->second.queries.ran(took);
  }
  [[nodiscard]] bool is_quick_to_ask(const KindDefinition& kind) const {
    return paces_.find(&kind)->second.queries.mean() <= quick_max_;
  }

 private:
  struct OfKind {
    Pace commands{std::chrono::milliseconds{1}};  // what nothing is known of is slow
    // The first query of an object runs where it is loaded, so a slow kind is known by then.
    Pace queries{std::chrono::nanoseconds{0}};
  };
  const std::chrono::nanoseconds quick_max_;
  std::unordered_map<const KindDefinition*, OfKind> paces_;  ///< its keys never change
};

/// Counts a query for its kind's pace, from here to the end of the scope.
class QueryTimer {
 public:
  QueryTimer(Paces& paces, const Envelope& envelope, const Version& version)
      : paces_(paces),
        kind_(looks_at_root(envelope) && version.root_bytes <= quick_root_bytes_max ? envelope.kind
                                                                                    : nullptr),
        begun_(kind_ != nullptr ? Clock::now() : Clock::time_point{}) {}
  ~QueryTimer() {
    if (kind_ != nullptr) paces_.was_asked(*kind_, Clock::now() - begun_);
  }
  QueryTimer(const QueryTimer&) = delete;
  QueryTimer& operator=(const QueryTimer&) = delete;

 private:
  using Clock = std::chrono::steady_clock;

  Paces& paces_;
  const KindDefinition* const kind_;  ///< null: it does not count
  const Clock::time_point begun_;
};

}  // namespace perdure::runtime
