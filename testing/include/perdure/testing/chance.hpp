// SPDX-License-Identifier: Apache-2.0
// Chance: where all choices of a simulated run come from. The same seed gives the same choices, and
// each of them is part of the run's trace, so that two runs can be compared.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <string_view>
#include <vector>

#include "perdure/base/check.hpp"

namespace perdure::testing {

/// A hash of all that was chosen and noted, in order: equal for two runs that went the same way.
class Trace {
 public:
  void note(std::uint64_t value) { hash_ = (hash_ ^ value) * 0x100000001B3ULL; }
  [[nodiscard]] std::uint64_t hash() const { return hash_; }

 private:
  std::uint64_t hash_ = 0xCBF29CE484222325ULL;
};

/// Threads  one.
class Chance {
 public:
  /// A stream of choices of its own: those of another `purpose` do not move it, so that a run can
  /// be changed in one respect and stay the same in all others. `trace` is shared by all streams
  /// of a run.
  Chance(std::uint64_t seed, std::string_view purpose, std::shared_ptr<Trace> trace);

  /// 0 <= result < bound. Shape: bound > 0.
  std::uint64_t below(std::uint64_t bound) {
    PERDURE_CHECK(bound > 0, "a choice among none");
    return note(engine_() % bound);
  }
  /// True once in `n` times; never for 0.
  bool one_in(std::uint64_t n) { return n > 0 && below(n) == 0; }
  /// One of `all`, which must not be empty.
  template <class T>
  const T& pick(const std::vector<T>& all) {
    return all[below(all.size())];
  }
  /// Mixes an observation into the trace: what a run should see again when it is repeated.
  std::uint64_t note(std::uint64_t value) {
    trace_->note(value);
    return value;
  }
  /// The trace of the whole run so far.
  [[nodiscard]] std::uint64_t trace() const { return trace_->hash(); }

 private:
  std::mt19937_64 engine_;
  const std::shared_ptr<Trace> trace_;  // shared by the streams of a run
};

}  // namespace perdure::testing
