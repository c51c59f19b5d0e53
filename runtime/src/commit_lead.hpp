// SPDX-License-Identifier: Apache-2.0
// CommitLead: which thread commits what waits, and who is woken for it.
//
// One thread leads at a time, and only it takes batches. The committer's own thread leads when it
// was woken. A thread that is lent for commits does so before it sleeps: what it submits wakes
// nobody. Whoever ends a lead looks once more whether something waits, so that what came meanwhile
// is nobody's to miss. A lent thread that still has something to commit comes again after it has
// served what it is there for.
#pragma once

#include "perdure/base/check.hpp"

namespace perdure::runtime {

enum class Submitter {
  lent,  ///< it will ask for the lead before it sleeps
  other,
};

/// Threads  under the lock of what waits.
class CommitLead {
 public:
  /// Something waits now. True: the own thread is to be woken.
  [[nodiscard]] bool submitted(Submitter by) {
    // Who leads will look again.
    if (by == Submitter::lent || leading_ || !sleeping_) return false;
    sleeping_ = false;
    return true;
  }

  /// False: another thread leads, and sees to what waits.
  [[nodiscard]] bool begin() {
    if (leading_) return false;
    return leading_ = true;
  }

  /// The leader has settled its batch. The own thread goes on as long as something waits; a lent
  /// one comes again.
  void end() {
    PERDURE_CHECK(leading_, "who ends a lead has begun one");
    leading_ = false;
  }

  /// The own thread found nothing to do. It sleeps until `is_asleep` is false.
  void sleep() { sleeping_ = true; }
  void wake() { sleeping_ = false; }
  [[nodiscard]] bool is_asleep() const { return sleeping_; }
  [[nodiscard]] bool is_led() const { return leading_; }

 private:
  bool leading_ = false;
  bool sleeping_ = false;
};

}  // namespace perdure::runtime
