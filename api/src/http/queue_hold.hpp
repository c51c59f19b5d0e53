// SPDX-License-Identifier: Apache-2.0
// Counts what waits to be sent to one client, in steps: most messages cost no look at the budget.
#pragma once

#include <cstddef>
#include <utility>

#include "perdure/base/memory_budget.hpp"

namespace perdure::http {

/// Threads  none of its own: the queue's lock guards it.
/// Limits   the first `step_bytes` are not counted; a chunk that clients share counts for each.
class QueueHold {
 public:
  static constexpr std::size_t step_bytes = std::size_t{16} * 1024;

  explicit QueueHold(Hold hold) : hold_(std::move(hold)) {}

  /// Whether the queue may be so long.
  [[nodiscard]] bool takes(std::size_t bytes) {
    const auto wanted = counted(bytes);
    return wanted <= hold_.bytes() || hold_.resize(wanted) == Fit::yes;
  }
  /// The queue was empty, and has so long a first chunk: it is taken, and counted if it can be.
  void take_first(std::size_t bytes) { is_counted_ = takes(bytes); }
  /// The queue has become so long. Aborts a debug build in which it was not asked for.
  void check(std::size_t bytes) const {
    if (is_counted_) hold_.check_covers(counted(bytes));
  }

  /// The queue has become so short.
  void shrink(std::size_t bytes) {
    const auto wanted = counted(bytes);
    is_counted_ = is_counted_ || bytes == 0;
    if (wanted == 0 || wanted <= hold_.bytes() / 2) static_cast<void>(hold_.resize(wanted));
  }

 private:
  static std::size_t counted(std::size_t bytes) {
    return bytes <= step_bytes ? 0 : (bytes + step_bytes - 1) / step_bytes * step_bytes;
  }

  Hold hold_;
  bool is_counted_ = true;  ///< but for a first chunk that found no room
};

}  // namespace perdure::http
