// SPDX-License-Identifier: Apache-2.0
// TurnRandom: the numbers of one turn, which are the same in each of its runs.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>

#include "perdure/base/random.hpp"

namespace perdure::runtime {

/// SplitMix64 (Steele, Lea and Flood, 2014): a turn draws a few numbers, and setting up an engine
/// of the library costs more than many of these.
///
/// Threads  the turn's.
class TurnRandom final : public Random {
 public:
  explicit TurnRandom(std::uint64_t seed) : state_(seed) {}

  void fill(std::span<std::uint8_t> bytes) override {
    while (!bytes.empty()) {
      const auto word = draw();
      const auto size = std::min(bytes.size(), sizeof word);
      std::memcpy(bytes.data(), &word, size);
      bytes = bytes.subspan(size);
    }
  }

 private:
  std::uint64_t draw() noexcept {
    std::uint64_t word = state_ += 0x9E3779B97F4A7C15;
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9;
    word = (word ^ (word >> 27)) * 0x94D049BB133111EB;
    return word ^ (word >> 31);
  }

  std::uint64_t state_;
};

}  // namespace perdure::runtime
