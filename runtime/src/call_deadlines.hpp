// SPDX-License-Identifier: Apache-2.0
// CallDeadlines: which calls somebody waits for, and until when. A ring of slots, one for each tick
// of time; a call stands in the slot of its deadline, in a list that is made of the calls
// themselves. To enter and to leave takes one short lock of one slot, and no memory.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <thread>

#include "perdure/base/time.hpp"
#include "perdure/base/watched_mutex.hpp"

namespace perdure::runtime {

class PendingCall;

/// A place in the ring. Guarded by its slot's mutex, but for `slot`, which is the call's own.
struct DeadlinePlace {
  PendingCall* previous = nullptr;
  PendingCall* next = nullptr;
  Milliseconds at{0};  ///< by the monotonic clock
  int slot = -1;       ///< -1: it never had a place
  bool is_in = false;
};

/// Threads  any; step: one.
class CallDeadlines {
 public:
  /// How late a deadline is at most, but for the scheduler's share.
  static constexpr Milliseconds tick{64};

  explicit CallDeadlines(const Clock& clock) : clock_(clock) {}
  ~CallDeadlines() { stop(); }

  /// Shape: once for each call, before it can be answered.
  void add(PendingCall& call, Milliseconds from_now);
  void remove(PendingCall& call);
  /// Ends the calls whose time has passed.
  void step();
  /// Has a thread of its own do the steps, as long as there are calls, from the first one on.
  void run_by_itself() { has_thread_ = true; }
  void stop();

 private:
  struct Slot {
    WatchedMutex mutex;  // guards the list
    PendingCall* first = nullptr;
  };
  static constexpr std::size_t slots = 1'024;

  [[nodiscard]] static std::int64_t tick_of(Milliseconds at) { return at / tick; }
  void unlink(Slot& slot, PendingCall& call);
  void step_slot(Slot& slot, Milliseconds now);
  [[nodiscard]] bool is_empty();
  void wake();
  void run();

  const Clock& clock_;
  std::array<Slot, slots> slots_;
  std::int64_t stepped_ = -1;  ///< the last tick whose slot has been looked at; of `step`
  bool has_thread_ = false;
  std::atomic<bool> asleep_{true};

  WatchedMutex mutex_;  // guards the rest
  std::condition_variable_any woken_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace perdure::runtime
