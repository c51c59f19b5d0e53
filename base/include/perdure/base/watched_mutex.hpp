// SPDX-License-Identifier: Apache-2.0
// WatchedMutex: a mutex that lets a thread know how many it holds.
//
// What may take long, or come back in, is called without a lock: the store, the runtime, handlers
// and answers. `check_holds_no_lock` stands at their entries. It looks in debug builds, and in
// every build on a thread that has a LockWatch; the simulation's have one.
//
// Costs    an increment of the thread's own counter for each lock.
// Threads  as std::mutex. A condition needs std::condition_variable_any.
#pragma once

#include <mutex>
#include <string_view>

#include "perdure/base/check.hpp"

namespace perdure {

class WatchedMutex {
 public:
  void lock() {
    mutex_.lock();
    ++held_;
  }
  [[nodiscard]] bool try_lock() {
    if (!mutex_.try_lock()) return false;
    ++held_;
    return true;
  }
  void unlock() {
    --held_;
    mutex_.unlock();
  }

  /// How many of them this thread holds.
  [[nodiscard]] static int held_here() { return held_; }

 private:
  std::mutex mutex_;
  static constinit inline thread_local int held_ = 0;
};

/// While it lives, its thread is checked at the entries.
class LockWatch {
 public:
  LockWatch() { ++watches_; }
  ~LockWatch() { --watches_; }
  LockWatch(const LockWatch&) = delete;
  LockWatch& operator=(const LockWatch&) = delete;

  [[nodiscard]] static bool is_on() { return watches_ > 0; }

 private:
#ifdef NDEBUG
  static constinit inline thread_local int watches_ = 0;
#else
  static constinit inline thread_local int watches_ = 1;
#endif
};

/// While it lives, its thread may hold locks at the entries: for checks of invariants, which
/// compare what a lock guards with the store.
class LockPardon {
 public:
  LockPardon() { ++pardons_; }
  ~LockPardon() { --pardons_; }
  LockPardon(const LockPardon&) = delete;
  LockPardon& operator=(const LockPardon&) = delete;

  [[nodiscard]] static bool is_on() { return pardons_ > 0; }

 private:
  static constinit inline thread_local int pardons_ = 0;
};

/// Aborts when this thread holds a lock, is watched, and has no pardon. `entry` names what was
/// called.
inline void check_holds_no_lock(std::string_view entry) {
  if (WatchedMutex::held_here() == 0 || !LockWatch::is_on()) [[likely]] {
    return;
  }
  PERDURE_CHECK(LockPardon::is_on(), entry);
}

}  // namespace perdure
