// SPDX-License-Identifier: Apache-2.0
// UseOrder: which object was used when, so that the longest idle ones go first.
#pragma once

#include <list>

namespace perdure::runtime {

class Cell;

/// The cells of a shard in the order of their last use, and how far from the front their actors
/// have been looked at.
class UseOrder {
 public:
  using Place = std::list<Cell*>::iterator;

  [[nodiscard]] Place add(Cell& cell);
  void use(Place place);
  void remove(Place place);
  /// The cell that has not been looked at for the longest time, or null. `pass` goes to the next.
  [[nodiscard]] Cell* next_to_rest() const {
    return looked_at_ == cells_.end() ? nullptr : *looked_at_;
  }
  void pass() { ++looked_at_; }

  [[nodiscard]] bool empty() const { return cells_.empty(); }
  [[nodiscard]] std::size_t size() const { return cells_.size(); }
  [[nodiscard]] Cell& front() const { return *cells_.front(); }
  [[nodiscard]] Place begin() { return cells_.begin(); }
  [[nodiscard]] Place end() { return cells_.end(); }

 private:
  std::list<Cell*> cells_;
  Place looked_at_ = cells_.end();  ///< the first one that was not
};

}  // namespace perdure::runtime
