// SPDX-License-Identifier: Apache-2.0
// Unstored: objects whose newest state is in memory alone (Durability::memory), by since when.
#pragma once

#include <deque>
#include <vector>

#include "cell.hpp"
#include "perdure/base/watched_mutex.hpp"

namespace perdure::runtime {

/// Threads  any.
class Unstored {
 public:
  explicit Unstored(const Clock& clock) : clock_(clock) {}

  void add(CellPtr cell) {
    const auto now = clock_.monotonic();
    const std::scoped_lock lock{mutex_};
    objects_.push_back({now, std::move(cell)});
  }
  /// Takes out those that have been there for at least so long.
  [[nodiscard]] std::vector<CellPtr> take_since(Milliseconds age) {
    const auto until = clock_.monotonic() - age;
    std::vector<CellPtr> taken;
    const std::scoped_lock lock{mutex_};
    while (!objects_.empty() && objects_.front().since <= until) {
      taken.push_back(std::move(objects_.front().cell));
      objects_.pop_front();
    }
    return taken;
  }

 private:
  struct Object {
    Milliseconds since;
    CellPtr cell;
  };
  const Clock& clock_;
  WatchedMutex mutex_;          // guards the rest
  std::deque<Object> objects_;  ///< oldest first
};

}  // namespace perdure::runtime
