// SPDX-License-Identifier: Apache-2.0
// FlightShares: how many calls each caller has in flight, counted without a lock.
//
// The counts are kept by two hashes, in two rows of cells, and a caller's count is the smaller of
// its two cells. So it is never too low, and too high only for one who shares both of them with
// others: beside one caller that fills its share, for one caller in 67 million.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "perdure/base/fair_queue.hpp"

namespace perdure::runtime {

/// Threads  any.
/// Limits   64 KiB, however many callers there are.
class FlightShares {
 public:
  /// One more call of `caller`; false when it has `most` already.
  [[nodiscard]] bool take(OwnerKey caller, std::size_t most) {
    const auto first = first_of(caller).fetch_add(1, std::memory_order_relaxed);
    const auto second = second_of(caller).fetch_add(1, std::memory_order_relaxed);
    if (first < most || second < most) return true;
    give_back(caller);
    return false;
  }
  void give_back(OwnerKey caller) {
    first_of(caller).fetch_sub(1, std::memory_order_relaxed);
    second_of(caller).fetch_sub(1, std::memory_order_relaxed);
  }
  /// Calls of all callers. For checks, while none come and go.
  [[nodiscard]] std::size_t total() const {
    std::size_t sum = 0;
    for (const auto& cell : first_) sum += cell.load();
    return sum;
  }

 private:
  static constexpr std::size_t cells = 8'192;
  using Row = std::array<std::atomic<std::uint32_t>, cells>;

  std::atomic<std::uint32_t>& first_of(OwnerKey caller) { return first_[caller % cells]; }
  std::atomic<std::uint32_t>& second_of(OwnerKey caller) { return second_[(caller >> 32) % cells]; }

  Row first_{};
  Row second_{};
};

}  // namespace perdure::runtime
