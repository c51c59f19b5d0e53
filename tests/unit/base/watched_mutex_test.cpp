// SPDX-License-Identifier: Apache-2.0
// Locks that a thread holds are counted, and what must be called without one says so.
#include "perdure/base/watched_mutex.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace perdure {
namespace {

TEST(WatchedMutexes, are_counted_by_the_thread_that_holds_them) {
  WatchedMutex one;
  WatchedMutex other;
  {
    const std::scoped_lock lock{one, other};
    EXPECT_EQ(WatchedMutex::held_here(), 2);
    std::thread{[&] {
      EXPECT_EQ(WatchedMutex::held_here(), 0);
      EXPECT_FALSE(one.try_lock());
      EXPECT_EQ(WatchedMutex::held_here(), 0) << "what was not locked is not held";
    }}.join();
  }
  EXPECT_EQ(WatchedMutex::held_here(), 0);
}

TEST(WatchedMutexes, abort_at_an_entry_where_they_are_watched) {
  const LockWatch watch;
  WatchedMutex mutex;
  check_holds_no_lock("the entry");
  const std::scoped_lock lock{mutex};
  EXPECT_DEATH(check_holds_no_lock("the entry"), "the entry");
}

TEST(WatchedMutexes, may_be_held_by_checks_of_invariants) {
  const LockWatch watch;
  WatchedMutex mutex;
  const std::scoped_lock lock{mutex};
  const LockPardon pardon;
  check_holds_no_lock("the entry");
}

}  // namespace
}  // namespace perdure
