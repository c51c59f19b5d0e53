// SPDX-License-Identifier: Apache-2.0
// WaitGraph: who waits for whom: flows that hold objects and wait for others, and transactions. A
// waiter that would close a circle is refused before it waits, so no circle ever stands.
//
// A waiter waits for an object, and so for whoever holds it; or for the flow that answers its ask.
// It waits for one thing at a time, so a look along the chain finds every circle.
//
// Limits  it has no more waiters than there are flows and transactions under way.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <variant>

#include "perdure/base/object_id.hpp"
#include "perdure/base/watched_mutex.hpp"

namespace perdure::runtime {

/// Threads  any.
class WaitGraph {
 public:
  using Waiter = std::uint64_t;

  /// `of` is the object that it runs on, for the path that an error shows.
  [[nodiscard]] Waiter enter(const ObjectId& of);
  /// Forgets all of a waiter, the objects that it holds included.
  void leave(Waiter waiter);
  /// Nobody else gets on with the object until `lets_go` or `leave`.
  void holds(Waiter waiter, const ObjectId& object);

  /// It begins to wait for an object. Errors: conflict (`deadlock`) with the path, where the object
  /// waits for it already.
  [[nodiscard]] Result<void> waits_for(Waiter waiter, const ObjectId& object);
  /// What it asked for has begun, and is a waiter itself.
  void waits_for(Waiter waiter, Waiter callee);
  void goes_on(Waiter waiter);

  [[nodiscard]] std::size_t waiters() const;
  /// Nobody waits for somebody who waits for him. Aborts otherwise.
  void check_invariants() const;

 private:
  struct Known {
    ObjectId of;
    std::vector<ObjectId> held = {};
    std::variant<std::monostate, ObjectId, Waiter> waits = {};
  };
  /// The waiter that `known` waits for; 0: none.
  [[nodiscard]] Waiter next(const Known& known) const;

  mutable WatchedMutex mutex_;  // guards the rest
  Waiter last_ = 0;
  std::unordered_map<Waiter, Known> waiters_;
  std::unordered_map<ObjectId, Waiter> holders_;
};

}  // namespace perdure::runtime
