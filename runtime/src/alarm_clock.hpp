// SPDX-License-Identifier: Apache-2.0
// AlarmClock: finds alarms that are due, and has them fired at a bounded pace.
//
// Only the near window is in memory: the store keeps all alarms by due time, and the clock reads
// the next stretch of them now and then. A commit that sets an alarm within the window adds it. An
// alarm that was moved meanwhile is recognised when it fires, so an entry too many does no harm.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <set>

#include "envelope.hpp"
#include "perdure/storage/store.hpp"

namespace perdure::runtime {

/// Threads  set, and the callbacks that it hands out: any. step, next: one thread.
class AlarmClock {
 public:
  /// Runs an alarm as a turn of its object; `done` hears whether it has been dealt with.
  using Fire = std::function<void(const ObjectId&, Tick, std::function<void(bool)> done)>;

  AlarmClock(const storage::Store& store, const Clock& clock, Fire fire);

  /// A commit has set an alarm.
  void set(const ObjectId& object, const std::string& name, Timestamp due);

  /// Fires what is due. True when it fired something.
  bool step();
  /// When `step` has something to do again, at the latest.
  [[nodiscard]] Timestamp next() const;
  /// What is known is forgotten, and read again: the store was exchanged.
  void reset();

  /// All alarms that the store has within the window are in it or run. Aborts otherwise.
  void check_invariants() const;

 private:
  struct Due {
    Timestamp due;
    ObjectId object;
    std::string name;
    auto operator<=>(const Due&) const = default;
  };

  void read_window(Timestamp now);
  void finished(const Due& due, bool dealt_with);

  const storage::Store& store_;
  const Clock& clock_;
  const Fire fire_;

  mutable std::mutex mutex_;  // guards the rest
  std::set<Due> window_;  ///< all that is due before window_end_ and not running, and maybe more
  std::set<Due> running_;
  Timestamp window_end_ = Timestamp::min();
  Milliseconds read_not_before_{0};  ///< monotonic: something could not be run, or read
};

}  // namespace perdure::runtime
