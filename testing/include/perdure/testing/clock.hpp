// SPDX-License-Identifier: Apache-2.0
// SimulatedClock: time that stands still unless it is moved.
#pragma once

#include "perdure/base/time.hpp"

namespace perdure::testing {

/// Begins in June 2025. The wall clock may step back; the monotonic one never does.
/// Threads  one.
class SimulatedClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const override { return now_; }
  [[nodiscard]] Milliseconds monotonic() const override { return monotonic_; }
  /// Time passes, on both clocks.
  void advance(Milliseconds by) {
    now_ += by;
    monotonic_ += by;
  }
  /// Somebody sets the wall clock, forwards or back.
  void step_wall(Milliseconds by) { now_ += by; }

 private:
  Timestamp now_ = from_unix_ms(1'750'000'000'000);
  Milliseconds monotonic_{1'000};
};

}  // namespace perdure::testing
