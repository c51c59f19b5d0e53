// SPDX-License-Identifier: Apache-2.0
// Pace: whether the turns of a kind have been quick lately.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace perdure::runtime {

/// Believes in a kind after a row of quick turns, and doubts it longer the sooner it disappoints:
/// each slow turn doubles the row that is asked for, and a row many times as long halves it again.
///
/// Threads  any. Counts of two threads at once may be lost; none of them matters.
class Pace {
 public:
  struct Limits {
    std::chrono::nanoseconds quick_max{2'000'000};
    std::uint32_t row_min = 256;  ///< this many quick turns in a row make a quick kind
    std::uint32_t row_max = 1u << 20;
  };

  explicit Pace(Limits limits) : limits_(limits), row_(limits.row_min) {}

  /// A turn took so long.
  void ran(std::chrono::nanoseconds took) {
    const auto row = row_.load(std::memory_order_relaxed);
    if (took > limits_.quick_max) {
      quick_.store(0, std::memory_order_relaxed);
      row_.store(std::min(row * 2, limits_.row_max), std::memory_order_relaxed);
      return;
    }
    const auto quick = quick_.load(std::memory_order_relaxed);
    if (quick < row * forgiven_after) {
      quick_.store(quick + 1, std::memory_order_relaxed);
    } else if (row > limits_.row_min) {
      row_.store(std::max(row / 2, limits_.row_min), std::memory_order_relaxed);
      quick_.store(row, std::memory_order_relaxed);
    }
  }

  [[nodiscard]] bool is_quick() const {
    return quick_.load(std::memory_order_relaxed) >= row_.load(std::memory_order_relaxed);
  }

 private:
  static constexpr std::uint32_t forgiven_after = 16;  // rows

  const Limits limits_;
  std::atomic<std::uint32_t> quick_{0};  ///< in a row
  std::atomic<std::uint32_t> row_;       ///< how many are asked for
};

}  // namespace perdure::runtime
