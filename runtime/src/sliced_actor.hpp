// SPDX-License-Identifier: Apache-2.0
// SlicedActor: an actor that gives its thread back after a slice, however full its mailbox is.
//
// CAF lets an actor go on for as long as it has messages (`scheduler.max-throughput` is unlimited),
// so one whose mailbox never empties keeps a worker from all others. A slice ends after a bounded
// number of messages, and after a bounded time: a message that runs is never interrupted, but no
// other one begins. The scheduler then decides who is next (fair_scheduler.hpp); so slices hold on
// a host's own actor system, too, with its scheduler.
#pragma once

#include <algorithm>
#include <chrono>

#include "handover.hpp"
#include "owned.hpp"
#include "perdure/base/check.hpp"

namespace perdure::runtime {

/// Taking turns costs about as much as a short turn, so a slice has several of them.
inline constexpr std::size_t slice_messages_max = 16;
inline constexpr std::chrono::nanoseconds slice_time_max = std::chrono::milliseconds{1};

class SlicedActor : public OrderedActor, public Owned {
 public:
  using OrderedActor::OrderedActor;

  resume_result resume(caf::execution_unit* unit, std::size_t messages_max) final {
    const auto most = std::min(messages_max, slice_messages_max);
    handled_ = 0;
    if (most <= 1) return OrderedActor::resume(unit, most);
    const auto end = std::chrono::steady_clock::now() + slice_time_max;
    for (std::size_t messages = 1;; ++messages) {
      const auto result = OrderedActor::resume(unit, 1);
      // Otherwise another thread may be running it by now, or nobody ever will.
      if (result != resume_later || messages >= most) return result;
      if (std::chrono::steady_clock::now() >= end) return result;
    }
  }

 protected:
  /// To be called for each message. A debug build aborts when a slice has too many.
  void count_message() {
    ++handled_;
#ifndef NDEBUG
    PERDURE_CHECK(handled_ <= slice_messages_max, "a slice has passed its bound of messages");
#endif
  }

 private:
  std::size_t handled_ = 0;  ///< messages of this slice
};

}  // namespace perdure::runtime
