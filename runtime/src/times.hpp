// SPDX-License-Identifier: Apache-2.0
// Times: what time it is, for each purpose. docs/clocks.md says which clock each part goes by.
//
// The wall clock may be set, in either direction, at any moment. Within a process the monotonic
// clock tells how long something took all the same; across a restart nobody knows.
#pragma once

#include <cstdint>
#include <deque>

#include "perdure/base/time.hpp"
#include "perdure/base/watched_mutex.hpp"

namespace perdure::runtime {

/// Threads  any.
/// Limits   the 64 newest steps of the wall clock are told apart; older ones count as one.
class Times {
 public:
  /// `id` is another one in each process that opens a store.
  Times(const Clock& clock, std::uint64_t id);

  /// As people and other machines have it.
  [[nodiscard]] Timestamp wall() const { return clock_.now(); }
  /// For durations: the wall clock's time when the process began, and what has passed since.
  [[nodiscard]] Timestamp steady() const { return start_ + clock_.monotonic(); }
  /// For forgetting: what the wall clock stamped within the last `window` is younger than
  /// `window` by this time, however the clock was set meanwhile. Never later than `wall`.
  [[nodiscard]] Timestamp sure(Milliseconds window) const;
  /// When the process began, as the wall clock would call it by now.
  [[nodiscard]] Timestamp began() const { return clock_.now() - (clock_.monotonic() - begun_); }

  /// Looks whether the wall clock has been set. To be called now and then.
  void look() const;
  /// Stretches follow each other. Aborts otherwise.
  void check_invariants() const;
  /// How often it was seen to have been set back.
  [[nodiscard]] std::uint64_t times_set_back() const;
  [[nodiscard]] std::uint64_t id() const { return id_; }

  /// Where smaller changes of the wall clock have added up to this since the last step, that is a
  /// step. (Slewing, as NTP does it, moves both clocks alike, and adds up to nothing.)
  static constexpr Milliseconds step_min{100};

 private:
  using Offset = Timestamp;  ///< wall less monotonic
  /// A stretch in which the wall clock went as the monotonic one does.
  struct Stretch {
    Milliseconds end;  ///< monotonic: when it was last seen
    Offset base;       ///< right after the step that began it
    Offset least;
  };
  static constexpr std::size_t stretches_max = 64;

  void look_locked() const;

  const Clock& clock_;
  const std::uint64_t id_;
  const Milliseconds begun_;
  const Offset start_;

  mutable WatchedMutex mutex_;  // guards the rest
  mutable std::deque<Stretch> stretches_;
  mutable std::uint64_t times_set_back_ = 0;
};

}  // namespace perdure::runtime
