// SPDX-License-Identifier: Apache-2.0
// Inputs near those of a corpus. It sees no coverage, as libFuzzer does, but it runs in any build:
// the corpus, which libFuzzer made, is the coverage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace perdure::fuzz {

/// The same inputs for the same corpus and seed.
class Variations {
 public:
  static constexpr std::size_t bytes_max = 4096;

  /// Shape  at least one input.
  Variations(std::vector<std::string> corpus, std::uint64_t seed);

  /// One of the corpus with one to four changes.
  [[nodiscard]] std::string next();

 private:
  /// From 0 to below `bound`, which is not 0.
  std::size_t below(std::size_t bound);
  const std::string& any_input();
  void change(std::string& input);
  void change_number(std::string& input);

  std::vector<std::string> corpus_;
  std::mt19937_64 engine_;
};

}  // namespace perdure::fuzz
