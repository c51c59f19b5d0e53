// SPDX-License-Identifier: Apache-2.0
// Lanes: which items of the outbox wait for which. Items of one lane go one after another, in the
// order of their positions; lanes know nothing of each other.
//
// Messages of one pair of objects share a lane. An effect has one of its own, and so has a cancel:
// it must not wait for the effect that it cancels.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "outbox_item.hpp"

namespace perdure::runtime {

/// Threads  none of its own: the pump locks.
class Lanes {
 public:
  using Position = std::uint64_t;
  /// From and to, or from and the effect's id.
  using Name = std::pair<std::string, std::string>;

  [[nodiscard]] static Name of(const Sent& sent);
  [[nodiscard]] static Name of_messages(const ObjectId& from, const ObjectId& to);
  [[nodiscard]] static Name of_effect(const ObjectId& from, const std::string& effect_id);

  /// Puts an item at the end of its lane. True: nothing is before it.
  /// Shape: it is behind all that the lane has.
  bool enter(Name lane, Position position);
  /// The first item of a lane is through. Returns the one that is first now; none: the lane ends.
  /// Shape: there is such a lane.
  std::optional<Position> leave(const Name& lane);
  /// None: there is no such lane.
  [[nodiscard]] std::optional<Position> first(const Name& lane) const;
  void clear() { lanes_.clear(); }

  /// Calls `visit` with each lane's name and its items' positions.
  template <class Visit>
  void each(const Visit& visit) const {
    for (const auto& [name, positions] : lanes_) visit(name, positions);
  }
  /// No lane is empty, or out of order. Aborts otherwise.
  void check_invariants() const;

 private:
  std::map<Name, std::deque<Position>> lanes_;
};

}  // namespace perdure::runtime
