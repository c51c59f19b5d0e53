// SPDX-License-Identifier: Apache-2.0
// Who attends to an object from outside: readers of its streams, listeners to its signals. They may
// do so for as long as they may read the object.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <utility>

#include "kind_table.hpp"
#include "perdure/runtime/access.hpp"
#include "perdure/storage/store.hpp"

namespace perdure::runtime {

/// Calls whoever waits, and nobody any more once it is closed.
///
/// Threads  any. `close` waits for a call that runs.
class Waker {
 public:
  explicit Waker(std::function<void()> wake) : wake_(std::move(wake)) {}
  void call() {
    const std::scoped_lock lock{mutex_};
    if (wake_) wake_();
  }
  void close() {
    const std::scoped_lock lock{mutex_};
    wake_ = nullptr;
  }

 private:
  std::mutex mutex_;  // its holder runs the host's code, which ends no reader
  std::function<void()> wake_;
};

/// One who attends. What is not const is guarded by the lock of whatever it stands in.
struct Attendee {
  Attendee(Principal who, std::function<void()> wake)
      : principal(std::move(who)), waker(std::move(wake)) {}

  const Principal principal;
  Waker waker;
  bool waits = false;              ///< has found nothing, and has not been called since
  std::optional<Error> over = {};  ///< for good
};

/// What keeps `who` from reading an object as it is now.
[[nodiscard]] std::optional<Error> refusal_to_attend(const Principal& who, const ObjectMeta& meta,
                                                     Reach reach);

/// The same of an object as it is stored. Errors: not_found, forbidden; those of the store.
[[nodiscard]] Result<void> may_attend(const storage::Store& store, const KindTable& kinds,
                                      const ObjectId& object, const Principal& who);

}  // namespace perdure::runtime
