// SPDX-License-Identifier: Apache-2.0
// InFlight: keeps an object's cell where it is while a call runs on it, or a transaction holds it.
#pragma once

#include <memory>

#include "flights.hpp"

namespace perdure::runtime {

class Cell;
using CellPtr = std::shared_ptr<Cell>;  // shared by the map, the actor and envelopes on the way

/// What is counted on a cell. Counts itself down, once, by `land` or at its end.
///
/// Threads   one at a time.
/// Lifetime  may outlive the directory, which then counts nothing any more.
class InFlight {
 public:
  InFlight() = default;
  /// For the directory, which has counted it on the cell; without a seat it is counted nowhere.
  InFlight(CellPtr cell, Seat seat) : cell_(std::move(cell)), seat_(std::move(seat)) {}
  InFlight(InFlight&&) noexcept = default;
  InFlight& operator=(InFlight&& other) noexcept {
    std::swap(cell_, other.cell_);
    std::swap(seat_, other.seat_);
    return *this;
  }
  ~InFlight() { static_cast<void>(land()); }

  explicit operator bool() const { return static_cast<bool>(seat_); }
  /// Null before it is counted; stays after landing.
  [[nodiscard]] const CellPtr& cell() const { return cell_; }
  /// It waits for others; and not any more.
  void rest() { seat_.rest(); }
  void wake() { seat_.wake(); }
  /// Counts it down: the object is quiet from here on, if nothing else is in flight for it. The
  /// runtime stays until what this returns is gone. Does nothing when it has landed.
  Stay land();

 private:
  CellPtr cell_;
  Seat seat_;
};

}  // namespace perdure::runtime
