// SPDX-License-Identifier: Apache-2.0
// BatchPace: how many turns one commit may take, so that none keeps the next one waiting for long.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace perdure::runtime {

/// Learns what a turn costs the committer, in processor time: a slow disk is no reason for smaller
/// batches, since they would wait for it more often.
/// Threads  one.
class BatchPace {
 public:
  /// A turn that comes waits for one batch of others at least.
  static constexpr std::chrono::microseconds batch_time_max{1'000};
  static constexpr std::size_t least = 16;
  static constexpr std::size_t most = 4'096;

  /// Of the next batch.
  [[nodiscard]] std::size_t turns_max() const {
    if (turns_ == 0) return first;
    const std::chrono::duration<double> time_max = batch_time_max;
    const auto cost = std::max(time_ / turns_, time_max / most);
    return std::max(static_cast<std::size_t>(time_max / cost), least);
  }
  /// A batch of so many has taken so much processor time. Newer batches and larger ones count more.
  void note(std::size_t turns, std::chrono::nanoseconds time) {
    time_ = time_ * kept + std::chrono::duration<double>(time);
    turns_ = turns_ * kept + static_cast<double>(turns);
  }

 private:
  static constexpr std::size_t first = 256;
  static constexpr double kept = 0.875;

  std::chrono::duration<double> time_{0};
  double turns_ = 0;
};

}  // namespace perdure::runtime
